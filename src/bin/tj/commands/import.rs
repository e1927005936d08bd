//! `tj import`: older logs, line by line, into a chained stream; trades here, calls in `calls`.
//!
//! Always true:
//! - Every line of every file is checked before the first one is written; with an invalid line, or
//!   one that the journal already has, nothing is written unless those are to be skipped.
//! - Records come in the order of the files and of the lines in them.
//! - A trade is the same when order id, time and action are.
//!
//! Refused: a file that changed between the checking and the writing.

mod calls;
mod files;

use std::{collections::HashMap, path::PathBuf};

use anyhow::Context as _;
use chrono_tz::Tz;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tradejournal::record::{Invalid, Stream, TradeRecord, decode_new, personal};
use tradejournal::time::Timestamp;

use files::Writing;

use super::Context;
use crate::args::{Import, ImportKind, OnInvalid};
use crate::cache;
use crate::complaint::{self, Unknown};
use crate::evidence;
use crate::failure::{Failure, Verdict};
use crate::journal;
use crate::older;
use crate::output::{Talk, printable};
use crate::when;

const STREAM: Stream = Stream::Trades;

pub(crate) fn run(args: &Import, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    if args.kind == ImportKind::Calls {
        return calls::run(args, context);
    }
    let of_calls = [
        ("--output", !args.output.is_empty()),
        ("--keep-secrets", args.keep_secrets),
    ];
    if let Some((flag, _)) = of_calls.iter().find(|it| it.1) {
        return Err(Failure::usage(format!("{flag} is about calls, and these are trades")).into());
    }
    let zone = match &args.timezone {
        Some(name) => Some(zone(name)?),
        None => None,
    };
    let reader = Reader {
        files: &args.files,
        zone,
        allow_personal_data: context.settings.allow_personal_data.value,
        talk: context.talk,
    };
    let mut plan = check(&reader)?;
    find_journaled(&mut plan, context)?;
    let is_clean = plan.summary.invalid == 0 && plan.summary.doubles() == 0;
    let may_write = !args.dry_run && (is_clean || args.on_invalid == OnInvalid::Skip);
    if may_write && plan.summary.records != 0 {
        plan.summary.written = write(&reader, &mut plan, context)?;
    }
    tell(&plan, args, context)?;
    Ok(Verdict::found(!is_clean))
}

fn zone(name: &str) -> Result<Tz, Failure> {
    when::zone(name).map_err(|unknown| {
        let failure = Failure::usage(format!("--timezone: {unknown}"));
        match unknown.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })
}

/// What makes a trade the same: a hash of its order id, time and action.
type Key = [u8; 16];

fn key(record: &TradeRecord) -> Key {
    let mut state = Sha256::new();
    state.update(record.order_id().as_str());
    state.update([0]);
    state.update(record.timestamp().unix_nanos().to_le_bytes());
    state.update(record.action().to_string());
    let mut key = Key::default();
    for (to, from) in key.iter_mut().zip(state.finalize()) {
        *to = from;
    }
    key
}

/// Reads the files as records.
struct Reader<'a> {
    files: &'a [PathBuf],
    zone: Option<Tz>,
    allow_personal_data: bool,
    talk: &'a Talk,
}

/// A line that is not blank.
enum Item {
    Record {
        record: Box<TradeRecord>,
        unknown: Vec<String>,
    },
    Invalid(Invalid),
    TooLong,
}

impl Reader<'_> {
    /// Shows every line with its place to `visit`.
    fn each(
        &self,
        doing: &'static str,
        mut visit: impl FnMut(&str, Item) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        files::each_line(self.files, doing, self.talk, |line| match line.bytes {
            Some(bytes) => visit(&line.place, self.item(bytes)),
            None => visit(&line.place, Item::TooLong),
        })
    }

    fn item(&self, line: &[u8]) -> Item {
        match self.record(line) {
            Ok((record, unknown)) => Item::Record {
                record: Box::new(record),
                unknown,
            },
            Err(invalid) => Item::Invalid(invalid),
        }
    }

    fn record(&self, line: &[u8]) -> Result<(TradeRecord, Vec<String>), Invalid> {
        let older = older::trade(line, self.zone);
        let decoded = decode_new::<TradeRecord>(&older.json);
        let (record, unknown) = decoded.map_err(|invalid| older.explain(invalid))?;
        if !self.allow_personal_data {
            personal::personal_data(&record)?;
        }
        Ok((record, unknown))
    }
}

/// What would be written, and what speaks against it.
struct Plan {
    summary: Summary,
    unknown: Unknown,
    /// Where each trade of the files stands first.
    places: HashMap<Key, Place>,
}

/// A trade of the files.
#[derive(Clone, Copy)]
struct Place {
    /// Which of the valid records of the files it is.
    index: u64,
    is_journaled: bool,
}

/// What `--json` prints.
#[derive(Debug, Default, Serialize)]
struct Summary {
    dry_run: bool,
    files: usize,
    /// Valid and new.
    records: u64,
    invalid: u64,
    /// The same as an earlier line of the files.
    repeated: u64,
    /// Already in the journal.
    journaled: u64,
    first: Option<String>,
    last: Option<String>,
    unknown_fields: std::collections::BTreeMap<String, u64>,
    written: u64,
}

impl Summary {
    fn doubles(&self) -> u64 {
        self.repeated + self.journaled
    }
}

