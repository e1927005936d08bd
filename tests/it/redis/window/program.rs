//! `tj window run` and its Redis, killed at random moments: while it opens its window, takes trades, writes
//! files, and ends. Every trade that it acknowledged counts once.
//!
//! It goes by the real clock, so that minutes leave its window because their trades are old.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::thread;
use std::time::{Duration, Instant};

use tradejournal::time::{Clock as _, SystemClock};

use super::super::server::{PATIENCE, Server};
use super::storm::{SPAN, SYMBOLS, Trades, first_at, has_window};
use crate::cli::collector::{Collector, Said};
use crate::cli::run::Bench;

const ROUNDS: u64 = 200;
/// As often a collector lives until files are written beside the trades: two seconds after a late one came.
const LONG_ROUND: u64 = 40;

struct Storm {
    trades: Trades,
    server: Server,
    bench: Bench,
    fed: Option<Fed>,
    /// What was said on standard error.
    told: Vec<String>,
    /// How often one ended by itself, and Redis had what the files have.
    settled: u64,
}

/// A collector, which trade each of its lines is, how many lines it has acknowledged, and what it told.
struct Fed {
    collector: Collector,
    lines: Vec<usize>,
    acked: usize,
    told: Vec<String>,
}

#[test]
fn two_hundred_kills_of_tj_and_redis_lose_nothing_and_count_nothing_twice() {
    let seed = uuid::Uuid::new_v4().as_u64_pair().0;
    eprintln!("seed {seed}");
    let mut storm = Storm {
        trades: Trades::new(seed),
        server: Server::start(),
        bench: Bench::new(),
        fed: None,
        told: Vec::new(),
        settled: 0,
    };
    let begun = Instant::now();
    let mut kills = (0, 0);
    for round in 0..ROUNDS {
        let (of_tj, of_redis) = storm.round(round);
        assert!(0 < of_tj + of_redis);
        kills = (kills.0 + of_tj, kills.1 + of_redis);
    }
    storm.end();
    let (sent, acked) = storm.trades.counts();
    let (took, settled) = (begun.elapsed(), storm.settled);
    eprintln!(
        "{kills:?} kills in {took:?}: {sent} trades, {acked} acknowledged, {settled} times settled"
    );
    assert!(ROUNDS / 4 < kills.0 && sent / 2 < acked && ROUNDS / 20 < settled);
}

impl Storm {
    /// Sends trades, and kills something in the middle of it. Says how often `tj` was killed, and how often
    /// Redis.
    fn round(&mut self, round: u64) -> (u64, u64) {
        if self.trades.random.below(3) == 0 {
            self.server.save();
        }
        if self.fed.is_none() {
            self.start();
            if self.trades.random.below(8) == 0 {
                // While it opens the window, perhaps.
                self.pause(30);
                self.kill_collector();
                return (1, 0);
            }
        }
        for _ in 0..=self.trades.random.below(12) {
            self.send();
        }
        if self.trades.random.below(2) == 0 {
            self.hear_ack();
        }
        if round % LONG_ROUND == LONG_ROUND / 2 {
            thread::sleep(Duration::from_secs(2));
            self.pause(400);
        } else {
            self.pause(60);
        }
        match self.trades.random.below(12) {
            0..3 => (u64::from(self.kill_collector()), 0),
            3..6 => {
                self.fed.as_mut().unwrap().collector.end_input();
                self.pause(30);
                match self.kill_collector() {
                    true => (1, 0),
                    false => self.kill_server(),
                }
            }
            6 => self.kill_server(),
            7 => {
                self.server.kill();
                self.end_collector();
                self.kill_server()
            }
            8 => {
                self.server.kill();
                let is_killed = self.kill_collector();
                (u64::from(is_killed), self.kill_server().1)
            }
            event => {
                if event == 9 {
                    self.server.flush();
                    self.send();
                }
                self.end_collector();
                self.kill_server()
            }
        }
    }

    fn pause(&mut self, millis_max: u64) {
        let micros = self.trades.random.below(millis_max * 1000);
        thread::sleep(Duration::from_micros(micros));
    }

