//! Fills and decisions in the making: the time comes from a clock, and every mistake is said at the end.

use serde::Serialize;

use crate::record::field::{
    AccountId, Action, Amount, Asset, AssetClass, ExecutionMode, FillId, JsonObject, Money, Note,
    OrderId, OrderType, Pair, Price, Size, Text, Word, Wrong,
};
use crate::record::{
    DecisionParts, DecisionRecord, FillParts, FillRecord, Invalid, Problem, taken,
};
use crate::time::{Clock, Timestamp};

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

/// A fill in the making. Values can be texts or already typed.
///
/// ```
/// use tradejournal::bot::FillEntry;
/// use tradejournal::record::field::Action;
/// use tradejournal::time::SystemClock;
///
/// let fill = FillEntry::new(&SystemClock, "order_1", "BTC-USDT", Action::Buy, "0.001", "67500.0")
///     .order_type("LIMIT")
///     .fee("0.135", "USDT")
///     .realized_pnl("0.50")
///     .notes("Demo trade 1")
///     .build()?;
/// assert_eq!(fill.size().to_string(), "0.001");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a fill comes to be with `build`"]
pub struct FillEntry {
    timestamp: Timestamp,
    order_id: Option<OrderId>,
    client_order_id: Option<OrderId>,
    symbol: Option<Pair>,
    side: Action,
    order_type: Option<OrderType>,
    price: Option<Price>,
    size: Option<Size>,
    fee: Option<Money>,
    fee_asset: Option<Asset>,
    realized_pnl: Option<Money>,
    spread_captured: Option<Amount>,
    inventory_before: Option<Amount>,
    inventory_after: Option<Amount>,
    equity_before: Option<Money>,
    equity_after: Option<Money>,
    notes: Note,
    fill_id: Option<FillId>,
    execution_mode: Option<ExecutionMode>,
    account_id: Option<AccountId>,
    asset_class: Option<AssetClass>,
    problems: Vec<Problem>,
}

impl FillEntry {
    /// An order that was filled at this moment, in whole or in part.
    pub fn new<O, P, Z, V>(
        clock: &dyn Clock,
        order_id: O,
        symbol: P,
        side: Action,
        size: Z,
        price: V,
    ) -> FillEntry
    where
        O: TryInto<OrderId, Error: Into<Wrong>>,
        P: TryInto<Pair, Error: Into<Wrong>>,
        Z: TryInto<Size, Error: Into<Wrong>>,
        V: TryInto<Price, Error: Into<Wrong>>,
    {
        let mut problems = Vec::new();
        FillEntry {
            timestamp: clock.now(),
            order_id: taken(&mut problems, "order_id", order_id),
            client_order_id: None,
            symbol: taken(&mut problems, "symbol", symbol),
            side,
            order_type: None,
            price: taken(&mut problems, "price", price),
            size: taken(&mut problems, "size", size),
            fee: None,
            fee_asset: None,
            realized_pnl: None,
            spread_captured: None,
            inventory_before: None,
            inventory_after: None,
            equity_before: None,
            equity_after: None,
            notes: Note::default(),
            fill_id: None,
            execution_mode: None,
            account_id: None,
            asset_class: None,
            problems,
        }
    }

    /// When the exchange says that it was filled, where it says so.
    pub fn at(mut self, timestamp: Timestamp) -> Self {
        self.timestamp = timestamp;
        self
    }

    /// What the exchange took, and in what. Required; `0` where it took nothing.
    pub fn fee<F, A>(mut self, fee: F, asset: A) -> Self
    where
        F: TryInto<Money, Error: Into<Wrong>>,
        A: TryInto<Asset, Error: Into<Wrong>>,
    {
        self.fee = taken(&mut self.problems, "fee", fee);
        self.fee_asset = taken(&mut self.problems, "fee_asset", asset);
        self
    }

    /// The position before and after.
    pub fn inventory<B, A>(mut self, before: B, after: A) -> Self
    where
        B: TryInto<Amount, Error: Into<Wrong>>,
        A: TryInto<Amount, Error: Into<Wrong>>,
    {
        self.inventory_before = taken(&mut self.problems, "inventory_before", before);
        self.inventory_after = taken(&mut self.problems, "inventory_after", after);
        self
    }

