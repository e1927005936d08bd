//! `tj summary`: a day in a few numbers.
//!
//! Always true:
//! - Live and paper trades are counted apart.
//! - What the trade log of the day adds up to is what the bot's own log says of it.

use std::collections::BTreeMap;

use serde::Serialize;
use tradejournal::books::metrics::Exact;
use tradejournal::books::{Activity, ActivitySummary, SumError};
use tradejournal::desk::Ledger;
use tradejournal::desk::report::Totals;
use tradejournal::journal::Journal;
use tradejournal::record::field::ExecutionMode;
use tradejournal::record::{FillRecord, Record, Stream};
use tradejournal::time::{Clock, SystemClock, Timestamp};

use super::Context;
use super::report::modes;
use crate::args::{ModeWanted, Summary};
use crate::cache;
use crate::complaint::{inexact, unread};
use crate::failure::{Failure, Verdict};
use crate::journal;
use crate::output::Talk;
use crate::table::{Column, Table};
use crate::when;

/// What `--json` prints. What else a day has comes beside `trades`.
#[derive(Debug, Serialize)]
struct Day {
    day: String,
    zone: String,
    trades: BTreeMap<&'static str, Totals>,
    activity: ActivitySummary,
}

pub(crate) fn run(args: &Summary, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let zone = context.settings.zone.value;
    let now = SystemClock.now();
    let day = when::day("--day", &args.day, zone, now)?;
    let journal = journal::for_reading(&context.settings)?;
    let known = cache::Asked {
        name: "summary",
        streams: &[
            Stream::Trades,
            Stream::Fills,
            Stream::Decisions,
            Stream::Errors,
        ],
        with: format!("{day} {zone:?} {:?}", args.mode),
    };
    cache::answered(&known, &journal, context, |context| {
        compute(args.mode, day, &journal, context)
    })
}

fn compute(
    mode_wanted: ModeWanted,
    day: tradejournal::time::Day,
    journal: &Journal,
    context: &mut Context<'_>,
) -> anyhow::Result<Verdict> {
    let (zone, now) = (context.settings.zone.value, SystemClock.now());
    let talk = context.talk;
    let ledger = Ledger::read(journal, |error| unread(talk, error));
    let mut refused: Vec<SumError> = ledger.refused().cloned().collect();
    let closed = ledger.closed(|error| refused.push(error));
    refused.iter().for_each(|it| inexact(talk, it));
    let books_zone = when::books_zone(zone);
    let mut trades = BTreeMap::new();
    for mode in modes(mode_wanted) {
        let own = closed
            .iter()
            .filter(|it| it.mode == mode && books_zone.day(it.exited) == day);
        let totals = Totals::of(own).ok_or_else(|| too_large(mode))?;
        trades.insert(mode.as_str(), totals);
    }
    let text = day.to_string();
    let mut log = Log {
        span: (when::from(&text, zone, now)?, when::to(&text, zone, now)?),
        activity: Activity::default(),
        unread: 0,
    };
    log.count(journal, talk, |activity, fill: &FillRecord| {
        // A fill that does not say whose it is, is in `all` alone.
        let is_wanted = match mode_wanted {
            ModeWanted::All => true,
            ModeWanted::Live => fill.execution_mode() == Some(ExecutionMode::Live),
            ModeWanted::Paper => fill.execution_mode() == Some(ExecutionMode::Paper),
        };
        if is_wanted {
            activity.add_fill(fill);
        }
    });
    log.count(journal, talk, Activity::add_decision);
    log.count(journal, talk, Activity::add_error);
    let summary = Day {
        day: text,
        zone: zone.name().to_owned(),
        trades,
        activity: log.activity.summary(),
    };
    match context.settings.json {
        true => context.out.json(&summary)?,
        false => show(&summary, context)?,
    }
    Ok(Verdict::found(
        !ledger.unread().is_nothing() || !refused.is_empty() || log.unread != 0,
    ))
}

/// The records of a trade log as they are counted.
struct Log {
    span: (Timestamp, Timestamp),
    activity: Activity,
    /// How many lines could not be read.
    unread: u64,
}

impl Log {
    fn count<R: Record>(
        &mut self,
        journal: &Journal,
        talk: &Talk,
        add: impl Fn(&mut Activity, &R),
    ) {
        let reader = journal.read::<R>().from(self.span.0).to(self.span.1);
        let mut entries = reader.iter();
        while let Some(entry) = entries.next_entry() {
            match entry {
                Ok(entry) => add(&mut self.activity, entry.record),
                Err(error) => {
                    self.unread += 1;
                    unread(talk, error);
                }
            }
        }
    }
}

fn too_large(mode: ExecutionMode) -> Failure {
    Failure::new(format!(
        "the results of {mode} do not add up to a number of 127 bits and 28 places"
    ))
}

fn show(summary: &Day, context: &mut Context<'_>) -> anyhow::Result<()> {
    let head = format!("closed on {} ({})", summary.day, summary.zone);
    context.out.line(head)?;
    let mut table = Table::new(vec![
        Column::left("mode"),
        Column::right("trades"),
        Column::right("wins"),
        Column::right("losses"),
        Column::right("breakevens"),
        Column::right("win rate"),
        Column::right("gross p&l"),
        Column::right("fees"),
        Column::right("net p&l"),
    ]);
    for (mode, totals) in &summary.trades {
        table.push(vec![
            (*mode).to_owned(),
            totals.trades.to_string(),
            totals.wins.to_string(),
            totals.losses.to_string(),
            totals.breakevens.to_string(),
            super::report::percent(totals.win_rate),
            totals.gross_pnl.to_string(),
            totals.fees.to_string(),
            totals.net_pnl.to_string(),
        ]);
    }
    table.print(context.out)?;
    show_log(&summary.activity, context)
}

/// Nothing where there is no trade log.
fn show_log(activity: &ActivitySummary, context: &mut Context<'_>) -> anyhow::Result<()> {
    if activity.total_trades + activity.total_decisions + activity.total_errors == 0 {
        return Ok(());
    }
    let text = |it: Option<Exact>| it.map_or_else(|| "-".to_owned(), |it| it.to_string());
    let fees = activity.fees.iter();
    let fees: Vec<String> = fees
        .map(|(asset, fee)| format!("{} {asset}", text(*fee)))
        .collect();
    let fees = match fees.is_empty() {
        true => "0".to_owned(),
        false => fees.join(", "),
    };
    let kinds = activity.error_breakdown.iter();
    let kinds: Vec<String> = kinds.map(|it| format!("{} {}", it.1, it.0)).collect();
    let kinds = match kinds.is_empty() {
        true => String::new(),
        false => format!(" ({})", kinds.join(", ")),
    };
    context.out.line("")?;
    let mut table = Table::new(vec![Column::left("trade log"), Column::left("")]);
    for (what, value) in [
        ("fills", activity.total_trades.to_string()),
        ("won", activity.winning_trades.to_string()),
        ("lost", activity.losing_trades.to_string()),
        ("win rate", super::report::percent(activity.win_rate)),
        ("p&l", text(activity.total_pnl)),
        ("fees", fees),
        ("net p&l", text(activity.net_pnl)),
        ("decisions", activity.total_decisions.to_string()),
        ("errors", format!("{}{kinds}", activity.total_errors)),
    ] {
        table.push(vec![what.to_owned(), value]);
    }
    table.print(context.out)
}
