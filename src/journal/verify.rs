//! Verifying a stream: every promise that can be checked from bytes.
//!
//! Always true:
//! - A problem is named with its file, line and byte, and what is behind it is still looked at.
//! - Nothing is written, and no lock is kept: a bot may go on appending meanwhile.
//! - Memory does not grow with the journal.
//!
//! A good file is checked in parallel (`units`); from the first bad place on it is looked at line
//! by line (`scrutiny`).
//!
//! Not here: signatures; and whether the whole journal was put back as it once was, which no look at
//! the journal alone can tell.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    path::{Path, PathBuf},
    thread,
};

use flate2::read::MultiGzDecoder;

use super::Journal;
use super::audit::{self, AcceptedDamage};
use super::chain::{Break, Chain};
use super::head::{Head, HeadFile};
use super::identity::IdentityError;
use super::layout::{DayFile, Impostor, Place};
use super::order_ids::OrderIds;
use super::recover::check_head_line;
use super::scrutiny::{BadPlace, Scrutiny};
use super::seal::{Seal, Sealed};
use super::troubles::chain_of;
use super::units::{Units, line_check};
use super::walk::walk_with;
use crate::disk::{Access, Disk, FileReader};
use crate::record::{Digest, Stream};
use crate::time::Day;

/// A file of fewer bytes is hashed sooner than a thread is started for it.
const BESIDE_LEN_MIN: u64 = 1 << 20;

/// How far a verification goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Hashes, numbers, days, seals, closing records, `HEAD`.
    Chain,
    /// And that every record is legal, and no order was entered twice.
    Records,
}

/// What kind of thing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FindingKind {
    /// A line was changed, put in, taken out or moved.
    DamagedLine,
    /// Damage that somebody accepted with `tj repair --accept`.
    AcceptedDamage,
    /// A closed day is gone, and nothing says that it was deleted.
    MissingDay,
    /// Bytes at the end of the newest file that were never promised.
    TornTail,
    /// Lines of an older log, not part of the chain.
    Unchained,
    /// A record breaks a rule.
    InvalidRecord,
    /// An order was entered twice.
    RepeatedOrderId,
    /// A `.sha256` does not fit its file, cannot be read, or is missing.
    Seal,
    /// A day is not what its closing record says.
    ClosingRecord,
    /// `HEAD` is missing, cannot be read, or names a line that is not there.
    Head,
    /// A file cannot be read.
    Unreadable,
}

impl FindingKind {
    /// Its word in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FindingKind::DamagedLine => "damaged_line",
            FindingKind::AcceptedDamage => "accepted_damage",
            FindingKind::MissingDay => "missing_day",
            FindingKind::TornTail => "torn_tail",
            FindingKind::Unchained => "unchained",
            FindingKind::InvalidRecord => "invalid_record",
            FindingKind::RepeatedOrderId => "repeated_order_id",
            FindingKind::Seal => "seal",
            FindingKind::ClosingRecord => "closing_record",
            FindingKind::Head => "head",
            FindingKind::Unreadable => "unreadable",
        }
    }

    /// Whether it is worth knowing but no problem.
    #[must_use]
    pub fn is_note(self) -> bool {
        self == FindingKind::AcceptedDamage
    }
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What kind of thing.
    pub kind: FindingKind,
    /// The file.
    pub path: PathBuf,
    /// The line, from 1, where it is a line.
    pub line: Option<u64>,
    /// The first bad byte of the file, where it is a place in it.
    pub byte: Option<u64>,
    /// The number of the line that should be there.
    pub seq: Option<u64>,
    /// What is wrong, in words.
    pub message: String,
}

/// What a verification covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// The stream.
    pub stream: Stream,
    /// How many days were read.
    pub days: u64,
    /// How many lines.
    pub lines: u64,
    /// How many bytes, of archived days unpacked.
    pub bytes: u64,
    /// How many problems were found.
    pub problems: u64,
}

/// How far a verification has come, in bytes of the files: archived days count as they are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// How many were checked.
    pub bytes: u64,
    /// How many there were when it began.
    pub bytes_total: u64,
}

