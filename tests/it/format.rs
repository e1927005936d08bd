//! What `docs/FORMAT.md` shows is what the library writes and checks.

use sha2::{Digest as _, Sha256};
use tempfile::tempdir;

use tradejournal::disk::{Disk as _, RealDisk};
use tradejournal::journal::line::{self, Tail};
use tradejournal::journal::{CompactRange, Depth, Options};
use tradejournal::record::{AuditEvent, Digest, Record as _, Stream};

const DOCUMENT: &str = include_str!("../../docs/FORMAT.md");

/// The lines of the document that begin so, each with its newline.
fn lines(beginning: &str) -> Vec<String> {
    let wanted = DOCUMENT.lines().filter(|it| it.starts_with(beginning));
    wanted.map(|it| format!("{it}\n")).collect()
}

#[test]
fn the_example_lines_are_a_chain() {
    let example = lines("{\"timestamp\":");
    assert_eq!(example.len(), 2);
    let mut previous = line::genesis("example", Stream::Audit);
    assert!(DOCUMENT.contains(&format!("\n{previous}  -\n")));
    let mut range = CompactRange::new();
    for (seq, text) in (0..).zip(&example) {
        let tail = Tail::parse(text.as_bytes()).unwrap();
        assert_eq!((tail.seq, tail.dur), (seq, seq));
        assert!(tail.checks(text.as_bytes(), &previous));
        // As the document describes it, without the library.
        let with_previous = text.replace(&tail.hash.to_string(), &previous.to_string());
        let hash = Sha256::digest([b"\0", with_previous.as_bytes()].concat());
        assert_eq!(tail.hash, Digest::from_bytes(hash.into()));
        assert!(DOCUMENT.contains(&format!(
            "echo '{}'; }} | sha256sum",
            with_previous.trim_end()
        )));
        assert!(DOCUMENT.contains(&format!("\n{}  -\n", tail.hash)));
        // The record writes the same bytes again.
        let mut record = Vec::new();
        AuditEvent::decode(text.as_bytes())
            .unwrap()
            .encode(&mut record);
        assert_eq!(record.pop(), Some(b'}'));
        assert_eq!(record, &text.as_bytes()[..tail.record_len]);
        range.push(tail.hash);
        previous = tail.hash;
    }
    assert_eq!(Tail::parse(example[0].as_bytes()).unwrap().record_len, 102);
    assert_eq!(example[0].len(), 194);

    let head = lines("{\"lines\":");
    let offset: usize = example.iter().map(String::len).sum();
    let peak = range.root();
    let wanted = format!(
        "{{\"lines\":2,\"hash\":\"{previous}\",\"day\":\"2025-10-26\",\"offset\":{offset},\"range\":[\"{peak}\"]}}\n"
    );
    assert_eq!(head, [wanted]);
}

#[test]
fn the_example_is_a_journal() {
    let folder = tempdir().unwrap();
    let logs = folder.path().join("logs");
    let put = |path: &str, text: &str| {
        let path = logs.join(path);
        RealDisk.create_folder(path.parent().unwrap()).unwrap();
        tradejournal::disk::replace(&RealDisk, &path, text.as_bytes()).unwrap();
    };
    put(
        "JOURNAL",
        "{\"format\":1,\"name\":\"example\",\"epoch\":0}\n",
    );
    put("audit/2025-10-26.jsonl", &lines("{\"timestamp\":").concat());
    put("audit/HEAD", &lines("{\"lines\":").concat());
    let journal = Options::new(&logs).open().unwrap();
    let mut found = Vec::new();
    let verified = journal
        .verify(Stream::Audit, Depth::Records, &mut |it| found.push(it))
        .unwrap();
    assert!(found.is_empty(), "{found:?}");
    assert_eq!((verified.days, verified.lines, verified.bytes), (1, 2, 432));
}

/// Every field of every record stands in the document.
#[test]
fn the_document_names_every_field() {
    use tradejournal::record::{
        CallRecord, DecisionRecord, ErrorRecord, FillRecord, PerformanceMetric, RiskEvent,
        SessionRecord, TradeRecord,
    };
    for fields in [
        TradeRecord::FIELDS,
        PerformanceMetric::FIELDS,
        RiskEvent::FIELDS,
        SessionRecord::FIELDS,
        FillRecord::FIELDS,
        DecisionRecord::FIELDS,
        ErrorRecord::FIELDS,
        CallRecord::FIELDS,
        AuditEvent::FIELDS,
    ] {
        for field in fields {
            assert!(DOCUMENT.contains(&format!("`{field}`")), "{field}");
        }
    }
}
