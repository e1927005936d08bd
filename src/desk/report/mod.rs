//! The report: how trading went in a day, a week, a month or any span of days.
//!
//! Always true:
//! - A closed trade belongs to the day of its last exit in the report's zone. All of the journal is read,
//!   since its entry may be older than the range.
//! - What is live and what is paper is added up apart, also when both are asked for.
//! - What the page shows is what the JSON has: the page is made of the serialised report and of nothing else.
//! - A line that cannot be read ends nothing; it is counted, and told to the caller.
//!
//! Not here: the statistics of a tear sheet ([`crate::books::metrics`]), and the text that a terminal shows.

mod bins;
mod book;
mod page;
mod range;
mod totals;

use std::collections::HashSet;

use serde::Serialize;

use crate::books::Zone;
use crate::books::metrics::Equity;
use crate::books::metrics::sheet::SheetError;
use crate::books::risk::{CIRCUIT_BREAKER_RESET, TRADING_RESUMED};
use crate::desk::Ledger;
use crate::journal::{Journal, ReadError};
use crate::record::field::{AlertEvent, ExecutionMode, OrderId, RiskSeverity};
use crate::record::{PerformanceMetric, RiskEvent};
use crate::time::Timestamp;

pub use bins::Bin;
pub use book::{Book, DayRow, OpenRow, Point, TradeRow};
pub use range::{Month, MonthError, Range, RangeError, Week, WeekError};
pub use totals::Totals;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    range: Range,
    modes: Modes,
    zone: Zone,
    zone_name: String,
    starting_equity: Option<Equity>,
}

/// Whether trades with money at stake are meant, or without, or both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Modes {
    /// Live if there are live trades in the journal, else paper.
    #[default]
    Usual,
    /// One of them.
    Only(ExecutionMode),
    /// Both, apart.
    All,
}

/// How trading went.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The journal's name.
    pub journal: Option<String>,
    /// When the report was made.
    pub made_at: String,
    /// The zone in which its days begin.
    pub zone: String,
    /// The days.
    pub range: RangeRow,
    /// Why these modes are shown.
    pub mode: ModeRow,
    /// What the account began with, before the first trade in the journal.
    pub starting_equity: Option<String>,
    /// What was strange.
    pub problems: Problems,
    /// The orders whose results cannot be added up exactly with the others; they count nowhere.
    pub orders_refused: Vec<String>,
    /// One for each mode that is shown.
    pub books: Vec<Book>,
    /// How many events of risk there were in the range.
    pub risk: RiskCounts,
    /// Limits of risk that were met in the range, and when trading went on; those of the modes that are
    /// shown, and those of which no mode is known.
    pub risk_events: Vec<RiskRow>,
    /// Alerts about performance in the range, of the same modes.
    pub alerts: Vec<AlertRow>,
    #[serde(skip)]
    zone_rule: Zone,
}

/// The days of a report.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RangeRow {
    /// `day`, `week`, `month` or `span`.
    pub kind: &'static str,
    /// What a person calls it.
    pub title: String,
    /// The first day; null where it begins with the first trade.
    pub from: Option<String>,
    /// The last day.
    pub to: String,
}

/// Which modes a report shows.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ModeRow {
    /// Those that are shown.
    pub shown: Vec<&'static str>,
    /// Whether somebody asked for them.
    pub is_asked_for: bool,
    /// How many closed trades of the range are of a mode that is not shown.
    pub trades_not_shown: u64,
}

/// What was strange.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Problems {
    /// Lines of the journal that could not be read; they count nowhere.
    pub unread_lines: u64,
    /// Days that could not be opened, or not be read to their end; trades are missing.
    pub unread_days: u64,
    /// Trades whose sums cannot be exact; they count nowhere.
    pub sums_refused: u64,
    /// Trades whose exit is labelled as something else than what it earned.
    pub label_conflicts: u64,
    /// Exits without an entry: trades of their own.
    pub unpaired_exits: u64,
    /// Entries of the journal whose order was entered before; the first counts.
    pub entries_repeated: u64,
    /// Exits of the journal that a later one replaced.
    pub exits_replaced: u64,
}

