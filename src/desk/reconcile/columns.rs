//! Which column of a broker's file holds what.
//!
//! Always true:
//! - A file without order ids is refused: orders are never matched by equal values.
//! - A column that is needed is there, and no name that is used stands twice in the header.
//!
//! Not here: what stands in the cells.

use std::{collections::BTreeMap, fmt, str::FromStr};

/// Whose order history a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// The orders of Robinhood's API as a table: one row an order.
    Robinhood,
    /// Alpaca's orders, or its account activities, where a row is one execution.
    Alpaca,
    /// Columns as they are named by whoever asks.
    Generic,
}

impl Format {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Robinhood => "robinhood",
            Format::Alpaca => "alpaca",
            Format::Generic => "generic",
        }
    }
}

macro_rules! columns {
    ($( $(#[$doc:meta])* $variant:ident = $name:literal, )*) => {
        /// What a column can hold.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Column {
            $( $(#[$doc])* $variant, )*
        }

        impl Column {
            /// Every one.
            pub const ALL: &'static [Column] = &[$( Column::$variant, )*];

            /// Its name, which is what a generic file calls it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $( Column::$variant => $name, )*
                }
            }
        }
    };
}

columns! {
    /// What the broker calls the order.
    OrderId = "order_id",
    /// What the broker calls the execution: with it a row is one execution, without it one order.
    ExecutionId = "execution_id",
    /// The order whose trade this one ends, under whose id the journal has its exits.
    EntryOrderId = "entry_order_id",
    /// When it was executed.
    Time = "time",
    /// What was traded.
    Symbol = "symbol",
    /// The direction.
    Side = "side",
    /// How many were executed; the state tells whether, unless there is `filled_quantity`.
    Quantity = "quantity",
    /// How many were executed, whatever the state.
    FilledQuantity = "filled_quantity",
    /// What one was traded at; of an order, the average.
    Price = "price",
    /// What the broker took.
    Fees = "fees",
    /// What became of the order.
    Status = "status",
    /// The account.
    Account = "account",
    /// What kind of event the row tells; only `FILL` is a trade.
    Activity = "activity",
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
        let found = Column::ALL.iter().find(|it| it.name() == name);
        found.copied().ok_or(UnknownColumn)
    }
}

/// Why the columns of a file cannot be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ColumnsError {
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
    /// Robinhood's account statement, or an export of robin_stocks, which have no order ids.
    #[error(
        "find the column of order_id: {what} has no order ids, and orders are never matched by their values"
    )]
    NoIds {
        /// What the file is.
        what: &'static str,
    },
}

/// Where the columns of one file are.
#[derive(Clone, Debug)]
pub struct Columns {
    format: Format,
    header: Vec<String>,
    /// For each column where it can stand; the first cell that is not empty counts.
    places: BTreeMap<Column, Vec<usize>>,
}

