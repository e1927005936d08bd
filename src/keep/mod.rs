//! Keeping: what becomes of files after they were written.
//!
//! Always true: nothing is deleted but by a rule that somebody set, and what was deleted is told.
//!
//! Not here: what is in the files.

#[cfg(feature = "tracing")]
mod log_writer;
mod text_log;

#[cfg(feature = "tracing")]
pub use log_writer::{LogWriter, WritingLog};
pub use text_log::{SweepPolicy, TextLog, TextLogError, TextLogOptions, sweep};
