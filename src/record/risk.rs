//! Circuit breakers and limits of risk.
//!
//! Always true: what happened and what was done are words; the configuration behind them is an
//! object and kept as its own text.

use crate::record::Stream;
use crate::record::field::{Amount, JsonObject, Money, RiskSeverity, Word};
use crate::record::table::{no_rules, record_in, table};
use crate::time::Timestamp;

table! {
    /// A limit of risk was met, and something was done.
    pub struct RiskEvent, RiskParts, RawRiskEvent, RiskDraft, rules no_rules;

    /// When.
    timestamp: Timestamp => Timestamp;
    /// What happened: [`RiskEvent::CIRCUIT_BREAKER_TRIP`], or any other word.
    event_type: Word => &Word;
    /// How bad it is.
    severity: RiskSeverity => RiskSeverity;
    /// Profit or loss of the day so far.
    daily_pnl: Money => Money;
    /// The same in per cent of the portfolio.
    daily_pnl_pct: Amount => Amount;
    /// How many of the last trades in a row were lost.
    consecutive_losses: u32 => u32;
    /// What was done: [`RiskEvent::TRADING_PAUSED`], or any other word.
    action_taken: Word => &Word;
    /// The settings that mattered.
    config_snapshot: JsonObject => &JsonObject;
}

record_in!(Stream::RiskManagement, RiskEvent, timestamp);

impl RiskEvent {
    /// The event of a circuit breaker that stopped trading.
    pub const CIRCUIT_BREAKER_TRIP: Word = Word::known("circuit_breaker_trip");
    /// The event of a position that would have been too large.
    pub const POSITION_LIMIT_EXCEEDED: Word = Word::known("position_limit_exceeded");
    /// The action of stopping to trade.
    pub const TRADING_PAUSED: Word = Word::known("trading_paused");
    /// The action of refusing a position.
    pub const POSITION_REJECTED: Word = Word::known("position_rejected");
}
