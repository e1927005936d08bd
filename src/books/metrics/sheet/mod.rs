//! The tear sheet: what a history of closed trades comes to.
//!
//! Always true:
//! - Trades count in the order of their exits; at equal times, of the log.
//! - Sums are exact. The rows of each breakdown, and the months, add up to the totals to the last digit.
//! - A quotient is a decimal of at most 12 places; what stands on a root or a power has 12 digits.
//! - Every null has its reason in [`TearSheet::nulls`], or in the status beside it.
//! - Only fields that end in `_pct` are in per cent; other ratios are fractions of 1.
//! - Slippage is inside the prices: it is told, and never taken off.
//!
//! Not here: which trades (the caller chooses, and is the one to mix paper and live trades or not), the
//! rolling window, and how numbers are shown to people.

mod annual;
mod blank;
mod costs;
mod curve;
mod equity;
mod excursions;
mod exposure;
mod ledger;
mod monthly;
mod options;
mod r_multiples;
mod results;
mod roots;
mod streaks;
mod tally;
#[cfg(test)]
mod tests;
mod wide;

use rust_decimal::Decimal;
use serde::Serialize;

use crate::books::ClosedTrade;
use crate::books::json::{text, text_or_null};
use crate::books::metrics::{Basis, BreakevenStreak};
use crate::record::field::OrderId;
use crate::time::Timestamp;

use blank::noted;
use costs::CostSums;
use curve::Curve;
use ledger::Ledger;
use r_multiples::Multiples;
use tally::{Tallies, Tally};

pub use annual::Annual;
pub use blank::{Blank, Nulls};
pub use costs::Costs;
pub use equity::EquityPath;
pub use excursions::{ExcursionGroup, Excursions};
pub use monthly::{MonthRow, YearRow};
pub use options::{Calendar, Excursion, SheetOptions};
pub use r_multiples::{RBucket, RMultiples};
pub use results::Results;
pub use streaks::Streaks;
pub use tally::BreakdownRow;

/// What a history of trades comes to.
///
/// In JSON it is one object: the members of [`Counts`], [`Results`], [`EquityPath`] and [`Annual`] stand
/// directly in it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TearSheet {
    /// Which result counted.
    #[serde(serialize_with = "text")]
    pub basis: Basis,
    /// How many trades, and when.
    #[serde(flatten)]
    pub counts: Counts,
    /// How often and how much was won and lost.
    #[serde(flatten)]
    pub results: Results,
    /// What became of the account.
    #[serde(flatten)]
    pub equity: EquityPath,
    /// What it comes to in a year.
    #[serde(flatten)]
    pub annual: Annual,
    /// The time with at least one position open, as a part of the time from the first entry to the last
    /// exit.
    #[serde(serialize_with = "text_or_null")]
    pub exposure: Option<Decimal>,
    /// Runs of wins and losses.
    pub streaks: Streaks,
    /// Commission and slippage.
    pub costs: Costs,
    /// Results in units of what was risked.
    pub r_multiples: RMultiples,
    /// How far trades were behind and ahead while they were open; null where that was not handed in.
    pub excursions: Option<Excursions>,
    /// By ticker.
    pub by_symbol: Vec<BreakdownRow>,
    /// By strategy.
    pub by_strategy: Vec<BreakdownRow>,
    /// By account; those of which no account is known are a row of their own.
    pub by_account: Vec<BreakdownRow>,
    /// By `LIVE` and `PAPER`.
    pub by_execution_mode: Vec<BreakdownRow>,
    /// By the UTC hour of the entry, `00` to `23`; those of which it is not known are a row of their own.
    pub by_entry_hour_utc: Vec<BreakdownRow>,
    /// By the weekday of the exit, from Monday.
    pub by_exit_weekday: Vec<BreakdownRow>,
    /// By the month of the exit, from the first to the last.
    pub monthly: Vec<MonthRow>,
    /// By the year of the exit, from the first to the last.
    pub yearly: Vec<YearRow>,
    /// Why values are null.
    pub nulls: Nulls,
}

/// How many trades there are, and when.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Counts {
    /// All.
    pub total_trades: u64,
    /// Those with a result above 0, or above the tolerance.
    pub wins: u64,
    /// Those with a result below 0, or below the tolerance.
    pub losses: u64,
    /// The others.
    pub breakevens: u64,
    /// How many are labelled as something else than the sign of their net result; the sign counts.
    pub label_conflicts: u64,
    /// Of how many it is not known when they were entered.
    pub entry_time_unknown: u64,
    /// The first entry that is known.
    #[serde(serialize_with = "text_or_null")]
    pub first_entry: Option<Timestamp>,
    /// The last exit.
    #[serde(serialize_with = "text_or_null")]
    pub last_exit: Option<Timestamp>,
}

/// Why there is no tear sheet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SheetError {
    /// A sum that cannot be kept exactly.
    #[error("add up {field}: with order {order_id} they are too large to be exact")]
    TooLarge {
        /// What was added up.
        field: &'static str,
        /// The trade with which it became too much.
        order_id: OrderId,
    },
    /// A starting equity that has no place beside what was earned before the first trade.
    #[error("add up results: with the starting equity they are too large to be exact")]
    Equity,
    /// A tolerance below 0.
    #[error("breakeven tolerance must be 0 or more, got {0}")]
    BreakevenTolerance(Decimal),
    /// A year without periods.
    #[error("periods per year must be 1 or more, got 0")]
    PeriodsPerYear,
    /// A rate at which all is lost.
    #[error("risk-free rate must be above -1, got {0}")]
    RiskFreeRate(Decimal),
}

