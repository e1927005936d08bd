//! Recording a bot's outside calls: what lands in the log, what is lost, and what is said of it.

mod killed;
mod losing;
mod stalling;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use tempfile::tempdir;
use tradejournal::bot::recorder::{RecorderError, RecordingError, Redaction};
use tradejournal::bot::{Recorder, RecorderConfig};
use tradejournal::journal::{Journal, OpenError};
use tradejournal::record::{CallRecord, SessionRecord};
use tradejournal::time::{Clock, ManualClock};

use crate::sample::{journal, noon};

const WAIT: Duration = Duration::from_secs(20);

fn config() -> RecorderConfig {
    RecorderConfig::new("1.2.0".parse().unwrap(), "schwab")
}

fn calls(journal: &Journal) -> Vec<CallRecord> {
    let entries = journal.read::<CallRecord>().into_iter();
    entries.map(|it| it.unwrap().record).collect()
}

fn is_gap(call: &CallRecord) -> bool {
    call.role().is_some_and(|it| it.as_str() == "gap")
}

/// How many calls the gaps say are lost.
fn told_lost(calls: &[CallRecord]) -> u64 {
    let gaps = calls.iter().filter(|it| is_gap(it));
    let lost = gaps.map(|it| {
        let result: Value = serde_json::from_str(it.result().unwrap().as_str()).unwrap();
        assert!(result["from"].as_str() <= result["to"].as_str(), "{result}");
        result["lost"].as_u64().unwrap()
    });
    lost.sum()
}

fn clocked(folder: &Path) -> (Journal, Arc<ManualClock>) {
    let clock = noon();
    (journal(folder, &clock), clock)
}

#[test]
fn a_call_returns_its_own_result_and_is_in_the_log() {
    let folder = tempdir().unwrap();
    let (journal, clock) = clocked(folder.path());
    let recorder = Recorder::open(&journal, config()).unwrap();
    let price = recorder.call("get_last_price", &("hash", "AAPL"), || {
        clock.advance(Duration::from_millis(12));
        Ok::<_, String>("150.25")
    });
    assert_eq!(price, Ok("150.25"));
    let refused = recorder.output("place_order", &json!({"symbol": "AAPL", "qty": 10}), || {
        Err::<u64, _>("429 Too Many Requests")
    });
    assert_eq!(refused, Err("429 Too Many Requests"));
    recorder.record_debug("get_cash", &("hash",), true, &Some(3));
    let stats = recorder.close(WAIT).unwrap();
    assert_eq!((stats.calls, stats.written, stats.durable), (3, 3, 3));
    let lines: Vec<String> = calls(&journal)
        .iter()
        .map(|it| serde_json::to_string(it).unwrap())
        .collect();
    let thread = std::thread::current().name().unwrap().to_owned();
    assert_eq!(
        lines,
        [
            format!(
                "{{\"timestamp\":\"2025-10-26T12:00:00.000Z\",\"method\":\"get_last_price\",\"args\":[\"hash\",\"AAPL\"],\
                 \"kwargs\":{{}},\"result\":\"150.25\",\"error\":null,\"duration_ns\":12000000,\"thread\":\"{thread}\",\
                 \"depth\":null,\"role\":\"input\"}}"
            ),
            format!(
                "{{\"timestamp\":\"2025-10-26T12:00:00.012Z\",\"method\":\"place_order\",\"args\":[],\
                 \"kwargs\":{{\"qty\":10,\"symbol\":\"AAPL\"}},\"result\":null,\"error\":\"429 Too Many Requests\",\
                 \"duration_ns\":0,\"thread\":\"{thread}\",\"depth\":null,\"role\":\"output\"}}"
            ),
            format!(
                "{{\"timestamp\":\"2025-10-26T12:00:00.012Z\",\"method\":\"get_cash\",\"args\":[\"hash\"],\
                 \"kwargs\":{{}},\"result\":{{\"is_success\":true,\"raw\":\"Some(3)\"}},\"error\":null,\
                 \"duration_ns\":0,\"thread\":\"{thread}\",\"depth\":null,\"role\":\"input\"}}"
            ),
        ]
    );
}

