//! A line: a record and the three fields by which the journal knows it again.
//!
//! ```text
//! {"timestamp":"2025-10-26T14:32:15.123Z",...,"seq":41,"dur":41,"hash":"<64 hex>"}
//! ```
//!
//! Always true of a line that checks:
//! - `seq` counts the stream's lines from 0, across days, without a hole.
//! - `dur` is how many lines the writer knew to be on disk when it wrote this one, at most `seq`.
//! - `hash` is the SHA-256 of a zero byte and the line with its newline, the previous line's 64
//!   digits in the place of its own: checksum, chain and RFC 6962 leaf at once.
//! - It ends with one newline, holds no other, and is at most [`LINE_LEN_MAX`] bytes long.
//!
//! Not here: whether the record in it is legal, and which file it stands in.

use std::{ops::Range, sync::Arc};

use sha2::{Digest as _, Sha256, block_api::compress256};

use crate::record::{Digest, Stream};

/// The longest line, its newline included.
pub const LINE_LEN_MAX: usize = 1 << 20;

/// Room for most records; one that is longer makes the buffer grow.
const LINE_LEN_LIKELY: usize = 1024;

/// What follows the hash's digits: the end of the object and of the line.
const END: &[u8] = b"\"}\n";
const SEQ_KEY: &[u8] = b",\"seq\":";
const DUR_KEY: &[u8] = b",\"dur\":";
const HASH_KEY: &[u8] = b",\"hash\":\"";
/// The three keys, two numbers of at most 20 digits, 64 digits and the end.
pub const TAIL_LEN_MAX: usize =
    SEQ_KEY.len() + 20 + DUR_KEY.len() + 20 + HASH_KEY.len() + 64 + END.len();

/// What SHA-256 begins with (FIPS 180-4, 5.3.3).
const SHA256_START: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// The previous hash of a stream's first line.
#[must_use]
pub fn genesis(journal_name: &str, stream: Stream) -> Digest {
    let text = format!("tradejournal 1 {journal_name} {stream}\n");
    Digest::from_bytes(Sha256::digest(text).into())
}

/// The journal's own fields of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The line's number in its stream.
    pub seq: u64,
    /// How many lines the writer knew to be on disk.
    pub dur: u64,
    /// The line's hash.
    pub hash: Digest,
    /// Where the record's fields end: the offset of `,"seq"`.
    pub record_len: usize,
}

impl Tail {
    /// Reads the three fields at the end of `line` (with its newline), written exactly as this
    /// format writes them.
    #[must_use]
    pub fn parse(line: &[u8]) -> Option<Tail> {
        let (tail, digits) = Tail::split(line)?;
        let hash = Digest::from_hex(digits)?;
        Some(Tail { hash, ..tail })
    }

    /// The `seq` of a line that [`Tail::parse`] reads, for much less.
    #[must_use]
    pub(crate) fn seq_of(line: &[u8]) -> Option<u64> {
        let (tail, digits) = Tail::split(line)?;
        let is_digit = |it: u8| it.is_ascii_digit() | (b'a'..=b'f').contains(&it);
        // Without an early end, so that it is done many bytes a step.
        let all = digits.iter().fold(true, |all, it| all & is_digit(*it));
        all.then_some(tail.seq)
    }

    /// The fields without the hash, and the digits of the hash.
    fn split(line: &[u8]) -> Option<(Tail, &[u8])> {
        let rest = line.strip_suffix(END)?;
        let (rest, digits) = rest.split_at_checked(rest.len().checked_sub(64)?)?;
        let rest = rest.strip_suffix(HASH_KEY)?;
        let (rest, dur) = split_number(rest)?;
        let rest = rest.strip_suffix(DUR_KEY)?;
        let (rest, seq) = split_number(rest)?;
        let record = rest.strip_suffix(SEQ_KEY)?;
        // No stream gets there; so whoever counts on from a line cannot overflow.
        if seq >> 63 != 0 {
            return None;
        }
        let tail = Tail {
            seq,
            dur,
            hash: Digest::from_bytes([0; 32]),
            record_len: record.len(),
        };
        Some((tail, digits))
    }

