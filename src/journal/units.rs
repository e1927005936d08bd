//! Checking a plain file on all cores: the file is cut into units, and each is checked by itself,
//! because the hash that its first line stands on can be read from the line before.
//!
//! Always true: units are merged in order, and what is merged is a run of good lines from the
//! beginning on. Where a unit is not good, the merging stops at the last good line before it.

use std::{
    collections::BTreeMap,
    io,
    num::NonZero,
    ops::ControlFlow,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use super::chain::Chain;
use super::line::{self, Tail};
use super::order_ids;
use super::range::Run;
use super::walk::{BLOCK_LEN, line_before, walk_in};
use crate::disk;
use crate::disk::File;
use crate::record::{
    AuditEvent, CallRecord, DecisionRecord, ErrorRecord, FillRecord, PerformanceMetric, Record,
    RiskEvent, SessionRecord, Stream, TradeRecord,
};

const UNIT_LEN: u64 = 8 << 20;
/// Enough to find where the first line begins.
const GROUND_LEN: usize = 8 << 10;
/// So many units may be checked and wait for an older one.
const AHEAD_MAX: usize = 64;

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
    pub(super) end: u64,
    lines: u64,
    last: Option<Tail>,
    /// Its lines' part of the Merkle tree, where that is wanted.
    run: Option<Run>,
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
    pub(super) fn run(&mut self, merge: impl FnMut(&mut Unit) + Send) -> io::Result<()> {
        let count = usize::try_from(self.len.div_ceil(UNIT_LEN)).unwrap_or(usize::MAX);
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let source = self.source();
        let turns = Turns {
            next: AtomicUsize::new(0),
            merged: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
            merging: Mutex::new(Merging {
                units: self,
                merge,
                early: BTreeMap::new(),
                failure: None,
            }),
        };
        thread::scope(|scope| {
            // A small file is not worth a thread.
            for _ in 1..threads.min(count) {
                scope.spawn(|| source.work(&turns, count));
            }
            source.work(&turns, count);
        });
        let merging = turns.merging.into_inner();
        let failure = merging.unwrap_or_else(PoisonError::into_inner).failure;
        failure.map_or(Ok(()), Err)
    }

    fn source(&self) -> Source<'a> {
        Source {
            file: self.file,
            len: self.len,
            check: self.check,
            before: (self.before.hash).map(|hash| (self.before.lines, hash.to_hex())),
            folds: self.chain.range.is_some(),
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
        if let (Some(range), Some(run)) = (&mut self.chain.range, &unit.run) {
            range.append(run);
        }
        unit.good
    }
}

/// Which unit is next: to be checked by whoever is free, and to be merged by whoever has it.
struct Turns<'u, 'a, M> {
    next: AtomicUsize,
    merged: AtomicUsize,
    stopped: AtomicBool,
    merging: Mutex<Merging<'u, 'a, M>>,
}

struct Merging<'u, 'a, M> {
    units: &'u mut Units<'a>,
    merge: M,
    /// What was checked before its turn.
    early: BTreeMap<usize, io::Result<Unit>>,
    failure: Option<io::Error>,
}

impl<M: FnMut(&mut Unit)> Turns<'_, '_, M> {
    /// The next unit to check; `None` when there is none or no more is wanted.
    fn take(&self, count: usize) -> Option<usize> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        // Whoever has the oldest unit never waits here.
        while self.merged.load(Ordering::Acquire) + AHEAD_MAX <= index && !self.is_stopped() {
            thread::sleep(Duration::from_millis(1));
        }
        (index < count && !self.is_stopped()).then_some(index)
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Merges a unit, and those that waited for it.
    fn put(&self, index: usize, unit: io::Result<Unit>) {
        let mut merging = self.merging.lock().unwrap_or_else(PoisonError::into_inner);
        let merging = &mut *merging;
        merging.early.insert(index, unit);
        let mut turn = self.merged.load(Ordering::Acquire);
        while !self.is_stopped()
            && let Some(unit) = merging.early.remove(&turn)
        {
            let good = match unit {
                Ok(unit) => merging.units.merge(unit, &mut merging.merge),
                Err(error) => {
                    merging.failure = Some(error);
                    false
                }
            };
            turn += 1;
            if !good {
                self.stopped.store(true, Ordering::Release);
            }
        }
        self.merged.store(turn, Ordering::Release);
    }
}

/// Nobody waits for a thread that panicked.
struct StopOnPanic<'a>(&'a AtomicBool);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Release);
        }
    }
}

/// What the workers read from.
#[derive(Clone, Copy)]
struct Source<'a> {
    file: &'a dyn File,
    len: u64,
    check: Option<Stream>,
    /// What the file's first line stands on, where it is known.
    before: Option<Ground>,
    /// The Merkle tree is wanted.
    folds: bool,
}

/// The number of a line, and the digits of the hash before it.
type Ground = (u64, [u8; 64]);

impl Source<'_> {
    /// Checks units that nobody has taken yet, of `count` in all, until none is left.
    fn work<M: FnMut(&mut Unit)>(self, turns: &Turns<'_, '_, M>, count: usize) {
        let _guard = StopOnPanic(&turns.stopped);
        let mut check = self.check.map(line_check);
        let mut buffer = vec![0; BLOCK_LEN];
        while let Some(index) = turns.take(count) {
            let start = index as u64 * UNIT_LEN;
            turns.put(index, self.unit(start, &mut buffer, check.as_deref_mut()));
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
            run: None,
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
            if self.folds {
                let run = unit.run.get_or_insert_with(|| Run::at(tail.seq));
                run.push(tail.hash);
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
