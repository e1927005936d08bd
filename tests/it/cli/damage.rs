//! `tj verify` and `tj repair`: what was done to a journal, and how it goes on.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use super::run::{Bench, trades};

/// A journal of four trades and its day's file.
fn journal() -> (Bench, PathBuf) {
    let bench = Bench::new();
    bench.tj_with("append trades", trades(4).as_bytes()).fine();
    let files = fs::read_dir(bench.path("logs/trades")).unwrap();
    let day = files
        .map(|it| it.unwrap().path())
        .find(|it| it.extension().is_some_and(|it| it == "jsonl"))
        .unwrap();
    (bench, day)
}

fn write(path: &Path, text: &str) {
    let mut file = fs::File::create(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn change_last_line(day: &Path) {
    let text = fs::read_to_string(day).unwrap();
    let text = text.replacen("\"order_id\":\"order-3\"", "\"order_id\":\"order-7\"", 1);
    write(day, &text);
}

#[test]
fn a_whole_journal_verifies() {
    let (bench, _) = journal();
    let ran = bench.tj("verify").fine();
    assert!(
        ran.out
            .contains("\nall that can be checked from the bytes is right\n"),
        "{}",
        ran.out
    );
    let ran = bench.tj("verify trades --chain --json").fine();
    let covered = &ran.json()[0];
    assert_eq!(covered["verified"], "trades");
    assert_eq!(
        (&covered["lines"], &covered["problems"]),
        (&4.into(), &0.into())
    );
    assert_eq!(
        bench.tj("repair trades").fine().out,
        "trades: nothing to repair\n"
    );
}

#[test]
fn progress_is_shown_on_a_terminal_and_on_standard_error_alone() {
    let (bench, _) = journal();
    // `script` gives it a terminal for its standard error.
    let line = "script -qec 'stty cols 200; tj verify trades > out.txt' /dev/null";
    let shown = bench.shell(line).code(0).out;
    assert!(shown.contains("verifying trades ["), "{shown:?}");
    assert!(shown.contains(" KiB/"), "{shown:?}");
    assert_eq!(bench.tj("verify trades").fine().out, bench.read("out.txt"));
}

#[test]
fn a_changed_line_is_named_refused_for_writing_and_can_be_accepted() {
    let (bench, day) = journal();
    let text = fs::read_to_string(&day).unwrap();
    let first = text.trim_end().rfind('\n').unwrap() + 1;
    change_last_line(&day);
    let name = day.file_name().unwrap().to_str().unwrap();
    let place = format!("logs/trades/{name}:4 (byte {first})");
    let ran = bench.tj("verify").code(1);
    assert!(
        ran.out.starts_with(&format!("{place}: damaged line: ")),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("\n1 problem\n"), "{}", ran.out);
    let ran = bench.tj("verify --json").code(1);
    let finding = &ran.json()[0];
    assert_eq!(finding["finding"], "damaged_line");
    assert_eq!(
        (&finding["line"], &finding["byte"]),
        (&4.into(), &first.into())
    );

    let ran = bench.tj_with("append trades", trades(1).as_bytes()).code(3);
    assert!(
        ran.err
            .starts_with("tj: cannot write to trades: recover trades: "),
        "{}",
        ran.err
    );
    assert!(
        ran.err
            .contains("\nhint: `tj verify` and `tj repair STREAM` explain the damage"),
        "{}",
        ran.err
    );

    let before = fs::read(&day).unwrap();
    let ran = bench.tj("repair trades").code(1);
    assert!(ran.out.starts_with(&format!("{place}: ")), "{}", ran.out);
    assert!(
        ran.out.ends_with("trades: damaged, nothing was changed\n"),
        "{}",
        ran.out
    );
    assert!(ran.err.contains("tj repair trades --accept"), "{}", ran.err);
    assert_eq!(fs::read(&day).unwrap(), before);

    let ran = bench
        .tj("repair trades --accept --reason tested --json")
        .fine();
    let report = &ran.json()[0];
    assert_eq!(report["accepted"], true);
    assert_eq!(report["places"][0]["line"], 4);
    let audit = bench.tj("tail audit --json").fine();
    let event = audit
        .json()
        .into_iter()
        .find(|it| it["kind"] == "damage_accepted")
        .unwrap();
    assert_eq!(event["reason"], "tested");
    let ran = bench.tj_with("append trades", trades(1).as_bytes()).fine();
    assert_eq!(ran.out, "1 record appended to trades: seq 4\n");
    // Accepted damage is told, and is no problem any more. (The order was entered before.)
    let ran = bench.tj("verify --chain").fine();
    assert!(ran.out.contains("accepted damage: "), "{}", ran.out);
}

#[test]
fn a_link_and_a_pipe_with_the_names_of_days_are_named_and_never_read() {
    let (bench, day) = journal();
    bench
        .shell("mkfifo logs/trades/2025-01-01.jsonl && mkdir -p archive/trades/2024")
        .fine();
    let link = bench.path("archive/trades/2024/2024-01-05.jsonl.gz");
    std::os::unix::fs::symlink(&day, link).unwrap();
    assert_eq!(bench.tj("tail trades --json").fine().out.lines().count(), 4);
    assert_eq!(bench.tj("query trades --count").fine().out, "4\n");
    let ran = bench.tj("verify").code(1);
    assert!(
        ran.out.starts_with(
            "logs/trades/2025-01-01.jsonl: unreadable: is not a plain file but a pipe, a socket or \
             a device; nothing of it is read\n\
             archive/trades/2024/2024-01-05.jsonl.gz: unreadable: is not a plain file but a link; \
             nothing of it is read\n"
        ),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("\n2 problems\n"), "{}", ran.out);
    let ran = bench.tj("status").fine();
    for name in [
        "logs/trades/2025-01-01.jsonl",
        "archive/trades/2024/2024-01-05.jsonl.gz",
    ] {
        let note = format!("\ntrades: {name} is not a plain file; nothing of it is read\n");
        assert!(ran.out.contains(&note), "{}", ran.out);
    }
    let report = &bench.tj("status --json").fine().json()[0];
    assert_eq!(
        report["streams"][0]["impostors"].as_array().unwrap().len(),
        2
    );
}

#[test]
fn a_torn_tail_is_kept() {
    let (bench, day) = journal();
    let mut file = fs::OpenOptions::new().append(true).open(&day).unwrap();
    file.write_all(b"{\"timestamp\":\"2025-10").unwrap();
    let ran = bench.tj("verify trades");
    assert!(ran.out.contains("torn tail"), "{}", ran.out);
    let ran = bench.tj("repair trades").fine();
    assert!(
        ran.out
            .contains("a torn tail, promised to nobody, is kept in logs/trades/torn/"),
        "{}",
        ran.out
    );
    bench.tj("verify").fine();
    assert_eq!(bench.tj("tail trades --json").fine().out.lines().count(), 4);
}

#[test]
fn a_repeated_order_is_found_unless_only_the_chain_is_looked_at() {
    let (bench, _) = journal();
    bench.tj_with("append trades", trades(1).as_bytes()).fine();
    let ran = bench.tj("verify trades").code(1);
    assert!(ran.out.contains("repeated order id: "), "{}", ran.out);
    bench.tj("verify trades --chain").fine();
}
