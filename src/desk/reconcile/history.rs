//! A broker's order history: rows of a file become orders.
//!
//! Always true:
//! - Every row is an execution, a repeated one, no trade, or an error; each is counted.
//! - The executions of one order are summed exactly: quantity, money, fees.
//! - A wrong row refuses the whole file: what is left would look like trades that the broker does not
//!   have.
//!
//! Not here: reading the file itself, and time zones.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, hash_map},
    fmt,
};

use rust_decimal::Decimal;

use super::cell::{self, Intent, State, Words};
use super::columns::{Column, Columns};
use crate::desk::exact::{Average, product};
use crate::record::field::{Action, OrderId, sum};
use crate::time::Timestamp;

/// One row of a file below its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// On which line of the file it begins.
    pub line: u64,
    /// Its cells.
    pub cells: Vec<String>,
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}: {}{problem}", in_column(column))]
#[non_exhaustive]
pub struct RowError {
    /// The line of the file.
    pub line: u64,
    /// What the file calls the column; nothing where the row as a whole is wrong.
    pub column: Option<String>,
    /// What is wrong with it.
    pub problem: String,
}

fn in_column(column: &Option<String>) -> String {
    let text = column.as_ref().map(|it| format!("column `{it}`: "));
    text.unwrap_or_default()
}

/// An order that was executed, in whole or in part.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BrokerOrder {
    /// What the broker calls it.
    pub order_id: OrderId,
    /// The order whose trade it ends, where that is known.
    pub entry_order_id: Option<OrderId>,
    /// What was traded, which need not be a symbol that a record can hold.
    pub symbol: String,
    /// The direction.
    pub action: Action,
    /// What it was for.
    pub intent: Intent,
    /// How many were executed.
    pub quantity: Decimal,
    /// Exactly what they cost.
    pub total: Decimal,
    /// What one cost.
    pub average: Average,
    /// What the broker took, where the file says so of every execution.
    pub fees: Option<Decimal>,
    /// When the last execution was.
    pub at: Timestamp,
    /// When the first one was, as far as the file has a row of it.
    pub first_at: Timestamp,
    /// The account, where the file says so.
    pub account: Option<String>,
    /// The lines of the file that it comes from.
    pub lines: Vec<u64>,
}

/// What is to be known for reading a file.
pub struct Reading<'a> {
    /// Where its columns are.
    pub columns: &'a Columns,
    /// What words the broker has.
    pub words: &'a Words,
    /// The instant of a time without a zone.
    pub local: &'a dyn Fn(&str) -> Result<Timestamp, String>,
    /// Of which entries some orders are the exits, beyond what the file says.
    pub exits: &'a BTreeMap<String, OrderId>,
}

impl fmt::Debug for Reading<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading")
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}

/// All orders of a file.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct History {
    /// The orders, by id and direction.
    pub orders: Vec<BrokerOrder>,
    /// How many rows there were.
    pub rows: u64,
    /// Rows of orders of which nothing was executed: cancelled, rejected, still open.
    pub unfilled: u64,
    /// Rows that tell of something else than an order.
    pub other: u64,
    /// Rows that repeat an earlier one, each with the line of that.
    pub repeated: Vec<(u64, u64)>,
    /// Rows whose time had no zone.
    pub zoneless: u64,
    /// Orders that were called exits and are not executed in the file.
    pub unknown_exits: Vec<String>,
}

