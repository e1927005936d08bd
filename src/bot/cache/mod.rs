//! The cache: what costs much and may be a little old, such as an answer of a language model, a quote, a
//! summary. Nothing in it is the truth of anything.
//!
//! Always true:
//! - Whoever asks gets a value that is no older than its kind may be, or computes. Where the store is away,
//!   full or wrong, everybody computes: a store is no reason for an error, and no reason to wait but for as
//!   long as it may take.
//! - Of many in this process who ask for a key at once, one computes, and the others wait for its value. If
//!   it fails or panics, one of them computes. An error goes to whoever computed, and is not kept.
//! - Who asks after [`Cache::invalidate`] gets nothing that was begun before it, neither out of the store
//!   nor from a computation that is under way. A store that was away then is told before it is asked again.
//! - No lock is held while somebody computes or the store works.
//! - Values are kept as JSON. One that does not read back as what is asked for is computed anew.
//!
//! Not here: where values are kept ([`CacheStore`]). What is in the journal is read there.

mod flight;
mod key;
mod memory;
mod store;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::journal::{AppendError, Receipt, Troubles, Writer};
use crate::record::TradeRecord;
use crate::record::field::Outcome;
use crate::time::Clock;

use flight::Flight;

pub use key::{Key, Kind};
pub use memory::{MemoryLimits, MemoryStore};
pub use store::{CacheStore, CacheStoreError, Found, Generation};

/// For how long values are kept, and how long they may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheOptions {
    /// How old what a language model answered may be.
    pub llm_ttl: Duration,
    /// How old a quote may be.
    pub quote_ttl: Duration,
    /// How old what trades add up to may be.
    pub metrics_ttl: Duration,
    /// How many bytes a value that is kept has at most.
    pub value_len_max: usize,
}

/// An hour, five minutes, ten minutes; 4 MiB.
impl Default for CacheOptions {
    fn default() -> CacheOptions {
        CacheOptions {
            llm_ttl: Duration::from_secs(3600),
            quote_ttl: Duration::from_secs(5 * 60),
            metrics_ttl: Duration::from_secs(10 * 60),
            value_len_max: 4 << 20,
        }
    }
}

impl CacheOptions {
    /// Values of that kind may be so old. None is kept with a time of zero.
    #[must_use]
    pub fn ttl(mut self, kind: Kind, span: Duration) -> CacheOptions {
        match kind {
            Kind::Llm => self.llm_ttl = span,
            Kind::Quote => self.quote_ttl = span,
            Kind::Metrics => self.metrics_ttl = span,
        }
        self
    }

    fn ttl_of(&self, kind: Kind) -> Duration {
        match kind {
            Kind::Llm => self.llm_ttl,
            Kind::Quote => self.quote_ttl,
            Kind::Metrics => self.metrics_ttl,
        }
    }
}

/// How often what happened, since the cache was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheCounts {
    /// Values that the store had.
    pub hits: u64,
    /// Values that somebody else was computing anyhow.
    pub shared: u64,
    /// Values that had to be computed.
    pub misses: u64,
    /// Computations that succeeded.
    pub computed: u64,
    /// Times that the store could not do what it was asked.
    pub store_failures: u64,
}

/// A cache. Clones are the same one.
///
/// ```
/// use std::sync::Arc;
/// use tradejournal::bot::cache::{Cache, Key};
/// use tradejournal::time::SystemClock;
///
/// let cache = Cache::in_memory(Arc::new(SystemClock));
/// let quote = Key::quote(&"AAPL".parse()?);
/// let ask_the_market = || Ok::<_, std::io::Error>("150.25".to_owned());
/// assert_eq!(cache.get_or_compute(&quote, ask_the_market)?, "150.25");
/// // For five minutes, nobody asks the market again.
/// assert_eq!(cache.get_or_compute(&quote, ask_the_market)?, "150.25");
/// assert_eq!((cache.counts().computed, cache.counts().hits), (1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Cache(Arc<Inner>);

struct Inner {
    store: Box<dyn CacheStore>,
    options: CacheOptions,
    desk: Mutex<Desk>,
}

/// What is held for moments only.
#[derive(Debug, Default)]
struct Desk {
    /// What is computed now, as far as it may still be waited for.
    flights: HashMap<Key, Arc<Flight>>,
    /// How often each kind was invalidated.
    epochs: [u64; Kind::ALL.len()],
    /// The invalidation that the store could not be told, of each kind.
    owed: [Option<u64>; Kind::ALL.len()],
    outage: Outage,
    counts: CacheCounts,
    troubles: Troubles,
}

/// What is known to be wrong with the store, and need not be told again.
#[derive(Debug, Default)]
struct Outage {
    is_away: bool,
    /// It cannot be read, though it is there.
    reads: bool,
    /// It cannot be written, though it is there: it is full, say.
    writes: bool,
}

