//! A day into the archive, beside `pigz`; and what a bot notices of it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tradejournal::Writer;
use tradejournal::disk::{self, RealDisk};
use tradejournal::journal::{Journal, Options};
use tradejournal::keep::{KeepLock, Keeper, Plan, Policies, Policy, Span};
use tradejournal::record::{Stream, TradeRecord};
use tradejournal::time::{Day, ManualClock, Timestamp};

use crate::memory::child_peak;
use crate::sample::{fast_writer, journal, trade, trades};
use crate::table::{Goal, Rounds, Table};

const ROUNDS: usize = 5;
/// Records of a day: about 250 MB.
const DAY: u64 = 250_000;
const DAYS_LISTED: u32 = 2500;
/// `trade` gives two numbers the same time, and the next two one 80 ms later.
const A_DAY_OF_NUMBERS: u64 = 24 * 3600 * 1000 / 80 * 2;

fn policies() -> Policies {
    let mut policies = Policies::default();
    let archive = Some(Span::Days(1));
    let policy = Policy {
        archive,
        delete: None,
    };
    policies.set(Stream::Trades, policy);
    policies
}

/// So many days of so many records each, all closed but for the last, which has one.
fn days(journal: &Journal, clock: &ManualClock, count: u32, records: u64) {
    let writer = fast_writer(journal);
    for day in 0..count {
        for start in (0..records).step_by(10_000) {
            let first = u64::from(day) * A_DAY_OF_NUMBERS + start;
            let count = (records - start).min(10_000);
            let batch: Vec<_> = (first..first + count).map(trade).collect();
            writer.append_all(&batch).unwrap();
        }
        let begin: Timestamp = "2025-10-26T00:00:00Z".parse().unwrap();
        let next = begin.day().plus_days(day + 1);
        clock.set(next.start());
    }
    writer.append(&trade(0)).unwrap();
    writer.close().unwrap();
}

fn plan(journal: &Journal) -> (Keeper, Plan) {
    let keeper = Keeper::new(journal, policies());
    let plan = keeper.archive_plan(Some(Stream::Trades)).unwrap();
    (keeper, plan)
}

/// Seconds of packing and of reading back.
fn archive(journal: &Journal) -> (f64, f64, u64) {
    let (keeper, plan) = plan(journal);
    let lock = KeepLock::take(journal).unwrap();
    let step = &plan.steps[0];
    let start = Instant::now();
    let mut packed_after = 0.0;
    let packed = keeper.apply(&lock, step, &mut |done| {
        if done <= step.bytes {
            packed_after = start.elapsed().as_secs_f64();
        }
    });
    let all = start.elapsed().as_secs_f64();
    let packed = packed.unwrap().unwrap();
    (packed_after, all - packed_after, packed.packed_bytes)
}

/// The plain day back in its place, so that the next round finds it as the first did.
fn put_back(journal: &Journal, kept: &Path) {
    let layout = journal.layout();
    let day = "2025-10-26".parse().unwrap();
    let (plain, packed) = (
        layout.day(Stream::Trades, day),
        layout.archived(Stream::Trades, day),
    );
    fs::copy(kept, &plain).unwrap();
    File::open(&plain).unwrap().sync_all().unwrap();
    let seal = fs::read_to_string(layout.archived_seal(Stream::Trades, day)).unwrap();
    let line = seal.lines().next().unwrap();
    let seal = layout.seal(Stream::Trades, day);
    disk::replace(&RealDisk, &seal, format!("{line}\n").as_bytes()).unwrap();
    fs::remove_file(packed).unwrap();
}

/// Archives the day that a parent has made.
pub(crate) fn in_a_child(folder: &Path) {
    let (journal, clock) = journal(folder);
    clock.set("2025-10-30T00:00:00Z".parse().unwrap());
    archive(&journal);
}

pub(crate) fn throughput(table: &mut Table, folder: &Path) {
    let (journal, clock) = journal(folder);
    days(&journal, &clock, 1, DAY);
    let day = "2025-10-26".parse().unwrap();
    let kept = folder.join("plain");
    fs::copy(journal.layout().day(Stream::Trades, day), &kept).unwrap();
    let len = fs::metadata(&kept).unwrap().len() as f64;
    let (mut ratio, mut size, mut back) = (Rounds::new(), Rounds::new(), Rounds::new());
    for round in 0..=ROUNDS {
        let (pack, read_back, packed) = archive(&journal);
        put_back(&journal, &kept);
        let Some((pigz, pigz_len)) = pigz(&kept) else {
            println!("| a day into the archive | pigz -p 2 | - | not measured: no pigz here | | |");
            return;
        };
        // The first one warms the cache.
        if 0 < round {
            ratio.push(pigz / pack);
            size.push(packed as f64 / pigz_len as f64);
            back.push(len / 1e6 / read_back);
        }
    }
    let peak = child_peak("archive", folder);
    let what = format!("peak memory of archiving a day of {:.0} MB", len / 1e6);
    table.add(&what, "-", &Goal::AtMost(64.0), "MiB", &peak);
    let beside = "pigz -p 2, synced";
    let what = "packing a day with its SHA-256, bytes a second";
    table.add(what, beside, &Goal::AtLeast(1.4), "x", &ratio);
    table.add("its size", beside, &Goal::AtMost(1.0), "x", &size);
    table.add("reading it back", "-", &Goal::None, "MB/s", &back);
}

