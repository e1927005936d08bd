//! `tj export calls`: recordings as market-data files.
//!
//! Always true:
//! - Calls stand in their files as they stand in the stream, each run behind its `meta` line.
//! - A file gets its name when all of it is on disk; one that is there is not replaced, unless told so.
//! - A call belongs to the run that began last before it.
//!
//! Refused: lines that cannot be read are named, and not in the files.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Serialize;
use tradejournal::bot::market_data::{MarketLine, MarketMeta, write_call};
use tradejournal::disk::{Access, Disk as _, File, Kind, RealDisk, write_all};
use tradejournal::journal::{Journal, Reader};
use tradejournal::record::{CallRecord, Record as _, SessionRecord};
use tradejournal::time::{Clock as _, Day, SystemClock, Timestamp};

use crate::args::ExportCalls;
use crate::commands::Context;
use crate::complaint;
use crate::failure::{Failure, Verdict};
use crate::journal;
use crate::output::{Out, printable};
use crate::when;

/// The market of a run that names none.
const NO_MARKET: &str = "unknown";
/// How many bytes are written at once.
const BUFFER_LEN: usize = 1 << 18;

pub(super) fn run(args: &ExportCalls, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let journal = journal::for_reading(&context.settings)?;
    let (zone, now) = (context.settings.zone.value, SystemClock.now());
    let from = args.from.as_deref().map(|it| when::from(it, zone, now));
    let to = args.to.as_deref().map(|it| when::to(it, zone, now));
    let mut export = Export {
        args,
        context,
        from: from.transpose()?,
        to: to.transpose()?,
        sinks: BTreeMap::new(),
        told: Told::default(),
    };
    let runs = export.runs(&journal)?;
    if runs.is_empty()
        && let Some(session) = args.session
    {
        let failure = Failure::new(format!("there is no run {session}"));
        return Err(failure.hint("`tj tail sessions` shows the runs").into());
    }
    for run in &runs {
        export.run(&journal, run)?;
    }
    export.close_before(None)?;
    let told = export.told;
    tell(&told, args, context)?;
    Ok(Verdict::found(told.unreadable != 0))
}

/// What was called from the beginning of a run to that of the next.
#[derive(Debug)]
struct Run {
    /// `None` for what was called before the first.
    session: Option<SessionRecord>,
    market: String,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

/// Which file a run goes into.
type Name = (Day, String);

struct Export<'a, 'c> {
    args: &'a ExportCalls,
    context: &'a mut Context<'c>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    /// The files that are being written, by day and market.
    sinks: BTreeMap<Name, Sink>,
    told: Told,
}

/// What `--json` prints.
#[derive(Debug, Default, Serialize)]
struct Told {
    files: Vec<FileTold>,
    sessions: u64,
    calls: u64,
    /// Called inside of another recorded call.
    nested: u64,
    unreadable: u64,
}

#[derive(Debug, Serialize)]
struct FileTold {
    path: PathBuf,
    sessions: u64,
    calls: u64,
}

/// What there is of a run, before it is written.
#[derive(Default)]
struct Seen {
    calls: u64,
    nested: u64,
    first: Option<Timestamp>,
    outputs: BTreeSet<String>,
}

impl Export<'_, '_> {
    /// The runs that are wanted, in the order of their beginnings.
    fn runs(&mut self, journal: &Journal) -> anyhow::Result<Vec<Run>> {
        let mut sessions = Vec::new();
        for entry in journal.read::<SessionRecord>() {
            match entry {
                Ok(entry) if entry.record.is_recorded() => sessions.push(entry.record),
                // A run that was not recorded.
                Ok(_) => {}
                Err(error) => {
                    self.told.unreadable += 1;
                    complaint::unread(self.context.talk, error);
                }
            }
        }
        sessions.sort_by_key(SessionRecord::timestamp);
        let starts: Vec<Timestamp> = sessions.iter().map(SessionRecord::timestamp).collect();
        let mut runs = vec![Run {
            session: None,
            market: self.market(None),
            from: None,
            to: starts.first().copied(),
        }];
        runs.extend(sessions.into_iter().map(|session| {
            let from = session.timestamp();
            Run {
                market: self.market(Some(&session)),
                session: Some(session),
                from: Some(from),
                to: starts.iter().copied().find(|it| from < *it),
            }
        }));
        runs.retain(|run| {
            let wanted = self.args.market.as_ref().map(|it| plain(it));
            let id = run.session.as_ref().map(SessionRecord::session_id);
            wanted.is_none_or(|it| it == run.market)
                && self.args.session.is_none_or(|it| Some(it) == id)
                // Of two that began at one instant, the calls are the second's.
                && (run.from.is_none() || run.from != run.to)
        });
        Ok(runs)
    }

    fn market(&self, session: Option<&SessionRecord>) -> String {
        let named = session.and_then(|it| text_in(it, "market"));
        let market = named.or_else(|| self.args.market.clone());
        plain(market.as_deref().unwrap_or(NO_MARKET))
    }

