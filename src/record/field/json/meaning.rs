//! What JSON says, however it is spelled: for comparing what two programs wrote.
//!
//! Always true:
//! - Two texts have one meaning when they differ in nothing but white space, the order of keys, the escapes
//!   in their strings and the spelling of their numbers: `1.50`, `1.5` and `15e-1` are one number.
//! - Numbers are compared digit by digit: no double and no decimal stands between them, and none is cut.
//! - Equal meanings have equal hashes and one text ([`Meaning`] is shown as JSON with its keys in order).
//! - A key that is there twice counts twice, in the order of the text.
//!
//! Not here: what may differ all the same. Whoever compares says so.

use std::borrow::Cow;
use std::fmt;

use super::{Json, JsonObject, number_len, string_len};
use crate::record::field::string::{unescaped, write_string};

/// How many zeros are written out before a number gets an exponent instead.
const ZEROS_MAX: i64 = 24;

/// What a JSON value says.
///
/// ```
/// use tradejournal::record::field::Json;
///
/// let old: Json = r#"{"price": 1.50, "id": "a"}"#.parse()?;
/// let new: Json = r#"{"id":"\u0061","price":15e-1}"#.parse()?;
/// assert!(old.is_same(&new));
/// assert_eq!(new.meaning().to_string(), r#"{"id":"a","price":1.5}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Meaning {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text, without its quotes and escapes.
    Text(Box<str>),
    /// Values in their order.
    List(Vec<Meaning>),
    /// Values by key.
    Object(Members),
}

/// A number by its exact value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Number(Box<str>);

/// The members of an object, by key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Members(Vec<(Box<str>, Meaning)>);

impl Json {
    /// What it says.
    #[must_use]
    pub fn meaning(&self) -> Meaning {
        let mut reader = Reader(self.as_str());
        match reader.value() {
            Some(meaning) if reader.0.is_empty() => meaning,
            _ => unreachable!("what came through the door of Json is well formed"),
        }
    }

    /// Whether both say the same.
    #[must_use]
    pub fn is_same(&self, other: &Json) -> bool {
        self == other || self.meaning() == other.meaning()
    }
}

impl JsonObject {
    /// What it says.
    #[must_use]
    pub fn meaning(&self) -> Meaning {
        self.0.meaning()
    }

    /// Whether both say the same.
    #[must_use]
    pub fn is_same(&self, other: &JsonObject) -> bool {
        self.0.is_same(&other.0)
    }
}

impl Meaning {
    /// The member of that key, if it is an object that has one; the first of several.
    #[must_use]
    pub fn member(&self, key: &str) -> Option<&Meaning> {
        match self {
            Meaning::Object(members) => members.iter().find(|it| it.0 == key).map(|it| it.1),
            _ => None,
        }
    }

    /// A text as it is, a number as it is written: what an id may be.
    #[must_use]
    pub fn as_word(&self) -> Option<&str> {
        match self {
            Meaning::Text(text) => Some(text),
            Meaning::Number(number) => Some(number.as_str()),
            _ => None,
        }
    }

    /// Takes the members at the end of that path out, in every element where the path leads into a list.
    pub fn remove(&mut self, path: &[&str]) {
        match (self, path) {
            (Meaning::Object(Members(members)), [last]) => members.retain(|it| *it.0 != **last),
            (Meaning::Object(Members(members)), [first, rest @ ..]) => {
                let own = members.iter_mut().filter(|it| *it.0 == **first);
                own.for_each(|it| it.1.remove(rest));
            }
            (Meaning::List(elements), [_, ..]) => {
                elements.iter_mut().for_each(|it| it.remove(path));
            }
            _ => {}
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Meaning::Null => out.extend_from_slice(b"null"),
            Meaning::Bool(true) => out.extend_from_slice(b"true"),
            Meaning::Bool(false) => out.extend_from_slice(b"false"),
            Meaning::Number(number) => out.extend_from_slice(number.0.as_bytes()),
            Meaning::Text(text) => write_string(text, out),
            Meaning::List(elements) => {
                out.push(b'[');
                for (index, element) in elements.iter().enumerate() {
                    out.extend_from_slice(if index == 0 { b"" } else { b"," });
                    element.write(out);
                }
                out.push(b']');
            }
            Meaning::Object(Members(members)) => {
                out.push(b'{');
                for (index, (key, value)) in members.iter().enumerate() {
                    out.extend_from_slice(if index == 0 { b"" } else { b"," });
                    write_string(key, out);
                    out.push(b':');
                    value.write(out);
                }
                out.push(b'}');
            }
        }
    }
}

