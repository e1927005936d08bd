//! What a tax book is made of: something was bought or sold.
//!
//! Not here: whether it is legal, which [`super::Engine`] says of each.

use std::borrow::Cow;

use rust_decimal::Decimal;

use super::amounts::Cents;
use crate::record::field::{Action, AssetClass};
use crate::time::{Day, Timestamp};

/// One purchase or sale, of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution<'a> {
    /// What it is called; no two have one name.
    pub id: Cow<'a, str>,
    /// When it was.
    pub at: Timestamp,
    /// What was done.
    pub action: Action,
    /// What was traded, such as `AAPL` or `BTC-USD`.
    pub symbol: Cow<'a, str>,
    /// How much: above 0.
    pub quantity: Decimal,
    /// What one unit was traded at: 0 or more.
    pub price: Decimal,
    /// What it cost besides: 0 or more, in `fee_asset`.
    pub commission: Decimal,
    /// The account.
    pub account_id: Cow<'a, str>,
    /// The order that it is a part of: purchases of one order are one purchase.
    pub order_id: Option<Cow<'a, str>>,
    /// What the commission was paid in; dollars where it is not said.
    pub fee_asset: Option<Cow<'a, str>>,
    /// What the commission was worth in dollars, where it was paid in something that was not traded here.
    pub fee_value: Option<Decimal>,
    /// What kind of thing it is.
    pub asset_class: AssetClass,
    /// Which purchases are sold, for [`super::Method::Specid`].
    pub lots: Vec<NamedLot<'a>>,
    /// What was paid in all and since when it counts as held, of a lot that comes from elsewhere.
    pub carried: Option<Carried>,
}

/// So much of that purchase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedLot<'a> {
    /// The purchase.
    pub buy_id: Cow<'a, str>,
    /// How much of it.
    pub quantity: Decimal,
}

/// What is known of a lot that was bought before these books, or at another broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried {
    /// When it was bought.
    pub acquired: Day,
    /// Since when it counts as held: before `acquired` where it replaced shares that were sold at a loss.
    pub holding_start: Day,
    /// What it cost, with commission.
    pub basis: Cents,
    /// What earlier wash sales added to that.
    pub wash_added: Cents,
}
