//! `tj why`: an order from its decision to its last fill, as a person sees it.

use serde_json::{Value, json};
use tradejournal::journal::{Journal, Options};
use tradejournal::record::{
    CallRecord, DecisionRecord, ErrorRecord, FillRecord, Record, RiskEvent, TradeRecord,
};

use super::run::Bench;
use crate::sample::{entry, noon};

fn journal(bench: &Bench) -> Journal {
    Options::new(bench.path("logs"))
        .name("mine")
        .clock(noon())
        .open()
        .unwrap()
}

/// Appends what `records` are as JSON.
fn append<R: Record + serde::de::DeserializeOwned>(journal: &Journal, records: &[Value]) {
    let records: Vec<R> = records
        .iter()
        .map(|it| serde_json::from_str(&it.to_string()).unwrap())
        .collect();
    let writer = journal.writer::<R>().unwrap();
    writer.append_all(&records).unwrap();
    writer.close().unwrap();
}

/// At 12:00 and that second, as both fields of a trade logger's line.
fn at(second: f64) -> (Value, String) {
    let text = format!("{second:06.3}");
    let (whole, fraction) = text.split_once('.').unwrap();
    let unix = 1_761_480_000 + whole.parse::<u64>().unwrap();
    let unix = format!("{unix}.{fraction}");
    (
        serde_json::from_str(&unix).unwrap(),
        format!("2025-10-26T12:00:{text}Z"),
    )
}

fn fill(second: f64, order: &str, client: Option<&str>, price: &str, size: &str) -> Value {
    let (unix, iso) = at(second);
    json!({"timestamp": unix, "datetime_utc": iso, "order_id": order, "client_order_id": client,
           "symbol": "BTC-USDT", "side": "BUY", "order_type": "LIMIT", "price": price, "size": size,
           "fee": "0.01", "fee_asset": "USDT", "realized_pnl": null, "spread_captured": null,
           "inventory_before": null, "inventory_after": null, "equity_before": null,
           "equity_after": null, "notes": ""})
}

fn decision(second: f64, kind: &str, symbol: Option<&str>, result: Value) -> Value {
    let (unix, iso) = at(second);
    json!({"timestamp": unix, "datetime_utc": iso, "decision_type": kind, "symbol": symbol,
           "parameters": {"spread_pct": "0.12"}, "result": result, "reason": "spread is wide",
           "notes": ""})
}

fn error(second: f64, symbol: Option<&str>, message: &str) -> Value {
    let (unix, iso) = at(second);
    json!({"timestamp": unix, "datetime_utc": iso, "error_type": "api_error", "severity": "WARNING",
           "symbol": symbol, "message": message, "exception_type": "Timeout", "exception_message": "after 2 s",
           "stack_trace": "", "recovery_action": "asked again", "notes": ""})
}

fn risk(second: f64) -> Value {
    let (_, iso) = at(second);
    json!({"timestamp": iso, "event_type": "circuit_breaker_trip", "severity": "CRITICAL",
           "daily_pnl": "-12.50", "daily_pnl_pct": "-3.1", "consecutive_losses": 2,
           "action_taken": "trading_paused", "config_snapshot": {}})
}

fn placed(second: f64, client: &str, result: Value) -> Value {
    let (_, iso) = at(second);
    json!({"timestamp": iso, "method": "place_limit_buy_order", "args": ["BTC-USDT", "67500.0"],
           "kwargs": {"client_order_id": client}, "result": result, "error": null,
           "duration_ns": 84_120_345, "thread": "main", "depth": null, "role": "output"})
}

/// One order in three fills, with all that is around it, and another one.
fn trading(bench: &Bench) {
    let journal = journal(bench);
    append::<DecisionRecord>(
        &journal,
        &[
            decision(
                1.0,
                "spread_calculation",
                Some("BTC-USDT"),
                json!({"bid": "0.025"}),
            ),
            decision(
                2.0,
                "order_placement",
                Some("BTC-USDT"),
                json!({"orders": [{"clientOrderId": "mm-1"}]}),
            ),
            decision(
                2.5,
                "order_placement",
                Some("BTC-USDT"),
                json!({"orders": [{"clientOrderId": "mm-2"}]}),
            ),
            decision(1.5, "risk_check", None, json!({"allowed": true})),
            decision(
                1.8,
                "risk_check",
                Some("ETH-USDT"),
                json!({"allowed": false}),
            ),
        ],
    );
    append::<CallRecord>(
        &journal,
        &[
            placed(2.2, "mm-1", json!({"is_success": true, "order_id": 1001})),
            placed(2.6, "mm-2", json!({"is_success": true, "order_id": 1002})),
        ],
    );
    append::<FillRecord>(
        &journal,
        &[
            fill(3.0, "1001", Some("mm-1"), "67500.0", "0.001"),
            fill(4.0, "1002", Some("mm-2"), "67500.5", "0.001"),
            fill(5.0, "1001", None, "67501.0", "0.002"),
        ],
    );
    append::<ErrorRecord>(
        &journal,
        &[
            error(4.5, Some("BTC-USDT"), "the book is stale"),
            error(4.6, Some("ETH-USDT"), "the book is stale"),
            error(50.0, None, "cannot cancel order 1001"),
        ],
    );
    append::<RiskEvent>(&journal, &[risk(52.0)]);
}

