//! Personal data in free texts: e-mail addresses, payment cards, social security numbers.
//!
//! Always true: only texts for people are looked at, never ids, prices or times; a text without an
//! `@` and with fewer than nine digits costs two passes over its bytes.
//!
//! Not here: names and addresses. No rule finds them without finding half of English.

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
    ops::Range,
};

use crate::record::{Invalid, Problem, Record};

/// Digits of a payment card, fewest and most.
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 13..=19;

/// Digits of a social security number: with fewer, nothing is in a text but an e-mail address.
const DIGITS_MIN: usize = 9;

/// How often a text is gone through.
const MASKS_MAX: usize = 3;

/// What kind of personal data was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// An e-mail address.
    Email,
    /// A number of 13 to 19 digits with the check digit of a payment card.
    Card,
    /// Digits grouped as in 078-05-1120.
    SocialSecurity,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Email => "an e-mail address",
            Kind::Card => "a payment card number",
            Kind::SocialSecurity => "a social security number",
        })
    }
}

/// Refuses a record with personal data in its free texts. The value is not repeated in the error.
///
/// # Errors
/// Every field with such a text.
pub fn personal_data<R: Record>(record: &R) -> Result<(), Invalid> {
    let mut problems = Vec::new();
    record.texts(&mut |field, text| {
        if let Some(kind) = find(text) {
            problems.push(Problem::new(field, format!("must not have {kind} in it")));
        }
    });
    Invalid::unless_empty(problems, R::FIELDS)
}

/// The first personal data in `text`.
#[must_use]
pub fn find(text: &str) -> Option<Kind> {
    if emails(text).next().is_some() {
        return Some(Kind::Email);
    }
    if text.bytes().filter(u8::is_ascii_digit).count() < DIGITS_MIN {
        return None;
    }
    numbers(text).next().map(|(_, kind)| kind)
}

/// `text` with each piece of personal data replaced by what it was, such as `[an e-mail address]`; nothing
/// of it is left.
#[must_use]
pub fn masked(text: &str) -> Cow<'_, str> {
    let mut shown = Cow::Borrowed(text);
    // What is left around a mask can be another number, hardly ever twice.
    for _ in 0..MASKS_MAX {
        if find(&shown).is_none() {
            return shown;
        }
        let emails = emails(&shown).map(|it| (it, Kind::Email));
        let without = replaced(&shown, emails);
        shown = Cow::Owned(replaced(&without, numbers(&without)));
    }
    match find(&shown) {
        None => shown,
        Some(kind) => Cow::Owned(format!("[a text with {kind}]")),
    }
}

fn replaced(text: &str, found: impl Iterator<Item = (Range<usize>, Kind)>) -> String {
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for (range, kind) in found {
        // Two addresses can share what is between their signs.
        if at <= range.start {
            out.push_str(text.get(at..range.start).unwrap_or_default());
            let _ = write!(out, "[{kind}]");
        }
        at = at.max(range.end);
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// Where there is a name, an `@`, and a domain with a top level of letters.
fn emails(text: &str) -> impl Iterator<Item = Range<usize>> {
    memchr::memchr_iter(b'@', text.as_bytes()).filter_map(move |at| {
        let (name, domain) = text.split_at_checked(at)?;
        let in_name = |it: char| it.is_alphanumeric() || "._%+-".contains(it);
        let in_domain = |it: char| it.is_alphanumeric() || ".-".contains(it);
        let name = name.len() - name.trim_end_matches(in_name).len();
        let domain = domain.strip_prefix('@')?;
        let end = domain.find(|it| !in_domain(it)).unwrap_or(domain.len());
        let domain = domain.get(..end)?.trim_end_matches(['.', '-']);
        let (_, top) = domain
            .rsplit_once('.')
            .filter(|(host, _)| !host.is_empty())?;
        let is_top_level = top.len() > 1 && top.chars().all(char::is_alphabetic);
        (name != 0 && is_top_level).then(|| at - name..at + 1 + domain.len())
    })
}

/// Where there is a number of a card or of the social security.
fn numbers(text: &str) -> impl Iterator<Item = (Range<usize>, Kind)> {
    digit_groups(text).filter_map(|(start, group)| {
        let kind = match group {
            group if is_social_security(group) => Kind::SocialSecurity,
            group if is_card(group) => Kind::Card,
            _ => return None,
        };
        Some((start..start + group.len(), kind))
    })
}

/// The longest runs of digits with single spaces or dashes inside, that are not part of a word, a
/// decimal, an amount or a time, each with where it begins.
fn digit_groups(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest_start = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = text.get(rest_start..)?;
            let start = rest_start + rest.find(|it: char| it.is_ascii_digit())?;
            let len = group_len(text.as_bytes().get(start..).unwrap_or_default());
            let (before, from) = text.split_at_checked(start)?;
            let (group, after) = from.split_at_checked(len)?;
            rest_start = start + len;
            let joins = |it: char| it.is_alphanumeric() || ".,_:/+$\u{20ac}#".contains(it);
            let joined_before = before.chars().next_back().is_some_and(joins);
            if !joined_before && !goes_on(after) {
                return Some((start, group));
            }
        }
    })
}

