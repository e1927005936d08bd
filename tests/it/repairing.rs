//! Repair does what is safe, explains damage, and goes on behind it when somebody accepts it.

use std::{fs, os::unix::fs::FileExt, path::Path};

use crate::sample::{entry, journal, noon, time};
use tempfile::{TempDir, tempdir};
use tradejournal::bot::{Session, Settings};
use tradejournal::journal::{Depth, Finding, FindingKind, OpenError};
use tradejournal::record::{AuditEvent, Record, SessionRecord, Stream, TradeRecord};

const DAY: &str = "logs/trades/2025-10-26.jsonl";

/// Five trades, cleanly closed.
fn five_trades() -> TempDir {
    let folder = tempdir().unwrap();
    let writer = journal(folder.path(), &noon())
        .writer::<TradeRecord>()
        .unwrap();
    for number in 0..5 {
        writer.append(&entry(number)).unwrap();
    }
    writer.close().unwrap();
    folder
}

fn flip(path: &Path, at: u64) {
    let file = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
}

fn line_start(path: &Path, line: usize) -> u64 {
    let bytes = fs::read(path).unwrap();
    bytes
        .split_inclusive(|it| *it == b'\n')
        .take(line)
        .map(|it| it.len() as u64)
        .sum()
}

fn findings(folder: &Path, stream: Stream) -> Vec<Finding> {
    let mut findings = Vec::new();
    journal(folder, &noon())
        .verify(stream, Depth::Records, &mut |it| findings.push(it))
        .unwrap();
    findings
}

fn appends(folder: &Path) -> u64 {
    let writer = journal(folder, &noon()).writer::<TradeRecord>().unwrap();
    let seq = writer.append(&entry(100)).unwrap().seq;
    writer.close().unwrap();
    seq
}

#[test]
fn a_whole_stream_needs_nothing() {
    let folder = five_trades();
    let repaired = journal(folder.path(), &noon())
        .repair(Stream::Trades, None)
        .unwrap();
    assert!(repaired.places.is_empty() && repaired.torn.is_empty());
    assert_eq!(appends(folder.path()), 5);
}

#[test]
fn a_torn_tail_is_moved_into_torn() {
    let folder = five_trades();
    let path = folder.path().join(DAY);
    let mut bytes = fs::read(&path).unwrap();
    let whole = bytes.len();
    bytes.extend_from_slice(b"{\"timestamp\"");
    fs::write(&path, bytes).unwrap();
    let repaired = journal(folder.path(), &noon())
        .repair(Stream::Trades, None)
        .unwrap();
    assert_eq!(repaired.torn.len(), 1);
    assert_eq!(fs::read(&repaired.torn[0]).unwrap(), b"{\"timestamp\"");
    assert_eq!(fs::read(&path).unwrap().len(), whole);
    assert_eq!(findings(folder.path(), Stream::Trades), []);
}

#[test]
fn damage_is_explained_and_changed_by_nobody() {
    let folder = five_trades();
    let path = folder.path().join(DAY);
    flip(&path, line_start(&path, 2) + 30);
    fs::remove_file(folder.path().join("logs/trades/HEAD")).unwrap();
    let before = fs::read(&path).unwrap();
    let repaired = journal(folder.path(), &noon())
        .repair(Stream::Trades, None)
        .unwrap();
    assert!(!repaired.accepted);
    let place = &repaired.places[0];
    assert_eq!((place.line, place.seq, place.next_seq), (3, 2, 3));
    assert_eq!(fs::read(&path).unwrap(), before);
    let refused = journal(folder.path(), &noon()).writer::<TradeRecord>();
    assert!(matches!(refused, Err(OpenError::Recover { .. })));
}

#[test]
fn accepted_damage_is_told_and_the_journal_goes_on_around_it() {
    for keep_head in [true, false] {
        let folder = five_trades();
        let path = folder.path().join(DAY);
        flip(&path, line_start(&path, 2) + 30);
        if !keep_head {
            fs::remove_file(folder.path().join("logs/trades/HEAD")).unwrap();
        }
        let journal = journal(folder.path(), &noon());
        let repaired = journal
            .repair(Stream::Trades, Some("disk replaced"))
            .unwrap();
        assert!(repaired.accepted);
        assert_eq!(appends(folder.path()), 5);
        let found = findings(folder.path(), Stream::Trades);
        assert!(
            found
                .iter()
                .all(|it| it.kind == FindingKind::AcceptedDamage),
            "{found:?}"
        );
        assert_eq!(found.len(), 1);
        // The bytes are as they were found.
        let again = journal.repair(Stream::Trades, None).unwrap();
        assert!(again.places.is_empty());
        // The day can be closed over it.
        let clock = noon();
        clock.set(time("2025-10-27T09:00:00Z"));
        let writer = crate::sample::journal(folder.path(), &clock)
            .writer::<TradeRecord>()
            .unwrap();
        writer.append(&entry(200)).unwrap();
        writer.tick();
        assert_eq!(writer.troubles(), [""; 0]);
        writer.close().unwrap();
        assert!(
            folder
                .path()
                .join("logs/trades/2025-10-26.jsonl.sha256")
                .exists()
        );
    }
}

