//! `[reconcile]` of `tj.toml`: what a broker's file calls its columns, directions and states.
//!
//! Always true: a column that does not exist is refused here, with its line; whether the file has the
//! one that it is mapped to is seen when it is read.

use chrono_tz::Tz;
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use tradejournal::desk::reconcile::{Column, Named, Words};

use super::{Parser, Source};
use crate::when;

/// What `[reconcile]` says.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReconcileSettings {
    pub(crate) timezone: Option<Tz>,
    pub(crate) words: Words,
    pub(crate) columns: Named,
}

const KEYS: [&str; 6] = ["timezone", "buy", "sell", "filled", "unfilled", "columns"];

impl ReconcileSettings {
    /// Each setting with its value, and where that is from.
    pub(crate) fn rows(&self) -> [(&'static str, Value, Source); 6] {
        let row = |key, text: Option<String>| {
            let from = match text {
                Some(_) => Source::File,
                None => Source::Default,
            };
            (key, Value::from(text), from)
        };
        let words = |words: &[String]| Some(words.join(", ")).filter(|it| !it.is_empty());
        let columns = self
            .columns
            .iter()
            .map(|(column, name)| format!("{column}={name}"));
        let columns: Vec<String> = columns.collect();
        [
            row(
                "reconcile.timezone",
                self.timezone.map(|it| it.name().to_owned()),
            ),
            row("reconcile.buy", words(&self.words.buy)),
            row("reconcile.sell", words(&self.words.sell)),
            row("reconcile.filled", words(&self.words.filled)),
            row("reconcile.unfilled", words(&self.words.unfilled)),
            row("reconcile.columns", words(&columns)),
        ]
    }
}

impl Parser<'_> {
    pub(super) fn reconcile(&mut self, table: &DeTable<'_>) -> ReconcileSettings {
        let mut settings = ReconcileSettings::default();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            match name {
                "timezone" => settings.timezone = self.timezone(name, value),
                "buy" => settings.words.buy = self.words(name, value),
                "sell" => settings.words.sell = self.words(name, value),
                "filled" => settings.words.filled = self.words(name, value),
                "unfilled" => settings.words.unfilled = self.words(name, value),
                "columns" => settings.columns = self.columns(value),
                _ => self.unknown(&key.span(), "key", name, &KEYS),
            }
        }
        settings
    }

    pub(super) fn timezone(&mut self, key: &str, value: &Spanned<DeValue<'_>>) -> Option<Tz> {
        let zone = when::zone(self.string(key, value)?);
        zone.map_err(|unknown| self.problem(&value.span(), unknown.to_string(), unknown.hint()))
            .ok()
    }

    pub(super) fn words(&mut self, key: &str, value: &Spanned<DeValue<'_>>) -> Vec<String> {
        let Some(given) = value.get_ref().as_array() else {
            let problem = format!("`{key}` is a list of words in quotes");
            self.problem(&value.span(), problem, None);
            return Vec::new();
        };
        let words = given
            .iter()
            .filter_map(|it| self.string(key, it).map(str::to_owned));
        words.collect()
    }

    fn columns(&mut self, value: &Spanned<DeValue<'_>>) -> Named {
        let mut columns = Named::new();
        let DeValue::Table(table) = value.get_ref() else {
            let problem = "`columns` is a section: write [reconcile.columns]".to_owned();
            self.problem(&value.span(), problem, None);
            return columns;
        };
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let Ok(column) = name.parse::<Column>() else {
                let known: Vec<&'static str> = Column::ALL.iter().map(|it| it.name()).collect();
                self.unknown(&key.span(), "column", name, &known);
                continue;
            };
            if let Some(title) = self.string(name, value) {
                columns.insert(column, title.to_owned());
            }
        }
        columns
    }
}
