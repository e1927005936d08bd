//! The thread that makes records of what was handed over, and appends them.
//!
//! Always true:
//! - The calls of a thread are appended in the order in which they ended, each once. After a failed write the
//!   stream is opened anew, and what is there already is not appended again.
//! - One call of which no line can be made takes no other with it: it is a gap of its own.
//! - Every loss is appended as a gap as soon as the disk takes it: how many, from when to when, and why.
//! - It is woken by nobody: it looks, and sleeps a little when there is nothing.
//!
//! Not here: how long somebody waits for the end.

use std::collections::VecDeque;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::slice;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use super::frame::{GAP_METHOD, Role, Unpacker};
use super::lane::{Back, Lost};
use super::shared::Shared;
use super::spill::Spill;
use super::stats::Cause;
use crate::journal::{
    Acks, AppendError, Durability, Journal, OpenError, ReadError, Writer, WriterOptions,
};
use crate::record::field::{Json, JsonObject, Text};
use crate::record::{CallParts, CallRecord};
use crate::time::Timestamp;

/// How many calls are appended at once.
const BATCH_MAX: usize = 2048;
/// And how many bytes of them, about.
const BATCH_BYTES_MAX: usize = 4 << 20;
/// How many calls of one thread are taken before another's turn.
const TURN_MAX: usize = 512;
/// How long it sleeps when there is nothing to do.
const NAP: Duration = Duration::from_millis(1);
/// The longest wait before a failed write is tried again.
const RETRY_MAX: Duration = Duration::from_secs(1);
/// How often it looks while it waits for that.
const LOOK: Duration = Duration::from_millis(5);

/// What the thread has for itself.
#[derive(Debug)]
pub(super) struct Worker {
    shared: Arc<Shared>,
    journal: Journal,
    options: WriterOptions,
    unpacker: Unpacker,
    /// `None` after it failed, until it is opened anew.
    writer: Option<Writer<CallRecord>>,
    backs: Vec<Caller>,
    frame: Vec<u8>,
    batch: Vec<CallRecord>,
    /// What its frames took, about.
    batch_bytes: usize,
    /// The batch that is being written.
    flight: Option<Flight>,
    /// The memory of the next one, and of its records.
    next: Vec<CallRecord>,
    spare: Vec<CallRecord>,
    /// How many lines the stream has, as far as was acknowledged.
    lines: u64,
    /// The spill file that was appended and is still there.
    taken_up: Option<PathBuf>,
    /// Something could not be written, and nobody waits any more.
    gave_up: bool,
    /// What was appended and may not be on disk, the oldest first.
    unsynced: VecDeque<Appended>,
}

/// A thread that calls.
#[derive(Debug)]
struct Caller {
    back: Back,
    /// Its name, as recordings have it.
    name: Text,
}

/// A batch that is being written.
#[derive(Debug)]
struct Flight {
    records: Vec<CallRecord>,
    acks: Acks,
}

/// Some lines that were appended together.
#[derive(Debug)]
struct Appended {
    /// Their numbers.
    lines: Range<u64>,
    /// When the earliest and the latest of them began.
    from: Timestamp,
    to: Timestamp,
    /// Those that are gaps, with how many calls they say are lost.
    gaps: Vec<(u64, u64)>,
}

/// How the stream of the calls is written.
pub(super) fn options(sync_every: Duration) -> WriterOptions {
    WriterOptions::default().durability(Durability::Interval(sync_every))
}

impl Worker {
    pub(super) fn new(
        shared: Arc<Shared>,
        journal: &Journal,
        options: WriterOptions,
        unpacker: Unpacker,
        writer: Writer<CallRecord>,
    ) -> Worker {
        let lines = writer.lines();
        Worker {
            shared,
            journal: journal.clone(),
            options,
            unpacker,
            writer: Some(writer),
            backs: Vec::new(),
            frame: Vec::new(),
            batch: Vec::with_capacity(BATCH_MAX),
            batch_bytes: 0,
            flight: None,
            next: Vec::with_capacity(BATCH_MAX),
            spare: Vec::new(),
            lines,
            taken_up: None,
            gave_up: false,
            unsynced: VecDeque::new(),
        }
    }

    /// Works until the recorder is closed and everything is written, or is lost.
    pub(super) fn run(mut self) {
        let _end = End(Arc::clone(&self.shared));
        let mut quiet = 0;
        // After the close, a thread may be about to hand over what it began before: one more look.
        while quiet < 2 {
            // Order matters: what is handed over before the close is seen after it.
            let is_closed = self.shared.is_closed.load(Ordering::Acquire);
            let found = self.look();
            quiet = if is_closed && !found { quiet + 1 } else { 0 };
            if !found {
                thread::sleep(NAP);
            }
        }
        self.finish();
    }

