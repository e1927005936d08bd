//! The books: what the records of a journal add up to.
//!
//! Always true:
//! - Pure arithmetic over records: no journal, no disk, no clock. A bot can use it in memory.
//! - Money is exact. What does not fit is refused, never rounded.
//! - A value that is not defined is `None`, and says why; there is no stand-in for it.
//!
//! Not here: reading journals (`bot`, `desk`), and the words that people read.

mod activity;
mod amounts;
mod batch;
mod closed;
mod closing;
mod ids;
pub(crate) mod json;
pub mod metrics;
mod order;
mod origin;
mod pairing;
pub mod risk;
pub mod tax;
pub(crate) mod wide;
mod zone;

pub use activity::{Activity, ActivitySummary};
pub(crate) use batch::Batch;
pub use closed::{ClosedTrade, OpenOrder, SumError};
pub use closing::Closing;
pub(crate) use order::{Leg, Legs};
pub(crate) use pairing::{Closings, Endings, all_open, good, merged};
pub use pairing::{PairNotes, Pairing, Step, closed_trades};
pub use zone::Zone;