/// Reads everything once and writes nothing.
fn check(reader: &Reader<'_>) -> anyhow::Result<Plan> {
    let mut plan = Plan {
        summary: Summary {
            files: reader.files.len(),
            ..Summary::default()
        },
        unknown: Unknown::default(),
        places: HashMap::new(),
    };
    let mut span: Option<(Timestamp, Timestamp)> = None;
    let mut index = 0;
    reader.each("checking", |place, item| {
        match item {
            Item::Invalid(invalid) => {
                plan.summary.invalid += 1;
                complaint::invalid(reader.talk, place, STREAM, &invalid);
            }
            Item::TooLong => {
                plan.summary.invalid += 1;
                complaint::too_long(reader.talk, place);
            }
            Item::Record { record, unknown } => {
                plan.unknown.note(reader.talk, place, STREAM, &unknown);
                let at = record.timestamp();
                let (first, last) = span.unwrap_or((at, at));
                span = Some((first.min(at), last.max(at)));
                plan.add(&record, index, place, reader.talk);
                index += 1;
            }
        }
        Ok(())
    })?;
    plan.summary.first = span.map(|it| it.0.to_string());
    plan.summary.last = span.map(|it| it.1.to_string());
    plan.summary.unknown_fields = plan.unknown.counts().clone();
    Ok(plan)
}

impl Plan {
    fn add(&mut self, record: &TradeRecord, index: u64, place: &str, talk: &Talk) {
        let new = Place {
            index,
            is_journaled: false,
        };
        if self.places.contains_key(&key(record)) {
            self.summary.repeated += 1;
            let order = record.order_id().as_str();
            talk.error(&printable(&format!(
                "{place}: the same trade as on an earlier line (order {order}, {}, {})",
                record.timestamp(),
                record.action(),
            )));
        } else {
            self.summary.records += 1;
            self.places.insert(key(record), new);
        }
    }

    /// Whether the record with that number is to be written.
    fn takes(&self, record: &TradeRecord, index: u64) -> bool {
        let place = self.places.get(&key(record));
        place.is_some_and(|it| it.index == index && !it.is_journaled)
    }
}

/// Looks for the trades of the files in the journal.
fn find_journaled(plan: &mut Plan, context: &mut Context<'_>) -> anyhow::Result<()> {
    // It need not be there yet; then it has no trades.
    let (journal, _) = journal::for_writing(&context.settings)?;
    for entry in journal.read::<TradeRecord>() {
        // What cannot be read is no trade that could be doubled; `tj verify` names it.
        let Ok(entry) = entry else { continue };
        if let Some(place) = plan.places.get_mut(&key(&entry.record))
            && !place.is_journaled
        {
            place.is_journaled = true;
            plan.summary.journaled += 1;
            plan.summary.records -= 1;
        }
    }
    Ok(())
}

/// Reads everything again and writes what the plan takes; returns how many.
fn write(reader: &Reader<'_>, plan: &mut Plan, context: &mut Context<'_>) -> anyhow::Result<u64> {
    let (journal, notary) = journal::for_writing(&context.settings)?;
    let writer = journal
        .writer::<TradeRecord>()
        .with_context(|| format!("cannot write to {STREAM}"))?;
    let mut writing = Writing::new(&writer);
    let mut index = 0;
    let written = reader.each("importing", |place, item| {
        let Item::Record { record, .. } = item else {
            return Ok(());
        };
        index += 1;
        match plan.takes(&record, index - 1) {
            true => writing.submit(&record).with_context(|| place.to_owned()),
            false => Ok(()),
        }
    });
    let settled = writing.settle(0);
    let count = writing.written();
    let result = written
        .and(settled)
        .and_then(|()| match count == plan.summary.records {
            true => Ok(count),
            false => Err(Failure::new("a file changed while it was imported").into()),
        });
    for trouble in writer.troubles() {
        context.talk.warning(&printable(&trouble));
    }
    let closed = writer.close().context("the last sync failed");
    evidence::tell_troubles(notary.as_deref(), context.talk);
    cache::trades_changed(context);
    if result.is_err() {
        context
            .talk
            .note(&format!("{count} records were written before"));
    }
    result.and_then(|count| closed.map(|()| count))
}

/// The end: what was or would be written, and what to do about the rest.
fn tell(plan: &Plan, args: &Import, context: &mut Context<'_>) -> anyhow::Result<()> {
    let summary = &plan.summary;
    if context.settings.json {
        return context.out.json(&Summary {
            dry_run: args.dry_run,
            first: summary.first.clone(),
            last: summary.last.clone(),
            unknown_fields: summary.unknown_fields.clone(),
            ..*summary
        });
    }
    for line in report(summary, args) {
        context.out.line(line)?;
    }
    context.out.flush()?;
    if summary.invalid + summary.doubles() != 0 && summary.written == 0 {
        context.talk.hint(match summary.records {
            0 => "there is nothing new to import",
            _ => "--on-invalid skip imports the rest",
        });
    }
    Ok(())
}

fn report(summary: &Summary, args: &Import) -> Vec<String> {
    let Summary {
        records,
        invalid,
        repeated,
        journaled,
        ..
    } = summary;
    let mut lines = vec![format!("{:<24}{}", "files", summary.files)];
    let counts = [
        ("new records", *records),
        ("invalid lines", *invalid),
        ("repeated in the files", *repeated),
        ("already in the journal", *journaled),
    ];
    for (what, count) in counts {
        if count != 0 || what == "new records" {
            lines.push(format!("{what:<24}{count}"));
        }
    }
    if let (Some(first), Some(last)) = (&summary.first, &summary.last) {
        lines.push(format!("{:<24}{first} to {last}", "time"));
    }
    lines.push(match (args.dry_run, summary.written) {
        (true, _) => "nothing was written: a dry run".to_owned(),
        (false, 0) => "nothing was written".to_owned(),
        (false, 1) => "1 record was written".to_owned(),
        (false, count) => format!("{count} records were written"),
    });
    lines
}
