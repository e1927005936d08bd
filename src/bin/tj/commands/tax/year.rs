//! A year's trades, and the book that the rules make of them.
//!
//! Always true: there is no book of a year that something stands in the way of; what it is was told.

use tradejournal::books::tax::{Book, Engine, Options};
use tradejournal::desk::tax::source::{Asked, Severity, Source, check, within_year};
use tradejournal::desk::tax::{Boxes, Filing, Request};
use tradejournal::time::Day;

use super::{rules, source};
use crate::args::{TaxRules, TaxSource};
use crate::commands::Context;
use crate::failure::Failure;
use crate::journal;
use crate::output::printable;
use crate::when;

/// All that a filing of a year stands on.
pub(super) struct Year {
    pub(super) year: i32,
    pub(super) today: Day,
    pub(super) options: Options,
    pub(super) source: Source,
    pub(super) boxes: Boxes,
    book: Book,
}

impl Year {
    /// That of the journal.
    pub(super) fn read(
        year: i32,
        (from, flags, boxes): (&TaxSource, &TaxRules, &[String]),
        context: &Context<'_>,
    ) -> anyhow::Result<Year> {
        let settings = &context.settings.tax;
        let rules = Options {
            zone: when::books_zone(rules::zone(flags, settings)?),
            ..rules::options(flags, settings)
        };
        let boxes = boxes_of(year, boxes, context)?;
        let journal = journal::for_reading(&context.settings)?;
        let source = source::read(from, &journal, &rules, context)?;
        let today = rules.zone.day(journal.clock().now());
        let asked = Asked {
            year,
            mode: from.mode,
            today,
            accepts_unread: from.damaged,
        };
        let mut stops = 0;
        for finding in check(&source, &rules, asked) {
            match finding.severity {
                Severity::Stops => {
                    stops += 1;
                    context.talk.error(&printable(&finding.message));
                    if !finding.remedy.is_empty() {
                        context.talk.hint(&printable(&finding.remedy));
                    }
                }
                Severity::Review => context.talk.warning(&printable(&finding.message)),
                Severity::Note => {}
            }
        }
        if stops != 0 {
            return Err(Failure::new(format!("cannot make the report of {year}"))
                .hint("`tj tax check` tells all that must be known")
                .into());
        }
        let options = within_year(rules, year);
        let book = Engine::new(options.clone()).run(&source.executions)?;
        Ok(Year {
            year,
            today,
            options,
            source,
            boxes,
            book,
        })
    }

    /// Its rows.
    pub(super) fn filing(&self, whole_dollars: bool) -> anyhow::Result<Filing<'_>> {
        Ok(Filing::new(Request {
            year: self.year,
            options: &self.options,
            book: &self.book,
            executions: &self.source.executions,
            origins: &self.source.origins,
            boxes: &self.boxes,
            today: Some(self.today),
            // A journal without later trades is one of somebody who made none.
            data_through: None,
            whole_dollars,
        })?)
    }
}

/// Those of the flags, else those of the settings.
fn boxes_of(year: i32, flags: &[String], context: &Context<'_>) -> anyhow::Result<Boxes> {
    let settings = context.settings.tax.boxes.iter();
    let settings: Vec<String> = settings
        .map(|(account, it)| format!("{account}={it}"))
        .collect();
    let (named, given) = match flags.is_empty() {
        true => ("boxes in [tax] of tj.toml", &*settings),
        false => ("--box", flags),
    };
    Boxes::parse(year, given).map_err(|error| {
        Failure::usage(format!("{named}: {error}"))
            .hint("an account with its boxes for short and long terms, such as main=A/D")
            .into()
    })
}
