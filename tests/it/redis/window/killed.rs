//! Collectors and a Redis that are killed at random moments, by a clock that goes on as it is told: minutes
//! close and leave the window in the middle of it, and every acknowledged trade counts once.
//!
//! A collector is a process of its own: this test program started again. It is told by lines on its standard
//! input and says what came of it. In `program` it is `tj`, by the real clock.
//!
//! | it is told | it says |
//! |---|---|
//! | a trade's line of JSON | nothing; it is one of those that are taken next |
//! | `take` | `took`, and the numbers of the trades that are on disk now; or `failed` |
//! | `clock TIME` | nothing |
//! | `settle` | `settled`, when it has done all that is due |
//! | `close` | `wrong` for each thing that is, `news` for each thing to hear, and `closed` |

use std::env;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{self, Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use tradejournal::disk::RealDisk;
use tradejournal::driver::redis::{Connection, ConnectionOptions};
use tradejournal::feed::window::{PublicTrade, Symbols, Window, WindowOptions};
use tradejournal::time::{ManualClock, SystemClock, Timestamp};

use super::super::server::{PATIENCE, Server};
use super::resident;
use super::storm::{SPAN, SYMBOLS, Trades, first_at, has_window};
use crate::sample::time;

const ROUNDS: u64 = 60;
/// How far the clock goes on in a round: a minute leaves after 20 of them.
const ROUND: Duration = Duration::from_secs(15);

const IS_COLLECTOR: &str = "TRADEJOURNAL_TEST_IS_COLLECTOR";
const MARK: &str = "@";

struct Storm {
    server: Server,
    folder: tempfile::TempDir,
    collector: Option<Collector>,
    trades: Trades,
    news: Vec<String>,
    /// How often a collector that was not killed had done everything.
    settled: u64,
}

#[test]
fn kills_while_minutes_close_and_leave_lose_nothing_and_count_nothing_twice() {
    let seed = uuid::Uuid::new_v4().as_u64_pair().0;
    eprintln!("seed {seed}");
    let mut storm = Storm {
        server: Server::start(),
        folder: tempfile::tempdir().unwrap(),
        collector: None,
        trades: Trades::new(seed),
        news: Vec::new(),
        settled: 0,
    };
    let begun = Instant::now();
    let mut kills = 0;
    for round in 0..ROUNDS {
        kills += storm.round(round);
    }
    let took = begun.elapsed();
    storm.end();
    let (sent, acked) = storm.trades.counts();
    let settled = storm.settled;
    eprintln!(
        "{kills} kills in {took:?}: {sent} trades, {acked} acknowledged, {settled} times settled"
    );
    assert!(ROUNDS <= kills && sent / 2 < acked && 6 < settled);
}

impl Storm {
    fn now(round: u64) -> Timestamp {
        let passed = ROUND.saturating_mul(u32::try_from(round).unwrap());
        time("2024-10-23T12:00:00Z").saturating_add(passed)
    }

    /// Sends trades, and kills something in the middle of it. Says how many were killed.
    fn round(&mut self, round: u64) -> u64 {
        let now = Storm::now(round);
        if self.trades.random.below(3) == 0 {
            self.server.save();
        }
        match &mut self.collector {
            Some(collector) => collector.tell(&format!("clock {now}")),
            None => {
                let collector = Collector::start(self.folder.path(), &self.server.url(), now);
                if self.trades.random.below(8) == 0 {
                    // While it opens the window, perhaps.
                    thread::sleep(Duration::from_micros(self.trades.random.below(30_000)));
                    self.collector = Some(collector);
                    self.kill_collector();
                    return 1;
                }
                assert_eq!(collector.hear(), "ready");
                self.collector = Some(collector);
            }
        }
        if round % 10 == 5 {
            let second = Collector::start(self.folder.path(), &self.server.url(), now);
            let refused = second.hear();
            assert!(refused.ends_with("another collector has it"), "{refused}");
        }
        let batches = 1 + self.trades.random.below(12);
        for _ in 0..batches {
            let indices = self.trades.choose(now);
            self.send(&indices);
        }
        thread::sleep(Duration::from_micros(self.trades.random.below(40_000)));
        let event = self.trades.random.below(12);
        let (is_collector, is_server) = (event < 6, (4..10).contains(&event));
        if is_server {
            self.server.kill();
        } else if 2 < event {
            self.server.flush();
        }
        if is_collector {
            self.kill_collector();
        } else {
            self.hear(batches);
        }
        if is_server {
            if self.trades.random.below(2) == 0 {
                self.server.lose_saved();
            }
            self.server.restart();
        }
        if !is_collector {
            self.settle(now);
        }
        if !is_server && !is_collector {
            self.kill_collector();
            return 1;
        }
        u64::from(is_collector) + u64::from(is_server)
    }

    /// Whoever was not killed fills a Redis that was with the next minute that changes.
    fn settle(&mut self, now: Timestamp) {
        let late = self
            .trades
            .make_at(now.saturating_sub(Duration::from_secs(90)));
        self.send(&[late]);
        self.hear(1);
        let now = now.saturating_add(Duration::from_secs(5));
        let collector = self.collector.as_mut().unwrap();
        collector.tell(&format!("clock {now}\nsettle"));
        while self.collector.as_ref().unwrap().hear() != "settled" {}
        for symbol in SYMBOLS {
            has_window(&self.folder.path().join("storage"), &self.server, symbol);
        }
        self.settled += 1;
    }

    fn send(&mut self, batch: &[usize]) {
        let mut text = String::new();
        for index in batch {
            text.push_str(self.trades.send(*index));
            text.push('\n');
        }
        text.push_str("take");
        self.collector.as_mut().unwrap().tell(&text);
    }

    /// Hears so many answers.
    fn hear(&mut self, answers: u64) {
        let mut left = answers;
        while 0 < left {
            let said = self.collector.as_ref().unwrap().hear();
            left -= u64::from(self.note(&said));
        }
    }

    /// Notes what a collector said; whether that was the answer to what was sent.
    fn note(&mut self, said: &str) -> bool {
        if let Some(numbers) = said.strip_prefix("took") {
            for number in numbers.split_whitespace() {
                self.trades.took(number.parse().unwrap());
            }
            return true;
        }
        assert!(!said.starts_with("failed"), "{said}");
        if let Some(news) = said.strip_prefix("news ") {
            self.news.push(news.to_owned());
        }
        false
    }

    fn kill_collector(&mut self) {
        let said = self.collector.take().unwrap().kill();
        for line in said {
            self.note(&line);
        }
    }

    /// A last run that nobody kills, and then a look at all that is there.
    fn end(&mut self) {
        if self.collector.is_some() {
            self.kill_collector();
        }
        let now = Storm::now(ROUNDS);
        let collector = Collector::start(self.folder.path(), &self.server.url(), now);
        assert_eq!(collector.hear(), "ready");
        self.collector = Some(collector);
        let indices = self.trades.choose(now);
        self.send(&indices);
        self.hear(1);
        self.collector.as_mut().unwrap().tell("close");
        loop {
            let said = self.collector.as_ref().unwrap().hear();
            assert!(!said.starts_with("wrong"), "{said}");
            if said == "closed true" {
                break;
            }
            self.note(&said);
        }
        assert!(self.collector.take().unwrap().end());
        // What one says that was killed is not heard; of the last one, everything is.
        let known = ["the window's copy: "];
        let other = self
            .news
            .iter()
            .find(|it| !known.iter().any(|known| it.starts_with(known)));
        assert_eq!(other, None);
        let storage = self.folder.path().join("storage");
        assert!(!storage.join(".window/aside/aside.jsonl").exists());
        let first = first_at(now)..=first_at(now);
        self.trades
            .are_in_files_and_redis(&storage, &self.server, &first);
    }
}

/// A collector, seen from outside.
struct Collector {
    child: Child,
    told: Option<ChildStdin>,
    said: Receiver<String>,
}

impl Collector {
    fn start(folder: &Path, url: &str, now: Timestamp) -> Collector {
        let mut child = Command::new(env::current_exe().unwrap())
            .args([
                "redis::window::killed::is_a_collector_where_told_so",
                "--exact",
            ])
            .args(["--nocapture", "--quiet", "--test-threads=1"])
            .env(IS_COLLECTOR, format!("{} {url} {now}", folder.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let told = child.stdin.take();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (say, said) = mpsc::channel();
        thread::spawn(move || {
            // One that was killed can leave half a line.
            let lines = out
                .lines()
                .map_while(Result::ok)
                .filter(|it| it.ends_with('.'));
            for line in lines {
                let line = line.trim_end_matches('.').split_once(MARK);
                if line.is_some_and(|(_, line)| say.send(line.to_owned()).is_err()) {
                    return;
                }
            }
        });
        Collector { child, told, said }
    }

    fn tell(&mut self, text: &str) {
        // One that was killed hears nothing.
        let _ = writeln!(self.told.as_mut().unwrap(), "{text}");
    }

    fn hear(&self) -> String {
        let heard = self.said.recv_timeout(PATIENCE);
        heard.expect("the collector ended or hangs")
    }

    /// Kills it and returns all that it had said.
    fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        let mut said = Vec::new();
        loop {
            match self.said.recv_timeout(PATIENCE) {
                Ok(line) => said.push(line),
                Err(RecvTimeoutError::Disconnected) => return said,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end"),
            }
        }
    }

    /// Whether it ended well.
    fn end(mut self) -> bool {
        self.told = None;
        self.child.wait().unwrap().success()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The collector itself; nothing where this program is just being tested.
#[test]
fn is_a_collector_where_told_so() {
    let Ok(told) = env::var(IS_COLLECTOR) else {
        return;
    };
    let words: Vec<&str> = told.split(' ').collect();
    let folder = PathBuf::from(words[0]);
    let clock = Arc::new(ManualClock::new(time(words[2])));
    match open(&folder, words[1], &clock) {
        Ok(window) => collect(window, &clock),
        Err(error) => say(&format!("refused {error}")),
    }
    process::exit(0);
}

fn open(folder: &Path, url: &str, clock: &Arc<ManualClock>) -> Result<Window, String> {
    let storage = folder.join("storage");
    let options = ConnectionOptions::default()
        .timeout(Duration::from_secs(5))
        .rest(Duration::from_millis(2), Duration::from_millis(20));
    let connection = Connection::new(url.parse().unwrap(), options, Arc::new(SystemClock));
    let redis = resident(connection, &Symbols::Each, &storage.display().to_string());
    let options = WindowOptions::default()
        .span(SPAN)
        .grace(Duration::from_secs(1))
        .archive_after(None);
    let (disk, clock) = (Arc::new(RealDisk), Arc::clone(clock));
    let window = Window::open_on(
        disk,
        clock,
        &storage,
        &folder.join("archive"),
        options,
        Box::new(redis),
    );
    window.map_err(|it| it.to_string())
}

fn collect(window: Window, clock: &ManualClock) {
    say("ready");
    let is_over = AtomicBool::new(false);
    let has_to_close = thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                window.tick();
                thread::sleep(Duration::from_millis(2));
            }
        });
        let has_to_close = obey(&window, clock);
        is_over.store(true, Ordering::SeqCst);
        has_to_close
    });
    if !has_to_close {
        return;
    }
    let begun = Instant::now();
    while !(window.flush() && window.wrong().is_empty()) && begun.elapsed() < PATIENCE / 2 {
        thread::sleep(Duration::from_millis(5));
    }
    for wrong in window.wrong() {
        say(&format!("wrong {wrong}"));
    }
    let (is_written, news) = window.close();
    for news in news {
        say(&format!("news {}", news.text));
    }
    say(&format!("closed {is_written}"));
}

