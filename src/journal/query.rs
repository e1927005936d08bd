//! Questions over the raw lines of any stream: which, how many, and what sum.
//!
//! Always true:
//! - An answer is exact: no line that is asked for is missed, and sums lose no digit.
//! - Lines come as they are in the files and in their order.
//! - A bad line that may have been asked for is reported with its place and ends nothing; a bad line
//!   that cannot have been is not looked at.
//!
//! Not here: how an answer is shown, and how long it took.

use std::{
    mem,
    ops::{ControlFlow, Range, RangeInclusive},
    sync::Arc,
};

use rust_decimal::Decimal;

use super::Journal;
use super::lines::{LineRef, Numbers};
use super::matcher::{FieldIs, Matcher, Verdict};
use super::members;
use super::position::{LineFault, Position, ReadError};
use super::scan::{Batch, Block, Piece, Scan, Shape};
use super::selection::Selection;
use super::source::Source;
use super::sum::{Overflow, Sum};
use crate::record::Stream;
use crate::time::{Day, Timestamp};

/// How much of a wrong value is shown.
const SHOWN_CHARS_MAX: usize = 80;

impl Journal {
    /// A question over the lines of a stream; over all of them unless the builder says otherwise.
    ///
    /// ```no_run
    /// use tradejournal::journal::Journal;
    /// use tradejournal::record::Stream;
    ///
    /// let journal = Journal::open("logs")?;
    /// let apple = journal.query(Stream::Trades).field("symbol", "AAPL");
    /// let count = apple.count(|bad| eprintln!("{bad}")).lines;
    /// let profit = apple.sum("profit_loss", |bad| eprintln!("{bad}"))?.sum;
    /// println!("{count} trades, {profit}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn query(&self, stream: Stream) -> Query {
        Query {
            journal: self.clone(),
            stream,
            selection: Selection::default(),
            conditions: Vec::new(),
            limit: None,
            shape: Shape::default(),
        }
    }
}

/// Which lines are asked for.
#[derive(Clone, Debug)]
#[must_use = "a question is answered by visit, count or sum"]
pub struct Query {
    journal: Journal,
    stream: Stream,
    selection: Selection,
    conditions: Vec<FieldIs>,
    limit: Option<u64>,
    shape: Shape,
}

/// What a question went over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Scanned {
    /// How many lines were asked for.
    pub lines: u64,
    /// How many bytes of lines were looked at, unpacked.
    pub bytes: u64,
    /// How many bad lines and unreadable days were reported.
    pub bad: u64,
}

/// A sum and what it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summed {
    /// The exact sum, with as many places as the value that had most.
    pub sum: Decimal,
    /// How many values were added: lines where the field is null or absent have none.
    pub values: u64,
    /// What was gone over.
    pub scanned: Scanned,
}

/// Why there is no sum.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SumError {
    /// A value is no decimal number.
    #[error("sum `{field}`")]
    Value {
        /// The field.
        field: String,
        /// Which line.
        source: ReadError,
    },
    /// The sum has more digits than a decimal number holds.
    #[error("the sum of `{field}` has more than 28 digits")]
    Overflow {
        /// The field.
        field: String,
    },
}

impl Query {
    /// Only lines in which the top-level `field` is `value`: a string that says it, or a number,
    /// `true`, `false` or `null` of that text. Of several such conditions all must hold.
    pub fn field(self, field: impl Into<String>, value: impl Into<String>) -> Query {
        self.field_is(field.into(), value.into(), false)
    }

    /// The same, and lines in which the field is null or absent: for a field in which nothing says
    /// as much as that value, as an `outcome` that is not there is read as `open`.
    pub fn field_or_none(self, field: impl Into<String>, value: impl Into<String>) -> Query {
        self.field_is(field.into(), value.into(), true)
    }

    fn field_is(mut self, field: String, value: String, or_none: bool) -> Query {
        self.conditions.push(FieldIs {
            field,
            value,
            or_none,
        });
        self
    }

    /// Only these days of writing.
    pub fn days(mut self, days: RangeInclusive<Day>) -> Query {
        self.selection.days = Some(days);
        self
    }

    /// Only records of this time or later.
    pub fn from(mut self, from: Timestamp) -> Query {
        self.selection.from = Some(from);
        self
    }

