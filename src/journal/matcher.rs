//! Which lines of a block are asked for.
//!
//! Always true:
//! - A line is asked for when it is one JSON object in which every condition's field has its value:
//!   a string by what it says, a number, `true`, `false` and `null` by their text; or, where the
//!   condition says so, no value at all. Of a field that is there twice the last counts, as it does
//!   for every reader of JSON.
//! - No such line is missed, however it is written: with white space, with escapes, with fields of
//!   the same name deeper in it.
//! - A line is parsed only when the block's bytes say that it may be asked for; a bad line that
//!   cannot be one is not noticed.
//!
//! Not here: reading blocks, and what is done with the lines.

use std::ops::Range;

use memchr::memmem::Finder;

use super::line::LINE_LEN_MAX;
use super::lines;
use super::members::{self, Malformed};
use super::position::LineFault;
use super::selection::{self, Selection};
use crate::record::Stream;

/// What a field has to be.
#[derive(Clone, Debug)]
pub(super) struct FieldIs {
    pub(super) field: String,
    pub(super) value: String,
    /// Null will do too, and so will a line without the field.
    pub(super) or_none: bool,
}

/// What is asked for.
#[derive(Debug)]
pub(super) struct Matcher {
    conditions: Vec<Condition>,
    needle: Option<Needle>,
    /// The field whose values are wanted.
    wanted: Option<Key>,
    /// The time that is asked for, and the field that holds it.
    time: Option<(Selection, Key, &'static str)>,
}

#[derive(Debug)]
struct Condition {
    key: Key,
    value: String,
    /// The value as a JSON string without escapes; `None` when there is no such.
    quoted: Option<Vec<u8>>,
    /// Whether the value may also be a number, `true`, `false` or `null`.
    is_scalar: bool,
    or_none: bool,
}

#[derive(Debug)]
struct Key {
    name: String,
    /// The name as a JSON string without escapes; `None` when there is no such.
    quoted: Option<Vec<u8>>,
}

/// The bytes that a line must have to be asked for, unless it is written with escapes.
#[derive(Debug)]
struct Needle {
    finder: Finder<'static>,
    /// Whether they begin with the value's quote.
    is_quoted: bool,
    /// The field, in its quotes, that must stand before them.
    key: Option<Vec<u8>>,
    /// What is in every line that is written with escapes which could hide the needle.
    escape: Finder<'static>,
}

/// What a line came to.
pub(super) enum Verdict<'a> {
    /// It is asked for; with the raw value of the wanted field.
    Yes(Option<&'a [u8]>),
    /// It cannot be told.
    Bad(LineFault),
}

impl Matcher {
    pub(super) fn new(
        stream: Stream,
        conditions: &[FieldIs],
        selection: &Selection,
        wanted: Option<&str>,
    ) -> Matcher {
        let conditions: Vec<Condition> = conditions.iter().map(Condition::new).collect();
        let field = selection::time_field(stream);
        Matcher {
            needle: Needle::best(&conditions),
            conditions,
            wanted: wanted.map(Key::new),
            time: selection
                .is_timed()
                .then(|| (selection.clone(), Key::new(field), field)),
        }
    }

    /// Calls `each` with every line of the block that is asked for or cannot be told, in order.
    pub(super) fn block<'a>(
        &self,
        block: &'a [u8],
        mut each: impl FnMut(Range<usize>, Verdict<'a>),
    ) {
        match &self.needle {
            Some(needle) if !needle.may_be_escaped(block) => {
                self.by_needle(block, needle, &mut each);
            }
            needle => self.by_line(block, needle.as_ref(), &mut each),
        }
    }