/// Why a verification could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// There is no journal, or its `JOURNAL` cannot be read.
    #[error("verify {}", path.display())]
    Identity {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        source: IdentityError,
    },
    /// There is no journal in the folder.
    #[error("{} is no journal", path.display())]
    NoJournal {
        /// The folder.
        path: PathBuf,
    },
    /// The disk failed.
    #[error("{operation} {}", path.display())]
    Disk {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Journal {
    /// Checks a stream and hands what it finds to `report`, in the order of the days.
    ///
    /// # Errors
    /// [`VerifyError`] when nothing could be checked at all. A file that cannot be read is a finding.
    pub fn verify(
        &self,
        stream: Stream,
        depth: Depth,
        report: &mut dyn FnMut(Finding),
    ) -> Result<Verified, VerifyError> {
        self.verify_with_progress(stream, depth, report, &|_| {})
    }

    /// The same, telling `progress` now and then, in order but from any thread, how far it has come.
    ///
    /// # Errors
    /// As [`Journal::verify`].
    pub fn verify_with_progress(
        &self,
        stream: Stream,
        depth: Depth,
        report: &mut dyn FnMut(Finding),
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Verified, VerifyError> {
        let path = self.layout().logs().to_owned();
        let Some(identity) = self.identity() else {
            return Err(VerifyError::NoJournal { path });
        };
        let folder = self.layout().stream(stream);
        let failed = |operation| {
            let path = folder.clone();
            move |source| VerifyError::Disk {
                operation,
                path,
                source,
            }
        };
        // Order matters: what HEAD and the audit stream promise is read before the lines are, since
        // a bot may be appending.
        let head_path = self.layout().head(stream);
        let head = Head::read(&**self.disk(), &head_path).map_err(failed("read HEAD of"))?;
        let days = self
            .layout()
            .days(&**self.disk(), stream)
            .map_err(failed("list"))?;
        let impostors = self.layout().impostors(&**self.disk(), stream);
        let impostors = impostors.map_err(failed("list"))?;
        let mut verification = Verification {
            journal: self,
            stream,
            depth,
            name: identity.name(),
            head,
            closed: audit::closed_days(self, stream),
            accepted: AcceptedDamage::all(self, stream),
            report,
            pace: Pace::new(&**self.disk(), &days, progress),
            order_ids: OrderIds::new(),
            head_is_explained: false,
            verified: Verified {
                stream,
                days: 0,
                lines: 0,
                bytes: 0,
                problems: 0,
            },
        };
        for Impostor { path, kind } in impostors {
            let message = format!("is not a plain file but {kind}; nothing of it is read");
            verification.find(FindingKind::Unreadable, &path, message);
        }
        verification.run(&days);
        Ok(verification.verified)
    }
}

struct Verification<'a> {
    journal: &'a Journal,
    stream: Stream,
    depth: Depth,
    name: &'a str,
    head: HeadFile,
    closed: BTreeMap<Day, audit::DayState>,
    accepted: Vec<AcceptedDamage>,
    report: &'a mut dyn FnMut(Finding),
    pace: Pace<'a>,
    order_ids: OrderIds,
    /// The line that `HEAD` names is in a place that was reported.
    head_is_explained: bool,
    verified: Verified,
}

/// How far a verification has come, and who wants to know.
#[derive(Clone, Copy)]
struct Pace<'a> {
    progress: &'a (dyn Fn(Progress) + Sync),
    /// The bytes of the days before.
    bytes_before: u64,
    bytes_total: u64,
}

