//! The way back: a journal out of a backup.
//!
//! Always true:
//! - All of a backup is verified before a byte of it is written, and the journal is verified before it has
//!   its name.
//! - Where the journal is to be, there is nothing of it or all of it, whatever is cut off.
//! - What was there is moved aside, and never deleted.
//! - The journal goes on under a new epoch, which its audit stream tells of: checkpoints of lines that were
//!   lost are seen as what they are.
//!
//! Not here: keys, which are in no backup.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Progress;
use super::error::{BackupError, failed};
use super::manifest::Manifest;
use super::unpack::{self, Files, Nobody, damaged};
use crate::disk::{self, Access, Disk, File, Kind};
use crate::journal::{Depth, Identity, Journal, Options, audit, snapshot};
use crate::record::{RestoredParts, Stream};
use crate::time::Clock;

const GUARD: &str = ".restoring";

/// Restores one backup.
#[derive(Clone)]
pub struct Restore {
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    force: bool,
    accept_damage: bool,
}

/// A journal that was restored.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Restored {
    /// What the backup says of itself.
    pub manifest: Manifest,
    /// The epoch that begins.
    pub epoch: u64,
    /// What is wrong with the journal, and was when it was backed up.
    pub problems: Vec<String>,
    /// Where what was there is now.
    pub aside: Option<PathBuf>,
}

