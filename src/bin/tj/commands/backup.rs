//! `tj backup`: backups of the whole journal in every target, which are there, and whether one is whole.
//!
//! Always true: a target without a new backup makes the exit code 3, and keeps no other from its own; one
//! that lacks the backup before makes it 1.
//!
//! Not here: how, which is the library's.

use serde::Serialize;
use tradejournal::disk::RealDisk;
use tradejournal::keep::backup::{self, Choice, Outcome, Target, Unpacked};

use super::Context;
use crate::args::{Backup, BackupWhat};
use crate::backups::{self, Bars};
use crate::failure::{Failure, Verdict};
use crate::journal;
use crate::output::printable;
use crate::size::size;
use crate::table::{Column, Table};
use crate::when;

pub(crate) fn run(args: &Backup, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    match &args.what {
        None if args.plan => plan(args, context),
        None => make(args, context),
        Some(BackupWhat::List) => list(args, context),
        Some(BackupWhat::Verify { from }) => {
            let from = from.as_ref().or(args.to.first());
            verify(from, args, context)
        }
    }
}

/// What `--json` prints of a target.
#[derive(Serialize)]
struct Row {
    target: String,
    name: Option<String>,
    bytes: Option<u64>,
    sha256: Option<String>,
    error: Option<String>,
    /// The backup that was the last one before, where it is not there.
    missing: Option<String>,
    kept: Vec<ChoiceRow>,
}

#[derive(Serialize)]
struct ChoiceRow {
    name: String,
    stays: bool,
    why: Option<String>,
}

impl ChoiceRow {
    fn of(choice: &Choice) -> ChoiceRow {
        ChoiceRow {
            name: choice.name.to_string(),
            stays: choice.why.is_some(),
            why: choice.why.clone(),
        }
    }
}

fn make(args: &Backup, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let journal = journal::for_checking(&context.settings)?;
    let targets = backups::targets(&args.to, &context.settings)?;
    let run = backups::run(&journal, &args.ssh, &targets, context)?;
    let all = run.outcomes.len();
    let (mut failed, mut is_missing) = (0, false);
    for outcome in run.outcomes {
        match &outcome.result {
            Ok(done) => is_missing |= backups::tell_missing(&outcome.target, done, context.talk),
            Err(_) => failed += 1,
        }
        show(outcome, context)?;
    }
    if failed != 0 {
        let text = format!("{failed} of {all} targets have no new backup");
        let hint = "what was begun there counts for nothing, and the next run clears it";
        return Err(Failure::new(text).hint(hint).into());
    }
    Ok(Verdict::found(is_missing))
}

fn show(outcome: Outcome, context: &mut Context<'_>) -> anyhow::Result<()> {
    let target = outcome.target;
    let row = match outcome.result {
        Ok(done) => {
            if !context.settings.json {
                let (name, len) = (&done.name, size(done.bytes));
                let text = format!("{target}: {name}, {len}, read back");
                context.out.line(printable(&text))?;
                return choices(&done.choices, context);
            }
            Row {
                target,
                name: Some(done.name.to_string()),
                bytes: Some(done.bytes),
                sha256: Some(done.sha256.to_string()),
                error: None,
                missing: done.missing,
                kept: done.choices.iter().map(ChoiceRow::of).collect(),
            }
        }
        Err(error) => {
            let error = format!("{:#}", anyhow::Error::new(error));
            context
                .talk
                .error(&printable(&format!("{target}: {error}")));
            Row {
                target,
                name: None,
                bytes: None,
                sha256: None,
                error: Some(error),
                missing: None,
                kept: Vec::new(),
            }
        }
    };
    match context.settings.json {
        true => context.out.json(&row),
        false => Ok(()),
    }
}

fn choices(choices: &[Choice], context: &mut Context<'_>) -> anyhow::Result<()> {
    for choice in choices {
        let text = match &choice.why {
            Some(why) => format!("  stays  {}  {why}", choice.name),
            None => format!("  goes   {}", choice.name),
        };
        context.out.line(printable(&text))?;
    }
    Ok(())
}

fn plan(args: &Backup, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let journal = journal::for_checking(&context.settings)?;
    let targets = backups::targets(&args.to, &context.settings)?;
    let backups = backups::of(&journal, &args.ssh, &targets, &context.settings);
    for target in &targets {
        let plan = backups.plan(target)?;
        if context.settings.json {
            context.out.json(&Row {
                target: target.to_string(),
                name: None,
                bytes: None,
                sha256: None,
                error: None,
                missing: None,
                kept: plan.iter().map(ChoiceRow::of).collect(),
            })?;
            continue;
        }
        let text = match plan.len().saturating_sub(1) {
            0 => format!("{target}: no backup, and the one that would be made"),
            1 => format!("{target}: 1 backup, and the one that would be made"),
            count => format!("{target}: {count} backups, and the one that would be made"),
        };
        context.out.line(printable(&text))?;
        choices(&plan, context)?;
    }
    Ok(Verdict::Fine)
}

