//! A lane: how the calls of one thread get to the worker, in the order in which they ended.
//!
//! Always true:
//! - One thread writes a lane and one reads it. What was written is seen whole or not at all: a call that
//!   takes several blocks appears with its last word.
//! - Handing over waits for nobody and calls nothing of the operating system.
//! - What could not be handed over is counted with the times of the first and the last of it, and the
//!   reader gets a count and its times that belong together.
//!
//! Not here: what to do when there is no room; what the bytes mean.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering, fence};

use super::blocks::{BLOCK_WORDS, Block, Blocks};

/// What both ends see.
#[derive(Debug)]
pub(super) struct Lane {
    /// The thread, as recordings name it.
    pub(super) thread: Box<str>,
    /// The thread will hand over no more.
    ended: AtomicBool,
    /// Nobody will read any more.
    forsaken: AtomicBool,
    /// How many calls were handed over.
    handed_over: AtomicU64,
    losses: Losses,
}

/// Calls that are lost, told by one thread and heard by another.
#[derive(Debug, Default)]
pub(super) struct Losses {
    /// Odd while the others are being changed.
    version: AtomicU64,
    count: AtomicU64,
    from: AtomicI64,
    to: AtomicI64,
    /// How many of them were heard.
    heard: AtomicU64,
}

/// Calls that are lost: how many, and when the first and the last of them began, in unix nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lost {
    pub(super) count: u64,
    pub(super) from: i64,
    pub(super) to: i64,
}

/// The end of the thread that calls.
#[derive(Debug)]
pub(super) struct Front {
    lane: Arc<Lane>,
    block: Arc<Block>,
    /// The words of `block` that are written.
    used: usize,
}

/// The end of the worker.
#[derive(Debug)]
pub(super) struct Back {
    lane: Arc<Lane>,
    block: Arc<Block>,
    /// The words of `block` that are read.
    read: usize,
}

/// A lane for a thread, if there is a block for it.
pub(super) fn lane(thread: Box<str>, blocks: &Blocks) -> Option<(Front, Back)> {
    let block = blocks.take()?;
    let lane = Arc::new(Lane {
        thread,
        ended: AtomicBool::new(false),
        forsaken: AtomicBool::new(false),
        handed_over: AtomicU64::new(0),
        losses: Losses::default(),
    });
    let front = Front {
        lane: Arc::clone(&lane),
        block: Arc::clone(&block),
        used: 0,
    };
    Some((
        front,
        Back {
            lane,
            block,
            read: 0,
        },
    ))
}

impl Front {
    /// Hands `bytes` over; `false` and nothing done when there is no room.
    ///
    /// Hot: this is all that a bot waits for. A call that fits into the block is words and one release.
    #[inline]
    pub(super) fn hand_over(&mut self, bytes: &[u8], blocks: &Blocks) -> bool {
        let words = 1 + bytes.len().div_ceil(8);
        let Some(room) = self.block.words().get(self.used..self.used + words) else {
            return self.hand_over_in_pieces(bytes, blocks);
        };
        fill(room, Some(bytes.len() as u64), bytes);
        self.used += words;
        self.block.publish(self.used);
        self.count();
        true
    }

    fn count(&self) {
        // This thread alone writes it.
        let count = self.lane.handed_over.load(Ordering::Relaxed);
        self.lane.handed_over.store(count + 1, Ordering::Relaxed);
    }

    /// The same over the end of a block: what follows is nobody else's until the end of this one is told.
    #[cold]
    fn hand_over_in_pieces(&mut self, bytes: &[u8], blocks: &Blocks) -> bool {
        let here = BLOCK_WORDS - self.used;
        let words = 1 + bytes.len().div_ceil(8);
        let count = words.saturating_sub(here).div_ceil(BLOCK_WORDS);
        let Some(first) = chain(count, blocks) else {
            return false;
        };
        let len = bytes.len() as u64;
        let room = self.block.words().get(self.used..).unwrap_or_default();
        let (mut head, mut rest) = match room.is_empty() {
            true => (Some(len), bytes),
            false => (None, fill(room, Some(len), bytes)),
        };
        let mut last = Arc::clone(&first);
        loop {
            let used = usize::from(head.is_some()) + rest.len().div_ceil(8);
            rest = fill(last.words(), head.take(), rest);
            self.used = used.min(BLOCK_WORDS);
            last.publish(self.used);
            match blocks.after(&last) {
                Some(next) => last = next,
                None => break,
            }
        }
        // Order matters: with the last of these two the call appears, all of it. A block that was full before
        // may be read and somebody else's as soon as the next one is linked to it.
        self.block.link(&first);
        if !room.is_empty() {
            self.block.publish(BLOCK_WORDS);
        }
        self.block = last;
        self.count();
        true
    }

    /// Tells that a call which began at `at` is lost.
    #[cold]
    pub(super) fn lose(&self, at: i64) {
        self.lane.losses.tell(at);
    }

    /// Whether nobody reads the lane any more.
    pub(super) fn is_forsaken(&self) -> bool {
        self.lane.forsaken.load(Ordering::Acquire)
    }

