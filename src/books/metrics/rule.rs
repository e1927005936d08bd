//! Rules: when a metric is bad enough to tell somebody, and when that is over.
//!
//! Always true:
//! - A rule is OK or it fires. It tells of each once: a metric that stays bad is silent, and one that
//!   wavers around its threshold is too, until it was healthy at the clear level.
//! - Values are compared with thresholds exactly, never as rounded ratios.
//! - A value that is not defined changes nothing. No losses at all is a profit factor above every level.
//! - A breach within the cool-down is held, not lost: if it still stands at a later trade, it fires then.
//! - A message is true of the window that it is told of, and names the value and the threshold.
//!
//! Refused: a rule that could never fire, or never be over.

use std::cmp::Ordering;
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use rust_decimal::Decimal;

use super::rolling::RollingMetrics;
use crate::record::field::Text;
use crate::time::Timestamp;

/// What a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Metric {
    /// The part of the trades that won: bad below.
    WinRate,
    /// Gross profit for each unit of gross loss: bad below.
    ProfitFactor,
    /// The largest fall in per cent, 0 or less: bad at or below.
    MaxDrawdownPct,
    /// Losses in a row: bad at or above.
    ConsecutiveLosses,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Worth a look.
    #[default]
    Warning,
    /// Worth waking somebody up.
    Critical,
}

/// The fields of a rule, before they are checked against each other.
#[derive(Clone, Debug)]
pub struct RuleParts {
    /// What it is called.
    pub id: Text,
    /// What it looks at.
    pub metric: Metric,
    /// Where it fires.
    pub threshold: Decimal,
    /// Where it is over; for the win rate and the profit factor the threshold, and for a streak 0, unless it
    /// is said otherwise.
    pub clear: Option<Decimal>,
    /// How many trades the window must have; for the win rate and the profit factor all that it takes, and
    /// for the others 1, unless it is said otherwise.
    pub min_trades: Option<u32>,
    /// For how many trades it fires no second time.
    pub cooldown_trades: u32,
    /// For how long it fires no second time.
    pub cooldown: Duration,
    /// After how many trades it tells again that it still fires.
    pub remind_trades: Option<NonZeroU32>,
    /// How bad it is.
    pub level: Level,
}

/// A rule that can fire and can be over.
#[derive(Clone, Debug)]
pub struct Rule {
    id: Text,
    window: NonZeroU32,
    metric: Metric,
    threshold: Decimal,
    clear: Decimal,
    min_trades: u32,
    cooldown_trades: u64,
    cooldown: Duration,
    remind_trades: Option<u64>,
    level: Level,
}

/// Why a rule is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rule {id}: {why}")]
pub struct RuleError {
    /// The rule.
    pub id: String,
    /// What is wrong with it.
    pub why: String,
}

/// What a rule tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AlertEvent {
    /// Its value is bad.
    Fired,
    /// Its value is still bad.
    Reminded,
    /// Its value is healthy again.
    Resolved,
}

/// One rule's news.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Alert {
    /// The rule.
    pub rule_id: Text,
    /// How bad it is.
    pub level: Level,
    /// What happened.
    pub event: AlertEvent,
    /// What to tell a person.
    pub message: String,
}

impl Metric {
    /// Every metric, in the order of the record.
    pub const ALL: [Metric; 4] = [
        Metric::WinRate,
        Metric::ProfitFactor,
        Metric::MaxDrawdownPct,
        Metric::ConsecutiveLosses,
    ];

    /// Its name, as the record has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Metric::WinRate => "win_rate",
            Metric::ProfitFactor => "profit_factor",
            Metric::MaxDrawdownPct => "max_drawdown_pct",
            Metric::ConsecutiveLosses => "consecutive_losses",
        }
    }

    /// How it stands to a level, exactly; `None` where it is not defined.
    fn compare(self, window: &RollingMetrics, level: Decimal) -> Option<Ordering> {
        match self {
            Metric::WinRate => window.compare_win_rate(level),
            Metric::ProfitFactor => window.compare_profit_factor(level),
            Metric::MaxDrawdownPct => window.compare_drawdown(level),
            Metric::ConsecutiveLosses => window.compare_streak(level),
        }
    }

    fn is_bad(self, to_threshold: Ordering) -> bool {
        match self {
            Metric::WinRate | Metric::ProfitFactor => to_threshold == Ordering::Less,
            Metric::MaxDrawdownPct => to_threshold != Ordering::Greater,
            Metric::ConsecutiveLosses => to_threshold != Ordering::Less,
        }
    }

    fn is_over(self, to_clear: Ordering) -> bool {
        match self {
            Metric::ConsecutiveLosses => to_clear != Ordering::Greater,
            _ => to_clear != Ordering::Less,
        }
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Metric::WinRate => ("win rate", "below"),
            Metric::ProfitFactor => ("profit factor", "below"),
            Metric::MaxDrawdownPct => ("drawdown", "at or below"),
            Metric::ConsecutiveLosses => ("losses in a row", "at or above"),
        }
    }
}