    fn by_needle<'a>(
        &self,
        block: &'a [u8],
        needle: &Needle,
        each: &mut impl FnMut(Range<usize>, Verdict<'a>),
    ) {
        let mut from = 0;
        let mut line_start = 0;
        while let Some(found) = block.get(from..).and_then(|it| needle.finder.find(it)) {
            let at = from + found;
            from = at + 1;
            let before = block.get(line_start..at).unwrap_or_default();
            if !needle.has_key(before) {
                continue;
            }
            let start = line_start + memchr::memrchr(b'\n', before).map_or(0, |it| it + 1);
            let behind = block.get(at..).unwrap_or_default();
            let end = at + memchr::memchr(b'\n', behind).map_or(behind.len(), |it| it + 1);
            if let Some(verdict) = self.line(block.get(start..end).unwrap_or_default()) {
                each(start..end, verdict);
            }
            (from, line_start) = (end, end);
        }
    }

    fn by_line<'a>(
        &self,
        block: &'a [u8],
        needle: Option<&Needle>,
        each: &mut impl FnMut(Range<usize>, Verdict<'a>),
    ) {
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', block) {
            let line = block.get(start..=end).unwrap_or_default();
            let may_be = needle.is_none_or(|it| it.may_be_in(line));
            if may_be && let Some(verdict) = self.line(line) {
                each(start..end + 1, verdict);
            }
            start = end + 1;
        }
    }

    /// Looks at every field of a line; `None` when it is not asked for.
    pub(super) fn line<'a>(&self, line: &'a [u8]) -> Option<Verdict<'a>> {
        if LINE_LEN_MAX < line.len() {
            return Some(Verdict::Bad(LineFault::TooLong));
        }
        if let Err(error) = std::str::from_utf8(line) {
            let at = error.valid_up_to();
            return Some(Verdict::Bad(LineFault::NotUtf8 { at }));
        }
        match self.fields(line) {
            Ok(None) => None,
            Ok(Some(fields)) => match self.is_in_time(fields.time) {
                Ok(true) => Some(Verdict::Yes(fields.wanted)),
                Ok(false) => None,
                Err(fault) => Some(Verdict::Bad(fault)),
            },
            Err(malformed) => Some(Verdict::Bad(lines::not_json(line, malformed))),
        }
    }

    /// The raw time and the raw wanted value of a line that keeps every condition.
    fn fields<'a>(&self, line: &'a [u8]) -> Result<Option<Fields<'a>>, Malformed> {
        let has_escape = memchr::memchr(b'\\', line).is_some();
        let mut fields = Fields::default();
        let mut chunks = self.conditions.chunks(CHUNK);
        let first = chunks.next().unwrap_or_default();
        let mut kept = keeps(first, line, has_escape, |key, value| {
            if let Some((_, field, _)) = &self.time
                && field.is(key, has_escape)
            {
                fields.time = Some(value);
            }
            if let Some(field) = &self.wanted
                && field.is(key, has_escape)
            {
                fields.wanted = Some(value);
            }
        })?;
        for chunk in chunks {
            kept = kept && keeps(chunk, line, has_escape, |_, _| {})?;
        }
        Ok(kept.then_some(fields))
    }

    fn is_in_time(&self, raw: Option<&[u8]>) -> Result<bool, LineFault> {
        match &self.time {
            None => Ok(true),
            Some((selection, _, field)) => {
                selection::time_of(raw, field).map(|time| selection.holds(time))
            }
        }
    }
}

/// As many conditions as there are bits to remember which are kept.
const CHUNK: usize = 64;

#[derive(Default)]
struct Fields<'a> {
    time: Option<&'a [u8]>,
    wanted: Option<&'a [u8]>,
}

/// Whether a line keeps every condition, at most [`CHUNK`] of them; `each` sees its members.
fn keeps<'a>(
    conditions: &[Condition],
    line: &'a [u8],
    has_escape: bool,
    mut each: impl FnMut(&'a [u8], &'a [u8]),
) -> Result<bool, Malformed> {
    let mut kept = 0_u64;
    for (at, condition) in conditions.iter().enumerate() {
        // Until the field turns up.
        kept |= u64::from(condition.or_none) << at;
    }
    members::members(line, |key, value| {
        for (at, condition) in conditions.iter().enumerate() {
            if condition.key.is(key, has_escape) {
                let bit = 1 << at;
                match condition.is_kept_by(value, has_escape) {
                    true => kept |= bit,
                    false => kept &= !bit,
                }
            }
        }
        each(key, value);
    })?;
    Ok(kept.count_ones() as usize == conditions.len())
}

