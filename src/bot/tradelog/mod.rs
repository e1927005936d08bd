//! The trade logger: fills, decisions and errors go durably into their streams, and beside them into the
//! files that people open in a spreadsheet.
//!
//! Always true:
//! - The record comes first: a row, a summary or a file that fails never fails or delays a record, and is
//!   told by [`TradeLog::troubles`].
//! - The files are what the streams say (`sheet`); they can be made of them again at any time.
//! - One journal is one trade log's: its three streams have one writer, so all their records are the
//!   strategy's.
//!
//! Not here: what `tj` does with these streams.

mod entry;
mod error;
mod mark;
mod name;
mod patch;
mod row;
mod sheet;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use crate::books::{Activity, ActivitySummary};
use crate::disk::{Access, File, create_folders};
use crate::journal::{AppendError, Journal, OpenError, ReadError, Receipt, Troubles, Writer};
use crate::record::field::{Action, OrderId, Pair, Price, Size, Text, Word, Wrong};
use crate::record::{DecisionRecord, ErrorRecord, FillRecord};
use crate::time::{Day, Timestamp};

use sheet::{FileError, Place, Sheet, failed, lock};

pub use entry::{DecisionEntry, FillEntry};
pub use error::ErrorEntry;
pub use name::{StrategyName, StrategyNameError};
pub use row::{LogRecord, write_csv, write_json};

/// Which files there are beside the streams.
#[derive(Clone, Debug)]
pub struct TradeLogOptions {
    folder: Option<PathBuf>,
    has_csv: bool,
    has_json: bool,
    has_background: bool,
}

impl Default for TradeLogOptions {
    fn default() -> TradeLogOptions {
        TradeLogOptions {
            folder: None,
            has_csv: true,
            has_json: true,
            has_background: true,
        }
    }
}

impl TradeLogOptions {
    /// Where `csv` and `json` are; without it, in `data` in the folder of the logs.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> TradeLogOptions {
        self.folder = Some(folder.into());
        self
    }

    /// Whether each record has its row in a CSV; it has by default.
    #[must_use]
    pub fn csv(mut self, is_wanted: bool) -> TradeLogOptions {
        self.has_csv = is_wanted;
        self
    }

    /// Whether a day that is over is written as JSON; it is by default.
    #[must_use]
    pub fn json(mut self, is_wanted: bool) -> TradeLogOptions {
        self.has_json = is_wanted;
        self
    }

    /// Whether a thread writes what the change of a day brings. Without it, the first record of a new day
    /// waits for that.
    #[must_use]
    pub fn background(mut self, is_wanted: bool) -> TradeLogOptions {
        self.has_background = is_wanted;
        self
    }
}

