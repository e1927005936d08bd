//! A recording in memory: its outermost calls in the order in which they began, and the ways in.
//!
//! Always true:
//! - Calls stand in the order of their beginnings; those of one instant, in that of the stream.
//! - Calls have one key when method and arguments say the same, however they are spelled.
//! - A line that cannot be read is an error with its place, and there is no recording.
//!
//! Not here: which answer was given already.

use std::collections::HashMap;
use std::ops::ControlFlow;

use serde::Serialize;

use super::error::{Asked, Expected, Gap, OpenReplayError};
use crate::journal::{EntryRef, Reader};
use crate::record::field::{Json, Text, Word};
use crate::record::{CallRecord, Invalid, Problem};
use crate::time::Timestamp;

/// All that a replay knows and never changes.
#[derive(Debug, Default)]
pub(super) struct Recording {
    keys: Keys,
    /// By their beginnings.
    calls: Vec<Call>,
    /// Of each key, its inputs in order.
    pub(super) inputs: Vec<Vec<u32>>,
    /// Of each recorded thread, its calls in order.
    pub(super) lanes: Vec<Lane>,
    pub(super) gaps: Vec<Gap>,
}

/// A call and its answer.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) at: Timestamp,
    /// What orders the calls of one instant.
    tie: (u64, u64),
    pub(super) key: u32,
    lane: u32,
    pub(super) is_output: bool,
    pub(super) answer: Answer,
}

#[derive(Debug)]
pub(super) enum Answer {
    /// `None` is `null`.
    Result(Option<Json>),
    Error(Text),
}

/// A thread of the recording.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) name: Option<Box<str>>,
    /// All its calls.
    pub(super) calls: Vec<u32>,
    /// Its outputs.
    pub(super) outputs: Vec<u32>,
}

impl Recording {
    /// All calls of a reader, decoded on all cores.
    pub(super) fn read(reader: &Reader<CallRecord>) -> Result<Recording, OpenReplayError> {
        let parts = reader.visit_unordered(Part::default, |part, entry| {
            match entry
                .map_err(OpenReplayError::Read)
                .and_then(|it| part.take_entry(&it))
            {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    part.failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        });
        Recording::join(parts)
    }

    /// These calls; those of one instant stay in this order.
    pub(super) fn of(
        calls: impl IntoIterator<Item = CallRecord>,
    ) -> Result<Recording, OpenReplayError> {
        let mut part = Part::default();
        for (number, call) in (1..).zip(calls) {
            let place = || format!("call {number}");
            part.take(&call, (number, 0), &place)?;
        }
        Recording::join(vec![part])
    }

    fn join(parts: Vec<Part>) -> Result<Recording, OpenReplayError> {
        let mut recording = Recording::default();
        let mut lanes = HashMap::new();
        for mut part in parts {
            if let Some(error) = part.failed {
                return Err(error);
            }
            let keys: Vec<u32> = part
                .keys
                .asked
                .into_iter()
                .map(|it| recording.keys.of(it))
                .collect();
            let mut here = Vec::new();
            for name in part.lanes {
                let next = u32::try_from(lanes.len()).unwrap_or(u32::MAX);
                here.push(*lanes.entry(name).or_insert(next));
            }
            for call in &mut part.calls {
                call.key = get(&keys, call.key);
                call.lane = get(&here, call.lane);
            }
            recording.calls.append(&mut part.calls);
            recording.gaps.append(&mut part.gaps);
        }
        recording.lanes.resize_with(lanes.len(), Lane::default);
        for (name, lane) in lanes {
            if let Some(found) = recording.lanes.get_mut(index(lane)) {
                found.name = name;
            }
        }
        recording.order();
        Ok(recording)
    }

    fn order(&mut self) {
        self.calls.sort_unstable_by_key(|it| (it.at, it.tie));
        self.gaps.sort_by_key(|it| (it.from, it.to));
        self.inputs.resize_with(self.keys.asked.len(), Vec::new);
        for (number, call) in (0_u32..).zip(&self.calls) {
            if let Some(lane) = self.lanes.get_mut(index(call.lane)) {
                lane.calls.push(number);
                if call.is_output {
                    lane.outputs.push(number);
                }
            }
            if let Some(inputs) = self
                .inputs
                .get_mut(index(call.key))
                .filter(|_| !call.is_output)
            {
                inputs.push(number);
            }
        }
    }

    pub(super) fn key(&self, asked: &Asked) -> Option<u32> {
        self.keys.find(asked)
    }

    /// The same, where it is spelled as in the recording: found without another look at it.
    pub(super) fn key_of<A: Serialize + ?Sized>(&self, method: &str, args: &A) -> Option<u32> {
        let mut text = serde_json::to_string(args).ok()?;
        if text == "null" {
            text.replace_range(.., "[]");
        } else if !text.starts_with('[') {
            return None;
        }
        text.push_str("\n{}\n");
        text.push_str(method);
        self.keys.by_text.get(&*text).copied()
    }

    /// What a key asks.
    pub(super) fn asked(&self, key: u32) -> Option<&Asked> {
        self.keys.asked.get(index(key))
    }

    /// Whether secrets were taken out of what was asked.
    pub(super) fn is_redacted(&self) -> bool {
        self.keys.asked.iter().any(Asked::has_redacted)
    }

    pub(super) fn call(&self, number: u32) -> Option<&Call> {
        self.calls.get(index(number))
    }

    pub(super) fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// A call as it is shown to whoever expected it.
    pub(super) fn expected(&self, number: u32) -> Option<Expected> {
        let call = self.call(number)?;
        let asked = self.asked(call.key)?.clone();
        Some(Expected { asked, at: call.at })
    }

    /// When the first call began.
    pub(super) fn begin(&self) -> Option<Timestamp> {
        self.calls.first().map(|it| it.at)
    }
}

/// A position in a list; there are fewer than a 32-bit number counts.
pub(super) fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn get(ids: &[u32], number: u32) -> u32 {
    ids.get(index(number)).copied().unwrap_or(u32::MAX)
}

/// Which calls ask the same.
#[derive(Debug, Default)]
struct Keys {
    /// By text: as calls were spelled, and in the one spelling of their meaning. A text is JSON
    /// whichever of the two it is, so no text can stand for two keys.
    by_text: HashMap<Box<str>, u32>,
    /// Of each key, how it was first spelled.
    asked: Vec<Asked>,
}

impl Keys {
    /// The key of what a call asked; `text` is memory that is used again.
    fn of_call(&mut self, call: &CallRecord, text: &mut String) -> u32 {
        spell(
            call.args().as_str(),
            call.kwargs().as_str(),
            call.method(),
            text,
        );
        match self.by_text.get(text.as_str()) {
            Some(key) => *key,
            None => self.add(Asked::by(call)),
        }
    }