#[test]
fn a_run_has_a_header_among_the_sessions() {
    let folder = tempdir().unwrap();
    let (journal, _) = clocked(folder.path());
    let config = config().trigger("crontab").git_hash("a1b2c3d");
    let recorder = Recorder::open(&journal, config).unwrap();
    let id = recorder.session().record().session_id();
    drop(recorder);
    let sessions = journal.read::<SessionRecord>().into_iter();
    let sessions: Vec<_> = sessions.map(|it| it.unwrap().record).collect();
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0].session_id(), id);
    assert_eq!(
        sessions[0].metadata().unwrap().as_str(),
        "{\"market\":\"schwab\",\"trigger\":\"crontab\",\"git_hash\":\"a1b2c3d\",\"trader_version\":\"1.2.0\"}"
    );
}

#[test]
fn a_call_inside_of_a_call_carries_its_depth() {
    let folder = tempdir().unwrap();
    let (journal, _) = clocked(folder.path());
    let recorder = Recorder::open(&journal, config()).unwrap();
    let nested = recorder.call("outer", &(), || {
        recorder.call("middle", &(), || {
            recorder.call("inner", &(), || Ok::<_, String>(1))
        })
    });
    assert_eq!(nested, Ok(1));
    recorder.record("after", &(), &Ok::<_, String>(2));
    recorder.close(WAIT).unwrap();
    let depths: Vec<_> = calls(&journal)
        .iter()
        .map(|it| (it.method().to_owned(), it.depth()))
        .collect();
    let of = |method: &str, depth| (method.to_owned(), depth);
    let expected = [
        of("inner", Some(2)),
        of("middle", Some(1)),
        of("outer", None),
        of("after", None),
    ];
    assert_eq!(depths, expected);
}

/// Runs a future to its end on this thread.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}

/// A future that is pending once.
async fn later<T>(value: T) -> T {
    let mut polled = false;
    std::future::poll_fn(|_| match std::mem::replace(&mut polled, true) {
        true => std::task::Poll::Ready(()),
        false => std::task::Poll::Pending,
    })
    .await;
    value
}

#[test]
fn futures_are_recorded_and_two_at_once_do_not_nest() {
    let folder = tempdir().unwrap();
    let (journal, _) = clocked(folder.path());
    let recorder = Recorder::open(&journal, config()).unwrap();
    block_on(async {
        let inner = recorder.call_async("inner", &(), later(Ok::<_, String>(1)));
        let outer = recorder.call_async("outer", &(), inner);
        let beside = recorder.output_async("beside", &(), later(Err::<u8, _>("no")));
        let mut outer = std::pin::pin!(outer);
        let mut beside = std::pin::pin!(beside);
        // Both are under way before either ends.
        assert!(futures_poll(&mut outer).is_none() && futures_poll(&mut beside).is_none());
        assert_eq!((outer.await, beside.await), (Ok(1), Err("no")));
    });
    recorder.close(WAIT).unwrap();
    let depths: Vec<_> = calls(&journal)
        .iter()
        .map(|it| (it.method().to_owned(), it.depth()))
        .collect();
    let of = |method: &str, depth| (method.to_owned(), depth);
    assert_eq!(
        depths,
        [of("inner", Some(1)), of("outer", None), of("beside", None)]
    );
}

fn futures_poll<T>(future: &mut std::pin::Pin<&mut impl Future<Output = T>>) -> Option<T> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => Some(value),
        std::task::Poll::Pending => None,
    }
}

#[test]
fn calls_that_panic_or_are_dropped_are_recorded_as_errors() {
    let folder = tempdir().unwrap();
    let (journal, _) = clocked(folder.path());
    let recorder = Recorder::open(&journal, config()).unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        recorder.call("bad", &(), || -> Result<u8, String> {
            panic!("in the client")
        })
    }));
    assert!(panicked.is_err());
    drop(recorder.call_async("cancelled", &(1,), later(Ok::<_, String>(1))));
    {
        let mut begun =
            std::pin::pin!(recorder.call_async("cancelled", &(2,), later(Ok::<_, String>(1))));
        assert!(futures_poll(&mut begun).is_none());
    }
    recorder.record("next", &(), &Ok::<_, String>(()));
    recorder.close(WAIT).unwrap();
    let shown: Vec<_> = calls(&journal)
        .iter()
        .map(|it| {
            (
                it.method().to_owned(),
                it.args().to_string(),
                it.error().map(str::to_owned),
                it.depth(),
            )
        })
        .collect();
    let of = |method: &str, args: &str, error: Option<&str>| {
        (
            method.to_owned(),
            args.to_owned(),
            error.map(str::to_owned),
            None,
        )
    };
    let expected = [
        of("bad", "[]", Some("the call panicked")),
        // One that was never begun was never made.
        of(
            "cancelled",
            "[2]",
            Some("the call was dropped before it ended"),
        ),
        of("next", "[]", None),
    ];
    assert_eq!(shown, expected);
}

