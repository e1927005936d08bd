//! Owns the one account of a simulated exchange: its orders, executions, positions and coins.
//!
//! Always true:
//! - executions stand in rising time, and their ids are never used twice;
//! - an order's filled quantity is the sum of its executions;
//! - the ids of a seed are the same in every run.
//!
//! Prices come from the market as it is at that moment. It sends nothing.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::market::Instrument;
use super::random::Random;
use super::truth::{ExecutionMade, OrderMade, PositionMade};
use super::world::{Category, World, base_coin, settle_coin};

/// The account and everything that it did.
pub struct Account {
    pub executions: Vec<ExecutionMade>,
    pub orders: BTreeMap<String, OrderMade>,
    pub positions: BTreeMap<(Category, String), PositionMade>,
    pub wallet: BTreeMap<String, Decimal>,
    random: Random,
    open: Vec<String>,
    seq: u64,
    spot_id: u64,
    time_ms: i64,
    version_5_ids: bool,
    oddities: bool,
}

/// What one event of the account changed: the frames of all four topics come from it.
#[derive(Default)]
pub struct Deal {
    pub category: Option<Category>,
    pub symbol: String,
    pub seq: u64,
    pub orders: Vec<OrderMade>,
    pub executions: Vec<ExecutionMade>,
    pub position: Option<PositionMade>,
    /// The coins whose balance changed.
    pub coins: BTreeSet<String>,
}

impl Account {
    pub fn new(world: &World) -> Self {
        let mut random = Random::named(world.seed, "account");
        let coins = [("USDT", 1_000_000), ("USDC", 50_000), ("BTC", 10)];
        let coins = coins.map(|(coin, it)| (coin.to_owned(), Decimal::from(it)));
        Self {
            executions: Vec::new(),
            orders: BTreeMap::new(),
            positions: BTreeMap::new(),
            wallet: coins.into(),
            open: Vec::new(),
            seq: random.between(140_000_000_000, 150_000_000_000),
            spot_id: 2_100_000_000_000_000_000 + random.below(1 << 50),
            time_ms: 0,
            version_5_ids: world.version_5_ids,
            oddities: world.oddities,
            random,
        }
    }

    /// The next event. It may make no execution: a new order, or one that is cancelled.
    pub fn deal(&mut self, instruments: &[Instrument], now_ms: i64) -> Deal {
        self.time_ms = self.time_ms.max(now_ms);
        self.seq += self.random.between(1, 9);
        let what = self.random.below(20);
        let drawn = self.random.below(instruments.len() as u64) as usize;
        let mut deal = match what {
            0 => self.funding(instruments),
            1 | 2 => self.new_order(&instruments[drawn], "Limit"),
            3 => self.cancel(instruments),
            4..=8 => self.fill_open(instruments),
            _ => Deal::default(),
        };
        if deal.category.is_none() {
            deal = self.market_orders(&instruments[drawn]);
        }
        deal.seq = self.seq;
        for order in &deal.orders {
            self.orders.insert(order.order_id.clone(), order.clone());
        }
        self.open.retain(|id| self.orders[id].is_open());
        self.executions.extend(deal.executions.iter().cloned());
        self.settle(&mut deal, instruments);
        deal
    }

    /// One or two market orders that are filled at once, in several parts.
    fn market_orders(&mut self, instrument: &Instrument) -> Deal {
        let mut deal = Deal::of(instrument);
        for _ in 0..if self.random.one_in(6) { 2 } else { 1 } {
            let mut order = self.draw_order(instrument, "Market");
            let qty = order.qty;
            let fills = self.fill(&mut order, qty, instrument);
            deal.executions.extend(fills);
            deal.orders.push(order);
        }
        deal
    }

    fn new_order(&mut self, instrument: &Instrument, kind: &'static str) -> Deal {
        let order = self.draw_order(instrument, kind);
        self.open.push(order.order_id.clone());
        self.orders.insert(order.order_id.clone(), order.clone());
        let orders = vec![order];
        Deal {
            orders,
            ..Deal::of(instrument)
        }
    }

    fn cancel(&mut self, instruments: &[Instrument]) -> Deal {
        let Some((mut order, instrument)) = self.draw_open(instruments) else {
            return Deal::default();
        };
        order.status = "Cancelled";
        order.updated_ms = self.time_ms;
        let orders = vec![order];
        Deal {
            orders,
            ..Deal::of(instrument)
        }
    }