    /// Takes what is there and writes it; whether there was anything.
    fn look(&mut self) -> bool {
        self.shared.set_clock();
        self.meet_newcomers();
        let mut found = self.drain();
        found |= self.take_up_spilled();
        found |= self.hear_losses();
        match found {
            true => self.write(),
            false => self.flush(),
        }
        self.tell_durable();
        found
    }

    fn meet_newcomers(&mut self) {
        if self.shared.has_newcomers.swap(false, Ordering::AcqRel) {
            let newcomers = std::mem::take(&mut self.shared.lanes().newcomers);
            for back in newcomers {
                let name = self.unpacker.name_of(&back.lane().thread);
                self.backs.push(Caller { back, name });
            }
        }
    }

    /// Takes all that is handed over.
    fn drain(&mut self) -> bool {
        let mut found = false;
        let mut at = 0;
        while at < self.backs.len() {
            // Order matters: what an ended thread handed over is there when its end is seen.
            let has_ended = self.backs.get(at).is_some_and(|it| it.back.has_ended());
            let taken = self.take_turn(at);
            found |= taken != 0;
            if has_ended && taken < TURN_MAX {
                self.end_lane(at);
            } else {
                at += 1;
            }
        }
        found
    }

    /// Takes some calls of a lane.
    fn take_turn(&mut self, at: usize) -> usize {
        let mut taken = 0;
        while taken < TURN_MAX {
            let Some(caller) = self.backs.get_mut(at) else {
                break;
            };
            if !caller.back.next(&self.shared.blocks, &mut self.frame) {
                break;
            }
            taken += 1;
            self.batch_bytes += self.frame.len();
            let (frame, spare) = (&self.frame, self.spare.pop());
            match self.unpacker.record(frame, &caller.name, spare) {
                Ok(record) => self.batch.push(record),
                Err(error) => {
                    let begun = timestamp(super::frame::begun(&self.frame));
                    self.shared.report().troubles.keep_error(&error);
                    self.lose(Cause::NoLine, 1, begun, begun);
                }
            }
            if BATCH_MAX <= self.batch.len() || BATCH_BYTES_MAX < self.batch_bytes {
                self.write();
            }
        }
        taken
    }

    fn end_lane(&mut self, at: usize) {
        let caller = self.backs.swap_remove(at);
        self.hear(&caller);
        let back = caller.back;
        let mut lanes = self.shared.lanes();
        let (handed_over, lost) = back.lane().counts();
        lanes.ended.0 += handed_over;
        lanes.ended.1 += lost;
        lanes.alive.retain(|it| !Arc::ptr_eq(it, back.lane()));
        drop(lanes);
        back.end(&self.shared.blocks);
    }

    /// Makes gaps of what was lost in front of the queue.
    fn hear_losses(&mut self) -> bool {
        let backs = std::mem::take(&mut self.backs);
        let mut found = false;
        for caller in &backs {
            found |= self.hear(caller);
        }
        self.backs = backs;
        let strays = self.shared.lanes().strays.take();
        if let Some(lost) = strays {
            self.push_gap(Cause::QueueFull, lost, None);
        }
        found || strays.is_some()
    }

    fn hear(&mut self, caller: &Caller) -> bool {
        let lost = caller.back.lost();
        if let Some(lost) = lost {
            self.push_gap(Cause::QueueFull, lost, Some(caller.name.clone()));
        }
        lost.is_some()
    }

    /// Counts a loss that nobody in front has counted, and makes a gap of it.
    fn lose(&mut self, cause: Cause, count: u64, from: Timestamp, to: Timestamp) {
        self.shared.report().lost.add(cause, count);
        self.batch.extend(gap(cause, count, from, to, None));
    }

    fn push_gap(&mut self, cause: Cause, lost: Lost, thread: Option<Text>) {
        let (from, to) = (timestamp(lost.from), timestamp(lost.to));
        self.batch.extend(gap(cause, lost.count, from, to, thread));
    }

