//! A public trade, as a socket and as a request tell it.
//!
//! Always true: price and size are decimals, in the digits they came with; the id is what the exchange calls
//! the trade. Members that nobody here knows are kept.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use super::{Category, Member, Members, Millis};

/// What is wrong with a trade.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TradeError {
    /// A member without which it is none.
    #[error("{0}: is missing")]
    Missing(&'static str),
    /// A price or a size.
    #[error("{name}: must be a decimal, got {got:?}")]
    Decimal {
        /// Which one.
        name: &'static str,
        /// What was there.
        got: String,
    },
}

/// One public trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trade {
    /// The market.
    pub category: Category,
    /// What was traded.
    pub symbol: Arc<str>,
    /// When the exchange made it.
    pub time: Millis,
    /// The side that took: `Buy`, `Sell`, or a word to come.
    pub side: Cow<'static, str>,
    /// The direction of the price, where it is told.
    pub tick: Option<Cow<'static, str>>,
    /// Whether it was a block trade.
    pub is_block: Option<bool>,
    /// Whether it was a retail price improvement.
    pub is_rpi: Option<bool>,
    /// The cross sequence: trades of one sweep share it.
    pub seq: Option<i64>,
    /// Members that have no column, as an object of JSON.
    pub other: Option<Box<str>>,
    /// The id, the price and the size, one behind the other: one piece of memory, not three.
    texts: Box<str>,
    price_at: usize,
    size_at: usize,
}

impl Trade {
    /// A trade of which no more is told.
    ///
    /// # Errors
    /// Its price or its size is no decimal.
    pub fn new(
        category: Category,
        symbol: Arc<str>,
        time: Millis,
        id: &str,
        side: &str,
        price: &str,
        size: &str,
    ) -> Result<Trade, TradeError> {
        for (name, text) in [("price", price), ("size", size)] {
            if !is_decimal(text) {
                let got = text.chars().take(80).collect();
                return Err(TradeError::Decimal { name, got });
            }
        }
        let mut texts = String::with_capacity(id.len() + price.len() + size.len());
        texts.push_str(id);
        texts.push_str(price);
        let size_at = texts.len();
        texts.push_str(size);
        Ok(Trade {
            category,
            symbol,
            time,
            side: word(side),
            tick: None,
            is_block: None,
            is_rpi: None,
            seq: None,
            other: None,
            texts: texts.into(),
            price_at: id.len(),
            size_at,
        })
    }

    /// Says the direction of its price.
    pub fn set_tick(&mut self, tick: Option<&str>) {
        self.tick = tick.map(word);
    }

    /// What the exchange calls it.
    #[must_use]
    pub fn id(&self) -> &str {
        self.texts.get(..self.price_at).unwrap_or_default()
    }

    /// What one unit was traded at.
    #[must_use]
    pub fn price(&self) -> &str {
        let range = self.price_at..self.size_at;
        self.texts.get(range).unwrap_or_default()
    }

    /// How much was traded.
    #[must_use]
    pub fn size(&self) -> &str {
        self.texts.get(self.size_at..).unwrap_or_default()
    }
}

/// A trade's members, under the names of either source.
#[derive(Default)]
pub(super) struct RawTrade<'a> {
    pub(super) symbol: Option<Cow<'a, str>>,
    id: Option<Cow<'a, str>>,
    time: Option<i64>,
    side: Option<Cow<'a, str>>,
    price: Option<Cow<'a, str>>,
    size: Option<Cow<'a, str>>,
    tick: Option<Cow<'a, str>>,
    is_block: Option<bool>,
    is_rpi: Option<bool>,
    seq: Option<i64>,
    other: Members,
}

impl RawTrade<'_> {
    /// The trade, of this market and symbol.
    pub(super) fn trade(self, category: Category, symbol: Arc<str>) -> Result<Trade, TradeError> {
        let id = self.id.ok_or(TradeError::Missing("id"))?;
        let price = self.price.ok_or(TradeError::Missing("price"))?;
        let size = self.size.ok_or(TradeError::Missing("size"))?;
        let time = Millis(self.time.ok_or(TradeError::Missing("time"))?);
        let side = self.side.ok_or(TradeError::Missing("side"))?;
        let is_known = self.other.iter().next().is_none();
        Ok(Trade {
            tick: self.tick.as_deref().map(word),
            is_block: self.is_block,
            is_rpi: self.is_rpi,
            seq: self.seq,
            other: (!is_known).then(|| self.other.to_json(|_| true).into()),
            ..Trade::new(category, symbol, time, &id, &side, &price, &size)?
        })
    }
}

