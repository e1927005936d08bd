//! Adding lines up to a compact range, past places where lines were lost.
//!
//! Always true:
//! - A line is added only behind the line before it.
//! - Behind a gap the range is one that the journal itself wrote down: in a closing record, in what
//!   somebody accepted, or in `HEAD`. Nothing is made up for a line that is lost.
//! - What is to be signed goes past no gap that nobody accepted: whoever changed a line could have written
//!   a range into `HEAD` that goes with it.
//!
//! Not here: what a gap means to whoever verifies, which `verify` tells.

use std::ops::Range;

use crate::journal::{Before, CompactRange, Journal, Mark};
use crate::record::{Digest, Stream};

/// The range over the lines so far.
pub(super) struct Fold<'a> {
    journal: &'a Journal,
    stream: Stream,
    range: CompactRange,
    previous: Option<Digest>,
    /// Whether it is to be signed: then each line is held against the hash that it says.
    to_sign: bool,
    gaps: Vec<Range<u64>>,
}

/// Why a line cannot be added, and nothing is known behind it either.
pub(super) enum Misfit {
    /// Another one must come first.
    Hole {
        /// The number of the line that must be there.
        expected: u64,
        /// The number of the one that is.
        found: u64,
    },
    /// It does not have the hash that it says.
    Damaged {
        /// Its number.
        seq: u64,
    },
}

impl<'a> Fold<'a> {
    /// Behind the lines that `before` tells of.
    pub(super) fn new(
        journal: &'a Journal,
        stream: Stream,
        before: Before,
        to_sign: bool,
    ) -> Fold<'a> {
        Fold {
            journal,
            stream,
            range: before.range.unwrap_or_default(),
            previous: before.hash,
            to_sign,
            gaps: Vec::new(),
        }
    }

    pub(super) fn range(&self) -> &CompactRange {
        &self.range
    }

    /// The numbers of the lines that were lost, and of those around them that cannot be added up.
    pub(super) fn gaps(&self) -> &[Range<u64>] {
        &self.gaps
    }

    /// Adds the next line, unless it stands in a gap. Each range that is come to is shown.
    pub(super) fn take(
        &mut self,
        mark: &Mark<'_>,
        mut show: impl FnMut(&CompactRange),
    ) -> Result<(), Misfit> {
        while let Err(misfit) = self.add(mark) {
            let known = known_behind(self.journal, self.stream, self.range.size());
            let Some(known) = known.filter(|it| self.may_go_on(it)) else {
                return Err(misfit);
            };
            self.gaps.push(self.range.size()..known.lines);
            self.range = known.range.unwrap_or_default();
            self.previous = known.hash;
            show(&self.range);
        }
        show(&self.range);
        Ok(())
    }

    fn may_go_on(&self, known: &Before) -> bool {
        let gap = self.range.size()..known.lines;
        !self.to_sign || is_accepted(&gap, &self.journal.behind_accepted(self.stream))
    }

    fn add(&mut self, mark: &Mark<'_>) -> Result<(), Misfit> {
        let (expected, found) = (self.range.size(), mark.tail.seq);
        if found < expected && !self.gaps.is_empty() {
            return Ok(());
        }
        if found != expected {
            return Err(Misfit::Hole { expected, found });
        }
        let holds = |previous: Digest| mark.tail.checks(mark.line, &previous);
        if self.to_sign && !self.previous.is_none_or(holds) {
            return Err(Misfit::Damaged { seq: found });
        }
        self.range.push(mark.tail.hash);
        self.previous = Some(mark.tail.hash);
        Ok(())
    }
}

/// Whether somebody accepted damage in a gap, given the first lines behind all that was accepted.
pub(super) fn is_accepted(gap: &Range<u64>, behind_accepted: &[u64]) -> bool {
    let mut behind = behind_accepted.iter();
    behind.any(|line| gap.start < *line && *line <= gap.end)
}

/// The first place behind `lines` lines from which on the tree is known.
pub(super) fn known_behind(journal: &Journal, stream: Stream, lines: u64) -> Option<Before> {
    let known = journal.known(stream).into_iter();
    known
        .filter(|it| lines < it.lines && it.range.is_some())
        .min_by_key(|it| it.lines)
}
