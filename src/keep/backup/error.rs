//! Why a backup could not be made, read or restored.

use std::io;
use std::path::{Path, PathBuf};

use super::member::MemberError;
use crate::journal::{IdentityError, Journal, RecoverError, VerifyError};
use crate::keep::LockError;
use crate::record::Stream;

/// Why a backup could not be made, read or restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The disk failed.
    #[error("{operation} {}", path.display())]
    Disk {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A stream cannot be read.
    #[error("copy {stream}")]
    Stream {
        /// The stream.
        stream: Stream,
        /// What is wrong.
        source: Box<RecoverError>,
    },
    /// There is no journal to copy.
    #[error("{} has no JOURNAL", path.display())]
    NoJournal {
        /// The folder.
        path: PathBuf,
    },
    /// A file of settings that is named is not there, or another one has its name.
    #[error("{} is named to be in the backup, and is no plain file of a name of its own", path.display())]
    Config {
        /// The file.
        path: PathBuf,
    },
    /// A backup is not what it must be.
    #[error("{} is no whole backup: {why}", path.display())]
    Damaged {
        /// The backup.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A backup has a member that none may have.
    #[error("{} is refused", path.display())]
    Member {
        /// The backup.
        path: PathBuf,
        /// What is wrong with the member.
        source: MemberError,
    },
    /// Another process keeps the journal, or it is somebody else's.
    #[error("{} cannot be kept now", path.display())]
    Locked {
        /// The journal's folder.
        path: PathBuf,
        /// Why.
        source: LockError,
    },
    /// Another process makes a backup.
    #[error("another process makes a backup of {}", path.display())]
    Running {
        /// The journal's folder.
        path: PathBuf,
    },
    /// A program that is needed failed.
    #[error("{program} for {target}: {said}")]
    Program {
        /// Which.
        program: &'static str,
        /// For which target.
        target: String,
        /// What it said.
        said: String,
    },
    /// A program that is needed cannot be started.
    #[error("start {program}")]
    NoProgram {
        /// Which.
        program: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// A target has no backup of the journal.
    #[error("{target} has no backup{of}")]
    Nothing {
        /// The target.
        target: String,
        /// Of what, where that was asked for.
        of: String,
    },
    /// There is something already where the journal is to be.
    #[error("{} is there already: {what}", path.display())]
    Occupied {
        /// The folder.
        path: PathBuf,
        /// What is in it.
        what: String,
    },
    /// The journal did not get its place, and what was there could not be put back.
    #[error("what was there is now {}, and could not be put back", path.display())]
    Aside {
        /// Where what was there is now.
        path: PathBuf,
        /// Why the journal did not get its place.
        source: Box<BackupError>,
    },
    /// The restored journal is not sound.
    #[error("the journal in the backup was damaged when it was made: {first} ({count} problems)")]
    Unsound {
        /// The first problem.
        first: String,
        /// How many there are.
        count: usize,
    },
    /// The restored journal cannot be opened.
    #[error("open the restored journal")]
    Identity(#[from] IdentityError),
    /// The restored journal cannot be verified.
    #[error("verify the restored journal")]
    Verify(#[from] VerifyError),
    /// The audit stream of the restored journal took no record.
    #[error("the audit stream of the restored journal did not take the record: {0}")]
    Audit(String),
}

/// A lock on a journal that was not to be had.
pub(super) fn locked(journal: &Journal) -> impl FnOnce(LockError) -> BackupError {
    let path = journal.layout().logs().to_owned();
    move |source| BackupError::Locked { path, source }
}

pub(super) fn failed(
    operation: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    move |source| BackupError::Disk {
        operation,
        path,
        source,
    }
}