impl<'a> Pace<'a> {
    fn new(disk: &dyn Disk, days: &[DayFile], progress: &'a (dyn Fn(Progress) + Sync)) -> Pace<'a> {
        Pace {
            progress,
            bytes_before: 0,
            bytes_total: days.iter().map(|it| len_of(disk, it)).sum(),
        }
    }

    /// Tells that the day's file was checked up to `offset`.
    fn at(&self, offset: u64) {
        (self.progress)(Progress {
            // A file may have grown since.
            bytes: (self.bytes_before + offset).min(self.bytes_total),
            bytes_total: self.bytes_total,
        });
    }
}

fn len_of(disk: &dyn Disk, day: &DayFile) -> u64 {
    let found = disk.look(&day.path).ok().flatten();
    found.map_or(0, |it| it.len)
}

/// What reading one day gave.
struct DayRead {
    chain: Chain,
    lines: u64,
    bytes: u64,
    sha256: Option<Digest>,
    /// The SHA-256 of the file itself, where that is another one.
    packed_sha256: Option<Digest>,
    places: Vec<BadPlace>,
    accepted: u64,
}

impl Verification<'_> {
    fn run(&mut self, days: &[DayFile]) {
        let mut chain = Chain::genesis(self.name, self.stream);
        let newest = days.last().map(|it| it.day);
        for day in days {
            self.report_missing_days(day.day, days, &mut chain);
            let len = len_of(&**self.journal.disk(), day);
            match self.day(day, &chain, Some(day.day) == newest) {
                Ok(after) => chain = after,
                Err(error) => {
                    self.find(FindingKind::Unreadable, &day.path, error.to_string());
                    // The closing record is the one way on behind it.
                    if let Some(audit::DayState::Closed(closed)) = self.closed.get(&day.day) {
                        chain = audit::chain_of_closed(closed);
                    }
                }
            }
            self.pace.bytes_before += len;
            self.pace.at(0);
        }
        self.report_missing_days(
            Day::from_unix_days(i32::MAX / 2).unwrap_or(Day::EPOCH),
            days,
            &mut chain,
        );
        self.head(newest, &chain);
        self.repeated_order_ids(days);
    }

    /// Days before `before` that were closed, are not there, and were not deleted by rule.
    fn report_missing_days(&mut self, before: Day, days: &[DayFile], chain: &mut Chain) {
        let missing: Vec<(Day, audit::DayState)> = self
            .closed
            .iter()
            .filter(|(day, _)| **day < before && days.iter().all(|it| it.day != **day))
            .map(|(day, state)| (*day, state.clone()))
            .collect();
        for (day, state) in missing {
            self.closed.remove(&day);
            let (audit::DayState::Closed(closed) | audit::DayState::Deleted(closed)) = &state;
            let after = audit::chain_of_closed(closed);
            if chain.lines < after.lines {
                *chain = after;
            }
            if matches!(state, audit::DayState::Closed(_)) {
                let (first, last) = (closed.first_seq(), closed.last_seq());
                let message = format!(
                    "the closed day {day} with lines {first} to {last} is gone, and nothing says \
                     that it was deleted"
                );
                let path = self.journal.layout().day(self.stream, day);
                self.add(Finding {
                    kind: FindingKind::MissingDay,
                    path,
                    line: None,
                    byte: None,
                    seq: Some(first),
                    message,
                });
            }
        }
    }

    /// Checks one day and returns the chain after it.
    fn day(&mut self, day: &DayFile, before: &Chain, newest: bool) -> io::Result<Chain> {
        let seal = Seal::read(self.journal, self.stream, day);
        let state = self.closed.get(&day.day).cloned();
        // The closing record says the same as the seal, also where that is gone.
        let is_hashed = seal.is_some() || state.is_some();
        let mut read = match day.place {
            Place::Logs => self.plain_day(day, before, is_hashed)?,
            Place::Archive => self.archived_day(day, before)?,
        };
        self.verified.days += 1;
        self.verified.lines += read.lines;
        self.verified.bytes += read.bytes;
        for place in &read.places {
            self.report_place(day, place, newest);
        }
        if 0 < read.accepted {
            let message = format!("{} damaged places that were accepted", read.accepted);
            self.find(FindingKind::AcceptedDamage, &day.path, message);
        }
        match &seal {
            Some(seal) => self.check_seal(day, seal, &read),
            None if !newest => self.report_missing_seal(day),
            None => {}
        }
        self.closing_record(day, before, &read);
        if let (Some(state), Some(last)) = (state, read.places.last())
            && last.resumed.is_none()
        {
            // Nothing in the file says how the next day goes on; its closing record does.
            read.chain = state.chain();
        }
        Ok(read.chain)
    }