/// The words that come again and again take no memory of their own.
fn word(text: &str) -> Cow<'static, str> {
    const WORDS: [&str; 6] = [
        "Buy",
        "Sell",
        "PlusTick",
        "MinusTick",
        "ZeroPlusTick",
        "ZeroMinusTick",
    ];
    let known = WORDS.into_iter().find(|it| *it == text);
    known.map_or_else(|| text.to_owned().into(), Cow::Borrowed)
}

/// Digits, with a sign and one point at most.
pub(super) fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let mut points = 0;
    let is_plain = digits.bytes().all(|it| {
        points += usize::from(it == b'.');
        it.is_ascii_digit() || it == b'.'
    });
    let is_framed = |it: &str| it.as_bytes().first().is_some_and(u8::is_ascii_digit);
    is_plain && points < 2 && is_framed(digits) && !digits.ends_with('.')
}

/// A text that is borrowed where it can be.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A whole number, as a number or as a text.
struct Whole(i64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Whole, D::Error> {
        struct Number;

        impl Visitor<'_> for Number {
            type Value = Whole;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Whole, E> {
                Ok(Whole(value))
            }

            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Whole, E> {
                i64::try_from(value).map(Whole).map_err(E::custom)
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Whole, E> {
                text.parse().map(Whole).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Number)
    }
}

impl<'de> Deserialize<'de> for RawTrade<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RawTrade<'de>, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = RawTrade<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a trade")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawTrade<'de>, A::Error> {
                let mut raw = RawTrade::default();
                while let Some(Text(name)) = map.next_key::<Text<'de>>()? {
                    match &*name {
                        "s" | "symbol" => raw.symbol = Some(map.next_value::<Text<'de>>()?.0),
                        "i" | "execId" => raw.id = Some(map.next_value::<Text<'de>>()?.0),
                        "T" | "time" => raw.time = Some(map.next_value::<Whole>()?.0),
                        "S" | "side" => raw.side = Some(map.next_value::<Text<'de>>()?.0),
                        "p" | "price" => raw.price = Some(map.next_value::<Text<'de>>()?.0),
                        "v" | "size" => raw.size = Some(map.next_value::<Text<'de>>()?.0),
                        "L" => raw.tick = Some(map.next_value::<Text<'de>>()?.0),
                        "BT" | "isBlockTrade" => raw.is_block = Some(map.next_value()?),
                        "RPI" | "isRPITrade" => raw.is_rpi = Some(map.next_value()?),
                        "seq" => raw.seq = Some(map.next_value::<Whole>()?.0),
                        other => {
                            let member = map.next_value::<Member>().map_err(A::Error::custom)?;
                            raw.other.set(other, member);
                        }
                    }
                }
                Ok(raw)
            }
        }

        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::{RawTrade, Trade, is_decimal};
    use crate::feed::bybit::Category;

    fn trade(json: &str) -> Trade {
        let raw: RawTrade<'_> = serde_json::from_str(json).unwrap();
        raw.trade(Category::Linear, "BTCUSDT".into()).unwrap()
    }

    #[test]
    fn a_trade_is_the_same_from_a_socket_and_from_a_request() {
        let told = trade(
            r#"{"T":1672304486865,"s":"BTCUSDT","S":"Buy","v":"0.001","p":"16578.50","i":"20f43950-d8dd-5b31-9112-a178eb6023af","BT":false,"RPI":true,"seq":1783284617}"#,
        );
        let asked = trade(
            r#"{"execId":"20f43950-d8dd-5b31-9112-a178eb6023af","symbol":"BTCUSDT","price":"16578.50","size":"0.001","side":"Buy","time":"1672304486865","isBlockTrade":false,"isRPITrade":true,"seq":"1783284617"}"#,
        );
        assert_eq!(told, asked);
        assert_eq!((told.price(), told.size()), ("16578.50", "0.001"));
        assert_eq!(told.id(), "20f43950-d8dd-5b31-9112-a178eb6023af");
    }

    #[test]
    fn words_and_members_to_come_are_kept() {
        let it = trade(
            r#"{"T":1,"s":"X","S":"Both","v":"1","p":"2","L":"NewTick","i":"a\"b","new":{"a":1}}"#,
        );
        assert_eq!((&*it.side, it.tick.as_deref()), ("Both", Some("NewTick")));
        assert_eq!(it.other.as_deref(), Some(r#"{"new":{"a":1}}"#));
        assert_eq!(it.id(), "a\"b");
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for good in ["0", "-1", "0.10", "12345678901234567890.1"] {
            assert!(is_decimal(good), "{good}");
        }
        for bad in ["", "-", ".5", "5.", "1e5", "1.2.3", "+1", " 1", "NaN"] {
            assert!(!is_decimal(bad), "{bad}");
        }
    }
}
