//! Growth and its risk in a year, from the returns of days.
//!
//! Always true:
//! - Every day of the calendar from the first entry to the last exit has a return; without an exit it is 0.
//! - A day's return is what was closed on it, as a part of the equity at its start.
//!
//! Not here: the arithmetic (`roots`).

use std::cmp::Ordering;
use std::time::Duration;

use rust_decimal::Decimal;
use serde::Serialize;

use super::blank::{Blank, Nulls, noted};
use super::curve::Curve;
use super::ledger::{Ledger, weekday};
use super::roots::{self, Returns, shown};
use super::wide;
use super::{Calendar, SheetOptions};
use crate::books::json::{text, text_or_null};

const DAY_SECONDS: u64 = 86_400;

/// What a history comes to in a year.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Annual {
    /// How many days `volatility`, `sharpe` and `sortino` stand on.
    pub days: u64,
    /// Which days those are.
    pub calendar: Calendar,
    /// How many of them are a year.
    pub periods_per_year: u32,
    /// What money earns in a year without risk.
    #[serde(serialize_with = "text")]
    pub rf: Decimal,
    /// Whole seconds from the first entry to the last exit, on which `cagr` stands.
    pub span_seconds: u64,
    /// The growth of a year that makes equity what it became; -1 where all was lost.
    #[serde(serialize_with = "text_or_null")]
    pub cagr: Option<Decimal>,
    /// The sample deviation of the days' returns, in a year.
    #[serde(serialize_with = "text_or_null")]
    pub volatility: Option<Decimal>,
    /// The mean return beyond `rf`, for each unit of deviation, in a year.
    #[serde(serialize_with = "text_or_null")]
    pub sharpe: Option<Decimal>,
    /// The same for each unit of deviation below `rf`: the root of the mean square, over all days, of what
    /// a day fell short.
    #[serde(serialize_with = "text_or_null")]
    pub sortino: Option<Decimal>,
    /// `cagr` / the largest fall below a peak, as a part of it.
    #[serde(serialize_with = "text_or_null")]
    pub calmar: Option<Decimal>,
}

/// What was closed on a day, and the equity at its start, in units.
#[derive(Clone, Copy)]
struct DayResult {
    slot: i64,
    net: i128,
    start: i128,
}

impl Annual {
    pub(super) fn of(
        ledger: &Ledger<'_>,
        curve: &Curve,
        options: &SheetOptions,
        nulls: &mut Nulls,
    ) -> Annual {
        let (span, days) = (span(ledger), days(ledger, options));
        let series = Series::of(ledger, options, days);
        let series = series.as_ref().map_err(|it| *it);
        let cagr = cagr(ledger, curve, span, options.cagr_days_min);
        let calmar = cagr.and_then(|growth| {
            let fall = curve.deepest_part.ok_or(Blank::NoDrawdown)?;
            shown(roots::per_drawdown(growth, fall.part()))
        });
        Annual {
            days,
            calendar: options.calendar,
            periods_per_year: options.periods(),
            rf: options.rf,
            span_seconds: span.as_secs(),
            cagr: noted(nulls, "cagr", cagr.and_then(shown)),
            volatility: noted(nulls, "volatility", series.and_then(Series::volatility)),
            sharpe: noted(nulls, "sharpe", series.and_then(Series::sharpe)),
            sortino: noted(nulls, "sortino", series.and_then(Series::sortino)),
            calmar: noted(nulls, "calmar", calmar),
        }
    }
}

fn span(ledger: &Ledger<'_>) -> Duration {
    let span = match (ledger.began, ledger.last_exit()) {
        (Some(began), Some(last)) => began.until(last),
        _ => None,
    };
    span.unwrap_or_default()
}

fn cagr(ledger: &Ledger<'_>, curve: &Curve, span: Duration, days_min: u32) -> Result<f64, Blank> {
    if ledger.rows.is_empty() {
        return Err(Blank::NoTrades);
    }
    let start = ledger.start.ok_or(Blank::NoStartingEquity)?;
    if start <= 0 {
        return Err(Blank::EquityNotPositive);
    }
    if span < Duration::from_secs(u64::from(days_min) * DAY_SECONDS) {
        return Err(Blank::SpanTooShort);
    }
    if span.is_zero() {
        return Err(Blank::NoSpan);
    }
    match curve.end {
        1.. => Ok(roots::yearly_growth(start, curve.end, span.as_secs_f64())),
        _ => Ok(-1.0),
    }
}