    /// Only records of before this time.
    pub fn to(mut self, to: Timestamp) -> Query {
        self.selection.to = Some(to);
        self
    }

    /// Only the first `lines` of those.
    pub fn limit(mut self, lines: u64) -> Query {
        self.limit = Some(lines);
        self
    }

    /// Shows every line that is asked for, in order, on the calling thread, until `each` breaks.
    pub fn visit(
        &self,
        mut each: impl FnMut(Result<LineRef<'_>, ReadError>) -> ControlFlow<()>,
    ) -> Scanned {
        let mut left = self.limit.unwrap_or(u64::MAX);
        if left == 0 {
            return Scanned::default();
        }
        let keep = |hits: &mut Hits, block: &Block<'_>, line: Range<usize>, _: Option<&[u8]>| {
            hits.keep(block, line);
        };
        self.scan(None, keep, |hits, answer| {
            hits.show(&mut answer.numbers, |item| {
                match item {
                    Ok(_) => (left, answer.scanned.lines) = (left - 1, answer.scanned.lines + 1),
                    Err(_) => answer.scanned.bad += 1,
                }
                each(item)?;
                go_on(0 < left)
            })
        })
    }

    /// How many lines are asked for. What cannot be read goes to `bad`.
    pub fn count(&self, mut bad: impl FnMut(ReadError)) -> Scanned {
        if self.limit.is_some() {
            return self.visit(|item| {
                item.err().into_iter().for_each(&mut bad);
                ControlFlow::Continue(())
            });
        }
        let count = |hits: &mut Hits, _: &Block<'_>, _: Range<usize>, _: Option<&[u8]>| {
            hits.lines += 1;
        };
        self.scan(None, count, |hits, answer| {
            answer.scanned.lines += hits.lines;
            hits.show(&mut answer.numbers, |item| {
                answer.scanned.bad += 1;
                item.err().into_iter().for_each(&mut bad);
                ControlFlow::Continue(())
            })
        })
    }

    /// The exact sum of a field over the lines that are asked for, null and absent left out. What
    /// cannot be read goes to `bad`.
    ///
    /// # Errors
    /// [`SumError`] when a value is no decimal number, or when the sum does not fit.
    pub fn sum(&self, field: &str, bad: impl FnMut(ReadError)) -> Result<Summed, SumError> {
        let mut sum = Sum::default();
        let summed = match self.limit {
            Some(_) => self.sum_first(field, &mut sum, bad),
            None => self.sum_all(field, &mut sum, bad),
        };
        let field = || field.to_owned();
        let scanned = summed.map_err(|source| SumError::Value {
            field: field(),
            source,
        })?;
        let total = sum
            .total()
            .map_err(|Overflow| SumError::Overflow { field: field() })?;
        Ok(Summed {
            sum: total,
            values: sum.values,
            scanned,
        })
    }

    /// Each worker adds what it finds.
    fn sum_all(
        &self,
        field: &str,
        total: &mut Sum,
        mut bad: impl FnMut(ReadError),
    ) -> Result<Scanned, ReadError> {
        let mut wrong = None;
        let add = |hits: &mut Hits, block: &Block<'_>, line: Range<usize>, raw: Option<&[u8]>| {
            hits.lines += 1;
            if let Err(fault) = add_value(&mut hits.sum, field, raw) {
                hits.refuse(block, line.start, fault);
            }
        };
        let scanned = self.scan(Some(field), add, |hits, answer| {
            answer.scanned.lines += hits.lines;
            total.add_sum(&hits.sum);
            hits.show(&mut answer.numbers, |item| {
                match item.err() {
                    error @ Some(ReadError::Line {
                        source: LineFault::NotDecimal { .. },
                        ..
                    }) => wrong = error,
                    error => {
                        answer.scanned.bad += 1;
                        error.into_iter().for_each(&mut bad);
                    }
                }
                go_on(wrong.is_none())
            })
        });
        match wrong {
            Some(error) => Err(error),
            None => Ok(scanned),
        }
    }

    /// The lines up to the limit are known only in their order.
    fn sum_first(
        &self,
        field: &str,
        total: &mut Sum,
        mut bad: impl FnMut(ReadError),
    ) -> Result<Scanned, ReadError> {
        let any = Matcher::new(self.stream, &[], &Selection::default(), Some(field));
        let mut wrong = None;
        let scanned = self.visit(|item| {
            match item {
                Ok(line) => {
                    let raw = match any.line(line.bytes()) {
                        Some(Verdict::Yes(raw)) => raw,
                        _ => None,
                    };
                    if let Err(source) = add_value(total, field, raw) {
                        let position = line.numbered_position();
                        wrong = Some(ReadError::Line { position, source });
                    }
                }
                Err(error) => bad(error),
            }
            go_on(wrong.is_none())
        });
        match wrong {
            Some(error) => Err(error),
            None => Ok(scanned),
        }
    }

    /// Lets `yes` look at every line that is asked for, on all cores, and `take` at what the
    /// workers found, in order.
    fn scan(
        &self,
        wanted: Option<&str>,
        yes: impl Fn(&mut Hits, &Block<'_>, Range<usize>, Option<&[u8]>) + Sync,
        mut take: impl FnMut(&mut Hits, &mut Answer) -> ControlFlow<()>,
    ) -> Scanned {
        let mut answer = Answer::default();
        let days = match self.selection.list(&self.journal, self.stream) {
            Ok(days) => days,
            Err(error) => {
                let mut hits = Hits::default();
                hits.items.push(Hit::Error(error));
                let _ = take(&mut hits, &mut answer);
                return answer.scanned;
            }
        };
        let matcher = Matcher::new(self.stream, &self.conditions, &self.selection, wanted);
        let work = |_: &mut (), hits: &mut Hits, piece: Piece<'_>| match piece {
            Piece::Lines(block) => {
                hits.bytes_seen += block.bytes.len() as u64;
                matcher.block(block.bytes, |line, verdict| match verdict {
                    Verdict::Yes(raw) => yes(hits, &block, line, raw),
                    Verdict::Bad(fault) => hits.refuse(&block, line.start, fault),
                });
            }
            Piece::Bad(block, fault) => hits.refuse(&block, 0, fault),
            Piece::Error(error) => hits.items.push(Hit::Error(error)),
        };
        let scan = Scan::new(&self.journal, self.stream, days, self.shape);
        let _ = scan.in_order(
            || (),
            work,
            |hits: &mut Hits| {
                answer.scanned.bytes += hits.bytes_seen;
                take(hits, &mut answer)
            },
        );
        answer.scanned
    }

    #[cfg(test)]
    fn shape(mut self, shape: Shape) -> Query {
        self.shape = shape;
        self
    }
}