/// As JSON: compact, keys in order, each number in one spelling.
impl fmt::Display for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Vec::new();
        self.write(&mut out);
        f.write_str(&String::from_utf8_lossy(&out))
    }
}

impl Number {
    /// Its one spelling: without zeros that say nothing, with an exponent only where it is very large or
    /// very small.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number of a JSON literal.
    fn of(literal: &str) -> Number {
        Number(spelled(literal).unwrap_or_else(|| literal.into()))
    }
}

/// The one spelling of that value; `None` where its exponent has more than 64 bits: such a number is
/// compared as it is written.
fn spelled(literal: &str) -> Option<Box<str>> {
    let (sign, number) = match literal.strip_prefix('-') {
        Some(number) => ("-", number),
        None => ("", literal),
    };
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_start_matches('0');
    if digits.is_empty() {
        return Some("0".into());
    }
    let exponent: i64 = exponent.parse().ok()?;
    let shortest = digits.trim_end_matches('0');
    let length = |text: &str| i64::try_from(text.len()).ok();
    let exponent = exponent
        .checked_sub(length(fraction)?)?
        .checked_add(length(digits)? - length(shortest)?)?;
    let digits = shortest;
    let point = length(digits)? + exponent;
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or_default());
    let text = match exponent {
        0..=ZEROS_MAX => format!("{sign}{digits}{}", zeros(exponent)),
        ..0 if 0 < point => {
            let (whole, fraction) = digits.split_at_checked(usize::try_from(point).ok()?)?;
            format!("{sign}{whole}.{fraction}")
        }
        ..0 if -ZEROS_MAX <= point => format!("{sign}0.{}{digits}", zeros(-point)),
        _ => format!("{sign}{digits}e{exponent}"),
    };
    Some(text.into())
}

impl Members {
    /// All of them, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Meaning)> {
        self.0.iter().map(|(key, value)| (&**key, value))
    }
}

/// Compact JSON that is known to be well formed, and no deeper than a stack is.
struct Reader<'a>(&'a str);

impl<'a> Reader<'a> {
    fn value(&mut self) -> Option<Meaning> {
        match self.0.as_bytes().first()? {
            b'{' => self.object(),
            b'[' => self.list(),
            b'"' => Some(Meaning::Text(self.string()?.into())),
            b't' => self.word("true", Meaning::Bool(true)),
            b'f' => self.word("false", Meaning::Bool(false)),
            b'n' => self.word("null", Meaning::Null),
            _ => {
                let len = number_len(self.0).ok().filter(|it| *it != 0)?;
                Some(Meaning::Number(Number::of(self.take(len)?)))
            }
        }
    }

    fn object(&mut self) -> Option<Meaning> {
        let mut members = Vec::new();
        self.take(1)?;
        while !self.is_at("}") {
            let key = self.string()?.into();
            self.is_at(":").then_some(())?;
            members.push((key, self.value()?));
            self.is_at(",");
        }
        // A stable order: of two members of one key the first stays the first.
        members.sort_by(|one: &(Box<str>, Meaning), other| one.0.cmp(&other.0));
        Some(Meaning::Object(Members(members)))
    }

    fn list(&mut self) -> Option<Meaning> {
        let mut elements = Vec::new();
        self.take(1)?;
        while !self.is_at("]") {
            elements.push(self.value()?);
            self.is_at(",");
        }
        Some(Meaning::List(elements))
    }

