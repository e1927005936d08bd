//! What was expected: the rows of a file, read by the names of their columns.
//!
//! Always true:
//! - A column of an unknown name is refused, so that a misspelt one is not passed over.
//! - A number is read digit by digit, a time has a zone or is in that of whoever reads.
//! - Wrong rows are all named; with one of them nothing was read.

use std::fmt;

use rust_decimal::Decimal;

use super::traded::{Fill, Gathering, Traded};
use crate::desk::reconcile::{Row, RowError, Words, decimal};
use crate::record::field::Action;
use crate::record::{FillRecord, RESERVED, TradeRecord};
use crate::time::Timestamp;

/// What is looked for, and under which names, the best first.
const NAMES: [(&str, &[&str]); 8] = [
    ("order_id", &["order_id"]),
    ("symbol", &["symbol"]),
    ("side", &["side", "action"]),
    ("time", &["datetime_utc", "time", "timestamp"]),
    ("price", &["price"]),
    ("size", &["size", "quantity"]),
    ("fee", &["fee", "commission"]),
    ("pnl", &["pnl", "realized_pnl", "profit_loss"]),
];

/// The names that columns of a prediction have.
pub const COLUMNS: [&str; 14] = [
    "order_id",
    "symbol",
    "side",
    "action",
    "datetime_utc",
    "time",
    "timestamp",
    "price",
    "size",
    "quantity",
    "fee",
    "commission",
    "pnl",
    "realized_pnl",
];

/// What was expected.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Expected {
    /// The trades.
    pub trades: Vec<Traded>,
    /// How many rows there were.
    pub rows: u64,
    /// Rows whose time had no zone.
    pub zoneless: u64,
}

/// Why the columns of a file cannot be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpectedError {
    /// A name that means nothing.
    #[error("there is no column `{name}` in a prediction")]
    Unknown {
        /// The name.
        name: String,
    },
    /// A name is there twice.
    #[error("the column `{name}` is there twice")]
    Twice {
        /// The name.
        name: String,
    },
    /// A column that is needed is not there.
    #[error("there is no column for the {what}: it is called {names}")]
    Missing {
        /// What is missing.
        what: &'static str,
        /// The names that it may have.
        names: String,
    },
    /// Rows that are no predictions.
    #[error("{} rows are wrong", .0.len())]
    Rows(Vec<RowError>),
}

impl Expected {
    /// Reads the rows below a header, those of that symbol if one is named. `local` tells the instant of a
    /// time without a zone.
    ///
    /// # Errors
    /// What is wrong with the header, or everything that is wrong with any row.
    pub fn read(
        header: &[String],
        rows: impl IntoIterator<Item = Row>,
        symbol: Option<&str>,
        local: &dyn Fn(&str) -> Result<Timestamp, String>,
    ) -> Result<Expected, ExpectedError> {
        let columns = Columns::find(header)?;
        let mut expected = Expected::default();
        let (mut gathering, mut errors) = (Gathering::default(), Vec::new());
        for row in rows {
            expected.rows += 1;
            let cells = Cells {
                row: &row,
                columns: &columns,
                local,
            };
            let taken = cells.fill().and_then(|(fill, is_zoneless)| {
                if symbol.is_some_and(|it| it != fill.symbol) {
                    return Ok(());
                }
                expected.zoneless += u64::from(is_zoneless);
                let added = gathering.add(&fill);
                added.ok_or_else(|| {
                    wrong(&row, None, "has more digits than can be added up exactly")
                })
            });
            errors.extend(taken.err());
        }
        if !errors.is_empty() {
            return Err(ExpectedError::Rows(errors));
        }
        expected.trades = gathering.into_trades();
        Ok(expected)
    }
}

/// Where in a row each thing is, with what the file calls it.
struct Columns {
    places: Vec<Option<(usize, String)>>,
    width: usize,
}

impl Columns {
    fn find(header: &[String]) -> Result<Columns, ExpectedError> {
        let names: Vec<String> = header.iter().map(|it| it.trim().to_lowercase()).collect();
        for (index, name) in names.iter().enumerate() {
            let named = || name.clone();
            if names.iter().take(index).any(|it| it == name) {
                return Err(ExpectedError::Twice { name: named() });
            }
            if !is_known(name) {
                return Err(ExpectedError::Unknown { name: named() });
            }
        }
        let place = |wanted: &&str| {
            let index = names.iter().position(|it| it == wanted)?;
            Some((index, (*wanted).to_owned()))
        };
        let mut places = Vec::new();
        for (what, wanted) in NAMES {
            let found = wanted.iter().find_map(place);
            let may_miss = ["order_id", "fee", "pnl"].contains(&what);
            if found.is_none() && !may_miss {
                let names = wanted.join(" or ");
                return Err(ExpectedError::Missing { what, names });
            }
            places.push(found);
        }
        Ok(Columns {
            places,
            width: names.len(),
        })
    }

