//! `tj hold`: days that must not be deleted, whatever the rules say.
//!
//! Always true: a hold is on disk, in `audit`, before the command says so; and nothing is being deleted then.

use serde::Serialize;
use tradejournal::keep::{Hold, HoldError, Holds};
use tradejournal::time::Day;

use super::Context;
use crate::args::{Hold as Args, HoldWhat};
use crate::failure::{Failure, Verdict};
use crate::reason::reason;
use crate::table::{Column, Table};
use crate::{journal, keeping, when};

pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let journal = journal::for_checking(&context.settings)?;
    match &args.what {
        HoldWhat::List => return list(&Holds::of(&journal), context),
        HoldWhat::Add {
            stream,
            from,
            to,
            why,
        } => {
            let why = reason(why, &context.settings)?;
            let days = (day("--from", from)?, day("--to", to)?);
            let lock = keeping::lock(&journal)?;
            let added = Holds::of(&journal).add(&lock, &journal, *stream, days, why);
            let hold = added.map_err(|error| refusal(error, "cannot add the hold"))?;
            tell(&hold, true, context)?;
        }
        HoldWhat::Lift { number, why } => {
            let why = reason(why, &context.settings)?;
            let lock = keeping::lock(&journal)?;
            let lifted = Holds::of(&journal).lift(&lock, &journal, *number, why);
            let hold = lifted.map_err(|error| refusal(error, "cannot lift the hold"))?;
            tell(&hold, false, context)?;
        }
    }
    Ok(Verdict::Fine)
}

fn refusal(error: HoldError, doing: &str) -> Failure {
    match error {
        HoldError::None(_) | HoldError::Invalid(_) => Failure::usage(doing)
            .hint("`tj hold list` shows them")
            .because(error),
        _ => Failure::new(doing).because(error),
    }
}

fn day(flag: &str, text: &Option<String>) -> anyhow::Result<Option<Day>> {
    let parsed = text.as_ref().map(|it| it.parse::<Day>());
    let parsed = parsed.transpose();
    parsed
        .map_err(|error| Failure::usage(format!("{flag} is no day")).because(error))
        .map_err(Into::into)
}

/// What `--json` prints of a hold.
#[derive(Serialize)]
struct Row<'a> {
    hold: u64,
    stream: Option<&'static str>,
    first_day: Option<String>,
    last_day: Option<String>,
    why: &'a str,
    since: String,
    holds: bool,
}

impl<'a> Row<'a> {
    fn of(hold: &'a Hold, holds: bool) -> Row<'a> {
        Row {
            hold: hold.number,
            stream: hold.stream.map(|it| it.name()),
            first_day: hold.first.map(|it| it.to_string()),
            last_day: hold.last.map(|it| it.to_string()),
            why: &hold.reason,
            since: hold.since.to_string(),
            holds,
        }
    }
}

fn tell(hold: &Hold, holds: bool, context: &mut Context<'_>) -> anyhow::Result<()> {
    if context.settings.json {
        return context.out.json(&Row::of(hold, holds));
    }
    let what = hold.stream.map_or("all streams", |it| it.name());
    let days = match (hold.first, hold.last) {
        (Some(first), Some(last)) => format!("from {first} to {last}"),
        (Some(first), None) => format!("from {first} on"),
        (None, Some(last)) => format!("up to {last}"),
        (None, None) => "of every day".to_owned(),
    };
    let number = hold.number;
    context.out.line(match holds {
        true => format!("hold {number}: {what} {days}, and what is newer, is not deleted"),
        false => format!("hold {number} is lifted: {what} {days} goes when its time has come"),
    })
}

fn list(holds: &Holds, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let zone = context.settings.zone.value;
    let mut table = Table::new(vec![
        Column::right("hold"),
        Column::left("stream"),
        Column::left("from"),
        Column::left("to"),
        Column::left("since"),
        Column::text("why"),
    ]);
    let text = |day: Option<Day>| day.map_or_else(|| "-".to_owned(), |it| it.to_string());
    for hold in holds.iter() {
        if context.settings.json {
            context.out.json(&Row::of(hold, true))?;
            continue;
        }
        table.push(vec![
            hold.number.to_string(),
            hold.stream.map_or("all", |it| it.name()).to_owned(),
            text(hold.first),
            text(hold.last),
            when::shown(hold.since, zone),
            hold.reason.clone(),
        ]);
    }
    let is_empty = holds.iter().next().is_none();
    if !context.settings.json {
        match is_empty {
            true => context.out.line("no hold")?,
            false => table.print(context.out)?,
        }
    }
    Ok(Verdict::Fine)
}