/// How many events of risk there were.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct RiskCounts {
    /// Critical ones.
    pub critical: u64,
    /// Warnings, without those that say that trading goes on.
    pub warnings: u64,
    /// Alerts about performance that fired; a reminder of one that goes on is none.
    pub alerts: u64,
}

/// A limit of risk that was met.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RiskRow {
    /// When.
    pub at: String,
    /// What happened.
    pub event_type: String,
    /// How bad it is.
    pub severity: &'static str,
    /// Profit or loss of the day until then.
    pub daily_pnl: String,
    /// The same in per cent of the portfolio.
    pub daily_pnl_pct: String,
    /// How many of the last trades in a row were lost.
    pub consecutive_losses: u32,
    /// What was done.
    pub action_taken: String,
    /// The mode, where it is of one.
    pub mode: Option<&'static str>,
    /// Whether it says that trading goes on, so that no limit was met.
    pub is_resumption: bool,
}

/// An alert about performance.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct AlertRow {
    /// When.
    pub at: String,
    /// The rule, where it is named.
    pub rule_id: Option<String>,
    /// `fired` or `resolved`, where that is said.
    pub event: Option<&'static str>,
    /// Whether it repeats an alert that had fired and was not over.
    pub is_reminder: bool,
    /// What it is about.
    pub scope: Option<String>,
    /// The mode, where it is of one.
    pub mode: Option<&'static str>,
    /// What it says.
    pub message: Option<String>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// All of them together cannot.
    #[error("add up the trades")]
    Sheet(#[from] SheetError),
    /// The same.
    #[error("the results of {mode} are too large to be added up exactly")]
    Total {
        /// The mode.
        mode: ExecutionMode,
    },
}

impl Request {
    /// A report of these days, in UTC, of the usual mode.
    #[must_use]
    pub fn new(range: Range) -> Request {
        Request {
            range,
            modes: Modes::Usual,
            zone: Zone::default(),
            zone_name: "UTC".to_owned(),
            starting_equity: None,
        }
    }

    /// Of these modes.
    #[must_use]
    pub fn modes(mut self, modes: Modes) -> Request {
        self.modes = modes;
        self
    }

    /// With days that begin in this zone, which has that name.
    #[must_use]
    pub fn zone(mut self, zone: Zone, name: impl Into<String>) -> Request {
        self.zone = zone;
        self.zone_name = name.into();
        self
    }

    /// For an account that began with so much before the first trade in the journal.
    #[must_use]
    pub fn starting_equity(mut self, equity: Equity) -> Request {
        self.starting_equity = Some(equity);
        self
    }

    /// Reads the journal and adds it up. `bad` is told of each line that cannot be read.
    ///
    /// # Errors
    /// [`ReportError`] when numbers are too large to be exact and it is no single trade that makes them so.
    pub fn report(
        &self,
        journal: &Journal,
        mut bad: impl FnMut(ReadError),
    ) -> Result<Report, ReportError> {
        let ledger = Ledger::read(journal, &mut bad);
        let mut unread = ledger.unread();
        let mut bad = |error| {
            unread.count(&error);
            bad(error);
        };
        let shown = self.shown(&ledger);
        let mut risk_events = self.risk_events(journal, &mut bad);
        risk_events.retain(|it| is_of(it.mode, &shown));
        let mut alerts = self.alerts(journal, &mut bad);
        alerts.retain(|it| is_of(it.mode, &shown));
        let mut refused: Vec<OrderId> = ledger.refused().map(|it| it.order_id.clone()).collect();
        let closed = ledger.closed(|error| refused.push(error.order_id));
        let open = ledger.open(|error| refused.push(error.order_id));
        let mut problems = Problems {
            unread_lines: unread.lines,
            unread_days: unread.days,
            entries_repeated: ledger.notes().entries_repeated,
            exits_replaced: ledger.notes().exits_replaced,
            ..Problems::default()
        };
        let in_range = |it: Timestamp| self.range.contains(self.zone.day(it));
        let mut books = Vec::new();
        for mode in &shown {
            let mut book = Book::of(self, *mode, &closed, &open, &mut refused)?;
            book.risk = RiskCounts::of(&risk_events, &alerts, &[*mode]);
            problems.label_conflicts += count(&book.trades, |it| it.label_conflict);
            problems.unpaired_exits += count(&book.trades, |it| !it.has_entry);
            books.push(book);
        }
        problems.sums_refused = count(&refused, |_| true);
        let not_shown = count(&closed, |it| {
            in_range(it.exited) && !shown.contains(&it.mode)
        });
        Ok(Report {
            journal: journal.identity().map(|it| it.name().to_owned()),
            made_at: journal.clock().now().to_string(),
            zone: self.zone_name.clone(),
            range: RangeRow {
                kind: self.range.kind(),
                title: self.range.to_string(),
                from: self.range.first().map(|it| it.to_string()),
                to: self.range.last().to_string(),
            },
            mode: ModeRow {
                shown: shown.iter().map(|it| it.as_str()).collect(),
                is_asked_for: self.modes != Modes::Usual,
                trades_not_shown: not_shown,
            },
            starting_equity: self.starting_equity.map(|it| it.value().to_string()),
            problems,
            orders_refused: refused.iter().map(ToString::to_string).collect(),
            books,
            risk: RiskCounts::of(&risk_events, &alerts, &shown),
            risk_events,
            alerts,
            zone_rule: self.zone.clone(),
        })
    }

