//! `tj restore`: a journal out of a backup, or the proof that it can be done.
//!
//! Not here: how, which is the library's.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use tradejournal::disk::RealDisk;
use tradejournal::keep::backup::{self, BackupError, Restored};
use tradejournal::time::{Clock as _, SystemClock};

use super::Context;
use crate::args::Restore;
use crate::backups::{self, Bars, Found};
use crate::failure::{Failure, Verdict};
use crate::output::printable;
use crate::{journal, when};

/// What `--json` prints.
#[derive(Serialize)]
struct Row {
    backup: String,
    journal: String,
    made: String,
    into: Option<String>,
    epoch: u64,
    files: usize,
    problems: Vec<String>,
    aside: Option<String>,
    milliseconds: u64,
}

pub(crate) fn run(args: &Restore, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let zone = context.settings.zone.value;
    let at = args.at.as_deref();
    let before = at.map(|it| when::to(it, zone, SystemClock.now()));
    let before = before.transpose().map_err(|_| {
        let text = format!("--at {}: not a time", at.unwrap_or_default());
        Failure::usage(text).hint("write 2025-10-26, 2025-10-26T14:30 or 2025-10-26T14:30:00Z")
    })?;
    let started = Instant::now();
    let found = backups::find(args.from.as_ref(), before, &args.ssh, context)?;
    let into = match &args.into {
        Some(into) => into.clone(),
        None => {
            backups::make_cache(&context.settings)?;
            context.settings.cache.value.join("drill")
        }
    };
    let restore = backup::Restore::new(Arc::new(RealDisk), Arc::new(SystemClock))
        .force(args.force)
        .accept_damage(args.damaged);
    let mut bars = Bars::new(context.talk);
    let mut show = |it| bars.show(it);
    let restored = match args.drill {
        true => restore.drill(&found.path, &into, &mut show),
        false => restore.run(&found.path, &into, &mut show),
    };
    bars.clear();
    let restored = match restored {
        Ok(restored) => restored,
        Err(error) => return refused(error, &found, context),
    };
    let took = started.elapsed();
    if args.drill {
        record(&found.name, &restored, took, context);
    }
    let row = Row {
        backup: found.name.clone(),
        journal: restored.manifest.journal.clone(),
        made: restored.manifest.time.to_string(),
        into: (!args.drill).then(|| into.display().to_string()),
        epoch: restored.epoch,
        files: restored.manifest.files.len(),
        aside: restored.aside.as_ref().map(|it| it.display().to_string()),
        milliseconds: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        problems: restored.problems,
    };
    tell(&row, context)?;
    Ok(Verdict::found(!row.problems.is_empty()))
}

fn refused(error: BackupError, found: &Found, context: &Context<'_>) -> anyhow::Result<Verdict> {
    let is_movable = matches!(&error, BackupError::Occupied { path, .. } if is_movable(path));
    let is_unsound = matches!(error, BackupError::Unsound { .. });
    let is_bad = backups::is_bad(&error);
    let error = anyhow::Error::new(error);
    if !is_bad {
        let failure = Failure::new("nothing was restored").because(error);
        return Err(match is_movable {
            true => failure.hint("--force moves it aside").into(),
            false => failure.into(),
        });
    }
    context.talk.error(&printable(&format!("{error:#}")));
    let what = match is_unsound {
        true => "--damaged restores it as it is",
        false => "nothing was written",
    };
    let how = match found.is_of_target {
        true => " (--at)",
        false => "",
    };
    let hint = format!("{what}; an older backup may be whole{how}");
    context.talk.hint(&hint);
    Ok(Verdict::Found)
}

/// Whether what is there is a folder with a name, which alone is moved aside.
fn is_movable(path: &Path) -> bool {
    let is_folder = fs::symlink_metadata(path).is_ok_and(|it| it.is_dir());
    is_folder && path.file_name().is_some()
}

/// Records a drill in the journal whose backup it was, if it is here.
fn record(name: &str, restored: &Restored, took: std::time::Duration, context: &Context<'_>) {
    let Ok(journal) = journal::for_reading(&context.settings) else {
        return;
    };
    let is_ours = |it: &tradejournal::journal::Identity| it.name() == restored.manifest.journal;
    if journal.identity().as_ref().is_some_and(is_ours)
        && let Err(error) = backup::drilled(&journal, name, took)
    {
        let error = anyhow::Error::new(error).context("the drill is not recorded");
        context.talk.warning(&printable(&format!("{error:#}")));
    }
}

fn tell(row: &Row, context: &mut Context<'_>) -> anyhow::Result<()> {
    if context.settings.json {
        return context.out.json(row);
    }
    for problem in &row.problems {
        context.talk.warning(&printable(problem));
    }
    let (files, journal, name) = (row.files, &row.journal, &row.backup);
    let seconds = format!(
        "{}.{:03} s",
        row.milliseconds / 1000,
        row.milliseconds % 1000
    );
    let text = match &row.into {
        Some(into) => format!(
            "{into}: {journal}, {files} files from {name}, verified; it goes on under epoch {}",
            row.epoch
        ),
        None => {
            format!("{name}: {journal}, {files} files restored, verified and removed in {seconds}")
        }
    };
    context.out.line(printable(&text))?;
    if let Some(aside) = &row.aside {
        let text = format!("what was there is in {aside}");
        context.out.line(printable(&text))?;
    }
    Ok(())
}
