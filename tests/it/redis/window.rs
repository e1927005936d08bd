//! The window in a Redis that is emptied, killed, stopped, filled up, made a replica, or used by others.

mod killed;
mod program;
mod storm;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tradejournal::disk::RealDisk;
use tradejournal::driver::redis::{Connection, ConnectionOptions, RedisWindow};
use tradejournal::feed::window::{
    Change, Footprint, Minute, PublicTrade, Resident, ResidentError, Symbols, Window, WindowOptions,
};
use tradejournal::record::field::Pair;
use tradejournal::time::{Clock as _, ManualClock, SystemClock};

use super::server::{PATIENCE, Server};
use crate::sample::time;

const KEY: &str = "trades_window";
const BTC: &str = "BTCUSDT";
/// How many minutes the windows here go back.
const SPAN: u32 = 30;

/// A storage folder, a Redis, and the clock of both the window and its connection.
struct Bench {
    server: Server,
    folder: TempDir,
    clock: Arc<ManualClock>,
    symbols: Symbols,
}

impl Bench {
    fn new() -> Bench {
        Bench::with(Server::start(), Symbols::Only(pair(BTC)))
    }

    fn with(server: Server, symbols: Symbols) -> Bench {
        Bench {
            server,
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::new(ManualClock::new(time("2024-10-23T14:30:00Z"))),
            symbols,
        }
    }

    fn storage(&self) -> PathBuf {
        self.folder.path().join("storage")
    }

    fn open(&self) -> Window {
        self.open_with(self.resident(&self.server.url(), Duration::from_secs(10)))
    }

    fn open_with(&self, resident: RedisWindow) -> Window {
        let mut options = WindowOptions::default().span(SPAN).archive_after(None);
        options.symbols = self.symbols.clone();
        Window::open_on(
            Arc::new(RealDisk),
            Arc::clone(&self.clock) as _,
            &self.storage(),
            &self.folder.path().join("archive"),
            options,
            Box::new(resident),
        )
        .unwrap()
    }

    fn resident(&self, url: &str, timeout: Duration) -> RedisWindow {
        let connection = Connection::new(
            url.parse().unwrap(),
            ConnectionOptions::default().timeout(timeout),
            Arc::clone(&self.clock) as _,
        );
        resident(
            connection,
            &self.symbols,
            &self.storage().display().to_string(),
        )
    }

    /// Lets a minute pass in which something is traded, and has the window do what is due.
    fn trade(&self, window: &Window, symbol: &str) {
        let now = self.clock.now().to_string();
        let taken = window.take(&[trade(symbol, &now, &now, "1.5")]).unwrap();
        assert_eq!(taken.kept, 1);
        // As long as the minute, and its grace.
        self.pass(window, 63);
    }

    fn pass(&self, window: &Window, secs: u64) {
        self.clock.advance(Duration::from_secs(secs));
        window.tick();
    }

    /// That Redis has the minutes of the window, each with its second and its bytes, and nothing else.
    #[track_caller]
    fn is_copy(&self, window: &Window, symbol: &str) {
        let key = match self.symbols {
            Symbols::Only(_) => KEY.to_owned(),
            Symbols::Each => format!("{KEY}:{symbol}"),
        };
        let members: Vec<(Vec<u8>, f64)> =
            self.server.ask(&format!("ZRANGE {key} 0 -1 WITHSCORES"));
        let first = Minute::of(self.clock.now()).plus(1 - i64::from(SPAN));
        let range = window.range(&pair(symbol), first, Minute::last()).unwrap();
        let wanted: Vec<(Vec<u8>, f64)> = range
            .map(|it| it.unwrap())
            .map(|it| (it.to_json(), it.minute().unix_secs() as f64))
            .collect();
        assert!(!wanted.is_empty());
        assert_eq!(texts(members), texts(wanted));
        assert_eq!(window.wrong(), [""; 0]);
    }
}

fn texts(members: Vec<(Vec<u8>, f64)>) -> Vec<(String, f64)> {
    let text = |it: Vec<u8>| String::from_utf8_lossy(&it).into_owned();
    members
        .into_iter()
        .map(|(it, score)| (text(it), score))
        .collect()
}

