//! Public trades: each once, however often and under whatever time it is told.
//!
//! Always true:
//! - A trade's key is market, symbol, time and id, so that new rows lie beside the newest of their symbol.
//! - A request may tell another time than the socket did. What a request tells is looked up by its id first,
//!   and the ids that requests filled are remembered for as long as a socket may still tell them.
//!
//! Not here: whether a request and a socket call trades by the same ids.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use rusqlite::{CachedStatement, Connection, params};

use crate::feed::bybit::{Category, Millis, Origin, Trade};

pub(super) const INSERT: &str = "\
INSERT INTO public_trades (category, symbol, time_ms, trade_id, side, price, size, tick_direction, block, \
rpi, seq, other, origin, received_ms, run_id, arrival) \
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";

const AROUND: &str = "\
SELECT time_ms, trade_id FROM public_trades \
WHERE category = ? AND symbol = ? AND time_ms BETWEEN ? AND ?";

/// How far apart the times are that socket and request tell of one trade, at most.
const APART_MILLIS_MAX: i64 = 60_000;
/// How many filled ids are remembered of a symbol.
const FILLED_LEN_MAX: usize = 20_000;

type Market = (Category, Arc<str>);

/// Ids that requests filled, and that a socket may still tell.
#[derive(Debug, Default)]
pub(super) struct Filled {
    markets: BTreeMap<Market, Ids>,
    /// Those of the transaction that is under way.
    fresh: Vec<(Market, Box<str>)>,
}

#[derive(Debug, Default)]
struct Ids {
    order: VecDeque<(i64, Box<str>)>,
    ids: HashSet<Box<str>>,
}

impl Filled {
    fn has(&mut self, trade: &Trade) -> bool {
        if self.markets.is_empty() {
            return false;
        }
        let market = (trade.category, Arc::clone(&trade.symbol));
        let Some(known) = self.markets.get_mut(&market) else {
            return false;
        };
        let until = trade.time.0.saturating_sub(2 * APART_MILLIS_MAX);
        while known.order.front().is_some_and(|(time, _)| *time < until) {
            known.forget();
        }
        if known.order.is_empty() {
            self.markets.remove(&market);
            return false;
        }
        known.ids.contains(trade.id())
    }

    fn add(&mut self, trade: &Trade) {
        let market = (trade.category, Arc::clone(&trade.symbol));
        self.fresh.push((market.clone(), trade.id().into()));
        let known = self.markets.entry(market).or_default();
        if known.ids.insert(trade.id().into()) {
            known.order.push_back((trade.time.0, trade.id().into()));
        }
        if FILLED_LEN_MAX < known.order.len() {
            known.forget();
        }
    }

    /// The transaction is on disk.
    pub(super) fn keep(&mut self) {
        self.fresh.clear();
    }

    /// The transaction came to nothing, and so did what it filled.
    pub(super) fn undo(&mut self) {
        for (market, id) in self.fresh.drain(..) {
            if let Some(known) = self.markets.get_mut(&market)
                && known.ids.remove(&id)
            {
                known.order.retain(|(_, it)| *it != id);
            }
        }
    }
}

impl Ids {
    fn forget(&mut self) {
        if let Some((_, id)) = self.order.pop_front() {
            self.ids.remove(&id);
        }
    }
}

/// Writes trades in one transaction.
pub(super) struct Trades<'c> {
    insert: CachedStatement<'c>,
    run: i64,
    /// How many there were in this run.
    arrival: i64,
}

impl<'c> Trades<'c> {
    pub(super) fn new(
        connection: &'c Connection,
        run: i64,
        arrival: i64,
    ) -> rusqlite::Result<Trades<'c>> {
        let insert = connection.prepare_cached(INSERT)?;
        Ok(Trades {
            insert,
            run,
            arrival,
        })
    }

    pub(super) fn arrival(&self) -> i64 {
        self.arrival
    }

    /// What a socket told: how many rows are new.
    pub(super) fn told(
        &mut self,
        filled: &mut Filled,
        trades: &[Trade],
        received: Millis,
    ) -> rusqlite::Result<u64> {
        let mut fresh = 0;
        for trade in trades {
            if !filled.has(trade) {
                fresh += self.insert(trade, Origin::Socket, received)?;
            }
        }
        Ok(fresh)
    }

    /// What a request told, which begins with the newest: how many rows are new.
    pub(super) fn asked(
        &mut self,
        connection: &Connection,
        filled: &mut Filled,
        trades: &[Trade],
        received: Millis,
    ) -> rusqlite::Result<u64> {
        let mut there = known(connection, trades)?;
        let is_newest_first = trades.first().map(|it| it.time) > trades.last().map(|it| it.time);
        let mut ordered: Vec<&Trade> = trades.iter().collect();
        if is_newest_first {
            ordered.reverse();
        }
        let mut fresh = 0;
        for trade in ordered {
            // Told twice in one answer, it is one as well.
            if !there.insert((trade.category, &*trade.symbol, trade.id())) {
                continue;
            }
            if self.insert(trade, Origin::Request, received)? > 0 {
                filled.add(trade);
                fresh += 1;
            }
        }
        Ok(fresh)
    }

    fn insert(&mut self, trade: &Trade, origin: Origin, received: Millis) -> rusqlite::Result<u64> {
        self.arrival += 1;
        let changed = self.insert.execute(params![
            trade.category.as_str(),
            &*trade.symbol,
            trade.time.0,
            trade.id(),
            &*trade.side,
            trade.price(),
            trade.size(),
            trade.tick.as_deref(),
            trade.is_block,
            trade.is_rpi,
            trade.seq,
            trade.other.as_deref(),
            origin.as_str(),
            received.0,
            self.run,
            self.arrival,
        ])?;
        Ok(u64::from(changed > 0))
    }
}

/// Which of these are there by their id, about their time.
fn known<'t>(
    connection: &Connection,
    trades: &'t [Trade],
) -> rusqlite::Result<HashSet<(Category, &'t str, &'t str)>> {
    type ById<'t> = HashMap<&'t str, (i64, &'t Trade)>;
    let mut markets: BTreeMap<(Category, &str), ById<'_>> = BTreeMap::new();
    for trade in trades {
        let market = markets.entry((trade.category, &trade.symbol)).or_default();
        market.insert(trade.id(), (trade.time.0, trade));
    }
    let mut found = HashSet::new();
    let mut around = connection.prepare_cached(AROUND)?;
    for ((category, symbol), ids) in &markets {
        let times = ids.values().map(|it| it.0);
        let from = times.clone().min().unwrap_or_default();
        let to = times.max().unwrap_or_default();
        let mut rows = around.query(params![
            category.as_str(),
            symbol,
            from.saturating_sub(APART_MILLIS_MAX),
            to.saturating_add(APART_MILLIS_MAX),
        ])?;
        while let Some(row) = rows.next()? {
            let id = row.get_ref(1)?.as_str()?;
            let Some((time, trade)) = ids.get(id) else {
                continue;
            };
            if time.abs_diff(row.get(0)?) <= APART_MILLIS_MAX.unsigned_abs() {
                found.insert((*category, &*trade.symbol, trade.id()));
            }
        }
    }
    Ok(found)
}
