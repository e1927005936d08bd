//! `tj window run`: trades in, minutes and files out, until the input ends.
//!
//! Always true:
//! - What `--acks` prints is on the disk.
//! - What the disk refuses for now is tried again, as long as it takes; meanwhile no more input is taken.
//! - A line that is no trade, or a trade that no window takes, holds nothing up: it is told, and counted.
//!
//! Not here: what a kill leaves undone. The next run finds it.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::Serialize;
use tradejournal::disk::{self, RealDisk};
use tradejournal::feed::window::{Counts, PublicTrade, Window};
use tradejournal::time::{Clock, SystemClock};

use super::place;
use crate::args::WindowRun;
use crate::commands::Context;
use crate::failure::{Failure, Verdict};
use crate::input::{Lines, Next};
use crate::output::{StdoutClosed, Talk, printable};

/// How many trades are synced at once.
const BATCH_MAX: usize = 8192;
/// How often what has become due is done.
const TICK: Duration = Duration::from_millis(250);
/// How often the numbers are written.
const NUMBERS: Duration = Duration::from_secs(10);
/// How long a disk that refuses is left alone.
const PAUSE: Duration = Duration::from_millis(500);
/// How many refused lines are told one by one.
const REFUSED_TOLD_MAX: u64 = 20;

pub(crate) fn run(args: &WindowRun, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let metrics_file = args
        .metrics_file
        .clone()
        .or_else(|| context.settings.window.metrics_file.clone());
    let lines = lines(&args.from)?;
    let window = place::open(&args.kept, &context.settings)?;
    let (is_over, is_left) = (AtomicBool::new(false), AtomicBool::new(false));
    let talk = context.talk;
    let mut run = Run {
        args,
        context,
        window: &window,
        is_left: &is_left,
        done: Ack::default(),
        invalid: 0,
        is_unread: false,
    };
    let result = thread::scope(|scope| {
        let keeper = scope.spawn(|| {
            let _left = Raised(&is_left);
            keep(&window, &is_over, metrics_file.as_deref(), talk);
        });
        let over = Raised(&is_over);
        let result = run.all(lines);
        drop(over);
        keeper.thread().unpark();
        match keeper.join() {
            Ok(()) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    });
    let (done, invalid) = (run.done, run.invalid);
    let is_written = window.flush();
    Numbers {
        metrics_file: metrics_file.as_deref(),
        wrong: None,
    }
    .write(&window, talk);
    let counts = window.counts();
    let (is_closed, news) = window.close();
    place::tell(news, talk);
    result?;
    conclude(args, context, &done, invalid, &counts)?;
    Ok(Verdict::found(
        done.refused > 0 || !is_written || !is_closed,
    ))
}

fn lines(from: &Path) -> anyhow::Result<Lines> {
    if from.as_os_str() == "-" {
        return Ok(Lines::new(io::stdin())?);
    }
    let refusal =
        |error: io::Error| Failure::new(format!("cannot read {}", from.display())).because(error);
    let file = File::open(from).map_err(refusal)?;
    if file.metadata().is_ok_and(|it| it.is_dir()) {
        return Err(refusal(io::ErrorKind::IsADirectory.into()).into());
    }
    Ok(Lines::new(file)?)
}

/// A flag that is raised when this ends, also by a panic: neither thread waits for the other for ever.
struct Raised<'a>(&'a AtomicBool);

impl Drop for Raised<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Does what becomes due, beside the trades.
fn keep(window: &Window, is_over: &AtomicBool, metrics_file: Option<&Path>, talk: &Talk) {
    let mut written: Option<Instant> = None;
    let mut numbers = Numbers {
        metrics_file,
        wrong: None,
    };
    while !is_over.load(Ordering::Relaxed) {
        window.tick();
        place::tell(window.news(), talk);
        if written.is_none_or(|it| NUMBERS <= it.elapsed()) {
            numbers.write(window, talk);
            written = Some(Instant::now());
        }
        thread::park_timeout(TICK);
    }
}

/// The numbers, for whoever looks.
struct Numbers<'a> {
    metrics_file: Option<&'a Path>,
    /// Why they could not be written the last time: that is told once.
    wrong: Option<String>,
}

impl Numbers<'_> {
    fn write(&mut self, window: &Window, talk: &Talk) {
        // On a disk that is full the window itself says so.
        let _ = place::write_told(window);
        let Some(path) = self.metrics_file else {
            return;
        };
        // A name alone is one in this folder.
        let path = Path::new(".").join(path);
        let text = window.counts().to_prometheus(SystemClock.now());
        let written = disk::replace(&RealDisk, &path, text.as_bytes());
        let wrong = written
            .err()
            .map(|it| format!("cannot write {}: {it}", path.display()));
        if let Some(wrong) = wrong.as_ref().filter(|it| self.wrong.as_ref() != Some(it)) {
            talk.warning(&printable(wrong));
        }
        self.wrong = wrong;
    }
}

