//! Replays of small recordings, and of random ones beside a plain model.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::record::CallParts;
use crate::record::field::{JsonObject, Text};

fn time(secs: u64) -> Timestamp {
    let begin: Timestamp = "2024-01-08T14:30:00Z".parse().unwrap();
    begin.saturating_add(Duration::from_secs(secs))
}

/// A call on the thread `main` that began so many seconds after the first.
fn call(at: u64, method: &str, args: &str, result: &str) -> CallParts {
    let text = |text: &str| Text::try_from(text.to_owned()).unwrap();
    CallParts {
        timestamp: time(at),
        method: text(method),
        args: args.parse().unwrap(),
        kwargs: JsonObject::default(),
        result: Some(result.parse().unwrap()),
        error: None,
        duration_ns: 1000,
        thread: Some(text("main")),
        depth: None,
        role: Some("input".parse().unwrap()),
    }
}

fn output(at: u64, method: &str, args: &str, result: &str) -> CallParts {
    CallParts {
        role: Some("output".parse().unwrap()),
        ..call(at, method, args, result)
    }
}

fn on(thread: &str, call: CallParts) -> CallParts {
    CallParts {
        thread: Some(Text::try_from(thread.to_owned()).unwrap()),
        ..call
    }
}

fn replay(strictness: Strictness, calls: Vec<CallParts>) -> Replay {
    let calls = calls.into_iter().map(|it| CallRecord::new(it).unwrap());
    Replay::of(calls, ReplayOptions::new().strictness(strictness)).unwrap()
}

fn ask(replay: &Replay, method: &str, args: impl Serialize) -> String {
    let answer: Result<serde_json::Value, ReplayError> = replay.call(method, &args);
    answer.map_or_else(|error| error.to_string(), |it| it.to_string())
}

fn make(replay: &Replay, method: &str, args: impl Serialize) -> String {
    let answer: Result<serde_json::Value, ReplayError> = replay.output(method, &args);
    answer.map_or_else(|error| error.to_string(), |it| it.to_string())
}

#[test]
fn identical_calls_are_answered_one_after_the_other_by_when_they_began() {
    // Concurrent calls end in another order than they began, and lines stand as they ended.
    let replay = replay(
        Strictness::ByKey,
        vec![
            call(3, "price", "[\"A\"]", "3"),
            call(1, "price", "[\"A\"]", "1"),
            call(2, "price", "[\"B\"]", "20"),
            call(2, "price", "[\"A\"]", "2"),
            // The same instant: as the lines stand.
            call(3, "price", "[\"A\"]", "4"),
        ],
    );
    let found: Vec<String> = (0..4).map(|_| ask(&replay, "price", ["A"])).collect();
    assert_eq!(found, ["1", "2", "3", "4"]);
    assert_eq!(
        ask(&replay, "price", ["A"]),
        "no answer to price [\"A\"]: it was recorded 4 times, and all are answered"
    );
    let left = Remaining {
        inputs: 1,
        outputs: 0,
    };
    assert_eq!((replay.len(), replay.remaining()), (5, left));
    assert_eq!(ask(&replay, "price", ["B"]), "20");
    assert_eq!(replay.remaining(), Remaining::default());
    assert!(replay.finish().unwrap_err().to_string().contains("4 times"));
}

