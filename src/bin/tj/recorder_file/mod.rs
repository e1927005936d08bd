//! The settings of a capture: what is recorded, from where, and where to.
//!
//! Always true:
//! - YAML and TOML are one thing here: the file's ending says how it is read, and both refuse the same.
//! - What is not known, or could not be meant, refuses the file, all of it at once, each with its line.
//! - Each value knows where it is from. A secret is never shown and never in [`RecorderFile::config`].
//! - A file or a folder is meant from where the program runs, as the URL of a database has it.
//!
//! Not here: what is done with them.

mod place;
mod reading;
mod secrets;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tradejournal::driver::bybit::Hosts;
use tradejournal::feed::bybit::{CaptureOptions, Category, Timing, WriterOptions};

use crate::failure::Failure;
use crate::settings::{Problem, Source};

pub(crate) use secrets::{Account, Env};

/// Where a file is looked for when none is named.
const FILES: [&str; 2] = ["conf/recorder.yaml", "recorder.yaml"];
/// How long a file of settings may be.
const LEN_MAX: u64 = 1 << 20;
const DATABASE: &str = "recorder.db";
const BUFFER_MB: usize = 64;
const GAP_THRESHOLD: Duration = Duration::from_secs(5);
const HEALTH_LOG_INTERVAL: Duration = Duration::from_secs(300);

/// What holds for a capture.
#[derive(Clone, Debug)]
pub(crate) struct RecorderFile {
    /// The file that it was read from.
    pub(crate) file: PathBuf,
    pub(crate) symbols: Vec<String>,
    pub(crate) category: Category,
    pub(crate) database: PathBuf,
    pub(crate) is_testnet: bool,
    pub(crate) batch_size: usize,
    pub(crate) flush_interval: Duration,
    pub(crate) gap_threshold: Duration,
    pub(crate) health_log_interval: Duration,
    pub(crate) keep_raw: bool,
    pub(crate) buffer_mb: usize,
    pub(crate) metrics_file: Option<PathBuf>,
    pub(crate) hosts: Hosts,
    pub(crate) timing: Timing,
    pub(crate) account: Option<Account>,
    /// What is not the default.
    sources: BTreeMap<&'static str, Source>,
}

/// What is wrong: in the file, with its line, and elsewhere.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    pub(crate) file: PathBuf,
    pub(crate) in_file: Vec<Problem>,
    pub(crate) elsewhere: Vec<String>,
}

impl Problems {
    /// As the end of a command.
    pub(crate) fn refusal(&self) -> Failure {
        let in_file = self.in_file.iter().map(Problem::to_string);
        let texts: Vec<String> = in_file.chain(self.elsewhere.iter().cloned()).collect();
        Failure::usage(format!("{}: {}", self.file.display(), texts.join("; ")))
            .hint("`tj capture check --help` shows every setting")
    }
}

impl RecorderFile {
    /// What holds when nothing is said but the symbols.
    fn defaults(file: &Path) -> RecorderFile {
        let writer = WriterOptions::default();
        RecorderFile {
            file: file.to_owned(),
            symbols: Vec::new(),
            category: Category::Linear,
            database: PathBuf::from(DATABASE),
            is_testnet: false,
            batch_size: writer.batch,
            flush_interval: writer.flush,
            gap_threshold: GAP_THRESHOLD,
            health_log_interval: HEALTH_LOG_INTERVAL,
            keep_raw: false,
            buffer_mb: BUFFER_MB,
            metrics_file: None,
            hosts: Hosts::of(false),
            timing: Timing::default(),
            account: None,
            sources: BTreeMap::new(),
        }
    }

    /// What holds, with that flag and this process's environment.
    pub(crate) fn load(flag: Option<&Path>) -> anyhow::Result<RecorderFile> {
        let read = RecorderFile::read(flag, &Env::of_process())?;
        Ok(read.map_err(|problems| problems.refusal())?)
    }

    /// The same, or all that is wrong.
    pub(crate) fn read(
        flag: Option<&Path>,
        env: &Env,
    ) -> anyhow::Result<Result<RecorderFile, Problems>> {
        let path = choose(flag, env, Path::new(""))?;
        let text = text_of(&path)?;
        Ok(RecorderFile::parse(&path, &text, env))
    }

    fn parse(path: &Path, text: &str, env: &Env) -> Result<RecorderFile, Problems> {
        let mut settings = RecorderFile::defaults(path);
        let mut problems = Problems {
            file: path.to_owned(),
            ..Problems::default()
        };
        let written = match reading::read(text, is_toml(path), &mut settings) {
            Ok(written) => written,
            Err(found) => {
                problems.in_file = found;
                return Err(problems);
            }
        };
        settings.account = secrets::account(written, env, &mut problems);
        match problems.in_file.is_empty() && problems.elsewhere.is_empty() {
            true => Ok(settings),
            false => Err(problems),
        }
    }

