//! What was signed: checkpoints are made beside the writers, proofs check with one key, and every
//! change of history is named.

mod forged;
mod golden;
mod kept;
mod lost;

use std::{fs, path::Path, sync::Arc, time::Duration};

use crate::sample::{entry, noon};
use tempfile::{TempDir, tempdir};
use tradejournal::disk::RealDisk;
use tradejournal::evidence::checkpoint::SignedCheckpoint;
use tradejournal::evidence::checkpoints::CheckpointLog;
use tradejournal::evidence::note::VerifierKey;
use tradejournal::evidence::{
    self, EvidenceFinding, EvidenceKind, EvidenceVerified, KeyFolder, Keyring, Notary, Proof,
    Prover, RootKey, Stand, Trust,
};
use tradejournal::journal::{Depth, Journal, Options, WriterOptions};
use tradejournal::record::{Stream, TradeRecord};
use tradejournal::time::{Clock, ManualClock};

const NAME: &str = "witness";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A journal with keys beside it.
struct Signed {
    folder: TempDir,
    clock: Arc<ManualClock>,
    notary: Arc<Notary>,
    root: RootKey,
}

impl Signed {
    fn new() -> Signed {
        let folder = tempdir().unwrap();
        let clock = noon();
        let root = RootKey::new(NAME, &[1; 32]).unwrap();
        let logs = folder.path().join("logs");
        fs::create_dir(&logs).unwrap();
        let keyring = Keyring::new(Arc::new(RealDisk), &logs, NAME);
        let keys = KeyFolder::new(Arc::new(RealDisk), folder.path().join("keys"));
        keys.begin(&keyring, &root, [2; 32], clock.now().day())
            .unwrap();
        let notary = Arc::new(Notary::new(keys));
        Signed {
            folder,
            clock,
            notary,
            root,
        }
    }

    fn logs(&self) -> std::path::PathBuf {
        self.folder.path().join("logs")
    }

    fn cache(&self) -> std::path::PathBuf {
        self.folder.path().join("cache")
    }

    fn key(&self) -> VerifierKey {
        self.root.verifier().clone()
    }

    fn journal(&self) -> Journal {
        Options::new(self.logs())
            .name(NAME)
            .clock(Arc::clone(&self.clock) as _)
            .writer(WriterOptions::default().background(false))
            .observer(self.notary.clone())
            .open()
            .unwrap()
    }

    /// So many trades a day, each day closed by the next one's first.
    fn write(&self, days: &[u64]) {
        let journal = self.journal();
        let writer = journal.writer::<TradeRecord>().unwrap();
        for (at, count) in days.iter().enumerate() {
            if at != 0 {
                self.clock.advance(DAY);
            }
            for _ in 0..*count {
                writer.append(&entry(writer.lines())).unwrap();
            }
            writer.tick();
        }
        writer.close().unwrap();
        assert_eq!(self.notary.troubles(), [""; 0]);
    }

    fn verify(&self, outside: Vec<SignedCheckpoint>) -> (EvidenceVerified, Vec<EvidenceFinding>) {
        let trust = Trust {
            keys: vec![self.key()],
            outside,
        };
        let mut found = Vec::new();
        let journal = self.journal();
        let verified =
            evidence::verify(&journal, Stream::Trades, &trust, &mut |it| found.push(it)).unwrap();
        let problems = found.iter().filter(|it| !it.kind.is_note()).count();
        assert_eq!(verified.problems, problems as u64);
        (verified, found)
    }

    fn kinds(&self, outside: Vec<SignedCheckpoint>) -> Vec<EvidenceKind> {
        let mut kinds: Vec<_> = self
            .verify(outside)
            .1
            .into_iter()
            .map(|it| it.kind)
            .collect();
        kinds.dedup();
        kinds
    }

    fn checkpoints(&self) -> Vec<SignedCheckpoint> {
        let log = CheckpointLog::new(Arc::new(RealDisk), &self.logs().join("trades"));
        log.read()
            .unwrap()
            .notes
            .into_iter()
            .map(|it| it.1)
            .collect()
    }

    fn put(&self, checkpoints: &[SignedCheckpoint]) {
        let text: String = checkpoints.iter().map(|it| format!("{it}\n")).collect();
        fs::write(self.logs().join("trades/checkpoints.log"), text).unwrap();
    }
}