#[test]
fn an_order_is_told_from_its_decision_to_its_last_fill() {
    let bench = Bench::new();
    trading(&bench);
    let ran = bench.tj("why 1001 --window 3s").fine();
    assert_eq!(
        ran.out,
        "BUY BTC-USDT: 2 fills, 0.003 at 67500.66666667 (to 8 places; exactly 202502/3)\n\
         known as 1001, mm-1\n\
         \n\
         2025-10-26 12:00:01.500  decisions seq 3  risk_check: spread is wide\n    \
             around it, 700.0 ms before\n    \
             inputs: {\"spread_pct\":\"0.12\"}\n    \
             result: {\"allowed\":true}\n\
         \n\
         2025-10-26 12:00:02.000  decisions seq 1  order_placement BTC-USDT: spread is wide\n    \
             by order id\n    \
             inputs: {\"spread_pct\":\"0.12\"}\n    \
             result: {\"orders\":[{\"clientOrderId\":\"mm-1\"}]}\n\
         \n\
         2025-10-26 12:00:02.200  calls seq 0  place_limit_buy_order(\"BTC-USDT\",\"67500.0\", \
         {\"client_order_id\":\"mm-1\"})\n    \
             by order id\n    \
             result: {\"is_success\":true,\"order_id\":1001}\n    \
             took: 84.1 ms\n\
         \n\
         2025-10-26 12:00:03.000  fills seq 0  BUY 0.001 BTC-USDT at 67500.0, fee 0.01 USDT\n    \
             by order id\n    \
             so far: 0.001 at 67500\n\
         \n\
         2025-10-26 12:00:04.500  errors seq 0  WARNING api_error BTC-USDT: the book is stale\n    \
             around it, meanwhile\n    \
             exception: Timeout: after 2 s\n    \
             recovery: asked again\n\
         \n\
         2025-10-26 12:00:05.000  fills seq 2  BUY 0.002 BTC-USDT at 67501.0, fee 0.01 USDT\n    \
             by order id\n    \
             so far: 0.003 at 67500.66666667 (to 8 places; exactly 202502/3)\n\
         \n\
         2025-10-26 12:00:50.000  errors seq 2  WARNING api_error: cannot cancel order 1001\n    \
             by order id\n    \
             exception: Timeout: after 2 s\n    \
             recovery: asked again\n\
         \n\
         2025-10-26 12:00:52.000  risk-management seq 0  CRITICAL circuit_breaker_trip: trading_paused\n    \
             around it, 2.0 s after\n    \
             day: -12.50 (-3.1 %)\n    \
             losses in a row: 2\n    \
             settings: {}\n"
    );
    // The same order by the name that the bot gave it.
    let other = bench.tj("why mm-1 --window 3s").fine();
    assert_eq!(
        other.out,
        ran.out
            .replace("known as 1001, mm-1", "known as mm-1, 1001")
    );
    // A risk event outside of the window is not around it.
    let ran = bench.tj("why 1001 --window 1s").fine();
    assert!(!ran.out.contains("risk-management"), "{}", ran.out);
    bench
        .shell("set -o pipefail; tj why 1001 | head -n 1 > /dev/null")
        .fine();
}

