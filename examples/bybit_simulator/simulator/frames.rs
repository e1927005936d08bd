//! Owns how things made are written as messages and rows: names, order of members, text or number.
//!
//! Always true:
//! - the shapes are those of real messages, quirks included: on spot `ts` stands before `type`,
//!   what is empty is the empty text, and numbers are texts but where the exchange sends numbers;
//! - with oddities, members come that nobody has documented.
//!
//! Who gets a message is not decided here.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::account::{Account, Deal};
use super::truth::{ExecutionMade, OrderMade, PositionMade, TickerState, TradeMade};
use super::world::{Category, settle_coin};

/// The message of these trades, which are of one topic and at most [`TRADES_PER_FRAME_MAX`].
pub fn trades(topic: &str, of: &[TradeMade], ts: i64, oddities: bool) -> String {
    let category = of[0].category;
    let mut text = String::with_capacity(220 * of.len() + 100);
    let head = match category {
        Category::Option => {
            let id = format!("{topic}-{}-{ts}", of[0].seq);
            format!(r#"{{"id":"{id}","topic":"{topic}","ts":{ts},"type":"snapshot","data":["#)
        }
        Category::Spot => format!(r#"{{"topic":"{topic}","ts":{ts},"type":"snapshot","data":["#),
        _ => format!(r#"{{"topic":"{topic}","type":"snapshot","ts":{ts},"data":["#),
    };
    text.push_str(&head);
    for (number, it) in of.iter().enumerate() {
        if number != 0 {
            text.push(',');
        }
        trade(&mut text, it, oddities);
    }
    text.push_str("]}");
    text
}

fn trade(text: &mut String, it: &TradeMade, oddities: bool) {
    let (t, s, side) = (it.time_ms, &it.symbol, it.side);
    let (v, p, i, seq) = (&it.size, &it.price, &it.id, it.seq);
    let (block, rpi) = (it.is_block, it.is_rpi);
    // Which trades are odd follows from them, so that a frame that is sent again is the same.
    let odd = match oddities && seq.is_multiple_of(97) {
        true => r#","newMember":{"x":[1,null]}"#,
        false => "",
    };
    match it.category {
        Category::Spot => {
            *text += &format!(r#"{{"i":"{i}","T":{t},"p":"{p}","v":"{v}","S":"{side}","#);
            *text += &format!(r#""seq":{seq},"s":"{s}","BT":{block},"RPI":{rpi}{odd}}}"#);
        }
        Category::Option => {
            *text += &format!(r#"{{"T":{t},"s":"{s}","S":"{side}","v":"{v}","p":"{p}","#);
            *text += &format!(r#""i":"{i}","BT":{block},"mP":"{p}","iP":"{p}","#);
            *text += &format!(r#""mIv":"0.7567","iv":"0.7604","RPI":{rpi},"seq":{seq}{odd}}}"#);
        }
        Category::Inverse | Category::Linear => {
            let tick = it.tick_direction;
            *text += &format!(r#"{{"T":{t},"s":"{s}","S":"{side}","v":"{v}","p":"{p}","#);
            *text += &format!(r#""L":"{tick}","i":"{i}","BT":{block},"RPI":{rpi},"#);
            *text += &format!(r#""seq":{seq}{odd}}}"#);
        }
    }
}

/// A ticker as a whole.
pub fn ticker_snapshot(category: Category, topic: &str, state: &TickerState) -> String {
    let data = json!(state.members);
    ticker(category, topic, "snapshot", state.cs, state.time_ms, &data)
}

/// What changed of a futures ticker.
pub fn ticker_delta(
    topic: &str,
    symbol: &str,
    state: &TickerState,
    changed: &[(&'static str, String)],
    oddities: bool,
) -> String {
    let mut data = Map::new();
    data.insert("symbol".to_owned(), symbol.into());
    for (name, value) in changed {
        data.insert((*name).to_owned(), value.as_str().into());
    }
    if oddities && state.cs.is_multiple_of(53) {
        data.insert("newMember".to_owned(), "7".into());
    }
    let (cs, ts) = (state.cs, state.time_ms);
    ticker(Category::Linear, topic, "delta", cs, ts, &data.into())
}

fn ticker(category: Category, topic: &str, kind: &str, cs: u64, ts: i64, data: &Value) -> String {
    match category {
        Category::Option => {
            let id = format!("{topic}-{cs}-{ts}");
            format!(r#"{{"id":"{id}","topic":"{topic}","ts":{ts},"data":{data},"type":"{kind}"}}"#)
        }
        Category::Spot => {
            format!(r#"{{"topic":"{topic}","ts":{ts},"type":"{kind}","cs":{cs},"data":{data}}}"#)
        }
        Category::Inverse | Category::Linear => {
            format!(r#"{{"topic":"{topic}","type":"{kind}","data":{data},"cs":{cs},"ts":{ts}}}"#)
        }
    }
}

/// The frame of one event for one private topic; `None` if it has nothing for it.
pub fn private(topic: &str, deal: &Deal, account: &Account, now_ms: i64) -> Option<String> {
    let category = deal.category?;
    let mut parts = topic.split('.');
    let first = parts.next()?;
    let is_fast = topic.starts_with("execution.fast");
    let wanted = if is_fast { parts.nth(1) } else { parts.next() };
    if wanted.is_some_and(|it| it != category.name()) {
        return None;
    }
    let data: Vec<Value> = match first {
        "execution" if is_fast => {
            let fast = deal.executions.iter().filter(|it| it.exec_type == "Trade");
            fast.map(execution_fast).collect()
        }
        "execution" => deal.executions.iter().map(execution).collect(),
        "order" => deal.orders.iter().map(order).collect(),
        "position" => deal.position.iter().map(|it| position(it, false)).collect(),
        "wallet" if !deal.coins.is_empty() => vec![wallet(account, Some(&deal.coins))],
        _ => return None,
    };
    if data.is_empty() {
        return None;
    }
    // The id names the event, not the frame: several topics carry the same.
    let id = format!("386825804_{}_{}", deal.symbol, deal.seq);
    let data = Value::from(data);
    let text = match first {
        "execution" if is_fast => {
            format!(r#"{{"topic":"{topic}","creationTime":{now_ms},"data":{data}}}"#)
        }
        "execution" => {
            format!(r#"{{"topic":"{topic}","id":"{id}","creationTime":{now_ms},"data":{data}}}"#)
        }
        _ => format!(r#"{{"id":"{id}","topic":"{topic}","creationTime":{now_ms},"data":{data}}}"#),
    };
    Some(text)
}

/// A row of the topic execution and of `/v5/execution/list`, but for what the latter lacks.
pub fn execution(it: &ExecutionMade) -> Value {
    let value = it.price * it.qty;
    let is_spot = it.category == Category::Spot;
    let mut row = json!({
        "category": it.category.name(), "symbol": it.symbol, "closedSize": "0",
        "execFee": text(it.fee), "execId": it.exec_id, "execPrice": text(it.price),
        "execQty": text(it.qty), "execType": it.exec_type, "execValue": text(value),
        "feeRate": "0.00055", "tradeIv": "", "markIv": "", "blockTradeId": "",
        "markPrice": text(it.price), "indexPrice": "", "underlyingPrice": "",
        "leavesQty": text(it.leaves_qty), "orderId": it.order_id, "orderLinkId": "",
        "orderPrice": text(it.order_price), "orderQty": text(it.order_qty),
        "orderType": it.order_type, "stopOrderType": "UNKNOWN", "side": it.side,
        "execTime": it.time_ms.to_string(), "isLeverage": "0", "isMaker": it.is_maker,
        "seq": it.seq, "createType": "CreateByUser", "extraFees": "",
        "feeCurrency": it.fee_currency,
    });
    if is_spot {
        row["marketUnit"] = "baseCoin".into();
    } else {
        row["execPnl"] = "0".into();
    }
    if it.seq.is_multiple_of(5) {
        row["extraFees"] = json!([{
            "feeCoin": it.fee_currency, "feeType": "GST", "subFeeType": "IND_GST",
            "feeRate": "0.0000675", "fee": "0.006403779",
        }]);
    }
    row
}

fn execution_fast(it: &ExecutionMade) -> Value {
    json!({
        "category": it.category.name(), "symbol": it.symbol, "execId": it.exec_id,
        "execPrice": text(it.price), "execQty": text(it.qty), "orderId": it.order_id,
        "isMaker": it.is_maker, "orderLinkId": "", "side": it.side,
        "execTime": it.time_ms.to_string(), "seq": it.seq,
    })
}

/// A row of the topic order and of the lists of orders.
pub fn order(it: &OrderMade) -> Value {
    let average = match it.filled_qty.is_zero() {
        true => String::new(),
        false => text((it.filled_value / it.filled_qty).round_dp(8)),
    };
    let cancel = if it.status == "Cancelled" {
        "CancelByUser"
    } else {
        "UNKNOWN"
    };
    let market = it.order_type == "Market";
    let row = json!({
        "category": it.category.name(), "symbol": it.symbol, "orderId": it.order_id,
        "orderLinkId": it.order_link_id, "side": it.side, "orderType": it.order_type,
        "cancelType": cancel, "price": text(it.price), "qty": text(it.qty), "orderIv": "",
        "timeInForce": if market { "IOC" } else { "GTC" }, "orderStatus": it.status,
        "lastPriceOnCreated": "", "reduceOnly": false, "leavesQty": text(it.leaves_qty()),
        "leavesValue": text(it.leaves_qty() * it.price), "cumExecQty": text(it.filled_qty),
        "cumExecValue": text(it.filled_value), "avgPrice": average, "blockTradeId": "",
        "positionIdx": 0, "cumExecFee": text(it.fee), "closedPnl": "0",
    });
    let rest = json!({
        "createdTime": it.created_ms.to_string(), "updatedTime": it.updated_ms.to_string(),
        "rejectReason": "EC_NoError", "stopOrderType": "", "tpslMode": "",
        "triggerPrice": "", "takeProfit": "", "stopLoss": "", "tpTriggerBy": "",
        "slTriggerBy": "", "tpLimitPrice": "", "slLimitPrice": "", "triggerDirection": 0,
        "triggerBy": "", "closeOnTrigger": false, "placeType": "", "smpType": "None",
        "smpGroup": 0, "smpOrderId": "", "feeCurrency": "",
        "cumFeeDetail": {"USDT": text(it.fee)}, "rpiTakerAccess": false, "rpiMatchedQty": "0",
    });
    joined(row, rest)
}

/// One object of two: a macro of all members would be too deep for a test that includes this file.
fn joined(mut row: Value, rest: Value) -> Value {
    if let (Value::Object(row), Value::Object(rest)) = (&mut row, rest) {
        row.extend(rest);
    }
    row
}

/// A row of the topic position, or of `/v5/position/list`, which calls one member otherwise.
pub fn position(it: &PositionMade, over_http: bool) -> Value {
    let entry = if over_http { "avgPrice" } else { "entryPrice" };
    let value = (it.net.abs() * it.entry_price).round_dp(8);
    let mut row = json!({
        "positionIdx": 0, "tradeMode": 0, "riskId": 1, "riskLimitValue": "2000000",
        "symbol": it.symbol, "side": it.side(), "size": text(it.net.abs()), "leverage": "10",
        "breakEvenPrice": "", "positionValue": text(value), "positionBalance": "0",
        "markPrice": text(it.mark_price), "positionIM": "", "positionIMByMp": "",
        "positionMM": "", "positionMMByMp": "", "takeProfit": "0", "stopLoss": "0",
        "trailingStop": "0", "unrealisedPnl": "0", "curRealisedPnl": "0",
        "cumRealisedPnl": text(it.realised), "sessionAvgPrice": "",
        "createdTime": it.created_ms.to_string(), "updatedTime": it.updated_ms.to_string(),
        "tpslMode": "Full", "liqPrice": "", "bustPrice": "", "positionStatus": "Normal",
        "adlRankIndicator": 0, "autoAddMargin": 0, "leverageSysUpdatedTime": "",
        "seq": it.seq, "isReduceOnly": false,
    });
    row[entry] = text(it.entry_price).into();
    if over_http {
        row["mmrSysUpdateTime"] = "".into();
    } else {
        row["category"] = it.category.name().into();
        row["mmrSysUpdatedTime"] = "".into();
    }
    row
}

/// The account's balances: of these coins, or of all that are not zero.
pub fn wallet(account: &Account, coins: Option<&BTreeSet<String>>) -> Value {
    let wanted = |coin: &str, balance: &Decimal| {
        coins.map_or(!balance.is_zero(), |coins| coins.contains(coin))
    };
    let held = account.wallet.iter().filter(|it| wanted(it.0, it.1));
    let rows: Vec<Value> = held.map(|(coin, it)| coin_row(coin, *it)).collect();
    json!({
        "accountIMRate": "0", "accountIMRateByMp": "0", "accountMMRate": "0",
        "accountMMRateByMp": "0", "totalEquity": "", "totalWalletBalance": "1000000.5",
        "totalMarginBalance": "1000000.5", "totalAvailableBalance": "999000.25",
        "totalPerpUPL": "0", "totalInitialMargin": "0", "totalInitialMarginByMp": "0",
        "totalMaintenanceMargin": "0", "totalMaintenanceMarginByMp": "0", "coin": rows,
        "accountLTV": "0", "accountType": "UNIFIED",
    })
}

fn coin_row(coin: &str, balance: Decimal) -> Value {
    json!({
        "coin": coin, "equity": text(balance), "usdValue": "", "walletBalance": text(balance),
        "availableToWithdraw": "", "availableToBorrow": "", "borrowAmount": "0",
        "accruedInterest": "0", "totalOrderIM": "", "totalPositionIM": "",
        "totalPositionMM": "", "unrealisedPnl": "0", "cumRealisedPnl": "-0.00000973",
        "bonus": "0", "collateralSwitch": true, "marginCollateral": true, "locked": "0",
        "spotHedgingQty": "0.01592413", "spotBorrow": "0",
    })
}

/// A row of `/v5/market/recent-trade`: here time and sequence are texts.
pub fn recent_trade(it: &TradeMade) -> Value {
    json!({
        "execId": it.id, "symbol": it.symbol, "price": it.price, "size": it.size,
        "side": it.side, "time": it.time_ms.to_string(), "isBlockTrade": it.is_block,
        "isRPITrade": it.is_rpi, "seq": it.seq.to_string(),
    })
}

/// Whether an order or a position settles in that coin.
pub fn settles_in(category: Category, symbol: &str, coin: &str) -> bool {
    settle_coin(category, symbol) == coin
}

/// As many trades as a message carries.
pub const TRADES_PER_FRAME_MAX: usize = 1_024;

fn text(value: Decimal) -> String {
    value.to_string()
}
