//! What stands in a cell of a Form 1099-B: dollars, dates, terms, marks, what was sold.
//!
//! Always true: what could be read in two ways is refused.

use crate::books::tax::{Cents, Term, Units};
use crate::desk::reconcile::decimal;
use crate::time::Day;

/// What brokers write where they have nothing to say.
const NOTHING: [&str; 15] = [
    "",
    "-",
    "--",
    "---",
    "n/a",
    "na",
    "none",
    "null",
    "nan",
    "unknown",
    "undetermined",
    "not provided",
    "not reported",
    "not available",
    "missing",
];

/// Whether a cell says nothing.
pub(super) fn is_nothing(text: &str) -> bool {
    NOTHING.contains(&text.trim().to_lowercase().as_str())
}

/// `$1,234.50`, `(12.30)` or `-12.30`: whole cents, or nothing.
pub(super) fn amount(text: &str) -> Option<Cents> {
    let mut value = decimal(text)?.normalize();
    if 2 < value.scale() {
        return None;
    }
    value.rescale(2);
    i64::try_from(value.mantissa()).ok().map(Cents::new)
}

/// A number of units; brokers write one that goes out with a minus, too.
pub(super) fn quantity(text: &str) -> Option<Units> {
    let units = Units::of(decimal(text)?.abs())?;
    (units != Units::ZERO).then_some(units)
}

/// `3/4/2025`, `03/04/25`, `2025-03-04` or `20250304`, with or without a time behind it.
pub(super) fn day(text: &str) -> Option<Day> {
    let text = text.trim();
    let text = text.split([' ', 'T']).next().unwrap_or(text);
    let number = |it: &str, lens: &[usize]| -> Option<u32> {
        let is_digits = it.bytes().all(|it| it.is_ascii_digit());
        let fits = is_digits && lens.contains(&it.len());
        fits.then(|| it.parse().ok()).flatten()
    };
    let date = |year: u32, month: u32, day: u32| {
        let year = i32::try_from(year).ok()?;
        Day::new(year, month, day)
    };
    if let [month, day, year] = text.split('/').collect::<Vec<_>>()[..] {
        let (month, day) = (number(month, &[1, 2])?, number(day, &[1, 2])?);
        let year = match number(year, &[2, 4])? {
            // No broker's lot of today is older than that.
            short if short < 70 && year.len() == 2 => 2000 + short,
            short if year.len() == 2 => 1900 + short,
            long => long,
        };
        return date(year, month, day);
    }
    if let [year, month, day] = text.split('-').collect::<Vec<_>>()[..] {
        return date(
            number(year, &[4])?,
            number(month, &[2])?,
            number(day, &[2])?,
        );
    }
    let digits = number(text, &[8])?;
    date(digits / 10_000, digits / 100 % 100, digits % 100).filter(|it| 1900 <= it.year())
}

/// `SHORT`, `Long-term`, `ST`: `Some(None)` where it is not said, `None` where it cannot be told.
pub(super) fn term(text: &str) -> Option<Option<Term>> {
    if is_nothing(text) {
        return Some(None);
    }
    let words = words(text);
    let is_any = |of: &[&str]| words.split(' ').any(|it| of.contains(&it));
    match (
        is_any(&["short", "st", "s", "shortterm"]),
        is_any(&["long", "lt", "l", "longterm"]),
    ) {
        (true, false) => Some(Some(Term::Short)),
        (false, true) => Some(Some(Term::Long)),
        (false, false) if words == "ordinary" => Some(None),
        _ => None,
    }
}

/// What a box of Form 8949 says: which term, and whether the basis was reported.
pub(super) fn form_box(text: &str) -> Option<(Option<Term>, Option<bool>)> {
    if is_nothing(text) {
        return Some((None, None));
    }
    let word = words(text);
    let letter = word.rsplit(' ').next().unwrap_or_default();
    match letter {
        "a" | "g" => Some((Some(Term::Short), Some(true))),
        "b" | "h" => Some((Some(Term::Short), Some(false))),
        "c" | "i" => Some((Some(Term::Short), None)),
        "d" | "j" => Some((Some(Term::Long), Some(true))),
        "e" | "k" => Some((Some(Term::Long), Some(false))),
        "f" | "l" => Some((Some(Term::Long), None)),
        // Undetermined, as brokers' own worksheets have it.
        "x" | "u" => Some((None, Some(false))),
        _ => None,
    }
}

/// A mark in a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// It is, or is not, checked.
    Set(bool),
    /// The word itself says whether the lot is covered.
    Covered(bool),
}

/// `X`, `Yes`, `0`, `noncovered`; `None` for a word that is none of them.
pub(super) fn mark(text: &str) -> Option<Mark> {
    match words(text).as_str() {
        "x" | "y" | "yes" | "true" | "1" | "t" | "checked" => Some(Mark::Set(true)),
        "" | "n" | "no" | "false" | "0" | "f" | "unchecked" | "na" | "n a" => {
            Some(Mark::Set(false))
        }
        "covered" | "c" | "reported" | "basis reported" => Some(Mark::Covered(true)),
        "noncovered" | "non covered" | "uncovered" | "nc" | "u" | "not reported" => {
            Some(Mark::Covered(false))
        }
        _ => None,
    }
}

