//! A bot is recorded and replayed: live, recording and replaying are one bot with one argument.

#[path = "../../examples/replay_bot/bot.rs"]
mod bot;
#[path = "../../examples/replay_bot/broker.rs"]
mod broker;

use std::fmt;
use std::future::Future;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tempfile::tempdir;
use tradejournal::bot::recorder::Redaction;
use tradejournal::bot::replay::{Asked, OpenReplayError};
use tradejournal::bot::{
    Outside, Recorded, Recorder, RecorderConfig, Replay, ReplayError, ReplayOptions, Replayed,
    Strictness,
};
use tradejournal::journal::{Journal, Options};
use tradejournal::record::{CallRecord, Record as _};
use tradejournal::time::{Clock, ManualClock};

use bot::{Bot, BrokerError, Strategy};
use broker::SimBroker;

use crate::sample::time;

const STRATEGY: Strategy = Strategy {
    window: 40,
    quantity: 50,
};

fn journal(folder: &Path, clock: Arc<dyn Clock>) -> Journal {
    Options::new(folder.join("logs"))
        .clock(clock)
        .open()
        .unwrap()
}

fn recorder(journal: &Journal) -> Recorder {
    let config = RecorderConfig::new("1.0.0".parse().unwrap(), "sim").trigger("test");
    Recorder::open(journal, config).unwrap()
}

/// A day of the bot, recorded; its decisions.
fn record_a_day(journal: &Journal, clock: &Arc<ManualClock>, seed: u64) -> Vec<u8> {
    let recorder = recorder(journal);
    let outside = Outside::recorded(SimBroker::new(seed), &recorder);
    let bot = Bot::new(STRATEGY, outside, Arc::clone(clock) as _);
    let (decided, outside) = bot.trade(|| clock.advance(Duration::from_secs(3))).unwrap();
    recorder.close(Duration::from_secs(60)).unwrap();
    let Outside::Recorded(recorded) = &outside else {
        panic!("it was recorded");
    };
    // It was a day on which things happened.
    assert!(100 < recorded.client().orders().len() && 100 < recorded.client().failures());
    decided
}

fn exactly(journal: &Journal) -> Replay {
    Replay::open(journal, ReplayOptions::new().strictness(Strictness::Exact)).unwrap()
}

fn replayed(replay: &Replay, strategy: Strategy) -> Result<Vec<u8>, BrokerError> {
    let outside = Outside::<SimBroker>::replayed(replay);
    let clock = outside.clock(Arc::new(ManualClock::new(time("1999-01-01T00:00:00Z"))));
    Ok(Bot::new(strategy, outside, clock).trade(|| {})?.0)
}

/// Every call as the stream has it, but for its time: a call of a replay begins where the call before it
/// left the clock, and moves it.
fn calls(journal: &Journal) -> Vec<Vec<u8>> {
    let calls = journal.read::<CallRecord>().iter();
    let encoded = calls.map(|it| {
        let mut parts = it.unwrap().record.into_parts();
        parts.timestamp = time("2024-01-08T00:00:00Z");
        parts.duration_ns = 0;
        let mut out = Vec::new();
        CallRecord::new(parts).unwrap().encode(&mut out);
        out
    });
    encoded.collect()
}

#[test]
fn a_day_with_failures_replays_to_the_same_bytes_twice() {
    let folder = tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(time("2024-01-08T14:30:00Z")));
    let first = journal(folder.path(), Arc::clone(&clock) as _);
    let decided = record_a_day(&first, &clock, 7);
    let recorded = calls(&first);
    let errors = recorded
        .iter()
        .filter(|it| String::from_utf8_lossy(it).contains("lost"));
    assert!(errors.count() > 50);

    for run in ["once", "twice"] {
        // The replay is recorded itself: its calls, orders and all, are those of the first recording.
        let replay = exactly(&first);
        assert_eq!(replay.len(), recorded.len());
        let again = journal(&folder.path().join(run), Arc::new(replay.clock()));
        let recorder = recorder(&again);
        let client = Replayed::<SimBroker>::new(&replay);
        let outside = Outside::recorded(client, &recorder);
        let bot = Bot::new(STRATEGY, outside, Arc::new(replay.clock()));
        let (decided_again, _) = bot.trade(|| {}).unwrap();
        recorder.close(Duration::from_secs(60)).unwrap();
        replay.finish().unwrap();
        assert!(decided_again == decided, "{run}: the decisions differ");
        assert!(calls(&again) == recorded, "{run}: the calls differ");
    }
}

