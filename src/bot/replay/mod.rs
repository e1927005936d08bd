//! Replay: the calls of a bot answered from a recording instead of the world outside.
//!
//! Always true:
//! - A recorded input answers once, the one whose call began first before the others that asked the
//!   same; an error that was recorded is an answer like any other.
//! - Outputs come in the order in which they were recorded, each with the recorded arguments; the first
//!   that does not is an error that shows both. Then it is answered with what was recorded.
//! - What a recorded call called itself (a depth above 0) is neither asked for nor answered.
//! - Arguments are compared by what they say: numbers by their decimal value, objects by their keys.
//! - Any thread may ask. The first trouble is kept for [`Replay::finish`], whatever the bot makes of it.
//!
//! Of several threads of a recording each has its own order, and no one order binds them together: they
//! took turns by chance. So a call under [`Strictness::Exact`], and every output, has to be the *next of
//! one recorded thread*. With one thread that is the order of the recording. Where it is the next of
//! several, it is that of the thread with the asking thread's name, else the one that began first.
//!
//! Not here: what a bot asks for, and the comparing of two recordings.

mod clock;
mod error;
mod progress;
mod recording;

use std::{
    fmt,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, Thread},
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};

pub use clock::ReplayClock;
pub use error::{Asked, Difference, Expected, Gap, OpenReplayError, ReplayError, Unanswered, Why};

use super::recorder::Redaction;
use crate::journal::Journal;
use crate::record::field::SessionId;
use crate::record::{CallRecord, Record as _, SessionRecord};
use crate::time::{Clock as _, Timestamp};
use clock::Pace;
use progress::{Progress, Question};
use recording::{Answer, Call, Recording};

/// A recording that answers calls. Cheap to clone; all clones are one replay.
///
/// ```
/// use tradejournal::bot::{Replay, ReplayError, ReplayOptions};
/// use tradejournal::record::{CallRecord, Record as _};
///
/// let line = br#"{"timestamp":"2024-01-08T14:30:00.123Z","method":"get_last_price","args":["AAPL"],
///     "kwargs":{},"result":"185.20","error":null,"duration_ns":84120,"thread":"main","depth":0,"role":"input"}"#;
/// let replay = Replay::of([CallRecord::decode(line)?], ReplayOptions::new())?;
///
/// let price: Result<String, ReplayError> = replay.call("get_last_price", &("AAPL",));
/// assert_eq!(price?, "185.20");
/// let again: Result<String, ReplayError> = replay.call("get_last_price", &("AAPL",));
/// assert_eq!(
///     again.unwrap_err().to_string(),
///     r#"no answer to get_last_price ["AAPL"]: it was recorded once, and is answered"#
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Replay {
    shared: Arc<Shared>,
}

struct Shared {
    recording: Recording,
    clock: ReplayClock,
    progress: Mutex<Progress>,
    /// `None` where nothing was taken out of the recording.
    redaction: Option<Mutex<Redaction>>,
}

/// How strictly a bot is held to the recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Strictness {
    /// The same calls in the same order, of each recorded thread.
    Exact,
    /// Each input in any order; those that ask the same are answered one after the other.
    #[default]
    ByKey,
    /// The last answer whose call began at or before the clock's time, as often as it is asked for. The
    /// clock moves by [`ReplayClock::move_to`], and by outputs.
    LatestAt,
}

/// What is replayed, and how.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ReplayOptions {
    strictness: Strictness,
    session: Option<SessionId>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    pace: Option<Pace>,
    redaction: Redaction,
}

/// How much of a recording nobody asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Remaining {
    /// Inputs; none are counted under [`Strictness::LatestAt`], which uses none up.
    pub inputs: u64,
    /// Outputs.
    pub outputs: u64,
}

impl ReplayOptions {
    /// All calls of the stream, by key, as fast as the bot goes. Where it holds several runs, they are
    /// one recording: the answers of a later run come after those of an earlier one.
    pub fn new() -> ReplayOptions {
        ReplayOptions::default()
    }

    /// How strictly the bot is held to the recording.
    pub fn strictness(mut self, strictness: Strictness) -> ReplayOptions {
        self.strictness = strictness;
        self
    }

    /// Only what this run called: from its beginning to that of the next run that was recorded. (A call does
    /// not bear its session; a journal has one recorder at a time.)
    pub fn session(mut self, session: SessionId) -> ReplayOptions {
        self.session = Some(session);
        self
    }

    /// Only calls that began at this time or later.
    pub fn from(mut self, from: Timestamp) -> ReplayOptions {
        self.from = Some(from);
        self
    }

    /// Only calls that began before this time.
    pub fn to(mut self, to: Timestamp) -> ReplayOptions {
        self.to = Some(to);
        self
    }

    /// What the recorder took out: the bot asks with its secrets, and finds what was recorded without them.
    /// The recorder's own default unless set.
    pub fn redaction(mut self, redaction: Redaction) -> ReplayOptions {
        self.redaction = redaction;
        self
    }

