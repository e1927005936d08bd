//! Backup and restore: what is in a backup that is made while a bot writes, what is refused, and that whatever is
//! cut off leaves nothing that could be taken for one.

mod hostile;
mod killed;
mod placing;
mod remote;
mod rotating;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use tempfile::tempdir;
use tradejournal::disk::RealDisk;
use tradejournal::evidence::checkpoint::SignedCheckpoint;
use tradejournal::evidence::checkpoints::CheckpointLog;
use tradejournal::evidence::{self, EvidenceKind, KeyFolder, Keyring, Notary, RootKey, Trust};
use tradejournal::journal::{Depth, Journal, Options, WriterOptions};
use tradejournal::keep::backup::{
    self, BackupError, Backups, Done, Extra, Restore, Restored, Target,
};
use tradejournal::record::{AuditEvent, AuditKind, Stream, TradeRecord};
use tradejournal::time::SystemClock;

use crate::sample::{archive, entry, journal, noon, three_days, time};

fn target(folder: &Path) -> Target {
    folder.display().to_string().parse().unwrap()
}

fn backups(journal: &Journal, folder: &Path) -> Backups {
    Backups::new(journal, folder.join("cache"))
}

/// One backup of a journal into a folder.
fn back_up(journal: &Journal, folder: &Path) -> (PathBuf, Done) {
    let to = folder.join("backup");
    let run = backups(journal, folder).run(&[target(&to)], &mut |_| ());
    let mut run = run.unwrap();
    let done = run.outcomes.remove(0).result.unwrap();
    (to.join(done.name.to_string()), done)
}

fn restore(backup: &Path, into: &Path) -> Result<Restored, BackupError> {
    restorer().run(backup, into, &mut |_| ())
}

fn restorer() -> Restore {
    Restore::new(Arc::new(RealDisk), noon())
}

fn problems(journal: &Journal) -> Vec<String> {
    let mut found = Vec::new();
    for stream in Stream::ALL {
        if journal.layout().stream(stream).exists() {
            let verified = journal.verify(stream, Depth::Records, &mut |it| {
                if !it.kind.is_note() {
                    found.push(format!("{}: {}", it.path.display(), it.message));
                }
            });
            verified.unwrap();
        }
    }
    found
}

fn orders(journal: &Journal) -> Vec<String> {
    let entries = journal.read::<TradeRecord>().into_iter();
    entries
        .map(|it| it.unwrap().record.order_id().to_string())
        .collect()
}

fn names_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_journal_comes_back_and_goes_on_under_a_new_epoch() {
    let folder = tempdir().unwrap();
    three_days(folder.path());
    archive(folder.path(), "trades", "2025-10-26");
    let clock = noon();
    let original = journal(folder.path(), &clock);
    let (path, done) = back_up(&original, folder.path());
    assert_eq!(names_in(path.parent().unwrap()).len(), 2);
    assert_eq!(
        fs::read(path.with_file_name("latest.tar.gz")).unwrap(),
        fs::read(&path).unwrap()
    );
    assert_eq!(done.choices.len(), 1);

    let into = folder.path().join("restored");
    let restored = restore(&path, &into).unwrap();
    assert_eq!((restored.epoch, restored.problems.len()), (1, 0));
    let again = journal(&into, &clock);
    assert_eq!(problems(&again), [""; 0]);
    assert_eq!(orders(&again), orders(&original));
    assert_eq!(again.identity().unwrap().epoch(), 1);
    let link = fs::read_link(into.join("logs/trades.jsonl")).unwrap();
    assert_eq!(link, Path::new("trades/2025-10-28.jsonl"));
    let told = again.read::<AuditEvent>().last(1).into_iter().next();
    let told = told.unwrap().unwrap().record;
    let AuditKind::Restored(told) = told.kind() else {
        panic!("{told:?}");
    };
    assert_eq!(told.epoch(), 1);
    clock.set(time("2025-10-28T10:00:00Z"));
    let writer = again.writer::<TradeRecord>().unwrap();
    assert_eq!(writer.append(&entry(8)).unwrap().seq, 8);
    writer.close().unwrap();
    assert_eq!(problems(&again), [""; 0]);
}