    fn fill_open(&mut self, instruments: &[Instrument]) -> Deal {
        let Some((mut order, instrument)) = self.draw_open(instruments) else {
            return Deal::default();
        };
        let left = order.leaves_qty();
        let half = (left / Decimal::TWO).trunc_with_scale(order.qty.scale());
        let in_part = self.random.one_in(2) && !half.is_zero();
        let executions = self.fill(&mut order, if in_part { half } else { left }, instrument);
        Deal {
            executions,
            orders: vec![order],
            ..Deal::of(instrument)
        }
    }

    /// What a position pays or gets every eight hours.
    fn funding(&mut self, instruments: &[Instrument]) -> Deal {
        let held = self.positions.values();
        let held = held.filter(|it| it.category.is_futures() && !it.net.is_zero());
        let held: Vec<_> = held.cloned().collect();
        let Some(position) = held.get(self.random.below(64) as usize % held.len().max(1)) else {
            return Deal::default();
        };
        let of =
            |it: &&Instrument| (it.category, &it.symbol) == (position.category, &position.symbol);
        let Some(instrument) = instruments.iter().find(of) else {
            return Deal::default();
        };
        let mut order = self.draw_order(instrument, "UNKNOWN");
        order.side = position.side();
        order.qty = Decimal::ZERO;
        let mut made = self.execution(&order, position.net.abs(), Decimal::ZERO, instrument);
        made.exec_type = "Funding";
        made.order_price = Decimal::ZERO;
        Deal {
            executions: vec![made],
            ..Deal::of(instrument)
        }
    }

