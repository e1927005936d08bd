//! One member of a tar file: its header, both ways.
//!
//! Always true:
//! - What is written is ustar, with GNU's long name before a member whose name does not fit, and its large
//!   numbers: any `tar` reads it.
//! - What is read is what is written: a plain file with a name below one of four folders. A link, a device, a
//!   folder, a name that leads elsewhere are refused, with the name.
//!
//! Not here: the bytes of a member.

use std::fmt;

/// Everything in a tar file is a number of these.
pub(super) const BLOCK_LEN: usize = 512;
const NAME_LEN: usize = 100;
/// More than a path may have.
pub(super) const LONG_NAME_LEN_MAX: u64 = 4096;
const LONG_NAME: &str = "././@LongLink";
const MAGIC: &[u8; 8] = b"ustar  \0";
/// The last member, which lists all others.
pub(super) const MANIFEST: &str = "MANIFEST.json";
/// What a backup has, and what a journal's folder has after it was restored.
pub(super) const ROOTS: [&str; 4] = ["logs", "archive", "storage", "config"];

/// One block.
pub(super) type Block = [u8; BLOCK_LEN];

/// What a header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// A plain file.
    File { name: Vec<u8>, len: u64, mode: u32 },
    /// The next member's name, of so many bytes, its zero included.
    LongName { len: u64 },
    /// The end.
    End,
}

/// Why a header is none of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MemberError {
    /// It is no header.
    #[error("what stands there is no header of a tar file")]
    NoHeader,
    /// It is no plain file.
    #[error("{name} is {kind}")]
    Kind {
        /// Its name.
        name: String,
        /// What it is.
        kind: &'static str,
    },
    /// A name that leads elsewhere.
    #[error("{name:?} {why}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// The headers of a file of that name, length and mode, and the bytes between them.
pub(super) fn headers(name: &str, len: u64, mode: u32, seconds: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(3 * BLOCK_LEN);
    if NAME_LEN < name.len() {
        bytes.extend_from_slice(&block(LONG_NAME, name.len() as u64 + 1, 0, 0, b'L'));
        bytes.extend_from_slice(name.as_bytes());
        bytes.push(0);
        pad(&mut bytes);
    }
    bytes.extend_from_slice(&block(name, len, mode, seconds, b'0'));
    bytes
}

/// Zeros up to the next whole block.
pub(super) fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(BLOCK_LEN), 0);
}

fn block(name: &str, len: u64, mode: u32, seconds: u64, kind: u8) -> Block {
    let mut block = [0; BLOCK_LEN];
    let short = name.as_bytes();
    put(
        &mut block,
        0,
        short.get(..short.len().min(NAME_LEN)).unwrap_or_default(),
    );
    put(&mut block, 100, format!("{mode:07o}").as_bytes());
    put(&mut block, 108, b"0000000");
    put(&mut block, 116, b"0000000");
    put(&mut block, 124, &number(len));
    put(&mut block, 136, &number(seconds));
    put(&mut block, 148, b"        ");
    put(&mut block, 156, &[kind]);
    put(&mut block, 257, MAGIC);
    let sum = checksum(&block);
    put(&mut block, 148, format!("{sum:06o}\0 ").as_bytes());
    block
}

fn put(block: &mut Block, at: usize, bytes: &[u8]) {
    for (to, from) in block.iter_mut().skip(at).zip(bytes) {
        *to = *from;
    }
}

/// Twelve bytes: octal digits where they are enough, and else GNU's, with the first bit set.
fn number(value: u64) -> Vec<u8> {
    if value < 1 << 33 {
        return format!("{value:011o}\0").into_bytes();
    }
    let mut bytes = vec![0x80, 0, 0, 0];
    bytes.extend_from_slice(&value.to_be_bytes());
    bytes
}

fn checksum(block: &Block) -> u32 {
    let bytes = block.iter().enumerate();
    let each = bytes.map(|(at, byte)| match at {
        148..156 => u32::from(b' '),
        _ => u32::from(*byte),
    });
    each.sum()
}

/// Reads a header; a name in it is as long as it fits in there.
pub(super) fn parse(block: &Block) -> Result<Header, MemberError> {
    if block.iter().all(|it| *it == 0) {
        return Ok(Header::End);
    }
    let field = |at: usize, len: usize| block.get(at..at + len).unwrap_or_default();
    let sum = octal(field(148, 8)).ok_or(MemberError::NoHeader)?;
    if field(257, 5) != b"ustar" || sum != u64::from(checksum(block)) {
        return Err(MemberError::NoHeader);
    }
    let name = until_zero(field(0, NAME_LEN));
    let len = wide(field(124, 12)).ok_or(MemberError::NoHeader)?;
    let mode = octal(field(100, 8)).and_then(|it| u32::try_from(it).ok());
    let mode = mode.ok_or(MemberError::NoHeader)?;
    let kind = match field(156, 1) {
        b"0" if field(257, 8) == MAGIC => {
            let name = name.to_vec();
            return Ok(Header::File { name, len, mode });
        }
        b"L" => return Ok(Header::LongName { len }),
        b"1" => "a second name of another file",
        b"2" => "a link",
        b"3" | b"4" => "a device",
        b"5" => "a folder",
        b"6" => "a pipe",
        _ => "of a kind that no backup has",
    };
    let name = String::from_utf8_lossy(name).into_owned();
    Err(MemberError::Kind { name, kind })
}

