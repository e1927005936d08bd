//! Which sale of the journal is which of the broker's.
//!
//! Always true:
//! - A sale is paired with one of the same symbol. On the same day it always is; on another day, only
//!   where the quantity and the proceeds are the same.
//! - Each sale is in one pair, or alone.

use std::collections::BTreeMap;

use super::explain::{slack, within};
use super::figures::Figures;
use super::form::Reported;
use super::views::{Key, Piece, Sales};
use crate::books::tax::Cents;
use crate::time::Day;

/// Two trading days, and a holiday between them.
const SETTLEMENT_WEEKDAYS_MAX: u32 = 3;

/// The lots of a sale as the broker reported them.
pub(super) type Lines<'a> = Vec<&'a Reported>;

/// A sale of both sides, or of one.
pub(super) enum Pairing<'a> {
    /// The journal's, and the broker's, which may be of another day.
    Both(Key, Day, Lines<'a>),
    /// The broker has none.
    Journal(Key),
    /// The journal has none.
    Broker(Key, Lines<'a>),
}

/// Pairs the sales of a year.
pub(super) fn pairs<'a>(
    journal: &Sales,
    broker: BTreeMap<Key, Lines<'a>>,
    year: i32,
) -> Vec<Pairing<'a>> {
    let mut found = Vec::new();
    let mut free: BTreeMap<&Key, &[Piece]> = journal
        .iter()
        .map(|(key, pieces)| (key, pieces.as_slice()))
        .collect();
    let in_year = |key: &Key| key.1.year() == year;
    // Whoever sells every day has sales on the days of settlement, too: what is equal comes first.
    let mut rest = Vec::new();
    for (key, lines) in broker {
        match free
            .get(&key)
            .filter(|it| in_year(&key) && is_same(it, &lines))
        {
            Some(_) => {
                free.remove(&key);
                let day = key.1;
                found.push(Pairing::Both(key, day, lines));
            }
            None => rest.push((key, lines)),
        }
    }
    let mut alone = Vec::new();
    for (key, lines) in rest {
        let near = free.iter().filter(|(it, pieces)| {
            it.0 == key.0 && is_shifted(it.1, key.1) && is_same(pieces, &lines)
        });
        let distance = |it: Day| it.unix_days().abs_diff(key.1.unix_days());
        let nearest = near
            .min_by_key(|it| distance(it.0.1))
            .map(|it| (*it.0).clone());
        match nearest {
            Some(other) => {
                free.remove(&other);
                found.push(Pairing::Both(other, key.1, lines));
            }
            None => alone.push((key, lines)),
        }
    }
    for (key, lines) in alone {
        let day = key.1;
        found.push(match in_year(&key) && free.remove(&key).is_some() {
            true => Pairing::Both(key, day, lines),
            false => Pairing::Broker(key, lines),
        });
    }
    let left = free.into_keys().filter(|it| in_year(it));
    found.extend(left.map(|it| Pairing::Journal(it.clone())));
    found
}

/// Whether quantity and proceeds are the same, but for fees and rounding.
fn is_same(pieces: &[Piece], lines: &[&Reported]) -> bool {
    let (ours, theirs) = (
        Figures::of_pieces(pieces),
        Figures::of_lines(lines.iter().copied()),
    );
    let fees: Cents = pieces.iter().map(|it| it.fees).sum();
    let more = theirs.proceeds - ours.proceeds;
    let slack = slack(pieces, lines);
    ours.quantity == theirs.quantity && (within(more, slack) || within(more - fees, slack))
}

/// Whether the broker's day is that of the settlement, or the next to the journal's, as of another time zone.
fn is_shifted(sold: Day, reported: Day) -> bool {
    is_settlement(sold, reported) || sold.next() == reported || reported.next() == sold
}

/// Whether that can be the day on which a sale is settled.
pub(super) fn is_settlement(sold: Day, reported: Day) -> bool {
    let weekdays = weekdays(sold, reported);
    is_weekday(reported) && (1..=SETTLEMENT_WEEKDAYS_MAX).contains(&weekdays)
}

/// Whether a sale is settled after the end of its year.
pub(super) fn settles_next_year(sold: Day) -> bool {
    let shortened = Day::new(2024, 5, 28);
    let days = if shortened.is_some_and(|it| it <= sold) {
        1
    } else {
        2
    };
    let end = Day::new(sold.year(), 12, 31);
    end.is_some_and(|end| weekdays(sold, end) < days)
}

/// How many weekdays come after the one day, until the other, which counts; 0 where that is not later.
fn weekdays(from: Day, to: Day) -> u32 {
    let (mut day, mut count) = (from, 0);
    // Nobody asks for more.
    while day < to && count <= SETTLEMENT_WEEKDAYS_MAX {
        day = day.next();
        count += u32::from(is_weekday(day));
    }
    count
}

fn is_weekday(day: Day) -> bool {
    // 1 January 1970 was a Thursday; 0 is a Sunday.
    let weekday = (day.unix_days() + 4).rem_euclid(7);
    (1..=5).contains(&weekday)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn settlement_is_one_or_two_trading_days_later() {
        for (sold, reported, is_it) in [
            ("2025-06-10", "2025-06-11", true),
            ("2025-06-10", "2025-06-12", true),
            // From Friday to Monday.
            ("2025-06-13", "2025-06-16", true),
            // Friday, with Labor Day behind the weekend, two trading days later.
            ("2023-09-01", "2023-09-06", true),
            ("2025-06-13", "2025-06-14", false),
            ("2025-06-10", "2025-06-16", false),
            ("2025-06-10", "2025-06-10", false),
            ("2025-06-10", "2025-06-09", false),
        ] {
            assert_eq!(
                is_settlement(day(sold), day(reported)),
                is_it,
                "{sold} {reported}"
            );
        }
    }

    #[test]
    fn the_last_trading_days_of_a_year_are_settled_in_the_next() {
        assert!(settles_next_year(day("2025-12-31")));
        assert!(!settles_next_year(day("2025-12-30")));
        // Two days until May 2024.
        assert!(settles_next_year(day("2019-12-30")));
        assert!(!settles_next_year(day("2019-12-27")));
    }
}
