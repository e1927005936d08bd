//! Trades as they came, on the disk before anybody is told that they were taken.
//!
//! Always true:
//! - When [`Intake::append`] returns, its trades survive a power cut.
//! - A segment is written by one process, from its beginning to its end: whoever comes later begins another.
//!   What is cut off at a segment's end was acknowledged to nobody.
//! - A trade may be in two segments, after a sync that failed. Whoever reads them goes by the trades' ids.
//! - Each line has its checksum: one that was damaged is told, and counted nowhere.
//! - An index beside a segment says that all of its trades are in files of minutes.
//!
//! Not here: which trades are wanted (`window`), and what they add up to (`footprint`).

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::crc::crc32;
use super::minute::Minute;
use super::trade::PublicTrade;
use crate::disk::{self, Access, Disk, File};
use crate::record::field::Pair;
use crate::time::Timestamp;

/// How long a segment gets: as much as is read at once when a minute is wanted again.
const SEGMENT_LEN_MAX: u64 = 32 << 20;
/// How long a segment is written: it goes as a whole, when its newest trade may go.
const SEGMENT_AGE_MAX: std::time::Duration = std::time::Duration::from_secs(3600);
const BLOCK_LEN: usize = 1 << 20;
const INDEX_LEN_MAX: u64 = 64 << 20;
const SUM: &[u8] = b",\"crc32\":\"";
/// The checksum, the quote and the brace.
const SUM_LEN: usize = SUM.len() + 8 + 2;

/// A symbol, as a small number for as long as the process lives.
pub(super) type SymbolId = u32;
/// A minute of a symbol.
pub(super) type Key = (SymbolId, Minute);

/// The symbols there are, and their numbers.
#[derive(Debug, Default)]
pub(super) struct Names {
    names: Vec<Pair>,
    ids: std::collections::HashMap<Pair, SymbolId>,
}

impl Names {
    pub(super) fn id(&mut self, symbol: &Pair) -> SymbolId {
        if let Some(id) = self.ids.get(symbol) {
            return *id;
        }
        let id = SymbolId::try_from(self.names.len()).unwrap_or(SymbolId::MAX);
        self.names.push(symbol.clone());
        self.ids.insert(symbol.clone(), id);
        id
    }

    pub(super) fn known(&self, symbol: &Pair) -> Option<SymbolId> {
        self.ids.get(symbol).copied()
    }

    pub(super) fn name(&self, id: SymbolId) -> Option<&Pair> {
        self.names.get(usize::try_from(id).ok()?)
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }
}

/// All segments.
#[derive(Debug)]
pub(super) struct Intake {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    /// Whether it is the only one that writes there, or one of those who read.
    is_writer: bool,
    next: u64,
    active: Option<Active>,
    ended: BTreeMap<u64, Ended>,
}

#[derive(Debug)]
struct Active {
    number: u64,
    file: Box<dyn File>,
    len: u64,
    began: Timestamp,
    keys: HashSet<Key>,
}

/// A segment that is written no more.
#[derive(Debug)]
struct Ended {
    keys: HashSet<Key>,
    len: u64,
    at: Timestamp,
    /// Whether its index is there.
    is_settled: bool,
}

/// What an index says.
#[derive(Deserialize, Serialize)]
struct Index {
    ended: String,
    /// By symbol, the first second of each minute, after 1970.
    minutes: BTreeMap<String, Vec<i64>>,
}

/// What was found in segments that nobody settled.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The minutes that may not be in files.
    pub(super) unsettled: HashSet<Key>,
    /// Lines that could not be read, and in which segments.
    pub(super) damaged: Vec<(PathBuf, u64)>,
}

