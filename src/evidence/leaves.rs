//! A stream's tree as files know it: its leaves are the `hash` column of the journal, and the hashes
//! over every 256 of them are kept in a file of their own, so that a proof need not read them all.
//!
//! Always true:
//! - The file is a cache: it may be deleted at any time and is made anew from the journal.
//! - Of the lines it covers, none that is not promised.
//! - Where the oldest days were deleted, the compact range of the closing record stands for them; where
//!   lines were lost, one that was written down while they were there stands for all before it. A tree
//!   ends before a hole, and another begins behind it.
//!
//! Not here: what is proved with it.

use std::{
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use super::fold::{Fold, Misfit, known_behind};
use super::tree::{self, Subtrees};
use crate::disk::{self, Access, File};
use crate::journal::{Before, ColumnError, CompactRange, Journal, Mark, line::genesis};
use crate::record::{Digest, Stream};
use crate::time::Day;

/// A block is the subtree over `1 << BLOCK_LEVEL` leaves.
const BLOCK_LEVEL: u32 = 8;
const BLOCK_LINES: u64 = 1 << BLOCK_LEVEL;
const BLOCK_LEAVES: usize = 1 << BLOCK_LEVEL;
/// The hash that says whose tree it is, and the number of the first block.
const HEADER_LEN: usize = 40;
/// A block's hash, and the day and byte at which its first line begins.
const ENTRY_LEN: usize = 44;
/// How many entries are read or written at once.
const ENTRIES: usize = 4096;

/// The tree over the promised lines of a stream.
#[derive(Debug)]
pub struct Tree<'a> {
    journal: &'a Journal,
    stream: Stream,
    file: Box<dyn File>,
    path: PathBuf,
    first_block: u64,
    /// How many blocks the file has.
    blocks: u64,
    /// How many lines there are, deleted ones included.
    size: u64,
    /// The leaves after the last block, and where they begin.
    rest: Vec<Digest>,
    rest_at: Option<(Day, u64)>,
    /// What is known of the lines before its first: they were deleted, or some of them were lost.
    before: Before,
    /// The first line behind these that is lost.
    hole: Option<u64>,
    /// The leaves of the block that was used last.
    block: Option<(u64, Vec<Digest>)>,
}

/// A line and what its hash stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leaf {
    /// The line's number.
    pub seq: u64,
    /// Its bytes, the newline included.
    pub line: Vec<u8>,
    /// The hash of the line before it.
    pub previous: Digest,
    /// Its own hash.
    pub hash: Digest,
}

/// Why a tree, or a part of it, cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// A file of the journal cannot be read.
    #[error("read the lines of {stream}")]
    Column {
        /// The stream.
        stream: Stream,
        /// Which file.
        source: ColumnError,
    },
    /// The file of the tree cannot be read or written.
    #[error("{operation} {}", path.display())]
    Disk {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A line is not where it must be.
    #[error("{stream} has no line {expected}: there is line {found}; `tj verify` tells more")]
    Hole {
        /// The stream.
        stream: Stream,
        /// The number of the line that must be there.
        expected: u64,
        /// The number of the one that is.
        found: u64,
    },
    /// A line does not have the hash that it says.
    #[error("line {seq} of {stream} is damaged; `tj verify` tells more")]
    Damaged {
        /// The stream.
        stream: Stream,
        /// Its number.
        seq: u64,
    },
    /// It was deleted, or never there.
    #[error("line {seq} of {stream} is not in the journal")]
    NoLine {
        /// The stream.
        stream: Stream,
        /// Its number.
        seq: u64,
    },
}

/// The compact range over the promised lines, each of which is held against the hash that it says:
/// what may be signed without a writer at hand. No cache has a part in it. Behind lines whose loss somebody
/// accepted it is what the journal wrote down while they were there.
///
/// # Errors
/// [`TreeError`].
pub fn promised_range(journal: &Journal, stream: Stream) -> Result<CompactRange, TreeError> {
    let failed = |source| TreeError::Column { stream, source };
    let Some(identity) = journal.identity() else {
        return Ok(CompactRange::new());
    };
    let before = journal
        .before_oldest(stream, identity.name())
        .map_err(failed)?;
    let mut fold = Fold::new(journal, stream, before, true);
    let promised = journal.promised_lines(stream);
    let mut misfit = None;
    let read = journal.column(stream, None, |mark| {
        if promised <= mark.tail.seq {
            return ControlFlow::Break(());
        }
        misfit = fold.take(&mark, |_| {}).err();
        match misfit {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        }
    });
    read.map_err(failed)?;
    match misfit {
        Some(misfit) => Err(TreeError::of(stream, misfit)),
        None => Ok(fold.range().clone()),
    }
}

