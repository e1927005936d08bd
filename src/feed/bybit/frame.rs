//! A text frame, and what it says.
//!
//! Always true:
//! - A frame is never an error. What is not known is [`Said::Unknown`] with its reason, and of a message
//!   whose rows are known in part, those are there.
//! - The order of members means nothing.
//!
//! Not here: what follows from it (`line`, `capture`).

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::trade::RawTrade;
use super::{AccountKind, AccountRow, Category, Members, Millis, TickerKind, Trade};

/// What a frame says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// An answer to a request that is named by its id, where the server repeats it.
    Answer {
        op: Op,
        req_id: Option<Box<str>>,
        verdict: Verdict,
    },
    /// The gateway lives. Some say what time it is.
    Pong(Option<Millis>),
    /// Public trades, and how many rows could not be read.
    Trades {
        topic: Box<str>,
        rows: Vec<Trade>,
        unread: Option<String>,
    },
    /// A ticker, or what changed of it.
    Ticker {
        topic: Box<str>,
        kind: TickerKind,
        time: Millis,
        cs: Option<i64>,
        symbol: Arc<str>,
        members: Members,
    },
    /// Rows of the account.
    Account {
        topic: Box<str>,
        kind: AccountKind,
        rows: Vec<AccountRow>,
        unread: Option<String>,
    },
    /// Nothing that is known.
    Unknown {
        topic: Option<Box<str>>,
        why: String,
    },
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Auth,
    Subscribe,
    Unsubscribe,
}

/// What the answer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Yes,
    No(String),
    /// Topic by topic, as the sockets of options have it.
    Each {
        yes: Vec<Box<str>>,
        no: Vec<Box<str>>,
    },
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    topic: Option<Cow<'a, str>>,
    #[serde(borrow)]
    op: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    req_id: Option<Cow<'a, str>>,
    success: Option<bool>,
    /// What sockets of orders have instead.
    #[serde(rename = "retCode")]
    code: Option<i64>,
    #[serde(borrow)]
    ret_msg: Option<Cow<'a, str>>,
    #[serde(borrow)]
    args: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    ts: Option<i64>,
    cs: Option<i64>,
    #[serde(rename = "creationTime")]
    created: Option<i64>,
}

/// Reads the frames of one socket.
#[derive(Debug)]
pub(super) struct Frames {
    /// The market of the socket; none for the private one.
    category: Option<Category>,
    /// Names that come again and again.
    symbols: HashMap<Box<str>, Arc<str>>,
}

/// How many symbols are remembered: the exchange has some thousands.
const SYMBOLS_MAX: usize = 20_000;

impl Frames {
    pub(super) fn new(category: Option<Category>) -> Frames {
        Frames {
            category,
            symbols: HashMap::new(),
        }
    }

