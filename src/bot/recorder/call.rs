//! A recorded call, from its beginning to its end.
//!
//! Always true:
//! - A call that was begun ends up in the recording: with its result, its error, or as one that broke off
//!   by a panic or was dropped.
//! - Its arguments are what they were when it began.

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::thread;

use serde::Serialize;

use super::Recorder;
use super::blocks::BLOCK_BYTES;
use super::frame::{self, Outcome, Role};
use super::here::{self, Inside};
use super::packed::{self, PackError};
use super::shared::Shared;

/// A call that was begun and has not ended. Dropped, it is recorded as an error.
#[derive(Debug)]
#[must_use = "a call that is dropped is recorded as one that broke off"]
pub struct Call<'a> {
    recorder: &'a Recorder,
    /// When it began, on the monotonic clock.
    begun: u64,
    /// Whether its end is looked for on the clock.
    is_timed: bool,
    depth: u32,
    /// Empty when the call has ended.
    frame: Vec<u8>,
    /// How long the frame is with all that was known at the beginning.
    asked_len: usize,
}

impl<'a> Call<'a> {
    #[inline]
    pub(super) fn begin<A, K>(
        recorder: &'a Recorder,
        role: Role,
        method: &str,
        args: &A,
        kwargs: &K,
    ) -> Call<'a>
    where
        A: Serialize + ?Sized,
        K: Serialize + ?Sized,
    {
        let shared = recorder.shared();
        let begun = shared.clock.monotonic_nanos();
        let (mut frame, depth) = here::begin();
        frame::begin(&mut frame, shared.unix_nanos(begun), depth, role, method);
        if let Err(error) = packed::pack(args, &mut frame) {
            instead(shared, &error, &mut frame);
        }
        if let Err(error) = packed::pack(kwargs, &mut frame) {
            instead(shared, &error, &mut frame);
        }
        Call {
            recorder,
            begun,
            is_timed: true,
            depth,
            asked_len: frame.len(),
            frame,
        }
    }

    /// It takes no time.
    #[inline]
    pub(super) fn at_once(mut self) -> Call<'a> {
        self.is_timed = false;
        self
    }

    /// Makes the call and records how it came out, with the calls made inside of it one level deeper.
    #[inline]
    pub fn run<T, E>(self, call: impl FnOnce() -> Result<T, E>) -> Result<T, E>
    where
        T: Serialize,
        E: Display,
    {
        let inside = Inside::of(self.depth + 1);
        let result = call();
        drop(inside);
        self.end(&result);
        result
    }

    /// The same for a future.
    pub async fn run_async<T, E>(self, call: impl Future<Output = Result<T, E>>) -> Result<T, E>
    where
        T: Serialize,
        E: Display,
    {
        let depth = self.depth + 1;
        let mut call = pin!(call);
        // A future may go on in another thread each time.
        let deeper = poll_fn(|context| {
            let _inside = Inside::of(depth);
            call.as_mut().poll(context)
        });
        let result = deeper.await;
        self.end(&result);
        result
    }

    /// Records how the call came out.
    #[inline]
    pub fn end<T, E>(self, result: &Result<T, E>)
    where
        T: Serialize,
        E: Display,
    {
        match result {
            Ok(value) => self.end_with(Outcome::Result, |frame| packed::pack(value, frame)),
            Err(error) => self.end_with(Outcome::Error, |frame| {
                packed::pack_shown(error, frame);
                Ok(())
            }),
        }
    }

    /// Records what came of a call that cannot fail.
    #[inline]
    pub fn end_value<T: Serialize + ?Sized>(self, value: &T) {
        self.end_with(Outcome::Result, |frame| packed::pack(value, frame));
    }

    /// Records a result that cannot be serialised, as `{"is_success": .., "raw": ".."}`.
    pub fn end_debug<T: Debug + ?Sized>(self, is_success: bool, raw: &T) {
        let shown = Shown {
            is_success,
            raw: format!("{raw:?}"),
        };
        self.end_value(&shown);
    }

    #[inline]
    fn end_with(
        mut self,
        outcome: Outcome,
        pack: impl FnOnce(&mut Vec<u8>) -> Result<(), PackError>,
    ) {
        let shared = self.recorder.shared();
        let took = match self.is_timed {
            true => shared.clock.monotonic_nanos().saturating_sub(self.begun),
            false => 0,
        };
        frame::end(&mut self.frame, took, outcome);
        // The frame is still the call's: where a value panics when it is serialised, the drop records that.
        if let Err(error) = pack(&mut self.frame) {
            instead(shared, &error, &mut self.frame);
        }
        if BLOCK_BYTES < self.frame.len() {
            shared.tell_large();
        }
        shared.hand_over(std::mem::take(&mut self.frame));
    }
}

/// A call that nobody ended.
impl Drop for Call<'_> {
    fn drop(&mut self) {
        if self.frame.is_empty() {
            return;
        }
        let shared = self.recorder.shared();
        let took = shared.clock.monotonic_nanos().saturating_sub(self.begun);
        let mut frame = std::mem::take(&mut self.frame);
        frame.truncate(self.asked_len);
        frame::end(&mut frame, took, Outcome::Error);
        let why = match thread::panicking() {
            true => "the call panicked",
            false => "the call was dropped before it ended",
        };
        packed::pack_text(why, &mut frame);
        shared.hand_over(frame);
    }
}

/// Says why a part of a call is not recorded, in its place.
#[cold]
fn instead(shared: &Shared, error: &PackError, frame: &mut Vec<u8>) {
    shared.tell_unrecordable();
    let reason = BTreeMap::from([("unrecordable", error.to_string())]);
    // Texts refuse nothing.
    let _ = packed::pack(&reason, frame);
}

#[derive(Serialize)]
struct Shown {
    is_success: bool,
    raw: String,
}
