//! What was traded in a minute, price by price.
//!
//! Always true:
//! - Sums are exact; what would not be is refused.
//! - The same trades give the same footprint, in whatever order they come.
//! - Its JSON is one line of one shape: `timestamp` and `price_levels`, numbers with the decimals they have.
//!   What is read from JSON adds up: total = buy + sell, delta = buy - sell.
//!
//! Not here: which trades were counted already (`intake`).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::{Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::minute::Minute;
use super::trade::{PublicTrade, Taker};
use crate::record::field::{parse_decimal, sum, write_decimal};
use crate::time::Timestamp;

/// How far apart price levels are: a price belongs to the level that is not above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step(Decimal);

impl Step {
    /// That step, if it is above zero.
    #[must_use]
    pub fn new(step: Decimal) -> Option<Step> {
        (step.mantissa() > 0).then_some(Step(step))
    }

    /// The exact number.
    #[must_use]
    pub fn value(self) -> Decimal {
        self.0
    }

    /// The level of a price, with the decimals of the step; `None` when no decimal is exactly that.
    fn level(self, price: Decimal) -> Option<Decimal> {
        let scale = price.scale().max(self.0.scale());
        let units = |it: Decimal| {
            let up = 10_i128.checked_pow(scale - it.scale())?;
            it.mantissa().checked_mul(up)
        };
        let steps = units(price)?.div_euclid(units(self.0)?);
        let mantissa = steps.checked_mul(self.0.mantissa())?;
        Decimal::try_from_i128_with_scale(mantissa, self.0.scale()).ok()
    }
}

/// What was traded at one level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// What buyers took.
    pub buy_volume: Decimal,
    /// What sellers took.
    pub sell_volume: Decimal,
    /// How many trades that was.
    pub trade_count: u64,
}

impl Level {
    /// Both sides together; `None` when no decimal is exactly that.
    #[must_use]
    pub fn total_volume(&self) -> Option<Decimal> {
        sum(self.buy_volume, self.sell_volume)
    }

    /// What buyers took beyond what sellers took.
    #[must_use]
    pub fn delta(&self) -> Option<Decimal> {
        sum(self.buy_volume, -self.sell_volume)
    }

    fn plus(&self, other: &Level) -> Option<Level> {
        // Most of what is added has one side, and adding nothing takes no arithmetic.
        let side = |own: Decimal, more: Decimal| match more.mantissa() {
            0 if more.scale() <= own.scale() => Some(own),
            _ => sum(own, more),
        };
        let level = Level {
            buy_volume: side(self.buy_volume, other.buy_volume)?,
            sell_volume: side(self.sell_volume, other.sell_volume)?,
            trade_count: self.trade_count.checked_add(other.trade_count)?,
        };
        level.is_exact().then_some(level)
    }

    /// Whether its total and its delta can be told. What cannot be told later is refused now.
    fn is_exact(&self) -> bool {
        let is_short = |it: Decimal| it.scale() <= 8 && it.mantissa() < 1 << 64;
        let is_short = is_short(self.buy_volume) && is_short(self.sell_volume);
        // 64 bits and 8 more places are 91 bits, one more for the sum.
        is_short || self.total_volume().and(self.delta()).is_some()
    }

    fn covers(&self, other: &Level) -> bool {
        other.buy_volume <= self.buy_volume
            && other.sell_volume <= self.sell_volume
            && other.trade_count <= self.trade_count
    }
}

/// A sum that no decimal holds exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the volume of that minute has more digits than can be kept exactly")]
#[non_exhaustive]
pub struct Inexact;

/// What was traded in a minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Footprint {
    minute: Minute,
    levels: BTreeMap<Decimal, Level>,
    /// All levels together.
    total: Level,
}

/// Why a text is no footprint.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FootprintError {
    /// It is not JSON of that shape.
    #[error("is no minute of price levels: {0}")]
    Shape(serde_json::Error),
    /// A member is not what it must be.
    #[error("{member} of {of} {rule}, got {found}")]
    Wrong {
        /// The member.
        member: &'static str,
        /// Of which level, or of the minute.
        of: String,
        /// What it must be.
        rule: &'static str,
        /// What it is.
        found: String,
    },
}

impl Footprint {
    /// A minute without trades.
    #[must_use]
    pub fn new(minute: Minute) -> Footprint {
        Footprint {
            minute,
            levels: BTreeMap::new(),
            total: Level::default(),
        }
    }

