//! Why somebody has to look at a row before it is filed.
//!
//! Always true: a reason says what is not known or what a broker's form will say otherwise. None of them
//! changes a number.

use std::fmt;

use crate::books::tax::{Cents, Term};
use crate::record::field::AssetClass;
use crate::time::Day;

use super::filing::{Request, Row};

/// For so many days after a loss a purchase may still replace what was sold.
const WINDOW_DAYS: u32 = 30;

/// A reason to look at a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Review {
    /// Nobody said what the broker told the tax office.
    BoxUnsaid,
    /// It was sold at a loss, and a purchase until the end of that day may still replace it.
    WindowOpen(Day),
    /// It was sold at a loss, and what was bought until that day is not all known.
    WindowUnseen(Day),
    /// Another account bought the replacement: the broker's form does not have the adjustment.
    OtherAccount,
    /// A retirement account bought the replacement: that loss is gone.
    Permanent,
    /// A loss of a digital asset was disallowed, to which the law does not apply at present.
    DigitalWash,
    /// It is long-term, and its dates alone would say short-term.
    TackedTerm,
}

impl Review {
    /// Its kind in one word, such as `box`: what reasons are counted by.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Review::BoxUnsaid => "box",
            Review::WindowOpen(_) => "window open",
            Review::WindowUnseen(_) => "window not seen",
            Review::OtherAccount => "other account",
            Review::Permanent => "loss gone",
            Review::DigitalWash => "digital wash sale",
            Review::TackedTerm => "term",
        }
    }
}

impl fmt::Display for Review {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Review::BoxUnsaid => {
                f.write_str("no box was given for the account: no form 1099 is assumed")
            }
            Review::WindowOpen(last) => {
                write!(f, "a purchase until {last} may still replace the loss")
            }
            Review::WindowUnseen(last) => {
                write!(
                    f,
                    "purchases until {last} may replace the loss and are not all in the data"
                )
            }
            Review::OtherAccount => {
                f.write_str("another account replaced the loss: the broker's form does not show it")
            }
            Review::Permanent => f.write_str("a retirement account replaced the loss: it is gone"),
            Review::DigitalWash => {
                f.write_str("a loss of a digital asset was disallowed: the law does not ask for it")
            }
            Review::TackedTerm => {
                f.write_str("long-term only by the days of the shares whose loss it replaced")
            }
        }
    }
}

/// Every reason to look at that row.
pub(super) fn reviews(request: &Request<'_>, row: &Row<'_>, is_box_said: bool) -> Vec<Review> {
    let disposal = row.disposal;
    let mut found = Vec::new();
    if !is_box_said {
        found.push(Review::BoxUnsaid);
    }
    found.extend(window(request, row));
    let is_elsewhere = |place: usize| {
        let replacement = request.executions.get(place);
        replacement.is_some_and(|it| it.account_id != row.sell.account_id)
    };
    if row.washes.iter().any(|it| is_elsewhere(it.replacement)) {
        found.push(Review::OtherAccount);
    }
    if row.washes.iter().any(|it| it.is_permanent) {
        found.push(Review::Permanent);
    }
    if row.buy.asset_class == AssetClass::Crypto && disposal.adjustment != Cents::ZERO {
        found.push(Review::DigitalWash);
    }
    if Term::of(disposal.acquired, disposal.sold) != disposal.term {
        found.push(Review::TackedTerm);
    }
    found
}

/// Whether what is left of a loss may still be replaced, or may have been by what nobody has seen.
fn window(request: &Request<'_>, row: &Row<'_>) -> Option<Review> {
    let disposal = row.disposal;
    let is_left =
        disposal.gain_before_wash() < Cents::ZERO && disposal.replaced < disposal.quantity;
    if !is_left || !request.options.wash.covers(row.buy.asset_class) {
        return None;
    }
    let last = disposal.sold.plus_days(WINDOW_DAYS);
    if request.today.is_some_and(|it| it <= last) {
        return Some(Review::WindowOpen(last));
    }
    let is_unseen = request.data_through.is_some_and(|it| it < last);
    is_unseen.then_some(Review::WindowUnseen(last))
}