    fn string(&mut self) -> Option<Cow<'a, str>> {
        let len = string_len(self.0).ok()?;
        unescaped(self.take(len)?)
    }

    fn word(&mut self, word: &str, meaning: Meaning) -> Option<Meaning> {
        self.is_at(word).then_some(meaning)
    }

    /// Whether that comes next; if so it is taken.
    fn is_at(&mut self, token: &str) -> bool {
        match self.0.strip_prefix(token) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn take(&mut self, len: usize) -> Option<&'a str> {
        let (token, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(token)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn json(text: &str) -> Json {
        text.parse().unwrap()
    }

    fn is_same(one: &str, other: &str) -> bool {
        let (one, other) = (json(one), json(other));
        let is_same = one.is_same(&other);
        assert_eq!(is_same, other.is_same(&one));
        assert_eq!(
            is_same,
            one.meaning().to_string() == other.meaning().to_string()
        );
        is_same
    }

    #[test]
    fn spelling_says_nothing() {
        for (one, other) in [
            ("1.50", "1.5"),
            ("150e-2", "1.5"),
            ("1.5E+0", "0.15e1"),
            ("-0.0", "0"),
            ("0e99999999999999999999999", "0"),
            ("100", "1e2"),
            ("1e300", "10e299"),
            ("0.00000000000000000000000000000001", "1e-32"),
            ("\"\\u0061\\/\"", "\"a/\""),
            ("{\"a\":1,\"b\":[ ]}", " { \"b\" : [], \"\\u0061\" : 1.0 } "),
            ("[{\"x\":null},true]", "[ { \"x\" : null } , true ]"),
        ] {
            assert!(is_same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn what_says_something_else_is_not_the_same() {
        for (one, other) in [
            ("1", "1.0000000000000000000000000000000000000001"),
            ("9007199254740993", "9007199254740992"),
            ("1e-32", "1e-33"),
            ("1", "-1"),
            ("1", "\"1\""),
            ("null", "false"),
            ("[1,2]", "[2,1]"),
            ("{}", "[]"),
            ("{\"a\":null}", "{}"),
            ("{\"a\":1,\"a\":2}", "{\"a\":2,\"a\":1}"),
            ("\"a\"", "\"A\""),
            ("1e-99999999999999999999", "1e-99999999999999999998"),
        ] {
            assert!(!is_same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn a_number_has_one_spelling() {
        for (literal, spelling) in [
            ("1.50", "1.5"),
            ("-12e3", "-12000"),
            ("0.0010", "0.001"),
            ("1e24", "1000000000000000000000000"),
            ("1e25", "1e25"),
            ("12.5e-3", "0.0125"),
            ("123e-40", "123e-40"),
            ("-0", "0"),
        ] {
            assert_eq!(json(literal).meaning().to_string(), spelling, "{literal}");
        }
    }

    #[test]
    fn members_are_found_and_taken_out() {
        let mut meaning =
            json("{\"result\":{\"at\":1,\"id\":12},\"list\":[{\"at\":1},{\"at\":2,\"b\":3}]}")
                .meaning();
        let id = meaning.member("result").and_then(|it| it.member("id"));
        assert_eq!(id.and_then(Meaning::as_word), Some("12"));
        assert_eq!(meaning.member("nothing"), None);
        meaning.remove(&["result", "at"]);
        meaning.remove(&["list", "at"]);
        meaning.remove(&["list", "at", "deeper"]);
        meaning.remove(&[]);
        assert_eq!(
            meaning.to_string(),
            "{\"list\":[{},{\"b\":3}],\"result\":{\"id\":12}}"
        );
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            "[a-c\\\\\"\u{1f600}\n]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-c]{0,2}", inner, 0..4)
                    .prop_map(|it| Value::Object(it.into_iter().collect())),
            ]
        })
    }

    /// Another spelling of the same value: keys backwards, strings escaped, white space everywhere.
    fn respelled(value: &Value) -> String {
        match value {
            Value::Number(number) => format!(" {number}e0 "),
            Value::String(text) => {
                let units = text.encode_utf16().map(|it| format!("\\u{it:04X}"));
                format!(" \"{}\"", units.collect::<String>())
            }
            Value::Array(elements) => {
                let elements: Vec<String> = elements.iter().map(respelled).collect();
                format!("[ {} ]", elements.join(" ,"))
            }
            Value::Object(members) => {
                let text = |it: (&String, &Value)| {
                    let key = respelled(&Value::from(it.0.as_str()));
                    format!("{key} : {}", respelled(it.1))
                };
                let members: Vec<String> = members.iter().rev().map(text).collect();
                format!("{{{} }}", members.join(","))
            }
            other => other.to_string(),
        }
    }

    proptest! {
        #[test]
        fn two_values_are_the_same_as_a_plain_model_says(one in any_value(), other in any_value()) {
            let texts = (one.to_string(), other.to_string());
            prop_assert_eq!(is_same(&texts.0, &texts.1), one == other);
            prop_assert!(is_same(&texts.0, &respelled(&one)));
            let shown = json(&texts.0).meaning().to_string();
            prop_assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), one);
        }

        #[test]
        fn numbers_are_the_same_where_their_values_are(
            digits in 1_i64..100_000, places in 0_u32..6, zeros in 0_u32..4, exponent in -30_i32..30,
        ) {
            let places = i32::try_from(places).unwrap();
            let plain = format!("{digits}e{}", exponent - places);
            let ten = 10_i64.pow(zeros);
            let shifted = format!("{}e{}", digits * ten, exponent - places - i32::try_from(zeros).unwrap());
            prop_assert!(is_same(&plain, &shifted));
            let next = format!("{}e{}", digits + 1, exponent - places);
            prop_assert!(!is_same(&plain, &next));
        }
    }
}
