//! A broker's Form 1099-B: rows of a file become what was reported of each lot.
//!
//! Always true:
//! - Every row is a sale, of another form or account, no sale at all, or an error; each is counted.
//! - A wrong row refuses the whole file: without it something would seem to be missing at the broker.
//! - Rows that are equal are two lots. Only what names no symbol is set apart, until somebody says what
//!   it is.
//!
//! Not here: reading the file itself.

use std::collections::{BTreeMap, BTreeSet};

use super::cell::{self, Mark};
use super::columns::{Column, Columns};
use crate::books::tax::{Cents, Term, Units};
use crate::desk::reconcile::{Row, RowError};
use crate::time::Day;

/// When a lot was bought, as a broker says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// On one day.
    On(Day),
    /// On several.
    Various,
    /// It is not said.
    Unsaid,
}

/// What a broker reported of one lot, or of several together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reported {
    /// On which line of the file it begins.
    pub line: u64,
    /// What was sold.
    pub symbol: String,
    /// How many.
    pub quantity: Units,
    /// When they were bought: box 1b.
    pub acquired: Acquired,
    /// When they were sold: box 1c.
    pub sold: Day,
    /// What came in: box 1d.
    pub proceeds: Cents,
    /// What they cost, earlier wash sales included: box 1e.
    pub basis: Option<Cents>,
    /// What of a loss does not count: box 1g. `None` where the file has no such column.
    pub wash: Option<Cents>,
    /// Short or long: box 2.
    pub term: Option<Term>,
    /// Whether the basis was reported to the IRS: boxes 5 and 12. `None` where it is not said.
    pub is_covered: Option<bool>,
}

impl Reported {
    /// Whether its basis is nothing that the broker answers for.
    #[must_use]
    pub fn is_noncovered(&self) -> bool {
        self.is_covered == Some(false) || (self.basis.is_none() && self.is_covered.is_none())
    }
}

/// What names no symbol: a company, a CUSIP.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unnamed {
    /// What the file calls it.
    pub name: String,
    /// Its rows, with that name as their symbol.
    pub reported: Vec<Reported>,
}

/// How a file is read.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// Where its columns are.
    pub columns: &'a Columns,
    /// The symbols of what the broker calls otherwise: a company's name, a CUSIP.
    pub symbols: &'a BTreeMap<String, String>,
    /// The broker's number of the one account that counts, where a file has several.
    pub account: Option<&'a str>,
}

/// All that a broker reported.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Form {
    /// The lots, in the order of the file.
    pub reported: Vec<Reported>,
    /// What names no symbol: nothing is compared while there is any.
    pub unnamed: Vec<Unnamed>,
    /// How many rows there were below the header.
    pub rows: u64,
    /// Rows that are no sale: titles, sums, other forms.
    pub other: u64,
    /// Rows of accounts that do not count.
    pub of_other_accounts: u64,
    /// The broker's numbers of all accounts.
    pub accounts: BTreeSet<String>,
}

impl Form {
    /// Reads the rows below the header.
    ///
    /// # Errors
    /// Everything that is wrong with any row.
    pub fn read(
        rows: impl IntoIterator<Item = Row>,
        reading: Reading<'_>,
    ) -> Result<Form, Vec<RowError>> {
        let mut form = Form::default();
        let mut errors = Vec::new();
        let symbols = reading
            .symbols
            .iter()
            .map(|(name, symbol)| (plain(name), symbol.clone()));
        let symbols: BTreeMap<String, String> = symbols.collect();
        for row in rows {
            form.rows += 1;
            let cells = Cells {
                columns: reading.columns,
                row: &row,
            };
            if !cells.is_sale() {
                form.other += 1;
                continue;
            }
            let account = cells.of(Column::Account);
            form.accounts
                .extend(Some(account.to_owned()).filter(|it| !it.is_empty()));
            if reading.account.is_some_and(|it| it != account) {
                form.of_other_accounts += 1;
                continue;
            }
            match cells.reported(&symbols) {
                Ok((reported, true)) => form.reported.push(reported),
                Ok((reported, false)) => form.set_apart(reported),
                Err(error) => errors.push(error),
            }
        }
        match errors.is_empty() {
            true => Ok(form),
            false => Err(errors),
        }
    }

