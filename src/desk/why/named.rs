//! Which lines name an order.
//!
//! Always true:
//! - In JSON an id stands under one of [`KEYS`], at any depth, as a text or as a number; in the arguments of
//!   a call also as a text by itself, and as the whole result.
//! - In free texts it stands as a word: `7` is not in `order 17`.

use std::collections::BTreeSet;

use crate::record::field::{Json, JsonObject, Meaning};
use crate::record::{CallRecord, DecisionRecord, ErrorRecord};

/// Under which keys an order's id stands.
const KEYS: [&str; 4] = ["order_id", "client_order_id", "orderId", "clientOrderId"];

/// Those of them under which the exchange's id stands, and the bot's.
const EXCHANGES_KEYS: [&str; 2] = ["order_id", "orderId"];
const BOTS_KEYS: [&str; 2] = ["client_order_id", "clientOrderId"];

/// The ids of one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ids(BTreeSet<String>);

impl Ids {
    pub(super) fn of(id: &str) -> Ids {
        Ids(BTreeSet::from([id.to_owned()]))
    }

    pub(super) fn add(&mut self, id: &str) {
        if !self.0.contains(id) {
            self.0.insert(id.to_owned());
        }
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.0.contains(id)
    }

    pub(super) fn into_sorted(self) -> Vec<String> {
        self.0.into_iter().collect()
    }

    pub(super) fn are_in_decision(&self, decision: &DecisionRecord) -> bool {
        let is_in = |json: &JsonObject| {
            self.may_be_in(json.as_str()) && self.are_under_keys(&json.meaning())
        };
        is_in(decision.result()) || is_in(decision.parameters())
    }

    pub(super) fn are_in_call(&self, call: &CallRecord) -> bool {
        let (args, kwargs) = (call.args(), call.kwargs());
        if self.may_be_in(args.as_str()) && self.are_anywhere(&args.meaning()) {
            return true;
        }
        if self.may_be_in(kwargs.as_str()) && self.are_anywhere(&kwargs.meaning()) {
            return true;
        }
        let result = call.result().filter(|it| self.may_be_in(it.as_str()));
        result.map(Json::meaning).is_some_and(|it| {
            let is_whole = it.as_word().is_some_and(|it| self.has(it));
            // What a client says of itself, such as "Response(order_id=7)".
            let raw = it.member("raw").and_then(Meaning::as_word);
            is_whole || self.are_under_keys(&it) || raw.is_some_and(|it| self.are_words_of(it))
        }) || call.error().is_some_and(|it| self.are_words_of(it))
    }

