//! `tj reconcile`: the journal's trades against the broker's order history.
//!
//! Always true:
//! - A file with a wrong row is refused as a whole, with every wrong row named.
//! - What is missing is appended under the stream's lock, which is taken before the journal is read:
//!   what two runs append is never the same.
//! - The verdict is about how it stands at the end, after what was appended.
//!
//! Not here: the comparison, which is the library's.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use anyhow::Context as _;
use chrono_tz::Tz;
use tradejournal::bot::{Session, Settings as SessionSettings};
use tradejournal::desk::Unread;
use tradejournal::desk::reconcile::{
    Book, Column, Columns, ColumnsError, Comparison, Format, History, Reading, Recovered, Recovery,
    Row, Span, compare, recover,
};
use tradejournal::evidence::Notary;
use tradejournal::journal::{Journal, Writer};
use tradejournal::record::field::{ConfigHash, SessionId};
use tradejournal::record::{Stamp, Stream, TradeRecord, personal};
use tradejournal::time::Timestamp;

use super::Context;
use crate::args::{BrokerFormat, Reconcile};
use crate::cache;
use crate::complaint::{self, unread};
use crate::evidence;
use crate::failure::{Failure, Verdict};
use crate::journal;
use crate::output::{Talk, printable};
use crate::reconcile_view::{self, Found};
use crate::rows;
use crate::settings::Settings;
use crate::when;

/// How many wrong rows are named.
const ROWS_NAMED_MAX: usize = 20;

pub(crate) fn run(args: &Reconcile, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let zone = zone(args, &context.settings)?;
    refuse_twice("--map", args.map.iter().map(|it| it.0.name()))?;
    refuse_twice("--exit", args.exit.iter().map(|it| it.0.as_str()))?;
    let sheet = Sheet::read(&args.broker)?;
    let columns = columns(args, &sheet, &context.settings)?;
    let history = history(args, sheet, &columns, zone, context)?;
    let (journal, mut writing) = match args.append_missing {
        true => Writing::begin(&context.settings)?,
        false => (journal::for_reading(&context.settings)?, None),
    };
    let mut lost = Unread::default();
    let mut book = Book::read(&journal, args.mode, |error| {
        lost.count(&error);
        unread(context.talk, error);
    });
    let (span, is_asked_for) = span(args, &history, &context.settings, journal.clock().now())?;
    let before = compare(&book, &history, span);
    let mut recovered = Recovered::default();
    if let Some(writing) = &mut writing {
        refuse_unread(lost)?;
        recovered = writing.append(&mut book, &before, args, &journal, context)?;
    }
    if let Some(writing) = writing {
        writing.end(context.talk)?;
    }
    let comparison = match recovered.records.is_empty() {
        true => before,
        false => compare(&book, &history, span),
    };
    let found = Found {
        file: args.broker.display().to_string(),
        format: columns.format(),
        history: &history,
        mode: args.mode,
        span,
        is_asked_for,
        comparison: &comparison,
        recovered: args.append_missing.then_some(&recovered),
        lost,
    };
    reconcile_view::show(
        &found,
        context.settings.zone.value,
        context.settings.json,
        context.out,
    )?;
    // What is said stands below what was found; a program has it all in the object.
    context.out.flush()?;
    if !context.settings.json {
        tell(&found, zone, context.talk);
    }
    let is_equal = comparison.differences() == 0 && lost.is_nothing();
    Ok(Verdict::found(!is_equal))
}

/// The zone of times that have none.
fn zone(args: &Reconcile, settings: &Settings) -> Result<Tz, Failure> {
    let Some(name) = &args.timezone else {
        return Ok(settings.reconcile.timezone.unwrap_or(settings.zone.value));
    };
    when::zone(name).map_err(|unknown| {
        let failure = Failure::usage(format!("--timezone: {unknown}"));
        match unknown.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })
}

/// Of two values for one name the first would be passed over.
pub(super) fn refuse_twice<'a>(
    flag: &str,
    names: impl Iterator<Item = &'a str>,
) -> Result<(), Failure> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(Failure::usage(format!("{flag} {name}=...: is given twice")));
        }
    }
    Ok(())
}

