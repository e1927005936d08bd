//! What evidence costs: appends with a notary beside appends without, proofs out of a large journal, and
//! the checkpoints of a day.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use tradejournal::disk::RealDisk;
use tradejournal::disk::sim::SimDisk;
use tradejournal::evidence::checkpoints::CheckpointLog;
use tradejournal::evidence::{KeyFolder, Keyring, Notary, Prover, RootKey, Stand};
use tradejournal::journal::{Journal, Options, Writer};
use tradejournal::record::{Digest, Stream, TradeRecord};
use tradejournal::time::{Clock, Day, SystemClock};

use crate::memory::{child_peak, count_that_fits};
use crate::sample::{clock, fill, trades};
use crate::table::{Goal, Rounds, Table, median};

const NAME: &str = "bench";
/// Ten times as often as it is by default, so that each round has some signatures in it.
const EVERY: Duration = Duration::from_secs(1);

/// The keys of a journal, begun on `today`.
fn keys(folder: &Path, today: Day) -> KeyFolder {
    let keys = KeyFolder::new(Arc::new(RealDisk), folder.join("keys"));
    let logs = folder.join("logs");
    std::fs::create_dir_all(&logs).unwrap();
    let keyring = Keyring::new(Arc::new(RealDisk), &logs, NAME);
    let root = RootKey::new(NAME, &[1; 32]).unwrap();
    keys.begin(&keyring, &root, [2; 32], today).unwrap();
    keys
}

/// A writer of a journal of its own, with a notary or without.
fn writer(folder: &Path, is_signed: bool) -> Writer<TradeRecord> {
    std::fs::create_dir_all(folder).unwrap();
    let mut options = Options::new(folder.join("logs")).name(NAME);
    if is_signed {
        let keys = keys(folder, SystemClock.now().day());
        options = options.observer(Arc::new(Notary::new(keys).every(EVERY)));
    }
    options.open().unwrap().writer().unwrap()
}

fn micros(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e6
}

/// Two journals take turns, of which one is signed every second.
pub(crate) fn appends(table: &mut Table, folder: &Path) {
    const ROUNDS: usize = 9;
    let records = trades(1000);
    let (plain, signed) = (
        writer(&folder.join("plain"), false),
        writer(&folder.join("signed"), true),
    );
    let (mut single, mut batch) = (Rounds::new(), Rounds::new());
    for _ in 0..ROUNDS {
        let (mut ours, mut floor) = (Vec::new(), Vec::new());
        for _ in 0..4 {
            for record in &records {
                for (writer, took) in [(&signed, &mut ours), (&plain, &mut floor)] {
                    let start = Instant::now();
                    writer.append(record).unwrap();
                    took.push(micros(start));
                }
            }
        }
        single.push(median(&ours) / median(&floor));
    }
    for _ in 0..ROUNDS {
        let (mut ours, mut floor) = (Vec::new(), Vec::new());
        for _ in 0..200 {
            for (writer, took) in [(&signed, &mut ours), (&plain, &mut floor)] {
                let start = Instant::now();
                writer.append_all(&records).unwrap();
                took.push(micros(start));
            }
        }
        batch.push(median(&floor) / median(&ours));
    }
    let logs = folder.join("signed/logs/trades");
    let notes = CheckpointLog::new(Arc::new(RealDisk), &logs);
    let notes = notes.read().unwrap().notes.len();
    println!("| - checkpoints that were signed meanwhile | - | - | {notes} | | |");
    plain.close().unwrap();
    signed.close().unwrap();
    let beside = "the same without a notary";
    let what = "append with a notary, p50";
    table.add(what, beside, &Goal::AtMost(1.01), "x", &single);
    let what = "append_all of 1,000 with a notary, records/s";
    table.add(what, beside, &Goal::AtLeast(0.9), "x", &batch);
}

