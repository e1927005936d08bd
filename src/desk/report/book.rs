//! The trades of one mode in a range, and what they add up to.
//!
//! Always true:
//! - Equity at the beginning of the range is what the account began with and what the mode's earlier trades
//!   earned: an account does not begin anew with a report.
//! - Sums are exact; the drawdown in per cent is a ratio, rounded as ratios are.
//! - A trade whose result is too large to be added exactly is in no sum, and is named.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Serialize;

use super::bins::{self, Bin};
use super::{ReportError, Request, RiskCounts, Totals};
use crate::books::json;
use crate::books::metrics::Exact;
use crate::books::metrics::sheet::{SheetOptions, TearSheet};
use crate::books::{ClosedTrade, OpenOrder};
use crate::record::field::{ExecutionMode, OrderId};
use crate::time::{Day, Timestamp};

/// One mode of a report.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Book {
    /// The mode.
    pub mode: &'static str,
    /// The account at the beginning of the range, where it is known.
    #[serde(serialize_with = "json::text_or_null")]
    pub equity_before: Option<Exact>,
    /// The account at its end.
    #[serde(serialize_with = "json::text_or_null")]
    pub equity_after: Option<Exact>,
    /// Counts and sums.
    pub totals: Totals,
    /// The least and the most that a day earned; null without a trade.
    #[serde(serialize_with = "json::text_or_null")]
    pub worst_day: Option<Exact>,
    /// See `worst_day`.
    #[serde(serialize_with = "json::text_or_null")]
    pub best_day: Option<Exact>,
    /// What is still open, at the prices of the entries; null where it does not fit.
    #[serde(serialize_with = "json::text_or_null")]
    pub open_value: Option<Exact>,
    /// What the exits of what is still open earned so far, which is in no other sum; null where it does not
    /// fit.
    #[serde(serialize_with = "json::text_or_null")]
    pub open_net_pnl: Option<Exact>,
    /// How many events of risk there were that are of this mode, or of none.
    pub risk: RiskCounts,
    /// All statistics of the range. Its equity begins with `equity_before`.
    pub sheet: TearSheet,
    /// Each day on which a trade was closed.
    pub days: Vec<DayRow>,
    /// The account after each trade.
    pub curve: Vec<Point>,
    /// How long trades were held.
    pub holding: Vec<Bin>,
    /// The trades, in the order of their last exits.
    pub trades: Vec<TradeRow>,
    /// What was entered until the end of the range and is not over.
    pub open: Vec<OpenRow>,
}

/// A day of the zone.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct DayRow {
    /// Which.
    pub day: String,
    /// Counts and sums of the trades that were closed on it.
    #[serde(flatten)]
    pub totals: Totals,
}

/// The account after a trade.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Point {
    /// When.
    pub at: String,
    /// What all trades of the range until then earned.
    #[serde(serialize_with = "json::text")]
    pub cumulative: Exact,
    /// The account, where it is known.
    #[serde(serialize_with = "json::text_or_null")]
    pub equity: Option<Exact>,
    /// How far that is below the highest point of the range so far, in money: 0 or less.
    #[serde(serialize_with = "json::text")]
    pub drawdown: Exact,
    /// The same in per cent of that point, where the account is known and had something to lose.
    #[serde(serialize_with = "json::text_or_null")]
    pub drawdown_pct: Option<Decimal>,
}

/// A closed trade.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct TradeRow {
    /// The order id.
    pub order_id: String,
    /// The ticker.
    pub symbol: String,
    /// What the entry did.
    pub direction: &'static str,
    /// How many shares.
    pub quantity: u64,
    /// The strategy.
    pub strategy: String,
    /// The account.
    pub account_id: Option<String>,
    /// When it was entered, where that is known.
    pub entered: Option<String>,
    /// When its last exit was.
    pub exited: String,
    /// How long it was held.
    pub held_seconds: Option<u64>,
    /// What one share was entered at.
    #[serde(serialize_with = "json::text_or_null")]
    pub entry_price: Option<Decimal>,
    /// What one share of the last exit was sold or bought back at.
    #[serde(serialize_with = "json::text")]
    pub exit_price: Decimal,
    /// What it earned before fees.
    #[serde(serialize_with = "json::text")]
    pub gross_pnl: Decimal,
    /// The commission of its exits.
    #[serde(serialize_with = "json::text")]
    pub fees: Decimal,
    /// What it earned after fees.
    #[serde(serialize_with = "json::text")]
    pub net_pnl: Decimal,
    /// How many exits it had.
    pub exits: u32,
    /// Whether its entry is in the journal.
    pub has_entry: bool,
    /// Whether its last exit is labelled as something else than what it earned.
    pub label_conflict: bool,
}

