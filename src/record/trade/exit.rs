//! Building an exit from its entry, so that order id, direction and arithmetic cannot drift.
//!
//! Always true of what [`ExitBuilder::build`] returns: it repeats the entry's order id, symbol and
//! plan, goes the other way, is not larger than the entry and not earlier.

use crate::record::field::{
    Action, Fee, Money, Outcome, Price, Quantity, Text, Wrong, difference_times,
};
use crate::record::trade::entry::{taken, total};
use crate::record::{Invalid, Problem, Stamp, TradeParts, TradeRecord};
use crate::time::Timestamp;

impl TradeRecord {
    /// Begins the exit of this entry, of all its shares unless [`ExitBuilder::quantity`] says
    /// otherwise, in the same run unless [`ExitBuilder::stamp`] does.
    ///
    /// Profit, holding time, net result and outcome are computed. See [`TradeRecord::entry`] for
    /// an example.
    pub fn exit<P>(&self, at: Timestamp, price: P) -> ExitBuilder<'_>
    where
        P: TryInto<Price, Error: Into<Wrong>>,
    {
        let mut problems = Vec::new();
        let price = taken(&mut problems, "price", price);
        if self.outcome() != Outcome::Open {
            let rule = "of the entry must be \"open\" for an exit of it";
            problems.push(Problem::new("outcome", rule).got(self.outcome()));
        }
        ExitBuilder {
            entry: self,
            at,
            price,
            quantity: Some(self.quantity()),
            exit_reasoning: None,
            slippage: None,
            commission: None,
            profit_loss: None,
            stamp: None,
            problems,
        }
    }
}

/// An exit in the making; see [`TradeRecord::exit`].
#[derive(Clone, Debug)]
#[must_use = "an exit comes to be with `build`"]
pub struct ExitBuilder<'a> {
    entry: &'a TradeRecord,
    at: Timestamp,
    price: Option<Price>,
    quantity: Option<Quantity>,
    exit_reasoning: Option<Text>,
    slippage: Option<Money>,
    commission: Option<Fee>,
    profit_loss: Option<Money>,
    stamp: Option<Stamp>,
    problems: Vec<Problem>,
}

