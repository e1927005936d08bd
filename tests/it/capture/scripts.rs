//! Fault scripts by seed: whatever the exchange does, nothing is missing that is not declared.
//!
//! A run of the suite takes 60 of them. `TJ_FAULT_SCRIPTS=1000` takes more, `TJ_FAULT_SEED=17` that one.

use std::env;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tempfile::tempdir;
use tradejournal::driver::bybit::{Health, Hosts, Run, RunNews, run};
use tradejournal::driver::sqlite::{SqliteOptions, SqliteStore};
use tradejournal::feed::bybit::{
    CaptureOptions, Category, Keys, Millis, RunStart, Timing, WriterOptions,
};
use tradejournal::time::{Clock as _, SystemClock};

use super::oracle::Found;
use super::simulator::{self, Faults, Simulator, World};

pub(super) const KEY: &str = "TESTKEY0123456789";
pub(super) const SECRET: &str = "TESTSECRET0123456789abcdefTESTSECRET";
/// How long faults happen, and how long things may settle after that.
const SPAN: Duration = Duration::from_millis(1200);
const SETTLE: Duration = Duration::from_millis(1800);
const AT_ONCE: usize = 4;

/// Waits that fit a script of a second.
pub(super) fn timing() -> Timing {
    let ms = Duration::from_millis;
    Timing {
        ping_every: ms(150),
        pong_within: ms(150),
        answer_within: ms(200),
        connect_within: ms(400),
        request_within: ms(400),
        auth_expires: Duration::from_secs(10),
        reconnect_first: ms(10),
        reconnect_max: ms(80),
        refused_again: ms(100),
        silent_max: ms(150),
        settle: ms(80),
        executions_lag: ms(350),
        compare_every: ms(300),
        retry_first: ms(20),
        retry_max: ms(200),
        forbidden: SPAN / 4 + ms(50),
        reorder: Duration::from_secs(1),
    }
}

pub(super) fn capture(category: Category, symbols: &[&str], keys: bool) -> CaptureOptions {
    CaptureOptions {
        category,
        symbols: symbols.iter().map(|it| (*it).to_owned()).collect(),
        keys: keys.then(|| Keys::new(KEY, SECRET).unwrap()),
        gap_threshold: Duration::ZERO,
        keep_raw: false,
        timing: timing(),
    }
}

pub(super) fn options(simulator: &Simulator, capture: CaptureOptions, seed: u64) -> Run {
    Run {
        capture,
        hosts: Hosts {
            sockets: simulator.ws_url(),
            requests: simulator.rest_url(),
        },
        writer: WriterOptions {
            flush: Duration::from_millis(100),
            ..WriterOptions::default()
        },
        buffer: 64 << 20,
        health_every: Duration::from_secs(60),
        seed,
    }
}

pub(super) fn start(capture: &CaptureOptions) -> RunStart {
    RunStart {
        started: Millis::of(SystemClock.now()),
        version: "test".to_owned(),
        streams: capture.streams(),
        config: "{}".to_owned(),
        is_testnet: false,
        has_account: capture.keys.is_some(),
    }
}

/// Records until `until` ends.
pub(super) fn record(
    path: &Path,
    options: Run,
    notes: Arc<Mutex<Vec<String>>>,
    until: impl FnOnce() + Send + 'static,
) -> Health {
    let store = SqliteStore::open(path, SqliteOptions::default()).unwrap();
    let start = start(&options.capture);
    let tell = move |news| {
        if let RunNews::Note(note) = news {
            notes.lock().unwrap().push(note);
        }
    };
    let stop = async move || {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        thread::spawn(move || {
            until();
            let _ = sender.send(());
        });
        let _ = receiver.await;
    };
    let clock = Arc::new(SystemClock);
    run(options, Box::new(store), &start, clock, tell, stop).unwrap()
}

