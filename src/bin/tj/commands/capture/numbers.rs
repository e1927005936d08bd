//! The numbers of a capture for Prometheus.
//!
//! Always true: names and units are those that Prometheus expects; a count only grows while the run lasts.
//!
//! Not here: where the file is from which they are read.

use std::fmt::{self, Write as _};
use std::time::Duration;

use tradejournal::driver::bybit::Health;
use tradejournal::time::Timestamp;

use super::going::{gaps_open, reconnects, writers};

/// The numbers as Prometheus reads them from a file.
pub(super) fn to_prometheus(health: &Health, at: Timestamp) -> String {
    let mut page = Page::default();
    rows(health, &mut page);
    connections(health, &mut page);
    gaps(health, &mut page);
    let room = &health.writer.size;
    page.gauge("database_bytes", "The database.", room.bytes);
    page.gauge("wal_bytes", "Its write-ahead log.", room.wal_bytes);
    page.gauge(
        "disk_free_bytes",
        "What its file system has left.",
        room.free_bytes,
    );
    let uptime = secs(health.uptime);
    page.gauge("uptime_seconds", "How long this run has lasted.", uptime);
    let written = format!("{}.{:03}", at.unix_secs(), at.subsec_nanos() / 1_000_000);
    let help = "When this was written, in seconds since 1970.";
    page.gauge("written_timestamp_seconds", help, written);
    page.0
}

fn rows(health: &Health, page: &mut Page) {
    let written = &health.writer.written;
    let help = "Rows written that are new.";
    page.counter("rows_written_total", help, "writer", &writers(written));
    let repeated = [
        ("trades", written.repeated_trades),
        ("account", written.repeated_rows),
    ];
    let help = "Rows that were there already.";
    page.counter("rows_repeated_total", help, "writer", &repeated);
    page.gauge(
        "rows_waiting",
        "Rows that wait to be written.",
        health.waiting,
    );
    let tally = &health.tally;
    for (name, help, count) in [
        (
            "rows_dropped_total",
            "Rows that found no room.",
            tally.dropped,
        ),
        ("frames_total", "Messages that came.", tally.frames),
        (
            "frames_unknown_total",
            "Messages not understood, wholly or in part.",
            tally.unknown,
        ),
        (
            "tickers_old_total",
            "Tickers older than what was known.",
            tally.old_tickers,
        ),
        (
            "commits_total",
            "Times that rows were written.",
            health.writer.commits,
        ),
    ] {
        page.counter(name, help, "", &[("", count)]);
    }
    let slowest = secs(health.writer.slowest);
    page.gauge("commit_max_seconds", "The slowest of them.", slowest);
    let is_well = u8::from(health.writer.trouble.is_none());
    page.gauge("writable", "Whether the database can be written.", is_well);
}

fn connections(health: &Health, page: &mut Page) {
    let (open, all) = health.open;
    page.gauge("connections", "Connections that are wanted.", all);
    page.gauge("connections_open", "Connections that are open.", open);
    let count = [("", reconnects(health))];
    page.counter("reconnects_total", "Connections made again.", "", &count);
    let count = [("", health.tally.refused)];
    page.counter(
        "topics_refused_total",
        "Topics refused by the exchange.",
        "",
        &count,
    );
    page.gauge(
        "streams_missing",
        "Streams that miss something now.",
        health.missing,
    );
}

fn gaps(health: &Health, page: &mut Page) {
    let tally = &health.tally;
    page.counter(
        "gaps_total",
        "Gaps that were declared.",
        "",
        &[("", tally.gaps)],
    );
    let states = [
        ("filled", tally.filled),
        ("partly", tally.partly),
        ("unfillable", tally.unfillable),
    ];
    page.counter(
        "gaps_decided_total",
        "What became of gaps.",
        "state",
        &states,
    );
    let help = "Gaps of this run of which it is not known what can be had.";
    page.gauge("gaps_open", help, gaps_open(health));
}

fn secs(span: Duration) -> String {
    format!("{}.{:03}", span.as_secs(), span.subsec_millis())
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn gauge(&mut self, name: &str, help: &str, value: impl fmt::Display) {
        self.head(name, help, "gauge");
        let _ = writeln!(self.0, "tj_capture_{name} {value}");
    }

    /// One row for each value of the label, or one without a label.
    fn counter(&mut self, name: &str, help: &str, label: &str, rows: &[(&str, u64)]) {
        self.head(name, help, "counter");
        for (value, count) in rows {
            let _ = match label {
                "" => writeln!(self.0, "tj_capture_{name} {count}"),
                label => writeln!(self.0, "tj_capture_{name}{{{label}=\"{value}\"}} {count}"),
            };
        }
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        let _ = writeln!(
            self.0,
            "# HELP tj_capture_{name} {help}\n# TYPE tj_capture_{name} {kind}"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::going::tests::health;
    use super::*;

    #[test]
    fn metrics_have_names_that_prometheus_takes() {
        let text = to_prometheus(
            &health(10, 405),
            "2024-10-23T14:30:00.250Z".parse().unwrap(),
        );
        for line in [
            "tj_capture_rows_written_total{writer=\"trades\"} 405",
            "tj_capture_rows_waiting 1",
            "tj_capture_connections_open 1",
            "tj_capture_reconnects_total 1",
            "tj_capture_gaps_decided_total{state=\"unfillable\"} 1",
            "tj_capture_gaps_open 1",
            "tj_capture_writable 1",
            "tj_capture_uptime_seconds 10.000",
            "tj_capture_written_timestamp_seconds 1729693800.250",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\n{text}");
        }
        for line in text.lines().filter(|it| !it.starts_with('#')) {
            let (name, value) = line.split_once(' ').unwrap();
            let name = name.split('{').next().unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
            let is_counter = text.contains(&format!("# TYPE {name} counter"));
            assert_eq!(is_counter, name.ends_with("_total"), "{name}");
        }
    }
}
