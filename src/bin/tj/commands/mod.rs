//! The commands, one file each, and what they share.
//!
//! Not here: what can be typed ([`crate::args`]).

mod completions;
mod config;
mod man;

use crate::args::{Args, Command};
use crate::failure::Verdict;
use crate::output::{Out, Talk};
use crate::settings::Settings;

/// What a command is given.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) settings: Settings,
    pub(crate) out: &'a mut Out,
    pub(crate) talk: &'a Talk,
}

/// Runs what was asked for.
pub(crate) fn run(args: &Args, out: &mut Out, talk: &Talk) -> anyhow::Result<Verdict> {
    match &args.command {
        Command::Completions(wanted) => completions::run(wanted, out),
        Command::Man(wanted) => man::run(wanted, out),
        Command::Config(wanted) => config::run(wanted, &args.global, out, talk),
        _ => Ok(Verdict::Fine),
    }
}
