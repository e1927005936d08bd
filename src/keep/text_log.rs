//! A bot's own log: text, line by line, in files that do not grow for ever.
//!
//! `app.log` is the newest; when it is full it becomes `app.log.1`, that `app.log.2` and so on, and the
//! oldest goes.
//!
//! Always true:
//! - The files, oldest first, are what was written, without whole files at the beginning. No line is in
//!   two files.
//! - A write that failed says so. What follows it begins on a line of its own.
//! - A crash or a power cut at any moment loses no line that was flushed, but those of the file that
//!   was to go.
//! - One process writes: whoever opens the log holds `app.log.lock`, and the next is refused.
//! - What is made is 0600, and a link in a file's place is refused.
//!
//! Not here: when a line is on the disk. A log is no journal: lines are handed to the operating system
//! at once, which survives the process, and [`flush`](io::Write::flush) syncs them, which survives the
//! power.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use memchr::{memchr, memrchr};

use crate::disk::{Access, Disk, File, Kind, RealDisk, read_full, write_all};
use crate::time::Timestamp;

/// When a file is full, and how many older ones are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TextLogOptions {
    /// How many bytes a file has at most, unless one line alone has more.
    pub len_max: u64,
    /// How many older files are kept.
    pub older_max: u32,
}

/// 10 MB, and 3 older files.
impl Default for TextLogOptions {
    fn default() -> TextLogOptions {
        TextLogOptions {
            len_max: 10_000_000,
            older_max: 3,
        }
    }
}

impl TextLogOptions {
    /// At most so many bytes a file.
    #[must_use]
    pub fn len_max(mut self, bytes: u64) -> TextLogOptions {
        self.len_max = bytes;
        self
    }

    /// So many older files.
    #[must_use]
    pub fn older_max(mut self, files: u32) -> TextLogOptions {
        self.older_max = files;
        self
    }
}

/// Which older files go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SweepPolicy {
    /// Those whose last line is older than this.
    pub age_max: Duration,
}

/// 30 days.
impl Default for SweepPolicy {
    fn default() -> SweepPolicy {
        SweepPolicy {
            age_max: Duration::from_secs(30 * 86_400),
        }
    }
}

impl SweepPolicy {
    /// Those whose last line is older than that.
    #[must_use]
    pub fn age_max(mut self, age: Duration) -> SweepPolicy {
        self.age_max = age;
        self
    }
}

/// Why a log could not be opened, written or swept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TextLogError {
    /// Another process, or another part of this one, writes it.
    #[error("open the log {}: somebody else writes it", path.display())]
    Locked {
        /// The log.
        path: PathBuf,
    },
    /// The path names no file in a folder.
    #[error("open the log {}: that is no file's name", path.display())]
    Name {
        /// What was given.
        path: PathBuf,
    },
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
}

impl TextLogError {
    fn kind(&self) -> io::ErrorKind {
        match self {
            TextLogError::Locked { .. } => io::ErrorKind::WouldBlock,
            TextLogError::Name { .. } => io::ErrorKind::InvalidInput,
            TextLogError::Disk { source, .. } => source.kind(),
        }
    }
}

/// As the error of a write; what it was is its inner error.
impl From<TextLogError> for io::Error {
    fn from(error: TextLogError) -> io::Error {
        io::Error::new(error.kind(), error)
    }
}

fn on<'a>(operation: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> TextLogError + 'a {
    move |source| TextLogError::Disk {
        operation,
        path: path.to_owned(),
        source,
    }
}

/// A log that is being written. See the module.
///
/// ```
/// use std::io::Write as _;
/// use tradejournal::keep::{SweepPolicy, TextLog};
/// # use tradejournal::time::{Clock as _, SystemClock};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("app.log");
/// let mut log = TextLog::open(&path)?;
/// writeln!(log, "connected")?;
/// log.flush()?;
/// log.sweep(SystemClock.now(), SweepPolicy::default())?;
/// # assert_eq!(std::fs::read_to_string(&path)?, "connected\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TextLog {
    place: Place,
    options: TextLogOptions,
    /// Held until the end; the lock goes with it.
    _lock: Box<dyn File>,
    /// Nothing while a full file has its new name and there is no other yet, and after a failed sync.
    newest: Option<Newest>,
    /// Whether lines were left in a file whose sync failed: the next flush says so.
    is_unsynced: bool,
}

struct Newest {
    file: Box<dyn File>,
    len: u64,
    identity: (u64, u64),
    /// Whether the last line has no end yet: what comes belongs to it.
    is_in_line: bool,
    /// Whether a write failed: nobody knows how the file ends, and what comes begins it anew.
    is_broken: bool,
}

/// Where a log is.
struct Place {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    name: String,
}

impl TextLog {
    /// Opens the log at `path`, in an existing folder, and makes it where it is not there.
    ///
    /// # Errors
    /// [`TextLogError::Locked`] when somebody writes it, and what the disk says.
    pub fn open(path: impl AsRef<Path>) -> Result<TextLog, TextLogError> {
        TextLog::open_on(Arc::new(RealDisk), path, TextLogOptions::default())
    }

