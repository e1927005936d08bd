//! What was promised, and whether the disk holds it. Reads the files by itself: the journal's own
//! readers are not asked whether the journal is right.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use tradejournal::disk::{Access, Disk, Kind, SimDisk};
use tradejournal::journal::layout::Layout;
use tradejournal::journal::line::{Tail, genesis};
use tradejournal::record::{Digest, Stream};
use tradejournal::time::Day;

/// A line of a stream as it stands on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The record's bytes, without the journal's three fields and the closing brace.
    pub record: Vec<u8>,
    pub hash: Digest,
    pub dur: u64,
}

/// What became of a submitted record, as far as its writer was told.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    /// It was given a place.
    Placed(u64),
    /// It may stand at one of these places, or nowhere.
    Unknown(Range<u64>),
    /// It was surely not written.
    NotWritten,
}

/// What one stream owes.
#[derive(Clone, Debug, Default)]
pub struct Debts {
    /// Every submitted record in the order of submission.
    submitted: Vec<(Vec<u8>, Fate)>,
    /// What must be there after a power cut, by seq.
    promised: BTreeMap<u64, (Vec<u8>, Digest)>,
    /// What must be there as long as the power stays on, by seq.
    written: BTreeMap<u64, (Vec<u8>, Digest)>,
    /// The journal writes the stream by itself: what stands there was submitted by nobody here.
    is_own: bool,
}

impl Debts {
    /// Those of the audit stream.
    pub fn of_audit() -> Debts {
        Debts {
            is_own: true,
            ..Debts::default()
        }
    }

    /// An acknowledged record.
    pub fn acknowledged(&mut self, record: Vec<u8>, seq: u64, hash: Digest, durable: bool) {
        self.submitted.push((record.clone(), Fate::Placed(seq)));
        let debts = if durable {
            &mut self.promised
        } else {
            &mut self.written
        };
        debts.insert(seq, (record, hash));
    }

    pub fn not_written(&mut self, record: Vec<u8>) {
        self.submitted.push((record, Fate::NotWritten));
    }

    pub fn unknown(&mut self, record: Vec<u8>, seqs: Range<u64>) {
        self.submitted.push((record, Fate::Unknown(seqs)));
    }

    /// The writer says that the first `count` lines are on disk.
    pub fn durable(&mut self, count: u64) {
        let later = self.written.split_off(&count);
        let durable = std::mem::replace(&mut self.written, later);
        self.promised.extend(durable);
    }

    /// Lines that were found by opening the stream, which makes them durable.
    pub fn found(&mut self, lines: &[Line]) {
        self.written.clear();
        for (seq, line) in (0..).zip(lines) {
            self.promised.insert(seq, (line.record.clone(), line.hash));
        }
    }

    /// From here on, what is not durable may be gone: the power failed, or a sync did.
    pub fn forget_written(&mut self) {
        self.written.clear();
    }

    /// Checks the lines of the stream against everything that was said.
    pub fn check(&self, lines: &[Line]) -> Result<(), String> {
        for (what, debts) in [("durable", &self.promised), ("written", &self.written)] {
            for (seq, (record, hash)) in debts {
                let line = usize::try_from(*seq).ok().and_then(|it| lines.get(it));
                let Some(line) = line else {
                    return Err(format!(
                        "line {seq} was {what} and is gone; {} there",
                        lines.len()
                    ));
                };
                if (&line.record, &line.hash) != (record, hash) {
                    return Err(format!("line {seq} was {what} and is another one"));
                }
            }
        }
        if self.is_own {
            Ok(())
        } else {
            self.check_strangers(lines)
        }
    }

    /// Nothing is there that was not submitted, that was refused, twice, or out of order.
    fn check_strangers(&self, lines: &[Line]) -> Result<(), String> {
        let mut submitted = self.submitted.iter();
        for (seq, line) in (0_u64..).zip(lines) {
            let text = String::from_utf8_lossy(&line.record);
            let Some((_, fate)) = submitted.find(|(record, _)| *record == line.record) else {
                return Err(format!(
                    "line {seq} was never submitted, is out of order or there twice: {text}"
                ));
            };
            let fits = match fate {
                Fate::Placed(place) => *place == seq,
                Fate::Unknown(seqs) => seqs.contains(&seq),
                Fate::NotWritten => false,
            };
            if !fits {
                return Err(format!("line {seq} should be {fate:?}: {text}"));
            }
        }
        Ok(())
    }
}

/// Every line of a stream, its chain checked from the beginning.
pub fn read_stream(
    disk: &SimDisk,
    layout: &Layout,
    stream: Stream,
    name: &str,
) -> Result<Vec<Line>, String> {
    let (lines, rest) = read_good(disk, layout, stream, name)?;
    match rest {
        None => Ok(lines),
        Some(rest) => Err(format!("{stream}: {rest}")),
    }
}

