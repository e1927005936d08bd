//! Files that are pulled away from under a writer, and folders and files that are not what they must be.

use std::{
    fs::{self, Permissions},
    io::Write,
    os::unix::fs::{PermissionsExt, chown, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::{TempDir, tempdir};
use tradejournal::journal::OpenError;
use tradejournal::record::TradeRecord;

use super::bot::Bot;
use super::{NOON, SOMEBODY, Witness, journal};
use crate::sample::entry;

#[test]
fn a_replaced_lock_ends_the_writer_before_the_next_batch() {
    let folder = tempdir().unwrap();
    let logs = folder.path().join("logs");
    let mut bot = Bot::start();
    assert_eq!(bot.open(&logs, "exclusive 0"), "open 0");
    bot.append(0, 2);
    fs::remove_file(logs.join("trades/LOCK")).unwrap();
    // Somebody else has the stream now, with every right.
    let writer = journal(&logs, NOON).writer::<TradeRecord>().unwrap();
    writer.append(&entry(2)).unwrap();
    let (acks, error) = bot.append(100, 1);
    assert!(acks.is_empty());
    let error = error.unwrap();
    assert!(
        error.starts_with("error ended: ") && error.contains("LOCK was replaced"),
        "{error}"
    );
    let closed = bot.ask("close");
    assert!(closed.starts_with("error ended: "), "{closed}");
    writer.append(&entry(3)).unwrap();
    writer.close().unwrap();
    let mut witness = Witness::new(&logs);
    assert_eq!(witness.read_on(), 0);
    assert!(witness.numbers().into_iter().eq(0..4));
}

#[test]
fn a_removed_day_ends_the_writer_before_the_next_batch() {
    let folder = tempdir().unwrap();
    let logs = folder.path().join("logs");
    let mut bot = Bot::start();
    assert_eq!(bot.open(&logs, "exclusive 0"), "open 0");
    bot.append(0, 2);
    let day = logs.join("trades/2025-10-26.jsonl");
    fs::remove_file(&day).unwrap();
    let (acks, error) = bot.append(100, 1);
    assert!(acks.is_empty());
    let error = error.unwrap();
    assert!(
        error.starts_with("error ended: ") && error.contains("was removed, replaced or changed"),
        "{error}"
    );
    assert!(!day.exists());
}

#[test]
fn a_folder_of_another_user_is_refused() {
    // Root gives its folder away; anybody else finds one that is root's.
    let folder = tempdir().unwrap();
    let user = rustix::process::geteuid().as_raw();
    let mut strangers = Vec::new();
    if user == 0 {
        for part in ["logs", "logs/trades"] {
            let folder = folder.path().join(part.replace('/', "-"));
            let logs = folder.join("logs");
            let writer = journal(&logs, NOON).writer::<TradeRecord>().unwrap();
            writer.append(&entry(0)).unwrap();
            writer.close().unwrap();
            chown(folder.join(part), Some(SOMEBODY), None).unwrap();
            strangers.push((logs, SOMEBODY));
        }
    } else {
        strangers.push((PathBuf::from("/usr"), 0));
    }
    for (logs, stranger) in strangers {
        let refused = journal(&logs, NOON).writer::<TradeRecord>();
        let Err(OpenError::NotOurs {
            owner, user: told, ..
        }) = refused
        else {
            panic!("{refused:?}");
        };
        assert_eq!((owner, told), (stranger, user));
    }
}

/// A journal with one record of the trades, closed.
fn one_record() -> (TempDir, PathBuf) {
    let folder = tempdir().unwrap();
    let logs = folder.path().join("logs");
    let writer = journal(&logs, NOON).writer::<TradeRecord>().unwrap();
    writer.append(&entry(0)).unwrap();
    writer.close().unwrap();
    (folder, logs)
}

fn make_pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}

#[test]
fn a_link_or_a_pipe_in_the_place_of_a_day_is_refused_and_not_followed() {
    for with_head in [true, false] {
        for is_pipe in [true, false] {
            let (folder, logs) = one_record();
            let day = logs.join("trades/2025-10-26.jsonl");
            let elsewhere = folder.path().join("elsewhere");
            fs::copy(&day, &elsewhere).unwrap();
            let before = fs::read(&elsewhere).unwrap();
            fs::remove_file(&day).unwrap();
            if is_pipe {
                make_pipe(&day);
            } else {
                symlink(&elsewhere, &day).unwrap();
            }
            if !with_head {
                fs::remove_file(logs.join("trades/HEAD")).unwrap();
            }
            // As a process of its own: a pipe that is opened would hold it up for ever.
            let mut bot = Bot::start();
            let opened = bot.open(&logs, "exclusive 0");
            if opened.starts_with("open ") {
                let (acks, error) = bot.append(1, 1);
                assert!(acks.is_empty(), "{acks:?}");
                let error = error.unwrap();
                assert!(error.starts_with("error ended: "), "{error}");
            } else {
                assert!(opened.starts_with("refused "), "{opened}");
            }
            assert_eq!(fs::read(&elsewhere).unwrap(), before);
        }
    }
}

#[test]
fn a_link_or_a_pipe_in_the_place_of_a_streams_folder_is_refused() {
    for is_pipe in [true, false] {
        let (folder, logs) = one_record();
        let elsewhere = folder.path().join("elsewhere");
        let trades = logs.join("trades");
        Command::new("mv")
            .arg(&trades)
            .arg(&elsewhere)
            .status()
            .unwrap();
        if is_pipe {
            make_pipe(&trades);
        } else {
            symlink(&elsewhere, &trades).unwrap();
        }
        let refused = Bot::start().open(&logs, "exclusive 0");
        assert!(refused.starts_with("refused "), "{refused}");
        assert!(
            !elsewhere
                .join("2025-10-26.jsonl")
                .metadata()
                .unwrap()
                .permissions()
                .readonly()
        );
        assert_eq!(
            fs::read_to_string(elsewhere.join("2025-10-26.jsonl"))
                .unwrap()
                .lines()
                .count(),
            1
        );
    }
}

#[test]
fn a_link_in_the_place_of_the_lock_is_refused_and_not_followed() {
    let (folder, logs) = one_record();
    let lock = logs.join("trades/LOCK");
    let precious = folder.path().join("precious");
    fs::File::create(&precious)
        .unwrap()
        .write_all(b"not a lock")
        .unwrap();
    fs::remove_file(&lock).unwrap();
    symlink(&precious, &lock).unwrap();
    let refused = Bot::start().open(&logs, "exclusive 0");
    assert!(refused.starts_with("refused "), "{refused}");
    assert_eq!(fs::read(&precious).unwrap(), b"not a lock");
}

#[test]
fn a_read_only_day_is_refused() {
    let (folder, logs) = one_record();
    let day = logs.join("trades/2025-10-26.jsonl");
    fs::set_permissions(&day, Permissions::from_mode(0o400)).unwrap();
    // For root nothing is read-only, so there the bot is somebody else, whose journal it is.
    let mut bot = if rustix::process::geteuid().is_root() {
        let owned = Command::new("chown")
            .args(["-R", &format!("{SOMEBODY}:{SOMEBODY}")])
            .arg(folder.path())
            .status();
        assert!(owned.unwrap().success());
        let program = folder.path().join("bot");
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        let somebody = |command: &mut Command| {
            use std::os::unix::process::CommandExt;
            command.uid(SOMEBODY).gid(SOMEBODY).current_dir("/");
        };
        Bot::start_program(&program, "true", somebody).unwrap()
    } else {
        Bot::start()
    };
    let refused = bot.open(&logs, "exclusive 0");
    assert!(
        refused.starts_with("refused recover trades: open "),
        "{refused}"
    );
    assert!(
        refused.ends_with("Permission denied (os error 13)"),
        "{refused}"
    );
    fs::set_permissions(&day, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(bot.open(&logs, "exclusive 0"), "open 1");
}
