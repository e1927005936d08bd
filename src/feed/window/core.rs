//! The minutes that trades come into, with the ids of their trades.
//!
//! Always true:
//! - A minute is what the trades of the intake add up to, each id once: in memory while it is hot, read
//!   again from the intake when a trade comes later.
//! - A trade is counted when it is on the disk, and not before.
//! - A minute whose file has something that the intake has not any more is sealed: it takes no trade, since
//!   nobody could tell whether it has that trade already.
//!
//! Not here: when files are written (`window`).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;

use super::archive;
use super::error::{WindowError, on};
use super::footprint::{Footprint, Step};
use super::intake::{self, Intake, Key, Names, SymbolId};
use super::layout::Symbols;
use super::minute::Minute;
use super::store::{Store, checked};
use super::trade::{PublicTrade, TradeId};
use super::window::WindowOptions;
use crate::journal::chain_of;
use crate::record::field::Pair;
use crate::time::{Day, Timestamp};

/// Why a trade was not taken. It will not be taken later either.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Its time is further ahead of the clock than clocks are apart.
    #[error("its time {time} is ahead of the clock, which says {now}")]
    Ahead {
        /// The trade's time.
        time: Timestamp,
        /// The clock's.
        now: Timestamp,
    },
    /// The window is another symbol's.
    #[error("the window is of {of} alone")]
    Symbol {
        /// Whose it is.
        of: Pair,
    },
    /// There are as many symbols as there may be.
    #[error("there are {max} symbols already")]
    Symbols {
        /// How many there may be.
        max: usize,
    },
    /// The minute is in a file, and the trades that are in it are not known any more.
    #[error("{minute} is in a file, and which trades are in it is not known any more")]
    Sealed {
        /// Which minute.
        minute: Minute,
    },
    /// A sum would not be exact.
    #[error(transparent)]
    Inexact(#[from] super::footprint::Inexact),
}

/// What became of some trades.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Taken {
    /// Trades that are on the disk now, and counted.
    pub kept: u64,
    /// Trades that were taken before.
    pub duplicates: u64,
    /// Of those kept, trades of a minute that had closed.
    pub late: u64,
    /// Trades that were not taken, by their place, and why.
    pub refused: Vec<(usize, Refusal)>,
}

/// The ids of a minute's trades.
type Ids = HashSet<TradeId, BuildHasherDefault<IdHasher>>;

/// A hash of a few instructions. Ids are an exchange's, of a minute, and nobody gains from those that
/// collide.
#[derive(Default)]
struct IdHasher(u64);

impl IdHasher {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            for (to, from) in word.iter_mut().zip(chunk) {
                *to = *from;
            }
            self.add(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.add(u64::from(byte));
    }

    fn write_u64(&mut self, word: u64) {
        self.add(word);
    }

    fn write_usize(&mut self, word: usize) {
        self.add(word as u64);
    }

    fn finish(&self) -> u64 {
        // A table looks at the lowest bits, which a product mixes least.
        self.0.rotate_left(26)
    }
}

/// A minute with the ids of its trades.
#[derive(Debug)]
pub(super) struct Hot {
    pub(super) footprint: Footprint,
    ids: Ids,
    version: u64,
    /// The version that is in a file.
    written: u64,
    /// Since when something of it is in no file.
    dirty_since: Option<Timestamp>,
    touched: Timestamp,
}

impl Hot {
    fn new(minute: Minute, now: Timestamp) -> Hot {
        Hot {
            footprint: Footprint::new(minute),
            ids: Ids::default(),
            version: 0,
            written: 0,
            dirty_since: None,
            touched: now,
        }
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.version != self.written
    }

    fn is_due(&self, minute: Minute, now: Timestamp, grace: Duration) -> bool {
        let closes = minute.plus(1).start().max(self.dirty_since.unwrap_or(now));
        self.is_dirty() && closes.saturating_add(grace) <= now
    }
}

/// The minutes of one symbol.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) hot: BTreeMap<Minute, Hot>,
    /// Those with a file in the window.
    pub(super) closed: BTreeSet<Minute>,
    /// Those that are not hot and may have more in the intake than in their files.
    pub(super) due: BTreeSet<Minute>,
    /// Those that have left although they are young enough: what comes later goes after them.
    gone: BTreeSet<Minute>,
    sealed: BTreeSet<Minute>,
    has_folders: bool,
}

