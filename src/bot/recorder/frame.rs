//! A call on its way from the thread that made it to the log: packed, and unpacked as a record.
//!
//! Always true:
//! - A frame is what one call left: when, how long, how deep, which method, with what, and what came.
//! - What comes out is a legal record without secrets, or a reason why not.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::packed::{self, tag};
use super::redact::{REDACTED, Redaction};
use crate::record::field::{Json, JsonObject, Text, Word, write_string};
use crate::record::{CallParts, CallRecord, Invalid, personal};
use crate::time::Timestamp;

/// Three words: when the call began, how long it took, and how deep it was (4 bytes) with its role and how
/// it came out.
const HEAD_LEN: usize = 24;
const DURATION_AT: usize = 8;
const OUTCOME_AT: usize = 21;

/// What a call is to a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Input,
    Output,
}

/// How a call came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Result,
    Error,
}

/// A call that has been lost is a record too.
pub(in crate::bot) const GAP_METHOD: &str = "recorder.gap";

impl Role {
    pub(super) const INPUT: Word = Word::known("input");
    pub(super) const OUTPUT: Word = Word::known("output");
    pub(super) const GAP: Word = Word::known("gap");
}

/// Begins a frame in `out`.
pub(super) fn begin(out: &mut Vec<u8>, begun: i64, depth: u32, role: Role, method: &str) {
    let role = u64::from(role as u8) << 32;
    out.clear();
    for word in [
        begun.to_le_bytes(),
        [0; 8],
        (u64::from(depth) | role).to_le_bytes(),
    ] {
        out.extend_from_slice(&word);
    }
    packed::pack_text(method, out);
}

/// When the call in `frame` began.
pub(super) fn begun(frame: &[u8]) -> i64 {
    frame.first_chunk().map_or(0, |it| i64::from_le_bytes(*it))
}

/// Says how long the call took and how it came out; what came follows.
pub(super) fn end(frame: &mut [u8], duration: u64, outcome: Outcome) {
    if let Some(space) = frame.get_mut(DURATION_AT..DURATION_AT + 8) {
        space.copy_from_slice(&duration.to_le_bytes());
    }
    if let Some(space) = frame.get_mut(OUTCOME_AT) {
        *space = outcome as u8;
    }
}

/// Why a frame is no record.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    /// The bytes are not what was packed: a text longer than 4 GiB.
    #[error("the call cannot be unpacked")]
    Cut,
    #[error("the call is no record")]
    Invalid(#[from] Invalid),
}

/// Makes records of frames, in memory that is used again and again.
#[derive(Debug)]
pub(super) struct Unpacker {
    redaction: Redaction,
    allow_personal_data: bool,
    scratch: Vec<u8>,
    /// Names of methods and threads, and what stands in their place.
    names: HashMap<Box<str>, String>,
}

/// Of more names, each is looked at anew.
const NAMES_MAX: usize = 10_000;

impl Unpacker {
    pub(super) fn new(redaction: Redaction, allow_personal_data: bool) -> Unpacker {
        Unpacker {
            redaction,
            allow_personal_data,
            scratch: Vec::new(),
            names: HashMap::new(),
        }
    }

    /// The record of `frame`, which a thread made that [`Unpacker::name_of`] names so, in the memory of
    /// `spare` if there is one.
    pub(super) fn record(
        &mut self,
        frame: &[u8],
        thread: &Text,
        spare: Option<CallRecord>,
    ) -> Result<CallRecord, FrameError> {
        let (head, body) = frame
            .split_first_chunk::<HEAD_LEN>()
            .ok_or(FrameError::Cut)?;
        let mut bytes = Bytes { rest: head };
        let mut parts = spare.map_or_else(blank, CallRecord::into_parts);
        let begun = i64::from_le_bytes(bytes.take()?);
        parts.timestamp = Timestamp::from_unix_nanos(begun.into()).unwrap_or(Timestamp::MAX);
        parts.duration_ns = u64::from_le_bytes(bytes.take()?);
        let depth = u32::from_le_bytes(bytes.take()?);
        parts.depth = (depth != 0).then_some(depth);
        let [role, outcome] = bytes.take()?;
        let is_output = role == Role::Output as u8;
        parts.role = Some(if is_output { Role::OUTPUT } else { Role::INPUT });
        let there = parts.thread.get_or_insert_with(|| Text::known("-"));
        set(there, thread.as_str(), "(no name)");
        let mut bytes = Bytes { rest: body };
        let [tag::TEXT] = bytes.take()? else {
            return Err(FrameError::Cut);
        };
        let method = bytes.text()?;
        self.name(&mut parts.method, method);
        self.arguments(method, &mut bytes, &mut parts)?;
        if outcome == Outcome::Error as u8 {
            parts.result = None;
            parts.error = Some(self.error(&mut bytes)?);
        } else {
            parts.error = None;
            let result = parts.result.get_or_insert_with(Json::null);
            self.json(&mut bytes, |text| result.rewrite(text))?;
        }
        Ok(CallRecord::new(parts)?)
    }

