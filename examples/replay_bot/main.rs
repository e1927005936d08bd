//! A day of a bot, recorded and replayed: `cargo run --example replay_bot -- FOLDER`.
//!
//! The broker is simulated, and fails now and then. The same bot is built each time; what differs is the
//! [`Outside`] that it is given.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "it talks to a person, and its own texts are legal"
)]

mod bot;
mod broker;

use std::{env, error::Error, sync::Arc, time::Duration};

use bot::{Bot, BrokerError, Strategy};
use broker::SimBroker;
use tradejournal::bot::{Outside, Recorder, RecorderConfig, Replay, ReplayOptions, Strictness};
use tradejournal::journal::{Journal, Options};
use tradejournal::time::{Clock, ManualClock};

const STRATEGY: Strategy = Strategy {
    window: 40,
    quantity: 50,
};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args().nth(1).ok_or("name the folder of the journal")?;
    // The day is simulated, and so is its time.
    let clock = Arc::new(ManualClock::new("2024-01-08T14:30:00Z".parse()?));
    let journal = Options::new(folder).clock(Arc::clone(&clock) as _).open()?;
    let decided = record(&journal, &clock)?;

    for run in ["replayed", "replayed again"] {
        let replay = Replay::open(&journal, ReplayOptions::new().strictness(Strictness::Exact))?;
        let again = replayed(&replay, STRATEGY)?;
        replay.finish()?;
        let same = if again == decided {
            "the same"
        } else {
            "other"
        };
        println!("{run}: {same} decisions, byte for byte, and the same orders");
    }

    // Another strategy asks for other orders: the recording shows the first.
    let changed = Strategy {
        window: 41,
        ..STRATEGY
    };
    let replay = Replay::open(&journal, ReplayOptions::new())?;
    match replayed(&replay, changed) {
        Err(error) => println!("changed: {error}"),
        Ok(_) => println!("changed: nothing differs"),
    }
    Ok(())
}

/// The bot on the broker, recorded. Its decisions.
fn record(journal: &Journal, clock: &Arc<ManualClock>) -> Result<Vec<u8>, Box<dyn Error>> {
    let config = RecorderConfig::new("1.0.0".parse()?, "sim").trigger("example");
    let recorder = Recorder::open(journal, config)?;
    let outside = Outside::recorded(SimBroker::new(7), &recorder);
    let bot = Bot::new(STRATEGY, outside, Arc::clone(clock) as Arc<dyn Clock>);
    let (decided, outside) = bot.trade(|| clock.advance(Duration::from_secs(3)))?;
    let stats = recorder.close(Duration::from_secs(60))?;
    let Outside::Recorded(recorded) = &outside else {
        return Err("it was recorded".into());
    };
    let (orders, failures) = (
        recorded.client().orders().len(),
        recorded.client().failures(),
    );
    println!(
        "recorded: {} calls, {failures} failures, {orders} orders",
        stats.calls
    );
    Ok(decided)
}

/// The same bot on the recording. Its decisions.
fn replayed(replay: &Replay, strategy: Strategy) -> Result<Vec<u8>, BrokerError> {
    let outside = Outside::<SimBroker>::replayed(replay);
    let bot = Bot::new(strategy, outside, Arc::new(replay.clock()));
    Ok(bot.trade(|| {})?.0)
}
