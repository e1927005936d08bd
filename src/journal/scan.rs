//! All lines of the chosen days on all cores, in blocks, with the results back in order.
//!
//! Always true:
//! - A plain day is cut into units, and every line belongs to the unit it begins in; an archived
//!   day is one unit.
//! - What the workers made of the units is handed over in the order of the units. The worker of
//!   the oldest unit never waits for another one, so nobody waits for ever.
//! - Memory is bounded: a block and the longest line for each worker, and what waits to be handed
//!   over.
//!
//! Not here: what is looked for in a block.

use std::{
    collections::VecDeque,
    mem,
    ops::ControlFlow,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread, vec,
};

use super::Journal;
use super::layout::Place;
use super::lines::LineRef;
use super::position::{LineFault, ReadError};
use super::selection::Listed;
use super::source::{BLOCK_LEN, Blocks, Source, Step};
use crate::record::Stream;

const UNIT_LEN: u64 = 8 << 20;
/// Beyond this many threads the disk or the memory is what is waited for.
const THREADS_MAX: usize = 8;
/// A batch of this weight is handed over before its unit ends.
const BATCH_WEIGHT: usize = 256 << 10;
/// How much may wait to be handed over.
const WAITING_WEIGHT_MAX: usize = 16 << 20;

/// What is to be scanned.
#[derive(Debug)]
pub(super) struct Scan {
    journal: Journal,
    stream: Stream,
    days: Vec<Listed>,
    shape: Shape,
}

/// How the work is cut and by how many it is done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// How much of a plain day is taken by a worker at once.
    pub(super) unit_len: u64,
    /// How much of it is read at once.
    pub(super) block_len: usize,
    /// How many workers there are; 0 for as many as there are cores.
    pub(super) threads: usize,
}

impl Default for Shape {
    fn default() -> Shape {
        Shape {
            unit_len: UNIT_LEN,
            block_len: BLOCK_LEN,
            threads: 0,
        }
    }
}

impl Shape {
    fn workers(&self) -> usize {
        match self.threads {
            0 => {
                let cores = thread::available_parallelism().map_or(1, usize::from);
                cores.min(THREADS_MAX)
            }
            threads => threads,
        }
    }
}

/// What a worker finds in its unit, in the order of the lines.
#[derive(Debug)]
pub(super) enum Piece<'a> {
    /// Whole lines.
    Lines(Block<'a>),
    /// A line that cannot be looked at.
    Bad(Block<'a>, LineFault),
    /// Why the rest of the unit cannot be read.
    Error(ReadError),
}

/// Whole lines and where they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block<'a> {
    /// The day they are in.
    pub(super) source: &'a Source,
    /// The lines.
    pub(super) bytes: &'a [u8],
    /// Where the first begins.
    pub(super) byte: u64,
    /// Its number, where it is known.
    pub(super) number: Option<u64>,
}

impl<'a> Block<'a> {
    /// Its first line, of which only the place is known.
    pub(super) fn first(&self) -> LineRef<'a> {
        LineRef {
            bytes: &[],
            source: self.source,
            number: self.number,
            byte: self.byte,
        }
    }

    /// The number of the line that begins at `at` in the block, where it is known.
    pub(super) fn number_at(&self, at: usize) -> Option<u64> {
        let before = self.bytes.get(..at).unwrap_or(self.bytes);
        let lines = || memchr::memchr_iter(b'\n', before).count() as u64;
        self.number.map(|it| it + lines())
    }
}

/// What a worker makes of pieces of one day, to be handed over.
pub(super) trait Batch: Default + Send {
    /// About how many bytes it holds.
    fn weight(&self) -> usize;
    /// Whether there is nothing to hand over.
    fn is_empty(&self) -> bool;
    /// Empties it, keeping its memory.
    fn clear(&mut self);
}

impl Scan {
    pub(super) fn new(journal: &Journal, stream: Stream, days: Vec<Listed>, shape: Shape) -> Scan {
        Scan {
            journal: journal.clone(),
            stream,
            days,
            shape,
        }
    }

