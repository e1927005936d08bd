//! Why a value of a tear sheet is not there.
//!
//! Always true: a value is either there, or its name and the reason are in [`Nulls`].

use std::collections::BTreeMap;

use serde::Serialize;

/// The values that are null, by their place in the JSON (`sharpe`, `costs.commission_bps`), each with the
/// reason.
pub type Nulls = BTreeMap<String, Blank>;

/// Why a value is not defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Blank {
    /// It has more digits than can be kept.
    DoesNotFit,
    /// It is not known when any of the trades was entered.
    EntryTimeUnknown,
    /// A day or month of it began with nothing, or less.
    EquityNotPositive,
    /// It takes two days.
    FewerThanTwoDays,
    /// It takes two trades.
    FewerThanTwoTrades,
    /// The records name no account.
    NoAccount,
    /// On no day was the return below the target.
    NoDayBelowTarget,
    /// Every trade was a breakeven.
    NoDecidedTrades,
    /// Equity was never below its peak.
    NoDrawdown,
    /// It is not known at what price any of the trades was entered.
    NoEntryValue,
    /// Nothing was earned before costs.
    NoGrossProfit,
    /// No trade was lost.
    NoLosses,
    /// Nothing was earned and nothing was lost.
    NoProfitNoLoss,
    /// No trade has an entry price and a stop away from it.
    NoRisk,
    /// The first entry and the last exit are the same instant.
    NoSpan,
    /// It is not known what the account began with.
    NoStartingEquity,
    /// There is no trade of that kind.
    NoTrades,
    /// All results are the same.
    NoVariation,
    /// No trade was won.
    NoWins,
    /// The data for it were not handed in.
    NotGiven,
    /// There is no limit on that side.
    OpenEnded,
    /// The history spans fewer days than were asked for.
    SpanTooShort,
}

impl Blank {
    /// The word in the JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Blank::DoesNotFit => "does_not_fit",
            Blank::EntryTimeUnknown => "entry_time_unknown",
            Blank::EquityNotPositive => "equity_not_positive",
            Blank::FewerThanTwoDays => "fewer_than_two_days",
            Blank::FewerThanTwoTrades => "fewer_than_two_trades",
            Blank::NoAccount => "no_account",
            Blank::NoDayBelowTarget => "no_day_below_target",
            Blank::NoDecidedTrades => "no_decided_trades",
            Blank::NoDrawdown => "no_drawdown",
            Blank::NoEntryValue => "no_entry_value",
            Blank::NoGrossProfit => "no_gross_profit",
            Blank::NoLosses => "no_losses",
            Blank::NoProfitNoLoss => "no_profit_no_loss",
            Blank::NoRisk => "no_risk",
            Blank::NoSpan => "no_span",
            Blank::NoStartingEquity => "no_starting_equity",
            Blank::NoTrades => "no_trades",
            Blank::NoVariation => "no_variation",
            Blank::NoWins => "no_wins",
            Blank::NotGiven => "not_given",
            Blank::OpenEnded => "open_ended",
            Blank::SpanTooShort => "span_too_short",
        }
    }
}

/// The value, or nothing and a note why.
pub(super) fn noted<T>(nulls: &mut Nulls, name: &str, value: Result<T, Blank>) -> Option<T> {
    match value {
        Ok(value) => Some(value),
        Err(blank) => {
            nulls.insert(name.to_owned(), blank);
            None
        }
    }
}
