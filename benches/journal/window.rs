//! Trades into a window: how many a second, what an expiry of many minutes costs, what days of it hold in
//! memory.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tradejournal::disk::RealDisk;
use tradejournal::feed::window::{
    MemoryWindow, PublicTrade, Taker, TradeId, Window, WindowOptions,
};
use tradejournal::record::field::Pair;
use tradejournal::time::{Clock, ManualClock, SystemClock, Timestamp};

use crate::table::{Goal, Rounds, Table};

const ROUNDS: usize = 7;

pub(crate) fn symbols(count: usize) -> Vec<Pair> {
    (0..count)
        .map(|it| format!("S{it}USDT").parse().unwrap())
        .collect()
}

/// Prices of fifty levels, sizes of three places.
pub(crate) fn trade(number: u64, symbol: &Pair, time: Timestamp) -> PublicTrade {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let cents = 6_000_000 + mixed % 50 * 50;
    PublicTrade {
        id: TradeId::new(&number.to_string()).unwrap(),
        time,
        symbol: symbol.clone(),
        side: if mixed.is_multiple_of(2) {
            Taker::Buy
        } else {
            Taker::Sell
        },
        price: format!("{}.{:02}", cents / 100, cents % 100)
            .parse()
            .unwrap(),
        size: format!("{}.{:03}", mixed % 7, 1 + mixed % 999)
            .parse()
            .unwrap(),
    }
}

fn open(folder: &Path, clock: Arc<dyn Clock>, memory: &MemoryWindow) -> Window {
    let (storage, archive) = (folder.join("storage"), folder.join("archive"));
    std::fs::create_dir_all(&archive).unwrap();
    let options = WindowOptions::default().archive_after(None);
    let resident = Box::new(memory.clone());
    Window::open_on(
        Arc::new(RealDisk),
        clock,
        &storage,
        &archive,
        options,
        resident,
    )
    .unwrap()
}

/// Does what becomes due while something else is done.
fn beside<T>(window: &Window, work: impl FnOnce() -> T) -> T {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                window.tick();
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        let result = work();
        is_over.store(true, Ordering::Relaxed);
        result
    })
}

pub(crate) fn intake(table: &mut Table, folder: &Path) {
    const TRADES: u64 = 1_000_000;
    const BATCH: usize = 8192;
    let symbols = symbols(10);
    let mut rates = Rounds::new();
    for round in 0..ROUNDS {
        let window = open(
            &folder.join(round.to_string()),
            Arc::new(SystemClock),
            &MemoryWindow::default(),
        );
        let now = SystemClock.now();
        let start = now.saturating_sub(Duration::from_secs(600));
        let trades: Vec<PublicTrade> = (0..TRADES)
            .map(|it| {
                let time = start.saturating_add(Duration::from_micros(it * 600));
                trade(it, &symbols[it as usize % symbols.len()], time)
            })
            .collect();
        let took = beside(&window, || {
            let began = Instant::now();
            for batch in trades.chunks(BATCH) {
                assert_eq!(window.take(batch).unwrap().kept, batch.len() as u64);
            }
            began.elapsed()
        });
        rates.push(TRADES as f64 / took.as_secs_f64());
    }
    let what = "1,000,000 trades of ten symbols into the window, in batches of 8,192, each synced";
    table.add(what, "-", &Goal::AtLeast(500_000.0), "trades/s", &rates);
}

fn p99(mut nanos: Vec<u64>) -> f64 {
    nanos.sort_unstable();
    nanos[nanos.len() * 99 / 100] as f64 / 1000.0
}

/// Batches of ten trades, and what each took, for as long as it is wanted.
fn latencies(
    window: &Window,
    clock: &ManualClock,
    next: &mut u64,
    is_wanted: impl Fn(usize) -> bool,
) -> Vec<u64> {
    let symbol: Pair = "BTCUSDT".parse().unwrap();
    let mut nanos = Vec::new();
    while is_wanted(nanos.len()) {
        let trades: Vec<PublicTrade> = (0..10)
            .map(|it| trade(*next + it, &symbol, clock.now()))
            .collect();
        *next += 10;
        let began = Instant::now();
        window.take(&trades).unwrap();
        nanos.push(began.elapsed().as_nanos() as u64);
    }
    nanos
}

