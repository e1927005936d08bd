//! How live trades and predictions agree, for people and for programs.
//!
//! Always true: everything that is missing, extra or beyond a tolerance has a row of its own, and the last
//! lines say how much it is.

use chrono_tz::Tz;
use rust_decimal::Decimal;
use serde::Serialize;
use tradejournal::desk::compare::{
    By, Comparison, Expected, Fraction, Live, Rules, Slippage, Traded,
};
use tradejournal::record::Stream;

use crate::commands::Context;
use crate::output::{Out, printable};
use crate::table::{Column, Table};
use crate::when;
use crate::words::{counted, took, unread};

/// To how many places a deviation is shown that no decimal holds.
const PLACES: u32 = 8;

/// All that there is to tell.
pub(crate) struct Found<'a> {
    pub(crate) file: String,
    pub(crate) expected: &'a Expected,
    pub(crate) live: &'a Live,
    pub(crate) stream: Stream,
    pub(crate) rules: &'a Rules,
    pub(crate) is_asked_for: bool,
    pub(crate) comparison: &'a Comparison<'a>,
}

pub(crate) fn show(found: &Found<'_>, context: &mut Context<'_>) -> anyhow::Result<()> {
    if context.settings.json {
        return context.out.json(&Report::of(found));
    }
    let zone = context.settings.zone.value;
    let out = &mut *context.out;
    let rows = counted(found.expected.rows, "row", "rows");
    let trades = counted(found.expected.trades.len() as u64, "trade", "trades");
    out.line(format!("{}: {rows}, {trades}", printable(&found.file)))?;
    out.line(span_line(found, zone))?;
    table(found, zone, out)?;
    out.line(matched_line(found))?;
    if let Some(line) = slippage_line(found.comparison) {
        out.line(line)?;
    }
    for (quote, effect) in &found.comparison.effects {
        let quote = if quote.is_empty() {
            "without a named currency"
        } else {
            quote
        };
        let mut line = format!(
            "net effect: {} {}",
            effect.sum.normalized(),
            printable(quote)
        );
        let parts = [
            (effect.rounded, "rounded to 8 places"),
            (effect.left_out, "left out, with too many digits"),
        ];
        for (count, what) in parts.iter().filter(|it| it.0 != 0) {
            line.push_str(&format!("; {count} {what}"));
        }
        out.line(line)?;
    }
    Ok(())
}

fn span_line(found: &Found<'_>, zone: Tz) -> String {
    let mut text = format!("live {}", found.stream);
    let span = found.rules.span;
    if let Some(from) = span.from {
        text.push_str(&format!(" from {}", when::shown(from, zone)));
    }
    if let Some(to) = span.to {
        text.push_str(&format!(" until {}", when::shown(to, zone)));
    }
    if !found.is_asked_for {
        text.push_str(", the days of the file");
    }
    text.push_str(&unread(found.live.unread));
    text
}

fn table(found: &Found<'_>, zone: Tz, out: &mut Out) -> anyhow::Result<()> {
    let comparison = found.comparison;
    let mut table = Table::new(vec![
        Column::left("what"),
        Column::left("time"),
        Column::left("side"),
        Column::left("symbol"),
        Column::right("size"),
        Column::right("price"),
        Column::right("bps"),
        Column::left("order"),
        Column::text("note"),
    ]);
    for trade in &comparison.missing {
        table.push(row("missing", trade, None, lines(trade, "line"), zone));
    }
    for trade in &comparison.extra {
        table.push(row("extra", trade, None, lines(trade, "seq"), zone));
    }
    for it in comparison.matched.iter().filter(|it| !it.is_within()) {
        let note = [
            deviations(it).join(", "),
            lines(it.live, "seq"),
            lines(it.expected, "line"),
        ];
        table.push(row("deviates", it.live, it.bps, note.join("; "), zone));
    }
    match table.len() {
        0 => Ok(()),
        _ => table.print(out),
    }
}