    /// What the account was worth before and after.
    pub fn equity<B, A>(mut self, before: B, after: A) -> Self
    where
        B: TryInto<Money, Error: Into<Wrong>>,
        A: TryInto<Money, Error: Into<Wrong>>,
    {
        self.equity_before = taken(&mut self.problems, "equity_before", before);
        self.equity_after = taken(&mut self.problems, "equity_after", after);
        self
    }

    /// Whether money was at stake.
    pub fn mode(mut self, mode: ExecutionMode) -> Self {
        self.execution_mode = Some(mode);
        self
    }

    /// What kind of thing it is, for tax rules.
    pub fn asset_class(mut self, class: AssetClass) -> Self {
        self.asset_class = Some(class);
        self
    }

    /// Whatever else is to be said.
    pub fn notes(mut self, notes: impl Into<String>) -> Self {
        self.notes = Note::new(notes);
        self
    }

    steps! {
        /// How the order was placed: `LIMIT`, `MARKET`. Required.
        order_type sets order_type: OrderType;
        /// What the bot calls the order.
        client_order_id sets client_order_id: OrderId;
        /// What this fill earned, before its fee.
        realized_pnl sets realized_pnl: Money;
        /// The spread at the time of the order, in per cent.
        spread_captured sets spread_captured: Amount;
        /// What the exchange calls this fill.
        fill_id sets fill_id: FillId;
        /// The account.
        account sets account_id: AccountId;
    }

    /// The fill.
    ///
    /// # Errors
    /// Every value that was refused and every required one that was not given.
    pub fn build(mut self) -> Result<FillRecord, Invalid> {
        let mut problems = std::mem::take(&mut self.problems);
        for (field, is_missing) in [
            ("order_type", self.order_type.is_none()),
            ("fee", self.fee.is_none()),
            ("fee_asset", self.fee_asset.is_none()),
        ] {
            if is_missing && !problems.iter().any(|it| it.field == field) {
                problems.push(Wrong::missing().at(field));
            }
        }
        match self.parts() {
            Some(parts) if problems.is_empty() => FillRecord::new(parts),
            _ => Err(Invalid::ordered(problems, FillRecord::FIELDS)),
        }
    }

    fn parts(self) -> Option<FillParts> {
        Some(FillParts {
            timestamp: self.timestamp,
            order_id: self.order_id?,
            client_order_id: self.client_order_id,
            symbol: self.symbol?,
            side: self.side,
            order_type: self.order_type?,
            price: self.price?,
            size: self.size?,
            fee: self.fee?,
            fee_asset: self.fee_asset?,
            realized_pnl: self.realized_pnl,
            spread_captured: self.spread_captured,
            inventory_before: self.inventory_before,
            inventory_after: self.inventory_after,
            equity_before: self.equity_before,
            equity_after: self.equity_after,
            notes: self.notes,
            fill_id: self.fill_id,
            execution_mode: self.execution_mode,
            account_id: self.account_id,
            asset_class: self.asset_class,
        })
    }
}

/// A decision in the making.
///
/// ```
/// use tradejournal::bot::DecisionEntry;
/// use tradejournal::record::DecisionRecord;
/// use tradejournal::time::SystemClock;
///
/// let decision = DecisionEntry::new(&SystemClock, DecisionRecord::REBALANCE, "Too much of one coin")
///     .symbol("BTC-USDT")
///     .parameters(&[("target", "0.001")].into_iter().collect::<std::collections::BTreeMap<_, _>>())
///     .build()?;
/// assert_eq!(decision.parameters().as_str(), r#"{"target":"0.001"}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a decision comes to be with `build`"]
pub struct DecisionEntry {
    timestamp: Timestamp,
    decision_type: Word,
    symbol: Option<Pair>,
    parameters: Option<JsonObject>,
    result: Option<JsonObject>,
    reason: Option<Text>,
    notes: Note,
    problems: Vec<Problem>,
}

