//! The raw lines of a stream, in order, for whoever does not need their type.
//!
//! Always true:
//! - Plain and archived days come in one order, each day once.
//! - A bad line is an item that says where, not an end. A day that cannot be read to its end is an
//!   item too, and the next day follows.
//! - Bytes after the last newline of the newest file are being written and are no line yet.
//! - Memory is one block and the longest line, however long the stream is.
//!
//! Not here: what the records mean, and whether the lines hang together.

use std::{
    iter::FusedIterator,
    ops::{Range, RangeInclusive},
    path::Path,
    sync::Arc,
    vec,
};

use super::layout::Place;
use super::line::{LINE_LEN_MAX, Tail};
use super::position::{LineFault, Position, ReadError};
use super::reader::Entry;
use super::scan::Shape;
use super::selection::{self, Listed, Selection};
use super::source::{Blocks, Source, Step};
use super::{Journal, ending, members};
use crate::record::{Record, Stream};
use crate::time::{Day, Timestamp};

impl Journal {
    /// The raw lines of a stream, all of them unless the builder says otherwise.
    ///
    /// ```no_run
    /// use tradejournal::journal::Journal;
    /// use tradejournal::record::Stream;
    ///
    /// let journal = Journal::open("logs")?;
    /// for line in journal.lines(Stream::Trades).last(100) {
    ///     match line {
    ///         Ok(line) => assert!(line.bytes().ends_with(b"\n")),
    ///         Err(error) => eprintln!("{error}"),
    ///     }
    /// }
    /// # Ok::<(), tradejournal::journal::IdentityError>(())
    /// ```
    pub fn lines(&self, stream: Stream) -> Lines {
        Lines {
            journal: self.clone(),
            stream,
            selection: Selection::default(),
            last: None,
            promised_only: false,
            check: Check::Form,
            shape: Shape::default(),
        }
    }
}

/// Which raw lines are read; an iterator comes of it with [`IntoIterator`].
#[derive(Clone, Debug)]
#[must_use = "nothing is read before it is iterated"]
pub struct Lines {
    pub(super) journal: Journal,
    pub(super) stream: Stream,
    pub(super) selection: Selection,
    pub(super) last: Option<u64>,
    pub(super) promised_only: bool,
    pub(super) check: Check,
    pub(super) shape: Shape,
}

/// What is looked at in a line before it is handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// That it is UTF-8 and one JSON object.
    Form,
    /// That it is UTF-8; for who decodes it anyway.
    Text,
}

impl Lines {
    /// Only these days of writing.
    pub fn days(mut self, days: RangeInclusive<Day>) -> Lines {
        self.selection.days = Some(days);
        self
    }

    /// Only records of this time or later.
    pub fn from(mut self, from: Timestamp) -> Lines {
        self.selection.from = Some(from);
        self
    }

    /// Only records of before this time.
    pub fn to(mut self, to: Timestamp) -> Lines {
        self.selection.to = Some(to);
        self
    }

    /// Only the last `lines` of those, bad ones counted; read from the end.
    pub fn last(mut self, lines: u64) -> Lines {
        self.last = Some(lines);
        self
    }

    /// Only lines that are known to be on disk, as `HEAD` and the newest `dur` say.
    pub fn promised_only(mut self) -> Lines {
        self.promised_only = true;
        self
    }

    /// Lines that are UTF-8, JSON or not.
    pub(super) fn unchecked(mut self) -> Lines {
        self.check = Check::Text;
        self
    }

    #[cfg(test)]
    pub(super) fn block_len(mut self, block_len: usize) -> Lines {
        self.shape.block_len = block_len;
        self
    }
}

impl IntoIterator for Lines {
    type Item = Result<Line, ReadError>;
    type IntoIter = LineIter;

