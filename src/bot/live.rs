//! Metrics while a bot trades: each closed trade moves its windows, and what a rule tells is journaled.
//!
//! Always true:
//! - A trade is journaled before it is counted, and nothing here stops or delays it: a thread of its own
//!   counts what comes (`tally`) and writes what that tells, in order, trying again what it cannot write
//!   (`teller`); and what goes wrong is kept for [`LiveMetrics::troubles`].
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
mod tally;
mod teller;

use crate::books::Zone;
use crate::books::metrics::{Books, Rule, RuleError, ScopeKind, Windows};
use crate::journal::{AppendError, Journal, OpenError, ReadError, Receipt, Troubles, Writer};
use crate::record::TradeRecord;

use history::History;
use tally::Tally;
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
    teller: Teller,
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
    #[error("the thread of the live metrics has panicked")]
    Panicked,
    /// This process is a fork of the one that opened them.
    #[error("live metrics are those of the process that opened them, not of its fork")]
    Forked,
}

impl LiveMetrics {
    /// Counts the trades of the journal, and goes on from there.
    ///
    /// # Errors
    /// [`LiveError`].
    pub fn open(journal: &Journal, options: LiveOptions) -> Result<LiveMetrics, LiveError> {
        let mut troubles = Troubles::default();
        // Order matters: the writer first, since opening it mends a tail that a crash left.
        let writer = teller::writer(journal).map_err(LiveError::Open)?;
        let told = History::read(journal, &mut troubles)?;
        let (mut tally, legs) = Tally::read(journal, options, &mut troubles)?;
        let due = tally.recount(&told)?;
        let teller = Teller::start(journal, writer, troubles, legs, (tally, told, due));
        let teller = teller.map_err(LiveError::Open)?;
        Ok(LiveMetrics { teller })
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
        self.teller.take(record);
    }

    /// What went wrong since this was called last: alerts that could not be written, and trades that could
    /// not be counted.
    pub fn troubles(&self) -> Vec<String> {
        self.teller.troubles()
    }

    /// Waits until all that there is to tell is on disk; what could not be written is tried once more.
    ///
    /// # Errors
    /// Why the first alert that is not in the journal could not be written, however long ago that was; and
    /// what the writer says.
    pub fn close(self) -> Result<(), LiveError> {
        self.teller.close()
    }
}

impl LiveOptions {
    fn begin(&self) -> Result<Books, LiveError> {
        let (windows, scopes) = (self.windows.clone(), self.scopes.clone());
        Books::new(windows, scopes, self.rules.clone()).map_err(LiveError::Rule)
    }
}
