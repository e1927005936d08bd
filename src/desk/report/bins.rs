//! Histograms: how many trades fall between two values, and what they earned.
//!
//! Always true: each trade that has the value is in exactly one bin.

use rust_decimal::Decimal;
use serde::Serialize;

use crate::books::json;
use crate::books::metrics::Exact;

/// A bar of a histogram: from a value on, to below the next.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Bin {
    /// Where it begins.
    #[serde(serialize_with = "json::text")]
    pub from: Decimal,
    /// Where it ends, which is not in it; null for the last, which has no end.
    #[serde(serialize_with = "json::text_or_null")]
    pub to: Option<Decimal>,
    /// How many trades.
    pub trades: u64,
    /// What they earned after fees.
    #[serde(serialize_with = "json::text")]
    pub net_pnl: Exact,
}

/// Seconds at which a bin of holding times ends: a minute, five, a quarter of an hour, an hour, four, a
/// day, a week.
const HOLDING: [i64; 7] = [60, 300, 900, 3600, 14_400, 86_400, 604_800];

/// Of holding times in seconds and results. Empty bins at both ends are left out.
pub(super) fn of_holding(values: impl IntoIterator<Item = (u64, Decimal)>) -> Option<Vec<Bin>> {
    let edges = HOLDING.map(Decimal::from);
    let values = values
        .into_iter()
        .map(|(held, net)| (Decimal::from(held), net));
    let mut bins = fill(&edges, values)?;
    let is_empty = |it: &Bin| it.trades == 0;
    let last = bins
        .iter()
        .rposition(|it| !is_empty(it))
        .map_or(0, |it| it + 1);
    bins.truncate(last);
    let first = bins.iter().position(|it| !is_empty(it)).unwrap_or_default();
    Some(bins.split_off(first))
}

/// Counts values of 0 and more between `edges`, which are in order and above 0; the last bin has no end.
fn fill(edges: &[Decimal], values: impl Iterator<Item = (Decimal, Decimal)>) -> Option<Vec<Bin>> {
    let from = std::iter::once(Decimal::ZERO).chain(edges.iter().copied());
    let to = edges.iter().copied().map(Some).chain(std::iter::once(None));
    let mut bins: Vec<Bin> = from
        .zip(to)
        .map(|(from, to)| Bin {
            from,
            to,
            trades: 0,
            net_pnl: Exact::ZERO,
        })
        .collect();
    for (value, net) in values {
        let index = edges.partition_point(|it| *it <= value);
        let bin = bins.get_mut(index)?;
        bin.trades += 1;
        bin.net_pnl = bin.net_pnl.checked_add(net.into())?;
    }
    Some(bins)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(seconds: &[u64]) -> Vec<(String, u64)> {
        let values = seconds.iter().map(|it| (*it, Decimal::ONE));
        let bins = of_holding(values).unwrap();
        let to = |it: &Bin| it.to.map_or("..".to_owned(), |it| it.to_string());
        let row = |it: &Bin| (format!("{}-{}", it.from, to(it)), it.trades);
        bins.iter().map(row).collect()
    }

    #[test]
    fn each_holding_time_is_in_one_bin_and_its_end_in_the_next() {
        let wanted = [("0-60", 2), ("60-300", 1)].map(|(bin, count)| (bin.to_owned(), count));
        assert_eq!(counts(&[0, 59, 60]), wanted);
    }

    #[test]
    fn empty_bins_stay_between_others_and_go_at_the_ends() {
        let wanted = [("300-900", 1), ("900-3600", 0), ("3600-14400", 1)];
        let wanted = wanted.map(|(bin, count)| (bin.to_owned(), count));
        assert_eq!(counts(&[300, 3600]), wanted);
        assert_eq!(counts(&[604_800, u64::MAX]), [("604800-..".to_owned(), 2)]);
        assert_eq!(counts(&[]), []);
    }
}
