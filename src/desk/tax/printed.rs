//! A row of the form as cells: its sums and days as every table of the form has them.
//!
//! Always true: an adjustment that is none is an empty cell, as it is on the form.

use crate::books::tax::Cents;

use super::filing::{Filing, Row};
use super::table::{Cell, dollars, empty, exact, us_date};

/// A row, and whether its sums are whole dollars.
pub(super) struct Printed<'r> {
    pub(super) row: &'r Row<'r>,
    is_whole: bool,
}

/// A column of a table of the form.
pub(super) type Column = (&'static str, fn(&Printed<'_>) -> Cell);

impl<'r> Printed<'r> {
    pub(super) fn of(filing: &Filing<'_>, row: &'r Row<'r>) -> Printed<'r> {
        let is_whole = filing.request().whole_dollars;
        Printed { row, is_whole }
    }

    pub(super) fn sold(&self) -> Cell {
        exact(us_date(self.row.disposal.sold))
    }

    pub(super) fn proceeds(&self) -> Cell {
        self.sum(self.row.figures.proceeds)
    }

    pub(super) fn basis(&self) -> Cell {
        self.sum(self.row.figures.basis)
    }

    pub(super) fn adjustment(&self) -> Cell {
        match self.row.code() {
            "" => empty(),
            _ => self.sum(self.row.figures.adjustment),
        }
    }

    pub(super) fn gain(&self) -> Cell {
        self.sum(self.row.figures.gain)
    }

    fn sum(&self, sum: Cents) -> Cell {
        exact(dollars(sum, self.is_whole))
    }
}
