//! The journal beside other libraries that append durably, in the same folder and the same run.
//!
//! ```text
//! cargo run --release [FOLDER]
//! cargo run --release -- fill FOLDER COUNT   # a journal for the script `run`
//! ```

#[path = "../../journal/sample.rs"]
#[allow(dead_code, reason = "the other benchmarks use the rest")]
mod sample;
#[path = "../../journal/table.rs"]
#[allow(dead_code, reason = "the other benchmarks use the rest")]
mod table;

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use okaywal::{Configuration, EntryId, LogManager, SegmentReader, WriteAheadLog};
use table::{Cost, Goal, Rounds, Table, median};
use tradejournal::record::{Record, TradeRecord};

const ROUNDS: usize = 5;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [command, folder, count] = &arguments[..]
        && command == "fill"
    {
        let folder = Path::new(folder);
        return sample::fill(&sample::journal(folder).0, count.parse().unwrap());
    }
    let root = arguments.first().map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let root = root.join(format!("peers-{}", std::process::id()));
    fs::create_dir_all(&root).unwrap();
    let mut table = Table::new();
    sqlite(&mut table, &root);
    wal(&mut table, &root);
    fs::remove_dir_all(&root).unwrap();
}

fn line(record: &TradeRecord) -> Vec<u8> {
    let mut line = Vec::new();
    record.encode(&mut line);
    line.resize(sample::line_len(record), b'x');
    line
}

fn micros(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e6
}

/// One insert a transaction, taking turns with one append.
fn sqlite(table: &mut Table, root: &Path) {
    let records = sample::trades(500);
    let lines: Vec<_> = records.iter().map(line).collect();
    let writer = sample::journal(root).0.writer::<TradeRecord>().unwrap();
    let sqlite = rusqlite::Connection::open(root.join("trades.sqlite")).unwrap();
    sqlite
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE trades (seq INTEGER PRIMARY KEY, line TEXT NOT NULL);",
        )
        .unwrap();
    let mut insert = sqlite.prepare("INSERT INTO trades (line) VALUES (?1)").unwrap();
    let mut p50 = Rounds::new();
    for _ in 0..ROUNDS {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for (record, line) in records.iter().zip(&lines) {
            let start = Instant::now();
            writer.append(record).unwrap();
            ours.push(micros(start));
            let start = Instant::now();
            insert.execute([std::str::from_utf8(line).unwrap()]).unwrap();
            theirs.push(micros(start));
        }
        p50.push(median(&ours) / median(&theirs));
    }
    writer.close().unwrap();
    let beside = "rusqlite, WAL, synchronous=FULL, one insert a transaction";
    table.add("append, one thread, p50", beside, &Goal::AtMost(1.0), "x", &p50);
}

/// 32 threads, each appending as soon as it was answered.
fn wal(table: &mut Table, root: &Path) {
    const THREADS: usize = 32;
    let records = sample::trades(64);
    let lines: Vec<_> = records.iter().map(line).collect();
    let (mut rate, mut cpu, mut cpu_a_second) = (Rounds::new(), Rounds::new(), Rounds::new());
    for round in 0..ROUNDS {
        let folder = root.join(format!("ours-{round}"));
        fs::create_dir_all(&folder).unwrap();
        let writer = sample::journal(&folder).0.writer::<TradeRecord>().unwrap();
        let ours = closed_loop(THREADS, |at| {
            writer.append(&records[at % records.len()]).unwrap();
        });
        writer.close().unwrap();
        let log = Configuration::default_for(root.join(format!("okaywal-{round}")))
            .open(Nothing)
            .unwrap();
        let theirs = closed_loop(THREADS, |at| {
            let mut entry = log.begin_entry().unwrap();
            entry.write_chunk(&lines[at % lines.len()]).unwrap();
            entry.commit().unwrap();
        });
        log.shutdown().unwrap();
        rate.push(ours.0 / theirs.0);
        cpu_a_second.push(ours.1 / theirs.1);
        cpu.push((ours.1 / ours.0) / (theirs.1 / theirs.0));
    }
    let beside = "okaywal";
    let what = "append, 32 threads, records/s";
    table.add(what, beside, &Goal::AtLeast(1.0), "x", &rate);
    let what = "append, 32 threads, CPU time a record";
    table.add(what, beside, &Goal::AtMost(0.7), "x", &cpu);
    let what = "append, 32 threads, CPU time a second";
    table.add(what, beside, &Goal::None, "x", &cpu_a_second);
}

/// Rounds of the loop and CPU seconds, both a second.
fn closed_loop(threads: usize, append: impl Fn(usize) + Sync) -> (f64, f64) {
    let (done, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let span = Duration::from_millis(1500);
    let cost = Cost::of(|| {
        thread::scope(|scope| {
            for number in 0..threads {
                let (done, stop, append) = (&done, &stop, &append);
                scope.spawn(move || {
                    let mut at = number;
                    while !stop.load(Ordering::Relaxed) {
                        append(at);
                        at += 1;
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            thread::sleep(span);
            stop.store(true, Ordering::Relaxed);
        });
    });
    let done = done.load(Ordering::Relaxed) as f64;
    (done / cost.wall, cost.cpu / cost.wall)
}

/// A log whose entries nobody reads.
#[derive(Debug)]
struct Nothing;

impl LogManager for Nothing {
    fn recover(&mut self, _: &mut okaywal::Entry<'_>) -> std::io::Result<()> {
        Ok(())
    }

    fn checkpoint_to(
        &mut self,
        _: EntryId,
        _: &mut SegmentReader,
        _: &WriteAheadLog,
    ) -> std::io::Result<()> {
        Ok(())
    }
}