fn row(what: &str, trade: &Traded, bps: Option<Decimal>, note: String, zone: Tz) -> Vec<String> {
    vec![
        what.to_owned(),
        when::shown_finely(trade.at, zone),
        trade.side.to_string(),
        trade.symbol.clone(),
        trade.size.normalize().to_string(),
        trade
            .price
            .rounded()
            .map(|it| it.normalize().to_string())
            .unwrap_or_default(),
        bps.map(|it| it.to_string()).unwrap_or_default(),
        trade.order_id.clone().unwrap_or_default(),
        note,
    ]
}

/// What is beyond its tolerance.
fn deviations(it: &Slippage<'_>) -> Vec<String> {
    let mut texts = Vec::new();
    if it.is_price_off {
        texts.push(match it.price {
            Some(price) => format!("price {}", signed_fraction(price)),
            None => "price cannot be compared exactly".to_owned(),
        });
    }
    if it.is_size_off {
        texts.push(match it.size {
            Some(size) => format!("size {}", signed(size)),
            None => "size cannot be compared exactly".to_owned(),
        });
    }
    if it.is_time_off {
        let sign = if it.time_ns < 0 { "before" } else { "after" };
        texts.push(format!("{} {sign}", took(it.time_ns.unsigned_abs())));
    }
    for (name, value) in [("fee", it.fee), ("p&l", it.pnl)] {
        if let Some(value) = value.filter(|it| !it.is_zero()) {
            texts.push(format!("{name} {}", signed(value)));
        }
    }
    texts
}

fn signed(value: Decimal) -> String {
    format!("{:+}", value.normalize())
}

fn signed_fraction(value: Fraction) -> String {
    match value.rounded(PLACES) {
        Some((rounded, true)) => signed(rounded),
        Some((rounded, false)) => format!("{} (to 8 places)", signed(rounded)),
        None => "beyond any decimal".to_owned(),
    }
}

fn lines(trade: &Traded, word: &str) -> String {
    let numbers: Vec<String> = trade.lines.iter().map(u64::to_string).collect();
    format!("{word} {}", numbers.join(", "))
}

fn matched_line(found: &Found<'_>) -> String {
    let comparison = found.comparison;
    let matched = comparison.matched.len() as u64;
    let by_order = comparison
        .matched
        .iter()
        .filter(|it| it.by == By::Order)
        .count() as u64;
    let mut text = counted(matched, "trade is matched", "trades are matched");
    if matched != 0 {
        text.push_str(&format!(
            " ({by_order} by order, {} by time)",
            matched - by_order
        ));
    }
    let parts = [
        (comparison.missing.len(), "missing"),
        (comparison.extra.len(), "extra"),
        (comparison.beyond(), "beyond the tolerances"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|it| it.0 != 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    match parts.is_empty() {
        true => text.push_str(", all within the tolerances"),
        false => text.push_str(&format!("; {}", parts.join(", "))),
    }
    text
}

fn slippage_line(found: &Comparison<'_>) -> Option<String> {
    let (mean, median) = (found.mean_bps?, found.median_bps?);
    let (worst, best) = (found.worst_bps?, found.best_bps?);
    Some(format!(
        "slippage in bps: mean {mean}, median {median}, worst {worst}, best {best}"
    ))
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    file: &'a str,
    stream: &'static str,
    from: Option<String>,
    to: Option<String>,
    is_fine: bool,
    rows: u64,
    times_without_zone: u64,
    price_tolerance: String,
    size_tolerance: String,
    time_tolerance_ns: Option<u128>,
    window_ns: u128,
    beyond_tolerances: usize,
    matched: Vec<SlippageReport<'a>>,
    missing: Vec<TradeReport<'a>>,
    extra: Vec<TradeReport<'a>>,
    mean_bps: Option<String>,
    median_bps: Option<String>,
    worst_bps: Option<String>,
    best_bps: Option<String>,
    net_effect: Vec<EffectReport<'a>>,
    too_long: &'a [u64],
    unread_lines: u64,
    unread_days: u64,
}

#[derive(Serialize)]
struct TradeReport<'a> {
    order_id: Option<&'a str>,
    symbol: &'a str,
    side: &'static str,
    time: String,
    size: String,
    /// As a decimal or a fraction: nothing is rounded.
    price: String,
    fee: Option<String>,
    pnl: Option<String>,
    lines: &'a [u64],
}

#[derive(Serialize)]
struct SlippageReport<'a> {
    by: &'static str,
    is_within: bool,
    price_deviation: Option<String>,
    bps: Option<String>,
    size_deviation: Option<String>,
    time_deviation_ns: i128,
    fee_deviation: Option<String>,
    pnl_deviation: Option<String>,
    expected: TradeReport<'a>,
    live: TradeReport<'a>,
}

