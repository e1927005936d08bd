//! Which column of a broker's Form 1099-B holds what.
//!
//! Always true:
//! - A column is found by its name, with or without the number of its box; of several that could be
//!   meant, the first name of the list counts.
//! - A column that is needed is there, and no name that is used stands twice in the header.
//!
//! Not here: what stands in the cells.

use std::{collections::BTreeMap, fmt, str::FromStr};

use super::cell::words;
use crate::desk::reconcile::Row;

/// What a column can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Column {
    /// Which form a row is of, where a file has several.
    Form,
    /// The broker's number of the account.
    Account,
    /// What was sold.
    Symbol,
    /// What was sold, by its CUSIP.
    Cusip,
    /// What was sold, in words, such as `100 sh. XYZ`.
    Description,
    /// How many were sold.
    Quantity,
    /// When they were bought, or `VARIOUS`.
    Acquired,
    /// When they were sold.
    Sold,
    /// What came in: box 1d.
    Proceeds,
    /// What they cost: box 1e.
    Basis,
    /// What of a loss does not count: box 1g.
    Wash,
    /// Short or long: box 2.
    Term,
    /// The box of Form 8949.
    FormBox,
    /// Whether the lot is not covered: box 5.
    Noncovered,
    /// Whether the basis was reported: box 12.
    BasisReported,
}

/// Its name, the number of its box, and what brokers call it.
struct Spelling {
    column: Column,
    name: &'static str,
    number: &'static str,
    names: &'static [&'static str],
}

const SPELLINGS: [Spelling; 15] = [
    spelled(Column::Form, "form", "", &["1099 b", "form type"]),
    spelled(
        Column::Account,
        "account",
        "",
        &["account", "account number", "account no", "account id"],
    ),
    spelled(
        Column::Symbol,
        "symbol",
        "",
        &[
            "symbol",
            "ticker",
            "ticker symbol",
            "security symbol",
            "stock symbol",
        ],
    ),
    spelled(
        Column::Cusip,
        "cusip",
        "",
        &["cusip", "cusip number", "cusip no", "security id"],
    ),
    spelled(
        Column::Description,
        "description",
        "1a",
        &[
            "description",
            "description of property",
            "security description",
            "property description",
            "security name",
            "security",
            "name",
            "fund name",
        ],
    ),
    spelled(
        Column::Quantity,
        "quantity",
        "",
        &[
            "quantity",
            "quantity sold",
            "shares",
            "shares sold",
            "number of shares",
            "qty",
            "units",
        ],
    ),
    spelled(
        Column::Acquired,
        "acquired",
        "1b",
        &[
            "date acquired",
            "acquired",
            "acquired date",
            "acquisition date",
            "date of acquisition",
            "open date",
            "opened date",
            "opening date",
            "purchase date",
            "buy date",
        ],
    ),
    spelled(
        Column::Sold,
        "sold",
        "1c",
        &[
            "date sold",
            "date sold or disposed",
            "date sold or disposed of",
            "sold",
            "sale date",
            "sales date",
            "sold date",
            "date of sale",
            "date of sale exchange",
            "disposed date",
            "disposal date",
            "close date",
            "closed date",
            "closing date",
            "sell date",
            "trade date",
        ],
    ),
    spelled(
        Column::Proceeds,
        "proceeds",
        "1d",
        &[
            "proceeds",
            "sales proceeds",
            "sale proceeds",
            "net proceeds",
            "gross proceeds",
            "total proceeds",
            "sales price",
            "proceeds sales price",
        ],
    ),
    spelled(
        Column::Basis,
        "basis",
        "1e",
        &[
            "cost basis",
            "cost or other basis",
            "adjusted cost basis",
            "adjusted cost or other basis",
            "adjusted cost",
            "cost",
            "basis",
            "total cost",
        ],
    ),
    spelled(
        Column::Wash,
        "wash",
        "1g",
        &[
            "wash sale loss disallowed",
            "wash sale disallowed",
            "wash sale loss",
            "wash sale amount",
            "wash sale adjustment",
            "wash amt disallowed",
            "disallowed loss",
            "disallowed wash sale loss",
            "loss disallowed",
            "disallowed",
            "wash sale",
        ],
    ),
    spelled(
        Column::Term,
        "term",
        "2",
        &[
            "term",
            "type of gain or loss",
            "type of gain loss",
            "gain or loss type",
            "gain type",
            "short long",
            "short or long",
            "long short",
            "short term long term",
            "long term short term",
            "holding period",
            "holding term",
        ],
    ),
    spelled(
        Column::FormBox,
        "form_box",
        "",
        &[
            "form 8949 code",
            "form8949code",
            "form 8949 box",
            "8949 box",
            "8949 code",
            "reporting category",
            "applicable checkbox on form 8949",
            "form 8949 checkbox",
            "category",
            "box",
        ],
    ),
    spelled(
        Column::Noncovered,
        "noncovered",
        "5",
        &[
            "noncovered",
            "non covered",
            "noncovered security",
            "noncovered securities",
            "check if noncovered security",
            "uncovered",
        ],
    ),
    spelled(
        Column::BasisReported,
        "basis_reported",
        "12",
        &[
            "basis reported to irs",
            "cost basis reported to irs",
            "check if basis reported to irs",
            "basis reported",
            "reported to irs",
            "covered",
            "covered security",
            "covered noncovered",
            "covered uncovered",
            "noncovered covered",
            "covered or noncovered",
        ],
    ),
];

