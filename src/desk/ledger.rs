//! The trades of a whole journal, entries paired with exits.
//!
//! Always true:
//! - Every line was read, and is in the books or counted as one that is not.
//! - Records are decoded and paired on all cores, and come to what they come to in the order of the log.

use std::ops::ControlFlow;

use crate::books::{ClosedTrade, OpenOrder, PairNotes, Pairing, SumError, all_open, each_closed};
use crate::journal::{EntryRef, Journal, ReadError, Reader};
use crate::record::TradeRecord;
use crate::record::field::ExecutionMode;

/// All trades of a journal.
#[derive(Debug, Default)]
pub struct Ledger {
    /// What each thread read; no order is in two of them.
    parts: Vec<Part>,
    notes: PairNotes,
}

/// What one thread read.
#[derive(Debug, Default)]
struct Part {
    pairing: Pairing,
    has_live: bool,
    unread: u64,
    refused: u64,
    /// Not told yet.
    errors: Vec<ReadError>,
    /// A line of an older log has no number, so that the parts cannot be put in order.
    is_unnumbered: bool,
}

impl Ledger {
    /// Reads them. `bad` is told of each line that cannot be read.
    pub fn read(journal: &Journal, mut bad: impl FnMut(ReadError)) -> Ledger {
        let trades = journal.read::<TradeRecord>();
        let mut parts = trades.visit_unordered(Part::default, Part::take_numbered);
        if parts.iter().any(|it| it.is_unnumbered) {
            return Ledger::read_in_order(&trades, bad);
        }
        for part in &mut parts {
            part.errors.drain(..).for_each(&mut bad);
        }
        Ledger::of(parts)
    }

    fn read_in_order(trades: &Reader<TradeRecord>, mut bad: impl FnMut(ReadError)) -> Ledger {
        let (mut part, mut place) = (Part::default(), 0);
        trades.visit(|entry| {
            match entry {
                Ok(entry) => part.take(entry.record, place),
                Err(error) => {
                    part.unread += 1;
                    bad(error);
                }
            }
            place += 1;
            ControlFlow::Continue(())
        });
        Ledger::of(vec![part])
    }

    /// An order whose records were read by several threads goes to the first of them.
    fn of(mut parts: Vec<Part>) -> Ledger {
        let mut notes = PairNotes::default();
        let mut rest = parts.as_mut_slice();
        while let Some((first, others)) = rest.split_first_mut() {
            for other in others.iter_mut() {
                first.pairing.join(&mut other.pairing);
            }
            notes = notes.and(first.pairing.notes());
            rest = others;
        }
        Ledger { parts, notes }
    }

    fn pairings(&self) -> impl Iterator<Item = &Pairing> {
        self.parts.iter().map(|it| &it.pairing)
    }

    /// All trades that are closed, in the order of their last exits.
    ///
    /// # Errors
    /// [`SumError`].
    pub fn closed(&self) -> Result<Vec<ClosedTrade>, SumError> {
        self.each_closed().collect()
    }

    /// The same one by one, which takes the memory of one.
    pub fn each_closed(&self) -> impl Iterator<Item = Result<ClosedTrade, SumError>> + '_ {
        each_closed(self.pairings())
    }

    /// All trades that are not over, in the order of their entries.
    ///
    /// # Errors
    /// [`SumError`].
    pub fn open(&self) -> Result<Vec<OpenOrder>, SumError> {
        all_open(self.pairings())
    }

    /// What was strange.
    #[must_use]
    pub fn notes(&self) -> PairNotes {
        self.notes
    }

    /// Whether money was at stake in any of them.
    #[must_use]
    pub fn has_live(&self) -> bool {
        self.parts.iter().any(|it| it.has_live)
    }

    /// How many lines could not be read.
    #[must_use]
    pub fn unread(&self) -> u64 {
        self.parts.iter().map(|it| it.unread).sum()
    }

    /// How many records have sums that do not fit.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.parts.iter().map(|it| it.refused).sum()
    }
}

impl Part {
    fn take_numbered(
        &mut self,
        entry: Result<EntryRef<'_, TradeRecord>, ReadError>,
    ) -> ControlFlow<()> {
        match entry {
            Ok(entry) => {
                let Some(seq) = entry.line.seq() else {
                    self.is_unnumbered = true;
                    return ControlFlow::Break(());
                };
                self.take(entry.record, seq);
            }
            Err(error) => {
                self.unread += 1;
                self.errors.push(error);
            }
        }
        ControlFlow::Continue(())
    }

    fn take(&mut self, record: &TradeRecord, place: u64) {
        self.has_live |= record.execution_mode() == ExecutionMode::Live;
        self.refused += u64::from(self.pairing.add(record, place).is_err());
    }
}
