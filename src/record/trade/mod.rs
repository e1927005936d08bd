//! Trades: entries, and exits that repeat the order id of their entry.
//!
//! Always true of a [`TradeRecord`]:
//! - `total_value` is exactly `quantity` x `price`; nothing is rounded.
//! - While it is open it has no profit, no exit time, no exit reason: it is an entry.
//! - When it is not open it is an exit: its `exit_timestamp` is its own `timestamp`, it has a
//!   `profit_loss`, and its label agrees with the sign of the net result (of `profit_loss` where
//!   there is no net result). How long the trade was held and why it ended may be unknown.
//! - `net_profit_loss` is exactly `profit_loss` - `commission` where all three are there.
//!
//! Not here: whether an exit has an entry. That takes two records.

mod entry;
mod exit;

use crate::record::field::{
    AccountId, Action, BotVersion, ConfigHash, ExecutionMode, Fee, Money, OrderId, Outcome, Price,
    Quantity, Ratio, SessionId, Symbol, Text, difference_is, product_is,
};
use crate::record::table::{record_in, table};
use crate::record::{Problem, Stamp, Stream};
use crate::time::Timestamp;

pub use entry::EntryBuilder;
pub use exit::ExitBuilder;

table! {
    /// One trade, entry or exit: the 27 fields of the audit trail.
    pub struct TradeRecord, TradeParts, RawTrade, TradeDraft, rules rules;

    /// When it was executed.
    timestamp: Timestamp => Timestamp;
    /// The ticker.
    symbol: Symbol => Symbol;
    /// The direction.
    action: Action => Action;
    /// How many shares.
    quantity: Quantity => Quantity;
    /// What one share was traded at.
    price: Price => Price;
    /// Exactly `quantity` x `price`.
    total_value: Money => Money;
    /// What the broker calls the order; an exit has that of its entry.
    order_id: OrderId => &OrderId;
    /// Whether money was at stake.
    execution_mode: ExecutionMode => ExecutionMode;
    /// The account.
    account_id: Option<AccountId> => Option<&AccountId>;
    /// The strategy, such as `bull-flag-breakout`.
    strategy_name: Text => &str;
    /// The kind of entry, such as `breakout`.
    entry_type: Text => &str;
    /// Where the loss is to be stopped.
    stop_loss: Option<Price> => Option<Price>;
    /// Where the profit is to be taken.
    target: Option<Price> => Option<Price>;
    /// Why the trade was made.
    decision_reasoning: Text => &str;
    /// What was looked at, such as `VWAP`; may be empty.
    indicators_used: Vec<Text> => &[Text];
    /// The planned reward for the risk.
    risk_reward_ratio: Option<Ratio> => Option<Ratio>;
    /// How it ended; open for an entry.
    outcome: Outcome => Outcome;
    /// What it earned before commission.
    profit_loss: Option<Money> => Option<Money>;
    /// How long it was held, in seconds.
    hold_duration_seconds: Option<u64> => Option<u64>;
    /// When it ended: the exit's own timestamp.
    exit_timestamp: Option<Timestamp> => Option<Timestamp>;
    /// Why it ended.
    exit_reasoning: Option<Text> => Option<&str>;
    /// How far the price was from the expected one.
    slippage: Option<Money> => Option<Money>;
    /// What the broker took.
    commission: Option<Fee> => Option<Fee>;
    /// Exactly `profit_loss` - `commission`.
    net_profit_loss: Option<Money> => Option<Money>;
    /// The run of the bot.
    session_id: SessionId => SessionId;
    /// The version of the bot.
    bot_version: BotVersion => &BotVersion;
    /// The MD5 of its configuration.
    config_hash: ConfigHash => ConfigHash;
}

record_in!(Stream::Trades, TradeRecord, timestamp);