#[test]
fn another_strategy_shows_its_first_different_order() {
    let folder = tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(time("2024-01-08T14:30:00Z")));
    let journal = journal(folder.path(), Arc::clone(&clock) as _);
    record_a_day(&journal, &clock, 7);
    let replay = Replay::open(&journal, ReplayOptions::new()).unwrap();
    let larger = Strategy {
        quantity: 60,
        ..STRATEGY
    };
    let error = replayed(&replay, larger).unwrap_err();
    let BrokerError::Replay(ReplayError::Different(difference)) = &error else {
        panic!("{error}");
    };
    let (expected, got) = (&difference.expected[0], &difference.got);
    assert_eq!(
        (difference.number, expected.asked.method()),
        (1, "place_buy_order")
    );
    assert_eq!(
        got.args().as_str(),
        expected.asked.args().as_str().replace(",50,", ",60,")
    );
    let first = journal
        .read::<CallRecord>()
        .iter()
        .map(|it| it.unwrap().record)
        .find(|it| it.method() == "place_buy_order");
    assert_eq!(first.unwrap().timestamp(), expected.at);
    assert!(
        replay
            .finish()
            .unwrap_err()
            .to_string()
            .starts_with("output 1 differs")
    );
    // The day as it was decided on is right, also when only orders are held to it.
    let replay = Replay::open(&journal, ReplayOptions::new()).unwrap();
    replayed(&replay, STRATEGY).unwrap();
    replay.finish().unwrap();
}

#[test]
fn of_several_runs_one_is_chosen_by_its_session_or_by_time() {
    let folder = tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(time("2024-01-08T14:30:00Z")));
    let journal = journal(folder.path(), Arc::clone(&clock) as _);
    let mut sessions = Vec::new();
    for answer in ["1", "2", "3"] {
        let recorder = recorder(&journal);
        let made: Result<&str, String> = recorder.call("f", &(), || Ok(answer));
        made.unwrap();
        sessions.push(recorder.session().record().session_id());
        recorder.close(Duration::from_secs(60)).unwrap();
        clock.advance(Duration::from_secs(60));
        // A session without a recorder is no run, and ends none.
        tradejournal::Session::start(
            &journal,
            tradejournal::bot::Settings::new("1.0.0".parse().unwrap()),
        )
        .unwrap();
        clock.advance(Duration::from_secs(60));
    }
    let answers = |options: ReplayOptions| {
        let replay = Replay::open(&journal, options).unwrap();
        let answer = || replay.call::<String, ReplayError>("f", &()).ok();
        std::iter::from_fn(answer).collect::<Vec<String>>()
    };
    assert_eq!(answers(ReplayOptions::new()), ["1", "2", "3"]);
    for (session, answer) in sessions.iter().zip(["1", "2", "3"]) {
        assert_eq!(answers(ReplayOptions::new().session(*session)), [answer]);
    }
    let second = ReplayOptions::new()
        .from(time("2024-01-08T14:32:00Z"))
        .to(time("2024-01-08T14:34:00Z"));
    assert_eq!(answers(second.clone()), ["2"]);
    assert_eq!(answers(second.session(sessions[0])), [""; 0]);
    let unknown = "550e8400-e29b-41d4-a716-446655440000".parse().unwrap();
    let error = Replay::open(&journal, ReplayOptions::new().session(unknown)).unwrap_err();
    assert!(
        matches!(error, OpenReplayError::NoSession { .. }),
        "{error}"
    );
}

#[test]
fn a_line_that_cannot_be_read_is_named_and_nothing_is_replayed() {
    let folder = tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(time("2024-01-08T14:30:00Z")));
    let journal = journal(folder.path(), Arc::clone(&clock) as _);
    let recorder = recorder(&journal);
    for number in 0..1000 {
        let made: Result<u32, String> = recorder.call("f", &(), || Ok(number));
        made.unwrap();
    }
    recorder.close(Duration::from_secs(60)).unwrap();
    let path = folder.path().join("logs/calls/2024-01-08.jsonl");
    let mut file = std::fs::File::options()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    let at = text.find("\"result\":500,").unwrap();
    let line = text[..at].rfind('\n').unwrap() + 1;
    file.seek(SeekFrom::Start(at as u64)).unwrap();
    file.write_all(b"\"resulx\"{500,").unwrap();
    let error = Replay::open(&journal, ReplayOptions::new()).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        cause.contains("2024-01-08.jsonl") && cause.ends_with(&format!("byte {line}")),
        "{cause}"
    );
}

// --- One line a method ---------------------------------------------------------------------------

#[derive(Debug, PartialEq, Eq)]
struct Failed(String);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<ReplayError> for Failed {
    fn from(error: ReplayError) -> Failed {
        Failed(error.to_string())
    }
}

type Answer<T> = Result<T, Failed>;

