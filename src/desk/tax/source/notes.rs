//! What was strange among the records that executions are made of.
//!
//! Always true: what is not in the executions is counted here, and what has a name is named.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use rust_decimal::Decimal;

use super::Origin;
use crate::record::field::sum;

/// What was left out, replaced, or taken for something else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceNotes {
    /// Records of the mode that counts.
    pub counted: u64,
    /// Records of the other mode.
    pub other_mode: u64,
    /// Records that do not say their mode: never taxed.
    pub unknown_mode: u64,
    /// Entries whose order id an earlier one has; the first counts.
    pub entries_repeated: u64,
    /// Exits that were replaced by a later one of their order and time.
    pub exits_replaced: u64,
    /// Exits whose entry the journal does not have: sales of what was bought before it.
    pub exits_alone: u64,
    /// Fills that were written down twice, as the same.
    pub fills_repeated: u64,
    /// Executions whose account is not named.
    pub unnamed_accounts: u64,
    /// Executions that do not say what they cost.
    pub without_commission: u64,
    /// Short sales and what closed them: left out.
    pub shorts: Vec<Named>,
    /// Exits in the direction of their own entry: left out.
    pub contradictions: Vec<Named>,
    /// Fees that an exchange paid, by what it paid them in.
    pub rebates: BTreeMap<String, Rebates>,
    /// Fees that were paid in what was not traded, and whose worth is not said.
    pub foreign_fees: Vec<Named>,
    /// Symbols of fills that nobody says the kind of; they are counted as equity.
    pub unclassed: BTreeSet<String>,
    /// Symbols of fills that were taken for crypto since they are pairs.
    pub taken_for_crypto: BTreeSet<String>,
    /// What crypto was priced in, where that is not dollars, and how often.
    pub quotes: BTreeMap<String, u64>,
}

/// A record, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// What it is called.
    pub id: String,
    /// What was traded.
    pub symbol: String,
    /// Its line.
    pub origin: Origin,
}

/// Fees that were paid to the account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rebates {
    /// How many.
    pub count: u64,
    /// What they come to; `None` where that fits into no decimal.
    pub total: Option<Decimal>,
}

impl SourceNotes {
    pub(super) fn rebate(&mut self, asset: &str, amount: Decimal) {
        let begun = || Rebates {
            count: 0,
            total: Some(Decimal::ZERO),
        };
        let rebates = self.rebates.entry(asset.to_owned()).or_insert_with(begun);
        rebates.count += 1;
        rebates.total = rebates.total.and_then(|it| sum(it, amount));
    }

    /// Those of another stream.
    pub(super) fn add(&mut self, other: SourceNotes) {
        self.counted += other.counted;
        self.other_mode += other.other_mode;
        self.unknown_mode += other.unknown_mode;
        self.entries_repeated += other.entries_repeated;
        self.exits_replaced += other.exits_replaced;
        self.exits_alone += other.exits_alone;
        self.fills_repeated += other.fills_repeated;
        self.unnamed_accounts += other.unnamed_accounts;
        self.without_commission += other.without_commission;
        self.shorts.extend(other.shorts);
        self.contradictions.extend(other.contradictions);
        self.foreign_fees.extend(other.foreign_fees);
        self.unclassed.extend(other.unclassed);
        self.taken_for_crypto.extend(other.taken_for_crypto);
        // One stream alone has these.
        self.rebates.extend(other.rebates);
        self.quotes.extend(other.quotes);
    }
}

/// Such as `order-7 of AAPL (trades 2025-10-26 line 17)`.
impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} ({})", self.id, self.symbol, self.origin)
    }
}
