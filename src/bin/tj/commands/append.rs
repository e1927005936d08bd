//! `tj append`: lines in, receipts out.
//!
//! Always true:
//! - A receipt is printed when its record is on disk, and at once when no more input has come.
//! - A line that is refused changes nothing of those before it; they are on disk before the
//!   program ends.
//! - What is in memory is bounded: some blocks of input, some thousand records that wait for the
//!   disk.
//! - When nobody reads the receipts any more, the records are appended all the same.
//!
//! Refused: `audit`, which the journal writes itself.

use std::{
    any::Any,
    collections::VecDeque,
    fs::File,
    io::{self, IsTerminal},
    path::Path,
};

use anyhow::Context as _;
use serde::Serialize;
use tradejournal::bot::LiveMetrics;
use tradejournal::bot::cache::{Cache, Kind};
use tradejournal::journal::{Ack, AppendError, Receipt, Writer};
use tradejournal::record::field::Outcome;
use tradejournal::record::{Record, Stream, TradeRecord, decode_new};

use super::Context;
use crate::args::{Append, OnInvalid};
use crate::cache;
use crate::complaint::{self, Unknown};
use crate::evidence;
use crate::failure::{Failure, Verdict};
use crate::input::{Lines, Next};
use crate::journal;
use crate::live;
use crate::output::StdoutClosed;
use crate::streams::{ForRecord, with_record};

/// How many records may wait for the disk.
const WAITING_MAX: usize = 8192;

pub(crate) fn run(args: &Append, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    journal::refuse_own(args.stream)?;
    let lines = lines(args.file.as_deref(), context)?;
    with_record(
        args.stream,
        Run {
            args,
            context,
            lines,
        },
    )?
}

fn lines(file: Option<&Path>, context: &Context<'_>) -> anyhow::Result<Lines> {
    match file.filter(|it| it.as_os_str() != "-") {
        Some(path) => {
            let refusal = |error: io::Error| {
                Failure::new(format!("cannot read {}", path.display())).because(error)
            };
            let file = File::open(path).map_err(refusal)?;
            if file.metadata().is_ok_and(|it| it.is_dir()) {
                return Err(refusal(io::ErrorKind::IsADirectory.into()).into());
            }
            Ok(Lines::new(file)?)
        }
        None => {
            if io::stdin().is_terminal() {
                context.talk.note("one JSON record a line; end with Ctrl-D");
            }
            Ok(Lines::new(io::stdin())?)
        }
    }
}

struct Run<'a, 'c> {
    args: &'a Append,
    context: &'a mut Context<'c>,
    lines: Lines,
}

impl ForRecord for Run<'_, '_> {
    type Result = anyhow::Result<Verdict>;

    fn run<R: Record>(self) -> anyhow::Result<Verdict> {
        let stream = self.args.stream;
        let (journal, notary) = journal::for_writing(&self.context.settings)?;
        let writer = journal
            .writer::<R>()
            .with_context(|| format!("cannot write to {stream}"))?;
        let talk = self.context.talk;
        let live = match stream {
            Stream::Trades => live::metrics(&journal, self.context),
            _ => None,
        };
        let cache = match stream {
            Stream::Trades => cache::open(self.context),
            _ => None,
        };
        let mut appending = Appending {
            stream,
            writer: &writer,
            live: live.as_ref(),
            cache: cache.as_ref(),
            is_cache_stale: false,
            waiting: VecDeque::new(),
            context: self.context,
            unknown: Unknown::default(),
            first: None,
            last: None,
            appended: 0,
            invalid: 0,
            is_unread: false,
        };
        let result = appending.all(self.lines, self.args.on_invalid);
        let told = appending.told(result);
        live::close(live, talk);
        let closed = writer.close().context("the last sync failed");
        evidence::tell_troubles(notary.as_deref(), talk);
        if let Some(cache) = &cache {
            cache::tell(cache, talk);
        }
        told.and_then(|verdict| closed.map(|()| verdict))
    }
}

/// Appending as it goes on.
struct Appending<'a, 'c, R> {
    stream: Stream,
    writer: &'a Writer<R>,
    /// Counts trades when they are on disk.
    live: Option<&'a LiveMetrics>,
    /// Has to hear of trades that are closed.
    cache: Option<&'a Cache>,
    /// Whether some were that it has not heard of.
    is_cache_stale: bool,
    waiting: VecDeque<Waiting>,
    context: &'a mut Context<'c>,
    unknown: Unknown,
    first: Option<Receipt>,
    last: Option<Receipt>,
    appended: u64,
    invalid: u64,
    is_unread: bool,
}

/// A record that is on its way to the disk.
struct Waiting {
    line: u64,
    unknown: Vec<String>,
    ack: Ack,
    /// What is to be counted then.
    trade: Option<Box<TradeRecord>>,
}

/// What `--json` prints for each record.
#[derive(Serialize)]
struct Line<'a> {
    line: u64,
    stream: &'a str,
    seq: u64,
    day: String,
    hash: String,
    durable: bool,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    unknown_fields: &'a [String],
}

impl<R: Record> Appending<'_, '_, R> {
    /// Takes every line; whatever happens, nothing is left waiting.
    fn all(&mut self, lines: Lines, on_invalid: OnInvalid) -> anyhow::Result<()> {
        let taken = self.take(lines, on_invalid);
        let settled = self.settle(0);
        settled.and(taken)
    }

