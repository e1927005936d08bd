//! Lots that were bought before the journal or at another broker, as rows of a table name them.
//!
//! Always true:
//! - What `open_lots_<date>.csv` of one year says can be read for the next one, as it is.
//! - A table with a wrong cell is refused as a whole, with every wrong cell named.
//! - Money is whole cents: a basis with more places is refused, never rounded.
//!
//! Not here: the file and its CSV, which the program reads.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use rust_decimal::Decimal;

use super::{UNNAMED_ACCOUNT, pair};
use crate::books::Zone;
use crate::books::tax::{Carried, Cents, Execution, Units};
use crate::desk::reconcile::Row;
use crate::record::field::{Action, AssetClass, Fee, Size};
use crate::time::{Day, Timestamp};

/// How rows become lots.
#[derive(Clone, Debug)]
pub struct OpeningLots<'a> {
    /// Where the days begin.
    pub zone: &'a Zone,
    /// What kinds of thing symbols are, where a row does not say it.
    pub classes: &'a BTreeMap<String, AssetClass>,
}

/// A lot that is there when the journal begins.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpeningLot {
    /// What its purchase is called; parts of one purchase are several lots.
    pub purchase: String,
    /// The loss that it replaces, if it does.
    pub replaces: Option<String>,
    /// The lot, as what was bought.
    pub execution: Execution<'static>,
}

/// What is wrong with a cell, or with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RowError {
    /// The line in the file.
    pub line: u64,
    /// The column, where it is one cell.
    pub column: Option<String>,
    /// What is wrong, and what to do.
    pub problem: String,
}

/// The columns that are known, each with whether there must be one.
const COLUMNS: [(Column, &str); 14] = [
    (Column::Account, "account_id"),
    (Column::Symbol, "symbol"),
    (Column::Acquired, "acquired_date"),
    (Column::Quantity, "quantity"),
    (Column::Basis, "basis"),
    (Column::Basis, "original_basis"),
    (Column::HoldingStart, "holding_start_date"),
    (Column::WashAdded, "wash_basis_added"),
    (Column::Adjusted, "adjusted_basis"),
    (Column::Class, "asset_class"),
    (Column::Id, "id"),
    (Column::Id, "buy_trade_id"),
    (Column::Price, "price"),
    (Column::Replaces, "is_replacement_for"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Column {
    Account,
    Symbol,
    Acquired,
    Quantity,
    Basis,
    HoldingStart,
    WashAdded,
    Adjusted,
    Class,
    Id,
    Price,
    Replaces,
}

impl OpeningLots<'_> {
    /// The lots of a table.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(&self, header: &[String], rows: &[Row]) -> Result<Vec<OpeningLot>, Vec<RowError>> {
        let places = places(header)?;
        let mut errors = Vec::new();
        let mut lots: Vec<OpeningLot> = Vec::with_capacity(rows.len());
        // How many lots one purchase has: its parts, after losses that some of them replaced.
        let mut parts: HashMap<String, u64> = HashMap::new();
        for row in rows {
            let is_blank = row.cells.iter().all(|it| it.trim().is_empty());
            if is_blank {
                continue;
            }
            if row.cells.len() != header.len() {
                let problem = format!("has {} cells, the header {}", row.cells.len(), header.len());
                errors.push(RowError::of(row.line, None, problem));
                continue;
            }
            let mut cells = Cells {
                row,
                header,
                places: &places,
                errors: &mut errors,
            };
            let Some(mut lot) = self.lot(&mut cells) else {
                continue;
            };
            let part = parts.entry(lot.purchase.clone()).or_insert(0);
            *part += 1;
            if 1 < *part {
                lot.execution.id = format!("{}/{part}", lot.purchase).into();
            }
            lots.push(lot);
        }
        match errors.is_empty() {
            true => Ok(lots),
            false => Err(errors),
        }
    }

    fn lot(&self, cells: &mut Cells<'_>) -> Option<OpeningLot> {
        let before = cells.errors.len();
        let symbol = cells.text(Column::Symbol);
        if symbol.is_none() {
            cells.wrong(Column::Symbol, "is missing");
        }
        let amount = "must be a number above 0, such as 12.5, with at most 18 places";
        let quantity = cells.needed(Column::Quantity, amount, quantity);
        let carried = carried(cells);
        let price = "must be a number of 0 or more";
        let price = cells.value(Column::Price, price, |it| it.parse::<Fee>().ok());
        let class = "must be equity, fund or crypto";
        let class = cells.value(Column::Class, class, |it| it.parse::<AssetClass>().ok());
        let id = cells.text(Column::Id);
        if before < cells.errors.len() {
            return None;
        }
        let (symbol, carried) = (symbol?, carried?);
        let by_symbol = self.classes.get(&symbol).copied();
        let by_pair = pair::parts(&symbol).map(|_| AssetClass::Crypto);
        let account = cells.text(Column::Account);
        let purchase = id.unwrap_or_else(|| format!("opening/{}", cells.row.line));
        let execution = Execution {
            id: purchase.clone().into(),
            at: first_instant(carried.acquired, self.zone),
            action: Action::Buy,
            symbol: symbol.into(),
            quantity: quantity?,
            price: price.map_or(Decimal::ZERO, Fee::value),
            commission: Decimal::ZERO,
            account_id: account.map_or(UNNAMED_ACCOUNT.into(), Into::into),
            order_id: Some(purchase.clone().into()),
            fee_asset: None,
            fee_value: None,
            asset_class: class
                .or(by_symbol)
                .or(by_pair)
                .unwrap_or(AssetClass::Equity),
            lots: Vec::new(),
            carried: Some(carried),
        };
        Some(OpeningLot {
            purchase,
            replaces: cells.text(Column::Replaces),
            execution,
        })
    }
}

