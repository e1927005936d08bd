//! Building an entry: named steps, every mistake reported at the end.
//!
//! Always true: what [`EntryBuilder::build`] returns is open, and its total is the exact product.

use crate::record::field::{
    AccountId, Action, ExecutionMode, Fee, Money, OrderId, Outcome, Price, Quantity, Ratio, Symbol,
    Text, Wrong, product,
};
use crate::record::{Invalid, Problem, Stamp, TradeParts, TradeRecord};
use crate::time::Timestamp;

impl TradeRecord {
    /// Begins an entry. Values can be texts or already typed; what is wrong with any of them is
    /// said by [`EntryBuilder::build`], all at once.
    ///
    /// ```
    /// use tradejournal::record::field::{Action, ConfigHash, ExecutionMode};
    /// use tradejournal::record::{Stamp, TradeRecord};
    ///
    /// let stamp = Stamp {
    ///     session_id: "550e8400-e29b-41d4-a716-446655440000".parse()?,
    ///     bot_version: "1.0.0".parse()?,
    ///     config_hash: ConfigHash::of(b"max_position_pct = 5"),
    /// };
    /// let entry = TradeRecord::entry("AAPL", Action::Buy, 50, "150.25")
    ///     .at("2025-10-26T14:32:15.123Z".parse()?)
    ///     .order_id("abc-123-def")
    ///     .mode(ExecutionMode::Paper)
    ///     .strategy("bull-flag-breakout", "breakout")
    ///     .because("Bull flag breakout above $150 resistance")
    ///     .indicators(["VWAP", "EMA-9"])
    ///     .stop_loss("148.50")
    ///     .target("155.00")
    ///     .risk_reward("2.3")
    ///     .stamp(&stamp)
    ///     .build()?;
    /// assert_eq!(entry.total_value().to_string(), "7512.50");
    ///
    /// let exit = entry
    ///     .exit("2025-10-26T15:02:15.123Z".parse()?, "152.00")
    ///     .because("Target zone reached")
    ///     .commission("0.50")
    ///     .build()?;
    /// assert_eq!(exit.net_profit_loss().unwrap().to_string(), "87.00");
    /// assert_eq!(exit.hold_duration_seconds(), Some(1800));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn entry<S, Q, P>(symbol: S, action: Action, quantity: Q, price: P) -> EntryBuilder
    where
        S: TryInto<Symbol, Error: Into<Wrong>>,
        Q: TryInto<Quantity, Error: Into<Wrong>>,
        P: TryInto<Price, Error: Into<Wrong>>,
    {
        let mut problems = Vec::new();
        EntryBuilder {
            timestamp: None,
            symbol: taken(&mut problems, "symbol", symbol),
            action,
            quantity: taken(&mut problems, "quantity", quantity),
            price: taken(&mut problems, "price", price),
            order_id: None,
            execution_mode: None,
            account_id: None,
            strategy_name: None,
            entry_type: None,
            stop_loss: None,
            target: None,
            decision_reasoning: None,
            indicators_used: Vec::new(),
            risk_reward_ratio: None,
            slippage: None,
            commission: None,
            stamp: None,
            problems,
        }
    }
}

/// An entry in the making; see [`TradeRecord::entry`].
#[derive(Clone, Debug)]
#[must_use = "an entry comes to be with `build`"]
pub struct EntryBuilder {
    timestamp: Option<Timestamp>,
    symbol: Option<Symbol>,
    action: Action,
    quantity: Option<Quantity>,
    price: Option<Price>,
    order_id: Option<OrderId>,
    execution_mode: Option<ExecutionMode>,
    account_id: Option<AccountId>,
    strategy_name: Option<Text>,
    entry_type: Option<Text>,
    stop_loss: Option<Price>,
    target: Option<Price>,
    decision_reasoning: Option<Text>,
    indicators_used: Vec<Text>,
    risk_reward_ratio: Option<Ratio>,
    slippage: Option<Money>,
    commission: Option<Fee>,
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

impl EntryBuilder {
    /// When it was executed. Required.
    pub fn at(mut self, timestamp: Timestamp) -> Self {
        self.timestamp = Some(timestamp);
        self
    }

    /// The strategy and the kind of entry. Required.
    pub fn strategy<N, T>(mut self, name: N, entry_type: T) -> Self
    where
        N: TryInto<Text, Error: Into<Wrong>>,
        T: TryInto<Text, Error: Into<Wrong>>,
    {
        self.strategy_name = taken(&mut self.problems, "strategy_name", name);
        self.entry_type = taken(&mut self.problems, "entry_type", entry_type);
        self
    }

    /// Whether money was at stake. Required.
    pub fn mode(mut self, mode: ExecutionMode) -> Self {
        self.execution_mode = Some(mode);
        self
    }

    /// The run of the bot. Required.
    pub fn stamp(mut self, stamp: &Stamp) -> Self {
        self.stamp = Some(stamp.clone());
        self
    }

    /// What was looked at.
    pub fn indicators<V>(mut self, names: impl IntoIterator<Item = V>) -> Self
    where
        V: TryInto<Text, Error: Into<Wrong>>,
    {
        for name in names {
            let name = taken(&mut self.problems, "indicators_used", name);
            self.indicators_used.extend(name);
        }
        self
    }

