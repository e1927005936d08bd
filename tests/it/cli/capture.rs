//! `tj capture`: its settings, a run against a simulated exchange, and what is said of it afterwards.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::run::Bench;
use crate::capture::simulator::{Category, Fault, Faults, Simulator, Whom, World};

const KEY: &str = "TESTKEY0123456789";
const SECRET: &str = "HIDDENSECRET0123456789abcdefHIDDENSECRET";

#[test]
fn valid_settings_are_shown_with_where_they_are_from() {
    let bench = Bench::new();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/recorder.yaml");
    bench.write("conf/recorder.yaml", fs::read(example).unwrap());
    let ran = bench.tj("capture check").fine();
    assert!(
        ran.out.starts_with("conf/recorder.yaml: valid\n"),
        "{}",
        ran.out
    );
    let default = bench.write("plain.yaml", "symbols: [BTCUSDT]\n");
    let ran = bench.tj("capture check --config plain.yaml --json").fine();
    let plain = ran.json().remove(0);
    let example = bench.tj("capture check --json").fine().json().remove(0);
    let values = |checked: &Value| {
        let rows = checked["settings"].as_array().unwrap().iter();
        rows.map(|it| (it["key"].clone(), it["value"].clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        values(&plain),
        values(&example),
        "the example shows the defaults"
    );
    let mut command = bench.command();
    command.env("RECORDER_CONFIG_PATH", default);
    command.env("TJ_BYBIT_API_KEY", KEY);
    command.env("TJ_BYBIT_API_SECRET", SECRET);
    let output = command.args(["capture", "check"]).output().unwrap();
    let ran = super::run::Ran::of(&output).fine();
    let words = |it: &str| it.split_whitespace().collect::<Vec<_>>().join(" ");
    let rows: Vec<String> = ran.out.lines().map(words).collect();
    for line in [
        "account.api_key TEST...789 (set) environment",
        "account.api_secret set environment",
        "symbols BTCUSDT file",
        "batch_size 100 default",
    ] {
        assert!(rows.iter().any(|it| it == line), "{line}\n{}", ran.out);
    }
    assert!(!ran.out.contains(SECRET) && !ran.out.contains(KEY));
}

#[test]
fn the_settings_of_the_document_are_those_of_the_example() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/CAPTURE.md");
    let document = fs::read_to_string(document).unwrap();
    let toml = document.split("```toml\n").nth(1).unwrap();
    let toml = toml.split("```").next().unwrap();
    let bench = Bench::new();
    bench.write("recorder.toml", toml);
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/recorder.yaml");
    bench.write("recorder.yaml", fs::read(example).unwrap());
    let mut checked = ["toml", "yaml"].map(|ending| {
        let line = format!("capture check --config recorder.{ending} --json");
        bench.tj(&line).fine().json().remove(0)["settings"].take()
    });
    let [toml, yaml] = &mut checked;
    assert_eq!(toml, yaml);
}

#[test]
fn settings_that_are_wrong_or_missing_end_with_2() {
    let bench = Bench::new();
    for line in ["capture check", "capture bybit"] {
        let ran = bench.tj(line).code(2);
        for word in [
            "conf/recorder.yaml",
            "recorder.yaml",
            "RECORDER_CONFIG_PATH",
            "hint: ",
        ] {
            assert!(ran.err.contains(word), "{}", ran.err);
        }
        let ran = bench.tj(&format!("{line} --config none.yaml")).code(2);
        assert!(ran.err.contains("none.yaml"), "{}", ran.err);
    }
    bench.write(
        "bad.toml",
        "symbols = [\"BTCUSDT\"]\ntesnet = true\nbatch_size = 0\n",
    );
    let ran = bench.tj("capture check --config bad.toml").code(2);
    assert_eq!(
        ran.err,
        "tj: bad.toml: line 2: unknown key `tesnet` (did you mean `testnet`?); \
         line 3: `batch_size` is a whole number from 1 to 50000\n\
         hint: `tj capture check --help` shows every setting\n"
    );
    let ran = bench.tj("capture check --config bad.toml --json").code(2);
    let checked = ran.json().remove(0);
    assert_eq!(
        (&checked["valid"], &checked["problems"][1]["line"]),
        (&false.into(), &3.into())
    );
    bench.write("recorder.txt", "symbols: [BTCUSDT]\n");
    let ran = bench.tj("capture check --config recorder.txt").code(2);
    assert!(ran.err.contains(".toml"), "{}", ran.err);
    let text = format!("symbols: [BTCUSDT]\naccount:\n  api_key: {KEY}\n  api_secret: {SECRET}\n");
    let path = bench.write("open.yaml", text);
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    let ran = bench.tj("capture check --config open.yaml").code(2);
    assert!(ran.err.contains("chmod 600 open.yaml"), "{}", ran.err);
    assert!(!ran.err.contains(SECRET) && !ran.err.contains(KEY));
}

#[test]
fn what_is_no_database_of_a_capture_is_refused() {
    let bench = Bench::new();
    for line in ["capture status none.db", "capture gaps none.db"] {
        let ran = bench.tj(line).code(3);
        assert!(ran.err.contains("there is no such file"), "{}", ran.err);
    }
    bench.write("text.db", "nothing of the kind");
    let ran = bench.tj("capture status text.db").code(3);
    assert!(ran.err.contains("text.db"), "{}", ran.err);
    bench.write(
        "recorder.yaml",
        "symbols: [BTCUSDT]\ndatabase_url: sqlite:///none/recorder.db\n",
    );
    let ran = bench.tj("capture bybit").code(3);
    assert!(ran.err.contains("there is no folder none"), "{}", ran.err);
    bench.tj("capture gaps none.db --state lost").code(2);
}

/// A capture that runs, and the objects that it tells.
struct Running {
    child: Child,
    told: BufReader<ChildStdout>,
    all: String,
}

impl Running {
    fn start(bench: &Bench, line: &str) -> Running {
        let mut command = bench.command();
        command.args(line.split_whitespace());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let told = BufReader::new(child.stdout.take().unwrap());
        Running {
            child,
            told,
            all: String::new(),
        }
    }

    /// Reads on until something is told that is wanted.
    fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let mut line = String::new();
            let len = self.told.read_line(&mut line).unwrap();
            let late = Duration::from_secs(60) < started.elapsed();
            assert!(len > 0 && !late, "{}", self.all);
            self.all.push_str(&line);
            let told = serde_json::from_str(&line).unwrap();
            if wanted(&told) {
                return told;
            }
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Its exit code, and all that it said.
    fn end(mut self) -> (Option<i32>, String) {
        self.told.read_to_string(&mut self.all).unwrap();
        let mut err = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut err).unwrap();
        (self.child.wait().unwrap().code(), self.all + &err)
    }
}

