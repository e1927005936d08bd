//! What was told, on its way into the journal: one record after the other, by a thread of its own.
//!
//! Always true:
//! - Who tells waits for no disk.
//! - Records are written in the order in which they were told. One that cannot be written is tried again,
//!   with the next one and every second, and those after it wait.
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
use crate::journal::{AppendError, Journal, OpenError, Troubles, Writer, WriterOptions, chain_of};
use crate::record::{PerformanceMetric, Record};

/// How many records wait at most: some 30 MB.
const WAITING_MAX: usize = 100_000;
/// How many are written and synced at once.
const BATCH_MAX: usize = 1000;
/// When what failed is tried again, if nothing is told before.
const RETRY: Duration = Duration::from_secs(1);
/// How often at once: a writer that failed has ended, and the next one may do.
const TRIES: u32 = 2;

/// Writes what is told.
#[derive(Debug)]
pub(super) struct Teller {
    shared: Arc<Shared>,
    /// The process with the thread: a fork has none, and its locks may be held for ever.
    pid: u32,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug)]
struct Queue {
    /// What the stream has.
    history: History,
    waiting: VecDeque<PerformanceMetric>,
    /// `None` after it failed, until it is opened anew.
    writer: Option<Writer<PerformanceMetric>>,
    /// Why something was given up, the first time.
    given_up: Option<LiveError>,
    /// Why what waits could not be written, the first time.
    failing: Option<LiveError>,
    troubles: Troubles,
    is_closing: bool,
}

/// The thread.
struct Work {
    shared: Arc<Shared>,
    journal: Journal,
    /// How often writing failed since it last did not.
    failures: u32,
    is_closing: bool,
    /// Where the lines of a write that failed would be.
    doubtful_from: Option<u64>,
    batch_max: usize,
}

/// The writer of the metrics. Several bots of one journal tell of their alerts, so it is shared.
pub(super) fn writer(journal: &Journal) -> Result<Writer<PerformanceMetric>, OpenError> {
    journal.writer_with(&WriterOptions::default().shared(true))
}

impl Teller {
    /// Goes on behind `history`.
    pub(super) fn start(
        journal: &Journal,
        writer: Writer<PerformanceMetric>,
        history: History,
    ) -> Result<Teller, OpenError> {
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue {
                history,
                waiting: VecDeque::new(),
                writer: Some(writer),
                given_up: None,
                failing: None,
                troubles: Troubles::default(),
                is_closing: false,
            }),
            changed: Condvar::new(),
        });
        let mut work = Work {
            shared: Arc::clone(&shared),
            journal: journal.clone(),
            failures: 0,
            is_closing: false,
            doubtful_from: None,
            batch_max: BATCH_MAX,
        };
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

    /// Has records written, in this order.
    pub(super) fn tell(&self, metrics: impl IntoIterator<Item = PerformanceMetric>) {
        let Some(mut queue) = self.queue() else {
            return;
        };
        for metric in metrics {
            if queue.waiting.len() < WAITING_MAX {
                queue.waiting.push_back(metric);
            } else {
                queue.give_up(LiveError::Full {
                    waiting: WAITING_MAX,
                });
            }
        }
        drop(queue);
        self.shared.changed.notify_all();
    }

    /// What was told: what the stream has, and what is on its way.
    pub(super) fn told(&self) -> History {
        let Some(queue) = self.queue() else {
            return History::default();
        };
        let mut history = queue.history.clone();
        for metric in &queue.waiting {
            history.take(metric.clone());
        }
        history
    }

    /// What went wrong since this was called last.
    pub(super) fn troubles(&self) -> Vec<String> {
        let Some(mut queue) = self.queue() else {
            return vec![chain_of(&LiveError::Forked)];
        };
        let own = queue.writer.as_ref().map(Writer::troubles);
        for trouble in own.unwrap_or_default() {
            queue.troubles.keep(trouble);
        }
        queue.troubles.take()
    }

    /// Waits until everything is written, or can not be.
    pub(super) fn close(mut self) -> Result<(), LiveError> {
        self.finish();
        let Some(mut queue) = self.queue() else {
            return Err(LiveError::Forked);
        };
        let closed = queue.writer.take().map_or(Ok(()), Writer::close);
        let failing = queue.failing.take().filter(|_| !queue.waiting.is_empty());
        match queue.given_up.take().or(failing) {
            Some(first) => Err(first),
            None => closed.map_err(LiveError::Append),
        }
    }

    /// What is on its way; `None` in a fork.
    fn queue(&self) -> Option<MutexGuard<'_, Queue>> {
        (self.pid == process::id()).then(|| self.shared.queue())
    }

    /// Ends the thread.
    fn finish(&mut self) {
        let (Some(thread), Some(mut queue)) = (self.thread.take(), self.queue()) else {
            return;
        };
        queue.is_closing = true;
        drop(queue);
        self.shared.changed.notify_all();
        if thread.join().is_err() {
            let mut queue = self.shared.queue();
            queue.failing.get_or_insert(LiveError::Panicked);
        }
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn end_writer(&mut self) {
        let Some(writer) = self.writer.take() else {
            return;
        };
        for trouble in writer.troubles() {
            self.troubles.keep(trouble);
        }
    }

    fn give_up(&mut self, error: LiveError) {
        self.troubles.keep_error(&error);
        self.given_up.get_or_insert(error);
    }
}

