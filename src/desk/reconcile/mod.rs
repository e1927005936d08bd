//! Reconciling: the journal's trades against a broker's order history.
//!
//! ```text
//! header -> Columns        rows -> History -+
//!                                           +-> compare -> Comparison -> recover -> records
//!                       journal -> Book ----+
//! ```
//!
//! Always true:
//! - Orders are matched by id, never by equal values.
//! - All arithmetic is exact; an average is a fraction.
//! - Nothing is passed over without being counted.
//!
//! Not here: files and time zones, which the program has, and writing what was recovered.

mod book;
mod cell;
mod columns;
mod compare;
mod history;
mod recover;
#[cfg(test)]
mod tests;

pub use crate::desk::exact::Average;
pub use book::{Book, Booked, Key};
pub(in crate::desk) use cell::decimal;
pub use cell::{Intent, Words};
pub use columns::{Column, Columns, ColumnsError, Format, Named, UnknownColumn};
pub use compare::{Comparison, Difference, Different, Extra, Missing, Span, What, compare};
pub use history::{BrokerOrder, History, Reading, Row, RowError};
pub use recover::{LeftOut, Recovered, Recovery, recover};
