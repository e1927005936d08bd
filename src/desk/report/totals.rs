//! How many trades there were and what they came to.
//!
//! Always true: wins, losses and breakevens together are the trades; the net result is the gross one less the
//! fees, exactly.

use rust_decimal::Decimal;
use serde::Serialize;

use crate::books::ClosedTrade;
use crate::books::json;
use crate::books::metrics::{Exact, ratio};

/// Counts and sums of closed trades.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Totals {
    /// How many.
    pub trades: u64,
    /// Those that earned something after fees.
    pub wins: u64,
    /// Those that lost something after fees.
    pub losses: u64,
    /// Those that did neither.
    pub breakevens: u64,
    /// The part of all that won; null without a trade.
    #[serde(serialize_with = "json::text_or_null")]
    pub win_rate: Option<Decimal>,
    /// What they earned before fees.
    #[serde(serialize_with = "json::text")]
    pub gross_pnl: Exact,
    /// What they earned after fees.
    #[serde(serialize_with = "json::text")]
    pub net_pnl: Exact,
    /// The commission of their exits.
    #[serde(serialize_with = "json::text")]
    pub fees: Exact,
    /// The commission of their entries, which is not in the net result.
    #[serde(serialize_with = "json::text")]
    pub entry_fees: Exact,
}

impl Totals {
    /// Of these trades; `None` when a sum does not fit.
    #[must_use]
    pub fn of<'a>(trades: impl IntoIterator<Item = &'a ClosedTrade>) -> Option<Totals> {
        let mut totals = Totals::default();
        for trade in trades {
            totals.add(trade)?;
        }
        Some(totals)
    }

    fn add(&mut self, trade: &ClosedTrade) -> Option<()> {
        self.trades += 1;
        match trade.net.mantissa() {
            1.. => self.wins += 1,
            0 => self.breakevens += 1,
            _ => self.losses += 1,
        }
        for (sum, value) in [
            (&mut self.gross_pnl, trade.gross),
            (&mut self.net_pnl, trade.net),
            (&mut self.fees, trade.commission),
            (&mut self.entry_fees, trade.entry_commission),
        ] {
            *sum = sum.checked_add(value.into())?;
        }
        self.win_rate = ratio(Decimal::from(self.wins), Decimal::from(self.trades));
        Some(())
    }
}
