//! Proofs: one file that shows to somebody who has nothing else that lines were in a journal, unaltered,
//! since when; or that an older checkpoint is the beginning of a newer one.
//!
//! Always true:
//! - A proof that was made checks. It is written in one spelling, and any other is refused, so that no
//!   changed bit goes unseen.
//! - Whoever checks it trusts one key and nothing that is in the file.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::checkpoint::{CheckpointError, Origin, SignedCheckpoint, escaped};
use super::checkpoints::CheckpointLog;
use super::keys::{KeyError, Keyring};
use super::leaves::{Tree, TreeError};
use super::note::{SignatureKind, VerifierKey};
use super::ring::{Ring, RingError};
use super::tree;
use crate::journal::{Journal, line};
use crate::record::{Digest, Stream};
use crate::time::Timestamp;

/// The only format there is.
const FORMAT: u32 = 1;
/// So many checkpoints are tried before there is none that fits.
const CANDIDATES_MAX: usize = 100;

/// A proof, as it stands in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    raw: RawProof,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProof {
    tradejournal_proof: u32,
    lines: Vec<RawLine>,
    older: Option<RawOlder>,
    checkpoint: String,
    rings: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLine {
    index: u64,
    /// The line without its newline.
    line: String,
    previous: String,
    path: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOlder {
    checkpoint: String,
    path: Vec<String>,
}

/// What a proof showed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Proved {
    /// Which tree.
    pub origin: Origin,
    /// How many lines it had.
    pub size: u64,
    /// The root over them.
    pub root: Digest,
    /// When that was signed.
    pub time: Timestamp,
    /// The name of the key that signed it.
    pub signer: String,
    /// The lines that were in it: number and bytes without the newline.
    pub lines: Vec<(u64, String)>,
    /// The size and time of the older checkpoint that is its beginning.
    pub older: Option<(u64, Timestamp)>,
}

/// Why a proof cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProveError {
    /// There is no journal.
    #[error("there is no journal in {}", path.display())]
    NoJournal {
        /// The folder.
        path: std::path::PathBuf,
    },
    /// The tree cannot be had.
    #[error("the tree over {stream}")]
    Tree {
        /// The stream.
        stream: Stream,
        /// Why.
        source: TreeError,
    },
    /// The log of checkpoints cannot be read.
    #[error("read {}", path.display())]
    Log {
        /// The file.
        path: std::path::PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The rings cannot be read.
    #[error("read the key ring")]
    Ring(#[from] KeyError),
    /// No checkpoint covers the line.
    #[error("no checkpoint of {stream} covers line {seq}")]
    NotSigned {
        /// The stream.
        stream: Stream,
        /// The line's number.
        seq: u64,
    },
    /// The checkpoint does not fit the lines.
    #[error("the checkpoint of {size} lines of {stream} does not fit the lines that are there")]
    Mismatch {
        /// The stream.
        stream: Stream,
        /// How many lines it covers.
        size: u64,
    },
    /// No ring has the key that signed the checkpoint.
    #[error("the key `{name}` of the checkpoint of {size} lines is in no ring")]
    Unknown {
        /// The key's name.
        name: String,
        /// How many lines it covers.
        size: u64,
    },
    /// The older checkpoint is of another tree, or of no lines.
    #[error("the older checkpoint is of {found}, or of no lines, and this is {wanted}")]
    Other {
        /// What it is of.
        found: String,
        /// What it should be of.
        wanted: String,
    },
    /// The line was lost, or all that covers it covers a lost one too.
    #[error(
        "no checkpoint that can be checked covers line {seq} of {stream}: line {hole} was lost"
    )]
    Lost {
        /// The stream.
        stream: Stream,
        /// The line's number.
        seq: u64,
        /// The line that was lost.
        hole: u64,
    },
    /// One line stands before a place where lines were lost, one behind it, and no checkpoint shows both.
    #[error("between lines {first} and {last} of {stream} others were lost: prove them one by one")]
    Apart {
        /// The stream.
        stream: Stream,
        /// The first line.
        first: u64,
        /// The last one.
        last: u64,
    },
    /// A line is no UTF-8, so that no file of text can hold it.
    #[error("line {seq} of {stream} is not UTF-8")]
    Line {
        /// The stream.
        stream: Stream,
        /// The line's number.
        seq: u64,
    },
}

