//! What trading cost.
//!
//! Always true: slippage is inside the prices, and so inside the results; it is told, never taken off again.

use rust_decimal::Decimal;
use serde::Serialize;

use crate::books::ClosedTrade;
use crate::books::metrics::{Exact, ratio};

use super::SheetError;
use super::blank::{Blank, Nulls, noted};
use super::ledger::{Column, Scales};
use super::tally::Tally;
use crate::books::json::{text, text_or_null};

/// Commission and slippage.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Costs {
    /// The commission of all exits: what lies between the results before and after it.
    #[serde(serialize_with = "text")]
    pub commission: Exact,
    /// `commission` for each trade.
    #[serde(serialize_with = "text_or_null")]
    pub commission_per_trade: Option<Decimal>,
    /// `commission` in hundredths of a per cent of the entry value, of the trades whose entry value is known.
    #[serde(serialize_with = "text_or_null")]
    pub commission_bps: Option<Decimal>,
    /// `commission` as a part of what was earned before costs: of the results above 0 before commission.
    #[serde(serialize_with = "text_or_null")]
    pub commission_of_gross_profit: Option<Decimal>,
    /// The commission of the entries, which is in no result.
    #[serde(serialize_with = "text")]
    pub entry_commission: Exact,
    /// How far all prices were from the expected ones.
    #[serde(serialize_with = "text")]
    pub slippage: Exact,
    /// `slippage` for each trade.
    #[serde(serialize_with = "text_or_null")]
    pub slippage_per_trade: Option<Decimal>,
    /// `slippage` in hundredths of a per cent of the entry value, of the trades whose entry value is known.
    #[serde(serialize_with = "text_or_null")]
    pub slippage_bps: Option<Decimal>,
    /// Entry price x shares, added up.
    #[serde(serialize_with = "text")]
    pub entry_value: Exact,
    /// How many trades have no entry, so that their entry value is not known.
    pub entry_value_missing: u64,
}

/// What costs are made of, one trade after the other.
#[derive(Debug)]
pub(super) struct CostSums {
    scales: Scales,
    entry_commissions: Column,
    profits: Column,
    values: Column,
    entry_commission: i128,
    /// The results above 0 before commission.
    gross_profit: i128,
    /// What was entered, of the trades whose entry price is known, and their costs.
    value: i128,
    commission: i128,
    slippage: i128,
    missing: u64,
}

impl CostSums {
    pub(super) fn new(scales: Scales) -> CostSums {
        CostSums {
            scales,
            entry_commissions: Column::new("entry commission", scales.entry_commission),
            profits: Column::new("profit before commission", scales.gross),
            values: Column::new("entry value", scales.entry_price),
            entry_commission: 0,
            gross_profit: 0,
            value: 0,
            commission: 0,
            slippage: 0,
            missing: 0,
        }
    }

    /// Takes a trade with its commission and slippage in units.
    pub(super) fn take(
        &mut self,
        trade: &ClosedTrade,
        (commission, slippage): (i128, i128),
    ) -> Result<(), SheetError> {
        self.entry_commission += self.entry_commissions.take(trade.entry_commission, trade)?;
        if 0 < trade.gross.mantissa() {
            self.gross_profit += self.profits.take(trade.gross, trade)?;
        }
        let Some(price) = trade.entry_price else {
            self.missing += 1;
            return Ok(());
        };
        let price = self.scales.entry_price.units(price.value());
        let value = price.and_then(|it| it.checked_mul(i128::from(trade.quantity)));
        self.value += self.values.take_units(value, trade)?;
        self.commission += commission;
        self.slippage += slippage;
        Ok(())
    }

    pub(super) fn costs(&self, all: &Tally, nulls: &mut Nulls) -> Costs {
        let scales = self.scales;
        let commission = scales.commission.exact(all.commission);
        let slippage = scales.slippage.exact(all.slippage);
        let gross_profit = scales.gross.exact(self.gross_profit);
        let value = scales.entry_price.exact(self.value);
        let (known_commission, known_slippage) = (
            scales.commission.exact(self.commission),
            scales.slippage.exact(self.slippage),
        );
        let mut maybe = |name: &str, value: Option<Decimal>, denominator: Exact, blank| {
            let blank = match denominator.is_zero() {
                true => blank,
                false => Blank::DoesNotFit,
            };
            noted(nulls, &format!("costs.{name}"), value.ok_or(blank))
        };
        let mut each = |name, cost: Exact| {
            let trades = Exact::from(all.trades);
            maybe(name, cost.over(trades), trades, Blank::NoTrades)
        };
        let commission_per_trade = each("commission_per_trade", commission);
        let slippage_per_trade = each("slippage_per_trade", slippage);
        let mut of_value = |name, cost| maybe(name, bps(cost, value), value, Blank::NoEntryValue);
        let commission_bps = of_value("commission_bps", known_commission);
        let slippage_bps = of_value("slippage_bps", known_slippage);
        Costs {
            commission,
            commission_per_trade,
            commission_bps,
            commission_of_gross_profit: maybe(
                "commission_of_gross_profit",
                commission.over(gross_profit),
                gross_profit,
                Blank::NoGrossProfit,
            ),
            entry_commission: scales.entry_commission.exact(self.entry_commission),
            slippage,
            slippage_per_trade,
            slippage_bps,
            entry_value: value,
            entry_value_missing: self.missing,
        }
    }
}

fn bps(cost: Exact, value: Exact) -> Option<Decimal> {
    let hundredths = value.nearest()?.checked_div(Decimal::from(10_000))?;
    ratio(cost.nearest()?, hundredths)
}
