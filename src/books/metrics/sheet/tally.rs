//! Counting and adding up trades, all together and by what they have in common.
//!
//! Always true:
//! - Every trade is in exactly one row of each breakdown, so that the rows of each add up to the totals
//!   exactly.
//! - Rows are in the order of their keys; what has no key comes last.

use std::collections::HashMap;
use std::hash::Hash;

use rust_decimal::Decimal;
use serde::Serialize;

use crate::books::Zone;
use crate::books::metrics::{Exact, ratio};
use crate::record::field::{ExecutionMode, Symbol};

use super::SheetError;
use super::blank::{Blank, Nulls};
use super::ledger::{Column, Row, Scale, Scales, Side};
use crate::books::json::{text, text_or_null};

const WEEKDAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// The trades that have something in common.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BreakdownRow {
    /// What they have in common; null for those whose account, or hour of entry, is not known.
    pub key: Option<String>,
    /// How many.
    pub trades: u64,
    /// How many were won.
    pub wins: u64,
    /// How many were lost.
    pub losses: u64,
    /// How many were neither.
    pub breakevens: u64,
    /// `wins` / `trades`.
    #[serde(serialize_with = "text")]
    pub win_rate: Decimal,
    /// The results above 0 added up.
    #[serde(serialize_with = "text")]
    pub gross_profit: Exact,
    /// The results below 0 added up, without the sign.
    #[serde(serialize_with = "text")]
    pub gross_loss: Exact,
    /// All results added up.
    #[serde(serialize_with = "text")]
    pub net: Exact,
    /// `gross_profit` / `gross_loss`.
    #[serde(serialize_with = "text_or_null")]
    pub profit_factor: Option<Decimal>,
    /// Why there is no profit factor; null where there is one.
    pub profit_factor_status: Option<Blank>,
    /// `net` / `trades`.
    #[serde(serialize_with = "text")]
    pub expectancy: Decimal,
    /// The commission of their exits.
    #[serde(serialize_with = "text")]
    pub commission: Exact,
    /// How far their prices were from the expected ones; it is in the results already.
    #[serde(serialize_with = "text")]
    pub slippage: Exact,
}

/// Counts and sums, in units.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) trades: u64,
    pub(super) wins: u64,
    pub(super) losses: u64,
    pub(super) breakevens: u64,
    /// What is above 0.
    pub(super) profit: i128,
    /// What is below 0, without the sign.
    pub(super) loss: i128,
    /// The part of `profit` that counts as won, where there is a tolerance.
    pub(super) won: i128,
    /// The part of `loss` that counts as lost.
    pub(super) lost: i128,
    pub(super) commission: i128,
    pub(super) slippage: i128,
}

/// One trade as a tally takes it.
#[derive(Clone, Copy)]
struct Entry {
    side: Side,
    result: i128,
    commission: i128,
    slippage: i128,
}

/// All trades, and each breakdown.
#[derive(Debug)]
pub(super) struct Tallies<'a> {
    pub(super) all: Tally,
    scales: Scales,
    commissions: Column,
    slippages: Column,
    symbols: Groups<Symbol>,
    strategies: Groups<&'a str>,
    accounts: Groups<Option<&'a str>>,
    modes: Groups<ExecutionMode>,
    hours: Groups<Option<u8>>,
    weekdays: Groups<usize>,
}

/// The rows of all breakdowns.
#[derive(Debug)]
pub(super) struct Breakdowns {
    pub(super) by_symbol: Vec<BreakdownRow>,
    pub(super) by_strategy: Vec<BreakdownRow>,
    pub(super) by_account: Vec<BreakdownRow>,
    pub(super) by_execution_mode: Vec<BreakdownRow>,
    pub(super) by_entry_hour_utc: Vec<BreakdownRow>,
    pub(super) by_exit_weekday: Vec<BreakdownRow>,
}

impl Tally {
    pub(super) fn net(&self) -> i128 {
        self.profit - self.loss
    }

    fn take(&mut self, entry: Entry) {
        self.trades += 1;
        match entry.side {
            Side::Win => {
                self.wins += 1;
                self.won += entry.result;
            }
            Side::Loss => {
                self.losses += 1;
                self.lost -= entry.result;
            }
            Side::Breakeven => self.breakevens += 1,
        }
        match entry.result < 0 {
            true => self.loss -= entry.result,
            false => self.profit += entry.result,
        }
        self.commission += entry.commission;
        self.slippage += entry.slippage;
    }

    /// What was earned for each that was lost.
    pub(super) fn profit_factor(&self, scale: Scale) -> Result<Decimal, Blank> {
        match (self.profit, self.loss) {
            _ if self.trades == 0 => Err(Blank::NoTrades),
            (0, 0) => Err(Blank::NoProfitNoLoss),
            (_, 0) => Err(Blank::NoLosses),
            (profit, loss) => {
                let factor = scale.exact(profit).over(scale.exact(loss));
                factor.ok_or(Blank::DoesNotFit)
            }
        }
    }

