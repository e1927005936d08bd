//! Following a stream: the lines that are there, and then those that come.
//!
//! Always true:
//! - Every line comes once and in order, over midnight too: a day is read to its end after the next
//!   one was seen, and only then the next one is begun.
//! - A line comes when its newline is there, not before.
//! - When lines that were read are not there any more (a writer that came after a crash cut a tail
//!   that was never promised, or the file was replaced), an item says so, and what follows is what
//!   the file holds now.
//! - Nothing here waits: who follows says how.
//!
//! Not here: whether the lines hang together.

use std::{
    collections::VecDeque,
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    marker::PhantomData,
    mem,
    ops::ControlFlow,
    path::Path,
    sync::Arc,
};

use super::layout::{DayFile, Place};
use super::line::Tail;
use super::lines::{DayLines, Item, Line, LineIter, LineRef, Lines, Start, line_time};
use super::position::{Position, ReadError};
use super::reader::{Entry, Reader};
use super::selection::Listed;
use super::source::Source;
use crate::disk;
use crate::record::Record;
use crate::time::Day;

/// How many lines are remembered at most, to know again what was read.
const REMEMBERED_MAX: usize = 1 << 16;
/// How many lines without a `dur` are remembered.
const UNCHAINED_MAX: usize = 1 << 10;

impl Lines {
    /// These lines, and then those that come. A choice of days counts only for what is there now,
    /// and lines come as soon as they can be read, promised or not.
    ///
    /// ```no_run
    /// use std::{ops::ControlFlow, thread, time::Duration};
    /// use tradejournal::{journal::Journal, record::Stream};
    ///
    /// let journal = Journal::open("logs")?;
    /// let mut lines = journal.lines(Stream::Trades).last(10).follow();
    /// let wait = || {
    ///     thread::sleep(Duration::from_millis(200));
    ///     ControlFlow::Continue(())
    /// };
    /// while let Some(line) = lines.next_after(wait) {
    ///     println!("{:?}", line.map(|it| it.tail()));
    /// }
    /// # Ok::<(), tradejournal::journal::IdentityError>(())
    /// ```
    #[must_use]
    pub fn follow(mut self) -> Follower {
        // Where the lines that are there end is known only when the last of them was read.
        self.promised_only = false;
        let shows_none = self.last == Some(0);
        if shows_none {
            self.last = Some(1);
        }
        Follower {
            lines: self.clone(),
            shows_none,
            begin: Some(self.into_iter()),
            open: None,
            reading: None,
            seen: Seen::default(),
            failed: false,
            restarts: false,
            rests: false,
        }
    }
}

/// A stream that is followed.
#[derive(Debug)]
pub struct Follower {
    lines: Lines,
    /// Whether the lines that were there at the beginning are not wanted.
    shows_none: bool,
    begin: Option<LineIter>,
    open: Option<Open>,
    reading: Option<DayLines>,
    seen: Seen,
    /// The beginning met a disk that failed.
    failed: bool,
    /// It met nothing else, and is to be tried again.
    restarts: bool,
    /// The disk failed: say nothing once, so that who follows waits before it is tried again.
    rests: bool,
}

/// The day that is followed.
#[derive(Debug)]
struct Open {
    day: Day,
    source: Source,
    /// Where the next line begins.
    start: Start,
    /// How long the file was when it was read last.
    len: u64,
    /// The day after it is there, so that nothing more comes.
    next: Option<Listed>,
    /// It was read to its end after the next day was there.
    ended: bool,
}

/// What was read of the open day.
#[derive(Debug, Default)]
struct Seen {
    /// The day's file.
    path: Option<Arc<Path>>,
    lines: VecDeque<SeenLine>,
    /// How many lines of the stream are known to be on disk.
    promised: u64,
}

#[derive(Debug)]
struct SeenLine {
    byte: u64,
    number: Option<u64>,
    len: usize,
    print: u64,
    seq: Option<u64>,
}

enum More {
    Lines,
    Nothing,
    Error(ReadError),
}

impl Follower {
    /// The next line if there is one now. An error ends nothing; what can be read comes after it.
    pub fn next_now(&mut self) -> Option<Result<Line, ReadError>> {
        if mem::take(&mut self.rests) {
            return None;
        }
        if mem::take(&mut self.restarts) {
            self.begin = Some(self.lines.clone().into_iter());
        }
        loop {
            if self.begin.is_some() {
                match self.step_begin() {
                    Some(item) if item.is_err() || !self.shows_none => return Some(item),
                    None if mem::take(&mut self.rests) => return None,
                    _ => continue,
                }
            }
            if self.reading.is_some() {
                match self.step() {
                    ControlFlow::Break(item) => return Some(item),
                    ControlFlow::Continue(()) => continue,
                }
            }
            match self.look() {
                More::Lines => {}
                More::Nothing => return None,
                More::Error(error) => return Some(Err(error)),
            }
        }
    }