    fn into_iter(self) -> LineIter {
        let listed = self.selection.list(&self.journal, self.stream);
        let (days, error) = match listed {
            Ok(days) => (days, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        let promised = match self.promised_only {
            true => Some(ending::promised(&self)),
            false => None,
        };
        let mut iter = LineIter::over(self, days);
        iter.error = error;
        iter.promised = promised;
        if let Some(wanted) = iter.lines.last {
            iter.go_to_last(wanted);
        }
        iter
    }
}

/// A line, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    bytes: Vec<u8>,
    position: Position,
}

impl Line {
    /// Its bytes as they are in the file, the newline included.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its bytes, taken out.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The journal's own fields; `None` for an unchained line of an older log.
    #[must_use]
    pub fn tail(&self) -> Option<Tail> {
        Tail::parse(&self.bytes)
    }

    /// Where it begins.
    #[must_use]
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// The record in it.
    ///
    /// # Errors
    /// [`ReadError::Record`] when it is none of type `R`.
    pub fn decode<R: Record>(&self) -> Result<Entry<R>, ReadError> {
        let json = self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes);
        match R::decode(json) {
            Ok(record) => Ok(Entry {
                seq: Tail::seq_of(&self.bytes),
                position: self.position.clone(),
                record,
            }),
            Err(source) => Err(ReadError::Record {
                position: self.position.clone(),
                source,
            }),
        }
    }
}

/// A line in the memory of whoever reads it.
#[derive(Clone, Copy, Debug)]
pub struct LineRef<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) source: &'a Source,
    pub(super) number: Option<u64>,
    pub(super) byte: u64,
}

impl<'a> LineRef<'a> {
    /// Its bytes as they are in the file, the newline included.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Its bytes without the newline.
    #[must_use]
    pub fn json(&self) -> &'a [u8] {
        self.bytes.strip_suffix(b"\n").unwrap_or(self.bytes)
    }

    /// The journal's own fields; `None` for an unchained line of an older log.
    #[must_use]
    pub fn tail(&self) -> Option<Tail> {
        Tail::parse(self.bytes)
    }

    /// Its number in the stream; `None` for an unchained line of an older log.
    #[must_use]
    pub fn seq(&self) -> Option<u64> {
        Tail::seq_of(self.bytes)
    }

    /// Where it begins.
    #[must_use]
    pub fn position(&self) -> Position {
        Position {
            file: Arc::clone(&self.source.path),
            line: self.number,
            byte: self.byte,
        }
    }

    /// Where it begins, its number counted if nobody knows it.
    pub(super) fn numbered_position(&self) -> Position {
        let count = || number_at(self.source, Start::BEGINNING, self.byte);
        Position {
            line: self.number.or_else(count),
            ..self.position()
        }
    }

    /// The line, to be kept.
    #[must_use]
    pub fn to_line(&self) -> Line {
        Line {
            bytes: self.bytes.to_vec(),
            position: self.position(),
        }
    }
}

/// The lines that [`Lines`] chose.
#[derive(Debug)]
pub struct LineIter {
    lines: Lines,
    days: vec::IntoIter<Listed>,
    open: Option<DayLines>,
    /// The newest day as it was when the last lines were counted.
    pub(super) counted: Option<Source>,
    /// Items of the open day that are not wanted.
    skip: u64,
    error: Option<ReadError>,
    promised: Option<u64>,
    /// How far the day that was read last was read, for who goes on from there.
    pub(super) reached: Option<Reached>,
}

/// How far a day was read.
#[derive(Clone, Debug)]
pub(super) struct Reached {
    /// The day.
    pub(super) day: Day,
    /// The file.
    pub(super) source: Source,
    /// Where the next line begins.
    pub(super) start: Start,
}

impl LineIter {
    pub(super) fn over(lines: Lines, days: Vec<Listed>) -> LineIter {
        LineIter {
            lines,
            days: days.into_iter(),
            open: None,
            counted: None,
            skip: 0,
            error: None,
            promised: None,
            reached: None,
        }
    }

