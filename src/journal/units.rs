//! Checking a plain file on all cores: the file is cut into units, and each is checked by itself,
//! because the hash that its first line stands on can be read from the line before.
//!
//! Always true: units are merged in order, and what is merged is a run of good lines from the
//! beginning on. Where a unit is not good, the merging stops at the last good line before it.

use std::{
    io,
    num::NonZero,
    ops::ControlFlow,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use super::chain::Chain;
use super::line::{self, Tail};
use super::order_ids;
use super::walk::{BLOCK_LEN, line_before, walk_in};
use crate::disk;
use crate::disk::File;
use crate::record::{
    AuditEvent, CallRecord, DecisionRecord, Digest, ErrorRecord, FillRecord, PerformanceMetric,
    Record, RiskEvent, SessionRecord, Stream, TradeRecord,
};

const UNIT_LEN: u64 = 8 << 20;
/// Enough to find where the first line begins.
const GROUND_LEN: usize = 8 << 10;
/// So many units are under way at once for each thread; their hashes are held in memory.
const UNITS_PER_THREAD: usize = 2;

/// Whether a line holds a legal record.
pub(super) trait LineCheck {
    /// Says what is wrong, and adds the fingerprint of an order that is entered here.
    fn check(&mut self, line: &[u8], order_ids: &mut Vec<u64>) -> Result<(), String>;
}

/// The check for the lines of `stream`.
pub(super) fn line_check(stream: Stream) -> Box<dyn LineCheck> {
    match stream {
        Stream::Trades => Box::new(TradeCheck { slot: None }),
        Stream::PerformanceAlerts => RecordCheck::<PerformanceMetric>::boxed(),
        Stream::RiskManagement => RecordCheck::<RiskEvent>::boxed(),
        Stream::Sessions => RecordCheck::<SessionRecord>::boxed(),
        Stream::Fills => RecordCheck::<FillRecord>::boxed(),
        Stream::Decisions => RecordCheck::<DecisionRecord>::boxed(),
        Stream::Errors => RecordCheck::<ErrorRecord>::boxed(),
        Stream::Calls => RecordCheck::<CallRecord>::boxed(),
        Stream::Audit => RecordCheck::<AuditEvent>::boxed(),
    }
}

struct RecordCheck<R> {
    slot: Option<R>,
}

impl<R: Record> RecordCheck<R> {
    fn boxed() -> Box<dyn LineCheck> {
        Box::new(RecordCheck::<R> { slot: None })
    }
}

impl<R: Record> LineCheck for RecordCheck<R> {
    fn check(&mut self, line: &[u8], _: &mut Vec<u64>) -> Result<(), String> {
        R::decode_into(line, &mut self.slot).map_err(|invalid| invalid.to_string())
    }
}

struct TradeCheck {
    slot: Option<TradeRecord>,
}

impl LineCheck for TradeCheck {
    fn check(&mut self, line: &[u8], order_ids: &mut Vec<u64>) -> Result<(), String> {
        TradeRecord::decode_into(line, &mut self.slot).map_err(|invalid| invalid.to_string())?;
        let entry = self.slot.as_ref().filter(|it| order_ids::is_entry(it));
        order_ids.extend(entry.map(|it| order_ids::fingerprint(it.order_id().as_str())));
        Ok(())
    }
}

/// A run of lines.
#[derive(Debug)]
pub(super) struct Unit {
    /// Where its good lines end.
    end: u64,
    lines: u64,
    last: Option<Tail>,
    leaves: Vec<Digest>,
    /// All its lines are good.
    good: bool,
    /// Line within the unit (from 0), byte, and what is wrong with the record.
    pub(super) invalid: Vec<(u64, u64, String)>,
    pub(super) order_ids: Vec<u64>,
}

/// A file being checked.
pub(super) struct Units<'a> {
    file: &'a dyn File,
    len: u64,
    check: Option<Stream>,
    before: Chain,
    /// The chain, the lines and the bytes of the good run so far.
    pub(super) chain: Chain,
    pub(super) lines: u64,
    pub(super) offset: u64,
}

impl<'a> Units<'a> {
    /// The first `len` bytes of a file whose first line stands on `before`; with a stream, its
    /// records are checked too.
    pub(super) fn new(
        file: &'a dyn File,
        len: u64,
        before: Chain,
        check: Option<Stream>,
    ) -> Units<'a> {
        let chain = before.clone();
        Units {
            file,
            len,
            check,
            before,
            chain,
            lines: 0,
            offset: 0,
        }
    }

    /// Checks until the end or the first bad place, handing each unit to `merge` in order.
    pub(super) fn run(&mut self, mut merge: impl FnMut(&mut Unit)) -> io::Result<()> {
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let count = usize::try_from(self.len.div_ceil(UNIT_LEN)).unwrap_or(usize::MAX);
        let mut checked: Vec<Unit> = Vec::new();
        let mut next = 0;
        while next < count {
            let wave = next..count.min(next + threads * UNITS_PER_THREAD);
            next = wave.end;
            let source = self.source();
            let at = AtomicUsize::new(wave.start);
            let (good, results) = if wave.len() == 1 {
                // A small file is not worth a thread.
                let good = checked.drain(..).all(|unit| self.merge(unit, &mut merge));
                (good, vec![source.work(&at, wave.end)])
            } else {
                thread::scope(|scope| {
                    let workers: Vec<_> = (0..threads.min(wave.len()))
                        .map(|_| scope.spawn(|| source.work(&at, wave.end)))
                        .collect();
                    // The last wave is merged while this one is checked.
                    let good = checked.drain(..).all(|unit| self.merge(unit, &mut merge));
                    (good, workers.into_iter().map(join).collect())
                })
            };
            if !good {
                return Ok(());
            }
            let mut units = Vec::new();
            for result in results {
                units.extend(result?);
            }
            units.sort_by_key(|it| it.0);
            checked = units.into_iter().map(|it| it.1).collect();
        }
        checked.into_iter().all(|unit| self.merge(unit, &mut merge));
        Ok(())
    }

    fn source(&self) -> Source<'a> {
        Source {
            file: self.file,
            len: self.len,
            check: self.check,
            before: (self.before.hash).map(|hash| (self.before.lines, hash.to_hex())),
            keep_leaves: self.chain.range.is_some(),
        }
    }

    /// Adds a unit to the run; `false` when the run ends in it.
    fn merge(&mut self, mut unit: Unit, merge: &mut impl FnMut(&mut Unit)) -> bool {
        for (line, _, _) in &mut unit.invalid {
            *line += self.lines + 1;
        }
        merge(&mut unit);
        self.lines += unit.lines;
        self.offset = self.offset.max(unit.end);
        if let Some(last) = unit.last {
            self.chain.lines = last.seq + 1;
            self.chain.hash = Some(last.hash);
        }
        if let Some(range) = &mut self.chain.range {
            unit.leaves.iter().for_each(|leaf| range.push(*leaf));
        }
        unit.good
    }
}

