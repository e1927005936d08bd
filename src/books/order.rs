//! The records of one order: an entry, and its exits.
//!
//! Always true:
//! - The first entry of the log counts; of exits at one time, the last one of the log.
//! - What an order comes to is the same however its records were handed over, each with its place in the log.
//! - A light view of a trade and the whole one have the same sums, or both have none.
//!
//! Not here: which order a record belongs to (`pairing`).

use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use rust_decimal::Decimal;

use super::amounts::Amounts;
use super::closed::{ClosedTrade, OpenOrder, SumError};
use super::origin::{Origin, Origins};
use crate::record::TradeRecord;
use crate::record::field::{Action, ExecutionMode, OrderId, Outcome, Price, Quantity, Symbol, sum};
use crate::time::Timestamp;

/// By what closed trades are put in order: the time of the last exit, and its place in the log.
pub(super) type Key = (Timestamp, u64);

/// What a record says of its trade, and whose it is: all of it that the books need.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(super) mode: ExecutionMode,
    pub(super) order_id: OrderId,
    pub(super) origin: Arc<Origin>,
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
    at: Timestamp,
    /// Its number among the origins of the pairing.
    origin: u32,
    symbol: Symbol,
    action: Action,
    quantity: Quantity,
    label: Outcome,
}

/// A journal has a million of these, so they are kept small.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    base: Base,
    /// Price, stop loss, slippage and commission. No price is 0, so a stop loss of 0 is none.
    amounts: Amounts<4>,
}

/// With what it says that it earned.
#[derive(Clone, Debug)]
pub(super) struct Exit {
    base: Base,
    /// Price, stop loss, slippage, gross and net.
    amounts: Amounts<5>,
    /// The seconds that it was held, and one more.
    held: Option<NonZeroU64>,
}

/// All records of an order.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    entry: Option<Entry>,
    /// Nearly all have one: it costs no allocation.
    exit: Option<Exit>,
    #[expect(
        clippy::box_collection,
        reason = "nearly all have none, and a vector is three times as long"
    )]
    more_exits: Option<Box<Vec<Exit>>>,
}

/// A trade that is closed, before it is put together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) at: Key,
    /// The number of its order.
    pub(super) number: usize,
    /// An exit whose entry is not there is a trade by itself: the first, the second, and so on.
    pub(super) alone: Option<NonZeroUsize>,
}

/// Whose an order is, which does not stand in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whose<'a> {
    pub(super) mode: ExecutionMode,
    pub(super) order_id: &'a str,
    pub(super) origins: &'a Origins,
}

/// What the exits of a trade come to.
#[derive(Debug)]
pub(super) struct Sums<'a> {
    last: &'a Exit,
    pub(super) gross: Decimal,
    pub(super) net: Decimal,
    commission: Decimal,
    slippage: Decimal,
    exits: u32,
}

impl Leg {
    /// Where in the log its record is.
    pub(super) fn place(&self) -> u64 {
        self.part.base().place
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
        let number = self.origins.of(record);
        let part = Part::of(record, place, number)?;
        let origin = self.origins.get(number).map(Arc::clone);
        Ok(Leg {
            mode: record.execution_mode(),
            order_id: record.order_id().clone(),
            origin: origin.unwrap_or_default(),
            part,
        })
    }
}

impl Part {
    /// What that record at that place of the log says, with the number of its origin.
    pub(super) fn of(record: &TradeRecord, place: u64, origin: u32) -> Result<Part, SumError> {
        let value = |it: Option<Decimal>| it.unwrap_or_default();
        let commission = value(record.commission().map(|it| it.value()));
        let slippage = value(record.slippage().map(|it| it.value()));
        let stop_loss = value(record.stop_loss().map(Price::value));
        let price = record.price().value();
        let base = Base {
            place,
            at: record.timestamp(),
            origin,
            symbol: record.symbol(),
            action: record.action(),
            quantity: record.quantity(),
            label: record.outcome(),
        };
        let gross = record
            .profit_loss()
            .filter(|_| record.outcome() != Outcome::Open);
        let Some(gross) = gross.map(|it| it.value()) else {
            return Ok(Part::Entry(Entry {
                base,
                amounts: Amounts::new([price, stop_loss, slippage, commission]),
            }));
        };
        let net = match record.net_profit_loss() {
            Some(net) => net.value(),
            None => sum(gross, -commission)
                .ok_or_else(|| too_large(record.order_id().as_str(), record.timestamp()))?,
        };
        Ok(Part::Exit(Exit {
            base,
            amounts: Amounts::new([price, stop_loss, slippage, gross, net]),
            held: record
                .hold_duration_seconds()
                .map(|it| NonZeroU64::MIN.saturating_add(it)),
        }))
    }