/// Whether a number goes on: `.5` and `:30` and `abc` do, a full stop at the end does not.
fn goes_on(after: &str) -> bool {
    let mut next = after.chars();
    match next.next() {
        Some('.' | ',' | ':' | '/' | '-') => next.next().is_some_and(char::is_alphanumeric),
        Some(it) => it.is_alphanumeric() || it == '_',
        None => false,
    }
}

/// The length of a run of digits with single spaces or dashes inside.
fn group_len(bytes: &[u8]) -> usize {
    let mut len = 0;
    let mut at = bytes;
    loop {
        match at {
            [digit, rest @ ..] if digit.is_ascii_digit() => {
                len += 1;
                at = rest;
            }
            [b' ' | b'-', digit, rest @ ..] if digit.is_ascii_digit() => {
                len += 2;
                at = rest;
            }
            _ => return len,
        }
    }
}

/// 3, 2 and 4 digits with dashes between them, in the ranges that were ever given out.
fn is_social_security(group: &str) -> bool {
    let mut parts = group.split('-');
    let (Some(area), Some(middle), Some(serial), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let shaped = area.len() == 3 && middle.len() == 2 && serial.len() == 4;
    let never_given = area == "000" || area == "666" || area.starts_with('9');
    shaped && !group.contains(' ') && !never_given && middle != "00" && serial != "0000"
}

/// As many digits as a card has, with the right check digit (Luhn).
fn is_card(group: &str) -> bool {
    let digits = || group.bytes().filter(u8::is_ascii_digit);
    if !CARD_DIGITS.contains(&digits().count()) || digits().all(|it| it == b'0') {
        return false;
    }
    let sum: u32 = digits()
        .rev()
        .enumerate()
        .map(
            |(place, digit)| match (place % 2, u32::from(digit - b'0')) {
                (0, digit) => digit,
                (_, digit) if digit > 4 => digit * 2 - 9,
                (_, digit) => digit * 2,
            },
        )
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_data_is_found() {
        for (text, kind) in [
            ("ask joe@example.com about it", Kind::Email),
            ("<a.b+c@mail.example.org>", Kind::Email),
            ("j\u{f6}rg@b\u{fc}ro.de.", Kind::Email),
            ("card 4111 1111 1111 1111", Kind::Card),
            ("4111-1111-1111-1111.", Kind::Card),
            ("(378282246310005)", Kind::Card),
            ("ssn 078-05-1120", Kind::SocialSecurity),
            ("078-05-1120, then", Kind::SocialSecurity),
        ] {
            assert_eq!(find(text), Some(kind), "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_left_alone() {
        for text in [
            "",
            "Bull flag breakout above $150 resistance, strong premarket volume (300% of avg)",
            "50 @ 150.25",
            "bought@market",
            "filled @VWAP, see @bot",
            "a@b",
            "order 4111111111111112",
            "order_4111111111111111",
            "at 1729776543123",
            "0.4111111111111111",
            "4111111111111111.5",
            "41111111111111111111111111111111",
            "550e8400-e29b-41d4-a716-446655440000",
            "2025-10-26 14:32:15.123",
            "078-05-1120-33",
            "x078-05-1120",
            "000-12-3456",
            "078 05 1120",
            "0000000000000000",
            "call 555-123-4567",
        ] {
            assert_eq!(find(text), None, "{text}");
        }
    }

    #[test]
    fn personal_data_is_masked_and_the_rest_stays() {
        for (text, shown) in [
            ("nothing in it", "nothing in it"),
            (
                "ask joe@example.com, or <a.b+c@mail.example.org>.",
                "ask [an e-mail address], or <[an e-mail address]>.",
            ),
            (
                "card 4111 1111 1111 1111 of joe@example.com",
                "card [a payment card number] of [an e-mail address]",
            ),
            ("ssn 078-05-1120.", "ssn [a social security number]."),
            ("j\u{f6}rg@b\u{fc}ro.de", "[an e-mail address]"),
        ] {
            assert_eq!(masked(text), shown);
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_found_in_what_was_masked(text in "([a-z@. 0-9-]|a@b\\.de|078-05-1120|4111 1111 1111 1111|\u{f6}){0,40}") {
            proptest::prop_assert_eq!(find(&masked(&text)), None);
        }
    }
}