fn join<T>(worker: thread::ScopedJoinHandle<'_, io::Result<T>>) -> io::Result<T> {
    worker
        .join()
        .unwrap_or_else(|_| Err(io::Error::other("a thread panicked")))
}

/// What the workers read from.
#[derive(Clone, Copy)]
struct Source<'a> {
    file: &'a dyn File,
    len: u64,
    check: Option<Stream>,
    /// What the file's first line stands on, where it is known.
    before: Option<Ground>,
    /// The hashes are wanted for the Merkle tree.
    keep_leaves: bool,
}

/// The number of a line, and the digits of the hash before it.
type Ground = (u64, [u8; 64]);

impl Source<'_> {
    /// Checks the units that nobody has taken yet, up to the one numbered `end`.
    fn work(self, at: &AtomicUsize, end: usize) -> io::Result<Vec<(usize, Unit)>> {
        let mut check = self.check.map(line_check);
        let mut units = Vec::new();
        let mut buffer = vec![0; BLOCK_LEN];
        loop {
            let index = at.fetch_add(1, Ordering::Relaxed);
            if end <= index {
                return Ok(units);
            }
            let start = index as u64 * UNIT_LEN;
            let unit = self.unit(start, &mut buffer, check.as_deref_mut())?;
            units.push((index, unit));
        }
    }

    /// Checks the lines that begin in the unit at `start`.
    fn unit(
        self,
        start: u64,
        buffer: &mut Vec<u8>,
        mut check: Option<&mut (dyn LineCheck + '_)>,
    ) -> io::Result<Unit> {
        let stop = (start + UNIT_LEN).min(self.len);
        let (first, mut previous) = self.ground(start)?;
        let mut unit = Unit {
            end: first,
            lines: 0,
            last: None,
            leaves: Vec::new(),
            good: true,
            invalid: Vec::new(),
            order_ids: Vec::new(),
        };
        if stop <= first {
            return Ok(unit);
        }
        let read = |bytes: &mut [u8], at| disk::read_full(self.file, bytes, at);
        let walked = walk_in(buffer, read, first, |piece| {
            if stop <= piece.offset {
                return ControlFlow::Break(true);
            }
            let end = piece.offset + piece.bytes.len() as u64;
            let is_line = piece.is_line && end <= self.len;
            let tail = match &previous {
                _ if !is_line => None,
                Some((seq, digits)) => Tail::parse_after(piece.bytes, digits)
                    .filter(|it| it.seq == *seq && it.dur <= *seq),
                // What the first line of all stands on may have been deleted; it is taken as it is.
                None => Tail::parse(piece.bytes),
            };
            let (Some(tail), Some(digits)) = (tail, line::digits(piece.bytes)) else {
                return ControlFlow::Break(false);
            };
            if let Some(check) = &mut check
                && let Err(problem) = check.check(piece.bytes, &mut unit.order_ids)
            {
                unit.invalid.push((unit.lines, piece.offset, problem));
            }
            previous = Some((tail.seq + 1, *digits));
            if self.keep_leaves {
                unit.leaves.push(tail.hash);
            }
            unit.last = Some(tail);
            unit.lines += 1;
            unit.end = end;
            ControlFlow::Continue(())
        })?;
        unit.good = walked.err().unwrap_or(true);
        Ok(unit)
    }

    /// Where the first line that begins at or after `start` begins, and what it stands on.
    fn ground(self, start: u64) -> io::Result<(u64, Option<Ground>)> {
        if start == 0 {
            return Ok((0, self.before));
        }
        let read = |bytes: &mut [u8], at| disk::read_full(self.file, bytes, at);
        let mut buffer = vec![0; GROUND_LEN];
        let crossing = walk_in(&mut buffer, read, start - 1, |piece| {
            ControlFlow::Break(piece.offset + piece.bytes.len() as u64)
        })?;
        let Err(first) = crossing else {
            return Ok((self.len, None));
        };
        let line = line_before(self.file, first)?;
        let tail = line.and_then(|(_, line)| Tail::parse(&line));
        Ok((first, tail.map(|it| (it.seq + 1, it.hash.to_hex()))))
    }
}
