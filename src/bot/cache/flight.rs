//! A computation that is under way, and those who wait for it.
//!
//! Always true: whoever waits is woken when it ends, in whatever way it does.
//!
//! Not here: which computation belongs to which key.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

/// One computation.
#[derive(Debug)]
pub(super) struct Flight {
    /// Who computes.
    leader: ThreadId,
    outcome: Mutex<Outcome>,
    over: Condvar,
}

#[derive(Clone, Debug)]
enum Outcome {
    UnderWay,
    Value(Arc<[u8]>),
    /// It failed, or panicked, or its value cannot be handed on.
    Nothing,
}

impl Flight {
    /// One that this thread computes.
    pub(super) fn new() -> Flight {
        Flight {
            leader: thread::current().id(),
            outcome: Mutex::new(Outcome::UnderWay),
            over: Condvar::new(),
        }
    }

    /// Whether this thread would wait for itself.
    pub(super) fn is_ours(&self) -> bool {
        self.leader == thread::current().id()
    }

    /// Waits for its value; nothing where it ends without one.
    pub(super) fn wait(&self) -> Option<Arc<[u8]>> {
        let mut outcome = self.lock();
        loop {
            match &*outcome {
                Outcome::UnderWay => {}
                Outcome::Value(value) => return Some(Arc::clone(value)),
                Outcome::Nothing => return None,
            }
            let woken = self.over.wait(outcome);
            outcome = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends it. What it ended with first stays.
    pub(super) fn end(&self, value: Option<Arc<[u8]>>) {
        let mut outcome = self.lock();
        if matches!(*outcome, Outcome::UnderWay) {
            *outcome = value.map_or(Outcome::Nothing, Outcome::Value);
        }
        drop(outcome);
        self.over.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
