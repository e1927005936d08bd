//! What may have been missed, and what became of it.
//!
//! Always true:
//! - A gap is declared however short it is. Whether it is filled is another matter.
//! - `Filled` needs proof; what can be proven in part is `Partly`, and names the rest.
//! - What was missed lies between `from` and `to`, both included. A bound that is not known is none.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::{AccountKind, AccountRow, Category, Millis, Trade};

/// A gap's number in its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GapId(pub i64);

/// What a stream tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StreamKind {
    /// Public trades of a symbol.
    Trades,
    /// The ticker of a symbol.
    Ticker,
    /// One's own account.
    Account(AccountKind),
}

impl StreamKind {
    /// The word of rows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            StreamKind::Trades => "trades",
            StreamKind::Ticker => "ticker",
            StreamKind::Account(AccountKind::Execution) => "executions",
            StreamKind::Account(AccountKind::Order) => "orders",
            StreamKind::Account(AccountKind::Position) => "positions",
            StreamKind::Account(AccountKind::Wallet) => "wallet",
        }
    }
}

impl FromStr for StreamKind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<StreamKind, &'static str> {
        let accounts = AccountKind::ALL.into_iter().map(StreamKind::Account);
        [StreamKind::Trades, StreamKind::Ticker]
            .into_iter()
            .chain(accounts)
            .find(|it| it.as_str() == text)
            .ok_or("is no stream of a capture")
    }
}

/// What comes in order, or is missed: one kind of thing of one symbol, or of the account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stream {
    /// What it tells.
    pub kind: StreamKind,
    /// The market; none for an account, whose socket has all of them.
    pub category: Option<Category>,
    /// The symbol; empty for an account.
    pub symbol: Arc<str>,
}

impl Stream {
    /// A stream of the account.
    #[must_use]
    pub fn account(kind: AccountKind) -> Stream {
        Stream {
            kind: StreamKind::Account(kind),
            category: None,
            symbol: Arc::from(""),
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.category {
            Some(category) => write!(f, "{} of {category} {}", self.kind.as_str(), self.symbol),
            None => f.write_str(self.kind.as_str()),
        }
    }
}

/// Why something may have been missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The connection was lost, or could not be made.
    Disconnect,
    /// The connection was there, and the topic said nothing although it should have.
    Stall,
    /// The exchange refused the topic.
    Refused,
    /// More came than could be written.
    Overflow,
    /// Nobody was there: the time since the last run.
    Restart,
}

impl Cause {
    const ALL: [Cause; 5] = [
        Cause::Disconnect,
        Cause::Stall,
        Cause::Refused,
        Cause::Overflow,
        Cause::Restart,
    ];

    /// The word of rows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Cause::Disconnect => "disconnect",
            Cause::Stall => "stall",
            Cause::Refused => "refused",
            Cause::Overflow => "overflow",
            Cause::Restart => "restart",
        }
    }
}

impl FromStr for Cause {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Cause, &'static str> {
        let found = Cause::ALL.into_iter().find(|it| it.as_str() == text);
        found.ok_or("is no cause of a gap")
    }
}

/// What became of a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapState {
    /// It is not known yet what can be had.
    Open,
    /// All of it is there, by proof.
    Filled,
    /// Some of it is there; what is missing is named.
    Partly,
    /// Nothing of it can be had.
    Unfillable,
}

impl GapState {
    const ALL: [GapState; 4] = [
        GapState::Open,
        GapState::Filled,
        GapState::Partly,
        GapState::Unfillable,
    ];

    /// The word of rows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            GapState::Open => "open",
            GapState::Filled => "filled",
            GapState::Partly => "partly",
            GapState::Unfillable => "unfillable",
        }
    }
}

impl FromStr for GapState {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<GapState, &'static str> {
        let found = GapState::ALL.into_iter().find(|it| it.as_str() == text);
        found.ok_or("is no state of a gap")
    }
}

/// An event of a stream: when the exchange made it, and its id where it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// When.
    pub time: Millis,
    /// Which.
    pub id: Box<str>,
}

/// A gap, as it is declared: from its first to its last line in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Its number.
    pub id: GapId,
    /// Of what.
    pub stream: Stream,
    /// Why.
    pub cause: Cause,
    /// What was said: a close code, a refusal, how long it was silent.
    pub detail: String,
    /// When it was declared, by this machine.
    pub declared: Millis,
    /// From when on something may be missing. A little earlier than the last event, since neighbours may
    /// have changed places.
    pub from: Option<Millis>,
    /// The last event before it.
    pub last: Option<Point>,
    /// Until when something may be missing.
    pub to: Option<Millis>,
    /// The first event after it.
    pub first: Option<Point>,
    /// What became of it.
    pub state: GapState,
    /// How many rows were added by filling.
    pub rows: u64,
    /// The calls that they are from.
    pub filled_by: Option<String>,
    /// What is missing still, where some of it is.
    pub rest: Option<(Option<Millis>, Option<Millis>)>,
}

/// That a gap has ended: events come again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GapEnd {
    /// Which one.
    pub id: GapId,
    /// From when on something may be missing, as it is known now.
    pub from: Option<Millis>,
    /// Until when.
    pub to: Option<Millis>,
    /// The first event after it.
    pub first: Option<Point>,
}

/// What a question about a gap brought. Its rows and its state are written together, or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Which one.
    pub id: GapId,
    /// What became of it.
    pub state: GapState,
    /// The call that answered.
    pub call: String,
    /// Public trades that the call told.
    pub trades: Vec<Trade>,
    /// Rows of the account that the call told.
    pub rows: Vec<AccountRow>,
    /// What is missing still.
    pub rest: Option<(Option<Millis>, Option<Millis>)>,
    /// What a person should know about it.
    pub detail: Option<String>,
}
