//! The clock of a replay: it stands where the recording stands.
//!
//! Always true:
//! - It shows when the newest answered call began; before the first one, when that will be.
//! - It never goes back, however calls of several threads overtake each other.
//! - Paced, a call is answered when as much time went by since the first as did in the recording,
//!   divided by the speed.
//!
//! Not here: which call is answered.

use std::{
    fmt,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::time::{Clock, Timestamp};

/// The time of a replay, which only its calls move. Cheap to clone.
///
/// Between two calls it stands still, where the recorded bot's went on. A bot to which that matters asks for
/// the time as it asks for everything else: by a call, which is recorded and answered.
#[derive(Clone, Debug)]
pub struct ReplayClock(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    begin: Timestamp,
    now: Mutex<Timestamp>,
    pace: Option<Pace>,
}

/// How fast a replay goes that is not to go as fast as it can.
#[derive(Clone)]
pub(super) struct Pace {
    speed: NonZeroU32,
    wait: Arc<dyn Fn(Duration) + Send + Sync>,
}

impl Pace {
    /// By the time that goes by in the world, from the first call on.
    pub(super) fn real(speed: NonZeroU32) -> Pace {
        let begun = OnceLock::new();
        Pace::by(speed, move |passed| {
            let begun: &Instant = begun.get_or_init(Instant::now);
            thread::sleep(passed.saturating_sub(begun.elapsed()));
        })
    }

    /// By a function that returns when so much time went by since it was first called.
    pub(super) fn by(speed: NonZeroU32, wait: impl Fn(Duration) + Send + Sync + 'static) -> Pace {
        Pace {
            speed,
            wait: Arc::new(wait),
        }
    }
}

impl fmt::Debug for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} times as fast", self.speed)
    }
}

impl ReplayClock {
    pub(super) fn new(begin: Timestamp, pace: Option<Pace>) -> ReplayClock {
        ReplayClock(Arc::new(Shared {
            begin,
            now: Mutex::new(begin),
            pace,
        }))
    }

    /// Goes on to `at`, when it is later than now; paced, after waiting for it. A replay by
    /// [`Strictness::LatestAt`](super::Strictness::LatestAt) is moved by this alone.
    pub fn move_to(&self, at: Timestamp) {
        if let Some(pace) = &self.0.pace {
            let passed = self.0.begin.until(at).unwrap_or_default();
            // Without the lock: other calls are answered while this one waits.
            (pace.wait)(passed / pace.speed.get());
        }
        let mut now = self.lock();
        *now = at.max(*now);
    }

    fn lock(&self) -> MutexGuard<'_, Timestamp> {
        // An instant cannot be half written, so a panic elsewhere leaves it usable.
        self.0.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ReplayClock {
    fn now(&self) -> Timestamp {
        *self.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn it_never_goes_back() {
        let clock = ReplayClock::new(time("2025-10-26T14:00:00Z"), None);
        assert_eq!(clock.now(), time("2025-10-26T14:00:00Z"));
        let also = clock.clone();
        also.move_to(time("2025-10-26T14:00:05Z"));
        clock.move_to(time("2025-10-26T14:00:03Z"));
        assert_eq!(clock.now(), time("2025-10-26T14:00:05Z"));
    }

    #[test]
    fn paced_it_waits_for_the_distance_divided_by_the_speed() {
        let waits = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&waits);
        let speed = NonZeroU32::new(10).unwrap();
        let pace = Pace::by(speed, move |passed| kept.lock().unwrap().push(passed));
        let clock = ReplayClock::new(time("2025-10-26T14:00:00Z"), Some(pace));
        for at in ["T14:00:00Z", "T14:00:05Z", "T14:00:03Z", "T13:00:00Z"] {
            clock.move_to(time(&format!("2025-10-26{at}")));
        }
        let waited = [0, 500, 300, 0].map(Duration::from_millis);
        assert_eq!(*waits.lock().unwrap(), waited);
        assert_eq!(clock.now(), time("2025-10-26T14:00:05Z"));
    }

    #[test]
    fn real_time_that_went_by_already_is_not_waited_for() {
        let pace = Pace::real(NonZeroU32::MIN);
        let begun = Instant::now();
        (pace.wait)(Duration::ZERO);
        (pace.wait)(Duration::from_millis(20));
        (pace.wait)(Duration::from_millis(20));
        assert!(Duration::from_millis(20) <= begun.elapsed());
    }
}
