//! Any bytes as a minute of price levels, and as a public trade: what is one is written and read as the same again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tradejournal::feed::window::{Footprint, Minute, PublicTrade, Step};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(footprint) = Footprint::parse(bytes) {
        let json = footprint.to_json();
        let again = Footprint::parse(&json).unwrap();
        assert_eq!(again, footprint);
        assert_eq!(again.to_json(), json);
        assert!(again.covers(&footprint) && footprint.covers(&again));
        let digits = footprint.minute().digits();
        assert_eq!(Minute::of_digits(&digits), Some(footprint.minute()));
    }
    if let Ok(trade) = PublicTrade::parse(bytes) {
        let mut line = Vec::new();
        trade.write_to(&mut line);
        assert_eq!(PublicTrade::parse(&line).unwrap(), trade);
        let step = Step::new("0.25".parse().unwrap());
        for step in [None, step] {
            let mut footprint = Footprint::new(Minute::of(trade.time));
            if footprint.add(&trade, step).is_ok() {
                assert_eq!(Footprint::parse(&footprint.to_json()).unwrap(), footprint);
            }
        }
    }
});
