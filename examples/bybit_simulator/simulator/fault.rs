//! Owns what goes wrong in a simulated exchange, and when.
//!
//! Always true:
//! - a script is a list of instants since the start, in order;
//! - the same seed and span draw the same script, and its text names every fault, so that a run
//!   that failed can be read and run again.
//!
//! How a fault is done stands where it happens: at the sockets and in the answers over HTTP.

use std::{fmt, time::Duration};

use super::random::Random;
use super::world::TopicKind;

/// What goes wrong, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    seed: Option<u64>,
    script: Vec<(Duration, Fault)>,
}

impl Faults {
    pub fn none() -> Self {
        Self::default()
    }

    /// These, whatever order they come in.
    pub fn of(mut script: Vec<(Duration, Fault)>) -> Self {
        script.sort_by_key(|(at, _)| *at);
        Self { seed: None, script }
    }

    /// A script of six or more different kinds within `span`, several at once now and then. None
    /// lasts longer than a quarter of the span.
    ///
    /// Ticker frames are never swapped by it: a client that drops the older of two deltas, as it
    /// should, misses what only that one said, and no test could tell that from a mistake.
    pub fn seeded(seed: u64, span: Duration) -> Self {
        let mut random = Random::named(seed, "faults");
        let span_ms = (span.as_millis() as u64).max(8);
        let mut kinds: Vec<u64> = (0..KINDS).collect();
        random.shuffle(&mut kinds);
        kinds.truncate(random.between(6, KINDS) as usize);
        let mut script: Vec<(Duration, Fault)> = Vec::new();
        for kind in kinds {
            let together = script.last().filter(|_| random.one_in(4));
            let at = together.map(|(at, _)| *at);
            let at = at.unwrap_or_else(|| Duration::from_millis(random.below(span_ms)));
            script.push((at, draw(kind, &mut random, span_ms)));
        }
        let seed = Some(seed);
        let script = Self::of(script).script;
        Self { seed, script }
    }

    pub fn script(&self) -> &[(Duration, Fault)] {
        &self.script
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seed {
            Some(seed) => writeln!(f, "{} faults of seed {seed}", self.script.len())?,
            None => writeln!(f, "{} faults", self.script.len())?,
        }
        for (at, fault) in &self.script {
            writeln!(f, "{:>6} ms  {fault:?}", at.as_millis())?;
        }
        Ok(())
    }
}

/// One thing that goes wrong. `times` counts what it happens to; `for_ms` is how long it lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A text that is no JSON, on every socket.
    BadJson,
    /// The connection is gone, without a close frame.
    Close1006 { whom: Whom },
    /// The connection is closed as the protocol has it.
    CloseFrame { whom: Whom },
    /// The exchange's clock against the machine's, from now on.
    ClockSkew { ms: i64 },
    /// The next acks come after data of their topics.
    DataBeforeAck { times: u32 },
    /// The next data frames come twice.
    Duplicate { times: u32 },
    /// The next answers over HTTP succeed and have nothing in them.
    EmptyResult { times: u32 },
    /// Everything over HTTP is answered 403.
    Forbidden { for_ms: u64 },
    /// The connection is gone in the middle of a frame.
    HalfFrame { whom: Whom },
    /// The next handshakes are answered 502, or their connection is gone.
    Handshake502 { times: u32 },
    /// The next answers over HTTP are 502 and 503 with HTML or with nothing.
    Html { times: u32 },
    /// The next requests to subscribe succeed, and nobody says so.
    LostAck { times: u32 },
    /// A delta of each ticker with a lower `cs` and with values of long ago.
    OldDelta,
    /// One topic of the next batch is unknown so long: with it the batch is refused.
    PoisonedBatch { for_ms: u64 },
    /// The next requests to subscribe are refused for a topic that is right.
    RefuseTopic { times: u32 },
    /// Two neighbouring frames of one topic change places.
    Reorder { kind: TopicKind, times: u32 },
    /// Answers over HTTP come late.
    SlowRest { delay_ms: u64, for_ms: u64 },
    /// A fresh snapshot of each ticker.
    SnapshotAgain,
    /// Sockets that are open get no data of that kind, and never will; pongs go on.
    Stall { kind: TopicKind, for_ms: u64 },
    /// Sockets that are open get nothing at all.
    StallAll { for_ms: u64 },
    /// Trades and executions over HTTP lag behind.
    StaleRest { lag_ms: u64, for_ms: u64 },
    /// The next calls over HTTP are one too many.
    TooMany { times: u32 },
    /// A frame of a topic that nobody knows, on every socket.
    UnknownTopicFrame,
}

