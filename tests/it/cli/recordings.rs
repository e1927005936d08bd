//! `tj import calls` and `tj export calls`: recordings in the other format.

use std::sync::Arc;
use std::time::Duration;

use tradejournal::bot::{Recorder, RecorderConfig, Replay, ReplayError, ReplayOptions, Strictness};
use tradejournal::journal::{Journal, Options};
use tradejournal::record::{CallRecord, SessionRecord};
use tradejournal::time::ManualClock;

use super::run::Bench;
use crate::sample::time;

const META: &str = r#"{"meta": {"market": "schwab", "filename": "market_data_schwab_20240109.jsonl", "start_time": "2024-01-08T09:30:00", "trigger": "crontab", "git_hash": "a1b2c3d...", "trader_version": "v1.0"}}"#;
const PRICE: &str = r#"{"ts": 1704724201.123456, "method": "get_last_price", "args": ["AAPL"], "kwargs": {}, "result": 185.2, "error": null}"#;
const ORDER: &str = r#"{"ts": 1704726000.123456, "method": "place_limit_buy_order", "args": ["hash123", "AAPL", 10, 150.0], "kwargs": {}, "result": {"is_success": true, "order_id": 12345}, "error": null}"#;
const FAILED: &str = r#"{"ts": 1704726000.5, "method": "get_cash", "args": ["hash123"], "kwargs": {"retry": 2}, "result": null, "error": "('Connection aborted.', TimeoutError())"}"#;

const FILE: &str = "records/market_data_schwab_20240108.jsonl";

fn recording() -> String {
    // The same call twice at one instant: two threads made it.
    [META, PRICE, PRICE, ORDER, FAILED].join("\n") + "\n"
}

fn journal(bench: &Bench) -> Journal {
    Journal::open(bench.path("logs")).unwrap()
}

fn calls(bench: &Bench) -> Vec<CallRecord> {
    let calls = journal(bench).read::<CallRecord>();
    calls.iter().map(|it| it.unwrap().record).collect()
}

#[test]
fn a_recording_of_another_program_is_taken_with_its_run_and_replays() {
    let bench = Bench::new();
    bench.write("old.jsonl", recording());
    let line = "import calls old.jsonl --timezone America/New_York";
    let ran = bench.tj(&format!("{line} --dry-run")).fine();
    let wanted = "\
files                   1
new calls               4
new sessions            1
time                    2024-01-08T14:30:01.123456Z to 2024-01-08T15:00:00.500Z
";
    assert_eq!(ran.out, format!("{wanted}nothing was written: a dry run\n"));
    assert!(!bench.path("logs").exists());
    let ran = bench.tj(line).fine();
    assert_eq!(ran.out, format!("{wanted}5 records were written\n"));

    let sessions = journal(&bench).read::<SessionRecord>();
    let sessions: Vec<SessionRecord> = sessions.iter().map(|it| it.unwrap().record).collect();
    assert_eq!(sessions.len(), 1);
    let parts = sessions[0].parts();
    assert_eq!(parts.start_timestamp, time("2024-01-08T14:30:00Z"));
    assert_eq!(parts.bot_version.as_str(), "1.0.0");

    let options = ReplayOptions::new().strictness(Strictness::Exact);
    let replay = Replay::open(&journal(&bench), options.session(parts.session_id)).unwrap();
    for _ in 0..2 {
        let price: Result<f64, ReplayError> = replay.call("get_last_price", &["AAPL"]);
        assert_eq!(price.unwrap().to_string(), "185.2");
    }
    let order: Result<serde_json::Value, ReplayError> =
        replay.output("place_limit_buy_order", &("hash123", "AAPL", 10, 150));
    assert_eq!(order.unwrap()["order_id"], 12345);
    let asked = tradejournal::bot::replay::Asked::of("get_cash", &["hash123"]).unwrap();
    let asked = asked.named(&serde_json::json!({"retry": 2})).unwrap();
    let cash: Result<f64, ReplayError> = replay.call_of(asked);
    let wanted = "('Connection aborted.', TimeoutError())";
    assert_eq!(cash.unwrap_err().to_string(), wanted);
    replay.finish().unwrap();
}

