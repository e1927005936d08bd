//! The other format of a recording: `market_data_{market}_{YYYYMMDD}.jsonl`, as other recorders write it.
//!
//! A line is a call, or begins a run:
//!
//! ```json
//! {"ts": 1704726000.123456, "method": "get_last_price", "args": ["AAPL"], "kwargs": {}, "result": 185.2, "error": null}
//! {"meta": {"market": "schwab", "start_time": "2024-01-08T09:30:00", "trigger": "crontab", "trader_version": "v1.0"}}
//! ```
//!
//! Always true:
//! - `ts` is read and written digit by digit; a time finer than nanoseconds is refused, not cut.
//! - What is read is a legal record, or every field is named that breaks a rule; so is a `NaN`, which is
//!   no JSON.
//! - What is written is read back as the same call and the same run.
//!
//! Not here: what the format has no place for: how long a call took, on which thread, inside of which
//! other call. Which methods are outputs stands in no line; `meta` may list them, and [`Outputs`] knows.

use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::recorder::GAP_METHOD;
use crate::record::field::{
    BotVersion, ConfigHash, Field, Json, JsonObject, SessionId, Text, UnixTime, Word, Wrong,
};
use crate::record::{
    CallParts, CallRecord, Invalid, Problem, SessionParts, SessionRecord, members, utf8,
};
use crate::time::Timestamp;

const FIELDS: [&str; 6] = ["ts", "method", "args", "kwargs", "result", "error"];
/// What an error without a text becomes.
const NO_TEXT: &str = "(an error without a text)";
/// The version of a bot whose own is none.
const NO_VERSION: &str = "0.0.0";

/// A line of a market-data file.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum MarketLine {
    /// A call.
    Call(Box<CallRecord>),
    /// A run begins: what is known about it.
    Meta(MarketMeta),
}

/// Which methods are outputs, such as orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outputs {
    patterns: Vec<String>,
}

/// Every `place_*_order`.
impl Default for Outputs {
    fn default() -> Outputs {
        Outputs {
            patterns: vec!["place_*_order".to_owned()],
        }
    }
}

impl Outputs {
    /// Also methods of this name; a `*` in it stands for anything.
    pub fn add(&mut self, pattern: &str) {
        if !self.patterns.iter().any(|it| it == pattern) {
            self.patterns.push(pattern.to_owned());
        }
    }

    /// Whether `method` is one.
    #[must_use]
    pub fn holds(&self, method: &str) -> bool {
        self.patterns.iter().any(|it| fits(it, method))
    }
}

/// Whether `text` is `pattern`, in which a `*` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((begin, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut left) = text.strip_prefix(begin) else {
        return false;
    };
    let mut pieces: Vec<&str> = rest.split('*').collect();
    let end = pieces.pop().unwrap_or_default();
    for piece in pieces {
        // The first place will do: more is left for the others.
        match left.split_once(piece) {
            Some((_, after)) => left = after,
            None => return false,
        }
    }
    left.ends_with(end)
}

impl MarketLine {
    /// Reads a line; the second value names the fields of a call that the format does not know. They are
    /// not kept.
    ///
    /// # Errors
    /// Where it stops being JSON, or every field that breaks a rule.
    pub fn read(line: &[u8], outputs: &Outputs) -> Result<(MarketLine, Vec<String>), Invalid> {
        let text = utf8(line)?;
        let fields = members(text).map_err(|error| no_number(text, error))?;
        if let [(name, meta)] = fields.as_slice()
            && name == "meta"
        {
            return Ok((MarketLine::Meta(MarketMeta::read(meta.get())?), Vec::new()));
        }
        let mut unknown: Vec<String> = fields.iter().map(|it| it.0.clone()).collect();
        unknown.retain(|it| !FIELDS.contains(&it.as_str()));
        let call = Fields::new(&fields).call(outputs)?;
        Ok((MarketLine::Call(Box::new(call)), unknown))
    }

    /// Appends the line, without a newline.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        match self {
            MarketLine::Call(call) => write_call(call, out),
            MarketLine::Meta(meta) => {
                out.extend_from_slice(b"{\"meta\":");
                meta.json.write(out);
                out.push(b'}');
            }
        }
    }
}

/// Appends the line of a call, without a newline.
pub fn write_call(call: &CallRecord, out: &mut Vec<u8>) {
    let parts = call.parts();
    out.extend_from_slice(b"{\"ts\":");
    UnixTime::from(parts.timestamp).write(out);
    out.extend_from_slice(b",\"method\":");
    parts.method.write(out);
    out.extend_from_slice(b",\"args\":");
    parts.args.write(out);
    out.extend_from_slice(b",\"kwargs\":");
    parts.kwargs.write(out);
    out.extend_from_slice(b",\"result\":");
    parts.result.write(out);
    out.extend_from_slice(b",\"error\":");
    parts.error.write(out);
    out.push(b'}');
}

