//! The effective settings: flags, environment, `tj.toml` and defaults, in that order.
//!
//! Always true:
//! - Every setting knows where it comes from.
//! - A file with an unknown key, a wrong type or a wrong value is refused as a whole, with the
//!   line of every problem; nothing in it is ignored.
//! - A folder named in the file is meant from where the file is.
//!
//! Not here: opening anything but the file of settings.

mod backup;
mod cache;
mod keep;
mod metrics;
mod reconcile;
mod redis_url;
mod tax;
mod window;
mod yaml;

use std::{
    env, fmt, fs, io,
    ops::Range,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use chrono_tz::Tz;
use serde::Serialize;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use tradejournal::books::Zone;
use tradejournal::books::risk::{LossesMax, Percent, Reset, RiskLimits};
use tradejournal::journal::Durability;
use tradejournal::record::field::Wrong;

use crate::args::Global;
use crate::failure::Failure;
use crate::nearest::nearest;
use crate::when;

pub(crate) use backup::BackupSettings;
pub(crate) use keep::KeepSettings;
pub(crate) use metrics::MetricsSettings;
pub(crate) use reconcile::ReconcileSettings;
pub(crate) use redis_url::RedisUrl;
pub(crate) use tax::{Identical, TaxSettings, identical, split};
pub(crate) use window::WindowSettings;

/// The file that is used when none is named.
const FILE: &str = "tj.toml";

/// A value and where it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Setting<T> {
    pub(crate) value: T,
    pub(crate) from: Source,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    Flag,
    Env,
    File,
    Default,
}

/// All settings.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The file they were read from, if there is one.
    pub(crate) file: Option<PathBuf>,
    pub(crate) dir: Setting<PathBuf>,
    pub(crate) archive: Setting<PathBuf>,
    pub(crate) keys: Setting<PathBuf>,
    pub(crate) cache: Setting<PathBuf>,
    /// A server that keeps results.
    pub(crate) cache_url: Setting<Option<RedisUrl>>,
    pub(crate) name: Setting<Option<String>>,
    pub(crate) min_free_bytes: Setting<u64>,
    pub(crate) durability: Setting<Durability>,
    pub(crate) allow_personal_data: Setting<bool>,
    pub(crate) zone: Setting<Tz>,
    pub(crate) metrics: MetricsSettings,
    pub(crate) risk: Risk,
    pub(crate) keep: KeepSettings,
    /// Where the pages of `tj nightly` go.
    pub(crate) reports: Option<PathBuf>,
    pub(crate) reconcile: ReconcileSettings,
    pub(crate) tax: TaxSettings,
    pub(crate) backup: BackupSettings,
    pub(crate) window: WindowSettings,
    pub(crate) json: bool,
}

/// The section `risk`.
#[derive(Clone, Debug)]
pub(crate) struct Risk {
    pub(crate) max_position_pct: Setting<Option<Percent>>,
    pub(crate) max_daily_loss_pct: Setting<Option<Percent>>,
    pub(crate) max_consecutive_losses: Setting<Option<LossesMax>>,
    pub(crate) reset: Setting<Reset>,
}

impl Risk {
    fn of(values: RiskValues) -> Risk {
        let percent = |it: Option<Percent>| first(None, None, it.map(Some), None);
        let losses = values.max_consecutive_losses.map(Some);
        Risk {
            max_position_pct: percent(values.max_position_pct),
            max_daily_loss_pct: percent(values.max_daily_loss_pct),
            max_consecutive_losses: first(None, None, losses, None),
            reset: first(None, None, values.reset, Reset::default()),
        }
    }

    /// The limits that they make.
    pub(crate) fn limits(&self) -> RiskLimits {
        RiskLimits {
            max_position_pct: self.max_position_pct.value,
            max_daily_loss_pct: self.max_daily_loss_pct.value,
            max_consecutive_losses: self.max_consecutive_losses.value,
            reset: self.reset.value,
        }
    }
}

impl Settings {
    /// What holds for these flags.
    pub(crate) fn load(flags: &Global) -> anyhow::Result<Settings> {
        let (file, values) = match chosen_file(flags) {
            Some(path) => {
                let values = read(&path)?.map_err(|problems| refusal(&path, &problems))?;
                (Some(path), values)
            }
            None => (None, Values::default()),
        };
        let caches = Caches {
            flag: cache::split(flags.cache.clone(), "--cache")?,
            env: cache::split(folder_in_env("TJ_CACHE"), "TJ_CACHE")?,
        };
        Ok(Settings::merged(flags, file, values, caches))
    }

