//! What became of the account, and how far it was below its peak.
//!
//! Always true: a part of a peak is never more than all of it; money is not held back at 0.

use rust_decimal::Decimal;
use serde::Serialize;

use crate::books::metrics::{Exact, rounded};
use crate::time::Timestamp;

use super::blank::{Blank, Nulls, noted};
use super::curve::{Curve, Fall};
use super::ledger::Ledger;
use crate::books::json::{text, text_or_null};

/// Equity and its drawdowns.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EquityPath {
    /// What the account had before the first trade.
    #[serde(serialize_with = "text_or_null")]
    pub starting_equity: Option<Exact>,
    /// What it had after the last exit.
    #[serde(serialize_with = "text_or_null")]
    pub final_equity: Option<Exact>,
    /// `final_equity` / `starting_equity` - 1.
    #[serde(serialize_with = "text_or_null")]
    pub total_return: Option<Decimal>,
    /// The largest fall below a peak, in per cent of that peak: -5.25 is 5.25 % below; at least -100.
    #[serde(serialize_with = "text_or_null")]
    pub max_drawdown_pct: Option<Decimal>,
    /// When that peak was touched last.
    #[serde(serialize_with = "text_or_null")]
    pub max_drawdown_pct_peak_at: Option<Timestamp>,
    /// When that fall was at its lowest.
    #[serde(serialize_with = "text_or_null")]
    pub max_drawdown_pct_trough_at: Option<Timestamp>,
    /// The largest fall below a peak in money, without a sign. It need not be the one that is the largest
    /// in per cent.
    #[serde(serialize_with = "text")]
    pub max_drawdown_abs: Exact,
    /// When that peak was touched last.
    #[serde(serialize_with = "text_or_null")]
    pub max_drawdown_abs_peak_at: Option<Timestamp>,
    /// When that fall was at its lowest.
    #[serde(serialize_with = "text_or_null")]
    pub max_drawdown_abs_trough_at: Option<Timestamp>,
    /// The longest time from a peak until equity was there again, or until the last exit, in whole seconds.
    pub max_drawdown_duration_seconds: u64,
    /// When that time began.
    #[serde(serialize_with = "text_or_null")]
    pub max_drawdown_duration_from: Option<Timestamp>,
    /// When it ended.
    #[serde(serialize_with = "text_or_null")]
    pub max_drawdown_duration_to: Option<Timestamp>,
    /// Whether it ended because equity was at its peak again.
    pub max_drawdown_duration_recovered: Option<bool>,
    /// The most trades from a peak until equity was there again, or until the last one. They need not be
    /// those of the longest time.
    pub max_drawdown_duration_trades: u64,
    /// How far the last equity is below the peak, as a fraction of it: 0 or less, at least -1.
    #[serde(serialize_with = "text_or_null")]
    pub current_drawdown: Option<Decimal>,
    /// The same in money, without a sign.
    #[serde(serialize_with = "text")]
    pub current_drawdown_abs: Exact,
    /// The net profit / `max_drawdown_abs`.
    #[serde(serialize_with = "text_or_null")]
    pub recovery_factor: Option<Decimal>,
}

