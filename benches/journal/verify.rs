//! Verifying a day beside a bare SHA-256 of its file by another program.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use tradejournal::journal::{Depth, Journal};
use tradejournal::record::Stream;
use tradejournal::time::Day;

use crate::sample::{fill, journal};
use crate::table::{Cost, Goal, Ratios, Table};

const ROUNDS: usize = 5;

pub(crate) fn verify(table: &mut Table, folder: &Path) {
    let (journal, clock) = journal(folder);
    fill(&journal, 1_000_000);
    let day = Day::new(2025, 10, 26).unwrap();
    let path = journal.layout().day(Stream::Trades, day);
    let [mut bare, mut sealed, mut records] = [Ratios::new(), Ratios::new(), Ratios::new()];
    openssl(&path);
    for _ in 0..ROUNDS {
        let floor = openssl(&path);
        bare.push(&run(&journal, Depth::Chain), &floor);
        let floor = openssl(&path);
        records.push(&run(&journal, Depth::Records), &floor);
    }
    // The day after, the day is closed and gets its seal.
    clock.advance(Duration::from_secs(24 * 60 * 60));
    let writer = journal
        .writer::<tradejournal::record::TradeRecord>()
        .unwrap();
    writer.tick();
    writer.close().unwrap();
    assert!(journal.layout().seal(Stream::Trades, day).exists());
    for _ in 0..ROUNDS {
        let floor = openssl(&path);
        sealed.push(&run(&journal, Depth::Chain), &floor);
    }
    let beside = "openssl dgst -sha256 of the same file";
    table.add_ratios("verify --chain", beside, &Goal::AtMost(0.65), &bare);
    let what = "verify --chain, with .sha256";
    table.add_ratios(what, beside, &Goal::AtMost(1.25), &sealed);
    let what = "verify, every record validated";
    table.add_ratios(what, beside, &Goal::AtMost(1.6), &records);
}

fn run(journal: &Journal, depth: Depth) -> Cost {
    Cost::of(|| {
        let verified = journal
            .verify(Stream::Trades, depth, &mut |it| eprintln!("{it:?}"))
            .unwrap();
        assert_eq!((verified.lines, verified.problems), (1_000_000, 0));
    })
}

fn openssl(path: &Path) -> Cost {
    Cost::of(|| {
        let status = Command::new("openssl")
            .args(["dgst", "-sha256"])
            .arg(path)
            .stdout(Stdio::null())
            .status()
            .expect("openssl is a peer of this row: install it");
        assert!(status.success());
    })
}
