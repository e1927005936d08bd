//! Which member of the exchange's objects has which column.
//!
//! Always true:
//! - Nothing of an object is lost: what has no column, or does not fit the one it has, is in `other`.
//! - A column has the characters that came; whole numbers and flags are numbers, where those say the same.
//!
//! Not here: what names a row.

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Row, Statement};

use crate::feed::bybit::{Member, Members};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Whole,
    Flag,
    Json,
}

use Kind::{Flag, Json, Text, Whole};

/// The columns of a table: the member, the column, and what it holds.
pub(super) type Columns = &'static [(&'static str, &'static str, Kind)];

pub(super) const TICKER: Columns = &[
    ("lastPrice", "last_price", Text),
    ("markPrice", "mark_price", Text),
    ("indexPrice", "index_price", Text),
    ("bid1Price", "bid1_price", Text),
    ("bid1Size", "bid1_size", Text),
    ("ask1Price", "ask1_price", Text),
    ("ask1Size", "ask1_size", Text),
    ("volume24h", "volume24h", Text),
    ("turnover24h", "turnover24h", Text),
    ("openInterest", "open_interest", Text),
    ("openInterestValue", "open_interest_value", Text),
    ("fundingRate", "funding_rate", Text),
    ("nextFundingTime", "next_funding_time", Text),
    ("fundingIntervalHour", "funding_interval_hour", Text),
    ("price24hPcnt", "price24h_pcnt", Text),
    ("highPrice24h", "high_price24h", Text),
    ("lowPrice24h", "low_price24h", Text),
    ("prevPrice24h", "prev_price24h", Text),
    ("prevPrice1h", "prev_price1h", Text),
    ("tickDirection", "tick_direction", Text),
];

pub(super) const EXECUTION: Columns = &[
    ("orderId", "order_id", Text),
    ("orderLinkId", "order_link_id", Text),
    ("side", "side", Text),
    ("execType", "exec_type", Text),
    ("execPrice", "exec_price", Text),
    ("execQty", "exec_qty", Text),
    ("execValue", "exec_value", Text),
    ("execFee", "exec_fee", Text),
    ("feeRate", "fee_rate", Text),
    ("feeCurrency", "fee_currency", Text),
    ("execPnl", "exec_pnl", Text),
    ("isMaker", "is_maker", Flag),
    ("orderType", "order_type", Text),
    ("orderPrice", "order_price", Text),
    ("orderQty", "order_qty", Text),
    ("leavesQty", "leaves_qty", Text),
    ("closedSize", "closed_size", Text),
    ("stopOrderType", "stop_order_type", Text),
    ("createType", "create_type", Text),
    ("markPrice", "mark_price", Text),
    ("indexPrice", "index_price", Text),
    ("seq", "seq", Whole),
];

pub(super) const ORDER: Columns = &[
    ("orderStatus", "order_status", Text),
    ("cumExecQty", "cum_exec_qty", Text),
    ("orderLinkId", "order_link_id", Text),
    ("side", "side", Text),
    ("orderType", "order_type", Text),
    ("price", "price", Text),
    ("qty", "qty", Text),
    ("leavesQty", "leaves_qty", Text),
    ("leavesValue", "leaves_value", Text),
    ("cumExecValue", "cum_exec_value", Text),
    ("cumExecFee", "cum_exec_fee", Text),
    ("avgPrice", "avg_price", Text),
    ("timeInForce", "time_in_force", Text),
    ("reduceOnly", "reduce_only", Flag),
    ("closeOnTrigger", "close_on_trigger", Flag),
    ("cancelType", "cancel_type", Text),
    ("rejectReason", "reject_reason", Text),
    ("stopOrderType", "stop_order_type", Text),
    ("triggerPrice", "trigger_price", Text),
    ("takeProfit", "take_profit", Text),
    ("stopLoss", "stop_loss", Text),
    ("closedPnl", "closed_pnl", Text),
    ("feeCurrency", "fee_currency", Text),
    ("createType", "create_type", Text),
    ("positionIdx", "position_idx", Whole),
    ("createdTime", "created_time_ms", Whole),
];

pub(super) const POSITION: Columns = &[
    ("side", "side", Text),
    ("size", "size", Text),
    ("entryPrice", "entry_price", Text),
    ("breakEvenPrice", "break_even_price", Text),
    ("markPrice", "mark_price", Text),
    ("positionValue", "position_value", Text),
    ("leverage", "leverage", Text),
    ("liqPrice", "liq_price", Text),
    ("bustPrice", "bust_price", Text),
    ("takeProfit", "take_profit", Text),
    ("stopLoss", "stop_loss", Text),
    ("trailingStop", "trailing_stop", Text),
    ("unrealisedPnl", "unrealised_pnl", Text),
    ("curRealisedPnl", "cur_realised_pnl", Text),
    ("cumRealisedPnl", "cum_realised_pnl", Text),
    ("positionIM", "position_im", Text),
    ("positionMM", "position_mm", Text),
    ("positionStatus", "position_status", Text),
    ("createdTime", "created_time_ms", Whole),
    ("seq", "seq", Whole),
];

