//! The rolling window: what a trade costs, whatever the size of the window; in a journal; beside a bot.

use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use rust_decimal::Decimal;
use tradejournal::books::Zone;
use tradejournal::books::metrics::{
    Basis, BreakevenStreak, Equity, Level, Metric, RollingMetrics, Rule, RuleParts, ScopeKind,
    WINDOW, Windows,
};
use tradejournal::bot::{Every, LiveMetrics, LiveOptions};
use tradejournal::desk::Ledger;
use tradejournal::journal::Journal;
use tradejournal::record::TradeRecord;

use crate::sample::{fill, journal};
use crate::table::{Cost, Goal, Ratios, Rounds, Table, thread_cpu_ns};

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
    let mut metrics = RollingMetrics::new(window, equity());
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
    let mut file = std::fs::File::create(folder.join("results.i64")).unwrap();
    std::io::Write::write_all(&mut file, &bytes).unwrap();
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

/// All trades of a journal, beside decoding and validating its records.
pub(crate) fn of_a_journal(table: &mut Table, folder: &Path) {
    let (journal, _) = journal(folder);
    fill(&journal, TRADES as u64);
    let scan = || {
        let counts = journal.read::<TradeRecord>().visit_unordered(
            || 0_u64,
            |count, entry| {
                *count += u64::from(entry.is_ok());
                ControlFlow::Continue(())
            },
        );
        assert_eq!(counts.into_iter().sum::<u64>(), TRADES as u64);
    };
    scan();
    let mut ratios = Ratios::new();
    for _ in 0..ROUNDS {
        let ours = Cost::of(|| of_all(&journal));
        ratios.push(&ours, &Cost::of(scan));
    }
    let what = "rolling metrics of a journal of 1,000,000 records";
    let beside = "decoding and validating all of them, both cores";
    table.add_ratios(what, beside, &Goal::AtMost(1.5), &ratios);
}

fn of_all(journal: &Journal) {
    let ledger = Ledger::read(journal, |error| panic!("{error}"));
    let mut metrics = RollingMetrics::new(WINDOW, equity());
    let mut count = 0;
    for trade in ledger.each_closing() {
        metrics
            .take_result(trade.unwrap().result(Basis::Net))
            .unwrap();
        count += 1;
    }
    assert_eq!(count, TRADES / 2);
}

fn equity() -> Equity {
    Equity::new(Decimal::new(100_000_000, 2)).unwrap()
}

/// What a bot's trade costs more when its windows and rules are kept.
pub(crate) fn live(table: &mut Table, folder: &Path) {
    let rule = |id: &str, metric, threshold: &str, clear: &str| {
        let parts = RuleParts {
            id: id.parse().unwrap(),
            metric,
            threshold: threshold.parse().unwrap(),
            clear: Some(clear.parse().unwrap()),
            min_trades: None,
            cooldown_trades: 0,
            cooldown: Duration::ZERO,
            remind_trades: None,
            level: Level::Warning,
        };
        Rule::new(parts, WINDOW).unwrap()
    };
    let options = LiveOptions {
        windows: Windows {
            window: WINDOW,
            equity: equity(),
            basis: Basis::Net,
            breakeven: BreakevenStreak::Ends,
        },
        scopes: vec![ScopeKind::All, ScopeKind::Strategy],
        // Rules that look at each trade and have nothing to tell.
        rules: vec![
            rule("win-rate", Metric::WinRate, "0.01", "0.02"),
            rule("factor", Metric::ProfitFactor, "0.001", "0.002"),
            rule("drawdown", Metric::MaxDrawdownPct, "-99", "-98"),
            rule("streak", Metric::ConsecutiveLosses, "20", "0"),
        ],
        every: Every::Alert,
        zone: Zone::default(),
    };
    let (journal, _) = journal(folder);
    let live = LiveMetrics::open(&journal, options).unwrap();
    let mut cost = Rounds::new();
    for round in 0..ROUNDS as u64 {
        let records: Vec<_> = (0..40_000)
            .map(|it| crate::sample::trade(round * 40_000 + it))
            .collect();
        let start = thread_cpu_ns();
        for record in &records {
            live.observe(record);
        }
        cost.push((thread_cpu_ns() - start) as f64 / records.len() as f64 / 1000.0);
    }
    assert_eq!(live.troubles(), [""; 0]);
    live.close().unwrap();
    let what = "live metrics, two windows and eight rules, CPU time a record";
    table.add(what, "-", &Goal::AtMost(1.0), "us", &cost);
}
