//! One computation for many, invalidations that come at the wrong moment, stores that fail.

use super::*;
use crate::time::ManualClock;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, mpsc};
use std::thread;

/// A store in memory that can be told to fail.
#[derive(Debug)]
struct Shaky {
    memory: MemoryStore,
    clock: Arc<ManualClock>,
    is_away: AtomicBool,
    is_full: AtomicBool,
}

#[derive(Clone, Debug)]
struct Shared(Arc<Shaky>);

impl Shared {
    fn new() -> Shared {
        let clock = Arc::new(ManualClock::new("2025-10-26T14:00:00Z".parse().unwrap()));
        let memory = MemoryStore::new(Arc::clone(&clock) as _, MemoryLimits::default());
        Shared(Arc::new(Shaky {
            memory,
            clock,
            is_away: AtomicBool::new(false),
            is_full: AtomicBool::new(false),
        }))
    }

    fn cache(&self) -> Cache {
        Cache::new(self.clone(), CacheOptions::default())
    }

    fn is_away(&self, is_away: bool) {
        self.0.is_away.store(is_away, Ordering::SeqCst);
    }

    fn is_full(&self, is_full: bool) {
        self.0.is_full.store(is_full, Ordering::SeqCst);
    }

    fn there(&self, object: impl fmt::Display, is_write: bool) -> Result<(), CacheStoreError> {
        if self.0.is_away.load(Ordering::SeqCst) {
            return Err(CacheStoreError::new("reach", object, "away").away(true));
        }
        match is_write && self.0.is_full.load(Ordering::SeqCst) {
            true => Err(CacheStoreError::new("write", object, "full")),
            false => Ok(()),
        }
    }
}

impl CacheStore for Shared {
    fn get(&self, key: &Key) -> Result<Found, CacheStoreError> {
        self.there(key, false)?;
        self.0.memory.get(key)
    }

    fn put(
        &self,
        key: &Key,
        value: &[u8],
        ttl: Duration,
        generation: Generation,
    ) -> Result<(), CacheStoreError> {
        self.there(key, true)?;
        self.0.memory.put(key, value, ttl, generation)
    }

    fn remove(&self, key: &Key) -> Result<(), CacheStoreError> {
        self.there(key, true)?;
        self.0.memory.remove(key)
    }

    fn invalidate(&self, kind: Kind) -> Result<(), CacheStoreError> {
        self.there(kind, false)?;
        self.0.memory.invalidate(kind)
    }
}

/// What a cache has for the summary, where it would compute `value`.
fn summary(cache: &Cache, value: u32) -> u32 {
    let compute = || Ok::<_, String>(value);
    cache.get_or_compute(&Key::perf_summary(), compute).unwrap()
}

#[test]
fn each_kind_is_kept_for_its_own_time_to_the_very_end_of_it() {
    let symbol = "AAPL".parse().unwrap();
    let at = "2025-10-26T14:00:00Z".parse().unwrap();
    let keys = [
        (Key::llm_pattern(&symbol, at), 3600),
        (Key::quote(&symbol), 300),
        (Key::perf_summary(), 600),
    ];
    for (key, secs) in keys {
        let shared = Shared::new();
        let cache = shared.cache();
        let asked = |value| {
            cache
                .get_or_compute(&key, || Ok::<u32, String>(value))
                .unwrap()
        };
        let ttl = Duration::from_secs(secs);
        assert_eq!(asked(1), 1);
        shared.0.clock.advance(ttl - Duration::from_nanos(1));
        assert_eq!(asked(2), 1, "{key}");
        shared.0.clock.advance(Duration::from_nanos(1));
        assert_eq!(asked(3), 3, "{key}");
    }
}