    fn set_apart(&mut self, reported: Reported) {
        let same = self
            .unnamed
            .iter_mut()
            .find(|it| it.name == reported.symbol);
        match same {
            Some(unnamed) => unnamed.reported.push(reported),
            None => {
                let name = reported.symbol.clone();
                self.unnamed.push(Unnamed {
                    name,
                    reported: vec![reported],
                });
            }
        }
    }
}

/// A name as it is compared with another one.
fn plain(name: &str) -> String {
    let words: Vec<String> = name.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ")
}

/// One row, with its columns.
struct Cells<'a> {
    columns: &'a Columns,
    row: &'a Row,
}

impl<'a> Cells<'a> {
    fn of(&self, column: Column) -> &'a str {
        self.columns.cell(column, &self.row.cells)
    }

    /// Whether it is one: not the header again, a title, a sum or another form.
    fn is_sale(&self) -> bool {
        let cells = &self.row.cells;
        let form = self.of(Column::Form);
        if self.columns.is_header(cells) || (self.columns.has(Column::Form) && !is_1099b(form)) {
            return false;
        }
        let says_something = |column| !cell::is_nothing(self.of(column));
        let first = cells.iter().map(|it| it.trim()).find(|it| !it.is_empty());
        let first = first.unwrap_or_default().to_lowercase();
        let is_sum = ["total", "subtotal", "sub-total", "grand total"]
            .iter()
            .any(|it| first.starts_with(it));
        let has_day = says_something(Column::Sold);
        has_day || (says_something(Column::Proceeds) && !is_sum && self.names_something())
    }

    fn names_something(&self) -> bool {
        let names = [Column::Symbol, Column::Cusip, Column::Description];
        names.iter().any(|it| !self.of(*it).is_empty())
    }

    /// What it says, and whether it names a symbol.
    fn reported(&self, symbols: &BTreeMap<String, String>) -> Result<(Reported, bool), RowError> {
        if self.row.cells.len() != self.columns.width() {
            let (cells, header) = (self.row.cells.len(), self.columns.width());
            let problem = format!("it has {cells} cells, and the header {header}");
            return Err(RowError {
                line: self.row.line,
                column: None,
                problem,
            });
        }
        let (said, symbol) = cell::description(self.of(Column::Description));
        let (symbol, is_named) = self.symbol(symbol, symbols)?;
        let quantity = match said.filter(|_| self.of(Column::Quantity).is_empty()) {
            Some(quantity) => quantity,
            None => self.read(Column::Quantity, "a quantity above 0", cell::quantity)?,
        };
        let (box_term, is_boxed) = self.read(
            Column::FormBox,
            "a box of Form 8949, such as A",
            cell::form_box,
        )?;
        let term = self.read(Column::Term, "a term, such as SHORT or LONG", cell::term)?;
        let wash = match self.columns.has(Column::Wash) {
            // Some write it as what is taken off the loss, below 0.
            true => self.amount(Column::Wash)?.or(Some(Cents::ZERO)).map(size),
            false => None,
        };
        let proceeds = self.amount(Column::Proceeds)?;
        let reported = Reported {
            line: self.row.line,
            symbol,
            quantity,
            acquired: self.acquired()?,
            sold: self.read(Column::Sold, "a day, such as 03/14/2025", cell::day)?,
            proceeds: proceeds
                .ok_or_else(|| self.wrong(Column::Proceeds, "an amount in dollars"))?,
            basis: self.amount(Column::Basis)?,
            wash,
            term: term.or(box_term),
            is_covered: self.is_covered()?.or(is_boxed),
        };
        Ok((reported, is_named))
    }

    /// The symbol, and whether it is one: somebody's word for it goes before what the row says.
    fn symbol(
        &self,
        described: Option<String>,
        symbols: &BTreeMap<String, String>,
    ) -> Result<(String, bool), RowError> {
        let columns = [Column::Symbol, Column::Cusip, Column::Description];
        let given = columns.map(|it| self.of(it));
        let said = given
            .iter()
            .find_map(|it| symbols.get(&plain(it)).filter(|_| !it.is_empty()));
        if let Some(symbol) = said {
            return Ok((symbol.clone(), true));
        }
        let [symbol, ..] = given;
        let is_cusip = symbol.len() == 9 && symbol.bytes().any(|it| it.is_ascii_digit());
        let upper = symbol.to_uppercase();
        if let Some(symbol) = cell::ticker(&upper).filter(|_| !is_cusip).or(described) {
            return Ok((symbol, true));
        }
        let [symbol, cusip, description] = given;
        let name = [description, symbol, cusip]
            .into_iter()
            .find(|it| !it.is_empty());
        match name {
            Some(name) => Ok((name.to_owned(), false)),
            None => Err(self.wrong(Column::Symbol, "the name of what was sold")),
        }
    }

    fn acquired(&self) -> Result<Acquired, RowError> {
        let text = self.of(Column::Acquired);
        let is_various = matches!(plain(text).as_str(), "various" | "var" | "multiple" | "vrs");
        match (is_various, cell::is_nothing(text) || text == "0") {
            (true, _) => Ok(Acquired::Various),
            (_, true) => Ok(Acquired::Unsaid),
            _ => self
                .read(Column::Acquired, "a day or VARIOUS", cell::day)
                .map(Acquired::On),
        }
    }

    /// Whether the basis was reported, by boxes 5 and 12.
    fn is_covered(&self) -> Result<Option<bool>, RowError> {
        let mark = |column| match self.columns.has(column) {
            true => self
                .read(column, "a mark, such as X or Y", cell::mark)
                .map(Some),
            false => Ok(None),
        };
        let noncovered = mark(Column::Noncovered)?;
        let reported = mark(Column::BasisReported)?;
        // What is said in words, or by a mark, goes before a box without one.
        Ok(match (noncovered, reported) {
            (Some(Mark::Covered(it)), _) | (_, Some(Mark::Covered(it) | Mark::Set(it @ true))) => {
                Some(it)
            }
            (Some(Mark::Set(is_noncovered)), _) => Some(!is_noncovered),
            (None, Some(Mark::Set(it))) => Some(it),
            (None, None) => None,
        })
    }

    fn amount(&self, column: Column) -> Result<Option<Cents>, RowError> {
        let text = self.of(column);
        if cell::is_nothing(text) {
            return Ok(None);
        }
        let amount = cell::amount(text);
        let wrong = || self.wrong(column, "an amount in dollars with at most two places");
        amount.map(Some).ok_or_else(wrong)
    }

    fn read<T>(
        &self,
        column: Column,
        wanted: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T, RowError> {
        read(self.of(column)).ok_or_else(|| self.wrong(column, wanted))
    }

    fn wrong(&self, column: Column, wanted: &str) -> RowError {
        RowError {
            line: self.row.line,
            column: Some(self.columns.title(column).to_owned()),
            problem: format!("must be {wanted}, got {:?}", self.of(column)),
        }
    }
}

