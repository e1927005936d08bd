//! `tj archive`: days that are old enough go into the archive, packed and read back.
//!
//! Not here: how, which is the library's, and deleting (`retention`).

use tradejournal::keep::Keeper;

use super::Context;
use crate::args::Archive;
use crate::failure::Verdict;
use crate::{journal, keeping};

pub(crate) fn run(args: &Archive, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let journal = journal::for_checking(&context.settings)?;
    let policies = context.settings.keep.policies.clone();
    if args.dry_run {
        let plan = Keeper::new(&journal, policies).archive_plan(args.stream)?;
        keeping::show(&plan, context)?;
        return Ok(Verdict::Fine);
    }
    // Order matters: what is planned before the lock may be done by another run meanwhile.
    let lock = keeping::lock(&journal)?;
    let keeper = Keeper::new(&journal, policies);
    let plan = keeper.archive_plan(args.stream)?;
    keeping::apply(&keeper, &lock, &plan, context)
}
