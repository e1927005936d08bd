//! Any bytes as a message of each kind of socket, and as an answer to a request: none ends a capture, and what is
//! read of a trade has decimals.

#![no_main]

use std::sync::Arc;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use tradejournal::feed::bybit::{
    AccountKind, Answer, Capture, CaptureOptions, Category, GapId, Keys, Known, Millis, Queue, RunId, Timing,
};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    for category in [Category::Linear, Category::Option] {
        let options = CaptureOptions {
            category,
            symbols: vec!["BTCUSDT".to_owned()],
            keys: Keys::new("key", "secret"),
            gap_threshold: Duration::ZERO,
            keep_raw: true,
            timing: Timing::default(),
        };
        let known = Known {
            run: RunId(1),
            newest: Default::default(),
            open: Vec::new(),
            next_gap: GapId(1),
            crashed: 0,
        };
        let queue = Arc::new(Queue::new(1 << 20));
        let mut capture = Capture::new(options, queue, &known, Millis(0));
        let now = Duration::from_secs(1);
        for wire in 0..capture.sockets().len() {
            capture.opened(wire, now, Millis(1000));
            // Twice: the second meets what the first left.
            capture.heard(wire, text, now, Millis(1000));
            capture.heard(wire, text, now * 2, Millis(2000));
            capture.tick(wire, now * 100, Millis(100_000));
            capture.closed(wire, "over", now * 100, Millis(100_000));
        }
        capture.tasks(now * 200, Millis(200_000));
    }
    if let Ok(answer) = Answer::parse(text) {
        for trade in answer.trades(Category::Linear).unwrap_or_default() {
            for decimal in [trade.price(), trade.size()] {
                assert!(decimal.bytes().all(|it| it.is_ascii_digit() || b"-.".contains(&it)), "{decimal}");
            }
        }
        for kind in AccountKind::ALL {
            let _ = answer.account(kind, Category::Spot, Millis(1));
        }
    }
});
