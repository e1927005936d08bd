//! `tj tax --year`: the files of a year, and what it came to.
//!
//! Always true:
//! - All files are written, or all stay as they were.
//! - What has no place in a file, and what somebody has to look at, is counted and told.
//!
//! Not here: what is in the files, which the library makes.

use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;
use tradejournal::books::tax::Cents;
use tradejournal::desk::tax::{
    Figures, Filing, Kind, Preset, PresetFile, Summary, TermSum, form8949, form8949_totals,
    lots_audit, open_lots, txf, wash_sales,
};
use tradejournal::disk::{self, Disk as _, RealDisk};

use super::year::Year;
use crate::args::TaxFile;
use crate::commands::Context;
use crate::failure::{Failure, Verdict};
use crate::output::{Talk, printable};
use crate::table::{Column, Table};

/// How many losses that may still be replaced are listed.
const WINDOWS_SHOWN: usize = 10;

pub(super) fn run(args: &TaxFile, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let Some(year) = args.year else {
        return Err(Failure::usage("which year? --year is missing")
            .hint("such as `tj tax --year 2025`")
            .into());
    };
    let year = Year::read(year, (&args.source, &args.rules, &args.r#box), context)?;
    let filing = year.filing(args.whole_dollars)?;
    let files = files(&filing, args, &year, context.talk);
    write(&args.out, &files)?;
    let summary = Summary::of(&filing);
    for unused in &summary.unused_boxes {
        let what = match unused.kind {
            Kind::Security => "shares",
            Kind::Digital => "digital assets",
        };
        let account = &unused.account_id;
        let text = format!("boxes of {account}: no {what} were sold in that account");
        context.talk.warning(&printable(&text));
    }
    if let Some(warning) = summary.method_warning {
        context
            .talk
            .warning(&format!("{}: {warning}", summary.method));
    }
    match context.settings.json {
        true => context.out.json(&Told::of(&summary, &files))?,
        false => show(&summary, &args.out, &files, context)?,
    }
    Ok(Verdict::found(summary.rows_to_review != 0))
}

/// The files with their names. What has no place in one is told.
fn files(filing: &Filing<'_>, args: &TaxFile, year: &Year, talk: &Talk) -> Vec<(String, Vec<u8>)> {
    let number = year.year;
    let program = concat!("tradejournal ", env!("CARGO_PKG_VERSION"));
    let made = txf(filing, program, year.today);
    let name = format!("form8949_{number}.txf");
    tell_left_out(
        &name,
        "TXF has no number for digital assets",
        made.left_out.rows,
        made.left_out.figures,
        talk,
    );
    let mut files = vec![
        (format!("form8949_{number}.csv"), form8949(filing)),
        (
            format!("form8949_{number}_totals.csv"),
            form8949_totals(filing),
        ),
        (format!("lots_audit_{number}.csv"), lots_audit(filing)),
        (
            format!("open_lots_{}.csv", filing.year_end()),
            open_lots(filing),
        ),
        (format!("wash_sales_{number}.csv"), wash_sales(filing)),
        (name, made.bytes),
    ];
    let mut presets = vec![Preset::TaxAct];
    presets.extend(args.compat.iter().filter(|it| **it != Preset::TaxAct));
    presets.dedup();
    for preset in presets {
        let name = format!("{}_{number}.csv", preset.name());
        let made = preset.file(filing);
        tell_preset(&name, &made, talk);
        files.push((name, made.bytes));
    }
    files
}

fn tell_preset(name: &str, made: &PresetFile, talk: &Talk) {
    let why = "that program cannot say what they are";
    tell_left_out(name, why, made.left_out.rows, made.left_out.figures, talk);
    if made.dated_otherwise != 0 {
        let count = made.dated_otherwise;
        talk.warning(&format!(
            "{name}: {count} rows have the day since when they count as held, since the program knows dates alone"
        ));
    }
    if let Some(most) = made.rows_max.filter(|most| *most < made.rows) {
        talk.warning(&format!(
            "{name}: {} rows, and that program takes {most}",
            made.rows
        ));
    }
}

fn tell_left_out(name: &str, why: &str, rows: usize, figures: Figures, talk: &Talk) {
    if rows != 0 {
        let gain = figures.gain;
        talk.warning(&format!(
            "{name}: {rows} rows with a gain of {gain} are not in it: {why}"
        ));
    }
}

fn write(folder: &Path, files: &[(String, Vec<u8>)]) -> anyhow::Result<()> {
    let cannot = || {
        format!(
            "cannot write the files of the year into {}",
            folder.display()
        )
    };
    let folder = std::path::absolute(folder).with_context(cannot)?;
    if RealDisk.look(&folder).with_context(cannot)?.is_none() {
        std::fs::create_dir_all(&folder).with_context(cannot)?;
    }
    disk::replace_all(&RealDisk, &folder, files).with_context(cannot)
}

fn show(
    summary: &Summary,
    folder: &Path,
    files: &[(String, Vec<u8>)],
    context: &mut Context<'_>,
) -> anyhow::Result<()> {
    let head = format!("Form 8949 of {}, by {}", summary.year, summary.method);
    context.out.line(head)?;
    terms(summary).print(context.out)?;
    for (what, sum) in [
        ("disallowed this year", summary.disallowed),
        (
            "deferred into lots that are open, or were bought after it",
            summary.deferred,
        ),
        ("gone for ever, to retirement accounts", summary.gone),
    ] {
        context.out.line(format!("{what}: {sum}"))?;
    }
    context
        .out
        .line(format!("rows to look at: {}", summary.rows_to_review))?;
    for reason in &summary.reasons {
        let line = format!("  {}: {}", reason.rows, reason.example);
        context.out.line(printable(&line))?;
    }
    let windows = &summary.open_windows;
    if !windows.is_empty() {
        context.out.line(format!(
            "losses whose 30 days are not over: {}",
            windows.len()
        ))?;
    }
    for window in windows.iter().take(WINDOWS_SHOWN) {
        let (id, symbol, loss) = (&window.row_id, &window.symbol, window.loss_left);
        let (sold, last) = (window.sold, window.last);
        let line = format!("  {id}: {loss} of {symbol}, sold on {sold}, until {last}");
        context.out.line(printable(&line))?;
    }
    if WINDOWS_SHOWN < windows.len() {
        let more = windows.len() - WINDOWS_SHOWN;
        context.out.line(format!("  and {more} more"))?;
    }
    for (name, _) in files {
        let path = folder.join(name);
        context.out.line(printable(&path.display().to_string()))?;
    }
    context
        .out
        .line("Not tax advice: docs/TAX.md says what is left out.")
}

fn terms(summary: &Summary) -> Table {
    let mut table = Table::new(vec![
        Column::left("term"),
        Column::right("rows"),
        Column::right("proceeds"),
        Column::right("basis"),
        Column::right("adjustment"),
        Column::right("gain"),
    ]);
    for (name, sum) in [("short", summary.short), ("long", summary.long)] {
        let figures = sum.figures;
        let mut row = vec![name.to_owned(), sum.rows.to_string()];
        row.extend(
            [
                figures.proceeds,
                figures.basis,
                figures.adjustment,
                figures.gain,
            ]
            .map(|it| it.to_string()),
        );
        table.push(row);
    }
    table
}

/// What `--json` prints.
#[derive(Serialize)]
struct Told<'a> {
    year: i32,
    method: String,
    method_warning: Option<&'a str>,
    short: Sums,
    long: Sums,
    disallowed: String,
    deferred: String,
    gone: String,
    rows_to_review: usize,
    reasons: Vec<Reason<'a>>,
    open_windows: Vec<Window<'a>>,
    files: Vec<&'a str>,
}

#[derive(Serialize)]
struct Sums {
    rows: usize,
    proceeds: String,
    basis: String,
    adjustment: String,
    gain: String,
}

#[derive(Serialize)]
struct Reason<'a> {
    kind: &'a str,
    example: String,
    rows: usize,
}

