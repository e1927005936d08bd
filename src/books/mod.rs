//! The books: what the records of a journal add up to.
//!
//! Always true:
//! - Pure arithmetic over records: no journal, no disk, no clock. A bot can use it in memory.
//! - Money is exact. What does not fit is refused, never rounded.
//! - A value that is not defined is `None`, and says why; there is no stand-in for it.
//!
//! Not here: reading journals (`bot`, `desk`), and the words that people read.

mod closed;
pub(crate) mod json;
pub mod metrics;
mod order;
mod pairing;
pub mod risk;
pub mod tax;
pub(crate) mod wide;
mod zone;

pub use closed::{ClosedTrade, OpenOrder, SumError};
pub(crate) use order::{Leg, Legs};
pub use pairing::{PairNotes, Pairing, Step, closed_trades};
pub(crate) use pairing::{all_open, each_closed, good};
pub use zone::Zone;