#[test]
fn a_cut_tail_is_accepted_without_giving_its_numbers_away_again() {
    let folder = five_trades();
    let path = folder.path().join(DAY);
    let keep = line_start(&path, 3);
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(keep)
        .unwrap();
    let refused = journal(folder.path(), &noon()).writer::<TradeRecord>();
    assert!(matches!(refused, Err(OpenError::Recover { .. })));
    let repaired = journal(folder.path(), &noon())
        .repair(Stream::Trades, Some("restored too early"))
        .unwrap();
    assert_eq!(
        (repaired.places[0].seq, repaired.places[0].next_seq),
        (3, 5)
    );
    assert_eq!(appends(folder.path()), 5);
    let found = findings(folder.path(), Stream::Trades);
    assert!(
        found
            .iter()
            .all(|it| it.kind == FindingKind::AcceptedDamage),
        "{found:?}"
    );
}

#[test]
fn a_half_line_that_was_promised_is_accepted_as_the_end() {
    let folder = five_trades();
    let path = folder.path().join(DAY);
    let keep = line_start(&path, 4) + 40;
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(keep)
        .unwrap();
    let repaired = journal(folder.path(), &noon())
        .repair(Stream::Trades, Some("torn by hand"))
        .unwrap();
    assert_eq!(
        (repaired.places[0].seq, repaired.places[0].next_seq),
        (4, 5)
    );
    assert_eq!(fs::metadata(&path).unwrap().len(), keep);
    let writer = journal(folder.path(), &noon()).writer::<TradeRecord>();
    assert!(writer.is_ok(), "{:?}", writer.err());
}

#[test]
fn damage_in_the_audit_stream_stops_no_trade_and_can_be_accepted() {
    let folder = tempdir().unwrap();
    let clock = noon();
    let writer = journal(folder.path(), &clock)
        .writer::<TradeRecord>()
        .unwrap();
    writer.append(&entry(0)).unwrap();
    for day in ["27", "28", "29"] {
        clock.set(time(&format!("2025-10-{day}T00:00:01Z")));
        writer.append(&entry(1)).unwrap();
        writer.tick();
    }
    writer.close().unwrap();
    let path = folder.path().join("logs/audit/2025-10-29.jsonl");
    flip(&path, 40);
    fs::remove_file(folder.path().join("logs/audit/HEAD")).unwrap();
    // A later line says that the first one was on disk, so this is damage.
    let audit = journal(folder.path(), &clock).writer::<AuditEvent>();
    if audit.is_err() {
        let writer = journal(folder.path(), &clock)
            .writer::<TradeRecord>()
            .unwrap();
        clock.set(time("2025-10-30T00:00:01Z"));
        writer.append(&entry(2)).unwrap();
        writer.tick();
        assert!(!writer.troubles().is_empty());
        writer.close().unwrap();
        let repaired = journal(folder.path(), &clock)
            .repair(Stream::Audit, Some("bit rot"))
            .unwrap();
        assert!(repaired.accepted);
    }
    journal(folder.path(), &clock)
        .writer::<AuditEvent>()
        .unwrap()
        .close()
        .unwrap();
}

#[test]
fn a_session_is_in_the_journal_before_its_stamp_is_used() {
    let folder = tempdir().unwrap();
    let journal = journal(folder.path(), &noon());
    let mut settings = Settings::new("1.2.3".parse().unwrap());
    settings.max_consecutive_losses = Some(3);
    settings.configuration = Some("{\"market\":\"us\"}".parse().unwrap());
    let session = Session::start(&journal, settings.clone()).unwrap();
    let text = fs::read_to_string(folder.path().join("logs/sessions/2025-10-26.jsonl")).unwrap();
    let record = SessionRecord::decode(text.as_bytes()).unwrap();
    assert_eq!(record, *session.record());
    assert_eq!(record.stamp(), session.stamp());
    // The same settings have the same hash, in a run of another id.
    let again = Session::start(&journal, settings).unwrap();
    assert_eq!(again.stamp().config_hash, session.stamp().config_hash);
    assert_ne!(again.stamp().session_id, session.stamp().session_id);
}