fn resident(connection: Connection, symbols: &Symbols, owner: &str) -> RedisWindow {
    let epoch = uuid::Uuid::new_v4().as_u128();
    RedisWindow::new(connection, symbols.clone(), owner, epoch)
}

/// A resident of its own, by the real clock.
fn alone(server: &Server, owner: &str) -> RedisWindow {
    let options = ConnectionOptions::default()
        .timeout(Duration::from_secs(10))
        .rest(Duration::from_millis(1), Duration::from_millis(1));
    let url = server.url().parse().unwrap();
    let connection = Connection::new(url, options, Arc::new(SystemClock));
    resident(connection, &Symbols::Only(pair(BTC)), owner)
}

fn pair(text: &str) -> Pair {
    text.parse().unwrap()
}

fn trade(symbol: &str, id: &str, time: &str, size: &str) -> PublicTrade {
    let line = format!(
        r#"{{"id":"{id}","time":"{time}","symbol":"{symbol}","side":"buy","price":"60000.00","size":"{size}"}}"#
    );
    PublicTrade::parse(line.as_bytes()).unwrap()
}

fn footprint(time: &str, size: &str) -> Footprint {
    let trade = trade(BTC, "x", time, size);
    let mut footprint = Footprint::new(Minute::of(trade.time));
    footprint.add(&trade, None).unwrap();
    footprint
}

fn put(footprint: &Footprint, before: Option<&Footprint>) -> Change {
    Change::Put {
        symbol: pair(BTC),
        minute: footprint.minute(),
        member: footprint.to_json(),
        before: before.map(Footprint::to_json),
    }
}

fn news(window: &Window) -> Vec<String> {
    window.news().into_iter().map(|it| it.text).collect()
}

/// That what was wrong was told once, with this in it, and that it is over, if it is.
#[track_caller]
fn told(window: &Window, why: &str, is_over: bool) {
    let news = news(window);
    assert_eq!(news.len(), 1 + usize::from(is_over), "{news:?}");
    assert!(
        news[0].starts_with("the window's copy: redis://"),
        "{news:?}"
    );
    assert!(news[0].ends_with(why), "{news:?}");
    if is_over {
        assert_eq!(news[1], "the window's copy: well again");
    }
}

#[test]
fn each_minute_is_a_member_with_its_second_until_it_leaves() {
    let bench = Bench::new();
    let window = bench.open();
    for _ in 0..5 {
        bench.trade(&window, BTC);
    }
    bench.is_copy(&window, BTC);
    let kept: String = bench.server.ask("GET trades_window:owner");
    assert_eq!(kept, bench.storage().display().to_string());
    // A late trade takes the place of a member.
    let late = trade(BTC, "late", "2024-10-23T14:32:30Z", "0.25");
    assert_eq!(window.take(&[late]).unwrap().late, 1);
    bench.pass(&window, 3);
    bench.is_copy(&window, BTC);
    assert_eq!(window.counts().members_put, 6);
    let members: Vec<String> = bench.server.ask("ZRANGE trades_window 0 -1");
    assert_eq!(members.iter().filter(|it| it.contains("1.75")).count(), 1);
    assert_eq!(members.len(), 5);
    let usage = window.counts();
    assert!(usage.resident_up && 100_000 < usage.resident_bytes);
    // Out of the window one by one.
    bench.clock.set(time("2024-10-23T15:02:59Z"));
    bench.pass(&window, 1);
    bench.is_copy(&window, BTC);
    let left: u64 = bench.server.ask("ZCARD trades_window");
    assert_eq!((left, window.counts().files_written), (1, 4));
    assert_eq!(news(&window), [""; 0]);
}

#[test]
fn what_was_flushed_is_there_again_with_the_next_minute() {
    let bench = Bench::new();
    let window = bench.open();
    for _ in 0..3 {
        bench.trade(&window, BTC);
    }
    bench.server.flush();
    bench.trade(&window, BTC);
    bench.is_copy(&window, BTC);
    // Also where the server has as many members then as it should have.
    bench.server.flush();
    let mut other = alone(&bench.server, &bench.storage().display().to_string());
    for minute in 0..4 {
        let theirs = footprint(&format!("2024-10-23T12:0{minute}:00Z"), "1");
        other.change(&[put(&theirs, None)]).unwrap();
    }
    bench.trade(&window, BTC);
    // Those were older than the window.
    window.tick();
    bench.is_copy(&window, BTC);
    assert_eq!(news(&window), [""; 0]);
}