/// Whether an error is the disk's for now. One that is the file's own would hold up all other trades for
/// ever.
fn is_passing(store: &Store, error: &WindowError) -> bool {
    use std::io::ErrorKind as Of;
    match error {
        WindowError::Disk { path, source, .. } => match source.kind() {
            // Whether a file is there nobody knows who may not enter its folder.
            Of::PermissionDenied => store.disk.look(path).is_err(),
            Of::IsADirectory | Of::NotADirectory | Of::InvalidData | Of::InvalidInput => false,
            _ => true,
        },
        _ => false,
    }
}

/// How many sealed minutes are remembered before they are looked at again.
const SEALED_MAX: usize = 10_000;
/// How many minutes that are due are read again at once.
const DUE_AT_ONCE: usize = 1000;

/// A file to write, and which version of the minute that is.
#[derive(Debug)]
pub(super) struct DueFile {
    pub(super) symbol: SymbolId,
    pub(super) name: Pair,
    pub(super) minute: Minute,
    pub(super) version: u64,
    pub(super) json: Vec<u8>,
    pub(super) has_file: bool,
}

/// All minutes.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) intake: Intake,
    pub(super) names: Names,
    pub(super) books: Vec<Book>,
    pub(super) ids: usize,
    pub(super) newest: Option<Timestamp>,
    /// The day of the archive that was looked at last.
    archived: Option<(SymbolId, Day, BTreeMap<Minute, Vec<u8>>)>,
    /// What the intake has of minutes whose files are of something else, for whoever sets it aside.
    pub(super) stranded: Vec<(Pair, Footprint, String)>,
}

impl Core {
    pub(super) fn new(intake: Intake, names: Names, unsettled: HashSet<Key>) -> Core {
        let mut core = Core {
            intake,
            names,
            books: Vec::new(),
            ids: 0,
            newest: None,
            archived: None,
            stranded: Vec::new(),
        };
        for (symbol, minute) in unsettled {
            if let Some(book) = core.book(symbol) {
                book.due.insert(minute);
            }
        }
        core
    }

    pub(super) fn book(&mut self, symbol: SymbolId) -> Option<&mut Book> {
        let index = usize::try_from(symbol).ok()?;
        while self.books.len() < self.names.len() {
            self.books.push(Book::default());
        }
        self.books.get_mut(index)
    }

    /// Each symbol with its minutes.
    pub(super) fn all(&mut self) -> impl Iterator<Item = (SymbolId, &mut Book)> {
        (0..).zip(&mut self.books)
    }

    /// Sees which minutes have files in the window, and which have left it.
    pub(super) fn fill_closed(&mut self, store: &Store, first: Minute) -> Result<(), WindowError> {
        let names: Vec<Pair> = (0..).map_while(|it| self.names.name(it).cloned()).collect();
        for (symbol, name) in (0..).zip(names) {
            // Order matters: who made these files may have been killed before it synced their names.
            store.sync_folders(&name)?;
            let closed = store.waiting(&name)?;
            let gone = store.stored(&name)?.split_off(&first);
            if let Some(book) = self.book(symbol) {
                (book.closed, book.gone) = (closed, gone);
            }
        }
        Ok(())
    }

    /// What is hot of a minute.
    pub(super) fn peek(&self, symbol: &Pair, minute: Minute) -> Option<Footprint> {
        let hot = self.hot_of(symbol)?.get(&minute)?;
        (!hot.footprint.is_empty()).then(|| hot.footprint.clone())
    }

    /// What is hot from one minute to another.
    pub(super) fn peek_range(
        &self,
        symbol: &Pair,
        from: Minute,
        to: Minute,
    ) -> BTreeMap<Minute, Footprint> {
        let Some(hot) = self.hot_of(symbol).filter(|_| from <= to) else {
            return BTreeMap::new();
        };
        let with_trades = hot
            .range(from..=to)
            .filter(|(_, it)| !it.footprint.is_empty());
        with_trades
            .map(|(minute, it)| (*minute, it.footprint.clone()))
            .collect()
    }

    fn hot_of(&self, symbol: &Pair) -> Option<&BTreeMap<Minute, Hot>> {
        let id = usize::try_from(self.names.known(symbol)?).ok()?;
        Some(&self.books.get(id)?.hot)
    }

