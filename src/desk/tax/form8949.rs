//! Form 8949 as a table, and its totals with the lines of Schedule D that they go to.
//!
//! Always true:
//! - A row's gain is its proceeds less its basis plus its adjustment. The basis has what earlier losses
//!   added to it, and not what is disallowed of the row's own loss, which is the adjustment and positive.
//! - The day of the purchase is the real one; the part follows the term, which may have begun earlier.
//! - Totals are added to the cent.

use super::figures::Figures;
use super::filing::{Filing, Row};
use super::form_box::FormBox;
use super::printed::{Column, Printed};
use super::table::{Cell, dollars, exact, table, text, us_date};

const COLUMNS: [Column; 15] = [
    ("Part", |it| exact(it.row.form_box.part())),
    ("Box", |it| exact(it.row.form_box)),
    ("Description", |it| text(it.row.description())),
    ("Date Acquired", |it| {
        exact(us_date(it.row.disposal.acquired))
    }),
    ("Date Sold", |it| it.sold()),
    ("Proceeds", |it| it.proceeds()),
    ("Cost Basis", |it| it.basis()),
    ("Adjustment Code", |it| exact(it.row.code())),
    ("Adjustment Amount", |it| it.adjustment()),
    ("Gain or Loss", |it| it.gain()),
    ("Term", |it| exact(it.row.disposal.term)),
    ("Account", |it| text(&it.row.sell.account_id)),
    ("Quantity", |it| exact(it.row.disposal.quantity)),
    ("Symbol", |it| text(&it.row.buy.symbol)),
    ("Needs Review", |it| text(it.row.needs_review())),
];

/// `form8949_<year>.csv`: the rows of the form.
#[must_use]
pub fn form8949(filing: &Filing<'_>) -> Vec<u8> {
    let rows = filing.rows().iter();
    table(&COLUMNS, rows.map(|it| Printed::of(filing, it)))
}

/// The total of some rows of one box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Total {
    /// The box.
    pub form_box: FormBox,
    /// How many rows.
    pub rows: usize,
    /// Their sums, as the files have them.
    pub figures: Figures,
    /// The line of Schedule D.
    pub line: &'static str,
    /// The codes of column (f), where the total stands on the form for rows of an attached statement.
    pub code: &'static str,
    /// Which rows.
    pub of: TotalOf,
}

/// Which rows of a box a total is of. The first is one way to file, the other two together are another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TotalOf {
    /// All of them: each on the form, or this total with code M and a statement.
    All,
    /// Those without an adjustment, of a box with reported basis: they may go to Schedule D without the form.
    Direct,
    /// Those that stay on the form then.
    Rest,
}

impl TotalOf {
    fn words(self) -> &'static str {
        match self {
            TotalOf::All => {
                "all rows of the box: each on Form 8949 or this total with its code and a statement"
            }
            TotalOf::Direct => "instead: rows without an adjustment on Schedule D alone",
            TotalOf::Rest => "instead: the other rows on Form 8949",
        }
    }
}

/// The totals of each box that has rows, in the order of the boxes.
#[must_use]
pub fn totals(filing: &Filing<'_>) -> Vec<Total> {
    let mut found = Vec::new();
    for form_box in FormBox::all() {
        let rows = || {
            filing
                .rows()
                .iter()
                .filter(move |it| it.form_box == form_box)
        };
        let washed = rows().filter(|it| !it.code().is_empty()).count();
        let total = |of: TotalOf, line, code| {
            let is_in = move |row: &&Row<'_>| match of {
                TotalOf::All => true,
                TotalOf::Direct => row.code().is_empty(),
                TotalOf::Rest => !row.code().is_empty(),
            };
            Total {
                form_box,
                rows: rows().filter(is_in).count(),
                figures: filing.total(rows().filter(is_in)),
                line,
                code,
                of,
            }
        };
        let code = if washed == 0 { "M" } else { "MW" };
        found.push(total(TotalOf::All, form_box.schedule_d(), code));
        if let Some(direct) = form_box.direct_line() {
            found.push(total(TotalOf::Direct, direct, ""));
            found.push(total(TotalOf::Rest, form_box.schedule_d(), ""));
        }
    }
    found.retain(|it| it.rows != 0);
    found
}

