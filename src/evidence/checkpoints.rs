//! `logs/<stream>/checkpoints.log`: the checkpoints of a stream, one signed note after the other.
//!
//! Always true:
//! - A checkpoint is on disk before it counts as written. A note that was cut short by a crash is
//!   taken off before the next one is added.
//! - What is thinned out is told by a newer checkpoint too: of each ten minutes, and of each day but
//!   the last two, the newest stays. So a stream keeps less than 100 KB a day.
//!
//! Not here: keys, and whether a signature holds.

use std::{
    io,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use super::checkpoint::{CheckpointError, SignedCheckpoint};
use super::note;
use crate::disk;
use crate::disk::{Access, Disk, File};
use crate::journal::Journal;
use crate::record::Stream;

/// Hundred years of what thinning leaves.
const FILE_LEN_MAX: u64 = 64 << 20;
/// Longer than any signature line of ours, with the name of a journal in it.
const SIGNATURE_LEN_MAX: u64 = 1024;
const BUCKET_SECS: i64 = 600;
/// A thinning costs one writing of the file, so it waits for so many bytes beyond the last.
const THINNED_EVERY: u64 = 64 << 10;

/// The checkpoints of one stream.
#[derive(Clone, Debug)]
pub struct CheckpointLog {
    disk: Arc<dyn Disk>,
    path: PathBuf,
}

/// What a log of checkpoints holds.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Checkpoints {
    /// The checkpoints, oldest first, and where each begins.
    pub notes: Vec<(u64, SignedCheckpoint)>,
    /// Where something stands that is no checkpoint, and why it is none.
    pub bad: Vec<(u64, CheckpointError)>,
    /// Where a note begins that the end of the file cuts.
    pub cut: Option<u64>,
}

impl CheckpointLog {
    /// The log of the stream in that folder.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, stream_folder: &Path) -> CheckpointLog {
        CheckpointLog {
            disk,
            path: stream_folder.join("checkpoints.log"),
        }
    }

    /// The log of a stream of a journal.
    #[must_use]
    pub fn of(journal: &Journal, stream: Stream) -> CheckpointLog {
        CheckpointLog::new(journal.disk().clone(), &journal.layout().stream(stream))
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All that is in it.
    ///
    /// # Errors
    /// The disk's.
    pub fn read(&self) -> io::Result<Checkpoints> {
        let bytes = disk::read_small(&*self.disk, &self.path, FILE_LEN_MAX)?.unwrap_or_default();
        let mut found = Checkpoints::default();
        // A byte that is not UTF-8 makes its note a bad one, no more.
        let text = String::from_utf8_lossy(&bytes);
        for (byte, note) in note::notes(&text) {
            let end = usize::try_from(byte)
                .unwrap_or(usize::MAX)
                .saturating_add(note.len());
            match SignedCheckpoint::from_str(note) {
                Ok(checkpoint) => found.notes.push((byte, checkpoint)),
                Err(_) if text.len() <= end => found.cut = Some(byte),
                Err(error) => found.bad.push((byte, error)),
            }
        }
        Ok(found)
    }

    /// Adds a checkpoint and returns when it is on disk. The caller keeps others from doing so.
    ///
    /// # Errors
    /// The disk's.
    pub fn add(&self, checkpoint: &SignedCheckpoint) -> io::Result<()> {
        let is_new = self.disk.look(&self.path)?.is_none();
        let file = self.disk.open(&self.path, Access::AppendOrCreate)?;
        let len = file.look()?.len;
        if !ends_with_note(&*file, len)? {
            match self.read()?.cut {
                Some(cut) => file.cut(cut)?,
                // Only the empty line behind it is missing.
                None => disk::write_all(&*file, b"\n")?,
            }
        }
        disk::write_all(&*file, format!("{checkpoint}\n").as_bytes())?;
        file.sync()?;
        if is_new && let Some(folder) = self.path.parent() {
            self.disk.sync_folder(folder)?;
        }
        Ok(())
    }

    /// Takes out what newer checkpoints tell too, when the file has grown enough since the last time
    /// (`thinned_len`); the length to remember for the next time.
    ///
    /// # Errors
    /// The disk's.
    pub fn thin(&self, thinned_len: u64) -> io::Result<u64> {
        let len = self.disk.look(&self.path)?.map_or(0, |it| it.len);
        if len < thinned_len.saturating_add(THINNED_EVERY) {
            return Ok(thinned_len.min(len));
        }
        let found = self.read()?;
        if !found.bad.is_empty() {
            // Somebody wants to see that.
            return Ok(len);
        }
        let notes: Vec<&SignedCheckpoint> = found.notes.iter().map(|it| &it.1).collect();
        let text: String = kept(&notes).map(|it| format!("{it}\n")).collect();
        disk::replace(&*self.disk, &self.path, text.as_bytes())?;
        Ok(text.len() as u64)
    }
}

