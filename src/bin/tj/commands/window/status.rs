//! `tj window status`: how a window stands.

use super::place::{self, Standing};
use crate::args::WindowStatus;
use crate::commands::Context;
use crate::failure::Verdict;
use crate::output::printable;
use crate::size::size;
use crate::words::counted;

pub(crate) fn run(args: &WindowStatus, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let standing = place::standing_at(&args.place, &context.settings)?;
    match context.settings.json {
        true => context.out.json(&standing)?,
        false => show(&standing, context)?,
    }
    Ok(Verdict::found(standing.is_bad()))
}

fn show(standing: &Standing, context: &mut Context<'_>) -> anyhow::Result<()> {
    let collector = if standing.running {
        "a collector has it now"
    } else {
        "no collector runs"
    };
    context
        .out
        .line(format!("{}: {collector}", printable(&standing.storage)))?;
    context.out.line(format!(
        "  {}, {} in the window, {} in files, {} archived",
        counted(standing.symbols, "symbol", "symbols"),
        counted(standing.window_minutes, "minute", "minutes"),
        standing.stored_minutes,
        counted(standing.archived_days, "day", "days"),
    ))?;
    if let (Some(first), Some(last)) = (&standing.first, &standing.last) {
        context.out.line(format!("  from {first} to {last}"))?;
    }
    if let Some(free) = standing.free_bytes {
        context.out.line(format!("  {} free", size(free)))?;
    }
    let Some(told) = &standing.told else {
        return Ok(());
    };
    let counts = &told.counts;
    context
        .out
        .line(format!("  at {} the collector had:", told.at))?;
    let resident = if counts.resident_up {
        "answers"
    } else {
        "does not answer"
    };
    for line in [
        format!(
            "{} trades taken, {} known already, {} late, {} refused",
            counts.trades, counts.duplicates, counts.late, counts.refused
        ),
        format!(
            "{} files written, {} of them in the last hour, {} failures",
            counts.files_written, counts.files_last_hour, counts.file_failures
        ),
        format!(
            "{} minutes open, {} due, the newest trade {} ms old",
            counts.open_minutes, counts.minutes_due, counts.lag_millis
        ),
        format!(
            "intake {}, the copy {} of {} minutes, which {resident}",
            size(counts.intake_bytes),
            size(counts.resident_bytes),
            counts.resident_minutes
        ),
    ] {
        context.out.line(format!("    {line}"))?;
    }
    for wrong in &told.wrong {
        context.out.line(format!("    {}", printable(wrong)))?;
    }
    Ok(())
}
