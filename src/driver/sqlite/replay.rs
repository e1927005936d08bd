//! Public trades and tickers in the order of their time, over all symbols.
//!
//! Always true:
//! - Of two events the one with the earlier time comes first; of one symbol's trades of one time the one with
//!   the lower sequence, then the one that arrived first. Asked twice, it is the same order twice.
//! - Memory is for one page a symbol, however much there is, and for the trades of one millisecond.
//!
//! Not here: how fast events are to follow each other.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use rusqlite::{Connection, Row, params};

use super::columns::{self, TICKER};
use super::reader::{SqliteReader, markets};
use super::ticker::NO_CS;
use crate::feed::bybit::{Category, Member, Millis, StoreError, Ticker, TickerKind, Trade};

/// How many rows of a symbol are read at once.
const PAGE_ROWS: i64 = 500;

/// What is to be told again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayOptions {
    /// Of this time and later.
    pub from: Option<Millis>,
    /// Before this time.
    pub to: Option<Millis>,
    /// Of these symbols alone; of all where there is none.
    pub symbols: Vec<String>,
    /// Whether trades are.
    pub trades: bool,
    /// Whether tickers are.
    pub tickers: bool,
}

impl Default for ReplayOptions {
    /// All of it.
    fn default() -> ReplayOptions {
        ReplayOptions {
            from: None,
            to: None,
            symbols: Vec::new(),
            trades: true,
            tickers: true,
        }
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A trade.
    Trade(Trade),
    /// A ticker, after a message about it.
    Ticker(Ticker),
}

impl Event {
    /// When the exchange made it.
    #[must_use]
    pub fn time(&self) -> Millis {
        match self {
            Event::Trade(trade) => trade.time,
            Event::Ticker(ticker) => ticker.time,
        }
    }
}

impl SqliteReader {
    /// Tells trades and tickers in the order of their time. `each` says whether to go on. All of it is of one
    /// moment: what is written meanwhile is not told.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn replay(
        &self,
        options: &ReplayOptions,
        mut each: impl FnMut(Event) -> bool,
    ) -> Result<(), StoreError> {
        self.ask(|connection| {
            let mut sources = sources(connection, options)?;
            let mut next = BinaryHeap::new();
            for (number, source) in sources.iter_mut().enumerate() {
                if let Some(time) = source.peek(connection)? {
                    next.push(Reverse((time, number)));
                }
            }
            while let Some(Reverse((_, number))) = next.pop() {
                let Some(source) = sources.get_mut(number) else {
                    continue;
                };
                let Some(event) = source.page.pop_front() else {
                    continue;
                };
                if !each(event) {
                    break;
                }
                if let Some(time) = source.peek(connection)? {
                    next.push(Reverse((time, number)));
                }
            }
            Ok(())
        })
    }
}

/// One symbol's trades, or its tickers.
struct Source {
    category: Category,
    symbol: Arc<str>,
    has_trades: bool,
    page: VecDeque<Event>,
    /// From when on the next page is; none after the last.
    from: Option<i64>,
    to: i64,
}

fn sources(connection: &Connection, options: &ReplayOptions) -> rusqlite::Result<Vec<Source>> {
    let mut sources = Vec::new();
    for (is_wanted, has_trades, table) in [
        (options.trades, true, "public_trades"),
        (options.tickers, false, "ticker_snapshots"),
    ] {
        if !is_wanted {
            continue;
        }
        for (category, symbol) in markets(connection, table)? {
            if options.symbols.is_empty() || options.symbols.contains(&symbol) {
                sources.push(Source {
                    category,
                    symbol: symbol.into(),
                    has_trades,
                    page: VecDeque::new(),
                    from: Some(options.from.map_or(i64::MIN, |it| it.0)),
                    to: options.to.map_or(i64::MAX, |it| it.0),
                });
            }
        }
    }
    Ok(sources)
}

/// A trade, behind what it is put in order by: its time, its sequence, its arrival.
type Ordered = (i64, Option<i64>, i64, Trade);

const TRADES: &str = "\
SELECT time_ms, trade_id, side, price, size, tick_direction, block, rpi, seq, other, arrival \
FROM public_trades WHERE category = ? AND symbol = ? AND time_ms >= ? AND time_ms < ? ORDER BY time_ms LIMIT ?";

impl Source {
    /// The time of its next event.
    fn peek(&mut self, connection: &Connection) -> rusqlite::Result<Option<Millis>> {
        if self.page.is_empty()
            && let Some(from) = self.from.take()
        {
            match self.has_trades {
                true => self.read_trades(connection, from)?,
                false => self.read_tickers(connection, from)?,
            }
        }
        Ok(self.page.front().map(Event::time))
    }

