//! Where the last lines of a day begin, found from its end.
//!
//! Always true: a plain day that is not asked for by time is read from its end backwards and no
//! further than needed; an archived one has to be unpacked, and one asked for by time looked
//! through, so there the lines are counted first and skipped then. Memory is one block either way.

use std::io;

use super::head::{Head, HeadFile};
use super::layout::Place;
use super::lines::{Check, DayLines, Item, LineIter, Lines, Start};
use super::selection::Listed;
use super::source::Source;
use crate::disk;

/// How many of the newest lines are looked at for the newest `dur`.
const PROMISE_LINES: u64 = 64;

/// Where the last items of a day begin.
pub(super) struct Ending {
    /// Where to begin reading.
    pub(super) start: Start,
    /// How many items from there on are not wanted.
    pub(super) skip: u64,
    /// How many are.
    pub(super) items: u64,
}

/// Where the last `wanted` items of a day begin, or the day if it has fewer.
pub(super) fn of(lines: &Lines, listed: &Listed, source: &Source, wanted: u64) -> Ending {
    let timed = lines.selection.is_timed();
    if source.place == Place::Logs && !timed {
        // A failing disk will be met again, and reported, in reading forwards.
        return backwards(source, listed.newest, wanted, lines.shape.block_len).unwrap_or(Ending {
            start: Start::BEGINNING,
            skip: 0,
            items: 0,
        });
    }
    let total = match timed {
        true => count_timed(lines, listed, source),
        false => count(source, listed, lines.shape.block_len),
    };
    let items = total.min(wanted);
    Ending {
        start: Start::BEGINNING,
        skip: total - items,
        items,
    }
}

/// Goes from newline to newline, from the end of a plain day.
fn backwards(source: &Source, newest: bool, wanted: u64, block_len: usize) -> io::Result<Ending> {
    let mut block = vec![0; block_len];
    let mut end = source.len;
    let mut items = 0;
    let mut is_behind_all = true;
    while 0 < end {
        let len = usize::try_from(end).unwrap_or(usize::MAX).min(block_len);
        let begin = end - len as u64;
        let room = block.get_mut(..len).unwrap_or_default();
        let read = disk::read_full(&*source.file, room, begin)?;
        let bytes = block.get(..read).unwrap_or_default();
        for at in memchr::memrchr_iter(b'\n', bytes) {
            let byte = begin + at as u64 + 1;
            // Behind the last newline is nothing, or a line that is still being written.
            let is_no_line = is_behind_all && (newest || byte == source.len);
            is_behind_all = false;
            if is_no_line {
                continue;
            }
            items += 1;
            if items == wanted {
                return Ok(Ending {
                    start: Start { byte, number: None },
                    skip: 0,
                    items,
                });
            }
        }
        end = begin;
    }
    // The first line has no newline before it.
    let has_first = !is_behind_all || (!newest && 0 < source.len);
    Ok(Ending {
        start: Start::BEGINNING,
        skip: 0,
        items: items + u64::from(has_first),
    })
}

/// How many items a day has.
fn count(source: &Source, listed: &Listed, block_len: usize) -> u64 {
    let mut day = DayLines::new(source.clone(), listed, Start::BEGINNING, block_len);
    let mut items = 0;
    loop {
        match day.next(Check::Text) {
            Item::End => return items,
            _ => items += 1,
        }
    }
}

/// How many items a day has in the span that is asked for.
fn count_timed(lines: &Lines, listed: &Listed, source: &Source) -> u64 {
    let mut iter = LineIter::over(lines.clone(), vec![listed.clone()]);
    iter.counted = listed.newest.then(|| source.clone());
    let mut items = 0;
    while iter.next_line().is_some() {
        items += 1;
    }
    items
}

/// How many lines of the stream are known to be on disk: as many as `HEAD` and the newest lines say.
pub(super) fn promised(lines: &Lines) -> u64 {
    let path = lines.journal.layout().head(lines.stream);
    let mut promised = match Head::read(&**lines.journal.disk(), &path) {
        Ok(HeadFile::Read(head)) => head.lines,
        // The lines themselves say nearly as much.
        _ => 0,
    };
    let newest = lines.journal.lines(lines.stream).last(PROMISE_LINES);
    let mut newest = newest.unchecked().into_iter();
    while let Some(line) = newest.next_line() {
        if let Some(tail) = line.ok().and_then(|it| it.tail()) {
            promised = promised.max(tail.dur);
        }
    }
    promised
}