#[test]
fn a_recording_does_not_come_in_twice() {
    let bench = Bench::new();
    bench.write("old.jsonl", recording());
    bench.write("same.jsonl", recording());
    let line = "import calls old.jsonl same.jsonl --timezone America/New_York";
    // The same file under two names: each call is there once, or twice as in one of them.
    let ran = bench.tj(line).code(1);
    assert!(
        ran.out.contains("in an earlier file      4\n"),
        "{}",
        ran.out
    );
    assert!(ran.err.starts_with(
        "tj: same.jsonl:2: the same call as in an earlier file (get_last_price, 2024-01-08T14:30:01.123456Z)\n"
    ), "{}", ran.err);
    assert!(!bench.path("logs/calls").exists());
    bench.tj(&format!("{line} --on-invalid skip")).code(1);
    assert_eq!(calls(&bench).len(), 4);

    let ran = bench
        .tj("import calls old.jsonl --timezone America/New_York")
        .code(1);
    assert!(
        ran.out
            .contains("new calls               0\nnew sessions            0\n"),
        "{}",
        ran.out
    );
    assert!(
        ran.out.contains("already in the journal  4\n"),
        "{}",
        ran.out
    );
    assert_eq!(ran.err, "hint: there is nothing new to import\n");
    // A file that grew: what is new comes in.
    let more = PRICE.replace("201.123456", "209.5");
    bench.write("old.jsonl", recording() + &more + "\n");
    let line = "import calls old.jsonl --timezone America/New_York --on-invalid skip --json";
    let ran = bench.tj(line).code(1);
    let told = &ran.json()[0];
    let counts =
        ["records", "sessions", "journaled", "written"].map(|it| told[it].as_u64().unwrap());
    assert_eq!(counts, [1, 0, 4, 1]);
    assert_eq!(calls(&bench).len(), 5);
}

