//! `tj repair`: what is safe at once, and damage when somebody accepts it.
//!
//! Always true: damage is explained before anything is recorded; without `--accept` a damaged
//! stream is left as it is.

use std::path::PathBuf;

use anyhow::Context as _;
use serde::Serialize;
use tradejournal::journal::{DamagedPlace, Repaired};

use super::Context;
use crate::args::Repair;
use crate::failure::Verdict;
use crate::journal;
use crate::output::{Out, printable};

/// What is recorded when no reason is given.
const REASON: &str = "accepted with tj repair --accept";

pub(crate) fn run(args: &Repair, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let journal = journal::for_reading(&context.settings)?;
    let stream = args.stream;
    let reason = args.reason.as_deref().unwrap_or(REASON);
    let repaired = journal
        .repair(stream, args.accept.then_some(reason))
        .with_context(|| format!("cannot repair {stream}"))?;
    match context.settings.json {
        true => context.out.json(&Report::of(&repaired))?,
        false => tell(&repaired, context.out)?,
    }
    let is_open = !repaired.places.is_empty() && !repaired.accepted;
    context.out.flush()?;
    if is_open {
        context.talk.hint(&format!(
            "restore the day from a backup, or record the damage and go on: tj repair {stream} --accept"
        ));
    }
    Ok(Verdict::found(is_open))
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    stream: &'static str,
    places: Vec<Place>,
    accepted: bool,
    torn: Vec<PathBuf>,
}

/// A damaged place.
#[derive(Serialize)]
struct Place {
    file: PathBuf,
    line: u64,
    byte: u64,
    bytes: u64,
    seq: u64,
    next_seq: u64,
    why: String,
}

impl Report {
    fn of(repaired: &Repaired) -> Report {
        let places = repaired.places.iter().map(|it| Place {
            file: it.path.clone(),
            line: it.line,
            byte: it.byte,
            bytes: it.bytes,
            seq: it.seq,
            next_seq: it.next_seq,
            why: it.why.to_string(),
        });
        Report {
            stream: repaired.stream.name(),
            places: places.collect(),
            accepted: repaired.accepted,
            torn: repaired.torn.clone(),
        }
    }
}

fn tell(repaired: &Repaired, out: &mut Out) -> anyhow::Result<()> {
    for place in &repaired.places {
        out.line(printable(&explained(place)))?;
    }
    for torn in &repaired.torn {
        let text = format!(
            "a torn tail, promised to nobody, is kept in {}",
            torn.display()
        );
        out.line(printable(&text))?;
    }
    let stream = repaired.stream;
    match (repaired.places.len(), repaired.accepted) {
        (0, _) if repaired.torn.is_empty() => out.line(format!("{stream}: nothing to repair")),
        (0, _) => out.line(format!("{stream}: repaired")),
        (_, true) => out.line(format!(
            "{stream}: recorded in audit, and the journal goes on"
        )),
        (_, false) => out.line(format!("{stream}: damaged, nothing was changed")),
    }
}

fn explained(place: &DamagedPlace) -> String {
    let DamagedPlace {
        path,
        line,
        byte,
        bytes,
        seq,
        next_seq,
        why,
        ..
    } = place;
    let lost = match next_seq.saturating_sub(*seq) {
        0 => "no line is lost".to_owned(),
        1 => format!("line {seq} of the stream is lost"),
        _ => format!("lines {seq} to {} of the stream are lost", next_seq - 1),
    };
    let what = match bytes {
        0 => "cut off".to_owned(),
        1 => "1 byte is damaged".to_owned(),
        _ => format!("{bytes} bytes are damaged"),
    };
    format!(
        "{}:{line} (byte {byte}): {what}: {why}; {lost}",
        path.display()
    )
}
