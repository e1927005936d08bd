//! Scans beside a bare search through the same bytes, typed reading beside serde_json.

use std::{fs, hint::black_box, ops::ControlFlow, path::Path};

use serde::Deserialize;
use tradejournal::record::{Stream, TradeRecord};
use tradejournal::time::Day;

use crate::sample::{fill, journal};
use crate::table::{Cost, Goal, Ratios, Table};

/// What rg and DuckDB are asked is asked here of the library, beside a search in memory.
pub(crate) fn query(table: &mut Table, folder: &Path) {
    let (journal, _) = journal(folder);
    fill(&journal, 1_000_000);
    let path = journal
        .layout()
        .day(Stream::Trades, Day::new(2025, 10, 26).unwrap());
    let bytes = fs::read(path).unwrap();
    let (mut count, mut sum) = (Ratios::new(), Ratios::new());
    for _ in 0..7 {
        let search = || {
            let found = memchr::memmem::find_iter(&bytes, br#""symbol":"AAPL""#).count();
            black_box(found);
        };
        let asked = journal.query(Stream::Trades).field("symbol", "AAPL");
        let floor = Cost::of(search);
        let counting = Cost::of(|| {
            black_box(asked.count(|it| panic!("{it}")).lines);
        });
        let summing = Cost::of(|| {
            black_box(
                asked
                    .sum("profit_loss", |it| panic!("{it}"))
                    .unwrap()
                    .values,
            );
        });
        count.push(&counting, &floor);
        sum.push(&summing, &floor);
    }
    let beside = "memmem over the same bytes in memory, one thread";
    table.add_ratios("query --count --symbol", beside, &Goal::None, &count);
    table.add_ratios(
        "query --sum profit_loss --symbol",
        beside,
        &Goal::None,
        &sum,
    );
}

/// The record with every text borrowed and nothing checked.
#[derive(Deserialize)]
#[allow(dead_code, reason = "reading the fields is what is measured")]
struct Borrowed<'a> {
    timestamp: &'a str,
    symbol: &'a str,
    action: &'a str,
    quantity: u32,
    price: &'a str,
    total_value: &'a str,
    order_id: &'a str,
    execution_mode: &'a str,
    account_id: Option<&'a str>,
    strategy_name: &'a str,
    entry_type: &'a str,
    stop_loss: Option<&'a str>,
    target: Option<&'a str>,
    decision_reasoning: &'a str,
    #[serde(borrow)]
    indicators_used: Vec<&'a str>,
    risk_reward_ratio: Option<f64>,
    outcome: Option<&'a str>,
    profit_loss: Option<&'a str>,
    hold_duration_seconds: Option<u64>,
    exit_timestamp: Option<&'a str>,
    exit_reasoning: Option<&'a str>,
    slippage: Option<&'a str>,
    commission: Option<&'a str>,
    net_profit_loss: Option<&'a str>,
    session_id: &'a str,
    bot_version: &'a str,
    config_hash: &'a str,
    seq: u64,
    dur: u64,
    hash: &'a str,
}

pub(crate) fn visit(table: &mut Table, folder: &Path) {
    let (journal, _) = journal(folder);
    fill(&journal, 500_000);
    let path = journal
        .layout()
        .day(Stream::Trades, Day::new(2025, 10, 26).unwrap());
    let bytes = fs::read(path).unwrap();
    let [mut one, mut owned] = [Ratios::new(), Ratios::new()];
    let reader = journal.read::<TradeRecord>();
    for _ in 0..7 {
        let floor = Cost::of(|| {
            for line in bytes.split(|it| *it == b'\n').filter(|it| !it.is_empty()) {
                black_box(serde_json::from_slice::<Borrowed<'_>>(line).unwrap());
            }
        });
        let visiting = Cost::of(|| {
            reader.visit_unordered(
                || (),
                |(), entry| {
                    black_box(entry.unwrap().record);
                    ControlFlow::Continue(())
                },
            );
        });
        let owning = Cost::of(|| {
            reader.visit_owned(|entry| {
                black_box(entry.unwrap());
                ControlFlow::Continue(())
            });
        });
        one.push(&floor, &visiting);
        owned.push(&floor, &owning);
    }
    let beside = "serde_json, borrowed, unchecked, one thread";
    let what = "visiting all records typed and validated, all cores";
    table.add_ratios(what, beside, &Goal::AtLeast(4.0), &one);
    let what = "the same owned and in order";
    table.add_ratios(what, beside, &Goal::AtLeast(2.0), &owned);
}
