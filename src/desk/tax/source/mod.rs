//! What a journal says was bought and sold, as executions of a tax book.
//!
//! Always true:
//! - Each execution of the journal knows the line that it was read from, and has a name that leads to it.
//! - One mode is read, LIVE unless asked otherwise; a record that does not say its mode is never taxed.
//! - No account is taxed twice: one that is in both streams is refused until somebody says which counts.
//! - What is left out, replaced or taken for something else is counted in [`SourceNotes`].
//!
//! Not here: which lots are sold ([`crate::books::tax`]), and what a person is told ([`check()`]).

mod check;
mod fills;
mod gathered;
mod notes;
mod opening;
mod pair;
mod trades;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::Origin;
use crate::books::tax::Execution;
use crate::desk::Unread;
use crate::journal::{Journal, ReadError};
use crate::record::field::{AssetClass, ExecutionMode};
use crate::time::Timestamp;
use gathered::Gathered;

pub use check::{Asked, Finding, Severity, check, within_year};
pub use notes::{Named, Rebates, SourceNotes};
pub use opening::{OpeningLot, OpeningLots, RowError};

/// What an account is called whose records do not name it.
pub const UNNAMED_ACCOUNT: &str = "unnamed";

/// Of which records executions are made.
#[derive(Clone, Debug)]
pub struct SourceOptions {
    /// The one kind that counts; both where there is none, each account from the one that has it.
    pub kind: Option<Kind>,
    /// The mode that counts.
    pub mode: ExecutionMode,
    /// What kinds of thing symbols are, where the records do not say it.
    pub classes: BTreeMap<String, AssetClass>,
    /// Whether an exit names the lot of its entry, for [`crate::books::tax::Method::Specid`].
    pub exits_name_lots: bool,
}

impl Default for SourceOptions {
    fn default() -> SourceOptions {
        SourceOptions {
            kind: None,
            mode: ExecutionMode::Live,
            classes: BTreeMap::new(),
            exits_name_lots: false,
        }
    }
}

/// A kind of record that says what was bought and sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// [`crate::record::TradeRecord`]
    Trades,
    /// [`crate::record::FillRecord`]
    Fills,
}

/// Everything that was bought and sold, in the order of the log.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Source {
    /// The purchases and sales; lots from elsewhere come last.
    pub executions: Vec<Execution<'static>>,
    /// The line of each; lots from elsewhere have none.
    pub origins: Vec<Option<Origin>>,
    /// What was strange.
    pub notes: SourceNotes,
    /// What could not be read.
    pub unread: Unread,
    /// The time of the newest record that counts.
    pub last: Option<Timestamp>,
}

/// Why executions cannot be made of a journal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// What was done would be taxed twice.
    #[error(
        "account {} is in trades and in fills, so that it would be taxed twice",
        accounts.join(", ")
    )]
    BothKinds {
        /// The accounts.
        accounts: Vec<String>,
    },
    /// A fill was written down twice, and not as the same.
    #[error("fill {fill_id} of {symbol} is in {first} and, with other values, in {second}")]
    FillsDiffer {
        /// Its name.
        fill_id: String,
        /// What was traded.
        symbol: String,
        /// The first line.
        first: Box<Origin>,
        /// The line that differs.
        second: Box<Origin>,
    },
    /// A lot from elsewhere is a purchase of the journal, and would be there twice.
    #[error("opening lot {id} is a purchase that the journal has, in {origin}")]
    OpeningTwice {
        /// Its name.
        id: String,
        /// The line of the purchase.
        origin: Box<Origin>,
    },
}

impl Source {
    /// Reads a journal. `bad` is told of each line that cannot be read.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn read(
        journal: &Journal,
        options: &SourceOptions,
        mut bad: impl FnMut(ReadError),
    ) -> Result<Source, SourceError> {
        let mut source = Source::default();
        let mut told = |error: ReadError, unread: &mut Unread| {
            unread.count(&error);
            bad(error);
        };
        let mut trades = Gathered::default();
        if options.kind != Some(Kind::Fills) {
            let unread = &mut source.unread;
            trades = trades::gather(journal, options, |error| told(error, unread));
        }
        let mut fills = Gathered::default();
        if options.kind != Some(Kind::Trades) {
            let unread = &mut source.unread;
            fills = fills::gather(journal, options, |error| told(error, unread))?;
        }
        let both: Vec<String> = trades
            .accounts()
            .intersection(&fills.accounts())
            .cloned()
            .collect();
        if !both.is_empty() {
            return Err(SourceError::BothKinds { accounts: both });
        }
        source.take(trades);
        source.take(fills);
        Ok(source)
    }

    fn take(&mut self, gathered: Gathered) {
        self.last = self.last.max(gathered.last());
        self.notes.add(gathered.notes);
        let taken: HashSet<String> = match self.executions.is_empty() {
            true => HashSet::new(),
            // An order of the one stream may be called as a fill of the other.
            false => self.executions.iter().map(|it| it.id.to_string()).collect(),
        };
        for mut leg in gathered.legs {
            if taken.contains(leg.execution.id.as_ref()) {
                leg.execution.id = format!("{}/{}", leg.execution.id, leg.origin.stream).into();
            }
            self.executions.push(leg.execution);
            self.origins.push(Some(leg.origin));
        }
    }

    /// Adds lots that were bought before the journal, or at another broker.
    ///
    /// # Errors
    /// [`SourceError::OpeningTwice`] of a lot whose purchase is in the journal.
    pub fn open_with(&mut self, lots: Vec<OpeningLot>) -> Result<(), SourceError> {
        let named = self.executions.iter().zip(&self.origins);
        let known: HashMap<&str, &Option<Origin>> =
            named.map(|(it, origin)| (&*it.id, origin)).collect();
        for lot in &lots {
            if let Some(Some(origin)) = known.get(lot.purchase.as_str()) {
                return Err(SourceError::OpeningTwice {
                    id: lot.purchase.clone(),
                    origin: Box::new(origin.clone()),
                });
            }
        }
        for lot in lots {
            self.executions.push(lot.execution);
            self.origins.push(None);
        }
        Ok(())
    }

    /// The accounts that bought or sold something.
    #[must_use]
    pub fn accounts(&self) -> BTreeSet<&str> {
        self.executions
            .iter()
            .map(|it| it.account_id.as_ref())
            .collect()
    }
}
