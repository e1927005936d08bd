//! The durable log: one door in, one door out.
//!
//! Always true:
//! - What `append` acknowledged is on disk and stays, byte for byte and in order.
//! - A stream has one writer at a time; readers need nobody's leave.
//! - Only the newest file of a stream can end in a torn tail; it is kept before it is cut, and
//!   damage is never cut.
//!
//! Not here: what the records mean, signatures, and the deleting of days.

pub(crate) mod audit;
mod chain;
mod close;
#[cfg(feature = "sign")]
mod column;
mod commit;
mod ending;
mod establish;
mod follow;
mod head;
mod history;
mod identity;
pub mod layout;
pub mod line;
mod lines;
mod lock;
mod log;
mod matcher;
mod members;
mod observer;
mod order_ids;
mod position;
mod query;
mod range;
mod reader;
mod recover;
mod repair;
mod scan;
mod scrutiny;
mod seal;
mod selection;
pub(crate) mod snapshot;
mod source;
mod spans;
mod standing;
mod status;
mod sum;
#[cfg(test)]
mod testing;
mod troubles;
mod units;
mod upkeep;
mod verify;
mod visit;
mod walk;
mod writer;

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock, atomic::AtomicUsize},
};

use audit::AuditQueue;
pub use chain::Break;
pub use close::{CloseError, ClosedDay};
#[cfg(feature = "sign")]
pub use column::ColumnError;
#[cfg(feature = "sign")]
pub(crate) use column::{Before, Mark};
pub use follow::{Followed, Follower};
pub use identity::{Identity, IdentityError};
use layout::Layout;
pub use lines::{Line, LineIter, LineRef, Lines};
pub use log::Failure;
pub use observer::Observer;
pub use position::{LineFault, Position, ReadError};
pub use query::{Query, Scanned, SumError, Summed};
pub use range::CompactRange;
pub use reader::{Entries, Entry, EntryRef, Reader};
pub use recover::RecoverError;
pub use repair::{DamagedPlace, RepairError, Repaired};
pub use status::{StatusError, StreamStatus};
pub(crate) use troubles::{Troubles, chain_of};
pub use upkeep::Ticked;
pub use verify::{Depth, Finding, FindingKind, Progress, Verified, VerifyError};
pub use writer::{Ack, Acks, AppendError, Durability, OpenError, Receipt, Writer, WriterOptions};

use crate::disk::{Disk, RealDisk};
use crate::record::Stream;
use crate::time::{Clock, SystemClock};

/// A journal: a folder of streams. Having one takes no lock and touches nothing.
#[derive(Clone)]
pub struct Journal {
    shared: Arc<Shared>,
}

struct Shared {
    options: Options,
    layout: Layout,
    identity: OnceLock<Identity>,
    audit: Mutex<AuditQueue>,
    /// Held by whoever writes behind.
    telling: Mutex<()>,
    /// Damage of the audit stream itself, until it has told of its acceptance.
    provisional: Mutex<Vec<audit::AcceptedDamage>>,
    /// How many writers are open, the audit stream's own included.
    writers: AtomicUsize,
}

/// How a journal is opened.
#[derive(Clone)]
pub struct Options {
    logs: PathBuf,
    archive: Option<PathBuf>,
    name: Option<String>,
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    min_free_bytes: u64,
    allow_personal_data: bool,
    writer: WriterOptions,
    observers: Vec<Arc<dyn Observer>>,
}

impl Options {
    /// A journal in the folder `logs`, on the operating system's disk and clock.
    #[must_use]
    pub fn new(logs: impl Into<PathBuf>) -> Options {
        Options {
            logs: logs.into(),
            archive: None,
            name: None,
            disk: Arc::new(RealDisk),
            clock: Arc::new(SystemClock),
            min_free_bytes: 0,
            allow_personal_data: false,
            writer: WriterOptions::default(),
            observers: Vec::new(),
        }
    }

