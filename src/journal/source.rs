//! One day's bytes, plain or archived, as blocks of whole lines.
//!
//! Always true:
//! - A plain day is read up to the length it had when it was opened: a writer that goes on does not
//!   change what a reader sees.
//! - A day that is not where it was listed is looked for in the other place before it is missing.
//! - A block holds whole lines; memory is bounded by one block and the longest line.
//!
//! Not here: what is in a line, and which days are read.

use std::{
    fmt,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use flate2::bufread::MultiGzDecoder;

use super::Journal;
use super::layout::{DayFile, Place};
use super::line::LINE_LEN_MAX;
use crate::disk::{Access, Disk, File};
use crate::record::Stream;

/// How much is read at once: it stays in a core's own cache while it is looked at.
pub(super) const BLOCK_LEN: usize = 256 << 10;
/// How much is read at once beyond the end of a unit, where only one line is wanted.
const OVERHANG_LEN: usize = 16 << 10;
const GZIP_BUFFER_LEN: usize = 64 << 10;

/// An open day.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// The file that was opened.
    pub(super) path: Arc<Path>,
    /// Plain or archived.
    pub(super) place: Place,
    /// The file.
    pub(super) file: Arc<dyn File>,
    /// Its length in bytes when it was opened.
    pub(super) len: u64,
}

impl Source {
    /// Opens a day where it was listed or, when it was moved since, in the other place. The error
    /// names the file as it was listed.
    pub(super) fn open(
        journal: &Journal,
        stream: Stream,
        listed: &DayFile,
    ) -> Result<Source, (PathBuf, io::Error)> {
        let disk = &**journal.disk();
        match open_at(disk, &listed.path, listed.place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let (place, path) = match listed.place {
                    Place::Logs => (
                        Place::Archive,
                        journal.layout().archived(stream, listed.day),
                    ),
                    Place::Archive => (Place::Logs, journal.layout().day(stream, listed.day)),
                };
                open_at(disk, &path, place).map_err(|again| {
                    if again.kind() == io::ErrorKind::NotFound {
                        (listed.path.clone(), error)
                    } else {
                        (path, again)
                    }
                })
            }
            Err(error) => Err((listed.path.clone(), error)),
            Ok(source) => Ok(source),
        }
    }

    /// All its lines from `at`, which is the beginning of a line, and always 0 for an archived day.
    pub(super) fn blocks(&self, at: u64, block_len: usize) -> Blocks {
        match self.place {
            Place::Logs => Blocks::new(self.plain(at), at, block_len),
            Place::Archive => {
                let raw = FileBytes {
                    file: Arc::clone(&self.file),
                    at: 0,
                };
                let raw = BufReader::with_capacity(GZIP_BUFFER_LEN, raw);
                let bytes = Bytes::Gzip(Box::new(MultiGzDecoder::new(raw)));
                Blocks::new(bytes, 0, block_len)
            }
        }
    }

    /// The bytes from a line's beginning to another's, for counting. An archived day is read to its
    /// end.
    pub(super) fn between(&self, at: u64, end: u64) -> Blocks {
        match self.place {
            Place::Logs => {
                let file = Arc::clone(&self.file);
                Blocks::new(Bytes::Plain { file, at, end }, at, BLOCK_LEN)
            }
            Place::Archive => self.blocks(at, BLOCK_LEN),
        }
    }

    /// The lines of a plain day that begin at `from` or later and before `to`.
    pub(super) fn unit(&self, from: u64, to: u64, block_len: usize) -> Blocks {
        // The byte before tells whether a line begins at `from`.
        let at = from.saturating_sub(1);
        let mut blocks = Blocks::new(self.plain(at), at, block_len);
        blocks.in_line = 0 < from;
        blocks.to = to;
        blocks
    }

    fn plain(&self, at: u64) -> Bytes {
        Bytes::Plain {
            file: Arc::clone(&self.file),
            at,
            end: self.len,
        }
    }
}

fn open_at(disk: &dyn Disk, path: &Path, place: Place) -> io::Result<Source> {
    let file: Arc<dyn File> = Arc::from(disk.open(path, Access::Read)?);
    let len = file.look()?.len;
    Ok(Source {
        path: Arc::from(path),
        place,
        file,
        len,
    })
}

enum Bytes {
    Plain {
        file: Arc<dyn File>,
        at: u64,
        end: u64,
    },
    Gzip(Box<MultiGzDecoder<BufReader<FileBytes>>>),
}

impl Bytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = match self {
                Bytes::Plain { file, at, end } => {
                    let left = usize::try_from(*end - *at).unwrap_or(usize::MAX);
                    let wanted = buffer.len().min(left);
                    let read = file.read_at(buffer.get_mut(..wanted).unwrap_or_default(), *at);
                    *at += *read.as_ref().unwrap_or(&0) as u64;
                    read
                }
                Bytes::Gzip(decoder) => decoder.read(buffer),
            };
            match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }
}

