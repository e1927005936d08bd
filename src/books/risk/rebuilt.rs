//! A monitor as it would be, had it run on: out of the trades and the events of a journal.
//!
//! Always true:
//! - A pause that was recorded holds until what the journal has after it, or the day, ends it.
//! - A pause that follows from the trades and was never recorded, as after a crash between the two, holds
//!   too, and its event is handed out to be recorded.
//! - Where trading went on after such a pause, because no limits were in force then, it is none: a
//!   journal from before the limits stops nobody for a streak of long ago.
//!
//! Not here: reading the journal.

use super::monitor::{Pause, RiskMonitor};
use super::{PortfolioValue, Reset, RiskLimits};
use crate::books::{ClosedTrade, OpenOrder, Zone};
use crate::record::RiskEvent;
use crate::record::field::ExecutionMode;
use crate::time::Timestamp;

/// What a journal has. Trades and events of the other mode may be among them; they change nothing.
#[derive(Clone, Copy, Debug)]
pub struct History<'a> {
    /// The closed trades, in the order of their last exits.
    pub closed: &'a [ClosedTrade],
    /// The open ones.
    pub open: &'a [OpenOrder],
    /// The risk events, in the order of the log.
    pub events: &'a [RiskEvent],
}

/// A monitor out of a journal.
#[derive(Clone, Debug)]
pub struct Rebuilt {
    /// The monitor, in the day of now.
    pub monitor: RiskMonitor,
    /// What the journal does not have yet and should: that the next day ended a pause, or that trading
    /// is paused.
    pub unrecorded: Vec<RiskEvent>,
}

impl RiskMonitor {
    /// The monitor that had run on through all of `history`.
    ///
    /// Without the portfolio's value no loss of a day is looked at, and nothing is handed out to be
    /// recorded; pauses that were recorded hold all the same.
    #[must_use]
    pub fn rebuilt(
        limits: RiskLimits,
        mode: ExecutionMode,
        zone: Zone,
        history: &History<'_>,
        portfolio_value: Option<PortfolioValue>,
        now: Timestamp,
    ) -> Rebuilt {
        let first_trade = history.closed.first().map(|it| it.exited);
        let first_event = history.events.iter().map(RiskEvent::timestamp).min();
        let first = [first_trade, first_event, Some(now)].into_iter().flatten();
        let first = first.min().unwrap_or(now);
        let mut replay = Replay {
            monitor: RiskMonitor::new(limits, mode, zone, first),
            value: portfolio_value,
            now,
        };
        replay.run(history);
        replay.finish(history.open)
    }
}

struct Replay {
    monitor: RiskMonitor,
    value: Option<PortfolioValue>,
    now: Timestamp,
}

impl Replay {
    fn run(&mut self, history: &History<'_>) {
        let mut trades = history.closed.iter().peekable();
        // Events stay in the order of the log, also where a clock was set back between two of them.
        let mut at = Timestamp::MIN;
        for event in history.events {
            if !self.monitor.concerns(event) {
                continue;
            }
            at = at.max(event.timestamp());
            while let Some(closed) = trades.next_if(|it| it.exited <= at) {
                self.trade(closed);
            }
            self.monitor.advance(at.min(self.now));
            self.monitor.hear(event);
        }
        trades.for_each(|it| self.trade(it));
    }

    fn trade(&mut self, closed: &ClosedTrade) {
        if closed.mode != self.monitor.mode() {
            return;
        }
        if let Some(entered) = closed.entered {
            self.entered(entered);
        }
        self.monitor.advance(closed.exited.min(self.now));
        self.monitor.count(closed);
        self.pause_at(closed.exited);
    }

    /// Whoever entered a trade was not paused.
    fn entered(&mut self, at: Timestamp) {
        let is_refuted = |it: &Pause| !it.is_recorded && it.since < at;
        if self.monitor.pause.as_ref().is_some_and(is_refuted) {
            self.monitor.pause = None;
        }
    }

    /// Pauses where the limits say so and nobody has recorded it yet.
    fn pause_at(&mut self, since: Timestamp) {
        if self.monitor.pause.is_some() {
            return;
        }
        let rules = self.monitor.broken(self.value);
        if !rules.is_empty() {
            self.monitor.pause = Some(Pause {
                since,
                day: self.monitor.day,
                rules,
                ends: self.monitor.limits().reset,
                portfolio_value: self.value,
                is_recorded: false,
            });
        }
    }

    fn finish(mut self, open: &[OpenOrder]) -> Rebuilt {
        let mode = self.monitor.mode();
        for order in open.iter().filter(|it| it.mode == mode) {
            self.entered(order.entered);
        }
        let mut unrecorded = Vec::new();
        let ended = self.monitor.advance(self.now);
        if let (Some(ended), Some(value)) = (ended.filter(|it| it.is_recorded), self.value) {
            let by = Reset::NextDay;
            unrecorded.push(self.monitor.resumed(&ended, by, None, value, self.now));
        }
        self.pause_at(self.now);
        if let (Some(pause), Some(value)) = (&self.monitor.pause, self.value)
            && !pause.is_recorded
        {
            unrecorded.push(self.monitor.tripped(pause, value, self.now));
        }
        Rebuilt {
            monitor: self.monitor,
            unrecorded,
        }
    }
}