/// Which of the two an operation of the store is.
#[derive(Clone, Copy, Debug)]
enum Access {
    Read,
    Write,
}

impl Outage {
    /// Notes how an operation went; whether that is news.
    fn note(&mut self, access: Access, failure: Option<&CacheStoreError>) -> bool {
        let is_out = match access {
            Access::Read => &mut self.reads,
            Access::Write => &mut self.writes,
        };
        let is_news = !self.is_away && !*is_out;
        match failure {
            None => (self.is_away, *is_out) = (false, false),
            Some(error) if error.is_away => self.is_away = true,
            Some(_) => *is_out = true,
        }
        is_news
    }
}

impl Cache {
    /// A cache in that store.
    #[must_use]
    pub fn new(store: impl CacheStore, options: CacheOptions) -> Cache {
        Cache(Arc::new(Inner {
            store: Box::new(store),
            options,
            desk: Mutex::default(),
        }))
    }

    /// A cache in the memory of this process, as large and as lasting as is usual.
    #[must_use]
    pub fn in_memory(clock: Arc<dyn Clock>) -> Cache {
        let store = MemoryStore::new(clock, MemoryLimits::default());
        Cache::new(store, CacheOptions::default())
    }

    /// The value with that key, out of the cache or computed.
    ///
    /// The computation may use the cache too. Asked for the very key that it computes, it computes that
    /// once more; two computations that ask for each other's key would wait for ever.
    ///
    /// # Errors
    /// Those of the computation alone.
    pub fn get_or_compute<T, E>(
        &self,
        key: &Key,
        compute: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned,
    {
        let inner = &*self.0;
        let lead = loop {
            match inner.board(key) {
                Seat::Lead(lead) => break Some(lead),
                Seat::Alone => break None,
                Seat::Wait(flight) => {
                    let value = flight.wait();
                    if let Some(value) = value.and_then(|it| serde_json::from_slice(&it).ok()) {
                        inner.desk().counts.shared += 1;
                        return Ok(value);
                    }
                }
            }
        };
        let mut lead = lead;
        if let Some(value) = lead.as_mut().and_then(Lead::look_up) {
            return Ok(value);
        }
        inner.desk().counts.misses += 1;
        let value = compute()?;
        inner.desk().counts.computed += 1;
        if let Some(lead) = lead {
            lead.keep(&value);
        }
        Ok(value)
    }

    /// Gives up all values of a kind. Who asks after this returned gets none that was begun before.
    pub fn invalidate(&self, kind: Kind) {
        let inner = &*self.0;
        let told = inner.told(Access::Write, inner.store.invalidate(kind));
        inner.turn(kind, |_| true, told.is_none());
    }

    /// Gives up the value with that key. Another process that computes it now may still keep what it gets.
    pub fn forget(&self, key: &Key) {
        let inner = &*self.0;
        let told = inner.told(Access::Write, inner.store.remove(key));
        inner.turn(key.kind(), |it| it == key, told.is_none());
    }

    /// Appends a trade record. One that closes a trade gives up what trades add up to: `perf:*`.
    ///
    /// # Errors
    /// Those of the append alone. What may have been written counts as written.
    pub fn append(
        &self,
        writer: &Writer<TradeRecord>,
        record: &TradeRecord,
    ) -> Result<Receipt, AppendError> {
        let appended = writer.append(record);
        let is_there = match &appended {
            Ok(_) => true,
            Err(error) => !error.nothing_written(),
        };
        if is_there {
            self.observe(record);
        }
        appended
    }

    /// The same for a record that is in the journal.
    pub fn observe(&self, record: &TradeRecord) {
        if record.outcome() != Outcome::Open {
            self.invalidate(Kind::Metrics);
        }
    }

    /// How often what happened.
    #[must_use]
    pub fn counts(&self) -> CacheCounts {
        self.0.desk().counts
    }

    /// What went wrong since this was called last, told once for as long as it goes on being wrong.
    #[must_use]
    pub fn troubles(&self) -> Vec<String> {
        self.0.desk().troubles.take()
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("store", &self.0.store)
            .field("options", &self.0.options)
            .field("counts", &self.counts())
            .finish()
    }
}

/// What there is to do for somebody who asks.
enum Seat<'a> {
    /// Nobody computes this.
    Lead(Lead<'a>),
    /// Somebody does.
    Wait(Arc<Flight>),
    /// This thread does.
    Alone,
}

impl Inner {
    fn board(&self, key: &Key) -> Seat<'_> {
        let mut desk = self.desk();
        if let Some(flight) = desk.flights.get(key) {
            return match flight.is_ours() {
                true => Seat::Alone,
                false => Seat::Wait(Arc::clone(flight)),
            };
        }
        let flight = Arc::new(Flight::new());
        desk.flights.insert(key.clone(), Arc::clone(&flight));
        Seat::Lead(Lead {
            inner: self,
            key: key.clone(),
            flight,
            epoch: desk.epoch(key.kind()),
            generation: None,
        })
    }