    fn of(&mut self, asked: Asked) -> u32 {
        let known = self.by_text.get(&*spelled(&asked)).copied();
        known.unwrap_or_else(|| self.add(asked))
    }

    /// The key of what was never spelled so before.
    fn add(&mut self, asked: Asked) -> u32 {
        let next = u32::try_from(self.asked.len()).unwrap_or(u32::MAX);
        let key = *self.by_text.entry(meaning(&asked).into()).or_insert(next);
        self.by_text.insert(spelled(&asked).into(), key);
        if key == next {
            self.asked.push(asked);
        }
        key
    }

    fn find(&self, asked: &Asked) -> Option<u32> {
        let known = self.by_text.get(&*spelled(asked));
        known
            .or_else(|| self.by_text.get(&*meaning(asked)))
            .copied()
    }
}

/// The text of what is asked. The method is last: JSON has no line break in it, a method may.
fn spell(args: &str, kwargs: &str, method: &str, out: &mut String) {
    out.clear();
    for part in [args, "\n", kwargs, "\n", method] {
        out.push_str(part);
    }
}

fn spelled(asked: &Asked) -> String {
    let mut text = String::new();
    let (args, kwargs) = (asked.args().as_str(), asked.kwargs().as_str());
    spell(args, kwargs, asked.method(), &mut text);
    text
}

/// The one text of all that ask the same.
fn meaning(asked: &Asked) -> String {
    let (args, kwargs) = (asked.args().meaning(), asked.kwargs().meaning());
    format!("{args}\n{kwargs}\n{}", asked.method())
}

/// What one worker read, with keys and threads numbered by itself.
#[derive(Debug, Default)]
struct Part {
    keys: Keys,
    /// The names of the threads, by number.
    lanes: Vec<Option<Box<str>>>,
    /// The number of the thread that the last call was of.
    lane: usize,
    calls: Vec<Call>,
    gaps: Vec<Gap>,
    text: String,
    failed: Option<OpenReplayError>,
}

impl Part {
    fn take_entry(&mut self, entry: &EntryRef<'_, CallRecord>) -> Result<(), OpenReplayError> {
        let tie = (entry.seq().unwrap_or(u64::MAX), entry.line.position().byte);
        self.take(entry.record, tie, &|| entry.line.position().to_string())
    }

    fn take(
        &mut self,
        call: &CallRecord,
        tie: (u64, u64),
        place: &dyn Fn() -> String,
    ) -> Result<(), OpenReplayError> {
        let is_output = match call.role().map(Word::as_str) {
            None | Some("input") => false,
            Some("output") => true,
            Some("gap") => {
                self.gaps.push(Gap::told_by(call));
                return Ok(());
            }
            Some(role) => {
                let rule = "must be a role that this version knows: input, output or gap";
                let problem = Problem::new("role", rule).got(role);
                return Err(OpenReplayError::Call {
                    place: place(),
                    source: Invalid::Fields(vec![problem]),
                });
            }
        };
        // What a recorded call called was its own affair: it is answered by the outer one.
        if call.depth().is_some_and(|it| it != 0) {
            return Ok(());
        }
        let lane = self.lane(call.thread());
        let answer = match &call.parts().error {
            Some(error) => Answer::Error(error.clone()),
            None => Answer::Result(call.result().cloned()),
        };
        self.calls.push(Call {
            at: call.parts().timestamp,
            tie,
            key: self.keys.of_call(call, &mut self.text),
            lane,
            is_output,
            answer,
        });
        Ok(())
    }

    /// The number of a thread. Most calls are of the same one as the call before.
    fn lane(&mut self, thread: Option<&str>) -> u32 {
        let is_it = |name: &Option<Box<str>>| name.as_deref() == thread;
        if !self.lanes.get(self.lane).is_some_and(is_it) {
            let known = self.lanes.iter().position(is_it);
            self.lane = known.unwrap_or_else(|| {
                self.lanes.push(thread.map(Into::into));
                self.lanes.len() - 1
            });
        }
        u32::try_from(self.lane).unwrap_or(u32::MAX)
    }
}
