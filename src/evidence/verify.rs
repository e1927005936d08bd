//! Holding a stream against what was signed of it, in the journal and elsewhere.
//!
//! Always true:
//! - Every checkpoint is checked: whose it is, who signed it and on which day, and whether the lines
//!   that are there come to its root.
//! - Every problem is named, and nothing is written.
//!
//! Not here: the lines themselves (`journal::Journal::verify`), and whom to trust: without a root key
//! the rings are taken as they are, and what comes of it says so.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    ops::{ControlFlow, Range},
    path::PathBuf,
};

use super::anchors;
use super::checkpoint::SignedCheckpoint;
use super::checkpoints::{CheckpointLog, Checkpoints};
use super::fold::{Fold, is_accepted};
use super::keys::{KeyError, Keyring};
use super::note::{SignatureKind, VerifierKey};
use super::proof::{signs, static_name};
use super::ring::Ring;
use crate::journal::{ColumnError, CompactRange, Identity, Journal};
use crate::record::{AuditEvent, AuditKind, Digest, Record, Stream};
use crate::time::{Day, Timestamp};

/// What kind of thing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EvidenceKind {
    /// Something in a log of checkpoints is none.
    BadCheckpoint,
    /// A time-stamp is none, or not of the checkpoint beside it.
    Anchor,
    /// A checkpoint of another journal, another stream, or an epoch that never was.
    OtherOrigin,
    /// A checkpoint that no known key of its day signed.
    Signature,
    /// A day's checkpoint was signed with the key of a later day.
    LaterKey,
    /// A checkpoint of more lines than there are: the tail was cut, or an older copy put back.
    TooLarge,
    /// The lines do not come to the root that was signed: history was changed.
    Root,
    /// Two checkpoints of as many lines have different roots.
    Fork,
    /// A day's lines were never signed, or only after later days were written.
    Unsigned,
    /// A ring that is none, or that the trusted root key did not sign.
    Ring,
    /// The end of a log of checkpoints is none: a crash cut it short, or somebody changed it.
    Torn,
    /// Lines were lost, which somebody accepted; checkpoints of as many lines as stood there cannot be
    /// checked.
    Gap,
    /// The lines cannot be added up, so checkpoints beyond a place cannot be checked.
    Unchecked,
    /// A checkpoint of before a restore that `audit` tells of, which the lines no longer come to.
    Restored,
}

impl EvidenceKind {
    /// Its word in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            EvidenceKind::BadCheckpoint => "bad_checkpoint",
            EvidenceKind::Anchor => "anchor",
            EvidenceKind::OtherOrigin => "other_origin",
            EvidenceKind::Signature => "signature",
            EvidenceKind::LaterKey => "later_key",
            EvidenceKind::TooLarge => "too_large",
            EvidenceKind::Root => "root",
            EvidenceKind::Fork => "fork",
            EvidenceKind::Unsigned => "unsigned",
            EvidenceKind::Ring => "ring",
            EvidenceKind::Torn => "torn",
            EvidenceKind::Gap => "gap",
            EvidenceKind::Unchecked => "unchecked",
            EvidenceKind::Restored => "restored",
        }
    }

    /// Whether it is worth knowing but no problem.
    #[must_use]
    pub fn is_note(self) -> bool {
        matches!(self, EvidenceKind::Restored | EvidenceKind::Gap)
    }
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EvidenceFinding {
    /// What kind of thing.
    pub kind: EvidenceKind,
    /// The file; `None` for a checkpoint from elsewhere.
    pub path: Option<PathBuf>,
    /// Where in it.
    pub byte: Option<u64>,
    /// What is wrong, in words.
    pub message: String,
}

/// What the evidence of a stream came to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EvidenceVerified {
    /// The stream.
    pub stream: Stream,
    /// How many lines it has.
    pub lines: u64,
    /// How many checkpoints were right in every way.
    pub checkpoints: u64,
    /// How many lines the largest of those covers.
    pub signed_lines: u64,
    /// When the oldest of those was signed.
    pub since: Option<Timestamp>,
    /// When the newest was.
    pub until: Option<Timestamp>,
    /// How many of them an authority time-stamped, as its answers say.
    pub anchors: u64,
    /// How many problems were found.
    pub problems: u64,
}

