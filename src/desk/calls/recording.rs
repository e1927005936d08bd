//! A recording: the outermost calls of a bot in the order of their lines, and what was lost.
//!
//! Always true:
//! - A call that was made inside another recorded one is counted and not kept: its outer call answers for it.
//! - A line with the role `gap` is a [`Gap`] and no call.
//!
//! Not here: what two recordings differ in.

use std::ops::ControlFlow;

use crate::desk::Unread;
use crate::journal::line::Tail;
use crate::journal::{Journal, ReadError, Reader};
use crate::record::field::{Json, Meaning, Word};
use crate::record::{CallRecord, Invalid, Record as _, SessionRecord};
use crate::time::Timestamp;

/// A call and where it stands.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Call {
    /// Its number in the stream; nothing where the line has none.
    pub seq: Option<u64>,
    /// On which line of a file it stands; nothing in a journal.
    pub line: Option<u64>,
    /// What was called, and what came back.
    pub record: CallRecord,
}

impl Call {
    /// Whether it is an output, such as an order that was placed.
    #[must_use]
    pub fn is_output(&self) -> bool {
        is_role(&self.record, "output")
    }
}

pub(super) fn is_role(record: &CallRecord, role: &str) -> bool {
    record.role().map(Word::as_str) == Some(role)
}

pub(super) fn is_nested(record: &CallRecord) -> bool {
    record.depth().is_some_and(|depth| depth != 0)
}

/// A place where calls were lost.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// The number of its line.
    pub seq: Option<u64>,
    /// When the first lost call was.
    pub from: Timestamp,
    /// When the last one was, where the line says so.
    pub to: Option<Timestamp>,
    /// How many were lost, where the line says so.
    pub lost: Option<u64>,
    /// Why.
    pub cause: Option<String>,
}

impl Gap {
    /// The gap that a line with that role tells of.
    pub(super) fn of(seq: Option<u64>, record: &CallRecord) -> Gap {
        let details = record.result().map_or(Meaning::Null, Json::meaning);
        let word = |key: &str| details.member(key).and_then(Meaning::as_word);
        let time = |key: &str| word(key).and_then(|it| it.parse().ok());
        Gap {
            seq,
            from: time("from").unwrap_or(record.timestamp()),
            to: time("to"),
            lost: word("lost").and_then(|it| it.parse().ok()),
            cause: word("cause").map(str::to_owned),
        }
    }
}

/// The calls of a bot.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Recording {
    /// Its outermost calls, in the order of their lines.
    pub calls: Vec<Call>,
    /// How many calls were made inside another recorded one.
    pub nested: u64,
    /// Where calls were lost.
    pub gaps: Vec<Gap>,
    /// What could not be read.
    pub unread: Unread,
}

impl Recording {
    /// Reads the calls that `reader` chose. `bad` is told of each line that cannot be read.
    pub fn read(reader: &Reader<CallRecord>, mut bad: impl FnMut(ReadError)) -> Recording {
        let mut recording = Recording::default();
        reader.visit_owned(|entry| {
            match entry {
                Ok(entry) => recording.add(entry.seq, entry.record),
                Err(error) => {
                    recording.unread.count(&error);
                    bad(error);
                }
            }
            ControlFlow::Continue(())
        });
        recording
    }

    /// Takes the line of that number in a file, with or without what a journal puts at its end.
    ///
    /// # Errors
    /// What keeps the line from being a call; it is counted as unread.
    pub fn add_line(&mut self, number: u64, line: &[u8]) -> Result<(), Invalid> {
        match CallRecord::decode(line) {
            Ok(record) => {
                let seq = Tail::parse(line).map(|it| it.seq);
                self.take(seq, Some(number), record);
                Ok(())
            }
            Err(invalid) => {
                self.unread.lines += 1;
                Err(invalid)
            }
        }
    }

    /// Takes the next call of a journal.
    pub fn add(&mut self, seq: Option<u64>, record: CallRecord) {
        self.take(seq, None, record);
    }

    fn take(&mut self, seq: Option<u64>, line: Option<u64>, record: CallRecord) {
        if is_role(&record, "gap") {
            self.gaps.push(Gap::of(seq, &record));
        } else if is_nested(&record) {
            self.nested += 1;
        } else {
            self.calls.push(Call { seq, line, record });
        }
    }
}

/// Why the calls of a session cannot be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// No session has an id that begins so.
    #[error("no session `{id}` in the journal")]
    None {
        /// What was asked for.
        id: String,
    },
    /// More than one has.
    #[error("{count} sessions begin with `{id}`")]
    Several {
        /// What was asked for.
        id: String,
        /// How many.
        count: usize,
    },
}

/// When a session began, and when the next one that was recorded did. `id` is its id or the beginning of it;
/// `bad` is told of each line of `sessions` that cannot be read.
///
/// # Errors
/// When none or several begin so.
pub fn session_span(
    journal: &Journal,
    id: &str,
    mut bad: impl FnMut(ReadError),
) -> Result<(Timestamp, Option<Timestamp>), SessionError> {
    let mut starts = Vec::new();
    let mut own = Vec::new();
    for entry in journal.read::<SessionRecord>() {
        match entry {
            Ok(entry) => {
                let start = entry.record.start_timestamp();
                let start = (start, entry.record.is_recorded());
                starts.push(start);
                if entry.record.session_id().to_string().starts_with(id) {
                    own.push(start);
                }
            }
            Err(error) => bad(error),
        }
    }
    let id = || id.to_owned();
    match own[..] {
        [] => Err(SessionError::None { id: id() }),
        [(start, is_recorded)] => {
            // A bot's other sessions end no recording.
            let later = |it: &(Timestamp, bool)| start < it.0 && it.1 >= is_recorded;
            let next = starts.into_iter().filter(later).map(|it| it.0).min();
            Ok((start, next))
        }
        _ => Err(SessionError::Several {
            id: id(),
            count: own.len(),
        }),
    }
}
