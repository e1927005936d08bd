//! Owns which faults are in force at a simulated exchange.
//!
//! Always true: a fault that is counted down or runs out is gone for good; nothing else ends one.
//!
//! The script of a run stands among the faults; what a fault does stands where it happens.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::counts::Counts;
use super::exchange::Exchange;
use super::fault::{Fault, Whom};
use super::wire::{Out, Socket};
use super::world::TopicKind;

/// What is wrong now.
#[derive(Default)]
pub struct Trouble {
    pub handshake_502: u32,
    pub data_before_ack: u32,
    pub lost_ack: u32,
    pub refuse_topic: u32,
    pub poison: Option<Poison>,
    pub duplicate: u32,
    pub reorder: BTreeMap<TopicKind, u32>,
    pub slow: Option<(Instant, Duration)>,
    /// Until when, and by how many milliseconds answers lag.
    pub stale: Option<(Instant, i64)>,
    pub too_many: u32,
    pub html: u32,
    pub empty: u32,
}

/// One topic that refuses every request that it stands in.
pub struct Poison {
    pub until: Instant,
    /// Chosen from the next batch.
    pub topic: Option<String>,
}

/// Takes one of the times that are left.
pub fn take(times: &mut u32) -> bool {
    let some_left = *times != 0;
    *times = times.saturating_sub(1);
    some_left
}

impl Exchange {
    /// The fault begins.
    pub fn apply(&mut self, fault: &Fault) {
        let now = Instant::now();
        let after = |ms: u64| now + Duration::from_millis(ms.min(FOREVER_MS));
        let trouble = &mut self.trouble;
        match *fault {
            Fault::DataBeforeAck { times } => trouble.data_before_ack += times,
            Fault::Duplicate { times } => trouble.duplicate += times,
            Fault::EmptyResult { times } => trouble.empty += times,
            Fault::Handshake502 { times } => trouble.handshake_502 += times,
            Fault::Html { times } => trouble.html += times,
            Fault::LostAck { times } => trouble.lost_ack += times,
            Fault::PoisonedBatch { for_ms } => {
                let (until, topic) = (after(for_ms), None);
                trouble.poison = Some(Poison { until, topic });
            }
            Fault::RefuseTopic { times } => trouble.refuse_topic += times,
            Fault::Reorder { kind, times } => *trouble.reorder.entry(kind).or_default() += times,
            Fault::SlowRest { delay_ms, for_ms } => {
                trouble.slow = Some((after(for_ms), Duration::from_millis(delay_ms)));
            }
            Fault::StaleRest { lag_ms, for_ms } => {
                trouble.stale = Some((after(for_ms), lag_ms as i64));
            }
            Fault::TooMany { times } => trouble.too_many += times,
            Fault::Forbidden { for_ms } => {
                self.calls.forbid(now, for_ms.min(FOREVER_MS));
                self.counts.fault("Forbidden");
            }
            Fault::ClockSkew { ms } => {
                self.skew_ms = ms;
                self.counts.fault("ClockSkew");
            }
            Fault::OldDelta => self.old_deltas(),
            Fault::SnapshotAgain => self.snapshots_again(),
            Fault::BadJson
            | Fault::Close1006 { .. }
            | Fault::CloseFrame { .. }
            | Fault::HalfFrame { .. }
            | Fault::Stall { .. }
            | Fault::StallAll { .. }
            | Fault::UnknownTopicFrame => {
                let counts = &mut self.counts;
                for socket in self.sockets.values_mut() {
                    strike(socket, fault, now, counts);
                }
            }
        }
    }
}

/// Does to one socket what the fault does to sockets that are open.
fn strike(socket: &mut Socket, fault: &Fault, now: Instant, counts: &mut Counts) {
    let after = |ms: u64| now + Duration::from_millis(ms.min(FOREVER_MS));
    let is_meant = |whom: Whom| match whom {
        Whom::All => true,
        Whom::Private => socket.path.category().is_none(),
        Whom::Public => socket.path.category().is_some(),
    };
    match *fault {
        Fault::BadJson => socket.send(Out::Text(BAD_JSON.to_owned()), counts),
        Fault::UnknownTopicFrame => socket.send(Out::Text(UNKNOWN_TOPIC.to_owned()), counts),
        Fault::Close1006 { whom } if is_meant(whom) => socket.drop_now(),
        Fault::CloseFrame { whom } if is_meant(whom) => socket.send(Out::Close, counts),
        Fault::HalfFrame { whom } if is_meant(whom) => socket.send(Out::Half, counts),
        Fault::Stall { kind, for_ms } => {
            socket.stalls.push((kind, after(for_ms)));
        }
        Fault::StallAll { for_ms } => socket.mute_until = Some(after(for_ms)),
        _ => return,
    }
    counts.fault(fault.kind());
}

/// A day: no test lasts longer, and an instant that far away exists.
const FOREVER_MS: u64 = 24 * 60 * 60 * 1_000;

const BAD_JSON: &str = r#"{"topic":"publicTrade.BTCUSDT","type":"snapshot","data":[{"T":"#;
const UNKNOWN_TOPIC: &str =
    r#"{"topic":"mystery.7","type":"whole","ts":1700000000000,"data":{"a":[1,{"b":null}]}}"#;