#[test]
fn a_key_that_was_deleted_is_there_again_within_a_minute() {
    let bench = Bench::with(Server::start(), Symbols::Each);
    let window = bench.open();
    for _ in 0..3 {
        bench.trade(&window, BTC);
        bench.trade(&window, "ETHUSDT");
    }
    let () = bench.server.ask("DEL trades_window:BTCUSDT");
    bench.pass(&window, 60);
    bench.is_copy(&window, BTC);
    bench.is_copy(&window, "ETHUSDT");
    assert_eq!(news(&window), [""; 0]);
}

#[test]
fn a_server_that_was_killed_is_filled_again() {
    let mut bench = Bench::new();
    let window = bench.open();
    for _ in 0..3 {
        bench.trade(&window, BTC);
    }
    bench.server.kill();
    for _ in 0..5 {
        bench.trade(&window, BTC);
    }
    told(&window, "cannot be reached", false);
    assert!(!window.counts().resident_up);
    bench.server.restart();
    bench.trade(&window, BTC);
    bench.is_copy(&window, BTC);
    assert_eq!(news(&window), ["the window's copy: well again"]);
    // It is gone and back before anybody asks.
    bench.server.restart();
    bench.trade(&window, BTC);
    bench.is_copy(&window, BTC);
    assert_eq!(news(&window), [""; 0]);
}

/// As many members, a mark of the same collector: that it is another run tells alone.
#[test]
fn an_older_snapshot_is_not_taken_for_what_was_there() {
    let mut bench = Bench::new();
    let window = bench.open();
    for _ in 0..3 {
        bench.trade(&window, BTC);
    }
    bench.server.save();
    let late = trade(BTC, "late", "2024-10-23T14:30:30Z", "0.25");
    assert_eq!(window.take(&[late]).unwrap().late, 1);
    bench.pass(&window, 3);
    bench.is_copy(&window, BTC);
    bench.server.restart();
    let members: Vec<String> = bench.server.ask("ZRANGE trades_window 0 -1");
    assert!(members.len() == 3 && !members.iter().any(|it| it.contains("1.75")));
    bench.pass(&window, 60);
    bench.is_copy(&window, BTC);
    // Minutes that have left the window since the snapshot, too.
    bench.server.save();
    bench.server.kill();
    bench.clock.set(time("2024-10-23T15:01:00Z"));
    for _ in 0..2 {
        bench.trade(&window, BTC);
    }
    told(&window, "cannot be reached", false);
    bench.server.restart();
    bench.pass(&window, 60);
    bench.is_copy(&window, BTC);
    assert_eq!(window.counts().set_aside, 0);
    assert_eq!(news(&window), ["the window's copy: well again"]);
}

#[test]
fn a_server_that_stands_still_slows_nobody_who_has_trades() {
    let bench = Bench::new();
    let timeout = Duration::from_millis(400);
    let window = bench.open_with(bench.resident(&bench.server.url(), timeout));
    for _ in 0..3 {
        bench.trade(&window, BTC);
    }
    bench.server.pause();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let ticking = scope.spawn(|| {
            let mut longest = Duration::ZERO;
            for _ in 0..4 {
                let begun = Instant::now();
                bench.pass(&window, 61);
                longest = longest.max(begun.elapsed());
            }
            is_over.store(true, Ordering::SeqCst);
            longest
        });
        let mut takes = Vec::new();
        while !is_over.load(Ordering::SeqCst) {
            let now = bench.clock.now().to_string();
            let id = takes.len().to_string();
            let begun = Instant::now();
            assert_eq!(window.take(&[trade(BTC, &id, &now, "1")]).unwrap().kept, 1);
            takes.push(begun.elapsed());
            thread::sleep(Duration::from_millis(1));
        }
        // Every tick asks a silent server once; nothing else there waits.
        let longest = ticking.join().unwrap();
        assert!(timeout <= longest && longest < timeout * 4, "{longest:?}");
        takes.sort();
        let usual = takes[takes.len() * 9 / 10];
        assert!(
            30 < takes.len() && usual < timeout / 4,
            "{} {usual:?}",
            takes.len()
        );
    });
    told(&window, "does not answer in time", false);
    bench.server.resume();
    for _ in 0..2 {
        bench.trade(&window, BTC);
    }
    assert_eq!(news(&window), ["the window's copy: well again"]);
    bench.is_copy(&window, BTC);
}

