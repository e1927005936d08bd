//! A trade that is over, and one that is not.
//!
//! Not here: which records are one trade (`pairing`), and what trades come to together.

use std::sync::Arc;

use rust_decimal::Decimal;

use crate::record::field::{AccountId, Action, ExecutionMode, OrderId, Price, Symbol};
use crate::time::Timestamp;

/// A trade that is over: the sum of its exits.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ClosedTrade {
    /// The order id that its records have in common.
    pub order_id: OrderId,
    /// Whether money was at stake.
    pub mode: ExecutionMode,
    /// The account.
    pub account_id: Option<AccountId>,
    /// The ticker.
    pub symbol: Symbol,
    /// The strategy.
    pub strategy: Arc<str>,
    /// What the entry did: `BUY` for a long trade.
    pub direction: Action,
    /// When it was entered; from the exit's holding time where there is no entry.
    pub entered: Option<Timestamp>,
    /// When its last exit was.
    pub exited: Timestamp,
    /// How many shares its entry has; its exit, where there is no entry.
    pub quantity: u64,
    /// What one share was entered at.
    pub entry_price: Option<Price>,
    /// What one share of the last exit was sold or bought back at.
    pub exit_price: Price,
    /// Where the loss was to be stopped, as the entry says.
    pub stop_loss: Option<Price>,
    /// What it earned before commission.
    pub gross: Decimal,
    /// What it earned after commission.
    pub net: Decimal,
    /// The commission of its exits: `gross` - `net`.
    pub commission: Decimal,
    /// The commission of its entry, which is not in `net`.
    pub entry_commission: Decimal,
    /// How far its prices were from the expected ones, as its records say; it is in the prices already.
    pub slippage: Decimal,
    /// How many exits it had.
    pub exits: u32,
    /// Whether its entry is in the journal.
    pub has_entry: bool,
    /// Whether its last exit is labelled as something else than the sign of the net result.
    pub label_conflict: bool,
    /// Where it stands in the log: the place of its last exit.
    pub place: u64,
}

impl ClosedTrade {
    /// How long it was held, where that is known.
    #[must_use]
    pub fn held_seconds(&self) -> Option<u64> {
        let held = self.entered?.until(self.exited)?;
        Some(held.as_secs())
    }
}

/// A trade that is not over.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct OpenOrder {
    /// The order id of its entry.
    pub order_id: OrderId,
    /// Whether money is at stake.
    pub mode: ExecutionMode,
    /// The account.
    pub account_id: Option<AccountId>,
    /// The ticker.
    pub symbol: Symbol,
    /// The strategy.
    pub strategy: Arc<str>,
    /// What the entry did.
    pub direction: Action,
    /// When it was entered.
    pub entered: Timestamp,
    /// How many shares are left.
    pub quantity: u64,
    /// What one share was entered at.
    pub price: Price,
    /// What its exits so far earned after commission.
    pub net: Decimal,
}

/// A trade whose sums do not fit into a decimal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sums of order {order_id} do not fit into 96 bits and 28 places")]
pub struct SumError {
    /// The order.
    pub order_id: OrderId,
    /// The time of its last exit, or of the record that cannot be counted.
    pub at: Timestamp,
}
