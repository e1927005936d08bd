//! `tj tax check`: what stands in the way of a year's report.
//!
//! Always true: everything is told at once, the worst first.
//!
//! Not here: the findings, which are the library's.

use serde::Serialize;
use tradejournal::books::tax::Options;
use tradejournal::desk::tax::source::{Asked, Severity, check};

use super::{rules, source};
use crate::args::TaxCheck;
use crate::commands::Context;
use crate::failure::Verdict;
use crate::journal;
use crate::output::printable;
use crate::when;

pub(super) fn run(args: &TaxCheck, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let zone = rules::zone(&args.rules, &context.settings.tax)?;
    let rules = Options {
        zone: when::books_zone(zone),
        ..rules::options(&args.rules, &context.settings.tax)
    };
    let journal = journal::for_reading(&context.settings)?;
    let source = source::read(&args.source, &journal, &rules, context)?;
    let asked = Asked {
        year: args.year,
        mode: args.source.mode,
        today: rules.zone.day(journal.clock().now()),
        accepts_unread: args.source.damaged,
    };
    let findings = check(&source, &rules, asked);
    for finding in &findings {
        let severity = match finding.severity {
            Severity::Stops => "stops",
            Severity::Review => "review",
            Severity::Note => "note",
        };
        if context.settings.json {
            context.out.json(&Row {
                severity,
                code: finding.code,
                message: &finding.message,
                remedy: Some(&*finding.remedy).filter(|it| !it.is_empty()),
            })?;
            continue;
        }
        let line = format!("{}: {}", finding.severity, finding.message);
        context.out.line(printable(&line))?;
        if !finding.remedy.is_empty() {
            let line = format!("  {}", finding.remedy);
            context.out.line(printable(&line))?;
        }
    }
    let stops = findings
        .iter()
        .filter(|it| it.severity == Severity::Stops)
        .count();
    if !context.settings.json {
        let year = args.year;
        context.out.line(match stops {
            0 => format!("nothing stops the report of {year}"),
            1 => format!("1 finding stops the report of {year}"),
            _ => format!("{stops} findings stop the report of {year}"),
        })?;
    }
    Ok(Verdict::found(stops != 0))
}

/// A finding with `--json`.
#[derive(Serialize)]
struct Row<'a> {
    severity: &'a str,
    code: &'a str,
    message: &'a str,
    remedy: Option<&'a str>,
}
