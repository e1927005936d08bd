//! What is to be done, said before it is done.
//!
//! Always true:
//! - A day that is not closed, or is the newest with a line, is in no plan.
//! - A day is archived or deleted when it is older than its policy by the clock and by the days closed since.
//! - While the audit stream is not whole nothing is deleted: what is missing may be a hold.
//! - Only the oldest days of a stream are deleted: the first one that must stay keeps all that are newer.
//! - A day that should go by the clock and stays says why.
//!
//! Not here: doing it (`archive`, `retention`).

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::holds::Holds;
use super::policy::{Policies, Span};
use crate::disk::{Disk, Kind};
use crate::journal::audit::{self, DayState};
use crate::journal::layout::Place;
use crate::journal::{Depth, FindingKind, Journal};
use crate::record::{AuditKind, DayClosed, Stream};
use crate::time::Day;

/// Keeps one journal.
#[derive(Debug)]
pub struct Keeper {
    pub(super) journal: Journal,
    policies: Policies,
    today: Day,
    pub(super) days: BTreeMap<(Stream, Day), DayState>,
    /// Days that `audit` calls archived.
    pub(super) archived: BTreeSet<(Stream, Day)>,
    /// The days on which any stream was closed.
    closed_days: Vec<Day>,
    holds: Holds,
    /// Why the audit stream was not read in full.
    unread: Option<String>,
    /// Why it is not known which days are on hold; found out when a day is due.
    doubt: OnceLock<Option<String>>,
}

/// What is done with a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// It is packed, read back, and leaves `logs/`.
    Archive,
    /// What a run that was cut off has left is finished.
    Finish,
    /// It is deleted.
    Delete,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// The stream.
    pub stream: Stream,
    /// The day.
    pub day: Day,
    /// What.
    pub action: Action,
    /// Why.
    pub why: String,
    /// The file that goes.
    pub from: PathBuf,
    /// The file that comes.
    pub to: Option<PathBuf>,
    /// How long the file that goes is.
    pub bytes: u64,
}

/// A day that stays though its time has come by the clock.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Kept {
    /// The stream.
    pub stream: Stream,
    /// The day; the newer ones stay with it.
    pub day: Day,
    /// Why.
    pub why: String,
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// The oldest days first, stream by stream.
    pub steps: Vec<Step>,
    /// The oldest day of a stream that stays though its time has come.
    pub kept: Vec<Kept>,
}

/// Why a day could not be kept as it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeepError {
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
    /// A file is not what its closing record says.
    #[error("{} is damaged: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The audit stream took no record, without which nothing goes.
    #[error("keep {}: the audit stream did not take the record: {why}", path.display())]
    Audit {
        /// The file.
        path: PathBuf,
        /// What kept it.
        why: String,
    },
}

pub(super) fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeepError {
    let path = path.to_owned();
    move |source| KeepError::Disk {
        operation,
        path,
        source,
    }
}

impl Action {
    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Action::Archive => "archive",
            Action::Finish => "finish",
            Action::Delete => "delete",
        }
    }
}

impl Plan {
    /// How many bytes go.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.steps.iter().map(|it| it.bytes).sum()
    }
}

impl Keeper {
    /// Of that journal, with what its audit stream says now.
    #[must_use]
    pub fn new(journal: &Journal, policies: Policies) -> Keeper {
        let mut days: BTreeMap<(Stream, Day), DayState> = BTreeMap::new();
        let mut archived = BTreeSet::new();
        let all = audit::every_event(journal, b"\"day\"", |event| match event.kind() {
            AuditKind::DayClosed(closed) => {
                let day = (closed.stream(), closed.day());
                days.insert(day, DayState::Closed(closed.clone()));
            }
            AuditKind::Archived(it) => {
                archived.insert((it.stream(), it.day()));
            }
            AuditKind::Deleted(deleted) => {
                let day = (deleted.stream(), deleted.day());
                if let Some(DayState::Closed(closed)) = days.remove(&day) {
                    days.insert(day, DayState::Deleted(closed));
                }
            }
            _ => {}
        });
        let (holds, all_holds) = Holds::read(journal);
        let closed_days: BTreeSet<Day> = days.keys().map(|it| it.1).collect();
        Keeper {
            journal: journal.clone(),
            policies,
            today: journal.clock().now().day(),
            days,
            archived,
            closed_days: closed_days.into_iter().collect(),
            holds,
            unread: all.and(all_holds).err().map(|it| it.to_string()),
            doubt: OnceLock::new(),
        }
    }