impl TreeError {
    fn of(stream: Stream, misfit: Misfit) -> TreeError {
        match misfit {
            Misfit::Damaged { seq } => TreeError::Damaged { stream, seq },
            Misfit::Hole { expected, found } => TreeError::Hole {
                stream,
                expected,
                found,
            },
        }
    }
}

impl<'a> Tree<'a> {
    /// The tree over what is promised now, with its cache in the folder `cache`.
    ///
    /// # Errors
    /// [`TreeError`].
    pub fn open(
        journal: &'a Journal,
        name: &str,
        stream: Stream,
        cache: &Path,
    ) -> Result<Tree<'a>, TreeError> {
        let before = journal
            .before_oldest(stream, name)
            .map_err(|source| TreeError::Column { stream, source })?;
        let path = cache.join(format!("{stream}.tree"));
        Tree::over(journal, name, stream, path, before)
    }

    /// The tree of the lines behind the hole of this one, from where the journal knows how it stood.
    pub(super) fn behind_hole(&self, name: &str) -> Result<Option<Tree<'a>>, TreeError> {
        let (journal, stream) = (self.journal, self.stream);
        let known = self
            .hole
            .and_then(|hole| known_behind(journal, stream, hole));
        let open = |before: Before| {
            let file = format!("{stream}-{}.tree", before.lines);
            let path = self.path.with_file_name(file);
            Tree::over(journal, name, stream, path, before)
        };
        known.map(open).transpose()
    }

    fn over(
        journal: &'a Journal,
        name: &str,
        stream: Stream,
        path: PathBuf,
        before: Before,
    ) -> Result<Tree<'a>, TreeError> {
        let disk = &**journal.disk();
        let failed = |operation| {
            let path = path.clone();
            move |source| TreeError::Disk {
                operation,
                path,
                source,
            }
        };
        // The folder's own folder may be missing too.
        let folders = path.ancestors().skip(1).take(2);
        let folders = folders.filter(|it| !it.as_os_str().is_empty());
        for folder in folders.collect::<Vec<_>>().into_iter().rev() {
            disk.create_folder(folder)
                .map_err(failed("make the folder of"))?;
        }
        let file = disk
            .open(&path, Access::AppendOrCreate)
            .map_err(failed("open"))?;
        // Whoever else is at it appends the same.
        file.lock().map_err(failed("lock"))?;
        let mut tree = Tree {
            journal,
            stream,
            file,
            path,
            first_block: 0,
            blocks: 0,
            size: 0,
            rest: Vec::new(),
            rest_at: None,
            before,
            hole: None,
            block: None,
        };
        let owner = owner(name, stream);
        tree.adopt(&owner)?;
        if !tree.grow()? {
            tree.begin(&owner)?;
            tree.grow()?;
        }
        Ok(tree)
    }

    /// How many lines it covers.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The first line that it has.
    pub(super) fn first(&self) -> u64 {
        self.before.lines
    }

    /// The line that is lost, if it ends before one.
    pub(super) fn hole(&self) -> Option<u64> {
        self.hole
    }

    /// The range over the lines before its first.
    fn base(&self) -> u64 {
        self.before.range.as_ref().map_or(0, CompactRange::size)
    }

    /// Makes the cache anew, for when its hashes turn out to be wrong.
    ///
    /// # Errors
    /// [`TreeError`].
    pub fn rebuild(&mut self, name: &str) -> Result<(), TreeError> {
        self.begin(&owner(name, self.stream))?;
        self.grow().map(drop)
    }

    /// A line, and the hash of the one before it.
    ///
    /// # Errors
    /// [`TreeError::NoLine`] when it was deleted or is not promised.
    pub fn leaf(&mut self, name: &str, seq: u64) -> Result<Leaf, TreeError> {
        let none = || TreeError::NoLine {
            stream: self.stream,
            seq,
        };
        if self.size() <= seq {
            return Err(none());
        }
        let from = self.place_of(seq.saturating_sub(1) / BLOCK_LINES)?;
        let mut previous = (seq == 0).then(|| genesis(name, self.stream));
        let mut found = None;
        self.journal
            .column(self.stream, from, |mark| {
                if mark.tail.seq < seq {
                    previous = Some(mark.tail.hash);
                    return ControlFlow::Continue(());
                }
                if mark.tail.seq == seq {
                    found = Some((mark.line.to_vec(), mark.tail.hash));
                }
                ControlFlow::Break(())
            })
            .map_err(|source| self.column_failed(source))?;
        let before_all = self.before.hash.filter(|_| self.before.lines == seq);
        match (found, before_all.or(previous)) {
            (Some((line, hash)), Some(previous)) => Ok(Leaf {
                seq,
                line,
                previous,
                hash,
            }),
            _ => Err(none()),
        }
    }

    /// Takes over what the file has, all but its last block, which is looked at again.
    fn adopt(&mut self, owner: &Digest) -> Result<(), TreeError> {
        let len = self.file.look().map_err(self.failed("look at"))?.len;
        let mut header = [0; HEADER_LEN];
        let read = disk::read_full(&*self.file, &mut header, 0).map_err(self.failed("read"))?;
        let (found, first) = header.split_at(32);
        if read != header.len() || found != owner.as_bytes() {
            return self.begin(owner);
        }
        let first_block = u64::from_le_bytes(first.try_into().unwrap_or_default());
        // Older days were put back, or somebody made the number up.
        if self.base().div_ceil(BLOCK_LINES) < first_block {
            return self.begin(owner);
        }
        self.first_block = first_block;
        self.blocks = (len - HEADER_LEN as u64) / ENTRY_LEN as u64;
        // What a crash left of an entry would shift all that are added.
        self.file
            .cut(offset_of(self.blocks))
            .map_err(self.failed("cut"))
    }

    /// Empties the file.
    fn begin(&mut self, owner: &Digest) -> Result<(), TreeError> {
        self.first_block = self.base().div_ceil(BLOCK_LINES);
        self.blocks = 0;
        self.block = None;
        self.file.cut(0).map_err(self.failed("cut"))?;
        let header = [&owner.as_bytes()[..], &self.first_block.to_le_bytes()].concat();
        disk::write_all(&*self.file, &header).map_err(self.failed("write"))
    }

    /// Reads on from the last block to the last promised line; `false` when that block is not what
    /// the file says, so that none may be.
    fn grow(&mut self) -> Result<bool, TreeError> {
        (self.rest, self.rest_at, self.hole) = (Vec::new(), None, None);
        let last = self.blocks.checked_sub(1);
        let again = last.map(|at| self.entry(at)).transpose()?;
        let first_line = (self.first_block + last.unwrap_or_default()) * BLOCK_LINES;
        let mut growth = Growth {
            file: &*self.file,
            promised: self.journal.promised_lines(self.stream),
            known: again.as_ref().map(|it| it.hash),
            next: first_line,
            size: self.base(),
            at: None,
            leaves: Vec::with_capacity(BLOCK_LEAVES),
            blocks: self.blocks,
            fresh: Vec::new(),
            ended: None,
        };
        let from = again.map(|it| (it.day, it.byte));
        let read = self
            .journal
            .column(self.stream, from, |mark| growth.take(&mark));
        read.map_err(|source| self.column_failed(source))?;
        match growth.ended.take() {
            // Fewer lines than the file has blocks for: an older copy was put back.
            None if growth.known.is_some() => return Ok(false),
            None => {}
            Some(Ended::Stale) => return Ok(false),
            Some(Ended::Write(error)) => return Err(self.failed("write")(error)),
            Some(Ended::Hole { expected }) => self.hole = Some(expected),
        }
        disk::write_all(&*self.file, &growth.fresh).map_err(self.failed("write"))?;
        let Growth {
            blocks,
            size,
            leaves,
            at,
            ..
        } = growth;
        (self.blocks, self.size) = (blocks, size);
        (self.rest, self.rest_at) = (leaves, at);
        Ok(true)
    }

    fn entry(&self, at: u64) -> Result<Entry, TreeError> {
        let mut bytes = [0; ENTRY_LEN];
        let offset = offset_of(at);
        disk::read_full(&*self.file, &mut bytes, offset).map_err(self.failed("read"))?;
        Ok(Entry::read(&bytes))
    }

    /// Where a block's lines begin; `None` for the oldest line there is.
    fn place_of(&self, block: u64) -> Result<Option<(Day, u64)>, TreeError> {
        match block.checked_sub(self.first_block) {
            None => Ok(None),
            Some(at) if at < self.blocks => {
                let entry = self.entry(at)?;
                Ok(Some((entry.day, entry.byte)))
            }
            Some(_) => Ok(self.rest_at),
        }
    }

    /// The leaves of one block, as far as they are there, and the number of the first.
    fn block_leaves(&mut self, block: u64) -> Result<&[Digest], TreeError> {
        if self.block.as_ref().is_none_or(|it| it.0 != block) {
            let mut leaves = vec![Digest::from_bytes([0; 32]); BLOCK_LEAVES];
            let (first, end) = (block * BLOCK_LINES, (block + 1) * BLOCK_LINES);
            let from = self.place_of(block)?;
            self.journal
                .column(self.stream, from, |mark| {
                    if end <= mark.tail.seq {
                        return ControlFlow::Break(());
                    }
                    let at = mark.tail.seq.checked_sub(first);
                    let slot = at.and_then(|it| leaves.get_mut(usize::try_from(it).ok()?));
                    if let Some(slot) = slot {
                        *slot = mark.tail.hash;
                    }
                    ControlFlow::Continue(())
                })
                .map_err(|source| self.column_failed(source))?;
            self.block = Some((block, leaves));
        }
        Ok(self.block.as_ref().map_or(&[], |it| it.1.as_slice()))
    }

    /// The hash over whole blocks.
    fn over_blocks(&self, first: u64, count: u64) -> Result<Digest, TreeError> {
        let mut range = CompactRange::new();
        let mut at = first - self.first_block;
        let end = at + count;
        let mut buffer = Vec::new();
        while at < end {
            let some = usize::try_from(end - at).unwrap_or(ENTRIES).min(ENTRIES);
            buffer.resize(some * ENTRY_LEN, 0);
            let offset = offset_of(at);
            disk::read_full(&*self.file, &mut buffer, offset).map_err(self.failed("read"))?;
            let (entries, _) = buffer.as_chunks::<ENTRY_LEN>();
            entries
                .iter()
                .for_each(|it| range.push(Entry::read(it).hash));
            at += some as u64;
        }
        Ok(range.root())
    }

    fn failed(&self, operation: &'static str) -> impl FnOnce(io::Error) -> TreeError {
        let path = self.path.clone();
        move |source| TreeError::Disk {
            operation,
            path,
            source,
        }
    }

    fn column_failed(&self, source: ColumnError) -> TreeError {
        TreeError::Column {
            stream: self.stream,
            source,
        }
    }
}

