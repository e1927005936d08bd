//! Durable appends beside a bare `write` and `fdatasync` of as many bytes.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::Path,
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tradejournal::journal::Options;
use tradejournal::record::TradeRecord;

use crate::counting::CountingDisk;
use crate::sample::{journal, line_len, trades};
use crate::table::{Goal, Rounds, Table, median};

const ROUNDS: usize = 5;

fn bare_file(folder: &Path) -> File {
    let path = folder.join("bare");
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .unwrap()
}

fn micros(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e6
}

/// One append and one bare write take turns.
pub(crate) fn one_thread(table: &mut Table, folder: &Path) {
    let records = trades(1000);
    let bytes = vec![b'x'; line_len(&records[0])];
    let (mut p50, mut p99) = (Rounds::new(), Rounds::new());
    let (journal, _) = journal(folder);
    let writer = journal.writer::<TradeRecord>().unwrap();
    let mut bare = bare_file(folder);
    for _ in 0..ROUNDS {
        let (mut ours, mut floor) = (Vec::new(), Vec::new());
        for record in &records {
            let start = Instant::now();
            writer.append(record).unwrap();
            ours.push(micros(start));
            let start = Instant::now();
            bare.write_all(&bytes).unwrap();
            bare.sync_data().unwrap();
            floor.push(micros(start));
        }
        p50.push(median(&ours) / median(&floor));
        p99.push(percentile_99(&mut ours) / percentile_99(&mut floor));
    }
    writer.close().unwrap();
    let beside = "bare write + fdatasync of the same bytes";
    table.add(
        "append, one thread, p50",
        beside,
        &Goal::AtMost(1.02),
        "x",
        &p50,
    );
    table.add("append, one thread, p99", beside, &Goal::None, "x", &p99);
}

fn percentile_99(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() * 99 / 100]
}

/// Closed loops of several threads beside one.
pub(crate) fn threads(table: &mut Table, folder: &Path) {
    const COUNTS: [usize; 4] = [2, 4, 8, 32];
    const GOALS: [f64; 4] = [1.6, 2.4, 4.0, 10.0];
    let mut rates = COUNTS.map(|_| Rounds::new());
    let mut company = COUNTS.map(|_| Rounds::new());
    for round in 0..ROUNDS {
        let run = |threads: usize| {
            let folder = folder.join(format!("{round}-{threads}"));
            closed_loop(&folder, threads, Duration::from_millis(1200))
        };
        // The machine may change while it is measured, so one thread is measured on both sides.
        let before = run(1).0;
        let some = COUNTS.map(run);
        let folder = folder.join(format!("{round}-again"));
        let after = closed_loop(&folder, 1, Duration::from_millis(1200)).0;
        for (at, (rate, per_sync)) in some.into_iter().enumerate() {
            rates[at].push(rate / ((before + after) / 2.0));
            company[at].push(per_sync / COUNTS[at] as f64);
        }
    }
    for (at, threads) in COUNTS.into_iter().enumerate() {
        let what = format!("append, {threads} threads, records/s");
        let goal = Goal::AtLeast(GOALS[at]);
        table.add(&what, "one thread", &goal, "x", &rates[at]);
        let what = format!("append, {threads} threads, lines per sync");
        let goal = Goal::AtLeast(0.95);
        table.add(&what, "the threads", &goal, "x", &company[at]);
    }
}

/// Records a second and lines per sync.
fn closed_loop(folder: &Path, threads: usize, span: Duration) -> (f64, f64) {
    std::fs::create_dir_all(folder).unwrap();
    let disk = CountingDisk::default();
    let journal = Options::new(folder.join("logs"))
        .name("bench")
        .disk(Arc::new(disk.clone()))
        .open()
        .unwrap();
    let writer = journal.writer::<TradeRecord>().unwrap();
    let records = Arc::new(trades(64));
    // The first append of a day makes its file.
    writer.append(&records[0]).unwrap();
    let (begin, stop) = (Barrier::new(threads + 1), AtomicBool::new(false));
    let (begin, stop, records, writer) = (&begin, &stop, &records, &writer);
    thread::scope(|scope| {
        for number in 0..threads {
            let writer = writer.clone();
            scope.spawn(move || {
                begin.wait();
                for record in records.iter().cycle().skip(number) {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    writer.append(record).unwrap();
                }
            });
        }
        begin.wait();
        // What starting up costs is not asked for.
        thread::sleep(Duration::from_millis(100));
        let (start, lines, syncs) = (Instant::now(), writer.lines(), disk.syncs());
        thread::sleep(span);
        let (lines, syncs) = (writer.lines() - lines, disk.syncs() - syncs);
        let seconds = start.elapsed().as_secs_f64();
        stop.store(true, Ordering::Relaxed);
        (lines as f64 / seconds, lines as f64 / syncs as f64)
    })
}

/// A thousand records with one write and one sync.
pub(crate) fn batch(table: &mut Table, folder: &Path) {
    const BATCH: u64 = 1000;
    let records = trades(BATCH);
    let len: usize = records.iter().map(line_len).sum();
    let bytes = vec![b'x'; len];
    let (journal, _) = journal(folder);
    let writer = journal.writer::<TradeRecord>().unwrap();
    let mut bare = bare_file(folder);
    let (mut extra, mut ratio) = (Rounds::new(), Rounds::new());
    for _ in 0..ROUNDS {
        let (mut ours, mut floor) = (Vec::new(), Vec::new());
        for _ in 0..60 {
            let start = Instant::now();
            writer.append_all(&records).unwrap();
            ours.push(micros(start));
            let start = Instant::now();
            bare.write_all(&bytes).unwrap();
            bare.sync_data().unwrap();
            floor.push(micros(start));
        }
        extra.push((median(&ours) - median(&floor)) / BATCH as f64);
        ratio.push(median(&ours) / median(&floor));
    }
    writer.close().unwrap();
    let what = "append_all of 1,000, more than the bare write, a record";
    let beside = "bare write + fdatasync of the same bytes";
    table.add(what, beside, &Goal::AtMost(1.1), "us", &extra);
    table.add("append_all of 1,000", beside, &Goal::None, "x", &ratio);
}