const fn spelled(
    column: Column,
    name: &'static str,
    number: &'static str,
    names: &'static [&'static str],
) -> Spelling {
    Spelling {
        column,
        name,
        number,
        names,
    }
}

impl Column {
    /// Its name, by which a person says which one a file has for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        let found = SPELLINGS.iter().find(|it| it.column == self);
        found.map_or("", |it| it.name)
    }

    /// All names.
    pub fn names() -> impl Iterator<Item = &'static str> {
        SPELLINGS.iter().map(|it| it.name)
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that names no column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such column")]
#[non_exhaustive]
pub struct UnknownColumn;

impl FromStr for Column {
    type Err = UnknownColumn;

    fn from_str(name: &str) -> Result<Column, UnknownColumn> {
        let found = SPELLINGS.iter().find(|it| it.name == name);
        found.map(|it| it.column).ok_or(UnknownColumn)
    }
}

/// Why the columns of a file cannot be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ColumnsError {
    /// The file has no rows.
    #[error("find the columns: the file is empty")]
    Empty,
    /// Nothing in the header is what is needed.
    #[error("find the column of {column}: the header has none of {looked_for}; it has {header}")]
    Missing {
        /// What is needed.
        column: Column,
        /// The names that it may have.
        looked_for: String,
        /// The names that are there.
        header: String,
    },
    /// A name that was given for a column is not in the header.
    #[error("find the column of {column}: the header has no `{name}`; it has {header}")]
    NotThere {
        /// Which column.
        column: Column,
        /// The name that was given.
        name: String,
        /// The names that are there.
        header: String,
    },
    /// A name that is used stands twice in the header.
    #[error("find the column of {column}: `{name}` is there twice")]
    Twice {
        /// Which column.
        column: Column,
        /// The name.
        name: String,
    },
}

/// The names that are given for columns.
pub type Named = BTreeMap<Column, String>;

/// Where the columns of one file are.
#[derive(Clone, Debug)]
pub struct Columns {
    header: Vec<String>,
    places: BTreeMap<Column, usize>,
}

impl Columns {
    /// Finds the header among the rows of a file, which may begin with a title or with another form: the
    /// first row in which all columns are that are needed. Returns its place, too.
    ///
    /// # Errors
    /// [`ColumnsError`], of the row that looks most like one.
    pub fn among(rows: &[Row], named: &Named) -> Result<(usize, Columns), ColumnsError> {
        let mut best: Option<(usize, ColumnsError)> = None;
        for (at, row) in rows.iter().enumerate() {
            match Columns::find(&row.cells, named) {
                (_, Ok(columns)) => return Ok((at, columns)),
                (count, Err(error)) if best.as_ref().is_none_or(|it| it.0 < count) => {
                    best = Some((count, error));
                }
                _ => {}
            }
        }
        Err(best.map_or(ColumnsError::Empty, |it| it.1))
    }