    pub(super) fn read(&mut self, text: &str) -> Said {
        let envelope: Envelope<'_> = match serde_json::from_str(text) {
            Ok(envelope) => envelope,
            Err(error) => return unknown(None, format!("is no message: {error}")),
        };
        match &envelope.topic {
            Some(topic) => self.of_topic(topic, &envelope),
            None => answer(&envelope),
        }
    }

    fn of_topic(&mut self, topic: &str, envelope: &Envelope<'_>) -> Said {
        let Some(data) = envelope.data else {
            return unknown(Some(topic), "has no data".to_owned());
        };
        let (head, _) = topic.split_once('.').unwrap_or((topic, ""));
        match (head, self.category) {
            ("publicTrade", Some(category)) => self.trades(topic, category, data),
            ("tickers", Some(_)) => self.ticker(topic, envelope, data),
            (_, None) => account(topic, head, envelope, data),
            _ => unknown(
                Some(topic),
                "is of a topic that nobody asked for".to_owned(),
            ),
        }
    }

    fn trades(&mut self, topic: &str, category: Category, data: &RawValue) -> Said {
        let mut unread = None;
        // Nearly always all rows can be read, at once.
        let raw: Vec<RawTrade<'_>> = match serde_json::from_str(data.get()) {
            Ok(raw) => raw,
            Err(_) => match serde_json::from_str::<Vec<&RawValue>>(data.get()) {
                Ok(each) => each
                    .into_iter()
                    .filter_map(|it| {
                        let read = serde_json::from_str(it.get());
                        read.map_err(|error| note(&mut unread, error)).ok()
                    })
                    .collect(),
                Err(error) => return unknown(Some(topic), format!("has no rows: {error}")),
            },
        };
        let mut rows = Vec::with_capacity(raw.len());
        for raw in raw {
            let Some(symbol) = raw.symbol.as_deref().map(|it| self.symbol(it)) else {
                note(&mut unread, "symbol: is missing");
                continue;
            };
            match raw.trade(category, symbol) {
                Ok(trade) => rows.push(trade),
                Err(wrong) => note(&mut unread, wrong),
            }
        }
        let topic = topic.into();
        Said::Trades {
            topic,
            rows,
            unread,
        }
    }

    fn ticker(&mut self, topic: &str, envelope: &Envelope<'_>, data: &RawValue) -> Said {
        let members: Members = match serde_json::from_str(data.get()) {
            Ok(members) => members,
            Err(error) => return unknown(Some(topic), format!("is no ticker: {error}")),
        };
        let kind = match envelope.kind.as_deref() {
            Some("snapshot") => TickerKind::Snapshot,
            Some("delta") => TickerKind::Delta,
            other => return unknown(Some(topic), format!("is a ticker of the type {other:?}")),
        };
        let (Some(symbol), Some(ts)) = (members.text("symbol"), envelope.ts) else {
            let why = "is a ticker without a symbol or a time";
            return unknown(Some(topic), why.to_owned());
        };
        Said::Ticker {
            topic: topic.into(),
            kind,
            time: Millis(ts),
            cs: envelope.cs,
            symbol: self.symbol(symbol),
            members,
        }
    }

    fn symbol(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.symbols.get(text) {
            return Arc::clone(known);
        }
        if SYMBOLS_MAX <= self.symbols.len() {
            self.symbols.clear();
        }
        let symbol: Arc<str> = text.into();
        self.symbols.insert(text.into(), Arc::clone(&symbol));
        symbol
    }
}

fn account(topic: &str, head: &str, envelope: &Envelope<'_>, data: &RawValue) -> Said {
    let kinds = AccountKind::ALL;
    let Some(kind) = kinds.into_iter().find(|it| it.topic() == head) else {
        return unknown(
            Some(topic),
            "is of a topic that nobody asked for".to_owned(),
        );
    };
    let (Some(made), Ok(all)) = (
        envelope.created,
        serde_json::from_str::<Vec<Members>>(data.get()),
    ) else {
        return unknown(Some(topic), "has no time, or no rows".to_owned());
    };
    let mut unread = None;
    let mut rows = Vec::with_capacity(all.len());
    for members in all {
        match AccountRow::new(kind, None, Millis(made), members) {
            Some(row) => rows.push(row),
            None => note(&mut unread, "has no name of its own"),
        }
    }
    let topic = topic.into();
    Said::Account {
        topic,
        kind,
        rows,
        unread,
    }
}