    /// The next line without copying it.
    pub fn next_line(&mut self) -> Option<Result<LineRef<'_>, ReadError>> {
        loop {
            if let Some(error) = self.error.take() {
                return Some(Err(error));
            }
            if self.open.is_none() {
                self.open_next()?;
                continue;
            }
            let item = self.step();
            if self.skip > 0 && !matches!(item, Stepped::Nothing) {
                self.skip -= 1;
                continue;
            }
            match item {
                Stepped::Line(found) => {
                    let day = self.open.as_ref()?;
                    return Some(Ok(day.line(&found)));
                }
                Stepped::Error(error) => return Some(Err(error)),
                Stepped::Nothing => {}
            }
        }
    }

    /// One step in the open day, which is closed at its end.
    fn step(&mut self) -> Stepped {
        let Some(day) = &mut self.open else {
            return Stepped::Nothing;
        };
        let found = match day.next(self.lines.check) {
            Item::Line(found) => found,
            Item::Bad(found, fault) => return Stepped::Error(day.bad(&found, fault)),
            Item::Error(error) => {
                self.reached = Some(day.reached());
                self.open = None;
                return Stepped::Error(error);
            }
            Item::End => {
                self.reached = Some(day.reached());
                self.open = None;
                return Stepped::Nothing;
            }
        };
        let line = day.line(&found);
        if let Some(promised) = self.promised
            && line.tail().is_some_and(|tail| promised <= tail.seq)
        {
            self.days = Vec::new().into_iter();
            self.open = None;
            return Stepped::Nothing;
        }
        if !self.lines.selection.is_timed() {
            return Stepped::Line(found);
        }
        match line_time(line.bytes(), self.lines.stream) {
            Ok(time) if self.lines.selection.holds(time) => Stepped::Line(found),
            Ok(_) => Stepped::Nothing,
            Err(fault) => Stepped::Error(day.bad(&found, fault)),
        }
    }

    /// Opens the next day; `None` when there is none.
    fn open_next(&mut self) -> Option<()> {
        let listed = self.days.next()?;
        let counted = self.counted.take_if(|_| listed.newest);
        match self.source(&listed, counted) {
            Ok(source) => {
                let block_len = self.lines.shape.block_len;
                self.open = Some(DayLines::new(source, &listed, Start::BEGINNING, block_len));
            }
            Err(error) => self.error = Some(error),
        }
        Some(())
    }

    fn source(&self, listed: &Listed, counted: Option<Source>) -> Result<Source, ReadError> {
        match counted {
            Some(source) => Ok(source),
            None => Source::open(&self.lines.journal, self.lines.stream, &listed.file)
                .map_err(|(path, source)| ReadError::Open { path, source }),
        }
    }

    /// Goes to where the last `wanted` items begin.
    fn go_to_last(&mut self, wanted: u64) {
        let mut days: Vec<Listed> = self.days.by_ref().collect();
        let mut missing = wanted;
        let mut begin = days.len();
        while let Some(listed) = begin.checked_sub(1).and_then(|it| days.get(it)) {
            if missing == 0 {
                break;
            }
            begin -= 1;
            let Ok(source) = self.source(listed, None) else {
                // Its error is an item when its turn comes.
                continue;
            };
            let end = ending::of(&self.lines, listed, &source, missing);
            missing -= end.items.min(missing);
            if listed.newest {
                self.counted = Some(source.clone());
            }
            if missing == 0 {
                let block_len = self.lines.shape.block_len;
                self.open = Some(DayLines::new(source, listed, end.start, block_len));
                self.skip = end.skip;
                begin += 1;
                break;
            }
        }
        self.days = days.split_off(begin).into_iter();
    }
}

enum Stepped {
    Line(Found),
    Error(ReadError),
    Nothing,
}

/// The time of a raw line.
pub(super) fn line_time(line: &[u8], stream: Stream) -> Result<Timestamp, LineFault> {
    let field = selection::time_field(stream);
    let mut value = None;
    let checked = members::members(line, |key, it| {
        if members::says(key, field) {
            value = Some(it);
        }
    });
    checked.map_err(|malformed| not_json(line, malformed))?;
    selection::time_of(value, field)
}

impl Iterator for LineIter {
    type Item = Result<Line, ReadError>;

    fn next(&mut self) -> Option<Result<Line, ReadError>> {
        let line = self.next_line()?;
        Some(line.map(|it| it.to_line()))
    }
}

impl FusedIterator for LineIter {}