struct Refusing;

impl Serialize for Refusing {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("not today"))
    }
}

#[test]
fn one_bad_value_takes_no_other_with_it() {
    let folder = tempdir().unwrap();
    let (journal, _) = clocked(folder.path());
    let recorder = Recorder::open(&journal, config()).unwrap();
    recorder.record("before", &(), &Ok::<_, String>(1));
    recorder.record("refusing", &("a", Refusing), &Ok::<_, String>(Refusing));
    recorder.record("nan", &(f64::NAN,), &Err::<u8, _>(""));
    recorder.record("long", &("x".repeat(2 << 20),), &Ok::<_, String>(1));
    recorder.record("", &("large", "y".repeat(200_000)), &Ok::<_, String>(1));
    recorder.record("after", &(), &Ok::<_, String>(1));
    let Err(RecordingError::Lost { stats, .. }) = recorder.close(WAIT) else {
        panic!("a call of 2 MiB is no line");
    };
    assert_eq!((stats.calls, stats.written, stats.lost.no_line), (6, 5, 1));
    assert_eq!((stats.unrecordable, stats.large), (2, 2));
    let calls = calls(&journal);
    assert_eq!(told_lost(&calls), 1);
    let shown: Vec<_> = calls
        .iter()
        .map(|it| (it.method(), it.args().to_string()))
        .collect();
    // In the place of the arguments, as arguments by name.
    let refused = "{\"unrecordable\":\"not today\"}";
    assert_eq!(shown[0], ("before", "[]".to_owned()));
    assert_eq!(shown[1], ("refusing", "[]".to_owned()));
    assert_eq!(calls[1].kwargs().as_str(), refused);
    assert_eq!(calls[1].result().unwrap().as_str(), refused);
    assert_eq!(shown[2], ("nan", "[null]".to_owned()));
    assert_eq!(calls[2].error(), Some("(an error without a text)"));
    assert_eq!((shown[3].0, shown[3].1.len()), ("(no name)", 200_012));
    assert!(
        shown.iter().any(|it| it.0 == "after") && shown.iter().any(|it| it.0 == "recorder.gap")
    );
    assert!(!recorder.troubles().is_empty());
}

struct Panicking;

impl Serialize for Panicking {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("in a value")
    }
}

#[test]
fn a_value_that_panics_when_it_is_recorded_loses_no_call() {
    let folder = tempdir().unwrap();
    let (journal, _) = clocked(folder.path());
    let recorder = Recorder::open(&journal, config()).unwrap();
    let recording = || recorder.call("bad", &(1,), || Ok::<_, String>(("half", Panicking)));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(recording)).is_err());
    recorder.record("next", &(), &Ok::<_, String>(()));
    assert_eq!(recorder.close(WAIT).unwrap().written, 2);
    let calls = calls(&journal);
    assert_eq!(
        (calls[0].method(), calls[0].args().as_str()),
        ("bad", "[1]")
    );
    assert_eq!(calls[0].error(), Some("the call panicked"));
    assert_eq!(calls[1].method(), "next");
}

#[test]
fn threads_and_methods_are_named_without_secrets_in_calls_and_in_gaps() {
    let folder = tempdir().unwrap();
    let (journal, _) = clocked(folder.path());
    let recorder = Recorder::open(&journal, config()).unwrap();
    let work = || {
        recorder.record("GET /order?signature=leak", &(), &Ok::<_, String>(1));
        recorder.record("get", &("x".repeat(2 << 20),), &Ok::<_, String>(1));
        recorder.record("GET /of/me@example.com", &(), &Ok::<_, String>(1));
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("bot of me@example.com".to_owned());
        thread.spawn_scoped(scope, work).unwrap();
    });
    let Err(RecordingError::Lost { stats, .. }) = recorder.close(WAIT) else {
        panic!("a call of 2 MiB is no line");
    };
    assert_eq!((stats.written, stats.lost.total()), (2, 1));
    let calls = calls(&journal);
    assert_eq!(told_lost(&calls), 1);
    assert_eq!(calls[0].method(), "GET /order?signature=[redacted]");
    assert!(
        calls
            .iter()
            .all(|it| !it.method().contains('@') && !it.thread().unwrap_or("").contains('@'))
    );
}

