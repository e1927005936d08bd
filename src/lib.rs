//! A trade journal: typed records, on disk before `append` returns, provably unaltered.
//!
//! A [`Journal`] is a folder of [streams](Stream). A stream is a typed, append-only log of one kind
//! of [`Record`], one file of JSON Lines a day, in which each line carries the hash of the line before
//! it. There is one door in, [`Writer`], and one door out, [`journal::Reader`].
//!
//! ```
//! use tradejournal::bot::Settings;
//! use tradejournal::record::field::{Action, ExecutionMode};
//! use tradejournal::{Journal, Session, TradeRecord};
//!
//! # let folder = tempfile::tempdir()?;
//! # let logs = folder.path().join("logs");
//! let journal = Journal::open(logs)?;
//! let session = Session::start(&journal, Settings::new("1.0.0".parse()?))?;
//! let trades = journal.writer::<TradeRecord>()?;
//! let entry = TradeRecord::entry("AAPL", Action::Buy, 50, "150.25")
//!     .at("2025-10-26T14:32:15.123Z".parse()?)
//!     .order_id("order-1")
//!     .mode(ExecutionMode::Paper)
//!     .strategy("bull-flag-breakout", "breakout")
//!     .because("Bull flag breakout above $150 resistance")
//!     .stamp(&session.stamp())
//!     .build()?;
//! let receipt = trades.append(&entry)?;
//! assert!(receipt.durable && receipt.seq == 0);
//! trades.close()?;
//!
//! let last = journal.read::<TradeRecord>().last(1).iter().next().ok_or("it is there")??;
//! assert_eq!(last.record, entry);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Always true:
//! - A value of a record type is a legal record: there is one door to it, which names every wrong
//!   field.
//! - When [`Writer::append`] returns Ok under [`Durability::Synced`], the default, the record is on
//!   disk.
//! - After a crash every acknowledged record is there, byte for byte and in order; line numbers have
//!   no hole.
//! - After a failed write or sync a writer has ended. Of the errors of `append`, only
//!   [`AppendError::Unknown`] leaves open whether the record was written.
//! - A torn tail is kept before it is cut; damage is never cut.
//! - No stream waits for another, and reading takes no lock.
//! - What is read costs memory for a block and the longest line, however long the journal is.
//!
//! Not here: a network (but for asking a time-stamp authority, and a Redis where one is named), a database,
//! time zones, floating-point arithmetic.
//!
//! # Rooms
//!
//! | module | holds |
//! |---|---|
//! | [`record`] | the values, and the rules of their fields |
//! | [`time`] | instants, days, clocks |
//! | [`disk`] | all that touches files: the operating system's disk, and a simulated one |
//! | [`journal`] | writing, recovering, reading, asking, verifying, repairing |
//! | `evidence` | what others can check: signed checkpoints, proofs, time-stamps (feature `sign`) |
//! | [`books`] | what trades add up to: closed trades, metrics, alerts, limits of risk, tax lots |
//! | [`keep`] | what becomes of files: a bot's own log, which rotates |
//! | [`bot`] | what a bot embeds: its session, its trade log, its metrics and limits while it trades |
//! | [`keep`] | what a nightly job does: archive, retention, holds |
//! | [`feed`] | what comes from outside: public trades, minute by minute, for 48 hours and after |
//! | [`desk`] | what a person asks for: all trades of a journal, the report, tax forms, why an order was placed |
//! | `driver` | what connects with services of others: Redis (feature `redis`), SQLite (feature `sqlite`) |
//!
//! # Features
//!
//! | feature | default | brings |
//! |---|---|---|
//! | `cli` | yes | the program `tj` and what it needs; a bot says `default-features = false` |
//! | `sign` | with `cli` | the room `evidence`: Ed25519 and what it needs |
//! | `redis` | no | the room `driver`: a cache in Redis |
//! | `sqlite` | no | the room `driver`: the database of a capture |
//! | `tracing` | no | [`keep::TextLog`] as a writer of `tracing-subscriber` |
//! | `tz` | with `cli` | time zones by name, for the program; the library itself knows UTC alone |
//!
//! No feature changes a byte on disk.
//!
//! The format of the files is in `docs/FORMAT.md`, the plan of the house in `docs/ARCHITECTURE.md`.

pub mod books;
pub mod bot;
pub mod desk;
pub mod disk;
#[cfg(any(feature = "bybit", feature = "redis", feature = "sqlite"))]
pub mod driver;
#[cfg(feature = "sign")]
pub mod evidence;
pub mod feed;
pub mod journal;
pub mod keep;
pub mod record;
pub mod time;

pub use bot::Session;
pub use journal::{
    Ack, AppendError, Durability, Journal, OpenError, Options, Receipt, Writer, WriterOptions,
};
pub use record::{Record, Stream, TradeRecord};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(all(doctest, feature = "redis"))]
#[doc = include_str!("../docs/CACHE.md")]
struct CacheDocument;
