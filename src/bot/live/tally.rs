//! Trade records as they come, counted; and what is to be told of them.
//!
//! Always true:
//! - Records are paired in the order of the log, closed trades counted in the order of their exits.
//! - Of records that come together nothing is told before all of them are where they belong.
//!
//! Not here: writing what is told.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::counted::Counted;
use super::history::{History, Key, key_of};
use super::news::{Due, News};
use super::{Every, LiveError, LiveOptions};
use crate::books::metrics::{Alert, Told};
use crate::books::{ClosedTrade, Leg, Legs, Pairing, Step, SumError};
use crate::journal::{Journal, Troubles, chain_of};
use crate::record::{PerformanceMetric, TradeRecord};
use crate::time::Day;

/// All trades so far.
#[derive(Debug)]
pub(super) struct Tally {
    options: LiveOptions,
    pairing: Pairing,
    counted: Counted,
    /// The newest day that was begun.
    today: Day,
    /// Of that day, the newest metrics of each window, with [`Every::Day`].
    kept: BTreeMap<Key, PerformanceMetric>,
}

impl Tally {
    /// The trades of a journal, paired and not counted yet; and what makes legs of those to come.
    pub(super) fn read(
        journal: &Journal,
        options: LiveOptions,
        troubles: &mut Troubles,
    ) -> Result<(Tally, Legs), LiveError> {
        let mut legs = Legs::default();
        let mut tally = Tally {
            pairing: Pairing::new(),
            counted: Counted::new(options.begin()?),
            today: options.zone.day(journal.clock().now()),
            kept: BTreeMap::new(),
            options,
        };
        let mut failed = Ok(());
        journal.read::<TradeRecord>().visit(|entry| {
            match entry {
                Ok(entry) => {
                    // What trades come to is asked for when all of them are there.
                    match legs.next(entry.record) {
                        Ok(leg) => tally.pairing.add_leg(leg),
                        Err(error) => troubles.keep(error.to_string()),
                    }
                }
                // A bad line is left out, and told; a disk that cannot be read is another matter.
                Err(error) if error.position().is_some() => {
                    troubles.keep(format!("not counted: {}", chain_of(&error)));
                }
                Err(error) => {
                    failed = Err(LiveError::Read(error));
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        });
        failed.map(|()| (tally, legs))
    }

    /// Takes the legs of the next records, and gives what is to be told of them after what was `told`.
    pub(super) fn take(
        &mut self,
        legs: Vec<Result<Leg, SumError>>,
        told: impl FnOnce() -> History,
    ) -> Due {
        let mut due = Due::default();
        let (mut late, mut is_revised) = (Vec::new(), false);
        for leg in legs {
            match leg.and_then(|it| self.pairing.take_leg(it)) {
                Ok(Step::Closed(trade)) => {
                    // What comes behind one that is late is counted after it.
                    let is_next = !is_revised && late.is_empty() && !self.counted.is_late(&trade);
                    match is_next {
                        true => self.count(*trade, &mut due),
                        false => late.push(*trade),
                    }
                }
                Ok(Step::Revised) => is_revised = true,
                Ok(_) => {}
                Err(error) => due.troubles.push(error.to_string()),
            }
        }
        if !is_revised && late.is_empty() {
            return due;
        }
        if let Some(day) = late.iter().map(|it| self.options.zone.day(it.exited)).max() {
            self.turn(day, &mut due);
        }
        let mut told = told();
        for metric in &due.records {
            told.take(metric.clone());
        }
        let more = match is_revised {
            true => self.recount(&told),
            false => self.insert(late, &told),
        };
        match more {
            Ok(more) => due.extend(more),
            Err(error) => due.troubles.push(chain_of(&error)),
        }
        due
    }

    /// Counts all closed trades anew, and gives what was not told.
    pub(super) fn recount(&mut self, told: &History) -> Result<Due, LiveError> {
        let mut troubles = Vec::new();
        let closed = self
            .pairing
            .closed(|error| troubles.push(error.to_string()));
        let mut news = News::new(&self.options, told);
        self.counted = Counted::new(self.options.begin()?);
        for trade in closed {
            self.today = self.today.max(self.options.zone.day(trade.exited));
            let tell = |told: &Told<'_>, alert| news.take(told, alert);
            if let Err(error) = self.counted.add(trade, tell) {
                troubles.push(chain_of(&error));
            }
        }
        let mut due = news.due(self.counted.books(), self.today);
        due.troubles.extend(troubles);
        self.kept = std::mem::take(&mut due.kept);
        Ok(due)
    }

    /// Counts trades of which some closed before others that are counted: where they will stand after a
    /// restart, too.
    fn insert(&mut self, late: Vec<ClosedTrade>, told: &History) -> Result<Due, LiveError> {
        let mut news = News::new(&self.options, told);
        let tell = |told: &Told<'_>, alert| news.take(told, alert);
        let Some(unfit) = self.counted.insert(late, tell) else {
            return self.recount(told);
        };
        let mut due = news.due(self.counted.books(), self.today);
        due.troubles.extend(unfit.iter().map(|it| chain_of(it)));
        self.kept.append(&mut due.kept);
        Ok(due)
    }

    /// Counts the next trade.
    fn count(&mut self, trade: ClosedTrade, due: &mut Due) {
        let every = self.options.every;
        if every == Every::Day {
            self.turn(self.options.zone.day(trade.exited), due);
        }
        let kept = &mut self.kept;
        let (records, troubles) = (&mut due.records, &mut due.troubles);
        let tell = |told: &Told<'_>, alert: Option<Alert>| {
            if alert.is_none() && every == Every::Alert {
                return;
            }
            match (told.record(alert.as_ref()), every) {
                (Ok(metric), Every::Day) if alert.is_none() => {
                    kept.insert(key_of(told), metric);
                }
                (Ok(metric), _) => records.push(metric),
                (Err(error), _) => troubles.push(error.to_string()),
            }
        };
        if let Err(error) = self.counted.add(trade, tell) {
            due.troubles.push(chain_of(&error));
        }
    }

    /// Begins a day, if it is one: the metrics that were kept of the one before are due.
    fn turn(&mut self, day: Day, due: &mut Due) {
        if day <= self.today {
            return;
        }
        self.today = day;
        let begin = due.records.len();
        due.records
            .extend(std::mem::take(&mut self.kept).into_values());
        if let Some(kept) = due.records.get_mut(begin..) {
            kept.sort_by_key(PerformanceMetric::timestamp);
        }
    }
}
