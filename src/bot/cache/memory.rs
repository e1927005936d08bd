//! Values in this process's memory, no more of them than was allowed.
//!
//! Always true:
//! - A value is handed out from when it was put until just before its time is over: at the very end of its
//!   time it is gone. Of a clock that went back behind that it is not handed out either.
//! - There are never more values, and never more bytes of keys and values, than the limits say. What has the
//!   least time left goes first, so all that is over goes before anything that is not.
//!
//! Not here: other processes.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::key::{Key, Kind};
use super::store::{CacheStore, CacheStoreError, Found, Generation};
use crate::time::{Clock, Timestamp};

/// How much may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryLimits {
    /// How many values.
    pub entries_max: usize,
    /// How many bytes the keys and values have together.
    pub bytes_max: usize,
}

/// 10,000 values of 64 MiB.
impl Default for MemoryLimits {
    fn default() -> MemoryLimits {
        MemoryLimits {
            entries_max: 10_000,
            bytes_max: 64 << 20,
        }
    }
}

impl MemoryLimits {
    /// At most so many values.
    #[must_use]
    pub fn entries_max(mut self, count: usize) -> MemoryLimits {
        self.entries_max = count;
        self
    }

    /// At most so many bytes.
    #[must_use]
    pub fn bytes_max(mut self, len: usize) -> MemoryLimits {
        self.bytes_max = len;
        self
    }
}

/// A [`CacheStore`] in memory.
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    limits: MemoryLimits,
    shelf: Mutex<Shelf>,
}

#[derive(Debug, Default)]
struct Shelf {
    entries: HashMap<Key, Entry>,
    /// The keys by when their time is over, and by their number where that is one moment.
    order: BTreeMap<(Timestamp, u64), Key>,
    bytes: usize,
    /// The number of the next entry.
    next: u64,
    generations: [u128; Kind::ALL.len()],
}