    /// The name of a thread, without what must not land in a recording.
    pub(super) fn name_of(&mut self, name: &str) -> Text {
        let mut text = Text::known("-");
        self.name(&mut text, name);
        text
    }

    /// A name of a thread or a method, as a journal takes it and without secrets. There are few of them.
    fn name(&mut self, there: &mut Text, name: &str) {
        if let Some(known) = self.names.get(name) {
            return set(there, known, "(no name)");
        }
        let clean = self.redaction.text(name).into_owned();
        let clean = match self.allow_personal_data {
            true => clean,
            false => personal::masked(&clean).into_owned(),
        };
        set(there, &clean, "(no name)");
        if self.names.len() < NAMES_MAX {
            self.names.insert(name.into(), clean);
        }
    }

    /// What stands as `args` and as `kwargs`: a list by position, an object by name, anything else is the
    /// one argument.
    fn arguments(
        &mut self,
        method: &str,
        bytes: &mut Bytes<'_>,
        parts: &mut CallParts,
    ) -> Result<(), FrameError> {
        let secret = self.redaction.arguments(method).cloned();
        if (bytes.tag(), secret.is_none()) == (tag::LIST, true) {
            let args = &mut parts.args;
            self.json(bytes, |text| args.rewrite(text))?;
            if bytes.tag() == tag::NULL {
                let [_] = bytes.take()?;
                parts.kwargs.rewrite("{}");
                return Ok(());
            }
            let by_position = parts.args.to_string();
            return self.rest_of_arguments(by_position, bytes, parts);
        }
        let by_position = self.list(bytes, secret)?;
        self.rest_of_arguments(by_position, bytes, parts)
    }

    fn rest_of_arguments(
        &mut self,
        by_position: String,
        bytes: &mut Bytes<'_>,
        parts: &mut CallParts,
    ) -> Result<(), FrameError> {
        let by_name = self.json(bytes, str::to_owned)?;
        let args_of = |value: &str| match value.as_bytes().first() {
            Some(b'[') => value.to_owned(),
            Some(b'n') => "[]".to_owned(),
            _ => format!("[{value}]"),
        };
        let (args, kwargs) = match (by_position.starts_with('{'), by_name.as_bytes().first()) {
            (true, Some(b'n')) => ("[]".to_owned(), by_position),
            (_, Some(b'{')) => (args_of(&by_position), by_name),
            (_, Some(b'n')) => (args_of(&by_position), "{}".to_owned()),
            // Names that are no object are told all the same.
            _ => (format!("[{by_position},{by_name}]"), "{}".to_owned()),
        };
        parts.args.rewrite(&args);
        parts.kwargs.rewrite(&kwargs);
        Ok(())
    }

    /// The next value; if it is a list, without those in it that are secret by their position.
    fn list(
        &mut self,
        bytes: &mut Bytes<'_>,
        secret: Option<HashSet<usize>>,
    ) -> Result<String, FrameError> {
        let Some(secret) = secret else {
            return self.json(bytes, str::to_owned);
        };
        if bytes.tag() != tag::LIST {
            let value = self.json(bytes, str::to_owned)?;
            // One that stands alone is the first.
            let is_secret = secret.contains(&0) && !value.starts_with(['{', 'n']);
            return Ok(if is_secret {
                format!("\"{REDACTED}\"")
            } else {
                value
            });
        }
        let [_] = bytes.take()?;
        let mut out = String::from("[");
        let mut position = 0;
        while bytes.tag() != tag::END {
            let value = self.json(bytes, str::to_owned)?;
            out.push_str(if position == 0 { "" } else { "," });
            match secret.contains(&position) {
                true => out.extend(["\"", REDACTED, "\""]),
                false => out.push_str(&value),
            }
            position += 1;
        }
        let [_] = bytes.take()?;
        out.push(']');
        Ok(out)
    }