    /// The calls of a run that are wanted.
    fn reader(&self, journal: &Journal, run: &Run) -> Reader<CallRecord> {
        let earlier = |a: Option<Timestamp>, b: Option<Timestamp>| match (a, b) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let mut reader = journal.read::<CallRecord>();
        if let Some(from) = run.from.max(self.from) {
            reader = reader.from(from);
        }
        if let Some(to) = earlier(run.to, self.to) {
            reader = reader.to(to);
        }
        reader
    }

    /// Writes a run. It is read twice: which methods are outputs stands before its calls.
    fn run(&mut self, journal: &Journal, run: &Run) -> anyhow::Result<()> {
        let is_outside = self
            .to
            .is_some_and(|to| run.from.is_some_and(|it| to <= it))
            || self
                .from
                .is_some_and(|from| run.to.is_some_and(|it| it <= from));
        if is_outside {
            return Ok(());
        }
        let reader = self.reader(journal, run);
        let seen = self.look(&reader);
        // A run that began in time is told of, also when it called nothing.
        let began_earlier = run.session.is_none() || run.from < self.from;
        if seen.calls == 0 && began_earlier {
            return Ok(());
        }
        let zone = when::books_zone(self.context.settings.zone.value);
        let day = zone.day(run.from.or(seen.first).unwrap_or(Timestamp::MIN));
        self.close_before(Some(day))?;
        let name = format!("market_data_{}_{}.jsonl", run.market, digits(day));
        let mut out = Vec::with_capacity(BUFFER_LEN);
        if let Some(session) = &run.session {
            let outputs: Vec<String> = seen.outputs.into_iter().collect();
            let meta = MarketMeta::of(session, &run.market, &name, &outputs);
            let meta = meta.with_context(|| format!("write run {}", session.session_id()))?;
            MarketLine::Meta(meta).write_to(&mut out);
            out.push(b'\n');
        }
        self.told.sessions += u64::from(run.session.is_some());
        self.told.calls += seen.calls;
        self.told.nested += seen.nested;
        let key = match self.args.out {
            // One for everything.
            Some(_) => (Day::EPOCH, String::new()),
            None => (day, run.market.clone()),
        };
        let Export {
            args,
            context,
            sinks,
            ..
        } = self;
        let sink = match sinks.entry(key) {
            std::collections::btree_map::Entry::Occupied(found) => found.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(Sink::open(args, &name)?)
            }
        };
        sink.told.sessions += u64::from(run.session.is_some());
        sink.told.calls += seen.calls;
        write_calls(&reader, sink, &mut out, context.out)
    }

    /// What is in a run; what cannot be read is told.
    fn look(&mut self, reader: &Reader<CallRecord>) -> Seen {
        let mut seen = Seen::default();
        let (told, talk) = (&mut self.told, self.context.talk);
        reader.visit(|entry| {
            match entry {
                Ok(entry) if is_nested(entry.record) => seen.nested += 1,
                Ok(entry) => {
                    let call = entry.record;
                    seen.calls += 1;
                    let at = call.timestamp();
                    seen.first = Some(seen.first.map_or(at, |it| it.min(at)));
                    let is_output = call.role().is_some_and(|it| it.as_str() == "output");
                    if is_output && !seen.outputs.contains(call.method()) {
                        seen.outputs.insert(call.method().to_owned());
                    }
                }
                Err(error) => {
                    told.unreadable += 1;
                    complaint::unread(talk, error);
                }
            }
            ControlFlow::Continue(())
        });
        seen
    }

    /// Finishes the files of earlier days: runs come in the order of time. `None`: all files.
    fn close_before(&mut self, day: Option<Day>) -> anyhow::Result<()> {
        if day.is_some() && self.args.out.is_some() {
            return Ok(());
        }
        while let Some(first) = self.sinks.first_entry() {
            if day.is_some_and(|day| day <= first.key().0) {
                break;
            }
            let told = first.remove().close(self.context.out)?;
            self.told.files.extend(told);
        }
        Ok(())
    }
}

fn is_nested(call: &CallRecord) -> bool {
    call.depth().is_some_and(|it| it != 0)
}

fn write_calls(
    reader: &Reader<CallRecord>,
    sink: &mut Sink,
    out: &mut Vec<u8>,
    stdout: &mut Out,
) -> anyhow::Result<()> {
    let mut written = Ok(());
    reader.visit(|entry| {
        // What cannot be read was told when it was looked at.
        let Ok(entry) = entry else {
            return ControlFlow::Continue(());
        };
        if !is_nested(entry.record) {
            write_call(entry.record, out);
            out.push(b'\n');
        }
        if BUFFER_LEN <= out.len() {
            written = sink.write(out, stdout);
        }
        match written {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    });
    written?;
    sink.write(out, stdout)
}

/// Where lines go.
struct Sink {
    /// `None` is standard output.
    file: Option<Temporary>,
    told: FileTold,
}

/// A file that has no name of its own yet; it goes where it never gets one.
struct Temporary {
    path: PathBuf,
    name: PathBuf,
    file: Box<dyn File>,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Renamed, it is not there any more.
        let _ = RealDisk.remove(&self.path);
    }
}

