//! `tj status`: what is in the journal, who writes it, how much room is left.
//!
//! Always true: it reads the end of each stream and the names and lengths of its files, and needs
//! nobody's leave.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use serde::Serialize;
use tradejournal::evidence::checkpoint::SignedCheckpoint;
use tradejournal::evidence::{Exports, KeyState, Keyring, anchors};
use tradejournal::journal::{Journal, StreamStatus};
use tradejournal::record::Stream;
use tradejournal::time::{Day, Timestamp};

use super::{Context, window};
use crate::evidence;
use crate::failure::Verdict;
use crate::journal;
use crate::output::printable;
use crate::safety::Safety;
use crate::size::size;
use crate::table::{Column, Table};
use crate::when;

/// Whoever writes with a key signs every ten seconds.
const SIGNED_WITHIN: Duration = Duration::from_secs(60);

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    dir: String,
    name: Option<String>,
    free_bytes: Option<u64>,
    evidence: Evidence,
    safety: Safety,
    streams: Vec<Row>,
    /// The minutes of public trades, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<window::Standing>,
}

/// How signing stands.
#[derive(Debug, Serialize)]
struct Evidence {
    /// `none`, `ratchet`, `static`, or `unreadable`.
    key: &'static str,
    /// What is wrong with it, or will be soon.
    trouble: Option<String>,
    last_key_day: Option<String>,
    /// When the oldest of the checkpoints that were handed out last was signed: what was cut off
    /// since then would go unseen.
    exported: Option<String>,
    exported_age_seconds: Option<u64>,
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
    /// What the newest checkpoint covers, and the newest that was handed out.
    signed_records: Option<u64>,
    signed: Option<String>,
    /// There is a key, and the newest record has not been signed for over a minute.
    signing_late: bool,
    exported_records: Option<u64>,
    exported: Option<String>,
    /// The newest time-stamp, and what kept the last try from giving one.
    time_stamped: Option<String>,
    time_stamp_failure: Option<String>,
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
    let exports = Exports::of(&journal).read().unwrap_or_default();
    let evidence = standing(&journal, &exports, context);
    let report = Report {
        dir: journal.layout().logs().display().to_string(),
        name: journal.identity().map(|it| it.name().to_owned()),
        free_bytes: journal.free_bytes().ok(),
        streams: status
            .iter()
            .map(|it| row(&journal, it, &exports, evidence.key != "none"))
            .collect(),
        evidence,
        safety: Safety::of(&journal, &context.settings)?,
        window: window::standing(&context.settings)?,
    };
    match context.settings.json {
        true => context.out.json(&report)?,
        false => show(&report, context)?,
    }
    let is_bad = report.window.as_ref().is_some_and(window::Standing::is_bad);
    Ok(Verdict::found(report.safety.is_late() || is_bad))
}

/// When a checkpoint was handed out, and which.
type Export = (Timestamp, SignedCheckpoint);

/// The key and the newest export.
fn standing(journal: &Journal, exports: &[Export], context: &Context<'_>) -> Evidence {
    let now = journal.clock().now();
    let name = journal
        .identity()
        .map(|it| it.name().to_owned())
        .unwrap_or_default();
    let state = evidence::keys(&context.settings).state(&Keyring::of(journal, &name));
    let today = now.day();
    let (key, trouble, last) = match state {
        Ok(KeyState::None) => ("none", None, None),
        Ok(KeyState::Static { .. }) => ("static", None, None),
        Ok(KeyState::Ratchet { day, last }) => ("ratchet", trouble(today, day, last), last),
        Ok(_) => ("unknown", None, None),
        Err(error) => (
            "unreadable",
            Some(format!("{:#}", anyhow::Error::new(error))),
            None,
        ),
    };
    // A checkpoint shows what was there when it was signed, not when it was handed out; and each
    // stream has its own.
    let newest = |stream| {
        let mut own = exports.iter().rev().map(|it| &it.1);
        own.find(|it| it.checkpoint().origin.stream == stream)
    };
    let exported = Stream::ALL
        .into_iter()
        .filter_map(newest)
        .map(|it| it.time())
        .min();
    Evidence {
        key,
        trouble,
        last_key_day: last.map(|it| it.to_string()),
        exported: exported.map(|it| it.to_string()),
        exported_age_seconds: exported.and_then(|it| it.until(now)).map(|it| it.as_secs()),
    }
}

/// What keeps a key a day from signing, now or soon.
fn trouble(today: Day, day: Day, last: Option<Day>) -> Option<String> {
    let left = last.map(|it| it.unix_days() - today.unix_days());
    match (last, left) {
        _ if today < day => Some(format!("the clock is behind the key, which is of {day}")),
        (Some(last), Some(left)) if left < 0 => Some(format!(
            "the last key was for {last}: nothing is signed until `tj key renew`"
        )),
        (Some(last), Some(0..=30)) => Some(format!("the last key is for {last}: `tj key renew`")),
        (None, _) => Some("there is no ring: nothing is signed until `tj key renew`".to_owned()),
        _ => None,
    }
}

