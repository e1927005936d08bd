//! What the journal bought and sold, with the lots that were there before it.
//!
//! Always true: a file of lots with a wrong row is refused as a whole, with every wrong cell named.

use std::path::Path;

use anyhow::Context as _;
use tradejournal::books::Zone;
use tradejournal::books::tax::{Method, Options};
use tradejournal::desk::tax::source::{
    Kind, OpeningLot, OpeningLots, Source, SourceError, SourceOptions,
};
use tradejournal::journal::Journal;

use crate::args::{TaxKind, TaxSource};
use crate::commands::Context;
use crate::complaint::unread;
use crate::failure::Failure;
use crate::output::printable;
use crate::rows;

/// How many wrong rows are named.
const ROWS_NAMED_MAX: usize = 20;

/// Reads it. What cannot be read is told, and counted in it.
pub(super) fn read(
    args: &TaxSource,
    journal: &Journal,
    rules: &Options,
    context: &Context<'_>,
) -> anyhow::Result<Source> {
    let options = SourceOptions {
        kind: args.from.map(|it| match it {
            TaxKind::Trades => Kind::Trades,
            TaxKind::Fills => Kind::Fills,
        }),
        mode: args.mode,
        classes: context.settings.tax.classes.clone(),
        exits_name_lots: rules.method == Method::Specid,
    };
    let opening = match &args.opening_lots {
        Some(path) => opening(path, &rules.zone, context)?,
        None => Vec::new(),
    };
    let source = Source::read(journal, &options, |error| unread(context.talk, error));
    let source = source.and_then(|mut source| source.open_with(opening).map(|()| source));
    source.map_err(|error| {
        let hint = match &error {
            SourceError::BothKinds { .. } => {
                "say which counts: --from trades or --from fills"
            }
            SourceError::FillsDiffer { .. } => {
                "one of them is wrong, and only you know which: `tj tax lots` takes the right trades from a file"
            }
            SourceError::OpeningTwice { .. } => {
                "name only lots that the journal did not buy; it needs none of those that it did"
            }
            _ => "`tj tax lots` takes trades from a file",
        };
        Failure::new(error.to_string()).hint(hint).into()
    })
}

/// The lots of a CSV.
fn opening(path: &Path, zone: &Zone, context: &Context<'_>) -> anyhow::Result<Vec<OpeningLot>> {
    let cannot = || format!("cannot read the opening lots in {}", path.display());
    let mut rows = rows::read(path).with_context(cannot)?;
    if rows.is_empty() {
        return Err(Failure::new(cannot()).because("it is empty").into());
    }
    let header = rows.remove(0).cells;
    let lots = OpeningLots {
        zone,
        classes: &context.settings.tax.classes,
    };
    lots.read(&header, &rows).map_err(|errors| {
        let file = path.display();
        for error in errors.iter().take(ROWS_NAMED_MAX) {
            context.talk.error(&printable(&format!("{file}:{error}")));
        }
        let message = match errors.len() {
            1 => format!("{file}: 1 cell is wrong, so nothing was counted"),
            count => format!("{file}: {count} cells are wrong, so nothing was counted"),
        };
        Failure::new(message).into()
    })
}
