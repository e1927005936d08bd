//! Backups and restores as a person meets them.

use std::fs;

use super::run::Bench;
use crate::sample::three_days;

fn bench() -> Bench {
    let bench = Bench::new();
    three_days(&bench.path(""));
    bench
}

#[test]
fn a_file_of_settings_says_where_backups_go_and_how_many_stay() {
    let bench = bench();
    bench.write(
        "tj.toml",
        "[backup]\nto = [\"one\", \"two\"]\nconfig = [\"tj.toml\"]\ndaily = 1\nweekly = 0\nmonthly = 0\n",
    );
    for _ in 0..3 {
        let rows = bench.tj("backup --json").fine().json();
        assert_eq!(
            (rows.len(), &rows[0]["error"]),
            (2, &serde_json::Value::Null)
        );
    }
    for folder in ["one", "two"] {
        assert_eq!(fs::read_dir(bench.path(folder)).unwrap().count(), 2);
    }
    let rows = bench.tj("backup list --json").fine().json();
    assert_eq!(rows.len(), 2);
    let plan = bench.tj("backup --plan --to one").fine().out;
    // The one that would be made takes the day of the one that is there.
    assert!(plan.contains("\n  stays  test-"), "{plan}");
    assert!(plan.contains("\n  goes   test-"), "{plan}");
    assert_eq!(fs::read_dir(bench.path("one")).unwrap().count(), 2);
    let verified = bench.tj("backup verify --json").fine().json();
    assert_eq!(verified[0]["whole"], true);
    assert_eq!(verified[0]["streams"][0]["lines"], 8);
    bench.tj("restore --into restored").fine();
    assert!(bench.path("restored/config/tj.toml").exists());
    let shown = bench.tj("config show --json").fine();
    let shown: Vec<_> = shown.json();
    let rpo = shown.iter().find(|it| it["key"] == "backup.rpo").unwrap();
    assert_eq!(
        (&rpo["value"], &rpo["from"]),
        (&"24h".into(), &"default".into())
    );
}

#[test]
fn a_file_of_settings_that_is_wrong_is_refused() {
    let bench = bench();
    for (line, why) in [
        ("to = [\"-oProxyCommand=x:y\"]", "begins with `-`"),
        ("to = 7", "`to` is a text in quotes"),
        ("daily = -1", "`daily` is a whole number from 0 to 65535"),
        (
            "ssh_port = 0",
            "`ssh_port` is a whole number from 1 to 65535",
        ),
        ("rpo = \"soon\"", "`rpo` is a span"),
        ("daly = 7", "did you mean `daily`?"),
    ] {
        bench.write("tj.toml", format!("[backup]\n{line}\n"));
        let ran = bench.tj("backup").code(2);
        assert!(ran.err.contains(why), "{line}: {}", ran.err);
    }
}

#[test]
fn no_target_and_a_target_that_is_an_option_are_wrong_usage() {
    let bench = bench();
    let ran = bench.tj("backup").code(2);
    assert!(ran.err.contains("no target is named"), "{}", ran.err);
    let ran = bench.tj("backup --to=-oProxyCommand=touch:x").code(2);
    assert!(ran.err.contains("begins with `-`"), "{}", ran.err);
    assert!(!bench.path("x").exists());
    bench.tj("restore one").code(2);
    bench.tj("restore one --into x --at never").code(2);
}

#[test]
fn a_target_that_fails_makes_the_code_3_and_the_others_are_done() {
    let bench = bench();
    bench.write("file", "no folder");
    let ran = bench.tj("backup --to file/x --to one").code(3);
    assert!(ran.out.starts_with("one: test-"), "{}", ran.out);
    assert!(
        ran.err.contains("tj: file/x: ") && ran.err.contains("1 of 2 targets have no new backup"),
        "{}",
        ran.err
    );
    let other = bench.tj("backup --to one --dir nowhere").code(3);
    assert!(other.err.contains("no journal in nowhere"), "{}", other.err);
}