    /// Shows the next value as JSON.
    fn json<T>(
        &mut self,
        bytes: &mut Bytes<'_>,
        show: impl FnOnce(&str) -> T,
    ) -> Result<T, FrameError> {
        let mut out = std::mem::take(&mut self.scratch);
        out.clear();
        let shown = self.value(bytes, &mut out).and_then(|()| {
            let text = std::str::from_utf8(&out).map_err(|_| FrameError::Cut)?;
            Ok(show(text))
        });
        self.scratch = out;
        shown
    }

    /// The next value, appended to `out`. Values in it are told apart by their tags, so that no depth of
    /// them takes a stack.
    fn value(&mut self, bytes: &mut Bytes<'_>, out: &mut Vec<u8>) -> Result<(), FrameError> {
        // Which lists (false) and maps (true) are open.
        let mut open: Vec<bool> = Vec::new();
        loop {
            let in_map = open.last().copied();
            if in_map.is_some() && bytes.tag() == tag::END {
                let [_] = bytes.take()?;
                open.pop();
                out.push(if in_map == Some(true) { b'}' } else { b']' });
            } else {
                if in_map.is_some() && !matches!(out.last(), Some(b'[' | b'{')) {
                    out.push(b',');
                }
                let is_secret = in_map == Some(true) && self.key(bytes, out)?;
                match bytes.take()? {
                    [tag::LIST | tag::MAP] if is_secret => {
                        bytes.skip_open()?;
                        write_string(REDACTED, out);
                    }
                    [tag::LIST] => {
                        open.push(false);
                        out.push(b'[');
                        continue;
                    }
                    [tag::MAP] => {
                        open.push(true);
                        out.push(b'{');
                        continue;
                    }
                    [tag] => self.scalar(tag, (open.len(), is_secret), bytes, out)?,
                }
            }
            if open.is_empty() {
                return Ok(());
            }
        }
    }

    /// A key and its colon; whether what follows is secret.
    fn key(&mut self, bytes: &mut Bytes<'_>, out: &mut Vec<u8>) -> Result<bool, FrameError> {
        let [tag::TEXT] = bytes.take()? else {
            return Err(FrameError::Cut);
        };
        let key = bytes.text()?;
        write_string(key, out);
        out.push(b':');
        Ok(self.redaction.is_secret(key))
    }

    fn scalar(
        &mut self,
        tag: u8,
        (levels, is_secret): (usize, bool),
        bytes: &mut Bytes<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), FrameError> {
        let start = out.len();
        match tag {
            tag::NULL => out.extend_from_slice(b"null"),
            tag::FALSE => out.extend_from_slice(b"false"),
            tag::TRUE => out.extend_from_slice(b"true"),
            tag::U64 => number(u64::from_le_bytes(bytes.take()?), out),
            tag::I64 => number(i64::from_le_bytes(bytes.take()?), out),
            tag::U128 => number(u128::from_le_bytes(bytes.take()?), out),
            tag::I128 => number(i128::from_le_bytes(bytes.take()?), out),
            tag::F32 => number(f32::from_le_bytes(bytes.take()?), out),
            tag::F64 => number(f64::from_le_bytes(bytes.take()?), out),
            tag::TEXT => {
                let text = bytes.text()?;
                if !is_secret {
                    write_string(&self.redaction.text(text), out);
                }
            }
            tag::JSON => {
                let text = bytes.text()?;
                // It may be as deep as a record's value may be, and stand inside of others.
                let around = "[".repeat(levels + 1) + text + &"]".repeat(levels + 1);
                match text.parse::<Json>() {
                    Ok(json) if around.parse::<Json>().is_ok() => {
                        self.redaction.json(json.as_str(), out)
                    }
                    _ => write_string(&self.redaction.text(text), out),
                }
            }
            _ => return Err(FrameError::Cut),
        }
        // Whether there is a secret is none.
        if is_secret && !matches!(tag, tag::NULL | tag::FALSE | tag::TRUE) {
            out.truncate(start);
            write_string(REDACTED, out);
        }
        Ok(())
    }

    /// What went wrong, as text.
    fn error(&mut self, bytes: &mut Bytes<'_>) -> Result<Text, FrameError> {
        let [tag::TEXT] = bytes.take()? else {
            return Err(FrameError::Cut);
        };
        let shown = self.redaction.text(bytes.text()?);
        let shown = match self.allow_personal_data {
            true => shown,
            false => Cow::Owned(personal::masked(&shown).into_owned()),
        };
        Ok(text(&shown, "(an error without a text)"))
    }
}

/// `text`, or something in its place if there is nothing in it.
fn text(text: &str, instead: &'static str) -> Text {
    Text::of(text).unwrap_or_else(|| Text::known(instead))
}

