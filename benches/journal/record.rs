//! What a record costs before the disk, beside one SHA-256 over its line.

use std::{hint::black_box, path::Path, time::Instant};

use sha2::{Digest as _, Sha256};
use tradejournal::journal::line::{Draft, genesis};
use tradejournal::record::{Record, Stream, TradeRecord, personal};

use crate::sample::trades;
use crate::table::{Goal, Rounds, Table, median};

/// Short enough to be seldom interrupted.
const BATCH: u64 = 200;

pub(crate) fn cpu(table: &mut Table, _: &Path) {
    let records = trades(BATCH);
    let mut line = Vec::new();
    let lines = lines(&records);
    let mut parts = [Rounds::new(), Rounds::new(), Rounds::new(), Rounds::new()];
    let (mut ratio, mut door) = (Rounds::new(), Rounds::new());
    for _ in 0..7 {
        let mut times: [Vec<f64>; 6] = Default::default();
        for _ in 0..200 {
            let raw: Vec<_> = records.iter().map(|it| it.parts().clone()).collect();
            let start = Instant::now();
            let valid: Vec<_> = raw
                .into_iter()
                .map(|it| TradeRecord::new(it).unwrap())
                .collect();
            let rules = start.elapsed();
            let start = Instant::now();
            for record in &valid {
                personal::personal_data(record).unwrap();
            }
            let personal = start.elapsed();
            let start = Instant::now();
            for record in &valid {
                line.clear();
                record.encode(&mut line);
                black_box(&line);
            }
            let encode = start.elapsed();
            let start = Instant::now();
            let mut hash = genesis("bench", Stream::Trades);
            for (seq, record) in (0..).zip(&valid) {
                line.clear();
                hash = Draft::new(|out| record.encode(out)).seal(seq, seq, &hash, &mut line);
            }
            black_box(&hash);
            let sealed = start.elapsed();
            let start = Instant::now();
            for line in &lines {
                black_box(Sha256::digest(line));
            }
            let floor = start.elapsed();
            let start = Instant::now();
            for line in &lines {
                black_box(TradeRecord::decode(line).unwrap());
            }
            let decode = start.elapsed();
            let all = [rules, personal, encode, sealed, floor, decode];
            for (times, time) in times.iter_mut().zip(all) {
                times.push(time.as_secs_f64());
            }
        }
        let [rules, personal, encode, sealed, floor, decode] = times.map(|it| median(&it));
        ratio.push((rules + personal + sealed) / floor);
        door.push((decode + personal + sealed) / floor);
        for (part, time) in parts.iter_mut().zip([rules, personal, encode, sealed]) {
            part.push(time / floor);
        }
    }
    let beside = "SHA-256 of the same line";
    let what = "validate + serialise + hash, CPU a record";
    table.add(what, beside, &Goal::AtMost(2.5), "x", &ratio);
    let names = ["rules", "personal data", "serialise", "serialise + hash"];
    for (name, part) in names.into_iter().zip(&parts) {
        table.add(
            &format!("- of that, {name}"),
            beside,
            &Goal::None,
            "x",
            part,
        );
    }
    let what = "the same from JSON, every field parsed";
    table.add(what, beside, &Goal::None, "x", &door);
}

fn lines(records: &[TradeRecord]) -> Vec<Vec<u8>> {
    let mut hash = genesis("bench", Stream::Trades);
    let mut lines = Vec::new();
    for (seq, record) in (0..).zip(records) {
        let mut line = Vec::new();
        hash = Draft::new(|out| record.encode(out)).seal(seq, seq, &hash, &mut line);
        lines.push(line);
    }
    lines
}