/// The names of a format's columns.
type Names = &'static [(Column, &'static [&'static str])];

const ROBINHOOD: Names = &[
    (Column::OrderId, &["order_id", "id"]),
    (Column::Time, &["last_transaction_at", "date"]),
    (Column::Symbol, &["symbol"]),
    (Column::Side, &["side"]),
    (Column::FilledQuantity, &["cumulative_quantity"]),
    (Column::Quantity, &["quantity"]),
    (Column::Price, &["average_price"]),
    (Column::Fees, &["fees"]),
    (Column::Status, &["state"]),
    (Column::Account, &["account_number"]),
];
const ALPACA_ORDERS: Names = &[
    (Column::OrderId, &["id"]),
    // An order that was cancelled after a part of it was filled has no `filled_at`.
    (Column::Time, &["filled_at", "updated_at"]),
    (Column::Symbol, &["symbol"]),
    (Column::Side, &["side"]),
    (Column::FilledQuantity, &["filled_qty"]),
    (Column::Price, &["filled_avg_price"]),
    (Column::Status, &["status"]),
];
const ALPACA_FILLS: Names = &[
    (Column::OrderId, &["order_id"]),
    (Column::ExecutionId, &["id"]),
    (Column::Time, &["transaction_time"]),
    (Column::Symbol, &["symbol"]),
    (Column::Side, &["side"]),
    (Column::Quantity, &["qty"]),
    (Column::Price, &["price"]),
    (Column::Account, &["account_id"]),
    (Column::Activity, &["activity_type"]),
];
const GENERIC: Names = &[
    (Column::OrderId, &["order_id"]),
    (Column::ExecutionId, &["execution_id"]),
    (Column::EntryOrderId, &["entry_order_id"]),
    (Column::Time, &["time"]),
    (Column::Symbol, &["symbol"]),
    (Column::Side, &["side"]),
    (Column::Quantity, &["quantity"]),
    (Column::FilledQuantity, &["filled_quantity"]),
    (Column::Price, &["price"]),
    (Column::Fees, &["fees"]),
    (Column::Status, &["status"]),
    (Column::Account, &["account"]),
];

/// The names that are given for columns.
pub type Named = BTreeMap<Column, String>;

impl Columns {
    /// Finds them. Without a format the header tells it, and what is nobody's is generic. `named` holds
    /// for any format, `generic` for a generic file alone.
    ///
    /// # Errors
    /// See [`ColumnsError`].
    pub fn find(
        header: &[String],
        format: Option<Format>,
        named: &Named,
        generic: &Named,
    ) -> Result<Columns, ColumnsError> {
        let header: Vec<String> = header.iter().map(|it| it.trim().to_owned()).collect();
        let seen = Header(&header);
        // Whoever named the column of a symbol for files of his own has such a file.
        let is_named = generic.contains_key(&Column::Symbol);
        let told = seen.format().or_else(|| {
            let is_listing = !is_named && seen.is_listing();
            is_listing.then_some(Format::Robinhood)
        });
        let format = format.or(told).unwrap_or(Format::Generic);
        let names = match format {
            Format::Robinhood => ROBINHOOD,
            Format::Alpaca if seen.has("transaction_time") => ALPACA_FILLS,
            Format::Alpaca => ALPACA_ORDERS,
            Format::Generic => GENERIC,
        };
        let mut places = BTreeMap::new();
        for column in Column::ALL {
            let of_file = generic.get(column).filter(|_| format == Format::Generic);
            let found = match named.get(column).or(of_file) {
                Some(name) => vec![seen.named(*column, name)?],
                None => seen.known(*column, names)?,
            };
            if !found.is_empty() {
                places.insert(*column, found);
            }
        }
        let columns = Columns {
            format,
            header: header.clone(),
            places,
        };
        columns.complete(names, seen)?;
        Ok(columns)
    }

    fn complete(&self, names: Names, seen: Header<'_>) -> Result<(), ColumnsError> {
        if !self.has(Column::OrderId) && seen.has("average_price") {
            let what = "a list of Robinhood's orders without `id`";
            return Err(ColumnsError::NoIds { what });
        }
        if !self.has(Column::OrderId) && seen.has("trans code") {
            let what = "Robinhood's account activity report";
            return Err(ColumnsError::NoIds { what });
        }
        let has_quantity = self.has(Column::Quantity) || self.has(Column::FilledQuantity);
        let needed = [
            (Column::OrderId, self.has(Column::OrderId)),
            (Column::Time, self.has(Column::Time)),
            (Column::Symbol, self.has(Column::Symbol)),
            (Column::Side, self.has(Column::Side)),
            (Column::Quantity, has_quantity),
            (Column::Price, self.has(Column::Price)),
        ];
        let Some((column, _)) = needed.into_iter().find(|it| !it.1) else {
            return Ok(());
        };
        let known = names.iter().filter(|it| it.0 == column).flat_map(|it| it.1);
        let known: Vec<&str> = known.copied().collect();
        Err(ColumnsError::Missing {
            column,
            looked_for: quoted(known),
            header: seen.shown(),
        })
    }

    /// Whose file it is.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
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

    /// The cell of a row, without the space around it; empty where there is none.
    pub(super) fn cell<'a>(&self, column: Column, cells: &'a [String]) -> &'a str {
        let places = self.places.get(&column).into_iter().flatten();
        let mut found = places.filter_map(|it| cells.get(*it)).map(|it| it.trim());
        // What a table of JSON writes where there is nothing.
        let is_there = |it: &&str| !matches!(*it, "" | "null" | "None" | "nan" | "NaN");
        found.find(is_there).unwrap_or_default()
    }

    /// What the file calls the column.
    pub(super) fn title(&self, column: Column) -> &str {
        let place = self.places.get(&column).and_then(|it| it.first());
        let name = place.and_then(|it| self.header.get(*it));
        name.map_or(column.name(), String::as_str)
    }
}

/// The first row of a file.
#[derive(Clone, Copy)]
struct Header<'a>(&'a [String]);