    /// Reads a page, all of its last millisecond included.
    fn read_trades(&mut self, connection: &Connection, from: i64) -> rusqlite::Result<()> {
        let mut trades = self.trades(connection, from, self.to, PAGE_ROWS)?;
        let is_full = i64::try_from(trades.len()).is_ok_and(|it| it == PAGE_ROWS);
        if let Some(last) = trades.last().map(|it| it.0).filter(|_| is_full) {
            trades.retain(|it| it.0 < last);
            self.from = Some(last);
            if trades.is_empty() {
                let after = last.saturating_add(1);
                trades = self.trades(connection, last, after, -1)?;
                self.from = Some(after);
            }
        }
        trades.sort_by_key(|it| (it.0, it.1, it.2));
        let trades = trades.into_iter().map(|it| Event::Trade(it.3));
        self.page.extend(trades);
        Ok(())
    }

    fn trades(
        &self,
        connection: &Connection,
        from: i64,
        to: i64,
        limit: i64,
    ) -> rusqlite::Result<Vec<Ordered>> {
        let mut statement = connection.prepare_cached(TRADES)?;
        let key = params![self.category.as_str(), &*self.symbol, from, to, limit];
        let rows = statement.query_map(key, |row| {
            let trade = read_trade(row, self.category, &self.symbol)?;
            Ok((trade.time.0, trade.seq, row.get(10)?, trade))
        })?;
        rows.collect()
    }

    /// Reads a page; of tickers that share their time it reads all.
    fn read_tickers(&mut self, connection: &Connection, from: i64) -> rusqlite::Result<()> {
        let sql = format!(
            "SELECT time_ms, cs, kind, complete, {} FROM ticker_snapshots \
             WHERE category = ? AND symbol = ? AND time_ms >= ? AND time_ms < ? \
             ORDER BY time_ms, cs LIMIT ?",
            columns::list(TICKER)
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let mut read = |from: i64, to: i64, limit: i64| {
            let key = params![self.category.as_str(), &*self.symbol, from, to, limit];
            let rows = statement.query_map(key, |row| {
                let ticker = read_ticker(row, self.category, &self.symbol)?;
                Ok(ticker)
            })?;
            rows.collect::<rusqlite::Result<Vec<Ticker>>>()
        };
        let mut tickers = read(from, self.to, PAGE_ROWS)?;
        let is_full = i64::try_from(tickers.len()).is_ok_and(|it| it == PAGE_ROWS);
        if let Some(last) = tickers.last().map(|it| it.time).filter(|_| is_full) {
            tickers.retain(|it| it.time < last);
            self.from = Some(last.0);
            if tickers.is_empty() {
                let after = last.0.saturating_add(1);
                tickers = read(last.0, after, -1)?;
                self.from = Some(after);
            }
        }
        self.page.extend(tickers.into_iter().map(Event::Ticker));
        Ok(())
    }
}

/// A row of [`TRADES`].
fn read_trade(row: &Row<'_>, category: Category, symbol: &Arc<str>) -> rusqlite::Result<Trade> {
    let text = |place: usize| row.get_ref(place)?.as_str().map_err(rusqlite::Error::from);
    let time = Millis(row.get(0)?);
    let symbol = Arc::clone(symbol);
    let trade = Trade::new(
        category,
        symbol,
        time,
        text(1)?,
        text(2)?,
        text(3)?,
        text(4)?,
    );
    let mut trade = trade.map_err(|it| {
        let kind = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(3, kind, Box::new(it))
    })?;
    let tick: Option<String> = row.get(5)?;
    trade.set_tick(tick.as_deref());
    trade.is_block = row.get(6)?;
    trade.is_rpi = row.get(7)?;
    trade.seq = row.get(8)?;
    trade.other = row.get::<_, Option<String>>(9)?.map(Into::into);
    Ok(trade)
}

fn read_ticker(row: &Row<'_>, category: Category, symbol: &Arc<str>) -> rusqlite::Result<Ticker> {
    let cs: i64 = row.get(1)?;
    let kind = match row.get_ref(2)?.as_str()? {
        "snapshot" => TickerKind::Snapshot,
        _ => TickerKind::Delta,
    };
    let mut members = columns::members(row, 4, TICKER)?;
    members.set("symbol", Member::Text((&**symbol).into()));
    Ok(Ticker {
        category,
        symbol: Arc::clone(symbol),
        time: Millis(row.get(0)?),
        cs: (cs != NO_CS).then_some(cs),
        kind,
        is_complete: row.get(3)?,
        members,
    })
}