fn go_on(wanted: bool) -> ControlFlow<()> {
    match wanted {
        true => ControlFlow::Continue(()),
        false => ControlFlow::Break(()),
    }
}

/// Adds the raw value of a field, unless there is none.
fn add_value(sum: &mut Sum, field: &str, raw: Option<&[u8]>) -> Result<(), LineFault> {
    let Some(raw) = raw.filter(|it| *it != b"null") else {
        return Ok(());
    };
    let added = match members::decoded(raw) {
        Some(text) => sum.add(text.as_bytes()),
        None => sum.add(raw),
    };
    added.ok_or_else(|| LineFault::NotDecimal {
        field: field.to_owned(),
        value: String::from_utf8_lossy(raw)
            .chars()
            .take(SHOWN_CHARS_MAX)
            .collect(),
    })
}

#[derive(Default)]
struct Answer {
    scanned: Scanned,
    numbers: Numbers,
}

/// What a worker found in a part of a day.
#[derive(Default)]
struct Hits {
    source: Option<Source>,
    /// The lines that were kept, one after the other.
    bytes: Vec<u8>,
    items: Vec<Hit>,
    lines: u64,
    sum: Sum,
    bytes_seen: u64,
}

enum Hit {
    /// The next `len` bytes are the line that begins at `byte`.
    Line {
        len: usize,
        byte: u64,
    },
    Bad {
        byte: u64,
        number: Option<u64>,
        fault: LineFault,
    },
    Error(ReadError),
}

