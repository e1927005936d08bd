//! `tj verify`: what the bytes prove, and the first bad byte of each problem.
//!
//! Always true: a problem is printed when it is found, and the checking goes on after it; nothing
//! is written and a bot may be writing.

use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;
use tradejournal::journal::{Depth, Finding, Journal, Progress, Verified};
use tradejournal::record::Stream;

use super::Context;
use crate::args::Verify;
use crate::bar::bar;
use crate::failure::Verdict;
use crate::journal;
use crate::output::{Out, printable};
use crate::size::size;
use crate::table::{Column, Table};

pub(crate) fn run(args: &Verify, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let journal = journal::for_checking(&context.settings)?;
    let depth = match args.chain {
        true => Depth::Chain,
        false => Depth::Records,
    };
    let streams = match args.stream {
        Some(stream) => vec![stream],
        None => present(&journal)?,
    };
    let mut all = Vec::new();
    for stream in streams {
        all.push(verify(&journal, stream, depth, context)?);
    }
    tell(&all, context)?;
    Ok(Verdict::found(all.iter().any(|it| it.problems != 0)))
}

/// The streams that the journal has.
fn present(journal: &Journal) -> anyhow::Result<Vec<Stream>> {
    let mut present = Vec::new();
    for stream in Stream::ALL {
        let layout = journal.layout();
        let days = layout.days(&**journal.disk(), stream)?;
        if !days.is_empty() || layout.stream(stream).is_dir() {
            present.push(stream);
        }
    }
    Ok(present)
}

fn verify(
    journal: &Journal,
    stream: Stream,
    depth: Depth,
    context: &mut Context<'_>,
) -> anyhow::Result<Verified> {
    let bar = bar(context.talk, &format!("verifying {stream}"), 0);
    let json = context.settings.json;
    let out = &mut *context.out;
    let mut printed = Ok(());
    let mut report = |finding| {
        // Once nobody reads any more, the rest is of no use to anybody.
        if printed.is_ok() {
            printed = bar.suspend(|| print(&finding, stream, json, out));
        }
    };
    let progress = |it: Progress| {
        bar.set_length(it.bytes_total);
        bar.set_position(it.bytes);
    };
    let verified = journal.verify_with_progress(stream, depth, &mut report, &progress);
    bar.finish_and_clear();
    printed?;
    verified.with_context(|| format!("cannot verify {stream}"))
}

/// What `--json` prints for each thing that was found.
#[derive(Serialize)]
struct Found<'a> {
    finding: &'static str,
    stream: &'static str,
    file: &'a Path,
    line: Option<u64>,
    byte: Option<u64>,
    seq: Option<u64>,
    is_note: bool,
    message: &'a str,
}

fn print(finding: &Finding, stream: Stream, json: bool, out: &mut Out) -> anyhow::Result<()> {
    if json {
        return out.json(&Found {
            finding: finding.kind.name(),
            stream: stream.name(),
            file: &finding.path,
            line: finding.line,
            byte: finding.byte,
            seq: finding.seq,
            is_note: finding.kind.is_note(),
            message: &finding.message,
        });
    }
    let mut place = finding.path.display().to_string();
    if let Some(line) = finding.line {
        place.push_str(&format!(":{line}"));
    }
    if let Some(byte) = finding.byte {
        place.push_str(&format!(" (byte {byte})"));
    }
    let kind = finding.kind.name().replace('_', " ");
    let text = format!("{place}: {kind}: {}", finding.message);
    out.line(printable(&text))?;
    out.flush()
}

/// What `--json` prints for each stream at the end.
#[derive(Serialize)]
struct Covered {
    verified: &'static str,
    days: u64,
    lines: u64,
    bytes: u64,
    problems: u64,
}

fn tell(all: &[Verified], context: &mut Context<'_>) -> anyhow::Result<()> {
    if context.settings.json {
        for it in all {
            context.out.json(&Covered {
                verified: it.stream.name(),
                days: it.days,
                lines: it.lines,
                bytes: it.bytes,
                problems: it.problems,
            })?;
        }
        return Ok(());
    }
    let mut table = Table::new(vec![
        Column::left("stream"),
        Column::right("days"),
        Column::right("lines"),
        Column::right("size"),
        Column::right("problems"),
    ]);
    for it in all {
        table.push(vec![
            it.stream.name().to_owned(),
            it.days.to_string(),
            it.lines.to_string(),
            size(it.bytes),
            it.problems.to_string(),
        ]);
    }
    table.print(context.out)?;
    let problems: u64 = all.iter().map(|it| it.problems).sum();
    match problems {
        0 => context
            .out
            .line("all that can be checked from the bytes is right"),
        1 => context.out.line("1 problem"),
        count => context.out.line(format!("{count} problems")),
    }
}