/// Whom to trust, and what is known from elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// The root key, or the static key, of the journal; several where it was replaced. With none, the
    /// rings are taken as they are.
    pub keys: Vec<VerifierKey>,
    /// Checkpoints that were kept elsewhere.
    pub outside: Vec<SignedCheckpoint>,
}

/// Why evidence could not be checked at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// There is no journal.
    #[error("there is no journal in {}", path.display())]
    NoJournal {
        /// The folder.
        path: PathBuf,
    },
    /// The rings cannot be read.
    #[error("read the key ring")]
    Keyring(#[from] KeyError),
    /// The log of checkpoints cannot be read.
    #[error("read {}", path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The lines cannot be read.
    #[error("read the lines of {stream}")]
    Column {
        /// The stream.
        stream: Stream,
        /// Which file.
        source: ColumnError,
    },
}

/// Holds a stream against its checkpoints and those of `trust`, and hands what it finds to `report`.
///
/// # Errors
/// [`EvidenceError`] when nothing could be checked.
pub fn verify(
    journal: &Journal,
    stream: Stream,
    trust: &Trust,
    report: &mut dyn FnMut(EvidenceFinding),
) -> Result<EvidenceVerified, EvidenceError> {
    let identity = journal.identity().ok_or_else(|| EvidenceError::NoJournal {
        path: journal.layout().logs().to_owned(),
    })?;
    let keyring = Keyring::of(journal, identity.name());
    let log = CheckpointLog::of(journal, stream);
    let checkpoints = log.read().map_err(|source| EvidenceError::Log {
        path: log.path().to_owned(),
        source,
    })?;
    let mut verification = Verification {
        identity,
        stream,
        restored: restored_epoch(journal),
        rings: Vec::new(),
        keys: trust.keys.clone(),
        path: log.path().to_owned(),
        report,
        verified: EvidenceVerified {
            stream,
            lines: 0,
            checkpoints: 0,
            signed_lines: 0,
            since: None,
            until: None,
            anchors: 0,
            problems: 0,
        },
    };
    verification.rings(&keyring)?;
    let anchored = verification.anchored(journal)?;
    let outside = trust.outside.iter();
    let outside: Vec<&SignedCheckpoint> = outside
        .filter(|it| it.checkpoint().origin.stream == stream)
        .chain(&anchored)
        .collect();
    let wanted = checkpoints.notes.iter().map(|it| &it.1);
    let wanted = wanted.chain(outside.iter().copied());
    let wanted = wanted.map(|it| it.checkpoint().size).collect();
    let lines = Lines::read(journal, &verification.identity, stream, &wanted)
        .map_err(|source| EvidenceError::Column { stream, source })?;
    verification.verified.lines = lines.count;
    verification.all(&checkpoints, &outside, &lines);
    Ok(verification.verified)
}

/// What the lines that are there come to.
struct Lines {
    /// How many there are.
    count: u64,
    /// The root at each size that was asked for.
    roots: BTreeMap<u64, Digest>,
    /// The lines before this one were deleted.
    first: u64,
    /// Lines that were lost, and those behind them up to where the tree is known again.
    gaps: Vec<Range<u64>>,
    /// The first line behind each place whose damage somebody accepted.
    behind_accepted: Vec<u64>,
    /// Where the numbers break off, and nothing is known behind.
    hole: Option<u64>,
    /// How many lines there were at the end of each day.
    days: Vec<(Day, u64)>,
    /// Whether the last of these takes no more lines.
    is_last_closed: bool,
}

