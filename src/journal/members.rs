//! The members of a line's JSON object, as slices of the line.
//!
//! Always true:
//! - A line that passes is one well-formed JSON object and nothing else, by the letter of RFC 8259;
//!   what `serde_json` refuses is refused here, except a number beyond the range of its type.
//! - Nothing is decoded, copied or allocated unless an escape has to be undone.
//!
//! Not here: UTF-8 (whoever reads a block has checked it) and what the members mean.

use std::borrow::Cow;

/// As deep as `serde_json` goes, the object itself included.
const DEPTH_MAX: u32 = 127;

/// Where in a line its JSON ends to be well formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    /// The offset from the beginning of the line.
    pub(super) at: usize,
}

/// Calls `each` with the key (in its quotes) and the value of every member of the object, in order.
pub(super) fn members<'a>(
    line: &'a [u8],
    mut each: impl FnMut(&'a [u8], &'a [u8]),
) -> Result<(), Malformed> {
    let mut text = Text { bytes: line, at: 0 };
    text.skip_space();
    text.expect(b'{')?;
    text.skip_space();
    let first = text.at;
    if is_plain(line) {
        text.at = compact_members(line, first, &mut each);
    }
    if text.peek() == Some(b'}') && text.at == first {
        text.at += 1;
    } else {
        loop {
            let key = text.slice(Text::string)?;
            text.skip_space();
            text.expect(b':')?;
            text.skip_space();
            let value = text.slice(Text::value)?;
            each(key, value);
            text.skip_space();
            if text.next_of(b',', b'}')? {
                break;
            }
            text.skip_space();
        }
    }
    text.skip_space();
    match text.peek() {
        None => Ok(()),
        Some(_) => Err(text.wrong()),
    }
}

/// Whether no string of the line has an escape or a control character: such a string ends at the
/// next quote.
fn is_plain(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    // Without an early end, so that it is done many bytes a step.
    let special = |it: u8| it < 0x20 || it == b'\\';
    !line.iter().fold(false, |found, it| found | special(*it))
}

/// The same for as many members of a plain line as are written without white space and have no
/// surprise in them, from `at` on; where the first that is different begins.
#[inline]
fn compact_members<'a>(
    line: &'a [u8],
    mut at: usize,
    each: &mut impl FnMut(&'a [u8], &'a [u8]),
) -> usize {
    while let Some((key, value)) = compact_member(line, at) {
        // The last member is left to who knows how an object ends.
        let (Some(key_slice), Some(value_slice), Some([b',', b'"'])) = (
            line.get(at..key),
            line.get(key + 1..value),
            line.get(value..value + 2),
        ) else {
            break;
        };
        each(key_slice, value_slice);
        at = value + 1;
    }
    at
}

/// Where the key and the value of the member at `at` end.
#[inline]
fn compact_member(line: &[u8], at: usize) -> Option<(usize, usize)> {
    if line.get(at) != Some(&b'"') {
        return None;
    }
    let key = quote(line, at + 1)? + 1;
    if line.get(key) != Some(&b':') {
        return None;
    }
    let value = key + 1;
    let end = match line.get(value)? {
        b'"' => quote(line, value + 1)? + 1,
        b'n' if line.get(value..value + 4) == Some(b"null") => value + 4,
        _ => {
            let mut text = Text {
                bytes: line,
                at: value,
            };
            text.value().ok()?;
            text.at
        }
    };
    Some((key, end))
}