    /// The zone as the books know one: where their days begin.
    pub(crate) fn days(&self) -> Zone {
        when::books_zone(self.zone.value)
    }

    fn merged(flags: &Global, file: Option<PathBuf>, values: Values, caches: Caches) -> Settings {
        let base = file
            .as_deref()
            .and_then(Path::parent)
            .map(Path::to_path_buf)
            .unwrap_or_default();
        let below = |it: PathBuf| base.join(it);
        let dir = first(
            flags.dir.clone(),
            folder_in_env("TJ_DIR"),
            values.dir.map(below),
            PathBuf::from("logs"),
        );
        let beside = |name| dir.value.parent().unwrap_or(Path::new("")).join(name);
        let archive = first(
            flags.archive.clone(),
            folder_in_env("TJ_ARCHIVE"),
            values.archive.map(below),
            beside("archive"),
        );
        let keys = first(
            flags.keys.clone(),
            folder_in_env("TJ_KEYS"),
            values.keys.map(below),
            beside("keys"),
        );
        let cache = first(
            caches.flag.0,
            caches.env.0,
            values.cache.map(below),
            beside("cache"),
        );
        let cache_url = first(
            caches.flag.1.map(Some),
            caches.env.1.map(Some),
            values.cache_url.map(Some),
            None,
        );
        Settings {
            dir,
            archive,
            keys,
            cache,
            cache_url,
            name: first(None, None, values.name.map(Some), None),
            min_free_bytes: first(None, None, values.min_free_bytes, 0),
            durability: first(None, None, values.durability, Durability::Synced),
            allow_personal_data: first(None, None, values.allow_personal_data, false),
            zone: first(None, None, values.zone, Tz::UTC),
            metrics: values.metrics.unwrap_or_default(),
            risk: Risk::of(values.risk),
            keep: values.keep.unwrap_or_default(),
            reports: values.reports.map(below),
            reconcile: values.reconcile,
            tax: values.tax,
            backup: values.backup.unwrap_or_default().below(&base),
            window: values.window.unwrap_or_default().below(&base),
            file,
            json: flags.json,
        }
    }
}

/// What `--cache` and `TJ_CACHE` name: a folder, or a server.
struct Caches {
    flag: (Option<PathBuf>, Option<RedisUrl>),
    env: (Option<PathBuf>, Option<RedisUrl>),
}

/// The file that these flags and the environment name, or `tj.toml` if it is here.
pub(crate) fn chosen_file(flags: &Global) -> Option<PathBuf> {
    let named = flags.config.clone().or_else(|| folder_in_env("TJ_CONFIG"));
    named.or_else(|| {
        let here = PathBuf::from(FILE);
        fs::symlink_metadata(&here).is_ok().then_some(here)
    })
}

/// The durability as tj.toml writes it.
pub(crate) fn durability_text(durability: Durability) -> String {
    match durability {
        Durability::Interval(span) => format!("interval:{}ms", span.as_millis()),
        _ => "synced".to_owned(),
    }
}

fn folder_in_env(name: &str) -> Option<PathBuf> {
    // Set but empty is the shell's way to say unset.
    env::var_os(name)
        .filter(|it| !it.is_empty())
        .map(PathBuf::from)
}

fn first<T>(flag: Option<T>, env: Option<T>, file: Option<T>, default: T) -> Setting<T> {
    let found = [
        (flag, Source::Flag),
        (env, Source::Env),
        (file, Source::File),
    ]
    .into_iter()
    .find_map(|(value, from)| value.map(|value| Setting { value, from }));
    found.unwrap_or(Setting {
        value: default,
        from: Source::Default,
    })
}

