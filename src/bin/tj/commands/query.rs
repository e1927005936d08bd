//! `tj query`: which records, how many, and what sum.
//!
//! Always true:
//! - With `--json` the lines are those of the files, to the byte and in their order; CSV and tables
//!   have the values as the lines have them.
//! - Sums are exact.
//! - A line that cannot be read is named on standard error and ends nothing.
//!
//! Not here: finding the lines; the library does.

use std::{
    io,
    ops::ControlFlow,
    time::{Duration, Instant},
};

use csv::{ErrorKind, Writer, WriterBuilder};
use serde::Serialize;
use tradejournal::journal::{LineRef, Scanned, SumError};
use tradejournal::record::Stream;
use tradejournal::time::{Clock, SystemClock};

use super::Context;
use super::tail::Shown;
use crate::args::{Query, Wanted};
use crate::complaint::{did_you_mean, unread};
use crate::failure::{Failure, Verdict};
use crate::journal;
use crate::output::{Out, Talk, printable};
use crate::record_view::View;
use crate::size::size;
use crate::streams;
use crate::when;

/// A scan that takes longer is told.
const SLOW: Duration = Duration::from_secs(1);

pub(crate) fn run(args: &Query, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let (zone, now) = (context.settings.zone.value, SystemClock.now());
    let from = args.from.as_ref().map(|it| when::from(it, zone, now));
    let to = args.to.as_ref().map(|it| when::to(it, zone, now));
    let (from, to) = (from.transpose()?, to.transpose()?);
    let journal = journal::for_reading(&context.settings)?;
    let conditions = conditions(args.stream, &args.wanted);
    let named = conditions.iter().map(|it| it.field.as_str());
    for field in named.chain(args.sum.as_deref()) {
        warn_of_unknown(args.stream, field, context.talk);
    }
    let mut query = journal.query(args.stream);
    for it in &conditions {
        query = match it.or_none {
            true => query.field_or_none(&it.field, &it.value),
            false => query.field(&it.field, &it.value),
        };
    }
    if let Some(from) = from {
        query = query.from(from);
    }
    if let Some(to) = to {
        query = query.to(to);
    }
    if let Some(limit) = args.limit {
        query = query.limit(limit);
    }
    let asked = Asked {
        args,
        conditions: &conditions,
        watch: Watch::start(),
    };
    match &args.sum {
        Some(field) => asked.sum(&query, field, context),
        None if args.count => asked.count(&query, context),
        None => asked.lines(&query, context),
    }
}

/// A field and its value that were asked for.
struct Condition {
    field: String,
    value: String,
    /// Nothing in the field says the same.
    or_none: bool,
}

fn conditions(stream: Stream, wanted: &Wanted) -> Vec<Condition> {
    let upper = |it: &Option<String>| it.as_ref().map(|it| it.to_uppercase());
    let named = [
        ("symbol", wanted.symbol.clone()),
        ("order_id", wanted.order_id.clone()),
        ("session_id", wanted.session.clone()),
        ("strategy_name", wanted.strategy.clone()),
        ("account_id", wanted.account.clone()),
        ("outcome", wanted.outcome.clone()),
        ("action", upper(&wanted.action)),
        ("execution_mode", upper(&wanted.mode)),
    ];
    let named = named.into_iter().filter_map(|(field, value)| {
        let value = value?;
        Some(Condition {
            field: field.to_owned(),
            // A trade that says nothing of its outcome is read as an open one.
            or_none: stream == Stream::Trades && (field, value.as_str()) == ("outcome", "open"),
            value,
        })
    });
    let exact = wanted.fields.iter().map(|(field, value)| Condition {
        field: field.clone(),
        value: value.clone(),
        or_none: false,
    });
    named.chain(exact).collect()
}

/// A newer version may have fields that this one does not know, so it is no error.
fn warn_of_unknown(stream: Stream, field: &str, talk: &Talk) {
    let known = streams::fields(stream);
    if known.contains(&field) || ["seq", "dur", "hash"].contains(&field) {
        return;
    }
    let near = did_you_mean(stream, field);
    talk.warning(&printable(&format!(
        "{stream} has no field `{field}`{near}"
    )));
}

/// How long the scan takes, without the time that the output takes.
struct Watch {
    start: Instant,
    printing: Duration,
}

impl Watch {
    fn start() -> Watch {
        Watch {
            start: Instant::now(),
            printing: Duration::ZERO,
        }
    }

    /// Does something that is no part of the scan.
    fn pause<T>(&mut self, print: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = print();
        self.printing += start.elapsed();
        result
    }

    fn scanning(&self) -> Duration {
        self.start.elapsed().saturating_sub(self.printing)
    }
}

/// A question on its way to its answer.
struct Asked<'a> {
    args: &'a Query,
    conditions: &'a [Condition],
    watch: Watch,
}