/// A disk that is not mounted leaves an empty folder, into which a backup goes that is lost with the machine.
#[test]
fn a_target_that_lacks_its_last_backup_is_told_of_once() {
    let bench = bench();
    bench.tj("backup --to one --to two").fine();
    let name = bench.tj("backup list --to one --json").fine().json()[0]["name"].clone();
    let name = name.as_str().unwrap();
    fs::rename(bench.path("one"), bench.path("unplugged")).unwrap();
    let ran = bench.tj("backup --to one --to two --json").code(1);
    let told = format!("one: the last backup {name} is not there: is it mounted?");
    assert!(ran.err.contains(&told), "{}", ran.err);
    let rows = ran.json();
    assert_eq!(rows[0]["missing"], name);
    assert_eq!(rows[1]["missing"], serde_json::Value::Null);
    assert!(rows[0]["name"].is_string());
    // It was another disk, for good.
    bench.tj("backup --to one --to two").fine();

    bench.write("tj.toml", "[backup]\nto = [\"one\"]\n");
    fs::remove_dir_all(bench.path("one")).unwrap();
    let ran = bench.tj("nightly").code(1);
    assert!(
        ran.err.contains("is not there: is it mounted?"),
        "{}",
        ran.err
    );
    assert!(
        ran.out.contains("backup: 1 of 1 targets, read back"),
        "{}",
        ran.out
    );
    bench.tj("nightly").fine();
}

#[test]
fn a_target_that_cannot_be_listed_keeps_no_other_from_it() {
    let bench = bench();
    bench.tj("backup --to one").fine();
    let ran = bench.tj("backup list --to nowhere --to one").code(3);
    assert!(ran.out.contains("  one     test-"), "{}", ran.out);
    assert!(
        ran.err.contains("tj: nowhere: list nowhere: ")
            && ran.err.contains("1 of 2 targets cannot be listed"),
        "{}",
        ran.err
    );
}

/// A hint is only of what helps.
#[test]
fn what_force_does_not_move_is_not_said_to_be_moved_by_it() {
    let bench = bench();
    bench.tj("backup --to one").fine();
    bench.write("file", "mine");
    std::os::unix::fs::symlink("one", bench.path("link")).unwrap();
    for into in ["file", "link"] {
        let ran = bench.tj(&format!("restore one --into {into}")).code(3);
        assert!(
            ran.err.contains("is there already: it is a "),
            "{}",
            ran.err
        );
        assert!(!ran.err.contains("--force"), "{}", ran.err);
    }
    let ran = bench.tj("restore one/latest.tar.gz --at 2025-10-26 --into x");
    let ran = ran.code(2);
    assert!(
        ran.err
            .contains("--at looks for a backup in a target, and one/latest.tar.gz is a file"),
        "{}",
        ran.err
    );
    assert!(!bench.path("x").exists());
}

#[test]
fn one_backup_runs_at_a_time() {
    let bench = bench();
    let ran = bench.shell("flock logs/.BACKUPS.lock tj backup --to one");
    let ran = ran.code(3);
    assert!(
        ran.err.contains("another process makes a backup of logs"),
        "{}",
        ran.err
    );
}

/// As root in a bot's journal: a file that root makes there would keep the bot from its backups for good.
#[test]
fn who_does_not_own_the_journal_makes_no_file_in_it() {
    let bench = bench();
    bench.tj("backup --to one").fine();
    fs::remove_file(bench.path("logs/.BACKUPS.lock")).unwrap();
    fs::remove_file(bench.path("logs/.BACKUPS.write")).unwrap();
    let recorded = bench.read("logs/BACKUPS");
    if std::os::unix::fs::chown(bench.path("logs"), Some(4242), None).is_err() {
        return;
    }
    let ran = bench.tj("backup --to two").code(3);
    assert!(
        ran.err
            .contains("logs belongs to user 4242, and this is user 0")
            && ran.err.contains("hint: run it as user 4242"),
        "{}",
        ran.err
    );
    assert!(!bench.path("two").exists());
    let ran = bench.tj("restore one --drill").code(0);
    assert!(ran.out.contains("verified and removed"), "{}", ran.out);
    assert!(
        ran.err.contains("the drill is not recorded: ") && ran.err.contains("user 4242"),
        "{}",
        ran.err
    );
    for name in [".BACKUPS.lock", ".BACKUPS.write"] {
        assert!(!bench.path("logs").join(name).exists(), "{name}");
    }
    assert_eq!(bench.read("logs/BACKUPS"), recorded);
}

