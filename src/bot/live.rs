//! Metrics while a bot trades: each closed trade moves its windows, and what a rule tells is journaled.
//!
//! Always true:
//! - A trade is journaled before it is counted, and nothing here stops or delays it: alerts are written by a
//!   thread of their own, in order, which tries again what it cannot write (`teller`), and what goes wrong
//!   with them is kept for [`LiveMetrics::troubles`].
//! - Windows are those of a replay in the order of the exits, whatever the order in which these come
//!   (`counted`). So, opened again, it stands where it stood, out of the journal alone.
//! - What was told is not told again. What a crash kept from being told is told then, one after the other,
//!   as far as the stream shows where it ended (`history`, `news`); how it stands is told in any case.
//! - After a correction, or an exit that comes late, what differs from what was told last is told. What was
//!   told stays.
//! - Metrics bear the time of the trade that they end with, so a replay gives the same ones.
//!
//! Not here: the rules (`books::metrics`), and limits that refuse a trade.

mod counted;
mod history;
mod news;
mod teller;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::books::metrics::{Alert, Books, Rule, RuleError, ScopeKind, Told, Windows};
use crate::books::{ClosedTrade, Pairing, Step, SumError, Zone};
use crate::journal::{
    AppendError, Journal, OpenError, ReadError, Receipt, Troubles, Writer, chain_of,
};
use crate::record::{PerformanceMetric, TradeRecord};
use crate::time::Day;

