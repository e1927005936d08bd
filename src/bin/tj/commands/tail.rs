//! `tj tail`: the last records, and with `-f` those that come.
//!
//! Always true:
//! - With `--json` the lines are those of the file, to the byte.
//! - A line that cannot be read is named on standard error and does not end the reading.
//! - It needs nobody's leave: a bot may be writing.

use std::{thread, time::Duration};

use tradejournal::journal::{Follower, Line, ReadError};
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
    let lines = journal.lines(args.stream).last(last);
    if args.follow {
        return follow(lines.follow(), shown);
    }
    for line in lines {
        shown.item(line)?;
    }
    shown.flush()?;
    if !shown.has_shown && !shown.has_bad {
        context.talk.note(&format!("no records in {}", args.stream));
        return Ok(Verdict::Found);
    }
    Ok(Verdict::found(shown.has_bad))
}

/// Shows what comes until nobody reads any more.
fn follow(mut lines: Follower, mut shown: Shown<'_, '_>) -> anyhow::Result<Verdict> {
    loop {
        while let Some(line) = lines.next_now() {
            shown.item(line)?;
        }
        shown.flush()?;
        thread::sleep(PAUSE);
    }
}

/// Lines as they are shown: raw, or in a table whose columns are set with the first ones.
pub(super) struct Shown<'a, 'c> {
    stream: Stream,
    table: Table,
    context: &'a mut Context<'c>,
    has_shown: bool,
    has_bad: bool,
}

/// How often a stream that is followed is looked at.
const PAUSE: Duration = Duration::from_millis(200);
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

    fn item(&mut self, item: Result<Line, ReadError>) -> anyhow::Result<()> {
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

    fn bad(&mut self, error: ReadError) {
        // Lines that nobody was promised may go; who saw them has to know.
        let is_notice = matches!(error, ReadError::TakenBack { .. });
        let text = format!("{:#}", anyhow::Error::new(error));
        if is_notice {
            self.context.talk.warning(&printable(&text));
        } else {
            self.has_bad = true;
            self.context.talk.error(&printable(&text));
        }
    }

    /// Prints what waits, so that it can be seen.
    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        if self.table.len() != 0 {
            self.table.print(self.context.out)?;
        }
        self.context.out.flush()
    }
}