#[test]
fn a_bad_backup_is_named_and_nothing_is_written() {
    let bench = bench();
    bench.tj("backup --to one").fine();
    let path = bench.path("one/latest.tar.gz");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    bench.write("bad.tar.gz", &bytes);
    let ran = bench.tj("backup verify bad.tar.gz").code(1);
    assert!(
        ran.out.starts_with("bad.tar.gz is no whole backup: "),
        "{}",
        ran.out
    );
    let ran = bench.tj("restore bad.tar.gz --into restored").code(1);
    assert!(
        ran.err.contains("bad.tar.gz is no whole backup: ") && !ran.err.contains("--at"),
        "{}",
        ran.err
    );
    assert!(!bench.path("restored").exists());
}

#[test]
fn the_newest_before_a_time_is_restored() {
    let bench = bench();
    bench.tj("backup --to one").fine();
    // As if it was made earlier.
    let ran = bench.tj("backup list --to one --json").fine();
    let name = ran.json()[0]["name"].as_str().unwrap().to_owned();
    let older = "test-20251026T120000.000Z.tar.gz";
    fs::copy(bench.path("one").join(&name), bench.path("one").join(older)).unwrap();
    let rows = bench
        .tj("restore one --at 2025-10-26 --into older --json")
        .fine();
    assert_eq!(rows.json()[0]["backup"], older);
    let rows = bench.tj("restore one --into newer --json").fine();
    assert_eq!(rows.json()[0]["backup"], name.as_str());
    let ran = bench.tj("restore one --at 2025-10-25 --into none").code(3);
    assert!(
        ran.err
            .contains("one has no backup of test made before 2025-10-26T"),
        "{}",
        ran.err
    );
    let ran = bench.tj("restore one --into newer").code(3);
    assert!(ran.err.contains("--force moves it aside"), "{}", ran.err);
    let ran = bench.tj("restore one --into newer --force").fine();
    assert!(
        ran.out.contains("what was there is in newer.before-"),
        "{}",
        ran.out
    );
}

/// Several journals may share a target: what comes back is the one that is meant, and nobody guesses which.
#[test]
fn of_a_shared_target_the_journal_that_is_meant_comes_back() {
    let bench = bench();
    bench.tj("backup --to one").fine();
    let own = bench.tj("backup list --to one --json").fine().json()[0]["name"].clone();
    let own = own.as_str().unwrap().to_owned();
    let other = "other-20990101T000000.000Z.tar.gz";
    bench.write(&format!("one/{other}"), "of somebody else, and newer");
    let rows = bench.tj("restore one --into restored --json").fine();
    assert_eq!(rows.json()[0]["backup"], own.as_str());
    bench.tj("backup verify one").fine();
    bench.tj("restore one --drill").fine();

    // On a new machine there is no journal yet to say which.
    let refused = bench.tj("restore one --into again --dir nowhere").code(2);
    for part in [
        "one has backups of 2 journals, the newest of each: ",
        &own,
        other,
        "hint: name the file: one/NAME",
    ] {
        assert!(refused.err.contains(part), "{part}: {}", refused.err);
    }
    let named = format!("restore one/{own} --into again --dir nowhere");
    bench.tj(&named).fine();
    bench.write("named.toml", "[journal]\nname = \"test\"\n");
    bench
        .tj("restore one --into third --dir nowhere --config named.toml")
        .fine();
}

#[test]
fn a_drill_is_timed_and_leaves_nothing() {
    let bench = bench();
    bench.tj("backup --to one").fine();
    let ran = bench.tj("restore one --drill").fine();
    assert!(
        ran.out.contains(" restored, verified and removed in "),
        "{}",
        ran.out
    );
    assert_eq!(fs::read_dir(bench.path("cache")).unwrap().count(), 0);
    let told: serde_json::Value = serde_json::from_str(&bench.read("logs/BACKUPS")).unwrap();
    assert!(told["drill"]["milliseconds"].is_u64());
}