impl FromStr for Metric {
    type Err = String;

    fn from_str(name: &str) -> Result<Metric, String> {
        let known = Metric::ALL.into_iter().find(|it| it.name() == name);
        known.ok_or_else(|| {
            let names = Metric::ALL.map(Metric::name).join(", ");
            format!("`{name}` is no metric; there are {names}")
        })
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Warning => "warning",
            Level::Critical => "critical",
        })
    }
}

impl Rule {
    /// A rule over windows of that size.
    ///
    /// # Errors
    /// [`RuleError`] when it could never fire, or never be over.
    pub fn new(parts: RuleParts, window: NonZeroU32) -> Result<Rule, RuleError> {
        let id = parts.id.to_string();
        let refuse = |why: String| RuleError {
            id: id.clone(),
            why,
        };
        let (metric, threshold) = (parts.metric, parts.threshold);
        let size = window.get();
        within(metric, threshold, size).map_err(refuse)?;
        let clear = clear_level(metric, threshold, parts.clear).map_err(refuse)?;
        let fallback = match metric {
            Metric::WinRate | Metric::ProfitFactor => size,
            _ => 1,
        };
        let min_trades = parts.min_trades.unwrap_or(fallback);
        if min_trades == 0 || size < min_trades {
            return Err(refuse(format!(
                "min_trades must be from 1 to the window's {size}, got {min_trades}"
            )));
        }
        Ok(Rule {
            id: parts.id,
            window,
            metric,
            threshold,
            clear,
            min_trades,
            cooldown_trades: parts.cooldown_trades.into(),
            cooldown: parts.cooldown,
            remind_trades: parts.remind_trades.map(|it| it.get().into()),
            level: parts.level,
        })
    }

    /// What it is called.
    #[must_use]
    pub fn id(&self) -> &Text {
        &self.id
    }

    /// How many trades the windows take that it is for.
    #[must_use]
    pub fn window(&self) -> NonZeroU32 {
        self.window
    }

    /// What it looks at.
    #[must_use]
    pub fn metric(&self) -> Metric {
        self.metric
    }

    fn alert(&self, event: AlertEvent, message: String) -> Alert {
        Alert {
            rule_id: self.id.clone(),
            level: self.level,
            event,
            message,
        }
    }

    /// What a trade made of it.
    fn news(&self, event: AlertEvent, window: &RollingMetrics, of: &str) -> String {
        let head = self.head(window, of);
        let (_, side) = self.metric.words();
        let (threshold, clear) = (self.threshold, self.clear);
        match event {
            AlertEvent::Fired => format!("{head}, {side} {threshold}"),
            AlertEvent::Reminded => {
                format!("{head}, still not back at {clear} since it fired {side} {threshold}")
            }
            AlertEvent::Resolved => {
                format!("{head}: over, it is back at {clear} after it fired {side} {threshold}")
            }
        }
    }

    /// How it stands, whatever led there: a value between the two levels, a correction, another rule.
    fn standing(&self, is_firing: bool, window: &RollingMetrics, of: &str) -> String {
        let head = self.head(window, of);
        let (_, side) = self.metric.words();
        let (threshold, clear) = (self.threshold, self.clear);
        match is_firing {
            true => {
                format!("{head}; it has fired {side} {threshold} and is not back at {clear}")
            }
            false => {
                let levels = format!("fires {side} {threshold}, over at {clear}");
                format!("{head}; it does not fire any more ({levels})")
            }
        }
    }

    fn head(&self, window: &RollingMetrics, of: &str) -> String {
        let (name, _) = self.metric.words();
        let values = window.values().ok();
        let value = values.as_ref().and_then(|it| match self.metric {
            Metric::WinRate => it.win_rate.map(|it| it.to_string()),
            Metric::ProfitFactor => it.profit_factor.map(|it| it.to_string()),
            Metric::MaxDrawdownPct => it.max_drawdown_pct.map(|it| format!("{it} %")),
            Metric::ConsecutiveLosses => Some(it.consecutive_losses.to_string()),
        });
        let value = value.unwrap_or_else(|| "without a loss".to_owned());
        let trades = match window.len() {
            1 => "1 trade".to_owned(),
            count => format!("{count} trades"),
        };
        let level = self.level;
        format!("{level}: {name} of the last {trades} of {of} is {value}")
    }
}