#[derive(Serialize)]
struct Window<'a> {
    row_id: &'a str,
    symbol: &'a str,
    sold: String,
    last: String,
    loss_left: String,
}

impl Told<'_> {
    fn of<'a>(summary: &'a Summary, files: &'a [(String, Vec<u8>)]) -> Told<'a> {
        let money = |it: Cents| it.to_string();
        Told {
            year: summary.year,
            method: summary.method.to_string(),
            method_warning: summary.method_warning,
            short: Sums::of(&summary.short),
            long: Sums::of(&summary.long),
            disallowed: money(summary.disallowed),
            deferred: money(summary.deferred),
            gone: money(summary.gone),
            rows_to_review: summary.rows_to_review,
            reasons: summary
                .reasons
                .iter()
                .map(|it| Reason {
                    kind: it.kind,
                    example: it.example.to_string(),
                    rows: it.rows,
                })
                .collect(),
            open_windows: summary
                .open_windows
                .iter()
                .map(|it| Window {
                    row_id: &it.row_id,
                    symbol: &it.symbol,
                    sold: it.sold.to_string(),
                    last: it.last.to_string(),
                    loss_left: money(it.loss_left),
                })
                .collect(),
            files: files.iter().map(|it| &*it.0).collect(),
        }
    }
}

impl Sums {
    fn of(sum: &TermSum) -> Sums {
        let figures = sum.figures;
        Sums {
            rows: sum.rows,
            proceeds: figures.proceeds.to_string(),
            basis: figures.basis.to_string(),
            adjustment: figures.adjustment.to_string(),
            gain: figures.gain.to_string(),
        }
    }
}
