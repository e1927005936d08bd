//! The notary: signs what a journal's writers have on disk, beside them.
//!
//! Always true:
//! - It runs on the threads that look after a stream, never in an append, and covers synced lines
//!   only.
//! - No trouble of its own stops a write: it is kept for [`Notary::troubles`], and the next tick
//!   tries again.
//!
//! A checkpoint is written when a day closes, when a writer is closed, every ten seconds while the
//! stream grows, and once a day while it does not.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::checkpoint::{Checkpoint, Origin, SignedCheckpoint};
use super::checkpoints::CheckpointLog;
use super::keys::{KeyError, KeyFolder, Keyring, Signing};
use crate::journal::{ClosedDay, CompactRange, Journal, Observer, Ticked, Troubles};
use crate::record::{Digest, Stream};
use crate::time::{Day, Timestamp};

const INTERVAL: Duration = Duration::from_secs(10);

/// Signs checkpoints of a journal, as one of its observers.
///
/// ```no_run
/// use std::sync::Arc;
/// use tradejournal::evidence::{KeyFolder, Notary};
/// use tradejournal::{disk::RealDisk, journal::Options};
///
/// let keys = KeyFolder::new(Arc::new(RealDisk), "keys");
/// let journal = Options::new("logs").observer(Arc::new(Notary::new(keys))).open()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Notary {
    keys: KeyFolder,
    interval: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    signing: Option<Signing>,
    streams: BTreeMap<Stream, Signed>,
    troubles: Troubles,
}

/// What was signed last of a stream.
#[derive(Clone, Copy, Default)]
struct Signed {
    size: u64,
    time: Option<Timestamp>,
    thinned_len: u64,
}

/// Why a checkpoint was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotaryError {
    /// There is no journal.
    #[error("sign {stream}: there is no journal")]
    NoJournal {
        /// The stream.
        stream: Stream,
    },
    /// There is no key to sign with.
    #[error("sign {stream}")]
    Key {
        /// The stream.
        stream: Stream,
        /// Why there is none.
        source: KeyError,
    },
    /// The stream's older days were deleted and nothing says what they were.
    #[error("sign {stream}: the tree over its lines is not known")]
    NoTree {
        /// The stream.
        stream: Stream,
    },
    /// The clock shows no time that can be signed.
    #[error("sign {stream}: the clock shows {time}")]
    Time {
        /// The stream.
        stream: Stream,
        /// What it shows.
        time: Timestamp,
    },
    /// The log of checkpoints cannot be written.
    #[error("write a checkpoint of {stream}")]
    Log {
        /// The stream.
        stream: Stream,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The checkpoint was written, but the older ones cannot be thinned out.
    #[error("thin out the checkpoints of {stream}")]
    Thin {
        /// The stream.
        stream: Stream,
        /// What the operating system said.
        source: std::io::Error,
    },
}

impl Notary {
    /// A notary that signs with the keys in that folder.
    #[must_use]
    pub fn new(keys: KeyFolder) -> Notary {
        Notary {
            keys,
            interval: INTERVAL,
            state: Mutex::default(),
        }
    }

    /// How often a growing stream is signed.
    #[must_use]
    pub fn every(mut self, interval: Duration) -> Notary {
        self.interval = interval;
        self
    }

    /// What went wrong since this was called last.
    pub fn troubles(&self) -> Vec<String> {
        self.lock().troubles.take()
    }