/// What `--count --json` and `--sum --json` print.
#[derive(Serialize)]
struct Answer<'a> {
    records: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sum: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<u64>,
}

impl Asked<'_> {
    fn count(
        self,
        query: &tradejournal::journal::Query,
        context: &mut Context<'_>,
    ) -> anyhow::Result<Verdict> {
        let talk = context.talk;
        let scanned = query.count(|error| unread(talk, error));
        match context.settings.json {
            true => context.out.json(&Answer {
                records: scanned.lines,
                field: None,
                sum: None,
                values: None,
            })?,
            false => context.out.line(scanned.lines)?,
        }
        Ok(self.end(scanned, talk))
    }

    fn sum(
        self,
        query: &tradejournal::journal::Query,
        field: &str,
        context: &mut Context<'_>,
    ) -> anyhow::Result<Verdict> {
        let talk = context.talk;
        let summed = match query.sum(field, |error| unread(talk, error)) {
            Ok(summed) => summed,
            Err(error @ SumError::Value { .. }) => {
                let error = anyhow::Error::new(error);
                talk.error(&printable(&format!("{error:#}")));
                return Ok(Verdict::Found);
            }
            Err(error) => return Err(Failure::new("cannot sum").because(error).into()),
        };
        let records = summed.scanned.lines;
        if context.settings.json {
            context.out.json(&Answer {
                records,
                field: Some(field),
                sum: Some(summed.sum.to_string()),
                values: Some(summed.values),
            })?;
        } else if self.args.count {
            let values = summed.values;
            context.out.line(format!(
                "{} ({records} records, {values} with {field})",
                summed.sum
            ))?;
        } else {
            context.out.line(summed.sum)?;
        }
        Ok(self.end(summed.scanned, talk))
    }

    fn lines(
        mut self,
        query: &tradejournal::journal::Query,
        context: &mut Context<'_>,
    ) -> anyhow::Result<Verdict> {
        let talk = context.talk;
        let mut printer = match self.args.csv {
            true => Printer::csv(self.args.stream, context)?,
            false => Printer::Shown(Box::new(Shown::new(self.args.stream, context))),
        };
        let mut printed = Ok(());
        let scanned = query.visit(|item| {
            printed = self.watch.pause(|| match item {
                Ok(line) => printer.line(&line),
                Err(error) => {
                    unread(talk, error);
                    Ok(())
                }
            });
            match printed {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        });
        printed?;
        self.watch.pause(|| printer.end())?;
        if scanned.lines == 0 {
            talk.note("no match");
        }
        Ok(self.end(scanned, talk))
    }

    /// What is said of the scan itself.
    fn end(&self, scanned: Scanned, talk: &Talk) -> Verdict {
        let took = self.watch.scanning();
        if SLOW < took {
            let asked: Vec<String> = self
                .conditions
                .iter()
                .map(|it| format!("{}={}", it.field, it.value))
                .collect();
            let asked = match asked.is_empty() {
                true => "all records".to_owned(),
                false => asked.join(" "),
            };
            talk.warning(&printable(&format!(
                "slow query: {}.{} s over {} of {} ({asked})",
                took.as_secs(),
                took.subsec_millis() / 100,
                size(scanned.bytes),
                self.args.stream,
            )));
        }
        Verdict::found(scanned.lines == 0 || scanned.bad != 0)
    }
}

/// Where the lines go.
enum Printer<'a, 'c> {
    Shown(Box<Shown<'a, 'c>>),
    Csv {
        fields: Vec<&'static str>,
        writer: Box<Writer<&'a mut Out>>,
    },
}

impl<'a, 'c> Printer<'a, 'c> {
    fn csv(stream: Stream, context: &'a mut Context<'c>) -> anyhow::Result<Printer<'a, 'c>> {
        let mut fields = streams::fields(stream).to_vec();
        fields.push("seq");
        let mut writer = WriterBuilder::new().from_writer(&mut *context.out);
        told(writer.write_record(&fields))?;
        let writer = Box::new(writer);
        Ok(Printer::Csv { fields, writer })
    }

    fn line(&mut self, line: &LineRef<'_>) -> anyhow::Result<()> {
        match self {
            Printer::Shown(shown) => shown.line(line.bytes()),
            Printer::Csv { fields, writer } => {
                let Some(view) = View::of(line.bytes()) else {
                    return Ok(());
                };
                let row = fields.iter().map(|it| view.text(it).unwrap_or_default());
                let row: Vec<_> = row.collect();
                told(writer.write_record(row.iter().map(|it| it.as_bytes())))
            }
        }
    }

    fn end(&mut self) -> anyhow::Result<()> {
        match self {
            Printer::Shown(shown) => shown.flush(),
            Printer::Csv { writer, .. } => crate::output::told(writer.flush()),
        }
    }
}

fn told(result: Result<(), csv::Error>) -> anyhow::Result<()> {
    crate::output::told(result.map_err(|error| match error.into_kind() {
        ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }))
}
