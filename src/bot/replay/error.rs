//! What a replay cannot answer, and why: what the bot asked beside what the recording has.
//!
//! Always true:
//! - A difference shows both sides, what was expected and what was asked.
//! - Where calls were lost in recording, whoever finds no answer is told of it.
//!
//! Not here: which call is answered with what.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::bot::recorder::{REDACTED, Redaction};
use crate::journal::ReadError;
use crate::record::field::{Json, JsonObject, SessionId, Wrong};
use crate::record::{CallRecord, Invalid};
use crate::time::Timestamp;

/// A call without its answer: what was asked, and with what.
#[derive(Clone, PartialEq, Eq)]
pub struct Asked {
    method: Box<str>,
    args: Json,
    kwargs: JsonObject,
}

impl Asked {
    /// A call of `method` with its arguments: by position as a tuple or a list, by name as an object,
    /// `()` for none, anything else for the one argument. A recorder takes them the same way.
    ///
    /// # Errors
    /// When the arguments cannot stand in a recording.
    pub fn of<A: Serialize + ?Sized>(method: &str, args: &A) -> Result<Asked, ReplayError> {
        let args = Json::of(args).and_then(|args| match args.as_str().as_bytes() {
            b"null" => Ok((empty()?, JsonObject::default())),
            [b'[', ..] => Ok((args, JsonObject::default())),
            [b'{', ..] => Ok((empty()?, args.as_str().parse()?)),
            _ => Ok((format!("[{args}]").parse()?, JsonObject::default())),
        });
        let (args, kwargs) = args.map_err(|source| ReplayError::arguments(method, source))?;
        Ok(Asked {
            method: method.into(),
            args,
            kwargs,
        })
    }

    /// The same with arguments by name: anything that is serialised as an object.
    ///
    /// # Errors
    /// When the arguments cannot stand in a recording.
    pub fn named<K: Serialize + ?Sized>(self, kwargs: &K) -> Result<Asked, ReplayError> {
        let kwargs = JsonObject::of(kwargs);
        let kwargs = kwargs.map_err(|source| ReplayError::arguments(&self.method, source))?;
        Ok(Asked { kwargs, ..self })
    }

    pub(super) fn by(call: &CallRecord) -> Asked {
        Asked {
            method: call.method().into(),
            args: call.args().clone(),
            kwargs: call.kwargs().clone(),
        }
    }

    /// The same as it stands in a recording, without secrets.
    pub(super) fn redacted(&self, redaction: &mut Redaction) -> Option<Asked> {
        let (args, kwargs) = redaction.call(&self.method, &self.args, &self.kwargs)?;
        Some(Asked {
            method: redaction.text(&self.method).as_ref().into(),
            args,
            kwargs,
        })
    }

    /// Whether something in it is no secret any more.
    pub(super) fn has_redacted(&self) -> bool {
        let texts = [&*self.method, self.args.as_str(), self.kwargs.as_str()];
        texts.iter().any(|it| it.contains(REDACTED))
    }

    /// What is called.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The arguments by position, as a list.
    #[must_use]
    pub fn args(&self) -> &Json {
        &self.args
    }

    /// The arguments by name.
    #[must_use]
    pub fn kwargs(&self) -> &JsonObject {
        &self.kwargs
    }
}

fn empty() -> Result<Json, Wrong> {
    "[]".parse()
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.args)?;
        match self.kwargs.as_str() {
            "{}" => Ok(()),
            kwargs => write!(f, " {kwargs}"),
        }
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Calls that a recorder lost: they happened, and the recording does not have them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// How many, as far as that is known.
    pub lost: Option<u64>,
    /// When the first of them began.
    pub from: Timestamp,
    /// When the last of them began.
    pub to: Timestamp,
    /// Why, in the recorder's words.
    pub cause: Option<String>,
}

impl Gap {
    /// What a gap's line says. What it does not say in words that are known stays open, but for the
    /// time, which is at least that of the line.
    pub(super) fn told_by(line: &CallRecord) -> Gap {
        // serde would take the elements of a list for the fields.
        let said = line
            .result()
            .map(Json::as_str)
            .filter(|it| it.starts_with('{'));
        let said: Said = serde_json::from_str(said.unwrap_or("{}")).unwrap_or_default();
        let at = line.parts().timestamp;
        let time = |text: Option<String>| text.and_then(|it| it.parse().ok());
        let from = time(said.from).unwrap_or(at);
        Gap {
            lost: said.lost,
            from,
            to: time(said.to).unwrap_or(from),
            cause: said.cause,
        }
    }
}

/// What a recorder says of a gap.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    lost: Option<u64>,
    from: Option<String>,
    to: Option<String>,
    cause: Option<String>,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.lost {
            Some(1) => f.write_str("1 call")?,
            Some(lost) => write!(f, "{lost} calls")?,
            None => f.write_str("calls")?,
        }
        write!(f, " from {} to {} lost", self.from, self.to)?;
        match &self.cause {
            Some(cause) => write!(f, " ({cause})"),
            None => Ok(()),
        }
    }
}

