//! What was written is read: in order, by time, from the end, while it is being written.

use std::{ops::ControlFlow, time::Duration};

use crate::sample::{entry, journal, noon, time};
use tempfile::tempdir;
use tradejournal::journal::{Entry, ReadError};
use tradejournal::record::{Record, Stream, TradeRecord};

/// The order ids of what was read.
fn orders(entries: impl IntoIterator<Item = Result<Entry<TradeRecord>, ReadError>>) -> Vec<String> {
    let order =
        |it: Result<Entry<TradeRecord>, ReadError>| it.unwrap().record.order_id().to_owned();
    entries
        .into_iter()
        .map(order)
        .map(|it| it.to_string())
        .collect()
}

fn expected(numbers: std::ops::Range<u64>) -> Vec<String> {
    numbers.map(|it| format!("order-{it}")).collect()
}

#[test]
fn what_a_writer_wrote_over_three_days_is_read_and_followed_once_and_in_order() {
    let folder = tempdir().unwrap();
    let clock = noon();
    let journal = journal(folder.path(), &clock);
    let writer = journal.writer::<TradeRecord>().unwrap();
    let reader = journal.read::<TradeRecord>();
    let mut followed = reader.clone().follow();
    let mut seen = Vec::new();
    for number in 0..9 {
        writer.append(&entry(number)).unwrap();
        if number % 2 == 0 {
            seen.extend(std::iter::from_fn(|| followed.next_now()));
        }
        if number % 3 == 2 {
            clock.advance(Duration::from_secs(24 * 3600));
        }
    }
    assert_eq!(orders(seen), expected(0..9));
    assert_eq!(orders(&reader), expected(0..9));
    assert_eq!(orders(reader.clone().last(4)), expected(5..9));
    let second = "2025-10-27".parse().unwrap();
    assert_eq!(orders(reader.clone().days(second..=second)), expected(3..6));
    let mut seqs = Vec::new();
    reader.visit_owned(|entry| {
        seqs.push(entry.unwrap().seq.unwrap());
        ControlFlow::Continue(())
    });
    assert_eq!(seqs, (0..9).collect::<Vec<_>>());
    writer.close().unwrap();
    assert_eq!(orders(reader.promised_only()), expected(0..9));
}

#[test]
fn closed_days_are_left_out_when_none_of_their_records_is_asked_for() {
    let folder = tempdir().unwrap();
    let clock = noon();
    let journal = journal(folder.path(), &clock);
    let writer = journal.writer::<TradeRecord>().unwrap();
    for number in 0..3 {
        writer.append(&entry(number)).unwrap();
        clock.advance(Duration::from_secs(24 * 3600));
    }
    writer.close().unwrap();
    // Every record says the same time, on whichever day it was written.
    let at = entry(0).timestamp();
    let reader = journal.read::<TradeRecord>();
    let none: [&str; 0] = [];
    assert_eq!(orders(reader.clone().from(at)), expected(0..3));
    assert_eq!(orders(reader.clone().to(at)), none);
    assert_eq!(orders(reader.from(time("2025-10-26T14:32:15.124Z"))), none);
}

#[test]
fn a_query_answers_over_what_a_writer_wrote() {
    let folder = tempdir().unwrap();
    let journal = journal(folder.path(), &noon());
    let writer = journal.writer::<TradeRecord>().unwrap();
    let entries: Vec<_> = (0..50).map(entry).collect();
    writer.append_all(&entries).unwrap();
    let fail = |bad: ReadError| panic!("{bad}");
    let all = journal.query(Stream::Trades).field("symbol", "AAPL");
    assert_eq!(all.count(fail).lines, 50);
    let sum = all.sum("total_value", fail).unwrap();
    assert_eq!(
        (sum.sum.to_string().as_str(), sum.values),
        ("375625.00", 50)
    );
    let mut found = Vec::new();
    all.field("order_id", "order-7").visit(|line| {
        found.push(TradeRecord::decode(line.unwrap().json()).unwrap());
        ControlFlow::Continue(())
    });
    assert_eq!(found, [entry(7)]);
}