/// Why a proof proves nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// It is no proof.
    #[error("is no proof")]
    Json(#[from] serde_json::Error),
    /// It is not spelled as this program writes it.
    #[error("is not spelled as `tj prove` writes it: it was changed")]
    Spelling,
    /// It is of a newer format.
    #[error("is a proof of format {found}, this program knows format {FORMAT}")]
    Newer {
        /// Its format.
        found: u32,
    },
    /// A checkpoint in it is none.
    #[error("has a checkpoint that is none")]
    Checkpoint(#[from] CheckpointError),
    /// A ring in it is none.
    #[error("has a key ring that is none")]
    Ring(#[from] RingError),
    /// A ring is not signed with the key that is trusted.
    #[error("has a key ring that `{key}` did not sign")]
    Root {
        /// The trusted key's name.
        key: String,
    },
    /// A checkpoint is not signed with the key of its day.
    #[error("the checkpoint of {time} is not signed with the key of its day")]
    Signature {
        /// When it says that it was signed.
        time: Timestamp,
    },
    /// It is of another journal than the key.
    #[error("is of the journal `{found}`, but the key is `{key}`")]
    Journal {
        /// The journal in it.
        found: String,
        /// The key's name.
        key: String,
    },
    /// It is of another tree than was asked for.
    #[error("is of {found}, not of {wanted}")]
    Origin {
        /// What it is of.
        found: String,
        /// What was asked for.
        wanted: String,
    },
    /// A line is not in the tree.
    #[error("line {index} is not in the tree that was signed: it was changed")]
    Line {
        /// The line's number.
        index: u64,
    },
    /// The older checkpoint is not the beginning of the newer one.
    #[error(
        "the checkpoint of {old} lines is not the beginning of the one of {size}: history was changed"
    )]
    Consistency {
        /// The older size.
        old: u64,
        /// The newer size.
        size: u64,
    },
    /// It shows neither a line nor an older checkpoint.
    #[error("has nothing to show")]
    Empty,
}

/// Makes proofs of one stream.
#[derive(Debug)]
pub struct Prover<'a> {
    stream: Stream,
    name: String,
    origin: Origin,
    tree: Tree<'a>,
    /// Where lines were lost: the trees behind each such place, as far as they were needed.
    behind: Vec<Tree<'a>>,
    log: CheckpointLog,
    keyring: Keyring,
}

/// Which checkpoint a proof stands on, where several cover the lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stand {
    /// The oldest: it says for how long the lines have been there.
    #[default]
    Oldest,
    /// The newest.
    Newest,
}

