//! No room: a file system that is full, a file that may grow no further, and room that is kept free.

use std::{
    fs,
    io::Write,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
};

use tempfile::{TempDir, tempdir};
use tradejournal::record::TradeRecord;

use super::bot::{Ack, Bot};
use super::{MOUNT, NOON, UNMOUNTABLE, UNSHARE, Witness, journal};
use crate::sample::entry;

const BALLAST_BYTES: usize = 400_000;

/// A bot that has a file system of one megabyte for itself, mounted where nobody else sees it, with
/// some of it taken.
struct Small {
    bot: Bot,
    /// As the bot sees it, and as it is seen from here while the bot lives.
    inside: PathBuf,
    outside: PathBuf,
    _folder: TempDir,
}

impl Small {
    /// Fails where this user may mount nothing: a test that was not run must not look like one that
    /// passed.
    fn start() -> Small {
        let folder = tempdir().unwrap();
        let inside = folder.path().to_owned();
        for unshare in UNSHARE {
            // The words are one command that `unshare` runs; the bot comes after them.
            let before = format!(
                "exec {unshare} sh -c '{MOUNT} \"{}\" && exec \"$0\" \"$@\"' \"$0\" \"$@\"",
                inside.display()
            );
            let Some(bot) = Bot::start_after(&before, |_| {}) else {
                continue;
            };
            let outside = PathBuf::from(format!("/proc/{}/root{}", bot.pid(), inside.display()));
            let mut ballast = fs::File::create(outside.join("ballast")).unwrap();
            ballast.write_all(&vec![0; BALLAST_BYTES]).unwrap();
            return Small {
                bot,
                inside,
                outside,
                _folder: folder,
            };
        }
        panic!("{UNMOUNTABLE}");
    }

    fn make_room(&self) {
        fs::remove_file(self.outside.join("ballast")).unwrap();
    }
}

/// Of these acknowledgements every line is there, and of the record that failed perhaps a part.
fn holds(logs: &Path, acks: &[Ack]) -> Witness {
    let mut witness = Witness::new(logs);
    witness.read_on();
    witness.has(acks);
    let numbers = witness.numbers();
    let more = numbers.len() - acks.len();
    assert!(more <= 1, "{numbers:?}");
    witness
}

#[test]
fn a_full_file_system_ends_the_writer_and_reopening_goes_on_behind_the_last_whole_line() {
    let mut small = Small::start();
    let (inside, outside) = (small.inside.join("logs"), small.outside.join("logs"));
    assert_eq!(small.bot.open(&inside, "exclusive 0"), "open 0");
    let (mut acks, error) = small.bot.append(0, 10_000);
    let (error, seq) = (error.unwrap(), acks.len() as u64);
    assert!(
        error.starts_with(&format!("error unknown {seq} {}: ", seq + 1)),
        "{error}"
    );
    assert!(
        error.ends_with("No space left on device (os error 28)"),
        "{error}"
    );
    let (none, error) = small.bot.append(10_000, 1);
    assert!(none.is_empty());
    assert!(error.unwrap().starts_with("error ended: "));
    assert_eq!(small.bot.ask("drop"), "dropped");
    let day = outside.join("trades/2025-10-26.jsonl");
    let full = fs::read(&day).unwrap();

    // There is no room to save what is torn: nothing is cut.
    let refused = small.bot.open(&inside, "exclusive 0");
    assert!(refused.starts_with("refused recover trades: "), "{refused}");
    assert!(
        refused.ends_with("No space left on device (os error 28)"),
        "{refused}"
    );
    assert_eq!(fs::read(&day).unwrap(), full);
    holds(&outside, &acks);

    small.make_room();
    let there = holds(&outside, &acks).lines.len();
    assert_eq!(
        small.bot.open(&inside, "exclusive 0"),
        format!("open {there}")
    );
    let (more, error) = small.bot.append(20_000, 5);
    assert_eq!(error, None);
    acks.extend(more);
    let mut witness = Witness::new(&outside);
    assert_eq!(witness.read_on(), 0);
    witness.has(&acks);
    let whole: usize = full.iter().filter(|it| **it == b'\n').count();
    let torn_len = full.iter().rev().take_while(|it| **it != b'\n').count();
    assert_eq!(whole, there);
    let torn = fs::read_dir(outside.join("trades/torn")).map_or(0, |kept| {
        kept.map(|it| it.unwrap().metadata().unwrap().len()).sum()
    });
    assert_eq!(torn, torn_len as u64);
}

