//! The desk: what a person looks at.
//!
//! Always true:
//! - It reads a journal as it is on disk and writes nothing into it.
//! - What is shown was added up by [`crate::books`]; a picture rounds, a number is exact or says how it is
//!   rounded.
//!
//! Not here: terminals and files, which the program has, and the arithmetic of trades.

pub mod calls;
pub mod compare;
mod exact;
mod fraction;
mod ledger;
pub mod reconcile;
pub mod report;
pub mod tax;
pub mod why;

pub use exact::Average;
pub use ledger::{Ledger, Unread};
