//! The records of one order: an entry, and its exits.
//!
//! Always true:
//! - The first entry of the log counts; of exits at one time, the last one of the log.
//! - What an order comes to is the same however its records were handed over, each with its place in the log.
//!
//! Not here: which order a record belongs to (`pairing`).

use std::sync::Arc;
use std::time::Duration;

use rust_decimal::Decimal;

use super::closed::{ClosedTrade, OpenOrder, SumError};
use crate::record::TradeRecord;
use crate::record::field::{
    AccountId, Action, ExecutionMode, OrderId, Outcome, Price, Quantity, Symbol, sum,
};
use crate::time::Timestamp;

/// How many origins are remembered: a bot has few strategies, and fewer accounts.
const ORIGINS_MAX: usize = 8;

/// What a record says of its trade, and whose it is: all of it that the books need.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(super) mode: ExecutionMode,
    pub(super) order_id: OrderId,
    pub(super) part: Part,
}

/// The legs of records that come in the order of the log.
#[derive(Debug, Default)]
pub(crate) struct Legs {
    origins: Origins,
    next_place: u64,
}

/// What one record says of a trade, of the kind that it is.
#[derive(Debug)]
pub(super) enum Part {
    Entry(Entry),
    Exit(Exit),
}

/// What both kinds say.
#[derive(Clone, Debug)]
pub(super) struct Base {
    place: u64,
    pub(super) at: Timestamp,
    origin: Arc<Origin>,
    symbol: Symbol,
    action: Action,
    quantity: Quantity,
    price: Price,
    stop_loss: Option<Price>,
    slippage: Decimal,
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    base: Base,
    commission: Decimal,
}

/// With what it says that it earned.
#[derive(Clone, Debug)]
pub(super) struct Exit {
    pub(super) base: Base,
    gross: Decimal,
    net: Decimal,
    label: Outcome,
    held_seconds: Option<u64>,
}

/// Whose trade it is, which most records have in common with one of those before them.
#[derive(Debug)]
struct Origin {
    account_id: Option<AccountId>,
    strategy: Arc<str>,
}

/// The last origins, each of which is kept once.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins(Vec<Arc<Origin>>);

/// All records of an order.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    entry: Option<Entry>,
    /// Nearly all have one: it costs no allocation.
    exit: Option<Exit>,
    more_exits: Vec<Exit>,
}

/// A trade that is closed, before it is put together.
#[derive(Debug)]
pub(super) struct Ended<'a> {
    /// The time and the place of its last exit, by which trades are put in order.
    pub(super) at: (Timestamp, u64),
    pub(super) mode: ExecutionMode,
    pub(super) order_id: &'a OrderId,
    order: &'a Order,
    /// An exit whose entry is not there is a trade by itself.
    alone: Option<&'a Exit>,
}

impl Leg {
    /// Where in the log its record is.
    pub(super) fn place(&self) -> u64 {
        match &self.part {
            Part::Entry(entry) => entry.base.place,
            Part::Exit(exit) => exit.base.place,
        }
    }
}

impl Legs {
    /// The leg of the next record.
    ///
    /// # Errors
    /// [`SumError`] of a record whose commission cannot be taken off its result.
    pub(crate) fn next(&mut self, record: &TradeRecord) -> Result<Leg, SumError> {
        let place = self.next_place;
        self.next_place += 1;
        Ok(Leg {
            mode: record.execution_mode(),
            order_id: record.order_id().clone(),
            part: Part::of(record, place, &mut self.origins)?,
        })
    }
}

impl Part {
    /// What that record at that place of the log says.
    pub(super) fn of(
        record: &TradeRecord,
        place: u64,
        origins: &mut Origins,
    ) -> Result<Part, SumError> {
        let commission = record.commission().map(|it| it.value()).unwrap_or_default();
        let gross = record
            .profit_loss()
            .filter(|_| record.outcome() != Outcome::Open);
        let gross = gross.map(|it| it.value());
        let net = match (gross, record.net_profit_loss()) {
            (None, _) => None,
            (Some(_), Some(net)) => Some(net.value()),
            (Some(gross), None) => Some(
                sum(gross, -commission)
                    .ok_or_else(|| too_large(record.order_id(), record.timestamp()))?,
            ),
        };
        let base = Base {
            place,
            at: record.timestamp(),
            origin: origins.shared(record),
            symbol: record.symbol(),
            action: record.action(),
            quantity: record.quantity(),
            price: record.price(),
            stop_loss: record.stop_loss(),
            slippage: record.slippage().map_or(Decimal::ZERO, |it| it.value()),
        };
        Ok(match gross.zip(net) {
            None => Part::Entry(Entry { base, commission }),
            Some((gross, net)) => Part::Exit(Exit {
                base,
                gross,
                net,
                label: record.outcome(),
                held_seconds: record.hold_duration_seconds(),
            }),
        })
    }
}

