//! What keeps a recorder from beginning, and what it has to say at its end.

use std::io;
use std::path::PathBuf;

use super::stats::RecorderStats;
use crate::bot::SessionError;
use crate::journal::{AppendError, OpenError};
use crate::record::field::Wrong;

/// Why a recorder could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecorderError {
    /// The header of the run is no JSON.
    #[error("open a recorder: the header of the run")]
    Header(#[source] Wrong),
    /// The session of the run could not be begun.
    #[error("open a recorder")]
    Session(#[source] SessionError),
    /// The stream of the calls could not be opened.
    #[error("open a recorder")]
    Open(#[source] OpenError),
    /// The folder for what is spilled failed.
    #[error("open a recorder: {operation} {}", path.display())]
    Spill {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A spill file of an earlier run holds something else than calls.
    #[error("open a recorder: take up {}, line {line}", path.display())]
    Spilled {
        /// The file.
        path: PathBuf,
        /// The line in it, from 1.
        line: usize,
        /// What is wrong with it.
        source: crate::record::Invalid,
    },
    /// What an earlier run spilled could not be appended.
    #[error("open a recorder: append what was spilled")]
    TakeUp(#[source] AppendError),
    /// What is in the log already could not be read.
    #[error("open a recorder: read the end of the calls")]
    Read(#[source] crate::journal::ReadError),
}

impl RecorderError {
    /// Whether a spill file is readable, and what is in it is not.
    pub(super) fn is_of_the_content(&self) -> bool {
        match self {
            RecorderError::Spilled { .. } => true,
            RecorderError::Spill { source, .. } => source.kind() == io::ErrorKind::InvalidData,
            _ => false,
        }
    }
}

/// What a recording had to leave out, or whose end nobody saw.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// Calls are lost.
    #[error("{} of {} calls are not in the log", stats.lost.total(), stats.calls)]
    Lost {
        /// How the recording stands.
        stats: Box<RecorderStats>,
        /// What the disk failed with last, if that is why.
        source: Option<AppendError>,
    },
    /// The time to wait was over, and the recorder goes on writing as long as the process lives; or its end
    /// left calls: in spill files, which the next recorder takes up, or handed over too late.
    #[error("{} calls are still to be written", stats.waiting)]
    Unfinished {
        /// How the recording stands.
        stats: Box<RecorderStats>,
        /// What the disk failed with last.
        source: Option<AppendError>,
    },
    /// All is written, and its last sync failed.
    #[error("the end of the recording may not be on disk")]
    Unsynced(#[source] AppendError),
    /// The process is a fork of the one that opened the recorder.
    #[error("the recorder is another process's: a fork opens one of its own")]
    Forked,
}
