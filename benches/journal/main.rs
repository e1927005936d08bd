//! How fast the journal is, beside what the machine itself can do in the same run.
//!
//! ```text
//! cargo bench --bench journal                   # all rows
//! cargo bench --bench journal -- append verify  # only these
//! TJ_BENCH_DIR=/mnt/disk cargo bench --bench journal
//! ```
//!
//! Every row is a ratio: the journal and its floor take turns, several rounds, and the median of the
//! rounds is shown with the least and the most. Nothing is asserted; docs/PERFORMANCE.md says what
//! was found. Peers that are programs or libraries of others are in benches/peers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::float_arithmetic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    missing_docs,
    reason = "a measurement may fail loudly, prints, and divides"
)]

mod append;
mod archive;
mod counting;
mod evidence;
mod memory;
mod metrics;
mod open;
mod reading;
mod record;
mod recorder;
#[cfg(feature = "redis")]
mod redis;
mod replay;
mod sample;
mod table;
mod tax;
mod verify;
mod window;

use std::{
    env,
    path::{Path, PathBuf},
};

use table::Table;

type Row = (&'static str, fn(&mut Table, &Path));

const ROWS: &[Row] = &[
    ("append", append::one_thread),
    ("threads", append::threads),
    ("batch", append::batch),
    ("record", record::cpu),
    ("query", reading::query),
    ("visit", reading::visit),
    ("verify", verify::verify),
    ("open", open::open),
    ("memory", memory::memory),
    ("signed", evidence::appends),
    ("proof", evidence::proofs),
    ("checkpoints", evidence::checkpoints),
    ("metrics", metrics::metrics),
    ("ledger", metrics::of_a_journal),
    ("live", metrics::live),
    ("archive", archive::throughput),
    ("beside", archive::beside_a_writer),
    ("planning", archive::planning),
    ("tax", tax::tax),
    ("recorder", recorder::hand_off),
    ("replay", replay::replay),
    ("sustained", recorder::sustained),
    ("intake", window::intake),
    ("expiry", window::expiry),
    ("days", window::days),
    #[cfg(feature = "redis")]
    ("redis", redis::minutes),
];

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|it| it != "--bench").collect();
    if let Some(("child", rest)) = arguments.split_first().map(|(it, rest)| (&**it, rest)) {
        return memory::child(rest);
    }
    let unknown = |it: &&String| ROWS.iter().all(|row| row.0 != **it);
    if let Some(name) = arguments.iter().find(unknown) {
        eprintln!(
            "no row is called {name}; there are {:?}",
            ROWS.iter().map(|it| it.0).collect::<Vec<_>>()
        );
        std::process::exit(2);
    }
    // A folder of the build is on a disk; /tmp may be memory, where a sync costs nothing.
    let root = env::var_os("TJ_BENCH_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from)
        .join(format!("tj-bench-{}", std::process::id()));
    let mut table = Table::new();
    for (name, row) in ROWS.iter().copied() {
        if arguments.is_empty() || arguments.iter().any(|it| it == name) {
            let folder = root.join(name);
            std::fs::create_dir_all(&folder).unwrap();
            row(&mut table, &folder);
            std::fs::remove_dir_all(&root).unwrap();
        }
    }
}