fn exchange() -> Simulator {
    let world = World {
        symbols: vec![(Category::Linear, "BTCUSDT".to_owned())],
        executions_per_second: 20.0,
        keys: Some((KEY.to_owned(), SECRET.to_owned())),
        ..World::default()
    };
    Simulator::start(world, Faults::none()).unwrap()
}

/// Settings for that exchange, which nobody but their owner can read.
fn settings(bench: &Bench, exchange: &Simulator) {
    let text = format!(
        "symbols: [BTCUSDT]\nflush_interval: 0.1\nhealth_log_interval: 0.1\nws_host: {}\nrest_host: {}\n\
         account:\n  api_key: {KEY}\n  api_secret: {SECRET}\n\
         timing:\n  reconnect_min: 0.05\n  reconnect_max: 0.2\n  settle: 0.1\n  executions_lag: 0.2\n  retry_min: 0.1\n",
        exchange.ws_url(),
        exchange.rest_url()
    );
    let path = bench.write("recorder.yaml", text);
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn wrote(told: &Value, writer: &str) -> bool {
    told["writers"][writer]["rows"]
        .as_u64()
        .is_some_and(|it| it > 0)
}

/// No byte of any file but the settings has a secret in it.
fn no_secret_in(bench: &Bench) {
    for entry in fs::read_dir(bench.path("")).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("recorder.yaml") {
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        for secret in [KEY, SECRET] {
            let is_there = bytes
                .windows(secret.len())
                .any(|it| it == secret.as_bytes());
            assert!(!is_there, "{}", path.display());
        }
    }
}

#[test]
fn a_capture_ends_by_a_signal_and_its_database_tells_what_happened() {
    let bench = Bench::new();
    let exchange = exchange();
    settings(&bench, &exchange);
    let mut running = Running::start(
        &bench,
        "capture bybit --json --debug --metrics-file tj.prom",
    );
    let start = running.until(|it| it["event"] == "start");
    assert_eq!(start["settings"]["account.api_key"], "TEST...789 (set)");
    running.until(|it| {
        ["trades", "tickers", "executions", "wallets"]
            .iter()
            .all(|name| wrote(it, name))
    });
    let ran = bench.tj("capture status recorder.db").fine();
    assert!(
        ran.out.starts_with("recorder.db: a capture has it now\n"),
        "{}",
        ran.out
    );
    let second = bench.tj("capture bybit").code(3);
    assert!(
        second.err.contains("another capture has it"),
        "{}",
        second.err
    );
    exchange.fault(&Fault::Close1006 { whom: Whom::All });
    running.until(|it| it["event"] == "step" && it["text"].as_str().unwrap().contains("ended: "));
    let health = running.until(|it| {
        it["gaps"]["unfillable"].as_u64().is_some_and(|it| it > 0)
            && it["gaps"]["filled"].as_u64().is_some_and(|it| it > 0)
            && it["missing"] == 0
    });
    assert_eq!(
        health["connections"],
        serde_json::json!({"open": 2, "all": 2})
    );
    assert!(health["reconnects"].as_u64().unwrap() >= 2, "{health}");
    let began = Instant::now();
    running.signal(Signal::TERM);
    let (code, all) = running.end();
    assert_eq!(code, Some(0), "{all}");
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    let last: Value = serde_json::from_str(all.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["event"], &last["waiting"]),
        (&"end".into(), &0.into())
    );
    assert!(!all.contains(SECRET) && !all.contains(KEY));
    let numbers = bench.read("tj.prom");
    assert!(
        numbers.contains("\ntj_capture_rows_written_total{writer=\"trades\"} "),
        "{numbers}"
    );

    let ran = bench.tj("capture status recorder.db --json").code(0);
    let status = ran.json().remove(0);
    assert_eq!(status["last_run"]["status"], "completed");
    assert_eq!(
        (&status["running"], &status["runs"]),
        (&false.into(), &1.into())
    );
    assert_eq!(
        status["tables"]["public_trades"],
        last["writers"]["trades"]["rows"]
    );
    assert_eq!(status["newest"][0]["kind"], "trades");
    let ran = bench
        .tj("capture gaps recorder.db --state unfillable")
        .fine();
    assert!(
        ran.out.contains("ticker of linear BTCUSDT") && ran.out.contains("disconnect"),
        "{}",
        ran.out
    );
    let gaps = bench
        .tj("capture gaps recorder.db --symbol BTCUSDT --json")
        .fine()
        .json();
    assert!(gaps.iter().any(|it| it["stream"] == "trades"), "{gaps:?}");
    assert!(gaps.iter().all(|it| it["symbol"] == "BTCUSDT"), "{gaps:?}");
    no_secret_in(&bench);
    exchange.stop();
}