/// The lines of one day from some place on.
#[derive(Debug)]
pub(super) struct DayLines {
    source: Source,
    day: Day,
    newest: bool,
    blocks: Blocks,
    /// What of the block is still to be handed out.
    left: Range<usize>,
    /// Whether the whole block is UTF-8.
    is_text: bool,
    /// The number of the next line.
    number: Option<u64>,
    ended: bool,
}

/// Where in a day reading begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    /// The offset of a line's first byte.
    pub(super) byte: u64,
    /// The line's number.
    pub(super) number: Option<u64>,
}

impl Start {
    pub(super) const BEGINNING: Start = Start {
        byte: 0,
        number: Some(1),
    };
}

/// A line in the block of [`DayLines`].
#[derive(Clone, Debug)]
pub(super) struct Found {
    range: Range<usize>,
    number: Option<u64>,
    byte: u64,
}

pub(super) enum Item {
    Line(Found),
    Bad(Found, LineFault),
    Error(ReadError),
    End,
}

impl DayLines {
    pub(super) fn new(source: Source, listed: &Listed, start: Start, block_len: usize) -> DayLines {
        DayLines {
            blocks: source.blocks(start.byte, block_len),
            source,
            day: listed.file.day,
            newest: listed.newest,
            left: 0..0,
            is_text: true,
            number: start.number,
            ended: false,
        }
    }

    /// The next line, good or bad.
    pub(super) fn next(&mut self, check: Check) -> Item {
        while self.left.is_empty() {
            match self.refill() {
                Some(item) => return item,
                None if self.ended => return Item::End,
                None => {}
            }
        }
        let block = self.blocks.bytes();
        let rest = block.get(self.left.clone()).unwrap_or_default();
        let len = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let line = rest.get(..len).unwrap_or_default();
        let fault = fault_of(line, self.is_text, check);
        let found = self.take(len);
        match fault {
            None => Item::Line(found),
            Some(fault) => Item::Bad(found, fault),
        }
    }

    /// Gets the next block; an item when there is none and that has to be said.
    fn refill(&mut self) -> Option<Item> {
        if self.ended {
            return None;
        }
        let step = self.blocks.step();
        self.left = 0..0;
        match step {
            Ok(Step::Lines) => {
                let block = self.blocks.bytes();
                self.left = 0..block.len();
                self.is_text = std::str::from_utf8(block).is_ok();
                None
            }
            Ok(Step::TooLong) => Some(Item::Bad(self.take(0), LineFault::TooLong)),
            Ok(Step::Rest) if !self.newest => {
                self.ended = true;
                Some(Item::Bad(self.take(0), LineFault::Cut))
            }
            Ok(Step::Rest | Step::End) => {
                self.ended = true;
                None
            }
            Err(source) => {
                self.ended = true;
                Some(Item::Error(ReadError::Read {
                    path: Arc::clone(&self.source.path),
                    byte: self.blocks.read_to(),
                    source,
                }))
            }
        }
    }

    /// Steps over `len` bytes of the block, which are one line.
    fn take(&mut self, len: usize) -> Found {
        let start = self.left.start;
        self.left.start = start + len;
        let number = self.number;
        self.number = number.map(|it| it + 1);
        Found {
            range: start..start + len,
            number,
            byte: self.blocks.offset() + start as u64,
        }
    }

    /// A line that [`DayLines::next`] found last.
    pub(super) fn line(&self, found: &Found) -> LineRef<'_> {
        LineRef {
            bytes: self
                .blocks
                .bytes()
                .get(found.range.clone())
                .unwrap_or_default(),
            source: &self.source,
            number: found.number,
            byte: found.byte,
        }
    }

    /// The error that a bad line is. Its number is counted now if nobody did.
    pub(super) fn bad(&mut self, found: &Found, source: LineFault) -> ReadError {
        let number = found
            .number
            .or_else(|| number_at(&self.source, Start::BEGINNING, found.byte));
        if self.number.is_none() {
            self.number = number.map(|it| it + 1);
        }
        ReadError::Line {
            position: Position {
                file: Arc::clone(&self.source.path),
                line: number,
                byte: found.byte,
            },
            source,
        }
    }

    /// Where the next line begins.
    pub(super) fn start(&self) -> Start {
        Start {
            byte: self.blocks.offset() + self.left.start as u64,
            number: self.number,
        }
    }

    /// How far it was read.
    fn reached(&self) -> Reached {
        Reached {
            day: self.day,
            source: self.source.clone(),
            start: self.start(),
        }
    }
}