#[test]
fn room_that_is_to_be_kept_free_refuses_early_and_the_writer_goes_on_when_there_is_more() {
    let mut small = Small::start();
    let inside = small.inside.join("logs");
    assert_eq!(small.bot.open(&inside, "exclusive 300000"), "open 0");
    let (mut acks, error) = small.bot.append(0, 10_000);
    assert!(!acks.is_empty());
    let error = error.unwrap();
    assert!(error.starts_with("error low-space: "), "{error}");
    small.make_room();
    let (more, error) = small.bot.append(20_000, 5);
    assert_eq!(error, None);
    acks.extend(more);
    let mut witness = Witness::new(&small.outside.join("logs"));
    assert_eq!(witness.read_on(), 0);
    witness.has(&acks);
    assert_eq!(witness.lines.len(), acks.len());
}

#[test]
fn a_file_that_may_grow_no_further_ends_the_writer_and_nothing_acknowledged_is_lost() {
    let folder = tempdir().unwrap();
    let logs = folder.path().join("logs");
    let mut bot = Bot::start_after("trap '' XFSZ && ulimit -f 100", |_| {}).unwrap();
    assert_eq!(bot.open(&logs, "exclusive 0"), "open 0");
    let (mut acks, error) = bot.append(0, 10_000);
    let (error, seq) = (error.unwrap(), acks.len() as u64);
    assert!(
        error.starts_with(&format!("error unknown {seq} {}: ", seq + 1)),
        "{error}"
    );
    assert!(error.ends_with("File too large (os error 27)"), "{error}");
    assert_eq!(bot.ask("drop"), "dropped");

    // Again in the same place, through a recovery in between.
    let there = holds(&logs, &acks).lines.len();
    assert_eq!(bot.open(&logs, "exclusive 0"), format!("open {there}"));
    let (none, error) = bot.append(20_000, 1);
    assert!(none.is_empty());
    assert!(error.unwrap().starts_with("error unknown "));
    drop(bot);

    let writer = journal(&logs, NOON).writer::<TradeRecord>().unwrap();
    let receipt = writer.append(&entry(30_000)).unwrap();
    acks.push(Ack {
        seq: receipt.seq,
        hash: receipt.hash,
        number: 30_000,
    });
    writer.close().unwrap();
    let mut witness = Witness::new(&logs);
    assert_eq!(witness.read_on(), 0);
    witness.has(&acks);
}

#[test]
fn a_bot_that_the_limit_kills_loses_nothing_acknowledged() {
    let folder = tempdir().unwrap();
    let logs = folder.path().join("logs");
    let mut bot = Bot::start_after("ulimit -f 100", |_| {}).unwrap();
    assert_eq!(bot.open(&logs, "exclusive 0"), "open 0");
    bot.tell("append 0 10000");
    let (status, said) = bot.end();
    assert_eq!(
        status.signal(),
        Some(rustix::process::Signal::XFSZ.as_raw())
    );
    let acks: Vec<Ack> = said.iter().filter_map(|it| Ack::read(it)).collect();
    assert!(!acks.is_empty());
    let there = holds(&logs, &acks).lines.len() as u64;
    let writer = journal(&logs, NOON).writer::<TradeRecord>().unwrap();
    assert_eq!(writer.lines(), there);
    assert_eq!(writer.append(&entry(20_000)).unwrap().seq, there);
    writer.close().unwrap();
    assert_eq!(Witness::new(&logs).read_on(), 0);
}
