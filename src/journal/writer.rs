//! The one door in: a writer of one stream's records.
//!
//! Always true:
//! - When `append` returns Ok under [`Durability::Synced`], the record is on disk: the file is
//!   synced, and its folder too when the file is new.
//! - An error says whether the record is surely not written, or whether that is unknown.
//! - After a failed write or sync the writer has ended; opening anew tells what is there.
//!
//! Refused: a record with an e-mail address, a card or an SSN-like number in its free texts, unless
//! the journal was told to allow it.

use std::{
    future::Future,
    io,
    marker::PhantomData,
    ops::Range,
    path::PathBuf,
    pin::Pin,
    slice,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use super::commit::{Commit, Role, Ticket};
use super::identity::IdentityError;
use super::line::{Draft, Drafting, LINE_LEN_MAX};
use super::log::{CommitError, Committed, Failure, Log, LogError, LogOptions};
use super::recover::RecoverError;
use super::upkeep::Upkeep;
use super::{Journal, audit};
use crate::record::personal;
use crate::record::{Digest, Invalid, Record, Stream};
use crate::time::Day;

/// When a record is on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// Before `append` returns. What was acknowledged survives a power cut.
    #[default]
    Synced,
    /// Within this time after `append` returned. What was acknowledged survives the end of the
    /// process at once, and a power cut after the next sync; its [`Receipt`] says that it is not
    /// durable yet.
    Interval(Duration),
}

/// What a bot can keep as proof that a record is in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Receipt {
    /// The stream.
    pub stream: Stream,
    /// The line's number in the stream, from 0.
    pub seq: u64,
    /// The day whose file it is in.
    pub day: Day,
    /// The line's hash.
    pub hash: Digest,
    /// Whether it was on disk when this receipt was made.
    pub durable: bool,
}

/// Why a writer could not be opened. Nothing was changed, but for what recovery may repeat.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// `JOURNAL` is missing, damaged or another journal's.
    #[error("open the journal")]
    Identity(#[source] IdentityError),
    /// The disk failed.
    #[error("{operation} {}", path.display())]
    Disk {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The folder belongs to another user.
    #[error("{} belongs to user {owner}, and this process acts as user {user}", path.display())]
    NotOurs {
        /// The folder.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        user: u32,
    },
    /// Something that is no folder, or a link to one, is where a folder must be.
    #[error("{} is not a folder of its own", path.display())]
    NotAFolder {
        /// Where.
        path: PathBuf,
    },
    /// Another writer has the stream.
    #[error("{} is held{}", path.display(), holder(*pid))]
    Locked {
        /// The lock.
        path: PathBuf,
        /// The process that the lock file names.
        pid: Option<u32>,
    },
    /// The tail is not fit to be written behind.
    #[error("recover {stream}")]
    Recover {
        /// The stream.
        stream: Stream,
        /// What is wrong.
        source: RecoverError,
    },
    /// No thread could be started.
    #[error("start a thread for {stream}")]
    Thread {
        /// The stream.
        stream: Stream,
        /// What the operating system said.
        source: io::Error,
    },
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" by process {pid}"))
}

