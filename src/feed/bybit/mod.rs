//! The exchange Bybit, version 5: what it says, what is kept of it, and what is known to be missing.
//!
//! Always true:
//! - Nothing here opens a socket or looks at a clock. Whoever does hands over what came, and when.
//! - Prices and sizes stay the text that they came as. What is not known is kept as it came, and counted.
//! - What may have been missed is a [`Gap`], and it is called filled only by proof.
//!
//! Not here: sockets and requests (`driver::bybit`), the database (`driver::sqlite`).

mod account;
mod account_watch;
mod capture;
mod category;
mod filling;
mod frame;
mod gap;
mod line;
mod member;
mod proof;
mod queue;
mod request;
mod sign;
mod store;
#[cfg(test)]
mod tests;
mod ticker;
mod timing;
mod track;
mod trade;
mod writer;

pub use account::{AccountKind, AccountRow};
pub use capture::{Capture, CaptureOptions, Done, Step, Tally, Task};
pub use category::Category;
pub use gap::{Cause, Fill, Gap, GapEnd, GapId, GapState, Point, Stream, StreamKind};
pub use line::Socket;
pub use member::{Member, Members};
pub use queue::Queue;
pub use request::{Answer, AnswerError, Request};
pub use sign::Keys;
pub use store::{
    Entry, Known, Origin, RawFrame, RunEnd, RunId, RunStart, Store, StoreError, StoreSize, Written,
};
pub use ticker::{Ticker, TickerKind};
pub use timing::Timing;
pub use trade::{Trade, TradeError};
pub use writer::{Writer, WriterOptions, WriterState};

/// Milliseconds since 1970, as the exchange counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Millis(pub i64);

impl Millis {
    /// Those of an instant.
    #[must_use]
    pub fn of(time: crate::time::Timestamp) -> Millis {
        Millis(i64::try_from(time.unix_nanos().div_euclid(1_000_000)).unwrap_or(i64::MAX))
    }
}

impl std::fmt::Display for Millis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
