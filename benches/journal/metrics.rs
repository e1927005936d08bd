//! The rolling window: what a trade costs, whatever the size of the window.

use std::num::NonZeroU32;
use std::path::Path;

use rust_decimal::Decimal;
use tradejournal::books::metrics::{Equity, RollingMetrics};

use crate::table::{Goal, Rounds, Table, thread_cpu_ns};

const TRADES: usize = 1_000_000;
const ROUNDS: usize = 7;

/// Results, about as often won as lost.
fn results() -> Vec<Decimal> {
    let cents = cents().into_iter();
    cents.map(|it| Decimal::new(it, 2)).collect()
}

fn cents() -> Vec<i64> {
    let mut state = 7_u64;
    let mut results = Vec::with_capacity(TRADES);
    for _ in 0..TRADES {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let cents = (state >> 33) % 20_000;
        results.push(cents as i64 - 9_500);
    }
    results
}

/// Nanoseconds of CPU time a trade.
fn rolling(window: u32, results: &[Decimal]) -> f64 {
    let window = NonZeroU32::new(window).unwrap();
    let equity = Equity::new(Decimal::new(100_000_000, 2)).unwrap();
    let mut metrics = RollingMetrics::new(window, equity);
    let start = thread_cpu_ns();
    let mut streaks = 0;
    for result in results {
        metrics.take_result(*result).unwrap();
        let now = std::hint::black_box(metrics.fractions());
        streaks += now.consecutive_losses;
    }
    let took = (thread_cpu_ns() - start) as f64 / results.len() as f64;
    assert!(streaks != 0 && metrics.values().unwrap().total_trades == window.get());
    took
}

/// For `benches/peers/rolling.py`: the results in cents, in a file, and the seconds that ours takes.
pub(crate) fn beside_pandas(folder: &Path) {
    let bytes: Vec<u8> = cents().into_iter().flat_map(i64::to_le_bytes).collect();
    std::fs::write(folder.join("results.i64"), bytes).unwrap();
    let results = results();
    let start = std::time::Instant::now();
    rolling(20, &results);
    println!("{}", start.elapsed().as_secs_f64());
}

pub(crate) fn metrics(table: &mut Table, _: &Path) {
    let results = results();
    let (mut small, mut ratio) = (Rounds::new(), Rounds::new());
    for _ in 0..ROUNDS {
        let (of_20, of_5000) = (rolling(20, &results), rolling(5000, &results));
        small.push(of_20);
        ratio.push(of_5000 / of_20);
    }
    let what = "rolling metrics of 1,000,000 trades, window 20, CPU time a trade";
    table.add(what, "-", &Goal::AtMost(35.0), "ns", &small);
    let what = "the same with a window of 5,000";
    table.add(what, "a window of 20", &Goal::AtMost(1.3), "x", &ratio);
}