#[test]
fn what_is_written_is_signed_and_verifies() {
    let signed = Signed::new();
    signed.write(&[3, 2, 4]);
    let (verified, found) = signed.verify(Vec::new());
    assert_eq!(found, []);
    assert_eq!((verified.lines, verified.signed_lines), (9, 9));
    let sizes: Vec<u64> = signed
        .checkpoints()
        .iter()
        .map(|it| it.checkpoint().size)
        .collect();
    assert_eq!(sizes, [3, 3, 5, 9]);
    assert_eq!(verified.checkpoints, 4);
    let journal = signed.journal();
    let bytes = journal.verify(Stream::Trades, Depth::Records, &mut |it| panic!("{it:?}"));
    assert_eq!(bytes.unwrap().problems, 0);
}

#[test]
fn every_line_is_proved_with_the_root_key_alone_and_no_changed_bit_passes() {
    let signed = Signed::new();
    signed.write(&[3, 2]);
    let journal = signed.journal();
    let mut prover = Prover::open(&journal, Stream::Trades, &signed.cache()).unwrap();
    for seq in 0..5 {
        for stand in [Stand::Oldest, Stand::Newest] {
            let text = prover.lines(&[seq], stand).unwrap().to_string();
            let proved = Proof::parse(&text).unwrap().check(&signed.key()).unwrap();
            assert_eq!(proved.lines.len(), 1);
            assert_eq!(proved.lines[0].0, seq);
            assert!(proved.lines[0].1.contains(&format!("\"order-{seq}\"")));
            let size = if stand == Stand::Oldest && seq < 3 {
                3
            } else {
                5
            };
            assert_eq!(proved.size, size);
        }
    }
    let text = prover.lines(&[0, 4], Stand::Oldest).unwrap().to_string();
    let other = RootKey::new(NAME, &[9; 32]).unwrap();
    assert!(
        Proof::parse(&text)
            .unwrap()
            .check(other.verifier())
            .is_err()
    );
    let passes = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).ok();
        let proof = text.and_then(|it| Proof::parse(&it).ok());
        proof.is_some_and(|it| it.check(&signed.key()).is_ok())
    };
    assert!(passes(text.clone().into_bytes()));
    // A ring is 20 KB of text of one kind: every bit of the rest, and some of it.
    let ring = text.find("key ring 1").unwrap();
    let bits = (0..ring * 8).chain((ring * 8..text.len() * 8).step_by(97));
    for bit in bits {
        let mut bytes = text.clone().into_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(!passes(bytes), "bit {bit}");
    }
    assert!(prover.lines(&[5], Stand::Newest).is_err());
}

#[test]
fn an_older_checkpoint_is_shown_to_be_the_beginning_of_the_newest() {
    let signed = Signed::new();
    signed.write(&[3, 2, 6]);
    let journal = signed.journal();
    let mut prover = Prover::open(&journal, Stream::Trades, &signed.cache()).unwrap();
    for older in signed.checkpoints() {
        let text = prover.consistency(&older).unwrap().to_string();
        let proved = Proof::parse(&text).unwrap().check(&signed.key()).unwrap();
        assert_eq!(proved.size, 11);
        assert_eq!(proved.older, Some((older.checkpoint().size, older.time())));
    }
}

/// The same trades but for one, written anew by somebody who has today's key and nothing older.
fn rewritten(signed: &Signed, days: &[u64]) {
    let logs = signed.logs();
    for name in ["trades", "audit"] {
        fs::remove_dir_all(logs.join(name)).unwrap();
    }
    let end = signed.clock.now();
    let notary = Arc::new(Notary::new(KeyFolder::new(
        Arc::new(RealDisk),
        signed.folder.path().join("keys"),
    )));
    let clock = noon();
    let journal = Options::new(&logs)
        .name(NAME)
        .clock(Arc::clone(&clock) as _)
        .writer(WriterOptions::default().background(false))
        .observer(notary)
        .open()
        .unwrap();
    let writer = journal.writer::<TradeRecord>().unwrap();
    for (at, count) in days.iter().enumerate() {
        if at != 0 {
            clock.advance(DAY);
        }
        for _ in 0..*count {
            writer.append(&entry(writer.lines() + 100)).unwrap();
        }
        writer.tick();
    }
    writer.close().unwrap();
    clock.set(end);
}

