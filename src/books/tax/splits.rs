//! Splits: more or fewer shares without a trade.
//!
//! Always true: what they cost together, and since when they are held, stays what it was.

use super::amounts::Units;
use super::engine::Walk;
use super::error::TaxError;
use super::lots::Purchase;
use super::options::Split;

impl Walk<'_> {
    /// Changes the quantities of all open lots of an asset, and of the losses that wait.
    pub(super) fn split(&mut self, asset: usize, split: &Split) -> Result<(), TaxError> {
        let of_asset = |it: &&mut Purchase| it.asset == asset;
        let mut fits = true;
        for purchase in self.purchases.iter_mut().filter(of_asset) {
            let before: Units = purchase.open().map(|it| it.1.quantity).sum();
            fits &= purchase.split(split.new, split.old);
            let after: Units = purchase.open().map(|it| it.1.quantity).sum();
            self.balance.split(asset, before, after);
        }
        for pool in self.pools.iter_mut().filter(|it| it.0.0 == asset) {
            pool.1.available = Units::ZERO;
        }
        for (number, purchase) in self.purchases.iter().enumerate() {
            if purchase.asset != asset {
                continue;
            }
            let key = self.pool_key(asset, purchase.account);
            if let Some(pool) = self.pools.get_mut(&key) {
                pool.available += purchase.open().map(|it| it.1.quantity).sum();
                pool.note(number, purchase);
            }
        }
        let desks = self.desks.values_mut();
        for loss in desks
            .flat_map(|it| &mut it.waiting)
            .filter(|it| it.asset == asset)
        {
            let both = |it: Units| it.split(split.new, split.old);
            match (both(loss.quantity), both(loss.matched)) {
                (Some(quantity), Some(matched)) => {
                    (loss.quantity, loss.matched) = (quantity, matched);
                }
                _ => fits = false,
            }
        }
        match fits {
            true => Ok(()),
            false => Err(TaxError::Options(format!(
                "split of {}: it leaves more shares than can be counted",
                split.symbol
            ))),
        }
    }
}
