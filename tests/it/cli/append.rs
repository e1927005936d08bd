//! `tj append`.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    process::Stdio,
    time::Duration,
};

use super::run::{Bench, trade, trades};

fn today_lines(bench: &Bench, stream: &str) -> Vec<String> {
    let mut days: Vec<_> = fs::read_dir(bench.path(&format!("logs/{stream}")))
        .unwrap()
        .map(|it| it.unwrap().path())
        .filter(|it| it.extension().is_some_and(|it| it == "jsonl"))
        .collect();
    days.sort();
    let texts = days.iter().map(|it| fs::read_to_string(it).unwrap());
    texts
        .flat_map(|it| it.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

#[test]
fn records_are_appended_and_summed_up() {
    let bench = Bench::new();
    let ran = bench.tj_with("append trades", trades(3).as_bytes()).fine();
    assert_eq!(ran.out, "3 records appended to trades: seq 0 to 2\n");
    let ran = bench
        .tj_with("append trades -", trades(1).as_bytes())
        .fine();
    assert_eq!(ran.out, "1 record appended to trades: seq 3\n");
    bench.write("more.jsonl", trades(2));
    let ran = bench.tj("append trades more.jsonl").fine();
    assert_eq!(ran.out, "2 records appended to trades: seq 4 to 5\n");
    let lines = today_lines(&bench, "trades");
    assert_eq!(lines.len(), 6);
    let record = trades(1);
    assert!(lines[0].starts_with(record.trim_end().trim_end_matches('}')));
}

#[test]
fn every_stream_but_audit_can_be_appended_to() {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/v1");
    for stream in [
        "trades",
        "performance-alerts",
        "risk-management",
        "sessions",
        "fills",
        "decisions",
        "errors",
        "calls",
    ] {
        let golden = fs::read_to_string(format!("{fixtures}/{stream}.jsonl")).unwrap();
        // The fields of the journal are its own.
        let records: String = golden
            .lines()
            .map(|line| match line.rfind(",\"seq\":") {
                Some(end) => format!("{}}}\n", &line[..end]),
                None => format!("{line}\n"),
            })
            .collect();
        let bench = Bench::new();
        bench
            .tj_with(&format!("append {stream}"), records.as_bytes())
            .code(0);
        assert_eq!(today_lines(&bench, stream).len(), records.lines().count());
    }
    let ran = Bench::new().tj_with("append audit", b"{}").code(2);
    assert!(
        ran.err.contains("written by the journal itself"),
        "{}",
        ran.err
    );
}

#[test]
fn a_receipt_comes_as_soon_as_its_record_is_on_disk() {
    let bench = Bench::new();
    let mut child = bench
        .command()
        .args(["append", "trades", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut receipts = BufReader::new(child.stdout.take().unwrap());
    for seq in 0_usize..3 {
        // The next record is sent only when this one's receipt is here.
        writeln!(
            input,
            "{}",
            trade(&format!("order-{seq}"), "AAPL", "150.25")
        )
        .unwrap();
        let mut receipt = String::new();
        receipts.read_line(&mut receipt).unwrap();
        let receipt: serde_json::Value = serde_json::from_str(&receipt).unwrap();
        assert_eq!(receipt["seq"], seq);
        assert_eq!(receipt["line"], seq + 1);
        assert_eq!(receipt["stream"], "trades");
        assert_eq!(receipt["durable"], true);
        assert!(today_lines(&bench, "trades")[seq].contains(receipt["hash"].as_str().unwrap()));
    }
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_bad_line_is_named_with_every_wrong_field_and_stops() {
    let bench = Bench::new();
    let bad = trade("order-x", "AAPL", "150.25")
        .replace("\"quantity\":50", "\"quantity\":0")
        .replace("\"symbol\":\"AAPL\"", "\"symbol\":\"aapl\"");
    let input = format!("{}{bad}\n{}", trades(2), trades(1));
    let ran = bench.tj_with("append trades", input.as_bytes()).code(1);
    assert_eq!(
        ran.out,
        "2 records appended to trades: seq 0 to 1; 1 invalid line\n"
    );
    let lines: Vec<&str> = ran.err.lines().collect();
    assert_eq!(lines[0], "tj: line 3: no record of trades");
    assert!(
        lines[1].starts_with("  symbol: ") && lines[1].contains("\"aapl\""),
        "{}",
        ran.err
    );
    assert!(
        lines[2].starts_with("  quantity: ") && lines[2].contains("got 0"),
        "{}",
        ran.err
    );
    assert_eq!(lines.len(), 3, "{}", ran.err);
    assert_eq!(today_lines(&bench, "trades").len(), 2);
}

#[test]
fn bad_lines_can_be_skipped() {
    let bench = Bench::new();
    let input = format!("{}nonsense\n\n{}", trades(1), trades(1));
    let ran = bench
        .tj_with("append trades --on-invalid skip --json", input.as_bytes())
        .code(1);
    let lines: Vec<u64> = ran
        .json()
        .iter()
        .map(|it| it["line"].as_u64().unwrap())
        .collect();
    assert_eq!(lines, [1, 4]);
    assert!(ran.err.starts_with("tj: line 2: "), "{}", ran.err);
    assert!(
        ran.err
            .contains("2 records appended to trades: seq 0 to 1; 1 invalid line"),
        "{}",
        ran.err
    );
}

/// Hostile input: a clear error with the number of the line, and nothing half-written.
#[test]
fn hostile_input_is_refused_with_its_line() {
    let good = trade("order-1", "AAPL", "150.25");
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("nul", b"\0\0\0\0".to_vec(), "a NUL byte"),
        (
            "nul inside",
            good.replace("AAPL", "AA\0PL").into_bytes(),
            "",
        ),
        ("not utf-8", [good.as_bytes(), b"\xff"].concat(), "UTF-8"),
        (
            "duplicate",
            good.replacen('{', "{\"symbol\":\"MSFT\",", 1).into_bytes(),
            "symbol: is there more than once",
        ),
        (
            "1e400",
            good.replace("2.3", "1e400").into_bytes(),
            "risk_reward_ratio",
        ),
        ("deep", deep.into_bytes(), ""),
        (
            "bom",
            [b"\xef\xbb\xbf", good.as_bytes()].concat(),
            "byte order mark",
        ),
        (
            "seq",
            good.replacen('{', "{\"seq\":1,", 1).into_bytes(),
            "seq: is a name that the journal keeps for itself",
        ),
        (
            "dur",
            good.replacen('{', "{\"dur\":1,", 1).into_bytes(),
            "dur: is a name",
        ),
        (
            "hash",
            good.replacen('{', "{\"hash\":\"\",", 1).into_bytes(),
            "hash: is a name",
        ),
        ("list", b"[1,2]".to_vec(), "a list"),
        ("half", good.as_bytes()[..200].to_vec(), "EOF while parsing"),
        ("two", format!("{good} {good}").into_bytes(), ""),
        (
            "money as number",
            good.replace("\"150.25\"", "150.25").into_bytes(),
            "price: ",
        ),
    ];
    for (name, line, wanted) in cases {
        let bench = Bench::new();
        let input = [trades(1).as_bytes(), &line, b"\n"].concat();
        let ran = bench.tj_with("append trades", &input).code(1);
        assert!(ran.err.starts_with("tj: line 2: "), "{name}: {}", ran.err);
        assert!(ran.err.contains(wanted), "{name}: {}", ran.err);
        assert!(!ran.err.contains('\0') && ran.err.len() < 2000, "{name}");
        assert_eq!(today_lines(&bench, "trades").len(), 1, "{name}");
        // Nothing is in the way of the next one.
        bench.tj_with("append trades", trades(1).as_bytes()).fine();
    }
}

#[test]
fn empty_input_is_nothing_to_append() {
    for input in ["", "\n", "\n \r\n\n"] {
        let ran = Bench::new()
            .tj_with("append trades", input.as_bytes())
            .fine();
        assert_eq!(ran.out, "nothing appended to trades\n");
    }
}

#[test]
fn lines_may_end_with_carriage_return_and_the_last_without_any_end() {
    let bench = Bench::new();
    let input = trades(2).replace('\n', "\r\n");
    let ran = bench
        .tj_with("append trades", input.trim_end().as_bytes())
        .fine();
    assert_eq!(ran.out, "2 records appended to trades: seq 0 to 1\n");
}

#[test]
fn a_line_of_100_megabytes_is_passed_over_in_little_memory() {
    let bench = Bench::new();
    let mut child = bench
        .command()
        .args(["append", "trades", "--on-invalid", "skip"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(trades(1).as_bytes()).unwrap();
    let block = vec![b'x'; 1 << 20];
    for _ in 0..100 {
        input.write_all(&block).unwrap();
    }
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    input.write_all(b"\n").unwrap();
    input.write_all(trades(1).as_bytes()).unwrap();
    drop(input);
    let ran = super::run::Ran::of(&child.wait_with_output().unwrap()).code(1);
    assert_eq!(
        ran.out,
        "2 records appended to trades: seq 0 to 1; 1 invalid line\n"
    );
    assert_eq!(
        ran.err,
        "tj: line 2: longer than 1048576 bytes, the most that a line may have\n"
    );
    let peak = status.lines().find(|it| it.starts_with("VmHWM:")).unwrap();
    let peak_kb: u64 = peak.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(peak_kb < 64 << 10, "{peak}");
}

#[test]
fn a_record_too_long_for_a_line_is_refused() {
    let bench = Bench::new();
    // Shorter than a line may be, but not with the fields of the journal.
    let short = trade("order-1", "AAPL", "150.25");
    let missing = (1 << 20) - 50 - short.len();
    let long = short.replace("Broke out", &"x".repeat(missing));
    let ran = bench
        .tj_with("append trades", format!("{long}\n").as_bytes())
        .code(1);
    assert!(ran.err.starts_with("tj: line 1: "), "{}", &ran.err[..200]);
}

#[test]
fn unknown_fields_are_told_and_counted() {
    let bench = Bench::new();
    let odd =
        trade("order-1", "AAPL", "150.25").replacen('{', "{\"symbl\":1,\"colour\":\"red\",", 1);
    let input = format!("{odd}\n{odd}\n");
    let ran = bench
        .tj_with("append trades --json", input.as_bytes())
        .code(0);
    assert_eq!(
        ran.err,
        "warning: line 1: trades has no field `symbl`, it is not journaled; did you mean `symbol`?\n\
         warning: line 1: trades has no field `colour`, it is not journaled\n\
         warning: fields that were not journaled, in 2 records: `colour` (2 times), `symbl` (2 times)\n"
    );
    assert_eq!(
        ran.json()[1]["unknown_fields"],
        serde_json::json!(["symbl", "colour"])
    );
    assert!(!today_lines(&bench, "trades")[0].contains("colour"));
}

#[test]
fn personal_data_is_refused_unless_it_is_allowed() {
    let bench = Bench::new();
    let line =
        trade("order-1", "AAPL", "150.25").replace("Broke out", "ask ann@example.com") + "\n";
    let ran = bench.tj_with("append trades", line.as_bytes()).code(1);
    assert!(
        ran.err
            .contains("decision_reasoning: must not have an e-mail address"),
        "{}",
        ran.err
    );
    assert!(!ran.err.contains("ann@"), "{}", ran.err);
    bench.write("tj.toml", "[journal]\nallow_personal_data = true\n");
    bench.tj_with("append trades", line.as_bytes()).fine();
}

#[test]
fn who_reads_no_receipts_does_not_stop_the_appending() {
    let bench = Bench::new();
    bench.write("many.jsonl", trades(3000));
    let ran = bench.shell("tj append trades many.jsonl --json | head -n 1; echo ${PIPESTATUS[0]}");
    assert_eq!(ran.out.lines().last(), Some("0"), "{}", ran.err);
    assert_eq!(ran.err, "");
    assert_eq!(today_lines(&bench, "trades").len(), 3000);
}

#[test]
fn a_second_writer_is_told_who_has_the_stream() {
    let bench = Bench::new();
    let mut first = bench
        .command()
        .args(["append", "trades", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = first.stdin.take().unwrap();
    input.write_all(trades(1).as_bytes()).unwrap();
    let mut receipt = String::new();
    BufReader::new(first.stdout.take().unwrap())
        .read_line(&mut receipt)
        .unwrap();
    let ran = bench.tj_with("append trades", trades(1).as_bytes()).code(3);
    let pid = first.id();
    assert_eq!(
        ran.err,
        format!(
            "tj: cannot write to trades: logs/trades/LOCK is held by process {pid}\n\
             hint: process {pid} writes this stream; wait for it, or stop it. Reading needs no lock\n"
        )
    );
    assert_eq!(ran.out, "");
    // Looking is always allowed.
    bench.tj("tail trades").fine();
    let status = bench.tj("status").fine();
    assert!(
        status.out.contains(&format!("process {pid}")),
        "{}",
        status.out
    );
    drop(input);
    first.wait().unwrap();
    let status = bench.tj("status").fine();
    assert!(!status.out.contains("process"), "{}", status.out);
    std::thread::sleep(Duration::ZERO);
}

#[test]
fn a_file_that_is_not_there_is_no_append() {
    let bench = Bench::new();
    let ran = bench.tj("append trades none.jsonl").code(3);
    assert_eq!(
        ran.err,
        "tj: cannot read none.jsonl: No such file or directory (os error 2)\n"
    );
    let ran = bench.tj("append trades .").code(3);
    assert!(
        ran.err.starts_with("tj: cannot read .: is a directory"),
        "{}",
        ran.err
    );
    assert!(!bench.path("logs").exists());
}

#[test]
fn low_disk_space_writes_nothing() {
    let bench = Bench::new();
    bench.write(
        "tj.toml",
        "[journal]\nmin_free_bytes = 4000000000000000000\n",
    );
    let ran = bench.tj_with("append trades", trades(1).as_bytes()).code(3);
    assert!(ran.err.contains("line 1: "), "{}", ran.err);
    assert!(ran.err.contains("bytes are free"), "{}", ran.err);
    assert!(
        ran.err
            .contains("hint: nothing was written: free disk space"),
        "{}",
        ran.err
    );
}