#[test]
fn secrets_of_other_recorders_stay_outside_unless_they_are_wanted() {
    let bench = Bench::new();
    let secret = PRICE.replace("185.2", r#"{"access_token": "leak", "price": 185.2}"#);
    bench.write("a.jsonl", &secret);
    bench.tj("import calls a.jsonl").fine();
    let ran = bench.tj("query calls").fine();
    assert!(
        !ran.out.contains("leak") && ran.out.contains("[redacted]"),
        "{}",
        ran.out
    );
    // It is the same call when it comes again.
    bench.tj("import calls a.jsonl").code(1);
    bench
        .tj("import calls --keep-secrets a.jsonl --dir kept")
        .fine();
    assert!(
        bench
            .tj("query calls --dir kept")
            .fine()
            .out
            .contains("leak")
    );
    let ran = bench.tj("import trades --keep-secrets a.jsonl").code(2);
    assert!(
        ran.err.contains("--keep-secrets is about calls"),
        "{}",
        ran.err
    );
}

#[test]
fn a_bad_line_is_named_and_nothing_is_written_unless_it_is_skipped() {
    let bench = Bench::new();
    let nan = PRICE.replace("185.2", "NaN");
    let fine = PRICE.replace("\"ts\": 1704724201.123456", "\"ts\": 1704724202");
    let cut = &ORDER[..80];
    let bad = ORDER
        .replace("1704726000.123456", "\"now\"")
        .replace("\"kwargs\": {}, ", "");
    bench.write("a.jsonl", [PRICE, &nan, &fine, cut, &bad].join("\n"));
    let ran = bench.tj("import calls a.jsonl").code(1);
    let told: Vec<&str> = ran.err.lines().collect();
    assert!(
        told[0].starts_with("tj: a.jsonl:2: not a JSON object: NaN, which is no JSON"),
        "{}",
        ran.err
    );
    assert!(
        told[1].starts_with("tj: a.jsonl:4: not a JSON object: "),
        "{}",
        ran.err
    );
    assert_eq!(told[2], "tj: a.jsonl:5: no record of calls");
    assert!(
        told[3].starts_with("  ts: must be unix seconds"),
        "{}",
        ran.err
    );
    assert_eq!(told[4], "  kwargs: is missing");
    assert_eq!(told[5], "hint: --on-invalid skip imports the rest");
    assert!(ran.out.ends_with("nothing was written\n"));
    let ran = bench.tj("import calls a.jsonl --on-invalid skip").code(1);
    assert!(ran.out.ends_with("2 records were written\n"), "{}", ran.out);
    assert_eq!(calls(&bench).len(), 2);
    // The zone of a run is not guessed.
    bench.write("b.jsonl", recording());
    let ran = bench.tj("import calls b.jsonl").code(1);
    assert!(
        ran.err.contains(
            "start_time: must be the time when the run began (has no zone: name it with --timezone)"
        ),
        "{}",
        ran.err
    );
    bench.tj("import trades a.jsonl --output send").code(2);
}

/// Two runs of two markets with outputs, errors, nested calls and keyword arguments.
fn recorded(bench: &Bench) -> Vec<CallRecord> {
    let clock = Arc::new(ManualClock::new(time("2024-01-08T14:30:00.000000001Z")));
    let journal = Options::new(bench.path("logs"))
        .clock(Arc::clone(&clock) as _)
        .open()
        .unwrap();
    for (market, symbol) in [("schwab", "AAPL"), ("korea", "005930"), ("schwab", "MSFT")] {
        let config = RecorderConfig::new("1.2.3".parse().unwrap(), market).git_hash("a1b2c3d");
        let recorder = Recorder::open(&journal, config).unwrap();
        for round in 0..5_u32 {
            clock.advance(Duration::from_nanos(1_234_567));
            let price = || match round {
                3 => Err("rate limit".to_owned()),
                _ => Ok([0.5, 1.5, 2.5, 3.5, 4.5][round as usize]),
            };
            let _ = recorder.call("get_last_price", &[symbol], price);
            let send = || {
                let inner: Result<u32, String> = recorder.call("get_hashs", &(), || Ok(1));
                inner.map(|it| it + round)
            };
            let _ = recorder.output("send", &(symbol, round), send);
        }
        let named =
            recorder.begin_named("get_cash", &["hash123"], &serde_json::json!({"retry": 2}));
        named.end::<u32, String>(&Ok(7));
        recorder.close(Duration::from_secs(60)).unwrap();
        clock.advance(Duration::from_secs(8 * 3600));
    }
    calls(bench)
}

#[test]
fn an_export_comes_back_as_the_same_recording_and_replays() {
    let bench = Bench::new();
    let recorded = recorded(&bench);
    let ran = bench.tj("export calls --format market-data").fine();
    assert_eq!(
        ran.out,
        "records/market_data_korea_20240108.jsonl: 1 sessions, 11 calls\n\
         records/market_data_schwab_20240108.jsonl: 1 sessions, 11 calls\n\
         records/market_data_schwab_20240109.jsonl: 1 sessions, 11 calls\n\
         15 calls were made inside of others, and are left out\n"
    );
    let text = bench.read(FILE);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 12);
    let meta: serde_json::Value = serde_json::from_str(lines[0]).unwrap();
    assert_eq!(
        meta["meta"]["filename"],
        "market_data_schwab_20240108.jsonl"
    );
    assert_eq!(meta["meta"]["start_time"], "2024-01-08T14:30:00.000000001Z");
    assert_eq!(meta["meta"]["git_hash"], "a1b2c3d");
    assert_eq!(meta["meta"]["outputs"], serde_json::json!(["send"]));
    assert_eq!(
        lines[1],
        r#"{"ts":1704724200.001234568,"method":"get_last_price","args":["AAPL"],"kwargs":{},"result":0.5,"error":null}"#
    );

    // Into the journal that it is from: nothing is new.
    let files = "records/market_data_schwab_20240108.jsonl records/market_data_korea_20240108.jsonl records/market_data_schwab_20240109.jsonl";
    let ran = bench.tj(&format!("import calls {files}")).code(1);
    assert!(
        ran.out
            .contains("new calls               0\nnew sessions            0\n"),
        "{}",
        ran.out
    );

    // Into another: the same calls, of the same runs.
    let ran = bench
        .tj(&format!("import calls {files} --dir other"))
        .fine();
    assert!(
        ran.out.ends_with("36 records were written\n"),
        "{}",
        ran.out
    );
    let other = Journal::open(bench.path("other")).unwrap();
    let outer = recorded.iter().filter(|it| it.depth().is_none());
    let again = other
        .read::<CallRecord>()
        .iter()
        .map(|it| it.unwrap().record);
    let shown = |call: &CallRecord| {
        let is_output = call.role().is_some_and(|it| it.as_str() == "output");
        let parts = call.parts().clone();
        (
            parts.timestamp,
            parts.method,
            parts.args,
            parts.kwargs,
            parts.result,
            parts.error,
            is_output,
        )
    };
    let again: Vec<_> = again.map(|it| shown(&it)).collect();
    assert_eq!(again, outer.map(shown).collect::<Vec<_>>());
    for session in journal(&bench).read::<SessionRecord>() {
        let session = session.unwrap().record.session_id();
        let options = || {
            ReplayOptions::new()
                .strictness(Strictness::Exact)
                .session(session)
        };
        let [ours, theirs] =
            [journal(&bench), other.clone()].map(|it| Replay::open(&it, options()).unwrap());
        assert_eq!((ours.len(), theirs.len()), (11, 11));
        for replay in [ours, theirs] {
            let symbol = ["AAPL", "005930", "MSFT"]
                .into_iter()
                .find(|it| {
                    replay
                        .call::<f64, ReplayError>("get_last_price", &[it])
                        .is_ok()
                })
                .unwrap();
            for round in 0..5_u32 {
                if round != 0 {
                    let price: Result<f64, ReplayError> = replay.call("get_last_price", &[symbol]);
                    assert_eq!(price.is_err(), round == 3);
                }
                let sent: Result<u32, ReplayError> = replay.output("send", &(symbol, round));
                assert_eq!(sent.unwrap(), round + 1);
            }
        }
    }
}