    /// Which minute.
    #[must_use]
    pub fn minute(&self) -> Minute {
        self.minute
    }

    /// Its levels, from the lowest price up.
    #[must_use]
    pub fn levels(&self) -> &BTreeMap<Decimal, Level> {
        &self.levels
    }

    /// Whether nothing was traded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }

    /// All levels together.
    #[must_use]
    pub fn total(&self) -> Level {
        self.total
    }

    /// Counts a trade of this minute. Without a step each price is a level of its own.
    ///
    /// # Errors
    /// [`Inexact`]; nothing was counted then.
    pub fn add(&mut self, trade: &PublicTrade, step: Option<Step>) -> Result<(), Inexact> {
        let price = trade.price.value();
        let level = step
            .map_or(Some(price), |it| it.level(price))
            .ok_or(Inexact)?;
        let size = trade.size.value();
        let (buy_volume, sell_volume) = match trade.side {
            Taker::Buy => (size, Decimal::ZERO),
            Taker::Sell => (Decimal::ZERO, size),
        };
        self.add_level(
            level,
            &Level {
                buy_volume,
                sell_volume,
                trade_count: 1,
            },
        )
    }

    fn add_level(&mut self, price: Decimal, more: &Level) -> Result<(), Inexact> {
        let total = self.total.plus(more).ok_or(Inexact)?;
        match self.levels.entry(price) {
            Entry::Occupied(mut found) => {
                let level = found.get().plus(more).ok_or(Inexact)?;
                // `60000.0` and `60000.00` are one level, which has the decimals of the longer one.
                if found.key().scale() < price.scale() {
                    found.remove();
                    self.levels.insert(price, level);
                } else {
                    *found.get_mut() = level;
                }
            }
            Entry::Vacant(free) => {
                free.insert(*more);
            }
        }
        self.total = total;
        Ok(())
    }

    /// Whether it has at least what `other` has, at every level.
    #[must_use]
    pub fn covers(&self, other: &Footprint) -> bool {
        self.minute == other.minute
            && other
                .levels
                .iter()
                .all(|(price, level)| self.levels.get(price).is_some_and(|own| own.covers(level)))
    }

    /// Its JSON: one line, without the end of line.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + 160 * self.levels.len());
        out.extend_from_slice(b"{\"timestamp\":\"");
        out.extend_from_slice(self.timestamp().as_bytes());
        out.extend_from_slice(b"\",\"price_levels\":{");
        for (index, (price, level)) in self.levels.iter().enumerate() {
            out.extend_from_slice(if index == 0 { b"\"" } else { b",\"" });
            write_decimal(*price, &mut out);
            out.extend_from_slice(b"\":{\"price_level\":");
            write_decimal(*price, &mut out);
            let numbers: [(&[u8], Decimal); 4] = [
                (b",\"buy_volume\":", level.buy_volume),
                (b",\"sell_volume\":", level.sell_volume),
                (
                    b",\"total_volume\":",
                    level.total_volume().unwrap_or_default(),
                ),
                (b",\"delta\":", level.delta().unwrap_or_default()),
            ];
            for (name, number) in numbers {
                out.extend_from_slice(name);
                write_decimal(number, &mut out);
            }
            out.extend_from_slice(format!(",\"trade_count\":{}}}", level.trade_count).as_bytes());
        }
        out.extend_from_slice(b"}}");
        out
    }

    /// `2024-10-23T14:30:00.000000`: without a zone, as what reads these files expects; it is UTC.
    fn timestamp(&self) -> String {
        format!("{}:00.000000", self.minute)
    }

    /// Reads its JSON.
    ///
    /// # Errors
    /// [`FootprintError`], with the first thing that is wrong.
    pub fn parse(json: &[u8]) -> Result<Footprint, FootprintError> {
        let raw: RawFootprint<'_> = serde_json::from_slice(json).map_err(FootprintError::Shape)?;
        let mut footprint = Footprint::new(minute(&raw.timestamp)?);
        for (key, raw) in &raw.price_levels.0 {
            let (price, level) = raw.level(key)?;
            if footprint.levels.contains_key(&price) {
                return Err(wrong("price_level", key, "must be there once", key));
            }
            if let Err(inexact) = footprint.add_level(price, &level) {
                let (of, rule) = ("the minute", "must be an exact sum");
                return Err(wrong("total_volume", of, rule, &inexact.to_string()));
            }
        }
        Ok(footprint)
    }
}

