//! Two recordings against each other.

use std::time::Duration;

use super::testing::{call, output, recording};
use super::{Change, Comparison, Divergence, Kind, Recording, Rules, compare};
use crate::record::CallParts;

/// A small strategy: three polls a cycle, and an order in the third one.
fn cycles() -> Vec<CallParts> {
    let mut calls = Vec::new();
    for cycle in 0..4 {
        for (index, symbol) in ["AAPL", "MSFT", "GOOG"].iter().enumerate() {
            let second = cycle * 10 + i64::try_from(index).unwrap();
            let args = format!("[\"h\",\"{symbol}\"]");
            calls.push(call(
                second,
                "get_last_price",
                &args,
                &format!("15{cycle}.{index}"),
            ));
        }
        if cycle == 2 {
            let args = "[\"h\",\"AAPL\",10,152.0]";
            calls.push(output(
                25,
                "place_order",
                args,
                "{\"is_success\":true,\"order_id\":7}",
            ));
        }
    }
    calls
}

fn rules(ignored: &[&str]) -> Rules {
    Rules {
        ignored: ignored.iter().map(|it| it.parse().unwrap()).collect(),
        ..Rules::default()
    }
}

fn counts(found: &Comparison<'_>) -> [u64; 6] {
    let it = found.counts;
    [
        it.same,
        it.args,
        it.result,
        it.time,
        it.only_in_a,
        it.only_in_b,
    ]
}

fn first<'a>(found: &'a Comparison<'_>) -> &'a Divergence<'a> {
    found.first.as_ref().unwrap()
}

fn change(path: &str, a: &str, b: &str) -> Change {
    let (path, a, b) = (path.to_owned(), Some(a.to_owned()), Some(b.to_owned()));
    Change { path, a, b }
}

#[test]
fn the_same_calls_at_other_times_and_in_other_spelling_are_the_same() {
    let a = recording(cycles());
    let mut other = cycles();
    for parts in &mut other {
        parts.duration_ns *= 9;
        parts.timestamp = parts.timestamp.saturating_add(Duration::from_secs(86_400));
        parts.thread = Some("another".parse().unwrap());
    }
    let index = other.iter().position(|it| it.role.is_some()).unwrap();
    other[index].args = "[\"h\", \"AAPL\", 1e1, 152.00]".parse().unwrap();
    other[index].result = Some("{\"order_id\": 7.0, \"is_success\": true}".parse().unwrap());
    let b = recording(other);
    let found = compare(&a, &b, &Rules::default());
    assert_eq!(counts(&found), [13, 0, 0, 0, 0, 0]);
    assert!(found.first.is_none() && found.first_output.is_none());
}

#[test]
fn a_changed_order_is_the_first_divergence() {
    let a = recording(cycles());
    let mut other = cycles();
    let order = other.iter().position(|it| it.role.is_some()).unwrap();
    other[order].args = "[\"h\",\"AAPL\",11,152.0]".parse().unwrap();
    let b = recording(other);
    let found = compare(&a, &b, &Rules::default());
    assert_eq!(counts(&found), [12, 1, 0, 0, 0, 0]);
    assert_eq!(first(&found).kind, Kind::Args);
    assert_eq!(first(&found).changes, [change("args.2", "10", "11")]);
    let after = first(&found).after.unwrap();
    assert_eq!((after.0.seq, after.1.seq), (Some(8), Some(8)));
    assert_eq!(found.first_output.as_ref().unwrap().a.unwrap().seq, Some(9));
    assert_eq!(found.by_method["place_order"].args, 1);
    assert_eq!(found.by_method["get_last_price"].same, 12);
    assert_eq!(
        counts(&compare(&a, &b, &rules(&["args.2"]))),
        [13, 0, 0, 0, 0, 0]
    );
}

#[test]
fn one_missing_call_makes_no_later_one_differ() {
    let a = recording(cycles());
    for place in 0..a.calls.len() {
        let mut fewer = cycles();
        fewer.remove(place);
        let b = recording(fewer);
        let found = compare(&a, &b, &Rules::default());
        assert_eq!(counts(&found), [12, 0, 0, 0, 1, 0], "{place}");
        assert_eq!(first(&found).kind, Kind::OnlyInA);
        assert_eq!(first(&found).a.unwrap().seq, Some(place as u64));
        assert_eq!(first(&found).after.is_none(), place == 0);
        let found = compare(&b, &a, &Rules::default());
        assert_eq!(counts(&found), [12, 0, 0, 0, 0, 1], "{place}");
        assert_eq!(first(&found).b.unwrap().seq, Some(place as u64));
    }
}

