//! The streams of a journal: which logs there are and how they are named.

use std::{fmt, str::FromStr};

/// A typed, append-only, daily-rotated log of one kind of record; a folder under `logs/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Stream {
    /// Entries and exits, the 27-field audit trail.
    Trades,
    /// Rolling windows and alerts.
    PerformanceAlerts,
    /// Circuit breakers and limits.
    RiskManagement,
    /// One line a run of a bot.
    Sessions,
    /// Fills of the trade logger.
    Fills,
    /// Decisions of the trade logger.
    Decisions,
    /// Errors of the trade logger.
    Errors,
    /// Every outside call of a bot.
    Calls,
    /// What the journal itself did.
    Audit,
}

/// A name that is no stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no stream is called `{name}`; there are {}", Stream::names())]
pub struct UnknownStream {
    /// The name as it was given.
    pub name: String,
}

impl Stream {
    /// Every stream, in the order people see them.
    pub const ALL: [Stream; 9] = [
        Stream::Trades,
        Stream::PerformanceAlerts,
        Stream::RiskManagement,
        Stream::Sessions,
        Stream::Fills,
        Stream::Decisions,
        Stream::Errors,
        Stream::Calls,
        Stream::Audit,
    ];

    /// Its name on disk and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Stream::Trades => "trades",
            Stream::PerformanceAlerts => "performance-alerts",
            Stream::RiskManagement => "risk-management",
            Stream::Sessions => "sessions",
            Stream::Fills => "fills",
            Stream::Decisions => "decisions",
            Stream::Errors => "errors",
            Stream::Calls => "calls",
            Stream::Audit => "audit",
        }
    }

    /// Whether several processes write it at once, each taking the lock for one append.
    #[must_use]
    pub const fn is_shared(self) -> bool {
        matches!(
            self,
            Stream::Audit | Stream::Sessions | Stream::RiskManagement
        )
    }

    fn names() -> String {
        Stream::ALL.map(Stream::name).join(", ")
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Stream {
    type Err = UnknownStream;

    fn from_str(name: &str) -> Result<Stream, UnknownStream> {
        let known = Stream::ALL.into_iter().find(|it| it.name() == name);
        known.ok_or_else(|| UnknownStream {
            name: name.to_owned(),
        })
    }
}