fn until_zero(bytes: &[u8]) -> &[u8] {
    bytes.split(|it| *it == 0).next().unwrap_or_default()
}

fn octal(bytes: &[u8]) -> Option<u64> {
    let text = str::from_utf8(until_zero(bytes)).ok()?;
    u64::from_str_radix(text.trim_matches(' '), 8).ok()
}

fn wide(bytes: &[u8]) -> Option<u64> {
    match bytes.split_first_chunk::<4>() {
        Some(([0x80, 0, 0, 0], rest)) => Some(u64::from_be_bytes(rest.try_into().ok()?)),
        _ => octal(bytes),
    }
}

/// The path of a file in a backup: of UTF-8, below one of [`ROOTS`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MemberName(String);

impl MemberName {
    /// The name that these bytes are.
    pub(super) fn new(bytes: &[u8]) -> Result<MemberName, MemberError> {
        let name = String::from_utf8_lossy(bytes).into_owned();
        match wrong(bytes) {
            Some(why) => Err(MemberError::Name { name, why }),
            None => Ok(MemberName(name)),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn is_manifest(&self) -> bool {
        self.0 == MANIFEST
    }

    /// The names that must be folders for this one to be there.
    pub(super) fn folders(&self) -> impl Iterator<Item = &str> {
        let ends = self.0.match_indices('/');
        ends.filter_map(|(at, _)| self.0.get(..at))
    }
}

impl fmt::Display for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn wrong(bytes: &[u8]) -> Option<&'static str> {
    let Ok(name) = str::from_utf8(bytes) else {
        return Some("is not UTF-8");
    };
    if name == MANIFEST {
        return None;
    }
    if name.starts_with('/') {
        return Some("is an absolute path");
    }
    if name.chars().any(char::is_control) {
        return Some("has a control character in it");
    }
    if name.split('/').any(|it| it == "..") {
        return Some("leads out of the folder");
    }
    if name
        .split('/')
        .any(|it| it.is_empty() || it == "." || 255 < it.len())
    {
        return Some("is not a plain path");
    }
    if LONG_NAME_LEN_MAX <= name.len() as u64 {
        return Some("is too long");
    }
    let root = name.split_once('/').map(|it| it.0);
    match root {
        Some(root) if ROOTS.contains(&root) => None,
        _ => Some("is no file of a backup"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(bytes: &[u8]) -> Header {
        parse(bytes.last_chunk().unwrap()).unwrap()
    }

    #[test]
    fn a_header_reads_as_it_was_written() {
        for (name, len, mode) in [
            ("logs/JOURNAL", 52, 0o600),
            ("config/.env", 0, 0o640),
            ("storage/x", 20 << 30, 0o777),
        ] {
            let bytes = headers(name, len, mode, 1_761_480_000);
            assert_eq!(bytes.len(), BLOCK_LEN);
            let name = name.as_bytes().to_vec();
            assert_eq!(parsed(&bytes), Header::File { name, len, mode });
        }
        let long = format!("logs/{}", "x".repeat(200));
        let bytes = headers(&long, 7, 0o600, 0);
        assert_eq!(bytes.len(), 3 * BLOCK_LEN);
        assert_eq!(
            parse(bytes.first_chunk().unwrap()),
            Ok(Header::LongName { len: 206 })
        );
        assert_eq!(parse(&[0; BLOCK_LEN]), Ok(Header::End));
    }

    #[test]
    fn a_changed_header_is_refused() {
        let bytes = headers("logs/JOURNAL", 52, 0o600, 1_761_480_000);
        for at in 0..BLOCK_LEN {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let found = parse(changed.last_chunk().unwrap());
            // A checksum that reads as the same number is the same checksum.
            let is_same = found == Ok(parsed(&bytes)) && (148..156).contains(&at);
            assert!(found.is_err() || is_same, "{at}: {found:?}");
        }
    }

    #[test]
    fn a_name_leads_nowhere_else() {
        for name in [
            "",
            "/",
            "/etc/passwd",
            "logs",
            "logs/",
            "logs//x",
            "logs/./x",
            "./logs/x",
            "../logs/x",
            "logs/../../x",
            "logs/..",
            "keys/key",
            "x",
            "logs/a\nb",
            "logs/a\0b",
            "MANIFEST.json/x",
        ] {
            assert!(MemberName::new(name.as_bytes()).is_err(), "{name:?}");
        }
        assert!(MemberName::new(b"logs/\xff").is_err());
        for name in [
            "logs/JOURNAL",
            "config/.env",
            "logs/..x/y..",
            "MANIFEST.json",
        ] {
            assert!(MemberName::new(name.as_bytes()).is_ok(), "{name:?}");
        }
    }
}