impl History {
    /// Reads the rows.
    ///
    /// # Errors
    /// Everything that is wrong with any row.
    pub fn read(
        rows: impl IntoIterator<Item = Row>,
        reading: &Reading<'_>,
    ) -> Result<History, Vec<RowError>> {
        let mut history = History::default();
        let mut seen: HashMap<String, Execution> = HashMap::new();
        let mut orders: BTreeMap<(OrderId, Action), BrokerOrder> = BTreeMap::new();
        let mut errors = Vec::new();
        for row in rows {
            history.rows += 1;
            let taken = history.execution(&row, reading).and_then(|found| {
                let Some(execution) = found else {
                    return Ok(());
                };
                if history.is_repeated(&execution, &mut seen, reading)? {
                    return Ok(());
                }
                add(&mut orders, execution, reading)
            });
            errors.extend(taken.err());
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let known: BTreeSet<&str> = orders.keys().map(|it| it.0.as_str()).collect();
        let unknown = reading
            .exits
            .keys()
            .filter(|it| !known.contains(it.as_str()));
        history.unknown_exits = unknown.cloned().collect();
        history.orders = orders.into_values().collect();
        Ok(history)
    }

    /// The execution that a row tells of; nothing where it is no trade.
    fn execution(
        &mut self,
        row: &Row,
        reading: &Reading<'_>,
    ) -> Result<Option<Execution>, RowError> {
        let columns = reading.columns;
        if row.cells.len() != columns.width() {
            let (found, wanted) = (row.cells.len(), columns.width());
            let problem = format!("has {found} cells, and the header {wanted}");
            return Err(wrong_row(row.line, problem));
        }
        let cells = Cells { row, reading };
        if columns.has(Column::Activity)
            && !cells.text(Column::Activity).eq_ignore_ascii_case("fill")
        {
            self.other += 1;
            return Ok(None);
        }
        let Some(quantity) = cells.executed()? else {
            self.unfilled += 1;
            return Ok(None);
        };
        let (at, is_zoneless) = cells.time()?;
        self.zoneless += u64::from(is_zoneless);
        let order_id = cells.id(Column::OrderId)?;
        let side = cells.side()?;
        let entry = Some(cells.text(Column::EntryOrderId)).filter(|it| !it.is_empty());
        let entry = entry.and_then(|it| OrderId::try_from(it).ok());
        let entry = reading.exits.get(order_id.as_str()).cloned().or(entry);
        let account = Some(cells.text(Column::Account)).filter(|it| !it.is_empty());
        Ok(Some(Execution {
            line: row.line,
            key: match columns.has(Column::ExecutionId) {
                true => cells.id(Column::ExecutionId)?.as_str().to_owned(),
                false => order_id.as_str().to_owned(),
            },
            entry: entry.filter(|it| *it != order_id),
            order_id,
            at,
            symbol: cells.required(Column::Symbol)?.to_uppercase(),
            action: side.action,
            intent: side.intent,
            quantity,
            price: cells.price()?,
            fees: cells.fees()?,
            account: account.map(str::to_owned),
        }))
    }

    /// Whether that execution, or where rows are orders that order, was there before.
    fn is_repeated(
        &mut self,
        execution: &Execution,
        seen: &mut HashMap<String, Execution>,
        reading: &Reading<'_>,
    ) -> Result<bool, RowError> {
        let before = match seen.entry(execution.key.clone()) {
            hash_map::Entry::Occupied(before) => before,
            hash_map::Entry::Vacant(place) => {
                place.insert(execution.clone());
                return Ok(false);
            }
        };
        let before = before.get();
        let is_same = Execution {
            line: before.line,
            ..execution.clone()
        } == *before;
        if is_same {
            self.repeated.push((execution.line, before.line));
            return Ok(true);
        }
        let (key, line) = (&execution.key, before.line);
        let problem = match reading.columns.has(Column::ExecutionId) {
            true => format!("execution {key} stands on line {line} too, with other values"),
            false => format!(
                "order {key} stands on line {line} too, with other values; where a row is one execution, name \
                 the column of execution_id"
            ),
        };
        Err(wrong_row(execution.line, problem))
    }
}

/// One row that is a trade.
#[derive(Clone, Debug, PartialEq)]
struct Execution {
    line: u64,
    /// What no two rows have in common.
    key: String,
    order_id: OrderId,
    entry: Option<OrderId>,
    at: Timestamp,
    symbol: String,
    action: Action,
    intent: Intent,
    quantity: Decimal,
    price: Decimal,
    fees: Option<Decimal>,
    account: Option<String>,
}

fn wrong_row(line: u64, problem: impl Into<String>) -> RowError {
    RowError {
        line,
        column: None,
        problem: problem.into(),
    }
}

fn add(
    orders: &mut BTreeMap<(OrderId, Action), BrokerOrder>,
    execution: Execution,
    reading: &Reading<'_>,
) -> Result<(), RowError> {
    let line = execution.line;
    let too_long = || wrong_row(line, "has more digits than can be added up exactly");
    let order = order_of(execution).ok_or_else(too_long)?;
    let key = (order.order_id.clone(), order.action);
    let Some(known) = orders.get_mut(&key) else {
        orders.insert(key, order);
        return Ok(());
    };
    if known.symbol != order.symbol {
        let (id, other) = (&order.order_id, &known.symbol);
        let column = reading.columns.title(Column::Symbol).to_owned();
        return Err(RowError {
            line,
            column: Some(column),
            problem: format!("order {id} is one of {other}, got \"{}\"", order.symbol),
        });
    }
    *known = known.and(&order).ok_or_else(too_long)?;
    Ok(())
}

fn order_of(execution: Execution) -> Option<BrokerOrder> {
    let total = product(execution.quantity, execution.price)?;
    Some(BrokerOrder {
        order_id: execution.order_id,
        entry_order_id: execution.entry,
        symbol: execution.symbol,
        action: execution.action,
        intent: execution.intent,
        quantity: execution.quantity,
        total,
        average: Average::of(total, execution.quantity)?,
        fees: execution.fees,
        at: execution.at,
        first_at: execution.at,
        account: execution.account,
        lines: vec![execution.line],
    })
}

impl BrokerOrder {
    /// Both as one: sums, and the times of the earliest and the latest.
    pub(super) fn and(&self, other: &BrokerOrder) -> Option<BrokerOrder> {
        let quantity = sum(self.quantity, other.quantity)?;
        let total = sum(self.total, other.total)?;
        let fees = match (self.fees, other.fees) {
            (Some(one), Some(two)) => Some(sum(one, two)?),
            _ => None,
        };
        Some(BrokerOrder {
            quantity,
            total,
            average: Average::of(total, quantity)?,
            fees,
            at: self.at.max(other.at),
            first_at: self.first_at.min(other.first_at),
            entry_order_id: self.entry_order_id.clone().or(other.entry_order_id.clone()),
            account: self.account.clone().or(other.account.clone()),
            lines: [&self.lines[..], &other.lines[..]].concat(),
            ..self.clone()
        })
    }
}

/// The cells of one row, read.
struct Cells<'a> {
    row: &'a Row,
    reading: &'a Reading<'a>,
}