    fn row(&self, key: Option<String>, scales: Scales) -> BreakdownRow {
        let profit_factor = self.profit_factor(scales.result);
        let net = scales.result.exact(self.net());
        // There is no row without a trade, and a quotient by a count is no larger than what is divided.
        let each = |value: Decimal| ratio(value, self.trades.into()).unwrap_or_default();
        BreakdownRow {
            key,
            trades: self.trades,
            wins: self.wins,
            losses: self.losses,
            breakevens: self.breakevens,
            win_rate: each(self.wins.into()),
            gross_profit: scales.result.exact(self.profit),
            gross_loss: scales.result.exact(self.loss),
            net,
            profit_factor: profit_factor.ok(),
            profit_factor_status: profit_factor.err(),
            expectancy: net.over(self.trades).unwrap_or_default(),
            commission: scales.commission.exact(self.commission),
            slippage: scales.slippage.exact(self.slippage),
        }
    }
}

impl<'a> Tallies<'a> {
    pub(super) fn new(scales: Scales) -> Tallies<'a> {
        Tallies {
            all: Tally::default(),
            scales,
            commissions: Column::new("commission", scales.commission),
            slippages: Column::new("slippage", scales.slippage),
            symbols: Groups::default(),
            strategies: Groups::default(),
            accounts: Groups::default(),
            modes: Groups::default(),
            hours: Groups::default(),
            weekdays: Groups::default(),
        }
    }

    /// Counts a trade; its commission and slippage in units.
    pub(super) fn take(&mut self, row: &Row<'a>) -> Result<(i128, i128), SheetError> {
        let trade = row.trade;
        let entry = Entry {
            side: row.side,
            result: row.result,
            commission: self.commissions.take(trade.commission, trade)?,
            slippage: self.slippages.take(trade.slippage, trade)?,
        };
        self.all.take(entry);
        self.symbols.take(trade.symbol, entry);
        self.strategies.take(&*trade.strategy, entry);
        let account = trade.account_id.as_ref().map(|it| it.as_str());
        self.accounts.take(account, entry);
        self.modes.take(trade.mode, entry);
        let hour = row.entry_known.then(|| Zone::default().hour(row.began));
        self.hours.take(hour, entry);
        self.weekdays.take(row.weekday, entry);
        Ok((entry.commission, entry.slippage))
    }

    /// The rows, with a note why some of them have no key.
    pub(super) fn breakdowns(self, nulls: &mut Nulls) -> Breakdowns {
        let scales = self.scales;
        let weekday = |it: usize| WEEKDAYS.get(it).map(|it| (*it).to_owned());
        let breakdowns = Breakdowns {
            by_symbol: self.symbols.rows(scales, |it| Some(it.to_string())),
            by_strategy: self.strategies.rows(scales, |it| Some(it.to_owned())),
            by_account: self.accounts.rows(scales, |it| it.map(str::to_owned)),
            by_execution_mode: self.modes.rows(scales, |it| Some(it.to_string())),
            by_entry_hour_utc: self
                .hours
                .rows(scales, |it| it.map(|it| format!("{it:02}"))),
            by_exit_weekday: self.weekdays.rows(scales, weekday),
        };
        let has_rest = |rows: &[BreakdownRow]| rows.iter().any(|it| it.key.is_none());
        if has_rest(&breakdowns.by_account) {
            nulls.insert("by_account.key".to_owned(), Blank::NoAccount);
        }
        if has_rest(&breakdowns.by_entry_hour_utc) {
            nulls.insert("by_entry_hour_utc.key".to_owned(), Blank::EntryTimeUnknown);
        }
        breakdowns
    }
}

/// Trades by what they have in common.
#[derive(Debug)]
struct Groups<K> {
    places: HashMap<K, usize>,
    groups: Vec<(K, Tally)>,
    /// Where the trade before was: the next often belongs there too.
    last: usize,
}

impl<K> Default for Groups<K> {
    fn default() -> Groups<K> {
        Groups {
            places: HashMap::new(),
            groups: Vec::new(),
            last: 0,
        }
    }
}

impl<K: Copy + Eq + Hash + Ord> Groups<K> {
    fn take(&mut self, key: K, entry: Entry) {
        if let Some((last, tally)) = self.groups.get_mut(self.last)
            && *last == key
        {
            return tally.take(entry);
        }
        let next = self.groups.len();
        self.last = *self.places.entry(key).or_insert(next);
        if self.last == next {
            self.groups.push((key, Tally::default()));
        }
        if let Some((_, tally)) = self.groups.get_mut(self.last) {
            tally.take(entry);
        }
    }

    fn rows(mut self, scales: Scales, name: impl Fn(K) -> Option<String>) -> Vec<BreakdownRow> {
        self.groups.sort_unstable_by_key(|it| it.0);
        let rows = self.groups.iter();
        let mut rows: Vec<BreakdownRow> = rows.map(|it| it.1.row(name(it.0), scales)).collect();
        let without = rows.partition_point(|it| it.key.is_none());
        rows.rotate_left(without);
        rows
    }
}
