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
pub(crate) mod cell;
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
    DroppedParts, HeadRebuilt, HeadRebuiltParts, HoldAdded, HoldAddedParts, HoldLifted,
    HoldLiftedParts, Recovered, RecoveredParts, Restored, RestoredParts,
};
pub use call::{CallParts, CallRecord, RawCall};
pub use decision::{DecisionParts, DecisionRecord, RawDecision};
pub use door::{RESERVED, decode_new, unknown_fields};
pub(crate) use door::{members, utf8};
pub use error::{ErrorParts, ErrorRecord, RawError};
pub use field::Digest;
pub use fill::{FillParts, FillRecord, RawFill};
pub use invalid::{Invalid, Problem};
pub use metric::{PerformanceMetric, PerformanceParts, RawPerformance};
pub use risk::{RawRiskEvent, RiskEvent, RiskParts};
pub use session::{RawSession, SessionParts, SessionRecord};
pub use stamp::Stamp;
pub use stream::{Stream, UnknownStream};
pub(crate) use trade::entry::taken;
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

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use serde::de::DeserializeOwned;

    use super::*;

    macro_rules! golden {
        ($name:literal) => {
            include_str!(concat!("../../tests/fixtures/v1/", $name, ".jsonl"))
        };
    }

    fn encoded<R: Record>(record: &R) -> String {
        let mut out = Vec::new();
        record.encode(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn without_journal_fields(line: &str) -> String {
        match line.find(",\"seq\":") {
            Some(end) => format!("{}}}", &line[..end]),
            None => line.to_owned(),
        }
    }

    /// What every golden line of one record type is put through.
    fn check_golden<R: Record + serde::Serialize + DeserializeOwned>(lines: &str) {
        let mut slot = None;
        assert!(!R::FIELDS.iter().any(|it| RESERVED.contains(it)));
        for line in lines.lines() {
            let record = R::decode(line.as_bytes()).unwrap();
            let text = without_journal_fields(line);
            assert_eq!(encoded(&record), text);
            R::decode_into(line.as_bytes(), &mut slot).unwrap();
            assert_eq!(slot.as_ref(), Some(&record));
            assert_eq!(slot.as_ref().map(encoded), Some(text.clone()));
            assert_eq!(unknown_fields::<R>(line.as_bytes()).unwrap(), [""; 0]);
            let (new, unknown) = decode_new::<R>(text.as_bytes()).unwrap();
            assert_eq!((encoded(&new), unknown), (text.clone(), vec![]));
            check_serde(&record, line, &text);
            check_evolution::<R>(&text);
        }
    }

    fn check_serde<R: Record + serde::Serialize + DeserializeOwned>(
        record: &R,
        line: &str,
        text: &str,
    ) {
        assert_eq!(serde_json::to_string(record).unwrap(), text);
        assert_eq!(&serde_json::from_str::<R>(line).unwrap(), record);
        assert_eq!(
            &serde_json::from_slice::<R>(line.as_bytes()).unwrap(),
            record
        );
        assert_eq!(
            &serde_json::from_reader::<_, R>(line.as_bytes()).unwrap(),
            record
        );
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            serde_json::to_value(record).unwrap(),
            serde_json::from_str::<serde_json::Value>(text).unwrap()
        );
        // A value has doubles: nine decimal places of a unix time do not fit, all else does.
        if !text.contains(".000000001") {
            serde_json::from_value::<R>(value).unwrap();
        }
    }

    /// Older: without the fields that are null. Newer: with fields that nobody knows yet.
    fn check_evolution<R: Record>(text: &str) {
        let mut older = text.to_owned();
        for field in R::FIELDS {
            older = older.replace(&format!(",\"{field}\":null"), "");
        }
        assert_eq!(encoded(&R::decode(older.as_bytes()).unwrap()), text);
        let newer = format!("{{\"mood\":{{\"a\":[1e999,\"\\ud800\"]}},{}", &text[1..]);
        assert_eq!(encoded(&R::decode(newer.as_bytes()).unwrap()), text);
        assert_eq!(unknown_fields::<R>(newer.as_bytes()).unwrap(), ["mood"]);
        assert_eq!(decode_new::<R>(newer.as_bytes()).unwrap().1, ["mood"]);
    }

    fn check_hostile<R: Record>(lines: &str) {
        let good = lines.lines().next().unwrap();
        let good = without_journal_fields(good);
        for (bytes, offset, reason) in hostile(&good) {
            let shown = String::from_utf8_lossy(&bytes);
            let mut slot = None;
            for invalid in [
                R::decode(&bytes).unwrap_err(),
                R::decode_into(&bytes, &mut slot).unwrap_err(),
                decode_new::<R>(&bytes).unwrap_err(),
            ] {
                let Invalid::Syntax {
                    offset: at,
                    reason: why,
                } = &invalid
                else {
                    panic!("{shown:.40}: {invalid}");
                };
                assert_eq!(
                    (*at, why.contains(reason)),
                    (offset, true),
                    "{shown:.40}: {invalid}"
                );
            }
        }
        for bytes in [format!("{good}\r"), format!(" {good}\r\n")] {
            assert_eq!(encoded(&R::decode(bytes.as_bytes()).unwrap()), good);
        }
    }

    fn hostile(good: &str) -> Vec<(Vec<u8>, usize, &'static str)> {
        let with = |text: String| text.into_bytes();
        let deep = "[".repeat(100_000);
        let mut bad_utf8 = good.as_bytes().to_vec();
        bad_utf8[20] = 0xff;
        let mut nul = good.as_bytes().to_vec();
        nul[20] = 0;
        let mut twice = good.to_owned();
        twice.pop();
        let _ = write!(twice, ",\"timestamp\":1}}");
        vec![
            (with(String::new()), 0, "nothing"),
            (with("  ".into()), 2, "nothing"),
            (with("\0".into()), 0, "NUL"),
            (nul, 20, "NUL"),
            (bad_utf8, 20, "not UTF-8"),
            (with(format!("\u{feff}{good}")), 0, "byte order mark"),
            (with(format!("[{good}]")), 0, "a list"),
            (with(deep.clone()), 0, "a list"),
            (with("\"text\"".into()), 0, "something else than {"),
            (with(format!("{good}{good}")), good.len(), "trailing"),
            (with(format!("{good} x")), good.len() + 1, "trailing"),
            (
                with(format!("{}\n", &good[..good.len() - 1])),
                good.len(),
                "EOF",
            ),
            (
                with(good.replacen(":", "=", 1)),
                good.find(':').unwrap(),
                "expected `:`",
            ),
        ]
    }

    #[test]
    fn golden_lines_of_v1_read_and_write_the_same_bytes() {
        check_golden::<TradeRecord>(golden!("trades"));
        check_golden::<PerformanceMetric>(golden!("performance-alerts"));
        check_golden::<RiskEvent>(golden!("risk-management"));
        check_golden::<SessionRecord>(golden!("sessions"));
        check_golden::<FillRecord>(golden!("fills"));
        check_golden::<DecisionRecord>(golden!("decisions"));
        check_golden::<ErrorRecord>(golden!("errors"));
        check_golden::<CallRecord>(golden!("calls"));
        check_golden::<AuditEvent>(golden!("audit"));
    }

    #[test]
    fn hostile_bytes_are_refused_with_the_place() {
        check_hostile::<TradeRecord>(golden!("trades"));
        check_hostile::<PerformanceMetric>(golden!("performance-alerts"));
        check_hostile::<RiskEvent>(golden!("risk-management"));
        check_hostile::<SessionRecord>(golden!("sessions"));
        check_hostile::<FillRecord>(golden!("fills"));
        check_hostile::<DecisionRecord>(golden!("decisions"));
        check_hostile::<ErrorRecord>(golden!("errors"));
        check_hostile::<CallRecord>(golden!("calls"));
        check_hostile::<AuditEvent>(golden!("audit"));
    }

    #[test]
    fn a_field_twice_is_refused() {
        let twice =
            golden!("trades")
                .lines()
                .next()
                .unwrap()
                .replacen('{', "{\"symbol\":\"X\",", 1);
        let invalid = TradeRecord::decode(twice.as_bytes()).unwrap_err();
        assert!(
            invalid.to_string().contains("duplicate field `symbol`"),
            "{invalid}"
        );
        let invalid = decode_new::<TradeRecord>(twice.as_bytes()).unwrap_err();
        assert_eq!(invalid.to_string(), "symbol: is there more than once");
        let twice = twice.replacen("\"symbol\":\"X\"", "\"mood\":1,\"mood\":2", 1);
        let invalid = decode_new::<TradeRecord>(twice.as_bytes()).unwrap_err();
        assert_eq!(invalid.to_string(), "mood: is there more than once");
    }

    #[test]
    fn the_names_of_the_journal_are_refused_in_a_new_record() {
        let line = golden!("trades").lines().next_back().unwrap();
        let line = line.replace("\"AAPL\"", "\"aapl\"");
        let invalid = decode_new::<TradeRecord>(line.as_bytes()).unwrap_err();
        let fields: Vec<&str> = invalid.problems().iter().map(|it| &*it.field).collect();
        assert_eq!(fields, ["symbol", "seq", "dur", "hash"]);
    }

    #[test]
    fn depth_and_size_of_what_is_not_known_is_no_matter() {
        let good = golden!("risk-management").lines().next().unwrap();
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        let line = good.replacen('{', &format!("{{\"deep\":{deep},"), 1);
        assert_eq!(encoded(&RiskEvent::decode(line.as_bytes()).unwrap()), good);
        let line = good.replacen("{\"max", &format!("{{\"deep\":{deep},\"max"), 1);
        let invalid = RiskEvent::decode(line.as_bytes()).unwrap_err();
        assert_eq!(invalid.problems().len(), 1);
        assert!(invalid.to_string().contains("nested deeper"), "{invalid}");
        assert!(invalid.to_string().len() < 300);
    }

    #[test]
    fn known_words_are_words() {
        for word in [
            RiskEvent::CIRCUIT_BREAKER_TRIP,
            RiskEvent::POSITION_LIMIT_EXCEEDED,
            RiskEvent::TRADING_PAUSED,
            RiskEvent::POSITION_REJECTED,
            DecisionRecord::SPREAD_CALCULATION,
            DecisionRecord::RISK_CHECK,
            DecisionRecord::REBALANCE,
            DecisionRecord::ORDER_PLACEMENT,
            ErrorRecord::ORDER_FAILED,
            ErrorRecord::API_ERROR,
            ErrorRecord::STRATEGY_ERROR,
            ErrorRecord::RISK_BREACH,
        ] {
            assert_eq!(word.as_str().parse(), Ok(word));
        }
    }

    #[test]
    fn personal_data_in_a_text_is_named_and_not_repeated() {
        let line = golden!("trades").lines().nth(1).unwrap();
        let line = line.replace("volume fading", "told joe@example.com");
        let trade = TradeRecord::decode(line.as_bytes()).unwrap();
        let invalid = personal::personal_data(&trade).unwrap_err();
        assert_eq!(
            invalid.to_string(),
            "exit_reasoning: must not have an e-mail address in it"
        );
    }
}
