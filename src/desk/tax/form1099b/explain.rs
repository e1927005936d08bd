//! Why a sale differs: each guess is held against the broker's numbers.
//!
//! Always true:
//! - A book made as a broker makes it explains a value where it has the broker's, to the cent or to rounding.
//! - Another method is named only where all that the broker says of the lots comes out by it.

use std::collections::BTreeMap;

use super::cause::Cause;
use super::compare::What;
use super::figures::{Figures, Lot, lines_by_day, pieces_by_day};
use super::form::Reported;
use super::views::{Eyes, Key, Piece, Views};
use crate::books::tax::{Cents, Method, Term, Units};
use crate::time::Day;

/// A cent for each piece of the side that has more of them: that is what rounding can come to.
pub(super) fn slack(pieces: &[Piece], lines: &[&Reported]) -> i128 {
    i128::try_from(pieces.len().max(lines.len())).unwrap_or(i128::MAX)
}

pub(super) fn within(difference: Cents, slack: i128) -> bool {
    difference.value().abs() <= slack
}

/// How near two values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Near {
    /// They are the same, or one side does not say.
    Same,
    /// Rounding can explain it.
    Rounded,
    /// It cannot.
    Different,
}

impl Near {
    fn of(difference: Cents, slack: i128) -> Near {
        match difference {
            Cents::ZERO => Near::Same,
            some if within(some, slack) => Near::Rounded,
            _ => Near::Different,
        }
    }

    fn exactly(is_same: bool) -> Near {
        if is_same { Near::Same } else { Near::Different }
    }
}

/// A sale that both sides have.
pub(super) struct Both<'a> {
    key: &'a Key,
    views: &'a Views<'a>,
    pieces: &'a [Piece],
    lines: &'a [&'a Reported],
    broker: Figures,
    /// The broker's lots by the days on which they were bought, if all have one.
    days: Option<BTreeMap<Day, Vec<&'a Reported>>>,
    slack: i128,
    method: Option<Method>,
}