/// Where the next quote is, eight bytes a step.
#[inline]
fn quote(line: &[u8], mut at: usize) -> Option<usize> {
    while let Some(word) = line.get(at..).and_then(<[u8]>::first_chunk) {
        let marks = below(u64::from_le_bytes(*word) ^ (ONES * u64::from(b'"')), 1);
        if marks != 0 {
            return Some(at + marks.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let rest = line.get(at..)?;
    Some(at + rest.iter().position(|it| *it == b'"')?)
}

/// Whether the string `raw` (in its quotes) says `text`.
pub(super) fn says(raw: &[u8], text: &str) -> bool {
    let inner = raw
        .strip_prefix(b"\"")
        .and_then(|it| it.strip_suffix(b"\""));
    match inner {
        Some(inner) if inner == text.as_bytes() => !text.contains('\\'),
        Some(inner) if memchr::memchr(b'\\', inner).is_some() => {
            decoded(raw).is_some_and(|it| it == text)
        }
        _ => false,
    }
}

/// What the string `raw` (in its quotes) says; `None` when it is no string.
pub(super) fn decoded(raw: &[u8]) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if memchr::memchr(b'\\', inner).is_none() {
        return std::str::from_utf8(inner).ok().map(Cow::Borrowed);
    }
    serde_json::from_slice(raw).ok().map(Cow::Owned)
}

/// A place in a text that is being read.
struct Text<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Text<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn wrong(&self) -> Malformed {
        Malformed { at: self.at }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.peek() != Some(byte) {
            return Err(self.wrong());
        }
        self.at += 1;
        Ok(())
    }

    /// Steps over `more` (false) or `end` (true).
    fn next_of(&mut self, more: u8, end: u8) -> Result<bool, Malformed> {
        let found = self.peek();
        if found != Some(more) && found != Some(end) {
            return Err(self.wrong());
        }
        self.at += 1;
        Ok(found == Some(end))
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
    }

    /// The bytes that `step` goes over.
    fn slice(
        &mut self,
        step: impl FnOnce(&mut Self) -> Result<(), Malformed>,
    ) -> Result<&'a [u8], Malformed> {
        let start = self.at;
        step(self)?;
        Ok(self.bytes.get(start..self.at).unwrap_or_default())
    }

    /// A value; containers without recursion, `open` holding a bit for each: 1 for an object.
    fn value(&mut self) -> Result<(), Malformed> {
        let mut open = 0_u128;
        let mut depth = 0;
        loop {
            let opened = self.scalar_or_opening()?;
            if let Some(is_object) = opened {
                depth += 1;
                if DEPTH_MAX <= depth {
                    return Err(self.wrong());
                }
                open = open << 1 | u128::from(is_object);
                self.skip_space();
                let end = if is_object { b'}' } else { b']' };
                if self.peek() != Some(end) {
                    self.key_if(is_object)?;
                    continue;
                }
            }
            // A value or an opening bracket is behind us: close what ends here.
            loop {
                if depth == 0 {
                    return Ok(());
                }
                self.skip_space();
                let is_object = open & 1 == 1;
                let end = if is_object { b'}' } else { b']' };
                if self.next_of(b',', end)? {
                    depth -= 1;
                    open >>= 1;
                } else {
                    // An empty container has no comma, but `[,` was never let in as one: the
                    // value after a comma must be there.
                    self.skip_space();
                    self.key_if(is_object)?;
                    break;
                }
            }
        }
    }

    fn key_if(&mut self, is_object: bool) -> Result<(), Malformed> {
        if is_object {
            self.string()?;
            self.skip_space();
            self.expect(b':')?;
            self.skip_space();
        }
        Ok(())
    }

    /// Steps over a scalar, or into a container and says whether it is an object.
    fn scalar_or_opening(&mut self) -> Result<Option<bool>, Malformed> {
        match self.peek() {
            Some(b'"') => self.string()?,
            Some(b'n') => self.word(b"null")?,
            Some(b't') => self.word(b"true")?,
            Some(b'f') => self.word(b"false")?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(found @ (b'{' | b'[')) => {
                self.at += 1;
                return Ok(Some(found == b'{'));
            }
            _ => return Err(self.wrong()),
        }
        Ok(None)
    }

    fn word(&mut self, word: &[u8]) -> Result<(), Malformed> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return Err(self.wrong());
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> Result<(), Malformed> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    /// At least one digit.
    fn digits(&mut self) -> Result<(), Malformed> {
        if !self.peek().is_some_and(|it| it.is_ascii_digit()) {
            return Err(self.wrong());
        }
        while self.peek().is_some_and(|it| it.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    #[inline]
    fn string(&mut self) -> Result<(), Malformed> {
        self.expect(b'"')?;
        loop {
            self.skip_plain();
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                _ => return Err(self.wrong()),
            }
        }
    }

    /// Goes to the next quote, backslash or control character, eight bytes a step.
    #[inline]
    fn skip_plain(&mut self) {
        while let Some(word) = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk) {
            let word = u64::from_le_bytes(*word);
            let marks = below(word ^ (ONES * u64::from(b'"')), 1)
                | below(word ^ (ONES * u64::from(b'\\')), 1)
                | below(word, 0x20);
            if marks != 0 {
                // A borrow can mark only bytes behind a true mark, and the first mark counts.
                self.at += marks.trailing_zeros() as usize / 8;
                return;
            }
            self.at += 8;
        }
        while self
            .peek()
            .is_some_and(|it| it != b'"' && it != b'\\' && 0x20 <= it)
        {
            self.at += 1;
        }
    }

    fn escape(&mut self) -> Result<(), Malformed> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                let unit = self.unit()?;
                if (0xD800..0xDC00).contains(&unit) {
                    self.expect(b'\\')?;
                    if !(0xDC00..0xE000).contains(&self.unit()?) {
                        return Err(self.wrong());
                    }
                } else if (0xDC00..0xE000).contains(&unit) {
                    return Err(self.wrong());
                }
            }
            _ => return Err(self.wrong()),
        }
        Ok(())
    }

    /// `u` and four hexadecimal digits: a UTF-16 unit.
    fn unit(&mut self) -> Result<u32, Malformed> {
        self.expect(b'u')?;
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self
                .peek()
                .and_then(|it| char::from(it).to_digit(16))
                .ok_or_else(|| self.wrong())?;
            unit = unit << 4 | digit;
            self.at += 1;
        }
        Ok(unit)
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;

