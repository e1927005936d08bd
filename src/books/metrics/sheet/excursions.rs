//! How far trades were behind and ahead while they were open.
//!
//! Always true: no trade without data counts as one with 0, and data that cannot be are counted and left out.

use rust_decimal::Decimal;
use serde::Serialize;

use crate::books::ClosedTrade;
use crate::books::metrics::{Exact, ratio, rounded};

use super::blank::{Blank, Nulls, noted};
use super::ledger::{Ledger, Side};
use super::r_multiples::Risk;
use super::{Excursion, SheetError, SheetOptions};
use crate::books::json::text_or_null;

/// The excursions of the trades for which they were handed in.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Excursions {
    /// How many trades have them.
    pub count: u64,
    /// How many have none.
    pub missing: u64,
    /// How many have some that cannot be: a worst result above the result itself or 0, or a best one below.
    /// They are in none of the groups.
    pub conflicts: u64,
    /// The wins.
    pub winners: ExcursionGroup,
    /// The losses.
    pub losers: ExcursionGroup,
    /// Neither.
    pub breakevens: ExcursionGroup,
}

/// The excursions of the wins, or of the losses.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ExcursionGroup {
    /// How many.
    pub trades: u64,
    /// The mean of the worst open results.
    #[serde(serialize_with = "text_or_null")]
    pub mae_mean: Option<Decimal>,
    /// The worst of them.
    #[serde(serialize_with = "text_or_null")]
    pub mae_worst: Option<Decimal>,
    /// The mean of the best open results.
    #[serde(serialize_with = "text_or_null")]
    pub mfe_mean: Option<Decimal>,
    /// The best of them.
    #[serde(serialize_with = "text_or_null")]
    pub mfe_best: Option<Decimal>,
    /// How many of them have a risk.
    pub with_risk: u64,
    /// `mae_mean` in units of the risk, of those that have one.
    #[serde(serialize_with = "text_or_null")]
    pub mae_mean_r: Option<Decimal>,
    /// `mae_worst` in units of the risk.
    #[serde(serialize_with = "text_or_null")]
    pub mae_worst_r: Option<Decimal>,
    /// `mfe_mean` in units of the risk, of those that have one.
    #[serde(serialize_with = "text_or_null")]
    pub mfe_mean_r: Option<Decimal>,
    /// `mfe_best` in units of the risk.
    #[serde(serialize_with = "text_or_null")]
    pub mfe_best_r: Option<Decimal>,
}

/// A number of excursions.
#[derive(Default)]
struct Group {
    money: Pair,
    r: Pair,
}

#[derive(Default)]
struct Pair {
    count: u64,
    mae: Exact,
    mae_worst: Decimal,
    mfe: Exact,
    mfe_best: Decimal,
}

impl Excursions {
    pub(super) fn of(
        ledger: &Ledger<'_>,
        options: &SheetOptions,
        nulls: &mut Nulls,
    ) -> Result<Option<Excursions>, SheetError> {
        let Some(given) = options.excursions.as_ref().filter(|it| !it.is_empty()) else {
            nulls.insert("excursions".to_owned(), Blank::NotGiven);
            return Ok(None);
        };
        let (mut count, mut missing, mut conflicts) = (0, 0, 0);
        let (mut winners, mut losers, mut breakevens) =
            (Group::default(), Group::default(), Group::default());
        for row in &ledger.rows {
            let Some(excursion) = given.get(&row.trade.order_id) else {
                missing += 1;
                continue;
            };
            count += 1;
            if excursion.conflicts_with(row.trade) {
                conflicts += 1;
                continue;
            }
            let group = match row.side {
                Side::Win => &mut winners,
                Side::Loss => &mut losers,
                Side::Breakeven => &mut breakevens,
            };
            group.take(*excursion, row.trade)?;
        }
        Ok(Some(Excursions {
            count,
            missing,
            conflicts,
            winners: winners.shown("winners", nulls),
            losers: losers.shown("losers", nulls),
            breakevens: breakevens.shown("breakevens", nulls),
        }))
    }
}

impl Excursion {
    fn conflicts_with(&self, trade: &ClosedTrade) -> bool {
        trade.gross.min(Decimal::ZERO) < self.mae || self.mfe < trade.gross.max(Decimal::ZERO)
    }

    fn over(self, risk: Decimal) -> Option<Excursion> {
        Some(Excursion {
            mae: ratio(self.mae, risk)?,
            mfe: ratio(self.mfe, risk)?,
        })
    }
}

impl Group {
    fn take(&mut self, excursion: Excursion, trade: &ClosedTrade) -> Result<(), SheetError> {
        let too_large = || SheetError::TooLarge {
            field: "excursions",
            order_id: trade.order_id.clone(),
        };
        self.money.take(excursion).ok_or_else(too_large)?;
        if let Risk::Money(risk) = Risk::of(trade)? {
            let in_r = excursion.over(risk).ok_or_else(too_large)?;
            self.r.take(in_r).ok_or_else(too_large)?;
        }
        Ok(())
    }

    fn shown(&self, group: &str, nulls: &mut Nulls) -> ExcursionGroup {
        let mut of = |name: &str, value, pair: &Pair, blank| {
            let value = match pair.count {
                0 => Err(blank),
                _ => Ok(rounded(value)),
            };
            noted(nulls, &format!("excursions.{group}.{name}"), value)
        };
        let (money, r) = (&self.money, &self.r);
        let no_r = match money.count {
            0 => Blank::NoTrades,
            _ => Blank::NoRisk,
        };
        ExcursionGroup {
            trades: money.count,
            mae_mean: of("mae_mean", money.mean(money.mae), money, Blank::NoTrades),
            mae_worst: of("mae_worst", money.mae_worst, money, Blank::NoTrades),
            mfe_mean: of("mfe_mean", money.mean(money.mfe), money, Blank::NoTrades),
            mfe_best: of("mfe_best", money.mfe_best, money, Blank::NoTrades),
            with_risk: r.count,
            mae_mean_r: of("mae_mean_r", r.mean(r.mae), r, no_r),
            mae_worst_r: of("mae_worst_r", r.mae_worst, r, no_r),
            mfe_mean_r: of("mfe_mean_r", r.mean(r.mfe), r, no_r),
            mfe_best_r: of("mfe_best_r", r.mfe_best, r, no_r),
        }
    }
}

impl Pair {
    /// `None` when a sum does not fit.
    fn take(&mut self, excursion: Excursion) -> Option<()> {
        self.count += 1;
        self.mae = self.mae.checked_add(excursion.mae.into())?;
        self.mfe = self.mfe.checked_add(excursion.mfe.into())?;
        self.mae_worst = self.mae_worst.min(excursion.mae);
        self.mfe_best = self.mfe_best.max(excursion.mfe);
        Some(())
    }

    fn mean(&self, sum: Exact) -> Decimal {
        sum.over(self.count).unwrap_or_default()
    }
}
