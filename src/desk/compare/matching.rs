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

/// The trades of one symbol and direction that have no order in common.
struct Nearest {
    expected: Vec<(Timestamp, usize)>,
    /// Live trades by time; those that are matched are taken out.
    live: Vec<(Timestamp, VecDeque<usize>)>,
    window: Duration,
}

/// A live time for an expected trade: how far apart, which trade, whether later, which time.
type Candidate = Reverse<(Duration, usize, bool, usize)>;

impl Nearest {
    fn new(
        mut expected: Vec<(Timestamp, usize)>,
        live: Vec<(Timestamp, usize)>,
        window: Duration,
    ) -> Nearest {
        expected.sort_unstable();
        let mut times: BTreeMap<Timestamp, VecDeque<usize>> = BTreeMap::new();
        for (at, place) in live {
            times.entry(at).or_default().push_back(place);
        }
        Nearest {
            expected,
            live: times.into_iter().collect(),
            window,
        }
    }

    fn pairs(mut self) -> Vec<(usize, usize)> {
        let candidates = (0..self.expected.len()).filter_map(|it| self.candidate(it));
        let mut heap: BinaryHeap<Candidate> = candidates.collect();
        let mut pairs = Vec::new();
        while let Some(Reverse((_, own, _, time))) = heap.pop() {
            let free = self.live.get_mut(time).and_then(|it| it.1.pop_front());
            match (free, self.expected.get(own)) {
                (Some(live), Some((_, expected))) => pairs.push((*expected, live)),
                // Somebody nearer was there first.
                _ => heap.extend(self.candidate(own)),
            }
        }
        pairs
    }

    /// The nearest time with a live trade that is free.
    fn candidate(&self, own: usize) -> Option<Candidate> {
        let (at, _) = *self.expected.get(own)?;
        let split = self.live.partition_point(|it| it.0 < at);
        let free = |it: &usize| self.live.get(*it).is_some_and(|it| !it.1.is_empty());
        let apart = |it: usize| {
            let (time, _) = self.live.get(it)?;
            let apart = at.until(*time).or_else(|| time.until(at))?;
            Some(apart).filter(|apart| *apart <= self.window)
        };
        let is_near = |it: &usize| apart(*it).is_some();
        let before = (0..split).rev().take_while(is_near).find(free);
        let after = (split..self.live.len()).take_while(is_near).find(free);
        let before = before.and_then(|it| Some((apart(it)?, own, false, it)));
        let after = after.and_then(|it| Some((apart(it)?, own, true, it)));
        before.into_iter().chain(after).min().map(Reverse)
    }
}
