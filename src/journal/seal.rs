//! `.sha256`: what a closed day's file says to stock tools.
//!
//! Always true: a seal that is there is held against the file that it names; one that cannot be read
//! fits no file.
//!
//! Not here: writing it, which is a part of closing the day.

use std::path::PathBuf;

use super::Journal;
use super::layout::{DayFile, Place};
use crate::disk;
use crate::record::{Digest, Stream};

const SEAL_LEN_MAX: u64 = 4096;

/// The lines of a `.sha256` file.
#[derive(Debug)]
pub(super) struct Seal {
    pub(super) path: PathBuf,
    text: String,
}

impl Seal {
    /// Where the seal of a day is, beside its file.
    pub(super) fn path(journal: &Journal, stream: Stream, day: &DayFile) -> PathBuf {
        match day.place {
            Place::Logs => journal.layout().seal(stream, day.day),
            Place::Archive => journal.layout().archived_seal(stream, day.day),
        }
    }

    /// Reads the seal of a day; `None` when it is not there.
    pub(super) fn read(journal: &Journal, stream: Stream, day: &DayFile) -> Option<Seal> {
        let path = Seal::path(journal, stream, day);
        let text = match disk::read_small(&**journal.disk(), &path, SEAL_LEN_MAX) {
            Ok(None) => return None,
            Ok(Some(bytes)) => String::from_utf8(bytes).unwrap_or_default(),
            Err(_) => String::new(),
        };
        Some(Seal { path, text })
    }

    /// What it says of the file called `name`; `None` when it has no line for it.
    pub(super) fn of(&self, name: &str) -> Option<Sealed> {
        let suffix = format!("  {name}");
        let digits = self.text.lines().find_map(|it| it.strip_suffix(&suffix))?;
        Some(digits.parse().map_or(Sealed::Unreadable, Sealed::As))
    }
}

/// What a seal says of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sealed {
    As(Digest),
    Unreadable,
}

impl Sealed {
    /// What is wrong when the file is another one.
    pub(super) fn complaint(self, found: Digest) -> Option<String> {
        match self {
            Sealed::As(sealed) if sealed == found => None,
            Sealed::As(sealed) => Some(format!("says {sealed}, and the file has {found}")),
            Sealed::Unreadable => Some("cannot be read as a line of sha256sum".to_owned()),
        }
    }
}
