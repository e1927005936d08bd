//! Taxes: which lots were sold, what was gained, which losses do not count yet.
//!
//! Always true:
//! - Sums are whole cents and quantities whole parts of a unit; what is split adds up to the cent.
//! - The order of the executions handed in does not matter, but among those of one instant.
//! - Before a book is handed out its sums are held against those of the executions. What does not balance is
//!   an error and no book.
//! - There is no lot without a purchase. A sale of what is not there is an error that names it.
//!
//! Not here: short sales, options, corporate actions beyond splits; the forms, which `desk` writes.

mod amounts;
mod balance;
mod book;
mod engine;
mod error;
mod execution;
mod lots;
mod matching;
mod numbers;
mod options;
mod pools;
mod sale;
mod splits;
mod term;
#[cfg(test)]
mod tests;
mod trades;
mod wash;

pub use amounts::{Cents, CentsError, PLACES, Units};
pub use book::{Book, Disposal, OpenLot, Wash};
pub use engine::Engine;
pub use error::TaxError;
pub use execution::{Carried, Execution, NamedLot};
pub use options::{LotScope, Method, Options, Split, Tack, UnknownMethod, WashRules, WashScope};
pub use term::Term;
