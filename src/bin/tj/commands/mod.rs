//! The commands, one file each, and what they share.
//!
//! Not here: what can be typed ([`crate::args`]).

mod anchor;
mod append;
mod archive;
mod backup;
mod capture;
mod check;
mod checkpoint;
mod compare;
mod completions;
mod config;
pub(crate) mod demo;
mod export;
mod hold;
mod import;
mod inspect;
mod key;
mod man;
mod metrics;
mod nightly;
mod prove;
mod query;
mod reconcile;
mod repair;
mod replay;
mod report;
mod restore;
mod retention;
mod risk;
mod status;
mod summary;
mod tail;
mod tax;
mod verify;
mod why;
mod window;

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
        // These need no settings, and help to mend them.
        Command::Completions(wanted) => return completions::run(wanted, out),
        Command::Man(wanted) => return man::run(wanted, out),
        // It needs no journal, so none of its settings.
        Command::Check(wanted) => return check::run(wanted, args.global.json, out),
        // It has settings of its own.
        Command::Capture(wanted) => return capture::run(wanted, &args.global, out, talk),
        Command::Config(wanted) => return config::run(wanted, &args.global, out, talk),
        _ => {}
    }
    let settings = Settings::load(&args.global)?;
    let context = &mut Context {
        settings,
        out,
        talk,
    };
    match &args.command {
        Command::Append(wanted) => append::run(wanted, context),
        Command::Tail(wanted) => tail::run(wanted, context),
        Command::Query(wanted) => query::run(wanted, context),
        Command::Summary(wanted) => summary::run(wanted, context),
        Command::Report(wanted) => report::run(wanted, context),
        Command::Status(_) => status::run(context),
        Command::Repair(wanted) => repair::run(wanted, context),
        Command::Verify(wanted) => verify::run(wanted, context),
        Command::Key(wanted) => key::run(wanted, context),
        Command::Checkpoint(wanted) => checkpoint::run(wanted, context),
        Command::Prove(wanted) => prove::run(wanted, context),
        Command::Anchor(wanted) => anchor::run(wanted, context),
        Command::Archive(wanted) => archive::run(wanted, context),
        Command::Retention(wanted) => retention::run(wanted, context),
        Command::Nightly(wanted) => nightly::run(wanted, context),
        Command::Hold(wanted) => hold::run(wanted, context),
        Command::Backup(wanted) => backup::run(wanted, context),
        Command::Restore(wanted) => restore::run(wanted, context),
        Command::Risk(wanted) => risk::run(wanted, context),
        Command::Import(wanted) => import::run(wanted, context),
        Command::Export(wanted) => export::run(wanted, context),
        Command::Reconcile(wanted) => reconcile::run(wanted, context),
        Command::Why(wanted) => why::run(wanted, context),
        Command::Compare(wanted) => compare::run(wanted, context),
        Command::Replay(wanted) => replay::run(wanted, context),
        Command::Inspect(wanted) => inspect::run(wanted, context),
        Command::Tax(wanted) => tax::run(wanted, context),
        Command::Window(wanted) => window::run(wanted, context),
        Command::Metrics(wanted) => metrics::run(wanted, context),
        Command::Demo(wanted) => demo::run(wanted, context),
        _ => Ok(Verdict::Fine),
    }
}