impl Origins {
    fn shared(&mut self, record: &TradeRecord) -> Arc<Origin> {
        let (account_id, strategy) = (record.account_id(), record.strategy_name());
        let is_it =
            |it: &&Arc<Origin>| *it.strategy == *strategy && it.account_id.as_ref() == account_id;
        if let Some(known) = self.0.iter().find(is_it) {
            return Arc::clone(known);
        }
        let new = Arc::new(Origin {
            account_id: account_id.cloned(),
            strategy: Arc::from(strategy),
        });
        if ORIGINS_MAX <= self.0.len() {
            self.0.remove(0);
        }
        self.0.push(Arc::clone(&new));
        new
    }
}

/// What an entry did to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entered {
    /// It opened it.
    Opened,
    /// The exits that came before it counted as trades of their own until now.
    Revised,
    /// There was one.
    Repeated,
}

/// What an exit did to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exited {
    /// There is more to close.
    Partial,
    /// It closed it, or is a trade by itself.
    Closed,
    /// It was closed already.
    Revised,
}

impl Order {
    /// Takes the entry that comes next in the log.
    pub(super) fn enter(&mut self, entry: Entry) -> Entered {
        if self.entry.is_some() {
            return Entered::Repeated;
        }
        self.entry = Some(entry);
        match self.exit.is_none() {
            true => Entered::Opened,
            false => Entered::Revised,
        }
    }

    /// Takes the exit that comes next in the log, and whether it replaced another.
    pub(super) fn leave(&mut self, exit: Exit) -> (Exited, bool) {
        let (was_closed, has_entry) = (self.is_closed(), self.entry.is_some());
        let is_replaced = self.put(exit);
        let did = match () {
            () if was_closed || (is_replaced && !has_entry) => Exited::Revised,
            () if has_entry && !self.is_closed() => Exited::Partial,
            () => Exited::Closed,
        };
        (did, is_replaced)
    }

    /// Whether it replaced an exit at its time: of two, the later one in the log stays.
    fn put(&mut self, exit: Exit) -> bool {
        let mut exits = self.exit.iter_mut().chain(&mut self.more_exits);
        if let Some(other) = exits.find(|it| it.base.at == exit.base.at) {
            if other.base.place <= exit.base.place {
                *other = exit;
            }
            return true;
        }
        match self.exit {
            None => self.exit = Some(exit),
            Some(_) => self.more_exits.push(exit),
        }
        false
    }

    /// Takes the records of the same order that were read beside these. Returns how many entries were
    /// repeated, and how many exits replaced.
    pub(super) fn join(&mut self, other: Order) -> (u64, u64) {
        let mut repeated = 0;
        self.entry = match (self.entry.take(), other.entry) {
            (Some(left), Some(right)) => {
                repeated += 1;
                let is_first = left.base.place < right.base.place;
                Some(if is_first { left } else { right })
            }
            (left, right) => left.or(right),
        };
        let exits = other.exit.into_iter().chain(other.more_exits);
        let replaced = exits.map(|it| u64::from(self.put(it))).sum();
        (repeated, replaced)
    }

    /// More than the entry had closes it as well: what was earned must not go missing.
    fn is_closed(&self) -> bool {
        let entered = self
            .entry
            .as_ref()
            .map(|it| u64::from(it.base.quantity.value()));
        entered.is_some_and(|it| it <= self.quantity())
    }

    fn exits(&self) -> impl Iterator<Item = &Exit> + Clone {
        self.exit.iter().chain(&self.more_exits)
    }

    /// How many shares its exits have.
    fn quantity(&self) -> u64 {
        let quantities = self.exits().map(|it| u64::from(it.base.quantity.value()));
        quantities.sum()
    }

