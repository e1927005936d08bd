//! `tj capture status`: how a capture stands.
//!
//! Not here: what needs a person (`standing`).

use tradejournal::feed::bybit::Millis;
use tradejournal::time::{Clock, SystemClock};

use super::refusal;
use super::standing::{self, LastRun, Standing};
use crate::args::capture::CaptureDatabase;
use crate::failure::Verdict;
use crate::output::{Out, printable};
use crate::size::size;
use crate::table::{Column, Table};
use crate::words::counted;

pub(super) fn run(args: &CaptureDatabase, is_json: bool, out: &mut Out) -> anyhow::Result<Verdict> {
    let standing = standing::of(&args.database, Millis::of(SystemClock.now())).map_err(refusal)?;
    match is_json {
        true => out.json(&standing)?,
        false => show(&standing, out)?,
    }
    Ok(Verdict::found(!standing.wrong.is_empty()))
}

fn show(standing: &Standing, out: &mut Out) -> anyhow::Result<()> {
    let capture = match standing.running {
        true => "a capture has it now",
        false => "no capture runs",
    };
    out.line(printable(&format!("{}: {capture}", standing.database)))?;
    out.line(format!(
        "  {}, WAL {}, {} free; {}",
        size(standing.database_bytes),
        size(standing.wal_bytes),
        size(standing.free_bytes),
        counted(standing.runs, "run", "runs"),
    ))?;
    if let Some(run) = &standing.last_run {
        out.line(printable(&format!("  {}", last(run))))?;
    }
    out.line("")?;
    let mut table = Table::new(vec![Column::left("table"), Column::right("rows")]);
    for (name, rows) in &standing.tables {
        table.push(vec![(*name).to_owned(), rows.to_string()]);
    }
    table.print(out)?;
    if !standing.newest.is_empty() {
        out.line("")?;
        let columns = ["newest", "time", "stream"].map(Column::left);
        let mut table = Table::new(columns.into());
        for it in &standing.newest {
            table.push(vec![it.kind.to_owned(), it.time.clone(), it.stream.clone()]);
        }
        table.print(out)?;
    }
    if !standing.gaps.is_empty() {
        out.line("")?;
        let mut table = Table::new(vec![
            Column::left("gaps"),
            Column::left("cause"),
            Column::right("count"),
        ]);
        for it in &standing.gaps {
            let (state, cause) = (it.state.to_owned(), it.cause.to_owned());
            table.push(vec![state, cause, it.count.to_string()]);
        }
        table.print(out)?;
    }
    if !standing.wrong.is_empty() {
        out.line("")?;
    }
    for wrong in &standing.wrong {
        out.line(printable(&format!("needs a person: {wrong}")))?;
    }
    Ok(())
}

fn last(run: &LastRun) -> String {
    let net = if run.testnet { "test net" } else { "main net" };
    let account = if run.account { ", with an account" } else { "" };
    let ended = match (run.status.as_str(), &run.ended) {
        ("running", _) => "has not ended".to_owned(),
        (status, Some(ended)) => format!("{status} at {ended}"),
        (status, None) => status.to_owned(),
    };
    let heard = match &run.heard {
        Some(heard) => format!("; the last that it wrote came at {heard}"),
        None => "; it wrote nothing".to_owned(),
    };
    format!(
        "run {} of the {net}{account}, tj {}: began at {}, {ended}{heard}",
        run.run, run.version, run.started
    )
}
