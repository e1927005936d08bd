//! What trading cost.
//!
//! Always true: slippage is inside the prices, and so inside the results; it is told, never taken off again.

use rust_decimal::Decimal;
use serde::Serialize;

use crate::books::metrics::ratio;

use super::SheetError;
use super::blank::{Blank, Nulls, noted};
use super::json::{text, text_or_null};
use super::ledger::{Column, Ledger, Scale};
use super::tally::Tallies;

/// Commission and slippage.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Costs {
    /// The commission of all exits: what lies between the results before and after it.
    #[serde(serialize_with = "text")]
    pub commission: Decimal,
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
    pub entry_commission: Decimal,
    /// How far all prices were from the expected ones.
    #[serde(serialize_with = "text")]
    pub slippage: Decimal,
    /// `slippage` for each trade.
    #[serde(serialize_with = "text_or_null")]
    pub slippage_per_trade: Option<Decimal>,
    /// `slippage` in hundredths of a per cent of the entry value, of the trades whose entry value is known.
    #[serde(serialize_with = "text_or_null")]
    pub slippage_bps: Option<Decimal>,
    /// Entry price x shares, added up.
    #[serde(serialize_with = "text")]
    pub entry_value: Decimal,
    /// How many trades have no entry, so that their entry value is not known.
    pub entry_value_missing: u64,
}

/// What is added up for the trades alone whose entry is known, and before commission.
#[derive(Default)]
struct Sums {
    entry_commission: i128,
    gross_profit: i128,
    value: i128,
    commission: i128,
    slippage: i128,
    missing: u64,
}

impl Costs {
    pub(super) fn of(
        ledger: &Ledger<'_>,
        tallies: &Tallies,
        nulls: &mut Nulls,
    ) -> Result<Costs, SheetError> {
        let scales = Scales::of(ledger);
        let sums = Sums::of(ledger, tallies, scales)?;
        let (all, of) = (&tallies.all, tallies.scales);
        let mut blank = |name: &str, value: Option<Decimal>, reason: Blank| {
            let value = value.ok_or(reason);
            noted(nulls, &format!("costs.{name}"), value)
        };
        let known = (
            of.commission.decimal(sums.commission),
            of.slippage.decimal(sums.slippage),
        );
        let (commission, slippage) = (
            of.commission.decimal(all.commission),
            of.slippage.decimal(all.slippage),
        );
        let trades = Decimal::from(all.trades);
        let value = scales.entry_price.decimal(sums.value);
        let gross_profit = scales.gross.decimal(sums.gross_profit);
        Ok(Costs {
            commission,
            commission_per_trade: blank(
                "commission_per_trade",
                ratio(commission, trades),
                Blank::NoTrades,
            ),
            commission_bps: blank("commission_bps", bps(known.0, value), Blank::NoEntryValue),
            commission_of_gross_profit: blank(
                "commission_of_gross_profit",
                ratio(commission, gross_profit),
                Blank::NoGrossProfit,
            ),
            entry_commission: scales.entry_commission.decimal(sums.entry_commission),
            slippage,
            slippage_per_trade: blank(
                "slippage_per_trade",
                ratio(slippage, trades),
                Blank::NoTrades,
            ),
            slippage_bps: blank("slippage_bps", bps(known.1, value), Blank::NoEntryValue),
            entry_value: value,
            entry_value_missing: sums.missing,
        })
    }
}

fn bps(cost: Decimal, value: Decimal) -> Option<Decimal> {
    let hundredths = value.checked_div(Decimal::from(10_000))?;
    ratio(cost, hundredths)
}

#[derive(Clone, Copy)]
struct Scales {
    gross: Scale,
    entry_commission: Scale,
    entry_price: Scale,
}

impl Scales {
    fn of(ledger: &Ledger<'_>) -> Scales {
        let trades = || ledger.rows.iter().map(|it| it.trade);
        Scales {
            gross: Scale::of(trades().map(|it| it.gross)),
            entry_commission: Scale::of(trades().map(|it| it.entry_commission)),
            entry_price: Scale::of(trades().filter_map(|it| Some(it.entry_price?.value()))),
        }
    }
}

impl Sums {
    fn of(ledger: &Ledger<'_>, tallies: &Tallies, scales: Scales) -> Result<Sums, SheetError> {
        let mut entry_commissions = Column::new("entry commission", scales.entry_commission);
        let mut profits = Column::new("profit before commission", scales.gross);
        let mut values = Column::new("entry value", scales.entry_price);
        let mut sums = Sums::default();
        for trade in ledger.rows.iter().map(|it| it.trade) {
            sums.entry_commission += entry_commissions.take(trade.entry_commission, trade)?;
            if Decimal::ZERO < trade.gross {
                sums.gross_profit += profits.take(trade.gross, trade)?;
            }
            let Some(price) = trade.entry_price else {
                sums.missing += 1;
                continue;
            };
            let price = scales.entry_price.units(price.value());
            let value = price.and_then(|it| it.checked_mul(i128::from(trade.quantity)));
            sums.value += values.take_units(value, trade)?;
            // The whole columns were checked by the tallies.
            let units = |scale: Scale, it| scale.units(it).unwrap_or_default();
            sums.commission += units(tallies.scales.commission, trade.commission);
            sums.slippage += units(tallies.scales.slippage, trade.slippage);
        }
        Ok(sums)
    }
}