impl TradeRecord {
    /// The run of the bot that made it.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        Stamp {
            session_id: self.0.session_id,
            bot_version: self.0.bot_version.clone(),
            config_hash: self.0.config_hash,
        }
    }

    /// What it earned after commission, or before where that is all that is known.
    #[must_use]
    pub fn net_result(&self) -> Option<Money> {
        self.0.net_profit_loss.or(self.0.profit_loss)
    }
}

fn rules(trade: &TradeDraft<'_>, problems: &mut Vec<Problem>) {
    total_is_the_product(trade, problems);
    match trade.outcome {
        Some(Outcome::Open) => open_has_no_exit(trade, problems),
        Some(_) => closed_has_an_exit(trade, problems),
        None => {}
    }
    net_is_the_difference(trade, problems);
    label_agrees(trade, problems);
}

#[inline]
fn total_is_the_product(trade: &TradeDraft<'_>, problems: &mut Vec<Problem>) {
    if let (Some(quantity), Some(price), Some(total)) =
        (trade.quantity, trade.price, trade.total_value)
        && !product_is(quantity.value(), price.value(), total.value())
    {
        let rule = format!("must be exactly quantity x price, {quantity} x {price}");
        problems.push(Problem::new("total_value", rule).got(total));
    }
}

#[inline]
fn open_has_no_exit(trade: &TradeDraft<'_>, problems: &mut Vec<Problem>) {
    let mut refuse = |field, value: Option<String>| {
        if let Some(value) = value {
            let rule = "must be null while the trade is open";
            problems.push(Problem::new(field, rule).got(value));
        }
    };
    macro_rules! refuse {
        ($($field:ident)*) => { $(
            let given = trade.$field.and_then(Option::as_ref);
            refuse(stringify!($field), given.map(|it| format!("{it}")));
        )* };
    }
    refuse!(profit_loss hold_duration_seconds exit_timestamp exit_reasoning net_profit_loss);
}

#[inline]
fn closed_has_an_exit(trade: &TradeDraft<'_>, problems: &mut Vec<Problem>) {
    let missing = "is missing: a trade that is not open has one";
    if let Some(None) = trade.profit_loss {
        problems.push(Problem::new("profit_loss", missing));
    }
    match (trade.timestamp, trade.exit_timestamp) {
        (_, Some(None)) => problems.push(Problem::new("exit_timestamp", missing)),
        (Some(own), Some(Some(exit))) if own != exit => {
            let rule = format!("must be the timestamp of the exit's own record, {own}");
            problems.push(Problem::new("exit_timestamp", rule).got(exit));
        }
        _ => {}
    }
}

#[inline]
fn net_is_the_difference(trade: &TradeDraft<'_>, problems: &mut Vec<Problem>) {
    if let (Some(Some(gross)), Some(Some(commission)), Some(Some(net))) =
        (trade.profit_loss, trade.commission, trade.net_profit_loss)
        && !difference_is(gross.value(), commission.value(), net.value())
    {
        let rule = format!("must be exactly profit_loss - commission, {gross} - {commission}");
        problems.push(Problem::new("net_profit_loss", rule).got(net));
    }
}

#[inline]
fn label_agrees(trade: &TradeDraft<'_>, problems: &mut Vec<Problem>) {
    let (name, result) = match (trade.net_profit_loss, trade.profit_loss) {
        (Some(Some(net)), _) => ("net_profit_loss", net),
        (Some(None), Some(Some(gross))) => ("profit_loss", gross),
        _ => return,
    };
    if let Some(outcome) = trade.outcome
        && *outcome != Outcome::Open
        && *outcome != label(*result)
    {
        let rule = format!("must be \"{}\" with a {name} of {result}", label(*result));
        problems.push(Problem::new("outcome", rule).got(format_args!("\"{outcome}\"")));
    }
}

/// What a trade with that net result is called.
fn label(result: Money) -> Outcome {
    match result.value().mantissa() {
        0 => Outcome::Breakeven,
        1.. => Outcome::Win,
        _ => Outcome::Loss,
    }
}
