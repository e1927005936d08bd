//! What waits to be written.
//!
//! Always true:
//! - It is bounded: whoever has something asks for room first, and without it keeps nothing.
//! - What is declared missing always finds room: there is at most one gap a stream.
//! - Entries leave in the order in which they came.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Entry;

/// How an entry weighs, in bytes: about what it takes in memory.
fn weight(entry: &Entry) -> usize {
    match entry {
        Entry::Trades(rows, _) => 200 * rows.len() + 100,
        Entry::Ticker(ticker, _) => 200 + 100 * ticker.members.iter().count(),
        Entry::Account(row, ..) => 300 + 100 * row.members.iter().count(),
        Entry::Raw(frame) => 150 + frame.text.len(),
        Entry::GapOpened(_) | Entry::GapEnded(_) => 500,
        Entry::GapFilled(fill, _) => 500 + 200 * (fill.trades.len() + 10 * fill.rows.len()),
    }
}

fn rows(entry: &Entry) -> usize {
    match entry {
        Entry::Trades(rows, _) => rows.len(),
        Entry::GapFilled(fill, _) => 1 + fill.trades.len() + fill.rows.len(),
        _ => 1,
    }
}

#[derive(Debug, Default)]
struct Waiting {
    entries: VecDeque<Entry>,
    bytes: usize,
    rows: usize,
    /// Taken, and not known to be on disk.
    taken_bytes: usize,
    taken_rows: usize,
    since: Option<Instant>,
    is_closed: bool,
}

/// The entries between whoever hears and whoever writes.
#[derive(Debug)]
pub struct Queue {
    waiting: Mutex<Waiting>,
    more: Condvar,
    bytes_max: usize,
}

impl Queue {
    /// With room for so many bytes.
    #[must_use]
    pub fn new(bytes_max: usize) -> Queue {
        Queue {
            waiting: Mutex::default(),
            more: Condvar::new(),
            bytes_max,
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Counts and entries change together, without anything that panics between.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is room.
    #[must_use]
    pub fn has_room(&self) -> bool {
        let waiting = self.waiting();
        waiting.bytes + waiting.taken_bytes < self.bytes_max
    }

    /// How much of the room is taken, in per cent.
    #[must_use]
    pub fn filled(&self) -> usize {
        let waiting = self.waiting();
        100 * (waiting.bytes + waiting.taken_bytes) / self.bytes_max.max(1)
    }

    /// How many rows wait, those that are being written included.
    #[must_use]
    pub fn rows(&self) -> usize {
        let waiting = self.waiting();
        waiting.rows + waiting.taken_rows
    }

    /// Puts these behind the others.
    pub(super) fn push(&self, entries: impl IntoIterator<Item = Entry>) {
        let mut waiting = self.waiting();
        for entry in entries {
            waiting.bytes += weight(&entry);
            waiting.rows += rows(&entry);
            waiting.entries.push_back(entry);
        }
        if !waiting.entries.is_empty() {
            waiting.since.get_or_insert_with(Instant::now);
            self.more.notify_one();
        }
    }

    /// Nothing more comes.
    pub fn close(&self) {
        self.waiting().is_closed = true;
        self.more.notify_all();
    }

    /// Whether nothing more comes.
    pub(super) fn is_closed(&self) -> bool {
        self.waiting().is_closed
    }

    /// Waits until so many rows are there, or the oldest waits so long, or nothing more comes; then at most
    /// `rows_max` rows, and some more where the last entry has them. Nothing, once all has left.
    pub(super) fn take(
        &self,
        batch: usize,
        flush: Duration,
        rows_max: usize,
    ) -> Option<Vec<Entry>> {
        let mut waiting = self.waiting();
        loop {
            let age = waiting.since.map(|it| it.elapsed()).unwrap_or_default();
            let is_due = batch <= waiting.rows || flush <= age || waiting.is_closed;
            if !waiting.entries.is_empty() && is_due {
                break;
            }
            if waiting.entries.is_empty() && waiting.is_closed {
                return None;
            }
            let rest = match waiting.entries.is_empty() {
                true => Duration::from_secs(3600),
                false => flush.saturating_sub(age),
            };
            let woken = self.more.wait_timeout(waiting, rest);
            waiting = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        let mut taken = Vec::new();
        let (mut taken_rows, mut taken_bytes) = (0, 0);
        while taken_rows < rows_max
            && let Some(entry) = waiting.entries.pop_front()
        {
            taken_rows += rows(&entry);
            taken_bytes += weight(&entry);
            taken.push(entry);
        }
        waiting.rows -= taken_rows;
        waiting.bytes -= taken_bytes;
        (waiting.taken_rows, waiting.taken_bytes) = (taken_rows, taken_bytes);
        waiting.since = (!waiting.entries.is_empty()).then(Instant::now);
        Some(taken)
    }

    /// What was taken is on disk.
    pub(super) fn wrote(&self) {
        let mut waiting = self.waiting();
        (waiting.taken_rows, waiting.taken_bytes) = (0, 0);
    }
}
