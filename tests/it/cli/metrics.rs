//! `tj metrics`, and what `[metrics]` makes of trades that are appended.

use rust_decimal::Decimal;
use serde_json::Value;
use tradejournal::record::field::{Action, ExecutionMode};
use tradejournal::record::{Record as _, TradeRecord};
use tradejournal::time::Timestamp;

use super::run::{Bench, Ran};
use crate::sample::stamp;

/// The lines of an entry and its exit: `at` is the minute of the exit.
fn trade(order: &str, at: u64, net: &str, mode: ExecutionMode, strategy: &str) -> String {
    let begin: Timestamp = "2025-10-27T14:00:00Z".parse().unwrap();
    let minute = |it: u64| begin.saturating_add(std::time::Duration::from_secs(60 * it));
    let entry = TradeRecord::entry("AAPL", Action::Buy, 1, "100")
        .at(minute(0))
        .order_id(order)
        .mode(mode)
        .strategy(strategy, "breakout")
        .because("Broke out")
        .stop_loss("90")
        .stamp(&stamp())
        .build()
        .unwrap();
    let price = Decimal::ONE_HUNDRED + net.parse::<Decimal>().unwrap();
    let exit = entry.exit(minute(at), &*price.to_string());
    let exit = exit.because("Done").commission("0").build().unwrap();
    let mut lines = Vec::new();
    for record in [entry, exit] {
        record.encode(&mut lines);
        lines.push(b'\n');
    }
    String::from_utf8(lines).unwrap()
}

fn paper(order: &str, at: u64, net: &str) -> String {
    trade(order, at, net, ExecutionMode::Paper, "a")
}

/// A journal with trades of both modes and two strategies, one of them out of order in the log.
fn bench() -> Bench {
    let bench = Bench::new();
    let lines = [
        paper("p1", 1, "100"),
        paper("p3", 3, "-50"),
        paper("p2", 2, "0"),
        trade("l1", 4, "-20", ExecutionMode::Live, "a"),
        trade("p4", 5, "80", ExecutionMode::Paper, "b"),
        paper("p5", 6, "-20"),
    ];
    append(&bench, &lines.concat()).code(0);
    bench
}

fn append(bench: &Bench, lines: &str) -> Ran {
    bench.tj_with("append trades", lines.as_bytes())
}

fn texts(row: &Value, names: &[&str]) -> Vec<String> {
    let text = |it: &&str| match &row[*it] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    names.iter().map(text).collect()
}

#[test]
fn the_series_has_one_object_a_closed_trade_in_the_order_of_exits() {
    let ran = bench()
        .tj("metrics --series --json --mode PAPER --starting-equity 1000 --window 3")
        .fine();
    let rows = ran.json();
    let names = [
        "order_id",
        "exit_timestamp",
        "total_trades",
        "win_rate",
        "profit_factor",
        "profit_factor_status",
        "max_drawdown_pct",
        "consecutive_losses",
        "gross_profit",
        "gross_loss",
        "net_profit",
    ];
    // The members stand in that order, for whoever reads the text.
    let places: Vec<usize> = names
        .iter()
        .map(|it| ran.out.find(&format!("\"{it}\":")).unwrap())
        .collect();
    assert!(places.is_sorted(), "{}", ran.out);
    let told: Vec<Vec<String>> = rows.iter().map(|it| texts(it, &names)).collect();
    // Equity: 1000, 1100, 1100, 1050, 1130, 1110.
    let expected = [
        "p1 2025-10-27T14:01:00.000Z 1 1 null no_losses 0 0 100 0 100",
        "p2 2025-10-27T14:02:00.000Z 2 0.5 null no_losses 0 0 100 0 100",
        "p3 2025-10-27T14:03:00.000Z 3 0.333333333333 2 null -4.545454545455 1 100 50 50",
        "p4 2025-10-27T14:05:00.000Z 3 0.333333333333 1.6 null -4.545454545455 0 80 50 30",
        "p5 2025-10-27T14:06:00.000Z 3 0.333333333333 1.142857142857 null -4.545454545455 1 80 70 10",
    ];
    let told: Vec<String> = told.iter().map(|it| it.join(" ")).collect();
    assert_eq!(told, expected);
}

