//! Executions as lines of JSON name them, read on all cores.
//!
//! Always true:
//! - Texts are borrowed from the input; a number is read digit by digit or refused.
//! - The first line that is wrong is the one that is told, however many cores read.
//! - A field that is not known is passed over, and told once.
//!
//! Not here: whether a trade is legal, which the books say.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::thread;

use memchr::{memchr, memchr_iter};
use rust_decimal::Decimal;
use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use tradejournal::books::tax::{Execution, NamedLot};
use tradejournal::record::field::{Action, Amount, AssetClass};
use tradejournal::time::Timestamp;

/// What is read by one thread at least.
const CHUNK_LEN_MIN: usize = 1 << 18;

/// What lines need not say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unsaid<'a> {
    pub(super) classes: &'a BTreeMap<String, AssetClass>,
    pub(super) class: AssetClass,
}

/// All lines.
#[derive(Debug, Default)]
pub(super) struct Read<'a> {
    pub(super) executions: Vec<Execution<'a>>,
    /// Fields that no trade has.
    pub(super) unknown: BTreeSet<String>,
}

/// A line that is no trade.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadLine {
    /// From 1.
    pub(super) line: usize,
    pub(super) trade_id: Option<String>,
    pub(super) symbol: Option<String>,
    pub(super) problem: String,
}

/// Reads them.
pub(super) fn read<'a>(text: &'a [u8], unsaid: Unsaid<'_>) -> Result<Read<'a>, BadLine> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut chunks = chunks(text, cores);
    let last = chunks.pop().unwrap_or_default();
    let parts = thread::scope(|scope| {
        let others: Vec<_> = chunks
            .into_iter()
            .map(|chunk| scope.spawn(move || part(chunk, unsaid)))
            .collect();
        let last = part(last, unsaid);
        let others = others.into_iter().map(|it| it.join());
        let mut parts: Vec<_> = others
            .map(|it| it.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect();
        parts.push(last);
        parts
    });
    let mut read = Read::default();
    for part in parts {
        let mut part = part.map_err(|error| error.on_line(text))?;
        match read.executions.is_empty() {
            true => read.executions = part.executions,
            false => read.executions.append(&mut part.executions),
        }
        read.unknown.append(&mut part.unknown);
    }
    Ok(read)
}

/// The line of an execution: blank lines have none.
pub(super) fn line_of(text: &[u8], index: usize) -> Option<usize> {
    let lines = text.split(|it| *it == b'\n').zip(1..);
    let mut full = lines.filter(|(line, _)| !line.trim_ascii().is_empty());
    full.nth(index).map(|it| it.1)
}

/// The text in at most so many parts of whole lines.
fn chunks(text: &[u8], count: usize) -> Vec<&[u8]> {
    let len = (text.len() / count.max(1)).max(CHUNK_LEN_MIN);
    let mut chunks = Vec::with_capacity(count + 1);
    let mut rest = text;
    while len < rest.len() {
        let behind = rest.get(len..).unwrap_or_default();
        let Some(end) = memchr(b'\n', behind) else {
            break;
        };
        let (chunk, others) = rest.split_at(len + end + 1);
        chunks.push(chunk);
        rest = others;
    }
    chunks.push(rest);
    chunks
}

/// What is wrong, and in which line.
struct Wrong<'a> {
    line: &'a [u8],
    problem: String,
}

impl Wrong<'_> {
    fn on_line(self, text: &[u8]) -> BadLine {
        let start = self.line.as_ptr().addr() - text.as_ptr().addr();
        let before = text.get(..start).unwrap_or_default();
        // What can be told of it in spite of what is wrong.
        let object = serde_json::from_slice::<serde_json::Value>(self.line).unwrap_or_default();
        let text = |name: &str| object.get(name)?.as_str().map(str::to_owned);
        BadLine {
            line: memchr_iter(b'\n', before).count() + 1,
            trade_id: text("id"),
            symbol: text("symbol"),
            problem: self.problem,
        }
    }
}

