//! Any bytes as a line of market data: what is one is written and read as the same again, and a replay
//! takes it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tradejournal::bot::market_data::{MarketLine, Outputs};
use tradejournal::bot::{Replay, ReplayOptions};

fuzz_target!(|bytes: &[u8]| {
    let outputs = Outputs::default();
    let Ok((line, _)) = MarketLine::read(bytes, &outputs) else {
        return;
    };
    let mut written = Vec::new();
    line.write_to(&mut written);
    let (again, unknown) = MarketLine::read(&written, &outputs).unwrap();
    assert!(unknown.is_empty());
    let mut twice = Vec::new();
    again.write_to(&mut twice);
    assert_eq!(written, twice);
    if let MarketLine::Call(call) = line {
        let _ = Replay::of([*call], ReplayOptions::new());
    }
});