#[test]
fn a_server_without_memory_is_told_once_and_lets_go_of_what_left_the_window() {
    let bench = Bench::new();
    let window = bench.open();
    for _ in 0..5 {
        bench.trade(&window, BTC);
    }
    bench.server.fill_up();
    for _ in 0..3 {
        bench.trade(&window, BTC);
    }
    told(&window, "is out of memory", false);
    let members: u64 = bench.server.ask("ZCARD trades_window");
    assert_eq!(members, 5);
    bench.clock.set(time("2024-10-23T15:02:00Z"));
    bench.pass(&window, 1);
    let members: u64 = bench.server.ask("ZCARD trades_window");
    assert_eq!(members, 2);
    // The lease is kept meanwhile.
    let mut other = alone(&bench.server, "another");
    assert!(matches!(other.claim(), Err(ResidentError::Taken { .. })));
    bench.server.make_room();
    // A server that refuses is left alone for up to half a minute.
    bench.pass(&window, 31);
    bench.is_copy(&window, BTC);
    assert_eq!(news(&window), ["the window's copy: well again"]);
}

#[test]
fn a_replica_and_a_server_that_cannot_save_are_told_once() {
    let server = Server::start_with(&["--save", "1000000 1000000"]);
    let bench = Bench::with(server, Symbols::Only(pair(BTC)));
    let window = bench.open();
    bench.trade(&window, BTC);
    bench.server.make_read_only();
    for _ in 0..4 {
        bench.trade(&window, BTC);
    }
    told(&window, "takes no writes: it is a replica", false);
    bench.server.make_writable();
    bench.trade(&window, BTC);
    bench.is_copy(&window, BTC);
    assert_eq!(news(&window), ["the window's copy: well again"]);
    // One that failed to save a snapshot takes nothing that it could not save either.
    bench.server.fail_to_save();
    for _ in 0..4 {
        bench.trade(&window, BTC);
    }
    told(
        &window,
        "takes no writes: it cannot save its data (MISCONF)",
        false,
    );
}

#[test]
fn a_wrong_password_is_told_once_and_is_in_no_text() {
    let server = Server::start_with(&["--requirepass", "right"]);
    let bench = Bench::with(server, Symbols::Only(pair(BTC)));
    for (url, why) in [
        (
            bench.server.url().replace("//", "//:hunter2@"),
            "does not let us in: WRONGPASS",
        ),
        (bench.server.url(), "does not let us in: NOAUTH"),
    ] {
        let window = bench.open_with(bench.resident(&url, Duration::from_secs(10)));
        for _ in 0..4 {
            bench.trade(&window, BTC);
            // Also while it is left alone.
            window.tick();
        }
        assert!(!format!("{window:?}").contains("hunter2"));
        told(&window, why, false);
    }
}

#[test]
fn a_key_with_something_else_in_it_is_named() {
    let bench = Bench::new();
    let () = bench.server.ask("RPUSH trades_window hello");
    let window = bench.open();
    for _ in 0..3 {
        bench.trade(&window, BTC);
    }
    let text = "has a list at trades_window, which is the window's: \
                rename that key, or give the window another database";
    told(&window, text, false);
    let () = bench.server.ask("RENAME trades_window hello");
    bench.trade(&window, BTC);
    bench.is_copy(&window, BTC);
    let kept: Vec<String> = bench.server.ask("LRANGE hello 0 -1");
    assert_eq!(kept, ["hello"]);
    assert_eq!(news(&window), ["the window's copy: well again"]);
    for (key, words) in [
        ("trades_window:owner", "HSET trades_window:owner a b"),
        ("trades_window:filled", "HSET trades_window:filled a b"),
    ] {
        let () = bench.server.ask(&format!("DEL {key}"));
        let () = bench.server.ask(words);
        bench.trade(&window, BTC);
        told(
            &window,
            &text.replace("list at trades_window", &format!("hash at {key}")),
            false,
        );
        let () = bench.server.ask(&format!("DEL {key}"));
        bench.trade(&window, BTC);
        bench.is_copy(&window, BTC);
        window.news();
    }
}