fn part<'a>(chunk: &'a [u8], unsaid: Unsaid<'_>) -> Result<Read<'a>, Wrong<'a>> {
    // Lines of about 200 bytes.
    let mut executions = Vec::with_capacity(chunk.len() / 192);
    let mut unknown = BTreeSet::new();
    let mut rest = chunk;
    while !rest.is_empty() {
        let end = memchr(b'\n', rest).unwrap_or(rest.len());
        let (line, behind) = rest.split_at(end);
        rest = behind.get(1..).unwrap_or_default();
        if line.trim_ascii().is_empty() {
            continue;
        }
        let wrong = |problem: String| Wrong { line, problem };
        let text = std::str::from_utf8(line).map_err(|error| {
            wrong(format!(
                "is not UTF-8 from its byte {} on",
                error.valid_up_to()
            ))
        })?;
        let mut line: Line<'a> = serde_json::from_str(text).map_err(|it| wrong(told(&it)))?;
        unknown.extend(line.unknown.drain(..));
        executions.push(line.execution(unsaid).map_err(wrong)?);
    }
    Ok(Read {
        executions,
        unknown,
    })
}

/// An error without the line, which is always the first one for whoever reads lines one by one.
fn told(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((text, _)) if error.column() != 0 => format!("{text} (column {})", error.column()),
        _ => text,
    }
}

/// What a line says.
#[derive(Default)]
struct Line<'a> {
    id: Option<Text<'a>>,
    timestamp: Option<Timestamp>,
    action: Option<Action>,
    symbol: Option<Text<'a>>,
    quantity: Option<Decimal>,
    price: Option<Decimal>,
    commission: Option<Decimal>,
    account_id: Option<Text<'a>>,
    order_id: Option<Text<'a>>,
    fee_asset: Option<Text<'a>>,
    fee_value: Option<Decimal>,
    asset_class: Option<AssetClass>,
    lots: Option<Vec<NamedLot<'a>>>,
    /// Fields that no trade has.
    unknown: Vec<String>,
}

impl<'a> Line<'a> {
    fn execution(self, unsaid: Unsaid<'_>) -> Result<Execution<'a>, String> {
        let missing = |name: &str| format!("{name}: is missing");
        let symbol = self.symbol.ok_or_else(|| missing("symbol"))?.0;
        let by_symbol = match unsaid.classes.is_empty() {
            true => None,
            false => unsaid.classes.get(symbol.as_ref()).copied(),
        };
        Ok(Execution {
            id: self.id.ok_or_else(|| missing("id"))?.0,
            at: self.timestamp.ok_or_else(|| missing("timestamp"))?,
            action: self.action.ok_or_else(|| missing("action"))?,
            symbol,
            quantity: self.quantity.ok_or_else(|| missing("quantity"))?,
            price: self.price.ok_or_else(|| missing("price"))?,
            commission: self.commission.unwrap_or_default(),
            account_id: self.account_id.map_or(Cow::Borrowed(""), |it| it.0),
            order_id: self.order_id.map(|it| it.0),
            fee_asset: self.fee_asset.map(|it| it.0),
            fee_value: self.fee_value,
            asset_class: self.asset_class.or(by_symbol).unwrap_or(unsaid.class),
            lots: self.lots.unwrap_or_default(),
            carried: None,
        })
    }
}

impl<'de> Deserialize<'de> for Line<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Line<'de>, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Line<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a trade as a JSON object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Line<'de>, M::Error> {
                let mut line = Line::default();
                while let Some(Text(name)) = map.next_key::<Text<'de>>()? {
                    let map = &mut map;
                    match name.as_ref() {
                        "id" => text(map, &name, &mut line.id)?,
                        "timestamp" => parsed(map, &name, &mut line.timestamp)?,
                        "action" => parsed(map, &name, &mut line.action)?,
                        "symbol" => text(map, &name, &mut line.symbol)?,
                        "quantity" => parsed(map, &name, &mut line.quantity)?,
                        "price" => parsed(map, &name, &mut line.price)?,
                        "commission" => parsed(map, &name, &mut line.commission)?,
                        "account_id" => text(map, &name, &mut line.account_id)?,
                        "order_id" => text(map, &name, &mut line.order_id)?,
                        "fee_asset" => text(map, &name, &mut line.fee_asset)?,
                        "fee_value" => parsed(map, &name, &mut line.fee_value)?,
                        "asset_class" => parsed(map, &name, &mut line.asset_class)?,
                        "lots" => {
                            let lots: Option<Vec<Lot<'de>>> = value(map, &name)?;
                            let lots = lots.map(|it| it.into_iter().map(Lot::named).collect());
                            set(&name, &mut line.lots, lots)?;
                        }
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            line.unknown.push(name.into_owned());
                        }
                    }
                }
                Ok(line)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

