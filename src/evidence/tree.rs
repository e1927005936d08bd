//! The Merkle tree over a stream's lines, as RFC 9162 (and RFC 6962 before it) has it: the leaves are
//! the lines' hashes, in the order of their numbers.
//!
//! Always true:
//! - A proof that was made is one that checks, and nothing but its own leaf, index, size and root
//!   makes it check.
//! - Nothing here reads a file: whoever makes proofs says where perfect subtrees come from.

use sha2::{Digest as _, Sha256};

use crate::record::Digest;

/// More levels than any tree of lines has.
const LEVELS_MAX: usize = 64;

/// Where the hashes of perfect subtrees come from.
pub trait Subtrees {
    /// Why one cannot be had.
    type Error;

    /// The hash over the `1 << level` leaves from number `index << level` on.
    ///
    /// # Errors
    /// Whatever keeps it from being known.
    fn subtree(&mut self, level: u32, index: u64) -> Result<Digest, Self::Error>;
}

/// The hash of an inner node.
#[must_use]
pub fn inner(left: &Digest, right: &Digest) -> Digest {
    let mut state = Sha256::new();
    state.update([1]);
    state.update(left.as_bytes());
    state.update(right.as_bytes());
    Digest::from_bytes(state.finalize().into())
}

/// The root over no leaves.
#[must_use]
pub fn empty_root() -> Digest {
    Digest::from_bytes(Sha256::digest([]).into())
}

/// The root over the first `size` leaves.
///
/// # Errors
/// As `subtrees` says.
pub fn root<S: Subtrees>(subtrees: &mut S, size: u64) -> Result<Digest, S::Error> {
    if size == 0 {
        return Ok(empty_root());
    }
    range(subtrees, 0, size)
}

