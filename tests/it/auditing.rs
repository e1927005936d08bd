//! `docs/AUDIT.md` as an auditor reads it: every command is run by a plain shell with stock tools, on a
//! proof and a journal that hold, and on ones that were changed.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
    sync::Arc,
    time::Duration,
};

use crate::anchoring::{Authority, reply, serve};
use crate::sample::{archive, entry, noon};
use tempfile::{TempDir, tempdir};
use tradejournal::disk::RealDisk;
use tradejournal::evidence::note::VerifierKey;
use tradejournal::evidence::{KeyFolder, Keyring, Notary, Prover, RootKey, Stand};
use tradejournal::journal::{Options, WriterOptions};
use tradejournal::record::{Stream, TradeRecord};
use tradejournal::time::Clock as _;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/AUDIT.md");
const NAME: &str = "a+journal/of-mine";
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Where the part begins that needs more than a proof.
const WITH_THE_FOLDER: &str = "## With the journal's folder";

/// What somebody has who is to be audited.
struct Owner {
    folder: TempDir,
    key: VerifierKey,
}

impl Owner {
    /// A journal of three days, the first of them archived; its proof of two lines.
    fn new(is_static: bool) -> Owner {
        let folder = tempdir().unwrap();
        let path = folder.path();
        let clock = noon();
        let logs = path.join("logs");
        fs::create_dir(&logs).unwrap();
        let keyring = Keyring::new(Arc::new(RealDisk), &logs, NAME);
        let keys = KeyFolder::new(Arc::new(RealDisk), path.join("keys"));
        let key = if is_static {
            keys.begin_static(&keyring, [3; 32]).unwrap()
        } else {
            let root = RootKey::new(NAME, &[1; 32]).unwrap();
            let today = clock.now().day();
            keys.begin(&keyring, &root, [2; 32], today).unwrap();
            root.verifier().clone()
        };
        let journal = Options::new(&logs)
            .name(NAME)
            .clock(Arc::clone(&clock) as _)
            .writer(WriterOptions::default().background(false))
            .observer(Arc::new(Notary::new(keys)))
            .open()
            .unwrap();
        let writer = journal.writer::<TradeRecord>().unwrap();
        for count in [3, 2, 6] {
            for _ in 0..count {
                writer.append(&entry(writer.lines())).unwrap();
            }
            writer.tick();
            clock.advance(DAY);
        }
        assert_eq!(writer.troubles(), [""; 0]);
        writer.close().unwrap();
        let mut prover = Prover::open(&journal, Stream::Trades, &path.join("cache")).unwrap();
        let proof = prover.lines(&[2, 8, 10], Stand::Newest).unwrap();
        fs::write(path.join("proof.json"), proof.to_string()).unwrap();
        fs::write(path.join("key.txt"), format!("{key}\n")).unwrap();
        Owner { folder, key }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn tj(&self, line: &str) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_tj"))
            .args(line.split_ascii_whitespace())
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "tj {line}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The rest of what the page names: a checkpoint handed out, one that was time-stamped, a day in
    /// the archive.
    fn prepare_folder(&self) {
        let authority = Authority::new();
        fs::copy(authority.path().join("ca.pem"), self.path("authority.pem")).unwrap();
        let (port, server) = serve(move |question| reply(&authority.answer(&question.body)));
        self.tj(&format!(
            "anchor rfc3161 --url http://127.0.0.1:{port}/tsa trades"
        ));
        server.join().unwrap();
        let line = self.tj("checkpoint export trades");
        fs::write(self.path("kept.txt"), line).unwrap();
        // As somebody who has zcat would.
        fs::create_dir(self.path("days")).unwrap();
        fs::copy(
            self.path("logs/trades/2025-10-26.jsonl"),
            self.path("days/2025-10-26.jsonl"),
        )
        .unwrap();
        archive(self.folder.path(), "trades", "2025-10-26");
    }

    fn run(&self, script: &str) -> Output {
        Command::new("sh")
            .args(["-eu", "-c", script])
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }
}

/// The commands of a part of the page, one after the other.
fn commands(text: &str) -> String {
    let mut commands = String::new();
    let mut is_shell = false;
    for line in text.lines() {
        match line {
            "```sh" => is_shell = true,
            "```" => is_shell = false,
            _ if is_shell => {
                commands.push_str(line);
                commands.push('\n');
            }
            _ => {}
        }
    }
    commands
}

fn page() -> String {
    fs::read_to_string(PAGE).unwrap()
}

/// What needs no more than a proof.
fn first_part() -> String {
    let page = page();
    let (first, _) = page.split_once(WITH_THE_FOLDER).unwrap();
    commands(first)
}

#[track_caller]
fn ends_with(output: &Output, words: &str) {
    let out = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{out}\n{said}");
    assert_eq!(out.lines().last(), Some(words), "{out}\n{said}");
}

#[track_caller]
fn fails(output: &Output, what: &str) {
    assert!(!output.status.success(), "{what}");
}

#[test]
fn the_page_holds_for_a_proof_and_a_journal_that_hold_and_names_each_change_of_the_journal() {
    let owner = Owner::new(false);
    owner.prepare_folder();
    let commands = commands(&page());
    ends_with(&owner.run(&commands), "all of it holds");
    owner.tj(&format!("check proof.json --key {}", owner.key));

    let line_of_kept = fs::read_to_string(owner.path("kept.txt")).unwrap();
    let newest = owner.path("logs/trades/2025-10-28.jsonl");
    for (path, from, to, what) in [
        (&newest, "order-7", "order-6", "a line of the open day"),
        (
            &owner.path("logs/trades/2025-10-27.jsonl"),
            "order-3",
            "order-2",
            "a line of a closed day",
        ),
        (
            &owner.path("days/2025-10-26.jsonl"),
            "order-0",
            "order-1",
            "a line of an archived day, as it was unpacked",
        ),
        (
            &owner.path("kept.txt"),
            " 11 ",
            " 10 ",
            "another size in the checkpoint that was kept",
        ),
        (
            &owner.path("kept.txt"),
            "/trades/0 ",
            "/trades/1 ",
            "another origin of it",
        ),
    ] {
        let good = fs::read_to_string(path).unwrap();
        assert!(good.contains(from), "{what}");
        fs::write(path, good.replacen(from, to, 1)).unwrap();
        fails(&owner.run(&commands), what);
        fs::write(path, good).unwrap();
    }
    // The tail cut at the end of a line: only what was kept elsewhere shows it.
    let good = fs::read_to_string(&newest).unwrap();
    let fewer: Vec<&str> = good.split_inclusive('\n').take(5).collect();
    fs::write(&newest, fewer.concat()).unwrap();
    fails(&owner.run(&commands), "a cut tail");
    fs::write(owner.path("kept.txt"), line_of_kept).unwrap();
    fs::write(&newest, good).unwrap();

    let packed = owner.path("archive/trades/2025/2025-10-26.jsonl.gz");
    let good = fs::read(&packed).unwrap();
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 1;
    fs::write(&packed, &bad).unwrap();
    fails(&owner.run(&commands), "a changed archive");
    fs::write(&packed, &good).unwrap();

    let other = Authority::new();
    fs::copy(other.path().join("ca.pem"), owner.path("authority.pem")).unwrap();
    fails(&owner.run(&commands), "an authority that nobody trusts");
}

#[test]
fn a_changed_byte_in_the_proof_makes_the_page_fail() {
    let owner = Owner::new(false);
    let commands = first_part();
    let path = owner.path("proof.json");
    let good = fs::read_to_string(&path).unwrap();
    ends_with(&owner.run(&commands), "the proof holds");

    // Where a part begins, how long it is, and how many bytes of it are changed.
    let parts = [
        ("\"index\": 2", 10, 1),
        ("{\\\"timestamp", 700, 4),
        (",\\\"seq\\\":2", 100, 5),
        ("\"previous\": ", 78, 2),
        ("\"path\": ", 300, 4),
        ("\"checkpoint\": ", 255, 17),
        ("tradejournal key ring 1", 120, 8),
        ("2025-10-28 ", 50, 6),
    ];
    let mut places: Vec<usize> = Vec::new();
    for (mark, len, count) in parts {
        let at = good.find(mark).unwrap_or_else(|| panic!("{mark}"));
        let places_of_it = (0..count).map(|it| at + len - 1 - it * len / count);
        places.extend(places_of_it);
    }
    // The ring's signature: its last digit, of which two bits do not count, some before, its number.
    let end = good.rfind("=\\n").unwrap();
    places.extend([1, 30, 88].map(|it| end - it));
    for place in places {
        let mut bytes = good.clone().into_bytes();
        let is_letter = |it: &usize| bytes[*it].is_ascii_alphanumeric();
        let place = (0..=place).rev().find(is_letter).unwrap();
        bytes[place] = match bytes[place] {
            b'0' => b'1',
            b'a' => b'b',
            b'A' => b'B',
            other => other - 1,
        };
        let what = String::from_utf8_lossy(&good.as_bytes()[place - 10..place + 10]);
        fs::write(&path, &bytes).unwrap();
        fails(&owner.run(&commands), &format!("byte {place}: {what}"));
    }

    fs::write(&path, &good).unwrap();
    let other = RootKey::new(NAME, &[9; 32]).unwrap();
    fs::write(owner.path("key.txt"), format!("{}\n", other.verifier())).unwrap();
    fails(&owner.run(&commands), "another key of that name");
}

/// The page says what to do instead where there is no ring.
#[test]
fn the_page_holds_for_a_static_key_with_the_changes_it_tells() {
    let owner = Owner::new(true);
    let page = page();
    let (first, _) = page.split_once(WITH_THE_FOLDER).unwrap();
    let (before, rest) = first.split_once("## 3. ").unwrap();
    let (ring, after) = rest.split_once("## 5. ").unwrap();
    let (_, instead) = ring.split_once("```text\n").unwrap();
    let (instead, _) = instead.split_once("```").unwrap();
    let script = [commands(before), instead.to_owned(), commands(after)].concat();
    let changes = [
        ("(.rings | length) == 1", "(.rings | length) == 0"),
        ("jq -j '.rings[0]' proof.json > ring\n", ""),
        ("for note in ring checkpoint", "for note in checkpoint"),
        ("root.raw | hex)\" = 01", "root.raw | hex)\" = 04"),
        ("journal=${name%/root}", "journal=${name%/static}"),
        ("\"$journal/root\"", "\"$journal/static\""),
    ];
    let script = changes.iter().fold(script, |script, (from, to)| {
        assert!(script.contains(from), "{from}");
        script.replace(from, to)
    });
    ends_with(&owner.run(&script), "the proof holds");
    let good = fs::read_to_string(owner.path("proof.json")).unwrap();
    let bad = good.replacen("order-2", "order-3", 1);
    fs::write(owner.path("proof.json"), bad).unwrap();
    fails(&owner.run(&script), "a changed line");
}

#[test]
fn the_page_uses_nothing_but_what_it_names() {
    let all = commands(&page());
    let known = [
        // The shell's own.
        "cd",
        "echo",
        "export",
        "printf",
        "read",
        "test",
        "cat",
        "continue",
        "true",
        // What the page says it needs.
        "sha256sum",
        "sed",
        "jq",
        "openssl",
        "base64",
        "basenc",
        "cp",
        "cut",
        "date",
        "head",
        "mkdir",
        "mv",
        "od",
        "seq",
        "tail",
        "tr",
        "wc",
    ];
    let folder = tempdir().unwrap();
    for tool in known {
        let found = std::env::split_paths(&std::env::var_os("PATH").unwrap())
            .map(|it| it.join(tool))
            .find(|it| it.is_file());
        if let Some(found) = found {
            std::os::unix::fs::symlink(found, folder.path().join(tool)).unwrap();
        }
    }
    let owner = Owner::new(false);
    owner.prepare_folder();
    let output = Command::new("/bin/sh")
        .args(["-eu", "-c", &all])
        .env("PATH", folder.path())
        .current_dir(owner.folder.path())
        .output()
        .unwrap();
    ends_with(&output, "all of it holds");
}