    fn check_seal(&mut self, day: &DayFile, seal: &Seal, read: &DayRead) {
        let name = format!("{}.jsonl", day.day);
        let plain = seal.of(&name).unwrap_or(Sealed::Unreadable);
        if let Some(complaint) = read.sha256.and_then(|it| plain.complaint(it)) {
            self.find(FindingKind::Seal, &seal.path, complaint);
        }
        // An archived day's seal may have a line for the archive too.
        let packed = seal.of(&format!("{name}.gz"));
        if let (Some(packed), Some(found)) = (packed, read.packed_sha256)
            && let Some(complaint) = packed.complaint(found)
        {
            let complaint = format!("of {name}.gz, {complaint}");
            self.find(FindingKind::Seal, &seal.path, complaint);
        }
    }

    /// A day in `logs/` that was closed has its seal, unless it is being closed just now.
    fn report_missing_seal(&mut self, day: &DayFile) {
        let is_closed = matches!(self.closed.get(&day.day), Some(audit::DayState::Closed(_)));
        // Days are closed in order, each with its seal before the next.
        let is_last = self.closed.range(day.day.next()..).next().is_none();
        let is_at_work = is_last && self.journal.holder(self.stream).is_some();
        if day.place == Place::Logs && is_closed && !is_at_work {
            let path = Seal::path(self.journal, self.stream, day);
            let message = "is missing, though the day is closed; the next writer makes it anew";
            self.find(FindingKind::Seal, &path, message.to_owned());
        }
    }

    fn plain_day(&mut self, day: &DayFile, before: &Chain, sealed: bool) -> io::Result<DayRead> {
        let disk = self.journal.disk();
        let file = disk.open(&day.path, Access::Read)?;
        let len = file.look()?.len;
        let check = (self.depth == Depth::Records).then_some(self.stream);
        let pace = self.pace;
        let (units, sha256) = thread::scope(|scope| {
            let hash = || audit::sha256_of(&*file, 0, len);
            let hashing = (sealed && BESIDE_LEN_MIN <= len).then(|| scope.spawn(hash));
            let mut units = Units::new(&*file, len, before.clone(), check);
            let mut invalid = Vec::new();
            let checked = units.run(|unit| {
                invalid.append(&mut unit.invalid);
                self.order_ids.add(&unit.order_ids);
                pace.at(unit.end);
            });
            let sha256 = match hashing {
                Some(thread) => Some(thread.join().unwrap_or_else(|_| panicked())),
                None => sealed.then(hash),
            };
            (checked.map(|()| (units, invalid)), sha256.transpose())
        });
        let (units, invalid) = units?;
        for (line, byte, problem) in invalid {
            self.invalid(&day.path, line, byte, problem);
        }
        let mut read = DayRead {
            chain: units.chain.clone(),
            lines: units.lines,
            bytes: units.offset,
            sha256: sha256?,
            packed_sha256: None,
            places: Vec::new(),
            accepted: 0,
        };
        if units.offset < len {
            // Something is wrong from here on: look at each line.
            let from = units.offset;
            let lines_before = units.lines;
            let chain = units.chain.clone();
            let mut left = len - from;
            let mut reader = FileReader::new(&*file, from);
            // A file that grows is read as far as it went when it was opened.
            let source = |bytes: &mut [u8]| {
                let most = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                let got = reader.read(bytes.get_mut(..most).unwrap_or_default())?;
                left -= got as u64;
                pace.at(reader.offset());
                Ok(got)
            };
            let slow = self.slow(day, chain, lines_before, from, source)?;
            read.chain = slow.chain;
            read.lines += slow.lines;
            read.bytes = slow.bytes;
            read.places = slow.places;
            read.accepted = slow.accepted;
        }
        Ok(read)
    }

    fn archived_day(&mut self, day: &DayFile, before: &Chain) -> io::Result<DayRead> {
        let file = self.journal.disk().open(&day.path, Access::Read)?;
        let mut unpacked = MultiGzDecoder::new(FileReader::new(&*file, 0));
        let mut state = sha2::Sha256::default();
        let pace = self.pace;
        let source = |bytes: &mut [u8]| {
            let got = unpacked.read(bytes)?;
            pace.at(unpacked.get_ref().offset());
            sha2::Digest::update(&mut state, bytes.get(..got).unwrap_or_default());
            Ok(got)
        };
        let mut read = self.slow(day, before.clone(), 0, 0, source)?;
        let sha256 = sha2::Digest::finalize(state);
        read.sha256 = Some(Digest::from_bytes(sha256.into()));
        read.packed_sha256 = Some(audit::sha256_of(&*file, 0, file.look()?.len)?);
        Ok(read)
    }

