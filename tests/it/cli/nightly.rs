//! `tj nightly`, and the ways to have it run.

use std::fs;

use tradejournal::journal::Options;
use tradejournal::keep::KeepLock;
use tradejournal::record::TradeRecord;

use super::run::Bench;
use crate::sample::{entry, journal, noon, three_days};

const TOML: &str = "\
[retention]
apply = true
[retention.trades]
archive = \"1d\"
delete = \"2d\"
[nightly]
reports = \"reports\"
[backup]
to = [\"safe\"]
";

#[test]
fn a_night_does_all_that_is_due_and_says_so_in_one_line() {
    let bench = Bench::new();
    three_days(&bench.path(""));
    bench.write("tj.toml", TOML);
    let ran = bench.tj("nightly").fine();
    let line = ran.out.trim_end();
    for part in [
        "nightly: close: 2 days closed; archive: 2 days archived; retention: 2 days deleted; backup: 1 of 1 targets, read back; verify: ",
        " records, nothing wrong; report: reports/",
        ".html, 0 trades",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert_eq!(line.lines().count(), 1);
    let page = fs::read_dir(bench.path("reports")).unwrap().next().unwrap();
    let page = fs::read_to_string(page.unwrap().path()).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("</html>"));
    // The next night has nothing to do, and a machine reads that too.
    let ran = bench.tj("nightly --json").fine();
    let did: Vec<_> = ran.json().iter().map(|it| it["did"].clone()).collect();
    assert_eq!(
        did[..3],
        ["0 days closed", "0 days archived", "0 days deleted"]
    );
    bench.tj("verify").fine();
    bench.tj("backup verify safe").fine();
    // A monitor is told nothing while all is well, and of a backup that is late.
    let ran = bench.tj("status").fine();
    assert!(ran.out.contains("backup in safe: test-"), "{}", ran.out);
    assert!(
        ran.out.contains("never restored: `tj restore --drill`"),
        "{}",
        ran.out
    );
    bench.tj("restore --drill").code(0);
    let ran = bench.tj("status").fine();
    assert!(
        ran.out.contains("last drill 0 s ago: restored"),
        "{}",
        ran.out
    );
    bench.write(
        "tj.toml",
        TOML.replace("[backup]", "[backup]\nrpo = \"1s\""),
    );
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let ran = bench.tj("status").code(1);
    assert!(
        ran.out.contains(" - BACKUP LATE: at most 1 s"),
        "{}",
        ran.out
    );
    let ran = bench.tj("status --json").code(1);
    assert_eq!(ran.json()[0]["safety"]["backups"][0]["late"], true);
    bench.write("tj.toml", TOML.replace("safe", "elsewhere"));
    let ran = bench.tj("status").code(1);
    assert!(
        ran.out.contains("elsewhere: none yet - BACKUP LATE"),
        "{}",
        ran.out
    );
}

/// A run each day that begins a little later than the one before is not late while it runs.
#[test]
fn a_backup_of_a_little_more_than_a_day_is_not_late() {
    let bench = Bench::new();
    three_days(&bench.path(""));
    bench.write("tj.toml", TOML);
    bench.tj("backup").fine();
    for (age, code) in [("24 hours 40 minutes", 0), ("25 hours 20 minutes", 1)] {
        let line = format!(
            "date -u -d 'now - {}' +%FT%TZ",
            age.replace("hours ", "hours - ")
        );
        let time = bench.shell(&line).fine().out;
        let text = bench.read("logs/BACKUPS");
        let mut told: serde_json::Value = serde_json::from_str(&text).unwrap();
        told["targets"][0]["time"] = time.trim().into();
        bench.write("logs/BACKUPS", told.to_string());
        bench.tj("status").code(code);
    }
}

#[test]
fn a_target_that_cannot_be_reached_is_named_and_the_night_goes_on() {
    let bench = Bench::new();
    three_days(&bench.path(""));
    bench.write("tj.toml", TOML.replace("safe", "file/below"));
    bench.write("file", "no folder");
    let ran = bench.tj("nightly").code(1);
    assert!(ran.err.contains("file/below: "), "{}", ran.err);
    let line = ran.out.trim_end();
    assert!(
        line.contains("backup: 0 of 1 targets, read back; verify: "),
        "{line}"
    );
    assert!(line.contains("report: reports/"), "{line}");
}

#[test]
fn what_a_bot_left_open_is_closed_and_what_it_writes_is_its_own() {
    let bench = Bench::new();
    let clock = noon();
    let journal = journal(&bench.path(""), &clock);
    let writer = journal.writer::<TradeRecord>().unwrap();
    writer.append(&entry(0)).unwrap();
    // The bot goes on, more than a year behind the real clock.
    let ran = bench.tj("nightly").fine();
    assert!(ran.out.contains("close: 0 days closed"), "{}", ran.out);
    let seal = bench.path("logs/trades/2025-10-26.jsonl.sha256");
    assert!(!seal.exists());
    writer.close().unwrap();
    let ran = bench.tj("nightly").fine();
    assert!(ran.out.contains("close: 1 day closed"), "{}", ran.out);
    assert!(seal.exists());
}

#[test]
fn damage_is_named_and_the_other_parts_are_done() {
    let bench = Bench::new();
    three_days(&bench.path(""));
    bench.write("tj.toml", TOML);
    let path = bench.path("logs/trades/2025-10-26.jsonl");
    let mut bytes = fs::read(&path).unwrap();
    bytes[200] ^= 1;
    fs::write(&path, bytes).unwrap();
    let ran = bench.tj("nightly").code(1);
    assert!(
        ran.err.contains("2025-10-26.jsonl is damaged: its SHA-256"),
        "{}",
        ran.err
    );
    let last = ran.out.lines().last().unwrap();
    for part in ["archive: 0 days archived", "problems; report: reports/"] {
        assert!(last.contains(part), "{last}");
    }
    assert!(path.exists());
}

#[test]
fn a_second_one_at_the_same_time_has_nothing_to_do() {
    let bench = Bench::new();
    three_days(&bench.path(""));
    let journal = Options::new(bench.path("logs")).open().unwrap();
    let lock = KeepLock::take_for_the_night(&journal).unwrap();
    let own = std::process::id();
    let ran = bench.tj("nightly").fine();
    assert_eq!(ran.out, format!("already running as process {own}\n"));
    drop(lock);
    let nowhere = Bench::new();
    nowhere.tj("nightly").code(3);
}

/// Somebody who archives by hand, or hangs while doing so, keeps the night from that alone.
#[test]
fn who_keeps_the_journal_meanwhile_keeps_the_night_from_nothing_else() {
    let bench = Bench::new();
    three_days(&bench.path(""));
    bench.write("tj.toml", TOML);
    let journal = Options::new(bench.path("logs")).open().unwrap();
    let lock = KeepLock::take(&journal).unwrap();
    let ran = bench.tj("nightly").code(3);
    for part in [
        "nightly: close: 2 days closed; archive: failed; retention: failed; backup: 0 of 1 targets, read back; verify: ",
        " records, nothing wrong; report: reports/",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    let told = "of the night's parts these failed: archive, retention, backup";
    assert!(
        ran.err.contains(told)
            && ran
                .err
                .contains("archive: cannot keep the journal: already running"),
        "{}",
        ran.err
    );
    drop(lock);
    bench.tj("nightly").fine();
}

/// The line of the crontab as cron would run it, in the hour that it waits for and in another one.
#[test]
fn the_line_of_the_crontab_runs_in_one_hour_of_new_york() {
    let bench = Bench::new();
    three_days(&bench.path(""));
    let text = include_str!("../../../scripts/crontab");
    let line = text.lines().find(|it| it.starts_with("30 ")).unwrap();
    let command = line.splitn(6, ' ').last().unwrap().replace("\\%", "%");
    let here = bench.path("").display().to_string();
    let command = command
        .replace("/srv/bot", &here)
        .replace("/usr/local/bin/tj", "tj");
    assert!(command.contains("tj nightly") && command.contains(&here));
    let now = bench.shell("TZ=America/New_York date +%H").fine().out;
    let in_its_hour = command.replace("!= 16", &format!("!= {}", now.trim()));
    assert!(
        bench
            .shell(&in_its_hour)
            .fine()
            .out
            .starts_with("nightly: ")
    );
    let in_another = command.replace("!= 16", "!= 99");
    assert_eq!(bench.shell(&in_another).fine().out, "");
}