    /// The trades that are closed: one with its entry, or each exit without one.
    pub(super) fn ended<'a>(
        &'a self,
        order_id: &'a OrderId,
        mode: ExecutionMode,
        out: &mut Vec<Ended<'a>>,
    ) {
        let ended = |at, alone| Ended {
            at,
            mode,
            order_id,
            order: self,
            alone,
        };
        match &self.entry {
            None => out.extend(self.exits().map(|it| ended(it.base.key(), Some(it)))),
            // The place is that of the exit that came last, which need not be the last in time.
            Some(_) if self.is_closed() => {
                let at = self.exits().map(|it| it.base.at).max();
                let place = self.exits().map(|it| it.base.place).max();
                out.extend(at.zip(place).map(|it| ended(it, None)));
            }
            Some(_) => {}
        }
    }

    /// What is left of it, with the place of its entry, if it is not closed.
    pub(super) fn open(
        &self,
        order_id: &OrderId,
        mode: ExecutionMode,
    ) -> Option<Result<(u64, OpenOrder), SumError>> {
        let entry = self.entry.as_ref().filter(|_| !self.is_closed())?;
        let mut nets = self.exits().map(|it| it.net);
        let Some(net) = nets.try_fold(Decimal::ZERO, sum) else {
            let last = self.exits().map(|it| it.base.at).max();
            return Some(Err(too_large(order_id, last.unwrap_or(entry.base.at))));
        };
        let base = &entry.base;
        let open = OpenOrder {
            order_id: order_id.clone(),
            mode,
            account_id: base.origin.account_id.clone(),
            symbol: base.symbol,
            strategy: Arc::clone(&base.origin.strategy),
            direction: base.action,
            entered: base.at,
            quantity: u64::from(base.quantity.value()).saturating_sub(self.quantity()),
            price: base.price,
            net,
        };
        Some(Ok((base.place, open)))
    }
}

impl Base {
    fn key(&self) -> (Timestamp, u64) {
        (self.at, self.place)
    }
}

impl Ended<'_> {
    /// One trade of its entry, if there is one, and its exits.
    pub(super) fn trade(&self) -> Result<ClosedTrade, SumError> {
        match self.alone {
            Some(exit) => self.of_exits(std::iter::once(exit)),
            None => self.of_exits(self.order.exits()),
        }
    }

    fn of_exits<'e>(
        &self,
        exits: impl Iterator<Item = &'e Exit> + Clone,
    ) -> Result<ClosedTrade, SumError> {
        let none = || too_large(self.order_id, self.at.0);
        // There is one, since the trade has ended.
        let last = exits
            .clone()
            .max_by_key(|it| it.base.key())
            .ok_or_else(none)?;
        let entry = self.order.entry.as_ref();
        let first = entry.map_or(&last.base, |it| &it.base);
        let (mut gross, mut net, mut count) = (Decimal::ZERO, Decimal::ZERO, 0);
        let mut slippage = entry.map_or(Decimal::ZERO, |it| it.base.slippage);
        for exit in exits {
            gross = sum(gross, exit.gross).ok_or_else(none)?;
            net = sum(net, exit.net).ok_or_else(none)?;
            slippage = sum(slippage, exit.base.slippage).ok_or_else(none)?;
            count += 1;
        }
        let held = last.held_seconds.map(Duration::from_secs);
        let by_holding = held.map(|it| last.base.at.saturating_sub(it));
        Ok(ClosedTrade {
            order_id: self.order_id.clone(),
            mode: self.mode,
            account_id: first.origin.account_id.clone(),
            symbol: first.symbol,
            strategy: Arc::clone(&first.origin.strategy),
            direction: match (entry, last.base.action) {
                (Some(entry), _) => entry.base.action,
                (None, Action::Sell) => Action::Buy,
                (None, Action::Buy) => Action::Sell,
            },
            entered: entry.map(|it| it.base.at).or(by_holding),
            exited: last.base.at,
            quantity: first.quantity.value().into(),
            entry_price: entry.map(|it| it.base.price),
            exit_price: last.base.price,
            stop_loss: first.stop_loss,
            gross,
            net,
            commission: sum(gross, -net).ok_or_else(none)?,
            entry_commission: entry.map_or(Decimal::ZERO, |it| it.commission),
            slippage,
            exits: count,
            has_entry: entry.is_some(),
            label_conflict: last.label != Outcome::of_net(net),
            place: self.at.1,
        })
    }
}

fn too_large(order_id: &OrderId, at: Timestamp) -> SumError {
    SumError {
        at,
        order_id: order_id.clone(),
    }
}
