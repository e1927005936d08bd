//! `tj`: the program beside the journal. It sees the library's public API alone.
//!
//! Always true:
//! - Data goes to standard output, everything else to standard error.
//! - The exit code is 0 when all is well, 1 when something was found, 2 for wrong usage, 3 when it
//!   could not run.
//!
//! Not here: anything but the way from the arguments to the command and from its end to the code.

mod args;
mod backups;
mod bar;
mod cache;
mod calls_view;
mod commands;
mod compare_view;
mod complaint;
mod evidence;
mod failure;
mod file;
mod form1099b_view;
mod input;
mod journal;
mod keeping;
mod live;
mod nearest;
mod older;
mod output;
mod reason;
mod reconcile_view;
mod record_view;
#[cfg(all(feature = "bybit", feature = "sqlite"))]
mod recorder_file;
mod remedy;
mod rows;
mod safety;
mod settings;
mod sheet_view;
mod simulated;
mod size;
mod spark;
mod streams;
mod table;
mod when;
mod why_view;
#[cfg(not(feature = "redis"))]
mod without_redis;
mod words;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;
use crate::output::{Out, Talk};

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(told) => {
            // Help and version are no errors; who closed the pipe has seen enough.
            let _ = told.print();
            return ExitCode::from(u8::try_from(told.exit_code()).unwrap_or(2));
        }
    };
    let talk = Talk::new();
    let mut out = Out::new();
    let result = commands::run(&args, &mut out, &talk);
    // What was found before an error is shown before it.
    let flushed = out.flush();
    let result = result.and_then(|verdict| flushed.map(|()| verdict));
    failure::conclude(result, &talk)
}
