//! Fills: what an exchange did with an order.
//!
//! Always true: unix time and RFC 3339 name the same instant; price and size are above 0. What an
//! exchange does not tell (inventory, equity, realized profit of an imported fill) is `null`,
//! never a made-up 0.

use crate::record::Stream;
use crate::record::field::{
    AccountId, Action, Amount, Asset, AssetClass, ExecutionMode, FillId, Money, Note, OrderId,
    OrderType, Pair, Price, Size,
};
use crate::record::table::{no_rules, record_in, table};

table! {
    /// An order was filled, in whole or in part.
    pub struct FillRecord, FillParts, RawFill, FillDraft, rules no_rules,
        unix timestamp, iso datetime_utc;

    /// What the exchange calls the order.
    order_id: OrderId => &OrderId;
    /// What the bot calls the order.
    client_order_id: Option<OrderId> => Option<&OrderId>;
    /// What was traded.
    symbol: Pair => &Pair;
    /// The direction.
    side: Action => Action;
    /// How the order was placed.
    order_type: OrderType => &OrderType;
    /// What one unit was traded at.
    price: Price => Price;
    /// How many units.
    size: Size => Size;
    /// What the exchange took; below 0 where it paid.
    fee: Money => Money;
    /// What the fee was paid in.
    fee_asset: Asset => &Asset;
    /// What this fill earned.
    realized_pnl: Option<Money> => Option<Money>;
    /// The spread at the time of the order, in per cent.
    spread_captured: Option<Amount> => Option<Amount>;
    /// The position before.
    inventory_before: Option<Amount> => Option<Amount>;
    /// The position after.
    inventory_after: Option<Amount> => Option<Amount>;
    /// What the account was worth before.
    equity_before: Option<Money> => Option<Money>;
    /// What the account was worth after.
    equity_after: Option<Money> => Option<Money>;
    /// Whatever else is to be said.
    notes: Note => &str;
    /// What the exchange calls this fill.
    fill_id: Option<FillId> => Option<&FillId>;
    /// Whether money was at stake.
    execution_mode: Option<ExecutionMode> => Option<ExecutionMode>;
    /// The account.
    account_id: Option<AccountId> => Option<&AccountId>;
    /// What kind of thing it is, for tax rules.
    asset_class: Option<AssetClass> => Option<AssetClass>;
}

record_in!(Stream::Fills, FillRecord, timestamp);

#[cfg(test)]
mod tests {
    use crate::record::{FillRecord, Record as _};

    const FILL: &str = r#"{"timestamp":1729776543.123,"datetime_utc":"2024-10-24T13:29:03.123Z","order_id":"1","symbol":"BTC-USDT","side":"BUY","order_type":"LIMIT","price":"67500.0","size":"0.001","fee":"0.135","fee_asset":"USDT"}"#;

    #[test]
    fn the_finer_of_two_agreeing_times_is_kept() {
        for (unix, iso, kept) in [
            ("1729776543.123", "03.123Z", "03.123Z"),
            ("1729776543.123", "03.123456Z", "03.123456Z"),
            ("1729776543.123456", "03.123Z", "03.123456Z"),
            ("1729776543", "03Z", "03.000Z"),
        ] {
            let json = FILL.replace("1729776543.123", unix).replace("03.123Z", iso);
            let fill = FillRecord::decode(json.as_bytes()).unwrap();
            assert_eq!(
                fill.timestamp().to_string(),
                format!("2024-10-24T13:29:{kept}")
            );
        }
    }

    #[test]
    fn times_that_differ_are_refused_and_so_is_either_alone() {
        let wrong = |from: &str, to: &str| {
            let json = FILL.replace(from, to);
            FillRecord::decode(json.as_bytes()).unwrap_err().to_string()
        };
        assert_eq!(
            wrong("03.123Z", "04.123Z"),
            "datetime_utc: must be the same time as timestamp, to the digits of the coarser of the two, \
             got \"2024-10-24T13:29:04.123Z\" (timestamp is 2024-10-24T13:29:03.123Z)"
        );
        assert_eq!(
            wrong("\"timestamp\":1729776543.123,", ""),
            "timestamp: is missing"
        );
        assert!(wrong("1729776543.123", "1e400").starts_with("timestamp: must be unix seconds"));
        assert!(wrong("03.123Z", "03.123").contains("end it with Z"));
    }
}