    /// The next line; while there is none, `wait` is called, and when it breaks, that is all.
    pub fn next_after(
        &mut self,
        mut wait: impl FnMut() -> ControlFlow<()>,
    ) -> Option<Result<Line, ReadError>> {
        loop {
            if let Some(line) = self.next_now() {
                return Some(line);
            }
            if wait().is_break() {
                return None;
            }
        }
    }

    /// A line of those that were there at the beginning.
    fn step_begin(&mut self) -> Option<Result<Line, ReadError>> {
        let begin = self.begin.as_mut()?;
        match begin.next_line() {
            Some(Ok(line)) => {
                self.seen.add(&line);
                return Some(Ok(line.to_line()));
            }
            Some(Err(error)) => {
                self.failed |= error.position().is_none();
                return Some(Err(error));
            }
            None => {}
        }
        let reached = begin.reached.take();
        self.begin = None;
        if mem::take(&mut self.failed) {
            self.rests = true;
            if reached.is_none() {
                // Nothing could be read at all: begin again, after a while.
                self.restarts = true;
                return None;
            }
        }
        self.lines.selection.days = None;
        self.open = reached.map(|reached| {
            self.seen.is_of(&reached.source);
            Open {
                day: reached.day,
                // What was not read by then is read again.
                len: reached.start.byte,
                source: reached.source,
                start: reached.start,
                next: None,
                ended: false,
            }
        });
        None
    }

    /// A line of the open day.
    fn step(&mut self) -> ControlFlow<Result<Line, ReadError>> {
        let (Some(reading), Some(open)) = (&mut self.reading, &mut self.open) else {
            return ControlFlow::Continue(());
        };
        let item = reading.next(self.lines.check);
        open.start = reading.start();
        let (line, error) = match item {
            Item::Line(found) => (reading.line(&found), None),
            Item::Bad(found, fault) => {
                let error = reading.bad(&found, fault);
                (reading.line(&found), Some(error))
            }
            Item::Error(error) => {
                // So that it is tried again.
                open.len = open.start.byte;
                self.reading = None;
                self.rests = true;
                return ControlFlow::Break(Err(error));
            }
            Item::End => {
                self.reading = None;
                open.ended = open.next.is_some();
                return ControlFlow::Continue(());
            }
        };
        // What does not go on from the line before was perhaps read while a tail was cut.
        if (error.is_some() || !self.seen.goes_on_with(&line)) && !self.seen.is_in(&open.source) {
            self.reading = None;
            return ControlFlow::Break(Err(self.take_back()));
        }
        self.seen.add(&line);
        if let Some(error) = error {
            return ControlFlow::Break(Err(error));
        }
        if self.lines.selection.is_timed() {
            match line_time(line.bytes(), self.lines.stream) {
                Ok(time) if self.lines.selection.holds(time) => {}
                Ok(_) => return ControlFlow::Continue(()),
                Err(source) => {
                    let position = line.numbered_position();
                    return ControlFlow::Break(Err(ReadError::Line { position, source }));
                }
            }
        }
        ControlFlow::Break(Ok(line.to_line()))
    }

    /// Looks whether there is more than was read.
    fn look(&mut self) -> More {
        let looked = match &self.open {
            None => self.look_for_first(),
            Some(open) if open.ended => self.begin_next(),
            Some(open) if open.source.place == Place::Archive => self.look_for_next(),
            Some(_) => self.look_at_open(),
        };
        looked.unwrap_or_else(|error| {
            self.rests = true;
            More::Error(error)
        })
    }

    fn look_for_first(&mut self) -> Result<More, ReadError> {
        match self.listed(None)? {
            Some(listed) => self.begin_day(&listed),
            None => Ok(More::Nothing),
        }
    }

    /// The first day after `day`.
    fn listed(&self, day: Option<Day>) -> Result<Option<Listed>, ReadError> {
        let (journal, stream) = (&self.lines.journal, self.lines.stream);
        let days = journal
            .layout()
            .days(&**journal.disk(), stream)
            .map_err(|source| ReadError::Days { stream, source })?;
        let next = days.into_iter().find(|it| Some(it.day) > day);
        Ok(next.map(|file| Listed { file, newest: true }))
    }

