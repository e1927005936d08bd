//! What a recorded call costs in memory: nothing, after the first ones.
//!
//! A program of its own, since its allocator counts for the whole process, by thread.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a failed step is a failed test"
)]

use std::time::Duration;

use allocation_counter::measure;
use tempfile::tempdir;
use tradejournal::bot::{Recorder, RecorderConfig};
use tradejournal::journal::Journal;

const CALLS: u64 = 20_000;

#[test]
fn a_call_allocates_nothing_after_the_first_ones() {
    let folder = tempdir().unwrap();
    let journal = Journal::open(folder.path().join("logs")).unwrap();
    let config = RecorderConfig::new("1.0.0".parse().unwrap(), "test");
    let recorder = Recorder::open(&journal, config).unwrap();
    let call = |number: u64| {
        let price = recorder.call("get_last_price", &("hash123", "AAPL"), || {
            recorder.record("inside", &(number,), &Err::<(), _>("no route to host"));
            Ok::<_, String>(150.25)
        });
        assert_eq!(price, Ok(150.25));
    };
    (0..100).for_each(call);
    // The worker allocates in its own thread, which is not counted here.
    let counted = measure(|| (0..CALLS).for_each(call));
    assert_eq!(counted.count_total, 0);
    // It counts at all: a call that is longer than a block of the recorder's memory is copied once more.
    let long = "x".repeat(100_000);
    let counted = measure(|| recorder.record("long", &(&long,), &Ok::<_, String>(1)));
    assert_ne!(counted.count_total, 0);
    let stats = recorder.close(Duration::from_secs(20)).unwrap();
    assert_eq!((stats.calls, stats.large), (2 * (CALLS + 100) + 1, 1));
}
