//! The days that a report is of.
//!
//! Always true: a range is of whole days of the report's zone, both ends included, and is not empty.

use std::{fmt, str::FromStr};

use crate::time::Day;

/// Whole days, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    kind: Kind,
    first: Option<Day>,
    last: Day,
}

/// What a range is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Day,
    Week,
    Month,
    Span,
}

/// A range that ends before it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{first} is after {last}")]
pub struct RangeError {
    /// Where it would begin.
    pub first: Day,
    /// Where it would end.
    pub last: Day,
}

/// A text that is no week such as `2025-W44`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a week such as 2025-W44")]
pub struct WeekError;

/// A text that is no month such as `2025-10`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a month such as 2025-10")]
pub struct MonthError;

/// A week as ISO 8601 counts them: from Monday, the first one has the year's first Thursday.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Week(Day);

/// A month of a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Month(Day);

impl Range {
    /// One day.
    #[must_use]
    pub fn day(day: Day) -> Range {
        Range::of(Kind::Day, day, day)
    }

    /// A week, Monday to Sunday.
    #[must_use]
    pub fn week(week: Week) -> Range {
        Range::of(Kind::Week, week.0, later(week.0, 6))
    }

    /// A month.
    #[must_use]
    pub fn month(month: Month) -> Range {
        Range::of(Kind::Month, month.0, month.next().0.previous())
    }

    /// From one day, or from the first trade, to another.
    ///
    /// # Errors
    /// [`RangeError`] when `first` is after `last`.
    pub fn between(first: Option<Day>, last: Day) -> Result<Range, RangeError> {
        match first {
            Some(first) if last < first => Err(RangeError { first, last }),
            _ => Ok(Range {
                kind: Kind::Span,
                first,
                last,
            }),
        }
    }

    /// The first day, unless that is the day of the first trade.
    #[must_use]
    pub fn first(self) -> Option<Day> {
        self.first
    }

    /// The last day.
    #[must_use]
    pub fn last(self) -> Day {
        self.last
    }

    /// Whether a day is in it.
    #[must_use]
    pub fn contains(self, day: Day) -> bool {
        day <= self.last && self.first.is_none_or(|first| first <= day)
    }

    /// The kind in the JSON: `day`, `week`, `month` or `span`.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self.kind {
            Kind::Day => "day",
            Kind::Week => "week",
            Kind::Month => "month",
            Kind::Span => "span",
        }
    }

    fn of(kind: Kind, first: Day, last: Day) -> Range {
        let first = Some(first);
        Range { kind, first, last }
    }
}

/// As a person says it: `Monday, 27 October 2025`, `Week 44, 27 October to 2 November 2025`.
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = Parts::of(self.last);
        let Some(first) = self.first.map(Parts::of) else {
            return write!(f, "Until {}", last.long());
        };
        match self.kind {
            Kind::Day => write!(f, "{}, {}", weekday(self.last), last.long()),
            Kind::Month => write!(f, "{} {}", last.month_name(), last.year),
            Kind::Week => {
                let number = Week(self.first.unwrap_or(self.last)).number();
                write!(
                    f,
                    "Week {number}, {} to {}",
                    first.before(last),
                    last.long()
                )
            }
            Kind::Span if self.first == Some(self.last) => f.write_str(&last.long()),
            Kind::Span => write!(f, "{} to {}", first.before(last), last.long()),
        }
    }
}

impl Week {
    /// The week of a day.
    #[must_use]
    pub fn of(day: Day) -> Week {
        Week(later(day, -i32::from(weekday_from_monday(day))))
    }

    /// Its number in the year of its Thursday, from 1.
    fn number(self) -> i32 {
        let thursday = later(self.0, 3);
        let first = Day::new(thursday.year(), 1, 1).unwrap_or(thursday);
        (thursday.unix_days() - first.unix_days()) / 7 + 1
    }
}

impl FromStr for Week {
    type Err = WeekError;

    fn from_str(text: &str) -> Result<Week, WeekError> {
        let (year, number) = text.split_once("-W").ok_or(WeekError)?;
        let year = digits(year, 4).ok_or(WeekError)?;
        let number = digits(number, 2).filter(|it| 1 <= *it).ok_or(WeekError)?;
        // The fourth of January is always in the first week.
        let first = Day::new(year, 1, 4).map(Week::of).ok_or(WeekError)?;
        let week = Week(later(first.0, 7 * (number - 1)));
        match week.number() == number {
            true => Ok(week),
            false => Err(WeekError),
        }
    }
}

impl Month {
    /// The month of a day.
    #[must_use]
    pub fn of(day: Day) -> Month {
        let day_of_month = i32::try_from(Parts::of(day).day).unwrap_or(1);
        Month(later(day, 1 - day_of_month))
    }

    /// Its first day.
    pub(super) fn first(self) -> Day {
        self.0
    }

    /// The one after it.
    pub(super) fn next(self) -> Month {
        Month::of(later(self.0, 31))
    }
}

impl FromStr for Month {
    type Err = MonthError;

    fn from_str(text: &str) -> Result<Month, MonthError> {
        let day: Day = format!("{text}-01").parse().map_err(|_| MonthError)?;
        Ok(Month(day))
    }
}