    /// Lets `work` look at every piece, with the state that `local` makes for each thread, and
    /// hands what it put into batches to `take`, in order. `take` runs on the calling thread.
    pub(super) fn in_order<L, B: Batch, C>(
        self,
        local: impl Fn() -> L + Sync,
        work: impl Fn(&mut L, &mut B, Piece<'_>) + Sync,
        mut take: impl FnMut(&mut B) -> ControlFlow<C>,
    ) -> ControlFlow<C> {
        let threads = self.shape.workers();
        let (block_len, planner) = (self.shape.block_len, Planner::new(self));
        let board = Board::new(threads);
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let _leaving = Leaving(&board);
                    let mut local = local();
                    while let Some((index, unit)) = planner.take(&board) {
                        let mut worker = Worker {
                            board: &board,
                            index,
                            batch: board.spare(),
                        };
                        unit.read(block_len, |piece| {
                            work(&mut local, &mut worker.batch, piece);
                            worker.hand_over(BATCH_WEIGHT)
                        });
                        worker.end();
                    }
                });
            }
            let taken = board.take_all(&mut take);
            board.stop();
            taken
        })
    }

    /// Lets `work` look at every piece in no order, and returns the states of the threads.
    pub(super) fn unordered<L: Send>(
        self,
        local: impl Fn() -> L + Sync,
        work: impl Fn(&mut L, Piece<'_>) -> ControlFlow<()> + Sync,
    ) -> Vec<L> {
        let threads = self.shape.workers();
        let (block_len, planner) = (self.shape.block_len, Planner::new(self));
        let board = Board::<()>::new(threads);
        let run = || {
            let mut local = local();
            while let Some((_, unit)) = planner.take(&board) {
                let read = unit.read(block_len, |piece| match work(&mut local, piece) {
                    ControlFlow::Continue(()) => !board.is_stopped(),
                    ControlFlow::Break(()) => false,
                });
                if !read {
                    board.stop();
                }
            }
            local
        };
        thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
            let mut states = vec![run()];
            for other in others {
                match other.join() {
                    Ok(state) => states.push(state),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            states
        })
    }
}

impl Batch for () {
    fn weight(&self) -> usize {
        0
    }

    fn is_empty(&self) -> bool {
        true
    }

    fn clear(&mut self) {}
}

/// Hands out the units in order.
struct Planner {
    journal: Journal,
    stream: Stream,
    unit_len: u64,
    state: Mutex<Plan>,
}

struct Plan {
    days: vec::IntoIter<Listed>,
    /// The plain day that is being cut, and where its next unit begins.
    open: Option<(Source, bool, u64)>,
    next: usize,
}

enum Unit {
    Plain {
        source: Source,
        newest: bool,
        from: u64,
        to: u64,
    },
    Archived(Source, bool),
    Failed(ReadError),
}

impl Planner {
    fn new(scan: Scan) -> Planner {
        Planner {
            journal: scan.journal,
            stream: scan.stream,
            unit_len: scan.shape.unit_len.max(1),
            state: Mutex::new(Plan {
                days: scan.days.into_iter(),
                open: None,
                next: 0,
            }),
        }
    }

    fn take<B: Batch>(&self, board: &Board<B>) -> Option<(usize, Unit)> {
        if board.is_stopped() {
            return None;
        }
        let mut plan = lock(&self.state);
        let unit = loop {
            if let Some((source, newest, next)) = &mut plan.open {
                let from = *next;
                let to = from.saturating_add(self.unit_len).min(source.len);
                *next = to;
                if from < to {
                    break Unit::Plain {
                        source: source.clone(),
                        newest: *newest,
                        from,
                        to,
                    };
                }
                plan.open = None;
            }
            let listed = plan.days.next()?;
            match Source::open(&self.journal, self.stream, &listed.file) {
                Ok(source) if source.place == Place::Logs => {
                    plan.open = Some((source, listed.newest, 0));
                }
                Ok(source) => break Unit::Archived(source, listed.newest),
                Err((path, source)) => {
                    break Unit::Failed(ReadError::Open { path, source });
                }
            }
        };
        let index = plan.next;
        plan.next += 1;
        // Order matters: the board learns of the unit while no later one can be taken.
        board.begin(index);
        Some((index, unit))
    }
}

impl Unit {
    /// Shows the pieces of the unit; false when `work` wanted no more.
    fn read(self, block_len: usize, mut work: impl FnMut(Piece<'_>) -> bool) -> bool {
        match self {
            Unit::Plain {
                source,
                newest,
                from,
                to,
            } => {
                let blocks = source.unit(from, to, block_len);
                show(blocks, &source, newest, None, &mut work)
            }
            Unit::Archived(source, newest) => {
                let blocks = source.blocks(0, block_len);
                // Unpacking takes so much longer than counting that the numbers come for free.
                show(blocks, &source, newest, Some(1), &mut work)
            }
            Unit::Failed(error) => work(Piece::Error(error)),
        }
    }
}

fn show(
    mut blocks: Blocks,
    source: &Source,
    newest: bool,
    mut number: Option<u64>,
    work: &mut impl FnMut(Piece<'_>) -> bool,
) -> bool {
    loop {
        let step = blocks.step();
        let block = Block {
            source,
            bytes: blocks.bytes(),
            byte: blocks.offset(),
            number,
        };
        let piece = match step {
            Ok(Step::Lines) => Piece::Lines(block),
            Ok(Step::TooLong) => Piece::Bad(block, LineFault::TooLong),
            Ok(Step::Rest) if !newest => Piece::Bad(block, LineFault::Cut),
            Ok(Step::Rest | Step::End) => return true,
            Err(error) => {
                return work(Piece::Error(ReadError::Read {
                    path: Arc::clone(&source.path),
                    byte: blocks.read_to(),
                    source: error,
                }));
            }
        };
        let lines = match &piece {
            Piece::Lines(block) if number.is_some() => {
                memchr::memchr_iter(b'\n', block.bytes).count() as u64
            }
            _ => 1,
        };
        if !work(piece) {
            return false;
        }
        number = number.map(|it| it + lines);
    }
}

/// Where the workers put their batches and the calling thread takes them, in order.
struct Board<B> {
    state: Mutex<Waiting<B>>,
    /// Something can be taken, or the last worker left.
    filled: Condvar,
    /// There is room, or another unit is the oldest, or nothing more is wanted.
    drained: Condvar,
}

struct Waiting<B> {
    /// The index of the first slot.
    oldest: usize,
    slots: VecDeque<Slot<B>>,
    weight: usize,
    spare: Vec<B>,
    workers: usize,
    stopped: bool,
}

struct Slot<B> {
    batches: VecDeque<B>,
    weight: usize,
    ended: bool,
}

struct Worker<'a, B: Batch> {
    board: &'a Board<B>,
    index: usize,
    batch: B,
}

impl<B: Batch> Worker<'_, B> {
    /// Hands the batch over when it is heavy enough; false when nothing more is wanted.
    fn hand_over(&mut self, weight: usize) -> bool {
        if self.batch.weight() < weight || self.batch.is_empty() {
            return !self.board.is_stopped();
        }
        let batch = mem::replace(&mut self.batch, self.board.spare());
        self.board.put(self.index, batch)
    }

