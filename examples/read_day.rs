//! The trades of one day and what they earned: `cargo run --example read_day -- FOLDER [DAY]`.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it talks to a person"
)]

use std::{env, error::Error};

use tradejournal::journal::Journal;
use tradejournal::record::TradeRecord;
use tradejournal::record::field::Outcome;
use tradejournal::time::{Clock, Day, SystemClock};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args().nth(1).ok_or("name the folder of the journal")?;
    let day: Day = match env::args().nth(2) {
        Some(day) => day.parse()?,
        None => SystemClock.now().day(),
    };
    // Takes no lock: the bot may be writing right now.
    let journal = Journal::open(folder)?;
    let (mut trades, mut exits, mut wins) = (0, 0, 0);
    for entry in journal.read::<TradeRecord>().days(day..=day) {
        // A bad line is an item, with its file, line and byte; the good ones after it still come.
        let trade = match entry {
            Ok(entry) => entry.record,
            Err(error) => {
                eprintln!("{error}");
                continue;
            }
        };
        trades += 1;
        exits += usize::from(trade.outcome() != Outcome::Open);
        wins += usize::from(trade.outcome() == Outcome::Win);
        println!(
            "{} {} {} {} at {}",
            trade.timestamp(),
            trade.action(),
            trade.quantity(),
            trade.symbol(),
            trade.price()
        );
    }
    println!("{trades} trades, {exits} exits, {wins} won");
    Ok(())
}
