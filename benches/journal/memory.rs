//! Peak memory over a journal much larger than it, each question in a process of its own.

use std::{
    env,
    ops::ControlFlow,
    path::Path,
    process::{Command, Stdio},
};

use tradejournal::disk::{Disk, RealDisk};
use tradejournal::journal::Depth;
use tradejournal::record::{Stream, TradeRecord};

use crate::archive;
use crate::evidence;
use crate::metrics;
use crate::open;
use crate::sample::{fill, journal};
use crate::table::{Goal, Rounds, Table};
use crate::tax;

const QUESTIONS: [&str; 5] = ["count", "lines", "verify", "verify-chain", "tail"];

/// How many records are asked about, unless the disk has too little room for them.
pub(crate) fn count_that_fits(folder: &Path) -> Option<u64> {
    let count: u64 = env::var("TJ_BENCH_RECORDS").map_or(10_000_000, |it| it.parse().unwrap());
    (count * 2000 <= RealDisk.free_bytes(folder).unwrap()).then_some(count)
}

pub(crate) fn memory(table: &mut Table, folder: &Path) {
    let Some(count) = count_that_fits(folder) else {
        println!("| peak memory | - | - | not measured: too little free disk | | |");
        return;
    };
    fill(&journal(folder).0, count);
    for question in QUESTIONS {
        let what = format!("peak memory of {question} over {count} records");
        let peak = child_peak(question, folder);
        table.add(&what, "-", &Goal::AtMost(64.0), "MiB", &peak);
    }
}

/// The peak memory, in MiB, of a process that is asked one thing.
pub(crate) fn child_peak(question: &str, folder: &Path) -> Rounds {
    let output = Command::new(env::current_exe().unwrap())
        .args(["child", question])
        .arg(folder)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let kib: f64 = String::from_utf8(output.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let mut peak = Rounds::new();
    peak.push(kib / 1024.0);
    peak
}

/// A process that is asked one thing.
pub(crate) fn child(arguments: &[String]) {
    let [question, folder] = arguments else {
        eprintln!("child QUESTION FOLDER");
        std::process::exit(2);
    };
    let folder = Path::new(folder);
    match &**question {
        "rolling" => return metrics::beside_pandas(folder),
        "lots" => return tax::beside_rp2(folder),
        "taxes" => tax::in_a_child(),
        _ => of_a_journal(question, folder),
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status
        .lines()
        .find_map(|it| it.strip_prefix("VmHWM:"))
        .unwrap();
    println!("{}", peak.trim().trim_end_matches(" kB"));
}

/// Of the journal in the folder.
fn of_a_journal(question: &str, folder: &Path) {
    let (journal, _) = journal(folder);
    let trades = journal.query(Stream::Trades);
    match question {
        "fill" => fill(&journal, 1_000_000),
        "append" => open::append_until_killed(folder),
        "count" => assert!(
            0 < trades
                .field("symbol", "AAPL")
                .count(|it| panic!("{it}"))
                .lines
        ),
        "lines" => {
            let shown = trades.visit(|it| {
                it.unwrap();
                ControlFlow::Continue(())
            });
            assert!(0 < shown.lines);
        }
        "verify" | "verify-chain" => {
            let depth = match question {
                "verify" => Depth::Records,
                _ => Depth::Chain,
            };
            let verified = journal.verify(Stream::Trades, depth, &mut |_| {}).unwrap();
            assert!(0 < verified.lines);
        }
        "archive" => archive::in_a_child(folder),
        "tree" | "prove" => evidence::prove_one(&journal, &folder.join("cache"), 12_345),
        "tail" => assert_eq!(journal.read::<TradeRecord>().last(100).iter().count(), 100),
        _ => panic!("no question is called {question}"),
    }
}