    /// The thread, as recordings name it.
    pub(super) fn thread(&self) -> &str {
        &self.lane.thread
    }
}

/// The thread ends, or the recorder does.
impl Drop for Front {
    fn drop(&mut self) {
        self.lane.ended.store(true, Ordering::Release);
    }
}

/// So many blocks, each linked to the next; the first of them. `None` when there are not as many.
fn chain(count: usize, blocks: &Blocks) -> Option<Arc<Block>> {
    let first = blocks.take()?;
    let mut last = Arc::clone(&first);
    for _ in 1..count {
        if let Some(next) = blocks.take() {
            last.link(&next);
            last = next;
            continue;
        }
        let mut unused = Some(first);
        while let Some(block) = unused {
            // Order matters: given back, it is somebody else's to link.
            unused = blocks.after(&block);
            blocks.give_back(&block);
        }
        return None;
    }
    Some(first)
}

/// Writes `head` and as many of `bytes` as there is room for; returns what is left of them.
#[inline]
fn fill<'a>(room: &[AtomicU64], head: Option<u64>, bytes: &'a [u8]) -> &'a [u8] {
    let room = match (head, room.split_first()) {
        (Some(head), Some((first, rest))) => {
            first.store(head, Ordering::Relaxed);
            rest
        }
        _ => room,
    };
    let (now, left) = bytes
        .split_at_checked(room.len() * 8)
        .unwrap_or((bytes, &[]));
    let (whole, end) = now.as_chunks::<8>();
    for (word, bytes) in room.iter().zip(whole) {
        word.store(u64::from_le_bytes(*bytes), Ordering::Relaxed);
    }
    if let (Some(word), false) = (room.get(whole.len()), end.is_empty()) {
        let mut last = [0; 8];
        last.iter_mut().zip(end).for_each(|(to, from)| *to = *from);
        word.store(u64::from_le_bytes(last), Ordering::Relaxed);
    }
    left
}

impl Back {
    /// What both ends see.
    pub(super) fn lane(&self) -> &Arc<Lane> {
        &self.lane
    }

    /// The next call's bytes into `out`; `false` when there is none (yet).
    pub(super) fn next(&mut self, blocks: &Blocks, out: &mut Vec<u8>) -> bool {
        let Some(len) = self.word(blocks) else {
            return false;
        };
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        out.clear();
        while out.len() < len {
            let words = self.block.readable(self.read);
            let wanted = (len - out.len()).div_ceil(8);
            let words = words.get(..wanted).unwrap_or(words);
            for word in words {
                out.extend_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
            }
            self.read += words.len();
            // A call is seen whole or not at all, so the next block is there.
            if out.len() < len && !self.turn(blocks) {
                break;
            }
        }
        out.truncate(len);
        true
    }

    /// The next word, going on to the next block at the end of one.
    fn word(&mut self, blocks: &Blocks) -> Option<u64> {
        if let Some(word) = self.block.readable(self.read).first() {
            self.read += 1;
            return Some(word.load(Ordering::Relaxed));
        }
        if !self.turn(blocks) {
            return None;
        }
        let word = self.block.readable(0).first()?;
        self.read = 1;
        Some(word.load(Ordering::Relaxed))
    }

    /// Goes on to the next block and gives this one back; `false` when there is none.
    fn turn(&mut self, blocks: &Blocks) -> bool {
        // One that follows is only looked for behind the last word.
        if self.read < BLOCK_WORDS {
            return false;
        }
        let Some(next) = blocks.after(&self.block) else {
            return false;
        };
        blocks.give_back(&self.block);
        self.block = next;
        self.read = 0;
        true
    }

    /// What was lost since this was asked last.
    pub(super) fn lost(&self) -> Option<Lost> {
        self.lane.losses.hear()
    }

    /// Whether nothing will come any more. Ask before the last look for calls, not after it.
    pub(super) fn has_ended(&self) -> bool {
        self.lane.ended.load(Ordering::Acquire)
    }

    /// Gives the last block back: what the thread still hands over is read by nobody.
    pub(super) fn end(self, blocks: &Blocks) {
        self.lane.forsaken.store(true, Ordering::Release);
        blocks.give_back(&self.block);
    }
}

impl Lane {
    /// How many calls were handed over, and how many lost, so far.
    pub(super) fn counts(&self) -> (u64, u64) {
        (
            self.handed_over.load(Ordering::Relaxed),
            self.losses.count.load(Ordering::Relaxed),
        )
    }
}

