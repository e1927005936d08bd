//! The door: bytes on one side, a record or the reasons why not on the other.
//!
//! Always true:
//! - A record is one JSON object, in UTF-8, with nothing before and nothing after it but white space.
//! - A new record has no field twice and none of the journal's own names.
//!
//! Not here: the rules of the fields.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::record::{Invalid, Problem, Record};

/// The fields that the journal puts at the end of each line. A record has none of these names.
pub const RESERVED: [&str; 3] = ["seq", "dur", "hash"];

/// Reads a record that is to be journaled: stricter than [`Record::decode`], which reads what is
/// in a journal. The second value names the fields that this version does not know; they are not
/// kept.
///
/// # Errors
/// Besides every broken rule: a field twice, and a field with a name of the journal's own.
pub fn decode_new<R: Record>(json: &[u8]) -> Result<(R, Vec<String>), Invalid> {
    let json = utf8(json)?;
    let names = names(json)?;
    let mut problems = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let earlier = names.get(..index).unwrap_or_default();
        if earlier.contains(name) {
            problems.push(Problem::named(name, "is there more than once"));
        } else if RESERVED.contains(&name.as_str()) {
            problems.push(Problem::named(
                name,
                "is a name that the journal keeps for itself",
            ));
        }
    }
    let repeated = problems.iter().any(|it| R::FIELDS.contains(&&*it.field));
    match R::decode_str(json) {
        Ok(record) if problems.is_empty() => Ok((record, unknown(names, R::FIELDS))),
        Err(invalid) if problems.is_empty() => Err(invalid),
        Err(invalid) if !repeated => {
            problems.extend_from_slice(invalid.problems());
            Err(Invalid::ordered(problems, R::FIELDS))
        }
        _ => Err(Invalid::ordered(problems, R::FIELDS)),
    }
}

/// The names of the fields in `json` that a record of type `R` does not know, without the
/// journal's own.
///
/// # Errors
/// When `json` is no JSON object.
pub fn unknown_fields<R: Record>(json: &[u8]) -> Result<Vec<String>, Invalid> {
    let names = names(utf8(json)?)?;
    Ok(unknown(names, R::FIELDS))
}

fn unknown(mut names: Vec<String>, known: &[&str]) -> Vec<String> {
    names.retain(|it| !known.contains(&it.as_str()) && !RESERVED.contains(&it.as_str()));
    names
}

/// The bytes as text.
pub(crate) fn utf8(json: &[u8]) -> Result<&str, Invalid> {
    std::str::from_utf8(json).map_err(|error| {
        let offset = error.valid_up_to();
        Invalid::syntax(offset, "a byte that is not UTF-8")
    })
}

/// The raw form of a record.
pub(crate) fn raw<'a, R: Deserialize<'a>>(json: &'a str) -> Result<R, Invalid> {
    object(json)?;
    serde_json::from_str(json).map_err(|error| Invalid::from_json(&error, json))
}

/// Refuses what is plainly something else, in words that say what it is. (An array in particular:
/// serde would take its elements for the fields.)
fn object(json: &str) -> Result<(), Invalid> {
    let space = |it: char| matches!(it, ' ' | '\t' | '\n' | '\r');
    let value = json.trim_start_matches(space);
    let offset = json.len() - value.len();
    match value.chars().next() {
        Some('{') => match memchr::memchr(0, value.as_bytes()) {
            Some(nul) => Err(Invalid::syntax(offset + nul, "a NUL byte")),
            None => Ok(()),
        },
        None => Err(Invalid::syntax(offset, "nothing at all")),
        Some('\u{feff}') => Err(Invalid::syntax(offset, "a byte order mark")),
        Some('\0') => Err(Invalid::syntax(offset, "a NUL byte")),
        Some('[') => Err(Invalid::syntax(offset, "a list")),
        Some(_) => Err(Invalid::syntax(offset, "something else than {")),
    }
}

/// The names of the top-level fields in their order, repeated ones repeatedly.
fn names(json: &str) -> Result<Vec<String>, Invalid> {
    let members = members(json)?;
    Ok(members.into_iter().map(|(name, _)| name).collect())
}

/// The top-level fields in their order with what stands in them, repeated ones repeatedly.
///
/// # Errors
/// When `json` is no JSON object.
pub(crate) fn members(json: &str) -> Result<Vec<(String, &RawValue)>, Invalid> {
    raw::<Members<'_>>(json).map(|it| it.0)
}

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