    /// The same where its origin has another number.
    pub(super) fn with_origin(mut self, number: u32) -> Part {
        match &mut self {
            Part::Entry(entry) => entry.base.origin = number,
            Part::Exit(exit) => exit.base.origin = number,
        }
        self
    }

    fn base(&self) -> &Base {
        match self {
            Part::Entry(entry) => &entry.base,
            Part::Exit(exit) => &exit.base,
        }
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
        let more = self.more_exits.iter_mut().flat_map(|it| it.iter_mut());
        let mut exits = self.exit.iter_mut().chain(more);
        if let Some(other) = exits.find(|it| it.base.at == exit.base.at) {
            if other.base.place <= exit.base.place {
                *other = exit;
            }
            return true;
        }
        match self.exit {
            None => self.exit = Some(exit),
            Some(_) => self.more_exits.get_or_insert_default().push(exit),
        }
        false
    }

    /// Takes the records of the same order that were read beside these, and had other numbers for origins.
    /// Returns how many entries were repeated, and how many exits replaced.
    pub(super) fn join(&mut self, mut other: Order, origins: &[u32]) -> (u64, u64) {
        for base in other.bases_mut() {
            let number = usize::try_from(base.origin).ok();
            let here = number.and_then(|it| origins.get(it));
            base.origin = here.copied().unwrap_or(u32::MAX);
        }
        let mut repeated = 0;
        self.entry = match (self.entry.take(), other.entry) {
            (Some(left), Some(right)) => {
                repeated += 1;
                let is_first = left.base.place < right.base.place;
                Some(if is_first { left } else { right })
            }
            (left, right) => left.or(right),
        };
        let more = other.more_exits.into_iter().flat_map(|it| *it);
        let exits = other.exit.into_iter().chain(more);
        let replaced = exits.map(|it| u64::from(self.put(it))).sum();
        (repeated, replaced)
    }

    fn bases_mut(&mut self) -> impl Iterator<Item = &mut Base> {
        let more = self.more_exits.iter_mut().flat_map(|it| it.iter_mut());
        let exits = self.exit.iter_mut().chain(more);
        let entry = self.entry.iter_mut().map(|it| &mut it.base);
        entry.chain(exits.map(|it| &mut it.base))
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
        let more = self.more_exits.as_ref().map(|it| it.as_slice());
        self.exit.iter().chain(more.unwrap_or_default())
    }

    /// How many shares its exits have.
    fn quantity(&self) -> u64 {
        let quantities = self.exits().map(|it| u64::from(it.base.quantity.value()));
        quantities.sum()
    }

