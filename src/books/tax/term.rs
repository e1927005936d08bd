//! Short or long: whether something was held for more than a year.
//!
//! Always true: the day of the purchase does not count, the day of the sale does, and a year is one of the
//! calendar, never a number of days.

use std::fmt;

use crate::time::Day;

/// For how long something was held, as the law tells it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Term {
    /// For a year or less.
    Short,
    /// For longer.
    Long,
}

impl Term {
    /// Of what counts as held since `start` and was sold on `sold`.
    #[must_use]
    pub fn of(start: Day, sold: Day) -> Term {
        // Counting begins on the day after: a year from 29 February ends where 1 March does.
        let first = start.next();
        let anniversary = match first.plus_years(1) {
            earlier if is_leap_day(first) => earlier.next(),
            same => same,
        };
        match anniversary <= sold {
            true => Term::Long,
            false => Term::Short,
        }
    }
}

fn is_leap_day(day: Day) -> bool {
    Day::new(day.year(), 2, 29) == Some(day)
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Term::Short => "SHORT",
            Term::Long => "LONG",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(start: &str, sold: &str) -> Term {
        Term::of(start.parse().unwrap(), sold.parse().unwrap())
    }

    #[test]
    fn more_than_a_year_is_long_and_a_year_is_short() {
        assert_eq!(term("2024-06-10", "2025-06-10"), Term::Short);
        assert_eq!(term("2024-06-10", "2025-06-11"), Term::Long);
        assert_eq!(term("2025-06-10", "2025-06-10"), Term::Short);
    }

    /// 366 days pass from 1 March 2023 to 1 March 2024, and it is a year to the day: short. Counting 365 or
    /// 366 days gets one of these wrong.
    #[test]
    fn leap_years_are_years_of_the_calendar() {
        assert_eq!(term("2023-03-01", "2024-02-29"), Term::Short);
        assert_eq!(term("2023-03-01", "2024-03-01"), Term::Short);
        assert_eq!(term("2023-03-01", "2024-03-02"), Term::Long);
        assert_eq!(term("2015-02-28", "2016-02-29"), Term::Short);
        assert_eq!(term("2015-02-28", "2016-03-01"), Term::Long);
        assert_eq!(term("2024-02-29", "2025-02-28"), Term::Short);
        assert_eq!(term("2024-02-29", "2025-03-01"), Term::Long);
        // Bought on 28 February of a leap year: counting begins on the 29th, and a year later is 1 March.
        assert_eq!(term("2024-02-28", "2025-02-28"), Term::Short);
        assert_eq!(term("2024-02-28", "2025-03-01"), Term::Long);
    }
}