/// The number of the line that begins at `byte`, counted from a line whose number is known; `None`
/// when it cannot be counted.
pub(super) fn number_at(source: &Source, known: Start, byte: u64) -> Option<u64> {
    let mut number = known.number?;
    let mut blocks = source.between(known.byte, byte);
    loop {
        let step = blocks.step().ok()?;
        let Some(within) = byte.checked_sub(blocks.offset()).filter(|it| 0 < *it) else {
            return Some(number);
        };
        match step {
            Step::Lines | Step::Rest => {
                let within = usize::try_from(within).unwrap_or(usize::MAX);
                let bytes = blocks.bytes();
                let before = bytes.get(..within).unwrap_or(bytes);
                number += memchr::memchr_iter(b'\n', before).count() as u64;
            }
            // Its end is stepped over unseen.
            Step::TooLong => number += 1,
            Step::End => return Some(number),
        }
    }
}

/// The numbers of lines that nobody counted, asked for in their order: each part of a file is
/// counted once.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    known: Option<(Arc<Path>, Start)>,
}

impl Numbers {
    /// The number of the line that begins at `byte`.
    pub(super) fn of(&mut self, source: &Source, byte: u64) -> Option<u64> {
        let known = match &self.known {
            Some((path, start)) if *path == source.path && start.byte <= byte => *start,
            _ => Start::BEGINNING,
        };
        // An archived day cannot be entered in its middle.
        let known = match source.place {
            Place::Logs => known,
            Place::Archive => Start::BEGINNING,
        };
        let number = number_at(source, known, byte);
        let path = Arc::clone(&source.path);
        self.known = number.map(|_| (path, Start { byte, number }));
        number
    }
}

/// What is wrong with a line of a block that is UTF-8 as a whole or not.
pub(super) fn fault_of(line: &[u8], is_text: bool, check: Check) -> Option<LineFault> {
    if LINE_LEN_MAX < line.len() {
        return Some(LineFault::TooLong);
    }
    if !is_text && let Err(error) = std::str::from_utf8(line) {
        let at = error.valid_up_to();
        return Some(LineFault::NotUtf8 { at });
    }
    match check {
        Check::Text => None,
        Check::Form => members::members(line, |_, _| {})
            .err()
            .map(|malformed| not_json(line, malformed)),
    }
}

