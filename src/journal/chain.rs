//! The chain: what the next line of a stream must look like.

use super::line::{self, Tail};
use super::range::CompactRange;
use crate::record::{Digest, Stream};

/// Where a stream's chain stands after some line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    /// How many lines there were: the next line's seq.
    pub(super) lines: u64,
    /// The last line's hash; `None` when that line was deleted and nothing says what it was.
    pub(super) hash: Option<Digest>,
    /// The compact range over the lines; `None` when deleted days make it unknowable.
    pub(super) range: Option<CompactRange>,
}

/// Why a line is not the next one of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Break {
    /// The three fields are not at its end.
    #[error("is not a whole line of this format")]
    NoTail,
    /// A whole JSON object without the three fields: an older log's line.
    #[error("has no seq, dur and hash: it is not part of a chain")]
    Unchained,
    /// A line is missing before it, or it stands in the wrong place.
    #[error("has seq {found}, where {expected} must follow")]
    Seq {
        /// The seq that must follow.
        expected: u64,
        /// The seq that the line has.
        found: u64,
    },
    /// It says that more lines were on disk than there were.
    #[error("says that {dur} lines were on disk before line {seq} was")]
    Dur {
        /// What it says.
        dur: u64,
        /// The line's seq.
        seq: u64,
    },
    /// It was changed, or the line before it was.
    #[error("does not have the hash that it says")]
    Hash,
}

impl Chain {
    /// Before the first line of all.
    pub(super) fn genesis(journal_name: &str, stream: Stream) -> Chain {
        Chain {
            lines: 0,
            hash: Some(line::genesis(journal_name, stream)),
            range: Some(CompactRange::new()),
        }
    }

    /// Takes `line` as the next one, or says why it is not and stays as it was.
    pub(super) fn take(&mut self, line: &[u8]) -> Result<Tail, Break> {
        let Some(tail) = Tail::parse(line) else {
            return Err(if is_json_object(line) {
                Break::Unchained
            } else {
                Break::NoTail
            });
        };
        if tail.seq < tail.dur {
            return Err(Break::Dur {
                dur: tail.dur,
                seq: tail.seq,
            });
        }
        match self.hash {
            Some(hash) => {
                if tail.seq != self.lines {
                    return Err(Break::Seq {
                        expected: self.lines,
                        found: tail.seq,
                    });
                }
                if !tail.checks(line, &hash) {
                    return Err(Break::Hash);
                }
            }
            // Nothing to hold the first line after deleted days against.
            None => self.lines = tail.seq,
        }
        self.lines += 1;
        self.hash = Some(tail.hash);
        if let Some(range) = &mut self.range {
            range.push(tail.hash);
        }
        Ok(tail)
    }
}

/// Whether a line is a whole JSON object, as an older log's line is and a torn one is not.
pub(super) fn is_json_object(line: &[u8]) -> bool {
    let trimmed = line.trim_ascii();
    trimmed.first() == Some(&b'{')
        && serde_json::from_slice::<serde::de::IgnoredAny>(trimmed).is_ok()
}
