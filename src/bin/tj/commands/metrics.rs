//! `tj metrics`: how the last closed trades went, or all of them.
//!
//! Always true:
//! - LIVE and PAPER have windows of their own; only a tear sheet that is asked for all of them has both,
//!   and tells them apart.
//! - With `--json` what is not defined is null, and a word says why.
//! - A line that cannot be read, and a trade that cannot be added up, are named on standard error and left
//!   out; the exit says so.
//!
//! Not here: the arithmetic, which is the library's.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::num::NonZeroU32;

use anyhow::Context as _;
use rust_decimal::Decimal;
use serde::Serialize;
use tradejournal::books::metrics::sheet::{Calendar, Excursion, SheetOptions, TearSheet};
use tradejournal::books::metrics::{Basis, Equity, Exact, Rolling, RollingMetrics, ScopeKind};
use tradejournal::books::{ClosedTrade, Closing, PairNotes, SumError};
use tradejournal::desk::{Ledger, Unread};
use tradejournal::journal::Journal;
use tradejournal::record::Stream;
use tradejournal::record::field::{ExecutionMode, OrderId};
use tradejournal::time::{Clock, SystemClock, Timestamp};

use super::Context;
use crate::args::{Metrics, SheetFlags};
use crate::cache;
use crate::complaint::{inexact, unread};
use crate::failure::{Failure, Verdict};
use crate::journal;
use crate::output::{Talk, printable};
use crate::spark::spark;
use crate::table::{Column, Table};
use crate::when;

/// As many results as a sparkline shows.
const SPARK_LEN: usize = 24;

pub(crate) fn run(args: &Metrics, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let asked = Asked::new(args, context)?;
    let journal = journal::for_reading(&context.settings)?;
    if args.sheet.excursions.is_some() {
        // A file of somebody else, of which nobody knows when it changes.
        return asked.compute(args, &journal, context);
    }
    let known = cache::Asked {
        name: "metrics",
        streams: &[Stream::Trades],
        with: format!(
            "{asked:?} {:?} {:?}",
            context.settings.zone.value,
            (args.series, args.tear_sheet, &args.sheet)
        ),
    };
    let compute = |context: &mut Context<'_>| asked.compute(args, &journal, context);
    cache::answered(&known, &journal, context, compute)
}

/// What was asked for, with what the settings say.
#[derive(Debug)]
struct Asked {
    window: NonZeroU32,
    equity: Option<Equity>,
    basis: Basis,
    mode: Option<ExecutionMode>,
    is_all: bool,
    by: ScopeKind,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

/// A window: its mode, and what its trades have in common beside it.
type Key = (ExecutionMode, String);

impl Asked {
    fn new(args: &Metrics, context: &Context<'_>) -> anyhow::Result<Asked> {
        let settings = &context.settings;
        let (zone, now) = (settings.zone.value, SystemClock.now());
        let from = args.from.as_ref().map(|it| when::from(it, zone, now));
        let to = args.to.as_ref().map(|it| when::to(it, zone, now));
        let (from, to) = (from.transpose()?, to.transpose()?);
        if from.zip(to).is_some_and(|(from, to)| to <= from) {
            return Err(Failure::usage("--from is not before --to").into());
        }
        let equity = args.starting_equity.map(Equity::new).transpose();
        let equity = equity.map_err(|error| Failure::usage(error.to_string()))?;
        let mode = args.mode.as_deref().map(str::to_uppercase);
        Ok(Asked {
            window: args.window.unwrap_or(settings.metrics.window),
            equity: equity.or(settings.metrics.starting_equity),
            basis: match args.basis.as_deref() {
                Some("gross") => Basis::Gross,
                Some(_) => Basis::Net,
                None => settings.metrics.basis,
            },
            is_all: mode.as_deref() == Some("ALL"),
            mode: mode.and_then(|it| it.parse().ok()),
            by: match args.by.as_deref() {
                Some("strategy") => ScopeKind::Strategy,
                Some("symbol") => ScopeKind::Symbol,
                Some("account") => ScopeKind::Account,
                // Each mode has its own window in any case.
                _ => ScopeKind::All,
            },
            from,
            to,
        })
    }

