//! Checkpoints: how many lines a stream had, the root over them, and who says so since when.
//!
//! The text is C2SP's tlog-checkpoint (origin, size, root), signed as its cosignature/v1, so that the
//! time is in the signed bytes:
//!
//! ```text
//! my-journal/trades/0
//! 41
//! qINS1GRFzKwDbaPkYzh0kK0cyJUDfAoXKALDT2iYfcc=
//!
//! — my-journal/2026-11-21 <base64 of key number, time, signature>
//! ```
//!
//! Always true: a checkpoint that was read writes the same bytes again.

use std::{fmt, str::FromStr};

use base64ct::{Base64, Encoding};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};

use super::note::{Note, NoteError, Signature, SignatureKind, VerifierKey};
use crate::record::{Digest, Stream};
use crate::time::Timestamp;

/// Which tree a checkpoint is of: a stream of a journal, since its last restore.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The journal's name.
    pub journal: String,
    /// The stream.
    pub stream: Stream,
    /// How many times the journal was restored from a backup.
    pub epoch: u64,
}

/// A stream's tree at one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which tree.
    pub origin: Origin,
    /// How many lines.
    pub size: u64,
    /// The root over them.
    pub root: Digest,
}

/// A checkpoint, when it was signed, and the one signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    /// Seconds of Unix time, in the signed bytes.
    seconds: u64,
    signature: Signature,
}

/// Why a text is no checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// It is no signed note.
    #[error("a checkpoint is a signed note")]
    Note(#[from] NoteError),
    /// Its text is not origin, size and root.
    #[error("`{line}` is not what a checkpoint has there: {wanted}")]
    Text {
        /// The line.
        line: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// Its signature is no time and Ed25519 signature.
    #[error("the signature of `{name}` is no cosignature/v1")]
    Signature {
        /// The key's name.
        name: String,
    },
}

/// A name as it stands in an origin and in the names of keys, which may hold no plus sign.
#[must_use]
pub fn escaped(journal: &str) -> String {
    journal.replace('%', "%25").replace('+', "%2B")
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{}/{}",
            escaped(&self.journal),
            self.stream,
            self.epoch
        )
    }
}

impl FromStr for Origin {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Origin, CheckpointError> {
        let wrong = || CheckpointError::Text {
            line: text.chars().take(200).collect(),
            wanted: "JOURNAL/STREAM/EPOCH",
        };
        let (rest, epoch) = text.rsplit_once('/').ok_or_else(wrong)?;
        let (journal, stream) = rest.rsplit_once('/').ok_or_else(wrong)?;
        let origin = Origin {
            journal: journal.replace("%2B", "+").replace("%25", "%"),
            stream: stream.parse().map_err(|_| wrong())?,
            epoch: epoch.parse().map_err(|_| wrong())?,
        };
        // One spelling only.
        (origin.to_string() == text && !journal.is_empty())
            .then_some(origin)
            .ok_or_else(wrong)
    }
}

impl Checkpoint {
    /// Its three lines.
    #[must_use]
    pub fn text(&self) -> String {
        let root = Base64::encode_string(self.root.as_bytes());
        format!("{}\n{}\n{root}\n", self.origin, self.size)
    }

    fn parse(text: &str) -> Result<Checkpoint, CheckpointError> {
        let mut lines = text.split('\n');
        let mut line = || lines.next().unwrap_or_default();
        let origin = line().parse()?;
        let size = line();
        let wrong = |line: &str, wanted| CheckpointError::Text {
            line: line.chars().take(200).collect(),
            wanted,
        };
        let number = size.parse().map_err(|_| wrong(size, "how many lines"))?;
        let root = line();
        let bytes = Base64::decode_vec(root).ok();
        let bytes: Option<[u8; 32]> = bytes.and_then(|it| it.try_into().ok());
        let checkpoint = Checkpoint {
            origin,
            size: number,
            root: Digest::from_bytes(bytes.ok_or_else(|| wrong(root, "the Base64 of a root"))?),
        };
        if checkpoint.text() != text {
            return Err(wrong(text, "three lines and no more"));
        }
        Ok(checkpoint)
    }

    /// Signs it with a key of that name, as of `time`.
    #[must_use]
    pub fn sign(self, name: &str, key: &SigningKey, time: Timestamp) -> Option<SignedCheckpoint> {
        let seconds = u64::try_from(time.unix_nanos() / 1_000_000_000).ok()?;
        let public = key.verifying_key().to_bytes();
        let verifier = VerifierKey::new(name, SignatureKind::Cosignature, public)?;
        let signature = key.sign(message(seconds, &self.text()).as_bytes());
        let bytes = [&seconds.to_be_bytes()[..], &signature.to_bytes()].concat();
        Some(SignedCheckpoint {
            checkpoint: self,
            seconds,
            signature: Signature {
                name: name.to_owned(),
                id: verifier.id(),
                bytes,
            },
        })
    }
}

