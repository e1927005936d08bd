//! `tj tail`: the last records, and with `-f` those that come.
//!
//! Always true:
//! - With `--json` the lines are those of the file, to the byte.
//! - A line that cannot be read is named on standard error and does not end the reading.
//! - It needs nobody's leave: a bot may be writing.

use tradejournal::journal::{Line, ReadError};
use tradejournal::record::Stream;

use super::Context;
use crate::args::Tail;
use crate::failure::Verdict;
use crate::journal;
use crate::output::printable;
use crate::record_view::{self, View};
use crate::table::Table;

pub(crate) fn run(args: &Tail, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let journal = journal::for_reading(&context.settings)?;
    let mut shown = Shown::new(args.stream, context);
    let last = u64::try_from(args.lines).unwrap_or(u64::MAX);
    for line in journal.lines(args.stream).last(last) {
        shown.item(line)?;
    }
    shown.flush()?;
    if !shown.has_shown && !shown.has_bad && !args.follow {
        context.talk.note(&format!("no records in {}", args.stream));
        return Ok(Verdict::Found);
    }
    Ok(Verdict::found(shown.has_bad))
}

/// Lines as they are shown: raw, or in a table whose columns are set with the first ones.
pub(super) struct Shown<'a, 'c> {
    stream: Stream,
    table: Table,
    context: &'a mut Context<'c>,
    pub(super) has_shown: bool,
    pub(super) has_bad: bool,
}

/// How many rows the widths of the columns are taken from.
const ROWS_MAX: usize = 1000;

impl<'a, 'c> Shown<'a, 'c> {
    pub(super) fn new(stream: Stream, context: &'a mut Context<'c>) -> Shown<'a, 'c> {
        Shown {
            stream,
            table: record_view::table(stream),
            context,
            has_shown: false,
            has_bad: false,
        }
    }

    pub(super) fn item(&mut self, item: Result<Line, ReadError>) -> anyhow::Result<()> {
        match item {
            Ok(line) => self.line(line.bytes()),
            Err(error) => {
                self.bad(error);
                Ok(())
            }
        }
    }

    pub(super) fn line(&mut self, line: &[u8]) -> anyhow::Result<()> {
        self.has_shown = true;
        if self.context.settings.json {
            return self.context.out.bytes(line);
        }
        let Some(view) = View::of(line) else {
            return Ok(());
        };
        let zone = self.context.settings.zone.value;
        self.table.push(view.row(self.stream, zone));
        if ROWS_MAX <= self.table.len() {
            self.table.print(self.context.out)?;
        }
        Ok(())
    }

    pub(super) fn bad(&mut self, error: ReadError) {
        self.has_bad = true;
        let error = anyhow::Error::new(error);
        self.context.talk.error(&printable(&format!("{error:#}")));
    }

    /// Prints what waits, so that it can be seen.
    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        if self.table.len() != 0 {
            self.table.print(self.context.out)?;
        }
        self.context.out.flush()
    }
}
