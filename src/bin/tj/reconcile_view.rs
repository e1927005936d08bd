//! What a reconciliation found, for people and for programs.
//!
//! Always true: each order that is not equal has a row of its own, and the last line says how many there are.

use chrono_tz::Tz;
use rust_decimal::Decimal;
use serde::Serialize;
use tradejournal::desk::Unread;
use tradejournal::desk::reconcile::{
    BrokerOrder, Comparison, Different, Extra, Format, History, LeftOut, Missing, Recovered, Span,
};
use tradejournal::record::TradeRecord;
use tradejournal::record::field::{ExecutionMode, OrderId};
use tradejournal::time::Timestamp;

use crate::output::Out;
use crate::table::{Column, Table};
use crate::when;
use crate::words::counted;

/// All that there is to tell.
pub(crate) struct Found<'a> {
    pub(crate) file: String,
    pub(crate) format: Format,
    pub(crate) history: &'a History,
    pub(crate) mode: ExecutionMode,
    pub(crate) span: Span,
    /// Whether somebody asked for that time; otherwise it is the days of the file.
    pub(crate) is_asked_for: bool,
    pub(crate) comparison: &'a Comparison,
    /// Only where it was asked for.
    pub(crate) recovered: Option<&'a Recovered>,
    pub(crate) lost: Unread,
}

pub(crate) fn show(found: &Found<'_>, zone: Tz, json: bool, out: &mut Out) -> anyhow::Result<()> {
    if json {
        return out.json(&Report::of(found));
    }
    out.line(found.file_line())?;
    out.line(found.span_line(zone))?;
    let rows = found.rows();
    if !rows.is_empty() {
        let mut table = Table::new(vec![
            Column::left("what"),
            Column::left("time"),
            Column::left("side"),
            Column::right("qty"),
            Column::left("symbol"),
            Column::right("price"),
            Column::left("order"),
            Column::text("note"),
        ]);
        for row in rows {
            table.push(row.cells(zone));
        }
        table.print(out)?;
    }
    out.line(found.last_line())
}

