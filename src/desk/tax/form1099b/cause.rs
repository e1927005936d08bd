//! Why a broker's form and the books may differ without either being wrong, and what to look at where one is.
//!
//! Always true: a cause that is not expected names where to look, and explains nothing away.

use std::fmt;

use crate::books::tax::{Cents, Method};

/// Why something differs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// A purchase in another account, or of a substantially identical symbol, replaced a loss. A broker need
    /// not see that.
    OtherAccountWash,
    /// The broker does not answer for the basis of these lots.
    Noncovered,
    /// Each side rounds pieces of its own: a cent a piece at most.
    Rounding,
    /// The lots come from elsewhere, and the broker has other records of them, or none.
    TransferredIn,
    /// The broker did not take the fees off the proceeds: code E of Form 8949.
    FeesNotNetted {
        /// What they are.
        fees: Cents,
    },
    /// The two differ by exactly what earlier wash sales added to the basis: box 1e has them where a
    /// broker knows them, and then they must not be added again.
    StepUps {
        /// What they are.
        added: Cents,
    },
    /// The broker sold the lots in another order.
    LotMethod(Method),
    /// One side counts the days for which lots that were sold at a loss were held, the other does not.
    TackedHolding,
    /// The broker has the day of settlement, which is one or two trading days later.
    SettlementDate,
    /// It is settled in the next year, and some brokers report it there.
    NextYear,
    /// Crypto is on no Form 1099-B.
    DigitalAsset,
    /// The journal has it in that account.
    OtherAccount(String),
    /// The journal has it not: `tj reconcile` says what is missing in it.
    MissingInJournal,
    /// The broker has it not.
    MissingAtBroker,
    /// It was sold in that year.
    OtherYear(i32),
}

impl Cause {
    /// Its name, for programs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Cause::OtherAccountWash => "other_account_wash_sale",
            Cause::Noncovered => "noncovered",
            Cause::Rounding => "rounding",
            Cause::TransferredIn => "transferred_in",
            Cause::FeesNotNetted { .. } => "fees_not_netted",
            Cause::StepUps { .. } => "step_ups",
            Cause::LotMethod(_) => "lot_method",
            Cause::TackedHolding => "tacked_holding",
            Cause::SettlementDate => "settlement_date",
            Cause::NextYear => "next_year",
            Cause::DigitalAsset => "digital_asset",
            Cause::OtherAccount(_) => "other_account",
            Cause::MissingInJournal => "missing_in_journal",
            Cause::MissingAtBroker => "missing_at_broker",
            Cause::OtherYear(_) => "other_year",
        }
    }

    /// Whether both sides can be right all the same.
    #[must_use]
    pub fn is_expected(&self) -> bool {
        !matches!(
            self,
            Cause::OtherAccount(_)
                | Cause::MissingInJournal
                | Cause::MissingAtBroker
                | Cause::OtherYear(_)
        )
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::OtherAccountWash => {
                f.write_str("a wash sale with another account, which the broker does not see")
            }
            Cause::Noncovered => f.write_str("noncovered: the basis was not reported"),
            Cause::Rounding => f.write_str("rounding, a cent a piece at most"),
            Cause::TransferredIn => f.write_str("lots that were transferred in"),
            Cause::FeesNotNetted { fees } => {
                write!(f, "fees of {fees} are not taken off the proceeds: code E")
            }
            Cause::StepUps { added } => write!(
                f,
                "earlier wash sales added {added}: box 1e has it where the broker knows of them, never twice"
            ),
            Cause::LotMethod(method) => write!(f, "the broker sold the lots by {method}"),
            Cause::TackedHolding => {
                f.write_str("the days that a replaced lot was held count on one side alone")
            }
            Cause::SettlementDate => f.write_str("the broker has the day of settlement"),
            Cause::NextYear => f.write_str("it is settled in the next year"),
            Cause::DigitalAsset => f.write_str("crypto is on no Form 1099-B"),
            Cause::OtherAccount(account) => write!(f, "the journal has it in account {account}"),
            Cause::MissingInJournal => {
                f.write_str("it is not in the journal: `tj reconcile` names what is missing")
            }
            Cause::MissingAtBroker => f.write_str("the broker has not reported it"),
            Cause::OtherYear(year) => write!(f, "it was sold in {year}"),
        }
    }
}
