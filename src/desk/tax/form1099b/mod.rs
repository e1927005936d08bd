//! A broker's Form 1099-B against the tax book: where they differ, and why that is to be expected.
//!
//! ```text
//! header -> Columns        rows -> Form ------+
//!                                             +-> compare -> Comparison
//! executions -> one book, and one a guess ----+
//! ```
//!
//! Always true:
//! - A form names no orders, so what is compared is all that one account sold of one symbol on one day.
//! - A cause is named where the numbers show it: the difference is gone when the book is made as a
//!   broker makes it, or is exactly the sum that the cause accounts for.
//! - Nothing is mended. What differs is told with both values.
//!
//! Not here: files, and which executions there are.

mod cause;
mod cell;
mod columns;
mod compare;
mod explain;
mod figures;
mod form;
mod pairs;
mod symbols;
#[cfg(test)]
mod tests;
mod views;

pub use cause::Cause;
pub use columns::{Column, Columns, ColumnsError, Named, UnknownColumn};
pub use compare::{
    CompareError, Comparison, Difference, Request, Sale, What, compare, suggestions,
};
pub use figures::{Figures, Lot, Total, Totals};
pub use form::{Acquired, Form, Reading, Reported, Unnamed};
