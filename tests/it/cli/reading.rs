//! `tj tail`, `tj query` and `tj status`.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::Stdio,
};

use super::run::{Bench, trade, trades};

/// A journal with a closed day, an archived one, and one line an exit.
fn demo() -> Bench {
    let bench = Bench::new();
    bench.tj("demo").fine();
    fs::rename(bench.path("demo/logs"), bench.path("logs")).unwrap();
    bench
}

/// The one day of trades.
fn day(bench: &Bench) -> PathBuf {
    fs::read_dir(bench.path("logs/trades"))
        .unwrap()
        .map(|it| it.unwrap().path())
        .find(|it| it.extension().is_some_and(|it| it == "jsonl"))
        .unwrap()
}

#[test]
fn the_last_records_are_shown_as_a_table() {
    let bench = Bench::new();
    bench.tj_with("append trades", trades(3).as_bytes()).fine();
    let ran = bench.tj("tail trades -n 2").fine();
    assert_eq!(
        ran.out,
        "\
seq  time                 symbol  action  qty   price  outcome  net p&l  strategy            order    mode   why
  1  2025-10-26 14:32:15  AAPL    BUY      50  150.25  open              bull-flag-breakout  order-1  PAPER  Broke out
  2  2025-10-26 14:32:15  AAPL    BUY      50  150.25  open              bull-flag-breakout  order-2  PAPER  Broke out
"
    );
    bench.write("tj.toml", "[time]\nzone = \"America/New_York\"\n");
    let ran = bench.tj("tail trades -n 1").fine();
    assert!(ran.out.contains("2025-10-26 10:32:15"), "{}", ran.out);
    let ran = bench.tj("tail trades --json").fine();
    let file = bench.shell("cat logs/trades/*.jsonl").fine();
    assert_eq!(ran.out, file.out);
    assert_eq!(bench.tj("tail fills").code(1).err, "no records in fills\n");
}

#[test]
fn a_text_in_a_record_cannot_drive_the_terminal() {
    let bench = Bench::new();
    let line = trade("order-1", "AAPL", "150.25")
        .replace("Broke out", "\\u001b[2J\\u202egone\\nnext")
        + "\n";
    bench.tj_with("append trades", line.as_bytes()).fine();
    for command in ["tail trades", "query trades"] {
        let ran = bench.tj(command).fine();
        assert!(
            ran.out.contains("\\u{1b}[2J\\u{202e}gone\\nnext"),
            "{}",
            ran.out
        );
        assert_eq!(ran.out.lines().count(), 2);
    }
}

#[test]
fn every_stream_has_a_table() {
    let bench = demo();
    for (stream, wanted) in [
        ("trades", "strategy"),
        ("risk-management", "severity"),
        ("performance-alerts", "win rate"),
        ("sessions", "session"),
        ("audit", "day_closed"),
    ] {
        let ran = bench.tj(&format!("tail {stream}")).fine();
        assert!(ran.out.contains(wanted), "{}", ran.out);
    }
}