fn answer(envelope: &Envelope<'_>) -> Said {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Each {
        #[serde(default)]
        success_topics: Vec<Box<str>>,
        #[serde(default)]
        fail_topics: Vec<Box<str>>,
    }

    let message = envelope.ret_msg.as_deref().unwrap_or_default();
    // Of two shapes of a pong, one has the op `ping`.
    if message == "pong" || envelope.op.as_deref() == Some("pong") {
        let args = envelope.args.map(RawValue::get).unwrap_or_default();
        let times: Vec<Cow<'_, str>> = serde_json::from_str(args).unwrap_or_default();
        return Said::Pong(times.first().and_then(|it| it.parse().ok()).map(Millis));
    }
    let req_id = envelope.req_id.as_deref().filter(|it| !it.is_empty());
    let req_id = req_id.map(Box::from);
    let of_command = envelope.kind.as_deref() == Some("COMMAND_RESP");
    if let Some(data) = envelope.data.filter(|_| of_command)
        && let Ok(each) = serde_json::from_str::<Each>(data.get())
    {
        let (yes, no) = (each.success_topics, each.fail_topics);
        let (op, verdict) = (Op::Subscribe, Verdict::Each { yes, no });
        return Said::Answer {
            op,
            req_id,
            verdict,
        };
    }
    let op = match envelope.op.as_deref() {
        Some("auth") => Op::Auth,
        Some("subscribe") => Op::Subscribe,
        Some("unsubscribe") => Op::Unsubscribe,
        // Without a list of topics it is of all that were asked for.
        None if of_command => Op::Subscribe,
        other => {
            return unknown(
                None,
                format!("is neither data nor a known answer: {other:?}"),
            );
        }
    };
    let verdict = match envelope.success.or(envelope.code.map(|it| it == 0)) {
        Some(true) => Verdict::Yes,
        Some(false) => Verdict::No(message.to_owned()),
        None => return unknown(None, "is an answer that says neither yes nor no".to_owned()),
    };
    Said::Answer {
        op,
        req_id,
        verdict,
    }
}

fn unknown(topic: Option<&str>, why: String) -> Said {
    let topic = topic.map(Box::from);
    Said::Unknown { topic, why }
}

/// The first thing that is wrong is told.
fn note(unread: &mut Option<String>, wrong: impl ToString) {
    unread.get_or_insert_with(|| wrong.to_string());
}

#[cfg(test)]
mod tests {
    use super::{Frames, Op, Said, Verdict};
    use crate::feed::bybit::{AccountKind, Category, Millis};

    fn read(category: Option<Category>, text: &str) -> Said {
        Frames::new(category).read(text)
    }

    #[test]
    fn both_shapes_of_a_pong_are_one() {
        let public = r#"{"success":true,"ret_msg":"pong","conn_id":"c","req_id":"","op":"ping"}"#;
        assert_eq!(read(Some(Category::Linear), public), Said::Pong(None));
        let private = r#"{"req_id":"1","op":"pong","args":["1675418560633"],"conn_id":"c"}"#;
        assert_eq!(
            read(None, private),
            Said::Pong(Some(Millis(1_675_418_560_633)))
        );
        let option = r#"{"args":["1675418560633"],"op":"pong"}"#;
        assert!(matches!(
            read(Some(Category::Option), option),
            Said::Pong(Some(_))
        ));
    }

    #[test]
    fn answers_say_yes_no_or_topic_by_topic() {
        let answer = |text: &str| match read(Some(Category::Spot), text) {
            Said::Answer {
                op,
                req_id,
                verdict,
            } => (op, req_id.map(String::from), verdict),
            other => panic!("{other:?}"),
        };
        let yes = r#"{"success":true,"ret_msg":"subscribe","conn_id":"c","op":"subscribe"}"#;
        assert_eq!(answer(yes), (Op::Subscribe, None, Verdict::Yes));
        let no =
            r#"{"success":false,"ret_msg":"args size \u003e10","req_id":"7","op":"subscribe"}"#;
        let why = Verdict::No("args size >10".to_owned());
        assert_eq!(answer(no), (Op::Subscribe, Some("7".to_owned()), why));
        let each = r#"{"success":true,"conn_id":"c","data":{"failTopics":["a"],"successTopics":["b"]},"type":"COMMAND_RESP"}"#;
        let (yes, no) = (vec!["b".into()], vec!["a".into()]);
        assert_eq!(answer(each).2, Verdict::Each { yes, no });
    }

