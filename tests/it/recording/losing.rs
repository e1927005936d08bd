//! Disks that stall, fill up and fail: every call is in the log once, or is counted.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tradejournal::bot::recorder::{RecorderStats, RecordingError, WhenFull};
use tradejournal::bot::{Recorder, RecorderConfig};
use tradejournal::disk::sim::{Errno, Fault, Injection, Op, SimDisk};
use tradejournal::disk::{Disk, RealDisk};
use tradejournal::journal::{Journal, Options};
use tradejournal::record::{CallRecord, Record as _};

use super::stalling::Stalling;
use super::{WAIT, calls, config, is_gap, told_lost};

/// What one block of a recorder's memory holds.
const BLOCK: usize = 32 << 10;
/// A day of the bot that the recorder was asked for.
const DAY: u64 = 156_000;

fn on(disk: impl Disk, folder: &str) -> Journal {
    let options = Options::new(format!("{folder}/logs")).name("test");
    options.disk(Arc::new(disk)).open().unwrap()
}

fn record(recorder: &Recorder, thread: u64, number: u64) {
    recorder.record(
        "get_last_price",
        &(thread, number),
        &Ok::<_, String>("150.25"),
    );
}

/// Checks that each thread's calls are there once and in order, and that with what the gaps say they are
/// all that were made.
fn check(calls: &[CallRecord], stats: &RecorderStats, made: u64) {
    let mut last: HashMap<u64, u64> = HashMap::new();
    let mut written = 0;
    for call in calls.iter().filter(|it| !is_gap(it)) {
        let (thread, number): (u64, u64) = serde_json::from_str(call.args().as_str()).unwrap();
        let before = last.insert(thread, number);
        assert!(
            before.is_none_or(|it| it < number),
            "{thread}: {number} after {before:?}"
        );
        written += 1;
    }
    assert_eq!(stats.calls, made);
    assert_eq!(written, stats.written, "{stats:?}");
    assert_eq!(written + stats.lost.total(), made, "{stats:?}");
    assert_eq!(told_lost(calls), stats.lost.total());
    assert_eq!(stats.waiting, 0);
}

/// Ends the recording, with or without a loss.
fn close(recorder: &Recorder) -> RecorderStats {
    match recorder.close(WAIT) {
        Ok(stats) => stats,
        Err(RecordingError::Lost { stats, .. }) => *stats,
        Err(error) => panic!("{error}: {:?}", recorder.troubles()),
    }
}

/// Has eight threads make a million calls together.
fn a_million_calls(journal: &Journal, config: RecorderConfig) -> RecorderStats {
    const THREADS: u64 = 8;
    const EACH: u64 = 125_000;
    let recorder = Recorder::open(journal, config).unwrap();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let recorder = &recorder;
            scope.spawn(move || (0..EACH).for_each(|it| record(recorder, thread, it)));
        }
    });
    let stats = close(&recorder);
    check(&calls(journal), &stats, THREADS * EACH);
    stats
}

#[test]
fn of_a_million_calls_of_eight_threads_none_is_lost_where_they_wait() {
    let folder = tempfile::tempdir().unwrap();
    let journal = on(RealDisk, folder.path().to_str().unwrap());
    let config = config().when_full(WhenFull::Block).capacity(64 * BLOCK);
    assert_eq!(a_million_calls(&journal, config).lost.total(), 0);
}

#[test]
fn of_a_million_calls_each_is_in_the_log_or_in_a_gap_where_they_do_not_wait() {
    let folder = tempfile::tempdir().unwrap();
    let journal = on(RealDisk, folder.path().to_str().unwrap());
    let stats = a_million_calls(&journal, config().capacity(16 * BLOCK));
    // The threads do nothing else than call: no disk keeps up with that.
    assert_ne!(stats.lost.queue_full, 0);
}

#[test]
fn of_a_million_calls_none_is_lost_where_they_are_spilled() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let journal = on(RealDisk, path);
    let spill = WhenFull::spill(format!("{path}/spill"));
    let stats = a_million_calls(&journal, config().capacity(16 * BLOCK).when_full(spill));
    assert_eq!(stats.lost.total(), 0);
    assert_ne!(stats.spilled, 0);
    let left = std::fs::read_dir(folder.path().join("spill"))
        .unwrap()
        .count();
    assert_eq!(left, 0);
}