/// Marks the highest bit of each byte of `word` that is below `limit`.
#[inline]
fn below(word: u64, limit: u64) -> u64 {
    word.wrapping_sub(ONES * limit) & !word & (ONES << 7)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(line: &str) -> Result<Vec<(&str, &str)>, Malformed> {
        let mut found = Vec::new();
        let text = |it| std::str::from_utf8(it).unwrap();
        members(line.as_bytes(), |key, value| {
            found.push((text(key), text(value)))
        })?;
        Ok(found)
    }

    #[test]
    fn members_are_slices_of_the_line() {
        let line = " {\"a\" : [1,{\"b\":[]}] , \"c\\u0041\":\"x\\\"y\",\"d\":-0.5e+3}\r\n";
        assert_eq!(
            all(line).unwrap(),
            [
                ("\"a\"", "[1,{\"b\":[]}]"),
                ("\"c\\u0041\"", "\"x\\\"y\""),
                ("\"d\"", "-0.5e+3")
            ]
        );
        assert_eq!(all("{}").unwrap(), []);
        assert!(says(b"\"c\\u0041\"", "cA"));
        assert!(says(b"\"plain\"", "plain"));
        assert!(!says(b"\"a\\\\b\"", "a\\\\b"));
        assert!(says(b"\"a\\\\b\"", "a\\b"));
        assert!(!says(b"1", "1"));
        assert_eq!(decoded(b"\"\\ud83d\\ude00\"").unwrap(), "\u{1F600}");
    }

    #[test]
    fn where_a_line_stops_being_json_is_named() {
        for (line, at) in [
            ("", 0),
            ("\0\0", 0),
            ("[1]", 0),
            ("{\"a\":1", 6),
            ("{\"a\":1}x", 7),
            ("{\"a\":01}", 6),
            ("{\"a\":\"x\ty\"}", 7),
            ("{\"a\":[,]}", 6),
            ("{\"a\":[1,]}", 8),
            ("{\"a\":1,}", 7),
            ("{,}", 1),
            ("{\"a\":\"\\x\"}", 7),
            ("{\"a\":tru}", 5),
            ("{\"a\":1.}", 7),
            ("{\"a\" 1}", 5),
        ] {
            assert_eq!(all(line), Err(Malformed { at }), "{line}");
        }
    }

    #[test]
    fn depth_ends_where_serde_json_ends() {
        for depth in 120..135 {
            let line = format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
            let theirs = serde_json::from_str::<serde_json::Value>(&line).is_ok();
            assert_eq!(all(&line).is_ok(), theirs, "{depth}");
        }
    }

    fn is_right(bytes: &[u8]) -> bool {
        let theirs = std::str::from_utf8(bytes).is_ok()
            && serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(bytes).is_ok();
        let ours = std::str::from_utf8(bytes).is_ok() && members(bytes, |_, _| {}).is_ok();
        ours == theirs
    }

    proptest! {
        #[test]
        fn what_serde_json_refuses_is_refused(
            parts in prop::collection::vec(prop::sample::select(vec![
                "{", "}", "[", "]", ",", ":", "\"", "\"a\"", "\"b\":", "1", "-", "0", ".5", "e3",
                "null", "true", "\\", "\\u0041", "\\ud800", "\\udc00", "\\n", " ", "\t", "x", "é",
                "abcdefghijk", "\u{1}", "\"long text, long text\"", "\"k\":{", "\"k\":[",
            ]), 0..12),
        ) {
            let line = parts.concat();
            prop_assert!(is_right(line.as_bytes()), "{line}");
            let wrapped = format!("{{\"k\":{line}}}");
            prop_assert!(is_right(wrapped.as_bytes()), "{wrapped}");
            let text = format!("{{\"k\":\"{line}\"}}");
            prop_assert!(is_right(text.as_bytes()), "{text}");
        }
    }
}
