//! `tj window`: public trades, minute by minute.
//!
//! Not here: what a minute is and how it is kept; the library knows that.

mod flush;
mod load;
mod place;
mod run;
mod status;
mod verify;

use super::Context;
use crate::args::{Window, WindowWhat};
use crate::failure::Verdict;

pub(crate) use place::{Standing, standing};
pub(crate) use verify::verify;

pub(crate) fn run(args: &Window, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    match &args.what {
        WindowWhat::Run(args) => run::run(args, context),
        WindowWhat::Load(args) => load::run(args, context),
        WindowWhat::Status(args) => status::run(args, context),
        WindowWhat::Flush(args) => flush::run(args, context),
    }
}
