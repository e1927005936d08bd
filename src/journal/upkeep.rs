//! What falls due beside the append path: the sync of an interval, `HEAD`, the closing of days, the
//! audit records; and the threads that see to it.
//!
//! Always true:
//! - Nothing here stops a record from being appended. What goes wrong is kept for
//!   [`super::Writer::troubles`] and tried again.
//! - `HEAD` is written from a point that was synced before, outside the append path.
//! - Closing a writer ends its threads and sees every queued record through first.

use std::{
    io,
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use super::close::{CloseError, close_day};
use super::commit::Commit;
use super::log::{CommitError, Failure, Log};
use super::range::CompactRange;
use super::troubles::{Troubles, chain_of};
use super::writer::Durability;
use super::{Journal, audit};
use crate::record::Stream;
use crate::time::{Day, Timestamp};

/// `HEAD` lags behind at most this long, or this many bytes.
const HEAD_AGE_MAX: Duration = Duration::from_secs(10);
const HEAD_LAG_MAX: u64 = 32 << 20;
const TICK: Duration = Duration::from_secs(1);
/// A day that could not be closed is tried again after this long.
const CLOSE_RETRY: Duration = Duration::from_secs(60);

/// One open writer: its queue and log, and what keeps them.
#[derive(Debug)]
pub(super) struct Upkeep {
    inner: Arc<Inner>,
    threads: Mutex<Threads>,
}

#[derive(Debug, Default)]
struct Threads {
    ticking: Option<JoinHandle<()>>,
    syncing: Option<JoinHandle<()>>,
    committing: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Inner {
    journal: Journal,
    stream: Stream,
    /// Other processes write it too.
    shared: bool,
    commit: Commit,
    durability: Durability,
    /// Held for a tick, and for finishing: two at once would write the same files.
    ticking: Mutex<()>,
    closing: Mutex<()>,
    work: Mutex<Work>,
    changed: Condvar,
    due: Mutex<Due>,
    troubles: Mutex<Troubles>,
    closed: AtomicBool,
}

/// What the threads are asked for.
#[derive(Debug, Default)]
struct Work {
    stop: bool,
    rounds: usize,
}

/// When things fall due again.
#[derive(Debug, Default)]
struct Due {
    head_written: Option<Timestamp>,
    close_failed: Option<Timestamp>,
}

impl Upkeep {
    pub(super) fn new(journal: &Journal, commit: Commit, durability: Durability) -> Upkeep {
        let (stream, shared) = {
            let log = commit.log();
            (log.stream(), log.is_shared())
        };
        let head_written = Some(journal.clock().now());
        journal.shared.writers.fetch_add(1, Ordering::AcqRel);
        let inner = Inner {
            journal: journal.clone(),
            stream,
            shared,
            commit,
            durability,
            ticking: Mutex::default(),
            closing: Mutex::default(),
            work: Mutex::default(),
            changed: Condvar::new(),
            due: Mutex::new(Due {
                head_written,
                close_failed: None,
            }),
            troubles: Mutex::default(),
            closed: AtomicBool::new(false),
        };
        Upkeep {
            inner: Arc::new(inner),
            threads: Mutex::default(),
        }
    }

    pub(super) fn commit(&self) -> &Commit {
        &self.inner.commit
    }

    pub(super) fn journal(&self) -> &Journal {
        &self.inner.journal
    }

    pub(super) fn tick(&self) {
        if !self.inner.commit.is_forked() {
            self.inner.tick();
        }
    }

    pub(super) fn take_troubles(&self) -> Vec<String> {
        lock(&self.inner.troubles).take()
    }

    /// Starts the thread that ticks.
    pub(super) fn start_thread(&self) -> io::Result<()> {
        let inner = Arc::clone(&self.inner);
        let name = format!("tj-{}", inner.stream);
        let thread = thread::Builder::new()
            .name(name)
            .spawn(move || inner.tick_until_stopped())?;
        let mut threads = lock(&self.threads);
        threads.ticking = Some(thread);
        if let Durability::Interval(span) = self.inner.durability {
            // A thread of its own: closing a day or a busy audit stream must not keep it waiting.
            let inner = Arc::clone(&self.inner);
            let name = format!("tj-{}-sync", inner.stream);
            let spawned = thread::Builder::new()
                .name(name)
                .spawn(move || inner.sync_until_stopped(span))?;
            threads.syncing = Some(spawned);
        }
        Ok(())
    }

    /// Has the commit thread lead the round that was just begun, or leads it here if there can be
    /// no such thread.
    pub(super) fn lead_in_background(&self) {
        {
            let mut threads = lock(&self.threads);
            if threads.committing.is_none() && !self.inner.closed.load(Ordering::Acquire) {
                let inner = Arc::clone(&self.inner);
                let name = format!("tj-{}-commit", inner.stream);
                let spawned = thread::Builder::new()
                    .name(name)
                    .spawn(move || inner.lead_rounds());
                threads.committing = spawned.ok();
            }
            if threads.committing.is_some() {
                lock(&self.inner.work).rounds += 1;
                self.inner.changed.notify_all();
                return;
            }
        }
        self.inner.commit.lead();
    }

    /// Ends the threads and finishes; a second call only says how the log ended.
    pub(super) fn close(&self) -> Result<(), Arc<Failure>> {
        if self.inner.commit.is_forked() {
            // The threads, the locks and the work are the parent's.
            return Err(Arc::new(Failure::Forked {
                stream: self.inner.stream,
            }));
        }
        let pending = self.inner.commit.close();
        let _closing = lock(&self.inner.closing);
        let threads = {
            // In one step, so that a round handed over meanwhile has a thread that leads it.
            let mut threads = lock(&self.threads);
            lock(&self.inner.work).stop = true;
            std::mem::take(&mut *threads)
        };
        self.inner.changed.notify_all();
        let all = [threads.committing, threads.ticking, threads.syncing];
        let mut on_own_thread = false;
        for thread in all.into_iter().flatten() {
            // The last clone may be dropped on one of them, by an observer.
            let is_own = thread.thread().id() == thread::current().id();
            on_own_thread |= is_own;
            if !is_own && thread.join().is_err() {
                self.inner
                    .trouble("a background thread panicked".to_owned());
            }
        }
        if let Some(round) = pending {
            // Whoever leads it had begun before the door was shut.
            let _ = round.wait();
        }
        if self.inner.closed.swap(true, Ordering::AcqRel) {
            let ended = self.inner.commit.log().ended();
            return match ended.filter(|it| !matches!(**it, Failure::Closed { .. })) {
                Some(failure) => Err(failure),
                None => Ok(()),
            };
        }
        // That thread is in the middle of a tick.
        let _ticking = (!on_own_thread).then(|| lock(&self.inner.ticking));
        self.inner.finish()
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        // Whoever wants to know how it ended calls `close`.
        let _ = self.close();
    }
}

impl Inner {
    fn tick_until_stopped(&self) {
        self.every(TICK, || self.tick());
    }

    fn sync_until_stopped(&self, span: Duration) {
        self.every(span.max(Duration::from_millis(1)), || self.sync());
    }

    /// Does `work` every `period` until the writer is closed.
    fn every(&self, period: Duration, work: impl Fn()) {
        let mut asked = lock(&self.work);
        while !asked.stop {
            let waited = self
                .changed
                .wait_timeout_while(asked, period, |it| !it.stop);
            asked = waited.unwrap_or_else(PoisonError::into_inner).0;
            if asked.stop {
                return;
            }
            drop(asked);
            self.survive(&work);
            asked = lock(&self.work);
        }
    }

    /// A panic, an observer's or a waker's, must not end the thread that others wait for.
    fn survive(&self, work: impl FnOnce()) {
        if panic::catch_unwind(AssertUnwindSafe(work)).is_err() {
            self.trouble("something panicked on a background thread".to_owned());
        }
    }

    fn lead_rounds(&self) {
        let mut work = lock(&self.work);
        loop {
            if 0 < work.rounds {
                work.rounds -= 1;
                drop(work);
                self.survive(|| self.commit.lead());
                work = lock(&self.work);
            } else if work.stop {
                return;
            } else {
                work = self
                    .changed
                    .wait(work)
                    .unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn tick(&self) {
        let _ticking = lock(&self.ticking);
        if let Durability::Interval(_) = self.durability {
            self.sync();
        }
        self.end_idle_day();
        self.write_head(false);
        self.close_days();
        if self.shared {
            // Recovery may have cut a torn tail since, of a writer that ended.
            audit::note_untold_torn(&self.journal, self.stream);
        }
        self.tell(false);
    }

    fn sync(&self) {
        let synced = self.commit.log().sync_or_end();
        if let Err(failure) = synced
            && !matches!(*failure, Failure::Closed { .. })
        {
            self.trouble(format!("{}: {}", self.stream, chain_of(&*failure)));
        }
    }

    fn finish(&self) -> Result<(), Arc<Failure>> {
        let synced = self.commit.log().sync_or_end();
        if synced.is_ok() {
            self.write_head(true);
            // The audit stream would have to be opened again to tell of its own days.
            if self.stream != Stream::Audit {
                self.close_days();
            }
        }
        self.tell(true);
        let mut log = self.commit.log();
        log.end(Failure::Closed {
            stream: self.stream,
        });
        log.let_go();
        drop(log);
        audit::writer_closed(&self.journal, self.stream);
        synced
    }

    /// A shared stream's day is ended by the next line only: nobody has it for himself.
    fn end_idle_day(&self) {
        if self.shared {
            return;
        }
        let ended = self.commit.log().end_idle_day();
        if let Err(failure) = ended {
            self.trouble(format!("{}: {}", self.stream, chain_of(&*failure)));
        }
    }

    fn write_head(&self, now: bool) {
        let at = self.journal.clock().now();
        let due = {
            let written = lock(&self.due).head_written;
            let age = written.and_then(|it| it.until(at));
            // A clock that went back says nothing about the age.
            now || age.is_none_or(|it| HEAD_AGE_MAX <= it)
                || HEAD_LAG_MAX <= self.commit.log().bytes_since_head()
        };
        if !due {
            return;
        }
        let path = self.journal.layout().head(self.stream);
        let mut log = self.commit.log();
        let written = if self.shared {
            // Under the lock, so that it does not go back behind another writer's.
            let write = |log: &mut Log| {
                let Some(head) = log.head_to_write() else {
                    return Ok(());
                };
                head.write(&**self.journal.disk(), &path)?;
                log.head_was_written(head);
                io::Result::Ok(())
            };
            match log.with_lock(write) {
                Ok(written) => written,
                // Somebody else is at it, or the log has ended: nothing to be added here.
                Err(_) => Ok(()),
            }
        } else {
            let head = if log.ended().is_some() {
                None
            } else {
                log.head_to_write()
            };
            // Nobody appends while the log is locked, so the files are written without it.
            drop(log);
            let written = head.map(|head| {
                head.write(&**self.journal.disk(), &path)?;
                self.commit.log().head_was_written(head);
                io::Result::Ok(())
            });
            written.unwrap_or(Ok(()))
        };
        lock(&self.due).head_written = Some(at);
        if let Err(error) = written {
            self.trouble(format!("write {}: {error}", path.display()));
        }
    }

    fn close_days(&self) {
        let days: Vec<Day> = self.commit.log().days_to_close().to_vec();
        if days.is_empty() || !self.may_close() {
            return;
        }
        let Some(identity) = self.journal.identity() else {
            return;
        };
        for day in days {
            match close_day(&self.journal, self.stream, identity.name(), day) {
                Ok(closed) => {
                    self.commit.log().was_closed(day);
                    if let Some(closed) = closed {
                        let observers = &self.journal.shared.options.observers;
                        observers
                            .iter()
                            .for_each(|it| it.day_closed(&self.journal, &closed));
                        // A closed day may be archived, and `HEAD` must not be left behind in it.
                        self.write_head(true);
                    }
                }
                Err(error) => {
                    self.close_failed(&error);
                    // Each day's record stands on the one of the day before.
                    return;
                }
            }
        }
    }

    fn may_close(&self) -> bool {
        let now = self.journal.clock().now();
        let failed = lock(&self.due).close_failed;
        failed.is_none_or(|it| it.until(now).is_none_or(|age| CLOSE_RETRY <= age))
    }

    fn close_failed(&self, error: &CloseError) {
        lock(&self.due).close_failed = Some(self.journal.clock().now());
        self.trouble(chain_of(error));
    }

    /// Hands what happened to the audit stream.
    fn tell(&self, closing: bool) {
        let notes = self.commit.log().take_notes();
        audit::note(&self.journal, self.stream, notes);
        if self.stream != Stream::Audit
            && let Err(trouble) = audit::write_behind(&self.journal)
        {
            self.trouble(trouble);
        }
        let observers = &self.journal.shared.options.observers;
        if observers.is_empty() {
            return;
        }
        let mut log = self.commit.log();
        let range = log.durable_range();
        let (lines, durable_lines) = (log.lines(), log.durable_lines());
        drop(log);
        let in_range = range.as_ref().map_or(0, CompactRange::size);
        let durable_lines = durable_lines.max(in_range);
        let ticked = Ticked {
            stream: self.stream,
            lines,
            durable_lines,
            range,
            closing,
        };
        observers
            .iter()
            .for_each(|it| it.ticked(&self.journal, &ticked));
    }

    fn trouble(&self, text: String) {
        lock(&self.troubles).keep(text);
    }
}

/// Where a stream stands at a tick.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ticked {
    /// The stream.
    pub stream: Stream,
    /// How many lines it has.
    pub lines: u64,
    /// How many of them are on disk.
    pub durable_lines: u64,
    /// The compact Merkle range over those.
    pub range: Option<CompactRange>,
    /// The writer is being closed: this is its last tick.
    pub closing: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each is changed in one step, so a panic elsewhere leaves it usable.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// So that a shared log that nobody can lock is not taken for one that has ended.
pub(super) fn is_passing(error: &CommitError) -> bool {
    !matches!(error, CommitError::Ended(_) | CommitError::Unknown { .. })
}