fn value<'de, M: MapAccess<'de>, T: Deserialize<'de>>(
    map: &mut M,
    name: &str,
) -> Result<T, M::Error> {
    map.next_value()
        .map_err(|error| M::Error::custom(format!("{name}: {error}")))
}

fn text<'de, M: MapAccess<'de>>(
    map: &mut M,
    name: &str,
    slot: &mut Option<Text<'de>>,
) -> Result<(), M::Error> {
    let given = value(map, name)?;
    set(name, slot, given)
}

fn parsed<'de, M: MapAccess<'de>, T: Parsed>(
    map: &mut M,
    name: &str,
    slot: &mut Option<T>,
) -> Result<(), M::Error> {
    let given: Option<Of<T>> = value(map, name)?;
    set(name, slot, given.map(|it| it.0))
}

fn set<T, E: serde::de::Error>(
    name: &str,
    slot: &mut Option<T>,
    given: Option<T>,
) -> Result<(), E> {
    match (&slot, given) {
        (Some(_), _) => Err(E::custom(format!("{name}: is there twice"))),
        (None, given) => {
            *slot = given;
            Ok(())
        }
    }
}

/// A text, borrowed where nothing in it is escaped.
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text<'a>, D::Error> {
        struct Chars;
        impl<'de> Visitor<'de> for Chars {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text in quotes")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Chars)
    }
}

/// What is read from a text.
trait Parsed: Sized {
    const EXPECTED: &'static str;

    fn parse(text: &str) -> Result<Self, String>;
}

impl Parsed for Decimal {
    const EXPECTED: &'static str = "a decimal as a text in quotes, such as \"150.25\"";

    fn parse(text: &str) -> Result<Decimal, String> {
        let amount = text.parse::<Amount>();
        amount.map(Amount::value).map_err(|wrong| wrong.to_string())
    }
}

impl Parsed for Timestamp {
    const EXPECTED: &'static str = "a time such as \"2025-10-26T14:30:00Z\"";

    fn parse(text: &str) -> Result<Timestamp, String> {
        text.parse()
            .map_err(|wrong| format!("{wrong}, got {text:?}"))
    }
}

impl Parsed for Action {
    const EXPECTED: &'static str = "\"BUY\" or \"SELL\"";

    fn parse(text: &str) -> Result<Action, String> {
        text.parse::<Action>().map_err(|wrong| wrong.to_string())
    }
}

impl Parsed for AssetClass {
    const EXPECTED: &'static str = "\"equity\", \"fund\" or \"crypto\"";

    fn parse(text: &str) -> Result<AssetClass, String> {
        text.parse::<AssetClass>()
            .map_err(|wrong| wrong.to_string())
    }
}

struct Of<T>(T);

impl<'de, T: Parsed> Deserialize<'de> for Of<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Of<T>, D::Error> {
        struct Chars<T>(std::marker::PhantomData<T>);
        impl<T: Parsed> Visitor<'_> for Chars<T> {
            type Value = Of<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(T::EXPECTED)
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Of<T>, E> {
                T::parse(text).map(Of).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Chars(std::marker::PhantomData))
    }
}

/// So much of that purchase.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Lot<'a> {
    #[serde(borrow)]
    buy_id: Text<'a>,
    quantity: Of<Decimal>,
}

impl<'a> Lot<'a> {
    fn named(self) -> NamedLot<'a> {
        NamedLot {
            buy_id: self.buy_id.0,
            quantity: self.quantity.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"id":"1","timestamp":"2025-01-06T15:30:00-05:00","action":"BUY","symbol":"AAPL","quantity":"10","price":"243.00"}"#;

