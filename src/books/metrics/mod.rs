//! Metrics of closed trades.
//!
//! Always true:
//! - What is counted, summed and compared is exact; a root, a power or a logarithm is taken of exact
//!   numbers, last.
//! - A ratio is a decimal, rounded half to even at [`RATIO_PLACES`] places.
//! - `max_drawdown_pct` is in per cent and 0 or less; every other ratio is a fraction of 1.
//!
//! Not here: where trades come from, and how numbers are shown.

pub mod sheet;

use rust_decimal::{Decimal, RoundingStrategy};

use super::ClosedTrade;

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
