//! The recorder: every outside call of a bot goes into the stream `calls`, at no cost to the bot.
//!
//! Always true:
//! - A call's own result is returned untouched, whatever becomes of its record.
//! - What the bot's thread does is to pack the call and hand it over: it takes no lock that a writer holds,
//!   calls nothing of the operating system, wakes nobody, and after the first calls allocates nothing. Where
//!   there is no room, [`WhenFull`] says what happens.
//! - Memory is bounded by the configured capacity, all of it taken when the recorder is opened.
//! - Every call that ended is in the log exactly once, or is counted as lost; losses are in the log too, as
//!   gaps.
//! - Secrets are taken out before anything is written ([`Redaction`]).
//!
//! A killed process loses what waited in memory (some milliseconds of calls) and leaves whole lines; a power
//! cut takes what was not synced yet, which is [`RecorderConfig::sync_every`].
//!
//! Not here: answering calls from a recording.

mod blocks;
mod call;
mod config;
mod error;
mod frame;
mod here;
mod lane;
mod packed;
mod redact;
mod shared;
mod spill;
mod stats;
mod worker;

use std::collections::VecDeque;
use std::fmt::{Debug, Display};
use std::future::Future;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

pub use call::Call;
pub use config::{RecorderConfig, WhenFull};
pub use error::{RecorderError, RecordingError};
pub(in crate::bot) use frame::GAP_METHOD;
pub(in crate::bot) use redact::REDACTED;
pub use redact::Redaction;
pub use stats::{Losses, RecorderStats};

use config::Header;
use frame::{Role, Unpacker};
use shared::Shared;
use spill::Spill;
use worker::Worker;

use crate::bot::{Session, Settings};
use crate::disk::Disk;
use crate::journal::{AppendError, Journal, OpenError, Writer, chain_of};
use crate::record::field::JsonObject;
use crate::record::{CallRecord, Stream};

/// Records the outside calls of a bot. Clones share one recording; the last one that is dropped closes it.
#[derive(Clone, Debug)]
pub struct Recorder {
    guard: Arc<Guard>,
}

#[derive(Debug)]
struct Guard {
    shared: Arc<Shared>,
    session: Session,
    close_wait: Duration,
    /// The process with the worker: a fork has none.
    pid: u32,
}

impl Recorder {
    /// Begins a recording: what an earlier run spilled goes into the log, the session of the run into
    /// `sessions`, and the worker begins.
    ///
    /// # Errors
    /// See [`RecorderError`]; another recorder of the journal is one.
    pub fn open(journal: &Journal, config: RecorderConfig) -> Result<Recorder, RecorderError> {
        let options = worker::options(config.sync_every);
        let writer = journal
            .writer_with::<CallRecord>(&options)
            .map_err(RecorderError::Open)?;
        let unpacker = || Unpacker::new(config.redaction.clone(), journal.allows_personal_data());
        let mut troubles = Vec::new();
        let spill = match &config.when_full {
            WhenFull::Spill { folder, bytes_max } => {
                let disk = Arc::clone(journal.disk());
                let (spill, left) = Spill::open(disk, folder, *bytes_max, unpacker())?;
                troubles = take_up(journal, &writer, left)?;
                Some(spill)
            }
            _ => None,
        };
        let settings = settings(&config.header, config.settings.clone())?;
        let session = Session::start(journal, settings).map_err(RecorderError::Session)?;
        let clock = Arc::clone(journal.clock());
        let shared = Shared::new(clock, config.capacity, config.when_full.clone(), spill);
        let shared = Arc::new(shared);
        troubles
            .into_iter()
            .for_each(|it| shared.report().troubles.keep(it));
        let worker = Worker::new(Arc::clone(&shared), journal, options, unpacker(), writer);
        thread::Builder::new()
            .name("tj-recorder".to_owned())
            .spawn(move || worker.run())
            .map_err(|source| {
                RecorderError::Open(OpenError::Thread {
                    stream: Stream::Calls,
                    source,
                })
            })?;
        Ok(Recorder {
            guard: Arc::new(Guard {
                shared,
                session,
                close_wait: config.close_wait,
                pid: process::id(),
            }),
        })
    }

