//! How safe a journal is from the loss of its machine: the age of its backups, and of the last drill.
//!
//! Always true: without a target nothing is late; with one, a backup that was never made is.

use serde::Serialize;
use tradejournal::journal::Journal;
use tradejournal::keep::backup;

use crate::output::{Out, printable};
use crate::settings::Settings;

/// The part of the span by which a backup may be older than it: a run each day that begins a little later
/// than the one before is not late while it runs.
const GRACE: u32 = 24;

/// What `tj status --json` prints of it.
#[derive(Debug, Serialize)]
pub(crate) struct Safety {
    rpo_seconds: u64,
    backups: Vec<TargetRow>,
    drill: Option<DrillRow>,
}

#[derive(Debug, Serialize)]
struct TargetRow {
    target: String,
    name: Option<String>,
    made: Option<String>,
    age_seconds: Option<u64>,
    /// It is older than it may become, or was never made.
    late: bool,
}

#[derive(Debug, Serialize)]
struct DrillRow {
    name: String,
    time: String,
    age_seconds: Option<u64>,
    took_milliseconds: u64,
}

impl Safety {
    pub(crate) fn of(journal: &Journal, settings: &Settings) -> anyhow::Result<Safety> {
        let targets: Vec<String> = settings.backup.to.iter().map(ToString::to_string).collect();
        let rpo = settings.backup.rpo;
        let backups = backup::last(journal, &targets)?;
        let backups = backups.into_iter().map(|it| TargetRow {
            target: it.to,
            name: it.last.as_ref().map(|it| it.0.clone()),
            made: it.last.as_ref().map(|it| it.1.to_string()),
            age_seconds: it.age.map(|it| it.as_secs()),
            // One of the future is of a clock that nobody knows.
            late: it.age.is_none_or(|it| rpo.saturating_add(rpo / GRACE) < it),
        });
        let now = journal.clock().now();
        let drill = backup::last_drill(journal)?.map(|it| DrillRow {
            age_seconds: it.time.until(now).map(|it| it.as_secs()),
            time: it.time.to_string(),
            took_milliseconds: u64::try_from(it.took.as_millis()).unwrap_or(u64::MAX),
            name: it.name,
        });
        Ok(Safety {
            rpo_seconds: rpo.as_secs(),
            backups: backups.collect(),
            drill,
        })
    }

    /// Whether the journal would lose more than it may.
    pub(crate) fn is_late(&self) -> bool {
        self.backups.iter().any(|it| it.late)
    }

    pub(crate) fn show(&self, out: &mut Out) -> anyhow::Result<()> {
        for row in &self.backups {
            let text = match (row.age_seconds, &row.name) {
                (Some(age), Some(name)) => format!("{name}, {} ago", span(age)),
                (None, Some(name)) => format!("{name}, made in the future"),
                _ => "none yet".to_owned(),
            };
            let late = match row.late {
                true => format!(" - BACKUP LATE: at most {}", span(self.rpo_seconds)),
                false => String::new(),
            };
            let text = format!("backup in {}: {text}{late}", row.target);
            out.line(printable(&text))?;
        }
        if self.backups.is_empty() {
            return out.line("no backup: [backup] to in tj.toml names a target");
        }
        match &self.drill {
            None => out.line("never restored: `tj restore --drill` shows that it can be done"),
            Some(drill) => {
                let ago = drill.age_seconds.map_or("?".to_owned(), span);
                let (seconds, rest) = (
                    drill.took_milliseconds / 1000,
                    drill.took_milliseconds % 1000,
                );
                out.line(format!(
                    "last drill {ago} ago: restored and verified in {seconds}.{} s",
                    rest / 100
                ))
            }
        }
    }
}

/// A number of seconds as people say it: its two largest parts.
fn span(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}
