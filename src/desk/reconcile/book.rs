//! The journal's side: what its trades say of each order and direction.
//!
//! Always true, as in [`crate::books`]: the first entry of an order counts, and of its exits at one
//! time the last one.
//!
//! Not here: what was earned.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use rust_decimal::Decimal;

use crate::desk::exact::Average;
use crate::journal::{Journal, ReadError, audit};
use crate::record::field::{Action, ExecutionMode, OrderId, Outcome, Symbol, sum};
use crate::record::{AuditKind, Stream, TradeRecord};
use crate::time::{Day, Timestamp};

/// Which records are compared with one order of the broker: those of one order id and one direction. An
/// exit has the id of its entry and the other direction.
pub type Key = (OrderId, Action);

/// The trades of a journal, by order and direction.
#[derive(Clone, Debug, Default)]
pub struct Book {
    orders: BTreeMap<OrderId, Order>,
    /// Orders of another mode than the one that was asked for.
    others: BTreeMap<OrderId, ExecutionMode>,
    /// The newest day that a policy deleted.
    deleted: Option<Day>,
}

#[derive(Clone, Debug, Default)]
struct Order {
    entry: Option<TradeRecord>,
    exits: BTreeMap<Timestamp, TradeRecord>,
}

/// What the journal has of one order and direction.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Booked {
    /// What was traded.
    pub symbol: Symbol,
    /// How many, in all records.
    pub quantity: u64,
    /// Exactly what they cost.
    pub total: Decimal,
    /// What one cost; of one record its price.
    pub average: Average,
    /// The price where there is one record.
    pub price: Option<Decimal>,
    /// What the broker took, where every record says so.
    pub fees: Option<Decimal>,
    /// When the last of them was.
    pub at: Timestamp,
    /// Whether they are exits, under the id of their entry.
    pub is_exit: bool,
    /// How many each record has.
    pub quantities: Vec<u32>,
}

impl Book {
    /// Reads the trades of one mode. `bad` is told of each line that cannot be read.
    pub fn read(journal: &Journal, mode: ExecutionMode, mut bad: impl FnMut(ReadError)) -> Book {
        let mut book = Book {
            deleted: newest_deleted(journal),
            ..Book::default()
        };
        journal.read::<TradeRecord>().visit(|entry| {
            match entry {
                Ok(entry) if entry.record.execution_mode() == mode => book.add(entry.record),
                Ok(entry) => book.add_other(entry.record),
                Err(error) => bad(error),
            }
            ControlFlow::Continue(())
        });
        book
    }

    /// Takes the next record of the log.
    pub fn add(&mut self, record: &TradeRecord) {
        let order = self.orders.entry(record.order_id().clone()).or_default();
        if record.outcome() == Outcome::Open {
            order.entry.get_or_insert_with(|| record.clone());
        } else {
            order.exits.insert(record.timestamp(), record.clone());
        }
    }

    /// Takes no more of a record than that it is there, in another mode.
    fn add_other(&mut self, record: &TradeRecord) {
        let mode = record.execution_mode();
        self.others.entry(record.order_id().clone()).or_insert(mode);
    }

    /// The other mode in which the journal has an order.
    #[must_use]
    pub fn other_mode(&self, order_id: &OrderId) -> Option<ExecutionMode> {
        self.others.get(order_id).copied()
    }

    /// Whether the journal may have had what happened then, since it deleted days up to that one.
    #[must_use]
    pub fn is_deleted(&self, at: Timestamp) -> bool {
        self.deleted.is_some_and(|deleted| at.day() <= deleted)
    }

    /// The entry of an order.
    #[must_use]
    pub fn entry(&self, order_id: &OrderId) -> Option<&TradeRecord> {
        self.orders.get(order_id)?.entry.as_ref()
    }

    /// How many of an entry were not sold, or bought back, yet.
    #[must_use]
    pub fn open_quantity(&self, order_id: &OrderId) -> u64 {
        let Some(order) = self.orders.get(order_id) else {
            return 0;
        };
        let entered = order
            .entry
            .as_ref()
            .map_or(0, |it| u64::from(it.quantity().value()));
        let exited = order
            .exits
            .values()
            .map(|it| u64::from(it.quantity().value()));
        entered.saturating_sub(exited.sum())
    }

    /// The orders of that symbol and direction that are open.
    pub fn open(&self, symbol: Symbol, action: Action) -> impl Iterator<Item = &OrderId> {
        let all = self.orders.iter();
        let all = all.filter(move |(_, order)| {
            let entry = order.entry.as_ref();
            entry.is_some_and(|it| it.symbol() == symbol && it.action() == action)
        });
        all.map(|it| it.0).filter(|it| self.open_quantity(it) != 0)
    }

    /// Whether there is an exit of that order at that time, which another one would take the place of.
    #[must_use]
    pub fn has_exit_at(&self, order_id: &OrderId, at: Timestamp) -> bool {
        self.orders
            .get(order_id)
            .is_some_and(|it| it.exits.contains_key(&at))
    }

    /// All of it, by order and direction; `None` in the place of sums that do not fit.
    pub(super) fn booked(&self) -> BTreeMap<Key, Option<Booked>> {
        let mut all: BTreeMap<Key, Option<Booked>> = BTreeMap::new();
        for (order_id, order) in &self.orders {
            for record in order.entry.iter().chain(order.exits.values()) {
                let key = (order_id.clone(), record.action());
                let one = Booked::of(record);
                match all.get_mut(&key) {
                    Some(known) => {
                        *known = known.take().zip(one).and_then(|(it, one)| it.and(&one))
                    }
                    None => {
                        all.insert(key, one);
                    }
                }
            }
        }
        all
    }
}

fn newest_deleted(journal: &Journal) -> Option<Day> {
    let mut newest = None;
    audit::each_event(journal, b"\"deleted\"", |event| {
        if let AuditKind::Deleted(deleted) = event.kind()
            && deleted.stream() == Stream::Trades
        {
            newest = newest.max(Some(deleted.day()));
        }
    });
    newest
}

impl Booked {
    fn of(record: &TradeRecord) -> Option<Booked> {
        let (quantity, total) = (record.quantity().value(), record.total_value().value());
        Some(Booked {
            symbol: record.symbol(),
            quantity: u64::from(quantity),
            total,
            average: Average::of(total, Decimal::from(quantity))?,
            price: Some(record.price().value()),
            fees: record.commission().map(|it| it.value()),
            at: record.timestamp(),
            is_exit: record.outcome() != Outcome::Open,
            quantities: vec![quantity],
        })
    }

    fn and(&self, other: &Booked) -> Option<Booked> {
        let quantity = self.quantity.checked_add(other.quantity)?;
        let total = sum(self.total, other.total)?;
        let fees = match (self.fees, other.fees) {
            (Some(one), Some(two)) => Some(sum(one, two)?),
            _ => None,
        };
        Some(Booked {
            symbol: self.symbol,
            quantity,
            total,
            average: Average::of(total, Decimal::from(quantity))?,
            price: None,
            fees,
            at: self.at.max(other.at),
            is_exit: self.is_exit && other.is_exit,
            quantities: [&self.quantities[..], &other.quantities[..]].concat(),
        })
    }
}
