//! Keeping: what becomes of files after they were written.
//!
//! Always true:
//! - Of every day that was promised there is a full copy that was read back, at every moment.
//! - Whatever is cut off, by a kill or a power cut, the next run finishes.
//! - A day is judged by the audit stream's closing record, never by its name, its age or its size alone.
//! - Nothing is deleted but by a rule that somebody set, and what was deleted is told.
//!
//! Not here: what a bot writes meanwhile, which goes on, and when all this is done.

mod archive;
pub mod backup;
mod gzip;
mod holds;
mod lock;
#[cfg(feature = "tracing")]
mod log_writer;
mod plain;
mod plan;
mod policy;
mod retention;
mod text_log;

pub use gzip::Packed;
pub use holds::{Hold, HoldError, Holds};
pub use lock::{KeepLock, LockError};
#[cfg(feature = "tracing")]
pub use log_writer::{LogWriter, WritingLog};
pub use plain::{PlainError, PlainFile};
pub use plan::{Action, KeepError, Keeper, Kept, Plan, Step};
pub use policy::{Policies, Policy, Span, SpanError};
pub use text_log::{SweepPolicy, TextLog, TextLogError, TextLogOptions, sweep};
