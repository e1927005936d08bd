//! The order ids among records, each with a number.
//!
//! Always true:
//! - Numbers begin with 0 and have no gaps; the next new id has the next one.
//! - The hash has a key that nobody outside the process knows: ids come from files that others write.
//! - All texts stand in one piece of memory, and a table that grows looks at none of them.
//!
//! Not here: what an order is.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

/// One key for all of them, so that a hash that was taken for one is good in another.
static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// How many bits of a slot are a number; those above it are of the hash.
const NUMBER_BITS: u32 = 40;
const NUMBER_MASK: u64 = (1 << NUMBER_BITS) - 1;
const SLOTS_MIN: usize = 16;

/// Ids and their numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Ids {
    texts: String,
    /// By number.
    ids: Vec<Id>,
    /// A power of two of them; the low bits of the hash say where to begin looking.
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Id {
    hash: u64,
    /// Where in the texts it ends; it begins where the one before it ends.
    end: usize,
}

/// A number, counted from 1, below the high bits of its hash; 0 when it is free.
#[derive(Clone, Copy, Debug, Default)]
struct Slot(u64);

impl Ids {
    /// The number of that id, and whether it is a new one.
    #[inline]
    pub(super) fn number(&mut self, text: &str) -> (usize, bool) {
        self.number_hashed(hash(text), text)
    }

    /// The same of an id whose hash is known.
    #[inline]
    pub(super) fn number_hashed(&mut self, hash: u64, text: &str) -> (usize, bool) {
        match self.find(hash, text) {
            Some(number) => (number, false),
            None => (self.add(hash, text), true),
        }
    }

    /// The number of an id of others, if it is here too.
    pub(super) fn number_of(&self, id: Id, text: &str) -> Option<usize> {
        self.find(id.hash, text)
    }

    /// The number that an id with that hash most likely has. It looks at one place in memory, so that many of
    /// these wait for theirs at once.
    #[inline]
    pub(super) fn likely(&self, hash: u64) -> Option<usize> {
        let place = places(hash, self.slots.len()).next()?;
        let slot = self.slots.get(place)?;
        slot.number().filter(|_| slot.is_of(hash))
    }

    /// The id with that number.
    #[inline]
    pub(super) fn text(&self, number: usize) -> &str {
        let before = number.checked_sub(1).and_then(|it| self.ids.get(it));
        let range = before.map_or(0, |it| it.end)..self.ids.get(number).map_or(0, |it| it.end);
        self.texts.get(range).unwrap_or_default()
    }

    /// Each with its text, by number.
    pub(super) fn each(&self) -> impl Iterator<Item = (Id, &str)> {
        let mut start = 0;
        self.ids.iter().map(move |id| {
            let text = self.texts.get(start..id.end).unwrap_or_default();
            start = id.end;
            (*id, text)
        })
    }

    #[inline]
    fn find(&self, hash: u64, text: &str) -> Option<usize> {
        let mut places = places(hash, self.slots.len());
        loop {
            // There is a free one: the table is never full.
            let slot = self.slots.get(places.next()?)?;
            let number = slot.number()?;
            if slot.is_of(hash) && self.text(number) == text {
                return Some(number);
            }
        }
    }

    fn add(&mut self, hash: u64, text: &str) -> usize {
        let number = self.ids.len();
        self.texts.push_str(text);
        self.ids.push(Id {
            hash,
            end: self.texts.len(),
        });
        // At most three of four are taken.
        match self.slots.len() / 4 * 3 <= number {
            true => self.grow(),
            false => put(&mut self.slots, hash, number),
        }
        number
    }

    #[cold]
    fn grow(&mut self) {
        let len = (self.slots.len() * 2).max(SLOTS_MIN);
        let mut slots = vec![Slot::default(); len];
        for (number, id) in self.ids.iter().enumerate() {
            put(&mut slots, id.hash, number);
        }
        self.slots = slots;
    }
}

impl Slot {
    /// No memory holds as many orders as the number has room for.
    fn new(hash: u64, number: usize) -> Slot {
        Slot((hash & !NUMBER_MASK) | (number as u64 + 1))
    }

    #[inline]
    fn number(self) -> Option<usize> {
        usize::try_from(self.0 & NUMBER_MASK).ok()?.checked_sub(1)
    }

    #[inline]
    fn is_of(self, hash: u64) -> bool {
        self.0 & !NUMBER_MASK == hash & !NUMBER_MASK
    }
}

fn put(slots: &mut [Slot], hash: u64, number: usize) {
    for place in places(hash, slots.len()) {
        if let Some(slot) = slots.get_mut(place)
            && slot.number().is_none()
        {
            *slot = Slot::new(hash, number);
            return;
        }
    }
}

/// Where to look for that hash among so many slots, one place after the other.
#[inline]
fn places(hash: u64, len: usize) -> impl Iterator<Item = usize> {
    let mask = len.wrapping_sub(1);
    let first = usize::try_from(hash & NUMBER_MASK).unwrap_or_default();
    (0..len).map(move |it| first.wrapping_add(it) & mask)
}

#[inline]
pub(super) fn hash(text: &str) -> u64 {
    let mut hasher = KEY.build_hasher();
    hasher.write(text.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_number_however_many_there_are() {
        let mut ids = Ids::default();
        let texts: Vec<String> = (0..5_000).map(|it| format!("order-{it}")).collect();
        for (number, text) in texts.iter().enumerate() {
            assert_eq!(ids.number(text), (number, true));
            assert_eq!(ids.number(text), (number, false));
        }
        for (number, text) in texts.iter().enumerate() {
            assert_eq!(ids.number(text), (number, false));
            assert_eq!(ids.text(number), text);
        }
        assert!(
            ids.each()
                .map(|it| it.1)
                .eq(texts.iter().map(String::as_str))
        );
    }

    #[test]
    fn an_id_of_others_is_found_by_its_hash() {
        let (mut ours, mut theirs) = (Ids::default(), Ids::default());
        for text in ["a", "ab", "b"] {
            ours.number(text);
        }
        for text in ["b", "c", "ab"] {
            theirs.number(text);
        }
        let found: Vec<_> = theirs
            .each()
            .map(|(id, text)| ours.number_of(id, text))
            .collect();
        assert_eq!(found, [Some(2), None, Some(1)]);
        assert_eq!(Ids::default().number_of(theirs.ids[0], "b"), None);
    }
}
