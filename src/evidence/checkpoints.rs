//! `logs/<stream>/checkpoints.log`: the checkpoints of a stream, one signed note after the other.
//!
//! Always true:
//! - A checkpoint is on disk before it counts as written. Whatever stands behind the last good note
//!   was cut short by a crash, and is taken off before the next one is added.
//! - What is thinned out is told by a newer checkpoint too: of each ten minutes, and of each day but
//!   the last two, the newest stays. So a stream keeps less than 100 KB a day.
//! - What is no checkpoint, and is not at the end, stays where it is: somebody wants to see it.
//!
//! Not here: keys, and whether a signature holds.

use std::{
    io,
    path::{Path, PathBuf},
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
/// Longer than any two checkpoints, with the name of a journal in them.
const END_LEN: u64 = 2048;
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
    /// Where the end of the file begins, if that is no checkpoint. The next one takes its place.
    pub cut: Option<u64>,
}

/// What a log of checkpoints ends with.
enum End {
    /// A note and its empty line, or nothing at all.
    Whole,
    /// A note without its empty line.
    Note,
    /// Something else, which begins there.
    Cut(u64),
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
        let mut notes = note::notes(&bytes).peekable();
        while let Some((byte, note)) = notes.next() {
            match note::parse(note) {
                Ok(checkpoint) => found.notes.push((byte, checkpoint)),
                Err(_) if notes.peek().is_none() => found.cut = Some(byte),
                Err(error) => found.bad.push((byte, error)),
            }
        }
        Ok(found)
    }

    /// The last checkpoint in it, for which the end of the file is read and no more.
    ///
    /// # Errors
    /// The disk's.
    pub fn last(&self) -> io::Result<Option<SignedCheckpoint>> {
        let Some(len) = self.disk.look(&self.path)?.map(|it| it.len) else {
            return Ok(None);
        };
        let file = self.disk.open(&self.path, Access::Read)?;
        for wanted in [END_LEN.min(len), len] {
            let start = len - wanted;
            let bytes = read_from(&*file, start, wanted)?;
            // The first may begin before that.
            let notes = note::notes(&bytes).skip(usize::from(start != 0));
            if let Some(last) = notes.filter_map(|it| note::parse(it.1).ok()).last() {
                return Ok(Some(last));
            }
        }
        Ok(None)
    }

    /// Adds a checkpoint and returns when it is on disk. The caller keeps others from doing so.
    ///
    /// # Errors
    /// The disk's.
    pub fn add(&self, checkpoint: &SignedCheckpoint) -> io::Result<()> {
        let file = self.disk.open(&self.path, Access::AppendOrCreate)?;
        // Order matters: after a failed sync the cache shows what the disk never got, and what is
        // added behind that would not be found again.
        file.sync()?;
        file.drop_cache(0)?;
        let before = match end_of(&*file)? {
            End::Whole => "",
            End::Note => "\n",
            End::Cut(at) => {
                file.cut(at)?;
                // Order matters: two notes that were cut short must not make up a third.
                file.sync()?;
                ""
            }
        };
        disk::write_all(&*file, format!("{before}{checkpoint}\n").as_bytes())?;
        file.sync()?;
        // Whoever made the file may have come no further.
        let folder = self.path.parent();
        folder.map_or(Ok(()), |it| self.disk.sync_folder(it))
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
        let bytes = disk::read_small(&*self.disk, &self.path, FILE_LEN_MAX)?.unwrap_or_default();
        let text = thinned(&bytes);
        disk::replace(&*self.disk, &self.path, &text)?;
        Ok(text.len() as u64)
    }
}

