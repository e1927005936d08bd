//! The values a journal holds: a value of one of these types is a legal record.
//!
//! Always true:
//! - Bytes become a record through one door ([`Record::decode`], which serde uses too); what comes
//!   out needs no second check.
//! - A record that was refused names every wrong field with its rule and its value.
//! - A record has one text: its fields in declared order as compact JSON. What was read from a
//!   text that this version wrote writes the same bytes again.
//! - A record of an older version (optional fields missing) and one of a newer (unknown fields)
//!   can be read.
//!
//! Not here: files, threads, the clock.

mod audit;
mod call;
mod decision;
mod door;
mod error;
pub mod field;
mod fill;
mod invalid;
mod metric;
pub mod personal;
mod risk;
mod session;
mod stamp;
mod stream;
mod table;
mod trade;

use std::fmt;

use crate::time::Timestamp;

pub use audit::{
    Archived, ArchivedParts, AuditEvent, AuditKind, ClockStepped, ClockSteppedParts,
    DamageAccepted, DamageAcceptedParts, DayClosed, DayClosedParts, Deleted, DeletedParts, Dropped,
    DroppedParts, HeadRebuilt, HeadRebuiltParts, Recovered, RecoveredParts, Restored,
    RestoredParts,
};
pub use call::{CallParts, CallRecord, RawCall};
pub use decision::{DecisionParts, DecisionRecord, RawDecision};
pub use door::{RESERVED, decode_new, unknown_fields};
pub use error::{ErrorParts, ErrorRecord, RawError};
pub use field::Digest;
pub use fill::{FillParts, FillRecord, RawFill};
pub use invalid::{Invalid, Problem};
pub use metric::{PerformanceMetric, PerformanceParts, RawPerformance};
pub use risk::{RawRiskEvent, RiskEvent, RiskParts};
pub use session::{RawSession, SessionParts, SessionRecord};
pub use stamp::Stamp;
pub use stream::{Stream, UnknownStream};
pub use trade::{EntryBuilder, ExitBuilder, RawTrade, TradeParts, TradeRecord};

/// What can stand in a stream.
pub trait Record: Clone + fmt::Debug + PartialEq + Send + Sync + 'static {
    /// The stream it belongs to.
    const STREAM: Stream;

    /// The names of the fields it knows, in the order of the JSON.
    const FIELDS: &'static [&'static str];

    /// When what it tells of happened.
    fn timestamp(&self) -> Timestamp;

    /// Appends the record as one compact JSON object: fields in declared order, `null` for what
    /// is absent, no newline.
    fn encode(&self, out: &mut Vec<u8>);

    /// Reads one JSON object. Unknown fields are ignored; the lines of a journal have its own
    /// three at their end.
    ///
    /// # Errors
    /// Where it stops being JSON, or every field that breaks a rule.
    fn decode(json: &[u8]) -> Result<Self, Invalid> {
        Self::decode_str(door::utf8(json)?)
    }

    /// The same from a text: for who has checked a whole block of lines to be UTF-8.
    ///
    /// # Errors
    /// As [`Record::decode`].
    fn decode_str(json: &str) -> Result<Self, Invalid>;

    /// The same into the memory of the record in `slot`, which is replaced. After an error, `slot`
    /// holds nothing or any legal record.
    ///
    /// # Errors
    /// As [`Record::decode`].
    fn decode_into(json: &[u8], slot: &mut Option<Self>) -> Result<(), Invalid> {
        Self::decode_str_into(door::utf8(json)?, slot)
    }

    /// [`Record::decode_into`] from a text.
    ///
    /// # Errors
    /// As [`Record::decode`].
    fn decode_str_into(json: &str, slot: &mut Option<Self>) -> Result<(), Invalid> {
        *slot = Some(Self::decode_str(json)?);
        Ok(())
    }

    /// Shows every free text with the name of its field, for the personal-data check.
    fn texts(&self, visit: &mut dyn FnMut(&'static str, &str));
}