    /// Appends the oldest file of spilled calls, if there is one.
    fn take_up_spilled(&mut self) -> bool {
        let shared = Arc::clone(&self.shared);
        let Some(spill) = shared
            .spill
            .as_ref()
            .filter(|it| it.is_on() && !self.gave_up)
        else {
            return false;
        };
        let Some(path) = spill.next() else {
            return false;
        };
        // Order matters: what a thread handed over before it spilled is in memory by now, and goes first;
        // also of a thread that has just come.
        self.meet_newcomers();
        while self.drain() {}
        if self.taken_up.as_ref() != Some(&path) {
            match spill.read(&path) {
                Ok(records) => self.append_spilled(records),
                Err(error) => {
                    // A person may make something of it; nobody waits for that.
                    self.tell_trouble(&error);
                    self.set_aside(spill, &path);
                    return true;
                }
            }
            if self.gave_up {
                // What is in the file is there for the next recorder.
                return false;
            }
            self.taken_up = Some(path);
        }
        self.finish_file(spill);
        true
    }

    fn append_spilled(&mut self, records: Vec<CallRecord>) {
        for record in records {
            self.batch.push(record);
            if BATCH_MAX <= self.batch.len() {
                self.write();
            }
        }
        self.flush();
    }

    /// Lets go of a file whose calls are lines. What fails is tried again with the next look, the appending
    /// not.
    fn finish_file(&mut self, spill: &Spill) {
        // Order matters: the file goes when what was in it is on disk. A writer that failed is opened anew
        // first: what the disk lost of it is told then.
        let synced = match self.open() {
            Ok(writer) => writer.sync().map_err(|error| self.failed(error)),
            Err(error) => Err(error),
        };
        if let Err(error) = synced {
            self.tell_failing(error);
            return self.wait(LOOK);
        }
        match spill.done() {
            Ok(()) => self.taken_up = None,
            Err(error) => {
                self.tell_trouble(&error);
                self.wait(LOOK);
            }
        }
    }

    fn set_aside(&mut self, spill: &Spill, path: &Path) {
        if let Err(error) = spill.set_aside(path) {
            self.tell_trouble(&error);
            self.wait(LOOK);
        }
    }

    fn tell_trouble(&self, error: &dyn std::error::Error) {
        self.shared.report().troubles.keep_error(error);
    }

    /// Hands the batch to the writer, however often it takes, unless nobody waits for it any more. The
    /// writer works on it while the next one is made.
    fn write(&mut self) {
        self.push(false);
    }

    /// The same, and waits for it.
    fn flush(&mut self) {
        self.push(true);
    }

    fn push(&mut self, to_the_end: bool) {
        let mut wait = NAP;
        while !self.batch.is_empty() || (to_the_end && self.flight.is_some()) {
            match self.step() {
                Ok(()) => wait = NAP,
                Err(error) => {
                    self.tell_failing(error);
                    if self.shared.is_abandoned.load(Ordering::Acquire) {
                        return self.give_up();
                    }
                    self.wait(wait);
                    wait = (2 * wait).min(RETRY_MAX);
                }
            }
        }
    }

    /// Sleeps for `wait`, or until nobody waits any more.
    fn wait(&self, wait: Duration) {
        let mut left = wait;
        while !left.is_zero() && !self.shared.is_abandoned.load(Ordering::Acquire) {
            let step = left.min(LOOK);
            thread::sleep(step);
            left = left.saturating_sub(step);
        }
    }

    fn give_up(&mut self) {
        let calls = self.batch.iter().filter(|it| !is_gap(it)).count();
        self.shared.report().lost.add(Cause::Disk, calls as u64);
        self.batch.clear();
        self.batch_bytes = 0;
        self.gave_up = true;
    }

