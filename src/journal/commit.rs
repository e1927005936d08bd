//! Group commit: many threads append, one of them writes and syncs for all.
//!
//! Always true:
//! - Whoever puts the first draft into an empty queue leads: it waits for the batch before, takes
//!   all that is queued by then, writes once, syncs once, and answers everybody with one wake.
//! - Every draft that entered the queue gets exactly one answer, also when its leader panics.
//! - The queue is bounded in bytes; who finds it full waits.
//!
//! The leader lingers a little when the last round had company: the threads that were just answered
//! are about to be back, and one sync for all of them is worth more than the microseconds. Alone,
//! nobody lingers.

use std::{
    process,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::Waker,
    thread,
    time::{Duration, Instant},
};

use super::line::Draft;
use super::log::{CommitError, Committed, Failure, Log};
use crate::record::Stream;

/// No round lingers longer than this, and none longer than half a sync.
const LINGER_MAX: Duration = Duration::from_micros(100);

/// The queue in front of one log.
#[derive(Debug)]
pub(super) struct Commit {
    stream: Stream,
    queue: Mutex<Queue>,
    room: Condvar,
    log: Mutex<Log>,
    queue_bytes_max: usize,
    /// How many callers the next round is expected to have.
    expected: AtomicUsize,
    commit_nanos: AtomicU64,
    closed: AtomicBool,
    /// The process that opened it: a fork has none of its threads.
    pid: u32,
}

#[derive(Debug, Default)]
struct Queue {
    drafts: Vec<Draft>,
    bytes: usize,
    callers: usize,
    batch: Arc<Batch>,
}

/// One round: what its callers wait for.
#[derive(Debug, Default)]
pub(super) struct Batch {
    answer: OnceLock<Result<Committed, CommitError>>,
    wakers: Mutex<Vec<Waker>>,
}

/// A place in a round.
#[derive(Clone, Debug)]
pub(super) struct Ticket {
    pub(super) batch: Arc<Batch>,
    /// The first of the caller's drafts in the batch, and how many there are.
    pub(super) first: usize,
    pub(super) count: usize,
}

/// Whether whoever queued must see to the round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Leader,
    Follower,
}

impl Commit {
    pub(super) fn new(log: Log, queue_bytes_max: usize) -> Commit {
        Commit {
            stream: log.stream(),
            queue: Mutex::default(),
            room: Condvar::new(),
            log: Mutex::new(log),
            queue_bytes_max,
            expected: AtomicUsize::new(1),
            commit_nanos: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            pid: process::id(),
        }
    }

