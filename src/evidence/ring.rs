//! The ring: which key signs on which day, signed once by the root key that an auditor trusts.
//!
//! ```text
//! tradejournal key ring 1
//! my-journal
//! 2026-11-21 <base64 of the day's public key>
//! ...
//!
//! — my-journal/root <base64 of key number, signature>
//! ```
//!
//! Always true: days follow each other without a hole, and each has one key. A ring that was read
//! writes the same bytes again.

use std::{fmt, str::FromStr};

use base64ct::{Base64, Encoding};
use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest as _, Sha256};

use super::checkpoint::{escaped, is_signature};
use super::note::{Note, NoteError, Signature, SignatureKind, VerifierKey};
use crate::time::Day;

const TITLE: &str = "tradejournal key ring 1";
/// A year and its leap day.
pub(super) const RING_DAYS: usize = 366;
/// More days than any ring of ours has, so that a hostile one ends somewhere.
const DAYS_MAX: usize = 3660;

/// The keys of some days, and the root's signature over them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring {
    journal: String,
    first: Day,
    keys: Vec<[u8; 32]>,
    signature: Signature,
}

/// Why a text is no ring.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RingError {
    /// It is no signed note.
    #[error("a key ring is a signed note")]
    Note(#[from] NoteError),
    /// One of its lines is not as it must be.
    #[error("line {line} of the key ring is not as it must be")]
    Line {
        /// Which, from 1.
        line: usize,
    },
}

/// The key that signs rings. Whoever has it can make every checkpoint look right; it is kept where
/// the journal is not.
#[derive(Clone)]
pub struct RootKey {
    verifier: VerifierKey,
    key: SigningKey,
}

/// A text that is no root key. It is not repeated: it may be one with a mistake in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no root key: one line that begins with PRIVATE+KEY+ is")]
pub struct RootKeyError;

impl RootKey {
    /// The root key of a journal out of 32 bytes of randomness; `None` for a name that no journal has.
    #[must_use]
    pub fn new(journal: &str, seed: &[u8; 32]) -> Option<RootKey> {
        RootKey::named(&root_name(journal), seed)
    }

    fn named(name: &str, seed: &[u8; 32]) -> Option<RootKey> {
        let key = SigningKey::from_bytes(seed);
        let public = key.verifying_key().to_bytes();
        let verifier = VerifierKey::new(name, SignatureKind::Ed25519, public)?;
        Some(RootKey { verifier, key })
    }

    /// What an auditor checks rings with.
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Whether it is of that journal.
    #[must_use]
    pub fn is_of(&self, journal: &str) -> bool {
        self.verifier.name() == root_name(journal)
    }

    /// Its secret, as one line.
    #[must_use]
    pub fn secret(&self) -> String {
        let raw = [&[1][..], self.key.as_bytes()].concat();
        let (name, id) = (self.verifier.name(), u32::from_be_bytes(self.verifier.id()));
        format!(
            "PRIVATE+KEY+{name}+{id:08x}+{}",
            Base64::encode_string(&raw)
        )
    }

    /// Signs the keys of the days from `first` on.
    #[must_use]
    pub fn sign(&self, journal: &str, first: Day, keys: Vec<[u8; 32]>) -> Ring {
        let mut ring = Ring {
            journal: journal.to_owned(),
            first,
            keys,
            signature: Signature {
                name: self.verifier.name().to_owned(),
                id: self.verifier.id(),
                bytes: Vec::new(),
            },
        };
        let signature = self.key.sign(ring.text().as_bytes());
        ring.signature.bytes = signature.to_bytes().to_vec();
        ring
    }
}

fn root_name(journal: &str) -> String {
    format!("{}/root", escaped(journal))
}

impl FromStr for RootKey {
    type Err = RootKeyError;

