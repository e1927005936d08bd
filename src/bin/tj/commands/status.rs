//! `tj status`: what is in the journal, who writes it, how much room is left.
//!
//! Always true: it reads the end of each stream and the names and lengths of its files, and needs
//! nobody's leave.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde::Serialize;
use tradejournal::journal::{Journal, StreamStatus};
use tradejournal::time::Timestamp;

use super::Context;
use crate::failure::Verdict;
use crate::journal;
use crate::output::printable;
use crate::size::size;
use crate::table::{Column, Table};
use crate::when;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    dir: String,
    name: Option<String>,
    free_bytes: Option<u64>,
    streams: Vec<Row>,
}

/// A stream.
#[derive(Debug, Serialize)]
struct Row {
    stream: &'static str,
    records: u64,
    records_on_disk: u64,
    days: u64,
    archived_days: u64,
    unclosed_days: u64,
    first_day: Option<String>,
    last_day: Option<String>,
    bytes: u64,
    archived_bytes: u64,
    last_record: Option<String>,
    last_write: Option<String>,
    writer: Writer,
    torn_files: u64,
    impostors: Vec<PathBuf>,
    link_is_foreign: bool,
}

/// Who writes a stream now.
#[derive(Debug, Serialize)]
struct Writer {
    active: bool,
    pid: Option<u32>,
}

pub(crate) fn run(context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let journal = journal::for_reading(&context.settings)?;
    let status = journal.status().context("cannot tell the status")?;
    let report = Report {
        dir: journal.layout().logs().display().to_string(),
        name: journal.identity().map(|it| it.name().to_owned()),
        free_bytes: journal.free_bytes().ok(),
        streams: status.iter().map(|it| row(&journal, it)).collect(),
    };
    match context.settings.json {
        true => context.out.json(&report)?,
        false => show(&report, context)?,
    }
    Ok(Verdict::Fine)
}

fn row(journal: &Journal, status: &StreamStatus) -> Row {
    let newest = status.last_day;
    let newest = newest.map(|day| journal.layout().day(status.stream, day));
    Row {
        stream: status.stream.name(),
        records: status.lines,
        records_on_disk: status.head_lines,
        days: status.days,
        archived_days: status.archived_days,
        unclosed_days: status.unclosed_days,
        first_day: status.first_day.map(|it| it.to_string()),
        last_day: status.last_day.map(|it| it.to_string()),
        bytes: status.bytes,
        archived_bytes: status.archived_bytes,
        last_record: status.last_record.map(|it| it.to_string()),
        last_write: newest.and_then(|it| modified(&it)).map(|it| it.to_string()),
        writer: Writer {
            active: status.holder.is_some(),
            pid: status.holder.flatten(),
        },
        torn_files: status.torn,
        impostors: status.impostors.clone(),
        link_is_foreign: status.link_is_foreign,
    }
}

/// When a file was last written, to the millisecond.
fn modified(path: &Path) -> Option<Timestamp> {
    let modified = fs::metadata(path).ok()?.modified().ok()?;
    let since = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
    let secs = i64::try_from(since.as_secs()).ok()?;
    Timestamp::from_unix(secs, since.subsec_millis() * 1_000_000).ok()
}

fn show(report: &Report, context: &mut Context<'_>) -> anyhow::Result<()> {
    let name = report.name.as_deref().unwrap_or("not begun yet");
    let head = format!("journal {name} in {}", report.dir);
    context.out.line(printable(&head))?;
    let mut table = Table::new(vec![
        Column::left("stream"),
        Column::right("records"),
        Column::right("days"),
        Column::right("archived"),
        Column::right("size"),
        Column::left("last write"),
        Column::left("writer"),
        Column::left("from"),
        Column::left("to"),
    ]);
    let zone = context.settings.zone.value;
    for row in &report.streams {
        let last_write = row.last_write.as_ref().and_then(|it| it.parse().ok());
        table.push(vec![
            row.stream.to_owned(),
            row.records.to_string(),
            row.days.to_string(),
            row.archived_days.to_string(),
            size(row.bytes.saturating_add(row.archived_bytes)),
            last_write.map_or_else(String::new, |it| when::shown(it, zone)),
            row.writer.shown(),
            row.first_day.clone().unwrap_or_default(),
            row.last_day.clone().unwrap_or_default(),
        ]);
    }
    table.print(context.out)?;
    for note in report.streams.iter().flat_map(Row::notes) {
        context.out.line(printable(&note))?;
    }
    if let Some(free) = report.free_bytes {
        context.out.line(format!("free disk: {}", size(free)))?;
    }
    Ok(())
}

impl Writer {
    fn shown(&self) -> String {
        match (self.active, self.pid) {
            (true, Some(pid)) => format!("process {pid}"),
            (true, None) => "held".to_owned(),
            (false, _) => "-".to_owned(),
        }
    }
}

impl Row {
    /// What a person should know beyond the table.
    fn notes(&self) -> Vec<String> {
        let stream = self.stream;
        let mut notes = Vec::new();
        if self.torn_files != 0 {
            notes.push(format!(
                "{stream}: torn tails are kept in {} files of torn/",
                self.torn_files
            ));
        }
        for path in &self.impostors {
            notes.push(format!(
                "{stream}: {} is not a plain file; nothing of it is read",
                path.display()
            ));
        }
        if self.link_is_foreign {
            notes.push(format!(
                "{stream}: {stream}.jsonl is not the journal's link and is left alone"
            ));
        }
        if 0 < self.unclosed_days && !self.writer.active {
            notes.push(match self.unclosed_days {
                1 => format!("{stream}: 1 day is over and not closed; the next writer closes it"),
                count => format!(
                    "{stream}: {count} days are over and not closed; the next writer closes them"
                ),
            });
        }
        notes
    }
}
