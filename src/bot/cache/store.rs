//! Where cached values are kept: what a cache asks of such a place.
//!
//! Always true: a value that was put with a generation is handed out only while its kind has that
//! generation. So what was computed out of something older than an invalidation is never handed out after
//! it, whoever computed it and whenever it was put.
//!
//! Not here: who may compute, and what is done when the place fails.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::key::{Key, Kind};

/// A place for values. It may lose them at any moment, and hands out none that is older than it may be.
pub trait CacheStore: fmt::Debug + Send + Sync + 'static {
    /// The value with that key, if there is one, and the generation that its kind has now.
    ///
    /// # Errors
    /// [`CacheStoreError`]. Whoever asks computes.
    fn get(&self, key: &Key) -> Result<Found, CacheStoreError>;

    /// Keeps a value for `ttl`, as one of a generation that was handed out before it was computed.
    ///
    /// # Errors
    /// [`CacheStoreError`]. Then it may be kept or not.
    fn put(
        &self,
        key: &Key,
        value: &[u8],
        ttl: Duration,
        generation: Generation,
    ) -> Result<(), CacheStoreError>;

    /// Gives up the value with that key.
    ///
    /// # Errors
    /// [`CacheStoreError`]. Then it may still be handed out.
    fn remove(&self, key: &Key) -> Result<(), CacheStoreError>;

    /// Gives up all values of a kind, those too that are still being computed: it has another generation
    /// now.
    ///
    /// # Errors
    /// [`CacheStoreError`]. Then they may still be handed out.
    fn invalidate(&self, kind: Kind) -> Result<(), CacheStoreError>;
}

/// What a store has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The value.
    pub value: Option<Vec<u8>>,
    /// What a value has to be put with that is computed from here on.
    pub generation: Generation,
}

/// Between which two invalidations of a kind a value was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation(u128);

impl Generation {
    /// The one with that number. Numbers of a kind must not come back.
    #[must_use]
    pub fn new(number: u128) -> Generation {
        Generation(number)
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u128 {
        self.0
    }
}

/// A store that could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {object} in the cache")]
#[non_exhaustive]
pub struct CacheStoreError {
    /// What was tried.
    pub operation: &'static str,
    /// The key, or the kind.
    pub object: String,
    /// Whether nothing else could be done there either.
    pub is_away: bool,
    /// What went wrong.
    pub source: Box<dyn Error + Send + Sync>,
}

impl CacheStoreError {
    /// That something could not be done with a key or a kind.
    #[must_use]
    pub fn new(
        operation: &'static str,
        object: impl fmt::Display,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> CacheStoreError {
        CacheStoreError {
            operation,
            object: object.to_string(),
            is_away: false,
            source: source.into(),
        }
    }

    /// Whether the whole store is away, whatever would be asked of it.
    #[must_use]
    pub fn away(mut self, is_away: bool) -> CacheStoreError {
        self.is_away = is_away;
        self
    }
}
