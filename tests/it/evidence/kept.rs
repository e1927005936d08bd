//! What is signed and proved wherever the lines come from and however many are left.

use super::*;

use tradejournal::evidence::Tree;
use tradejournal::evidence::tree;
use tradejournal::journal::CompactRange;
use tradejournal::record::{
    AuditEvent, AuditKind, Deleted, DeletedParts, Digest, Record as _, RiskEvent,
};
use tradejournal::time::Day;

impl Signed {
    fn verify_stream(&self, stream: Stream) -> EvidenceVerified {
        let trust = Trust {
            keys: vec![self.key()],
            outside: Vec::new(),
        };
        let mut report = |it| panic!("{it:?}");
        evidence::verify(&self.journal(), stream, &trust, &mut report).unwrap()
    }
}

#[test]
fn what_the_journal_says_of_itself_is_signed_too() {
    let signed = Signed::new();
    signed.write(&[3, 2, 4]);
    let verified = signed.verify_stream(Stream::Audit);
    // Two days were closed.
    assert!(2 <= verified.lines, "{verified:?}");
    assert_eq!(verified.signed_lines, verified.lines);
    let journal = signed.journal();
    let mut prover = Prover::open(&journal, Stream::Audit, &signed.cache()).unwrap();
    let text = prover.lines(&[0, 1], Stand::Newest).unwrap().to_string();
    let proved = Proof::parse(&text).unwrap().check(&signed.key()).unwrap();
    let is_closing = |it: &(u64, String)| it.1.contains("\"day_closed\"");
    assert!(proved.lines.iter().any(is_closing));
}

fn risk_event() -> RiskEvent {
    let lines = include_str!("../../fixtures/v1/risk-management.jsonl");
    RiskEvent::decode(lines.lines().next().unwrap().as_bytes()).unwrap()
}

/// As many processes as there are threads: each has a journal, a notary and a lock of its own.
#[test]
fn several_may_write_and_sign_one_stream_at_once() {
    const EACH: u64 = 40;
    let signed = Signed::new();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let keys = KeyFolder::new(Arc::new(RealDisk), signed.folder.path().join("keys"));
                let notary = Arc::new(Notary::new(keys).every(Duration::ZERO));
                let journal = Options::new(signed.logs())
                    .name(NAME)
                    .clock(Arc::clone(&signed.clock) as _)
                    .writer(WriterOptions::default().background(false))
                    .observer(notary.clone())
                    .open()
                    .unwrap();
                let writer = journal.writer::<RiskEvent>().unwrap();
                for _ in 0..EACH {
                    writer.append(&risk_event()).unwrap();
                    writer.tick();
                }
                writer.close().unwrap();
                assert_eq!(notary.troubles(), [""; 0]);
            });
        }
    });
    let verified = signed.verify_stream(Stream::RiskManagement);
    assert_eq!(verified.lines, 3 * EACH);
    assert_eq!(verified.signed_lines, 3 * EACH);
    assert!(2 * EACH <= verified.checkpoints, "{verified:?}");
}

/// One checkpoint of too many lines kept the ticks of all who share a stream from signing.
#[test]
fn a_log_that_tells_of_too_many_lines_keeps_no_tick_of_a_shared_stream_from_signing() {
    let signed = Signed::new();
    let journal = signed.journal();
    let writer = journal.writer::<RiskEvent>().unwrap();
    writer.append(&risk_event()).unwrap();
    let too_many = (500, Digest::from_bytes([9; 32]));
    signed
        .notary
        .sign(&journal, Stream::RiskManagement, too_many)
        .unwrap();
    signed.clock.advance(Duration::from_secs(60));
    writer.append(&risk_event()).unwrap();
    writer.tick();
    let log = CheckpointLog::of(&journal, Stream::RiskManagement);
    assert_eq!(log.last().unwrap().unwrap().checkpoint().size, 2);
}

