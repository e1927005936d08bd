//! Records and journals for the tests.

use std::{path::Path, sync::Arc};

use tradejournal::journal::{Journal, Options, WriterOptions};
use tradejournal::record::field::{Action, ConfigHash, ExecutionMode};
use tradejournal::record::{Stamp, TradeRecord};
use tradejournal::time::{ManualClock, Timestamp};

pub fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn stamp() -> Stamp {
    Stamp {
        session_id: "550e8400-e29b-41d4-a716-446655440000".parse().unwrap(),
        bot_version: "1.0.0".parse().unwrap(),
        config_hash: ConfigHash::of(b"max_position_pct = 5"),
    }
}

/// An open entry of about the size that a bot writes; `number` is in its order id.
pub fn entry(number: u64) -> TradeRecord {
    TradeRecord::entry("AAPL", Action::Buy, 50, "150.25")
        .at(time("2025-10-26T14:32:15.123Z"))
        .order_id(format!("order-{number}").as_str())
        .mode(ExecutionMode::Paper)
        .strategy("bull-flag-breakout", "breakout")
        .because("Bull flag breakout above $150 resistance, strong premarket volume")
        .indicators(["VWAP", "EMA-9", "Volume"])
        .stop_loss("148.50")
        .target("155.00")
        .risk_reward("2.3")
        .stamp(&stamp())
        .build()
        .unwrap()
}

/// A clock at noon of 2025-10-26.
pub fn noon() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(time("2025-10-26T12:00:00Z")))
}

/// A journal under `folder` that goes by `clock` and does nothing by itself.
pub fn journal(folder: &Path, clock: &Arc<ManualClock>) -> Journal {
    Options::new(folder.join("logs"))
        .name("test")
        .clock(Arc::clone(clock) as _)
        .writer(WriterOptions::default().background(false))
        .open()
        .unwrap()
}
