//! `tj inspect calls`: what a recording holds.
//!
//! Always true: what was lost comes first.
//!
//! Not here: counting, which is the library's.

use tradejournal::desk::calls::Inspection;
use tradejournal::time::{Clock as _, SystemClock};

use super::Context;
use crate::args::{Inspect, InspectCalls, InspectWhat};
use crate::calls_view;
use crate::complaint::unread;
use crate::failure::Verdict;
use crate::journal;
use crate::nearest::nearest;
use crate::output::printable;
use crate::when;

pub(crate) fn run(args: &Inspect, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    match &args.what {
        InspectWhat::Calls(args) => calls(args, context),
    }
}

fn calls(args: &InspectCalls, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let zone = context.settings.zone.value;
    let (from, to) = when::between(&args.days, zone, SystemClock.now())?;
    let journal = journal::for_reading(&context.settings)?;
    let talk = context.talk;
    let method = args.method.as_deref();
    let found = Inspection::read(&journal, from, to, method, |error| unread(talk, error));
    if found.calls == 0 && found.gaps.is_empty() && !context.settings.json {
        talk.note("no calls");
        if let Some(method) = method {
            let all = Inspection::read(&journal, from, to, None, |_| ());
            let known = all.methods.iter().map(|it| it.method.as_str());
            if let Some(near) = nearest(method, known) {
                talk.hint(&printable(&format!("did you mean `{near}`?")));
            }
        }
        return Ok(Verdict::Found);
    }
    calls_view::show_inspection(&found, context)?;
    let is_fine = found.gaps.is_empty() && found.unread.is_nothing() && found.calls != 0;
    Ok(Verdict::found(!is_fine))
}
