//! `[metrics]` of `tj.toml`: windows, and the rules that tell when they are bad.
//!
//! Always true:
//! - A rule that could never fire or be over is refused here, with its line and the reason.
//! - What takes a starting equity is refused without one, so that no metrics stay away in silence.
//! - A number is taken digit by digit or refused.

use std::num::NonZeroU32;
use std::ops::Range;
use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use tradejournal::books::metrics::{
    Basis, Equity, Level, Metric, Rule, RuleParts, ScopeKind, WINDOW,
};
use tradejournal::bot::Every;
use tradejournal::record::field::Text;

use super::{Parser, Source};

/// What `[metrics]` says.
#[derive(Clone, Debug)]
pub(crate) struct MetricsSettings {
    pub(crate) window: NonZeroU32,
    pub(crate) starting_equity: Option<Equity>,
    pub(crate) basis: Basis,
    pub(crate) scopes: Vec<ScopeKind>,
    pub(crate) every: Every,
    pub(crate) rules: Vec<Rule>,
    /// Which of these the file has.
    given: Vec<&'static str>,
}

impl Default for MetricsSettings {
    fn default() -> MetricsSettings {
        MetricsSettings {
            window: WINDOW,
            starting_equity: None,
            basis: Basis::Net,
            scopes: vec![ScopeKind::All],
            every: Every::Alert,
            rules: Vec::new(),
            given: Vec::new(),
        }
    }
}

