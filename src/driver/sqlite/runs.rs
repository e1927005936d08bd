//! Runs: who wrote, when, and how it ended.
//!
//! Always true: a run that nobody ended is `running`, and the next one marks it as `crashed`, ended when the
//! last thing came that it wrote. A run with an account refers to the fixed rows of the account.
//!
//! Not here: what a run recorded.

use std::collections::BTreeSet;
use std::sync::Arc;

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::schema::{ACCOUNT_ID, STRATEGY_ID, fix_rows};
use crate::feed::bybit::{Millis, RunEnd, RunStart, Stream};

/// A stream as a run's row has it.
#[derive(Deserialize, Serialize)]
struct Row<'a> {
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty", default)]
    symbol: &'a str,
}

/// The streams as JSON.
pub(super) fn to_json(streams: &[Stream]) -> String {
    let rows: Vec<Row<'_>> = streams
        .iter()
        .map(|it| Row {
            kind: it.kind.as_str(),
            category: it.category.map(|it| it.as_str()),
            symbol: &it.symbol,
        })
        .collect();
    serde_json::to_string(&rows).unwrap_or_default()
}

/// The streams of such JSON; what is none of ours is left out.
pub(super) fn from_json(json: &str) -> Vec<Stream> {
    let rows: Vec<Row<'_>> = serde_json::from_str(json).unwrap_or_default();
    let streams = rows.into_iter().filter_map(|it| {
        let category = it.category.map(str::parse).transpose().ok()?;
        Some(Stream {
            kind: it.kind.parse().ok()?,
            category,
            symbol: Arc::from(it.symbol),
        })
    });
    streams.collect()
}

/// The streams that any run wanted.
pub(super) fn wanted_before(connection: &Connection) -> rusqlite::Result<BTreeSet<Stream>> {
    let mut statement = connection.prepare("SELECT DISTINCT streams FROM runs")?;
    let mut rows = statement.query([])?;
    let mut wanted = BTreeSet::new();
    while let Some(row) = rows.next()? {
        wanted.extend(from_json(row.get_ref(0)?.as_str()?));
    }
    Ok(wanted)
}

/// Whether a run recorded the other net.
pub(super) fn has_net(connection: &Connection, is_testnet: bool) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare("SELECT 1 FROM runs WHERE testnet = ?")?;
    statement.exists([is_testnet])
}

/// Marks runs that nobody ended, and tells how many.
pub(super) fn mark_crashed(connection: &Connection) -> rusqlite::Result<u64> {
    let sql =
        "UPDATE runs SET status = 'crashed', ended_ms = last_received_ms WHERE status = 'running'";
    Ok(u64::try_from(connection.execute(sql, [])?).unwrap_or_default())
}

/// Writes a run's row, and tells its number.
pub(super) fn start(connection: &Connection, run: &RunStart) -> rusqlite::Result<i64> {
    if run.has_account {
        fix_rows(connection, run.started, run.is_testnet)?;
    }
    connection.execute(
        "INSERT INTO runs (status, started_ms, version, testnet, streams, config, account_id, strategy_id)
         VALUES ('running', ?, ?, ?, ?, ?, ?, ?)",
        params![
            run.started.0,
            run.version,
            run.is_testnet,
            to_json(&run.streams),
            run.config,
            run.has_account.then_some(ACCOUNT_ID),
            run.has_account.then_some(STRATEGY_ID),
        ],
    )?;
    Ok(connection.last_insert_rowid())
}

/// Says when the last thing came that a run wrote.
pub(super) fn heard(connection: &Connection, run: i64, received: Millis) -> rusqlite::Result<()> {
    let sql = "UPDATE runs SET last_received_ms = max(ifnull(last_received_ms, ?2), ?2) WHERE run_id = ?1";
    connection
        .prepare_cached(sql)?
        .execute(params![run, received.0])?;
    Ok(())
}

pub(super) fn end(
    connection: &Connection,
    run: i64,
    ended: Millis,
    end: &RunEnd,
) -> rusqlite::Result<()> {
    let (status, error) = match end {
        RunEnd::Completed => ("completed", None),
        RunEnd::Error(error) => ("error", Some(error)),
    };
    connection.execute(
        "UPDATE runs SET status = ?2, ended_ms = ?3, error = ?4 WHERE run_id = ?1",
        params![run, status, ended.0, error],
    )?;
    Ok(())
}

/// Whether that very run is open there.
pub(super) fn is_open(
    connection: &Connection,
    run: i64,
    start: &RunStart,
) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM runs WHERE run_id = ? AND started_ms = ? AND status = 'running'";
    connection
        .prepare(sql)?
        .exists(params![run, start.started.0])
}
