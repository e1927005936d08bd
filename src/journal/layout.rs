//! Where things are: the names of a journal's files and folders.
//!
//! Always true:
//! - A day of a stream is one file, `logs/<stream>/<day>.jsonl` or
//!   `archive/<stream>/<year>/<day>.jsonl.gz`; where both are there, the one in `logs/` is read.
//! - Days come in order; a name that is no day of ours is somebody else's and is not touched.
//! - A link, a pipe or a folder with a day's name is no day; [`Layout::impostors`] names it.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::disk::{Disk, Entry, Kind};
use crate::record::Stream;
use crate::time::Day;

const PLAIN: &str = ".jsonl";
const ARCHIVED: &str = ".jsonl.gz";

/// The folders of one journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    logs: PathBuf,
    archive: PathBuf,
}

/// Which of the two places a day is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A plain file under `logs/`.
    Logs,
    /// A gzip file under `archive/`.
    Archive,
}

/// One day of a stream and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayFile {
    /// The day of writing.
    pub day: Day,
    /// Plain or archived.
    pub place: Place,
    /// The file.
    pub path: PathBuf,
}

/// What has a day's name and is no plain file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impostor {
    /// Where it is.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
}

impl Layout {
    /// A journal that writes below `logs` and looks for older days below `archive`.
    #[must_use]
    pub fn new(logs: PathBuf, archive: PathBuf) -> Layout {
        Layout { logs, archive }
    }

    /// The folder of the streams.
    #[must_use]
    pub fn logs(&self) -> &Path {
        &self.logs
    }

    /// The folder of the archived days.
    #[must_use]
    pub fn archive(&self) -> &Path {
        &self.archive
    }

    /// The file that says what this folder is.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.logs.join("JOURNAL")
    }

    /// A stream's folder.
    #[must_use]
    pub fn stream(&self, stream: Stream) -> PathBuf {
        self.logs.join(stream.name())
    }

    /// A day's plain file.
    #[must_use]
    pub fn day(&self, stream: Stream, day: Day) -> PathBuf {
        self.stream(stream).join(format!("{day}.jsonl"))
    }

    /// A closed day's checksum for stock tools.
    #[must_use]
    pub fn seal(&self, stream: Stream, day: Day) -> PathBuf {
        self.stream(stream).join(format!("{day}.jsonl.sha256"))
    }

    /// The newest line known to be on disk.
    #[must_use]
    pub fn head(&self, stream: Stream) -> PathBuf {
        self.stream(stream).join("HEAD")
    }

    /// The stream's lock.
    #[must_use]
    pub fn lock(&self, stream: Stream) -> PathBuf {
        self.stream(stream).join("LOCK")
    }

    /// Where the bytes of torn tails are kept.
    #[must_use]
    pub fn torn(&self, stream: Stream) -> PathBuf {
        self.stream(stream).join("torn")
    }

    /// The link to the open day.
    #[must_use]
    pub fn link(&self, stream: Stream) -> PathBuf {
        self.logs.join(format!("{stream}.jsonl"))
    }

    /// A day's archived file.
    #[must_use]
    pub fn archived(&self, stream: Stream, day: Day) -> PathBuf {
        let year = format!("{:04}", day.year());
        self.archive
            .join(stream.name())
            .join(year)
            .join(format!("{day}.jsonl.gz"))
    }

    /// The checksums beside an archived day.
    #[must_use]
    pub fn archived_seal(&self, stream: Stream, day: Day) -> PathBuf {
        self.archived(stream, day).with_extension("sha256")
    }

    /// The plain days of a stream, oldest first; none when its folder is not there.
    ///
    /// # Errors
    /// The disk's, when the folder cannot be listed.
    pub fn days_in_logs(&self, disk: &dyn Disk, stream: Stream) -> io::Result<Vec<Day>> {
        days_in(disk, &self.stream(stream), PLAIN)
    }

    /// What has the name of a day of the stream and is no plain file, in both places. Nothing of it
    /// is ever read: a pipe would hold its reader up, and a link can lead anywhere.
    ///
    /// # Errors
    /// The disk's, when a folder cannot be listed.
    pub fn impostors(&self, disk: &dyn Disk, stream: Stream) -> io::Result<Vec<Impostor>> {
        let mut impostors = impostors_in(disk, &self.stream(stream), PLAIN)?;
        for year in self.archived_years(disk, stream)? {
            impostors.extend(impostors_in(disk, &year, ARCHIVED)?);
        }
        Ok(impostors)
    }

    /// The folders of a stream's archived days.
    fn archived_years(&self, disk: &dyn Disk, stream: Stream) -> io::Result<Vec<PathBuf>> {
        let archive = self.archive.join(stream.name());
        let entries = entries_in(disk, &archive)?.into_iter();
        let years = entries.filter(|it| it.kind == Kind::Folder);
        Ok(years.map(|it| archive.join(it.name)).collect())
    }

    /// Every day of a stream in both places, oldest first, each once.
    ///
    /// # Errors
    /// The disk's, when a folder cannot be listed.
    pub fn days(&self, disk: &dyn Disk, stream: Stream) -> io::Result<Vec<DayFile>> {
        let mut days: Vec<DayFile> = Vec::new();
        // Order matters: a day that is archived meanwhile has left `logs/` only when it is in the
        // archive, so listed in this order it is seen at least once.
        for day in self.days_in_logs(disk, stream)? {
            let path = self.day(stream, day);
            days.push(DayFile {
                day,
                place: Place::Logs,
                path,
            });
        }
        for year in self.archived_years(disk, stream)? {
            for day in days_in(disk, &year, ARCHIVED)? {
                let path = self.archived(stream, day);
                days.push(DayFile {
                    day,
                    place: Place::Archive,
                    path,
                });
            }
        }
        // Stable, so that of two files of one day the plain one comes first and is kept.
        days.sort_by_key(|it| it.day);
        days.dedup_by_key(|it| it.day);
        Ok(days)
    }
}

/// What the link to the open day says.
pub(super) fn link_target(stream: Stream, day: Day) -> String {
    format!("{stream}/{day}{PLAIN}")
}

/// Whether a link that says `text` is the journal's own, to whichever day.
pub(super) fn is_link_target(stream: Stream, text: &str) -> bool {
    let name = text.strip_prefix(stream.name());
    let name = name.and_then(|it| it.strip_prefix('/'));
    name.is_some_and(|it| day_of(it, PLAIN).is_some())
}

/// The days that files in `folder` are named after, oldest first.
fn days_in(disk: &dyn Disk, folder: &Path, suffix: &str) -> io::Result<Vec<Day>> {
    let mut days: Vec<Day> = entries_in(disk, folder)?
        .iter()
        .filter(|it| it.kind == Kind::File)
        .filter_map(|it| day_of(&it.name, suffix))
        .collect();
    days.sort_unstable();
    Ok(days)
}

fn impostors_in(disk: &dyn Disk, folder: &Path, suffix: &str) -> io::Result<Vec<Impostor>> {
    let entries = entries_in(disk, folder)?.into_iter();
    let is_impostor = |it: &Entry| it.kind != Kind::File && day_of(&it.name, suffix).is_some();
    let impostors = entries.filter(is_impostor).map(|it| Impostor {
        path: folder.join(it.name),
        kind: it.kind,
    });
    Ok(impostors.collect())
}

fn day_of(name: &str, suffix: &str) -> Option<Day> {
    name.strip_suffix(suffix)?.parse().ok()
}

fn entries_in(disk: &dyn Disk, folder: &Path) -> io::Result<Vec<Entry>> {
    match disk.list(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        listed => listed,
    }
}
