//! `tj capture bybit`: records until it is told to end.
//!
//! Always true:
//! - What came before the end is written before the program ends, or it says so and how many rows.
//! - Telling how it goes holds nothing up.
//!
//! Not here: sockets, gaps and the database; the library has them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use serde_json::{Map, Value};
use tradejournal::disk::{self, RealDisk};
use tradejournal::driver::bybit::{Health, Run, RunError, RunNews};
use tradejournal::driver::sqlite::{SqliteOptions, SqliteStore};
use tradejournal::feed::bybit::{Millis, RunStart};
use tradejournal::time::{Clock, SystemClock};

use super::going::Going;
use super::voice::Voice;
use super::{check, numbers, refusal, signals};
use crate::args::Global;
use crate::args::capture::CaptureBybit;
use crate::failure::{Failure, Verdict};
use crate::output::{Talk, printable};
use crate::recorder_file::RecorderFile;

/// How much may wait to be told.
const NEWS_MAX: usize = 1024;
/// How often the numbers are written, in milliseconds.
const NUMBERS_MILLIS: u64 = 10_000;
const MEGABYTE: usize = 1 << 20;
/// How long a write waits for another program. It is tried again anyway, and an end must not wait long.
const BUSY: Duration = Duration::from_millis(500);

pub(super) fn run(args: &CaptureBybit, flags: &Global, talk: &Talk) -> anyhow::Result<Verdict> {
    let settings = RecorderFile::load(flags.config.as_deref())?;
    let settings = settings.with_metrics_file(args.metrics_file.as_ref());
    // Order matters: whoever ends it early does so from here on.
    let signal = signals::listen()?;
    let options = SqliteOptions { busy_timeout: BUSY };
    let store = SqliteStore::open(&settings.database, options);
    let store = store.map_err(refusal)?;
    let mut voice = Voice::new(flags.json);
    begin(&settings, &mut voice);
    let start = start(&settings);
    let (every, lines) = pace(&settings);
    let (teller, heard) = teller();
    let scribe = Scribe {
        voice,
        going: Going::default(),
        numbers: Numbers {
            path: settings.metrics_file.clone(),
            wrong: None,
        },
        lines,
        is_debug: args.debug,
        lost: Arc::clone(&teller.lost),
    };
    let thread = thread::Builder::new().name("tj-capture-scribe".to_owned());
    let scribe = thread
        .spawn(move || scribe.all(&heard))
        .map_err(|error| Failure::new("cannot start a thread").because(error))?;
    let stop = {
        let teller = teller.clone();
        async move || match signal.await {
            Ok(name) => teller.tell(RunNews::Note(format!(
                "{name}: what came is written, then it ends"
            ))),
            Err(_) => std::future::pending().await,
        }
    };
    let tell = move |news| teller.tell(news);
    let clock = Arc::new(SystemClock);
    let run = of(&settings, every);
    let ended = tradejournal::driver::bybit::run(run, Box::new(store), &start, clock, tell, stop);
    let scribe = match scribe.join() {
        Ok(scribe) => scribe,
        Err(panic) => std::panic::resume_unwind(panic),
    };
    conclude(ended, scribe, talk)
}

/// What the library is to do.
fn of(settings: &RecorderFile, every: Duration) -> Run {
    Run {
        capture: settings.capture(),
        hosts: settings.hosts.clone(),
        writer: settings.writer(),
        buffer: settings.buffer_mb.saturating_mul(MEGABYTE),
        health_every: every,
        seed: u64::from(SystemClock.now().subsec_nanos()),
    }
}