    fn all(text: &str) -> Result<Read<'_>, BadLine> {
        let classes = BTreeMap::from([("SPY".to_owned(), AssetClass::Fund)]);
        let unsaid = Unsaid {
            classes: &classes,
            class: AssetClass::Equity,
        };
        read(text.as_bytes(), unsaid)
    }

    fn problem(line: &str) -> String {
        all(line).unwrap_err().problem
    }

    #[test]
    fn a_line_is_a_trade_and_what_it_does_not_say_has_a_default() {
        let text = format!(
            "\n{LINE}\r\n  \n{}",
            LINE.replace("AAPL", "SPY").replace("\"1\"", "\"\\u0032\"")
        );
        let read = all(&text).unwrap();
        let [first, second] = &read.executions[..] else {
            panic!()
        };
        assert_eq!(first.at.to_string(), "2025-01-06T20:30:00.000Z");
        assert_eq!((first.commission, &*first.account_id), (Decimal::ZERO, ""));
        assert!(matches!(first.id, Cow::Borrowed("1")));
        assert_eq!((&*second.id, second.asset_class), ("2", AssetClass::Fund));
        assert_eq!(line_of(text.as_bytes(), 1), Some(4));
    }

    #[test]
    fn optional_fields_may_be_null_and_others_are_read() {
        let more = r#","commission":"1.50","account_id":"a","order_id":"o","fee_asset":"BNB","fee_value":"2","asset_class":"crypto","lots":[{"buy_id":"b","quantity":"0.5"}],"note":{"a":[1]}}"#;
        let text = LINE.replace('}', more);
        let read = all(&text).unwrap();
        let trade = &read.executions[0];
        assert_eq!(trade.fee_value, Some(Decimal::TWO));
        assert_eq!(trade.lots[0].buy_id, "b");
        assert_eq!(read.unknown, BTreeSet::from(["note".to_owned()]));
        let text = LINE.replace(
            '}',
            r#","order_id":null,"lots":null,"fee_value":null,"commission":null}"#,
        );
        let read = all(&text).unwrap();
        assert_eq!(read.executions[0].order_id, None);
    }

    #[test]
    fn what_is_wrong_is_told_with_the_field() {
        for (from, to, wanted) in [
            (
                "\"10\"",
                "10",
                "quantity: invalid type: integer `10`, expected a decimal as a text in quotes, such as \"150.25\" (column 89)",
            ),
            (
                "\"10\"",
                "\"1e1\"",
                "quantity: must be a decimal string, got \"1e1\"",
            ),
            (
                "BUY",
                "HOLD",
                "action: must be \"BUY\" or \"SELL\", got \"HOLD\"",
            ),
            ("-05:00", "", "timestamp: has no zone"),
            ("\"price\":\"243.00\"", "\"id\":\"2\"", "id: is there twice"),
            (",\"price\":\"243.00\"", "", "price: is missing"),
            (
                "{",
                "[",
                "invalid type: sequence, expected a trade as a JSON object",
            ),
            ("}", "", "EOF while parsing an object"),
        ] {
            let found = problem(&LINE.replace(from, to));
            let start = wanted.split(" (column").next().unwrap();
            assert!(found.starts_with(start), "{found}");
        }
    }

    #[test]
    fn the_first_wrong_line_is_told_by_however_many_threads() {
        let lines: String = (0..9000)
            .map(|it| LINE.replace("\"1\"", &format!("\"{it}\"")) + "\n")
            .collect();
        assert!(3 * CHUNK_LEN_MIN < lines.len());
        assert_eq!(chunks(lines.as_bytes(), 4).concat(), lines.as_bytes());
        let read = all(&lines).unwrap();
        let ids = read
            .executions
            .iter()
            .map(|it| it.id.parse::<usize>().unwrap());
        assert!(ids.eq(0..9000));
        let wrong = lines.replace("\"8000\",", "\"8000\",\"id\":\"x\",");
        let wrong = wrong.replace("\"8500\",", "\"8500\",\"id\":\"x\",");
        let found = all(&wrong).unwrap_err();
        assert_eq!(
            (found.line, found.problem.as_str()),
            (8001, "id: is there twice (column 21)")
        );
        assert_eq!(found.symbol.as_deref(), Some("AAPL"));
    }
}
