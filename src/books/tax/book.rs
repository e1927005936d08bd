//! What a tax book says in the end: what was sold, what replaced a loss, what is left.
//!
//! Always true: a row names its purchase and its sale by their places among the executions.

use super::amounts::{Cents, Units};
use super::term::Term;
use crate::time::Day;

/// Everything that executions came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Book {
    /// Each piece of a lot that a taxable account sold, in the order of the sales.
    pub disposals: Vec<Disposal>,
    /// The pieces that retirement accounts sold: nobody is taxed for them.
    pub untaxed: Vec<Disposal>,
    /// Which purchase replaced which loss, in the order in which they were matched.
    pub washes: Vec<Wash>,
    /// The lots that are left, by symbol and account, in the order of their purchases.
    pub open: Vec<OpenLot>,
}

/// A piece of a lot that was sold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disposal {
    /// The purchase, among the executions.
    pub buy: usize,
    /// The sale, among the executions.
    pub sell: usize,
    /// Which piece of its sale it is, from 1, in the order in which they were taken.
    pub piece: u32,
    /// Whether it was not sold but paid as a fee: of the sale's `fee_asset`.
    pub is_fee: bool,
    /// How much, in units of the time of the sale.
    pub quantity: Units,
    /// When it was bought.
    pub acquired: Day,
    /// Since when it counts as held.
    pub holding_start: Day,
    /// When it was sold.
    pub sold: Day,
    /// For how long it was held, as the law counts.
    pub term: Term,
    /// What it was sold for before fees.
    pub gross_proceeds: Cents,
    /// What it was sold for after fees.
    pub proceeds: Cents,
    /// What it cost.
    pub original_basis: Cents,
    /// What losses that it replaced added to that.
    pub wash_added: Cents,
    /// How much of it was replaced, where it was sold at a loss.
    pub replaced: Units,
    /// What of the loss does not count now.
    pub adjustment: Cents,
}

/// A purchase that replaced shares that were sold at a loss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wash {
    /// The loss, among the disposals.
    pub loss: usize,
    /// The purchase, among the executions.
    pub replacement: usize,
    /// When that was.
    pub replaced_on: Day,
    /// How much it replaced, in units of the time of the match.
    pub quantity: Units,
    /// What of the loss does not count now.
    pub disallowed: Cents,
    /// For how many days longer the replacement counts as held.
    pub days_added: i32,
    /// Whether it is gone: a retirement account bought it.
    pub is_permanent: bool,
}

/// A part of a purchase that is not sold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenLot {
    /// The purchase, among the executions.
    pub buy: usize,
    /// How much, after all splits.
    pub quantity: Units,
    /// When it was bought.
    pub acquired: Day,
    /// Since when it counts as held.
    pub holding_start: Day,
    /// What it cost.
    pub original_basis: Cents,
    /// What losses that it replaced added to that.
    pub wash_added: Cents,
    /// The loss that it replaces, among the disposals.
    pub replaces: Option<usize>,
}

impl Disposal {
    /// What it cost, with what losses that it replaced added.
    #[must_use]
    pub fn basis(&self) -> Cents {
        self.original_basis + self.wash_added
    }

    /// What was gained before anything was disallowed.
    #[must_use]
    pub fn gain_before_wash(&self) -> Cents {
        self.proceeds - self.basis()
    }

    /// What is gained for the tax.
    #[must_use]
    pub fn gain(&self) -> Cents {
        self.gain_before_wash() + self.adjustment
    }

    /// What selling it cost.
    #[must_use]
    pub fn fees(&self) -> Cents {
        self.gross_proceeds - self.proceeds
    }
}

impl OpenLot {
    /// What it cost, with what losses that it replaced added.
    #[must_use]
    pub fn basis(&self) -> Cents {
        self.original_basis + self.wash_added
    }
}