/// What became of the input up to a line; what `--acks` prints.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Ack {
    /// Lines of the input that are done with.
    lines: u64,
    kept: u64,
    duplicates: u64,
    late: u64,
    refused: u64,
}

struct Run<'a, 'c> {
    args: &'a WindowRun,
    context: &'a mut Context<'c>,
    window: &'a Window,
    /// Nobody keeps the window any more.
    is_left: &'a AtomicBool,
    done: Ack,
    /// Of the refused, lines that are no trade.
    invalid: u64,
    is_unread: bool,
}

impl Run<'_, '_> {
    /// Takes the input to its end, or until nobody keeps the window any more.
    fn all(&mut self, mut lines: Lines) -> anyhow::Result<()> {
        let mut trades = Vec::with_capacity(BATCH_MAX);
        // The line of each trade, and the last one that was looked at.
        let mut numbers = Vec::with_capacity(BATCH_MAX);
        let mut last = 0;
        while !self.is_left.load(Ordering::Relaxed) {
            match lines
                .next(last == self.done.lines)
                .context("cannot read the input")?
            {
                Next::End => {
                    self.take(&mut trades, &mut numbers, last)?;
                    return Ok(());
                }
                Next::NotYet => self.take(&mut trades, &mut numbers, last)?,
                Next::TooLong { number } => {
                    last = number;
                    self.invalid += 1;
                    self.refuse(number, "longer than any trade");
                }
                Next::Line { number, bytes } => {
                    last = number;
                    self.line(number, &bytes, &mut trades, &mut numbers);
                }
            }
            if BATCH_MAX <= trades.len() || BATCH_MAX as u64 <= last - self.done.lines {
                self.take(&mut trades, &mut numbers, last)?;
            }
        }
        Ok(())
    }

    fn line(
        &mut self,
        number: u64,
        bytes: &[u8],
        trades: &mut Vec<PublicTrade>,
        numbers: &mut Vec<u64>,
    ) {
        if bytes.trim_ascii().is_empty() {
            return;
        }
        match PublicTrade::parse(bytes) {
            Ok(trade) => {
                trades.push(trade);
                numbers.push(number);
            }
            Err(invalid) => {
                self.invalid += 1;
                self.refuse(number, &invalid.to_string());
            }
        }
    }

    fn refuse(&mut self, line: u64, why: &str) {
        self.done.refused += 1;
        let talk = self.context.talk;
        match self.done.refused {
            it if it <= REFUSED_TOLD_MAX => {
                talk.warning(&printable(&format!("line {line} is not taken: {why}")));
            }
            it if it == REFUSED_TOLD_MAX + 1 => {
                talk.warning("more lines are not taken; the last line says how many")
            }
            _ => {}
        }
    }

    fn take(
        &mut self,
        trades: &mut Vec<PublicTrade>,
        numbers: &mut Vec<u64>,
        last: u64,
    ) -> anyhow::Result<()> {
        while !trades.is_empty() {
            if self.is_left.load(Ordering::Relaxed) {
                return Ok(());
            }
            // What is wrong is told by whoever keeps the window.
            let Ok(taken) = self.window.take(trades) else {
                thread::sleep(PAUSE);
                continue;
            };
            self.done.kept += taken.kept;
            self.done.duplicates += taken.duplicates;
            self.done.late += taken.late;
            for (index, refusal) in taken.refused {
                let line = numbers.get(index).copied().unwrap_or_default();
                self.refuse(line, &refusal.to_string());
            }
            trades.clear();
        }
        numbers.clear();
        if last != self.done.lines {
            self.done.lines = last;
            self.acknowledge()?;
        }
        Ok(())
    }

    fn acknowledge(&mut self) -> anyhow::Result<()> {
        if !self.args.acks || self.is_unread {
            return Ok(());
        }
        let printed = self
            .context
            .out
            .json(&self.done)
            .and_then(|()| self.context.out.flush());
        match printed {
            // The trades are taken all the same.
            Err(error) if error.is::<StdoutClosed>() => self.is_unread = true,
            printed => printed?,
        }
        Ok(())
    }
}

fn conclude(
    args: &WindowRun,
    context: &mut Context<'_>,
    done: &Ack,
    invalid: u64,
    counts: &Counts,
) -> anyhow::Result<()> {
    if context.settings.json {
        #[derive(Serialize)]
        struct Summary<'a> {
            #[serde(flatten)]
            done: &'a Ack,
            invalid: u64,
            files_written: u64,
            window_minutes: u64,
        }
        let (files_written, window_minutes) = (counts.files_written, counts.window_minutes);
        return context.out.json(&Summary {
            done,
            invalid,
            files_written,
            window_minutes,
        });
    }
    if args.acks {
        return Ok(());
    }
    let text = format!(
        "{} lines: {} trades kept, {} known already, {} late, {} refused; {} minutes in the window, {} files written",
        done.lines,
        done.kept,
        done.duplicates,
        done.late,
        done.refused,
        counts.window_minutes,
        counts.files_written
    );
    context.out.line(text)
}
