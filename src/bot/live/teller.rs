//! The thread that counts trades, and writes into the journal what is told of them.
//!
//! Always true:
//! - Who shows a trade waits for no counting and no disk. What comes while the thread is busy is counted
//!   together, so that late trades and corrections cost no more than it can keep up with.
//! - Records are written in the order in which they were told. One that cannot be written is tried again,
//!   with the next trade and every second, and those after it wait.
//! - After a failed write the stream is opened anew, and what that write left there is not written again.
//! - What the journal would refuse every time is given up, and told; so is what comes while [`WAITING_MAX`]
//!   wait. Nothing that was given up counts as told.
//!
//! Not here: what is told.

use std::collections::VecDeque;
use std::process;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::LiveError;
use super::history::History;
use super::news::Due;
use super::tally::Tally;
use crate::books::{Leg, Legs, SumError};
use crate::journal::{AppendError, Journal, OpenError, Troubles, Writer, WriterOptions, chain_of};
use crate::record::{PerformanceMetric, Record, TradeRecord};

/// How many records wait at most: some 30 MB.
const WAITING_MAX: usize = 100_000;
/// How many are written and synced at once.
const BATCH_MAX: usize = 1000;
/// When what failed is tried again, if no trade comes before.
const RETRY: Duration = Duration::from_secs(1);
/// How often at once: a writer that failed has ended, and the next one may do.
const TRIES: u32 = 2;

/// The thread, from outside.
#[derive(Debug)]
pub(super) struct Teller {
    shared: Arc<Shared>,
    /// The process with the thread: a fork has none, and its locks may be held for ever.
    pid: u32,
    thread: Option<JoinHandle<Result<(), LiveError>>>,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

/// What both sides see.
#[derive(Debug)]
struct Queue {
    legs: Legs,
    /// Of records that are not counted yet.
    uncounted: Vec<Result<Leg, SumError>>,
    /// `None` after it failed, until it is opened anew.
    writer: Option<Writer<PerformanceMetric>>,
    troubles: Troubles,
    is_closing: bool,
}

/// What the thread has for itself.
struct Work {
    shared: Arc<Shared>,
    journal: Journal,
    tally: Tally,
    /// What the stream has.
    history: History,
    waiting: VecDeque<PerformanceMetric>,
    /// How often writing failed since it last did not.
    failures: u32,
    /// Why what waits could not be written, the first time.
    failing: Option<LiveError>,
    /// Why something was given up, the first time.
    given_up: Option<LiveError>,
    /// Where the lines of a write that failed would be.
    doubtful_from: Option<u64>,
    batch_max: usize,
    is_closing: bool,
}

/// The writer of the metrics. Several bots of one journal tell of their alerts, so it is shared.
pub(super) fn writer(journal: &Journal) -> Result<Writer<PerformanceMetric>, OpenError> {
    journal.writer_with(&WriterOptions::default().shared(true))
}

impl Teller {
    /// Writes what is `due`, and goes on from the trades of `tally` and what `history` says was told.
    pub(super) fn start(
        journal: &Journal,
        writer: Writer<PerformanceMetric>,
        troubles: Troubles,
        legs: Legs,
        (tally, history, due): (Tally, History, Due),
    ) -> Result<Teller, OpenError> {
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue {
                legs,
                uncounted: Vec::new(),
                writer: Some(writer),
                troubles,
                is_closing: false,
            }),
            changed: Condvar::new(),
        });
        let mut work = Work {
            shared: Arc::clone(&shared),
            journal: journal.clone(),
            tally,
            history,
            waiting: VecDeque::new(),
            failures: 0,
            failing: None,
            given_up: None,
            doubtful_from: None,
            batch_max: BATCH_MAX,
            is_closing: false,
        };
        work.tell(due);
        let thread = thread::Builder::new()
            .name("tj-live-metrics".to_owned())
            .spawn(move || work.run())
            .map_err(|source| OpenError::Thread {
                stream: PerformanceMetric::STREAM,
                source,
            })?;
        Ok(Teller {
            shared,
            pid: process::id(),
            thread: Some(thread),
        })
    }

    /// Has the next record counted.
    pub(super) fn take(&self, trade: &TradeRecord) {
        let Some(mut queue) = self.queue() else {
            return;
        };
        let is_first = queue.uncounted.is_empty();
        // Of the record, only what is counted is copied: the bot waits for that.
        let leg = queue.legs.next(trade);
        queue.uncounted.push(leg);
        drop(queue);
        // Behind another one, the thread is awake or has been called.
        if is_first {
            self.shared.changed.notify_one();
        }
    }

    /// What went wrong since this was called last.
    pub(super) fn troubles(&self) -> Vec<String> {
        let Some(mut queue) = self.queue() else {
            return vec![chain_of(&LiveError::Forked)];
        };
        queue.hear_writer();
        queue.troubles.take()
    }

    /// Waits until everything is written, or can not be.
    pub(super) fn close(mut self) -> Result<(), LiveError> {
        if self.queue().is_none() {
            return Err(LiveError::Forked);
        }
        self.finish()
    }

    /// What both sides see; `None` in a fork.
    fn queue(&self) -> Option<MutexGuard<'_, Queue>> {
        (self.pid == process::id()).then(|| self.shared.queue())
    }

    /// Ends the thread.
    fn finish(&mut self) -> Result<(), LiveError> {
        let (Some(thread), Some(mut queue)) = (self.thread.take(), self.queue()) else {
            return Ok(());
        };
        queue.is_closing = true;
        drop(queue);
        self.shared.changed.notify_one();
        thread.join().unwrap_or(Err(LiveError::Panicked))
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        // There is nobody to tell.
        let _ = self.finish();
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn hear_writer(&mut self) {
        let own = self.writer.as_ref().map(Writer::troubles);
        for trouble in own.unwrap_or_default() {
            self.troubles.keep(trouble);
        }
    }
}

