//! `tj compare`: live fills beside what a backtest expected.
//!
//! Always true: a file with a wrong row is refused as a whole, with every wrong row named.
//!
//! Not here: matching and measuring, which are the library's.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde_json::value::RawValue;
use tradejournal::desk::compare::{
    COLUMNS, Expected, ExpectedError, Live, LiveStream, Row, Rules, Span, compare,
};
use tradejournal::time::{Clock as _, SystemClock, Timestamp};

use super::Context;
use crate::args::Compare;
use crate::compare_view::{self, Found};
use crate::complaint::unread;
use crate::failure::{Failure, Verdict};
use crate::journal;
use crate::nearest::nearest;
use crate::output::printable;
use crate::rows;
use crate::when;

/// How many wrong rows are named.
const ROWS_NAMED_MAX: usize = 20;

pub(crate) fn run(args: &Compare, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let expected = expected(args, context)?;
    let journal = journal::for_reading(&context.settings)?;
    let (span, is_asked_for) = span(args, &expected, context)?;
    // What was expected at the edge of that time may have been traded beyond it.
    let wide = (
        span.from.map(|it| it.saturating_sub(args.window)),
        span.to.map(|it| it.saturating_add(args.window)),
    );
    let stream = match args.live.as_str() {
        "trades" => LiveStream::Trades,
        _ => LiveStream::Fills,
    };
    let talk = context.talk;
    let live = Live::read(&journal, stream, wide, args.symbol.as_deref(), |error| {
        unread(talk, error)
    });
    for line in &live.too_long {
        let text = format!(
            "{}, seq {line}: has more digits than can be added up exactly",
            args.live
        );
        talk.error(&text);
    }
    let rules = Rules {
        window: args.window,
        price: args.price_tolerance,
        size: args.size_tolerance,
        time: args.time_tolerance,
        span,
    };
    let comparison = compare(&expected, &live, &rules);
    let found = Found {
        file: args.expected.display().to_string(),
        expected: &expected,
        live: &live,
        stream: stream.stream(),
        rules: &rules,
        is_asked_for,
        comparison: &comparison,
    };
    compare_view::show(&found, context)?;
    let is_whole = live.unread.is_nothing() && live.too_long.is_empty();
    Ok(Verdict::found(!comparison.is_fine() || !is_whole))
}

/// What is looked at, and whether somebody asked for it: otherwise the days of the file.
fn span(
    args: &Compare,
    expected: &Expected,
    context: &Context<'_>,
) -> Result<(Span, bool), Failure> {
    let zone = context.settings.zone.value;
    let now = SystemClock.now();
    let days = &args.days;
    if days.day.is_some() || days.from.is_some() || days.to.is_some() {
        let (from, to) = when::between(days, zone, now)?;
        return Ok((Span::new(from, to), true));
    }
    let times = || expected.trades.iter().map(|it| it.at);
    let day = |at: Timestamp| context.settings.days().day(at).to_string();
    let from = times()
        .min()
        .map(|it| when::from(&day(it), zone, now))
        .transpose()?;
    let to = times()
        .max()
        .map(|it| when::to(&day(it), zone, now))
        .transpose()?;
    Ok((Span::new(from, to), false))
}

fn expected(args: &Compare, context: &Context<'_>) -> anyhow::Result<Expected> {
    let file = args.expected.display();
    let (header, rows) = read(&args.expected)?;
    if rows.is_empty() {
        return Err(Failure::new(format!("{file}: nothing is expected in it")).into());
    }
    let zone = context.settings.zone.value;
    let local = |text: &str| when::local(text, Some(zone)).map_err(|wrong| wrong.to_string());
    let read = Expected::read(&header, rows, args.symbol.as_deref(), &local);
    let expected = read.map_err(|error| refused(error, args, context))?;
    if let (true, Some(symbol)) = (expected.trades.is_empty(), &args.symbol) {
        let failure = Failure::new(format!("{file}: nothing is expected of {symbol} in it"));
        return Err(failure
            .hint("symbols are as they stand there, such as BTC-USDT")
            .into());
    }
    if expected.zoneless != 0 {
        let zone = zone.name();
        let text = match expected.zoneless {
            1 => format!("a time without a zone was taken in {zone}"),
            count => format!("{count} times without a zone were taken in {zone}"),
        };
        context.talk.note(&text);
    }
    Ok(expected)
}

fn refused(error: ExpectedError, args: &Compare, context: &Context<'_>) -> Failure {
    let file = args.expected.display();
    match error {
        ExpectedError::Rows(errors) => {
            for error in errors.iter().take(ROWS_NAMED_MAX) {
                context.talk.error(&printable(&format!("{file}:{error}")));
            }
            let rows = match errors.len() {
                1 => "1 row is wrong".to_owned(),
                count => format!("{count} rows are wrong"),
            };
            Failure::new(format!("{file}: {rows}, so nothing was compared"))
        }
        ExpectedError::Unknown { ref name } => {
            let hint = match nearest(name, COLUMNS) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!(
                    "known are {}, and the fields of fills and trades",
                    COLUMNS.join(", ")
                ),
            };
            Failure::usage(format!("{file}: {error}")).hint(hint)
        }
        error => Failure::usage(format!("{file}: {error}")),
    }
}

/// The names of the columns, and the rows, of a CSV, JSON Lines or a JSON list.
fn read(path: &Path) -> anyhow::Result<(Vec<String>, Vec<Row>)> {
    let cannot = || format!("cannot read what was expected in {}", path.display());
    let text = fs::read(path).with_context(cannot)?;
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    match text.trim_ascii_start().first() {
        Some(b'[') => objects(list(text).with_context(cannot)?).with_context(cannot),
        Some(b'{') => objects(lines(text).with_context(cannot)?).with_context(cannot),
        _ => {
            let mut rows = rows::read(path).with_context(cannot)?;
            let header = match rows.is_empty() {
                true => Vec::new(),
                false => rows.remove(0).cells,
            };
            Ok((header, rows))
        }
    }
}

type Object<'a> = BTreeMap<String, &'a RawValue>;

/// The objects of a JSON list, each with its place in it, from 1.
fn list(text: &[u8]) -> anyhow::Result<Vec<(u64, Object<'_>)>> {
    let objects: Vec<Object<'_>> = serde_json::from_slice(text)?;
    Ok((1..).zip(objects).collect())
}

fn lines(text: &[u8]) -> anyhow::Result<Vec<(u64, Object<'_>)>> {
    let mut objects = Vec::new();
    for (number, line) in (1_u64..).zip(text.split(|it| *it == b'\n')) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let object = serde_json::from_slice(line).with_context(|| format!("line {number}"))?;
        objects.push((number, object));
    }
    Ok(objects)
}

/// As a table: a column for every name that any of them has.
fn objects(objects: Vec<(u64, Object<'_>)>) -> anyhow::Result<(Vec<String>, Vec<Row>)> {
    let mut header: Vec<String> = Vec::new();
    for (_, object) in &objects {
        for name in object.keys() {
            if !header.contains(name) {
                header.push(name.clone());
            }
        }
    }
    let mut rows = Vec::with_capacity(objects.len());
    for (line, object) in objects {
        let cells = header
            .iter()
            .map(|name| match object.get(name).map(|it| it.get()) {
                None | Some("null") => Ok(String::new()),
                Some(json) if json.starts_with('"') => serde_json::from_str(json),
                Some(json) => Ok(json.to_owned()),
            });
        let cells = cells.collect::<Result<Vec<String>, _>>()?;
        rows.push(Row { line, cells });
    }
    Ok((header, rows))
}