#[test]
fn members_that_somebody_else_put_there_are_adopted_or_set_aside() {
    let bench = Bench::new();
    let window = bench.open();
    bench.trade(&window, BTC);
    let theirs = footprint("2024-10-23T14:25:01Z", "3");
    let old = footprint("2024-10-20T13:00:01Z", "4");
    let mut client = client(&bench.server);
    let mut put = |score: &str, member: &[u8]| {
        let mut add = ::redis::cmd("ZADD");
        let () = add
            .arg(KEY)
            .arg(score)
            .arg(member)
            .query(&mut client)
            .unwrap();
    };
    let start = |it: &Footprint| it.minute().unix_secs();
    put(&start(&theirs).to_string(), &theirs.to_json());
    put(&start(&old).to_string(), &old.to_json());
    let odd = [
        (
            "1729693800.5",
            footprint("2024-10-23T14:30:01Z", "5").to_json(),
        ),
        ("inf", b"infinite".to_vec()),
        ("-inf", b"before all".to_vec()),
        ("1e300", footprint("2024-10-23T14:26:01Z", "6").to_json()),
        ("-62135596801", b"the year zero".to_vec()),
        ("253402300800", b"the year ten thousand".to_vec()),
        ("1729693860", b"{not json".to_vec()),
        ("1729693860", b"\xff\xfe\x00\r\n".to_vec()),
        ("0", Vec::new()),
    ];
    for (score, member) in &odd {
        put(score, member);
    }
    // The member of its own minute, with a score that is none.
    let own: Vec<Vec<u8>> = bench
        .server
        .ask("ZRANGEBYSCORE trades_window 1729693800 1729693800");
    put("1729693801", &own[0]);
    bench.pass(&window, 60);
    // The old one has left by now.
    window.tick();
    bench.is_copy(&window, BTC);
    assert_eq!(
        window.load(&pair(BTC), theirs.minute()).unwrap(),
        Some(theirs)
    );
    assert_eq!(window.load(&pair(BTC), old.minute()).unwrap(), Some(old));
    assert_eq!(window.counts().set_aside, odd.len() as u64 + 1);
    let news = news(&window);
    assert_eq!(news.len(), odd.len() + 1, "{news:?}");
    let aside = bench.storage().join(".window/aside/aside.jsonl");
    let aside = std::fs::read_to_string(aside).unwrap();
    for text in [
        "infinite",
        "before all",
        "{not json",
        "the year ten thousand",
    ] {
        assert!(aside.contains(text), "{aside}");
    }
    // What was adopted leaves the window as the others do.
    bench.clock.set(time("2024-10-23T14:56:00Z"));
    bench.pass(&window, 60);
    assert!(bench.storage().join("trades_20241023_1425.json").exists());
    assert!(bench.storage().join("trades_20241020_1300.json").exists());
}

