//! Owns the lists that a simulated exchange gives over HTTP: trades, tickers, executions, orders,
//! positions, balances.
//!
//! Always true:
//! - a row is the same thing as on the socket: same id, same time;
//! - walking a list by its cursors brings every row once, also while new ones are made;
//! - a cursor comes percent-encoded, the last page of executions has one too, an empty page none.
//!
//! Who may ask is checked before.

use std::time::Instant;

use serde_json::{Value, json};

use super::answers::Refusal;
use super::counts::Violation;
use super::exchange::Exchange;
use super::frames;
use super::rest::Call;
use super::truth::{ExecutionMade, OrderMade, TradeMade};
use super::world::{Category, base_coin};

impl Exchange {
    pub fn result(&mut self, call: &Call) -> Result<Value, Refusal> {
        if call.query.contains("cursor=") && call.query.contains("%25") {
            let now_ms = self.now_ms();
            let kind = Violation::CursorEncodedTwice;
            self.counts.violation(kind, now_ms, &call.query);
            return Err(wrong("cursor"));
        }
        let query = Query::of(&call.query);
        match call.path.as_str() {
            "/v5/market/time" => Ok(self.time()),
            "/v5/market/recent-trade" => self.recent_trades(&query),
            "/v5/market/tickers" => self.tickers(&query),
            "/v5/execution/list" => self.executions(&query),
            "/v5/order/realtime" => self.open_orders(&query),
            "/v5/order/history" => self.closed_orders(&query),
            "/v5/position/list" => self.position_list(&query),
            "/v5/account/wallet-balance" => match query.text("accountType") {
                "UNIFIED" => Ok(json!({"list": [frames::wallet(&self.account, None)]})),
                _ => Err(wrong("accountType")),
            },
            _ => Err(Refusal(10_001, "params error: no such path".to_owned())),
        }
    }

    fn time(&self) -> Value {
        let now_ms = self.now_ms();
        let second = (now_ms / 1_000).to_string();
        json!({"timeSecond": second, "timeNano": format!("{now_ms}213947")})
    }

    /// By how much lists lag behind now.
    fn newest_ms(&mut self) -> i64 {
        let now = Instant::now();
        match self.trouble.stale.filter(|(until, _)| now < *until) {
            Some((_, lag_ms)) => {
                self.counts.fault("StaleRest");
                self.now_ms() - lag_ms
            }
            None => i64::MAX,
        }
    }

    fn recent_trades(&mut self, query: &Query) -> Result<Value, Refusal> {
        let category = query.category()?;
        let is_spot = category == Category::Spot;
        let limit = match is_spot {
            true => query.limit(60, 60)?,
            false => query.limit(500, 1_000)?,
        };
        let (symbol, coin) = (query.text("symbol"), query.text("baseCoin"));
        let is_option = category == Category::Option;
        if symbol.is_empty() && (!is_option || coin.is_empty()) {
            return Err(wrong("symbol"));
        }
        let newest_ms = self.newest_ms();
        let is_asked = |it: &&TradeMade| {
            let of_coin = is_option && symbol.is_empty() && base_coin(&it.symbol) == coin;
            it.category == category && (it.symbol == symbol || of_coin) && it.time_ms <= newest_ms
        };
        let rows: Vec<Value> = match &self.hose {
            Some(hose) => {
                let newest = hose.recent(symbol, limit);
                newest.iter().map(frames::recent_trade).collect()
            }
            None => {
                let newest = self.trades.iter().rev().filter(is_asked).take(limit);
                newest.map(frames::recent_trade).collect()
            }
        };
        Ok(json!({"category": category.name(), "list": rows}))
    }

    fn tickers(&self, query: &Query) -> Result<Value, Refusal> {
        let category = query.category()?;
        let symbol = query.text("symbol");
        let all = self.market.instruments.iter();
        let asked =
            all.filter(|it| it.category == category && (symbol.is_empty() || it.symbol == symbol));
        let rows = asked.map(|it| {
            let mut row = json!(it.ticker.members);
            match category {
                Category::Spot => {
                    for name in ["bid1Price", "bid1Size", "ask1Price", "ask1Size"] {
                        row[name] = it.ticker.members["lastPrice"].as_str().into();
                    }
                }
                Category::Option => {
                    for (name, here) in OPTION_NAMES {
                        row[here] = row[name].take();
                    }
                    if let Value::Object(members) = &mut row {
                        members.retain(|_, it| !it.is_null());
                    }
                }
                Category::Inverse | Category::Linear => row["deliveryTime"] = "0".into(),
            }
            row
        });
        let rows: Vec<Value> = rows.collect();
        Ok(json!({"category": category.name(), "list": rows}))
    }