/// A proof out of many records, with its cache and with none.
pub(crate) fn proofs(table: &mut Table, folder: &Path) {
    let Some(count) = count_that_fits(folder) else {
        println!("| a proof | - | - | not measured: too little free disk | | |");
        return;
    };
    let clock = clock();
    let keys = keys(folder, clock.now().day());
    let journal = Options::new(folder.join("logs"))
        .name(NAME)
        .clock(clock)
        .observer(Arc::new(Notary::new(keys)))
        .open()
        .unwrap();
    fill(&journal, count);
    let cache = folder.join("cache");
    let (mut rebuild, mut prove) = (Rounds::new(), Rounds::new());
    for round in 0..3 {
        let _ = std::fs::remove_dir_all(&cache);
        let start = Instant::now();
        Prover::open(&journal, Stream::Trades, &cache).unwrap();
        rebuild.push(start.elapsed().as_secs_f64());
        for at in 0..7 {
            let seq = (count / 21) * (round * 7 + at);
            let start = Instant::now();
            prove_one(&journal, &cache, seq);
            prove.push(micros(start) / 1e3);
        }
    }
    let what = format!("a proof from {count} records, with its cache");
    table.add(&what, "-", &Goal::AtMost(50.0), "ms", &prove);
    let what = format!("the cache of {count} records made anew");
    table.add(&what, "-", &Goal::AtMost(10.0), "s", &rebuild);
    for question in ["tree", "prove"] {
        if question == "tree" {
            std::fs::remove_dir_all(&cache).unwrap();
        }
        let what = format!("peak memory of {question} over {count} records");
        let peak = child_peak(question, folder);
        table.add(&what, "-", &Goal::AtMost(64.0), "MiB", &peak);
    }
}

/// The proof of one line, from opening to its text.
pub(crate) fn prove_one(journal: &Journal, cache: &Path, seq: u64) {
    let mut prover = Prover::open(journal, Stream::Trades, cache).unwrap();
    let proof = prover.lines(&[seq], Stand::Oldest).unwrap();
    assert!(proof.to_string().contains("tradejournal_proof"));
}

/// Every stream grows all day and is signed every ten seconds, for two days: what its checkpoints take at
/// most.
pub(crate) fn checkpoints(table: &mut Table, _: &Path) {
    const DAYS: u64 = 2;
    let disk = Arc::new(SimDisk::new(1));
    let clock = clock();
    disk.put_folder("/bench/logs").unwrap();
    let keys = KeyFolder::new(disk.clone(), "/bench/keys");
    let keyring = Keyring::new(disk.clone(), Path::new("/bench/logs"), NAME);
    let root = RootKey::new(NAME, &[1; 32]).unwrap();
    keys.begin(&keyring, &root, [2; 32], clock.now().day())
        .unwrap();
    let journal = Options::new("/bench/logs")
        .name(NAME)
        .disk(disk.clone())
        .clock(clock.clone())
        .open()
        .unwrap();
    // It makes the journal; what is signed is made up.
    journal.writer::<TradeRecord>().unwrap().close().unwrap();
    let notary = Notary::new(keys);
    let mut most = 0;
    for step in 1..=DAYS * 8640 {
        clock.advance(Duration::from_secs(10));
        let size = (step * 1000, Digest::from_bytes([7; 32]));
        for stream in Stream::ALL {
            disk.put_folder(journal.layout().stream(stream)).unwrap();
            notary.sign(&journal, stream, size).unwrap();
        }
        // The newest are there between two thinnings.
        let len = |it: Stream| {
            let log = CheckpointLog::of(&journal, it);
            disk.cached(log.path()).map_or(0, |it| it.len())
        };
        if step % 100 == 0 {
            most = most.max(Stream::ALL.into_iter().map(len).sum());
        }
    }
    let mut kib = Rounds::new();
    kib.push(most as f64 / 1024.0 / DAYS as f64);
    let what = "checkpoints of all streams, signed every ten seconds, a day";
    table.add(what, "-", &Goal::AtMost(1024.0), "KiB", &kib);
}