#[derive(Serialize)]
struct EffectReport<'a> {
    currency: Option<&'a str>,
    sum: String,
    rounded: u64,
    left_out: u64,
}

fn text(value: Option<Decimal>) -> Option<String> {
    value.map(|it| it.normalize().to_string())
}

impl<'a> Report<'a> {
    fn of(found: &'a Found<'_>) -> Report<'a> {
        let (comparison, rules) = (found.comparison, found.rules);
        let effects = comparison
            .effects
            .iter()
            .map(|(quote, effect)| EffectReport {
                currency: Some(*quote).filter(|it| !it.is_empty()),
                sum: effect.sum.normalized().to_string(),
                rounded: effect.rounded,
                left_out: effect.left_out,
            });
        let live = found.live;
        let is_whole = live.unread.is_nothing() && live.too_long.is_empty();
        Report {
            file: &found.file,
            stream: found.stream.name(),
            from: rules.span.from.map(|it| it.to_string()),
            to: rules.span.to.map(|it| it.to_string()),
            is_fine: comparison.is_fine() && is_whole,
            rows: found.expected.rows,
            times_without_zone: found.expected.zoneless,
            price_tolerance: rules.price.to_string(),
            size_tolerance: rules.size.to_string(),
            time_tolerance_ns: rules.time.map(|it| it.as_nanos()),
            window_ns: rules.window.as_nanos(),
            beyond_tolerances: comparison.beyond(),
            matched: comparison.matched.iter().map(SlippageReport::of).collect(),
            missing: comparison
                .missing
                .iter()
                .map(|it| TradeReport::of(it))
                .collect(),
            extra: comparison
                .extra
                .iter()
                .map(|it| TradeReport::of(it))
                .collect(),
            mean_bps: text(comparison.mean_bps),
            median_bps: text(comparison.median_bps),
            worst_bps: text(comparison.worst_bps),
            best_bps: text(comparison.best_bps),
            net_effect: effects.collect(),
            too_long: &live.too_long,
            unread_lines: live.unread.lines,
            unread_days: live.unread.days,
        }
    }
}

impl<'a> TradeReport<'a> {
    fn of(trade: &'a Traded) -> TradeReport<'a> {
        TradeReport {
            order_id: trade.order_id.as_deref(),
            symbol: &trade.symbol,
            side: trade.side.as_str(),
            time: trade.at.to_string(),
            size: trade.size.normalize().to_string(),
            price: trade.price.to_string(),
            fee: text(trade.fee),
            pnl: text(trade.pnl),
            lines: &trade.lines,
        }
    }
}

impl<'a> SlippageReport<'a> {
    fn of(it: &'a Slippage<'_>) -> SlippageReport<'a> {
        SlippageReport {
            by: match it.by {
                By::Order => "order",
                _ => "time",
            },
            is_within: it.is_within(),
            price_deviation: it.price.map(|it| it.to_string()),
            bps: text(it.bps),
            size_deviation: text(it.size),
            time_deviation_ns: it.time_ns,
            fee_deviation: text(it.fee),
            pnl_deviation: text(it.pnl),
            expected: TradeReport::of(it.expected),
            live: TradeReport::of(it.live),
        }
    }
}
