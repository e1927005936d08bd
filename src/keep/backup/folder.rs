//! A folder of this machine as a target.
//!
//! Always true: a file has the name of a backup only when it was read back from the disk and has the right
//! SHA-256; until then it has a name that is nobody's backup.

use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::Place;
use super::error::{BackupError, failed};
use super::rotation::BackupName;
use super::unpack::damaged;
use crate::disk::{self, Access, Disk, File, Kind};
use crate::record::Digest;

/// The newest backup has this name, too.
pub(super) const LATEST: &str = "latest.tar.gz";
/// What that is called until it is one.
pub(super) const LATEST_PART: &str = ".latest.tar.gz.part";
const BUFFER_LEN: usize = 1 << 20;

/// What a backup is called until it is one.
pub(super) fn part_of(name: &BackupName) -> String {
    format!(".{name}.part")
}

/// Whether a file is what a run that was cut off has left of that journal's backups.
pub(super) fn is_left(name: &str, journal: &str) -> bool {
    let of_part = || name.strip_prefix('.')?.strip_suffix(".part");
    name == LATEST_PART || of_part().is_some_and(|it| BackupName::parse(it, journal).is_some())
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Folder<'a> {
    pub(super) disk: &'a dyn Disk,
    pub(super) path: &'a Path,
}

impl Place for Folder<'_> {
    fn prepare(&self, journal: &str) -> Result<(), BackupError> {
        make(self.disk, self.path)?;
        for entry in self.entries()? {
            if is_left(&entry, journal) {
                self.remove(&entry)?;
            }
        }
        Ok(())
    }

    fn list(&self) -> Result<Vec<(BackupName, u64)>, BackupError> {
        let mut found = Vec::new();
        for entry in self.entries()? {
            let Ok(name) = entry.parse::<BackupName>() else {
                continue;
            };
            let path = self.path.join(&entry);
            let meta = self.disk.look(&path).map_err(failed("look at", &path))?;
            found.push((name, meta.map_or(0, |it| it.len)));
        }
        Ok(found)
    }

    fn put(&self, from: &Path, name: &BackupName, sha256: Digest) -> Result<(), BackupError> {
        let put = self
            .take(from, name)
            .and_then(|()| self.accept(name, sha256));
        if put.is_err() {
            // The next run clears what cannot be removed now.
            let _ = self.disk.remove(&self.part(name));
        }
        put
    }

    /// By a second name, or by a copy where the disk has no second names.
    fn make_latest(&self, name: &BackupName) -> Result<(), BackupError> {
        let (path, latest) = (self.file(name), self.path.join(LATEST));
        let part = self.path.join(LATEST_PART);
        self.remove(LATEST_PART)?;
        let made = match self.disk.second_name(&path, &part) {
            Ok(()) => Ok(()),
            Err(_) => copy(self.disk, &path, &part),
        };
        let renamed = made.and_then(|()| {
            let renamed = self.disk.rename(&part, &latest);
            renamed.map_err(failed("rename", &part))
        });
        if renamed.is_err() {
            // The next run clears what cannot be removed now.
            let _ = self.disk.remove(&part);
        }
        renamed?;
        self.sync()
    }

    fn fetch(&self, name: &str, to: &Path) -> Result<(), BackupError> {
        copy(self.disk, &self.path.join(name), to)
    }

    fn remove(&self, name: &str) -> Result<(), BackupError> {
        let path = self.path.join(name);
        match self.disk.remove(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(failed("remove", &path)),
        }
    }
}

impl Folder<'_> {
    fn entries(&self) -> Result<Vec<String>, BackupError> {
        let entries = self.disk.list(self.path);
        let entries = entries.map_err(failed("list", self.path))?;
        let files = entries.into_iter().filter(|it| it.kind == Kind::File);
        Ok(files.map(|it| it.name).collect())
    }

    pub(super) fn file(&self, name: &BackupName) -> PathBuf {
        self.path.join(name.to_string())
    }

    pub(super) fn part(&self, name: &BackupName) -> PathBuf {
        self.path.join(part_of(name))
    }

    /// Copies a backup here under its temporary name, unless it is that one.
    fn take(&self, from: &Path, name: &BackupName) -> Result<(), BackupError> {
        let part = self.part(name);
        if from == part {
            return Ok(());
        }
        copy(self.disk, from, &part)
    }

    /// Gives it its name, once it is seen to be whole on the disk.
    fn accept(&self, name: &BackupName, sha256: Digest) -> Result<(), BackupError> {
        let (part, path) = (self.part(name), self.file(name));
        let file = self.disk.open(&part, Access::Read);
        let file = file.map_err(failed("open", &part))?;
        // Order matters: what counts is what the disk has.
        if hash(&*file).map_err(failed("read back", &part))? != sha256 {
            return Err(damaged(&part, "the disk gives back something else"));
        }
        let renamed = self.disk.rename(&part, &path);
        renamed.map_err(failed("rename", &part))?;
        self.sync()
    }

    fn sync(&self) -> Result<(), BackupError> {
        let synced = self.disk.sync_folder(self.path);
        synced.map_err(failed("sync", self.path))
    }
}

/// Makes a folder and those above it that are missing.
pub(super) fn make(disk: &dyn Disk, path: &Path) -> Result<(), BackupError> {
    let mut missing: Vec<&Path> = Vec::new();
    for folder in path.ancestors() {
        let is_there = folder.as_os_str().is_empty()
            || disk
                .look(folder)
                .map_err(failed("look at", folder))?
                .is_some();
        if is_there {
            break;
        }
        missing.push(folder);
    }
    for folder in missing.into_iter().rev() {
        disk.create_folder(folder).map_err(failed("make", folder))?;
        let parent = parent_of(folder);
        let synced = disk.sync_folder(parent);
        synced.map_err(failed("sync", parent))?;
    }
    Ok(())
}

fn parent_of(path: &Path) -> &Path {
    let parent = path.parent().filter(|it| !it.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

/// Copies a file and syncs it.
pub(super) fn copy(disk: &dyn Disk, from: &Path, to: &Path) -> Result<(), BackupError> {
    let source = disk.open(from, Access::Read);
    let source = source.map_err(failed("open", from))?;
    let file = disk.open(to, Access::AppendOrCreate);
    let file = file.map_err(failed("open", to))?;
    file.cut(0).map_err(failed("cut", to))?;
    let mut buffer = vec![0; BUFFER_LEN];
    let mut offset = 0;
    loop {
        let read = disk::read_full(&*source, &mut buffer, offset).map_err(failed("read", from))?;
        if read == 0 {
            return file.sync().map_err(failed("sync", to));
        }
        let bytes = buffer.get(..read).unwrap_or_default();
        disk::write_all(&*file, bytes).map_err(failed("write", to))?;
        offset += read as u64;
    }
}

/// The SHA-256 of a file, from the disk where that can be.
pub(super) fn hash(file: &dyn File) -> io::Result<Digest> {
    file.drop_cache(0)?;
    let mut buffer = vec![0; BUFFER_LEN];
    let (mut offset, mut sha256) = (0, Sha256::new());
    loop {
        let read = disk::read_full(file, &mut buffer, offset)?;
        if read == 0 {
            return Ok(Digest::from_bytes(sha256.finalize().into()));
        }
        sha256.update(buffer.get(..read).unwrap_or_default());
        offset += read as u64;
    }
}
