//! A journal on a disk that fails, its clock, and what it owes: what a case is played on.
//!
//! One exclusive stream is written by one process, one shared stream by two.

use std::sync::Arc;
use std::time::Duration;

use tradejournal::disk::SimDisk;
use tradejournal::disk::sim::{Injection, Names, Unsynced};
use tradejournal::journal::layout::Layout;
use tradejournal::journal::{
    AppendError, Depth, Durability, Journal, OpenError, Options, Receipt, Writer, WriterOptions,
};
use tradejournal::record::{Invalid, Record, Stream};
use tradejournal::time::{ManualClock, Timestamp};

use super::evidence::Office;
use super::oracle::{Debts, Evidence, Line, check_torn_are_told, read_good, read_stream};

pub const LOGS: &str = "/j/logs";
pub const NAME: &str = "sim";
pub const STREAMS: [Stream; 3] = [Stream::Trades, Stream::RiskManagement, Stream::Audit];

/// What a process can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// One record of the exclusive stream with a text of so many bytes.
    Append(usize),
    /// Several at once.
    Batch(usize, usize),
    /// One record of the shared stream, by the first or the second process.
    Share(usize, usize),
    ShareBatch(usize, usize, usize),
    /// What a background thread would do, for every open writer.
    Tick,
    Sync,
    /// So many seconds pass.
    Pass(u64),
    /// The clock shows the first second of the next day.
    Midnight,
    /// The clock goes back so many seconds.
    GoBack(u64),
    Close,
    CloseShared(usize),
}

/// A promise was broken.
pub type Broken = String;

/// A record whose text is its number and some padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note<const SHARED: bool> {
    at: Timestamp,
    number: u64,
    text_len: usize,
}

impl<const SHARED: bool> Record for Note<SHARED> {
    const STREAM: Stream = if SHARED {
        Stream::RiskManagement
    } else {
        Stream::Trades
    };
    const FIELDS: &'static [&'static str] = &["timestamp", "number", "text"];

    fn timestamp(&self) -> Timestamp {
        self.at
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let (at, number, text) = (self.at, self.number, "x".repeat(self.text_len));
        let json = format!("{{\"timestamp\":\"{at}\",\"number\":{number},\"text\":\"{text}\"}}");
        out.extend_from_slice(json.as_bytes());
    }

    fn decode_str(_json: &str) -> Result<Self, Invalid> {
        unreachable!("the oracle reads bytes")
    }

    fn texts(&self, _visit: &mut dyn FnMut(&'static str, &str)) {}
}

impl<const SHARED: bool> Note<SHARED> {
    /// The record's bytes as they stand in a line.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.encode(&mut bytes);
        bytes.pop();
        bytes
    }
}

#[derive(Debug)]
pub struct World {
    pub disk: SimDisk,
    pub clock: Arc<ManualClock>,
    layout: Layout,
    durability: Durability,
    next_number: u64,
    debts: [Debts; 3],
    /// How many faults struck so far.
    faults: u64,
    /// Who signs what is written, where somebody does.
    pub office: Option<Office>,
    /// No fault excuses the journal itself: they strike elsewhere.
    pub is_apart: bool,
    pub log: Vec<String>,
}

/// The open writers of the two processes.
#[derive(Debug)]
pub struct Life {
    disks: [SimDisk; 2],
    journals: [Option<Journal>; 2],
    exclusive: Option<Open<false>>,
    shared: [Option<Open<true>>; 2],
}

#[derive(Debug)]
struct Open<const SHARED: bool> {
    writer: Writer<Note<SHARED>>,
    /// How many faults had struck before it was opened.
    faults: u64,
}

impl World {
    pub fn new(seed: u64, durability: Durability) -> World {
        let disk = SimDisk::new(seed);
        disk.put_folder("/j").unwrap();
        World {
            disk,
            clock: Arc::new(ManualClock::new("2025-10-26T09:30:00Z".parse().unwrap())),
            layout: Layout::new(LOGS.into(), "/j/archive".into()),
            durability,
            next_number: 0,
            debts: [Debts::default(), Debts::default(), Debts::of_audit()],
            faults: 0,
            office: None,
            is_apart: false,
            log: Vec::new(),
        }
    }

