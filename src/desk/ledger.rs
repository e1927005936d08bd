//! The trades of a whole journal, entries paired with exits.
//!
//! Always true:
//! - Every line was read, and is in the books or counted as one that is not.
//! - Records are decoded on all cores and paired in the order of the log.

use std::ops::ControlFlow;
use std::vec;

use crate::books::{ClosedTrade, Leg, Names, OpenOrder, PairNotes, Pairing, SumError};
use crate::journal::{EntryRef, Journal, ReadError, Reader};
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

/// What one thread read, in the order of the log.
#[derive(Default)]
struct Part {
    legs: Vec<Leg>,
    names: Names,
    errors: Vec<ReadError>,
    refused: u64,
    /// A line of an older log has no number, so that the parts cannot be put in order.
    is_unnumbered: bool,
}

impl Ledger {
    /// Reads them. `bad` is told of each line that cannot be read.
    pub fn read(journal: &Journal, mut bad: impl FnMut(ReadError)) -> Ledger {
        let trades = journal.read::<TradeRecord>();
        let parts = trades.visit_unordered(Part::default, Part::take);
        if parts.iter().any(|it| it.is_unnumbered) {
            return Ledger::read_in_order(&trades, bad);
        }
        let mut ledger = Ledger::default();
        let mut threads: Vec<vec::IntoIter<Leg>> = Vec::new();
        for part in parts {
            ledger.refused += part.refused;
            ledger.unread += part.errors.len() as u64;
            part.errors.into_iter().for_each(&mut bad);
            threads.push(part.legs.into_iter());
        }
        // Each thread took the parts of the log that it read in their order.
        let place = |it: &vec::IntoIter<Leg>| it.as_slice().first().map_or(u64::MAX, Leg::place);
        while let Some(next) = threads.iter_mut().min_by_key(|it| place(it)) {
            match next.next() {
                Some(leg) => ledger.take(leg),
                None => break,
            }
        }
        ledger
    }

    fn read_in_order(trades: &Reader<TradeRecord>, mut bad: impl FnMut(ReadError)) -> Ledger {
        let mut ledger = Ledger::default();
        let mut place = 0;
        trades.visit(|entry| {
            match entry.map(|it| Leg::of(it.record, place)) {
                Ok(Ok(leg)) => ledger.take(leg),
                Ok(Err(_)) => ledger.refused += 1,
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

    fn take(&mut self, leg: Leg) {
        self.has_live |= leg.mode() == ExecutionMode::Live;
        if self.pairing.take(leg).is_err() {
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

    /// The same one by one, which takes the memory of one.
    pub fn each_closed(&self) -> impl Iterator<Item = Result<ClosedTrade, SumError>> + '_ {
        self.pairing.each_closed()
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

impl Part {
    fn take(&mut self, entry: Result<EntryRef<'_, TradeRecord>, ReadError>) -> ControlFlow<()> {
        match entry {
            Ok(entry) => {
                let Some(seq) = entry.line.seq() else {
                    self.is_unnumbered = true;
                    return ControlFlow::Break(());
                };
                match Leg::of_next(entry.record, seq, &mut self.names) {
                    Ok(leg) => self.legs.push(leg),
                    Err(_) => self.refused += 1,
                }
            }
            Err(error) => self.errors.push(error),
        }
        ControlFlow::Continue(())
    }
}
