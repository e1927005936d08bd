//! What is written is there, in order, in the file of its day.

use std::{fs, path::Path, sync::Arc, thread, time::Duration};

use crate::sample::{entry, journal, noon, time};
use tempfile::tempdir;
use tradejournal::journal::line::Tail;
use tradejournal::journal::{
    AppendError, Depth, Durability, Journal, OpenError, Writer, WriterOptions,
};
use tradejournal::record::{Record, SessionRecord, Stream, TradeRecord};
use tradejournal::time::ManualClock;

fn lines(path: &Path) -> Vec<Vec<u8>> {
    fs::read(path)
        .unwrap()
        .split_inclusive(|it| *it == b'\n')
        .map(<[u8]>::to_vec)
        .collect()
}

fn day(folder: &Path, day: &str) -> Vec<Vec<u8>> {
    lines(&folder.join(format!("logs/trades/{day}.jsonl")))
}

#[test]
fn an_appended_record_is_a_line_that_reads_back() {
    let folder = tempdir().unwrap();
    let journal = journal(folder.path(), &noon());
    let writer = journal.writer::<TradeRecord>().unwrap();
    let receipts: Vec<_> = (0..3)
        .map(|it| writer.append(&entry(it)).unwrap())
        .collect();
    assert_eq!(
        receipts.iter().map(|it| it.seq).collect::<Vec<_>>(),
        [0, 1, 2]
    );
    assert!(receipts.iter().all(|it| it.durable));
    writer.close().unwrap();

    let mut previous = tradejournal::journal::line::genesis("test", TradeRecord::STREAM);
    for (number, line) in (0..).zip(day(folder.path(), "2025-10-26")) {
        let tail = Tail::parse(&line).unwrap();
        assert!(tail.checks(&line, &previous));
        assert_eq!((tail.seq, tail.dur), (number, number));
        assert_eq!(TradeRecord::decode(&line).unwrap(), entry(number));
        previous = tail.hash;
    }
    assert_eq!(previous, receipts[2].hash);
    let link = fs::read_link(folder.path().join("logs/trades.jsonl")).unwrap();
    assert_eq!(link, Path::new("trades/2025-10-26.jsonl"));
}

#[test]
fn a_stream_opened_again_goes_on_where_it_was() {
    let folder = tempdir().unwrap();
    for round in 0..4 {
        let journal = journal(folder.path(), &noon());
        let writer = journal.writer::<TradeRecord>().unwrap();
        assert_eq!(writer.lines(), round);
        assert_eq!(writer.append(&entry(round)).unwrap().seq, round);
        // Every second time the process just ends: no HEAD is written.
        if round % 2 == 0 {
            writer.close().unwrap();
        }
    }
    assert_eq!(day(folder.path(), "2025-10-26").len(), 4);
}