    /// A copy to go on with in another way.
    pub fn fork(&self, seed: u64) -> World {
        use tradejournal::time::Clock as _;
        World {
            disk: self.disk.fork(seed),
            clock: Arc::new(ManualClock::new(self.clock.now())),
            layout: self.layout.clone(),
            durability: self.durability,
            next_number: self.next_number,
            debts: self.debts.clone(),
            faults: self.faults,
            office: self.office.as_ref().map(Office::fork),
            is_apart: self.is_apart,
            log: self.log.clone(),
        }
    }

    pub fn inject(&mut self, injection: Injection) {
        self.log.push(format!("-- {injection:?}"));
        self.disk.inject(injection);
    }

    /// What was wrong with the disk is not any more.
    pub fn heal(&mut self) {
        self.log.push("-- the disk heals".to_owned());
        self.disk.heal();
        self.disk.set_free_bytes(None);
    }

    pub fn begin(&self) -> Life {
        Life {
            disks: [self.disk.clone(), self.disk.another_process()],
            journals: [None, None],
            exclusive: None,
            shared: [None, None],
        }
    }

    /// The power fails, and comes back.
    pub fn restart(&mut self, unsynced: Unsynced, names: Names) -> Result<(), Broken> {
        self.log
            .push(format!("-- power cut: {unsynced:?}, names {names:?}"));
        self.disk = self.disk.restart(unsynced, names);
        self.debts.iter_mut().for_each(Debts::forget_written);
        self.remember()?;
        let office = self.office.as_ref();
        office.map_or(Ok(()), |it| it.check_what_is_left(&self.disk))
    }

    /// The processes end, and tell nobody how that went.
    pub fn end(&mut self, life: Life) {
        self.log.push("-- the processes end".to_owned());
        drop(life);
        self.look_for_faults();
    }

    fn look_for_faults(&mut self) {
        let faults = self.disk.faults();
        if self.faults < faults {
            self.faults = faults;
            self.debts.iter_mut().for_each(Debts::forget_written);
        }
    }

    /// The processes are killed.
    pub fn kill(&mut self, life: Life) {
        self.log.push("-- kill".to_owned());
        let _ = life.disks[1].kill();
        self.disk = self.disk.kill();
        // Its writers are dropped after their process died.
        drop(life);
    }

    /// A good line that the media holds is never taken away, whether it was promised or not.
    fn remember(&mut self) -> Result<(), Broken> {
        for (stream, debts) in STREAMS.into_iter().zip(&mut self.debts) {
            let (lines, rest) = read_good(&self.disk, &self.layout, stream, NAME)?;
            debts
                .check(&lines)
                .map_err(|it| format!("{stream} after a power cut: {it}; {rest:?}"))?;
            debts.found(&lines);
        }
        Ok(())
    }

    pub fn play(&mut self, life: &mut Life, steps: &[Step]) -> Result<(), Broken> {
        for step in steps {
            if self.disk.is_off() {
                return Ok(());
            }
            self.log.push(format!(
                "{:?} from operation {}",
                step,
                self.disk.operations()
            ));
            self.step(life, *step)?;
            self.look_for_faults();
            if let Some(office) = &self.office {
                office.take_broken().map_or(Ok(()), Err)?;
            }
        }
        Ok(())
    }

    fn step(&mut self, life: &mut Life, step: Step) -> Result<(), Broken> {
        match step {
            Step::Append(len) => self.append(life, 1, len),
            Step::Batch(count, len) => self.append(life, count, len),
            Step::Share(process, len) => self.share(life, process, 1, len),
            Step::ShareBatch(process, count, len) => self.share(life, process, count, len),
            Step::Tick => self.tick(life),
            Step::Sync => self.sync(life),
            Step::Pass(secs) => {
                self.clock.advance(Duration::from_secs(secs));
                Ok(())
            }
            Step::Midnight => {
                use tradejournal::time::Clock as _;
                self.clock.set(self.clock.now().day().next().start());
                Ok(())
            }
            Step::GoBack(secs) => {
                use tradejournal::time::Clock as _;
                let now = self.clock.now();
                self.clock
                    .set(now.saturating_sub(Duration::from_secs(secs)));
                Ok(())
            }
            Step::Close => {
                let open = life.exclusive.take();
                self.close(open, 0)
            }
            Step::CloseShared(process) => {
                let open = life.shared[process].take();
                self.close(open, 1)
            }
        }
    }

    /// Whether what fails may fail, after so many faults had struck when it began.
    fn is_excused(&self, faults: u64) -> bool {
        self.disk.is_off() || (!self.is_apart && faults < self.disk.faults())
    }

