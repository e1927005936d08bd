//! Free JSON: a configuration, the parameters of a decision, the answer of a call.
//!
//! Always true:
//! - The text is as it was given, key order and number digits included, with the white space
//!   outside its strings removed: it is one line.
//! - Any JSON reader can take it: at most 100 levels deep, no number beyond a double, no half of a
//!   surrogate pair.

mod meaning;

use std::{fmt, str::FromStr};

use serde::Serialize;
use serde_json::value::RawValue;

use crate::record::field::{Field, Wrong};

pub use meaning::{Meaning, Members, Number};

const RULE: &str = "must be JSON of at most 100 levels";
const OBJECT_RULE: &str = "must be a JSON object of at most 100 levels";
const LEVELS_MAX: u32 = 100;
/// A number without an exponent and with fewer digits than this is finite as a double.
const FINITE_LEN: usize = 300;

/// Any one JSON value, kept as its own text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Json(String);

/// A JSON object, kept as its own text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct JsonObject(Json);

impl Json {
    /// The JSON of a value that can be serialised.
    ///
    /// # Errors
    /// When the value refuses to be serialised, or is too deep.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Json, Wrong> {
        let text = serde_json::to_string(value).map_err(|error| Wrong::new(RULE, error))?;
        text.parse()
    }

    /// The value `null`.
    #[must_use]
    pub fn null() -> Json {
        Json("null".into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The JSON that somebody wrote who knows that it is compact, and may be a value.
    pub(crate) fn written(text: &str) -> Json {
        let mut json = Json(String::new());
        json.rewrite(text);
        json
    }

    /// Becomes that JSON in the memory it has.
    pub(crate) fn rewrite(&mut self, text: &str) {
        debug_assert!(text.parse::<Json>().is_ok_and(|it| it.as_str() == text));
        self.0.clear();
        self.0.push_str(text);
    }

    fn compact(json: &str, rule: &'static str) -> Result<Json, Wrong> {
        let text = compacted(json).map_err(|hint| Wrong::new(rule, json).hint(hint))?;
        Ok(Json(text))
    }
}

impl JsonObject {
    /// The JSON of a value that is serialised as an object.
    ///
    /// # Errors
    /// When it refuses to be serialised, is too deep, or is something else than an object.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<JsonObject, Wrong> {
        let text = serde_json::to_string(value).map_err(|error| Wrong::new(OBJECT_RULE, error))?;
        text.parse()
    }

    /// Becomes that object in the memory it has.
    pub(crate) fn rewrite(&mut self, text: &str) {
        debug_assert!(text.starts_with('{'));
        self.0.rewrite(text);
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// `{}`.
impl Default for JsonObject {
    fn default() -> JsonObject {
        JsonObject(Json("{}".into()))
    }
}

impl FromStr for Json {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Json, Wrong> {
        let raw: &RawValue = serde_json::from_str(text).map_err(|_| Wrong::new(RULE, text))?;
        Json::compact(raw.get(), RULE)
    }
}

impl FromStr for JsonObject {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<JsonObject, Wrong> {
        let raw: &RawValue =
            serde_json::from_str(text).map_err(|_| Wrong::new(OBJECT_RULE, text))?;
        JsonObject::read(raw.get())
    }
}

impl Field for Json {
    fn read(json: &str) -> Result<Json, Wrong> {
        Json::compact(json, RULE)
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.as_bytes());
    }
}

impl Field for JsonObject {
    fn read(json: &str) -> Result<JsonObject, Wrong> {
        if !json.starts_with('{') {
            return Err(Wrong::new(OBJECT_RULE, json));
        }
        Json::compact(json, OBJECT_RULE).map(JsonObject)
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
    }
}

macro_rules! shown {
    ($($name:ident)*) => { $(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )* };
}

shown!(Json JsonObject);

/// Takes the white space out of well-formed JSON; refuses what some readers cannot take.
fn compacted(json: &str) -> Result<String, &'static str> {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    let mut levels = 0_u32;
    while let Some(first) = rest.bytes().next() {
        let len = match first {
            b'"' => string_len(rest)?,
            b'-' | b'0'..=b'9' => number_len(rest)?,
            _ => 1,
        };
        match first {
            b'{' | b'[' => levels += 1,
            b'}' | b']' => levels = levels.saturating_sub(1),
            _ => {}
        }
        if levels > LEVELS_MAX {
            return Err("it is nested deeper");
        }
        let (token, after) = rest.split_at_checked(len).ok_or("not UTF-8")?;
        if !matches!(first, b' ' | b'\t' | b'\n' | b'\r') {
            out.push_str(token);
        }
        rest = after;
    }
    Ok(out)
}

/// The length of the string that `json` begins with, quotes included.
fn string_len(json: &str) -> Result<usize, &'static str> {
    let bytes = json.as_bytes();
    let mut at = 1;
    let mut high_surrogate = false;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let (len, is_high, is_low) = match rest {
            [] => return Err("a string has no end"),
            [b'"', ..] if high_surrogate => return Err("half of a surrogate pair"),
            [b'"', ..] => return Ok(at + 1),
            [b'\\', b'u', a, b, _, _, ..] => (6, is_d(*a, *b, b"89ab"), is_d(*a, *b, b"cdef")),
            [b'\\', ..] => (2, false, false),
            _ => (1, false, false),
        };
        if high_surrogate != is_low {
            return Err("half of a surrogate pair");
        }
        high_surrogate = is_high;
        at += len;
    }
}

fn is_d(first: u8, second: u8, range: &[u8; 4]) -> bool {
    first.eq_ignore_ascii_case(&b'd') && range.contains(&second.to_ascii_lowercase())
}

/// The length of the number that `json` begins with.
fn number_len(json: &str) -> Result<usize, &'static str> {
    let in_number = |it: &u8| matches!(it, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    let len = json.bytes().take_while(in_number).count();
    let number = json.get(..len).unwrap_or_default();
    let is_plain = len < FINITE_LEN && !number.contains(['e', 'E']);
    if is_plain || number.parse().is_ok_and(f64::is_finite) {
        Ok(len)
    } else {
        Err("a number is too large")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_goes_and_the_rest_stays() {
        let json: JsonObject = " { \"b\" : [ 1.50 , -2e3,\ttrue ] , \n\"a\" : \" x \\\" y \" } "
            .parse()
            .unwrap();
        assert_eq!(
            json.as_str(),
            "{\"b\":[1.50,-2e3,true],\"a\":\" x \\\" y \"}"
        );
        let pair: Json = "\"\\ud83d\\ude00 \u{1f600}\"".parse().unwrap();
        assert_eq!(pair.as_str(), "\"\\ud83d\\ude00 \u{1f600}\"");
        assert_eq!(Json::of(&[1, 2]).unwrap().as_str(), "[1,2]");
    }

    #[test]
    fn what_some_reader_cannot_take_is_refused() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        let long = "9".repeat(400);
        for json in [
            "1e400",
            "-1e999",
            &long,
            &deep,
            "\"\\ud800\"",
            "\"\\udc00\"",
            "\"\\ud800\\u0041\"",
            "\"\\ud800x\\udc00\"",
            "",
            "{",
            "{} {}",
            "[1,]",
            "nul",
        ] {
            assert!(json.parse::<Json>().is_err(), "{json:.20}");
        }
        assert!("[1]".parse::<JsonObject>().is_err());
        let allowed = "[".repeat(100) + &"]".repeat(100);
        assert!(allowed.parse::<Json>().is_ok());
    }
}