#[test]
fn a_new_day_is_a_new_file_and_the_old_one_is_closed() {
    let folder = tempdir().unwrap();
    let clock = noon();
    let journal = journal(folder.path(), &clock);
    let writer = journal.writer::<TradeRecord>().unwrap();
    writer.append(&entry(0)).unwrap();
    clock.set(time("2025-10-27T00:00:01Z"));
    assert_eq!(
        writer.append(&entry(1)).unwrap().day.to_string(),
        "2025-10-27"
    );
    writer.tick();
    assert_eq!(writer.troubles(), [""; 0]);
    let seal = folder.path().join("logs/trades/2025-10-26.jsonl.sha256");
    let seal = fs::read_to_string(seal).unwrap();
    assert!(seal.ends_with("  2025-10-26.jsonl\n"), "{seal}");
    let audit = day_of_audit(folder.path(), "2025-10-27");
    assert!(
        audit[0].contains(r#""kind":"day_closed","stream":"trades","day":"2025-10-26","lines":1"#),
        "{}",
        audit[0]
    );
    writer.close().unwrap();
}

fn day_of_audit(folder: &Path, day: &str) -> Vec<String> {
    let text = fs::read_to_string(folder.join(format!("logs/audit/{day}.jsonl"))).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn an_idle_day_is_closed_by_the_tick_and_never_written_again() {
    let folder = tempdir().unwrap();
    let clock = noon();
    let journal = journal(folder.path(), &clock);
    let writer = journal.writer::<TradeRecord>().unwrap();
    writer.append(&entry(0)).unwrap();
    clock.set(time("2025-10-27T00:00:01Z"));
    writer.tick();
    assert_eq!(writer.troubles(), [""; 0]);
    assert!(
        folder
            .path()
            .join("logs/trades/2025-10-26.jsonl.sha256")
            .exists()
    );
    // The clock steps back over midnight: the closed day stays closed.
    clock.set(time("2025-10-26T23:59:59Z"));
    assert_eq!(
        writer.append(&entry(1)).unwrap().day.to_string(),
        "2025-10-27"
    );
    writer.close().unwrap();
    assert_eq!(day(folder.path(), "2025-10-26").len(), 1);
}

/// Closing writes the audit record first and the seal second. When the power failed in between and
/// the clock then went back over midnight, lines were appended to a day whose record said otherwise.
#[test]
fn a_day_that_audit_calls_closed_takes_no_more_lines_though_its_seal_is_missing() {
    let folder = tempdir().unwrap();
    let clock = noon();
    let writer = journal(folder.path(), &clock)
        .writer::<TradeRecord>()
        .unwrap();
    writer.append(&entry(0)).unwrap();
    close_idle_day_without_seal(folder.path(), writer, &clock);
    clock.set(time("2025-10-26T23:59:59Z"));
    let writer = journal(folder.path(), &clock)
        .writer::<TradeRecord>()
        .unwrap();
    assert_eq!(
        writer.append(&entry(1)).unwrap().day.to_string(),
        "2025-10-27"
    );
    writer.tick();
    assert_eq!(writer.troubles(), [""; 0]);
    writer.close().unwrap();
    assert_eq!(day(folder.path(), "2025-10-26").len(), 1);
    assert_eq!(problems(folder.path()), [""; 0]);
}

/// A shared writer looks at the day's file and seal to see whether others were there; a day that an
/// exclusive one closed while it was idle shows in neither, when the seal did not come to be.
#[test]
fn a_shared_writer_with_a_slower_clock_leaves_a_day_alone_that_audit_calls_closed() {
    let folder = tempdir().unwrap();
    let slower = noon();
    let shared = journal(folder.path(), &slower);
    let options = WriterOptions::default().background(false).shared(true);
    let shared = shared.writer_with::<TradeRecord>(&options).unwrap();
    shared.append(&entry(0)).unwrap();
    let clock = noon();
    let writer = journal(folder.path(), &clock)
        .writer::<TradeRecord>()
        .unwrap();
    close_idle_day_without_seal(folder.path(), writer, &clock);
    for number in 1..3 {
        assert_eq!(
            shared.append(&entry(number)).unwrap().day.to_string(),
            "2025-10-27"
        );
    }
    shared.tick();
    assert_eq!(shared.troubles(), [""; 0]);
    shared.close().unwrap();
    assert_eq!(day(folder.path(), "2025-10-26").len(), 1);
    assert_eq!(problems(folder.path()), [""; 0]);
}

/// Lets `writer` close the day before the 27th, and takes the seal away.
fn close_idle_day_without_seal(folder: &Path, writer: Writer<TradeRecord>, clock: &ManualClock) {
    clock.set(time("2025-10-27T00:00:01Z"));
    writer.tick();
    assert_eq!(writer.troubles(), [""; 0]);
    writer.close().unwrap();
    fs::remove_file(folder.join("logs/trades/2025-10-26.jsonl.sha256")).unwrap();
}

/// What verification finds wrong in the trades and in `audit`.
fn problems(folder: &Path) -> Vec<String> {
    let mut problems = Vec::new();
    let journal = journal(folder, &noon());
    for stream in [Stream::Trades, Stream::Audit] {
        journal
            .verify(stream, Depth::Records, &mut |it| {
                problems.push(format!("{}: {}", it.path.display(), it.message));
            })
            .unwrap();
    }
    problems
}

#[test]
fn many_threads_share_syncs_and_every_record_is_there_once() {
    let folder = tempdir().unwrap();
    let journal = Journal::open(folder.path().join("logs")).unwrap();
    let writer = journal.writer::<TradeRecord>().unwrap();
    let receipts: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                let writer = writer.clone();
                scope.spawn(move || {
                    (0..50)
                        .map(|it| writer.append(&entry(thread * 50 + it)).unwrap())
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|it| it.join().unwrap())
            .collect()
    });
    let mut seqs: Vec<u64> = receipts.iter().map(|it| it.seq).collect();
    seqs.sort_unstable();
    assert_eq!(seqs, (0..400).collect::<Vec<_>>());
    writer.close().unwrap();
}

#[test]
fn a_batch_is_one_run_of_lines() {
    let folder = tempdir().unwrap();
    let journal = journal(folder.path(), &noon());
    let writer = journal.writer::<TradeRecord>().unwrap();
    let records: Vec<_> = (0..100).map(entry).collect();
    let receipts = writer.append_all(&records).unwrap();
    assert!(receipts.iter().map(|it| it.seq).eq(0..100));
    assert!(writer.append_all(&[]).unwrap().is_empty());
    writer.close().unwrap();
}

#[test]
fn submitted_records_are_acknowledged_by_wait_and_by_await() {
    let folder = tempdir().unwrap();
    let journal = journal(folder.path(), &noon());
    let writer = journal.writer::<TradeRecord>().unwrap();
    let acks: Vec<_> = (0..20)
        .map(|it| writer.submit(&entry(it)).unwrap())
        .collect();
    for (seq, ack) in (0..).zip(acks) {
        let receipt = if seq % 2 == 0 {
            ack.wait()
        } else {
            block_on(ack)
        };
        assert_eq!(receipt.unwrap().seq, seq);
    }
    // Dropping an Ack detaches; the record is written all the same.
    drop(writer.submit(&entry(20)).unwrap());
    writer.close().unwrap();
    assert_eq!(day(folder.path(), "2025-10-26").len(), 21);
}

fn block_on<F: std::future::Future>(future: F) -> F::Output {
    struct Unpark(thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(output) => return output,
            std::task::Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn an_interval_says_that_the_record_is_not_durable_yet() {
    let folder = tempdir().unwrap();
    let journal = journal(folder.path(), &noon());
    let interval = Durability::Interval(Duration::from_secs(1));
    let options = WriterOptions::default()
        .durability(interval)
        .background(false);
    let writer = journal.writer_with::<TradeRecord>(&options).unwrap();
    assert!(!writer.append(&entry(0)).unwrap().durable);
    assert_eq!((writer.lines(), writer.durable_lines()), (1, 0));
    writer.tick();
    assert_eq!((writer.lines(), writer.durable_lines()), (1, 1));
    writer.append(&entry(1)).unwrap();
    writer.sync().unwrap();
    assert_eq!(writer.durable_lines(), 2);
    writer.close().unwrap();
    let durs: Vec<u64> = day(folder.path(), "2025-10-26")
        .iter()
        .map(|it| Tail::parse(it).unwrap().dur)
        .collect();
    assert_eq!(durs, [0, 1]);
}

#[test]
fn a_second_writer_is_told_who_has_the_stream() {
    let folder = tempdir().unwrap();
    let journal = journal(folder.path(), &noon());
    let writer = journal.writer::<TradeRecord>().unwrap();
    let Err(OpenError::Locked { pid, .. }) = journal.writer::<TradeRecord>() else {
        panic!("a second writer was let in");
    };
    assert_eq!(pid, Some(std::process::id()));
    writer.close().unwrap();
    journal.writer::<TradeRecord>().unwrap().close().unwrap();
}

#[test]
fn shared_writers_take_turns() {
    let folder = tempdir().unwrap();
    let clock = noon();
    let (one, two) = (
        journal(folder.path(), &clock),
        journal(folder.path(), &clock),
    );
    let options = WriterOptions::default().shared(true).background(false);
    let one = one.writer_with::<TradeRecord>(&options).unwrap();
    let two = two.writer_with::<TradeRecord>(&options).unwrap();
    for round in 0..5 {
        assert_eq!(one.append(&entry(round)).unwrap().seq, 2 * round);
        assert_eq!(two.append(&entry(round)).unwrap().seq, 2 * round + 1);
    }
    clock.set(time("2025-10-27T08:00:00Z"));
    assert_eq!(one.append(&entry(10)).unwrap().seq, 10);
    // The other one's clock is behind, but the newest day is what counts.
    clock.set(time("2025-10-26T08:00:00Z"));
    assert_eq!(
        two.append(&entry(11)).unwrap().day.to_string(),
        "2025-10-27"
    );
    one.close().unwrap();
    two.close().unwrap();
}

#[test]
fn a_torn_tail_is_kept_and_told_before_it_is_cut() {
    let folder = tempdir().unwrap();
    let clock = noon();
    let writer = journal(folder.path(), &clock)
        .writer::<TradeRecord>()
        .unwrap();
    writer.append(&entry(0)).unwrap();
    writer.close().unwrap();
    let path = folder.path().join("logs/trades/2025-10-26.jsonl");
    let whole = fs::read(&path).unwrap();
    let torn = b"{\"timestamp\":\"2025-10-26T";
    fs::write(&path, [&whole[..], torn].concat()).unwrap();

    let writer = journal(folder.path(), &clock)
        .writer::<TradeRecord>()
        .unwrap();
    writer.append(&entry(1)).unwrap();
    writer.tick();
    assert_eq!(writer.troubles(), [""; 0]);
    writer.close().unwrap();
    let kept = folder
        .path()
        .join(format!("logs/trades/torn/2025-10-26.{}", whole.len()));
    assert_eq!(fs::read(kept).unwrap(), torn);
    assert!(day_of_audit(folder.path(), "2025-10-26")[0].contains(r#""kind":"recovered""#));
    assert_eq!(day(folder.path(), "2025-10-26").len(), 2);
}

#[test]
fn damage_to_a_promised_line_refuses_the_writer_and_changes_nothing() {
    let folder = tempdir().unwrap();
    let clock = noon();
    let writer = journal(folder.path(), &clock)
        .writer::<TradeRecord>()
        .unwrap();
    writer
        .append_all(&(0..3).map(entry).collect::<Vec<_>>())
        .unwrap();
    writer.append(&entry(3)).unwrap();
    writer.close().unwrap();
    fs::remove_file(folder.path().join("logs/trades/HEAD")).unwrap();
    let path = folder.path().join("logs/trades/2025-10-26.jsonl");
    let mut bytes = fs::read(&path).unwrap();
    bytes[20] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let Err(error) = journal(folder.path(), &clock).writer::<TradeRecord>() else {
        panic!("damage was let pass");
    };
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        cause.ends_with("2025-10-26.jsonl line 1 (byte 0) is damaged"),
        "{cause}"
    );
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn personal_data_is_refused_unless_allowed() {
    let folder = tempdir().unwrap();
    let journal = journal(folder.path(), &noon());
    let writer = journal.writer::<TradeRecord>().unwrap();
    let mut parts = entry(0).into_parts();
    parts.decision_reasoning = "as jane@example.com said".parse().unwrap();
    let record = TradeRecord::new(parts).unwrap();
    let error = writer.append(&record).unwrap_err();
    assert!(matches!(error, AppendError::Refused { .. }));
    assert!(error.nothing_written());
    assert_eq!(writer.lines(), 0);
}

#[test]
fn a_removed_day_and_a_replaced_lock_end_the_writer_before_it_writes() {
    for pulled in ["2025-10-26.jsonl", "LOCK"] {
        let folder = tempdir().unwrap();
        let journal = journal(folder.path(), &noon());
        let writer = journal.writer::<TradeRecord>().unwrap();
        writer.append(&entry(0)).unwrap();
        let path = folder.path().join("logs/trades").join(pulled);
        fs::rename(&path, folder.path().join("elsewhere")).unwrap();
        fs::write(&path, b"").unwrap();
        let error = writer.append(&entry(1)).unwrap_err();
        assert!(matches!(error, AppendError::Ended { .. }), "{error:?}");
        assert!(matches!(
            writer.append(&entry(2)),
            Err(AppendError::Ended { .. })
        ));
    }
}

#[test]
fn sessions_are_shared_by_nature() {
    let folder = tempdir().unwrap();
    let journal = journal(folder.path(), &noon());
    let one = journal.writer::<SessionRecord>().unwrap();
    let two = journal.writer::<SessionRecord>().unwrap();
    one.close().unwrap();
    two.close().unwrap();
}