    fn compute(
        &self,
        args: &Metrics,
        journal: &Journal,
        context: &mut Context<'_>,
    ) -> anyhow::Result<Verdict> {
        let talk = context.talk;
        let ledger = Ledger::read(journal, |error| unread(talk, error));
        ledger.refused().for_each(|it| inexact(talk, it));
        let mut strange = Strange::of(&ledger);
        let verdict = match (args.tear_sheet, args.series) {
            (true, _) => {
                let trades = self.of_those(ledger.each_closed(), &mut strange, talk);
                self.tear_sheet(trades.collect(), &args.sheet, context)?
            }
            (false, is_series) => {
                let trades = self.of_those(ledger.each_closing(), &mut strange, talk);
                match is_series {
                    true => self.series(trades, context)?,
                    false => self.windows(trades, context)?,
                }
            }
        };
        strange.tell(context.talk);
        if verdict == Verdict::Found && strange.trades == 0 {
            talk.note("no closed trade");
        }
        Ok(verdict.and(Verdict::found(strange.is_something_missing())))
    }

    /// The trades that are asked for, each looked at.
    fn of_those<T>(
        &self,
        trades: impl Iterator<Item = Result<T, SumError>>,
        strange: &mut Strange,
        talk: &Talk,
    ) -> impl Iterator<Item = T>
    where
        for<'a> Look: From<&'a T>,
    {
        trades.filter_map(move |trade| match trade {
            Ok(trade) => {
                let look = Look::from(&trade);
                if !self.wants(&look) {
                    return None;
                }
                if !self.is_before(look.exited) {
                    strange.look_at(&look);
                }
                Some(trade)
            }
            Err(error) => {
                strange.refused += 1;
                inexact(talk, &error);
                None
            }
        })
    }

    fn wants(&self, trade: &Look) -> bool {
        self.mode.is_none_or(|mode| trade.mode == mode)
            && self.to.is_none_or(|to| trade.exited < to)
    }

    /// A trade before the range is in no window, but it moved the account.
    fn is_before(&self, exited: Timestamp) -> bool {
        self.from.is_some_and(|from| exited < from)
    }

    fn begin(&self) -> RollingMetrics {
        let metrics = match self.equity {
            Some(equity) => RollingMetrics::new(self.window, equity),
            None => RollingMetrics::without_equity(self.window),
        };
        metrics.basis(self.basis)
    }

    /// Moves each trade's window, and shows it.
    fn roll<'a>(
        &self,
        trades: impl Iterator<Item = Closing<'a>>,
        mut show: impl FnMut(&Closing<'_>, &End) -> anyhow::Result<()>,
    ) -> anyhow::Result<BTreeMap<Key, End>> {
        let mut windows: BTreeMap<ExecutionMode, BTreeMap<String, End>> = BTreeMap::new();
        for trade in trades {
            let of_mode = windows.entry(trade.mode()).or_default();
            let key = trade.scope(self.by).unwrap_or("-");
            let end = match of_mode.get_mut(key) {
                Some(end) => end,
                None => of_mode.entry(key.to_owned()).or_insert_with(|| End {
                    metrics: self.begin(),
                    last: None,
                    results: VecDeque::new(),
                }),
            };
            let (result, is_before) = (trade.result(self.basis), self.is_before(trade.exited()));
            let taken = match is_before {
                true => end.metrics.skip(result),
                false => end.metrics.take_result(result),
            };
            taken.with_context(|| format!("cannot count order {}", trade.order_id()))?;
            if is_before {
                continue;
            }
            end.last = Some(trade.exited());
            if SPARK_LEN <= end.results.len() {
                end.results.pop_front();
            }
            end.results.push_back(result);
            show(&trade, end)?;
        }
        let all = windows
            .into_iter()
            .flat_map(|(mode, ends)| ends.into_iter().map(move |(key, end)| ((mode, key), end)));
        Ok(all.filter(|(_, end)| end.last.is_some()).collect())
    }

    fn series<'a>(
        &self,
        trades: impl Iterator<Item = Closing<'a>>,
        context: &mut Context<'_>,
    ) -> anyhow::Result<Verdict> {
        let zone = context.settings.zone.value;
        let json = context.settings.json;
        let out = &mut *context.out;
        let mut table = series_table();
        let ends = self.roll(trades, |trade, end| {
            let values = end.metrics.values()?;
            if json {
                return out.json(&Point::new(trade, &values, self.by));
            }
            let mut row = vec![
                when::shown(trade.exited(), zone),
                trade.order_id().to_owned(),
                trade.mode().to_string(),
                values.total_trades.to_string(),
            ];
            row.extend(cells(&values));
            table.push(row);
            Ok(())
        })?;
        if !json && !ends.is_empty() {
            table.print(context.out)?;
        }
        Ok(Verdict::found(ends.is_empty()))
    }

