//! Results in units of what was risked.
//!
//! Always true:
//! - The risk is that of the entry: the distance from its price to its first stop, times the shares.
//! - Every trade has a multiple, or is counted as missing, or as one with its stop on the wrong side.

use std::cmp::Ordering;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::Serialize;

use crate::books::ClosedTrade;
use crate::books::metrics::{RATIO_PLACES, rounded};
use crate::record::field::{Action, difference_times};

use super::SheetError;
use super::blank::{Blank, Nulls, noted};
use super::ledger::{Column, Row, Scale, Scales};
use crate::books::json::text_or_null;

/// The lower ends of the buckets; the first has none below it.
const BUCKET_ENDS: [i64; 9] = [-3, -2, -1, 0, 1, 2, 3, 4, 5];

/// The places of a multiple.
const SCALE: Scale = Scale(RATIO_PLACES);
const ONE: i128 = 10_i128.pow(RATIO_PLACES);

/// The multiples of all trades that have one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RMultiples {
    /// How many trades have one.
    pub count: u64,
    /// How many have no entry, no stop, or a stop at the price of the entry.
    pub missing: u64,
    /// How many have their stop on the side on which they earn: an error in the data.
    pub wrong_side: u64,
    /// The mean.
    #[serde(serialize_with = "text_or_null")]
    pub mean: Option<Decimal>,
    /// The one in the middle, or the mean of the two there.
    #[serde(serialize_with = "text_or_null")]
    pub median: Option<Decimal>,
    /// The largest.
    #[serde(serialize_with = "text_or_null")]
    pub best: Option<Decimal>,
    /// The smallest.
    #[serde(serialize_with = "text_or_null")]
    pub worst: Option<Decimal>,
    /// How they are spread, from the smallest.
    pub distribution: Vec<RBucket>,
}

/// The multiples from one number up to another.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RBucket {
    /// From here on; null in the first bucket.
    #[serde(serialize_with = "text_or_null")]
    pub from: Option<Decimal>,
    /// Up to here, and not this number itself; null in the last bucket.
    #[serde(serialize_with = "text_or_null")]
    pub below: Option<Decimal>,
    /// How many.
    pub count: u64,
}

/// What was risked in a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Risk {
    Money(Decimal),
    Missing,
    WrongSide,
}

impl Risk {
    pub(super) fn of(trade: &ClosedTrade) -> Result<Risk, SheetError> {
        let (Some(entry), Some(stop)) = (trade.entry_price, trade.stop_loss) else {
            return Ok(Risk::Missing);
        };
        let (high, low) = match trade.direction {
            Action::Buy => (entry.value(), stop.value()),
            Action::Sell => (stop.value(), entry.value()),
        };
        if high < low {
            return Ok(Risk::WrongSide);
        }
        let shares = u32::try_from(trade.quantity).ok();
        let risk = shares.and_then(|it| difference_times(high, low, it));
        match risk {
            Some(risk) if risk.is_zero() => Ok(Risk::Missing),
            Some(risk) => Ok(Risk::Money(risk)),
            None => Err(too_large(trade)),
        }
    }
}

fn too_large(trade: &ClosedTrade) -> SheetError {
    SheetError::TooLarge {
        field: "risk",
        order_id: trade.order_id.clone(),
    }
}

/// The multiples, one trade after the other.
#[derive(Debug)]
pub(super) struct Multiples {
    scales: Scales,
    column: Column,
    /// Rounded, in units of [`SCALE`].
    multiples: Vec<i128>,
    sum: i128,
    counts: [u64; BUCKET_ENDS.len() + 1],
    missing: u64,
    wrong_side: u64,
}

impl Multiples {
    pub(super) fn new(scales: Scales) -> Multiples {
        Multiples {
            scales,
            column: Column::new("R multiples", SCALE),
            multiples: Vec::new(),
            sum: 0,
            counts: [0; BUCKET_ENDS.len() + 1],
            missing: 0,
            wrong_side: 0,
        }
    }

    pub(super) fn take(&mut self, row: &Row<'_>) -> Result<(), SheetError> {
        let trade = row.trade;
        let risk = match Risk::of(trade)? {
            Risk::Money(risk) => risk,
            Risk::Missing => {
                self.missing += 1;
                return Ok(());
            }
            Risk::WrongSide => {
                self.wrong_side += 1;
                return Ok(());
            }
        };
        let multiple = Multiple::of(row.result, self.scales.result, risk);
        let multiple = multiple.ok_or_else(|| too_large(trade))?;
        let bucket = BUCKET_ENDS.partition_point(|it| i128::from(*it) * ONE <= multiple.floor);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.sum += self.column.take_units(Some(multiple.nearest), trade)?;
        self.multiples.push(multiple.nearest);
        Ok(())
    }