/// What the client did that it must not. As many requests as may be out at once may have been on their way when
/// the exchange ordered a pause, and on a busy machine a way is long.
fn violations(simulator: &Simulator) -> Vec<String> {
    const OUT_MAX: usize = 6;
    let lines = simulator.counts().violation_lines;
    let is_pause = |it: &String| {
        ["CallBeforeReset", "CallWhileForbidden"]
            .iter()
            .any(|name| it.contains(name))
    };
    let (late, mut wrong): (Vec<String>, Vec<String>) = lines.into_iter().partition(is_pause);
    if OUT_MAX < late.len() {
        wrong.extend(late);
    }
    wrong
}

/// One script: what is wrong after it.
fn script(seed: u64) -> Result<Found, String> {
    let folder = tempdir().unwrap();
    let path = folder.path().join("recorder.db");
    let (category, symbols): (Category, [&str; 2]) = match seed % 4 {
        0 => (Category::Spot, ["BTCUSDT", "ETHUSDT"]),
        1 => (Category::Inverse, ["BTCUSD", "ETHUSD"]),
        _ => (Category::Linear, ["BTCUSDT", "ETHUSDT"]),
    };
    let of: simulator::Category = category.as_str().parse().unwrap();
    let has_account = !seed.is_multiple_of(3);
    let world = World {
        seed,
        symbols: symbols.map(|it| (of, it.to_owned())).into(),
        trades_per_second: 150.0,
        burst_every: if seed.is_multiple_of(5) { 60 } else { 0 },
        executions_per_second: if has_account { 15.0 } else { 0.0 },
        keys: has_account.then(|| (KEY.to_owned(), SECRET.to_owned())),
        first_trades: 200,
        reset_ms: 600,
        ..World::default()
    };
    let faults = Faults::seeded(seed, SPAN);
    let told = faults.to_string();
    let simulator = Simulator::start(world, faults).unwrap();
    let since = Millis::of(SystemClock.now()).0;
    let options = options(&simulator, capture(category, &symbols, has_account), seed);
    let notes = Arc::new(Mutex::new(Vec::new()));
    let simulator = Arc::new(simulator);
    let market = Arc::clone(&simulator);
    let health = record(&path, options, Arc::clone(&notes), move || {
        thread::sleep(SPAN + SETTLE);
        market.halt_market();
        thread::sleep(Duration::from_millis(300));
    });
    let found = Found::read(&path);
    let mut wrong = found.wrong(&simulator.truth(), category.as_str(), since);
    wrong.extend(violations(&simulator));
    if found.trades_len() == 0 {
        wrong.push("there is no trade at all".to_owned());
    }
    if wrong.is_empty() {
        return Ok(found);
    }
    let len = wrong.len();
    wrong.truncate(5);
    let (wrong, notes) = (wrong.join("\n  "), notes.lock().unwrap().join("\n  "));
    Err(format!(
        "seed {seed}: {len} wrong:\n  {wrong}\nnotes:\n  {notes}\nscript:\n{told}\n{:?}",
        health.tally
    ))
}

#[test]
fn what_the_exchange_made_is_there_once_or_in_a_declared_gap() {
    let seeds: Vec<u64> = match env::var("TJ_FAULT_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => {
            let count = env::var("TJ_FAULT_SCRIPTS").map_or(60, |it| it.parse().unwrap());
            (1..=count).collect()
        }
    };
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    let states = Mutex::new(std::collections::BTreeMap::<String, usize>::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(seeds.len()) {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match script(*seed) {
                        Ok(found) => {
                            let mut states = states.lock().unwrap();
                            for (state, count) in found.states {
                                *states.entry(state).or_default() += count;
                            }
                        }
                        Err(why) => failed.lock().unwrap().push(why),
                    }
                }
            });
        }
    });
    let (failed, states) = (failed.into_inner().unwrap(), states.into_inner().unwrap());
    eprintln!("gaps of {} scripts: {states:?}", seeds.len());
    assert!(
        failed.is_empty(),
        "{} failed\n{}",
        failed.len(),
        failed[..failed.len().min(3)].join("\n\n")
    );
    if seeds.len() > 20 {
        // The scripts would show nothing if nothing had ever been missing, or had come back.
        for state in ["trades filled", "ticker unfillable", "executions filled"] {
            assert!(states.contains_key(state), "{states:?}");
        }
    }
}