    fn executions(&mut self, query: &Query) -> Result<Value, Refusal> {
        let category = query.category()?;
        let limit = query.limit(50, 100)?;
        let (start_ms, end_ms) = query.window(self.now_ms())?;
        let before = match query.text("cursor") {
            "" => usize::MAX,
            it => {
                let number = it.split(':').next().and_then(|it| it.parse().ok());
                number.ok_or_else(|| wrong("cursor"))?
            }
        };
        let end_ms = end_ms.min(self.newest_ms());
        let (order_id, symbol) = (query.text("orderId"), query.text("symbol"));
        let is_asked = |(number, it): &(usize, &ExecutionMade)| {
            if !order_id.is_empty() {
                return it.order_id == order_id && *number < before;
            }
            it.category == category
                && (symbol.is_empty() || it.symbol == symbol)
                && (start_ms..=end_ms).contains(&it.time_ms)
                && *number < before
        };
        let all = self.account.executions.iter().enumerate().rev();
        let mut page: Vec<(usize, &ExecutionMade)> = all.filter(is_asked).take(limit).collect();
        let cursor = page.last().map_or_else(String::new, |(number, _)| {
            let count = page.len();
            format!("{number}%3A{count}%2C{number}%3A{count}")
        });
        // Rows of one time come in no order.
        for same in page.chunk_by_mut(|one, two| one.1.time_ms == two.1.time_ms) {
            same.sort_by(|one, two| one.1.exec_id.cmp(&two.1.exec_id));
        }
        let rows = page.iter().map(|(_, it)| {
            let mut row = frames::execution(it);
            if let Value::Object(members) = &mut row {
                members.remove("category");
            }
            row
        });
        let rows: Vec<Value> = rows.collect();
        Ok(json!({"nextPageCursor": cursor, "category": category.name(), "list": rows}))
    }

    fn open_orders(&self, query: &Query) -> Result<Value, Refusal> {
        let category = query.category()?;
        let mut named = ["symbol", "baseCoin", "settleCoin"].iter();
        if category == Category::Linear && !named.any(|it| !query.text(it).is_empty()) {
            let text = "Missing some parameters that must be filled in, symbol or settleCoin";
            return Err(Refusal(10_001, text.to_owned()));
        }
        let with_closed = query.text("openOnly") == "1";
        self.order_page(query, category, |it| it.is_open() || with_closed)
    }

    fn closed_orders(&self, query: &Query) -> Result<Value, Refusal> {
        let category = query.category()?;
        let (start_ms, end_ms) = query.window(self.now_ms())?;
        let day_ms = self.now_ms() - DAY_MS;
        self.order_page(query, category, |it| {
            let is_kept = !it.filled_qty.is_zero() || day_ms <= it.updated_ms;
            !it.is_open() && is_kept && (start_ms..=end_ms).contains(&it.updated_ms)
        })
    }

    fn order_page(
        &self,
        query: &Query,
        category: Category,
        is_asked: impl Fn(&OrderMade) -> bool,
    ) -> Result<Value, Refusal> {
        let limit = query.limit(20, 50)?;
        let order_id = query.text("orderId");
        let orders = self.account.orders.values().filter(|it| {
            it.category == category
                && query.names(category, &it.symbol)
                && (order_id.is_empty() || it.order_id == order_id)
                && is_asked(it)
        });
        let mut orders: Vec<&OrderMade> = orders.collect();
        orders.sort_by(|one, two| order_key(two).cmp(&order_key(one)));
        let cursor = query.text("cursor").trim_start_matches("page_token=");
        if let Some((time, id)) = cursor.trim_end_matches('&').split_once(':') {
            let time: i64 = time.parse().map_err(|_| wrong("cursor"))?;
            orders.retain(|it| order_key(it) < (time, id));
        }
        let is_last = orders.len() <= limit;
        orders.truncate(limit);
        let next = orders.last().filter(|_| !is_last);
        let next = next.map_or_else(String::new, |it| {
            format!("page_token%3D{}%3A{}%26", it.created_ms, it.order_id)
        });
        let rows = orders.iter().map(|it| {
            let mut row = frames::order(it);
            if let Value::Object(members) = &mut row {
                members.remove("category");
            }
            row
        });
        let rows: Vec<Value> = rows.collect();
        Ok(json!({"list": rows, "nextPageCursor": next, "category": category.name()}))
    }