impl Restore {
    /// On that disk, at the time of that clock.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, clock: Arc<dyn Clock>) -> Restore {
        Restore {
            disk,
            clock,
            force: false,
            accept_damage: false,
        }
    }

    /// Whether what is in the place of the journal is moved aside.
    #[must_use]
    pub fn force(mut self, force: bool) -> Restore {
        self.force = force;
        self
    }

    /// Whether a journal that was damaged when it was backed up is restored as it is.
    #[must_use]
    pub fn accept_damage(mut self, accept: bool) -> Restore {
        self.accept_damage = accept;
        self
    }

    /// Restores `backup` into the folder `into`, which gets the folders `logs`, `archive` and so on.
    ///
    /// # Errors
    /// [`BackupError`]; nothing is in `into` then that was not there before.
    pub fn run(
        &self,
        backup: &Path,
        into: &Path,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Restored, BackupError> {
        let before = self.occupied(into)?;
        let (temporary, guard, mut restored) = self.prepare(backup, into, progress)?;
        self.sync_folder(&temporary)?;
        if before {
            let aside = self.aside(into)?;
            self.rename(into, &aside)?;
            restored.aside = Some(aside);
        }
        // Order matters: everything below it is on the disk before it has its name.
        if let Err(error) = self.rename(&temporary, into) {
            return Err(self.put_back(restored.aside, into, error));
        }
        self.sync_folder(parent_of(into))?;
        // Order matters: until it has its name, another run would take it for what was left. An empty file
        // that cannot be removed means nothing there.
        let _ = self.remove_file(&into.join(GUARD));
        drop(guard);
        let _ = self.sync_folder(into);
        Ok(restored)
    }

    /// Restores `backup` beside the folder `into` and removes what came of it: whether it can be done.
    ///
    /// # Errors
    /// [`BackupError`].
    pub fn drill(
        &self,
        backup: &Path,
        into: &Path,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Restored, BackupError> {
        let (temporary, guard, restored) = self.prepare(backup, into, progress)?;
        self.remove_all(&temporary)?;
        drop(guard);
        Ok(restored)
    }

    /// Puts back what was moved aside for a journal that did not get its name.
    fn put_back(&self, aside: Option<PathBuf>, into: &Path, why: BackupError) -> BackupError {
        let Some(path) = aside else {
            return why;
        };
        let put = self
            .rename(&path, into)
            .and_then(|()| self.sync_folder(parent_of(into)));
        match put {
            Ok(()) => why,
            Err(_) => BackupError::Aside {
                path,
                source: Box::new(why),
            },
        }
    }

    /// Makes the whole journal under a temporary name.
    fn prepare(
        &self,
        backup: &Path,
        into: &Path,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(PathBuf, Box<dyn File>, Restored), BackupError> {
        let disk = &*self.disk;
        let file = disk.open(backup, Access::Read);
        let file = file.map_err(failed("open", backup))?;
        let of = file.look().map_err(failed("look at", backup))?.len;
        let mut told = |doing, done| progress(Progress { doing, done, of });
        // Order matters: what is not believed is not written.
        let checked = unpack::read(backup, &*file, &mut Nobody, &mut |it| told("verify", it))?;
        let other = self.epoch_in(into, &checked.manifest.journal);
        let (temporary, guard) = self.temporary(into)?;
        let mut writing = Writing::new(disk, &temporary);
        let done = unpack::read(backup, &*file, &mut writing, &mut |it| told("restore", it))
            .and_then(|again| match again.sha256 == checked.sha256 {
                true => writing.sync(),
                false => Err(damaged(backup, "it changed while it was read")),
            })
            .and_then(|()| self.go_on(backup, &temporary, checked.manifest, other));
        match done {
            Ok(restored) => Ok((temporary, guard, restored)),
            Err(error) => {
                // The next run clears what cannot be removed now.
                let _ = self.remove_all(&temporary);
                Err(error)
            }
        }
    }

    /// Verifies the journal, and makes it one that goes on.
    fn go_on(
        &self,
        backup: &Path,
        temporary: &Path,
        manifest: Manifest,
        other: u64,
    ) -> Result<Restored, BackupError> {
        let open = || {
            Options::new(temporary.join("logs"))
                .archive(temporary.join("archive"))
                .disk(Arc::clone(&self.disk))
                .clock(Arc::clone(&self.clock))
                .allow_personal_data(true)
                .open()
        };
        let journal = open()?;
        let path = journal.layout().journal();
        let identity = journal.identity();
        let identity = identity.filter(|it| it.name() == manifest.journal);
        let identity = identity.ok_or(BackupError::NoJournal { path })?;
        let problems = self.problems(&journal, temporary)?;
        if let Some(first) = problems.first().filter(|_| !self.accept_damage) {
            return Err(BackupError::Unsound {
                first: first.clone(),
                count: problems.len(),
            });
        }
        let identity = identity.restored(other);
        identity.write(&*self.disk, journal.layout())?;
        drop(journal);
        let journal = open()?;
        let told = tell(&journal, identity.epoch(), backup, &manifest);
        audit::close_own_writer(&journal);
        // A damaged audit stream takes nothing until somebody accepts the damage.
        told.or_else(|why| match problems.is_empty() {
            true => Err(BackupError::Audit(why)),
            false => Ok(()),
        })?;
        self.make_links(&journal)?;
        Ok(Restored {
            manifest,
            epoch: identity.epoch(),
            problems,
            aside: None,
        })
    }

    fn problems(&self, journal: &Journal, temporary: &Path) -> Result<Vec<String>, BackupError> {
        let mut problems = Vec::new();
        for stream in Stream::ALL {
            let folder = journal.layout().stream(stream);
            let found = self.disk.look(&folder);
            if found.map_err(failed("look at", &folder))?.is_none() {
                continue;
            }
            journal.verify(stream, Depth::Chain, &mut |it| {
                if !it.kind.is_note() {
                    let path = it.path.strip_prefix(temporary).unwrap_or(&it.path);
                    problems.push(format!("{}: {}", path.display(), it.message));
                }
            })?;
        }
        Ok(problems)
    }

    /// The links to the open days, which no backup has.
    fn make_links(&self, journal: &Journal) -> Result<(), BackupError> {
        for stream in Stream::ALL {
            let link = journal.layout().link(stream);
            let days = journal.layout().days_in_logs(&*self.disk, stream);
            let days = days.map_err(failed("list the days of", &link))?;
            let found = self.disk.look(&link).map_err(failed("look at", &link))?;
            if let Some(newest) = days.last().filter(|_| found.is_none()) {
                let made = snapshot::make_link(&*self.disk, journal, stream, *newest);
                made.map_err(failed("make the link", &link))?;
            }
        }
        let logs = journal.layout().logs();
        self.sync_folder(logs)
    }

    /// The epoch of the journal that is moved aside, if it is the same one.
    fn epoch_in(&self, into: &Path, name: &str) -> u64 {
        let layout = crate::journal::layout::Layout::new(into.join("logs"), into.join("archive"));
        let found = Identity::read(&*self.disk, &layout).ok().flatten();
        found
            .filter(|it| it.name() == name)
            .map_or(0, |it| it.epoch())
    }

    /// Whether something is in the place of the journal that is to be moved aside.
    fn occupied(&self, into: &Path) -> Result<bool, BackupError> {
        let path = into.to_owned();
        let what = |what: String| BackupError::Occupied {
            path: path.clone(),
            what,
        };
        if into.file_name().is_none() {
            return Err(what("name a folder that is not there yet".to_owned()));
        }
        let found = self.disk.look(into).map_err(failed("look at", into))?;
        match found.map(|it| it.kind) {
            None => Ok(false),
            Some(Kind::Folder) => {
                let entries = self.disk.list(into).map_err(failed("list", into))?;
                match entries.first() {
                    None => Ok(false),
                    Some(_) if self.force => Ok(true),
                    Some(first) => Err(what(format!("it has {} in it", first.name))),
                }
            }
            Some(kind) => Err(what(format!("it is {kind}"))),
        }
    }

    /// A name beside it that is free.
    fn aside(&self, into: &Path) -> Result<PathBuf, BackupError> {
        let name = into.file_name().unwrap_or_default().to_string_lossy();
        let time = self.clock.now().to_string().replace(['-', ':'], "");
        let mut number = 1;
        loop {
            let end = match number {
                1 => String::new(),
                more => format!("-{more}"),
            };
            let path = into.with_file_name(format!("{name}.before-{time}{end}"));
            if self
                .disk
                .look(&path)
                .map_err(failed("look at", &path))?
                .is_none()
            {
                return Ok(path);
            }
            number += 1;
        }
    }

    /// An empty folder beside `into`, for nobody else.
    fn temporary(&self, into: &Path) -> Result<(PathBuf, Box<dyn File>), BackupError> {
        let disk = &*self.disk;
        let name = into.file_name().unwrap_or_default().to_string_lossy();
        let path = into.with_file_name(format!(".{name}.restoring"));
        let made = disk.create_folder(&path);
        made.map_err(failed("make", &path))?;
        let guard_path = path.join(GUARD);
        let guard = disk.open(&guard_path, Access::AppendOrCreate);
        let guard = guard.map_err(failed("open", &guard_path))?;
        if !guard.try_lock().map_err(failed("lock", &guard_path))? {
            return Err(BackupError::Running { path });
        }
        // Who had it before may have given the folder its name since.
        let locked = guard.look().map_err(failed("look at", &guard_path))?;
        let named = disk
            .look(&guard_path)
            .map_err(failed("look at", &guard_path))?;
        if named.is_none_or(|it| it.identity != locked.identity) {
            return Err(BackupError::Running { path });
        }
        // What a run that was cut off has left.
        for entry in disk.list(&path).map_err(failed("list", &path))? {
            if entry.name != GUARD {
                self.remove_all(&path.join(&entry.name))?;
            }
        }
        Ok((path, guard))
    }

    fn remove_all(&self, path: &Path) -> Result<(), BackupError> {
        let found = self.disk.look(path).map_err(failed("look at", path))?;
        if found.is_none_or(|it| it.kind != Kind::Folder) {
            return self.remove_file(path);
        }
        for entry in self.disk.list(path).map_err(failed("list", path))? {
            self.remove_all(&path.join(&entry.name))?;
        }
        let removed = self.disk.remove_folder(path);
        removed.map_err(failed("remove", path))
    }

    fn remove_file(&self, path: &Path) -> Result<(), BackupError> {
        match self.disk.remove(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(failed("remove", path)),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), BackupError> {
        let renamed = self.disk.rename(from, to);
        renamed.map_err(failed("rename", from))
    }

    fn sync_folder(&self, path: &Path) -> Result<(), BackupError> {
        let synced = self.disk.sync_folder(path);
        synced.map_err(failed("sync", path))
    }
}

impl std::fmt::Debug for Restore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Restore").finish_non_exhaustive()
    }
}

fn parent_of(path: &Path) -> &Path {
    let parent = path.parent().filter(|it| !it.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

fn tell(journal: &Journal, epoch: u64, backup: &Path, manifest: &Manifest) -> Result<(), String> {
    let name = backup.file_name().unwrap_or_default().to_string_lossy();
    let why = format!("from {name}, made {}", manifest.time);
    let why = why
        .parse()
        .map_err(|_| "its reason is no text".to_owned())?;
    let restored = crate::record::Restored::new(RestoredParts { epoch, why });
    audit::tell(journal, restored.map_err(|it| it.to_string())?)
}

/// The files of a backup, written as they pass.
struct Writing<'a> {
    disk: &'a dyn Disk,
    root: &'a Path,
    folders: BTreeSet<PathBuf>,
    current: Option<(PathBuf, Box<dyn File>, u32)>,
}

impl<'a> Writing<'a> {
    fn new(disk: &'a dyn Disk, root: &'a Path) -> Writing<'a> {
        Writing {
            disk,
            root,
            folders: BTreeSet::new(),
            current: None,
        }
    }

    /// Puts the names of all folders on the disk, the deepest first.
    fn sync(&self) -> Result<(), BackupError> {
        let mut folders: Vec<&PathBuf> = self.folders.iter().collect();
        folders.reverse();
        for folder in folders {
            let synced = self.disk.sync_folder(folder);
            synced.map_err(failed("sync", folder))?;
        }
        let synced = self.disk.sync_folder(self.root);
        synced.map_err(failed("sync", self.root))
    }
}

impl Files for Writing<'_> {
    fn begin(&mut self, name: &str, mode: u32) -> Result<(), BackupError> {
        let path = self.root.join(name);
        let below = name.match_indices('/').filter_map(|(at, _)| name.get(..at));
        for folder in below.map(|it| self.root.join(it)) {
            if self.folders.insert(folder.clone()) {
                let made = self.disk.create_folder(&folder);
                made.map_err(failed("make", &folder))?;
            }
        }
        let file = self.disk.open(&path, Access::Create);
        let file = file.map_err(failed("make", &path))?;
        self.current = Some((path, file, mode));
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        match &self.current {
            Some((path, file, _)) => disk::write_all(&**file, bytes).map_err(failed("write", path)),
            None => Ok(()),
        }
    }

    fn end(&mut self) -> Result<(), BackupError> {
        let Some((path, file, mode)) = self.current.take() else {
            return Ok(());
        };
        let set = file.set_mode(mode);
        set.map_err(failed("set the mode of", &path))?;
        file.sync().map_err(failed("sync", &path))
    }
}
