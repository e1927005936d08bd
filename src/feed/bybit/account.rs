//! What happens to one's own account: executions, orders, positions, balances.
//!
//! Always true: a row has the members that came, and names what it is by the keys of its kind. Texts stay
//! texts, `""` included.

use super::{Category, Members, Millis};

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountKind {
    /// An execution: a fill, a funding, a liquidation.
    Execution,
    /// An order, as it stands.
    Order,
    /// A position, as it stands.
    Position,
    /// A wallet, or those of its coins that changed.
    Wallet,
}

impl AccountKind {
    /// All of them.
    pub const ALL: [AccountKind; 4] = [
        AccountKind::Execution,
        AccountKind::Order,
        AccountKind::Position,
        AccountKind::Wallet,
    ];

    /// The topic that tells of them.
    #[must_use]
    pub fn topic(self) -> &'static str {
        match self {
            AccountKind::Execution => "execution",
            AccountKind::Order => "order",
            AccountKind::Position => "position",
            AccountKind::Wallet => "wallet",
        }
    }
}

/// One row of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    /// What it is.
    pub kind: AccountKind,
    /// The market, for all but wallets.
    pub category: Option<Category>,
    /// The symbol; empty for a wallet.
    pub symbol: Box<str>,
    /// What names it: the execution's id, the order's id, the position's index, the account type.
    pub key: Box<str>,
    /// When it was so: of an execution its time, of an order and a position `updatedTime`, of a wallet when
    /// the message was made.
    pub time: Millis,
    /// All that came, under the exchange's names.
    pub members: Members,
}

impl AccountRow {
    /// The row of these members, if they have what names it. `made` is when the message was made, and
    /// `asked` the market of a request, which its rows do not repeat.
    #[must_use]
    pub fn new(
        kind: AccountKind,
        asked: Option<Category>,
        made: Millis,
        members: Members,
    ) -> Option<AccountRow> {
        let told = members.text("category").and_then(|it| it.parse().ok());
        let category = told.or(asked);
        let symbol: Box<str> = members.text("symbol").unwrap_or_default().into();
        let (key, time) = match kind {
            AccountKind::Execution => (members.text("execId")?, members.whole("execTime")?),
            AccountKind::Order => {
                let time = members.whole("updatedTime");
                (members.text("orderId")?, time.unwrap_or(made.0))
            }
            AccountKind::Position => {
                let time = members.whole("updatedTime");
                let index = members.text("positionIdx").unwrap_or("0");
                (index, time.unwrap_or(made.0))
            }
            // Some messages leave it out.
            AccountKind::Wallet => (members.text("accountType").unwrap_or_default(), made.0),
        };
        let (key, time) = (key.into(), Millis(time));
        let is_named = kind == AccountKind::Wallet || category.is_some() && !symbol.is_empty();
        is_named.then_some(AccountRow {
            kind,
            category,
            symbol,
            key,
            time,
            members,
        })
    }
}