/// A CSV as it is.
struct Sheet {
    header: Vec<String>,
    rows: Vec<Row>,
}

impl Sheet {
    fn read(path: &Path) -> anyhow::Result<Sheet> {
        let cannot = || format!("cannot read the broker's orders in {}", path.display());
        let mut rows = rows::read(path).with_context(cannot)?;
        if rows.is_empty() {
            return Err(Failure::new(cannot()).because("it is empty").into());
        }
        let header = rows.remove(0).cells;
        Ok(Sheet { header, rows })
    }
}

impl Sheet {
    fn has(&self, name: &str) -> bool {
        let mut names = self.header.iter();
        names.any(|it| it.trim().eq_ignore_ascii_case(name))
    }
}

fn columns(args: &Reconcile, sheet: &Sheet, settings: &Settings) -> Result<Columns, Failure> {
    let format = args.format.map(|it| match it {
        BrokerFormat::Robinhood => Format::Robinhood,
        BrokerFormat::Alpaca => Format::Alpaca,
        BrokerFormat::Generic => Format::Generic,
    });
    let named = args.map.iter().cloned().collect();
    Columns::find(&sheet.header, format, &named, &settings.reconcile.columns).map_err(|error| {
        let hint = match &error {
            ColumnsError::NoIds { .. } => {
                "take the orders with their ids, such as robin_stocks' get_all_stock_orders() as a table, and add a \
                 column `symbol`: what get_symbol_by_url() says of `instrument`"
                    .to_owned()
            }
            ColumnsError::Missing {
                column: Column::Symbol,
                ..
            } if sheet.has("instrument") => {
                "add a column `symbol`: what robin_stocks' get_symbol_by_url() says of `instrument`".to_owned()
            }
            ColumnsError::Missing { column, .. } => format!(
                "name it with --map {column}='...', or in [reconcile.columns] of tj.toml"
            ),
            _ => "--map NAME=COLUMN names a column, --format whose file it is".to_owned(),
        };
        let file = args.broker.display();
        Failure::usage(format!("{file}: {error}")).hint(hint)
    })
}

fn history(
    args: &Reconcile,
    sheet: Sheet,
    columns: &Columns,
    zone: Tz,
    context: &Context<'_>,
) -> anyhow::Result<History> {
    let exits: BTreeMap<_, _> = args.exit.iter().cloned().collect();
    let reading = Reading {
        columns,
        words: &context.settings.reconcile.words,
        local: &|text| when::local(text, Some(zone)).map_err(|wrong| wrong.to_string()),
        exits: &exits,
    };
    let file = args.broker.display();
    let history = History::read(sheet.rows, &reading).map_err(|errors| {
        for error in errors.iter().take(ROWS_NAMED_MAX) {
            context.talk.error(&printable(&format!("{file}:{error}")));
        }
        let rows = match errors.len() {
            1 => "1 row is wrong".to_owned(),
            count => format!("{count} rows are wrong"),
        };
        Failure::new(format!("{file}: {rows}, so nothing was compared"))
    })?;
    match history.unknown_exits.first() {
        Some(order) => Err(Failure::usage(format!(
            "--exit {order}=...: {file} has no executed order {order}"
        ))
        .into()),
        None => Ok(history),
    }
}

/// What is looked at, and whether somebody asked for it: otherwise the days of the file.
fn span(
    args: &Reconcile,
    history: &History,
    settings: &Settings,
    now: Timestamp,
) -> Result<(Span, bool), Failure> {
    let zone = settings.zone.value;
    let is_asked_for = args.from.is_some() || args.to.is_some();
    let times = || history.orders.iter().map(|it| it.at);
    let day = |at: Timestamp| settings.days().day(at).to_string();
    let (from, to) = match is_asked_for {
        true => (args.from.clone(), args.to.clone()),
        false => (times().min().map(day), times().max().map(day)),
    };
    let from = from.map(|it| when::from(&it, zone, now)).transpose()?;
    let to = to.map(|it| when::to(&it, zone, now)).transpose()?;
    Ok((Span::new(from, to), is_asked_for))
}

