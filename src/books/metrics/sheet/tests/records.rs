//! From records to JSON.

use serde_json::json;

use crate::books::metrics::sheet::{Blank, SheetOptions};
use crate::books::{ClosedTrade, Pairing};
use crate::record::field::{Action, ConfigHash, ExecutionMode};
use crate::record::{Stamp, TradeRecord};

use super::testing::{at, decimal, sheet, with_equity};
use super::{of, some};

fn entry(order_id: &str, time: &str, action: Action) -> TradeRecord {
    let stamp = Stamp {
        session_id: "550e8400-e29b-41d4-a716-446655440000".parse().unwrap(),
        bot_version: "1.0.0".parse().unwrap(),
        config_hash: ConfigHash::of(b"hello"),
    };
    TradeRecord::entry("AAPL", action, 50, "150.25")
        .at(at(time))
        .order_id(order_id)
        .mode(ExecutionMode::Paper)
        .strategy("bull-flag", "breakout")
        .because("Bull flag")
        .stop_loss("148.25")
        .commission("0.75")
        .stamp(&stamp)
        .build()
        .unwrap()
}

fn closed(records: &[TradeRecord]) -> Vec<ClosedTrade> {
    let mut pairing = Pairing::new();
    for (place, record) in (0..).zip(records) {
        pairing.take(record, place).unwrap();
    }
    pairing.closed(|error| panic!("{error}"))
}

#[test]
fn records_become_a_sheet() {
    let first = entry("1", "2025-11-03T14:30:00Z", Action::Buy);
    let second = entry("2", "2025-11-03T15:30:00Z", Action::Sell);
    let exit = |of: &TradeRecord, time: &str, price: &str| {
        let exit = of.exit(at(time), price).because("Target");
        exit.commission("0.50").slippage("0.02").build().unwrap()
    };
    // The first exit is told twice: the second telling replaces it.
    let wrong = exit(&first, "2025-11-03T15:00:00Z", "999");
    let right = exit(&first, "2025-11-03T15:00:00Z", "152.00");
    let loss = exit(&second, "2025-11-03T16:00:00Z", "151.25");
    let trades = closed(&[first, wrong, second, right, loss]);
    let sheet = sheet(&trades, &with_equity("1000"));
    // 50 x 1.75 - 0.50 = 87.00; 50 x -1.00 - 0.50 = -50.50.
    assert_eq!(sheet.results.net_profit.to_string(), "36.50");
    assert_eq!(sheet.results.gross_profit.to_string(), "87.00");
    assert_eq!(sheet.costs.commission, decimal("1.00"));
    assert_eq!(sheet.costs.entry_commission, decimal("1.50"));
    assert_eq!(sheet.costs.slippage, decimal("0.04"));
    // The stop of the short trade is below its entry.
    let r = &sheet.r_multiples;
    assert_eq!((r.count, r.wrong_side, r.mean), (1, 1, some("0.87")));
    assert_eq!(sheet.counts.label_conflicts, 0);
    assert_eq!(sheet.by_execution_mode[0].key.as_deref(), Some("PAPER"));
    // (950 .. the second trade): 50.5 of 1,087.
    assert_eq!(sheet.equity.max_drawdown_pct, some("-4.645814167433"));
}

#[test]
fn the_sign_of_the_net_result_counts_and_a_wrong_label_is_told() {
    let entry = entry("1", "2025-11-03T14:30:00Z", Action::Buy);
    // A gross win of 0.50 that its commission turns into a loss: the record says so itself.
    let exit = entry
        .exit(at("2025-11-03T15:00:00Z"), "150.26")
        .commission("2")
        .build()
        .unwrap();
    let mut trades = closed(&[entry, exit]);
    let honest = sheet(&trades, &SheetOptions::default());
    assert_eq!((honest.counts.wins, honest.counts.losses), (0, 1));
    assert_eq!(honest.counts.label_conflicts, 0);
    trades[0].label_conflict = true;
    let labelled = sheet(&trades, &SheetOptions::default());
    assert_eq!(labelled.counts.label_conflicts, 1);
    assert_eq!(labelled.counts.losses, 1);
}

#[test]
fn the_json_has_its_members_in_order() {
    let text = serde_json::to_string(&of(&["1", "-2"], "100")).unwrap();
    let names = [
        "basis",
        "total_trades",
        "wins",
        "losses",
        "breakevens",
        "label_conflicts",
        "first_entry",
        "last_exit",
        "win_rate",
        "win_rate_decided",
        "gross_profit",
        "gross_loss",
        "net_profit",
        "profit_factor",
        "profit_factor_status",
        "avg_win",
        "avg_loss",
        "payoff_ratio",
        "expectancy",
        "pnl_std",
        "sqn",
        "kelly",
        "total_return",
        "max_drawdown_pct",
        "max_drawdown_abs",
        "max_drawdown_duration_seconds",
        "current_drawdown",
        "recovery_factor",
        "days",
        "cagr",
        "volatility",
        "sharpe",
        "sortino",
        "calmar",
        "exposure",
        "streaks",
        "costs",
        "r_multiples",
        "excursions",
        "by_symbol",
        "by_strategy",
        "by_account",
        "by_execution_mode",
        "by_entry_hour_utc",
        "by_exit_weekday",
        "monthly",
        "yearly",
        "nulls",
    ];
    let places = names.map(|it| text.find(&format!("\"{it}\":")).unwrap());
    assert!(places.is_sorted(), "{text}");
    assert!(text.contains(r#""first_entry":"2025-11-03T09:00:00.000Z""#));
    assert!(text.contains(r#""win_rate":"0.5""#));
    assert!(text.contains(r#""cagr":"span_too_short""#));
    assert!(text.contains(r#""streaks":{"longest_win":1,"longest_loss":1,"current":-1}"#));
}

#[test]
fn the_words_of_the_reasons_are_those_of_the_json() {
    for blank in [
        Blank::NoProfitNoLoss,
        Blank::FewerThanTwoDays,
        Blank::DoesNotFit,
    ] {
        assert_eq!(json!(blank), blank.as_str());
    }
}