#[test]
fn what_a_file_says_of_its_outputs_is_not_said_of_another() {
    let roles = |files: &str| {
        let bench = Bench::new();
        let cancel = |ts: &str| {
            PRICE
                .replace("get_last_price", "cancel")
                .replace("1704724201.123456", ts)
        };
        let told = META.replace("\"market\"", "\"outputs\": [\"cancel\"], \"market\"");
        bench.write("a.jsonl", cancel("1704724201"));
        bench.write("b.jsonl", [told, cancel("1704724202")].join("\n"));
        bench
            .tj(&format!("import calls --timezone UTC {files}"))
            .fine();
        let mut roles: Vec<_> = calls(&bench)
            .iter()
            .map(|it| {
                (
                    it.timestamp().unix_secs(),
                    it.role().map(|it| it.as_str().to_owned()),
                )
            })
            .collect();
        roles.sort();
        roles
    };
    let output = Some("output".to_owned());
    let expected = [(1_704_724_201, None), (1_704_724_202, output)];
    assert_eq!(roles("a.jsonl b.jsonl"), expected);
    assert_eq!(roles("b.jsonl a.jsonl"), expected);
}

#[test]
fn an_export_goes_into_a_file_and_nowhere_else() {
    let bench = Bench::new();
    recorded(&bench);
    std::fs::create_dir(bench.path("folder")).unwrap();
    let line = "export calls --format market-data --force --out";
    let ran = bench.tj(&format!("{line} folder")).code(3);
    assert_eq!(
        ran.err,
        "tj: folder is a folder, and a file is to be there\nhint: --out - prints it\n"
    );
    let ran = bench.tj(&format!("{line} new/")).code(3);
    assert_eq!(
        ran.err,
        "tj: new/ names a folder\nhint: --into names the folder of the files\n"
    );
    std::os::unix::fs::symlink("elsewhere", bench.path("link")).unwrap();
    let ran = bench.tj(&format!("{line} link")).code(3);
    assert!(ran.err.starts_with("tj: link is a link"), "{}", ran.err);
    assert!(!bench.path("link.part").exists() && !bench.path("folder.part").exists());
}

#[test]
fn an_export_replaces_no_file_and_can_be_cut() {
    let bench = Bench::new();
    recorded(&bench);
    bench.write(FILE, "mine\n");
    let line = "export calls --format market-data --market schwab --to 2024-01-08";
    let ran = bench.tj(line).code(3);
    assert_eq!(
        ran.err,
        format!("tj: {FILE} is there already\nhint: --force replaces it\n")
    );
    assert_eq!(bench.read(FILE), "mine\n");
    let told = bench.tj(&format!("{line} --force --json")).fine().json();
    assert_eq!(told[0]["files"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&told[0]["calls"], &told[0]["nested"]),
        (&11.into(), &5.into())
    );
    assert_eq!(bench.read(FILE).lines().count(), 12);

    let ran = bench
        .tj("export calls --format market-data --out -")
        .code(0);
    let note = "15 calls were made inside of others, and are left out\n";
    assert_eq!(ran.err, note);
    assert_eq!(ran.out.lines().count(), 36);
    let later = "export calls --format market-data --from 2024-01-08T20:00:00Z --out all.jsonl";
    bench.tj(later).fine();
    let text = bench.read("all.jsonl");
    assert!(text.lines().count() == 24 && !bench.path("all.jsonl.part").exists());
    let unknown =
        "export calls --format market-data --session 550e8400-e29b-41d4-a716-446655440000";
    let ran = bench.tj(unknown).code(3);
    assert!(
        ran.err.starts_with("tj: there is no run 550e8400"),
        "{}",
        ran.err
    );
}
