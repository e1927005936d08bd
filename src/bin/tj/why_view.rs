//! What a journal has about an order, for people and for programs.
//!
//! Always true: each line is shown with its time, its stream, its number and why it is here.

use chrono_tz::Tz;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tradejournal::desk::why::{Entry, Event, Filled, Link, Why};
use tradejournal::record::field::Pair;
use tradejournal::record::{FillRecord, TradeRecord};

use crate::args;
use crate::calls_view::invocation;
use crate::output::{Out, printable};
use crate::when;
use crate::words::{counted, shortened, took};

/// How much of one text people are shown.
const TEXT_CHARS_MAX: usize = 300;

pub(crate) fn show(found: &Why, zone: Tz, out: &mut Out) -> anyhow::Result<()> {
    for filled in &found.filled {
        let fills = counted(filled.fills, "fill", "fills");
        let (symbol, side) = (printable(filled.symbol.as_str()), filled.side);
        out.line(format!("{side} {symbol}: {fills}, {}", sums(filled)))?;
    }
    if 1 < found.ids.len() {
        out.line(format!("known as {}", printable(&found.ids.join(", "))))?;
    }
    for entry in &found.entries {
        let at = when::shown_finely(entry.at, zone);
        let seq = entry
            .seq
            .map_or_else(|| "no seq".to_owned(), |it| format!("seq {it}"));
        let (head, details) = told(&entry.event);
        out.line("")?;
        out.line(format!(
            "{at}  {} {seq}  {}",
            entry.stream,
            shortened(&head, TEXT_CHARS_MAX)
        ))?;
        out.line(format!("    {}", link_text(entry)))?;
        for (name, text) in details.iter().filter(|it| !it.1.is_empty()) {
            out.line(format!("    {name}: {}", shortened(text, TEXT_CHARS_MAX)))?;
        }
    }
    Ok(())
}

/// Why a line is here, in words.
fn link_text(entry: &Entry) -> String {
    match entry.link {
        Link::Order => "by order id".to_owned(),
        Link::SymbolBefore(before) => {
            format!(
                "by symbol and time, {} before the order",
                took(before.as_nanos())
            )
        }
        Link::Before(before) => format!("around it, {} before", took(before.as_nanos())),
        Link::During => "around it, meanwhile".to_owned(),
        Link::After(after) => format!("around it, {} after", took(after.as_nanos())),
        _ => "around it".to_owned(),
    }
}

