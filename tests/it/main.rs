//! The one integration binary: a module for each behaviour.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub,
    reason = "a failed step is a failed test"
)]

mod cli;
mod sample;
mod verifying;
mod writing;
