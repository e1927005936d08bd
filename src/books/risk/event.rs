//! Risk events out of what a monitor knows, and what an event says to a monitor.
//!
//! Always true:
//! - The snapshot of every event that is made here names the mode, the rules that were met, the limits
//!   that mattered and the portfolio's value; decimals are texts.
//! - Any event can be heard, also one that another program wrote: what pauses or resumes is its type or
//!   its action, and what it does not say is `None`.
//!
//! Not here: deciding.

use rust_decimal::{Decimal, RoundingStrategy};
use serde::Serialize;

use super::{
    CIRCUIT_BREAKER_RESET, PCT_PLACES, PortfolioValue, Reset, RiskLimits, TRADING_RESUMED,
};
use crate::record::field::{Amount, ExecutionMode, JsonObject, Money, RiskSeverity, Word};
use crate::record::{RiskEvent, RiskParts};
use crate::time::Timestamp;

/// Which limit was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// The day lost too much.
    DailyLoss,
    /// Too many losses in a row.
    LosingStreak,
    /// The position would be too large.
    PositionLimit,
    /// A result that cannot be added exactly: what the day earned is not known any more.
    InexactSum,
}

impl Rule {
    const ALL: [Rule; 4] = [
        Rule::DailyLoss,
        Rule::LosingStreak,
        Rule::PositionLimit,
        Rule::InexactSum,
    ];

    /// The word for it in a snapshot.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Rule::DailyLoss => "daily_loss",
            Rule::LosingStreak => "losing_streak",
            Rule::PositionLimit => "position_limit",
            Rule::InexactSum => "inexact_sum",
        }
    }

    fn of(word: &str) -> Option<Rule> {
        Rule::ALL.into_iter().find(|it| it.as_str() == word)
    }
}

/// What an event is made of, beside its snapshot.
pub(super) struct Facts<'a> {
    pub(super) at: Timestamp,
    pub(super) event_type: Word,
    pub(super) severity: RiskSeverity,
    pub(super) action_taken: Word,
    pub(super) daily_pnl: Decimal,
    pub(super) consecutive_losses: u32,
    pub(super) value: PortfolioValue,
    pub(super) snapshot: Snapshot<'a>,
}

/// The `config_snapshot` of an event.
#[derive(Default, Serialize)]
pub(super) struct Snapshot<'a> {
    pub(super) execution_mode: &'static str,
    pub(super) rules: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_position_pct: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_daily_loss_pct: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_consecutive_losses: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reset: Option<&'static str>,
    pub(super) portfolio_value: String,
    pub(super) day: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) losses_since_reset: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) symbol: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) quantity: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) price: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) held: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) position_value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) paused_since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reset_by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<&'a str>,
}

impl Snapshot<'_> {
    /// The limits that can pause trading.
    pub(super) fn breaker(&mut self, limits: &RiskLimits, ends: Reset) {
        self.max_daily_loss_pct = limits.max_daily_loss_pct.map(|it| it.to_string());
        self.max_consecutive_losses = limits.max_consecutive_losses.map(|it| it.value());
        self.reset = Some(ends.as_str());
    }
}

impl Facts<'_> {
    pub(super) fn event(self) -> RiskEvent {
        let pct = pct(self.daily_pnl, self.value);
        let made = RiskEvent::new(RiskParts {
            timestamp: self.at,
            event_type: self.event_type,
            severity: self.severity,
            daily_pnl: any(Money::new(self.daily_pnl)),
            daily_pnl_pct: any(Amount::new(pct)),
            consecutive_losses: self.consecutive_losses,
            action_taken: self.action_taken,
            // Texts and numbers on one level: there is nothing in it that could be refused.
            config_snapshot: JsonObject::of(&self.snapshot).unwrap_or_default(),
        });
        any(made)
    }
}

/// The value of a door that refuses nothing.
fn any<T, E>(door: Result<T, E>) -> T {
    match door {
        Ok(value) => value,
        Err(_) => unreachable!("money, amounts and the fields of a risk event have no rules"),
    }
}

