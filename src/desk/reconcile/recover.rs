//! Records of orders that the journal has not.
//!
//! Always true:
//! - A record says what the broker said, and that it was recovered, from where and when. Why it was
//!   traded, where its loss was to be stopped and the like is not known and not made up.
//! - An order that may end a trade becomes a record only where it is known which one.
//! - The same history gives nothing to recover once what it gave is in the journal.
//!
//! Not here: writing them.

use rust_decimal::Decimal;

use super::book::Book;
use super::cell::Intent;
use super::compare::{Comparison, Missing};
use super::history::BrokerOrder;
use crate::record::field::{
    AccountId, Action, ExecutionMode, Fee, OrderId, Price, Quantity, Symbol,
};
use crate::record::{Invalid, Stamp, TradeRecord};
use crate::time::Day;

/// What stands where a strategy and the kind of an entry would.
const RECOVERED: &str = "recovered";

/// What recovered records say of themselves.
#[derive(Clone, Copy, Debug)]
pub struct Recovery<'a> {
    /// The run that recovers them.
    pub stamp: &'a Stamp,
    /// Whether money was at stake.
    pub mode: ExecutionMode,
    /// The name of the file they come from.
    pub file: &'a str,
    /// The day on which they are recovered.
    pub day: Day,
}

/// Why an order is left to a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LeftOut {
    /// An exit in the journal looks like it.
    #[error("it may be the exit of {} that is in the journal", list(.0))]
    MayBeExit(Vec<OrderId>),
    /// It may end a trade, and which is not known.
    #[error("it may end a trade, and which is not known{}", candidates(.0))]
    MayClose(Vec<OrderId>),
    /// The entry it is the exit of is not there.
    #[error("there is no entry {0} of which it could be the exit")]
    NoEntry(OrderId),
    /// It does not go the other way than its entry, or is of another symbol.
    #[error("it cannot be the exit of {0}: its symbol or direction is another")]
    NoExitOf(OrderId),
    /// The journal has an entry of that id, the other way.
    #[error("the journal has {0} as an entry the other way")]
    OtherWay(OrderId),
    /// The journal had that day, and deletes only whole days, the oldest first.
    #[error("that day was deleted by its policy")]
    DayDeleted,
    /// The journal has it, or its entry, in the other mode.
    #[error("the journal has {0} as {1}")]
    OtherMode(OrderId, ExecutionMode),
    /// The journal has other exits of its entry, and not which of the broker's orders they are.
    #[error("a part of its exits is there")]
    PartIsThere,
    /// More than its entry has left.
    #[error("of {0} only {1} are open")]
    TooMany(OrderId, u64),
    /// An exit at the same time would take the place of the one that is there.
    #[error("there is an exit of {0} at that time")]
    SameTime(OrderId),
    /// A record holds whole shares, 1 to 10000.
    #[error("a record cannot hold a quantity of {0}")]
    Quantity(Decimal),
    /// The price has too many digits.
    #[error("a record cannot hold a price of {0}")]
    Price(String),
    /// A rule of the record does not hold.
    #[error("no record can hold it: {0}")]
    Invalid(Invalid),
}

fn list(ids: &[OrderId]) -> String {
    let ids: Vec<&str> = ids.iter().map(OrderId::as_str).collect();
    ids.join(", ")
}

fn candidates(ids: &[OrderId]) -> String {
    match ids {
        [] => String::new(),
        _ => format!("; open is {}", list(ids)),
    }
}

/// What can be recovered, and what cannot.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Recovered {
    /// In the order of their times.
    pub records: Vec<TradeRecord>,
    /// With the reason.
    pub left_out: Vec<(BrokerOrder, LeftOut)>,
}

/// The records of what is missing. They are put into the book, as if they had been read.
#[must_use]
pub fn recover(book: &mut Book, compared: &Comparison, recovery: Recovery<'_>) -> Recovered {
    let mut found = Recovered::default();
    let missing = &compared.missing;
    let is_exit = |it: &&Missing| it.sum.entry_order_id.is_some();
    // Entries first: an exit may be that of one of them.
    for one in missing.iter().filter(|it| !is_exit(it)) {
        let made = entry(book, one, compared, recovery);
        found.take(made, &one.sum, book);
    }
    for one in missing.iter().filter(is_exit) {
        for order in by_time(&one.orders) {
            found.take(exit(book, &order, recovery), &order, book);
        }
    }
    let in_part = compared.different.iter().filter(|it| it.is_in_part);
    found
        .left_out
        .extend(in_part.map(|it| (it.broker.clone(), LeftOut::PartIsThere)));
    found.records.sort_by_key(TradeRecord::timestamp);
    found
}

impl Recovered {
    fn take(&mut self, made: Result<TradeRecord, LeftOut>, order: &BrokerOrder, book: &mut Book) {
        match made {
            Ok(record) => {
                book.add(&record);
                self.records.push(record);
            }
            Err(why) => self.left_out.push((order.clone(), why)),
        }
    }
}

/// Orders at one time as one: a journal has one exit of an order at a time.
fn by_time(orders: &[BrokerOrder]) -> Vec<BrokerOrder> {
    let mut all: Vec<BrokerOrder> = Vec::new();
    for order in orders {
        let same = all.iter_mut().find(|it| it.at == order.at);
        match same.and_then(|it| it.and(order).map(|sum| (it, sum))) {
            Some((known, sum)) => *known = sum,
            None => all.push(order.clone()),
        }
    }
    all.sort_by_key(|it| it.at);
    all
}