macro_rules! steps {
    ($( $(#[$doc:meta])* $step:ident sets $field:ident: $type:ty; )*) => { $(
        $(#[$doc])*
        pub fn $step<V>(mut self, value: V) -> Self
        where
            V: TryInto<$type, Error: Into<Wrong>>,
        {
            self.$field = taken(&mut self.problems, stringify!($field), value);
            self
        }
    )* };
}

impl ExitBuilder<'_> {
    steps! {
        /// How many of the entry's shares; all by default.
        quantity sets quantity: Quantity;
        /// Why the trade ended.
        because sets exit_reasoning: Text;
        /// How far the price was from the expected one.
        slippage sets slippage: Money;
        /// What the broker took; gives the net result.
        commission sets commission: Fee;
        /// What the trade earned, where the broker says something else than the prices do.
        profit_loss sets profit_loss: Money;
    }

    /// The run of the bot, where it is not that of the entry.
    pub fn stamp(mut self, stamp: &Stamp) -> Self {
        self.stamp = Some(stamp.clone());
        self
    }

    /// The exit.
    ///
    /// # Errors
    /// Every value that was refused, shares the entry does not have, a time before the entry, and
    /// an entry that is not open.
    pub fn build(mut self) -> Result<TradeRecord, Invalid> {
        let mut problems = std::mem::take(&mut self.problems);
        let parts = self.parts(&mut problems);
        match parts {
            Some(parts) if problems.is_empty() => TradeRecord::new(parts),
            _ => Err(Invalid::ordered(problems, TradeRecord::FIELDS)),
        }
    }

    fn parts(self, problems: &mut Vec<Problem>) -> Option<TradeParts> {
        let hold = self.hold_duration_seconds(problems);
        let (quantity, price) = (self.quantity?, self.price?);
        self.check_quantity(quantity, problems);
        let total_value = total(quantity, price, problems);
        let gross = self
            .profit_loss
            .or_else(|| self.gross(quantity, price, problems));
        let net = self.net(gross, problems);
        let (gross, total_value) = (gross?, total_value?);
        let entry = self.entry.clone().into_parts();
        let stamp = self.stamp.unwrap_or_else(|| self.entry.stamp());
        Some(TradeParts {
            timestamp: self.at,
            action: entry.action.opposite(),
            quantity,
            price,
            total_value,
            outcome: Outcome::of_net(net.unwrap_or(gross).value()),
            profit_loss: Some(gross),
            hold_duration_seconds: hold,
            exit_timestamp: Some(self.at),
            exit_reasoning: self.exit_reasoning,
            slippage: self.slippage,
            commission: self.commission,
            net_profit_loss: net,
            session_id: stamp.session_id,
            bot_version: stamp.bot_version,
            config_hash: stamp.config_hash,
            ..entry
        })
    }

    fn hold_duration_seconds(&self, problems: &mut Vec<Problem>) -> Option<u64> {
        let entered = self.entry.timestamp();
        let held = entered.until(self.at);
        if held.is_none() {
            let rule = format!("must not be before the entry, {entered}");
            problems.push(Problem::new("exit_timestamp", rule).got(self.at));
        }
        held.map(|it| it.as_secs())
    }

    fn check_quantity(&self, quantity: Quantity, problems: &mut Vec<Problem>) {
        let entered = self.entry.quantity();
        if quantity > entered {
            let rule = format!("must not be more than the entry's {entered}");
            problems.push(Problem::new("quantity", rule).got(quantity));
        }
    }

    /// What the shares earned by their prices.
    fn gross(
        &self,
        quantity: Quantity,
        price: Price,
        problems: &mut Vec<Problem>,
    ) -> Option<Money> {
        let entered = self.entry.price();
        let (sold, bought) = match self.entry.action() {
            Action::Buy => (price, entered),
            Action::Sell => (entered, price),
        };
        let exact = difference_times(sold.value(), bought.value(), quantity.value());
        money_or_problem("profit_loss", exact, problems)
    }

    fn net(&self, gross: Option<Money>, problems: &mut Vec<Problem>) -> Option<Money> {
        let (gross, commission) = (gross?, self.commission?);
        let exact = difference_times(gross.value(), commission.value(), 1);
        money_or_problem("net_profit_loss", exact, problems)
    }
}

fn money_or_problem(
    field: &'static str,
    exact: Option<rust_decimal::Decimal>,
    problems: &mut Vec<Problem>,
) -> Option<Money> {
    let money = exact.and_then(|it| Money::new(it).ok());
    if money.is_none() {
        problems.push(Problem::new(
            field,
            "has more digits than can be kept exactly",
        ));
    }
    money
}

#[cfg(test)]
mod tests {
    use crate::record::field::{ConfigHash, ExecutionMode};

    use super::*;

    fn entry(action: Action) -> TradeRecord {
        let stamp = Stamp {
            session_id: "550e8400-e29b-41d4-a716-446655440000".parse().unwrap(),
            bot_version: "1.0.0".parse().unwrap(),
            config_hash: ConfigHash::of(b"hello"),
        };
        TradeRecord::entry("AAPL", action, 50, "150.25")
            .at("2025-10-26T14:32:15.123Z".parse().unwrap())
            .order_id("abc-123-def")
            .mode(ExecutionMode::Paper)
            .strategy("bull-flag-breakout", "breakout")
            .because("Bull flag")
            .stamp(&stamp)
            .build()
            .unwrap()
    }

    fn later() -> Timestamp {
        "2025-10-26T15:32:15.000Z".parse().unwrap()
    }

    fn money(text: &str) -> Option<Money> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn an_exit_repeats_its_entry_and_computes_the_rest() {
        let entry = entry(Action::Buy);
        let exit = entry
            .exit(later(), "152.00")
            .commission("0.50")
            .build()
            .unwrap();
        assert_eq!(exit.order_id(), entry.order_id());
        assert_eq!(exit.action(), Action::Sell);
        assert_eq!(exit.total_value().to_string(), "7600.00");
        assert_eq!(exit.profit_loss(), money("87.50"));
        assert_eq!(exit.net_profit_loss(), money("87.00"));
        assert_eq!(exit.outcome(), Outcome::Win);
        assert_eq!(exit.hold_duration_seconds(), Some(3599));
        assert_eq!(exit.exit_timestamp(), Some(exit.timestamp()));
        assert_eq!(exit.stamp(), entry.stamp());
    }

    #[test]
    fn a_short_trade_earns_when_the_price_falls() {
        let exit = entry(Action::Sell)
            .exit(later(), "152")
            .quantity(20)
            .build()
            .unwrap();
        assert_eq!(exit.action(), Action::Buy);
        assert_eq!(exit.profit_loss(), money("-35.00"));
        assert_eq!(exit.net_profit_loss(), None);
        assert_eq!(exit.outcome(), Outcome::Loss);
        let exit = entry(Action::Sell).exit(later(), "150.25").build().unwrap();
        assert_eq!(exit.outcome(), Outcome::Breakeven);
    }

    #[test]
    fn the_brokers_profit_is_taken_where_it_is_given() {
        let exit = entry(Action::Buy)
            .exit(later(), "152")
            .profit_loss("-1.00")
            .build()
            .unwrap();
        assert_eq!(exit.profit_loss(), money("-1.00"));
        assert_eq!(exit.outcome(), Outcome::Loss);
    }

    #[test]
    fn an_exit_that_cannot_be_is_refused() {
        let entry = entry(Action::Buy);
        let invalid = entry
            .exit(Timestamp::MIN, "x")
            .quantity(51)
            .because("")
            .build()
            .unwrap_err();
        let fields: Vec<&str> = invalid.problems().iter().map(|it| &*it.field).collect();
        assert_eq!(fields, ["price", "exit_timestamp", "exit_reasoning"]);
        let invalid = entry.exit(later(), "1").quantity(51).build().unwrap_err();
        assert_eq!(
            invalid.to_string(),
            "quantity: must not be more than the entry's 50, got 51"
        );
        let exit = entry.exit(later(), "152").build().unwrap();
        let invalid = exit.exit(later(), "152").build().unwrap_err();
        assert_eq!(
            invalid.to_string(),
            "outcome: of the entry must be \"open\" for an exit of it, got win"
        );
    }
}
