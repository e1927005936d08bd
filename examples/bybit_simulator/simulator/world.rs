//! Owns what a simulated exchange is asked to be: its symbols, its speed, its rules, its keys.
//!
//! Always true: two worlds that are equal make the same trades, and orders and executions with the
//! same ids, in the same order; times differ, and what follows from them.
//!
//! What goes wrong in it stands elsewhere, among the faults.

use std::{fmt, str::FromStr, time::Duration};

/// What the exchange is, before anything goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    pub seed: u64,
    pub symbols: Vec<(Category, String)>,
    /// Over all symbols, without the bursts.
    pub trades_per_second: f64,
    /// After so many sweeps comes a burst of more trades than one message may carry; 0: never.
    pub burst_every: u64,
    /// Over all symbols.
    pub tickers_per_second: f64,
    /// Over all symbols; 0: the account does nothing.
    pub executions_per_second: f64,
    /// The one key and its secret; `None`: every key is refused.
    pub keys: Option<(String, String)>,
    /// Made before anybody can connect.
    pub first_trades: usize,
    /// Made before anybody can connect, spread over `first_span`.
    pub first_executions: usize,
    pub first_span: Duration,
    /// The exchange's clock against the machine's.
    pub clock_skew_ms: i64,
    /// The market halts after so many trades, the first ones among them.
    pub until: Option<usize>,
    /// Members and values that nobody knows, now and then.
    pub oddities: bool,
    /// Ids carry the digits of a UUID's version 5; otherwise any digits.
    pub version_5_ids: bool,
    /// A socket without a ping for so long is dropped.
    pub idle_close_ms: u64,
    /// How long everything is answered 403, once that has begun.
    pub forbidden_ms: u64,
    /// How far ahead the reset of a 10006 lies.
    pub reset_ms: u64,
    /// Signed calls to one path in a second; beyond that 10006.
    pub calls_per_second_max: u32,
    /// Calls of any kind in five seconds; beyond that 403.
    pub calls_per_five_seconds_max: u32,
    /// Trades as fast as the sockets take them, in place of the market.
    pub firehose: Option<Firehose>,
}

/// How much a firehose sends, over all symbols, and how many trades go into a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Firehose {
    pub trades: u64,
    pub per_frame: usize,
}

impl Default for World {
    fn default() -> Self {
        let symbols = [
            (Category::Linear, "BTCUSDT"),
            (Category::Linear, "ETHUSDT"),
            (Category::Spot, "BTCUSDT"),
        ];
        Self {
            seed: 1,
            symbols: symbols
                .map(|(category, it)| (category, it.to_owned()))
                .into(),
            trades_per_second: 200.0,
            burst_every: 1_000,
            tickers_per_second: 50.0,
            executions_per_second: 0.0,
            keys: None,
            first_trades: 0,
            first_executions: 0,
            first_span: Duration::from_secs(3 * 24 * 60 * 60),
            clock_skew_ms: 0,
            until: None,
            oddities: true,
            version_5_ids: true,
            idle_close_ms: 600_000,
            forbidden_ms: 600_000,
            reset_ms: 100,
            calls_per_second_max: 50,
            calls_per_five_seconds_max: 600,
            firehose: None,
        }
    }
}

impl World {
    /// Sends `trades` over so many symbols of linear once all their trade topics are subscribed.
    pub fn firehose(trades: u64, symbols: usize, per_frame: usize) -> Self {
        let names = (0..symbols).map(|it| (Category::Linear, format!("H{it:03}USDT")));
        Self {
            symbols: names.collect(),
            trades_per_second: 0.0,
            tickers_per_second: 0.0,
            firehose: Some(Firehose { trades, per_frame }),
            ..Self::default()
        }
    }
}

/// What the exchange calls a category. On the wire it stands in a socket's path alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    Inverse,
    Linear,
    Option,
    Spot,
}

impl Category {
    pub const ALL: [Self; 4] = [Self::Inverse, Self::Linear, Self::Option, Self::Spot];

    pub fn name(self) -> &'static str {
        match self {
            Self::Inverse => "inverse",
            Self::Linear => "linear",
            Self::Option => "option",
            Self::Spot => "spot",
        }
    }

    pub fn is_futures(self) -> bool {
        matches!(self, Self::Inverse | Self::Linear)
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Category {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|it| it.name() == text);
        found.ok_or_else(|| format!("{text:?} is none of linear, spot, inverse, option"))
    }
}

/// The coin that stands first in a symbol; trades of options are subscribed by it.
pub fn base_coin(symbol: &str) -> &str {
    let head = symbol.split('-').next().unwrap_or(symbol);
    let ends = ["USDT", "USDC", "PERP", "USD"];
    let cut = ends.iter().find_map(|it| head.strip_suffix(it));
    cut.filter(|it| !it.is_empty()).unwrap_or(head)
}

/// The coin that profit and loss are paid in.
pub fn settle_coin(category: Category, symbol: &str) -> &str {
    match category {
        Category::Inverse => base_coin(symbol),
        _ if symbol.ends_with("USDC") || symbol.ends_with("PERP") => "USDC",
        _ => "USDT",
    }
}

/// What a topic carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TopicKind {
    Execution,
    Order,
    Other,
    Position,
    Tickers,
    Trades,
    Wallet,
}

impl TopicKind {
    pub fn of(topic: &str) -> Self {
        match topic.split('.').next() {
            Some("execution") => Self::Execution,
            Some("order") => Self::Order,
            Some("position") => Self::Position,
            Some("publicTrade") => Self::Trades,
            Some("tickers") => Self::Tickers,
            Some("wallet") => Self::Wallet,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_names_its_coins() {
        assert_eq!(base_coin("BTCUSDT"), "BTC");
        assert_eq!(base_coin("BTC-27DEC26-100000-C"), "BTC");
        assert_eq!(base_coin("ETHPERP"), "ETH");
        assert_eq!(settle_coin(Category::Inverse, "BTCUSD"), "BTC");
        assert_eq!(settle_coin(Category::Linear, "ETHPERP"), "USDC");
    }
}
