//! How much of the time a position was open.
//!
//! Always true: time that several trades share counts once.

use rust_decimal::Decimal;

use crate::books::metrics::ratio;
use crate::time::Timestamp;

use super::blank::Blank;
use super::ledger::{Ledger, Row};

/// The time with at least one position open, as a part of the time from the first entry to the last exit.
/// A trade of which the entry is not known was open for no time.
pub(super) fn exposure(ledger: &Ledger<'_>) -> Result<Decimal, Blank> {
    let (Some(began), Some(last)) = (ledger.began, ledger.last_exit()) else {
        return Err(Blank::NoTrades);
    };
    if !ledger.rows.iter().any(|it| it.entry_known) {
        return Err(Blank::EntryTimeUnknown);
    }
    let span = last.unix_nanos() - began.unix_nanos();
    if span == 0 {
        return Err(Blank::NoSpan);
    }
    // At most 3.2e20 nanoseconds are in the years 1 to 9999: they fit into a decimal.
    let open = Decimal::from_i128_with_scale(open_nanos(&ledger.rows, last), 0);
    ratio(open, Decimal::from_i128_with_scale(span, 0)).ok_or(Blank::DoesNotFit)
}

/// Rows are in the order of their exits: from the last one back, what a trade adds is what lies before all
/// that is covered so far.
fn open_nanos(rows: &[Row<'_>], last: Timestamp) -> i128 {
    let mut covered_from = last;
    let mut open = 0;
    for row in rows.iter().rev() {
        let until = row.exited.min(covered_from);
        if row.began < until {
            open += until.unix_nanos() - row.began.unix_nanos();
            covered_from = row.began;
        }
    }
    open
}
