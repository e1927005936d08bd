//! Which live trade is which of those that were expected.
//!
//! Always true:
//! - No trade is in two matches.
//! - By order first: where both sides have an order id with the same symbol and direction.
//! - What is left is matched by symbol, direction and time, at most the window apart: of all pairs that are
//!   left the nearest first; of two that are as near the one whose expected trade is earlier, then the one
//!   whose live trade is, then the one that stands first.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::time::Duration;

use super::traded::{Key, Traded};
use crate::record::field::Action;
use crate::time::Timestamp;

/// By what two trades are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum By {
    /// By order id.
    Order,
    /// By symbol, direction and time.
    Time,
}

/// Two trades that are one, by their places on their sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Match {
    /// The expected one.
    pub expected: usize,
    /// The live one.
    pub live: usize,
    /// By what.
    pub by: By,
}

/// Places of expected and of live trades.
type Places = (Vec<usize>, Vec<usize>);

/// All matches, in the order of what was expected.
pub(super) fn pair_up(expected: &[Traded], live: &[Traded], window: Duration) -> Vec<Match> {
    let by_key: HashMap<Key, usize> = live
        .iter()
        .enumerate()
        .filter_map(|(place, it)| Some((it.key()?, place)))
        .collect();
    let mut is_live_free = vec![true; live.len()];
    let mut matches = Vec::new();
    let mut sides: BTreeMap<(&str, Action), Places> = BTreeMap::new();
    for (place, trade) in expected.iter().enumerate() {
        match trade.key().and_then(|it| by_key.get(&it)) {
            Some(found) => {
                if let Some(free) = is_live_free.get_mut(*found) {
                    *free = false;
                }
                matches.push(Match {
                    expected: place,
                    live: *found,
                    by: By::Order,
                });
            }
            None => sides
                .entry((&trade.symbol, trade.side))
                .or_default()
                .0
                .push(place),
        }
    }
    for (place, trade) in live.iter().enumerate() {
        if is_live_free.get(place) == Some(&true) {
            sides
                .entry((&trade.symbol, trade.side))
                .or_default()
                .1
                .push(place);
        }
    }
    for (own, others) in sides.into_values() {
        let time = |side: &[Traded], it: usize| side.get(it).map(|it| it.at);
        let own = own
            .iter()
            .filter_map(|it| Some((time(expected, *it)?, *it)))
            .collect();
        let others = others
            .iter()
            .filter_map(|it| Some((time(live, *it)?, *it)))
            .collect();
        let found = Nearest::new(own, others, window).pairs();
        matches.extend(found.into_iter().map(|(expected, live)| Match {
            expected,
            live,
            by: By::Time,
        }));
    }
    matches.sort_by_key(|it| it.expected);
    matches
}

/// Trades by time; those that are matched are taken out.
type Times = Vec<(Timestamp, VecDeque<usize>)>;

/// The trades of one symbol and direction that have no order in common.
struct Nearest {
    expected: Times,
    live: Times,
    /// For each live time, and for the end, the nearest one up to it and from it on that may have a trade
    /// left: used-up times are gone past once.
    free_before: Vec<usize>,
    free_after: Vec<usize>,
    window: Duration,
}

/// A live time for an expected one: how far apart, which expected time, whether later, which live time.
type Candidate = Reverse<(Duration, usize, bool, usize)>;

fn by_time(trades: Vec<(Timestamp, usize)>) -> Times {
    let mut times: BTreeMap<Timestamp, VecDeque<usize>> = BTreeMap::new();
    for (at, place) in trades {
        times.entry(at).or_default().push_back(place);
    }
    times.into_iter().collect()
}

impl Nearest {
    fn new(
        mut expected: Vec<(Timestamp, usize)>,
        live: Vec<(Timestamp, usize)>,
        window: Duration,
    ) -> Nearest {
        expected.sort_unstable();
        let live = by_time(live);
        Nearest {
            expected: by_time(expected),
            // One place more at both ends, for none.
            free_before: (0..=live.len()).collect(),
            free_after: (0..=live.len()).collect(),
            live,
            window,
        }
    }

    fn pairs(mut self) -> Vec<(usize, usize)> {
        let mut heap: BinaryHeap<Candidate> = BinaryHeap::new();
        for own in 0..self.expected.len() {
            heap.extend(self.candidate(own));
        }
        let mut pairs = Vec::new();
        while let Some(Reverse((_, own, _, time))) = heap.pop() {
            let has_live = self.live.get(time).is_some_and(|it| !it.1.is_empty());
            // Otherwise somebody nearer was there first.
            if has_live
                && let Some(expected) = self.expected.get_mut(own).and_then(|it| it.1.pop_front())
                && let Some(live) = self.live.get_mut(time).and_then(|it| it.1.pop_front())
            {
                pairs.push((expected, live));
            }
            if self.expected.get(own).is_some_and(|it| !it.1.is_empty()) {
                heap.extend(self.candidate(own));
            }
        }
        pairs
    }

    /// The nearest time with a live trade that is free.
    fn candidate(&mut self, own: usize) -> Option<Candidate> {
        let at = self.expected.get(own)?.0;
        let split = self.live.partition_point(|it| it.0 < at);
        let before = self.before(split);
        let after = self.after(split);
        let apart = |it: usize| {
            let (time, _) = self.live.get(it)?;
            let apart = at.until(*time).or_else(|| time.until(at))?;
            Some(apart).filter(|apart| *apart <= self.window)
        };
        let before = before.and_then(|it| Some((apart(it)?, own, false, it)));
        let after = after.and_then(|it| Some((apart(it)?, own, true, it)));
        before.into_iter().chain(after).min().map(Reverse)
    }

    /// The last live time before the one at `split` with a trade that is free.
    fn before(&mut self, split: usize) -> Option<usize> {
        let is_used = |it: usize| it != 0 && self.live.get(it - 1).is_none_or(|it| it.1.is_empty());
        // Places are one higher here, so that 0 is none.
        let found = skip(&mut self.free_before, split, is_used, |it| it - 1);
        found.checked_sub(1)
    }

    /// The first live time from the one at `split` on with a trade that is free.
    fn after(&mut self, split: usize) -> Option<usize> {
        let end = self.live.len();
        let is_used = |it: usize| it != end && self.live.get(it).is_none_or(|it| it.1.is_empty());
        let found = skip(&mut self.free_after, split, is_used, |it| it + 1);
        (found != end).then_some(found)
    }
}

/// From `start` on past what is used, by what `next` says; the way is remembered in `links`, so that nobody
/// goes it again step by step.
fn skip(
    links: &mut [usize],
    start: usize,
    is_used: impl Fn(usize) -> bool,
    next: impl Fn(usize) -> usize,
) -> usize {
    let mut found = start;
    loop {
        let link = links.get(found).copied().unwrap_or(found);
        if link != found {
            found = link;
        } else if is_used(found) {
            found = next(found);
        } else {
            break;
        }
    }
    let mut at = start;
    while at != found {
        let Some(link) = links.get_mut(at) else { break };
        let following = if *link == at { next(at) } else { *link };
        *link = found;
        at = following;
    }
    found
}
