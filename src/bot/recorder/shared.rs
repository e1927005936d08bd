//! What the threads that call and the worker have in common.
//!
//! Always true: a call that ended is handed over, spilled, or counted as lost before its thread goes on.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::blocks::Blocks;
use super::config::WhenFull;
use super::frame;
use super::here;
use super::lane::{self, Back, Front, Lane, Lost};
use super::spill::Spill;
use super::stats::{Losses, RecorderStats};
use crate::journal::{AppendError, Troubles};
use crate::time::Clock;

/// How long a thread that waits for room sleeps before it looks again.
const ROOM_WAIT: Duration = Duration::from_micros(500);

/// How often the two clocks are looked at for once together, and what that may take, in nanoseconds.
const CLOCK_TRIES: u32 = 3;
const CLOCK_TOOK_MAX: u64 = 20_000;

/// What both sides see.
#[derive(Debug)]
pub(super) struct Shared {
    /// Which recorder of the process it is.
    pub(super) id: u64,
    pub(super) clock: Arc<dyn Clock>,
    /// What the time of day is beyond the clock's monotonic time, in nanoseconds.
    pub(super) offset: AtomicI64,
    pub(super) blocks: Blocks,
    pub(super) when_full: WhenFull,
    pub(super) spill: Option<Spill>,
    /// No call is taken any more.
    pub(super) is_closed: AtomicBool,
    /// Nobody waits for the worker any more: what fails now is lost.
    pub(super) is_abandoned: AtomicBool,
    /// A thread has come that the worker does not know.
    pub(super) has_newcomers: AtomicBool,
    pub(super) lanes: Mutex<Lanes>,
    pub(super) written: AtomicU64,
    pub(super) durable: AtomicU64,
    large: AtomicU64,
    unrecordable: AtomicU64,
    late: AtomicU64,
    pub(super) report: Mutex<Report>,
    pub(super) done: Condvar,
}

/// The threads that have called.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    pub(super) newcomers: Vec<Back>,
    pub(super) alive: Vec<Arc<Lane>>,
    /// Of lanes that have ended: handed over, and lost.
    pub(super) ended: (u64, u64),
    /// Losses of threads without a lane.
    pub(super) strays: Option<Lost>,
    strays_count: u64,
}

/// What the worker has to say.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) is_done: bool,
    pub(super) troubles: Troubles,
    /// What was lost where nobody counts lanes: by the disk, or as no line.
    pub(super) lost: Losses,
    pub(super) failing: Option<AppendError>,
    pub(super) unsynced: Option<AppendError>,
}

impl Shared {
    pub(super) fn new(
        clock: Arc<dyn Clock>,
        capacity: usize,
        when_full: WhenFull,
        spill: Option<Spill>,
    ) -> Shared {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        let shared = Shared {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            clock,
            offset: AtomicI64::new(0),
            blocks: Blocks::new(capacity),
            when_full,
            spill,
            is_closed: AtomicBool::new(false),
            is_abandoned: AtomicBool::new(false),
            has_newcomers: AtomicBool::new(false),
            lanes: Mutex::default(),
            written: AtomicU64::new(0),
            durable: AtomicU64::new(0),
            large: AtomicU64::new(0),
            unrecordable: AtomicU64::new(0),
            late: AtomicU64::new(0),
            report: Mutex::default(),
            done: Condvar::new(),
        };
        shared.set_clock();
        shared
    }

    /// Looks at the time of day, so that a call costs a look at the monotonic clock alone.
    pub(super) fn set_clock(&self) {
        for _ in 0..CLOCK_TRIES {
            let before = self.clock.monotonic_nanos();
            let now = i64::try_from(self.clock.now().unix_nanos()).unwrap_or(i64::MAX);
            let took = self.clock.monotonic_nanos().saturating_sub(before);
            let monotonic = i64::try_from(before + took / 2).unwrap_or(i64::MAX);
            let offset = now.saturating_sub(monotonic);
            self.offset.store(offset, Ordering::Relaxed);
            // Otherwise the thread was kept off between the two, and they are of different moments.
            if took < CLOCK_TOOK_MAX {
                return;
            }
        }
    }

    /// The unix nanoseconds of a moment of the monotonic clock.
    #[inline]
    pub(super) fn unix_nanos(&self, monotonic: u64) -> i64 {
        let offset = self.offset.load(Ordering::Relaxed);
        offset.saturating_add(i64::try_from(monotonic).unwrap_or(i64::MAX))
    }

