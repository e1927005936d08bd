//! How far a replay is: which call is answered next, and what speaks against it.
//!
//! Always true:
//! - A recorded call is taken once, but for inputs under `LatestAt`, which are never used up.
//! - What was refused takes nothing: the recording stands where it stood.
//! - The first trouble is kept, whatever the bot makes of it.

use super::error::{Asked, Difference, Gap, ReplayError, Unanswered, Why};
use super::recording::{Call, Lane, Recording, index};
use super::{Remaining, Strictness};
use crate::time::Timestamp;

/// What changes while a recording is replayed.
#[derive(Debug)]
pub(super) struct Progress {
    strictness: Strictness,
    /// Of each key, how many of its inputs are answered.
    inputs: Vec<usize>,
    /// Of each recorded thread, how many of its calls are taken: of all under `Exact`, else of the outputs.
    lanes: Vec<usize>,
    taken_in_lanes: u64,
    /// When the newest answered call began.
    reached: Option<Timestamp>,
    trouble: Option<ReplayError>,
}

/// What is asked, with what it takes to find it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    pub(super) asked: &'a Asked,
    /// `None` when it was never asked in the recording.
    pub(super) key: Option<u32>,
    pub(super) is_output: bool,
    /// The name of the thread that asks, where the recording has several.
    pub(super) thread: Option<&'a str>,
    /// What time it is in the replay.
    pub(super) now: Timestamp,
}

impl Progress {
    pub(super) fn new(recording: &Recording, strictness: Strictness) -> Progress {
        Progress {
            strictness,
            inputs: vec![0; recording.inputs.len()],
            lanes: vec![0; recording.lanes.len()],
            taken_in_lanes: 0,
            reached: None,
            trouble: None,
        }
    }