    fn from_str(text: &str) -> Result<RootKey, RootKeyError> {
        let rest = text
            .trim()
            .strip_prefix("PRIVATE+KEY+")
            .ok_or(RootKeyError)?;
        let (name, rest) = rest.split_once('+').ok_or(RootKeyError)?;
        let (_, secret) = rest.split_once('+').ok_or(RootKeyError)?;
        let raw = Base64::decode_vec(secret).map_err(|_| RootKeyError)?;
        let [1, seed @ ..] = raw.as_slice() else {
            return Err(RootKeyError);
        };
        let seed: &[u8; 32] = seed.try_into().map_err(|_| RootKeyError)?;
        let root = RootKey::named(name, seed).ok_or(RootKeyError)?;
        // Its number and its spelling too, so that a mistake in copying is seen here.
        (root.secret() == text.trim())
            .then_some(root)
            .ok_or(RootKeyError)
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RootKey")
            .field("verifier", &self.verifier)
            .finish_non_exhaustive()
    }
}

impl Ring {
    /// The journal whose days they are.
    #[must_use]
    pub fn journal(&self) -> &str {
        &self.journal
    }

    /// The first day that has a key.
    #[must_use]
    pub fn first(&self) -> Day {
        self.first
    }

    /// The last day that has a key.
    #[must_use]
    pub fn last(&self) -> Day {
        after(self.first, self.keys.len().saturating_sub(1))
    }

    /// The last day of a new ring that begins on `first`.
    #[must_use]
    pub fn last_from(first: Day) -> Day {
        after(first, RING_DAYS - 1)
    }

    /// The key of a day.
    #[must_use]
    pub fn key_of(&self, day: Day) -> Option<VerifierKey> {
        let index = day.unix_days().checked_sub(self.first.unix_days())?;
        let key = self.keys.get(usize::try_from(index).ok()?)?;
        day_key(&self.journal, day, *key)
    }

    /// The day on which a key signs.
    #[must_use]
    pub fn day_of(&self, key: &[u8; 32]) -> Option<Day> {
        let index = self.keys.iter().position(|it| it == key)?;
        Some(after(self.first, index))
    }

    /// Whether it was signed with that root key, which must be of the same journal.
    #[must_use]
    pub fn is_signed_by(&self, root: &VerifierKey) -> bool {
        let Ok(signature) = <[u8; 64]>::try_from(self.signature.bytes.as_slice()) else {
            return false;
        };
        root.kind() == SignatureKind::Ed25519
            && root.is_of(&self.signature)
            && root.name() == root_name(&self.journal)
            && is_signature(root.key(), self.text().as_bytes(), &signature)
    }

    fn text(&self) -> String {
        let mut text = format!("{TITLE}\n{}\n", escaped(&self.journal));
        for (index, key) in self.keys.iter().enumerate() {
            let day = after(self.first, index);
            text += &format!("{day} {}\n", Base64::encode_string(key));
        }
        text
    }
}

/// What checks the signatures of a day.
pub(super) fn day_key(journal: &str, day: Day, key: [u8; 32]) -> Option<VerifierKey> {
    let name = format!("{}/{day}", escaped(journal));
    VerifierKey::new(&name, SignatureKind::Cosignature, key)
}

fn after(day: Day, days: usize) -> Day {
    i32::try_from(days)
        .ok()
        .and_then(|it| day.unix_days().checked_add(it))
        .and_then(Day::from_unix_days)
        .unwrap_or(day)
}

impl FromStr for Ring {
    type Err = RingError;

    fn from_str(text: &str) -> Result<Ring, RingError> {
        let note: Note = text.parse()?;
        let signature = note.only_signature()?.clone();
        let mut lines = note.text().lines().enumerate();
        let wrong = |at| RingError::Line { line: at + 1 };
        let mut next = |at| lines.next().ok_or(wrong(at));
        if next(0)?.1 != TITLE {
            return Err(wrong(0));
        }
        let journal = next(1)?.1.replace("%2B", "+").replace("%25", "%");
        let mut first = None;
        let mut keys = Vec::new();
        for (at, line) in lines {
            let (day, key) = line.split_once(' ').ok_or(wrong(at))?;
            let day: Day = day.parse().map_err(|_| wrong(at))?;
            let key = Base64::decode_vec(key).map_err(|_| wrong(at))?;
            let first = *first.get_or_insert(day);
            if day != after(first, keys.len()) || DAYS_MAX <= keys.len() {
                return Err(wrong(at));
            }
            keys.push(key.try_into().map_err(|_| wrong(at))?);
        }
        let ring = Ring {
            journal,
            first: first.ok_or(wrong(2))?,
            keys,
            signature,
        };
        // One spelling only.
        if ring.text() != note.text() {
            return Err(wrong(1));
        }
        Ok(ring)
    }
}

