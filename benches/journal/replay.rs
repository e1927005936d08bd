//! A recorded day, read and answered.

use std::path::Path;
use std::time::{Duration, Instant};

use tradejournal::bot::{Recorder, RecorderConfig, Replay, ReplayError, ReplayOptions, Strictness};
use tradejournal::journal::Journal;
use tradejournal::record::CallRecord;

use crate::sample::journal;
use crate::table::{Goal, Rounds, Table};

const ROUNDS: usize = 7;
/// A day of a bot that looks at 20 symbols every 3 seconds for 6.5 hours.
const CALLS: usize = 156_000;
const SYMBOLS: [&str; 20] = [
    "AAPL", "MSFT", "NVDA", "TSLA", "AMD", "GOOG", "META", "AMZN", "SPY", "QQQ", "IWM", "DIA",
    "NFLX", "INTC", "CRM", "ORCL", "IBM", "CSCO", "ADBE", "PYPL",
];

fn symbol(number: usize) -> &'static str {
    SYMBOLS[number % SYMBOLS.len()]
}

fn record(journal: &Journal) {
    let config = RecorderConfig::new("1.0.0".parse().unwrap(), "bench");
    let recorder = Recorder::open(journal, config.capacity(256 << 20)).unwrap();
    for number in 0..CALLS {
        let price = || Ok::<_, String>(100.0 + (number % 977) as f64 / 100.0);
        recorder
            .call("get_last_price", &("hash123", symbol(number)), price)
            .unwrap();
    }
    recorder.close(Duration::from_secs(60)).unwrap();
}

pub(crate) fn replay(table: &mut Table, folder: &Path) {
    let (journal, _) = journal(folder);
    record(&journal);
    for (name, strictness) in [("by key", Strictness::ByKey), ("exact", Strictness::Exact)] {
        let (mut whole, mut answers) = (Rounds::new(), Rounds::new());
        for _ in 0..ROUNDS {
            let start = Instant::now();
            let options = ReplayOptions::new().strictness(strictness);
            let replay = Replay::open(&journal, options).unwrap();
            let opened = start.elapsed();
            for number in 0..CALLS {
                let args = ("hash123", symbol(number));
                let price: Result<f64, ReplayError> = replay.call("get_last_price", &args);
                std::hint::black_box(price.unwrap());
            }
            replay.finish().unwrap();
            let took = start.elapsed();
            whole.push(took.as_secs_f64());
            answers.push((took - opened).as_nanos() as f64 / CALLS as f64);
        }
        let what = format!("replay of a day of 156,000 calls, {name}: read and answered");
        table.add(&what, "-", &Goal::AtMost(0.5), "s", &whole);
        let what = format!("of that, an answer, {name}");
        table.add(&what, "-", &Goal::AtMost(1500.0), "ns", &answers);
    }
    let mut decoded = Rounds::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let counts = journal.read::<CallRecord>().visit_unordered(
            || 0,
            |count, entry| {
                *count += usize::from(entry.is_ok());
                std::ops::ControlFlow::Continue(())
            },
        );
        assert_eq!(counts.into_iter().sum::<usize>(), CALLS);
        decoded.push(start.elapsed().as_secs_f64());
    }
    let what = "decoding and validating the same calls alone, all cores";
    table.add(what, "-", &Goal::AtMost(0.5), "s", &decoded);
}