    fn take(&mut self, mut lines: Lines, on_invalid: OnInvalid) -> anyhow::Result<()> {
        loop {
            let next = lines.next(self.waiting.is_empty());
            let is_valid = match next.context("cannot read the input")? {
                Next::End => return Ok(()),
                Next::NotYet => {
                    self.settle(0)?;
                    true
                }
                Next::TooLong { number } => {
                    complaint::too_long(self.context.talk, &place(number));
                    false
                }
                Next::Line { number, bytes } => self.line(number, &bytes)?,
            };
            self.invalid += u64::from(!is_valid);
            if !is_valid && on_invalid == OnInvalid::Stop {
                return Ok(());
            }
        }
    }

    /// Hands one line to the writer; false when it is no record.
    fn line(&mut self, number: u64, bytes: &[u8]) -> anyhow::Result<bool> {
        if bytes.trim_ascii().is_empty() {
            return Ok(true);
        }
        let talk = self.context.talk;
        let (record, unknown) = match decode_new::<R>(bytes) {
            Ok(decoded) => decoded,
            Err(invalid) => {
                complaint::invalid(talk, &place(number), self.stream, &invalid);
                return Ok(false);
            }
        };
        match self.writer.submit(&record) {
            Ok(ack) => {
                self.unknown
                    .note(talk, &place(number), self.stream, &unknown);
                let trade: Option<&TradeRecord> = (&record as &dyn Any).downcast_ref();
                self.is_cache_stale |= trade.is_some_and(|it| it.outcome() != Outcome::Open);
                let trade = self.live.and(trade);
                self.waiting.push_back(Waiting {
                    line: number,
                    unknown,
                    ack,
                    trade: trade.cloned().map(Box::new),
                });
                if WAITING_MAX <= self.waiting.len() {
                    self.settle(WAITING_MAX / 2)?;
                }
                Ok(true)
            }
            Err(AppendError::Refused { source, .. }) => {
                complaint::invalid(talk, &place(number), self.stream, &source);
                Ok(false)
            }
            Err(AppendError::TooLong { .. }) => {
                complaint::too_long(talk, &place(number));
                Ok(false)
            }
            Err(error) => Err(error).context(place(number)),
        }
    }

    /// Waits until at most `left` records wait for the disk, prints their receipts, and has the cache hear of
    /// them; also of those of which nobody knows whether they are there.
    fn settle(&mut self, left: usize) -> anyhow::Result<()> {
        let settled = self.settle_receipts(left);
        if self.is_cache_stale {
            if let Some(cache) = self.cache {
                cache.invalidate(Kind::Metrics);
            }
            self.is_cache_stale = settled.is_ok() && !self.waiting.is_empty();
        }
        settled
    }

    fn settle_receipts(&mut self, left: usize) -> anyhow::Result<()> {
        while left < self.waiting.len() {
            let Some(waiting) = self.waiting.pop_front() else {
                break;
            };
            let receipt = waiting.ack.wait().with_context(|| place(waiting.line))?;
            if let (Some(live), Some(trade)) = (self.live, &waiting.trade) {
                live.observe(trade);
            }
            self.appended += 1;
            self.first.get_or_insert(receipt);
            self.last = Some(receipt);
            if self.context.settings.json && !self.is_unread {
                self.print(waiting.line, &receipt, &waiting.unknown)?;
            }
        }
        if self.is_unread {
            return Ok(());
        }
        let flushed = self.context.out.flush();
        self.unless_closed(flushed)
    }

    fn print(&mut self, line: u64, receipt: &Receipt, unknown: &[String]) -> anyhow::Result<()> {
        let printed = self.context.out.json(&Line {
            line,
            stream: self.stream.name(),
            seq: receipt.seq,
            day: receipt.day.to_string(),
            hash: receipt.hash.to_string(),
            durable: receipt.durable,
            unknown_fields: unknown,
        });
        self.unless_closed(printed)
    }

    /// Goes on without receipts when nobody reads them.
    fn unless_closed(&mut self, printed: anyhow::Result<()>) -> anyhow::Result<()> {
        match printed {
            Err(error) if error.is::<StdoutClosed>() => {
                self.is_unread = true;
                Ok(())
            }
            other => other,
        }
    }

    /// The end: a summary for a person, and what was left out for everybody.
    fn told(&mut self, result: anyhow::Result<()>) -> anyhow::Result<Verdict> {
        let talk = self.context.talk;
        for trouble in self.writer.troubles() {
            talk.warning(&trouble);
        }
        let summary = self.summary();
        if result.is_err() {
            talk.note(&summary);
        } else if !self.context.settings.json {
            let printed = self.context.out.line(summary);
            self.unless_closed(printed)?;
        } else if self.invalid != 0 {
            talk.note(&summary);
        }
        if !self.unknown.counts().is_empty() {
            let records = self.unknown.records();
            let fields = self.unknown.summary();
            talk.warning(&crate::output::printable(&format!(
                "fields that were not journaled, in {records} records: {fields}"
            )));
        }
        result.map(|()| Verdict::found(self.invalid != 0))
    }

    fn summary(&self) -> String {
        let stream = self.stream;
        let appended = match (self.appended, &self.first, &self.last) {
            (1, Some(only), _) => format!("1 record appended to {stream}: seq {}", only.seq),
            (count, Some(first), Some(last)) => {
                let (first, last) = (first.seq, last.seq);
                format!("{count} records appended to {stream}: seq {first} to {last}")
            }
            _ => format!("nothing appended to {stream}"),
        };
        match self.invalid {
            0 => appended,
            1 => format!("{appended}; 1 invalid line"),
            count => format!("{appended}; {count} invalid lines"),
        }
    }
}

fn place(line: u64) -> String {
    format!("line {line}")
}
