//! A broker that is simulated, with all that goes wrong at one: chance comes from a seed.

use super::bot::{Broker, BrokerError, Order};

/// How often the bot can look at it before the market closes: every 3 seconds for 6.5 hours.
const ROUNDS: u32 = 7800;

/// A broker for one day.
#[derive(Debug)]
pub(crate) struct SimBroker {
    random: u64,
    rounds: u32,
    prices: Vec<(String, i64)>,
    cash: i64,
    /// How many tries it takes to be connected again; 0 when it is.
    lost: u64,
    orders: Vec<String>,
    failures: u64,
}

impl SimBroker {
    pub(crate) fn new(seed: u64) -> SimBroker {
        SimBroker {
            random: seed,
            rounds: ROUNDS,
            prices: Vec::new(),
            cash: 10_000_000,
            lost: 0,
            orders: Vec::new(),
            failures: 0,
        }
    }

    /// The orders that it took.
    pub(crate) fn orders(&self) -> &[String] {
        &self.orders
    }

    /// How many calls failed.
    pub(crate) fn failures(&self) -> u64 {
        self.failures
    }

    /// Any number below `bound`.
    fn chance(&mut self, bound: u64) -> u64 {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.random >> 33) % bound
    }

    /// What any call can meet.
    fn reached(&mut self) -> Result<(), BrokerError> {
        if self.lost == 0 && self.chance(900) == 0 {
            self.lost = 1 + self.chance(8);
        }
        let error = if self.lost != 0 {
            BrokerError::ConnectionLost
        } else if self.chance(1500) == 0 {
            BrokerError::RateLimit
        } else {
            return Ok(());
        };
        self.failures += 1;
        Err(error)
    }

    fn order(
        &mut self,
        what: &str,
        symbol: &str,
        quantity: i64,
        price: i64,
    ) -> Result<Order, BrokerError> {
        self.reached()?;
        if self.chance(12) == 0 {
            self.failures += 1;
            return Err(BrokerError::Rejected);
        }
        self.orders
            .push(format!("{what} {quantity} {symbol} at {price}"));
        self.cash += match what {
            "buy" => -quantity * price,
            _ => quantity * price,
        };
        Ok(Order {
            order_id: format!("order-{}", self.orders.len()),
            is_success: true,
        })
    }
}

impl Broker for SimBroker {
    fn is_market_open(&mut self) -> Result<bool, BrokerError> {
        self.reached()?;
        self.rounds = self.rounds.saturating_sub(1);
        Ok(self.rounds != 0)
    }

    fn get_last_price(&mut self, symbol: &str) -> Result<i64, BrokerError> {
        self.reached()?;
        let step = i64::try_from(self.chance(61)).unwrap_or_default() - 30;
        match self.prices.iter_mut().find(|it| it.0 == symbol) {
            Some((_, price)) => {
                *price = (*price + step).max(100);
                Ok(*price)
            }
            None => {
                self.prices.push((symbol.to_owned(), 15_000));
                Ok(15_000)
            }
        }
    }

    fn get_cash(&mut self) -> Result<i64, BrokerError> {
        self.reached()?;
        Ok(self.cash)
    }

    fn reconnect(&mut self) -> Result<(), BrokerError> {
        self.lost = self.lost.saturating_sub(1);
        match self.lost {
            0 => Ok(()),
            _ => {
                self.failures += 1;
                Err(BrokerError::ConnectionLost)
            }
        }
    }

    fn place_buy_order(
        &mut self,
        symbol: &str,
        quantity: i64,
        price: i64,
    ) -> Result<Order, BrokerError> {
        self.order("buy", symbol, quantity, price)
    }

    fn place_sell_order(
        &mut self,
        symbol: &str,
        quantity: i64,
        price: i64,
    ) -> Result<Order, BrokerError> {
        self.order("sell", symbol, quantity, price)
    }
}
