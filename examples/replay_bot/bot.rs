//! A bot that knows its broker by a trait alone, so that it can be recorded and replayed.

use std::collections::{BTreeMap, VecDeque};
use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use tradejournal::bot::ReplayError;
use tradejournal::record::field::{JsonObject, Note, Pair, Text};
use tradejournal::record::{DecisionParts, DecisionRecord, Record as _};
use tradejournal::time::Clock;

tradejournal::recorded! {
    /// What the bot needs of the world. Prices are in cents.
    pub(crate) trait Broker {
        fn is_market_open(&mut self) -> Result<bool, BrokerError>;
        fn get_last_price(&mut self, symbol: &str) -> Result<i64, BrokerError>;
        fn get_cash(&mut self) -> Result<i64, BrokerError>;
        fn reconnect(&mut self) -> Result<(), BrokerError>;
        #[output]
        fn place_buy_order(&mut self, symbol: &str, quantity: i64, price: i64) -> Result<Order, BrokerError>;
        #[output]
        fn place_sell_order(&mut self, symbol: &str, quantity: i64, price: i64) -> Result<Order, BrokerError>;
    }
}

/// What a broker says of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) order_id: String,
    pub(crate) is_success: bool,
}

/// What can go wrong outside.
#[derive(Debug)]
pub(crate) enum BrokerError {
    ConnectionLost,
    RateLimit,
    Rejected,
    /// The recording has no answer, or another one: only in a replay.
    Replay(ReplayError),
}

impl fmt::Display for BrokerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BrokerError::ConnectionLost => f.write_str("connection lost"),
            BrokerError::RateLimit => f.write_str("429 too many requests"),
            BrokerError::Rejected => f.write_str("rejected"),
            BrokerError::Replay(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for BrokerError {}

/// A recorded error is what it was; anything else is the replay's own.
impl From<ReplayError> for BrokerError {
    fn from(error: ReplayError) -> BrokerError {
        let ReplayError::Recorded { text } = &error else {
            return BrokerError::Replay(error);
        };
        match text.as_str() {
            "connection lost" => BrokerError::ConnectionLost,
            "429 too many requests" => BrokerError::RateLimit,
            "rejected" => BrokerError::Rejected,
            _ => BrokerError::Replay(error),
        }
    }
}

/// Buys what is above the average of its last prices, and sells it when it falls below.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strategy {
    pub(crate) window: usize,
    pub(crate) quantity: i64,
}

const SYMBOLS: [&str; 3] = ["AAPL", "MSFT", "NVDA"];

/// The bot: everything it does comes from the strategy, the broker and the clock.
pub(crate) struct Bot<B> {
    strategy: Strategy,
    broker: B,
    clock: Arc<dyn Clock>,
    prices: BTreeMap<&'static str, VecDeque<i64>>,
    held: BTreeMap<&'static str, i64>,
    decisions: Vec<u8>,
}

impl<B: Broker> Bot<B> {
    pub(crate) fn new(strategy: Strategy, broker: B, clock: Arc<dyn Clock>) -> Bot<B> {
        Bot {
            strategy,
            broker,
            clock,
            prices: BTreeMap::new(),
            held: BTreeMap::new(),
            decisions: Vec::new(),
        }
    }

    /// Trades until the market closes, with `wait` between two rounds. Its decisions, a line each, and the
    /// broker.
    pub(crate) fn trade(mut self, mut wait: impl FnMut()) -> Result<(Vec<u8>, B), BrokerError> {
        while self.round()? {
            wait();
        }
        Ok((self.decisions, self.broker))
    }

    /// One look at the market. A lost connection or a rate limit costs the rest of a round, no more.
    fn round(&mut self) -> Result<bool, BrokerError> {
        match self.look() {
            Err(BrokerError::ConnectionLost) => {
                let tries = (1..=5).find(|_| self.broker.reconnect().is_ok());
                self.decide("reconnect", None, &tries, "the connection was lost");
                Ok(true)
            }
            Err(BrokerError::RateLimit) => {
                self.decide("pause", None, &(), "the broker asks for fewer requests");
                Ok(true)
            }
            result => result,
        }
    }

    fn look(&mut self) -> Result<bool, BrokerError> {
        if !self.broker.is_market_open()? {
            return Ok(false);
        }
        for symbol in SYMBOLS {
            let price = self.broker.get_last_price(symbol)?;
            let prices = self.prices.entry(symbol).or_default();
            prices.push_back(price);
            if prices.len() < self.strategy.window {
                continue;
            }
            let average = prices.iter().sum::<i64>() / prices.len() as i64;
            prices.pop_front();
            let held = self.held.get(symbol).copied().unwrap_or_default();
            if held == 0 && average + average / 500 < price {
                self.buy(symbol, price)?;
            } else if held != 0 && price < average {
                self.sell(symbol, held, price)?;
            }
        }
        Ok(true)
    }

    fn buy(&mut self, symbol: &'static str, price: i64) -> Result<(), BrokerError> {
        let quantity = self.strategy.quantity;
        let cash = self.broker.get_cash()?;
        if cash < quantity * price {
            self.decide("no_cash", Some(symbol), &cash, "there is too little cash");
            return Ok(());
        }
        let order = self.broker.place_buy_order(symbol, quantity, price);
        if self.placed("buy", symbol, order, "the price rose above its average")? {
            self.held.insert(symbol, quantity);
        }
        Ok(())
    }

    fn sell(&mut self, symbol: &'static str, held: i64, price: i64) -> Result<(), BrokerError> {
        let order = self.broker.place_sell_order(symbol, held, price);
        if self.placed("sell", symbol, order, "the price fell below its average")? {
            self.held.remove(symbol);
        }
        Ok(())
    }

    /// Whether the broker took the order.
    fn placed(
        &mut self,
        what: &str,
        symbol: &str,
        order: Result<Order, BrokerError>,
        reason: &str,
    ) -> Result<bool, BrokerError> {
        let order = match order {
            Err(BrokerError::Rejected) => None,
            order => Some(order?),
        };
        self.decide(what, Some(symbol), &order, reason);
        Ok(order.is_some())
    }

    /// Notes a decision as the journal's record of it.
    fn decide(&mut self, kind: &str, symbol: Option<&str>, what: &impl Serialize, reason: &str) {
        let parameters = BTreeMap::from([("window", self.strategy.window)]);
        let decision = DecisionRecord::new(DecisionParts {
            timestamp: self.clock.now(),
            decision_type: kind.parse().expect("a word"),
            symbol: symbol.map(|it| Pair::try_from(it.to_owned()).expect("a symbol")),
            parameters: JsonObject::of(&parameters).expect("an object"),
            result: JsonObject::of(&BTreeMap::from([("what", what)])).expect("an object"),
            reason: Text::try_from(reason.to_owned()).expect("a text"),
            notes: Note::try_from(String::new()).expect("a note"),
        });
        decision.expect("a decision").encode(&mut self.decisions);
        self.decisions.push(b'\n');
    }
}
