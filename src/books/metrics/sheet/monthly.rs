//! Months and years.
//!
//! Always true:
//! - There is a row for every month from the first exit to the last, and for every year.
//! - The rows add up to the net result, exactly; the returns, linked, to the total return.

use rust_decimal::Decimal;
use serde::Serialize;

use crate::books::metrics::Exact;
use crate::time::Day;

use super::blank::Blank;
use super::ledger::Ledger;
use crate::books::json::{text, text_or_null};

/// What a month came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MonthRow {
    /// Such as `2025-10`.
    pub month: String,
    /// How many trades ended in it.
    pub trades: u64,
    /// Their results added up.
    #[serde(serialize_with = "text")]
    pub net: Exact,
    /// `net` / the equity at its start.
    #[serde(rename = "return", serialize_with = "text_or_null")]
    pub growth: Option<Decimal>,
    /// Why there is no return; null where there is one.
    pub return_status: Option<Blank>,
}

/// What a year came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct YearRow {
    /// Such as `2025`.
    pub year: String,
    /// How many trades ended in it.
    pub trades: u64,
    /// Their results added up.
    #[serde(serialize_with = "text")]
    pub net: Exact,
    /// The returns of its months, linked.
    #[serde(rename = "return", serialize_with = "text_or_null")]
    pub growth: Option<Decimal>,
    /// Why there is no return; null where there is one.
    pub return_status: Option<Blank>,
}

/// A month of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Month {
    year: i32,
    /// From 1.
    month: u32,
}

/// A month or year in units.
#[derive(Clone, Copy)]
struct Period {
    first: Month,
    trades: u64,
    net: i128,
    /// The equity at its start.
    start: Option<i128>,
    /// Whether every month of it began with something.
    is_positive: bool,
}

/// The months, and the years.
pub(super) fn table(ledger: &Ledger<'_>) -> (Vec<MonthRow>, Vec<YearRow>) {
    let months = months(ledger);
    let years = years(&months);
    let months = months.iter().map(|it| {
        let growth = it.growth(ledger);
        MonthRow {
            month: format!("{:04}-{:02}", it.first.year, it.first.month),
            trades: it.trades,
            net: ledger.money(it.net),
            growth: growth.ok(),
            return_status: growth.err(),
        }
    });
    let years = years.iter().map(|it| {
        let growth = it.growth(ledger);
        YearRow {
            year: format!("{:04}", it.first.year),
            trades: it.trades,
            net: ledger.money(it.net),
            growth: growth.ok(),
            return_status: growth.err(),
        }
    });
    (months.collect(), years.collect())
}

fn months(ledger: &Ledger<'_>) -> Vec<Period> {
    let mut months: Vec<Period> = Vec::new();
    let Some(first) = ledger.rows.first() else {
        return months;
    };
    let mut open = Period::new(Month::of(first.day), ledger.start);
    let mut next_begins = open.first.next().first_day();
    for row in &ledger.rows {
        while next_begins.is_some_and(|it| it <= row.day) {
            months.push(open);
            open = Period::new(open.first.next(), open.end());
            next_begins = open.first.next().first_day();
        }
        open.trades += 1;
        open.net += row.result;
    }
    months.push(open);
    months
}

fn years(months: &[Period]) -> Vec<Period> {
    let mut years: Vec<Period> = Vec::new();
    for month in months {
        match years.last_mut() {
            Some(year) if year.first.year == month.first.year => {
                year.trades += month.trades;
                year.net += month.net;
                year.is_positive &= month.is_positive;
            }
            _ => years.push(*month),
        }
    }
    years
}

impl Period {
    fn new(first: Month, start: Option<i128>) -> Period {
        Period {
            first,
            trades: 0,
            net: 0,
            start,
            is_positive: start.is_some_and(|it| 0 < it),
        }
    }

    fn end(&self) -> Option<i128> {
        Some(self.start? + self.net)
    }

    fn growth(&self, ledger: &Ledger<'_>) -> Result<Decimal, Blank> {
        let start = self.start.ok_or(Blank::NoStartingEquity)?;
        if !self.is_positive {
            return Err(Blank::EquityNotPositive);
        }
        let growth = ledger.money(self.net).over(ledger.money(start));
        growth.ok_or(Blank::DoesNotFit)
    }
}

impl Month {
    fn of(unix_days: i32) -> Month {
        let year = Day::from_unix_days(unix_days).map_or(1970, Day::year);
        let begun = |month: &u32| {
            let first = Month {
                year,
                month: *month,
            }
            .first_day();
            first.is_some_and(|it| it <= unix_days)
        };
        let month = (2..=12).rev().find(begun).unwrap_or(1);
        Month { year, month }
    }

    fn next(self) -> Month {
        match self.month {
            12.. => Month {
                year: self.year + 1,
                month: 1,
            },
            month => Month {
                year: self.year,
                month: month + 1,
            },
        }
    }

    /// In days since 1970; `None` where the calendar ends.
    fn first_day(self) -> Option<i32> {
        Day::new(self.year, self.month, 1).map(Day::unix_days)
    }
}
