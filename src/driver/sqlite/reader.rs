//! What a person asks a database: which runs, how much, which gaps.
//!
//! Always true: reading takes no lock that a capture would wait for, changes nothing, and an answer is of one
//! moment.
//!
//! Not here: how answers are printed.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use super::error::failed;
use super::executions::{self, KeptExecution};
use super::file::{self, SqliteOptions};
use super::frames::{self, KeptFrames};
use super::gaps::{self, GapFilter, KeptGap, word};
use super::{known, lock, runs};
use crate::feed::bybit::{
    AccountKind, Category, GapState, Millis, Point, RunId, StoreError, StoreSize, Stream,
    StreamKind,
};

/// A run, as its row has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRun {
    /// Its number.
    pub id: RunId,
    /// `running`, `completed`, `error` or `crashed`.
    pub status: String,
    /// When it began.
    pub started: Millis,
    /// When it ended; of one that crashed, when the last thing came that it wrote.
    pub ended: Option<Millis>,
    /// When the last thing came that it wrote.
    pub heard: Option<Millis>,
    /// The error that ended it.
    pub error: Option<String>,
    /// Of the program.
    pub version: String,
    /// Whether it was the test net.
    pub is_testnet: bool,
    /// Whether an account was recorded.
    pub has_account: bool,
    /// What it was to record.
    pub streams: Vec<Stream>,
    /// Its configuration, as JSON.
    pub config: String,
}

/// How many rows a table has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableCount {
    /// The table.
    pub table: &'static str,
    /// Its rows.
    pub rows: u64,
}

const COUNTED: [&str; 8] = [
    "public_trades",
    "ticker_snapshots",
    "executions",
    "orders",
    "position_snapshots",
    "wallet_snapshots",
    "gaps",
    "raw_frames",
];

const RUNS: &str = "\
SELECT run_id, status, started_ms, ended_ms, last_received_ms, error, version, testnet, \
account_id IS NOT NULL, streams, config FROM runs ORDER BY run_id";

/// Reads a database, while a capture writes it or not.
#[derive(Debug)]
pub struct SqliteReader {
    path: PathBuf,
    connection: Connection,
}

impl SqliteReader {
    /// Opens it.
    ///
    /// # Errors
    /// It is not there, or none of ours; whatever SQLite says.
    pub fn open(
        path: impl AsRef<Path>,
        options: SqliteOptions,
    ) -> Result<SqliteReader, StoreError> {
        let path = path.as_ref().to_owned();
        let connection = file::open_to_read(&path, &options)?;
        Ok(SqliteReader { path, connection })
    }

