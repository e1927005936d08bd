//! Each rule of the law, with numbers worked by hand.

mod crypto;
mod lots;
mod model;
mod money;
mod properties;
mod refusals;
mod wash;

use std::borrow::Cow;

use rust_decimal::Decimal;

use super::*;
use crate::record::field::{Action, AssetClass};
use crate::time::{Day, Timestamp};

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// A trade of X in the account A at 15:00 UTC, or at the time that `when` has.
fn trade(
    action: Action,
    id: &'static str,
    when: &str,
    quantity: &str,
    price: &str,
) -> Execution<'static> {
    let at: Timestamp = match when.contains('T') {
        true => when.parse().unwrap(),
        false => format!("{when}T15:00:00Z").parse().unwrap(),
    };
    Execution {
        id: Cow::Borrowed(id),
        at,
        action,
        symbol: Cow::Borrowed("X"),
        quantity: dec(quantity),
        price: dec(price),
        commission: Decimal::ZERO,
        account_id: Cow::Borrowed("A"),
        order_id: None,
        fee_asset: None,
        fee_value: None,
        asset_class: AssetClass::Equity,
        lots: Vec::new(),
        carried: None,
    }
}

fn buy(id: &'static str, when: &str, quantity: &str, price: &str) -> Execution<'static> {
    trade(Action::Buy, id, when, quantity, price)
}

fn sell(id: &'static str, when: &str, quantity: &str, price: &str) -> Execution<'static> {
    trade(Action::Sell, id, when, quantity, price)
}

/// Shorthands for what tests change of a trade.
trait With: Sized {
    fn fee(self, fee: &str) -> Self;
    fn account(self, account: &'static str) -> Self;
    fn order(self, order: &'static str) -> Self;
    fn symbol(self, symbol: &'static str) -> Self;
    fn class(self, class: AssetClass) -> Self;
    fn lots(self, lots: &[(&'static str, &str)]) -> Self;
}

impl With for Execution<'static> {
    fn fee(mut self, fee: &str) -> Self {
        self.commission = dec(fee);
        self
    }

    fn account(mut self, account: &'static str) -> Self {
        self.account_id = Cow::Borrowed(account);
        self
    }

    fn order(mut self, order: &'static str) -> Self {
        self.order_id = Some(Cow::Borrowed(order));
        self
    }

    fn symbol(mut self, symbol: &'static str) -> Self {
        self.symbol = Cow::Borrowed(symbol);
        self
    }

    fn class(mut self, class: AssetClass) -> Self {
        self.asset_class = class;
        self
    }

    fn lots(mut self, lots: &[(&'static str, &str)]) -> Self {
        let named = lots.iter().map(|(id, quantity)| NamedLot {
            buy_id: Cow::Borrowed(*id),
            quantity: dec(quantity),
        });
        self.lots = named.collect();
        self
    }
}

fn by(method: Method) -> Options {
    Options {
        method,
        ..Options::default()
    }
}

fn unwashed(method: Method) -> Options {
    Options {
        method,
        wash: WashRules::off(),
        ..Options::default()
    }
}

fn washed(change: impl FnOnce(&mut WashRules)) -> Options {
    let mut options = Options::default();
    change(&mut options.wash);
    options
}

fn run(options: &Options, trades: &[Execution<'static>]) -> Book {
    Engine::new(options.clone()).run(trades).unwrap()
}

fn refusal(options: &Options, trades: &[Execution<'static>]) -> String {
    let refused = Engine::new(options.clone()).run(trades);
    refused.unwrap_err().to_string()
}

/// Each row as `buy>sell quantity proceeds-basis+adjustment=gain term`.
fn rows(book: &Book, trades: &[Execution<'static>]) -> Vec<String> {
    let row = |it: &Disposal| {
        format!(
            "{}>{} {} {}-{}+{}={} {}",
            trades[it.buy].id,
            trades[it.sell].id,
            it.quantity,
            it.proceeds,
            it.basis(),
            it.adjustment,
            it.gain(),
            it.term
        )
    };
    book.disposals.iter().map(row).collect()
}

/// Each open lot as `buy quantity basis start`.
fn open(book: &Book, trades: &[Execution<'static>]) -> Vec<String> {
    let lot = |it: &OpenLot| {
        format!(
            "{} {} {} {}",
            trades[it.buy].id,
            it.quantity,
            it.basis(),
            it.holding_start
        )
    };
    book.open.iter().map(lot).collect()
}
