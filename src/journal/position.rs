//! Where a line stands, and what can be wrong when it is read.
//!
//! Always true:
//! - An error of reading names the file; one about a line names the line and its byte as well.
//!
//! Not here: what is wrong with the chain between lines; that is verification's.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::line::LINE_LEN_MAX;
use crate::record::{Invalid, Stream};

/// Where a line begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The file.
    pub file: Arc<Path>,
    /// The line's number in the file, from 1; `None` where reading began in the middle of the file
    /// and nobody had to count.
    pub line: Option<u64>,
    /// The offset of its first byte; in an archived file, in its plain bytes.
    pub byte: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { file, line, byte } = self;
        match line {
            Some(line) => write!(f, "{}:{line}, byte {byte}", file.display()),
            None => write!(f, "{}, byte {byte}", file.display()),
        }
    }
}

/// What is wrong with a line's bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineFault {
    /// It is not UTF-8.
    #[error("is not UTF-8 at its byte {at}")]
    NotUtf8 {
        /// The offset from the beginning of the line.
        at: usize,
    },
    /// It is not one JSON object.
    #[error("is not a JSON object at its byte {at}")]
    NotJson {
        /// The offset from the beginning of the line.
        at: usize,
    },
    /// It holds a zero byte, as a file system leaves them after a power cut.
    #[error("has a zero byte at its byte {at}")]
    Nul {
        /// The offset from the beginning of the line.
        at: usize,
    },
    /// It is longer than a line may be.
    #[error("is longer than {LINE_LEN_MAX} bytes")]
    TooLong,
    /// The file ends in the middle of it, and it is not the newest.
    #[error("ends without a newline")]
    Cut,
    /// It is asked for by time and has none that can be read.
    #[error("has no readable time in `{field}`")]
    NoTime {
        /// The field that holds the time of this stream's records.
        field: &'static str,
    },
    /// A sum is asked for over a value that is no decimal number.
    #[error("has `{value}` in `{field}`, which is no decimal number")]
    NotDecimal {
        /// The field.
        field: String,
        /// Its value, shortened.
        value: String,
    },
}

/// What reading can meet. None of these ends an iteration; what can be read comes after it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The folders of a stream cannot be listed.
    #[error("list the days of {stream}")]
    Days {
        /// The stream.
        stream: Stream,
        /// What the operating system said.
        source: io::Error,
    },
    /// A day cannot be opened.
    #[error("open {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A day cannot be read to its end: the disk fails, or the gzip file is damaged or cut.
    #[error("read {} from its byte {byte} on", path.display())]
    Read {
        /// The file.
        path: Arc<Path>,
        /// How far it was read; in an archived file, in its plain bytes.
        byte: u64,
        /// What the operating system or the decompressor said.
        source: io::Error,
    },
    /// A line is not well formed.
    #[error("bad line at {position}")]
    Line {
        /// Where it begins.
        position: Position,
        /// What is wrong with it.
        source: LineFault,
    },
    /// A line is well formed but no record of its stream.
    #[error("bad record at {position}")]
    Record {
        /// Where the line begins.
        position: Position,
        /// Every rule that it breaks.
        source: Invalid,
    },
    /// Lines that were read before are not there any more: a writer that came after a crash cut a
    /// tail that was never promised. What follows is what the file holds now.
    #[error("lines that were read are gone from {position}, before the newest that was read")]
    TakenBack {
        /// From where on the file differs from what was read.
        position: Position,
        /// How many lines were read from there on, if all of them are remembered.
        lines: Option<u64>,
    },
}

impl ReadError {
    /// Where the line begins that this is about.
    #[must_use]
    pub fn position(&self) -> Option<&Position> {
        match self {
            ReadError::Line { position, .. }
            | ReadError::Record { position, .. }
            | ReadError::TakenBack { position, .. } => Some(position),
            _ => None,
        }
    }
}