/// The same in the memory that `there` has.
fn set(there: &mut Text, text: &str, instead: &'static str) {
    if !there.set(text) {
        *there = Text::known(instead);
    }
}

/// Memory for a record.
fn blank() -> CallParts {
    CallParts {
        timestamp: Timestamp::MAX,
        method: Text::known("-"),
        args: Json::written("[]"),
        kwargs: JsonObject::default(),
        result: None,
        error: None,
        duration_ns: 0,
        thread: None,
        depth: None,
        role: None,
    }
}

fn number<T: serde::Serialize>(number: T, out: &mut Vec<u8>) {
    // A number written into memory does not fail.
    let _ = serde_json::to_writer(out, &number);
}

/// What is left of a frame.
struct Bytes<'a> {
    rest: &'a [u8],
}

impl<'a> Bytes<'a> {
    /// What the next value begins with; nothing is an end too.
    fn tag(&self) -> u8 {
        self.rest.first().copied().unwrap_or(tag::END)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], FrameError> {
        let (first, rest) = self.rest.split_first_chunk().ok_or(FrameError::Cut)?;
        self.rest = rest;
        Ok(*first)
    }

    fn text(&mut self) -> Result<&'a str, FrameError> {
        let len = u32::from_le_bytes(self.take()?) as usize;
        let (text, rest) = self.rest.split_at_checked(len).ok_or(FrameError::Cut)?;
        self.rest = rest;
        std::str::from_utf8(text).map_err(|_| FrameError::Cut)
    }

    /// Leaves out what is up to the end of a list or map that was begun.
    fn skip_open(&mut self) -> Result<(), FrameError> {
        let mut open = 1_u32;
        while open != 0 {
            let [tag] = self.take()?;
            match tag {
                tag::LIST | tag::MAP => open += 1,
                tag::END => open -= 1,
                tag::U64 | tag::I64 | tag::F64 => drop(self.take::<8>()?),
                tag::U128 | tag::I128 => drop(self.take::<16>()?),
                tag::F32 => drop(self.take::<4>()?),
                tag::TEXT | tag::JSON => drop(self.text()?),
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::Serialize;
    use serde_json::{Value, json};

    use super::*;
    use crate::record::Record as _;

    fn framed(
        args: &impl Serialize,
        kwargs: &impl Serialize,
        result: Result<Value, &str>,
    ) -> Vec<u8> {
        let mut frame = Vec::new();
        begin(
            &mut frame,
            1_700_000_000_123_456_789,
            2,
            Role::Output,
            "place_order",
        );
        packed::pack(args, &mut frame).unwrap();
        packed::pack(kwargs, &mut frame).unwrap();
        match result {
            Ok(ref result) => packed::pack(result, &mut frame).unwrap(),
            Err(error) => packed::pack_shown(error, &mut frame),
        }
        let outcome = if result.is_ok() {
            Outcome::Result
        } else {
            Outcome::Error
        };
        end(&mut frame, 1234, outcome);
        frame
    }

    fn record(
        args: &impl Serialize,
        kwargs: &impl Serialize,
        result: Result<Value, &str>,
    ) -> CallRecord {
        let mut unpacker = Unpacker::new(Redaction::default().argument("place_order", 1), false);
        unpacker
            .record(&framed(args, kwargs, result), &Text::known("main"), None)
            .unwrap()
    }

    #[test]
    fn a_call_comes_out_as_it_went_in() {
        let call = record(
            &("h", 5, 1.5, true),
            &(),
            Ok(json!({"id": 7, "fills": [], "note": "a\"b\n"})),
        );
        let mut line = Vec::new();
        call.encode(&mut line);
        assert_eq!(
            String::from_utf8(line).unwrap(),
            "{\"timestamp\":\"2023-11-14T22:13:20.123456789Z\",\"method\":\"place_order\",\
             \"args\":[\"h\",\"[redacted]\",1.5,true],\"kwargs\":{},\
             \"result\":{\"fills\":[],\"id\":7,\"note\":\"a\\\"b\\n\"},\"error\":null,\"duration_ns\":1234,\
             \"thread\":\"main\",\"depth\":2,\"role\":\"output\"}"
        );
    }

    #[test]
    fn arguments_stand_by_position_or_by_name() {
        let shown = |call: &CallRecord| format!("{} {}", call.args(), call.kwargs());
        let named = BTreeMap::from([("qty", 3)]);
        let nothing: Result<Value, &str> = Ok(Value::Null);
        for (call, expected) in [
            (record(&(), &(), nothing.clone()), "[] {}"),
            (record(&"AAPL", &(), nothing.clone()), "[\"AAPL\"] {}"),
            (record(&("AAPL",), &(), nothing.clone()), "[\"AAPL\"] {}"),
            (record(&named, &(), nothing.clone()), "[] {\"qty\":3}"),
            (
                record(&("AAPL",), &named, nothing.clone()),
                "[\"AAPL\"] {\"qty\":3}",
            ),
            (
                record(&"AAPL", &named, nothing.clone()),
                "[\"AAPL\"] {\"qty\":3}",
            ),
            (record(&(), &named, nothing.clone()), "[] {\"qty\":3}"),
            (
                record(&("AAPL",), &"odd", nothing),
                "[[\"AAPL\"],\"odd\"] {}",
            ),
        ] {
            assert_eq!(shown(&call), expected);
        }
    }

    #[test]
    fn secrets_and_personal_data_do_not_come_out() {
        let secrets = json!({"api_key": "k", "nested": [{"password": {"a": [1]}}], "token": null, "url": "?sig=abc"});
        let call = record(
            &(),
            &secrets,
            Err("for jo@example.com: Authorization: Bearer abcdefgh01"),
        );
        assert_eq!(
            call.kwargs().as_str(),
            "{\"api_key\":\"[redacted]\",\"nested\":[{\"password\":\"[redacted]\"}],\"token\":null,\
             \"url\":\"?sig=[redacted]\"}"
        );
        assert_eq!(
            call.error(),
            Some("for [an e-mail address]: Authorization: [redacted]")
        );
        let raw: &serde_json::value::RawValue = serde_json::from_str(
            "{\"price\": 1.50, \"x\": {\"secret\": [1, {\"a\": 2}], \"b\": \"sig=1\"}}",
        )
        .unwrap();
        let call = record(&(), &raw, Err(" "));
        assert_eq!(
            call.kwargs().as_str(),
            "{\"price\":1.50,\"x\":{\"secret\":\"[redacted]\",\"b\":\"sig=[redacted]\"}}"
        );
        assert_eq!(call.error(), Some("(an error without a text)"));
    }

    #[derive(Serialize)]
    enum Odd {
        Unit,
        One(u8),
        Two(u8, char),
        Named { a: i128 },
    }

    #[test]
    fn all_of_serde_comes_out_as_serde_json_writes_it() {
        fn check(value: &impl Serialize) {
            let call = record(&(value,), &(), Ok(Value::Null));
            let text = serde_json::to_string(&(value,)).unwrap();
            assert_eq!(call.args().as_str(), text);
        }
        check(&[
            Odd::Unit,
            Odd::One(1),
            Odd::Two(2, 'é'),
            Odd::Named { a: i128::MIN },
        ]);
        check(&(
            f32::MAX,
            0.1_f32,
            f64::NAN,
            f64::MIN_POSITIVE,
            -0.0,
            u128::MAX,
            i8::MIN,
        ));
        check(&(Some(1), None::<u8>, "", "\u{0}\u{1f}\"\\é", (), [(); 0]));
        check(&BTreeMap::from([(1_u8, "a"), (2, "b")]));
        check(&BTreeMap::from([('c', BTreeMap::from([(true, 1)]))]));
        assert!(packed::pack(&BTreeMap::from([(vec![1], 1)]), &mut Vec::new()).is_err());
        let mut deep = json!(1);
        for _ in 0..200 {
            deep = json!([deep]);
        }
        let mut out = vec![7];
        assert!(packed::pack(&deep, &mut out).is_err());
        assert_eq!(out, [7]);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 40, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::btree_map("[a-z]{1,4}", inner, 0..5)
                    .prop_map(|it| Value::Object(it.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_json_comes_out_as_itself(value in any_json()) {
            let mut unpacker = Unpacker::new(Redaction::off(), true);
            let call = unpacker.record(&framed(&(&value,), &(), Ok(value.clone())), &Text::known("t"), None).unwrap();
            let text = serde_json::to_string(&value).unwrap();
            prop_assert_eq!(call.result().map(Json::as_str), Some(&*text));
            prop_assert_eq!(call.args().to_string(), format!("[{text}]"));
        }

        #[test]
        fn any_bytes_are_a_call_or_a_reason(bytes in proptest::collection::vec(0..16_u8, 0..200)) {
            let mut unpacker = Unpacker::new(Redaction::default(), false);
            let _ = unpacker.record(&bytes, &Text::known("t"), None);
        }
    }
}
