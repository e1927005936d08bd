//! `tj window flush`: what a collector that ended has left to do.

use serde::Serialize;

use super::place;
use crate::args::WindowFlush;
use crate::commands::Context;
use crate::failure::Verdict;

/// What `--json` prints.
#[derive(Serialize)]
struct Flushed {
    files_written: u64,
    window_minutes: u64,
    days_archived: u64,
    all_written: bool,
}

pub(crate) fn run(args: &WindowFlush, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    place::must_be_a_window(&args.kept.place, &context.settings)?;
    let window = place::open(&args.kept, &context.settings)?;
    let all_written = window.flush();
    window.archive_days();
    let counts = window.counts();
    // Whoever asks for the status later is told of it too.
    place::write_told(&window)?;
    let (is_closed, news) = window.close();
    let is_well = news.is_empty();
    place::tell(news, context.talk);
    let flushed = Flushed {
        files_written: counts.files_written,
        window_minutes: counts.window_minutes,
        days_archived: counts.days_archived,
        all_written: all_written && is_closed,
    };
    match context.settings.json {
        true => context.out.json(&flushed)?,
        false => context.out.line(format!(
            "{} files written, {} minutes in the window, {} days archived",
            flushed.files_written, flushed.window_minutes, flushed.days_archived
        ))?,
    }
    Ok(Verdict::found(!flushed.all_written || !is_well))
}
