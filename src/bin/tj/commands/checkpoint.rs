//! `tj checkpoint`: signing what is on disk now, and handing checkpoints out.

use anyhow::Context as _;
use serde::Serialize;
use tradejournal::evidence::checkpoint::SignedCheckpoint;
use tradejournal::evidence::checkpoints::CheckpointLog;
use tradejournal::evidence::{Exports, promised_range};
use tradejournal::journal::Journal;
use tradejournal::record::Stream;

use super::Context;
use crate::args::{Checkpoint, CheckpointWhat};
use crate::evidence;
use crate::failure::{Failure, Verdict};
use crate::journal;
use crate::table::{Column, Table};
use crate::when;

pub(crate) fn run(args: &Checkpoint, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let journal = journal::for_checking(&context.settings)?;
    match args.what {
        CheckpointWhat::Now { stream } => now(&journal, stream, context),
        CheckpointWhat::Export { stream } => export(&journal, stream, context),
        CheckpointWhat::List { stream } => list(&journal, stream, context),
    }
}

/// What `--json` prints for each checkpoint.
#[derive(Serialize)]
struct Row {
    stream: &'static str,
    lines: u64,
    time: String,
    signer: String,
    root: String,
    checkpoint: String,
}

impl Row {
    fn of(signed: &SignedCheckpoint) -> Row {
        let checkpoint = signed.checkpoint();
        Row {
            stream: checkpoint.origin.stream.name(),
            lines: checkpoint.size,
            time: signed.time().to_string(),
            signer: signed.signer().to_owned(),
            root: checkpoint.root.to_string(),
            checkpoint: signed.line(),
        }
    }
}

fn streams(stream: Option<Stream>) -> Vec<Stream> {
    stream.map_or_else(|| Stream::ALL.to_vec(), |it| vec![it])
}

fn now(
    journal: &Journal,
    stream: Option<Stream>,
    context: &mut Context<'_>,
) -> anyhow::Result<Verdict> {
    let notary = evidence::notary(&context.settings).ok_or_else(|| {
        let folder = context.settings.keys.value.display();
        Failure::new(format!("there is no key in {folder}")).hint("`tj key init` makes one")
    })?;
    let mut signed = 0;
    for stream in streams(stream) {
        let is_there = journal.layout().stream(stream).is_dir();
        if !is_there {
            continue;
        }
        let range = promised_range(journal, stream)
            .with_context(|| format!("cannot add up the lines of {stream}"))?;
        let (size, root) = (range.size(), range.root());
        if size == 0 {
            continue;
        }
        let checkpoint = notary
            .sign(journal, stream, (size, root))
            .with_context(|| format!("cannot sign {stream}"))?;
        signed += 1;
        match context.settings.json {
            true => context.out.json(&Row::of(&checkpoint))?,
            false if size == 1 => context.out.line(format!("{stream}: 1 line signed"))?,
            false => context.out.line(format!("{stream}: {size} lines signed"))?,
        }
    }
    if signed == 0 && !context.settings.json {
        context.out.line("nothing to sign")?;
    }
    Ok(Verdict::Fine)
}

fn export(
    journal: &Journal,
    stream: Option<Stream>,
    context: &mut Context<'_>,
) -> anyhow::Result<Verdict> {
    let exports = Exports::of(journal);
    let mut exported = 0;
    for one in streams(stream) {
        let Some(checkpoint) = evidence::newest(journal, one)? else {
            continue;
        };
        exports
            .add(&checkpoint, journal.clock().now())
            .with_context(|| format!("cannot note the export in {}", exports.path().display()))?;
        exported += 1;
        match context.settings.json {
            true => context.out.json(&Row::of(&checkpoint))?,
            false => context.out.line(checkpoint.line())?,
        }
    }
    if exported == 0 {
        return Err(evidence::unsigned(stream.unwrap_or(Stream::Trades)).into());
    }
    Ok(Verdict::Fine)
}

fn list(journal: &Journal, stream: Stream, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let log = CheckpointLog::of(journal, stream);
    let found = log
        .read()
        .with_context(|| format!("cannot read {}", log.path().display()))?;
    let mut table = Table::new(vec![
        Column::left("signed"),
        Column::right("lines"),
        Column::left("key"),
        Column::left("root"),
    ]);
    for (_, signed) in &found.notes {
        if context.settings.json {
            context.out.json(&Row::of(signed))?;
            continue;
        }
        let zone = context.settings.zone.value;
        table.push(vec![
            when::shown(signed.time(), zone),
            signed.checkpoint().size.to_string(),
            signed.signer().to_owned(),
            signed.checkpoint().root.to_string(),
        ]);
    }
    if !context.settings.json {
        table.print(context.out)?;
    }
    Ok(Verdict::found(
        found.notes.is_empty() || !found.bad.is_empty(),
    ))
}