#[test]
fn live_and_paper_never_share_a_window() {
    let bench = bench();
    let rows = bench.tj("metrics --json").fine().json();
    let names = ["execution_mode", "scope", "total_trades", "net_profit"];
    let told: Vec<Vec<String>> = rows.iter().map(|it| texts(it, &names)).collect();
    assert_eq!(
        told,
        [["PAPER", "all", "5", "110"], ["LIVE", "all", "1", "-20"]]
    );
    let rows = bench.tj("metrics --by strategy --json").fine().json();
    let told: Vec<Vec<String>> = rows.iter().map(|it| texts(it, &names)).collect();
    assert_eq!(
        told,
        [
            ["PAPER", "strategy:a", "4", "30"],
            ["PAPER", "strategy:b", "1", "80"],
            ["LIVE", "strategy:a", "1", "-20"]
        ]
    );
    let ran = bench
        .tj("metrics --by strategy --starting-equity 1000")
        .fine();
    assert!(ran.out.contains("PAPER  a         4 of 20"), "{}", ran.out);
    assert!(ran.out.contains('\u{2588}'), "{}", ran.out);
    let rows = bench.tj("metrics --mode LIVE --json").fine().json();
    assert_eq!(rows.len(), 1);
    // Of what is not defined it says why.
    assert_eq!(rows[0]["max_drawdown_pct"], Value::Null);
    assert_eq!(rows[0]["max_drawdown_pct_status"], "no_starting_equity");
    assert_eq!(rows[0]["profit_factor"], "0");
}

#[test]
fn a_range_takes_the_trades_that_were_closed_in_it() {
    let bench = bench();
    let line = "metrics --series --json --mode PAPER --from 2025-10-27T14:03:00Z --to 2025-10-27T14:06:00Z";
    let ran = bench.tj(line).fine();
    let orders: Vec<Value> = ran.json().iter().map(|it| it["order_id"].clone()).collect();
    assert_eq!(orders, ["p3", "p4"]);
    // The account has not begun anew: from 1100 to 1050, and not from 1000 to 950.
    let ran = bench.tj(&format!("{line} --starting-equity 1000")).fine();
    assert_eq!(ran.json()[0]["max_drawdown_pct"], "-4.545454545455");
    let line = line.replace("--series", "--tear-sheet");
    let ran = bench.tj(&format!("{line} --starting-equity 1000")).fine();
    assert_eq!(ran.json()[0]["starting_equity"], "1100");
    // Of an account that had lost everything before the range, all is lost, as without the range.
    let more = trade("l2", 5, "1", ExecutionMode::Live, "a");
    append(&bench, &more).code(0);
    for from in ["2025-10-27T14:03:30Z", "2025-10-27T14:04:30Z"] {
        let line = format!("metrics --json --mode LIVE --starting-equity 10 --from {from}");
        let ran = bench.tj(&line).fine();
        let row = &ran.json()[0];
        assert_eq!(row["max_drawdown_pct"], "-100", "{from}: {row}");
        assert_eq!(row["max_drawdown_pct_status"], Value::Null);
    }
    let ran = bench.tj("metrics --from 2025-10-28").code(1);
    assert_eq!((&*ran.out, &*ran.err), ("", "no closed trade\n"));
    let ran = bench.tj("metrics --from 2025-10-28 --json").code(1);
    assert_eq!(ran.json()[0]["total_trades"], 0);
    assert_eq!(ran.json()[0]["profit_factor_status"], "no_trades");
    let ran = bench
        .tj("metrics --from 2025-10-28 --to 2025-10-27")
        .code(2);
    assert!(ran.err.contains("--from is not before --to"));
}

