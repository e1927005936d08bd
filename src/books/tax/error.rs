//! Why there is no tax book.

use super::amounts::Units;

/// Why executions come to no book. Nothing is told of them then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TaxError {
    /// More was sold than was there.
    #[error(
        "sale {trade_id} of {symbol}{}: {missing} more are sold than are held there",
        place(account)
    )]
    InsufficientLots {
        /// Of what.
        symbol: String,
        /// Where.
        account: String,
        /// The sale.
        trade_id: String,
        /// How much is not there.
        missing: Units,
    },
    /// Something that is no trade.
    #[error("trade {trade_id} of {symbol}: {problem}")]
    InvalidTrade {
        /// Of what.
        symbol: String,
        /// Which.
        trade_id: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// Rules that exclude each other.
    #[error("{0}")]
    Options(String),
    /// The books do not balance: an error of this program, and no report.
    #[error("the books do not balance: {0}; please report this, with the trades if you can")]
    Unbalanced(String),
}

/// An account need not have a name.
fn place(account: &str) -> String {
    match account {
        "" => String::new(),
        name => format!(" in {name}"),
    }
}
