//! Tax Exchange Format V042, which desktop tax programs read.
//!
//! Always true:
//! - ASCII, one field a line, a line ends in CR LF, which readers of the format prefer.
//! - Every row is of record format 5, which ends in the disallowed loss: positive, or nothing but `$`. The
//!   basis stands before the proceeds.
//! - There are no numbers for digital assets in boxes of their own: those rows are left out and counted.
//!
//! Not here: 682 and 718, which are for wash sales told apart from their row.

use crate::time::Day;

use super::filing::{Filing, Row};
use super::left_out::{LeftOut, sifted};
use super::table::us_date;

/// A TXF file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Txf {
    /// What is in it.
    pub bytes: Vec<u8>,
    /// How many rows are in it.
    pub rows: usize,
    /// The digital assets that are not.
    pub left_out: LeftOut,
}

/// `form8949_<year>.txf`, made by `program` (its name and version) on a day.
#[must_use]
pub fn txf(filing: &Filing<'_>, program: &str, made: Day) -> Txf {
    let (rows, left_out) = sifted(filing, |it| it.form_box.txf_number().is_some());
    let made = format!("D {}", us_date(made));
    let header = ["V042".to_owned(), format!("A{}", ascii(program)), made];
    let mut out = String::new();
    record(&mut out, header);
    for row in &rows {
        if let Some(number) = row.form_box.txf_number() {
            record(&mut out, fields(filing, row, number));
        }
    }
    Txf {
        bytes: out.into_bytes(),
        rows: rows.len(),
        left_out,
    }
}

fn fields(filing: &Filing<'_>, row: &Row<'_>, number: u16) -> [String; 10] {
    let disallowed = match row.code() {
        "" => String::new(),
        _ => filing.dollars(row.figures.adjustment),
    };
    [
        "TD".to_owned(),
        format!("N{number}"),
        "C1".to_owned(),
        "L1".to_owned(),
        format!("P{} {}", row.disposal.quantity, ascii(row.asset())),
        format!("D{}", us_date(row.disposal.acquired)),
        format!("D{}", us_date(row.disposal.sold)),
        format!("${}", filing.dollars(row.figures.basis)),
        format!("${}", filing.dollars(row.figures.proceeds)),
        format!("${disallowed}"),
    ]
}

fn record(out: &mut String, fields: impl IntoIterator<Item = String>) {
    for field in fields {
        out.push_str(&field);
        out.push_str("\r\n");
    }
    out.push_str("^\r\n");
}

/// A text in the characters that the format has: a line break would begin another field.
fn ascii(text: &str) -> String {
    let plain = |it: char| match it {
        ' '..='~' => it,
        _ => '?',
    };
    text.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::books::tax::Cents;
    use crate::desk::tax::testing::{Year, day, lines};

    /// The layout is that of the examples of the specification of 30 November 2011, record format 5.
    #[test]
    fn each_row_is_a_record_of_format_5() {
        let year = Year::new();
        let file = txf(&year.filing(), "tradejournal 0.1.0", day("2026-01-10"));
        let wanted = "V042\nAtradejournal 0.1.0\nD 01/10/2026\n^\n\
            TD\nN321\nC1\nL1\nP100 XYZ\nD03/03/2025\nD06/10/2025\n$1500.49\n$1234.50\n$265.99\n^\n\
            TD\nN321\nC1\nL1\nP60 XYZ\nD06/20/2025\nD12/15/2025\n$879.59\n$1199.00\n$\n^\n\
            TD\nN714\nC1\nL1\nP10 ABC\nD01/10/2023\nD12/20/2025\n$500.00\n$300.00\n$80.00\n^\n";
        assert_eq!(lines(file.bytes), wanted);
        assert_eq!(file.rows, 3);
        assert_eq!(file.left_out.rows, 1);
        assert_eq!(file.left_out.figures.gain, Cents::new(997_500));
    }

    #[test]
    fn other_characters_do_not_get_through() {
        assert_eq!(ascii("\u{c5}ngstr\u{f6}m\n^"), "?ngstr?m?^");
    }
}
