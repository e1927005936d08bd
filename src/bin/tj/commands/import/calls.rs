//! `tj import calls`: market-data files of other recorders, and our own exports, into `calls`.
//!
//! Always true:
//! - Every line of every file is checked before the first one is written.
//! - A call is the same when time, method, arguments and answer are. A file may have the same call
//!   twice, since two threads may have made it: it is written as often as the file that has it most often
//!   has it, less what the journal has.
//! - Each `meta` line is one line in `sessions`, however often it is imported.
//!
//! Refused: `NaN` and `Infinity`, which Python writes for no number. A price that was none must not come
//! back as something else.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::Context as _;
use chrono_tz::Tz;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tradejournal::bot::market_data::{MarketLine, MarketMeta, Outputs, write_call};
use tradejournal::bot::recorder::Redaction;
use tradejournal::journal::Journal;
use tradejournal::record::field::SessionId;
use tradejournal::record::{CallRecord, Invalid, Problem, SessionRecord, Stream, personal};
use tradejournal::time::Timestamp;

use super::files::{FileLine, Writing, each_line};
use crate::args::{Import, OnInvalid};
use crate::commands::Context;
use crate::complaint::{self, Unknown};
use crate::evidence;
use crate::failure::{Failure, Verdict};
use crate::journal;
use crate::output::{Talk, printable};
use crate::when;

const STREAM: Stream = Stream::Calls;

pub(super) fn run(args: &Import, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let zone = match &args.timezone {
        Some(name) => Some(super::zone(name)?),
        None => None,
    };
    let mut named = Outputs::default();
    args.output.iter().for_each(|it| named.add(it));
    let reader = Reader {
        args,
        zone,
        allow_personal_data: context.settings.allow_personal_data.value,
        redaction: RefCell::default(),
        talk: context.talk,
    };
    let mut plan = check(&reader, Roles::new(&named))?;
    // It need not be there yet; then it has no calls.
    let (journal, notary) = journal::for_writing(&context.settings)?;
    find_journaled(&mut plan, &journal);
    let is_clean = plan.summary.invalid == 0 && plan.summary.doubles() == 0;
    let may_write = !args.dry_run && (is_clean || args.on_invalid == OnInvalid::Skip);
    if may_write && plan.has_news() {
        let written = write(&reader, &named, &mut plan, &journal);
        evidence::tell_troubles(notary.as_deref(), context.talk);
        if written.is_err() {
            let count = plan.summary.written;
            context
                .talk
                .note(&format!("{count} records were written before"));
        }
        written?;
    }
    tell(&plan, args, context)?;
    Ok(Verdict::found(!is_clean))
}

/// Reads the files as calls and runs.
struct Reader<'a> {
    args: &'a Import,
    zone: Option<Tz>,
    allow_personal_data: bool,
    /// What it has found of names is kept.
    redaction: RefCell<Redaction>,
    talk: &'a Talk,
}

/// Which calls are outputs at a place: what was named on the command line, and what the file said before.
struct Roles<'a> {
    named: &'a Outputs,
    file: usize,
    here: Outputs,
}

