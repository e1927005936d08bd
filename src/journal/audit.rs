//! The `audit` stream as the journal itself uses it: telling what was done, and asking what is
//! known of closed days and accepted damage.
//!
//! Always true:
//! - What happened is queued and written behind: a locked or damaged audit stream is reported and
//!   never keeps a record from being appended to another one.
//! - A torn tail is told at least once: its file in `torn/` is called `.new` until it was.
//! - The audit stream is read line by line, and a line that cannot be read is passed over.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
};

use sha2::{Digest as _, Sha256};

use super::Journal;
use super::chain::Chain;
use super::close::ClosedDay;
use super::commit::Role;
use super::history::each_line;
use super::line::{Draft, Tail};
use super::log::{CommitError, Note};
use super::range::CompactRange;
use super::troubles::chain_of;
use super::upkeep::{Upkeep, is_passing};
use super::walk::walk;
use super::writer::{Durability, WriterOptions};
use crate::disk;
use crate::disk::{Access, Disk, File, Kind};
use crate::record::{
    AuditEvent, AuditKind, ClockStepped, ClockSteppedParts, DamageAccepted, DayClosed,
    DayClosedParts, Digest, HeadRebuilt, HeadRebuiltParts, Record, Recovered, RecoveredParts,
    Stream,
};
use crate::time::Day;

/// How many events go into one batch.
const BATCH_MAX: usize = 256;

/// What waits to be told, and the writer that tells it.
#[derive(Debug, Default)]
pub(super) struct AuditQueue {
    pending: VecDeque<Pending>,
    upkeep: Option<Arc<Upkeep>>,
}

#[derive(Debug)]
struct Pending {
    event: AuditEvent,
    /// A file in `torn/` that loses its `.new` once the event is on disk.
    torn: Option<PathBuf>,
}

fn queue(journal: &Journal) -> MutexGuard<'_, AuditQueue> {
    lock(&journal.shared.audit)
}

fn lock(mutex: &Mutex<AuditQueue>) -> MutexGuard<'_, AuditQueue> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Queues what a log noticed.
pub(super) fn note(journal: &Journal, stream: Stream, notes: Vec<Note>) {
    let now = journal.clock().now();
    for note in notes {
        // Only a blank reason could be refused, and the journal gives none.
        if let Ok(kind) = kind_of(stream, note) {
            let event = AuditEvent::new(now, kind);
            queue(journal)
                .pending
                .push_back(Pending { event, torn: None });
        }
    }
}

fn kind_of(stream: Stream, note: Note) -> Result<AuditKind, Box<dyn std::error::Error>> {
    Ok(match note {
        Note::HeadRebuilt { why } => {
            let why = why.parse()?;
            HeadRebuilt::new(HeadRebuiltParts { stream, why })?.into()
        }
        Note::ClockStepped { day, today } => {
            let parts = ClockSteppedParts {
                stream,
                from: day.start(),
                to: today.start(),
            };
            ClockStepped::new(parts)?.into()
        }
    })
}

/// Queues every torn tail that was saved and not told of yet, and names their files.
pub(super) fn note_untold_torn(journal: &Journal, stream: Stream) -> Vec<PathBuf> {
    let folder = journal.layout().torn(stream);
    let mut untold = Vec::new();
    // No folder, no torn tails; and another trouble with it shows when one is saved.
    let entries = journal.disk().list(&folder).unwrap_or_default();
    for entry in entries.into_iter().filter(|it| it.kind == Kind::File) {
        let Some(name) = entry.name.strip_suffix(".new") else {
            continue;
        };
        let path = folder.join(&entry.name);
        let Ok(event) = torn_event(journal, stream, name, &path) else {
            continue;
        };
        let mut queue = queue(journal);
        if queue
            .pending
            .iter()
            .all(|it| it.torn.as_ref() != Some(&path))
        {
            queue.pending.push_back(Pending {
                event,
                torn: Some(path),
            });
        }
        untold.push(folder.join(name));
    }
    untold
}

