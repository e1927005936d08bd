//! The one integration binary: a module for each behaviour.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    missing_docs,
    unreachable_pub,
    reason = "a failed step is a failed test"
)]

mod anchoring;
mod auditing;
mod backing;
mod browsing;
#[cfg(all(feature = "bybit", feature = "sqlite"))]
mod capture;
mod cli;
mod evidence;
mod examples;
mod format;
mod keeping;
mod ledger;
mod living;
mod power;
mod process;
mod reading;
mod recording;
#[cfg(feature = "redis")]
mod redis;
mod repairing;
mod replaying;
mod risking;
mod sample;
mod tax_source;
mod trade_log;
mod trading;
mod verifying;
mod writing;