impl Work {
    fn run(mut self) -> Result<(), LiveError> {
        while let Some(legs) = self.next() {
            if !legs.is_empty() {
                self.count(legs);
            }
            if self.waiting.is_empty() {
                continue;
            }
            match self.write() {
                Ok(()) => self.failures = 0,
                Err(error) => {
                    self.failures += 1;
                    self.shared.queue().troubles.keep_error(&error);
                    self.failing.get_or_insert(error);
                }
            }
        }
        let writer = self.shared.queue().writer.take();
        let closed = writer.map_or(Ok(()), Writer::close);
        let failing = self.failing.filter(|_| !self.waiting.is_empty());
        match self.given_up.or(failing) {
            Some(first) => Err(first),
            None => closed.map_err(LiveError::Append),
        }
    }

    /// The legs that came, or none when something is to be written; `None` when there is nothing to do any
    /// more.
    fn next(&mut self) -> Option<Vec<Result<Leg, SumError>>> {
        let mut queue = self.shared.queue();
        let mut has_waited = false;
        loop {
            if queue.is_closing && !self.is_closing {
                // The disk may have recovered since it was tried.
                (self.is_closing, self.failures) = (true, 0);
            }
            let has_more = !self.waiting.is_empty();
            let is_due = self.failures < TRIES || has_waited && !self.is_closing;
            if !queue.uncounted.is_empty() || has_more && is_due {
                return Some(std::mem::take(&mut queue.uncounted));
            }
            if self.is_closing {
                return None;
            }
            let changed = &self.shared.changed;
            queue = if has_more {
                has_waited = true;
                let waited = changed.wait_timeout(queue, RETRY);
                waited.unwrap_or_else(PoisonError::into_inner).0
            } else {
                let waited = changed.wait(queue);
                waited.unwrap_or_else(PoisonError::into_inner)
            };
        }
    }

