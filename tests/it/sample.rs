//! Records and journals for the tests.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest as _, Sha256};
use tradejournal::disk::SimDisk;
use tradejournal::journal::{Journal, Options, WriterOptions};
use tradejournal::record::field::{Action, ConfigHash, ExecutionMode};
use tradejournal::record::{Digest, Stamp, TradeRecord};
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

/// The same on a simulated disk, in a process of its own.
pub fn simulated(disk: &SimDisk, clock: &Arc<ManualClock>) -> Journal {
    Options::new("/bot/logs")
        .name("test")
        .disk(Arc::new(disk.clone()))
        .clock(Arc::clone(clock) as _)
        .writer(WriterOptions::default().background(false))
        .open()
        .unwrap()
}

/// Eight trades in three days, cleanly closed: two are sealed, one is open.
pub fn three_days(folder: &Path) {
    let clock = noon();
    let writer = journal(folder, &clock).writer::<TradeRecord>().unwrap();
    for (day, count) in [("26", 3), ("27", 2), ("28", 3)] {
        clock.set(time(&format!("2025-10-{day}T09:00:00Z")));
        for _ in 0..count {
            writer.append(&entry(writer.lines())).unwrap();
        }
    }
    writer.tick();
    assert_eq!(writer.troubles(), [""; 0]);
    writer.close().unwrap();
}

/// Moves a day from `logs/` into the archive, and returns its file and its seal there.
pub fn archive(folder: &Path, stream: &str, day: &str) -> (PathBuf, PathBuf) {
    let logs = folder.join("logs").join(stream);
    let plain = fs::read(logs.join(format!("{day}.jsonl"))).unwrap();
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&plain).unwrap();
    let packed = packed.finish().unwrap();
    let archive = folder.join("archive").join(stream).join(&day[..4]);
    fs::create_dir_all(&archive).unwrap();
    let path = archive.join(format!("{day}.jsonl.gz"));
    fs::write(&path, &packed).unwrap();
    let seal = archive.join(format!("{day}.jsonl.sha256"));
    let line = |bytes: &[u8], name: String| {
        let sha256 = Digest::from_bytes(Sha256::digest(bytes).into());
        format!("{sha256}  {name}\n")
    };
    let lines = line(&plain, format!("{day}.jsonl")) + &line(&packed, format!("{day}.jsonl.gz"));
    fs::write(&seal, lines).unwrap();
    fs::remove_file(logs.join(format!("{day}.jsonl"))).unwrap();
    fs::remove_file(logs.join(format!("{day}.jsonl.sha256"))).unwrap();
    (path, seal)
}