impl Intake {
    /// Looks through the folder, which is there, to write into it.
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        folder: &Path,
        names: &mut Names,
        now: Timestamp,
    ) -> io::Result<(Intake, Found)> {
        Intake::look_through(disk, folder, true, names, now)
    }

    /// Looks through the folder while somebody else may write into it.
    pub(super) fn look(
        disk: Arc<dyn Disk>,
        folder: &Path,
        names: &mut Names,
        now: Timestamp,
    ) -> io::Result<(Intake, Found)> {
        Intake::look_through(disk, folder, false, names, now)
    }

    fn look_through(
        disk: Arc<dyn Disk>,
        folder: &Path,
        is_writer: bool,
        names: &mut Names,
        now: Timestamp,
    ) -> io::Result<(Intake, Found)> {
        let mut intake = Intake {
            disk,
            folder: folder.to_owned(),
            is_writer,
            next: 1,
            active: None,
            ended: BTreeMap::new(),
        };
        let mut found = Found::default();
        let entries = intake.disk.list(folder)?;
        let number_of = |name: &str, suffix: &str| name.strip_suffix(suffix)?.parse::<u64>().ok();
        let segments = entries
            .iter()
            .filter_map(|it| number_of(&it.name, ".jsonl"));
        let segments: BTreeSet<u64> = segments.collect();
        for index in entries
            .iter()
            .filter_map(|it| number_of(&it.name, ".index"))
        {
            // A number is used once: an index that is left would say of another segment that it is settled.
            intake.next = intake.next.max(index.saturating_add(1));
            if is_writer && !segments.contains(&index) {
                remove(&*intake.disk, &intake.index(index))?;
            }
        }
        for number in segments {
            intake.next = intake.next.max(number.saturating_add(1));
            let ended = match intake.read_index(number, names) {
                Some(ended) => Ok(ended),
                None => intake.read_keys(number, names, now, &mut found),
            };
            match ended {
                Ok(ended) => intake.ended.insert(number, ended),
                // Whoever writes there has no use for it any more.
                Err(error) if !is_writer && error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            };
        }
        Ok((intake, found))
    }

    pub(super) fn is_writer(&self) -> bool {
        self.is_writer
    }

    fn segment(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:010}.jsonl"))
    }

    fn index(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:010}.index"))
    }

    /// `None` where there is none, or none that can be read: the segment itself says the same.
    fn read_index(&self, number: u64, names: &mut Names) -> Option<Ended> {
        let bytes = disk::read_small(&*self.disk, &self.index(number), INDEX_LEN_MAX).ok()??;
        let index: Index = serde_json::from_slice(&bytes).ok()?;
        let mut keys = HashSet::new();
        for (symbol, starts) in &index.minutes {
            let symbol = names.id(&symbol.parse().ok()?);
            for start in starts {
                keys.insert((symbol, Minute::from_unix_secs(*start)?));
            }
        }
        let len = self.disk.look(&self.segment(number)).ok()??.len;
        Some(Ended {
            keys,
            len,
            at: index.ended.parse().ok()?,
            is_settled: true,
        })
    }

    fn read_keys(
        &self,
        number: u64,
        names: &mut Names,
        now: Timestamp,
        found: &mut Found,
    ) -> io::Result<Ended> {
        let mut keys = HashSet::new();
        let path = self.segment(number);
        if self.is_writer {
            // Order matters: what is counted from here on must not be lost again, and whoever wrote it may
            // have been killed before its sync.
            self.disk.open(&path, Access::Append)?.sync()?;
        }
        let len = self.disk.look(&path)?.map_or(0, |it| it.len);
        let damaged = scan(&*self.disk, &path, len, |trade| {
            keys.insert((names.id(&trade.symbol), Minute::of(trade.time)));
        })?;
        if damaged > 0 {
            found.damaged.push((path, damaged));
        }
        found.unsettled.extend(&keys);
        Ok(Ended {
            keys,
            len,
            at: now,
            is_settled: false,
        })
    }

    /// Writes lines that [`line`] made, and syncs them. After an error some of them may be there.
    pub(super) fn append(
        &mut self,
        lines: &[u8],
        keys: impl Iterator<Item = Key>,
        now: Timestamp,
    ) -> io::Result<()> {
        let is_over = |it: &Active| {
            let age = it.began.until(now).unwrap_or_default();
            SEGMENT_LEN_MAX <= it.len || SEGMENT_AGE_MAX <= age
        };
        if self.active.as_ref().is_some_and(is_over) {
            self.end(now);
        }
        let active = match self.active.take() {
            Some(active) => active,
            None => self.begin(now)?,
        };
        let active = self.active.insert(active);
        let written = disk::write_all(&*active.file, lines).and_then(|()| active.file.sync());
        match written {
            Ok(()) => {
                active.keys.extend(keys);
                active.len = active.len.saturating_add(lines.len() as u64);
            }
            // Nobody knows how it ends: nothing may stand behind it, and nothing behind its length is read.
            Err(_) => self.break_off(now),
        }
        written
    }

    fn begin(&mut self, now: Timestamp) -> io::Result<Active> {
        let number = self.next;
        let path = self.segment(number);
        // A number is used once, whatever becomes of its file.
        self.next = self.next.saturating_add(1);
        let file = self.disk.open(&path, Access::Create)?;
        if let Err(error) = self.disk.sync_folder(&self.folder) {
            // Empty, it is of no use to anybody.
            let _ = self.disk.remove(&path);
            return Err(error);
        }
        Ok(Active {
            number,
            file,
            len: 0,
            began: now,
            keys: HashSet::new(),
        })
    }

    /// Ends the segment after an error. What it has too much goes if it can; whoever reads it later counts
    /// what is left.
    fn break_off(&mut self, now: Timestamp) {
        let Some(active) = self.active.take() else {
            return;
        };
        if active.len == 0 {
            // With a disk that is full there would be one more each time.
            let _ = self.disk.remove(&self.segment(active.number));
            return;
        }
        let _ = active.file.cut(active.len);
        self.active = Some(active);
        self.end(now);
    }

    /// Ends the segment that is written now.
    pub(super) fn end(&mut self, now: Timestamp) {
        if let Some(active) = self.active.take() {
            let ended = Ended {
                keys: active.keys,
                len: active.len,
                at: now,
                is_settled: false,
            };
            self.ended.insert(active.number, ended);
        }
    }

    /// Whether trades of that minute are in some segment.
    pub(super) fn has(&self, key: &Key) -> bool {
        self.segments().any(|(_, keys)| keys.contains(key))
    }

    fn segments(&self) -> impl Iterator<Item = (u64, &HashSet<Key>)> {
        let ended = self.ended.iter().map(|(number, it)| (*number, &it.keys));
        ended.chain(self.active.iter().map(|it| (it.number, &it.keys)))
    }

    /// As many bytes of a segment as are on the disk for sure.
    fn len(&self, number: u64) -> u64 {
        let active = self.active.as_ref().filter(|it| it.number == number);
        let ended = self.ended.get(&number);
        active
            .map(|it| it.len)
            .or(ended.map(|it| it.len))
            .unwrap_or_default()
    }

    /// Shows every trade of the segments that have one of those minutes. The same trade may come twice.
    pub(super) fn read(
        &self,
        keys: &HashSet<Key>,
        mut visit: impl FnMut(PublicTrade),
    ) -> io::Result<()> {
        let wanted = self
            .segments()
            .filter(|(_, has)| match has.len() < keys.len() {
                true => has.iter().any(|it| keys.contains(it)),
                false => keys.iter().any(|it| has.contains(it)),
            });
        for (number, _) in wanted {
            // What is damaged was told when the segment was found.
            scan(
                &*self.disk,
                &self.segment(number),
                self.len(number),
                &mut visit,
            )?;
        }
        Ok(())
    }

    /// Writes the index of each segment that has ended and of which all minutes are in files.
    pub(super) fn settle(
        &mut self,
        names: &Names,
        is_open: impl Fn(&Key) -> bool,
    ) -> io::Result<()> {
        let due = self
            .ended
            .iter()
            .filter(|(_, it)| !it.is_settled && !it.keys.iter().any(&is_open));
        let due: Vec<u64> = due.map(|(number, _)| *number).collect();
        for number in due {
            let Some(ended) = self.ended.get(&number) else {
                continue;
            };
            let mut index = Index {
                ended: ended.at.to_string(),
                minutes: BTreeMap::new(),
            };
            for (symbol, minute) in &ended.keys {
                if let Some(name) = names.name(*symbol) {
                    let starts = index.minutes.entry(name.to_string()).or_default();
                    starts.push(minute.unix_secs());
                }
            }
            let json = serde_json::to_vec(&index).map_err(io::Error::other)?;
            disk::replace(&*self.disk, &self.index(number), &json)?;
            if let Some(ended) = self.ended.get_mut(&number) {
                ended.is_settled = true;
            }
        }
        Ok(())
    }

    /// Removes the segments that are settled, ended before `before`, and have no minute from `from` on.
    pub(super) fn drop_old(&mut self, before: Timestamp, from: Minute) -> io::Result<()> {
        let is_due = |it: &Ended| {
            it.is_settled && it.at < before && it.keys.iter().all(|(_, minute)| *minute < from)
        };
        let due = self.ended.iter().filter(|(_, it)| is_due(it));
        let due: Vec<u64> = due.map(|(number, _)| *number).collect();
        for number in &due {
            // Order matters: a segment without its index is read again, an index without its segment is
            // nothing.
            remove(&*self.disk, &self.segment(*number))?;
            self.ended.remove(number);
            remove(&*self.disk, &self.index(*number))?;
        }
        if !due.is_empty() {
            self.disk.sync_folder(&self.folder)?;
        }
        Ok(())
    }

    /// Bytes in all segments.
    pub(super) fn bytes(&self) -> u64 {
        let active = self.active.as_ref().map_or(0, |it| it.len);
        self.ended.values().map(|it| it.len).sum::<u64>() + active
    }
}

