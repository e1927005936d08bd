//! The program as a person meets it: every command, every exit code, what is printed where.

mod append;
mod archived;
mod around;
mod backup;
mod calls;
#[cfg(all(feature = "bybit", feature = "sqlite"))]
mod capture;
pub mod collector;
mod compare;
mod damage;
mod demo;
mod documented;
mod evidence;
mod export;
mod import;
mod keeping;
mod metrics;
mod nightly;
mod reading;
mod reconcile;
mod recordings;
mod report;
mod risk;
pub mod run;
mod sheet;
mod tax;
mod tax_files;
mod why;
mod window;