/// Why a record was not acknowledged.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// Nothing was written: the record has personal data in a free text.
    #[error("the record is not for {stream}")]
    Refused {
        /// The stream.
        stream: Stream,
        /// Every text that was refused.
        source: Invalid,
    },
    /// Nothing was written: the line would be longer than a line may be.
    #[error("the record takes {len} bytes, more than the {LINE_LEN_MAX} of a line of {stream}")]
    TooLong {
        /// The stream.
        stream: Stream,
        /// What it would take.
        len: usize,
    },
    /// Nothing was written: the disk is nearly full. The writer goes on when there is room.
    #[error(
        "{free_bytes} bytes are free for {stream}, less than the {min_free_bytes} to be kept free"
    )]
    LowSpace {
        /// The stream.
        stream: Stream,
        /// What is free.
        free_bytes: u64,
        /// What the journal was told to leave free.
        min_free_bytes: u64,
    },
    /// Nothing was written: another process keeps the lock of a shared stream. Try again.
    #[error("{stream} is held by another writer{}", holder(*pid))]
    Locked {
        /// The stream.
        stream: Stream,
        /// The process that the lock file names.
        pid: Option<u32>,
    },
    /// Nothing was written: the tail of a shared stream is not fit to be written behind.
    #[error("recover {stream}")]
    Recover {
        /// The stream.
        stream: Stream,
        /// What is wrong.
        source: Arc<RecoverError>,
    },
    /// The write or the sync failed: whether these lines are on disk is unknown until the stream is
    /// opened anew. The writer has ended.
    #[error("append to {stream}: lines {} to {} may or may not be on disk", seqs.start, last(seqs))]
    Unknown {
        /// The stream.
        stream: Stream,
        /// The numbers of the lines.
        seqs: Range<u64>,
        /// What failed.
        source: Arc<Failure>,
    },
    /// Nothing was written: the writer had ended before.
    #[error("the writer of {stream} has ended and wrote nothing")]
    Ended {
        /// The stream.
        stream: Stream,
        /// Why it ended.
        source: Arc<Failure>,
    },
}

fn last(seqs: &Range<u64>) -> u64 {
    seqs.end.saturating_sub(1)
}

impl AppendError {
    fn new(stream: Stream, error: &CommitError, ticket: &Ticket) -> AppendError {
        match error.clone() {
            CommitError::LowSpace {
                free_bytes,
                min_free_bytes,
            } => AppendError::LowSpace {
                stream,
                free_bytes,
                min_free_bytes,
            },
            CommitError::Locked { pid } => AppendError::Locked { stream, pid },
            CommitError::Recover(source) => AppendError::Recover { stream, source },
            CommitError::Unknown { seqs, failure } => {
                let start = seqs.start + ticket.first as u64;
                let seqs = start..start + ticket.count as u64;
                AppendError::Unknown {
                    stream,
                    seqs,
                    source: failure,
                }
            }
            CommitError::Ended(source) => AppendError::Ended { stream, source },
        }
    }

    /// Whether the record is surely not in the journal, so that trying again cannot double it.
    #[must_use]
    pub fn nothing_written(&self) -> bool {
        !matches!(self, AppendError::Unknown { .. })
    }
}

/// How a stream is written.
#[derive(Clone, Debug)]
pub struct WriterOptions {
    durability: Durability,
    shared: bool,
    queue_bytes_max: usize,
    background: bool,
}

impl Default for WriterOptions {
    fn default() -> WriterOptions {
        WriterOptions {
            durability: Durability::Synced,
            shared: false,
            queue_bytes_max: 64 << 20,
            background: true,
        }
    }
}

impl WriterOptions {
    /// When a record is on disk.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> WriterOptions {
        self.durability = durability;
        self
    }

    /// Lets several processes write the stream, each taking its lock for one batch. Always synced.
    /// `audit`, `sessions` and `risk-management` are always written so.
    #[must_use]
    pub fn shared(mut self, shared: bool) -> WriterOptions {
        self.shared = shared;
        self
    }

    /// How many bytes may wait to be written before `append` and `submit` wait for room.
    #[must_use]
    pub fn queue_bytes_max(mut self, bytes: usize) -> WriterOptions {
        self.queue_bytes_max = bytes;
        self
    }

    /// Whether a thread does what falls due while nobody appends. Without it, call
    /// [`Writer::tick`] at least once a second.
    #[must_use]
    pub fn background(mut self, background: bool) -> WriterOptions {
        self.background = background;
        self
    }
}

/// Appends records of one kind to its stream. Clones share one group commit.
#[derive(Debug)]
pub struct Writer<R> {
    upkeep: Arc<Upkeep>,
    records: PhantomData<fn(R)>,
}

