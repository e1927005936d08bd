//! `tj demo`: a simulated trading day in an empty folder, and the three things a person wants to
//! see: the last trades, what the day earned, whether all is provably there.
//!
//! Always true: a folder with anything in it is left alone; every record is on disk before the
//! next is made; what is shown is what the printed command lines show.

use std::{collections::BTreeSet, fs, io, path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use clap::Parser;
use serde::Serialize;
use tradejournal::journal::{Journal, Options, Writer, WriterOptions};
use tradejournal::record::{PerformanceMetric, RiskEvent, SessionRecord, TradeRecord};
use tradejournal::time::{Clock, ManualClock};

use super::Context;
use crate::args::{Args, Demo};
use crate::failure::{Failure, Verdict};
use crate::settings::Source;
use crate::simulated::{self, Made};

/// When the market of the simulated day opens: 9:30 in New York.
pub(crate) const OPEN: &str = "2025-10-27T13:30:00Z";
pub(crate) const SEED: u64 = 76;

/// What `--json` prints.
#[derive(Debug, Default, Serialize)]
struct Summary {
    folder: String,
    trades: u64,
    risk_events: u64,
    performance_alerts: u64,
    sessions: u64,
    files: Vec<String>,
}

pub(crate) fn run(args: &Demo, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let folder = &args.folder;
    refuse_unless_empty(folder)?;
    let logs = folder.join("logs");
    let mut summary = write(&logs, folder)
        .with_context(|| format!("cannot write a simulated day to {}", folder.display()))?;
    summary.folder = folder.display().to_string();
    summary.files = files(folder)?;
    if context.settings.json {
        context.out.json(&summary)?;
        return Ok(Verdict::Fine);
    }
    show(&summary, &logs, context)
}

fn refuse_unless_empty(folder: &Path) -> anyhow::Result<()> {
    let refusal = |message: String| Failure::new(message).hint("name another: tj demo FOLDER");
    match fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(refusal(format!("{} is not empty", folder.display())).into()),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => {
            let message = format!("cannot look into {}", folder.display());
            Err(refusal(message).because(error).into())
        }
    }
}

/// One writer a stream, as a bot has them.
struct Writers {
    sessions: Writer<SessionRecord>,
    trades: Writer<TradeRecord>,
    risks: Writer<RiskEvent>,
    alerts: Writer<PerformanceMetric>,
}

impl Writers {
    fn open(journal: &Journal) -> anyhow::Result<Writers> {
        Ok(Writers {
            sessions: journal.writer()?,
            trades: journal.writer()?,
            risks: journal.writer()?,
            alerts: journal.writer()?,
        })
    }

    /// What a bot's background threads do: here, close the day that is over.
    fn tick(&self) {
        self.sessions.tick();
        self.trades.tick();
        self.risks.tick();
        self.alerts.tick();
    }

    fn close(self) -> anyhow::Result<()> {
        self.sessions.close()?;
        self.trades.close()?;
        self.risks.close()?;
        self.alerts.close()?;
        Ok(())
    }
}

/// Writes the day as a bot would have, on a clock of its own.
fn write(logs: &Path, folder: &Path) -> anyhow::Result<Summary> {
    let open = OPEN.parse()?;
    let made = simulated::day(open, SEED)?;
    let clock = Arc::new(ManualClock::new(open));
    fs::create_dir_all(folder)?;
    let journal = Options::new(logs)
        .archive(folder.join("archive"))
        .name("demo")
        .clock(Arc::clone(&clock) as Arc<dyn Clock>)
        .writer(WriterOptions::default().background(false))
        .open()?;
    let writers = Writers::open(&journal)?;
    let mut summary = Summary::default();
    for (at, made) in made {
        clock.set(at.saturating_add(Duration::from_millis(3)));
        match made {
            Made::Session(record) => {
                writers.sessions.append(&record)?;
                summary.sessions += 1;
            }
            Made::Trade(record) => {
                writers.trades.append(&record)?;
                summary.trades += 1;
            }
            Made::Risk(record) => {
                writers.risks.append(&record)?;
                summary.risk_events += 1;
            }
            Made::Performance(record) => {
                writers.alerts.append(&record)?;
                summary.performance_alerts += 1;
            }
        }
    }
    let midnight = open.day().next().start();
    clock.set(midnight.saturating_add(Duration::from_secs(5)));
    writers.tick();
    writers.close()?;
    Ok(summary)
}