    fn windows<'a>(
        &self,
        trades: impl Iterator<Item = Closing<'a>>,
        context: &mut Context<'_>,
    ) -> anyhow::Result<Verdict> {
        let ends = self.roll(trades, |_, _| Ok(()))?;
        match context.settings.json {
            true => self.windows_json(&ends, context)?,
            false => self.windows_table(&ends, context)?,
        }
        Ok(Verdict::found(ends.is_empty()))
    }

    fn windows_json(
        &self,
        ends: &BTreeMap<Key, End>,
        context: &mut Context<'_>,
    ) -> anyhow::Result<()> {
        if ends.is_empty() {
            let values = self.begin().values()?;
            return context
                .out
                .json(&WindowRow::new(None, self.by, &values, None));
        }
        for (key, end) in ends {
            let values = end.metrics.values()?;
            let row = WindowRow::new(Some(key), self.by, &values, end.last);
            context.out.json(&row)?;
        }
        Ok(())
    }

    fn windows_table(
        &self,
        ends: &BTreeMap<Key, End>,
        context: &mut Context<'_>,
    ) -> anyhow::Result<()> {
        if ends.is_empty() {
            return Ok(());
        }
        let mut table = Table::new(vec![
            Column::left("mode"),
            Column::text(self.by.name()),
            Column::right("trades"),
            Column::right("net"),
            Column::right("win rate"),
            Column::right("profit factor"),
            Column::right("drawdown %"),
            Column::right("losses in a row"),
            Column::left("results"),
        ]);
        for ((mode, key), end) in ends {
            let values = end.metrics.values()?;
            let mut sum = Decimal::ZERO;
            let curve: Vec<Decimal> = end
                .results
                .iter()
                .map(|it| {
                    sum = sum.saturating_add(*it);
                    sum
                })
                .collect();
            let of = match self.by {
                ScopeKind::All => "trades",
                _ => key.as_str(),
            };
            let mut row = vec![
                mode.to_string(),
                of.to_owned(),
                format!("{} of {}", values.total_trades, values.window_size),
            ];
            row.extend(cells(&values));
            row.push(spark(&curve));
            table.push(row);
        }
        table.print(context.out)?;
        if self.equity.is_none() {
            context
                .out
                .line("without a starting equity there is no drawdown: --starting-equity, or [metrics] in tj.toml")?;
        }
        Ok(())
    }

    fn tear_sheet(
        &self,
        mut trades: Vec<ClosedTrade>,
        flags: &SheetFlags,
        context: &mut Context<'_>,
    ) -> anyhow::Result<Verdict> {
        let has_live = trades.iter().any(|it| it.mode == ExecutionMode::Live);
        if self.mode.is_none() && !self.is_all && has_live {
            let all = trades.len();
            trades.retain(|it| it.mode == ExecutionMode::Live);
            if trades.len() < all {
                context
                    .talk
                    .note("the LIVE trades alone; --mode all has the PAPER ones as well");
            }
        }
        let mut refused = Vec::new();
        let mut earned = Exact::ZERO;
        for trade in trades.iter().filter(|it| self.is_before(it.exited)) {
            match earned.checked_add(self.basis.of(trade).into()) {
                Some(sum) => earned = sum,
                None => refused.push(trade.order_id.clone()),
            }
        }
        trades.retain(|it| !self.is_before(it.exited));
        let mut options = SheetOptions::default();
        options.basis = self.basis;
        options.starting_equity = self.equity;
        options.earned_before = earned;
        options.zone = context.settings.days();
        if flags.calendar.as_deref() == Some("all") {
            options.calendar = Calendar::All;
        }
        if let Some(periods) = flags.periods {
            options.periods_per_year = Some(periods.get());
        }
        options.rf = flags.rf.unwrap_or_default();
        if let Some(path) = &flags.excursions {
            options.excursions = Some(excursions(path)?);
        }
        let sheet = TearSheet::of_what_fits(&mut trades, &options, |it| refused.push(it));
        let sheet = sheet.context("cannot make the tear sheet")?;
        for order in &refused {
            let text = format!("order {order} is too large to be added exactly; it counts nowhere");
            context.talk.error(&printable(&text));
        }
        match context.settings.json {
            true => context.out.json(&sheet)?,
            false => crate::sheet_view::print(&sheet, context.out)?,
        }
        Ok(Verdict::found(trades.is_empty() || !refused.is_empty()))
    }
}

/// How a window ended.
struct End {
    metrics: RollingMetrics,
    /// When its newest trade was closed; none of its trades may be in the range.
    last: Option<Timestamp>,
    /// The newest results, for the sparkline.
    results: VecDeque<Decimal>,
}

