//! How the last trades went, and the alerts about it.
//!
//! Always true: `win_rate` is from 0 to 1, `profit_factor` 0 or more, `max_drawdown_pct` 0 or less.
//! Where one of the first two is not defined (no closed trade, no loss) it is `null`, and `status`
//! can say why.
//!
//! Not here: the arithmetic that leads to the numbers.

use std::num::NonZeroU32;

use crate::record::Stream;
use crate::record::field::{AlertEvent, Drawdown, ExecutionMode, Factor, Text, WinRate, Word};
use crate::record::table::{no_rules, record_in, table};
use crate::time::Timestamp;

table! {
    /// How the last trades of a rolling window went.
    pub struct PerformanceMetric, PerformanceParts, RawPerformance, PerformanceDraft, rules no_rules;

    /// When it was calculated.
    timestamp: Timestamp => Timestamp;
    /// How many trades the window takes.
    window_size: NonZeroU32 => NonZeroU32;
    /// The part of them that won, from 0 to 1.
    win_rate: Option<WinRate> => Option<WinRate>;
    /// Gross profit for each unit of gross loss.
    profit_factor: Option<Factor> => Option<Factor>;
    /// The largest fall from a peak, in per cent, 0 or less.
    max_drawdown_pct: Drawdown => Drawdown;
    /// How many of the last trades in a row were lost.
    consecutive_losses: u32 => u32;
    /// How many trades are in the window.
    total_trades: u32 => u32;
    /// Whether a threshold is broken.
    alert_triggered: bool => bool;
    /// What to tell a person about it.
    alert_message: Option<Text> => Option<&str>;
    /// Paper or live, where the window is of one of them.
    execution_mode: Option<ExecutionMode> => Option<ExecutionMode>;
    /// What the window is of: all trades, one strategy, one symbol.
    scope: Option<Text> => Option<&str>;
    /// The rule that made the alert.
    rule_id: Option<Text> => Option<&str>;
    /// Whether the alert fired or is over.
    event: Option<AlertEvent> => Option<AlertEvent>;
    /// Why a value is `null`, such as `no_losses`.
    status: Option<Word> => Option<&Word>;
}

record_in!(Stream::PerformanceAlerts, PerformanceMetric, timestamp);