tradejournal::recorded! {
    /// All that a method can look like.
    #[allow(dead_code, reason = "one is for the compiler alone")]
    trait Client: Send + Sync {
        fn nothing(&self) -> Answer<()>;
        /// By value, by reference, with a comma at the end.
        fn moved(&mut self, list: Vec<String>, text: &str, n: Option<u8>,) -> Answer<Vec<String>>;
        async fn price(&self, symbol: &str) -> Answer<String>;
        #[output]
        async fn send(&mut self, order: (String, u32)) -> Answer<u32>;
        #[output]
        fn cancel(&self, id: u32) -> Result<bool, Failed>;
        /// A name that the wrappers have themselves.
        fn client(&self, new: u8) -> Answer<u8>;
    }
}

mod theirs {
    //! A trait that was there before.
    use super::Answer;

    pub(super) trait Quotes {
        fn quote(&self, symbol: &str) -> Answer<u32>;
        async fn stream(&self) -> Answer<Option<u32>>;
    }
}

tradejournal::recorded! {
    impl theirs::Quotes {
        fn quote(&self, symbol: &str) -> Answer<u32>;
        async fn stream(&self) -> Answer<Option<u32>>;
    }
}

struct Real {
    sent: u32,
}

impl Client for Real {
    fn nothing(&self) -> Answer<()> {
        Ok(())
    }

    fn moved(&mut self, mut list: Vec<String>, text: &str, n: Option<u8>) -> Answer<Vec<String>> {
        list.push(format!("{text}{n:?}"));
        Ok(list)
    }

    async fn price(&self, symbol: &str) -> Answer<String> {
        Pause::default().await;
        match symbol {
            "AAPL" => Ok("185.20".to_owned()),
            _ => Err(Failed(format!("{symbol} is unknown"))),
        }
    }

    async fn send(&mut self, order: (String, u32)) -> Answer<u32> {
        Pause::default().await;
        self.sent += order.1;
        Ok(self.sent)
    }

    fn cancel(&self, id: u32) -> Result<bool, Failed> {
        Ok(id == 1)
    }

    fn client(&self, new: u8) -> Answer<u8> {
        Ok(new)
    }
}

impl theirs::Quotes for Real {
    fn quote(&self, symbol: &str) -> Answer<u32> {
        Ok(u32::try_from(symbol.len()).unwrap())
    }

    async fn stream(&self) -> Answer<Option<u32>> {
        Ok(None)
    }
}

/// Is ready the second time.
#[derive(Default)]
struct Pause(bool);

impl Future for Pause {
    type Output = ();

    fn poll(mut self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        match std::mem::replace(&mut self.0, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

fn wait<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(ready) = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            return ready;
        }
    }
}

fn is_send<T: Send>(it: T) -> T {
    it
}

/// All that the client says, as text.
fn use_all<C: Client + theirs::Quotes>(mut client: C) -> Vec<String> {
    vec![
        format!("{:?}", client.nothing()),
        format!("{:?}", client.moved(vec!["a".to_owned()], "b", Some(1))),
        format!("{:?}", wait(is_send(client.price("AAPL")))),
        format!("{:?}", wait(client.price("ZZZZ"))),
        format!("{:?}", wait(is_send(client.send(("AAPL".to_owned(), 3))))),
        format!("{:?}", wait(client.send(("AAPL".to_owned(), 4)))),
        format!("{:?}", client.cancel(1)),
        format!("{:?}", Client::client(&client, 9)),
        format!("{:?}", client.quote("MSFT")),
        format!("{:?}", wait(client.stream())),
    ]
}

#[test]
fn every_form_of_a_method_is_recorded_and_replayed() {
    let folder = tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(time("2024-01-08T14:30:00Z")));
    let journal = journal(folder.path(), clock);
    let recorder = recorder(&journal);
    let live = use_all(Outside::live(Real { sent: 0 }));
    let recorded = use_all(Outside::recorded(Real { sent: 0 }, &recorder));
    assert_eq!(live[3], "Err(Failed(\"ZZZZ is unknown\"))");
    assert_eq!(recorded, live);
    recorder.close(Duration::from_secs(60)).unwrap();
    let texts: Vec<String> = journal
        .read::<CallRecord>()
        .iter()
        .map(|it| {
            let call = it.unwrap().record;
            format!("{} {} {}", call.method(), call.args(), call.role().unwrap())
        })
        .collect();
    assert_eq!(
        texts,
        [
            "nothing [] input",
            "moved [[\"a\"],\"b\",1] input",
            "price [\"AAPL\"] input",
            "price [\"ZZZZ\"] input",
            "send [[\"AAPL\",3]] output",
            "send [[\"AAPL\",4]] output",
            "cancel [1] output",
            "client [9] input",
            "quote [\"MSFT\"] input",
            "stream [] input",
        ]
    );
    for strictness in [Strictness::Exact, Strictness::ByKey] {
        let replay = Replay::open(&journal, ReplayOptions::new().strictness(strictness)).unwrap();
        assert_eq!(use_all(Outside::<Real>::replayed(&replay)), live);
        replay.finish().unwrap();
    }
}