impl EquityPath {
    pub(super) fn of(ledger: &Ledger<'_>, curve: &Curve, nulls: &mut Nulls) -> EquityPath {
        let start = ledger.start.ok_or(Blank::NoStartingEquity);
        let path = Path { ledger, curve };
        let at = |fall: Option<Fall>, time: fn(Fall) -> Timestamp| {
            fall.map(time).ok_or(path.no_drawdown())
        };
        // An account that has nothing left has nothing that a part could be of.
        let positive = match start {
            Ok(1..) | Err(_) => start,
            Ok(_) => Err(Blank::EquityNotPositive),
        };
        let of_part = positive.map(|_| curve.deepest_part);
        let longest = curve.longest.ok_or(path.no_drawdown());
        let (peak_at, trough_at) = (|it: Fall| it.peak_at, |it: Fall| it.trough_at);
        let mut money = |name: &str, value| noted(nulls, name, value);
        let starting_equity = money("starting_equity", start.map(|it| ledger.money(it)));
        let end = start.map(|_| ledger.money(curve.end));
        let final_equity = money("final_equity", end);
        let mut maybe = |name: &str, value| noted(nulls, name, value);
        let total_return = maybe(
            "total_return",
            positive.and_then(|it| path.total_return(it)),
        );
        let max_drawdown_pct = maybe(
            "max_drawdown_pct",
            of_part.and_then(|it| max_drawdown_pct(ledger, it)),
        );
        let current = positive.and_then(|_| path.current_drawdown());
        let current_drawdown = maybe("current_drawdown", current);
        let recovery_factor = maybe("recovery_factor", path.recovery_factor());
        let mut time = |name: &str, value| noted(nulls, name, value);
        EquityPath {
            starting_equity,
            final_equity,
            total_return,
            max_drawdown_pct,
            max_drawdown_pct_peak_at: time(
                "max_drawdown_pct_peak_at",
                of_part.and_then(|it| at(it, peak_at)),
            ),
            max_drawdown_pct_trough_at: time(
                "max_drawdown_pct_trough_at",
                of_part.and_then(|it| at(it, trough_at)),
            ),
            max_drawdown_abs: path.max_drawdown_abs(),
            max_drawdown_abs_peak_at: time("max_drawdown_abs_peak_at", at(curve.deepest, peak_at)),
            max_drawdown_abs_trough_at: time(
                "max_drawdown_abs_trough_at",
                at(curve.deepest, trough_at),
            ),
            max_drawdown_duration_seconds: longest.map_or(0, |it| it.length().as_secs()),
            max_drawdown_duration_from: time(
                "max_drawdown_duration_from",
                longest.map(|it| it.from),
            ),
            max_drawdown_duration_to: time("max_drawdown_duration_to", longest.map(|it| it.to)),
            max_drawdown_duration_recovered: noted(
                nulls,
                "max_drawdown_duration_recovered",
                longest.map(|it| it.recovered),
            ),
            max_drawdown_duration_trades: curve.longest_trades,
            current_drawdown,
            current_drawdown_abs: ledger.money(curve.peak - curve.end),
            recovery_factor,
        }
    }
}

struct Path<'a> {
    ledger: &'a Ledger<'a>,
    curve: &'a Curve,
}

impl Path<'_> {
    fn no_drawdown(&self) -> Blank {
        match self.ledger.rows.is_empty() {
            true => Blank::NoTrades,
            false => Blank::NoDrawdown,
        }
    }

    fn total_return(&self, start: i128) -> Result<Decimal, Blank> {
        let earned = self.ledger.money(self.curve.end - start);
        let part = earned.over(self.ledger.money(start));
        part.ok_or(Blank::DoesNotFit)
    }

    fn max_drawdown_abs(&self) -> Exact {
        self.ledger
            .money(self.curve.deepest.map_or(0, |it| it.drop))
    }

    fn current_drawdown(&self) -> Result<Decimal, Blank> {
        let (end, peak) = (self.curve.end.max(0), self.curve.peak);
        let below = self.ledger.money(end - peak);
        let part = below.over(self.ledger.money(peak));
        part.ok_or(Blank::DoesNotFit)
    }

    fn recovery_factor(&self) -> Result<Decimal, Blank> {
        let start = self.ledger.start.unwrap_or_default();
        let net = self.ledger.money(self.curve.end - start);
        match self.curve.deepest {
            Some(fall) => {
                let drop = self.ledger.money(fall.drop);
                net.over(drop).ok_or(Blank::DoesNotFit)
            }
            None => Err(self.no_drawdown()),
        }
    }
}

fn max_drawdown_pct(ledger: &Ledger<'_>, deepest: Option<Fall>) -> Result<Decimal, Blank> {
    let Some(fall) = deepest else {
        return Ok(Decimal::ZERO);
    };
    let (drop, peak) = fall.part();
    let of = |units| ledger.money(units).nearest();
    let part = of(-drop)
        .zip(of(peak))
        .and_then(|(drop, peak)| drop.checked_div(peak));
    let percent = part.and_then(|it| it.checked_mul(Decimal::ONE_HUNDRED));
    percent.map(rounded).ok_or(Blank::DoesNotFit)
}
