//! Decisions: what a strategy chose to do, from what, and why.
//!
//! Always true: unix time and RFC 3339 name the same instant; parameters and result are objects
//! and kept as their own text.

use crate::record::Stream;
use crate::record::field::{JsonObject, Note, Pair, Text, Word};
use crate::record::table::{no_rules, record_in, table};

table! {
    /// A strategy decided something.
    pub struct DecisionRecord, DecisionParts, RawDecision, DecisionDraft, rules no_rules,
        unix timestamp, iso datetime_utc;

    /// What kind of decision: [`DecisionRecord::RISK_CHECK`] and others, or any other word.
    decision_type: Word => &Word;
    /// What it is about, where it is about one thing.
    symbol: Option<Pair> => Option<&Pair>;
    /// What the strategy knew.
    parameters: JsonObject => &JsonObject;
    /// What it decided.
    result: JsonObject => &JsonObject;
    /// Why, in words.
    reason: Text => &str;
    /// Whatever else is to be said.
    notes: Note => &str;
}

record_in!(Stream::Decisions, DecisionRecord, timestamp);

impl DecisionRecord {
    /// A spread was calculated.
    pub const SPREAD_CALCULATION: Word = Word::known("spread_calculation");
    /// A limit of risk was looked at.
    pub const RISK_CHECK: Word = Word::known("risk_check");
    /// A position was brought back to its size.
    pub const REBALANCE: Word = Word::known("rebalance");
    /// An order was placed.
    pub const ORDER_PLACEMENT: Word = Word::known("order_placement");
}