#[test]
fn a_time_of_zero_keeps_nothing_and_a_value_that_is_too_long_is_not_kept() {
    let none = CacheOptions::default().ttl(Kind::Metrics, Duration::ZERO);
    let cache = Cache::new(Shared::new(), none);
    assert_eq!((summary(&cache, 1), summary(&cache, 2)), (1, 2));
    let short = CacheOptions {
        value_len_max: 2,
        ..CacheOptions::default()
    };
    let cache = Cache::new(Shared::new(), short);
    assert_eq!((summary(&cache, 100), summary(&cache, 2)), (100, 2));
    assert_eq!(summary(&cache, 3), 2);
    assert_eq!(cache.troubles(), [""; 0]);
}

#[test]
fn of_64_threads_one_computes() {
    let cache = Shared::new().cache();
    let (computed, barrier) = (AtomicUsize::new(0), Barrier::new(64));
    let key = Key::quote(&"AAPL".parse().unwrap());
    thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                barrier.wait();
                let value = cache.get_or_compute(&key, || {
                    // All others are there, or find it in the store.
                    thread::sleep(Duration::from_millis(20));
                    Ok::<_, String>(computed.fetch_add(1, Ordering::SeqCst))
                });
                assert_eq!(value, Ok(0));
            });
        }
    });
    let counts = cache.counts();
    assert_eq!(
        (computed.into_inner(), counts.computed, counts.misses),
        (1, 1, 1)
    );
    assert_eq!(counts.hits + counts.shared, 63);
}

/// Two threads: one leads, the other waits for it; then the leader ends as is said.
fn led_and_waited(end: impl FnOnce() -> Result<u32, String> + Send) -> (Cache, u32) {
    let cache = Shared::new().cache();
    let (begun, has_begun) = mpsc::channel();
    let waited = thread::scope(|scope| {
        let leading = &cache;
        let led = scope.spawn(move || {
            let compute = || {
                begun.send(()).unwrap();
                // The other one is most likely waiting by then, and computes by itself if it is not.
                thread::sleep(Duration::from_millis(50));
                end()
            };
            let act = || leading.get_or_compute(&Key::perf_summary(), compute);
            catch_unwind(AssertUnwindSafe(act))
        });
        has_begun.recv().unwrap();
        let waited = summary(&cache, 2);
        // An error is its own; a panic went on.
        assert!(!matches!(led.join().unwrap(), Ok(Ok(2))));
        waited
    });
    (cache, waited)
}

#[test]
fn an_error_is_nobody_elses_and_is_not_kept() {
    let (cache, waited) = led_and_waited(|| Err("no market".to_owned()));
    assert_eq!((waited, summary(&cache, 3)), (2, 2));
    assert_eq!(cache.counts().computed, 1);
}

#[test]
fn a_panic_leaves_nobody_waiting() {
    let (cache, waited) = led_and_waited(|| panic!("a mistake in a computation"));
    assert_eq!((waited, summary(&cache, 3)), (2, 2));
}

#[test]
fn a_value_is_handed_to_those_who_wait() {
    let (cache, waited) = led_and_waited(|| Ok(1));
    assert_eq!((waited, cache.counts().computed), (1, 1));
}

#[test]
fn what_does_not_read_back_is_computed_anew() {
    let cache = Shared::new().cache();
    let key = Key::perf_summary();
    let text = cache.get_or_compute(&key, || Ok::<_, String>("text".to_owned()));
    assert_eq!(text.unwrap(), "text");
    assert_eq!((summary(&cache, 1), summary(&cache, 2)), (1, 1));
}

#[test]
fn what_cannot_be_written_down_is_computed_each_time_and_told() {
    let cache = Shared::new().cache();
    let key = Key::perf_summary();
    let compute = || Ok::<_, String>(HashMap::from([(Some(1), 2), (None, 3)]));
    for _ in 0..2 {
        assert_eq!(cache.get_or_compute(&key, compute).unwrap().len(), 2);
    }
    assert_eq!(cache.counts().computed, 2);
    let troubles = cache.troubles();
    assert_eq!(troubles.len(), 1);
    assert!(troubles[0].starts_with("cannot write down perf:summary in the cache: "));
}

