//! The lots that are left, with what each will cost when it is sold.
//!
//! Always true: `adjusted_basis` is `original_basis` and what losses that the lot replaced added to it, to
//! the cent.
//!
//! Not here: at the end of which day. The book's options say so.

use crate::books::tax::{Execution, OpenLot};

use super::filing::Filing;
use super::table::{Cell, exact, table, text};

struct Left<'r> {
    lot: &'r OpenLot,
    buy: &'r Execution<'r>,
    /// The row of the loss that it replaces.
    replaces: Option<String>,
}

type Column = (&'static str, fn(&Left<'_>) -> Cell);

const COLUMNS: [Column; 10] = [
    ("account_id", |it| text(&it.buy.account_id)),
    ("symbol", |it| text(&it.buy.symbol)),
    ("buy_trade_id", |it| text(&it.buy.id)),
    ("acquired_date", |it| exact(it.lot.acquired)),
    ("holding_start_date", |it| exact(it.lot.holding_start)),
    ("quantity", |it| exact(it.lot.quantity)),
    ("original_basis", |it| exact(it.lot.original_basis)),
    ("wash_basis_added", |it| exact(it.lot.wash_added)),
    ("adjusted_basis", |it| exact(it.lot.basis())),
    ("is_replacement_for", |it| {
        text(it.replaces.as_deref().unwrap_or_default())
    }),
];

/// `open_lots_<date>.csv`: those of all accounts, in the book's order.
#[must_use]
pub fn open_lots(filing: &Filing<'_>) -> Vec<u8> {
    let lots = filing.request().book.open.iter();
    // A filing has looked at each place: there is such a purchase.
    let left = lots.filter_map(|lot| {
        Some(Left {
            lot,
            buy: filing.execution(lot.buy)?,
            replaces: lot.replaces.and_then(|it| filing.id_of(it)),
        })
    });
    table(&COLUMNS, left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::tax::testing::{Year, lines};

    /// Of 1200.00 + 265.99, the sale of 60 took 720.00 + 159.59.
    #[test]
    fn a_lot_names_the_loss_that_it_carries() {
        let year = Year::new();
        assert_eq!(
            lines(open_lots(&year.filing())),
            "account_id,symbol,buy_trade_id,acquired_date,holding_start_date,quantity,original_basis,\
             wash_basis_added,adjusted_basis,is_replacement_for\n\
             main,XYZ,b2,2025-06-20,2025-03-13,40,480.00,106.40,586.40,2025-s1-p1\n"
        );
    }
}
