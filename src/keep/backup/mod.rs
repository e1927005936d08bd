//! Backups: one file that has all of a journal, made while bots write, and the way back.
//!
//! Always true:
//! - A backup has every line that was acknowledged before it was begun, and no line that is not on disk.
//! - A backup counts when it was read back from where it is, and has its name only then. What a kill, a
//!   full disk or a cut connection leaves is nobody's backup, and the next run clears it.
//! - A target that fails keeps no other from its backup.
//! - A private key is in none.
//!
//! Not here: when backups are made.

mod contents;
mod error;
mod folder;
mod manifest;
mod member;
mod record;
mod remote;
mod restore;
mod rotation;
mod tape;
mod target;
mod unpack;

use std::path::{Path, PathBuf};

pub use contents::Extra;
pub use error::BackupError;
pub use manifest::{FileEntry, Manifest, StreamEnd};
pub use member::MemberError;
pub use record::{Drill, LastBackup, drilled, last, last_drill};
pub use remote::Ssh;
pub use restore::{Restore, Restored};
pub use rotation::{BackupName, Choice, Counts, plan};
pub use target::{Remote, Target, TargetError};
pub use unpack::Unpacked;

use crate::disk::{Access, Disk, File};
use crate::journal::{Journal, chain_of};
use crate::keep::KeepLock;
use crate::keep::lock::check_owner;
use crate::record::Digest;
use contents::Gathering;
use error::{failed, locked};
use folder::Folder;
use remote::Host;
use tape::Room;

/// Kept free beside what the journal itself is to have.
const ROOM_MIN: u64 = 16 << 20;

/// Makes the backups of one journal.
#[derive(Clone, Debug)]
pub struct Backups {
    journal: Journal,
    extra: Extra,
    counts: Counts,
    ssh: Ssh,
    /// Where a backup is made that goes to no folder of this machine.
    staging: PathBuf,
    free_bytes_min: u64,
}

/// What came of a target.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The target, as it was named.
    pub target: String,
    /// Its new backup, or why it has none.
    pub result: Result<Done, BackupError>,
}

/// A backup that was made, read back and named.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Done {
    /// What it is called.
    pub name: BackupName,
    /// How long it is.
    pub bytes: u64,
    /// The SHA-256 over it.
    pub sha256: Digest,
    /// Which backups of the target stayed, and which went.
    pub choices: Vec<Choice>,
    /// The backup that was the target's last one before, where it is not there: the disk that has it may
    /// not be mounted, or was exchanged for another.
    pub missing: Option<String>,
}

/// All that came of a run.
#[derive(Debug)]
#[non_exhaustive]
pub struct Run {
    /// What was left out, or is not as it should be.
    pub notes: Vec<String>,
    /// Each target's.
    pub outcomes: Vec<Outcome>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Progress {
    /// What is done.
    pub doing: &'static str,
    /// Bytes done.
    pub done: u64,
    /// Of how many.
    pub of: u64,
}

/// Where backups are.
trait Place {
    /// Makes the folder, and clears what runs that were cut off have left of this journal's backups.
    fn prepare(&self, journal: &str) -> Result<(), BackupError>;

    /// The backups that are there, and how long each is.
    fn list(&self) -> Result<Vec<(BackupName, u64)>, BackupError>;

    /// Brings a backup here, reads it back, and gives it its name only then.
    fn put(&self, from: &Path, name: &BackupName, sha256: Digest) -> Result<(), BackupError>;

    /// Gives a backup that is here the name of the newest, too.
    fn make_latest(&self, name: &BackupName) -> Result<(), BackupError>;

    /// Removes a file that may be gone.
    fn remove(&self, name: &str) -> Result<(), BackupError>;

    /// Copies a file from here.
    fn fetch(&self, name: &str, to: &Path) -> Result<(), BackupError>;
}

/// A backup that was made, and where it is.
struct Made {
    name: BackupName,
    path: PathBuf,
    /// It is a copy of this run's own, and nobody's target: the folder of copies may hold targets as well.
    is_staged: bool,
    unpacked: Unpacked,
}

impl Backups {
    /// Of that journal. A backup that goes to no folder of this machine is made in the folder `staging`
    /// first.
    #[must_use]
    pub fn new(journal: &Journal, staging: impl Into<PathBuf>) -> Backups {
        Backups {
            journal: journal.clone(),
            extra: Extra::default(),
            counts: Counts::default(),
            ssh: Ssh::default(),
            staging: staging.into(),
            free_bytes_min: 0,
        }
    }