    /// So many times as fast as it was recorded: a call that is answered sleeps until it is its time. It
    /// sleeps on the thread that asked, in async code too.
    pub fn paced(mut self, speed: NonZeroU32) -> ReplayOptions {
        self.pace = Some(Pace::real(speed));
        self
    }

    /// As [`ReplayOptions::paced`], with another way to wait: `wait` is given how much time has to have
    /// gone by since the first call, and returns when it has.
    pub fn paced_by(
        mut self,
        speed: NonZeroU32,
        wait: impl Fn(Duration) + Send + Sync + 'static,
    ) -> ReplayOptions {
        self.pace = Some(Pace::by(speed, wait));
        self
    }

    /// What began between both.
    fn spans(&self, from: Option<Timestamp>, to: Option<Timestamp>) -> Span {
        let earlier = |a: Timestamp, b: Option<Timestamp>| b.map_or(a, |b| a.min(b));
        Span {
            from: self.from.max(from),
            to: self.to.map(|it| earlier(it, to)).or(to),
        }
    }
}

/// When the calls of a replay began.
#[derive(Clone, Copy)]
struct Span {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

impl Span {
    fn holds(self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at < to)
    }
}

impl Replay {
    /// The recording in the journal's stream of calls, read on all cores.
    ///
    /// # Errors
    /// [`OpenReplayError`] when a line cannot be read, or the session is unknown.
    pub fn open(journal: &Journal, options: ReplayOptions) -> Result<Replay, OpenReplayError> {
        let span = match options.session {
            Some(session) => {
                let (from, to) = run(journal, session)?;
                options.spans(Some(from), to)
            }
            None => options.spans(None, None),
        };
        let mut reader = journal.read::<CallRecord>();
        if let Some(from) = span.from {
            reader = reader.from(from);
        }
        if let Some(to) = span.to {
            reader = reader.to(to);
        }
        Ok(Replay::new(Recording::read(&reader)?, options))
    }

    /// A recording that is in memory.
    ///
    /// # Errors
    /// [`OpenReplayError`] when a call has a role that this version does not know, or a session is asked
    /// for: that takes a journal.
    pub fn of(
        calls: impl IntoIterator<Item = CallRecord>,
        options: ReplayOptions,
    ) -> Result<Replay, OpenReplayError> {
        if let Some(session) = options.session {
            return Err(OpenReplayError::NoSession { session });
        }
        let span = options.spans(None, None);
        let calls = calls.into_iter().filter(|it| span.holds(it.timestamp()));
        Ok(Replay::new(Recording::of(calls)?, options))
    }

    fn new(recording: Recording, options: ReplayOptions) -> Replay {
        let begin = recording.begin().or(options.from);
        let clock = ReplayClock::new(begin.unwrap_or(Timestamp::MIN), options.pace);
        let progress = Mutex::new(Progress::new(&recording, options.strictness));
        let redaction = recording.is_redacted().then_some(options.redaction);
        Replay {
            shared: Arc::new(Shared {
                recording,
                clock,
                progress,
                redaction: redaction.map(Mutex::new),
            }),
        }
    }

    /// The recorded answer to an input.
    ///
    /// # Errors
    /// What [`ReplayError`] says, as the bot's own error: the recorded error among others.
    pub fn call<T, E>(&self, method: &str, args: &(impl Serialize + ?Sized)) -> Result<T, E>
    where
        T: DeserializeOwned,
        E: From<ReplayError>,
    {
        Ok(self.asked(method, args, false)?)
    }

    /// The recorded answer to an output, if it is the one that comes next.
    ///
    /// # Errors
    /// What [`ReplayError`] says, as the bot's own error: the recorded error among others.
    pub fn output<T, E>(&self, method: &str, args: &(impl Serialize + ?Sized)) -> Result<T, E>
    where
        T: DeserializeOwned,
        E: From<ReplayError>,
    {
        Ok(self.asked(method, args, true)?)
    }

    /// As [`Replay::call`], with arguments by name too.
    ///
    /// # Errors
    /// See [`Replay::call`].
    pub fn call_of<T, E>(&self, asked: Asked) -> Result<T, E>
    where
        T: DeserializeOwned,
        E: From<ReplayError>,
    {
        Ok(self.answered(&asked, self.key(&asked), false)?)
    }

    /// As [`Replay::output`], with arguments by name too.
    ///
    /// # Errors
    /// See [`Replay::output`].
    pub fn output_of<T, E>(&self, asked: Asked) -> Result<T, E>
    where
        T: DeserializeOwned,
        E: From<ReplayError>,
    {
        Ok(self.answered(&asked, self.key(&asked), true)?)
    }

    /// The time of the replay.
    #[must_use]
    pub fn clock(&self) -> ReplayClock {
        self.shared.clock.clone()
    }