fn wrong(member: &'static str, of: &str, rule: &'static str, found: &str) -> FootprintError {
    let found = found.chars().take(FOUND_MAX).collect();
    let of = of.chars().take(FOUND_MAX).collect();
    FootprintError::Wrong {
        member,
        of,
        rule,
        found,
    }
}

/// How much of a wrong value is shown.
const FOUND_MAX: usize = 60;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFootprint<'a> {
    #[serde(borrow)]
    timestamp: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    price_levels: RawLevels<'a>,
}

/// Every member, also one that is there twice.
struct RawLevels<'a>(Vec<(String, RawLevel<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for RawLevels<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<RawLevels<'a>, D::Error> {
        struct Levels;
        impl<'de> Visitor<'de> for Levels {
            type Value = RawLevels<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of price levels")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<RawLevels<'de>, M::Error> {
                let mut levels = Vec::new();
                while let Some(level) = map.next_entry()? {
                    levels.push(level);
                    if LEVELS_MAX < levels.len() {
                        return Err(M::Error::custom("more than 1000000 price levels"));
                    }
                }
                Ok(RawLevels(levels))
            }
        }
        from.deserialize_map(Levels)
    }
}

const LEVELS_MAX: usize = 1_000_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLevel<'a> {
    #[serde(borrow)]
    price_level: &'a RawValue,
    #[serde(borrow)]
    buy_volume: &'a RawValue,
    #[serde(borrow)]
    sell_volume: &'a RawValue,
    #[serde(borrow)]
    total_volume: &'a RawValue,
    #[serde(borrow)]
    delta: &'a RawValue,
    trade_count: u64,
}

impl RawLevel<'_> {
    fn level(&self, key: &str) -> Result<(Decimal, Level), FootprintError> {
        let wrong = |member, rule, found: &str| wrong(member, key, rule, found);
        let number = |member, raw: &RawValue| {
            number(raw.get()).ok_or_else(|| wrong(member, "must be a number", raw.get()))
        };
        let price = parse_decimal(key.as_bytes())
            .ok()
            .filter(|it| it.mantissa() >= 0);
        let price = price.ok_or_else(|| wrong("price_level", "must be named by a price", key))?;
        if number("price_level", self.price_level)? != price {
            return Err(wrong(
                "price_level",
                "must be its name",
                self.price_level.get(),
            ));
        }
        let level = Level {
            buy_volume: number("buy_volume", self.buy_volume)?,
            sell_volume: number("sell_volume", self.sell_volume)?,
            trade_count: self.trade_count,
        };
        for (member, volume) in [
            ("buy_volume", level.buy_volume),
            ("sell_volume", level.sell_volume),
        ] {
            if volume.mantissa() < 0 {
                return Err(wrong(member, "must not be below 0", &volume.to_string()));
            }
        }
        let total = level.total_volume();
        let is_traded = level.trade_count > 0 && total.is_none_or(|it| it.mantissa() > 0);
        if !is_traded {
            return Err(wrong(
                "trade_count",
                "must be of trades that there were",
                &level.trade_count.to_string(),
            ));
        }
        let (total, delta) = (
            number("total_volume", self.total_volume)?,
            number("delta", self.delta)?,
        );
        if !level.total_volume().is_some_and(|it| is_near(it, total)) {
            return Err(wrong(
                "total_volume",
                "must be buy_volume + sell_volume",
                self.total_volume.get(),
            ));
        }
        if !level.delta().is_some_and(|it| is_near(it, delta)) {
            return Err(wrong(
                "delta",
                "must be buy_volume - sell_volume",
                self.delta.get(),
            ));
        }
        Ok((price, level))
    }
}

/// Whether a sum is what somebody who counts in floats would say of it.
fn is_near(exact: Decimal, given: Decimal) -> bool {
    const PART: Decimal = Decimal::from_parts(1, 0, 0, false, 9);
    let apart = exact.checked_sub(given).map(|it| it.abs());
    let least = Decimal::ONE.max(exact.abs());
    apart
        .zip(least.checked_mul(PART))
        .is_some_and(|(apart, bound)| apart <= bound)
}