impl<'a> Prover<'a> {
    /// For the promised lines of a stream, with the tree's cache in the folder `cache`.
    ///
    /// # Errors
    /// [`ProveError`].
    pub fn open(
        journal: &'a Journal,
        stream: Stream,
        cache: &std::path::Path,
    ) -> Result<Prover<'a>, ProveError> {
        let identity = journal.identity().ok_or_else(|| ProveError::NoJournal {
            path: journal.layout().logs().to_owned(),
        })?;
        let name = identity.name().to_owned();
        let tree = Tree::open(journal, &name, stream, cache)
            .map_err(|source| ProveError::Tree { stream, source })?;
        Ok(Prover {
            stream,
            origin: Origin {
                journal: name.clone(),
                stream,
                epoch: identity.epoch(),
            },
            tree,
            behind: Vec::new(),
            log: CheckpointLog::of(journal, stream),
            keyring: Keyring::of(journal, &name),
            name,
        })
    }

    /// The tree itself, as far as no line was lost.
    pub fn tree(&mut self) -> &mut Tree<'a> {
        &mut self.tree
    }

    /// Opens the tree that has a line.
    fn reach(&mut self, seq: u64) -> Result<(), ProveError> {
        while let Some(hole) = self.behind.last().unwrap_or(&self.tree).hole()
            && hole <= seq
        {
            let last = self.behind.last().unwrap_or(&self.tree);
            let next = last.behind_hole(&self.name);
            let next = next.map_err(|source| tree_failed(self.stream, source))?;
            self.behind.push(next.ok_or(self.lost(seq, hole))?);
        }
        match self.tree_of(seq).hole() {
            Some(hole) if hole <= seq => Err(self.lost(seq, hole)),
            _ => Ok(()),
        }
    }

    fn lost(&self, seq: u64, hole: u64) -> ProveError {
        ProveError::Lost {
            stream: self.stream,
            seq,
            hole,
        }
    }

    /// Of the trees that are open, the one that has a line.
    fn tree_of(&mut self, seq: u64) -> &mut Tree<'a> {
        let mut behind = self.behind.iter_mut().rev();
        let own = behind.find(|it| it.first() <= seq);
        own.unwrap_or(&mut self.tree)
    }

    /// Proves lines by their numbers.
    ///
    /// # Errors
    /// [`ProveError`].
    pub fn lines(&mut self, seqs: &[u64], stand: Stand) -> Result<Proof, ProveError> {
        let newest = seqs.iter().copied().max().unwrap_or_default();
        let size = newest.checked_add(1).ok_or(ProveError::NotSigned {
            stream: self.stream,
            seq: newest,
        })?;
        self.reach(newest)?;
        let oldest = seqs.iter().copied().min().unwrap_or_default();
        if !self.behind.is_empty() && self.tree_of(oldest).first() != self.tree_of(newest).first() {
            return Err(ProveError::Apart {
                stream: self.stream,
                first: oldest,
                last: newest,
            });
        }
        let checkpoint = self.checkpoint(size, stand)?;
        let mut lines = Vec::new();
        for seq in seqs {
            lines.push(self.line(*seq, &checkpoint)?);
        }
        let rings = self.rings_of(&[&checkpoint])?;
        Ok(Proof {
            raw: RawProof {
                tradejournal_proof: FORMAT,
                lines,
                older: None,
                checkpoint: checkpoint.to_string(),
                rings,
            },
        })
    }

    fn line(&mut self, seq: u64, signed: &SignedCheckpoint) -> Result<RawLine, ProveError> {
        let checkpoint = signed.checkpoint();
        let line = self.line_as_cached(seq, checkpoint.size);
        if let Ok(line) = line
            && check_line(&line, checkpoint.size) == Some(checkpoint.root)
        {
            return Ok(line);
        }
        // The cache may be wrong; the journal's own lines are what counts.
        self.rebuild(seq)?;
        if let Some(hole) = self.tree_of(seq).hole().filter(|it| *it < checkpoint.size) {
            return Err(self.lost(seq, hole));
        }
        let line = self.line_as_cached(seq, checkpoint.size)?;
        match check_line(&line, checkpoint.size) {
            Some(root) if root == checkpoint.root => Ok(line),
            _ => Err(self.mismatch(checkpoint.size)),
        }
    }

    fn line_as_cached(&mut self, seq: u64, size: u64) -> Result<RawLine, ProveError> {
        let (stream, name) = (self.stream, self.name.clone());
        let tree = self.tree_of(seq);
        let leaf = tree.leaf(&name, seq);
        let leaf = leaf.map_err(|source| tree_failed(stream, source))?;
        let path = tree::inclusion(tree, seq, size);
        let path = path.map_err(|source| tree_failed(stream, source))?;
        let text = String::from_utf8(leaf.line).map_err(|_| ProveError::Line {
            stream: self.stream,
            seq,
        })?;
        Ok(RawLine {
            index: seq,
            line: text.trim_end_matches('\n').to_owned(),
            previous: leaf.previous.to_string(),
            path: path.iter().map(Digest::to_string).collect(),
        })
    }

    fn rebuild(&mut self, seq: u64) -> Result<(), ProveError> {
        let name = self.name.clone();
        let rebuilt = self.tree_of(seq).rebuild(&name);
        rebuilt.map_err(|source| tree_failed(self.stream, source))?;
        // A cache from before lines were lost knew more than they do now.
        self.reach(seq)
    }

    fn mismatch(&self, size: u64) -> ProveError {
        ProveError::Mismatch {
            stream: self.stream,
            size,
        }
    }

    /// Proves that an older checkpoint is the beginning of the newest.
    ///
    /// # Errors
    /// [`ProveError`].
    pub fn consistency(&mut self, older: &SignedCheckpoint) -> Result<Proof, ProveError> {
        let old = older.checkpoint().size;
        if old == 0 || older.checkpoint().origin != self.origin {
            return Err(ProveError::Other {
                found: older.checkpoint().origin.to_string(),
                wanted: self.origin.to_string(),
            });
        }
        self.reach(old - 1)?;
        if self.root(old - 1, old)? != Some(older.checkpoint().root) {
            return Err(self.mismatch(old));
        }
        let checkpoint = self.checkpoint(old, Stand::Newest)?;
        let (stream, size) = (self.stream, checkpoint.checkpoint().size);
        let path = tree::consistency(self.tree_of(old - 1), old, size)
            .map_err(|source| tree_failed(stream, source))?;
        let rings = self.rings_of(&[older, &checkpoint])?;
        Ok(Proof {
            raw: RawProof {
                tradejournal_proof: FORMAT,
                lines: Vec::new(),
                older: Some(RawOlder {
                    checkpoint: older.to_string(),
                    path: path.iter().map(Digest::to_string).collect(),
                }),
                checkpoint: checkpoint.to_string(),
                rings,
            },
        })
    }

    /// A checkpoint of at least `size` lines that fits the lines which are there, and that its ring
    /// vouches for. One that does not fit keeps nobody from proving with another.
    fn checkpoint(&mut self, size: u64, stand: Stand) -> Result<SignedCheckpoint, ProveError> {
        let found = self.log.read().map_err(|source| ProveError::Log {
            path: self.log.path().to_owned(),
            source,
        })?;
        let covers = |it: &SignedCheckpoint| {
            it.checkpoint().origin == self.origin && size <= it.checkpoint().size
        };
        let notes = found.notes.into_iter().map(|it| it.1).filter(covers);
        let mut notes: Vec<SignedCheckpoint> = notes.collect();
        if stand == Stand::Newest {
            notes.sort_by_key(|it| (it.checkpoint().size, it.time()));
            notes.reverse();
        }
        let last = size.saturating_sub(1);
        let mut trouble = ProveError::NotSigned {
            stream: self.stream,
            seq: last,
        };
        for again in [false, true] {
            if again && !notes.is_empty() {
                // The cache may be wrong; the journal's own lines are what counts.
                self.rebuild(last)?;
            }
            for note in notes.iter().take(CANDIDATES_MAX) {
                let size = note.checkpoint().size;
                if self.root(last, size)? != Some(note.checkpoint().root) {
                    trouble = match self.tree_of(last).hole() {
                        Some(hole) if hole < size => self.lost(last, hole),
                        _ => self.mismatch(size),
                    };
                } else if let Err(unknown) = self.rings_of(&[note]) {
                    trouble = unknown;
                } else {
                    return Ok(note.clone());
                }
            }
        }
        Err(trouble)
    }

    /// The root over `size` lines, in the tree that has the line `seq`.
    fn root(&mut self, seq: u64, size: u64) -> Result<Option<Digest>, ProveError> {
        let stream = self.stream;
        let tree = self.tree_of(seq);
        if tree.size() < size {
            return Ok(None);
        }
        let root = tree::root(tree, size);
        root.map(Some).map_err(|source| tree_failed(stream, source))
    }

    /// The rings that hold the keys of these checkpoints; none for static keys.
    fn rings_of(&self, checkpoints: &[&SignedCheckpoint]) -> Result<Vec<String>, ProveError> {
        let all = self.keyring.good()?;
        let mut texts: Vec<String> = Vec::new();
        for checkpoint in checkpoints {
            if checkpoint.signer() == static_name(&self.name) {
                continue;
            }
            let ring = all.iter().find(|it| signs(it, checkpoint));
            let text = ring
                .map(Ring::to_string)
                .ok_or_else(|| ProveError::Unknown {
                    name: checkpoint.signer().to_owned(),
                    size: checkpoint.checkpoint().size,
                })?;
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        Ok(texts)
    }
}

