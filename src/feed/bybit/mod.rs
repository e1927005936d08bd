//! The exchange Bybit, version 5: what it says, what is kept of it, and what is known to be missing.
//!
//! Always true:
//! - Nothing here opens a socket or looks at a clock. Whoever does hands over what came, and when.
//! - Prices and sizes stay the text that they came as. What is not known is kept as it came, and counted.
//! - What may have been missed is a [`Gap`], and it is called filled only by proof.
//!
//! Not here: sockets and requests (`driver::bybit`), the database (`driver::sqlite`).

mod account;
mod category;
mod gap;
mod member;
mod store;
mod ticker;
mod trade;

pub use account::{AccountKind, AccountRow};
pub use category::Category;
pub use gap::{Cause, Fill, Gap, GapEnd, GapId, GapState, Point, Stream, StreamKind};
pub use member::{Member, Members};
pub use store::{
    Entry, Known, Origin, RawFrame, RunEnd, RunId, RunStart, Store, StoreError, StoreSize, Written,
};
pub use ticker::{Ticker, TickerKind};
pub use trade::{Trade, TradeError};

/// Milliseconds since 1970, as the exchange counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Millis(pub i64);
