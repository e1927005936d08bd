//! A capture that is ended, or killed, and begun again: the time between is a gap, and it is filled where it can
//! be.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tempfile::tempdir;
use tradejournal::feed::bybit::{Category, Millis};
use tradejournal::time::{Clock as _, SystemClock};

use super::oracle::Found;
use super::scripts::{capture, options, record};
use super::simulator::{self, Faults, Simulator, World};

const SYMBOLS: [&str; 2] = ["BTCUSDT", "ETHUSDT"];

#[test]
fn the_time_between_two_runs_is_a_gap_and_is_filled_where_the_exchange_still_tells_it() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("recorder.db");
    let world = World {
        seed: 7,
        symbols: SYMBOLS
            .map(|it| (simulator::Category::Linear, it.to_owned()))
            .into(),
        trades_per_second: 150.0,
        executions_per_second: 10.0,
        burst_every: 0,
        keys: Some((
            super::scripts::KEY.to_owned(),
            super::scripts::SECRET.to_owned(),
        )),
        ..World::default()
    };
    let simulator = Arc::new(Simulator::start(world, Faults::none()).unwrap());
    let since = Millis::of(SystemClock.now()).0;
    for run in 0..3 {
        let mut wanted = capture(Category::Linear, &SYMBOLS, true);
        // Longer than a run, and shorter than the time between two: what counts is when nobody was there.
        wanted.gap_threshold = Duration::from_millis(700);
        let options = options(&simulator, wanted, run);
        let market = Arc::clone(&simulator);
        record(
            &path,
            options,
            Arc::new(Mutex::new(Vec::new())),
            move || {
                thread::sleep(Duration::from_millis(1500));
                if run == 2 {
                    market.halt_market();
                    thread::sleep(Duration::from_millis(300));
                }
            },
        );
        if run < 2 {
            thread::sleep(Duration::from_millis(800));
        }
    }
    let found = Found::read(&path);
    let wrong = found.wrong(&simulator.truth(), "linear", since);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Two gaps of each stream, but for the tickers all by requests; more where the machine was so busy that a
    // connection was thought dead.
    for (state, least) in [
        ("trades filled", 4),
        ("ticker unfillable", 4),
        ("executions filled", 2),
        ("positions partly", 2),
    ] {
        let count = found.states.get(state).copied().unwrap_or_default();
        assert!(least <= count, "{state}: {:?}", found.states);
    }
}
