//! Executions that are still to be written to a journal.
//!
//! Always true: it has a connection of its own and works while the capture writes. An execution is told again
//! and again until somebody says that it is in a journal, so that a crash in between loses none.
//!
//! Not here: the journal.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use rusqlite::{Connection, Row, TransactionBehavior, params};

use super::account::table;
use super::columns::{self, EXECUTION};
use super::error::{failed, refused};
use super::file::{self, Place, SqliteOptions};
use crate::feed::bybit::{AccountKind, AccountRow, Member, Millis, StoreError};

/// An execution, and its number in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptExecution {
    /// Its number.
    pub id: i64,
    /// The execution. Its members are those that came, in the order of the columns.
    pub row: AccountRow,
    /// When it came.
    pub received: Millis,
    /// When it was written to a journal.
    pub journaled: Option<Millis>,
}

/// The columns of [`read`].
pub(super) static COLUMNS: LazyLock<String> = LazyLock::new(|| {
    let key = table(AccountKind::Execution).key.join(", ");
    let told = columns::list(EXECUTION);
    format!("execution_id, received_ms, journaled_ms, {key}, {told}")
});

/// A row of [`COLUMNS`].
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<KeptExecution> {
    let category: String = row.get(3)?;
    let symbol: String = row.get(4)?;
    let key: String = row.get(5)?;
    let time: i64 = row.get(6)?;
    let mut members = columns::members(row, 7, EXECUTION)?;
    for (name, text) in [
        ("category", &category),
        ("symbol", &symbol),
        ("execId", &key),
        ("execTime", &time.to_string()),
    ] {
        members.set(name, Member::Text(text.as_str().into()));
    }
    let journaled: Option<i64> = row.get(2)?;
    Ok(KeptExecution {
        id: row.get(0)?,
        row: AccountRow {
            kind: AccountKind::Execution,
            category: category.parse().ok(),
            symbol: symbol.into(),
            key: key.into(),
            time: Millis(time),
            members,
        },
        received: Millis(row.get(1)?),
        journaled: journaled.map(Millis),
    })
}

/// A way to the executions of a database while its capture writes.
#[derive(Debug)]
pub struct ExecutionQueue {
    path: PathBuf,
    options: SqliteOptions,
    connection: Connection,
    at: Place,
}

impl ExecutionQueue {
    /// Opens it. The database has to be there.
    ///
    /// # Errors
    /// There is none, or it is none of ours; whatever SQLite says.
    pub fn open(
        path: impl AsRef<Path>,
        options: SqliteOptions,
    ) -> Result<ExecutionQueue, StoreError> {
        let path = path.as_ref().to_owned();
        let (connection, at) = file::open_beside(&path, &options)?;
        Ok(ExecutionQueue {
            path,
            options,
            connection,
            at,
        })
    }

    /// The first executions, by their time, that no journal has yet.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn unjournaled(&mut self, limit: u32) -> Result<Vec<KeptExecution>, StoreError> {
        self.follow()?;
        let ask = || {
            let sql = format!(
                "SELECT {} FROM executions WHERE journaled_ms IS NULL
                 ORDER BY exec_time_ms, execution_id LIMIT ?",
                *COLUMNS
            );
            let mut statement = self.connection.prepare_cached(&sql)?;
            let rows = statement.query_map([limit], read)?;
            rows.collect::<rusqlite::Result<Vec<KeptExecution>>>()
        };
        ask().map_err(failed("read", &self.path))
    }

    /// Says that these are in a journal since then. Those that were already stay as they are.
    ///
    /// # Errors
    /// Whatever SQLite says; then none of them is.
    pub fn set_journaled(&mut self, ids: &[i64], at: Millis) -> Result<(), StoreError> {
        self.follow()?;
        let connection = &mut self.connection;
        let mut set = || {
            let behavior = TransactionBehavior::Immediate;
            let transaction = connection.transaction_with_behavior(behavior)?;
            {
                let mut statement = transaction.prepare_cached(
                    "UPDATE executions SET journaled_ms = ?2
                     WHERE execution_id = ?1 AND journaled_ms IS NULL",
                )?;
                for id in ids {
                    statement.execute(params![id, at.0])?;
                }
            }
            transaction.commit()
        };
        set().map_err(failed("write to", &self.path))
    }

    /// Goes on in what is at the path, as soon as the capture has left what was there.
    fn follow(&mut self) -> Result<(), StoreError> {
        if self.at.is_here(&self.path) {
            return Ok(());
        }
        let passing = |it| StoreError {
            is_passing: true,
            ..it
        };
        if self.at.has_log(&self.path) {
            let why = "it was moved, and the capture has not gone on yet: try again";
            return Err(passing(refused("read", &self.path, why)));
        }
        let opened = file::open_beside(&self.path, &self.options).map_err(passing)?;
        (self.connection, self.at) = opened;
        Ok(())
    }
}
