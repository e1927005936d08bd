//! `tj retention`: days whose time is over are deleted from the archive.
//!
//! Always true: nothing is deleted unless somebody said so, here or in `tj.toml`.

use tradejournal::keep::Keeper;

use super::Context;
use crate::args::{Retention, RetentionWhat};
use crate::failure::{Failure, Verdict};
use crate::{journal, keeping};

pub(crate) fn run(args: &Retention, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let journal = journal::for_checking(&context.settings)?;
    let policies = context.settings.keep.policies.clone();
    let is_yes = match args.what {
        RetentionWhat::Plan { stream } => {
            let plan = Keeper::new(&journal, policies).retention_plan(stream)?;
            keeping::show(&plan, context)?;
            return Ok(Verdict::Fine);
        }
        RetentionWhat::Apply { yes, .. } => yes,
    };
    let RetentionWhat::Apply { stream, .. } = args.what else {
        return Ok(Verdict::Fine);
    };
    if !is_yes && !context.settings.keep.apply {
        return Err(Failure::usage("deleting takes --yes")
            .hint("`tj retention plan` shows what would go; `apply = true` in [retention] of tj.toml says yes for good")
            .into());
    }
    let lock = keeping::lock(&journal)?;
    let keeper = Keeper::new(&journal, policies);
    let plan = keeper.retention_plan(stream)?;
    keeping::apply(&keeper, &lock, &plan, context)
}
