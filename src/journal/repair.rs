//! Repairing a stream so that it can be written again: what is safe, and what somebody accepts.
//!
//! Always true:
//! - A torn tail is moved into `torn/` and cut; nothing in it was promised.
//! - Damage is never cut and never changed. Accepting it puts its place, its hash and the point from
//!   which the chain goes on into the audit stream, and the journal goes on behind it.
//! - The seqs of lines that are lost are not given to other lines.

use std::{
    io,
    path::{Path, PathBuf},
    sync::PoisonError,
};

use super::Journal;
use super::audit::{self, AcceptedDamage};
use super::chain::{Break, Chain};
use super::head::{Head, HeadFile};
use super::history;
use super::lock::{LOOK_WAIT, StreamLock, take_within};
use super::recover::{RecoverError, recover};
use super::scrutiny::{BadPlace, Scrutiny};
use super::walk::walk;
use super::writer::OpenError;
use crate::disk::Access;
use crate::record::{DamageAccepted, DamageAcceptedParts, Invalid, Problem, Stream};
use crate::time::Day;

/// The reason goes into a line of the audit stream.
const REASON_LEN_MAX: usize = 4096;

/// What a repair found and did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repaired {
    /// The stream.
    pub stream: Stream,
    /// Damaged places that nobody had accepted before.
    pub places: Vec<DamagedPlace>,
    /// Whether they are accepted now.
    pub accepted: bool,
    /// The files in `torn/` that hold what was cut, now or since the audit stream was last told.
    pub torn: Vec<PathBuf>,
}

/// A damaged place, explained.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DamagedPlace {
    /// The day's file.
    pub path: PathBuf,
    /// The first damaged line, from 1.
    pub line: u64,
    /// Where it begins.
    pub byte: u64,
    /// How many bytes are damaged; 0 where something was cut off.
    pub bytes: u64,
    /// The number of the first line that is lost.
    pub seq: u64,
    /// The number that the chain goes on with.
    pub next_seq: u64,
    /// What is wrong there.
    pub why: Break,
}

/// Why a stream could not be repaired.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepairError {
    /// The journal or the stream cannot be opened.
    #[error("repair {stream}")]
    Open {
        /// The stream.
        stream: Stream,
        /// What is wrong.
        source: Box<OpenError>,
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
    /// The reason for accepting damage breaks a rule.
    #[error("accept the damage of {stream}")]
    Reason {
        /// The stream.
        stream: Stream,
        /// What is wrong with it.
        source: Invalid,
    },
    /// The audit stream did not take the record of it.
    #[error("accept the damage of {stream}: {why}")]
    Audit {
        /// The stream.
        stream: Stream,
        /// What kept it.
        why: String,
    },
    /// Accepting damage does not help: the days themselves are gone.
    #[error("repair {stream}")]
    Recover {
        /// The stream.
        stream: Stream,
        /// What is wrong.
        source: RecoverError,
    },
}

/// A bad place with all that an acceptance needs.
struct Found {
    day: Day,
    path: PathBuf,
    place: BadPlace,
    resumed: Chain,
}

impl Journal {
    /// Looks at every plain day of `stream`, and makes it writable if that is safe: with damage only
    /// when there is a reason to accept it.
    ///
    /// # Errors
    /// See [`RepairError`].
    pub fn repair(&self, stream: Stream, accept: Option<&str>) -> Result<Repaired, RepairError> {
        let open = |source| RepairError::Open {
            stream,
            source: Box::new(source),
        };
        let identity = self.establish(stream).map_err(open)?;
        let path = self.layout().lock(stream);
        let lock = StreamLock::open(self.disk(), &path).map_err(failed("open", &path))?;
        // Somebody may be looking whether the lock is free; they let go at once.
        if !take_within(&lock, LOOK_WAIT).map_err(failed("lock", &path))? {
            return Err(open(OpenError::Locked {
                pid: lock.holder(),
                path,
            }));
        }
        let found = self.damage(stream, identity.name())?;
        let mut repaired = Repaired {
            stream,
            places: found.iter().map(Found::explain).collect(),
            accepted: false,
            torn: Vec::new(),
        };
        if !found.is_empty() {
            let Some(reason) = accept else {
                return Ok(repaired);
            };
            self.accept(stream, &found, reason, &lock)?;
            repaired.accepted = true;
        }
        if stream != Stream::Audit || found.is_empty() {
            recover(self, stream, identity.name(), None)
                .map_err(|source| RepairError::Recover { stream, source })?;
        }
        lock.release().map_err(failed("unlock", &path))?;
        repaired.torn = audit::note_untold_torn(self, stream);
        // A torn tail is told when the audit stream can take it, at the latest by the next writer.
        let _ = audit::write_behind(self);
        audit::close_own_writer(self);
        Ok(repaired)
    }

