//! What a year came to, for whoever asked for its files.
//!
//! Always true:
//! - Sums are to the cent.
//! - What is disallowed this year and what is deferred are two numbers: a loss of March that was replaced in
//!   April and sold in May is disallowed on one row and back on another.
//!
//! Not here: the words and the layout of the program.

use std::collections::BTreeSet;

use crate::books::tax::{Cents, Method, Term};
use crate::time::Day;

use super::boxes::Assignment;
use super::figures::Figures;
use super::filing::{Filing, Row};
use super::form_box::Kind;
use super::review::Review;

/// A year in numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The year.
    pub year: i32,
    /// How lots were chosen.
    pub method: Method,
    /// What that way asks for, where it asks for something.
    pub method_warning: Option<&'static str>,
    /// What was held for a year or less.
    pub short: TermSum,
    /// What was held for longer.
    pub long: TermSum,
    /// Losses of the year that do not count in it.
    pub disallowed: Cents,
    /// What of all losses until now is in the basis of lots that are open at the end of the year, or of this
    /// year's in purchases after it: it comes back when they are sold.
    pub deferred: Cents,
    /// What of the year's losses is gone for ever, since retirement accounts bought again.
    pub gone: Cents,
    /// How many rows somebody has to look at.
    pub rows_to_review: usize,
    /// How many rows have each reason; a row may have several.
    pub reasons: Vec<ReasonCount>,
    /// The losses of the year that a purchase may still replace, or may have replaced unseen.
    pub open_windows: Vec<OpenWindow>,
    /// Assignments of boxes that no row has used: a name spelled otherwise, or no such sales.
    pub unused_boxes: Vec<Assignment>,
}

/// The rows of one term.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TermSum {
    /// How many.
    pub rows: usize,
    /// Their sums, to the cent.
    pub figures: Figures,
}

/// How many rows have a reason to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReasonCount {
    /// The reason in a word, as [`Review::kind`] says.
    pub kind: &'static str,
    /// The reason of the first such row.
    pub example: Review,
    /// How many.
    pub rows: usize,
}

/// A loss that may still be replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenWindow {
    /// The row.
    pub row_id: String,
    /// What was sold.
    pub symbol: String,
    /// When.
    pub sold: Day,
    /// The last day on which a purchase replaces it.
    pub last: Day,
    /// What of the loss counts as yet: 0 or more.
    pub loss_left: Cents,
}

impl Summary {
    /// That of a year.
    #[must_use]
    pub fn of(filing: &Filing<'_>) -> Summary {
        let (request, rows) = (filing.request(), filing.rows());
        let method = request.options.method;
        let washes = || rows.iter().flat_map(|it| &it.washes);
        let gone = washes().filter(|it| it.is_permanent);
        let year_end = filing.year_end();
        let later = washes().filter(|it| !it.is_permanent && year_end < it.replaced_on);
        let in_lots: Cents = request.book.open.iter().map(|it| it.wash_added).sum();
        Summary {
            year: request.year,
            method,
            method_warning: method_warning(method),
            short: term_sum(rows, Term::Short),
            long: term_sum(rows, Term::Long),
            disallowed: rows.iter().map(|it| it.disposal.adjustment).sum(),
            deferred: in_lots + later.map(|it| it.disallowed).sum::<Cents>(),
            gone: gone.map(|it| it.disallowed).sum(),
            rows_to_review: rows.iter().filter(|it| !it.reviews.is_empty()).count(),
            reasons: reasons(rows),
            open_windows: rows.iter().filter_map(open_window).collect(),
            unused_boxes: unused_boxes(filing),
        }
    }
}

/// What somebody has to have done for that way of choosing lots to count.
#[must_use]
pub const fn method_warning(method: Method) -> Option<&'static str> {
    match method {
        Method::Fifo => None,
        Method::Lifo | Method::Hifo | Method::Specid => Some(
            "this order counts only where the broker was told at the time of each sale which lots to sell, \
             and confirmed it; without that the oldest are sold (fifo)",
        ),
        Method::Average => Some(
            "averages are for shares of funds and some dividend plans, after an election with the broker; \
             never for shares of companies or crypto",
        ),
    }
}

