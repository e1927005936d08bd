//! Gaps: what may have been missed, and what became of it.
//!
//! Always true:
//! - What fills a gap and what the gap says of itself are written in one transaction.
//! - A gap that is filled stays filled; a trigger holds other programs to that too.
//!
//! Not here: when a gap is filled.

use rusqlite::{Connection, Row, params, params_from_iter};

use crate::feed::bybit::{Fill, Gap, GapEnd, GapId, GapState, Millis, Point, Stream, StreamKind};

const INSERT: &str = "\
INSERT INTO gaps (gap_id, stream, category, symbol, cause, detail, declared_ms, from_ms, last_ms, \
last_id, to_ms, first_ms, first_id, state, rows_filled, filled_by, rest_from_ms, rest_to_ms, run_id) \
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";

const END: &str =
    "UPDATE gaps SET from_ms = ?2, to_ms = ?3, first_ms = ?4, first_id = ?5 WHERE gap_id = ?1";

const FILL: &str = "\
UPDATE gaps SET
    state = CASE state WHEN 'filled' THEN state ELSE ?2 END,
    rows_filled = rows_filled + ?3,
    filled_by = CASE
        WHEN filled_by IS NULL THEN ?4
        WHEN instr(', ' || filled_by || ', ', ', ' || ?4 || ', ') > 0 THEN filled_by
        ELSE filled_by || ', ' || ?4 END,
    rest_from_ms = CASE state WHEN 'filled' THEN rest_from_ms ELSE ?5 END,
    rest_to_ms = CASE state WHEN 'filled' THEN rest_to_ms ELSE ?6 END,
    detail = CASE
        WHEN ?7 IS NULL OR instr(detail, ?7) > 0 THEN detail
        WHEN detail = '' THEN ?7
        ELSE detail || '; ' || ?7 END,
    checked_ms = ?8,
    tries = tries + 1
WHERE gap_id = ?1";

const COLUMNS: &str = "gap_id, stream, category, symbol, cause, detail, declared_ms, from_ms, last_ms, last_id, \
    to_ms, first_ms, first_id, state, rows_filled, filled_by, rest_from_ms, rest_to_ms, checked_ms, tries, run_id";

/// A gap, and what the database knows of it besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptGap {
    /// The gap.
    pub gap: Gap,
    /// When anybody asked for it last.
    pub checked: Option<Millis>,
    /// How often anybody did.
    pub tries: u64,
    /// The run that declared it.
    pub run: i64,
}

/// Which gaps are wanted: those that meet all that is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GapFilter {
    /// Of this state.
    pub state: Option<GapState>,
    /// Of such a stream.
    pub stream: Option<StreamKind>,
    /// Of this symbol.
    pub symbol: Option<String>,
    /// That were declared at this time or later.
    pub since: Option<Millis>,
    /// The newest so many of them.
    pub last: Option<u32>,
}

/// Writes a gap that was declared. One that is there changes nothing.
pub(super) fn declare(
    connection: &Connection,
    row: i64,
    gap: &Gap,
    run: i64,
) -> rusqlite::Result<()> {
    let point = |it: &Option<Point>| it.as_ref().map(|it| (it.time.0, it.id.to_string())).unzip();
    let (last_ms, last_id) = point(&gap.last);
    let (first_ms, first_id) = point(&gap.first);
    let (rest_from, rest_to) = gap.rest.unzip();
    let millis = |it: Option<Millis>| it.map(|it| it.0);
    connection.prepare_cached(INSERT)?.execute(params![
        row,
        gap.stream.kind.as_str(),
        gap.stream.category.map(|it| it.as_str()),
        &*gap.stream.symbol,
        gap.cause.as_str(),
        gap.detail,
        gap.declared.0,
        millis(gap.from),
        last_ms,
        last_id,
        millis(gap.to),
        first_ms,
        first_id,
        gap.state.as_str(),
        i64::try_from(gap.rows).unwrap_or(i64::MAX),
        gap.filled_by,
        millis(rest_from.flatten()),
        millis(rest_to.flatten()),
        run,
    ])?;
    Ok(())
}

pub(super) fn end(connection: &Connection, row: i64, end: &GapEnd) -> rusqlite::Result<()> {
    let first = end.first.as_ref();
    connection.prepare_cached(END)?.execute(params![
        row,
        end.from.map(|it| it.0),
        end.to.map(|it| it.0),
        first.map(|it| it.time.0),
        first.map(|it| &*it.id),
    ])?;
    Ok(())
}

