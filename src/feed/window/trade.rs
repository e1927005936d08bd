//! One trade that an exchange made public, and its line of JSON.
//!
//! Always true:
//! - A value is a legal trade: there is one door to it, which names every wrong field.
//! - Two ids are equal when their texts are, however they are kept.
//! - Prices and sizes have the digits they came with.
//!
//! Not here: which trades have been seen before (`intake`).

use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::record::field::{
    Field, Pair, Price, Size, Wrong, parse_decimal, unescaped, write_decimal, write_string,
};
use crate::record::{Invalid, Problem};
use crate::time::Timestamp;

/// How long an id may be.
const ID_LEN_MAX: usize = 64;
const ID_RULE: &str = "must be a text of 1 to 64 visible ASCII characters, or a whole number";
const TIME_RULE: &str = "must be an RFC 3339 time, or whole milliseconds since 1970";
const SIDE_RULE: &str = "must be \"buy\" or \"sell\"";
const MILLIS_DIGITS_MAX: usize = 15;

/// What an exchange calls one trade of a symbol.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TradeId(Id);

/// Most exchanges number their trades or give them a UUID: both take no memory of their own.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Id {
    Number(u64),
    Uuid([u8; 16]),
    Text(Box<str>),
}

impl TradeId {
    /// The id of that text, if the rule holds.
    #[must_use]
    pub fn new(text: &str) -> Option<TradeId> {
        if text.len() > ID_LEN_MAX
            || text.is_empty()
            || !text.bytes().all(|it| it.is_ascii_graphic())
        {
            return None;
        }
        Some(TradeId(
            number(text)
                .or_else(|| uuid(text))
                .unwrap_or_else(|| Id::Text(text.into())),
        ))
    }
}

/// A number in its one spelling.
fn number(text: &str) -> Option<Id> {
    let is_plain =
        text.bytes().all(|it| it.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if !is_plain {
        return None;
    }
    text.parse().ok().map(Id::Number)
}

/// A UUID in its usual spelling: in lower case, with hyphens.
fn uuid(text: &str) -> Option<Id> {
    let is_usual = text.len() == 36 && !text.bytes().any(|it| it.is_ascii_uppercase());
    let parsed = is_usual
        .then(|| uuid::Uuid::try_parse(text).ok())
        .flatten()?;
    Some(Id::Uuid(parsed.into_bytes()))
}

impl fmt::Display for TradeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Id::Number(number) => write!(f, "{number}"),
            Id::Uuid(bytes) => write!(f, "{}", uuid::Uuid::from_bytes(*bytes).hyphenated()),
            Id::Text(text) => f.write_str(text),
        }
    }
}

impl fmt::Debug for TradeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

/// Who wanted the trade: the side that took what the book offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Taker {
    /// A buyer took an offer.
    Buy,
    /// A seller took a bid.
    Sell,
}

impl Taker {
    /// The word of JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Taker::Buy => "buy",
            Taker::Sell => "sell",
        }
    }
}

/// One public trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicTrade {
    /// The exchange's name for it, of which each symbol has one.
    pub id: TradeId,
    /// When the exchange made it.
    pub time: Timestamp,
    /// What was traded.
    pub symbol: Pair,
    /// Who took.
    pub side: Taker,
    /// At what.
    pub price: Price,
    /// How much.
    pub size: Size,
}

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    time: Option<&'a RawValue>,
    #[serde(borrow)]
    symbol: Option<&'a RawValue>,
    #[serde(borrow)]
    side: Option<&'a RawValue>,
    #[serde(borrow)]
    price: Option<&'a RawValue>,
    #[serde(borrow)]
    size: Option<&'a RawValue>,
}

impl PublicTrade {
    /// Reads one line of JSON: `id`, `time`, `symbol`, `side`, `price`, `size`. Other members are the feed's
    /// own.
    ///
    /// # Errors
    /// Every field that is missing or wrong.
    pub fn parse(json: &[u8]) -> Result<PublicTrade, Invalid> {
        let json = std::str::from_utf8(json)
            .map_err(|it| Invalid::syntax(it.valid_up_to(), "is not UTF-8"))?;
        let raw: Raw<'_> =
            serde_json::from_str(json).map_err(|it| Invalid::from_json(&it, json))?;
        let mut wrongs = Vec::new();
        let id = field("id", raw.id, &mut wrongs, id);
        let time = field("time", raw.time, &mut wrongs, time);
        let symbol = field("symbol", raw.symbol, &mut wrongs, Pair::read);
        let side = field("side", raw.side, &mut wrongs, side);
        let price = field("price", raw.price, &mut wrongs, price);
        let size = field("size", raw.size, &mut wrongs, size);
        match (id, time, symbol, side, price, size) {
            (Some(id), Some(time), Some(symbol), Some(side), Some(price), Some(size)) => {
                Ok(PublicTrade {
                    id,
                    time,
                    symbol,
                    side,
                    price,
                    size,
                })
            }
            _ => Err(Invalid::Fields(wrongs)),
        }
    }

    /// Appends its line of JSON, without an end of line.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"id\":");
        match &self.id.0 {
            Id::Number(number) => {
                out.push(b'"');
                write_whole(*number, out);
                out.push(b'"');
            }
            Id::Uuid(bytes) => {
                let mut text = uuid::Uuid::encode_buffer();
                out.push(b'"');
                let hyphenated = uuid::Uuid::from_bytes(*bytes).hyphenated();
                out.extend_from_slice(hyphenated.encode_lower(&mut text).as_bytes());
                out.push(b'"');
            }
            Id::Text(text) => write_string(text, out),
        }
        out.extend_from_slice(b",\"time\":\"");
        self.time.write_to(out);
        out.extend_from_slice(b"\",\"symbol\":");
        self.symbol.write(out);
        out.extend_from_slice(b",\"side\":\"");
        out.extend_from_slice(self.side.as_str().as_bytes());
        out.extend_from_slice(b"\",\"price\":\"");
        write_decimal(self.price.value(), out);
        out.extend_from_slice(b"\",\"size\":\"");
        write_decimal(self.size.value(), out);
        out.extend_from_slice(b"\"}");
    }
}