/// Something wrong in a file of settings.
#[derive(Debug, Serialize)]
pub(crate) struct Problem {
    pub(crate) line: usize,
    pub(crate) problem: String,
    pub(crate) hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// The values of a file, each if it is there.
#[derive(Debug, Default)]
pub(crate) struct Values {
    dir: Option<PathBuf>,
    archive: Option<PathBuf>,
    keys: Option<PathBuf>,
    cache: Option<PathBuf>,
    cache_url: Option<RedisUrl>,
    name: Option<String>,
    min_free_bytes: Option<u64>,
    durability: Option<Durability>,
    allow_personal_data: Option<bool>,
    zone: Option<Tz>,
    metrics: Option<MetricsSettings>,
    risk: RiskValues,
    keep: Option<KeepSettings>,
    reports: Option<PathBuf>,
    reconcile: ReconcileSettings,
    tax: TaxSettings,
    backup: Option<BackupSettings>,
    window: Option<WindowSettings>,
}

/// The values of the section `risk`.
#[derive(Debug, Default)]
struct RiskValues {
    max_position_pct: Option<Percent>,
    max_daily_loss_pct: Option<Percent>,
    max_consecutive_losses: Option<LossesMax>,
    reset: Option<Reset>,
}

/// Reads a file of settings: its values, or all its problems.
pub(crate) fn read(path: &Path) -> anyhow::Result<Result<Values, Vec<Problem>>> {
    let bytes = fs::read(path).map_err(|error| {
        let message = format!("cannot read the settings in {}", path.display());
        let failure = match error.kind() {
            io::ErrorKind::NotFound => Failure::usage(message)
                .hint("name the file with --config or TJ_CONFIG, or leave both out"),
            _ => Failure::new(message),
        };
        failure.because(error)
    })?;
    Ok(match String::from_utf8(bytes) {
        Ok(text) if is_yaml(path) => yaml::parse(&text),
        Ok(text) => Values::parse(&text),
        Err(error) => Err(vec![Problem {
            line: 1,
            problem: format!(
                "not UTF-8 from byte {} on",
                error.utf8_error().valid_up_to()
            ),
            hint: None,
        }]),
    })
}

/// The settings of a window may come as YAML; the name says so.
fn is_yaml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|it| it == "yaml" || it == "yml")
}

fn refusal(path: &Path, problems: &[Problem]) -> anyhow::Error {
    let texts: Vec<String> = problems.iter().map(Problem::to_string).collect();
    Failure::usage(format!("{}: {}", path.display(), texts.join("; ")))
        .hint("`tj config --help` shows every setting")
        .into()
}

const SECTIONS: [&str; 11] = [
    "journal",
    "time",
    "cache",
    "metrics",
    "risk",
    "retention",
    "backup",
    "reconcile",
    "tax",
    "nightly",
    "window",
];
const JOURNAL_KEYS: [&str; 8] = [
    "dir",
    "archive",
    "keys",
    "cache",
    "name",
    "min_free_bytes",
    "durability",
    "allow_personal_data",
];
const TIME_KEYS: [&str; 1] = ["zone"];
const RISK_KEYS: [&str; 4] = [
    "max_position_pct",
    "max_daily_loss_pct",
    "max_consecutive_losses",
    "reset",
];

impl Values {
    fn parse(text: &str) -> Result<Values, Vec<Problem>> {
        let mut parser = Parser {
            text,
            problems: Vec::new(),
        };
        let mut values = Values::default();
        match DeTable::parse(text) {
            Ok(root) => parser.root(root.get_ref(), &mut values),
            Err(error) => {
                let span = error.span().unwrap_or_default();
                parser.problem(&span, error.message().to_owned(), None);
            }
        }
        if parser.problems.is_empty() {
            return Ok(values);
        }
        parser.problems.sort_by_key(|it| it.line);
        Err(parser.problems)
    }
}

/// Goes through a file and collects what is wrong with it.
struct Parser<'a> {
    text: &'a str,
    problems: Vec<Problem>,
}

