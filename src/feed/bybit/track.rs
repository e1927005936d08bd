//! One stream: how far it is known, and whether something of it is missing.
//!
//! Always true:
//! - Either all that came since the last gap is known, or a gap is open: there is nothing between.
//! - A gap begins a little before the last event, for neighbours may have changed places, and ends a little
//!   after the first one.
//!
//! Not here: how a gap is filled (`proof`), and where it is written.

use std::collections::VecDeque;
use std::time::Duration;

use super::filling::before;
use super::{Answer, Cause, Gap, GapEnd, GapId, GapState, Millis, Point, Stream, Timing};

/// How many events are remembered, and how far apart: enough to reach behind the span of `Timing::reorder`.
const POINTS_MAX: usize = 24;
const APART: i64 = 100;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Cover {
    /// Nothing was promised yet.
    Starting,
    Covered,
    /// A gap of that number is open since then, or since an earlier run.
    Missing(GapId, Option<Duration>),
}

/// What a gap was when it ended: whoever fills it wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) end: GapEnd,
    /// How long it was.
    pub(super) span: Duration,
    /// Events before it that are known: an answer that goes back to them has them.
    pub(super) before: Vec<Point>,
}

#[derive(Debug)]
pub(super) struct Track {
    pub(super) stream: Stream,
    cover: Cover,
    /// Since when it is covered without an event, if it had none: the start of the run at first.
    since: Duration,
    /// The last event, and some before it, oldest first.
    points: VecDeque<Point>,
    last: Option<Point>,
    /// Those that were known when the gap began.
    before: Vec<Point>,
    /// When it was last heard of, and whether its silence is being looked into.
    pub(super) heard: Duration,
    pub(super) is_live: bool,
    pub(super) asked_after: Option<Duration>,
    reorder: i64,
}

impl Track {
    pub(super) fn new(stream: Stream, known: &[Point], timing: &Timing) -> Track {
        let mut track = Track {
            stream,
            cover: Cover::Starting,
            since: Duration::ZERO,
            points: VecDeque::new(),
            last: None,
            before: Vec::new(),
            heard: Duration::ZERO,
            is_live: false,
            asked_after: None,
            reorder: i64::try_from(timing.reorder.as_millis()).unwrap_or(i64::MAX),
        };
        for point in known {
            track.remember(point);
        }
        track
    }

    /// A gap of an earlier run goes on.
    pub(super) fn goes_on(&mut self, gap: &Gap) {
        self.cover = Cover::Missing(gap.id, None);
        self.before = match &gap.last {
            None => Vec::new(),
            Some(_) => self.points.iter().cloned().collect(),
        };
    }

    pub(super) fn is_missing(&self) -> bool {
        matches!(self.cover, Cover::Missing(..))
    }

    pub(super) fn last(&self) -> Option<&Point> {
        self.last.as_ref()
    }

    /// From here on something may be missing. Not when it is missing already.
    pub(super) fn broke(
        &mut self,
        id: GapId,
        cause: Cause,
        detail: &str,
        now: Duration,
        declared: Millis,
    ) -> Option<Gap> {
        self.is_live = false;
        if self.is_missing() {
            return None;
        }
        // By this run's clock the time before it is nothing.
        let since = (cause != Cause::Restart).then_some(now);
        self.cover = Cover::Missing(id, since);
        self.before = self.points.iter().cloned().collect();
        Some(Gap {
            id,
            stream: self.stream.clone(),
            cause,
            detail: detail.to_owned(),
            declared,
            from: self.anchor().map(|it| it.time),
            last: self.last.clone(),
            to: None,
            first: None,
            state: GapState::Open,
            rows: 0,
            filled_by: None,
            rest: None,
        })
    }

    /// The newest event that no other may have overtaken.
    fn anchor(&self) -> Option<&Point> {
        let before = self.last.as_ref()?.time.0.saturating_sub(self.reorder);
        let old = self.points.iter().rev().find(|it| it.time.0 <= before);
        old.or_else(|| self.points.front())
    }

    /// It is there from now on, although nothing came yet.
    pub(super) fn live(&mut self, now: Duration) {
        (self.is_live, self.heard) = (true, now);
        if self.cover == Cover::Starting {
            self.cover = Cover::Covered;
            self.since = now;
        }
    }

    /// An event came, the earliest and the newest of its message.
    pub(super) fn event(&mut self, first: &Point, newest: &Point, now: Duration) -> Option<Ended> {
        self.heard = now;
        self.asked_after = None;
        let ended = match self.cover {
            Cover::Missing(id, since) => {
                let span = match (since, &self.last) {
                    (Some(since), _) => now.saturating_sub(since),
                    (None, Some(last)) => between(last.time, first.time),
                    // Nobody knows: as long as it may be.
                    (None, None) => Duration::MAX,
                };
                let known = std::mem::take(&mut self.before);
                // Without an event before it, it goes back to where the stream began, if that was
                // in this run.
                let began = || {
                    let began = before(first.time, now.saturating_sub(self.since));
                    Millis(began.0.saturating_sub(self.reorder))
                };
                let anchor = self.anchor().map(|it| it.time);
                let from = anchor.or_else(|| since.map(|_| began()));
                let end = GapEnd {
                    id,
                    from,
                    to: Some(Millis(first.time.0.saturating_add(self.reorder))),
                    first: Some(first.clone()),
                };
                Some(Ended {
                    end,
                    span,
                    before: known,
                })
            }
            Cover::Starting | Cover::Covered => None,
        };
        self.cover = Cover::Covered;
        self.remember(newest);
        ended
    }

