//! The cache in a Redis that is killed, stopped, filled up, made a replica, emptied, or somebody else's.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use tradejournal::bot::cache::{Cache, CacheOptions, Key, Kind};
use tradejournal::driver::redis::{Connection, ConnectionOptions, RedisCache};
use tradejournal::record::TradeRecord;
use tradejournal::time::{ManualClock, SystemClock};

use super::server::{PATIENCE, Server};
use crate::sample::{entry, journal, noon, time};

/// A cache, its connection, and the clock by which that leaves a server alone.
struct Client {
    cache: Cache,
    connection: Arc<Connection>,
    clock: Arc<ManualClock>,
}

impl Client {
    fn of(url: &str) -> Client {
        Client::with(url, CacheOptions::default())
    }

    fn with(url: &str, options: CacheOptions) -> Client {
        // Long enough for a machine that does other things too.
        Client::waiting(url, options, Duration::from_secs(10))
    }

    fn waiting(url: &str, options: CacheOptions, timeout: Duration) -> Client {
        let clock = noon();
        let connection = Arc::new(Connection::new(
            url.parse().unwrap(),
            ConnectionOptions::default().timeout(timeout),
            Arc::clone(&clock) as _,
        ));
        let cache = Cache::new(RedisCache::new(Arc::clone(&connection)), options);
        Client {
            cache,
            connection,
            clock,
        }
    }

    /// What it has for the summary, where it would compute `value`.
    fn summary(&self, value: u32) -> u32 {
        self.value(&Key::perf_summary(), value)
    }

    fn value(&self, key: &Key, value: u32) -> u32 {
        let compute = || Ok::<_, String>(value);
        self.cache.get_or_compute(key, compute).unwrap()
    }

    /// That there was one trouble, with this in it.
    #[track_caller]
    fn told(&self, what: &str) {
        let troubles = self.cache.troubles();
        assert!(
            troubles.len() == 1 && troubles[0].contains(what),
            "{troubles:?}"
        );
    }

    #[track_caller]
    fn told_nothing(&self) {
        assert_eq!(self.cache.troubles(), [""; 0]);
    }

    /// Lets the time pass in which a server is left alone.
    fn wait(&self) {
        self.clock.advance(Duration::from_secs(30));
    }
}

#[test]
fn a_value_is_there_for_every_program_until_its_time_is_over() {
    let server = Server::start();
    let brief = CacheOptions::default().ttl(Kind::Quote, Duration::from_millis(150));
    let (one, other) = (Client::of(&server.url()), Client::of(&server.unix_url()));
    assert_eq!(
        (one.summary(1), one.summary(2), other.summary(3)),
        (1, 1, 1)
    );
    let left: u64 = server.ask("PTTL perf:summary");
    assert!((590_000..=600_000).contains(&left), "{left} ms");
    let kept: String = server.ask("GET perf:summary");
    assert_eq!(kept.split_once('\n').unwrap().1, "1");

    let third = Client::with(&server.url(), brief);
    let quote = Key::quote(&"AAPL".parse().unwrap());
    assert_eq!(third.value(&quote, 1), 1);
    let begun = Instant::now();
    while third.value(&quote, 2) == 1 {
        assert!(begun.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(5));
    }
    assert!(Duration::from_millis(100) < begun.elapsed());
    let counts = one.cache.counts();
    assert_eq!((counts.hits, counts.misses, counts.computed), (1, 1, 1));
    for client in [one, other, third] {
        client.told_nothing();
        assert_eq!(client.cache.counts().store_failures, 0);
    }
}

#[test]
fn of_64_threads_one_computes() {
    let server = Server::start();
    let client = Client::of(&server.url());
    let (computed, barrier) = (AtomicUsize::new(0), Barrier::new(64));
    thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                barrier.wait();
                let value = client.cache.get_or_compute(&Key::perf_summary(), || {
                    thread::sleep(Duration::from_millis(50));
                    Ok::<_, String>(computed.fetch_add(1, Ordering::SeqCst))
                });
                assert_eq!(value, Ok(0));
            });
        }
    });
    assert_eq!(computed.into_inner(), 1);
    client.told_nothing();
}