/// Seconds, and the size of what comes out.
fn pigz(plain: &Path) -> Option<(f64, u64)> {
    let packed = PathBuf::from(format!("{}.gz", plain.display()));
    let start = Instant::now();
    let run = Command::new("pigz")
        .args(["-p", "2", "-k", "-f"])
        .arg(plain)
        .status();
    if !run.is_ok_and(|it| it.success()) {
        return None;
    }
    File::open(&packed).unwrap().sync_all().unwrap();
    let took = start.elapsed().as_secs_f64();
    Some((took, fs::metadata(&packed).unwrap().len()))
}

/// A bot that appends while a day of another stream is archived.
pub(crate) fn beside_a_writer(table: &mut Table, folder: &Path) {
    let (archived, clock) = journal(&folder.join("archived"));
    days(&archived, &clock, 1, DAY);
    let day = "2025-10-26".parse().unwrap();
    let kept = folder.join("plain");
    fs::copy(archived.layout().day(Stream::Trades, day), &kept).unwrap();
    let bot = Options::new(folder.join("bot")).name("bot").open().unwrap();
    let writer = bot.writer::<TradeRecord>().unwrap();
    let records = trades(200);
    let mut ratio = Rounds::new();
    for _ in 0..ROUNDS {
        let quiet = p99_until(&writer, &records, || thread::sleep(Duration::from_secs(2)));
        let beside = p99_until(&writer, &records, || {
            archive(&archived);
        });
        put_back(&archived, &kept);
        ratio.push(beside / quiet);
    }
    writer.close().unwrap();
    let what = "append p99 while a day is archived";
    table.add(what, "append p99 without", &Goal::AtMost(1.1), "x", &ratio);
}

fn p99_until(
    writer: &Writer<TradeRecord>,
    records: &[TradeRecord],
    work: impl FnOnce() + Send,
) -> f64 {
    let is_done = AtomicBool::new(false);
    let mut took = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            work();
            is_done.store(true, Ordering::Relaxed);
        });
        for record in records.iter().cycle() {
            let start = Instant::now();
            writer.append(record).unwrap();
            took.push(start.elapsed().as_secs_f64());
            if is_done.load(Ordering::Relaxed) {
                break;
            }
            // A bot does something else as well.
            thread::sleep(Duration::from_micros(500));
        }
    });
    took.sort_by(f64::total_cmp);
    took[took.len() * 99 / 100]
}

/// Thousands of archived days: what is due, and one of them by its date.
pub(crate) fn planning(table: &mut Table, folder: &Path) {
    let (journal, clock) = journal(folder);
    days(&journal, &clock, DAYS_LISTED, 1);
    let (keeper, due) = plan(&journal);
    let lock = KeepLock::take(&journal).unwrap();
    for step in &due.steps {
        keeper.apply(&lock, step, &mut |_| ()).unwrap();
    }
    let (mut planned, mut asked) = (Rounds::new(), Rounds::new());
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let keeper = Keeper::new(&journal, policies());
        let plans = [keeper.archive_plan(None), keeper.retention_plan(None)];
        assert!(plans.iter().all(|it| it.as_ref().unwrap().steps.is_empty()));
        planned.push(start.elapsed().as_secs_f64());
        let start = Instant::now();
        let day: Day = "2028-01-01".parse().unwrap();
        let entries = journal
            .read::<TradeRecord>()
            .from(day.start())
            .to(day.next().start());
        let found = entries.iter().count();
        assert_eq!(found, 1);
        asked.push(start.elapsed().as_secs_f64());
    }
    let what = format!("planning archive and retention, {DAYS_LISTED} archived days");
    table.add(&what, "-", &Goal::AtMost(0.3), "s", &planned);
    let what = format!("a question by date, {DAYS_LISTED} archived days");
    table.add(&what, "-", &Goal::None, "s", &asked);
}
