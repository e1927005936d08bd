//! Losses that wait for a purchase, and purchases that wait for a loss.
//!
//! Always true:
//! - A loss takes each share's part of it once: what is matched and what waits is together the loss.
//! - Losses take their turn by the time of their sale, purchases by the time of theirs.

use std::collections::{BTreeSet, VecDeque};

use super::amounts::{Cents, Units};
use super::lots::Purchase;
use crate::time::Day;

/// How many days before and after a sale at a loss a purchase replaces what was sold.
pub(super) const WINDOW_DAYS: u32 = 30;

/// One for all that replaces each other: an asset or a group of them, in one account or in all.
#[derive(Debug, Default)]
pub(super) struct Desk {
    /// Losses that are not replaced in full, by the time of their sale.
    pub(super) waiting: VecDeque<Loss>,
    /// Purchases with something left that has replaced nothing yet.
    unused: BTreeSet<usize>,
    /// An order, and a purchase before which there are unused ones of that order alone. It stays so: what
    /// comes is newer, and what goes changes nothing of it. Losses of one order follow each other, and would
    /// look through all of its fills each time.
    own: (usize, usize),
    /// An order, and how many losses at the front are of that order: the same for the fills to come of it.
    passed: (usize, usize),
}

/// A loss of one piece that was sold.
#[derive(Clone, Debug)]
pub(super) struct Loss {
    /// The piece, among the disposals.
    pub(super) disposal: usize,
    /// Its asset, whose splits it follows.
    pub(super) asset: usize,
    /// The account that sold it.
    pub(super) account: usize,
    /// Which purchase was sold.
    pub(super) purchase: usize,
    /// The order of that purchase, of which nothing replaces it.
    pub(super) order: usize,
    pub(super) sold: Day,
    /// For how long it was held.
    pub(super) held_days: i32,
    /// All of it.
    pub(super) amount: Cents,
    /// Of so much.
    pub(super) quantity: Units,
    /// How much of that was replaced.
    pub(super) matched: Units,
    /// What of the loss went with that.
    pub(super) allotted: Cents,
}

impl Loss {
    /// How much is not replaced.
    pub(super) fn left(&self) -> Units {
        self.quantity - self.matched
    }

    /// The last day on which a purchase replaces it.
    pub(super) fn last_day(&self) -> Day {
        self.sold.plus_days(WINDOW_DAYS)
    }

    /// Matches so much of it, and says what part of the loss that is: of 40.00 in three parts 13.33, 13.34,
    /// 13.33.
    pub(super) fn allot(&mut self, quantity: Units) -> Cents {
        self.matched += quantity;
        let so_far = self.amount.part(self.matched, self.quantity);
        let part = so_far - self.allotted;
        self.allotted = so_far;
        part
    }
}

impl Desk {
    /// A purchase that can replace a loss from now on.
    pub(super) fn offer(&mut self, purchase: usize) {
        self.unused.insert(purchase);
    }

    /// A purchase that cannot any longer.
    pub(super) fn withdraw(&mut self, purchase: usize) {
        self.unused.remove(&purchase);
    }

    /// The oldest purchase from that number on that may replace a loss, which no purchase of its own order
    /// does. Those too old for it are too old for all that follows.
    pub(super) fn candidate(
        &mut self,
        loss: &Loss,
        from: usize,
        purchases: &[Purchase],
    ) -> Option<usize> {
        let is_old = |it: &usize| {
            let purchase = purchases.get(*it);
            purchase.is_none_or(|it| it.day.plus_days(WINDOW_DAYS) < loss.sold)
        };
        while self.unused.first().is_some_and(is_old) {
            self.unused.pop_first();
        }
        let (order, known) = self.own;
        let known = if order == loss.order { known } else { 0 };
        let is_other = |it: &&usize| {
            let purchase = purchases.get(**it);
            purchase.is_some_and(|it| it.order != loss.order)
        };
        let found = self.unused.range(known.max(from)..).find(is_other).copied();
        if from <= known {
            self.own = (loss.order, found.unwrap_or(purchases.len()));
        }
        found
    }

    /// How many losses at the front are known to be of that order.
    pub(super) fn passed_over(&self, order: usize) -> usize {
        match self.passed {
            (of, losses) if of == order => losses,
            _ => 0,
        }
    }

    /// So many losses at the front are of that order.
    pub(super) fn pass_over(&mut self, order: usize, losses: usize) {
        self.passed = (order, losses);
    }

    /// Forgets losses that no purchase of that day or later can replace.
    pub(super) fn expire(&mut self, day: Day) {
        while self.waiting.front().is_some_and(|it| it.last_day() < day) {
            self.waiting.pop_front();
            self.passed.1 = self.passed.1.saturating_sub(1);
        }
    }
}
