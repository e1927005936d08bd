//! Closed trades for the tests of the tear sheet.

use rust_decimal::Decimal;
use serde_json::Value;

use crate::books::ClosedTrade;
use crate::books::metrics::Equity;
use crate::books::metrics::sheet::{SheetOptions, TearSheet};
use crate::record::field::{Action, ExecutionMode};
use crate::time::Timestamp;

pub(super) fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A trade of an hour with that result and no commission.
pub(super) fn trade(exited: &str, net: &str) -> ClosedTrade {
    let exited = at(exited);
    ClosedTrade {
        order_id: format!("{exited} {net}").parse().unwrap(),
        mode: ExecutionMode::Live,
        account_id: None,
        symbol: "AAPL".parse().unwrap(),
        strategy: "breakout".into(),
        direction: Action::Buy,
        entered: Some(exited.saturating_sub(std::time::Duration::from_secs(3600))),
        exited,
        quantity: 10,
        entry_price: Some("100".parse().unwrap()),
        exit_price: "101".parse().unwrap(),
        stop_loss: None,
        gross: decimal(net),
        net: decimal(net),
        commission: Decimal::ZERO,
        entry_commission: Decimal::ZERO,
        slippage: Decimal::ZERO,
        exits: 1,
        has_entry: true,
        label_conflict: false,
        place: 0,
    }
}

/// Trades with those results, each closed a minute after the one before, on a Monday.
pub(super) fn trades(nets: &[&str]) -> Vec<ClosedTrade> {
    let numbered = (0..).zip(nets);
    let trades = numbered.map(|(place, net)| {
        let time = format!("2025-11-03T{:02}:{:02}:00Z", 10 + place / 60, place % 60);
        let mut trade = trade(&time, net);
        trade.place = place;
        trade
    });
    trades.collect()
}

pub(super) fn with_equity(equity: &str) -> SheetOptions {
    SheetOptions {
        starting_equity: Some(Equity::new(decimal(equity)).unwrap()),
        ..SheetOptions::default()
    }
}

pub(super) fn sheet(trades: &[ClosedTrade], options: &SheetOptions) -> TearSheet {
    let sheet = TearSheet::of(trades, options).unwrap();
    check_nulls(&sheet);
    sheet
}

/// Every null has a reason, and every reason a null.
pub(super) fn check_nulls(sheet: &TearSheet) {
    let json = serde_json::to_value(sheet).unwrap();
    let mut nulls = Vec::new();
    find_nulls(&json, "", &mut nulls);
    let with_reason: Vec<String> = sheet.nulls.keys().cloned().collect();
    nulls.sort();
    nulls.dedup();
    assert_eq!(nulls, with_reason);
}

/// The names of all that is null and has no status beside it.
fn find_nulls(value: &Value, path: &str, nulls: &mut Vec<String>) {
    match value {
        Value::Null => nulls.push(path.to_owned()),
        Value::Array(values) => values.iter().for_each(|it| find_nulls(it, path, nulls)),
        Value::Object(members) => {
            for (name, value) in members
                .iter()
                .filter(|(name, _)| !name.ends_with("_status"))
            {
                let status = members.get(&format!("{name}_status"));
                if let Some(status) = status {
                    assert_eq!(value.is_null(), status.is_string(), "{path}.{name}");
                }
                let in_row = status.is_some() && !path.is_empty();
                let path = match path {
                    "" => name.clone(),
                    path => format!("{path}.{name}"),
                };
                if !in_row {
                    find_nulls(value, &path, nulls);
                }
            }
        }
        _ => {}
    }
}
