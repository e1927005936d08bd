//! The database's file: how it is opened, whether it is still where it was, how large it is.
//!
//! Always true:
//! - A new database has its tables and its mark before it is anything else; one that is not ours is closed
//!   as it was.
//! - A file that is no longer at its path is left whole: its log is written back into it before another file
//!   takes the path, so that no log is ever read beside a file that it does not belong to.
//! - The write-ahead log does not grow without bound, as long as no reader stays for ever.
//!
//! Not here: what is written.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::{failed, refused};
use super::schema::{self, Foreign};
use crate::feed::bybit::{StoreError, StoreSize};

/// How large the log may become before it is written back and cut.
const WAL_LEN_MAX: u64 = 64 << 20;
/// How much larger it is before that is tried again.
const WAL_LEN_STEP: u64 = 16 << 20;
/// After how many pages of 4 KiB in the log they are written back.
const WAL_PAGES: i64 = 4000;
/// How much of the database is kept in memory, in KiB.
const CACHE_KIB: i64 = 32 << 10;
/// How many statements are kept.
const STATEMENTS: usize = 64;

/// How a database is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteOptions {
    /// How long a call waits for another program that has the database locked.
    pub busy_timeout: Duration,
}

impl Default for SqliteOptions {
    /// Five seconds.
    fn default() -> SqliteOptions {
        SqliteOptions {
            busy_timeout: Duration::from_secs(5),
        }
    }
}

/// What tells one file from another, whatever they are called.
type Identity = (u64, u64);

/// Which files were opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    database: Option<Identity>,
    /// Its log and the log's index.
    beside: [Option<Identity>; 2],
}

impl Place {
    fn of(path: &Path) -> Place {
        Place {
            database: identity(path).ok(),
            beside: beside(path).map(|it| identity(&it).ok()),
        }
    }

    /// Whether the database is still at its path.
    pub(super) fn is_here(&self, path: &Path) -> bool {
        match identity(path) {
            Ok(found) => self.database.is_none_or(|it| it == found),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        }
    }

    /// Whether its log is there, and has something.
    pub(super) fn has_log(&self, path: &Path) -> bool {
        let log = with_suffix(path, "-wal");
        let is_ours = identity(&log).ok() == self.beside.first().copied().flatten();
        is_ours && fs::metadata(&log).is_ok_and(|it| it.len() > 0)
    }
}

/// An open database.
#[derive(Debug)]
pub(super) struct OpenFile {
    pub(super) connection: Connection,
    path: PathBuf,
    place: Place,
    /// How large the log may be before the next try to cut it.
    pub(super) wal_len_max: u64,
}

impl OpenFile {
    /// Opens it to write, and makes it where there is none.
    pub(super) fn open(path: &Path, options: &SqliteOptions) -> Result<OpenFile, StoreError> {
        see_folder(path)?;
        let had_log = fs::metadata(with_suffix(path, "-wal")).is_ok_and(|it| it.len() > 0);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = failed("open", path);
        let mut connection = Connection::open_with_flags(path, flags).map_err(&open)?;
        connection
            .busy_timeout(options.busy_timeout)
            .map_err(&open)?;
        if let Err(error) = prepare(&mut connection) {
            if had_log {
                // It is another's: not even its log is to be written back by us.
                let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
            }
            return Err(foreign(path, error));
        }
        if connection.is_readonly("main").map_err(&open)? {
            let why = "it may not be written: give this user the right to write it and its folder";
            return Err(StoreError {
                is_passing: true,
                ..refused("open", path, why)
            });
        }
        set_up(&connection).map_err(&open)?;
        Ok(OpenFile {
            connection,
            path: path.to_owned(),
            place: Place::of(path),
            wal_len_max: WAL_LEN_MAX,
        })
    }

    pub(super) fn identity(&self) -> Option<Identity> {
        self.place.database
    }

    /// Whether another file, or none, is at its path.
    pub(super) fn is_moved(&self) -> bool {
        !self.place.is_here(&self.path)
    }

    /// Closes a file that is no longer at its path, whole, and takes away what would be read beside another.
    pub(super) fn leave(self) -> Result<(), Box<(OpenFile, StoreError)>> {
        let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
        let busy = self
            .connection
            .query_row(sql, [], |row| row.get::<_, i64>(0));
        let why = match busy {
            Ok(0) => None,
            Ok(_) => Some(refused(
                "leave",
                &self.path,
                "it was moved, and a reader has it open: end that one",
            )),
            Err(error) => Some(failed("leave", &self.path)(error)),
        };
        // Without a log at the path there is nothing that another file could take for its own.
        if let Some(why) = why.filter(|_| self.place.has_log(&self.path)) {
            let why = StoreError {
                is_passing: true,
                ..why
            };
            return Err(Box::new((self, why)));
        }
        let OpenFile {
            connection,
            path,
            place,
            ..
        } = self;
        drop(connection);
        for (path, ours) in beside(&path).iter().zip(place.beside) {
            if ours.is_some() && identity(path).ok() == ours {
                let _ = fs::remove_file(path);
            }
        }
        Ok(())
    }