#[test]
fn wrong_words_and_numbers_are_refused() {
    let bench = bench();
    for (line, why) in [
        (
            "--starting-equity 0",
            "starting equity must be above 0, got 0",
        ),
        ("--starting-equity -5", "unexpected argument '-5'"),
        ("--starting-equity much", "invalid value 'much'"),
        ("--window 0", "invalid value '0'"),
        ("--by colour", "invalid value 'colour'"),
        ("--mode both", "invalid value 'both'"),
        ("--rf 0.1", "--tear-sheet"),
        ("--tear-sheet --series", "cannot be used with"),
    ] {
        let ran = bench.tj(&format!("metrics {line}")).code(2);
        assert!(ran.err.contains(why), "{line}: {}", ran.err);
    }
    let ran = Bench::new().tj("metrics").code(3);
    assert!(ran.err.contains("hint: "), "{}", ran.err);
}

#[test]
fn a_tear_sheet_is_one_object_with_the_names_of_the_definitions() {
    let bench = bench();
    let ran = bench
        .tj("metrics --tear-sheet --json --mode PAPER --starting-equity 1000")
        .fine();
    let sheet = ran.json().remove(0);
    for name in [
        "win_rate",
        "win_rate_decided",
        "gross_profit",
        "gross_loss",
        "net_profit",
        "profit_factor",
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
        "recovery_factor",
        "cagr",
        "volatility",
        "sharpe",
        "sortino",
        "calmar",
        "exposure",
        "streaks",
        "costs",
        "r_multiples",
        "by_symbol",
        "by_strategy",
        "by_execution_mode",
        "by_entry_hour_utc",
        "by_exit_weekday",
        "monthly",
    ] {
        assert!(sheet.get(name).is_some(), "{name}");
    }
    assert_eq!(
        texts(
            &sheet,
            &[
                "total_trades",
                "win_rate",
                "win_rate_decided",
                "profit_factor",
                "net_profit",
                "total_return"
            ]
        ),
        ["5", "0.4", "0.5", "2.571428571429", "110", "0.11"]
    );
    // From 1100 to 1050 and back at 1130.
    assert_eq!(texts(&sheet, &["max_drawdown_abs"]), ["50"]);
    assert_eq!(sheet["nulls"]["cagr"], "span_too_short");
    // Risk of 10 a trade: 10, 0, -5, 8, -2.
    assert_eq!(sheet["r_multiples"]["mean"], "2.2");
    // With LIVE trades in the journal those are meant, and it says so.
    let ran = bench.tj("metrics --tear-sheet --json").code(0);
    assert_eq!(ran.json()[0]["total_trades"], 1);
    assert!(ran.err.contains("--mode all has the PAPER ones as well"));
    let ran = bench.tj("metrics --tear-sheet --json --mode all").fine();
    let modes: Vec<Value> = ran.json()[0]["by_execution_mode"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["key"].clone())
        .collect();
    assert_eq!(modes.len(), 2);
    let ran = bench.tj("metrics --tear-sheet --mode PAPER").fine();
    assert!(ran.out.contains("(no starting equity)"), "{}", ran.out);
    assert!(ran.out.contains("\nby symbol\n"), "{}", ran.out);
}

#[test]
fn excursions_come_from_a_file() {
    let bench = bench();
    bench.write("mae.csv", "order_id,mae,mfe\np1,-5,120\np3,-60,10\n");
    let line = "metrics --tear-sheet --json --mode PAPER --excursions mae.csv";
    let sheet = bench.tj(line).fine().json().remove(0);
    assert!(sheet["excursions"].is_object());
    for (text, why) in [
        ("order_id,mae\n", "has no column mfe"),
        (
            "order_id,mae,mfe\np1,5,1\n",
            "line 2: mae is 0 or less, mfe 0 or more",
        ),
        (
            "order_id,mae,mfe\np1,x,1\n",
            "line 2: mae must be a decimal",
        ),
        (
            "order_id,mae,mfe\np1,-1,1\np1,-1,1\n",
            "line 3: the order_id is there twice",
        ),
    ] {
        bench.write("mae.csv", text);
        let ran = bench.tj(line).code(3);
        assert!(ran.err.contains(why), "{}", ran.err);
    }
}

