//! The recorder: what a bot waits for, beside the clock and beside other people's queues, and what gets to
//! the disk.

use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use tradejournal::bot::recorder::WhenFull;
use tradejournal::bot::{Recorder, RecorderConfig};
use tradejournal::journal::Journal;

use crate::sample::journal;
use crate::table::{Goal, Rounds, Table};

const ROUNDS: usize = 7;
/// Calls of one thread whose times are looked at one by one.
const TIMED: usize = 100_000;
/// Calls that are to get to the disk.
const SUSTAINED: usize = 3_000_000;
const WAIT: Duration = Duration::from_secs(60);

/// What one producer does again and again.
type Step<'a> = Box<dyn FnMut(usize) + Send + 'a>;

fn open(journal: &Journal) -> Recorder {
    let config = RecorderConfig::new("1.0.0".parse().unwrap(), "bench");
    // Enough that nothing is dropped: a call that is not taken would be a cheap one.
    Recorder::open(journal, config.capacity(256 << 20)).unwrap()
}

/// Times of single steps in nanoseconds, sorted, of as many threads as there are producers.
fn times(producers: usize, step: impl Fn() -> Step<'static> + Sync) -> Vec<u32> {
    let barrier = Barrier::new(producers);
    let mut all: Vec<u32> = thread::scope(|scope| {
        let handles: Vec<_> = (0..producers)
            .map(|_| scope.spawn(|| times_of_one(&barrier, step(), TIMED / producers)))
            .collect();
        handles
            .into_iter()
            .flat_map(|it| it.join().unwrap())
            .collect()
    });
    all.sort_unstable();
    all
}

fn times_of_one(barrier: &Barrier, mut step: Step<'_>, count: usize) -> Vec<u32> {
    let mut times = vec![1; count];
    (0..2000).for_each(&mut step);
    barrier.wait();
    for (number, time) in times.iter_mut().enumerate() {
        let start = Instant::now();
        step(number);
        *time = start.elapsed().as_nanos() as u32;
    }
    times
}

/// The median, the 99th and the 99.9th percentile of several rounds.
struct Percentiles([Rounds; 3]);

impl Percentiles {
    fn new() -> Percentiles {
        Percentiles([Rounds::new(), Rounds::new(), Rounds::new()])
    }

    fn push(&mut self, times: &[u32]) {
        for (rounds, per_mille) in self.0.iter_mut().zip([500, 990, 999]) {
            rounds.push(f64::from(times[times.len() * per_mille / 1000]));
        }
    }

    fn add_to(&self, table: &mut Table, what: &str, goals: [Goal; 3]) {
        for ((rounds, goal), name) in self.0.iter().zip(goals).zip(["p50", "p99", "p99.9"]) {
            table.add(&format!("{what}, {name}"), "-", &goal, "ns", rounds);
        }
    }
}

fn none() -> [Goal; 3] {
    [Goal::None, Goal::None, Goal::None]
}

fn goals() -> [Goal; 3] {
    [
        Goal::AtMost(60.0),
        Goal::AtMost(150.0),
        Goal::AtMost(1000.0),
    ]
}

/// What a call costs the thread that makes it.
pub(crate) fn hand_off(table: &mut Table, folder: &Path) {
    for producers in [1, 8] {
        let mut rounds: [Percentiles; 5] = std::array::from_fn(|_| Percentiles::new());
        for round in 0..ROUNDS {
            let [pair, own, whole, channel, appender] = &mut rounds;
            pair.push(&times(producers, || Box::new(|_| {})));
            own.push(&recorded(
                &folder.join(format!("own-{producers}-{round}")),
                producers,
            ));
            whole.push(&called(
                &folder.join(format!("call-{producers}-{round}")),
                producers,
            ));
            channel.push(&crossbeam(producers));
            appender.push(&tracing_appender(
                &folder.join(format!("peer-{producers}-{round}")),
                producers,
            ));
        }
        let [pair, own, whole, channel, appender] = &rounds;
        let of = |what: &str| format!("{what}, {producers} producers");
        pair.add_to(table, &of("a bare pair of Instant::now"), none());
        own.add_to(table, &of("record"), goals());
        whole.add_to(
            table,
            &of("call, its two looks at the clock included"),
            none(),
        );
        channel.add_to(table, &of("crossbeam try_send"), none());
        appender.add_to(table, &of("tracing-appender"), none());
    }
}

fn recorded(folder: &Path, producers: usize) -> Vec<u32> {
    std::fs::create_dir_all(folder).unwrap();
    let recorder = open(&journal(folder).0);
    let times = times(producers, || {
        let recorder = recorder.clone();
        Box::new(move |number| {
            let price: Result<f64, &str> = Ok(black_box(150.0 + number as f64));
            recorder.record("get_last_price", &("hash123", "AAPL"), &price);
        })
    });
    let stats = recorder.close(WAIT).unwrap();
    assert_eq!(stats.lost.total(), 0);
    times
}

