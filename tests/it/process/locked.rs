//! Who may write: one process, or several that take turns.

use tempfile::tempdir;
use tradejournal::journal::OpenError;
use tradejournal::record::TradeRecord;

use super::bot::{Ack, Bot};
use super::{NOON, Witness, journal};
use crate::sample::entry;

#[test]
fn a_second_writer_is_told_the_pid_and_a_killed_ones_lock_is_free_at_once() {
    let folder = tempdir().unwrap();
    let logs = folder.path().join("logs");
    let mut bot = Bot::start();
    assert_eq!(bot.open(&logs, "exclusive 0"), "open 0");
    let (acks, _) = bot.append(0, 3);
    let pid = bot.pid();
    let here = journal(&logs, NOON);
    let Err(OpenError::Locked { pid: told, .. }) = here.writer::<TradeRecord>() else {
        panic!("a second writer was let in");
    };
    assert_eq!(told, Some(pid));
    let mut second = Bot::start();
    let refused = second.open(&logs, "exclusive 0");
    assert!(refused.starts_with("refused "), "{refused}");
    assert!(
        refused.ends_with(&format!("LOCK is held by process {pid}")),
        "{refused}"
    );
    // Who reads needs nobody's leave.
    let mut witness = Witness::new(&logs);
    assert_eq!(witness.read_on(), 0);
    witness.has(&acks);

    bot.kill();
    // No second try: the kernel let it go with the process.
    let writer = here.writer::<TradeRecord>().unwrap();
    assert_eq!(writer.append(&entry(3)).unwrap().seq, 3);
    writer.close().unwrap();
    assert_eq!(second.open(&logs, "exclusive 0"), "open 4");
}

#[test]
fn a_process_that_the_bot_started_does_not_keep_its_lock() {
    let folder = tempdir().unwrap();
    let logs = folder.path().join("logs");
    let mut bot = Bot::start();
    assert_eq!(bot.open(&logs, "exclusive 0"), "open 0");
    bot.append(0, 1);
    let pid = bot.ask("outlive");
    let pid = Outlived(pid.strip_prefix("pid ").unwrap().parse().unwrap());
    bot.kill();
    assert!(pid.is_alive());
    let writer = journal(&logs, NOON).writer::<TradeRecord>().unwrap();
    assert_eq!(writer.lines(), 1);
    assert!(pid.is_alive());
    writer.close().unwrap();
}

/// A process that lost its parent, ended when this is dropped.
struct Outlived(i32);

impl Outlived {
    fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_raw(self.0).unwrap()
    }

    fn is_alive(&self) -> bool {
        rustix::process::test_kill_process(self.pid()).is_ok()
    }
}

impl Drop for Outlived {
    fn drop(&mut self) {
        let _ = rustix::process::kill_process(self.pid(), rustix::process::Signal::KILL);
    }
}

#[test]
fn four_bots_share_a_stream_and_a_killed_one_holds_nobody_up() {
    const COUNT: u64 = 60;
    let folder = tempdir().unwrap();
    let logs = folder.path().join("logs");
    // They begin the journal at the same time, too.
    let mut bots: Vec<Bot> = (0..4).map(|_| Bot::start()).collect();
    let mut doomed = Bot::start();
    let open = format!("open {} {NOON} shared 0", logs.display());
    for bot in bots.iter_mut().chain([&mut doomed]) {
        bot.tell(&open);
    }
    for bot in bots.iter_mut().chain([&mut doomed]) {
        let opened = bot.hear();
        assert!(opened.starts_with("open "), "{opened}");
    }
    for (number, bot) in (0..).zip(&mut bots) {
        bot.tell(&format!("append {} {COUNT}", number * 1000));
    }
    doomed.tell("append 9000 1000");
    let mut acks: Vec<Ack> = (0..COUNT / 4)
        .map(|_| Ack::read(&doomed.hear()).unwrap())
        .collect();
    acks.extend(doomed.kill().iter().filter_map(|it| Ack::read(it)));
    let of_doomed = acks.len();
    for bot in &mut bots {
        acks.extend((0..COUNT).map(|_| {
            let heard = bot.hear();
            Ack::read(&heard).unwrap_or_else(|| panic!("{heard}"))
        }));
        assert_eq!(bot.ask("close"), "closed");
    }
    let mut witness = Witness::new(&logs);
    assert_eq!(witness.read_on(), 0);
    witness.has(&acks);
    let numbers = witness.numbers();
    let mut expected: Vec<u64> = (0..4).flat_map(|it| it * 1000..it * 1000 + COUNT).collect();
    expected.extend((9000..).take(of_doomed));
    // Of the killed one, the record that was on its way may be there too.
    expected.extend(numbers.last().filter(|it| **it == 9000 + of_doomed as u64));
    assert_eq!(numbers.into_iter().collect::<Vec<_>>(), expected);
}
