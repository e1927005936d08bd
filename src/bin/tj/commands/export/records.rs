//! `tj export fills`, `decisions` and `errors`: the files of a trade log, made of the streams again.
//!
//! Always true: what is written is what a trade log writes, to the byte.
//!
//! Not here: rows and objects; the library makes them.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use anyhow::Context as _;
use chrono_tz::Tz;
use serde::Serialize;
use tradejournal::bot::{LogRecord, StrategyName, write_csv, write_json};
use tradejournal::disk::{RealDisk, create_folders};
use tradejournal::journal::{Journal, ReadError, Reader};
use tradejournal::time::{Clock, Day, SystemClock, Timestamp};

use crate::args::ExportRecords;
use crate::commands::Context;
use crate::complaint::unread;
use crate::failure::Verdict;
use crate::output::{Talk, printable, told};
use crate::{file, journal, when};

/// From when on, and before when.
type Span = (Option<Timestamp>, Option<Timestamp>);

/// What `--json` prints of files that were written.
#[derive(Serialize)]
struct Written {
    files: Vec<String>,
}

pub(super) fn run<R: LogRecord>(
    args: &ExportRecords,
    context: &mut Context<'_>,
) -> anyhow::Result<Verdict> {
    let span = span(args, context)?;
    let journal = journal::for_reading(&context.settings)?;
    let mut export = Export {
        journal: &journal,
        is_json: context.settings.json,
        talk: context.talk,
        unread: 0,
    };
    match (&args.into, &args.strategy, &args.out) {
        (Some(folder), Some(name), _) => {
            let files = export.files::<R>(span, folder, name)?;
            match context.settings.json {
                true => context.out.json(&Written { files })?,
                false => files
                    .iter()
                    .try_for_each(|it| context.out.line(printable(it)))?,
            }
        }
        (_, _, Some(path)) if path != Path::new("-") => {
            let reader = selected::<R>(&journal, span);
            file::write(path, |out| export.write(&reader, out))?;
        }
        _ => {
            let reader = selected::<R>(&journal, span);
            let written = export.write(&reader, context.out);
            written.or_else(|error| match error.downcast() {
                Ok(error) => told(Err(error)),
                Err(error) => Err(error),
            })?;
        }
    }
    Ok(Verdict::found(export.unread != 0))
}

/// Which records are asked for.
fn span(args: &ExportRecords, context: &Context<'_>) -> anyhow::Result<Span> {
    let (zone, now) = (context.settings.zone.value, SystemClock.now());
    if let Some(text) = &args.day {
        let day = when::day("--day", text, Tz::UTC, now)?;
        return Ok((Some(day.start()), Some(day.next().start())));
    }
    if args.into.is_some() {
        // A file has a whole day, and its name says which.
        let day = |flag, text: &String| when::day(flag, text, Tz::UTC, now);
        let from = args.from.as_ref().map(|it| day("--from", it)).transpose()?;
        let to = args.to.as_ref().map(|it| day("--to", it)).transpose()?;
        let to = to.map(|it| it.next().start());
        return Ok((from.map(Day::start), to));
    }
    let from = args.from.as_ref().map(|it| when::from(it, zone, now));
    let to = args.to.as_ref().map(|it| when::to(it, zone, now));
    Ok((from.transpose()?, to.transpose()?))
}

fn selected<R: LogRecord>(journal: &Journal, (from, to): Span) -> Reader<R> {
    let mut reader = journal.read::<R>();
    if let Some(from) = from {
        reader = reader.from(from);
    }
    if let Some(to) = to {
        reader = reader.to(to);
    }
    reader
}

struct Export<'a> {
    journal: &'a Journal,
    is_json: bool,
    talk: &'a Talk,
    /// How many lines could not be read.
    unread: u64,
}

impl Export<'_> {
    fn write<R: LogRecord>(
        &mut self,
        reader: &Reader<R>,
        out: &mut dyn Write,
    ) -> anyhow::Result<()> {
        let is_json = self.is_json;
        print(reader, is_json, out, |error| self.tell(error))
    }

    fn tell(&mut self, error: ReadError) {
        self.unread += 1;
        unread(self.talk, error);
    }

    /// Writes the file of each day; returns what they are called.
    fn files<R: LogRecord>(
        &mut self,
        span: Span,
        folder: &Path,
        name: &StrategyName,
    ) -> anyhow::Result<Vec<String>> {
        let kind = if self.is_json { "json" } else { "csv" };
        let folder = folder.join(kind);
        create_folders(&RealDisk, &folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        let mut files = Vec::new();
        for day in self.days::<R>(span) {
            let path = folder.join(format!("{}.{kind}", name.of_day(R::STREAM, day)));
            let of_day = (Some(day.start()), Some(day.next().start()));
            let reader = selected::<R>(self.journal, of_day);
            // What cannot be read was told with the days: a line without a time would be in each of them.
            file::write(&path, |out| print(&reader, self.is_json, out, drop))?;
            files.push(path.display().to_string());
        }
        Ok(files)
    }

    /// The UTC days that have records.
    fn days<R: LogRecord>(&mut self, span: Span) -> BTreeSet<Day> {
        let mut days = BTreeSet::new();
        let mut entries = selected::<R>(self.journal, span).iter();
        while let Some(entry) = entries.next_entry() {
            match entry {
                Ok(entry) => _ = days.insert(entry.record.timestamp().day()),
                Err(error) => self.tell(error),
            }
        }
        days
    }
}

fn print<R: LogRecord>(
    reader: &Reader<R>,
    is_json: bool,
    out: &mut dyn Write,
    bad: impl FnMut(ReadError),
) -> anyhow::Result<()> {
    let written = match is_json {
        true => write_json(reader, out, bad),
        false => write_csv(reader, out, bad),
    };
    Ok(written?)
}
