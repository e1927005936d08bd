//! The audit table: one line for each disposed piece, with enough to redo its arithmetic by hand, and the
//! lines of the journal that it stands on.
//!
//! Always true:
//! - Sums are to the cent, also where the form is in whole dollars. Days are those of the book's zone,
//!   instants are UTC.
//! - `days_held` counts as the term does: from the day after `holding_start_date`, with the day of the sale.
//! - `unit_cost` is `original_basis` over `quantity`: at least six places, at most twelve, half up.

use super::filing::{Filing, Row};
use super::origin::Origin;
use super::table::{Cell, exact, maybe, per_unit, table, text};

/// A row, and its filing.
type Audited<'r> = (&'r Filing<'r>, &'r Row<'r>);
type Column = (&'static str, fn(&Audited<'_>) -> Cell);

const COLUMNS: [Column; 41] = [
    ("row_id", |it| text(&it.1.id)),
    ("tax_year", |it| exact(it.0.request().year)),
    ("account_id", |it| text(&it.1.sell.account_id)),
    ("symbol", |it| text(&it.1.buy.symbol)),
    ("asset_class", |it| exact(it.1.buy.asset_class)),
    ("method", |it| exact(it.1.method)),
    ("sell_trade_id", |it| text(&it.1.sell.id)),
    ("sell_order_id", |it| order(it.1.sell.order_id.as_deref())),
    ("buy_trade_id", |it| text(&it.1.buy.id)),
    ("buy_order_id", |it| order(it.1.buy.order_id.as_deref())),
    ("quantity", |it| exact(it.1.disposal.quantity)),
    ("acquired_at", |it| {
        // Of a lot from elsewhere only the day is known.
        maybe(it.1.buy.carried.is_none().then_some(it.1.buy.at))
    }),
    ("acquired_date", |it| exact(it.1.disposal.acquired)),
    ("holding_start_date", |it| {
        exact(it.1.disposal.holding_start)
    }),
    ("sold_at", |it| exact(it.1.sell.at)),
    ("sold_date", |it| exact(it.1.disposal.sold)),
    ("days_held", |it| exact(it.1.days_held())),
    ("term", |it| exact(it.1.disposal.term)),
    ("unit_cost", |it| {
        let disposal = it.1.disposal;
        maybe(per_unit(disposal.original_basis, disposal.quantity))
    }),
    ("original_basis", |it| exact(it.1.disposal.original_basis)),
    ("wash_basis_added", |it| exact(it.1.disposal.wash_added)),
    ("adjusted_basis", |it| exact(it.1.disposal.basis())),
    ("gross_proceeds", |it| exact(it.1.disposal.gross_proceeds)),
    ("sell_fees", |it| exact(it.1.disposal.fees())),
    ("net_proceeds", |it| exact(it.1.disposal.proceeds)),
    ("realized_gain_before_wash", |it| {
        exact(it.1.disposal.gain_before_wash())
    }),
    ("wash_quantity", |it| exact(it.1.disposal.replaced)),
    ("wash_disallowed", |it| exact(it.1.disposal.adjustment)),
    ("reported_gain", |it| exact(it.1.disposal.gain())),
    ("replacement_buy_trade_ids", replacements),
    ("replacement_quantities", replaced),
    ("box", |it| exact(it.1.form_box)),
    ("needs_review", |it| text(it.1.needs_review())),
    ("buy_seq", |it| seq(it.1.buy_origin)),
    ("buy_hash", |it| hash(it.1.buy_origin)),
    ("sell_seq", |it| seq(it.1.sell_origin)),
    ("sell_hash", |it| hash(it.1.sell_origin)),
    ("buy_stream", |it| {
        maybe(it.1.buy_origin.map(|it| it.stream))
    }),
    ("buy_day", |it| maybe(it.1.buy_origin.map(|it| it.day))),
    ("sell_stream", |it| {
        maybe(it.1.sell_origin.map(|it| it.stream))
    }),
    ("sell_day", |it| maybe(it.1.sell_origin.map(|it| it.day))),
];

/// `lots_audit_<year>.csv`.
#[must_use]
pub fn lots_audit(filing: &Filing<'_>) -> Vec<u8> {
    let rows = filing.rows().iter().map(|row| (filing, row));
    table(&COLUMNS, rows)
}

fn order(id: Option<&str>) -> Cell {
    text(id.unwrap_or_default())
}

