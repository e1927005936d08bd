//! How long opening for writing takes with a long day behind.

use std::{
    env,
    io::Read,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tradejournal::record::TradeRecord;

use crate::sample::{fill, journal, trades};
use crate::table::{Goal, Rounds, Table};

pub(crate) fn open(table: &mut Table, folder: &Path) {
    fill(&journal(folder).0, 1_000_000);
    let open = |into: &mut Rounds| {
        let start = Instant::now();
        let writer = journal(folder).0.writer::<TradeRecord>().unwrap();
        into.push(start.elapsed().as_secs_f64() * 1e3);
        writer.close().unwrap();
    };
    let (mut closed, mut killed) = (Rounds::new(), Rounds::new());
    for round in 0..5 {
        open(&mut closed);
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["child", "append"])
            .arg(folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut begun = [0];
        child.stdout.take().unwrap().read_exact(&mut begun).unwrap();
        thread::sleep(Duration::from_millis(300 + 200 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        open(&mut killed);
    }
    let what = "open for writing, 1,000,000 records in the day, after a clean close";
    table.add(what, "-", &Goal::AtMost(50.0), "ms", &closed);
    let what = "the same after a kill, 32 MB behind HEAD";
    table.add(what, "-", &Goal::AtMost(150.0), "ms", &killed);
}

/// Goes as far from `HEAD` as a writer gets, and on.
pub(crate) fn append_until_killed(folder: &Path) {
    let writer = journal(folder).0.writer::<TradeRecord>().unwrap();
    let records = trades(1000);
    let mut bytes = 0;
    // `HEAD` is written when it is 32 MB behind.
    while bytes < 31 << 20 {
        writer.append_all(&records).unwrap();
        bytes += records.iter().map(crate::sample::line_len).sum::<usize>();
    }
    println!();
    loop {
        for record in &records {
            writer.append(record).unwrap();
        }
    }
}