type TotalColumn = (&'static str, fn(&(Total, bool)) -> Cell);

const TOTAL_COLUMNS: [TotalColumn; 10] = [
    ("Part", |it| exact(it.0.form_box.part())),
    ("Box", |it| exact(it.0.form_box)),
    ("Rows", |it| exact(it.0.rows)),
    ("Proceeds", |it| exact(dollars(it.0.figures.proceeds, it.1))),
    ("Cost Basis", |it| exact(dollars(it.0.figures.basis, it.1))),
    ("Adjustment", |it| {
        exact(dollars(it.0.figures.adjustment, it.1))
    }),
    ("Gain or Loss", |it| exact(dollars(it.0.figures.gain, it.1))),
    ("Schedule D Line", |it| exact(it.0.line)),
    ("Code", |it| exact(it.0.code)),
    ("Rows Are", |it| exact(it.0.of.words())),
];

/// `form8949_<year>_totals.csv`. The lines that begin with `instead` are another way to file the same rows:
/// they are not to be added to the others.
#[must_use]
pub fn form8949_totals(filing: &Filing<'_>) -> Vec<u8> {
    let is_whole = filing.request().whole_dollars;
    let rows = totals(filing).into_iter().map(|it| (it, is_whole));
    table(&TOTAL_COLUMNS, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::tax::testing::{Year, lines};

    const HEADER: &str = "Part,Box,Description,Date Acquired,Date Sold,Proceeds,Cost Basis,Adjustment Code,\
        Adjustment Amount,Gain or Loss,Term,Account,Quantity,Symbol,Needs Review\n";
    const TOTALS_HEADER: &str = "Part,Box,Rows,Proceeds,Cost Basis,Adjustment,Gain or Loss,Schedule D Line,\
        Code,Rows Are\n";
    const ALL: &str =
        "all rows of the box: each on Form 8949 or this total with its code and a statement";

    #[test]
    fn the_rows_of_the_form() {
        let year = Year::new();
        let unsaid = "no box was given for the account: no form 1099 is assumed";
        let wanted = format!(
            "{HEADER}\
             I,A,100 sh. XYZ,03/03/2025,06/10/2025,1234.50,1500.49,W,265.99,0.00,SHORT,main,100,XYZ,\n\
             I,A,60 sh. XYZ,06/20/2025,12/15/2025,1199.00,879.59,,,319.41,SHORT,main,60,XYZ,\n\
             II,F,10 sh. ABC,01/10/2023,12/20/2025,300.00,500.00,W,80.00,-120.00,LONG,'-joint,10,ABC,\
             {unsaid}; a purchase until 2026-01-19 may still replace the loss; \
             another account replaced the loss: the broker's form does not show it; \
             a retirement account replaced the loss: it is gone\n\
             II,L,0.5 BTC,01/05/2024,02/01/2025,29985.00,20010.00,,,9975.00,LONG,\"coins, cold\",0.5,BTC-USD,\
             {unsaid}\n"
        );
        assert_eq!(lines(form8949(&year.filing())), wanted);
    }

    /// 1234.50 + 1199.00 = 2433.50; 1500.49 + 879.59 = 2380.08; 0.00 + 319.41 = 319.41.
    #[test]
    fn the_totals_say_both_ways_to_file() {
        let year = Year::new();
        let wanted = format!(
            "{TOTALS_HEADER}\
             I,A,2,2433.50,2380.08,265.99,319.41,1b,MW,{ALL}\n\
             I,A,1,1199.00,879.59,0.00,319.41,1a,,instead: rows without an adjustment on Schedule D alone\n\
             I,A,1,1234.50,1500.49,265.99,0.00,1b,,instead: the other rows on Form 8949\n\
             II,F,1,300.00,500.00,80.00,-120.00,10,MW,{ALL}\n\
             II,L,1,29985.00,20010.00,0.00,9975.00,10,M,{ALL}\n"
        );
        assert_eq!(lines(form8949_totals(&year.filing())), wanted);
    }

    /// 879.59 is 880, and 1199 - 880 = 319. The total is rounded from its cents: 2433.50 is 2434.
    #[test]
    fn whole_dollars_add_up_in_rows_and_in_totals() {
        let year = Year::new();
        let mut request = year.request();
        request.whole_dollars = true;
        let filing = Filing::new(request).unwrap();
        let form = lines(form8949(&filing));
        assert!(form.contains(",1235,1500,W,265,0,SHORT,"), "{form}");
        assert!(form.contains(",1199,880,,,319,SHORT,"), "{form}");
        assert!(form.contains(",300,500,W,80,-120,LONG,"), "{form}");
        let totals = lines(form8949_totals(&filing));
        assert!(
            totals.contains("I,A,2,2434,2380,265,319,1b,MW,"),
            "{totals}"
        );
    }

    #[test]
    fn a_year_without_sales_is_a_header() {
        let year = Year::new();
        let mut request = year.request();
        request.year = 2026;
        let filing = Filing::new(request).unwrap();
        assert_eq!(lines(form8949(&filing)), HEADER);
        assert_eq!(lines(form8949_totals(&filing)), TOTALS_HEADER);
    }
}