/// Where copies for other hosts are made, a target may be too: its backup is no such copy.
#[test]
fn a_target_in_the_folder_of_copies_keeps_its_backup() {
    let folder = tempdir().unwrap();
    three_days(folder.path());
    let original = journal(folder.path(), &noon());
    let staging = folder.path().join("cache");
    for (staging, to) in [
        (staging.clone(), staging.clone()),
        (staging.clone(), staging.join("below/here")),
        (PathBuf::new(), folder.path().join("anywhere")),
    ] {
        let run = Backups::new(&original, staging).run(&[target(&to)], &mut |_| ());
        let done = run.unwrap().outcomes.remove(0).result.unwrap();
        let path = to.join(done.name.to_string());
        backup::verify(&RealDisk, &path, &mut |_| ()).unwrap();
    }
}

/// A backup that is there under its own name counts, though the newest cannot get its second one.
#[test]
fn a_target_that_takes_no_second_name_has_its_backup_all_the_same() {
    let folder = tempdir().unwrap();
    three_days(folder.path());
    let original = journal(folder.path(), &noon());
    let to = folder.path().join("backup");
    fs::create_dir_all(to.join("latest.tar.gz/in the way")).unwrap();
    fs::write(to.join(".latest.tar.gz.part"), "left").unwrap();
    let run = backups(&original, folder.path()).run(&[target(&to)], &mut |_| ());
    let run = run.unwrap();
    let done = run.outcomes[0].result.as_ref().unwrap();
    backup::verify(&RealDisk, &to.join(done.name.to_string()), &mut |_| ()).unwrap();
    assert_eq!(
        names_in(&to),
        ["latest.tar.gz".to_owned(), done.name.to_string()]
    );
    assert_eq!(run.notes.len(), 1, "{:?}", run.notes);
    assert!(run.notes[0].contains("backup: the new backup is there, but: rename "));
    let last = backup::last(&original, &[to.display().to_string()]).unwrap();
    assert_eq!(last[0].last.as_ref().unwrap().0, done.name.to_string());
}

#[test]
fn stock_tools_read_a_backup() {
    let folder = tempdir().unwrap();
    three_days(folder.path());
    let long = format!("logs/data/{}/{}", "a".repeat(120), "b".repeat(120));
    fs::create_dir_all(folder.path().join(&long).parent().unwrap()).unwrap();
    fs::write(folder.path().join(&long), "of a bot").unwrap();
    let original = journal(folder.path(), &noon());
    let (path, _) = back_up(&original, folder.path());
    let into = folder.path().join("by-hand");
    fs::create_dir(&into).unwrap();
    let tar = |flags: &[&str]| {
        let mut command = std::process::Command::new("tar");
        let ran = command
            .args(flags)
            .arg("-f")
            .arg(&path)
            .arg("-C")
            .arg(&into);
        let ran = ran.output().unwrap();
        assert!(ran.status.success(), "{ran:?}");
        assert_eq!(String::from_utf8_lossy(&ran.stderr), "");
        String::from_utf8(ran.stdout).unwrap()
    };
    assert!(tar(&["-tz"]).contains(&format!("{long}\n")));
    tar(&["-xz"]);
    assert_eq!(fs::read_to_string(into.join(&long)).unwrap(), "of a bot");
    assert_eq!(orders(&journal(&into, &noon())), orders(&original));
    assert!(restore(&path, &folder.path().join("restored")).is_ok());
}

#[test]
fn everything_acknowledged_before_is_in_it_while_a_bot_writes() {
    let folder = tempdir().unwrap();
    let open = || {
        let options = Options::new(folder.path().join("logs")).name("test");
        options.clock(Arc::new(SystemClock)).open().unwrap()
    };
    let (acked, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let bot = scope.spawn(|| {
            let writer = open().writer::<TradeRecord>().unwrap();
            while !stop.load(Ordering::Relaxed) {
                let number = acked.load(Ordering::Relaxed);
                writer.append(&entry(number)).unwrap();
                acked.store(number + 1, Ordering::Release);
            }
            writer.close().unwrap();
        });
        while acked.load(Ordering::Acquire) < 50 {
            thread::yield_now();
        }
        for round in 0..5 {
            let before = acked.load(Ordering::Acquire);
            let (path, _) = back_up(&open(), folder.path());
            let into = folder.path().join(format!("restored-{round}"));
            restore(&path, &into).unwrap();
            let again = journal(&into, &noon());
            assert_eq!(problems(&again), [""; 0]);
            let found = orders(&again);
            assert!(before <= found.len() as u64, "{before}, {}", found.len());
            let writer = again.writer::<TradeRecord>().unwrap();
            let next = found.len() as u64;
            assert_eq!(writer.append(&entry(1_000_000)).unwrap().seq, next);
            writer.close().unwrap();
            assert_eq!(problems(&again), [""; 0]);
        }
        stop.store(true, Ordering::Relaxed);
        bot.join().unwrap();
    });
    let all = orders(&open());
    let last = folder.path().join("restored-4");
    let mut copied = orders(&journal(&last, &noon()));
    copied.pop();
    assert_eq!(all[..copied.len()], copied);
}

