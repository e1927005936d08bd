//! `logs/BACKUPS`: the last good backup of each target, and the last drill.
//!
//! Always true: a backup is recorded when it was read back on its target and has its name, not before.
//!
//! It stands beside the journal and not in the cache, which may be deleted at any time; it is in no backup,
//! since a restored journal has none yet.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::{BackupError, failed, locked};
use super::target::Target;
use crate::disk::{self, Access};
use crate::journal::Journal;
use crate::keep::lock::check_owner;
use crate::record::Digest;
use crate::time::Timestamp;

const FILE_LEN_MAX: u64 = 1 << 20;

/// What is known of a target's backups.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastBackup {
    /// The target, as it was named.
    pub to: String,
    /// Its last good backup, and when that was made; `None` where there is none.
    pub last: Option<(String, Timestamp)>,
    /// How old that is; `None` where there is none, or where it was made in the future.
    pub age: Option<Duration>,
}

/// The last time a backup was restored to see that it can be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drill {
    /// When.
    pub time: Timestamp,
    /// Which backup.
    pub name: String,
    /// How long it took.
    pub took: Duration,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Raw {
    targets: Vec<RawTarget>,
    drill: Option<RawDrill>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct RawTarget {
    to: String,
    name: String,
    time: String,
    bytes: u64,
    sha256: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct RawDrill {
    time: String,
    name: String,
    milliseconds: u64,
}

/// A target under one name, from wherever it is named.
fn key(to: &str) -> String {
    match to.parse() {
        Ok(Target::Folder(folder)) => {
            let folder = std::path::absolute(&folder).unwrap_or(folder);
            folder.display().to_string()
        }
        _ => to.to_owned(),
    }
}

fn path(journal: &Journal) -> PathBuf {
    journal.layout().logs().join("BACKUPS")
}

fn read(journal: &Journal) -> Result<Raw, BackupError> {
    let path = path(journal);
    let bytes = disk::read_small(&**journal.disk(), &path, FILE_LEN_MAX);
    let bytes = bytes.map_err(failed("read", &path))?;
    // One that cannot be read says as much as none: the next backup makes it anew.
    Ok(bytes
        .and_then(|it| serde_json::from_slice(&it).ok())
        .unwrap_or_default())
}

/// Changes what is recorded; a backup and a drill that end at the same moment take turns.
fn change(journal: &Journal, how: impl FnOnce(&mut Raw)) -> Result<(), BackupError> {
    // Order matters: a file of somebody else would be in its owner's way from then on.
    check_owner(journal).map_err(locked(journal))?;
    let guard = journal.layout().logs().join(".BACKUPS.write");
    let file = journal.disk().open(&guard, Access::AppendOrCreate);
    let file = file.map_err(failed("open", &guard))?;
    file.lock().map_err(failed("lock", &guard))?;
    let mut raw = read(journal)?;
    how(&mut raw);
    write(journal, &raw)
}

fn write(journal: &Journal, raw: &Raw) -> Result<(), BackupError> {
    let path = path(journal);
    let bytes = serde_json::to_vec(raw).map_err(std::io::Error::from);
    let bytes = bytes.and_then(|mut it| {
        it.push(b'\n');
        disk::replace(&**journal.disk(), &path, &it)
    });
    bytes.map_err(failed("write", &path))
}

/// Records a good backup.
pub(super) fn good(
    journal: &Journal,
    to: &str,
    (name, time): (&str, Timestamp),
    (bytes, sha256): (u64, Digest),
) -> Result<(), BackupError> {
    let made = RawTarget {
        to: key(to),
        name: name.to_owned(),
        time: time.to_string(),
        bytes,
        sha256: sha256.to_string(),
    };
    change(journal, |raw| {
        raw.targets.retain(|it| it.to != made.to);
        raw.targets.push(made);
    })
}

/// Records a drill.
///
/// # Errors
/// [`BackupError::Disk`], and [`BackupError::Locked`] in a journal of somebody else.
pub fn drilled(journal: &Journal, name: &str, took: Duration) -> Result<(), BackupError> {
    let drill = RawDrill {
        time: journal.clock().now().to_string(),
        name: name.to_owned(),
        milliseconds: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    };
    change(journal, |raw| raw.drill = Some(drill))
}

/// How old the last good backup of each target is: what would be lost with the machine.
///
/// # Errors
/// [`BackupError::Disk`].
pub fn last(journal: &Journal, targets: &[String]) -> Result<Vec<LastBackup>, BackupError> {
    let (raw, now) = (read(journal)?, journal.clock().now());
    let of = |to: &String| {
        let found = raw.targets.iter().find(|it| it.to == key(to));
        let last = found.and_then(|it| {
            let time: Timestamp = it.time.parse().ok()?;
            Some((it.name.clone(), time))
        });
        LastBackup {
            to: to.clone(),
            age: last.as_ref().and_then(|it| it.1.until(now)),
            last,
        }
    };
    Ok(targets.iter().map(of).collect())
}

/// The last drill.
///
/// # Errors
/// [`BackupError::Disk`].
pub fn last_drill(journal: &Journal) -> Result<Option<Drill>, BackupError> {
    let raw = read(journal)?.drill;
    Ok(raw.and_then(|it| {
        Some(Drill {
            time: it.time.parse().ok()?,
            name: it.name,
            took: Duration::from_millis(it.milliseconds),
        })
    }))
}
