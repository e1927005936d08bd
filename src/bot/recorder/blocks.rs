//! The memory of a recorder: blocks of words that threads take, fill and hand over.
//!
//! Always true:
//! - All blocks are made, and their pages touched, before the first call is recorded; no more are made.
//! - A block belongs to one lane, or to nobody. Taking one is a bit that is cleared, giving it back a bit
//!   that is set: no thread waits for another.
//! - What stands below a block's `len` was written before `len` said so, and does not change until the
//!   block is given back.
//!
//! The words are atomic so that one thread may write while another reads without `unsafe`; each is
//! written and read as an ordinary one would be.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Words of a block: 32 KiB, some hundreds of calls.
pub(super) const BLOCK_WORDS: usize = 4096;
/// Bytes of a block.
pub(super) const BLOCK_BYTES: usize = BLOCK_WORDS * 8;

/// No block follows (yet).
const NONE: usize = usize::MAX;

/// Some words, and which block follows.
#[derive(Debug)]
pub(super) struct Block {
    index: usize,
    words: Box<[AtomicU64]>,
    /// How many words are there to be read.
    len: AtomicUsize,
    next: AtomicUsize,
}

/// All blocks of a recorder.
#[derive(Debug)]
pub(super) struct Blocks {
    all: Box<[Arc<Block>]>,
    /// One bit a block: set while nobody has it.
    free: Box<[AtomicU64]>,
}

impl Block {
    fn new(index: usize) -> Block {
        let words: Box<[AtomicU64]> = (0..BLOCK_WORDS).map(|_| AtomicU64::new(0)).collect();
        // A page that was never written may not be there yet, and the first write would wait for it.
        words.iter().for_each(|it| it.store(1, Ordering::Relaxed));
        Block {
            index,
            words,
            len: AtomicUsize::new(0),
            next: AtomicUsize::new(NONE),
        }
    }

    /// The words, for the one thread that writes them.
    pub(super) fn words(&self) -> &[AtomicU64] {
        &self.words
    }

    /// Says which block follows this one. Where it is full already, that makes the next one appear.
    pub(super) fn link(&self, next: &Block) {
        self.next.store(next.index, Ordering::Release);
    }

    /// Says that the words up to `len` can be read.
    #[inline]
    pub(super) fn publish(&self, len: usize) {
        // Order matters: a reader that sees the block full finds the one that follows, and what is in it.
        self.len.store(len, Ordering::Release);
    }

    /// The words from `from` that can be read.
    pub(super) fn readable(&self, from: usize) -> &[AtomicU64] {
        let len = self.len.load(Ordering::Acquire);
        self.words.get(from..len).unwrap_or_default()
    }
}

impl Blocks {
    /// As many blocks as `bytes` hold, two at least.
    pub(super) fn new(bytes: usize) -> Blocks {
        let count = (bytes / BLOCK_BYTES).max(2);
        let all: Box<[Arc<Block>]> = (0..count).map(|it| Arc::new(Block::new(it))).collect();
        let free = (0..count.div_ceil(64))
            .map(|word| {
                let here = (count - word * 64).min(64);
                AtomicU64::new(u64::MAX >> (64 - here))
            })
            .collect();
        Blocks { all, free }
    }

    /// How many bytes they hold.
    pub(super) fn bytes(&self) -> usize {
        self.all.len() * BLOCK_BYTES
    }

    /// Whether so many bytes can ever be there beside what others have.
    pub(super) fn can_hold(&self, bytes: usize) -> bool {
        bytes.div_ceil(BLOCK_BYTES) + 1 < self.all.len()
    }

    /// A block that nobody has; the lowest, so that memory that was just used is used again.
    pub(super) fn take(&self) -> Option<Arc<Block>> {
        for (at, word) in self.free.iter().enumerate() {
            let mut bits = word.load(Ordering::Relaxed);
            while bits != 0 {
                let lowest = bits & bits.wrapping_neg();
                // Acquire: whoever gave it back is done with it.
                bits = word.fetch_and(!lowest, Ordering::Acquire);
                if bits & lowest != 0 {
                    let block = self.all.get(at * 64 + lowest.trailing_zeros() as usize)?;
                    block.len.store(0, Ordering::Relaxed);
                    block.next.store(NONE, Ordering::Relaxed);
                    return Some(Arc::clone(block));
                }
                bits &= !lowest;
            }
        }
        None
    }

    /// Takes one back.
    pub(super) fn give_back(&self, block: &Block) {
        if let Some(word) = self.free.get(block.index / 64) {
            word.fetch_or(1 << (block.index % 64), Ordering::Release);
        }
    }

    /// The block after `block`, if there is one.
    pub(super) fn after(&self, block: &Block) -> Option<Arc<Block>> {
        let next = block.next.load(Ordering::Acquire);
        self.all.get(next).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_is_taken_once_and_is_free_again_when_given_back() {
        let blocks = Blocks::new(70 * BLOCK_BYTES);
        let mut taken: Vec<_> = std::iter::from_fn(|| blocks.take()).collect();
        let indexes: Vec<_> = taken.iter().map(|it| it.index).collect();
        assert_eq!(indexes, (0..70).collect::<Vec<_>>());
        let block = taken.swap_remove(65);
        blocks.give_back(&block);
        assert_eq!(blocks.take().map(|it| it.index), Some(65));
        assert!(blocks.take().is_none());
        assert_eq!(Blocks::new(0).bytes(), 2 * BLOCK_BYTES);
    }

    #[test]
    fn a_block_that_is_taken_again_shows_nothing_of_before() {
        let blocks = Blocks::new(0);
        let (first, second) = (blocks.take().unwrap(), blocks.take().unwrap());
        first.words()[0].store(7, Ordering::Relaxed);
        first.link(&second);
        first.publish(1);
        assert_eq!(first.readable(0).len(), 1);
        assert_eq!(blocks.after(&first).map(|it| it.index), Some(1));
        blocks.give_back(&first);
        let again = blocks.take().unwrap();
        assert_eq!((again.index, again.readable(0).len()), (0, 0));
        assert!(blocks.after(&again).is_none());
    }

    #[test]
    fn threads_never_have_the_same_block_at_once() {
        let blocks = Blocks::new(8 * BLOCK_BYTES);
        std::thread::scope(|scope| {
            for mark in 1..=4_u64 {
                let blocks = &blocks;
                scope.spawn(move || {
                    for _ in 0..10_000 {
                        let Some(block) = blocks.take() else { continue };
                        block.words()[0].store(mark, Ordering::Relaxed);
                        std::hint::spin_loop();
                        assert_eq!(block.words()[0].load(Ordering::Relaxed), mark);
                        blocks.give_back(&block);
                    }
                });
            }
        });
        assert_eq!(std::iter::from_fn(|| blocks.take()).count(), 8);
    }
}
