//! Personal data in free texts: e-mail addresses, payment cards, social security numbers.
//!
//! Always true: only texts for people are looked at, never ids, prices or times; a text without an
//! `@` and with fewer than nine digits costs two passes over its bytes.
//!
//! Not here: names and addresses. No rule finds them without finding half of English.

use std::fmt;

use crate::record::{Invalid, Problem, Record};

/// Digits of a payment card, fewest and most.
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 13..=19;

/// Digits of a social security number: with fewer, nothing is in a text but an e-mail address.
const DIGITS_MIN: usize = 9;

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
    if has_email(text) {
        return Some(Kind::Email);
    }
    if text.bytes().filter(u8::is_ascii_digit).count() < DIGITS_MIN {
        return None;
    }
    digit_groups(text).find_map(|group| match group {
        group if is_social_security(group) => Some(Kind::SocialSecurity),
        group if is_card(group) => Some(Kind::Card),
        _ => None,
    })
}

/// A name, an `@`, and a domain with a top level of letters.
fn has_email(text: &str) -> bool {
    memchr::memchr_iter(b'@', text.as_bytes()).any(|at| {
        let (name, domain) = text.split_at_checked(at).unwrap_or_default();
        let in_name = |it: char| it.is_alphanumeric() || "._%+-".contains(it);
        let in_domain = |it: char| it.is_alphanumeric() || ".-".contains(it);
        let has_name = name.chars().next_back().is_some_and(in_name);
        let domain = domain.strip_prefix('@').unwrap_or_default();
        let end = domain.find(|it| !in_domain(it)).unwrap_or(domain.len());
        let domain = domain
            .get(..end)
            .unwrap_or_default()
            .trim_end_matches(['.', '-']);
        let top_level = domain.rsplit_once('.').filter(|(host, _)| !host.is_empty());
        has_name
            && top_level
                .is_some_and(|(_, top)| top.len() > 1 && top.chars().all(char::is_alphabetic))
    })
}

/// The longest runs of digits with single spaces or dashes inside, that are not part of a word, a
/// decimal, an amount or a time.
fn digit_groups(text: &str) -> impl Iterator<Item = &str> {
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
                return Some(group);
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
}
