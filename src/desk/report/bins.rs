//! Histograms: how many trades fall between two values, and what they earned.
//!
//! Always true: each trade that has the value is in exactly one bin.

use rust_decimal::Decimal;
use serde::Serialize;

use super::exact;
use crate::record::field::sum;

/// A bar of a histogram: from a value on, to below the next.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Bin {
    /// Where it begins; null for the first of an open histogram.
    #[serde(serialize_with = "exact::option")]
    pub from: Option<Decimal>,
    /// Where it ends, which is not in it; null for the last of an open histogram.
    #[serde(serialize_with = "exact::option")]
    pub to: Option<Decimal>,
    /// How many trades.
    pub trades: u64,
    /// What they earned after fees.
    #[serde(serialize_with = "exact::text")]
    pub net_pnl: Decimal,
}

/// Seconds at which a bin of holding times ends: a minute, five, a quarter of an hour, an hour, four, a day, a
/// week.
const HOLDING: [i64; 7] = [60, 300, 900, 3600, 14_400, 86_400, 604_800];

/// Of holding times in seconds and results. Empty bins at both ends are left out.
pub(super) fn of_holding(values: impl IntoIterator<Item = (u64, Decimal)>) -> Option<Vec<Bin>> {
    let edges = HOLDING.map(Decimal::from);
    let values = values
        .into_iter()
        .map(|(held, net)| (Decimal::from(held), net));
    let mut bins = fill(&edges, values)?;
    if let Some(first) = bins.first_mut() {
        first.from = Some(Decimal::ZERO);
    }
    let is_empty = |it: &Bin| it.trades == 0;
    let last = bins
        .iter()
        .rposition(|it| !is_empty(it))
        .map_or(0, |it| it + 1);
    bins.truncate(last);
    let first = bins.iter().position(|it| !is_empty(it)).unwrap_or_default();
    Some(bins.split_off(first))
}

/// Counts values between `edges`, which are in order; the first and the last bin are open.
fn fill(edges: &[Decimal], values: impl Iterator<Item = (Decimal, Decimal)>) -> Option<Vec<Bin>> {
    let from = std::iter::once(None).chain(edges.iter().copied().map(Some));
    let to = edges.iter().copied().map(Some).chain(std::iter::once(None));
    let mut bins: Vec<Bin> = from
        .zip(to)
        .map(|(from, to)| Bin {
            from,
            to,
            trades: 0,
            net_pnl: Decimal::ZERO,
        })
        .collect();
    for (value, net) in values {
        let index = edges.partition_point(|it| *it <= value);
        let bin = bins.get_mut(index)?;
        bin.trades += 1;
        bin.net_pnl = sum(bin.net_pnl, net)?;
    }
    Some(bins)
}