fn tree_failed(stream: Stream, source: TreeError) -> ProveError {
    ProveError::Tree { stream, source }
}

/// Whether a ring has, for the day of a checkpoint, the key that signed it.
pub(super) fn signs(ring: &Ring, checkpoint: &SignedCheckpoint) -> bool {
    let key = ring.key_of(checkpoint.time().day());
    key.is_some_and(|it| checkpoint.is_signed_by(&it))
}

/// What the static key of a journal is called.
pub(super) fn static_name(journal: &str) -> String {
    format!("{}/static", escaped(journal))
}

impl Proof {
    /// Reads a proof, and nothing that is spelled in another way.
    ///
    /// # Errors
    /// [`CheckError`].
    pub fn parse(text: &str) -> Result<Proof, CheckError> {
        let raw: RawProof = serde_json::from_str(text)?;
        if raw.tradejournal_proof != FORMAT {
            return Err(CheckError::Newer {
                found: raw.tradejournal_proof,
            });
        }
        let proof = Proof { raw };
        if proof.to_string() != text {
            return Err(CheckError::Spelling);
        }
        Ok(proof)
    }

    /// Checks it with the one key that is trusted: a root key, or the journal's static key.
    ///
    /// # Errors
    /// [`CheckError`].
    pub fn check(&self, key: &VerifierKey) -> Result<Proved, CheckError> {
        let raw = &self.raw;
        let mut rings = Vec::new();
        for text in &raw.rings {
            let ring: Ring = text.parse()?;
            if !ring.is_signed_by(key) {
                return Err(CheckError::Root {
                    key: key.name().to_owned(),
                });
            }
            rings.push(ring);
        }
        let signed: SignedCheckpoint = raw.checkpoint.parse()?;
        check_signature(&signed, key, &rings)?;
        let checkpoint = signed.checkpoint();
        let mut proved = Proved {
            origin: checkpoint.origin.clone(),
            size: checkpoint.size,
            root: checkpoint.root,
            time: signed.time(),
            signer: signed.signer().to_owned(),
            lines: Vec::new(),
            older: None,
        };
        for line in &raw.lines {
            if check_line(line, checkpoint.size) != Some(checkpoint.root) {
                return Err(CheckError::Line { index: line.index });
            }
            proved.lines.push((line.index, line.line.clone()));
        }
        if let Some(raw) = &raw.older {
            let older: SignedCheckpoint = raw.checkpoint.parse()?;
            check_signature(&older, key, &rings)?;
            let old = older.checkpoint();
            if old.origin != checkpoint.origin {
                return Err(CheckError::Origin {
                    found: old.origin.to_string(),
                    wanted: checkpoint.origin.to_string(),
                });
            }
            let path = digests(&raw.path);
            let new = (checkpoint.size, &checkpoint.root);
            if !path.is_some_and(|it| tree::is_consistent((old.size, &old.root), new, &it)) {
                return Err(CheckError::Consistency {
                    old: old.size,
                    size: checkpoint.size,
                });
            }
            proved.older = Some((old.size, older.time()));
        }
        if proved.lines.is_empty() && proved.older.is_none() {
            return Err(CheckError::Empty);
        }
        Ok(proved)
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string_pretty(&self.raw).map_err(|_| fmt::Error)?;
        writeln!(f, "{text}")
    }
}