    /// What the recording lost, in the order of time. The answers behind a gap are those of later calls
    /// than a bot may think, unless it is held to [`Strictness::Exact`].
    #[must_use]
    pub fn gaps(&self) -> &[Gap] {
        &self.shared.recording.gaps
    }

    /// How many calls there are to be answered, from the beginning on.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.recording.calls().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How much nobody asked for yet.
    #[must_use]
    pub fn remaining(&self) -> Remaining {
        self.lock().remaining(&self.shared.recording)
    }

    /// The first thing that went otherwise than in the recording: a different output or call, one
    /// without an answer, an answer that the bot could not read.
    #[must_use]
    pub fn trouble(&self) -> Option<ReplayError> {
        self.lock().trouble().cloned()
    }

    /// Whether the bot did what was recorded: nothing went otherwise, and nothing is left over.
    ///
    /// # Errors
    /// [`Replay::trouble`] if there is one, else [`ReplayError::LeftOver`].
    pub fn finish(&self) -> Result<(), ReplayError> {
        let (progress, recording) = (self.lock(), &self.shared.recording);
        if let Some(trouble) = progress.trouble() {
            return Err(trouble.clone());
        }
        let left = progress.first_left(recording);
        let Some(first) = left.and_then(|it| recording.expected(it)) else {
            return Ok(());
        };
        let Remaining { inputs, outputs } = progress.remaining(recording);
        Err(ReplayError::LeftOver {
            inputs,
            outputs,
            first: Box::new(first),
        })
    }

    fn asked<T: DeserializeOwned>(
        &self,
        method: &str,
        args: &(impl Serialize + ?Sized),
        is_output: bool,
    ) -> Result<T, ReplayError> {
        let recording = &self.shared.recording;
        let known = recording.key_of(method, args);
        if let Some(asked) = known.and_then(|it| recording.asked(it)) {
            return self.answered(asked, known, is_output);
        }
        let asked = self.noted(Asked::of(method, args))?;
        self.answered(&asked, self.key(&asked), is_output)
    }

    fn answered<T: DeserializeOwned>(
        &self,
        asked: &Asked,
        key: Option<u32>,
        is_output: bool,
    ) -> Result<T, ReplayError> {
        let Shared {
            recording, clock, ..
        } = &*self.shared;
        let thread = (1 < recording.lanes.len()).then(thread::current);
        let question = Question {
            asked,
            key,
            is_output,
            thread: thread.as_ref().and_then(Thread::name),
            now: clock.now(),
        };
        let call = self.lock().take(recording, question)?;
        // Without the lock: paced, this waits.
        clock.move_to(call.at);
        self.noted(read(call, asked))
    }

    /// Which recorded calls ask the same, with their secrets or without.
    fn key(&self, asked: &Asked) -> Option<u32> {
        let recording = &self.shared.recording;
        recording.key(asked).or_else(|| {
            let redaction = self.shared.redaction.as_ref()?;
            let mut redaction = redaction.lock().unwrap_or_else(PoisonError::into_inner);
            recording.key(&asked.redacted(&mut redaction)?)
        })
    }

    /// Keeps an error for the end.
    fn noted<T>(&self, result: Result<T, ReplayError>) -> Result<T, ReplayError> {
        if let Err(error) = &result {
            self.lock().note(error);
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        // Counts that are moved one at a time: a panic elsewhere leaves them usable.
        let progress = &self.shared.progress;
        progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay")
            .field("calls", &self.len())
            .field("remaining", &self.remaining())
            .finish_non_exhaustive()
    }
}

/// What was recorded, as the bot reads it.
fn read<T: DeserializeOwned>(call: &Call, asked: &Asked) -> Result<T, ReplayError> {
    let json = match &call.answer {
        Answer::Result(Some(json)) => json.as_str(),
        Answer::Result(None) => "null",
        Answer::Error(text) => {
            let text = text.as_str().to_owned();
            return Err(ReplayError::Recorded { text });
        }
    };
    serde_json::from_str(json).map_err(|source| ReplayError::Answer {
        asked: Box::new(asked.clone()),
        at: call.at,
        source: Arc::new(source),
    })
}

/// When the run began, and when the next one did that was recorded.
fn run(
    journal: &Journal,
    session: SessionId,
) -> Result<(Timestamp, Option<Timestamp>), OpenReplayError> {
    let mut starts = Vec::new();
    let mut found = None;
    for entry in journal.read::<SessionRecord>() {
        let record = entry.map_err(OpenReplayError::Read)?.record;
        if record.session_id() == session {
            found = found.or(Some(record.timestamp()));
        } else if record.is_recorded() {
            starts.push(record.timestamp());
        }
    }
    let from = found.ok_or(OpenReplayError::NoSession { session })?;
    let next = starts.into_iter().filter(|it| from < *it).min();
    Ok((from, next))
}

#[cfg(test)]
mod tests;
