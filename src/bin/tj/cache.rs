//! Results that somebody keeps, so that the next one who asks the same of the same journal need not wait.
//!
//! Always true:
//! - What is printed is what would be printed without it, on both ways out, with the same exit code. A cache
//!   that is away is one warning more.
//! - A result is one of where the streams stand ([`Journal::standing`]): whoever appends, a result that is
//!   kept is never an older one.
//! - What could be another thing a moment later is not kept: an answer with an error in it.
//!
//! Not here: what is computed.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tradejournal::bot::cache::{Cache, Key, Kind};
use tradejournal::journal::Journal;
use tradejournal::record::Stream;

use crate::commands::Context;
use crate::failure::Verdict;
use crate::output::{Said, Talk, Voice, printable};

/// A command's whole answer.
#[derive(Serialize, Deserialize)]
struct Answer {
    out: String,
    said: Vec<Said>,
    is_found: bool,
}

/// It was computed, and is not to be kept.
struct NotKept;

/// What one asks of a journal.
pub(crate) struct Asked<'a> {
    /// The command.
    pub(crate) name: &'static str,
    /// The streams that it reads.
    pub(crate) streams: &'a [Stream],
    /// All that its answer depends on beside them.
    pub(crate) with: String,
}

/// Answers out of the cache where there is one that knows; else computes, and has it known.
pub(crate) fn answered(
    asked: &Asked<'_>,
    journal: &Journal,
    context: &mut Context<'_>,
    compute: impl FnOnce(&mut Context<'_>) -> anyhow::Result<Verdict>,
) -> anyhow::Result<Verdict> {
    let Some(cache) = open(context) else {
        return compute(context);
    };
    // Order matters: what is appended from here on belongs to another standing, though it may be counted.
    let Ok(standing) = journal.standing(asked.streams) else {
        return compute(context);
    };
    let with = format!(
        "{} {} {:?} {:?}",
        env!("CARGO_PKG_VERSION"),
        asked.with,
        context.settings.json,
        context.out.width(),
    );
    let parts = [&*standing.to_string(), &*short(&with)];
    let key = Key::new(Kind::Metrics, [asked.name].into_iter().chain(parts));
    let mut computed = None;
    let known = cache.get_or_compute(&key, || {
        let (result, answer) = recorded(context, compute);
        computed = Some(result);
        answer.ok_or(NotKept)
    });
    let verdict = match (computed, known) {
        (None, Ok(answer)) => repeat(&answer, context),
        (Some(result), _) => result,
        (None, Err(NotKept)) => Ok(Verdict::Fine),
    };
    tell(&cache, context.talk);
    verdict
}

/// Computes, and listens to what is said.
fn recorded(
    context: &mut Context<'_>,
    compute: impl FnOnce(&mut Context<'_>) -> anyhow::Result<Verdict>,
) -> (anyhow::Result<Verdict>, Option<Answer>) {
    context.out.listen();
    context.talk.listen();
    let result = compute(context);
    let (out, said) = (context.out.heard(), context.talk.heard());
    let is_sure = !said.iter().any(|it| it.voice == Voice::Error);
    let answer = match (&result, out.map(String::from_utf8)) {
        (Ok(verdict), Some(Ok(out))) if is_sure => Some(Answer {
            out,
            said,
            is_found: *verdict == Verdict::Found,
        }),
        _ => None,
    };
    (result, answer)
}

fn repeat(answer: &Answer, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    context.out.bytes(answer.out.as_bytes())?;
    answer.said.iter().for_each(|it| context.talk.repeat(it));
    Ok(Verdict::found(answer.is_found))
}

fn short(text: &str) -> String {
    let digest = Sha256::digest(text);
    let hex = |text: String, byte: &u8| text + &format!("{byte:02x}");
    digest.iter().take(16).fold(String::new(), hex)
}

/// Gives up what trades add up to, which bots may keep there too: some were closed, or may have been.
pub(crate) fn trades_changed(context: &Context<'_>) {
    if let Some(cache) = open(context) {
        cache.invalidate(Kind::Metrics);
        tell(&cache, context.talk);
    }
}

/// Says what is wrong with the cache.
pub(crate) fn tell(cache: &Cache, talk: &Talk) {
    for trouble in cache.troubles() {
        warn(talk, &trouble);
    }
}

fn warn(talk: &Talk, trouble: impl fmt::Display) {
    talk.warning(&printable(&format!("no cache: {trouble}")));
}

/// The cache that the settings name.
#[cfg(feature = "redis")]
pub(crate) fn open(context: &Context<'_>) -> Option<Cache> {
    use std::sync::Arc;
    use tradejournal::bot::cache::CacheOptions;
    use tradejournal::driver::redis::{Connection, ConnectionOptions, RedisCache};
    use tradejournal::time::SystemClock;

    let url = context.settings.cache_url.value.as_ref()?;
    match url.secret().parse() {
        Ok(address) => {
            let options = ConnectionOptions::default();
            let connection = Connection::new(address, options, Arc::new(SystemClock));
            let store = RedisCache::new(Arc::new(connection));
            Some(Cache::new(store, CacheOptions::default()))
        }
        Err(error) => {
            warn(context.talk, error);
            None
        }
    }
}

/// The cache that the settings name, which this program knows nothing of.
#[cfg(not(feature = "redis"))]
pub(crate) fn open(context: &Context<'_>) -> Option<Cache> {
    use crate::without_redis;

    if context.settings.cache_url.value.is_some() {
        warn(context.talk, without_redis::PROBLEM);
        context.talk.hint(without_redis::REMEDY);
    }
    None
}