impl TearSheet {
    /// Of those closed trades that can be added up exactly. The others are taken out of `trades`, and
    /// `refused` is told of each.
    ///
    /// # Errors
    /// [`SheetError`]: a setting that cannot be, or sums that are too large without any one trade's doing.
    pub fn of_what_fits(
        trades: &mut Vec<ClosedTrade>,
        options: &SheetOptions,
        mut refused: impl FnMut(OrderId),
    ) -> Result<TearSheet, SheetError> {
        loop {
            match TearSheet::of(trades, options) {
                // The name is of one of them, so that there is an end to this.
                Err(SheetError::TooLarge { order_id, .. })
                    if trades.iter().any(|it| it.order_id == order_id) =>
                {
                    trades.retain(|it| it.order_id != order_id);
                    refused(order_id);
                }
                made => return made,
            }
        }
    }

    /// Of closed trades, such as [`crate::books::closed_trades`] hands out.
    ///
    /// ```
    /// use tradejournal::TradeRecord;
    /// use tradejournal::books::metrics::sheet::Blank;
    /// use tradejournal::books::metrics::{Equity, SheetOptions, TearSheet};
    /// use tradejournal::books::closed_trades;
    /// use tradejournal::record::Stamp;
    /// use tradejournal::record::field::{Action, ConfigHash, ExecutionMode};
    ///
    /// let stamp = Stamp {
    ///     session_id: "550e8400-e29b-41d4-a716-446655440000".parse()?,
    ///     bot_version: "1.0.0".parse()?,
    ///     config_hash: ConfigHash::of(b"max_position_pct = 5"),
    /// };
    /// let entry = TradeRecord::entry("AAPL", Action::Buy, 50, "150.25")
    ///     .at("2025-10-26T14:32:15.123Z".parse()?)
    ///     .order_id("order-1")
    ///     .mode(ExecutionMode::Paper)
    ///     .strategy("bull-flag-breakout", "breakout")
    ///     .because("Bull flag breakout above $150 resistance")
    ///     .stop_loss("148.25")
    ///     .stamp(&stamp)
    ///     .build()?;
    /// let exit = entry.exit("2025-10-26T15:02:15.123Z".parse()?, "152.00");
    /// let exit = exit.commission("0.50").build()?;
    ///
    /// let closed = closed_trades(&[entry, exit])?;
    /// let mut options = SheetOptions::default();
    /// options.starting_equity = Some(Equity::new("10000".parse()?)?);
    /// let sheet = TearSheet::of(&closed, &options)?;
    /// assert_eq!(sheet.results.net_profit.to_string(), "87.00");
    /// assert_eq!(sheet.r_multiples.mean, Some("0.87".parse()?));
    /// assert_eq!(sheet.annual.sharpe, None);
    /// assert_eq!(sheet.nulls["sharpe"], Blank::FewerThanTwoDays);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`SheetError`]: a setting that cannot be, or sums that cannot be kept exactly. With those of
    /// [`TearSheet::of_what_fits`] one trade does not keep the others from being shown.
    pub fn of(trades: &[ClosedTrade], options: &SheetOptions) -> Result<TearSheet, SheetError> {
        options.check()?;
        let mut nulls = Nulls::new();
        let ledger = Ledger::of(trades, options)?;
        let mut tallies = Tallies::new(ledger.scales);
        let mut costs = CostSums::new(ledger.scales);
        let mut multiples = Multiples::new(ledger.scales);
        for row in &ledger.rows {
            let of_trade = tallies.take(row)?;
            costs.take(row.trade, of_trade)?;
            multiples.take(row)?;
        }
        let all = tallies.all;
        let rows = tallies.breakdowns(&mut nulls);
        let curve = Curve::of(&ledger);
        let exposure = exposure::exposure(&ledger);
        let sides = ledger.rows.iter().map(|it| it.side);
        let (monthly, yearly) = monthly::table(&ledger);
        Ok(TearSheet {
            basis: options.basis,
            counts: Counts::of(&ledger, &all, &mut nulls),
            results: Results::of(&ledger, &all, &mut nulls),
            equity: EquityPath::of(&ledger, &curve, &mut nulls),
            annual: Annual::of(&ledger, &curve, options, &mut nulls),
            exposure: noted(&mut nulls, "exposure", exposure),
            streaks: Streaks::of(sides, options.breakeven_in_streak),
            costs: costs.costs(&all, &mut nulls),
            r_multiples: multiples.shown(&mut nulls),
            excursions: Excursions::of(&ledger, options, &mut nulls)?,
            by_symbol: rows.by_symbol,
            by_strategy: rows.by_strategy,
            by_account: rows.by_account,
            by_execution_mode: rows.by_execution_mode,
            by_entry_hour_utc: rows.by_entry_hour_utc,
            by_exit_weekday: rows.by_exit_weekday,
            monthly,
            yearly,
            nulls,
        })
    }
}

impl Counts {
    fn of(ledger: &Ledger<'_>, all: &Tally, nulls: &mut Nulls) -> Counts {
        let unknown = match ledger.rows.is_empty() {
            true => Blank::NoTrades,
            false => Blank::EntryTimeUnknown,
        };
        let first_entry = ledger.first_entry.ok_or(unknown);
        let last_exit = ledger.last_exit().ok_or(Blank::NoTrades);
        Counts {
            total_trades: all.trades,
            wins: all.wins,
            losses: all.losses,
            breakevens: all.breakevens,
            label_conflicts: ledger.label_conflicts,
            entry_time_unknown: ledger.entry_time_unknown,
            first_entry: noted(nulls, "first_entry", first_entry),
            last_exit: noted(nulls, "last_exit", last_exit),
        }
    }
}