    /// Writes a log back that has become too large. Where a reader is in the way it is tried again later.
    pub(super) fn bound_log(&mut self, options: &SqliteOptions) {
        let len = fs::metadata(with_suffix(&self.path, "-wal")).map_or(0, |it| it.len());
        if len <= self.wal_len_max {
            return;
        }
        let _ = self.connection.busy_timeout(Duration::ZERO);
        let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
        let done = self
            .connection
            .query_row(sql, [], |row| row.get::<_, i64>(0));
        let _ = self.connection.busy_timeout(options.busy_timeout);
        self.wal_len_max = match done {
            Ok(0) => WAL_LEN_MAX,
            _ => len + WAL_LEN_STEP,
        };
    }
}

/// Looks first, and changes only what is ours.
fn prepare(connection: &mut Connection) -> Result<(), Foreign> {
    let version = schema::look(connection)?;
    // Order matters: the tables and the mark are in the file itself before there is a log beside it.
    schema::migrate(connection, version)?;
    Ok(())
}

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    let len_max = i64::try_from(WAL_LEN_MAX).unwrap_or(i64::MAX);
    for (pragma, value) in [
        ("journal_size_limit", len_max),
        ("wal_autocheckpoint", WAL_PAGES),
    ] {
        connection.query_row(&format!("PRAGMA {pragma} = {value}"), [], |_| Ok(()))?;
    }
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // The log and its index are there once something was read.
    connection.query_row("SELECT count(*) FROM runs", [], |_| Ok(()))
}

/// Opens it to read. It has to be there, and to be ours.
pub(super) fn open_to_read(path: &Path, options: &SqliteOptions) -> Result<Connection, StoreError> {
    see_folder(path)?;
    if !path.exists() {
        return Err(refused(
            "open",
            path,
            "there is no such file: name a database of a capture",
        ));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = failed("open", path);
    let connection = Connection::open_with_flags(path, flags).map_err(&open)?;
    connection
        .busy_timeout(options.busy_timeout)
        .map_err(&open)?;
    match schema::look(&connection) {
        Ok(0) => Err(refused(
            "open",
            path,
            "nothing was recorded in it: name a database of a capture",
        )),
        Ok(_) => Ok(connection),
        Err(error) => Err(foreign(path, error)),
    }
}

/// Opens it to write beside its capture. It has to be there, and to be ours.
pub(super) fn open_beside(
    path: &Path,
    options: &SqliteOptions,
) -> Result<(Connection, Place), StoreError> {
    drop(open_to_read(path, options)?);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = failed("open", path);
    let connection = Connection::open_with_flags(path, flags).map_err(&open)?;
    connection
        .busy_timeout(options.busy_timeout)
        .map_err(&open)?;
    set_up(&connection).map_err(&open)?;
    Ok((connection, Place::of(path)))
}

/// What is at this path now.
pub(super) fn identity(path: &Path) -> io::Result<Identity> {
    let metadata = fs::metadata(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        Ok((metadata.dev(), metadata.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        Ok((0, 0))
    }
}

/// How much room it takes.
pub(super) fn size(path: &Path) -> StoreSize {
    let len = |it: &Path| fs::metadata(it).map_or(0, |it| it.len());
    StoreSize {
        bytes: len(path),
        wal_bytes: len(&with_suffix(path, "-wal")),
        free_bytes: fs2::available_space(folder(path)).unwrap_or_default(),
    }
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

pub(super) fn see_folder(path: &Path) -> Result<(), StoreError> {
    let folder = folder(path);
    match folder.is_dir() {
        true => Ok(()),
        false => Err(refused(
            "open",
            path,
            &format!(
                "there is no folder {}: make it, or name another",
                folder.display()
            ),
        )),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

fn beside(path: &Path) -> [PathBuf; 2] {
    ["-wal", "-shm"].map(|it| with_suffix(path, it))
}

fn foreign(path: &Path, error: Foreign) -> StoreError {
    match error {
        Foreign::Failed(error) => failed("open", path)(error),
        Foreign::Other => refused(
            "open",
            path,
            "it is the database of another program, and was left as it is: name another file",
        ),
        Foreign::Newer(version) => refused(
            "open",
            path,
            &format!(
                "it has version {version}, and this program knows {} at most: take a newer program",
                schema::VERSION
            ),
        ),
    }
}
