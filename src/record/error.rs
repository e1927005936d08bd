//! Errors: what went wrong while trading, and what was done about it.
//!
//! Always true: unix time and RFC 3339 name the same instant; there is a message.

use crate::record::Stream;
use crate::record::field::{Note, Pair, Severity, Text, Word};
use crate::record::table::{no_rules, record_in, table};

table! {
    /// Something went wrong.
    pub struct ErrorRecord, ErrorParts, RawError, ErrorDraft, rules no_rules,
        unix timestamp, iso datetime_utc;

    /// What kind of error: [`ErrorRecord::API_ERROR`] and others, or any other word.
    error_type: Word => &Word;
    /// How bad it is.
    severity: Severity => Severity;
    /// What was traded, where it is about one thing.
    symbol: Option<Pair> => Option<&Pair>;
    /// What went wrong, in words.
    message: Text => &str;
    /// The type of the error in the program.
    exception_type: Note => &str;
    /// What the error in the program says.
    exception_message: Note => &str;
    /// Where in the program.
    stack_trace: Note => &str;
    /// What was done to go on.
    recovery_action: Note => &str;
    /// Whatever else is to be said.
    notes: Note => &str;
}

record_in!(Stream::Errors, ErrorRecord, timestamp);

impl ErrorRecord {
    /// An order was not taken.
    pub const ORDER_FAILED: Word = Word::known("order_failed");
    /// The exchange's interface failed.
    pub const API_ERROR: Word = Word::known("api_error");
    /// The strategy failed.
    pub const STRATEGY_ERROR: Word = Word::known("strategy_error");
    /// A limit of risk was broken.
    pub const RISK_BREACH: Word = Word::known("risk_breach");

    /// The error of these parts: no rule stands between them, and it can be logged whatever went wrong.
    pub(crate) fn of(parts: ErrorParts) -> ErrorRecord {
        ErrorRecord(parts)
    }
}
