//! `tj inspect calls` and `tj replay diff`: recordings as a person sees them.

use std::time::Duration;

use serde_json::{Value, json};
use tradejournal::bot::{Recorder, RecorderConfig, Session, Settings};
use tradejournal::journal::{Journal, Options};
use tradejournal::record::CallRecord;
use tradejournal::record::field::JsonObject;

use super::run::Bench;
use crate::sample::{noon, time};

/// A call at 12:00 and so many milliseconds; `args` and `outcome` are JSON, an outcome of `!text` an error.
fn call(millis: u64, method: &str, args: &str, outcome: &str, role: Option<&str>) -> CallRecord {
    let at = time("2025-10-26T12:00:00Z");
    let at = at.saturating_add(Duration::from_millis(millis));
    let (result, error) = match outcome.strip_prefix('!') {
        Some(error) => (Value::Null, json!(error)),
        None => (serde_json::from_str(outcome).unwrap(), Value::Null),
    };
    let args: Value = serde_json::from_str(args).unwrap();
    let record = json!({
        "timestamp": at.to_string(), "method": method, "args": args, "kwargs": {}, "result": result,
        "error": error, "duration_ns": 1_000_000 + millis, "thread": "main", "depth": null, "role": role,
    });
    serde_json::from_value(record).unwrap()
}

/// Three polls, an order and a poll that fails.
fn day(quantity: u32) -> Vec<CallRecord> {
    let order = format!("[\"h\",\"AAPL\",{quantity},150.0]");
    let placed = r#"{"is_success":true,"order_id":12345}"#;
    vec![
        call(0, "get_last_price", "[\"AAPL\"]", "150.25", None),
        call(400, "get_last_price", "[\"MSFT\"]", "410.5", None),
        call(900, "place_limit_buy_order", &order, placed, Some("output")),
        call(1500, "get_last_price", "[\"AAPL\"]", "150.30", None),
        call(
            1900,
            "get_last_price",
            "[\"MSFT\"]",
            "!connection reset",
            None,
        ),
    ]
}

fn journal(bench: &Bench, folder: &str) -> Journal {
    let clock = noon();
    Options::new(bench.path(folder))
        .name("mine")
        .clock(clock)
        .open()
        .unwrap()
}

fn record(bench: &Bench, folder: &str, calls: &[CallRecord]) {
    let journal = journal(bench, folder);
    let writer = journal.writer::<CallRecord>().unwrap();
    writer.append_all(calls).unwrap();
    writer.close().unwrap();
}

fn gap() -> CallRecord {
    let details = r#"{"lost":12,"from":"2025-10-26T12:00:02Z","to":"2025-10-26T12:00:05Z","cause":"queue_full"}"#;
    call(2000, "recorder.gap", "[]", details, Some("gap"))
}

#[test]
fn a_recording_is_looked_into() {
    let bench = Bench::new();
    record(&bench, "logs", &day(10));
    let mut session = Settings::new("1.0.0".parse().unwrap());
    let metadata = json!({"market": "schwab", "trigger": "crontab", "git_hash": "a1b2c3d"});
    session.metadata = Some(JsonObject::of(&metadata).unwrap());
    let id = "550e8400-e29b-41d4-a716-446655440000".parse().unwrap();
    Session::start_as(&journal(&bench, "logs"), session, id).unwrap();
    let ran = bench.tj("inspect calls").fine();
    assert_eq!(
        ran.out,
        "5 calls: 1 output, 1 error, 0 inside others\n\
         from 2025-10-26 12:00:00.000 to 2025-10-26 12:00:01.900 (UTC), 2.63 a second, 3 in the busiest one at \
         2025-10-26 12:00:00\n\
         run 550e8400-e29b-41d4-a716-446655440000 from 2025-10-26 12:00:00, version 1.0.0, market schwab, \
         started by crontab, commit a1b2c3d\n\
         1 thread: main 5\n\
         method                 calls     p50     p99     max  errors  outputs  inside\n\
         get_last_price             4  1.0 ms  1.0 ms  1.0 ms       1        0       0\n\
         place_limit_buy_order      1  1.0 ms  1.0 ms  1.0 ms       0        1       0\n\
         get_last_price failed 1 time: connection reset\n"
    );
    let ran = bench
        .tj("inspect calls --json --method get_last_price --day 2025-10-26")
        .fine();
    let found = &ran.json()[0];
    assert_eq!((&found["calls"], &found["outputs"]), (&json!(4), &json!(0)));
    assert_eq!(found["calls_per_second"], "2.11");
    assert_eq!(found["methods"][0]["p50_ns"], 1_000_400);
    assert_eq!(found["methods"][0]["p99_ns"], 1_001_900);
    assert_eq!(
        found["methods"][0]["error_texts"],
        json!([{"error": "connection reset", "calls": 1}])
    );
    assert_eq!(found["sessions"][0]["market"], "schwab");
    assert_eq!(found["threads"], json!([{"thread": "main", "calls": 4}]));

    let ran = bench.tj("inspect calls --method get_last_prise").code(1);
    assert_eq!(ran.err, "no calls\nhint: did you mean `get_last_price`?\n");
    bench.tj("inspect calls --day 2025-10-25").code(1);
    let ran = bench.tj("inspect calls --day 2025-10-26 --from 1h").code(2);
    assert!(ran.err.contains("cannot be used with"), "{}", ran.err);
    let ran = bench.tj("inspect orders").code(2);
    assert!(ran.err.contains("unrecognized subcommand"), "{}", ran.err);
    bench
        .shell("set -o pipefail; tj inspect calls | head -n 1 > /dev/null")
        .fine();
}

