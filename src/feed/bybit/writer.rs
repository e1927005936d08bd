//! The thread that takes what waits in the queue and has it written.
//!
//! Always true:
//! - What was taken is written before anything behind it. What cannot be written is tried again, for as
//!   long as the run lasts; meanwhile the queue fills up, and what finds no room there is declared missing.
//! - What is wrong is said once, and that it is well again.
//!
//! Not here: the database.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{Queue, RunEnd, Store, StoreSize, Written};
use crate::journal::chain_of;
use crate::time::{Clock, Timestamp};

/// How often a store that refuses is asked again.
const AGAIN: Duration = Duration::from_millis(500);

/// How a writer writes.
#[derive(Clone, Debug)]
pub struct WriterOptions {
    /// So many rows are written at once at least.
    pub batch: usize,
    /// What waits that long is written however few it is.
    pub flush: Duration,
    /// So many rows are written at once at most.
    pub rows_max: usize,
    /// How long the last rows are tried to be written when the run ends.
    pub patience: Duration,
}

impl Default for WriterOptions {
    fn default() -> WriterOptions {
        WriterOptions {
            batch: 100,
            flush: Duration::from_secs(5),
            rows_max: 50_000,
            patience: Duration::from_secs(3),
        }
    }
}

/// How it goes.
#[derive(Clone, Debug, Default)]
pub struct WriterState {
    /// What was written since the start.
    pub written: Written,
    /// How often.
    pub commits: u64,
    /// What the store takes.
    pub size: StoreSize,
    /// What is wrong now, and since when.
    pub trouble: Option<(String, Timestamp)>,
    /// How long the last commits took from the oldest of their rows, the longest of them.
    pub slowest: Duration,
}

/// See the head of the file.
#[derive(Debug)]
pub struct Writer {
    queue: Arc<Queue>,
    state: Arc<Mutex<WriterState>>,
    thread: JoinHandle<Result<(), String>>,
}

impl Writer {
    /// Starts it.
    ///
    /// # Errors
    /// Of the operating system, when it gives no thread.
    pub fn start(
        mut store: Box<dyn Store>,
        queue: Arc<Queue>,
        clock: Arc<dyn Clock>,
        options: WriterOptions,
        tell: impl Fn(&str) + Send + 'static,
    ) -> std::io::Result<Writer> {
        let state = Arc::new(Mutex::new(WriterState {
            size: store.size(),
            ..WriterState::default()
        }));
        let (shared, taken) = (Arc::clone(&state), Arc::clone(&queue));
        let thread = thread::Builder::new()
            .name("tj-capture-writer".to_owned())
            .spawn(move || {
                let writing = Writing {
                    store: &mut *store,
                    queue: &taken,
                    clock: &*clock,
                    options: &options,
                    state: &shared,
                    tell: &tell,
                };
                let written = writing.all();
                let end = match &written {
                    Ok(()) => RunEnd::Completed,
                    Err(why) => RunEnd::Error(why.clone()),
                };
                let ended = super::Millis::of(clock.now());
                let closed = store.end(ended, &end).map_err(|it| chain_of(&it));
                written.and(closed)
            })?;
        Ok(Writer {
            queue,
            state,
            thread,
        })
    }

    /// How it goes.
    #[must_use]
    pub fn state(&self) -> WriterState {
        lock(&self.state).clone()
    }

    /// Whether it still runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Writes what waits, and ends the run.
    ///
    /// # Errors
    /// What could not be written, and why.
    pub fn close(self) -> Result<WriterState, String> {
        self.queue.close();
        let ended = self.thread.join();
        let state = lock(&self.state).clone();
        match ended {
            Ok(Ok(())) => Ok(state),
            Ok(Err(why)) => Err(why),
            Err(_) => Err("the thread that writes the database has panicked".to_owned()),
        }
    }
}

fn lock(state: &Mutex<WriterState>) -> MutexGuard<'_, WriterState> {
    // A state is put in as a whole.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Writing<'a> {
    store: &'a mut dyn Store,
    queue: &'a Queue,
    clock: &'a dyn Clock,
    options: &'a WriterOptions,
    state: &'a Mutex<WriterState>,
    tell: &'a dyn Fn(&str),
}

impl Writing<'_> {
    fn all(mut self) -> Result<(), String> {
        let WriterOptions {
            batch,
            flush,
            rows_max,
            patience,
        } = *self.options;
        let mut late: Option<Instant> = None;
        while let Some(entries) = self.queue.take(batch, flush, rows_max) {
            let began = Instant::now();
            loop {
                match self.store.write(&entries) {
                    Ok(written) => {
                        self.wrote(written, began.elapsed());
                        break;
                    }
                    Err(error) => {
                        let why = chain_of(&error);
                        self.is_wrong(&why);
                        if self.queue.is_closed() {
                            let until = *late.get_or_insert_with(|| Instant::now() + patience);
                            if until <= Instant::now() {
                                let rows = self.queue.rows();
                                return Err(format!("{rows} rows were not written: {why}"));
                            }
                        }
                    }
                }
                thread::sleep(AGAIN.min(patience / 4));
            }
            self.queue.wrote();
        }
        Ok(())
    }

    fn wrote(&mut self, written: Written, took: Duration) {
        for note in self.store.notes() {
            (self.tell)(&note);
        }
        let size = self.store.size();
        let mut state = lock(self.state);
        state.commits += 1;
        state.size = size;
        state.slowest = state.slowest.max(took);
        state.written.add(&written);
        if let Some((_, since)) = state.trouble.take() {
            drop(state);
            (self.tell)(&format!(
                "the database can be written again; it could not since {since}"
            ));
        }
    }

    fn is_wrong(&self, why: &str) {
        let now = self.clock.now();
        let mut state = lock(self.state);
        let is_new = state.trouble.as_ref().is_none_or(|(it, _)| it != why);
        let since = state.trouble.take().map_or(now, |(_, since)| since);
        state.trouble = Some((why.to_owned(), since));
        drop(state);
        if is_new {
            (self.tell)(&format!("{why}; what comes waits until it can be written"));
        }
    }
}
