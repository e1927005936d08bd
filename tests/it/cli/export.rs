//! `tj export`: the trade log's files, made of the streams again; and its numbers in `tj summary`.

use std::fs;
use std::sync::Arc;

use tradejournal::bot::{TradeLog, TradeLogOptions};
use tradejournal::journal::Options;
use tradejournal::record::field::{Action, ExecutionMode};
use tradejournal::record::{DecisionRecord, ErrorRecord};
use tradejournal::time::ManualClock;

use super::run::Bench;
use crate::sample::time;

/// A bench with two days of a trade log in `logs`.
fn logged() -> Bench {
    let bench = Bench::new();
    let clock = Arc::new(ManualClock::new(time("2025-10-24T12:00:00Z")));
    let journal = Options::new(bench.path("logs"))
        .name("made")
        .clock(Arc::clone(&clock) as _)
        .open()
        .unwrap();
    let log = TradeLog::open(&journal, "demo", TradeLogOptions::default()).unwrap();
    for (number, day, mode) in [
        (1, "2025-10-24T12:00:00Z", Some(ExecutionMode::Live)),
        (2, "2025-10-24T23:59:59.999Z", Some(ExecutionMode::Paper)),
        (3, "2025-10-25T00:00:00Z", None),
    ] {
        clock.set(time(day));
        let fill = log
            .fill(
                format!("order-{number}"),
                "BTC-USDT",
                Action::Buy,
                "0.001",
                "67500.0",
            )
            .order_type("LIMIT")
            .fee("0.135", "USDT")
            .realized_pnl("0.50")
            .notes("=1+1, \"quoted\"");
        let fill = match mode {
            Some(mode) => fill.mode(mode),
            None => fill,
        };
        log.log_trade(&fill.build().unwrap()).unwrap();
        let decision = log.decision(DecisionRecord::REBALANCE, "Too much");
        let decision = decision.parameters(&serde_json::json!({"a": 1}));
        log.log_decision(&decision.build().unwrap()).unwrap();
        log.log_error(&log.error(ErrorRecord::API_ERROR, "Rate limit").build())
            .unwrap();
    }
    assert_eq!(log.close().unwrap(), [""; 0]);
    bench
}

#[test]
fn an_export_is_what_the_trade_log_wrote_to_the_byte() {
    let bench = logged();
    for (stream, kind) in [
        ("fills", "trades"),
        ("decisions", "decisions"),
        ("errors", "errors"),
    ] {
        for day in ["2025-10-24", "2025-10-25"] {
            let compact = day.replace('-', "");
            let csv = bench.read(&format!("logs/data/csv/demo_{kind}_{compact}.csv"));
            let json = bench.read(&format!("logs/data/json/demo_{kind}_{compact}.json"));
            let line = format!("export {stream} --day {day}");
            assert_eq!(bench.tj(&line).fine().out, csv);
            assert_eq!(bench.tj(&format!("{line} --csv")).fine().out, csv);
            assert_eq!(bench.tj(&format!("{line} --json")).fine().out, json);
            assert_eq!(bench.tj(&format!("{line} --out x.csv")).fine().out, "");
            assert_eq!(bench.read("x.csv"), csv);
        }
        let files = bench
            .tj(&format!("export {stream} --into again --strategy demo"))
            .fine();
        assert_eq!(files.out.lines().count(), 2);
        bench
            .tj(&format!(
                "export {stream} --into again --strategy demo --json"
            ))
            .fine();
    }
    let same = |folder: &str| {
        let names = fs::read_dir(bench.path(&format!("again/{folder}"))).unwrap();
        let mut count = 0;
        for name in names.map(|it| it.unwrap().file_name().into_string().unwrap()) {
            let (one, other) = (
                format!("again/{folder}/{name}"),
                format!("logs/data/{folder}/{name}"),
            );
            assert_eq!(bench.read(&one), bench.read(&other), "{name}");
            count += 1;
        }
        assert_eq!(count, 6);
    };
    same("csv");
    same("json");
}

