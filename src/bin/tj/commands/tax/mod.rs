//! `tj tax`: lots, gains and losses for the tax of a year.
//!
//! Always true: a flag comes before `[tax]` of `tj.toml`, and what neither says is the library's default.
//!
//! Not here: the rules of the law, which the library has.

mod check;
mod executions;
mod lots;
mod report;
mod rules;
mod source;

use super::Context;
use crate::args::{Tax, TaxWhat};
use crate::failure::Verdict;

pub(crate) fn run(args: &Tax, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    match &args.what {
        TaxWhat::Lots(wanted) => lots::run(wanted, context),
        TaxWhat::Check(wanted) => check::run(wanted, context),
    }
}