impl Losses {
    /// One more is lost. Only one thread tells.
    fn tell(&self, at: i64) {
        let count = self.count.load(Ordering::Relaxed);
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version + 1, Ordering::Relaxed);
        // Order matters: who sees a part of what follows sees the odd version.
        fence(Ordering::Release);
        // Calls end in another order than they begin.
        let (from, to) = match self.heard.load(Ordering::Relaxed) == count {
            true => (at, at),
            false => (
                self.from.load(Ordering::Relaxed).min(at),
                self.to.load(Ordering::Relaxed).max(at),
            ),
        };
        self.from.store(from, Ordering::Relaxed);
        self.to.store(to, Ordering::Relaxed);
        self.count.store(count + 1, Ordering::Relaxed);
        self.version.store(version + 2, Ordering::Release);
    }

    /// What was lost since this was asked last. Only one thread hears.
    fn hear(&self) -> Option<Lost> {
        let heard = self.heard.load(Ordering::Relaxed);
        if self.count.load(Ordering::Relaxed) == heard {
            return None;
        }
        let (count, from, to) = loop {
            let before = self.version.load(Ordering::Acquire);
            let seen = (
                self.count.load(Ordering::Relaxed),
                self.from.load(Ordering::Relaxed),
                self.to.load(Ordering::Relaxed),
            );
            // Order matters: what was seen was seen before the version is looked at again.
            fence(Ordering::Acquire);
            if before.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == before {
                break seen;
            }
            std::hint::spin_loop();
        };
        self.heard.store(count, Ordering::Relaxed);
        Some(Lost {
            count: count - heard,
            from,
            to,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bot::recorder::blocks::BLOCK_BYTES;

    fn pair(blocks: &Blocks) -> (Front, Back) {
        lane("test".into(), blocks).unwrap()
    }

    fn all(back: &mut Back, blocks: &Blocks) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        std::iter::from_fn(|| back.next(blocks, &mut out).then(|| out.clone())).collect()
    }

    proptest! {
        #[test]
        fn what_is_handed_over_comes_out_in_order(
            lens in proptest::collection::vec(prop_oneof![0..100_usize, 0..3 * BLOCK_BYTES], 0..60),
            every in 1..8_usize,
        ) {
            let blocks = Blocks::new(6 * BLOCK_BYTES);
            let (mut front, mut back) = pair(&blocks);
            let (mut expected, mut got) = (Vec::new(), Vec::new());
            for (at, len) in lens.into_iter().enumerate() {
                let bytes: Vec<u8> = (0..=u8::MAX).cycle().skip(at % 256).take(len).collect();
                if front.hand_over(&bytes, &blocks) {
                    expected.push(bytes);
                }
                if at % every == 0 {
                    got.extend(all(&mut back, &blocks));
                }
            }
            got.extend(all(&mut back, &blocks));
            prop_assert_eq!(got, expected);
            back.end(&blocks);
            prop_assert_eq!(std::iter::from_fn(|| blocks.take()).count(), 6);
        }
    }

    #[test]
    fn without_room_nothing_is_handed_over_and_nothing_is_kept() {
        let blocks = Blocks::new(2 * BLOCK_BYTES);
        let (mut front, mut back) = pair(&blocks);
        assert!(!front.hand_over(&vec![1; 2 * BLOCK_BYTES], &blocks));
        assert!(front.hand_over(&vec![2; 2 * BLOCK_BYTES - 8], &blocks));
        assert!(!front.hand_over(&[3], &blocks));
        assert_eq!(all(&mut back, &blocks).len(), 1);
        assert!(front.hand_over(&[4], &blocks));
        assert_eq!(all(&mut back, &blocks), [[4]]);
    }

    #[test]
    fn a_reader_beside_the_writer_sees_every_call_whole() {
        let blocks = Blocks::new(4 * BLOCK_BYTES);
        let (mut front, mut back) = pair(&blocks);
        let count = 100_000_u64;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..count {
                    let bytes = number.to_le_bytes().repeat(1 + (number % 900) as usize);
                    while !front.hand_over(&bytes, &blocks) {
                        std::thread::yield_now();
                    }
                }
            });
            let (mut number, mut out) = (0, Vec::new());
            while number < count {
                if back.next(&blocks, &mut out) {
                    assert_eq!(
                        out,
                        number.to_le_bytes().repeat(1 + (number % 900) as usize)
                    );
                    number += 1;
                }
            }
        });
    }

    #[test]
    fn losses_are_heard_once_with_their_times() {
        let blocks = Blocks::new(0);
        let (front, back) = pair(&blocks);
        assert_eq!(back.lost(), None);
        for at in [5, 6, 9] {
            front.lose(at);
        }
        let lost = |count, from, to| Some(Lost { count, from, to });
        assert_eq!(back.lost(), lost(3, 5, 9));
        assert_eq!(back.lost(), None);
        front.lose(12);
        assert_eq!(back.lost(), lost(1, 12, 12));
        assert_eq!(back.lane().counts(), (0, 4));
    }

    #[test]
    fn losses_that_are_heard_meanwhile_add_up() {
        let blocks = Blocks::new(0);
        let (front, back) = pair(&blocks);
        let count = 200_000_u32;
        let heard = std::thread::scope(|scope| {
            scope.spawn(|| (0..count).for_each(|at| front.lose(at.into())));
            let (mut heard, mut last) = (0, -1);
            while heard < u64::from(count) {
                let Some(lost) = back.lost() else { continue };
                assert!(
                    lost.from <= lost.to && last < lost.to,
                    "{lost:?} after {last}"
                );
                // Between hearing and its being known, one more may be told with the span before.
                heard += lost.count;
                assert_eq!(lost.to.unsigned_abs() + 1, heard);
                last = lost.to;
            }
            heard
        });
        assert_eq!(heard, u64::from(count));
    }
}