    /// Makes a call and records it: its arguments (a tuple or list by position, a struct or map by name),
    /// and its result or its error.
    ///
    /// # Errors
    /// The call's own.
    #[inline]
    pub fn call<A, T, E>(
        &self,
        method: &str,
        args: &A,
        call: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E>
    where
        A: Serialize + ?Sized,
        T: Serialize,
        E: Display,
    {
        self.begin(method, args).run(call)
    }

    /// The same for a future, whatever runs it.
    ///
    /// # Errors
    /// The call's own.
    pub async fn call_async<A, T, E>(
        &self,
        method: &str,
        args: &A,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E>
    where
        A: Serialize + ?Sized,
        T: Serialize,
        E: Display,
    {
        self.begin(method, args).run_async(call).await
    }

    /// As [`Recorder::call`], for what the bot tells the world, such as an order: a replay compares it.
    ///
    /// # Errors
    /// The call's own.
    #[inline]
    pub fn output<A, T, E>(
        &self,
        method: &str,
        args: &A,
        call: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E>
    where
        A: Serialize + ?Sized,
        T: Serialize,
        E: Display,
    {
        self.begin_output(method, args).run(call)
    }

    /// The same for a future.
    ///
    /// # Errors
    /// The call's own.
    pub async fn output_async<A, T, E>(
        &self,
        method: &str,
        args: &A,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E>
    where
        A: Serialize + ?Sized,
        T: Serialize,
        E: Display,
    {
        self.begin_output(method, args).run_async(call).await
    }

    /// Begins a call whose arguments are moved into it, or whose end is elsewhere.
    #[inline]
    pub fn begin<A: Serialize + ?Sized>(&self, method: &str, args: &A) -> Call<'_> {
        Call::begin(self, Role::Input, method, args, &())
    }

    /// Begins an output: see [`Recorder::output`].
    #[inline]
    pub fn begin_output<A: Serialize + ?Sized>(&self, method: &str, args: &A) -> Call<'_> {
        Call::begin(self, Role::Output, method, args, &())
    }

    /// Begins a call with arguments by position and by name.
    #[inline]
    pub fn begin_named<A, K>(&self, method: &str, args: &A, kwargs: &K) -> Call<'_>
    where
        A: Serialize + ?Sized,
        K: Serialize + ?Sized,
    {
        Call::begin(self, Role::Input, method, args, kwargs)
    }

    /// Records a call that took no time, or whose time nobody knows.
    #[inline]
    pub fn record<A, T, E>(&self, method: &str, args: &A, result: &Result<T, E>)
    where
        A: Serialize + ?Sized,
        T: Serialize,
        E: Display,
    {
        self.begin(method, args).at_once().end(result);
    }

    /// The same with a result that cannot be serialised: it stands as `{"is_success": .., "raw": ".."}`.
    pub fn record_debug<A, T>(&self, method: &str, args: &A, is_success: bool, raw: &T)
    where
        A: Serialize + ?Sized,
        T: Debug + ?Sized,
    {
        self.begin(method, args)
            .at_once()
            .end_debug(is_success, raw);
    }

    /// How the recording stands.
    #[must_use]
    pub fn stats(&self) -> RecorderStats {
        self.shared().stats()
    }

    /// What went wrong beside the calls since this was last asked.
    #[must_use]
    pub fn troubles(&self) -> Vec<String> {
        self.shared().report().troubles.take()
    }

    /// The session of the run.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.guard.session
    }

    /// Ends the recording, for all clones: what waits is written and synced. Waits no longer than `timeout`;
    /// after that, the next write that fails is given up.
    ///
    /// # Errors
    /// See [`RecordingError`]: what is not in the log.
    pub fn close(&self, timeout: Duration) -> Result<RecorderStats, RecordingError> {
        self.guard.close(timeout)
    }

    #[inline]
    fn shared(&self) -> &Shared {
        &self.guard.shared
    }
}

impl Guard {
    fn close(&self, timeout: Duration) -> Result<RecorderStats, RecordingError> {
        if process::id() != self.pid {
            // Before any lock: a thread that the fork does not have may hold it.
            return Err(RecordingError::Forked);
        }
        let shared = &self.shared;
        shared.is_closed.store(true, Ordering::Release);
        let started = Instant::now();
        let mut report = shared.report();
        while !report.is_done {
            let left = timeout.saturating_sub(started.elapsed());
            if left.is_zero() {
                break;
            }
            let waited = shared.done.wait_timeout(report, left);
            report = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let is_done = report.is_done;
        let (failing, unsynced) = (report.failing.clone(), report.unsynced.clone());
        drop(report);
        shared.is_abandoned.store(true, Ordering::Release);
        let stats = shared.stats();
        let boxed = || Box::new(stats);
        match unsynced {
            // A call that was handed over while the worker ended, or a spill file that is left.
            _ if !is_done || stats.waiting != 0 => Err(RecordingError::Unfinished {
                stats: boxed(),
                source: failing,
            }),
            _ if stats.lost.total() != 0 => Err(RecordingError::Lost {
                stats: boxed(),
                source: failing,
            }),
            Some(error) => Err(RecordingError::Unsynced(error)),
            None => Ok(stats),
        }
    }
}

/// Closes; there is nobody to tell.
impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.close(self.close_wait);
    }
}

