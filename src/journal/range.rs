//! The compact Merkle range of a stream's first lines: enough to compute every later root.
//!
//! Always true: a range of `size` leaves holds the RFC 6962 hashes of the perfect subtrees that
//! `size` is made of, largest first, one for each bit that is set in `size`.

use sha2::{Digest as _, Sha256};

use crate::record::Digest;

/// The perfect subtrees over the leaves 0 to `size - 1`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompactRange {
    size: u64,
    peaks: Vec<Digest>,
}

impl CompactRange {
    /// The range of no leaves.
    #[must_use]
    pub fn new() -> CompactRange {
        CompactRange::default()
    }

    /// The range with these subtrees; `None` unless there is one for each bit of `size`.
    #[must_use]
    pub fn from_peaks(size: u64, peaks: Vec<Digest>) -> Option<CompactRange> {
        let wanted = usize::try_from(size.count_ones()).ok()?;
        (peaks.len() == wanted).then_some(CompactRange { size, peaks })
    }

    /// How many leaves it covers.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hashes of its subtrees, largest first.
    #[must_use]
    pub fn peaks(&self) -> &[Digest] {
        &self.peaks
    }

    /// Adds the next leaf.
    pub fn push(&mut self, leaf: Digest) {
        self.push_subtree(0, leaf);
    }

    /// Adds the leaves of a run that begins where this range ends.
    pub(super) fn append(&mut self, run: &Run) {
        debug_assert_eq!(self.size + run.leaves(), run.end);
        for (level, node) in &run.subtrees {
            self.push_subtree(*level, *node);
        }
    }

    /// Adds a perfect subtree over the next `1 << level` leaves, at a multiple of so many.
    fn push_subtree(&mut self, level: u32, mut node: Digest) {
        // Each one in `size` from there on is a subtree as large as the one in hand.
        for _ in 0..(self.size >> level).trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                node = inner(&left, &node);
            }
        }
        self.peaks.push(node);
        self.size += 1 << level;
    }

    /// The RFC 6962 root of the tree over all its leaves.
    #[must_use]
    pub fn root(&self) -> Digest {
        let mut smallest_first = self.peaks.iter().rev();
        let Some(smallest) = smallest_first.next() else {
            return Digest::from_bytes(Sha256::digest([]).into());
        };
        smallest_first.fold(*smallest, |right, left| inner(left, &right))
    }
}

/// The perfect subtrees over a run of leaves that begins anywhere: what several threads fold by
/// themselves and a [`CompactRange`] takes as if it had seen each leaf.
#[derive(Clone, Debug)]
pub(super) struct Run {
    end: u64,
    /// Level and hash, in the order of the leaves.
    subtrees: Vec<(u32, Digest)>,
}

impl Run {
    /// The run of no leaves before the one numbered `begin`.
    pub(super) fn at(begin: u64) -> Run {
        Run {
            end: begin,
            subtrees: Vec::new(),
        }
    }

    /// Adds the next leaf.
    pub(super) fn push(&mut self, leaf: Digest) {
        let (mut level, mut node) = (0, leaf);
        // A right child whose left sibling is in the run too makes their parent.
        while (self.end >> level) & 1 == 1
            && let Some((_, left)) = self.subtrees.pop_if(|it| it.0 == level)
        {
            node = inner(&left, &node);
            level += 1;
        }
        self.subtrees.push((level, node));
        self.end += 1;
    }

    fn leaves(&self) -> u64 {
        self.subtrees.iter().map(|it| 1_u64 << it.0).sum()
    }
}

/// The hash of an inner node.
fn inner(left: &Digest, right: &Digest) -> Digest {
    let mut node = [1; 65];
    let (_, children) = node.split_at_mut(1);
    let (first, second) = children.split_at_mut(32);
    first.copy_from_slice(left.as_bytes());
    second.copy_from_slice(right.as_bytes());
    Digest::from_bytes(Sha256::digest(node).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6962, section 2.1, word for word: split at the largest power of two below the size.
    fn root_by_definition(leaves: &[Digest]) -> Digest {
        match leaves {
            [] => Digest::from_bytes(Sha256::digest([]).into()),
            [leaf] => *leaf,
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                let (left, right) = leaves.split_at(split);
                inner(&root_by_definition(left), &root_by_definition(right))
            }
        }
    }

    #[test]
    fn the_root_is_the_one_of_the_definition_at_every_size() {
        let leaf = |n: u32| Digest::from_bytes(Sha256::digest(n.to_be_bytes()).into());
        let leaves: Vec<Digest> = (0..260).map(leaf).collect();
        let mut range = CompactRange::new();
        for size in 0..leaves.len() {
            assert_eq!(
                range.root(),
                root_by_definition(&leaves[..size]),
                "size {size}"
            );
            let again = CompactRange::from_peaks(range.size(), range.peaks().to_vec());
            assert_eq!(again.as_ref(), Some(&range));
            range.push(leaves[size]);
        }
        assert_eq!(CompactRange::from_peaks(3, vec![leaves[0]]), None);
    }

    #[test]
    fn runs_that_begin_and_end_anywhere_make_the_range_of_their_leaves() {
        let leaf = |n: u64| Digest::from_bytes(Sha256::digest(n.to_be_bytes()).into());
        for cuts in [[0, 0, 1], [1, 2, 3], [5, 22, 64], [8, 16, 33], [7, 64, 100]] {
            let mut whole = CompactRange::new();
            (0..100).for_each(|n| whole.push(leaf(n)));
            let mut joined = CompactRange::new();
            let mut begin = 0;
            for end in cuts.into_iter().chain([100]) {
                let mut run = Run::at(begin);
                (begin..end).for_each(|n| run.push(leaf(n)));
                joined.append(&run);
                begin = end;
            }
            assert_eq!(joined, whole, "{cuts:?}");
        }
    }
}
