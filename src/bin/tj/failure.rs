//! How a command ends, and how its end is told: exit codes, the chain of an error, the hint.
//!
//! Always true:
//! - An error is printed once, here, as a chain from what was wanted to what the system said.
//! - A hint is printed only where there is something to do.
//!
//! Not here: what a command finds; that is its output and [`Verdict::Found`].

use std::{error::Error, fmt, process::ExitCode};

use crate::output::{StdoutClosed, Talk, printable};
use crate::remedy;

/// How a command that ran ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All is well: 0.
    Fine,
    /// Invalid input, damage, no match: 1.
    Found,
}

impl Verdict {
    pub(crate) fn found(is_found: bool) -> Verdict {
        if is_found {
            Verdict::Found
        } else {
            Verdict::Fine
        }
    }

    pub(crate) fn and(self, other: Verdict) -> Verdict {
        Verdict::found(self == Verdict::Found || other == Verdict::Found)
    }
}

/// An error of the program itself, with its remedy.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    hint: Option<String>,
    is_usage: bool,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// What was typed, or written in tj.toml, makes no sense: exit code 2.
    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure {
            is_usage: true,
            ..Failure::new(message)
        }
    }

    /// It could not run: exit code 3.
    pub(crate) fn new(message: impl Into<String>) -> Failure {
        Failure {
            message: message.into(),
            hint: None,
            is_usage: false,
            source: None,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Failure {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|it| it as &(dyn Error + 'static))
    }
}

/// Tells how it ended and makes it an exit code.
pub(crate) fn conclude(result: anyhow::Result<Verdict>, talk: &Talk) -> ExitCode {
    match result {
        Ok(Verdict::Fine) => ExitCode::SUCCESS,
        Ok(Verdict::Found) => ExitCode::from(1),
        // Whoever read the output has seen enough: `tj query trades | head`.
        Err(error) if error.chain().any(|it| it.is::<StdoutClosed>()) => ExitCode::SUCCESS,
        Err(error) => {
            talk.error(&printable(&format!("{error:#}")));
            if let Some(hint) = hint_of(&error) {
                talk.hint(&printable(&hint));
            }
            let is_usage = own(&error).any(|it| it.is_usage);
            ExitCode::from(if is_usage { 2 } else { 3 })
        }
    }
}

fn own(error: &anyhow::Error) -> impl Iterator<Item = &Failure> {
    error.chain().filter_map(|it| it.downcast_ref::<Failure>())
}

fn hint_of(error: &anyhow::Error) -> Option<String> {
    let hint = own(error).find_map(|it| it.hint.clone());
    hint.or_else(|| error.chain().find_map(remedy::of))
}