/// A JSON number, in digits or as `1e-05`, with all its digits.
fn number(text: &str) -> Option<Decimal> {
    if let Ok(number) = parse_decimal(text.as_bytes()) {
        return Some(number);
    }
    let (digits, power) = text.split_once(['e', 'E'])?;
    let digits = parse_decimal(digits.as_bytes()).ok()?;
    let power: i32 = power.parse().ok()?;
    let scale = i64::from(digits.scale()) - i64::from(power);
    match u32::try_from(scale) {
        Ok(scale) => Decimal::try_from_i128_with_scale(digits.mantissa(), scale).ok(),
        Err(_) => {
            let up = 10_i128.checked_pow(u32::try_from(-scale).ok()?)?;
            Decimal::try_from_i128_with_scale(digits.mantissa().checked_mul(up)?, 0).ok()
        }
    }
}

/// The minute of `2024-10-23T14:30:00.000000`, with or without its fraction or `Z`.
fn minute(text: &str) -> Result<Minute, FootprintError> {
    let is_zoned = text.ends_with(['Z', 'z']);
    let time = match is_zoned {
        true => text.parse::<Timestamp>(),
        false => format!("{text}Z").parse(),
    };
    let minute = time
        .ok()
        .and_then(|it| (it == Minute::of(it).start()).then_some(Minute::of(it)));
    minute.ok_or_else(|| {
        wrong(
            "timestamp",
            "the minute",
            "must be the start of a minute",
            text,
        )
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::trade::trade;
    use super::*;

    fn seed() -> Footprint {
        let mut footprint = Footprint::new("2024-10-23T14:30".parse().unwrap());
        for (id, side, price, size) in [
            ("1", Taker::Buy, "60000.00", "1.0"),
            ("2", Taker::Buy, "60000.0", "0.5"),
            ("3", Taker::Sell, "60000.00", "0.8"),
            ("4", Taker::Sell, "60001.00", "1.2"),
            ("5", Taker::Buy, "60001.00", "0.9"),
        ] {
            let trade = trade(id, "2024-10-23T14:30:59.999Z", side, price, size);
            footprint.add(&trade, None).unwrap();
        }
        footprint
    }

    #[test]
    fn a_minute_is_one_line_with_the_decimals_that_it_has() {
        let json = r#"{"timestamp":"2024-10-23T14:30:00.000000","price_levels":{"60000.00":{"price_level":60000.00,"buy_volume":1.5,"sell_volume":0.8,"total_volume":2.3,"delta":0.7,"trade_count":3},"60001.00":{"price_level":60001.00,"buy_volume":0.9,"sell_volume":1.2,"total_volume":2.1,"delta":-0.3,"trade_count":2}}}"#;
        assert_eq!(String::from_utf8(seed().to_json()).unwrap(), json);
        assert_eq!(Footprint::parse(json.as_bytes()).unwrap(), seed());
        let total = seed().total();
        assert_eq!(total.buy_volume.to_string(), "2.4");
        assert_eq!(total.delta().unwrap().to_string(), "0.4");
        assert_eq!(total.trade_count, 5);
    }

    #[test]
    fn what_a_program_with_floats_wrote_is_read() {
        let json = r#"{"timestamp":"2024-10-23T14:30:00","price_levels":{"60000.0":{"price_level":60000.0,
            "buy_volume":0.1,"sell_volume":0.00001,"total_volume":0.10001000000000000001,"delta":0.09999,"trade_count":2}}}"#;
        let footprint = Footprint::parse(json.replace("0.00001,", "1e-05,").as_bytes()).unwrap();
        assert_eq!(
            footprint.total().total_volume().unwrap().to_string(),
            "0.10001"
        );
    }

    #[test]
    fn what_does_not_add_up_is_refused_by_name() {
        let json = String::from_utf8(seed().to_json()).unwrap();
        let wrong = |from: &str, to: &str| {
            assert!(json.contains(from), "{from}");
            Footprint::parse(json.replacen(from, to, 1).as_bytes())
                .unwrap_err()
                .to_string()
        };
        assert!(
            wrong("14:30:00.0", "14:30:01.0")
                .starts_with("timestamp of the minute must be the start")
        );
        assert!(
            wrong("\"60000.00\":", "\"60000.01\":")
                .starts_with("price_level of 60000.01 must be its name")
        );
        assert!(
            wrong("2.3", "2.4").starts_with("total_volume of 60000.00 must be buy_volume + sell")
        );
        assert!(wrong("-0.3", "0.3").starts_with("delta of 60001.00"));
        assert!(wrong("1.5", "-1.5").starts_with("buy_volume of 60000.00 must not be below 0"));
        assert!(wrong("\"trade_count\":3", "\"trade_count\":0").starts_with("trade_count"));
        assert!(wrong("\"trade_count\":3", "\"trade_count\":3.5").starts_with("is no minute"));
        assert!(wrong("0.8", "\"0.8\"").starts_with("sell_volume of 60000.00 must be a number"));
        assert!(wrong("\"delta\"", "\"delat\"").starts_with("is no minute"));
        let twice = json.replace("60001.00", "60000.00");
        assert!(
            Footprint::parse(twice.as_bytes())
                .unwrap_err()
                .to_string()
                .contains("must be there once")
        );
        assert!(Footprint::parse(b"[1,2]").is_err());
        assert!(Footprint::parse(b"").is_err());
    }

    #[test]
    fn a_price_belongs_to_the_level_that_is_not_above_it() {
        let level = |step: &str, price: &str| {
            let step = Step::new(step.parse().unwrap()).unwrap();
            step.level(price.parse().unwrap()).unwrap().to_string()
        };
        assert_eq!(level("0.50", "60000.49"), "60000.00");
        assert_eq!(level("0.50", "60000.5"), "60000.50");
        assert_eq!(level("25", "60024.999"), "60000");
        assert_eq!(level("10.0", "0.0001"), "0.0");
        assert_eq!(Step::new(Decimal::ZERO), None);
        assert_eq!(Step::new(Decimal::NEGATIVE_ONE), None);
    }

    #[test]
    fn a_sum_that_no_decimal_holds_is_refused_and_changes_nothing() {
        let mut footprint = seed();
        let huge = trade(
            "9",
            "2024-10-23T14:30:00Z",
            Taker::Buy,
            "60000.00",
            "79228162514264337593543950335",
        );
        assert_eq!(footprint.add(&huge, None), Err(Inexact));
        assert_eq!(footprint, seed());
        // Exact at each level, and not in sum: what is written must be read again.
        let mut apart = Footprint::new(seed().minute);
        let other = trade("10", "2024-10-23T14:30:00Z", Taker::Buy, "60001.00", "0.1");
        apart.add(&huge, None).unwrap();
        assert_eq!(apart.add(&other, None), Err(Inexact));
        assert_eq!(Footprint::parse(&apart.to_json()).unwrap(), apart);
    }

    #[test]
    fn one_covers_another_that_has_no_more() {
        let mut more = seed();
        more.add(
            &trade("6", "2024-10-23T14:30:00Z", Taker::Buy, "59999", "1"),
            None,
        )
        .unwrap();
        assert!(more.covers(&seed()) && seed().covers(&seed()));
        assert!(!seed().covers(&more));
        let mut other = Footprint::new("2024-10-23T14:31".parse().unwrap());
        assert!(!other.covers(&seed()) && !seed().covers(&other));
        other.minute = seed().minute;
        assert!(seed().covers(&other));
    }

    proptest! {
        #[test]
        fn order_changes_nothing_and_json_keeps_all(
            trades in prop::collection::vec(
                (any::<bool>(), 1_u32..500, 0_u32..4, 1_u32..100_000, 0_u32..9),
                1..60,
            ),
            step in prop::option::of(1_u32..50),
            seed in any::<u64>(),
        ) {
            let step = step.map(|it| Step::new(Decimal::new(i64::from(it), 1)).unwrap());
            let minute: Minute = "2024-10-23T14:30".parse().unwrap();
            let trades: Vec<PublicTrade> = trades.iter().map(|(buy, price, places, size, size_places)| {
                let side = if *buy { Taker::Buy } else { Taker::Sell };
                let price = Decimal::new(i64::from(*price) * 10_i64.pow(*places), *places) + Decimal::ONE;
                let size = Decimal::new(i64::from(*size), *size_places);
                trade("1", "2024-10-23T14:30:00Z", side, &price.to_string(), &size.to_string())
            }).collect();
            let mut one = Footprint::new(minute);
            let mut other = Footprint::new(minute);
            let turn = usize::try_from(seed % trades.len() as u64).unwrap();
            for trade in &trades {
                one.add(trade, step).unwrap();
            }
            for trade in trades[turn..].iter().rev().chain(trades[..turn].iter().rev()) {
                other.add(trade, step).unwrap();
            }
            prop_assert_eq!(one.to_json(), other.to_json());
            prop_assert_eq!(Footprint::parse(&one.to_json()).unwrap(), one.clone());
            let bought = trades.iter().filter(|it| it.side == Taker::Buy);
            let bought: Decimal = bought.map(|it| it.size.value()).sum();
            prop_assert_eq!(one.total().buy_volume, bought);
        }
    }
}