/// What is looked at of every trade.
struct Look {
    mode: ExecutionMode,
    exited: Timestamp,
    has_entry: bool,
    label_conflict: bool,
}

impl From<&ClosedTrade> for Look {
    fn from(trade: &ClosedTrade) -> Look {
        Look {
            mode: trade.mode,
            exited: trade.exited,
            has_entry: trade.has_entry,
            label_conflict: trade.label_conflict,
        }
    }
}

impl From<&Closing<'_>> for Look {
    fn from(trade: &Closing<'_>) -> Look {
        Look {
            mode: trade.mode(),
            exited: trade.exited(),
            has_entry: trade.has_entry(),
            label_conflict: trade.label_conflict(),
        }
    }
}

/// What somebody should know before he believes a number.
struct Strange {
    unread: Unread,
    refused: u64,
    notes: PairNotes,
    /// How many trades were looked at.
    trades: u64,
    conflicts: u64,
    lone: u64,
}

impl Strange {
    fn of(ledger: &Ledger) -> Strange {
        Strange {
            unread: ledger.unread(),
            refused: ledger.refused().count() as u64,
            notes: ledger.notes(),
            trades: 0,
            conflicts: 0,
            lone: 0,
        }
    }

    fn look_at(&mut self, trade: &Look) {
        self.trades += 1;
        self.conflicts += u64::from(trade.label_conflict);
        self.lone += u64::from(!trade.has_entry);
    }

    fn is_something_missing(&self) -> bool {
        !self.unread.is_nothing() || self.refused != 0
    }

    fn tell(&self, talk: &Talk) {
        for (count, one, many) in [
            (
                self.unread.days,
                "1 day could not be read to its end: trades are missing",
                "days could not be read to their ends: trades are missing",
            ),
            (
                self.unread.lines,
                "1 line could not be read and is left out",
                "lines could not be read and are left out",
            ),
            (
                self.refused,
                "1 trade has sums that do not fit and is left out",
                "trades have sums that do not fit and are left out",
            ),
            (
                self.notes.entries_repeated,
                "1 entry repeats an order id; the first counts",
                "entries repeat an order id; the first counts",
            ),
            (
                self.notes.exits_replaced,
                "1 exit was replaced by a later one",
                "exits were replaced by later ones",
            ),
            (
                self.conflicts,
                "1 trade is labelled as something else than its net result",
                "trades are labelled as something else than their net results",
            ),
            (
                self.lone,
                "1 exit has no entry in the journal and counts by itself",
                "exits have no entry in the journal and count by themselves",
            ),
        ] {
            match count {
                0 => {}
                1 => talk.note(one),
                _ => talk.note(&format!("{count} {many}")),
            }
        }
    }
}

/// What a window comes to, in the columns that both tables have.
fn cells(values: &Rolling) -> [String; 5] {
    [
        values.net_profit.to_string(),
        shown(values.win_rate),
        factor(values),
        shown(values.max_drawdown_pct),
        values.consecutive_losses.to_string(),
    ]
}

fn series_table() -> Table {
    Table::new(vec![
        Column::left("closed"),
        Column::text("order"),
        Column::left("mode"),
        Column::right("trades"),
        Column::right("net"),
        Column::right("win rate"),
        Column::right("profit factor"),
        Column::right("drawdown %"),
        Column::right("losses in a row"),
    ])
}

/// A ratio for people, to four places.
fn shown(value: Option<Decimal>) -> String {
    value.map_or_else(
        || "-".to_owned(),
        |it| it.round_dp(4).normalize().to_string(),
    )
}

/// A profit factor for people.
fn factor(values: &Rolling) -> String {
    let is_endless = values.profit_factor.is_none() && values.wins != 0;
    match is_endless {
        true => "\u{221e}".to_owned(),
        false => shown(values.profit_factor),
    }
}

fn text(value: Option<Decimal>) -> Option<String> {
    value.map(|it| it.to_string())
}

/// What `--series --json` prints for each closed trade.
#[derive(Serialize)]
struct Point<'a> {
    order_id: &'a str,
    exit_timestamp: String,
    total_trades: u32,
    win_rate: Option<String>,
    profit_factor: Option<String>,
    profit_factor_status: Option<String>,
    max_drawdown_pct: Option<String>,
    consecutive_losses: u32,
    gross_profit: String,
    gross_loss: String,
    net_profit: String,
    execution_mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
}