    fn count(&mut self, legs: Vec<Result<Leg, SumError>>) {
        let (history, waiting) = (&self.history, &self.waiting);
        let due = self.tally.take(legs, || {
            let mut told = history.clone();
            for metric in waiting {
                told.take(metric.clone());
            }
            told
        });
        self.tell(due);
    }

    fn tell(&mut self, due: Due) {
        for metric in due.records {
            match self.waiting.len() < WAITING_MAX {
                true => self.waiting.push_back(metric),
                false => self.give_up(LiveError::Full {
                    waiting: WAITING_MAX,
                }),
            }
        }
        let mut queue = self.shared.queue();
        for trouble in due.troubles {
            queue.troubles.keep(trouble);
        }
    }

    fn give_up(&mut self, error: LiveError) {
        self.shared.queue().troubles.keep_error(&error);
        self.given_up.get_or_insert(error);
    }

    /// Writes the first of what waits.
    fn write(&mut self) -> Result<(), LiveError> {
        let batch: Vec<_> = self.waiting.iter().take(self.batch_max).cloned().collect();
        let writer = self.writer()?;
        if let Some(from) = self.doubtful_from {
            // Order matters: opening anew has decided what became of the write that failed.
            let found = self.found(from, &writer, &batch)?;
            self.doubtful_from = None;
            if 0 < found {
                self.done(found);
                return Ok(());
            }
        }
        match writer.append_all(&batch) {
            Ok(_) => {
                self.done(batch.len());
                self.batch_max = (2 * self.batch_max).min(BATCH_MAX);
                Ok(())
            }
            Err(error) => self.failed(error, batch.len()),
        }
    }

    fn writer(&self) -> Result<Writer<PerformanceMetric>, LiveError> {
        let open = self.shared.queue().writer.clone();
        if let Some(writer) = open {
            return Ok(writer);
        }
        let writer = writer(&self.journal).map_err(LiveError::Open)?;
        self.shared.queue().writer = Some(writer.clone());
        Ok(writer)
    }

    /// How many of the batch's first records are lines of the stream, from this one on.
    fn found(
        &self,
        from: u64,
        writer: &Writer<PerformanceMetric>,
        batch: &[PerformanceMetric],
    ) -> Result<usize, LiveError> {
        let lines = writer.lines().saturating_sub(from);
        let mut found = 0;
        if lines == 0 {
            return Ok(found);
        }
        let entries = self.journal.read::<PerformanceMetric>().last(lines);
        for (metric, entry) in batch.iter().zip(entries) {
            match entry {
                Ok(entry) if entry.record == *metric => found += 1,
                Err(error) if error.position().is_none() => {
                    return Err(LiveError::ReadTold(error));
                }
                // Another process has written there.
                _ => break,
            }
        }
        Ok(found)
    }

    fn done(&mut self, count: usize) {
        for metric in self.waiting.drain(..count.min(self.waiting.len())) {
            self.history.take(metric);
        }
        self.failing = None;
    }

    fn failed(&mut self, error: AppendError, batch_len: usize) -> Result<(), LiveError> {
        match &error {
            AppendError::Refused { .. } | AppendError::TooLong { .. } => {
                // One of them would be refused every time: the others are written without it.
                if batch_len == 1 {
                    self.waiting.pop_front();
                    self.give_up(LiveError::Append(error));
                }
                self.batch_max = (batch_len / 2).max(1);
                return Ok(());
            }
            AppendError::Unknown { seqs, .. } => {
                self.doubtful_from = Some(seqs.start);
                self.end_writer();
            }
            AppendError::Ended { .. } => self.end_writer(),
            _ => {}
        }
        Err(LiveError::Append(error))
    }

    fn end_writer(&self) {
        let mut queue = self.shared.queue();
        queue.hear_writer();
        let ended = queue.writer.take();
        // Order matters: dropping it joins its threads, and nobody may wait for that.
        drop(queue);
        drop(ended);
    }
}
