//! What a tear sheet can be asked to do otherwise.
//!
//! Always true: the defaults are those of the metrics; a setting that cannot be is refused before anything
//! is added up.

use std::collections::HashMap;

use rust_decimal::Decimal;
use serde::Serialize;

use crate::books::Zone;
use crate::books::metrics::{Basis, BreakevenStreak, Equity, Exact};
use crate::record::field::OrderId;

use super::SheetError;

/// The settings of a tear sheet.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SheetOptions {
    /// Which result counts; the net one by default.
    pub basis: Basis,
    /// What the account began with. Without it there are no percentages.
    pub starting_equity: Option<Equity>,
    /// What the account earned, or lost, between its beginning and the first of the trades; 0 by default.
    /// Where nothing is left of it, there are no percentages either.
    pub earned_before: Exact,
    /// Which days there are; the weekdays by default.
    pub calendar: Calendar,
    /// How many of those days a year has; what the calendar says by default.
    pub periods_per_year: Option<u32>,
    /// What money earns in a year without risk, as a fraction of 1; 0 by default.
    pub rf: Decimal,
    /// How many days a history has to span for a yearly growth; 90 by default.
    pub cagr_days_min: u32,
    /// Results at most this far from 0 are breakevens; 0 by default. No sum knows of it.
    pub breakeven_tolerance: Decimal,
    /// What a breakeven does to a run of wins or losses.
    pub breakeven_in_streak: BreakevenStreak,
    /// Where days, weekdays and months begin; UTC by default. The hour of an entry is always in UTC.
    pub zone: Zone,
    /// How far each order was ahead and behind while it was open, for those of which that is known.
    pub excursions: Option<HashMap<OrderId, Excursion>>,
}

/// Which days have a return.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Calendar {
    /// Monday to Friday; what is closed at a weekend belongs to the Monday after it.
    #[default]
    Business,
    /// Every day, for markets that never close.
    All,
}

/// The worst and the best open result of a trade, in money and before commission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Excursion {
    /// The worst, 0 or less.
    pub mae: Decimal,
    /// The best, 0 or more.
    pub mfe: Decimal,
}

impl Default for SheetOptions {
    fn default() -> SheetOptions {
        SheetOptions {
            basis: Basis::default(),
            starting_equity: None,
            earned_before: Exact::ZERO,
            calendar: Calendar::default(),
            periods_per_year: None,
            rf: Decimal::ZERO,
            cagr_days_min: 90,
            breakeven_tolerance: Decimal::ZERO,
            breakeven_in_streak: BreakevenStreak::default(),
            zone: Zone::default(),
            excursions: None,
        }
    }
}

impl Calendar {
    /// How many of its days a year has.
    #[must_use]
    pub fn periods_per_year(self) -> u32 {
        match self {
            Calendar::Business => 252,
            Calendar::All => 365,
        }
    }
}

impl SheetOptions {
    /// How many days of the calendar count as a year.
    #[must_use]
    pub fn periods(&self) -> u32 {
        self.periods_per_year
            .unwrap_or(self.calendar.periods_per_year())
    }

    /// The equity before the first trade, where it is known.
    pub(super) fn start(&self) -> Result<Option<Exact>, SheetError> {
        let Some(equity) = self.starting_equity else {
            return Ok(None);
        };
        let start = Exact::from(equity.value()).checked_add(self.earned_before);
        let start = start.filter(|it| it.nearest().is_some());
        start.map(Some).ok_or(SheetError::Equity)
    }

    pub(super) fn check(&self) -> Result<(), SheetError> {
        if self.breakeven_tolerance < Decimal::ZERO {
            return Err(SheetError::BreakevenTolerance(self.breakeven_tolerance));
        }
        if self.periods_per_year == Some(0) {
            return Err(SheetError::PeriodsPerYear);
        }
        if self.rf <= Decimal::NEGATIVE_ONE {
            return Err(SheetError::RiskFreeRate(self.rf));
        }
        Ok(())
    }
}
