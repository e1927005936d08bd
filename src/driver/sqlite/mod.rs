//! SQLite: the database of a capture, in one file.
//!
//! Always true:
//! - What one call writes is there as a whole and on disk when it returns, or not there at all.
//! - A row that is told again changes nothing, however and from wherever it is told.
//! - One program writes at a time. Any number may read meanwhile, without a lock.
//! - A file that is not of this kind, or of a newer version, is refused and left as it is.
//!
//! Not here: what is worth writing, and what becomes of it when the database says no (`feed::bybit` and
//! whoever calls it).

mod account;
mod columns;
mod error;
mod executions;
mod file;
mod frames;
mod gaps;
mod known;
mod lock;
mod reader;
mod replay;
mod runs;
mod schema;
mod store;
mod ticker;
mod trades;
mod write;

#[cfg(test)]
mod tests;

pub use executions::{ExecutionQueue, KeptExecution};
pub use file::SqliteOptions;
pub use frames::KeptFrames;
pub use gaps::{GapFilter, KeptGap};
pub use reader::{KeptRun, SqliteReader, TableCount};
pub use replay::{Event, ReplayOptions};
pub use schema::{ACCOUNT_ID, APPLICATION_ID, STRATEGY_ID, USER_ID, VERSION};
pub use store::SqliteStore;