fn row(journal: &Journal, status: &StreamStatus, exports: &[Export], has_key: bool) -> Row {
    let is_own = |it: &&Export| it.1.checkpoint().origin.stream == status.stream;
    let exported = exports.iter().rfind(is_own);
    let signed = evidence::newest(journal, status.stream).ok().flatten();
    let newest = status.last_day;
    let newest = newest.map(|day| journal.layout().day(status.stream, day));
    let last_write = newest.and_then(|it| modified(&it));
    let signed_records = signed.as_ref().map(|it| it.checkpoint().size);
    let age = last_write.and_then(|it| it.until(journal.clock().now()));
    let is_behind = signed_records.unwrap_or_default() < status.lines;
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
        last_write: last_write.map(|it| it.to_string()),
        writer: Writer {
            active: status.holder.is_some(),
            pid: status.holder.flatten(),
        },
        torn_files: status.torn,
        impostors: status.impostors.clone(),
        link_is_foreign: status.link_is_foreign,
        signed_records,
        signing_late: has_key && is_behind && age.is_some_and(|it| SIGNED_WITHIN < it),
        signed: signed.map(|it| it.time().to_string()),
        exported_records: exported.map(|it| it.1.checkpoint().size),
        exported: exported.map(|it| it.0.to_string()),
        time_stamped: newest_time_stamp(journal, status.stream).map(|it| it.to_string()),
        time_stamp_failure: anchors::last_failure(journal, status.stream)
            .map(|(at, why)| format!("{at} {why}")),
    }
}

fn newest_time_stamp(journal: &Journal, stream: Stream) -> Option<Timestamp> {
    let listed = anchors::list(journal, stream).unwrap_or_default();
    let anchors = listed.into_iter().filter_map(|it| it.1.ok());
    anchors.map(|it| it.time).max()
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
    show_evidence(report, context)?;
    report.safety.show(context.out)?;
    if let Some(window) = &report.window {
        window.show_briefly(context.out)?;
    }
    if let Some(free) = report.free_bytes {
        context.out.line(format!("free disk: {}", size(free)))?;
    }
    Ok(())
}

fn show_evidence(report: &Report, context: &mut Context<'_>) -> anyhow::Result<()> {
    let evidence = &report.evidence;
    if evidence.key == "none" && report.streams.iter().all(|it| it.signed.is_none()) {
        return context
            .out
            .line("nothing is signed: `tj key init` begins it");
    }
    if evidence.key == "none" {
        context
            .out
            .line("there is no key: what is written now is not signed")?;
    }
    let zone = context.settings.zone.value;
    let shown = |text: &String| {
        let time = text.parse();
        time.map_or_else(|_| text.clone(), |it| when::shown(it, zone))
    };
    for row in report.streams.iter().filter(|it| 0 < it.records) {
        let mut text = match &row.signed {
            Some(at) => format!("{}: signed {}", row.stream, shown(at)),
            None => format!("{}: not signed yet", row.stream),
        };
        match row
            .records
            .saturating_sub(row.signed_records.unwrap_or_default())
        {
            0 => {}
            _ if row.signed.is_none() => {}
            1 => text.push_str(", 1 record since"),
            behind => text.push_str(&format!(", {behind} records since")),
        }
        match &row.exported {
            Some(at) => text.push_str(&format!("; handed out {}", shown(at))),
            None if evidence.exported.is_some() => text.push_str("; never handed out"),
            None => {}
        }
        if let Some(at) = &row.time_stamped {
            text.push_str(&format!("; time-stamped {}", shown(at)));
        }
        context.out.line(printable(&text))?;
        if row.signing_late {
            let text = format!(
                "{}: its newest record has waited for a signature for over a minute; `tj checkpoint now` signs it, or says what is wrong",
                row.stream
            );
            context.out.line(text)?;
        }
        if let Some(failure) = &row.time_stamp_failure {
            let text = format!("{}: no time-stamp: {failure}", row.stream);
            context.out.line(printable(&text))?;
        }
    }
    if let Some(trouble) = &evidence.trouble {
        context.out.line(printable(&format!("key: {trouble}")))?;
    }
    match (&evidence.exported, evidence.exported_age_seconds) {
        (Some(at), Some(age)) => {
            let days = age / 86_400;
            let (hours, minutes) = (age / 3600 % 24, age / 60 % 60);
            context.out.line(format!(
                "what was handed out is of {}, {days} d {hours} h {minutes} min ago: what was cut off since \
                 then would go unseen",
                shown(at)
            ))
        }
        _ => context.out.line(
            "no checkpoint was handed out: a tail that is cut off would go unseen (`tj checkpoint export`)",
        ),
    }
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