#[test]
fn questions_are_answered_exactly() {
    let bench = demo();
    let all = bench.shell("cat logs/trades/2025-10-27.jsonl").fine().out;
    let lines: Vec<serde_json::Value> = all
        .lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    let ran = bench.tj("query trades --json").fine();
    assert_eq!(ran.out, all);
    let count =
        |ask: &dyn Fn(&serde_json::Value) -> bool| lines.iter().filter(|it| ask(it)).count();
    let asked = |flags: &str| -> usize {
        let ran = bench.tj(&format!("query trades --count {flags}"));
        ran.out.trim().parse().unwrap()
    };
    assert_eq!(asked("--symbol AMD"), count(&|it| it["symbol"] == "AMD"));
    assert_eq!(
        asked("--action sell --outcome loss"),
        count(&|it| it["outcome"] == "loss")
    );
    assert_eq!(
        asked("--outcome open"),
        count(&|it| it["outcome"] == "open")
    );
    assert_eq!(
        asked("--where quantity=10"),
        count(&|it| it["quantity"] == 10)
    );
    assert_eq!(
        asked("--strategy ema-pullback --symbol AMD"),
        count(&|it| it["symbol"] == "AMD" && it["strategy_name"] == "ema-pullback")
    );
    assert_eq!(asked("--mode live"), 0);
    assert_eq!(
        asked("--from 2025-10-27T15:00 --to 2025-10-27T16:00:00Z"),
        count(&|it| {
            let time = it["timestamp"].as_str().unwrap();
            ("2025-10-27T15"..="2025-10-27T16").contains(&time)
        })
    );
    assert_eq!(asked("--from 2025-10-27 --to 2025-10-27"), lines.len());
    assert_eq!(asked("--to 2025-10-26"), 0);
    assert_eq!(asked("--from 24h"), 0);
    let sum: rust_decimal::Decimal = lines
        .iter()
        .filter_map(|it| it["net_profit_loss"].as_str())
        .map(|it| it.parse::<rust_decimal::Decimal>().unwrap())
        .sum();
    assert_eq!(
        bench.tj("query trades --sum net_profit_loss").fine().out,
        format!("{sum}\n")
    );
    let ran = bench.tj("query trades --limit 3 --json").fine();
    assert_eq!(ran.out.lines().count(), 3);
    let ran = bench.tj("query trades --symbol ZZZ").code(1);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", "no match\n"));
    let ran = bench.tj("query trades --symbol ZZZ --count").code(1);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("0\n", ""));
    let ran = bench.tj("query trades --where symbl=AMD").code(1);
    assert!(
        ran.err
            .contains("warning: trades has no field `symbl`; did you mean `symbol`?\n"),
        "{}",
        ran.err
    );
}

#[test]
fn a_trade_that_says_nothing_of_its_outcome_is_an_open_one() {
    let bench = Bench::new();
    let open = "\"outcome\":\"open\",";
    let mut lines = trade("order-1", "AAPL", "150.25") + "\n";
    lines += &(trade("order-2", "AAPL", "150.25").replace(open, "\"outcome\":null,") + "\n");
    lines += &(trade("order-3", "AAPL", "150.25").replace(open, "") + "\n");
    lines += &(trade("order-4", "AAPL", "150.25").replace(open, "\"outcome\":\"win\",") + "\n");
    bench.write("logs/trades/2025-10-26.jsonl", &lines);
    let asked = |flags: &str| {
        bench
            .tj(&format!("query trades --count {flags}"))
            .fine()
            .out
    };
    assert_eq!(asked("--outcome open"), "3\n");
    assert_eq!(asked("--outcome win"), "1\n");
    assert_eq!(asked("--where outcome=open"), "1\n");
    assert_eq!(asked("--outcome open --order-id order-3"), "1\n");
}

#[test]
fn csv_has_a_header_and_exact_values() {
    let bench = Bench::new();
    let odd = trade("order-1", "AAPL", "150.2500")
        .replace("Broke out", "=1+1, \\\"quoted\\\"\\nand a line");
    bench
        .tj_with("append trades", format!("{odd}\n").as_bytes())
        .fine();
    let out = bench.tj("query trades --csv").fine().out;
    let mut reader = csv::Reader::from_reader(out.as_bytes());
    let header = reader.headers().unwrap().clone();
    assert_eq!(header.len(), 28);
    assert_eq!(
        (&header[0], &header[26], &header[27]),
        ("timestamp", "config_hash", "seq")
    );
    let row = reader.records().next().unwrap().unwrap();
    let value = |name: &str| &row[header.iter().position(|it| it == name).unwrap()];
    assert_eq!(value("price"), "150.2500");
    assert_eq!(value("decision_reasoning"), "=1+1, \"quoted\"\nand a line");
    assert_eq!(value("indicators_used"), "[\"VWAP\"]");
    assert_eq!(value("account_id"), "");
    assert_eq!(value("seq"), "0");
}

