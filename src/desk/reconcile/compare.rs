//! The comparison: what the journal has and what the broker has, order by order.
//!
//! Always true:
//! - An order is matched by its id and direction. An exit is matched where the broker's order is known
//!   to be the exit of that entry. Equal values match nothing: they give a hint.
//! - Every order of both sides is equal, different, missing, extra, foreign, or outside of the time,
//!   and counted.
//! - Prices are compared as fractions. Only an average that no decimal holds may stand rounded in the
//!   journal.
//!
//! Not here: times, which brokers and bots stamp by different clocks. They say what is looked at,
//! nothing more.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::book::{Book, Booked, Key};
use super::history::{BrokerOrder, History};
use crate::record::field::{Action, OrderId, Symbol};
use crate::time::Timestamp;

/// Which time is looked at: from the first, before the second.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Span {
    /// Not before it.
    pub from: Option<Timestamp>,
    /// Before it.
    pub to: Option<Timestamp>,
}

impl Span {
    /// From the one, before the other.
    #[must_use]
    pub fn new(from: Option<Timestamp>, to: Option<Timestamp>) -> Span {
        Span { from, to }
    }

    /// Whether `at` is in it.
    #[must_use]
    pub fn has(self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at < to)
    }
}

/// How journal and broker agree.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Comparison {
    /// Orders that are equal.
    pub equal: u64,
    /// Those of them whose price is the nearest to an average that no decimal holds.
    pub rounded: u64,
    /// What the broker has and the journal has not.
    pub missing: Vec<Missing>,
    /// What the journal has and the broker has not.
    pub extra: Vec<Extra>,
    /// What both have, with other values.
    pub different: Vec<Different>,
    /// Orders of something that no record can hold: options, pairs of currencies.
    pub foreign: Vec<BrokerOrder>,
    /// Orders of the broker outside of the time.
    pub broker_outside: u64,
    /// Orders of the journal outside of the time.
    pub journal_outside: u64,
    /// What was bought back in the journal without it being known by which orders, at any time.
    pub(super) bought_back: BTreeSet<Symbol>,
    /// What was sold outside of the time and the journal has not.
    pub(super) sold_outside: Vec<BrokerOrder>,
}

/// An order that the journal has not.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Missing {
    /// The orders of the broker: several where they end one trade.
    pub orders: Vec<BrokerOrder>,
    /// All of them as one.
    pub sum: BrokerOrder,
    /// Entries of the journal with an exit of the same symbol, direction and quantity, that the broker
    /// has not: perhaps this one.
    pub may_be_exit_of: Vec<OrderId>,
}

/// An order that the broker has not.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Extra {
    /// Its id and direction.
    pub key: Key,
    /// What the journal has of it; nothing where it cannot be added up.
    pub booked: Option<Booked>,
}

/// An order with other values.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Different {
    /// Its id and direction in the journal.
    pub key: Key,
    /// What the broker has.
    pub broker: BrokerOrder,
    /// In what it differs.
    pub differences: Vec<Difference>,
    /// Whether it is an exit of which the journal has a part.
    pub is_in_part: bool,
}

/// One value that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// Which one.
    pub what: What,
    /// In the journal; nothing where it does not say.
    pub journal: Option<String>,
    /// At the broker.
    pub broker: String,
}

/// What can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// What was traded.
    Symbol,
    /// How many.
    Quantity,
    /// What one cost.
    Price,
    /// What the broker took.
    Fees,
}

impl What {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            What::Symbol => "symbol",
            What::Quantity => "quantity",
            What::Price => "price",
            What::Fees => "fees",
        }
    }
}

impl Comparison {
    /// How many orders are not equal.
    #[must_use]
    pub fn differences(&self) -> usize {
        self.missing.len() + self.extra.len() + self.different.len() + self.foreign.len()
    }
}

/// What the broker has under one key of the journal.
struct Group {
    orders: Vec<BrokerOrder>,
    /// Nothing where they cannot be added up.
    sum: Option<BrokerOrder>,
}

/// Compares them. What both have is looked at when either has it in that time.
#[must_use]
pub fn compare(book: &Book, history: &History, span: Span) -> Comparison {
    let mut booked = book.booked();
    let mut found = Comparison::default();
    let mut missing = Vec::new();
    for (key, group) in groups(&booked, history) {
        let in_time = group.orders.iter().any(|it| span.has(it.at));
        let ours = booked.remove(&key);
        if let Some(ours) = &ours
            && !is_whole(ours.as_ref(), &group)
        {
            found.note_bought_back(&key, ours.as_ref());
        }
        match ours {
            Some(ours) if in_time || ours.as_ref().is_some_and(|it| span.has(it.at)) => {
                found.pair(key, ours, group);
            }
            None if in_time => missing.push(group),
            Some(_) => {
                found.broker_outside += 1;
                found.journal_outside += 1;
            }
            None => {
                found.broker_outside += 1;
                let sold = group.orders.into_iter();
                found
                    .sold_outside
                    .extend(sold.filter(|it| it.action == Action::Sell));
            }
        }
    }
    for (key, ours) in booked {
        found.note_bought_back(&key, ours.as_ref());
        match ours.as_ref().is_none_or(|it| span.has(it.at)) {
            true => found.extra.push(Extra { key, booked: ours }),
            false => found.journal_outside += 1,
        }
    }
    for group in missing {
        found.miss(group);
    }
    found
        .missing
        .sort_by_key(|it| (it.sum.at, it.sum.order_id.clone()));
    let time = |it: &Extra| it.booked.as_ref().map(|it| it.at);
    found.extra.sort_by_key(|it| (time(it), it.key.clone()));
    found
        .different
        .sort_by_key(|it| (it.broker.at, it.key.clone()));
    found.foreign.sort_by_key(|it| (it.at, it.order_id.clone()));
    found
}