impl<'a> Cells<'a> {
    fn text(&self, column: Column) -> &'a str {
        self.reading.columns.cell(column, &self.row.cells)
    }

    fn wrong(&self, column: Column, problem: impl fmt::Display) -> RowError {
        RowError {
            line: self.row.line,
            column: Some(self.reading.columns.title(column).to_owned()),
            problem: format!("{problem}, got {:?}", self.text(column)),
        }
    }

    fn required(&self, column: Column) -> Result<&'a str, RowError> {
        match self.text(column) {
            "" => Err(self.wrong(column, "is empty")),
            text => Ok(text),
        }
    }

    fn id(&self, column: Column) -> Result<OrderId, RowError> {
        OrderId::try_from(self.required(column)?).map_err(|_| self.wrong(column, "is no id"))
    }

    /// How many were executed; nothing where the order was not.
    fn executed(&self) -> Result<Option<Decimal>, RowError> {
        let columns = self.reading.columns;
        let column = match columns.has(Column::FilledQuantity) {
            true => Column::FilledQuantity,
            false => Column::Quantity,
        };
        // How many were executed says more than the state: a cancelled order may be executed in part.
        if column == Column::Quantity && columns.has(Column::Status) {
            let unknown =
                "is no state that is known: list it under `filled` or `unfilled` in [reconcile]";
            let in_part = "does not say how many were executed: name the column of filled_quantity";
            let state = self.reading.words.state(self.text(Column::Status));
            match state.ok_or_else(|| self.wrong(Column::Status, unknown))? {
                State::Filled => {}
                // The quantity of an execution is what was executed.
                State::Partly if columns.has(Column::ExecutionId) => {}
                State::Partly => return Err(self.wrong(Column::Status, in_part)),
                State::Unfilled => return Ok(None),
            }
        }
        if self.text(column).is_empty() {
            return Ok(None);
        }
        let quantity = self.decimal(column)?;
        // Some brokers write what was sold with a minus; the direction has a column of its own.
        Ok(Some(quantity.abs()).filter(|it| !it.is_zero()))
    }

    fn decimal(&self, column: Column) -> Result<Decimal, RowError> {
        let rule = "must be a number such as 150.25, $1,234.50 or (12.30)";
        cell::decimal(self.required(column)?).ok_or_else(|| self.wrong(column, rule))
    }

    fn price(&self) -> Result<Decimal, RowError> {
        let price = self.decimal(Column::Price)?;
        match price.mantissa() > 0 {
            true => Ok(price),
            false => Err(self.wrong(Column::Price, "must be above 0")),
        }
    }

    fn fees(&self) -> Result<Option<Decimal>, RowError> {
        match self.text(Column::Fees) {
            "" => Ok(None),
            _ => self.decimal(Column::Fees).map(Some),
        }
    }

    fn side(&self) -> Result<cell::Side, RowError> {
        let side = self.reading.words.side(self.required(Column::Side)?);
        let unknown = "is no direction that is known: list it under `buy` or `sell` in [reconcile]";
        side.ok_or_else(|| self.wrong(Column::Side, unknown))
    }

    /// The instant, and whether it had no zone.
    fn time(&self) -> Result<(Timestamp, bool), RowError> {
        let text = self.required(Column::Time)?;
        if let Ok(instant) = text.replacen(' ', "T", 1).parse() {
            return Ok((instant, false));
        }
        let local = (self.reading.local)(text);
        local
            .map(|it| (it, true))
            .map_err(|problem| self.wrong(Column::Time, problem))
    }
}
