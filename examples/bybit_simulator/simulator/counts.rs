//! Owns what happened at the sockets of a simulated exchange, counted.
//!
//! Always true:
//! - nothing is ever taken away from a count, but `open`;
//! - what a client must not do is counted under `violations`, with a line that says when and what.
//!
//! It judges no client: a test does.

use std::collections::BTreeMap;

/// What happened so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Handshakes that succeeded, by path.
    pub connections: BTreeMap<String, u64>,
    pub handshakes_refused: u64,
    /// Sockets that are open now.
    pub open: u64,
    pub dropped_idle: u64,
    /// Sockets whose client took nothing for so long that their queue was full.
    pub dropped_slow: u64,
    /// Requests on sockets, by their `op`.
    pub requests: BTreeMap<String, u64>,
    /// Requests on sockets that were refused, by the text of the refusal up to the topic.
    pub refused: BTreeMap<String, u64>,
    pub pings: u64,
    /// Frames handed to sockets, control frames too.
    pub frames: u64,
    /// Data that a subscriber did not get because of a stall.
    pub frames_stalled: u64,
    /// Calls over HTTP, by path.
    pub calls: BTreeMap<String, u64>,
    /// Calls that did not succeed, by `retCode` or HTTP status.
    pub calls_refused: BTreeMap<i64, u64>,
    /// Faults that took effect, by kind.
    pub faults: BTreeMap<&'static str, u64>,
    pub violations: BTreeMap<Violation, u64>,
    pub violation_lines: Vec<String>,
}

/// What a client must not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Violation {
    /// A call before the reset that a 10006 named.
    CallBeforeReset,
    /// A call while the address is refused by 403.
    CallWhileForbidden,
    /// A cursor whose `%` was encoded once more.
    CursorEncodedTwice,
    /// More than 10 topics in one request on spot.
    SpotArgs,
    /// Private topics before the answer to auth.
    SubscribeBeforeAuth,
    /// More than 500 connections in five minutes.
    TooManyConnections,
    /// A topic that is live on the socket already.
    TopicSentAgain,
}

impl Counts {
    pub fn fault(&mut self, kind: &'static str) {
        *self.faults.entry(kind).or_default() += 1;
    }

    pub fn violation(&mut self, what: Violation, time_ms: i64, line: &str) {
        *self.violations.entry(what).or_default() += 1;
        if self.violation_lines.len() < LINES_MAX {
            self.violation_lines
                .push(format!("{time_ms} {what:?}: {line}"));
        }
    }

    /// How often the fault was seen.
    pub fn faults_of(&self, kind: &str) -> u64 {
        self.faults.get(kind).copied().unwrap_or_default()
    }

    pub fn violations_of(&self, what: Violation) -> u64 {
        self.violations.get(&what).copied().unwrap_or_default()
    }
}

const LINES_MAX: usize = 1_000;