    /// Which days go into the archive, of that stream or of all.
    ///
    /// # Errors
    /// [`KeepError`] when a folder cannot be listed.
    pub fn archive_plan(&self, stream: Option<Stream>) -> Result<Plan, KeepError> {
        self.plan(stream, Keeper::plan_archive)
    }

    /// Which days are deleted, of that stream or of all.
    ///
    /// # Errors
    /// [`KeepError`] when a folder cannot be listed.
    pub fn retention_plan(&self, stream: Option<Stream>) -> Result<Plan, KeepError> {
        self.plan(stream, Keeper::plan_retention)
    }

    fn plan(
        &self,
        stream: Option<Stream>,
        of: impl Fn(&Keeper, Stream, &mut Plan) -> Result<(), KeepError>,
    ) -> Result<Plan, KeepError> {
        let mut plan = Plan::default();
        for it in Stream::ALL {
            if stream.is_none_or(|wanted| wanted == it) {
                of(self, it, &mut plan)?;
            }
        }
        Ok(plan)
    }

    fn plan_archive(&self, stream: Stream, plan: &mut Plan) -> Result<(), KeepError> {
        let layout = self.journal.layout();
        let folder = layout.stream(stream);
        self.plan_seals(stream, plan)?;
        let days = layout.days_in_logs(self.disk(), stream);
        let days = days.map_err(failed("list", &folder))?;
        let newest = self.newest_with_a_line(stream, &days)?;
        for day in days.into_iter().filter(|it| Some(*it) < newest) {
            let (from, to) = (layout.day(stream, day), layout.archived(stream, day));
            let bytes = self.len(&from)?.unwrap_or_default();
            let step = |action, why| Step {
                stream,
                day,
                action,
                why,
                from: from.clone(),
                to: Some(to.clone()),
                bytes,
            };
            // Whatever its age: two files of one day are what a run that was cut off leaves.
            if self.len(&to)?.is_some() {
                plan.steps
                    .push(step(Action::Finish, "the archive has it".to_owned()));
                continue;
            }
            let Some(span) = self.policies.of(stream).archive else {
                continue;
            };
            match self.stays(stream, day, span) {
                Stays::Young => break,
                Stays::Because(why) => {
                    plan.kept.push(Kept { stream, day, why });
                    break;
                }
                Stays::Not => {}
            }
            let seal = layout.seal(stream, day);
            if self.len(&seal)?.is_none() {
                let why = "its .sha256 is missing: `tj verify` tells what the day is".to_owned();
                plan.kept.push(Kept { stream, day, why });
                continue;
            }
            plan.steps
                .push(step(Action::Archive, format!("older than {span}")));
        }
        Ok(())
    }

    /// Seals of days that have left `logs/`.
    fn plan_seals(&self, stream: Stream, plan: &mut Plan) -> Result<(), KeepError> {
        let layout = self.journal.layout();
        let folder = layout.stream(stream);
        let entries = match self.disk().list(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            listed => listed.map_err(failed("list", &folder))?,
        };
        for entry in entries.iter().filter(|it| it.kind == Kind::File) {
            let day = entry.name.strip_suffix(".jsonl.sha256");
            let Some(day) = day.and_then(|it| it.parse::<Day>().ok()) else {
                continue;
            };
            let is_there = self.len(&layout.day(stream, day))?.is_some();
            let is_archived = self.len(&layout.archived_seal(stream, day))?.is_some();
            if is_there || !(is_archived || self.is_deleted(stream, day)) {
                continue;
            }
            plan.steps.push(Step {
                stream,
                day,
                action: Action::Finish,
                why: "its day has left the logs".to_owned(),
                from: layout.seal(stream, day),
                to: None,
                bytes: 0,
            });
        }
        Ok(())
    }

