//! What the program knows of each stream: its record, its columns.
//!
//! Always true: every stream of this version is in every table here; the columns come in the
//! order in which they may be left out, the last one first.
//!
//! Not here: the streams themselves.

use tradejournal::record::{
    AuditEvent, CallRecord, DecisionRecord, ErrorRecord, FillRecord, PerformanceMetric, Record,
    RiskEvent, SessionRecord, Stream, TradeRecord,
};

use crate::failure::Failure;

/// Something to be done with the record of a stream.
pub(crate) trait ForRecord {
    type Result;

    fn run<R: Record>(self) -> Self::Result;
}

/// Does it with the record of `stream`.
pub(crate) fn with_record<W: ForRecord>(stream: Stream, what: W) -> Result<W::Result, Failure> {
    Ok(match stream {
        Stream::Trades => what.run::<TradeRecord>(),
        Stream::PerformanceAlerts => what.run::<PerformanceMetric>(),
        Stream::RiskManagement => what.run::<RiskEvent>(),
        Stream::Sessions => what.run::<SessionRecord>(),
        Stream::Fills => what.run::<FillRecord>(),
        Stream::Decisions => what.run::<DecisionRecord>(),
        Stream::Errors => what.run::<ErrorRecord>(),
        Stream::Calls => what.run::<CallRecord>(),
        Stream::Audit => what.run::<AuditEvent>(),
        other => {
            return Err(Failure::new(format!(
                "this program does not know `{other}`"
            )));
        }
    })
}

/// The fields of the stream's record, in the order of its JSON.
pub(crate) fn fields(stream: Stream) -> &'static [&'static str] {
    struct Fields;
    impl ForRecord for Fields {
        type Result = &'static [&'static str];

        fn run<R: Record>(self) -> Self::Result {
            R::FIELDS
        }
    }
    with_record(stream, Fields).unwrap_or_default()
}

/// How the values of a column are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A time, in the zone of the settings.
    Time,
    /// Numbers, to the right.
    Number,
    /// A short word.
    Word,
    /// A free text, cut where there is no room.
    Text,
}

/// A column of a stream's table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    /// The field, or the first of several that has a value; none for whatever is left.
    pub(crate) names: &'static [&'static str],
    pub(crate) title: &'static str,
    pub(crate) shape: Shape,
}

const fn field(names: &'static [&'static str], title: &'static str, shape: Shape) -> Field {
    Field {
        names,
        title,
        shape,
    }
}

/// The columns of the stream's table.
pub(crate) fn columns(stream: Stream) -> &'static [Field] {
    match stream {
        Stream::Trades => TRADES,
        Stream::PerformanceAlerts => PERFORMANCE_ALERTS,
        Stream::RiskManagement => RISK_MANAGEMENT,
        Stream::Sessions => SESSIONS,
        Stream::Fills => FILLS,
        Stream::Decisions => DECISIONS,
        Stream::Errors => ERRORS,
        Stream::Calls => CALLS,
        _ => AUDIT,
    }
}

const SEQ: Field = field(&["seq"], "seq", Shape::Number);
const TIME: Field = field(&["timestamp"], "time", Shape::Time);
const UNIX_TIME: Field = field(&["datetime_utc"], "time", Shape::Time);
const SYMBOL: Field = field(&["symbol"], "symbol", Shape::Word);

const TRADES: &[Field] = &[
    SEQ,
    TIME,
    SYMBOL,
    field(&["action"], "action", Shape::Word),
    field(&["quantity"], "qty", Shape::Number),
    field(&["price"], "price", Shape::Number),
    field(&["outcome"], "outcome", Shape::Word),
    field(
        &["net_profit_loss", "profit_loss"],
        "net p&l",
        Shape::Number,
    ),
    field(&["strategy_name"], "strategy", Shape::Text),
    field(&["order_id"], "order", Shape::Text),
    field(&["execution_mode"], "mode", Shape::Word),
    field(
        &["exit_reasoning", "decision_reasoning"],
        "why",
        Shape::Text,
    ),
];

const PERFORMANCE_ALERTS: &[Field] = &[
    SEQ,
    TIME,
    field(&["window_size"], "window", Shape::Number),
    field(&["win_rate"], "win rate", Shape::Number),
    field(&["profit_factor"], "factor", Shape::Number),
    field(&["max_drawdown_pct"], "drawdown %", Shape::Number),
    field(&["consecutive_losses"], "losses", Shape::Number),
    field(&["total_trades"], "trades", Shape::Number),
    field(&["alert_triggered"], "alert", Shape::Word),
    field(&["alert_message"], "message", Shape::Text),
];

const RISK_MANAGEMENT: &[Field] = &[
    SEQ,
    TIME,
    field(&["severity"], "severity", Shape::Word),
    field(&["event_type"], "event", Shape::Text),
    field(&["action_taken"], "action", Shape::Text),
    field(&["daily_pnl"], "day p&l", Shape::Number),
    field(&["daily_pnl_pct"], "day %", Shape::Number),
    field(&["consecutive_losses"], "losses", Shape::Number),
];

const SESSIONS: &[Field] = &[
    SEQ,
    field(&["start_timestamp"], "start", Shape::Time),
    field(&["session_id"], "session", Shape::Word),
    field(&["bot_version"], "version", Shape::Word),
    field(&["config_hash"], "config", Shape::Text),
    field(&["configuration"], "configuration", Shape::Text),
    field(&["metadata"], "metadata", Shape::Text),
];

const FILLS: &[Field] = &[
    SEQ,
    UNIX_TIME,
    SYMBOL,
    field(&["side"], "side", Shape::Word),
    field(&["size"], "size", Shape::Number),
    field(&["price"], "price", Shape::Number),
    field(&["fee"], "fee", Shape::Number),
    field(&["fee_asset"], "in", Shape::Word),
    field(&["realized_pnl"], "p&l", Shape::Number),
    field(&["order_type"], "type", Shape::Word),
    field(&["order_id"], "order", Shape::Text),
    field(&["notes"], "notes", Shape::Text),
];

const DECISIONS: &[Field] = &[
    SEQ,
    UNIX_TIME,
    field(&["decision_type"], "decision", Shape::Text),
    SYMBOL,
    field(&["reason"], "reason", Shape::Text),
    field(&["result"], "result", Shape::Text),
    field(&["notes"], "notes", Shape::Text),
];

const ERRORS: &[Field] = &[
    SEQ,
    UNIX_TIME,
    field(&["severity"], "severity", Shape::Word),
    field(&["error_type"], "error", Shape::Text),
    SYMBOL,
    field(&["message"], "message", Shape::Text),
    field(&["recovery_action"], "recovery", Shape::Text),
];

const CALLS: &[Field] = &[
    SEQ,
    TIME,
    field(&["method"], "method", Shape::Text),
    field(&["duration_ns"], "ns", Shape::Number),
    field(&["error"], "error", Shape::Text),
    field(&["args"], "args", Shape::Text),
    field(&["kwargs"], "by name", Shape::Text),
    field(&["result"], "result", Shape::Text),
];

const AUDIT: &[Field] = &[
    SEQ,
    TIME,
    field(&["kind"], "event", Shape::Word),
    field(&["stream"], "stream", Shape::Word),
    field(&["day"], "day", Shape::Word),
    field(&[], "details", Shape::Text),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_a_field_of_the_record() {
        for stream in Stream::ALL {
            for column in columns(stream) {
                let known = fields(stream);
                let is_known = |it: &str| it == "seq" || known.contains(&it);
                assert!(
                    column.names.iter().all(|it| is_known(it)),
                    "{stream} {column:?}"
                );
            }
        }
    }
}
