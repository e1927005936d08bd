//! Owns what a simulated exchange has made: the answer that a recorder's books are held against.
//!
//! Always true:
//! - a trade stands here as soon as it is made, whether or not a socket brought it to anybody;
//! - numbers are the texts that were sent;
//! - within a symbol trades and executions stand in the order in which they were made.
//!
//! It knows nothing of messages.

use std::collections::BTreeMap;
use std::io::{self, Write};

use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

use super::world::Category;

/// Everything that was made so far.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    pub trades: Vec<TradeMade>,
    pub executions: Vec<ExecutionMade>,
    /// Every order's last state, by its id.
    pub orders: BTreeMap<String, OrderMade>,
    pub positions: BTreeMap<(Category, String), PositionMade>,
    /// The balance of each coin.
    pub wallet: BTreeMap<String, Decimal>,
    pub tickers: BTreeMap<(Category, String), TickerState>,
    /// What a firehose made in place of `trades`.
    pub firehose: BTreeMap<String, HoseSum>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TradeMade {
    pub category: Category,
    pub symbol: String,
    pub id: String,
    pub time_ms: i64,
    pub side: &'static str,
    pub price: String,
    pub size: String,
    pub seq: u64,
    pub tick_direction: &'static str,
    pub is_block: bool,
    pub is_rpi: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExecutionMade {
    pub category: Category,
    pub symbol: String,
    pub exec_id: String,
    pub order_id: String,
    pub time_ms: i64,
    pub exec_type: &'static str,
    pub side: &'static str,
    #[serde(serialize_with = "as_text")]
    pub price: Decimal,
    #[serde(serialize_with = "as_text")]
    pub qty: Decimal,
    #[serde(serialize_with = "as_text")]
    pub fee: Decimal,
    pub fee_currency: String,
    pub is_maker: bool,
    #[serde(serialize_with = "as_text")]
    pub leaves_qty: Decimal,
    #[serde(serialize_with = "as_text")]
    pub order_qty: Decimal,
    #[serde(serialize_with = "as_text")]
    pub order_price: Decimal,
    pub order_type: &'static str,
    pub seq: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrderMade {
    pub category: Category,
    pub symbol: String,
    pub order_id: String,
    pub order_link_id: String,
    pub side: &'static str,
    pub order_type: &'static str,
    pub status: &'static str,
    #[serde(serialize_with = "as_text")]
    pub price: Decimal,
    #[serde(serialize_with = "as_text")]
    pub qty: Decimal,
    #[serde(serialize_with = "as_text")]
    pub filled_qty: Decimal,
    #[serde(serialize_with = "as_text")]
    pub filled_value: Decimal,
    #[serde(serialize_with = "as_text")]
    pub fee: Decimal,
    pub created_ms: i64,
    pub updated_ms: i64,
}

impl OrderMade {
    pub fn is_open(&self) -> bool {
        matches!(self.status, "New" | "PartiallyFilled")
    }

    pub fn leaves_qty(&self) -> Decimal {
        if self.status == "Cancelled" {
            return Decimal::ZERO;
        }
        self.qty - self.filled_qty
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PositionMade {
    pub category: Category,
    pub symbol: String,
    /// Above 0 bought, below 0 sold.
    #[serde(serialize_with = "as_text")]
    pub net: Decimal,
    #[serde(serialize_with = "as_text")]
    pub entry_price: Decimal,
    #[serde(serialize_with = "as_text")]
    pub mark_price: Decimal,
    #[serde(serialize_with = "as_text")]
    pub realised: Decimal,
    pub created_ms: i64,
    pub updated_ms: i64,
    pub seq: u64,
}

impl PositionMade {
    /// Empty when flat, as the exchange says it.
    pub fn side(&self) -> &'static str {
        match self.net.cmp(&Decimal::ZERO) {
            std::cmp::Ordering::Less => "Sell",
            std::cmp::Ordering::Equal => "",
            std::cmp::Ordering::Greater => "Buy",
        }
    }
}

/// A ticker as a client that missed nothing would hold it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TickerState {
    pub cs: u64,
    pub time_ms: i64,
    pub members: BTreeMap<String, String>,
}

/// The trades of a symbol that a firehose made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HoseSum {
    pub count: u64,
    /// See [`id_sum`].
    pub checksum: u64,
}

/// The first 16 hex digits of each id, added up: it does not ask for an order.
pub fn id_sum<'a>(ids: impl IntoIterator<Item = &'a str>) -> u64 {
    let value = |id: &str| {
        let digits = id.chars().filter_map(|it| it.to_digit(16)).take(16);
        digits.fold(0_u64, |sum, it| sum << 4 | u64::from(it))
    };
    let ids = ids.into_iter();
    ids.fold(0, |sum, id| sum.wrapping_add(value(id)))
}

impl Truth {
    /// One JSON line for each thing, with what it is in the member `kind`.
    pub fn write_lines(&self, to: &mut impl Write) -> io::Result<()> {
        let trades = self.trades.iter().map(|it| line("trade", it));
        let executions = self.executions.iter().map(|it| line("execution", it));
        let orders = self.orders.values().map(|it| line("order", it));
        let positions = self.positions.values().map(|it| line("position", it));
        for it in trades.chain(executions).chain(orders).chain(positions) {
            writeln!(to, "{it}")?;
        }
        for (coin, balance) in &self.wallet {
            let it = serde_json::json!({"coin": coin, "balance": balance.to_string()});
            writeln!(to, "{}", line("wallet", &it))?;
        }
        for ((category, symbol), it) in &self.tickers {
            let mut it = line("ticker", it);
            it["category"] = category.name().into();
            it["symbol"] = symbol.as_str().into();
            writeln!(to, "{it}")?;
        }
        for (symbol, it) in &self.firehose {
            let mut it = line("firehose", it);
            it["symbol"] = symbol.as_str().into();
            writeln!(to, "{it}")?;
        }
        Ok(())
    }
}

fn line(kind: &str, of: &impl Serialize) -> serde_json::Value {
    let mut value = serde_json::to_value(of).expect("plain members");
    value["kind"] = kind.into();
    value
}

fn as_text<S: Serializer>(value: &Decimal, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_ids_takes_their_first_sixteen_digits() {
        let first = "00000000-0000-5001-8000-000000000000";
        let second = "00000000-0000-0002-ffff-ffffffffffff";
        assert_eq!(id_sum([first, second]), 0x5003);
    }
}