    fn begin_day(&mut self, listed: &Listed) -> Result<More, ReadError> {
        let source = Source::open(&self.lines.journal, self.lines.stream, &listed.file)
            .map_err(|(path, source)| ReadError::Open { path, source })?;
        self.seen.is_of(&source);
        self.open = Some(Open {
            day: listed.file.day,
            len: source.len,
            source,
            start: Start::BEGINNING,
            next: None,
            ended: false,
        });
        self.read_on();
        Ok(More::Lines)
    }

    fn begin_next(&mut self) -> Result<More, ReadError> {
        match self.open.as_ref().and_then(|it| it.next.clone()) {
            Some(listed) => self.begin_day(&listed),
            None => Ok(More::Nothing),
        }
    }

    fn look_for_next(&mut self) -> Result<More, ReadError> {
        let next = self.listed(self.open.as_ref().map(|it| it.day))?;
        let Some(open) = self.open.as_mut().filter(|_| next.is_some()) else {
            return Ok(More::Nothing);
        };
        open.next = next;
        // An archived day does not grow; a plain one may have, before the next was made.
        if open.source.place == Place::Archive {
            open.ended = true;
            return Ok(More::Lines);
        }
        self.refresh()
    }

    fn look_at_open(&mut self) -> Result<More, ReadError> {
        let len = self.open.as_ref().map(|it| it.len);
        match self.refresh()? {
            More::Lines if self.open.as_ref().map(|it| it.len) == len => {
                self.reading = None;
                self.look_for_next()
            }
            more => Ok(more),
        }
    }

    /// Looks at the open day's file again and gets ready to read on.
    fn refresh(&mut self) -> Result<More, ReadError> {
        let journal = &self.lines.journal;
        let Some(open) = &mut self.open else {
            return Ok(More::Nothing);
        };
        let fail = |open: &Open, source| ReadError::Read {
            path: Arc::clone(&open.source.path),
            byte: open.start.byte,
            source,
        };
        let mut meta = open.source.file.look().map_err(|it| fail(open, it))?;
        // A day that was moved away is read to its end from the file that is still open.
        let named = journal.disk().look(&open.source.path);
        let mut changed = meta.len != open.len;
        if let Some(named) = named.map_err(|it| fail(open, it))?
            && named.identity != meta.identity
        {
            let file = DayFile {
                day: open.day,
                place: open.source.place,
                path: open.source.path.to_path_buf(),
            };
            open.source = Source::open(journal, self.lines.stream, &file)
                .map_err(|(path, source)| ReadError::Open { path, source })?;
            meta.len = open.source.len;
            changed = true;
        }
        open.source.len = meta.len;
        open.len = meta.len;
        if meta.len < open.start.byte || (changed && !self.seen.is_in(&open.source)) {
            return Ok(More::Error(self.take_back()));
        }
        self.read_on();
        Ok(More::Lines)
    }

    fn read_on(&mut self) {
        let Some(open) = &self.open else { return };
        let listed = Listed {
            file: DayFile {
                day: open.day,
                place: open.source.place,
                path: open.source.path.to_path_buf(),
            },
            newest: open.next.is_none(),
        };
        let block_len = self.lines.shape.block_len;
        self.reading = Some(DayLines::new(
            open.source.clone(),
            &listed,
            open.start,
            block_len,
        ));
    }

    /// Goes back to what is still there of what was read, and says so.
    fn take_back(&mut self) -> ReadError {
        let seen = &mut self.seen.lines;
        let source = self.open.as_ref().map(|it| it.source.clone());
        let mut lines = 0;
        let mut start = Start::BEGINNING;
        while let Some(line) = seen.back() {
            if source.as_ref().is_some_and(|it| line.is_in(it)) {
                start = line.end();
                break;
            }
            seen.pop_back();
            lines += 1;
        }
        let is_known = !seen.is_empty();
        if let Some(open) = &mut self.open {
            open.start = start;
            // Whatever is behind that has to be read again.
            open.len = start.byte;
            open.ended = false;
            open.next = None;
        }
        ReadError::TakenBack {
            position: Position {
                file: source.map_or_else(|| Arc::from(Path::new("")), |it| it.path),
                line: start.number,
                byte: start.byte,
            },
            lines: is_known.then_some(lines),
        }
    }
}