impl MetricsSettings {
    /// Each setting with its value, and where that is from.
    pub(crate) fn rows(&self) -> [(&'static str, Value, Source); 6] {
        let from = |key: &str| match self.given.contains(&key) {
            true => Source::File,
            false => Source::Default,
        };
        let scopes: Vec<&str> = self.scopes.iter().map(|it| it.name()).collect();
        let rules: Vec<&str> = self.rules.iter().map(|it| it.id().as_str()).collect();
        let every = match self.every {
            Every::Alert => "alert",
            Every::Trade => "trade",
            Every::Day => "day",
        };
        let equity = self.starting_equity.map(|it| it.value().to_string());
        let rules = Some(rules.join(", ")).filter(|it| !it.is_empty());
        [
            ("metrics.window", self.window.get().into(), from("window")),
            (
                "metrics.starting_equity",
                equity.into(),
                from("starting_equity"),
            ),
            (
                "metrics.basis",
                self.basis.to_string().into(),
                from("basis"),
            ),
            ("metrics.scopes", scopes.join(", ").into(), from("scopes")),
            ("metrics.every", every.into(), from("every")),
            ("metrics.rules", rules.into(), from("rules")),
        ]
    }
}

const KEYS: [&str; 6] = [
    "window",
    "starting_equity",
    "basis",
    "scopes",
    "every",
    "rules",
];
const RULE_KEYS: [&str; 9] = [
    "id",
    "metric",
    "threshold",
    "clear",
    "min_trades",
    "cooldown",
    "cooldown_trades",
    "remind_trades",
    "level",
];

impl Parser<'_> {
    pub(super) fn metrics(&mut self, table: &DeTable<'_>) -> Option<MetricsSettings> {
        let mut settings = MetricsSettings::default();
        let (mut rules, mut every) = (None, None);
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            settings
                .given
                .extend(KEYS.into_iter().find(|it| *it == name));
            match name {
                "window" => settings.window = self.count(name, value).unwrap_or(WINDOW),
                "starting_equity" => settings.starting_equity = self.equity(value),
                "basis" => {
                    let words = [("net", Basis::Net), ("gross", Basis::Gross)];
                    settings.basis = self.word(name, value, &words).unwrap_or_default();
                }
                "scopes" => settings.scopes = self.scopes(value),
                "every" => {
                    let words = [
                        ("alert", Every::Alert),
                        ("trade", Every::Trade),
                        ("day", Every::Day),
                    ];
                    settings.every = self.word(name, value, &words).unwrap_or_default();
                    every = Some(key.span());
                }
                "rules" => rules = Some((key.span(), value)),
                _ => self.unknown(&key.span(), "key", name, &KEYS),
            }
        }
        if let Some((span, value)) = rules {
            let tables = value.get_ref().as_array();
            if tables.is_none() {
                let problem = "`rules` are sections: write [[metrics.rules]]".to_owned();
                self.problem(&span, problem, None);
            }
            for value in tables.into_iter().flat_map(|it| it.iter()) {
                settings.rules.extend(self.rule(value, &settings));
            }
            if !settings.rules.is_empty() {
                self.need_equity(&settings, &span, "rules need");
            }
        }
        if let Some(span) = every.filter(|_| settings.every != Every::Alert) {
            self.need_equity(&settings, &span, "metrics of every trade or day need");
        }
        Some(settings)
    }

    /// A metric has a field for the drawdown, which takes one.
    fn need_equity(&mut self, settings: &MetricsSettings, span: &Range<usize>, what: &str) {
        // One that is given and none has a problem of its own.
        if settings.given.contains(&"starting_equity") {
            return;
        }
        let problem = format!("{what} `starting_equity` in [metrics]");
        let hint = "what the account began with, such as \"100000\"".to_owned();
        self.problem(span, problem, Some(hint));
    }

    fn rule(&mut self, value: &Spanned<DeValue<'_>>, settings: &MetricsSettings) -> Option<Rule> {
        let DeValue::Table(table) = value.get_ref() else {
            let problem = "a rule is a section: write [[metrics.rules]]".to_owned();
            self.problem(&value.span(), problem, None);
            return None;
        };
        let before = self.problems.len();
        let mut id = None;
        let mut metric = None;
        let mut threshold = None;
        let mut parts = Draft::default();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            match name {
                "id" => {
                    id = self
                        .string(name, value)
                        .and_then(|it| Text::try_from(it).ok())
                }
                "metric" => {
                    let words = Metric::ALL.map(|it| (it.name(), it));
                    metric = self.word(name, value, &words);
                }
                "threshold" => threshold = self.decimal(name, value),
                "clear" => parts.clear = self.decimal(name, value),
                "min_trades" => parts.min_trades = self.count(name, value).map(NonZeroU32::get),
                "cooldown" => parts.cooldown = self.span(name, value).unwrap_or_default(),
                "cooldown_trades" => {
                    parts.cooldown_trades = self.count(name, value).map_or(0, NonZeroU32::get);
                }
                "remind_trades" => parts.remind_trades = self.count(name, value),
                "level" => {
                    let words = [("warning", Level::Warning), ("critical", Level::Critical)];
                    parts.level = self.word(name, value, &words).unwrap_or_default();
                }
                _ => self.unknown(&key.span(), "key", name, &RULE_KEYS),
            }
        }
        if before < self.problems.len() {
            return None;
        }
        let (Some(id), Some(metric), Some(threshold)) = (id, metric, threshold) else {
            let problem = "a rule needs `id`, `metric` and `threshold`".to_owned();
            self.problem(&value.span(), problem, None);
            return None;
        };
        if settings.rules.iter().any(|it| *it.id() == id) {
            self.problem(&value.span(), format!("two rules are called `{id}`"), None);
            return None;
        }
        let parts = RuleParts {
            id,
            metric,
            threshold,
            clear: parts.clear,
            min_trades: parts.min_trades,
            cooldown_trades: parts.cooldown_trades,
            cooldown: parts.cooldown,
            remind_trades: parts.remind_trades,
            level: parts.level,
        };
        let rule = Rule::new(parts, settings.window);
        rule.map_err(|error| self.problem(&value.span(), error.to_string(), None))
            .ok()
    }

    fn count(&mut self, key: &str, value: &Spanned<DeValue<'_>>) -> Option<NonZeroU32> {
        let number = value
            .get_ref()
            .as_integer()
            .and_then(|it| u32::from_str_radix(it.as_str(), it.radix()).ok())
            .and_then(NonZeroU32::new);
        if number.is_none() {
            let problem = format!("`{key}` is a whole number above 0");
            self.problem(&value.span(), problem, None);
        }
        number
    }

    /// An exact decimal. A TOML number with a fraction is none, and neither is one in base two, eight or
    /// sixteen, or with more digits than a decimal keeps.
    pub(super) fn decimal(&mut self, key: &str, value: &Spanned<DeValue<'_>>) -> Option<Decimal> {
        let given = value.get_ref();
        let whole = given.as_integer().filter(|it| it.radix() == 10);
        let text = given.as_str().or(whole.map(|it| it.as_str()));
        let parsed = text.map(Decimal::from_str_exact);
        let problem = match (parsed, text) {
            (Some(Ok(parsed)), _) => return Some(parsed),
            (Some(Err(rust_decimal::Error::Underflow)), Some(text)) => {
                format!("`{key}` has more digits than are kept exactly, got {text}")
            }
            _ => format!("`{key}` is a decimal in quotes, such as \"0.40\""),
        };
        self.problem(&value.span(), problem, None);
        None
    }

    fn equity(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Equity> {
        let equity = Equity::new(self.decimal("starting_equity", value)?);
        equity
            .map_err(|error| self.problem(&value.span(), error.to_string(), None))
            .ok()
    }

    fn scopes(&mut self, value: &Spanned<DeValue<'_>>) -> Vec<ScopeKind> {
        let words = ScopeKind::ALL.map(|it| (it.name(), it));
        let Some(given) = value.get_ref().as_array().filter(|it| !it.is_empty()) else {
            let names = words.map(|it| it.0).join(", ");
            let problem = format!("`scopes` is a list of some of {names}");
            self.problem(&value.span(), problem, None);
            return Vec::new();
        };
        let mut scopes = Vec::new();
        for value in given.iter() {
            scopes.extend(self.word("scopes", value, &words));
        }
        scopes.sort_unstable();
        scopes.dedup();
        scopes
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(
        &mut self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        let given = value.get_ref().as_str();
        let found = words.iter().find(|it| Some(it.0) == given);
        if found.is_none() {
            let names: Vec<String> = words.iter().map(|it| format!("\"{}\"", it.0)).collect();
            let problem = format!("`{key}` is one of {}", names.join(", "));
            self.problem(&value.span(), problem, None);
        }
        found.map(|it| it.1)
    }

    /// A span such as `90s`, `30m`, `6h` or `1d`.
    pub(super) fn span(&mut self, key: &str, value: &Spanned<DeValue<'_>>) -> Option<Duration> {
        let parsed = value.get_ref().as_str().and_then(span);
        if parsed.is_none() {
            let problem = format!("`{key}` is a span such as \"90s\", \"30m\", \"6h\" or \"1d\"");
            self.problem(&value.span(), problem, None);
        }
        parsed
    }
}

/// What a rule need not say.
#[derive(Default)]
struct Draft {
    clear: Option<Decimal>,
    min_trades: Option<u32>,
    cooldown: Duration,
    cooldown_trades: u32,
    remind_trades: Option<NonZeroU32>,
    level: Level,
}

fn span(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let secs = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
    number.checked_mul(secs).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use crate::settings::Values;

    fn problems(metrics: &str) -> Vec<String> {
        match Values::parse(&format!("[metrics]\n{metrics}\n")) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.iter().map(ToString::to_string).collect(),
        }
    }

    /// It was taken, nothing was written, and nobody was told.
    #[test]
    fn metrics_of_every_trade_without_an_equity_are_refused() {
        for every in ["trade", "day"] {
            let text = format!("every = \"{every}\"");
            let why = "line 2: metrics of every trade or day need `starting_equity` in [metrics] \
                       (what the account began with, such as \"100000\")";
            assert_eq!(problems(&text), [why]);
            let text = text + "\nstarting_equity = \"100000\"";
            assert_eq!(problems(&text), [""; 0]);
        }
        assert_eq!(problems("every = \"alert\""), [""; 0]);
        let why = "line 2: starting equity must be above 0, got 0";
        assert_eq!(problems("starting_equity = 0\nevery = \"day\""), [why]);
    }

    /// `0x100` was an equity of 100, and what did not fit was rounded.
    #[test]
    fn a_number_is_taken_digit_by_digit_or_refused() {
        for number in ["0x100", "0o10", "0b1", "1.5", "\"1e5\"", "true"] {
            let why = "line 2: `starting_equity` is a decimal in quotes, such as \"0.40\"";
            assert_eq!(problems(&format!("starting_equity = {number}")), [why]);
        }
        let number = "1.00000000000000000000000000001";
        let why = format!(
            "line 2: `starting_equity` has more digits than are kept exactly, got {number}"
        );
        assert_eq!(problems(&format!("starting_equity = \"{number}\"")), [why]);
        for number in ["100_000", "+5", "\"0.10\""] {
            assert_eq!(problems(&format!("starting_equity = {number}")), [""; 0]);
        }
    }
}
