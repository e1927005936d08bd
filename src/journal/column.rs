//! The columns of the journal's own fields: every line's number and hash, from a place on. Evidence
//! is built on it.
//!
//! Always true: lines come in the order of the files, whichever of the two places a day is in; what
//! has not the journal's fields at its end is passed over.
//!
//! Not here: whether a line has the hash that it says, which `tj verify` is for.

use std::{io, ops::ControlFlow, path::PathBuf};

use super::Journal;
use super::audit::{self, AcceptedDamage, DayState};
use super::chain::Chain;
use super::ending;
use super::head::{Head, HeadFile};
use super::history::{chain_before, each_line};
use super::layout::{DayFile, Place};
use super::line::Tail;
use super::range::CompactRange;
use super::walk::walk;
use crate::disk::Access;
use crate::record::{Digest, Stream};
use crate::time::Day;

/// One line of a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark<'a> {
    /// The day whose file it is in.
    pub(crate) day: Day,
    /// Where in the file it begins, of an archived day unpacked.
    pub(crate) byte: u64,
    /// Its bytes, the newline included.
    pub(crate) line: &'a [u8],
    /// The journal's fields of it.
    pub(crate) tail: Tail,
}

/// Where a stream stands before some line: its oldest, or one behind a place where lines were lost.
#[derive(Clone, Debug)]
pub(crate) struct Before {
    /// How many lines came before it.
    pub(crate) lines: u64,
    /// The hash that the line stands on, where it is known.
    pub(crate) hash: Option<Digest>,
    /// The compact range over the lines before, where it is known.
    pub(crate) range: Option<CompactRange>,
}

impl From<Chain> for Before {
    fn from(chain: Chain) -> Before {
        Before {
            lines: chain.lines,
            hash: chain.hash,
            range: chain.range,
        }
    }
}

/// A file that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("read {}", path.display())]
pub struct ColumnError {
    /// The file or folder.
    pub path: PathBuf,
    /// What the operating system said.
    pub source: io::Error,
}

impl Journal {
    /// Shows the lines from a place on, or from the oldest, until `each` breaks.
    pub(crate) fn column(
        &self,
        stream: Stream,
        from: Option<(Day, u64)>,
        mut each: impl FnMut(Mark<'_>) -> ControlFlow<()>,
    ) -> Result<(), ColumnError> {
        for file in self.column_days(stream)? {
            let start = match from {
                Some((day, _)) if file.day < day => continue,
                Some((day, byte)) if file.day == day => byte,
                _ => 0,
            };
            let read = self.column_of(&file, start, &mut each);
            let failed = |source| ColumnError {
                path: file.path.clone(),
                source,
            };
            if read.map_err(failed)?.is_break() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn column_of(
        &self,
        file: &DayFile,
        start: u64,
        each: &mut impl FnMut(Mark<'_>) -> ControlFlow<()>,
    ) -> io::Result<ControlFlow<()>> {
        let disk = &**self.disk();
        let mut show = |byte, line: &[u8]| match Tail::parse(line) {
            Some(tail) => each(Mark {
                day: file.day,
                byte,
                line,
                tail,
            }),
            None => ControlFlow::Continue(()),
        };
        if file.place == Place::Logs {
            let open = disk.open(&file.path, Access::Read)?;
            let walked = walk(&*open, start, |piece| match piece.is_line {
                true => show(piece.offset, piece.bytes),
                false => ControlFlow::Continue(()),
            })?;
            return Ok(match walked {
                Ok(_) => ControlFlow::Continue(()),
                Err(()) => ControlFlow::Break(()),
            });
        }
        let mut byte = 0;
        let mut flow = ControlFlow::Continue(());
        each_line(disk, file, |line| {
            if start <= byte && flow.is_continue() {
                flow = show(byte, line);
            }
            byte += line.len() as u64;
        })?;
        Ok(flow)
    }

    /// How many lines are promised: known to be on disk, as `HEAD` and the newest `dur` say.
    pub(crate) fn promised_lines(&self, stream: Stream) -> u64 {
        ending::promised(&self.lines(stream))
    }

    /// Where the chain stands before the oldest line there is: its beginning, or what the closing
    /// record of the newest deleted day says.
    pub(crate) fn before_oldest(&self, stream: Stream, name: &str) -> Result<Before, ColumnError> {
        let chain = match self.column_days(stream)?.first() {
            None => Chain::genesis(name, stream),
            Some(oldest) => {
                let chain = chain_before(self, stream, name, oldest.day);
                chain.map_err(|source| ColumnError {
                    path: oldest.path.clone(),
                    source,
                })?
            }
        };
        Ok(chain.into())
    }

    /// Where the chain stood behind each closed day, behind each place whose damage was accepted, and at
    /// `HEAD`: what was written down while every line was still there.
    pub(crate) fn known(&self, stream: Stream) -> Vec<Before> {
        let closed = audit::closed_days(self, stream);
        let closed = closed.values().map(DayState::chain);
        let accepted = AcceptedDamage::all(self, stream);
        let accepted = accepted.iter().map(AcceptedDamage::chain);
        let mut known: Vec<Before> = closed.chain(accepted).map(Before::from).collect();
        let head = Head::read(&**self.disk(), &self.layout().head(stream));
        if let Ok(HeadFile::Read(head)) = head {
            known.push(Before {
                lines: head.lines,
                hash: Some(head.hash),
                range: head.range,
            });
        }
        known
    }

    /// The first line behind each place whose damage was accepted.
    pub(crate) fn behind_accepted(&self, stream: Stream) -> Vec<u64> {
        let accepted = AcceptedDamage::all(self, stream);
        accepted.iter().map(|it| it.chain().lines).collect()
    }

    /// Whether a day was closed: it is archived, or has its seal.
    pub(crate) fn is_sealed(&self, stream: Stream, day: Day) -> Result<bool, ColumnError> {
        let days = self.column_days(stream)?;
        let file = days.iter().find(|it| it.day == day);
        if file.is_some_and(|it| it.place == Place::Archive) {
            return Ok(true);
        }
        let path = self.layout().seal(stream, day);
        match self.disk().look(&path) {
            Ok(found) => Ok(found.is_some()),
            Err(source) => Err(ColumnError { path, source }),
        }
    }

    fn column_days(&self, stream: Stream) -> Result<Vec<DayFile>, ColumnError> {
        let days = self.layout().days(&**self.disk(), stream);
        days.map_err(|source| ColumnError {
            path: self.layout().stream(stream),
            source,
        })
    }
}