/// What it cost, and since when it is held.
fn carried(cells: &mut Cells<'_>) -> Option<Carried> {
    let day = "must be a day such as 2025-10-26";
    let acquired = cells.needed(Column::Acquired, day, |it| it.parse::<Day>().ok());
    let start = cells.value(Column::HoldingStart, day, |it| it.parse::<Day>().ok());
    let money = "must be dollars of 0 or more with at most two places, such as 1234.50";
    let basis = cells.needed(Column::Basis, money, cents);
    let added = cells
        .value(Column::WashAdded, money, cents)
        .unwrap_or(Cents::ZERO);
    let adjusted = cells.value(Column::Adjusted, money, cents);
    if let (Some(start), Some(acquired)) = (start, acquired)
        && acquired < start
    {
        cells.wrong(Column::HoldingStart, "must not be after acquired_date");
    }
    if let (Some(adjusted), Some(basis)) = (adjusted, basis)
        && adjusted != basis + added
    {
        let rule = format!(
            "must be the basis and what was added to it, {}",
            basis + added
        );
        cells.wrong(Column::Adjusted, &rule);
    }
    let acquired = acquired?;
    Some(Carried {
        acquired,
        holding_start: start.unwrap_or(acquired),
        basis: basis?,
        wash_added: added,
    })
}

/// Where each column is, or what is wrong with the header.
fn places(header: &[String]) -> Result<BTreeMap<Column, usize>, Vec<RowError>> {
    let mut places = BTreeMap::new();
    let mut errors = Vec::new();
    let wrong = |name: &str, problem: String| RowError::of(1, Some(name), problem);
    for (place, name) in header.iter().enumerate() {
        // A file of a spreadsheet may begin with a byte order mark.
        let name = name.trim_start_matches('\u{feff}').trim();
        let Some((column, _)) = COLUMNS.iter().find(|it| it.1.eq_ignore_ascii_case(name)) else {
            let known: Vec<&str> = COLUMNS.iter().map(|it| it.1).collect();
            errors.push(wrong(name, format!("is none of {}", known.join(", "))));
            continue;
        };
        if places.insert(*column, place).is_some() {
            errors.push(wrong(name, "is there twice".to_owned()));
        }
    }
    let needed = [
        Column::Symbol,
        Column::Acquired,
        Column::Quantity,
        Column::Basis,
    ];
    for column in needed {
        if !places.contains_key(&column) && errors.is_empty() {
            errors.push(wrong(column.name(), "is missing".to_owned()));
        }
    }
    match errors.is_empty() {
        true => Ok(places),
        false => Err(errors),
    }
}

impl Column {
    fn name(self) -> &'static str {
        let found = COLUMNS.iter().find(|it| it.0 == self);
        found.map_or("", |it| it.1)
    }
}

/// A row that is being read.
struct Cells<'a> {
    row: &'a Row,
    header: &'a [String],
    places: &'a BTreeMap<Column, usize>,
    errors: &'a mut Vec<RowError>,
}

impl Cells<'_> {
    /// What stands there, without the mark that keeps a spreadsheet from taking it for a formula.
    fn text(&self, column: Column) -> Option<String> {
        let cell = self.row.cells.get(*self.places.get(&column)?)?.trim();
        let is_guarded = cell.starts_with("'=")
            || cell.starts_with("'+")
            || cell.starts_with("'-")
            || cell.starts_with("'@");
        let text = if is_guarded { &cell[1..] } else { cell };
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn value<T>(
        &mut self,
        column: Column,
        rule: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(column)?;
        let parsed = parse(&text);
        if parsed.is_none() {
            self.wrong(column, &format!("{rule}, got {text:?}"));
        }
        parsed
    }

    fn needed<T>(
        &mut self,
        column: Column,
        rule: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        if self.text(column).is_none() {
            self.wrong(column, "is missing");
        }
        self.value(column, rule, parse)
    }

    fn wrong(&mut self, column: Column, problem: &str) {
        let name = self.places.get(&column).and_then(|it| self.header.get(*it));
        let name = name.map_or(column.name(), String::as_str);
        let error = RowError::of(self.row.line, Some(name), problem.to_owned());
        self.errors.push(error);
    }
}

fn quantity(text: &str) -> Option<Decimal> {
    let quantity = text.parse::<Size>().ok()?.value();
    Units::of(quantity).map(|_| quantity)
}

