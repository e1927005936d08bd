//! `tj status`: what is in the journal, who writes it, how much room is left.
//!
//! Always true: it reads the end of each stream and the names and lengths of its files, and needs
//! nobody's leave.

use std::{fmt, fs, path::Path};

use serde::Serialize;
use tradejournal::journal::Journal;
use tradejournal::journal::layout::Place;
use tradejournal::record::Stream;
use tradejournal::time::Timestamp;

use super::Context;
use crate::failure::Verdict;
use crate::journal;
use crate::size::size;
use crate::table::{Column, Table};
use crate::when;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    dir: String,
    name: Option<String>,
    streams: Vec<Row>,
    free_bytes: Option<u64>,
}

/// A stream.
#[derive(Debug, Serialize)]
struct Row {
    stream: &'static str,
    /// How many records; `null` for a stream whose last line is not part of a chain.
    records: Option<u64>,
    days: usize,
    archived_days: usize,
    first_day: Option<String>,
    last_day: Option<String>,
    bytes: u64,
    last_write: Option<String>,
    writer: Writer,
    notes: Vec<String>,
}

/// Who writes a stream now.
#[derive(Debug, Serialize)]
struct Writer {
    active: bool,
    pid: Option<u32>,
}

impl Writer {
    fn of(holder: Option<Option<u32>>) -> Writer {
        Writer {
            active: holder.is_some(),
            pid: holder.flatten(),
        }
    }
}

impl fmt::Display for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.active, self.pid) {
            (true, Some(pid)) => write!(f, "process {pid}"),
            (true, None) => f.write_str("held"),
            (false, _) => f.write_str("-"),
        }
    }
}

pub(crate) fn run(context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let journal = journal::for_reading(&context.settings)?;
    let logs = journal.layout().logs();
    let mut streams = Vec::new();
    for stream in Stream::ALL {
        streams.extend(row(&journal, stream)?);
    }
    let report = Report {
        dir: logs.display().to_string(),
        name: journal.identity().map(|it| it.name().to_owned()),
        streams,
        free_bytes: journal.disk().free_bytes(logs).ok(),
    };
    if context.settings.json {
        context.out.json(&report)?;
        return Ok(Verdict::Fine);
    }
    show(&report, context)
}

/// What is known of a stream; nothing when it has no folder and no archived day.
fn row(journal: &Journal, stream: Stream) -> anyhow::Result<Option<Row>> {
    let layout = journal.layout();
    let days = layout.days(&**journal.disk(), stream)?;
    if days.is_empty() && !layout.stream(stream).is_dir() {
        return Ok(None);
    }
    let mut notes = Vec::new();
    let records = match journal.lines(stream).last(1).into_iter().next() {
        None => Some(0),
        Some(Ok(line)) => line.tail().map(|tail| tail.seq.saturating_add(1)),
        Some(Err(error)) => {
            notes.push(format!("the last line cannot be read: {error}"));
            None
        }
    };
    notes.extend(link_note(journal, stream));
    let length = |path: &Path| fs::metadata(path).map(|it| it.len()).unwrap_or_default();
    let newest = days.iter().rfind(|it| it.place == Place::Logs);
    Ok(Some(Row {
        stream: stream.name(),
        records,
        days: days.len(),
        archived_days: days.iter().filter(|it| it.place == Place::Archive).count(),
        first_day: days.first().map(|it| it.day.to_string()),
        last_day: days.last().map(|it| it.day.to_string()),
        bytes: days.iter().map(|it| length(&it.path)).sum(),
        last_write: newest
            .and_then(|it| modified(&it.path))
            .map(|it| it.to_string()),
        writer: Writer::of(journal.holder(stream)),
        notes,
    }))
}

/// Where the link to the open day should be, something else may be.
fn link_note(journal: &Journal, stream: Stream) -> Option<String> {
    let link = journal.layout().link(stream);
    let found = fs::symlink_metadata(&link).ok()?;
    let is_other = !found.file_type().is_symlink();
    is_other.then(|| {
        format!(
            "{} is no link of the journal and is left alone",
            link.display()
        )
    })
}

fn modified(path: &Path) -> Option<Timestamp> {
    let modified = fs::metadata(path).ok()?.modified().ok()?;
    let since = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
    let secs = i64::try_from(since.as_secs()).ok()?;
    Timestamp::from_unix(secs, since.subsec_millis() * 1_000_000).ok()
}

fn show(report: &Report, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let name = report.name.as_deref().unwrap_or("not begun yet");
    let dir = &report.dir;
    let head = format!("journal {name} in {dir}");
    context.out.line(crate::output::printable(&head))?;
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
            row.records
                .map_or_else(|| "?".to_owned(), |it| it.to_string()),
            row.days.to_string(),
            row.archived_days.to_string(),
            size(row.bytes),
            last_write
                .map(|it| when::shown(it, zone))
                .unwrap_or_default(),
            row.writer.to_string(),
            row.first_day.clone().unwrap_or_default(),
            row.last_day.clone().unwrap_or_default(),
        ]);
    }
    table.print(context.out)?;
    for row in &report.streams {
        for note in &row.notes {
            context
                .out
                .line(crate::output::printable(&format!("{}: {note}", row.stream)))?;
        }
    }
    if let Some(free) = report.free_bytes {
        context.out.line(format!("free disk: {}", size(free)))?;
    }
    Ok(Verdict::Fine)
}
