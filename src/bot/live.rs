//! Metrics while a bot trades: each closed trade moves its windows, and what a rule tells is journaled.
//!
//! Always true:
//! - A trade is journaled before it is counted, and nothing here stops or delays it: alerts are handed to
//!   the commit thread of their own stream, and what goes wrong with them is kept for
//!   [`LiveMetrics::troubles`].
//! - Opened again, it stands where it stood, out of the journal alone. What was told is not told again; what
//!   a crash kept from being told is told then.
//! - Metrics bear the time of the trade that they end with, so a replay gives the same ones.
//!
//! Not here: the rules (`books::metrics`), and limits that refuse a trade.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::books::metrics::{
    Alert, Books, RollingError, Rule, RuleError, ScopeKind, Told, Windows,
};
use crate::books::{ClosedTrade, Pairing, Step, SumError, Zone};
use crate::journal::{
    Ack, AppendError, Journal, OpenError, ReadError, Receipt, Troubles, Writer, WriterOptions,
    chain_of,
};
use crate::record::field::{AlertEvent, ExecutionMode};
use crate::record::{PerformanceMetric, TradeRecord};
use crate::time::{Day, Timestamp};

/// Which metrics are journaled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Every {
    /// Those with news: a rule fired or was over.
    #[default]
    Alert,
    /// Those of every closed trade, and the news.
    Trade,
    /// The last ones of every day with a closed trade, and the news.
    Day,
}

/// What is counted, and what is told of it.
#[derive(Clone, Debug)]
pub struct LiveOptions {
    /// What all windows have in common.
    pub windows: Windows,
    /// What has windows of its own.
    pub scopes: Vec<ScopeKind>,
    /// The rules of each window.
    pub rules: Vec<Rule>,
    /// Which metrics are journaled.
    pub every: Every,
    /// Where days begin.
    pub zone: Zone,
}

/// Windows and rules beside a bot's trades.
///
/// ```no_run
/// # use tradejournal::bot::{LiveMetrics, LiveOptions};
/// # use tradejournal::{Journal, TradeRecord};
/// # fn trade(journal: &Journal, options: LiveOptions, exit: &TradeRecord)
/// # -> Result<(), Box<dyn std::error::Error>> {
/// let trades = journal.writer::<TradeRecord>()?;
/// let live = LiveMetrics::open(journal, options)?;
/// let receipt = live.append(&trades, exit)?;
/// # drop(receipt);
/// for trouble in live.troubles() {
///     eprintln!("{trouble}");
/// }
/// live.close()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct LiveMetrics {
    writer: Writer<PerformanceMetric>,
    state: Mutex<State>,
}