/// Whether what is there ends with a signature line and the empty line behind it, or is nothing.
fn ends_with_note(file: &dyn File, len: u64) -> io::Result<bool> {
    let start = len.saturating_sub(SIGNATURE_LEN_MAX);
    let mut end = vec![0; usize::try_from(len - start).unwrap_or_default()];
    let read = disk::read_full(file, &mut end, start)?;
    let end = String::from_utf8_lossy(end.get(..read).unwrap_or_default());
    let last = end
        .strip_suffix("\n\n")
        .and_then(|it| it.rsplit('\n').next());
    Ok(len == 0 || last.is_some_and(|it| it.starts_with(note::MARK)))
}

/// The newest of each ten minutes, and of each day before yesterday; all of the newest ten minutes.
fn kept<'a>(notes: &'a [&'a SignedCheckpoint]) -> impl Iterator<Item = &'a SignedCheckpoint> {
    let newest = notes.last().map(|it| it.time());
    let bucket = |note: &SignedCheckpoint| note.time().unix_secs().div_euclid(BUCKET_SECS);
    let is_old = move |note: &SignedCheckpoint| {
        newest.is_some_and(|it| note.time().day() < it.day().previous())
    };
    notes.iter().enumerate().filter_map(move |(at, note)| {
        let Some(next) = notes.get(at + 1) else {
            return Some(*note);
        };
        let same_root = next.checkpoint().origin == note.checkpoint().origin;
        let same_span = if is_old(note) {
            note.time().day() == next.time().day()
        } else {
            bucket(note) == bucket(next)
                && newest.is_some_and(|it| bucket(note) != it.unix_secs().div_euclid(BUCKET_SECS))
        };
        (!(same_root && same_span)).then_some(*note)
    })
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;

    use super::*;
    use crate::disk::RealDisk;
    use crate::evidence::checkpoint::{Checkpoint, Origin};
    use crate::record::Digest;
    use crate::time::Timestamp;

    fn at(secs: i64, size: u64) -> SignedCheckpoint {
        let origin = Origin {
            journal: "mine".to_owned(),
            stream: Stream::Trades,
            epoch: 0,
        };
        let root = Digest::from_bytes([1; 32]);
        let time = Timestamp::from_unix(1_763_683_200 + secs, 0).unwrap();
        let key = SigningKey::from_bytes(&[2; 32]);
        let checkpoint = Checkpoint { origin, size, root };
        checkpoint.sign("mine/2025-11-21", &key, time).unwrap()
    }

    fn put(log: &CheckpointLog, bytes: &[u8]) {
        disk::replace(&RealDisk, log.path(), bytes).unwrap();
    }

    #[test]
    fn a_cut_note_is_taken_off_before_the_next_one_is_added() {
        let folder = tempfile::tempdir().unwrap();
        let log = CheckpointLog::new(Arc::new(RealDisk), folder.path());
        log.add(&at(0, 1)).unwrap();
        let whole = std::fs::read(log.path()).unwrap();
        for len in 1..whole.len() {
            put(&log, &[&whole[..], &whole[..len]].concat());
            let found = log.read().unwrap();
            let is_all_there = len + 1 == whole.len();
            assert_eq!(found.notes.len(), 1 + usize::from(is_all_there), "{len}");
            assert_eq!(found.cut.is_some(), !is_all_there, "{len}");
            log.add(&at(10, 2)).unwrap();
            let found = log.read().unwrap();
            assert!(
                found.bad.is_empty() && found.cut.is_none(),
                "{len}: {found:?}"
            );
            assert_eq!(found.notes.last().unwrap().1, at(10, 2));
        }
    }

    #[test]
    fn ten_days_of_a_checkpoint_every_ten_seconds_take_less_than_100_kb_a_day() {
        let folder = tempfile::tempdir().unwrap();
        let log = CheckpointLog::new(Arc::new(RealDisk), folder.path());
        let mut all: Vec<SignedCheckpoint> = Vec::new();
        for step in 0..10 * 8640_u64 {
            all.push(at(i64::try_from(step).unwrap() * 10, step));
            if step % 500 == 499 {
                let some: Vec<&SignedCheckpoint> = all.iter().collect();
                all = kept(&some).cloned().collect();
            }
        }
        let text: String = all.iter().map(|it| format!("{it}\n")).collect();
        put(&log, text.as_bytes());
        let len = log.thin(0).unwrap();
        assert!(len < 3 * 100_000, "{len}");
        let left = log.read().unwrap().notes;
        assert_eq!(left.last().unwrap().1.checkpoint().size, 10 * 8640 - 1);
        let days: std::collections::BTreeSet<_> = left.iter().map(|it| it.1.time().day()).collect();
        assert_eq!(days.len(), 10);
    }
}