/// Takes trades until it is told to close, or nobody tells it anything any more.
fn obey(window: &Window, clock: &ManualClock) -> bool {
    let (mut numbers, mut trades) = (Vec::new(), Vec::new());
    for line in io::stdin().lines().map_while(Result::ok) {
        match line.split_once(' ') {
            None if line == "take" => {
                take(window, &numbers, &trades);
                numbers.clear();
                trades.clear();
            }
            None if line == "close" => return true,
            None if line == "settle" => {
                window.tick();
                while !window.wrong().is_empty() {
                    window.tick();
                }
                say("settled");
            }
            Some(("clock", now)) => clock.set(time(now)),
            _ => {
                let number = line
                    .strip_prefix(r#"{"n":"#)
                    .and_then(|it| it.split_once(','));
                numbers.push(number.unwrap().0.to_owned());
                trades.push(PublicTrade::parse(line.as_bytes()).unwrap());
            }
        }
    }
    false
}

fn take(window: &Window, numbers: &[String], trades: &[PublicTrade]) {
    match window.take(trades) {
        Ok(taken) if taken.refused.is_empty() => say(&format!("took {}", numbers.join(" "))),
        Ok(taken) => say(&format!("failed {:?}", taken.refused)),
        Err(error) => say(&format!("failed {error}")),
    }
}

/// One write, so that a kill leaves whole lines; the end is marked all the same.
fn say(line: &str) {
    let mut out = io::stdout().lock();
    let said = writeln!(out, "{MARK}{line}.").and_then(|()| out.flush());
    if said.is_err() {
        process::exit(1);
    }
}