/// A trade that is not over.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct OpenRow {
    /// The order id.
    pub order_id: String,
    /// The ticker.
    pub symbol: String,
    /// What the entry did.
    pub direction: &'static str,
    /// How many shares are left.
    pub quantity: u64,
    /// The strategy.
    pub strategy: String,
    /// When it was entered.
    pub entered: String,
    /// What one share was entered at.
    #[serde(serialize_with = "json::text")]
    pub price: Decimal,
    /// What is left of it, at the price of the entry.
    #[serde(serialize_with = "json::text_or_null")]
    pub value: Option<Exact>,
    /// What its exits earned so far after fees, also those after the range. It is in no other sum.
    #[serde(serialize_with = "json::text")]
    pub net_pnl: Decimal,
}

impl Book {
    pub(super) fn of(
        request: &Request,
        mode: ExecutionMode,
        closed: &[ClosedTrade],
        open: &[OpenOrder],
        refused: &mut Vec<OrderId>,
    ) -> Result<Book, ReportError> {
        let own = || closed.iter().filter(|it| it.mode == mode);
        let day = |it: Timestamp| request.zone.day(it);
        let is_before = |it: Day| request.range.first().is_some_and(|first| it < first);
        let trades = own().filter(|it| request.range.contains(day(it.exited)));
        let mut trades: Vec<ClosedTrade> = trades.cloned().collect();
        let too_large = || ReportError::Total { mode };
        let start = request.starting_equity.map(|it| Exact::from(it.value()));
        let mut before = start.unwrap_or_default();
        for trade in own().filter(|it| is_before(day(it.exited))) {
            match before.checked_add(trade.net.into()) {
                Some(sum) => before = sum,
                None => refused.push(trade.order_id.clone()),
            }
        }
        let options = SheetOptions {
            starting_equity: request.starting_equity,
            earned_before: before
                .checked_add(-start.unwrap_or_default())
                .ok_or_else(too_large)?,
            zone: request.zone.clone(),
            ..SheetOptions::default()
        };
        let equity_before = start.map(|_| before);
        let sheet = TearSheet::of_what_fits(&mut trades, &options, |it| refused.push(it))?;
        let open = open
            .iter()
            .filter(|it| it.mode == mode && day(it.entered) <= request.range.last());
        let book = Sums {
            request,
            mode,
            equity_before,
            trades: &trades,
        };
        book.with(sheet, open.map(OpenRow::of).collect())
            .ok_or_else(too_large)
    }
}

/// What a book is made of.
struct Sums<'a> {
    request: &'a Request,
    mode: ExecutionMode,
    equity_before: Option<Exact>,
    trades: &'a [ClosedTrade],
}

impl Sums<'_> {
    /// `None` when a sum does not fit.
    fn with(&self, sheet: TearSheet, open: Vec<OpenRow>) -> Option<Book> {
        let Sums {
            equity_before,
            trades,
            ..
        } = *self;
        let totals = Totals::of(trades)?;
        let equity_after = match equity_before {
            Some(equity) => Some(equity.checked_add(totals.net_pnl)?),
            None => None,
        };
        let days = days(self.request, trades)?;
        let nets = || days.iter().map(|it| it.totals.net_pnl);
        let mut values = open.iter().map(|it| it.value);
        let mut nets_so_far = open.iter().map(|it| Exact::from(it.net_pnl));
        let held = trades
            .iter()
            .filter_map(|it| Some((it.held_seconds()?, it.net)));
        Some(Book {
            mode: self.mode.as_str(),
            equity_before,
            equity_after,
            worst_day: nets().min(),
            best_day: nets().max(),
            open_value: values.try_fold(Exact::ZERO, |all, it| all.checked_add(it?)),
            open_net_pnl: nets_so_far.try_fold(Exact::ZERO, Exact::checked_add),
            sheet,
            curve: curve(equity_before, trades)?,
            holding: bins::of_holding(held)?,
            trades: trades.iter().map(TradeRow::of).collect(),
            open,
            days,
            totals,
            risk: RiskCounts::default(),
        })
    }
}