impl<'a> Roles<'a> {
    fn new(named: &'a Outputs) -> Roles<'a> {
        Roles {
            named,
            file: 0,
            here: named.clone(),
        }
    }

    /// Those of a line of that file; another file knows nothing of what this one said.
    fn of(&mut self, file: usize) -> &mut Outputs {
        if self.file != file {
            self.file = file;
            self.here = self.named.clone();
        }
        &mut self.here
    }
}

enum Item {
    Call(Box<CallRecord>, Vec<String>),
    Session(Box<SessionRecord>),
}

impl Reader<'_> {
    fn each(
        &self,
        doing: &'static str,
        visit: impl FnMut(&FileLine<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        each_line(&self.args.files, doing, self.talk, visit)
    }

    fn item(&self, line: &[u8], outputs: &mut Outputs) -> Result<Item, Invalid> {
        match MarketLine::read(line, outputs)? {
            (MarketLine::Call(call), unknown) => {
                let call = match self.args.keep_secrets {
                    true => *call,
                    false => self.redaction.borrow_mut().redacted(*call)?,
                };
                self.impersonal(&call)?;
                Ok(Item::Call(Box::new(call), unknown))
            }
            (MarketLine::Meta(meta), _) => {
                let session = meta.session(self.start(&meta)?)?;
                self.impersonal(&session)?;
                // What the file says of its outputs holds for the calls behind it.
                meta.outputs().iter().for_each(|it| outputs.add(it));
                Ok(Item::Session(Box::new(session)))
            }
            _ => Err(Invalid::Fields(vec![Problem::new(
                "meta",
                "must be a call or a run",
            )])),
        }
    }

    fn impersonal(&self, record: &impl tradejournal::Record) -> Result<(), Invalid> {
        match self.allow_personal_data {
            true => Ok(()),
            false => personal::personal_data(record),
        }
    }

    fn start(&self, meta: &MarketMeta) -> Result<Timestamp, Invalid> {
        let wrong = |problem: Problem| Invalid::Fields(vec![problem]);
        let Some(text) = meta.text("start_time") else {
            return Err(wrong(Problem::new("start_time", "is missing")));
        };
        when::local(&text, self.zone).map_err(|error| {
            let rule = format!("must be the time when the run began ({error})");
            wrong(Problem::new("start_time", rule).got(format_args!("{text:?}")))
        })
    }
}

/// What makes a call the same.
type Key = [u8; 16];

fn key(call: &CallRecord, bytes: &mut Vec<u8>) -> Key {
    bytes.clear();
    write_call(call, bytes);
    let mut key = Key::default();
    for (to, from) in key.iter_mut().zip(Sha256::digest(bytes)) {
        *to = from;
    }
    key
}

/// What would be written, and what speaks against it.
#[derive(Default)]
struct Plan {
    summary: Summary,
    unknown: Unknown,
    calls: HashMap<Key, Count>,
    /// Those of the files that the journal does not have, once it was looked at.
    sessions: HashSet<SessionId>,
}

/// How often a call is in a file, and in the journal.
#[derive(Clone, Copy, Default)]
struct Count {
    file: usize,
    here: u64,
    /// In the file that has it most often.
    most: u64,
    journaled: u64,
}

impl Count {
    /// Counts one more, and tells whether no file had so many so far.
    fn add(&mut self, file: usize) -> bool {
        if self.file != file {
            (self.file, self.here) = (file, 0);
        }
        self.here += 1;
        let is_new = self.most < self.here;
        self.most = self.most.max(self.here);
        is_new
    }
}

/// What `--json` prints.
#[derive(Clone, Debug, Default, Serialize)]
struct Summary {
    dry_run: bool,
    files: usize,
    /// Valid and new.
    records: u64,
    /// Runs that are new.
    sessions: u64,
    invalid: u64,
    /// The same as a call of an earlier file.
    repeated: u64,
    /// Already in the journal.
    journaled: u64,
    #[serde(serialize_with = "shown")]
    first: Option<Timestamp>,
    #[serde(serialize_with = "shown")]
    last: Option<Timestamp>,
    unknown_fields: BTreeMap<String, u64>,
    written: u64,
}

fn shown<S: serde::Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
    at.map(|it| it.to_string()).serialize(to)
}

impl Summary {
    fn doubles(&self) -> u64 {
        self.repeated + self.journaled
    }
}

impl Plan {
    fn has_news(&self) -> bool {
        self.summary.records != 0 || !self.sessions.is_empty()
    }
}

/// Reads everything once and writes nothing.
fn check(reader: &Reader<'_>, mut roles: Roles<'_>) -> anyhow::Result<Plan> {
    let mut plan = Plan::default();
    plan.summary.dry_run = reader.args.dry_run;
    plan.summary.files = reader.args.files.len();
    let mut bytes = Vec::new();
    reader.each("checking", |line| {
        let Some(text) = line.bytes else {
            plan.summary.invalid += 1;
            complaint::too_long(reader.talk, &line.place);
            return Ok(());
        };
        match reader.item(text, roles.of(line.file)) {
            Err(invalid) => {
                plan.summary.invalid += 1;
                complaint::invalid(reader.talk, &line.place, STREAM, &invalid);
            }
            Ok(Item::Session(session)) => {
                plan.sessions.insert(session.session_id());
            }
            Ok(Item::Call(call, unknown)) => {
                plan.unknown
                    .note(reader.talk, &line.place, STREAM, &unknown);
                plan.add(&call, line, &mut bytes, reader.talk);
            }
        }
        Ok(())
    })?;
    plan.summary.unknown_fields = plan.unknown.counts().clone();
    Ok(plan)
}

impl Plan {
    fn add(&mut self, call: &CallRecord, line: &FileLine<'_>, bytes: &mut Vec<u8>, talk: &Talk) {
        let summary = &mut self.summary;
        let at = tradejournal::Record::timestamp(call);
        summary.first = Some(summary.first.map_or(at, |it| it.min(at)));
        summary.last = summary.last.max(Some(at));
        let count = self.calls.entry(key(call, bytes)).or_default();
        if count.add(line.file) {
            summary.records += 1;
        } else {
            summary.repeated += 1;
            talk.error(&printable(&format!(
                "{}: the same call as in an earlier file ({}, {at})",
                line.place,
                call.method(),
            )));
        }
    }
}

