//! Equity from one exit to the next, and how far and how long it was below its peak.
//!
//! Always true:
//! - The equity before the first trade is the first point, and the first peak.
//! - Equity at the peak is recovered, and the peak is then where it was touched last.
//! - Fractions of a peak are compared exactly, and none is more than all of it.

use std::cmp::Ordering;
use std::time::Duration;

use crate::time::Timestamp;

use super::ledger::Ledger;
use super::wide;

/// How a history of equity went, in units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Curve {
    /// The equity after the last trade; without a starting equity, the sum of the results.
    pub(super) end: i128,
    /// The highest.
    pub(super) peak: i128,
    /// The largest fall in money.
    pub(super) deepest: Option<Fall>,
    /// The largest fall as a part of its peak, where the equity at the start is above 0.
    pub(super) deepest_part: Option<Fall>,
    /// The longest time below a peak.
    pub(super) longest: Option<Stay>,
    /// The most trades from a peak to its recovery, or to the end.
    pub(super) longest_trades: u64,
}

/// From a peak down to a trough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fall {
    pub(super) drop: i128,
    pub(super) peak: i128,
    pub(super) peak_at: Timestamp,
    pub(super) trough_at: Timestamp,
}

/// A time below a peak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stay {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    /// Whether equity came back to the peak.
    pub(super) recovered: bool,
}

/// A point of equity.
#[derive(Clone, Copy)]
struct Point {
    equity: i128,
    at: Timestamp,
    trades: u64,
}

impl Curve {
    pub(super) fn of(ledger: &Ledger<'_>) -> Curve {
        let start = ledger.start.unwrap_or_default();
        let mut curve = Curve {
            end: start,
            peak: start,
            ..Curve::default()
        };
        let Some(began) = ledger.began else {
            return curve;
        };
        let mut now = Point {
            equity: start,
            at: began,
            trades: 0,
        };
        let mut peak = now;
        for row in &ledger.rows {
            let was_below = now.equity < peak.equity;
            now = Point {
                equity: now.equity + row.result,
                at: row.exited,
                trades: now.trades + 1,
            };
            if now.equity < peak.equity {
                curve.fall(peak, now, ledger.start.is_some_and(|it| 0 < it));
                continue;
            }
            if was_below {
                curve.stay(peak, now, true);
            }
            peak = now;
        }
        if now.equity < peak.equity {
            curve.stay(peak, now, false);
        }
        curve.end = now.equity;
        curve.peak = peak.equity;
        curve
    }

    fn fall(&mut self, peak: Point, now: Point, is_part: bool) {
        let fall = Fall {
            drop: peak.equity - now.equity,
            peak: peak.equity,
            peak_at: peak.at,
            trough_at: now.at,
        };
        if self.deepest.is_none_or(|it| it.drop < fall.drop) {
            self.deepest = Some(fall);
        }
        // The first peak is above 0, and so is each after it.
        if is_part {
            let deeper = |it: Fall| wide::compare(it.part(), fall.part()) == Ordering::Less;
            if self.deepest_part.is_none_or(deeper) {
                self.deepest_part = Some(fall);
            }
        }
    }

    fn stay(&mut self, peak: Point, now: Point, recovered: bool) {
        let stay = Stay {
            from: peak.at,
            to: now.at,
            recovered,
        };
        if self.longest.is_none_or(|it| it.length() < stay.length()) {
            self.longest = Some(stay);
        }
        self.longest_trades = self.longest_trades.max(now.trades - peak.trades);
    }
}

impl Fall {
    /// How much of the peak was lost: all of it at most.
    pub(super) fn part(&self) -> (i128, i128) {
        (self.drop.min(self.peak), self.peak)
    }
}

impl Stay {
    pub(super) fn length(&self) -> Duration {
        self.from.until(self.to).unwrap_or_default()
    }
}