fn term_sum(rows: &[Row<'_>], term: Term) -> TermSum {
    let of_term = || rows.iter().filter(|it| it.disposal.term == term);
    TermSum {
        rows: of_term().count(),
        figures: of_term().map(|it| Figures::of(it.disposal)).sum(),
    }
}

fn reasons(rows: &[Row<'_>]) -> Vec<ReasonCount> {
    let mut found: Vec<ReasonCount> = Vec::new();
    for review in rows.iter().flat_map(|it| &it.reviews) {
        match found.iter_mut().find(|it| it.kind == review.kind()) {
            Some(known) => known.rows += 1,
            None => found.push(ReasonCount {
                kind: review.kind(),
                example: *review,
                rows: 1,
            }),
        }
    }
    found.sort_by_key(|it| it.example);
    found
}

fn open_window(row: &Row<'_>) -> Option<OpenWindow> {
    let last = row.reviews.iter().find_map(|it| match it {
        Review::WindowOpen(last) | Review::WindowUnseen(last) => Some(*last),
        _ => None,
    })?;
    Some(OpenWindow {
        row_id: row.id.clone(),
        symbol: row.buy.symbol.to_string(),
        sold: row.disposal.sold,
        last,
        loss_left: -row.disposal.gain(),
    })
}

fn unused_boxes(filing: &Filing<'_>) -> Vec<Assignment> {
    let used = filing.rows().iter();
    let used = used.map(|it| (it.sell.account_id.as_ref(), it.form_box.kind()));
    let used: BTreeSet<(&str, Kind)> = used.collect();
    let all = filing.request().boxes.assignments().iter();
    all.filter(|it| !used.contains(&(it.account_id.as_str(), it.kind)))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::tax::boxes::Boxes;
    use crate::desk::tax::testing::{Year, day, units};

    #[test]
    fn a_year_in_numbers() {
        let mut year = Year::new();
        year.boxes = Boxes::parse(2025, ["main=A/D", "main=G/J", "nobody=B/E"]).unwrap();
        let found = Summary::of(&year.filing());
        assert_eq!((found.short.rows, found.long.rows), (2, 2));
        assert_eq!(found.short.figures.gain, Cents::new(31_941));
        // -120.00 + 9975.00
        assert_eq!(found.long.figures.gain, Cents::new(985_500));
        // 265.99 + 80.00, of which 106.40 are in the 40 shares that are left.
        assert_eq!(found.disallowed, Cents::new(34_599));
        assert_eq!(found.deferred, Cents::new(10_640));
        assert_eq!(found.gone, Cents::new(8000));
        assert_eq!(found.rows_to_review, 2);
        let reasons: Vec<_> = found.reasons.iter().map(|it| (it.kind, it.rows)).collect();
        assert_eq!(
            reasons,
            [
                ("box", 2),
                ("window open", 1),
                ("other account", 1),
                ("loss gone", 1)
            ]
        );
        assert_eq!(
            found.open_windows,
            [OpenWindow {
                row_id: "2025-=a2-p1".to_owned(),
                symbol: "ABC".to_owned(),
                sold: day("2025-12-20"),
                last: day("2026-01-19"),
                loss_left: Cents::new(12_000),
            }]
        );
        let unused: Vec<_> = found
            .unused_boxes
            .iter()
            .map(|it| it.account_id.as_str())
            .collect();
        assert_eq!(unused, ["main", "nobody"]);
    }

    /// 80.00 in shares that were bought on 5 January, by an account that is taxed now.
    #[test]
    fn what_went_into_purchases_after_the_year_is_deferred() {
        let mut year = Year::new();
        year.book.washes.get_mut(1).unwrap().is_permanent = false;
        let found = Summary::of(&year.filing());
        assert_eq!(found.deferred, Cents::new(10_640 + 8000));
        assert_eq!(found.gone, Cents::ZERO);
    }

    #[test]
    fn only_the_order_of_the_law_asks_for_nothing() {
        assert_eq!(method_warning(Method::Fifo), None);
        for method in [Method::Lifo, Method::Hifo, Method::Specid, Method::Average] {
            assert!(method_warning(method).is_some());
        }
    }

    #[test]
    fn a_loss_that_is_replaced_in_full_waits_for_nothing() {
        let mut year = Year::new();
        year.book.disposals.get_mut(4).unwrap().replaced = units("10");
        assert_eq!(Summary::of(&year.filing()).open_windows, []);
    }
}