impl Seen {
    fn add(&mut self, line: &LineRef<'_>) {
        self.is_of(line.source);
        let tail = line.tail();
        self.lines.push_back(SeenLine {
            byte: line.byte,
            number: line.number,
            len: line.bytes.len(),
            print: print(line.bytes),
            seq: tail.map(|it| it.seq),
        });
        let kept_max = match tail {
            Some(Tail { dur, .. }) => {
                self.promised = self.promised.max(dur);
                REMEMBERED_MAX
            }
            None => UNCHAINED_MAX,
        };
        // What was promised stays where it is: the newest such line is enough to know that.
        while kept_max < self.lines.len() || self.is_promised(1) {
            self.lines.pop_front();
        }
    }

    fn is_promised(&self, index: usize) -> bool {
        let seq = self.lines.get(index).and_then(|it| it.seq);
        seq.is_some_and(|seq| seq < self.promised)
    }

    /// Whether a line may come after the newest.
    fn goes_on_with(&self, line: &LineRef<'_>) -> bool {
        match (self.lines.back().and_then(|it| it.seq), line.seq()) {
            (Some(before), Some(seq)) => before + 1 == seq,
            _ => true,
        }
    }

    /// Whether the newest line is still where it was.
    fn is_in(&self, source: &Source) -> bool {
        self.lines.back().is_none_or(|it| it.is_in(source))
    }

    /// Forgets lines of another day.
    fn is_of(&mut self, source: &Source) {
        if self.path.as_ref() != Some(&source.path) {
            self.path = Some(Arc::clone(&source.path));
            self.lines.clear();
        }
    }
}

impl SeenLine {
    fn is_in(&self, source: &Source) -> bool {
        let mut bytes = vec![0; self.len];
        let read: io::Result<usize> = disk::read_full(&*source.file, &mut bytes, self.byte);
        read.is_ok_and(|read| read == self.len) && print(&bytes) == self.print
    }

    fn end(&self) -> Start {
        Start {
            byte: self.byte + self.len as u64,
            number: self.number.map(|it| it + 1),
        }
    }
}

