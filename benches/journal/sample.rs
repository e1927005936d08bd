//! Journals of records of about the size that the seed's example has.

use std::{path::Path, sync::Arc, time::Duration};

use tradejournal::journal::{Durability, Journal, Options, Writer, WriterOptions};
use tradejournal::record::field::{Action, ConfigHash, ExecutionMode};
use tradejournal::record::{Stamp, TradeRecord};
use tradejournal::time::{ManualClock, Timestamp};

const SYMBOLS: [&str; 10] = [
    "AAPL", "MSFT", "NVDA", "TSLA", "AMD", "GOOG", "META", "AMZN", "SPY", "QQQ",
];

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Entries and exits in turn; the numbers differ from record to record, the shapes do not.
pub(crate) fn trade(number: u64) -> TradeRecord {
    let stamp = Stamp {
        session_id: "550e8400-e29b-41d4-a716-446655440000".parse().unwrap(),
        bot_version: "1.0.0".parse().unwrap(),
        config_hash: ConfigHash::of(b"max_position_pct = 5"),
    };
    let at =
        time("2025-10-26T00:00:00.123Z").saturating_add(Duration::from_millis(number / 2 * 80));
    // A multiplicative hash, so that symbols do not stand in a pattern.
    let mixed = (number / 2).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let symbol = SYMBOLS[(mixed % 10) as usize];
    let cents = 1000 + mixed % 49_000;
    let price = |cents: u64| format!("{}.{:02}", cents / 100, cents % 100);
    let entry = TradeRecord::entry(
        symbol,
        Action::Buy,
        1 + (mixed % 500) as i64,
        &*price(cents),
    )
    .at(at)
    .order_id(format!("order-{:09}", number / 2).as_str())
    .mode(ExecutionMode::Paper)
    .strategy("bull-flag-breakout", "breakout")
    .because("Bull flag breakout above $150 resistance, strong premarket volume (300% of avg)")
    .indicators(["VWAP", "EMA-9", "Volume"])
    .stop_loss(&*price(cents - 100))
    .target(&*price(cents + 300))
    .risk_reward("2.3")
    .slippage("0.05")
    .commission("0.00")
    .stamp(&stamp)
    .build()
    .unwrap();
    if number.is_multiple_of(2) {
        return entry;
    }
    let exit = price(cents - 90 + mixed % 200);
    entry
        .exit(at.saturating_add(Duration::from_secs(mixed % 3600)), &*exit)
        .because("Target zone reached, volume fading")
        .commission("0.50")
        .stamp(&stamp)
        .build()
        .unwrap()
}

/// The first `count` of them.
pub(crate) fn trades(count: u64) -> Vec<TradeRecord> {
    (0..count).map(trade).collect()
}

/// About as long as the line of [`trade`] is, the journal's own fields included.
pub(crate) fn line_len(record: &TradeRecord) -> usize {
    use tradejournal::record::Record;
    let mut out = Vec::new();
    record.encode(&mut out);
    out.len() + r#","seq":1000,"dur":1000,"hash":""#.len() + 64 + 2
}

/// A clock that stands at noon of the day that [`trade`] is about.
pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(time("2025-10-26T12:00:00Z")))
}

/// A journal on that day.
pub(crate) fn journal(folder: &Path) -> (Journal, Arc<ManualClock>) {
    let clock = clock();
    let journal = Options::new(folder.join("logs"))
        .name("bench")
        .clock(Arc::clone(&clock) as _)
        .open()
        .unwrap();
    (journal, clock)
}

/// Appends `count` records as fast as that goes and closes the writer.
pub(crate) fn fill(journal: &Journal, count: u64) {
    let writer = fast_writer(journal);
    for start in (0..count).step_by(10_000) {
        let batch: Vec<_> = (start..count.min(start + 10_000)).map(trade).collect();
        writer.append_all(&batch).unwrap();
    }
    writer.close().unwrap();
}

/// A writer that syncs once a second.
pub(crate) fn fast_writer(journal: &Journal) -> Writer<TradeRecord> {
    let options = WriterOptions::default().durability(Durability::Interval(Duration::from_secs(1)));
    journal.writer_with(&options).unwrap()
}