/// Days end, are closed and sealed while backups are made: a backup that was begun anywhere in it
/// is a sound journal, in which every day that is called closed is whole and has its seal.
#[test]
fn days_that_end_meanwhile_are_whole_or_open() {
    let folder = tempdir().unwrap();
    let clock = noon();
    let original = journal(folder.path(), &clock);
    let (round, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let writer = original.writer::<TradeRecord>().unwrap();
    writer.append(&entry(0)).unwrap();
    thread::scope(|scope| {
        let bot = scope.spawn(|| {
            let mut days = 0;
            while !stop.load(Ordering::Relaxed) {
                // Not so many that the journal is large before the last backup of it.
                if 5 * (round.load(Ordering::Relaxed) + 1) < days {
                    thread::yield_now();
                    continue;
                }
                days += 1;
                for _ in 0..5 {
                    writer.append(&entry(writer.lines())).unwrap();
                }
                clock.advance(Duration::from_secs(24 * 3600));
                writer.append(&entry(writer.lines())).unwrap();
                writer.tick();
            }
        });
        for _ in 0..15 {
            round.fetch_add(1, Ordering::Relaxed);
            let again = journal(folder.path(), &clock);
            let before = writer.lines();
            let (path, _) = back_up(&again, folder.path());
            let into = folder.path().join("restored");
            let restore = Restore::new(Arc::new(RealDisk), Arc::clone(&clock) as _);
            restore.run(&path, &into, &mut |_| ()).unwrap();
            let copy = journal(&into, &clock);
            assert_eq!(problems(&copy), [""; 0]);
            assert!(before <= orders(&copy).len() as u64);
            fs::remove_dir_all(&into).unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        bot.join().unwrap();
    });
    assert_eq!(writer.troubles(), [""; 0]);
    writer.close().unwrap();
}

#[test]
fn half_a_line_stays_out_and_a_head_is_made_that_fits() {
    let folder = tempdir().unwrap();
    three_days(folder.path());
    let day = folder.path().join("logs/trades/2025-10-28.jsonl");
    let mut bytes = fs::read(&day).unwrap();
    let whole = bytes.clone();
    bytes.extend_from_slice(&whole[..100]);
    fs::write(&day, &bytes).unwrap();
    fs::remove_file(folder.path().join("logs/trades/HEAD")).unwrap();
    let (path, _) = back_up(&journal(folder.path(), &noon()), folder.path());
    let into = folder.path().join("restored");
    restore(&path, &into).unwrap();
    assert_eq!(
        fs::read(into.join("logs/trades/2025-10-28.jsonl")).unwrap(),
        whole
    );
    assert!(into.join("logs/trades/HEAD").exists());
    assert_eq!(problems(&journal(&into, &noon())), [""; 0]);
    // The journal itself was left alone.
    assert_eq!(fs::read(&day).unwrap(), bytes);
}

#[test]
fn keys_locks_and_links_stay_out_and_what_is_named_goes_in() {
    let folder = tempdir().unwrap();
    three_days(folder.path());
    let put = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    };
    put("keys/key", r#"{"kind":"ratchet","seed":"00"}"#);
    put("logs/keys.bak", "x PRIVATE+KEY+test/root+00000000+AAAA");
    put("logs/data/2025.parquet", "of a bot");
    put("logs/bot.log", "hello");
    put("storage/x/y", "of a window");
    put("elsewhere/secret", "not ours");
    put("config.json", "{}");
    let env = put(".env", "TOKEN=1");
    fs::set_permissions(&env, fs::Permissions::from_mode(0o640)).unwrap();
    let link = folder.path().join("logs/linked");
    std::os::unix::fs::symlink(folder.path().join("elsewhere"), link).unwrap();
    let original = journal(folder.path(), &noon());
    let mut extra = Extra::default();
    extra.config = vec!["config.json".into(), ".env".into()];
    extra.base = folder.path().to_owned();
    extra.storage = Some(folder.path().join("storage"));
    extra.without = vec![folder.path().join("keys"), folder.path().join("backup")];
    let to = folder.path().join("backup");
    let run = backups(&original, folder.path()).extra(extra);
    let run = run.run(&[target(&to)], &mut |_| ()).unwrap();
    assert_eq!(run.notes.len(), 1);
    assert!(run.notes[0].ends_with("logs/keys.bak has a private key in it, and stays out"));
    let into = folder.path().join("restored");
    let restored = restore(&to.join("latest.tar.gz"), &into).unwrap();
    let paths: Vec<&str> = restored
        .manifest
        .files
        .iter()
        .map(|it| it.path.as_str())
        .collect();
    for path in [
        "logs/JOURNAL",
        "logs/data/2025.parquet",
        "logs/bot.log",
        "storage/x/y",
        "config/config.json",
        "config/.env",
    ] {
        assert!(paths.contains(&path), "{path}: {paths:?}");
    }
    assert!(
        !paths
            .iter()
            .any(|it| it.contains("key") || it.ends_with("LOCK") || it.contains("linked"))
    );
    let mode = fs::metadata(into.join("config/.env"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o640);
    let recorded = backup::last(&original, &[to.display().to_string()]).unwrap();
    assert!(recorded[0].age.is_some());
    assert!(!into.join("logs/BACKUPS").exists());
}

/// A file whose name no restore takes keeps nothing else from its backup.
#[test]
fn files_with_names_that_no_restore_takes_stay_out_and_are_told_of() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let folder = tempdir().unwrap();
    three_days(folder.path());
    let data = folder.path().join("logs/data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("two\nlines"), "x").unwrap();
    fs::write(data.join(OsStr::from_bytes(b"caf\xe9")), "x").unwrap();
    fs::write(data.join("fine"), "x").unwrap();
    let deep = data.join(vec!["d"; 70].join("/"));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("file"), "x").unwrap();
    let original = journal(folder.path(), &noon());
    let to = folder.path().join("backup");
    let run = backups(&original, folder.path()).run(&[target(&to)], &mut |_| ());
    let run = run.unwrap();
    let done = run.outcomes[0].result.as_ref().unwrap();
    for part in [
        "has 1 names that are not UTF-8, which stay out",
        "has a control character in it, and stays out",
        "/d is too deep, and stays out",
    ] {
        let told = run.notes.iter().filter(|it| it.ends_with(part)).count();
        assert_eq!(told, 1, "{part}: {:?}", run.notes);
    }
    let path = to.join(done.name.to_string());
    let restored = restore(&path, &folder.path().join("restored")).unwrap();
    let files = restored.manifest.files;
    assert!(files.iter().any(|it| it.path == "logs/data/fine"));
}

#[test]
fn nothing_is_written_over_a_journal_and_with_force_it_is_moved_aside() {
    let folder = tempdir().unwrap();
    three_days(folder.path());
    let original = journal(folder.path(), &noon());
    let (path, _) = back_up(&original, folder.path());
    let into = folder.path().join("restored");
    restore(&path, &into).unwrap();
    let refused = restore(&path, &into).unwrap_err().to_string();
    assert!(
        refused.ends_with("restored is there already: it has archive in it")
            || refused.ends_with("restored is there already: it has logs in it"),
        "{refused}"
    );
    let forced = restorer()
        .force(true)
        .run(&path, &into, &mut |_| ())
        .unwrap();
    // The one that is moved aside may have signed under its own epoch.
    assert_eq!(forced.epoch, 2);
    let aside = forced.aside.unwrap();
    assert_eq!(orders(&journal(&aside, &noon())), orders(&original));
    assert_eq!(orders(&journal(&into, &noon())), orders(&original));
}

#[test]
fn a_drill_leaves_nothing() {
    let folder = tempdir().unwrap();
    three_days(folder.path());
    let (path, _) = back_up(&journal(folder.path(), &noon()), folder.path());
    let before = names_in(folder.path());
    let into = folder.path().join("drill");
    let drilled = restorer().drill(&path, &into, &mut |_| ()).unwrap();
    assert_eq!(drilled.problems, [""; 0]);
    assert_eq!(names_in(folder.path()), before);
}

#[test]
fn a_damaged_journal_is_backed_up_as_it_is_and_restored_only_knowingly() {
    let folder = tempdir().unwrap();
    three_days(folder.path());
    let day = folder.path().join("logs/trades/2025-10-28.jsonl");
    let mut bytes = fs::read(&day).unwrap();
    bytes[100] ^= 1;
    fs::write(&day, &bytes).unwrap();
    let original = journal(folder.path(), &noon());
    let to = folder.path().join("backup");
    let run = backups(&original, folder.path()).run(&[target(&to)], &mut |_| ());
    let run = run.unwrap();
    assert!(run.outcomes[0].result.is_ok());
    let path = to.join("latest.tar.gz");
    let into = folder.path().join("restored");
    let refused = restore(&path, &into).unwrap_err();
    assert!(matches!(refused, BackupError::Unsound { .. }), "{refused}");
    assert!(!into.exists());
    let accepting = restorer().accept_damage(true);
    let restored = accepting.run(&path, &into, &mut |_| ()).unwrap();
    assert!(!restored.problems.is_empty());
    assert_eq!(
        fs::read(into.join("logs/trades/2025-10-28.jsonl")).unwrap(),
        bytes
    );
}

/// A journal with keys that is written, backed up, written on, lost and restored: what was signed and handed out of
/// the lines that were lost is known to be of before a restore, and what is in the backup is evidence as before.
#[test]
fn a_signed_journal_is_evidence_after_it_was_restored() {
    let folder = tempdir().unwrap();
    let clock = noon();
    let root = RootKey::new("test", &[1; 32]).unwrap();
    let logs = folder.path().join("logs");
    fs::create_dir(&logs).unwrap();
    let keyring = Keyring::new(Arc::new(RealDisk), &logs, "test");
    let keys = || KeyFolder::new(Arc::new(RealDisk), folder.path().join("keys"));
    let today = time("2025-10-26T12:00:00Z").day();
    keys().begin(&keyring, &root, [2; 32], today).unwrap();
    let open = |at: &Path| {
        Options::new(at.join("logs"))
            .name("test")
            .clock(Arc::clone(&clock) as _)
            .writer(WriterOptions::default().background(false))
            .observer(Arc::new(Notary::new(keys())))
            .open()
            .unwrap()
    };
    let write = |journal: &Journal, numbers: std::ops::Range<u64>| {
        let writer = journal.writer::<TradeRecord>().unwrap();
        for number in numbers {
            writer.append(&entry(number)).unwrap();
        }
        writer.close().unwrap();
    };
    let original = open(folder.path());
    write(&original, 0..5);
    let (path, _) = back_up(&original, folder.path());
    // These are signed and lost.
    write(&original, 5..8);
    let log = CheckpointLog::new(Arc::new(RealDisk), &logs.join("trades"));
    let outside = log.read().unwrap().notes.pop().unwrap().1;
    assert_eq!(outside.checkpoint().size, 8);

    let into = folder.path().join("restored");
    restore(&path, &into).unwrap();
    let again = open(&into);
    let evidence = |outside: Vec<SignedCheckpoint>| {
        let keys = vec![root.verifier().clone()];
        let (trust, mut found) = (Trust { keys, outside }, Vec::new());
        evidence::verify(&again, Stream::Trades, &trust, &mut |it| {
            found.push(it.kind)
        })
        .unwrap();
        found
    };
    assert_eq!(evidence(Vec::new()), []);
    assert_eq!(evidence(vec![outside.clone()]), [EvidenceKind::Restored]);
    write(&again, 10..14);
    assert_eq!(evidence(vec![outside]), [EvidenceKind::Restored]);
    let log = CheckpointLog::new(Arc::new(RealDisk), &into.join("logs/trades"));
    let newest = log.read().unwrap().notes.pop().unwrap().1;
    assert_eq!(
        (newest.checkpoint().size, newest.checkpoint().origin.epoch),
        (9, 1)
    );
    assert_eq!(problems(&again), [""; 0]);
}
