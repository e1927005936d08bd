//! A bot with a thread for each symbol, all writing one journal: `cargo run --example threads -- FOLDER`.

#![allow(clippy::print_stdout, reason = "it talks to a person")]

use std::{env, error::Error, thread};

use tradejournal::journal::{Journal, Receipt, Writer};
use tradejournal::record::field::{Action, ConfigHash, ExecutionMode};
use tradejournal::record::{Stamp, TradeRecord};
use tradejournal::time::{Clock, SystemClock};

const SYMBOLS: [&str; 4] = ["AAPL", "MSFT", "NVDA", "TSLA"];
type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Result<()> {
    let folder = env::args().nth(1).ok_or("name the folder of the journal")?;
    let journal = Journal::open(folder)?;
    let trades = journal.writer::<TradeRecord>()?;
    let stamp = Stamp {
        session_id: "550e8400-e29b-41d4-a716-446655440000".parse()?,
        bot_version: "1.0.0".parse()?,
        config_hash: ConfigHash::of(b"symbols = 4"),
    };
    let receipts = thread::scope(|scope| -> Result<Vec<Receipt>> {
        let stamp = &stamp;
        // A clone is the same writer: records that come together share one sync of the disk.
        let bots = SYMBOLS.map(|symbol| {
            let trades = trades.clone();
            scope.spawn(move || trade(&trades, symbol, stamp))
        });
        let mut receipts = Vec::new();
        for bot in bots {
            receipts.extend(bot.join().map_err(|_| "a thread panicked")??);
        }
        Ok(receipts)
    })?;
    trades.close()?;
    let last = receipts.iter().map(|it| it.seq).max();
    println!(
        "{} records on disk, the last is line {}",
        receipts.len(),
        last.unwrap_or(0)
    );
    Ok(())
}

fn trade(trades: &Writer<TradeRecord>, symbol: &str, stamp: &Stamp) -> Result<Vec<Receipt>> {
    let mut receipts = Vec::new();
    for number in 0..5 {
        let entry = TradeRecord::entry(symbol, Action::Buy, 10, "100.00")
            .at(SystemClock.now())
            .order_id(format!("{symbol}-{number}").as_str())
            .mode(ExecutionMode::Paper)
            .strategy("opening-range", "breakout")
            .because("Above the opening range")
            .stamp(stamp)
            .build()?;
        receipts.push(trades.append(&entry)?);
    }
    Ok(receipts)
}
