//! The monitor of one mode: what a bot asks before a trade and tells after it.
//!
//! Always true:
//! - The day only moves forward. A result belongs to the day of its exit, in the monitor's zone.
//! - While trading is paused, no check is allowed and no second pause begins.
//! - What a reset by hand has answered pauses again only after another loss.
//!
//! Not here: where a pause that was recorded comes from after a restart (`rebuilt`).

use std::{cmp::Ordering, collections::BTreeMap};

use rust_decimal::Decimal;

use super::event::{Facts, Rule, Snapshot, Told, What, pct, told};
use super::{
    CHECK_WHILE_PAUSED, CIRCUIT_BREAKER_RESET, PortfolioValue, Reset, RiskLimits, TRADING_RESUMED,
};
use crate::books::{ClosedTrade, Zone};
use crate::record::RiskEvent;
use crate::record::field::{
    ExecutionMode, Money, Outcome, Price, Quantity, RiskSeverity, Symbol, Word, product, sum,
};
use crate::time::{Day, Timestamp};

/// A position that a bot wants to open or to add to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Proposed {
    /// The ticker.
    pub symbol: Symbol,
    /// How many shares.
    pub quantity: Quantity,
    /// What one share will cost.
    pub price: Price,
    /// What is open in that symbol already, at what it is worth.
    pub held: Option<Money>,
}

/// Whether a position may be opened.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a trade that was rejected is not to be made"]
pub enum Verdict {
    /// It may.
    Allowed,
    /// It may not, and this is to be recorded.
    Rejected(Box<RiskEvent>),
}

/// Trading is paused.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Pause {
    /// Since when.
    pub since: Timestamp,
    /// The day of that.
    pub day: Day,
    /// Which limits were met; empty when the event behind it does not say.
    pub rules: Vec<Rule>,
    /// What ends it.
    pub ends: Reset,
    /// What the portfolio was worth then, if that is known.
    pub portfolio_value: Option<PortfolioValue>,
    /// Whether its event has been heard from the journal; until then it follows from the trades alone.
    pub is_recorded: bool,
}

/// Holds the limits of one mode against what happens in it.
#[derive(Clone, Debug)]
pub struct RiskMonitor {
    limits: RiskLimits,
    mode: ExecutionMode,
    zone: Zone,
    pub(super) day: Day,
    /// This day, and later ones as far as trades have closed in them: a clock may be behind.
    days: BTreeMap<Day, Daily>,
    losses: u32,
    losses_since_reset: u32,
    pub(super) pause: Option<Pause>,
}

/// What a day came to.
#[derive(Clone, Copy, Debug, Default)]
struct Daily {
    net: Decimal,
    /// A trade was lost since trading was resumed by hand.
    has_new_loss: bool,
    is_inexact: bool,
}

impl Proposed {
    /// That many shares at that price, with nothing open in the symbol.
    #[must_use]
    pub fn new(symbol: Symbol, quantity: Quantity, price: Price) -> Proposed {
        Proposed {
            symbol,
            quantity,
            price,
            held: None,
        }
    }

    /// With so much open in the symbol already. Its sign does not matter: a short position is at risk too.
    #[must_use]
    pub fn held(mut self, worth: Money) -> Proposed {
        self.held = Some(worth);
        self
    }

    /// What would be in the symbol; `None` when no decimal holds it exactly.
    #[must_use]
    pub fn position_value(&self) -> Option<Decimal> {
        let new = product(self.quantity.value(), self.price.value())?;
        let held = self.held.map_or(Decimal::ZERO, |it| it.value().abs());
        sum(new, held)
    }
}

impl RiskMonitor {
    /// A monitor that knows of no trade yet.
    #[must_use]
    pub fn new(limits: RiskLimits, mode: ExecutionMode, zone: Zone, now: Timestamp) -> RiskMonitor {
        RiskMonitor {
            limits,
            mode,
            day: zone.day(now),
            zone,
            days: BTreeMap::new(),
            losses: 0,
            losses_since_reset: 0,
            pause: None,
        }
    }