/// The good lines of a stream, and what is wrong behind them.
pub fn read_good(
    disk: &SimDisk,
    layout: &Layout,
    stream: Stream,
    name: &str,
) -> Result<(Vec<Line>, Option<String>), String> {
    let disk = disk.spectator();
    let days = layout
        .days_in_logs(&disk, stream)
        .map_err(|it| it.to_string())?;
    let mut lines: Vec<Line> = Vec::new();
    let mut previous = genesis(name, stream);
    for day in days {
        let path = layout.day(stream, day);
        let bytes = disk.cached(&path).ok_or("a day is not readable")?;
        for line in bytes.split_inclusive(|it| *it == b'\n') {
            let seq = lines.len();
            let bad = |why: &str| Some(format!("{day}, line {seq} of the stream {why}"));
            let Some(tail) = Tail::parse(line) else {
                return Ok((lines, bad("has no tail")));
            };
            if usize::try_from(tail.seq) != Ok(seq) {
                return Ok((lines, bad(&format!("has seq {}", tail.seq))));
            }
            if tail.seq < tail.dur || !tail.checks(line, &previous) {
                return Ok((lines, bad("has a wrong hash or dur")));
            }
            previous = tail.hash;
            let record = line[..tail.record_len].to_vec();
            lines.push(Line {
                record,
                hash: tail.hash,
                dur: tail.dur,
            });
        }
    }
    Ok((lines, None))
}

/// What a stream's newest day holds and its torn folder, to see that nothing goes unsaved.
#[derive(Clone, Debug)]
pub struct Evidence {
    newest: Option<(Day, Vec<u8>)>,
    torn: BTreeSet<Vec<u8>>,
}

impl Evidence {
    /// Looks at the media, as an opening writer must: with everything synced and the cache dropped.
    pub fn before_opening(disk: &SimDisk, layout: &Layout, stream: Stream) -> Evidence {
        let disk = disk.fork(0).spectator();
        for day in layout.days_in_logs(&disk, stream).unwrap_or_default() {
            if let Ok(file) = disk.open(&layout.day(stream, day), Access::Append) {
                file.sync().unwrap();
                file.drop_cache(0).unwrap();
            }
        }
        Evidence::now(&disk, layout, stream)
    }

    pub fn now(disk: &SimDisk, layout: &Layout, stream: Stream) -> Evidence {
        let disk = disk.spectator();
        let days = layout.days_in_logs(&disk, stream).unwrap_or_default();
        let newest = days.last().and_then(|day| {
            let bytes = disk.cached(layout.day(stream, *day))?;
            Some((*day, bytes))
        });
        let folder = layout.torn(stream);
        let entries = disk.list(&folder).unwrap_or_default();
        let files = entries.into_iter().filter(|it| it.kind == Kind::File);
        // Half-made files do not count.
        let files = files.filter(|it| !it.name.starts_with('.'));
        let torn = files
            .filter_map(|it| disk.durable(folder.join(it.name)))
            .collect();
        Evidence { newest, torn }
    }

    /// Whether every byte of `before` is still there or saved; says whether bytes were cut.
    pub fn check(&self, before: &Evidence) -> Result<bool, String> {
        if let Some(lost) = before.torn.difference(&self.torn).next() {
            return Err(format!("{} bytes in torn/ are gone", lost.len()));
        }
        let Some((day, was)) = &before.newest else {
            return Ok(false);
        };
        let is = match &self.newest {
            Some((now, is)) if now == day => is,
            // A file without a line is given another name.
            _ if was.is_empty() => return Ok(false),
            _ => return Err(format!("{day} was the newest day and is not there")),
        };
        let Some(cut) = was.strip_prefix(is.as_slice()) else {
            return Err(format!("{day} has other bytes than before it was opened"));
        };
        if !cut.is_empty() && !self.torn.contains(cut) {
            return Err(format!(
                "{} bytes were cut from {day} and not saved",
                cut.len()
            ));
        }
        Ok(!cut.is_empty())
    }
}

/// `audit` tells of every file in a torn folder.
pub fn check_torn_are_told(disk: &SimDisk, layout: &Layout, name: &str) -> Result<(), String> {
    let disk = disk.spectator();
    let told: BTreeSet<(String, String)> = read_stream(&disk, layout, Stream::Audit, name)?
        .iter()
        .filter_map(|line| {
            let json = [line.record.as_slice(), b"}"].concat();
            let event: serde_json::Value = serde_json::from_slice(&json).ok()?;
            let text = |field: &str| event[field].as_str().map(str::to_owned);
            Some((text("stream")?, text("torn_file")?))
        })
        .collect();
    for stream in [Stream::Trades, Stream::RiskManagement, Stream::Audit] {
        for entry in disk.list(&layout.torn(stream)).unwrap_or_default() {
            // Half-made, by who was cut off.
            if entry.name.starts_with('.') {
                continue;
            }
            let is_told = told.contains(&(stream.to_string(), entry.name.clone()));
            if !is_told {
                return Err(format!(
                    "nobody was told of torn/{} of {stream}",
                    entry.name
                ));
            }
        }
    }
    Ok(())
}
