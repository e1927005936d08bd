//! Owns the sockets of a simulated exchange as the exchange sees them: what each has subscribed,
//! what it is sent and what is kept from it.
//!
//! Always true:
//! - data that a stall keeps from a socket is never sent to it later;
//! - a frame that is held back, so that it changes places with the next one, is sent all the same
//!   when no next one comes;
//! - a client that takes nothing fills its queue, and is then dropped: memory stays bounded.
//!
//! Bytes are written elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};

use super::counts::Counts;
use super::trouble::{Trouble, take};
use super::world::{Category, TopicKind};

/// One connection.
pub struct Socket {
    pub path: SocketPath,
    pub conn_id: String,
    pub topics: BTreeSet<String>,
    /// Topics whose ack was lost: to send them again is a mistake that can be forgiven.
    pub unacked: BTreeSet<String>,
    pub is_authed: bool,
    pub stalls: Vec<(TopicKind, Instant)>,
    pub mute_until: Option<Instant>,
    pub queue: mpsc::Sender<Out>,
    pub gone: Arc<Notify>,
    held: BTreeMap<String, (Instant, String)>,
}

/// What a socket's queue carries.
pub enum Out {
    Text(String),
    Close,
    /// Half a frame, and then nothing more.
    Half,
    /// Look again whether the firehose may begin.
    Wake,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketPath {
    Private,
    Public(Category),
}

impl SocketPath {
    pub fn of(path: &str) -> Option<Self> {
        if path == "/v5/private" {
            return Some(Self::Private);
        }
        let category = path.strip_prefix("/v5/public/")?.parse().ok()?;
        Some(Self::Public(category))
    }

    pub fn category(self) -> Option<Category> {
        match self {
            Self::Private => None,
            Self::Public(category) => Some(category),
        }
    }
}

impl Socket {
    pub fn new(path: SocketPath, conn_id: String) -> (Self, mpsc::Receiver<Out>) {
        let (queue, taken) = mpsc::channel(QUEUE_LEN_MAX);
        let socket = Self {
            path,
            conn_id,
            topics: BTreeSet::new(),
            unacked: BTreeSet::new(),
            is_authed: false,
            stalls: Vec::new(),
            mute_until: None,
            queue,
            gone: Arc::default(),
            held: BTreeMap::new(),
        };
        (socket, taken)
    }

    /// Sends an answer to a request, unless everything is stalled.
    pub fn answer(&self, text: String, counts: &mut Counts) {
        if self.mute_until.is_none_or(|until| until <= Instant::now()) {
            self.send(Out::Text(text), counts);
        }
    }

    /// Sends data of a topic that is subscribed, as far as the faults let it pass.
    pub fn data(&mut self, topic: &str, text: &str, trouble: &mut Trouble, counts: &mut Counts) {
        let (kind, now) = (TopicKind::of(topic), Instant::now());
        let is_mute = self.mute_until.is_some_and(|until| now < until);
        let mut stalls = self.stalls.iter();
        if is_mute || stalls.any(|(it, until)| *it == kind && now < *until) {
            counts.frames_stalled += 1;
            return;
        }
        let reorder = trouble.reorder.get_mut(&kind);
        if !self.held.contains_key(topic) && reorder.is_some_and(take) {
            let until = now + HELD_MAX;
            self.held.insert(topic.to_owned(), (until, text.to_owned()));
            return;
        }
        self.send(Out::Text(text.to_owned()), counts);
        if let Some((_, before)) = self.held.remove(topic) {
            counts.fault("Reorder");
            self.send(Out::Text(before), counts);
        }
        if take(&mut trouble.duplicate) {
            counts.fault("Duplicate");
            self.send(Out::Text(text.to_owned()), counts);
        }
    }

    /// Sends what was held back for too long.
    pub fn release(&mut self, now: Instant, counts: &mut Counts) {
        let mut due = Vec::new();
        self.held.retain(|_, (until, text)| {
            let is_due = *until <= now;
            if is_due {
                due.push(std::mem::take(text));
            }
            !is_due
        });
        for text in due {
            self.send(Out::Text(text), counts);
        }
    }

    pub fn send(&self, out: Out, counts: &mut Counts) {
        match self.queue.try_send(out) {
            Ok(()) => counts.frames += 1,
            Err(mpsc::error::TrySendError::Full(_)) => {
                counts.dropped_slow += 1;
                self.drop_now();
            }
            // Its task has just ended.
            Err(mpsc::error::TrySendError::Closed(_)) => {}
        }
    }

    pub fn drop_now(&self) {
        self.gone.notify_one();
    }
}

const QUEUE_LEN_MAX: usize = 65_536;
const HELD_MAX: Duration = Duration::from_millis(100);