    #[test]
    fn of_a_message_with_one_bad_row_the_others_are_there() {
        let text = r#"{"data":[{"T":1,"s":"A","S":"Buy","v":"1","p":"2","i":"x"},{"T":1,"s":"A","S":"Buy","v":"1","p":"NaN","i":"y"},7],"topic":"publicTrade.A"}"#;
        match read(Some(Category::Spot), text) {
            Said::Trades { rows, unread, .. } => {
                assert_eq!((rows.len(), rows[0].id()), (1, "x"));
                assert!(unread.unwrap().contains("expected a trade"));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_market_is_that_of_the_socket_and_of_the_account_that_of_the_row() {
        let text = r#"{"id":"1","topic":"execution","creationTime":5,"data":[{"category":"linear","symbol":"A","execId":"e","execTime":"4"},{"symbol":"B"}]}"#;
        match read(None, text) {
            Said::Account {
                kind, rows, unread, ..
            } => {
                assert_eq!(kind, AccountKind::Execution);
                assert_eq!(rows[0].category, Some(Category::Linear));
                assert_eq!((rows[0].time, rows.len()), (Millis(4), 1));
                assert!(unread.is_some());
            }
            other => panic!("{other:?}"),
        }
        let other = r#"{"topic":"execution","creationTime":5,"data":[]}"#;
        assert!(matches!(
            read(Some(Category::Linear), other),
            Said::Unknown { .. }
        ));
    }

    #[test]
    fn what_is_no_message_is_unknown() {
        for text in [
            "",
            "null",
            "[]",
            "{\"topic\":1}",
            "{}",
            "{\"op\":\"new\",\"success\":true}",
        ] {
            assert!(matches!(read(None, text), Said::Unknown { .. }), "{text}");
        }
    }

    /// What a line of the fixtures should be, by its topic alone, with how many rows.
    fn expected(topic: &str, category: &str, data: &serde_json::Value) -> (&'static str, usize) {
        // An old message has a row whose market is empty: that one has no name.
        let named = |it: &&serde_json::Value| it["category"] != "";
        let rows = data
            .as_array()
            .map_or(1, |it| it.iter().filter(named).count());
        let head = topic.split('.').next().unwrap();
        let is_private = category.starts_with("private");
        match head {
            "publicTrade" => ("trades", rows),
            "tickers" => ("ticker", 1),
            "execution" | "order" | "position" | "wallet" if is_private => ("account", rows),
            "(auth)" | "(subscribe)" | "(command_resp)" => ("answer", 0),
            "(pong)" => ("pong", 0),
            _ => ("unknown", 0),
        }
    }

    #[test]
    fn every_message_that_was_seen_is_read_or_kept_as_unknown() {
        #[derive(serde::Deserialize)]
        struct Line<'a> {
            topic: String,
            category: String,
            direction: String,
            #[serde(borrow)]
            message: &'a serde_json::value::RawValue,
        }
        let fixtures = include_str!("../../../tests/fixtures/bybit/messages.jsonl");
        let mut counts = std::collections::BTreeMap::<&str, usize>::new();
        for line in fixtures.lines() {
            let line: Line<'_> = serde_json::from_str(line).unwrap();
            if line.direction != "server->client" {
                continue;
            }
            let socket = match &*line.category {
                it if it.starts_with("private") => None,
                "control" | "public" => Some(Category::Linear),
                it => Some(it.parse().unwrap()),
            };
            let text = line.message.get();
            let value: serde_json::Value = serde_json::from_str(text).unwrap();
            let (said, rows) = match read(socket, text) {
                Said::Answer { .. } => ("answer", 0),
                Said::Pong(_) => ("pong", 0),
                Said::Trades { rows, unread, .. } => {
                    assert_eq!(unread, None, "{text}");
                    ("trades", rows.len())
                }
                Said::Ticker { members, .. } => {
                    let data = value["data"].as_object().unwrap();
                    assert_eq!(members.iter().count(), data.len());
                    ("ticker", 1)
                }
                Said::Account { rows, unread, .. } => {
                    assert_eq!(
                        unread.is_some(),
                        text.contains(r#""category": """#),
                        "{text}"
                    );
                    ("account", rows.len())
                }
                Said::Unknown { .. } => ("unknown", 0),
            };
            let expected = expected(&line.topic, &line.category, &value["data"]);
            assert_eq!((said, rows), expected, "{}: {text}", line.topic);
            *counts.entry(said).or_default() += 1;
        }
        let counts: Vec<(&str, usize)> = counts.into_iter().collect();
        let all = [
            ("account", 61),
            ("answer", 27),
            ("pong", 10),
            ("ticker", 10),
            ("trades", 4),
            ("unknown", 28),
        ];
        assert_eq!(counts, all);
    }
}
