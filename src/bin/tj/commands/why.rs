//! `tj why ORDER_ID`: the decision behind an order, and what came of it.
//!
//! Not here: finding it; the library does.

use std::collections::BTreeSet;

use tradejournal::desk::why::Why as Found;
use tradejournal::journal::Journal;
use tradejournal::record::{FillRecord, Stream, TradeRecord};

use super::Context;
use crate::args::Why;
use crate::complaint::unread;
use crate::failure::Verdict;
use crate::journal;
use crate::nearest::nearest;
use crate::output::printable;
use crate::why_view;

/// From how many of the last lines of a stream the nearest id is taken.
const LAST_LINES: u64 = 10_000;

pub(crate) fn run(args: &Why, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let journal = journal::for_reading(&context.settings)?;
    let talk = context.talk;
    let found = Found::find(&journal, &args.order_id, args.window, |error| {
        unread(talk, error)
    });
    if context.settings.json {
        why_view::show_json(&found, args, context.out)?;
    } else if found.is_known() {
        why_view::show(&found, context.settings.zone.value, context.out)?;
    }
    if !found.is_known() {
        let streams: Vec<&str> = Found::STREAMS.iter().copied().map(Stream::name).collect();
        let text = format!(
            "no line names order {}: looked in {}",
            args.order_id,
            streams.join(", ")
        );
        talk.note(&printable(&text));
        let known = known_ids(&journal);
        if let Some(near) = nearest(&args.order_id, known.iter().map(String::as_str)) {
            talk.hint(&printable(&format!("did you mean `{near}`?")));
        }
    }
    let is_fine = found.is_known() && found.unread.is_nothing();
    Ok(Verdict::found(!is_fine))
}

/// The ids in the last fills and trades.
fn known_ids(journal: &Journal) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    // What cannot be read was named before.
    for entry in journal
        .read::<FillRecord>()
        .last(LAST_LINES)
        .into_iter()
        .flatten()
    {
        ids.insert(entry.record.order_id().as_str().to_owned());
        ids.extend(
            entry
                .record
                .client_order_id()
                .map(|it| it.as_str().to_owned()),
        );
    }
    for entry in journal
        .read::<TradeRecord>()
        .last(LAST_LINES)
        .into_iter()
        .flatten()
    {
        ids.insert(entry.record.order_id().as_str().to_owned());
    }
    ids
}
