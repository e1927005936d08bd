//! The database as a capture writes it.
//!
//! Always true:
//! - Entries are on disk in the file that is at the path when a call returns. A file that was moved or
//!   removed meanwhile is followed by a new one, which gets the run, its open gaps, and those entries.
//! - What a call could not write is not remembered as written.
//!
//! Not here: when to try again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::TransactionBehavior;

use super::error::{failed, refused};
use super::file::{self, OpenFile, SqliteOptions};
use super::lock::Lock;
use super::write::{self, Home, Memory};
use super::{executions::ExecutionQueue, gaps, known, runs};
use crate::feed::bybit::{
    Entry, Gap, GapId, GapState, Known, Millis, RunEnd, RunId, RunStart, Store, StoreError,
    StoreSize, Written,
};

/// How often a file is followed in one call.
const FOLLOW_MAX: u32 = 3;

/// The database of a capture.
///
/// ```
/// use tradejournal::driver::sqlite::{SqliteOptions, SqliteStore};
/// use tradejournal::feed::bybit::{Entry, Millis, RunEnd, RunStart, Store};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("recorder.db");
/// let mut store = SqliteStore::open(&path, SqliteOptions::default())?;
/// let known = store.begin(&RunStart {
///     started: Millis(1_700_000_000_000),
///     version: "1.0.0".into(),
///     streams: Vec::new(),
///     config: "{}".into(),
///     is_testnet: false,
///     has_account: false,
/// })?;
/// let entries: Vec<Entry> = Vec::new();
/// store.write(&entries)?;
/// store.end(Millis(1_700_000_060_000), &RunEnd::Completed)?;
/// # assert_eq!(known.next_gap.0, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    options: SqliteOptions,
    /// None while there is none at the path that could be opened.
    pub(super) file: Option<OpenFile>,
    run: Option<Run>,
    memory: Memory,
    notes: Vec<String>,
    _lock: Lock,
}

/// The run that was begun.
#[derive(Debug)]
struct Run {
    start: RunStart,
    home: Home,
    /// The files that it wrote to before.
    homes: Vec<((u64, u64), Home)>,
    /// Gaps that are open, as they are known here.
    open: BTreeMap<GapId, Gap>,
}

impl SqliteStore {
    /// Opens the database, and makes it where there is none. It is this store's until it is dropped.
    ///
    /// # Errors
    /// Another capture has it; the file is none of ours, or of a newer version; its folder is not there;
    /// whatever SQLite says.
    pub fn open(path: impl AsRef<Path>, options: SqliteOptions) -> Result<SqliteStore, StoreError> {
        let path = path.as_ref().to_owned();
        file::see_folder(&path)?;
        let lock = Lock::take(&path)?;
        let file = OpenFile::open(&path, &options)?;
        Ok(SqliteStore {
            path,
            options,
            file: Some(file),
            run: None,
            memory: Memory::default(),
            notes: Vec::new(),
            _lock: lock,
        })
    }

    /// Its executions, for whoever writes them to a journal meanwhile.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn executions(&self) -> Result<ExecutionQueue, StoreError> {
        ExecutionQueue::open(&self.path, self.options.clone())
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Goes on in what is at the path, where that is not the file that was open.
    fn follow(&mut self) -> Result<(), StoreError> {
        if self.file.as_ref().is_some_and(|it| !it.is_moved()) {
            return Ok(());
        }
        if let Some(old) = self.file.take()
            && let Err(stayed) = old.leave()
        {
            let (old, error) = *stayed;
            self.file = Some(old);
            return Err(error);
        }
        let had_file = file::identity(&self.path).is_ok();
        let opened = OpenFile::open(&self.path, &self.options);
        // Somebody may move the right one back.
        let mut file = opened.map_err(|it| StoreError {
            is_passing: true,
            ..it
        })?;
        if let Some(run) = &mut self.run {
            let begin = failed("go on in", &self.path);
            run.arrive(&mut file).map_err(begin)?;
        }
        let what = match had_file {
            true => "another file is there now, which it goes on in",
            false => "it goes on in a new one there",
        };
        self.file = Some(file);
        self.notes.push(format!(
            "{} was moved or removed while it was open: {what}",
            self.path.display()
        ));
        Ok(())
    }

    fn attempt(&mut self, entries: &[Entry]) -> Result<Written, StoreError> {
        let writing = failed("write to", &self.path);
        let (Some(file), Some(run)) = (&mut self.file, &mut self.run) else {
            return Err(refused(
                "write to",
                &self.path,
                "no run was begun: begin one first",
            ));
        };
        let connection = &mut file.connection;
        write::write(connection, run.home, &mut self.memory, entries).map_err(writing)
    }

    fn is_moved(&self) -> bool {
        self.file.as_ref().is_none_or(OpenFile::is_moved)
    }
}