    /// [`Tail::parse`] of a line that checks after one whose hash has the digits `previous`. The
    /// digits of a chain are compared as text, so that none has to be read.
    pub(super) fn parse_after(line: &[u8], previous: &[u8; 64]) -> Option<Tail> {
        let digits = digits(line)?;
        let before = line.get(..line.len() - END.len() - 64)?;
        let rest = before.strip_suffix(HASH_KEY)?;
        let (rest, dur) = split_number(rest)?;
        let rest = rest.strip_suffix(DUR_KEY)?;
        let (rest, seq) = split_number(rest)?;
        let record_len = rest.strip_suffix(SEQ_KEY)?.len();
        let hash = leaf(before, previous);
        (hash.to_hex() == *digits).then_some(Tail {
            seq,
            dur,
            hash,
            record_len,
        })
    }

    /// Whether `line` has the hash that it says, after a line with the hash `previous`.
    #[must_use]
    pub fn checks(&self, line: &[u8], previous: &Digest) -> bool {
        hash_of(line, previous) == Some(self.hash)
    }
}

/// The hash that `line` must have after a line with the hash `previous`.
#[must_use]
pub fn hash_of(line: &[u8], previous: &Digest) -> Option<Digest> {
    let before = line.get(..line.len().checked_sub(END.len() + 64)?)?;
    Some(leaf(before, &previous.to_hex()))
}

/// Where the digits of a line's hash are, if it ends as lines do.
pub(super) fn digits(line: &[u8]) -> Option<&[u8; 64]> {
    line.strip_suffix(END)?.last_chunk()
}

/// The hash of a zero byte, what is `before` the digits of a line, other digits, and the end.
fn leaf(before: &[u8], digits: &[u8; 64]) -> Digest {
    let begun = BegunLeaf::new(before);
    begun.finish([before.get(begun.hashed..).unwrap_or_default(), &[], digits])
}

/// SHA-256 of a zero byte and a line, as far as it goes over the line's first bytes.
///
/// Hot: half of what appending costs before the disk, and most of what verifying costs, is SHA-256.
/// The hasher of `sha2` copies what is left of each piece into a block of its own and compresses
/// block by block; here whole blocks are compressed where they stand, and the end in one go.
#[derive(Clone, Copy, Debug)]
struct BegunLeaf {
    state: [u32; 8],
    /// How many bytes of the line are in the state.
    hashed: usize,
}

impl BegunLeaf {
    fn new(line: &[u8]) -> BegunLeaf {
        let mut state = SHA256_START;
        let Some((first, rest)) = line.split_first_chunk::<63>() else {
            return BegunLeaf { state, hashed: 0 };
        };
        let mut block = [0; 64];
        if let Some(space) = block.last_chunk_mut() {
            *space = *first;
        }
        compress256(&mut state, &[block]);
        let (blocks, _) = rest.as_chunks();
        compress256(&mut state, blocks);
        BegunLeaf {
            state,
            hashed: first.len() + blocks.len() * 64,
        }
    }

    /// The hash, with what is left of the line (less than a block), the rest of the journal's
    /// fields up to the digits, and the digits.
    fn finish(mut self, [left, fields, digits]: [&[u8]; 3]) -> Digest {
        let mut end = [0; 256];
        let mut used = 0;
        let mut push = |bytes: &[u8]| {
            let space = end.get_mut(used..used + bytes.len());
            debug_assert!(space.is_some(), "four blocks hold the longest end");
            if let Some(space) = space {
                space.copy_from_slice(bytes);
            }
            used += bytes.len();
        };
        if self.hashed == 0 {
            push(&[0]);
        }
        [left, fields, digits, END, &[0x80]]
            .into_iter()
            .for_each(&mut push);
        let len = used - 1 + self.hashed + usize::from(self.hashed != 0);
        let (blocks, _) = end.as_chunks_mut::<64>();
        let count = (used + 8).div_ceil(64);
        let blocks = blocks.get_mut(..count).unwrap_or_default();
        if let Some(space) = blocks.last_mut().and_then(|it| it.last_chunk_mut()) {
            *space = (len as u64 * 8).to_be_bytes();
        }
        compress256(&mut self.state, blocks);
        let mut hash = [0; 32];
        for (bytes, word) in hash.as_chunks_mut().0.iter_mut().zip(self.state) {
            *bytes = word.to_be_bytes();
        }
        Digest::from_bytes(hash)
    }
}