    /// Whether something of a day may be in no file, or in a file of the window.
    pub(super) fn has_day(&mut self, symbol: &Pair, day: Day) -> bool {
        let (from, to) = (Minute::first_of(day), Minute::first_of(day.next()));
        let Some(id) = self.names.known(symbol) else {
            return false;
        };
        self.book(id).is_some_and(|it| {
            // Of a day that trades come for, more may come.
            let is_hot = it.hot.range(from..to).next().is_some();
            is_hot
                || it.due.range(from..to).next().is_some()
                || it.closed.range(from..to).next().is_some()
        })
    }

    /// Takes trades: those that are new are on the disk when it returns. After an error none of them counts
    /// as taken.
    pub(super) fn take(
        &mut self,
        store: &Store,
        options: &WindowOptions,
        trades: &[PublicTrade],
        now: Timestamp,
    ) -> Result<Taken, WindowError> {
        let mut taken = Taken::default();
        let keys: Vec<Result<Key, Refusal>> = trades
            .iter()
            .map(|it| self.key(store, options, it, now))
            .collect();
        self.warm_all(store, options.step, &keys, now)?;
        let mut lines = Vec::with_capacity(200 * trades.len());
        let mut touched: Vec<Key> = Vec::new();
        let mut is_late = false;
        for (index, (trade, key)) in trades.iter().zip(&keys).enumerate() {
            let counted = match key {
                Ok(key) => self
                    .count(*key, trade, options.step)
                    .map(|is_new| (*key, is_new)),
                Err(refusal) => Err(refusal.clone()),
            };
            match counted {
                Ok((_, false)) => taken.duplicates += 1,
                Ok((key, true)) => {
                    intake::line(trade, &mut lines);
                    taken.kept += 1;
                    if touched.last() != Some(&key) {
                        touched.push(key);
                        is_late = self.has_closed(key);
                    }
                    taken.late += u64::from(is_late);
                    self.newest = self.newest.max(Some(trade.time));
                }
                Err(refusal) => taken.refused.push((index, refusal)),
            }
        }
        if lines.is_empty() {
            return Ok(taken);
        }
        let appended = self.intake.append(&lines, touched.iter().copied(), now);
        for key in touched {
            match &appended {
                Ok(()) => self.touch(key, now),
                // Memory knows more than the disk may: it is read again from there.
                Err(_) => self.forget(key),
            }
        }
        let folder = store.layout.intake();
        appended
            .map_err(on("keep trades in", &folder))
            .map(|()| taken)
    }

    fn key(
        &mut self,
        store: &Store,
        options: &WindowOptions,
        trade: &PublicTrade,
        now: Timestamp,
    ) -> Result<Key, Refusal> {
        if now.saturating_add(options.ahead_max) < trade.time {
            return Err(Refusal::Ahead {
                time: trade.time,
                now,
            });
        }
        if let Symbols::Only(of) = store.layout.symbols()
            && *of != trade.symbol
        {
            return Err(Refusal::Symbol { of: of.clone() });
        }
        let id = match self.names.known(&trade.symbol) {
            Some(id) => id,
            None if options.symbols_max <= self.names.len() => {
                return Err(Refusal::Symbols {
                    max: options.symbols_max,
                });
            }
            None => self.names.id(&trade.symbol),
        };
        Ok((id, Minute::of(trade.time)))
    }

    fn hot(&mut self, (symbol, minute): Key) -> Option<&mut Hot> {
        self.book(symbol)?.hot.get_mut(&minute)
    }

    fn has_closed(&mut self, (symbol, minute): Key) -> bool {
        let Some(book) = self.book(symbol) else {
            return false;
        };
        let is_written = book.hot.get(&minute).is_some_and(|it| it.written > 0);
        is_written || book.closed.contains(&minute)
    }

    /// Counts a trade in its minute; `false` when it is there already.
    fn count(
        &mut self,
        key: Key,
        trade: &PublicTrade,
        step: Option<Step>,
    ) -> Result<bool, Refusal> {
        let Some(hot) = self.hot(key) else {
            return Err(Refusal::Sealed { minute: key.1 });
        };
        if !hot.ids.insert(trade.id.clone()) {
            return Ok(false);
        }
        if let Err(inexact) = hot.footprint.add(trade, step) {
            hot.ids.remove(&trade.id);
            return Err(inexact.into());
        }
        self.ids += 1;
        Ok(true)
    }