#[test]
fn a_whole_day_fits_into_memory_while_the_disk_stands_still() {
    let sim = SimDisk::new(1);
    let disk = Stalling::new(&sim);
    let journal = on(disk.clone(), "/bot");
    let recorder = Recorder::open(&journal, config()).unwrap();
    disk.stall(true);
    let symbols = ["AAPL", "MSFT", "GOOGL", "BRK.B"].iter().cycle();
    for (number, symbol) in (0..DAY).zip(symbols) {
        recorder.record(
            "get_last_price",
            &(0, number, symbol),
            &Ok::<_, String>(150.25),
        );
    }
    assert_eq!(recorder.stats().lost.total(), 0);
    disk.stall(false);
    let stats = close(&recorder);
    assert_eq!((stats.written, stats.lost.total()), (DAY, 0));
}

#[test]
fn what_a_stalled_disk_costs_is_in_the_log_as_a_gap() {
    let sim = SimDisk::new(2);
    let disk = Stalling::new(&sim);
    let journal = on(disk.clone(), "/bot");
    let recorder = Recorder::open(&journal, config().capacity(2 * BLOCK)).unwrap();
    record(&recorder, 0, 0);
    let mut made = 1;
    for _ in 0..3 {
        disk.stall(true);
        (made..made + 3000).for_each(|it| record(&recorder, 0, it));
        made += 3000;
        disk.stall(false);
        let start = Instant::now();
        while recorder.stats().waiting != 0 && start.elapsed() < WAIT {
            thread::sleep(Duration::from_millis(1));
        }
    }
    let stats = close(&recorder);
    let calls = calls(&journal);
    check(&calls, &stats, made);
    assert!(3 <= calls.iter().filter(|it| is_gap(it)).count());
    let gap = calls.iter().find(|it| is_gap(it)).unwrap();
    assert!(gap.thread().is_some() && gap.result().unwrap().as_str().contains("queue_full"));
}

#[test]
fn a_disk_that_fills_up_costs_what_does_not_fit_and_nothing_twice() {
    let sim = SimDisk::new(3);
    let journal = on(sim.clone(), "/bot");
    let recorder = Recorder::open(&journal, config().capacity(4 * BLOCK)).unwrap();
    for round in 0..5 {
        sim.set_free_bytes(Some(200_000));
        (round * 2000..(round + 1) * 2000).for_each(|it| record(&recorder, 0, it));
        thread::sleep(Duration::from_millis(20));
        sim.set_free_bytes(None);
        thread::sleep(Duration::from_millis(20));
    }
    let stats = close(&recorder);
    check(&calls(&journal), &stats, 10_000);
}

#[test]
fn writes_and_syncs_that_fail_lose_and_double_nothing_that_is_not_told() {
    for (seed, round) in (0..40).zip((0..8_usize).cycle()) {
        let sim = SimDisk::new(seed);
        let journal = on(sim.clone(), "/bot");
        let config = config().sync_every(Duration::from_millis(1));
        let recorder = Recorder::open(&journal, config).unwrap();
        let faults = [
            Fault::Fails(Errno::Io),
            Fault::FailsHalfway(Errno::NoSpace),
            Fault::FailsAfterwards(Errno::Io),
            Fault::Forgets(Errno::Io),
            Fault::ForgetsAllButLength(Errno::Io),
        ];
        let (fault, op) = match round {
            0..3 => (faults[round], Op::Write),
            _ => (faults[round - 3], Op::Sync),
        };
        let made = AtomicU64::new(0);
        thread::scope(|scope| {
            for thread in 0..3 {
                let (recorder, made) = (&recorder, &made);
                scope.spawn(move || {
                    for number in 0..300 {
                        record(recorder, thread, number);
                        made.fetch_add(1, Ordering::Relaxed);
                        if number % 20 == 0 {
                            thread::sleep(Duration::from_millis(1));
                        }
                    }
                });
            }
            for round in 0..3 {
                thread::sleep(Duration::from_millis(3));
                let injection = Injection::new(fault)
                    .on(op)
                    .in_path("calls")
                    .after(round % 2);
                sim.inject(injection);
            }
        });
        sim.heal();
        let stats = close(&recorder);
        check(&calls(&journal), &stats, made.into_inner());
    }
}