impl Fault {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::BadJson => "BadJson",
            Self::Close1006 { .. } => "Close1006",
            Self::CloseFrame { .. } => "CloseFrame",
            Self::ClockSkew { .. } => "ClockSkew",
            Self::DataBeforeAck { .. } => "DataBeforeAck",
            Self::Duplicate { .. } => "Duplicate",
            Self::EmptyResult { .. } => "EmptyResult",
            Self::Forbidden { .. } => "Forbidden",
            Self::HalfFrame { .. } => "HalfFrame",
            Self::Handshake502 { .. } => "Handshake502",
            Self::Html { .. } => "Html",
            Self::LostAck { .. } => "LostAck",
            Self::OldDelta => "OldDelta",
            Self::PoisonedBatch { .. } => "PoisonedBatch",
            Self::RefuseTopic { .. } => "RefuseTopic",
            Self::Reorder { .. } => "Reorder",
            Self::SlowRest { .. } => "SlowRest",
            Self::SnapshotAgain => "SnapshotAgain",
            Self::Stall { .. } => "Stall",
            Self::StallAll { .. } => "StallAll",
            Self::StaleRest { .. } => "StaleRest",
            Self::TooMany { .. } => "TooMany",
            Self::UnknownTopicFrame => "UnknownTopicFrame",
        }
    }
}

/// Whose connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    All,
    Private,
    Public,
}

/// How many kinds `draw` knows.
const KINDS: u64 = 23;

fn draw(kind: u64, random: &mut Random, span_ms: u64) -> Fault {
    let whom = *random.pick(&[Whom::All, Whom::Private, Whom::Public, Whom::Public]);
    let times = random.between(1, 3) as u32;
    let for_ms = random.between(span_ms / 20 + 1, span_ms / 4 + 1);
    match kind {
        0 => Fault::BadJson,
        1 => Fault::Close1006 { whom },
        2 => Fault::CloseFrame { whom },
        3 => Fault::ClockSkew {
            ms: random.between(0, 3_000) as i64 - 1_500,
        },
        4 => Fault::DataBeforeAck { times },
        5 => Fault::Duplicate { times: times * 10 },
        6 => Fault::EmptyResult { times },
        7 => Fault::Forbidden { for_ms },
        8 => Fault::HalfFrame { whom },
        9 => Fault::Handshake502 { times },
        10 => Fault::Html { times },
        11 => Fault::LostAck { times },
        12 => Fault::OldDelta,
        13 => Fault::PoisonedBatch { for_ms },
        14 => Fault::RefuseTopic { times },
        15 => Fault::Reorder {
            kind: *random.pick(&NEVER_MERGED),
            times,
        },
        16 => Fault::SlowRest {
            delay_ms: random.between(10, 200),
            for_ms,
        },
        17 => Fault::SnapshotAgain,
        18 => Fault::Stall {
            kind: *random.pick(&STALLED),
            for_ms: FOR_EVER_MS,
        },
        19 => Fault::StallAll {
            for_ms: FOR_EVER_MS,
        },
        20 => Fault::StaleRest {
            lag_ms: random.between(10, 300),
            for_ms,
        },
        21 => Fault::TooMany { times },
        _ => Fault::UnknownTopicFrame,
    }
}

const NEVER_MERGED: [TopicKind; 3] = [TopicKind::Execution, TopicKind::Order, TopicKind::Trades];
/// A topic that fell silent stays so as long as its socket lives: that is how it was seen.
const FOR_EVER_MS: u64 = 3_600_000;
const STALLED: [TopicKind; 4] = [
    TopicKind::Execution,
    TopicKind::Order,
    TopicKind::Tickers,
    TopicKind::Trades,
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_seed_draws_the_same_script_again_and_the_seeds_together_draw_every_kind() {
        let span = Duration::from_secs(2);
        let mut kinds = BTreeSet::new();
        for seed in 0..50 {
            let faults = Faults::seeded(seed, span);
            assert_eq!(faults, Faults::seeded(seed, span));
            assert!(faults.script().iter().all(|(at, _)| *at < span));
            assert!(faults.script().is_sorted_by_key(|(at, _)| *at));
            assert_eq!(
                faults.to_string().lines().count(),
                faults.script().len() + 1
            );
            kinds.extend(faults.script().iter().map(|(_, it)| it.kind()));
        }
        assert_eq!(kinds.len() as u64, KINDS);
    }
}