#[test]
fn lost_calls_come_first_and_are_found() {
    let bench = Bench::new();
    let mut calls = day(10);
    calls.push(gap());
    record(&bench, "logs", &calls);
    let ran = bench.tj("inspect calls").code(1);
    let first = "12 calls are lost, from 2025-10-26 12:00:02.000 to 2025-10-26 12:00:05.000 (queue_full), seq 5\n";
    assert!(ran.out.starts_with(first), "{}", ran.out);
    let found = &bench.tj("inspect calls --json").code(1).json()[0];
    assert_eq!((&found["lost"], &found["calls"]), (&json!(12), &json!(5)));

    let ran = bench.tj("replay diff logs logs").code(1);
    assert!(ran.out.contains(&format!("A: {first}")), "{}", ran.out);
    assert!(
        ran.out.ends_with(
            "5 calls are the same, nothing differs; calls are lost or unreadable, so the recordings are not called the same\n"
        ),
        "{}",
        ran.out
    );
}

#[test]
fn a_changed_strategy_shows_its_first_different_order() {
    let bench = Bench::new();
    record(&bench, "old", &day(10));
    record(&bench, "new", &day(11));
    let ran = bench.tj("replay diff old new").code(1);
    assert_eq!(ran.err, "");
    assert_eq!(
        ran.out,
        "A: old: 5 calls, 1 output, 1 thread\n\
         B: new: 5 calls, 1 output, 1 thread\n\
         \n\
         the first divergence: other arguments\n  \
           after A  seq 1  2025-10-26 12:00:00.400  get_last_price(\"MSFT\") -> 410.5\n        \
                 B  seq 1  2025-10-26 12:00:00.400  get_last_price(\"MSFT\") -> 410.5\n  \
           expected A  seq 2  2025-10-26 12:00:00.900  place_limit_buy_order(\"h\",\"AAPL\",10,150.0) -> \
         {\"is_success\":true,\"order_id\":12345}\n  \
           got      B  seq 2  2025-10-26 12:00:00.900  place_limit_buy_order(\"h\",\"AAPL\",11,150.0) -> \
         {\"is_success\":true,\"order_id\":12345}\n    \
             args.2: expected 10, got 11\n\
         \n\
         method                 same  other args  other result  only in A  only in B\n\
         get_last_price            4           0             0          0          0\n\
         place_limit_buy_order     0           1             0          0          0\n\
         4 calls are the same; 1 with other arguments\n"
    );
    let found = &bench
        .tj("replay diff old new --json --outputs-only")
        .code(1)
        .json()[0];
    assert_eq!(found["is_same"], false);
    assert_eq!(found["counts"]["args"], 1);
    assert_eq!(found["counts"]["same"], 0);
    assert_eq!(found["first"]["kind"], "args");
    assert_eq!(found["first"]["after"], Value::Null);
    assert_eq!(
        found["first"]["changes"],
        json!([{"path": "args.2", "a": "10", "b": "11"}])
    );
    assert_eq!(found["first_output"]["b"]["seq"], 2);
    assert_eq!(
        found["first_output"]["b"]["call"]["args"],
        json!(["h", "AAPL", 11, 150.0])
    );

    let ran = bench.tj("replay diff old new --ignore args.2").fine();
    assert!(
        ran.out
            .ends_with("\n5 calls are the same, nothing differs\n"),
        "{}",
        ran.out
    );
    let ran = bench.tj("replay diff old new --ignore when").code(2);
    assert!(ran.err.contains("not a part of a call"), "{}", ran.err);
    let ran = bench.tj("replay diff old new --time-tolerance 5").code(2);
    assert!(
        ran.err.contains("write it as 50ms, 2s, 5m or 1h"),
        "{}",
        ran.err
    );
    bench
        .shell("set -o pipefail; tj replay diff old new | head -n 1 > /dev/null")
        .code(1);
}

