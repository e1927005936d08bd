//! One stream's end, being written: the single-threaded core below the group commit.
//!
//! Always true:
//! - `synced` is a line that a successful sync covered; nothing beyond it was promised.
//! - A day is synced before the next one's file is made, and the folder is synced before the first
//!   line of a new day is acknowledged: only the newest file can be torn.
//! - After a failed write or sync the log has ended. It writes nothing more, and nothing is tried
//!   again on that file: only opening anew finds out what the disk holds.
//! - A batch stands in one day's file.
//!
//! Not here: who waits for what (`commit`), and what may happen later (`upkeep`).

use std::{
    io, mem,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::Journal;
use super::audit;
use super::chain::Chain;
use super::head::Head;
use super::layout::{is_link_target, link_target};
use super::line::Draft;
use super::lock::{LOOK_WAIT, StreamLock, take_within};
use super::range::CompactRange;
use super::recover::{OpenDay, RecoverError, Recovered, recover};
use super::writer::Durability;
use crate::disk;
use crate::disk::{Access, Meta};
use crate::record::{Digest, Stream};
use crate::time::Day;

/// More leaves than that are not kept.
const LEAVES_MAX: usize = 1 << 20;
/// How long a shared writer waits for whoever is appending.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(5);

/// Why a log ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
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
    /// The file at the lock's path is no longer the one that was locked.
    #[error("{} was replaced while it was held, so somebody else may be writing", path.display())]
    LockReplaced {
        /// The lock.
        path: PathBuf,
    },
    /// The day's file is gone or another one.
    #[error("{} was removed, replaced or changed under the writer", path.display())]
    DayReplaced {
        /// The day's file.
        path: PathBuf,
    },
    /// This process is a fork of the one that opened the writer.
    #[error("this process is a fork; the writer of {stream} belongs to its parent")]
    Forked {
        /// The stream.
        stream: Stream,
    },
    /// A thread panicked in the middle of a commit.
    #[error("a commit to {stream} panicked")]
    Panicked {
        /// The stream.
        stream: Stream,
    },
    /// The writer was closed.
    #[error("the writer of {stream} was closed")]
    Closed {
        /// The stream.
        stream: Stream,
    },
}

/// Why a batch was not acknowledged.
#[derive(Clone, Debug)]
pub(super) enum CommitError {
    /// Nothing was written; the log goes on.
    LowSpace {
        free_bytes: u64,
        min_free_bytes: u64,
    },
    /// Nothing was written; the log goes on. Another process keeps the lock of a shared stream.
    Locked { pid: Option<u32> },
    /// Nothing was written; the tail of a shared stream is not fit to be written behind.
    Recover(Arc<RecoverError>),
    /// The log ends here, and whether these lines are on disk is unknown.
    Unknown {
        seqs: Range<u64>,
        failure: Arc<Failure>,
    },
    /// Nothing was written: the log had ended before.
    Ended(Arc<Failure>),
}

/// A batch that was written, and synced if so wanted.
#[derive(Clone, Debug)]
pub(super) struct Committed {
    pub(super) stream: Stream,
    pub(super) first_seq: u64,
    pub(super) day: Day,
    pub(super) hashes: Vec<Digest>,
    pub(super) durable: bool,
}

#[derive(Clone, Debug)]
pub(super) struct LogOptions {
    pub(super) shared: bool,
    pub(super) durability: Durability,
    pub(super) min_free_bytes: u64,
}

/// Where a line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Point {
    lines: u64,
    hash: Digest,
    day: Day,
    offset: u64,
}

#[derive(Debug)]
pub(super) struct Log {
    journal: Journal,
    stream: Stream,
    name: String,
    options: LogOptions,
    lock: StreamLock,
    newest: Option<OpenDay>,
    /// The newest day is closed: the next line begins another one.
    sealed: bool,
    lines: u64,
    hash: Digest,
    synced: Option<Point>,
    /// The compact range as far as it was folded, and the hashes of the lines after it.
    range: Option<CompactRange>,
    leaves: Vec<Digest>,
    head: Option<Head>,
    /// Days that ended and are not closed yet, oldest first.
    to_close: Vec<Day>,
    /// What happened that the audit stream should tell.
    notes: Vec<Note>,
    buffer: Vec<u8>,
    clock_is_behind: bool,
    ended: Option<Arc<Failure>>,
}

/// Something for the audit stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Note {
    HeadRebuilt { why: String },
    ClockStepped { day: Day, today: Day },
}

