//! A monitor as it would be, had it run on: out of the trades and the events of a journal.
//!
//! Always true:
//! - A pause that was recorded holds until what the journal has after it, or the day, ends it.
//! - A pause that follows from the trades and was never recorded, as after a crash between the two, holds
//!   too, and its event is handed out to be recorded.
//! - Where trading went on after such a pause, because no limits were in force then, it is none: a
//!   journal from before the limits stops nobody for a streak of long ago.
//! - The loss of a day that is over is held against nothing: what the portfolio was worth then, only the
//!   events of that day know.
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
        let known = Known {
            value: portfolio_value,
            now,
        };
        let mut replay = Replay::new(limits, mode, zone, history, now);
        replay.run(history.closed, history.events, known);
        let open = history.open.iter().filter(|it| it.mode == mode);
        replay.finish(open.map(|it| it.entered).max(), known)
    }
}

/// A monitor on its way through a journal. Whoever keeps one can go on from there.
#[derive(Clone, Debug)]
pub(crate) struct Replay {
    monitor: RiskMonitor,
    /// The time of the newest event; events stay in the order of the log, also where a clock was set back
    /// between two of them.
    at: Timestamp,
    /// A recorded pause that the next day ended, which the journal does not have so far.
    ended: Option<Pause>,
}

/// What is known of the present.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    /// What the portfolio is worth.
    pub(crate) value: Option<PortfolioValue>,
    pub(crate) now: Timestamp,
}

impl Replay {
    /// Before the first trade and event of `history`.
    pub(crate) fn new(
        limits: RiskLimits,
        mode: ExecutionMode,
        zone: Zone,
        history: &History<'_>,
        now: Timestamp,
    ) -> Replay {
        let first_trade = history.closed.first().map(|it| it.exited);
        let first_event = history.events.iter().map(RiskEvent::timestamp).min();
        let first = [first_trade, first_event].into_iter().flatten().min();
        let first = first.map_or(now, |it| it.min(now));
        Replay {
            monitor: RiskMonitor::new(limits, mode, zone, first),
            at: Timestamp::MIN,
            ended: None,
        }
    }

    /// How many of those events, which come next, are of before `end`.
    pub(crate) fn events_before(&self, events: &[RiskEvent], end: Timestamp) -> usize {
        let is_before = |it: &&RiskEvent| self.at.max(it.timestamp()) < end;
        events.iter().take_while(is_before).count()
    }

    /// Goes on through those trades and events, which are the next ones.
    pub(crate) fn run(&mut self, closed: &[ClosedTrade], events: &[RiskEvent], known: Known) {
        let mut trades = closed.iter().peekable();
        for event in events {
            if !self.monitor.concerns(event) {
                continue;
            }
            self.at = self.at.max(event.timestamp());
            while let Some(closed) = trades.next_if(|it| it.exited <= self.at) {
                self.trade(closed, known);
            }
            self.advance(self.at.min(known.now));
            self.monitor.hear(event);
            self.ended = None;
        }
        trades.for_each(|it| self.trade(it, known));
    }

    /// Arrives at the present. The newest entry is that of a trade that is still open, or any.
    pub(crate) fn finish(mut self, last_entry: Option<Timestamp>, known: Known) -> Rebuilt {
        if let Some(entered) = last_entry {
            self.entered(entered);
        }
        let Known { value, now } = known;
        let mut unrecorded = Vec::new();
        self.advance(now);
        if let (Some(ended), Some(value)) = (&self.ended, value) {
            let by = Reset::NextDay;
            unrecorded.push(self.monitor.resumed(ended, by, None, value, now));
        }
        self.pause_at(now, value);
        if let (Some(pause), Some(value)) = (&self.monitor.pause, value)
            && !pause.is_recorded
        {
            unrecorded.push(self.monitor.tripped(pause, value, now));
        }
        Rebuilt {
            monitor: self.monitor,
            unrecorded,
        }
    }

    fn trade(&mut self, closed: &ClosedTrade, known: Known) {
        if closed.mode != self.monitor.mode() {
            return;
        }
        if let Some(entered) = closed.entered {
            self.entered(entered);
        }
        self.advance(closed.exited.min(known.now));
        self.monitor.count(closed);
        let value = known.value.filter(|_| self.monitor.is_in_day_of(known.now));
        self.pause_at(closed.exited, value);
    }

    fn advance(&mut self, to: Timestamp) {
        if let Some(ended) = self.monitor.advance(to).filter(|it| it.is_recorded) {
            self.ended = Some(ended);
        }
    }

    /// Whoever entered a trade was not paused.
    fn entered(&mut self, at: Timestamp) {
        let is_refuted = |it: &Pause| !it.is_recorded && it.since < at;
        if self.monitor.pause.as_ref().is_some_and(is_refuted) {
            self.monitor.pause = None;
        }
    }

    /// Pauses where the limits say so and nobody has recorded it yet.
    fn pause_at(&mut self, since: Timestamp, value: Option<PortfolioValue>) {
        if self.monitor.pause.is_some() {
            return;
        }
        let rules = self.monitor.broken(value);
        if !rules.is_empty() {
            self.monitor.pause = Some(Pause {
                since,
                day: self.monitor.day,
                rules,
                ends: self.monitor.limits().reset,
                portfolio_value: value,
                is_recorded: false,
            });
        }
    }
}