#[test]
fn no_secret_is_in_any_file() {
    let folder = tempdir().unwrap();
    let (journal, _) = clocked(folder.path());
    let rules = Redaction::default()
        .secret("the-bots-own-secret")
        .argument("login", 0);
    let recorder = Recorder::open(&journal, config().redaction(rules)).unwrap();
    let headers =
        json!({"X-BAPI-API-KEY": "leak-1", "Authorization": "Bearer leak-2", "recvWindow": 5000});
    recorder.record(
        "request",
        &("/v5/order?api_key=leak-3&qty=1", headers),
        &Ok::<_, String>(json!({
            "body": "{\"refresh_token\":\"leak-4\"}",
            "list": [{"password": ["leak-5"]}],
            "echo": "signed with the-bots-own-secret",
        })),
    );
    recorder.record(
        "login",
        &("leak-6", "user"),
        &Err::<u8, _>("signature=leak-7 is wrong for me@example.com"),
    );
    recorder.close(WAIT).unwrap();
    let mut seen = Vec::new();
    for file in files(folder.path()) {
        let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
        assert!(
            !text.contains("leak-") && !text.contains("own-secret"),
            "{}: {text}",
            file.display()
        );
        assert!(!text.contains("me@example.com"));
        if text.contains("recvWindow") {
            seen.push(file);
        }
    }
    // The recording alone: that nothing is in it would say little.
    assert_eq!(seen.len(), 1, "{seen:?}");
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // The link to today's file leads to another one of them.
        match path.is_dir() {
            true => all.extend(files(&path)),
            false if path.is_symlink() => {}
            false => all.push(path),
        }
    }
    all
}

#[test]
fn a_closed_recorder_counts_what_still_comes() {
    let folder = tempdir().unwrap();
    let (journal, _) = clocked(folder.path());
    let recorder = Recorder::open(&journal, config()).unwrap();
    let clone = recorder.clone();
    recorder.record("a", &(), &Ok::<_, String>(1));
    recorder.close(WAIT).unwrap();
    clone.record("b", &(), &Ok::<_, String>(1));
    let Err(RecordingError::Lost { stats, .. }) = clone.close(WAIT) else {
        panic!("a call after the close is lost");
    };
    assert_eq!(
        (stats.calls, stats.written, stats.lost.closed, stats.waiting),
        (2, 1, 1, 0)
    );
}

#[test]
fn a_journal_has_one_recorder_at_a_time() {
    let folder = tempdir().unwrap();
    let (journal, _) = clocked(folder.path());
    let first = Recorder::open(&journal, config()).unwrap();
    let second = Recorder::open(&journal, config());
    assert!(matches!(
        second,
        Err(RecorderError::Open(OpenError::Locked { .. }))
    ));
    // Nothing of it is among the sessions.
    assert_eq!(journal.read::<SessionRecord>().into_iter().count(), 1);
    drop(first);
    Recorder::open(&journal, config()).unwrap();
}

#[test]
fn a_call_that_spans_midnight_is_in_the_log_of_its_end() {
    let folder = tempdir().unwrap();
    let (journal, clock) = clocked(folder.path());
    let recorder = Recorder::open(&journal, config()).unwrap();
    recorder.record("today", &(), &Ok::<_, String>(1));
    let called = recorder.call("over midnight", &(), || {
        clock.advance(Duration::from_secs(86_400));
        Ok::<_, String>(clock.now().day().to_string())
    });
    assert_eq!(called.as_deref(), Ok("2025-10-27"));
    recorder.close(WAIT).unwrap();
    let calls = calls(&journal);
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[1].timestamp().to_string(), "2025-10-26T12:00:00.000Z");
    assert_eq!(calls[1].duration_ns(), 86_400_000_000_000);
}
