//! Which backups of a target stay.
//!
//! Always true:
//! - The newest backup of each of the last so many days, weeks and months that have one stays: a machine
//!   that stood still, or a clock that ran ahead, makes none of them old.
//! - The newest of all stays, and the one that was last seen to be whole.
//! - What has no name of a backup of this journal is in no plan.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::time::{Day, Timestamp};

const END: &str = ".tar.gz";
/// 20251026T120000.123Z
const TIME_LEN: usize = 20;

/// How many days, weeks and months keep a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Days.
    pub daily: u16,
    /// Weeks, which begin on Monday.
    pub weekly: u16,
    /// Months.
    pub monthly: u16,
}

impl Default for Counts {
    fn default() -> Counts {
        Counts {
            daily: 7,
            weekly: 4,
            monthly: 12,
        }
    }
}

/// The name of a backup: of which journal, and when it was made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BackupName {
    time: Timestamp,
    journal: String,
}

/// A backup, and why it stays.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Choice {
    /// The backup.
    pub name: BackupName,
    /// Why it stays; one without a reason goes.
    pub why: Option<String>,
}

impl BackupName {
    /// Of a backup that is made now, to the millisecond.
    #[must_use]
    pub fn new(journal: &str, time: Timestamp) -> BackupName {
        let millis = time.subsec_nanos() / 1_000_000;
        let time = Timestamp::from_unix(time.unix_secs(), millis * 1_000_000).unwrap_or(time);
        BackupName {
            time,
            journal: file_name_of(journal),
        }
    }

    /// A backup of that journal, if the name is one.
    #[must_use]
    pub fn parse(name: &str, journal: &str) -> Option<BackupName> {
        let parsed: BackupName = name.parse().ok()?;
        (parsed.journal == file_name_of(journal)).then_some(parsed)
    }

    /// Its journal, as it is called in names of files.
    #[must_use]
    pub fn journal(&self) -> &str {
        &self.journal
    }

    /// When it was made.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// The one that is made a millisecond later.
    pub(super) fn next(&self) -> BackupName {
        let time = self
            .time
            .saturating_add(std::time::Duration::from_millis(1));
        BackupName {
            time,
            journal: self.journal.clone(),
        }
    }
}

impl fmt::Display for BackupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // 2025-10-26T12:00:00.123Z, which has characters that some file systems do not take.
        let time = self.time.to_string().replace(['-', ':'], "");
        write!(f, "{}-{time}{END}", self.journal)
    }
}

/// A text that is no name of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no name of a backup")]
#[non_exhaustive]
pub struct NotAName;

impl FromStr for BackupName {
    type Err = NotAName;

    fn from_str(name: &str) -> Result<BackupName, NotAName> {
        let rest = name.strip_suffix(END).ok_or(NotAName)?;
        let at = rest.len().checked_sub(TIME_LEN).ok_or(NotAName)?;
        let (journal, time) = rest.split_at_checked(at).ok_or(NotAName)?;
        let journal = journal.strip_suffix('-').filter(|it| !it.is_empty());
        let part = |from: usize, to: usize| time.get(from..to).unwrap_or_default();
        let text = format!(
            "{}-{}-{}T{}:{}:{}",
            part(0, 4),
            part(4, 6),
            part(6, 8),
            part(9, 11),
            part(11, 13),
            part(13, TIME_LEN)
        );
        let parsed = BackupName {
            time: text.parse().map_err(|_| NotAName)?,
            journal: journal.ok_or(NotAName)?.to_owned(),
        };
        // One spelling.
        (parsed.to_string() == name)
            .then_some(parsed)
            .ok_or(NotAName)
    }
}

/// A journal's name as a part of a file's: a journal may be called `a/b`.
fn file_name_of(journal: &str) -> String {
    let mut name = String::new();
    for char in journal.chars() {
        match char {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' => name.push(char),
            '.' if !name.is_empty() => name.push(char),
            other => name.push_str(&format!("%{:02X}", u32::from(other))),
        }
    }
    name
}