impl Hits {
    fn keep(&mut self, block: &Block<'_>, line: Range<usize>) {
        let byte = block.byte + line.start as u64;
        let bytes = block.bytes.get(line).unwrap_or_default();
        self.bytes.extend_from_slice(bytes);
        self.items.push(Hit::Line {
            len: bytes.len(),
            byte,
        });
        self.is_of(block);
    }

    fn refuse(&mut self, block: &Block<'_>, at: usize, fault: LineFault) {
        self.items.push(Hit::Bad {
            byte: block.byte + at as u64,
            number: block.number_at(at),
            fault,
        });
        self.is_of(block);
    }

    fn is_of(&mut self, block: &Block<'_>) {
        if self.source.is_none() {
            self.source = Some(block.source.clone());
        }
    }

    /// Shows what was found, in order.
    fn show(
        &mut self,
        numbers: &mut Numbers,
        mut each: impl FnMut(Result<LineRef<'_>, ReadError>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut rest = self.bytes.as_slice();
        for hit in self.items.drain(..) {
            let item = match (hit, &self.source) {
                (Hit::Error(error), _) => Err(error),
                (Hit::Line { len, byte }, Some(source)) => {
                    let (bytes, behind) = rest.split_at_checked(len).unwrap_or_default();
                    rest = behind;
                    Ok(LineRef {
                        bytes,
                        source,
                        number: None,
                        byte,
                    })
                }
                (
                    Hit::Bad {
                        byte,
                        number,
                        fault,
                    },
                    Some(source),
                ) => Err(ReadError::Line {
                    position: Position {
                        file: Arc::clone(&source.path),
                        line: number.or_else(|| numbers.of(source, byte)),
                        byte,
                    },
                    source: fault,
                }),
                // What has a place has a source.
                (Hit::Line { .. } | Hit::Bad { .. }, None) => continue,
            };
            each(item)?;
        }
        ControlFlow::Continue(())
    }
}

impl Batch for Hits {
    fn weight(&self) -> usize {
        self.bytes.len() + self.items.len() * mem::size_of::<Hit>()
    }

    fn is_empty(&self) -> bool {
        self.bytes_seen == 0 && self.items.is_empty()
    }

