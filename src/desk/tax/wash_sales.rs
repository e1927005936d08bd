//! The losses of the year that were replaced: which purchase took over what of each.
//!
//! Always true: one line for each match, in the order in which they were made; the disallowed sums of a row
//! are the adjustment of that row.

use std::collections::BTreeMap;

use crate::books::tax::{Execution, Wash};

use super::filing::{Filing, Row};
use super::table::{Cell, exact, table, text};

struct Match<'r> {
    wash: &'r Wash,
    row: &'r Row<'r>,
    replacement: &'r Execution<'r>,
}

type Column = (&'static str, fn(&Match<'_>) -> Cell);

const COLUMNS: [Column; 11] = [
    ("loss_row_id", |it| text(&it.row.id)),
    ("symbol", |it| text(&it.row.buy.symbol)),
    ("sold_date", |it| exact(it.row.disposal.sold)),
    ("loss_quantity", |it| exact(it.row.disposal.quantity)),
    ("replacement_buy_trade_id", |it| text(&it.replacement.id)),
    ("replacement_date", |it| exact(it.wash.replaced_on)),
    ("matched_quantity", |it| exact(it.wash.quantity)),
    ("disallowed", |it| exact(it.wash.disallowed)),
    ("days_added", |it| exact(it.wash.days_added)),
    ("replacement_account", |it| text(&it.replacement.account_id)),
    ("permanent", |it| exact(it.wash.is_permanent)),
];

/// `wash_sales_<year>.csv`.
#[must_use]
pub fn wash_sales(filing: &Filing<'_>) -> Vec<u8> {
    let rows = filing.rows().iter().map(|it| (it.place, it));
    let rows: BTreeMap<usize, &Row<'_>> = rows.collect();
    let of_year = filing.request().book.washes.iter().filter_map(|wash| {
        Some(Match {
            wash,
            row: rows.get(&wash.loss)?,
            // A filing has looked at each place: there is such a purchase.
            replacement: filing.execution(wash.replacement)?,
        })
    });
    table(&COLUMNS, of_year)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::tax::testing::{Year, lines};

    #[test]
    fn a_line_is_a_loss_and_what_replaced_it() {
        let year = Year::new();
        assert_eq!(
            lines(wash_sales(&year.filing())),
            "loss_row_id,symbol,sold_date,loss_quantity,replacement_buy_trade_id,replacement_date,\
             matched_quantity,disallowed,days_added,replacement_account,permanent\n\
             2025-s1-p1,XYZ,2025-06-10,100,b2,2025-06-20,100,265.99,99,main,false\n\
             2025-=a2-p1,ABC,2025-12-20,10,'@r1,2026-01-05,4,80.00,0,ira,true\n"
        );
    }
}