#[test]
fn history_that_was_chained_anew_is_named_with_and_without_the_old_checkpoints() {
    let signed = Signed::new();
    signed.write(&[3, 2, 4]);
    let old = signed.checkpoints();
    rewritten(&signed, &[3, 2, 4]);
    let new = signed.checkpoints();
    // The thief could sign on the last day only.
    assert!(
        new.iter()
            .all(|it| it.time().day() == signed.clock.now().day()),
        "{new:?}"
    );
    assert_eq!(signed.kinds(Vec::new()), [EvidenceKind::Unsigned]);
    signed.put(&old);
    assert_eq!(
        signed.kinds(Vec::new()),
        [EvidenceKind::Root, EvidenceKind::Unsigned]
    );
    signed.put(&[old, new].concat());
    let kinds = signed.kinds(Vec::new());
    assert!(
        kinds.contains(&EvidenceKind::Root) && kinds.contains(&EvidenceKind::Fork),
        "{kinds:?}"
    );
}

#[test]
fn a_past_day_signed_with_a_later_key_is_named() {
    use tradejournal::evidence::checkpoint::Checkpoint;
    let signed = Signed::new();
    signed.write(&[3, 2]);
    let mut checkpoints = signed.checkpoints();
    let keys = KeyFolder::new(Arc::new(RealDisk), signed.folder.path().join("keys"));
    let keyring = Keyring::new(Arc::new(RealDisk), &signed.logs(), NAME);
    let today = keys.signing(&keyring, signed.clock.now().day()).unwrap();
    let first: Checkpoint = checkpoints[0].checkpoint().clone();
    let time = checkpoints[0].time();
    let name = today.verifier().name().to_owned();
    checkpoints[0] = first.sign(&name, today.key(), time).unwrap();
    signed.put(&checkpoints);
    assert!(signed.kinds(Vec::new()).contains(&EvidenceKind::LaterKey));
}

#[test]
fn other_checkpoints_than_the_streams_own_are_named() {
    let signed = Signed::new();
    signed.write(&[3, 2]);
    let own = signed.checkpoints();
    let log = signed.logs().join("trades/checkpoints.log");
    let text = fs::read_to_string(&log).unwrap();
    for (from, to, kind) in [
        (
            "witness/trades/0",
            "witness/fills/0",
            EvidenceKind::OtherOrigin,
        ),
        (
            "witness/trades/0",
            "another/trades/0",
            EvidenceKind::OtherOrigin,
        ),
        (
            "witness/trades/0",
            "witness/trades/1",
            EvidenceKind::OtherOrigin,
        ),
        (
            "witness/trades/0\n3\n",
            "witness/trades/0\nthree\n",
            EvidenceKind::BadCheckpoint,
        ),
        (
            "witness/trades/0\n5\n",
            "witness/trades/0\n4\n",
            EvidenceKind::Signature,
        ),
        (
            "witness/trades/0\n5\n",
            "witness/trades/0\nfive\n",
            // It is the last, so that a crash may have left it so.
            EvidenceKind::Torn,
        ),
    ] {
        fs::write(&log, text.replacen(from, to, 1)).unwrap();
        assert!(
            signed.kinds(Vec::new()).contains(&kind),
            "{to}: {:?}",
            signed.kinds(Vec::new())
        );
    }
    // A size that the stream never had, and another tree of the same size, both well signed.
    signed.put(&own);
    for (size, root, kind) in [
        (500, own[0].checkpoint().root, EvidenceKind::TooLarge),
        (5, own[0].checkpoint().root, EvidenceKind::Fork),
    ] {
        signed.put(&own);
        let journal = signed.journal();
        signed
            .notary
            .sign(&journal, Stream::Trades, (size, root))
            .unwrap();
        assert!(signed.kinds(Vec::new()).contains(&kind));
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}

#[test]
fn a_cut_tail_and_an_older_copy_are_named_by_a_checkpoint_from_elsewhere() {
    let signed = Signed::new();
    signed.write(&[3, 2]);
    let backup = signed.folder.path().join("backup");
    copy(&signed.logs(), &backup);
    signed.clock.advance(DAY);
    let journal = signed.journal();
    let writer = journal.writer::<TradeRecord>().unwrap();
    for number in 5..9 {
        writer.append(&entry(number)).unwrap();
    }
    writer.close().unwrap();
    let outside = signed.checkpoints().pop().unwrap();
    assert_eq!(signed.kinds(vec![outside.clone()]), []);

    // The last two lines, and all that says that they were.
    let day = signed.logs().join("trades/2025-10-28.jsonl");
    let text = fs::read_to_string(&day).unwrap();
    let kept: Vec<&str> = text.split_inclusive('\n').take(2).collect();
    fs::write(&day, kept.concat()).unwrap();
    let mut own = signed.checkpoints();
    assert_eq!(signed.kinds(Vec::new()), [EvidenceKind::TooLarge]);
    own.pop();
    signed.put(&own);
    assert_eq!(signed.kinds(Vec::new()), []);
    assert_eq!(
        signed.kinds(vec![outside.clone()]),
        [EvidenceKind::TooLarge]
    );

    fs::remove_dir_all(signed.logs()).unwrap();
    copy(&backup, &signed.logs());
    assert_eq!(signed.kinds(Vec::new()), []);
    assert_eq!(signed.kinds(vec![outside]), [EvidenceKind::TooLarge]);
}

#[test]
fn a_deleted_cache_is_made_anew_and_a_wrong_one_is_not_believed() {
    let signed = Signed::new();
    signed.write(&[700, 400]);
    let journal = signed.journal();
    let prove = || {
        let mut prover = Prover::open(&journal, Stream::Trades, &signed.cache()).unwrap();
        for seq in [0, 255, 256, 511, 512, 700, 767, 768, 1099] {
            let proof = prover.lines(&[seq], Stand::Oldest).unwrap();
            proof.check(&signed.key()).unwrap();
        }
    };
    prove();
    let cache = signed.cache().join("trades.tree");
    let good = fs::read(&cache).unwrap();
    assert_eq!(good.len(), 40 + 4 * 44);
    prove();
    assert_eq!(fs::read(&cache).unwrap(), good);
    fs::remove_file(&cache).unwrap();
    prove();
    assert_eq!(fs::read(&cache).unwrap(), good);
    for at in (0..good.len()).step_by(7) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&cache, &bad).unwrap();
        prove();
    }
    for len in [0, 39, 40, 60, 84, 150] {
        fs::write(&cache, &good[..len]).unwrap();
        prove();
        assert_eq!(fs::read(&cache).unwrap(), good);
    }
}

