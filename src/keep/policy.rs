//! How long days stay where they are.
//!
//! Always true: a day is older than a policy says both by the clock and by the days that were closed since. A
//! clock that is far ahead makes nothing old, and neither does a bot that stands still.

use std::fmt;
use std::str::FromStr;

use crate::record::Stream;
use crate::time::Day;

/// A week has five days on which a market trades.
const TRADING_DAYS: (usize, usize) = (5, 7);

/// A number of days or of years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// So many days.
    Days(u16),
    /// So many years, to the same date; of 29 February, to 28 February.
    Years(u16),
}

/// A text that is no span.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a number of days or years like 90d or 7y, 1 or more, got {0:?}")]
pub struct SpanError(String);

impl Span {
    /// The first day on which what was written on `day` is as old as that.
    #[must_use]
    pub fn after(self, day: Day) -> Day {
        match self {
            Span::Days(days) => day.plus_days(days.into()),
            Span::Years(years) => day.plus_years(years.into()),
        }
    }

    /// How many days must have been closed since: as many as markets trade in that time.
    #[must_use]
    pub fn closed_days(self) -> usize {
        let days = match self {
            Span::Days(days) => usize::from(days),
            Span::Years(years) => usize::from(years) * 365,
        };
        let (part, of) = TRADING_DAYS;
        days * part / of
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Span::Days(days) => write!(f, "{days}d"),
            Span::Years(years) => write!(f, "{years}y"),
        }
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Span, SpanError> {
        let wrong = || SpanError(text.to_owned());
        let number = |digits: &str| {
            let is_plain = digits.bytes().all(|it| it.is_ascii_digit());
            let number: u16 = digits.parse().map_err(|_| wrong())?;
            (is_plain && number != 0)
                .then_some(number)
                .ok_or_else(wrong)
        };
        match (text.strip_suffix('d'), text.strip_suffix('y')) {
            (Some(days), _) => Ok(Span::Days(number(days)?)),
            // A journal of a hundred years is none of ours.
            (_, Some(years)) => match number(years)? {
                years @ ..=100 => Ok(Span::Years(years)),
                _ => Err(wrong()),
            },
            _ => Err(wrong()),
        }
    }
}

/// What becomes of a stream's days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// When a day goes from `logs/` into the archive; never without one.
    pub archive: Option<Span>,
    /// When a day is deleted from the archive; never without one.
    pub delete: Option<Span>,
}

/// A policy for each stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policies {
    policies: [(Stream, Policy); Stream::ALL.len()],
}

impl Default for Policies {
    fn default() -> Policies {
        Policies {
            policies: Stream::ALL.map(|it| (it, Policy::of(it))),
        }
    }
}

impl Policy {
    /// What holds for a stream where nobody says otherwise.
    #[must_use]
    pub fn of(stream: Stream) -> Policy {
        let (archive, delete) = match stream {
            Stream::Trades | Stream::Fills | Stream::Decisions | Stream::Errors => {
                (Some(Span::Days(90)), Some(Span::Years(7)))
            }
            // A year in the logs, and one more in the archive.
            Stream::PerformanceAlerts => (Some(Span::Years(1)), Some(Span::Years(2))),
            Stream::RiskManagement => (Some(Span::Years(1)), None),
            Stream::Calls => (Some(Span::Days(30)), Some(Span::Years(1))),
            // What was done, by whom and under which settings: it is asked for the whole journal's life.
            Stream::Sessions | Stream::Audit => (None, None),
        };
        Policy { archive, delete }
    }
}

impl Policies {
    /// The policy of a stream.
    #[must_use]
    pub fn of(&self, stream: Stream) -> Policy {
        let found = self.policies.iter().find(|it| it.0 == stream);
        found.map_or(Policy::of(stream), |it| it.1)
    }

    /// Another policy for a stream. What sessions and the audit tell is never deleted, whatever is said.
    pub fn set(&mut self, stream: Stream, policy: Policy) {
        let is_kept = matches!(stream, Stream::Sessions | Stream::Audit);
        let delete = policy.delete.filter(|_| !is_kept);
        for (_, own) in self.policies.iter_mut().filter(|it| it.0 == stream) {
            *own = Policy { delete, ..policy };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn a_span_ends_on_a_day_that_there_is() {
        let span: Span = "90d".parse().unwrap();
        assert_eq!(span.after(day("2025-10-26")), day("2026-01-24"));
        let span: Span = "7y".parse().unwrap();
        assert_eq!(span.after(day("2025-10-26")), day("2032-10-26"));
        assert_eq!(span.after(day("2024-02-29")), day("2031-02-28"));
        assert_eq!(
            "4y".parse::<Span>().unwrap().after(day("2024-02-29")),
            day("2028-02-29")
        );
        assert_eq!(
            (span.to_string(), span.closed_days()),
            ("7y".to_owned(), 1825)
        );
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for text in [
            "", "d", "0d", "90", "-1d", "+1d", "1.5y", "101y", "70000d", "7 y", "7Y",
        ] {
            let error = text.parse::<Span>().unwrap_err();
            assert!(error.to_string().contains("like 90d or 7y"), "{text}");
        }
    }

    #[test]
    fn sessions_and_audit_are_never_deleted() {
        let mut policies = Policies::default();
        let all = Policy {
            archive: Some(Span::Days(1)),
            delete: Some(Span::Days(2)),
        };
        for stream in Stream::ALL {
            policies.set(stream, all);
        }
        assert_eq!(policies.of(Stream::Trades), all);
        assert_eq!(policies.of(Stream::Audit).delete, None);
        assert_eq!(policies.of(Stream::Sessions).delete, None);
    }
}
