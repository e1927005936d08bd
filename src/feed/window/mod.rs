//! The window of minutes: public trades in, the last 48 hours at hand, everything in files.
//!
//! ```
//! use tradejournal::feed::window::{MemoryWindow, Minute, PublicTrade, Window, WindowOptions};
//! # use tradejournal::time::{Clock as _, SystemClock};
//!
//! # let folder = tempfile::tempdir()?;
//! # let (storage, archive) = (folder.path().join("storage"), folder.path().join("archive"));
//! let memory = MemoryWindow::default();
//! let window = Window::open(storage, archive, WindowOptions::default(), Box::new(memory.clone()))?;
//! let line = br#"{"id":"1","time":"2024-10-23T14:30:07Z","symbol":"BTCUSDT","side":"buy","price":"60000.00","size":"1.5"}"#;
//! let trade = PublicTrade::parse(line)?;
//! let taken = window.take(&[trade.clone()])?;
//! assert_eq!(taken.kept, 1);
//! assert_eq!(window.take(&[trade.clone()])?.duplicates, 1);
//! let minute = window.load(&trade.symbol, Minute::of(trade.time))?.ok_or("it is there")?;
//! assert_eq!(minute.total().buy_volume.to_string(), "1.5");
//! let (is_written, _) = window.close();
//! assert!(is_written);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Always true:
//! - A trade that was taken is on the disk, and counts once, however often it comes and whatever is killed
//!   when.
//! - A minute that has left the window is in a file, and only then gone from where the window is looked at.
//! - Sums are exact.
//!
//! Not here: encryption, and leaving out who traded: public trades name nobody.

mod archive;
mod aside;
mod core;
mod counts;
mod crc;
mod error;
mod fill;
mod footprint;
mod intake;
mod kind;
mod layout;
mod memory;
mod minute;
mod news;
mod range;
mod resident;
mod store;
#[cfg(test)]
mod tests;
mod trade;
#[allow(
    clippy::module_inception,
    reason = "the window is what the module is about"
)]
mod window;

pub use self::core::{Refusal, Taken};
pub use counts::Counts;
pub use error::WindowError;
pub use footprint::{Footprint, FootprintError, Inexact, Level, Step};
pub use layout::Symbols;
pub use memory::MemoryWindow;
pub use minute::{Minute, MinuteError};
pub use news::{News, Weight};
pub use range::{Checked, Complaint, Range, Reader};
pub use resident::{Change, Member, NoCopy, Resident, ResidentError, Usage};
pub use trade::{PublicTrade, Taker, TradeId};
pub use window::{Window, WindowOptions, is_running};
