//! Whether a book says no more and no less than its executions.
//!
//! Always true: it is kept beside the walk, from the trades alone, and compared at the end.

use super::amounts::{Cents, Units};
use super::book::{Book, Disposal};
use super::error::TaxError;
use super::trades::Trade;

/// What went in, and what must have come out.
#[derive(Debug)]
pub(super) struct Balance {
    assets: Vec<Flow>,
    costs: Cents,
    proceeds: Cents,
}

/// How much of one asset came and went.
#[derive(Clone, Copy, Debug, Default)]
struct Flow {
    bought: Units,
    sold: Units,
    split_in: Units,
    split_out: Units,
}

impl Balance {
    pub(super) fn new(assets: usize) -> Balance {
        Balance {
            assets: vec![Flow::default(); assets],
            costs: Cents::ZERO,
            proceeds: Cents::ZERO,
        }
    }

    pub(super) fn bought(&mut self, trade: &Trade, wash_added: Cents) {
        if let Some(flow) = self.assets.get_mut(trade.asset) {
            flow.bought += trade.quantity;
        }
        self.costs += trade.net + wash_added;
    }

    pub(super) fn sold(&mut self, trade: &Trade) {
        if let Some(flow) = self.assets.get_mut(trade.asset) {
            flow.sold += trade.quantity;
        }
        self.proceeds += trade.net;
    }

    pub(super) fn split(&mut self, asset: usize, before: Units, after: Units) {
        if let Some(flow) = self.assets.get_mut(asset) {
            flow.split_out += before;
            flow.split_in += after;
        }
    }

    /// Compares it with a book and with what is left: quantities by asset, and what all of it cost.
    ///
    /// # Errors
    /// [`TaxError::Unbalanced`] names what does not come out.
    pub(super) fn check(
        &self,
        book: &Book,
        left: &[Units],
        left_cost: Cents,
    ) -> Result<(), TaxError> {
        let unbalanced = |what: String| Err(TaxError::Unbalanced(what));
        for (asset, flow) in self.assets.iter().enumerate() {
            let open = left.get(asset).copied().unwrap_or_default();
            let came = flow.bought + flow.split_in;
            let went = flow.sold + flow.split_out + open;
            if came != went {
                return unbalanced(format!(
                    "{came} of an asset came and {went} went or are left"
                ));
            }
        }
        let rows = || book.disposals.iter().chain(&book.untaxed);
        let kept = book.washes.iter().filter(|it| !it.is_permanent);
        let added: Cents = kept.map(|it| it.disallowed).sum();
        let costs = rows().map(Disposal::basis).sum::<Cents>() + left_cost - added;
        if costs != self.costs {
            return unbalanced(format!("purchases cost {}, and lots {costs}", self.costs));
        }
        let proceeds: Cents = rows().map(|it| it.proceeds).sum();
        if proceeds != self.proceeds {
            let sales = self.proceeds;
            return unbalanced(format!("sales came to {sales}, and rows to {proceeds}"));
        }
        let disallowed: Cents = book.washes.iter().map(|it| it.disallowed).sum();
        let adjusted: Cents = rows().map(|it| it.adjustment).sum();
        if disallowed != adjusted {
            return unbalanced(format!(
                "losses of {disallowed} were replaced, and rows adjusted by {adjusted}"
            ));
        }
        let is_wrong = |it: &&Disposal| {
            let loss = (-it.gain_before_wash()).max(Cents::ZERO);
            it.adjustment < Cents::ZERO || loss < it.adjustment || it.quantity < it.replaced
        };
        match rows().find(is_wrong) {
            Some(row) => unbalanced(format!(
                "of a gain of {} {} is adjusted",
                row.gain_before_wash(),
                row.adjustment
            )),
            None => Ok(()),
        }
    }
}