/// What can keep a trade log from what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TradeLogError {
    /// The strategy's name is no name for files.
    #[error("open a trade log")]
    Name(#[source] StrategyNameError),
    /// A stream could not be opened.
    #[error("open a trade log")]
    Open(#[source] OpenError),
    /// Another trade log writes the files of that name.
    #[error("{} is held: another trade log writes these files", path.display())]
    Held {
        /// The lock.
        path: PathBuf,
    },
    /// A stream could not be closed.
    #[error("close a trade log")]
    Append(#[source] AppendError),
    /// The streams could not be read.
    #[error("read the records of a trade log")]
    Read(#[source] ReadError),
    /// A file could not be written.
    #[error("export a trade log")]
    Export(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Fills, decisions and errors of a strategy. Any number of threads may log at once.
///
/// ```
/// use tradejournal::Journal;
/// use tradejournal::bot::{TradeLog, TradeLogOptions};
/// use tradejournal::record::{DecisionRecord, ErrorRecord, field::Action};
///
/// # let folder = tempfile::tempdir()?;
/// # let logs = folder.path().join("logs");
/// let journal = Journal::open(logs)?;
/// let log = TradeLog::open(&journal, "avellaneda", TradeLogOptions::default())?;
/// let fill = log
///     .fill("order_1", "BTC-USDT", Action::Buy, "0.001", "67500.0")
///     .order_type("LIMIT")
///     .fee("0.135", "USDT")
///     .realized_pnl("0.50")
///     .build()?;
/// assert!(log.log_trade(&fill)?.durable);
/// let decision = log.decision(DecisionRecord::RISK_CHECK, "Within all limits").build()?;
/// log.log_decision(&decision)?;
/// log.log_error(&log.error(ErrorRecord::API_ERROR, "Rate limit exceeded").build())?;
/// assert_eq!(log.summary().net_pnl.unwrap().to_string(), "0.365");
/// for trouble in log.close()? {
///     eprintln!("{trouble}");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TradeLog {
    inner: Arc<Inner>,
    /// What writes the days that are over.
    jobs: Mutex<Vec<JoinHandle<()>>>,
    /// Held for as long as the files are ours.
    _held: Option<Box<dyn File>>,
}

struct Inner {
    journal: Journal,
    place: Arc<Place>,
    has_background: bool,
    fills: Book<FillRecord>,
    decisions: Book<DecisionRecord>,
    errors: Book<ErrorRecord>,
    /// The newest day that a record was of.
    day: Mutex<Day>,
    troubles: Arc<Mutex<Troubles>>,
}

/// A stream and the files beside it.
struct Book<R> {
    writer: Writer<R>,
    sheet: Sheet<R>,
}

impl<R: LogRecord> Book<R> {
    /// The stream is this log's alone, whatever the journal says: its lines come in the order of its rows.
    fn writer(journal: &Journal) -> Result<Writer<R>, TradeLogError> {
        let options = journal.writer_options().clone().shared(false);
        journal
            .writer_with::<R>(&options)
            .map_err(TradeLogError::Open)
    }

    fn new(
        journal: &Journal,
        writer: Writer<R>,
        place: &Arc<Place>,
        troubles: &Arc<Mutex<Troubles>>,
    ) -> Book<R> {
        let sheet = Sheet::open(journal, place, troubles, writer.lines());
        Book { writer, sheet }
    }

    fn log(&self, record: &R) -> Result<Receipt, AppendError> {
        // Order matters: a row is only written for a line that is there.
        let appended = self.writer.append(record);
        match &appended {
            Ok(receipt) => self.sheet.take(receipt, record),
            Err(error) if error.nothing_written() => {}
            Err(_) => self.sheet.doubt(record.timestamp().day()),
        }
        appended
    }

    fn settle(&self, before: Option<Day>) {
        self.sheet.settle(before, || self.writer.sync());
    }
}

impl TradeLog {
    /// The trade log of a strategy in a journal. What a crash left of its files is made right, and the days
    /// that ended meanwhile are written as JSON.
    ///
    /// # Errors
    /// See [`TradeLogError`]. A file that cannot be written is none: it is a trouble.
    pub fn open(
        journal: &Journal,
        strategy_name: &str,
        options: TradeLogOptions,
    ) -> Result<TradeLog, TradeLogError> {
        let name = strategy_name.parse().map_err(TradeLogError::Name)?;
        let beside = || journal.layout().logs().join("data");
        let folder = options.folder.unwrap_or_else(beside);
        let place = Arc::new(Place {
            name,
            csv: folder.join("csv"),
            json: folder.join("json"),
            folder,
            has_csv: options.has_csv,
            has_json: options.has_json,
        });
        let troubles = Arc::new(Mutex::new(Troubles::default()));
        // Order matters: opening a stream mends the tail that a crash left; what is read of it is true then.
        let fills = Book::writer(journal)?;
        let decisions = Book::writer(journal)?;
        let errors = Book::writer(journal)?;
        let has_files = place.has_csv || place.has_json;
        let held = match has_files.then(|| hold(journal, &place)) {
            Some(Ok(Some(held))) => Some(held),
            Some(Ok(None)) => {
                let path = lock_path(&place);
                return Err(TradeLogError::Held { path });
            }
            Some(Err(error)) => {
                lock(&troubles).keep_error(&error);
                None
            }
            None => None,
        };
        let inner = Inner {
            fills: Book::new(journal, fills, &place, &troubles),
            decisions: Book::new(journal, decisions, &place, &troubles),
            errors: Book::new(journal, errors, &place, &troubles),
            day: Mutex::new(journal.clock().now().day()),
            journal: journal.clone(),
            has_background: options.has_background,
            place,
            troubles,
        };
        Ok(TradeLog {
            inner: Arc::new(inner),
            jobs: Mutex::default(),
            _held: held,
        })
    }

    /// Begins a fill of this moment.
    pub fn fill<O, P, Z, V>(
        &self,
        order_id: O,
        symbol: P,
        side: Action,
        size: Z,
        price: V,
    ) -> FillEntry
    where
        O: TryInto<OrderId, Error: Into<Wrong>>,
        P: TryInto<Pair, Error: Into<Wrong>>,
        Z: TryInto<Size, Error: Into<Wrong>>,
        V: TryInto<Price, Error: Into<Wrong>>,
    {
        let clock = &**self.inner.journal.clock();
        FillEntry::new(clock, order_id, symbol, side, size, price)
    }

    /// Begins a decision of this moment.
    pub fn decision<T>(&self, decision_type: Word, reason: T) -> DecisionEntry
    where
        T: TryInto<Text, Error: Into<Wrong>>,
    {
        DecisionEntry::new(&**self.inner.journal.clock(), decision_type, reason)
    }

    /// Begins an error of this moment.
    pub fn error(&self, error_type: Word, message: impl Into<String>) -> ErrorEntry {
        ErrorEntry::new(&**self.inner.journal.clock(), error_type, message)
    }

    /// Appends a fill and returns when it is on disk; then writes its row.
    ///
    /// # Errors
    /// Those of the append alone.
    pub fn log_trade(&self, fill: &FillRecord) -> Result<Receipt, AppendError> {
        let receipt = self.inner.fills.log(fill)?;
        self.turn(fill.timestamp().day());
        Ok(receipt)
    }

    /// The same with a decision.
    ///
    /// # Errors
    /// Those of the append alone.
    pub fn log_decision(&self, decision: &DecisionRecord) -> Result<Receipt, AppendError> {
        let receipt = self.inner.decisions.log(decision)?;
        self.turn(decision.timestamp().day());
        Ok(receipt)
    }

    /// The same with an error. Personal data in its texts is masked where the journal allows none, and a text
    /// that is too long is cut: no error is refused for what it says.
    ///
    /// # Errors
    /// Those of the append alone.
    pub fn log_error(&self, error: &ErrorRecord) -> Result<Receipt, AppendError> {
        let error = error::admissible(error, self.inner.journal.allows_personal_data());
        let receipt = self.inner.errors.log(&error)?;
        self.turn(error.timestamp().day());
        Ok(receipt)
    }

    /// What the fills, decisions and errors of today, the UTC day that the clock shows, add up to; those of
    /// earlier runs too. It is kept while they come, and is what [`TradeLog::summary_of`] says.
    #[must_use]
    pub fn summary(&self) -> ActivitySummary {
        let today = self.inner.journal.clock().now().day();
        let mut activity = self.inner.fills.sheet.counted(today);
        activity.add(&self.inner.decisions.sheet.counted(today));
        activity.add(&self.inner.errors.sheet.counted(today));
        activity.summary()
    }

    /// What those of any day add up to, as the streams have them. A line that cannot be read is a trouble.
    ///
    /// # Errors
    /// [`TradeLogError::Read`] when a stream cannot be read at all.
    pub fn summary_of(&self, day: Day) -> Result<ActivitySummary, TradeLogError> {
        let mut activity = Activity::default();
        let inner = &*self.inner;
        inner
            .fills
            .sheet
            .add(day, &mut activity)
            .and_then(|()| inner.decisions.sheet.add(day, &mut activity))
            .and_then(|()| inner.errors.sheet.add(day, &mut activity))
            .map_err(TradeLogError::Read)?;
        Ok(activity.summary())
    }

    /// Writes the records from `from` on and before `to` as JSON, one file a kind, and returns their paths:
    /// `json/{strategy}_{trades|decisions|errors}_export_{YYYYMMDD_HHMMSS}.json`, or with `name` in the
    /// place of `export` and the time. A line that cannot be read is a trouble.
    ///
    /// # Errors
    /// [`TradeLogError::Name`], [`TradeLogError::Export`].
    pub fn export_to_json(
        &self,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
        name: Option<&str>,
    ) -> Result<Vec<PathBuf>, TradeLogError> {
        let inner = &*self.inner;
        let name = name.map(str::parse).transpose();
        let export = Export {
            inner,
            from,
            to,
            name: name.map_err(TradeLogError::Name)?,
            at: inner.journal.clock().now(),
        };
        let written = || -> Result<_, FileError> {
            let json = &inner.place.json;
            let made = create_folders(&**inner.journal.disk(), json);
            made.map_err(failed("make", json))?;
            Ok(vec![
                export.write(&inner.fills)?,
                export.write(&inner.decisions)?,
                export.write(&inner.errors)?,
            ])
        };
        written().map_err(|error| TradeLogError::Export(error.into()))
    }

    /// Puts everything on the disk, and writes the JSON of today and of all days that are due.
    ///
    /// # Errors
    /// When a stream cannot be synced. What goes wrong with the files is a trouble.
    pub fn flush(&self) -> Result<(), AppendError> {
        self.inner.settle(None);
        self.inner.sync()
    }

    /// What went wrong with the files, and beside the appends, since this was called last.
    #[must_use]
    pub fn troubles(&self) -> Vec<String> {
        let inner = &*self.inner;
        let mut troubles = lock(&inner.troubles);
        let own = inner.fills.writer.troubles().into_iter();
        let own = own.chain(inner.decisions.writer.troubles());
        own.chain(inner.errors.writer.troubles())
            .for_each(|it| troubles.keep(it));
        troubles.take()
    }

    /// Flushes, closes the streams, and returns the troubles that nobody has asked for.
    ///
    /// # Errors
    /// [`TradeLogError::Append`].
    pub fn close(self) -> Result<Vec<String>, TradeLogError> {
        self.join();
        let inner = &*self.inner;
        inner.settle(None);
        // Order matters: all are closed, whatever the first one says.
        let closed = [
            inner.fills.writer.clone().close(),
            inner.decisions.writer.clone().close(),
            inner.errors.writer.clone().close(),
        ];
        let closed: Result<(), AppendError> = closed.into_iter().collect();
        closed.map_err(TradeLogError::Append)?;
        Ok(self.troubles())
    }

    /// A record of that day came: with the first one of a new day, those before it are over.
    fn turn(&self, day: Day) {
        // A record of a day to come ends none.
        let day = day.min(self.inner.journal.clock().now().day());
        {
            let mut current = lock(&self.inner.day);
            if day <= *current {
                return;
            }
            *current = day;
        }
        if !self.inner.has_background {
            return self.inner.settle(Some(day));
        }
        let inner = Arc::clone(&self.inner);
        let job = thread::Builder::new()
            .name("tj-trade-log".to_owned())
            .spawn(move || inner.settle(Some(day)));
        match job {
            Ok(job) => {
                let mut jobs = lock(&self.jobs);
                jobs.retain(|it| !it.is_finished());
                jobs.push(job);
            }
            Err(_) => self.inner.settle(Some(day)),
        }
    }

    fn join(&self) {
        let jobs = std::mem::take(&mut *lock(&self.jobs));
        for job in jobs {
            if job.join().is_err() {
                let text = "the thread that ends a day of the trade log panicked";
                lock(&self.inner.troubles).keep(text.to_owned());
            }
        }
    }
}

impl Drop for TradeLog {
    fn drop(&mut self) {
        // The streams are free for the next one only when nobody has them any more.
        self.join();
    }
}

impl fmt::Debug for TradeLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TradeLog")
            .field("strategy", &self.inner.place.name)
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn settle(&self, before: Option<Day>) {
        self.fills.settle(before);
        self.decisions.settle(before);
        self.errors.settle(before);
    }

    fn sync(&self) -> Result<(), AppendError> {
        self.fills.writer.sync()?;
        self.decisions.writer.sync()?;
        self.errors.writer.sync()
    }
}

/// An export on its way.
struct Export<'a> {
    inner: &'a Inner,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    name: Option<StrategyName>,
    at: Timestamp,
}

impl Export<'_> {
    fn write<R: LogRecord>(&self, book: &Book<R>) -> Result<PathBuf, FileError> {
        let mut reader = self.inner.journal.read::<R>();
        if let Some(from) = self.from {
            reader = reader.from(from);
        }
        if let Some(to) = self.to {
            reader = reader.to(to);
        }
        let name = &self.inner.place.name;
        let stem = match &self.name {
            Some(chosen) => name.of_export_called(R::STREAM, chosen),
            None => name.of_export(R::STREAM, self.at),
        };
        let path = self.free_path(&stem)?;
        book.sheet.write_list(&reader, &path)?;
        Ok(path)
    }

    /// A second export of the same second does not take the place of the first; one of a chosen name does.
    fn free_path(&self, stem: &str) -> Result<PathBuf, FileError> {
        let disk = &**self.inner.journal.disk();
        let path = |stem: &str| self.inner.place.json.join(format!("{stem}.json"));
        let (mut found, mut number) = (path(stem), 2);
        while self.name.is_none()
            && disk
                .look(&found)
                .map_err(failed("look at", &found))?
                .is_some()
        {
            found = path(&format!("{stem}_{number}"));
            number += 1;
        }
        Ok(found)
    }
}

fn lock_path(place: &Place) -> PathBuf {
    place.folder.join(format!(".{}.lock", place.name))
}

/// Makes the folders and takes the lock of the files; `None` when another has it.
fn hold(journal: &Journal, place: &Place) -> Result<Option<Box<dyn File>>, FileError> {
    let disk = &**journal.disk();
    for folder in [&place.csv, &place.json] {
        create_folders(disk, folder).map_err(failed("make", folder))?;
    }
    let (folder, path) = (&place.folder, lock_path(place));
    disk.sync_folder(folder).map_err(failed("sync", folder))?;
    if let Some(above) = folder.parent().filter(|it| !it.as_os_str().is_empty()) {
        disk.sync_folder(above).map_err(failed("sync", above))?;
    }
    let file = disk
        .open(&path, Access::AppendOrCreate)
        .map_err(failed("open", &path))?;
    let is_ours = file.try_lock().map_err(failed("lock", &path))?;
    Ok(is_ours.then_some(file))
}