    fn end(mut self) {
        self.hand_over(0);
        self.board.end(self.index);
    }
}

impl<B: Batch> Board<B> {
    fn new(workers: usize) -> Board<B> {
        Board {
            state: Mutex::new(Waiting {
                oldest: 0,
                slots: VecDeque::new(),
                weight: 0,
                spare: Vec::new(),
                workers,
                stopped: false,
            }),
            filled: Condvar::new(),
            drained: Condvar::new(),
        }
    }

    fn begin(&self, index: usize) {
        let mut state = lock(&self.state);
        debug_assert_eq!(index, state.oldest + state.slots.len());
        state.slots.push_back(Slot {
            batches: VecDeque::new(),
            weight: 0,
            ended: false,
        });
    }

    fn put(&self, index: usize, batch: B) -> bool {
        let weight = batch.weight();
        let mut state = lock(&self.state);
        while !state.stopped && !state.has_room(index) {
            state = wait(&self.drained, state);
        }
        if state.stopped {
            return false;
        }
        state.weight += weight;
        let oldest = state.oldest;
        if let Some(slot) = state.slots.get_mut(index - oldest) {
            slot.weight += weight;
            slot.batches.push_back(batch);
        }
        if index == oldest {
            self.filled.notify_one();
        }
        true
    }

    fn end(&self, index: usize) {
        let mut state = lock(&self.state);
        let oldest = state.oldest;
        if let Some(slot) = state.slots.get_mut(index - oldest) {
            slot.ended = true;
        }
        if index == oldest {
            self.filled.notify_one();
        }
    }

    fn spare(&self) -> B {
        lock(&self.state).spare.pop().unwrap_or_default()
    }

    fn take_all<C>(&self, take: &mut impl FnMut(&mut B) -> ControlFlow<C>) -> ControlFlow<C> {
        let mut state = lock(&self.state);
        loop {
            let Some(slot) = state.slots.front_mut() else {
                if state.workers == 0 {
                    return ControlFlow::Continue(());
                }
                state = wait(&self.filled, state);
                continue;
            };
            if let Some(mut batch) = slot.batches.pop_front() {
                let weight = batch.weight();
                slot.weight -= weight;
                state.weight -= weight;
                drop(state);
                self.drained.notify_all();
                take(&mut batch)?;
                batch.clear();
                state = lock(&self.state);
                state.spare.push(batch);
            } else if slot.ended {
                state.slots.pop_front();
                state.oldest += 1;
                self.drained.notify_all();
            } else if state.workers == 0 {
                // A worker panicked; the scope passes that on.
                return ControlFlow::Continue(());
            } else {
                state = wait(&self.filled, state);
            }
        }
    }

    fn stop(&self) {
        lock(&self.state).stopped = true;
        self.drained.notify_all();
    }

    fn is_stopped(&self) -> bool {
        lock(&self.state).stopped
    }
}

impl<B> Waiting<B> {
    /// The oldest unit has room of its own; the others share theirs.
    fn has_room(&self, index: usize) -> bool {
        let own = self.slots.front().map_or(0, |it| it.weight);
        match index == self.oldest {
            true => own < WAITING_WEIGHT_MAX / 2,
            false => self.weight - own < WAITING_WEIGHT_MAX / 2,
        }
    }
}

/// Tells the board that a worker is gone, by whichever way.
struct Leaving<'a, B: Batch>(&'a Board<B>);

impl<B: Batch> Drop for Leaving<'_, B> {
    fn drop(&mut self) {
        lock(&self.0.state).workers -= 1;
        self.0.filled.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while it holds one of these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wait<'a, T>(condition: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condition
        .wait(guard)
        .unwrap_or_else(PoisonError::into_inner)
}
