//! `tj export`: records in another form.
//!
//! Not here: each kind of record, which has its own file.

mod calls;
mod records;

use tradejournal::record::{DecisionRecord, ErrorRecord, FillRecord};

use super::Context;
use crate::args::{Export, ExportWhat};
use crate::failure::Verdict;

pub(crate) fn run(args: &Export, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    match &args.what {
        ExportWhat::Fills(wanted) => records::run::<FillRecord>(wanted, context),
        ExportWhat::Decisions(wanted) => records::run::<DecisionRecord>(wanted, context),
        ExportWhat::Errors(wanted) => records::run::<ErrorRecord>(wanted, context),
        ExportWhat::Calls(wanted) => calls::run(wanted, context),
    }
}