impl Found<'_> {
    fn file_line(&self) -> String {
        let history = self.history;
        let mut parts = vec![
            counted(history.rows, "row", "rows"),
            counted(
                len(history.orders.len()),
                "executed order",
                "executed orders",
            ),
        ];
        let others = [
            (history.unfilled, "not executed"),
            (history.repeated.len() as u64, "repeated"),
            (history.other, "of something else"),
        ];
        parts.extend(
            others
                .iter()
                .filter(|it| it.0 != 0)
                .map(|(count, what)| format!("{count} {what}")),
        );
        format!(
            "{} ({}): {}",
            crate::output::printable(&self.file),
            self.format.as_str(),
            parts.join(", ")
        )
    }

    fn span_line(&self, zone: Tz) -> String {
        let shown = |at: Option<Timestamp>| at.map(|it| when::shown(it, zone));
        let mut text = format!("{} trades", self.mode);
        if let Some(from) = shown(self.span.from) {
            text.push_str(&format!(" from {from}"));
        }
        if let Some(to) = shown(self.span.to) {
            text.push_str(&format!(" until {to}"));
        }
        if !self.is_asked_for && self.span.from.is_some() {
            text.push_str(", the days of the file");
        }
        let Comparison {
            broker_outside,
            journal_outside,
            ..
        } = *self.comparison;
        if journal_outside != 0 {
            text.push_str(&format!(
                "; {} of the journal outside",
                counted(journal_outside, "order", "orders")
            ));
        }
        if broker_outside != 0 {
            text.push_str(&format!(
                "; {} of the broker outside",
                counted(broker_outside, "order", "orders")
            ));
        }
        text
    }

    fn last_line(&self) -> String {
        let found = self.comparison;
        let mut text = counted(found.equal, "order is equal", "orders are equal");
        if found.rounded != 0 {
            text.push_str(&format!(
                " ({} to the last place of an endless average)",
                found.rounded
            ));
        }
        let counts = [
            (found.missing.len(), "missing in the journal"),
            (found.extra.len(), "extra in the journal"),
            (found.different.len(), "different"),
            (found.foreign.len(), "that no record can hold"),
        ];
        let counts = counts.iter().filter(|it| it.0 != 0);
        let counts: Vec<String> = counts
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        if let Some(recovered) = self.recovered {
            let appended = counted(
                len(recovered.records.len()),
                "record was appended",
                "records were appended",
            );
            text = format!("{appended}; {text}");
        }
        match counts.is_empty() {
            true => format!("{text}, nothing differs"),
            false => format!("{text}; {}", counts.join(", ")),
        }
    }

    fn rows(&self) -> Vec<Line> {
        let found = self.comparison;
        let mut rows = Vec::new();
        for record in self.recovered.iter().flat_map(|it| &it.records) {
            rows.push(Line::appended(record));
        }
        rows.extend(self.also_left_out());
        rows.extend(found.missing.iter().map(|it| self.missing(it)));
        rows.extend(found.extra.iter().map(Line::extra));
        for different in &found.different {
            for difference in &different.differences {
                let (what, broker) = (difference.what.as_str(), &difference.broker);
                let journal = difference.journal.as_deref().unwrap_or("nothing");
                let place = lines(&different.broker);
                let mut note =
                    format!("{what} {journal} in the journal, {broker} at the broker; {place}");
                if let Some(why) = self.part_left_out(different) {
                    note = format!("{note}; not appended: {why}");
                }
                let mut row = Line::broker("different", &different.broker, note);
                row.order = different.key.0.to_string();
                rows.push(row);
            }
        }
        for order in &found.foreign {
            let note = format!("no record can hold this symbol; {}", lines(order));
            rows.push(Line::broker("foreign", order, note));
        }
        rows
    }

    fn missing(&self, missing: &Missing) -> Line {
        let mut note = lines(&missing.sum);
        if let Some(why) = self.left_out(missing) {
            note = format!("{note}; not appended: {why}");
        } else if !missing.may_be_exit_of.is_empty() {
            note = format!(
                "{note}; perhaps the exit of {}",
                list(&missing.may_be_exit_of)
            );
        }
        Line::broker("missing", &missing.sum, note)
    }

    /// Why an order was not appended.
    fn left_out(&self, missing: &Missing) -> Option<String> {
        let left_out = self.recovered.iter().flat_map(|it| &it.left_out);
        let mut left_out = left_out.filter(|it| is_of(missing, &it.0.order_id));
        left_out.next().map(|it| it.1.to_string())
    }

    /// Why the other part of an exit was not appended.
    fn part_left_out(&self, different: &Different) -> Option<String> {
        let left_out = self.recovered.iter().flat_map(|it| &it.left_out);
        let mut left_out = left_out.filter(|it| is_part_of(different, it));
        left_out.next().map(|it| it.1.to_string())
    }

    /// Parts of an exit that were not appended while others were: it is there, with another quantity.
    fn also_left_out(&self) -> Vec<Line> {
        let left_out = self.recovered.iter().flat_map(|it| &it.left_out);
        let Comparison {
            missing, different, ..
        } = self.comparison;
        let others = left_out
            .filter(|it| !missing.iter().any(|missing| is_of(missing, &it.0.order_id)))
            .filter(|it| !different.iter().any(|different| is_part_of(different, it)));
        let row = |(order, why): &(BrokerOrder, LeftOut)| {
            Line::broker("left out", order, format!("{}; {why}", lines(order)))
        };
        others.map(row).collect()
    }
}

fn is_of(missing: &Missing, order_id: &OrderId) -> bool {
    missing.orders.iter().any(|it| it.order_id == *order_id)
}

fn is_part_of(different: &Different, (order, why): &(BrokerOrder, LeftOut)) -> bool {
    *why == LeftOut::PartIsThere && *order == different.broker
}

fn len(count: usize) -> u64 {
    count as u64
}

fn list(ids: &[OrderId]) -> String {
    let ids: Vec<&str> = ids.iter().map(OrderId::as_str).collect();
    ids.join(", ")
}

