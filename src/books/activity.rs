//! What a trade log adds up to: its fills, decisions and errors in a few numbers.
//!
//! Always true:
//! - Sums are exact, and the same in whatever order the records come: what was counted while a bot ran is
//!   what its files say.
//! - Fees are added up by what they were paid in, never across; nothing is added up, or subtracted, of two
//!   currencies.
//! - A fill that says nothing of what it earned is a trade, and neither a win nor a loss.
//!
//! Not here: reading journals, and which records belong to a day.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

use super::json;
use super::metrics::{Exact, ratio};
use crate::record::field::{Asset, Word};
use crate::record::{DecisionRecord, ErrorRecord, FillRecord};

/// Fills, decisions and errors as they are counted. Its memory does not grow but with new kinds of errors and
/// new assets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    trades: u64,
    winning: u64,
    losing: u64,
    pnl: Sum,
    /// What was earned in: the second part of `BTC-USDT`. Of what has no parts nobody knows.
    quotes: BTreeSet<String>,
    fees: BTreeMap<Asset, Sum>,
    decisions: u64,
    errors: BTreeMap<Word, u64>,
}

/// What they add up to. A sum that is null has more than 127 bits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ActivitySummary {
    /// How many fills.
    pub total_trades: u64,
    /// Those that earned something before fees.
    pub winning_trades: u64,
    /// Those that lost something before fees.
    pub losing_trades: u64,
    /// The part of all fills that won; null without any.
    #[serde(serialize_with = "json::text_or_null")]
    pub win_rate: Option<Decimal>,
    /// What they earned before fees; null where that is in more than one currency, as the symbols tell it.
    #[serde(serialize_with = "json::text_or_null")]
    pub total_pnl: Option<Exact>,
    /// The fees, where all of them were paid in one asset; null where they were not.
    #[serde(serialize_with = "json::text_or_null")]
    pub total_fees: Option<Exact>,
    /// What they earned less the fees, where all of it is in one currency; null where it is not.
    #[serde(serialize_with = "json::text_or_null")]
    pub net_pnl: Option<Exact>,
    /// The fees by what they were paid in.
    #[serde(serialize_with = "texts")]
    pub fees: BTreeMap<String, Option<Exact>>,
    /// How many decisions.
    pub total_decisions: u64,
    /// How many errors.
    pub total_errors: u64,
    /// The errors by their kind.
    pub error_breakdown: BTreeMap<String, u64>,
}

impl Activity {
    /// Counts a fill.
    pub fn add_fill(&mut self, fill: &FillRecord) {
        self.trades += 1;
        if let Some(pnl) = fill.realized_pnl() {
            match pnl.value().mantissa() {
                1.. => self.winning += 1,
                0 => {}
                _ => self.losing += 1,
            }
            self.pnl.add(pnl.value());
            // Nothing is nothing in every currency.
            if let (false, Some((_, quote))) = (pnl.value().is_zero(), fill.symbol().parts())
                && !self.quotes.contains(quote)
            {
                self.quotes.insert(quote.to_owned());
            }
        }
        let fee = fill.fee().value();
        // What costs nothing was paid in nothing.
        if !fee.is_zero() {
            if let Some(sum) = self.fees.get_mut(fill.fee_asset()) {
                sum.add(fee);
            } else {
                let sum = self.fees.entry(fill.fee_asset().clone()).or_default();
                sum.add(fee);
            }
        }
    }

    /// Counts a decision.
    pub fn add_decision(&mut self, _: &DecisionRecord) {
        self.decisions += 1;
    }

    /// Counts an error.
    pub fn add_error(&mut self, error: &ErrorRecord) {
        if let Some(count) = self.errors.get_mut(error.error_type()) {
            *count += 1;
        } else {
            self.errors.insert(error.error_type().clone(), 1);
        }
    }

    /// Counts what another one counted.
    pub fn add(&mut self, other: &Activity) {
        self.trades += other.trades;
        self.winning += other.winning;
        self.losing += other.losing;
        self.decisions += other.decisions;
        self.pnl.add_all(&other.pnl);
        self.quotes.extend(other.quotes.iter().cloned());
        for (asset, sum) in &other.fees {
            self.fees.entry(asset.clone()).or_default().add_all(sum);
        }
        for (kind, count) in &other.errors {
            *self.errors.entry(kind.clone()).or_default() += count;
        }
    }

