//! JSON strings: taking the quotes and escapes off, and putting them on.
//!
//! Always true:
//! - What is written is one line: control characters are escaped, everything else is as given.
//! - A text without escapes is borrowed, not copied.

use std::borrow::Cow;

/// The text inside a JSON string, or `None` when `json` is another kind of value.
#[inline]
pub(crate) fn unescaped(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str(json).ok().map(Cow::Owned)
}

/// Appends `text` as a JSON string.
#[inline]
pub(crate) fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    // No early end: that lets the compiler look at many bytes at once.
    if text
        .bytes()
        .fold(false, |found, byte| found | needs_escape(byte))
    {
        write_escaped(text, out);
    } else {
        out.extend_from_slice(text.as_bytes());
    }
    out.push(b'"');
}

#[inline]
fn needs_escape(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

#[cold]
fn write_escaped(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            0..0x20 => {
                out.extend_from_slice(b"\\u00");
                out.push(hex_digit(byte >> 4));
                out.push(hex_digit(byte & 0x0f));
            }
            _ => out.push(byte),
        }
    }
}

/// The lower-case hexadecimal digit of a number below 16.
#[inline]
pub(crate) fn hex_digit(nibble: u8) -> u8 {
    match nibble {
        0..10 => b'0' + nibble,
        _ => b'a' + (nibble - 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_comes_back() {
        let all: String = (0..0x3000).filter_map(char::from_u32).collect();
        let mut json = Vec::new();
        write_string(&all, &mut json);
        let json = String::from_utf8(json).unwrap();
        assert_eq!(unescaped(&json).unwrap(), all);
        assert_eq!(json, serde_json::to_string(&all).unwrap());
    }

    #[test]
    fn other_values_are_no_text() {
        for json in ["null", "1", "[\"a\"]", "{}", "\"", "", "\"\\ud800\""] {
            assert_eq!(unescaped(json), None, "{json}");
        }
    }
}
