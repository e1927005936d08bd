//! Which days and which records a reader wants.
//!
//! Always true:
//! - `from` belongs to the span, `to` does not.
//! - A day is left out only when its closing record proves that no record in it is wanted.
//!
//! Not here: opening the days.

use std::ops::RangeInclusive;

use super::layout::DayFile;
use super::position::{LineFault, ReadError};
use super::{Journal, members, spans};
use crate::record::Stream;
use crate::time::{Day, Timestamp};

/// The days and the span of record time that are wanted; all of them by default.
#[derive(Clone, Debug, Default)]
pub(super) struct Selection {
    /// Days of writing.
    pub(super) days: Option<RangeInclusive<Day>>,
    /// The first instant.
    pub(super) from: Option<Timestamp>,
    /// The first instant that is not wanted any more.
    pub(super) to: Option<Timestamp>,
}

/// A day that is to be read.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    /// The day and where it is.
    pub(super) file: DayFile,
    /// Whether it is the stream's newest: only there may a line be unfinished.
    pub(super) newest: bool,
}

impl Selection {
    /// Whether records are chosen by their time.
    pub(super) fn is_timed(&self) -> bool {
        self.from.is_some() || self.to.is_some()
    }

    /// Whether a record of this time is wanted.
    pub(super) fn holds(&self, time: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= time) && self.to.is_none_or(|to| time < to)
    }

    /// The days to read, oldest first.
    pub(super) fn list(&self, journal: &Journal, stream: Stream) -> Result<Vec<Listed>, ReadError> {
        let days = journal
            .layout()
            .days(&**journal.disk(), stream)
            .map_err(|source| ReadError::Days { stream, source })?;
        let newest = days.last().map(|it| it.day);
        let mut listed: Vec<Listed> = days
            .into_iter()
            .filter(|it| self.days.as_ref().is_none_or(|days| days.contains(&it.day)))
            .map(|file| Listed {
                newest: Some(file.day) == newest,
                file,
            })
            .collect();
        // The audit stream's own closing records are in the audit stream: it is read as it is.
        if self.is_timed() && stream != Stream::Audit && 1 < listed.len() {
            let spans = spans::load(journal, stream);
            listed.retain(|it| it.newest || spans.may_hold(journal, &it.file, self));
        }
        Ok(listed)
    }
}

/// The field that holds the time of a stream's records.
pub(super) fn time_field(stream: Stream) -> &'static str {
    match stream {
        Stream::Sessions => "start_timestamp",
        // Their `timestamp` is unix time; both always agree.
        Stream::Fills | Stream::Decisions | Stream::Errors => "datetime_utc",
        _ => "timestamp",
    }
}

/// The time that a member's value says.
pub(super) fn time_of(value: Option<&[u8]>, field: &'static str) -> Result<Timestamp, LineFault> {
    value
        .and_then(members::decoded)
        .and_then(|text| text.parse().ok())
        .ok_or(LineFault::NoTime { field })
}
