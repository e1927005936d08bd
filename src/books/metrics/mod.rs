//! Metrics of closed trades.
//!
//! Always true:
//! - What is counted, summed and compared is exact; a root, a power or a logarithm is taken of exact
//!   numbers, last.
//! - A ratio is a decimal, rounded half to even at [`RATIO_PLACES`] places.
//! - `max_drawdown_pct` is in per cent and 0 or less; every other ratio is a fraction of 1.
//!
//! Not here: where trades come from, and how numbers are shown.

#[cfg(test)]
mod tests;

mod drawdown;
mod exact;
mod rolling;
mod rule;
mod scopes;
pub mod sheet;
mod units;

use std::fmt;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::Serialize;

use super::ClosedTrade;
use crate::record::field::Word;

pub use exact::{Exact, ExactError};
pub use rolling::{Fractions, Rolling, RollingError, RollingMetrics, WINDOW};
pub use rule::{Alert, AlertEvent, Level, Metric, Rule, RuleError, RuleParts};
pub use scopes::{Books, ScopeKind, Told, Windows};
pub use sheet::{SheetError, SheetOptions, TearSheet};

/// How many places a ratio has at most.
pub const RATIO_PLACES: u32 = 12;

/// Which result of a trade counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Basis {
    /// After commission.
    #[default]
    Net,
    /// Before commission.
    Gross,
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Basis::Net => "net",
            Basis::Gross => "gross",
        })
    }
}

impl Basis {
    /// The result of a trade.
    #[must_use]
    pub fn of(self, trade: &ClosedTrade) -> Decimal {
        match self {
            Basis::Net => trade.net,
            Basis::Gross => trade.gross,
        }
    }
}

/// What a breakeven does to a run of losses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BreakevenStreak {
    /// It ends it.
    #[default]
    Ends,
    /// It counts as a loss.
    Loses,
    /// It is passed over.
    Skips,
}

/// Why a value is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// No trade was closed.
    NoTrades,
    /// Nothing was lost.
    NoLosses,
    /// Nothing was lost, and nothing won.
    NoProfitNoLoss,
}

impl Status {
    /// Why there is no profit factor; `None` when there is one.
    pub(crate) fn of_factor(trades: u32, profit: i128, loss: i128) -> Option<Status> {
        match (trades, profit, loss) {
            (0, _, _) => Some(Status::NoTrades),
            (_, 0, 0) => Some(Status::NoProfitNoLoss),
            (_, _, 0) => Some(Status::NoLosses),
            _ => None,
        }
    }

    /// As a record has it.
    #[must_use]
    pub fn word(self) -> Word {
        match self {
            Status::NoTrades => Word::known("no_trades"),
            Status::NoLosses => Word::known("no_losses"),
            Status::NoProfitNoLoss => Word::known("no_profit_no_loss"),
        }
    }
}

/// What an account began with: above 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Equity(Decimal);

/// A starting equity that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("starting equity must be above 0, got {0}")]
pub struct EquityError(pub Decimal);

impl Equity {
    /// That much.
    ///
    /// # Errors
    /// [`EquityError`] when it is not above 0.
    pub fn new(value: Decimal) -> Result<Equity, EquityError> {
        match value.mantissa() {
            1.. => Ok(Equity(value)),
            _ => Err(EquityError(value)),
        }
    }

    /// The exact number.
    #[must_use]
    pub fn value(self) -> Decimal {
        self.0
    }
}

/// A quotient as it is reported; `None` when the denominator is 0 or it does not fit.
pub(crate) fn ratio(numerator: Decimal, denominator: Decimal) -> Option<Decimal> {
    numerator.checked_div(denominator).map(rounded)
}

/// A number as it is reported, without zeros at its end.
pub(crate) fn rounded(value: Decimal) -> Decimal {
    value
        .round_dp_with_strategy(RATIO_PLACES, RoundingStrategy::MidpointNearestEven)
        .normalize()
}