    /// Hears what became of the batch before, and hands over this one.
    fn step(&mut self) -> Result<(), Failing> {
        // Order matters: none is written before the one before it.
        self.settle()?;
        let writer = self.open()?;
        if self.batch.is_empty() {
            return Ok(());
        }
        match writer.submit_all(&self.batch) {
            Ok(acks) => {
                let next = std::mem::take(&mut self.next);
                let records = std::mem::replace(&mut self.batch, next);
                self.batch_bytes = 0;
                self.flight = Some(Flight { records, acks });
                Ok(())
            }
            Err(AppendError::Refused { .. } | AppendError::TooLong { .. }) => {
                self.write_one_by_one(&writer)
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Waits for the batch that is being written. One that was not is the first of the next again.
    fn settle(&mut self) -> Result<(), Failing> {
        let Some(Flight { mut records, acks }) = self.flight.take() else {
            return Ok(());
        };
        match acks.wait() {
            Ok(receipts) => {
                debug_assert_eq!(receipts.first().map(|it| it.seq), Some(self.lines));
                self.account(&records);
                self.spare.clear();
                std::mem::swap(&mut self.spare, &mut records);
                self.next = records;
                Ok(())
            }
            Err(error) => {
                records.append(&mut self.batch);
                self.batch = records;
                Err(self.failed(error))
            }
        }
    }

    fn failed(&mut self, error: AppendError) -> Failing {
        if matches!(
            error,
            AppendError::Unknown { .. } | AppendError::Ended { .. }
        ) {
            self.writer = None;
        }
        Failing::Append(error)
    }

    /// One of the batch is no line of the journal: the others are. What is lost follows in the next batch.
    fn write_one_by_one(&mut self, writer: &Writer<CallRecord>) -> Result<(), Failing> {
        let mut left = VecDeque::from(std::mem::take(&mut self.batch));
        while let Some(first) = left.pop_front() {
            match writer.append(&first) {
                Ok(_) => self.account(slice::from_ref(&first)),
                Err(error @ (AppendError::Refused { .. } | AppendError::TooLong { .. })) => {
                    let begun = first.timestamp();
                    self.shared.report().troubles.keep_error(&error);
                    self.lose(Cause::NoLine, 1, begun, begun);
                }
                Err(error) => {
                    left.push_front(first);
                    left.extend(self.batch.drain(..));
                    self.batch = left.into();
                    return Err(self.failed(error));
                }
            }
        }
        Ok(())
    }

    /// The first `count` of the batch are lines.
    fn done(&mut self, count: usize) {
        let count = count.min(self.batch.len());
        let done: Vec<_> = self.batch.drain(..count).collect();
        self.account(&done);
    }

    /// Counts `records`, which have become the next lines.
    fn account(&mut self, records: &[CallRecord]) {
        // Between threads, lines are in no order of time.
        let times = || records.iter().map(|it| it.timestamp());
        let (Some(from), Some(to)) = (times().min(), times().max()) else {
            return;
        };
        let lines = self.lines..self.lines + records.len() as u64;
        self.lines = lines.end;
        let gaps: Vec<_> = lines
            .clone()
            .zip(records)
            .filter_map(|(line, it)| Some((line, told_by(it)?)))
            .collect();
        let calls = records.len() - gaps.len();
        self.shared
            .written
            .fetch_add(calls as u64, Ordering::Release);
        self.unsynced.push_back(Appended {
            lines,
            from,
            to,
            gaps,
        });
    }

    /// The writer, opened anew if the last one failed.
    fn open(&mut self) -> Result<Writer<CallRecord>, Failing> {
        if let Some(writer) = &self.writer {
            return Ok(writer.clone());
        }
        let opened = self.journal.writer_with(&self.options);
        let writer: Writer<CallRecord> = opened.map_err(Failing::Open)?;
        let found = writer.lines();
        if self.lines < found {
            // Order matters: opening anew has decided what became of the write that failed. What others wrote
            // meanwhile is none of it.
            let ours = self.ours(found - self.lines)?;
            self.done(ours);
            self.lines = found;
        } else if found < self.lines {
            self.miss(found);
            self.lines = found;
        }
        // Order matters: only with a writer whose lines were accounted for does anybody go on.
        self.writer = Some(writer.clone());
        Ok(writer)
    }

    /// How many of the last `count` lines are the first of the batch.
    fn ours(&self, count: u64) -> Result<usize, Failing> {
        let mut ours = 0;
        let lines = self.journal.read::<CallRecord>().last(count);
        for (record, line) in self.batch.iter().zip(lines) {
            match line {
                Ok(line) if line.record == *record => ours += 1,
                Ok(_) => break,
                Err(error) => return Err(Failing::Read(error)),
            }
        }
        Ok(ours)
    }

    /// The disk has lost the lines from `found` on, which it had taken: calls, and gaps that are told again.
    fn miss(&mut self, found: u64) {
        let now = self.shared.clock.now();
        let (mut calls, mut told, mut span) = (0, 0, None);
        while let Some(last) = self.unsynced.pop_back() {
            if last.lines.end <= found {
                self.unsynced.push_back(last);
                break;
            }
            let lines = last.lines.end - last.lines.start.max(found);
            let gone: Vec<_> = last.gaps.iter().filter(|it| found <= it.0).collect();
            calls += lines - gone.len() as u64;
            told += gone.iter().map(|it| it.1).sum::<u64>();
            let (from, to) = span.unwrap_or((last.from, last.to));
            span = Some((from.min(last.from), to.max(last.to)));
            if last.lines.start < found {
                let lines = last.lines.start..found;
                self.unsynced.push_back(Appended { lines, ..last });
                break;
            }
        }
        let written = self.shared.written.load(Ordering::Relaxed);
        let written = written.saturating_sub(calls);
        self.shared.written.store(written, Ordering::Release);
        self.shared.report().lost.add(Cause::Disk, calls);
        let (from, to) = span.unwrap_or((now, now));
        self.batch
            .extend(gap(Cause::Disk, calls + told, from, to, None));
    }

    fn tell_failing(&self, error: impl Into<Failing>) {
        let error = error.into();
        let mut report = self.shared.report();
        match error {
            Failing::Append(error) => {
                report.troubles.keep_error(&error);
                report.failing = Some(error);
            }
            Failing::Open(error) => report.troubles.keep_error(&error),
            Failing::Read(error) => report.troubles.keep_error(&error),
        }
    }

    fn tell_durable(&mut self) {
        let Some(writer) = &self.writer else {
            return;
        };
        let durable_lines = writer.durable_lines();
        let unsynced = self.lines.saturating_sub(durable_lines);
        let written = self.shared.written.load(Ordering::Relaxed);
        let durable = written.saturating_sub(unsynced);
        self.shared.durable.store(durable, Ordering::Relaxed);
        while self
            .unsynced
            .front()
            .is_some_and(|it| it.lines.end <= durable_lines)
        {
            self.unsynced.pop_front();
        }
        let troubles = writer.troubles();
        if !troubles.is_empty() {
            let mut report = self.shared.report();
            troubles.into_iter().for_each(|it| report.troubles.keep(it));
        }
    }

    /// The end: what is written is synced, and whoever waits is told.
    fn finish(mut self) {
        // Without a writer, nobody knows more than the last look did.
        let writer = self.writer.take();
        let had_writer = writer.is_some();
        let closed = writer.map_or(Ok(()), Writer::close);
        let written = self.shared.written.load(Ordering::Relaxed);
        let backs = std::mem::take(&mut self.backs);
        let newcomers = std::mem::take(&mut self.shared.lanes().newcomers);
        // Lanes stay counted: what comes after this is told by `stats`.
        let all = backs.into_iter().map(|it| it.back).chain(newcomers);
        all.for_each(|it| it.end(&self.shared.blocks));
        let mut report = self.shared.report();
        match closed {
            Ok(()) if had_writer => self.shared.durable.store(written, Ordering::Relaxed),
            Ok(()) => {}
            Err(error) => report.unsynced = Some(error),
        }
    }
}

/// The end of the worker, also by a panic of a disk, a clock or an observer: nobody waits for it for ever.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.is_closed.store(true, Ordering::Release);
        let mut report = self.0.report();
        report.is_done = true;
        if thread::panicking() {
            report
                .troubles
                .keep("the recorder's thread panicked".to_owned());
        }
        drop(report);
        self.0.done.notify_all();
    }
}

/// What a write failed with.
#[derive(Debug)]
enum Failing {
    Append(AppendError),
    Open(OpenError),
    Read(ReadError),
}

impl From<AppendError> for Failing {
    fn from(error: AppendError) -> Failing {
        Failing::Append(error)
    }
}

fn timestamp(unix_nanos: i64) -> Timestamp {
    Timestamp::from_unix_nanos(i128::from(unix_nanos)).unwrap_or(Timestamp::MAX)
}

fn is_gap(record: &CallRecord) -> bool {
    record.role() == Some(&Role::GAP)
}

/// How many calls a gap says are lost; `None` of a call.
fn told_by(record: &CallRecord) -> Option<u64> {
    if !is_gap(record) {
        return None;
    }
    let (_, told) = record.result()?.as_str().split_once("\"lost\":")?;
    let (count, _) = told.split_once(',')?;
    count.parse().ok()
}

/// The record of a loss. It is always a legal one.
fn gap(
    cause: Cause,
    count: u64,
    from: Timestamp,
    to: Timestamp,
    thread: Option<Text>,
) -> Option<CallRecord> {
    let result = format!(
        "{{\"lost\":{count},\"from\":\"{from}\",\"to\":\"{to}\",\"cause\":\"{}\"}}",
        cause.as_str()
    );
    let span = from.until(to).unwrap_or_default();
    let gap = CallRecord::new(CallParts {
        timestamp: from,
        method: Text::known(GAP_METHOD),
        args: Json::written("[]"),
        kwargs: JsonObject::default(),
        result: Some(Json::written(&result)),
        error: None,
        duration_ns: u64::try_from(span.as_nanos()).unwrap_or(u64::MAX),
        thread,
        depth: None,
        role: Some(Role::GAP),
    });
    gap.ok()
}