    /// How many columns a row names, and them, if all are there that are needed.
    fn find(header: &[String], named: &Named) -> (usize, Result<Columns, ColumnsError>) {
        let header: Vec<String> = header.iter().map(|it| it.trim().to_owned()).collect();
        let mut places = BTreeMap::new();
        let mut error = None;
        for spelling in &SPELLINGS {
            match place(&header, spelling, named) {
                Ok(found) => places.extend(found.map(|it| (spelling.column, it))),
                Err(wrong) => error = error.or(Some(wrong)),
            }
        }
        let columns = Columns { header, places };
        let count = columns.places.len();
        let result = match error {
            Some(error) => Err(error),
            None => columns.complete().map_or(Ok(columns), Err),
        };
        (count, result)
    }

    /// What is needed and not there.
    fn complete(&self) -> Option<ColumnsError> {
        let any = |all: &[Column]| all.iter().any(|it| self.has(*it));
        let needed = [
            (Column::Sold, any(&[Column::Sold])),
            (Column::Proceeds, any(&[Column::Proceeds])),
            (Column::Basis, any(&[Column::Basis])),
            (
                Column::Symbol,
                any(&[Column::Symbol, Column::Cusip, Column::Description]),
            ),
            (
                Column::Quantity,
                any(&[Column::Quantity, Column::Description]),
            ),
        ];
        let (column, _) = needed.into_iter().find(|it| !it.1)?;
        let names = SPELLINGS.iter().filter(|it| it.column == column);
        Some(ColumnsError::Missing {
            column,
            looked_for: quoted(names.flat_map(|it| it.names).copied()),
            header: quoted(self.header.iter().map(String::as_str)),
        })
    }

    /// How many cells a row has.
    #[must_use]
    pub fn width(&self) -> usize {
        self.header.len()
    }

    /// Whether the file has that column.
    #[must_use]
    pub fn has(&self, column: Column) -> bool {
        self.places.contains_key(&column)
    }

    /// Whether a row is the header again.
    pub(super) fn is_header(&self, cells: &[String]) -> bool {
        let same = |(ours, theirs): (&String, &String)| ours == theirs.trim();
        self.header.len() == cells.len() && self.header.iter().zip(cells).all(same)
    }

    /// The cell of a row, without the space around it; empty where there is none.
    pub(super) fn cell<'a>(&self, column: Column, cells: &'a [String]) -> &'a str {
        let place = self.places.get(&column);
        place
            .and_then(|it| cells.get(*it))
            .map_or("", |it| it.trim())
    }

    /// What the file calls the column.
    pub(super) fn title(&self, column: Column) -> &str {
        let place = self.places.get(&column);
        let name = place.and_then(|it| self.header.get(*it));
        name.map_or(column.name(), String::as_str)
    }
}

