//! Fills, decisions and errors as rows of CSV and as objects of a JSON list.
//!
//! Always true:
//! - The columns are the fields of the record in their order: those of the first trade logger, and behind
//!   them what it did not have.
//! - A number has the digits of the record, in CSV and as a JSON number. What is missing is an empty cell or
//!   null.
//!
//! Not here: which records, and the files.

use std::fmt::Write as _;
use std::io;

use rust_decimal::Decimal;

use crate::books::Activity;
use crate::journal::{ReadError, Reader};
use crate::record::cell::{ROW_END, push_exact, push_text};
use crate::record::field::{self, Asset, Field as _, OrderId, OrderType, Pair, UnixTime};
use crate::record::{DecisionRecord, ErrorRecord, FillRecord, Record};
use crate::time::Timestamp;

/// A record that a trade log keeps, and that has a row in a table: a fill, a decision or an error.
pub trait LogRecord: Record + sealed::Rows {}

impl LogRecord for FillRecord {}
impl LogRecord for DecisionRecord {}
impl LogRecord for ErrorRecord {}

pub(super) mod sealed {
    use crate::books::Activity;

    /// What only records of a trade log can do.
    pub trait Rows {
        /// Shows the value of every field, in the order of the fields.
        fn values(&self, show: &mut dyn FnMut(super::Value<'_>));

        /// Counts it.
        fn count(&self, activity: &mut Activity);
    }
}

/// What stands in a cell.
pub enum Value<'a> {
    /// A text from outside.
    Text(&'a str),
    /// A word of ours.
    Word(&'a str),
    /// When, as RFC 3339 has it.
    Iso(Timestamp),
    /// When, as seconds.
    Unix(Timestamp),
    /// A number.
    Number(Decimal),
    /// JSON.
    Json(&'a str),
    /// Nothing.
    Nothing,
}

fn text<'a, T: AsRef<str> + ?Sized>(value: Option<&'a T>) -> Value<'a> {
    value.map_or(Value::Nothing, |it| Value::Text(it.as_ref()))
}

fn number<T: Into<Decimal>>(value: Option<T>) -> Value<'static> {
    value.map_or(Value::Nothing, |it| Value::Number(it.into()))
}

impl sealed::Rows for FillRecord {
    fn values(&self, show: &mut dyn FnMut(Value<'_>)) {
        show(Value::Unix(self.timestamp()));
        show(Value::Iso(self.timestamp()));
        show(Value::Text(self.order_id().as_str()));
        show(text(self.client_order_id().map(OrderId::as_str)));
        show(Value::Text(self.symbol().as_str()));
        show(Value::Word(self.side().as_str()));
        show(Value::Text(OrderType::as_str(self.order_type())));
        show(number(Some(self.price())));
        show(number(Some(self.size())));
        show(number(Some(self.fee())));
        show(Value::Text(Asset::as_str(self.fee_asset())));
        show(number(self.realized_pnl()));
        show(number(self.spread_captured()));
        show(number(self.inventory_before()));
        show(number(self.inventory_after()));
        show(number(self.equity_before()));
        show(number(self.equity_after()));
        show(Value::Text(self.notes()));
        show(text(self.fill_id()));
        let mode = self.execution_mode().map(|it| it.as_str());
        show(mode.map_or(Value::Nothing, Value::Word));
        show(text(self.account_id()));
        let class = self.asset_class().map(|it| it.as_str());
        show(class.map_or(Value::Nothing, Value::Word));
    }

    fn count(&self, activity: &mut Activity) {
        activity.add_fill(self);
    }
}

impl sealed::Rows for DecisionRecord {
    fn values(&self, show: &mut dyn FnMut(Value<'_>)) {
        show(Value::Unix(self.timestamp()));
        show(Value::Iso(self.timestamp()));
        show(Value::Word(self.decision_type().as_str()));
        show(text(self.symbol().map(Pair::as_str)));
        show(Value::Json(self.parameters().as_str()));
        show(Value::Json(self.result().as_str()));
        show(Value::Text(self.reason()));
        show(Value::Text(self.notes()));
    }

    fn count(&self, activity: &mut Activity) {
        activity.add_decision(self);
    }
}

impl sealed::Rows for ErrorRecord {
    fn values(&self, show: &mut dyn FnMut(Value<'_>)) {
        show(Value::Unix(self.timestamp()));
        show(Value::Iso(self.timestamp()));
        show(Value::Word(self.error_type().as_str()));
        show(Value::Word(self.severity().as_str()));
        show(text(self.symbol().map(Pair::as_str)));
        show(Value::Text(self.message()));
        show(Value::Text(self.exception_type()));
        show(Value::Text(self.exception_message()));
        show(Value::Text(self.stack_trace()));
        show(Value::Text(self.recovery_action()));
        show(Value::Text(self.notes()));
    }

    fn count(&self, activity: &mut Activity) {
        activity.add_error(self);
    }
}

/// The row of the titles.
pub(super) fn header<R: LogRecord>() -> String {
    let mut row = R::FIELDS.join(",");
    row.push_str(ROW_END);
    row
}

/// The row of a record.
pub(super) fn row<R: LogRecord>(record: &R) -> String {
    let (mut out, mut is_first) = (String::with_capacity(256), true);
    record.values(&mut |value| {
        if !std::mem::take(&mut is_first) {
            out.push(',');
        }
        match value {
            Value::Text(text) | Value::Json(text) => push_text(&mut out, text),
            Value::Word(word) => push_exact(&mut out, word),
            Value::Iso(at) => _ = write!(out, "{at}"),
            Value::Unix(at) => out.push_str(&unix(at)),
            Value::Number(number) => _ = write!(out, "{number}"),
            Value::Nothing => {}
        }
    });
    out.push_str(ROW_END);
    out
}

/// The JSON object of a record.
fn object<R: LogRecord>(record: &R) -> String {
    let mut out = String::with_capacity(512);
    let mut names = R::FIELDS.iter();
    record.values(&mut |value| {
        out.push(if out.is_empty() { '{' } else { ',' });
        let name = names.next().copied().unwrap_or_default();
        let _ = write!(out, "\"{name}\":");
        match value {
            Value::Text(text) | Value::Word(text) => out.push_str(&quoted(text)),
            Value::Iso(at) => _ = write!(out, "\"{at}\""),
            Value::Unix(at) => out.push_str(&unix(at)),
            Value::Number(number) => _ = write!(out, "{number}"),
            Value::Json(json) => out.push_str(json),
            Value::Nothing => out.push_str("null"),
        }
    });
    out.push('}');
    out
}

fn unix(at: Timestamp) -> String {
    let mut digits = Vec::with_capacity(20);
    UnixTime::from(at).write(&mut digits);
    String::from_utf8(digits).unwrap_or_default()
}

fn quoted(text: &str) -> String {
    let mut json = Vec::with_capacity(text.len() + 2);
    field::write_string(text, &mut json);
    String::from_utf8(json).unwrap_or_default()
}

/// Writes the records that `reader` chose as CSV, as a trade log's file of a day has them, one after the
/// other. What cannot be read is shown to `bad`, and ends nothing.
///
/// # Errors
/// Those of `out`.
pub fn write_csv<R: LogRecord>(
    reader: &Reader<R>,
    out: &mut dyn io::Write,
    mut bad: impl FnMut(ReadError),
) -> io::Result<()> {
    out.write_all(header::<R>().as_bytes())?;
    each(reader, &mut bad, |record| {
        out.write_all(row(record).as_bytes())
    })
}

/// Writes the records that `reader` chose as one JSON list with one record a line, as a trade log's JSON
/// files have them. What cannot be read is shown to `bad`, and ends nothing.
///
/// # Errors
/// Those of `out`.
pub fn write_json<R: LogRecord>(
    reader: &Reader<R>,
    out: &mut dyn io::Write,
    mut bad: impl FnMut(ReadError),
) -> io::Result<()> {
    let mut before = "[\n";
    each(reader, &mut bad, |record| {
        out.write_all(before.as_bytes())?;
        before = ",\n";
        out.write_all(object(record).as_bytes())
    })?;
    let end = if before == "[\n" { "[]\n" } else { "\n]\n" };
    out.write_all(end.as_bytes())
}

fn each<R: LogRecord>(
    reader: &Reader<R>,
    bad: &mut dyn FnMut(ReadError),
    mut each: impl FnMut(&R) -> io::Result<()>,
) -> io::Result<()> {
    let mut entries = reader.iter();
    while let Some(entry) = entries.next_entry() {
        match entry {
            Ok(entry) => each(entry.record)?,
            Err(error) => bad(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILL: &str = r#"{"timestamp":1729776543.123,"datetime_utc":"2024-10-24T13:29:03.123456Z","order_id":"order_1","client_order_id":"client_1","symbol":"BTC-USDT","side":"BUY","order_type":"LIMIT","price":"67500.0","size":"0.001","fee":"-0.135","fee_asset":"USDT","realized_pnl":"0.50","notes":"NOTE"}"#;

    fn fill(note: &str) -> FillRecord {
        let note = serde_json::to_string(note).unwrap();
        FillRecord::decode(FILL.replace("\"NOTE\"", &note).as_bytes()).unwrap()
    }

    #[test]
    fn columns_are_those_of_the_first_trade_logger_and_ours_behind_them() {
        assert_eq!(
            header::<FillRecord>(),
            "timestamp,datetime_utc,order_id,client_order_id,symbol,side,order_type,price,size,fee,fee_asset,\
             realized_pnl,spread_captured,inventory_before,inventory_after,equity_before,equity_after,notes,\
             fill_id,execution_mode,account_id,asset_class\r\n"
        );
        assert_eq!(
            header::<DecisionRecord>(),
            "timestamp,datetime_utc,decision_type,symbol,parameters,result,reason,notes\r\n"
        );
        assert_eq!(
            header::<ErrorRecord>(),
            "timestamp,datetime_utc,error_type,severity,symbol,message,exception_type,exception_message,\
             stack_trace,recovery_action,notes\r\n"
        );
    }

    #[test]
    fn a_fill_is_a_row_with_its_digits() {
        assert_eq!(
            row(&fill("Demo trade 1")),
            "1729776543.123456,2024-10-24T13:29:03.123456Z,order_1,client_1,BTC-USDT,BUY,LIMIT,67500.0,0.001,\
             -0.135,USDT,0.50,,,,,,Demo trade 1,,,,\r\n"
        );
        let ends = |note: &str| {
            let row = row(&fill(note));
            row.split_once(",0.50,,,,,,").unwrap().1.to_owned()
        };
        assert_eq!(ends("a,b"), "\"a,b\",,,,\r\n");
        assert_eq!(ends("say \"a\"\nb"), "\"say \"\"a\"\"\nb\",,,,\r\n");
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx"] {
            assert_eq!(ends(formula), format!("'{formula},,,,\r\n"));
        }
        assert_eq!(ends("\rx"), "\"'\rx\",,,,\r\n");
    }

    #[test]
    fn a_fill_is_an_object_with_exact_numbers() {
        let json = object(&fill("say \"a\"\n"));
        assert_eq!(
            json,
            r#"{"timestamp":1729776543.123456,"datetime_utc":"2024-10-24T13:29:03.123456Z","order_id":"order_1","client_order_id":"client_1","symbol":"BTC-USDT","side":"BUY","order_type":"LIMIT","price":67500.0,"size":0.001,"fee":-0.135,"fee_asset":"USDT","realized_pnl":0.50,"spread_captured":null,"inventory_before":null,"inventory_after":null,"equity_before":null,"equity_after":null,"notes":"say \"a\"\n","fill_id":null,"execution_mode":null,"account_id":null,"asset_class":null}"#
        );
        serde_json::from_str::<serde_json::Value>(&json).unwrap();
    }

    #[test]
    fn every_field_has_its_value() {
        fn values<R: LogRecord>(line: &str) {
            let record = R::decode(line.as_bytes()).unwrap();
            let mut count = 0;
            record.values(&mut |_| count += 1);
            assert_eq!(count, R::FIELDS.len());
            // As JSON it says what the record's own JSON says, but for quotes around numbers.
            let (mut own, ours) = (Vec::new(), object(&record));
            record.encode(&mut own);
            let own: serde_json::Value = serde_json::from_slice(&own).unwrap();
            let ours: serde_json::Value = serde_json::from_str(&ours).unwrap();
            for field in R::FIELDS {
                let (own, ours) = (&own[field], &ours[field]);
                let is_number = ours.is_number() && own.is_string();
                assert!(is_number || own == ours, "{field}: {own} {ours}");
            }
        }
        let golden = |it: &'static str| it.lines();
        golden(include_str!("../../../tests/fixtures/v1/fills.jsonl"))
            .for_each(values::<FillRecord>);
        golden(include_str!("../../../tests/fixtures/v1/decisions.jsonl"))
            .for_each(values::<DecisionRecord>);
        golden(include_str!("../../../tests/fixtures/v1/errors.jsonl"))
            .for_each(values::<ErrorRecord>);
    }
}
