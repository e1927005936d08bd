//! How a journal stands: its streams, their days, sizes, last lines and writers.
//!
//! Always true: nothing is written, and a stream that cannot be read in part is still described.

use std::{io, path::PathBuf};

use super::Journal;
use super::close::line_timestamp;
use super::head::{Head, HeadFile};
use super::layout::{Place, is_link_target};
use super::line::Tail;
use super::walk::line_before;
use crate::disk::Access;
use crate::record::Stream;
use crate::time::{Day, Timestamp};

/// How one stream stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamStatus {
    /// The stream.
    pub stream: Stream,
    /// How many lines it has had, deleted ones included.
    pub lines: u64,
    /// How many of them `HEAD` says to be on disk.
    pub head_lines: u64,
    /// Days in `logs/`.
    pub days: u64,
    /// Days in the archive alone.
    pub archived_days: u64,
    /// The oldest day.
    pub first_day: Option<Day>,
    /// The newest day.
    pub last_day: Option<Day>,
    /// Days that are over and not closed yet.
    pub unclosed_days: u64,
    /// Bytes in `logs/`.
    pub bytes: u64,
    /// Bytes in the archive.
    pub archived_bytes: u64,
    /// The time of the last record.
    pub last_record: Option<Timestamp>,
    /// Whether a writer has it open, and its process where that is told.
    pub holder: Option<Option<u32>>,
    /// Files with torn tails in `torn/`.
    pub torn: u64,
    /// What has a day's name and is no plain file: nothing of it is read.
    pub impostors: Vec<PathBuf>,
    /// `logs/<stream>.jsonl` is something else than the journal's link.
    pub link_is_foreign: bool,
}

/// Why a journal's state cannot be told.
#[derive(Debug, thiserror::Error)]
#[error("look at {}", path.display())]
#[non_exhaustive]
pub struct StatusError {
    /// The folder.
    pub path: PathBuf,
    /// What the operating system said.
    pub source: io::Error,
}

impl Journal {
    /// How every stream that has a folder stands.
    ///
    /// # Errors
    /// [`StatusError`] when a folder cannot be listed.
    pub fn status(&self) -> Result<Vec<StreamStatus>, StatusError> {
        let mut all = Vec::new();
        for stream in Stream::ALL {
            let folder = self.layout().stream(stream);
            let failed = |source| StatusError {
                path: folder.clone(),
                source,
            };
            if self.disk().look(&folder).map_err(failed)?.is_some() {
                all.push(self.stream_status(stream).map_err(failed)?);
            }
        }
        Ok(all)
    }

    /// Bytes that are free where the journal writes.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn free_bytes(&self) -> io::Result<u64> {
        self.disk().free_bytes(self.layout().logs())
    }

    fn stream_status(&self, stream: Stream) -> io::Result<StreamStatus> {
        let (disk, layout) = (&**self.disk(), self.layout());
        let days = layout.days(disk, stream)?;
        let mut status = StreamStatus {
            stream,
            lines: 0,
            head_lines: 0,
            days: 0,
            archived_days: 0,
            first_day: days.first().map(|it| it.day),
            last_day: days.last().map(|it| it.day),
            unclosed_days: 0,
            bytes: 0,
            archived_bytes: 0,
            last_record: None,
            holder: self.holder(stream),
            torn: 0,
            impostors: Vec::new(),
            link_is_foreign: false,
        };
        if let Ok(HeadFile::Read(head)) = Head::read(disk, &layout.head(stream)) {
            status.head_lines = head.lines;
            status.lines = head.lines;
        }
        let today = self.clock().now().day();
        for day in &days {
            let len = disk.look(&day.path)?.map_or(0, |it| it.len);
            match day.place {
                Place::Logs => {
                    status.days += 1;
                    status.bytes += len;
                    let sealed = disk.look(&layout.seal(stream, day.day))?.is_some();
                    status.unclosed_days += u64::from(day.day < today && !sealed && 0 < len);
                }
                Place::Archive => {
                    status.archived_days += 1;
                    status.archived_bytes += len;
                }
            }
        }
        for day in days.iter().rev().filter(|it| it.place == Place::Logs) {
            // One that was archived meanwhile, or cannot be read, says nothing here.
            let Ok(file) = disk.open(&day.path, Access::Read) else {
                continue;
            };
            if let Ok(Some(line)) = last_line(&*file) {
                status.lines = Tail::parse(&line).map_or(status.lines, |it| it.seq + 1);
                status.last_record = line_timestamp(&line);
                break;
            }
        }
        if let Ok(torn) = disk.list(&layout.torn(stream)) {
            status.torn = torn.iter().filter(|it| !it.name.starts_with('.')).count() as u64;
        }
        let impostors = layout.impostors(disk, stream)?.into_iter();
        status.impostors = impostors.map(|it| it.path).collect();
        let link = layout.link(stream);
        let is_own = disk
            .read_link(&link)
            .is_ok_and(|it| is_link_target(stream, &it));
        status.link_is_foreign = !is_own && disk.look(&link)?.is_some();
        Ok(status)
    }
}

/// The last whole line of a file that may be growing.
fn last_line(file: &dyn crate::disk::File) -> io::Result<Option<Vec<u8>>> {
    let len = file.look()?.len;
    let mut end = len;
    // A line that is just being written has no newline yet.
    let mut byte = [0];
    while 0 < end && len - end < super::line::LINE_LEN_MAX as u64 {
        crate::disk::read_full(file, &mut byte, end - 1)?;
        if byte == *b"\n" {
            return Ok(line_before(file, end)?.map(|it| it.1));
        }
        end -= 1;
    }
    Ok(None)
}
