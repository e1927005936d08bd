//! What a sale comes to, on either side.
//!
//! Always true: a sum with a part that is not known is not known; in totals it is said how many parts
//! that are.

use std::collections::BTreeMap;

use super::form::{Acquired, Reported};
use super::views::Piece;
use crate::books::tax::{Cents, Term, Units};
use crate::time::Day;

/// All that was sold of one symbol on one day, or of one of its lots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Figures {
    /// How many.
    pub quantity: Units,
    /// How many of them were held for a year or less.
    pub short: Units,
    /// How many for longer.
    pub long: Units,
    /// What came in.
    pub proceeds: Cents,
    /// What they cost, with what earlier wash sales added.
    pub basis: Option<Cents>,
    /// What of a loss does not count.
    pub wash: Option<Cents>,
}

impl Figures {
    const ZERO: Figures = Figures {
        quantity: Units::ZERO,
        short: Units::ZERO,
        long: Units::ZERO,
        proceeds: Cents::ZERO,
        basis: Some(Cents::ZERO),
        wash: Some(Cents::ZERO),
    };

    /// What is gained for the tax, where the basis is known.
    #[must_use]
    pub fn gain(&self) -> Option<Cents> {
        Some(self.proceeds - self.basis? + self.wash.unwrap_or_default())
    }

    /// Of how many the term is not said.
    #[must_use]
    pub fn unsaid(&self) -> Units {
        self.quantity - self.short - self.long
    }

    pub(super) fn of_pieces<'a>(pieces: impl IntoIterator<Item = &'a Piece>) -> Figures {
        let mut sum = Figures::ZERO;
        for piece in pieces {
            sum.add(piece.quantity, Some(piece.term), piece.proceeds);
            sum.basis = sum.basis.map(|it| it + piece.basis());
            sum.wash = sum.wash.map(|it| it + piece.disallowed);
        }
        sum
    }

    pub(super) fn of_lines<'a>(lines: impl IntoIterator<Item = &'a Reported>) -> Figures {
        let mut sum = Figures::ZERO;
        for line in lines {
            sum.add(line.quantity, line.term, line.proceeds);
            sum.basis = sum.basis.zip(line.basis).map(|(sum, it)| sum + it);
            sum.wash = sum.wash.zip(line.wash).map(|(sum, it)| sum + it);
        }
        sum
    }

    fn add(&mut self, quantity: Units, term: Option<Term>, proceeds: Cents) {
        self.quantity += quantity;
        self.proceeds += proceeds;
        match term {
            Some(Term::Short) => self.short += quantity,
            Some(Term::Long) => self.long += quantity,
            None => {}
        }
    }
}

/// One lot of a sale, by the day on which it was bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lot {
    /// That day, as the broker has it.
    pub acquired: Day,
    /// What the journal says.
    pub journal: Figures,
    /// What the broker says.
    pub broker: Figures,
    /// Whether all of it comes from elsewhere.
    pub(super) is_carried: bool,
    /// How many cents rounding may come to.
    pub(super) slack: i128,
}

/// The pieces of a sale by the days on which they were bought.
pub(super) fn pieces_by_day(
    pieces: &[Piece],
    day: impl Fn(&Piece) -> Day,
) -> BTreeMap<Day, Vec<&Piece>> {
    let mut days: BTreeMap<Day, Vec<&Piece>> = BTreeMap::new();
    for piece in pieces {
        days.entry(day(piece)).or_default().push(piece);
    }
    days
}

/// A broker's lots by those days, if each has one.
pub(super) fn lines_by_day<'a>(lines: &[&'a Reported]) -> Option<BTreeMap<Day, Vec<&'a Reported>>> {
    let mut days: BTreeMap<Day, Vec<&Reported>> = BTreeMap::new();
    for line in lines {
        let Acquired::On(day) = line.acquired else {
            return None;
        };
        days.entry(day).or_default().push(line);
    }
    Some(days)
}

/// What all sales of a year come to, by term.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Of what was held for a year or less.
    pub short: Total,
    /// Of what was held for longer.
    pub long: Total,
    /// Of what it is not said of.
    pub unsaid: Total,
}

/// One sum of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Total {
    /// How many lots.
    pub lots: u64,
    /// What came in.
    pub proceeds: Cents,
    /// What they cost, as far as that is known.
    pub basis: Cents,
    /// Of how many of them that is not known.
    pub without_basis: u64,
    /// What of losses does not count.
    pub wash: Cents,
}

impl Total {
    /// What is gained for the tax, if every basis is known.
    #[must_use]
    pub fn gain(&self) -> Option<Cents> {
        (self.without_basis == 0).then(|| self.proceeds - self.basis + self.wash)
    }

    fn add(&mut self, proceeds: Cents, basis: Option<Cents>, wash: Option<Cents>) {
        self.lots += 1;
        self.proceeds += proceeds;
        self.basis += basis.unwrap_or_default();
        self.without_basis += u64::from(basis.is_none());
        self.wash += wash.unwrap_or_default();
    }
}

impl Totals {
    pub(super) fn of_pieces<'a>(pieces: impl IntoIterator<Item = &'a Piece>) -> Totals {
        let mut totals = Totals::default();
        for it in pieces {
            let total = totals.of_term(Some(it.term));
            total.add(it.proceeds, Some(it.basis()), Some(it.disallowed));
        }
        totals
    }

    pub(super) fn of_lines(lines: &[Reported]) -> Totals {
        let mut totals = Totals::default();
        for it in lines {
            totals.of_term(it.term).add(it.proceeds, it.basis, it.wash);
        }
        totals
    }

    fn of_term(&mut self, term: Option<Term>) -> &mut Total {
        match term {
            Some(Term::Short) => &mut self.short,
            Some(Term::Long) => &mut self.long,
            None => &mut self.unsaid,
        }
    }
}
