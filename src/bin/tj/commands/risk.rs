//! `tj risk`: whether trading is paused, the risk events, and resuming by hand.
//!
//! Always true:
//! - It tells what a bot's guard would find on opening now: from the trades and events of the journal and
//!   the limits of the settings.
//! - LIVE and PAPER stand apart.
//! - A reset is on disk before it is reported, and a running bot hears of it at its next check.
//!
//! Not here: the limits themselves, which are the library's.

use anyhow::Context as _;
use chrono_tz::Tz;
use serde::Serialize;
use tradejournal::books::risk::{History, Pause, PortfolioValue, Rebuilt, RiskMonitor};
use tradejournal::books::{ClosedTrade, OpenOrder, SumError};
use tradejournal::desk::Ledger;
use tradejournal::journal::Journal;
use tradejournal::record::field::ExecutionMode;
use tradejournal::record::{RiskEvent, Stream};
use tradejournal::time::Timestamp;

use super::Context;
use crate::args::{Risk, RiskWhat};
use crate::complaint::{inexact, unread};
use crate::evidence;
use crate::failure::{Failure, Verdict};
use crate::journal;
use crate::output::{Talk, printable};
use crate::reason::reason;
use crate::record_view::View;
use crate::settings::Settings;
use crate::table::{Column, Table};
use crate::when;

const MODES: [ExecutionMode; 2] = [ExecutionMode::Live, ExecutionMode::Paper];

pub(crate) fn run(args: &Risk, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    match &args.what {
        RiskWhat::Status {
            mode,
            portfolio_value,
        } => status(*mode, *portfolio_value, context),
        RiskWhat::Events { from, to } => events(from.as_deref(), to.as_deref(), context),
        RiskWhat::Reset {
            why,
            mode,
            portfolio_value,
        } => reset(why, *mode, *portfolio_value, context),
    }
}

/// What the journal has of both modes.
struct Found {
    closed: Vec<ClosedTrade>,
    open: Vec<OpenOrder>,
    events: Vec<RiskEvent>,
    /// Lines, days and trades that do not count, so that something may be missing.
    bad: u64,
}

impl Found {
    fn read(journal: &Journal, talk: &Talk) -> anyhow::Result<Found> {
        let ledger = Ledger::read(journal, |error| unread(talk, error));
        let mut refused: Vec<SumError> = ledger.refused().cloned().collect();
        let mut found = Found {
            closed: ledger.closed(|error| refused.push(error)),
            open: ledger.open(|error| refused.push(error)),
            events: Vec::new(),
            bad: ledger.unread().lines + ledger.unread().days + refused.len() as u64,
        };
        refused.iter().for_each(|it| inexact(talk, it));
        let mut events = journal.read::<RiskEvent>().iter();
        while let Some(item) = events.next_entry() {
            match item {
                Ok(entry) => found.events.push(entry.record.clone()),
                Err(error) => {
                    found.bad += 1;
                    unread(talk, error);
                }
            }
        }
        Ok(found)
    }

    fn rebuilt(
        &self,
        mode: ExecutionMode,
        settings: &Settings,
        portfolio_value: Option<PortfolioValue>,
        now: Timestamp,
    ) -> Rebuilt {
        let history = History {
            closed: &self.closed,
            open: &self.open,
            events: &self.events,
        };
        let limits = settings.risk.limits();
        RiskMonitor::rebuilt(
            limits,
            mode,
            settings.days(),
            &history,
            portfolio_value,
            now,
        )
    }

    fn open(&self, mode: ExecutionMode) -> impl Iterator<Item = &OpenOrder> {
        self.open.iter().filter(move |it| it.mode == mode)
    }
}

/// What `status --json` prints.
#[derive(Serialize)]
struct Report {
    time: String,
    zone: &'static str,
    limits: Limits,
    portfolio_value: Option<String>,
    modes: Vec<Standing>,
}

#[derive(Serialize)]
struct Limits {
    max_position_pct: Option<String>,
    max_daily_loss_pct: Option<String>,
    max_consecutive_losses: Option<u32>,
    reset: &'static str,
}

/// A mode.
#[derive(Serialize)]
struct Standing {
    execution_mode: &'static str,
    paused: bool,
    paused_since: Option<String>,
    rules: Vec<&'static str>,
    /// What ends the pause.
    reset: Option<&'static str>,
    /// Whether the pause has an event; otherwise it follows from the trades alone.
    recorded: Option<bool>,
    day: String,
    daily_pnl: String,
    daily_pnl_pct: Option<String>,
    consecutive_losses: u32,
    losses_since_reset: u32,
    open_positions: Vec<Position>,
}