    /// What else goes in, and what does not.
    #[must_use]
    pub fn extra(mut self, extra: Extra) -> Backups {
        self.extra = extra;
        self
    }

    /// Which backups of a target stay.
    #[must_use]
    pub fn counts(mut self, counts: Counts) -> Backups {
        self.counts = counts;
        self
    }

    /// How other hosts are reached.
    #[must_use]
    pub fn ssh(mut self, ssh: Ssh) -> Backups {
        self.ssh = ssh;
        self
    }

    /// How many bytes stay free where a backup is made, for the journal.
    #[must_use]
    pub fn free_bytes_min(mut self, bytes: u64) -> Backups {
        self.free_bytes_min = bytes;
        self
    }

    /// Makes one backup and puts it into every target.
    ///
    /// # Errors
    /// [`BackupError`] when there is no journal, or another process makes a backup of it. What goes wrong
    /// with a target is in its outcome.
    pub fn run(
        &self,
        targets: &[Target],
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Run, BackupError> {
        let _lock = self.lock()?;
        let mut work = Work {
            journal: self.name()?,
            made: None,
            notes: Vec::new(),
            troubles: Vec::new(),
            progress,
        };
        let mut outcomes = Vec::new();
        // Order matters: a backup is made in a folder of this machine, from where the others take it.
        let is_folder = |it: &&Target| matches!(it, Target::Folder(_));
        let folders = targets.iter().filter(is_folder);
        let others = targets.iter().filter(|it| !is_folder(it));
        for target in folders.chain(others) {
            outcomes.push(Outcome {
                target: target.to_string(),
                result: self.reach(target, &mut work),
            });
        }
        if let Some(made) = work.made.take().filter(|it| it.is_staged) {
            // The next run clears what cannot be removed now.
            let _ = self.disk().remove(&made.path);
        }
        let mut notes = work.notes;
        notes.append(&mut work.troubles);
        Ok(Run { notes, outcomes })
    }

    /// The backups of this journal in a target, the newest first, and how long each is.
    ///
    /// # Errors
    /// [`BackupError`] when it cannot be asked.
    pub fn list(&self, target: &Target) -> Result<Vec<(BackupName, u64)>, BackupError> {
        let journal = self.name()?;
        let mut found = self.place(target).list()?;
        found.retain(|it| BackupName::parse(&it.0.to_string(), &journal).is_some());
        found.sort_unstable();
        found.reverse();
        Ok(found)
    }

    /// Which backups of a target would stay and which would go if one was made now, which is among them.
    ///
    /// # Errors
    /// [`BackupError`] when it cannot be asked.
    pub fn plan(&self, target: &Target) -> Result<Vec<Choice>, BackupError> {
        let mut names: Vec<BackupName> = self.list(target)?.into_iter().map(|it| it.0).collect();
        let new = self.new_name(&self.name()?, &names);
        names.push(new.clone());
        Ok(plan(&names, self.counts, Some(&new)))
    }

    /// The name of the last good backup of a target, as it was recorded.
    fn last_good(&self, target: &Target) -> Result<Option<String>, BackupError> {
        let recorded = last(&self.journal, &[target.to_string()])?;
        Ok(recorded.into_iter().find_map(|it| it.last).map(|it| it.0))
    }

    fn place<'a>(&'a self, target: &'a Target) -> Box<dyn Place + 'a> {
        place(self.disk(), &self.ssh, &self.staging, target)
    }

    /// Brings the backup into a target, and makes it first where it is not made yet.
    fn reach(&self, target: &Target, work: &mut Work<'_>) -> Result<Done, BackupError> {
        let place = self.place(target);
        place.prepare(&work.journal)?;
        let there = place.list()?;
        let is_there = |name: &str| there.iter().any(|it| it.0.to_string() == name);
        let missing = self.last_good(target)?.filter(|it| !is_there(it));
        let made = match work.made.take() {
            Some(made) => made,
            None => {
                let (own, is_staged) = match target {
                    Target::Folder(path) => (path, false),
                    Target::Remote(_) => (&self.staging, true),
                };
                let folder = self.folder(own);
                folder.prepare(&work.journal)?;
                let made = self.make(&folder, &there, work)?;
                Made { is_staged, ..made }
            }
        };
        let made = work.made.insert(made);
        let done = Done {
            name: made.name.clone(),
            bytes: made.unpacked.bytes,
            sha256: made.unpacked.sha256,
            choices: Vec::new(),
            missing,
        };
        let name = &done.name;
        let put = place.put(&made.path, name, done.sha256);
        if let Target::Folder(path) = target {
            let folder = self.folder(path);
            match (made.path == folder.part(name), &put) {
                (false, _) => {}
                (true, Ok(())) => made.path = folder.file(name),
                // It is gone: the next target gets one that is made anew.
                (true, Err(_)) => work.made = None,
            }
        }
        put?;
        self.conclude(target, done, &*place, &mut work.troubles)
    }

    fn disk(&self) -> &dyn Disk {
        &**self.journal.disk()
    }

    fn folder<'a>(&'a self, path: &'a Path) -> Folder<'a> {
        Folder {
            disk: self.disk(),
            path,
        }
    }

    /// The journal's name.
    fn name(&self) -> Result<String, BackupError> {
        let identity = self.journal.identity();
        let path = self.journal.layout().journal();
        let identity = identity.ok_or(BackupError::NoJournal { path })?;
        Ok(identity.name().to_owned())
    }

    /// One process at a time makes backups of a journal.
    fn lock(&self) -> Result<Box<dyn File>, BackupError> {
        // Order matters: a file of somebody else would be in its owner's way from then on.
        check_owner(&self.journal).map_err(locked(&self.journal))?;
        let logs = self.journal.layout().logs();
        let path = logs.join(".BACKUPS.lock");
        let file = self.disk().open(&path, Access::AppendOrCreate);
        let file = file.map_err(failed("open", &path))?;
        match file.try_lock().map_err(failed("lock", &path))? {
            true => Ok(file),
            false => Err(BackupError::Running {
                path: logs.to_owned(),
            }),
        }
    }

    /// What a backup is called that is made now.
    fn new_name(&self, journal: &str, taken: &[BackupName]) -> BackupName {
        let mut name = BackupName::new(journal, self.journal.clock().now());
        while taken.contains(&name) {
            name = name.next();
        }
        name
    }

    /// Makes the backup under its temporary name in a folder, and reads it back. Its name is none of those
    /// that are taken where it goes.
    fn make(
        &self,
        folder: &Folder<'_>,
        taken: &[(BackupName, u64)],
        work: &mut Work<'_>,
    ) -> Result<Made, BackupError> {
        let taken: Vec<BackupName> = taken.iter().map(|it| it.0.clone()).collect();
        let name = self.new_name(&work.journal, &taken);
        let path = folder.part(&name);
        let written = self.write(&path, &name, work);
        let unpacked = written.and_then(|()| verify(self.disk(), &path, work.progress));
        if unpacked.is_err() {
            let _ = self.disk().remove(&path);
        }
        Ok(Made {
            name,
            path,
            is_staged: false,
            unpacked: unpacked?,
        })
    }

    fn write(
        &self,
        part: &Path,
        name: &BackupName,
        work: &mut Work<'_>,
    ) -> Result<(), BackupError> {
        let logs = self.journal.layout().logs();
        // Nothing goes into the archive, or out of it, while it is copied.
        let lock = KeepLock::take(&self.journal).map_err(locked(&self.journal))?;
        let mut contents = Gathering::new(&self.journal, &self.extra).gather()?;
        work.notes = std::mem::take(&mut contents.notes);
        let identity = self.journal.identity();
        let manifest = Manifest {
            journal: self.name()?,
            epoch: identity.map_or(0, |it| it.epoch()),
            time: name.time(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            streams: std::mem::take(&mut contents.streams),
            files: Vec::new(),
        };
        let file = self.disk().open(part, Access::AppendOrCreate);
        let file = file.map_err(failed("open", part))?;
        file.cut(0).map_err(failed("cut", part))?;
        let room = Room {
            disk: self.disk(),
            path: logs,
            bytes_min: self.free_bytes_min.max(ROOM_MIN),
        };
        let of = contents.bytes;
        let mut told = |done| {
            (work.progress)(Progress {
                doing: "back up",
                done,
                of,
            });
        };
        tape::write(room, contents, manifest, (part, &*file), &mut told)?;
        drop(lock);
        Ok(())
    }

    /// Records the backup and removes what is to go. A backup that has its name counts, whatever goes wrong
    /// afterwards with the others.
    fn conclude(
        &self,
        target: &Target,
        mut done: Done,
        place: &dyn Place,
        troubles: &mut Vec<String>,
    ) -> Result<Done, BackupError> {
        let mut trouble = |error: BackupError| {
            let why = chain_of(&error);
            troubles.push(format!("{target}: the new backup is there, but: {why}"));
        };
        place.make_latest(&done.name).unwrap_or_else(&mut trouble);
        // Order matters: it is recorded as the last good one before an older one goes.
        let (name, time) = (done.name.to_string(), done.name.time());
        let what = (done.bytes, done.sha256);
        record::good(&self.journal, &target.to_string(), (&name, time), what)?;
        match self.choose(&done.name, place) {
            Ok(choices) => done.choices = choices,
            Err(error) => trouble(error),
        }
        for gone in done.choices.iter().filter(|it| it.why.is_none()) {
            let removed = place.remove(&gone.name.to_string());
            removed.unwrap_or_else(&mut trouble);
        }
        Ok(done)
    }

    /// Which backups of a place stay beside the new one, and which go.
    fn choose(&self, new: &BackupName, place: &dyn Place) -> Result<Vec<Choice>, BackupError> {
        let journal = self.name()?;
        let names = place.list()?.into_iter().map(|it| it.0);
        let names: Vec<BackupName> = names
            .filter(|it| BackupName::parse(&it.to_string(), &journal).is_some())
            .collect();
        Ok(plan(&names, self.counts, Some(new)))
    }
}

/// What a run is about.
struct Work<'a> {
    journal: String,
    made: Option<Made>,
    /// What is to be said of what went in.
    notes: Vec<String>,
    /// What went wrong at a target after its backup had its name.
    troubles: Vec<String>,
    progress: &'a mut dyn FnMut(Progress),
}

fn place<'a>(
    disk: &'a dyn Disk,
    ssh: &'a Ssh,
    scratch: &'a Path,
    target: &'a Target,
) -> Box<dyn Place + 'a> {
    match target {
        Target::Folder(path) => Box::new(Folder { disk, path }),
        Target::Remote(remote) => Box::new(Host {
            disk,
            ssh,
            remote,
            scratch,
        }),
    }
}

