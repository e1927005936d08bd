//! What a collector has done and how it stands, as numbers.
//!
//! Always true: a count only grows while the process lives; names and units are those that Prometheus
//! expects.
//!
//! Not here: where they are shown.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// The numbers at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Counts {
    /// Trades that were taken: on disk, and counted once.
    pub trades: u64,
    /// Trades that had been taken before.
    pub duplicates: u64,
    /// Of those taken: trades of a minute that had closed already.
    pub late: u64,
    /// Trades that were refused.
    pub refused: u64,
    /// Minutes that closed, again for each time that more came.
    pub minutes_closed: u64,
    /// Files of minutes that left the window.
    pub files_written: u64,
    /// Bytes in them.
    pub file_bytes_written: u64,
    /// Files that could not be written or moved, again for each attempt.
    pub file_failures: u64,
    /// Members that were put into the resident.
    pub members_put: u64,
    /// Members that were removed from it.
    pub members_removed: u64,
    /// Times that the resident did not do what it was asked to.
    pub resident_failures: u64,
    /// Members and files that were set aside.
    pub set_aside: u64,
    /// Days that were archived.
    pub days_archived: u64,
    /// Files of minutes that left the window in the last hour.
    pub files_last_hour: u64,
    /// Minutes in the window, of all symbols.
    pub window_minutes: u64,
    /// Of those, minutes that are not closed.
    pub open_minutes: u64,
    /// Ids of trades in memory.
    pub ids: u64,
    /// Symbols.
    pub symbols: u64,
    /// Bytes of trades that are kept as they came.
    pub intake_bytes: u64,
    /// Members that the resident has.
    pub resident_minutes: u64,
    /// Memory that the resident uses.
    pub resident_bytes: u64,
    /// Whether the resident answers.
    pub resident_up: bool,
    /// Bytes that may still be written where the storage folder is.
    pub free_bytes: u64,
    /// Milliseconds by which the newest trade is behind the clock.
    pub lag_millis: u64,
    /// Minutes that should be in files and are not yet.
    pub minutes_due: u64,
}

/// A metric: its name, what it is, whether it counts, its help, its value.
type Row = (&'static str, bool, &'static str, String);

impl Counts {
    /// The numbers as Prometheus reads them from a file.
    #[must_use]
    pub fn to_prometheus(&self, at: Timestamp) -> String {
        let mut text = String::new();
        let secs = format!("{}.{:03}", at.unix_secs(), at.subsec_nanos() / 1_000_000);
        let mut rows = self.counters();
        rows.extend(self.gauges());
        rows.push((
            "tj_window_written_timestamp_seconds",
            false,
            "When this was written, in seconds since 1970.",
            secs,
        ));
        for (name, is_counter, help, value) in rows {
            let kind = if is_counter { "counter" } else { "gauge" };
            let _ = writeln!(
                text,
                "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}"
            );
        }
        text
    }

    fn counters(&self) -> Vec<Row> {
        let row = |name, help, value: u64| (name, true, help, value.to_string());
        vec![
            row(
                "tj_window_trades_total",
                "Trades taken: on disk, and counted once.",
                self.trades,
            ),
            row(
                "tj_window_trades_duplicate_total",
                "Trades that had been taken before.",
                self.duplicates,
            ),
            row(
                "tj_window_trades_late_total",
                "Trades taken of a minute that had closed.",
                self.late,
            ),
            row(
                "tj_window_trades_refused_total",
                "Trades that were refused.",
                self.refused,
            ),
            row(
                "tj_window_minutes_closed_total",
                "Minutes closed, again for each time that more came.",
                self.minutes_closed,
            ),
            row(
                "tj_window_files_written_total",
                "Files of minutes that left the window.",
                self.files_written,
            ),
            row(
                "tj_window_file_bytes_written_total",
                "Bytes in those files.",
                self.file_bytes_written,
            ),
            row(
                "tj_window_file_failures_total",
                "Files that could not be written or moved.",
                self.file_failures,
            ),
            row(
                "tj_window_members_put_total",
                "Members put into memory or Redis.",
                self.members_put,
            ),
            row(
                "tj_window_members_removed_total",
                "Members removed from memory or Redis.",
                self.members_removed,
            ),
            row(
                "tj_window_resident_failures_total",
                "Times that Redis did not do as asked.",
                self.resident_failures,
            ),
            row(
                "tj_window_set_aside_total",
                "Members and files set aside.",
                self.set_aside,
            ),
            row(
                "tj_window_days_archived_total",
                "Days archived.",
                self.days_archived,
            ),
        ]
    }

    fn gauges(&self) -> Vec<Row> {
        let row = |name, help, value: u64| (name, false, help, value.to_string());
        let lag = format!("{}.{:03}", self.lag_millis / 1000, self.lag_millis % 1000);
        vec![
            row(
                "tj_window_minutes",
                "Minutes in the window, of all symbols.",
                self.window_minutes,
            ),
            row(
                "tj_window_minutes_open",
                "Minutes in the window that are not closed.",
                self.open_minutes,
            ),
            row(
                "tj_window_minutes_due",
                "Minutes that should be in files and are not.",
                self.minutes_due,
            ),
            row(
                "tj_window_files_last_hour",
                "Files written in the last hour.",
                self.files_last_hour,
            ),
            row("tj_window_symbols", "Symbols.", self.symbols),
            row("tj_window_trade_ids", "Ids of trades in memory.", self.ids),
            row(
                "tj_window_intake_bytes",
                "Trades kept as they came.",
                self.intake_bytes,
            ),
            row(
                "tj_window_resident_minutes",
                "Members in memory or Redis.",
                self.resident_minutes,
            ),
            row(
                "tj_window_resident_memory_bytes",
                "Memory that they use.",
                self.resident_bytes,
            ),
            row(
                "tj_window_resident_up",
                "1 when Redis answers.",
                u64::from(self.resident_up),
            ),
            row(
                "tj_window_disk_free_bytes",
                "What may be written where the storage folder is.",
                self.free_bytes,
            ),
            (
                "tj_window_lag_seconds",
                false,
                "How far the newest trade is behind the clock.",
                lag,
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_have_names_that_prometheus_takes() {
        let counts = Counts {
            trades: 7,
            lag_millis: 1234,
            resident_up: true,
            ..Counts::default()
        };
        let text = counts.to_prometheus("2024-10-23T14:30:00.250Z".parse().unwrap());
        assert!(
            text.contains("\n# TYPE tj_window_trades_total counter\ntj_window_trades_total 7\n")
                || text.starts_with("# HELP tj_window_trades_total")
        );
        assert!(text.contains("\ntj_window_lag_seconds 1.234\n"));
        assert!(text.contains("\ntj_window_resident_up 1\n"));
        assert!(text.ends_with("\ntj_window_written_timestamp_seconds 1729693800.250\n"));
        for line in text.lines().filter(|it| !it.starts_with('#')) {
            let (name, value) = line.split_once(' ').unwrap();
            assert!(
                name.starts_with("tj_window_") && value.parse::<f64>().is_ok(),
                "{line}"
            );
            let is_counter = text.contains(&format!("# TYPE {name} counter"));
            assert_eq!(is_counter, name.ends_with("_total"), "{name}");
        }
    }
}