/// Why a log cannot be opened.
#[derive(Debug)]
pub(super) enum LogError {
    Disk {
        operation: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    Locked {
        path: PathBuf,
        pid: Option<u32>,
    },
    Recover(RecoverError),
}

impl From<RecoverError> for LogError {
    fn from(error: RecoverError) -> LogError {
        LogError::Recover(error)
    }
}

impl Log {
    /// Takes the lock of `stream` and recovers its tail; a shared log lets the lock go again.
    pub(super) fn open(
        journal: &Journal,
        stream: Stream,
        name: &str,
        options: LogOptions,
    ) -> Result<Log, LogError> {
        let path = journal.layout().lock(stream);
        let failed = |operation| {
            let path = path.clone();
            move |source| LogError::Disk {
                operation,
                path,
                source,
            }
        };
        let lock = StreamLock::open(journal.disk(), &path).map_err(failed("open"))?;
        let taken = if options.shared {
            take_within(&lock, LOCK_WAIT_MAX)
        } else {
            // Somebody may be looking whether the lock is free; they let go at once.
            take_within(&lock, LOOK_WAIT)
        };
        if !taken.map_err(failed("lock"))? {
            return Err(LogError::Locked {
                pid: lock.holder(),
                path,
            });
        }
        if !lock.still_holds().map_err(failed("look at"))? {
            return Err(LogError::Locked { pid: None, path });
        }
        let recovered = recover(journal, stream, name, None)?;
        let mut log = Log {
            journal: journal.clone(),
            stream,
            name: name.to_owned(),
            options,
            lock,
            newest: None,
            sealed: false,
            lines: 0,
            hash: super::line::genesis(name, stream),
            synced: None,
            range: None,
            leaves: Vec::new(),
            head: None,
            to_close: Vec::new(),
            notes: Vec::new(),
            buffer: Vec::new(),
            clock_is_behind: false,
            ended: None,
        };
        log.adopt(recovered)?;
        log.link();
        if log.options.shared {
            log.lock.release().map_err(failed("unlock"))?;
        }
        Ok(log)
    }

    /// Writes a batch behind the last line and syncs it if the durability says so.
    pub(super) fn commit(&mut self, drafts: Vec<Draft>) -> Result<Committed, CommitError> {
        if let Some(failure) = &self.ended {
            return Err(CommitError::Ended(Arc::clone(failure)));
        }
        self.refuse_low_space(&drafts)?;
        if self.options.shared {
            self.take_shared()?;
        }
        let committed = self.commit_locked(drafts);
        if self.options.shared
            && let Err(error) = self.lock.release()
        {
            // The batch is as it is; but nobody else could write any more, so end.
            let path = self.lock.path().to_owned();
            self.end(Failure::Disk {
                operation: "unlock",
                path,
                source: error,
            });
        }
        committed
    }

    fn commit_locked(&mut self, drafts: Vec<Draft>) -> Result<Committed, CommitError> {
        let first_seq = self.lines;
        let seqs = first_seq..first_seq + drafts.len() as u64;
        let ready = self.check_ground().and_then(|()| self.begin_day());
        if let Err(failure) = ready {
            // Nothing of this batch was written.
            return Err(CommitError::Ended(self.end(failure)));
        }
        let mut hashes = Vec::with_capacity(drafts.len());
        let mut buffer = mem::take(&mut self.buffer);
        buffer.clear();
        let (mut hash, durable_lines) = (self.hash, self.durable_lines());
        for (draft, seq) in drafts.into_iter().zip(seqs.clone()) {
            hash = draft.seal(seq, durable_lines, &hash, &mut buffer);
            hashes.push(hash);
        }
        let written = self.write(&buffer);
        let len = buffer.len() as u64;
        // A rare huge batch must not keep its memory for ever.
        buffer.shrink_to(4 << 20);
        self.buffer = buffer;
        let day = match written {
            Ok(day) => day,
            Err(failure) => {
                return Err(CommitError::Unknown {
                    seqs,
                    failure: self.end(failure),
                });
            }
        };
        self.lines = seqs.end;
        self.hash = hash;
        if self.range.is_some() {
            self.leaves.extend_from_slice(&hashes);
        }
        if LEAVES_MAX < self.leaves.len() {
            // Nobody writes `HEAD`; what is synced is folded all the same.
            self.fold_leaves(self.durable_lines());
        }
        if let Some(open) = &mut self.newest {
            open.offset += len;
        }
        let durable = self.options.shared || self.options.durability == Durability::Synced;
        if durable {
            self.synced = self.here();
        }
        Ok(Committed {
            stream: self.stream,
            first_seq,
            day,
            hashes,
            durable,
        })
    }

