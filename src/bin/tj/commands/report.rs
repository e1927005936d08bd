//! `tj report`: how trading went in a day, a week, a month or any days.
//!
//! Always true:
//! - The page is written whole or not at all.
//! - What the terminal and the page show, `--json` prints, under the same names.
//!
//! Not here: what is in a report, and the page; the library makes them.

use std::path::Path;

use anyhow::Context as _;
use rust_decimal::Decimal;
use tradejournal::books::metrics::Exact;
use tradejournal::desk::report::{Book, Modes, Month, Range, Report, Request, Week};
use tradejournal::record::field::ExecutionMode;
use tradejournal::time::{Clock, SystemClock, Timestamp};

use super::Context;
use crate::args::{self, ModeWanted};
use crate::complaint::unread;
use crate::failure::{Failure, Verdict};
use crate::file;
use crate::journal;
use crate::output::printable;
use crate::sheet_view;
use crate::spark::spark;
use crate::table::{Column, Table};
use crate::when;

/// How many of the last trades a terminal shows.
const TRADES_SHOWN: usize = 10;
/// How long the line of the account is at most.
const SPARK_LEN: usize = 60;

pub(crate) fn run(args: &args::Report, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let is_page_out = args.html.as_deref() == Some(Path::new("-"));
    if is_page_out && context.settings.json {
        let message = "--html - and --json both print on standard output";
        return Err(Failure::usage(message)
            .hint("name a file for the page")
            .into());
    }
    let zone = context.settings.zone.value;
    let range = range(args, context)?;
    let journal = journal::for_reading(&context.settings)?;
    let mut request = Request::new(range)
        .zone(when::books_zone(zone), zone.name())
        .modes(match args.mode {
            None => Modes::Usual,
            Some(ModeWanted::Paper) => Modes::Only(ExecutionMode::Paper),
            Some(ModeWanted::Live) => Modes::Only(ExecutionMode::Live),
            Some(ModeWanted::All) => Modes::All,
        });
    let equity = args.starting_equity;
    if let Some(equity) = equity.or(context.settings.metrics.starting_equity) {
        request = request.starting_equity(equity);
    }
    let talk = context.talk;
    let report = request
        .report(&journal, |error| unread(talk, error))
        .context("cannot make the report")?;
    if is_page_out {
        context.out.bytes(report.page()?.as_bytes())?;
    } else if let Some(path) = &args.html {
        write(path, &report.page()?)?;
    }
    match (context.settings.json, &args.html) {
        (true, _) => context.out.json(&report)?,
        (false, None) => show(&report, context)?,
        (false, Some(_)) if is_page_out => {}
        (false, Some(path)) => {
            let count = report.trades();
            let text = format!(
                "{}: {}, {count} closed trades",
                path.display(),
                report.range.title
            );
            context.out.line(printable(&text))?;
        }
    }
    Ok(Verdict::found(report.problems.missing() != 0))
}

/// The modes that are meant, live first.
pub(super) fn modes(wanted: ModeWanted) -> Vec<ExecutionMode> {
    match wanted {
        ModeWanted::Paper => vec![ExecutionMode::Paper],
        ModeWanted::Live => vec![ExecutionMode::Live],
        ModeWanted::All => vec![ExecutionMode::Live, ExecutionMode::Paper],
    }
}

pub(super) fn write(path: &Path, page: &str) -> anyhow::Result<()> {
    file::write(path, |out| Ok(out.write_all(page.as_bytes())?))
}

/// The days that are asked for.
fn range(args: &args::Report, context: &Context<'_>) -> anyhow::Result<Range> {
    let (zone, now) = (context.settings.zone.value, SystemClock.now());
    let day = |flag: &str, text: &str| when::day(flag, text, zone, now);
    if let Some(text) = &args.week {
        let week = match text.parse::<Week>() {
            Ok(week) => week,
            Err(error) => Week::of(day("--week", text).map_err(|_| {
                Failure::usage(format!("--week {text}: {error}"))
                    .hint("write 2025-W44, or a day of the week: 2025-10-27, today")
            })?),
        };
        return Ok(Range::week(week));
    }
    if let Some(text) = &args.month {
        let month = match text.parse::<Month>() {
            Ok(month) => month,
            Err(error) => Month::of(day("--month", text).map_err(|_| {
                Failure::usage(format!("--month {text}: {error}"))
                    .hint("write 2025-10, or a day of the month: 2025-10-27, today")
            })?),
        };
        return Ok(Range::month(month));
    }
    if args.from.is_some() || args.to.is_some() {
        let from = args
            .from
            .as_deref()
            .map(|it| day("--from", it))
            .transpose()?;
        let to = day("--to", args.to.as_deref().unwrap_or("today"))?;
        let range = Range::between(from, to);
        return range.map_err(|error| {
            Failure::usage(format!("--from and --to: {error}"))
                .hint("a report goes from an earlier day to a later one")
                .into()
        });
    }
    let text = args.day.as_deref().unwrap_or("today");
    Ok(Range::day(day("--day", text)?))
}