    fn append(&mut self, life: &mut Life, count: usize, len: usize) -> Result<(), Broken> {
        if life.exclusive.is_none() {
            life.exclusive = self.open(&life.disks[0], &mut life.journals[0], 0)?;
        }
        let Some(open) = life.exclusive.take() else {
            return Ok(());
        };
        life.exclusive = self.write(open, 0, count, len)?;
        Ok(())
    }

    fn share(
        &mut self,
        life: &mut Life,
        process: usize,
        count: usize,
        len: usize,
    ) -> Result<(), Broken> {
        if life.shared[process].is_none() {
            let journal = &mut life.journals[process];
            life.shared[process] = self.open(&life.disks[process], journal, 1)?;
        }
        let Some(open) = life.shared[process].take() else {
            return Ok(());
        };
        life.shared[process] = self.write(open, 1, count, len)?;
        Ok(())
    }

    /// Opens a stream and holds what it finds against what was promised. Only a fault or the power
    /// may keep it from opening.
    fn open<const SHARED: bool>(
        &mut self,
        disk: &SimDisk,
        journal: &mut Option<Journal>,
        index: usize,
    ) -> Result<Option<Open<SHARED>>, Broken> {
        let stream = STREAMS[index];
        let faults = disk.faults();
        let before = Evidence::before_opening(disk, &self.layout, stream);
        let writer = match self.open_writer(disk, journal) {
            Ok(writer) => writer,
            Err(_) if self.is_excused(faults) => return Ok(None),
            Err(error) => return Err(format!("{stream} does not open: {}", chain_of(&error))),
        };
        let after = Evidence::now(disk, &self.layout, stream);
        if after
            .check(&before)
            .map_err(|it| format!("opening {stream}: {it}"))?
        {
            self.log.push(format!("   {stream}: a torn tail was cut"));
        }
        let lines = read_stream(disk, &self.layout, stream, NAME)?;
        let debts = &mut self.debts[index];
        debts
            .check(&lines)
            .map_err(|it| format!("{stream} after opening: {it}"))?;
        // What opening shows, it has on disk.
        debts.found(&lines);
        Ok(Some(Open { writer, faults }))
    }

    fn open_writer<const SHARED: bool>(
        &self,
        disk: &SimDisk,
        journal: &mut Option<Journal>,
    ) -> Result<Writer<Note<SHARED>>, OpenError> {
        let journal = match journal {
            Some(journal) => journal,
            None => journal.insert(self.journal(disk).map_err(OpenError::Identity)?),
        };
        journal.writer()
    }

    pub fn journal(&self, disk: &SimDisk) -> Result<Journal, tradejournal::journal::IdentityError> {
        let writer = WriterOptions::default()
            .background(false)
            .durability(self.durability);
        let options = Options::new(LOGS)
            .name(NAME)
            .disk(Arc::new(disk.clone()))
            .clock(Arc::clone(&self.clock) as _)
            .writer(writer);
        match &self.office {
            Some(office) => options.observer(office.witness(disk)).open(),
            None => options.open(),
        }
    }

    /// Writes a batch; a writer that fails is dropped.
    fn write<const SHARED: bool>(
        &mut self,
        open: Open<SHARED>,
        index: usize,
        count: usize,
        len: usize,
    ) -> Result<Option<Open<SHARED>>, Broken> {
        use tradejournal::time::Clock as _;
        let notes: Vec<Note<SHARED>> = (0..count)
            .map(|_| {
                self.next_number += 1;
                Note {
                    at: self.clock.now(),
                    number: self.next_number,
                    text_len: len,
                }
            })
            .collect();
        let result = match notes.as_slice() {
            [note] => open.writer.append(note).map(|it| vec![it]),
            notes => open.writer.append_all(notes),
        };
        let (is_off, is_apart) = (self.disk.is_off(), self.is_apart);
        let all_faults = self.disk.faults();
        let debts = &mut self.debts[index];
        match result {
            Ok(receipts) => {
                if receipts.len() != count {
                    return Err(format!("{} receipts for {count} records", receipts.len()));
                }
                for (note, receipt) in notes.iter().zip(receipts) {
                    let Receipt {
                        seq, hash, durable, ..
                    } = receipt;
                    debts.acknowledged(note.bytes(), seq, hash, durable);
                }
                debts.durable(open.writer.durable_lines());
                Ok(Some(open))
            }
            Err(error) => {
                let is_excused = is_off || (!is_apart && open.faults < all_faults);
                self.log.push(format!("   {}", chain_of(&error)));
                for note in &notes {
                    match &error {
                        AppendError::Unknown { seqs, .. } => {
                            debts.unknown(note.bytes(), seqs.clone());
                        }
                        _ => debts.not_written(note.bytes()),
                    }
                }
                if !is_excused {
                    return Err(format!("append fails for no reason: {}", chain_of(&error)));
                }
                Ok(None)
            }
        }
    }

