//! A file of settings, key by key.
//!
//! Always true: it is read to its end, whatever is wrong in it.
//!
//! Not here: secrets from the environment, and whether the file may have any.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};
use tradejournal::driver::bybit::Hosts;
use tradejournal::feed::bybit::{Category, Timing};

use super::secrets::{self, Written};
use super::{RecorderFile, place};
use crate::nearest::nearest;
use crate::settings::{Problem, Source};

/// What may stand at the top.
const KEYS: [&str; 15] = [
    "symbols",
    "category",
    "database_url",
    "testnet",
    "batch_size",
    "flush_interval",
    "gap_threshold_seconds",
    "health_log_interval",
    "keep_raw",
    "buffer_mb",
    "metrics_file",
    "ws_host",
    "rest_host",
    "account",
    "timing",
];

/// A shorter span is no wait.
const SECS_MIN: f64 = 0.001;
const BATCH_MAX: u64 = 50_000;
const BUFFER_MB_MAX: u64 = 65_536;
const HOUR: f64 = 3600.0;
const DAY: f64 = 86_400.0;
const SYMBOL_LEN_MAX: usize = 60;

/// A key of `timing`.
pub(super) struct Span {
    pub(super) key: &'static str,
    max: f64,
    pub(super) of: fn(&mut Timing) -> &mut Duration,
}

const fn span(key: &'static str, max: f64, of: fn(&mut Timing) -> &mut Duration) -> Span {
    Span { key, max, of }
}

pub(super) const SPANS: [Span; 16] = [
    span("ping_interval", 300.0, |it| &mut it.ping_every),
    span("pong_timeout", 300.0, |it| &mut it.pong_within),
    span("answer_timeout", 300.0, |it| &mut it.answer_within),
    span("connect_timeout", 300.0, |it| &mut it.connect_within),
    span("request_timeout", 300.0, |it| &mut it.request_within),
    span("reconnect_min", HOUR, |it| &mut it.reconnect_first),
    span("reconnect_max", HOUR, |it| &mut it.reconnect_max),
    span("refused_retry", DAY, |it| &mut it.refused_again),
    span("stall_timeout", DAY, |it| &mut it.silent_max),
    span("settle", HOUR, |it| &mut it.settle),
    span("executions_lag", HOUR, |it| &mut it.executions_lag),
    span("compare_interval", DAY, |it| &mut it.compare_every),
    span("retry_min", HOUR, |it| &mut it.retry_first),
    span("retry_max", DAY, |it| &mut it.retry_max),
    span("forbidden_pause", DAY, |it| &mut it.forbidden),
    span("reorder", 60.0, |it| &mut it.reorder),
];

pub(super) fn is_span(key: &str) -> bool {
    SPANS.iter().any(|it| it.key == key)
}

/// Reads a file into the settings, and hands out what it says of the account.
pub(super) fn read(
    text: &str,
    is_toml: bool,
    settings: &mut RecorderFile,
) -> Result<Written, Vec<Problem>> {
    let root = match is_toml {
        true => parse_toml(text)?,
        false => parse_yaml(text)?,
    };
    let mut reading = Reading {
        text,
        separator: if is_toml { '=' } else { ':' },
        problems: Vec::new(),
    };
    let written = reading.root(&root, settings);
    if reading.problems.is_empty() {
        return Ok(written);
    }
    reading.problems.sort_by_key(|it| it.line);
    Err(reading.problems)
}

fn parse_yaml(text: &str) -> Result<BTreeMap<String, Value>, Vec<Problem>> {
    // A file of nothing but comments is one without a setting.
    let has_none = |it: &str| it.trim().is_empty() || it.trim_start().starts_with('#');
    if text.lines().all(has_none) {
        return Ok(BTreeMap::new());
    }
    serde_saphyr::from_str(text).map_err(|error| {
        let line = error.location().map(|it| it.line());
        let line = line.and_then(|it| usize::try_from(it).ok()).unwrap_or(1);
        // Without the excerpt of the file that follows: a secret may stand there.
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        // The line is said anyway.
        let said = first.strip_prefix("error: line ");
        let problem = said
            .and_then(|it| it.split_once(": "))
            .map_or(first, |it| it.1);
        // An infinite number, and the name of the parser's option.
        let problem = problem.split(" rejected by ").next().unwrap_or_default();
        vec![Problem {
            line,
            problem: problem.to_owned(),
            hint: None,
        }]
    })
}

fn parse_toml(text: &str) -> Result<BTreeMap<String, Value>, Vec<Problem>> {
    toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |it| it.start);
        let before = text.get(..start).unwrap_or_default();
        vec![Problem {
            line: before.matches('\n').count() + 1,
            problem: error.message().to_owned(),
            hint: None,
        }]
    })
}