/// A recorded call that would have been next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The call.
    pub asked: Asked,
    /// When it began.
    pub at: Timestamp,
}

/// The first call that is not the recorded one: of outputs, or of all calls under
/// [`Strictness::Exact`](super::Strictness::Exact).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which it is, counted from 1: of the outputs, or of all calls.
    pub number: u64,
    /// Whether outputs are counted.
    pub is_output: bool,
    /// What would have been right: the next call of each recorded thread, the earliest first. Empty
    /// where the recording has no more.
    pub expected: Vec<Expected>,
    /// What was asked.
    pub got: Asked,
    /// What the recording lost next, or lost last.
    pub gap: Option<Gap>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.is_output { "output" } else { "call" };
        write!(f, "{what} {} differs: expected ", self.number)?;
        for (index, expected) in self.expected.iter().enumerate() {
            let or = if index == 0 { "" } else { " or " };
            write!(f, "{or}{} (of {})", expected.asked, expected.at)?;
        }
        if self.expected.is_empty() {
            write!(f, "no more {what}s")?;
        }
        write!(f, ", got {}", self.got)?;
        in_gap(self.gap.as_ref(), f)
    }
}

/// A call for which the recording has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// What was asked.
    pub got: Asked,
    /// Why there is none.
    pub why: Why,
    /// What the recording lost next, or lost last: it may be among that.
    pub gap: Option<Gap>,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// It was never asked while it was recorded.
    Never,
    /// It was asked so many times, and has been answered as often.
    UsedUp(u64),
    /// It was first asked then, which is later than the replay is.
    NotYet(Timestamp),
    /// It is recorded as an output.
    IsOutput,
    /// It is an output, and recorded as an input.
    IsInput,
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no answer to {}: ", self.got)?;
        match self.why {
            Why::Never => f.write_str("it was never recorded")?,
            Why::UsedUp(1) => f.write_str("it was recorded once, and is answered")?,
            Why::UsedUp(count) => write!(f, "it was recorded {count} times, and all are answered")?,
            Why::NotYet(first) => write!(f, "it was first recorded at {first}")?,
            Why::IsOutput => f.write_str("it is recorded as an output")?,
            Why::IsInput => f.write_str("it is recorded as an input, and asked as an output")?,
        }
        in_gap(self.gap.as_ref(), f)
    }
}

fn in_gap(gap: Option<&Gap>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match gap {
        Some(gap) => write!(f, "; the recording has a gap: {gap}"),
        None => Ok(()),
    }
}

/// Why a call was not answered as the bot would like it. It can be cloned: a replay keeps the first
/// one for [`Replay::finish`](super::Replay::finish), whatever the bot makes of it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The call failed when it was recorded: that is its answer.
    #[error("{text}")]
    Recorded {
        /// The error's text.
        text: String,
    },
    /// An output, or under `Exact` any call, is another than the recorded one.
    #[error("{0}")]
    Different(Box<Difference>),
    /// The recording has no answer.
    #[error("{0}")]
    Unanswered(Box<Unanswered>),
    /// The arguments cannot stand in a recording.
    #[error("call {method} with arguments that no recording can hold")]
    Arguments {
        /// What was called.
        method: String,
        /// Which rule they break.
        source: Wrong,
    },
    /// The recorded answer is not of the type that the bot reads.
    #[error("answer {asked} with what was recorded at {at}")]
    Answer {
        /// What was asked.
        asked: Box<Asked>,
        /// When the recorded call began.
        at: Timestamp,
        /// What is wrong with it.
        source: Arc<serde_json::Error>,
    },
    /// The bot ended before the recording did.
    #[error("{inputs} inputs and {outputs} outputs are left over; the first is {} (of {})", first.asked, first.at)]
    LeftOver {
        /// Recorded calls that nobody asked for.
        inputs: u64,
        /// Recorded outputs that were never made.
        outputs: u64,
        /// The earliest of them.
        first: Box<Expected>,
    },
}

impl ReplayError {
    #[cold]
    fn arguments(method: &str, source: Wrong) -> ReplayError {
        ReplayError::Arguments {
            method: method.to_owned(),
            source,
        }
    }

    /// Whether it is no answer.
    pub(super) fn is_trouble(&self) -> bool {
        !matches!(self, ReplayError::Recorded { .. })
    }
}

/// Why a recording cannot be replayed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenReplayError {
    /// A line of it cannot be read. Nothing is left out in silence: an answer fewer, and all that
    /// come after it would be wrong ones.
    #[error("read the recording")]
    Read(#[source] ReadError),
    /// A line is no gap though it says so, or has a role that this version does not know.
    #[error("read the recording: bad call at {place}")]
    Call {
        /// Where it is.
        place: String,
        /// What is wrong with it.
        source: Invalid,
    },
    /// The journal does not know the session, or what is replayed has no sessions.
    #[error("find the recording of session {session}")]
    NoSession {
        /// The session that was asked for.
        session: SessionId,
    },
}
