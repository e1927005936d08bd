//! Executions while they are gathered, each with its line.
//!
//! Always true: they are in the order of the log.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::{Origin, SourceNotes};
use crate::books::tax::Execution;
use crate::journal::LineRef;
use crate::record::Stream;
use crate::time::{Day, Timestamp};

/// What one stream said.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) legs: Vec<Leg>,
    pub(super) notes: SourceNotes,
}

/// An execution and where it is written down.
#[derive(Clone, Debug)]
pub(super) struct Leg {
    /// Where in the log.
    pub(super) place: u64,
    pub(super) execution: Execution<'static>,
    pub(super) origin: Origin,
}

impl Gathered {
    pub(super) fn accounts(&self) -> BTreeSet<String> {
        let mut accounts = BTreeSet::new();
        for leg in &self.legs {
            let account = leg.execution.account_id.as_ref();
            if !accounts.contains(account) {
                accounts.insert(account.to_owned());
            }
        }
        accounts
    }

    pub(super) fn last(&self) -> Option<Timestamp> {
        self.legs.iter().map(|it| it.execution.at).max()
    }
}

/// Makes origins: the file of a line tells its day, and most lines are in the file of the one before.
#[derive(Debug)]
pub(super) struct Origins {
    stream: Stream,
    file: Option<(Arc<Path>, Option<Day>)>,
}

impl Origins {
    pub(super) fn of(stream: Stream) -> Origins {
        Origins { stream, file: None }
    }

    /// That of a line whose record is of `at`.
    pub(super) fn origin(&mut self, line: &LineRef<'_>, at: Timestamp) -> Origin {
        let file = line.position().file;
        let day = match &self.file {
            Some((known, day)) if Arc::ptr_eq(known, &file) => *day,
            _ => {
                let day = day_of(&file);
                self.file = Some((file, day));
                day
            }
        };
        let tail = line.tail();
        Origin {
            stream: self.stream,
            day: day.unwrap_or_else(|| at.day()),
            seq: tail.as_ref().map(|it| it.seq),
            hash: tail.map(|it| it.hash.to_string()),
        }
    }
}

/// The day that begins the name of its file.
fn day_of(file: &Path) -> Option<Day> {
    file.file_name()?.to_str()?.get(..10)?.parse().ok()
}
