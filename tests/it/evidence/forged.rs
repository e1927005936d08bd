//! What was changed behind the journal's back, each thing named.

use super::*;

use tradejournal::journal::FindingKind;

impl Signed {
    /// What the journal itself finds in its bytes.
    fn findings(&self) -> Vec<FindingKind> {
        let mut found = Vec::new();
        let verified = self
            .journal()
            .verify(Stream::Trades, Depth::Records, &mut |it| {
                found.push(it.kind)
            });
        verified.unwrap();
        found
    }

    fn day(&self, day: &str) -> std::path::PathBuf {
        self.logs().join(format!("trades/{day}.jsonl"))
    }
}

#[test]
fn a_day_that_was_removed_is_named_whichever_it_is() {
    for (day, kinds, findings) in [
        // What the first day was, its closing record still says; that it is gone, the journal does.
        ("2025-10-26", vec![], vec![FindingKind::MissingDay]),
        (
            "2025-10-27",
            vec![EvidenceKind::Unchecked],
            vec![FindingKind::MissingDay],
        ),
        (
            "2025-10-28",
            vec![EvidenceKind::TooLarge],
            vec![FindingKind::Head],
        ),
    ] {
        let signed = Signed::new();
        signed.write(&[3, 2, 4]);
        fs::remove_file(signed.day(day)).unwrap();
        let _ = fs::remove_file(signed.day(day).with_extension("jsonl.sha256"));
        assert_eq!(signed.kinds(Vec::new()), kinds, "{day}");
        assert_eq!(signed.findings(), findings, "{day}");
    }
}

#[test]
fn a_first_day_that_was_removed_with_all_that_tells_of_it_is_named() {
    let signed = Signed::new();
    signed.write(&[3, 2, 4]);
    fs::remove_file(signed.day("2025-10-26")).unwrap();
    fs::remove_file(signed.day("2025-10-26").with_extension("jsonl.sha256")).unwrap();
    fs::remove_dir_all(signed.logs().join("audit")).unwrap();
    assert!(
        signed.kinds(Vec::new()).contains(&EvidenceKind::Unchecked),
        "{:?}",
        signed.kinds(Vec::new())
    );
}

#[test]
fn a_line_of_another_journal_or_stream_is_named_where_it_was_put() {
    let other = tempdir().unwrap();
    let journal = crate::sample::journal(other.path(), &noon());
    let writer = journal.writer::<TradeRecord>().unwrap();
    for number in 0..5 {
        writer.append(&entry(number)).unwrap();
    }
    writer.close().unwrap();
    let strange = fs::read_to_string(other.path().join("logs/trades/2025-10-26.jsonl")).unwrap();
    let strange: Vec<&str> = strange.split_inclusive('\n').collect();
    let signed = Signed::new();
    signed.write(&[5, 2]);
    let day = signed.day("2025-10-26");
    let good = fs::read_to_string(&day).unwrap();
    let lines: Vec<&str> = good.split_inclusive('\n').collect();
    let audit = fs::read_dir(signed.logs().join("audit")).unwrap();
    let audit = audit
        .map(|it| it.unwrap().path())
        .find(|it| it.extension().is_some_and(|it| it == "jsonl"))
        .unwrap();
    let audit = fs::read_to_string(audit).unwrap();
    let of_audit = audit.split_inclusive('\n').next().unwrap();
    for at in 0..5 {
        // In the place of one of ours, the same number on it.
        let mut changed = lines.clone();
        changed[at] = strange[at];
        fs::write(&day, changed.concat()).unwrap();
        assert!(
            signed.kinds(Vec::new()).contains(&EvidenceKind::Root),
            "{at}"
        );
        assert!(
            signed.findings().contains(&FindingKind::DamagedLine),
            "{at}"
        );
        // Between ours.
        for line in [strange[at], of_audit] {
            let mut changed = lines.clone();
            changed.insert(at, line);
            fs::write(&day, changed.concat()).unwrap();
            assert_ne!(signed.kinds(Vec::new()), [], "{at}: {line}");
            assert!(
                signed.findings().contains(&FindingKind::DamagedLine),
                "{at}"
            );
        }
    }
    fs::write(&day, good).unwrap();
    assert_eq!(signed.kinds(Vec::new()), []);
    assert_eq!(signed.findings(), []);
}

/// Turns every bit of a file over, one after the other.
fn each_bit_of(path: &Path, mut turned: impl FnMut(usize)) {
    let good = fs::read(path).unwrap();
    for bit in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(path, bytes).unwrap();
        turned(bit);
    }
    fs::write(path, good).unwrap();
}

/// A ring of a few days only: every bit of a year's would take minutes.
fn shorten_ring(signed: &Signed) {
    let keyring = Keyring::new(Arc::new(RealDisk), &signed.logs(), NAME);
    let year = keyring.read().unwrap().remove(0);
    let days = [year.first(), year.first().next()];
    let keys = days.map(|day| *year.key_of(day).unwrap().key());
    let ring = signed.root.sign(NAME, year.first(), keys.to_vec());
    fs::write(keyring.path(), format!("{ring}\n")).unwrap();
}