#[derive(Serialize)]
struct Position {
    symbol: String,
    direction: &'static str,
    quantity: u64,
    price: String,
    entered: String,
    order_id: String,
}

fn status(
    mode: Option<ExecutionMode>,
    portfolio_value: Option<PortfolioValue>,
    context: &mut Context<'_>,
) -> anyhow::Result<Verdict> {
    let journal = journal::for_reading(&context.settings)?;
    let found = Found::read(&journal, context.talk)?;
    let now = journal.clock().now();
    let settings = &context.settings;
    let limits = settings.risk.limits();
    let modes = MODES
        .iter()
        .filter(|it| mode.is_none_or(|mode| mode == **it));
    let modes = modes.map(|mode| {
        let monitor = found.rebuilt(*mode, settings, portfolio_value, now).monitor;
        Standing::of(&monitor, portfolio_value, &found)
    });
    let report = Report {
        time: now.to_string(),
        zone: settings.zone.value.name(),
        limits: Limits {
            max_position_pct: limits.max_position_pct.map(|it| it.to_string()),
            max_daily_loss_pct: limits.max_daily_loss_pct.map(|it| it.to_string()),
            max_consecutive_losses: limits.max_consecutive_losses.map(|it| it.value()),
            reset: limits.reset.as_str(),
        },
        portfolio_value: portfolio_value.map(|it| it.to_string()),
        modes: modes.collect(),
    };
    match context.settings.json {
        true => context.out.json(&report)?,
        false => show(&report, context)?,
    }
    Ok(Verdict::found(found.bad != 0))
}

impl Standing {
    fn of(
        monitor: &RiskMonitor,
        portfolio_value: Option<PortfolioValue>,
        found: &Found,
    ) -> Standing {
        let pause = monitor.pause();
        let pct = portfolio_value.map(|it| monitor.daily_pnl_pct(it).to_string());
        Standing {
            execution_mode: monitor.mode().as_str(),
            paused: pause.is_some(),
            paused_since: pause.map(|it| it.since.to_string()),
            rules: pause.map(rules).unwrap_or_default(),
            reset: pause.map(|it| it.ends.as_str()),
            recorded: pause.map(|it| it.is_recorded),
            day: monitor.day().to_string(),
            daily_pnl: monitor.daily_pnl().to_string(),
            daily_pnl_pct: pct,
            consecutive_losses: monitor.consecutive_losses(),
            losses_since_reset: monitor.losses_since_reset(),
            open_positions: found.open(monitor.mode()).map(Position::of).collect(),
        }
    }
}

fn rules(pause: &Pause) -> Vec<&'static str> {
    pause.rules.iter().map(|it| it.as_str()).collect()
}

impl Position {
    fn of(open: &OpenOrder) -> Position {
        Position {
            symbol: open.symbol.to_string(),
            direction: open.direction.as_str(),
            quantity: open.quantity,
            price: open.price.to_string(),
            entered: open.entered.to_string(),
            order_id: open.order_id.to_string(),
        }
    }
}

fn show(report: &Report, context: &mut Context<'_>) -> anyhow::Result<()> {
    let zone = context.settings.zone.value;
    let shown = |text: &str| {
        let time = text.parse();
        time.map_or_else(|_| text.to_owned(), |it| when::shown(it, zone))
    };
    let mut table = Table::new(vec![
        Column::left("mode"),
        Column::left("trading"),
        Column::left("since"),
        Column::text("why"),
        Column::left("day"),
        Column::right("day p&l"),
        Column::right("day %"),
        Column::right("losses"),
        Column::right("open"),
    ]);
    for it in &report.modes {
        let why = match (it.paused, it.rules.is_empty()) {
            (true, true) => "its event does not say".to_owned(),
            _ => it.rules.join(", "),
        };
        table.push(vec![
            it.execution_mode.to_owned(),
            if it.paused { "paused" } else { "goes on" }.to_owned(),
            it.paused_since.as_deref().map(shown).unwrap_or_default(),
            why,
            it.day.clone(),
            it.daily_pnl.clone(),
            it.daily_pnl_pct.clone().unwrap_or_else(|| "-".to_owned()),
            it.consecutive_losses.to_string(),
            it.open_positions.len().to_string(),
        ]);
    }
    table.print(context.out)?;
    for it in report.modes.iter().filter(|it| it.paused) {
        for note in it.notes() {
            context.out.line(note)?;
        }
    }
    for it in &report.modes {
        for open in &it.open_positions {
            let text = format!(
                "{}: {} {} {} at {} is open since {} ({})",
                it.execution_mode,
                open.direction,
                open.quantity,
                open.symbol,
                open.price,
                shown(&open.entered),
                open.order_id
            );
            context.out.line(printable(&text))?;
        }
    }
    context.out.line(report.limits.shown())
}