type Details = Vec<(&'static str, String)>;

/// What a line says: in a few words, and the rest by name.
fn told(event: &Event) -> (String, Details) {
    match event {
        Event::Decision(it) => (
            format!(
                "{}{}: {}",
                it.decision_type(),
                about(it.symbol()),
                it.reason()
            ),
            vec![
                ("inputs", it.parameters().to_string()),
                ("result", it.result().to_string()),
                ("notes", it.notes().to_owned()),
            ],
        ),
        Event::Call(it) => {
            let came = match (it.error(), it.result()) {
                (Some(error), _) => ("error", error.to_owned()),
                (None, result) => (
                    "result",
                    result.map_or_else(|| "null".to_owned(), ToString::to_string),
                ),
            };
            let took = ("took", took(u128::from(it.duration_ns())));
            (invocation(it), vec![came, took])
        }
        Event::Fill(it, so_far) => told_of_fill(it, so_far.as_ref()),
        Event::Trade(it) => told_of_trade(it),
        Event::Error(it) => (
            format!(
                "{} {}{}: {}",
                it.severity(),
                it.error_type(),
                about(it.symbol()),
                it.message()
            ),
            vec![
                (
                    "exception",
                    exception(it.exception_type(), it.exception_message()),
                ),
                ("recovery", it.recovery_action().to_owned()),
                ("notes", it.notes().to_owned()),
            ],
        ),
        Event::Risk(it) => (
            format!(
                "{} {}: {}",
                it.severity(),
                it.event_type(),
                it.action_taken()
            ),
            vec![
                (
                    "day",
                    format!("{} ({} %)", it.daily_pnl(), it.daily_pnl_pct()),
                ),
                ("losses in a row", it.consecutive_losses().to_string()),
                ("settings", it.config_snapshot().to_string()),
            ],
        ),
        _ => (String::new(), Vec::new()),
    }
}

fn told_of_fill(it: &FillRecord, so_far: Option<&Filled>) -> (String, Details) {
    let (side, size, symbol, price) = (it.side(), it.size(), it.symbol(), it.price());
    let mut head = format!(
        "{side} {size} {symbol} at {price}, fee {} {}",
        it.fee(),
        it.fee_asset()
    );
    if let Some(pnl) = it.realized_pnl() {
        head.push_str(&format!(", earned {pnl}"));
    }
    let inventory = match (it.inventory_before(), it.inventory_after()) {
        (Some(before), Some(after)) => format!("{before} before, {after} after"),
        _ => String::new(),
    };
    let details = vec![
        ("so far", so_far.map(sums).unwrap_or_default()),
        ("inventory", inventory),
        ("notes", it.notes().to_owned()),
    ];
    (head, details)
}

fn told_of_trade(it: &TradeRecord) -> (String, Details) {
    let head = format!(
        "{} {} {} at {}, {} {}",
        it.action(),
        it.quantity(),
        it.symbol(),
        it.price(),
        it.execution_mode(),
        it.outcome()
    );
    let result = it.net_result().map(|it| it.to_string()).unwrap_or_default();
    let details = vec![
        ("strategy", it.strategy_name().to_owned()),
        ("reason", it.decision_reasoning().to_owned()),
        ("exit", it.exit_reasoning().unwrap_or_default().to_owned()),
        ("net result", result),
    ];
    (head, details)
}

fn about(symbol: Option<&Pair>) -> String {
    symbol.map(|it| format!(" {it}")).unwrap_or_default()
}

fn exception(kind: &str, message: &str) -> String {
    match (kind, message) {
        (kind, "") => kind.to_owned(),
        ("", message) => message.to_owned(),
        (kind, message) => format!("{kind}: {message}"),
    }
}

/// `0.003 at 67500.25`, with the fraction where no decimal has all of the average.
fn sums(filled: &Filled) -> String {
    let Some(sums) = filled.sums else {
        return "which have too many digits to be added up".to_owned();
    };
    let (size, average) = (sums.size.normalize(), sums.average);
    match (average.decimal(), average.rounded()) {
        (None, Some(rounded)) => format!("{size} at {rounded} (to 8 places; exactly {average})"),
        _ => format!("{size} at {average}"),
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    order_id: &'a str,
    is_known: bool,
    ids: &'a [String],
    window_ns: u128,
    filled: Vec<FilledReport<'a>>,
    entries: Vec<EntryReport>,
    unread_lines: u64,
    unread_days: u64,
}

#[derive(Serialize)]
struct FilledReport<'a> {
    symbol: &'a str,
    side: &'static str,
    fills: u64,
    size: Option<String>,
    total: Option<String>,
    /// As a decimal or a fraction: nothing is rounded.
    average: Option<String>,
}

#[derive(Serialize)]
struct EntryReport {
    time: String,
    stream: &'static str,
    seq: Option<u64>,
    hash: Option<String>,
    link: &'static str,
    before_ns: Option<u128>,
    after_ns: Option<u128>,
    size_so_far: Option<String>,
    average_so_far: Option<String>,
    record: Box<RawValue>,
}

pub(crate) fn show_json(found: &Why, asked: &args::Why, out: &mut Out) -> anyhow::Result<()> {
    let entries: Result<Vec<_>, _> = found.entries.iter().map(EntryReport::of).collect();
    out.json(&Report {
        order_id: &asked.order_id,
        is_known: found.is_known(),
        ids: &found.ids,
        window_ns: asked.window.as_nanos(),
        filled: found.filled.iter().map(FilledReport::of).collect(),
        entries: entries?,
        unread_lines: found.unread.lines,
        unread_days: found.unread.days,
    })
}

impl FilledReport<'_> {
    fn of(filled: &Filled) -> FilledReport<'_> {
        FilledReport {
            symbol: filled.symbol.as_str(),
            side: filled.side.as_str(),
            fills: filled.fills,
            size: filled.sums.map(|it| it.size.normalize().to_string()),
            total: filled.sums.map(|it| it.total.normalize().to_string()),
            average: filled.sums.map(|it| it.average.to_string()),
        }
    }
}

impl EntryReport {
    fn of(entry: &Entry) -> serde_json::Result<EntryReport> {
        let (link, before, after) = match entry.link {
            Link::Order => ("order", None, None),
            Link::SymbolBefore(before) => ("symbol_and_time", Some(before), None),
            Link::Before(before) => ("around", Some(before), None),
            Link::After(after) => ("around", None, Some(after)),
            _ => ("around", None, None),
        };
        let so_far = match &entry.event {
            Event::Fill(_, so_far) => so_far.as_ref().and_then(|it| it.sums),
            _ => None,
        };
        Ok(EntryReport {
            time: entry.at.to_string(),
            stream: entry.stream.name(),
            seq: entry.seq,
            hash: entry.hash.map(|it| it.to_string()),
            link,
            before_ns: before.map(|it| it.as_nanos()),
            after_ns: after.map(|it| it.as_nanos()),
            size_so_far: so_far.map(|it| it.size.normalize().to_string()),
            average_so_far: so_far.map(|it| it.average.to_string()),
            record: match &entry.event {
                Event::Decision(it) => to_raw_value(it)?,
                Event::Call(it) => to_raw_value(it)?,
                Event::Fill(it, _) => to_raw_value(it)?,
                Event::Trade(it) => to_raw_value(it)?,
                Event::Error(it) => to_raw_value(it)?,
                Event::Risk(it) => to_raw_value(it)?,
                _ => to_raw_value(&())?,
            },
        })
    }
}