fn is_1099b(text: &str) -> bool {
    matches!(
        cell::words(text).as_str(),
        "1099 b" | "1099b" | "form 1099 b" | "b"
    )
}

fn size(cents: Cents) -> Cents {
    cents.max(-cents)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::tax::form1099b::Named;

    fn rows(text: &str) -> Vec<Row> {
        let rows = (1..).zip(text.lines()).map(|(line, text)| Row {
            line,
            cells: text.split(';').map(str::to_owned).collect(),
        });
        rows.collect()
    }

    fn read(text: &str, symbols: &[(&str, &str)]) -> Result<Form, Vec<String>> {
        let rows = rows(text);
        let (header, columns) = Columns::among(&rows, &Named::new()).unwrap();
        let symbols = symbols
            .iter()
            .map(|it| (it.0.to_owned(), it.1.to_owned()))
            .collect();
        let reading = Reading {
            columns: &columns,
            symbols: &symbols,
            account: None,
        };
        let rows = rows.into_iter().skip(header + 1);
        Form::read(rows, reading).map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn rows_are_read_as_brokers_write_them() {
        let text = "\
            Short-term transactions\n\
            Description;Date acquired;Date sold;1d Proceeds;1e Cost basis;\
             1g Wash sale loss disallowed;Term;5 Noncovered\n\
            100 sh. XYZ;03/03/2025;06/10/25;$1,234.50;$1,500.49;($265.99);Short-term;\n\
            1,000 sh. ABC;VARIOUS;2025-12-20;300.00;--;;;X\n\
            Total short-term;;;1,534.50;1,500.49;265.99;;\n\
            Description;Date acquired;Date sold;1d Proceeds;1e Cost basis;\
             1g Wash sale loss disallowed;Term;5 Noncovered\n\
            Long-term transactions;;;;;;;\n";
        let form = read(text, &[]).unwrap();
        assert_eq!((form.rows, form.other), (5, 3));
        let [first, second] = &form.reported[..] else {
            panic!("{form:?}");
        };
        let wanted = Reported {
            line: 3,
            symbol: "XYZ".to_owned(),
            quantity: cell::quantity("100").unwrap(),
            acquired: Acquired::On(Day::new(2025, 3, 3).unwrap()),
            sold: Day::new(2025, 6, 10).unwrap(),
            proceeds: Cents::new(123_450),
            basis: Some(Cents::new(150_049)),
            wash: Some(Cents::new(26_599)),
            term: Some(Term::Short),
            is_covered: Some(true),
        };
        assert_eq!(*first, wanted);
        assert_eq!(second.acquired, Acquired::Various);
        assert_eq!((second.basis, second.wash), (None, Some(Cents::ZERO)));
        assert_eq!(second.term, None);
        assert!(second.is_noncovered());
    }

    #[test]
    fn a_file_of_several_forms_and_companies_names_is_read_too() {
        let text = "\
            1099-DIV;ACCOUNT NUMBER;ORDDIV\n\
            1099-DIV;12;5.00\n\
            1099-B;ACCOUNT NUMBER;DATE ACQUIRED;SALE DATE;DESCRIPTION;SHARES;COST BASIS;SALES PRICE;\
             TERM;WASH AMT DISALLOWED;FORM8949CODE;NON COVERED\n\
            1099-B;12;20240102;20250304;APPLE INC. COMMON STOCK;10;1000.00;2000.00;LONG;0.00;D;N\n\
            1099-B;13;;20250305;ACME CORP;5;;100.00;SHORT;0.00;B;Y\n\
            1099-INT;12;7.00\n";
        let form = read(text, &[("apple inc.  Common Stock", "AAPL")]).unwrap();
        assert_eq!(form.reported[0].symbol, "AAPL");
        assert_eq!(form.reported[0].term, Some(Term::Long));
        assert_eq!(form.unnamed.len(), 1);
        assert_eq!(form.unnamed[0].name, "ACME CORP");
        assert_eq!(form.unnamed[0].reported[0].acquired, Acquired::Unsaid);
        assert_eq!(form.unnamed[0].reported[0].is_covered, Some(false));
        assert_eq!(form.other, 1);
        assert_eq!(form.accounts.len(), 2);
    }

    #[test]
    fn a_cusip_is_no_symbol() {
        let text = "\
            Symbol;Quantity;Date sold;Proceeds;Cost basis\n\
            037833100;1;1/2/2025;1;1\n\
            brk.b;1;1/2/2025;1;1\n";
        let form = read(text, &[]).unwrap();
        assert_eq!(form.unnamed[0].name, "037833100");
        assert_eq!(form.reported[0].symbol, "BRK.B");
        // Without a column of box 1g nothing is said of wash sales.
        assert_eq!(form.reported[0].wash, None);
    }

    #[test]
    fn every_wrong_row_is_named_with_its_column() {
        let text = "\
            Symbol;Quantity;Date acquired;Date sold;Proceeds;Cost basis;Term\n\
            X;0;;1/2/2025;1;1;\n\
            X;1;soon;1/2/2025;1;1;\n\
            X;1;;31/2/2025;1;1;\n\
            X;1;;1/2/2025;1.234;1;\n\
            X;1;;1/2/2025;1;1;kurz\n\
            X;1;;1/2/2025;;1;\n\
            X;1;;1/2/2025;1\n";
        let errors = read(text, &[]).unwrap_err();
        let cents = "an amount in dollars with at most two places";
        assert_eq!(
            errors,
            [
                "2: column `Quantity`: must be a quantity above 0, got \"0\"",
                "3: column `Date acquired`: must be a day or VARIOUS, got \"soon\"",
                "4: column `Date sold`: must be a day, such as 03/14/2025, got \"31/2/2025\"",
                &format!("5: column `Proceeds`: must be {cents}, got \"1.234\""),
                "6: column `Term`: must be a term, such as SHORT or LONG, got \"kurz\"",
                "7: column `Proceeds`: must be an amount in dollars, got \"\"",
                "8: it has 5 cells, and the header 7",
            ]
        );
    }
}
