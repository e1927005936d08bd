//! Which times the records of a closed day have, from the closing records in `audit`.
//!
//! Always true:
//! - A day is said to hold nothing of a span only when its closing record says so and its file is
//!   still as long as that record says. Without such a record it may hold anything.
//! - Of several closing records of one day the widest span counts.
//!
//! Not here: whether the closing records are true; that is verification's.

use std::{cmp, collections::HashMap};

use super::Journal;
use super::layout::{DayFile, Place};
use super::selection::Selection;
use crate::record::{AuditEvent, AuditKind, DayClosed, Record, Stream};
use crate::time::{Day, Timestamp};

/// The spans of a stream's closed days.
#[derive(Debug, Default)]
pub(super) struct Spans(HashMap<Day, Span>);

#[derive(Debug)]
struct Span {
    /// `None` when a closing record has no times: the day may hold anything.
    times: Option<(Timestamp, Timestamp)>,
    bytes: u64,
}

/// Reads the closing records of a stream. What cannot be read leaves its day without a span.
pub(super) fn load(journal: &Journal, stream: Stream) -> Spans {
    let mut spans = Spans::default();
    let closing = memchr::memmem::Finder::new(b"\"day_closed\"");
    let mut lines = journal.lines(Stream::Audit).unchecked().into_iter();
    while let Some(line) = lines.next_line() {
        let Ok(line) = line else { continue };
        if closing.find(line.bytes()).is_none() {
            continue;
        }
        let Ok(event) = AuditEvent::decode(line.bytes()) else {
            continue;
        };
        match event.kind() {
            AuditKind::DayClosed(closed) if closed.stream() == stream => spans.add(closed),
            _ => {}
        }
    }
    spans
}

impl Spans {
    fn add(&mut self, closed: &DayClosed) {
        let times = closed.smallest_timestamp().zip(closed.largest_timestamp());
        let span = Span {
            times,
            bytes: closed.bytes(),
        };
        match self.0.entry(closed.day()) {
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(span);
            }
            std::collections::hash_map::Entry::Occupied(mut place) => {
                place.get_mut().widen(&span);
            }
        }
    }

    /// Whether the day may hold a record that is wanted.
    pub(super) fn may_hold(&self, journal: &Journal, file: &DayFile, wanted: &Selection) -> bool {
        let Some(span) = self.0.get(&file.day) else {
            return true;
        };
        let Some((smallest, largest)) = span.times else {
            return true;
        };
        let meets = wanted.from.is_none_or(|from| from <= largest)
            && wanted.to.is_none_or(|to| smallest < to);
        meets || !span.is_of(journal, file)
    }
}

impl Span {
    fn widen(&mut self, other: &Span) {
        self.times = self
            .times
            .zip(other.times)
            .map(|(ours, theirs)| (cmp::min(ours.0, theirs.0), cmp::max(ours.1, theirs.1)));
        self.bytes = other.bytes;
    }

    /// Whether the file is the one that was closed, as far as a look tells.
    fn is_of(&self, journal: &Journal, file: &DayFile) -> bool {
        match file.place {
            Place::Archive => true,
            Place::Logs => {
                let seen = journal.disk().look(&file.path);
                matches!(seen, Ok(Some(meta)) if meta.len == self.bytes)
            }
        }
    }
}