    /// The other id of the order, as a call tells it that places it: by named arguments and its result. A
    /// call that has one order's id as an argument and another's as its result, such as a replacement, makes
    /// them no one order.
    pub(super) fn add_those_of(&mut self, call: &CallRecord) {
        let result = call.result().map_or(Meaning::Null, Json::meaning);
        let words = |meaning: &Meaning, keys: [&str; 2]| -> Vec<String> {
            let words = keys.iter().filter_map(|it| meaning.member(it)?.as_word());
            words
                .filter(|it| !it.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let mut bots = words(&call.kwargs().meaning(), BOTS_KEYS);
        // A client that takes the order as one value has it among the arguments by position.
        if let Meaning::List(args) = call.args().meaning() {
            args.iter().for_each(|it| bots.extend(words(it, BOTS_KEYS)));
        }
        bots.extend(words(&result, BOTS_KEYS));
        let exchanges = words(&result, EXCHANGES_KEYS);
        let has_any = |ids: &[String]| ids.iter().any(|it| self.has(it));
        if has_any(&bots) || has_any(&exchanges) {
            bots.iter().chain(&exchanges).for_each(|it| self.add(it));
        }
    }

    pub(super) fn are_in_error(&self, error: &ErrorRecord) -> bool {
        let texts = [
            error.message(),
            error.exception_message(),
            error.recovery_action(),
            error.notes(),
            error.stack_trace(),
        ];
        texts.iter().any(|it| self.are_words_of(it))
    }

    /// Whether one of them can be in that JSON. An escape may hide it.
    fn may_be_in(&self, json: &str) -> bool {
        json.contains('\\') || self.0.iter().any(|it| json.contains(it.as_str()))
    }

    fn are_under_keys(&self, meaning: &Meaning) -> bool {
        match meaning {
            Meaning::List(elements) => elements.iter().any(|it| self.are_under_keys(it)),
            Meaning::Object(members) => members.iter().any(|(key, value)| {
                let is_it = KEYS.contains(&key) && value.as_word().is_some_and(|it| self.has(it));
                is_it || self.are_under_keys(value)
            }),
            _ => false,
        }
    }

    /// A number by itself may be a quantity.
    fn are_anywhere(&self, meaning: &Meaning) -> bool {
        match meaning {
            Meaning::Text(text) => self.has(text),
            Meaning::List(elements) => elements.iter().any(|it| self.are_anywhere(it)),
            Meaning::Object(members) => {
                self.are_under_keys(meaning) || members.iter().any(|it| self.are_anywhere(it.1))
            }
            _ => false,
        }
    }

    fn are_words_of(&self, text: &str) -> bool {
        self.0.iter().any(|it| is_word_of(it, text))
    }
}

fn is_word_of(word: &str, text: &str) -> bool {
    let is_part = |it: char| it.is_alphanumeric() || it == '-' || it == '_';
    text.match_indices(word).any(|(start, _)| {
        let before = text.get(..start).and_then(|it| it.chars().next_back());
        let after = text
            .get(start + word.len()..)
            .and_then(|it| it.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_in_a_text_is_a_word() {
        for text in ["order 7 rejected", "7", "(order_id=7)", "id:7."] {
            assert!(is_word_of("7", text), "{text}");
        }
        for text in ["order 17", "order 7a", "order-7", "7-1", "", "77"] {
            assert!(!is_word_of("7", text), "{text}");
        }
        assert!(is_word_of("ö", "77 ö"));
    }

    #[test]
    fn a_call_that_places_an_order_leads_to_its_other_id_and_a_replacement_does_not() {
        let led = |id: &str, kwargs: &str, result: &str| {
            let record = format!(
                "{{\"timestamp\":\"2025-10-26T12:00:00Z\",\"method\":\"m\",\"args\":[\"1001\"],\
                 \"kwargs\":{kwargs},\"result\":{result},\"duration_ns\":0,\"role\":\"output\"}}"
            );
            let mut ids = Ids::of(id);
            ids.add_those_of(&serde_json::from_str(&record).unwrap());
            ids.into_sorted()
        };
        let placed = (
            "{\"client_order_id\":\"mm-1\"}",
            "{\"order_id\":7,\"ok\":true}",
        );
        assert_eq!(led("7", placed.0, placed.1), ["7", "mm-1"]);
        assert_eq!(led("mm-1", placed.0, placed.1), ["7", "mm-1"]);
        assert_eq!(led("1001", "{}", "{\"orderId\":\"1002\"}"), ["1001"]);
        assert_eq!(
            led("1001", "{\"order_id\":\"1001\"}", "{\"orderId\":\"1002\"}"),
            ["1001"]
        );
        assert_eq!(led("7", "{}", "null"), ["7"]);
    }

    #[test]
    fn an_id_in_json_is_under_a_key_or_a_text_by_itself() {
        let ids = Ids::of("7");
        let meaning = |json: &str| json.parse::<Json>().unwrap().meaning();
        for json in [r#"{"order_id":7}"#, r#"[{"a":{"clientOrderId":"7"}}]"#] {
            assert!(ids.are_under_keys(&meaning(json)), "{json}");
            assert!(ids.are_anywhere(&meaning(json)), "{json}");
        }
        for json in [
            r#"{"id":7}"#,
            "[7]",
            r#"{"order_id":"77"}"#,
            r#"{"order_id":[7]}"#,
        ] {
            assert!(!ids.are_under_keys(&meaning(json)), "{json}");
            assert!(!ids.are_anywhere(&meaning(json)), "{json}");
        }
        assert!(ids.are_anywhere(&meaning(r#"["h","7"]"#)));
        assert!(!ids.are_under_keys(&meaning(r#"["h","7"]"#)));
    }
}