    fn position_list(&self, query: &Query) -> Result<Value, Refusal> {
        let category = query.category()?;
        let limit = query.limit(20, 200)?;
        let (symbol, coin) = (query.text("symbol"), query.text("settleCoin"));
        if category == Category::Spot {
            return Err(wrong("category"));
        }
        if category == Category::Linear && symbol.is_empty() && coin.is_empty() {
            let text = "Missing some parameters that must be filled in, symbol or settleCoin";
            return Err(Refusal(10_001, text.to_owned()));
        }
        let cursor = query.text("cursor");
        let held = self.account.positions.values().filter(|it| {
            it.category == category
                && query.names(category, &it.symbol)
                && (!symbol.is_empty() || !it.net.is_zero())
                && (cursor.is_empty() || cursor < format!("page:{}", it.symbol).as_str())
        });
        let mut held: Vec<_> = held.collect();
        let is_last = held.len() <= limit;
        held.truncate(limit);
        let next = held.last().filter(|_| !is_last);
        let next = next.map_or_else(String::new, |it| format!("page%3A{}", it.symbol));
        let rows: Vec<Value> = held.iter().map(|it| frames::position(it, true)).collect();
        Ok(json!({"list": rows, "nextPageCursor": next, "category": category.name()}))
    }
}

/// The parameters of a call, decoded.
struct Query(Vec<(String, String)>);

impl Query {
    fn of(text: &str) -> Self {
        let pairs = text.split('&').filter_map(|it| it.split_once('='));
        Self(pairs.map(|(name, it)| (decode(name), decode(it))).collect())
    }

    /// Empty if it is not there.
    fn text(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(it, _)| it == name);
        found.map_or("", |(_, value)| value)
    }

    fn category(&self) -> Result<Category, Refusal> {
        self.text("category").parse().map_err(|_| wrong("category"))
    }

    fn limit(&self, usual: usize, max: usize) -> Result<usize, Refusal> {
        let limit = match self.text("limit") {
            "" => usual,
            it => it.parse().map_err(|_| wrong("limit"))?,
        };
        match limit {
            1.. if limit <= max => Ok(limit),
            _ => Err(wrong("limit")),
        }
    }

    /// From and to, both within; seven days at most.
    fn window(&self, now_ms: i64) -> Result<(i64, i64), Refusal> {
        let time = |name: &str| match self.text(name) {
            "" => Ok(None),
            it => it.parse::<i64>().map(Some).map_err(|_| wrong(name)),
        };
        let (start, end) = match (time("startTime")?, time("endTime")?) {
            (None, None) => (now_ms - WEEK_MS, now_ms),
            (Some(start), None) => (start, start + WEEK_MS),
            (None, Some(end)) => (end - WEEK_MS, end),
            (Some(start), Some(end)) => (start, end),
        };
        if WEEK_MS < end - start || end < start {
            let text = "The time range between startTime and endTime cannot exceed 7 days.";
            return Err(Refusal(10_001, text.to_owned()));
        }
        Ok((start, end))
    }

    /// Whether a row is of the symbol and the coins that are asked for.
    fn names(&self, category: Category, symbol: &str) -> bool {
        let asked = self.text("symbol");
        let (base, settle) = (self.text("baseCoin"), self.text("settleCoin"));
        (asked.is_empty() || asked == symbol)
            && (base.is_empty() || base == base_coin(symbol))
            && (settle.is_empty() || frames::settles_in(category, symbol, settle))
    }
}

fn order_key(order: &OrderMade) -> (i64, &str) {
    (order.created_ms, &order.order_id)
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *first == b'%');
        let code = code.and_then(|it| std::str::from_utf8(it).ok());
        match code.and_then(|it| u8::from_str_radix(it, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn wrong(parameter: &str) -> Refusal {
    Refusal(10_001, format!("params error: {parameter} invalid"))
}

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
const WEEK_MS: i64 = 7 * DAY_MS;
/// What a member of an option's ticker on the socket is called here.
const OPTION_NAMES: [(&str, &str); 7] = [
    ("askIv", "ask1Iv"),
    ("askPrice", "ask1Price"),
    ("askSize", "ask1Size"),
    ("bidIv", "bid1Iv"),
    ("bidPrice", "bid1Price"),
    ("bidSize", "bid1Size"),
    ("markPriceIv", "markIv"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_percent_encoded_is_decoded_once() {
        assert_eq!(decode("132766%3A2%2C132766%3A2"), "132766:2,132766:2");
        assert_eq!(decode("%253A%"), "%3A%");
    }
}