/// What the `sessions` line of the run says.
fn settings(header: &Header, settings: Option<Settings>) -> Result<Settings, RecorderError> {
    #[derive(Serialize)]
    struct Metadata<'a> {
        market: &'a str,
        trigger: Option<&'a str>,
        git_hash: Option<&'a str>,
        trader_version: &'a str,
    }
    let version = header.version.to_string();
    let metadata = JsonObject::of(&Metadata {
        market: &header.market,
        trigger: header.trigger.as_deref(),
        git_hash: header.git_hash.as_deref(),
        trader_version: &version,
    });
    let metadata = metadata.map_err(RecorderError::Header)?;
    let settings = settings.unwrap_or_else(|| Settings::new(header.version.clone()));
    Ok(Settings {
        bot_version: header.version.clone(),
        metadata: Some(metadata),
        ..settings
    })
}

/// Appends what an earlier run left in its spill files, but for what it appended itself before it ended. A
/// file or a call that is none is told, and keeps nobody from beginning.
fn take_up(
    journal: &Journal,
    writer: &Writer<CallRecord>,
    left: Vec<PathBuf>,
) -> Result<Vec<String>, RecorderError> {
    let disk: &dyn Disk = &**journal.disk();
    let mut troubles = Vec::new();
    for path in left {
        let failed = |operation| {
            let path = path.clone();
            move |source| RecorderError::Spill {
                operation,
                path,
                source,
            }
        };
        let mut records = match spill::read(disk, &path, None) {
            Ok(records) => VecDeque::from(records),
            Err(error) if error.is_of_the_content() => {
                let aside = spill::aside(&path);
                disk.rename(&path, &aside).map_err(failed("rename"))?;
                troubles.push(format!(
                    "{}: it is {} now",
                    chain_of(&error),
                    aside.display()
                ));
                continue;
            }
            Err(error) => return Err(error),
        };
        let count = records.len() as u64;
        // Order matters: they were appended one after another, so those that are there are the last lines,
        // and the first of the file.
        let lines = journal.read::<CallRecord>().last(count.min(writer.lines()));
        let there = lines.into_iter().map(|it| it.map(|it| it.record));
        let mut there: VecDeque<_> = there
            .collect::<Result<_, _>>()
            .map_err(RecorderError::Read)?;
        while !there.iter().eq(records.iter().take(there.len())) {
            there.pop_front();
        }
        records.drain(..there.len());
        let records: Vec<_> = records.into();
        for some in records.chunks(1024) {
            append_possible(writer, some, &mut troubles).map_err(RecorderError::TakeUp)?;
        }
        writer.sync().map_err(RecorderError::TakeUp)?;
        disk.remove(&path).map_err(failed("remove"))?;
    }
    Ok(troubles)
}

/// Appends those of `records` that are lines of the journal.
fn append_possible(
    writer: &Writer<CallRecord>,
    records: &[CallRecord],
    troubles: &mut Vec<String>,
) -> Result<(), AppendError> {
    let is_of_one = |it: &AppendError| {
        matches!(
            it,
            AppendError::Refused { .. } | AppendError::TooLong { .. }
        )
    };
    match writer.append_all(records) {
        Ok(_) => return Ok(()),
        Err(error) if is_of_one(&error) => {}
        Err(error) => return Err(error),
    }
    for record in records {
        match writer.append(record) {
            Ok(_) => {}
            Err(error) if is_of_one(&error) => troubles.push(chain_of(&error)),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