    fn draw_open<'a>(&mut self, all: &'a [Instrument]) -> Option<(OrderMade, &'a Instrument)> {
        let drawn = self.random.next() as usize % self.open.len().max(1);
        let order = self.orders.get(self.open.get(drawn)?)?.clone();
        let of = |it: &&Instrument| (it.category, &it.symbol) == (order.category, &order.symbol);
        let instrument = all.iter().find(of)?;
        Some((order, instrument))
    }

    fn draw_order(&mut self, instrument: &Instrument, order_type: &'static str) -> OrderMade {
        let order_id = self.id(instrument.category);
        let linked = self.random.one_in(2);
        let link = self.random.below(1 << 40);
        let side = *self.random.pick(&["Buy", "Sell"]);
        OrderMade {
            category: instrument.category,
            symbol: instrument.symbol.clone(),
            order_link_id: if linked {
                format!("bot-{link}")
            } else {
                String::new()
            },
            order_id,
            side,
            order_type,
            status: "New",
            price: instrument.price(),
            qty: instrument.draw_size(&mut self.random),
            filled_qty: Decimal::ZERO,
            filled_value: Decimal::ZERO,
            fee: Decimal::ZERO,
            created_ms: self.time_ms,
            updated_ms: self.time_ms,
        }
    }

    /// Fills `qty` of the order in one to four parts.
    fn fill(&mut self, order: &mut OrderMade, qty: Decimal, of: &Instrument) -> Vec<ExecutionMade> {
        let parts = self.random.between(1, 4);
        let part = (qty / Decimal::from(parts)).trunc_with_scale(qty.scale());
        let mut left = qty;
        let mut fills = Vec::new();
        for number in 1..=parts {
            let now = if number == parts { left } else { part };
            if now.is_zero() {
                continue;
            }
            left -= now;
            order.filled_qty += now;
            let leaves = order.qty - order.filled_qty;
            let made = self.execution(order, now, leaves, of);
            order.filled_value += made.price * now;
            order.fee += made.fee;
            fills.push(made);
        }
        let is_done = order.filled_qty == order.qty;
        order.status = if is_done { "Filled" } else { "PartiallyFilled" };
        order.updated_ms = self.time_ms;
        fills
    }

    fn execution(
        &mut self,
        order: &OrderMade,
        qty: Decimal,
        leaves_qty: Decimal,
        instrument: &Instrument,
    ) -> ExecutionMade {
        let price = instrument.price();
        let is_spot_buy = order.category == Category::Spot && order.side == "Buy";
        let (paid_on, coin) = match order.category {
            Category::Inverse => (qty / price, base_coin(&order.symbol)),
            Category::Spot if is_spot_buy => (qty, base_coin(&order.symbol)),
            _ => (qty * price, settle_coin(order.category, &order.symbol)),
        };
        let is_odd = self.random.one_in(50) && self.oddities;
        ExecutionMade {
            category: order.category,
            symbol: order.symbol.clone(),
            exec_id: self.id(order.category),
            order_id: order.order_id.clone(),
            time_ms: self.time_ms,
            exec_type: if is_odd { "Mystery" } else { "Trade" },
            side: order.side,
            price,
            qty,
            fee: (paid_on * FEE_RATE).round_dp(8).normalize(),
            fee_currency: coin.to_owned(),
            is_maker: order.order_type == "Limit",
            leaves_qty,
            order_qty: order.qty,
            order_price: order.price,
            order_type: order.order_type,
            seq: self.seq,
        }
    }

    fn id(&mut self, category: Category) -> String {
        // Drawn either way, so that a list of symbols changes no id of another.
        let id = self.random.uuid(self.version_5_ids);
        if category == Category::Spot {
            self.spot_id += 1;
            return self.spot_id.to_string();
        }
        id
    }

    /// Moves coins and the position by what was executed.
    fn settle(&mut self, deal: &mut Deal, instruments: &[Instrument]) {
        for made in deal.executions.clone() {
            self.pay(&made, &mut deal.coins);
            if made.category != Category::Spot && made.exec_type != "Funding" {
                self.hold(&made);
            }
        }
        let Some(category) = deal.category.filter(|it| *it != Category::Spot) else {
            return;
        };
        // An order alone pushes the position too, though nothing changed in it.
        let of = |it: &&Instrument| (it.category, &it.symbol) == (category, &deal.symbol);
        let instrument = instruments.iter().find(of).expect("the deal's instrument");
        let position = self.position(category, &deal.symbol);
        position.mark_price = instrument.price();
        deal.position = Some(position.clone());
    }

    fn pay(&mut self, made: &ExecutionMade, coins: &mut BTreeSet<String>) {
        let mut change = |coin: &str, by: Decimal| {
            *self.wallet.entry(coin.to_owned()).or_default() += by;
            coins.insert(coin.to_owned());
        };
        change(&made.fee_currency, -made.fee);
        if made.category == Category::Spot {
            let sign = if made.side == "Buy" {
                Decimal::ONE
            } else {
                Decimal::NEGATIVE_ONE
            };
            change(base_coin(&made.symbol), sign * made.qty);
            let quote = settle_coin(made.category, &made.symbol);
            change(quote, -sign * made.qty * made.price);
        }
    }

    fn hold(&mut self, made: &ExecutionMade) {
        let (time_ms, seq) = (self.time_ms, self.seq);
        let position = self.position(made.category, &made.symbol);
        let signed = if made.side == "Buy" {
            made.qty
        } else {
            -made.qty
        };
        let before = position.net;
        position.net += signed;
        if before.is_zero() || before.is_sign_negative() != position.net.is_sign_negative() {
            position.entry_price = made.price;
        } else if before.abs() < position.net.abs() {
            let value = before.abs() * position.entry_price + made.qty * made.price;
            position.entry_price = (value / position.net.abs()).round_dp(8);
        }
        if position.net.is_zero() {
            position.entry_price = Decimal::ZERO;
        }
        position.updated_ms = time_ms;
        position.seq = seq;
    }

    fn position(&mut self, category: Category, symbol: &str) -> &mut PositionMade {
        let key = (category, symbol.to_owned());
        self.positions.entry(key).or_insert_with(|| PositionMade {
            category,
            symbol: symbol.to_owned(),
            net: Decimal::ZERO,
            entry_price: Decimal::ZERO,
            mark_price: Decimal::ZERO,
            realised: Decimal::ZERO,
            created_ms: self.time_ms,
            updated_ms: self.time_ms,
            seq: self.seq,
        })
    }
}

impl Deal {
    fn of(instrument: &Instrument) -> Self {
        Self {
            category: Some(instrument.category),
            symbol: instrument.symbol.clone(),
            ..Self::default()
        }
    }
}

const FEE_RATE: Decimal = Decimal::from_parts(55, 0, 0, false, 5);

#[cfg(test)]
mod tests {
    use super::super::market::Market;
    use super::*;

    #[test]
    fn orders_are_the_sum_of_their_executions_and_ids_repeat_with_the_seed_alone() {
        let world = World::default();
        let run = || {
            let market = Market::new(&world);
            let mut account = Account::new(&world);
            for now in 0..500 {
                account.deal(&market.instruments, now);
            }
            account
        };
        let account = run();
        for order in account.orders.values() {
            let mine = account.executions.iter();
            let mine = mine.filter(|it| it.order_id == order.order_id);
            assert_eq!(mine.map(|it| it.qty).sum::<Decimal>(), order.filled_qty);
        }
        let ids: Vec<_> = account.executions.iter().map(|it| &it.exec_id).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
        let again = run();
        assert!(account.executions == again.executions);
        assert!(
            account
                .executions
                .iter()
                .any(|it| it.exec_type == "Funding")
        );
    }
}
