//! The desk: what a person looks at.
//!
//! Always true:
//! - It reads a journal as it is on disk and writes nothing into it.
//! - What is shown was added up by [`crate::books`]; a picture rounds, a number is exact or says how it is
//!   rounded.
//!
//! Not here: terminals and files, which the program has, and the arithmetic of trades.

mod ledger;
pub mod reconcile;
pub mod report;
pub mod tax;

pub use ledger::{Ledger, Unread};