impl<'a> Both<'a> {
    pub(super) fn new(
        key: &'a Key,
        views: &'a Views<'a>,
        pieces: &'a [Piece],
        lines: &'a [&'a Reported],
    ) -> Both<'a> {
        let mut both = Both {
            key,
            views,
            pieces,
            lines,
            broker: Figures::of_lines(lines.iter().copied()),
            days: lines_by_day(lines),
            slack: slack(pieces, lines),
            method: None,
        };
        let differs = |it: &What| both.near(*it, pieces) == Near::Different;
        if OF_LOTS.iter().any(differs) {
            both.method = views.methods().find(|it| both.fits(*it));
        }
        both
    }

    /// How near a value of a book comes to the broker's.
    pub(super) fn near(&self, what: What, pieces: &[Piece]) -> Near {
        let ours = Figures::of_pieces(pieces);
        let theirs = &self.broker;
        let amounts = |ours: Option<Cents>, theirs: Option<Cents>| match (ours, theirs) {
            (Some(ours), Some(theirs)) => Near::of(theirs - ours, self.slack),
            _ => Near::Different,
        };
        match what {
            What::Quantity => Near::exactly(ours.quantity == theirs.quantity),
            What::Proceeds => amounts(Some(ours.proceeds), Some(theirs.proceeds)),
            What::Basis => amounts(ours.basis, theirs.basis),
            What::Wash => amounts(ours.wash, theirs.wash.or(ours.wash)),
            What::Term => {
                let is_said = theirs.unsaid() == Units::ZERO;
                Near::exactly(!is_said || (ours.short, ours.long) == (theirs.short, theirs.long))
            }
            What::Acquired => Near::exactly(self.has_days(pieces, |it| it.acquired)),
            What::Lots => self.lots(pieces).map_or(Near::Same, |lots| nearest(&lots)),
            What::Sale | What::Sold => Near::Same,
        }
    }

    /// Whether the broker has the same quantities of the same days; so it is where it names no days.
    fn has_days(&self, pieces: &[Piece], day: impl Fn(&Piece) -> Day) -> bool {
        let Some(days) = &self.days else {
            return true;
        };
        let ours = pieces_by_day(pieces, day);
        let sum = |it: &Vec<&Piece>| it.iter().map(|it| it.quantity).sum::<Units>();
        let ours = ours.iter().map(|(day, it)| (day, sum(it)));
        let sum = |it: &Vec<&Reported>| it.iter().map(|it| it.quantity).sum::<Units>();
        ours.eq(days.iter().map(|(day, it)| (day, sum(it))))
    }

    /// When the journal's lots were bought.
    pub(super) fn journal_days(&self) -> String {
        let days = pieces_by_day(self.pieces, |it| it.acquired);
        let sums = days
            .into_iter()
            .map(|(day, of)| (day, of.iter().map(|it| it.quantity).sum()));
        listed(sums)
    }

    /// When the broker's were, where it says so of each.
    pub(super) fn broker_days(&self) -> String {
        let days = self.days.iter().flatten();
        listed(days.map(|(day, of)| (*day, of.iter().map(|it| it.quantity).sum())))
    }

    /// The lots, where both sides have the same days.
    pub(super) fn lots(&self, pieces: &[Piece]) -> Option<Vec<Lot>> {
        let days = self.days.as_ref()?;
        let ours = match self.has_days(pieces, |it| it.acquired) {
            true => pieces_by_day(pieces, |it| it.acquired),
            false if self.has_days(pieces, |it| it.holding_start) => {
                pieces_by_day(pieces, |it| it.holding_start)
            }
            false => return None,
        };
        let lots = days.iter().zip(ours.values());
        let lots = lots.map(|((day, lines), pieces)| Lot {
            acquired: *day,
            journal: Figures::of_pieces(pieces.iter().copied()),
            broker: Figures::of_lines(lines.iter().copied()),
            is_carried: pieces.iter().all(|it| it.is_carried),
            slack: i128::try_from(pieces.len().max(lines.len())).unwrap_or(i128::MAX),
        });
        Some(lots.collect())
    }

    /// Whether everything comes out by another method.
    fn fits(&self, method: Method) -> bool {
        let Some(pieces) = self.views.by_method(method, Eyes::Broker, self.key) else {
            return false;
        };
        // Without a basis and without days there is nothing that a method could show in.
        let shows = self.broker.basis.is_some() || self.days.is_some();
        let is_same = |what: &What| {
            let is_unsaid = *what == What::Basis && self.broker.basis.is_none();
            is_unsaid || self.near(*what, pieces) != Near::Different
        };
        shows && OF_LOTS.iter().all(is_same)
    }

    /// Why a value differs.
    pub(super) fn causes(&self, what: What) -> Vec<Cause> {
        let ours = Figures::of_pieces(self.pieces);
        if what == What::Quantity {
            return Vec::new();
        }
        if what == What::Proceeds {
            return self.fees(self.broker.proceeds - ours.proceeds);
        }
        let as_broker = self.views.as_broker(self.key);
        let as_broker = as_broker.map_or(Near::Different, |it| self.near(what, it));
        if as_broker == Near::Same {
            return vec![Cause::OtherAccountWash];
        }
        if self.near(what, self.pieces) == Near::Rounded {
            return vec![Cause::Rounding];
        }
        if as_broker == Near::Rounded {
            return vec![Cause::OtherAccountWash, Cause::Rounding];
        }
        let is_of_method = !(what == What::Basis && self.broker.basis.is_none());
        if let Some(method) = self.method.filter(|_| is_of_method) {
            let own = self.views.by_method(method, Eyes::Taxpayer, self.key);
            let is_enough = own.is_some_and(|it| self.near(what, it) != Near::Different);
            let mut causes = vec![Cause::LotMethod(method)];
            causes.extend((!is_enough).then_some(Cause::OtherAccountWash));
            return causes;
        }
        self.of_lots(what, &ours)
    }

    fn fees(&self, more: Cents) -> Vec<Cause> {
        let fees: Cents = self.pieces.iter().map(|it| it.fees).sum();
        let not_netted = Cause::FeesNotNetted { fees };
        match fees {
            Cents::ZERO if within(more, self.slack) => vec![Cause::Rounding],
            Cents::ZERO => Vec::new(),
            _ if more == fees => vec![not_netted],
            _ if within(more, self.slack) => vec![Cause::Rounding],
            _ if within(more - fees, self.slack) => vec![not_netted, Cause::Rounding],
            _ => Vec::new(),
        }
    }

    /// What the lots themselves explain.
    fn of_lots(&self, what: What, ours: &Figures) -> Vec<Cause> {
        if matches!(what, What::Basis) {
            let added: Cents = self.pieces.iter().map(|it| it.wash_added).sum();
            let more = self
                .broker
                .basis
                .zip(ours.basis)
                .map(|(theirs, ours)| theirs - ours);
            let without = more.map(|it| it + added).filter(|_| added != Cents::ZERO);
            match without.map(|it| Near::of(it, self.slack)) {
                Some(Near::Same) => return vec![Cause::StepUps { added }],
                Some(Near::Rounded) => return vec![Cause::StepUps { added }, Cause::Rounding],
                Some(Near::Different) | None => {}
            }
        }
        let is_tacked = match what {
            What::Term => self.is_untacked_term(),
            What::Acquired => self.has_days(self.pieces, |it| it.holding_start),
            _ => false,
        };
        if is_tacked {
            return vec![Cause::TackedHolding];
        }
        if self.is_carried() {
            return vec![Cause::TransferredIn];
        }
        match self.lines.iter().any(|it| it.is_noncovered()) {
            true => vec![Cause::Noncovered],
            false => Vec::new(),
        }
    }

    /// Whether the broker's terms come from the days of the purchases alone.
    fn is_untacked_term(&self) -> bool {
        let short = self
            .pieces
            .iter()
            .filter(|it| Term::of(it.acquired, it.sold) == Term::Short);
        let short: Units = short.map(|it| it.quantity).sum();
        short == self.broker.short
    }

    /// Whether lots from elsewhere are among them, and what differs, as far as days say so, is of those.
    fn is_carried(&self) -> bool {
        let Some(lots) = self.lots(self.pieces) else {
            return self.pieces.iter().any(|it| it.is_carried);
        };
        let mut different = lots
            .iter()
            .filter(|it| it.near() == Near::Different)
            .peekable();
        different.peek().is_some() && different.all(|it| it.is_carried)
    }
}

