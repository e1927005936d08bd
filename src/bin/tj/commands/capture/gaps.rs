//! `tj capture gaps`: the gaps of a capture, one a line.

use serde::Serialize;
use tradejournal::driver::sqlite::{GapFilter, KeptGap, SqliteOptions, SqliteReader};
use tradejournal::feed::bybit::{GapState, Millis};

use super::{refusal, time};
use crate::args::capture::CaptureGaps;
use crate::failure::{Failure, Verdict};
use crate::output::Out;
use crate::table::{Column, Table};
use crate::words::counted;

/// What `--json` prints for each.
#[derive(Serialize)]
struct Row<'a> {
    gap: i64,
    run: i64,
    stream: &'static str,
    category: Option<&'static str>,
    symbol: &'a str,
    cause: &'static str,
    detail: &'a str,
    declared: String,
    from: Option<String>,
    to: Option<String>,
    state: &'static str,
    rows_filled: u64,
    filled_by: Option<&'a str>,
    /// What is missing still.
    rest_from: Option<String>,
    rest_to: Option<String>,
    checked: Option<String>,
    tries: u64,
}

pub(super) fn run(args: &CaptureGaps, is_json: bool, out: &mut Out) -> anyhow::Result<Verdict> {
    let state = args
        .state
        .as_deref()
        .map(str::parse::<GapState>)
        .transpose();
    let filter = GapFilter {
        state: state.map_err(|why| Failure::usage(format!("--state {why}")))?,
        symbol: args.symbol.clone(),
        ..GapFilter::default()
    };
    let reader = SqliteReader::open(&args.database, SqliteOptions::default()).map_err(refusal)?;
    let gaps = reader.gaps(&filter).map_err(refusal)?;
    match is_json {
        true => {
            for gap in &gaps {
                out.json(&row(gap))?;
            }
        }
        false => show(&gaps, out)?,
    }
    Ok(Verdict::Fine)
}

fn row(kept: &KeptGap) -> Row<'_> {
    let gap = &kept.gap;
    let (rest_from, rest_to) = gap.rest.unwrap_or_default();
    Row {
        gap: gap.id.0,
        run: kept.run,
        stream: gap.stream.kind.as_str(),
        category: gap.stream.category.map(|it| it.as_str()),
        symbol: &gap.stream.symbol,
        cause: gap.cause.as_str(),
        detail: &gap.detail,
        declared: time(gap.declared),
        from: gap.from.map(time),
        to: gap.to.map(time),
        state: gap.state.as_str(),
        rows_filled: gap.rows,
        filled_by: gap.filled_by.as_deref().filter(|it| !it.is_empty()),
        rest_from: rest_from.map(time),
        rest_to: rest_to.map(time),
        checked: kept.checked.map(time),
        tries: kept.tries,
    }
}

fn show(gaps: &[KeptGap], out: &mut Out) -> anyhow::Result<()> {
    if gaps.is_empty() {
        return out.line("no such gaps");
    }
    let mut table = Table::new(vec![
        Column::right("gap"),
        Column::left("stream"),
        Column::left("from"),
        Column::left("to"),
        Column::left("cause"),
        Column::left("state"),
        Column::right("rows"),
        Column::text("by"),
        Column::text("missing still"),
        Column::text("why"),
    ]);
    for kept in gaps {
        let gap = &kept.gap;
        let by = gap.filled_by.as_deref().filter(|it| !it.is_empty());
        table.push(vec![
            gap.id.0.to_string(),
            gap.stream.to_string(),
            edge(gap.from, "the beginning"),
            edge(gap.to, "now"),
            gap.cause.as_str().to_owned(),
            gap.state.as_str().to_owned(),
            gap.rows.to_string(),
            by.unwrap_or("-").to_owned(),
            missing(kept),
            gap.detail.clone(),
        ]);
    }
    table.print(out)?;
    out.line(counted(gaps.len() as u64, "gap", "gaps"))
}

/// A bound that is not known is where everything begins or ends.
fn edge(at: Option<Millis>, otherwise: &str) -> String {
    at.map_or_else(|| otherwise.to_owned(), time)
}

fn missing(kept: &KeptGap) -> String {
    let gap = &kept.gap;
    match (gap.state, gap.rest) {
        (GapState::Filled, _) => "nothing".to_owned(),
        (GapState::Open, _) => "not known yet".to_owned(),
        (GapState::Unfillable, _) | (_, None) => "all of it".to_owned(),
        (_, Some((None, None))) => "some of it".to_owned(),
        (_, Some((from, to))) => {
            format!("{} to {}", edge(from, "the beginning"), edge(to, "the end"))
        }
    }
}