#[test]
fn results_and_errors_differ_by_what_they_say() {
    let a = recording(cycles());
    let mut other = cycles();
    other[1].result = None;
    other[1].error = Some("timeout".parse().unwrap());
    other[4].result = Some("151.11".parse().unwrap());
    let b = recording(other);
    let found = compare(&a, &b, &Rules::default());
    assert_eq!(counts(&found), [11, 0, 2, 0, 0, 0]);
    let wanted = [
        Change {
            path: "result".to_owned(),
            a: Some("150.1".to_owned()),
            b: None,
        },
        Change {
            path: "error".to_owned(),
            a: None,
            b: Some("timeout".to_owned()),
        },
    ];
    assert_eq!(first(&found).changes, wanted);
    assert!(found.first_output.is_none());
    // An error that may have any text is still no result.
    let found = compare(&a, &b, &rules(&["error", "result"]));
    assert_eq!(counts(&found), [12, 0, 1, 0, 0, 0]);
    let outputs = Rules {
        outputs_only: true,
        ..Rules::default()
    };
    assert_eq!(counts(&compare(&a, &b, &outputs)), [1, 0, 0, 0, 0, 0]);
}

#[test]
fn times_are_compared_from_the_first_common_call_and_only_with_a_tolerance() {
    let a = recording(cycles());
    let mut other = cycles();
    other.remove(0);
    for parts in &mut other {
        parts.timestamp = parts.timestamp.saturating_add(Duration::from_secs(3600));
    }
    other[3].timestamp = other[3].timestamp.saturating_add(Duration::from_millis(51));
    other[5].duration_ns += 50_000_001;
    let b = recording(other);
    let with = |millis| Rules {
        time_tolerance: Some(Duration::from_millis(millis)),
        ..Rules::default()
    };
    assert_eq!(
        counts(&compare(&a, &b, &Rules::default())),
        [12, 0, 0, 0, 1, 0]
    );
    assert_eq!(counts(&compare(&a, &b, &with(51))), [12, 0, 0, 0, 1, 0]);
    let found = compare(&a, &b, &with(50));
    assert_eq!(counts(&found), [10, 0, 0, 2, 1, 0]);
    let found = compare(&b, &b, &with(0));
    assert_eq!(counts(&found), [12, 0, 0, 0, 0, 0]);
}

#[test]
fn threads_are_compared_each_in_its_own_order() {
    let on = |thread: &str, mut parts: CallParts| {
        parts.thread = Some(thread.parse().unwrap());
        parts
    };
    let one = |second| on("one", call(second, "a", &format!("[{second}]"), "1"));
    let two = |second| on("two", call(second, "b", &format!("[{second}]"), "1"));
    let a = recording(vec![one(0), two(1), one(2), two(3)]);
    let b = recording(vec![two(1), two(3), one(0), one(2)]);
    assert_eq!(
        counts(&compare(&a, &b, &Rules::default())),
        [4, 0, 0, 0, 0, 0]
    );
    // As one sequence they are not the same.
    let found = compare(&a, &b, &rules(&["thread"]));
    assert_ne!(found.counts.different(), 0);
    // A thread that has another name is found by its place.
    let b = recording(vec![
        two(1),
        two(3),
        on("three", one(0)),
        on("three", one(2)),
    ]);
    let found = compare(&a, &b, &Rules::default());
    assert_eq!(counts(&found)[0], 4);
    // And one that only one side has is no pair at all.
    let b = recording(vec![two(1), two(3)]);
    assert_eq!(
        counts(&compare(&a, &b, &Rules::default())),
        [2, 0, 0, 0, 2, 0]
    );
    assert_eq!(
        counts(&compare(&b, &a, &Rules::default())),
        [2, 0, 0, 0, 0, 2]
    );
}

#[test]
fn nested_calls_and_gaps_are_no_calls() {
    let mut calls = cycles();
    let mut nested = call(5, "http", "[]", "1");
    nested.depth = Some(1);
    let mut gap = call(6, "recorder.gap", "[]", "null");
    gap.role = Some("gap".parse().unwrap());
    gap.result = Some(
        "{\"lost\":12,\"from\":\"2024-01-09T14:31:00Z\",\"to\":\"2024-01-09T14:31:05Z\",\"cause\":\"queue_full\"}"
            .parse()
            .unwrap(),
    );
    calls.insert(2, nested);
    calls.push(gap);
    let found = recording(calls);
    assert_eq!((found.calls.len(), found.nested), (13, 1));
    let [gap] = &found.gaps[..] else {
        panic!("{:?}", found.gaps)
    };
    assert_eq!(
        (gap.lost, gap.cause.as_deref()),
        (Some(12), Some("queue_full"))
    );
    assert_eq!(gap.to.unwrap().to_string(), "2024-01-09T14:31:05.000Z");
    let plain = recording(cycles());
    assert_eq!(
        compare(&found, &plain, &Rules::default())
            .counts
            .different(),
        0
    );
}

#[test]
fn a_line_of_a_file_may_have_what_a_journal_puts_at_its_end() {
    let golden = include_str!("../../../tests/fixtures/v1/calls.jsonl");
    let mut recording = Recording::default();
    for (number, line) in (1..).zip(golden.split_inclusive('\n')) {
        recording.add_line(number, line.as_bytes()).unwrap();
    }
    assert_eq!(recording.calls[1].line, Some(2));
    assert_eq!(recording.calls.len(), golden.lines().count());
    assert!(recording.add_line(3, b"{}").is_err());
    assert_eq!(recording.unread.lines, 1);
}
