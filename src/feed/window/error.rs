//! Why a window could not be opened, or did not take a trade.

use std::io;
use std::path::{Path, PathBuf};

use super::footprint::FootprintError;

/// Why something could not be done with a window's files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WindowError {
    /// Another collector has the folder.
    #[error("open the window {}: another collector has it", path.display())]
    Running {
        /// The storage folder.
        path: PathBuf,
    },
    /// The folder belongs to a window of another kind.
    #[error("open the window {}: it has {found}, not {wanted}", path.display())]
    Other {
        /// The storage folder.
        path: PathBuf,
        /// What it was made for.
        found: String,
        /// What was asked for.
        wanted: String,
    },
    /// A file that says something else than it should.
    #[error("{}: {why}", path.display())]
    Damaged {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A minute's file that is none.
    #[error("read {}", path.display())]
    Minute {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        source: FootprintError,
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

pub(super) fn on<'a>(
    operation: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> WindowError + 'a {
    move |source| WindowError::Disk {
        operation,
        path: path.to_owned(),
        source,
    }
}