    /// One write, and one sync unless it may come later.
    fn write(&mut self, bytes: &[u8]) -> Result<Day, Failure> {
        let Some(open) = &self.newest else {
            let path = self.journal.layout().stream(self.stream);
            let source = io::ErrorKind::NotFound.into();
            return Err(Failure::Disk {
                operation: "append to",
                path,
                source,
            });
        };
        disk::write_all(&*open.file, bytes).map_err(failed("append to", &open.path))?;
        if self.options.shared || self.options.durability == Durability::Synced {
            open.file.sync().map_err(failed("sync", &open.path))?;
        }
        Ok(open.day)
    }

    /// Refuses to write when the lock or the file was pulled away.
    fn check_ground(&self) -> Result<(), Failure> {
        if self.lock.is_forked() {
            return Err(Failure::Forked {
                stream: self.stream,
            });
        }
        let path = self.lock.path();
        if !self.lock.still_holds().map_err(failed("look at", path))? {
            return Err(Failure::LockReplaced {
                path: path.to_owned(),
            });
        }
        let Some(open) = &self.newest else {
            return Ok(());
        };
        let meta = self
            .journal
            .disk()
            .look(&open.path)
            .map_err(failed("look at", &open.path))?;
        // Whoever else writes to the file would have our next line begin in the middle of his.
        let is_own = |it: Meta| it.identity == open.identity && it.len == open.offset;
        if !meta.is_some_and(is_own) {
            return Err(Failure::DayReplaced {
                path: open.path.clone(),
            });
        }
        Ok(())
    }

    /// Makes the newest file the one that lines written now belong to.
    fn begin_day(&mut self) -> Result<(), Failure> {
        let today = self.journal.clock().now().day();
        let day = match &self.newest {
            Some(open) if self.sealed => today.max(open.day.next()),
            Some(open) => today.max(open.day),
            None => today,
        };
        self.note_clock(today);
        match &self.newest {
            Some(open) if open.day == day => Ok(()),
            Some(open) if open.offset == 0 => self.rename_empty_day(day),
            _ => self.rotate(day),
        }
    }

    /// A file without a line belongs to no day yet.
    fn rename_empty_day(&mut self, day: Day) -> Result<(), Failure> {
        let path = self.journal.layout().day(self.stream, day);
        let folder = self.journal.layout().stream(self.stream);
        let disk = self.journal.disk();
        if let Some(open) = &mut self.newest {
            disk.rename(&open.path, &path)
                .map_err(failed("name", &path))?;
            disk.sync_folder(&folder).map_err(failed("sync", &folder))?;
            open.day = day;
            open.path = path;
        }
        self.link();
        Ok(())
    }

    fn rotate(&mut self, day: Day) -> Result<(), Failure> {
        // Order matters: the old day is on disk before the new one's file exists, in every mode.
        self.sync()?;
        let layout = self.journal.layout();
        let (path, folder) = (layout.day(self.stream, day), layout.stream(self.stream));
        let open = OpenDay::open(&**self.journal.disk(), path.clone(), day, Access::Create)
            .map_err(failed("make", &path))?;
        // Order matters: the name is on disk before the first line in it is acknowledged.
        self.journal
            .disk()
            .sync_folder(&folder)
            .map_err(failed("sync", &folder))?;
        if let Some(ended) = self.newest.replace(open)
            && !mem::take(&mut self.sealed)
        {
            self.to_close.push(ended.day);
        }
        self.link();
        Ok(())
    }

    /// Syncs what was written and not yet synced.
    pub(super) fn sync(&mut self) -> Result<(), Failure> {
        let here = self.here();
        if here == self.synced {
            return Ok(());
        }
        if let Some(open) = &self.newest {
            open.file.sync().map_err(failed("sync", &open.path))?;
        }
        self.synced = here;
        Ok(())
    }

    /// As `sync`, ending the log when it fails.
    pub(super) fn sync_or_end(&mut self) -> Result<(), Arc<Failure>> {
        match &self.ended {
            Some(failure) => Err(Arc::clone(failure)),
            None => self.sync().map_err(|failure| self.end(failure)),
        }
    }

