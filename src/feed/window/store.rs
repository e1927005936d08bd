//! The files of minutes: in the window, and out of it.
//!
//! Always true:
//! - A file has its name only when all of it is on the disk.
//! - A file is replaced only by one that has at least as much at every level. What would be less, or
//!   something else, is set aside.
//! - A minute that leaves the window has its name in `storage` before it loses the one it had.
//!
//! Not here: which minutes are to be written or moved (`window`).

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::aside::Aside;
use super::error::{WindowError, on};
use super::footprint::Footprint;
use super::layout::{self, Layout, Symbols};
use super::minute::Minute;
use crate::disk::{self, Disk, Kind};
use crate::journal::chain_of;
use crate::record::field::Pair;

/// How long a file of a minute may be.
const FILE_LEN_MAX: u64 = 256 << 20;
/// How many files are written at once: a disk syncs several in hardly more time than one.
const WRITERS: usize = 8;

/// How many minutes leave the window without a pause. With more there is one after each few, so that trades
/// that come meanwhile find the disk free.
const MOVED_AT_ONCE: usize = 64;
const MOVED_IN_A_BREATH: usize = 4;
const BREATH: Duration = Duration::from_micros(100);

/// A minute's file, and what is to be in it.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) symbol: Pair,
    pub(super) minute: Minute,
    pub(super) json: Vec<u8>,
}

/// The files of minutes.
#[derive(Clone, Debug)]
pub(super) struct Store {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) layout: Layout,
}

/// What became of minutes that should leave the window.
#[derive(Debug, Default)]
pub(super) struct Moved {
    /// Those that are in `storage` now, with their JSON.
    pub(super) done: Vec<(Minute, Vec<u8>)>,
    /// Those that were set aside, and why.
    pub(super) aside: Vec<(Minute, String)>,
    /// Those of which somebody has taken the file away.
    pub(super) lost: Vec<Minute>,
    /// What the disk refused first; what follows it is tried later.
    pub(super) error: Option<WindowError>,
}

/// Where a minute is that should leave.
enum Placed {
    /// In `storage`.
    There(Vec<u8>),
    Aside(String),
    Lost,
}

impl Store {
    /// The folders of a symbol, made where they are missing.
    pub(super) fn make_folders(&self, symbol: &Pair) -> Result<(), WindowError> {
        let storage = self.layout.of_symbol(self.layout.storage(), symbol);
        let minutes = self.layout.of_symbol(&self.layout.minutes(), symbol);
        for folder in [storage, minutes] {
            self.make_folder(&folder)?;
        }
        Ok(())
    }

    /// Makes the names of a symbol's files survive a power cut, where it has files.
    pub(super) fn sync_folders(&self, symbol: &Pair) -> Result<(), WindowError> {
        let storage = self.layout.of_symbol(self.layout.storage(), symbol);
        let minutes = self.layout.of_symbol(&self.layout.minutes(), symbol);
        for folder in [minutes, storage] {
            match self.disk.sync_folder(&folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                synced => synced.map_err(on("sync", &folder))?,
            }
        }
        Ok(())
    }

    /// A folder and those above it, whose names survive a power cut then.
    pub(super) fn make_folder(&self, folder: &Path) -> Result<(), WindowError> {
        let mut missing = Vec::new();
        for it in folder.ancestors().filter(|it| !it.as_os_str().is_empty()) {
            if self.disk.look(it).map_err(on("look at", it))?.is_some() {
                break;
            }
            missing.push(it);
        }
        for it in missing.into_iter().rev() {
            self.disk.create_folder(it).map_err(on("make", it))?;
            let above = it.parent().filter(|it| !it.as_os_str().is_empty());
            let above = above.unwrap_or(Path::new("."));
            self.disk.sync_folder(above).map_err(on("sync", above))?;
        }
        Ok(())
    }

    /// The symbols that have a folder.
    pub(super) fn symbols(&self) -> Result<BTreeSet<Pair>, WindowError> {
        if let Symbols::Only(symbol) = self.layout.symbols() {
            return Ok(BTreeSet::from([symbol.clone()]));
        }
        let mut symbols = BTreeSet::new();
        for folder in [
            self.layout.storage().to_owned(),
            self.layout.minutes(),
            self.layout.archive().to_owned(),
        ] {
            for entry in self.list(&folder)? {
                if entry.kind == Kind::Folder {
                    symbols.extend(layout::symbol_of(&entry.name));
                }
            }
        }
        Ok(symbols)
    }

