//! The trades of a whole journal, entries paired with exits.
//!
//! Always true: every line was read, and is in the books or counted as one that is not.

use std::ops::ControlFlow;

use crate::books::{ClosedTrade, Leg, OpenOrder, PairNotes, Pairing, SumError};
use crate::journal::{Journal, ReadError};
use crate::record::TradeRecord;
use crate::record::field::ExecutionMode;

/// All trades of a journal.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    pairing: Pairing,
    has_live: bool,
    unread: u64,
    refused: u64,
}

impl Ledger {
    /// Reads them. `bad` is told of each line that cannot be read.
    pub fn read(journal: &Journal, mut bad: impl FnMut(ReadError)) -> Ledger {
        let mut ledger = Ledger::default();
        let mut place = 0;
        journal.read::<TradeRecord>().visit(|entry| {
            match entry {
                Ok(entry) => ledger.take(entry.record, place),
                Err(error) => {
                    ledger.unread += 1;
                    bad(error);
                }
            }
            place += 1;
            ControlFlow::Continue(())
        });
        ledger
    }

    fn take(&mut self, record: &TradeRecord, place: u64) {
        self.has_live |= record.execution_mode() == ExecutionMode::Live;
        let taken = Leg::of(record, place).and_then(|leg| self.pairing.take(leg));
        if taken.is_err() {
            self.refused += 1;
        }
    }

    /// All trades that are closed, in the order of their last exits.
    ///
    /// # Errors
    /// [`SumError`].
    pub fn closed(&self) -> Result<Vec<ClosedTrade>, SumError> {
        self.pairing.closed()
    }

    /// All trades that are not over, in the order of their entries.
    ///
    /// # Errors
    /// [`SumError`].
    pub fn open(&self) -> Result<Vec<OpenOrder>, SumError> {
        self.pairing.open()
    }

    /// What was strange.
    #[must_use]
    pub fn notes(&self) -> PairNotes {
        self.pairing.notes()
    }

    /// Whether money was at stake in any of them.
    #[must_use]
    pub fn has_live(&self) -> bool {
        self.has_live
    }

    /// How many lines could not be read.
    #[must_use]
    pub fn unread(&self) -> u64 {
        self.unread
    }

    /// How many records have sums that do not fit.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }
}