struct Reading<'a> {
    text: &'a str,
    /// Between a key and its value.
    separator: char,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn root(&mut self, root: &BTreeMap<String, Value>, settings: &mut RecorderFile) -> Written {
        let mut written = Written::default();
        for (name, value) in root {
            let Some(key) = KEYS.into_iter().find(|it| it == name) else {
                self.unknown(name, &KEYS);
                continue;
            };
            match (key, value) {
                // Everything below may be a comment.
                ("account" | "timing", Value::Null) => {}
                ("account", Value::Object(account)) => written = self.account(account),
                ("timing", Value::Object(timing)) => self.timing(timing, settings),
                ("account" | "timing", _) => {
                    self.problem(key, format!("`{key}` is a section"), None);
                }
                _ => {
                    self.plain(key, value, settings);
                    settings.sources.insert(key, Source::File);
                }
            }
        }
        self.hosts(root, settings);
        if !root.contains_key("symbols") {
            let hint = Some("write symbols, such as BTCUSDT".to_owned());
            self.problem("symbols", "`symbols` is missing".to_owned(), hint);
        }
        written
    }

    fn plain(&mut self, key: &'static str, value: &Value, settings: &mut RecorderFile) {
        match key {
            "symbols" => settings.symbols = self.symbols(value),
            "category" => {
                let word = value.as_str().unwrap_or_default();
                match word.parse::<Category>() {
                    Ok(category) => settings.category = category,
                    Err(why) => self.problem(key, format!("`{key}` {why}"), None),
                }
            }
            "database_url" => {
                let path = place::database(value.as_str().unwrap_or_default());
                match path {
                    Ok(path) => settings.database = path,
                    Err(why) => self.problem(key, format!("`{key}` {why}"), None),
                }
            }
            "testnet" => settings.is_testnet = self.flag(key, value),
            "keep_raw" => settings.keep_raw = self.flag(key, value),
            "batch_size" => settings.batch_size = self.count(key, value, BATCH_MAX),
            "buffer_mb" => settings.buffer_mb = self.count(key, value, BUFFER_MB_MAX),
            "flush_interval" => settings.flush_interval = self.span(key, value, HOUR),
            "gap_threshold_seconds" => settings.gap_threshold = self.span(key, value, DAY),
            "health_log_interval" => settings.health_log_interval = self.span(key, value, DAY),
            "metrics_file" => settings.metrics_file = self.path(key, value),
            // The hosts: which net it is has to be known first.
            _ => {}
        }
    }

    fn hosts(&mut self, root: &BTreeMap<String, Value>, settings: &mut RecorderFile) {
        settings.hosts = Hosts::of(settings.is_testnet);
        for (key, secure, plain) in [("ws_host", "wss", "ws"), ("rest_host", "https", "http")] {
            let Some(value) = root.get(key) else { continue };
            match place::host(value.as_str().unwrap_or_default(), secure, plain) {
                Ok(host) if key == "ws_host" => settings.hosts.sockets = host,
                Ok(host) => settings.hosts.requests = host,
                Err(why) => self.problem(key, format!("`{key}` {why}"), None),
            }
        }
    }

    fn symbols(&mut self, value: &Value) -> Vec<String> {
        let Some(list) = value.as_array().filter(|it| !it.is_empty()) else {
            let problem = "`symbols` is a list of one symbol or more".to_owned();
            self.problem("symbols", problem, Some("such as [\"BTCUSDT\"]".to_owned()));
            return Vec::new();
        };
        let mut known: Vec<String> = Vec::new();
        for item in list {
            let Some(symbol) = item.as_str() else {
                let problem = format!("`symbols` has {item}, which is no symbol");
                self.problem("symbols", problem, None);
                continue;
            };
            let is_letter = |it: u8| it.is_ascii_uppercase() || it.is_ascii_digit() || it == b'-';
            let is_plain = !symbol.is_empty() && symbol.len() <= SYMBOL_LEN_MAX;
            if !is_plain || !symbol.bytes().all(is_letter) {
                let upper = symbol.replace(['/', '_', ' '], "").to_ascii_uppercase();
                let hint = (upper != symbol && upper.bytes().all(is_letter) && !upper.is_empty())
                    .then(|| format!("did you mean `{upper}`?"));
                let problem = format!(
                    "`{symbol}` is no symbol: capital letters, digits and `-`, {SYMBOL_LEN_MAX} at most"
                );
                self.problem_at(self.line_of_item(symbol), problem, hint);
            } else if known.iter().any(|it| it == symbol) {
                let problem = format!("`{symbol}` stands in `symbols` twice");
                self.problem("symbols", problem, None);
            } else {
                known.push(symbol.to_owned());
            }
        }
        known
    }

    fn timing(&mut self, timing: &Map<String, Value>, settings: &mut RecorderFile) {
        let known: Vec<&'static str> = SPANS.iter().map(|it| it.key).collect();
        for (name, value) in timing {
            let Some(span) = SPANS.iter().find(|it| it.key == name) else {
                self.unknown(name, &known);
                continue;
            };
            *(span.of)(&mut settings.timing) = self.span(span.key, value, span.max);
            settings.sources.insert(span.key, Source::File);
        }
        let timing = &settings.timing;
        for (low, first, high, last) in [
            (
                "reconnect_min",
                timing.reconnect_first,
                "reconnect_max",
                timing.reconnect_max,
            ),
            (
                "retry_min",
                timing.retry_first,
                "retry_max",
                timing.retry_max,
            ),
        ] {
            if last < first {
                let key = if settings.sources.contains_key(low) {
                    low
                } else {
                    high
                };
                self.problem(key, format!("`{low}` is longer than `{high}`"), None);
            }
        }
    }

    fn account(&mut self, account: &Map<String, Value>) -> Written {
        for name in account
            .keys()
            .filter(|it| !secrets::KEYS.contains(&it.as_str()))
        {
            self.unknown(name, &secrets::KEYS);
        }
        let [key, secret] = secrets::KEYS.map(|name| match account.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some((text.clone(), self.line_of(name))),
            // Digits alone are a number in YAML, and what they looked like is gone.
            Some(_) => {
                let hint = Some("put it into quotation marks".to_owned());
                self.problem(name, format!("`{name}` is a text"), hint);
                None
            }
        });
        Written {
            key,
            secret,
            line: Some(self.line_of("account")),
        }
    }

    fn flag(&mut self, key: &str, value: &Value) -> bool {
        if value.as_bool().is_none() {
            self.problem(key, format!("`{key}` is true or false"), None);
        }
        value.as_bool().unwrap_or_default()
    }

    fn count(&mut self, key: &str, value: &Value, max: u64) -> usize {
        let count = value.as_u64().filter(|it| (1..=max).contains(it));
        if count.is_none() {
            self.problem(
                key,
                format!("`{key}` is a whole number from 1 to {max}"),
                None,
            );
        }
        usize::try_from(count.unwrap_or(1)).unwrap_or(usize::MAX)
    }

    fn span(&mut self, key: &str, value: &Value, max: f64) -> Duration {
        let secs = value.as_f64().filter(|it| (SECS_MIN..=max).contains(it));
        if secs.is_none() {
            let problem = format!("`{key}` is a number of seconds from {SECS_MIN} to {max}");
            self.problem(key, problem, None);
        }
        let span = secs.and_then(|it| Duration::try_from_secs_f64(it).ok());
        span.unwrap_or(Duration::from_secs(1))
    }

    /// A file or a folder; an empty text is none.
    fn path(&mut self, key: &str, value: &Value) -> Option<PathBuf> {
        match value {
            Value::Null => None,
            Value::String(text) if text.contains('\0') => {
                self.problem(key, format!("`{key}` has a zero byte"), None);
                None
            }
            Value::String(text) => (!text.is_empty()).then(|| PathBuf::from(text)),
            _ => {
                self.problem(key, format!("`{key}` is a path as a text"), None);
                None
            }
        }
    }

    fn unknown(&mut self, name: &str, known: &[&'static str]) {
        let hint = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            // It may stand one level too high or too deep.
            None if is_span(name) => "it belongs into `timing`".to_owned(),
            None if secrets::KEYS.contains(&name) => "it belongs into `account`".to_owned(),
            None if KEYS.contains(&name) => "it belongs to the top of the file".to_owned(),
            None => format!("known: {}", known.join(", ")),
        };
        self.problem(name, format!("unknown key `{name}`"), Some(hint));
    }

    fn problem(&mut self, key: &str, problem: String, hint: Option<String>) {
        self.problem_at(self.line_of(key), problem, hint);
    }

    fn problem_at(&mut self, line: usize, problem: String, hint: Option<String>) {
        self.problems.push(Problem {
            line,
            problem,
            hint,
        });
    }

    /// The line where a key is, or the first.
    fn line_of(&self, key: &str) -> usize {
        let is_key = |line: &str| {
            let line = line.trim_start();
            // A table of TOML.
            if line
                .strip_prefix('[')
                .is_some_and(|it| it.trim_start().starts_with(key))
            {
                return true;
            }
            let line = line.trim_start_matches(['"', '\'']);
            line.strip_prefix(key).is_some_and(|it| {
                it.trim_start_matches(['"', '\'', ' '])
                    .starts_with(self.separator)
            })
        };
        self.text.lines().position(is_key).map_or(1, |it| it + 1)
    }

    /// The line where an item of the symbols is.
    fn line_of_item(&self, item: &str) -> usize {
        let key = self.line_of("symbols");
        let below = self.text.lines().skip(key - 1);
        let found = below
            .into_iter()
            .position(|it| !item.is_empty() && it.contains(item));
        key + found.unwrap_or_default()
    }
}
