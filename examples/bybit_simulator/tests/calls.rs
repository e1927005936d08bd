//! What a client sees over HTTP at an exchange where nothing goes wrong.

use std::collections::BTreeSet;

use super::*;
use crate::simulator::{Faults, Violation};

#[test]
fn recent_trades_are_the_tail_of_the_truth() {
    let world = World {
        first_trades: 3_000,
        ..quiet()
    };
    let simulator = Simulator::start(world, Faults::none()).unwrap();
    let truth = simulator.truth();
    for (query, category, len) in [
        (
            "category=linear&symbol=BTCUSDT&limit=100",
            Category::Linear,
            100,
        ),
        ("category=linear&symbol=BTCUSDT", Category::Linear, 500),
        ("category=spot&symbol=BTCUSDT&limit=60", Category::Spot, 60),
    ] {
        let got = get(&simulator, &format!("/v5/market/recent-trade?{query}"), &[]);
        let rows = got.json()["result"]["list"].as_array().unwrap().clone();
        let made = truth.trades.iter().rev();
        let made = made.filter(|it| it.category == category && it.symbol == "BTCUSDT");
        let made: Vec<_> = made.take(len).collect();
        assert_eq!(rows.len(), len);
        for (row, made) in rows.iter().zip(made) {
            assert_eq!(row["execId"], json!(made.id));
            assert_eq!(row["time"], json!(made.time_ms.to_string()));
            assert_eq!(row["price"], json!(made.price));
            assert_eq!(row["seq"], json!(made.seq.to_string()));
        }
    }
    let over = "/v5/market/recent-trade?category=spot&symbol=BTCUSDT&limit=61";
    assert_eq!(get(&simulator, over, &[]).code(), 10_001);
}

#[test]
fn walking_the_cursor_brings_every_execution_once() {
    let world = World {
        first_executions: 500,
        executions_per_second: 100.0,
        ..quiet()
    };
    let simulator = Simulator::start(world, Faults::none()).unwrap();
    let before = simulator.truth().executions;
    let mut seen = Vec::new();
    for category in ["linear", "spot"] {
        let mut cursor = String::new();
        loop {
            let query = format!("category={category}&limit=37&cursor={cursor}");
            let got = get_signed(&simulator, "/v5/execution/list", &query);
            assert_eq!(got.code(), 0, "{}", got.body);
            let result = got.json()["result"].clone();
            let rows = result["list"].as_array().unwrap().clone();
            let next = result["nextPageCursor"].as_str().unwrap().to_owned();
            if rows.is_empty() {
                assert_eq!(next, "");
                break;
            }
            assert!(next.contains("%3A"), "{next}");
            let time = |it: &Value| it["execTime"].as_str().unwrap().parse::<i64>().unwrap();
            assert!(rows.is_sorted_by_key(|it| -time(it)));
            seen.extend(
                rows.iter()
                    .map(|it| it["execId"].as_str().unwrap().to_owned()),
            );
            cursor = next;
        }
    }
    let once: BTreeSet<&String> = seen.iter().collect();
    assert_eq!(once.len(), seen.len());
    assert!(before.iter().all(|it| once.contains(&it.exec_id)));
    let twice = "category=linear&cursor=1%253A2";
    assert_eq!(
        get_signed(&simulator, "/v5/execution/list", twice).code(),
        10_001
    );
    assert_eq!(
        simulator
            .counts()
            .violations_of(Violation::CursorEncodedTwice),
        1
    );
}

#[test]
fn a_window_is_seven_days_at_most() {
    let simulator = Simulator::start(quiet(), Faults::none()).unwrap();
    let (now, week) = (now_ms(), 7 * 24 * 60 * 60 * 1_000_i64);
    for path in ["/v5/execution/list", "/v5/order/history"] {
        for (from, code) in [(now - week, 0), (now - week - 1, 10_001)] {
            let query = format!("category=linear&startTime={from}&endTime={now}");
            assert_eq!(get_signed(&simulator, path, &query).code(), code);
        }
    }
}