#[test]
fn every_line_can_be_proved_from_the_json() {
    let bench = Bench::new();
    trading(&bench);
    let found = &bench.tj("why 1001 --window 3s --json").fine().json()[0];
    assert_eq!(
        (&found["is_known"], &found["ids"]),
        (&json!(true), &json!(["1001", "mm-1"]))
    );
    assert_eq!(found["filled"][0]["average"], "202502/3");
    assert_eq!(found["filled"][0]["size"], "0.003");
    assert_eq!(found["filled"][0]["total"], "202.502");
    let entries = found["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 8);
    for entry in entries {
        let (stream, seq) = (entry["stream"].as_str().unwrap(), &entry["seq"]);
        let line = bench
            .shell(&format!("tj query {stream} --json | grep '\"seq\":{seq},'"))
            .fine()
            .json()[0]
            .clone();
        assert_eq!(entry["hash"], line["hash"], "{stream} {seq}");
        let mut record = line;
        for own in ["seq", "dur", "hash"] {
            record.as_object_mut().unwrap().remove(own);
        }
        assert_eq!(entry["record"], record);
    }
    assert_eq!(
        (&entries[0]["link"], &entries[0]["before_ns"]),
        (&json!("around"), &json!(700_000_000))
    );
    assert_eq!(entries[5]["size_so_far"], "0.003");
    bench.tj("key init --static").code(0);
    bench.tj("checkpoint now").code(0);
    bench
        .tj("prove fills --seq 0 --seq 2 --out proof.json")
        .fine();
}

#[test]
fn a_decision_that_names_no_order_is_found_by_symbol_and_time() {
    let bench = Bench::new();
    let journal = journal(&bench);
    append::<DecisionRecord>(
        &journal,
        &[
            decision(1.0, "order_placement", Some("BTC-USDT"), json!({})),
            decision(1.8, "spread_calculation", Some("BTC-USDT"), json!({})),
            decision(1.9, "order_placement", Some("ETH-USDT"), json!({})),
            decision(3.5, "order_placement", Some("BTC-USDT"), json!({})),
        ],
    );
    append::<FillRecord>(&journal, &[fill(3.0, "1001", None, "67500.0", "0.001")]);
    let shown = |flags: &str| bench.tj(&format!("why 1001 {flags}")).fine().out;
    let text = shown("");
    assert!(
        text.contains(
            "12:00:01.000  decisions seq 0  order_placement BTC-USDT: spread is wide\n    \
                       by symbol and time, 2.0 s before the order\n"
        ),
        "{text}"
    );
    assert_eq!(text.matches("decisions seq").count(), 1, "{text}");
    // Without a placement in the window it is the last calculation.
    let text = shown("--window 1500ms");
    assert!(
        text.contains("decisions seq 1  spread_calculation"),
        "{text}"
    );
    let text = shown("--window 1s");
    assert!(!text.contains("decisions"), "{text}");
    let found = &bench.tj("why 1001 --json").fine().json()[0];
    assert_eq!(found["entries"][0]["link"], "symbol_and_time");
    assert_eq!(found["entries"][0]["before_ns"], 2_000_000_000_u64);
}

#[test]
fn the_audit_trail_of_an_order_is_part_of_it() {
    let bench = Bench::new();
    let journal = journal(&bench);
    let opened = entry(7);
    let later = opened
        .timestamp()
        .saturating_add(std::time::Duration::from_secs(60));
    let exit = opened.exit(later, "151.25").build().unwrap();
    let writer = journal.writer::<TradeRecord>().unwrap();
    writer.append_all(&[opened, exit]).unwrap();
    writer.close().unwrap();
    let text = bench.tj("why order-7").fine().out;
    assert!(
        text.contains("trades seq 0  BUY 50 AAPL at 150.25, PAPER open\n"),
        "{text}"
    );
    assert!(
        text.contains("    reason: Bull flag breakout above $150"),
        "{text}"
    );
    assert!(
        text.contains("trades seq 1  SELL 50 AAPL at 151.25, PAPER win\n"),
        "{text}"
    );
    assert!(text.contains("    net result: 50"), "{text}");
}

#[test]
fn an_order_that_was_one_value_and_never_filled_has_its_decision() {
    let bench = Bench::new();
    let journal = journal(&bench);
    append::<DecisionRecord>(
        &journal,
        &[decision(
            1.0,
            "order_placement",
            Some("BTC-USDT"),
            json!({}),
        )],
    );
    let mut call = placed(2.0, "mm-1", json!({"order_id": 7}));
    call["args"] = json!([{"client_order_id": "mm-1", "symbol": "BTC-USDT"}]);
    call["kwargs"] = json!({});
    append::<CallRecord>(&journal, &[call]);
    for id in ["mm-1", "7"] {
        let ran = bench.tj(&format!("why {id}")).fine();
        assert!(
            ran.out.contains("decisions seq 0") && ran.out.contains("calls seq 0"),
            "{}",
            ran.out
        );
    }
}

#[test]
fn an_order_that_nobody_names_is_not_found_and_the_nearest_is_named() {
    let bench = Bench::new();
    trading(&bench);
    let ran = bench.tj("why 1003").code(1);
    assert_eq!(ran.out, "");
    assert_eq!(
        ran.err,
        "no line names order 1003: looked in fills, trades, decisions, calls, errors\n\
         hint: did you mean `1001`?\n"
    );
    let ran = bench.tj("why 1003 --json").code(1);
    assert_eq!(ran.json()[0]["is_known"], false);
    let ran = bench.tj("why 1001 --window soon").code(2);
    assert!(
        ran.err.contains("write it as 50ms, 2s, 5m or 1h"),
        "{}",
        ran.err
    );
    let ran = Bench::new().tj("why 1001").code(3);
    assert!(ran.err.starts_with("tj: no journal in logs"), "{}", ran.err);
}

#[test]
fn a_damaged_line_is_named_and_the_rest_is_told() {
    let bench = Bench::new();
    trading(&bench);
    bench
        .shell("sed -i '2s/BTC-USDT/BTC USDT/' logs/fills/2025-10-26.jsonl")
        .fine();
    let ran = bench.tj("why 1001").code(1);
    assert!(
        ran.err
            .contains("bad record at logs/fills/2025-10-26.jsonl:2, byte "),
        "{}",
        ran.err
    );
    assert_eq!(ran.err.matches("bad record").count(), 1);
    assert!(ran.out.contains("2 fills, 0.003 at"), "{}", ran.out);
}