/// Looks for the calls and the runs of the files in the journal. What cannot be read there is nothing that
/// could be doubled; `tj verify` names it.
fn find_journaled(plan: &mut Plan, journal: &Journal) {
    let mut bytes = Vec::new();
    let (calls, summary) = (&mut plan.calls, &mut plan.summary);
    journal.read::<CallRecord>().visit(|entry| {
        if let Ok(entry) = entry
            && let Some(count) = calls.get_mut(&key(entry.record, &mut bytes))
            && count.journaled < count.most
        {
            count.journaled += 1;
            summary.journaled += 1;
            summary.records -= 1;
        }
        std::ops::ControlFlow::Continue(())
    });
    for session in journal.read::<SessionRecord>().iter().flatten() {
        plan.sessions.remove(&session.record.session_id());
    }
    plan.summary.sessions = plan.sessions.len() as u64;
}

/// Reads everything again and writes what the plan takes: the runs first, so that no call is in the journal
/// without the run that it belongs to.
fn write(
    reader: &Reader<'_>,
    named: &Outputs,
    plan: &mut Plan,
    journal: &Journal,
) -> anyhow::Result<()> {
    let opened = |stream| format!("cannot write to {stream}");
    let sessions = journal
        .writer::<SessionRecord>()
        .with_context(|| opened(Stream::Sessions))?;
    let mut writing = Writing::new(&sessions);
    let mut roles = Roles::new(named);
    let left = &mut plan.sessions;
    reader.each("importing the runs of", |line| {
        if let Some(text) = line.bytes
            && let Ok(Item::Session(session)) = reader.item(text, roles.of(line.file))
            && left.remove(&session.session_id())
        {
            writing
                .submit(&session)
                .with_context(|| line.place.clone())?;
        }
        Ok(())
    })?;
    writing.settle(0)?;
    plan.summary.written += writing.written();
    close(&sessions, reader.talk)?;
    write_calls(reader, Roles::new(named), plan, journal)
}

fn write_calls(
    reader: &Reader<'_>,
    mut roles: Roles<'_>,
    plan: &mut Plan,
    journal: &Journal,
) -> anyhow::Result<()> {
    let writer = journal
        .writer::<CallRecord>()
        .with_context(|| format!("cannot write to {STREAM}"))?;
    let mut writing = Writing::new(&writer);
    let mut bytes = Vec::new();
    let mut seen: HashMap<Key, Count> = HashMap::new();
    let calls = &plan.calls;
    let written = reader.each("importing", |line| {
        let Some(Ok(Item::Call(call, _))) =
            line.bytes.map(|it| reader.item(it, roles.of(line.file)))
        else {
            return Ok(());
        };
        let key = key(&call, &mut bytes);
        let seen = seen.entry(key).or_default();
        let journaled = calls.get(&key).map_or(u64::MAX, |it| it.journaled);
        match seen.add(line.file) && journaled < seen.most {
            true => writing.submit(&call).with_context(|| line.place.clone()),
            false => Ok(()),
        }
    });
    let settled = writing.settle(0);
    let count = writing.written();
    plan.summary.written += count;
    written.and(settled)?;
    if count != plan.summary.records {
        return Err(Failure::new("a file changed while it was imported").into());
    }
    close(&writer, reader.talk)
}

fn close<R: tradejournal::Record>(
    writer: &tradejournal::Writer<R>,
    talk: &Talk,
) -> anyhow::Result<()> {
    for trouble in writer.troubles() {
        talk.warning(&printable(&trouble));
    }
    writer.clone().close().context("the last sync failed")
}

/// The end: what was or would be written, and what to do about the rest.
fn tell(plan: &Plan, args: &Import, context: &mut Context<'_>) -> anyhow::Result<()> {
    let summary = &plan.summary;
    if context.settings.json {
        return context.out.json(summary);
    }
    let counts = [
        ("files", summary.files as u64),
        ("new calls", summary.records),
        ("new sessions", summary.sessions),
        ("invalid lines", summary.invalid),
        ("in an earlier file", summary.repeated),
        ("already in the journal", summary.journaled),
    ];
    for (index, (what, count)) in counts.into_iter().enumerate() {
        if index < 3 || count != 0 {
            context.out.line(format_args!("{what:<24}{count}"))?;
        }
    }
    if let (Some(first), Some(last)) = (summary.first, summary.last) {
        context
            .out
            .line(format_args!("{:<24}{first} to {last}", "time"))?;
    }
    context.out.line(match (args.dry_run, summary.written) {
        (true, _) => "nothing was written: a dry run".to_owned(),
        (false, 0) => "nothing was written".to_owned(),
        (false, 1) => "1 record was written".to_owned(),
        (false, count) => format!("{count} records were written"),
    })?;
    context.out.flush()?;
    if summary.invalid + summary.doubles() != 0 && summary.written == 0 {
        context.talk.hint(match plan.has_news() {
            false => "there is nothing new to import",
            true => "--on-invalid skip imports the rest",
        });
    }
    Ok(())
}