/// An error of the JSON reader, in other words where the line has what Python writes for no number.
fn no_number(text: &str, error: Invalid) -> Invalid {
    let Invalid::Syntax { offset, .. } = &error else {
        return error;
    };
    let here = text.get(offset.saturating_sub(1)..).unwrap_or_default();
    let here = here.trim_start_matches([' ', ':', ',', '[', '-']);
    match ["NaN", "Infinity"].iter().find(|it| here.starts_with(**it)) {
        Some(what) => Invalid::Syntax {
            offset: *offset,
            reason: format!("{what}, which is no JSON and no value"),
        },
        None => error,
    }
}

/// The fields of a line, and what is wrong with them.
struct Fields<'a> {
    fields: &'a [(String, &'a RawValue)],
    problems: Vec<Problem>,
}

impl<'a> Fields<'a> {
    fn new(fields: &'a [(String, &'a RawValue)]) -> Fields<'a> {
        Fields {
            fields,
            problems: Vec::new(),
        }
    }

    fn call(mut self, outputs: &Outputs) -> Result<CallRecord, Invalid> {
        let (ts, method) = (self.field::<UnixTime>("ts"), self.field::<Text>("method"));
        let (args, kwargs) = (self.field::<Json>("args"), self.field("kwargs"));
        let (result, error) = (self.field("result"), self.error());
        let (Some(ts), Some(method), Some(args), Some(kwargs), Some(result), Some(error)) =
            (ts, method, args, kwargs, result, error)
        else {
            return Err(Invalid::Fields(self.problems));
        };
        if !self.problems.is_empty() {
            return Err(Invalid::Fields(self.problems));
        }
        let role = match method.as_str() {
            GAP_METHOD => Some(Word::known("gap")),
            method if outputs.holds(method) => Some(Word::known("output")),
            _ => None,
        };
        CallRecord::new(CallParts {
            timestamp: ts.at(),
            method,
            args,
            kwargs,
            result,
            error,
            duration_ns: 0,
            thread: None,
            depth: None,
            role,
        })
    }

    /// Why a call failed; an error that has no text is one all the same.
    fn error(&mut self) -> Option<Option<Text>> {
        let is_blank = |it: &RawValue| {
            let text: Result<String, _> = serde_json::from_str(it.get());
            text.is_ok_and(|it| it.trim().is_empty())
        };
        if self.given("error").is_some_and(is_blank) {
            return Text::try_from(NO_TEXT.to_owned()).ok().map(Some);
        }
        self.field("error")
    }

    fn given(&self, name: &str) -> Option<&'a RawValue> {
        let field = self.fields.iter().find(|it| it.0 == name);
        field.map(|it| it.1)
    }

    fn field<F: Field>(&mut self, name: &'static str) -> Option<F> {
        if 1 < self.fields.iter().filter(|it| it.0 == name).count() {
            let problem = Problem::new(name, "is there more than once");
            self.problems.push(problem);
        }
        let read = match self.given(name) {
            Some(json) => F::read(json.get()),
            None => F::missing(),
        };
        read.map_err(|wrong| self.problems.push(wrong.at(name)))
            .ok()
    }
}

/// What a file says of a run, as it says it.
#[derive(Clone, Debug, PartialEq)]
pub struct MarketMeta {
    json: JsonObject,
}

/// What a file says of one of our runs.
#[derive(Serialize)]
struct Told<'a> {
    market: &'a str,
    filename: &'a str,
    start_time: String,
    trigger: Option<String>,
    git_hash: Option<String>,
    trader_version: Option<String>,
    session_id: String,
    outputs: &'a [String],
}

impl MarketMeta {
    /// What `filename` says of a run of `market` in which the methods `outputs` were outputs.
    ///
    /// # Errors
    /// Never for what a journal has.
    pub fn of(
        session: &SessionRecord,
        market: &str,
        filename: &str,
        outputs: &[String],
    ) -> Result<MarketMeta, Wrong> {
        let known = session.metadata().map(|it| MarketMeta { json: it.clone() });
        let text = |name| known.as_ref().and_then(|it| it.text(name));
        let version = || session.bot_version().as_str().to_owned();
        let json = JsonObject::of(&Told {
            market,
            filename,
            start_time: session.parts().start_timestamp.to_string(),
            trigger: text("trigger"),
            git_hash: text("git_hash"),
            trader_version: text("trader_version").or_else(|| Some(version())),
            session_id: session.session_id().to_string(),
            outputs,
        })?;
        Ok(MarketMeta { json })
    }

