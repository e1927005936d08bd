//! One collector's window: trades in, minutes out.
//!
//! Always true:
//! - When [`Window::take`] returns, the trades that it kept are on the disk.
//! - A minute is in one file: in the window until it leaves, then in `storage`. It goes from the resident
//!   only when it is there.
//! - Whatever fails is tried again with the next [`Window::tick`], told once, and loses nothing.
//! - What is in memory is bounded, however long a disk or Redis is away.
//! - One collector has a storage folder.
//!
//! Not here: threads. Whoever embeds it calls `take` on one and `tick` on another.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::archive;
use super::aside::Aside;
use super::core::{Core, DueFile, Taken};
use super::counts::Counts;
use super::error::{WindowError, on};
use super::fill::Filling;
use super::footprint::{Footprint, Step};
use super::intake::{Intake, Names};
use super::kind;
use super::layout::{Layout, Symbols};
use super::minute::Minute;
use super::news::{News, Teller, Weight};
use super::range::{Range, Reader};
use super::resident::{Change, Resident};
use super::store::{Job, Store};
use super::trade::PublicTrade;
use crate::disk::{Access, Disk, File, RealDisk};
use crate::journal::chain_of;
use crate::record::field::Pair;
use crate::time::{Clock, SystemClock, Timestamp};

/// How a window is kept.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WindowOptions {
    /// Whose trades it has.
    pub symbols: Symbols,
    /// How far apart price levels are; without it each price is one.
    pub step: Option<Step>,
    /// How many minutes it goes back, this one included.
    pub span: u32,
    /// How many minutes of a symbol it has at most.
    pub count_max: usize,
    /// How long after its end, or after a late trade, a minute is written.
    pub grace: Duration,
    /// How long the ids of a minute's trades are in memory after its last trade. Later they are read again.
    pub warm: Duration,
    /// How many ids are in memory before those of minutes that are written go earlier.
    pub ids_max: usize,
    /// How far a trade's time may be ahead of the clock.
    pub ahead_max: Duration,
    /// How many symbols there may be.
    pub symbols_max: usize,
    /// After how many days outside of the window a day is archived, if days are.
    pub archive_after: Option<u32>,
}

impl Default for WindowOptions {
    /// 48 hours of any symbol, each price a level, days archived after a week.
    fn default() -> WindowOptions {
        WindowOptions {
            symbols: Symbols::Each,
            step: None,
            span: 2880,
            count_max: 2880,
            grace: Duration::from_secs(2),
            warm: Duration::from_secs(300),
            ids_max: 2_000_000,
            ahead_max: Duration::from_secs(300),
            symbols_max: 10_000,
            archive_after: Some(7),
        }
    }
}

impl WindowOptions {
    /// The trades of that symbol alone, in files without a folder for it.
    #[must_use]
    pub fn only(mut self, symbol: Pair) -> WindowOptions {
        self.symbols = Symbols::Only(symbol);
        self
    }

    /// Price levels so far apart.
    #[must_use]
    pub fn step(mut self, step: Step) -> WindowOptions {
        self.step = Some(step);
        self
    }

    /// So many minutes, at least one.
    #[must_use]
    pub fn span(mut self, minutes: u32) -> WindowOptions {
        self.span = minutes.max(1);
        self.count_max = usize::try_from(self.span).unwrap_or(usize::MAX);
        self
    }

    /// At most so many minutes of a symbol, at least one.
    #[must_use]
    pub fn count_max(mut self, minutes: usize) -> WindowOptions {
        self.count_max = minutes.max(1);
        self
    }

    /// So long after its end a minute is written.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> WindowOptions {
        self.grace = grace;
        self
    }

    /// Days are archived so many days after they left the window, or never.
    #[must_use]
    pub fn archive_after(mut self, days: Option<u32>) -> WindowOptions {
        self.archive_after = days;
        self
    }

    /// The first minute that is in the window.
    fn first(&self, now: Timestamp) -> Minute {
        Minute::of(now).plus(1 - i64::from(self.span))
    }
}

