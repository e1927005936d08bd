//! Signed notes, as C2SP has them: a text, an empty line, and signature lines below it.
//!
//! Always true: a note that was read writes the same bytes again. What is not spelled as a note of
//! ours would be is refused, so that no changed byte goes unseen.
//!
//! Not here: what the text says, and whether a signature holds.

use std::{fmt, str::FromStr};

use base64ct::{Base64, Encoding};
use sha2::{Digest as _, Sha256};

/// What a signature line begins with: an em dash and a space.
pub(super) const MARK: &str = "\u{2014} ";
/// A ring of several years, or a checkpoint that many witnesses signed, is far smaller.
const NOTE_LEN_MAX: usize = 256 << 10;

/// What kind of signature a key makes, as C2SP numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureKind {
    /// Ed25519 over the note's text.
    Ed25519,
    /// Ed25519 over a time and the note's text.
    Cosignature,
}

impl SignatureKind {
    const fn byte(self) -> u8 {
        match self {
            SignatureKind::Ed25519 => 0x01,
            SignatureKind::Cosignature => 0x04,
        }
    }
}

/// What to check a signature with: a name, a kind and a public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: SignatureKind,
    key: [u8; 32],
}

/// Why a text is no note or no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// It is longer than any note.
    #[error("is longer than {NOTE_LEN_MAX} bytes")]
    TooLong,
    /// It is not UTF-8, has a control character, or does not end with a newline.
    #[error("is no note: it must be lines of text without control characters")]
    Text,
    /// There is no empty line with signature lines below it.
    #[error("is no note: an empty line and signature lines must end it")]
    Signatures,
    /// A signature line is not as it must be.
    #[error("has the signature line `{line}`, which is none")]
    Line {
        /// The line.
        line: String,
    },
    /// It is no verifier key.
    #[error("`{text}` is no verifier key: NAME+8 HEX DIGITS+BASE64")]
    Key {
        /// What was given.
        text: String,
    },
}

/// A text and who signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

/// One signature line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The key's name.
    pub name: String,
    /// The key's number: the beginning of a hash over name, kind and key.
    pub id: [u8; 4],
    /// The signature itself, of whatever kind the key makes.
    pub bytes: Vec<u8>,
}

impl Note {
    /// A note of a text, which must end with a newline, and its signatures.
    #[must_use]
    pub fn new(text: String, signatures: Vec<Signature>) -> Note {
        Note { text, signatures }
    }

    /// The text, its newline included.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines, in their order.
    #[must_use]
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// The one signature line that there must be.
    ///
    /// # Errors
    /// [`NoteError::Signatures`] when there are several.
    pub fn only_signature(&self) -> Result<&Signature, NoteError> {
        match self.signatures.as_slice() {
            [only] => Ok(only),
            _ => Err(NoteError::Signatures),
        }
    }
}

impl FromStr for Note {
    type Err = NoteError;

    fn from_str(note: &str) -> Result<Note, NoteError> {
        if NOTE_LEN_MAX < note.len() {
            return Err(NoteError::TooLong);
        }
        let is_text = |it: char| it == '\n' || !it.is_ascii_control();
        if !note.chars().all(is_text) || !note.ends_with('\n') {
            return Err(NoteError::Text);
        }
        let end = note.rfind("\n\n").ok_or(NoteError::Signatures)?;
        let (text, lines) = note.split_at(end + 1);
        let lines = lines.strip_prefix('\n').unwrap_or(lines);
        let signatures = lines
            .lines()
            .map(Signature::parse)
            .collect::<Result<Vec<_>, _>>()?;
        if signatures.is_empty() {
            return Err(NoteError::Signatures);
        }
        Ok(Note::new(text.to_owned(), signatures))
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures
            .iter()
            .try_for_each(|it| writeln!(f, "{it}"))
    }
}

impl Signature {
    fn parse(line: &str) -> Result<Signature, NoteError> {
        let wrong = || NoteError::Line {
            line: line.chars().take(200).collect(),
        };
        let (name, text) = line
            .strip_prefix(MARK)
            .and_then(|it| it.split_once(' '))
            .ok_or_else(wrong)?;
        let raw = Base64::decode_vec(text).map_err(|_| wrong())?;
        let (id, bytes) = raw.split_first_chunk::<4>().ok_or_else(wrong)?;
        if !is_name(name) || bytes.is_empty() || Base64::encode_string(&raw) != text {
            return Err(wrong());
        }
        Ok(Signature {
            name: name.to_owned(),
            id: *id,
            bytes: bytes.to_vec(),
        })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let raw = [&self.id[..], &self.bytes].concat();
        write!(f, "{MARK}{} {}", self.name, Base64::encode_string(&raw))
    }
}