fn lines(order: &BrokerOrder) -> String {
    let numbers: Vec<String> = order.lines.iter().map(u64::to_string).collect();
    let word = if numbers.len() == 1 { "line" } else { "lines" };
    format!("{word} {}", numbers.join(", "))
}

/// A row of the table.
struct Line {
    what: &'static str,
    at: Option<Timestamp>,
    side: &'static str,
    quantity: String,
    symbol: String,
    price: String,
    order: String,
    note: String,
}

impl Line {
    fn broker(what: &'static str, order: &BrokerOrder, note: String) -> Line {
        Line {
            what,
            at: Some(order.at),
            side: order.action.as_str(),
            quantity: order.quantity.normalize().to_string(),
            symbol: order.symbol.clone(),
            price: order.average.to_string(),
            order: order.order_id.to_string(),
            note,
        }
    }

    fn extra(extra: &Extra) -> Line {
        let booked = extra.booked.as_ref();
        let note = match booked {
            None => "too many digits to be added up",
            Some(it) if it.is_exit => "an exit, under the id of its entry",
            Some(_) => "",
        };
        Line {
            what: "extra",
            at: booked.map(|it| it.at),
            side: extra.key.1.as_str(),
            quantity: booked.map(|it| it.quantity.to_string()).unwrap_or_default(),
            symbol: booked.map(|it| it.symbol.to_string()).unwrap_or_default(),
            price: booked.map(|it| it.average.to_string()).unwrap_or_default(),
            order: extra.key.0.to_string(),
            note: note.to_owned(),
        }
    }

    fn appended(record: &TradeRecord) -> Line {
        Line {
            what: "appended",
            at: Some(record.timestamp()),
            side: record.action().as_str(),
            quantity: record.quantity().to_string(),
            symbol: record.symbol().to_string(),
            price: record.price().to_string(),
            order: record.order_id().to_string(),
            note: record
                .exit_reasoning()
                .map_or("as an entry", |_| "as an exit")
                .to_owned(),
        }
    }

