//! Minutes read back: from the window, from files, from the archive, in one order.
//!
//! Always true:
//! - Reading takes no lock, and goes on while a collector writes.
//! - Each minute comes once. What cannot be read is an error in its place, and what follows it comes all the
//!   same.
//! - Memory is bounded by a day of minutes and their names.
//!
//! Not here: Redis. What it has is a copy of what is read here.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::path::Path;
use std::sync::Arc;

use super::archive;
use super::core::Core;
use super::error::{WindowError, on};
use super::footprint::Footprint;
use super::intake::{Intake, Key, Names};
use super::kind;
use super::layout::{self, Layout, Symbols};
use super::minute::Minute;
use super::store::{Store, checked};
use crate::disk::{Disk, Kind};
use crate::record::field::Pair;
use crate::time::{Day, Timestamp};

/// Whoever reads a storage folder and its archive.
#[derive(Clone, Debug)]
pub struct Reader {
    store: Store,
    step: Option<super::footprint::Step>,
}

/// What is wrong with one of the files.
#[derive(Debug)]
#[non_exhaustive]
pub struct Complaint {
    /// What was traded.
    pub symbol: Pair,
    /// What is wrong, and with which file.
    pub error: WindowError,
}

/// What a check has looked at.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Checked {
    /// Files of minutes.
    pub files: u64,
    /// Archived days.
    pub days: u64,
    /// Minutes in all of them.
    pub minutes: u64,
    /// What is wrong.
    pub complaints: Vec<Complaint>,
}

impl Reader {
    /// Reads the storage folder of a window, or of what made the same files without one: then all are of one
    /// symbol, which is called what `symbol` says.
    ///
    /// # Errors
    /// [`WindowError`].
    pub fn open(
        disk: Arc<dyn Disk>,
        storage: &Path,
        archive: &Path,
        symbol: Option<&Pair>,
    ) -> Result<Reader, WindowError> {
        let (symbols, step) = match (kind::found(&*disk, storage)?, symbol) {
            (Some(found), _) => found,
            (None, Some(symbol)) => (Symbols::Only(symbol.clone()), None),
            (None, None) => (Symbols::Each, None),
        };
        Ok(Reader {
            store: Store {
                disk,
                layout: Layout::new(storage, archive, symbols),
            },
            step,
        })
    }

    pub(super) fn of(store: Store) -> Reader {
        Reader { store, step: None }
    }

    /// The symbols there are.
    ///
    /// # Errors
    /// [`WindowError`].
    pub fn symbols(&self) -> Result<BTreeSet<Pair>, WindowError> {
        self.store.symbols()
    }

    /// A minute of a symbol, also one that is not over. `None` when nothing was traded.
    ///
    /// # Errors
    /// [`WindowError`].
    pub fn load(
        &self,
        symbol: &Pair,
        minute: Minute,
        now: Timestamp,
    ) -> Result<Option<Footprint>, WindowError> {
        let mut open = self.open_minutes(symbol, minute, minute, now)?;
        match open.remove(&minute) {
            Some(footprint) => Ok(Some(footprint)),
            None => self.closed(symbol, minute),
        }
    }

    /// A minute that is in a file.
    pub(super) fn closed(
        &self,
        symbol: &Pair,
        minute: Minute,
    ) -> Result<Option<Footprint>, WindowError> {
        if !self.store.layout.has(symbol) {
            return Ok(None);
        }
        if let Some(footprint) = self.store.find(symbol, minute)? {
            return Ok(Some(footprint));
        }
        let lines = archive::lines(&self.store, symbol, minute.day())?;
        let line = lines.as_ref().and_then(|it| it.get(&minute));
        let path = self.store.layout.archived(symbol, minute.day());
        line.map(|it| checked(it, minute, &path)).transpose()
    }

    /// The minutes of a symbol from one to another, both included, in their order.
    ///
    /// # Errors
    /// [`WindowError`] for what cannot be listed; of what cannot be read, the iterator says so.
    pub fn range(
        &self,
        symbol: &Pair,
        from: Minute,
        to: Minute,
        now: Timestamp,
    ) -> Result<Range, WindowError> {
        let open = self.open_minutes(symbol, from, to, now)?;
        self.range_with(symbol, from, to, open)
    }

    /// The same, with minutes that are known better than from files.
    pub(super) fn range_with(
        &self,
        symbol: &Pair,
        from: Minute,
        to: Minute,
        open: BTreeMap<Minute, Footprint>,
    ) -> Result<Range, WindowError> {
        // In this order: what moves meanwhile is seen twice, and not missed.
        let mut files = BTreeSet::new();
        let mut days = BTreeSet::new();
        if self.store.layout.has(symbol) {
            files.extend(self.store.waiting(symbol)?);
            files.extend(self.store.stored(symbol)?);
            days.extend(self.archived(symbol)?);
        }
        files.retain(|it| (from..=to).contains(it));
        days.extend(files.iter().map(|it| it.day()));
        days.extend(open.keys().map(|it| it.day()));
        days.retain(|it| from.day() <= *it && *it <= to.day());
        let (store, symbol) = (self.store.clone(), symbol.clone());
        let days = days.into_iter().collect();
        Ok(Range {
            store,
            symbol,
            from,
            to,
            days,
            files,
            open,
            today: VecDeque::new(),
        })
    }

    /// The days of a symbol that are archived.
    ///
    /// # Errors
    /// [`WindowError`].
    pub fn archived(&self, symbol: &Pair) -> Result<BTreeSet<Day>, WindowError> {
        let folder = self.store.layout.archive_of(symbol);
        let found = self
            .store
            .list(&folder)?
            .into_iter()
            .filter(|it| it.kind == Kind::File);
        Ok(found
            .filter_map(|it| layout::day_of(&it.name, ".jsonl.gz"))
            .collect())
    }