impl<R> Clone for Writer<R> {
    fn clone(&self) -> Writer<R> {
        Writer {
            upkeep: Arc::clone(&self.upkeep),
            records: PhantomData,
        }
    }
}

impl Journal {
    /// Opens the stream of `R` for writing, making the journal's folders if they are not there.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn writer<R: Record>(&self) -> Result<Writer<R>, OpenError> {
        self.writer_with(&self.shared.options.writer)
    }

    /// As [`Journal::writer`], with options of its own.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn writer_with<R: Record>(&self, options: &WriterOptions) -> Result<Writer<R>, OpenError> {
        let commit = self.open_commit(R::STREAM, options)?;
        let upkeep = Upkeep::new(self, commit, options.durability);
        audit::note_untold_torn(self, R::STREAM);
        let upkeep = Arc::new(upkeep);
        if options.background {
            upkeep.start_thread().map_err(|source| OpenError::Thread {
                stream: R::STREAM,
                source,
            })?;
        }
        Ok(Writer {
            upkeep,
            records: PhantomData,
        })
    }

    /// Opens the log of `stream` with a queue in front of it.
    /// Closes the days of a stream that are over and that nobody has closed, for a bot that ended before
    /// midnight; returns what kept a day from being closed. A stream that somebody writes now is his to
    /// close ([`OpenError::Locked`]).
    ///
    /// # Errors
    /// [`OpenError`], as for a writer.
    pub fn close_idle_days(&self, stream: Stream) -> Result<Vec<String>, OpenError> {
        let commit = self.open_commit(stream, &WriterOptions::default())?;
        let upkeep = Upkeep::new(self, commit, Durability::Synced);
        upkeep.tick();
        // How it ends says nothing of the days; what went wrong with these is a trouble.
        let _ = upkeep.close();
        Ok(upkeep.take_troubles())
    }

    pub(super) fn open_commit(
        &self,
        stream: Stream,
        options: &WriterOptions,
    ) -> Result<Commit, OpenError> {
        let identity = self.establish(stream)?;
        let log_options = LogOptions {
            shared: options.shared || stream.is_shared(),
            durability: options.durability,
            min_free_bytes: self.shared.options.min_free_bytes,
        };
        let log = match Log::open(self, stream, identity.name(), log_options) {
            Ok(log) => log,
            Err(LogError::Disk {
                operation,
                path,
                source,
            }) => {
                return Err(OpenError::Disk {
                    operation,
                    path,
                    source,
                });
            }
            Err(LogError::Locked { path, pid }) => return Err(OpenError::Locked { path, pid }),
            Err(LogError::Recover(source)) => return Err(OpenError::Recover { stream, source }),
        };
        Ok(Commit::new(log, options.queue_bytes_max))
    }
}

impl<R: Record> Writer<R> {
    /// Appends one record and returns when it is on disk (see [`Durability`]).
    ///
    /// Many threads may append at once through clones; they share writes and syncs.
    ///
    /// # Errors
    /// See [`AppendError`]; only [`AppendError::Unknown`] leaves open whether it was written.
    pub fn append(&self, record: &R) -> Result<Receipt, AppendError> {
        let ticket = self.enqueue_and_lead(self.drafts(slice::from_ref(record))?)?;
        let committed = self.wait(&ticket)?;
        receipt(committed, ticket.first).ok_or_else(|| self.lost())
    }