    /// The names in a folder that may not be there.
    pub(super) fn list(&self, folder: &Path) -> Result<Vec<disk::Entry>, WindowError> {
        match self.disk.list(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            listed => listed.map_err(on("list", folder)),
        }
    }

    fn minutes_in(&self, folder: &Path) -> Result<BTreeSet<Minute>, WindowError> {
        let found = self
            .list(folder)?
            .into_iter()
            .filter(|it| it.kind == Kind::File);
        Ok(found.filter_map(|it| layout::minute_of(&it.name)).collect())
    }

    /// The minutes that are in the window.
    pub(super) fn waiting(&self, symbol: &Pair) -> Result<BTreeSet<Minute>, WindowError> {
        self.minutes_in(&self.layout.of_symbol(&self.layout.minutes(), symbol))
    }

    /// The minutes that have left it and are no archive yet.
    pub(super) fn stored(&self, symbol: &Pair) -> Result<BTreeSet<Minute>, WindowError> {
        self.minutes_in(&self.layout.of_symbol(self.layout.storage(), symbol))
    }

    /// The bytes of a file without their end of line; `None` when there is none.
    pub(super) fn bytes(&self, path: &Path) -> Result<Option<Vec<u8>>, WindowError> {
        let bytes = disk::read_small(&*self.disk, path, FILE_LEN_MAX).map_err(on("read", path))?;
        Ok(bytes.map(|mut it| {
            if it.last() == Some(&b'\n') {
                it.pop();
            }
            it
        }))
    }

    /// The minute of a file; `None` when there is none.
    pub(super) fn footprint(
        &self,
        path: &Path,
        minute: Minute,
    ) -> Result<Option<Footprint>, WindowError> {
        let Some(bytes) = self.bytes(path)? else {
            return Ok(None);
        };
        checked(&bytes, minute, path).map(Some)
    }

    /// The minute's file, in the window or out of it.
    pub(super) fn find(
        &self,
        symbol: &Pair,
        minute: Minute,
    ) -> Result<Option<Footprint>, WindowError> {
        let (waiting, stored) = (
            self.layout.waiting(symbol, minute),
            self.layout.stored(symbol, minute),
        );
        // Once more in the first place: it may have moved from there meanwhile, or back.
        for path in [&waiting, &stored, &waiting] {
            if let Some(footprint) = self.footprint(path, minute)? {
                return Ok(Some(footprint));
            }
        }
        Ok(None)
    }

    /// Writes files into the window, several at once. Says of each whether it is there.
    pub(super) fn write(&self, jobs: &[Job]) -> Vec<Result<(), WindowError>> {
        let mut results = self.on_all(jobs, |job| {
            let path = self.layout.waiting(&job.symbol, job.minute);
            let mut bytes = job.json.clone();
            bytes.push(b'\n');
            replace_unsynced(&*self.disk, &path, &bytes).map_err(on("write", &path))
        });
        // Order matters: a name counts when its folder is on the disk.
        let of_job = |it: &Job| self.layout.of_symbol(&self.layout.minutes(), &it.symbol);
        let folders: BTreeSet<PathBuf> = jobs.iter().map(of_job).collect();
        let folders: Vec<PathBuf> = folders.into_iter().collect();
        let synced = self.on_all(&folders, |it| {
            self.disk.sync_folder(it).map_err(|it| it.kind())
        });
        let failed = folders
            .iter()
            .zip(synced)
            .filter_map(|(folder, it)| Some((folder, it.err()?)));
        let failed: BTreeMap<&PathBuf, io::ErrorKind> = failed.collect();
        for (job, result) in jobs.iter().zip(&mut results) {
            if let (Ok(()), Some((folder, kind))) = (&*result, failed.get_key_value(&of_job(job))) {
                *result = Err(on("sync", folder)((*kind).into()));
            }
        }
        results
    }

