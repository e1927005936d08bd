//! Results in units of what was risked.
//!
//! Always true:
//! - The risk is that of the entry: the distance from its price to its first stop, times the shares.
//! - Every trade has a multiple, or is counted as missing, or as one with its stop on the wrong side.

use rust_decimal::Decimal;
use serde::Serialize;

use crate::books::ClosedTrade;
use crate::books::metrics::{Basis, rounded};
use crate::record::field::{Action, difference_times, sum};

use super::SheetError;
use super::blank::{Blank, Nulls, noted};
use super::json::text_or_null;
use super::ledger::Ledger;

/// The lower ends of the buckets; the first has none below it.
const BUCKET_ENDS: [i64; 9] = [-3, -2, -1, 0, 1, 2, 3, 4, 5];

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

impl RMultiples {
    pub(super) fn of(
        ledger: &Ledger<'_>,
        basis: Basis,
        nulls: &mut Nulls,
    ) -> Result<RMultiples, SheetError> {
        let mut multiples = Vec::new();
        let (mut missing, mut wrong_side) = (0, 0);
        let mut counts = [0_u64; BUCKET_ENDS.len() + 1];
        for trade in ledger.rows.iter().map(|it| it.trade) {
            let risk = match Risk::of(trade)? {
                Risk::Money(risk) => risk,
                Risk::Missing => {
                    missing += 1;
                    continue;
                }
                Risk::WrongSide => {
                    wrong_side += 1;
                    continue;
                }
            };
            let multiple = basis.of(trade).checked_div(risk);
            let multiple = multiple.ok_or_else(|| too_large(trade))?;
            let bucket = BUCKET_ENDS.partition_point(|it| Decimal::from(*it) <= multiple);
            if let Some(count) = counts.get_mut(bucket) {
                *count += 1;
            }
            multiples.push(rounded(multiple));
        }
        let blank = match multiples.is_empty() {
            _ if ledger.rows.is_empty() => Blank::NoTrades,
            true => Blank::NoRisk,
            false => Blank::DoesNotFit,
        };
        let mut noted = |name: &str, value: Option<Decimal>| {
            let value = value.ok_or(blank);
            noted(nulls, &format!("r_multiples.{name}"), value)
        };
        let r = RMultiples {
            count: u64::try_from(multiples.len()).unwrap_or(u64::MAX),
            missing,
            wrong_side,
            mean: noted("mean", mean(&multiples)),
            best: noted("best", multiples.iter().copied().max()),
            worst: noted("worst", multiples.iter().copied().min()),
            median: noted("median", median(multiples)),
            distribution: distribution(counts),
        };
        nulls.insert("r_multiples.distribution.from".to_owned(), Blank::OpenEnded);
        nulls.insert(
            "r_multiples.distribution.below".to_owned(),
            Blank::OpenEnded,
        );
        Ok(r)
    }
}

/// Each is rounded already; their sum is exact.
fn mean(multiples: &[Decimal]) -> Option<Decimal> {
    let all = multiples.iter().copied().try_fold(Decimal::ZERO, sum)?;
    all.checked_div(Decimal::from(multiples.len())).map(rounded)
}

fn median(mut multiples: Vec<Decimal>) -> Option<Decimal> {
    let middle = multiples.len() / 2;
    let is_even = multiples.len().is_multiple_of(2);
    if multiples.is_empty() {
        return None;
    }
    let (below, upper, _) = multiples.select_nth_unstable(middle);
    match below.iter().max() {
        Some(lower) if is_even => {
            let both = sum(*lower, *upper)?;
            both.checked_div(Decimal::TWO).map(rounded)
        }
        _ => Some(*upper),
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