    fn here(&self) -> Option<Point> {
        let open = self.newest.as_ref().filter(|it| 0 < it.offset);
        match open {
            Some(open) => Some(Point {
                lines: self.lines,
                hash: self.hash,
                day: open.day,
                offset: open.offset,
            }),
            // A new day without a line yet: the last line is in the day before.
            None => self.synced,
        }
    }

    /// Takes over what recovery found.
    fn adopt(&mut self, recovered: Recovered) -> Result<(), RecoverError> {
        let Recovered {
            newest,
            chain,
            head,
            head_rebuilt,
        } = recovered;
        let Chain { lines, hash, range } = chain;
        let layout = self.journal.layout();
        let folder = layout.stream(self.stream);
        let unknown = || RecoverError::DaysMissing {
            path: folder.clone(),
            evidence: "the first line's number".to_owned(),
        };
        self.hash = hash.ok_or_else(unknown)?;
        self.lines = lines;
        self.range = range;
        self.leaves.clear();
        self.synced = head.as_ref().map(|it| Point {
            lines: it.lines,
            hash: it.hash,
            day: it.day,
            offset: it.offset,
        });
        self.newest = newest;
        // Recovery read everything back from the disk.
        self.synced = self.here();
        self.head = head;
        self.notes
            .extend(head_rebuilt.map(|why| Note::HeadRebuilt { why }));
        let disk = &**self.journal.disk();
        let open_day = self.newest.as_ref().map(|it| it.day);
        let days = layout
            .days_in_logs(disk, self.stream)
            .map_err(RecoverError::disk("list", &folder))?;
        self.to_close.clear();
        self.sealed = false;
        for day in days {
            let seal = layout.seal(self.stream, day);
            let sealed = disk
                .look(&seal)
                .map_err(RecoverError::disk("look at", &seal))?
                .is_some();
            match (sealed, Some(day) == open_day) {
                (true, true) => self.sealed = true,
                // Closed but for its seal: `audit` says what it was, so it takes no more lines,
                // though the clock may have gone back into it.
                (false, true) if audit::is_closed(&self.journal, self.stream, day, lines) => {
                    self.sealed = true;
                    self.to_close.push(day);
                }
                (false, true) => {}
                (false, false) => self.to_close.push(day),
                (true, false) => {}
            }
        }
        Ok(())
    }

    /// The shared writer's turn: takes the lock, and recovers the tail if it is not its own.
    fn take_shared(&mut self) -> Result<(), CommitError> {
        if self.lock.is_forked() {
            let failure = Failure::Forked {
                stream: self.stream,
            };
            return Err(CommitError::Ended(self.end(failure)));
        }
        match take_within(&self.lock, LOCK_WAIT_MAX) {
            Ok(true) => {}
            Ok(false) => {
                return Err(CommitError::Locked {
                    pid: self.lock.holder(),
                });
            }
            Err(source) => {
                let path = self.lock.path().to_owned();
                let failure = Failure::Disk {
                    operation: "lock",
                    path,
                    source,
                };
                return Err(CommitError::Ended(self.end(failure)));
            }
        }
        // Order matters: behind a replaced lock somebody else may be writing, and recovery cuts.
        match self.lock.still_holds() {
            Ok(true) => {}
            held => {
                let path = self.lock.path().to_owned();
                let failure = match held {
                    Err(source) => Failure::Disk {
                        operation: "look at",
                        path,
                        source,
                    },
                    Ok(_) => Failure::LockReplaced { path },
                };
                return Err(CommitError::Ended(self.end(failure)));
            }
        }
        let refreshed = self.refresh();
        if refreshed.is_err() {
            // Whatever the trouble is, it is not ours to hold others up with.
            let _ = self.lock.release();
        }
        refreshed.map_err(|error| CommitError::Recover(Arc::new(error)))
    }

    fn refresh(&mut self) -> Result<(), RecoverError> {
        if self.tail_is_own()? {
            return Ok(());
        }
        // Our last line's day may have been archived since; then `HEAD` says where to begin.
        let folder = self.journal.layout().stream(self.stream);
        let days = self
            .journal
            .layout()
            .days_in_logs(&**self.journal.disk(), self.stream)
            .map_err(RecoverError::disk("list", &folder))?;
        let known = self.point_as_head().filter(|it| days.contains(&it.day));
        let recovered = recover(&self.journal, self.stream, &self.name, known.as_ref())?;
        // What `HEAD` says is as before: recovery began at our own line instead.
        let head = self.head.take();
        self.adopt(recovered)?;
        self.head = head.or(self.head.take());
        Ok(())
    }