impl<'a> Point<'a> {
    fn new(trade: &'a Closing<'_>, values: &Rolling, by: ScopeKind) -> Point<'a> {
        Point {
            order_id: trade.order_id(),
            exit_timestamp: trade.exited().to_string(),
            total_trades: values.total_trades,
            win_rate: text(values.win_rate),
            profit_factor: text(values.profit_factor),
            profit_factor_status: values.profit_factor_status.map(|it| it.word().to_string()),
            max_drawdown_pct: text(values.max_drawdown_pct),
            consecutive_losses: values.consecutive_losses,
            gross_profit: values.gross_profit.to_string(),
            gross_loss: values.gross_loss.to_string(),
            net_profit: values.net_profit.to_string(),
            execution_mode: trade.mode().as_str(),
            scope: (by != ScopeKind::All).then(|| trade.scope(by).unwrap_or("-")),
        }
    }
}

/// What `--json` prints for each window.
#[derive(Serialize)]
struct WindowRow {
    execution_mode: Option<&'static str>,
    scope: String,
    window_size: u32,
    total_trades: u32,
    wins: u32,
    losses: u32,
    breakevens: u32,
    win_rate: Option<String>,
    profit_factor: Option<String>,
    profit_factor_status: Option<String>,
    max_drawdown_pct: Option<String>,
    max_drawdown_pct_status: Option<&'static str>,
    consecutive_losses: u32,
    gross_profit: String,
    gross_loss: String,
    net_profit: String,
    exit_timestamp: Option<String>,
}

impl WindowRow {
    fn new(
        key: Option<&Key>,
        by: ScopeKind,
        values: &Rolling,
        last: Option<Timestamp>,
    ) -> WindowRow {
        let scope = key.map(|it| it.1.as_str()).filter(|_| by != ScopeKind::All);
        WindowRow {
            execution_mode: key.map(|it| it.0.as_str()),
            scope: scope.map_or_else(|| by.name().to_owned(), |it| format!("{}:{it}", by.name())),
            window_size: values.window_size,
            total_trades: values.total_trades,
            wins: values.wins,
            losses: values.losses,
            breakevens: values.breakevens,
            win_rate: text(values.win_rate),
            profit_factor: text(values.profit_factor),
            profit_factor_status: values.profit_factor_status.map(|it| it.word().to_string()),
            max_drawdown_pct: text(values.max_drawdown_pct),
            max_drawdown_pct_status: values
                .max_drawdown_pct
                .is_none()
                .then_some("no_starting_equity"),
            consecutive_losses: values.consecutive_losses,
            gross_profit: values.gross_profit.to_string(),
            gross_loss: values.gross_loss.to_string(),
            net_profit: values.net_profit.to_string(),
            exit_timestamp: last.map(|it| it.to_string()),
        }
    }
}

/// How far orders were behind and ahead, from a CSV with a header.
fn excursions(path: &std::path::Path) -> anyhow::Result<HashMap<OrderId, Excursion>> {
    let cannot = || format!("cannot read the excursions in {}", path.display());
    let mut reader = csv::Reader::from_path(path).with_context(cannot)?;
    let headers = reader.headers().with_context(cannot)?.clone();
    let column = |name: &str| {
        headers
            .iter()
            .position(|it| it.trim() == name)
            .ok_or_else(|| {
                Failure::new(format!("{} has no column {name}", path.display()))
                    .hint("the first line is order_id,mae,mfe")
            })
    };
    let columns = [column("order_id")?, column("mae")?, column("mfe")?];
    let mut all = HashMap::new();
    for row in reader.records() {
        let row = row.with_context(cannot)?;
        let number = row.position().map_or(0, csv::Position::line);
        let [id, mae, mfe] = columns.map(|it| row.get(it).unwrap_or_default().trim());
        let wrong = |what: &str| Failure::new(format!("{} line {number}: {what}", path.display()));
        let id: OrderId = id.parse().map_err(|_| wrong("the order_id is blank"))?;
        let decimal = |name: &str, text: &str| {
            let parsed = text.parse::<Decimal>();
            parsed.map_err(|_| wrong(&format!("{name} must be a decimal, got {text:?}")))
        };
        let excursion = Excursion {
            mae: decimal("mae", mae)?,
            mfe: decimal("mfe", mfe)?,
        };
        if Decimal::ZERO < excursion.mae || excursion.mfe < Decimal::ZERO {
            return Err(wrong("mae is 0 or less, mfe 0 or more").into());
        }
        if all.insert(id, excursion).is_some() {
            return Err(wrong("the order_id is there twice").into());
        }
    }
    Ok(all)
}