    /// The runs, the oldest first.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn runs(&self) -> Result<Vec<KeptRun>, StoreError> {
        self.ask(|connection| {
            let mut statement = connection.prepare(RUNS)?;
            let rows = statement.query_map([], read_run)?;
            rows.collect()
        })
    }

    /// How many rows each table has. It reads all of an index for each.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn counts(&self) -> Result<Vec<TableCount>, StoreError> {
        self.ask(|connection| {
            let count = |table| {
                let sql = format!("SELECT count(*) FROM {table}");
                let rows = connection.query_row(&sql, [], |row| row.get::<_, i64>(0))?;
                let rows = u64::try_from(rows).unwrap_or_default();
                Ok(TableCount { table, rows })
            };
            COUNTED.into_iter().map(count).collect()
        })
    }

    /// How many gaps there are of each state.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn gap_states(&self) -> Result<Vec<(GapState, u64)>, StoreError> {
        self.ask(|connection| {
            let sql = "SELECT state, count(*) FROM gaps GROUP BY state";
            let mut statement = connection.prepare(sql)?;
            let rows = statement.query_map([], |row| {
                let count: i64 = row.get(1)?;
                Ok((word(row, 0)?, u64::try_from(count).unwrap_or_default()))
            })?;
            rows.collect()
        })
    }

    /// The gaps that are wanted, the oldest first.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn gaps(&self, filter: &GapFilter) -> Result<Vec<KeptGap>, StoreError> {
        self.ask(|connection| gaps::list(connection, filter))
    }

    /// The newest event of each stream that has one. It costs little, however much there is.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn newest(&self) -> Result<Vec<(Stream, Point)>, StoreError> {
        self.ask(|connection| {
            let mut newest = Vec::new();
            for stream in streams(connection)? {
                if let Some(point) = known::points(connection, &stream)?.pop() {
                    newest.push((stream, point));
                }
            }
            Ok(newest)
        })
    }

    /// The executions of this time and later, up to but not including `to`, by their time; at most `limit`.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn executions(
        &self,
        from: Option<Millis>,
        to: Option<Millis>,
        limit: u32,
    ) -> Result<Vec<KeptExecution>, StoreError> {
        self.ask(|connection| {
            let sql = format!(
                "SELECT {} FROM executions WHERE exec_time_ms >= ? AND exec_time_ms < ?
                 ORDER BY exec_time_ms, execution_id LIMIT ?",
                *executions::COLUMNS
            );
            let mut statement = connection.prepare(&sql)?;
            let (from, to) = (
                from.map_or(i64::MIN, |it| it.0),
                to.map_or(i64::MAX, |it| it.0),
            );
            let rows = statement.query_map(params![from, to, limit], executions::read)?;
            rows.collect()
        })
    }

    /// The messages that were kept, row by row; those that could not be read alone, where `unknown` is said.
    /// `each` says whether to go on.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn frames(
        &self,
        unknown: bool,
        mut each: impl FnMut(KeptFrames) -> bool,
    ) -> Result<(), StoreError> {
        self.ask(|connection| {
            let sql = format!(
                "SELECT {} FROM raw_frames WHERE ? = 0 OR unknown IS NOT NULL ORDER BY frames_id",
                frames::COLUMNS
            );
            let mut statement = connection.prepare(&sql)?;
            let mut rows = statement.query([unknown])?;
            while let Some(row) = rows.next()? {
                if !each(frames::read(row)?) {
                    break;
                }
            }
            Ok(())
        })
    }

    /// Whether a capture has it now.
    #[must_use]
    pub fn is_being_written(&self) -> bool {
        lock::is_taken(&self.path)
    }

    /// How much room it takes.
    #[must_use]
    pub fn size(&self) -> StoreSize {
        file::size(&self.path)
    }

    /// Asks within one transaction, so that the answer is of one moment.
    pub(super) fn ask<T>(
        &self,
        ask: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let read = || {
            let transaction = self.connection.unchecked_transaction()?;
            let answer = ask(&transaction)?;
            transaction.finish()?;
            Ok(answer)
        };
        read().map_err(failed("read", &self.path))
    }
}

fn read_run(row: &rusqlite::Row<'_>) -> rusqlite::Result<KeptRun> {
    let millis = |place: usize| row.get::<_, Option<i64>>(place).map(|it| it.map(Millis));
    Ok(KeptRun {
        id: RunId(row.get(0)?),
        status: row.get(1)?,
        started: Millis(row.get(2)?),
        ended: millis(3)?,
        heard: millis(4)?,
        error: row.get(5)?,
        version: row.get(6)?,
        is_testnet: row.get(7)?,
        has_account: row.get(8)?,
        streams: runs::from_json(row.get_ref(9)?.as_str()?),
        config: row.get(10)?,
    })
}

/// The streams that have rows.
fn streams(connection: &Connection) -> rusqlite::Result<Vec<Stream>> {
    let mut streams = Vec::new();
    for (kind, table) in [
        (StreamKind::Trades, "public_trades"),
        (StreamKind::Ticker, "ticker_snapshots"),
    ] {
        for (category, symbol) in markets(connection, table)? {
            streams.push(Stream {
                kind,
                category: Some(category),
                symbol: symbol.into(),
            });
        }
    }
    streams.extend(AccountKind::ALL.map(Stream::account));
    Ok(streams)
}

/// The markets and symbols of a table whose key begins with them, from one to the next.
pub(super) fn markets(
    connection: &Connection,
    table: &str,
) -> rusqlite::Result<Vec<(Category, String)>> {
    let sql = format!(
        "SELECT symbol FROM {table} WHERE category = ? AND symbol > ? ORDER BY symbol LIMIT 1"
    );
    let mut next = connection.prepare(&sql)?;
    let mut markets = Vec::new();
    for category in Category::ALL {
        let mut after = String::new();
        loop {
            let mut rows = next.query(params![category.as_str(), after])?;
            let Some(row) = rows.next()? else { break };
            after = row.get(0)?;
            markets.push((category, after.clone()));
        }
    }
    Ok(markets)
}