    fn clear(&mut self) {
        self.source = None;
        self.bytes.clear();
        self.items.clear();
        (self.lines, self.bytes_seen) = (0, 0);
        self.sum = Sum::default();
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::super::testing::{Chain, Folder, day};
    use super::*;
    use crate::journal::line::LINE_LEN_MAX;

    const STREAM: Stream = Stream::Trades;

    fn shape(unit_len: u64, block_len: usize, threads: usize) -> Shape {
        Shape {
            unit_len,
            block_len,
            threads,
        }
    }

    /// The lines that are asked for, and what was reported.
    fn answer(query: &Query) -> (Vec<String>, Vec<String>) {
        let (mut found, mut bad) = (Vec::new(), Vec::new());
        let scanned = query.visit(|item| {
            match item {
                Ok(line) => found.push(String::from_utf8(line.bytes().to_vec()).unwrap()),
                Err(ReadError::Line { position, source }) => {
                    let (line, byte) = (position.line.unwrap(), position.byte);
                    bad.push(format!("{line} {byte} {source}"));
                }
                Err(error) => bad.push(error.to_string()),
            }
            ControlFlow::Continue(())
        });
        assert_eq!(scanned.lines, found.len() as u64);
        assert_eq!(scanned.bad, bad.len() as u64);
        let mut reported = 0;
        let counted = query.count(|_| reported += 1);
        assert_eq!((counted.lines, reported), (scanned.lines, scanned.bad));
        (found, bad)
    }

    /// Whether a line is asked for, by the whole of it.
    fn is_asked_for(line: &str, conditions: &[(String, String, bool)]) -> bool {
        let Ok(fields) = serde_json::from_str::<Map<String, Value>>(line) else {
            return false;
        };
        conditions
            .iter()
            .all(|(field, value, or_none)| match fields.get(field) {
                Some(Value::Null) | None if *or_none => true,
                Some(Value::String(text)) => text == value,
                Some(Value::Array(_) | Value::Object(_)) | None => false,
                Some(scalar) => format!("{scalar}") == *value,
            })
    }

    fn escaped(text: &str, how: u8) -> String {
        let unit = |it: char| format!("\\u{:04x}", u32::from(it));
        match how {
            0 => text.chars().map(unit).collect(),
            1 => text.replace('/', "\\/"),
            _ => text.chars().take(1).map(unit).collect::<String>() + text.get(1..).unwrap_or(""),
        }
    }

    fn word() -> impl Strategy<Value = String> {
        let words = [
            "symbol",
            "AAPL",
            "a/b",
            "",
            "50",
            "null",
            "true",
            "-1.5",
            "x\"y",
            "back\\slash",
            "\n",
            "é",
            "😀",
            "}",
            "{\"symbol\":\"AAPL\"}",
            ",\"symbol\":\"AAPL\"",
            "\"AAPL\"",
        ];
        prop::sample::select(words.to_vec()).prop_map(str::to_owned)
    }

    /// A JSON string that says a word, written in one of several ways.
    fn string() -> impl Strategy<Value = String> {
        (word(), 0..20_u8).prop_map(|(word, how)| match how {
            0..=2 if word.is_ascii() && !word.contains(['"', '\\', '\n']) => {
                format!("\"{}\"", escaped(&word, how))
            }
            _ => serde_json::to_string(&word).unwrap(),
        })
    }

    fn value() -> impl Strategy<Value = String> {
        let scalar = prop::sample::select(vec!["50", "-1.5", "null", "true", "false", "0"]);
        let leaf = prop_oneof![4 => string(), 2 => scalar.prop_map(str::to_owned)];
        leaf.prop_recursive(2, 8, 3, |inner| {
            let list = prop::collection::vec(inner.clone(), 0..3);
            let object = prop::collection::vec((string(), inner), 0..3);
            prop_oneof![
                list.prop_map(|it| format!("[{}]", it.join(","))),
                object.prop_map(|it| format!("{{{}}}", members_text(&it, "", ""))),
            ]
        })
    }

    fn members_text(members: &[(String, String)], before: &str, behind: &str) -> String {
        let member = |(key, value): &(String, String)| format!("{key}{before}:{behind}{value}");
        members.iter().map(member).collect::<Vec<_>>().join(",")
    }

    fn line() -> impl Strategy<Value = String> {
        let whole = || {
            let space = || prop::sample::select(vec!["", "", " ", "\t "]);
            let members = prop::collection::vec((string(), value()), 0..5);
            (members, space(), space()).prop_map(|(members, before, behind)| {
                format!("{{{}}}", members_text(&members, before, behind))
            })
        };
        prop_oneof![
            8 => whole(),
            1 => whole().prop_map(|it| it.get(1..).unwrap_or_default().to_owned()),
        ]
    }

    proptest! {
        #[test]
        fn a_query_finds_what_a_filter_of_parsed_lines_finds(
            lines in prop::collection::vec((line(), any::<bool>()), 0..30),
            conditions in prop::collection::vec((word(), word(), any::<bool>()), 0..3),
            unit_len in 1..400_u64,
            block_len in 1..400_usize,
            threads in 1..4_usize,
        ) {
            let mut chain = Chain::new(STREAM);
            let chained = |(line, is_chained): &(String, bool)| match is_chained {
                true if line.len() > 2 => String::from_utf8(chain.line(line)).unwrap(),
                _ => format!("{line}\n"),
            };
            let lines: Vec<String> = lines.iter().map(chained).collect();
            let folder = Folder::new();
            folder.put(STREAM, "2025-01-01", lines.concat().as_bytes());
            let mut query = folder.journal.query(STREAM).shape(shape(unit_len, block_len, threads));
            for (field, value, or_none) in &conditions {
                query = match or_none {
                    true => query.field_or_none(field, value),
                    false => query.field(field, value),
                };
            }
            let (found, bad) = answer(&query);
            let expected: Vec<&String> =
                lines.iter().filter(|it| is_asked_for(it, &conditions)).collect();
            prop_assert_eq!(found.iter().collect::<Vec<_>>(), expected);
            let broken = lines.iter().filter(|it| serde_json::from_str::<Value>(it).is_err());
            let broken = broken.count();
            prop_assert!(bad.len() <= broken, "{:?}", bad);
            if conditions.is_empty() {
                prop_assert_eq!(bad.len(), broken);
            }
            for wanted in [1, 3] {
                let first = answer(&query.clone().limit(wanted)).0;
                let len = usize::try_from(wanted).unwrap().min(found.len());
                prop_assert_eq!(&first, &found[..len]);
            }
        }
    }

    #[test]
    fn a_field_that_may_be_missing_is_asked_for_by_its_value_or_by_none() {
        let folder = Folder::new();
        let lines = [
            "{\"s\":\"A\",\"o\":\"open\"}\n",
            "{\"s\":\"A\",\"o\":null}\n",
            "{\"s\":\"A\"}\n",
            "{\"s\":\"A\",\"o\":\"win\",\"x\":{\"o\":\"open\"}}\n",
            "{\"s\":\"A\",\"o\":\"win\",\"\\u006f\":null}\n",
            "{\"s\":\"B\",\"o\":\"open\"}\n",
        ];
        folder.put(STREAM, "2025-01-01", lines.concat().as_bytes());
        let query = folder.journal.query(STREAM).field_or_none("o", "open");
        assert_eq!(
            answer(&query).0,
            [lines[0], lines[1], lines[2], lines[4], lines[5]]
        );
        let one = query.field("s", "A");
        assert_eq!(answer(&one).0, [lines[0], lines[1], lines[2], lines[4]]);
    }

    #[test]
    fn days_come_in_order_plain_or_archived_with_any_cut() {
        let folder = Folder::new();
        let mut chain = Chain::new(STREAM);
        let (first, second) = (chain.numbers(30), chain.numbers(30));
        folder.archive(STREAM, "2025-01-01", &[&first[..500], &first[500..]]);
        folder.put(STREAM, "2025-01-02", &second);
        folder.put(STREAM, "2025-01-03", b"{\"n\":1,\"cut");
        folder.archive(STREAM, "2025-01-04", &[b""]);
        folder.put(
            STREAM,
            "2025-01-05",
            b"{\"n\":\"x\"}\n{\"n\":2,\"unfinished",
        );
        let all = [first, second, b"{\"n\":\"x\"}\n".to_vec()].concat();
        for (unit_len, block_len) in [
            (1, 1),
            (50, 7),
            (111, 100),
            (1000, 1000),
            (1 << 20, 1 << 20),
        ] {
            for threads in 1..5 {
                let query = folder.journal.query(STREAM);
                let query = query.shape(shape(unit_len, block_len, threads));
                let (found, bad) = answer(&query);
                assert_eq!(found.concat().as_bytes(), all, "{unit_len} {block_len}");
                assert_eq!(bad, ["1 0 ends without a newline"]);
                let one = answer(&query.field("n", "33")).0;
                assert!(matches!(one.as_slice(), [one] if one.starts_with("{\"n\":33,")));
            }
        }
    }

    #[test]
    fn bad_lines_are_reported_with_their_numbers_and_end_nothing() {
        let folder = Folder::new();
        let mut bytes = b"{\"s\":\"A\"}\n{\"s\":\"A\"\n{\"s\":\"B\"\n\xff{\"s\":\"A\"}\n".to_vec();
        bytes.extend(b"{\"s\":\"A\",\"t\":\"");
        bytes.resize(bytes.len() + 3 * LINE_LEN_MAX, b'x');
        bytes.extend(b"\"}\n{\"s\":\"A\",\"n\":\"\0\"}\n{\"s\":\"A\"}\n");
        folder.put(STREAM, "2025-01-01", &bytes);
        folder.archive(STREAM, "2024-01-01", &[&bytes]);
        let long = 39;
        let nul = bytes.len() - 28;
        let mut once = vec![
            "2 10 is not a JSON object at its byte 9".to_owned(),
            "4 28 is not UTF-8 at its byte 0".to_owned(),
            format!("5 {long} is longer than 1048576 bytes"),
            format!("6 {nul} has a zero byte at its byte 14"),
        ];
        once.extend(once.clone());
        for (unit_len, block_len) in [
            (1000, 100),
            (100_000, 4096),
            (8 << 20, 256 << 10),
            (9 << 20, 9 << 20),
        ] {
            let query = folder.journal.query(STREAM).field("s", "A");
            let (found, bad) = answer(&query.shape(shape(unit_len, block_len, 2)));
            assert_eq!(found, ["{\"s\":\"A\"}\n"; 4]);
            assert_eq!(bad, once, "{unit_len}");
        }
    }

    #[test]
    fn damaged_and_missing_days_are_reported_and_the_rest_is_read() {
        let folder = Folder::new();
        let mut chain = Chain::new(STREAM);
        let path = folder.archive(STREAM, "2025-01-01", &[&chain.numbers(2000)]);
        folder.put(STREAM, "2025-01-02", &chain.numbers(20));
        let len = fs::metadata(&path).unwrap().len();
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(len / 2).unwrap();
        let (found, bad) = answer(&folder.journal.query(STREAM).field("n", "2010"));
        assert_eq!(found.len(), 1);
        assert_eq!(bad.len(), 1);
        assert!(
            bad[0].contains("2025-01-01.jsonl.gz from its byte"),
            "{}",
            bad[0]
        );
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(answer(&folder.journal.query(STREAM)).0.len(), 20);
    }

    #[test]
    fn sums_are_exact_over_what_is_asked_for() {
        let folder = Folder::new();
        let line = |symbol: &str, pnl: &str| format!("{{\"s\":\"{symbol}\",\"pnl\":{pnl}}}\n");
        let mut text = String::new();
        for _ in 0..1000 {
            text += &(line("A", "\"0.10\"") + &line("B", "\"1e\"") + &line("A", "null"));
        }
        text += "{\"s\":\"A\"}\n{\"s\":\"A\",\"pnl\":0.005,\"x\":{\"pnl\":7}}\n";
        text += &line("A", "\"\\u0031\"");
        folder.put(STREAM, "2025-01-01", text.as_bytes());
        let query = folder.journal.query(STREAM).field("s", "A");
        let summed = query.sum("pnl", |bad| panic!("{bad}")).unwrap();
        assert_eq!(summed.sum.to_string(), "101.005");
        assert_eq!((summed.values, summed.scanned.lines), (1002, 2003));
        let first = query
            .clone()
            .limit(3)
            .sum("pnl", |bad| panic!("{bad}"))
            .unwrap();
        assert_eq!((first.sum.to_string().as_str(), first.values), ("0.20", 2));
        for query in [
            folder.journal.query(STREAM).field("s", "B"),
            folder.journal.query(STREAM).field("s", "B").limit(1),
        ] {
            let wrong = query.sum("pnl", |bad| panic!("{bad}")).unwrap_err();
            let SumError::Value { source, .. } = wrong else {
                panic!("{wrong}")
            };
            assert_eq!(source.position().unwrap().line, Some(2));
            let LineFault::NotDecimal { value, .. } = (match source {
                ReadError::Line { source, .. } => source,
                other => panic!("{other}"),
            }) else {
                panic!("another fault")
            };
            assert_eq!(value, "\"1e\"");
        }
        folder.put(
            STREAM,
            "2025-01-02",
            line("C", "\"9999999999999999999999999999\"")
                .repeat(9)
                .as_bytes(),
        );
        let over = folder
            .journal
            .query(STREAM)
            .field("s", "C")
            .sum("pnl", |_| ());
        assert!(matches!(over, Err(SumError::Overflow { .. })));
    }

    #[test]
    fn a_query_by_time_and_day_leaves_out_the_rest() {
        let folder = Folder::new();
        for number in 1..5 {
            let text = format!(
                "{{\"timestamp\":\"2025-01-0{number}T09:00:00Z\",\"s\":\"A\"}}\n{{\"s\":\"A\"}}\n{{\"s\":\"B\"}}\n"
            );
            folder.put(STREAM, &format!("2025-01-0{number}"), text.as_bytes());
        }
        let query = folder.journal.query(STREAM).field("s", "A");
        let from = "2025-01-02T09:00:00Z".parse().unwrap();
        let to = "2025-01-04T09:00:00Z".parse().unwrap();
        let (found, bad) = answer(&query.clone().from(from).to(to));
        assert_eq!(found.len(), 2);
        assert_eq!(bad, ["2 45 has no readable time in `timestamp`"; 4]);
        let days = day("2025-01-02")..=day("2025-01-03");
        assert_eq!(answer(&query.days(days)).0.len(), 4);
    }
}
