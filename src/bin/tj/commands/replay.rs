//! `tj replay diff`: two recordings of a bot, call by call.
//!
//! Always true: what was lost or cannot be read is said, and two recordings with such a hole are not called
//! the same.
//!
//! Not here: the comparison, which is the library's.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use tradejournal::desk::calls::{Recording, Rules, compare, session_span};
use tradejournal::record::{CallRecord, Stream};

use super::Context;
use crate::args::{Replay, ReplayDiff, ReplayWhat};
use crate::calls_view::{self, Sides};
use crate::complaint::{invalid, unread};
use crate::failure::{Failure, Verdict};
use crate::journal;
use crate::output::Talk;

pub(crate) fn run(args: &Replay, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    match &args.what {
        ReplayWhat::Diff(args) => diff(args, context),
    }
}

fn diff(args: &ReplayDiff, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let a = recording(&args.a, context.talk)?;
    let b = recording(&args.b, context.talk)?;
    let rules = Rules {
        outputs_only: args.outputs_only,
        time_tolerance: args.time_tolerance,
        ignored: args.ignore.clone(),
    };
    let comparison = compare(&a, &b, &rules);
    let sides = Sides {
        names: [&args.a, &args.b],
        recordings: [&a, &b],
        rules: &rules,
    };
    calls_view::show_diff(&sides, &comparison, context)?;
    let is_whole = |it: &Recording| it.gaps.is_empty() && it.unread.is_nothing();
    let is_same = comparison.counts.different() == 0 && is_whole(&a) && is_whole(&b);
    Ok(Verdict::found(!is_same))
}

/// The recording that `name` is: a folder, a folder and a session, or a file.
fn recording(name: &str, talk: &Talk) -> anyhow::Result<Recording> {
    let path = Path::new(name);
    if path.is_file() {
        return from_file(path, talk);
    }
    let (folder, session) = match name.rsplit_once('#').filter(|_| !path.exists()) {
        Some((folder, session)) => (Path::new(folder), Some(session)),
        None => (path, None),
    };
    let journal = journal::at(folder)?;
    let mut reader = journal.read::<CallRecord>();
    let mut sessions_unread = Vec::new();
    if let Some(session) = session {
        let span = session_span(&journal, session, |error| sessions_unread.push(error));
        let (from, to) = span.map_err(|error| {
            Failure::usage(format!("{name}: {error}")).hint("`tj query sessions` lists them")
        })?;
        reader = reader.from(from);
        if let Some(to) = to {
            reader = reader.to(to);
        }
    }
    let mut recording = Recording::read(&reader, |error| unread(talk, error));
    for error in sessions_unread {
        recording.unread.count(&error);
        unread(talk, error);
    }
    if recording.calls.is_empty() && recording.gaps.is_empty() && recording.unread.is_nothing() {
        return Err(Failure::new(format!("{name} has no calls"))
            .hint("a bot records them with bot::Recorder")
            .into());
    }
    Ok(recording)
}

fn from_file(path: &Path, talk: &Talk) -> anyhow::Result<Recording> {
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut recording = Recording::default();
    let lines = text.split_inclusive(|it| *it == b'\n');
    for (number, line) in (1_u64..).zip(lines) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        if let Err(wrong) = recording.add_line(number, line) {
            let place = format!("{}:{number}", path.display());
            invalid(talk, &place, Stream::Calls, &wrong);
        }
    }
    if recording.calls.is_empty() && recording.gaps.is_empty() && recording.unread.is_nothing() {
        return Err(Failure::new(format!("{} has no calls", path.display())).into());
    }
    Ok(recording)
}