    /// Every damaged place of the plain days.
    fn damage(&self, stream: Stream, name: &str) -> Result<Vec<Found>, RepairError> {
        let (disk, layout) = (&**self.disk(), self.layout());
        let folder = layout.stream(stream);
        let head =
            Head::read(disk, &layout.head(stream)).map_err(failed("read HEAD of", &folder))?;
        let days = layout
            .days_in_logs(disk, stream)
            .map_err(failed("list", &folder))?;
        let accepted = AcceptedDamage::all(self, stream);
        let closed = audit::closed_days(self, stream);
        let Some(first) = days.first() else {
            return Ok(Vec::new());
        };
        let mut chain = history::chain_before(self, stream, name, *first)
            .map_err(failed("read the older days of", &folder))?;
        let mut found = Vec::new();
        for day in &days {
            let path = layout.day(stream, *day);
            let file = disk
                .open(&path, Access::Read)
                .map_err(failed("open", &path))?;
            let find = |byte| {
                accepted
                    .iter()
                    .find(|it| it.is_at(*day, byte, &*file))
                    .cloned()
            };
            let mut scrutiny = Scrutiny::new(chain, 0, &find);
            let end = walk(&*file, 0, |piece| {
                scrutiny.look(piece);
                std::ops::ControlFlow::<()>::Continue(())
            });
            let end = end.map_err(failed("read", &path))?.unwrap_or_default();
            scrutiny.finish(*day, end);
            let lines = scrutiny.lines_seen();
            chain = scrutiny.chain.clone();
            let newest = days.last() == Some(day);
            let mut places = std::mem::take(&mut scrutiny.places);
            if newest {
                places.extend(cut_off(&head, *day, &chain, &places, lines, end));
            }
            for place in places {
                let promised = place.promised || head.covers(place.seq);
                if newest && place.resumed.is_none() && !promised {
                    // A torn tail: recovery sees to it.
                    continue;
                }
                let closed = closed.get(day).map(audit::DayState::chain);
                let to_the_end = || match closed {
                    // The closing record says where the next day goes on.
                    Some(closed) if !newest => closed,
                    _ => head.resume(&chain, place.seq_max),
                };
                let resumed = place.resumed.clone().unwrap_or_else(to_the_end);
                chain = if place.resumed.is_none() {
                    resumed.clone()
                } else {
                    chain
                };
                found.push(Found {
                    day: *day,
                    path: path.clone(),
                    place,
                    resumed,
                });
            }
        }
        Ok(found)
    }

    fn accept(
        &self,
        stream: Stream,
        found: &[Found],
        reason: &str,
        lock: &StreamLock,
    ) -> Result<(), RepairError> {
        let mut events = Vec::new();
        for it in found {
            events.push(it.event(self, stream, reason)?);
        }
        if stream == Stream::Audit {
            // The stream that would tell of it is the damaged one: it must be open to it first.
            let mut provisional = self
                .shared
                .provisional
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            provisional.extend(events.iter().map(AcceptedDamage::of));
            drop(provisional);
            self.write_head_behind(stream, found)?;
            let path = lock.path();
            lock.release().map_err(failed("unlock", path))?;
        }
        for event in events {
            audit::tell(self, event).map_err(|why| RepairError::Audit { stream, why })?;
        }
        if stream != Stream::Audit {
            // Order matters: the acceptance is on disk before HEAD stands on it.
            self.write_head_behind(stream, found)?;
        }
        Ok(())
    }

