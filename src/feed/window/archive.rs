//! Days of minutes in one gzip file each.
//!
//! Always true:
//! - The files of minutes go only when the day's gzip file was read back and has its seal.
//! - A run that was cut off is finished by the next one.
//! - A line of the day is the file of a minute, in the order of time.
//!
//! Not here: which days are old enough (`window` says which have left it).

use std::collections::BTreeMap;

use super::error::{WindowError, on};
use super::footprint::Footprint;
use super::layout;
use super::minute::Minute;
use super::store::{Store, checked};
use crate::keep::{PlainError, PlainFile};
use crate::record::field::Pair;
use crate::time::Day;

/// What was archived.
pub(super) struct Archived {
    pub(super) days: u64,
    /// Why a day was not, the first of them.
    pub(super) failed: Option<WindowError>,
}

/// Archives the days that ended at least `after` days before `before`, and of which nothing is still to come.
/// Says which.
pub(super) fn all(
    store: &Store,
    before: Day,
    after: u32,
    is_in_use: impl Fn(&Pair, Day) -> bool,
) -> Result<Archived, WindowError> {
    let mut days = 0;
    let mut failed = None;
    for symbol in store.symbols()? {
        let mut of_day: BTreeMap<Day, Vec<Minute>> = BTreeMap::new();
        for minute in store.stored(&symbol)? {
            of_day.entry(minute.day()).or_default().push(minute);
        }
        for (day, minutes) in of_day {
            if before <= day.plus_days(after) || is_in_use(&symbol, day) {
                continue;
            }
            match one(store, &symbol, day, &minutes) {
                Ok(()) => days += 1,
                // One day that cannot be archived keeps no other from it.
                Err(error) => {
                    failed.get_or_insert(error);
                }
            }
        }
    }
    Ok(Archived { days, failed })
}

/// The gzip file of a day.
pub(super) fn file(store: &Store, symbol: &Pair, day: Day) -> PlainFile {
    PlainFile::new(
        &store.layout.archive_of(symbol),
        &format!("{}.jsonl", layout::digits(day)),
    )
}

/// The minutes of an archived day, each as its line; `None` when the day is not archived.
pub(super) fn lines(
    store: &Store,
    symbol: &Pair,
    day: Day,
) -> Result<Option<BTreeMap<Minute, Vec<u8>>>, WindowError> {
    let file = file(store, symbol, day);
    let Some(plain) = file.read(&*store.disk).map_err(refused)? else {
        return Ok(None);
    };
    let mut lines = BTreeMap::new();
    let damaged = |why: String| WindowError::Damaged {
        path: file.packed(),
        why,
    };
    for line in plain.split(|it| *it == b'\n').filter(|it| !it.is_empty()) {
        let footprint = Footprint::parse(line).map_err(|it| damaged(format!("a line {it}")))?;
        let minute = footprint.minute();
        let is_next = lines.last_key_value().is_none_or(|(it, _)| *it < minute);
        if minute.day() != day || !is_next {
            return Err(damaged(format!("{minute} is not where it belongs")));
        }
        lines.insert(minute, line.to_vec());
    }
    Ok(Some(lines))
}

fn one(store: &Store, symbol: &Pair, day: Day, minutes: &[Minute]) -> Result<(), WindowError> {
    let mut all = lines(store, symbol, day)?.unwrap_or_default();
    let mut is_new = false;
    for minute in minutes {
        let path = store.layout.stored(symbol, *minute);
        let Some(json) = store.bytes(&path)? else {
            continue;
        };
        let footprint = checked(&json, *minute, &path)?;
        // As one line, however somebody else has written it.
        let line = footprint.to_json();
        match all.get(minute) {
            Some(there) if *there == line => {}
            // What the archive has is more only where somebody put a file back.
            Some(there) if !Footprint::parse(there).is_ok_and(|it| footprint.covers(&it)) => {
                let why = format!("the archive of {day} has something else of that minute");
                return Err(WindowError::Damaged { path, why });
            }
            _ => {
                all.insert(*minute, line);
                is_new = true;
            }
        }
    }
    let folder = store.layout.archive_of(symbol);
    if is_new {
        store.make_folder(&folder)?;
        let mut plain = Vec::with_capacity(all.values().map(|it| it.len() + 1).sum());
        for line in all.values() {
            plain.extend_from_slice(line);
            plain.push(b'\n');
        }
        file(store, symbol, day)
            .pack(&*store.disk, &plain)
            .map_err(refused)?;
    }
    // Order matters: a run that was killed may have given the file its name and not synced it. From here on
    // the archive's copies are the only ones.
    store
        .disk
        .sync_folder(&folder)
        .map_err(on("sync", &folder))?;
    for minute in minutes {
        let path = store.layout.stored(symbol, *minute);
        store.disk.remove(&path).map_err(on("remove", &path))?;
    }
    let folder = store.layout.of_symbol(store.layout.storage(), symbol);
    store.disk.sync_folder(&folder).map_err(on("sync", &folder))
}

pub(super) fn refused(error: PlainError) -> WindowError {
    match error {
        PlainError::Disk {
            operation,
            path,
            source,
        } => WindowError::Disk {
            operation,
            path,
            source,
        },
        PlainError::Damaged { path, why } => WindowError::Damaged { path, why },
    }
}