    /// Does something with each, on several threads; the results in the order of the jobs.
    fn on_all<T: Send + Sync, R: Send>(&self, all: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
        if all.len() < 2 {
            return all.iter().map(work).collect();
        }
        let next = AtomicUsize::new(0);
        let worker = || {
            let mut done = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(one) = all.get(index) else {
                    return done;
                };
                done.push((index, work(one)));
            }
        };
        let mut results: Vec<(usize, R)> = thread::scope(|scope| {
            let count = WRITERS.min(all.len());
            let threads: Vec<_> = (1..count).map(|_| scope.spawn(worker)).collect();
            let mut results = worker();
            for thread in threads {
                match thread.join() {
                    Ok(done) => results.extend(done),
                    // A result that is missing would make others those of other jobs.
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            results
        });
        results.sort_by_key(|(index, _)| *index);
        results.into_iter().map(|(_, it)| it).collect()
    }

    /// Moves minutes of a symbol out of the window.
    pub(super) fn move_out(&self, symbol: &Pair, minutes: &[Minute], aside: &Aside) -> Moved {
        let mut moved = Moved::default();
        let is_many = MOVED_AT_ONCE < minutes.len();
        let breathe = |index: usize| {
            if is_many && index.is_multiple_of(MOVED_IN_A_BREATH) {
                thread::sleep(BREATH);
            }
        };
        for (index, minute) in minutes.iter().enumerate() {
            breathe(index);
            match self.place(symbol, *minute, aside) {
                Ok(Placed::There(json)) => moved.done.push((*minute, json)),
                Ok(Placed::Aside(why)) => moved.aside.push((*minute, why)),
                Ok(Placed::Lost) => moved.lost.push(*minute),
                // What is true of one is true of the others, most of the time: they are tried later.
                Err(error) => {
                    moved.error = Some(error);
                    break;
                }
            }
        }
        // Order matters: the new names are on the disk before the old ones go. A power cut between the two
        // leaves both.
        let to = self.layout.of_symbol(self.layout.storage(), symbol);
        if let Err(error) = self.disk.sync_folder(&to) {
            moved.error.get_or_insert(on("sync", &to)(error));
            moved.done.clear();
        }
        for (index, (minute, json)) in std::mem::take(&mut moved.done).into_iter().enumerate() {
            breathe(index);
            match self.leave(&self.layout.waiting(symbol, minute)) {
                Ok(()) => moved.done.push((minute, json)),
                Err(error) => {
                    moved.error.get_or_insert(error);
                }
            }
        }
        moved
    }

    /// Gives a minute its place outside of the window.
    fn place(&self, symbol: &Pair, minute: Minute, aside: &Aside) -> Result<Placed, WindowError> {
        let from = self.layout.waiting(symbol, minute);
        let to = self.layout.stored(symbol, minute);
        let there = self.bytes(&to)?;
        let Some(json) = self.bytes(&from)? else {
            // With a file in `storage`, a run that was cut off has moved it.
            return Ok(there.map_or(Placed::Lost, Placed::There));
        };
        let Some(there) = there else {
            self.name(&from, &to, &json)?;
            return Ok(Placed::There(json));
        };
        if there == json {
            return Ok(Placed::There(json));
        }
        let why = match checked(&json, minute, &from) {
            Ok(own) if checked(&there, minute, &to).is_ok_and(|it| own.covers(&it)) => {
                self.copy(&to, &json)?;
                return Ok(Placed::There(json));
            }
            Ok(_) => "a file was there that has something else".to_owned(),
            Err(error) => chain_of(&error),
        };
        aside.keep(&from, symbol, Some(minute), &why, &json)?;
        self.leave(&from)?;
        Ok(Placed::Aside(why))
    }

    /// A second name where the disk can, which costs no sync of its own; a copy where it cannot.
    fn name(&self, from: &Path, to: &Path, json: &[u8]) -> Result<(), WindowError> {
        match self.disk.second_name(from, to) {
            Ok(()) => Ok(()),
            Err(_) => self.copy(to, json),
        }
    }

    fn copy(&self, to: &Path, json: &[u8]) -> Result<(), WindowError> {
        let mut bytes = json.to_vec();
        bytes.push(b'\n');
        replace_unsynced(&*self.disk, to, &bytes).map_err(on("write", to))
    }

    fn leave(&self, path: &Path) -> Result<(), WindowError> {
        match self.disk.remove(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(on("remove", path)),
        }
    }
}

/// What those bytes say of that minute.
pub(super) fn checked(json: &[u8], minute: Minute, path: &Path) -> Result<Footprint, WindowError> {
    let footprint = Footprint::parse(json).map_err(|source| WindowError::Minute {
        path: path.to_owned(),
        source,
    })?;
    if footprint.minute() != minute {
        let why = format!(
            "it is of {}, and its name says {minute}",
            footprint.minute()
        );
        return Err(WindowError::Damaged {
            path: path.to_owned(),
            why,
        });
    }
    Ok(footprint)
}

/// As `disk::replace`, without the sync of the folder, which many files have in common.
fn replace_unsynced(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    disk::put(disk, path, |file| disk::write_all(file, bytes))
}