/// Splits the decimal number at the end off; no sign, no leading zero.
fn split_number(text: &[u8]) -> Option<(&[u8], u64)> {
    let len = text
        .iter()
        .rev()
        .take_while(|it| it.is_ascii_digit())
        .count();
    let (rest, digits) = text.split_at_checked(text.len() - len)?;
    if digits.is_empty() || 20 < len || (digits.first() == Some(&b'0') && 1 < len) {
        return None;
    }
    let number = digits.iter().try_fold(0_u64, |number, digit| {
        number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })?;
    Some((rest, number))
}

/// A record ready to become a line: its bytes, and the hash over them as far as it goes without
/// knowing the line's place. Made outside every lock.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The bytes of all records that were drafted together.
    together: Arc<Vec<u8>>,
    /// Where the record's object is, without its closing brace.
    place: Range<usize>,
    begun: BegunLeaf,
}

/// Records that are drafted together: one buffer for all, since a batch of buffers costs more than
/// what is put into them.
#[derive(Debug, Default)]
pub(super) struct Drafting {
    bytes: Vec<u8>,
    drafted: Vec<(Range<usize>, BegunLeaf)>,
}

impl Drafting {
    /// For so many records.
    pub(super) fn with_capacity(records: usize) -> Drafting {
        Drafting {
            bytes: Vec::with_capacity(records.saturating_mul(LINE_LEN_LIKELY)),
            drafted: Vec::with_capacity(records),
        }
    }

    /// Drafts the object that `encode` appends; the most bytes that its line will have.
    pub(super) fn add(&mut self, encode: impl FnOnce(&mut Vec<u8>)) -> usize {
        let start = self.bytes.len();
        encode(&mut self.bytes);
        debug_assert_eq!(
            self.bytes.last(),
            Some(&b'}'),
            "a record is one JSON object"
        );
        self.bytes.pop();
        let place = start..self.bytes.len();
        let begun = BegunLeaf::new(self.bytes.get(start..).unwrap_or_default());
        let len = place.len() + TAIL_LEN_MAX;
        self.drafted.push((place, begun));
        len
    }

    /// The drafts.
    pub(super) fn finish(self) -> impl Iterator<Item = Draft> {
        let together = Arc::new(self.bytes);
        self.drafted.into_iter().map(move |(place, begun)| Draft {
            together: Arc::clone(&together),
            place,
            begun,
        })
    }
}

impl Draft {
    /// A draft of the object that `encode` appends.
    #[must_use]
    pub fn new(encode: impl FnOnce(&mut Vec<u8>)) -> Draft {
        let mut drafting = Drafting::with_capacity(1);
        drafting.add(encode);
        let Drafting { bytes, mut drafted } = drafting;
        let (place, begun) = drafted.pop().unwrap_or_else(|| (0..0, BegunLeaf::new(&[])));
        Draft {
            together: Arc::new(bytes),
            place,
            begun,
        }
    }

    /// The most bytes that the line will have.
    #[must_use]
    pub fn line_len_max(&self) -> usize {
        self.place.len() + TAIL_LEN_MAX
    }

    /// Appends the finished line to `out` and returns its hash.
    pub fn seal(self, seq: u64, dur: u64, previous: &Digest, out: &mut Vec<u8>) -> Digest {
        let Draft {
            together,
            place,
            begun,
        } = self;
        let bytes = together.get(place).unwrap_or_default();
        out.extend_from_slice(bytes);
        let fields_at = out.len();
        out.extend_from_slice(SEQ_KEY);
        push_number(out, seq);
        out.extend_from_slice(DUR_KEY);
        push_number(out, dur);
        out.extend_from_slice(HASH_KEY);
        let left = bytes.get(begun.hashed..).unwrap_or_default();
        let fields = out.get(fields_at..).unwrap_or_default();
        let hash = begun.finish([left, fields, &previous.to_hex()]);
        out.extend_from_slice(&hash.to_hex());
        out.extend_from_slice(END);
        hash
    }
}