    fn tick(&mut self, life: &Life) -> Result<(), Broken> {
        if let Some(open) = &life.exclusive {
            open.writer.tick();
            self.debts[0].durable(open.writer.durable_lines());
            self.no_trouble(open)?;
        }
        for open in life.shared.iter().flatten() {
            open.writer.tick();
            self.no_trouble(open)?;
        }
        Ok(())
    }

    fn no_trouble<const SHARED: bool>(&mut self, open: &Open<SHARED>) -> Result<(), Broken> {
        let troubles = open.writer.troubles();
        if !self.is_excused(open.faults) && !troubles.is_empty() {
            return Err(format!("trouble for no reason: {troubles:?}"));
        }
        self.log
            .extend(troubles.into_iter().map(|it| format!("   trouble: {it}")));
        Ok(())
    }

    fn sync(&mut self, life: &mut Life) -> Result<(), Broken> {
        let Some(open) = &life.exclusive else {
            return Ok(());
        };
        match open.writer.sync() {
            Ok(()) => self.debts[0].durable(u64::MAX),
            Err(error) => {
                self.log.push(format!("   {}", chain_of(&error)));
                life.exclusive = None;
            }
        }
        Ok(())
    }

    fn close<const SHARED: bool>(
        &mut self,
        open: Option<Open<SHARED>>,
        index: usize,
    ) -> Result<(), Broken> {
        let Some(Open { writer, faults }) = open else {
            return Ok(());
        };
        match writer.close() {
            Ok(()) => self.debts[index].durable(u64::MAX),
            Err(_) if self.is_excused(faults) => {}
            Err(error) => return Err(format!("close fails for no reason: {}", chain_of(&error))),
        }
        Ok(())
    }

    /// Ends the lives with everything in order: each stream opens, takes records, closes, and is as
    /// promised.
    pub fn settle(&mut self) -> Result<(), Broken> {
        self.heal();
        let mut life = self.begin();
        let steps = [
            Step::Append(20),
            Step::Share(0, 20),
            Step::Share(1, 20),
            Step::Batch(2, 20),
            // A day that is closed is told of in `audit`, which has to be in order for that.
            Step::Midnight,
            Step::Tick,
            Step::Append(20),
            Step::Close,
            Step::CloseShared(0),
            Step::CloseShared(1),
        ];
        self.play(&mut life, &steps)?;
        drop(life);
        for (stream, debts) in STREAMS.into_iter().zip(&self.debts) {
            let lines = read_stream(&self.disk, &self.layout, stream, NAME)?;
            debts
                .check(&lines)
                .map_err(|it| format!("{stream} at the end: {it}"))?;
            self.check_readers(stream, &lines)?;
        }
        check_torn_are_told(&self.disk, &self.layout, NAME)
    }

    /// The journal's own readers find every line and nothing to complain of.
    fn check_readers(&self, stream: Stream, lines: &[Line]) -> Result<(), Broken> {
        let journal = self
            .journal(&self.disk.spectator())
            .map_err(|it| chain_of(&it))?;
        let mut problems = Vec::new();
        let mut report = |finding| problems.push(format!("{finding:?}"));
        let verified = journal.verify(stream, Depth::Chain, &mut report);
        verified.map_err(|it| chain_of(&it))?;
        if !problems.is_empty() {
            return Err(format!("verify at the end: {}", problems.join("\n")));
        }
        let mut read = journal.lines(stream).into_iter();
        for (seq, line) in lines.iter().enumerate() {
            let found = read
                .next_line()
                .ok_or(format!("{stream}: a reader ends at {seq}"))?;
            let found = found.map_err(|it| format!("{stream}: line {seq}: {}", chain_of(&it)))?;
            if found.tail().map(|it| it.hash) != Some(line.hash) {
                return Err(format!("{stream}: a reader has another line {seq}"));
            }
        }
        match read.next_line() {
            None => Ok(()),
            Some(more) => Err(format!("{stream}: a reader goes on: {more:?}")),
        }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        // The first process's writers end first; their order must not matter.
        self.exclusive = None;
        self.shared = [None, None];
    }
}

pub fn chain_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