    fn read(json: &str) -> Result<MarketMeta, Invalid> {
        let read = JsonObject::read(json);
        let json = read.map_err(|wrong| Invalid::Fields(vec![wrong.at("meta")]))?;
        Ok(MarketMeta { json })
    }

    /// The object.
    #[must_use]
    pub fn json(&self) -> &JsonObject {
        &self.json
    }

    /// The text under `name`.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        let fields = members(self.json.as_str()).ok()?;
        let (_, json) = fields.into_iter().find(|it| it.0 == name)?;
        serde_json::from_str(json.get()).ok()
    }

    /// The methods that the file says are outputs.
    #[must_use]
    pub fn outputs(&self) -> Vec<String> {
        let fields = members(self.json.as_str()).unwrap_or_default();
        let field = fields.into_iter().find(|it| it.0 == "outputs");
        field
            .and_then(|(_, json)| serde_json::from_str(json.get()).ok())
            .unwrap_or_default()
    }

    /// The record of the run, which began at `start`: what `start_time` says, in the zone that it is in.
    /// The same line makes the same record. Its `config_hash` is of what is known about the run, since the
    /// format has no configuration.
    ///
    /// # Errors
    /// When the record breaks a rule.
    pub fn session(&self, start: Timestamp) -> Result<SessionRecord, Invalid> {
        let told = self.text("session_id").and_then(|it| it.parse().ok());
        let version = self.text("trader_version");
        let version = version.and_then(|it| semantic(&it));
        let none = || NO_VERSION.parse::<BotVersion>().ok();
        let bot_version = version.or_else(none).ok_or_else(|| {
            Invalid::Fields(vec![Problem::new("trader_version", "must be a version")])
        })?;
        SessionRecord::new(SessionParts {
            session_id: told.unwrap_or_else(|| self.id(start)),
            start_timestamp: start,
            bot_version,
            config_hash: ConfigHash::of(self.json.as_str().as_bytes()),
            paper_trading_mode: None,
            max_position_pct: None,
            max_daily_loss_pct: None,
            max_consecutive_losses: None,
            configuration: None,
            metadata: Some(self.json.clone()),
        })
    }

    /// An id that is the same whenever the same line is read.
    fn id(&self, start: Timestamp) -> SessionId {
        let text = format!("market data\n{start}\n{}", self.json.meaning());
        let hash: [u8; 32] = Sha256::digest(text).into();
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        SessionId::from(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

/// `v1.0` as the semantic version that it means.
fn semantic(text: &str) -> Option<BotVersion> {
    let text = text.trim().trim_start_matches(['v', 'V']);
    let longer = ["", ".0", ".0.0"].map(|it| format!("{text}{it}"));
    longer.iter().find_map(|it| it.parse().ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(line: &str) -> Result<MarketLine, Invalid> {
        MarketLine::read(line.as_bytes(), &Outputs::default()).map(|it| it.0)
    }

    fn call(line: &str) -> CallRecord {
        match read(line).unwrap() {
            MarketLine::Call(call) => *call,
            other => panic!("{other:?}"),
        }
    }

    fn written(line: &MarketLine) -> String {
        let mut out = Vec::new();
        line.write_to(&mut out);
        String::from_utf8(out).unwrap()
    }

    const ORDER: &str = r#"{"ts": 1704726000.123456, "method": "place_limit_buy_order", "args": ["hash123", "AAPL", 10, 150.0], "kwargs": {}, "result": {"is_success": true, "order_id": 12345}, "error": null}"#;

    #[test]
    fn a_line_of_another_recorder_is_a_call() {
        let order = call(ORDER);
        let parts = order.parts();
        assert_eq!(parts.timestamp.to_string(), "2024-01-08T15:00:00.123456Z");
        assert_eq!(parts.args.as_str(), "[\"hash123\",\"AAPL\",10,150.0]");
        assert_eq!(order.role().map(Word::as_str), Some("output"));
        let compact = ORDER.replace(": ", ":").replace(", ", ",");
        assert_eq!(written(&read(ORDER).unwrap()), compact);

        let failed = ORDER
            .replace("place_limit_buy_order", "get_cash")
            .replace("null", "\"\"");
        let failed = failed.replace(r#"{"is_success": true, "order_id": 12345}"#, "null");
        let failed = call(&failed);
        assert_eq!((failed.error(), failed.role()), (Some(NO_TEXT), None));
        let gap = call(&ORDER.replace("place_limit_buy_order", GAP_METHOD));
        assert_eq!(gap.role().map(Word::as_str), Some("gap"));
    }

    #[test]
    fn what_is_wrong_with_a_line_is_named() {
        let wrong = |from: &str, to: &str| read(&ORDER.replace(from, to)).unwrap_err().to_string();
        let nan = wrong("150.0", "NaN");
        assert!(
            nan.starts_with("not a JSON object: NaN, which is no JSON and no value at byte "),
            "{nan}"
        );
        assert!(wrong("150.0", "-Infinity").contains("Infinity, which is no JSON"));
        assert!(
            wrong("1704726000.123456", "1704726000.1234567891").starts_with("ts: must be unix")
        );
        assert!(wrong("\"ts\": 1704726000.123456, ", "").starts_with("ts: is missing"));
        assert!(wrong("null", "\"failed\"").starts_with("error: must be null where"));
        assert!(wrong("\"kwargs\"", "\"args\"").contains("args: is there more than once"));
        assert!(wrong("[\"hash123\", \"AAPL\", 10, 150.0]", "1").contains("must be a JSON list"));
        assert!(
            read("{\"meta\":[1]}")
                .unwrap_err()
                .to_string()
                .starts_with("meta: must be")
        );
        assert!(read("[]").is_err());
        let more = ORDER.replace("\"ts\"", "\"retries\": 2, \"ts\"");
        let (_, unknown) = MarketLine::read(more.as_bytes(), &Outputs::default()).unwrap();
        assert_eq!(unknown, ["retries"]);
    }

    #[test]
    fn a_run_is_the_same_session_whenever_it_is_read() {
        let line = r#"{"meta": {"market": "schwab", "filename": "market_data_schwab_20240109.jsonl", "start_time": "2024-01-08T09:30:00", "trigger": "crontab", "git_hash": "a1b2c3d", "trader_version": "v1.0"}}"#;
        let MarketLine::Meta(meta) = read(line).unwrap() else {
            panic!("it is a run");
        };
        let start = "2024-01-08T14:30:00Z".parse().unwrap();
        let session = meta.session(start).unwrap();
        assert_eq!(session, meta.session(start).unwrap());
        assert_eq!(session.bot_version().as_str(), "1.0.0");
        // Our own line of it names its id, and reads as the same run.
        let outputs = ["place_order".to_owned()];
        let ours = MarketMeta::of(&session, "schwab", "f.jsonl", &outputs).unwrap();
        let MarketLine::Meta(again) = read(&written(&MarketLine::Meta(ours))).unwrap() else {
            panic!("it is a run");
        };
        assert_eq!(
            again.text("start_time").as_deref(),
            Some("2024-01-08T14:30:00.000Z")
        );
        assert_eq!(again.text("git_hash").as_deref(), Some("a1b2c3d"));
        assert_eq!(again.outputs(), outputs);
        let session_again = again.session(start).unwrap();
        assert_eq!(session_again.session_id(), session.session_id());
        assert_ne!(
            meta.id(start),
            meta.id(start.saturating_add(std::time::Duration::from_secs(1)))
        );
    }

    #[test]
    fn a_star_in_a_pattern_is_anything() {
        for (pattern, text, wanted) in [
            ("place_*_order", "place_limit_buy_order", true),
            ("place_*_order", "place_order", false),
            ("place_*_order", "place_limit_order_status", false),
            ("*", "", true),
            ("*order*", "the_order_is", true),
            ("a*b*b", "ab", false),
            ("a*b*b", "abb", true),
            ("buy", "buys", false),
        ] {
            assert_eq!(fits(pattern, text), wanted, "{pattern} {text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            nanos in 0_u64..4_000_000_000_000_000_000,
            method in "[a-z_]{1,12}",
            args in prop::collection::vec(any::<(i64, String)>(), 0..4),
            error in prop::option::of("[a-z \"\\\\]{1,20}[a-z]"),
        ) {
            let record = CallRecord::new(CallParts {
                timestamp: Timestamp::from_unix_nanos(i128::from(nanos)).unwrap(),
                method: Text::try_from(method).unwrap(),
                args: Json::of(&args).unwrap(),
                kwargs: JsonObject::default(),
                result: error.is_none().then(|| Json::of(&args).unwrap()),
                error: error.map(|it| Text::try_from(it).unwrap()),
                duration_ns: 0,
                thread: None,
                depth: None,
                role: None,
            });
            let line = MarketLine::Call(Box::new(record.unwrap()));
            prop_assert_eq!(read(&written(&line)).unwrap(), line);
        }
    }
}