#[test]
fn a_server_that_is_killed_means_computing_and_one_that_comes_back_empty_is_filled_again() {
    let mut server = Server::start();
    let client = Client::of(&server.url());
    assert_eq!(client.summary(1), 1);
    server.kill();
    assert_eq!((client.summary(2), client.summary(3)), (2, 3));
    client.told("Connection refused");
    assert!(client.connection.is_down());
    server.restart();
    // It is still left alone.
    assert_eq!(client.summary(4), 4);
    client.wait();
    assert_eq!((client.summary(5), client.summary(6)), (5, 5));
    assert!(!client.connection.is_down());
    client.told_nothing();
}

/// It is killed while a value is computed, which is then put nowhere.
#[test]
fn a_server_that_is_killed_in_the_middle_changes_no_value() {
    let mut server = Server::start();
    let client = Client::of(&server.url());
    let value = client.cache.get_or_compute(&Key::perf_summary(), || {
        server.kill();
        Ok::<_, String>(7)
    });
    assert_eq!(value, Ok(7));
    client.told("keep perf:summary");
    server.restart();
    client.wait();
    assert_eq!(client.summary(8), 8);
}

/// Many threads ask without a pause while the server is killed and started again, several times.
#[test]
fn nobody_notices_a_server_that_comes_and_goes_but_by_computing() {
    let mut server = Server::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let connection = Connection::new(
        server.url().parse().unwrap(),
        ConnectionOptions::default().rest(Duration::from_millis(1), Duration::from_millis(5)),
        Arc::new(SystemClock),
    );
    let cache = Cache::new(
        RedisCache::new(Arc::new(connection)),
        CacheOptions::default(),
    );
    let (trades, told, is_over) = (
        AtomicUsize::new(0),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
    );
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while is_over.load(Ordering::SeqCst) == 0 {
                    let before = told.load(Ordering::SeqCst);
                    let compute = || Ok::<_, String>(trades.load(Ordering::SeqCst));
                    let seen = cache.get_or_compute(&Key::perf_summary(), compute).unwrap();
                    assert!(before <= seen, "{before} trades were told, {seen} seen");
                }
            });
        }
        for _ in 0..5 {
            for _ in 0..40 {
                let trade = trades.fetch_add(1, Ordering::SeqCst) + 1;
                cache.invalidate(Kind::Metrics);
                told.store(trade, Ordering::SeqCst);
                thread::sleep(Duration::from_millis(1));
            }
            server.kill();
            let trade = trades.fetch_add(1, Ordering::SeqCst) + 1;
            cache.invalidate(Kind::Metrics);
            told.store(trade, Ordering::SeqCst);
            server.restart();
        }
        is_over.store(1, Ordering::SeqCst);
    });
    let counts = cache.counts();
    assert!(
        0 < counts.hits + counts.shared && 0 < counts.store_failures,
        "{counts:?}"
    );
}

#[test]
fn a_server_that_stands_still_is_waited_for_no_longer_than_was_said() {
    let server = Server::start();
    let timeout = Duration::from_millis(200);
    for url in [server.url(), server.unix_url()] {
        let client = Client::waiting(&url, CacheOptions::default(), timeout);
        assert_eq!(client.summary(1), client.summary(2));
        server.pause();
        let begun = Instant::now();
        assert_eq!(client.summary(3), 3);
        assert!(timeout <= begun.elapsed(), "it was not asked");
        assert!(begun.elapsed() < timeout * 10, "{:?}", begun.elapsed());
        client.told("no answer in time");
        // From here on it is left alone, and nobody waits at all.
        let begun = Instant::now();
        for value in 0..100 {
            assert_eq!(client.summary(value), value);
        }
        assert!(begun.elapsed() < timeout * 20, "{:?}", begun.elapsed());
        client.cache.invalidate(Kind::Metrics);
        client.told_nothing();
        server.resume();
        client.wait();
        assert_eq!((client.summary(5), client.summary(6)), (5, 5));
    }
}

/// It gets as far as being reached while it stands still: nothing of its late answers is taken for another.
#[test]
fn a_late_answer_is_nobody_elses() {
    let server = Server::start();
    let client = Client::waiting(
        &server.url(),
        CacheOptions::default(),
        Duration::from_millis(400),
    );
    let key = |number: u32| Key::new(Kind::Metrics, [&*number.to_string()]);
    for number in 0..8 {
        client.wait();
        assert_eq!(client.value(&key(number), number), number);
        server.pause();
        assert_eq!(client.value(&key(number), 1000 + number), 1000 + number);
        server.resume();
    }
    client.wait();
    for number in 0..8 {
        assert_eq!(client.value(&key(number), 5000), number);
    }
}