    /// Looks at every line that `source` gives.
    fn slow(
        &mut self,
        day: &DayFile,
        chain: Chain,
        lines_before: u64,
        from: u64,
        mut source: impl FnMut(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<DayRead> {
        let file = self.journal.disk().open(&day.path, Access::Read)?;
        let all = &self.accepted;
        let plain = day.place == Place::Logs;
        // The bytes of accepted damage in an archived day are behind the compression; its place has
        // to do.
        let accepted = |byte: u64| {
            let here = all.iter().find(|it| {
                if plain {
                    it.is_at(day.day, byte, &*file)
                } else {
                    it.begins_at(day.day, byte)
                }
            });
            here.cloned()
        };
        let mut scrutiny = Scrutiny::new(chain, lines_before, &accepted);
        let mut check = (self.depth == Depth::Records).then(|| line_check(self.stream));
        let mut order_ids = Vec::new();
        let mut good = 0;
        let mut invalid = Vec::new();
        let mut fill = |bytes: &mut [u8], _| {
            let mut filled = 0;
            while let Some(rest) = bytes.get_mut(filled..).filter(|it| !it.is_empty()) {
                match source(rest) {
                    Ok(0) => break,
                    Ok(got) => filled += got,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(filled)
        };
        let walked = walk_with(&mut fill, from, |piece| {
            if scrutiny.look(piece) {
                good += 1;
                if let Some(check) = &mut check
                    && let Err(problem) = check.check(piece.bytes, &mut order_ids)
                {
                    invalid.push((scrutiny.lines_seen(), piece.offset, problem));
                }
            }
            if 10_000 < order_ids.len() {
                self.order_ids.add(&order_ids);
                order_ids.clear();
            }
            std::ops::ControlFlow::<()>::Continue(())
        })?;
        let bytes = walked.unwrap_or_default();
        scrutiny.finish(day.day, bytes);
        let Scrutiny {
            chain,
            places,
            accepted_places,
            ..
        } = scrutiny;
        self.order_ids.add(&order_ids);
        for (line, byte, problem) in invalid {
            self.invalid(&day.path, line, byte, problem);
        }
        Ok(DayRead {
            chain,
            lines: good,
            bytes,
            sha256: None,
            packed_sha256: None,
            places,
            accepted: accepted_places,
        })
    }

    fn report_place(&mut self, day: &DayFile, place: &BadPlace, newest: bool) {
        let covered = match &self.head {
            HeadFile::Read(head) => place.seq < head.lines,
            _ => false,
        };
        let unpromised = newest && place.resumed.is_none() && !place.promised && !covered;
        if let HeadFile::Read(head) = &self.head
            && head.day == day.day
            && covered
            && place
                .resumed
                .as_ref()
                .is_none_or(|_| head.offset <= place.end)
        {
            // Its line is in this place, so that it is not there is no second problem.
            self.head_is_explained = true;
        }
        let len = place.end - place.byte;
        let (kind, message) = match place.why {
            Break::Unchained => {
                let text = "older log's lines, not part of the chain; `tj import` takes them in";
                (FindingKind::Unchained, text.to_owned())
            }
            _ if unpromised && self.journal.holder(self.stream).is_some() => {
                // Somebody is writing: this is the line he is at.
                return;
            }
            _ if unpromised => {
                let text = format!(
                    "{len} bytes that were never promised; the next writer keeps them in torn/"
                );
                (FindingKind::TornTail, text)
            }
            why => {
                let behind = match &place.resumed {
                    Some(chain) => format!(
                        "the chain goes on at byte {} with line {}",
                        place.end, chain.lines
                    ),
                    None => "nothing behind it fits".to_owned(),
                };
                (FindingKind::DamagedLine, format!("{why}; {behind}"))
            }
        };
        self.add(Finding {
            kind,
            path: day.path.clone(),
            line: Some(place.line),
            byte: Some(place.byte),
            seq: Some(place.seq),
            message,
        });
    }

    fn closing_record(&mut self, day: &DayFile, before: &Chain, read: &DayRead) {
        let Some(audit::DayState::Closed(closed)) = self.closed.remove(&day.day) else {
            return;
        };
        let mut wrong = Vec::new();
        let mut compare = |what: &str, said: String, found: String| {
            if said != found {
                wrong.push(format!("{what} {said}, found {found}"));
            }
        };
        if before.hash.is_some() {
            let lines = read.chain.lines.saturating_sub(before.lines);
            compare("lines", closed.lines().to_string(), lines.to_string());
        }
        compare("bytes", closed.bytes().to_string(), read.bytes.to_string());
        compare(
            "last seq",
            closed.last_seq().to_string(),
            read.chain.lines.saturating_sub(1).to_string(),
        );
        if let Some(hash) = read.chain.hash {
            compare(
                "last hash",
                closed.last_hash().to_string(),
                hash.to_string(),
            );
        }
        if let Some(sha256) = read.sha256 {
            compare("sha256", closed.sha256().to_string(), sha256.to_string());
        }
        if let (Some(said), Some(found)) = (closed.range(), &read.chain.range)
            && said.as_slice() != found.peaks()
        {
            wrong.push("another Merkle range".to_owned());
        }
        if !wrong.is_empty() {
            let message = format!("its closing record says {}", wrong.join("; "));
            self.find(FindingKind::ClosingRecord, &day.path, message);
        }
    }

    fn head(&mut self, newest: Option<Day>, end: &Chain) {
        let path = self.journal.layout().head(self.stream);
        let message = match &self.head {
            _ if self.head_is_explained => return,
            HeadFile::Missing if newest.is_none() || self.verified.lines == 0 => return,
            // A stream that was only just begun has none yet.
            HeadFile::Missing if self.journal.holder(self.stream).is_some() => return,
            HeadFile::Missing => "is missing; the next writer makes it anew".to_owned(),
            HeadFile::Unreadable(why) => {
                format!("cannot be read: {why}; the next writer makes it anew")
            }
            HeadFile::Read(head) => {
                let checked = check_head_line(self.journal, self.stream, self.name, head);
                let excused = self
                    .accepted
                    .iter()
                    .any(|it| it.ends_at(head.day, head.offset, head.lines));
                // Of a head that lags behind, the range is not at hand any more.
                let ranges = (&head.range, &end.range);
                match (checked, ranges) {
                    (Err(error), _) if !excused => chain_of(&error),
                    (_, (Some(said), Some(found)))
                        if said.size() == found.size() && said != found =>
                    {
                        "has another Merkle range than the lines".to_owned()
                    }
                    _ => return,
                }
            }
        };
        self.find(FindingKind::Head, &path, message);
    }

    fn repeated_order_ids(&mut self, days: &[DayFile]) {
        if self.depth == Depth::Chain || self.stream != Stream::Trades {
            return;
        }
        let disk = &**self.journal.disk();
        for repeated in self.order_ids.repeated(disk, days) {
            let message = format!(
                "order {} was entered before, in {} line {}",
                repeated.order_id,
                repeated.first_path.display(),
                repeated.first_line
            );
            self.add(Finding {
                kind: FindingKind::RepeatedOrderId,
                path: repeated.path,
                line: Some(repeated.line),
                byte: Some(repeated.byte),
                seq: repeated.seq,
                message,
            });
        }
    }

    fn invalid(&mut self, path: &Path, line: u64, byte: u64, message: String) {
        self.add(Finding {
            kind: FindingKind::InvalidRecord,
            path: path.to_owned(),
            line: Some(line),
            byte: Some(byte),
            seq: None,
            message,
        });
    }

    fn find(&mut self, kind: FindingKind, path: &Path, message: String) {
        let path = path.to_owned();
        self.add(Finding {
            kind,
            path,
            line: None,
            byte: None,
            seq: None,
            message,
        });
    }

    fn add(&mut self, finding: Finding) {
        self.verified.problems += u64::from(!finding.kind.is_note());
        (self.report)(finding);
    }
}

fn panicked<T>() -> io::Result<T> {
    Err(io::Error::other("a thread panicked"))
}