impl Lines {
    fn read(
        journal: &Journal,
        identity: &Identity,
        stream: Stream,
        wanted: &BTreeSet<u64>,
    ) -> Result<Lines, ColumnError> {
        let before = journal.before_oldest(stream, identity.name())?;
        let mut fold = Fold::new(journal, stream, before, false);
        let first = fold.range().size();
        let mut lines = Lines {
            count: first,
            roots: BTreeMap::new(),
            first,
            gaps: Vec::new(),
            behind_accepted: journal.behind_accepted(stream),
            hole: None,
            days: Vec::new(),
            is_last_closed: false,
        };
        let note = |range: &CompactRange, roots: &mut BTreeMap<u64, Digest>| {
            if wanted.contains(&range.size()) {
                roots.insert(range.size(), range.root());
            }
        };
        note(fold.range(), &mut lines.roots);
        journal.column(stream, None, |mark| {
            let taken = match lines.hole {
                None => fold.take(&mark, |range| note(range, &mut lines.roots)),
                Some(_) => Ok(()),
            };
            if taken.is_err() {
                lines.hole = Some(fold.range().size());
            }
            lines.count = lines.count.max(mark.tail.seq + 1);
            match lines.days.last_mut() {
                Some((day, end)) if *day == mark.day => *end = mark.tail.seq + 1,
                _ => lines.days.push((mark.day, mark.tail.seq + 1)),
            }
            ControlFlow::Continue(())
        })?;
        lines.gaps = fold.gaps().to_vec();
        if let Some((day, _)) = lines.days.last() {
            lines.is_last_closed = journal.is_sealed(stream, *day)?;
        }
        Ok(lines)
    }
}

/// The epoch of the newest restore that `audit` tells of. A larger epoch in `JOURNAL` alone, which
/// nobody signed, excuses nothing.
fn restored_epoch(journal: &Journal) -> u64 {
    let mut newest = 0;
    let _ = journal.column(Stream::Audit, None, |mark| {
        if memchr::memmem::find(mark.line, b"\"restored\"").is_some()
            && let Ok(event) = AuditEvent::decode(mark.line)
            && let AuditKind::Restored(restored) = event.kind()
        {
            newest = newest.max(restored.epoch());
        }
        ControlFlow::Continue(())
    });
    newest
}

struct Verification<'a> {
    identity: Identity,
    restored: u64,
    stream: Stream,
    rings: Vec<Ring>,
    keys: Vec<VerifierKey>,
    path: PathBuf,
    report: &'a mut dyn FnMut(EvidenceFinding),
    verified: EvidenceVerified,
}