#[test]
fn a_server_without_memory_keeps_nothing_and_is_told_once() {
    let server = Server::start();
    let client = Client::of(&server.url());
    let quote = Key::quote(&"AAPL".parse().unwrap());
    assert_eq!((client.summary(1), client.value(&quote, 1)), (1, 1));
    server.fill_up();
    // What it has can be read; what is new is not kept.
    assert_eq!(client.summary(2), 1);
    let other = Key::new(Kind::Metrics, ["other"]);
    assert_eq!((client.value(&other, 3), client.value(&other, 4)), (3, 4));
    client.told("is out of memory");
    // It cannot be told of an invalidation, and is not believed.
    client.cache.invalidate(Kind::Metrics);
    assert_eq!((client.summary(5), client.value(&quote, 2)), (5, 1));
    client.told_nothing();
    server.make_room();
    assert_eq!((client.summary(6), client.summary(7)), (6, 6));
    assert!(!client.connection.is_down());
}

#[test]
fn a_replica_is_read_and_told_once_that_it_takes_nothing() {
    let server = Server::start();
    let client = Client::of(&server.url());
    assert_eq!(client.summary(1), 1);
    server.make_read_only();
    assert_eq!(client.summary(2), 1);
    client.cache.invalidate(Kind::Metrics);
    assert_eq!((client.summary(3), client.summary(4)), (3, 4));
    client.told("takes no writes: READONLY");
    server.make_writable();
    assert_eq!((client.summary(5), client.summary(6)), (5, 5));
}

#[test]
fn a_server_that_forgot_everything_blesses_nothing_old() {
    let server = Server::start();
    let (one, other) = (Client::of(&server.url()), Client::of(&server.url()));
    let old = other.cache.get_or_compute(&Key::perf_summary(), || {
        one.cache.invalidate(Kind::Metrics);
        server.flush();
        Ok::<_, String>(1)
    });
    assert_eq!(old, Ok(1));
    let there: bool = server.ask("EXISTS perf:summary");
    assert!(there, "it was put behind the flush");
    assert_eq!((one.summary(2), other.summary(3)), (2, 2));
}

#[test]
fn what_somebody_else_put_at_a_key_is_no_value() {
    let server = Server::start();
    let client = Client::of(&server.url());
    assert_eq!(client.summary(1), 1);
    for other in [
        "LPUSH perf:summary a",
        "SET perf:summary 1",
        "SET perf:summary x",
    ] {
        let _: u32 = server.ask("DEL perf:summary");
        let _: ::redis::Value = server.ask(other);
        assert_eq!((client.summary(2), client.summary(3)), (2, 2), "{other}");
    }
    for other in [
        "LPUSH generation:perf a",
        "SET generation:perf 1",
        "HSET generation:perf a b",
    ] {
        let _: u32 = server.ask("DEL generation:perf");
        let _: ::redis::Value = server.ask(other);
        assert_eq!((client.summary(4), client.summary(5)), (4, 4), "{other}");
        client.cache.invalidate(Kind::Metrics);
    }
    client.told_nothing();
}

#[test]
fn who_is_not_let_in_computes_and_the_password_is_told_to_nobody() {
    let server = Server::start_with(&["--requirepass", "hunter2"]);
    let client = Client::of(&server.url());
    assert_eq!((client.summary(1), client.summary(2)), (1, 2));
    client.told("does not let us: NOAUTH");
    let wrong = server.url().replace("//", "//:hunter3@");
    let client = Client::of(&wrong);
    assert_eq!((client.summary(1), client.summary(2)), (1, 2));
    client.told("does not let us: WRONGPASS");
    let told = format!("{:?} {:?}", client.cache, client.connection);
    assert!(!told.contains("hunter"), "{told}");
    let right = server.url().replace("//", "//:hunter2@");
    let client = Client::of(&right.replace("/0", "/3"));
    assert_eq!((client.summary(1), client.summary(2)), (1, 1));
    client.told_nothing();
    let beyond = Client::of(&right.replace("/0", "/99"));
    assert_eq!((beyond.summary(1), beyond.summary(2)), (1, 2));
    beyond.told("does not let us: ERR");
}

#[test]
fn databases_have_nothing_to_do_with_each_other() {
    let server = Server::start();
    let one = Client::of(&server.url());
    let other = Client::of(&format!("{}?db=1", server.unix_url()));
    assert_eq!((one.summary(1), other.summary(2)), (1, 2));
    one.cache.invalidate(Kind::Metrics);
    assert_eq!((one.summary(3), other.summary(4)), (3, 2));
}