    fn start(&mut self) {
        let mut command = self.bench.command();
        command
            .args(["window", "run", "--from", "-", "--acks"])
            .args(["--redis", &self.server.url(), "--storage", "storage"])
            .args(["--minutes", &SPAN.to_string()]);
        self.fed = Some(Fed {
            collector: Collector::start(command),
            lines: Vec::new(),
            acked: 0,
            told: Vec::new(),
        });
    }

    fn send(&mut self) {
        let fed = self.fed.as_mut().unwrap();
        for index in self.trades.choose(SystemClock.now()) {
            fed.collector.send(self.trades.send(index));
            fed.lines.push(index);
        }
    }

    /// Redis is killed, if it was not, and comes back with nothing, or with what it had some time ago.
    fn kill_server(&mut self) -> (u64, u64) {
        self.server.kill();
        if self.trades.random.below(2) == 0 {
            self.server.lose_saved();
        }
        self.server.restart();
        (0, 1)
    }

    /// Kills it; `false` where it had ended by itself before.
    fn kill_collector(&mut self) -> bool {
        let mut fed = self.fed.take().unwrap();
        fed.collector.kill();
        let (status, told) = self.hear_out(fed);
        self.told.extend(told);
        let is_killed = status.signal() == Some(9);
        assert!(is_killed || status.success(), "{status}: {:?}", self.told);
        is_killed
    }

    /// Has its input end, waits for what it does then, and looks at Redis where it can reach it.
    fn end_collector(&mut self) {
        let mut fed = self.fed.take().unwrap();
        fed.collector.end_input();
        let (status, told) = self.hear_out(fed);
        assert!(status.success(), "{status}: {told:?}");
        let is_copy = told.last().is_none_or(|it| it.ends_with("well again"));
        self.told.extend(told);
        if is_copy {
            for symbol in SYMBOLS {
                has_window(&self.bench.path("storage"), &self.server, symbol);
            }
            self.settled += 1;
        }
    }

    /// Waits until it has acknowledged something more, where there is something.
    fn hear_ack(&mut self) {
        let mut fed = self.fed.take().unwrap();
        let before = fed.acked;
        while fed.acked == before && before < fed.lines.len() {
            let said = fed.collector.hear_within(PATIENCE);
            self.note(&mut fed, said.expect("it ended or hangs"));
        }
        self.fed = Some(fed);
    }

    /// Hears one until it ends. Returns how it did, and what it told.
    fn hear_out(&mut self, mut fed: Fed) -> (ExitStatus, Vec<String>) {
        let (status, said) = fed.collector.hear_out();
        for said in said {
            self.note(&mut fed, said);
        }
        assert!(!status.success() || fed.acked == fed.lines.len());
        (status, fed.told)
    }

    fn note(&mut self, fed: &mut Fed, said: Said) {
        match said {
            Said::Ack(ack) => {
                assert_eq!((ack.kept + ack.duplicates, ack.refused), (ack.lines, 0));
                let acked = &fed.lines[fed.acked..ack.lines];
                acked.iter().for_each(|it| self.trades.took(*it));
                fed.acked = ack.lines;
            }
            Said::Told(text) => fed.told.push(text),
        }
    }

    /// Runs that nobody kills, until Redis is reached by one, and then a look at all that is there.
    fn end(&mut self) {
        if self.fed.is_some() {
            self.kill_collector();
        }
        let (begun, settled) = (Instant::now(), self.settled);
        let mut first = first_at(SystemClock.now())..=first_at(SystemClock.now());
        while self.settled == settled {
            assert!(begun.elapsed() < PATIENCE, "{:?}", self.told);
            let before = SystemClock.now();
            self.start();
            self.send();
            self.end_collector();
            first = first_at(before)..=first_at(SystemClock.now());
        }
        let is_known = |it: &&String| {
            let text = it.strip_prefix("warning: ").unwrap_or(it);
            text.starts_with("the window's copy: ")
        };
        assert_eq!(self.told.iter().find(|it| !is_known(it)), None);
        let storage = self.bench.path("storage");
        assert!(!storage.join(".window/aside/aside.jsonl").exists());
        self.trades
            .are_in_files_and_redis(&storage, &self.server, &first);
    }
}
