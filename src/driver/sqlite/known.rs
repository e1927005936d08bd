//! What a database knows when a run begins.
//!
//! Always true: of a stream that was never wanted nothing is told, and of one that was wanted and never had
//! an event an empty list.
//!
//! Not here: which gaps follow from it.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, params};

use super::account::table;
use super::gaps::{self, GapFilter};
use super::runs;
use crate::feed::bybit::{AccountKind, Category, Gap, GapState, Millis, Point, Stream, StreamKind};

/// How many of a stream's newest events are told.
const POINTS_MAX: i64 = 256;
/// How old the oldest of them is, before the newest.
const POINT_AGE_MILLIS_MAX: i64 = 1000;

/// The newest events of each stream that was recorded or wanted before.
pub(super) fn newest(
    connection: &Connection,
    wanted: &[Stream],
) -> rusqlite::Result<BTreeMap<Stream, Vec<Point>>> {
    let before = runs::wanted_before(connection)?;
    let mut newest = BTreeMap::new();
    for stream in wanted {
        let points = points(connection, stream)?;
        if !points.is_empty() || before.contains(stream) {
            newest.insert(stream.clone(), points);
        }
    }
    Ok(newest)
}

/// The newest events of a stream, the newest last.
pub(super) fn points(connection: &Connection, stream: &Stream) -> rusqlite::Result<Vec<Point>> {
    match (stream.kind, stream.category) {
        (StreamKind::Trades, Some(category)) => trades(connection, category, &stream.symbol),
        (StreamKind::Ticker, Some(category)) => {
            let sql = "SELECT max(time_ms) FROM ticker_snapshots WHERE category = ? AND symbol = ?";
            let mut statement = connection.prepare_cached(sql)?;
            let symbol = params![category.as_str(), &*stream.symbol];
            let newest: Option<i64> = statement.query_row(symbol, |row| row.get(0))?;
            Ok(newest.map(point).into_iter().collect())
        }
        (StreamKind::Trades | StreamKind::Ticker, None) => Ok(Vec::new()),
        (StreamKind::Account(AccountKind::Execution), _) => executions(connection),
        (StreamKind::Account(kind), _) => {
            let table = table(kind);
            let sql = format!("SELECT max({}) FROM {}", table.time, table.name);
            let newest: Option<i64> = connection.query_row(&sql, [], |row| row.get(0))?;
            Ok(newest.map(point).into_iter().collect())
        }
    }
}

fn point(time: i64) -> Point {
    Point {
        time: Millis(time),
        id: "".into(),
    }
}

fn trades(
    connection: &Connection,
    category: Category,
    symbol: &str,
) -> rusqlite::Result<Vec<Point>> {
    let sql = "SELECT max(time_ms) FROM public_trades WHERE category = ? AND symbol = ?";
    let mut statement = connection.prepare_cached(sql)?;
    let newest = statement.query_row(params![category.as_str(), symbol], |row| row.get(0));
    let Some(newest) = newest.optional()?.flatten() else {
        return Ok(Vec::new());
    };
    let newest: i64 = newest;
    let sql = "SELECT time_ms, trade_id FROM public_trades \
        WHERE category = ? AND symbol = ? AND time_ms >= ? ORDER BY time_ms DESC, trade_id DESC LIMIT ?";
    let from = newest.saturating_sub(POINT_AGE_MILLIS_MAX);
    let values = params![category.as_str(), symbol, from, POINTS_MAX];
    listed(connection, sql, values)
}

fn executions(connection: &Connection) -> rusqlite::Result<Vec<Point>> {
    let sql = "SELECT exec_time_ms, exec_id FROM executions \
        ORDER BY exec_time_ms DESC, execution_id DESC LIMIT ?";
    listed(connection, sql, params![POINTS_MAX])
}

/// The answers, the last one first.
fn listed(
    connection: &Connection,
    sql: &str,
    values: &[&dyn rusqlite::ToSql],
) -> rusqlite::Result<Vec<Point>> {
    let mut statement = connection.prepare_cached(sql)?;
    let points = statement.query_map(values, |row| {
        Ok(Point {
            time: Millis(row.get(0)?),
            id: row.get::<_, String>(1)?.into(),
        })
    })?;
    let mut points = points.collect::<rusqlite::Result<Vec<Point>>>()?;
    points.reverse();
    Ok(points)
}

/// The open gaps of these streams.
pub(super) fn open(connection: &Connection, wanted: &[Stream]) -> rusqlite::Result<Vec<Gap>> {
    let filter = GapFilter {
        state: Some(GapState::Open),
        ..GapFilter::default()
    };
    let wanted: BTreeSet<&Stream> = wanted.iter().collect();
    let gaps = gaps::list(connection, &filter)?.into_iter();
    let gaps = gaps.map(|it| it.gap);
    Ok(gaps.filter(|it| wanted.contains(&it.stream)).collect())
}
