//! Live fills beside a backtest's predictions.
//!
//! ```text
//! rows of a file -> Expected --+
//!                              +-> pair up -> Comparison (missing, extra, deviations, totals)
//! stream fills or trades -> Live
//! ```
//!
//! Always true:
//! - Fills of one order, symbol and direction are one trade, on both sides.
//! - A trade of one side is matched with at most one of the other: by order id where both have it, else by
//!   symbol, direction and time, the nearest first.
//! - A deviation above 0 is worse for the trader. Prices deviate by fractions; only what is shown is rounded,
//!   and it is said to how many places.
//!
//! Not here: files and time zones, which the program has.

mod expected;
mod live;
mod matching;
mod measure;
#[cfg(test)]
mod tests;
mod tolerance;
mod traded;

pub use expected::{COLUMNS, Expected, ExpectedError};
pub use live::{Live, LiveStream};
pub use matching::{By, Match};
pub use measure::{Comparison, Effect, Rules, Slippage, compare};
pub use tolerance::{Tolerance, ToleranceError};
pub use traded::Traded;

pub use crate::desk::fraction::Fraction;
pub use crate::desk::reconcile::{Row, RowError, Span};