impl Condition {
    fn new(wanted: &FieldIs) -> Condition {
        Condition {
            key: Key::new(&wanted.field),
            value: wanted.value.clone(),
            quoted: quoted(&wanted.value),
            is_scalar: is_scalar(&wanted.value),
            or_none: wanted.or_none,
        }
    }

    fn is_kept_by(&self, raw: &[u8], has_escape: bool) -> bool {
        if self.or_none && raw == b"null" {
            return true;
        }
        if raw.first() != Some(&b'"') {
            return self.is_scalar && raw == self.value.as_bytes();
        }
        match &self.quoted {
            Some(quoted) if raw == quoted.as_slice() => true,
            _ => has_escape && members::says(raw, &self.value),
        }
    }
}

impl Key {
    fn new(name: &str) -> Key {
        Key {
            name: name.to_owned(),
            quoted: quoted(name),
        }
    }

    fn is(&self, raw: &[u8], has_escape: bool) -> bool {
        match &self.quoted {
            Some(quoted) if raw == quoted.as_slice() => true,
            _ => has_escape && members::says(raw, &self.name),
        }
    }
}

impl Needle {
    /// The needle that is likely to be met least: the longest in quotes, or else the longest.
    fn best(conditions: &[Condition]) -> Option<Needle> {
        // A line that may do without the value need not have its bytes.
        let is_in_line = |it: &&Condition| it.quoted.is_some() && !it.or_none;
        let best = conditions
            .iter()
            .filter(is_in_line)
            .max_by_key(|it| (!it.is_scalar, it.value.len()))?;
        let bytes = match best.is_scalar {
            // In quotes or not.
            true => best.value.as_bytes(),
            false => best.quoted.as_deref()?,
        };
        // A printable character can only be written as `\u` and digits, a slash also as `\/`.
        let slash = best.value.contains('/') || best.key.name.contains('/');
        let escape: &[u8] = if slash { b"\\" } else { b"\\u" };
        Some(Needle {
            finder: Finder::new(bytes).into_owned(),
            is_quoted: !best.is_scalar,
            key: best.key.quoted.clone(),
            escape: Finder::new(escape).into_owned(),
        })
    }

    /// Whether the field's key stands at the end of `before`.
    fn has_key(&self, before: &[u8]) -> bool {
        let Some(key) = &self.key else {
            return true;
        };
        let before = match before {
            [rest @ .., b'"'] if !self.is_quoted => rest,
            all => all,
        };
        let colon = without_space(before).strip_suffix(b":");
        colon.is_some_and(|it| without_space(it).ends_with(key))
    }

    fn may_be_in(&self, line: &[u8]) -> bool {
        self.finder.find(line).is_some() || self.may_be_escaped(line)
    }

    fn may_be_escaped(&self, bytes: &[u8]) -> bool {
        // Most texts have no backslash at all, which is the fastest thing to see.
        memchr::memchr(b'\\', bytes)
            .and_then(|first| bytes.get(first..))
            .is_some_and(|it| self.escape.find(it).is_some())
    }
}

/// `text` without the white space at its end.
fn without_space(mut text: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t' | b'\r'] = text {
        text = rest;
    }
    text
}

/// `text` as a JSON string, unless that needs escapes.
fn quoted(text: &str) -> Option<Vec<u8>> {
    let is_plain = |it: u8| it != b'"' && it != b'\\' && 0x20 <= it;
    text.bytes()
        .all(is_plain)
        .then(|| [b"\"", text.as_bytes(), b"\""].concat())
}

/// Whether `text` is the text of a number, `true`, `false` or `null`.
fn is_scalar(text: &str) -> bool {
    let line = format!("[{text}]");
    !text.starts_with(['"', '[', '{', ' ', '\t', '\r', '\n'])
        && serde_json::from_str::<Vec<&serde_json::value::RawValue>>(&line)
            .is_ok_and(|it| matches!(it.as_slice(), [one] if one.get() == text))
}