/// Why metrics cannot be kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LiveError {
    /// A rule does not go with the windows, or with another rule.
    #[error("begin the windows and their rules")]
    Rule(#[source] RuleError),
    /// The stream of the metrics cannot be written.
    #[error("open the performance alerts")]
    Open(#[source] OpenError),
    /// The journal cannot be read.
    #[error("count the trades of the journal")]
    Read(#[source] ReadError),
    /// The sums of a trade are too large.
    #[error("count the trades of the journal")]
    Sum(#[source] SumError),
    /// A result does not fit into a window.
    #[error("count the trades of the journal")]
    Rolling(#[source] RollingError),
}

#[derive(Debug)]
struct State {
    options: LiveOptions,
    pairing: Pairing,
    books: Books,
    next_place: u64,
    told: History,
    /// Of a day that is not over, the newest metrics of each window.
    unwritten: BTreeMap<Key, PerformanceMetric>,
    acks: VecDeque<Ack>,
    troubles: Troubles,
}

/// A window: its mode and its scope.
type Key = (ExecutionMode, String);

/// What the stream has.
#[derive(Debug, Default)]
struct History {
    /// The newest event of a rule for a window.
    events: BTreeMap<(Key, String), AlertEvent>,
    /// The newest time of metrics without an event.
    metrics: BTreeMap<Key, Timestamp>,
}

impl LiveMetrics {
    /// Counts the trades of the journal, and goes on from there.
    ///
    /// # Errors
    /// [`LiveError`].
    pub fn open(journal: &Journal, options: LiveOptions) -> Result<LiveMetrics, LiveError> {
        // Several bots of one journal tell of their alerts.
        let shared = WriterOptions::default().shared(true);
        let writer = journal.writer_with(&shared).map_err(LiveError::Open)?;
        let mut state = State {
            pairing: Pairing::new(),
            books: options.begin()?,
            options,
            next_place: 0,
            told: History::read(journal)?,
            unwritten: BTreeMap::new(),
            acks: VecDeque::new(),
            troubles: Troubles::default(),
        };
        state.read(journal)?;
        state.recount()?;
        state.settle(&writer, Some(journal.clock().now()));
        Ok(LiveMetrics {
            writer,
            state: Mutex::new(state),
        })
    }

    /// Appends a trade record and counts it.
    ///
    /// # Errors
    /// Those of the append alone: then nothing was counted.
    pub fn append(
        &self,
        writer: &Writer<TradeRecord>,
        record: &TradeRecord,
    ) -> Result<Receipt, AppendError> {
        let receipt = writer.append(record)?;
        self.observe(record);
        Ok(receipt)
    }

    /// Counts a trade record that is in the journal. What it changes is told by the time this returns, or a
    /// moment later.
    pub fn observe(&self, record: &TradeRecord) {
        self.lock().observe(record, &self.writer);
    }

    /// What went wrong since this was called last: alerts that could not be written, and trades that could
    /// not be counted.
    pub fn troubles(&self) -> Vec<String> {
        let mut state = self.lock();
        state.look_at_acks();
        for trouble in self.writer.troubles() {
            state.troubles.keep(trouble);
        }
        state.troubles.take()
    }

    /// Waits until all that was told is on disk.
    ///
    /// # Errors
    /// The first alert that could not be written, and what the writer says.
    pub fn close(self) -> Result<(), AppendError> {
        let mut state = self
            .state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let mut first = Ok(());
        for ack in state.acks.drain(..) {
            let answer = ack.wait();
            if first.is_ok() {
                first = answer.map(drop);
            }
        }
        let closed = self.writer.close();
        first.and(closed)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LiveOptions {
    fn begin(&self) -> Result<Books, LiveError> {
        let (windows, scopes) = (self.windows.clone(), self.scopes.clone());
        Books::new(windows, scopes, self.rules.clone()).map_err(LiveError::Rule)
    }
}

impl State {
    /// A bad line is left out, and told; a disk that cannot be read is another matter.
    fn read(&mut self, journal: &Journal) -> Result<(), LiveError> {
        let mut failed = Ok(());
        journal.read::<TradeRecord>().visit(|entry| {
            match entry {
                Ok(entry) => {
                    if let Err(error) = self.pair(entry.record) {
                        self.troubles.keep(error.to_string());
                    }
                }
                Err(error) if error.position().is_some() => {
                    self.troubles
                        .keep(format!("not counted: {}", chain_of(&error)));
                }
                Err(error) => {
                    failed = Err(LiveError::Read(error));
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        });
        failed
    }

    fn pair(&mut self, record: &TradeRecord) -> Result<Step, SumError> {
        let place = self.next_place;
        self.next_place += 1;
        self.pairing.take(record, place)
    }

    /// Counts all closed trades anew, and tells nothing.
    fn recount(&mut self) -> Result<(), LiveError> {
        let closed = self.pairing.closed().map_err(LiveError::Sum)?;
        self.books = self.options.begin()?;
        self.unwritten.clear();
        for trade in &closed {
            let keeps = self.options.every != Every::Alert;
            let unwritten = &mut self.unwritten;
            let keep = |told: &Told<'_>, alert: Option<Alert>| {
                if keeps
                    && alert.is_none()
                    && let Ok(metric) = told.record(None)
                {
                    unwritten.insert(key_of(told), metric);
                }
            };
            self.books.take(trade, keep).map_err(LiveError::Rolling)?;
        }
        Ok(())
    }

    /// Tells what the stream does not have: how each rule stands, if that is not what it told last, and the
    /// metrics that are due.
    fn settle(&mut self, writer: &Writer<PerformanceMetric>, now: Option<Timestamp>) {
        let mut due: Vec<PerformanceMetric> = Vec::new();
        let (events, mut troubles) = (&self.told.events, Vec::new());
        self.books.standings(|told, rule, is_firing, alert| {
            let key = (key_of(told), rule.id().to_string());
            let was_firing = events.get(&key) == Some(&AlertEvent::Fired);
            if is_firing != was_firing {
                match told.record(Some(&alert())) {
                    Ok(metric) => due.push(metric),
                    Err(error) => troubles.push(error.to_string()),
                }
            }
        });
        troubles.into_iter().for_each(|it| self.troubles.keep(it));
        due.sort_by_key(PerformanceMetric::timestamp);
        for metric in due {
            self.write(&metric, writer);
        }
        if let Some(now) = now {
            self.write_unwritten(writer, Some(self.options.zone.day(now)));
        }
    }

    /// Writes the metrics that were kept back and are due: with [`Every::Day`] those of days before `today`.
    fn write_unwritten(&mut self, writer: &Writer<PerformanceMetric>, today: Option<Day>) {
        let zone = self.options.zone.clone();
        let is_day = self.options.every == Every::Day;
        let (due, kept) =
            std::mem::take(&mut self.unwritten)
                .into_iter()
                .partition(|(_, metric)| {
                    !is_day || today.is_none_or(|it| zone.day(metric.timestamp()) < it)
                });
        let due: BTreeMap<Key, PerformanceMetric> = due;
        self.unwritten = kept;
        for (key, metric) in due {
            let is_new = self
                .told
                .metrics
                .get(&key)
                .is_none_or(|it| *it < metric.timestamp());
            if is_new {
                self.write(&metric, writer);
            }
        }
    }

    fn observe(&mut self, record: &TradeRecord, writer: &Writer<PerformanceMetric>) {
        self.look_at_acks();
        match self.pair(record) {
            Ok(Step::Closed(trade)) => self.count(&trade, writer),
            Ok(Step::Revised) => {
                match self.recount() {
                    Ok(()) => self.settle(writer, None),
                    Err(error) => self.troubles.keep_error(&error),
                };
            }
            Ok(_) => {}
            Err(error) => self.troubles.keep(error.to_string()),
        }
    }

    fn count(&mut self, trade: &ClosedTrade, writer: &Writer<PerformanceMetric>) {
        if self.options.every == Every::Day {
            self.write_unwritten(writer, Some(self.options.zone.day(trade.exited)));
        }
        let every = self.options.every;
        let (mut due, mut kept, mut troubles) = (Vec::new(), Vec::new(), Vec::new());
        let tell = |told: &Told<'_>, alert: Option<Alert>| {
            if alert.is_none() && every == Every::Alert {
                return;
            }
            match (told.record(alert.as_ref()), every) {
                (Ok(metric), Every::Day) if alert.is_none() => kept.push((key_of(told), metric)),
                (Ok(metric), _) => due.push(metric),
                (Err(error), _) => troubles.push(error.to_string()),
            }
        };
        if let Err(error) = self.books.take(trade, tell) {
            troubles.push(format!("order {}: {error}", trade.order_id));
        }
        self.unwritten.extend(kept);
        troubles.into_iter().for_each(|it| self.troubles.keep(it));
        for metric in due {
            self.write(&metric, writer);
        }
    }

    fn write(&mut self, metric: &PerformanceMetric, writer: &Writer<PerformanceMetric>) {
        self.told.take(metric);
        match writer.submit(metric) {
            Ok(ack) => self.acks.push_back(ack),
            Err(error) => self.troubles.keep_error(&error),
        }
    }

    /// Keeps what became of alerts that failed; those that are on disk are done with.
    fn look_at_acks(&mut self) {
        while let Some(answer) = self.acks.front().and_then(Ack::answer) {
            self.acks.pop_front();
            if let Err(error) = answer {
                self.troubles.keep_error(&error);
            }
        }
    }
}

impl History {
    fn read(journal: &Journal) -> Result<History, LiveError> {
        let mut history = History::default();
        let mut failed = Ok(());
        journal
            .read::<PerformanceMetric>()
            .visit(|entry| match entry {
                Ok(entry) => {
                    history.take(entry.record);
                    ControlFlow::Continue(())
                }
                Err(error) => {
                    failed = Err(LiveError::Read(error));
                    ControlFlow::Break(())
                }
            });
        failed.map(|()| history)
    }

    fn take(&mut self, metric: &PerformanceMetric) {
        let (Some(mode), Some(scope)) = (metric.execution_mode(), metric.scope()) else {
            return;
        };
        let key = (mode, scope.to_owned());
        match (metric.rule_id(), metric.event()) {
            (Some(rule), Some(event)) => {
                self.events.insert((key, rule.to_owned()), event);
            }
            _ => {
                let newest = self.metrics.entry(key).or_insert(metric.timestamp());
                *newest = metric.timestamp().max(*newest);
            }
        }
    }
}

fn key_of(told: &Told<'_>) -> Key {
    (told.mode(), told.scope())
}