pub(super) const WALLET: Columns = &[
    ("totalEquity", "total_equity", Text),
    ("totalWalletBalance", "total_wallet_balance", Text),
    ("totalMarginBalance", "total_margin_balance", Text),
    ("totalAvailableBalance", "total_available_balance", Text),
    ("totalPerpUPL", "total_perp_upl", Text),
    ("totalInitialMargin", "total_initial_margin", Text),
    ("totalMaintenanceMargin", "total_maintenance_margin", Text),
    ("accountIMRate", "account_im_rate", Text),
    ("accountMMRate", "account_mm_rate", Text),
    ("coin", "coin", Json),
];

/// An `INSERT` of a table whose first columns are `before`, then `columns`, `other` and `after`.
pub(super) fn insert(table: &str, before: &[&str], columns: Columns, after: &[&str]) -> String {
    let columns = columns.iter().map(|(_, column, _)| *column);
    let all = before.iter().copied().chain(columns);
    let all: Vec<&str> = all.chain(["other"]).chain(after.iter().copied()).collect();
    let holes = vec!["?"; all.len()].join(", ");
    format!("INSERT INTO {table} ({}) VALUES ({holes})", all.join(", "))
}

/// Binds the members from this place on, then `other`, and tells the next place. `named` are members that
/// the row has in columns of its own.
pub(super) fn bind(
    statement: &mut Statement<'_>,
    from: usize,
    columns: Columns,
    named: &[&str],
    members: &Members,
) -> rusqlite::Result<usize> {
    let mut place = from;
    for (name, _, kind) in columns {
        let value = members.get(name).and_then(|it| fit(*kind, it));
        statement.raw_bind_parameter(place, value.unwrap_or(ToSqlOutput::Owned(Value::Null)))?;
        place += 1;
    }
    let has_place = |name: &str, member: &Member| {
        let mut found = columns.iter().filter(|it| it.0 == name);
        let column = found.next();
        named.contains(&name) || column.is_some_and(|it| fit(it.2, member).is_some())
    };
    let is_all = members.iter().all(|(name, member)| has_place(name, member));
    let other = (!is_all).then(|| {
        let wanted = |name: &str| members.get(name).is_some_and(|it| !has_place(name, it));
        members.to_json(wanted)
    });
    statement.raw_bind_parameter(place, other)?;
    Ok(place + 1)
}

/// The member as the column has it, if it says the same there.
fn fit(kind: Kind, member: &Member) -> Option<ToSqlOutput<'_>> {
    let text = |it| Some(ToSqlOutput::Borrowed(ValueRef::Text(str::as_bytes(it))));
    let whole = |it: &str| {
        it.parse::<i64>()
            .ok()
            .filter(|number| number.to_string() == it)
    };
    match (kind, member) {
        (Text, Member::Text(it)) => text(it),
        (Text, Member::Json(it)) => match it.starts_with(['{', '[', 'n']) {
            true => None,
            false => text(it),
        },
        (Json, Member::Json(it)) => text(it),
        (Whole | Flag, Member::Text(it)) if it.is_empty() => text(it),
        (Whole, it) => Some(ToSqlOutput::Owned(Value::Integer(whole(it.as_str())?))),
        (Flag, Member::Json(it)) => match &**it {
            "true" => Some(ToSqlOutput::Owned(Value::Integer(1))),
            "false" => Some(ToSqlOutput::Owned(Value::Integer(0))),
            _ => None,
        },
        (Json | Flag, Member::Text(_)) => None,
    }
}

/// The members of a row, whose `columns` and `other` begin at this place.
pub(super) fn members(row: &Row<'_>, from: usize, columns: Columns) -> rusqlite::Result<Members> {
    let mut members = Members::default();
    let mut place = from;
    for (name, _, kind) in columns {
        let member = match (row.get_ref(place)?, kind) {
            (ValueRef::Integer(it), Flag) => {
                Some(Member::Json(if it == 0 { "false" } else { "true" }.into()))
            }
            (ValueRef::Integer(it), _) => Some(Member::Json(it.to_string().into())),
            (ValueRef::Text(it), Json) => Some(Member::Json(String::from_utf8_lossy(it).into())),
            (ValueRef::Text(it), _) => Some(Member::Text(String::from_utf8_lossy(it).into())),
            _ => None,
        };
        if let Some(member) = member {
            members.set(name, member);
        }
        place += 1;
    }
    if let Some(other) = row.get::<_, Option<String>>(place)? {
        let other: Members = serde_json::from_str(&other).unwrap_or_default();
        for (name, member) in other.iter() {
            members.set(name, member.clone());
        }
    }
    Ok(members)
}

/// The columns for a `SELECT`, `other` at the end.
pub(super) fn list(columns: Columns) -> String {
    let names: Vec<&str> = columns.iter().map(|it| it.1).chain(["other"]).collect();
    names.join(", ")
}