#[test]
fn a_disk_that_fails_for_ever_holds_a_close_no_longer_than_its_timeout() {
    let sim = SimDisk::new(4);
    let journal = on(sim.clone(), "/bot");
    let recorder = Recorder::open(&journal, config()).unwrap();
    record(&recorder, 0, 0);
    while recorder.stats().written == 0 {
        thread::sleep(Duration::from_millis(1));
    }
    sim.inject(
        Injection::new(Fault::Fails(Errno::Io))
            .on(Op::Write)
            .for_ever(),
    );
    (1..50).for_each(|it| record(&recorder, 0, it));
    let start = Instant::now();
    let Err(RecordingError::Unfinished { stats, .. }) = recorder.close(Duration::from_millis(300))
    else {
        panic!("nothing of it can be written");
    };
    assert!(
        start.elapsed() < Duration::from_secs(3),
        "{:?}",
        start.elapsed()
    );
    assert_eq!((stats.calls, stats.written, stats.waiting), (50, 1, 49));
    // After that nobody waits: what cannot be written is lost, and counted.
    let end = loop {
        match recorder.close(Duration::from_millis(100)) {
            Err(RecordingError::Lost { stats, .. }) => break stats,
            _ => assert!(start.elapsed() < WAIT),
        }
    };
    assert_eq!((end.written, end.lost.disk, end.waiting), (1, 49, 0));
}

#[test]
fn spilled_calls_are_in_the_log_once_or_told_whatever_fails_meanwhile() {
    let faults = [
        (Fault::Fails(Errno::Io), Op::Sync, "logs/calls"),
        (Fault::Forgets(Errno::Io), Op::Sync, "logs/calls"),
        (Fault::Fails(Errno::Io), Op::Write, "logs/calls"),
        (Fault::FailsAfterwards(Errno::Io), Op::Write, "logs/calls"),
        (Fault::Fails(Errno::Io), Op::Remove, "spill"),
        (Fault::FailsAfterwards(Errno::Io), Op::Write, "spill"),
        (Fault::FailsHalfway(Errno::NoSpace), Op::Write, "spill"),
        (Fault::FailsAfterwards(Errno::Io), Op::OpenToWrite, "spill"),
    ];
    for (seed, (fault, op, path)) in (20..).zip(faults) {
        let sim = SimDisk::new(seed);
        let disk = Stalling::new(&sim);
        let journal = on(disk.clone(), "/bot");
        sim.put_folder("/bot/spill").unwrap();
        let spilling = WhenFull::spill("/bot/spill");
        let config = config().capacity(2 * BLOCK).when_full(spilling);
        let recorder = Recorder::open(&journal, config).unwrap();
        disk.stall(true);
        let inject = || sim.inject(Injection::new(fault).on(op).in_path(path));
        // A file is opened with the first call that is spilled, and perhaps never again.
        let is_opening = op == Op::OpenToWrite;
        if is_opening {
            inject();
        }
        (0..1500).for_each(|it| record(&recorder, 0, it));
        if !is_opening {
            inject();
        }
        (1500..3000).for_each(|it| record(&recorder, 0, it));
        assert_ne!(recorder.stats().spilled, 0);
        disk.stall(false);
        let start = Instant::now();
        while recorder.stats().waiting != 0 && start.elapsed() < WAIT {
            thread::sleep(Duration::from_millis(1));
        }
        let stats = close(&recorder);
        check(&calls(&journal), &stats, 3000);
        assert!(sim.faults() != 0, "{fault:?} {op:?}");
        // But for one that was made and said that it was not; the next recorder removes it.
        let left = sim.list("/bot/spill".as_ref()).unwrap();
        let is_empty = |name: &str| sim.cached(format!("/bot/spill/{name}")) == Some(Vec::new());
        assert!(
            left.iter().all(|it| is_empty(&it.name)),
            "{fault:?} {op:?}: {left:?}"
        );
    }
}