    /// Whether that position may be opened now. Ask before every trade that adds risk; an exit needs no
    /// leave.
    pub fn check(
        &mut self,
        proposed: &Proposed,
        portfolio_value: PortfolioValue,
        now: Timestamp,
    ) -> Verdict {
        self.advance(now);
        if self.pause.is_some() {
            let event = self.still_paused(proposed, portfolio_value, now);
            return Verdict::Rejected(Box::new(event));
        }
        // The portfolio may be worth less by now than when the last trade closed.
        if let Some(event) = self.trip(portfolio_value, now) {
            return Verdict::Rejected(Box::new(event));
        }
        let Some(max) = self.limits.max_position_pct else {
            return Verdict::Allowed;
        };
        let worth = proposed.position_value();
        let is_small = |it| max.compared(it, portfolio_value) != Ordering::Greater;
        if worth.is_some_and(is_small) {
            return Verdict::Allowed;
        }
        let event = self.too_large(proposed, worth, portfolio_value, now);
        Verdict::Rejected(Box::new(event))
    }

    /// Takes a trade that closed, and returns the event when it makes trading pause. A trade of the other
    /// mode is none of its business.
    pub fn observe(
        &mut self,
        closed: &ClosedTrade,
        portfolio_value: PortfolioValue,
        now: Timestamp,
    ) -> Option<RiskEvent> {
        if closed.mode != self.mode {
            return None;
        }
        self.advance(now);
        self.count(closed);
        self.trip(portfolio_value, now)
    }

    /// Takes it that a trade closed whose result cannot be added: what the day earned is not known, so
    /// trading pauses.
    pub fn observe_inexact(
        &mut self,
        portfolio_value: PortfolioValue,
        now: Timestamp,
    ) -> Option<RiskEvent> {
        self.advance(now);
        self.days.entry(self.day).or_default().is_inexact = true;
        self.trip(portfolio_value, now)
    }

    /// Begins the day of `now`, and returns the event when that ends a pause. [`RiskMonitor::check`] and
    /// [`RiskMonitor::observe`] begin it too, and tell nobody.
    pub fn turn(&mut self, portfolio_value: PortfolioValue, now: Timestamp) -> Option<RiskEvent> {
        let ended = self.advance(now)?;
        Some(self.resumed(&ended, Reset::NextDay, None, portfolio_value, now))
    }

    /// Ends a pause by hand and returns the event; `None` when trading is not paused.
    pub fn reset(
        &mut self,
        why: &str,
        portfolio_value: PortfolioValue,
        now: Timestamp,
    ) -> Option<RiskEvent> {
        self.advance(now);
        let ended = self.resume()?;
        Some(self.resumed(&ended, Reset::ByHand, Some(why), portfolio_value, now))
    }

    /// Takes an event that the journal has: a pause or a reset, by this process or another one. An event
    /// of the other mode is nothing; one that names none pauses, and resumes nothing.
    pub fn hear(&mut self, event: &RiskEvent) {
        let Some(Told { mode, what }) = self.concerning(event) else {
            return;
        };
        match what {
            What::Pause { rules, ends, value } => {
                self.hear_pause(Pause {
                    since: event.timestamp(),
                    day: self.zone.day(event.timestamp()),
                    rules,
                    ends: ends.unwrap_or(self.limits.reset),
                    portfolio_value: value,
                    is_recorded: true,
                });
            }
            What::Resume { .. } if mode.is_none() => {}
            What::Resume { by: Reset::ByHand } => {
                self.resume();
            }
            // Somebody else saw the next day first. A pause that only a person ends is not ended by that.
            What::Resume { by: Reset::NextDay } => {
                if self
                    .pause
                    .as_ref()
                    .is_some_and(|it| it.ends == Reset::NextDay)
                {
                    self.end();
                }
            }
        }
    }

    /// Whether an event changes anything in this monitor's mode.
    #[must_use]
    pub fn concerns(&self, event: &RiskEvent) -> bool {
        self.concerning(event).is_some()
    }

    /// Whether an event ends a pause in this monitor's mode.
    #[must_use]
    pub(crate) fn resumes(&self, event: &RiskEvent) -> bool {
        let told = self.concerning(event);
        told.is_some_and(|it| it.mode.is_some() && matches!(it.what, What::Resume { .. }))
    }

    /// Why trading is paused; `None` when it is not. It is as old as what was told last: the next day has
    /// begun when [`RiskMonitor::turn`] was called.
    #[must_use]
    pub fn pause(&self) -> Option<&Pause> {
        self.pause.as_ref()
    }

    /// The day that counts.
    #[must_use]
    pub fn day(&self) -> Day {
        self.day
    }

    /// The net results of the trades that closed on that day.
    #[must_use]
    pub fn daily_pnl(&self) -> Decimal {
        self.today().net
    }