#[test]
fn a_part_is_exported_by_time_or_by_days() {
    let bench = logged();
    let rows = |line: &str| bench.tj(line).fine().out.lines().count() - 1;
    assert_eq!(rows("export fills"), 3);
    assert_eq!(
        rows("export fills --from 2025-10-24T13:00:00Z --to 2025-10-24"),
        1
    );
    assert_eq!(rows("export fills --from 2025-10-26"), 0);
    let files = bench
        .tj("export fills --into x --strategy s --to 2025-10-24")
        .fine()
        .out;
    assert_eq!(files, "x/csv/s_trades_20251024.csv\n");
    let files = bench
        .tj("export fills --into x --strategy s --from 2025-10-25 --json")
        .fine();
    assert_eq!(files.json()[0]["files"][0], "x/json/s_trades_20251025.json");
}

#[test]
fn what_cannot_be_exported_is_named_and_the_rest_is() {
    let bench = logged();
    for line in [
        "export",
        "export trades",
        "export fills --csv --json",
        "export fills --day x",
        "export fills --day today --from today",
        "export fills --into x",
        "export fills --strategy s",
        "export fills --into x --strategy ../s",
        "export fills --into x --strategy s --out y",
    ] {
        assert_eq!(bench.tj(line).code(2).out, "", "{line}");
    }
    let path = "logs/fills/2025-10-24.jsonl";
    let lines = bench.read(path).replacen("\"BUY\"", "\"BYU\"", 1);
    bench.write(path, lines);
    let ran = bench.tj("export fills --day 2025-10-24").code(1);
    assert_eq!(ran.out.lines().count(), 2);
    assert!(
        ran.err.contains("2025-10-24.jsonl:1, byte 0"),
        "{}",
        ran.err
    );
    let ran = bench.tj("export fills --into x --strategy s").code(1);
    assert_eq!(ran.out.lines().count(), 2);
    assert_eq!(
        ran.err.matches("2025-10-24.jsonl:1").count(),
        1,
        "{}",
        ran.err
    );
    bench.tj("summary --day 2025-10-24").code(1);
}

#[test]
fn a_summary_has_the_numbers_of_the_trade_log() {
    let bench = logged();
    let activity = |line: &str| bench.tj(line).fine().json()[0]["activity"].clone();
    let day = activity("summary --day 2025-10-24 --json");
    assert_eq!(
        day.to_string(),
        "{\"error_breakdown\":{\"api_error\":2},\"fees\":{\"USDT\":\"0.270\"},\"losing_trades\":0,\"net_pnl\":\"0.730\",\
               \"total_decisions\":2,\"total_errors\":2,\"total_fees\":\"0.270\",\"total_pnl\":\"1.00\",\
               \"total_trades\":2,\"win_rate\":\"1\",\"winning_trades\":2}"
    );
    let live = activity("summary --day 2025-10-24 --mode LIVE --json");
    assert_eq!(live["total_trades"], 1);
    let shown = bench.tj("summary --day 2025-10-25").fine().out;
    assert!(shown.contains("net p&l    0.365\n"), "{shown}");
    assert!(shown.contains("errors     1 (1 api_error)\n"), "{shown}");
}

#[test]
fn the_folder_of_the_files_disturbs_neither_status_nor_verify_nor_a_backup() {
    let bench = logged();
    let status = bench.tj("status").fine().out;
    let verified = bench.tj("verify").fine().out;
    fs::rename(bench.path("logs/data"), bench.path("data")).unwrap();
    assert_eq!(bench.tj("verify").fine().out, verified);
    let without = bench.tj("status").fine().out;
    let same = |text: &str| {
        let lines = text.lines().filter(|it| !it.starts_with("free disk"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(same(&status), same(&without));
    fs::rename(bench.path("data"), bench.path("logs/data")).unwrap();
    fs::create_dir(bench.path("backups")).unwrap();
    bench.tj("backup --to backups").code(0);
    bench.tj("restore backups --into restored").code(0);
    let name = "logs/data/csv/demo_trades_20251024.csv";
    assert_eq!(bench.read(&format!("restored/{name}")), bench.read(name));
}