/// Goes over the lines behind a cache and adds the blocks they fill.
struct Growth<'t> {
    file: &'t dyn File,
    promised: u64,
    /// What the file says of the block that is looked at first.
    known: Option<Digest>,
    /// The number that the next line of a block must have.
    next: u64,
    size: u64,
    /// Where the block that is being filled begins, and its leaves.
    at: Option<(Day, u64)>,
    leaves: Vec<Digest>,
    blocks: u64,
    /// Entries that are not written yet.
    fresh: Vec<u8>,
    ended: Option<Ended>,
}

/// Why growing broke off.
enum Ended {
    /// The file is not of these lines.
    Stale,
    /// A line is lost.
    Hole {
        expected: u64,
    },
    Write(io::Error),
}

impl Growth<'_> {
    fn take(&mut self, mark: &Mark<'_>) -> ControlFlow<()> {
        let seq = mark.tail.seq;
        if self.promised <= seq {
            return ControlFlow::Break(());
        }
        if seq != self.next {
            // Before the first block there are lines of one of which a part was deleted.
            if seq < self.next && self.known.is_none() {
                if self.size < seq {
                    let expected = self.size;
                    return self.end(Ended::Hole { expected });
                }
                self.size = self.size.max(seq + 1);
                return ControlFlow::Continue(());
            }
            let expected = self.next;
            return self.end(match self.known {
                Some(_) => Ended::Stale,
                None => Ended::Hole { expected },
            });
        }
        self.next += 1;
        self.size = self.next;
        self.at.get_or_insert((mark.day, mark.byte));
        self.leaves.push(mark.tail.hash);
        if self.leaves.len() < BLOCK_LEAVES {
            return ControlFlow::Continue(());
        }
        self.fill()
    }

    /// The block is full.
    fn fill(&mut self) -> ControlFlow<()> {
        let hash = fold(&self.leaves);
        self.leaves.clear();
        let (day, byte) = self.at.take().unwrap_or((Day::EPOCH, 0));
        match self.known.take() {
            Some(known) if known != hash => return self.end(Ended::Stale),
            Some(_) => {}
            None => {
                self.blocks += 1;
                Entry { hash, day, byte }.write(&mut self.fresh);
            }
        }
        if ENTRIES * ENTRY_LEN <= self.fresh.len() {
            if let Err(error) = disk::write_all(self.file, &self.fresh) {
                return self.end(Ended::Write(error));
            }
            self.fresh.clear();
        }
        ControlFlow::Continue(())
    }

    fn end(&mut self, why: Ended) -> ControlFlow<()> {
        self.ended = Some(why);
        ControlFlow::Break(())
    }
}

