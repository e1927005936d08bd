//! An archived day is read by every command like the days beside it.

use std::{fs, path::PathBuf};

use super::run::{Bench, Ran};
use crate::sample::{archive, three_days};

/// A journal of three days, the first of them archived; its lines, and the archived file.
fn journal() -> (Bench, String, PathBuf) {
    let bench = Bench::new();
    three_days(&bench.path(""));
    let lines = bench.shell("cat logs/trades/*.jsonl").fine().out;
    let (path, _) = archive(&bench.path(""), "trades", "2025-10-26");
    (bench, lines, path)
}

#[test]
fn the_last_records_reach_into_the_archive() {
    let (bench, lines, _) = journal();
    assert_eq!(bench.tj("tail trades --json").fine().out, lines);
    let last: Vec<&str> = lines.split_inclusive('\n').skip(2).collect();
    assert_eq!(
        bench.tj("tail trades -n 6 --json").fine().out,
        last.concat()
    );
    let shown = bench.tj("tail trades").fine().out;
    assert_eq!(shown.lines().count(), 9);
    assert!(shown.contains("  order-0  "), "{shown}");
}

#[test]
fn questions_are_answered_over_the_archive_too() {
    let (bench, lines, _) = journal();
    let asked = |flags: &str| bench.tj(&format!("query trades {flags}")).fine().out;
    assert_eq!(asked("--json"), lines);
    assert_eq!(asked("--count"), "8\n");
    assert_eq!(asked("--count --order-id order-1"), "1\n");
    assert_eq!(
        asked("--json --order-id order-2"),
        lines.split_inclusive('\n').nth(2).unwrap()
    );
    // Eight times 50 at 150.25, to the cent.
    assert_eq!(asked("--sum total_value"), "60100.00\n");
    assert_eq!(asked("--sum total_value --order-id order-1"), "7512.50\n");
    assert_eq!(asked("--csv").lines().count(), 9);
}

#[test]
fn an_archived_day_is_verified_and_counted() {
    let (bench, _, _) = journal();
    let ran = bench.tj("verify trades --json").fine();
    let covered = &ran.json()[0];
    assert_eq!(
        (&covered["days"], &covered["lines"], &covered["problems"]),
        (&3.into(), &8.into(), &0.into())
    );
    let ran = bench.tj("status --json").fine();
    let trades = &ran.json()[0]["streams"][0];
    assert_eq!(
        (
            &trades["days"],
            &trades["archived_days"],
            &trades["records"]
        ),
        (&2.into(), &1.into(), &8.into())
    );
    assert_eq!(trades["first_day"], "2025-10-26");
}

#[test]
fn damage_in_an_archived_day_is_named_by_every_command() {
    let (bench, _, path) = journal();
    let bytes = fs::read(&path).unwrap();
    bench.write(
        "archive/trades/2025/2025-10-26.jsonl.gz",
        &bytes[..bytes.len() / 2],
    );
    let names_it = |ran: Ran| {
        let said = ran.out + &ran.err;
        assert!(
            said.contains("archive/trades/2025/2025-10-26.jsonl.gz"),
            "{said}"
        );
    };
    names_it(bench.tj("tail trades").code(1));
    names_it(bench.tj("query trades --count").code(1));
    names_it(bench.tj("query trades --sum total_value").code(1));
    names_it(bench.tj("verify trades").code(1));
}