#[test]
fn a_port_where_something_else_listens_means_computing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(answer.as_bytes()).unwrap();
        stream
    });
    let client = Client::of(&url);
    assert_eq!((client.summary(1), client.summary(2)), (1, 2));
    client.told("answers with something that was not asked for");
    drop(serving.join().unwrap());
}

#[test]
fn a_trade_that_a_bot_closes_is_in_what_anybody_asks_for_next() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(folder.path(), &noon());
    let trades = journal.writer::<TradeRecord>().unwrap();
    let (bot, dashboard) = (Client::of(&server.url()), Client::of(&server.url()));
    let count = |client: &Client| {
        let count = || Ok::<_, String>(journal.read::<TradeRecord>().iter().count());
        client
            .cache
            .get_or_compute(&Key::perf_summary(), count)
            .unwrap()
    };
    assert_eq!((count(&bot), count(&dashboard)), (0, 0));
    let entered = entry(1);
    bot.cache.append(&trades, &entered).unwrap();
    assert_eq!(count(&dashboard), 0, "nothing was closed");
    let left = entered.exit(time("2025-10-26T15:00:00Z"), "152.00");
    let left = left.because("At the target").build().unwrap();
    bot.cache.append(&trades, &left).unwrap();
    assert_eq!((count(&dashboard), count(&bot)), (2, 2));
}

/// Another process with the same cache: it begins to compute what a file holds, and is told when to end.
struct Other {
    child: Child,
    told: ChildStdin,
    says: BufReader<ChildStdout>,
}

impl Other {
    fn start(url: &str, file: &std::path::Path) -> Other {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "redis::cache::another_process", "--nocapture"])
            .env("TJ_TEST_CACHE_URL", url)
            .env("TJ_TEST_CACHE_FILE", file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Other {
            told: child.stdin.take().unwrap(),
            says: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    /// Waits until it says a line that begins so, and returns the rest.
    fn says(&mut self, wanted: &str) -> String {
        let mut line = String::new();
        while self.says.read_line(&mut line).unwrap() != 0 {
            if let Some((_, rest)) = line.split_once(wanted) {
                return rest.trim().to_owned();
            }
            line.clear();
        }
        panic!("it never said {wanted}");
    }

    fn go_on(&mut self) {
        self.told.write_all(b"\n").unwrap();
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What [`Other`] runs. By itself it has nothing to do.
#[test]
fn another_process() {
    let Ok(url) = std::env::var("TJ_TEST_CACHE_URL") else {
        return;
    };
    let file = std::env::var("TJ_TEST_CACHE_FILE").unwrap();
    let client = Client::of(&url);
    let seen = client.cache.get_or_compute(&Key::perf_summary(), || {
        let read: u32 = std::fs::read_to_string(&file).unwrap().parse().unwrap();
        println!("has read {read}");
        std::io::stdin().read_line(&mut String::new()).unwrap();
        Ok::<_, String>(read)
    });
    println!("has seen {}", seen.unwrap());
    assert_eq!(client.cache.troubles(), [""; 0]);
}

/// The race that generations are for: one process reads, the other appends and invalidates, and only then the
/// first one puts what it made of the past.
#[test]
fn what_one_process_made_of_the_past_is_not_believed_after_another_ones_invalidation() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trades");
    let client = Client::of(&server.url());
    for round in 0..3 {
        std::fs::write(&file, round.to_string()).unwrap();
        client.cache.invalidate(Kind::Metrics);
        let mut other = Other::start(&server.url(), &file);
        other.says(&format!("has read {round}"));
        std::fs::write(&file, "100").unwrap();
        client.cache.invalidate(Kind::Metrics);
        other.go_on();
        assert_eq!(other.says("has seen "), round.to_string());
        assert!(other.child.wait().unwrap().success());
        let there: bool = server.ask("EXISTS perf:summary");
        assert!(there, "it was put");
        assert_eq!((client.summary(100), client.summary(101)), (100, 100));
    }
    // Without an invalidation in between it is everybody's.
    std::fs::write(&file, "7").unwrap();
    client.cache.invalidate(Kind::Metrics);
    let mut other = Other::start(&server.url(), &file);
    other.says("has read 7");
    other.go_on();
    other.says("has seen 7");
    assert!(other.child.wait().unwrap().success());
    assert_eq!(client.summary(8), 7);
}