    /// What it adds up to.
    #[must_use]
    pub fn summary(&self) -> ActivitySummary {
        let total_fees = match self.fees.len() {
            0 => Some(Exact::ZERO),
            1 => self.fees.values().next().and_then(Sum::total),
            _ => None,
        };
        // Sums of two currencies are numbers of none.
        let total_pnl = self.pnl.total().filter(|_| self.quotes.len() <= 1);
        let is_one = |asset: &Asset| self.quotes.iter().all(|it| it == asset.as_str());
        let net_pnl = match (total_pnl, total_fees) {
            (Some(pnl), Some(fees)) if self.fees.keys().all(is_one) => pnl.checked_add(-fees),
            _ => None,
        };
        let fees = self.fees.iter();
        let errors = self.errors.iter();
        ActivitySummary {
            total_trades: self.trades,
            winning_trades: self.winning,
            losing_trades: self.losing,
            win_rate: ratio(Decimal::from(self.winning), Decimal::from(self.trades)),
            total_pnl,
            total_fees,
            net_pnl,
            fees: fees
                .map(|(it, sum)| (it.to_string(), sum.total()))
                .collect(),
            total_decisions: self.decisions,
            total_errors: self.errors.values().sum(),
            error_breakdown: errors.map(|(it, count)| (it.to_string(), *count)).collect(),
        }
    }
}

/// A sum that does not depend on the order: one for each number of places, and these are put together at the
/// end. 2^31 of the largest decimals fit into each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sum {
    units: BTreeMap<u32, i128>,
    is_too_large: bool,
}

impl Sum {
    fn add(&mut self, value: Decimal) {
        self.add_units(value.scale(), value.mantissa());
    }

    fn add_all(&mut self, other: &Sum) {
        for (places, units) in &other.units {
            self.add_units(*places, *units);
        }
        self.is_too_large |= other.is_too_large;
    }

    fn add_units(&mut self, places: u32, more: i128) {
        let units = self.units.entry(places).or_default();
        match units.checked_add(more) {
            Some(sum) => *units = sum,
            None => self.is_too_large = true,
        }
    }

    /// `None` where it has more than 127 bits.
    fn total(&self) -> Option<Exact> {
        if self.is_too_large {
            return None;
        }
        let parts = self.units.iter();
        let mut parts = parts.map(|(places, units)| Exact::of_units(*units, *places));
        parts.try_fold(Exact::ZERO, Exact::checked_add)
    }
}