impl Run {
    /// Puts the run and its open gaps into a file that does not have them.
    fn arrive(&mut self, file: &mut OpenFile) -> rusqlite::Result<()> {
        let identity = file.identity();
        let behavior = TransactionBehavior::Immediate;
        let transaction = file.connection.transaction_with_behavior(behavior)?;
        let visited = self.homes.iter().find(|it| Some(it.0) == identity);
        let home = match visited.map(|it| it.1) {
            Some(home) if runs::is_open(&transaction, home.run, &self.start)? => home,
            _ => {
                runs::mark_crashed(&transaction)?;
                Home {
                    run: runs::start(&transaction, &self.start)?,
                    shift: gaps::next(&transaction)? - 1,
                }
            }
        };
        for gap in self.open.values() {
            gaps::declare(&transaction, home.gap(gap.id), gap, home.run)?;
        }
        transaction.commit()?;
        self.home = home;
        self.remember(identity);
        Ok(())
    }

    fn remember(&mut self, identity: Option<(u64, u64)>) {
        if let Some(identity) = identity {
            self.homes.retain(|it| it.0 != identity);
            self.homes.push((identity, self.home));
        }
    }

    /// Keeps count of what is open.
    fn note(&mut self, entries: &[Entry]) {
        for entry in entries {
            match entry {
                Entry::GapOpened(gap) if gap.state == GapState::Open => {
                    self.open.insert(gap.id, gap.clone());
                }
                Entry::GapEnded(end) => {
                    if let Some(gap) = self.open.get_mut(&end.id) {
                        (gap.from, gap.to) = (end.from, end.to);
                        gap.first.clone_from(&end.first);
                    }
                }
                Entry::GapFilled(fill, _) if fill.state != GapState::Open => {
                    self.open.remove(&fill.id);
                }
                _ => {}
            }
        }
    }
}

impl Store for SqliteStore {
    fn begin(&mut self, run: &RunStart) -> Result<Known, StoreError> {
        self.follow()?;
        let begin = failed("begin a run in", &self.path);
        let Some(file) = &mut self.file else {
            return Err(refused("begin a run in", &self.path, "it is not open"));
        };
        let behavior = TransactionBehavior::Immediate;
        let connection = &mut file.connection;
        let transaction = connection
            .transaction_with_behavior(behavior)
            .map_err(&begin)?;
        if runs::has_net(&transaction, !run.is_testnet).map_err(&begin)? {
            let net = if run.is_testnet {
                "main net"
            } else {
                "test net"
            };
            let why = format!("it has what the {net} told: name another database for this one");
            return Err(refused("begin a run in", &self.path, &why));
        }
        let known = || -> rusqlite::Result<(Known, i64)> {
            let crashed = runs::mark_crashed(&transaction)?;
            let newest = known::newest(&transaction, &run.streams)?;
            let open = known::open(&transaction, &run.streams)?;
            let next_gap = GapId(gaps::next(&transaction)?);
            let number = runs::start(&transaction, run)?;
            let known = Known {
                run: RunId(number),
                newest,
                open,
                next_gap,
                crashed,
            };
            Ok((known, number))
        };
        let (known, number) = known().map_err(&begin)?;
        transaction.commit().map_err(&begin)?;
        let identity = file.identity();
        let mut begun = Run {
            start: run.clone(),
            home: Home {
                run: number,
                shift: 0,
            },
            homes: Vec::new(),
            open: known.open.iter().map(|it| (it.id, it.clone())).collect(),
        };
        begun.remember(identity);
        self.run = Some(begun);
        self.memory = Memory::default();
        Ok(known)
    }

    fn write(&mut self, entries: &[Entry]) -> Result<Written, StoreError> {
        for _ in 0..FOLLOW_MAX {
            self.follow()?;
            let attempt = self.attempt(entries);
            // Order matters: only what is still at the path after the commit is where it is looked for.
            if self.is_moved() {
                continue;
            }
            if attempt.is_ok() {
                if let Some(run) = &mut self.run {
                    run.note(entries);
                }
                if let Some(file) = &mut self.file {
                    file.bound_log(&self.options);
                }
            }
            return attempt;
        }
        let why = "it is moved again and again: leave it at its place";
        Err(StoreError {
            is_passing: true,
            ..refused("write to", &self.path, why)
        })
    }

    fn end(&mut self, ended: Millis, end: &RunEnd) -> Result<(), StoreError> {
        self.follow()?;
        let (Some(file), Some(run)) = (&self.file, &self.run) else {
            return Err(refused("end a run in", &self.path, "no run was begun"));
        };
        let done = runs::end(&file.connection, run.home.run, ended, end);
        done.map_err(failed("end a run in", &self.path))?;
        self.run = None;
        Ok(())
    }

    fn size(&self) -> StoreSize {
        file::size(&self.path)
    }

    fn notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }
}