fn show(report: &Report, context: &mut Context<'_>) -> anyhow::Result<()> {
    let name = report.journal.as_deref().unwrap_or("without a name");
    let head = format!("{} · journal {name} · {}", report.range.title, report.zone);
    context.out.line(printable(&head))?;
    for book in &report.books {
        show_book(book, context)?;
    }
    show_risk(report, context)?;
    let problems = report.problems;
    for (what, count) in [
        ("lines that could not be read", problems.unread_lines),
        (
            "days that could not be read to their ends",
            problems.unread_days,
        ),
        ("trades whose sums cannot be exact", problems.sums_refused),
        (
            "trades labelled against their result",
            problems.label_conflicts,
        ),
        ("exits without an entry", problems.unpaired_exits),
        ("entries repeated", problems.entries_repeated),
        ("exits replaced by later ones", problems.exits_replaced),
        (
            "closed trades of the other mode",
            report.mode.trades_not_shown,
        ),
    ] {
        if count != 0 {
            context.out.line(format!("note: {what}: {count}"))?;
        }
    }
    if !report.orders_refused.is_empty() {
        let orders = report.orders_refused.join(", ");
        let text = format!(
            "note: too large to be added up exactly with the others, and in no sum: {orders}"
        );
        context.out.line(printable(&text))?;
    }
    Ok(())
}

fn show_book(book: &Book, context: &mut Context<'_>) -> anyhow::Result<()> {
    context.out.line("")?;
    for (name, text) in figures(book) {
        context.out.line(format!("{name:<15}{text}"))?;
    }
    if book.trades.is_empty() {
        return Ok(());
    }
    context.out.line("")?;
    let mut table = Table::new(vec![
        Column::left("by"),
        Column::text("what"),
        Column::right("trades"),
        Column::right("win rate"),
        Column::right("net p&l"),
    ]);
    for (by, rows) in [
        ("symbol", &book.sheet.by_symbol),
        ("strategy", &book.sheet.by_strategy),
    ] {
        for row in rows {
            table.push(vec![
                by.to_owned(),
                row.key.clone().unwrap_or_default(),
                row.trades.to_string(),
                percent(Some(row.win_rate)),
                row.net.to_string(),
            ]);
        }
    }
    table.print(context.out)?;
    show_trades(book, context)
}

/// The numbers that matter most, each with its name.
fn figures(book: &Book) -> Vec<(&'static str, String)> {
    let (totals, sheet) = (&book.totals, &book.sheet);
    let results = &sheet.results;
    let mut lines = vec![
        (
            book.mode,
            format!(
                "{} trades: {} won, {} lost, {} even; win rate {}",
                totals.trades,
                totals.wins,
                totals.losses,
                totals.breakevens,
                percent(totals.win_rate)
            ),
        ),
        (
            "net p&l",
            format!(
                "{} = gross {} - fees {}",
                totals.net_pnl, totals.gross_pnl, totals.fees
            ),
        ),
    ];
    if let (Some(before), Some(after)) = (book.equity_before, book.equity_after) {
        lines.push(("equity", format!("{before} to {after}")));
    }
    if 1 < book.curve.len() {
        lines.push(("curve", sparkline(book)));
    }
    let or_dash = |value: Option<Decimal>| value.map_or("-".to_owned(), |it| rounded(it, 2));
    lines.push((
        "profit factor",
        match results.profit_factor_status {
            Some(why) => {
                let none = sheet_view::none("profit_factor", why.as_str());
                format!("{none} ({})", why.as_str().replace('_', " "))
            }
            None => or_dash(results.profit_factor),
        },
    ));
    lines.push((
        "expectancy",
        format!(
            "{} a trade, {} R",
            or_dash(results.expectancy),
            or_dash(sheet.r_multiples.mean)
        ),
    ));
    let drawdown = &sheet.equity.max_drawdown_abs;
    lines.push((
        "drawdown",
        match sheet.equity.max_drawdown_pct {
            Some(percent) => format!("{drawdown} ({} %) at most", rounded(percent, 2)),
            None => format!("{drawdown} at most"),
        },
    ));
    if !book.open.is_empty() {
        lines.push(("still open", still_open(book)));
    }
    lines
}

