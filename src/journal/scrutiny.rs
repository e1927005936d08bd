//! Looking at every line of a day, and going on after a bad one.
//!
//! Always true:
//! - A bad place is reported once, with the line and the byte where it begins; the chain is taken
//!   up again at the first line that fits behind it.
//! - What fits: the line may follow the last good one (something was put in between), or the bad
//!   one as that says of itself (it was changed, or lines before it are missing), or the bad one as
//!   its bytes say (only its digits were changed).
//!
//! Not here: what a bad place means; that depends on `HEAD` and on the days around it.

use super::audit::AcceptedDamage;
use super::chain::{self, Break, Chain};
use super::line::{self, Tail};
use super::walk::Piece;
use crate::record::Digest;
use crate::time::Day;

/// Lines that are bad one after the other are one place, up to here.
const CANDIDATES_MAX: usize = 4;

/// A stretch of a file that is not what the chain wants there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BadPlace {
    /// The first bad line, from 1.
    pub(super) line: u64,
    /// Where it begins.
    pub(super) byte: u64,
    /// Where the first good line behind it begins, or the file's end.
    pub(super) end: u64,
    /// The seq that should have been at its beginning.
    pub(super) seq: u64,
    /// What is wrong with its first line.
    pub(super) why: Break,
    /// A line in it says that its first one was on disk.
    pub(super) promised: bool,
    /// The largest number of a line in it.
    pub(super) seq_max: Option<u64>,
    /// The chain before the first good line behind it, if there is one.
    pub(super) resumed: Option<Chain>,
}

/// A day being looked at.
pub(super) struct Scrutiny<'a> {
    pub(super) chain: Chain,
    accepted: &'a dyn Fn(u64) -> Option<AcceptedDamage>,
    line: u64,
    /// Pieces before this byte belong to damage that was accepted.
    skip_until: u64,
    bad: Option<BadPlace>,
    /// Where the chain may go on from while a place is bad.
    candidates: Vec<(u64, Digest)>,
    pub(super) places: Vec<BadPlace>,
    pub(super) accepted_places: u64,
}

impl<'a> Scrutiny<'a> {
    /// Begins after `lines_before` lines of the file, where `chain` stands; `accepted` finds the
    /// accepted damage that begins at a byte.
    pub(super) fn new(
        chain: Chain,
        lines_before: u64,
        accepted: &'a dyn Fn(u64) -> Option<AcceptedDamage>,
    ) -> Scrutiny<'a> {
        Scrutiny {
            chain,
            accepted,
            line: lines_before,
            skip_until: 0,
            bad: None,
            candidates: Vec::new(),
            places: Vec::new(),
            accepted_places: 0,
        }
    }

    /// Looks at the next piece; `true` when it is a good line.
    pub(super) fn look(&mut self, piece: Piece<'_>) -> bool {
        self.line += 1;
        if piece.offset < self.skip_until {
            return false;
        }
        if self.bad.is_some() {
            return self.take_up(piece);
        }
        let before = self.chain.clone();
        let taken = if piece.is_line {
            self.chain.take(piece.bytes)
        } else {
            Err(Break::NoTail)
        };
        let Err(why) = taken else { return true };
        let accepted = (self.accepted)(piece.offset).filter(|it| it.helps(&self.chain));
        if let Some(accepted) = accepted {
            self.skip_until = accepted.end();
            self.chain = accepted.chain();
            self.accepted_places += 1;
            // Nothing is skipped where something was cut off.
            return self.skip_until <= piece.offset && self.look_again(piece);
        }
        self.candidates = before
            .hash
            .map(|hash| (before.lines, hash))
            .into_iter()
            .collect();
        self.add_candidates(piece, before.hash);
        self.bad = Some(BadPlace {
            line: self.line,
            byte: piece.offset,
            end: piece.offset + piece.bytes.len() as u64,
            seq: before.lines,
            why,
            promised: says_promised(piece, before.lines),
            seq_max: seq_of(piece),
            resumed: None,
        });
        false
    }

    fn look_again(&mut self, piece: Piece<'_>) -> bool {
        self.line -= 1;
        self.look(piece)
    }

    /// Within a bad place: does the chain go on here?
    fn take_up(&mut self, piece: Piece<'_>) -> bool {
        let tail = if piece.is_line {
            Tail::parse(piece.bytes)
        } else {
            None
        };
        let Some(bad) = &mut self.bad else {
            return false;
        };
        bad.promised |= says_promised(piece, bad.seq);
        bad.seq_max = bad.seq_max.max(seq_of(piece));
        let fits = |(lines, hash): &(u64, Digest)| {
            tail.is_some_and(|it| {
                it.seq == *lines && it.dur <= it.seq && it.checks(piece.bytes, hash)
            })
        };
        let Some((lines, hash)) = self.candidates.iter().copied().find(fits) else {
            bad.end = piece.offset + piece.bytes.len() as u64;
            let last = self.candidates.first().map(|it| it.1);
            self.add_candidates(piece, last);
            return false;
        };
        // With one line bad, its leaf is known: the next line was hashed behind it.
        let range = match self.chain.range.take() {
            Some(range) if lines == self.chain.lines => Some(range),
            Some(mut range) if lines == self.chain.lines + 1 => {
                range.push(hash);
                Some(range)
            }
            _ => None,
        };
        self.chain = Chain {
            lines,
            hash: Some(hash),
            range,
        };
        bad.end = piece.offset;
        bad.resumed = Some(self.chain.clone());
        self.places.extend(self.bad.take());
        self.chain.take(piece.bytes).is_ok()
    }

    /// The chain may go on from a bad line as it says, or as its bytes say.
    fn add_candidates(&mut self, piece: Piece<'_>, previous: Option<Digest>) {
        let Some(tail) = piece.is_line.then(|| Tail::parse(piece.bytes)).flatten() else {
            return;
        };
        let next = tail.seq.saturating_add(1);
        let computed = previous.and_then(|hash| line::hash_of(piece.bytes, &hash));
        for hash in [Some(tail.hash), computed].into_iter().flatten() {
            if !self.candidates.contains(&(next, hash)) {
                self.candidates.push((next, hash));
            }
        }
        // The state before the place stays; of the others the newest do.
        while CANDIDATES_MAX < self.candidates.len() {
            self.candidates.remove(1);
        }
    }

    /// The file of `day` has ended at `end`: a place that is still bad ends with it, and lines that
    /// were cut off there, and accepted as lost, keep their numbers.
    pub(super) fn finish(&mut self, day: Day, end: u64) {
        self.places.extend(self.bad.take());
        let cut = (self.accepted)(end).filter(|it| it.continues(day, end, &self.chain));
        if let Some(cut) = cut {
            self.chain = cut.chain();
            self.accepted_places += 1;
        }
    }

    /// How many lines and other pieces were seen.
    pub(super) fn lines_seen(&self) -> u64 {
        self.line
    }
}

/// Whether a piece is a well-formed line that knew line number `seq` to be on disk.
pub(super) fn says_promised(piece: Piece<'_>, seq: u64) -> bool {
    let tail = piece.is_line.then(|| Tail::parse(piece.bytes)).flatten();
    tail.is_some_and(|it| seq < it.dur && it.dur <= it.seq) && chain::is_json_object(piece.bytes)
}

fn seq_of(piece: Piece<'_>) -> Option<u64> {
    let tail = piece.is_line.then(|| Tail::parse(piece.bytes)).flatten();
    tail.filter(|_| chain::is_json_object(piece.bytes))
        .map(|it| it.seq)
}