    /// The trades that are closed: one with its entry, or each exit without one.
    pub(super) fn ended(&self, number: usize, out: &mut Vec<Ended>) {
        let ended = |at, alone| Ended { at, number, alone };
        match &self.entry {
            None => {
                let exits = (1..).zip(self.exits());
                out.extend(exits.map(|(nth, it)| ended(it.base.key(), NonZeroUsize::new(nth))));
            }
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
    pub(super) fn open(&self, whose: Whose<'_>) -> Option<Result<(u64, OpenOrder), SumError>> {
        let entry = self.entry.as_ref().filter(|_| !self.is_closed())?;
        let mut nets = self.exits().map(|it| it.amounts.all()).map(|[.., net]| net);
        let Some(net) = nets.try_fold(Decimal::ZERO, sum) else {
            let last = self.exits().map(|it| it.base.at).max();
            return Some(Err(whose.too_large(last.unwrap_or(entry.base.at))));
        };
        let base = &entry.base;
        let origin = whose.origin(base);
        let [price, ..] = entry.amounts.all();
        let open = OpenOrder {
            order_id: OrderId::known(whose.order_id),
            mode: whose.mode,
            account_id: origin.and_then(|it| it.account_id.clone()),
            symbol: base.symbol,
            strategy: origin.map(Origin::strategy).unwrap_or_default(),
            direction: base.action,
            entered: base.at,
            quantity: u64::from(base.quantity.value()).saturating_sub(self.quantity()),
            price: Price::known(price),
            net,
        };
        Some(Ok((base.place, open)))
    }

    /// What the exits of one of its trades come to.
    pub(super) fn sums(&self, ended: &Ended, whose: Whose<'_>) -> Result<Sums<'_>, SumError> {
        let sums = match ended.alone {
            Some(nth) => self.sums_of(self.exits().skip(nth.get() - 1).take(1)),
            None => self.sums_of(self.exits()),
        };
        sums.ok_or_else(|| whose.too_large(ended.at.0))
    }

    fn sums_of<'a>(&'a self, exits: impl Iterator<Item = &'a Exit> + Clone) -> Option<Sums<'a>> {
        // There is one, since the trade has ended.
        let last = exits.clone().max_by_key(|it| it.base.key())?;
        let entered = self.entry.as_ref().map(|it| it.amounts.all());
        let mut slippage = entered.map_or(Decimal::ZERO, |[_, _, slippage, _]| slippage);
        let (mut gross, mut net, mut count) = (Decimal::ZERO, Decimal::ZERO, 0);
        for exit in exits {
            let [_, _, slipped, gross_part, net_part] = exit.amounts.all();
            gross = sum(gross, gross_part)?;
            net = sum(net, net_part)?;
            slippage = sum(slippage, slipped)?;
            count += 1;
        }
        Some(Sums {
            last,
            gross,
            net,
            commission: sum(gross, -net)?,
            slippage,
            exits: count,
        })
    }

    /// One trade of its entry, if there is one, and its exits.
    pub(super) fn trade(&self, ended: &Ended, whose: Whose<'_>) -> Result<ClosedTrade, SumError> {
        let sums = self.sums(ended, whose)?;
        let last = sums.last;
        let entry = self.entry.as_ref();
        let entered = entry.map(|it| it.amounts.all());
        let [exit_price, exit_stop_loss, ..] = last.amounts.all();
        let stop_loss = entered.map_or(exit_stop_loss, |[_, stop_loss, ..]| stop_loss);
        let first = sums.first(self);
        let origin = whose.origin(first);
        let held = last.held.map(|it| Duration::from_secs(it.get() - 1));
        let by_holding = held.map(|it| last.base.at.saturating_sub(it));
        Ok(ClosedTrade {
            order_id: OrderId::known(whose.order_id),
            mode: whose.mode,
            account_id: origin.and_then(|it| it.account_id.clone()),
            symbol: first.symbol,
            strategy: origin.map(Origin::strategy).unwrap_or_default(),
            direction: match (entry, last.base.action) {
                (Some(entry), _) => entry.base.action,
                (None, Action::Sell) => Action::Buy,
                (None, Action::Buy) => Action::Sell,
            },
            entered: entry.map(|it| it.base.at).or(by_holding),
            exited: last.base.at,
            quantity: first.quantity.value().into(),
            entry_price: entered.map(|[price, ..]| Price::known(price)),
            exit_price: Price::known(exit_price),
            stop_loss: (!stop_loss.is_zero()).then(|| Price::known(stop_loss)),
            gross: sums.gross,
            net: sums.net,
            commission: sums.commission,
            entry_commission: entered.map_or(Decimal::ZERO, |[.., commission]| commission),
            slippage: sums.slippage,
            exits: sums.exits,
            has_entry: entry.is_some(),
            label_conflict: sums.is_conflict(),
            place: ended.at.1,
        })
    }

    /// Whether its entry is there.
    pub(super) fn has_entry(&self) -> bool {
        self.entry.is_some()
    }
}

impl<'a> Sums<'a> {
    /// What says whose the trade is: the entry, where there is one.
    pub(super) fn first(&self, order: &'a Order) -> &'a Base {
        let entry = order.entry.as_ref();
        entry.map_or(&self.last.base, |it| &it.base)
    }

    /// Whether the last exit is labelled as something else than what the sum is.
    pub(super) fn is_conflict(&self) -> bool {
        self.last.base.label != Outcome::of_net(self.net)
    }
}

impl Base {
    pub(super) fn symbol(&self) -> Symbol {
        self.symbol
    }

    fn key(&self) -> Key {
        (self.at, self.place)
    }
}

impl<'a> Whose<'a> {
    /// What is said when its sums do not fit.
    pub(super) fn too_large(self, at: Timestamp) -> SumError {
        too_large(self.order_id, at)
    }

    /// That of one of the order's records.
    pub(super) fn origin(self, base: &Base) -> Option<&'a Origin> {
        self.origins.get(base.origin).map(|it| &**it)
    }
}

fn too_large(order_id: &str, at: Timestamp) -> SumError {
    SumError {
        at,
        order_id: OrderId::known(order_id),
    }
}