impl VerifierKey {
    /// The key of that name; `None` when no key can be called so.
    #[must_use]
    pub fn new(name: &str, kind: SignatureKind, key: [u8; 32]) -> Option<VerifierKey> {
        is_name(name).then(|| VerifierKey {
            name: name.to_owned(),
            kind,
            key,
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What kind of signature it checks.
    #[must_use]
    pub fn kind(&self) -> SignatureKind {
        self.kind
    }

    /// The public key.
    #[must_use]
    pub fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// Its number in signature lines.
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        let mut state = Sha256::new();
        state.update(self.name.as_bytes());
        state.update([b'\n', self.kind.byte()]);
        state.update(self.key);
        let hash: [u8; 32] = state.finalize().into();
        hash.first_chunk().copied().unwrap_or_default()
    }

    /// Whether a signature line says that it is of this key.
    #[must_use]
    pub fn is_of(&self, signature: &Signature) -> bool {
        signature.name == self.name && signature.id == self.id()
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<VerifierKey, NoteError> {
        let wrong = || NoteError::Key {
            text: text.chars().take(200).collect(),
        };
        // The Base64 may have a plus sign too, so the name and the number are split off in front.
        let (name, rest) = text.split_once('+').ok_or_else(wrong)?;
        let (_, key) = rest.split_once('+').ok_or_else(wrong)?;
        let raw = Base64::decode_vec(key).map_err(|_| wrong())?;
        let (kind, key) = raw.split_first().ok_or_else(wrong)?;
        let kind = match kind {
            0x01 => SignatureKind::Ed25519,
            0x04 => SignatureKind::Cosignature,
            _ => return Err(wrong()),
        };
        let key = key.try_into().map_err(|_| wrong())?;
        let found = VerifierKey::new(name, kind, key).ok_or_else(wrong)?;
        // Its number and its spelling too.
        if found.to_string() != text {
            return Err(wrong());
        }
        Ok(found)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let raw = [&[self.kind.byte()][..], &self.key].concat();
        let id = u32::from_be_bytes(self.id());
        write!(f, "{}+{id:08x}+{}", self.name, Base64::encode_string(&raw))
    }
}

/// The notes of a file that holds one after the other, an empty line behind each, and where each
/// begins. What is no note goes as far as the next signature line that an empty line follows, so that
/// the notes behind it are found again; the last one may be cut.
pub(super) fn notes(file: &[u8]) -> impl Iterator<Item = (u64, &[u8])> + Clone {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = file.get(at..).filter(|it| !it.is_empty())?;
        let start = at as u64;
        let is_end = |empty_line: &usize| {
            let before = rest.get(..*empty_line).unwrap_or_default();
            let line = memchr::memrchr(b'\n', before).map_or(0, |it| it + 1);
            let line = before.get(line..).unwrap_or_default();
            line.starts_with(MARK.as_bytes())
        };
        let mut ends = memchr::memmem::find_iter(rest, b"\n\n");
        let end = ends.find(is_end).map_or(rest.len(), |it| it + 1);
        // The empty line behind it.
        at += (end + 1).min(rest.len());
        Some((start, rest.get(..end).unwrap_or_default()))
    })
}

/// Reads what [`notes`] found.
pub(super) fn parse<T: FromStr<Err: From<NoteError>>>(note: &[u8]) -> Result<T, T::Err> {
    std::str::from_utf8(note)
        .map_err(|_| NoteError::Text)?
        .parse()
}

/// Whether a key may be called so.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|it| it.is_whitespace() || it == '+')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The note and the checkpoint that the specifications show.
    const EXAMPLES: [&str; 2] = [
        include_str!("../../tests/fixtures/c2sp-note.txt"),
        include_str!("../../tests/fixtures/c2sp-cosignature.txt"),
    ];

    #[test]
    fn the_examples_of_the_specifications_are_read_and_written_again() {
        let texts = [5, 3];
        let signatures = [1, 2];
        for (at, example) in EXAMPLES.into_iter().enumerate() {
            let note: Note = example.parse().unwrap();
            assert_eq!(note.to_string(), example);
            assert_eq!(
                note.text().lines().count(),
                texts[at] - usize::from(at == 0)
            );
            assert_eq!(note.signatures().len(), signatures[at]);
        }
    }

    #[test]
    fn what_is_not_spelled_as_a_note_is_refused() {
        let good = EXAMPLES[1];
        for (wrong, why) in [
            ("", "control"),
            ("a\n", "empty line"),
            ("a\n\n", "empty line"),
            (good.trim_end(), "control"),
            (&good.replace("20852163", "2085\t2163"), "control"),
            (&good.replace("\u{2014} witness", "- witness"), "is none"),
            (&good.replace("YQ8=", "YQ9="), "is none"),
            (&good.replace("YQ8=", "YQ8"), "is none"),
            (&good.replace("w1 j", "w1+ j"), "is none"),
        ] {
            let error = wrong.parse::<Note>().unwrap_err().to_string();
            assert!(error.contains(why), "{wrong:?}: {error}");
        }
    }

    #[test]
    fn a_key_is_read_as_it_is_written_and_not_otherwise() {
        let key = VerifierKey::new("mine/root", SignatureKind::Ed25519, [7; 32]).unwrap();
        let text = key.to_string();
        assert_eq!(text.parse::<VerifierKey>().unwrap(), key);
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            let changed = String::from_utf8(bytes).unwrap();
            assert!(changed.parse::<VerifierKey>().is_err(), "{changed}");
        }
        assert_eq!(
            VerifierKey::new("a b", SignatureKind::Ed25519, [7; 32]),
            None
        );
        assert_eq!(VerifierKey::new("", SignatureKind::Ed25519, [7; 32]), None);
    }
}