    /// The same on any disk, with options.
    ///
    /// # Errors
    /// As [`TextLog::open`].
    pub fn open_on(
        disk: Arc<dyn Disk>,
        path: impl AsRef<Path>,
        options: TextLogOptions,
    ) -> Result<TextLog, TextLogError> {
        let place = Place::of(disk, path.as_ref())?;
        let lock = place.lock()?;
        let newest = Some(place.open()?);
        Ok(TextLog {
            place,
            options,
            _lock: lock,
            newest,
            is_unsynced: false,
        })
    }

    /// Removes the older files that the policy names, and says which. The newest stays.
    ///
    /// # Errors
    /// The first of the disk; what was removed before is gone.
    pub fn sweep(
        &mut self,
        now: Timestamp,
        policy: SweepPolicy,
    ) -> Result<Vec<PathBuf>, TextLogError> {
        self.place.sweep(now, policy)
    }

    /// The newest file, ready for bytes of which the first line has `line_len`.
    fn ready(&mut self, line_len: usize) -> Result<&mut Newest, TextLogError> {
        let is_broken = self.newest.as_ref().is_some_and(|it| it.is_broken);
        let is_in_line = self.newest.as_ref().is_some_and(|it| it.is_in_line);
        // Somebody may have taken the file away: what is written then would be nowhere.
        if is_broken || (!is_in_line && !self.place.is_still(self.newest.as_ref())?) {
            self.leave()?;
        }
        let newest = match self.newest.take() {
            Some(newest) => newest,
            None => self.place.open()?,
        };
        let is_full = !newest.is_in_line
            && newest.len != 0
            && self.options.len_max < newest.len.saturating_add(line_len as u64);
        let newest = match is_full {
            true => {
                self.newest = Some(newest);
                // Order matters: nobody syncs the file once it has its older name.
                self.leave()?;
                self.place.rotate(self.options.older_max)?;
                self.place.open()?
            }
            false => newest,
        };
        Ok(self.newest.insert(newest))
    }

    /// Lets go of the newest file. What is in it is synced, since a later flush is of another file.
    fn leave(&mut self) -> Result<(), TextLogError> {
        let Some(newest) = self.newest.take() else {
            return Ok(());
        };
        let synced = newest.file.sync();
        self.is_unsynced |= synced.is_err();
        synced.map_err(on("sync", &self.place.newest()))
    }
}

impl io::Write for TextLog {
    /// Writes as much as belongs into one file. After an error nothing is known of these bytes; the
    /// next ones begin on a line of their own.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let len_max = self.options.len_max;
        let line_len = memchr(b'\n', bytes).map_or(bytes.len(), |it| it + 1);
        let newest = self.ready(line_len)?;
        let room = usize::try_from(len_max.saturating_sub(newest.len)).unwrap_or(usize::MAX);
        let part = match bytes.get(..room.min(bytes.len())) {
            Some(fitting) if fitting.len() == bytes.len() => bytes.len(),
            // Whole lines, and the first one in any case.
            Some(fitting) => memrchr(b'\n', fitting).map_or(line_len, |it| line_len.max(it + 1)),
            None => line_len,
        };
        let part = bytes.get(..part).unwrap_or(bytes);
        match newest.file.write(part) {
            Ok(written) => {
                newest.len = newest.len.saturating_add(written as u64);
                let last = written.checked_sub(1).and_then(|it| part.get(it));
                newest.is_in_line = last.map_or(newest.is_in_line, |it| *it != b'\n');
                Ok(written)
            }
            // Nothing was written, and the caller tries again.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                // It is kept, for the sync of the lines before.
                newest.is_broken = true;
                Err(on("write to", &self.place.newest())(error).into())
            }
        }
    }

    /// Returns when what was written is on the disk.
    fn flush(&mut self) -> io::Result<()> {
        let was_unsynced = std::mem::take(&mut self.is_unsynced);
        let mut synced = self.newest.as_ref().map_or(Ok(()), |it| it.file.sync());
        if synced.is_err() {
            // A later sync of the same file would say that all is well.
            self.newest = None;
        } else if was_unsynced {
            synced = Err(io::Error::other("lines before were not synced"));
        }
        Ok(synced.map_err(on("sync", &self.place.newest()))?)
    }
}

impl fmt::Debug for TextLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextLog")
            .field("path", &self.place.newest())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Removes the older files of the log at `path` that the policy names, and says which: for whoever does
/// not write it. Who writes it calls [`TextLog::sweep`].
///
/// # Errors
/// [`TextLogError::Locked`] while somebody writes the log, since the files change their names then; and
/// the first of the disk.
pub fn sweep(
    disk: Arc<dyn Disk>,
    path: impl AsRef<Path>,
    now: Timestamp,
    policy: SweepPolicy,
) -> Result<Vec<PathBuf>, TextLogError> {
    let place = Place::of(disk, path.as_ref())?;
    let _lock = place.lock()?;
    place.sweep(now, policy)
}

