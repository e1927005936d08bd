//! What is signed and proved when lines were lost: damage that somebody accepted, since no copy of the day
//! was left.

use super::*;

use tradejournal::evidence::{ProveError, TreeError, promised_range};

/// Makes a line one that nobody can read, its hash included.
fn lose(signed: &Signed, day: &str, line: usize) {
    let path = signed.logs().join(format!("trades/{day}.jsonl"));
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<String> = text
        .lines()
        .enumerate()
        .map(|(at, text)| match at == line {
            true => "?".repeat(text.len()) + "\n",
            false => format!("{text}\n"),
        })
        .collect();
    fs::write(&path, lines.concat()).unwrap();
}

/// A line that was lost ended proofs and checkpoints of its stream for ever.
#[test]
fn what_stands_behind_a_lost_line_is_signed_verified_and_proved() {
    let signed = Signed::new();
    signed.write(&[300, 5, 4]);
    let days: Vec<String> = days_of(&signed);
    lose(&signed, &days[0], 100);
    let journal = signed.journal();
    let repaired = journal.repair(Stream::Trades, Some("the disk failed, no backup"));
    assert!(repaired.unwrap().accepted);
    drop(journal);

    signed.write(&[3]);
    let (verified, findings) = signed.verify(Vec::new());
    let kinds: Vec<_> = findings.iter().map(|it| it.kind).collect();
    assert_eq!(kinds, [EvidenceKind::Gap], "{findings:?}");
    assert!(
        findings[0]
            .message
            .starts_with("lines 100 to 299 are not held"),
        "{findings:?}"
    );
    assert_eq!((verified.problems, verified.signed_lines), (0, 312));

    let journal = signed.journal();
    let range = promised_range(&journal, Stream::Trades).unwrap();
    let newest = signed.checkpoints().pop().unwrap();
    assert_eq!(
        (range.size(), range.root()),
        (312, newest.checkpoint().root)
    );
    // Once as the caches are made, and once as they are found.
    for _ in 0..2 {
        let mut prover = Prover::open(&journal, Stream::Trades, &signed.cache()).unwrap();
        for stand in [Stand::Oldest, Stand::Newest] {
            for seqs in [&[300][..], &[304, 305], &[300, 308, 311]] {
                let text = prover.lines(seqs, stand).unwrap().to_string();
                let proved = Proof::parse(&text).unwrap().check(&signed.key()).unwrap();
                assert_eq!(proved.lines.len(), seqs.len());
            }
        }
        // The only checkpoint of that day covers the lost line.
        for seq in [50, 100, 150, 299] {
            let lost = prover.lines(&[seq], Stand::Oldest);
            let is_lost = matches!(lost, Err(ProveError::Lost { hole: 100, .. }));
            assert!(is_lost, "{seq}: {lost:?}");
        }
        let apart = prover.lines(&[50, 302], Stand::Oldest);
        assert!(matches!(apart, Err(ProveError::Apart { .. })), "{apart:?}");
    }
}

/// A checkpoint made by hand went past a changed line, to whatever range `HEAD` had.
#[test]
fn nothing_is_signed_past_damage_that_nobody_accepted() {
    let signed = Signed::new();
    signed.write(&[3, 2, 2]);
    let day = signed
        .logs()
        .join(format!("trades/{}.jsonl", days_of(&signed)[1]));
    let good = fs::read_to_string(&day).unwrap();
    let journal = signed.journal();
    assert_eq!(promised_range(&journal, Stream::Trades).unwrap().size(), 7);
    fs::write(&day, good.replacen("\"quantity\":50", "\"quantity\":60", 1)).unwrap();
    let changed = promised_range(&journal, Stream::Trades).map(|it| it.size());
    assert!(
        matches!(changed, Err(TreeError::Damaged { seq: 3, .. })),
        "{changed:?}"
    );
    fs::write(&day, good).unwrap();
    lose(&signed, &days_of(&signed)[1], 0);
    let lost = promised_range(&journal, Stream::Trades).map(|it| it.size());
    assert!(
        matches!(lost, Err(TreeError::Hole { expected: 3, .. })),
        "{lost:?}"
    );
}

/// The cache of before the loss had the hashes of whole blocks, and sent lines of them to a tree that ends
/// before the hole.
#[test]
fn a_cache_from_before_lines_were_lost_proves_what_can_be_proved() {
    let signed = Signed::new();
    // The last whole block is looked at again; the one with the lost line is not.
    signed.write(&[600, 5, 4]);
    drop(Prover::open(&signed.journal(), Stream::Trades, &signed.cache()).unwrap());
    lose(&signed, &days_of(&signed)[0], 100);
    let journal = signed.journal();
    journal
        .repair(Stream::Trades, Some("the disk failed"))
        .unwrap();
    for seq in [50, 100, 150] {
        let mut prover = Prover::open(&journal, Stream::Trades, &signed.cache()).unwrap();
        let lost = prover.lines(&[seq], Stand::Oldest);
        let is_lost = matches!(lost, Err(ProveError::Lost { hole: 100, .. }));
        assert!(is_lost, "{seq}: {lost:?}");
        for seq in [600, 604, 608] {
            let text = prover.lines(&[seq], Stand::Oldest).unwrap().to_string();
            Proof::parse(&text).unwrap().check(&signed.key()).unwrap();
        }
    }
}

/// The days that are there, oldest first.
fn days_of(signed: &Signed) -> Vec<String> {
    let names = fs::read_dir(signed.logs().join("trades")).unwrap();
    let names = names.map(|it| it.unwrap().file_name().into_string().unwrap());
    let mut days: Vec<String> = names
        .filter_map(|it| Some(it.strip_suffix(".jsonl")?.to_owned()))
        .collect();
    days.sort_unstable();
    days
}

#[test]
fn what_was_signed_before_a_line_was_lost_is_proved_from_then() {
    let signed = Signed::new();
    signed.write(&[40, 300, 2]);
    lose(&signed, &days_of(&signed)[1], 100);
    let journal = signed.journal();
    journal
        .repair(Stream::Trades, Some("the disk failed"))
        .unwrap();
    let mut prover = Prover::open(&journal, Stream::Trades, &signed.cache()).unwrap();
    for seq in [0, 39, 340] {
        let text = prover.lines(&[seq], Stand::Oldest).unwrap().to_string();
        Proof::parse(&text).unwrap().check(&signed.key()).unwrap();
    }
    let lost = prover.lines(&[41], Stand::Oldest);
    assert!(matches!(lost, Err(ProveError::Lost { .. })), "{lost:?}");
}

/// Nobody was told when the checkpoints of a stream of one day were taken away.
#[test]
fn a_closed_day_that_nothing_covers_is_named_though_no_day_follows() {
    let signed = Signed::new();
    signed.write(&[3]);
    signed.put(&[]);
    // It may be signed yet.
    assert_eq!(signed.kinds(Vec::new()), []);
    signed.clock.advance(DAY);
    let journal = signed.journal();
    let writer = journal.writer::<TradeRecord>().unwrap();
    writer.tick();
    writer.close().unwrap();
    assert_eq!(signed.kinds(Vec::new()), []);
    signed.put(&[]);
    assert_eq!(signed.kinds(Vec::new()), [EvidenceKind::Unsigned]);
}