impl Standing {
    /// What a person should know of a pause beyond the table.
    fn notes(&self) -> Vec<String> {
        let mode = self.execution_mode;
        let mut notes = Vec::new();
        if self.recorded == Some(false) {
            notes.push(format!(
                "{mode}: this follows from the trades; risk-management has no event of it yet"
            ));
        }
        notes.push(match self.reset {
            Some("next-day") => format!("{mode}: the next day resumes trading, or `tj risk reset`"),
            _ => format!("{mode}: `tj risk reset` resumes trading, and nothing else does"),
        });
        notes
    }
}

impl Limits {
    fn shown(&self) -> String {
        let mut limits = Vec::new();
        if let Some(pct) = &self.max_position_pct {
            limits.push(format!("{pct} % in a position"));
        }
        if let Some(pct) = &self.max_daily_loss_pct {
            limits.push(format!("{pct} % lost a day"));
        }
        match self.max_consecutive_losses {
            Some(1) => limits.push("1 loss".to_owned()),
            Some(losses) => limits.push(format!("{losses} losses in a row")),
            None => {}
        }
        match limits.is_empty() {
            true => "no limits are set: [risk] in tj.toml".to_owned(),
            false => format!("limits: {}; reset {}", limits.join(", "), self.reset),
        }
    }
}

fn events(
    from: Option<&str>,
    to: Option<&str>,
    context: &mut Context<'_>,
) -> anyhow::Result<Verdict> {
    let journal = journal::for_reading(&context.settings)?;
    let (zone, now) = (context.settings.zone.value, journal.clock().now());
    let mut lines = journal.lines(Stream::RiskManagement);
    if let Some(from) = from {
        lines = lines.from(when::from(from, zone, now)?);
    }
    if let Some(to) = to {
        lines = lines.to(when::to(to, zone, now)?);
    }
    let (mut shown, mut bad) = (0_u64, false);
    let mut table = events_table();
    let mut lines = lines.into_iter();
    while let Some(item) = lines.next_line() {
        let line = match item {
            Ok(line) => line,
            Err(error) => {
                bad = true;
                unread(context.talk, error);
                continue;
            }
        };
        shown += 1;
        if context.settings.json {
            context.out.bytes(line.bytes())?;
        } else if let Some(view) = View::of(line.bytes()) {
            table.push(row(&view, zone));
        }
    }
    if table.len() != 0 {
        table.print(context.out)?;
    }
    if shown == 0 {
        context.talk.note("no risk events");
    }
    Ok(Verdict::found(shown == 0 || bad))
}

fn events_table() -> Table {
    Table::new(vec![
        Column::right("seq"),
        Column::left("time"),
        Column::left("mode"),
        Column::left("severity"),
        Column::text("event"),
        Column::text("action"),
        Column::right("day p&l"),
        Column::right("day %"),
        Column::right("losses"),
        Column::text("why"),
    ])
}

fn row(view: &View<'_>, zone: Tz) -> Vec<String> {
    let text = |field| view.text(field).unwrap_or_default().into_owned();
    let snapshot = view.text("config_snapshot").unwrap_or_default();
    let snapshot: serde_json::Value = serde_json::from_str(&snapshot).unwrap_or_default();
    let time = text("timestamp");
    let shown = time.parse().map(|it| when::shown(it, zone));
    vec![
        text("seq"),
        shown.unwrap_or(time),
        member(&snapshot, "execution_mode").unwrap_or_else(|| "-".to_owned()),
        text("severity"),
        text("event_type"),
        text("action_taken"),
        text("daily_pnl"),
        text("daily_pnl_pct"),
        text("consecutive_losses"),
        why(&snapshot),
    ]
}

