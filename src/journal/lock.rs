//! `LOCK`: who may write a stream.
//!
//! Always true:
//! - The lock is the kernel's (`flock`), on a file that is never deleted. It goes when the process
//!   that took it ends, however it ends. The pid in the file is for people and proves nothing.
//! - A child made by `fork` shares the parent's open file, but does not hold the lock: it is
//!   refused by its process number, and letting go in the child does not free the parent's.
//! - A `LOCK` that was replaced while held is noticed by [`StreamLock::still_holds`].

use std::{
    io,
    path::{Path, PathBuf},
    process,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crate::disk;
use crate::disk::{Access, Disk, File};

/// Whoever only looks whether the lock is free has it for a moment; one waits that long for it.
pub(super) const LOOK_WAIT: Duration = Duration::from_millis(20);
const LOCK_POLL: Duration = Duration::from_millis(1);

/// A held lock, or one that a shared writer takes again and again.
#[derive(Debug)]
pub(super) struct StreamLock {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    file: Box<dyn File>,
    identity: (u64, u64),
    pid: u32,
}

impl StreamLock {
    /// Opens the lock file, made if it is not there, without taking the lock.
    pub(super) fn open(disk: &Arc<dyn Disk>, path: &Path) -> io::Result<StreamLock> {
        let file = disk.open(path, Access::AppendOrCreate)?;
        let identity = file.look()?.identity;
        let disk = Arc::clone(disk);
        Ok(StreamLock {
            disk,
            path: path.to_owned(),
            file,
            identity,
            pid: process::id(),
        })
    }

    /// Takes the lock if nobody holds it, and leaves the pid in the file for people.
    pub(super) fn try_take(&self) -> io::Result<bool> {
        if !self.file.try_lock()? {
            return Ok(false);
        }
        // The number is for people; a disk that does not take it keeps nobody from the lock.
        let pid = format!("{}\n", self.pid);
        let _ = self
            .file
            .cut(0)
            .and_then(|()| disk::write_all(&*self.file, pid.as_bytes()));
        Ok(true)
    }

    /// Lets the lock go, unless this process is a fork of the one that took it.
    pub(super) fn release(&self) -> io::Result<()> {
        if self.is_forked() {
            return Ok(());
        }
        self.file.unlock()
    }

    /// Whether this process is not the one that opened the lock.
    pub(super) fn is_forked(&self) -> bool {
        process::id() != self.pid
    }

    /// Whether the file at the lock's path is still the one that is locked.
    pub(super) fn still_holds(&self) -> io::Result<bool> {
        Ok(self
            .disk
            .look(&self.path)?
            .is_some_and(|it| it.identity == self.identity))
    }

    /// The process that the file names: who holds the lock, as far as a file can say.
    pub(super) fn holder(&self) -> Option<u32> {
        let bytes = disk::read_small(&*self.disk, &self.path, 64).ok()??;
        std::str::from_utf8(&bytes).ok()?.trim().parse().ok()
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// The process that holds the lock at `path`: `None` when nobody does, and a pid where the file
/// tells one.
pub(super) fn holder(disk: &dyn Disk, path: &Path) -> Option<Option<u32>> {
    let file = disk.open(path, Access::Read).ok()?;
    // Taken for a moment, if it is free; a writer that opens just then tries again.
    if file.try_lock().ok()? {
        let _ = file.unlock();
        return None;
    }
    let bytes = disk::read_small(disk, path, 64)
        .ok()
        .flatten()
        .unwrap_or_default();
    let text = String::from_utf8(bytes).unwrap_or_default();
    Some(text.trim().parse().ok())
}

/// Tries for the lock until `wait` is over.
pub(super) fn take_within(lock: &StreamLock, wait: Duration) -> io::Result<bool> {
    let start = Instant::now();
    loop {
        if lock.try_take()? {
            return Ok(true);
        }
        if wait <= start.elapsed() {
            return Ok(false);
        }
        thread::sleep(LOCK_POLL);
    }
}
