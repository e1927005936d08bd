//! Backups as they are named on a command line: a file, or a target and a time.
//!
//! Always true: what was fetched from another host is removed when nobody needs it any more.
//!
//! Not here: making, verifying and restoring, which are the library's.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use indicatif::ProgressBar;
use tradejournal::disk::RealDisk;
use tradejournal::journal::Journal;
use tradejournal::keep::backup::{
    self, BackupError, BackupName, Backups, Done, Extra, Progress, Run, Ssh, Target,
};
use tradejournal::time::Timestamp;

use crate::args::SshFlags;
use crate::bar::bar;
use crate::commands::Context;
use crate::failure::Failure;
use crate::journal;
use crate::output::{Talk, printable};
use crate::settings::Settings;

/// How other hosts are reached, as flags and settings say.
pub(crate) fn ssh(flags: &SshFlags, settings: &Settings) -> Ssh {
    let mut ssh = Ssh::default();
    ssh.port = flags.ssh_port.or(settings.backup.ssh_port);
    let config = flags.ssh_config.clone();
    ssh.config = config.or_else(|| settings.backup.ssh_config.clone());
    ssh
}

/// The targets that are named, or those of the settings.
pub(crate) fn targets(named: &[Target], settings: &Settings) -> Result<Vec<Target>, Failure> {
    let targets = match named {
        [] => settings.backup.to.clone(),
        named => named.to_vec(),
    };
    match targets.is_empty() {
        true => Err(Failure::usage("no target is named")
            .hint("tj backup --to FOLDER, or [backup] to = [\"FOLDER\"] in tj.toml")),
        false => Ok(targets),
    }
}

/// What makes the backups of the journal that the settings name.
pub(crate) fn of(
    journal: &Journal,
    flags: &SshFlags,
    targets: &[Target],
    settings: &Settings,
) -> Backups {
    let cache = &settings.cache.value;
    let mut extra = Extra::default();
    extra.config.clone_from(&settings.backup.config);
    let base = settings.file.as_deref().and_then(Path::parent);
    extra.base = base.map(Path::to_path_buf).unwrap_or_default();
    let beside = settings.dir.value.parent().unwrap_or(Path::new(""));
    extra.storage = Some(beside.join("storage"));
    extra.without = vec![settings.keys.value.clone(), cache.clone()];
    for target in targets.iter().chain(&settings.backup.to) {
        if let Target::Folder(folder) = target {
            extra.without.push(folder.clone());
        }
    }
    Backups::new(journal, cache.join("backup"))
        .extra(extra)
        .counts(settings.backup.counts)
        .ssh(ssh(flags, settings))
        .free_bytes_min(settings.min_free_bytes.value)
}

/// Makes a backup in every target, with bars for a person, and names what was left out.
pub(crate) fn run(
    journal: &Journal,
    flags: &SshFlags,
    targets: &[Target],
    context: &Context<'_>,
) -> Result<Run, BackupError> {
    let backups = of(journal, flags, targets, &context.settings);
    let mut bars = Bars::new(context.talk);
    let run = backups.run(targets, &mut |it| bars.show(it));
    bars.clear();
    let run = run?;
    for note in &run.notes {
        context.talk.warning(&printable(note));
    }
    Ok(run)
}

/// Tells of a target that lacks the backup that was its last one; whether it does.
pub(crate) fn tell_missing(target: &str, done: &Done, talk: &Talk) -> bool {
    let Some(name) = &done.missing else {
        return false;
    };
    let text = format!("{target}: the last backup {name} is not there: is it mounted?");
    talk.error(&printable(&text));
    talk.hint("the new one is there; if the disk was exchanged, the next run says nothing of it");
    true
}

/// The folder of what may be deleted at any time.
pub(crate) fn make_cache(settings: &Settings) -> anyhow::Result<()> {
    let cache = &settings.cache.value;
    let made = DirBuilder::new().recursive(true).mode(0o700).create(cache);
    made.with_context(|| format!("make {}", cache.display()))
}

/// A backup in a file of this machine.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    /// What it is called where it is from.
    pub(crate) name: String,
    /// It was looked for in a target, which may have others.
    pub(crate) is_of_target: bool,
    is_fetched: bool,
}

