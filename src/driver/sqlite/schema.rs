//! What the database looks like, and how an older one becomes the one of today.
//!
//! Always true:
//! - The tables are made by the steps of `STEPS`, each once and in order; `user_version` counts them. A step
//!   that was released is never changed.
//! - A database is ours by its `application_id`, which stands in the file as soon as a table does.
//!
//! Not here: what is in the tables.

use rusqlite::{Connection, TransactionBehavior, params};

use crate::feed::bybit::Millis;

/// What marks a file as one of ours: `TJbc`.
pub const APPLICATION_ID: i32 = 0x544a_6263;

/// The version that this program writes.
pub const VERSION: i64 = 1;

/// The one user of a database.
pub const USER_ID: &str = "7d3f2b0a-6c1e-4f58-9a47-0c5e8b21d901";
/// His account at the exchange.
pub const ACCOUNT_ID: &str = "7d3f2b0a-6c1e-4f58-9a47-0c5e8b21d902";
/// What records, as a strategy of that account: rows of an account need one.
pub const STRATEGY_ID: &str = "7d3f2b0a-6c1e-4f58-9a47-0c5e8b21d903";

/// One step a version, from none on.
const STEPS: [&str; 1] = [include_str!("schema_1.sql")];

/// Why a file is not taken.
#[derive(Debug)]
pub(super) enum Foreign {
    /// It has tables of something else.
    Other,
    /// A later program made it.
    Newer(i64),
    /// SQLite says no.
    Failed(rusqlite::Error),
}

impl From<rusqlite::Error> for Foreign {
    fn from(error: rusqlite::Error) -> Foreign {
        Foreign::Failed(error)
    }
}

/// Looks, and changes nothing: the version of a database of ours, zero for an empty file.
pub(super) fn look(connection: &Connection) -> Result<i64, Foreign> {
    let whole = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let version = whole("PRAGMA user_version")?;
    if whole("PRAGMA application_id")? == i64::from(APPLICATION_ID) {
        return match version <= VERSION {
            true => Ok(version),
            false => Err(Foreign::Newer(version)),
        };
    }
    match whole("SELECT count(*) FROM sqlite_schema")? {
        0 => Ok(0),
        _ => Err(Foreign::Other),
    }
}

/// Makes it the one of today, in one transaction.
pub(super) fn migrate(connection: &mut Connection, from: i64) -> Result<(), Foreign> {
    if from == VERSION {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another program may have been faster.
    let from = look(&transaction)?;
    let done = usize::try_from(from).unwrap_or_default();
    for step in STEPS.iter().skip(done) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    Ok(transaction.commit()?)
}

/// Puts the rows there that every account's rows refer to.
pub(super) fn fix_rows(
    connection: &Connection,
    now: Millis,
    is_testnet: bool,
) -> rusqlite::Result<()> {
    let environment = if is_testnet { "testnet" } else { "mainnet" };
    connection.execute(
        "INSERT INTO users (user_id, name, created_ms) VALUES (?1, 'capture', ?2)
         ON CONFLICT DO NOTHING",
        params![USER_ID, now.0],
    )?;
    connection.execute(
        "INSERT INTO bybit_accounts (account_id, user_id, name, environment, created_ms)
         VALUES (?1, ?2, 'capture', ?3, ?4)
         ON CONFLICT (account_id) DO UPDATE SET environment = excluded.environment
         WHERE environment <> excluded.environment",
        params![ACCOUNT_ID, USER_ID, environment, now.0],
    )?;
    connection.execute(
        "INSERT INTO strategies (strategy_id, account_id, name, created_ms)
         VALUES (?1, ?2, 'capture', ?3) ON CONFLICT DO NOTHING",
        params![STRATEGY_ID, ACCOUNT_ID, now.0],
    )?;
    Ok(())
}
