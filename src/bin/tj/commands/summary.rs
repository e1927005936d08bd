//! `tj summary`: a day in a few numbers.
//!
//! Always true: live and paper trades are counted apart.

use std::collections::BTreeMap;

use serde::Serialize;
use tradejournal::books::SumError;
use tradejournal::desk::Ledger;
use tradejournal::desk::report::Totals;
use tradejournal::record::field::ExecutionMode;
use tradejournal::time::{Clock, SystemClock};

use super::Context;
use super::report::modes;
use crate::args::Summary;
use crate::complaint::{inexact, unread};
use crate::failure::{Failure, Verdict};
use crate::journal;
use crate::table::{Column, Table};
use crate::when;

/// What `--json` prints. What else a day has comes beside `trades`.
#[derive(Debug, Serialize)]
struct Day {
    day: String,
    zone: String,
    trades: BTreeMap<&'static str, Totals>,
}

pub(crate) fn run(args: &Summary, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let zone = context.settings.zone.value;
    let day = when::day("--day", &args.day, zone, SystemClock.now())?;
    let journal = journal::for_reading(&context.settings)?;
    let talk = context.talk;
    let ledger = Ledger::read(&journal, |error| unread(talk, error));
    let mut refused: Vec<SumError> = ledger.refused().cloned().collect();
    let closed = ledger.closed(|error| refused.push(error));
    refused.iter().for_each(|it| inexact(talk, it));
    let books_zone = when::books_zone(zone);
    let mut trades = BTreeMap::new();
    for mode in modes(args.mode) {
        let own = closed
            .iter()
            .filter(|it| it.mode == mode && books_zone.day(it.exited) == day);
        let totals = Totals::of(own).ok_or_else(|| too_large(mode))?;
        trades.insert(mode.as_str(), totals);
    }
    let summary = Day {
        day: day.to_string(),
        zone: zone.name().to_owned(),
        trades,
    };
    match context.settings.json {
        true => context.out.json(&summary)?,
        false => show(&summary, context)?,
    }
    Ok(Verdict::found(
        !ledger.unread().is_nothing() || !refused.is_empty(),
    ))
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
    table.print(context.out)
}