impl Subtrees for Tree<'_> {
    type Error = TreeError;

    fn subtree(&mut self, level: u32, index: u64) -> Result<Digest, TreeError> {
        let (begin, end) = (index << level, (index + 1) << level);
        let none = TreeError::NoLine {
            stream: self.stream,
            seq: begin,
        };
        if self.size() < end {
            return Err(none);
        }
        let is_kept = self.first_block * BLOCK_LINES <= begin;
        if is_kept && BLOCK_LEVEL <= level {
            let count = 1 << (level - BLOCK_LEVEL);
            return self.over_blocks(begin / BLOCK_LINES, count);
        }
        let before = self.before.range.as_ref();
        if let Some(known) = before.and_then(|it| peak(it, level, index)) {
            return Ok(known);
        }
        if end <= self.base() {
            return Err(none);
        }
        if level < BLOCK_LEVEL && self.base() <= begin {
            let (block, first) = (begin / BLOCK_LINES, begin % BLOCK_LINES);
            let first = usize::try_from(first).unwrap_or_default();
            let leaves = self.block_leaves(block)?;
            return Ok(fold(
                leaves.get(first..first + (1 << level)).unwrap_or_default(),
            ));
        }
        // A part of it was deleted.
        let left = self.subtree(level - 1, index * 2)?;
        let right = self.subtree(level - 1, index * 2 + 1)?;
        Ok(tree::inner(&left, &right))
    }
}

