//! Where a capture is kept.
//!
//! Always true:
//! - What is written at once is there as a whole or not at all, and in the order in which it is given: a gap
//!   is on disk no later than what came after it.
//! - A row that is there already changes nothing: each counts once.
//!
//! Not here: what becomes of rows that cannot be written.

use std::collections::BTreeMap;

use super::{AccountRow, Category, Fill, Gap, GapEnd, GapId, Millis, Point, Stream, Ticker, Trade};

/// A run's number in its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub i64);

/// How a row came here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A socket told it.
    Socket,
    /// A request did, in answer to a gap.
    Request,
}

impl Origin {
    /// The word of rows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Origin::Socket => "ws",
            Origin::Request => "rest",
        }
    }
}

/// A message as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawFrame {
    /// The market of its socket; none for the private one.
    pub category: Option<Category>,
    /// Which connection, counted from the start of the run.
    pub connection: u64,
    /// When it came, by this machine.
    pub received: Millis,
    /// Why it is kept although nobody asked for all of them: what could not be read in it.
    pub unknown: Option<String>,
    /// Its text.
    pub text: Box<str>,
}

/// Something to be written.
#[derive(Clone, Debug)]
pub enum Entry {
    /// Public trades of one message, and when it came.
    Trades(Vec<Trade>, Millis),
    /// A ticker, and when it came.
    Ticker(Ticker, Millis),
    /// A row of the account, where it is from, and when it came.
    Account(AccountRow, Origin, Millis),
    /// A message.
    Raw(RawFrame),
    /// A gap.
    GapOpened(Gap),
    /// A gap has ended.
    GapEnded(GapEnd),
    /// What a question about a gap brought, and when.
    GapFilled(Fill, Millis),
}

/// What a run says of itself when it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunStart {
    /// When, by this machine.
    pub started: Millis,
    /// Of the program.
    pub version: String,
    /// What it is to record.
    pub streams: Vec<Stream>,
    /// Its configuration as JSON, without any secret.
    pub config: String,
    /// Whether it is the test net.
    pub is_testnet: bool,
    /// Whether an account is recorded too.
    pub has_account: bool,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// As somebody asked for.
    Completed,
    /// By this error.
    Error(String),
}

/// What a database knows when a run starts.
#[derive(Clone, Debug)]
pub struct Known {
    /// The run that has begun.
    pub run: RunId,
    /// Of each wanted stream that was recorded before, its newest events, the newest last: those of the
    /// last second at least, where there are as many. A stream that an earlier run wanted and that never had
    /// an event has an empty list.
    pub newest: BTreeMap<Stream, Vec<Point>>,
    /// Gaps of wanted streams that are `open`.
    pub open: Vec<Gap>,
    /// The number of the next gap.
    pub next_gap: GapId,
    /// How many runs were found open, and are marked as crashed now.
    pub crashed: u64,
}

/// What writing did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows of public trades that are new.
    pub trades: u64,
    /// Public trades that were there.
    pub repeated_trades: u64,
    /// Tickers.
    pub tickers: u64,
    /// Rows of executions, orders, positions and wallets that are new.
    pub executions: u64,
    /// Orders.
    pub orders: u64,
    /// Positions.
    pub positions: u64,
    /// Wallets.
    pub wallets: u64,
    /// Rows of the account that were there.
    pub repeated_rows: u64,
    /// Messages that were kept.
    pub frames: u64,
    /// Of each filled gap, how many of its rows were new.
    pub filled: Vec<(GapId, u64)>,
}

impl Written {
    /// Adds the counts of more that was written.
    pub fn add(&mut self, more: &Written) {
        self.trades += more.trades;
        self.repeated_trades += more.repeated_trades;
        self.tickers += more.tickers;
        self.executions += more.executions;
        self.orders += more.orders;
        self.positions += more.positions;
        self.wallets += more.wallets;
        self.repeated_rows += more.repeated_rows;
        self.frames += more.frames;
    }
}

/// How much room a database takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreSize {
    /// Of the database itself.
    pub bytes: u64,
    /// Of its write-ahead log.
    pub wal_bytes: u64,
    /// What the file system has left.
    pub free_bytes: u64,
}

/// Why something could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct StoreError {
    /// What was tried, on what, and what to do about it.
    pub what: String,
    /// Whether waiting can help: a lock, a full disk, a file that somebody moves back.
    pub is_passing: bool,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// A database of a capture.
pub trait Store: Send {
    /// Begins a run: runs that were left open are marked as crashed, and what is known is told.
    ///
    /// # Errors
    /// Whatever the database says.
    fn begin(&mut self, run: &RunStart) -> Result<Known, StoreError>;

    /// Writes all of it, or nothing. When it returns it is on disk. After an error the same entries may be
    /// given again.
    ///
    /// # Errors
    /// Whatever the database says.
    fn write(&mut self, entries: &[Entry]) -> Result<Written, StoreError>;

    /// Ends the run.
    ///
    /// # Errors
    /// Whatever the database says.
    fn end(&mut self, ended: Millis, end: &RunEnd) -> Result<(), StoreError>;

    /// How much room it takes.
    fn size(&self) -> StoreSize;

    /// What a person should know that happened to it, each once: that its file was moved while it was open.
    fn notes(&mut self) -> Vec<String> {
        Vec::new()
    }
}