#[test]
fn a_spill_file_that_is_none_is_put_aside_and_keeps_nobody_from_beginning() {
    let sim = SimDisk::new(7);
    let journal = on(sim.clone(), "/bot");
    sim.put_folder("/bot/spill").unwrap();
    sim.put_file("/bot/spill/calls-000003.spill.jsonl", b"what is this?\n")
        .unwrap();
    let spill = || config().when_full(WhenFull::spill("/bot/spill"));
    let recorder = Recorder::open(&journal, spill()).unwrap();
    record(&recorder, 0, 1);
    assert_eq!(recorder.close(WAIT).unwrap().written, 1);
    let troubles = recorder.troubles().join("\n");
    assert!(troubles.contains("calls-000003"), "{troubles}");
    let names = sim.list("/bot/spill".as_ref()).unwrap();
    let names: Vec<_> = names.into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["calls-000003.spill.unreadable"]);
    drop(Recorder::open(&journal, spill()).unwrap());
}

#[test]
fn a_call_that_never_fits_is_lost_and_holds_nobody() {
    let sim = SimDisk::new(8);
    let journal = on(sim.clone(), "/bot");
    let config = config().capacity(4 * BLOCK).when_full(WhenFull::Block);
    let recorder = Recorder::open(&journal, config).unwrap();
    recorder.record("huge", &("x".repeat(6 * BLOCK),), &Ok::<_, String>(1));
    record(&recorder, 0, 1);
    let stats = close(&recorder);
    assert_eq!((stats.written, stats.lost.total()), (1, 1));
}

#[test]
fn what_a_crash_left_spilled_is_taken_up_once() {
    let sim = SimDisk::new(5);
    let disk = Stalling::new(&sim);
    let journal = on(disk.clone(), "/bot");
    sim.put_folder("/bot/spill").unwrap();
    let spilling = || {
        config()
            .capacity(2 * BLOCK)
            .when_full(WhenFull::spill("/bot/spill"))
    };
    let recorder = Recorder::open(&journal, spilling()).unwrap();
    disk.stall(true);
    (0..3000).for_each(|it| record(&recorder, 0, it));
    let spilled = recorder.stats().spilled;
    assert!(0 < spilled && spilled < 3000);
    // The process ends here: what is in memory is lost with it, what is spilled is not.
    let after = sim.kill();
    for round in 0..3 {
        let journal = on(after.clone(), "/bot");
        let again = Recorder::open(&journal, spilling()).unwrap();
        again.record("run", &(1, round), &Ok::<_, String>(1));
        assert_eq!(again.close(WAIT).unwrap().written, 1);
        let calls = calls(&journal);
        let numbers: Vec<u64> = calls
            .iter()
            .filter(|it| it.method() == "get_last_price")
            .map(|it| {
                serde_json::from_str::<(u64, u64)>(it.args().as_str())
                    .unwrap()
                    .1
            })
            .collect();
        assert_eq!(numbers, (3000 - spilled..3000).collect::<Vec<_>>());
        assert_eq!(calls.len() as u64, spilled + round + 1);
    }
    disk.stall(false);
}

#[test]
fn what_was_taken_up_before_a_crash_is_not_doubled() {
    let sim = SimDisk::new(6);
    let journal = on(sim.clone(), "/bot");
    sim.put_folder("/bot/spill").unwrap();
    let recorder = Recorder::open(&journal, config()).unwrap();
    (0..10).for_each(|it| record(&recorder, 0, it));
    recorder.close(WAIT).unwrap();
    let mut spilled = Vec::new();
    // The last four lines are there already; three are not.
    for call in &calls(&journal)[6..] {
        call.encode(&mut spilled);
        spilled.push(b'\n');
    }
    for number in 10..13 {
        let line = String::from_utf8(spilled.clone()).unwrap();
        let last = line.lines().last().unwrap().to_owned();
        let next = last.replace(&format!("[0,{}]", number - 1), &format!("[0,{number}]"));
        spilled.extend_from_slice(next.as_bytes());
        spilled.push(b'\n');
    }
    spilled.extend_from_slice(b"{\"half a line");
    sim.put_file("/bot/spill/calls-000007.spill.jsonl", &spilled)
        .unwrap();
    let spill = config().when_full(WhenFull::spill("/bot/spill"));
    drop(Recorder::open(&journal, spill).unwrap());
    let numbers: Vec<u64> = calls(&journal)
        .iter()
        .map(|it| {
            serde_json::from_str::<(u64, u64)>(it.args().as_str())
                .unwrap()
                .1
        })
        .collect();
    assert_eq!(numbers, (0..13).collect::<Vec<_>>());
    assert!(sim.list("/bot/spill".as_ref()).unwrap().is_empty());
}
