//! `verify` names whatever was done to a journal, and says nothing of one that is whole.

use std::{
    fs,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use crate::sample::{archive, entry, journal, noon, time};
use tempfile::{TempDir, tempdir};
use tradejournal::journal::{Depth, Finding, FindingKind};
use tradejournal::record::{Stream, TradeRecord};

fn three_days() -> TempDir {
    let folder = tempdir().unwrap();
    crate::sample::three_days(folder.path());
    folder
}

fn findings(folder: &Path, depth: Depth) -> Vec<Finding> {
    let mut findings = Vec::new();
    let journal = journal(folder, &noon());
    let verified = journal
        .verify(Stream::Trades, depth, &mut |it| findings.push(it))
        .unwrap();
    assert_eq!(
        verified.problems,
        findings.iter().filter(|it| !it.kind.is_note()).count() as u64
    );
    findings
}

fn day(folder: &Path, day: u32) -> PathBuf {
    folder.join(format!("logs/trades/2025-10-{day}.jsonl"))
}

/// Replaces the lines of a day by what `change` makes of them.
fn change(path: &Path, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
    let bytes = fs::read(path).unwrap();
    let mut lines: Vec<Vec<u8>> = bytes
        .split_inclusive(|it| *it == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    change(&mut lines);
    fs::write(path, lines.concat()).unwrap();
}

fn kinds(findings: &[Finding]) -> Vec<FindingKind> {
    findings.iter().map(|it| it.kind).collect()
}

#[test]
fn a_whole_journal_has_no_findings() {
    let folder = three_days();
    assert_eq!(findings(folder.path(), Depth::Chain), []);
    assert_eq!(findings(folder.path(), Depth::Records), []);
    let journal = journal(folder.path(), &noon());
    for stream in Stream::ALL {
        journal
            .verify(stream, Depth::Records, &mut |it| panic!("{it:?}"))
            .unwrap();
    }
}

#[test]
fn every_flipped_bit_of_a_closed_journal_is_named() {
    let folder = tempdir().unwrap();
    let clock = noon();
    let writer = journal(folder.path(), &clock)
        .writer::<TradeRecord>()
        .unwrap();
    writer.append(&entry(0)).unwrap();
    clock.set(time("2025-10-27T09:00:00Z"));
    writer.append_all(&[entry(1), entry(2)]).unwrap();
    writer.tick();
    writer.close().unwrap();

    let trades = folder.path().join("logs/trades");
    for name in [
        "2025-10-26.jsonl",
        "2025-10-26.jsonl.sha256",
        "2025-10-27.jsonl",
        "HEAD",
    ] {
        let path = trades.join(name);
        let whole = fs::read(&path).unwrap();
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        for (at, byte) in whole.iter().enumerate() {
            for bit in 0..8 {
                file.write_all_at(&[byte ^ 1 << bit], at as u64).unwrap();
                let found = findings(folder.path(), Depth::Chain);
                assert!(
                    !found.is_empty(),
                    "{name} byte {at} bit {bit} of {:?}",
                    *byte as char
                );
            }
            file.write_all_at(&[*byte], at as u64).unwrap();
        }
    }
    assert_eq!(findings(folder.path(), Depth::Chain), []);
}

#[test]
fn a_flipped_bit_is_one_finding_with_file_line_and_byte() {
    let folder = three_days();
    let path = day(folder.path(), 28);
    let whole = fs::read(&path).unwrap();
    let second = whole.iter().position(|it| *it == b'\n').unwrap() + 1;
    let mut flipped = whole.clone();
    flipped[second + 30] ^= 4;
    fs::write(&path, flipped).unwrap();
    let found = findings(folder.path(), Depth::Chain);
    assert_eq!(kinds(&found), [FindingKind::DamagedLine]);
    assert_eq!(found[0].path, path);
    assert_eq!(
        (found[0].line, found[0].byte, found[0].seq),
        (Some(2), Some(second as u64), Some(6))
    );
}

#[test]
fn lines_taken_out_put_in_doubled_and_swapped_are_each_named_once() {
    type Change = fn(&mut Vec<Vec<u8>>);
    let changes: [(&str, Change, u64); 5] = [
        ("deleted", |lines| drop(lines.remove(0)), 1),
        ("doubled", |lines| lines.insert(1, lines[0].clone()), 2),
        (
            "inserted",
            |lines| lines.insert(2, b"{\"made\":\"up\"}\n".to_vec()),
            3,
        ),
        ("swapped", |lines| lines.swap(0, 1), 1),
        (
            "glued",
            |lines| {
                lines[0].pop();
            },
            1,
        ),
    ];
    for (name, edit, line) in changes {
        let folder = three_days();
        change(&day(folder.path(), 28), edit);
        let found = findings(folder.path(), Depth::Chain);
        let places: Vec<_> = found
            .iter()
            .filter(|it| matches!(it.kind, FindingKind::DamagedLine | FindingKind::Unchained))
            .collect();
        assert!(!places.is_empty(), "{name}: {found:?}");
        assert_eq!(places[0].line, Some(line), "{name}: {found:?}");
    }
}

#[test]
fn a_line_of_another_journal_does_not_fit() {
    let folder = three_days();
    let other = tempdir().unwrap();
    let options = tradejournal::journal::Options::new(other.path().join("logs"));
    let writer = options
        .name("other")
        .clock(noon())
        .open()
        .unwrap()
        .writer::<TradeRecord>()
        .unwrap();
    for number in 0..7 {
        writer.append(&entry(number)).unwrap();
    }
    writer.close().unwrap();
    let alien = fs::read(other.path().join("logs/trades/2025-10-26.jsonl")).unwrap();
    let alien = alien
        .split_inclusive(|it| *it == b'\n')
        .nth(6)
        .unwrap()
        .to_vec();
    change(&day(folder.path(), 28), |lines| lines[1] = alien);
    let found = findings(folder.path(), Depth::Chain);
    assert_eq!(found[0].kind, FindingKind::DamagedLine, "{found:?}");
    assert_eq!(found[0].line, Some(2));
}

#[test]
fn a_cut_tail_is_seen_against_head() {
    let folder = three_days();
    change(&day(folder.path(), 28), |lines| drop(lines.pop()));
    let found = findings(folder.path(), Depth::Chain);
    assert_eq!(kinds(&found), [FindingKind::Head]);
    // And half a line less is damage, since HEAD promised the line.
    let folder = three_days();
    change(&day(folder.path(), 28), |lines| lines[2].truncate(40));
    let found = findings(folder.path(), Depth::Chain);
    assert_eq!(kinds(&found), [FindingKind::DamagedLine]);
}

#[test]
fn a_missing_day_is_named() {
    let folder = three_days();
    fs::remove_file(day(folder.path(), 27)).unwrap();
    let found = findings(folder.path(), Depth::Chain);
    assert_eq!(kinds(&found), [FindingKind::MissingDay]);
    assert_eq!(found[0].seq, Some(3));
    let folder = three_days();
    fs::remove_file(day(folder.path(), 28)).unwrap();
    assert_eq!(
        kinds(&findings(folder.path(), Depth::Chain)),
        [FindingKind::Head]
    );
    let folder = three_days();
    fs::remove_file(day(folder.path(), 26)).unwrap();
    assert_eq!(
        kinds(&findings(folder.path(), Depth::Chain)),
        [FindingKind::MissingDay]
    );
}

#[test]
fn a_missing_seal_is_named_and_made_anew() {
    let folder = three_days();
    let seals = [26, 27].map(|it| day(folder.path(), it).with_extension("jsonl.sha256"));
    for seal in &seals {
        fs::remove_file(seal).unwrap();
    }
    let found = findings(folder.path(), Depth::Chain);
    assert_eq!(kinds(&found), [FindingKind::Seal; 2]);
    assert_eq!([&found[0].path, &found[1].path], [&seals[0], &seals[1]]);
    let clock = noon();
    clock.set(time("2025-10-28T09:00:00Z"));
    let writer = journal(folder.path(), &clock)
        .writer::<TradeRecord>()
        .unwrap();
    // The day that was closed last may be on its way to its seal.
    let found = findings(folder.path(), Depth::Chain);
    assert_eq!(kinds(&found), [FindingKind::Seal]);
    assert_eq!(found[0].path, seals[0]);
    writer.tick();
    writer.close().unwrap();
    assert_eq!(findings(folder.path(), Depth::Chain), []);
}

#[test]
fn both_lines_of_an_archived_days_seal_are_checked() {
    let folder = three_days();
    let (path, seal) = archive(folder.path(), "trades", "2025-10-26");
    assert_eq!(findings(folder.path(), Depth::Records), []);
    let whole = fs::read_to_string(&seal).unwrap();
    // The time in the head of a gzip file is no part of what it holds.
    let mut packed = fs::read(&path).unwrap();
    packed[4] ^= 1;
    fs::write(&path, &packed).unwrap();
    let found = findings(folder.path(), Depth::Chain);
    assert_eq!(kinds(&found), [FindingKind::Seal]);
    assert_eq!(found[0].path, seal);
    assert!(
        found[0]
            .message
            .starts_with("of 2025-10-26.jsonl.gz, says "),
        "{}",
        found[0].message
    );
    packed[4] ^= 1;
    fs::write(&path, &packed).unwrap();
    for wrong in [
        "x".to_owned() + &whole[1..],
        whole.replace("  2025-10-26.jsonl.gz", "0  2025-10-26.jsonl.gz"),
    ] {
        fs::write(&seal, wrong).unwrap();
        let found = findings(folder.path(), Depth::Chain);
        assert_eq!(kinds(&found), [FindingKind::Seal], "{found:?}");
    }
    // A line for the archive itself is no must, and neither is the seal.
    let first = whole.lines().next().unwrap();
    fs::write(&seal, format!("{first}\n")).unwrap();
    assert_eq!(findings(folder.path(), Depth::Chain), []);
}

#[test]
fn a_torn_tail_is_told_apart_from_damage() {
    let folder = three_days();
    let path = day(folder.path(), 28);
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend_from_slice(b"{\"timestamp\":\"2025");
    fs::write(&path, &bytes).unwrap();
    assert_eq!(
        kinds(&findings(folder.path(), Depth::Chain)),
        [FindingKind::TornTail]
    );
}

#[test]
fn a_repeated_order_and_an_invalid_record_are_found_by_the_full_look_alone() {
    let folder = tempdir().unwrap();
    let journal = journal(folder.path(), &noon());
    let writer = journal.writer::<TradeRecord>().unwrap();
    for number in [1, 2, 1] {
        writer.append(&entry(number)).unwrap();
    }
    writer.close().unwrap();
    assert_eq!(findings(folder.path(), Depth::Chain), []);
    let found = findings(folder.path(), Depth::Records);
    assert_eq!(kinds(&found), [FindingKind::RepeatedOrderId]);
    assert_eq!((found[0].line, found[0].seq), (Some(3), Some(2)));
}

#[test]
fn progress_goes_to_the_end_of_all_files_and_never_back() {
    let folder = three_days();
    archive(folder.path(), "trades", "2025-10-26");
    for damaged in [false, true] {
        if damaged {
            change(&day(folder.path(), 27), |lines| drop(lines.remove(0)));
        }
        let journal = journal(folder.path(), &noon());
        let told = std::sync::Mutex::new(Vec::new());
        journal
            .verify_with_progress(Stream::Trades, Depth::Records, &mut |_| {}, &|it| {
                told.lock().unwrap().push((it.bytes, it.bytes_total));
            })
            .unwrap();
        let files = [
            folder
                .path()
                .join("archive/trades/2025/2025-10-26.jsonl.gz"),
            day(folder.path(), 27),
            day(folder.path(), 28),
        ];
        let lens = files.map(|it| fs::metadata(it).unwrap().len());
        let total = lens.iter().sum();
        let told = told.into_inner().unwrap();
        assert!(
            told.is_sorted() && told.iter().all(|it| it.1 == total),
            "{told:?}"
        );
        assert!(
            told.contains(&(lens[0], total)) && told.contains(&(total, total)),
            "{told:?}"
        );
    }
}