    /// The same in per cent of the portfolio, rounded half to even at [`super::PCT_PLACES`] places.
    #[must_use]
    pub fn daily_pnl_pct(&self, portfolio_value: PortfolioValue) -> Decimal {
        pct(self.daily_pnl(), portfolio_value)
    }

    /// How many of the last trades in a row were lost.
    #[must_use]
    pub fn consecutive_losses(&self) -> u32 {
        self.losses
    }

    /// How many of these count against the limit: those since the last reset.
    #[must_use]
    pub fn losses_since_reset(&self) -> u32 {
        self.losses_since_reset
    }

    /// Whose trades it watches.
    #[must_use]
    pub fn mode(&self) -> ExecutionMode {
        self.mode
    }

    /// The limits.
    #[must_use]
    pub fn limits(&self) -> &RiskLimits {
        &self.limits
    }
}

impl RiskMonitor {
    /// Moves on to the day of `now`; returns the pause that this ended.
    pub(super) fn advance(&mut self, now: Timestamp) -> Option<Pause> {
        let day = self.zone.day(now);
        if day <= self.day {
            return None;
        }
        self.day = day;
        self.days = self.days.split_off(&day);
        let is_over = |it: &&mut Option<Pause>| {
            it.as_ref()
                .is_some_and(|it| it.ends == Reset::NextDay && it.day < day)
        };
        let ended = Some(&mut self.pause).filter(is_over)?.take();
        self.losses_since_reset = 0;
        ended
    }

    /// Whether the day that counts is the one of `now`.
    pub(super) fn is_in_day_of(&self, now: Timestamp) -> bool {
        self.day == self.zone.day(now)
    }

    /// Adds a trade up, without looking at the limits.
    pub(super) fn count(&mut self, closed: &ClosedTrade) {
        let outcome = Outcome::of_net(closed.net);
        if outcome == Outcome::Loss {
            self.losses = self.losses.saturating_add(1);
            self.losses_since_reset = self.losses_since_reset.saturating_add(1);
        } else {
            self.losses = 0;
            self.losses_since_reset = 0;
        }
        let day = self.zone.day(closed.exited);
        if day < self.day {
            return;
        }
        let daily = self.days.entry(day).or_default();
        daily.has_new_loss |= outcome == Outcome::Loss;
        match sum(daily.net, closed.net) {
            Some(net) => daily.net = net,
            None => daily.is_inexact = true,
        }
    }

    /// Which limits of a pause are met. Without the portfolio's value the day's loss is not looked at.
    pub(super) fn broken(&self, value: Option<PortfolioValue>) -> Vec<Rule> {
        let today = self.today();
        let mut rules = Vec::new();
        if let (Some(max), Some(value)) = (self.limits.max_daily_loss_pct, value)
            && today.has_new_loss
            && max.compared(-today.net, value) != Ordering::Less
        {
            rules.push(Rule::DailyLoss);
        }
        let max = self.limits.max_consecutive_losses;
        if max.is_some_and(|it| it.value() <= self.losses_since_reset) {
            rules.push(Rule::LosingStreak);
        }
        if today.is_inexact {
            rules.push(Rule::InexactSum);
        }
        rules
    }

    /// Pauses trading when it is not paused and a limit is met.
    fn trip(&mut self, value: PortfolioValue, now: Timestamp) -> Option<RiskEvent> {
        if self.pause.is_some() {
            return None;
        }
        let rules = self.broken(Some(value));
        if rules.is_empty() {
            return None;
        }
        let pause = Pause {
            since: now,
            day: self.day,
            rules,
            ends: self.limits.reset,
            portfolio_value: Some(value),
            is_recorded: false,
        };
        let event = self.tripped(&pause, value, now);
        self.pause = Some(pause);
        Some(event)
    }

    fn hear_pause(&mut self, pause: Pause) {
        let is_past = pause.ends == Reset::NextDay && pause.day < self.day;
        let is_known = self.pause.as_ref().is_some_and(|it| it.is_recorded);
        if !is_past && !is_known {
            self.pause = Some(pause);
        }
    }

    /// Ends a pause by hand: what was lost so far is answered.
    fn resume(&mut self) -> Option<Pause> {
        let ended = self.end()?;
        for daily in self.days.values_mut() {
            daily.has_new_loss = false;
            daily.is_inexact = false;
        }
        Some(ended)
    }