/// The ticker of `100 sh. XYZ`, `100 XYZ` or `XYZ`, and the quantity where it is there. A company's name
/// has none.
pub(super) fn description(text: &str) -> (Option<Units>, Option<String>) {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    let count = words.first().and_then(|it| quantity(it));
    if count.is_some() {
        words.remove(0);
        let unit = words.first().map(|it| it.to_lowercase());
        let is_unit = |it: &str| {
            matches!(
                it.trim_end_matches('.'),
                "sh" | "shs" | "share" | "shares" | "units" | "unit"
            )
        };
        if unit.as_deref().is_some_and(is_unit) {
            words.remove(0);
        }
    }
    let symbol = match words[..] {
        [word] => ticker(word),
        _ => None,
    };
    (count, symbol)
}

/// The word, if it is shaped like a ticker: in capitals, short, with a letter in front.
pub(super) fn ticker(word: &str) -> Option<String> {
    let is_part = |it: char| it.is_ascii_uppercase() || it.is_ascii_digit() || ".-/_:".contains(it);
    let is_ticker = word.starts_with(|it: char| it.is_ascii_uppercase())
        && word.chars().all(is_part)
        && word.len() <= 16;
    is_ticker.then(|| word.to_owned())
}

/// In lower case, its words parted by one space, without signs.
pub(super) fn words(text: &str) -> String {
    let words = text.split(|it: char| !it.is_alphanumeric());
    let words: Vec<String> = words
        .filter(|it| !it.is_empty())
        .map(str::to_lowercase)
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_whole_cents() {
        for (text, cents) in [
            ("$1,234.50", Some(123_450)),
            ("(12.30)", Some(-1230)),
            ("-$5", Some(-500)),
            ("0.00", Some(0)),
            ("12.3400", Some(1234)),
            ("12.345", None),
            ("", None),
            ("1.234,50", None),
        ] {
            assert_eq!(amount(text), cents.map(Cents::new), "{text}");
        }
        assert!(["", " -- ", "N/A", "Unknown"].into_iter().all(is_nothing));
        assert!(!is_nothing("0.00"));
    }

    #[test]
    fn dates_are_read_in_each_way_that_brokers_write_them() {
        for text in [
            "03/04/2025",
            "3/4/2025",
            "03/04/25",
            "2025-03-04",
            "20250304",
            "2025-03-04T09:30:00",
            "03/04/2025 00:00",
        ] {
            assert_eq!(day(text), Day::new(2025, 3, 4), "{text}");
        }
        assert_eq!(day("12/31/99"), Day::new(1999, 12, 31));
        for text in [
            "",
            "13/04/2025",
            "02/30/2025",
            "VARIOUS",
            "2025/03/04",
            "03042025",
            "1/2/3",
        ] {
            assert_eq!(day(text), None, "{text}");
        }
    }

    #[test]
    fn terms_boxes_and_marks_are_words_that_are_known() {
        assert_eq!(term("Short-term"), Some(Some(Term::Short)));
        assert_eq!(term("LONG"), Some(Some(Term::Long)));
        assert_eq!(term("LT"), Some(Some(Term::Long)));
        assert_eq!(term("Unknown"), Some(None));
        assert_eq!(term("Ordinary"), Some(None));
        assert_eq!(term("short or long"), None);
        assert_eq!(term("kurz"), None);
        assert_eq!(form_box("A"), Some((Some(Term::Short), Some(true))));
        assert_eq!(form_box("Box E"), Some((Some(Term::Long), Some(false))));
        assert_eq!(form_box("Q"), None);
        assert_eq!(mark("X"), Some(Mark::Set(true)));
        assert_eq!(mark(""), Some(Mark::Set(false)));
        assert_eq!(mark("Non-covered"), Some(Mark::Covered(false)));
        assert_eq!(mark("perhaps"), None);
    }

    #[test]
    fn a_description_has_a_ticker_or_a_companys_name() {
        let read = |text: &str| {
            let (count, symbol) = description(text);
            (count.map(|it| it.to_string()), symbol)
        };
        let both = |count: &str, symbol: &str| (Some(count.to_owned()), Some(symbol.to_owned()));
        assert_eq!(read("100 sh. XYZ"), both("100", "XYZ"));
        assert_eq!(read("1,000.5 shares BRK.B"), both("1000.5", "BRK.B"));
        assert_eq!(read("7 ABC"), both("7", "ABC"));
        assert_eq!(read("ABC"), (None, Some("ABC".to_owned())));
        assert_eq!(read("100 sh. APPLE INC"), (Some("100".to_owned()), None));
        assert_eq!(read("APPLE INC. COMMON STOCK"), (None, None));
        assert_eq!(read("Apple"), (None, None));
    }
}
