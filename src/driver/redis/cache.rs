//! Cached values in a Redis, which the programs that share it share.
//!
//! A value stands at its key, `perf:summary` say, as the generation that it was begun in, a line feed, and
//! the value. The generation that a kind has now stands at `generation:perf`. Whoever reads asks for both at
//! once, and takes no value of another generation. An invalidation is a new generation.
//!
//! Always true:
//! - A generation is random, so that none comes back when a Redis has forgotten the last one: counted from
//!   the start again, it would bless values of long ago.
//! - What was begun before an invalidation is not handed out behind it, whichever process does what.
//! - A value ends by Redis' own clock.
//!
//! Not here: deleting what was invalidated. It ends by itself.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::Pipeline;

use super::connection::{Connection, ConnectionError};
use crate::bot::cache::{CacheStore, CacheStoreError, Found, Generation, Key, Kind};

/// A [`CacheStore`] in a Redis.
///
/// ```no_run
/// use std::sync::Arc;
/// use tradejournal::bot::cache::{Cache, CacheOptions};
/// use tradejournal::driver::redis::{Connection, ConnectionOptions, RedisCache};
/// use tradejournal::time::SystemClock;
///
/// let address = "redis://127.0.0.1:6379/0".parse()?;
/// let options = ConnectionOptions::default();
/// let connection = Connection::new(address, options, Arc::new(SystemClock));
/// let cache = Cache::new(RedisCache::new(Arc::new(connection)), CacheOptions::default());
/// # drop(cache);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct RedisCache {
    connection: Arc<Connection>,
}

impl RedisCache {
    /// A cache behind that connection.
    #[must_use]
    pub fn new(connection: Arc<Connection>) -> RedisCache {
        RedisCache { connection }
    }

    /// The generation of a kind that has none, or something that is none: everybody takes the first one
    /// that gets there.
    fn begin(&self, kind: Kind) -> Result<Generation, ConnectionError> {
        let (key, new) = (generation_key(kind), random());
        let mut pipeline = Pipeline::new();
        let text = text_of(new);
        pipeline.cmd("SET").arg(&key).arg(&text).arg("NX").ignore();
        pipeline.cmd("MGET").arg(&key);
        // MGET has nothing to say of a key that is no text; GET would refuse.
        let ((found,),): ((Option<Vec<u8>>,),) = self.connection.run_all(&pipeline)?;
        match found.as_deref().and_then(generation_of) {
            Some(first) => Ok(first),
            None => {
                let mut set = redis::cmd("SET");
                set.arg(&key).arg(&text);
                let () = self.connection.run(&set)?;
                Ok(new)
            }
        }
    }

    fn find(&self, key: &Key) -> Result<Found, ConnectionError> {
        let mut both = redis::cmd("MGET");
        both.arg(generation_key(key.kind())).arg(key.as_str());
        let (generation, kept): (Option<Vec<u8>>, Option<Vec<u8>>) = self.connection.run(&both)?;
        let Some(generation) = generation.as_deref().and_then(generation_of) else {
            let generation = self.begin(key.kind())?;
            return Ok(Found {
                value: None,
                generation,
            });
        };
        let value = kept.and_then(|mut kept| {
            let (head, _) = kept.split_at_checked(TEXT_LEN + 1)?;
            let text = head.strip_suffix(b"\n")?;
            let is_current = generation_of(text) == Some(generation);
            is_current.then(|| kept.split_off(TEXT_LEN + 1))
        });
        Ok(Found { value, generation })
    }
}

impl CacheStore for RedisCache {
    fn get(&self, key: &Key) -> Result<Found, CacheStoreError> {
        self.find(key).map_err(failed("read", key))
    }

    fn put(
        &self,
        key: &Key,
        value: &[u8],
        ttl: Duration,
        generation: Generation,
    ) -> Result<(), CacheStoreError> {
        let millis = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        // Redis counts no finer, and the longest time that it takes is about as long as the sun will shine.
        let millis = millis.min(MILLIS_MAX);
        if millis == 0 {
            return Ok(());
        }
        let mut kept = text_of(generation).into_bytes();
        kept.push(b'\n');
        kept.extend_from_slice(value);
        let mut set = redis::cmd("SET");
        set.arg(key.as_str()).arg(kept);
        set.arg("PX").arg(millis);
        self.connection.run(&set).map_err(failed("keep", key))
    }

    fn remove(&self, key: &Key) -> Result<(), CacheStoreError> {
        let mut delete = redis::cmd("DEL");
        delete.arg(key.as_str());
        self.connection.run(&delete).map_err(failed("give up", key))
    }

    fn invalidate(&self, kind: Kind) -> Result<(), CacheStoreError> {
        let mut set = redis::cmd("SET");
        set.arg(generation_key(kind)).arg(text_of(random()));
        self.connection.run(&set).map_err(failed("give up", kind))
    }
}

impl fmt::Debug for RedisCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisCache")
            .field("address", self.connection.address())
            .finish()
    }
}

const MILLIS_MAX: u64 = i64::MAX as u64 / 4;
/// A generation as 32 hexadecimal digits.
const TEXT_LEN: usize = 32;

/// No kind's keys begin with this.
fn generation_key(kind: Kind) -> String {
    format!("generation:{}", kind.prefix())
}

fn random() -> Generation {
    Generation::new(uuid::Uuid::new_v4().as_u128())
}

fn text_of(generation: Generation) -> String {
    format!("{:032x}", generation.number())
}

fn generation_of(text: &[u8]) -> Option<Generation> {
    let is_text = text.len() == TEXT_LEN && text.iter().all(u8::is_ascii_hexdigit);
    let text = std::str::from_utf8(text).ok().filter(|_| is_text)?;
    u128::from_str_radix(text, 16).ok().map(Generation::new)
}

fn failed(
    operation: &'static str,
    object: impl fmt::Display,
) -> impl FnOnce(ConnectionError) -> CacheStoreError {
    move |error| {
        // Who is kept waiting by other calls would be by the next one too.
        let is_away = error.is_away() || matches!(error, ConnectionError::Busy { .. });
        CacheStoreError::new(operation, object, error).away(is_away)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_reads_back_and_nothing_else_does() {
        for generation in [Generation::new(0), Generation::new(u128::MAX), random()] {
            let text = text_of(generation);
            assert_eq!(generation_of(text.as_bytes()), Some(generation));
        }
        for text in ["", "12", &"g".repeat(32), &"0".repeat(33), &"+".repeat(32)] {
            assert_eq!(generation_of(text.as_bytes()), None);
        }
    }
}