    fn end(&mut self) -> Option<Pause> {
        let ended = self.pause.take()?;
        self.losses_since_reset = 0;
        Some(ended)
    }

    fn concerning(&self, event: &RiskEvent) -> Option<Told> {
        let told = told(event)?;
        told.mode.is_none_or(|it| it == self.mode).then_some(told)
    }

    fn today(&self) -> Daily {
        self.days.get(&self.day).copied().unwrap_or_default()
    }
}

/// The events.
impl RiskMonitor {
    /// Trading pauses.
    pub(super) fn tripped(
        &self,
        pause: &Pause,
        value: PortfolioValue,
        now: Timestamp,
    ) -> RiskEvent {
        let mut snapshot = self.snapshot(&pause.rules, value);
        snapshot.breaker(&self.limits, pause.ends);
        snapshot.losses_since_reset = Some(self.losses_since_reset);
        let what = (RiskEvent::CIRCUIT_BREAKER_TRIP, RiskEvent::TRADING_PAUSED);
        self.event(what, RiskSeverity::Critical, snapshot, value, now)
    }

    /// Trading goes on.
    pub(super) fn resumed(
        &self,
        ended: &Pause,
        by: Reset,
        why: Option<&str>,
        value: PortfolioValue,
        now: Timestamp,
    ) -> RiskEvent {
        let mut snapshot = self.snapshot(&ended.rules, value);
        snapshot.breaker(&self.limits, ended.ends);
        snapshot.paused_since = Some(ended.since.to_string());
        snapshot.reset_by = Some(by.as_str());
        snapshot.why = why;
        let what = (CIRCUIT_BREAKER_RESET, TRADING_RESUMED);
        self.event(what, RiskSeverity::Warning, snapshot, value, now)
    }

    fn still_paused(
        &self,
        proposed: &Proposed,
        value: PortfolioValue,
        now: Timestamp,
    ) -> RiskEvent {
        let pause = self.pause.as_ref();
        let rules = pause.map_or(&[][..], |it| &it.rules);
        let mut snapshot = self.snapshot(rules, value);
        snapshot.breaker(&self.limits, pause.map_or(self.limits.reset, |it| it.ends));
        snapshot.paused_since = pause.map(|it| it.since.to_string());
        wanted(&mut snapshot, proposed);
        let what = (CHECK_WHILE_PAUSED, RiskEvent::POSITION_REJECTED);
        self.event(what, RiskSeverity::Warning, snapshot, value, now)
    }

    fn too_large(
        &self,
        proposed: &Proposed,
        worth: Option<Decimal>,
        value: PortfolioValue,
        now: Timestamp,
    ) -> RiskEvent {
        let mut snapshot = self.snapshot(&[Rule::PositionLimit], value);
        snapshot.max_position_pct = self.limits.max_position_pct.map(|it| it.to_string());
        wanted(&mut snapshot, proposed);
        snapshot.position_value = worth.map(|it| it.to_string());
        let what = (
            RiskEvent::POSITION_LIMIT_EXCEEDED,
            RiskEvent::POSITION_REJECTED,
        );
        self.event(what, RiskSeverity::Warning, snapshot, value, now)
    }

    fn snapshot<'a>(&self, rules: &[Rule], value: PortfolioValue) -> Snapshot<'a> {
        Snapshot {
            execution_mode: self.mode.as_str(),
            rules: rules.iter().map(|it| it.as_str()).collect(),
            portfolio_value: value.to_string(),
            day: self.day.to_string(),
            ..Snapshot::default()
        }
    }

    fn event(
        &self,
        (event_type, action_taken): (Word, Word),
        severity: RiskSeverity,
        snapshot: Snapshot<'_>,
        value: PortfolioValue,
        at: Timestamp,
    ) -> RiskEvent {
        let facts = Facts {
            at,
            event_type,
            severity,
            action_taken,
            daily_pnl: self.daily_pnl(),
            consecutive_losses: self.losses,
            value,
            snapshot,
        };
        facts.event()
    }
}

/// What was proposed.
fn wanted(snapshot: &mut Snapshot<'_>, proposed: &Proposed) {
    snapshot.symbol = Some(proposed.symbol.to_string());
    snapshot.quantity = Some(proposed.quantity.value());
    snapshot.price = Some(proposed.price.to_string());
    snapshot.held = proposed.held.map(|it| it.to_string());
}