impl DecisionEntry {
    /// A decision of this moment, and why it was made.
    pub fn new<T>(clock: &dyn Clock, decision_type: Word, reason: T) -> DecisionEntry
    where
        T: TryInto<Text, Error: Into<Wrong>>,
    {
        let mut problems = Vec::new();
        DecisionEntry {
            timestamp: clock.now(),
            decision_type,
            symbol: None,
            parameters: Some(JsonObject::default()),
            result: Some(JsonObject::default()),
            reason: taken(&mut problems, "reason", reason),
            notes: Note::default(),
            problems,
        }
    }

    /// When it was made, where that is not now.
    pub fn at(mut self, timestamp: Timestamp) -> Self {
        self.timestamp = timestamp;
        self
    }

    /// What the strategy knew: whatever is serialised as an object.
    pub fn parameters<T: Serialize + ?Sized>(mut self, parameters: &T) -> Self {
        let object = JsonObject::of(parameters);
        self.parameters = noted(&mut self.problems, "parameters", object);
        self
    }

    /// What it decided: whatever is serialised as an object.
    pub fn result<T: Serialize + ?Sized>(mut self, result: &T) -> Self {
        let object = JsonObject::of(result);
        self.result = noted(&mut self.problems, "result", object);
        self
    }

    /// Whatever else is to be said.
    pub fn notes(mut self, notes: impl Into<String>) -> Self {
        self.notes = Note::new(notes);
        self
    }

    steps! {
        /// What it is about, where it is about one thing.
        symbol sets symbol: Pair;
    }

    /// The decision.
    ///
    /// # Errors
    /// Every value that was refused.
    pub fn build(self) -> Result<DecisionRecord, Invalid> {
        match (self.parameters, self.result, self.reason) {
            (Some(parameters), Some(result), Some(reason)) if self.problems.is_empty() => {
                DecisionRecord::new(DecisionParts {
                    timestamp: self.timestamp,
                    decision_type: self.decision_type,
                    symbol: self.symbol,
                    parameters,
                    result,
                    reason,
                    notes: self.notes,
                })
            }
            _ => Err(Invalid::ordered(self.problems, DecisionRecord::FIELDS)),
        }
    }
}

fn noted<T>(
    problems: &mut Vec<Problem>,
    field: &'static str,
    value: Result<T, Wrong>,
) -> Option<T> {
    value.map_err(|it| problems.push(it.at(field))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ManualClock;

    fn clock() -> ManualClock {
        ManualClock::new("2025-10-24T12:35:43.123456Z".parse().unwrap())
    }

    #[test]
    fn the_time_is_the_clocks() {
        let fill = FillEntry::new(&clock(), "1", "BTC-USDT", Action::Sell, "1", "2")
            .order_type("MARKET")
            .fee("0", "USDT");
        let at = "2025-10-23T00:00:00Z".parse().unwrap();
        assert_eq!(fill.clone().at(at).build().unwrap().timestamp(), at);
        assert_eq!(fill.build().unwrap().timestamp(), clock().now());
        let decision = DecisionEntry::new(&clock(), DecisionRecord::RISK_CHECK, "why");
        assert_eq!(decision.build().unwrap().timestamp(), clock().now());
    }

    #[test]
    fn all_mistakes_are_said_at_the_end() {
        let fill = FillEntry::new(&clock(), "", "btc", Action::Buy, "0", "x");
        let invalid = fill.fill_id(" ").build().unwrap_err();
        let fields: Vec<&str> = invalid.problems().iter().map(|it| &*it.field).collect();
        assert_eq!(
            fields,
            [
                "order_id",
                "symbol",
                "order_type",
                "price",
                "size",
                "fee",
                "fee_asset",
                "fill_id"
            ]
        );
        let decision = DecisionEntry::new(&clock(), DecisionRecord::RISK_CHECK, " ");
        let invalid = decision.parameters(&[1]).symbol("x").build().unwrap_err();
        let fields: Vec<&str> = invalid.problems().iter().map(|it| &*it.field).collect();
        assert_eq!(fields, ["symbol", "parameters", "reason"]);
    }
}