    fn plan_retention(&self, stream: Stream, plan: &mut Plan) -> Result<(), KeepError> {
        let layout = self.journal.layout();
        let days = layout.days(self.disk(), stream);
        let days = days.map_err(failed("list the days of", &layout.stream(stream)))?;
        let newest = days.last().map(|it| it.day);
        for file in days.into_iter().filter(|it| Some(it.day) < newest) {
            let day = file.day;
            let step = |why| {
                let bytes = self.len(&file.path)?.unwrap_or_default();
                Ok(Step {
                    stream,
                    day,
                    action: Action::Delete,
                    why,
                    from: file.path.clone(),
                    to: None,
                    bytes,
                })
            };
            let span = self.policies.of(stream).delete;
            let is_deleted = self.is_deleted(stream, day);
            let (stays, why) = match (is_deleted, span) {
                // It is what a run that was cut off has left, or somebody has put it back.
                (true, _) => (Stays::Not, "audit calls it deleted".to_owned()),
                (false, Some(span)) => {
                    (self.stays(stream, day, span), format!("older than {span}"))
                }
                (false, None) => return Ok(()),
            };
            let stays = match stays {
                Stays::Not => self.must_stay(stream, day, file.place),
                stays => stays,
            };
            match stays {
                Stays::Not => plan.steps.push(step(why)?),
                Stays::Young => return Ok(()),
                Stays::Because(why) => {
                    plan.kept.push(Kept { stream, day, why });
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Why a day is not deleted, its age aside.
    fn must_stay(&self, stream: Stream, day: Day, place: Place) -> Stays {
        if let Some(why) = self.doubt() {
            return Stays::Because(why.to_owned());
        }
        if let Some(hold) = self.holds.on(stream, day) {
            let text = format!("hold {} keeps it: {}", hold.number, hold.reason);
            return Stays::Because(text);
        }
        match place {
            Place::Archive => Stays::Not,
            Place::Logs => Stays::Because("it is not archived: no other copy is there".to_owned()),
        }
    }

    /// Why it is not known which days are on hold. Order matters: the stream was read before it is checked
    /// here, so that a hold which was there then is known.
    fn doubt(&self) -> Option<&str> {
        let doubt = self.doubt.get_or_init(|| {
            let unread = self.unread.clone();
            let why = unread.or_else(|| flaw_of_audit(&self.journal))?;
            Some(format!(
                "the audit stream is not whole, and may have a hold on it: {why}"
            ))
        });
        doubt.as_deref()
    }

    /// Whether a day is not as old as that yet.
    fn stays(&self, stream: Stream, day: Day, span: Span) -> Stays {
        if self.today < span.after(day) {
            return Stays::Young;
        }
        if self.closing_record(stream, day).is_none() {
            return Stays::Because("it is not closed".to_owned());
        }
        let older = self.closed_days.partition_point(|it| *it <= day);
        let (since, wanted) = (self.closed_days.len() - older, span.closed_days());
        if since < wanted {
            let text = format!("closed days since: {since}, and {span} take {wanted} of them");
            return Stays::Because(text);
        }
        Stays::Not
    }

    pub(super) fn closing_record(&self, stream: Stream, day: Day) -> Option<&DayClosed> {
        match self.days.get(&(stream, day))? {
            DayState::Closed(closed) | DayState::Deleted(closed) => Some(closed),
        }
    }

    pub(super) fn is_deleted(&self, stream: Stream, day: Day) -> bool {
        matches!(self.days.get(&(stream, day)), Some(DayState::Deleted(_)))
    }

    fn newest_with_a_line(&self, stream: Stream, days: &[Day]) -> Result<Option<Day>, KeepError> {
        for day in days.iter().rev() {
            let path = self.journal.layout().day(stream, *day);
            if self.len(&path)?.is_some_and(|it| it != 0) {
                return Ok(Some(*day));
            }
        }
        Ok(None)
    }

    /// How long a plain file is; `None` where there is none.
    pub(super) fn len(&self, path: &Path) -> Result<Option<u64>, KeepError> {
        let found = self.disk().look(path).map_err(failed("look at", path))?;
        Ok(found.filter(|it| it.kind == Kind::File).map(|it| it.len))
    }

    pub(super) fn disk(&self) -> &dyn Disk {
        &**self.journal.disk()
    }
}

/// The first thing that is wrong with the audit stream.
fn flaw_of_audit(journal: &Journal) -> Option<String> {
    let mut first = None;
    let checked = journal.verify(Stream::Audit, Depth::Records, &mut |found| {
        let is_harmless = match found.kind {
            // What was never promised was no hold, and a seal tells nothing of the lines.
            FindingKind::TornTail | FindingKind::Seal => true,
            kind => kind.is_note(),
        };
        if !is_harmless {
            first.get_or_insert(format!("{}: {}", found.path.display(), found.message));
        }
    });
    first.or_else(|| checked.err().map(|it| it.to_string()))
}

/// Whether a day stays where it is.
enum Stays {
    Not,
    Young,
    Because(String),
}