/// The backups in a target, of whichever journals, the newest first, and how long each is.
///
/// # Errors
/// [`BackupError`] when it cannot be asked.
pub fn list(
    disk: &dyn Disk,
    ssh: &Ssh,
    target: &Target,
) -> Result<Vec<(BackupName, u64)>, BackupError> {
    let mut found = place(disk, ssh, Path::new(""), target).list()?;
    found.sort_unstable();
    found.reverse();
    Ok(found)
}

/// Copies a backup of a target to a file of this machine.
///
/// # Errors
/// [`BackupError`]; what came of the file is then of no use.
pub fn fetch(
    disk: &dyn Disk,
    ssh: &Ssh,
    target: &Target,
    name: &BackupName,
    to: &Path,
) -> Result<(), BackupError> {
    place(disk, ssh, Path::new(""), target).fetch(&name.to_string(), to)
}

/// Reads a backup to its end and holds every file against its list.
///
/// # Errors
/// [`BackupError`] that says what is wrong with it.
pub fn verify(
    disk: &dyn Disk,
    path: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Unpacked, BackupError> {
    let file = disk.open(path, Access::Read);
    let file = file.map_err(failed("open", path))?;
    let of = file.look().map_err(failed("look at", path))?.len;
    unpack::read(path, &*file, &mut unpack::Nobody, &mut |done| {
        progress(Progress {
            doing: "verify",
            done,
            of,
        });
    })
}
