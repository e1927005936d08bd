//! Records on their way into a pairing, some at a time.
//!
//! Always true:
//! - They come out in the order in which they were put in.
//!
//! Not here: why that is faster (`pairing`).

use super::ids::hash;
use super::order::Part;
use crate::record::field::ExecutionMode;

/// What fits into the nearest cache with what it is about to be put into.
const BATCH_LEN: usize = 64;

/// Parts that wait, with the ids of their orders.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    texts: String,
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    mode: ExecutionMode,
    hash: u64,
    /// Where in the texts its id ends.
    end: usize,
    part: Part,
}

impl Batch {
    #[inline]
    pub(super) fn push(&mut self, mode: ExecutionMode, order_id: &str, part: Part) {
        self.texts.push_str(order_id);
        self.waiting.push(Waiting {
            mode,
            hash: hash(order_id),
            end: self.texts.len(),
            part,
        });
    }

    #[inline]
    pub(super) fn is_full(&self) -> bool {
        BATCH_LEN <= self.waiting.len()
    }

    pub(super) fn hashes(&self) -> impl Iterator<Item = (ExecutionMode, u64)> {
        self.waiting.iter().map(|it| (it.mode, it.hash))
    }

    /// Empties it.
    pub(super) fn drain(&mut self, mut each: impl FnMut(ExecutionMode, u64, &str, Part)) {
        let mut start = 0;
        for it in self.waiting.drain(..) {
            let text = self.texts.get(start..it.end).unwrap_or_default();
            start = it.end;
            each(it.mode, it.hash, text, it.part);
        }
        self.texts.clear();
    }
}