impl SignedCheckpoint {
    /// What was signed.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// When, as the signature says.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        Timestamp::from_unix_nanos(i128::from(self.seconds) * 1_000_000_000)
            .unwrap_or(Timestamp::MAX)
    }

    /// The name of the key that it says it was signed with.
    #[must_use]
    pub fn signer(&self) -> &str {
        &self.signature.name
    }

    /// Whether it was signed with that key.
    #[must_use]
    pub fn is_signed_by(&self, key: &VerifierKey) -> bool {
        let Some((_, bytes)) = self.signature.bytes.split_first_chunk::<8>() else {
            return false;
        };
        let Ok(signature) = <[u8; 64]>::try_from(bytes) else {
            return false;
        };
        let message = message(self.seconds, &self.checkpoint.text());
        key.kind() == SignatureKind::Cosignature
            && key.is_of(&self.signature)
            && is_signature(key.key(), message.as_bytes(), &signature)
    }

    /// It in one line, for mail, paper or another host.
    #[must_use]
    pub fn line(&self) -> String {
        let text = self.checkpoint.text().replace('\n', " ");
        let signature = self.signature.to_string();
        let signature = signature.trim_start_matches(|it: char| !it.is_ascii());
        format!("{text}{}", signature.trim_start())
    }

    /// Reads a note, or a line that [`SignedCheckpoint::line`] made.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn from_note_or_line(text: &str) -> Result<SignedCheckpoint, CheckpointError> {
        match text.trim().split(' ').collect::<Vec<_>>().as_slice() {
            [origin, size, root, name, signature] if !text.trim().contains('\n') => {
                format!("{origin}\n{size}\n{root}\n\n\u{2014} {name} {signature}\n").parse()
            }
            _ => text.parse(),
        }
    }
}

/// Whether `signature` is one of `message` with the public key `key`. The strict rules: a key of
/// small order, or a signature that could be written in two ways, is refused.
pub(super) fn is_signature(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    VerifyingKey::from_bytes(key).is_ok_and(|it| {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        it.verify_strict(message, &signature).is_ok()
    })
}

fn message(seconds: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {seconds}\n{text}")
}

impl FromStr for SignedCheckpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<SignedCheckpoint, CheckpointError> {
        let note: Note = text.parse()?;
        let signature = note.only_signature()?.clone();
        let checkpoint = Checkpoint::parse(note.text())?;
        let time = signature.bytes.first_chunk::<8>().copied();
        let (Some(time), 72) = (time, signature.bytes.len()) else {
            return Err(CheckpointError::Signature {
                name: signature.name,
            });
        };
        Ok(SignedCheckpoint {
            checkpoint,
            seconds: u64::from_be_bytes(time),
            signature,
        })
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let note = Note::new(self.checkpoint.text(), vec![self.signature.clone()]);
        fmt::Display::fmt(&note, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed() -> (SignedCheckpoint, VerifierKey) {
        let key = SigningKey::from_bytes(&[9; 32]);
        let checkpoint = Checkpoint {
            origin: "my+journal%/trades/3"
                .replace('%', "%25")
                .replace('+', "%2B")
                .parse()
                .unwrap(),
            size: 41,
            root: Digest::from_bytes([200; 32]),
        };
        assert_eq!(checkpoint.origin.journal, "my+journal%");
        let name = format!("{}/2026-11-21", escaped("my+journal%"));
        let time = "2026-11-21T08:00:00Z".parse().unwrap();
        let public = key.verifying_key().to_bytes();
        let verifier = VerifierKey::new(&name, SignatureKind::Cosignature, public).unwrap();
        (checkpoint.sign(&name, &key, time).unwrap(), verifier)
    }

    #[test]
    fn a_checkpoint_is_read_from_its_note_and_from_its_line() {
        let (checkpoint, key) = signed();
        assert!(checkpoint.is_signed_by(&key));
        assert_eq!(checkpoint.to_string().parse(), Ok(checkpoint.clone()));
        let line = checkpoint.line();
        assert!(line.is_ascii() && !line.contains('\n'), "{line}");
        assert_eq!(
            SignedCheckpoint::from_note_or_line(&line),
            Ok(checkpoint.clone())
        );
        assert_eq!(checkpoint.time().to_string(), "2026-11-21T08:00:00.000Z");
    }

    #[test]
    fn a_checkpoint_with_any_bit_changed_is_refused() {
        let (checkpoint, key) = signed();
        let note = checkpoint.to_string();
        for bit in 0..note.len() * 8 {
            let mut bytes = note.clone().into_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let changed = String::from_utf8(bytes).ok();
            let read = changed.and_then(|it| it.parse::<SignedCheckpoint>().ok());
            assert!(!read.is_some_and(|it| it.is_signed_by(&key)), "bit {bit}");
        }
    }

    /// The key and the cosignature are not known to the specification's example, but the message is.
    #[test]
    fn the_signed_bytes_are_those_of_the_specification() {
        let text =
            "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
        assert_eq!(
            message(1_679_315_147, text),
            "cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n\
             CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
        );
        let example = include_str!("../../tests/fixtures/c2sp-cosignature.txt");
        let note: Note = example.parse().unwrap();
        let [_, witness] = note.signatures() else {
            panic!("two signatures")
        };
        let time = witness.bytes.first_chunk::<8>().copied().unwrap();
        assert_eq!(u64::from_be_bytes(time), 1_679_315_147);
        assert_eq!(witness.bytes.len(), 72);
    }

    /// The note and the key of the tests of Go's checksum database.
    #[test]
    fn a_note_of_another_program_verifies() {
        let key: VerifierKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
            .parse()
            .unwrap();
        let text = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n";
        let note: Note = format!(
            "{text}\n\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2p\
             ZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
        )
        .parse()
        .unwrap();
        let signature = note.only_signature().unwrap();
        assert!(key.is_of(signature));
        let bytes = signature.bytes.as_slice().try_into().unwrap();
        assert!(is_signature(key.key(), text.as_bytes(), &bytes));
    }
}