    /// Appends several records with one write and one sync.
    ///
    /// Either all are acknowledged or none is; a crash in between may leave the first few.
    ///
    /// # Errors
    /// See [`AppendError`]. One refused record refuses them all.
    pub fn append_all(&self, records: &[R]) -> Result<Vec<Receipt>, AppendError> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let drafts = self.drafts(records)?;
        let ticket = self.enqueue_and_lead(drafts)?;
        let committed = self.wait(&ticket)?;
        receipts(committed, &ticket).ok_or_else(|| self.lost())
    }

    /// Hands one record over and returns at once; the [`Ack`] tells when it is on disk.
    ///
    /// It waits only while the queue is full.
    ///
    /// # Errors
    /// See [`AppendError`]: what can be told before the record is written.
    pub fn submit(&self, record: &R) -> Result<Ack, AppendError> {
        let (ticket, role) = self.enqueue(self.drafts(slice::from_ref(record))?)?;
        if role == Role::Leader {
            self.upkeep.lead_in_background();
        }
        Ok(Ack {
            ticket,
            stream: R::STREAM,
        })
    }

    /// As [`Writer::submit`] of several records, which are written together.
    ///
    /// # Errors
    /// See [`AppendError`]: what can be told before they are written. One refused record refuses them all.
    pub fn submit_all(&self, records: &[R]) -> Result<Acks, AppendError> {
        let stream = R::STREAM;
        if records.is_empty() {
            return Ok(Acks {
                ticket: None,
                stream,
            });
        }
        let (ticket, role) = self.enqueue(self.drafts(records)?)?;
        if role == Role::Leader {
            self.upkeep.lead_in_background();
        }
        let ticket = Some(ticket);
        Ok(Acks { ticket, stream })
    }

    /// Syncs what was written under [`Durability::Interval`] and not yet synced.
    ///
    /// # Errors
    /// [`AppendError::Unknown`] with the lines that were not synced when the sync failed, now or
    /// before; [`AppendError::Ended`] when the writer had ended and there are none.
    pub fn sync(&self) -> Result<(), AppendError> {
        let synced = self.upkeep.commit().log().sync_or_end();
        synced.map_err(|source| self.not_synced(source))
    }

    /// Does what has fallen due: the sync of an interval, `HEAD`, the closing of days that are over,
    /// the audit records. A writer with a background thread does so by itself.
    pub fn tick(&self) {
        self.upkeep.tick();
    }

    /// How many lines the stream has.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.upkeep.commit().log().lines()
    }

    /// How many of them are known to be on disk.
    #[must_use]
    pub fn durable_lines(&self) -> u64 {
        self.upkeep.commit().log().durable_lines()
    }

    /// What went wrong beside the append path since this was last asked: a `HEAD` that could not be
    /// written, a day that could not be closed, an audit stream that is locked or damaged.
    #[must_use]
    pub fn troubles(&self) -> Vec<String> {
        self.upkeep.take_troubles()
    }

    /// Finishes: what is queued is written, the rest synced, `HEAD` brought up to date, the audit
    /// records written, the lock let go. Clones can append no more.
    ///
    /// Dropping the last clone does the same and has nobody to tell when it fails.
    ///
    /// # Errors
    /// [`AppendError::Unknown`] with the lines that were not synced when the last sync failed;
    /// [`AppendError::Ended`] when the writer had ended and there are none.
    pub fn close(self) -> Result<(), AppendError> {
        let closed = self.upkeep.close();
        closed.map_err(|source| self.not_synced(source))
    }

    /// A failed last sync leaves open what became of the lines since the one before.
    fn not_synced(&self, source: Arc<Failure>) -> AppendError {
        let stream = R::STREAM;
        if self.upkeep.commit().is_forked() {
            return AppendError::Ended { stream, source };
        }
        let seqs = self.upkeep.commit().log().unsynced();
        if seqs.is_empty() {
            AppendError::Ended { stream, source }
        } else {
            AppendError::Unknown {
                stream,
                seqs,
                source,
            }
        }
    }

    fn drafts(&self, records: &[R]) -> Result<Vec<Draft>, AppendError> {
        let may_be_personal = self.upkeep.journal().allows_personal_data();
        let mut drafting = Drafting::with_capacity(records.len());
        for record in records {
            if !may_be_personal {
                personal::personal_data(record).map_err(|source| AppendError::Refused {
                    stream: R::STREAM,
                    source,
                })?;
            }
            let len = drafting.add(|out| record.encode(out));
            if LINE_LEN_MAX < len {
                return Err(AppendError::TooLong {
                    stream: R::STREAM,
                    len,
                });
            }
        }
        Ok(drafting.finish().collect())
    }

    fn enqueue(&self, drafts: Vec<Draft>) -> Result<(Ticket, Role), AppendError> {
        self.upkeep
            .commit()
            .enqueue(drafts)
            .map_err(|error| match error {
                CommitError::Ended(source) => AppendError::Ended {
                    stream: R::STREAM,
                    source,
                },
                // Nothing else is known before the batch is written.
                _ => self.lost(),
            })
    }

    fn enqueue_and_lead(&self, drafts: Vec<Draft>) -> Result<Ticket, AppendError> {
        let (ticket, role) = self.enqueue(drafts)?;
        if role == Role::Leader {
            self.upkeep.commit().lead();
        }
        Ok(ticket)
    }

    fn wait<'a>(&self, ticket: &'a Ticket) -> Result<&'a Committed, AppendError> {
        match ticket.batch.wait() {
            Ok(committed) => Ok(committed),
            Err(error) => Err(AppendError::new(R::STREAM, error, ticket)),
        }
    }

    /// The answer to what cannot be: a place that its batch does not have.
    fn lost(&self) -> AppendError {
        lost(R::STREAM)
    }
}