/// What is left of a log that was thinned out.
fn thinned(log: &[u8]) -> Vec<u8> {
    let begins = note::notes(log).map(|it| usize::try_from(it.0).unwrap_or(usize::MAX));
    let ends = begins.clone().skip(1).chain([log.len()]);
    let all = begins
        .zip(ends)
        .filter_map(|(begin, end)| log.get(begin..end));
    let read: Vec<(&[u8], Option<SignedCheckpoint>)> = all
        .map(|bytes| {
            // Without its empty line.
            let note = note::notes(bytes).next().map(|it| it.1);
            (bytes, note.and_then(|it| note::parse(it).ok()))
        })
        .collect();
    let good: Vec<&SignedCheckpoint> = read.iter().filter_map(|it| it.1.as_ref()).collect();
    let mut kept = kept(&good).into_iter();
    let mut left = Vec::new();
    for (bytes, note) in &read {
        if note.is_none() || kept.next() == Some(true) {
            left.extend_from_slice(bytes);
        }
    }
    left
}

/// What is there, however far back the last note goes.
fn end_of(file: &dyn File) -> io::Result<End> {
    let len = file.look()?.len;
    for wanted in [END_LEN.min(len), len] {
        let start = len - wanted;
        let bytes = read_from(file, start, wanted)?;
        let Some((at, note)) = note::notes(&bytes).last() else {
            break;
        };
        if at == 0 && start != 0 {
            // It may begin before that.
            continue;
        }
        let is_followed = at + (note.len() as u64) < bytes.len() as u64;
        return Ok(match note::parse::<SignedCheckpoint>(note) {
            Err(_) => End::Cut(start + at),
            Ok(_) if is_followed => End::Whole,
            Ok(_) => End::Note,
        });
    }
    Ok(End::Whole)
}

/// As many bytes as are there.
fn read_from(file: &dyn File, start: u64, len: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(len).unwrap_or_default()];
    let read = disk::read_full(file, &mut bytes, start)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// Which of them stay: the newest of each ten minutes, and of each day before yesterday, and all of
/// the newest ten minutes.
fn kept(notes: &[&SignedCheckpoint]) -> Vec<bool> {
    let newest = notes.last().map(|it| it.time());
    let bucket = |note: &SignedCheckpoint| note.time().unix_secs().div_euclid(BUCKET_SECS);
    let is_old = move |note: &SignedCheckpoint| {
        newest.is_some_and(|it| note.time().day() < it.day().previous())
    };
    let is_kept = |(at, note): (usize, &&SignedCheckpoint)| {
        let Some(next) = notes.get(at + 1) else {
            return true;
        };
        let (older, newer) = (note.checkpoint(), next.checkpoint());
        // A larger one that follows is a smaller one's proof as well; a smaller, or another root of the
        // same size, is what somebody wants to see.
        let is_told = older.origin == newer.origin
            && (older.size < newer.size || (older.size == newer.size && older.root == newer.root));
        let same_span = if is_old(note) {
            note.time().day() == next.time().day()
        } else {
            bucket(note) == bucket(next)
                && newest.is_some_and(|it| bucket(note) != it.unix_secs().div_euclid(BUCKET_SECS))
        };
        !(is_told && same_span)
    };
    notes.iter().enumerate().map(is_kept).collect()
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
            let last = found.notes.last().map(|it| it.1.clone());
            assert_eq!(log.last().unwrap(), last, "{len}");
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
    fn the_last_one_is_found_however_much_stands_behind_it() {
        let folder = tempfile::tempdir().unwrap();
        let log = CheckpointLog::new(Arc::new(RealDisk), folder.path());
        assert_eq!(log.last().unwrap(), None);
        let notes: Vec<String> = (0..20).map(|it| format!("{}\n", at(it, 1))).collect();
        let notes = notes.concat();
        for rubbish in [0, 100, 3000] {
            put(&log, &[notes.as_bytes(), &vec![b'x'; rubbish]].concat());
            assert_eq!(log.last().unwrap(), Some(at(19, 1)), "{rubbish}");
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
                let mut some = kept(&all.iter().collect::<Vec<_>>()).into_iter();
                all.retain(|_| some.next() == Some(true));
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
