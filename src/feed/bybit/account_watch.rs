//! When the account is read over requests, and what is missing of it if anything.
//!
//! Its socket is silent for hours when nothing happens, so that silence says nothing: it is compared with
//! requests from time to time. Requests lag behind the socket, so that after a break the account is read at
//! once, to know it, and again when the lag is over, to know that it is whole.
//!
//! Not here: the requests themselves.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use super::capture::Task;
use super::filling::{before, pause};
use super::track::Track;
use super::{AccountKind, AccountRow, Millis, StreamKind, Timing};

/// How many executions are remembered as seen.
const SEEN_MAX: usize = 50_000;
/// How far back an account is read of which nothing is known.
const UNKNOWN: Duration = Duration::from_secs(7 * 24 * 3600);

#[derive(Debug)]
pub(super) struct AccountWatch {
    timing: Timing,
    /// When it is read next; nothing before its socket was open.
    due: Option<Duration>,
    /// From when on what is read is whole.
    whole: Duration,
    is_out: bool,
    asked: Duration,
    tries: u32,
    seen: HashSet<Box<str>>,
    order: VecDeque<Box<str>>,
    /// From when on executions should have been seen.
    watched: Option<Millis>,
    /// Until when it was read.
    read: Option<Millis>,
    /// When it was watched for the first time: what was before that was promised to nobody.
    begun: Option<Millis>,
}

/// What reading it showed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Read {
    /// Whether what was missing is there now.
    pub(super) is_whole: bool,
    /// An execution that the socket should have told.
    pub(super) missed: Option<Box<str>>,
}

impl AccountWatch {
    pub(super) fn new(timing: &Timing) -> AccountWatch {
        AccountWatch {
            timing: timing.clone(),
            due: None,
            whole: Duration::ZERO,
            is_out: false,
            asked: Duration::ZERO,
            tries: 0,
            seen: HashSet::new(),
            order: VecDeque::new(),
            watched: None,
            read: None,
            begun: None,
        }
    }

    /// A topic of it is there, at this time of the exchange.
    pub(super) fn live(&mut self, now: Duration, exchange: Millis) {
        self.due = Some(now);
        self.whole = now.saturating_add(self.timing.executions_lag);
        self.watched = Some(exchange);
        self.begun.get_or_insert(exchange);
    }

    pub(super) fn saw(&mut self, execution: &str) {
        if self.seen.insert(execution.into()) {
            self.order.push_back(execution.into());
            if SEEN_MAX < self.order.len()
                && let Some(oldest) = self.order.pop_front()
            {
                self.seen.remove(&oldest);
            }
        }
    }

    /// Whether it is to be read, and from when.
    pub(super) fn due(
        &mut self,
        tracks: &[Track],
        now: Duration,
        exchange: Millis,
    ) -> Option<Task> {
        if self.is_out || self.due.is_none_or(|it| now < it) {
            return None;
        }
        (self.is_out, self.asked) = (true, now);
        let missing = tracks
            .iter()
            .filter(|it| it.is_missing() && matches!(it.stream.kind, StreamKind::Account(_)));
        let unknown = before(exchange, UNKNOWN);
        let broken = missing.map(|it| it.last().map_or(unknown, |it| it.time));
        let known = self.read.or(self.watched).unwrap_or(exchange);
        let lag = self.timing.executions_lag * 2;
        let from = match broken.min() {
            Some(broken) => before(broken.min(known), lag),
            None => before(known, lag).max(self.begun.unwrap_or(known)),
        };
        Some(Task::Account(from.min(exchange), exchange))
    }

    /// It could not be read. Says whether that is news.
    pub(super) fn failed(&mut self, now: Duration) -> bool {
        self.is_out = false;
        let is_new = self.tries == 0;
        self.due = Some(now.saturating_add(pause(&self.timing, self.tries)));
        self.tries = self.tries.saturating_add(1);
        is_new
    }

    /// It was read until then.
    pub(super) fn read(&mut self, until: Millis, rows: &[AccountRow], now: Duration) -> Read {
        (self.is_out, self.tries) = (false, 0);
        let is_whole = self.whole <= self.asked;
        let next = match is_whole {
            true => now.saturating_add(self.timing.compare_every),
            false => self.whole.max(now),
        };
        self.due = Some(next);
        let late = before(until, self.timing.executions_lag);
        // What was made while the socket opened may have gone by it.
        let lag = self.timing.executions_lag.as_millis();
        let lag = i64::try_from(lag).unwrap_or(i64::MAX);
        let watched = self.watched.map(|it| it.0.saturating_add(lag));
        let should_be_seen = |it: &&AccountRow| {
            it.kind == AccountKind::Execution
                && watched.is_some_and(|watched| watched < it.time.0)
                && it.time < late
                && !self.seen.contains(&it.key)
        };
        let missed = rows.iter().find(should_be_seen).map(|it| it.key.clone());
        // One that is younger may still come by the socket: it is judged the next time.
        let is_judged = |it: &&AccountRow| it.kind == AccountKind::Execution && it.time < late;
        for row in rows.iter().filter(is_judged) {
            self.saw(&row.key);
        }
        if is_whole {
            self.read = Some(until);
        }
        Read { is_whole, missed }
    }
}