    /// Whether nobody wrote, cut or closed anything since this log's last line.
    fn tail_is_own(&self) -> Result<bool, RecoverError> {
        let layout = self.journal.layout();
        let disk = &**self.journal.disk();
        let Some(open) = &self.newest else {
            let folder = layout.stream(self.stream);
            let days = layout
                .days_in_logs(disk, self.stream)
                .map_err(RecoverError::disk("list", &folder))?;
            return Ok(days.is_empty());
        };
        let meta = disk
            .look(&open.path)
            .map_err(RecoverError::disk("look at", &open.path))?;
        let unchanged =
            meta.is_some_and(|it| it.identity == open.identity && it.len == open.offset);
        if !unchanged || self.synced != self.here() {
            return Ok(false);
        }
        let seal = layout.seal(self.stream, open.day);
        let sealed = disk
            .look(&seal)
            .map_err(RecoverError::disk("look at", &seal))?
            .is_some();
        if sealed != self.sealed {
            return Ok(false);
        }
        let folder = layout.stream(self.stream);
        let days = layout
            .days_in_logs(disk, self.stream)
            .map_err(RecoverError::disk("list", &folder))?;
        Ok(days.last() == Some(&open.day) && !self.was_closed_unsealed(open.day)?)
    }

    /// Whether a writer that had the stream for itself meanwhile closed the newest day and failed
    /// to seal it. Its clock was past the day, so `audit` has a later one; where ours is past it
    /// too, the next line begins another day anyway.
    fn was_closed_unsealed(&self, day: Day) -> Result<bool, RecoverError> {
        if self.sealed || day < self.journal.clock().now().day() {
            return Ok(false);
        }
        let layout = self.journal.layout();
        let audited = layout
            .days_in_logs(&**self.journal.disk(), Stream::Audit)
            .map_err(RecoverError::disk("list", &layout.stream(Stream::Audit)))?;
        let is_later = audited.last().is_some_and(|it| day < *it);
        Ok(is_later && audit::is_closed(&self.journal, self.stream, day, self.lines))
    }

    fn refuse_low_space(&self, drafts: &[Draft]) -> Result<(), CommitError> {
        let min_free_bytes = self.options.min_free_bytes;
        if min_free_bytes == 0 {
            return Ok(());
        }
        let len: usize = drafts.iter().map(Draft::line_len_max).sum();
        let folder = self.journal.layout().stream(self.stream);
        // A disk that does not tell is asked again by the write itself.
        let free_bytes = self.journal.disk().free_bytes(&folder).unwrap_or(u64::MAX);
        if free_bytes.saturating_sub(len as u64) < min_free_bytes {
            return Err(CommitError::LowSpace {
                free_bytes,
                min_free_bytes,
            });
        }
        Ok(())
    }

    /// How many lines are known to be on disk.
    pub(super) fn durable_lines(&self) -> u64 {
        self.synced.map_or(0, |it| it.lines)
    }

    /// The lines that were written and are not known to be on disk.
    pub(super) fn unsynced(&self) -> Range<u64> {
        self.durable_lines()..self.lines.max(self.durable_lines())
    }

    /// Whether other processes write the stream too.
    pub(super) fn is_shared(&self) -> bool {
        self.options.shared
    }

    /// How many lines there are.
    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    /// Whether the log has ended, and why.
    pub(super) fn ended(&self) -> Option<Arc<Failure>> {
        self.ended.clone()
    }

    /// Ends the log; the first reason stays.
    pub(super) fn end(&mut self, failure: Failure) -> Arc<Failure> {
        Arc::clone(self.ended.get_or_insert_with(|| Arc::new(failure)))
    }

    /// The newest synced line as a head.
    fn point_as_head(&mut self) -> Option<Head> {
        let synced = self.synced?;
        self.fold_leaves(synced.lines);
        let range = self.range.clone().filter(|it| it.size() == synced.lines);
        let Point {
            lines,
            hash,
            day,
            offset,
        } = synced;
        Some(Head {
            lines,
            hash,
            day,
            offset,
            range,
        })
    }

    /// The compact range over the lines that are known to be on disk. Where the newest day has no line
    /// yet, recovery may have found more than there is a point for.
    pub(super) fn durable_range(&mut self) -> Option<CompactRange> {
        let durable = self.durable_lines();
        self.fold_leaves(durable);
        self.range.clone().filter(|it| durable <= it.size())
    }

