//! Calls: what a bot asked of the world outside, and what it was told, for replay.
//!
//! Always true: a call has a result or an error, not both. (A result of `null` is a result: it is
//! what a call without an error has.)
//!
//! Not here: which calls are recorded, and what is taken out of them before.

use crate::record::field::{Json, JsonObject, Text, Word};
use crate::record::table::{record_in, table};
use crate::record::{Problem, Stream};
use crate::time::Timestamp;

table! {
    /// A bot called something outside.
    pub struct CallRecord, CallParts, RawCall, CallDraft, rules rules;

    /// When the call began.
    timestamp: Timestamp => Timestamp;
    /// What was called.
    method: Text => &str;
    /// The arguments by position, as a list.
    args: Json => &Json;
    /// The arguments by name.
    kwargs: JsonObject => &JsonObject;
    /// What came back.
    result: Option<Json> => Option<&Json>;
    /// The error instead.
    error: Option<Text> => Option<&str>;
    /// How long it took, in nanoseconds.
    duration_ns: u64 => u64;
    /// The thread or task that called.
    thread: Option<Text> => Option<&str>;
    /// How many recorded calls this one was made inside of.
    depth: Option<u32> => Option<u32>;
    /// What the call is to a replay, such as `input` or `output`.
    role: Option<Word> => Option<&Word>;
}

record_in!(Stream::Calls, CallRecord, timestamp);

fn rules(call: &CallDraft<'_>, problems: &mut Vec<Problem>) {
    if let (Some(Some(result)), Some(Some(error))) = (call.result, call.error) {
        let rule = "must be null where there is a result";
        problems.push(Problem::new("error", rule).got(format_args!("{error:?} beside {result}")));
    }
    if let Some(args) = call.args
        && !args.as_str().starts_with('[')
    {
        problems.push(Problem::new("args", "must be a JSON list").got(args));
    }
}
