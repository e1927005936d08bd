//! `tj archive`, `tj retention` and `tj hold`: what is printed, what is refused, and a process that is killed.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use tradejournal::journal::Options;
use tradejournal::keep::KeepLock;
use tradejournal::record::TradeRecord;

use super::run::Bench;
use crate::sample::{entry, journal, noon, three_days, time};

/// Three days, of which two are closed and old enough to be archived, and the first to be deleted as well.
fn bench() -> Bench {
    let bench = Bench::new();
    three_days(&bench.path(""));
    bench.write(
        "tj.toml",
        "[retention.trades]\narchive = \"1d\"\ndelete = \"2d\"\n",
    );
    bench
}

/// Sizes hang on what a journal's name adds to its lines.
fn without_sizes(text: &str) -> String {
    let sizes = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let mut out = Vec::new();
        let mut at = 0;
        while let Some(word) = words.get(at) {
            let is_size = matches!(words.get(at + 1), Some(&"KB" | &"B" | &"MB"));
            out.push(if is_size { "SIZE" } else { word });
            at += 1 + usize::from(is_size);
        }
        out.join(" ")
    };
    let lines: Vec<String> = text.lines().map(sizes).collect();
    lines.join("\n") + "\n"
}

#[test]
fn what_is_due_is_shown_done_and_then_done_with() {
    let bench = bench();
    let ran = bench.tj("archive --dry-run").fine();
    let wanted = "\
what     stream  day         why            size  from                           to
archive  trades  2025-10-26  older than 1d  SIZE  logs/trades/2025-10-26.jsonl   archive/trades/2025/2025-10-26.jsonl.gz
archive  trades  2025-10-27  older than 1d  SIZE  logs/trades/2025-10-27.jsonl   archive/trades/2025/2025-10-27.jsonl.gz
2 to do, SIZE
";
    let words = |text: &str| -> Vec<String> {
        let sized = without_sizes(text);
        sized.split_whitespace().map(str::to_owned).collect()
    };
    assert_eq!(words(&ran.out), words(wanted), "{}", ran.out);
    assert!(!bench.path("archive").exists());
    let orders = || bench.tj("query trades --json").fine().out;
    let before = orders();
    let ran = bench.tj("archive").fine();
    let done = without_sizes(&ran.out);
    assert_eq!(
        done,
        "2 of 2 done, SIZE into SIZE
"
    );
    assert_eq!(bench.tj("archive").fine().out, "nothing is due\n");
    assert_eq!(orders(), before);
    bench.tj("verify").fine();
    bench
        .shell("cd archive/trades/2025 && sha256sum -c --ignore-missing --quiet *.sha256")
        .fine();
    // Nobody deletes by accident.
    let ran = bench.tj("retention apply").code(2);
    assert!(ran.err.contains("deleting takes --yes"), "{}", ran.err);
    let ran = bench.tj("retention apply --yes --json").code(0);
    let row = &ran.json()[0];
    let told = [&row["action"], &row["day"], &row["why"]];
    assert_eq!(told, ["delete", "2025-10-26", "older than 2d"]);
    assert!(row["done"].as_bool().unwrap() && ran.json().len() == 1);
    // The 27th: one day was closed since, the 28th is open.
    assert_eq!(
        ran.err,
        "trades stays from 2025-10-27 on: closed days since: 0, and 2d take 1 of them\n"
    );
    assert_eq!(bench.tj("query trades --count").fine().out, "5\n");
    bench.tj("verify").fine();
    let audit = bench.tj("tail audit --json").fine().out;
    assert!(audit.contains(r#""kind":"deleted","stream":"trades","day":"2025-10-26""#));
}

#[test]
fn a_hold_and_a_damaged_day_keep_what_they_should() {
    let bench = bench();
    bench.tj("archive").fine();
    bench
        .tj("hold add --stream trades --to 2025-10-26 --why x")
        .fine();
    let ran = bench.tj("retention plan").code(0);
    assert_eq!(
        (&*ran.out, &*ran.err),
        (
            "nothing is due\n",
            "trades stays from 2025-10-26 on: hold 1 keeps it: x\n"
        )
    );
    bench.tj("hold lift 1 --why y").fine();
    let path = bench.path("archive/trades/2025/2025-10-26.jsonl.gz");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let ran = bench.tj("retention apply --yes").code(1);
    assert!(
        ran.err
            .contains("2025-10-26.jsonl.gz is damaged: it is no whole gzip file"),
        "{}",
        ran.err
    );
    assert!(path.exists());
    for (line, why) in [
        (
            "hold add --why me@example.com",
            "--why must not have an e-mail address in it",
        ),
        (
            "hold add --from 2025-10-02 --to 2025-10-01 --why x",
            "must not be before first_day",
        ),
        ("hold add --from yesterday --why x", "--from is no day"),
        ("hold lift 1 --why again", "there is no hold 1"),
    ] {
        let ran = bench.tj(line).code(2);
        assert!(ran.err.contains(why), "{line}: {}", ran.err);
    }
}

#[test]
fn settings_that_would_lose_days_are_refused() {
    let bench = bench();
    for (text, why) in [
        (
            "[retention]\napply = 1\n",
            "line 2: `apply` is true or false",
        ),
        (
            "[retention.trade]\n",
            "line 1: unknown key `trade` (did you mean `trades`?)",
        ),
        (
            "[retention]\ntrades = 1\n",
            "line 2: `trades` is a section: write [retention.trades]",
        ),
        (
            "[retention.trades]\narchive = 90\n",
            "line 2: `archive` is a number of days or years",
        ),
        (
            "[retention.trades]\ndelete = \"80d\"\n",
            "trades would be deleted before it is archived",
        ),
        (
            "[retention.audit]\ndelete = \"9y\"\n",
            "line 2: audit is never deleted",
        ),
    ] {
        bench.write("tj.toml", text);
        let ran = bench.tj("archive").code(2);
        assert!(ran.err.contains(why), "{text}: {}", ran.err);
    }
    bench.write("tj.toml", "[retention]\napply = true\n");
    bench.tj("retention apply").fine();
}

#[test]
fn one_process_keeps_a_journal() {
    let bench = bench();
    let journal = Options::new(bench.path("logs")).open().unwrap();
    let lock = KeepLock::take(&journal).unwrap();
    let ran = bench.tj("archive").code(3);
    let own = std::process::id();
    assert_eq!(
        ran.err,
        format!(
            "tj: cannot keep the journal: already running as process {own}\nhint: wait for it to end\n"
        )
    );
    // Whoever only wants to know is not kept waiting.
    bench.tj("archive --dry-run").fine();
    drop(lock);
    bench.tj("archive").fine();
    let nowhere = Bench::new();
    let ran = nowhere.tj("archive").code(3);
    assert!(ran.err.contains("no journal in logs"), "{}", ran.err);
}

/// Days of some megabytes, so that there is time to be killed in.
fn large_days(folder: &Path) {
    let clock = noon();
    let writer = journal(folder, &clock).writer::<TradeRecord>().unwrap();
    let records: Vec<TradeRecord> = (0..12_000).map(entry).collect();
    for (day, records) in ["26", "27", "28", "29"].iter().zip(records.chunks(3000)) {
        clock.set(time(&format!("2025-10-{day}T09:00:00Z")));
        writer.append_all(records).unwrap();
    }
    writer.tick();
    writer.close().unwrap();
}

/// A real process, killed with SIGKILL at one moment after the other: every day is somewhere whole, and the next
/// run finishes.
#[test]
fn a_process_that_is_killed_while_it_archives_and_deletes_loses_nothing() {
    let whole = Bench::new();
    large_days(&whole.path(""));
    let toml = "[retention]\napply = true\n[retention.trades]\narchive = \"1d\"\ndelete = \"2d\"\n";
    whole.write("tj.toml", toml);
    let copy = || {
        let bench = Bench::new();
        let from = whole.path("");
        let script = format!("cp -a {}/. .", from.display());
        bench.shell(&script).fine();
        bench
    };
    let sums = whole
        .shell("cd logs/trades && sha256sum *.jsonl")
        .fine()
        .out;
    let timed = copy();
    let start = Instant::now();
    timed.tj("archive").fine();
    let took = start.elapsed();
    let kills = 24;
    for kill in 0..kills {
        let bench = copy();
        for command in ["archive", "retention"] {
            let mut killed = bench.command();
            killed
                .arg(command)
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            if command == "retention" {
                killed.arg("apply");
            }
            let mut child = killed.spawn().unwrap();
            thread::sleep(took * kill / kills);
            child.kill().unwrap();
            child.wait().unwrap();
            // Each day is there, plain or packed, or told of as deleted.
            for line in sums.lines() {
                let (sha256, name) = line.split_once("  ").unwrap();
                let found = bench.shell(&format!(
                    "(cat logs/trades/{name} || zcat archive/trades/2025/{name}.gz) 2>/dev/null | sha256sum"
                ));
                let is_deleted = bench.shell("cat logs/audit/*.jsonl").out.contains(&format!(
                    "\"kind\":\"deleted\",\"stream\":\"trades\",\"day\":\"{}\"",
                    &name[..10]
                ));
                assert!(
                    found.out.starts_with(sha256) || is_deleted,
                    "{name} after kill {kill}"
                );
            }
        }
        let took_up = bench.tj("archive");
        assert_eq!(took_up.code, 0, "{}", took_up.err);
        bench.tj("retention apply");
        let left = bench
            .shell("ls archive/trades/2025 logs/trades | grep 2025-")
            .out;
        assert_eq!(
            left, "2025-10-28.jsonl.gz\n2025-10-28.jsonl.sha256\n2025-10-29.jsonl\n",
            "after kill {kill}"
        );
        bench.tj("verify").fine();
    }
    assert!(Duration::ZERO < took);
}