    fn shown(&self, ledger: &Ledger) -> Vec<ExecutionMode> {
        match self.modes {
            Modes::Only(mode) => vec![mode],
            Modes::All => vec![ExecutionMode::Live, ExecutionMode::Paper],
            Modes::Usual if ledger.has_live() => vec![ExecutionMode::Live],
            Modes::Usual => vec![ExecutionMode::Paper],
        }
    }

    fn risk_events(&self, journal: &Journal, bad: &mut impl FnMut(ReadError)) -> Vec<RiskRow> {
        let mut rows = Vec::new();
        for entry in journal.read::<RiskEvent>() {
            let event = match entry {
                Ok(entry) => entry.record,
                Err(error) => {
                    bad(error);
                    continue;
                }
            };
            if self.range.contains(self.zone.day(event.timestamp())) {
                rows.push((event.timestamp(), RiskRow::of(&event)));
            }
        }
        in_order(rows)
    }

    fn alerts(&self, journal: &Journal, bad: &mut impl FnMut(ReadError)) -> Vec<AlertRow> {
        let mut all = Vec::new();
        for entry in journal.read::<PerformanceMetric>() {
            let metric = match entry {
                Ok(entry) => entry.record,
                Err(error) => {
                    bad(error);
                    continue;
                }
            };
            // Rolling values are written between alerts too, and an alert that is over is one as well.
            if metric.alert_triggered() || metric.event().is_some() {
                all.push((metric.timestamp(), AlertRow::of(&metric)));
            }
        }
        // An alert may have fired before the range.
        all.sort_by_key(|it| it.0);
        mark_reminders(all.iter_mut().map(|it| &mut it.1));
        let is_within = |it: &(Timestamp, _)| self.range.contains(self.zone.day(it.0));
        let rows = all.into_iter().filter(is_within);
        rows.map(|it| it.1).collect()
    }
}

impl Report {
    /// The page: one HTML file that needs nothing else.
    ///
    /// # Errors
    /// When the report cannot be written as JSON.
    pub fn page(&self) -> Result<String, serde_json::Error> {
        page::page(self)
    }

    /// How many trades were closed in the range, in all modes that are shown.
    #[must_use]
    pub fn trades(&self) -> u64 {
        self.books.iter().map(|it| it.totals.trades).sum()
    }
}

impl Report {
    /// The events of risk that are of this mode, or of none.
    fn events_of<'a>(&'a self, mode: &'a str) -> impl Iterator<Item = &'a RiskRow> + Clone {
        let events = self.risk_events.iter();
        events.filter(move |it| it.mode.is_none_or(|it| it == mode))
    }
}