/// What the database keeps of this run.
fn start(settings: &RecorderFile) -> RunStart {
    RunStart {
        started: Millis::of(SystemClock.now()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        streams: settings.capture().streams(),
        config: settings.config(),
        is_testnet: settings.is_testnet,
        has_account: settings.account.is_some(),
    }
}

/// How often it is heard how it goes, and each how many times that is a line. Numbers are written more
/// often than lines.
fn pace(settings: &RecorderFile) -> (Duration, u32) {
    let line = settings.health_log_interval;
    if settings.metrics_file.is_none() {
        return (line, 1);
    }
    let millis = u64::try_from(line.as_millis()).unwrap_or(u64::MAX);
    let times = u32::try_from(millis.div_ceil(NUMBERS_MILLIS)).unwrap_or(u32::MAX);
    let times = times.max(1);
    (line / times, times)
}

/// What is going to be done, as far as it is not the default.
fn begin(settings: &RecorderFile, voice: &mut Voice) {
    let net = if settings.is_testnet {
        "test net"
    } else {
        "main net"
    };
    let rows = settings.rows();
    let account = rows.iter().find(|(key, ..)| key == "account.api_key");
    let account = account.map_or_else(String::new, |(_, value, _)| check::shown(value));
    let account = match account.as_str() {
        "-" => "no account".to_owned(),
        key => format!("the account of the key {key}"),
    };
    let text = format!(
        "records {} {} of the {net} and {account} into {}; settings in {}",
        settings.category,
        settings.symbols.join(", "),
        settings.database.display(),
        settings.file.display(),
    );
    let mut data = Map::new();
    let version = env!("CARGO_PKG_VERSION");
    data.insert("version".to_owned(), version.into());
    data.insert(
        "file".to_owned(),
        settings.file.display().to_string().into(),
    );
    let rows = rows.into_iter().map(|(key, value, _)| (key, value));
    data.insert("settings".to_owned(), Value::Object(rows.collect()));
    voice.say("start", &text, data);
    let hosts = format!("{}, {}", settings.hosts.sockets, settings.hosts.requests);
    voice.note("note", &format!("from {hosts}"));
}

fn conclude(
    ended: Result<Health, RunError>,
    mut scribe: Scribe,
    talk: &Talk,
) -> anyhow::Result<Verdict> {
    match ended {
        Ok(health) => {
            scribe.numbers.write(&health, &mut scribe.voice);
            // Of the whole run.
            let (line, data) = Going::default().tell(&health);
            scribe.voice.say("end", &format!("ended: {line}"), data);
            Ok(Verdict::Fine)
        }
        Err(error @ RunError::End(_)) => {
            let text = format!("{:#}", anyhow::Error::new(error));
            talk.error(&printable(&text));
            talk.hint("what was not written is missing: the next run declares it, and asks for it");
            Ok(Verdict::Found)
        }
        Err(error) => Err(error.into()),
    }
}

/// Tells, and never waits.
#[derive(Clone)]
struct Teller {
    to: SyncSender<RunNews>,
    lost: Arc<AtomicU64>,
}

fn teller() -> (Teller, Receiver<RunNews>) {
    let (to, heard) = sync_channel(NEWS_MAX);
    let lost = Arc::default();
    (Teller { to, lost }, heard)
}

impl Teller {
    fn tell(&self, news: RunNews) {
        if self.to.try_send(news).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Writes down what is told, on a thread of its own.
struct Scribe {
    voice: Voice,
    going: Going,
    numbers: Numbers,
    /// Each how many times it is heard how it goes that is a line.
    lines: u32,
    is_debug: bool,
    lost: Arc<AtomicU64>,
}

impl Scribe {
    fn all(mut self, heard: &Receiver<RunNews>) -> Scribe {
        let mut times = 0_u32;
        while let Ok(news) = heard.recv() {
            match news {
                RunNews::Note(text) => self.voice.note("note", &text),
                RunNews::Step(text) if self.is_debug => self.voice.note("step", &text),
                RunNews::Step(_) => {}
                RunNews::Health(health) => {
                    self.numbers.write(&health, &mut self.voice);
                    times = (times + 1) % self.lines;
                    if times == 0 {
                        let (line, data) = self.going.tell(&health);
                        self.voice.say("health", &line, data);
                    }
                }
            }
            let lost = self.lost.swap(0, Ordering::Relaxed);
            if lost > 0 {
                let text = format!("{lost} lines were not told: nobody read so fast");
                self.voice.note("note", &text);
            }
        }
        self
    }
}

/// The numbers, for whoever looks.
struct Numbers {
    path: Option<PathBuf>,
    /// Why they could not be written the last time: that is told once.
    wrong: Option<String>,
}

impl Numbers {
    fn write(&mut self, health: &Health, voice: &mut Voice) {
        let Some(path) = &self.path else { return };
        // A name alone is one in this folder.
        let path = Path::new(".").join(path);
        let text = numbers::to_prometheus(health, SystemClock.now());
        let written = disk::replace(&RealDisk, &path, text.as_bytes());
        let wrong = written
            .err()
            .map(|it| format!("cannot write {}: {it}", path.display()));
        if let Some(wrong) = wrong.as_ref().filter(|it| self.wrong.as_ref() != Some(it)) {
            voice.note("note", wrong);
        }
        self.wrong = wrong;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder_file::tests::settings;

    #[test]
    fn numbers_are_written_more_often_than_lines() {
        let secs = Duration::from_secs;
        for (text, every, lines) in [
            ("", secs(300), 1),
            ("metrics_file: tj.prom\n", secs(10), 30),
            (
                "metrics_file: tj.prom\nhealth_log_interval: 15\n",
                Duration::from_millis(7500),
                2,
            ),
            (
                "metrics_file: tj.prom\nhealth_log_interval: 1\n",
                secs(1),
                1,
            ),
        ] {
            let settings = settings(&format!("symbols: [BTCUSDT]\n{text}"));
            assert_eq!(pace(&settings), (every, lines), "{text}");
        }
    }
}
