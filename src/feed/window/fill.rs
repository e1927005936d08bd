//! Keeping a resident the copy that it should be.
//!
//! Always true:
//! - A resident that may have lost something, or missed something, is looked through as a whole, page by
//!   page.
//! - A member that nobody here put there is never dropped: it becomes a file, or is set aside with the
//!   reason.
//! - What waits to be told is bounded: a resident that is away is filled when it is back.
//!
//! Not here: what a resident is (`resident`).

use std::collections::BTreeSet;

use super::archive;
use super::error::WindowError;
use super::footprint::Footprint;
use super::minute::Minute;
use super::news::Weight;
use super::resident::{Change, Member, Resident, ResidentError};
use super::store::{Job, checked};
use super::window::Window;
use crate::journal::chain_of;
use crate::record::field::Pair;

/// How many members are looked at, or put, at once.
const PAGE: usize = 500;
/// How many changes wait at most for a resident that answers.
const WAITING_MAX: usize = 20_000;
/// And of how many bytes.
const BYTES_MAX: usize = 64 << 20;

/// What a resident has not been told yet.
#[derive(Debug)]
pub(super) struct Filling {
    changes: Vec<Change>,
    /// Of their members.
    bytes: usize,
    /// Whether the changes are not all there is to tell.
    is_stale: bool,
}

impl Default for Filling {
    /// Of a resident that nobody has looked at yet.
    fn default() -> Filling {
        Filling {
            changes: Vec::new(),
            bytes: 0,
            is_stale: true,
        }
    }
}

impl Filling {
    pub(super) fn is_stale(&self) -> bool {
        self.is_stale
    }

    /// It is looked through as a whole next time.
    pub(super) fn is_stale_now(&mut self) {
        self.is_stale = true;
        (self.changes, self.bytes) = (Vec::new(), 0);
    }

    /// Something to tell.
    pub(super) fn add(&mut self, change: Change) {
        if self.is_stale {
            return;
        }
        let (Change::Put { member, .. } | Change::Remove { member, .. }) = &change;
        self.bytes += member.len();
        self.changes.push(change);
        if WAITING_MAX <= self.changes.len() || BYTES_MAX <= self.bytes {
            self.is_stale_now();
        }
    }

    /// Tells the resident what it does not know. `is_time`: it is asked how much it has, too.
    pub(super) fn bring(
        &mut self,
        window: &Window,
        resident: &mut dyn Resident,
        is_time: bool,
    ) -> Result<(), ResidentError> {
        if !resident.is_there() || self.changes.is_empty() && !self.is_stale && !is_time {
            self.changes.clear();
            return Ok(());
        }
        if resident.claim()? && !self.is_stale {
            for changes in self.changes.chunks(PAGE) {
                change(window, resident, changes)?;
            }
            (self.changes, self.bytes) = (Vec::new(), 0);
            if !is_time || has_all(window, resident)? {
                return Ok(());
            }
        }
        self.is_stale_now();
        let (symbols, _) = window.closed_counts();
        let mut looked = Vec::with_capacity(symbols.len());
        // All are looked through before one is filled: what goes makes room in a resident that is full.
        for symbol in &symbols {
            let (resident, closed, seen) = (&mut *resident, window.closed(symbol), BTreeSet::new());
            let mut looking = Looking {
                window,
                resident,
                symbol,
                closed,
                seen,
            };
            looking.through()?;
            looked.push((symbol, looking.closed, looking.seen));
        }
        for (symbol, closed, seen) in looked {
            Looking {
                window,
                resident: &mut *resident,
                symbol,
                closed,
                seen,
            }
            .fill()?;
        }
        resident.filled()?;
        self.is_stale = false;
        Ok(())
    }
}

fn has_all(window: &Window, resident: &mut dyn Resident) -> Result<bool, ResidentError> {
    let (symbols, wanted) = window.closed_counts();
    Ok(resident.counts(&symbols)? == wanted)
}

fn change(
    window: &Window,
    resident: &mut dyn Resident,
    changes: &[Change],
) -> Result<(), ResidentError> {
    if changes.is_empty() {
        return Ok(());
    }
    resident.change(changes)?;
    let put = changes
        .iter()
        .filter(|it| matches!(it, Change::Put { .. }))
        .count() as u64;
    window.counted(|it| {
        it.members_put += put;
        it.members_removed += changes.len() as u64 - put;
    });
    Ok(())
}

/// A look through all members of a symbol.
struct Looking<'a> {
    window: &'a Window,
    resident: &'a mut dyn Resident,
    symbol: &'a Pair,
    /// The minutes that have a file in the window.
    closed: BTreeSet<Minute>,
    /// Those of which the resident has the right member.
    seen: BTreeSet<Minute>,
}