    steps! {
        /// What the broker calls the order. Required.
        order_id sets order_id: OrderId;
        /// Why the trade was made. Required.
        because sets decision_reasoning: Text;
        /// The account.
        account sets account_id: AccountId;
        /// Where the loss is to be stopped.
        stop_loss sets stop_loss: Price;
        /// Where the profit is to be taken.
        target sets target: Price;
        /// The planned reward for the risk.
        risk_reward sets risk_reward_ratio: Ratio;
        /// How far the price was from the expected one.
        slippage sets slippage: Money;
        /// What the broker took.
        commission sets commission: Fee;
    }

    /// The entry.
    ///
    /// # Errors
    /// Every value that was refused and every required one that was not given.
    pub fn build(mut self) -> Result<TradeRecord, Invalid> {
        let total_value = self.total_value();
        let mut problems = std::mem::take(&mut self.problems);
        self.note_missing(&mut problems);
        let parts = self.parts(total_value);
        match parts {
            Some(parts) if problems.is_empty() => TradeRecord::new(parts),
            _ => Err(Invalid::ordered(problems, TradeRecord::FIELDS)),
        }
    }

    fn total_value(&mut self) -> Option<Money> {
        let (quantity, price) = (self.quantity?, self.price?);
        total(quantity, price, &mut self.problems)
    }

    /// Names what is required and neither given nor refused.
    fn note_missing(&self, problems: &mut Vec<Problem>) {
        macro_rules! missing {
            ($($field:ident)*) => { [$( (stringify!($field), self.$field.is_none()), )*] };
        }
        let required =
            missing!(timestamp order_id execution_mode strategy_name entry_type decision_reasoning);
        let stamped =
            ["session_id", "bot_version", "config_hash"].map(|it| (it, self.stamp.is_none()));
        for (field, is_missing) in required.into_iter().chain(stamped) {
            if is_missing && !problems.iter().any(|it| it.field == field) {
                problems.push(Wrong::missing().at(field));
            }
        }
    }

    fn parts(self, total_value: Option<Money>) -> Option<TradeParts> {
        let stamp = self.stamp?;
        Some(TradeParts {
            timestamp: self.timestamp?,
            symbol: self.symbol?,
            action: self.action,
            quantity: self.quantity?,
            price: self.price?,
            total_value: total_value?,
            order_id: self.order_id?,
            execution_mode: self.execution_mode?,
            account_id: self.account_id,
            strategy_name: self.strategy_name?,
            entry_type: self.entry_type?,
            stop_loss: self.stop_loss,
            target: self.target,
            decision_reasoning: self.decision_reasoning?,
            indicators_used: self.indicators_used,
            risk_reward_ratio: self.risk_reward_ratio,
            outcome: Outcome::Open,
            profit_loss: None,
            hold_duration_seconds: None,
            exit_timestamp: None,
            exit_reasoning: None,
            slippage: self.slippage,
            commission: self.commission,
            net_profit_loss: None,
            session_id: stamp.session_id,
            bot_version: stamp.bot_version,
            config_hash: stamp.config_hash,
        })
    }
}

/// The value as its type, or its problem noted.
pub(crate) fn taken<T, V>(problems: &mut Vec<Problem>, field: &'static str, value: V) -> Option<T>
where
    V: TryInto<T, Error: Into<Wrong>>,
{
    match value.try_into() {
        Ok(value) => Some(value),
        Err(wrong) => {
            problems.push(wrong.into().at(field));
            None
        }
    }
}

/// The exact product, or the problem that no decimal holds it.
pub(crate) fn total(
    quantity: Quantity,
    price: Price,
    problems: &mut Vec<Problem>,
) -> Option<Money> {
    let exact = product(quantity.value(), price.value());
    match exact.and_then(|it| Money::new(it).ok()) {
        Some(total) => Some(total),
        None => {
            let rule = "must be quantity x price, which has more digits than can be kept exactly";
            let got = format_args!("{quantity} x {price}").to_string();
            problems.push(Problem::new("total_value", rule).got(got));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::record::field::ConfigHash;

    use super::*;

    pub(crate) fn stamp() -> Stamp {
        Stamp {
            session_id: "550e8400-e29b-41d4-a716-446655440000".parse().unwrap(),
            bot_version: "1.0.0".parse().unwrap(),
            config_hash: ConfigHash::of(b"hello"),
        }
    }

    #[test]
    fn all_mistakes_are_said_at_the_end() {
        let invalid = TradeRecord::entry("aapl", Action::Buy, 0, "-1")
            .order_id("")
            .commission("free")
            .indicators(["VWAP", " "])
            .build()
            .unwrap_err();
        let fields: Vec<&str> = invalid.problems().iter().map(|it| &*it.field).collect();
        assert_eq!(
            fields,
            [
                "timestamp",
                "symbol",
                "quantity",
                "price",
                "order_id",
                "execution_mode",
                "strategy_name",
                "entry_type",
                "decision_reasoning",
                "indicators_used",
                "commission",
                "session_id",
                "bot_version",
                "config_hash",
            ]
        );
        assert_eq!(
            invalid.problems()[2].to_string(),
            "quantity: must be a whole number from 1 to 10000, got 0"
        );
    }

    #[test]
    fn a_total_that_does_not_fit_is_not_rounded() {
        let invalid = TradeRecord::entry("X", Action::Buy, 3, "79228162514264337593543950335")
            .at(Timestamp::MIN)
            .order_id("1")
            .mode(ExecutionMode::Live)
            .strategy("s", "t")
            .because("r")
            .stamp(&stamp())
            .build()
            .unwrap_err();
        assert_eq!(
            invalid.to_string(),
            "total_value: must be quantity x price, which has more digits than can be kept exactly, \
             got 3 x 79228162514264337593543950335"
        );
    }
}