/// What stays and what goes, the newest first.
#[must_use]
pub fn plan(names: &[BackupName], counts: Counts, last_good: Option<&BackupName>) -> Vec<Choice> {
    let mut names = names.to_vec();
    names.sort_unstable();
    names.dedup();
    names.reverse();
    let newest = names.first().cloned();
    let mut days = Slots::new(counts.daily);
    let mut weeks = Slots::new(counts.weekly);
    let mut months = Slots::new(counts.monthly);
    let choose = |name: BackupName| {
        let day = name.time.day();
        let mut why = Vec::new();
        let monday = monday_of(day);
        let month = day.to_string();
        let month = month.rsplit_once('-').map_or("", |it| it.0);
        why.extend(days.take(day.to_string()).then(|| format!("day {day}")));
        why.extend(
            weeks
                .take(monday.clone())
                .then(|| format!("week of {monday}")),
        );
        why.extend(
            months
                .take(month.to_owned())
                .then(|| format!("month {month}")),
        );
        if why.is_empty() && newest.as_ref() == Some(&name) {
            why.push("newest".to_owned());
        }
        if why.is_empty() && last_good == Some(&name) {
            why.push("last verified".to_owned());
        }
        let why = (!why.is_empty()).then(|| why.join(", "));
        Choice { name, why }
    };
    names.into_iter().map(choose).collect()
}

/// The first so many different days, weeks or months that come.
struct Slots {
    left: u16,
    taken: BTreeSet<String>,
}

impl Slots {
    fn new(left: u16) -> Slots {
        Slots {
            left,
            taken: BTreeSet::new(),
        }
    }

    fn take(&mut self, slot: String) -> bool {
        let is_new = self.left != 0 && self.taken.insert(slot);
        self.left -= u16::from(is_new);
        is_new
    }
}

/// 1970-01-01 was a Thursday.
fn monday_of(day: Day) -> String {
    let days = day.unix_days();
    let monday = days - (days + 3).rem_euclid(7);
    Day::from_unix_days(monday).unwrap_or(day).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> BackupName {
        BackupName::new("demo", text.parse().unwrap())
    }

    #[test]
    fn a_name_reads_as_it_was_written_and_nothing_else_is_one() {
        let name = at("2025-10-26T12:00:00.123456Z");
        assert_eq!(name.to_string(), "demo-20251026T120000.123Z.tar.gz");
        assert_eq!(
            BackupName::parse(&name.to_string(), "demo"),
            Some(name.clone())
        );
        assert_eq!(BackupName::parse(&name.to_string(), "dem"), None);
        let odd = BackupName::new("../a/b", name.time());
        assert_eq!(odd.to_string(), "%2E.%2Fa%2Fb-20251026T120000.123Z.tar.gz");
        assert_eq!(BackupName::parse(&odd.to_string(), "../a/b"), Some(odd));
        for text in [
            "latest.tar.gz",
            "demo-20251026T120000.123Z.tar",
            "demo-20251326T120000.123Z.tar.gz",
            "demo-2025102T1200000.123Z.tar.gz",
            "-20251026T120000.123Z.tar.gz",
            ".demo-20251026T120000.123Z.tar.gz.part",
            "demo-20251026T120000.1234Z.tar.gz",
            "",
        ] {
            assert_eq!(BackupName::parse(text, "demo"), None, "{text}");
        }
        let whole = at("2025-10-26T12:00:00Z").to_string();
        assert_eq!(whole, "demo-20251026T120000.000Z.tar.gz");
    }

    #[test]
    fn days_weeks_and_months_keep_their_newest() {
        let names = [
            "2025-10-26T12:00:00Z",
            "2025-10-26T09:00:00Z",
            "2025-10-25T12:00:00Z",
            "2025-10-19T12:00:00Z",
            "2025-10-18T12:00:00Z",
            "2025-09-30T12:00:00Z",
        ]
        .map(at);
        let counts = Counts {
            daily: 2,
            weekly: 2,
            monthly: 2,
        };
        let plan = plan(&names, counts, Some(&names[4]));
        let whys: Vec<_> = plan.iter().map(|it| it.why.as_deref()).collect();
        assert_eq!(
            whys,
            [
                Some("day 2025-10-26, week of 2025-10-20, month 2025-10"),
                None,
                Some("day 2025-10-25"),
                Some("week of 2025-10-13"),
                Some("last verified"),
                Some("month 2025-09"),
            ]
        );
    }
}