#[test]
fn a_call_is_signed_and_of_now() {
    let world = World {
        clock_skew_ms: 60_000,
        ..quiet()
    };
    let simulator = Simulator::start(world, Faults::none()).unwrap();
    let path = "/v5/account/wallet-balance";
    let query = "accountType=UNIFIED";
    let skewed = now_ms() + 60_000;
    assert_eq!(get_signed(&simulator, path, query).code(), 10_002);
    for (ahead, code) in [(-4_000, 0), (-6_000, 10_002), (500, 0), (2_000, 10_002)] {
        let got = get_signed_at(&simulator, path, query, skewed + ahead);
        assert_eq!(got.code(), code, "{}", got.body);
    }
    let headers = [
        ("X-BAPI-API-KEY", KEY.to_owned()),
        ("X-BAPI-TIMESTAMP", skewed.to_string()),
        ("X-BAPI-RECV-WINDOW", "5000".to_owned()),
        ("X-BAPI-SIGN", "0".repeat(64)),
    ];
    let got = get(&simulator, &format!("{path}?{query}"), &headers);
    assert_eq!(got.code(), 10_004);
    assert_eq!(got.headers["x-bapi-limit"], "50");
    assert_eq!(
        get(&simulator, &format!("{path}?{query}"), &[]).code(),
        10_003
    );
    let time = get(&simulator, "/v5/market/time", &[]).json();
    let second = time["result"]["timeSecond"].as_str().unwrap();
    assert!(now_ms() / 1_000 + 58 < second.parse::<i64>().unwrap());
}

#[test]
fn orders_positions_and_balances_are_those_of_the_truth() {
    let world = World {
        first_executions: 400,
        first_span: Duration::from_secs(3_600),
        ..quiet()
    };
    let simulator = Simulator::start(world, Faults::none()).unwrap();
    let truth = simulator.truth();
    let walk = |path: &str, query: &str| {
        let (mut rows, mut cursor) = (Vec::new(), String::new());
        loop {
            let query = format!("{query}&cursor={cursor}");
            let result = get_signed(&simulator, path, &query).json()["result"].clone();
            rows.extend(result["list"].as_array().unwrap().clone());
            cursor = result["nextPageCursor"].as_str().unwrap().to_owned();
            if cursor.is_empty() {
                return rows;
            }
        }
    };
    let linear = |is_open: bool| {
        let of = truth
            .orders
            .values()
            .filter(|it| it.category == Category::Linear);
        of.filter(|it| it.is_open() == is_open).count()
    };
    let open = walk(
        "/v5/order/realtime",
        "category=linear&settleCoin=USDT&limit=50",
    );
    assert_eq!(open.len(), linear(true));
    let closed = walk("/v5/order/history", "category=linear&limit=50");
    assert_eq!(closed.len(), linear(false));
    let got = get_signed(&simulator, "/v5/order/realtime", "category=linear");
    assert_eq!(got.code(), 10_001);

    let held = walk("/v5/position/list", "category=linear&settleCoin=USDT");
    for row in &held {
        let symbol = row["symbol"].as_str().unwrap().to_owned();
        let made = &truth.positions[&(Category::Linear, symbol)];
        assert_eq!(row["side"], json!(made.side()));
        assert_eq!(row["size"], json!(made.net.abs().to_string()));
    }
    let got = get_signed(&simulator, "/v5/position/list", "category=linear");
    assert_eq!(got.code(), 10_001);

    let query = "accountType=UNIFIED";
    let got = get_signed(&simulator, "/v5/account/wallet-balance", query).json();
    let coins = got["result"]["list"][0]["coin"].as_array().unwrap().clone();
    for row in &coins {
        let balance = truth.wallet[row["coin"].as_str().unwrap()];
        assert_eq!(row["walletBalance"], json!(balance.to_string()));
    }
}

#[test]
fn too_many_calls_are_told_to_wait_and_then_refused_by_the_address() {
    let world = World {
        calls_per_second_max: 3,
        calls_per_five_seconds_max: 6,
        forbidden_ms: 1000,
        ..quiet()
    };
    let simulator = Simulator::start(world, Faults::none()).unwrap();
    let call = || get_signed(&simulator, "/v5/execution/list", "category=linear");
    let codes: Vec<i64> = (0..4).map(|_| call().code()).collect();
    assert_eq!(codes, [0, 0, 0, 10_006]);
    let reset: i64 = call().headers["x-bapi-limit-reset-timestamp"]
        .parse()
        .unwrap();
    assert!((now_ms() - 10..now_ms() + 200).contains(&reset));
    call();
    assert_eq!(call().status, 403);
    let time = || get(&simulator, "/v5/market/time", &[]);
    assert_eq!(time().status, 403);
    assert_eq!(
        simulator
            .counts()
            .violations_of(Violation::CallWhileForbidden),
        0
    );
    // Longer than a call may have been on its way.
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(time().status, 403);
    assert_eq!(
        simulator
            .counts()
            .violations_of(Violation::CallWhileForbidden),
        1
    );
}
