//! The trades of a whole journal, entries paired with exits.
//!
//! Always true:
//! - Every line was read, and is in the books or counted as one that is not.
//! - Records are decoded and paired on all cores, and come to what they come to in the order of the log.

use std::ops::ControlFlow;
use std::thread;

use crate::books::{
    Batch, ClosedTrade, Closing, Closings, Endings, OpenOrder, PairNotes, Pairing, SumError,
    all_open, good, merged,
};
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
    batch: Batch,
    has_live: bool,
    unread: Unread,
    refused: Vec<SumError>,
    /// Not told yet.
    errors: Vec<ReadError>,
    /// A line of an older log has no number, so that the parts cannot be put in order.
    is_unnumbered: bool,
}

/// What of a journal could not be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unread {
    /// Lines.
    pub lines: u64,
    /// Days that could not be opened, or not be read to their end.
    pub days: u64,
}

impl Unread {
    /// Counts one more error.
    pub fn count(&mut self, error: &ReadError) {
        match error.position() {
            Some(_) => self.lines += 1,
            None => self.days += 1,
        }
    }

    /// Whether everything was read.
    #[must_use]
    pub fn is_nothing(self) -> bool {
        self == Unread::default()
    }
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
                    part.unread.count(&error);
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
        for part in &mut parts {
            part.pairing.add_batch(&mut part.batch);
        }
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

    /// All trades that are closed, in the order of their last exits. `bad` is told of each whose sums do not
    /// fit, which is not among them.
    pub fn closed(&self, bad: impl FnMut(SumError)) -> Vec<ClosedTrade> {
        good(self.each_closed(), bad).collect()
    }

    /// The same one by one, which takes the memory of one.
    pub fn each_closed(&self) -> impl Iterator<Item = Result<ClosedTrade, SumError>> + '_ {
        let runs = self.on_all_cores(Pairing::endings).into_iter().flatten();
        merged(runs.map(Endings::into_trades))
    }

    /// The same as light as what counts them needs it.
    pub fn each_closing(&self) -> impl Iterator<Item = Result<Closing<'_>, SumError>> + '_ {
        let runs = self.on_all_cores(Pairing::closings).into_iter().flatten();
        merged(runs.map(Closings::into_each))
    }

    /// What `work` makes of each part, one thread for each.
    fn on_all_cores<'a, T: Send>(&'a self, work: impl Fn(&'a Pairing) -> T + Sync) -> Vec<T> {
        let Some((first, others)) = self.parts.split_first() else {
            return Vec::new();
        };
        let work = &work;
        thread::scope(|scope| {
            let others = others.iter();
            let others: Vec<_> = others.map(|it| scope.spawn(|| work(&it.pairing))).collect();
            let mut all = vec![work(&first.pairing)];
            for other in others {
                match other.join() {
                    Ok(made) => all.push(made),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            all
        })
    }

    /// All trades that are not over, in the order of their entries. `bad` is told of each whose sums do not
    /// fit, which is not among them.
    pub fn open(&self, bad: impl FnMut(SumError)) -> Vec<OpenOrder> {
        all_open(self.pairings(), bad)
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

    /// What could not be read.
    #[must_use]
    pub fn unread(&self) -> Unread {
        let all = self.parts.iter().map(|it| it.unread);
        all.fold(Unread::default(), |sum, it| Unread {
            lines: sum.lines + it.lines,
            days: sum.days + it.days,
        })
    }

    /// The records whose commission cannot be taken off their result; they count nowhere.
    pub fn refused(&self) -> impl Iterator<Item = &SumError> {
        self.parts.iter().flat_map(|it| &it.refused)
    }
}

impl Drop for Ledger {
    /// Gives the memory of each part back beside that of the others.
    fn drop(&mut self) {
        let own = self.parts.pop();
        thread::scope(|scope| {
            for part in self.parts.drain(..) {
                // Where no thread can be had the part is dropped here.
                let _ = thread::Builder::new().spawn_scoped(scope, move || drop(part));
            }
            drop(own);
        });
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
                self.unread.count(&error);
                self.errors.push(error);
            }
        }
        ControlFlow::Continue(())
    }

    fn take(&mut self, record: &TradeRecord, place: u64) {
        self.has_live |= record.execution_mode() == ExecutionMode::Live;
        let added = self.pairing.add(record, place, &mut self.batch);
        self.refused.extend(added.err());
    }
}