/// `part` in per cent of `whole`, rounded half to even; where it has more digits than a decimal, the
/// largest one.
pub(super) fn pct(part: Decimal, whole: PortfolioValue) -> Decimal {
    let hundredfold = part.checked_mul(Decimal::ONE_HUNDRED);
    let exact = hundredfold.and_then(|it| it.checked_div(whole.value()));
    let Some(exact) = exact else {
        return match part.is_sign_negative() {
            true => Decimal::MIN,
            false => Decimal::MAX,
        };
    };
    let mut rounded =
        exact.round_dp_with_strategy(PCT_PLACES, RoundingStrategy::MidpointNearestEven);
    // As many places every time, so that columns are in line; where there is room for them.
    rounded.rescale(PCT_PLACES);
    // There is no negative zero.
    if rounded.is_zero() {
        rounded.set_sign_positive(true);
    }
    rounded
}

/// What an event says to a monitor.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Told {
    /// `None` when it names none.
    pub(super) mode: Option<ExecutionMode>,
    pub(super) what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// Trading pauses.
    Pause {
        rules: Vec<Rule>,
        ends: Option<Reset>,
        value: Option<PortfolioValue>,
    },
    /// Trading goes on.
    Resume { by: Reset },
}

/// What `event` says; `None` when it changes nothing.
pub(super) fn told(event: &RiskEvent) -> Option<Told> {
    let (kind, action) = (event.event_type(), event.action_taken());
    let resumes = *kind == CIRCUIT_BREAKER_RESET || *action == TRADING_RESUMED;
    let pauses = *kind == RiskEvent::CIRCUIT_BREAKER_TRIP || *action == RiskEvent::TRADING_PAUSED;
    if !resumes && !pauses {
        return None;
    }
    let snapshot: serde_json::Value =
        serde_json::from_str(event.config_snapshot().as_str()).unwrap_or_default();
    let text = |name: &str| snapshot.get(name).and_then(serde_json::Value::as_str);
    let mode = text("execution_mode").and_then(|it| it.parse().ok());
    let what = if resumes {
        let by = text("reset_by").and_then(|it| it.parse().ok());
        What::Resume {
            by: by.unwrap_or(Reset::ByHand),
        }
    } else {
        let rules = snapshot.get("rules").and_then(serde_json::Value::as_array);
        let words = rules.into_iter().flatten().filter_map(|it| it.as_str());
        What::Pause {
            rules: words.filter_map(Rule::of).collect(),
            ends: text("reset").and_then(|it| it.parse().ok()),
            value: text("portfolio_value").and_then(|it| it.parse().ok()),
        }
    };
    Some(Told { mode, what })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_rounded_half_to_even_at_four_places() {
        for (part, whole, wanted) in [
            ("-300", "10000", "-3.0000"),
            ("1", "3", "33.3333"),
            ("0.00005", "100", "0.0000"),
            ("0.00015", "100", "0.0002"),
            ("-0.00025", "100", "-0.0002"),
            ("0", "7", "0.0000"),
            ("-0.00001", "100", "0.0000"),
        ] {
            let whole = whole.parse().unwrap();
            assert_eq!(pct(part.parse().unwrap(), whole).to_string(), wanted);
        }
        let least = "0.0000000000000000000000000001".parse().unwrap();
        assert_eq!(pct(Decimal::MIN, least), Decimal::MIN);
    }

    #[test]
    fn an_event_of_another_program_is_heard_as_far_as_it_speaks() {
        let golden = include_str!("../../../tests/fixtures/v1/risk-management.jsonl");
        let heard: Vec<_> = golden
            .lines()
            .map(|it| told(&serde_json::from_str(it).unwrap()))
            .collect();
        let nameless = Told {
            mode: None,
            what: What::Pause {
                rules: Vec::new(),
                ends: None,
                value: None,
            },
        };
        assert_eq!(heard, [Some(nameless), None, None]);
        let odd = golden.lines().next().unwrap().replace(
            "{\"max_daily_loss_pct\":3.0,\"max_consecutive_losses\":3}",
            "{\"execution_mode\":7,\"rules\":[1,\"daily_loss\",\"mood\"],\"reset\":\"by-hand\",\"portfolio_value\":5}",
        );
        let odd = told(&serde_json::from_str(&odd).unwrap()).unwrap();
        assert_eq!(odd.mode, None);
        let what = What::Pause {
            rules: vec![Rule::DailyLoss],
            ends: Some(Reset::ByHand),
            value: None,
        };
        assert_eq!(odd.what, what);
    }

    #[test]
    fn every_word_passes_the_door() {
        for word in [
            CIRCUIT_BREAKER_RESET,
            super::super::CHECK_WHILE_PAUSED,
            TRADING_RESUMED,
        ] {
            assert_eq!(word.as_str().parse::<Word>().unwrap(), word);
        }
    }
}
