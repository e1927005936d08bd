//! Why an order was placed, and what came of it.
//!
//! Always true:
//! - Each entry is a line of the journal, with what it takes to prove it.
//! - An entry that names the order is linked by the order. One that does not says so: a decision is then the
//!   last one about the same symbol before the order, an error or a risk event is around it in time.
//! - Sums of fills are exact; an average is a fraction.
//!
//! Not here: whether the decision was good.

mod find;
mod named;
#[cfg(test)]
mod tests;

use std::time::Duration;

use rust_decimal::Decimal;

use crate::desk::{Average, Unread};
use crate::record::field::{Action, Pair};
use crate::record::{
    CallRecord, DecisionRecord, Digest, ErrorRecord, FillRecord, RiskEvent, Stream, TradeRecord,
};
use crate::time::Timestamp;

/// Everything that a journal has about an order, in time order.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Why {
    /// All ids that the order has, the one that was asked for first.
    pub ids: Vec<String>,
    /// The lines.
    pub entries: Vec<Entry>,
    /// What the fills come to, for each symbol and direction: one, unless an id was given twice.
    pub filled: Vec<Filled>,
    /// What could not be read.
    pub unread: Unread,
}

/// One line of the journal.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Entry {
    /// When it happened.
    pub at: Timestamp,
    /// Its stream.
    pub stream: Stream,
    /// Its number; nothing where the line is one of an older log.
    pub seq: Option<u64>,
    /// Its hash.
    pub hash: Option<Digest>,
    /// Why it is here.
    pub link: Link,
    /// What it says.
    pub event: Event,
}

/// Why a line belongs to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Link {
    /// It names the order.
    Order,
    /// It is about the same symbol, so long before the order.
    SymbolBefore(Duration),
    /// So long before the first line that names the order.
    Before(Duration),
    /// Between the lines that name the order.
    During,
    /// So long after the last line that names the order.
    After(Duration),
}

/// What a line says.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// What was decided, and from what.
    Decision(Box<DecisionRecord>),
    /// An output of the bot: the order being placed, changed or cancelled.
    Call(Box<CallRecord>),
    /// A fill, and what all fills up to it come to.
    Fill(Box<FillRecord>, Option<Filled>),
    /// An entry or an exit of the audit trail.
    Trade(Box<TradeRecord>),
    /// Something went wrong.
    Error(Box<ErrorRecord>),
    /// A limit of risk was met.
    Risk(Box<RiskEvent>),
}

/// What fills come to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Filled {
    /// What was traded.
    pub symbol: Pair,
    /// The direction.
    pub side: Action,
    /// How many fills there are.
    pub fills: u64,
    /// Size, cost and average, exactly; nothing where they have more digits than a decimal.
    pub sums: Option<Sums>,
}

/// Sums of fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sums {
    /// How many units.
    pub size: Decimal,
    /// What they cost.
    pub total: Decimal,
    /// What one cost.
    pub average: Average,
}

impl Why {
    /// Whether any line names the order.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.entries.iter().any(|it| it.link == Link::Order)
    }

    /// Where an order is looked for.
    pub const STREAMS: [Stream; 5] = [
        Stream::Fills,
        Stream::Trades,
        Stream::Decisions,
        Stream::Calls,
        Stream::Errors,
    ];
}
