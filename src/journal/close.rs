//! Closing a day that is over: its seal for stock tools, and the audit record that says what it was.
//!
//! Always true:
//! - The seal is of bytes whose chain was checked in the same read.
//! - The audit record is on disk before the seal is, so a sealed day has its record; a crash in
//!   between closes the day once more, and the record is there twice.
//!
//! Refused: a day with damage that nobody accepted stays open.

use std::{
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use super::audit::AcceptedDamage;
use super::chain::{Break, Chain};
use super::history;
use super::range::CompactRange;
use super::walk::walk;
use super::{Journal, audit};
use crate::disk;
use crate::disk::{Access, File};
use crate::record::{Digest, Stream};
use crate::time::{Day, Timestamp};

/// What a closed day was.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClosedDay {
    /// The stream.
    pub stream: Stream,
    /// The day of writing.
    pub day: Day,
    /// How many lines it has, damaged ones included.
    pub lines: u64,
    /// How many bytes.
    pub bytes: u64,
    /// The number of its first line.
    pub first_seq: u64,
    /// The number of its last line.
    pub last_seq: u64,
    /// The hash of its last line.
    pub hash: Digest,
    /// The SHA-256 of its file.
    pub sha256: Digest,
    /// The smallest and the largest timestamp of its records.
    pub span: Option<(Timestamp, Timestamp)>,
    /// The compact Merkle range over the stream up to its last line.
    pub range: Option<CompactRange>,
}

/// Why a day stays open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloseError {
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
    /// A line of it is damaged.
    #[error("close {}: byte {byte} is damaged", path.display())]
    Damaged {
        /// The day's file.
        path: PathBuf,
        /// Where the damage begins.
        byte: u64,
        /// What is wrong there.
        source: Break,
    },
    /// The audit stream took no record of it.
    #[error("close {}: the audit stream did not take the record: {why}", path.display())]
    Audit {
        /// The day's file.
        path: PathBuf,
        /// What kept it.
        why: String,
    },
}

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CloseError {
    let path = path.to_owned();
    move |source| CloseError::Disk {
        operation,
        path,
        source,
    }
}

/// Closes `day`, which no line is added to any more; a day without a line has nothing to close.
pub(super) fn close_day(
    journal: &Journal,
    stream: Stream,
    name: &str,
    day: Day,
) -> Result<Option<ClosedDay>, CloseError> {
    let layout = journal.layout();
    let (path, seal) = (layout.day(stream, day), layout.seal(stream, day));
    let sealed = journal
        .disk()
        .look(&seal)
        .map_err(failed("look at", &seal))?;
    if sealed.is_some() {
        return Ok(None);
    }
    let Some(closed) = read_day(journal, stream, name, day)? else {
        return Ok(None);
    };
    // Order matters: the audit record is on disk before the seal that says so.
    audit::tell_closed(journal, &closed).map_err(|why| CloseError::Audit {
        path: path.clone(),
        why,
    })?;
    let text = format!("{}  {day}.jsonl\n", closed.sha256);
    disk::replace(&**journal.disk(), &seal, text.as_bytes()).map_err(failed("write", &seal))?;
    Ok(Some(closed))
}