/// What `tj backup list --json` prints of a backup.
#[derive(Serialize)]
struct Listed {
    target: String,
    name: String,
    time: String,
    bytes: u64,
}

fn list(args: &Backup, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let targets = backups::targets(&args.to, &context.settings)?;
    let ssh = backups::ssh(&args.ssh, &context.settings);
    let zone = context.settings.zone.value;
    let mut table = Table::new(vec![
        Column::left("made"),
        Column::right("size"),
        Column::text("target"),
        Column::text("backup"),
    ]);
    let (mut count, mut failed) = (0_usize, 0_usize);
    for target in &targets {
        let listed = backup::list(&RealDisk, &ssh, target).unwrap_or_else(|error| {
            failed += 1;
            let error = anyhow::Error::new(error);
            let text = format!("{target}: {error:#}");
            context.talk.error(&printable(&text));
            Vec::new()
        });
        for (name, bytes) in listed {
            count += 1;
            if context.settings.json {
                context.out.json(&Listed {
                    target: target.to_string(),
                    name: name.to_string(),
                    time: name.time().to_string(),
                    bytes,
                })?;
                continue;
            }
            table.push(vec![
                when::shown(name.time(), zone),
                size(bytes),
                target.to_string(),
                name.to_string(),
            ]);
        }
    }
    if !context.settings.json {
        match count {
            0 if failed == 0 => context.out.line("no backup")?,
            0 => {}
            _ => table.print(context.out)?,
        }
    }
    if failed != 0 {
        let text = format!("{failed} of {} targets cannot be listed", targets.len());
        return Err(Failure::new(text).into());
    }
    Ok(Verdict::found(count == 0))
}

/// What `tj backup verify --json` prints.
#[derive(Serialize)]
struct Verified {
    name: String,
    whole: bool,
    why: Option<String>,
    journal: Option<String>,
    epoch: Option<u64>,
    time: Option<String>,
    files: Option<usize>,
    bytes: Option<u64>,
    sha256: Option<String>,
    streams: Vec<StreamRow>,
}

#[derive(Serialize)]
struct StreamRow {
    stream: &'static str,
    lines: Option<u64>,
}

impl Verified {
    fn of(name: &str, unpacked: &Unpacked) -> Verified {
        let manifest = &unpacked.manifest;
        let streams = manifest.streams.iter().map(|it| StreamRow {
            stream: it.stream.name(),
            lines: it.end.map(|it| it.0),
        });
        Verified {
            name: name.to_owned(),
            whole: true,
            why: None,
            journal: Some(manifest.journal.clone()),
            epoch: Some(manifest.epoch),
            time: Some(manifest.time.to_string()),
            files: Some(manifest.files.len()),
            bytes: Some(unpacked.bytes),
            sha256: Some(unpacked.sha256.to_string()),
            streams: streams.collect(),
        }
    }

    fn bad(name: &str, why: String) -> Verified {
        Verified {
            name: name.to_owned(),
            whole: false,
            why: Some(why),
            journal: None,
            epoch: None,
            time: None,
            files: None,
            bytes: None,
            sha256: None,
            streams: Vec::new(),
        }
    }
}

fn verify(
    from: Option<&Target>,
    args: &Backup,
    context: &mut Context<'_>,
) -> anyhow::Result<Verdict> {
    let found = backups::find(from, None, &args.ssh, context)?;
    let mut bars = Bars::new(context.talk);
    let verified = backup::verify(&RealDisk, &found.path, &mut |it| bars.show(it));
    bars.clear();
    let unpacked = match verified {
        Ok(unpacked) => unpacked,
        Err(error) if backups::is_bad(&error) => {
            let why = format!("{:#}", anyhow::Error::new(error));
            match context.settings.json {
                true => context.out.json(&Verified::bad(&found.name, why))?,
                false => context.out.line(printable(&why))?,
            }
            return Ok(Verdict::Found);
        }
        Err(error) => return Err(error.into()),
    };
    let shown = Verified::of(&found.name, &unpacked);
    if context.settings.json {
        context.out.json(&shown)?;
        return Ok(Verdict::Fine);
    }
    let mut table = Table::new(vec![Column::left("stream"), Column::right("lines")]);
    for stream in &shown.streams {
        let lines = stream.lines.map(|it| it.to_string());
        let lines = lines.unwrap_or_else(|| "damaged".to_owned());
        table.push(vec![stream.stream.to_owned(), lines]);
    }
    table.print(context.out)?;
    let manifest = &unpacked.manifest;
    let (files, len) = (manifest.files.len(), size(unpacked.bytes));
    let (journal, time) = (&manifest.journal, manifest.time);
    let made = when::shown(time, context.settings.zone.value);
    let text = format!(
        "{}: {journal} of {made}, {files} files, {len}: whole",
        found.name
    );
    context.out.line(printable(&text))?;
    Ok(Verdict::Fine)
}