/// The subtree of a compact range, if it is one of those that it is made of.
fn peak(range: &CompactRange, level: u32, index: u64) -> Option<Digest> {
    let size = range.size();
    let is_one = (size >> level) & 1 == 1 && (size >> level) - 1 == index;
    let before = usize::try_from((size >> level).count_ones())
        .ok()?
        .checked_sub(1)?;
    is_one.then(|| range.peaks().get(before).copied()).flatten()
}

fn offset_of(entry: u64) -> u64 {
    HEADER_LEN as u64 + entry * ENTRY_LEN as u64
}

fn fold(leaves: &[Digest]) -> Digest {
    let mut range = CompactRange::new();
    leaves.iter().for_each(|it| range.push(*it));
    range.root()
}

fn owner(name: &str, stream: Stream) -> Digest {
    let text = format!("tradejournal tree 1 {name} {stream}\n");
    Digest::from_bytes(Sha256::digest(text).into())
}

struct Entry {
    hash: Digest,
    day: Day,
    byte: u64,
}

impl Entry {
    fn read(bytes: &[u8; ENTRY_LEN]) -> Entry {
        let (hash, rest) = bytes.split_at(32);
        let (day, byte) = rest.split_at(4);
        let day = i32::from_le_bytes(day.try_into().unwrap_or_default());
        Entry {
            hash: Digest::from_bytes(hash.try_into().unwrap_or_default()),
            day: Day::from_unix_days(day).unwrap_or(Day::EPOCH),
            byte: u64::from_le_bytes(byte.try_into().unwrap_or_default()),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.hash.as_bytes());
        out.extend_from_slice(&self.day.unix_days().to_le_bytes());
        out.extend_from_slice(&self.byte.to_le_bytes());
    }
}