    fn touch(&mut self, key: Key, now: Timestamp) {
        if let Some(hot) = self.hot(key) {
            hot.version += 1;
            hot.dirty_since.get_or_insert(now);
            hot.touched = now;
        }
    }

    /// Drops what memory has of a minute, which may be more than the disk has.
    fn forget(&mut self, (symbol, minute): Key) {
        let removed = self.book(symbol).and_then(|book| {
            book.due.insert(minute);
            book.hot.remove(&minute)
        });
        self.ids -= removed.map_or(0, |it| it.ids.len());
    }

    fn warm_all(
        &mut self,
        store: &Store,
        step: Option<Step>,
        keys: &[Result<Key, Refusal>],
        now: Timestamp,
    ) -> Result<(), WindowError> {
        let mut cold = HashSet::new();
        let mut last = None;
        for key in keys.iter().flatten() {
            if last == Some(*key) {
                continue;
            }
            last = Some(*key);
            let (symbol, minute) = *key;
            let Some(book) = self.book(symbol) else {
                continue;
            };
            if !book.hot.contains_key(&minute) && !book.sealed.contains(&minute) {
                cold.insert(*key);
            }
        }
        self.warm(store, step, &cold, now)
    }

    /// Makes minutes hot: from the intake where it has them, and new ones. Those that it has not all of are
    /// sealed.
    pub(super) fn warm(
        &mut self,
        store: &Store,
        step: Option<Step>,
        keys: &HashSet<Key>,
        now: Timestamp,
    ) -> Result<(), WindowError> {
        if keys.is_empty() {
            return Ok(());
        }
        let known: HashSet<Key> = keys
            .iter()
            .filter(|it| self.intake.has(it))
            .copied()
            .collect();
        let mut read: HashMap<Key, Hot> = HashMap::new();
        if !known.is_empty() {
            let names = &self.names;
            let visit = |trade: PublicTrade| {
                let Some(symbol) = names.known(&trade.symbol) else {
                    return;
                };
                let key = (symbol, Minute::of(trade.time));
                if known.contains(&key) {
                    let hot = read.entry(key).or_insert_with(|| Hot::new(key.1, now));
                    // What is not exact was refused when it came.
                    if hot.ids.insert(trade.id.clone()) && hot.footprint.add(&trade, step).is_err()
                    {
                        hot.ids.remove(&trade.id);
                    }
                }
            };
            let folder = store.layout.intake();
            self.intake
                .read(&known, visit)
                .map_err(on("read", &folder))?;
        }
        for key in keys {
            let hot = read.remove(key).unwrap_or_else(|| Hot::new(key.1, now));
            self.enter(store, *key, hot, now)?;
        }
        Ok(())
    }

    /// Holds what the intake has of a minute against the minute's file.
    fn enter(
        &mut self,
        store: &Store,
        (symbol, minute): Key,
        mut hot: Hot,
        now: Timestamp,
    ) -> Result<(), WindowError> {
        let Some(name) = self.names.name(symbol).cloned() else {
            return Ok(());
        };
        let is_writer = self.intake.is_writer();
        let Some(book) = self.book(symbol) else {
            return Ok(());
        };
        if is_writer && !book.has_folders {
            store.make_folders(&name)?;
            book.has_folders = true;
        }
        let found = match store.find(&name, minute) {
            Ok(Some(file)) => Ok(Some(file)),
            Ok(None) => self.archived(store, symbol, &name, minute),
            Err(error) => Err(error),
        };
        let file = match found {
            Ok(file) => file,
            Err(error) if is_passing(store, &error) => return Err(error),
            // One that cannot be read has who knows what in it.
            Err(error) => {
                self.seal(symbol, &name, hot, &chain_of(&error));
                return Ok(());
            }
        };
        match &file {
            // What the file has not is not lost, and not counted.
            Some(file) if !hot.footprint.covers(file) => {
                let is_in_file = file.covers(&hot.footprint);
                let why = if is_in_file {
                    ""
                } else {
                    "its file has other trades"
                };
                self.seal(symbol, &name, hot, why);
                return Ok(());
            }
            _ if hot.footprint.is_empty() => {}
            Some(file) if *file == hot.footprint => (hot.version, hot.written) = (1, 1),
            _ => (hot.version, hot.dirty_since) = (1, Some(now)),
        }
        let ids = hot.ids.len();
        if let Some(book) = self.book(symbol) {
            book.due.remove(&minute);
            book.hot.insert(minute, hot);
            self.ids += ids;
        }
        Ok(())
    }

