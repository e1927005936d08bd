//! Tickers: a row for the state after each message.
//!
//! Always true: one row for each market, symbol, time and sequence; where two states share those, the later
//! one stands.
//!
//! Not here: putting messages together.

use std::sync::LazyLock;

use rusqlite::Connection;

use super::columns::{self, TICKER};
use crate::feed::bybit::{Millis, Ticker};

const KEY: [&str; 6] = ["category", "symbol", "time_ms", "cs", "kind", "complete"];

/// The members that are the row's key.
pub(super) const NAMED: [&str; 1] = ["symbol"];
/// What stands for a sequence that is not told.
pub(super) const NO_CS: i64 = -1;

static UPSERT: LazyLock<String> = LazyLock::new(|| {
    let insert = columns::insert("ticker_snapshots", &KEY, TICKER, &["received_ms", "run_id"]);
    let told = format!("kind, complete, {}", columns::list(TICKER));
    let excluded: Vec<String> = told
        .split(", ")
        .map(|it| format!("excluded.{it}"))
        .collect();
    let excluded = excluded.join(", ");
    format!(
        "{insert} ON CONFLICT DO UPDATE SET ({told}, received_ms, run_id) \
         = ({excluded}, excluded.received_ms, excluded.run_id) \
         WHERE ({told}) IS NOT ({excluded})"
    )
});

/// Writes it, and tells whether anything was new.
pub(super) fn write(
    connection: &Connection,
    ticker: &Ticker,
    received: Millis,
    run: i64,
) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(&UPSERT)?;
    statement.raw_bind_parameter(1, ticker.category.as_str())?;
    statement.raw_bind_parameter(2, &*ticker.symbol)?;
    statement.raw_bind_parameter(3, ticker.time.0)?;
    statement.raw_bind_parameter(4, ticker.cs.unwrap_or(NO_CS))?;
    statement.raw_bind_parameter(5, ticker.kind.as_str())?;
    statement.raw_bind_parameter(6, ticker.is_complete)?;
    let place = columns::bind(&mut statement, 7, TICKER, &NAMED, &ticker.members)?;
    statement.raw_bind_parameter(place, received.0)?;
    statement.raw_bind_parameter(place + 1, run)?;
    Ok(statement.raw_execute()? > 0)
}