/// The event for a file in `torn/` called `<day>.<offset>` or `<day>.<offset>-<copy>`.
fn torn_event(
    journal: &Journal,
    stream: Stream,
    name: &str,
    path: &Path,
) -> io::Result<AuditEvent> {
    let strange = || io::Error::from(io::ErrorKind::InvalidData);
    let (day, rest) = name.split_once('.').ok_or_else(strange)?;
    let offset = rest.split('-').next().unwrap_or(rest);
    let file = journal.disk().open(path, Access::Read)?;
    let mut lines = 0;
    let walked = walk(&*file, 0, |piece| {
        lines += u64::from(piece.is_line);
        std::ops::ControlFlow::<()>::Continue(())
    })?;
    let parts = RecoveredParts {
        stream,
        day: day.parse().map_err(|_| strange())?,
        offset: offset.parse().map_err(|_| strange())?,
        bytes: walked.unwrap_or_default(),
        torn_file: name.parse().map_err(|_| strange())?,
        lines: Some(lines),
    };
    let kind = Recovered::new(parts).map_err(|_| strange())?;
    Ok(AuditEvent::new(journal.clock().now(), kind))
}

/// Writes what is queued; says what kept it from being written.
pub(super) fn write_behind(journal: &Journal) -> Result<(), String> {
    // One at a time: two that take the same events from the front would drop others unwritten.
    let _telling = journal
        .shared
        .telling
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    loop {
        let drafts: Vec<Draft> = {
            let queue = queue(journal);
            queue
                .pending
                .iter()
                .take(BATCH_MAX)
                .map(|it| draft(&it.event))
                .collect()
        };
        if drafts.is_empty() {
            break;
        }
        let count = drafts.len();
        append(journal, drafts)?;
        let told: Vec<Pending> = queue(journal).pending.drain(..count).collect();
        for torn in told.into_iter().filter_map(|it| it.torn) {
            mark_told(&**journal.disk(), &torn)
                .map_err(|error| format!("rename {}: {error}", torn.display()))?;
        }
    }
    let upkeep = queue(journal).upkeep.clone();
    if let Some(upkeep) = upkeep {
        upkeep.tick();
        if let Some(trouble) = upkeep.take_troubles().pop() {
            return Err(trouble);
        }
    }
    Ok(())
}