fn cents(text: &str) -> Option<Cents> {
    text.parse().ok().filter(|it| Cents::ZERO <= *it)
}

/// The first instant of a day there: before everything that was done on it.
fn first_instant(day: Day, zone: &Zone) -> Timestamp {
    let begin = |offset: i32| {
        let secs = day.start().unix_secs() - i64::from(offset);
        Timestamp::from_unix(secs, 0).unwrap_or_else(|_| day.start())
    };
    // The offset of that instant, which is another one where the clocks were changed meanwhile.
    let about = begin(zone.offset(day.start()));
    begin(zone.offset(about))
}

impl RowError {
    fn of(line: u64, column: Option<&str>, problem: String) -> RowError {
        RowError {
            line,
            column: column.map(str::to_owned),
            problem,
        }
    }
}

/// Such as `3: basis: is missing`.
impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "{}: {column}: {}", self.line, self.problem),
            None => write!(f, "{}: {}", self.line, self.problem),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<OpeningLot>, Vec<String>> {
        let mut lines = text
            .lines()
            .map(|it| it.split(',').map(str::to_owned).collect());
        let header: Vec<String> = lines.next().unwrap();
        let rows: Vec<Row> = (2..)
            .zip(lines)
            .map(|(line, cells)| Row { line, cells })
            .collect();
        let zone = Zone::new(|_| -5 * 3600);
        let classes = BTreeMap::from([("VTI".to_owned(), AssetClass::Fund)]);
        let lots = OpeningLots {
            zone: &zone,
            classes: &classes,
        };
        let lots = lots.read(&header, &rows);
        lots.map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn what_one_year_leaves_open_is_what_the_next_begins_with() {
        let lots = read(
            "account_id,symbol,buy_trade_id,acquired_date,holding_start_date,quantity,original_basis,wash_basis_added,adjusted_basis,is_replacement_for\n\
             main,AAPL,'-a1,2024-06-03,2024-01-05,10,1500.00,20.50,1520.50,row-7\n\
             main,AAPL,'-a1,2024-06-03,2024-06-03,5.5,750,0.00,750.00,\n",
        )
        .unwrap();
        let [first, second] = &lots[..] else { panic!() };
        assert_eq!(
            (&*first.execution.id, &*second.execution.id),
            ("-a1", "-a1/2")
        );
        assert_eq!(first.execution.order_id, second.execution.order_id);
        let carried = first.execution.carried.unwrap();
        assert_eq!(carried.holding_start.to_string(), "2024-01-05");
        assert_eq!(carried.basis, Cents::new(150_000));
        assert_eq!(carried.wash_added, Cents::new(2050));
        assert_eq!(first.replaces.as_deref(), Some("row-7"));
        assert_eq!(second.replaces, None);
        assert_eq!(first.execution.at.to_string(), "2024-06-03T05:00:00.000Z");
    }

    #[test]
    fn a_few_columns_are_enough_and_the_rest_has_defaults() {
        let lots = read(
            "symbol,acquired_date,quantity,basis\n\nVTI,2020-02-29,3,600\nBTC-USD,2020-03-01,0.5,4000.00\n",
        );
        let lots = lots.unwrap();
        let [fund, coin] = &lots[..] else { panic!() };
        assert_eq!(fund.execution.id, "opening/3");
        assert_eq!(fund.execution.account_id, UNNAMED_ACCOUNT);
        assert_eq!(fund.execution.asset_class, AssetClass::Fund);
        assert_eq!(coin.execution.asset_class, AssetClass::Crypto);
        assert_eq!(fund.execution.carried.unwrap().wash_added, Cents::ZERO);
    }

    #[test]
    fn every_wrong_cell_is_named_with_its_line_and_column() {
        let wrong = read(
            "symbol,acquired_date,quantity,basis,holding_start_date,adjusted_basis,wash_basis_added\n\
             ,2024-13-01,0,1.005,,,\n\
             A,2024-01-02,1,10.00,2024-01-03,11,0.5\n\
             A,2024-01-02\n",
        );
        assert_eq!(
            wrong.unwrap_err(),
            [
                "2: symbol: is missing",
                "2: quantity: must be a number above 0, such as 12.5, with at most 18 places, got \"0\"",
                "2: acquired_date: must be a day such as 2025-10-26, got \"2024-13-01\"",
                "2: basis: must be dollars of 0 or more with at most two places, such as 1234.50, got \"1.005\"",
                "3: holding_start_date: must not be after acquired_date",
                "3: adjusted_basis: must be the basis and what was added to it, 10.50",
                "4: has 2 cells, the header 7",
            ]
        );
        let wrong = read("symbol,symbol,bais\nA,B,1\n").unwrap_err();
        assert_eq!(wrong[0], "1: symbol: is there twice");
        assert!(wrong[1].starts_with("1: bais: is none of account_id, symbol,"));
        let wrong = read("symbol,quantity\nA,1\n").unwrap_err();
        assert_eq!(wrong, ["1: acquired_date: is missing"]);
    }
}