impl Sink {
    fn open(args: &ExportCalls, name: &str) -> anyhow::Result<Sink> {
        let path = match &args.out {
            Some(path) => path.clone(),
            None => args.into.join(name),
        };
        let told = FileTold {
            path: path.clone(),
            sessions: 0,
            calls: 0,
        };
        if path == Path::new("-") {
            return Ok(Sink { file: None, told });
        }
        let cannot = || format!("cannot write {}", path.display());
        let absolute = std::path::absolute(&path).with_context(cannot)?;
        let there = RealDisk.look(&absolute).with_context(cannot)?;
        let is_folder = path.as_os_str().as_encoded_bytes().ends_with(b"/");
        if let Some(kind) = there.map(|it| it.kind).filter(|it| *it != Kind::File) {
            let what = format!("{} is {kind}, and a file is to be there", path.display());
            return Err(Failure::new(what).hint("--out - prints it").into());
        }
        if is_folder {
            let what = format!("{} names a folder", path.display());
            return Err(Failure::new(what)
                .hint("--into names the folder of the files")
                .into());
        }
        if !args.force && there.is_some() {
            let failure = Failure::new(format!("{} is there already", path.display()));
            return Err(failure.hint("--force replaces it").into());
        }
        if args.out.is_none()
            && let Some(folder) = absolute.parent()
        {
            RealDisk.create_folder(folder).with_context(cannot)?;
        }
        let name = absolute.clone();
        let mut temporary = absolute.into_os_string();
        temporary.push(".part");
        let temporary = PathBuf::from(temporary);
        let file = RealDisk
            .open(&temporary, Access::AppendOrCreate)
            .and_then(|file| file.cut(0).map(|()| file))
            .with_context(cannot)?;
        let file = Some(Temporary {
            path: temporary,
            name,
            file,
        });
        Ok(Sink { file, told })
    }

    /// Writes what is in `out`, and empties it.
    fn write(&mut self, out: &mut Vec<u8>, stdout: &mut Out) -> anyhow::Result<()> {
        match &self.file {
            Some(it) => write_all(&*it.file, out)
                .with_context(|| format!("cannot write {}", self.told.path.display()))?,
            None => stdout.bytes(out)?,
        }
        out.clear();
        Ok(())
    }

    /// Gives the file its name; what it came to, unless it is standard output.
    fn close(self, stdout: &mut Out) -> anyhow::Result<Option<FileTold>> {
        let Some(temporary) = &self.file else {
            stdout.flush()?;
            return Ok(None);
        };
        let Temporary { path, name, file } = temporary;
        // Order matters: the bytes are on the disk before the name points at them.
        file.sync()
            .and_then(|()| RealDisk.rename(path, name))
            .and_then(|()| name.parent().map_or(Ok(()), |it| RealDisk.sync_folder(it)))
            .with_context(|| format!("cannot write {}", self.told.path.display()))?;
        Ok(Some(self.told))
    }
}

/// A text in what is known about a run.
fn text_in(session: &SessionRecord, name: &str) -> Option<String> {
    let known = session.metadata()?;
    let known: serde_json::Value = serde_json::from_str(known.as_str()).ok()?;
    known.get(name)?.as_str().map(str::to_owned)
}

/// A market as it can stand in the name of a file.
fn plain(market: &str) -> String {
    let plain = |it: char| match it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.') {
        true => it,
        false => '-',
    };
    let text: String = market.chars().map(plain).collect();
    match text.trim_start_matches('.') {
        "" => NO_MARKET.to_owned(),
        text => text.to_owned(),
    }
}

/// `20240109`.
fn digits(day: Day) -> String {
    day.to_string().replace('-', "")
}

fn tell(told: &Told, args: &ExportCalls, context: &mut Context<'_>) -> anyhow::Result<()> {
    let is_stdout = args.out.as_deref() == Some(Path::new("-"));
    if context.settings.json && !is_stdout {
        return context.out.json(told);
    }
    for file in &told.files {
        let FileTold {
            path,
            sessions,
            calls,
        } = file;
        let text = format!("{}: {sessions} sessions, {calls} calls", path.display());
        context.out.line(printable(&text))?;
    }
    if told.nested != 0 {
        let count = told.nested;
        let text = format!("{count} calls were made inside of others, and are left out");
        match is_stdout {
            true => context.talk.note(&text),
            false => context.out.line(text)?,
        }
    }
    if told.calls == 0 && told.sessions == 0 && !is_stdout {
        context.out.line("no call was recorded then")?;
    }
    context.out.flush()
}
