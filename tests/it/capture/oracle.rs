//! Holds a database against what the exchange made.
//!
//! Always true: a trade or an execution is there once, or lies in a gap that is not called filled. Nothing is
//! there that was not made.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::simulator::Truth;

/// A market and a symbol.
type Key = (String, String);

/// When a row was made, and whether a socket told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    time: i64,
    is_told: bool,
}

type Rows = BTreeMap<Key, BTreeMap<String, Row>>;

#[derive(Debug)]
struct Gap {
    id: i64,
    stream: String,
    key: Key,
    from: Option<i64>,
    to: Option<i64>,
    rest: Option<(Option<i64>, Option<i64>)>,
    state: String,
}

impl Gap {
    /// Whether something of that time may be missing by what it says.
    fn covers(&self, time: i64) -> bool {
        let lies = |(from, to): (Option<i64>, Option<i64>)| {
            from.is_none_or(|it| it <= time) && to.is_none_or(|it| time <= it)
        };
        match &*self.state {
            "filled" => false,
            _ => lies(self.rest.unwrap_or((self.from, self.to))),
        }
    }
}

/// What a database has.
#[derive(Debug)]
pub(super) struct Found {
    trades: Rows,
    executions: Rows,
    gaps: Vec<Gap>,
    pub(super) states: BTreeMap<String, usize>,
}

fn rows(database: &Connection, sql: &str) -> Rows {
    let mut statement = database.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| {
        let key: Key = (row.get(0)?, row.get(1)?);
        let (time, is_told) = (row.get(3)?, row.get::<_, String>(4)? == "ws");
        Ok((key, row.get::<_, String>(2)?, Row { time, is_told }))
    });
    let mut found: Rows = BTreeMap::new();
    for row in rows.unwrap() {
        let (key, id, row) = row.unwrap();
        let twice = found.entry(key).or_default().insert(id.clone(), row);
        assert_eq!(twice, None, "{id} is there twice");
    }
    found
}

impl Found {
    pub(super) fn read(path: &Path) -> Found {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let database = Connection::open_with_flags(path, flags).unwrap();
        let trades = rows(
            &database,
            "SELECT category, symbol, trade_id, time_ms, origin FROM public_trades",
        );
        let executions = rows(
            &database,
            "SELECT category, symbol, exec_id, exec_time_ms, origin FROM executions",
        );
        let sql = "SELECT gap_id, stream, coalesce(category, ''), coalesce(symbol, ''), from_ms, to_ms, \
                   rest_from_ms, rest_to_ms, state FROM gaps";
        let mut statement = database.prepare(sql).unwrap();
        let gaps = statement.query_map([], |row| {
            let (rest_from, rest_to): (Option<i64>, Option<i64>) = (row.get(6)?, row.get(7)?);
            let has_rest = rest_from.is_some() || rest_to.is_some();
            Ok(Gap {
                id: row.get(0)?,
                stream: row.get(1)?,
                key: (row.get(2)?, row.get(3)?),
                from: row.get(4)?,
                to: row.get(5)?,
                rest: has_rest.then_some((rest_from, rest_to)),
                state: row.get(8)?,
            })
        });
        let gaps: Vec<Gap> = gaps.unwrap().map(|it| it.unwrap()).collect();
        let mut states = BTreeMap::new();
        for gap in &gaps {
            *states
                .entry(format!("{} {}", gap.stream, gap.state))
                .or_default() += 1;
        }
        Found {
            trades,
            executions,
            gaps,
            states,
        }
    }

    /// How many trades it has.
    pub(super) fn trades_len(&self) -> usize {
        self.trades.values().map(BTreeMap::len).sum()
    }

    /// What is wrong with it. `category` is what was recorded, of which symbols, and since when at least.
    pub(super) fn wrong(&self, truth: &Truth, category: &str, since: i64) -> Vec<String> {
        let mut wrong = Vec::new();
        let made = truth.trades.iter();
        let made = made.filter(|it| it.category.name() == category);
        let made = made.map(|it| (it.symbol.clone(), it.id.clone(), it.time_ms));
        let of = |stream: &'static str| move |gap: &&Gap| gap.stream == stream;
        let mut by_symbol: BTreeMap<String, Vec<(String, i64)>> = BTreeMap::new();
        for (symbol, id, time) in made {
            by_symbol.entry(symbol).or_default().push((id, time));
        }
        for (symbol, made) in &by_symbol {
            let key = (category.to_owned(), symbol.clone());
            let has = self.trades.get(&key).cloned().unwrap_or_default();
            let gaps: Vec<&Gap> = self.gaps.iter().filter(of("trades")).collect();
            let gaps: Vec<&Gap> = gaps.into_iter().filter(|it| it.key == key).collect();
            compare(
                &format!("trade of {symbol}"),
                made,
                &has,
                &gaps,
                since,
                &mut wrong,
            );
        }
        let mut by_market: BTreeMap<Key, Vec<(String, i64)>> = BTreeMap::new();
        for it in &truth.executions {
            let key = (it.category.name().to_owned(), it.symbol.clone());
            let made = by_market.entry(key).or_default();
            made.push((it.exec_id.clone(), it.time_ms));
        }
        for (key, made) in &by_market {
            let has = self.executions.get(key).cloned().unwrap_or_default();
            let gaps: Vec<&Gap> = self.gaps.iter().filter(of("executions")).collect();
            let what = format!("execution of {} {}", key.0, key.1);
            compare(&what, made, &has, &gaps, since, &mut wrong);
        }
        wrong
    }
}

/// Each that was made is there, or may be missing by a gap; each that is there was made.
fn compare(
    what: &str,
    made: &[(String, i64)],
    has: &BTreeMap<String, Row>,
    gaps: &[&Gap],
    since: i64,
    wrong: &mut Vec<String>,
) {
    // A stream begins behind the instant of the first row that was told, or with its first gap.
    let told = has.values().filter(|it| it.is_told);
    let first = told.map(|it| it.time + 1).min();
    let gap = gaps.iter().map(|it| it.from.unwrap_or(i64::MIN)).min();
    let begins = match first.into_iter().chain(gap).min() {
        Some(begins) => begins,
        None => return wrong.push(format!("there is no {what}, and no gap")),
    };
    if since + 4000 < begins {
        wrong.push(format!("the first {what} is of {begins}, after {since}"));
    }
    for (id, time) in made {
        match has.get(id) {
            Some(row) if row.time == *time => {}
            Some(Row { time: at, .. }) => {
                wrong.push(format!("{what} {id} is at {at} instead of {time}"))
            }
            None if *time < begins || gaps.iter().any(|it| it.covers(*time)) => {}
            None => {
                let tell = |it: &&Gap| format!("gap {}: {it:?}", it.id);
                let near: Vec<String> = gaps.iter().map(tell).collect();
                let near = near.join("\n    ");
                wrong.push(format!(
                    "{what} {id} of {time} is missing; gaps:\n    {near}"
                ));
            }
        }
    }
    let made: BTreeSet<&String> = made.iter().map(|(id, _)| id).collect();
    for id in has.keys().filter(|it| !made.contains(it)) {
        wrong.push(format!("{what} {id} is there and was never made"));
    }
}