    /// `--metrics-file` comes before the file's.
    pub(crate) fn with_metrics_file(mut self, flag: Option<&PathBuf>) -> RecorderFile {
        if let Some(path) = flag {
            self.metrics_file = Some(path.clone());
            self.sources.insert("metrics_file", Source::Flag);
        }
        self
    }

    /// Each setting with its value, and where that is from. Secrets are masked.
    pub(crate) fn rows(&self) -> Vec<(String, Value, Source)> {
        let from = |key: &str| self.sources.get(key).copied().unwrap_or(Source::Default);
        let secs = |it: Duration| Value::from(it.as_secs_f64());
        let path =
            |it: &Option<PathBuf>| Value::from(it.as_ref().map(|it| it.display().to_string()));
        let mut rows: Vec<(&'static str, Value)> = vec![
            ("symbols", self.symbols.clone().into()),
            ("category", self.category.as_str().into()),
            ("database_url", self.database.display().to_string().into()),
            ("testnet", self.is_testnet.into()),
            ("batch_size", self.batch_size.into()),
            ("flush_interval", secs(self.flush_interval)),
            ("gap_threshold_seconds", secs(self.gap_threshold)),
            ("health_log_interval", secs(self.health_log_interval)),
            ("keep_raw", self.keep_raw.into()),
            ("buffer_mb", self.buffer_mb.into()),
            ("metrics_file", path(&self.metrics_file)),
            ("ws_host", self.hosts.sockets.clone().into()),
            ("rest_host", self.hosts.requests.clone().into()),
        ];
        let mut timing = self.timing.clone();
        let spans = reading::SPANS.iter();
        rows.extend(spans.map(|it| (it.key, secs(*(it.of)(&mut timing)))));
        let named = |(key, value): (&'static str, Value)| {
            let section = if reading::is_span(key) { "timing." } else { "" };
            (format!("{section}{key}"), value, from(key))
        };
        let mut rows: Vec<_> = rows.into_iter().map(named).collect();
        rows.extend(secrets::rows(self.account.as_ref()));
        rows
    }

    /// What a database keeps of it: everything but the account.
    pub(crate) fn config(&self) -> String {
        let rows = self.rows().into_iter();
        let kept = rows.filter(|(key, ..)| !key.starts_with(secrets::SECTION));
        let object: serde_json::Map<String, Value> =
            kept.map(|(key, value, _)| (key, value)).collect();
        Value::Object(object).to_string()
    }

    /// What is captured, and how.
    pub(crate) fn capture(&self) -> CaptureOptions {
        CaptureOptions {
            category: self.category,
            symbols: self.symbols.clone(),
            keys: self.account.as_ref().map(|it| it.keys.clone()),
            gap_threshold: self.gap_threshold,
            keep_raw: self.keep_raw,
            timing: self.timing.clone(),
        }
    }

    /// How it is written.
    pub(crate) fn writer(&self) -> WriterOptions {
        WriterOptions {
            batch: self.batch_size,
            flush: self.flush_interval,
            ..WriterOptions::default()
        }
    }
}

/// The file that is named, or the first that is there, below that folder.
fn choose(flag: Option<&Path>, env: &Env, folder: &Path) -> anyhow::Result<PathBuf> {
    if let Some(named) = flag.or(env.config.as_deref()) {
        return Ok(named.to_owned());
    }
    let found = FILES.iter().find(|it| folder.join(it).exists());
    match found {
        Some(found) => Ok(folder.join(found)),
        None => {
            let message = format!(
                "no settings of a capture: --config names none, nor does RECORDER_CONFIG_PATH, and there is no {}",
                FILES.join(" and no ")
            );
            let hint = "write one, such as recorder.yaml with `symbols: [BTCUSDT]`; `tj capture check --help` shows every setting";
            Err(Failure::usage(message).hint(hint).into())
        }
    }
}

fn text_of(path: &Path) -> anyhow::Result<String> {
    let refused = || format!("cannot read the settings in {}", path.display());
    let ending = path.extension().and_then(|it| it.to_str());
    if !matches!(ending, Some("yaml" | "yml" | "toml")) {
        let failure = Failure::usage(format!("{}: neither YAML nor TOML", refused()));
        let hint = "its name ends in .yaml, .yml or .toml, and is read as that";
        return Err(failure.hint(hint).into());
    }
    let missing = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Failure::usage(refused())
            .because(error)
            .hint("name the file with --config or RECORDER_CONFIG_PATH"),
        _ => Failure::new(refused()).because(error),
    };
    let len = fs::metadata(path).map_err(missing)?.len();
    if LEN_MAX < len {
        let failure = Failure::usage(format!("{}: it has {len} bytes", refused()));
        return Err(failure.hint("settings have 1 MB at most").into());
    }
    let bytes = fs::read(path).map_err(missing)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        Failure::usage(format!("{}: not UTF-8 from byte {valid} on", refused()))
            .hint("save it as UTF-8")
    })?;
    Ok(text)
}

fn is_toml(path: &Path) -> bool {
    path.extension().is_some_and(|it| it == "toml")
}
