//! `[window]` of `tj.toml`: where minutes are, and how they are kept.
//!
//! Always true: a value that no window could have is refused here, with its line.

use std::path::{Path, PathBuf};

use rust_decimal::Decimal;
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use tradejournal::feed::window::Step;
use tradejournal::record::field::Pair;

use super::{Parser, RedisUrl, Source};

/// What `[window]` says.
#[derive(Clone, Debug, Default)]
pub(crate) struct WindowSettings {
    pub(crate) storage: Option<PathBuf>,
    pub(crate) symbol: Option<Pair>,
    pub(crate) step: Option<Step>,
    pub(crate) minutes: Option<u32>,
    /// Days, or never.
    pub(crate) archive: Option<Option<u32>>,
    pub(crate) redis: Option<RedisUrl>,
    pub(crate) metrics_file: Option<PathBuf>,
}

const KEYS: [&str; 7] = [
    "storage",
    "symbol",
    "step",
    "minutes",
    "archive",
    "redis",
    "metrics_file",
];
const MINUTES_MAX: i64 = 5_256_000;
const DAYS_MAX: u32 = 36_500;
const ARCHIVE_AFTER: u32 = 7;

impl WindowSettings {
    /// Each setting with its value, and where that is from.
    pub(crate) fn rows(&self) -> [(&'static str, Value, Source); 7] {
        let row = |key, text: Option<String>| {
            let from = if text.is_some() {
                Source::File
            } else {
                Source::Default
            };
            (key, Value::from(text), from)
        };
        let path = |it: &Option<PathBuf>| it.as_ref().map(|it| it.display().to_string());
        let days = |it: Option<u32>| it.map_or("never".to_owned(), |it| format!("{it}d"));
        [
            row("window.storage", path(&self.storage)),
            row("window.symbol", self.symbol.as_ref().map(Pair::to_string)),
            row("window.step", self.step.map(|it| it.value().to_string())),
            row("window.minutes", self.minutes.map(|it| it.to_string())),
            row("window.archive", self.archive.map(days)),
            row("window.redis", self.redis.as_ref().map(RedisUrl::to_string)),
            row("window.metrics_file", path(&self.metrics_file)),
        ]
    }

    /// Its folders and files, meant from that folder.
    pub(super) fn below(mut self, base: &Path) -> WindowSettings {
        self.storage = self.storage.map(|it| base.join(it));
        self.metrics_file = self.metrics_file.map(|it| base.join(it));
        self
    }

    /// After how many days a day of minutes is archived.
    pub(crate) fn archive_after(&self) -> Option<u32> {
        self.archive.unwrap_or(Some(ARCHIVE_AFTER))
    }
}

impl Parser<'_> {
    pub(super) fn window(&mut self, table: &DeTable<'_>) -> WindowSettings {
        let mut settings = WindowSettings::default();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            match name {
                "storage" => settings.storage = self.string(name, value).map(PathBuf::from),
                "metrics_file" => {
                    settings.metrics_file = self.string(name, value).map(PathBuf::from)
                }
                "redis" => settings.redis = self.redis_url(name, value),
                "symbol" => settings.symbol = self.pair(name, value),
                "step" => settings.step = self.step(name, value),
                "minutes" => settings.minutes = self.minutes(name, value),
                "archive" => settings.archive = self.days(name, value),
                _ => self.unknown(&key.span(), "key", name, &KEYS),
            }
        }
        settings
    }

    fn redis_url(&mut self, name: &str, value: &Spanned<DeValue<'_>>) -> Option<RedisUrl> {
        let url = RedisUrl::of(self.string(name, value)?);
        url.map_err(|wrong| self.problem(&value.span(), format!("`{name}` is {wrong}"), None))
            .ok()
    }

    fn pair(&mut self, name: &str, value: &Spanned<DeValue<'_>>) -> Option<Pair> {
        let parsed = self.string(name, value)?.parse::<Pair>();
        parsed
            .map_err(|wrong| self.problem(&value.span(), format!("`{name}` {wrong}"), None))
            .ok()
    }

    fn step(&mut self, name: &str, value: &Spanned<DeValue<'_>>) -> Option<Step> {
        let text = value.get_ref().as_str().unwrap_or_default();
        let step = text.parse::<Decimal>().ok().and_then(Step::new);
        if step.is_none() {
            let problem = format!("`{name}` is a decimal above 0 as a text, such as \"0.5\"");
            self.problem(&value.span(), problem, None);
        }
        step
    }

    fn minutes(&mut self, name: &str, value: &Spanned<DeValue<'_>>) -> Option<u32> {
        let number = value.get_ref().as_integer();
        let number = number.and_then(|it| i64::from_str_radix(it.as_str(), it.radix()).ok());
        let minutes = number.filter(|it| (1..=MINUTES_MAX).contains(it));
        if minutes.is_none() {
            let problem = format!("`{name}` is a whole number from 1 to {MINUTES_MAX}");
            self.problem(&value.span(), problem, None);
        }
        minutes.and_then(|it| u32::try_from(it).ok())
    }

    fn days(&mut self, name: &str, value: &Spanned<DeValue<'_>>) -> Option<Option<u32>> {
        let text = value.get_ref().as_str().unwrap_or_default();
        if text == "never" {
            return Some(None);
        }
        let days = text.strip_suffix('d').and_then(|it| it.parse::<u32>().ok());
        let days = days.filter(|it| *it <= DAYS_MAX);
        if days.is_none() {
            let problem = format!("`{name}` is a number of days, \"7d\", or \"never\"");
            self.problem(&value.span(), problem, None);
        }
        days.map(Some)
    }
}