fn texts<S: Serializer>(
    values: &BTreeMap<String, Option<Exact>>,
    to: S,
) -> Result<S::Ok, S::Error> {
    to.collect_map(
        values
            .iter()
            .map(|(name, value)| (name, value.map(|it| it.to_string()))),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::Record as _;

    fn fill(pnl: &str, fee: &str, asset: &str) -> FillRecord {
        let json = format!(
            r#"{{"timestamp":1729776543.123,"datetime_utc":"2024-10-24T13:29:03.123Z","order_id":"1","symbol":"BTC-USDT","side":"BUY","order_type":"LIMIT","price":"67500.0","size":"0.001","fee":"{fee}","fee_asset":"{asset}","realized_pnl":{pnl}}}"#
        );
        FillRecord::decode(json.as_bytes()).unwrap()
    }

    fn of(fills: &[FillRecord]) -> ActivitySummary {
        let mut activity = Activity::default();
        fills.iter().for_each(|it| activity.add_fill(it));
        activity.summary()
    }

    #[test]
    fn the_numbers_of_the_first_trade_logger_come_out() {
        let found = of(&[
            fill("\"0.50\"", "0.135", "USDT"),
            fill("\"-0.30\"", "0.135", "USDT"),
            fill("\"0.50\"", "0.135", "USDT"),
        ]);
        assert_eq!(
            serde_json::to_string(&found).unwrap(),
            r#"{"total_trades":3,"winning_trades":2,"losing_trades":1,"win_rate":"0.666666666667","total_pnl":"0.70","total_fees":"0.405","net_pnl":"0.295","fees":{"USDT":"0.405"},"total_decisions":0,"total_errors":0,"error_breakdown":{}}"#
        );
    }

    #[test]
    fn a_fill_that_does_not_say_what_it_earned_neither_wins_nor_loses() {
        let found = of(&[
            fill("null", "0", "USDT"),
            fill("\"0.00\"", "0", "BNB"),
            fill("\"1\"", "0", "EUR"),
        ]);
        let counts = (
            found.total_trades,
            found.winning_trades,
            found.losing_trades,
        );
        assert_eq!(counts, (3, 1, 0));
        // Fees of nothing are no fees.
        assert_eq!(found.fees.len(), 0);
        assert_eq!(found.net_pnl.unwrap().to_string(), "1.00");
    }

    #[test]
    fn fees_in_two_assets_are_never_added_up() {
        let found = of(&[
            fill("\"1\"", "0.1", "USDT"),
            fill("\"1\"", "0.001", "BNB"),
            fill("null", "-0.2", "USDT"),
        ]);
        assert_eq!((found.total_fees, found.net_pnl), (None, None));
        let fees = found.fees.iter();
        let fees: Vec<_> = fees
            .map(|it| format!("{} {}", it.0, it.1.unwrap()))
            .collect();
        assert_eq!(fees, ["BNB 0.001", "USDT -0.1"]);
        assert_eq!(of(&[]).win_rate, None);
        assert_eq!(of(&[]).net_pnl, Some(Exact::ZERO));
    }

    #[test]
    fn nothing_is_added_up_or_subtracted_of_two_currencies() {
        let of_symbol = |symbol: &str, pnl: &str, fee: &str, asset: &str| {
            let text = serde_json::to_string(&fill(pnl, fee, asset)).unwrap();
            let text = text.replace("BTC-USDT", symbol);
            FillRecord::decode(text.as_bytes()).unwrap()
        };
        let shown = |it: &ActivitySummary| {
            let text = |it: Option<Exact>| it.map_or("-".to_owned(), |it| it.to_string());
            format!(
                "{} {} {}",
                text(it.total_pnl),
                text(it.total_fees),
                text(it.net_pnl)
            )
        };
        let dollars = of_symbol("BTC-USDT", "\"0.50\"", "0.1", "USDT");
        let coins = of_symbol("ETH-BTC", "\"0.002\"", "0.1", "USDT");
        let in_coin = of_symbol("BTC-USDT", "\"0.50\"", "0.002", "BNB");
        let share = of_symbol("AAPL", "\"1\"", "0.1", "USDT");
        assert_eq!(shown(&of(&[dollars.clone(), share])), "1.50 0.2 1.30");
        assert_eq!(shown(&of(&[in_coin])), "0.50 0.002 -");
        assert_eq!(shown(&of(&[dollars.clone(), coins.clone()])), "- 0.2 -");
        let mut parts = Activity::default();
        for fill in [&dollars, &coins] {
            let mut part = Activity::default();
            part.add_fill(fill);
            parts.add(&part);
        }
        assert_eq!(shown(&parts.summary()), "- 0.2 -");
    }

    #[test]
    fn what_does_not_fit_is_null_and_does_not_depend_on_the_order() {
        let (most, least) = (
            "\"79228162514264337593543950335\"",
            "\"0.0000000000000000000000000001\"",
        );
        let minus = most.replacen('"', "\"-", 1);
        let all = [most, least, &minus].map(|it| fill(it, "0", "USDT"));
        assert_eq!(of(&all[..2]).total_pnl, None);
        assert_eq!(of(&all).total_pnl, least.trim_matches('"').parse().ok());
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_whole_in_any_order(
            fills in prop::collection::vec(
                (-1_000_000_i64..1_000_000, 0_u32..20, -1000_i64..1000, 0_usize..3), 0..30,
            ),
            cut in 0_usize..30,
        ) {
            let fills: Vec<FillRecord> = fills
                .iter()
                .map(|(pnl, places, fee, asset)| {
                    let pnl = format!("\"{}\"", Decimal::new(*pnl, *places));
                    fill(&pnl, &Decimal::new(*fee, 3).to_string(), ["USDT", "BNB", "EUR"][*asset])
                })
                .collect();
            let (mut whole, mut parts, mut rest) = <(Activity, Activity, Activity)>::default();
            for (index, fill) in fills.iter().enumerate() {
                whole.add_fill(fill);
                let part = if index < cut { &mut parts } else { &mut rest };
                part.add_fill(fill);
            }
            rest.add(&parts);
            prop_assert_eq!(rest.summary(), whole.summary());
            let pnl: Decimal = fills.iter().filter_map(|it| it.realized_pnl()).map(|it| it.value()).sum();
            prop_assert_eq!(whole.summary().total_pnl.unwrap(), Exact::from(pnl));
        }
    }
}