impl Place {
    fn of(disk: Arc<dyn Disk>, path: &Path) -> Result<Place, TextLogError> {
        let wrong = || TextLogError::Name {
            path: path.to_owned(),
        };
        let name = path.file_name().and_then(|it| it.to_str());
        let folder = match path.parent().ok_or_else(wrong)? {
            here if here.as_os_str().is_empty() => Path::new("."),
            folder => folder,
        };
        Ok(Place {
            disk,
            folder: folder.to_owned(),
            name: name.ok_or_else(wrong)?.to_owned(),
        })
    }

    fn newest(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    /// The file that was the newest `age` rotations ago.
    fn older(&self, age: u32) -> PathBuf {
        match age {
            0 => self.newest(),
            _ => self.folder.join(format!("{}.{age}", self.name)),
        }
    }

    /// A file of its own, since the log's files change their names.
    fn lock(&self) -> Result<Box<dyn File>, TextLogError> {
        let path = self.folder.join(format!("{}.lock", self.name));
        let file = self.disk.open(&path, Access::AppendOrCreate);
        let file = file.map_err(on("open", &path))?;
        match file.try_lock().map_err(on("lock", &path))? {
            true => Ok(file),
            false => Err(TextLogError::Locked {
                path: self.newest(),
            }),
        }
    }

    /// Opens the newest file, behind a whole line.
    fn open(&self) -> Result<Newest, TextLogError> {
        let path = self.newest();
        let file = self.disk.open(&path, Access::AppendOrCreate);
        let file = file.map_err(on("open", &path))?;
        // Of a file that was there too: whoever made it may have failed to.
        let synced = self.disk.sync_folder(&self.folder);
        synced.map_err(on("sync", &self.folder))?;
        let mut meta = file.look().map_err(on("look at", &path))?;
        let mut last = [b'\n'];
        if let Some(end) = meta.len.checked_sub(1) {
            read_full(&*file, &mut last, end).map_err(on("read", &path))?;
        }
        // What a crash or a failed write left of a line stays, on a line of its own.
        if last != [b'\n'] {
            write_all(&*file, b"\n").map_err(on("write to", &path))?;
            meta.len += 1;
        }
        Ok(Newest {
            file,
            len: meta.len,
            identity: meta.identity,
            is_in_line: false,
            is_broken: false,
        })
    }

    /// Whether that file is still the newest.
    fn is_still(&self, newest: Option<&Newest>) -> Result<bool, TextLogError> {
        let path = self.newest();
        let found = self.disk.look(&path).map_err(on("look at", &path))?;
        let own = newest.map(|it| it.identity);
        Ok(own.is_some() && found.map(|it| it.identity) == own)
    }

    /// Gives the newest file, which was synced, its older name.
    fn rotate(&self, older_max: u32) -> Result<(), TextLogError> {
        let path = self.newest();
        if older_max == 0 {
            self.disk.remove(&path).map_err(on("remove", &path))?;
            let synced = self.disk.sync_folder(&self.folder);
            return synced.map_err(on("sync", &self.folder));
        }
        // A rotation that was broken off left a free name: nothing need go then.
        let mut last = older_max;
        for age in 1..older_max {
            let path = self.older(age);
            if self
                .disk
                .look(&path)
                .map_err(on("look at", &path))?
                .is_none()
            {
                last = age;
                break;
            }
        }
        for age in (0..last).rev() {
            let (from, to) = (self.older(age), self.older(age + 1));
            self.disk.rename(&from, &to).map_err(on("rename", &from))?;
            // Order matters: were a later change to survive without this one, it would take the place
            // of a file that has no other name.
            let synced = self.disk.sync_folder(&self.folder);
            synced.map_err(on("sync", &self.folder))?;
        }
        Ok(())
    }

    fn sweep(&self, now: Timestamp, policy: SweepPolicy) -> Result<Vec<PathBuf>, TextLogError> {
        let mut swept = Vec::new();
        let entries = self.disk.list(&self.folder);
        for entry in entries.map_err(on("list", &self.folder))? {
            if entry.kind != Kind::File || !self.is_older(&entry.name) {
                continue;
            }
            let path = self.folder.join(&entry.name);
            let meta = self.disk.look(&path).map_err(on("look at", &path))?;
            let modified = meta.and_then(|it| it.modified);
            let age = modified.and_then(|it| it.until(now));
            if age.is_some_and(|it| policy.age_max < it) {
                self.disk.remove(&path).map_err(on("remove", &path))?;
                swept.push(path);
            }
        }
        if !swept.is_empty() {
            let synced = self.disk.sync_folder(&self.folder);
            synced.map_err(on("sync", &self.folder))?;
        }
        Ok(swept)
    }

    /// Whether that is the name of an older file: the log's, a point and a number.
    fn is_older(&self, name: &str) -> bool {
        let number = name
            .strip_prefix(&self.name)
            .and_then(|it| it.strip_prefix('.'));
        number.is_some_and(|it| {
            !it.is_empty() && !it.starts_with('0') && it.bytes().all(|digit| digit.is_ascii_digit())
        })
    }
}

#[cfg(test)]
mod tests;
