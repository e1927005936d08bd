//! `HEAD`: the newest line known to be on disk.
//!
//! Always true: it names a line that was synced before it was written, so a journal that does not
//! have that line has lost something. It may lag behind; it is advice for where to begin checking,
//! and the proof that everything up to there was promised.

use std::{io, path::Path};

use serde::{Deserialize, Serialize};

use super::range::CompactRange;
use crate::disk;
use crate::disk::Disk;
use crate::record::Digest;
use crate::time::Day;

/// 64 hashes of a compact range and the rest come to under 5 KB.
const HEAD_LEN_MAX: u64 = 64 << 10;

/// The newest line known to be on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// How many lines the stream had: the line's seq and one.
    pub(super) lines: u64,
    /// The line's hash.
    pub(super) hash: Digest,
    /// The day whose file it is in.
    pub(super) day: Day,
    /// Where in that file it ends.
    pub(super) offset: u64,
    /// The compact Merkle range over all lines, unless older days were deleted before it was known.
    pub(super) range: Option<CompactRange>,
}

/// What reading `HEAD` found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HeadFile {
    /// Nothing: a new stream, or somebody removed it.
    Missing,
    /// Something that is no head, and why.
    Unreadable(String),
    /// A head.
    Read(Head),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHead {
    lines: u64,
    hash: String,
    day: String,
    offset: u64,
    range: Option<Vec<String>>,
}

impl Head {
    /// Reads the head at `path`.
    ///
    /// # Errors
    /// The disk's. A file that is no head is not an error but [`HeadFile::Unreadable`].
    pub(super) fn read(disk: &dyn Disk, path: &Path) -> io::Result<HeadFile> {
        let bytes = match disk::read_small(disk, path, HEAD_LEN_MAX) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(HeadFile::Missing),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Ok(HeadFile::Unreadable(error.to_string()));
            }
            Err(error) => return Err(error),
        };
        Ok(match serde_json::from_slice::<RawHead>(&bytes) {
            Ok(raw) => Head::from_raw(&raw).map_or_else(
                || HeadFile::Unreadable("its fields do not fit together".to_owned()),
                HeadFile::Read,
            ),
            Err(error) => HeadFile::Unreadable(error.to_string()),
        })
    }

    /// Puts the head at `path`, durably and all at once.
    ///
    /// # Errors
    /// The disk's.
    pub(super) fn write(&self, disk: &dyn Disk, path: &Path) -> io::Result<()> {
        disk::replace(disk, path, &self.bytes()?)
    }

    /// What stands in the file.
    ///
    /// # Errors
    /// None that is known: no value of it is without a text.
    pub(super) fn bytes(&self) -> io::Result<Vec<u8>> {
        let hex = |peaks: &CompactRange| peaks.peaks().iter().map(Digest::to_string).collect();
        let raw = RawHead {
            lines: self.lines,
            hash: self.hash.to_string(),
            day: self.day.to_string(),
            offset: self.offset,
            range: self.range.as_ref().map(hex),
        };
        let mut bytes = serde_json::to_vec(&raw)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    fn from_raw(raw: &RawHead) -> Option<Head> {
        let range = match &raw.range {
            Some(texts) => {
                let peaks = texts
                    .iter()
                    .map(|it| it.parse().ok())
                    .collect::<Option<_>>()?;
                Some(CompactRange::from_peaks(raw.lines, peaks)?)
            }
            None => None,
        };
        (0 < raw.lines && 0 < raw.offset).then_some(())?;
        let hash = raw.hash.parse().ok()?;
        let day = raw.day.parse().ok()?;
        Some(Head {
            lines: raw.lines,
            hash,
            day,
            offset: raw.offset,
            range,
        })
    }
}