#[test]
fn a_bad_line_is_named_and_the_rest_is_read() {
    let bench = Bench::new();
    bench.tj_with("append trades", trades(3).as_bytes()).fine();
    let day = day(&bench);
    let text =
        fs::read_to_string(&day)
            .unwrap()
            .replacen("\"symbol\":\"AAPL\"", "\"symbol\":\"AAPL ", 1);
    fs::File::create(&day)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let ran = bench.tj("tail trades").code(1);
    assert_eq!(ran.out.lines().count(), 3);
    let name = day.file_name().unwrap().to_str().unwrap();
    assert!(
        ran.err
            .starts_with(&format!("tj: bad line at logs/trades/{name}:1, byte 0: ")),
        "{}",
        ran.err
    );
    let ran = bench.tj("query trades").code(1);
    assert_eq!(ran.out.lines().count(), 3);
    assert!(ran.err.starts_with("tj: bad line at "), "{}", ran.err);
}

#[test]
fn following_shows_what_comes() {
    let bench = Bench::new();
    bench.tj_with("append trades", trades(1).as_bytes()).fine();
    let mut tail = bench
        .command()
        .args(["tail", "trades", "-f", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap());
    let mut next = || {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        serde_json::from_str::<serde_json::Value>(&line).unwrap()["seq"]
            .as_u64()
            .unwrap()
    };
    assert_eq!(next(), 0);
    bench.tj_with("append trades", trades(2).as_bytes()).fine();
    assert_eq!((next(), next()), (1, 2));
    bench.tj_with("append trades", trades(1).as_bytes()).fine();
    assert_eq!(next(), 3);
    tail.kill().unwrap();
    tail.wait().unwrap();
}

#[test]
fn lines_that_are_taken_back_are_told_to_who_follows() {
    let bench = Bench::new();
    bench.tj_with("append trades", trades(2).as_bytes()).fine();
    let mut tail = bench
        .command()
        .args(["tail", "trades", "-f", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap());
    for _ in 0..2 {
        lines.read_line(&mut String::new()).unwrap();
    }
    let first = fs::read_to_string(day(&bench)).unwrap();
    let first = first.split_inclusive('\n').next().unwrap();
    fs::OpenOptions::new()
        .write(true)
        .open(day(&bench))
        .unwrap()
        .set_len(first.len() as u64)
        .unwrap();
    let mut told = String::new();
    BufReader::new(tail.stderr.take().unwrap())
        .read_line(&mut told)
        .unwrap();
    assert!(
        told.starts_with("warning: lines that were read are gone from logs/trades/"),
        "{told}"
    );
    tail.kill().unwrap();
    tail.wait().unwrap();
}

#[test]
fn the_status_says_what_is_there() {
    let bench = demo();
    let ran = bench.tj("status").fine();
    assert!(ran.out.starts_with("journal demo in logs\n"), "{}", ran.out);
    assert!(ran.out.contains("free disk: "), "{}", ran.out);
    let report = &bench.tj("status --json").fine().json()[0];
    let trades = &report["streams"][0];
    assert_eq!(trades["stream"], "trades");
    assert_eq!(trades["records"], 32);
    assert_eq!(
        (&trades["first_day"], &trades["days"]),
        (&"2025-10-27".into(), &1.into())
    );
    assert_eq!(trades["writer"]["active"], false);
}

#[test]
fn a_link_is_the_journals_own_only_when_it_leads_to_one_of_its_days() {
    let bench = Bench::new();
    bench.tj_with("append trades", trades(1).as_bytes()).fine();
    let link = bench.path("logs/trades.jsonl");
    let is_foreign = || {
        let ran = bench.tj("status --json").fine();
        ran.json()[0]["streams"][0]["link_is_foreign"] == true
    };
    assert!(!is_foreign());
    for (target, wanted) in [
        ("trades/2025-10-26.jsonl", false),
        ("trades-of-last-year/2025-10-26.jsonl", true),
        ("trades/../elsewhere.jsonl", true),
        ("trades/2025-10-26.jsonl.gz", true),
        ("trades", true),
    ] {
        fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(target, &link).unwrap();
        assert_eq!(is_foreign(), wanted, "{target}");
    }
    fs::remove_file(&link).unwrap();
    assert!(!is_foreign());
    bench.write("logs/trades.jsonl", "");
    assert!(is_foreign());
}