#[test]
fn every_line_is_proved_at_every_size_up_to_260_out_of_the_cache() {
    let signed = Signed::new();
    // The first block of the cache ends in the second day.
    signed.write(&[200, 60]);
    let journal = signed.journal();
    let leaves: Vec<Digest> = journal
        .lines(Stream::Trades)
        .into_iter()
        .map(|it| it.unwrap().tail().unwrap().hash)
        .collect();
    // Once as it is made, and once as it is found.
    for _ in 0..2 {
        let mut tree = Tree::open(&journal, NAME, Stream::Trades, &signed.cache()).unwrap();
        assert_eq!(tree.size(), 260);
        let mut range = CompactRange::new();
        for (size, leaf) in (1..).zip(&leaves) {
            range.push(*leaf);
            let root = range.root();
            assert_eq!(tree::root(&mut tree, size).unwrap(), root);
            for (index, leaf) in (0..size).zip(&leaves) {
                let path = tree::inclusion(&mut tree, index, size).unwrap();
                let found = tree::root_from_inclusion(leaf, index, size, &path);
                assert_eq!(found, Some(root), "{index} of {size}");
            }
        }
    }
}

/// Deletes the oldest day as a retention would, and says so in `audit`.
fn delete(signed: &Signed, day: &str) {
    let day: Day = day.parse().unwrap();
    let journal = signed.journal();
    let path = journal.layout().day(Stream::Trades, day);
    let bytes = fs::read(&path).unwrap();
    let last = bytes.trim_ascii_end().rsplit(|it| *it == b'\n').next();
    let last = tradejournal::journal::line::Tail::parse(&[last.unwrap(), b"\n"].concat()).unwrap();
    let parts = DeletedParts {
        stream: Stream::Trades,
        day,
        file: path.file_name().unwrap().to_str().unwrap().parse().unwrap(),
        lines: bytes.iter().filter(|it| **it == b'\n').count() as u64,
        last_seq: last.seq,
        last_hash: last.hash,
        sha256: {
            use sha2::Digest as _;
            Digest::from_bytes(sha2::Sha256::digest(&bytes).into())
        },
        reason: "older than is kept".parse().unwrap(),
    };
    let kind: AuditKind = Deleted::new(parts).unwrap().into();
    let audit = journal.writer::<AuditEvent>().unwrap();
    let event = AuditEvent::new(signed.clock.now(), kind);
    audit.append(&event).unwrap();
    audit.close().unwrap();
    fs::remove_file(journal.layout().seal(Stream::Trades, day)).unwrap();
    fs::remove_file(path).unwrap();
}

#[test]
fn what_is_left_is_proved_and_verified_when_the_oldest_days_are_deleted() {
    let signed = Signed::new();
    // In blocks of 256: the days end in the middle of blocks, and one is shorter than a block.
    signed.write(&[300, 50, 700, 30]);
    let old = signed.checkpoints();
    let journal = signed.journal();
    // A cache from before, which may go on being used.
    drop(Prover::open(&journal, Stream::Trades, &signed.cache()).unwrap());
    let mut deleted = 0;
    for (day, count) in [("2025-10-26", 300), ("2025-10-27", 50), ("2025-10-28", 700)] {
        delete(&signed, day);
        deleted += count;
        let verified = signed.verify_stream(Stream::Trades);
        assert_eq!((verified.lines, verified.signed_lines), (1080, 1080));
        let bytes = journal.verify(Stream::Trades, Depth::Records, &mut |it| panic!("{it:?}"));
        assert_eq!(bytes.unwrap().problems, 0);
        for cache in [
            signed.cache(),
            signed.folder.path().join(format!("new-{deleted}")),
        ] {
            let mut prover = Prover::open(&journal, Stream::Trades, &cache).unwrap();
            assert_eq!(prover.tree().size(), 1080);
            for seq in (deleted..1080).filter(|it| it % 37 == 0 || *it == deleted) {
                let text = prover.lines(&[seq], Stand::Newest).unwrap().to_string();
                let proved = Proof::parse(&text).unwrap().check(&signed.key()).unwrap();
                assert_eq!((proved.lines[0].0, proved.size), (seq, 1080));
            }
            let gone = prover.lines(&[deleted - 1], Stand::Newest).unwrap_err();
            let gone = crate::power::chain_of(&gone);
            assert!(
                gone.contains(&format!("line {} of trades is not", deleted - 1)),
                "{gone}"
            );
            // Each checkpoint from the end of what was deleted on is the beginning of the newest.
            for older in old.iter().filter(|it| deleted <= it.checkpoint().size) {
                let proof = prover.consistency(older).unwrap();
                let proved = proof.check(&signed.key()).unwrap();
                assert_eq!(proved.older.unwrap().0, older.checkpoint().size);
            }
        }
    }
}