fn replacements((filing, row): &Audited<'_>) -> Cell {
    let names = row
        .washes
        .iter()
        .filter_map(|it| filing.execution(it.replacement));
    let names: Vec<&str> = names.map(|it| it.id.as_ref()).collect();
    text(names.join(";"))
}

fn replaced((_, row): &Audited<'_>) -> Cell {
    let quantities: Vec<String> = row
        .washes
        .iter()
        .map(|it| it.quantity.to_string())
        .collect();
    exact(quantities.join(";"))
}

fn seq(origin: Option<&Origin>) -> Cell {
    maybe(origin.and_then(|it| it.seq))
}

fn hash(origin: Option<&Origin>) -> Cell {
    maybe(origin.and_then(|it| it.hash.as_deref()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::books::tax::{Carried, Cents};
    use crate::desk::tax::testing::{Year, lines};

    const HEADER: &str = "row_id,tax_year,account_id,symbol,asset_class,method,sell_trade_id,sell_order_id,\
        buy_trade_id,buy_order_id,quantity,acquired_at,acquired_date,holding_start_date,sold_at,sold_date,\
        days_held,term,unit_cost,original_basis,wash_basis_added,adjusted_basis,gross_proceeds,sell_fees,\
        net_proceeds,realized_gain_before_wash,wash_quantity,wash_disallowed,reported_gain,\
        replacement_buy_trade_ids,replacement_quantities,box,needs_review,buy_seq,buy_hash,sell_seq,\
        sell_hash,buy_stream,buy_day,sell_stream,sell_day";

    /// From 13 March to 15 December: 18 + 30 + 31 + 30 + 31 + 31 + 30 + 31 + 30 + 15 = 277 days.
    #[test]
    fn a_line_is_enough_to_redo_the_row() {
        let year = Year::new();
        let text = lines(lots_audit(&year.filing()));
        let found: Vec<&str> = text.lines().collect();
        assert_eq!(found[0], HEADER);
        assert_eq!(
            found[1],
            "2025-s1-p1,2025,main,XYZ,equity,fifo,s1,,b1,order-1,100,2025-03-03T15:00:00.000Z,\
             2025-03-03,2025-03-03,2025-06-10T15:00:00.000Z,2025-06-10,99,SHORT,15.004900,1500.49,0.00,\
             1500.49,1235.00,0.50,1234.50,-265.99,100,265.99,0.00,b2,100,A,,0,0000,1,0001,fills,2025-01-02,fills,2025-01-03"
        );
        assert_eq!(
            found[2],
            "2025-s2-p1,2025,main,XYZ,equity,fifo,s2,,b2,,60,2025-06-20T15:00:00.000Z,2025-06-20,2025-03-13,\
             2025-12-15T15:00:00.000Z,2025-12-15,277,SHORT,12.000000,720.00,159.59,879.59,1200.00,\
             1.00,1199.00,319.41,0,0.00,319.41,,,A,,2,0002,3,0003,fills,2025-01-04,fills,2025-01-05"
        );
        // What would be a formula is none, and a row's id begins with its year.
        assert!(found[3].starts_with("2025-=a2-p1,2025,'-joint,ABC,equity,fifo,'=a2,,'=a1,,10,"));
        assert!(
            found[3].contains(",-200.00,4,80.00,-120.00,'@r1,4,F,"),
            "{}",
            found[3]
        );
        assert_eq!(found.len(), 5);
    }

    #[test]
    fn of_a_lot_from_elsewhere_only_the_day_is_known() {
        let mut year = Year::new();
        let day = year.book.disposals[2].acquired;
        year.executions[0].carried = Some(Carried {
            acquired: day,
            holding_start: day,
            basis: Cents::new(150_049),
            wash_added: Cents::ZERO,
        });
        let text = lines(lots_audit(&year.filing()));
        assert!(
            text.contains(",order-1,100,,2025-03-03,2025-03-03,"),
            "{text}"
        );
    }

    #[test]
    fn what_is_in_no_journal_has_no_line() {
        let mut year = Year::new();
        year.origins.iter_mut().for_each(|it| *it = None);
        let text = lines(lots_audit(&year.filing()));
        assert!(
            text.lines().nth(1).unwrap().ends_with(",b2,100,A,,,,,,,,,"),
            "{text}"
        );
    }
}