fn called(folder: &Path, producers: usize) -> Vec<u32> {
    std::fs::create_dir_all(folder).unwrap();
    let recorder = open(&journal(folder).0);
    let times = times(producers, || {
        let recorder = recorder.clone();
        Box::new(move |number| {
            let price = recorder.call("get_last_price", &("hash123", "AAPL"), || {
                Ok::<f64, &str>(black_box(150.0 + number as f64))
            });
            black_box(price).unwrap();
        })
    });
    recorder.close(WAIT).unwrap();
    times
}

/// What a queue of messages costs: the texts of a call are its own.
struct Message {
    _at: Instant,
    _method: &'static str,
    _args: [String; 2],
    _result: f64,
}

fn crossbeam(producers: usize) -> Vec<u32> {
    let (sender, receiver) = crossbeam_channel::bounded::<Message>(1 << 20);
    let reader = thread::spawn(move || receiver.into_iter().map(black_box).count());
    let times = times(producers, || {
        let sender = sender.clone();
        Box::new(move |number| {
            let message = Message {
                _at: Instant::now(),
                _method: "get_last_price",
                _args: ["hash123".to_owned(), "AAPL".to_owned()],
                _result: black_box(150.0 + number as f64),
            };
            assert!(sender.try_send(message).is_ok());
        })
    });
    drop(sender);
    reader.join().unwrap();
    times
}

fn tracing_appender(folder: &Path, producers: usize) -> Vec<u32> {
    std::fs::create_dir_all(folder).unwrap();
    let file = std::fs::File::create(folder.join("calls")).unwrap();
    let (writer, guard) = tracing_appender::non_blocking::NonBlockingBuilder::default()
        .buffered_lines_limit(1 << 20)
        .finish(file);
    let times = times(producers, || {
        let mut writer = writer.clone();
        let mut line = Vec::with_capacity(256);
        Box::new(move |number| {
            line.clear();
            let price = black_box(150.0 + number as f64);
            writeln!(
                line,
                "{{\"method\":\"get_last_price\",\"args\":[\"hash123\",\"AAPL\"],\"result\":{price}}}"
            )
            .unwrap();
            writer.write_all(&line).unwrap();
        })
    });
    drop(guard);
    times
}

/// Calls that get to the disk in a second, with nothing lost, beside their bare bytes.
pub(crate) fn sustained(table: &mut Table, folder: &Path) {
    for (producers, goal) in [(1, 1.0), (8, 1.5)] {
        let (mut rates, mut beside) = (Rounds::new(), Rounds::new());
        for round in 0..5 {
            let folder = folder.join(format!("{producers}-{round}"));
            std::fs::create_dir_all(&folder).unwrap();
            let took = sustain(&journal(&folder).0, producers);
            rates.push(SUSTAINED as f64 / took / 1e6);
            beside.push(took / bare(&folder));
            std::fs::remove_dir_all(&folder).unwrap();
        }
        let what = format!("calls on disk, {producers} producers");
        let goal = Goal::AtLeast(goal);
        table.add(&what, "-", &goal, "million/s", &rates);
        let bytes = "the bare bytes of the log, written and synced at the end";
        table.add("- the same, time", bytes, &Goal::None, "x", &beside);
    }
}

/// Seconds until all calls are on disk.
fn sustain(journal: &Journal, producers: usize) -> f64 {
    let config = RecorderConfig::new("1.0.0".parse().unwrap(), "bench").when_full(WhenFull::Block);
    let recorder = Recorder::open(journal, config).unwrap();
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..producers {
            scope.spawn(|| {
                for number in 0..SUSTAINED / producers {
                    let price: Result<f64, &str> = Ok(150.0 + number as f64);
                    recorder.record("get_last_price", &("hash123", "AAPL"), &price);
                }
            });
        }
    });
    let stats = recorder.close(WAIT).unwrap();
    let took = start.elapsed().as_secs_f64();
    assert_eq!(stats.durable, SUSTAINED as u64);
    took
}

/// Seconds that the bytes of the log of the calls take, in writes as large as the recorder's.
fn bare(folder: &Path) -> f64 {
    let log = std::fs::read_dir(folder.join("logs/calls")).unwrap();
    let days = log
        .map(|it| it.unwrap().path())
        .filter(|it| it.extension().is_some_and(|it| it == "jsonl"));
    let bytes: Vec<u8> = days.flat_map(|it| std::fs::read(it).unwrap()).collect();
    assert!(300 * SUSTAINED < bytes.len());
    let mut file = std::fs::File::create(folder.join("bare")).unwrap();
    let start = Instant::now();
    for some in bytes.chunks(600 << 10) {
        file.write_all(some).unwrap();
    }
    file.sync_data().unwrap();
    start.elapsed().as_secs_f64()
}
