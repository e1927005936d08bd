//! Purchases, and the parts into which wash sales cut them.
//!
//! Always true:
//! - What a part gives up and what it keeps is together what it had, to the cent.
//! - The parts of a purchase are sold in the order in which they replaced losses, and the rest of it last.
//! - The rest alone can replace a loss.

use super::amounts::{Cents, Units};
use crate::time::Day;

/// A purchase; purchases are numbered in the order of their times.
#[derive(Debug)]
pub(super) struct Purchase {
    /// Its execution.
    pub(super) index: usize,
    pub(super) day: Day,
    pub(super) asset: usize,
    pub(super) account: usize,
    /// Purchases of one order have the same.
    pub(super) order: usize,
    /// Those that replaced losses.
    parts: Vec<Part>,
    /// The first of them that may have something left.
    first: usize,
    /// How many of them have something left.
    parts_left: usize,
    rest: Part,
}

/// Shares of one purchase that have all in common.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) quantity: Units,
    pub(super) original: Cents,
    pub(super) wash_added: Cents,
    /// Since when they count as held.
    pub(super) start: Day,
    /// Whether they replaced a loss already.
    pub(super) is_used: bool,
    /// That loss.
    pub(super) replaces: Option<usize>,
    /// How often it changed: what was noted of it before is no longer so.
    pub(super) version: u32,
}

/// Which part of a purchase. The rest comes after all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Which {
    Part(usize),
    Rest,
}

/// What was taken of a part.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) purchase: usize,
    pub(super) part: Part,
}

impl Part {
    /// All of it, or as much as is asked for.
    fn take(&mut self, quantity: Units) -> Part {
        let mut taken = self.clone();
        if quantity < self.quantity {
            taken.quantity = quantity;
            // The whole is rounded, and what was added has what is left of it: both stay at 0 or above.
            let basis = self.basis().part(quantity, self.quantity);
            taken.original = self.original.part(quantity, self.quantity);
            taken.wash_added = basis - taken.original;
        }
        self.quantity -= taken.quantity;
        self.original -= taken.original;
        self.wash_added -= taken.wash_added;
        self.version += 1;
        taken
    }

    pub(super) fn basis(&self) -> Cents {
        self.original + self.wash_added
    }
}

impl Purchase {
    pub(super) fn new(index: usize, day: Day, place: (usize, usize, usize), rest: Part) -> Self {
        let (asset, account, order) = place;
        Purchase {
            index,
            day,
            asset,
            account,
            order,
            parts: Vec::new(),
            first: 0,
            parts_left: 0,
            rest,
        }
    }

    pub(super) fn part(&self, which: Which) -> Option<&Part> {
        match which {
            Which::Part(at) => self.parts.get(at),
            Which::Rest => Some(&self.rest),
        }
    }

    fn part_mut(&mut self, which: Which) -> Option<&mut Part> {
        match which {
            Which::Part(at) => self.parts.get_mut(at),
            Which::Rest => Some(&mut self.rest),
        }
    }

    /// At most so much of the part whose turn it is, if anything is left.
    pub(super) fn take_next(&mut self, quantity: Units) -> Option<Part> {
        while self
            .parts
            .get(self.first)
            .is_some_and(|it| it.quantity.is_zero())
        {
            self.first += 1;
        }
        let which = match self.first < self.parts.len() {
            true => Which::Part(self.first),
            false => Which::Rest,
        };
        self.take(which, quantity)
    }

    /// At most so much of that part, if anything is left.
    pub(super) fn take(&mut self, which: Which, quantity: Units) -> Option<Part> {
        let part = self.part_mut(which)?;
        if part.quantity.is_zero() {
            return None;
        }
        let taken = part.take(quantity);
        let is_out = part.quantity.is_zero();
        self.parts_left -= usize::from(is_out && which != Which::Rest);
        if is_out && self.parts_left == 0 && self.rest.quantity.is_zero() {
            // It is sold out, as most purchases are after some weeks: the memory of its parts must not stay.
            self.parts = Vec::new();
        }
        Some(taken)
    }

    /// How much of it can replace a loss.
    pub(super) fn unused(&self) -> Units {
        match self.rest.is_used {
            true => Units::ZERO,
            false => self.rest.quantity,
        }
    }

    /// Cuts that much off its rest for a loss that it replaces. `replaced` says what becomes of the part.
    pub(super) fn replace(&mut self, quantity: Units, replaced: impl FnOnce(&mut Part)) -> Which {
        let mut part = self.rest.take(quantity);
        part.is_used = true;
        replaced(&mut part);
        self.parts.push(part);
        self.parts_left += 1;
        Which::Part(self.parts.len() - 1)
    }

    /// Each part with something left, in the order in which they are sold.
    pub(super) fn open(&self) -> impl Iterator<Item = (Which, &Part)> {
        let parts = self.parts.iter().enumerate().skip(self.first);
        let parts = parts.map(|(at, part)| (Which::Part(at), part));
        let all = parts.chain(std::iter::once((Which::Rest, &self.rest)));
        all.filter(|(_, part)| !part.quantity.is_zero())
    }

    /// Changes the quantities of all that is left; `false` where one does not fit.
    pub(super) fn split(&mut self, new: u32, old: u32) -> bool {
        let all = self.parts.iter_mut().chain(std::iter::once(&mut self.rest));
        let mut fits = true;
        for part in all {
            match part.quantity.split(new, old) {
                Some(quantity) => part.quantity = quantity,
                None => fits = false,
            }
            part.version += 1;
        }
        fits
    }
}
