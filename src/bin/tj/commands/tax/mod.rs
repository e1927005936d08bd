//! `tj tax`: lots, gains and losses for the tax of a year.
//!
//! Always true: a flag comes before `[tax]` of `tj.toml`, and what neither says is the library's default.
//!
//! Not here: the rules of the law, which the library has.

mod check;
mod executions;
mod explain;
mod file;
mod lots;
mod reconcile;
mod report;
mod rules;
mod source;
mod year;

use super::Context;
use crate::args::{Tax, TaxWhat};
use crate::failure::Verdict;

pub(crate) fn run(args: &Tax, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    match &args.what {
        None => file::run(&args.file, context),
        Some(TaxWhat::Check(wanted)) => check::run(wanted, context),
        Some(TaxWhat::Explain(wanted)) => explain::run(wanted, context),
        Some(TaxWhat::Lots(wanted)) => lots::run(wanted, context),
        Some(TaxWhat::Reconcile(wanted)) => reconcile::run(wanted, context),
    }
}
