//! Rows that a format cannot say: how many, and what they come to.
//!
//! Always true: nothing is left out of a file without being counted here.

use super::figures::Figures;
use super::filing::{Filing, Row};

/// Rows that are not in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// How many.
    pub rows: usize,
    /// Their sums, as the files have them.
    pub figures: Figures,
}

/// The rows that a format can say, and the count of the others.
pub(super) fn sifted<'r, 'a>(
    filing: &'r Filing<'a>,
    can_say: impl Fn(&Row<'_>) -> bool,
) -> (Vec<&'r Row<'a>>, LeftOut) {
    let (kept, others): (Vec<_>, Vec<_>) = filing.rows().iter().partition(|it| can_say(it));
    let left_out = LeftOut {
        rows: others.len(),
        figures: filing.total(others.into_iter()),
    };
    (kept, left_out)
}