    /// Queues drafts that go into one batch, waiting while the queue is full. A leader must call
    /// [`Commit::lead`], or have it called.
    pub(super) fn enqueue(&self, drafts: Vec<Draft>) -> Result<(Ticket, Role), CommitError> {
        if self.is_forked() {
            // Before any lock: a thread that the fork does not have may hold it.
            let failure = Failure::Forked {
                stream: self.stream,
            };
            return Err(CommitError::Ended(Arc::new(failure)));
        }
        let bytes: usize = drafts.iter().map(Draft::line_len_max).sum();
        let mut queue = self.lock_queue();
        while !queue.drafts.is_empty() && self.queue_bytes_max < queue.bytes.saturating_add(bytes) {
            queue = self
                .room
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if self.closed.load(Ordering::Acquire) {
            let failure = Failure::Closed {
                stream: self.stream,
            };
            return Err(CommitError::Ended(Arc::new(failure)));
        }
        let role = if queue.drafts.is_empty() {
            Role::Leader
        } else {
            Role::Follower
        };
        let (first, count) = (queue.drafts.len(), drafts.len());
        let batch = Arc::clone(&queue.batch);
        queue.drafts.extend(drafts);
        queue.bytes += bytes;
        queue.callers += 1;
        Ok((
            Ticket {
                batch,
                first,
                count,
            },
            role,
        ))
    }

    /// Sees the queued round through. Only the round's leader calls this, and only once.
    pub(super) fn lead(&self) {
        let mut log = match self.log.lock() {
            Ok(log) => log,
            Err(poisoned) => {
                let mut log = poisoned.into_inner();
                // Some commit broke off in the middle, so the log's numbers prove nothing.
                let failure = log.end(Failure::Panicked {
                    stream: self.stream,
                });
                log.let_go();
                let (round, _) = self.take_round();
                drop(log);
                round.answer(Err(CommitError::Ended(failure)));
                return;
            }
        };
        self.linger();
        let (round, drafts) = self.take_round();
        let first = log.lines();
        // Answers even if the commit panics; the poisoned lock ends the log for everybody after.
        let mut round = AnswerOnDrop {
            round,
            answer: Some(Err(CommitError::Unknown {
                seqs: first..first + drafts.len() as u64,
                failure: Arc::new(Failure::Panicked {
                    stream: self.stream,
                }),
            })),
        };
        let start = Instant::now();
        round.answer = Some(log.commit(drafts));
        let nanos = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.commit_nanos.store(nanos, Ordering::Relaxed);
        let waiting = self.lock_queue().callers;
        self.expected
            .store(round.round.callers + waiting, Ordering::Relaxed);
        // Order matters: the log is free before anybody wakes, or the next leader wakes only to
        // wait for it.
        drop(log);
        drop(round);
    }

    /// Waits for the callers of the last round to come back, within bounds.
    fn linger(&self) {
        let expected = self.expected.load(Ordering::Relaxed);
        if expected <= 1 {
            return;
        }
        let half_commit = Duration::from_nanos(self.commit_nanos.load(Ordering::Relaxed) / 2);
        let bound = LINGER_MAX.min(half_commit);
        let start = Instant::now();
        while self.lock_queue().callers < expected && start.elapsed() < bound {
            thread::yield_now();
        }
    }

    fn take_round(&self) -> (Round, Vec<Draft>) {
        let mut queue = self.lock_queue();
        // The next round is likely to be as large.
        let room = Vec::with_capacity(queue.drafts.len().min(1024));
        let drafts = std::mem::replace(&mut queue.drafts, room);
        let batch = std::mem::take(&mut queue.batch);
        let callers = std::mem::take(&mut queue.callers);
        queue.bytes = 0;
        drop(queue);
        self.room.notify_all();
        (Round { batch, callers }, drafts)
    }

    /// The log, between two rounds.
    ///
    /// A log whose commit panicked has ended and refuses by itself.
    pub(super) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(|poisoned| {
            let mut log = poisoned.into_inner();
            log.end(Failure::Panicked {
                stream: self.stream,
            });
            log
        })
    }

    /// Whether this process is a fork of the one that opened it.
    pub(super) fn is_forked(&self) -> bool {
        process::id() != self.pid
    }

    /// Lets nobody queue any more, and returns the round that is still to be led, if there is one:
    /// its leader, whoever that is, sees it through.
    pub(super) fn close(&self) -> Option<Arc<Batch>> {
        let queue = self.lock_queue();
        self.closed.store(true, Ordering::Release);
        (!queue.drafts.is_empty()).then(|| Arc::clone(&queue.batch))
    }

    fn lock_queue(&self) -> MutexGuard<'_, Queue> {
        // No code that can panic runs while the queue is locked.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Round {
    batch: Arc<Batch>,
    callers: usize,
}

impl Round {
    fn answer(&self, answer: Result<Committed, CommitError>) {
        // One wake for all who block; a condition variable would make them queue for its mutex.
        let _ = self.batch.answer.set(answer);
        let wakers = {
            // Order matters: a waker registered after this looks at the answer first.
            let mut wakers = self
                .batch
                .wakers
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

struct AnswerOnDrop {
    round: Round,
    answer: Option<Result<Committed, CommitError>>,
}

impl Drop for AnswerOnDrop {
    fn drop(&mut self) {
        if let Some(answer) = self.answer.take() {
            self.round.answer(answer);
        }
    }
}

impl Batch {
    /// Blocks until the round is answered.
    pub(super) fn wait(&self) -> &Result<Committed, CommitError> {
        self.answer.wait()
    }

    pub(super) fn answer(&self) -> Option<&Result<Committed, CommitError>> {
        self.answer.get()
    }

    /// Wakes `waker` when the round is answered; `false` when it already is.
    pub(super) fn wake_later(&self, waker: &Waker) -> bool {
        let mut wakers = self.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        if self.answer.get().is_some() {
            return false;
        }
        if !wakers.iter().any(|it| it.will_wake(waker)) {
            wakers.push(waker.clone());
        }
        true
    }
}