    /// Whether an answer has a trade that the socket should have told by now.
    pub(super) fn missed(&self, answer: &Answer, now: Duration, settle: Duration) -> bool {
        let (Some(category), Some(time)) = (self.stream.category, answer.time) else {
            return false;
        };
        if self.asked_after.is_none() {
            // Something came while it was asked.
            return false;
        }
        let heard = before(time, now.saturating_sub(self.heard));
        let since = self.last.as_ref().map_or(heard, |it| it.time);
        let since = Millis(since.0.max(heard.0).saturating_add(self.reorder));
        let settled = before(time, settle);
        let trades = answer.trades(category).unwrap_or_default();
        trades.iter().any(|it| since < it.time && it.time < settled)
    }

    fn remember(&mut self, point: &Point) {
        if self.last.as_ref().is_none_or(|it| it.time <= point.time) {
            self.last = Some(point.clone());
        }
        let is_apart = |it: &Point| it.time.0.saturating_add(APART) <= point.time.0;
        if self.points.back().is_none_or(is_apart) {
            self.points.push_back(point.clone());
            if POINTS_MAX < self.points.len() {
                self.points.pop_front();
            }
        }
    }
}

fn between(from: Millis, to: Millis) -> Duration {
    let millis = to.0.saturating_sub(from.0);
    Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Track;
    use crate::feed::bybit::{Category, Cause, GapId, Millis, Point, Stream, StreamKind, Timing};

    fn track(known: &[Point]) -> Track {
        let stream = Stream {
            kind: StreamKind::Trades,
            category: Some(Category::Linear),
            symbol: "BTCUSDT".into(),
        };
        Track::new(stream, known, &Timing::default())
    }

    fn point(time: i64) -> Point {
        let id = format!("t{time}").into();
        Point {
            time: Millis(time),
            id,
        }
    }

    const SEC: Duration = Duration::from_secs(1);

    #[test]
    fn a_gap_begins_before_the_last_event_and_ends_after_the_first() {
        let mut track = track(&[]);
        track.live(SEC);
        for time in (10_000..13_000).step_by(50) {
            assert_eq!(track.event(&point(time), &point(time), SEC), None);
        }
        let gap = track.broke(GapId(1), Cause::Disconnect, "1006", SEC * 2, Millis(9));
        let gap = gap.unwrap();
        assert_eq!(gap.last, Some(point(12_950)));
        assert_eq!(gap.from, Some(Millis(11_900)), "a second before, and some");
        // What is missing already is not declared again.
        let again = track.broke(GapId(2), Cause::Stall, "", SEC * 3, Millis(9));
        assert_eq!(again, None);
        let ended = track
            .event(&point(20_000), &point(20_001), SEC * 5)
            .unwrap();
        assert_eq!(
            (ended.end.id, ended.end.to),
            (GapId(1), Some(Millis(21_000)))
        );
        assert_eq!(
            (ended.end.first, ended.span),
            (Some(point(20_000)), SEC * 3)
        );
        assert!(ended.before.contains(&point(11_900)));
        assert!(!track.is_missing());
    }

    #[test]
    fn a_gap_without_an_event_before_it_goes_back_to_when_it_began() {
        let mut track = track(&[]);
        let gap = track
            .broke(GapId(1), Cause::Refused, "no", SEC, Millis(9))
            .unwrap();
        assert_eq!((gap.from, gap.last), (None, None));
        let ended = track
            .event(&point(60_000), &point(60_000), SEC * 11)
            .unwrap();
        assert_eq!(ended.end.from, Some(Millis(60_000 - 11_000 - 1000)));
    }

    #[test]
    fn a_stream_that_fell_silent_before_its_first_event_is_missing_since_it_was_promised() {
        let mut track = track(&[]);
        track.live(SEC * 2);
        // Nobody can say when in these eight seconds it stopped.
        track.broke(GapId(1), Cause::Disconnect, "", SEC * 10, Millis(9));
        let ended = track
            .event(&point(60_000), &point(60_000), SEC * 12)
            .unwrap();
        assert_eq!(ended.end.from, Some(Millis(60_000 - 10_000 - 1000)));
    }

    #[test]
    fn what_a_database_knows_is_before_the_gap_of_a_restart() {
        let mut track = track(&[point(1000), point(5000)]);
        let gap = track.broke(GapId(1), Cause::Restart, "", Duration::ZERO, Millis(9));
        let gap = gap.unwrap();
        assert_eq!(
            (gap.from, gap.last),
            (Some(Millis(1000)), Some(point(5000)))
        );
    }
}
