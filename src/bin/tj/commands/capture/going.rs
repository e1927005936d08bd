//! How a capture goes, in a line and as an object.
//!
//! Always true: counts are of this run; a rate is of the time since the last line.
//!
//! Not here: the numbers for Prometheus.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tradejournal::driver::bybit::Health;
use tradejournal::feed::bybit::{Millis, Written};

use super::time;
use crate::size;
use crate::words::counted;

/// What is written by whom.
pub(super) fn writers(written: &Written) -> [(&'static str, u64); 7] {
    [
        ("trades", written.trades),
        ("tickers", written.tickers),
        ("executions", written.executions),
        ("orders", written.orders),
        ("positions", written.positions),
        ("wallets", written.wallets),
        ("frames", written.frames),
    ]
}

/// Gaps of this run of which it is not known yet what can be had.
pub(super) fn gaps_open(health: &Health) -> u64 {
    let tally = &health.tally;
    let ended = tally.filled + tally.partly + tally.unfillable;
    tally.gaps.saturating_sub(ended)
}

/// Connections that had to be made again.
pub(super) fn reconnects(health: &Health) -> u64 {
    let first = u64::try_from(health.open.1).unwrap_or_default();
    health.tally.connections.saturating_sub(first)
}

/// What was known when the last line was said.
#[derive(Debug, Default)]
pub(super) struct Going {
    uptime: Duration,
    written: Written,
}

impl Going {
    /// The line and the object of now.
    pub(super) fn tell(&mut self, health: &Health) -> (String, Map<String, Value>) {
        let span = health.uptime.saturating_sub(self.uptime);
        let told = Told {
            health,
            before: &self.written,
            span,
        };
        let answer = (told.line(), told.object());
        self.uptime = health.uptime;
        self.written = health.writer.written.clone();
        answer
    }
}

struct Told<'a> {
    health: &'a Health,
    before: &'a Written,
    span: Duration,
}

impl Told<'_> {
    /// Each writer: its name, what it wrote, and how many tenths of a row a second.
    fn writers(&self) -> Vec<(&'static str, u64, u128)> {
        let now = writers(&self.health.writer.written);
        let before = writers(self.before);
        let millis = self.span.as_millis().max(1);
        now.iter()
            .zip(before)
            .map(|((name, now), (_, before))| {
                let new = u128::from(now.saturating_sub(before));
                (*name, *now, new * 10_000 / millis)
            })
            .collect()
    }

    fn line(&self) -> String {
        let health = self.health;
        let tally = &health.tally;
        // Who never wrote is of no interest, but for the two that always should.
        let writers = self.writers().into_iter().enumerate();
        let writers: Vec<String> = writers
            .filter(|(place, (_, total, _))| *place < 2 || 0 < *total)
            .map(|(_, (name, total, rate))| {
                format!("{name} {total} ({}.{}/s)", rate / 10, rate % 10)
            })
            .collect();
        let room = &health.writer.size;
        let (open, all) = health.open;
        let mut line = format!(
            "up {} s; {}; {} wait; {open} of {all} connections, {}; \
             gaps {}: {} filled, {} partly, {} unfillable, {} open; database {}, WAL {}, {} free",
            health.uptime.as_secs(),
            writers.join(", "),
            counted(health.waiting as u64, "row", "rows"),
            counted(reconnects(health), "reconnect", "reconnects"),
            tally.gaps,
            tally.filled,
            tally.partly,
            tally.unfillable,
            gaps_open(health),
            size::size(room.bytes),
            size::size(room.wal_bytes),
            size::size(room.free_bytes),
        );
        for (count, what) in [
            (health.missing as u64, "streams miss something now"),
            (tally.refused, "refusals of a topic"),
            (tally.unknown, "messages not understood"),
            (tally.dropped, "rows without room"),
        ] {
            if count > 0 {
                line.push_str(&format!("; {count} {what}"));
            }
        }
        if let Some((what, since)) = &health.writer.trouble {
            line.push_str(&format!("; since {} {what}", time(Millis::of(*since))));
        }
        line
    }

    fn object(&self) -> Map<String, Value> {
        let health = self.health;
        let tally = &health.tally;
        let writers = self.writers().into_iter().map(|(name, total, rate)| {
            let rate = format!("{}.{}", rate / 10, rate % 10);
            let rate: Value = serde_json::from_str(&rate).unwrap_or_default();
            (name.to_owned(), json!({"rows": total, "per_second": rate}))
        });
        let written = &health.writer.written;
        let trouble = health.writer.trouble.as_ref();
        let trouble =
            trouble.map(|(what, since)| json!({"what": what, "since": time(Millis::of(*since))}));
        let room = &health.writer.size;
        let object = json!({
            "uptime_seconds": health.uptime.as_secs(),
            "writers": writers.collect::<Map<String, Value>>(),
            "repeated_trades": written.repeated_trades,
            "repeated_rows": written.repeated_rows,
            "waiting": health.waiting,
            "connections": {"open": health.open.0, "all": health.open.1},
            "reconnects": reconnects(health),
            "frames": tally.frames,
            "unknown": tally.unknown,
            "dropped": tally.dropped,
            "refused": tally.refused,
            "missing": health.missing,
            "gaps": {
                "found": tally.gaps,
                "filled": tally.filled,
                "partly": tally.partly,
                "unfillable": tally.unfillable,
                "open": gaps_open(health),
            },
            "database_bytes": room.bytes,
            "wal_bytes": room.wal_bytes,
            "free_bytes": room.free_bytes,
            "trouble": trouble,
        });
        match object {
            Value::Object(object) => object,
            _ => Map::new(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use tradejournal::feed::bybit::{StoreSize, Tally, WriterState};

    use super::*;

    pub(crate) fn health(secs: u64, trades: u64) -> Health {
        let written = Written {
            trades,
            ..Written::default()
        };
        Health {
            uptime: Duration::from_secs(secs),
            tally: Tally {
                gaps: 3,
                filled: 1,
                unfillable: 1,
                connections: 3,
                ..Tally::default()
            },
            writer: WriterState {
                written,
                size: StoreSize {
                    bytes: 1_200_000,
                    wal_bytes: 4096,
                    free_bytes: 3_000_000_000,
                },
                ..WriterState::default()
            },
            waiting: 1,
            open: (1, 2),
            missing: 1,
        }
    }

    #[test]
    fn a_rate_is_of_the_time_since_the_last_line() {
        let mut going = Going::default();
        let (line, _) = going.tell(&health(10, 405));
        assert_eq!(
            line,
            "up 10 s; trades 405 (40.5/s), tickers 0 (0.0/s); 1 row wait; 1 of 2 connections, 1 reconnect; \
             gaps 3: 1 filled, 0 partly, 1 unfillable, 1 open; database 1.2 MB, WAL 4.1 KB, 3.0 GB free; \
             1 streams miss something now"
        );
        let (_, object) = going.tell(&health(20, 406));
        assert_eq!(
            object["writers"]["trades"],
            json!({"rows": 406, "per_second": 0.1})
        );
        assert_eq!(object["gaps"]["open"], 1);
        assert_eq!(object["trouble"], Value::Null);
    }
}