use counted::Counted;
use history::{History, Key, key_of};
use news::{Due, News};
use teller::Teller;

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
    /// What was told before cannot be read.
    #[error("read which performance alerts were told")]
    ReadTold(#[source] ReadError),
    /// Something that was told could not be written.
    #[error("write the performance alerts")]
    Append(#[source] AppendError),
    /// So many could not be written that no more are kept.
    #[error("{waiting} performance alerts wait to be written: one more was given up")]
    Full {
        /// How many wait.
        waiting: usize,
    },
    /// Their thread ended early, which is a mistake in this library.
    #[error("the thread that writes the performance alerts has panicked")]
    Panicked,
    /// This process is a fork of the one that opened them.
    #[error("performance alerts are written by the process that opened them, not by its fork")]
    Forked,
}

#[derive(Debug)]
struct State {
    options: LiveOptions,
    pairing: Pairing,
    counted: Counted,
    next_place: u64,
    /// The newest day that was begun.
    today: Day,
    /// Of that day, the newest metrics of each window, with [`Every::Day`].
    kept: BTreeMap<Key, PerformanceMetric>,
    teller: Teller,
    troubles: Troubles,
}

impl LiveMetrics {
    /// Counts the trades of the journal, and goes on from there.
    ///
    /// # Errors
    /// [`LiveError`].
    pub fn open(journal: &Journal, options: LiveOptions) -> Result<LiveMetrics, LiveError> {
        let empty = options.begin()?;
        let mut troubles = Troubles::default();
        // Order matters: the writer first, since opening it mends a tail that a crash left.
        let writer = teller::writer(journal).map_err(LiveError::Open)?;
        let told = History::read(journal, &mut troubles)?;
        let teller = Teller::start(journal, writer, told).map_err(LiveError::Open)?;
        let mut state = State {
            pairing: Pairing::new(),
            counted: Counted::new(empty),
            next_place: 0,
            today: options.zone.day(journal.clock().now()),
            kept: BTreeMap::new(),
            options,
            teller,
            troubles,
        };
        state.read(journal)?;
        state.recount()?;
        Ok(LiveMetrics {
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

    /// Counts a trade record that is in the journal. What it changes is told a moment later.
    pub fn observe(&self, record: &TradeRecord) {
        self.lock().observe(record);
    }

    /// What went wrong since this was called last: alerts that could not be written, and trades that could
    /// not be counted.
    pub fn troubles(&self) -> Vec<String> {
        let mut state = self.lock();
        for trouble in state.teller.troubles() {
            state.troubles.keep(trouble);
        }
        state.troubles.take()
    }

    /// Waits until all that was told is on disk; what could not be written is tried once more.
    ///
    /// # Errors
    /// Why the first alert that is not in the journal could not be written, however long ago that was; and
    /// what the writer says.
    pub fn close(self) -> Result<(), LiveError> {
        let state = self.state.into_inner();
        let state = state.unwrap_or_else(PoisonError::into_inner);
        state.teller.close()
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

    fn observe(&mut self, record: &TradeRecord) {
        match self.pair(record) {
            Ok(Step::Closed(trade)) if self.counted.is_late(&trade) => self.insert(*trade),
            Ok(Step::Closed(trade)) => self.count(*trade),
            Ok(Step::Revised) => {
                if let Err(error) = self.recount() {
                    self.troubles.keep_error(&error);
                }
            }
            Ok(_) => {}
            Err(error) => self.troubles.keep(error.to_string()),
        }
    }

    /// Counts all closed trades anew, and tells what the stream does not have.
    fn recount(&mut self) -> Result<(), LiveError> {
        let closed = self.pairing.closed().map_err(LiveError::Sum)?;
        let told = self.teller.told();
        let mut news = News::new(&self.options, &told);
        self.counted = Counted::new(self.options.begin()?);
        for trade in closed {
            self.today = self.today.max(self.options.zone.day(trade.exited));
            let added = self
                .counted
                .add(trade, |told, alert| news.take(told, alert));
            if let Err(error) = added {
                self.troubles.keep_error(&error);
            }
        }
        let due = news.due(self.counted.books(), self.today);
        self.kept.clear();
        self.tell(due);
        Ok(())
    }

    /// Counts a trade that closed before another that is counted: where it will stand after a restart, too.
    fn insert(&mut self, trade: ClosedTrade) {
        let told = self.teller.told();
        let mut news = News::new(&self.options, &told);
        let inserted = self
            .counted
            .insert(trade, |told, alert| news.take(told, alert));
        let Some(taken) = inserted else {
            // It is older than what can be put in order.
            if let Err(error) = self.recount() {
                self.troubles.keep_error(&error);
            }
            return;
        };
        if let Err(error) = taken {
            self.troubles.keep_error(&error);
        }
        let due = news.due(self.counted.books(), self.today);
        self.tell(due);
    }

    fn tell(&mut self, due: Due) {
        self.kept.extend(due.kept);
        due.failed.into_iter().for_each(|it| self.troubles.keep(it));
        if !due.records.is_empty() {
            self.teller.tell(due.records);
        }
    }

    /// Counts the next trade, and tells of it.
    fn count(&mut self, trade: ClosedTrade) {
        let mut due = Due::default();
        let every = self.options.every;
        if every == Every::Day {
            due.records = self.turn(self.options.zone.day(trade.exited));
        }
        let tell = |told: &Told<'_>, alert: Option<Alert>| {
            if alert.is_none() && every == Every::Alert {
                return;
            }
            match (told.record(alert.as_ref()), every) {
                (Ok(metric), Every::Day) if alert.is_none() => {
                    due.kept.insert(key_of(told), metric);
                }
                (Ok(metric), _) => due.records.push(metric),
                (Err(error), _) => drop(due.failed.insert(error.to_string())),
            }
        };
        if let Err(error) = self.counted.add(trade, tell) {
            self.troubles.keep_error(&error);
        }
        self.tell(due);
    }

    /// Begins a day, if it is one: the metrics that were kept of the one before are due.
    fn turn(&mut self, day: Day) -> Vec<PerformanceMetric> {
        if day <= self.today {
            return Vec::new();
        }
        self.today = day;
        let kept = std::mem::take(&mut self.kept);
        let mut due: Vec<_> = kept.into_values().collect();
        due.sort_by_key(PerformanceMetric::timestamp);
        due
    }
}
