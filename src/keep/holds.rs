//! Holds: days that must not be deleted, because somebody may ask for them in court.
//!
//! Always true:
//! - A hold is a record of `audit`: who looks at the journal years later sees when it was put on, why,
//!   and when it was lifted.
//! - A hold keeps every newer day of its stream too, since only the oldest days are ever deleted.
//! - Holds change only under the lock of who keeps the journal: what is deleted is deleted by the holds that
//!   are told.

use std::io;

use super::lock::KeepLock;
use crate::journal::Journal;
use crate::journal::audit;
use crate::record::field::Text;
use crate::record::{
    AuditKind, HoldAdded, HoldAddedParts, HoldLifted, HoldLiftedParts, Invalid, Stream,
};
use crate::time::{Day, Timestamp};

/// Days that must not be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hold {
    /// What it is called.
    pub number: u64,
    /// The stream; all of them without one.
    pub stream: Option<Stream>,
    /// The first day.
    pub first: Option<Day>,
    /// The last one.
    pub last: Option<Day>,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

/// The holds of a journal.
#[derive(Clone, Debug, Default)]
pub struct Holds {
    /// In the order in which they were put on.
    holds: Vec<Hold>,
    /// The largest number of all that there ever were.
    newest: u64,
}

/// Why a hold cannot be added or lifted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HoldError {
    /// There is none with that number.
    #[error("there is no hold {0}")]
    None(u64),
    /// It breaks a rule.
    #[error("it is no hold")]
    Invalid(#[from] Invalid),
    /// The audit stream took no record of it.
    #[error("the audit stream did not take it: {0}")]
    Audit(String),
}

impl Holds {
    /// Those that hold now, as far as the audit stream can be read.
    #[must_use]
    pub fn of(journal: &Journal) -> Holds {
        Holds::read(journal).0
    }

    /// The same, and whether all of the stream could be read.
    pub(super) fn read(journal: &Journal) -> (Holds, io::Result<()>) {
        let mut holds = Holds::default();
        let all = audit::every_event(journal, b"\"hold", |event| match event.kind() {
            AuditKind::HoldAdded(added) => {
                holds.newest = holds.newest.max(added.hold());
                holds.holds.push(Hold::of(added, event.timestamp()));
            }
            AuditKind::HoldLifted(lifted) => {
                holds.take(lifted.hold());
            }
            _ => {}
        });
        (holds, all)
    }

    fn take(&mut self, number: u64) -> Option<Hold> {
        let at = self.holds.iter().position(|it| it.number == number)?;
        Some(self.holds.remove(at))
    }

    /// All of them, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Hold> {
        self.holds.iter()
    }

    /// One that keeps that day.
    #[must_use]
    pub fn on(&self, stream: Stream, day: Day) -> Option<&Hold> {
        self.iter().find(|it| it.is_on(stream, day))
    }

    /// Puts another one on, which is on disk when this returns, and says what it is called. They were read
    /// under the lock.
    ///
    /// # Errors
    /// [`HoldError`].
    pub fn add(
        &mut self,
        _: &KeepLock,
        journal: &Journal,
        stream: Option<Stream>,
        (first, last): (Option<Day>, Option<Day>),
        reason: Text,
    ) -> Result<Hold, HoldError> {
        let added = HoldAdded::new(HoldAddedParts {
            hold: self.newest.saturating_add(1),
            stream,
            first_day: first,
            last_day: last,
            reason,
        })?;
        let hold = Hold::of(&added, journal.clock().now());
        audit::tell(journal, added).map_err(HoldError::Audit)?;
        self.newest = hold.number;
        self.holds.push(hold.clone());
        Ok(hold)
    }

    /// Lifts one. They were read under the lock.
    ///
    /// # Errors
    /// [`HoldError`].
    pub fn lift(
        &mut self,
        _: &KeepLock,
        journal: &Journal,
        number: u64,
        reason: Text,
    ) -> Result<Hold, HoldError> {
        if self.iter().all(|it| it.number != number) {
            return Err(HoldError::None(number));
        }
        let lifted = HoldLifted::new(HoldLiftedParts {
            hold: number,
            reason,
        })?;
        audit::tell(journal, lifted).map_err(HoldError::Audit)?;
        self.take(number).ok_or(HoldError::None(number))
    }
}

impl Hold {
    fn of(added: &HoldAdded, since: Timestamp) -> Hold {
        Hold {
            number: added.hold(),
            stream: added.stream(),
            first: added.first_day(),
            last: added.last_day(),
            reason: added.reason().to_owned(),
            since,
        }
    }

    fn is_on(&self, stream: Stream, day: Day) -> bool {
        self.stream.is_none_or(|it| it == stream)
            && self.first.is_none_or(|it| it <= day)
            && self.last.is_none_or(|it| day <= it)
    }
}