impl Parser<'_> {
    fn problem(&mut self, span: &Range<usize>, problem: String, hint: Option<String>) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        self.problems.push(Problem {
            line,
            problem,
            hint,
        });
    }

    fn unknown(&mut self, span: &Range<usize>, kind: &str, word: &str, known: &[&'static str]) {
        let hint = match nearest(word, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known: {}", known.join(", ")),
        };
        self.problem(span, format!("unknown {kind} `{word}`"), Some(hint));
    }

    fn root(&mut self, root: &DeTable<'_>, values: &mut Values) {
        for (key, value) in root {
            let name = key.get_ref().as_ref();
            match (name, value.get_ref()) {
                ("journal", DeValue::Table(table)) => self.journal(table, values),
                ("time", DeValue::Table(table)) => self.time(table, values),
                ("cache", DeValue::Table(table)) => values.cache_url = self.cache(table),
                ("metrics", DeValue::Table(table)) => values.metrics = self.metrics(table),
                ("risk", DeValue::Table(table)) => self.risk(table, &mut values.risk),
                ("nightly", DeValue::Table(table)) => values.reports = self.nightly(table),
                ("retention", DeValue::Table(table)) => values.keep = Some(self.retention(table)),
                ("reconcile", DeValue::Table(table)) => values.reconcile = self.reconcile(table),
                ("tax", DeValue::Table(table)) => values.tax = self.tax(table),
                ("backup", DeValue::Table(table)) => values.backup = Some(self.backup(table)),
                ("window", DeValue::Table(table)) => values.window = Some(self.window(table)),
                // `cache` is a key of [journal] too.
                (name, _) if SECTIONS.contains(&name) && !JOURNAL_KEYS.contains(&name) => {
                    let problem = format!("`{name}` is a section: write [{name}]");
                    self.problem(&key.span(), problem, None);
                }
                _ => self.stray(&key.span(), name),
            }
        }
    }

    /// A key at the top: a wrong section, or a key whose section is missing.
    fn stray(&mut self, span: &Range<usize>, name: &str) {
        if JOURNAL_KEYS.contains(&name) {
            let hint = "it belongs into [journal]".to_owned();
            self.problem(span, format!("`{name}` outside a section"), Some(hint));
        } else if TIME_KEYS.contains(&name) {
            let hint = "it belongs into [time]".to_owned();
            self.problem(span, format!("`{name}` outside a section"), Some(hint));
        } else if RISK_KEYS.contains(&name) {
            let hint = "it belongs into [risk]".to_owned();
            self.problem(span, format!("`{name}` outside a section"), Some(hint));
        } else {
            self.unknown(span, "section or key", name, &SECTIONS);
        }
    }

    fn journal(&mut self, table: &DeTable<'_>, values: &mut Values) {
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "dir" => values.dir = self.folder(key.get_ref(), value),
                "archive" => values.archive = self.folder(key.get_ref(), value),
                "keys" => values.keys = self.folder(key.get_ref(), value),
                "cache" => values.cache = self.folder(key.get_ref(), value),
                "name" => values.name = self.string(key.get_ref(), value).map(str::to_owned),
                "min_free_bytes" => values.min_free_bytes = self.bytes(value),
                "durability" => values.durability = self.durability(value),
                "allow_personal_data" => {
                    values.allow_personal_data = value.get_ref().as_bool();
                    if values.allow_personal_data.is_none() {
                        let problem = "`allow_personal_data` is true or false".to_owned();
                        self.problem(&value.span(), problem, None);
                    }
                }
                name => self.unknown(&key.span(), "key", name, &JOURNAL_KEYS),
            }
        }
    }

    fn time(&mut self, table: &DeTable<'_>, values: &mut Values) {
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "zone" => {
                    let Some(name) = self.string(key.get_ref(), value) else {
                        continue;
                    };
                    match when::zone(name) {
                        Ok(zone) => values.zone = Some(zone),
                        Err(unknown) => {
                            self.problem(&value.span(), unknown.to_string(), unknown.hint());
                        }
                    }
                }
                name => self.unknown(&key.span(), "key", name, &TIME_KEYS),
            }
        }
    }

    /// The folder of the pages.
    fn nightly(&mut self, table: &DeTable<'_>) -> Option<PathBuf> {
        let mut reports = None;
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "reports" => reports = self.folder(key.get_ref(), value),
                name => self.unknown(&key.span(), "key", name, &["reports"]),
            }
        }
        reports
    }

    fn risk(&mut self, table: &DeTable<'_>, values: &mut RiskValues) {
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            match name {
                "max_position_pct" => values.max_position_pct = self.number(name, value),
                "max_daily_loss_pct" => values.max_daily_loss_pct = self.number(name, value),
                "max_consecutive_losses" => {
                    values.max_consecutive_losses = self.number(name, value);
                }
                "reset" => {
                    let word = value.get_ref().as_str().unwrap_or_default();
                    values.reset = word.parse().ok();
                    if values.reset.is_none() {
                        let problem = "`reset` is \"next-day\" or \"by-hand\"".to_owned();
                        self.problem(&value.span(), problem, None);
                    }
                }
                _ => self.unknown(&key.span(), "key", name, &RISK_KEYS),
            }
        }
    }

    /// A number with its digits as they are written, with or without quotes: nothing is rounded.
    fn number<T: FromStr<Err = Wrong>>(
        &mut self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<T> {
        let digits = match value.get_ref() {
            DeValue::String(text) => Some(text.as_ref()),
            DeValue::Float(number) => Some(number.as_str()),
            DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str()),
            _ => None,
        };
        let problem = match digits.map(str::parse) {
            Some(Ok(parsed)) => return Some(parsed),
            Some(Err(wrong)) => format!("`{key}` {wrong}"),
            None => format!("`{key}` is a number"),
        };
        self.problem(&value.span(), problem, None);
        None
    }

    fn string<'v>(&mut self, key: &str, value: &'v Spanned<DeValue<'_>>) -> Option<&'v str> {
        let text = value.get_ref().as_str().filter(|it| !it.trim().is_empty());
        if text.is_none() {
            let problem = format!("`{key}` is a text in quotes, not blank");
            self.problem(&value.span(), problem, None);
        }
        text
    }

    fn folder(&mut self, key: &str, value: &Spanned<DeValue<'_>>) -> Option<PathBuf> {
        self.string(key, value).map(PathBuf::from)
    }

    fn bytes(&mut self, value: &Spanned<DeValue<'_>>) -> Option<u64> {
        let number = value
            .get_ref()
            .as_integer()
            .and_then(|it| u64::from_str_radix(it.as_str(), it.radix()).ok());
        if number.is_none() {
            let problem = "`min_free_bytes` is a whole number of bytes".to_owned();
            self.problem(&value.span(), problem, None);
        }
        number
    }

    fn durability(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Durability> {
        let parsed = value.get_ref().as_str().and_then(durability);
        if parsed.is_none() {
            let problem =
                "`durability` is \"synced\" or \"interval:500ms\" (1ms to 60s)".to_owned();
            self.problem(&value.span(), problem, None);
        }
        parsed
    }
}