fn remove(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    match disk.remove(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Appends a trade's line with its checksum.
pub(super) fn line(trade: &PublicTrade, out: &mut Vec<u8>) {
    let start = out.len();
    trade.write_to(out);
    // What it ends with comes behind the checksum.
    out.pop();
    let sum = crc32(out.get(start..).unwrap_or_default());
    out.extend_from_slice(SUM);
    for nibble in (0..8).rev() {
        let digit = u8::try_from(sum >> (4 * nibble) & 15).unwrap_or_default();
        out.push(if digit < 10 {
            b'0' + digit
        } else {
            b'a' + digit - 10
        });
    }
    out.extend_from_slice(b"\"}\n");
}

/// The trade of a line; `None` for one that is not as it was written.
fn trade(line: &[u8]) -> Option<PublicTrade> {
    let (head, tail) = line.split_at_checked(line.len().checked_sub(SUM_LEN)?)?;
    let digits = tail.strip_prefix(SUM)?.strip_suffix(b"\"}")?;
    let sum = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    let is_whole = sum == crc32(head);
    is_whole.then(|| PublicTrade::parse(line).ok()).flatten()
}

/// Shows every trade of the first `len` bytes of a segment, and says how many lines are damaged. What is no
/// line at the end is none.
fn scan(
    disk: &dyn Disk,
    path: &Path,
    len: u64,
    mut visit: impl FnMut(PublicTrade),
) -> io::Result<u64> {
    let file = disk.open(path, Access::Read)?;
    let mut block = Vec::new();
    let (mut offset, mut damaged) = (0_u64, 0);
    while offset < len {
        let kept = block.len();
        let left = usize::try_from(len - offset).unwrap_or(usize::MAX);
        block.resize(kept + BLOCK_LEN.min(left), 0);
        let fresh = block.get_mut(kept..).unwrap_or_default();
        let read = disk::read_full(&*file, fresh, offset)?;
        offset = offset.saturating_add(read as u64);
        block.truncate(kept + read);
        let whole = memchr::memrchr(b'\n', &block).map_or(0, |it| it + 1);
        let lines = block.get(..whole).unwrap_or_default();
        for line in lines.split_inclusive(|it| *it == b'\n') {
            match trade(line.strip_suffix(b"\n").unwrap_or(line)) {
                Some(trade) => visit(trade),
                None => damaged += 1,
            }
        }
        block.drain(..whole);
        if read == 0 {
            break;
        }
    }
    Ok(damaged)
}

#[cfg(test)]
mod tests {
    use super::super::trade::{Taker, trade as given};
    use super::*;
    use crate::disk::SimDisk;
    use crate::disk::sim::{Errno, Fault, Injection, Op, Unsynced};

    fn now() -> Timestamp {
        "2024-10-23T14:31:00Z".parse().unwrap()
    }

    fn one(id: &str) -> PublicTrade {
        given(id, "2024-10-23T14:30:01Z", Taker::Buy, "60000.00", "0.5")
    }

    fn append(intake: &mut Intake, names: &mut Names, ids: &[&str]) -> io::Result<()> {
        let mut lines = Vec::new();
        let mut keys = Vec::new();
        for id in ids {
            line(&one(id), &mut lines);
            keys.push((names.id(&one(id).symbol), Minute::of(one(id).time)));
        }
        intake.append(&lines, keys.into_iter(), now())
    }

    fn ids(intake: &Intake, keys: &HashSet<Key>) -> Vec<String> {
        let mut found = Vec::new();
        intake
            .read(keys, |it| found.push(it.id.to_string()))
            .unwrap();
        found
    }

    fn open(disk: &SimDisk, names: &mut Names) -> (Intake, Found) {
        let disk: Arc<dyn Disk> = Arc::new(disk.clone());
        Intake::open(disk, Path::new("/intake"), names, now()).unwrap()
    }

    #[test]
    fn a_line_is_known_by_its_checksum() {
        let mut text = Vec::new();
        line(&one("7"), &mut text);
        let text = text.strip_suffix(b"\n").unwrap();
        assert_eq!(trade(text), Some(one("7")));
        for at in 0..text.len() {
            let mut broken = text.to_vec();
            broken[at] ^= 1;
            assert_eq!(trade(&broken), None, "{}", String::from_utf8_lossy(&broken));
        }
    }

    #[test]
    fn what_was_taken_is_there_after_a_kill_and_what_was_cut_off_is_not() {
        let disk = SimDisk::new(1);
        disk.put_folder("/intake").unwrap();
        let mut names = Names::default();
        let (mut intake, _) = open(&disk, &mut names);
        append(&mut intake, &mut names, &["1", "2"]).unwrap();
        disk.inject(Injection::new(Fault::FailsHalfway(Errno::NoSpace)).on(Op::Write));
        append(&mut intake, &mut names, &["3", "4"]).unwrap_err();
        append(&mut intake, &mut names, &["3", "5"]).unwrap();
        assert_eq!(intake.segments().count(), 2);
        let mut names = Names::default();
        let (intake, found) = open(&disk.kill(), &mut names);
        assert_eq!(found.unsettled.len(), 1);
        assert!(found.damaged.is_empty());
        let mut all = ids(&intake, &found.unsettled);
        all.dedup();
        assert_eq!(all, ["1", "2", "3", "5"]);
    }

    #[test]
    fn a_damaged_line_is_told_and_the_others_are_read() {
        let disk = SimDisk::new(1);
        disk.put_folder("/intake").unwrap();
        let mut names = Names::default();
        let (mut intake, _) = open(&disk, &mut names);
        append(&mut intake, &mut names, &["1", "2", "3"]).unwrap();
        disk.flip_bit("/intake/0000000001.jsonl", 170, 2);
        let disk = disk.restart(Unsynced::Lost, disk::sim::Names::Lost);
        let (intake, found) = open(&disk, &mut Names::default());
        assert_eq!(
            found.damaged,
            [(PathBuf::from("/intake/0000000001.jsonl"), 1)]
        );
        assert_eq!(ids(&intake, &found.unsettled), ["1", "3"]);
    }

    #[test]
    fn a_segment_is_settled_when_its_minutes_are_in_files_and_goes_when_it_is_old() {
        let disk = SimDisk::new(1);
        disk.put_folder("/intake").unwrap();
        let mut names = Names::default();
        let (mut intake, _) = open(&disk, &mut names);
        append(&mut intake, &mut names, &["1"]).unwrap();
        intake.end(now());
        intake.settle(&names, |_| true).unwrap();
        assert_eq!(
            open(&disk.another_process(), &mut Names::default())
                .1
                .unsettled
                .len(),
            1
        );
        intake.settle(&names, |_| false).unwrap();
        let (mut again, found) = open(&disk.another_process(), &mut Names::default());
        assert!(found.unsettled.is_empty());
        let key = (0, Minute::of(one("1").time));
        assert!(again.has(&key));
        again.drop_old(now(), key.1.plus(1)).unwrap();
        again
            .drop_old(now().saturating_add(SEGMENT_AGE_MAX), key.1)
            .unwrap();
        assert!(
            again.has(&key),
            "too young, then of a minute that is wanted"
        );
        again
            .drop_old(now().saturating_add(SEGMENT_AGE_MAX), key.1.plus(1))
            .unwrap();
        assert!(!again.has(&key));
        assert!(
            disk.another_process()
                .list(Path::new("/intake"))
                .unwrap()
                .is_empty()
        );
    }
}