    /// Where damage reaches to the end, `HEAD` names the place from which the chain goes on.
    fn write_head_behind(&self, stream: Stream, found: &[Found]) -> Result<(), RepairError> {
        let last = found.last().filter(|it| it.place.resumed.is_none());
        let Some(Found {
            day,
            place,
            resumed,
            ..
        }) = last
        else {
            return Ok(());
        };
        let Some(hash) = resumed.hash else {
            return Ok(());
        };
        let head = Head {
            lines: resumed.lines,
            hash,
            day: *day,
            offset: place.end,
            range: resumed.range.clone(),
        };
        let path = self.layout().head(stream);
        head.write(&**self.disk(), &path)
            .map_err(failed("write", &path))
    }
}

/// Lines that `HEAD` promised and that are not there any more, where the file seems whole.
fn cut_off(
    head: &HeadFile,
    day: Day,
    chain: &Chain,
    places: &[BadPlace],
    lines: u64,
    end: u64,
) -> Option<BadPlace> {
    let HeadFile::Read(head) = head else {
        return None;
    };
    let open_end = places.last().is_some_and(|it| it.resumed.is_none());
    let is_behind = chain.lines < head.lines && head.day <= day && !open_end;
    is_behind.then(|| BadPlace {
        line: lines + 1,
        byte: end,
        end,
        seq: chain.lines,
        why: Break::Seq {
            expected: head.lines,
            found: chain.lines,
        },
        promised: true,
        seq_max: None,
        resumed: None,
    })
}

impl HeadFile {
    fn covers(&self, seq: u64) -> bool {
        matches!(self, HeadFile::Read(head) if seq < head.lines)
    }

    /// The chain behind damage that reaches to the end: no promised number is given away twice.
    fn resume(&self, chain: &Chain, seq_max: Option<u64>) -> Chain {
        // A line that still says its number has it, whatever else is wrong with it.
        let lines = seq_max
            .map_or(chain.lines, |it| it.max(chain.lines))
            .saturating_add(1);
        match self {
            HeadFile::Read(head) if lines <= head.lines => Chain {
                lines: head.lines,
                hash: Some(head.hash),
                range: head.range.clone(),
            },
            _ => Chain {
                lines,
                hash: chain.hash,
                range: None,
            },
        }
    }
}

impl Found {
    fn explain(&self) -> DamagedPlace {
        DamagedPlace {
            path: self.path.clone(),
            line: self.place.line,
            byte: self.place.byte,
            bytes: self.place.end - self.place.byte,
            seq: self.place.seq,
            next_seq: self.resumed.lines,
            why: self.place.why,
        }
    }

    fn event(
        &self,
        journal: &Journal,
        stream: Stream,
        reason: &str,
    ) -> Result<DamageAccepted, RepairError> {
        let (byte, bytes) = (self.place.byte, self.place.end - self.place.byte);
        let opened = journal.disk().open(&self.path, Access::Read);
        let file = opened.map_err(failed("open", &self.path))?;
        let damaged_sha256 =
            audit::sha256_of(&*file, byte, bytes).map_err(failed("read", &self.path))?;
        let too_long = || Problem::new("reason", format!("must be at most {REASON_LEN_MAX} bytes"));
        if REASON_LEN_MAX < reason.len() {
            let source = Invalid::Fields(vec![too_long()]);
            return Err(RepairError::Reason { stream, source });
        }
        let reason_text = |text: &str| {
            text.try_into()
                .map_err(|wrong: crate::record::field::Wrong| RepairError::Reason {
                    stream,
                    source: Invalid::Fields(vec![wrong.at("reason")]),
                })
        };
        DamageAccepted::new(DamageAcceptedParts {
            stream,
            day: self.day,
            file: reason_text(&format!("{stream}/{}.jsonl", self.day))?,
            line: self.place.line,
            byte,
            bytes,
            expected_seq: self.place.seq,
            damaged_sha256,
            next_seq: self.resumed.lines,
            last_hash: self.resumed.hash.unwrap_or(damaged_sha256),
            range: self.resumed.range.as_ref().map(|it| it.peaks().to_vec()),
            reason: reason_text(reason)?,
        })
        .map_err(|source| RepairError::Reason { stream, source })
    }
}

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RepairError {
    let path = path.to_owned();
    move |source| RepairError::Disk {
        operation,
        path,
        source,
    }
}
