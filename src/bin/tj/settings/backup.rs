//! `[backup]` of `tj.toml`: where backups go, what else is in them, and how many stay.
//!
//! Always true: a path in it is meant from where the file is, as everywhere in the file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use tradejournal::keep::backup::{Counts, Target};

use super::{Parser, Source};

const KEYS: [&str; 8] = [
    "to",
    "ssh_port",
    "ssh_config",
    "config",
    "daily",
    "weekly",
    "monthly",
    "rpo",
];
const RPO_DEFAULT: Duration = Duration::from_secs(24 * 3600);

/// What `[backup]` says.
#[derive(Clone, Debug)]
pub(crate) struct BackupSettings {
    pub(crate) to: Vec<Target>,
    pub(crate) ssh_port: Option<u16>,
    pub(crate) ssh_config: Option<PathBuf>,
    pub(crate) config: Vec<PathBuf>,
    pub(crate) counts: Counts,
    /// How old the last good backup of a target may become.
    pub(crate) rpo: Duration,
    given: Vec<String>,
}

impl Default for BackupSettings {
    fn default() -> BackupSettings {
        BackupSettings {
            to: Vec::new(),
            ssh_port: None,
            ssh_config: None,
            config: Vec::new(),
            counts: Counts::default(),
            rpo: RPO_DEFAULT,
            given: Vec::new(),
        }
    }
}

impl BackupSettings {
    /// The same, its folders meant from `base` on.
    pub(super) fn below(mut self, base: &Path) -> BackupSettings {
        for target in &mut self.to {
            if let Target::Folder(folder) = target {
                *folder = base.join(&*folder);
            }
        }
        self.ssh_config = self.ssh_config.map(|it| base.join(it));
        self
    }

    /// Each setting with its value, and where that is from.
    pub(crate) fn rows(&self) -> Vec<(String, Value, Source)> {
        let list = |it: Vec<String>| match it.is_empty() {
            true => Value::Null,
            false => it.join(", ").into(),
        };
        let path = |it: &PathBuf| it.display().to_string();
        let values: [Value; KEYS.len()] = [
            list(self.to.iter().map(Target::to_string).collect()),
            self.ssh_port.into(),
            self.ssh_config.as_ref().map(path).into(),
            list(self.config.iter().map(path).collect()),
            self.counts.daily.into(),
            self.counts.weekly.into(),
            self.counts.monthly.into(),
            span_text(self.rpo).into(),
        ];
        let source = |key: &str| match self.given.iter().any(|it| it == key) {
            true => Source::File,
            false => Source::Default,
        };
        let rows = KEYS.iter().zip(values);
        rows.map(|(key, value)| (format!("backup.{key}"), value, source(key)))
            .collect()
    }
}

fn span_text(span: Duration) -> String {
    let secs = span.as_secs();
    let units = [(3600, 'h'), (60, 'm')];
    match units.iter().find(|it| secs.is_multiple_of(it.0)) {
        Some((len, unit)) => format!("{}{unit}", secs / len),
        None => format!("{secs}s"),
    }
}

impl Parser<'_> {
    pub(super) fn backup(&mut self, table: &DeTable<'_>) -> BackupSettings {
        let mut settings = BackupSettings::default();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            settings.given.push(name.to_owned());
            match name {
                "to" => settings.to = self.targets(value),
                "ssh_port" => settings.ssh_port = self.small(name, 1, value),
                "ssh_config" => settings.ssh_config = self.folder(name, value),
                "config" => {
                    let texts = self.texts(name, value).into_iter();
                    settings.config = texts.map(|it| PathBuf::from(it.0)).collect();
                }
                "daily" => settings.counts.daily = self.small(name, 0, value).unwrap_or(0),
                "weekly" => settings.counts.weekly = self.small(name, 0, value).unwrap_or(0),
                "monthly" => settings.counts.monthly = self.small(name, 0, value).unwrap_or(0),
                "rpo" => settings.rpo = self.span(name, value).unwrap_or(RPO_DEFAULT),
                _ => self.unknown(&key.span(), "key", name, &KEYS),
            }
        }
        settings
    }

    fn targets(&mut self, value: &Spanned<DeValue<'_>>) -> Vec<Target> {
        let mut targets = Vec::new();
        for (text, span) in self.texts("to", value) {
            match text.parse::<Target>() {
                Ok(target) => targets.push(target),
                Err(error) => self.problem(&span, format!("`to`: {error}"), None),
            }
        }
        targets
    }

    /// A list of texts, each with its place; one text is a list of one.
    fn texts(
        &mut self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Vec<(String, std::ops::Range<usize>)> {
        let items: Vec<&Spanned<DeValue<'_>>> = match value.get_ref() {
            DeValue::Array(items) => items.iter().collect(),
            _ => vec![value],
        };
        let mut texts = Vec::new();
        for item in items {
            if let Some(text) = self.string(key, item) {
                texts.push((text.to_owned(), item.span()));
            }
        }
        texts
    }

    fn small(&mut self, key: &str, least: u16, value: &Spanned<DeValue<'_>>) -> Option<u16> {
        let number = value.get_ref().as_integer();
        let number = number.and_then(|it| u16::from_str_radix(it.as_str(), it.radix()).ok());
        let number = number.filter(|it| least <= *it);
        if number.is_none() {
            let problem = format!("`{key}` is a whole number from {least} to 65535");
            self.problem(&value.span(), problem, None);
        }
        number
    }
}