    /// Takes the call that answers it.
    pub(super) fn take<'r>(
        &mut self,
        recording: &'r Recording,
        question: Question<'_>,
    ) -> Result<&'r Call, ReplayError> {
        let found = match self.strictness {
            Strictness::Exact => self.in_lane(recording, question),
            _ if question.is_output => self.output(recording, question),
            Strictness::ByKey => self.next_input(recording, question),
            Strictness::LatestAt => self.latest_input(recording, question),
        };
        let found = found.and_then(|number| {
            let lost = || self.unanswered(recording, question, Why::Never);
            recording.call(number).ok_or_else(lost)
        });
        match &found {
            Ok(call) => self.reached = self.reached.max(Some(call.at)),
            Err(error) => self.note(error),
        }
        found
    }

    /// Keeps the first trouble.
    pub(super) fn note(&mut self, error: &ReplayError) {
        if self.trouble.is_none() && error.is_trouble() {
            self.trouble = Some(error.clone());
        }
    }

    pub(super) fn trouble(&self) -> Option<&ReplayError> {
        self.trouble.as_ref()
    }

    pub(super) fn remaining(&self, recording: &Recording) -> Remaining {
        let mut remaining = Remaining::default();
        self.each_left(recording, |number| {
            match recording.call(number).is_some_and(|it| it.is_output) {
                true => remaining.outputs += 1,
                false => remaining.inputs += 1,
            }
        });
        remaining
    }

    /// The earliest call that is left over.
    pub(super) fn first_left(&self, recording: &Recording) -> Option<u32> {
        let mut first = None;
        self.each_left(recording, |number| {
            first = Some(first.map_or(number, |it: u32| it.min(number)));
        });
        first
    }

    fn each_left(&self, recording: &Recording, mut each: impl FnMut(u32)) {
        for (lane, taken) in recording.lanes.iter().zip(&self.lanes) {
            let left = self.list(lane).get(*taken..).unwrap_or_default();
            left.iter().copied().for_each(&mut each);
        }
        if self.strictness == Strictness::ByKey {
            for (inputs, taken) in recording.inputs.iter().zip(&self.inputs) {
                let left = inputs.get(*taken..).unwrap_or_default();
                left.iter().copied().for_each(&mut each);
            }
        }
    }

    /// The calls of a recorded thread that have to come in their order.
    fn list<'r>(&self, lane: &'r Lane) -> &'r [u32] {
        match self.strictness {
            Strictness::Exact => &lane.calls,
            Strictness::ByKey | Strictness::LatestAt => &lane.outputs,
        }
    }

    fn output(
        &mut self,
        recording: &Recording,
        question: Question<'_>,
    ) -> Result<u32, ReplayError> {
        if !inputs(recording, question.key).is_empty() {
            return Err(self.unanswered(recording, question, Why::IsInput));
        }
        self.in_lane(recording, question)
    }

    /// The next call of the recorded thread whose turn it can be: the one that is called as the
    /// asking thread is, else the one whose call began first.
    fn in_lane(
        &mut self,
        recording: &Recording,
        question: Question<'_>,
    ) -> Result<u32, ReplayError> {
        let mut best: Option<(bool, u32, usize)> = None;
        for (place, (lane, taken)) in recording.lanes.iter().zip(&self.lanes).enumerate() {
            let Some(next) = self.list(lane).get(*taken).copied() else {
                continue;
            };
            let call = recording.call(next);
            if call.is_some_and(|it| Some(it.key) == question.key) {
                let is_other = lane.name.as_deref() != question.thread;
                let found = (is_other, next, place);
                best = Some(best.map_or(found, |it| it.min(found)));
            }
        }
        let Some((_, next, place)) = best else {
            return Err(self.difference(recording, question));
        };
        if let Some(taken) = self.lanes.get_mut(place) {
            *taken += 1;
        }
        self.taken_in_lanes += 1;
        Ok(next)
    }

    fn next_input(
        &mut self,
        recording: &Recording,
        question: Question<'_>,
    ) -> Result<u32, ReplayError> {
        let answers = inputs(recording, question.key);
        let taken = question.key.and_then(|it| self.inputs.get_mut(index(it)));
        let next = taken.and_then(|taken| {
            let next = answers.get(*taken).copied()?;
            *taken += 1;
            Some(next)
        });
        next.ok_or_else(|| {
            let why = match answers.len() {
                0 => Why::Never,
                count => Why::UsedUp(count as u64),
            };
            self.unanswered(recording, question, why)
        })
    }

    fn latest_input(
        &self,
        recording: &Recording,
        question: Question<'_>,
    ) -> Result<u32, ReplayError> {
        let answers = inputs(recording, question.key);
        let at = |number: &u32| recording.call(*number).map(|it| it.at);
        let later = answers.partition_point(|it| at(it) <= Some(question.now));
        let latest = later.checked_sub(1).and_then(|it| answers.get(it));
        latest.copied().ok_or_else(|| {
            let why = match answers.first().and_then(at) {
                Some(first) => Why::NotYet(first),
                None => Why::Never,
            };
            self.unanswered(recording, question, why)
        })
    }

    #[cold]
    fn difference(&self, recording: &Recording, question: Question<'_>) -> ReplayError {
        let lanes = recording.lanes.iter().zip(&self.lanes);
        let mut next: Vec<u32> = lanes
            .filter_map(|(lane, taken)| self.list(lane).get(*taken).copied())
            .collect();
        next.sort_unstable();
        let expected = next.into_iter().filter_map(|it| recording.expected(it));
        ReplayError::Different(Box::new(Difference {
            number: self.taken_in_lanes + 1,
            is_output: self.strictness != Strictness::Exact,
            expected: expected.collect(),
            got: question.asked.clone(),
            gap: self.gap(recording),
        }))
    }

    #[cold]
    fn unanswered(&self, recording: &Recording, question: Question<'_>, why: Why) -> ReplayError {
        // A key without inputs that is known has outputs.
        let why = match why {
            Why::Never if question.key.is_some() => Why::IsOutput,
            why => why,
        };
        ReplayError::Unanswered(Box::new(Unanswered {
            got: question.asked.clone(),
            why,
            gap: self.gap(recording),
        }))
    }

    /// What was lost at or after the place that the replay is at.
    fn gap(&self, recording: &Recording) -> Option<Gap> {
        let reached = self.reached.unwrap_or(Timestamp::MIN);
        let gap = recording.gaps.iter().find(|it| reached <= it.to);
        gap.or_else(|| recording.gaps.last()).cloned()
    }
}

/// The inputs of a key, in order.
fn inputs(recording: &Recording, key: Option<u32>) -> &[u32] {
    let inputs = key.and_then(|it| recording.inputs.get(index(it)));
    inputs.map_or(&[], Vec::as_slice)
}