impl Header<'_> {
    fn format(self) -> Option<Format> {
        let has_all = |names: &[&str]| names.iter().all(|it| self.has(it));
        let is_fills = has_all(&["transaction_time", "order_id", "qty"]);
        if is_fills || has_all(&["filled_avg_price", "filled_qty", "id"]) {
            return Some(Format::Alpaca);
        }
        has_all(&["average_price", "side", "symbol"]).then_some(Format::Robinhood)
    }

    /// Whether it is that of Robinhood's orders as they come: they name an instrument, and no symbol.
    fn is_listing(self) -> bool {
        let names_none = ["instrument", "instrument_id", "cumulative_quantity"];
        let has_both = self.has("average_price") && self.has("side");
        has_both && names_none.iter().any(|it| self.has(it))
    }

    fn has(self, name: &str) -> bool {
        self.places(name).next().is_some()
    }

    fn places(self, name: &str) -> impl Iterator<Item = usize> {
        let all = self.0.iter().enumerate();
        all.filter(move |(_, it)| it.eq_ignore_ascii_case(name.trim()))
            .map(|it| it.0)
    }

    /// Where the name is that was given for a column.
    fn named(self, column: Column, name: &str) -> Result<usize, ColumnsError> {
        self.one(column, name)?
            .ok_or_else(|| ColumnsError::NotThere {
                column,
                name: name.to_owned(),
                header: self.shown(),
            })
    }

    /// Where the names are that a format has for a column.
    fn known(self, column: Column, names: Names) -> Result<Vec<usize>, ColumnsError> {
        let names = names.iter().filter(|it| it.0 == column).flat_map(|it| it.1);
        let mut found = Vec::new();
        for name in names {
            found.extend(self.one(column, name)?);
        }
        Ok(found)
    }

    fn one(self, column: Column, name: &str) -> Result<Option<usize>, ColumnsError> {
        let mut places = self.places(name);
        let first = places.next();
        match places.next() {
            Some(_) => Err(ColumnsError::Twice {
                column,
                name: name.to_owned(),
            }),
            None => Ok(first),
        }
    }

    fn shown(self) -> String {
        quoted(self.0.iter().map(String::as_str))
    }
}

fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|it| format!("`{it}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(header: &str, named: &[(Column, &str)]) -> Result<Columns, ColumnsError> {
        let header: Vec<String> = header.split(',').map(str::to_owned).collect();
        let named = named.iter().map(|it| (it.0, it.1.to_owned())).collect();
        Columns::find(&header, None, &Named::new(), &named)
    }

    #[test]
    fn a_header_tells_whose_file_it_is() {
        for (header, format) in [
            (
                "id,symbol,side,state,cumulative_quantity,average_price,last_transaction_at",
                Format::Robinhood,
            ),
            (
                "ID, Symbol ,Side,Quantity,Average_Price,Date",
                Format::Robinhood,
            ),
            (
                "id,symbol,side,filled_qty,filled_avg_price,filled_at,status",
                Format::Alpaca,
            ),
            (
                "id,activity_type,transaction_time,price,qty,side,symbol,order_id",
                Format::Alpaca,
            ),
            ("order_id,time,symbol,side,quantity,price", Format::Generic),
        ] {
            assert_eq!(find(header, &[]).unwrap().format(), format, "{header}");
        }
    }

    #[test]
    fn robinhoods_orders_as_they_come_lack_a_symbol_and_nothing_else() {
        let header = "id,instrument,instrument_id,side,state,quantity,cumulative_quantity,average_price,fees,\
                      last_transaction_at";
        let error = find(header, &[]).unwrap_err();
        assert!(
            matches!(
                error,
                ColumnsError::Missing {
                    column: Column::Symbol,
                    ..
                }
            ),
            "{error}"
        );
        let with_symbol = format!("{header},symbol");
        assert_eq!(find(&with_symbol, &[]).unwrap().format(), Format::Robinhood);
        // A file of somebody's own that has the same names stays his own.
        let own = "order_id,time,instrument,side,quantity,average_price";
        let named = [
            (Column::Symbol, "instrument"),
            (Column::Price, "average_price"),
        ];
        assert_eq!(find(own, &named).unwrap().format(), Format::Generic);
    }

    #[test]
    fn a_file_without_ids_or_columns_is_refused_with_the_reason() {
        let text = |header: &str, named: &[_]| find(header, named).unwrap_err().to_string();
        let robin_stocks = "symbol,date,order_type,side,fees,quantity,average_price";
        assert_eq!(
            text(robin_stocks, &[]),
            "find the column of order_id: a list of Robinhood's orders without `id` has no order ids, and orders \
             are never matched by their values"
        );
        let report = "Activity Date,Process Date,Settle Date,Instrument,Description,Trans Code,Quantity,Price,Amount";
        assert!(text(report, &[]).contains("Robinhood's account activity report has no order ids"));
        assert_eq!(
            text("Order No,When", &[(Column::OrderId, "Order No")]),
            "find the column of time: the header has none of `time`; it has `Order No`, `When`"
        );
        assert_eq!(
            text("a,b", &[(Column::OrderId, "c")]),
            "find the column of order_id: the header has no `c`; it has `a`, `b`"
        );
        assert_eq!(
            text("order_id,ORDER_ID", &[]),
            "find the column of order_id: `order_id` is there twice"
        );
    }

    #[test]
    fn the_first_cell_that_says_something_counts() {
        let columns = find(
            "id,symbol,side,filled_qty,filled_avg_price,filled_at,updated_at",
            &[],
        )
        .unwrap();
        let row = ["x", "AAPL", "buy", "1", "2", "null", " later "].map(str::to_owned);
        assert_eq!(columns.cell(Column::Time, &row), "later");
        assert_eq!(columns.cell(Column::Fees, &row), "");
    }
}