/// What cannot be read could be what seems to be missing.
fn refuse_unread(lost: Unread) -> Result<(), Failure> {
    match lost.is_nothing() {
        true => Ok(()),
        false => Err(Failure::new("nothing is appended while a part of the journal cannot be read")
            .hint("`tj verify trades` names it; restore the day from a backup, or `tj repair trades --accept`")),
    }
}

/// The journal while something may be appended to it.
struct Writing {
    writer: Writer<TradeRecord>,
    notary: Option<Arc<Notary>>,
}

impl Writing {
    fn begin(settings: &Settings) -> anyhow::Result<(Journal, Option<Writing>)> {
        // A writer would make a journal where there is none, and all would be missing in it.
        journal::for_checking(settings)?;
        let (journal, notary) = journal::for_writing(settings)?;
        let writer = journal
            .writer::<TradeRecord>()
            .with_context(|| format!("cannot write to {}", Stream::Trades))?;
        Ok((journal, Some(Writing { writer, notary })))
    }

    fn append(
        &mut self,
        book: &mut Book,
        found: &Comparison,
        args: &Reconcile,
        journal: &Journal,
        context: &Context<'_>,
    ) -> anyhow::Result<Recovered> {
        let name = args
            .broker
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        let session = session(args, &name)?;
        let stamp = Stamp {
            session_id: SessionId::from(uuid::Uuid::new_v4()),
            bot_version: session.bot_version.clone(),
            config_hash: session.config_hash.unwrap_or_else(|| ConfigHash::of(b"")),
        };
        let recovery = Recovery {
            stamp: &stamp,
            mode: args.mode,
            file: &name,
            day: journal.clock().now().day(),
        };
        let recovered = recover(book, found, recovery);
        if recovered.records.is_empty() {
            return Ok(recovered);
        }
        // Before the session's line is written: a run of nothing would say nothing.
        for record in &recovered.records {
            if !context.settings.allow_personal_data.value
                && let Err(invalid) = personal::personal_data(record)
            {
                complaint::invalid(
                    context.talk,
                    record.order_id().as_str(),
                    Stream::Trades,
                    &invalid,
                );
                return Err(Failure::new("nothing was appended")
                    .hint("give the file a name without personal data")
                    .into());
            }
        }
        Session::start_as(journal, session, stamp.session_id)?;
        let appended = self.writer.append_all(&recovered.records);
        // Also where nobody knows whether they are there.
        cache::trades_changed(context);
        appended?;
        Ok(recovered)
    }

    fn end(self, talk: &Talk) -> anyhow::Result<()> {
        for trouble in self.writer.troubles() {
            talk.warning(&printable(&trouble));
        }
        let closed = self.writer.close().context("the last sync failed");
        evidence::tell_troubles(self.notary.as_deref(), talk);
        closed?;
        Ok(())
    }
}

/// The run that recovers: what it was asked for is its configuration.
fn session(args: &Reconcile, name: &str) -> anyhow::Result<SessionSettings> {
    let configuration = serde_json::json!({"mode": args.mode.as_str()}).to_string();
    let metadata =
        serde_json::json!({"trigger": "tj reconcile --append-missing", "broker": name}).to_string();
    let mut session = SessionSettings::new(env!("CARGO_PKG_VERSION").parse()?);
    session.config_hash = Some(ConfigHash::of(configuration.as_bytes()));
    session.configuration = Some(configuration.parse()?);
    session.metadata = Some(metadata.parse()?);
    Ok(session)
}

/// What is no difference and must be known all the same.
fn tell(found: &Found<'_>, zone: Tz, talk: &Talk) {
    let file = &found.file;
    for (line, before) in &found.history.repeated {
        let text = format!("{file}:{line}: the same as line {before}, and counted once");
        talk.warning(&printable(&text));
    }
    match found.history.zoneless {
        0 => {}
        1 => talk.note(&format!(
            "a time without a zone was taken in {}",
            zone.name()
        )),
        count => talk.note(&format!(
            "{count} times without a zone were taken in {}",
            zone.name()
        )),
    }
    let hinted = found
        .comparison
        .missing
        .iter()
        .any(|it| !it.may_be_exit_of.is_empty());
    if hinted {
        talk.hint(
            "an exit stands in the journal under the id of its entry; --exit ORDER=ENTRY says which it is",
        );
    }
}