    pub(super) fn shown(mut self, nulls: &mut Nulls) -> RMultiples {
        let count = u64::try_from(self.multiples.len()).unwrap_or(u64::MAX);
        let blank = match self.missing + self.wrong_side {
            0 => Blank::NoTrades,
            _ => Blank::NoRisk,
        };
        let mut maybe = |name: &str, value: Option<Decimal>| {
            noted(nulls, &format!("r_multiples.{name}"), value.ok_or(blank))
        };
        let multiples = &self.multiples;
        let extreme = |it: Option<&i128>| it.and_then(|it| SCALE.exact(*it).nearest().map(rounded));
        let r = RMultiples {
            count,
            missing: self.missing,
            wrong_side: self.wrong_side,
            mean: maybe("mean", SCALE.exact(self.sum).over(count)),
            best: maybe("best", extreme(multiples.iter().max())),
            worst: maybe("worst", extreme(multiples.iter().min())),
            median: maybe("median", median(&mut self.multiples)),
            distribution: distribution(self.counts),
        };
        nulls.insert("r_multiples.distribution.from".to_owned(), Blank::OpenEnded);
        nulls.insert(
            "r_multiples.distribution.below".to_owned(),
            Blank::OpenEnded,
        );
        r
    }
}

/// A result in units of its risk, in units of [`SCALE`].
struct Multiple {
    /// Rounded down: no multiple that is below a whole number gets there.
    floor: i128,
    /// Rounded half to even.
    nearest: i128,
}

impl Multiple {
    /// `None` when it does not fit. The risk is above 0.
    fn of(result: i128, scale: Scale, risk: Decimal) -> Option<Multiple> {
        Multiple::of_units(result, scale, risk).or_else(|| {
            let multiple = scale.exact(result).nearest()?.checked_div(risk)?;
            let round = |how| SCALE.units(multiple.round_dp_with_strategy(RATIO_PLACES, how));
            Some(Multiple {
                floor: round(RoundingStrategy::ToNegativeInfinity)?,
                nearest: round(RoundingStrategy::MidpointNearestEven)?,
            })
        })
    }

    /// In whole numbers, which is several times as fast; `None` beyond 127 bits.
    fn of_units(result: i128, scale: Scale, risk: Decimal) -> Option<Multiple> {
        let power = |places: u32| 10_i128.checked_pow(places);
        let (mut result, mut risk, places) = (result, risk.mantissa(), risk.scale() + RATIO_PLACES);
        match places.checked_sub(scale.0) {
            Some(up) => result = result.checked_mul(power(up)?)?,
            None => risk = risk.checked_mul(power(scale.0 - places)?)?,
        }
        let floor = result.checked_div_euclid(risk)?;
        let rest = result.checked_sub(floor.checked_mul(risk)?)?;
        let up = match rest.cmp(&(risk - rest)) {
            Ordering::Less => 0,
            Ordering::Equal => floor & 1,
            Ordering::Greater => 1,
        };
        Some(Multiple {
            floor,
            nearest: floor + up,
        })
    }
}

fn median(multiples: &mut [i128]) -> Option<Decimal> {
    let middle = multiples.len() / 2;
    let is_even = multiples.len().is_multiple_of(2);
    if multiples.is_empty() {
        return None;
    }
    let (below, upper, _) = multiples.select_nth_unstable(middle);
    match below.iter().max() {
        Some(lower) if is_even => {
            let both = SCALE.exact(*lower).checked_add(SCALE.exact(*upper))?;
            both.over(2)
        }
        _ => SCALE.exact(*upper).nearest().map(rounded),
    }
}

fn distribution(counts: [u64; BUCKET_ENDS.len() + 1]) -> Vec<RBucket> {
    let ends = || BUCKET_ENDS.iter().map(|it| Some(Decimal::from(*it)));
    let from = std::iter::once(None).chain(ends());
    let below = ends().chain(std::iter::once(None));
    let buckets = from.zip(below).zip(counts);
    let buckets = buckets.map(|((from, below), count)| RBucket { from, below, count });
    buckets.collect()
}