/// The hashes that lead from leaf `index` up to the root over `size` leaves; none when there is no
/// such leaf.
///
/// # Errors
/// As `subtrees` says.
pub fn inclusion<S: Subtrees>(
    subtrees: &mut S,
    index: u64,
    size: u64,
) -> Result<Vec<Digest>, S::Error> {
    let mut path = Vec::new();
    let (mut begin, mut end) = (0, size);
    // From the root down, so the hashes come in the wrong order.
    while index < size && 1 < end - begin {
        let middle = begin + split(end - begin);
        if index < middle {
            path.push(range(subtrees, middle, end)?);
            end = middle;
        } else {
            path.push(range(subtrees, begin, middle)?);
            begin = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The hashes that show the tree over `old` leaves to be the beginning of the one over `size`.
///
/// # Errors
/// As `subtrees` says.
pub fn consistency<S: Subtrees>(
    subtrees: &mut S,
    old: u64,
    size: u64,
) -> Result<Vec<Digest>, S::Error> {
    let mut path = Vec::new();
    if old == 0 || size <= old {
        return Ok(path);
    }
    let (mut begin, mut end) = (0, size);
    while old < end {
        let middle = begin + split(end - begin);
        if old <= middle {
            path.push(range(subtrees, middle, end)?);
            end = middle;
        } else {
            path.push(range(subtrees, begin, middle)?);
            begin = middle;
        }
    }
    if begin != 0 {
        // The old root is not a node of the new tree, so its last part comes along.
        path.push(range(subtrees, begin, end)?);
    }
    path.reverse();
    Ok(path)
}

/// The root that leaf number `index` and `path` come to in a tree of `size` leaves; `None` when the
/// path does not have the shape that such a tree needs.
#[must_use]
pub fn root_from_inclusion(
    leaf: &Digest,
    index: u64,
    size: u64,
    path: &[Digest],
) -> Option<Digest> {
    if size <= index || LEVELS_MAX < path.len() {
        return None;
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in path {
        if last == 0 {
            return None;
        }
        if node & 1 == 1 || node == last {
            hash = inner(sibling, &hash);
            // A node without a right sibling is its own parent.
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            hash = inner(&hash, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    (last == 0).then_some(hash)
}

/// Whether `path` shows that the tree over `old` leaves with the root `old_root` is the beginning of
/// the one over `size` leaves with the root `new_root`.
#[must_use]
pub fn is_consistent(
    (old, old_root): (u64, &Digest),
    (size, new_root): (u64, &Digest),
    path: &[Digest],
) -> bool {
    if old == size {
        return path.is_empty() && old_root == new_root;
    }
    if old == 0 || size < old || LEVELS_MAX < path.len() {
        return false;
    }
    let (first, rest) = if old.is_power_of_two() {
        (*old_root, path)
    } else {
        let Some((first, rest)) = path.split_first() else {
            return false;
        };
        (*first, rest)
    };
    let (mut node, mut last) = (old - 1, size - 1);
    while node & 1 == 1 {
        (node, last) = (node >> 1, last >> 1);
    }
    let (mut from_old, mut from_new) = (first, first);
    for sibling in rest {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            from_old = inner(sibling, &from_old);
            from_new = inner(sibling, &from_new);
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            from_new = inner(&from_new, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && from_old == *old_root && from_new == *new_root
}

/// The root over the leaves `begin..end`, where `begin` is a multiple of a power of two that is at
/// least as large as the range.
fn range<S: Subtrees>(subtrees: &mut S, begin: u64, end: u64) -> Result<Digest, S::Error> {
    let mut parts = Vec::new();
    let mut at = begin;
    while at < end {
        let level = (end - at).ilog2();
        parts.push(subtrees.subtree(level, at >> level)?);
        at += 1 << level;
    }
    let mut smallest_first = parts.into_iter().rev();
    let smallest = smallest_first.next().unwrap_or_else(empty_root);
    Ok(smallest_first.fold(smallest, |right, left| inner(&left, &right)))
}

/// The largest power of two below `len`, which is 2 or more.
fn split(len: u64) -> u64 {
    1 << (len - 1).ilog2()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    struct Leaves(Vec<Digest>);

    impl Subtrees for Leaves {
        type Error = Infallible;

        fn subtree(&mut self, level: u32, index: u64) -> Result<Digest, Infallible> {
            if level == 0 {
                return Ok(self.0[usize::try_from(index).unwrap()]);
            }
            let left = self.subtree(level - 1, index * 2)?;
            Ok(inner(&left, &self.subtree(level - 1, index * 2 + 1)?))
        }
    }

    fn leaf(bytes: &[u8]) -> Digest {
        let mut state = Sha256::new();
        state.update([0]);
        state.update(bytes);
        Digest::from_bytes(state.finalize().into())
    }

    fn leaves(count: u64) -> Leaves {
        Leaves((0..count).map(|it| leaf(&it.to_be_bytes())).collect())
    }

    fn flipped(digest: &Digest, bit: usize) -> Digest {
        let mut bytes = *digest.as_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        Digest::from_bytes(bytes)
    }

    /// The eight leaves that implementations of Certificate Transparency test with, and what comes of
    /// them: tests/fixtures/merkle.txt names the source.
    #[test]
    fn the_known_trees_have_their_known_roots_and_proofs() {
        let fixture = include_str!("../../tests/fixtures/merkle.txt");
        let mut lines = fixture.lines().filter(|it| !it.starts_with('#'));
        let bytes = |text: &str| -> Vec<u8> {
            let pair = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
            (0..text.len()).step_by(2).map(pair).collect()
        };
        let mut known = Leaves(Vec::new());
        assert_eq!(empty_root().to_string(), lines.next().unwrap());
        for line in lines.by_ref().take(8) {
            let (input, expected) = line.split_once(' ').unwrap();
            known.0.push(leaf(&bytes(input)));
            let size = known.0.len() as u64;
            let Ok(found) = root(&mut known, size);
            assert_eq!(found.to_string(), expected, "size {size}");
        }
        let mut proofs = 0;
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            let [what, first, second, expected @ ..] = words.as_slice() else {
                panic!("{line}")
            };
            let (first, second) = (first.parse().unwrap(), second.parse().unwrap());
            let Ok(found) = match *what {
                "inclusion" => inclusion(&mut known, first, second),
                _ => consistency(&mut known, first, second),
            };
            let found: Vec<String> = found.iter().map(Digest::to_string).collect();
            assert_eq!(found, expected, "{line}");
            proofs += 1;
        }
        assert_eq!(proofs, 9);
    }

    #[test]
    fn every_leaf_of_every_size_up_to_260_is_proved_and_nothing_else_is() {
        let mut all = leaves(260);
        for size in 1..=260 {
            let Ok(root) = root(&mut all, size);
            for index in 0..size {
                let leaf = all.0[usize::try_from(index).unwrap()];
                let Ok(path) = inclusion(&mut all, index, size);
                let proved = |leaf: &Digest, index, size, path: &[Digest]| {
                    root_from_inclusion(leaf, index, size, path) == Some(root)
                };
                assert!(proved(&leaf, index, size, &path), "{index} of {size}");
                let bit = usize::try_from((index * 31 + size) % 256).unwrap();
                assert!(!proved(&flipped(&leaf, bit), index, size, &path));
                for at in 0..path.len() {
                    let mut other = path.clone();
                    other[at] = flipped(&other[at], bit);
                    assert!(!proved(&leaf, index, size, &other));
                }
                assert!(!proved(&leaf, index + 1, size, &path));
                if let Some((_, shorter)) = path.split_last() {
                    assert!(!proved(&leaf, index, size, shorter));
                }
                assert!(!proved(&leaf, index, size, &[path, vec![leaf]].concat()));
            }
            assert_eq!(root_from_inclusion(&root, size, size, &[]), None);
        }
    }

    #[test]
    fn every_size_up_to_130_is_shown_to_be_the_beginning_of_every_later_one() {
        let mut all = leaves(130);
        let roots: Vec<Digest> = (0..=130)
            .map(|size| root(&mut all, size).unwrap_or_else(|never| match never {}))
            .collect();
        for size in 1..=130 {
            let new_root = &roots[usize::try_from(size).unwrap()];
            for old in 1..=size {
                let old_root = &roots[usize::try_from(old).unwrap()];
                let Ok(path) = consistency(&mut all, old, size);
                let new = (size, new_root);
                assert!(is_consistent((old, old_root), new, &path), "{old} {size}");
                let bit = usize::try_from((old * 37 + size) % 256).unwrap();
                assert!(!is_consistent((old, &flipped(old_root, bit)), new, &path));
                let wrong = (size, &flipped(new_root, bit));
                assert!(!is_consistent((old, old_root), wrong, &path));
                for at in 0..path.len() {
                    let mut other = path.clone();
                    other[at] = flipped(&other[at], bit);
                    assert!(!is_consistent((old, old_root), new, &other));
                }
                assert!(!is_consistent(
                    (old, old_root),
                    new,
                    &[path, vec![*old_root]].concat()
                ));
            }
            assert!(!is_consistent((0, &roots[0]), (size, new_root), &[]));
        }
    }
}