#[test]
fn a_capture_that_was_killed_needs_a_person_and_the_next_one_goes_on() {
    let bench = Bench::new();
    let exchange = exchange();
    settings(&bench, &exchange);
    let mut running = Running::start(&bench, "capture bybit --json");
    running.until(|it| wrote(it, "trades"));
    running.signal(Signal::KILL);
    assert_eq!(running.end().0, None);
    let ran = bench.tj("capture status recorder.db").code(1);
    assert!(
        ran.out
            .contains("needs a person: run 1 did not end, and its process is gone"),
        "{}",
        ran.out
    );
    let mut running = Running::start(&bench, "capture bybit --json");
    running.until(|it| {
        it["text"]
            .as_str()
            .is_some_and(|it| it.contains("marked as crashed"))
    });
    running.until(|it| wrote(it, "trades"));
    running.signal(Signal::INT);
    let (code, all) = running.end();
    assert_eq!(code, Some(0), "{all}");
    let gaps = bench.tj("capture gaps recorder.db --json").fine().json();
    assert!(gaps.iter().any(|it| it["cause"] == "restart"), "{gaps:?}");
    no_secret_in(&bench);
    exchange.stop();
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let bench = Bench::new();
    let exchange = exchange();
    settings(&bench, &exchange);
    let mut running = Running::start(&bench, "capture bybit --json");
    running.until(|it| wrote(it, "trades"));
    let other = rusqlite::Connection::open(bench.path("recorder.db")).unwrap();
    other.busy_timeout(Duration::from_secs(10)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    running.until(|it| it["text"].as_str().is_some_and(|it| it.contains("locked")));
    running.signal(Signal::TERM);
    running.until(|it| {
        it["text"]
            .as_str()
            .is_some_and(|it| it.starts_with("SIGTERM: "))
    });
    running.signal(Signal::INT);
    assert_eq!(running.end().0, Some(130));
}

#[test]
fn an_exchange_that_answers_nothing_holds_up_no_end() {
    let bench = Bench::new();
    let exchange = exchange();
    // Whoever asks there is connected, and hears nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    settings(&bench, &exchange);
    let text = bench.read("recorder.yaml");
    let silent_url = format!("http://{}", silent.local_addr().unwrap());
    bench.write(
        "recorder.yaml",
        text.replace(&exchange.rest_url(), &silent_url),
    );
    let mut running = Running::start(&bench, "capture bybit --json");
    running.until(|it| wrote(it, "trades"));
    let began = Instant::now();
    running.signal(Signal::TERM);
    let (code, all) = running.end();
    assert_eq!(code, Some(0), "{all}");
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
}