#[test]
fn a_key_that_is_gone_stops_no_write_and_is_told() {
    let signed = Signed::new();
    signed.write(&[1]);
    fs::remove_file(signed.folder.path().join("keys/key")).unwrap();
    signed.clock.advance(DAY);
    let journal = signed.journal();
    let writer = journal.writer::<TradeRecord>().unwrap();
    writer.append(&entry(1)).unwrap();
    writer.tick();
    writer.close().unwrap();
    let troubles = signed.notary.troubles();
    assert!(troubles[0].contains("there is no key in"), "{troubles:?}");
}

#[test]
fn a_clock_that_goes_back_signs_nothing_and_one_far_ahead_uses_up_no_keys() {
    let signed = Signed::new();
    signed.write(&[1, 1]);
    let keys = KeyFolder::new(Arc::new(RealDisk), signed.folder.path().join("keys"));
    let keyring = Keyring::new(Arc::new(RealDisk), &signed.logs(), NAME);
    let today = signed.clock.now().day();
    let before = keys
        .signing(&keyring, today.previous())
        .unwrap_err()
        .to_string();
    assert!(before.contains("keys of earlier days are gone"), "{before}");
    let far = tradejournal::time::Day::from_unix_days(today.unix_days() + 400).unwrap();
    let ahead = keys.signing(&keyring, far).unwrap_err().to_string();
    assert!(ahead.contains("no key for"), "{ahead}");
    assert!(keys.signing(&keyring, today).is_ok());
    // Renewed early, the same ratchet goes on behind the year's end.
    let ring = keys.renew(&keyring, &signed.root, None, today).unwrap();
    assert_eq!(ring.first().previous(), keyring.read().unwrap()[0].last());
    let signing = keys.signing(&keyring, ring.first().next()).unwrap();
    assert_eq!(
        Some(signing.verifier().clone()),
        ring.key_of(ring.first().next())
    );
    // A fresh seed begins today, also where the old key is gone.
    fs::remove_file(signed.folder.path().join("keys/key")).unwrap();
    let ring = keys
        .renew(&keyring, &signed.root, Some([7; 32]), today)
        .unwrap();
    assert_eq!(ring.first(), today);
    assert!(keys.signing(&keyring, today).is_ok());
}

/// What a thief could write into `JOURNAL`, which nobody signs.
fn raise_epoch(signed: &Signed) {
    let path = signed.logs().join("JOURNAL");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("\"epoch\":0"));
    fs::write(&path, text.replace("\"epoch\":0", "\"epoch\":1")).unwrap();
}