/// How often the resident is asked whether it has everything.
const COUNT_EVERY: Duration = Duration::from_secs(60);
/// How often days are looked at that may be archived.
const ARCHIVE_EVERY: Duration = Duration::from_secs(3600);
/// How many files are written before what was written is told to the resident.
const FILES_AT_ONCE: usize = 1000;
/// How long a disk that refused files, or a resident, is left alone.
const REST: Duration = Duration::from_secs(1);
const REST_MAX: Duration = Duration::from_secs(30);
const RESIDENT: &str = "the window's copy";
const FILES: &str = "the files of minutes";
const MOVING: &str = "minutes that leave the window";
const INTAKE: &str = "the intake";
const SETTLING: &str = "settling the intake";
const ARCHIVE: &str = "the archive of minutes";

/// A collector's window. See the module.
#[derive(Debug)]
pub struct Window {
    store: Store,
    clock: Arc<dyn Clock>,
    options: WindowOptions,
    aside: Aside,
    /// Held until the end.
    _lock: Box<dyn File>,
    core: Mutex<Core>,
    keeping: Mutex<Keeping>,
    teller: Mutex<Teller>,
    counts: Mutex<Counts>,
}

/// What one thread at a time does beside the trades.
#[derive(Debug)]
struct Keeping {
    resident: Box<dyn Resident>,
    filling: Filling,
    counted: Option<Timestamp>,
    archived: Option<Timestamp>,
    /// Why something could not be written since the last look.
    unwritten: Option<WindowError>,
    /// When the disk refused a file, and when it refused to move one.
    refused: Option<Timestamp>,
    unmoved: Option<Timestamp>,
    /// When the resident refused, and how long it is left alone.
    rest: Option<(Timestamp, Duration)>,
    /// When files were written in the last hour, and how many.
    hour: std::collections::VecDeque<(Timestamp, u64)>,
}

impl Window {
    /// Opens the window in a storage folder, which is made where it is missing. What a collector that ended
    /// has left is taken up.
    ///
    /// # Errors
    /// [`WindowError`].
    pub fn open(
        storage: impl AsRef<Path>,
        archive: impl AsRef<Path>,
        options: WindowOptions,
        resident: Box<dyn Resident>,
    ) -> Result<Window, WindowError> {
        let (storage, archive) = (storage.as_ref(), archive.as_ref());
        Window::open_on(
            Arc::new(RealDisk),
            Arc::new(SystemClock),
            storage,
            archive,
            options,
            resident,
        )
    }