#[test]
fn what_was_recorded_is_the_answer_whether_result_or_error() {
    let mut failed = call(1, "cash", "[]", "0");
    (failed.result, failed.error) = (None, Some(Text::try_from("rate limit".to_owned()).unwrap()));
    let mut nothing = call(2, "cash", "[]", "0");
    nothing.result = None;
    let replay = replay(
        Strictness::Exact,
        vec![failed, nothing, call(3, "cash", "[]", "[1.50]")],
    );
    let first: Result<u32, ReplayError> = replay.call("cash", &());
    assert!(matches!(first, Err(ReplayError::Recorded { text }) if text == "rate limit"));
    let second: Result<Option<u32>, ReplayError> = replay.call("cash", &());
    assert_eq!(second.unwrap(), None);
    assert!(replay.trouble().is_none());
    // An answer of another type is told, and is the trouble of the replay.
    let third: Result<u32, ReplayError> = replay.call("cash", &());
    let third = third.unwrap_err();
    let wanted = "answer cash [] with what was recorded at 2024-01-08T14:30:03.000Z";
    assert_eq!(third.to_string(), wanted);
    assert!(std::error::Error::source(&third).is_some());
    assert_eq!(replay.finish().unwrap_err().to_string(), wanted);
}

#[test]
fn arguments_are_compared_by_what_they_say() {
    let replay = replay(
        Strictness::ByKey,
        vec![
            call(1, "f", r#"[1.50,{"a":1,"b":[2e0]}]"#, "1"),
            call(2, "f", r#"[15e-1,{"b":[2.0],"a":1.0}]"#, "2"),
            call(3, "f", r#"["1.5",{"b":[2],"a":1}]"#, "3"),
            CallParts {
                kwargs: r#"{"retry":2}"#.parse().unwrap(),
                ..call(4, "f", "[]", "4")
            },
        ],
    );
    let object = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
    let args = (1.5, object(r#"{"b": [2], "a": 1}"#));
    assert_eq!(ask(&replay, "f", &args), "1");
    assert_eq!(ask(&replay, "f", &args), "2");
    assert!(ask(&replay, "f", &args).starts_with("no answer"));
    assert_eq!(ask(&replay, "f", ("1.5", args.1)), "3");
    let asked = Asked::of("f", &())
        .unwrap()
        .named(&object(r#"{"retry": 2.0}"#));
    let found: Result<u32, ReplayError> = replay.call_of(asked.unwrap());
    assert_eq!(found.unwrap(), 4);
    // One value alone is the one argument, an object the arguments by name.
    assert_eq!(Asked::of("f", "AAPL").unwrap().to_string(), "f [\"AAPL\"]");
    let named = Asked::of("f", &object(r#"{"retry":2}"#)).unwrap();
    assert_eq!(named.to_string(), "f [] {\"retry\":2}");
}

#[test]
fn what_a_recorded_call_called_is_not_answered() {
    let inner = CallParts {
        depth: Some(1),
        ..call(2, "price", "[\"A\"]", "1")
    };
    let outer = CallParts {
        depth: Some(0),
        ..call(1, "value", "[]", "10")
    };
    for strictness in [Strictness::Exact, Strictness::ByKey, Strictness::LatestAt] {
        let replay = replay(strictness, vec![inner.clone(), outer.clone()]);
        assert_eq!(ask(&replay, "value", ()), "10");
        replay.finish().unwrap();
        assert!(ask(&replay, "price", ["A"]).contains("price [\"A\"]"));
    }
}

#[test]
fn the_first_different_output_shows_both_sides_and_takes_nothing() {
    for strictness in [Strictness::Exact, Strictness::ByKey] {
        let replay = replay(
            strictness,
            vec![
                output(1, "buy", r#"["A",10,"1.50"]"#, "\"order-1\""),
                output(2, "sell", r#"["A",10,"1.60"]"#, "\"order-2\""),
            ],
        );
        assert_eq!(make(&replay, "buy", ("A", 10, "1.50")), "\"order-1\"");
        let what = match strictness {
            Strictness::Exact => "call",
            _ => "output",
        };
        let wanted = format!(
            "{what} 2 differs: expected sell [\"A\",10,\"1.60\"] (of 2024-01-08T14:30:02.000Z), \
             got buy [\"A\",11,\"1.50\"]"
        );
        assert_eq!(make(&replay, "buy", ("A", 11, "1.50")), wanted);
        assert_eq!(make(&replay, "sell", ("A", 10, "1.60")), "\"order-2\"");
        assert_eq!(
            make(&replay, "sell", ("A", 10, "1.60")),
            format!("{what} 3 differs: expected no more {what}s, got sell [\"A\",10,\"1.60\"]")
        );
        // The bot went on; the first difference is what counts at the end.
        assert_eq!(replay.finish().unwrap_err().to_string(), wanted);
    }
}

#[test]
fn an_output_asked_as_an_input_or_the_other_way_round_is_told() {
    let calls = vec![output(1, "buy", "[1]", "1"), call(2, "cash", "[]", "1")];
    let replay = replay(Strictness::ByKey, calls);
    assert_eq!(
        ask(&replay, "buy", [1]),
        "no answer to buy [1]: it is recorded as an output"
    );
    let wanted = "no answer to cash []: it is recorded as an input, and asked as an output";
    assert_eq!(make(&replay, "cash", ()), wanted);
    assert_eq!(
        ask(&replay, "cash", [2]),
        "no answer to cash [2]: it was never recorded"
    );
}

#[test]
fn exact_is_the_order_of_each_recorded_thread() {
    let calls = || {
        vec![
            on("a", call(1, "f", "[1]", "1")),
            on("b", call(2, "g", "[1]", "2")),
            on("a", call(3, "f", "[2]", "3")),
            on("b", call(4, "g", "[2]", "4")),
        ]
    };
    let one = replay(Strictness::Exact, calls());
    assert_eq!(ask(&one, "g", [1]), "2");
    assert_eq!(ask(&one, "g", [2]), "4");
    assert_eq!(
        ask(&one, "f", [2]),
        "call 3 differs: expected f [1] (of 2024-01-08T14:30:01.000Z), got f [2]"
    );
    assert_eq!(ask(&one, "f", [1]), "1");
    assert_eq!(ask(&one, "f", [2]), "3");
    let two = replay(Strictness::Exact, calls());
    assert!(ask(&two, "f", [2]).contains(
        "expected f [1] (of 2024-01-08T14:30:01.000Z) or g [1] (of 2024-01-08T14:30:02.000Z)"
    ));
    assert!(two.finish().is_err());
}

#[test]
fn the_same_call_of_two_threads_is_that_of_the_thread_that_asks() {
    let calls = || {
        vec![
            on("first", call(1, "f", "[]", "1")),
            on("second", call(2, "f", "[]", "2")),
        ]
    };
    let on_thread = |name: &str, replay: Replay| {
        let asks = move || ask(&replay, "f", ());
        let thread = thread::Builder::new().name(name.to_owned()).spawn(asks);
        thread.unwrap().join().unwrap()
    };
    assert_eq!(on_thread("second", replay(Strictness::Exact, calls())), "2");
    assert_eq!(on_thread("first", replay(Strictness::Exact, calls())), "1");
    assert_eq!(on_thread("third", replay(Strictness::Exact, calls())), "1");
}

#[test]
fn the_latest_answer_is_the_one_at_or_before_the_clock() {
    let calls = vec![
        call(0, "other", "[]", "0"),
        call(10, "price", "[\"A\"]", "1"),
        call(20, "price", "[\"A\"]", "2"),
        output(30, "buy", "[]", "3"),
    ];
    let replay = replay(Strictness::LatestAt, calls);
    let clock = replay.clock();
    assert_eq!(
        ask(&replay, "price", ["A"]),
        "no answer to price [\"A\"]: it was first recorded at 2024-01-08T14:30:10.000Z"
    );
    for (at, answer) in [(10, "1"), (19, "1"), (20, "2"), (5, "2"), (99, "2")] {
        clock.move_to(time(at));
        assert_eq!(ask(&replay, "price", ["A"]), answer, "at {at}");
        assert_eq!(ask(&replay, "price", ["A"]), answer, "at {at}");
    }
    let left = Remaining {
        inputs: 0,
        outputs: 1,
    };
    assert_eq!(replay.remaining(), left);
    assert_eq!(make(&replay, "buy", ()), "3");
    assert_eq!(clock.now(), time(99));
}

#[test]
fn the_clock_stands_at_the_newest_answered_call() {
    let calls = vec![
        call(10, "a", "[]", "1"),
        call(20, "b", "[]", "2"),
        call(30, "c", "[]", "3"),
    ];
    let one = replay(Strictness::ByKey, calls.clone());
    let clock = one.clock();
    assert_eq!(clock.now(), time(10));
    for (method, now) in [("b", 20), ("a", 20), ("x", 20), ("c", 30)] {
        ask(&one, method, ());
        assert_eq!(clock.now(), time(now), "after {method}");
    }
    let waits = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&waits);
    let wait = move |passed: Duration| kept.lock().unwrap().push(passed.as_secs());
    let speed = NonZeroU32::new(5).unwrap();
    let calls = calls.into_iter().map(|it| CallRecord::new(it).unwrap());
    let paced = Replay::of(calls, ReplayOptions::new().paced_by(speed, wait)).unwrap();
    for method in ["a", "b", "c"] {
        ask(&paced, method, ());
    }
    assert_eq!(*waits.lock().unwrap(), [0, 2, 4]);
}

#[test]
fn a_gap_is_known_and_named_where_no_answer_is_found() {
    let gap = CallParts {
        role: Some("gap".parse().unwrap()),
        ..call(
            5,
            "recorder.gap",
            "[]",
            r#"{"lost":12,"from":"2024-01-08T14:30:05Z","to":"2024-01-08T14:30:07Z","cause":"queue_full"}"#,
        )
    };
    let one = replay(
        Strictness::Exact,
        vec![
            call(1, "f", "[1]", "1"),
            gap.clone(),
            call(9, "f", "[3]", "3"),
        ],
    );
    assert_eq!((one.gaps().len(), one.gaps()[0].lost), (1, Some(12)));
    assert_eq!(one.len(), 2);
    assert_eq!(ask(&one, "f", [1]), "1");
    let named = "; the recording has a gap: 12 calls from 2024-01-08T14:30:05.000Z to \
                 2024-01-08T14:30:07.000Z lost (queue_full)";
    let found = ask(&one, "f", [2]);
    assert!(
        found.starts_with("call 2 differs") && found.ends_with(named),
        "{found}"
    );
    let two = replay(Strictness::ByKey, vec![gap]);
    assert!(ask(&two, "f", [2]).ends_with(named));
    // A gap in words of another version is one all the same.
    let other = CallParts {
        role: Some("gap".parse().unwrap()),
        ..call(5, "recorder.gap", "[]", "[1]")
    };
    let known = replay(Strictness::ByKey, vec![other]).gaps()[0].clone();
    assert_eq!((known.lost, known.from, known.to), (None, time(5), time(5)));
}

#[test]
fn a_role_that_is_not_known_is_no_input() {
    let call = CallParts {
        role: Some("rumour".parse().unwrap()),
        ..call(1, "f", "[]", "1")
    };
    let calls = [CallRecord::new(call).unwrap()];
    let error = Replay::of(calls, ReplayOptions::new()).unwrap_err();
    assert_eq!(error.to_string(), "read the recording: bad call at call 1");
}

#[test]
fn threads_share_a_replay_and_every_answer_is_given_once() {
    let calls = (0..4000).map(|it| call(it, "f", &format!("[{}]", it % 4), &it.to_string()));
    let replay = replay(Strictness::ByKey, calls.collect());
    let given = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for first in 0..8 {
            let (replay, given) = (&replay, &given);
            scope.spawn(move || {
                let mine: Vec<u32> = (0..500)
                    .map(|it| {
                        replay
                            .call::<u32, ReplayError>("f", &[(it + first) % 4])
                            .unwrap()
                    })
                    .collect();
                // Of one key, a thread sees later and later answers.
                for key in 0..4 {
                    let of_key: Vec<_> = mine.iter().filter(|it| **it % 4 == key).collect();
                    assert!(of_key.is_sorted());
                }
                given.lock().unwrap().extend(mine);
            });
        }
    });
    let mut given = given.into_inner().unwrap();
    given.sort_unstable();
    assert_eq!(given, (0..4000).collect::<Vec<u32>>());
    replay.finish().unwrap();
}

proptest! {
    /// A recording of a few keys, lines in any order, asked in any order: of each key, the answers come
    /// by their beginnings.
    #[test]
    fn by_key_is_a_queue_for_each_key(
        calls in prop::collection::vec((0_u64..50, 0_u32..3), 0..40),
        asks in prop::collection::vec(0_u32..4, 0..60),
    ) {
        let recorded = calls.iter().enumerate().map(|(line, (at, key))| {
            call(*at, "f", &format!("[{key}]"), &line.to_string())
        });
        let replay = replay(Strictness::ByKey, recorded.collect());
        let mut model: BTreeMap<u32, VecDeque<(u64, usize)>> = BTreeMap::new();
        for (line, (at, key)) in calls.iter().enumerate() {
            model.entry(*key).or_default().push_back((*at, line));
        }
        for queue in model.values_mut() {
            queue.make_contiguous().sort_unstable();
        }
        let mut now = calls.iter().map(|it| it.0).min();
        for key in asks {
            let found: Result<usize, ReplayError> = replay.call("f", &[key]);
            let wanted = model.get_mut(&key).and_then(VecDeque::pop_front);
            prop_assert_eq!(found.ok(), wanted.map(|it| it.1));
            now = now.max(wanted.map(|it| it.0));
            if let Some(now) = now {
                prop_assert_eq!(replay.clock().now(), time(now));
            }
        }
        let left: usize = model.values().map(VecDeque::len).sum();
        prop_assert_eq!(replay.remaining().inputs, left as u64);
    }

    /// Threads that keep their own order are right in exact mode however they take turns; two calls of a
    /// thread that changed places are not.
    #[test]
    fn exact_takes_any_turns_and_no_other_order(
        lengths in prop::collection::vec(1_u32..6, 1..4),
        turns in prop::collection::vec(any::<prop::sample::Index>(), 20),
        swapped in any::<prop::sample::Index>(),
    ) {
        let mut calls = Vec::new();
        for (lane, length) in lengths.iter().enumerate() {
            for number in 0..*length {
                let args = format!("[{lane},{number}]");
                calls.push(on(&lane.to_string(), call(u64::from(number), "f", &args, "1")));
            }
        }
        let mut next = vec![0; lengths.len()];
        let mut order = Vec::new();
        for turn in turns.iter().cycle() {
            let open: Vec<usize> =
                (0..lengths.len()).filter(|it| next[*it] < lengths[*it]).collect();
            if open.is_empty() {
                break;
            }
            let lane = *turn.get(&open);
            order.push((lane, next[lane]));
            next[lane] += 1;
        }
        let right = replay(Strictness::Exact, calls.clone());
        for asked in &order {
            prop_assert_eq!(ask(&right, "f", asked), "1");
        }
        prop_assert!(right.finish().is_ok());

        let wrong = replay(Strictness::Exact, calls);
        let (lane, number) = *swapped.get(&order);
        // Asked before its turn, or, the first of its thread, a second time.
        let early = order.iter().take_while(|it| **it != (lane, number.saturating_sub(1)));
        for asked in early {
            prop_assert_eq!(ask(&wrong, "f", asked), "1");
        }
        if number != 0 {
            prop_assert!(ask(&wrong, "f", (lane, number)).contains(" differs: expected "));
            prop_assert_eq!(ask(&wrong, "f", (lane, number - 1)), "1");
        }
        prop_assert!(wrong.finish().is_err());
    }
}