fn push_number(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let mut rest = number;
    let mut used = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        used += 1;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(20 - used..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(record: &str, seq: u64, dur: u64, previous: &Digest) -> (Vec<u8>, Digest) {
        let mut out = Vec::new();
        let draft = Draft::new(|out| out.extend_from_slice(record.as_bytes()));
        let hash = draft.seal(seq, dur, previous, &mut out);
        (out, hash)
    }

    #[test]
    fn a_sealed_line_parses_and_checks() {
        let start = genesis("mine", Stream::Trades);
        let (bytes, hash) = line(r#"{"a":1}"#, 0, 0, &start);
        let tail = Tail::parse(&bytes).unwrap();
        assert_eq!(
            (tail.seq, tail.dur, tail.hash, tail.record_len),
            (0, 0, hash, 6)
        );
        assert!(tail.checks(&bytes, &start));
        assert!(!tail.checks(&bytes, &hash));
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(
            text,
            format!("{{\"a\":1,\"seq\":0,\"dur\":0,\"hash\":\"{hash}\"}}\n")
        );
    }

    #[test]
    fn the_hash_is_what_sha256sum_says_of_the_line_with_the_previous_digits() {
        let start = genesis("mine", Stream::Trades);
        let (bytes, hash) = line(r#"{"a":1}"#, 18_446_744_073_709_551_615, 7, &start);
        let with_previous = String::from_utf8(bytes)
            .unwrap()
            .replace(&hash.to_string(), &start.to_string());
        let leaf = Sha256::digest([b"\0", with_previous.as_bytes()].concat());
        assert_eq!(hash, Digest::from_bytes(leaf.into()));
    }

    #[test]
    fn the_hash_is_sha256_at_every_length() {
        let start = genesis("mine", Stream::Trades);
        for len in 0..400 {
            let (bytes, hash) = line(&format!("{{\"a\":\"{}\"}}", "x".repeat(len)), 0, 0, &start);
            let text = String::from_utf8(bytes.clone()).unwrap();
            let with_previous = text.replace(&hash.to_string(), &start.to_string());
            let leaf = Sha256::digest([b"\0", with_previous.as_bytes()].concat());
            assert_eq!(hash, Digest::from_bytes(leaf.into()), "{len}");
            assert_eq!(hash_of(&bytes, &start), Some(hash), "{len}");
            let tail = Tail::parse(&bytes);
            assert_eq!(Tail::parse_after(&bytes, &start.to_hex()), tail, "{len}");
            assert_eq!(Tail::parse_after(&bytes, &hash.to_hex()), None, "{len}");
        }
        let (bytes, hash) = line(r#"{"a":1}"#, u64::MAX, u64::MAX, &start);
        assert_eq!(hash_of(&bytes, &start), Some(hash));
    }

    #[test]
    fn every_changed_bit_is_seen() {
        let start = genesis("mine", Stream::Trades);
        let (bytes, _) = line(r#"{"text":"abc","n":12}"#, 10, 9, &start);
        for index in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[index / 8] ^= 1 << (index % 8);
            let same = Tail::parse(&flipped).is_some_and(|it| it.checks(&flipped, &start));
            let after = Tail::parse_after(&flipped, &start.to_hex());
            assert_eq!(after, None, "bit {index}");
            assert!(!same, "bit {index} of {}", String::from_utf8_lossy(&bytes));
            let seq = Tail::parse(&flipped).map(|it| it.seq);
            assert_eq!(Tail::seq_of(&flipped), seq, "bit {index}");
        }
    }

    #[test]
    fn what_is_not_exactly_our_tail_is_none() {
        let hash = "0".repeat(64);
        for tail in [
            format!(",\"seq\":01,\"dur\":0,\"hash\":\"{hash}\"}}\n"),
            format!(",\"seq\":-1,\"dur\":0,\"hash\":\"{hash}\"}}\n"),
            format!(",\"seq\":1,\"dur\":,\"hash\":\"{hash}\"}}\n"),
            format!(",\"seq\":99999999999999999999,\"dur\":0,\"hash\":\"{hash}\"}}\n"),
            format!(",\"seq\":1, \"dur\":0,\"hash\":\"{hash}\"}}\n"),
            format!(
                ",\"seq\":1,\"dur\":0,\"hash\":\"{}\"}}\n",
                hash.replacen('0', "A", 1)
            ),
            format!(",\"seq\":1,\"dur\":0,\"hash\":\"{hash}\"}}"),
            "\n".to_owned(),
        ] {
            assert_eq!(
                Tail::parse(format!("{{\"a\":1{tail}").as_bytes()),
                None,
                "{tail}"
            );
        }
    }
}
