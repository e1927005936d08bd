//! The limits of risk, attached to a journal: a bot asks the guard before a trade and shows it every
//! trade record after.
//!
//! Always true:
//! - A pause outlives the process. It is rebuilt from `risk-management`, or, when the process ended
//!   between the trade and the event, from the trades; the event is then recorded late.
//! - What another process appended to `risk-management`, a reset by `tj risk reset` above all, is heard
//!   at the next check.
//! - A check is rejected whether or not its event can be recorded. What could not be written is kept,
//!   tried again with the next event, and told by [`RiskGuard::troubles`].
//! - LIVE and PAPER never mix: a guard is of one mode.
//!
//! Not here: what the limits mean (`books::risk`), and whether the bot obeys.

use std::{
    collections::VecDeque,
    fmt,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::books::risk::{
    History, Known, Pause, PortfolioValue, Proposed, Replay, RiskLimits, RiskMonitor, Verdict,
};
use crate::books::{ClosedTrade, Pairing, Step, SumError, Zone};
use crate::journal::{AppendError, Followed, Journal, OpenError, ReadError, Troubles, Writer};
use crate::record::field::{ExecutionMode, Wrong};
use crate::record::{RiskEvent, Stream, TradeRecord, personal};
use crate::time::{Clock, Timestamp};

use super::Settings;

/// How long a look at two files is enough. A process whose clock is ahead may have begun a day that is in
/// neither.
const GLANCE_MAX: Duration = Duration::from_secs(1);
/// How many closed trades are kept apart at least, so that an exit which comes late is put among them
/// without going through the journal again.
const RECENT_MIN: usize = 1000;
/// How many events wait to be written at most; past that, rejections are not recorded.
const UNWRITTEN_MAX: usize = 1000;

/// Why a guard could not be opened. A bot that trades with limits does not trade without it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GuardError {
    /// The stream of the risk events cannot be written.
    #[error("guard the limits of risk")]
    Open(#[source] OpenError),
    /// What is in the journal cannot be read.
    #[error("guard the limits of risk")]
    Read(#[source] ReadError),
    /// The reason of a reset says nothing, or something that must not be in a journal.
    #[error("the reason of a reset {0}")]
    Why(String),
    /// An event could not be recorded.
    #[error("record a risk event")]
    Append(#[source] AppendError),
}

/// Keeps a bot within its limits.
pub struct RiskGuard {
    state: Mutex<State>,
}

struct State {
    journal: Journal,
    clock: Arc<dyn Clock>,
    limits: RiskLimits,
    mode: ExecutionMode,
    zone: Zone,
    monitor: RiskMonitor,
    pairing: Pairing,
    /// How many trade records came before.
    place: u64,
    /// The way up to the recent trades, and how many of the events that were heard are on it.
    base: Replay,
    base_events: usize,
    /// The closed trades of after that, in the order of their last exits.
    recent: Vec<ClosedTrade>,
    /// Trades that closed before that are in the base.
    recent_from: Timestamp,
    /// When the newest trade was entered.
    last_entry: Option<Timestamp>,
    /// When a pause was last ended before its time.
    last_reset: Timestamp,
    /// The last exit of a trade whose result cannot be added.
    last_inexact: Timestamp,
    /// The pauses and resets of this mode that the journal has.
    heard: Vec<RiskEvent>,
    /// Those that this guard wrote and has not heard yet.
    unheard: VecDeque<RiskEvent>,
    /// Something was heard that stands before what the monitor knows already.
    is_stale: bool,
    followed: Followed<RiskEvent>,
    glance: Glance,
    /// `None` after it failed, until there is something to write.
    writer: Option<Writer<RiskEvent>>,
    unwritten: VecDeque<Unwritten>,
    troubles: Troubles,
}

/// What the stream looked like before it was last listened to. Two looks at files cost microseconds, and
/// listing all days of years a millisecond.
#[derive(Debug, Default)]
struct Glance {
    /// The file of the newest event that was heard.
    file: Option<Arc<Path>>,
    /// What that file was, and today's.
    seen: Option<[(u64, (u64, u64)); 2]>,
    /// When all days were looked at.
    at: Option<Instant>,
}

/// An event that is not in the journal yet.
#[derive(Debug)]
struct Unwritten {
    event: RiskEvent,
    /// Its append failed half-way: it may be in the journal all the same.
    is_doubtful: bool,
}

impl RiskGuard {
    /// A guard over the trades of `mode` in `journal`, whose days begin in `zone`.
    ///
    /// It reads the journal's trades and risk events once, so open it before the bot's first trade, and
    /// records what a run that ended too early could not: that trading is paused.
    ///
    /// ```no_run
    /// use tradejournal::books::{Zone, risk::{Proposed, RiskLimits, Verdict}};
    /// use tradejournal::bot::RiskGuard;
    /// use tradejournal::{Journal, record::field::ExecutionMode};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let journal = Journal::open("logs")?;
    /// let limits = RiskLimits {
    ///     max_position_pct: Some("5".parse()?),
    ///     max_daily_loss_pct: Some("3".parse()?),
    ///     max_consecutive_losses: Some("3".parse()?),
    ///     ..RiskLimits::default()
    /// };
    /// let portfolio = "100000".parse()?;
    /// let mode = ExecutionMode::Paper;
    /// let guard = RiskGuard::open(&journal, limits, mode, Zone::default(), portfolio)?;
    /// let wanted = Proposed::new("AAPL".parse()?, "30".parse()?, "150.25".parse()?);
    /// if let Verdict::Rejected(event) = guard.check(&wanted, portfolio) {
    ///     eprintln!("no trade: {}", event.event_type().as_str());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`GuardError`].
    pub fn open(
        journal: &Journal,
        limits: RiskLimits,
        mode: ExecutionMode,
        zone: Zone,
        portfolio_value: PortfolioValue,
    ) -> Result<RiskGuard, GuardError> {
        // Order matters: the writer first, since opening it mends a tail that a crash left.
        let writer = journal.writer::<RiskEvent>().map_err(GuardError::Open)?;
        let clock = Arc::clone(journal.clock());
        let nothing = History {
            closed: &[],
            open: &[],
            events: &[],
        };
        let mut state = State {
            journal: journal.clone(),
            monitor: RiskMonitor::new(limits, mode, zone.clone(), clock.now()),
            base: Replay::new(limits, mode, zone.clone(), &nothing, clock.now()),
            base_events: 0,
            recent: Vec::new(),
            recent_from: Timestamp::MIN,
            last_entry: None,
            clock,
            limits,
            mode,
            zone,
            pairing: Pairing::new(),
            place: 0,
            last_reset: Timestamp::MIN,
            last_inexact: Timestamp::MIN,
            heard: Vec::new(),
            unheard: VecDeque::new(),
            is_stale: false,
            followed: journal.read::<RiskEvent>().follow(),
            glance: Glance::default(),
            writer: Some(writer),
            unwritten: VecDeque::new(),
            troubles: Troubles::default(),
        };
        state.read_events()?;
        state.read_trades()?;
        let now = state.clock.now();
        let unrecorded = state.rebuild(Known {
            value: Some(portfolio_value),
            now,
        });
        unrecorded.into_iter().for_each(|it| state.record(it));
        Ok(RiskGuard {
            state: Mutex::new(state),
        })
    }

    /// Whether that position may be opened now. To allow costs two looks at files, a few microseconds,
    /// however long the journal is. A rejection is recorded before it is returned, which costs a sync; so
    /// while trading is paused, a bot that only wants to know asks [`RiskGuard::pause`].
    ///
    /// An exit needs no leave: what is open must always be closable.
    pub fn check(&self, proposed: &Proposed, portfolio_value: PortfolioValue) -> Verdict {
        let mut state = self.state();
        let now = state.catch_up(portfolio_value);
        let verdict = state.monitor.check(proposed, portfolio_value, now);
        if let Verdict::Rejected(event) = &verdict {
            state.record(RiskEvent::clone(event));
        }
        verdict
    }

    /// Takes a trade record that was appended, entry or exit, and returns the event when it makes trading
    /// pause; it has been recorded, or waits as [`RiskGuard::unrecorded`] counts. Records come in the order
    /// of the log.
    pub fn observe(
        &self,
        trade: &TradeRecord,
        portfolio_value: PortfolioValue,
    ) -> Option<RiskEvent> {
        let mut state = self.state();
        let now = state.catch_up(portfolio_value);
        let mut pauses = None;
        for event in state.take(trade, portfolio_value, now) {
            if *event.action_taken() == RiskEvent::TRADING_PAUSED {
                pauses = Some(event.clone());
            }
            state.record(event);
        }
        pauses
    }

    /// Why trading is paused at this moment; `None` when it is not. Nothing is recorded by asking, but for
    /// a pause that the next day has ended.
    #[must_use]
    pub fn pause(&self, portfolio_value: PortfolioValue) -> Option<Pause> {
        let mut state = self.state();
        state.catch_up(portfolio_value);
        state.monitor.pause().cloned()
    }

    /// Ends a pause by hand, as `tj risk reset` does, and returns the event, which has been recorded, or
    /// waits as [`RiskGuard::unrecorded`] counts; `None` when trading is not paused.
    ///
    /// # Errors
    /// [`GuardError::Why`] when `why` is blank, or has personal data in a journal that allows none.
    pub fn reset(
        &self,
        why: &str,
        portfolio_value: PortfolioValue,
    ) -> Result<Option<RiskEvent>, GuardError> {
        let mut state = self.state();
        state.refuse_why(why)?;
        let now = state.catch_up(portfolio_value);
        let Some(event) = state.monitor.reset(why, portfolio_value, now) else {
            return Ok(None);
        };
        state.last_reset = state.last_reset.max(now);
        state.record(event.clone());
        Ok(Some(event))
    }

    /// The monitor as it stands, after what other processes did.
    #[must_use]
    pub fn monitor(&self, portfolio_value: PortfolioValue) -> RiskMonitor {
        let mut state = self.state();
        state.catch_up(portfolio_value);
        state.monitor.clone()
    }

    /// What went wrong since this was last asked: events that could not be recorded, lines that could not
    /// be read.
    #[must_use]
    pub fn troubles(&self) -> Vec<String> {
        let mut state = self.state();
        let own = state.writer.as_ref().map(Writer::troubles);
        own.unwrap_or_default()
            .into_iter()
            .for_each(|it| state.troubles.keep(it));
        state.troubles.take()
    }

    /// How many events wait to be recorded because the stream could not be written.
    #[must_use]
    pub fn unrecorded(&self) -> usize {
        self.state().unwritten.len()
    }

    /// Finishes: tries once more to record what could not be, and closes the stream.
    ///
    /// # Errors
    /// See [`GuardError`]; something stays unrecorded, or the stream cannot be closed.
    pub fn close(self) -> Result<(), GuardError> {
        let mut state = self
            .state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let written = state.write();
        let closed = state.writer.take().map_or(Ok(()), Writer::close);
        written.and(closed.map_err(GuardError::Append))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A check that panicked has changed nothing by halves that the next one would not find again.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Everything that is in `risk-management` now.
    fn read_events(&mut self) -> Result<(), GuardError> {
        while let Some(item) = self.followed.next_now() {
            match item {
                Ok(entry) => {
                    self.hear(&entry.record);
                    self.glance.file = Some(entry.position.file);
                }
                Err(error) if error.position().is_none() => return Err(GuardError::Read(error)),
                // One bad line ends nothing.
                Err(error) => self.troubles.keep_error(&error),
            }
        }
        Ok(())
    }

    fn read_trades(&mut self) -> Result<(), GuardError> {
        let mut entries = self.journal.read::<TradeRecord>().iter();
        while let Some(item) = entries.next_entry() {
            let step = match item {
                Ok(entry) if entry.record.execution_mode() != self.mode => continue,
                Ok(entry) => self.pairing.take(entry.record, self.place),
                Err(error) if error.position().is_none() => return Err(GuardError::Read(error)),
                Err(error) => {
                    self.troubles.keep_error(&error);
                    continue;
                }
            };
            self.place += 1;
            if let Err(error) = step {
                self.inexact(&error);
            }
        }
        Ok(())
    }

    /// Makes the monitor anew from all trades and events; returns what is to be recorded.
    fn rebuild(&mut self, known: Known) -> Vec<RiskEvent> {
        let mut inexact = Vec::new();
        let mut bad = |it: SumError| inexact.push(it);
        let (closed, open) = (self.pairing.closed(&mut bad), self.pairing.open(&mut bad));
        inexact.iter().for_each(|it| self.inexact(it));
        let entered = closed.iter().filter_map(|it| it.entered);
        self.last_entry = entered.chain(open.iter().map(|it| it.entered)).max();
        let history = History {
            closed: &closed,
            open: &open,
            events: &self.heard,
        };
        let zone = self.zone.clone();
        self.base = Replay::new(self.limits, self.mode, zone, &history, known.now);
        (self.base_events, self.recent_from) = (0, Timestamp::MIN);
        self.recent = closed;
        self.settle(known);
        self.remake(known)
    }

    /// A trade whose result cannot be added: what its day earned is not known.
    fn inexact(&mut self, error: &SumError) {
        self.troubles.keep_error(error);
        self.last_inexact = self.last_inexact.max(error.at);
    }

    /// Makes the monitor anew from the recent trades on; returns what is to be recorded.
    fn remake(&mut self, known: Known) -> Vec<RiskEvent> {
        let mut replay = self.base.clone();
        let heard = self.heard.iter().skip(self.base_events);
        // Order matters: what it wrote stands behind what it heard, and before what is still to be written.
        let waiting = self.unwritten.iter().map(|it| &it.event);
        let events = heard.chain(&self.unheard).chain(waiting);
        let events: Vec<RiskEvent> = events.cloned().collect();
        replay.run(&self.recent, &events, known);
        let rebuilt = replay.finish(self.last_entry, known);
        (self.monitor, self.is_stale) = (rebuilt.monitor, false);
        let mut unrecorded = rebuilt.unrecorded;
        let is_open =
            |at: Timestamp| self.last_reset < at && self.zone.day(at) == self.zone.day(known.now);
        if let Some(value) = known.value
            && is_open(self.last_inexact)
        {
            unrecorded.extend(self.monitor.observe_inexact(value, known.now));
        }
        unrecorded
    }

    /// Moves the base on when many trades came after it.
    fn settle(&mut self, known: Known) {
        if self.recent.len() <= 2 * RECENT_MIN {
            return;
        }
        let Some(first) = self.recent.get(self.recent.len() - RECENT_MIN) else {
            return;
        };
        self.recent_from = first.exited;
        let older = self
            .recent
            .partition_point(|it| it.exited < self.recent_from);
        let heard = self.heard.get(self.base_events..).unwrap_or_default();
        let events = self.base.events_before(heard, self.recent_from);
        let closed: Vec<ClosedTrade> = self.recent.drain(..older).collect();
        self.base
            .run(&closed, heard.get(..events).unwrap_or_default(), known);
        self.base_events += events;
    }

    /// Hears what was appended since the last time, and begins the day.
    fn catch_up(&mut self, portfolio_value: PortfolioValue) -> Timestamp {
        let now = self.clock.now();
        let is_taken_back = self.may_have_news(now) && self.listen();
        let value = Some(portfolio_value);
        if is_taken_back {
            self.begin_again(portfolio_value, now);
        } else if self.is_stale {
            let unrecorded = self.remake(Known { value, now });
            unrecorded.into_iter().for_each(|it| self.record(it));
        }
        if let Some(event) = self.monitor.turn(portfolio_value, now) {
            self.record(event);
        }
        now
    }

    /// Whether anything may have been appended since the last time that this was asked.
    fn may_have_news(&mut self, now: Timestamp) -> bool {
        let today = self.journal.layout().day(Stream::RiskManagement, now.day());
        let look = |path: &Path| match self.journal.disk().look(path) {
            Ok(Some(found)) => Some((found.len, found.identity)),
            Ok(None) => Some((0, (0, 0))),
            Err(_) => None,
        };
        let heard = self.glance.file.as_deref().map_or(Some((0, (0, 0))), look);
        let seen = heard.zip(look(&today)).map(|(heard, today)| [heard, today]);
        let is_recent = self.glance.at.is_some_and(|it| it.elapsed() < GLANCE_MAX);
        if is_recent && seen.is_some() && seen == self.glance.seen {
            return false;
        }
        // Order matters: it was looked at before it is read, so that what comes in between is seen next time.
        self.glance.seen = seen;
        self.glance.at = Some(Instant::now());
        true
    }

    /// Hears what was appended; returns whether lines that were heard are not there any more.
    fn listen(&mut self) -> bool {
        let mut is_taken_back = false;
        while let Some(item) = self.followed.next_now() {
            match item {
                Ok(entry) => {
                    self.hear(&entry.record);
                    self.glance.file = Some(entry.position.file);
                }
                Err(error) => {
                    // What could not be read now is to be tried again at the next check.
                    self.glance.seen = None;
                    is_taken_back |= matches!(error, ReadError::TakenBack { .. });
                    self.troubles.keep_error(&error);
                }
            }
        }
        is_taken_back
    }

    fn hear(&mut self, event: &RiskEvent) {
        let is_own = self.is_own(event);
        if !self.monitor.concerns(event) {
            return;
        }
        let at = event.timestamp();
        let was_paused = self.monitor.pause().is_some();
        // What the monitor knows of itself it must not take for news: a pause may have begun since.
        match is_own || !self.unwritten.is_empty() {
            true => self.is_stale = true,
            false => self.monitor.hear(event),
        }
        if self.monitor.resumes(event) && was_paused {
            self.last_reset = self.last_reset.max(at);
            if !is_own {
                // What was answered must not pause again because it is written late.
                let monitor = &self.monitor;
                let is_answered = |it: &RiskEvent| monitor.concerns(it) && it.timestamp() <= at;
                self.unwritten.retain(|it| !is_answered(&it.event));
            }
        }
        self.heard.push(event.clone());
    }

    /// Whether this guard wrote it, which it may not have known of an append that failed half-way.
    fn is_own(&mut self, event: &RiskEvent) -> bool {
        let doubtful = self.unwritten.len();
        self.unwritten
            .retain(|it| !it.is_doubtful || it.event != *event);
        let unheard = self.unheard.iter().position(|it| it == event);
        let known = unheard.and_then(|it| self.unheard.remove(it));
        known.is_some() || self.unwritten.len() < doubtful
    }

    fn refuse_why(&self, why: &str) -> Result<(), GuardError> {
        if why.trim().is_empty() {
            return Err(GuardError::Why("must not be blank".to_owned()));
        }
        match personal::find(why).filter(|_| !self.journal.allows_personal_data()) {
            Some(kind) => Err(GuardError::Why(format!("must not have {kind} in it"))),
            None => Ok(()),
        }
    }

    /// Nobody was promised what is gone, so it must not count.
    fn begin_again(&mut self, portfolio_value: PortfolioValue, now: Timestamp) {
        self.heard.clear();
        self.unheard.clear();
        self.followed = self.journal.read::<RiskEvent>().follow();
        if let Err(error) = self.read_events() {
            self.troubles.keep_error(&error);
        }
        let value = Some(portfolio_value);
        let unrecorded = self.rebuild(Known { value, now });
        unrecorded.into_iter().for_each(|it| self.record(it));
    }

    /// Takes a trade record; returns what is to be recorded of it.
    fn take(
        &mut self,
        trade: &TradeRecord,
        portfolio_value: PortfolioValue,
        now: Timestamp,
    ) -> Vec<RiskEvent> {
        if trade.execution_mode() != self.mode {
            return Vec::new();
        }
        let step = self.pairing.take(trade, self.place);
        self.place += 1;
        let value = Some(portfolio_value);
        let known = Known { value, now };
        match step {
            Ok(Step::Closed(closed)) if closed.exited < self.recent_from => self.rebuild(known),
            Ok(Step::Closed(closed)) => self.close(*closed, portfolio_value, known),
            // It changes a trade that is counted already.
            Ok(Step::Revised) => self.rebuild(known),
            Ok(Step::Opened) => {
                self.last_entry = self.last_entry.max(Some(trade.timestamp()));
                Vec::new()
            }
            Ok(_) => Vec::new(),
            Err(error) => {
                self.inexact(&error);
                let event = self.monitor.observe_inexact(portfolio_value, now);
                event.into_iter().collect()
            }
        }
    }

    /// Counts a trade where it will stand after a restart, too: by its exit, not by when it was told.
    fn close(
        &mut self,
        closed: ClosedTrade,
        portfolio_value: PortfolioValue,
        known: Known,
    ) -> Vec<RiskEvent> {
        let is_last = self
            .recent
            .last()
            .is_none_or(|it| it.exited <= closed.exited);
        if is_last && self.last_reset < closed.exited {
            let event = self.monitor.observe(&closed, portfolio_value, known.now);
            self.recent.push(closed);
            self.settle(known);
            return event.into_iter().collect();
        }
        let place = (closed.exited, closed.place);
        let at = self
            .recent
            .partition_point(|it| (it.exited, it.place) <= place);
        self.recent.insert(at, closed);
        self.remake(known)
    }

    /// Has an event written, now or with the next one.
    fn record(&mut self, event: RiskEvent) {
        if UNWRITTEN_MAX <= self.unwritten.len() && !self.monitor.concerns(&event) {
            let kind = event.event_type().as_str();
            self.troubles.keep(format!(
                "{UNWRITTEN_MAX} risk events wait: a {kind} was not recorded"
            ));
            return;
        }
        self.unwritten.push_back(Unwritten {
            event,
            is_doubtful: false,
        });
        // It is a trouble by now; what was decided holds all the same.
        let _ = self.write();
    }

    fn write(&mut self) -> Result<(), GuardError> {
        while !self.unwritten.is_empty() {
            if let Err(error) = self.write_first() {
                self.troubles.keep_error(&error);
                return Err(error);
            }
        }
        Ok(())
    }

    fn write_first(&mut self) -> Result<(), GuardError> {
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => self.journal.writer().map_err(GuardError::Open)?,
        };
        // Order matters: opening anew has decided what became of an append that failed half-way.
        if self.unwritten.front().is_some_and(|it| it.is_doubtful) {
            self.listen();
        }
        let Some(first) = self.unwritten.front_mut() else {
            self.writer = Some(writer);
            return Ok(());
        };
        first.is_doubtful = false;
        let error = match writer.append(&first.event) {
            Ok(_) => {
                let written = self.unwritten.pop_front().map(|it| it.event);
                self.unheard
                    .extend(written.filter(|it| self.monitor.concerns(it)));
                self.writer = Some(writer);
                return Ok(());
            }
            Err(error) => error,
        };
        match &error {
            AppendError::Unknown { .. } => first.is_doubtful = true,
            AppendError::Ended { .. } => {}
            // It would be refused every time.
            AppendError::Refused { .. } | AppendError::TooLong { .. } => {
                self.unwritten.pop_front();
                self.writer = Some(writer);
            }
            _ => self.writer = Some(writer),
        }
        Err(GuardError::Append(error))
    }
}

/// The limits that a session's line tells of, so that what is told and what holds cannot drift.
impl TryFrom<&Settings> for RiskLimits {
    type Error = Wrong;

    fn try_from(settings: &Settings) -> Result<RiskLimits, Wrong> {
        RiskLimits::of_settings(
            settings.max_position_pct,
            settings.max_daily_loss_pct,
            settings.max_consecutive_losses,
        )
    }
}

impl fmt::Debug for RiskGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("RiskGuard")
            .field("mode", &state.mode)
            .field("pause", &state.monitor.pause())
            .finish_non_exhaustive()
    }
}