#[test]
fn a_recording_is_a_folder_a_session_or_a_file() {
    let bench = Bench::new();
    record(&bench, "logs", &day(10));
    bench.shell("tj query calls --json > calls.jsonl").fine();
    bench.tj("replay diff logs calls.jsonl").fine();
    // Without what the journal puts at the end, in another spelling.
    bench
        .shell("sed -e 's/,\"seq\".*/}/' -e 's/150.30/150.3/' -e 's/:true/ : true/' calls.jsonl > plain.jsonl")
        .fine();
    bench
        .tj("replay diff logs plain.jsonl --time-tolerance 0s")
        .fine();

    let bad = bench
        .read("plain.jsonl")
        .replacen("\"method\"", "\"methd\"", 1);
    bench.write("bad.jsonl", bad);
    let ran = bench.tj("replay diff logs bad.jsonl").code(1);
    assert_eq!(
        ran.err,
        "tj: bad.jsonl:1: no record of calls\n  method: is missing\n"
    );
    assert!(
        ran.out.contains(
            "B: bad.jsonl: 4 calls, 1 output, 1 thread; 1 line and 0 days cannot be read\n"
        )
    );

    bench.write("empty.jsonl", "");
    let ran = bench.tj("replay diff logs empty.jsonl").code(3);
    assert_eq!(ran.err, "tj: empty.jsonl has no calls\n");
    let ran = bench.tj("replay diff logs nowhere").code(3);
    assert!(
        ran.err.starts_with("tj: no journal in nowhere: "),
        "{}",
        ran.err
    );
    bench.write("folder/note.txt", "");
    let ran = bench.tj("replay diff folder logs").code(3);
    assert!(
        ran.err.contains("hint: name the folder with the streams"),
        "{}",
        ran.err
    );
}

#[test]
fn a_session_of_the_bot_itself_ends_no_recording() {
    let bench = Bench::new();
    let clock = noon();
    let journal = Options::new(bench.path("logs"))
        .clock(clock.clone())
        .open()
        .unwrap();
    let mut runs = Vec::new();
    for side in ["BUY", "SELL"] {
        let config = RecorderConfig::new("1.0.0".parse().unwrap(), "sim");
        let recorder = Recorder::open(&journal, config).unwrap();
        runs.push(recorder.session().record().session_id());
        clock.advance(Duration::from_secs(1));
        Session::start(&journal, Settings::new("1.0.0".parse().unwrap())).unwrap();
        clock.advance(Duration::from_secs(1));
        let placed = recorder.output("place_order", &(side,), || Ok::<_, String>(1));
        assert_eq!(placed, Ok(1));
        recorder.close(Duration::from_secs(60)).unwrap();
        clock.advance(Duration::from_secs(1));
    }
    let line = format!("replay diff logs#{} logs#{}", runs[0], runs[1]);
    let ran = bench.tj(&line).code(1);
    assert!(
        ran.out.contains("expected \"BUY\", got \"SELL\""),
        "{}",
        ran.out
    );
}

#[test]
fn two_sessions_of_one_journal_are_two_recordings() {
    let bench = Bench::new();
    let clock = noon();
    let journal = Options::new(bench.path("logs"))
        .name("mine")
        .clock(clock.clone())
        .open()
        .unwrap();
    let writer = journal.writer::<CallRecord>().unwrap();
    for (start, id, quantity) in [
        (
            "2025-10-26T12:00:00Z",
            "550e8400-e29b-41d4-a716-446655440000",
            10,
        ),
        (
            "2025-10-26T13:00:00Z",
            "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
            11,
        ),
    ] {
        clock.set(time(start));
        let settings = Settings::new("1.0.0".parse().unwrap());
        Session::start_as(&journal, settings, id.parse().unwrap()).unwrap();
        let later = time("2025-10-26T12:00:00Z").until(time(start)).unwrap();
        for call in day(quantity) {
            let mut parts = call.into_parts();
            parts.timestamp = parts.timestamp.saturating_add(later);
            writer.append(&CallRecord::new(parts).unwrap()).unwrap();
        }
    }
    writer.close().unwrap();
    let ran = bench
        .tj("replay diff logs#550e logs#6ba7 --time-tolerance 1ms")
        .code(1);
    assert!(
        ran.out
            .ends_with("\n4 calls are the same; 1 with other arguments\n"),
        "{}",
        ran.out
    );
    let ran = bench.tj("replay diff logs#550e logs#77").code(2);
    assert_eq!(
        ran.err,
        "tj: logs#77: no session `77` in the journal\nhint: `tj query sessions` lists them\n"
    );
    let ran = bench.tj("replay diff logs# logs#6ba7").code(2);
    assert!(ran.err.contains("2 sessions begin with ``"), "{}", ran.err);
}

#[test]
fn a_damaged_line_is_named_and_nothing_is_called_the_same() {
    let bench = Bench::new();
    record(&bench, "logs", &day(10));
    record(&bench, "other", &day(10));
    bench
        .shell("sed -i '2s/get_last_price/get_last\\xffprice/' logs/calls/2025-10-26.jsonl")
        .fine();
    for command in ["inspect calls", "replay diff logs other"] {
        let ran = bench.tj(command).code(1);
        assert!(
            ran.err.contains("logs/calls/2025-10-26.jsonl:2, byte "),
            "{}",
            ran.err
        );
        assert!(
            ran.out.contains("1 line and 0 days cannot be read"),
            "{}",
            ran.out
        );
    }
}
