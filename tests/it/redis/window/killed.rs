//! Collectors and a Redis that are killed at random moments: every acknowledged trade counts once.
//!
//! A collector is a process of its own: this test program started again. It is told by lines on its standard
//! input and says what came of it.
//!
//! | it is told | it says |
//! |---|---|
//! | a trade's line of JSON | nothing; it is one of those that are taken next |
//! | `take` | `took`, and the numbers of the trades that are on disk now; or `failed` |
//! | `clock TIME` | nothing |
//! | `settle` | `settled`, when it has done all that is due |
//! | `close` | `wrong` for each thing that is, `news` for each thing to hear, and `closed` |

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::env;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{self, Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;
use tradejournal::disk::RealDisk;
use tradejournal::driver::redis::{Connection, ConnectionOptions};
use tradejournal::feed::window::{Minute, PublicTrade, Symbols, Window, WindowOptions};
use tradejournal::time::{ManualClock, SystemClock, Timestamp};

use super::super::server::{PATIENCE, Server};
use super::{KEY, resident, texts};
use crate::sample::time;

const ROUNDS: u64 = 200;
const SYMBOLS: [&str; 3] = ["BTCUSDT", "ETHUSDT", "SOL/USDT"];
/// How many minutes a window goes back, and how far the clock goes on in a round: a minute leaves after 20 rounds.
const SPAN: u32 = 5;
const ROUND: Duration = Duration::from_secs(15);
/// How long before its round a trade may be made: some are of minutes that left long ago.
const LATE_MAX: u64 = 480;

const IS_COLLECTOR: &str = "TRADEJOURNAL_TEST_IS_COLLECTOR";
const MARK: &str = "@";

/// One trade as it is sent, and as it must count.
struct Sent {
    line: String,
    symbol: &'static str,
    id: String,
    minute: Minute,
    is_buy: bool,
    price: &'static str,
    size: Decimal,
}

/// Each level with what was bought, what was sold, and how many trades that was.
type Levels = BTreeMap<Decimal, (Decimal, Decimal, u64)>;

struct Storm {
    random: Random,
    server: Server,
    folder: tempfile::TempDir,
    collector: Option<Collector>,
    sent: Vec<Sent>,
    acked: BTreeSet<usize>,
    /// Sent to a collector that has not answered yet, or was killed before it did.
    unacked: BTreeSet<usize>,
    news: Vec<String>,
    /// How often a collector that was not killed had done everything.
    settled: u64,
}

#[test]
fn two_hundred_kills_of_collectors_and_redis_lose_nothing_and_count_nothing_twice() {
    let seed = uuid::Uuid::new_v4().as_u64_pair().0;
    eprintln!("seed {seed}");
    let mut storm = Storm {
        random: Random(seed),
        server: Server::start(),
        folder: tempfile::tempdir().unwrap(),
        collector: None,
        sent: Vec::new(),
        acked: BTreeSet::new(),
        unacked: BTreeSet::new(),
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
    let (acked, sent) = (storm.acked.len(), storm.sent.len());
    let settled = storm.settled;
    eprintln!(
        "{kills} kills in {took:?}: {sent} trades, {acked} acknowledged, {settled} times settled"
    );
    assert!(ROUNDS <= kills && sent / 2 < acked && 20 < settled);
}

impl Storm {
    fn now(round: u64) -> Timestamp {
        let passed = ROUND.saturating_mul(u32::try_from(round).unwrap());
        time("2024-10-23T12:00:00Z").saturating_add(passed)
    }

    /// Sends trades, and kills something in the middle of it. Says how many were killed.
    fn round(&mut self, round: u64) -> u64 {
        let now = Storm::now(round);
        if self.random.below(3) == 0 {
            self.server.save();
        }
        match &mut self.collector {
            Some(collector) => collector.tell(&format!("clock {now}")),
            None => {
                let collector = Collector::start(self.folder.path(), &self.server.url(), now);
                if self.random.below(8) == 0 {
                    // While it opens the window, perhaps.
                    thread::sleep(Duration::from_micros(self.random.below(30_000)));
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
        let batches = 1 + self.random.below(12);
        for _ in 0..batches {
            let indices = self.choose(now);
            self.send(&indices);
        }
        thread::sleep(Duration::from_micros(self.random.below(40_000)));
        let event = self.random.below(12);
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
            if self.random.below(2) == 0 {
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
        let late = self.make_at(now.saturating_sub(Duration::from_secs(90)));
        self.send(&[late]);
        self.hear(1);
        let now = now.saturating_add(Duration::from_secs(5));
        let collector = self.collector.as_mut().unwrap();
        collector.tell(&format!("clock {now}\nsettle"));
        while self.collector.as_ref().unwrap().hear() != "settled" {}
        for symbol in SYMBOLS {
            self.has_window(symbol);
        }
        self.settled += 1;
    }

    /// The minutes of a symbol's window, which Redis has too, and no others.
    fn has_window(&self, symbol: &str) -> BTreeMap<Minute, String> {
        let minutes = self.folder.path().join("storage/.window/minutes");
        let waiting = files(&minutes.join(symbol.replace('/', "%2F")));
        let members = self
            .server
            .ask(&format!("ZRANGE {KEY}:{symbol} 0 -1 WITHSCORES"));
        let in_window: Vec<(String, f64)> = waiting
            .iter()
            .map(|(minute, json)| (json.clone(), minute.unix_secs() as f64))
            .collect();
        assert_eq!(texts(members), in_window, "{symbol}");
        waiting
    }

    /// Some trades: new ones, those that nobody acknowledged, and some that are known.
    fn choose(&mut self, now: Timestamp) -> Vec<usize> {
        let mut batch = Vec::new();
        for _ in 0..=self.random.below(8) {
            let again = match self.random.below(10) {
                0 | 1 => self.any_of_unacked(),
                2 => self.any_of_sent(),
                _ => None,
            };
            let index = again.unwrap_or_else(|| self.make(now));
            batch.push(index);
        }
        batch
    }

    fn send(&mut self, batch: &[usize]) {
        let mut text = String::new();
        for index in batch {
            text.push_str(&self.sent[*index].line);
            text.push('\n');
            if !self.acked.contains(index) {
                self.unacked.insert(*index);
            }
        }
        text.push_str("take");
        self.collector.as_mut().unwrap().tell(&text);
    }

    fn any_of_unacked(&mut self) -> Option<usize> {
        let count = self.unacked.len() as u64;
        let place = (0 < count).then(|| self.random.below(count))?;
        self.unacked
            .iter()
            .nth(usize::try_from(place).unwrap())
            .copied()
    }

    fn any_of_sent(&mut self) -> Option<usize> {
        let count = self.sent.len() as u64;
        (0 < count).then(|| usize::try_from(self.random.below(count)).unwrap())
    }

    /// A trade that there was not before. Many are made at the same instant, some long ago.
    fn make(&mut self, now: Timestamp) -> usize {
        let age = match self.random.below(10) {
            0..6 => self.random.below(20),
            _ => self.random.below(LATE_MAX),
        };
        self.make_at(now.saturating_sub(Duration::from_secs(age)))
    }

    fn make_at(&mut self, at: Timestamp) -> usize {
        let symbol = SYMBOLS[usize::try_from(self.random.below(3)).unwrap()];
        let price = ["60000.00", "60000.50", "59999.99", "0.00000123"]
            [usize::try_from(self.random.below(4)).unwrap()];
        let is_buy = self.random.below(2) == 0;
        let digits = i64::try_from(1 + self.random.below(1_000_000_000)).unwrap();
        let size = Decimal::new(digits, u32::try_from(self.random.below(9)).unwrap());
        let index = self.sent.len();
        let id = match index % 3 {
            0 => index.to_string(),
            1 => format!("t-{index}"),
            _ => uuid::Uuid::from_u128(index as u128).to_string(),
        };
        let side = if is_buy { "buy" } else { "sell" };
        let line = format!(
            r#"{{"n":{index},"id":"{id}","time":"{at}","symbol":"{symbol}","side":"{side}","price":"{price}","size":"{size}"}}"#
        );
        self.sent.push(Sent {
            line,
            symbol,
            id,
            minute: Minute::of(at),
            is_buy,
            price,
            size,
        });
        index
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
                let number = number.parse().unwrap();
                self.unacked.remove(&number);
                self.acked.insert(number);
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
        let indices = self.choose(now);
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
        let taken = self.taken(&storage.join(".window/intake"));
        self.is_in_files_and_redis(&storage, &taken);
    }

    /// The trades on disk, by their ids: all that were acknowledged, and of the others perhaps some.
    fn taken(&self, intake: &Path) -> BTreeSet<usize> {
        #[derive(Deserialize)]
        struct Line {
            id: String,
            symbol: String,
        }
        let sent = self.sent.iter().enumerate();
        let sent: HashMap<(&str, &str), usize> = sent
            .map(|(index, it)| ((it.symbol, &*it.id), index))
            .collect();
        let mut taken = BTreeSet::new();
        for file in fs::read_dir(intake).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_none_or(|it| it != "jsonl") {
                continue;
            }
            let text = fs::read_to_string(path).unwrap();
            for line in text
                .split_inclusive('\n')
                .filter_map(|it| it.strip_suffix('\n'))
            {
                let line: Line = serde_json::from_str(line).unwrap();
                let index = sent.get(&(&*line.symbol, &*line.id));
                taken.insert(*index.expect("nobody sent that"));
            }
        }
        let lost: Vec<_> = self.acked.difference(&taken).collect();
        assert!(lost.is_empty(), "acknowledged, and not on disk: {lost:?}");
        taken
    }

    fn is_in_files_and_redis(&self, storage: &Path, taken: &BTreeSet<usize>) {
        let mut wanted: BTreeMap<(&str, Minute), Levels> = BTreeMap::new();
        for it in taken.iter().map(|it| &self.sent[*it]) {
            let levels = wanted.entry((it.symbol, it.minute)).or_default();
            let level = levels.entry(it.price.parse().unwrap()).or_default();
            let side = if it.is_buy {
                &mut level.0
            } else {
                &mut level.1
            };
            *side += it.size;
            level.2 += 1;
        }
        let first = Minute::of(Storm::now(ROUNDS)).plus(1 - i64::from(SPAN));
        let mut found = BTreeMap::new();
        let mut keys = BTreeSet::from([
            "trades_window:filled".to_owned(),
            "trades_window:owner".to_owned(),
        ]);
        for symbol in SYMBOLS {
            let stored = files(&storage.join(symbol.replace('/', "%2F")));
            let waiting = self.has_window(symbol);
            assert!(!stored.is_empty() && !waiting.is_empty(), "{symbol}");
            assert!(
                stored
                    .keys()
                    .all(|it| *it < first && !waiting.contains_key(it))
            );
            assert!(waiting.keys().all(|it| first <= *it));
            keys.insert(format!("{KEY}:{symbol}"));
            for (minute, json) in stored.into_iter().chain(waiting) {
                found.insert((symbol, minute), levels(&json, minute));
            }
        }
        assert_eq!(found, wanted);
        let all: Vec<String> = self.server.ask("KEYS *");
        assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), keys);
    }
}

/// The minutes of a folder, each with its line.
fn files(folder: &Path) -> BTreeMap<Minute, String> {
    let mut found = BTreeMap::new();
    for file in fs::read_dir(folder).into_iter().flatten() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let digits = name
            .strip_prefix("trades_")
            .and_then(|it| it.strip_suffix(".json"));
        if let Some(digits) = digits {
            let text = fs::read_to_string(&path).unwrap();
            let line = text.strip_suffix('\n').unwrap().to_owned();
            found.insert(Minute::of_digits(digits).unwrap(), line);
        }
    }
    found
}

/// What a minute's JSON says, read without the library.
fn levels(json: &str, minute: Minute) -> Levels {
    #[derive(Deserialize)]
    struct Whole<'a> {
        timestamp: String,
        #[serde(borrow)]
        price_levels: BTreeMap<String, Level<'a>>,
    }
    #[derive(Deserialize)]
    struct Level<'a> {
        #[serde(borrow)]
        buy_volume: &'a RawValue,
        #[serde(borrow)]
        sell_volume: &'a RawValue,
        trade_count: u64,
    }
    let whole: Whole<'_> = serde_json::from_str(json).unwrap();
    assert!(whole.timestamp.starts_with(&minute.to_string()), "{json}");
    let number = |it: &RawValue| it.get().parse::<Decimal>().unwrap();
    let levels = whole.price_levels.into_iter();
    levels
        .map(|(price, it)| {
            let volumes = (
                number(it.buy_volume),
                number(it.sell_volume),
                it.trade_count,
            );
            (price.parse().unwrap(), volumes)
        })
        .collect()
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

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}
