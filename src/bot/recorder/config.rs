//! How a recorder is set: the header of its run, how much may wait, and what happens when that is full.

use std::path::PathBuf;
use std::time::Duration;

use super::redact::Redaction;
use crate::bot::Settings;
use crate::record::field::BotVersion;

/// Room for a day of 156,000 calls of some 200 bytes, as one burst.
const CAPACITY: usize = 32 << 20;
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// How long the drop of the last recorder waits for the disk.
const CLOSE_WAIT: Duration = Duration::from_secs(5);
const SPILL_BYTES_MAX: u64 = 1 << 30;

/// What happens to a call for which there is no room, because the disk does not keep up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// It is lost: the bot goes on at once. How many were lost, and from when to when, is in the log.
    #[default]
    DropNewest,
    /// The thread that called waits until there is room, however long that is: with a disk that fails for
    /// ever, for ever. So does a thread for which the capacity has no 32 KiB, until another thread ends.
    Block,
    /// The thread that called writes it into a file, from which it goes into the log when the disk keeps up
    /// again; the next recorder takes up what a crash left there.
    Spill {
        /// The folder of the files, of this journal alone; on another disk than the journal, if there is one.
        folder: PathBuf,
        /// How many bytes may wait there; more are lost as with [`WhenFull::DropNewest`].
        bytes_max: u64,
    },
}

impl WhenFull {
    /// Files in `folder`, of 1 GiB together at most.
    #[must_use]
    pub fn spill(folder: impl Into<PathBuf>) -> WhenFull {
        WhenFull::Spill {
            folder: folder.into(),
            bytes_max: SPILL_BYTES_MAX,
        }
    }
}

/// How a [`Recorder`](super::Recorder) is set.
#[derive(Clone, Debug)]
pub struct RecorderConfig {
    pub(super) header: Header,
    pub(super) settings: Option<Settings>,
    pub(super) capacity: usize,
    pub(super) when_full: WhenFull,
    pub(super) sync_every: Duration,
    pub(super) close_wait: Duration,
    pub(super) redaction: Redaction,
}

/// What a recording says of the run it is of.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) version: BotVersion,
    pub(super) market: String,
    pub(super) trigger: Option<String>,
    pub(super) git_hash: Option<String>,
}

impl RecorderConfig {
    /// For a bot of that version on that market.
    #[must_use]
    pub fn new(version: BotVersion, market: &str) -> RecorderConfig {
        RecorderConfig {
            header: Header {
                version,
                market: market.to_owned(),
                trigger: None,
                git_hash: None,
            },
            settings: None,
            capacity: CAPACITY,
            when_full: WhenFull::default(),
            sync_every: SYNC_EVERY,
            close_wait: CLOSE_WAIT,
            redaction: Redaction::default(),
        }
    }

    /// What started the bot, such as `crontab`.
    #[must_use]
    pub fn trigger(mut self, trigger: &str) -> RecorderConfig {
        self.header.trigger = Some(trigger.to_owned());
        self
    }

    /// The commit that the bot was built from.
    #[must_use]
    pub fn git_hash(mut self, hash: &str) -> RecorderConfig {
        self.header.git_hash = Some(hash.to_owned());
        self
    }

    /// Limits and configuration for the session of the run; its `metadata` and version are replaced by the
    /// header's.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> RecorderConfig {
        self.settings = Some(settings);
        self
    }

    /// How many bytes of calls may wait for the disk, of all threads together: 32 MiB unless set. All of it
    /// is taken when the recorder is opened. Each thread that calls has 32 KiB of it for itself.
    #[must_use]
    pub fn capacity(mut self, bytes: usize) -> RecorderConfig {
        self.capacity = bytes;
        self
    }

    /// What happens when that is full.
    #[must_use]
    pub fn when_full(mut self, when_full: WhenFull) -> RecorderConfig {
        self.when_full = when_full;
        self
    }

    /// How long what is written may wait to be synced: a power cut takes that much, the end of the process
    /// nothing of it.
    #[must_use]
    pub fn sync_every(mut self, span: Duration) -> RecorderConfig {
        self.sync_every = span;
        self
    }

    /// How long the drop of the last clone waits for the disk: 5 s unless set.
    #[must_use]
    pub fn close_wait(mut self, wait: Duration) -> RecorderConfig {
        self.close_wait = wait;
        self
    }

    /// What must not land in the recording.
    #[must_use]
    pub fn redaction(mut self, redaction: Redaction) -> RecorderConfig {
        self.redaction = redaction;
        self
    }
}