/// Where a column is, if it is anywhere.
fn place(
    header: &[String],
    spelling: &Spelling,
    named: &Named,
) -> Result<Option<usize>, ColumnsError> {
    let column = spelling.column;
    let one = |name: &str, is_it: &dyn Fn(&str) -> bool| {
        let mut places = header.iter().enumerate().filter(|(_, it)| is_it(it));
        let first = places.next().map(|it| it.0);
        match places.next() {
            Some(_) => Err(ColumnsError::Twice {
                column,
                name: name.to_owned(),
            }),
            None => Ok(first),
        }
    };
    if let Some(name) = named.get(&column) {
        let found = one(name, &|it| it.eq_ignore_ascii_case(name.trim()))?;
        return found.map(Some).ok_or_else(|| ColumnsError::NotThere {
            column,
            name: name.clone(),
            header: quoted(header.iter().map(String::as_str)),
        });
    }
    for name in spelling.names {
        let found = one(name, &|it| words(it) == *name || unnumbered(it).1 == *name)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    let is_number = |it: &str| unnumbered(it) == (spelling.number.to_owned(), String::new());
    match spelling.number.is_empty() {
        true => Ok(None),
        false => one(spelling.number, &is_number),
    }
}

/// The number of a box that stands before a name, as in `Box 1d - Proceeds`, and the name.
fn unnumbered(title: &str) -> (String, String) {
    let plain = words(title);
    let rest = plain.strip_prefix("box ").unwrap_or(&plain);
    let (first, behind) = rest.split_once(' ').unwrap_or((rest, ""));
    let is_number = SPELLINGS
        .iter()
        .any(|it| !it.number.is_empty() && it.number == first);
    match is_number {
        true => (first.to_owned(), behind.to_owned()),
        false => (String::new(), plain),
    }
}

fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|it| format!("`{it}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> Row {
        Row {
            line: 1,
            cells: text.split(',').map(str::to_owned).collect(),
        }
    }

    fn find(header: &str, named: &[(Column, &str)]) -> Result<Columns, ColumnsError> {
        let named = named.iter().map(|it| (it.0, it.1.to_owned())).collect();
        Columns::among(&[row(header)], &named).map(|it| it.1)
    }

    #[test]
    fn headers_of_several_brokers_are_understood() {
        for header in [
            "1099-B,ACCOUNT NUMBER,TAX YEAR,DATE ACQUIRED,SALE DATE,DESCRIPTION,SHARES,COST BASIS,SALES PRICE,TERM,\
             WASH AMT DISALLOWED,ACCRDMKTDISCOUNT,FORM8949CODE,NON COVERED",
            "Symbol,Quantity,Date Acquired,Date Sold,Proceeds,Cost Basis,Wash Sale Loss Disallowed,Term,Covered/Noncovered",
            "1a Description of property,1b. Date acquired,1c. Date sold or disposed,1d Proceeds,\
             1e Cost or other basis,1f Accrued market discount,1g Wash sale loss disallowed,\
             2 Type of gain or loss,5 Noncovered,12 Basis reported to IRS",
            "Box 1a,Box 1b,Box 1c,Box 1d,Box 1e,Box 1g,Box 2,Box 5,Box 12",
            "Fund Name,CUSIP Number,Shares Sold,Date of Sale/Exchange,Date of Acquisition,Sales Price,\
             Cost or Other Basis,Wash Sale Loss Disallowed,Short-term/Long-term,Noncovered/Covered",
        ] {
            let columns = find(header, &[]).unwrap();
            for column in [Column::Acquired, Column::Wash, Column::Term] {
                assert!(columns.has(column), "{column} of {header}");
            }
            let is_covered = columns.has(Column::Noncovered) || columns.has(Column::BasisReported);
            assert!(is_covered, "{header}");
        }
    }

    #[test]
    fn the_header_need_not_be_the_first_row() {
        let rows = [
            row("Tax year 2025"),
            row("1099-DIV,ACCOUNT,ORDDIV"),
            row("1099-DIV,x,12.00"),
            row("symbol,quantity,date sold,proceeds,cost"),
        ];
        assert_eq!(Columns::among(&rows, &Named::new()).unwrap().0, 3);
    }

    #[test]
    fn a_file_without_what_is_needed_is_refused_with_the_reason() {
        let text = |header: &str, named: &[_]| find(header, named).unwrap_err().to_string();
        assert_eq!(
            text("symbol,quantity,date sold,amount", &[]),
            "find the column of proceeds: the header has none of `proceeds`, `sales proceeds`, `sale proceeds`, \
             `net proceeds`, `gross proceeds`, `total proceeds`, `sales price`, \
             `proceeds sales price`; it has `symbol`, `quantity`, `date sold`, `amount`"
        );
        assert_eq!(
            text("symbol", &[(Column::Sold, "Verkauft")]),
            "find the column of sold: the header has no `Verkauft`; it has `symbol`"
        );
        assert_eq!(
            text("symbol,Symbol,date sold,proceeds,cost,shares", &[]),
            "find the column of symbol: `symbol` is there twice"
        );
        let own = find(
            "Papier,Stück,Verkauft,Erlös,Kosten",
            &[
                (Column::Symbol, "Papier"),
                (Column::Quantity, "Stück"),
                (Column::Sold, "Verkauft"),
                (Column::Proceeds, "Erlös"),
                (Column::Basis, "Kosten"),
            ],
        );
        assert!(own.is_ok());
        assert_eq!(
            Columns::among(&[], &Named::new()).unwrap_err(),
            ColumnsError::Empty
        );
    }
}