/// Such as `60 of 2025-03-03, 40 of 2025-06-20`.
fn listed(days: impl Iterator<Item = (Day, Units)>) -> String {
    let days: Vec<String> = days
        .map(|(day, count)| format!("{count} of {day}"))
        .collect();
    days.join(", ")
}

/// What depends on which lots were sold, and on what they were worth.
pub(super) const OF_LOTS: [What; 5] = [
    What::Basis,
    What::Wash,
    What::Term,
    What::Acquired,
    What::Lots,
];

impl Lot {
    /// How near its basis and what of its loss does not count are.
    pub(super) fn near(&self) -> Near {
        let (ours, theirs) = (&self.journal, &self.broker);
        let basis = match (ours.basis, theirs.basis) {
            (Some(ours), Some(theirs)) => Near::of(theirs - ours, self.slack),
            _ => Near::Same,
        };
        let wash = match (ours.wash, theirs.wash) {
            (Some(ours), Some(theirs)) => Near::of(theirs - ours, self.slack),
            _ => Near::Same,
        };
        let terms = theirs.unsaid() != Units::ZERO || ours.short == theirs.short;
        let all = [basis, wash, Near::exactly(terms)];
        match all {
            _ if all.contains(&Near::Different) => Near::Different,
            _ if all.contains(&Near::Rounded) => Near::Rounded,
            _ => Near::Same,
        }
    }
}

/// How near all lots are: as far as the farthest.
fn nearest(lots: &[Lot]) -> Near {
    let has = |near| lots.iter().any(|it| it.near() == near);
    match (has(Near::Different), has(Near::Rounded)) {
        (true, _) => Near::Different,
        (false, true) => Near::Rounded,
        (false, false) => Near::Same,
    }
}
