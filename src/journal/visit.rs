//! All records of a reader, decoded and validated on all cores.
//!
//! Always true:
//! - What is shown is what [`Reader::iter`] gives, each once; in the same order unless the function
//!   says otherwise.
//! - The memory of records is used again, except for those that are given away.
//!
//! Not here: the cutting of days into parts, and the order of the parts.

use std::{ops::ControlFlow, path::Path, sync::Arc};

use super::line::LINE_LEN_MAX;
use super::lines::{LineRef, Numbers, line_time};
use super::position::{LineFault, Position, ReadError};
use super::reader::{Entry, EntryRef, Reader};
use super::scan::{Batch, Block, Piece, Scan};
use super::source::Source;
use crate::record::{Invalid, Record};

impl<R: Record> Reader<R> {
    /// Shows every record in order, on the calling thread, until `each` breaks. The records are
    /// decoded on all cores.
    pub fn visit(
        &self,
        mut each: impl FnMut(Result<EntryRef<'_, R>, ReadError>) -> ControlFlow<()>,
    ) {
        if self.is_from_the_end() {
            let mut entries = self.iter();
            while let Some(entry) = entries.next_entry() {
                if each(entry).is_break() {
                    return;
                }
            }
            return;
        }
        let keep = Records::keep_line;
        self.in_order(keep, |line, _, slot| match (line, slot) {
            (Ok(line), Some(record)) => each(Ok(EntryRef { record, line })),
            (Err(error), _) => each(Err(error)),
            (Ok(_), None) => ControlFlow::Continue(()),
        });
    }

    /// The same, giving the records away.
    pub fn visit_owned(
        &self,
        mut each: impl FnMut(Result<Entry<R>, ReadError>) -> ControlFlow<()>,
    ) {
        if self.is_from_the_end() {
            let _ = self.iter().try_for_each(each);
            return;
        }
        let keep = Records::keep_seq;
        self.in_order(keep, |line, seq, slot| match (line, slot.take()) {
            (Ok(line), Some(record)) => each(Ok(Entry {
                seq,
                position: line.position(),
                record,
            })),
            (Err(error), _) => each(Err(error)),
            (Ok(_), None) => ControlFlow::Continue(()),
        });
    }

    /// Shows every record in no order, on all cores: each thread begins with a state that `start`
    /// makes and shows `visit` what it reads; the states come back. When `visit` breaks, all stop.
    ///
    /// ```no_run
    /// use std::ops::ControlFlow;
    /// use tradejournal::{journal::Journal, record::TradeRecord};
    ///
    /// let trades = Journal::open("logs")?.read::<TradeRecord>();
    /// let counts = trades.visit_unordered(
    ///     || 0_u64,
    ///     |count, entry| {
    ///         *count += u64::from(entry.is_ok());
    ///         ControlFlow::Continue(())
    ///     },
    /// );
    /// println!("{} records", counts.into_iter().sum::<u64>());
    /// # Ok::<(), tradejournal::journal::IdentityError>(())
    /// ```
    pub fn visit_unordered<A: Send>(
        &self,
        start: impl Fn() -> A + Sync,
        visit: impl Fn(&mut A, Result<EntryRef<'_, R>, ReadError>) -> ControlFlow<()> + Sync,
    ) -> Vec<A> {
        if self.is_from_the_end() {
            let mut state = start();
            self.visit(|entry| visit(&mut state, entry));
            return vec![state];
        }
        let scan = match self.scan() {
            Ok(scan) => scan,
            Err(error) => {
                let mut state = start();
                let _ = visit(&mut state, Err(error));
                return vec![state];
            }
        };
        let local = || (start(), None, Numbers::default());
        let states = scan.unordered(local, |(state, slot, numbers), piece| match piece {
            Piece::Lines(block) => each_line(&block, |line, text| match self.decode(text, slot) {
                Some(Ok(())) => match slot {
                    Some(record) => visit(state, Ok(EntryRef { record, line })),
                    None => ControlFlow::Continue(()),
                },
                Some(Err(wrong)) => visit(state, Err(wrong.of(&line, numbers))),
                None => ControlFlow::Continue(()),
            }),
            Piece::Bad(block, fault) => {
                visit(state, Err(Wrong::Line(fault).of(&block.first(), numbers)))
            }
            Piece::Error(error) => visit(state, Err(error)),
        });
        states.into_iter().map(|(state, ..)| state).collect()
    }

    /// Whether where to begin is only known from the end: then one thread reads.
    fn is_from_the_end(&self) -> bool {
        self.lines.last.is_some() || self.lines.promised_only
    }

    fn scan(&self) -> Result<Scan, ReadError> {
        let lines = &self.lines;
        let days = lines.selection.list(&lines.journal, lines.stream)?;
        Ok(Scan::new(&lines.journal, lines.stream, days, lines.shape))
    }

    /// Decodes on all cores, lets `keep` keep what it wants of a record's line, and shows what came
    /// of it in order, each record in its slot.
    fn in_order(
        &self,
        keep: impl Fn(&mut Records<R>, &LineRef<'_>) + Sync,
        mut each: impl FnMut(Shown<'_>, Option<u64>, &mut Option<R>) -> ControlFlow<()>,
    ) {
        let scan = match self.scan() {
            Ok(scan) => scan,
            Err(error) => {
                let _ = each(Err(error), None, &mut None);
                return;
            }
        };
        let work = |_: &mut (), records: &mut Records<R>, piece: Piece<'_>| match piece {
            Piece::Lines(block) => {
                let _ = each_line(&block, |line, text| {
                    let decoded = self.decode(text, records.slot());
                    match decoded {
                        Some(Ok(())) => keep(records, &line),
                        Some(Err(wrong)) => records.refuse(&line, wrong),
                        None => {
                            records.place(&line);
                        }
                    }
                    ControlFlow::Continue(())
                });
            }
            Piece::Bad(block, fault) => {
                records.refuse(&block.first(), Wrong::Line(fault));
            }
            Piece::Error(error) => records.items.push(Item::Error(error)),
        };
        let mut count = Count::default();
        let _ = scan.in_order(|| (), work, |records| records.show(&mut count, &mut each));
    }

    /// Decodes a line into `slot`; `None` when its time is not asked for.
    fn decode(
        &self,
        text: Result<&str, LineFault>,
        slot: &mut Option<R>,
    ) -> Option<Result<(), Wrong>> {
        let text = match text {
            Ok(text) => text,
            Err(fault) => return Some(Err(Wrong::Line(fault))),
        };
        let selection = &self.lines.selection;
        if selection.is_timed() {
            match line_time(text.as_bytes(), R::STREAM) {
                Ok(time) if selection.holds(time) => {}
                Ok(_) => return None,
                Err(fault) => return Some(Err(Wrong::Line(fault))),
            }
        }
        let json = text.strip_suffix('\n').unwrap_or(text);
        Some(R::decode_str_into(json, slot).map_err(Wrong::Record))
    }
}

/// What is wrong with a line.
enum Wrong {
    Line(LineFault),
    Record(Invalid),
}

impl Wrong {
    fn of(self, line: &LineRef<'_>, numbers: &mut Numbers) -> ReadError {
        let count = || numbers.of(line.source, line.byte);
        let number = line.number.or_else(count);
        self.at(line.source, line.byte, number)
    }

    fn at(self, source: &Source, byte: u64, number: Option<u64>) -> ReadError {
        let position = Position {
            file: Arc::clone(&source.path),
            line: number,
            byte,
        };
        match self {
            Wrong::Line(source) => ReadError::Line { position, source },
            Wrong::Record(source) => ReadError::Record { position, source },
        }
    }
}

/// Shows the lines of a block, as texts where they are such. Whether they are is asked once for
/// the block.
fn each_line(
    block: &Block<'_>,
    mut each: impl FnMut(LineRef<'_>, Result<&str, LineFault>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let whole = std::str::from_utf8(block.bytes).ok();
    let mut start = 0;
    for (index, end) in memchr::memchr_iter(b'\n', block.bytes).enumerate() {
        let range = start..end + 1;
        let line = LineRef {
            bytes: block.bytes.get(range.clone()).unwrap_or_default(),
            source: block.source,
            number: block.number.map(|it| it + index as u64),
            byte: block.byte + start as u64,
        };
        start = end + 1;
        let text = match whole.and_then(|it| it.get(range)) {
            Some(text) if text.len() <= LINE_LEN_MAX => Ok(text),
            _ => text_of(line.bytes),
        };
        each(line, text)?;
    }
    ControlFlow::Continue(())
}

#[cold]
fn text_of(line: &[u8]) -> Result<&str, LineFault> {
    if LINE_LEN_MAX < line.len() {
        return Err(LineFault::TooLong);
    }
    std::str::from_utf8(line).map_err(|error| {
        let at = error.valid_up_to();
        LineFault::NotUtf8 { at }
    })
}

/// About what the texts of a record take.
const TEXTS_LEN: usize = 512;

/// What a worker decoded of a part of a day.
struct Records<R> {
    source: Option<Source>,
    /// The lines of the records, one after the other.
    bytes: Vec<u8>,
    items: Vec<Item>,
    /// The records in the order of their items, and memory of records behind them.
    slots: Vec<Option<R>>,
    used: usize,
    /// How many lines were looked at.
    lines: u64,
}

/// A line that is shown, or why it is none.
type Shown<'a> = Result<LineRef<'a>, ReadError>;

enum Item {
    /// The next slot is the record, and the next `len` bytes what is kept of its line. Before it
    /// were `index` lines of the part.
    Record {
        len: usize,
        byte: u64,
        index: u64,
        seq: Option<u64>,
    },
    Wrong {
        wrong: Wrong,
        byte: u64,
        index: u64,
    },
    Error(ReadError),
}

impl<R> Records<R> {
    /// Memory for the next record.
    fn slot(&mut self) -> &mut Option<R> {
        if self.slots.len() <= self.used {
            self.slots.resize_with(self.used + 1, || None);
        }
        match self.slots.get_mut(self.used) {
            Some(slot) => slot,
            None => unreachable!("there is a slot behind the used ones"),
        }
    }

    /// Keeps the record in [`Records::slot`] with its whole line.
    fn keep_line(&mut self, line: &LineRef<'_>) {
        self.bytes.extend_from_slice(line.bytes);
        self.keep(line, line.bytes.len(), None);
    }

    /// Keeps the record in [`Records::slot`] with no more of its line than the number.
    fn keep_seq(&mut self, line: &LineRef<'_>) {
        self.keep(line, 0, line.seq());
    }

    fn keep(&mut self, line: &LineRef<'_>, len: usize, seq: Option<u64>) {
        let (byte, index) = self.place(line);
        self.items.push(Item::Record {
            len,
            byte,
            index,
            seq,
        });
        self.used += 1;
    }

    fn refuse(&mut self, line: &LineRef<'_>, wrong: Wrong) {
        let (byte, index) = self.place(line);
        self.items.push(Item::Wrong { wrong, byte, index });
    }

    fn place(&mut self, line: &LineRef<'_>) -> (u64, u64) {
        let index = self.lines;
        self.lines += 1;
        if self.source.is_none() {
            self.source = Some(line.source.clone());
        }
        (line.byte, index)
    }

    fn show(
        &mut self,
        count: &mut Count,
        each: &mut impl FnMut(Shown<'_>, Option<u64>, &mut Option<R>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let first = count.next(self.source.as_ref(), self.lines);
        let mut bytes = self.bytes.as_slice();
        let mut slots = self.slots.iter_mut();
        for item in self.items.drain(..) {
            match (item, &self.source) {
                (Item::Error(error), _) => each(Err(error), None, &mut None)?,
                (
                    Item::Record {
                        len,
                        byte,
                        index,
                        seq,
                    },
                    Some(source),
                ) => {
                    let (line, rest) = bytes.split_at_checked(len).unwrap_or_default();
                    bytes = rest;
                    let line = LineRef {
                        bytes: line,
                        source,
                        number: Some(first + index),
                        byte,
                    };
                    each(Ok(line), seq, slots.next().unwrap_or(&mut None))?;
                }
                (Item::Wrong { wrong, byte, index }, Some(source)) => {
                    let error = wrong.at(source, byte, Some(first + index));
                    each(Err(error), None, &mut None)?;
                }
                // What has a place has a source.
                (Item::Record { .. } | Item::Wrong { .. }, None) => {}
            }
        }
        ControlFlow::Continue(())
    }
}

impl<R> Default for Records<R> {
    fn default() -> Self {
        Records {
            source: None,
            bytes: Vec::new(),
            items: Vec::new(),
            slots: Vec::new(),
            used: 0,
            lines: 0,
        }
    }
}

impl<R: Record> Batch for Records<R> {
    fn weight(&self) -> usize {
        // A record owns about as many bytes as its line has; most are shorter than this.
        self.bytes.len() + self.items.len() * (size_of::<R>() + size_of::<Item>() + TEXTS_LEN)
    }

    fn is_empty(&self) -> bool {
        self.lines == 0 && self.items.is_empty()
    }

    fn clear(&mut self) {
        self.source = None;
        self.bytes.clear();
        self.items.clear();
        (self.used, self.lines) = (0, 0);
    }
}

/// Counts lines over the parts of a day as they come.
#[derive(Default)]
struct Count {
    path: Option<Arc<Path>>,
    next: u64,
}

impl Count {
    /// The number of the first line of a part with that many.
    fn next(&mut self, source: Option<&Source>, lines: u64) -> u64 {
        let path = source.map(|it| &it.path);
        if self.path.as_ref() != path {
            self.path = path.cloned();
            self.next = 1;
        }
        let first = self.next;
        self.next += lines;
        first
    }
}

#[cfg(test)]
mod tests {
    use super::super::scan::Shape;
    use super::super::testing::{Chain, Folder, day};
    use super::*;
    use crate::record::{Stream, TradeRecord};

    const TRADE: &str = r#"{"timestamp":"2025-10-26T14:32:15.123Z","symbol":"AAPL","action":"BUY","quantity":50,"price":"150.25","total_value":"7512.50","order_id":"abc-123-def","execution_mode":"PAPER","account_id":null,"strategy_name":"bull-flag-breakout","entry_type":"breakout","stop_loss":"148.50","target":"155.00","decision_reasoning":"Bull flag","indicators_used":["VWAP","EMA-9","Volume"],"risk_reward_ratio":2.3,"outcome":"open","profit_loss":null,"hold_duration_seconds":null,"exit_timestamp":null,"exit_reasoning":null,"slippage":"0.05","commission":"0.00","net_profit_loss":null,"session_id":"550e8400-e29b-41d4-a716-446655440000","bot_version":"1.0.0","config_hash":"5d41402abc4b2a76b9719d911017c592"}"#;

    fn trades(chain: &mut Chain, count: usize) -> Vec<u8> {
        let mut out = Vec::new();
        for number in 0..count {
            let order = format!("order-{}", chain.seq);
            let hour = format!("T{:02}:32:15.123Z", number % 24);
            let trade = TRADE.replace("abc-123-def", &order);
            out.extend(chain.line(&trade.replace("T14:32:15.123Z", &hour)));
            match number % 10 {
                3 => out.extend(b"not json\n"),
                5 => out.extend(b"\xff\n"),
                7 => out.extend(format!("{}\n", TRADE.replace("BUY", "HOLD")).bytes()),
                8 => out.extend(format!("{TRADE}\n").bytes()),
                _ => {}
            }
        }
        out
    }

    fn folder() -> Folder {
        let folder = Folder::new();
        let mut chain = Chain::new(Stream::Trades);
        folder.archive(Stream::Trades, "2025-10-24", &[&trades(&mut chain, 40)]);
        folder.put(Stream::Trades, "2025-10-25", &trades(&mut chain, 40));
        folder.put(Stream::Trades, "2025-10-26", &trades(&mut chain, 40));
        folder
    }

    fn text(item: Result<(Option<u64>, Position, TradeRecord), ReadError>) -> String {
        match item {
            Ok((seq, position, record)) => format!("{seq:?} {position} {record:?}"),
            Err(error) => format!("{error} {:?}", std::error::Error::source(&error)),
        }
    }

    fn owned(entry: Result<Entry<TradeRecord>, ReadError>) -> String {
        text(entry.map(|it| (it.seq, it.position, it.record)))
    }

    fn borrowed(entry: Result<EntryRef<'_, TradeRecord>, ReadError>) -> String {
        text(entry.map(|it| (it.seq(), it.line.position(), it.record.clone())))
    }

    /// What each way of visiting gives is what the iterator gives.
    fn check(reader: &Reader<TradeRecord>) -> usize {
        let expected: Vec<String> = reader.iter().map(owned).collect();
        let mut found = Vec::new();
        reader.visit(|entry| {
            found.push(borrowed(entry));
            ControlFlow::Continue(())
        });
        assert_eq!(found, expected);
        found.clear();
        reader.visit_owned(|entry| {
            found.push(owned(entry));
            ControlFlow::Continue(())
        });
        assert_eq!(found, expected);
        let visit = |found: &mut Vec<String>,
                     entry: Result<EntryRef<'_, TradeRecord>, ReadError>| {
            let numbered =
                entry.map(|it| (it.seq(), it.line.numbered_position(), it.record.clone()));
            found.push(text(numbered));
            ControlFlow::Continue(())
        };
        let mut found = reader.visit_unordered(Vec::new, visit).concat();
        let mut expected = expected;
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
        found.len()
    }

    #[test]
    fn every_way_of_visiting_gives_what_the_iterator_gives() {
        let folder = folder();
        for (unit_len, block_len) in [(500, 100), (3000, 1000), (1 << 20, 256 << 10)] {
            for threads in 1..4 {
                let mut reader = folder.journal.read::<TradeRecord>();
                reader.lines.shape = Shape {
                    unit_len,
                    block_len,
                    threads,
                };
                assert_eq!(check(&reader), 168);
                let days = day("2025-10-25")..=day("2025-10-25");
                assert_eq!(check(&reader.clone().days(days)), 56);
            }
        }
        let reader = folder.journal.read::<TradeRecord>();
        let from = "2025-10-26T05:00:00Z".parse().unwrap();
        let to = "2025-10-26T07:00:00Z".parse().unwrap();
        let mut cut = reader.clone();
        cut.lines.shape.unit_len = 500;
        cut.lines.shape.block_len = 100;
        let timed = check(&cut.from(from).to(to));
        // Two lines for each round of a day's hours, and 24 lines that have no time.
        assert_eq!(timed, 3 * 4 + 24);
    }

    #[test]
    fn the_last_records_are_those_of_the_last_lines() {
        let folder = folder();
        let reader = folder.journal.read::<TradeRecord>().last(10);
        let mut seqs = Vec::new();
        reader.visit(|entry| {
            seqs.push(entry.ok().and_then(|it| it.seq()));
            ControlFlow::Continue(())
        });
        let expected = [
            None,
            Some(114),
            Some(115),
            None,
            Some(116),
            Some(117),
            None,
            Some(118),
        ];
        assert_eq!(seqs[..8], expected);
        assert_eq!(reader.iter().count(), 10);
        assert_eq!(
            reader.visit_unordered(
                || 0,
                |count, _| {
                    *count += 1;
                    ControlFlow::Continue(())
                }
            ),
            [10]
        );
    }

    #[test]
    fn a_visit_ends_when_it_is_told_to() {
        let folder = folder();
        let reader = folder.journal.read::<TradeRecord>();
        let mut count = 0;
        reader.visit(|_| {
            count += 1;
            match count {
                3 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        });
        assert_eq!(count, 3);
        let counts = reader.visit_unordered(
            || 0,
            |count, _| {
                *count += 1;
                ControlFlow::Break(())
            },
        );
        assert!(counts.iter().all(|it| *it <= 1), "{counts:?}");
    }
}
