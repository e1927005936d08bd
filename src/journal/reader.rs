//! The records of a stream: its lines, decoded and validated.
//!
//! Always true:
//! - What comes out is a legal record; a line that is none is an item that says why and where.
//! - Records come in the order of their lines, except where a function says otherwise.
//!
//! Not here: whether the lines hang together, and writing.

use std::{fmt, iter::FusedIterator, marker::PhantomData, ops::RangeInclusive};

use super::Journal;
use super::lines::{LineIter, LineRef, Lines};
use super::position::{Position, ReadError};
use crate::record::Record;
use crate::time::{Day, Timestamp};

impl Journal {
    /// The records of the stream that `R` belongs to, all of them unless the builder says
    /// otherwise.
    ///
    /// ```no_run
    /// use tradejournal::journal::Journal;
    /// use tradejournal::record::TradeRecord;
    ///
    /// let journal = Journal::open("logs")?;
    /// for entry in journal.read::<TradeRecord>().last(10) {
    ///     match entry {
    ///         Ok(entry) => println!("{:?} {}", entry.seq, entry.record.symbol()),
    ///         Err(error) => eprintln!("{error}"),
    ///     }
    /// }
    /// # Ok::<(), tradejournal::journal::IdentityError>(())
    /// ```
    pub fn read<R: Record>(&self) -> Reader<R> {
        Reader {
            lines: self.lines(R::STREAM).unchecked(),
            record: PhantomData,
        }
    }
}

/// Which records are read, and how.
#[must_use = "nothing is read before it is iterated or visited"]
pub struct Reader<R> {
    pub(super) lines: Lines,
    record: PhantomData<fn() -> R>,
}

/// A record and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry<R> {
    /// Its number in the stream; `None` for an unchained line of an older log.
    pub seq: Option<u64>,
    /// Where its line begins.
    pub position: Position,
    /// The record.
    pub record: R,
}

/// A record and its place, in the memory of whoever reads it.
#[derive(Debug)]
pub struct EntryRef<'a, R> {
    /// The record.
    pub record: &'a R,
    /// Its line.
    pub line: LineRef<'a>,
}

impl<R> EntryRef<'_, R> {
    /// Its number in the stream; `None` for an unchained line of an older log.
    #[must_use]
    pub fn seq(&self) -> Option<u64> {
        self.line.seq()
    }
}

impl<R: Record> Reader<R> {
    /// Only these days of writing.
    pub fn days(mut self, days: RangeInclusive<Day>) -> Reader<R> {
        self.lines = self.lines.days(days);
        self
    }

    /// Only records of this time or later.
    pub fn from(mut self, from: Timestamp) -> Reader<R> {
        self.lines = self.lines.from(from);
        self
    }

    /// Only records of before this time.
    pub fn to(mut self, to: Timestamp) -> Reader<R> {
        self.lines = self.lines.to(to);
        self
    }

    /// Only the last `lines` of those, bad ones counted; read from the end.
    pub fn last(mut self, lines: u64) -> Reader<R> {
        self.lines = self.lines.last(lines);
        self
    }

    /// Only records that are known to be on disk, as `HEAD` and the newest `dur` say.
    pub fn promised_only(mut self) -> Reader<R> {
        self.lines = self.lines.promised_only();
        self
    }

    /// The records one after the other.
    pub fn iter(&self) -> Entries<R> {
        Entries {
            lines: self.lines.clone().into_iter(),
            slot: None,
        }
    }
}

impl<R: Record> IntoIterator for Reader<R> {
    type Item = Result<Entry<R>, ReadError>;
    type IntoIter = Entries<R>;

    fn into_iter(self) -> Entries<R> {
        self.iter()
    }
}

impl<R: Record> IntoIterator for &Reader<R> {
    type Item = Result<Entry<R>, ReadError>;
    type IntoIter = Entries<R>;

    fn into_iter(self) -> Entries<R> {
        self.iter()
    }
}

/// The records that [`Reader`] chose, one after the other.
pub struct Entries<R> {
    lines: LineIter,
    slot: Option<R>,
}

impl<R: Record> Entries<R> {
    /// The next record in memory that is used again for the one after it.
    pub fn next_entry(&mut self) -> Option<Result<EntryRef<'_, R>, ReadError>> {
        let line = match self.lines.next_line()? {
            Ok(line) => line,
            Err(error) => return Some(Err(error)),
        };
        Some(decode(line, &mut self.slot))
    }
}

/// The record in a line, whose block is known to be UTF-8.
pub(super) fn decode<'a, R: Record>(
    line: LineRef<'a>,
    slot: &'a mut Option<R>,
) -> Result<EntryRef<'a, R>, ReadError> {
    match R::decode_into(line.json(), slot) {
        Ok(()) => match slot {
            Some(record) => Ok(EntryRef { record, line }),
            None => unreachable!("a record that was decoded is in its slot"),
        },
        Err(source) => Err(ReadError::Record {
            position: line.position(),
            source,
        }),
    }
}

impl<R: Record> Iterator for Entries<R> {
    type Item = Result<Entry<R>, ReadError>;

    fn next(&mut self) -> Option<Result<Entry<R>, ReadError>> {
        let line = match self.lines.next_line()? {
            Ok(line) => line,
            Err(error) => return Some(Err(error)),
        };
        Some(entry(line))
    }
}

/// The record in a line, owned.
pub(super) fn entry<R: Record>(line: LineRef<'_>) -> Result<Entry<R>, ReadError> {
    match R::decode(line.json()) {
        Ok(record) => Ok(Entry {
            seq: line.seq(),
            position: line.position(),
            record,
        }),
        Err(source) => Err(ReadError::Record {
            position: line.position(),
            source,
        }),
    }
}

impl<R: Record> FusedIterator for Entries<R> {}

impl<R> Clone for Reader<R> {
    fn clone(&self) -> Self {
        Reader {
            lines: self.lines.clone(),
            record: PhantomData,
        }
    }
}

impl<R> fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reader").field(&self.lines).finish()
    }
}

impl<R> fmt::Debug for Entries<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Entries").field(&self.lines).finish()
    }
}
