//! `tj import`.

use super::run::{Bench, trade, trades};

/// A line as the old Python logs have it: numbers for money, optional fields missing.
const OLD: &str = r#"{"timestamp": "2024-01-05T14:32:15.123456+00:00", "symbol": "AAPL", "action": "BUY", "quantity": 50, "price": 150.25, "total_value": 7512.50, "order_id": "old-1", "execution_mode": "PAPER", "strategy_name": "bull-flag-breakout", "entry_type": "breakout", "decision_reasoning": "Broke out", "indicators_used": ["VWAP"], "session_id": "550e8400-e29b-41d4-a716-446655440000", "bot_version": "1.0.0", "config_hash": "5d41402abc4b2a76b9719d911017c592"}"#;

#[test]
fn older_logs_come_in_with_their_digits() {
    let bench = Bench::new();
    let zoneless = OLD
        .replace("2024-01-05T14:32:15.123456+00:00", "2024-01-05 09:40:00")
        .replace("old-1", "old-2");
    bench.write("a.jsonl", format!("{OLD}\n\n{zoneless}\n"));
    bench.write("b.jsonl", trades(2));
    let line = "import trades a.jsonl b.jsonl --timezone America/New_York";
    let ran = bench.tj(&format!("{line} --dry-run")).fine();
    assert_eq!(
        ran.out,
        "\
files                   2
new records             4
time                    2024-01-05T14:32:15.123456Z to 2025-10-26T14:32:15.123Z
nothing was written: a dry run
"
    );
    assert!(!bench.path("logs").exists());
    let ran = bench.tj(line).fine();
    assert!(ran.out.ends_with("4 records were written\n"), "{}", ran.out);
    let lines = bench.tj("tail trades --json").fine().out;
    let lines: Vec<&str> = lines.lines().collect();
    assert!(lines[0].starts_with(r#"{"timestamp":"2024-01-05T14:32:15.123456Z","symbol":"AAPL","action":"BUY","quantity":50,"price":"150.25","total_value":"7512.50","order_id":"old-1""#), "{}", lines[0]);
    assert!(
        lines[1].starts_with(r#"{"timestamp":"2024-01-05T14:40:00.000Z""#),
        "{}",
        lines[1]
    );
    assert!(lines[3].contains(r#""order_id":"order-1""#));
}

#[test]
fn the_same_lines_do_not_come_in_twice() {
    let bench = Bench::new();
    bench.write("a.jsonl", trades(2));
    bench.tj("import trades a.jsonl").fine();
    let ran = bench.tj("import trades a.jsonl").code(1);
    assert_eq!(
        ran.out,
        "\
files                   1
new records             0
already in the journal  2
time                    2025-10-26T14:32:15.123Z to 2025-10-26T14:32:15.123Z
nothing was written
"
    );
    assert_eq!(ran.err, "hint: there is nothing new to import\n");
    bench.write("b.jsonl", trades(3) + &trades(1));
    let ran = bench.tj("import trades b.jsonl").code(1);
    assert!(
        ran.err
            .contains("tj: b.jsonl:4: the same trade as on an earlier line (order order-0, "),
        "{}",
        ran.err
    );
    assert!(
        ran.err.contains("hint: --on-invalid skip imports the rest"),
        "{}",
        ran.err
    );
    let ran = bench
        .tj("import trades b.jsonl --on-invalid skip --json")
        .code(1);
    let summary = &ran.json()[0];
    assert_eq!(
        (
            &summary["records"],
            &summary["journaled"],
            &summary["repeated"],
            &summary["written"]
        ),
        (&1.into(), &2.into(), &1.into(), &1.into())
    );
    let count = bench.tj("tail trades --json").fine().out.lines().count();
    assert_eq!(count, 3);
}

#[test]
fn nothing_is_written_when_a_line_is_invalid() {
    let bench = Bench::new();
    let bad = trade("order-9", "AAPL", "150.25").replace("\"PAPER\"", "\"TOY\"");
    let zoneless = OLD.replace("2024-01-05T14:32:15.123456+00:00", "2024-01-05T09:40:00");
    bench.write(
        "a.jsonl",
        format!("{}{bad}\n{zoneless}\n{{\"a\": NaN}}\n", trades(1)),
    );
    let ran = bench.tj("import trades a.jsonl").code(1);
    assert!(
        ran.err
            .contains("tj: a.jsonl:2: no record of trades\n  execution_mode: "),
        "{}",
        ran.err
    );
    assert!(
        ran.err.contains("tj: a.jsonl:3: no record of trades\n  timestamp: has no zone: name it with --timezone, got \"2024-01-05T09:40:00\"\n"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("tj: a.jsonl:4: "), "{}", ran.err);
    assert!(
        ran.out.contains("invalid lines           3\n"),
        "{}",
        ran.out
    );
    assert!(ran.out.ends_with("nothing was written\n"), "{}", ran.out);
    assert!(!bench.path("logs").exists());
    let ran = bench.tj("import trades a.jsonl --on-invalid skip").code(1);
    assert!(ran.out.ends_with("1 record was written\n"), "{}", ran.out);
}

#[test]
fn gzip_files_are_read_and_other_things_refused() {
    let bench = Bench::new();
    bench.write("a.jsonl", trades(2));
    bench.shell("gzip a.jsonl").fine();
    let ran = bench.tj("import trades a.jsonl.gz").fine();
    assert!(ran.out.ends_with("2 records were written\n"), "{}", ran.out);
    let ran = bench.tj("import trades none.jsonl").code(3);
    assert!(
        ran.err
            .starts_with("tj: cannot read none.jsonl: No such file"),
        "{}",
        ran.err
    );
    let ran = bench.shell("tj import trades /dev/null").code(3);
    assert!(ran.err.contains("it is not a file"), "{}", ran.err);
}
