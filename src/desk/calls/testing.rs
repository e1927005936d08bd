//! Calls for the tests of this folder.

use super::recording::Recording;
use crate::record::field::{Json, JsonObject};
use crate::record::{CallParts, CallRecord};
use crate::time::Timestamp;

/// The call `method(args)` with that result, so many seconds after 14:30.
pub(super) fn call(second: i64, method: &str, args: &str, result: &str) -> CallParts {
    let start: Timestamp = "2024-01-09T14:30:00Z".parse().unwrap();
    CallParts {
        timestamp: Timestamp::from_unix(start.unix_secs() + second, 0).unwrap(),
        method: method.parse().unwrap(),
        args: args.parse().unwrap(),
        kwargs: JsonObject::default(),
        result: Some(result.parse::<Json>().unwrap()),
        error: None,
        duration_ns: 1_000_000,
        thread: Some("main".parse().unwrap()),
        depth: None,
        role: None,
    }
}

/// An order that was placed.
pub(super) fn output(second: i64, method: &str, args: &str, result: &str) -> CallParts {
    CallParts {
        role: Some("output".parse().unwrap()),
        ..call(second, method, args, result)
    }
}

pub(super) fn recording(calls: Vec<CallParts>) -> Recording {
    let mut recording = Recording::default();
    for (seq, parts) in (0..).zip(calls) {
        recording.add(Some(seq), CallRecord::new(parts).unwrap());
    }
    recording
}