#[derive(Debug)]
struct Entry {
    value: Vec<u8>,
    from: Timestamp,
    until: Timestamp,
    number: u64,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, limits: MemoryLimits) -> MemoryStore {
        MemoryStore {
            clock,
            limits,
            shelf: Mutex::default(),
        }
    }

    /// How many values there are, those included whose time is over and that nobody has asked for since.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shelf().entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes they have with their keys.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.shelf().bytes
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        // Nothing in here panics between two changes that belong together.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CacheStore for MemoryStore {
    fn get(&self, key: &Key) -> Result<Found, CacheStoreError> {
        let now = self.clock.now();
        let mut shelf = self.shelf();
        let generation = shelf.generation(key.kind());
        let is_over = match shelf.entries.get(key) {
            Some(entry) => now < entry.from || entry.until <= now,
            None => false,
        };
        if is_over {
            shelf.take_out(key);
        }
        let value = shelf.entries.get(key).map(|it| it.value.clone());
        Ok(Found { value, generation })
    }

    fn put(
        &self,
        key: &Key,
        value: &[u8],
        ttl: Duration,
        generation: Generation,
    ) -> Result<(), CacheStoreError> {
        let now = self.clock.now();
        let until = now.saturating_add(ttl);
        let len = len_of(key, value);
        let mut shelf = self.shelf();
        if shelf.generation(key.kind()) != generation {
            return Ok(());
        }
        // Whether or not there is room for it, the older value is none any more.
        shelf.take_out(key);
        let is_too_large = self.limits.bytes_max < len || self.limits.entries_max == 0;
        if is_too_large || until <= now {
            return Ok(());
        }
        while self.limits.bytes_max - len < shelf.bytes
            || self.limits.entries_max <= shelf.entries.len()
        {
            let Some((_, first)) = shelf.order.pop_first() else {
                break;
            };
            shelf.take_out(&first);
        }
        shelf.put_in(key, value, (now, until));
        Ok(())
    }

    fn remove(&self, key: &Key) -> Result<(), CacheStoreError> {
        self.shelf().take_out(key);
        Ok(())
    }

    fn invalidate(&self, kind: Kind) -> Result<(), CacheStoreError> {
        let mut shelf = self.shelf();
        if let Some(generation) = shelf.generations.get_mut(kind.index()) {
            *generation += 1;
        }
        let of_kind = shelf.entries.keys().filter(|it| it.kind() == kind);
        let of_kind: Vec<Key> = of_kind.cloned().collect();
        of_kind.iter().for_each(|it| shelf.take_out(it));
        Ok(())
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("limits", &self.limits)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl Shelf {
    fn generation(&self, kind: Kind) -> Generation {
        let number = self.generations.get(kind.index());
        Generation::new(number.copied().unwrap_or_default())
    }

    fn put_in(&mut self, key: &Key, value: &[u8], (from, until): (Timestamp, Timestamp)) {
        let number = self.next;
        self.next += 1;
        self.bytes += len_of(key, value);
        self.order.insert((until, number), key.clone());
        let value = value.to_vec();
        self.entries.insert(
            key.clone(),
            Entry {
                value,
                from,
                until,
                number,
            },
        );
    }

    fn take_out(&mut self, key: &Key) {
        if let Some(entry) = self.entries.remove(key) {
            self.order.remove(&(entry.until, entry.number));
            self.bytes -= len_of(key, &entry.value);
        }
    }
}

fn len_of(key: &Key, value: &[u8]) -> usize {
    key.as_str().len() + value.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ManualClock;
    use proptest::prelude::*;

    fn store(limits: MemoryLimits) -> (MemoryStore, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new("2025-10-26T14:00:00Z".parse().unwrap()));
        (MemoryStore::new(Arc::clone(&clock) as _, limits), clock)
    }

    fn key(kind: Kind, name: &str) -> Key {
        Key::new(kind, [name])
    }

    fn put(store: &MemoryStore, key: &Key, value: &[u8], ttl: Duration) {
        let generation = store.get(key).unwrap().generation;
        store.put(key, value, ttl, generation).unwrap();
    }

    #[test]
    fn a_value_is_gone_at_the_very_end_of_its_time() {
        let (store, clock) = store(MemoryLimits::default());
        let key = Key::perf_summary();
        let ttl = Duration::from_secs(600);
        put(&store, &key, b"1", ttl);
        clock.advance(ttl - Duration::from_nanos(1));
        assert_eq!(store.get(&key).unwrap().value.unwrap(), b"1");
        clock.advance(Duration::from_nanos(1));
        assert_eq!(store.get(&key).unwrap().value, None);
        assert!(store.is_empty() && store.bytes() == 0);
    }

    #[test]
    fn a_clock_that_went_back_makes_no_value_last_longer() {
        let (store, clock) = store(MemoryLimits::default());
        let key = Key::perf_summary();
        put(&store, &key, b"1", Duration::from_secs(600));
        clock.set(clock.now().saturating_sub(Duration::from_secs(3600)));
        assert_eq!(store.get(&key).unwrap().value, None);
    }

    #[test]
    fn what_is_over_goes_before_what_is_not() {
        let (store, clock) = store(MemoryLimits::default().entries_max(2));
        let (old, quote, new) = (
            key(Kind::Llm, "old"),
            key(Kind::Quote, "AAPL"),
            key(Kind::Llm, "new"),
        );
        put(&store, &old, b"1", Duration::from_secs(1));
        put(&store, &quote, b"2", Duration::from_secs(300));
        clock.advance(Duration::from_secs(1));
        put(&store, &new, b"3", Duration::from_secs(3600));
        assert!(store.get(&quote).unwrap().value.is_some());
        assert!(store.get(&new).unwrap().value.is_some());
        assert_eq!(store.len(), 2);
    }

    #[test]
    fn what_has_no_room_is_not_kept_and_pushes_nothing_out() {
        let (store, _) = store(MemoryLimits::default().bytes_max(20));
        let (small, large) = (key(Kind::Quote, "A"), key(Kind::Quote, "B"));
        let ttl = Duration::from_secs(300);
        put(&store, &small, b"1", ttl);
        put(&store, &large, &[0; 21], ttl);
        assert!(store.get(&small).unwrap().value.is_some());
        assert!(store.get(&large).unwrap().value.is_none());
        // What it was before is not what it is.
        put(&store, &small, &[0; 21], ttl);
        assert!(store.is_empty());
    }

    #[test]
    fn what_was_begun_before_an_invalidation_is_not_kept_behind_it() {
        let (store, _) = store(MemoryLimits::default());
        let (perf, quote) = (Key::perf_summary(), key(Kind::Quote, "A"));
        let ttl = Duration::from_secs(300);
        put(&store, &quote, b"1", ttl);
        let before = store.get(&perf).unwrap().generation;
        store.invalidate(Kind::Metrics).unwrap();
        store.put(&perf, b"stale", ttl, before).unwrap();
        assert_eq!(store.get(&perf).unwrap().value, None);
        assert!(store.get(&quote).unwrap().value.is_some());
    }

    /// The same, as plainly as it can be said.
    #[derive(Default)]
    struct Model {
        entries: Vec<ModelEntry>,
        generations: [u128; 3],
        next: u64,
    }

    struct ModelEntry {
        key: Key,
        value: Vec<u8>,
        from: Timestamp,
        until: Timestamp,
        number: u64,
    }

    impl Model {
        fn get(&mut self, key: &Key, now: Timestamp) -> Option<Vec<u8>> {
            self.entries
                .retain(|it| it.key != *key || it.from <= now && now < it.until);
            let found = self.entries.iter().find(|it| it.key == *key);
            found.map(|it| it.value.clone())
        }

        fn bytes(&self) -> usize {
            let lens = self.entries.iter().map(|it| len_of(&it.key, &it.value));
            lens.sum()
        }

        fn put(
            &mut self,
            key: &Key,
            value: &[u8],
            span: (Timestamp, Timestamp),
            limits: MemoryLimits,
        ) {
            self.entries.retain(|it| it.key != *key);
            let len = len_of(key, value);
            if span.1 <= span.0 || limits.bytes_max < len || limits.entries_max == 0 {
                return;
            }
            while limits.bytes_max < self.bytes() + len || limits.entries_max <= self.entries.len()
            {
                let first = self.entries.iter().map(|it| (it.until, it.number)).min();
                self.entries
                    .retain(|it| Some((it.until, it.number)) != first);
            }
            self.next += 1;
            self.entries.push(ModelEntry {
                key: key.clone(),
                value: value.to_vec(),
                from: span.0,
                until: span.1,
                number: self.next,
            });
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Get(Key),
        Put(Key, Vec<u8>, u64, bool),
        Remove(Key),
        Invalidate(Kind),
        Forward(u64),
        Back(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let kind = || prop::sample::select(&Kind::ALL[..]);
        let a_key = move || (kind(), "[a-c]").prop_map(|(kind, name)| Key::new(kind, [&*name]));
        let value = prop::collection::vec(any::<u8>(), 0..12);
        prop_oneof![
            4 => a_key().prop_map(Step::Get),
            4 => (a_key(), value, 0..6_u64, prop::bool::weighted(0.9))
                .prop_map(|(key, value, ttl, is_current)| Step::Put(key, value, ttl, is_current)),
            1 => a_key().prop_map(Step::Remove),
            1 => kind().prop_map(Step::Invalidate),
            2 => (0..4_u64).prop_map(Step::Forward),
            1 => (0..3_u64).prop_map(Step::Back),
        ]
    }

    proptest! {
        #[test]
        fn it_does_what_the_model_does(
            steps in prop::collection::vec(step(), 0..80),
            entries_max in 0..5_usize,
            bytes_max in 0..60_usize,
        ) {
            let limits = MemoryLimits { entries_max, bytes_max };
            let (store, clock) = store(limits);
            let mut model = Model::default();
            for step in steps {
                let now = clock.now();
                match step {
                    Step::Get(key) => {
                        let found = store.get(&key).unwrap();
                        prop_assert_eq!(found.value, model.get(&key, now));
                        let generation = model.generations[key.kind().index()];
                        prop_assert_eq!(found.generation, Generation::new(generation));
                    }
                    Step::Put(key, value, secs, is_current) => {
                        let ttl = Duration::from_secs(secs);
                        let current = model.generations[key.kind().index()];
                        let generation = if is_current { current } else { current + 1 };
                        store.put(&key, &value, ttl, Generation::new(generation)).unwrap();
                        if is_current {
                            model.put(&key, &value, (now, now.saturating_add(ttl)), limits);
                        }
                    }
                    Step::Remove(key) => {
                        store.remove(&key).unwrap();
                        model.entries.retain(|it| it.key != key);
                    }
                    Step::Invalidate(kind) => {
                        store.invalidate(kind).unwrap();
                        model.generations[kind.index()] += 1;
                        model.entries.retain(|it| it.key.kind() != kind);
                    }
                    Step::Forward(secs) => clock.advance(Duration::from_secs(secs)),
                    Step::Back(secs) => clock.set(now.saturating_sub(Duration::from_secs(secs))),
                }
                prop_assert_eq!(store.len(), model.entries.len());
                prop_assert_eq!(store.bytes(), model.bytes());
                prop_assert!(store.bytes() <= bytes_max && store.len() <= entries_max);
            }
        }
    }
}