/// What is not over; what its exits earned so far stands in no other sum.
fn still_open(book: &Book) -> String {
    let shown = |sum: Option<Exact>| sum.map_or("-".to_owned(), |it| it.to_string());
    let value = shown(book.open_value);
    let mut text = format!("{}, {value} at entry prices", book.open.len());
    if book.open_net_pnl.is_none_or(|it| !it.is_zero()) {
        let so_far = shown(book.open_net_pnl);
        text.push_str(&format!("; their exits so far {so_far}, in no other sum"));
    }
    text
}

fn show_trades(book: &Book, context: &mut Context<'_>) -> anyhow::Result<()> {
    let zone = context.settings.zone.value;
    let skipped = book.trades.len().saturating_sub(TRADES_SHOWN);
    context.out.line("")?;
    if 0 < skipped {
        let count = book.trades.len();
        let text = format!("the last {TRADES_SHOWN} of {count} trades; --html and --json have all");
        context.out.line(text)?;
    }
    let mut table = Table::new(vec![
        Column::left("closed"),
        Column::left("symbol"),
        Column::right("qty"),
        Column::right("net p&l"),
        Column::text("strategy"),
        Column::text("order"),
    ]);
    for trade in book.trades.iter().skip(skipped) {
        let exited = trade.exited.parse::<Timestamp>();
        table.push(vec![
            exited.map_or_else(|_| trade.exited.clone(), |it| when::shown(it, zone)),
            trade.symbol.clone(),
            trade.quantity.to_string(),
            trade.net_pnl.to_string(),
            trade.strategy.clone(),
            trade.order_id.clone(),
        ]);
    }
    table.print(context.out)
}

fn show_risk(report: &Report, context: &mut Context<'_>) -> anyhow::Result<()> {
    let zone = context.settings.zone.value;
    let shown = |at: &str| {
        let time = at.parse::<Timestamp>();
        time.map_or_else(|_| at.to_owned(), |it| when::shown(it, zone))
    };
    let of_mode = |mode: Option<&str>| mode.map_or(String::new(), |it| format!("{it} "));
    let events = report.risk_events.iter().map(|it| {
        format!(
            "{} {}{} {}: {}, day so far {}",
            shown(&it.at),
            of_mode(it.mode),
            it.severity,
            it.event_type,
            it.action_taken,
            it.daily_pnl
        )
    });
    let alerts = report.alerts.iter().map(|it| {
        let message = it.message.as_deref().unwrap_or_default();
        format!(
            "{} {}{} {message}",
            shown(&it.at),
            of_mode(it.mode),
            match it.is_reminder {
                true => "still firing",
                false => it.event.unwrap_or("alert"),
            }
        )
    });
    let lines: Vec<String> = events.chain(alerts).collect();
    if lines.is_empty() {
        return Ok(());
    }
    context.out.line("")?;
    for line in lines {
        context.out.line(printable(&line))?;
    }
    Ok(())
}

/// The account over the trades: the last value of each piece, so that the end of the line is the end of
/// the curve.
fn sparkline(book: &Book) -> String {
    let values = book.curve.iter().map(|it| it.cumulative.nearest());
    let values: Vec<Decimal> = values.map(Option::unwrap_or_default).collect();
    let pieces = values.chunks(values.len().div_ceil(SPARK_LEN).max(1));
    let lasts: Vec<Decimal> = pieces.filter_map(|it| it.last().copied()).collect();
    spark(&lasts)
}

fn rounded(value: Decimal, places: u32) -> String {
    let mut value = value.round_dp(places);
    value.rescale(places);
    // What is rounded to nothing has no sign.
    match value.is_zero() {
        true => value.abs().to_string(),
        false => value.to_string(),
    }
}

/// A fraction of 1 in per cent, to the tenth.
pub(super) fn percent(value: Option<Decimal>) -> String {
    match value.and_then(|it| it.checked_mul(Decimal::ONE_HUNDRED)) {
        Some(value) => format!("{} %", rounded(value, 1)),
        None => "-".to_owned(),
    }
}