#[test]
fn a_raised_epoch_excuses_no_cut_tail_unless_audit_tells_of_a_restore() {
    let signed = Signed::new();
    signed.write(&[3, 2]);
    let outside = signed.checkpoints().pop().unwrap();
    let day = signed.logs().join("trades/2025-10-27.jsonl");
    let text = fs::read_to_string(&day).unwrap();
    let first = text.split_inclusive('\n').next().unwrap();
    fs::write(&day, first).unwrap();
    let mut own = signed.checkpoints();
    own.pop();
    signed.put(&own);
    raise_epoch(&signed);
    assert_eq!(
        signed.kinds(vec![outside.clone()]),
        [EvidenceKind::TooLarge]
    );
    // Told by `audit`, it is worth knowing and no alarm.
    let told = "{\"timestamp\":\"2025-10-28T12:00:00.000Z\",\"kind\":\"restored\",\"epoch\":1,\
                \"why\":\"a new disk\"}";
    tell_audit(&signed, told);
    let (verified, found) = signed.verify(vec![outside]);
    assert_eq!(
        found.iter().map(|it| it.kind).collect::<Vec<_>>(),
        [EvidenceKind::Restored]
    );
    assert_eq!((verified.problems, verified.signed_lines), (0, 3));
}

/// Adds a line to `audit` as its writer would.
fn tell_audit(signed: &Signed, json: &str) {
    use tradejournal::journal::line::{Draft, Tail};
    let folder = signed.logs().join("audit");
    let mut days: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|it| it.unwrap().path())
        .filter(|it| it.extension().is_some_and(|it| it == "jsonl"))
        .collect();
    days.sort();
    let path = days.pop().unwrap();
    let mut text = fs::read(&path).unwrap();
    let last = text.split_inclusive(|it| *it == b'\n').next_back().unwrap();
    let last = Tail::parse(last).unwrap();
    let draft = Draft::new(|out| out.extend_from_slice(json.as_bytes()));
    draft.seal(last.seq + 1, last.seq + 1, &last.hash, &mut text);
    fs::write(&path, text).unwrap();
}

#[test]
fn a_trusted_static_key_vouches_for_no_ring() {
    let signed = Signed::new();
    signed.write(&[3]);
    let keys = KeyFolder::new(Arc::new(RealDisk), signed.folder.path().join("static"));
    let keyring = Keyring::of(&signed.journal(), NAME);
    let key = keys.begin_static(&keyring, [3; 32]).unwrap();
    let trust = Trust {
        keys: vec![key],
        outside: Vec::new(),
    };
    let mut kinds = Vec::new();
    let journal = signed.journal();
    let mut report = |it: EvidenceFinding| kinds.push(it.kind);
    let verified = evidence::verify(&journal, Stream::Trades, &trust, &mut report).unwrap();
    assert_eq!((verified.checkpoints, verified.signed_lines), (0, 0));
    assert!(kinds.contains(&EvidenceKind::Ring) && kinds.contains(&EvidenceKind::Signature));
}

#[test]
fn a_static_signature_counts_for_nothing_without_a_static_key() {
    let signed = Signed::new();
    signed.write(&[3]);
    let good = signed.checkpoints().pop().unwrap();
    // Anybody can write that name and 64 bytes.
    let text = good
        .to_string()
        .replace("witness/2025-10-26 ", "witness/static ");
    signed.put(&[text.parse().unwrap()]);
    let mut kinds = Vec::new();
    let journal = signed.journal();
    let mut report = |it: EvidenceFinding| kinds.push(it.kind);
    let verified =
        evidence::verify(&journal, Stream::Trades, &Trust::default(), &mut report).unwrap();
    assert_eq!(verified.checkpoints, 0);
    assert_eq!(kinds, [EvidenceKind::Signature]);
}

#[test]
fn a_checkpoint_that_does_not_fit_keeps_nobody_from_proving_with_another() {
    let signed = Signed::new();
    signed.write(&[3, 2]);
    let journal = signed.journal();
    let wrong = signed.checkpoints()[0].checkpoint().root;
    signed
        .notary
        .sign(&journal, Stream::Trades, (4, wrong))
        .unwrap();
    let mut all = signed.checkpoints();
    all.rotate_right(1);
    signed.put(&all);
    let mut prover = Prover::open(&journal, Stream::Trades, &signed.cache()).unwrap();
    let proof = prover.lines(&[1], Stand::Oldest).unwrap();
    assert_eq!(proof.check(&signed.key()).unwrap().size, 3);
    assert!(prover.lines(&[u64::MAX], Stand::Oldest).is_err());
}
