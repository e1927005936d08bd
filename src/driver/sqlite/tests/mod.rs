//! The database against a plain model, and against what happens to files.

mod files;
mod rows;
mod runs;

use std::path::PathBuf;

use rusqlite::Connection;
use tempfile::TempDir;

use super::{SqliteOptions, SqliteStore};
use crate::feed::bybit::{
    AccountKind, AccountRow, Category, Cause, Entry, Fill, Gap, GapId, GapState, Known, Members,
    Millis, Point, RunStart, Store, Stream, StreamKind, Ticker, TickerKind, Trade,
};

pub(super) const START: i64 = 1_700_000_000_000;

/// A database in a folder of its own.
pub(super) struct Place {
    pub(super) folder: TempDir,
    pub(super) path: PathBuf,
}

impl Place {
    pub(super) fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recorder.db");
        Place { folder, path }
    }

    pub(super) fn open(&self) -> SqliteStore {
        let options = SqliteOptions {
            busy_timeout: std::time::Duration::from_millis(10),
        };
        SqliteStore::open(&self.path, options).unwrap()
    }

    pub(super) fn begun(&self) -> SqliteStore {
        let mut store = self.open();
        begin(&mut store, &[]);
        store
    }

    /// As a person asks it.
    pub(super) fn sql(&self) -> Connection {
        Connection::open(&self.path).unwrap()
    }

    pub(super) fn text(&self, sql: &str) -> String {
        let connection = self.sql();
        let mut statement = connection.prepare(sql).unwrap();
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| {
            let values = (0..columns).map(|it| match row.get_ref(it).unwrap() {
                rusqlite::types::ValueRef::Null => "-".to_owned(),
                rusqlite::types::ValueRef::Integer(it) => it.to_string(),
                rusqlite::types::ValueRef::Text(it) => String::from_utf8(it.to_vec()).unwrap(),
                other => format!("{other:?}"),
            });
            Ok(values.collect::<Vec<String>>().join(" "))
        });
        let rows: Vec<String> = rows.unwrap().map(Result::unwrap).collect();
        rows.join("\n")
    }

    pub(super) fn count(&self, table: &str) -> u64 {
        let sql = format!("SELECT count(*) FROM {table}");
        self.text(&sql).parse().unwrap()
    }
}

pub(super) fn run(streams: &[Stream]) -> RunStart {
    RunStart {
        started: Millis(START),
        version: "1.0.0".into(),
        streams: streams.to_vec(),
        config: "{}".into(),
        is_testnet: false,
        has_account: true,
    }
}

pub(super) fn begin(store: &mut SqliteStore, streams: &[Stream]) -> Known {
    store.begin(&run(streams)).unwrap()
}

pub(super) fn trades(symbol: &str) -> Stream {
    Stream {
        kind: StreamKind::Trades,
        category: Some(Category::Linear),
        symbol: symbol.into(),
    }
}

pub(super) fn trade(symbol: &str, time: i64, id: &str) -> Trade {
    let symbol = symbol.into();
    let time = Millis(START + time);
    Trade::new(
        Category::Linear,
        symbol,
        time,
        id,
        "Buy",
        "16578.50",
        "0.001",
    )
    .unwrap()
}

pub(super) fn told(trades: Vec<Trade>) -> Entry {
    Entry::Trades(trades, Millis(START + 5))
}

pub(super) fn members(json: &str) -> Members {
    serde_json::from_str(json).unwrap()
}

pub(super) fn ticker(time: i64, cs: Option<i64>, json: &str) -> Entry {
    let ticker = Ticker {
        category: Category::Linear,
        symbol: "BTCUSDT".into(),
        time: Millis(START + time),
        cs,
        kind: TickerKind::Snapshot,
        is_complete: true,
        members: members(json),
    };
    Entry::Ticker(ticker, Millis(START + time + 2))
}

pub(super) fn row(kind: AccountKind, json: &str) -> AccountRow {
    AccountRow::new(kind, None, Millis(START), members(json)).unwrap()
}

pub(super) fn gap(id: i64, stream: Stream) -> Gap {
    Gap {
        id: GapId(id),
        stream,
        cause: Cause::Disconnect,
        detail: "closed with 1006".into(),
        declared: Millis(START + 10),
        from: Some(Millis(START)),
        last: Some(Point {
            time: Millis(START),
            id: "t1".into(),
        }),
        to: None,
        first: None,
        state: GapState::Open,
        rows: 0,
        filled_by: None,
        rest: None,
    }
}

pub(super) fn fill(id: i64, state: GapState, trades: Vec<Trade>) -> Entry {
    let fill = Fill {
        id: GapId(id),
        state,
        call: "recent-trade".into(),
        trades,
        rows: Vec::new(),
        rest: None,
        detail: None,
    };
    Entry::GapFilled(fill, Millis(START + 100))
}