    /// Hands the call in `frame` over to the worker.
    #[inline]
    pub(super) fn hand_over(&self, frame: Vec<u8>) {
        here::hand_over(
            self.id,
            frame,
            || self.enter(),
            |front, frame| {
                let goes_on = !self.is_closed.load(Ordering::Relaxed) && !self.spills();
                let mut front = front;
                let blocks = &self.blocks;
                let is_handed =
                    goes_on && front.as_mut().is_some_and(|it| it.hand_over(frame, blocks));
                if !is_handed {
                    self.hand_over_slowly(front, frame);
                }
            },
        );
    }

    #[inline]
    fn spills(&self) -> bool {
        self.spill.as_ref().is_some_and(Spill::is_on)
    }

    /// The lane of a thread that calls for the first time; `None` while there is no block for one.
    #[cold]
    fn enter(&self) -> Option<Front> {
        let (front, back) = loop {
            if let Some(lane) = lane::lane(here::thread_name(), &self.blocks) {
                break lane;
            }
            // With a lane from its first call on, a thread that waits never overtakes itself.
            if self.when_full != WhenFull::Block || self.is_closed.load(Ordering::Acquire) {
                return None;
            }
            thread::sleep(ROOM_WAIT);
        };
        let mut lanes = self.lanes();
        lanes.alive.push(Arc::clone(back.lane()));
        lanes.newcomers.push(back);
        self.has_newcomers.store(true, Ordering::Release);
        Some(front)
    }

    /// There is no room, or the recorder is closed, or calls are being spilled.
    #[cold]
    fn hand_over_slowly(&self, mut front: Option<&mut Front>, frame: &[u8]) {
        loop {
            if self.is_closed.load(Ordering::Acquire) {
                self.late.fetch_add(1, Ordering::Relaxed);
                return;
            }
            let fits = !self.spills()
                && front
                    .as_mut()
                    .is_some_and(|it| it.hand_over(frame, &self.blocks));
            if fits {
                return;
            }
            match (&self.when_full, &self.spill) {
                // Not for what never fits, nor in a thread that is ending.
                (WhenFull::Block, _) if front.is_some() && self.blocks.can_hold(frame.len()) => {
                    thread::sleep(ROOM_WAIT);
                }
                (WhenFull::Spill { .. }, Some(spill)) => {
                    return self.spill_one(spill, front.as_deref(), frame);
                }
                _ => return self.lose(front.as_deref(), frame::begun(frame)),
            }
        }
    }

    /// Spills a call, or loses it.
    fn spill_one(&self, spill: &Spill, front: Option<&Front>, frame: &[u8]) {
        let thread = front.map_or_else(here::thread_name, |it| it.thread().into());
        if let Err(error) = spill.take(frame, &thread) {
            self.report().troubles.keep_error(&error);
            self.lose(front, frame::begun(frame));
        }
    }

    #[cold]
    fn lose(&self, front: Option<&Front>, at: i64) {
        match front {
            Some(front) => front.lose(at),
            None => {
                let mut lanes = self.lanes();
                lanes.strays_count += 1;
                let lost = lanes.strays.get_or_insert(Lost {
                    count: 0,
                    from: at,
                    to: at,
                });
                lost.count += 1;
                lost.from = lost.from.min(at);
                lost.to = lost.to.max(at);
            }
        }
    }

    /// A part of a call refused to be serialised.
    #[cold]
    pub(super) fn tell_unrecordable(&self) {
        self.unrecordable.fetch_add(1, Ordering::Relaxed);
    }

    /// A call took more than a block.
    #[cold]
    pub(super) fn tell_large(&self) {
        self.large.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn stats(&self) -> RecorderStats {
        // Order matters: what is written is counted before what came, so that nothing seems to wait that
        // is not there.
        let (written, durable) = (
            self.written.load(Ordering::Acquire),
            self.durable.load(Ordering::Relaxed),
        );
        let mut lost = self.report().lost;
        let lanes = self.lanes();
        let (mut handed_over, mut unheard) = lanes.ended;
        for (handed, lost) in lanes.alive.iter().map(|it| it.counts()) {
            handed_over += handed;
            unheard += lost;
        }
        lost.queue_full += unheard + lanes.strays_count;
        lost.closed += self.late.load(Ordering::Relaxed);
        let spilled = self.spill.as_ref().map_or(0, Spill::spilled);
        let calls = handed_over + spilled + unheard + lanes.strays_count + lost.closed;
        RecorderStats {
            calls,
            written,
            durable: durable.min(written),
            waiting: calls.saturating_sub(written).saturating_sub(lost.total()),
            lost,
            spilled,
            large: self.large.load(Ordering::Relaxed),
            unrecordable: self.unrecordable.load(Ordering::Relaxed),
            capacity: self.blocks.bytes(),
        }
    }

    pub(super) fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn report(&self) -> MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