    fn of(&self, what: &str) -> Option<&(usize, String)> {
        let index = NAMES.iter().position(|it| it.0 == what)?;
        self.places.get(index)?.as_ref()
    }
}

/// Fills and trades of a journal have more columns, which say nothing here.
fn is_known(name: &str) -> bool {
    let is_wanted = NAMES.iter().any(|it| it.1.contains(&name));
    let fields = [FillRecord::FIELDS, TradeRecord::FIELDS, &RESERVED[..]];
    is_wanted || fields.iter().any(|it| it.contains(&name))
}

fn wrong(row: &Row, column: Option<&str>, problem: impl fmt::Display) -> RowError {
    RowError {
        line: row.line,
        column: column.map(str::to_owned),
        problem: problem.to_string(),
    }
}

/// One row, read.
struct Cells<'a> {
    row: &'a Row,
    columns: &'a Columns,
    local: &'a dyn Fn(&str) -> Result<Timestamp, String>,
}

impl<'a> Cells<'a> {
    fn fill(&self) -> Result<(Fill, bool), RowError> {
        if self.row.cells.len() != self.columns.width {
            let (found, wanted) = (self.row.cells.len(), self.columns.width);
            let problem = format!("has {found} cells, and the header {wanted}");
            return Err(wrong(self.row, None, problem));
        }
        let (at, is_zoneless) = self.time()?;
        let fill = Fill {
            line: self.row.line,
            order_id: self.text("order_id").map(str::to_owned),
            symbol: self.required("symbol")?.to_owned(),
            side: self.side()?,
            at,
            price: self.above_zero("price")?,
            size: self.above_zero("size")?,
            fee: self.number("fee")?,
            fee_asset: None,
            pnl: self.number("pnl")?,
        };
        Ok((fill, is_zoneless))
    }

    fn text(&self, what: &str) -> Option<&'a str> {
        let (index, _) = self.columns.of(what)?;
        let text = self.row.cells.get(*index)?.trim();
        Some(text).filter(|it| !it.is_empty())
    }

    fn wrong(&self, what: &str, problem: impl fmt::Display) -> RowError {
        let column = self.columns.of(what).map(|it| it.1.as_str());
        let got = self.text(what).unwrap_or_default();
        wrong(self.row, column, format!("{problem}, got {got:?}"))
    }

    fn required(&self, what: &str) -> Result<&'a str, RowError> {
        self.text(what).ok_or_else(|| self.wrong(what, "is empty"))
    }

    fn number(&self, what: &str) -> Result<Option<Decimal>, RowError> {
        let Some(text) = self.text(what) else {
            return Ok(None);
        };
        let rule = "must be a number such as 150.25";
        decimal(text)
            .map(Some)
            .ok_or_else(|| self.wrong(what, rule))
    }

    fn above_zero(&self, what: &str) -> Result<Decimal, RowError> {
        self.required(what)?;
        let number = self.number(what)?.filter(|it| 0 < it.mantissa());
        number.ok_or_else(|| self.wrong(what, "must be above 0"))
    }

    fn side(&self) -> Result<Action, RowError> {
        let side = Words::default().side(self.required("side")?);
        side.map(|it| it.action)
            .ok_or_else(|| self.wrong("side", "must be buy or sell"))
    }

    /// The instant, and whether it had no zone.
    fn time(&self) -> Result<(Timestamp, bool), RowError> {
        let text = self.required("time")?;
        if let Some(at) = text
            .replacen(' ', "T", 1)
            .parse()
            .ok()
            .or_else(|| unix(text))
        {
            return Ok((at, false));
        }
        let local = (self.local)(text);
        local
            .map(|it| (it, true))
            .map_err(|problem| self.wrong("time", problem))
    }
}

/// The instant of unix seconds with at most nine places.
fn unix(text: &str) -> Option<Timestamp> {
    let seconds =
        decimal(text).filter(|_| text.bytes().all(|it| it.is_ascii_digit() || it == b'.'))?;
    let seconds = seconds.normalize();
    let places = 9_u32.checked_sub(seconds.scale())?;
    let nanos = seconds
        .mantissa()
        .checked_mul(10_i128.checked_pow(places)?)?;
    Timestamp::from_unix_nanos(nanos).ok()
}
