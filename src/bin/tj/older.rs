//! Lines of older trade logs as the journal's JSON: what plain daily files wrote differently.
//!
//! Always true:
//! - A JSON number where the journal has a decimal text becomes the text of exactly that number,
//!   digit for digit; no float is ever made of it.
//! - A time without a zone becomes an instant only with a zone that was named.
//! - Everything else is handed on as it is: the record's own door decides.
//!
//! Not here: whether the record is valid.

use std::{borrow::Cow, fmt};

use chrono_tz::Tz;
use rust_decimal::Decimal;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use tradejournal::record::{Invalid, Problem};

use crate::when;

const DECIMALS: [&str; 8] = [
    "price",
    "total_value",
    "stop_loss",
    "target",
    "profit_loss",
    "slippage",
    "commission",
    "net_profit_loss",
];
const TIMES: [&str; 2] = ["timestamp", "exit_timestamp"];

/// A line as the journal would have it, and what stood in the way.
#[derive(Debug)]
pub(crate) struct Older<'a> {
    pub(crate) json: Cow<'a, [u8]>,
    problems: Vec<Problem>,
}

impl Older<'_> {
    /// What is wrong with the line, in the words for older logs where there are some.
    pub(crate) fn explain(&self, invalid: Invalid) -> Invalid {
        let Invalid::Fields(problems) = invalid else {
            return invalid;
        };
        let explained = problems.into_iter().map(|problem| {
            let own = self.problems.iter().find(|it| it.field == problem.field);
            own.cloned().unwrap_or(problem)
        });
        Invalid::Fields(explained.collect())
    }
}

/// A line of an older trade log.
pub(crate) fn trade(line: &[u8], zone: Option<Tz>) -> Older<'_> {
    let mut problems = Vec::new();
    let Ok(Members(members)) = serde_json::from_slice(line) else {
        let json = Cow::Borrowed(line);
        return Older { json, problems };
    };
    let mut json = String::with_capacity(line.len() + 64);
    for (name, value) in members {
        json.push(if json.is_empty() { '{' } else { ',' });
        json.push_str(&quoted(&name));
        json.push(':');
        json.push_str(&converted(&name, value, zone, &mut problems));
    }
    json.push_str(if json.is_empty() { "{}" } else { "}" });
    let json = Cow::Owned(json.into_bytes());
    Older { json, problems }
}

fn converted<'a>(
    name: &str,
    value: &'a RawValue,
    zone: Option<Tz>,
    problems: &mut Vec<Problem>,
) -> Cow<'a, str> {
    let json = value.get();
    let is_number = json.starts_with(|it: char| it == '-' || it.is_ascii_digit());
    if DECIMALS.contains(&name) && is_number {
        return Cow::Owned(quoted(&digits(json)));
    }
    if let Some(field) = TIMES.iter().find(|it| **it == name)
        && let Ok(text) = serde_json::from_str::<String>(json)
    {
        match when::local(&text, zone) {
            Ok(instant) => return Cow::Owned(quoted(&instant.to_string())),
            Err(wrong) => problems.push(Problem::new(field, wrong.to_string()).got(json)),
        }
    }
    Cow::Borrowed(json)
}

/// The number without an exponent; as it is where that cannot be done exactly.
fn digits(number: &str) -> Cow<'_, str> {
    if !number.contains(['e', 'E']) {
        return Cow::Borrowed(number);
    }
    match Decimal::from_scientific(number) {
        Ok(exact) => Cow::Owned(exact.to_string()),
        Err(_) => Cow::Borrowed(number),
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The members of an object in their order, repeated ones too.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Members<'de>, D::Error> {
        from.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(line: &str, zone: Option<Tz>) -> String {
        String::from_utf8(trade(line.as_bytes(), zone).json.into_owned()).unwrap()
    }

    #[test]
    fn numbers_become_the_text_of_their_digits() {
        assert_eq!(
            json(
                r#"{"price":150.10,"quantity":50,"target":1.5e2,"stop_loss":null}"#,
                None
            ),
            r#"{"price":"150.10","quantity":50,"target":"150","stop_loss":null}"#
        );
        assert_eq!(
            json(r#"{"price": 0.1000000000000000055}"#, None),
            r#"{"price":"0.1000000000000000055"}"#
        );
        assert_eq!(json(r#"{"price":1e400}"#, None), r#"{"price":"1e400"}"#);
    }

    #[test]
    fn times_without_a_zone_take_the_one_that_was_named() {
        let line = r#"{"timestamp":"2025-10-26 14:32:15.123456"}"#;
        assert_eq!(
            json(line, Some(Tz::America__New_York)),
            r#"{"timestamp":"2025-10-26T18:32:15.123456Z"}"#
        );
        let older = trade(line.as_bytes(), None);
        assert_eq!(older.problems.len(), 1);
        assert_eq!(
            older.problems[0].to_string(),
            "timestamp: has no zone: name it with --timezone, got \"2025-10-26 14:32:15.123456\""
        );
    }

    #[test]
    fn what_is_no_object_is_handed_on() {
        assert_eq!(json("[1]", None), "[1]");
        assert_eq!(json("{}", None), "{}");
        assert_eq!(json(r#"{"a":1,"a":2}"#, None), r#"{"a":1,"a":2}"#);
    }
}