impl Verification<'_> {
    /// The rings that count: those that the trusted root signed, or all.
    fn rings(&mut self, keyring: &Keyring) -> Result<(), EvidenceError> {
        for (byte, ring) in keyring.list()? {
            let path = Some(keyring.path().to_owned());
            let ring = match ring {
                Ok(ring) => ring,
                Err(error) => {
                    let cause = std::error::Error::source(&error);
                    let cause = cause.map(|it| format!(": {it}")).unwrap_or_default();
                    let text = format!("is no key ring: {error}{cause}");
                    self.find(EvidenceKind::Ring, path, Some(byte), text);
                    continue;
                }
            };
            let is_known = self.keys.is_empty() || self.keys.iter().any(|it| ring.is_signed_by(it));
            if !is_known || ring.journal() != self.identity.name() {
                let (first, last) = (ring.first(), ring.last());
                self.find(
                    EvidenceKind::Ring,
                    path,
                    Some(byte),
                    format!(
                        "the ring of {first} to {last} is not signed with the trusted root key"
                    ),
                );
            } else {
                self.rings.push(ring);
            }
        }
        Ok(())
    }

    /// The checkpoints that were time-stamped.
    fn anchored(&mut self, journal: &Journal) -> Result<Vec<SignedCheckpoint>, EvidenceError> {
        let listed = anchors::list(journal, self.stream).map_err(|source| EvidenceError::Log {
            path: journal.layout().stream(self.stream),
            source,
        })?;
        let mut good = Vec::new();
        for (path, anchor) in listed {
            match anchor {
                Ok(anchor) => good.push(anchor.checkpoint),
                Err(error) => {
                    let cause = std::error::Error::source(&error);
                    let cause = cause.map(|it| format!(": {it}")).unwrap_or_default();
                    self.find(
                        EvidenceKind::Anchor,
                        Some(path),
                        None,
                        format!("{error}{cause}"),
                    );
                }
            }
        }
        self.verified.anchors = good.len() as u64;
        Ok(good)
    }

    fn all(&mut self, found: &Checkpoints, outside: &[&SignedCheckpoint], lines: &Lines) {
        for (byte, error) in &found.bad {
            self.find_in_log(EvidenceKind::BadCheckpoint, *byte, error.to_string());
        }
        if let Some(byte) = found.cut {
            let text = "the end of the log is no checkpoint: a crash cut it short, or it was changed; \
                        the next checkpoint takes its place";
            self.find_in_log(EvidenceKind::Torn, byte, text.to_owned());
        }
        self.holes(lines);
        let mut roots: BTreeMap<(u64, u64), Digest> = BTreeMap::new();
        let mut good: Vec<&SignedCheckpoint> = Vec::new();
        for (byte, signed) in &found.notes {
            let checkpoint = signed.checkpoint();
            let problem = self.problem(signed, lines);
            let key = (checkpoint.origin.epoch, checkpoint.size);
            let known = *roots.entry(key).or_insert(checkpoint.root);
            if known != checkpoint.root {
                let text = format!(
                    "two checkpoints of {} lines have different roots: {known} and {}",
                    checkpoint.size, checkpoint.root
                );
                self.find_in_log(EvidenceKind::Fork, *byte, text);
            }
            match problem {
                Some((kind, text)) => self.find_in_log(kind, *byte, text),
                None if lines.roots.contains_key(&checkpoint.size) => good.push(signed),
                // Smaller than what was deleted by rule: there is nothing to compare it with.
                None => {}
            }
        }
        for signed in outside {
            match self.problem(signed, lines) {
                Some((kind, text)) => {
                    let text = format!("a checkpoint from elsewhere: {text}");
                    self.find(kind, None, None, text);
                }
                None if lines.roots.contains_key(&signed.checkpoint().size) => good.push(signed),
                None => {
                    let text = format!(
                        "a checkpoint from elsewhere: its {} lines cannot be added up any more",
                        signed.checkpoint().size
                    );
                    self.find(EvidenceKind::Unchecked, None, None, text);
                }
            }
        }
        self.days(&good, lines);
        self.verified.checkpoints = good.len() as u64;
        let sizes = good.iter().map(|it| it.checkpoint().size);
        self.verified.signed_lines = sizes.max().unwrap_or_default();
        self.verified.since = good.iter().map(|it| it.time()).min();
        self.verified.until = good.iter().map(|it| it.time()).max();
    }

    /// Lines that are held against nothing.
    fn holes(&mut self, lines: &Lines) {
        for gap in &lines.gaps {
            let message = format!(
                "lines {} to {} are not held against checkpoints, because some of them are damaged or gone; \
                 what stands behind them is, from what the journal wrote down while they were there",
                gap.start,
                gap.end - 1
            );
            let path = Some(self.path.clone());
            let kind = match is_accepted(gap, &lines.behind_accepted) {
                true => EvidenceKind::Gap,
                // Nobody may know of it otherwise: the lines before may be gone with all that told of them.
                false => EvidenceKind::Unchecked,
            };
            self.find(kind, path, None, message);
        }
        if let Some(hole) = lines.hole {
            let message = format!(
                "the lines break off before line {hole}, so checkpoints of more lines cannot be checked"
            );
            self.find(
                EvidenceKind::Unchecked,
                Some(self.path.clone()),
                None,
                message,
            );
        }
    }

    /// What is wrong with a checkpoint, by itself and beside the lines.
    fn problem(&self, signed: &SignedCheckpoint, lines: &Lines) -> Option<(EvidenceKind, String)> {
        let checkpoint = signed.checkpoint();
        let (origin, size) = (&checkpoint.origin, checkpoint.size);
        let (name, epoch) = (self.identity.name(), self.identity.epoch());
        if origin.journal != name || origin.stream != self.stream || epoch < origin.epoch {
            let text = format!("is of {origin}, and this is {name}/{}/{epoch}", self.stream);
            return Some((EvidenceKind::OtherOrigin, text));
        }
        if let Some(problem) = self.signature(signed) {
            return Some(problem);
        }
        let time = signed.time();
        let found = lines.roots.get(&size);
        if origin.epoch < self.restored.min(epoch) && found != Some(&checkpoint.root) {
            let text = format!(
                "{size} lines were signed on {time}, before a restore that audit tells of; what is there \
                 now does not come to them"
            );
            return Some((EvidenceKind::Restored, text));
        }
        if lines.count < size {
            let text = format!(
                "{size} lines were signed on {time}, and there are {}: the tail was cut, or an older \
                 copy was put back",
                lines.count
            );
            return Some((EvidenceKind::TooLarge, text));
        }
        let found = found?;
        (*found != checkpoint.root).then(|| {
            let text = format!(
                "the first {size} lines, signed on {time}, are not what they were: their root was \
                 {}, and is {found}",
                checkpoint.root
            );
            (EvidenceKind::Root, text)
        })
    }

    fn signature(&self, signed: &SignedCheckpoint) -> Option<(EvidenceKind, String)> {
        let (time, signer) = (signed.time(), signed.signer());
        let wrong = |text: String| Some((EvidenceKind::Signature, text));
        if signer == static_name(self.identity.name()) {
            let mut own = self
                .keys
                .iter()
                .filter(|it| it.kind() == SignatureKind::Cosignature);
            return match (own.clone().next(), self.keys.is_empty()) {
                (Some(_), _) if own.any(|it| signed.is_signed_by(it)) => None,
                (Some(key), _) => wrong(format!("of {time} is not signed with `{}`", key.name())),
                (None, true) => wrong(format!(
                    "of {time} was signed with a static key, and none was given to check it with"
                )),
                (None, false) => wrong(format!(
                    "was signed on {time} with a static key, which the root key is not"
                )),
            };
        }
        if self.rings.iter().any(|it| signs(it, signed)) {
            return None;
        }
        for ring in &self.rings {
            let days = ring.first().unix_days()..=ring.last().unix_days();
            let keys = days
                .filter_map(Day::from_unix_days)
                .filter_map(|it| Some((it, ring.key_of(it)?)));
            if let Some((day, _)) = keys.into_iter().find(|(_, key)| signed.is_signed_by(key)) {
                let text = format!("says that it was signed on {time}, but with the key of {day}");
                let kind = match time.day() < day {
                    true => EvidenceKind::LaterKey,
                    false => EvidenceKind::Signature,
                };
                return Some((kind, text));
            }
        }
        wrong(format!(
            "of {time} by `{signer}` is not signed with a key of the ring"
        ))
    }

    /// Each closed day that there was a key for was signed before anything was written on the close of
    /// a later day, if there was a key then.
    fn days(&mut self, good: &[&SignedCheckpoint], lines: &Lines) {
        let has_key = |day: Day| self.rings.iter().any(|it| it.key_of(day).is_some());
        let later = lines.days.iter().skip(1).map(|it| Some(it.0));
        let mut problems = Vec::new();
        for ((day, end), next) in lines.days.iter().zip(later.chain([None])) {
            let is_due = match next {
                Some(next) => has_key(next),
                None => lines.is_last_closed,
            };
            let is_lost = lines.gaps.iter().any(|it| it.start < *end && *end < it.end);
            if !is_due || !has_key(*day) || *end <= lines.first || is_lost {
                continue;
            }
            let covering = good.iter().filter(|it| *end <= it.checkpoint().size);
            let first = covering.map(|it| it.time()).min();
            problems.extend(match (first, next) {
                (None, _) => Some(format!("the lines of {day} were never signed")),
                (Some(first), Some(next)) if next < first.day() => Some(format!(
                    "the lines of {day} were first signed on {first}, though {next} was written before"
                )),
                _ => None,
            });
        }
        for text in problems {
            self.find(EvidenceKind::Unsigned, Some(self.path.clone()), None, text);
        }
    }

    fn find_in_log(&mut self, kind: EvidenceKind, byte: u64, message: String) {
        self.find(kind, Some(self.path.clone()), Some(byte), message);
    }

    fn find(
        &mut self,
        kind: EvidenceKind,
        path: Option<PathBuf>,
        byte: Option<u64>,
        message: String,
    ) {
        self.verified.problems += u64::from(!kind.is_note());
        (self.report)(EvidenceFinding {
            kind,
            path,
            byte,
            message,
        });
    }
}
