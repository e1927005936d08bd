//! The examples are run, and print what they promise.

use std::{env, path::Path, process::Command};

use tempfile::tempdir;

/// What the example prints, line by line. `cargo test` has built it beside this program.
fn run(name: &str, folder: &Path) -> Vec<String> {
    let here = env::current_exe().unwrap();
    let built = here.parent().unwrap().parent().unwrap();
    let program = built.join("examples").join(name);
    assert!(
        program.exists(),
        "{} is missing: `cargo build --examples` makes it, as `cargo test` does",
        program.display()
    );
    let output = Command::new(program).arg(folder).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && errors.is_empty(), "{errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_bot_journals_an_entry_and_its_exit_and_the_day_is_read_back() {
    let folder = tempdir().unwrap();
    let logs = folder.path().join("logs");
    assert_eq!(
        run("bot", &logs),
        ["line 0: bought for 7512.50", "line 1: win of 87.00"]
    );
    let mut day = run("read_day", &logs);
    if day.len() == 1 {
        // Midnight in between: the day that is read by default has no trade yet.
        run("bot", &logs);
        day = run("read_day", &logs);
    }
    assert!(day[0].ends_with("Z BUY 50 AAPL at 150.25"), "{day:?}");
    assert!(day[1].ends_with("Z SELL 50 AAPL at 152.00"), "{day:?}");
    assert_eq!(day[2..], ["2 trades, 1 exits, 1 won"]);
}

#[test]
fn many_threads_share_one_writer() {
    let folder = tempdir().unwrap();
    let logs = folder.path().join("logs");
    assert_eq!(
        run("threads", &logs),
        ["20 records on disk, the last is line 19"]
    );
    // A second run goes on behind the first.
    assert_eq!(
        run("threads", &logs),
        ["20 records on disk, the last is line 39"]
    );
}

#[test]
fn the_demonstration_of_the_trade_log_has_the_numbers_that_it_always_had() {
    let folder = tempdir().unwrap();
    let logs = folder.path().join("logs");
    let found = run("trade_log_demo", &logs);
    assert_eq!(
        found[..19],
        [
            "=== TradeLogger Demo ===",
            "",
            "Logging trades...",
            "Logging decisions...",
            "Logging error...",
            "",
            "=== Summary Stats ===",
            "total_trades: 3",
            "winning_trades: 2",
            "losing_trades: 1",
            "win_rate: 66.67%",
            "total_pnl: 0.70",
            "total_fees: 0.405",
            "net_pnl: 0.295",
            "total_decisions: 1",
            "total_errors: 1",
            "error_breakdown: {'api_error': 1}",
            "",
            "=== Exporting to JSON ===",
        ]
    );
    for (line, count) in found[19..22].iter().zip([3, 1, 1]) {
        let path = line.split_once(": ").unwrap().1;
        let json = std::fs::read(path).unwrap();
        let records: Vec<serde_json::Value> = serde_json::from_slice(&json).unwrap();
        assert_eq!(records.len(), count, "{path}");
    }
    let csv = std::fs::read_dir(logs.join("data/csv")).unwrap();
    assert!(3 <= csv.count());
}

#[cfg(feature = "tracing")]
#[test]
fn a_bots_own_log_is_written() {
    let folder = tempdir().unwrap();
    let found = run("log", folder.path());
    assert_eq!(found[0], "0 old files swept, 0 writes failed []");
    assert!(found[1].ends_with("connected symbol=\"AAPL\""), "{found:?}");
    assert!(
        found[2].ends_with("the feed is late seconds=3"),
        "{found:?}"
    );
}

#[test]
fn a_recorded_day_replays_to_the_same_bytes_and_a_changed_strategy_shows_its_first_order() {
    let folder = tempdir().unwrap();
    let found = run("replay_bot", &folder.path().join("logs"));
    assert_eq!(found[0], "recorded: 32755 calls, 243 failures, 883 orders");
    let same = "the same decisions, byte for byte, and the same orders";
    assert_eq!(found[1], format!("replayed: {same}"));
    assert_eq!(found[2], format!("replayed again: {same}"));
    assert_eq!(
        found[3],
        "changed: output 1 differs: expected place_buy_order [\"AAPL\",50,15054] \
         (of 2024-01-08T14:31:57.000Z), got place_buy_order [\"AAPL\",50,15045]"
    );
}