/// Zero bytes have a cause of their own.
pub(super) fn not_json(line: &[u8], malformed: members::Malformed) -> LineFault {
    match memchr::memchr(0, line) {
        Some(at) => LineFault::Nul { at },
        None => LineFault::NotJson { at: malformed.at },
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::source::BLOCK_LEN;
    use super::super::testing::{Chain, Folder, day};
    use super::*;
    use crate::record::{AuditEvent, DayClosed, DayClosedParts, Digest};

    const STREAM: Stream = Stream::Trades;

    /// The lines as short texts: the record's part, or what is wrong.
    fn texts(lines: Lines) -> Vec<String> {
        lines.into_iter().map(|it| text(&it)).collect()
    }

    fn text(item: &Result<Line, ReadError>) -> String {
        match item {
            Ok(line) => {
                let end = line
                    .tail()
                    .map_or(line.bytes().len() - 1, |it| it.record_len);
                String::from_utf8_lossy(&line.bytes()[..end]).into_owned()
            }
            Err(ReadError::Line { position, source }) => {
                let (number, byte) = (position.line.unwrap(), position.byte);
                format!("{number} {byte} {source}")
            }
            Err(error) => format!("{error}"),
        }
    }

    fn numbers(range: Range<u64>) -> Vec<String> {
        range.map(|it| format!("{{\"n\":{it}")).collect()
    }

    /// Ten lines a day: two archived, the second of them plain as well, and two plain.
    fn four_days() -> Folder {
        let folder = Folder::new();
        let mut chain = Chain::new(STREAM);
        let first = chain.numbers(10);
        let (begin, end) = first.split_at(100);
        folder.archive(STREAM, "2025-12-30", &[begin, end]);
        folder.archive(
            STREAM,
            "2025-12-31",
            &[b"of two files the plain one is read"],
        );
        folder.put(STREAM, "2025-12-31", &chain.numbers(10));
        folder.put(STREAM, "2026-01-02", &chain.numbers(10));
        folder.put(STREAM, "2026-01-05", &chain.numbers(10));
        folder
    }

    #[test]
    fn plain_and_archived_days_come_in_one_order_each_once() {
        let folder = four_days();
        for block_len in [1, 2, 7, 64, 1000, BLOCK_LEN] {
            let lines = folder.journal.lines(STREAM).block_len(block_len);
            assert_eq!(texts(lines), numbers(0..40), "{block_len}");
        }
        let lines = folder.journal.lines(STREAM);
        let chosen = lines.days(day("2025-12-31")..=day("2026-01-02"));
        assert_eq!(texts(chosen), numbers(10..30));
        assert_eq!(texts(folder.journal.lines(Stream::Fills)), [""; 0]);
    }

    #[test]
    fn positions_count_lines_from_1_and_bytes_from_0() {
        let folder = four_days();
        let lines: Vec<Line> = folder
            .journal
            .lines(STREAM)
            .into_iter()
            .map(Result::unwrap)
            .collect();
        let eleventh = lines[11].position();
        assert_eq!(eleventh.line, Some(2));
        assert_eq!(eleventh.byte, lines[10].bytes().len() as u64);
        assert!(eleventh.file.ends_with("trades/2025-12-31.jsonl"));
        assert!(
            lines[0]
                .position()
                .file
                .ends_with("trades/2025/2025-12-30.jsonl.gz")
        );
        assert_eq!(lines[11].tail().unwrap().seq, 11);
    }

    #[test]
    fn the_last_lines_are_found_from_the_end() {
        let folder = four_days();
        for block_len in [1, 7, 120, BLOCK_LEN] {
            for wanted in 0..=41 {
                let lines = folder
                    .journal
                    .lines(STREAM)
                    .block_len(block_len)
                    .last(wanted);
                let from = 40_u64.saturating_sub(wanted);
                assert_eq!(texts(lines), numbers(from..40), "{wanted} {block_len}");
            }
        }
        folder.disk.opened();
        texts(folder.journal.lines(STREAM).last(3));
        assert_eq!(folder.disk.opened(), ["2026-01-05.jsonl"]);
    }

    #[test]
    fn an_unfinished_line_is_none_in_the_newest_day_and_a_bad_one_before() {
        let folder = Folder::new();
        folder.put(STREAM, "2025-01-01", b"{\"a\":1}\n{\"a\":2}\n{\"a\":");
        let read = |lines: Lines| texts(lines);
        assert_eq!(
            read(folder.journal.lines(STREAM)),
            ["{\"a\":1}", "{\"a\":2}"]
        );
        assert_eq!(read(folder.journal.lines(STREAM).last(1)), ["{\"a\":2}"]);
        folder.put(STREAM, "2025-01-02", b"{\"b\":1}\n");
        let all = [
            "{\"a\":1}",
            "{\"a\":2}",
            "3 16 ends without a newline",
            "{\"b\":1}",
        ];
        for wanted in 0..5 {
            let last = read(folder.journal.lines(STREAM).last(wanted));
            let from = 4_u64.saturating_sub(wanted);
            assert_eq!(last, all[usize::try_from(from).unwrap()..], "{wanted}");
        }
        folder.put(STREAM, "2025-01-03", b"");
        folder.put(STREAM, "2025-01-04", b"{\"unfin");
        assert_eq!(read(folder.journal.lines(STREAM)), all);
        assert_eq!(read(folder.journal.lines(STREAM).last(1)), all[3..]);
    }

    #[test]
    fn a_bad_line_is_an_item_with_its_place() {
        let folder = Folder::new();
        let mut bytes =
            b"{\"a\":1}\n\xff\xfe\n\nnot json\n{\"a\":\0\0}\n{\"a\":2}\r\n{\"a\":3}x\n".to_vec();
        let long_at = bytes.len();
        bytes.extend(b"{\"a\":\"");
        bytes.resize(bytes.len() + LINE_LEN_MAX, b'x');
        bytes.extend(b"\"}\n{\"a\":4}\n{\"a\":5}}\n");
        folder.put(STREAM, "2025-01-01", &bytes);
        let end = bytes.len() - 9;
        let expected = [
            "{\"a\":1}",
            "2 8 is not UTF-8 at its byte 0",
            "3 11 is not a JSON object at its byte 1",
            "4 12 is not a JSON object at its byte 0",
            "5 21 has a zero byte at its byte 5",
            "{\"a\":2}\r",
            "7 39 is not a JSON object at its byte 7",
            &format!("8 {long_at} is longer than 1048576 bytes"),
            "{\"a\":4}",
            &format!("10 {end} is not a JSON object at its byte 7"),
        ];
        for block_len in [1000, 4096, BLOCK_LEN, 2 * LINE_LEN_MAX] {
            let lines = || folder.journal.lines(STREAM).block_len(block_len);
            assert_eq!(texts(lines()), expected, "{block_len}");
            for wanted in [1, 3, 4, 9] {
                let last = texts(lines().last(wanted));
                assert_eq!(
                    last,
                    expected[10 - usize::try_from(wanted).unwrap()..],
                    "{block_len}"
                );
            }
        }
    }

    #[test]
    fn damaged_and_missing_days_are_items_and_the_next_day_follows() {
        let folder = four_days();
        let path = folder.journal.layout().archived(STREAM, day("2025-12-30"));
        let whole = fs::read(&path).unwrap();
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(whole.len() as u64 - 30).unwrap();
        let listed = texts(folder.journal.lines(STREAM));
        let error = listed
            .iter()
            .position(|it| it.starts_with("read "))
            .unwrap();
        assert!(
            listed[error].contains("2025-12-30.jsonl.gz"),
            "{}",
            listed[error]
        );
        assert_eq!(listed[error + 1..], numbers(10..40));
        assert_eq!(
            texts(folder.journal.lines(STREAM).last(30)),
            numbers(10..40)
        );

        let plain = folder.journal.layout().day(STREAM, day("2025-12-31"));
        fs::remove_file(&plain).unwrap();
        fs::create_dir(&plain).unwrap();
        let archived = folder.journal.layout().archived(STREAM, day("2025-12-31"));
        fs::remove_file(archived).unwrap();
        assert_eq!(
            texts(folder.journal.lines(STREAM).last(20)),
            numbers(20..40)
        );
    }

    #[test]
    fn a_day_that_is_archived_after_it_was_listed_is_read_there() {
        let folder = Folder::new();
        let bytes = Chain::new(STREAM).numbers(3);
        let plain = folder.put(STREAM, "2025-01-01", &bytes);
        let mut lines = folder.journal.lines(STREAM).into_iter();
        folder.archive(STREAM, "2025-01-01", &[&bytes]);
        fs::remove_file(plain).unwrap();
        assert!(text(&lines.next().unwrap()).starts_with("{\"n\":0"));
        assert_eq!(lines.count(), 2);

        let mut lines = folder.journal.lines(STREAM).into_iter();
        let archived = folder.journal.layout().archived(STREAM, day("2025-01-01"));
        fs::remove_file(archived).unwrap();
        let gone = lines.next().unwrap().unwrap_err();
        assert!(gone.to_string().ends_with("2025-01-01.jsonl.gz"), "{gone}");
        assert!(lines.next().is_none());
    }

    #[test]
    fn what_is_appended_while_reading_is_not_seen() {
        let folder = Folder::new();
        let mut chain = Chain::new(STREAM);
        folder.put(STREAM, "2025-01-01", &chain.numbers(5));
        let mut lines = folder.journal.lines(STREAM).block_len(64).into_iter();
        lines.next().unwrap().unwrap();
        folder.add(STREAM, "2025-01-01", &chain.numbers(5));
        assert_eq!(lines.count(), 4);
        let mut lines = folder.journal.lines(STREAM).last(20).into_iter();
        folder.add(STREAM, "2025-01-01", &chain.numbers(5));
        assert_eq!(lines.by_ref().count(), 10);
    }

    #[test]
    fn promised_lines_end_where_the_newest_dur_says() {
        let folder = Folder::new();
        let mut chain = Chain::new(STREAM);
        let mut bytes = b"{\"old\":1}\n".to_vec();
        bytes.extend(chain.numbers(3));
        for dur in [3, 3, 3] {
            bytes.extend(chain.line_with_dur("{\"n\":9}", dur));
        }
        folder.put(STREAM, "2025-01-01", &bytes);
        let lines = texts(folder.journal.lines(STREAM).promised_only());
        assert_eq!(lines[0], "{\"old\":1}");
        assert_eq!(lines[1..], numbers(0..3));
        let last = texts(
            folder
                .journal
                .lines(STREAM)
                .promised_only()
                .days(day("2025-01-02")..=day("2025-01-03")),
        );
        assert_eq!(last, [""; 0]);
    }

    fn closed(day: &str, bytes: u64, times: [&str; 2]) -> String {
        let parts = DayClosedParts {
            stream: STREAM,
            day: self::day(day),
            lines: 1,
            bytes,
            first_seq: 0,
            last_seq: 0,
            last_hash: Digest::from_bytes([0; 32]),
            sha256: Digest::from_bytes([0; 32]),
            smallest_timestamp: Some(times[0].parse().unwrap()),
            largest_timestamp: Some(times[1].parse().unwrap()),
            range: None,
        };
        let event = AuditEvent::new(times[1].parse().unwrap(), DayClosed::new(parts).unwrap());
        let mut out = Vec::new();
        event.encode(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_days_whose_span_meets_the_time_are_opened() {
        let folder = Folder::new();
        let mut audit = Chain::new(Stream::Audit);
        let mut events = Vec::new();
        for number in 1..=9 {
            let time = |hour| format!("2025-01-0{number}T{hour}:00:00.000Z");
            let record = |hour| format!("{{\"timestamp\":\"{}\"}}\n", time(hour));
            let bytes = record("08") + &record("12") + &record("20");
            let name = format!("2025-01-0{number}");
            folder.put(STREAM, &name, bytes.as_bytes());
            // The sixth was never closed, the seventh is longer than it was when it was closed.
            let len = bytes.len() as u64 - u64::from(number == 7);
            if number != 6 && number != 9 {
                let event = closed(&name, len, [&time("08"), &time("20")]);
                events.extend(audit.line(&event));
            }
        }
        folder.put(Stream::Audit, "2025-01-09", &events);
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let chosen = || {
            let lines = folder.journal.lines(STREAM);
            lines
                .from(time("2025-01-02T12:00:00Z"))
                .to(time("2025-01-04T08:00:00Z"))
        };
        folder.disk.opened();
        let found = texts(chosen());
        let mut opened = folder.disk.opened();
        assert_eq!(opened.remove(0), "2025-01-09.jsonl", "the audit stream's");
        let names = ["02", "03", "06", "07", "09"].map(|it| format!("2025-01-{it}.jsonl"));
        assert_eq!(opened, names);
        let times = ["02T12", "02T20", "03T08", "03T12", "03T20"];
        let expected = times.map(|it| format!("{{\"timestamp\":\"2025-01-{it}:00:00.000Z\"}}"));
        assert_eq!(found, expected);
        for wanted in 0..7 {
            let last = texts(chosen().last(wanted));
            let from = 5_u64.saturating_sub(wanted);
            assert_eq!(last, expected[usize::try_from(from).unwrap()..], "{wanted}");
        }
    }

    #[test]
    fn a_line_without_a_time_is_an_item_when_time_is_asked_for() {
        let folder = Folder::new();
        folder.put(
            STREAM,
            "2025-01-01",
            b"{\"timestamp\":\"2025-01-01 09:00\"}\n{\"a\":1}\n",
        );
        let lines = folder.journal.lines(STREAM).from(Timestamp::MIN);
        let expected = [
            "1 0 has no readable time in `timestamp`",
            "2 33 has no readable time in `timestamp`",
        ];
        assert_eq!(texts(lines), expected);
    }
}
