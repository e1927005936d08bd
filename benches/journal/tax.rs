//! Tax lots: how long all trades of a life take, and how that grows.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use rust_decimal::Decimal;
use tradejournal::books::tax::{Book, Engine, Execution, Method, Options, WashRules};
use tradejournal::record::field::{Action, AssetClass};
use tradejournal::time::Timestamp;

use crate::memory::child_peak;
use crate::table::{Goal, Rounds, Table};

const ROUNDS: usize = 5;
const EXECUTIONS: usize = 1_000_000;
/// As many as that, of all.
const SYMBOLS: u64 = 200;
/// How many lots the first symbol holds before it sells one.
const LOTS: usize = 10_000;
/// Trades are of round lots. With odd ones, and losses that are replaced day after day, wash sales cut lots down to
/// single shares: a million trades came to twenty million rows, each of which is in the form.
const ROUND: u64 = 100;
/// 1 January 2015, and from one trade to the next: ten years for all of them.
const BEGIN: i64 = 1_420_070_400;
const STEP: i64 = 300;

/// As many trades: the first symbol buys until it holds `lots` lots; the others buy a little more often than
/// they sell.
fn executions(count: usize, symbols: u64, lots: usize) -> Vec<Execution<'static>> {
    let mut state = 11_u64;
    let mut random = move |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let names: Vec<String> = (0..symbols).map(|it| format!("S{it}")).collect();
    let mut held = vec![0_u64; names.len()];
    let mut all = Vec::with_capacity(count);
    let mut bought = 0;
    for number in 0..count {
        // The first symbol has its lots when a third of the trades is through.
        let is_first = symbols == 1 || (number % (count / 3 / lots).max(1) == 0 && bought < lots);
        let symbol = if is_first {
            0
        } else {
            random(symbols) as usize
        };
        bought += usize::from(is_first);
        let buys = held[symbol] == 0 || (is_first && symbols != 1) || random(100) < 52;
        let quantity = match buys {
            true => ROUND * (1 + random(5)),
            false => ROUND * (1 + random((held[symbol] / ROUND).min(6))),
        };
        match buys {
            true => held[symbol] += quantity,
            false => held[symbol] -= quantity,
        }
        all.push(Execution {
            id: Cow::Owned(format!("t{number}")),
            at: Timestamp::from_unix(BEGIN + STEP * number as i64, 0).unwrap(),
            action: if buys { Action::Buy } else { Action::Sell },
            symbol: Cow::Owned(names[symbol].clone()),
            quantity: Decimal::from(quantity),
            price: Decimal::new(5_000 + random(5_000) as i64, 2),
            commission: Decimal::new(random(200) as i64, 2),
            account_id: Cow::Borrowed("main"),
            order_id: Some(Cow::Owned(format!("o{number}"))),
            fee_asset: None,
            fee_value: None,
            asset_class: AssetClass::Equity,
            lots: Vec::new(),
            carried: None,
        });
    }
    all
}

fn options(method: Method, wash: WashRules) -> Options {
    Options {
        method,
        wash,
        ..Options::default()
    }
}

fn run(options: &Options, executions: &[Execution<'_>]) -> (Book, f64) {
    let engine = Engine::new(options.clone());
    let start = Instant::now();
    let book = engine.run(executions).unwrap();
    (book, start.elapsed().as_secs_f64())
}

pub(crate) fn tax(table: &mut Table, folder: &Path) {
    let all = executions(EXECUTIONS, SYMBOLS, LOTS);
    let fifo = options(Method::Fifo, WashRules::off());
    let hifo = options(Method::Hifo, WashRules::default());
    for (what, options, goal) in [
        ("FIFO", &fifo, Goal::AtMost(1.0)),
        ("HIFO with wash sales", &hifo, Goal::AtMost(3.0)),
    ] {
        let mut seconds = Rounds::new();
        for _ in 0..ROUNDS {
            let (book, took) = run(options, &all);
            assert!(all.len() / 3 < book.disposals.len() && LOTS <= book.open.len());
            seconds.push(took);
        }
        let what = format!("tax lots of 1,000,000 executions over 200 symbols, {what}");
        table.add(&what, "-", &goal, "s", &seconds);
        growth(table, options, &what);
    }
    let peak = child_peak("taxes", folder);
    let what = "peak memory of HIFO with wash sales, with the executions";
    table.add(what, "-", &Goal::AtMost(1000.0), "MiB", &peak);
}

/// What a trade costs where there are ten times as many: n log n is 1.25, then 1.2.
fn growth(table: &mut Table, options: &Options, what: &str) {
    let sizes = [10_000, 100_000, EXECUTIONS].map(|it| executions(it, SYMBOLS, it / 100));
    let mut growths = [Rounds::new(), Rounds::new()];
    for _ in 0..ROUNDS {
        let each = sizes
            .each_ref()
            .map(|it| run(options, it).1 / it.len() as f64);
        growths[0].push(each[1] / each[0]);
        growths[1].push(each[2] / each[1]);
    }
    for (growth, beside) in growths.iter().zip(["10,000", "100,000"]) {
        let what = format!("- {what}: a trade of ten times as many");
        table.add(&what, beside, &Goal::None, "x", growth);
    }
}

/// In a process of its own, whose memory is looked at.
pub(crate) fn in_a_child() {
    let all = executions(EXECUTIONS, SYMBOLS, LOTS);
    let (book, _) = run(&options(Method::Hifo, WashRules::default()), &all);
    eprintln!(
        "{} rows, {} washes, {} open",
        book.disposals.len(),
        book.washes.len(),
        book.open.len()
    );
    assert!(!book.washes.is_empty());
}

/// For `benches/peers/tax.py`: ten thousand trades of a coin in a file, and the seconds that ours takes.
pub(crate) fn beside_rp2(folder: &Path) {
    let mut all = executions(10_000, 1, 1);
    for it in &mut all {
        it.asset_class = AssetClass::Crypto;
    }
    let mut file = String::new();
    for it in &all {
        let (at, action) = (it.at, it.action);
        let (quantity, price, fee) = (it.quantity, it.price, it.commission);
        writeln!(file, "{at},{action},{quantity},{price},{fee}").unwrap();
    }
    std::io::Write::write_all(
        &mut std::fs::File::create(folder.join("trades.csv")).unwrap(),
        file.as_bytes(),
    )
    .unwrap();
    // Theirs runs in a process that has run before; so does ours.
    let fifo = options(Method::Fifo, WashRules::default());
    let mut runs: Vec<_> = (0..ROUNDS).map(|_| run(&fifo, &all)).collect();
    runs.sort_by(|a, b| a.1.total_cmp(&b.1));
    let (book, took) = &runs[ROUNDS / 2];
    let gain: i128 = book.disposals.iter().map(|it| it.gain().value()).sum();
    println!("{took} {gain} {}", book.disposals.len());
}