/// Reads a whole day, checking its chain.
fn read_day(
    journal: &Journal,
    stream: Stream,
    name: &str,
    day: Day,
) -> Result<Option<ClosedDay>, CloseError> {
    let path = journal.layout().day(stream, day);
    let file = journal
        .disk()
        .open(&path, Access::Read)
        .map_err(failed("open", &path))?;
    let chain = history::chain_before(journal, stream, name, day)
        .map_err(failed("read the day before", &path))?;
    // Damage may be at its very beginning; where nothing is known of the days before, the first line
    // says its number itself.
    let first_seq = chain.hash.map(|_| chain.lines);
    let mut reading = Reading {
        chain,
        sha256: Sha256::new(),
        first_seq,
        span: None,
    };
    let mut from = 0;
    let end = loop {
        let walked = reading.run(&*file, from).map_err(failed("read", &path))?;
        let (byte, source) = match walked {
            Ok(end) => break end,
            Err(bad) => bad,
        };
        let accepted = AcceptedDamage::all(journal, stream);
        let applies = |it: &AcceptedDamage| it.helps(&reading.chain) && it.is_at(day, byte, &*file);
        let Some(accepted) = accepted.into_iter().find(applies) else {
            return Err(CloseError::Damaged { path, byte, source });
        };
        from = accepted.end();
        reading
            .skip(&*file, byte, from)
            .map_err(failed("read", &path))?;
        reading.chain = accepted.chain();
    };
    let accepted = AcceptedDamage::all(journal, stream);
    if let Some(cut) = accepted
        .iter()
        .find(|it| it.continues(day, end, &reading.chain))
    {
        reading.chain = cut.chain();
    }
    let (Some(first_seq), Some(hash)) = (reading.first_seq, reading.chain.hash) else {
        return Ok(None);
    };
    if reading.chain.lines <= first_seq {
        return Ok(None);
    }
    Ok(Some(ClosedDay {
        stream,
        day,
        lines: reading.chain.lines - first_seq,
        bytes: end,
        first_seq,
        last_seq: reading.chain.lines.saturating_sub(1),
        hash,
        sha256: Digest::from_bytes(reading.sha256.finalize().into()),
        span: reading.span,
        range: reading.chain.range,
    }))
}

struct Reading {
    chain: Chain,
    sha256: Sha256,
    first_seq: Option<u64>,
    span: Option<(Timestamp, Timestamp)>,
}

impl Reading {
    /// Takes lines until the end, or until the first bad one with its place.
    fn run(&mut self, file: &dyn File, from: u64) -> io::Result<Result<u64, (u64, Break)>> {
        walk(file, from, |piece| {
            let taken = if piece.is_line {
                self.chain.take(piece.bytes)
            } else {
                Err(Break::NoTail)
            };
            let tail = match taken {
                Ok(tail) => tail,
                Err(why) => return ControlFlow::Break((piece.offset, why)),
            };
            self.sha256.update(piece.bytes);
            self.first_seq.get_or_insert(tail.seq);
            if let Some(at) = line_timestamp(piece.bytes) {
                let (first, last) = self.span.unwrap_or((at, at));
                self.span = Some((first.min(at), last.max(at)));
            }
            ControlFlow::Continue(())
        })
    }

    /// Hashes damaged bytes as they are.
    fn skip(&mut self, file: &dyn File, from: u64, end: u64) -> io::Result<()> {
        let mut block = vec![0; 64 << 10];
        let mut at = from;
        while at < end {
            let read = disk::read_full(file, &mut block, at)?;
            let left = usize::try_from(end - at).unwrap_or(usize::MAX);
            let wanted = block.get(..read.min(left)).unwrap_or_default();
            if wanted.is_empty() {
                break;
            }
            self.sha256.update(wanted);
            at += wanted.len() as u64;
        }
        Ok(())
    }
}

/// When what a line tells of happened.
pub(super) fn line_timestamp(line: &[u8]) -> Option<Timestamp> {
    // Most records begin with it.
    if let Some(rest) = line.strip_prefix(b"{\"timestamp\":\"") {
        let end = memchr::memchr(b'"', rest)?;
        return Timestamp::parse(rest.get(..end)?).ok();
    }
    #[derive(serde::Deserialize)]
    struct Times {
        datetime_utc: Option<String>,
        start_timestamp: Option<String>,
        timestamp: Option<serde_json::Value>,
    }
    let times: Times = serde_json::from_slice(line).ok()?;
    let text = times
        .datetime_utc
        .or(times.start_timestamp)
        .or_else(|| times.timestamp?.as_str().map(str::to_owned))?;
    text.parse().ok()
}