#[test]
fn what_is_strange_in_a_journal_is_told_beside_the_numbers() {
    let bench = Bench::new();
    let whole = paper("p1", 1, "5");
    let (entry, exit) = whole.split_once('\n').unwrap();
    let lone = paper("p2", 2, "-1").lines().nth(1).unwrap().to_owned();
    let lines = format!("{entry}\n{entry}\n{exit}\n{exit}\n{lone}\n");
    append(&bench, &lines).code(0);
    let path = bench.shell("ls -d logs/trades/2*.jsonl").fine().out;
    let path = path.trim();
    let text = bench.read(path);
    bench.write(path, text + "{}\n");
    // Something is missing, and a script is to know it.
    let ran = bench.tj("metrics --json").code(1);
    assert_eq!(ran.json()[0]["total_trades"], 2);
    for words in [
        "1 line could not be read and is left out",
        "1 entry repeats an order id; the first counts",
        "1 exit was replaced by a later one",
        "1 exit has no entry in the journal and counts by itself",
    ] {
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
}

const CONFIG: &str = "\
[metrics]
starting_equity = 1000
window = 5
every = \"alert\"
scopes = [\"all\", \"strategy\"]
[[metrics.rules]]
id = \"losing\"
metric = \"consecutive_losses\"
threshold = 2
level = \"critical\"
";

#[test]
fn appended_trades_move_the_windows_of_the_settings_and_tell_once() {
    let bench = Bench::new();
    bench.write("tj.toml", CONFIG);
    append(&bench, &paper("p1", 1, "-1")).fine();
    assert!(!bench.path("logs/performance-alerts").join("HEAD").exists());
    append(&bench, &paper("p2", 2, "-1")).fine();
    let told = || bench.tj("tail performance-alerts --json").fine().json();
    let alerts = told();
    assert_eq!(alerts.len(), 2);
    let names = [
        "scope",
        "rule_id",
        "event",
        "execution_mode",
        "timestamp",
        "window_size",
    ];
    assert_eq!(
        texts(&alerts[1], &names),
        [
            "strategy:a",
            "losing",
            "fired",
            "PAPER",
            "2025-10-27T14:02:00.000Z",
            "5"
        ]
    );
    append(&bench, &paper("p3", 3, "-1")).fine();
    assert_eq!(told().len(), 2);
    append(&bench, &paper("p4", 4, "2")).fine();
    assert_eq!(told().len(), 4);
    bench.tj("verify --chain").fine();
}

#[test]
fn metrics_that_cannot_be_kept_stop_no_trade() {
    let bench = Bench::new();
    append(&bench, &paper("p0", 9, "1")).fine();
    bench.write("tj.toml", CONFIG);
    // A line of an older log, which no writer goes on from.
    bench.write("logs/performance-alerts/2025-10-26.jsonl", "{\"a\":1}\n");
    let ran = append(&bench, &paper("p1", 1, "-1")).code(0);
    assert!(ran.out.starts_with("2 records appended"), "{}", ran.out);
    assert!(
        ran.err.starts_with("warning: no metrics are kept: "),
        "{}",
        ran.err
    );
}

#[test]
fn a_wrong_rule_is_refused_at_the_start_with_its_line() {
    let bench = Bench::new();
    let config = CONFIG.replace("threshold = 2", "threshold = 6");
    bench.write("tj.toml", config);
    let ran = append(&bench, &paper("p1", 1, "-1")).code(2);
    let why = "tj.toml: line 6: rule losing: the threshold of consecutive_losses must be a whole number \
               from 1 to the window's 5: no more are counted, got 6";
    assert!(ran.err.contains(why), "{}", ran.err);
    assert!(!bench.path("logs").exists());
    bench.tj("config check tj.toml").code(1);
}