fn lost(stream: Stream) -> AppendError {
    let source = Arc::new(Failure::Panicked { stream });
    AppendError::Ended { stream, source }
}

fn receipts(committed: &Committed, ticket: &Ticket) -> Option<Vec<Receipt>> {
    let places = ticket.first..ticket.first + ticket.count;
    places.map(|it| receipt(committed, it)).collect()
}

fn receipt(committed: &Committed, place: usize) -> Option<Receipt> {
    let hash = *committed.hashes.get(place)?;
    Some(Receipt {
        stream: committed.stream,
        seq: committed.first_seq + place as u64,
        day: committed.day,
        hash,
        durable: committed.durable,
    })
}

/// The answer to a submitted record, now or later. Dropping it detaches: the record is written all
/// the same.
#[derive(Debug)]
#[must_use = "without a look at it nobody knows whether the record is on disk"]
pub struct Ack {
    ticket: Ticket,
    stream: Stream,
}

impl Ack {
    /// Blocks until the record is on disk or will not be.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub fn wait(self) -> Result<Receipt, AppendError> {
        let _ = self.ticket.batch.wait();
        self.answer().unwrap_or_else(|| Err(lost(self.stream)))
    }

    /// The answer, if it is known yet.
    pub fn answer(&self) -> Option<Result<Receipt, AppendError>> {
        match self.ticket.batch.answer()? {
            Ok(committed) => receipt(committed, self.ticket.first).map(Ok),
            Err(error) => Some(Err(AppendError::new(self.stream, error, &self.ticket))),
        }
    }
}

impl Future for Ack {
    type Output = Result<Receipt, AppendError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.ticket.batch.wake_later(context.waker()) {
            return Poll::Pending;
        }
        self.answer().map_or(Poll::Pending, Poll::Ready)
    }
}

/// The answer to several submitted records, of which all are written or none is acknowledged. Dropping it
/// detaches, as with [`Ack`].
#[derive(Debug)]
#[must_use = "without a look at it nobody knows whether the records are on disk"]
pub struct Acks {
    /// `None` of no records.
    ticket: Option<Ticket>,
    stream: Stream,
}

impl Acks {
    /// Blocks until the records are on disk or will not be.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub fn wait(self) -> Result<Vec<Receipt>, AppendError> {
        let Some(ticket) = self.ticket else {
            return Ok(Vec::new());
        };
        match ticket.batch.wait() {
            Ok(committed) => receipts(committed, &ticket).ok_or_else(|| lost(self.stream)),
            Err(error) => Err(AppendError::new(self.stream, error, &ticket)),
        }
    }
}