    fn cells(self, zone: Tz) -> Vec<String> {
        vec![
            self.what.to_owned(),
            self.at.map(|it| when::shown(it, zone)).unwrap_or_default(),
            self.side.to_owned(),
            self.quantity,
            self.symbol,
            self.price,
            self.order,
            self.note,
        ]
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    file: &'a str,
    format: &'static str,
    mode: &'static str,
    from: Option<String>,
    to: Option<String>,
    rows: u64,
    orders: u64,
    not_executed: u64,
    other_rows: u64,
    repeated: Vec<Repeated>,
    times_without_zone: u64,
    is_equal: bool,
    equal: u64,
    rounded: u64,
    missing: Vec<MissingOrder>,
    extra: Vec<ExtraOrder>,
    different: Vec<DifferentOrder>,
    foreign: Vec<Order>,
    broker_outside: u64,
    journal_outside: u64,
    unread_lines: u64,
    unread_days: u64,
    appended: Option<Vec<Appended>>,
}

#[derive(Serialize)]
struct Repeated {
    line: u64,
    same_as: u64,
}

/// An order of the broker.
#[derive(Serialize)]
struct Order {
    order_id: String,
    side: &'static str,
    symbol: String,
    quantity: String,
    price: String,
    total: String,
    fees: Option<String>,
    time: String,
    lines: Vec<u64>,
}

#[derive(Serialize)]
struct MissingOrder {
    #[serde(flatten)]
    order: Order,
    entry_order_id: Option<String>,
    may_be_exit_of: Vec<String>,
    not_appended: Option<String>,
}

#[derive(Serialize)]
struct ExtraOrder {
    order_id: String,
    side: &'static str,
    symbol: Option<String>,
    quantity: Option<u64>,
    price: Option<String>,
    total: Option<String>,
    fees: Option<String>,
    time: Option<String>,
    is_exit: Option<bool>,
}

#[derive(Serialize)]
struct DifferentOrder {
    order_id: String,
    broker: Order,
    differences: Vec<Value>,
    not_appended: Option<String>,
}

#[derive(Serialize)]
struct Value {
    what: &'static str,
    journal: Option<String>,
    broker: String,
}

#[derive(Serialize)]
struct Appended {
    order_id: String,
    side: &'static str,
    symbol: String,
    quantity: u32,
    price: String,
    time: String,
    is_exit: bool,
}

fn text(value: Option<Decimal>) -> Option<String> {
    value.map(|it| it.to_string())
}

impl Order {
    fn of(order: &BrokerOrder) -> Order {
        Order {
            order_id: order.order_id.to_string(),
            side: order.action.as_str(),
            symbol: order.symbol.clone(),
            quantity: order.quantity.normalize().to_string(),
            price: order.average.to_string(),
            total: order.total.normalize().to_string(),
            fees: text(order.fees),
            time: order.at.to_string(),
            lines: order.lines.clone(),
        }
    }
}

impl ExtraOrder {
    fn of(extra: &Extra) -> ExtraOrder {
        let booked = extra.booked.as_ref();
        ExtraOrder {
            order_id: extra.key.0.to_string(),
            side: extra.key.1.as_str(),
            symbol: booked.map(|it| it.symbol.to_string()),
            quantity: booked.map(|it| it.quantity),
            price: booked.map(|it| it.average.to_string()),
            total: text(booked.map(|it| it.total)),
            fees: text(booked.and_then(|it| it.fees)),
            time: booked.map(|it| it.at.to_string()),
            is_exit: booked.map(|it| it.is_exit),
        }
    }
}

impl Appended {
    fn of(record: &TradeRecord) -> Appended {
        Appended {
            order_id: record.order_id().to_string(),
            side: record.action().as_str(),
            symbol: record.symbol().to_string(),
            quantity: record.quantity().value(),
            price: record.price().to_string(),
            time: record.timestamp().to_string(),
            is_exit: record.exit_timestamp().is_some(),
        }
    }
}

impl<'a> Report<'a> {
    fn of(found: &'a Found<'_>) -> Report<'a> {
        let (history, comparison) = (found.history, found.comparison);
        let missing = comparison.missing.iter().map(|it| MissingOrder {
            order: Order::of(&it.sum),
            entry_order_id: it.sum.entry_order_id.as_ref().map(OrderId::to_string),
            may_be_exit_of: it.may_be_exit_of.iter().map(OrderId::to_string).collect(),
            not_appended: found.left_out(it),
        });
        let different = comparison.different.iter().map(|it| DifferentOrder {
            order_id: it.key.0.to_string(),
            broker: Order::of(&it.broker),
            differences: it.differences.iter().map(Value::of).collect(),
            not_appended: found.part_left_out(it),
        });
        let repeated = history.repeated.iter();
        Report {
            file: &found.file,
            format: found.format.as_str(),
            mode: found.mode.as_str(),
            from: found.span.from.map(|it| it.to_string()),
            to: found.span.to.map(|it| it.to_string()),
            rows: history.rows,
            orders: len(history.orders.len()),
            not_executed: history.unfilled,
            other_rows: history.other,
            repeated: repeated
                .map(|it| Repeated {
                    line: it.0,
                    same_as: it.1,
                })
                .collect(),
            times_without_zone: history.zoneless,
            is_equal: comparison.differences() == 0 && found.lost.is_nothing(),
            equal: comparison.equal,
            rounded: comparison.rounded,
            missing: missing.collect(),
            extra: comparison.extra.iter().map(ExtraOrder::of).collect(),
            different: different.collect(),
            foreign: comparison.foreign.iter().map(Order::of).collect(),
            broker_outside: comparison.broker_outside,
            journal_outside: comparison.journal_outside,
            unread_lines: found.lost.lines,
            unread_days: found.lost.days,
            appended: found
                .recovered
                .map(|it| it.records.iter().map(Appended::of).collect()),
        }
    }
}

impl Value {
    fn of(it: &tradejournal::desk::reconcile::Difference) -> Value {
        Value {
            what: it.what.as_str(),
            journal: it.journal.clone(),
            broker: it.broker.clone(),
        }
    }
}