fn print(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

impl<R: Record> Reader<R> {
    /// These records, and then those that come; see [`Lines::follow`].
    #[must_use]
    pub fn follow(self) -> Followed<R> {
        Followed {
            follower: self.lines.follow(),
            record: PhantomData,
        }
    }
}

/// The records of a stream that is followed.
pub struct Followed<R> {
    follower: Follower,
    record: PhantomData<fn() -> R>,
}

impl<R: Record> Followed<R> {
    /// The next record if there is one now; see [`Follower::next_now`].
    pub fn next_now(&mut self) -> Option<Result<Entry<R>, ReadError>> {
        let line = self.follower.next_now()?;
        Some(line.and_then(|it| it.decode()))
    }

    /// The next record; while there is none, `wait` is called, and when it breaks, that is all.
    pub fn next_after(
        &mut self,
        wait: impl FnMut() -> ControlFlow<()>,
    ) -> Option<Result<Entry<R>, ReadError>> {
        let line = self.follower.next_after(wait)?;
        Some(line.and_then(|it| it.decode()))
    }
}

impl<R> fmt::Debug for Followed<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Followed").field(&self.follower).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::super::testing::{Chain, Folder, day};
    use super::*;
    use crate::record::Stream;

    const STREAM: Stream = Stream::Trades;

    /// What is there now: the `n` of each line, or what is said instead.
    fn now(follower: &mut Follower) -> Vec<String> {
        let mut found = Vec::new();
        while let Some(item) = follower.next_now() {
            found.push(match item {
                Ok(line) => {
                    let text = String::from_utf8(line.bytes().to_vec()).unwrap();
                    let end = text.find([',', '}']).unwrap();
                    text[5..end].to_owned()
                }
                Err(ReadError::TakenBack { position, lines }) => {
                    format!("back to {} {lines:?}", position.byte)
                }
                Err(ReadError::Line { position, source }) => {
                    format!("{} {source}", position.line.unwrap())
                }
                Err(error) => error.to_string(),
            });
        }
        found
    }

    fn follow(folder: &Folder) -> Follower {
        folder.journal.lines(STREAM).follow()
    }

    #[test]
    fn lines_come_once_and_whole_over_midnight() {
        let folder = Folder::new();
        let mut chain = Chain::new(STREAM);
        let mut follower = follow(&folder);
        assert_eq!(now(&mut follower), [""; 0]);
        folder.add(STREAM, "2025-01-01", &chain.numbers(2));
        assert_eq!(now(&mut follower), ["0", "1"]);
        let next = chain.numbers(2);
        let (begin, end) = next.split_at(next.len() - 5);
        folder.add(STREAM, "2025-01-01", begin);
        assert_eq!(now(&mut follower), ["2"]);
        assert_eq!(now(&mut follower), [""; 0]);
        folder.add(STREAM, "2025-01-01", end);
        // The next two days are there before the first is read to its end.
        folder.add(STREAM, "2025-01-01", &chain.numbers(1));
        folder.add(STREAM, "2025-01-02", &chain.numbers(1));
        folder.add(STREAM, "2025-01-05", &chain.numbers(1));
        assert_eq!(now(&mut follower), ["3", "4", "5", "6"]);
        folder.add(STREAM, "2025-01-05", &chain.numbers(1));
        assert_eq!(now(&mut follower), ["7"]);
        assert_eq!(now(&mut follower), [""; 0]);
    }

    #[test]
    fn following_begins_with_the_last_lines_that_are_there() {
        let folder = Folder::new();
        let mut chain = Chain::new(STREAM);
        folder.archive(STREAM, "2025-01-01", &[&chain.numbers(5)]);
        folder.add(STREAM, "2025-01-02", &chain.numbers(3));
        for (last, expected) in [(0, &[][..]), (2, &["6", "7"]), (4, &["4", "5", "6", "7"])] {
            let mut follower = folder.journal.lines(STREAM).last(last).follow();
            assert_eq!(now(&mut follower), expected);
        }
        let mut none = folder.journal.lines(STREAM).last(0).follow();
        let mut all = follow(&folder);
        assert_eq!(now(&mut none), [""; 0]);
        assert_eq!(now(&mut all).len(), 8);
        folder.add(STREAM, "2025-01-02", &chain.numbers(1));
        folder.add(STREAM, "2025-01-03", &chain.numbers(1));
        assert_eq!(now(&mut none), ["8", "9"]);
        assert_eq!(now(&mut all), ["8", "9"]);
    }

    #[test]
    fn the_wait_is_the_callers() {
        let folder = Folder::new();
        let mut chain = Chain::new(STREAM);
        let mut follower = follow(&folder);
        let mut waits = 0;
        let found = follower.next_after(|| {
            waits += 1;
            if waits == 3 {
                folder.add(STREAM, "2025-01-01", &chain.numbers(1));
            }
            ControlFlow::Continue(())
        });
        assert_eq!((waits, found.unwrap().unwrap().tail().unwrap().seq), (3, 0));
        assert!(follower.next_after(|| ControlFlow::Break(())).is_none());
    }

    #[test]
    fn a_tail_that_was_taken_back_is_said() {
        let folder = Folder::new();
        let mut chain = Chain::new(STREAM);
        folder.add(STREAM, "2025-01-01", &chain.numbers(3));
        let path = folder.journal.layout().day(STREAM, day("2025-01-01"));
        let kept = fs::read(&path).unwrap();
        let (seq, previous) = (chain.seq, chain.previous);
        let batch = |chain: &mut Chain, text: &str, count: usize| -> Vec<u8> {
            let line = |_| chain.line_with_dur(&format!("{{\"n\":{text}}}"), 3);
            (0..count).flat_map(line).collect()
        };
        folder.add(STREAM, "2025-01-01", &batch(&mut chain, "7", 2));
        let mut follower = follow(&folder);
        assert_eq!(now(&mut follower), ["0", "1", "2", "7", "7"]);
        let back = format!("back to {} Some(2)", kept.len());
        // Only cut.
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(kept.len() as u64).unwrap();
        assert_eq!(now(&mut follower), [back.as_str()]);
        assert_eq!(now(&mut follower), [""; 0]);
        // Cut, and written on past where it was.
        (chain.seq, chain.previous) = (seq, previous);
        folder.add(STREAM, "2025-01-01", &batch(&mut chain, "8", 2));
        assert_eq!(now(&mut follower), ["8", "8"]);
        (chain.seq, chain.previous) = (seq, previous);
        folder.put(
            STREAM,
            "2025-01-01",
            &[kept.clone(), batch(&mut chain, "9", 3)].concat(),
        );
        assert_eq!(now(&mut follower), [back.as_str(), "9", "9", "9"]);
        // Cut, and the next day begun.
        folder.put(STREAM, "2025-01-01", &kept);
        (chain.seq, chain.previous) = (seq, previous);
        folder.add(STREAM, "2025-01-02", &batch(&mut chain, "10", 1));
        let back = format!("back to {} Some(3)", kept.len());
        assert_eq!(now(&mut follower), [back.as_str(), "10"]);
    }

    #[test]
    fn a_replaced_file_goes_on_where_it_is_the_same() {
        let folder = Folder::new();
        let mut chain = Chain::new(STREAM);
        let mut bytes = chain.numbers(3);
        folder.put(STREAM, "2025-01-01", &bytes);
        let mut follower = follow(&folder);
        assert_eq!(now(&mut follower).len(), 3);
        let path = folder.journal.layout().day(STREAM, day("2025-01-01"));
        fs::remove_file(&path).unwrap();
        bytes.extend(chain.numbers(1));
        folder.put(STREAM, "2025-01-01", &bytes);
        assert_eq!(now(&mut follower), ["3"]);
        fs::remove_file(&path).unwrap();
        folder.put(STREAM, "2025-01-01", b"{\"n\":100}\n");
        assert_eq!(now(&mut follower), ["back to 0 None", "100"]);
        // A day that is archived and gone is read to its end all the same.
        folder.add(STREAM, "2025-01-01", b"{\"n\":101}\n{\"n\":1");
        fs::remove_file(&path).unwrap();
        folder.add(STREAM, "2025-01-02", b"{\"n\":102}\nbad\n{\"n\":103}\n");
        let expected = [
            "101",
            "3 ends without a newline",
            "102",
            "2 is not a JSON object at its byte 0",
            "103",
        ];
        assert_eq!(now(&mut follower), expected);
    }

    #[test]
    fn a_day_that_cannot_be_opened_is_an_item_at_each_try() {
        let folder = Folder::new();
        let mut chain = Chain::new(STREAM);
        folder.add(STREAM, "2025-01-01", &chain.numbers(1));
        let mut follower = follow(&folder);
        assert_eq!(now(&mut follower), ["0"]);
        folder.disk.refuse(true);
        folder.add(STREAM, "2025-01-02", &chain.numbers(1));
        for _ in 0..2 {
            let refused = now(&mut follower);
            assert!(
                matches!(refused.as_slice(), [one] if one.starts_with("open ")),
                "{refused:?}"
            );
        }
        let mut late = folder.journal.lines(STREAM).last(1).follow();
        assert_eq!(now(&mut late).len(), 2, "one for each day");
        folder.disk.refuse(false);
        assert_eq!(now(&mut follower), ["1"]);
        assert_eq!(now(&mut late), ["1"]);
    }

    #[test]
    fn what_was_read_before_the_disk_failed_does_not_come_again() {
        let folder = Folder::new();
        let mut chain = Chain::new(STREAM);
        folder.add(STREAM, "2025-01-01", &chain.numbers(6));
        folder.disk.fail_from(Some(250));
        let lines = folder.journal.lines(STREAM).block_len(50);
        let mut follower = lines.promised_only().follow();
        let first = now(&mut follower);
        let (error, read) = first.split_last().unwrap();
        assert_eq!(read, ["0", "1"]);
        assert!(error.starts_with("read "), "{error}");
        let again = now(&mut follower);
        assert!(
            matches!(again.as_slice(), [one] if one.starts_with("read ")),
            "{again:?}"
        );
        folder.disk.fail_from(None);
        assert_eq!(now(&mut follower), ["2", "3", "4", "5"]);
        assert_eq!(now(&mut follower), [""; 0]);
    }

    proptest! {
        #[test]
        fn whatever_is_added_comes_once_and_in_order(
            steps in prop::collection::vec((1..4_usize, 0..4_u32, 0..200_usize, any::<bool>()), 1..20),
            block_len in 1..300_usize,
        ) {
            let folder = Folder::new();
            let mut chain = Chain::new(STREAM);
            let mut follower = folder.journal.lines(STREAM).block_len(block_len).follow();
            let (mut date, mut found, mut rest) = (1, Vec::new(), Vec::new());
            for (count, turn, cut, polls) in steps {
                // A day is ended by its last newline.
                let day = format!("2025-01-{date:02}");
                let mut bytes = mem::take(&mut rest);
                bytes.extend(chain.numbers(count));
                if turn == 0 {
                    date += 1;
                } else {
                    rest = bytes.split_off(bytes.len() - cut.min(bytes.len()));
                }
                folder.add(STREAM, &day, &bytes);
                if polls {
                    found.extend(now(&mut follower));
                }
            }
            folder.add(STREAM, &format!("2025-01-{date:02}"), &rest);
            found.extend(now(&mut follower));
            let expected: Vec<String> = (0..chain.seq).map(|it| it.to_string()).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