fn days(request: &Request, trades: &[ClosedTrade]) -> Option<Vec<DayRow>> {
    let mut by_day: BTreeMap<Day, Vec<&ClosedTrade>> = BTreeMap::new();
    for trade in trades {
        let day = request.zone.day(trade.exited);
        by_day.entry(day).or_default().push(trade);
    }
    let row = |(day, trades): (&Day, &Vec<&ClosedTrade>)| {
        Some(DayRow {
            day: day.to_string(),
            totals: Totals::of(trades.iter().copied())?,
        })
    };
    by_day.iter().map(row).collect()
}

/// The points after each trade; the one before the first is its equity, or 0.
fn curve(before: Option<Exact>, trades: &[ClosedTrade]) -> Option<Vec<Point>> {
    let start = before.unwrap_or_default();
    let (mut cumulative, mut peak) = (Exact::ZERO, start);
    let mut points = Vec::with_capacity(trades.len());
    for trade in trades {
        cumulative = cumulative.checked_add(trade.net.into())?;
        let value = start.checked_add(cumulative)?;
        peak = peak.max(value);
        let drawdown = value.checked_add(-peak)?;
        points.push(Point {
            at: trade.exited.to_string(),
            cumulative,
            equity: before.map(|_| value),
            drawdown,
            // An account that has nothing left has nothing that a part could be of.
            drawdown_pct: before
                .filter(|it| 0 < it.signum())
                .map(|_| in_per_cent(drawdown, peak)),
        });
    }
    Some(points)
}

/// A fall from `peak`, which is above 0, in per cent of it, at most all of it.
fn in_per_cent(drawdown: Exact, peak: Exact) -> Decimal {
    if drawdown.is_zero() {
        return Decimal::ZERO;
    }
    let all = -Decimal::ONE_HUNDRED;
    let part = drawdown.checked_mul(100);
    let percent = part.and_then(|part| part.over(peak));
    percent.map_or(all, |it| it.max(all))
}

impl TradeRow {
    fn of(trade: &ClosedTrade) -> TradeRow {
        TradeRow {
            order_id: trade.order_id.to_string(),
            symbol: trade.symbol.to_string(),
            direction: trade.direction.as_str(),
            quantity: trade.quantity,
            strategy: trade.strategy.to_string(),
            account_id: trade.account_id.as_ref().map(ToString::to_string),
            entered: trade.entered.map(|it| it.to_string()),
            exited: trade.exited.to_string(),
            held_seconds: trade.held_seconds(),
            entry_price: trade.entry_price.map(|it| it.value()),
            exit_price: trade.exit_price.value(),
            gross_pnl: trade.gross,
            fees: trade.commission,
            net_pnl: trade.net,
            exits: trade.exits,
            has_entry: trade.has_entry,
            label_conflict: trade.label_conflict,
        }
    }
}

impl OpenRow {
    fn of(order: &OpenOrder) -> OpenRow {
        let price = order.price.value();
        OpenRow {
            order_id: order.order_id.to_string(),
            symbol: order.symbol.to_string(),
            direction: order.direction.as_str(),
            quantity: order.quantity,
            strategy: order.strategy.to_string(),
            entered: order.entered.to_string(),
            price,
            value: Exact::from(price).checked_mul(order.quantity),
            net_pnl: order.net,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percent(drawdown: i64, peak: i64) -> String {
        let exact = |it: i64| Exact::from(Decimal::from(it));
        in_per_cent(exact(drawdown), exact(peak)).to_string()
    }

    #[test]
    fn a_drawdown_is_a_part_of_its_peak_and_never_more_than_all_of_it() {
        assert_eq!(percent(0, 100), "0");
        assert_eq!(percent(-25, 100), "-25");
        assert_eq!(percent(-1, 3), "-33.333333333333");
        assert_eq!(percent(-150, 100), "-100");
    }
}