/// Takes the `.new` off a torn tail's name.
fn mark_told(disk: &dyn Disk, torn: &Path) -> io::Result<()> {
    match disk.rename(torn, &torn.with_extension("")) {
        // Another process told of it too and was first.
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    torn.parent()
        .map_or(Ok(()), |folder| disk.sync_folder(folder))
}

/// Writes the record of a closed day and returns when it is on disk.
pub(super) fn tell_closed(journal: &Journal, closed: &ClosedDay) -> Result<(), String> {
    let parts = DayClosedParts {
        stream: closed.stream,
        day: closed.day,
        lines: closed.lines,
        bytes: closed.bytes,
        first_seq: closed.first_seq,
        last_seq: closed.last_seq,
        last_hash: closed.hash,
        sha256: closed.sha256,
        smallest_timestamp: closed.span.map(|it| it.0),
        largest_timestamp: closed.span.map(|it| it.1),
        range: closed.range.as_ref().map(|it| it.peaks().to_vec()),
    };
    let kind = DayClosed::new(parts).map_err(|invalid| invalid.to_string())?;
    tell(journal, kind)
}

/// Writes one event and returns when it is on disk.
pub(crate) fn tell(journal: &Journal, kind: impl Into<AuditKind>) -> Result<(), String> {
    let event = AuditEvent::new(journal.clock().now(), kind);
    append(journal, vec![draft(&event)])
}

fn draft(event: &AuditEvent) -> Draft {
    Draft::new(|out| event.encode(out))
}

/// Appends to the audit stream through the journal's own writer, opened when first needed.
fn append(journal: &Journal, drafts: Vec<Draft>) -> Result<(), String> {
    let opened = queue(journal).upkeep.clone();
    let upkeep = match opened {
        Some(upkeep) => upkeep,
        None => open(journal)?,
    };
    let commit = upkeep.commit();
    let answer = match commit.enqueue(drafts) {
        Ok((ticket, role)) => {
            if role == Role::Leader {
                commit.lead();
            }
            ticket
                .batch
                .wait()
                .as_ref()
                .map(|_| ())
                .map_err(Clone::clone)
        }
        Err(error) => Err(error),
    };
    answer.map_err(|error| {
        if !is_passing(&error) {
            // It has ended; the next time a new one finds out what is there.
            forget(journal, &upkeep);
        }
        format!("audit: {}", why(&error))
    })
}

fn open(journal: &Journal) -> Result<Arc<Upkeep>, String> {
    let options = WriterOptions::default();
    let commit = journal
        .open_commit(Stream::Audit, &options)
        .map_err(|error| format!("audit: {}", chain_of(&error)))?;
    let upkeep = Arc::new(Upkeep::new(journal, commit, Durability::Synced));
    note_untold_torn(journal, Stream::Audit);
    let replaced = queue(journal).upkeep.replace(Arc::clone(&upkeep));
    // Order matters: the queue is free before a writer is closed, which looks into the queue.
    drop(replaced);
    Ok(upkeep)
}

/// Forgets a writer that ended, unless another has taken its place.
fn forget(journal: &Journal, ended: &Arc<Upkeep>) {
    let stale = {
        let mut queue = queue(journal);
        match &queue.upkeep {
            Some(it) if Arc::ptr_eq(it, ended) => queue.upkeep.take(),
            _ => None,
        }
    };
    // Order matters: the queue is free before the writer is closed, which looks into the queue.
    drop(stale);
}

fn why(error: &CommitError) -> String {
    match error {
        CommitError::LowSpace { free_bytes, .. } => format!("only {free_bytes} bytes are free"),
        CommitError::Locked { pid } => pid.map_or_else(
            || "is locked".to_owned(),
            |pid| format!("is locked by process {pid}"),
        ),
        CommitError::Recover(error) => chain_of(&**error),
        CommitError::Unknown { failure, .. } | CommitError::Ended(failure) => chain_of(&**failure),
    }
}

/// A writer of the journal is gone. The last one takes the journal's own audit writer with it.
pub(super) fn writer_closed(journal: &Journal, stream: Stream) {
    let before = journal.shared.writers.fetch_sub(1, Ordering::AcqRel);
    // Its own upkeep is the one that may be left over.
    if stream != Stream::Audit && before <= 2 {
        close_own_writer(journal);
    }
}

/// Closes the journal's own writer of the audit stream; the next event opens another.
pub(crate) fn close_own_writer(journal: &Journal) {
    let upkeep = queue(journal).upkeep.take();
    if let Some(upkeep) = upkeep {
        // What goes wrong here goes wrong with `HEAD` alone, which is made anew.
        let _ = upkeep.close();
    }
}

/// What the audit stream says of a day.
#[derive(Clone, Debug)]
pub(crate) enum DayState {
    /// It was closed.
    Closed(DayClosed),
    /// It was closed, and deleted by rule since.
    Deleted(DayClosed),
}

impl DayState {
    /// The chain behind the day.
    pub(super) fn chain(&self) -> Chain {
        let (DayState::Closed(closed) | DayState::Deleted(closed)) = self;
        chain_of_closed(closed)
    }
}

/// Every day of `stream` that was closed.
pub(super) fn closed_days(journal: &Journal, stream: Stream) -> BTreeMap<Day, DayState> {
    let mut days = BTreeMap::new();
    each_event(journal, b"\"day", |event| match event.kind() {
        AuditKind::DayClosed(closed) if closed.stream() == stream => {
            days.insert(closed.day(), DayState::Closed(closed.clone()));
        }
        AuditKind::Deleted(deleted) if deleted.stream() == stream => {
            if let Some(DayState::Closed(closed)) = days.remove(&deleted.day()) {
                days.insert(deleted.day(), DayState::Deleted(closed));
            }
        }
        _ => {}
    });
    days
}

/// The chain behind a closed day.
pub(super) fn chain_of_closed(closed: &DayClosed) -> Chain {
    let lines = closed.last_seq().saturating_add(1);
    let range = closed.range().cloned();
    Chain {
        lines,
        hash: Some(closed.last_hash()),
        range: range.and_then(|it| CompactRange::from_peaks(lines, it)),
    }
}

/// Whether `day` of `stream` has a closing record that says it has `lines` lines in all before and
/// in it. Only what `audit` holds since that day is read: it was not closed earlier.
pub(super) fn is_closed(journal: &Journal, stream: Stream, day: Day, lines: u64) -> bool {
    let mut is_closed = false;
    let _ = each_event_since(journal, day, b"\"day_closed\"", |event| {
        if let AuditKind::DayClosed(closed) = event.kind() {
            let is_this = closed.stream() == stream && closed.day() == day;
            is_closed |= is_this && closed.last_seq() + 1 == lines;
        }
    });
    is_closed
}

/// The closing record of the newest day of `stream` before `day`.
pub(super) fn closing_before(journal: &Journal, stream: Stream, day: Day) -> Option<DayClosed> {
    let mut newest: Option<DayClosed> = None;
    each_event(journal, b"\"day_closed\"", |event| {
        let AuditKind::DayClosed(closed) = event.kind() else {
            return;
        };
        let is_newer = newest.as_ref().is_none_or(|it| it.day() <= closed.day());
        if closed.stream() == stream && closed.day() < day && is_newer {
            newest = Some(closed.clone());
        }
    });
    newest
}

/// Damage that somebody accepted, and from where the chain goes on behind it.
#[derive(Clone, Debug)]
pub(super) struct AcceptedDamage {
    day: Day,
    byte: u64,
    bytes: u64,
    sha256: Digest,
    lines: u64,
    hash: Digest,
    range: Option<CompactRange>,
}

impl AcceptedDamage {
    /// Every accepted damage of `stream`.
    pub(super) fn all(journal: &Journal, stream: Stream) -> Vec<AcceptedDamage> {
        let mut all = Vec::new();
        each_event(journal, b"\"damage_accepted\"", |event| {
            if let AuditKind::DamageAccepted(it) = event.kind()
                && it.stream() == stream
            {
                all.push(AcceptedDamage::of(it));
            }
        });
        if stream == Stream::Audit {
            let provisional = journal.shared.provisional.lock();
            all.extend_from_slice(&provisional.unwrap_or_else(PoisonError::into_inner));
        }
        all
    }

    pub(super) fn of(event: &DamageAccepted) -> AcceptedDamage {
        let range = event.range().cloned();
        AcceptedDamage {
            day: event.day(),
            byte: event.byte(),
            bytes: event.bytes(),
            sha256: event.damaged_sha256(),
            lines: event.next_seq(),
            hash: event.last_hash(),
            range: range.and_then(|it| CompactRange::from_peaks(event.next_seq(), it)),
        }
    }

    /// Whether it is the damage that begins at `byte` of the file of `day`, unchanged since.
    pub(super) fn is_at(&self, day: Day, byte: u64, file: &dyn File) -> bool {
        (self.day, self.byte) == (day, byte)
            && sha256_of(file, byte, self.bytes).is_ok_and(|it| it == self.sha256)
    }

    /// Whether it takes a chain that stands there any further: where something was cut off it
    /// does so once, and what is wrong behind it is another matter.
    pub(super) fn helps(&self, chain: &Chain) -> bool {
        0 < self.bytes || (chain.lines, chain.hash) != (self.lines, Some(self.hash))
    }

    /// Whether lines were cut off at the end of `day`, where `chain` stands.
    pub(super) fn continues(&self, day: Day, end: u64, chain: &Chain) -> bool {
        self.begins_at(day, end) && self.bytes == 0 && chain.lines < self.lines
    }

    /// Whether it is at that place, whatever its bytes are now.
    pub(super) fn begins_at(&self, day: Day, byte: u64) -> bool {
        (self.day, self.byte) == (day, byte)
    }

    /// Whether the journal goes on at `offset` of `day` with line number `lines` because of it.
    pub(super) fn ends_at(&self, day: Day, offset: u64, lines: u64) -> bool {
        (self.day, self.end(), self.lines) == (day, offset, lines)
    }

    /// Whether it ends at that place.
    pub(super) fn end_is(&self, day: Day, offset: u64) -> bool {
        (self.day, self.end()) == (day, offset)
    }

    /// Where the damaged bytes end.
    pub(super) fn end(&self) -> u64 {
        self.byte.saturating_add(self.bytes)
    }

    /// The chain behind it.
    pub(super) fn chain(&self) -> Chain {
        Chain {
            lines: self.lines,
            hash: Some(self.hash),
            range: self.range.clone(),
        }
    }
}

/// The SHA-256 of `len` bytes of a file.
pub(super) fn sha256_of(file: &dyn File, offset: u64, len: u64) -> io::Result<Digest> {
    let mut state = Sha256::new();
    let mut block = vec![0; 64 << 10];
    let mut done = 0;
    while done < len {
        let wanted = usize::try_from(len - done)
            .unwrap_or(usize::MAX)
            .min(block.len());
        let space = block.get_mut(..wanted).unwrap_or_default();
        let read = disk::read_full(file, space, offset + done)?;
        if read == 0 {
            break;
        }
        state.update(space.get(..read).unwrap_or_default());
        done += read as u64;
    }
    Ok(Digest::from_bytes(state.finalize().into()))
}

/// Hands every audit event whose line has `mark` in it to `visit`. What cannot be read is for `tj verify` to
/// name; here it is as if it were not there.
pub(crate) fn each_event(journal: &Journal, mark: &[u8], visit: impl FnMut(&AuditEvent)) {
    let _ = every_event(journal, mark, visit);
}

/// The same for who must know that it was all of them.
///
/// # Errors
/// The first thing that could not be read; what could be was handed over.
pub(crate) fn every_event(
    journal: &Journal,
    mark: &[u8],
    visit: impl FnMut(&AuditEvent),
) -> io::Result<()> {
    let first = Day::new(1, 1, 1).unwrap_or(Day::EPOCH);
    each_event_since(journal, first, mark, visit)
}

/// The same for the first `lines` lines.
pub(crate) fn each_event_until(
    journal: &Journal,
    lines: u64,
    mark: &[u8],
    mut visit: impl FnMut(&AuditEvent),
) {
    let disk = &**journal.disk();
    let days = journal.layout().days(disk, Stream::Audit);
    for day in days.unwrap_or_default() {
        let _ = each_line(disk, &day, |line| {
            if memchr::memmem::find(line, mark).is_some()
                && Tail::parse(line).is_some_and(|it| it.seq < lines)
                && let Ok(event) = AuditEvent::decode(line)
            {
                visit(&event);
            }
        });
    }
}

/// The same for what was told on `first` and later.
fn each_event_since(
    journal: &Journal,
    first: Day,
    mark: &[u8],
    mut visit: impl FnMut(&AuditEvent),
) -> io::Result<()> {
    let disk = &**journal.disk();
    let mut all = Ok(());
    let days = journal.layout().days(disk, Stream::Audit)?;
    for day in days.into_iter().filter(|it| first <= it.day) {
        let read = each_line(disk, &day, |line| {
            if memchr::memmem::find(line, mark).is_some()
                && let Ok(event) = AuditEvent::decode(line)
            {
                visit(&event);
            }
        });
        all = all.and(read);
    }
    all
}