    /// Folds the hashes of the first `lines` lines into the compact range.
    fn fold_leaves(&mut self, lines: u64) {
        if let Some(range) = &mut self.range {
            let count = usize::try_from(lines.saturating_sub(range.size())).unwrap_or(usize::MAX);
            for leaf in self.leaves.drain(..count.min(self.leaves.len())) {
                range.push(leaf);
            }
        }
    }

    /// The head to write now, if the newest synced line is not in `HEAD` yet.
    pub(super) fn head_to_write(&mut self) -> Option<Head> {
        let behind = self.synced.map(|it| it.lines) != self.head.as_ref().map(|it| it.lines);
        if behind { self.point_as_head() } else { None }
    }

    /// Bytes synced since `HEAD`'s line, as far as the day's file tells.
    pub(super) fn bytes_since_head(&self) -> u64 {
        match (self.synced, &self.head) {
            (Some(synced), Some(head)) if synced.day == head.day => {
                synced.offset.saturating_sub(head.offset)
            }
            (Some(synced), _) => synced.offset,
            (None, _) => 0,
        }
    }

    pub(super) fn head_was_written(&mut self, head: Head) {
        self.head = Some(head);
    }

    /// Ends the newest day when it is over, so that it can be closed though nobody writes.
    pub(super) fn end_idle_day(&mut self) -> Result<(), Arc<Failure>> {
        let today = self.journal.clock().now().day();
        let over = |open: &OpenDay| open.day < today && 0 < open.offset;
        let Some(day) = self.newest.as_ref().filter(|it| over(it)).map(|it| it.day) else {
            return Ok(());
        };
        if self.sealed || self.ended.is_some() {
            return Ok(());
        }
        self.sync_or_end()?;
        // From here on no line goes into that day, so it can be read and closed without us.
        self.sealed = true;
        self.to_close.push(day);
        Ok(())
    }

    /// The days that ended and wait for being closed.
    pub(super) fn days_to_close(&self) -> &[Day] {
        &self.to_close
    }

    pub(super) fn was_closed(&mut self, day: Day) {
        self.to_close.retain(|it| *it != day);
    }

    pub(super) fn take_notes(&mut self) -> Vec<Note> {
        mem::take(&mut self.notes)
    }

    fn note_clock(&mut self, today: Day) {
        let newest = self.newest.as_ref().map(|it| it.day);
        let behind = newest.filter(|it| today < *it);
        if let Some(day) = behind
            && !self.clock_is_behind
        {
            self.notes.push(Note::ClockStepped { day, today });
        }
        self.clock_is_behind = behind.is_some();
    }

    /// Runs `work` with the stream's lock held, which an exclusive log always does.
    pub(super) fn with_lock<T>(
        &mut self,
        work: impl FnOnce(&mut Log) -> T,
    ) -> Result<T, CommitError> {
        if let Some(failure) = &self.ended {
            return Err(CommitError::Ended(Arc::clone(failure)));
        }
        if !self.options.shared {
            return Ok(work(self));
        }
        self.take_shared()?;
        let value = work(self);
        if let Err(source) = self.lock.release() {
            let path = self.lock.path().to_owned();
            self.end(Failure::Disk {
                operation: "unlock",
                path,
                source,
            });
        }
        Ok(value)
    }

    /// Points `logs/<stream>.jsonl` at the open day. A convenience: no trouble with it matters.
    fn link(&self) {
        let Some(open) = &self.newest else { return };
        let layout = self.journal.layout();
        let (disk, link) = (&**self.journal.disk(), layout.link(self.stream));
        let target = link_target(self.stream, open.day);
        match disk.read_link(&link) {
            Ok(text) if text == target => return,
            Ok(text) if is_link_target(self.stream, &text) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // A plain file or somebody else's link: left alone; `tj status` tells.
            _ => return,
        }
        let temporary = layout.logs().join(format!(".{}.link", self.stream));
        let _ = disk.remove(&temporary);
        if disk.make_link(&target, &temporary).is_ok() {
            let _ = disk.rename(&temporary, &link);
        }
    }

    pub(super) fn stream(&self) -> Stream {
        self.stream
    }

    /// Closes the files and lets the lock go; the log has ended.
    pub(super) fn let_go(&mut self) {
        self.newest = None;
        // The kernel frees it in any case when the file is closed.
        let _ = self.lock.release();
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // A fork's copy must not free its parent's lock; `release` sees to that.
        self.let_go();
    }
}

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Failure {
    let path = path.to_owned();
    move |source| Failure::Disk {
        operation,
        path,
        source,
    }
}