fn entry(
    book: &Book,
    missing: &Missing,
    compared: &Comparison,
    recovery: Recovery<'_>,
) -> Result<TradeRecord, LeftOut> {
    let order = &missing.sum;
    if !missing.may_be_exit_of.is_empty() {
        return Err(LeftOut::MayBeExit(missing.may_be_exit_of.clone()));
    }
    if book.is_deleted(order.at) {
        return Err(LeftOut::DayDeleted);
    }
    // A second entry of one order counts nowhere, so it would be missing for ever.
    if book.entry(&order.order_id).is_some() {
        return Err(LeftOut::OtherWay(order.order_id.clone()));
    }
    if let Some(mode) = book.other_mode(&order.order_id) {
        return Err(LeftOut::OtherMode(order.order_id.clone(), mode));
    }
    let symbol: Symbol = order
        .symbol
        .parse()
        .map_err(|_| LeftOut::MayClose(Vec::new()))?;
    let open: Vec<OrderId> = book
        .open(symbol, order.action.opposite())
        .cloned()
        .collect();
    // Who sells without saying that it is a short sale sells what he has.
    let begins = match order.intent {
        Intent::Opens => true,
        Intent::Closes => false,
        Intent::Unsaid => {
            let is_purchase = order.action == Action::Buy && open.is_empty();
            is_purchase && !may_cover(book, symbol, order, compared)
        }
    };
    if !begins {
        return Err(LeftOut::MayClose(open));
    }
    let mut made = TradeRecord::entry(symbol, order.action, quantity(order)?, price(order)?)
        .at(order.at)
        .order_id(order.order_id.clone())
        .mode(recovery.mode)
        .strategy(RECOVERED, RECOVERED)
        .because(reason(order, recovery))
        .stamp(recovery.stamp);
    if let Some(account) = account(order) {
        made = made.account(account);
    }
    if let Some(fee) = fee(order) {
        made = made.commission(fee);
    }
    made.build().map_err(LeftOut::Invalid)
}

/// Whether a purchase may be the end of a short sale that the journal has no open entry of: it has the
/// end already, or it has not the sale.
fn may_cover(book: &Book, symbol: Symbol, order: &BrokerOrder, compared: &Comparison) -> bool {
    let missing = compared.missing.iter().map(|it| &it.sum);
    let mut sold = missing
        .filter(|it| it.action == Action::Sell)
        .chain(&compared.sold_outside);
    let is_short = |it: &BrokerOrder| {
        let may_be = it.entry_order_id.is_none() && it.intent != Intent::Closes;
        // A sale that has become an entry is open, or was bought back by an order that is known.
        let entry = book.entry(&it.order_id);
        may_be && entry.is_none_or(|it| it.action() != Action::Sell)
    };
    compared.bought_back.contains(&symbol)
        || sold.any(|it| it.symbol == order.symbol && it.first_at <= order.at && is_short(it))
}

fn exit(book: &Book, order: &BrokerOrder, recovery: Recovery<'_>) -> Result<TradeRecord, LeftOut> {
    if book.is_deleted(order.at) {
        return Err(LeftOut::DayDeleted);
    }
    let id = order
        .entry_order_id
        .clone()
        .unwrap_or_else(|| order.order_id.clone());
    let Some(entry) = book.entry(&id) else {
        return Err(match book.other_mode(&id) {
            Some(mode) => LeftOut::OtherMode(id, mode),
            None => LeftOut::NoEntry(id),
        });
    };
    if entry.action() == order.action || entry.symbol() != *order.symbol {
        return Err(LeftOut::NoExitOf(id));
    }
    let (quantity, open) = (quantity(order)?, book.open_quantity(&id));
    if open < u64::from(quantity.value()) {
        return Err(LeftOut::TooMany(id, open));
    }
    if book.has_exit_at(&id, order.at) {
        return Err(LeftOut::SameTime(id));
    }
    let mut made = entry
        .exit(order.at, price(order)?)
        .quantity(quantity)
        .because(reason(order, recovery))
        .stamp(recovery.stamp);
    if let Some(fee) = fee(order) {
        made = made.commission(fee);
    }
    made.build().map_err(LeftOut::Invalid)
}

fn quantity(order: &BrokerOrder) -> Result<Quantity, LeftOut> {
    let whole = order.quantity.normalize().to_string();
    whole
        .parse()
        .map_err(|_| LeftOut::Quantity(order.quantity.normalize()))
}

fn price(order: &BrokerOrder) -> Result<Price, LeftOut> {
    let rounded = order.average.rounded();
    let price = rounded.and_then(|it| Price::new(it).ok());
    price.ok_or_else(|| LeftOut::Price(order.average.to_string()))
}

fn account(order: &BrokerOrder) -> Option<AccountId> {
    order
        .account
        .as_deref()
        .and_then(|it| AccountId::try_from(it).ok())
}

/// What a record can hold of it: a broker that paid took nothing.
fn fee(order: &BrokerOrder) -> Option<Fee> {
    order.fees.and_then(|it| Fee::new(it).ok())
}

fn reason(order: &BrokerOrder, recovery: Recovery<'_>) -> String {
    let lines: Vec<String> = order.lines.iter().map(u64::to_string).collect();
    let word = if lines.len() == 1 { "line" } else { "lines" };
    // `#`: a long number after it is an id, and no payment card's.
    let mut reason = format!(
        "Recovered on {} from {}, {word} {} (order #{}): the journal did not have it, and why it was traded is not known",
        recovery.day,
        recovery.file,
        lines.join(", "),
        order.order_id
    );
    if order.average.decimal().is_none() {
        reason.push_str(&format!(
            "; the price is {} rounded to 8 places",
            order.average
        ));
    }
    if let Some(fees) = order.fees.filter(|it| Fee::new(*it).is_err()) {
        reason.push_str(&format!("; the broker's fees were {fees}"));
    }
    reason
}
