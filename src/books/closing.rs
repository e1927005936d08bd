//! A trade that is over, as light as what counts it needs it.
//!
//! Not here: all that is known of it (`closed`), and the windows that count.

use std::fmt;

use rust_decimal::Decimal;

use super::ids::Ids;
use super::metrics::{Basis, ScopeKind};
use super::order::Key;
use super::origin::Origin;
use crate::record::field::{AccountId, ExecutionMode, Symbol};
use crate::time::Timestamp;

/// What a closed trade earned and whose it is. Its texts stay where its records are, so a million of these
/// cost a fraction of what as many [`ClosedTrade`](super::ClosedTrade)s do; the values are the same.
#[derive(Clone, Copy)]
pub struct Closing<'a> {
    pub(super) at: Key,
    pub(super) light: Light<'a>,
}

/// All of it but when it ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Light<'a> {
    pub(super) gross: Decimal,
    pub(super) net: Decimal,
    pub(super) ids: &'a Ids,
    pub(super) number: usize,
    pub(super) origin: Option<&'a Origin>,
    pub(super) symbol: Symbol,
    pub(super) mode: ExecutionMode,
    pub(super) has_entry: bool,
    pub(super) label_conflict: bool,
}

impl<'a> Closing<'a> {
    /// The order id that its records have in common.
    #[must_use]
    pub fn order_id(&self) -> &'a str {
        self.light.ids.text(self.light.number)
    }

    /// Whether money was at stake.
    #[must_use]
    pub fn mode(&self) -> ExecutionMode {
        self.light.mode
    }

    /// The account.
    #[must_use]
    pub fn account_id(&self) -> Option<&'a AccountId> {
        self.light.origin?.account_id.as_ref()
    }

    /// The strategy.
    #[must_use]
    pub fn strategy(&self) -> &'a str {
        self.light.origin.map_or("", |it| &it.strategy)
    }

    /// The ticker.
    #[must_use]
    pub fn symbol(&self) -> Symbol {
        self.light.symbol
    }

    /// When its last exit was.
    #[must_use]
    #[inline]
    pub fn exited(&self) -> Timestamp {
        self.at.0
    }

    /// Where it stands in the log: the place of its last exit.
    #[must_use]
    pub fn place(&self) -> u64 {
        self.at.1
    }

    /// What it earned.
    #[must_use]
    #[inline]
    pub fn result(&self, basis: Basis) -> Decimal {
        match basis {
            Basis::Net => self.light.net,
            Basis::Gross => self.light.gross,
        }
    }

    /// What it has in common with the other trades of its window of that kind; `None` for one without an
    /// account.
    #[must_use]
    #[inline]
    pub fn scope(&self, kind: ScopeKind) -> Option<&str> {
        match kind {
            ScopeKind::All => Some(""),
            ScopeKind::Strategy => Some(self.strategy()),
            ScopeKind::Symbol => Some(self.light.symbol.as_str()),
            ScopeKind::Account => self.account_id().map(AccountId::as_str),
        }
    }

    /// Whether its entry is in the journal.
    #[must_use]
    pub fn has_entry(&self) -> bool {
        self.light.has_entry
    }

    /// Whether its last exit is labelled as something else than the sign of the net result.
    #[must_use]
    pub fn label_conflict(&self) -> bool {
        self.light.label_conflict
    }
}

impl fmt::Debug for Closing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closing")
            .field("order_id", &self.order_id())
            .field("exited", &self.exited())
            .field("place", &self.place())
            .field("mode", &self.light.mode)
            .field("gross", &self.light.gross)
            .field("net", &self.light.net)
            .finish_non_exhaustive()
    }
}
