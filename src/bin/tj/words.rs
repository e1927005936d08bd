//! Numbers and lengths of time as people read them, and texts cut to a length.
//!
//! Not here: numbers that somebody adds up; those are exact, and where they come from.

use std::time::Duration;

use tradejournal::desk::Unread;

use crate::output::printable;

/// `1 order`, `2 orders`.
pub(crate) fn counted(count: u64, one: &str, more: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {more}"),
    }
}

/// What of a journal cannot be read, behind what was read of it; nothing where all was.
pub(crate) fn unread(unread: Unread) -> String {
    if unread.is_nothing() {
        return String::new();
    }
    let lines = counted(unread.lines, "line", "lines");
    format!(
        "; {lines} and {} cannot be read",
        counted(unread.days, "day", "days")
    )
}

/// So many nanoseconds: `817 ns`, `12.3 us`, `84.1 ms`, `2.5 s`; cut, not rounded.
pub(crate) fn took(nanos: u128) -> String {
    let (unit, name) = match nanos {
        0..1_000 => return format!("{nanos} ns"),
        1_000..1_000_000 => (1_000, "us"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    };
    format!("{}.{} {name}", nanos / unit, nanos % unit * 10 / unit)
}

/// A span of time as somebody types it: `50ms`, `2s`, `5m`, `1h`, `500us`.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    let units = [
        ("ns", 1),
        ("us", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
        ("d", 86_400_000_000_000_u64),
    ];
    let found = units.iter().find_map(|(unit, nanos)| {
        let digits = text.strip_suffix(unit)?;
        let is_number = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
        let count: u64 = digits.parse().ok().filter(|_| is_number)?;
        count.checked_mul(*nanos)
    });
    found
        .map(Duration::from_nanos)
        .ok_or_else(|| "write it as 50ms, 2s, 5m or 1h".to_owned())
}

/// `text` that cannot drive the terminal, with an ellipsis where it is longer than that many characters.
pub(crate) fn shortened(text: &str, chars_max: usize) -> String {
    let text = printable(text);
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_short() {
        let texts = [0, 999, 1_000, 12_349, 84_120_345, 2_500_000_000].map(took);
        assert_eq!(
            texts,
            ["0 ns", "999 ns", "1.0 us", "12.3 us", "84.1 ms", "2.5 s"]
        );
    }

    #[test]
    fn a_span_has_a_number_and_a_unit() {
        for (text, nanos) in [
            ("50ms", 50_000_000),
            ("2s", 2_000_000_000),
            ("0s", 0),
            ("1d", 86_400_000_000_000),
        ] {
            assert_eq!(span(text), Ok(Duration::from_nanos(nanos)), "{text}");
        }
        for text in [
            "",
            "s",
            "-1s",
            "+1s",
            "1.5s",
            "5",
            "ms",
            "99999999999999999h",
        ] {
            assert!(span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(shortened("äöü", 3), "äöü");
        assert_eq!(shortened("äöüß", 3), "äöü…");
        assert_eq!(shortened("a\nb", 9), "a\\nb");
    }
}