/// A day of the calendar as its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) year: i32,
    pub(super) month: u32,
    pub(super) day: u32,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

impl Parts {
    pub(super) fn of(day: Day) -> Parts {
        let text = day.to_string();
        let mut numbers = text.rsplit('-').map(|it| it.parse().unwrap_or_default());
        let day_of_month = numbers.next().unwrap_or_default();
        let month = numbers.next().unwrap_or_default();
        Parts {
            year: day.year(),
            month,
            day: day_of_month,
        }
    }

    pub(super) fn month_name(self) -> &'static str {
        let index = usize::try_from(self.month).unwrap_or_default();
        MONTHS
            .get(index.saturating_sub(1))
            .copied()
            .unwrap_or_default()
    }

    /// `27 October 2025`.
    pub(super) fn long(self) -> String {
        format!("{} {} {}", self.day, self.month_name(), self.year)
    }

    /// `27 Oct`.
    pub(super) fn short(self) -> String {
        let name = self.month_name();
        format!("{} {}", self.day, name.get(..3).unwrap_or(name))
    }

    /// The beginning of a range that ends at `last`, without what both have in common.
    fn before(self, last: Parts) -> String {
        if self.year != last.year {
            return self.long();
        }
        match self.month == last.month {
            true => self.day.to_string(),
            false => format!("{} {}", self.day, self.month_name()),
        }
    }
}

/// 0 for Monday.
pub(super) fn weekday_from_monday(day: Day) -> u8 {
    // 1970-01-01 was a Thursday.
    u8::try_from((day.unix_days() + 3).rem_euclid(7)).unwrap_or_default()
}

pub(super) fn weekday(day: Day) -> &'static str {
    let index = usize::from(weekday_from_monday(day));
    WEEKDAYS.get(index).copied().unwrap_or_default()
}

/// The day that many days later, or the same where the calendar ends.
pub(super) fn later(day: Day, days: i32) -> Day {
    let moved = day.unix_days().checked_add(days);
    moved.and_then(Day::from_unix_days).unwrap_or(day)
}

fn digits(text: &str, count: usize) -> Option<i32> {
    let is_number = text.len() == count && text.bytes().all(|it| it.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn ends(range: Range) -> (String, String) {
        (range.first().unwrap().to_string(), range.last().to_string())
    }

    #[test]
    fn weeks_begin_on_monday_and_are_counted_as_iso_8601_does() {
        for (text, first, last) in [
            ("2025-W44", "2025-10-27", "2025-11-02"),
            ("2026-W01", "2025-12-29", "2026-01-04"),
            ("2020-W53", "2020-12-28", "2021-01-03"),
        ] {
            let week: Week = text.parse().unwrap();
            let wanted = (first.to_owned(), last.to_owned());
            assert_eq!(ends(Range::week(week)), wanted, "{text}");
            assert_eq!(Week::of(day(last)), week);
        }
        for wrong in [
            "2025-W53", "2025-W00", "2025-44", "2025-W4", "W44", "2025-W+4",
        ] {
            assert_eq!(wrong.parse::<Week>(), Err(WeekError), "{wrong}");
        }
    }

    #[test]
    fn a_month_has_all_its_days() {
        let month = |text: &str| ends(Range::month(text.parse().unwrap()));
        assert_eq!(
            month("2024-02"),
            ("2024-02-01".to_owned(), "2024-02-29".to_owned())
        );
        assert_eq!(
            month("2025-12"),
            ("2025-12-01".to_owned(), "2025-12-31".to_owned())
        );
        for wrong in ["2025-13", "2025-1", "2025", "October"] {
            assert_eq!(wrong.parse::<Month>(), Err(MonthError), "{wrong}");
        }
    }

    #[test]
    fn a_range_is_called_as_a_person_would() {
        let between = |first, last| {
            let first: Option<&str> = first;
            Range::between(first.map(day), day(last))
                .unwrap()
                .to_string()
        };
        assert_eq!(
            Range::day(day("2025-10-27")).to_string(),
            "Monday, 27 October 2025"
        );
        assert_eq!(
            Range::week(Week::of(day("2025-10-29"))).to_string(),
            "Week 44, 27 October to 2 November 2025"
        );
        assert_eq!(
            Range::month(Month::of(day("2025-10-29"))).to_string(),
            "October 2025"
        );
        assert_eq!(
            between(Some("2025-10-01"), "2025-10-09"),
            "1 to 9 October 2025"
        );
        assert_eq!(
            between(Some("2024-12-30"), "2025-01-09"),
            "30 December 2024 to 9 January 2025"
        );
        assert_eq!(between(None, "2025-10-09"), "Until 9 October 2025");
    }

    #[test]
    fn a_range_that_ends_before_it_begins_is_refused() {
        let (first, last) = (day("2025-10-02"), day("2025-10-01"));
        assert_eq!(
            Range::between(Some(first), last),
            Err(RangeError { first, last })
        );
        let open = Range::between(None, last).unwrap();
        assert!(open.contains(day("1999-01-01")) && !open.contains(first));
    }
}