/// Which limits were met, what was proposed, what a person said.
fn why(snapshot: &serde_json::Value) -> String {
    let rules = snapshot.get("rules").and_then(serde_json::Value::as_array);
    let rules = rules.into_iter().flatten().filter_map(|it| it.as_str());
    let mut parts: Vec<String> = rules.map(str::to_owned).collect();
    let wanted = ["symbol", "quantity", "price"].map(|it| member(snapshot, it));
    match wanted {
        [Some(symbol), Some(quantity), Some(price)] => {
            parts.push(format!("{quantity} {symbol} at {price}"));
        }
        [Some(symbol), ..] => parts.push(symbol),
        _ => {}
    }
    if let Some(by) = member(snapshot, "reset_by") {
        parts.push(by);
    }
    parts.extend(member(snapshot, "why"));
    parts.join(", ")
}

fn member(snapshot: &serde_json::Value, name: &str) -> Option<String> {
    match snapshot.get(name)? {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What `reset --json` prints.
#[derive(Serialize)]
struct Done {
    execution_mode: &'static str,
    paused_since: String,
    stream: &'static str,
    seq: u64,
    day: String,
    hash: String,
    durable: bool,
}

fn reset(
    why: &str,
    mode: Option<ExecutionMode>,
    portfolio_value: Option<PortfolioValue>,
    context: &mut Context<'_>,
) -> anyhow::Result<Verdict> {
    let why = reason(why, &context.settings)?;
    // A journal that is written to must be there already.
    let found = Found::read(&journal::for_reading(&context.settings)?, context.talk)?;
    let (journal, notary) = journal::for_writing(&context.settings)?;
    let now = journal.clock().now();
    let settings = &context.settings;
    let asked = MODES
        .iter()
        .filter(|it| mode.is_none_or(|mode| mode == **it));
    let rebuilt = asked.map(|mode| found.rebuilt(*mode, settings, portfolio_value, now));
    let mut paused: Vec<Rebuilt> = rebuilt.filter(|it| it.monitor.pause().is_some()).collect();
    if 1 < paused.len() {
        let failure = Failure::usage("LIVE and PAPER are both paused");
        return Err(failure.hint("say which with --mode").into());
    }
    let Some(mut rebuilt) = paused.pop() else {
        let text = match mode {
            Some(mode) => format!("{mode}: trading is not paused, there is nothing to reset"),
            None => "trading is not paused, there is nothing to reset".to_owned(),
        };
        context.talk.note(&text);
        return Ok(Verdict::Found);
    };
    let value = value_of(&rebuilt, portfolio_value)?;
    let since = rebuilt.monitor.pause().map(|it| it.since);
    let mode = rebuilt.monitor.mode();
    // A pause that nobody recorded is recorded with its end.
    let mut events = rebuilt.unrecorded;
    events.extend(rebuilt.monitor.reset(why.as_str(), value, now));
    let writer = journal
        .writer::<RiskEvent>()
        .context("cannot write to risk-management")?;
    let receipts = writer
        .append_all(&events)
        .context("cannot append to risk-management")?;
    writer.close().context("cannot append to risk-management")?;
    evidence::tell_troubles(notary.as_deref(), context.talk);
    let Some(receipt) = receipts.last() else {
        return Ok(Verdict::Found);
    };
    let since = since.unwrap_or(now);
    if context.settings.json {
        context.out.json(&Done {
            execution_mode: mode.as_str(),
            paused_since: since.to_string(),
            stream: receipt.stream.name(),
            seq: receipt.seq,
            day: receipt.day.to_string(),
            hash: receipt.hash.to_string(),
            durable: receipt.durable,
        })?;
    } else {
        let since = when::shown(since, context.settings.zone.value);
        context.out.line(format!(
            "{mode}: trading resumes after a pause since {since} (risk-management, seq {})",
            receipt.seq
        ))?;
    }
    Ok(Verdict::Fine)
}

/// What the portfolio is worth: as it was said, or as it was when trading was paused.
fn value_of(rebuilt: &Rebuilt, said: Option<PortfolioValue>) -> Result<PortfolioValue, Failure> {
    let recorded = rebuilt.monitor.pause().filter(|it| it.is_recorded);
    said.or_else(|| recorded?.portfolio_value).ok_or_else(|| {
        Failure::usage("the event of the pause does not say what the portfolio was worth").hint(
            "say it with --portfolio-value: the event of the reset has the day's loss in per cent",
        )
    })
}