    /// Where archived days are; without it, `archive` beside the folder of the logs.
    #[must_use]
    pub fn archive(mut self, archive: impl Into<PathBuf>) -> Options {
        self.archive = Some(archive.into());
        self
    }

    /// What a new journal is called; without it, a name of its own is made.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Options {
        self.name = Some(name.into());
        self
    }

    /// The disk to use.
    #[must_use]
    pub fn disk(mut self, disk: Arc<dyn Disk>) -> Options {
        self.disk = disk;
        self
    }

    /// The clock to use.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Options {
        self.clock = clock;
        self
    }

    /// Refuses to append when fewer bytes would stay free on the disk; 0, the default, never does.
    #[must_use]
    pub fn min_free_bytes(mut self, bytes: u64) -> Options {
        self.min_free_bytes = bytes;
        self
    }

    /// Whether free texts may hold e-mail addresses, card and social security numbers.
    #[must_use]
    pub fn allow_personal_data(mut self, allow: bool) -> Options {
        self.allow_personal_data = allow;
        self
    }

    /// How [`Journal::writer`] opens streams.
    #[must_use]
    pub fn writer(mut self, options: WriterOptions) -> Options {
        self.writer = options;
        self
    }

    /// Somebody who is told when a day was closed and at every tick.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Options {
        self.observers.push(observer);
        self
    }

    /// The journal.
    ///
    /// # Errors
    /// [`IdentityError`] when the folder's `JOURNAL` cannot be read or is of another journal.
    pub fn open(self) -> Result<Journal, IdentityError> {
        let beside = || {
            self.logs
                .parent()
                .map_or_else(PathBuf::new, PathBuf::from)
                .join("archive")
        };
        let archive = self.archive.clone().unwrap_or_else(beside);
        let layout = Layout::new(self.logs.clone(), archive);
        let identity = OnceLock::new();
        if let Some(found) = Identity::read(&*self.disk, &layout)? {
            match &self.name {
                Some(wanted) if wanted != found.name() => {
                    return Err(IdentityError::Other {
                        path: layout.journal(),
                        found: found.name().to_owned(),
                        wanted: wanted.clone(),
                    });
                }
                _ => {}
            }
            let _ = identity.set(found);
        }
        let shared = Shared {
            options: self,
            layout,
            identity,
            audit: Mutex::default(),
            telling: Mutex::default(),
            provisional: Mutex::default(),
            writers: AtomicUsize::new(0),
        };
        Ok(Journal {
            shared: Arc::new(shared),
        })
    }
}

impl Journal {
    /// The journal in the folder `logs`, with `archive` beside it. Nothing is made before the first
    /// writer.
    ///
    /// # Errors
    /// [`IdentityError`] when the folder's `JOURNAL` cannot be read.
    pub fn open(logs: impl Into<PathBuf>) -> Result<Journal, IdentityError> {
        Options::new(logs).open()
    }

    /// Where its files are.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.shared.layout
    }

    /// Whether its records may have personal data in their texts.
    pub(crate) fn allows_personal_data(&self) -> bool {
        self.shared.options.allow_personal_data
    }

    /// How its streams are written where nobody says otherwise.
    pub(crate) fn writer_options(&self) -> &WriterOptions {
        &self.shared.options.writer
    }

    /// The disk it is on.
    #[must_use]
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.shared.options.disk
    }

    /// The clock it goes by.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.options.clock
    }

    /// Its name and epoch, once a first writer made it.
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        if let Some(known) = self.shared.identity.get() {
            return Some(known.clone());
        }
        // Somebody else may have made it since.
        let found = Identity::read(&**self.disk(), self.layout()).ok()??;
        Some(self.shared.identity.get_or_init(|| found).clone())
    }
}

impl Journal {
    /// Who writes `stream` at this moment: `None` when nobody does, and a pid where one is told.
    #[must_use]
    pub fn holder(&self, stream: Stream) -> Option<Option<u32>> {
        lock::holder(&**self.disk(), &self.layout().lock(stream))
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal")
            .field("logs", &self.layout().logs())
            .finish_non_exhaustive()
    }
}