    /// The minute in the archive of its day, if it is there.
    fn archived(
        &mut self,
        store: &Store,
        symbol: SymbolId,
        name: &Pair,
        minute: Minute,
    ) -> Result<Option<Footprint>, WindowError> {
        let day = minute.day();
        let is_at_hand =
            |it: &(SymbolId, Day, BTreeMap<Minute, Vec<u8>>)| (it.0, it.1) == (symbol, day);
        if self.archived.as_ref().is_none_or(|it| !is_at_hand(it)) {
            let lines = archive::lines(store, name, day)?.unwrap_or_default();
            self.archived = Some((symbol, day, lines));
        }
        let lines = self.archived.as_ref().map(|it| &it.2);
        let path = store.layout.archived(name, day);
        let line = lines.and_then(|it| it.get(&minute));
        line.map(|it| checked(it, minute, &path)).transpose()
    }

    /// What is known of the archive may be another thing now.
    pub(super) fn archive_changed(&mut self) {
        self.archived = None;
    }

    /// A minute takes no trade any more. `why` it has trades that its file has not, if it has.
    fn seal(&mut self, symbol: SymbolId, name: &Pair, hot: Hot, why: &str) {
        let minute = hot.footprint.minute();
        if !why.is_empty() && !hot.footprint.is_empty() {
            self.stranded
                .push((name.clone(), hot.footprint, why.to_owned()));
        }
        if let Some(book) = self.book(symbol) {
            book.seal(minute);
        }
    }

    /// Makes minutes hot that may have more than their files, some at once. Says whether there are more of
    /// them.
    pub(super) fn warm_due(
        &mut self,
        store: &Store,
        step: Option<Step>,
        now: Timestamp,
    ) -> Result<bool, WindowError> {
        let mut due: Vec<Key> = Vec::new();
        for (symbol, book) in self.all() {
            due.extend(book.due.iter().take(DUE_AT_ONCE).map(|it| (symbol, *it)));
        }
        // By time: those of one time are in the same segments.
        due.sort_unstable_by_key(|(symbol, minute)| (*minute, *symbol));
        let keys: HashSet<Key> = due.into_iter().take(DUE_AT_ONCE).collect();
        self.warm(store, step, &keys, now)?;
        for (symbol, minute) in &keys {
            if let Some(book) = self.book(*symbol) {
                book.due.remove(minute);
            }
        }
        Ok(self.books.iter().any(|it| !it.due.is_empty()))
    }

    /// The files that are due: of minutes that are over, and of all when `all`.
    pub(super) fn due_files(&self, now: Timestamp, grace: Duration, all: bool) -> Vec<DueFile> {
        let mut due = Vec::new();
        for (symbol, book) in (0..).zip(&self.books) {
            let Some(name) = self.names.name(symbol) else {
                continue;
            };
            for (minute, hot) in &book.hot {
                let is_due = hot.is_due(*minute, now, grace) || all && hot.is_dirty();
                if is_due && !hot.footprint.is_empty() {
                    due.push(DueFile {
                        symbol,
                        name: name.clone(),
                        minute: *minute,
                        version: hot.version,
                        json: hot.footprint.to_json(),
                        has_file: hot.written > 0 || book.closed.contains(minute),
                    });
                }
            }
        }
        due
    }

    /// A file is there, or could not be written.
    pub(super) fn wrote(&mut self, file: &DueFile, is_written: bool, now: Timestamp) {
        let (symbol, minute) = (file.symbol, file.minute);
        let Some(book) = self.book(symbol) else {
            return;
        };
        if is_written {
            book.closed.insert(minute);
        }
        if let Some(hot) = book.hot.get_mut(&minute) {
            if is_written {
                hot.written = file.version;
            }
            // What failed is tried again after a while.
            hot.dirty_since = hot.is_dirty().then_some(now);
        }
    }