/// How many days of the calendar there are from the first entry to the last exit.
fn days(ledger: &Ledger<'_>, options: &SheetOptions) -> u64 {
    let (Some(began), Some(first), Some(last)) =
        (ledger.began, ledger.rows.first(), ledger.rows.last())
    else {
        return 0;
    };
    let began = options.zone.day(began).unix_days().min(first.day);
    let slot = |day| options.calendar.slot(day);
    u64::try_from(slot(last.day) - slot(began) + 1).unwrap_or_default()
}

impl Calendar {
    /// The number of the day of this calendar to which a day belongs.
    fn slot(self, unix_days: i32) -> i64 {
        let day = i64::from(unix_days);
        match self {
            Calendar::All => day,
            Calendar::Business => {
                let weekday = i64::try_from(weekday(unix_days)).unwrap_or_default();
                let week = (day - weekday + 3).div_euclid(7);
                // A Saturday and a Sunday are the Monday after them.
                week * 5 + weekday.min(5)
            }
        }
    }
}

/// The returns of days, and what is known of them exactly.
struct Series {
    returns: Returns,
    /// Whether there are two returns that differ.
    varies: bool,
}

impl Series {
    fn of(ledger: &Ledger<'_>, options: &SheetOptions, days: u64) -> Result<Series, Blank> {
        if ledger.rows.is_empty() {
            return Err(Blank::NoTrades);
        }
        let start = ledger.start.ok_or(Blank::NoStartingEquity)?;
        let results = results(ledger, options.calendar, start);
        if results.iter().any(|it| it.start <= 0) {
            return Err(Blank::EquityNotPositive);
        }
        let has_empty_day = u64::try_from(results.len()).is_ok_and(|it| it < days);
        let closed = results.iter().map(|it| roots::quotient(it.net, it.start));
        Ok(Series {
            varies: varies(&results, has_empty_day),
            returns: Returns {
                closed: closed.collect(),
                days,
                periods_per_year: options.periods(),
                target: roots::rate_of_period(options.rf, options.periods()),
            },
        })
    }

    fn volatility(&self) -> Result<Decimal, Blank> {
        match self.varies {
            _ if self.returns.days < 2 => Err(Blank::FewerThanTwoDays),
            false => Ok(Decimal::ZERO),
            true => shown(self.returns.volatility()),
        }
    }

    fn sharpe(&self) -> Result<Decimal, Blank> {
        match self.varies {
            _ if self.returns.days < 2 => Err(Blank::FewerThanTwoDays),
            false => Err(Blank::NoVariation),
            true => shown(self.returns.sharpe()),
        }
    }

    fn sortino(&self) -> Result<Decimal, Blank> {
        match self.returns.falls_short() {
            true => shown(self.returns.sortino()),
            false => Err(Blank::NoDayBelowTarget),
        }
    }
}

/// The days on which something was closed.
fn results(ledger: &Ledger<'_>, calendar: Calendar, start: i128) -> Vec<DayResult> {
    let mut results: Vec<DayResult> = Vec::new();
    let mut equity = start;
    for row in &ledger.rows {
        let slot = calendar.slot(row.day);
        match results.last_mut() {
            Some(day) if day.slot == slot => day.net += row.result,
            _ => results.push(DayResult {
                slot,
                net: row.result,
                start: equity,
            }),
        }
        equity += row.result;
    }
    results
}

fn varies(results: &[DayResult], has_empty_day: bool) -> bool {
    let Some(first) = results.first() else {
        return false;
    };
    let differs = |it: &DayResult| {
        wide::compare((it.net, it.start), (first.net, first.start)) != Ordering::Equal
    };
    (has_empty_day && first.net != 0) || results.iter().any(differs)
}
