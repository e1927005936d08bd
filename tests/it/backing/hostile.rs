//! Backups that somebody changed, cut or made: each is refused, by name, before anything is written.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use sha2::{Digest as _, Sha256};
use tempfile::{TempDir, tempdir};

use super::{back_up, names_in, restore};
use crate::sample::{journal, noon, three_days};

/// How long the seal at a backup's end is.
const SEAL_LEN: usize = 85;

struct Bad {
    folder: TempDir,
    packed: Vec<u8>,
    plain: Vec<u8>,
}

impl Bad {
    fn new() -> Bad {
        let folder = tempdir().unwrap();
        three_days(folder.path());
        let (path, _) = back_up(&journal(folder.path(), &noon()), folder.path());
        let packed = fs::read(path).unwrap();
        let mut plain = Vec::new();
        let mut decoder = MultiGzDecoder::new(packed.as_slice());
        decoder.read_to_end(&mut plain).unwrap();
        Bad {
            folder,
            packed,
            plain,
        }
    }

    /// What is said of these bytes as a backup; nothing is written on the way.
    fn refused(&self, bytes: &[u8]) -> String {
        let path = self.folder.path().join("bad.tar.gz");
        fs::write(&path, bytes).unwrap();
        let before = names_in(self.folder.path());
        let into = self.folder.path().join("restored");
        let error = restore(&path, &into).unwrap_err();
        let text = format!("{error}: {:?}", std::error::Error::source(&error));
        assert_eq!(names_in(self.folder.path()), before, "{text}");
        assert!(text.contains("bad.tar.gz"), "{text}");
        text
    }

    /// What is said of a backup that has another tar file in it, and a right seal.
    fn refused_plain(&self, plain: &[u8]) -> String {
        self.refused(&packed(plain))
    }
}

/// A tar file as a backup with a right seal.
fn packed(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(plain).unwrap();
    let mut packed = encoder.finish().unwrap();
    let digits: String = Sha256::digest(&packed)
        .iter()
        .map(|it| format!("{it:02x}"))
        .collect();
    let seal = GzBuilder::new().comment(digits);
    let seal = seal
        .write(Vec::new(), Compression::new(6))
        .finish()
        .unwrap();
    assert_eq!(seal.len(), SEAL_LEN);
    packed.extend_from_slice(&seal);
    packed
}

type Members = Vec<(String, Vec<u8>)>;

/// The members of a tar file: header, name, and all of its blocks.
fn members(plain: &[u8]) -> Members {
    let (mut members, mut at) = (Vec::new(), 0);
    while plain[at] != 0 {
        let name = plain[at..at + 100].split(|it| *it == 0).next().unwrap();
        let name = String::from_utf8(name.to_vec()).unwrap();
        let len = std::str::from_utf8(&plain[at + 124..at + 135]).unwrap();
        let len = usize::from_str_radix(len, 8).unwrap().next_multiple_of(512) + 512;
        members.push((name, plain[at..at + len].to_vec()));
        at += len;
    }
    members
}

fn joined(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut plain: Vec<u8> = members.iter().flat_map(|it| it.1.clone()).collect();
    plain.resize(plain.len() + 1024, 0);
    plain
}