/// A file of the journal's disk as a stream of bytes.
struct FileBytes {
    file: Arc<dyn File>,
    at: u64,
}

impl Read for FileBytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// What a step of [`Blocks`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// [`Blocks::bytes`] holds whole lines.
    Lines,
    /// A line begins at [`Blocks::offset`] that is longer than a line may be.
    TooLong,
    /// [`Blocks::bytes`] holds what follows the last newline.
    Rest,
    /// Nothing is left.
    End,
}

/// The blocks of a day or of a part of it, in order.
pub(super) struct Blocks {
    bytes: Bytes,
    buffer: Vec<u8>,
    /// How much of the buffer is read bytes.
    filled: usize,
    /// How much of it the last step handed out.
    handed: usize,
    /// Where in the day the buffer begins.
    offset: u64,
    block_len: usize,
    /// The next bytes belong to a line that is not wanted.
    in_line: bool,
    /// Lines that begin here or later are not wanted.
    to: u64,
    ended: bool,
}

impl Blocks {
    fn new(bytes: Bytes, offset: u64, block_len: usize) -> Blocks {
        Blocks {
            bytes,
            buffer: Vec::new(),
            filled: 0,
            handed: 0,
            offset,
            block_len,
            in_line: false,
            to: u64::MAX,
            ended: false,
        }
    }

    /// The bytes of this step.
    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.handed).unwrap_or_default()
    }

    /// Where in the day this step begins.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Where in the day reading has come to.
    pub(super) fn read_to(&self) -> u64 {
        self.offset + self.filled as u64
    }

    /// The next step; after an error there is none.
    pub(super) fn step(&mut self) -> io::Result<Step> {
        self.let_go();
        while !self.ended {
            let mut seen = self.filled;
            if self.read()? == 0 {
                self.ended = true;
                if !self.in_line && 0 < self.filled {
                    self.handed = self.filled;
                    return Ok(Step::Rest);
                }
                break;
            }
            if self.in_line {
                self.leave_line();
                seen = 0;
            }
            if let Some(handed) = self.last_line_end(seen) {
                self.handed = handed;
                return Ok(Step::Lines);
            }
            if LINE_LEN_MAX < self.filled {
                // Where this line ends matters only to whoever owns what comes after it.
                self.ended = self.to <= self.read_to();
                self.in_line = true;
                self.handed = self.filled;
                return Ok(Step::TooLong);
            }
        }
        Ok(Step::End)
    }

    /// Moves what the last step did not hand out to the front.
    fn let_go(&mut self) {
        self.buffer.copy_within(self.handed..self.filled, 0);
        self.filled -= self.handed;
        self.offset += self.handed as u64;
        self.handed = 0;
    }

    fn read(&mut self) -> io::Result<usize> {
        let left = usize::try_from(self.to.saturating_sub(self.read_to())).unwrap_or(usize::MAX);
        let wanted = match left {
            0 => OVERHANG_LEN.min(self.block_len),
            left => left.min(self.block_len),
        };
        let end = self.filled + wanted;
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        let free = self.buffer.get_mut(self.filled..end).unwrap_or_default();
        let read = self.bytes.read(free);
        if read.is_err() {
            self.ended = true;
        }
        self.filled += *read.as_ref().unwrap_or(&0);
        read
    }

    /// Drops bytes up to the end of a line that is not wanted.
    fn leave_line(&mut self) {
        let read = self.buffer.get(..self.filled).unwrap_or_default();
        let end = memchr::memchr(b'\n', read);
        self.in_line = end.is_none();
        self.handed = end.map_or(self.filled, |end| end + 1);
        self.let_go();
        self.ended = self.to <= self.offset;
    }

    /// Where the last whole line in the buffer that is wanted ends; the first `seen` bytes are
    /// known to hold no newline.
    fn last_line_end(&mut self, seen: usize) -> Option<usize> {
        if self.ended {
            return None;
        }
        // A line that begins before `to` ends at the first newline from the byte before `to` on.
        let last = usize::try_from(self.to - 1 - self.offset).unwrap_or(usize::MAX);
        let behind = self.buffer.get(seen.max(last)..self.filled);
        if let Some(end) = behind.and_then(|it| memchr::memchr(b'\n', it)) {
            self.ended = true;
            return Some(seen.max(last) + end + 1);
        }
        let new = self.buffer.get(seen..self.filled).unwrap_or_default();
        memchr::memrchr(b'\n', new).map(|end| seen + end + 1)
    }
}

impl fmt::Debug for Blocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocks")
            .field("offset", &self.offset)
            .field("filled", &self.filled)
            .finish_non_exhaustive()
    }
}