/// Whether a checkpoint is signed by whom `key` vouches for, and of the journal that `key` is of.
pub(super) fn check_signature(
    signed: &SignedCheckpoint,
    key: &VerifierKey,
    rings: &[Ring],
) -> Result<(), CheckError> {
    let journal = &signed.checkpoint().origin.journal;
    let (own, good) = match key.kind() {
        SignatureKind::Cosignature => (static_name(journal), signed.is_signed_by(key)),
        SignatureKind::Ed25519 => (
            format!("{}/root", escaped(journal)),
            rings.iter().any(|it| signs(it, signed)),
        ),
    };
    if key.name() != own {
        return Err(CheckError::Journal {
            found: journal.clone(),
            key: key.name().to_owned(),
        });
    }
    good.then_some(()).ok_or(CheckError::Signature {
        time: signed.time(),
    })
}

/// The root that a line comes to, if it is one of a journal and has the number that it says.
fn check_line(raw: &RawLine, size: u64) -> Option<Digest> {
    let bytes = format!("{}\n", raw.line);
    let previous: Digest = raw.previous.parse().ok()?;
    let tail = line::Tail::parse(bytes.as_bytes())?;
    let leaf = line::hash_of(bytes.as_bytes(), &previous)?;
    if tail.hash != leaf || tail.seq != raw.index {
        return None;
    }
    tree::root_from_inclusion(&leaf, raw.index, size, &digests(&raw.path)?)
}

fn digests(texts: &[String]) -> Option<Vec<Digest>> {
    texts.iter().map(|it| it.parse().ok()).collect()
}