/// Every file below `folder`, in order.
fn files(folder: &Path) -> io::Result<Vec<String>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                files.push(entry.path().display().to_string());
            }
        }
    }
    files.sort();
    Ok(files)
}

fn show(summary: &Summary, logs: &Path, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let day = OPEN.get(..10).unwrap_or_default();
    context.out.line(format!(
        "A simulated trading day, {day}: {} entries and exits, {} risk events, {} performance records.\n\
         Each record was on disk before the next one was made.",
        summary.trades, summary.risk_events, summary.performance_alerts
    ))?;
    let mut verdict = Verdict::Fine;
    let place = place(logs, context);
    for words in [
        "tail trades -n 8",
        "query trades --sum net_profit_loss",
        "verify",
    ] {
        verdict = verdict.and(run_shown(words, &place, context)?);
    }
    show_files(&summary.files, logs, context)?;
    let flags: Vec<String> = place.iter().map(|it| quoted(it)).collect();
    let (flags, logs) = (flags.join(" "), quoted(&logs.display().to_string()));
    context.out.line(format!(
        "\nNext, try:\n  \
         tj query trades --symbol NVDA {flags}\n  \
         tj query trades --outcome win --count {flags}\n  \
         tj tail risk-management {flags}\n  \
         tj status {flags}\n  \
         jq -c '[.symbol, .action, .price]' {logs}/trades/{day}.jsonl"
    ))?;
    Ok(verdict)
}

/// Names the files: those of the trades, which every other stream has too.
fn show_files(files: &[String], logs: &Path, context: &mut Context<'_>) -> anyhow::Result<()> {
    context
        .out
        .line(format!("\nThe files in {}:", logs.display()))?;
    let mut others = BTreeSet::new();
    for file in files {
        let Ok(name) = Path::new(file).strip_prefix(logs) else {
            continue;
        };
        let name = name.display().to_string();
        let first = name.split(['/', '.']).next().unwrap_or_default();
        if ["JOURNAL", "trades"].contains(&first) {
            let line = format!("  {name:<30}  {}", purpose(&name));
            context.out.line(line.trim_end())?;
        } else if !first.is_empty() {
            others.insert(first.to_owned());
        }
    }
    let others: Vec<String> = others.into_iter().collect();
    context
        .out
        .line(format!("and the same of {}", others.join(", ")))
}

/// The flags that name the demo's journal and nothing else.
fn place(logs: &Path, context: &Context<'_>) -> Vec<String> {
    let mut flags = vec!["--dir".to_owned(), logs.display().to_string()];
    if context.settings.archive.from != Source::Default {
        let archive = logs.with_file_name("archive");
        flags.extend(["--archive".to_owned(), archive.display().to_string()]);
    }
    flags
}

/// Runs a command of this program as its line says, and shows the line.
fn run_shown(words: &str, place: &[String], context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let flags: Vec<String> = place.iter().map(|it| quoted(it)).collect();
    let flags = flags.join(" ");
    context.out.line(format!("\n$ tj {words} {flags}"))?;
    let words = ["tj"].into_iter().chain(words.split(' '));
    let line = words.chain(place.iter().map(String::as_str));
    super::run(&Args::try_parse_from(line)?, context.out, context.talk)
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "/._-+=:@%".contains(it);
    match word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

fn purpose(file: &str) -> &'static str {
    let name = file.rsplit('/').next().unwrap_or_default();
    match name {
        "JOURNAL" => "what this folder is",
        "HEAD" => "the newest line known to be on disk",
        "LOCK" => "held by the writer while there is one",
        _ if name.ends_with(".jsonl.sha256") => "the seal of the closed day, for sha256sum -c",
        _ if name.starts_with(|it: char| it.is_ascii_digit()) => "one record a line",
        _ if name.ends_with(".jsonl") => "a link to the newest day",
        _ => "",
    }
}
