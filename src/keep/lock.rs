//! Who keeps a journal: one process at a time.
//!
//! Always true: the lock is the kernel's, on `logs/KEEP`, or for a nightly run `logs/NIGHTLY`, and goes
//! with the process. A bot that writes needs none of it, and neither does whoever reads.

use std::io;
use std::path::PathBuf;
use std::process;

use crate::disk::{self, Access, File};
use crate::journal::Journal;

const KEEP: &str = "KEEP";
const NIGHTLY: &str = "NIGHTLY";
const PID_LEN_MAX: u64 = 64;

/// The right to archive, to delete and to restore, until it is dropped.
#[derive(Debug)]
pub struct KeepLock {
    file: Box<dyn File>,
}

/// Why the journal cannot be kept now.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Another process does it.
    #[error("already running{}", pid.map(|it| format!(" as process {it}")).unwrap_or_default())]
    Running {
        /// Which, where it has said so.
        pid: Option<u32>,
    },
    /// The folder belongs to somebody else.
    #[error("{} belongs to user {owner}, and this is user {user}", path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who asks.
        user: u32,
    },
    /// The disk failed.
    #[error("lock {}", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl KeepLock {
    /// Takes the lock if nobody has it. Files that root made in another user's journal would be closed to the
    /// bot, so root is refused as everybody else is.
    ///
    /// # Errors
    /// [`LockError`].
    pub fn take(journal: &Journal) -> Result<KeepLock, LockError> {
        KeepLock::of(journal, KEEP)
    }

    /// Takes the lock of a nightly run, which has parts that take [`KeepLock::take`]'s by themselves.
    ///
    /// # Errors
    /// [`LockError`].
    pub fn take_for_the_night(journal: &Journal) -> Result<KeepLock, LockError> {
        KeepLock::of(journal, NIGHTLY)
    }

    fn of(journal: &Journal, name: &str) -> Result<KeepLock, LockError> {
        check_owner(journal)?;
        let disk = &**journal.disk();
        let path = journal.layout().logs().join(name);
        let failed = |source| LockError::Disk {
            path: path.clone(),
            source,
        };
        let file = disk.open(&path, Access::AppendOrCreate).map_err(failed)?;
        if !file.try_lock().map_err(failed)? {
            let text = disk::read_small(disk, &path, PID_LEN_MAX).ok().flatten();
            let text = text.and_then(|it| String::from_utf8(it).ok());
            let pid = text.and_then(|it| it.trim().parse().ok());
            return Err(LockError::Running { pid });
        }
        // The number is for people; a disk that does not take it keeps nobody from the lock.
        let pid = format!("{}\n", process::id());
        let _ = file
            .cut(0)
            .and_then(|()| disk::write_all(&*file, pid.as_bytes()));
        Ok(KeepLock { file })
    }
}

/// Refuses whoever does not own the journal, before a file is made in it that would be closed to its owner.
pub(super) fn check_owner(journal: &Journal) -> Result<(), LockError> {
    let disk = &**journal.disk();
    let path = journal.layout().logs().to_owned();
    let found = disk.look(&path).map_err(|source| LockError::Disk {
        path: path.clone(),
        source,
    })?;
    let user = disk.user();
    match found.map(|it| it.owner).filter(|it| *it != user) {
        Some(owner) => Err(LockError::Foreign { path, owner, user }),
        None => Ok(()),
    }
}

impl Drop for KeepLock {
    fn drop(&mut self) {
        // A child that was made meanwhile has the open file too until it runs a program of its own.
        let _ = self.file.unlock();
    }
}
