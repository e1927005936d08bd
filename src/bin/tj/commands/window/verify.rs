//! The files of minutes and their archive, as `tj verify` looks at them.
//!
//! Always true: every file is read, and every archived day is held against its seal.

use std::path::Path;

use serde::Serialize;
use tradejournal::disk::{Disk, RealDisk};

use super::place;
use crate::args::WindowPlace;
use crate::commands::Context;
use crate::output::printable;
use crate::words::counted;

/// What `--json` prints for each thing that was found.
#[derive(Serialize)]
struct Found<'a> {
    finding: &'static str,
    symbol: &'a str,
    message: String,
}

/// What `--json` prints at the end.
#[derive(Serialize)]
struct Covered {
    verified: &'static str,
    files: u64,
    days: u64,
    minutes: u64,
    problems: u64,
}

/// Looks at all minutes, if there are any, and says how many problems there are.
pub(crate) fn verify(context: &mut Context<'_>) -> anyhow::Result<u64> {
    let place = WindowPlace {
        storage: None,
        symbol: None,
    };
    let storage = place::storage(&place, &context.settings);
    let is_there = |path: &Path| RealDisk.look(path).ok().flatten().is_some();
    let has_archive = is_there(&context.settings.archive.value.join("window"));
    if !is_there(&storage.join(".window")) && !has_archive {
        return Ok(0);
    }
    let checked = place::reader_of(&place, &context.settings)?
        .check()
        .map_err(place::refusal)?;
    let problems = checked.complaints.len() as u64;
    let json = context.settings.json;
    for complaint in checked.complaints {
        let message = format!("{:#}", anyhow::Error::new(complaint.error));
        let symbol = complaint.symbol.as_str();
        match json {
            true => context.out.json(&Found {
                finding: "minute",
                symbol,
                message,
            })?,
            false => context
                .out
                .line(printable(&format!("{symbol}: {message}")))?,
        }
    }
    let (files, days, minutes) = (checked.files, checked.days, checked.minutes);
    if json {
        context.out.json(&Covered {
            verified: "minutes",
            files,
            days,
            minutes,
            problems,
        })?;
    } else {
        let text = format!(
            "minutes of public trades: {}, {} archived, {}: {}",
            counted(files, "file", "files"),
            counted(days, "day", "days"),
            counted(minutes, "minute", "minutes"),
            counted(problems, "problem", "problems"),
        );
        context.out.line(text)?;
    }
    Ok(problems)
}