impl RiskCounts {
    /// Of the rows of these modes, and of those of which no mode is known.
    fn of(events: &[RiskRow], alerts: &[AlertRow], modes: &[ExecutionMode]) -> RiskCounts {
        let events = || events.iter().filter(|it| is_of(it.mode, modes));
        let alerts = alerts.iter().filter(|it| is_of(it.mode, modes));
        let number = |it: usize| u64::try_from(it).unwrap_or(u64::MAX);
        let critical = events().filter(|it| it.is_critical());
        let warnings = events().filter(|it| !it.is_critical() && !it.is_resumption);
        RiskCounts {
            critical: number(critical.count()),
            warnings: number(warnings.count()),
            alerts: number(alerts.filter(|it| it.has_fired()).count()),
        }
    }
}

impl Problems {
    /// Those that say that something is not in the report.
    #[must_use]
    pub fn missing(self) -> u64 {
        self.unread_lines + self.unread_days + self.sums_refused
    }

    /// All of them.
    #[must_use]
    pub fn count(self) -> u64 {
        self.missing()
            + self.label_conflicts
            + self.unpaired_exits
            + self.entries_repeated
            + self.exits_replaced
    }
}

impl RiskRow {
    fn is_critical(&self) -> bool {
        self.severity == RiskSeverity::Critical.as_str()
    }

    fn of(event: &RiskEvent) -> RiskRow {
        RiskRow {
            at: event.timestamp().to_string(),
            event_type: event.event_type().to_string(),
            severity: event.severity().as_str(),
            daily_pnl: event.daily_pnl().to_string(),
            daily_pnl_pct: event.daily_pnl_pct().to_string(),
            consecutive_losses: event.consecutive_losses(),
            action_taken: event.action_taken().to_string(),
            mode: mode_of(event).map(ExecutionMode::as_str),
            is_resumption: *event.event_type() == CIRCUIT_BREAKER_RESET
                || *event.action_taken() == TRADING_RESUMED,
        }
    }
}

/// The mode that an event names beside its limits.
fn mode_of(event: &RiskEvent) -> Option<ExecutionMode> {
    let snapshot: serde_json::Value =
        serde_json::from_str(event.config_snapshot().as_str()).ok()?;
    snapshot.get("execution_mode")?.as_str()?.parse().ok()
}

/// Whether something is of one of these modes; what names none is of all.
fn is_of(mode: Option<&str>, modes: &[ExecutionMode]) -> bool {
    mode.is_none_or(|it| modes.iter().any(|one| one.as_str() == it))
}

/// A rule that goes on firing is told of again as one that fires; only what came before tells them apart.
fn mark_reminders<'a>(alerts: impl Iterator<Item = &'a mut AlertRow>) {
    let mut firing = HashSet::new();
    for alert in alerts {
        let Some(rule) = alert.rule_id.clone() else {
            continue;
        };
        let rule = (rule, alert.mode, alert.scope.clone());
        if alert.event == Some(AlertEvent::Resolved.as_str()) {
            firing.remove(&rule);
        } else {
            alert.is_reminder = !firing.insert(rule);
        }
    }
}

impl AlertRow {
    fn has_fired(&self) -> bool {
        !self.is_reminder && self.event != Some(AlertEvent::Resolved.as_str())
    }

    fn of(metric: &PerformanceMetric) -> AlertRow {
        AlertRow {
            at: metric.timestamp().to_string(),
            rule_id: metric.rule_id().map(str::to_owned),
            event: metric.event().map(|it| it.as_str()),
            is_reminder: false,
            scope: metric.scope().map(str::to_owned),
            mode: metric.execution_mode().map(|it| it.as_str()),
            message: metric.alert_message().map(str::to_owned),
        }
    }
}

/// In the order of their times: a shared stream may have them otherwise.
fn in_order<T>(mut rows: Vec<(Timestamp, T)>) -> Vec<T> {
    rows.sort_by_key(|it| it.0);
    rows.into_iter().map(|it| it.1).collect()
}

fn count<T>(of: &[T], is_counted: impl Fn(&T) -> bool) -> u64 {
    let counted = of.iter().filter(|it| is_counted(it)).count();
    u64::try_from(counted).unwrap_or(u64::MAX)
}