/// Writes what became of it, after `fresh` rows of it were written.
pub(super) fn fill(
    connection: &Connection,
    row: i64,
    fill: &Fill,
    fresh: u64,
    checked: Millis,
) -> rusqlite::Result<()> {
    let rest = match fill.state {
        GapState::Filled => None,
        _ => fill.rest,
    };
    let (rest_from, rest_to) = rest.unzip();
    connection.prepare_cached(FILL)?.execute(params![
        row,
        fill.state.as_str(),
        i64::try_from(fresh).unwrap_or(i64::MAX),
        fill.call,
        rest_from.flatten().map(|it| it.0),
        rest_to.flatten().map(|it| it.0),
        fill.detail,
        checked.0,
    ])?;
    Ok(())
}

/// The number of the next one.
pub(super) fn next(connection: &Connection) -> rusqlite::Result<i64> {
    let sql = "SELECT coalesce(max(gap_id), 0) + 1 FROM gaps";
    connection.query_row(sql, [], |row| row.get(0))
}

/// The gaps that are wanted, by their number.
pub(super) fn list(connection: &Connection, filter: &GapFilter) -> rusqlite::Result<Vec<KeptGap>> {
    let mut wheres = vec!["1"];
    let mut values: Vec<rusqlite::types::Value> = Vec::new();
    if let Some(state) = filter.state {
        wheres.push("state = ?");
        values.push(state.as_str().to_owned().into());
    }
    if let Some(stream) = filter.stream {
        wheres.push("stream = ?");
        values.push(stream.as_str().to_owned().into());
    }
    if let Some(symbol) = &filter.symbol {
        wheres.push("symbol = ?");
        values.push(symbol.clone().into());
    }
    if let Some(since) = filter.since {
        wheres.push("declared_ms >= ?");
        values.push(since.0.into());
    }
    values.push(filter.last.map_or(-1, i64::from).into());
    let wheres = wheres.join(" AND ");
    let sql = format!("SELECT {COLUMNS} FROM gaps WHERE {wheres} ORDER BY gap_id DESC LIMIT ?");
    let mut statement = connection.prepare(&sql)?;
    let gaps = statement.query_map(params_from_iter(values), read)?;
    let mut gaps = gaps.collect::<rusqlite::Result<Vec<KeptGap>>>()?;
    gaps.reverse();
    Ok(gaps)
}

/// A row of [`COLUMNS`].
fn read(row: &Row<'_>) -> rusqlite::Result<KeptGap> {
    let millis = |place: usize| row.get::<_, Option<i64>>(place).map(|it| it.map(Millis));
    let point = |time: usize, id: usize| -> rusqlite::Result<Option<Point>> {
        let (time, id) = (millis(time)?, row.get::<_, Option<String>>(id)?);
        Ok(time.map(|time| Point {
            time,
            id: id.unwrap_or_default().into(),
        }))
    };
    let count = |place: usize| -> rusqlite::Result<u64> {
        Ok(u64::try_from(row.get::<_, i64>(place)?).unwrap_or_default())
    };
    let category: Option<String> = row.get(2)?;
    let state: GapState = word(row, 13)?;
    let rest = (millis(16)?, millis(17)?);
    let has_rest = state == GapState::Partly || rest != (None, None);
    let gap = Gap {
        id: GapId(row.get(0)?),
        stream: Stream {
            kind: word(row, 1)?,
            category: category.map(|_| word(row, 2)).transpose()?,
            symbol: row.get::<_, String>(3)?.into(),
        },
        cause: word(row, 4)?,
        detail: row.get(5)?,
        declared: Millis(row.get(6)?),
        from: millis(7)?,
        last: point(8, 9)?,
        to: millis(10)?,
        first: point(11, 12)?,
        state,
        rows: count(14)?,
        filled_by: row.get(15)?,
        rest: has_rest.then_some(rest),
    };
    Ok(KeptGap {
        gap,
        checked: millis(18)?,
        tries: count(19)?,
        run: row.get(20)?,
    })
}

/// A text of a row that is one of our words.
pub(super) fn word<T: std::str::FromStr<Err = &'static str>>(
    row: &Row<'_>,
    place: usize,
) -> rusqlite::Result<T> {
    let text = row.get_ref(place)?.as_str()?;
    text.parse().map_err(|why: &'static str| {
        let kind = rusqlite::types::Type::Text;
        let why = format!("`{text}` {why}");
        rusqlite::Error::FromSqlConversionFailure(place, kind, why.into())
    })
}
