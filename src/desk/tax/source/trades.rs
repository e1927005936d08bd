//! Executions out of trade records: an entry is a purchase, its exits are sales.
//!
//! Always true, as in [`crate::books::Pairing`]: the first entry of an order counts, and of its exits at one
//! time the last one of the log.
//!
//! Not here: short sales, which are named and left out.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;

use rust_decimal::Decimal;

use super::gathered::{Gathered, Leg, Origins};
use super::{Named, SourceNotes, SourceOptions, UNNAMED_ACCOUNT};
use crate::books::tax::{Execution, NamedLot};
use crate::journal::{EntryRef, Journal, ReadError};
use crate::record::field::{Action, AssetClass, OrderId, Outcome};
use crate::record::{Stream, TradeRecord};

/// Reads them.
pub(super) fn gather(
    journal: &Journal,
    options: &SourceOptions,
    mut bad: impl FnMut(ReadError),
) -> Gathered {
    let mut orders = Orders::of(options);
    journal.read::<TradeRecord>().visit(|entry| {
        match entry {
            Ok(entry) => orders.take(&entry),
            Err(error) => bad(error),
        }
        ControlFlow::Continue(())
    });
    orders.end()
}

/// The orders of the mode that counts, in the order in which they began.
struct Orders<'a> {
    options: &'a SourceOptions,
    index: HashMap<OrderId, usize>,
    orders: Vec<Order>,
    origins: Origins,
    notes: SourceNotes,
    place: u64,
}

/// The records of an order.
#[derive(Default)]
struct Order {
    entry: Option<Leg>,
    exits: Vec<Leg>,
}

impl<'a> Orders<'a> {
    fn of(options: &'a SourceOptions) -> Orders<'a> {
        Orders {
            options,
            index: HashMap::new(),
            orders: Vec::new(),
            origins: Origins::of(Stream::Trades),
            notes: SourceNotes::default(),
            place: 0,
        }
    }

    fn take(&mut self, entry: &EntryRef<'_, TradeRecord>) {
        let record = entry.record;
        self.place += 1;
        if record.execution_mode() != self.options.mode {
            self.notes.other_mode += 1;
            return;
        }
        self.notes.counted += 1;
        let leg = Leg {
            place: self.place,
            execution: execution(record, &self.options.classes, &mut self.notes),
            origin: self.origins.origin(&entry.line, record.timestamp()),
        };
        let at = match self.index.get(record.order_id()) {
            Some(at) => *at,
            None => {
                self.index
                    .insert(record.order_id().clone(), self.orders.len());
                self.orders.push(Order::default());
                self.orders.len() - 1
            }
        };
        let Some(order) = self.orders.get_mut(at) else {
            return;
        };
        if record.outcome() == Outcome::Open {
            match order.entry {
                Some(_) => self.notes.entries_repeated += 1,
                None => order.entry = Some(leg),
            }
            return;
        }
        let mut exits = order.exits.iter_mut();
        match exits.find(|it| it.execution.at == leg.execution.at) {
            Some(earlier) => {
                self.notes.exits_replaced += 1;
                *earlier = leg;
            }
            None => order.exits.push(leg),
        }
    }

    fn end(mut self) -> Gathered {
        let mut legs = Vec::with_capacity(self.orders.len() * 2);
        for order in self.orders {
            order.end(self.options, &mut legs, &mut self.notes);
        }
        legs.sort_by_key(|it| it.place);
        Gathered {
            legs,
            notes: self.notes,
        }
    }
}

impl Order {
    fn end(self, options: &SourceOptions, legs: &mut Vec<Leg>, notes: &mut SourceNotes) {
        let entered = self.entry.as_ref().map(|it| it.execution.action);
        for mut exit in self.exits {
            exit.execution.id = format!("{}/{}", exit.execution.id, exit.execution.at).into();
            match (entered, exit.execution.action) {
                (Some(Action::Buy), Action::Buy) | (Some(Action::Sell), Action::Sell) => {
                    notes.contradictions.push(named(exit));
                    continue;
                }
                (_, Action::Buy) => {
                    notes.shorts.push(named(exit));
                    continue;
                }
                (None, Action::Sell) => notes.exits_alone += 1,
                (Some(Action::Buy), Action::Sell) => {}
            }
            if let (Some(entry), true) = (&self.entry, options.exits_name_lots) {
                exit.execution.lots.push(NamedLot {
                    buy_id: entry.execution.id.clone(),
                    quantity: exit.execution.quantity,
                });
            }
            legs.push(exit);
        }
        match (entered, self.entry) {
            (Some(Action::Sell), Some(entry)) => notes.shorts.push(named(entry)),
            (_, entry) => legs.extend(entry),
        }
    }
}

/// What one record says. Its name is that of its order, which an exit adds its time to.
fn execution(
    record: &TradeRecord,
    classes: &BTreeMap<String, AssetClass>,
    notes: &mut SourceNotes,
) -> Execution<'static> {
    let symbol = record.symbol();
    let account_id = match record.account_id() {
        Some(account) => account.as_str().to_owned().into(),
        None => {
            notes.unnamed_accounts += 1;
            UNNAMED_ACCOUNT.into()
        }
    };
    notes.without_commission += u64::from(record.commission().is_none());
    let order_id = record.order_id().as_str().to_owned();
    Execution {
        id: order_id.clone().into(),
        at: record.timestamp(),
        action: record.action(),
        symbol: symbol.as_str().to_owned().into(),
        quantity: Decimal::from(record.quantity().value()),
        price: record.price().value(),
        commission: record.commission().map_or(Decimal::ZERO, |it| it.value()),
        account_id,
        order_id: Some(order_id.into()),
        fee_asset: None,
        fee_value: None,
        asset_class: classes
            .get(symbol.as_str())
            .copied()
            .unwrap_or(AssetClass::Equity),
        lots: Vec::new(),
        carried: None,
    }
}

fn named(leg: Leg) -> Named {
    Named {
        id: leg.execution.id.into_owned(),
        symbol: leg.execution.symbol.into_owned(),
        origin: leg.origin,
    }
}