impl Work {
    fn run(&mut self) {
        while let Some(batch) = self.next() {
            match self.write(&batch) {
                Ok(()) => self.failures = 0,
                Err(error) => {
                    self.failures += 1;
                    let mut queue = self.shared.queue();
                    queue.troubles.keep_error(&error);
                    queue.failing.get_or_insert(error);
                }
            }
        }
    }

    /// What is to be written now; `None` when nothing is any more.
    fn next(&mut self) -> Option<Vec<PerformanceMetric>> {
        let shared = Arc::clone(&self.shared);
        let mut queue = shared.queue();
        let mut has_waited = false;
        loop {
            if queue.is_closing && !self.is_closing {
                // The disk may have recovered since it was tried.
                (self.is_closing, self.failures) = (true, 0);
            }
            let has_more = !queue.waiting.is_empty();
            let is_due = self.failures < TRIES || has_waited && !self.is_closing;
            if has_more && is_due {
                let batch = queue.waiting.iter().take(self.batch_max);
                return Some(batch.cloned().collect());
            }
            if self.is_closing {
                return None;
            }
            let changed = &shared.changed;
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

    fn write(&mut self, batch: &[PerformanceMetric]) -> Result<(), LiveError> {
        let writer = self.writer()?;
        if let Some(from) = self.doubtful_from {
            // Order matters: opening anew has decided what became of the write that failed.
            let found = self.found(from, &writer, batch)?;
            self.doubtful_from = None;
            if 0 < found {
                self.done(found);
                return Ok(());
            }
        }
        match writer.append_all(batch) {
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

    fn done(&self, count: usize) {
        let mut queue = self.shared.queue();
        for _ in 0..count {
            if let Some(metric) = queue.waiting.pop_front() {
                queue.history.take(metric);
            }
        }
        queue.failing = None;
    }

    fn failed(&mut self, error: AppendError, batch_len: usize) -> Result<(), LiveError> {
        let mut queue = self.shared.queue();
        match &error {
            AppendError::Refused { .. } | AppendError::TooLong { .. } => {
                // One of them would be refused every time: the others are written without it.
                if batch_len == 1 {
                    queue.waiting.pop_front();
                    queue.give_up(LiveError::Append(error));
                }
                self.batch_max = (batch_len / 2).max(1);
                return Ok(());
            }
            AppendError::Unknown { seqs, .. } => {
                self.doubtful_from = Some(seqs.start);
                queue.end_writer();
            }
            AppendError::Ended { .. } => queue.end_writer(),
            _ => {}
        }
        Err(LiveError::Append(error))
    }
}