#[test]
fn more_members_than_are_looked_at_at_once_are_all_looked_at() {
    let bench = Bench::new();
    let mut client = client(&bench.server);
    let mut pipeline = ::redis::pipe();
    for number in 0..2400 {
        let member = format!(
            "{number} {}",
            "x".repeat(if number % 7 == 0 { 20_000 } else { 10 })
        );
        let score = 1_729_000_000 + 60 * (number / 3);
        pipeline
            .cmd("ZADD")
            .arg(KEY)
            .arg(score)
            .arg(member)
            .ignore();
    }
    let () = pipeline.query(&mut client).unwrap();
    let mut redis = alone(&bench.server, "owner");
    redis.claim().unwrap();
    let (first, last) = (Minute::first(), Minute::last());
    let all = redis.members(&pair(BTC), first, last, 10_000).unwrap();
    assert_eq!(all.len(), 2400);
    assert!(all.is_sorted_by_key(|it| it.at));
    let some = redis.members(&pair(BTC), first, last, 500).unwrap();
    assert_eq!(some[..], all[..500]);
    let later = redis.members(&pair(BTC), some[499].at, last, 500).unwrap();
    assert!(later.len() == 500 && later.iter().all(|it| some[499].at <= it.at));
    let one = redis
        .members(&pair(BTC), all[7].at, all[7].at, 500)
        .unwrap();
    assert_eq!(one.len(), 3);
    assert!(
        redis
            .members(&pair(BTC), last, first, 500)
            .unwrap()
            .is_empty()
    );
    assert!(
        redis
            .members(&pair(BTC), last.plus(1), last, 500)
            .unwrap()
            .is_empty()
    );
    drop(redis);
    let () = bench.server.ask("DEL trades_window:owner");
    let window = bench.open();
    bench.trade(&window, BTC);
    bench.is_copy(&window, BTC);
    assert_eq!(window.counts().set_aside, 2400);
}

#[test]
fn two_collectors_do_not_share_a_redis() {
    let bench = Bench::new();
    let (one, other) = (bench.open(), tempfile::tempdir().unwrap());
    bench.trade(&one, BTC);
    let lease = Duration::from_millis(400);
    let two = Bench {
        server: Server::start(),
        folder: other,
        clock: Arc::clone(&bench.clock),
        symbols: bench.symbols.clone(),
    };
    let resident = two.resident(&bench.server.url(), Duration::from_secs(10));
    let second = two.open_with(resident.lease(lease));
    for _ in 0..3 {
        bench.trade(&second, BTC);
    }
    let owner = bench.storage().display().to_string();
    told(
        &second,
        &format!(" has the window of another collector, {owner}"),
        false,
    );
    bench.is_copy(&one, BTC);
    // The first one is gone, and its lease is over.
    drop(one);
    let () = bench.server.ask("PEXPIRE trades_window:owner 1");
    thread::sleep(Duration::from_millis(5));
    bench.trade(&second, BTC);
    assert_eq!(news(&second), ["the window's copy: well again"]);
    assert_eq!(second.wrong(), [""; 0]);
    let kept: String = bench.server.ask("GET trades_window:owner");
    assert_eq!(kept, two.storage().display().to_string());
    // Now the first one is refused, as long as the second one only ticks.
    let mut first = alone(&bench.server, &owner);
    let begun = Instant::now();
    while begun.elapsed() < 3 * lease {
        second.tick();
        let error = first.claim().unwrap_err();
        assert!(matches!(error, ResidentError::Taken { .. }), "{error}");
        thread::sleep(Duration::from_millis(20));
    }
    drop(second);
    thread::sleep(lease * 2);
    assert!(!first.claim().unwrap());
}

#[test]
fn what_is_lost_while_it_is_filled_is_seen() {
    let mut server = Server::start();
    let minute = footprint("2024-10-23T14:30:01Z", "1");
    let mut redis = alone(&server, "owner");
    let fill = |redis: &mut RedisWindow| {
        assert!(!redis.claim().unwrap());
        redis.change(&[put(&minute, None)]).unwrap();
    };
    fill(&mut redis);
    assert!(!redis.claim().unwrap(), "nobody said that it is filled");
    redis.filled().unwrap();
    assert!(redis.claim().unwrap());
    redis.filled().unwrap();
    assert!(redis.claim().unwrap(), "it still is");
    server.flush();
    fill(&mut redis);
    server.flush();
    let error = redis.filled().unwrap_err().to_string();
    assert!(
        error.ends_with("lost something while it was filled"),
        "{error}"
    );
    fill(&mut redis);
    redis.filled().unwrap();
    server.save();
    server.restart();
    fill(&mut redis);
    // The mark that it is being filled is in this snapshot.
    server.save();
    server.restart();
    assert!(redis.filled().is_err());
    fill(&mut redis);
    redis.filled().unwrap();
    // Another process of the same collector does not know what this one has done.
    let mut next = alone(&server, "owner");
    assert!(!next.claim().unwrap());
    // Nor does one whose lease was over meanwhile.
    next.filled().unwrap();
    assert!(next.claim().unwrap());
    let () = server.ask("DEL trades_window:owner");
    assert!(!next.claim().unwrap());
    // Nor one whose server has gone another way meanwhile.
    next.filled().unwrap();
    server.make_read_only();
    server.make_writable();
    assert!(!next.claim().unwrap());
}