/// Changes a header and makes its checksum right.
fn change(member: &mut [u8], at: usize, bytes: &[u8]) {
    member[at..at + bytes.len()].copy_from_slice(bytes);
    member[148..156].copy_from_slice(b"        ");
    let sum: u32 = member[..512].iter().map(|it| u32::from(*it)).sum();
    member[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

fn named(member: &[u8], name: &[u8]) -> Vec<u8> {
    let mut member = member.to_vec();
    let mut field = [0; 100];
    field[..name.len()].copy_from_slice(name);
    change(&mut member, 0, &field);
    member
}

#[test]
fn what_is_right_is_restored() {
    let bad = Bad::new();
    let path = bad.folder.path().join("good.tar.gz");
    fs::write(&path, packed(&joined(&members(&bad.plain)))).unwrap();
    restore(&path, &bad.folder.path().join("restored")).unwrap();
}

#[test]
fn every_flipped_bit_is_seen() {
    let bad = Bad::new();
    let len = bad.packed.len();
    let step = len / 150;
    let edges = (0..40).chain(len - 120..len);
    for at in edges.chain((0..len).step_by(step)) {
        for bit in [1, 1 << (at % 8)] {
            let mut bytes = bad.packed.clone();
            bytes[at] ^= bit;
            bad.refused(&bytes);
        }
    }
}

#[test]
fn a_backup_that_is_cut_off_is_none() {
    let bad = Bad::new();
    let len = bad.packed.len();
    for cut in [0, 1, 17, SEAL_LEN, len / 3, len - SEAL_LEN, len - 1] {
        bad.refused(&bad.packed[..cut]);
    }
    let mut longer = bad.packed.clone();
    longer.push(0);
    bad.refused(&longer);
    longer.truncate(len);
    longer.extend_from_slice(&bad.packed);
    bad.refused(&longer);
    // Without its list, however right the seal.
    let mut members = members(&bad.plain);
    members.pop();
    let said = bad.refused_plain(&joined(&members));
    assert!(said.contains("it has no list of its files"), "{said}");
    bad.refused_plain(b"");
    bad.refused_plain(&[0; 512]);
    bad.refused_plain(&bad.plain[..bad.plain.len() - 512]);
}

#[test]
fn a_member_that_leads_elsewhere_is_named() {
    let bad = Bad::new();
    let all = members(&bad.plain);
    for (name, why) in [
        (&b"/etc/cron.d/x"[..], "is an absolute path"),
        (b"../x", "leads out of the folder"),
        (b"logs/../../x", "leads out of the folder"),
        (b"keys/key", "is no file of a backup"),
        (b"logs//x", "is not a plain path"),
        (b"logs/\xff", "is not UTF-8"),
        (b"logs/a\nb", "has a control character in it"),
    ] {
        let mut members = all.clone();
        members[0].1 = named(&members[0].1, name);
        let said = bad.refused_plain(&joined(&members));
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn links_devices_and_folders_are_named() {
    let bad = Bad::new();
    let all = members(&bad.plain);
    for (kind, what) in [
        (b"1", "a second name"),
        (b"2", "a link"),
        (b"3", "a device"),
        (b"4", "a device"),
        (b"5", "a folder"),
        (b"6", "a pipe"),
        (b"7", "of a kind that no backup has"),
        (b"x", "of a kind that no backup has"),
        (b"g", "of a kind that no backup has"),
        (b"S", "of a kind that no backup has"),
        (b"K", "of a kind that no backup has"),
    ] {
        let mut members = all.clone();
        change(&mut members[1].1, 156, kind);
        change(&mut members[1].1, 157, b"/etc/passwd");
        let said = bad.refused_plain(&joined(&members));
        assert!(
            said.contains(what) && said.contains(&members[1].0),
            "{said}"
        );
    }
}

#[test]
fn members_that_are_not_those_listed_are_named() {
    let bad = Bad::new();
    let all = members(&bad.plain);
    let refused = |change: &dyn Fn(&mut Members)| {
        let mut members = all.clone();
        change(&mut members);
        bad.refused_plain(&joined(&members))
    };
    let name = all[1].0.clone();
    let said = refused(&|it| it.insert(2, it[1].clone()));
    assert!(said.contains(&format!("{name} is in it twice")), "{said}");
    let said = refused(&|it| drop(it.remove(1)));
    assert!(said.contains("is not listed"), "{said}");
    let said = refused(&|it| {
        let more = named(&it[1].1, b"logs/more");
        let end = it.len() - 1;
        it.insert(end, ("logs/more".to_owned(), more));
    });
    assert!(said.contains("logs/more is not listed"), "{said}");
    let said = refused(&|it| {
        let end = it.len() - 2;
        it.remove(end);
    });
    assert!(said.contains("is listed and missing"), "{said}");
    let said = refused(&|it| it[1].1[512] ^= 1);
    assert!(
        said.contains(&format!("{name} is not the file that is listed")),
        "{said}"
    );
    let said = refused(&|it| change(&mut it[1].1, 100, b"0004755"));
    assert!(
        said.contains(&format!("{name} would run as somebody else")),
        "{said}"
    );
    let said = refused(&|it| {
        let below = named(&it[1].1, format!("{name}/x").as_bytes());
        it.insert(2, ("x".to_owned(), below));
    });
    assert!(said.contains(&format!("{name} is a file")), "{said}");
}

/// A list that says so much of itself that a reader who believed it would take all memory.
#[test]
fn sizes_that_are_not_there_take_no_memory() {
    let bad = Bad::new();
    let all = members(&bad.plain);
    for at in [0, all.len() - 1] {
        let mut members = all.clone();
        change(&mut members[at].1, 124, b"77777777777\0");
        bad.refused_plain(&joined(&members));
        change(
            &mut members[at].1,
            124,
            &[0x80, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255],
        );
        bad.refused_plain(&joined(&members));
    }
}

#[test]
fn what_is_no_backup_at_all_is_refused() {
    let bad = Bad::new();
    bad.refused(b"");
    bad.refused(&[0; 4096]);
    bad.refused(&packed(&[b'x'; 4096]));
    bad.refused(&bad.plain);
    let missing: &Path = &bad.folder.path().join("none");
    let into: PathBuf = bad.folder.path().join("restored");
    assert!(restore(missing, &into).is_err());
    assert!(restore(bad.folder.path(), &into).is_err());
}
