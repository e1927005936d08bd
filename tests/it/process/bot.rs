//! A bot as a process of its own: this test program started again, which does what it is told by lines
//! on its standard input and says what came of it.
//!
//! | it is told | it says |
//! |---|---|
//! | `open LOGS TIME exclusive\|shared\|interval MIN_FREE_BYTES` | `open LINES` or `refused WHY` |
//! | `append FIRST COUNT` | an `ack` each, until an `error` |
//! | `storm FIRST THREADS BATCH MIDNIGHT` | `ack`s until it is killed |
//! | `log LOGS TIME FIRST THREADS` | `logging`, and an `ack` for each fill of a trade log until it is killed |
//! | `outlive` | `pid` of a process that outlives it |
//! | `close` | `closed`, or `error` |
//! | `drop` | `dropped`, once the writer is |
//! | `exit` | nothing: it ends at once, as it does when nobody tells it any more |

use std::{
    env,
    io::{self, BufRead, BufReader, Write},
    path::Path,
    process::{self, Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use tradejournal::bot::{TradeLog, TradeLogOptions};
use tradejournal::journal::{
    AppendError, Durability, Journal, Options, Receipt, Writer, WriterOptions,
};
use tradejournal::record::field::Action;
use tradejournal::record::{Digest, TradeRecord};
use tradejournal::time::ManualClock;

use crate::sample::{entry, time};

/// Set where this program is to be a bot.
const IS_BOT: &str = "TRADEJOURNAL_TEST_IS_BOT";
/// What it says begins so; the test runner prints lines too.
const MARK: &str = "@";
/// Longer than anything here takes; a bot that is silent for so long hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// In a storm, the number of a thread's first record is this much above the one of the thread before.
pub const THREAD: u64 = 1_000_000;

/// A bot, seen from the test. It is killed at the latest when this is dropped.
pub struct Bot {
    child: Child,
    told: Option<ChildStdin>,
    said: Receiver<String>,
}

/// An acknowledgement that left the bot's process.
#[derive(Debug)]
pub struct Ack {
    pub seq: u64,
    pub hash: Digest,
    pub number: u64,
}

impl Ack {
    pub fn read(line: &str) -> Option<Ack> {
        let mut words = line.strip_prefix("ack ")?.split(' ');
        Some(Ack {
            seq: words.next()?.parse().ok()?,
            hash: Digest::from_hex(words.next()?.as_bytes())?,
            number: words.next()?.parse().ok()?,
        })
    }
}

impl Bot {
    pub fn start() -> Bot {
        Bot::start_after("true", |_| {}).unwrap()
    }

    /// Starts a bot once the shell's words `before` succeeded; `None` when they, or it, failed.
    pub fn start_after(before: &str, prepare: impl FnOnce(&mut Command)) -> Option<Bot> {
        let program = env::current_exe().unwrap();
        Bot::start_program(&program, before, prepare)
    }

    /// The same with a copy of this program, which another user may run.
    pub fn start_program(
        program: &Path,
        before: &str,
        prepare: impl FnOnce(&mut Command),
    ) -> Option<Bot> {
        // `exec`, so that the process that is killed is the bot.
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("{before} && exec \"$0\" \"$@\"")])
            .arg(program)
            .args([
                "process::bot::is_one_where_told_so",
                "--exact",
                "--nocapture",
            ])
            .args(["--quiet", "--test-threads=1"])
            .env(IS_BOT, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        prepare(&mut command);
        let mut child = command.spawn().unwrap();
        let told = child.stdin.take();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (say, said) = mpsc::channel();
        thread::spawn(move || {
            let lines = out.lines().map_while(Result::ok);
            // A bot that was killed can leave half a line.
            for line in lines.filter(|it| it.ends_with('.')) {
                if let Some((_, line)) = line.trim_end_matches('.').split_once(MARK)
                    && say.send(line.to_owned()).is_err()
                {
                    return;
                }
            }
        });
        let bot = Bot { child, told, said };
        let first = bot.hear_within(PATIENCE);
        (first.as_deref() == Some("ready")).then_some(bot)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn tell(&mut self, line: &str) {
        let told = self.told.as_mut().unwrap();
        // A bot that ended already has said so, or will be missed.
        let _ = writeln!(told, "{line}");
    }

    pub fn hear(&mut self) -> String {
        let heard = self.hear_within(PATIENCE);
        heard.unwrap_or_else(|| panic!("the bot ended or hangs: {:?}", self.child.try_wait()))
    }

    /// The next thing that it says; `None` when it says nothing for so long, or never again.
    pub fn hear_within(&self, span: Duration) -> Option<String> {
        self.said.recv_timeout(span).ok()
    }

    pub fn ask(&mut self, line: &str) -> String {
        self.tell(line);
        self.hear()
    }

    /// Opens the trades under `logs`.
    pub fn open(&mut self, logs: &Path, how: &str) -> String {
        let logs = logs.display();
        self.ask(&format!("open {logs} {} {how}", super::NOON))
    }

    /// Has it append, and returns the acknowledgements and the error that ended them.
    pub fn append(&mut self, first: u64, count: u64) -> (Vec<Ack>, Option<String>) {
        self.tell(&format!("append {first} {count}"));
        let mut acks = Vec::new();
        while (acks.len() as u64) < count {
            let heard = self.hear();
            match Ack::read(&heard) {
                Some(ack) => acks.push(ack),
                None => return (acks, Some(heard)),
            }
        }
        (acks, None)
    }

    /// Kills it with SIGKILL and returns all that it had said.
    pub fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.end().1
    }

    /// Tells it nothing any more, waits for its end and returns all that it had said.
    pub fn end_untold(&mut self) -> (ExitStatus, Vec<String>) {
        self.told = None;
        self.end()
    }

    /// Waits for its end and returns all that it had said.
    pub fn end(&mut self) -> (ExitStatus, Vec<String>) {
        let mut said = Vec::new();
        loop {
            match self.said.recv_timeout(PATIENCE) {
                Ok(line) => said.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("the bot does not end"),
            }
        }
        (self.child.wait().unwrap(), said)
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The bot itself; nothing where this program is just being tested.
#[test]
fn is_one_where_told_so() {
    if env::var_os(IS_BOT).is_none() {
        return;
    }
    say("ready");
    let mut open = None;
    for line in io::stdin().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        obey(&words, &mut open);
    }
    // As a bot ends that returns from `main` without a thought for its journal.
    process::exit(0);
}

/// One write, so that a kill leaves whole lines; the end is marked all the same.
fn say(line: &str) {
    let mut out = io::stdout().lock();
    let said = writeln!(out, "{MARK}{line}.").and_then(|()| out.flush());
    if said.is_err() {
        process::exit(1);
    }
}

struct Open {
    clock: Arc<ManualClock>,
    writer: Writer<TradeRecord>,
}

fn obey(words: &[&str], open: &mut Option<Open>) {
    let number = |index: usize| words[index].parse::<u64>().unwrap();
    let opened = || open.as_ref().unwrap();
    match words[0] {
        "open" => {
            let clock = Arc::new(ManualClock::new(time(words[2])));
            match writer(words[1], &clock, words[3], number(4)) {
                Ok(writer) => {
                    say(&format!("open {}", writer.lines()));
                    *open = Some(Open { clock, writer });
                }
                Err(why) => say(&format!("refused {why}")),
            }
        }
        "append" => {
            let _ = append(&opened().writer, number(1), number(2), 1);
        }
        "storm" => storm(opened(), number(1), number(2), number(3), words[4]),
        "log" => log(words[1], words[2], number(3), number(4)),
        "outlive" => {
            let sleeping = Command::new("sleep")
                .arg("600")
                .stdout(Stdio::null())
                .spawn();
            say(&format!("pid {}", sleeping.unwrap().id()));
        }
        "close" => match open.take().unwrap().writer.close() {
            Ok(()) => say("closed"),
            Err(error) => say_error(&error),
        },
        "drop" => {
            *open = None;
            say("dropped");
        }
        "exit" => process::exit(0),
        other => panic!("{other}?"),
    }
}

fn writer(
    logs: &str,
    clock: &Arc<ManualClock>,
    how: &str,
    min_free_bytes: u64,
) -> Result<Writer<TradeRecord>, String> {
    let journal: Journal = Options::new(logs)
        .name("test")
        .clock(Arc::clone(clock) as _)
        .min_free_bytes(min_free_bytes)
        .open()
        .map_err(|it| chain_of(&it))?;
    let options = WriterOptions::default();
    let options = match how {
        "shared" => options.shared(true),
        // So long that no sync comes in between.
        "interval" => options.durability(Durability::Interval(Duration::from_secs(3600))),
        _ => options,
    };
    journal.writer_with(&options).map_err(|it| chain_of(&it))
}

/// Appends records in batches and says what came of each; stops at the first error.
fn append(
    writer: &Writer<TradeRecord>,
    first: u64,
    count: u64,
    batch: u64,
) -> Result<(), AppendError> {
    let mut number = first;
    while number < first + count {
        let receipts = if batch == 1 {
            writer.append(&entry(number)).map(|it| vec![it])
        } else {
            let records: Vec<_> = (number..number + batch).map(entry).collect();
            writer.append_all(&records)
        };
        let receipts = receipts.inspect_err(say_error)?;
        for Receipt { seq, hash, .. } in receipts {
            say(&format!("ack {seq} {hash} {number}"));
            number += 1;
        }
    }
    Ok(())
}

/// Appends from several threads for ever, the last one in batches. With `midnight`, the first one
/// sets the clock to it after a few records.
fn storm(open: &Open, first: u64, threads: u64, batch: u64, midnight: &str) {
    thread::scope(|scope| {
        for thread in 0..threads {
            let batch = if thread + 1 == threads { batch } else { 1 };
            scope.spawn(move || {
                let first = first + thread * THREAD;
                let few = 3 * batch;
                let _ = append(&open.writer, first, few, batch);
                if thread == 0 && midnight != "never" {
                    open.clock.set(time(midnight));
                }
                append(&open.writer, first + few, THREAD - few, batch)
            });
        }
    });
}

/// Logs fills from several threads for ever.
fn log(logs: &str, now: &str, first: u64, threads: u64) {
    let clock = Arc::new(ManualClock::new(time(now)));
    let journal = Options::new(logs).name("test").clock(clock as _).open();
    let log = TradeLog::open(&journal.unwrap(), "storm", TradeLogOptions::default()).unwrap();
    say("logging");
    thread::scope(|scope| {
        for thread in 0..threads {
            let log = &log;
            scope.spawn(move || {
                for number in first + thread * THREAD.. {
                    let order = format!("order-{number}");
                    let fill = log
                        .fill(order, "BTC-USDT", Action::Buy, "0.001", "67500.0")
                        .order_type("LIMIT")
                        .fee("0.135", "USDT")
                        .notes("a note, \"quoted\"\nin two lines");
                    let receipt = log.log_trade(&fill.build().unwrap()).unwrap();
                    say(&format!("ack {} {} {number}", receipt.seq, receipt.hash));
                }
            });
        }
    });
}

fn say_error(error: &AppendError) {
    let kind = match error {
        AppendError::Unknown { seqs, .. } => format!("unknown {} {}", seqs.start, seqs.end),
        AppendError::Ended { .. } => "ended".to_owned(),
        AppendError::LowSpace { .. } => "low-space".to_owned(),
        AppendError::Locked { .. } => "locked".to_owned(),
        _ => "other".to_owned(),
    };
    say(&format!("error {kind}: {}", chain_of(error)));
}

fn chain_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
