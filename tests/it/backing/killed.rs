//! `tj` killed in the middle of a backup and of a restore, and targets without room: what is there afterwards is
//! whole or not there, and the next run works.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use tradejournal::disk::RealDisk;
use tradejournal::keep::backup;

use super::{names_in, orders, problems};
use crate::cli::run::Bench;
use crate::sample::{journal, noon, three_days};

const ROUNDS: u64 = 25;

fn bench() -> Bench {
    let bench = Bench::new();
    three_days(&bench.path(""));
    // Enough to be killed in.
    let lines = fs::read(bench.path("logs/trades/2025-10-26.jsonl")).unwrap();
    bench.write("logs/data/lines", lines.repeat(2000));
    bench.write("logs/data/more", lines.repeat(500));
    bench
}

/// Runs `tj`, and kills it after a while.
fn kill(bench: &Bench, words: &str, after: Duration) {
    let mut command = bench.command();
    command.args(words.split_whitespace());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    thread::sleep(after);
    let _ = child.kill();
    child.wait().unwrap();
}

/// How long an undisturbed run takes, and a moment within it for each round.
fn moments(took: Duration) -> impl Iterator<Item = Duration> {
    let seed = uuid::Uuid::new_v4().as_u64_pair().0;
    eprintln!("seed {seed}");
    (0..ROUNDS).map(move |round| {
        let spread = seed.wrapping_mul(round.wrapping_mul(2) + 1) % 100;
        let per_mille = round * 1000 / ROUNDS + spread / 3;
        took * u32::try_from(per_mille).unwrap() / 1000
    })
}

fn whole_backups(folder: &Path) -> usize {
    let mut whole = 0;
    for name in names_in(folder).iter().filter(|it| it.starts_with("test-")) {
        backup::verify(&RealDisk, &folder.join(name), &mut |_| ()).unwrap();
        whole += 1;
    }
    if folder.join("latest.tar.gz").exists() {
        backup::verify(&RealDisk, &folder.join("latest.tar.gz"), &mut |_| ()).unwrap();
    }
    whole
}

#[test]
fn a_backup_that_is_killed_leaves_nothing_half_trusted() {
    let bench = bench();
    let begun = Instant::now();
    bench.tj("backup --to one --to two").fine();
    for after in moments(begun.elapsed()) {
        kill(&bench, "backup --to one --to two", after);
        assert!(1 <= whole_backups(&bench.path("one")));
        assert!(1 <= whole_backups(&bench.path("two")));
        let original = journal(&bench.path(""), &noon());
        let targets = ["one", "two"].map(|it| bench.path(it).display().to_string());
        for last in backup::last(&original, &targets).unwrap() {
            let name = last.last.unwrap().0;
            assert!(Path::new(&last.to).join(name).exists());
        }
    }
    bench.tj("backup --to one --to two").fine();
    for folder in ["one", "two"] {
        let left = names_in(&bench.path(folder));
        assert!(!left.iter().any(|it| it.starts_with('.')), "{left:?}");
    }
    assert_eq!(problems(&journal(&bench.path(""), &noon())), [""; 0]);
}

#[test]
fn a_restore_that_is_killed_leaves_no_journal_or_all_of_it() {
    let bench = bench();
    bench.tj("backup --to one").fine();
    let original = orders(&journal(&bench.path(""), &noon()));
    let begun = Instant::now();
    bench.tj("restore one --into undisturbed").fine();
    let mut whole = 0;
    for after in moments(begun.elapsed() * 2) {
        kill(&bench, "restore one --into restored", after);
        let into = bench.path("restored");
        if into.exists() {
            whole += 1;
            let again = journal(&into, &noon());
            assert_eq!(problems(&again), [""; 0]);
            assert_eq!(orders(&again), original);
            fs::remove_dir_all(&into).unwrap();
        }
    }
    eprintln!("{whole} of {ROUNDS} were whole");
    bench.tj("restore one --into restored").fine();
    let left = names_in(&bench.path(""));
    assert!(!left.iter().any(|it| it.contains("restoring")), "{left:?}");
}

/// The same over a journal that is there: it is where it was, or aside.
#[test]
fn a_restore_over_a_journal_that_is_killed_loses_neither() {
    let bench = bench();
    bench.tj("backup --to one").fine();
    let original = orders(&journal(&bench.path(""), &noon()));
    bench.tj("restore one --into restored").fine();
    let begun = Instant::now();
    bench.tj("restore one --into restored --force").fine();
    for after in moments(begun.elapsed() * 2) {
        kill(&bench, "restore one --into restored --force", after);
        let is_whole = |name: &str| {
            let again = journal(&bench.path(name), &noon());
            again.identity().is_some() && orders(&again) == original
        };
        let names = names_in(&bench.path(""));
        let mut copies = names.iter().filter(|it| it.starts_with("restored"));
        assert!(copies.all(|it| is_whole(it)), "{names:?}");
    }
}

#[test]
fn a_target_without_room_keeps_nothing_and_the_other_is_done() {
    let bench = Bench::new();
    three_days(&bench.path(""));
    let noise: Vec<u8> = (0..400_000_u32)
        .flat_map(|it| {
            it.wrapping_mul(2_654_435_761)
                .rotate_left(it % 31)
                .to_le_bytes()
        })
        .collect();
    bench.write("logs/data/noise", noise);
    fs::create_dir(bench.path("small")).unwrap();
    let line = "mount -t tmpfs -o size=300k,mode=700 tmpfs small && \
                { tj backup --to small --to large --json; echo code $?; ls -A small | wc -l; }";
    let root = bench.shell(&format!("unshare --mount bash -c '{line}'"));
    let ran = match root.code {
        0 => root,
        _ => bench.shell(&format!(
            "unshare --user --map-root-user --mount bash -c '{line}'"
        )),
    };
    let ran = ran.code(0);
    assert!(ran.out.ends_with("code 3\n0\n"), "{}\n{}", ran.out, ran.err);
    assert!(ran.err.contains("No space left on device"), "{}", ran.err);
    assert_eq!(whole_backups(&bench.path("large")), 1);
}