pub(crate) fn expiry(table: &mut Table, folder: &Path) {
    const SYMBOLS: usize = 4;
    const MINUTES: u64 = 2500;
    let (mut seconds, mut quiet_us, mut ratio) = (Rounds::new(), Rounds::new(), Rounds::new());
    for round in 0..5 {
        let start: Timestamp = "2024-10-23T00:00:00Z".parse().unwrap();
        let clock = Arc::new(ManualClock::new(
            start.saturating_add(Duration::from_secs(60 * (MINUTES + 1))),
        ));
        let window = open(
            &folder.join(round.to_string()),
            clock.clone(),
            &MemoryWindow::default(),
        );
        let mut next = 0;
        for minute in 0..MINUTES {
            let time = start.saturating_add(Duration::from_secs(60 * minute));
            let mut trades = Vec::new();
            for symbol in &symbols(SYMBOLS) {
                for _ in 0..50 {
                    trades.push(trade(next, symbol, time));
                    next += 1;
                }
            }
            window.take(&trades).unwrap();
        }
        clock.advance(Duration::from_secs(10));
        window.flush();
        assert_eq!(window.counts().window_minutes, SYMBOLS as u64 * MINUTES);
        let quiet = p99(latencies(&window, &clock, &mut next, |count| count < 2000));
        clock.advance(Duration::from_secs(48 * 3600));
        let is_over = AtomicBool::new(false);
        let (took, busy) = std::thread::scope(|scope| {
            let keeper = scope.spawn(|| {
                let began = Instant::now();
                window.tick();
                let took = began.elapsed();
                is_over.store(true, Ordering::Relaxed);
                took
            });
            let busy = latencies(&window, &clock, &mut next, |_| {
                !is_over.load(Ordering::Relaxed)
            });
            (keeper.join().unwrap(), busy)
        });
        let written = window.counts().files_written;
        assert!(SYMBOLS as u64 * MINUTES <= written, "{written}");
        seconds.push(took.as_secs_f64());
        quiet_us.push(quiet);
        ratio.push(p99(busy) / quiet);
    }
    table.add(
        "10,000 minutes leave the window at once",
        "-",
        &Goal::AtMost(5.0),
        "s",
        &seconds,
    );
    table.add(
        "p99 of ten trades taken and synced, quiet",
        "-",
        &Goal::None,
        "us",
        &quiet_us,
    );
    table.add(
        "p99 of the same while 10,000 minutes leave",
        "quiet",
        &Goal::AtMost(2.0),
        "x",
        &ratio,
    );
}

fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|it| it.starts_with("VmRSS:")).unwrap();
    let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1024.0
}

/// Days of 100 symbols. Their files are in memory where that can be: what is asked is what the window itself
/// holds.
pub(crate) fn days(table: &mut Table, folder: &Path) {
    const SYMBOLS: usize = 100;
    let memory = Path::new("/dev/shm");
    let folder = match memory.is_dir() {
        true => memory.join(format!("tj-bench-{}", std::process::id())),
        false => folder.to_owned(),
    };
    let start: Timestamp = "2024-10-23T00:00:00Z".parse().unwrap();
    let clock = Arc::new(ManualClock::new(start));
    let window = open(&folder, clock.clone(), &MemoryWindow::default());
    let symbols = symbols(SYMBOLS);
    let mut next = 0;
    let mut after = Vec::new();
    for hour in 1..=120_u32 {
        for _ in 0..60 {
            let mut trades = Vec::new();
            for symbol in &symbols {
                for _ in 0..5 {
                    trades.push(trade(next, symbol, clock.now()));
                    next += 1;
                }
            }
            window.take(&trades).unwrap();
            clock.advance(Duration::from_secs(60));
            window.tick();
        }
        if [49, 72, 96, 120].contains(&hour) {
            let mut mib = Rounds::new();
            mib.push(resident_mib());
            after.push((hour, mib));
        }
    }
    assert_eq!(window.counts().window_minutes, 100 * 2880 - 100);
    std::fs::remove_dir_all(&folder).unwrap();
    for (hour, mib) in &after {
        let what = format!("memory after {hour} hours of 100 symbols, five trades a minute");
        table.add(&what, "-", &Goal::None, "MiB", mib);
    }
    let mut ratio = Rounds::new();
    ratio.push(after[3].1.median() / after[0].1.median());
    table.add(
        "memory after 120 hours",
        "after 49 hours",
        &Goal::AtMost(1.05),
        "x",
        &ratio,
    );
}