#[test]
fn a_computation_that_asks_for_its_own_key_does_not_wait_for_itself() {
    let cache = Shared::new().cache();
    let key = Key::perf_summary();
    let compute = || Ok::<_, String>(summary(&cache, 1) + 1);
    assert_eq!(cache.get_or_compute(&key, compute), Ok(2));
    assert_eq!(summary(&cache, 3), 2);
}

#[test]
fn a_closed_trade_gives_up_what_trades_add_up_to_and_nothing_else() {
    let cache = Shared::new().cache();
    let quote = Key::quote(&"AAPL".parse().unwrap());
    let ask = |value| {
        cache
            .get_or_compute(&quote, || Ok::<u32, String>(value))
            .unwrap()
    };
    assert_eq!((summary(&cache, 1), ask(1)), (1, 1));
    let (entry, exit) = trades();
    cache.observe(&entry);
    assert_eq!(summary(&cache, 2), 1);
    cache.observe(&exit);
    assert_eq!((summary(&cache, 3), ask(2)), (3, 1));
}

fn trades() -> (TradeRecord, TradeRecord) {
    use crate::record::field::Action;
    let clock = ManualClock::new("2025-10-26T15:00:00Z".parse().unwrap());
    let entry = TradeRecord::entry("AAPL", Action::Buy, 50, "150.25")
        .at("2025-10-26T14:32:15.123Z".parse().unwrap())
        .order_id("order-1")
        .mode(crate::record::field::ExecutionMode::Paper)
        .strategy("bull-flag-breakout", "breakout")
        .because("It broke out")
        .stamp(&crate::record::Stamp {
            session_id: uuid::Uuid::from_u128(1).into(),
            bot_version: "1.0.0".parse().unwrap(),
            config_hash: "5d41402abc4b2a76b9719d911017c592".parse().unwrap(),
        })
        .build()
        .unwrap();
    let exit = entry
        .exit(clock.now(), "152.00")
        .because("At the target")
        .build();
    (entry, exit.unwrap())
}

/// A trade is closed while a summary is computed of what was there before.
#[test]
fn what_was_begun_before_an_invalidation_is_neither_kept_nor_waited_for() {
    let cache = Shared::new().cache();
    let key = Key::perf_summary();
    let old = cache.get_or_compute(&key, || {
        cache.invalidate(Kind::Metrics);
        let new = thread::scope(|scope| scope.spawn(|| summary(&cache, 2)).join());
        assert_eq!(new.unwrap(), 2, "it waited for the old one");
        Ok::<_, String>(1)
    });
    assert_eq!(old, Ok(1));
    assert_eq!(summary(&cache, 3), 2);
}

#[test]
fn a_value_that_was_forgotten_is_computed_anew() {
    let cache = Shared::new().cache();
    assert_eq!(summary(&cache, 1), 1);
    cache.forget(&Key::perf_summary());
    assert_eq!(summary(&cache, 2), 2);
    assert_eq!(summary(&cache, 3), 2);
}

#[test]
fn a_store_that_is_away_means_computing_and_is_told_once_for_each_outage() {
    let shared = Shared::new();
    let cache = shared.cache();
    for outage in 1..=2 {
        shared.is_away(true);
        assert_eq!((summary(&cache, 1), summary(&cache, 2)), (1, 2));
        let told = ["cannot reach perf:summary in the cache: away"];
        assert_eq!(cache.troubles(), told);
        assert_eq!(summary(&cache, 3), 3);
        cache.invalidate(Kind::Quote);
        assert_eq!(cache.troubles(), [""; 0], "of outage {outage}");
        shared.is_away(false);
        assert_eq!((summary(&cache, 4), summary(&cache, 5)), (4, 4));
        cache.invalidate(Kind::Metrics);
    }
    assert_eq!(cache.counts().store_failures, 8);
}