    /// Signs a tree of `size` lines now.
    ///
    /// # Errors
    /// [`NotaryError`].
    pub fn sign(
        &self,
        journal: &Journal,
        stream: Stream,
        (size, root): (u64, Digest),
    ) -> Result<SignedCheckpoint, NotaryError> {
        self.lock().sign(&self.keys, journal, stream, (size, root))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sign_range(&self, journal: &Journal, stream: Stream, range: Option<&CompactRange>) {
        let mut state = self.lock();
        let signed = match range {
            Some(range) => state.sign(&self.keys, journal, stream, (range.size(), range.root())),
            None => Err(NotaryError::NoTree { stream }),
        };
        if let Err(error) = signed {
            state.troubles.keep_error(&error);
        }
    }

    fn is_due(&self, journal: &Journal, ticked: &Ticked) -> bool {
        let now = journal.clock().now();
        let last = self.lock().last(journal, ticked.stream);
        let lines = ticked.durable_lines;
        // Of a shared stream another process may know more than this one, and sign it. A log that
        // tells of more lines than there are says nothing about these.
        let is_known_elsewhere = || last.size <= journal.promised_lines(ticked.stream);
        if ticked.stream.is_shared() && lines < last.size && is_known_elsewhere() {
            return false;
        }
        let grown = last.size != lines;
        let age = last.time.and_then(|it| it.until(now));
        match (grown, last.time) {
            _ if lines == 0 => false,
            (_, None) => true,
            (true, _) => ticked.closing || age.is_none_or(|it| self.interval <= it),
            (false, Some(time)) => time.day() < now.day(),
        }
    }
}

impl Observer for Notary {
    fn day_closed(&self, journal: &Journal, closed: &ClosedDay) {
        self.sign_range(journal, closed.stream, closed.range.as_ref());
    }

    fn ticked(&self, journal: &Journal, ticked: &Ticked) {
        if self.is_due(journal, ticked) {
            self.sign_range(journal, ticked.stream, ticked.range.as_ref());
        }
    }
}

impl State {
    /// What was signed last, from the log when this notary has not signed yet.
    fn last(&mut self, journal: &Journal, stream: Stream) -> Signed {
        let known = self.streams.get(&stream).copied();
        if let Some(known) = known.filter(|_| !stream.is_shared()) {
            return known;
        }
        // Others sign a shared stream too, so what they signed is looked up.
        let note = CheckpointLog::of(journal, stream).last();
        let note = note.unwrap_or_default();
        let last = Signed {
            size: note.as_ref().map_or(0, |it| it.checkpoint().size),
            time: note.as_ref().map(SignedCheckpoint::time),
            thinned_len: known.map_or(0, |it| it.thinned_len),
        };
        self.streams.insert(stream, last);
        last
    }

    fn sign(
        &mut self,
        keys: &KeyFolder,
        journal: &Journal,
        stream: Stream,
        (size, root): (u64, Digest),
    ) -> Result<SignedCheckpoint, NotaryError> {
        let identity = journal
            .identity()
            .ok_or(NotaryError::NoJournal { stream })?;
        let now = journal.clock().now();
        let thinned_len = self.last(journal, stream).thinned_len;
        let keyring = Keyring::of(journal, identity.name());
        let failed = |source| NotaryError::Key { stream, source };
        let signing = self.signing_on(keys, &keyring, now.day()).map_err(failed)?;
        let checkpoint = Checkpoint {
            origin: Origin {
                journal: identity.name().to_owned(),
                stream,
                epoch: identity.epoch(),
            },
            size,
            root,
        };
        let signed = checkpoint
            .sign(signing.verifier().name(), signing.key(), now)
            .ok_or(NotaryError::Time { stream, time: now })?;
        let log = CheckpointLog::of(journal, stream);
        // Another process may sign the same stream.
        let _lock = keys.lock().map_err(failed)?;
        log.add(&signed)
            .map_err(|source| NotaryError::Log { stream, source })?;
        let thinned = log.thin(thinned_len);
        let last = Signed {
            size,
            time: Some(now),
            thinned_len: *thinned.as_ref().unwrap_or(&thinned_len),
        };
        self.streams.insert(stream, last);
        if let Err(source) = thinned {
            // The next one tries again.
            let error = NotaryError::Thin { stream, source };
            self.troubles.keep_error(&error);
        }
        Ok(signed)
    }

    fn signing_on(
        &mut self,
        keys: &KeyFolder,
        keyring: &Keyring,
        today: Day,
    ) -> Result<&Signing, KeyError> {
        if !self.signing.as_ref().is_some_and(|it| it.is_of(today)) {
            self.signing = Some(keys.signing(keyring, today)?);
        }
        self.signing.as_ref().ok_or_else(|| keys.missing())
    }
}

impl fmt::Debug for Notary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notary")
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}
