//! Tables as CSV: rows of cells that a spreadsheet opens right.
//!
//! Always true:
//! - The lines are those of RFC 4180: each ends in CR LF, and a cell with a comma, a quotation mark or a line
//!   break is quoted. Tax programs read these files, and most of them run on Windows.
//! - A text that a spreadsheet would take for a formula begins with an apostrophe. Numbers and dates are ours
//!   and never do, so that `-12.50` is a number.
//! - A column is its name and its value in one place: they cannot drift apart.

use std::fmt::Display;

use crate::books::tax::{Cents, Units};
use crate::books::wide::scaled_half_up;
use crate::record::cell::{ROW_END, push_exact, push_text};
use crate::time::Day;

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// A text from outside.
    Text(String),
    /// A number, a date or a word of ours.
    Exact(String),
}

/// A text from outside.
pub(super) fn text(value: impl Display) -> Cell {
    Cell::Text(value.to_string())
}

/// A number, a date or a word of ours.
pub(super) fn exact(value: impl Display) -> Cell {
    Cell::Exact(value.to_string())
}

/// Such a cell, or an empty one.
pub(super) fn maybe(value: Option<impl Display>) -> Cell {
    value.map_or_else(empty, exact)
}

pub(super) fn empty() -> Cell {
    Cell::Exact(String::new())
}

/// The header and the rows, each cell in its column.
pub(super) fn table<R, F: Fn(&R) -> Cell>(
    columns: &[(&str, F)],
    rows: impl IntoIterator<Item = R>,
) -> Vec<u8> {
    let mut out = String::new();
    line(&mut out, columns.iter().map(|it| exact(it.0)));
    for row in rows {
        line(&mut out, columns.iter().map(|it| it.1(&row)));
    }
    out.into_bytes()
}

fn line(out: &mut String, cells: impl Iterator<Item = Cell>) {
    for (index, cell) in cells.enumerate() {
        if index != 0 {
            out.push(',');
        }
        match cell {
            Cell::Text(text) => push_text(out, &text),
            Cell::Exact(text) => push_exact(out, &text),
        }
    }
    out.push_str(ROW_END);
}

/// As the form has it: `10/26/2025`.
pub(super) fn us_date(day: Day) -> String {
    let text = day.to_string();
    match text.splitn(3, '-').collect::<Vec<_>>().as_slice() {
        [year, month, day] => format!("{month}/{day}/{year}"),
        _ => text,
    }
}

/// Dollars with cents, or without them where they are whole ones.
pub(super) fn dollars(sum: Cents, is_whole: bool) -> String {
    match is_whole {
        true => (sum.value() / 100).to_string(),
        false => sum.to_string(),
    }
}

/// What one of so many units comes to, in dollars: 12 places, half up, without the zeros after the sixth.
/// `None` of no units, and where it has too many digits.
pub(super) fn per_unit(sum: Cents, units: Units) -> Option<String> {
    // Cents to 12 places of a dollar is 10^10, and units are whole numbers of 10^-18.
    let size = scaled_half_up(sum.value().unsigned_abs(), 10_u128.pow(28), units.value())?;
    let (whole, rest) = (size / 10_u128.pow(12), size % 10_u128.pow(12));
    let (kept, fine) = (rest / 10_u128.pow(6), rest % 10_u128.pow(6));
    let sign = if sum < Cents::ZERO { "-" } else { "" };
    let mut text = format!("{sign}{whole}.{kept:06}");
    if fine != 0 {
        text.push_str(format!("{fine:06}").trim_end_matches('0'));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Column = (&'static str, fn(&&'static str) -> Cell);

    fn of(texts: &[&'static str]) -> String {
        let columns: [Column; 2] = [("text", |it| text(it)), ("exact", |it| exact(it))];
        let bytes = table(&columns, texts.iter().copied());
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_formula_is_a_text_and_a_number_stays_one() {
        assert_eq!(
            of(&["=1+1", "+1", "-12.50", "@SUM(A1)", "\tx", "a=b", ""]),
            "text,exact\r\n'=1+1,=1+1\r\n'+1,+1\r\n'-12.50,-12.50\r\n'@SUM(A1),@SUM(A1)\r\n\
             '\tx,\tx\r\na=b,a=b\r\n,\r\n"
        );
    }

    #[test]
    fn what_would_break_a_line_is_quoted() {
        assert_eq!(
            of(&["a,b", "say \"a\"", "a\nb", "=\"x\""]),
            "text,exact\r\n\"a,b\",\"a,b\"\r\n\"say \"\"a\"\"\",\"say \"\"a\"\"\"\r\n\"a\nb\",\"a\nb\"\r\n\
             \"'=\"\"x\"\"\",\"=\"\"x\"\"\"\r\n"
        );
    }

    #[test]
    fn the_cost_of_a_unit_has_six_places_and_as_many_more_as_it_takes() {
        let units = |text: &str| Units::of(text.parse().unwrap()).unwrap();
        for (cents, quantity, wanted) in [
            (150_049, "100", "15.004900"),
            // 59.00 / 3 = 19.666 666 666 666 67
            (5900, "3", "19.666666666667"),
            (1, "0.5", "0.020000"),
            // 12.34 dollars for a million of a cheap coin.
            (1234, "1000000", "0.00001234"),
            (-100, "3", "-0.333333333333"),
            (1, "0.000000000000000001", "10000000000000000.000000"),
        ] {
            let found = per_unit(Cents::new(cents), units(quantity));
            assert_eq!(found.as_deref(), Some(wanted));
        }
        assert_eq!(per_unit(Cents::new(1), Units::ZERO), None);
    }

    #[test]
    fn dates_are_those_of_the_form() {
        assert_eq!(us_date("2025-01-09".parse().unwrap()), "01/09/2025");
    }
}