#[test]
fn whoever_looks_sees_a_minute_once_while_it_is_replaced() {
    let server = Server::start();
    let mut redis = alone(&server, "owner");
    redis.claim().unwrap();
    let versions: Vec<Footprint> = (1..400)
        .map(|it| footprint("2024-10-23T14:30:01Z", &it.to_string()))
        .collect();
    redis.change(&[put(&versions[0], None)]).unwrap();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut client = client(&server);
            let mut count = 0;
            while !is_over.load(Ordering::SeqCst) {
                let card: u64 = ::redis::cmd("ZCARD").arg(KEY).query(&mut client).unwrap();
                assert_eq!(card, 1);
                count += 1;
            }
            count
        });
        for pair in versions.windows(2) {
            redis.change(&[put(&pair[1], Some(&pair[0]))]).unwrap();
        }
        is_over.store(true, Ordering::SeqCst);
        assert!(0 < looking.join().unwrap());
    });
    // The same within one call, and there and back again.
    let changes = [
        put(&versions[5], versions.last()),
        put(&versions[6], Some(&versions[5])),
    ];
    redis.change(&changes).unwrap();
    let members: Vec<Vec<u8>> = server.ask("ZRANGE trades_window 0 -1");
    assert_eq!(members, [versions[6].to_json()]);
}

/// Not slower than four fifths of a client that does nothing but send the members.
#[test]
fn minutes_get_there_about_as_fast_as_a_client_can_send_them() {
    let server = Server::start();
    let mut redis = alone(&server, "owner");
    let levels: String = (0..20)
        .map(|it| {
            format!(r#""{it}.5":{{"price_level":{it}.5,"buy_volume":1.25,"sell_volume":0}},"#)
        })
        .collect();
    let start: Minute = "2024-10-01T00:00".parse().unwrap();
    let members: Vec<(Minute, Vec<u8>)> = (0..20_000)
        .map(|it| {
            (
                start.plus(it),
                format!("{{\"timestamp\":{it},{levels}}}").into_bytes(),
            )
        })
        .collect();
    let changes: Vec<Change> = members
        .iter()
        .map(|(minute, member)| Change::Put {
            symbol: pair(BTC),
            minute: *minute,
            member: member.clone(),
            before: None,
        })
        .collect();
    let mut bare = client(&server);
    let (mut ours, mut theirs) = (Duration::MAX, Duration::MAX);
    for round in 0..30 {
        let begun = Instant::now();
        for members in members.chunks(1000) {
            let mut pipeline = ::redis::pipe();
            for (minute, member) in members {
                let add = pipeline.cmd("ZADD").arg(KEY);
                add.arg(minute.unix_secs()).arg(&member[..]).ignore();
            }
            let () = pipeline.query(&mut bare).unwrap();
        }
        theirs = theirs.min(begun.elapsed());
        server.flush();
        redis.claim().unwrap();
        let begun = Instant::now();
        for changes in changes.chunks(500) {
            redis.change(changes).unwrap();
        }
        ours = ours.min(begun.elapsed());
        assert_eq!(server.ask::<usize>("ZCARD trades_window"), members.len());
        server.flush();
        let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
        if 4 <= round && 0.8 <= ratio {
            let per_sec = members.len() as f64 / ours.as_secs_f64();
            eprintln!("{per_sec:.0} minutes a second, {ratio:.2} of a bare client");
            return;
        }
    }
    panic!("{ours:?}, and a bare client {theirs:?}");
}

fn client(server: &Server) -> ::redis::Connection {
    let client = ::redis::Client::open(server.url()).unwrap();
    client.get_connection_with_timeout(PATIENCE).unwrap()
}
