//! `tj tax lots`: the books over trades of a file, without a journal.
//!
//! Always true:
//! - With `--json` one object is printed, that of the books or that of the error.
//! - A trade that is refused is named by its line, and nothing of the others is told.
//!
//! Not here: how lines are read (`executions`), and how rows are printed (`report`).

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _};
use std::path::Path;

use serde::Serialize;
use tradejournal::books::tax::{Engine, Execution, Options, TaxError};
use tradejournal::desk::tax::source::within_year;
use tradejournal::record::field::AssetClass;

use super::executions::{self, BadLine, Unsaid};
use super::report::{self, Found};
use super::rules;
use crate::args::TaxLots;
use crate::commands::Context;
use crate::failure::{Failure, Verdict};
use crate::nearest::nearest;
use crate::output::printable;
use crate::when;

const FIELDS: [&str; 13] = [
    "id",
    "timestamp",
    "action",
    "symbol",
    "quantity",
    "price",
    "commission",
    "account_id",
    "order_id",
    "fee_asset",
    "fee_value",
    "asset_class",
    "lots",
];

pub(super) fn run(args: &TaxLots, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let tax = &context.settings.tax;
    let zone = rules::zone(&args.rules, tax)?;
    let rules = rules::options(&args.rules, tax);
    let text = input(args.file.as_deref(), context)?;
    let unsaid = Unsaid {
        classes: &tax.classes,
        class: args.asset_class.unwrap_or(AssetClass::Equity),
    };
    let read = match executions::read(&text, unsaid) {
        Ok(read) => read,
        Err(bad) => return refuse(&Refusal::of_line(bad), context),
    };
    for name in &read.unknown {
        let near =
            nearest(name, FIELDS).map_or(String::new(), |it| format!("; did you mean `{it}`?"));
        let text = format!("a trade has no field `{name}`, it is passed over{near}");
        context.talk.warning(&printable(&text));
    }
    let executions = read.executions;
    let times = || executions.iter().map(|it| it.at);
    let days = match (times().min(), times().max()) {
        (Some(first), Some(last)) => when::books_zone_between(zone, first, last),
        _ => when::books_zone(zone),
    };
    let rules = Options {
        zone: days,
        ..rules
    };
    let rules = match args.year {
        Some(year) => within_year(rules, year),
        None => rules,
    };
    let book = match Engine::new(rules).run(&executions) {
        Ok(book) => book,
        Err(TaxError::Options(problem)) => return Err(options(&problem).into()),
        Err(error @ TaxError::Unbalanced(_)) => return Err(error.into()),
        Err(error) => return refuse(&Refusal::of_trade(&error, &text, &executions), context),
    };
    let found = Found::of(&book, &executions, args.year);
    match context.settings.json {
        true => report::json(&found, context.out)?,
        false => report::table(&found, context.out)?,
    }
    Ok(Verdict::Fine)
}

fn options(problem: &str) -> Failure {
    Failure::usage(problem)
        .hint("--wash-sale off switches wash sales off, --force-average averages other classes")
}

fn input(file: Option<&Path>, context: &Context<'_>) -> anyhow::Result<Vec<u8>> {
    let mut text = Vec::new();
    match file.filter(|it| it.as_os_str() != "-") {
        Some(path) => {
            let refusal = |error: io::Error| {
                Failure::new(format!("cannot read {}", path.display())).because(error)
            };
            let mut file = File::open(path).map_err(refusal)?;
            // Room for all of it at once, which `read_to_end` asks the file for.
            file.read_to_end(&mut text).map_err(refusal)?;
        }
        None => {
            if io::stdin().is_terminal() {
                context
                    .talk
                    .note("one trade in JSON a line; end with Ctrl-D");
            }
            let refusal = |error| Failure::new("cannot read standard input").because(error);
            io::stdin().lock().read_to_end(&mut text).map_err(refusal)?;
        }
    }
    Ok(text)
}

/// Why there are no books.
#[derive(Serialize)]
struct Refusal {
    code: &'static str,
    symbol: Option<String>,
    trade_id: Option<String>,
    missing_quantity: Option<String>,
    message: String,
}

impl Refusal {
    fn of_line(bad: BadLine) -> Refusal {
        Refusal {
            code: "invalid_trade",
            symbol: bad.symbol,
            trade_id: bad.trade_id,
            missing_quantity: None,
            message: format!("line {}: {}", bad.line, bad.problem),
        }
    }

    fn of_trade(error: &TaxError, text: &[u8], executions: &[Execution<'_>]) -> Refusal {
        let (code, symbol, trade_id, missing) = match error {
            TaxError::InsufficientLots {
                symbol,
                trade_id,
                missing,
                ..
            } => (
                "insufficient_lots",
                Some(symbol),
                Some(trade_id),
                Some(missing),
            ),
            TaxError::InvalidTrade {
                symbol, trade_id, ..
            } => ("invalid_trade", Some(symbol), Some(trade_id), None),
            _ => ("invalid_trade", None, None, None),
        };
        // Of two trades with one id the later one is refused.
        let index = trade_id.and_then(|id| executions.iter().rposition(|it| it.id == id.as_str()));
        let line = index.and_then(|it| executions::line_of(text, it));
        Refusal {
            code,
            symbol: symbol.cloned(),
            trade_id: trade_id.cloned(),
            missing_quantity: missing.map(ToString::to_string),
            message: match line {
                Some(line) => format!("line {line}: {error}"),
                None => error.to_string(),
            },
        }
    }
}

#[derive(Serialize)]
struct Refused<'a> {
    error: &'a Refusal,
}

fn refuse(refusal: &Refusal, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    if context.settings.json {
        context.out.json(&Refused { error: refusal })?;
        return Ok(Verdict::Found);
    }
    context.talk.error(&printable(&refusal.message));
    if refusal.code == "insufficient_lots" {
        context.talk.hint(
            "what was sold must have been bought, in the same account unless --lot-scope global: add the purchase",
        );
    }
    Ok(Verdict::Found)
}