    /// Has those who ask from here on wait for nothing that is under way. The store is told before, so
    /// that it hands out nothing older either; where that failed, it has to be told later.
    fn turn(&self, kind: Kind, is_given_up: impl Fn(&Key) -> bool, is_owed: bool) {
        let mut desk = self.desk();
        let epoch = desk.epoch(kind).saturating_add(1);
        if let Some(own) = desk.epochs.get_mut(kind.index()) {
            *own = epoch;
        }
        if is_owed && let Some(owed) = desk.owed.get_mut(kind.index()) {
            *owed = Some(epoch);
        }
        desk.flights
            .retain(|key, _| key.kind() != kind || !is_given_up(key));
    }

    /// Tells the store of the invalidations that it has missed; false where it cannot be told now.
    fn settle(&self, kind: Kind) -> bool {
        let owed = self.desk().owed(kind);
        let Some(epoch) = owed else {
            return true;
        };
        let told = self.told(Access::Write, self.store.invalidate(kind));
        // One that came meanwhile has to be told by itself.
        let mut desk = self.desk();
        if told.is_some()
            && desk.owed(kind) == Some(epoch)
            && let Some(owed) = desk.owed.get_mut(kind.index())
        {
            *owed = None;
        }
        told.is_some()
    }

    /// What the store did; a failure is counted, and told once for as long as it lasts.
    fn told<T>(&self, access: Access, done: Result<T, CacheStoreError>) -> Option<T> {
        let mut desk = self.desk();
        let is_news = desk.outage.note(access, done.as_ref().err());
        match done {
            Ok(done) => Some(done),
            Err(error) => {
                desk.counts.store_failures += 1;
                if is_news {
                    desk.troubles.keep_error(&error);
                }
                None
            }
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        // Each change of it is whole, so a panic elsewhere leaves it usable.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    fn epoch(&self, kind: Kind) -> u64 {
        self.epochs.get(kind.index()).copied().unwrap_or_default()
    }

    fn owed(&self, kind: Kind) -> Option<u64> {
        self.owed.get(kind.index()).copied().flatten()
    }
}

/// Whoever computes for a key; the others wait until this is gone.
struct Lead<'a> {
    inner: &'a Inner,
    key: Key,
    flight: Arc<Flight>,
    /// How often its kind had been invalidated when this began.
    epoch: u64,
    /// What the store wants to see with the value, if it has said so.
    generation: Option<Generation>,
}

impl Lead<'_> {
    /// What the store has. It is the others' too.
    fn look_up<T: DeserializeOwned>(&mut self) -> Option<T> {
        let inner = self.inner;
        if !inner.settle(self.key.kind()) {
            return None;
        }
        let found = inner.told(Access::Read, inner.store.get(&self.key))?;
        self.generation = Some(found.generation);
        let bytes = found.value?;
        let value = serde_json::from_slice(&bytes).ok()?;
        inner.desk().counts.hits += 1;
        self.flight.end(Some(bytes.into()));
        Some(value)
    }

    /// Hands a value on to those who wait, and to the store.
    fn keep<T: Serialize>(self, value: &T) {
        let inner = self.inner;
        let bytes = match serde_json::to_vec(value) {
            Ok(bytes) => bytes,
            Err(error) => {
                let error = CacheStoreError::new("write down", &self.key, error);
                inner.desk().troubles.keep_error(&error);
                return;
            }
        };
        let bytes: Arc<[u8]> = bytes.into();
        self.flight.end(Some(Arc::clone(&bytes)));
        let kind = self.key.kind();
        let is_current = {
            let desk = inner.desk();
            desk.epoch(kind) == self.epoch && desk.owed(kind).is_none()
        };
        let ttl = inner.options.ttl_of(kind);
        let is_wanted = bytes.len() <= inner.options.value_len_max && !ttl.is_zero();
        if let Some(generation) = self.generation.filter(|_| is_current && is_wanted) {
            let put = inner.store.put(&self.key, &bytes, ttl, generation);
            inner.told(Access::Write, put);
        }
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        let mut desk = self.inner.desk();
        // After an invalidation there may be another one with this key.
        let own = desk.flights.get(&self.key);
        if own.is_some_and(|it| Arc::ptr_eq(it, &self.flight)) {
            desk.flights.remove(&self.key);
        }
        drop(desk);
        // Order matters: who is woken without a value finds nobody who computes.
        self.flight.end(None);
    }
}

#[cfg(test)]
mod tests;