#[test]
fn every_turned_bit_of_the_checkpoints_and_of_the_ring_is_named() {
    let signed = Signed::new();
    signed.write(&[2, 1]);
    shorten_ring(&signed);
    let journal = signed.journal();
    let trust = Trust {
        keys: vec![signed.key()],
        outside: Vec::new(),
    };
    let problems = || {
        let mut found = Vec::new();
        evidence::verify(&journal, Stream::Trades, &trust, &mut |it| found.push(it)).unwrap();
        found
    };
    assert_eq!(problems(), []);
    let log = signed.logs().join("trades/checkpoints.log");
    each_bit_of(&log, |bit| {
        let found = problems();
        assert!(!found.is_empty(), "bit {bit} of the checkpoints");
        // Whichever it is, it is said where.
        assert!(
            found.iter().any(|it| it.path.as_ref() == Some(&log)),
            "bit {bit}: {found:?}"
        );
    });
    let ring = signed.logs().join("KEYRING");
    each_bit_of(&ring, |bit| {
        let found = problems();
        let is_ring = |it: &EvidenceFinding| {
            it.kind == EvidenceKind::Ring && it.path.as_ref() == Some(&ring) && it.byte == Some(0)
        };
        assert!(
            found.iter().any(is_ring),
            "bit {bit} of the ring: {found:?}"
        );
    });
    assert_eq!(problems(), []);
}

/// A bit that was turned over in one note, the empty line behind it for one, took all that follow with
/// it: they were read as parts of each other.
#[test]
fn a_damaged_checkpoint_or_ring_takes_no_other_with_it() {
    let signed = Signed::new();
    signed.write(&[1, 1, 1, 1]);
    let keys = KeyFolder::new(Arc::new(RealDisk), signed.folder.path().join("keys"));
    let keyring = Keyring::new(Arc::new(RealDisk), &signed.logs(), NAME);
    let all = signed.checkpoints().len();
    let log = signed.logs().join("trades/checkpoints.log");
    let good = fs::read(&log).unwrap();
    let checkpoints = CheckpointLog::new(Arc::new(RealDisk), &signed.logs().join("trades"));
    let begins: Vec<u64> = checkpoints
        .read()
        .unwrap()
        .notes
        .iter()
        .map(|it| it.0)
        .collect();
    for pair in begins.windows(2) {
        let [begin, end] = [pair[0], pair[1]].map(|it| usize::try_from(it).unwrap());
        for at in begin..end {
            let mut bytes = good.clone();
            // A byte that is no UTF-8 either.
            bytes[at] ^= 0x80;
            fs::write(&log, bytes).unwrap();
            let found = checkpoints.read().unwrap();
            // Where the signature's own mark is damaged, the note behind it is not told apart.
            assert!(all - 2 <= found.notes.len(), "byte {at}: {found:?}");
            let named = found.bad.iter().map(|it| it.0).chain(found.cut);
            assert_eq!(named.collect::<Vec<_>>(), [begin as u64], "byte {at}");
        }
    }
    fs::write(&log, good).unwrap();

    let ring = keys
        .renew(
            &keyring,
            &signed.root,
            Some([7; 32]),
            signed.clock.now().day(),
        )
        .unwrap();
    let mut bytes = fs::read(keyring.path()).unwrap();
    bytes[100] ^= 0x80;
    fs::write(keyring.path(), bytes).unwrap();
    let error = keyring.read().unwrap_err().to_string();
    assert!(error.contains("damaged ring at byte 0"), "{error}");
    // Today's key is in the other ring.
    let signing = keys.signing(&keyring, signed.clock.now().day()).unwrap();
    let today = ring.key_of(signed.clock.now().day());
    assert_eq!(Some(signing.verifier().clone()), today);
    let kinds = signed.kinds(Vec::new());
    assert!(kinds.contains(&EvidenceKind::Ring), "{kinds:?}");
    // Nor does it keep another year from being added.
    keys.renew(&keyring, &signed.root, None, signed.clock.now().day())
        .unwrap();
}

#[test]
fn thinning_out_keeps_what_is_no_checkpoint() {
    let signed = Signed::new();
    signed.write(&[1]);
    let log = signed.logs().join("trades/checkpoints.log");
    let note = fs::read_to_string(&log).unwrap();
    let bad = note.replacen("\n1\n", "\none\n", 1);
    assert_ne!(bad, note);
    let text = [note.repeat(300), bad.clone(), note.repeat(300)].concat();
    fs::write(&log, text).unwrap();
    let checkpoints = CheckpointLog::new(Arc::new(RealDisk), &signed.logs().join("trades"));
    let len = checkpoints.thin(0).unwrap();
    let left = fs::read_to_string(&log).unwrap();
    assert_eq!(len, left.len() as u64);
    // All of the newest ten minutes stay.
    assert_eq!(left, [note.repeat(300), bad, note.repeat(300)].concat());
    assert_eq!(checkpoints.read().unwrap().bad.len(), 1);
}

/// A last checkpoint of more lines than there are kept a notary from signing those that came.
#[test]
fn a_log_that_tells_of_too_many_lines_keeps_nothing_from_being_signed() {
    let signed = Signed::new();
    signed.write(&[2]);
    let root = signed.checkpoints()[0].checkpoint().root;
    signed
        .notary
        .sign(&signed.journal(), Stream::Trades, (500, root))
        .unwrap();
    let again = Signed {
        notary: Arc::new(Notary::new(KeyFolder::new(
            Arc::new(RealDisk),
            signed.folder.path().join("keys"),
        ))),
        ..signed
    };
    again.clock.advance(Duration::from_secs(60));
    again.write(&[3]);
    let last = again.checkpoints().pop().unwrap();
    assert_eq!(last.checkpoint().size, 5);
}
