//! What was traded, or was to be: the fills of one order as one, or a fill without an order.
//!
//! Always true: size and cost are exact sums; the price is their fraction; the time is the first fill's.

use std::collections::HashMap;

use rust_decimal::Decimal;

use crate::desk::exact::{Average, product};
use crate::record::field::{Action, sum};
use crate::time::Timestamp;

/// A trade of one side.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traded {
    /// The order, where it is known.
    pub order_id: Option<String>,
    /// What was traded.
    pub symbol: String,
    /// The direction.
    pub side: Action,
    /// When; of several fills the first.
    pub at: Timestamp,
    /// How many units.
    pub size: Decimal,
    /// What they cost.
    pub total: Decimal,
    /// What one cost.
    pub price: Average,
    /// What the exchange took, where every fill says so in one asset.
    pub fee: Option<Decimal>,
    /// What it earned, where every fill says so.
    pub pnl: Option<Decimal>,
    /// Which lines of the file, or of the stream, it comes from.
    pub lines: Vec<u64>,
}

/// One fill.
#[derive(Clone, Debug)]
pub(super) struct Fill {
    pub(super) line: u64,
    pub(super) order_id: Option<String>,
    pub(super) symbol: String,
    pub(super) side: Action,
    pub(super) at: Timestamp,
    pub(super) price: Decimal,
    pub(super) size: Decimal,
    pub(super) fee: Option<Decimal>,
    pub(super) fee_asset: Option<String>,
    pub(super) pnl: Option<Decimal>,
}

/// What tells orders apart.
pub(super) type Key = (String, String, Action);

impl Traded {
    pub(super) fn key(&self) -> Option<Key> {
        Some((self.order_id.clone()?, self.symbol.clone(), self.side))
    }

    fn of(fill: &Fill) -> Option<Traded> {
        let total = product(fill.size, fill.price)?;
        Some(Traded {
            order_id: fill.order_id.clone(),
            symbol: fill.symbol.clone(),
            side: fill.side,
            at: fill.at,
            size: fill.size,
            total,
            price: Average::of(total, fill.size)?,
            fee: fill.fee,
            pnl: fill.pnl,
            lines: vec![fill.line],
        })
    }

    /// Takes another fill of the order; nothing, and no change, where it cannot be added up exactly.
    fn add(&mut self, other: Traded) -> Option<()> {
        let both = |one: Option<Decimal>, other: Option<Decimal>| match (one, other) {
            (Some(one), Some(other)) => sum(one, other),
            _ => None,
        };
        let (size, total) = (sum(self.size, other.size)?, sum(self.total, other.total)?);
        self.price = Average::of(total, size)?;
        self.at = self.at.min(other.at);
        self.fee = both(self.fee, other.fee);
        self.pnl = both(self.pnl, other.pnl);
        self.lines.extend(other.lines);
        (self.size, self.total) = (size, total);
        Some(())
    }
}

/// Fills put together by order, in the order of the first one of each.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    trades: Vec<(Traded, Option<String>)>,
    known: HashMap<Key, usize>,
}

impl Gathering {
    /// Takes a fill; nothing, and no change, where it cannot be added up exactly.
    pub(super) fn add(&mut self, fill: &Fill) -> Option<()> {
        let traded = Traded::of(fill)?;
        let key = traded.key();
        let index = key.as_ref().and_then(|it| self.known.get(it)).copied();
        if let Some((before, asset)) = index.and_then(|it| self.trades.get_mut(it)) {
            before.add(traded)?;
            if *asset != fill.fee_asset {
                before.fee = None;
            }
            return Some(());
        }
        if let Some(key) = key {
            self.known.insert(key, self.trades.len());
        }
        self.trades.push((traded, fill.fee_asset.clone()));
        Some(())
    }

    pub(super) fn into_trades(self) -> Vec<Traded> {
        self.trades.into_iter().map(|it| it.0).collect()
    }
}