fn write_whole(mut number: u64, out: &mut Vec<u8>) {
    let start = out.len();
    loop {
        out.push(b'0' + u8::try_from(number % 10).unwrap_or_default());
        number /= 10;
        if number == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
}

fn field<T>(
    name: &'static str,
    raw: Option<&RawValue>,
    wrongs: &mut Vec<Problem>,
    read: impl FnOnce(&str) -> Result<T, Wrong>,
) -> Option<T> {
    let read = raw.map_or_else(|| Err(Wrong::missing()), |it| read(it.get()));
    read.map_err(|wrong| wrongs.push(wrong.at(name))).ok()
}

fn id(json: &str) -> Result<TradeId, Wrong> {
    let text = unescaped(json);
    // A number is its digits: as a text it is the same id.
    let text = text
        .as_deref()
        .or_else(|| json.bytes().all(|it| it.is_ascii_digit()).then_some(json));
    text.and_then(TradeId::new)
        .ok_or_else(|| Wrong::new(ID_RULE, json))
}

fn time(json: &str) -> Result<Timestamp, Wrong> {
    let wrong = || Wrong::new(TIME_RULE, json);
    if let Some(text) = unescaped(json) {
        return text.parse().map_err(|_| wrong());
    }
    let is_plain = json.len() <= MILLIS_DIGITS_MAX && json.bytes().all(|it| it.is_ascii_digit());
    let millis: i64 = is_plain
        .then(|| json.parse().ok())
        .flatten()
        .ok_or_else(wrong)?;
    Timestamp::from_unix_nanos(i128::from(millis) * 1_000_000).map_err(|_| wrong())
}

fn side(json: &str) -> Result<Taker, Wrong> {
    match json {
        "\"buy\"" | "\"Buy\"" | "\"BUY\"" => Ok(Taker::Buy),
        "\"sell\"" | "\"Sell\"" | "\"SELL\"" => Ok(Taker::Sell),
        _ => Err(Wrong::new(SIDE_RULE, json)),
    }
}

/// A text or a number: both are digits here, and neither is ever a float.
fn price(json: &str) -> Result<Price, Wrong> {
    match parse_decimal(json.as_bytes()) {
        Ok(number) => Price::new(number),
        Err(_) => Price::read(json),
    }
}

fn size(json: &str) -> Result<Size, Wrong> {
    match parse_decimal(json.as_bytes()) {
        Ok(number) => Size::new(number),
        Err(_) => Size::read(json),
    }
}

#[cfg(test)]
pub(super) fn trade(id: &str, time: &str, side: Taker, price: &str, size: &str) -> PublicTrade {
    PublicTrade {
        id: TradeId::new(id).unwrap(),
        time: time.parse().unwrap(),
        symbol: "BTCUSDT".parse().unwrap(),
        side,
        price: price.parse().unwrap(),
        size: size.parse().unwrap(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trade_has_one_line() {
        let line = r#"{"id":"7","time":"2024-10-23T14:30:00.123Z","symbol":"BTCUSDT","side":"buy","price":"60000.00","size":"0.5"}"#;
        let trade = PublicTrade::parse(line.as_bytes()).unwrap();
        let mut out = Vec::new();
        trade.write_to(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), line);
        let loose = r#"{"S":"x","id":7,"time":1729693800123,"symbol":"BTCUSDT","side":"Buy","price":60000.00,"size":0.5}"#;
        assert_eq!(PublicTrade::parse(loose.as_bytes()).unwrap(), trade);
    }

    #[test]
    fn ids_are_equal_when_their_texts_are() {
        let uuid = "2290a9b8-6ec6-5a22-b5f5-77a6e5e5e5e5";
        let long = "18446744073709551616";
        let texts = [
            "0",
            "7",
            "07",
            "18446744073709551615",
            long,
            uuid,
            "a",
            "A\"\\",
        ];
        for text in texts {
            let id = TradeId::new(text).unwrap();
            assert_eq!(id.to_string(), text);
            for other in texts {
                assert_eq!(TradeId::new(other).unwrap() == id, other == text);
            }
            assert_ne!(
                TradeId::new(&uuid.to_uppercase()).unwrap(),
                TradeId::new(uuid).unwrap()
            );
        }
        for text in ["", " ", "a b", "\u{e9}", &"x".repeat(65)] {
            assert_eq!(TradeId::new(text), None, "{text:?}");
        }
    }

    #[test]
    fn every_wrong_field_is_named() {
        let wrong = |json: &str| PublicTrade::parse(json.as_bytes()).unwrap_err().to_string();
        let text = wrong(
            r#"{"id":"","time":"2024-10-23","symbol":"btc","side":"up","price":"1e5","size":0}"#,
        );
        for name in ["id: ", "time: ", "symbol: ", "side: ", "price: ", "size: "] {
            assert!(text.contains(name), "{text}");
        }
        assert!(wrong("{}").contains("size: is missing"));
        assert!(wrong(r#"{"id":"1","id":"2"}"#).contains("duplicate field"));
        assert!(PublicTrade::parse(b"[]").is_err());
        assert!(PublicTrade::parse(b"").is_err());
    }
}