#[test]
fn a_store_that_is_full_is_told_once_though_it_can_be_read() {
    let shared = Shared::new();
    let cache = shared.cache();
    shared.is_full(true);
    for value in 1..4 {
        assert_eq!(summary(&cache, value), value);
    }
    assert_eq!(
        cache.troubles(),
        ["cannot write perf:summary in the cache: full"]
    );
    assert_eq!(summary(&cache, 4), 4);
    assert_eq!(cache.troubles(), [""; 0]);
    shared.is_full(false);
    assert_eq!((summary(&cache, 5), summary(&cache, 6)), (5, 5));
}

/// The store has the old summary, and was away when the trade was closed.
#[test]
fn a_store_that_missed_an_invalidation_is_told_before_it_is_asked_again() {
    let shared = Shared::new();
    let cache = shared.cache();
    assert_eq!(summary(&cache, 1), 1);
    shared.is_away(true);
    cache.invalidate(Kind::Metrics);
    assert_eq!(summary(&cache, 2), 2);
    shared.is_away(false);
    assert_eq!(summary(&cache, 3), 3);
    assert_eq!(summary(&cache, 4), 3);
    // Also where it was forgotten.
    shared.is_away(true);
    cache.forget(&Key::perf_summary());
    shared.is_away(false);
    assert_eq!(summary(&cache, 5), 5);
}

/// It is away for the invalidation alone: it was asked before, and is there when the value comes.
#[test]
fn a_value_from_before_an_invalidation_that_the_store_missed_is_not_kept() {
    let shared = Shared::new();
    let cache = shared.cache();
    let key = Key::perf_summary();
    let old = cache.get_or_compute(&key, || {
        shared.is_away(true);
        cache.invalidate(Kind::Metrics);
        shared.is_away(false);
        Ok::<_, String>(1)
    });
    assert_eq!(old, Ok(1));
    // Another cache in the same store has not heard of anything.
    assert_eq!(summary(&shared.cache(), 2), 2);
}

#[test]
fn two_caches_in_one_store_share_values_and_invalidations() {
    let shared = Shared::new();
    let (one, other) = (shared.cache(), shared.cache());
    assert_eq!((summary(&one, 1), summary(&other, 2)), (1, 1));
    let old = other.get_or_compute(&Key::new(Kind::Metrics, ["today"]), || {
        one.invalidate(Kind::Metrics);
        Ok::<_, String>(3)
    });
    assert_eq!(old, Ok(3));
    let key = Key::new(Kind::Metrics, ["today"]);
    assert_eq!(one.get_or_compute(&key, || Ok::<u32, String>(4)), Ok(4));
    assert_eq!(summary(&other, 5), 5);
}

/// Readers ask while trades are closed. Whoever asks after a trade was closed hears of it.
#[test]
fn whoever_asks_after_an_invalidation_sees_what_came_before_it() {
    let cache = Shared::new().cache();
    let (trades, told) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        let readers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    while told.load(Ordering::SeqCst) < 2000 {
                        let before = told.load(Ordering::SeqCst);
                        let compute = || Ok::<_, String>(trades.load(Ordering::SeqCst));
                        let seen = cache.get_or_compute(&Key::perf_summary(), compute).unwrap();
                        assert!(before <= seen, "{before} trades were told, {seen} seen");
                    }
                })
            })
            .collect();
        for trade in 1..=2000 {
            trades.store(trade, Ordering::SeqCst);
            cache.invalidate(Kind::Metrics);
            told.store(trade, Ordering::SeqCst);
        }
        readers.into_iter().for_each(|it| it.join().unwrap());
    });
}

#[test]
fn nothing_is_held_while_somebody_computes() {
    let cache = Shared::new().cache();
    let asked = Cell::new(0);
    let key = Key::quote(&"AAPL".parse().unwrap());
    let value = cache.get_or_compute(&key, || {
        asked.set(asked.get() + 1);
        cache.invalidate(Kind::Quote);
        cache.forget(&key);
        let _ = (cache.counts(), cache.troubles(), format!("{cache:?}"));
        Ok::<_, String>(summary(&cache, 7))
    });
    assert_eq!((value, asked.get()), (Ok(7), 1));
}
