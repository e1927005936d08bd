//! `logs/EXPORTED`: which checkpoints were handed out, and when. What was cut off after the newest of
//! them would go unseen, so how old it is says how large that window is.
//!
//! Always true: a line is on disk before the checkpoint is handed out, so that none is out there which
//! is not listed here.

use std::{io, path::PathBuf, sync::Arc};

use super::checkpoint::SignedCheckpoint;
use crate::disk::{self, Access, Disk};
use crate::journal::Journal;
use crate::time::Timestamp;

/// A hundred a day for a hundred years.
const FILE_LEN_MAX: u64 = 1 << 30;

/// The list of exported checkpoints of a journal.
#[derive(Clone, Debug)]
pub struct Exports {
    disk: Arc<dyn Disk>,
    path: PathBuf,
}

impl Exports {
    /// Of that journal.
    #[must_use]
    pub fn of(journal: &Journal) -> Exports {
        Exports {
            disk: journal.disk().clone(),
            path: journal.layout().logs().join("EXPORTED"),
        }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// Lists a checkpoint as exported.
    ///
    /// # Errors
    /// The disk's.
    pub fn add(&self, checkpoint: &SignedCheckpoint, now: Timestamp) -> io::Result<()> {
        let file = self.disk.open(&self.path, Access::AppendOrCreate)?;
        // After a failed sync the cache shows what the disk never got.
        file.drop_cache(0)?;
        let len = file.look()?.len;
        let mut last = [b'\n'];
        if 0 < len {
            disk::read_full(&*file, &mut last, len - 1)?;
        }
        // A line that a crash cut is no line; the next one begins behind it.
        let begin = if last == [b'\n'] { "" } else { "\n" };
        let line = format!("{begin}{now} {}\n", checkpoint.line());
        disk::write_all(&*file, line.as_bytes())?;
        file.sync()?;
        // Whoever made the file may have come no further.
        let folder = self.path.parent();
        folder.map_or(Ok(()), |it| self.disk.sync_folder(it))
    }

    /// All of them, oldest first; a line that cannot be read is passed over.
    ///
    /// # Errors
    /// The disk's.
    pub fn read(&self) -> io::Result<Vec<(Timestamp, SignedCheckpoint)>> {
        let bytes = disk::read_small(&*self.disk, &self.path, FILE_LEN_MAX)?.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let exported = text.lines().filter_map(|line| {
            let (time, checkpoint) = line.split_once(' ')?;
            let checkpoint = SignedCheckpoint::from_note_or_line(checkpoint).ok()?;
            Some((time.parse().ok()?, checkpoint))
        });
        Ok(exported.collect())
    }
}