impl Drop for Found {
    fn drop(&mut self) {
        if self.is_fetched {
            // The next one that is fetched replaces it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The backup that is meant: a file, or the newest of a target that was made before a time.
pub(crate) fn find(
    from: Option<&Target>,
    before: Option<Timestamp>,
    flags: &SshFlags,
    context: &Context<'_>,
) -> anyhow::Result<Found> {
    let settings = &context.settings;
    let named: Vec<Target> = from.into_iter().cloned().collect();
    let targets = targets(&named, settings)?;
    let Some(target) = targets.first() else {
        return Err(Failure::usage("no backup is named").into());
    };
    if let Target::Folder(path) = target {
        let is_folder = fs::metadata(path)
            .with_context(|| format!("look at {}", path.display()))?
            .is_dir();
        if !is_folder {
            if before.is_some() {
                let text = format!("--at looks for a backup in a target, and {target} is a file");
                return Err(Failure::usage(text)
                    .hint("name the folder, or another file")
                    .into());
            }
            let name = path.file_name().unwrap_or_default();
            return Ok(Found {
                path: path.clone(),
                name: name.to_string_lossy().into_owned(),
                is_of_target: false,
                is_fetched: false,
            });
        }
    }
    let ssh = ssh(flags, settings);
    let name = newest(target, before, &ssh, settings)?;
    match target {
        Target::Folder(folder) => Ok(Found {
            path: folder.join(name.to_string()),
            name: name.to_string(),
            is_of_target: true,
            is_fetched: false,
        }),
        _ => {
            make_cache(settings)?;
            let found = Found {
                path: settings.cache.value.join(format!(".{name}.part")),
                name: name.to_string(),
                is_of_target: true,
                is_fetched: true,
            };
            backup::fetch(&RealDisk, &ssh, target, &name, &found.path)?;
            Ok(found)
        }
    }
}

/// The newest backup of a target that was made before a time: of the journal that the settings name, and
/// where there is none, of the only one that has backups there.
fn newest(
    target: &Target,
    before: Option<Timestamp>,
    ssh: &Ssh,
    settings: &Settings,
) -> anyhow::Result<BackupName> {
    let list = backup::list(&RealDisk, ssh, target)?;
    let mut names: Vec<BackupName> = list.into_iter().map(|it| it.0).collect();
    let journal = journal_name(settings);
    match &journal {
        Some(journal) => names.retain(|it| BackupName::parse(&it.to_string(), journal).is_some()),
        None => refuse_several(target, &names)?,
    }
    let mut names = names.into_iter();
    let newest = names.find(|it| before.is_none_or(|before| it.time() < before));
    newest.ok_or_else(|| {
        let of = journal.map_or_else(String::new, |it| format!(" of {it}"));
        let made = before.map_or_else(String::new, |it| format!(" made before {it}"));
        let failure = Failure::new(format!("{target} has no backup{of}{made}"));
        let hint = "`tj backup list` shows those that are there; \
                    one of another journal is meant by the name of its file";
        failure.hint(hint).into()
    })
}

/// The name of the journal that the settings name, if there is one, or if they say what it is to be called.
fn journal_name(settings: &Settings) -> Option<String> {
    let journal = journal::for_reading(settings).ok();
    let identity = journal.and_then(|it| it.identity());
    identity
        .map(|it| it.name().to_owned())
        .or_else(|| settings.name.value.clone())
}

/// Nobody guesses which of several journals is meant.
fn refuse_several(target: &Target, names: &[BackupName]) -> Result<(), Failure> {
    let mut journals: Vec<&BackupName> = Vec::new();
    for name in names {
        if !journals.iter().any(|it| it.journal() == name.journal()) {
            journals.push(name);
        }
    }
    if journals.len() <= 1 {
        return Ok(());
    }
    let count = journals.len();
    let newest: Vec<String> = journals.iter().map(|it| it.to_string()).collect();
    let text = format!(
        "{target} has backups of {count} journals, the newest of each: {}",
        newest.join(", ")
    );
    let hint = match target {
        Target::Folder(_) => format!("name the file: {target}/NAME"),
        _ => "say which journal it is: [journal] name in tj.toml".to_owned(),
    };
    Err(Failure::usage(text).hint(hint))
}

/// Shows how far something is.
pub(crate) struct Bars<'a> {
    talk: &'a Talk,
    current: Option<(&'static str, ProgressBar)>,
}

impl<'a> Bars<'a> {
    pub(crate) fn new(talk: &'a Talk) -> Bars<'a> {
        Bars {
            talk,
            current: None,
        }
    }

    pub(crate) fn show(&mut self, progress: Progress) {
        match &self.current {
            Some((doing, bar)) if *doing == progress.doing => bar.set_position(progress.done),
            _ => {
                self.clear();
                let bar = bar(self.talk, progress.doing, progress.of);
                self.current = Some((progress.doing, bar));
            }
        }
    }

    pub(crate) fn clear(&mut self) {
        if let Some((_, bar)) = self.current.take() {
            bar.finish_and_clear();
        }
    }
}

/// Whether a backup is bad, and not the way to it.
pub(crate) fn is_bad(error: &BackupError) -> bool {
    matches!(
        error,
        BackupError::Damaged { .. } | BackupError::Member { .. } | BackupError::Unsound { .. }
    )
}