/// Whether a metric of a window of that size can get there.
fn within(metric: Metric, threshold: Decimal, size: u32) -> Result<(), String> {
    let (zero, one) = (Decimal::ZERO, Decimal::ONE);
    let (holds, rule) = match metric {
        Metric::WinRate => (
            zero < threshold && threshold <= one,
            "above 0 and at most 1, since it is a part of 1".to_owned(),
        ),
        Metric::ProfitFactor => (zero < threshold, "above 0".to_owned()),
        Metric::MaxDrawdownPct => (
            -Decimal::ONE_HUNDRED <= threshold && threshold < zero,
            "from -100 to below 0, since it is in per cent".to_owned(),
        ),
        Metric::ConsecutiveLosses => (
            one <= threshold && threshold <= size.into() && threshold.fract().is_zero(),
            format!("a whole number from 1 to the window's {size}: no more are counted"),
        ),
    };
    match holds {
        true => Ok(()),
        false => Err(format!(
            "the threshold of {} must be {rule}, got {threshold}",
            metric.name()
        )),
    }
}

/// Where a rule is over: on the healthy side of its threshold.
fn clear_level(
    metric: Metric,
    threshold: Decimal,
    clear: Option<Decimal>,
) -> Result<Decimal, String> {
    let clear = match (metric, clear) {
        (_, Some(clear)) => clear,
        (Metric::WinRate | Metric::ProfitFactor, None) => threshold,
        (Metric::ConsecutiveLosses, None) => Decimal::ZERO,
        (Metric::MaxDrawdownPct, None) => {
            return Err("clear is missing: the drawdown at which it is over".to_owned());
        }
    };
    let (zero, one) = (Decimal::ZERO, Decimal::ONE);
    let (holds, rule) = match metric {
        Metric::WinRate => (
            threshold <= clear && clear <= one,
            "at or above the threshold and at most 1",
        ),
        Metric::ProfitFactor => (threshold <= clear, "at or above the threshold"),
        Metric::MaxDrawdownPct => (
            threshold < clear && clear <= zero,
            "above the threshold and at most 0",
        ),
        Metric::ConsecutiveLosses => (
            zero <= clear && clear < threshold,
            "below the threshold and at least 0",
        ),
    };
    match holds {
        true => Ok(clear),
        false => Err(format!(
            "clear must be {rule} of {threshold}, the healthy side, got {clear}"
        )),
    }
}

/// How a rule stands for one window.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing {
    is_firing: bool,
    /// When it fired last, and after how many trades.
    fired: Option<(u64, Timestamp)>,
    /// After how many trades it told last that it fires.
    told: u64,
}

impl Standing {
    /// Looks at the window after its newest trade, the `number`th, which was closed `at`.
    #[inline]
    pub(super) fn look(
        &mut self,
        rule: &Rule,
        window: &RollingMetrics,
        (number, at): (u64, Timestamp),
        of: impl Fn() -> String,
    ) -> Option<Alert> {
        let event = self.event(rule, window, number, at)?;
        self.take(event, number, at);
        Some(rule.alert(event, rule.news(event, window, &of())))
    }

    #[inline]
    fn event(
        &self,
        rule: &Rule,
        window: &RollingMetrics,
        number: u64,
        at: Timestamp,
    ) -> Option<AlertEvent> {
        if window.len() < rule.min_trades {
            return None;
        }
        if self.is_firing {
            let to_clear = rule.metric.compare(window, rule.clear)?;
            if rule.metric.is_over(to_clear) {
                return Some(AlertEvent::Resolved);
            }
            let since = number.saturating_sub(self.told);
            let is_due = rule.remind_trades.is_some_and(|it| it <= since);
            return is_due.then_some(AlertEvent::Reminded);
        }
        let to_threshold = rule.metric.compare(window, rule.threshold)?;
        let is_bad = rule.metric.is_bad(to_threshold);
        (is_bad && !self.is_cooling(rule, number, at)).then_some(AlertEvent::Fired)
    }

    fn is_cooling(&self, rule: &Rule, number: u64, at: Timestamp) -> bool {
        let Some((fired, fired_at)) = self.fired else {
            return false;
        };
        let age = fired_at.until(at).unwrap_or_default();
        number.saturating_sub(fired) < rule.cooldown_trades || age < rule.cooldown
    }

    fn take(&mut self, event: AlertEvent, number: u64, at: Timestamp) {
        match event {
            AlertEvent::Fired => {
                self.is_firing = true;
                (self.fired, self.told) = (Some((number, at)), number);
            }
            AlertEvent::Reminded => self.told = number,
            AlertEvent::Resolved => self.is_firing = false,
        }
    }

    /// Whether it fires.
    pub(super) fn is_firing(&self) -> bool {
        self.is_firing
    }

    /// What it would tell now of how it stands.
    pub(super) fn restate(&self, rule: &Rule, window: &RollingMetrics, of: &str) -> Alert {
        let event = match self.is_firing {
            true => AlertEvent::Fired,
            false => AlertEvent::Resolved,
        };
        rule.alert(event, rule.standing(self.is_firing, window, of))
    }
}