    /// The same on any disk, by any clock.
    ///
    /// # Errors
    /// [`WindowError`].
    pub fn open_on(
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        storage: &Path,
        archive: &Path,
        options: WindowOptions,
        resident: Box<dyn Resident>,
    ) -> Result<Window, WindowError> {
        let layout = Layout::new(storage, archive, options.symbols.clone());
        let store = Store {
            disk: disk.clone(),
            layout,
        };
        for folder in [
            store.layout.window(),
            store.layout.intake(),
            store.layout.minutes(),
            store.layout.aside(),
        ] {
            store.make_folder(&folder)?;
        }
        let lock = lock(&store)?;
        kind::establish(&store, &options)?;
        let aside = Aside::new(disk.clone(), clock.clone(), &store.layout.aside());
        let now = clock.now();
        let mut names = Names::default();
        let intake = Intake::open(disk, &store.layout.intake(), &mut names, now);
        let (intake, found) = intake.map_err(on("read", &store.layout.intake()))?;
        for symbol in store.symbols()? {
            names.id(&symbol);
        }
        let mut core = Core::new(intake, names, found.unsettled);
        core.fill_closed(&store, options.first(now))?;
        let mut teller = Teller::default();
        for (path, lines) in &found.damaged {
            let text = format!(
                "{}: {lines} lines cannot be read, and are counted nowhere",
                path.display()
            );
            teller.tell(Weight::Warning, text);
        }
        let keeping = Keeping {
            resident,
            filling: Filling::default(),
            counted: None,
            archived: None,
            unwritten: None,
            refused: None,
            unmoved: None,
            rest: None,
            hour: std::collections::VecDeque::new(),
        };
        Ok(Window {
            store,
            clock,
            options,
            aside,
            _lock: lock,
            core: Mutex::new(core),
            keeping: Mutex::new(keeping),
            teller: Mutex::new(teller),
            counts: Mutex::new(Counts::default()),
        })
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        // A panic between two of its changes is none that this code has: it is as it was.
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keeping(&self) -> MutexGuard<'_, Keeping> {
        self.keeping.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn teller(&self) -> MutexGuard<'_, Teller> {
        self.teller.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, count: impl FnOnce(&mut Counts)) {
        count(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Takes trades. When it returns, those that it kept are on the disk, and each is counted once.
    ///
    /// # Errors
    /// [`WindowError::Disk`]: none of them counts as taken, and all may be given again.
    pub fn take(&self, trades: &[PublicTrade]) -> Result<Taken, WindowError> {
        let taken = self
            .core()
            .take(&self.store, &self.options, trades, self.clock.now());
        match &taken {
            Ok(taken) => {
                self.count(|it| {
                    it.trades += taken.kept;
                    it.duplicates += taken.duplicates;
                    it.late += taken.late;
                    it.refused += taken.refused.len() as u64;
                });
                self.teller().is_well(INTAKE);
            }
            Err(error) => self
                .teller()
                .is_wrong(INTAKE, &kind_of(error), &words_of(error)),
        }
        taken
    }

    /// Does what has become due: minutes that are over become files, those that leave the window move, the
    /// resident gets to know, and what nobody needs any more goes. Nothing that fails here is lost; it is
    /// tried again next time.
    pub fn tick(&self) {
        self.keep(false);
    }

    /// As [`Window::tick`], and minutes that are not over become files too. Says whether everything is in
    /// files now.
    pub fn flush(&self) -> bool {
        self.keep(true)
    }

    fn keep(&self, all: bool) -> bool {
        let mut keeping = self.keeping();
        let now = self.clock.now();
        let written = self.write_due(&mut keeping, now, all);
        let moved = self.move_out(&mut keeping, now);
        let settled = self.settle(now);
        self.told(SETTLING, settled);
        self.tell_resident(&mut keeping, now);
        let is_time = |it: Timestamp| it.until(now).is_none_or(|it| ARCHIVE_EVERY <= it);
        if !all && keeping.archived.is_none_or(is_time) {
            keeping.archived = Some(now);
            self.archive(now);
        }
        self.measure(&mut keeping, now);
        written && moved
    }

    /// Files for minutes that are over. Says whether all could be written.
    fn write_due(&self, keeping: &mut Keeping, now: Timestamp, all: bool) -> bool {
        // A disk that refuses is left alone for a moment, unless somebody waits for it.
        let is_rest = keeping
            .refused
            .is_some_and(|it| it.until(now).is_some_and(|it| it < REST));
        if is_rest && !all {
            return false;
        }
        keeping.unwritten = None;
        let is_whole = loop {
            let (due, has_more) = {
                let mut core = self.core();
                let has_more = core.warm_due(&self.store, self.options.step, now);
                let is_many = self.options.ids_max < core.ids;
                (
                    core.due_files(now, self.options.grace, all || is_many),
                    has_more,
                )
            };
            for due in due.chunks(FILES_AT_ONCE) {
                self.write(keeping, due, now);
            }
            self.core().cool(&self.options, now);
            match has_more {
                Ok(true) if keeping.unwritten.is_none() => {}
                Ok(has_more) => break !has_more,
                Err(error) => {
                    keeping.unwritten.get_or_insert(error);
                    break false;
                }
            }
        };
        self.set_stranded_aside();
        let unwritten = keeping.unwritten.take();
        let is_well = unwritten.is_none();
        keeping.refused = (!is_well).then_some(now);
        self.told(FILES, unwritten.map_or(Ok(()), Err));
        is_well && is_whole
    }

    /// What the intake has of minutes whose files are of something else.
    fn set_stranded_aside(&self) {
        let stranded = std::mem::take(&mut self.core().stranded);
        for (symbol, footprint, why) in stranded {
            let (minute, json) = (footprint.minute(), footprint.to_json());
            let intake = self.store.layout.intake();
            let kept = self.aside.keep(&intake, &symbol, Some(minute), &why, &json);
            let place = match kept {
                Ok(()) => format!("set aside in {}", self.aside.path().display()),
                Err(error) => format!("could not be set aside: {}", chain_of(&error)),
            };
            self.count(|it| it.set_aside += 1);
            let text =
                format!("{symbol} {minute}: trades that are not in its file were {place}: {why}");
            self.teller().tell(Weight::Warning, text);
        }
    }

    fn write(&self, keeping: &mut Keeping, due: &[DueFile], now: Timestamp) {
        let mut jobs = Vec::with_capacity(due.len());
        let mut before = Vec::with_capacity(due.len());
        for file in due {
            let (symbol, minute) = (file.name.clone(), file.minute);
            let path = self.store.layout.waiting(&symbol, minute);
            let has_file = file.has_file && !keeping.filling.is_stale();
            before.push(
                has_file
                    .then(|| self.store.bytes(&path).ok().flatten())
                    .flatten(),
            );
            jobs.push(Job {
                symbol,
                minute,
                json: file.json.clone(),
            });
        }
        let results = self.store.write(&jobs);
        let mut core = self.core();
        for (((file, job), before), result) in due.iter().zip(jobs).zip(before).zip(results) {
            core.wrote(file, result.is_ok(), now);
            match result {
                Ok(()) => {
                    self.count(|it| it.minutes_closed += 1);
                    let Job {
                        symbol,
                        minute,
                        json,
                    } = job;
                    keeping.filling.add(Change::Put {
                        symbol,
                        minute,
                        member: json,
                        before,
                    });
                }
                Err(error) => {
                    self.count(|it| it.file_failures += 1);
                    keeping.unwritten.get_or_insert(error);
                }
            }
        }
    }

    /// Minutes that have left the window.
    fn move_out(&self, keeping: &mut Keeping, now: Timestamp) -> bool {
        if keeping
            .unmoved
            .is_some_and(|it| it.until(now).is_some_and(|it| it < REST))
        {
            return false;
        }
        let first = self.options.first(now);
        let leaving = self.core().leaving(first, self.options.count_max);
        let mut unmoved = None;
        for (id, minutes) in leaving {
            let Some(symbol) = self.core().names.name(id).cloned() else {
                continue;
            };
            let moved = self.store.move_out(&symbol, &minutes, &self.aside);
            let files = moved.done.len() as u64;
            let bytes = moved
                .done
                .iter()
                .map(|(_, it)| it.len() as u64 + 1)
                .sum::<u64>();
            if files > 0 {
                keeping.hour.push_back((now, files));
            }
            self.count(|it| {
                it.files_written += files;
                it.file_bytes_written += bytes;
                it.file_failures += u64::from(moved.error.is_some());
                it.set_aside += moved.aside.len() as u64;
            });
            let mut core = self.core();
            if let Some(book) = core.book(id) {
                let aside = moved.aside.iter().map(|(it, _)| it);
                for minute in moved.done.iter().map(|(it, _)| it).chain(aside) {
                    book.left(*minute);
                }
            }
            drop(core);
            for (minute, member) in moved.done {
                // Order matters: it is in a file, and sure to be there, before it goes from the resident.
                keeping.filling.add(Change::Remove {
                    symbol: symbol.clone(),
                    minute,
                    member,
                });
            }
            for (minute, why) in moved.aside {
                let path = self.aside.path().display();
                let text = format!("{symbol} {minute}: {why}; set aside in {path}");
                self.teller().tell(Weight::Warning, text);
            }
            for minute in moved.lost {
                self.lost(&symbol, minute);
            }
            if let Some(error) = moved.error {
                unmoved.get_or_insert(error);
            }
        }
        let is_well = unmoved.is_none();
        keeping.unmoved = (!is_well).then_some(now);
        self.told(MOVING, unmoved.map_or(Ok(()), Err));
        is_well
    }

    /// Segments of the intake whose trades are all in files, and those that nobody needs any more.
    fn settle(&self, now: Timestamp) -> Result<(), WindowError> {
        let mut core = self.core();
        let Core {
            intake,
            names,
            books,
            ..
        } = &mut *core;
        let folder = self.store.layout.intake();
        // As long after a trade came as the window is long, it is known whether it comes again.
        let span = Minute::LEN.saturating_mul(self.options.span) + Duration::from_secs(3600);
        let before = now.saturating_sub(span);
        // Order matters: what goes makes room for what comes.
        let dropped = intake.drop_old(before, self.options.first(now));
        let settled = intake.settle(names, |key| Core::is_open(books, key));
        dropped.map_err(on("remove old segments of", &folder))?;
        settled.map_err(on("settle", &folder))
    }

    fn tell_resident(&self, keeping: &mut Keeping, now: Timestamp) {
        let Keeping {
            resident,
            filling,
            counted,
            rest,
            ..
        } = keeping;
        if rest.is_some_and(|(at, span)| at.until(now).is_some_and(|it| it < span)) {
            return;
        }
        let is_time = counted.is_none_or(|it| it.until(now).is_none_or(|it| COUNT_EVERY <= it));
        let told = filling.bring(self, &mut **resident, is_time);
        if is_time && told.is_ok() {
            *counted = Some(now);
        }
        self.count(|it| {
            it.resident_up = told.is_ok();
            it.resident_failures += u64::from(told.is_err());
        });
        match told {
            Ok(()) => {
                *rest = None;
                self.teller().is_well(RESIDENT);
            }
            Err(error) => {
                filling.is_stale_now();
                let span = rest.map_or(REST, |(_, span)| REST_MAX.min(span * 2));
                *rest = Some((now, span));
                let why = error.to_string();
                self.teller().is_wrong(RESIDENT, &why, &why);
            }
        }
    }

    /// Archives the days that are old enough, which a tick does once an hour.
    pub fn archive_days(&self) {
        let _keeping = self.keeping();
        self.archive(self.clock.now());
    }

    fn archive(&self, now: Timestamp) {
        let Some(days) = self.options.archive_after else {
            return;
        };
        let before = self.options.first(now).day();
        let is_in_use = |symbol: &Pair, day| self.core().has_day(symbol, day);
        let done = archive::all(&self.store, before, days, is_in_use);
        self.core().archive_changed();
        let done = done.and_then(|archived| {
            self.count(|it| it.days_archived += archived.days);
            archived.failed.map_or(Ok(()), Err)
        });
        self.told(ARCHIVE, done);
    }

    fn measure(&self, keeping: &mut Keeping, now: Timestamp) {
        let hour = Duration::from_secs(3600);
        keeping
            .hour
            .retain(|(at, _)| at.until(now).is_some_and(|it| it < hour));
        let usage = keeping.resident.usage().unwrap_or_default();
        let free = self
            .store
            .disk
            .free_bytes(self.store.layout.storage())
            .unwrap_or_default();
        let mut core = self.core();
        let first = self.options.first(now);
        let lag = core.newest.and_then(|it| it.until(now)).unwrap_or_default();
        let (mut closed, mut open, mut due) = (0, 0, 0);
        // Trades wait for this: nothing is counted here one by one but what is hot.
        for (_, book) in core.all() {
            closed += book.closed.len() as u64;
            let in_window = book.hot.range(first..);
            open += in_window
                .filter(|(it, _)| !book.closed.contains(it))
                .count() as u64;
            let is_late = |it: &Minute| it.plus(2).start() < now;
            let late = book
                .hot
                .iter()
                .filter(|(it, hot)| hot.is_dirty() && is_late(it));
            due += book.due.len() as u64 + late.count() as u64;
        }
        let (ids, symbols) = (core.ids as u64, core.names.len() as u64);
        let intake_bytes = core.intake.bytes();
        drop(core);
        let files_last_hour = keeping.hour.iter().map(|(_, count)| count).sum();
        self.count(|it| {
            (it.window_minutes, it.open_minutes, it.minutes_due) = (closed + open, open, due);
            (it.ids, it.symbols, it.intake_bytes) = (ids, symbols, intake_bytes);
            (it.resident_minutes, it.resident_bytes) = (usage.minutes, usage.bytes);
            (it.free_bytes, it.files_last_hour) = (free, files_last_hour);
            it.lag_millis = u64::try_from(lag.as_millis()).unwrap_or(u64::MAX);
        });
    }

    /// Tells what went wrong, or that it is well again.
    fn told<T>(&self, what: &'static str, result: Result<T, WindowError>) {
        match result {
            Ok(_) => self.teller().is_well(what),
            Err(error) => self
                .teller()
                .is_wrong(what, &kind_of(&error), &words_of(&error)),
        }
    }

    /// What a person should hear, each once.
    pub fn news(&self) -> Vec<News> {
        self.teller().take()
    }

    /// What is wrong now.
    pub fn wrong(&self) -> Vec<String> {
        self.teller().wrong()
    }

    /// What was done, and how it stands since the last tick.
    pub fn counts(&self) -> Counts {
        self.counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// A minute of a symbol, whether it is over or not, in the window or not. `None` when nothing was traded.
    ///
    /// # Errors
    /// [`WindowError`].
    pub fn load(&self, symbol: &Pair, minute: Minute) -> Result<Option<Footprint>, WindowError> {
        self.warm(symbol, minute, minute)?;
        if let Some(hot) = self.core().peek(symbol, minute) {
            return Ok(Some(hot));
        }
        self.reader().closed(symbol, minute)
    }

    /// The minutes of a symbol from one to another, both included, in their order: out of the archive, the
    /// files and the window.
    ///
    /// # Errors
    /// [`WindowError`] for what cannot be listed; of what cannot be read, the iterator says so.
    pub fn range(&self, symbol: &Pair, from: Minute, to: Minute) -> Result<Range, WindowError> {
        self.warm(symbol, from, to)?;
        let hot = self.core().peek_range(symbol, from, to);
        self.reader().range_with(symbol, from, to, hot)
    }

    /// What a collector before this one has left is looked at before somebody asks for it.
    fn warm(&self, symbol: &Pair, from: Minute, to: Minute) -> Result<(), WindowError> {
        let mut core = self.core();
        let due = core.due(symbol, from, to);
        core.warm(&self.store, self.options.step, &due, self.clock.now())
    }

    fn reader(&self) -> Reader {
        Reader::of(self.store.clone())
    }

    /// The storage folder.
    #[must_use]
    pub fn storage(&self) -> &Path {
        self.store.layout.storage()
    }

    /// Writes everything into files, and lets the folder go. Says whether everything is there; what is not
    /// is taken up by the next collector.
    pub fn close(self) -> (bool, Vec<News>) {
        let is_written = self.flush();
        self.core().intake.end(self.clock.now());
        let settled = self.settle(self.clock.now());
        self.told(SETTLING, settled);
        (is_written, self.news())
    }

    pub(super) fn parts(&self) -> (&Store, &Aside) {
        (&self.store, &self.aside)
    }

    /// The symbols, and how many minutes of each have a file in the window.
    pub(super) fn closed_counts(&self) -> (Vec<Pair>, Vec<u64>) {
        let mut core = self.core();
        let names: Vec<Pair> = (0..).map_while(|it| core.names.name(it).cloned()).collect();
        let mut counts: Vec<u64> = core.all().map(|(_, it)| it.closed.len() as u64).collect();
        // A symbol of which nothing was taken yet.
        counts.resize(names.len(), 0);
        (names, counts)
    }

    /// The minutes of a symbol with a file in the window.
    pub(super) fn closed(&self, symbol: &Pair) -> BTreeSet<Minute> {
        let mut core = self.core();
        let id = core.names.known(symbol);
        let book = id.and_then(|it| core.book(it));
        book.map(|it| it.closed.clone()).unwrap_or_default()
    }

    /// Makes a minute somebody else's, whose file is to come; `false` when there are trades of it here.
    pub(super) fn reserve(&self, symbol: &Pair, minute: Minute) -> bool {
        self.core().reserve(symbol, minute)
    }

    /// A minute that was found elsewhere is in the window from now on.
    pub(super) fn adopted(&self, symbol: &Pair, minute: Minute) {
        let mut core = self.core();
        let id = core.names.id(symbol);
        if let Some(book) = core.book(id) {
            book.closed.insert(minute);
        }
    }

    /// Somebody has taken a minute's file away: it is told once, and made anew where that can be.
    pub(super) fn lost(&self, symbol: &Pair, minute: Minute) {
        let mut core = self.core();
        let id = core.names.id(symbol);
        let is_anew = core.lost(id, minute);
        drop(core);
        let path = self.store.layout.waiting(symbol, minute);
        let what = if is_anew {
            "made anew"
        } else {
            "nobody knows its trades any more"
        };
        let text = format!("{} is gone: {what}", path.display());
        self.teller().tell(Weight::Warning, text);
    }

    pub(super) fn tell(&self, weight: Weight, text: String) {
        self.teller().tell(weight, text);
    }

    pub(super) fn counted(&self, count: impl FnOnce(&mut Counts)) {
        self.count(count);
    }
}

/// What an error is, without which file it was.
fn kind_of(error: &WindowError) -> String {
    match error {
        WindowError::Disk {
            operation, source, ..
        } => format!("{operation} {:?}", source.kind()),
        other => other.to_string(),
    }
}

/// What is wrong, and what a person can do about it where there is something to do.
fn words_of(error: &WindowError) -> String {
    use std::io::ErrorKind as Of;
    let chain = chain_of(error);
    let remedy = match error {
        WindowError::Disk { source, .. } => match source.kind() {
            Of::StorageFull | Of::QuotaExceeded => "free disk space",
            Of::PermissionDenied => "give it to the collector's user",
            Of::ReadOnlyFilesystem => "mount the disk writable",
            _ => return chain,
        },
        _ => return chain,
    };
    format!("{chain}: {remedy}, and it goes on")
}

/// The lock of a storage folder: one collector has it. Whoever only looks whether it is taken has it for a
/// moment.
fn lock(store: &Store) -> Result<Box<dyn File>, WindowError> {
    let path: PathBuf = store.layout.window().join("LOCK");
    let file = store
        .disk
        .open(&path, Access::AppendOrCreate)
        .map_err(on("open", &path))?;
    for _ in 0..LOCK_TRIES {
        if file.try_lock().map_err(on("lock", &path))? {
            return Ok(file);
        }
        std::thread::sleep(LOCK_PAUSE);
    }
    Err(WindowError::Running {
        path: store.layout.storage().to_owned(),
    })
}

const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Whether a collector has a storage folder now.
///
/// # Errors
/// The disk's.
pub fn is_running(disk: &dyn Disk, storage: &Path) -> Result<bool, WindowError> {
    let path = super::layout::window(storage).join("LOCK");
    let opened = match disk.open(&path, Access::Append) {
        // On a disk that is read-only, too.
        Err(error) if error.kind() == std::io::ErrorKind::ReadOnlyFilesystem => {
            disk.open(&path, Access::Read)
        }
        opened => opened,
    };
    match opened {
        Ok(file) => Ok(!file.try_lock().map_err(on("lock", &path))?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(on("open", &path)(error)),
    }
}