impl fmt::Display for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let note = Note::new(self.text(), vec![self.signature.clone()]);
        fmt::Display::fmt(&note, f)
    }
}

/// One day's secret, out of which come the key of that day and the secret of the next, and nothing
/// of the days before.
#[derive(Clone)]
pub(super) struct Seed([u8; 32]);

impl Seed {
    pub(super) fn from_bytes(bytes: [u8; 32]) -> Seed {
        Seed(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key that signs on that day.
    pub(super) fn key(&self) -> SigningKey {
        SigningKey::from_bytes(&self.hash(b"tradejournal day key 1\n"))
    }

    /// The seed of the day after.
    pub(super) fn next(&self) -> Seed {
        Seed(self.hash(b"tradejournal next seed 1\n"))
    }

    /// The seed of the day `then`, if this is the one of `day`; itself when that is no later day.
    pub(super) fn after(&self, day: Day, then: Day) -> Seed {
        (day.unix_days()..then.unix_days()).fold(self.clone(), |seed, _| seed.next())
    }

    /// The public keys of `days` days from this one on.
    pub(super) fn public_keys(&self, days: usize) -> Vec<[u8; 32]> {
        let mut seed = self.clone();
        let mut keys = Vec::with_capacity(days);
        for _ in 0..days {
            keys.push(seed.key().verifying_key().to_bytes());
            seed = seed.next();
        }
        keys
    }

    fn hash(&self, prefix: &[u8]) -> [u8; 32] {
        let mut state = Sha256::new();
        state.update(prefix);
        state.update(self.0);
        state.finalize().into()
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_is_read_again_and_every_changed_bit_is_refused() {
        let root = RootKey::new("mine", &[3; 32]).unwrap();
        let seed = Seed::from_bytes([5; 32]);
        let first: Day = "2026-12-30".parse().unwrap();
        let ring = root.sign("mine", first, seed.public_keys(5));
        let text = ring.to_string();
        assert_eq!(text.parse::<Ring>().unwrap(), ring);
        assert!(ring.is_signed_by(root.verifier()));
        for (name, seed) in [("other", 3), ("mine", 4)] {
            let other = RootKey::new(name, &[seed; 32]).unwrap();
            assert!(!ring.is_signed_by(other.verifier()));
        }
        assert_eq!(ring.last().to_string(), "2027-01-03");
        let third = seed.next().next().key().verifying_key().to_bytes();
        let day = "2027-01-01".parse().unwrap();
        assert_eq!(ring.key_of(day).unwrap().key(), &third);
        assert_eq!(ring.day_of(&third), Some(day));
        assert_eq!(ring.key_of("2027-01-04".parse().unwrap()), None);
        assert_eq!(ring.key_of("2026-12-29".parse().unwrap()), None);
        for bit in 0..text.len() * 8 {
            let mut bytes = text.clone().into_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let changed = String::from_utf8(bytes)
                .ok()
                .and_then(|it| it.parse::<Ring>().ok());
            let passes = changed.is_some_and(|it| it.is_signed_by(root.verifier()));
            assert!(!passes, "bit {bit}");
        }
    }

    #[test]
    fn a_root_key_is_read_as_it_is_written_and_not_otherwise() {
        let root = RootKey::new("my+journal", &[3; 32]).unwrap();
        let secret = root.secret();
        let again: RootKey = secret.parse().unwrap();
        assert_eq!(again.verifier(), root.verifier());
        for at in 0..secret.len() {
            let mut bytes = secret.clone().into_bytes();
            bytes[at] ^= 1;
            assert!(
                String::from_utf8(bytes)
                    .unwrap()
                    .parse::<RootKey>()
                    .is_err()
            );
        }
        assert!(!format!("{root:?}").contains("PRIVATE"));
    }
}
