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
        let mut node = leaf;
        // Each trailing one of `size` is a subtree as large as the one in hand.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                node = inner(&left, &node);
            }
        }
        self.peaks.push(node);
        self.size += 1;
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

/// The hash of an inner node.
fn inner(left: &Digest, right: &Digest) -> Digest {
    let mut state = Sha256::new();
    state.update([1]);
    state.update(left.as_bytes());
    state.update(right.as_bytes());
    Digest::from_bytes(state.finalize().into())
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
}
