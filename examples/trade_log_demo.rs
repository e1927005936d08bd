//! The demonstration of the trade log: three trades, a decision, an error, what they add up to, and the files.
//!
//! `cargo run --example trade_log_demo -- [LOGS]`

#![allow(clippy::print_stdout, reason = "it talks to a person")]
#![allow(clippy::print_stderr, reason = "it talks to a person")]

use std::env;
use std::error::Error;

use rust_decimal::Decimal;
use serde_json::json;
use tradejournal::Journal;
use tradejournal::bot::{TradeLog, TradeLogOptions};
use tradejournal::record::field::{Action, Severity};
use tradejournal::record::{DecisionRecord, ErrorRecord};

fn main() -> Result<(), Box<dyn Error>> {
    let logs = env::args().nth(1).unwrap_or_else(|| "logs".to_owned());
    let journal = Journal::open(logs)?;
    let log = TradeLog::open(&journal, "demo_strategy", TradeLogOptions::default())?;
    println!("=== TradeLogger Demo ===\n");

    println!("Logging trades...");
    for (number, pnl, after, equity) in [
        (1, "0.50", "0.001", "100.50"),
        (2, "-0.30", "0.000", "100.20"),
        (3, "0.50", "0.001", "100.70"),
    ] {
        let is_sale = number == 2;
        let side = if is_sale { Action::Sell } else { Action::Buy };
        let before = if is_sale { "0.001" } else { "0.000" };
        let equity_before: Decimal = equity.parse::<Decimal>()? - pnl.parse::<Decimal>()?;
        let order = format!("order_{number}");
        let fill = log
            .fill(order, "BTC-USDT", side, "0.001", "67500.0")
            .client_order_id(format!("client_{number}"))
            .order_type("LIMIT")
            .fee("0.135", "USDT")
            .realized_pnl(pnl)
            .spread_captured("0.025")
            .inventory(before, after)
            .equity(equity_before, equity)
            .notes(format!("Demo trade {number}"))
            .build()?;
        log.log_trade(&fill)?;
    }

    println!("Logging decisions...");
    let decision = log
        .decision(
            DecisionRecord::SPREAD_CALCULATION,
            "Avellaneda-Stoikov formula",
        )
        .symbol("BTC-USDT")
        .parameters(&json!({ "gamma": 0.1, "sigma": 0.02, "k": 1.5 }))
        .result(&json!({ "bid_spread": 0.025, "ask_spread": 0.025 }))
        .notes("Using static parameters")
        .build()?;
    log.log_decision(&decision)?;

    println!("Logging error...");
    let error = log
        .error(ErrorRecord::API_ERROR, "Order placement failed")
        .severity(Severity::Warning)
        .symbol("BTC-USDT")
        .exception_named("APIError", "Rate limit exceeded")
        .recovery("Retry after 1 second")
        .notes("Temporary API issue")
        .build();
    log.log_error(&error)?;

    let summary = log.summary();
    let shown = |it: Option<String>| it.unwrap_or_else(|| "-".to_owned());
    let percent = summary
        .win_rate
        .map(|it| format!("{}%", (it * Decimal::ONE_HUNDRED).round_dp(2)));
    println!("\n=== Summary Stats ===");
    println!("total_trades: {}", summary.total_trades);
    println!("winning_trades: {}", summary.winning_trades);
    println!("losing_trades: {}", summary.losing_trades);
    println!("win_rate: {}", shown(percent));
    println!(
        "total_pnl: {}",
        shown(summary.total_pnl.map(|it| it.to_string()))
    );
    println!(
        "total_fees: {}",
        shown(summary.total_fees.map(|it| it.to_string()))
    );
    println!(
        "net_pnl: {}",
        shown(summary.net_pnl.map(|it| it.to_string()))
    );
    println!("total_decisions: {}", summary.total_decisions);
    println!("total_errors: {}", summary.total_errors);
    let kinds = summary.error_breakdown.iter();
    let kinds: Vec<String> = kinds.map(|it| format!("'{}': {}", it.0, it.1)).collect();
    println!("error_breakdown: {{{}}}", kinds.join(", "));

    println!("\n=== Exporting to JSON ===");
    let paths = log.export_to_json(None, None, None)?;
    for (what, path) in ["trades", "decisions", "errors"].iter().zip(paths) {
        println!("{what}: {}", path.display());
    }
    for trouble in log.close()? {
        eprintln!("{trouble}");
    }
    println!("\nDemo complete. The files are in `data` beside the streams.");
    Ok(())
}
