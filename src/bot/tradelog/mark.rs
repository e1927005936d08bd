//! Up to where the files of a trade log stand beside the stream for sure.
//!
//! Always true: what a mark says is on disk before the mark is. Without one, only the days from today on are
//! looked at.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::disk::{self, Disk};
use crate::time::Day;

const LEN_MAX: u64 = 1 << 20;

/// Lines below `seq` have their rows, and no line from there on was written before `day`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) seq: u64,
    pub(super) day: Day,
    /// The days whose JSON is still to be written.
    pub(super) due: Vec<Day>,
    /// The days out of the usual whose CSV may have rows of lines that a power cut takes.
    pub(super) unsure: Vec<Day>,
}

#[derive(Deserialize, Serialize)]
struct Written {
    seq: u64,
    day: String,
    due: Vec<String>,
    unsure: Vec<String>,
}

impl Mark {
    /// The mark in that file, if there is one.
    pub(super) fn read(disk: &dyn Disk, path: &Path) -> io::Result<Option<Mark>> {
        let Some(bytes) = disk::read_small(disk, path, LEN_MAX)? else {
            return Ok(None);
        };
        let invalid = || io::Error::new(io::ErrorKind::InvalidData, "is no mark of a trade log");
        let written: Written = serde_json::from_slice(&bytes).map_err(|_| invalid())?;
        let day = |it: &str| it.parse().map_err(|_| invalid());
        let days = |them: &[String]| them.iter().map(|it| day(it)).collect::<Result<_, _>>();
        Ok(Some(Mark {
            seq: written.seq,
            day: day(&written.day)?,
            due: days(&written.due)?,
            unsure: days(&written.unsure)?,
        }))
    }

    pub(super) fn write(&self, disk: &dyn Disk, path: &Path) -> io::Result<()> {
        let written = Written {
            seq: self.seq,
            day: self.day.to_string(),
            due: self.due.iter().map(Day::to_string).collect(),
            unsure: self.unsure.iter().map(Day::to_string).collect(),
        };
        let mut bytes = serde_json::to_vec(&written)?;
        bytes.push(b'\n');
        disk::replace(disk, path, &bytes)
    }
}