/// The broker's orders by the key that the journal has for them: their own where it has that, else
/// their entry's.
fn groups(booked: &BTreeMap<Key, Option<Booked>>, history: &History) -> BTreeMap<Key, Group> {
    let mut groups: BTreeMap<Key, Group> = BTreeMap::new();
    for order in &history.orders {
        let own = (order.order_id.clone(), order.action);
        let key = match &order.entry_order_id {
            Some(entry) if !booked.contains_key(&own) => (entry.clone(), order.action),
            _ => own,
        };
        match groups.get_mut(&key) {
            Some(group) => {
                let same = group.sum.take().filter(|it| it.symbol == order.symbol);
                group.sum = same.and_then(|it| it.and(order));
                group.orders.push(order.clone());
            }
            None => {
                let (orders, sum) = (vec![order.clone()], Some(order.clone()));
                groups.insert(key, Group { orders, sum });
            }
        }
    }
    groups
}

impl Comparison {
    fn pair(&mut self, key: Key, ours: Option<Booked>, group: Group) {
        let Some(first) = group.orders.first() else {
            return;
        };
        let broker = group.sum.clone().unwrap_or_else(|| first.clone());
        let is_in_part = ours
            .as_ref()
            .is_some_and(|it| it.is_exit && Decimal::from(it.quantity) < broker.quantity);
        let differences = match (&ours, &group.sum) {
            (Some(ours), Some(theirs)) => differences(ours, theirs),
            // Too many digits, or orders of two symbols: said as what it is, not passed over.
            _ => vec![Difference {
                what: What::Quantity,
                journal: ours.map(|it| it.quantity.to_string()),
                broker: "cannot be added up".to_owned(),
            }],
        };
        if !differences.is_empty() {
            self.different.push(Different {
                key,
                broker,
                differences,
                is_in_part,
            });
            return;
        }
        self.equal += 1;
        self.rounded += u64::from(broker.average.decimal().is_none());
    }

    /// The orders of such an exit may be among what is missing, in any parts and at any time.
    fn note_bought_back(&mut self, key: &Key, ours: Option<&Booked>) {
        let bought_back = ours.filter(|it| it.is_exit && key.1 == Action::Buy);
        self.bought_back.extend(bought_back.map(|it| it.symbol));
    }

    fn miss(&mut self, group: Group) {
        let Some(first) = group.orders.first() else {
            return;
        };
        let sum = group.sum.unwrap_or_else(|| first.clone());
        if sum.symbol.parse::<Symbol>().is_err() {
            self.foreign.push(sum);
            return;
        }
        let may_be_exit_of = self.extra.iter().filter(|it| may_be(it, &sum));
        let may_be_exit_of = may_be_exit_of.map(|it| it.key.0.clone()).collect();
        self.missing.push(Missing {
            orders: group.orders,
            sum,
            may_be_exit_of,
        });
    }
}

/// Whether the broker's orders are all of what the journal has.
fn is_whole(ours: Option<&Booked>, theirs: &Group) -> bool {
    let quantities = ours.zip(theirs.sum.as_ref());
    quantities.is_some_and(|(ours, sum)| Decimal::from(ours.quantity) <= sum.quantity)
}

/// Whether an exit in the journal looks like that order.
fn may_be(extra: &Extra, order: &BrokerOrder) -> bool {
    let Some(ours) = extra.booked.as_ref().filter(|it| it.is_exit) else {
        return false;
    };
    let one_of = |it: &u32| Decimal::from(*it) == order.quantity;
    extra.key.1 == order.action
        && ours.symbol == *order.symbol
        && (Decimal::from(ours.quantity) == order.quantity || ours.quantities.iter().any(one_of))
}

fn differences(ours: &Booked, theirs: &BrokerOrder) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut tell = |what, journal: Option<String>, broker: String| {
        found.push(Difference {
            what,
            journal,
            broker,
        });
    };
    if ours.symbol != *theirs.symbol {
        tell(
            What::Symbol,
            Some(ours.symbol.to_string()),
            theirs.symbol.clone(),
        );
    }
    if Decimal::from(ours.quantity) != theirs.quantity {
        let broker = theirs.quantity.normalize().to_string();
        tell(What::Quantity, Some(ours.quantity.to_string()), broker);
    }
    let is_same_price = match ours.price {
        Some(price) => theirs.average.is_written_as(price),
        None => ours.average == theirs.average,
    };
    if !is_same_price {
        let journal = ours
            .price
            .map_or_else(|| ours.average.to_string(), |it| it.to_string());
        tell(What::Price, Some(journal), theirs.average.to_string());
    }
    // A journal that says nothing of fees agrees with a broker that took none.
    if let Some(fees) = theirs.fees
        && ours.fees.unwrap_or_default() != fees
    {
        tell(
            What::Fees,
            ours.fees.map(|it| it.to_string()),
            fees.to_string(),
        );
    }
    found
}