impl Looking<'_> {
    /// Looks at each member.
    fn through(&mut self) -> Result<(), ResidentError> {
        let mut from = Minute::first();
        let mut page = PAGE;
        loop {
            let members = self
                .resident
                .members(self.symbol, from, Minute::last(), page)?;
            let is_last = members.len() < page;
            let last = members.last().map(|it| it.at);
            for member in members {
                self.look_at(member)?;
            }
            match last {
                Some(_) if is_last => return Ok(()),
                // The page may have ended within a minute, which is looked at again.
                Some(last) if from < last => from = last,
                // It has not come beyond its first minute: what was set aside of it is gone, the rest is
                // passed by with a longer one.
                Some(_) => page = page.saturating_mul(2),
                None => return Ok(()),
            }
        }
    }

    /// Puts what is missing.
    fn fill(&mut self) -> Result<(), ResidentError> {
        let missing: Vec<Minute> = self.closed.difference(&self.seen).copied().collect();
        for minutes in missing.chunks(PAGE) {
            let mut changes = Vec::with_capacity(minutes.len());
            for minute in minutes {
                changes.extend(self.put(*minute));
            }
            change(self.window, self.resident, &changes)?;
        }
        Ok(())
    }

    /// What puts the minute's member there.
    fn put(&mut self, minute: Minute) -> Option<Change> {
        let member = self.file(minute)?;
        Some(Change::Put {
            symbol: self.symbol.clone(),
            minute,
            member,
            before: None,
        })
    }

    /// What the file of a minute in the window has.
    fn file(&mut self, minute: Minute) -> Option<Vec<u8>> {
        let (store, _) = self.window.parts();
        match store.bytes(&store.layout.waiting(self.symbol, minute)) {
            Ok(Some(bytes)) => Some(bytes),
            Ok(None) => {
                self.closed.remove(&minute);
                self.window.lost(self.symbol, minute);
                None
            }
            Err(error) => {
                self.tell(&chain_of(&error));
                None
            }
        }
    }

    fn tell(&self, text: &str) {
        self.window
            .tell(Weight::Warning, format!("{}: {text}", self.symbol));
    }

    fn look_at(&mut self, member: Member) -> Result<(), ResidentError> {
        let minute = member.at;
        let theirs = match Footprint::parse(&member.json) {
            Ok(theirs) if member.is_start && theirs.minute() == minute => theirs,
            Ok(theirs) => {
                let why = format!(
                    "its score is not the start of its minute, {}",
                    theirs.minute()
                );
                return self.set_aside(&member, &why);
            }
            Err(error) => return self.set_aside(&member, &error.to_string()),
        };
        if self.closed.contains(&minute) || self.seen.contains(&minute) {
            return self.look_at_own(member, &theirs);
        }
        match self.outside(minute) {
            // It has left the window, and the resident was not there to hear of it.
            Ok(Some(stored)) if stored.covers(&theirs) => self.remove(member),
            Ok(Some(_)) => self.set_aside(
                &member,
                "a file of its minute is there, and this one has something else",
            ),
            Ok(None) if self.window.reserve(self.symbol, minute) => self.adopt(member),
            // Its minute has trades here, and no file yet: it is held against that when it has one.
            Ok(None) => Ok(()),
            Err(error) => self.set_aside(&member, &chain_of(&error)),
        }
    }

    /// A minute that has left the window, in its file or in the archive.
    fn outside(&self, minute: Minute) -> Result<Option<Footprint>, WindowError> {
        let (store, _) = self.window.parts();
        match store.footprint(&store.layout.stored(self.symbol, minute), minute)? {
            Some(stored) => Ok(Some(stored)),
            None => {
                let lines = archive::lines(store, self.symbol, minute.day())?.unwrap_or_default();
                let path = store.layout.archived(self.symbol, minute.day());
                lines
                    .get(&minute)
                    .map(|it| checked(it, minute, &path))
                    .transpose()
            }
        }
    }

    fn look_at_own(&mut self, member: Member, theirs: &Footprint) -> Result<(), ResidentError> {
        let minute = member.at;
        let Some(own) = self.file(minute) else {
            return Ok(());
        };
        if own == member.json {
            self.seen.insert(minute);
            return Ok(());
        }
        let is_less = Footprint::parse(&own).is_ok_and(|it| it.covers(theirs));
        if !is_less {
            return self.set_aside(&member, "the minute's file has something else");
        }
        let symbol = self.symbol.clone();
        let put = Change::Put {
            symbol,
            minute,
            member: own,
            before: Some(member.json),
        };
        change(self.window, self.resident, &[put])?;
        self.seen.insert(minute);
        Ok(())
    }

    fn remove(&mut self, member: Member) -> Result<(), ResidentError> {
        let (symbol, minute) = (self.symbol.clone(), member.at);
        let gone = Change::Remove {
            symbol,
            minute,
            member: member.json,
        };
        change(self.window, self.resident, &[gone])
    }

    /// Somebody else's minute becomes one of this window: a file first.
    fn adopt(&mut self, member: Member) -> Result<(), ResidentError> {
        let (store, _) = self.window.parts();
        let minute = member.at;
        let job = Job {
            symbol: self.symbol.clone(),
            minute,
            json: member.json,
        };
        let written =
            store
                .make_folders(self.symbol)
                .and_then(|()| match store.write(&[job]).pop() {
                    Some(result) => result,
                    None => Ok(()),
                });
        written.map_err(unkept)?;
        self.window.adopted(self.symbol, minute);
        self.seen.insert(minute);
        Ok(())
    }

    fn set_aside(&mut self, member: &Member, why: &str) -> Result<(), ResidentError> {
        let (_, aside) = self.window.parts();
        let from = std::path::Path::new("trades_window");
        aside
            .keep(from, self.symbol, Some(member.at), why, &member.json)
            .map_err(unkept)?;
        // Order matters: it is kept before it goes.
        self.resident.remove(self.symbol, &member.json)?;
        self.window.counted(|it| it.set_aside += 1);
        self.tell(&format!("a member of {} was set aside: {why}", member.at));
        Ok(())
    }
}

fn unkept(error: WindowError) -> ResidentError {
    ResidentError::Down {
        resident: "what the window's copy has".to_owned(),
        why: format!("could not be kept in a file: {}", chain_of(&error)),
        source: Box::new(error),
    }
}