    /// Forgets the ids of minutes that nobody has touched for long, and of more when there are too many.
    pub(super) fn cool(&mut self, options: &WindowOptions, now: Timestamp) {
        let mut freed = 0;
        let is_many = options.ids_max < self.ids;
        for (_, book) in self.all() {
            let due = &mut book.due;
            book.hot.retain(|minute, hot| {
                let age = hot.touched.until(now).unwrap_or_default();
                let is_over = minute.plus(1).start().saturating_add(options.grace) <= now;
                let goes = is_over && (is_many || !hot.is_dirty() && options.warm <= age);
                if goes && hot.is_dirty() {
                    // Its file could not be written. The intake has all of it.
                    due.insert(*minute);
                }
                freed += if goes { hot.ids.len() } else { 0 };
                !goes
            });
        }
        self.ids -= freed;
    }

    /// The minutes with a file that have left the window.
    pub(super) fn leaving(
        &mut self,
        first: Minute,
        count_max: usize,
    ) -> Vec<(SymbolId, Vec<Minute>)> {
        let mut leaving = Vec::new();
        for (symbol, book) in self.all() {
            if book.gone.first().is_some_and(|it| *it < first) {
                book.gone = book.gone.split_off(&first);
            }
            let open = book
                .hot
                .keys()
                .filter(|it| first <= **it && !book.closed.contains(it));
            let too_many = (book.closed.len() + open.count()).saturating_sub(count_max);
            let is_first =
                |(index, minute): &(usize, &Minute)| **minute < first || *index < too_many;
            let mut gone: BTreeSet<Minute> = book
                .closed
                .iter()
                .enumerate()
                .take_while(is_first)
                .map(|(_, it)| *it)
                .collect();
            gone.extend(book.gone.intersection(&book.closed));
            // What is dirty is written first.
            gone.retain(|it| !book.hot.get(it).is_some_and(Hot::is_dirty));
            let gone: Vec<Minute> = gone.into_iter().collect();
            if !gone.is_empty() {
                leaving.push((symbol, gone));
            }
        }
        leaving
    }

    /// The minutes of a symbol that are not hot, and may have more than their files.
    pub(super) fn due(&mut self, symbol: &Pair, from: Minute, to: Minute) -> HashSet<Key> {
        let Some(id) = self.names.known(symbol).filter(|_| from <= to) else {
            return HashSet::new();
        };
        let book = self.book(id);
        book.map(|it| it.due.range(from..=to).map(|it| (id, *it)).collect())
            .unwrap_or_default()
    }

    /// Somebody has taken a minute's file away. `true` where the intake makes it anew.
    pub(super) fn lost(&mut self, symbol: SymbolId, minute: Minute) -> bool {
        let is_known = self.intake.has(&(symbol, minute));
        let Some(book) = self.book(symbol) else {
            return false;
        };
        book.closed.remove(&minute);
        // What is hot is written when it is dirty, and this one is not: it is read again.
        let hot = book.hot.remove(&minute);
        if is_known {
            book.due.insert(minute);
        }
        self.ids -= hot.map_or(0, |it| it.ids.len());
        is_known
    }

    /// Makes a minute somebody else's, whose file is to come; `false` when there are trades of it here.
    pub(super) fn reserve(&mut self, symbol: &Pair, minute: Minute) -> bool {
        let id = self.names.id(symbol);
        let is_own = self.intake.has(&(id, minute));
        let Some(book) = self.book(id) else {
            return false;
        };
        if is_own || book.hot.contains_key(&minute) || book.due.contains(&minute) {
            return false;
        }
        book.seal(minute);
        true
    }

    /// Whether something of a minute may be in no file.
    pub(super) fn is_open(books: &[Book], (symbol, minute): &Key) -> bool {
        let book = usize::try_from(*symbol).ok().and_then(|it| books.get(it));
        book.is_none_or(|it| {
            it.due.contains(minute) || it.hot.get(minute).is_some_and(Hot::is_dirty)
        })
    }
}

impl Book {
    /// A minute is not in the window any more.
    pub(super) fn left(&mut self, minute: Minute) {
        self.closed.remove(&minute);
        self.gone.insert(minute);
    }

    fn seal(&mut self, minute: Minute) {
        if SEALED_MAX <= self.sealed.len() {
            self.sealed.clear();
        }
        self.sealed.insert(minute);
        self.due.remove(&minute);
    }
}