fn durability(text: &str) -> Option<Durability> {
    if text == "synced" {
        return Some(Durability::Synced);
    }
    let span = text.strip_prefix("interval:")?;
    let span = match span.strip_suffix("ms") {
        Some(millis) => Duration::from_millis(millis.parse().ok()?),
        None => Duration::from_secs(span.strip_suffix('s')?.parse().ok()?),
    };
    let is_sensible = (Duration::from_millis(1)..=Duration::from_secs(60)).contains(&span);
    is_sensible.then_some(Durability::Interval(span))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let problems = Values::parse(text).unwrap_err();
        problems.iter().map(Problem::to_string).collect()
    }

    #[test]
    fn every_problem_of_a_file_is_named_with_its_line() {
        let text = "dir = \"x\"\n[journal]\narchve = \"a\"\nmin_free_bytes = -1\nname = \" \"\n\
                    durability = \"often\"\nallow_personal_data = 1\n[time]\nzone = \"Europe/Berln\"\n\
                    colour = 1\n[jurnal]\n";
        assert_eq!(
            problems(text),
            [
                "line 1: `dir` outside a section (it belongs into [journal])",
                "line 3: unknown key `archve` (did you mean `archive`?)",
                "line 4: `min_free_bytes` is a whole number of bytes",
                "line 5: `name` is a text in quotes, not blank",
                "line 6: `durability` is \"synced\" or \"interval:500ms\" (1ms to 60s)",
                "line 7: `allow_personal_data` is true or false",
                "line 9: unknown time zone `Europe/Berln` (did you mean `Europe/Berlin`?)",
                "line 10: unknown key `colour` (known: zone)",
                "line 11: unknown section or key `jurnal` (did you mean `journal`?)",
            ]
        );
    }

    #[test]
    fn every_problem_of_the_metrics_is_named_with_its_line() {
        let text = "[metrics]\nwindow = 0\nstarting_equity = 1.5\nbasis = \"nett\"\n\
                    scopes = [\"strategie\"]\nevery = 1\n[[metrics.rules]]\nid = \"a\"\n\
                    metric = \"win_rate\"\nthreshold = \"40\"\n[[metrics.rules]]\nid = \"b\"\n\
                    metrik = 1\n[[metrics.rules]]\nid = \"c\"\n[[metrics.rules]]\nid = \"d\"\n\
                    metric = \"profit_factor\"\nthreshold = \"1.2\"\ncooldown = \"6 hours\"\n";
        assert_eq!(
            problems(text),
            [
                "line 2: `window` is a whole number above 0",
                "line 3: `starting_equity` is a decimal in quotes, such as \"0.40\"",
                "line 4: `basis` is one of \"net\", \"gross\"",
                "line 5: `scopes` is one of \"all\", \"strategy\", \"symbol\", \"account\"",
                "line 6: `every` is one of \"alert\", \"trade\", \"day\"",
                "line 7: rule a: the threshold of win_rate must be above 0 and at most 1, since it is \
                 a part of 1, got 40",
                "line 13: unknown key `metrik` (did you mean `metric`?)",
                "line 14: a rule needs `id`, `metric` and `threshold`",
                "line 20: `cooldown` is a span such as \"90s\", \"30m\", \"6h\" or \"1d\"",
            ]
        );
        let text = "[metrics]\n[[metrics.rules]]\nid = \"a\"\nmetric = \"win_rate\"\nthreshold = \"0.4\"\n";
        assert_eq!(
            problems(text),
            [
                "line 2: rules need `starting_equity` in [metrics] (what the account began with, such as \"100000\")"
            ]
        );
        let text = text.replace("[metrics]", "[metrics]\nstarting_equity = 100000");
        let rules = Values::parse(&text).unwrap().metrics.unwrap().rules;
        assert_eq!(rules.len(), 1);
    }

    #[test]
    fn limits_of_risk_are_read_digit_by_digit_and_refused_with_the_reason() {
        let text = "[risk]\nmax_position_pct = 2.50\nmax_daily_loss_pct = \"0.000001\"\n\
                    max_consecutive_losses = 3\nreset = \"by-hand\"\n";
        let limits = Risk::of(Values::parse(text).unwrap().risk).limits();
        assert_eq!(limits.max_position_pct, Some("2.5".parse().unwrap()));
        assert_eq!(limits.max_daily_loss_pct, Some("0.000001".parse().unwrap()));
        assert_eq!(limits.max_consecutive_losses, Some("3".parse().unwrap()));
        assert_eq!(limits.reset, Reset::ByHand);
        let none = Risk::of(Values::parse("[risk]\n").unwrap().risk).limits();
        assert_eq!(none, RiskLimits::default());
        let text = "max_position_pct = 5\n[risk]\nmax_position_pct = 0\nmax_daily_loss_pct = 100.5\n\
                    max_consecutive_losses = 0.5\nreset = \"never\"\nmax_loss = 1\n";
        let percentage = "must be a percentage above 0 and at most 100, with at most 6 places";
        assert_eq!(
            problems(text),
            [
                "line 1: `max_position_pct` outside a section (it belongs into [risk])",
                &format!("line 3: `max_position_pct` {percentage}, got \"0\""),
                &format!("line 4: `max_daily_loss_pct` {percentage}, got \"100.5\""),
                "line 5: `max_consecutive_losses` must be a whole number of losses, at least 1, got \"0.5\"",
                "line 6: `reset` is \"next-day\" or \"by-hand\"",
                "line 7: unknown key `max_loss` (known: max_position_pct, max_daily_loss_pct, max_consecutive_losses, reset)",
            ]
        );
        for value in ["inf", "1e1", "true", "[5]", "-1", "0x5"] {
            let text = format!("[risk]\nmax_daily_loss_pct = {value}\n");
            assert_eq!(problems(&text).len(), 1, "{value}");
        }
        let section = "line 1: `risk` is a section: write [risk]";
        assert_eq!(problems("risk = 1\n"), [section]);
    }

    #[test]
    fn what_is_no_toml_is_named_with_its_line() {
        assert_eq!(problems("[journal]\nname = \n").len(), 1);
        assert!(problems("[journal]\nname = \n")[0].starts_with("line 2: "));
    }

    #[test]
    fn durability_has_two_forms() {
        assert_eq!(durability("synced"), Some(Durability::Synced));
        let half = Durability::Interval(Duration::from_millis(500));
        assert_eq!(durability("interval:500ms"), Some(half));
        assert_eq!(durability_text(half), "interval:500ms");
        assert!(durability("interval:2s").is_some());
        assert_eq!(durability("interval:0ms"), None);
        assert_eq!(durability("interval:1h"), None);
    }
}