#[test]
fn a_call_inside_of_a_recorded_call_is_answered_by_the_outer_one() {
    /// A client that calls another recorded one.
    struct Outer(Recorded<Real>);

    impl theirs::Quotes for Outer {
        fn quote(&self, symbol: &str) -> Answer<u32> {
            Ok(10 * self.0.quote(symbol)?)
        }

        async fn stream(&self) -> Answer<Option<u32>> {
            self.0.stream().await
        }
    }

    use theirs::Quotes as _;

    let folder = tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(time("2024-01-08T14:30:00Z")));
    let journal = journal(folder.path(), clock);
    let recorder = recorder(&journal);
    let inner = Recorded::new(Real { sent: 0 }, &recorder);
    let outer = Recorded::new(Outer(inner), &recorder);
    assert_eq!(
        (outer.quote("ABC"), wait(outer.stream())),
        (Ok(30), Ok(None))
    );
    recorder.close(Duration::from_secs(60)).unwrap();
    assert_eq!(calls(&journal).len(), 4);
    let replay = exactly(&journal);
    assert_eq!(replay.len(), 2);
    let replayed = Replayed::<Outer>::new(&replay);
    assert_eq!(
        (replayed.quote("ABC"), wait(replayed.stream())),
        (Ok(30), Ok(None))
    );
    replay.finish().unwrap();
}

#[test]
fn threads_that_were_recorded_are_replayed_by_threads() {
    let folder = tempdir().unwrap();
    let journal = journal(folder.path(), Arc::new(tradejournal::time::SystemClock));
    let recorder = recorder(&journal);
    let work = |outside: Outside<Real>, name: u32| {
        let thread = std::thread::Builder::new().name(format!("worker-{name}"));
        let work = move || {
            let mut said = Vec::new();
            for number in 0..300_u32 {
                let client = u8::try_from(number % 256).unwrap();
                // What all threads ask, and what this one alone asks.
                said.push(format!("{:?}", Client::client(&outside, client)));
                said.push(format!("{:?}", outside.cancel(name * 1000 + number)));
            }
            said
        };
        thread.spawn(work).unwrap()
    };
    let all = |outside: &dyn Fn() -> Outside<Real>| {
        let threads: Vec<_> = (0..4).map(|it| work(outside(), it)).collect();
        threads
            .into_iter()
            .map(|it| it.join().unwrap())
            .collect::<Vec<_>>()
    };
    let recorded = all(&|| Outside::recorded(Real { sent: 0 }, &recorder));
    recorder.close(Duration::from_secs(60)).unwrap();
    for strictness in [Strictness::Exact, Strictness::ByKey] {
        let replay = Replay::open(&journal, ReplayOptions::new().strictness(strictness)).unwrap();
        assert_eq!(all(&|| Outside::replayed(&replay)), recorded);
        replay.finish().unwrap();
    }
}

#[test]
fn what_was_redacted_is_found_by_whoever_asks_with_the_secret() {
    #[derive(serde::Serialize)]
    struct LogIn<'a> {
        user: &'a str,
        api_key: &'a str,
    }
    let folder = tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(time("2024-01-08T14:30:00Z")));
    let journal = journal(folder.path(), clock);
    let redaction = || Redaction::default().argument("cash", 0);
    let config = RecorderConfig::new("1.0.0".parse().unwrap(), "sim").redaction(redaction());
    let recorder = Recorder::open(&journal, config).unwrap();
    let log_in = LogIn {
        user: "me",
        api_key: "very-secret-1",
    };
    let made: Result<u32, String> = recorder.call("log_in", &(&log_in, 1), || Ok(1));
    made.unwrap();
    let made: Result<u32, String> = recorder.call("log_in", &log_in, || Ok(2));
    made.unwrap();
    let made: Result<u32, String> = recorder.call("cash", &("account-77", "USD"), || Ok(3));
    made.unwrap();
    recorder.close(Duration::from_secs(60)).unwrap();
    let text = String::from_utf8(calls(&journal).concat()).unwrap();
    assert!(
        !text.contains("very-secret") && !text.contains("account-77"),
        "{text}"
    );

    let options = ReplayOptions::new()
        .strictness(Strictness::Exact)
        .redaction(redaction());
    let replay = Replay::open(&journal, options).unwrap();
    let answer: Result<u32, ReplayError> = replay.call("log_in", &(&log_in, 1));
    assert_eq!(answer.unwrap(), 1);
    let answer: Result<u32, ReplayError> = replay.call_of(Asked::of("log_in", &log_in).unwrap());
    assert_eq!(answer.unwrap(), 2);
    let answer: Result<u32, ReplayError> = replay.call("cash", &("account-77", "USD"));
    assert_eq!(answer.unwrap(), 3);
    replay.finish().unwrap();
}
