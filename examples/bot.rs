//! A bot that journals an entry and its exit: `cargo run --example bot -- FOLDER`.

#![allow(clippy::print_stdout, reason = "it talks to a person")]

use std::{env, error::Error};

use tradejournal::journal::Journal;
use tradejournal::record::field::{Action, ConfigHash, ExecutionMode};
use tradejournal::record::{Stamp, TradeRecord};
use tradejournal::time::{Clock, SystemClock};

const CONFIG: &[u8] = b"max_position_pct = 5";

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args().nth(1).ok_or("name the folder of the journal")?;
    let journal = Journal::open(folder)?;
    let trades = journal.writer::<TradeRecord>()?;
    // What every trade of this run has in common.
    let stamp = Stamp {
        session_id: "550e8400-e29b-41d4-a716-446655440000".parse()?,
        bot_version: "1.0.0".parse()?,
        config_hash: ConfigHash::of(CONFIG),
    };

    let entry = TradeRecord::entry("AAPL", Action::Buy, 50, "150.25")
        .at(SystemClock.now())
        .order_id("order-1")
        .mode(ExecutionMode::Paper)
        .strategy("bull-flag-breakout", "breakout")
        .because("Bull flag breakout above $150 resistance")
        .indicators(["VWAP", "EMA-9"])
        .stop_loss("148.50")
        .target("155.00")
        .stamp(&stamp)
        .build()?;
    // From here on it is on disk, whatever happens to this process or to the machine.
    let receipt = trades.append(&entry)?;
    println!("line {}: bought for {}", receipt.seq, entry.total_value());

    // The order id, the direction and the arithmetic come from the entry.
    let exit = entry
        .exit(SystemClock.now(), "152.00")
        .because("Target zone reached, volume fading")
        .commission("0.50")
        .build()?;
    let receipt = trades.append(&exit)?;
    let net = exit.net_profit_loss().ok_or("an exit has a net result")?;
    println!("line {}: {} of {net}", receipt.seq, exit.outcome());

    trades.close()?;
    Ok(())
}