    /// The minutes of a symbol that have a file, and are in the window or not.
    ///
    /// # Errors
    /// [`WindowError`].
    pub fn files(
        &self,
        symbol: &Pair,
    ) -> Result<(BTreeSet<Minute>, BTreeSet<Minute>), WindowError> {
        Ok((self.store.waiting(symbol)?, self.store.stored(symbol)?))
    }

    /// What the intake has of minutes that may have more than their files.
    fn open_minutes(
        &self,
        symbol: &Pair,
        from: Minute,
        to: Minute,
        now: Timestamp,
    ) -> Result<BTreeMap<Minute, Footprint>, WindowError> {
        let folder = self.store.layout.intake();
        if self
            .store
            .disk
            .look(&folder)
            .map_err(on("look at", &folder))?
            .is_none()
        {
            return Ok(BTreeMap::new());
        }
        let mut names = Names::default();
        let opened = Intake::look(self.store.disk.clone(), &folder, &mut names, now);
        let (intake, found) = opened.map_err(on("read", &folder))?;
        let Some(id) = names.known(symbol) else {
            return Ok(BTreeMap::new());
        };
        let is_wanted = |it: &&Key| it.0 == id && (from..=to).contains(&it.1);
        let keys: HashSet<Key> = found.unsettled.iter().filter(is_wanted).copied().collect();
        let mut core = Core::new(intake, names, HashSet::new());
        core.warm(&self.store, self.step, &keys, now)?;
        Ok(core.peek_range(symbol, from, to))
    }

    /// Reads every file and every archived day.
    ///
    /// # Errors
    /// [`WindowError`] for what cannot be listed.
    pub fn check(&self) -> Result<Checked, WindowError> {
        let mut checked = Checked::default();
        for symbol in self.symbols()? {
            let (waiting, stored) = self.files(&symbol)?;
            let waiting = waiting
                .iter()
                .map(|it| (self.store.layout.waiting(&symbol, *it), *it));
            let stored = stored
                .iter()
                .map(|it| (self.store.layout.stored(&symbol, *it), *it));
            for (path, minute) in waiting.chain(stored) {
                match self.store.footprint(&path, minute) {
                    Ok(Some(_)) => {
                        (checked.files, checked.minutes) = (checked.files + 1, checked.minutes + 1)
                    }
                    // It has moved meanwhile.
                    Ok(None) => {}
                    Err(error) => checked.complaints.push(Complaint {
                        symbol: symbol.clone(),
                        error,
                    }),
                }
            }
            for day in self.archived(&symbol)? {
                checked.days += 1;
                match archive::lines(&self.store, &symbol, day) {
                    Ok(lines) => checked.minutes += lines.map_or(0, |it| it.len() as u64),
                    Err(error) => checked.complaints.push(Complaint {
                        symbol: symbol.clone(),
                        error,
                    }),
                }
            }
        }
        Ok(checked)
    }
}

/// Minutes in their order.
#[derive(Debug)]
pub struct Range {
    store: Store,
    symbol: Pair,
    from: Minute,
    to: Minute,
    days: VecDeque<Day>,
    files: BTreeSet<Minute>,
    open: BTreeMap<Minute, Footprint>,
    today: VecDeque<Found>,
}

/// Where a minute is.
#[derive(Debug)]
enum Found {
    Open(Footprint),
    File(Minute),
    Line(Minute, Vec<u8>),
}

impl Range {
    /// Finds the minutes of the next day.
    fn begin(&mut self, day: Day) -> Result<(), WindowError> {
        let (first, next) = (Minute::first_of(day), Minute::first_of(day.next()));
        let archived = archive::lines(&self.store, &self.symbol, day);
        // What is in files comes even if the archive of their day cannot be read.
        let (archived, error) = match archived {
            Ok(lines) => (lines.unwrap_or_default(), None),
            Err(error) => (BTreeMap::new(), Some(error)),
        };
        let mut all: BTreeMap<Minute, Found> = archived
            .into_iter()
            .map(|(minute, line)| (minute, Found::Line(minute, line)))
            .collect();
        all.extend(
            self.files
                .range(first..next)
                .map(|it| (*it, Found::File(*it))),
        );
        let open = self.open.range(first..next);
        all.extend(open.map(|(minute, it)| (*minute, Found::Open(it.clone()))));
        all.retain(|minute, _| (self.from..=self.to).contains(minute));
        self.today = all.into_values().collect();
        error.map_or(Ok(()), Err)
    }

    fn read(&self, found: Found) -> Result<Option<Footprint>, WindowError> {
        match found {
            Found::Open(footprint) => Ok(Some(footprint)),
            Found::File(minute) => {
                let reader = Reader::of(self.store.clone());
                // It may have gone into the archive meanwhile.
                reader.closed(&self.symbol, minute)
            }
            Found::Line(minute, line) => {
                let path = self.store.layout.archived(&self.symbol, minute.day());
                checked(&line, minute, &path).map(Some)
            }
        }
    }
}

impl Iterator for Range {
    type Item = Result<Footprint, WindowError>;

    fn next(&mut self) -> Option<Result<Footprint, WindowError>> {
        loop {
            while let Some(found) = self.today.pop_front() {
                if let Some(read) = self.read(found).transpose() {
                    return Some(read);
                }
            }
            let day = self.days.pop_front()?;
            if let Err(error) = self.begin(day) {
                return Some(Err(error));
            }
        }
    }
}
