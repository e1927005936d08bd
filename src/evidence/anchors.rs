//! `logs/<stream>/anchors/`: checkpoints that a time-stamp authority vouched for, each beside its
//! answer.
//!
//! ```text
//! 41-1795248000.checkpoint    the signed note, whose SHA-256 was stamped
//! 41-1795248000.tsr           the authority's answer, for `openssl ts -verify`
//! ```
//!
//! `last-failure` says when an authority last did not answer, and why, until one does.
//!
//! Always true: the answer is written last, so where there is one its checkpoint is there.

use std::{
    io,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use super::anchor::{AnchorError, stamped_digest, stamped_time};
use super::checkpoint::{CheckpointError, SignedCheckpoint};
use crate::disk::{self, Kind};
use crate::journal::Journal;
use crate::record::{Digest, Stream};
use crate::time::Timestamp;

/// A note or an answer is far smaller.
const FILE_LEN_MAX: u64 = 1 << 20;
const FAILURE: &str = "last-failure";

/// A checkpoint and what an authority said of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Anchored {
    /// The authority's answer.
    pub path: PathBuf,
    /// What was stamped.
    pub checkpoint: SignedCheckpoint,
    /// When, as the answer says. Who says so is for openssl to verify.
    pub time: Timestamp,
}

/// Why an anchor holds nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnchoredError {
    /// A file cannot be read.
    #[error("cannot be read")]
    Disk(#[from] io::Error),
    /// There is no checkpoint beside the answer.
    #[error("has no checkpoint beside it")]
    Missing,
    /// The file beside it is no checkpoint.
    #[error("has a checkpoint beside it that is none")]
    Checkpoint(#[from] CheckpointError),
    /// The answer is none.
    #[error("is no time-stamp")]
    Response(#[from] AnchorError),
    /// It is of something else.
    #[error("is a time-stamp of {stamped}, and its checkpoint is {found}")]
    Other {
        /// What was stamped.
        stamped: Digest,
        /// What is there.
        found: Digest,
    },
}

/// What an authority is asked to stamp of a checkpoint: the SHA-256 of its note.
#[must_use]
pub fn digest_of(checkpoint: &SignedCheckpoint) -> Digest {
    Digest::from_bytes(Sha256::digest(checkpoint.to_string()).into())
}

/// Keeps an authority's answer to [`digest_of`], and says where.
///
/// # Errors
/// The disk's.
pub fn keep(
    journal: &Journal,
    checkpoint: &SignedCheckpoint,
    response: &[u8],
) -> io::Result<PathBuf> {
    let disk = &**journal.disk();
    let stream = checkpoint.checkpoint().origin.stream;
    let folder = folder(journal, stream);
    disk.create_folder(&folder)?;
    disk.sync_folder(&journal.layout().stream(stream))?;
    let seconds = checkpoint.time().unix_secs();
    let name = format!("{}-{seconds}", checkpoint.checkpoint().size);
    let note = checkpoint.to_string();
    disk::replace(
        disk,
        &folder.join(format!("{name}.checkpoint")),
        note.as_bytes(),
    )?;
    let path = folder.join(format!("{name}.tsr"));
    disk::replace(disk, &path, response)?;
    match disk.remove(&folder.join(FAILURE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(path),
    }
}

/// Notes that an authority gave no time-stamp, for `tj status`.
///
/// # Errors
/// The disk's.
pub fn note_failure(
    journal: &Journal,
    stream: Stream,
    now: Timestamp,
    why: &str,
) -> io::Result<()> {
    let disk = &**journal.disk();
    let folder = folder(journal, stream);
    disk.create_folder(&folder)?;
    let why = why.replace(char::is_control, " ");
    let text = format!("{now} {why}\n");
    disk::replace(disk, &folder.join(FAILURE), text.as_bytes())
}

/// When an authority last gave no time-stamp, and why; `None` once one did.
#[must_use]
pub fn last_failure(journal: &Journal, stream: Stream) -> Option<(Timestamp, String)> {
    let path = folder(journal, stream).join(FAILURE);
    let bytes = disk::read_small(&**journal.disk(), &path, FILE_LEN_MAX).ok()??;
    let text = String::from_utf8_lossy(&bytes);
    let (time, why) = text.trim_end().split_once(' ')?;
    Some((time.parse().ok()?, why.to_owned()))
}

/// Every answer that was kept, and what it is or why it is nothing.
///
/// # Errors
/// The disk's, when the folder cannot be listed.
pub fn list(
    journal: &Journal,
    stream: Stream,
) -> io::Result<Vec<(PathBuf, Result<Anchored, AnchoredError>)>> {
    let folder = folder(journal, stream);
    let entries = match journal.disk().list(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        other => other?,
    };
    let answers = entries
        .into_iter()
        .filter(|it| it.kind == Kind::File && it.name.ends_with(".tsr"));
    Ok(answers
        .map(|it| {
            let path = folder.join(it.name);
            (path.clone(), read(journal, path))
        })
        .collect())
}

fn read(journal: &Journal, path: PathBuf) -> Result<Anchored, AnchoredError> {
    let disk = &**journal.disk();
    let response = disk::read_small(disk, &path, FILE_LEN_MAX)?.unwrap_or_default();
    let note = disk::read_small(disk, &path.with_extension("checkpoint"), FILE_LEN_MAX)?;
    let note = note.ok_or(AnchoredError::Missing)?;
    let found = Digest::from_bytes(Sha256::digest(&note).into());
    let stamped = stamped_digest(&response)?;
    if stamped != found {
        return Err(AnchoredError::Other { stamped, found });
    }
    let checkpoint = String::from_utf8_lossy(&note).parse()?;
    Ok(Anchored {
        time: stamped_time(&response)?,
        path,
        checkpoint,
    })
}

fn folder(journal: &Journal, stream: Stream) -> PathBuf {
    let folder: &Path = &journal.layout().stream(stream);
    folder.join("anchors")
}
