//! The trades of a tear sheet as whole numbers, in the order in which they count.
//!
//! Always true:
//! - Rows are in the order of their exits; at equal times, of the log.
//! - A result is a whole number of units, the last place of the most precise of them. All sums of results
//!   are sums of whole numbers, and exact.
//! - The sizes of a column added up, with the starting equity where there is one, fit into a decimal; so
//!   does every sum of a part of it, with any signs.
//! - The day of a row is not before the day of the row before it.
//!
//! Not here: what the numbers come to.

use rust_decimal::Decimal;

use crate::books::ClosedTrade;
use crate::time::Timestamp;

use super::{SheetError, SheetOptions, roots};

/// The largest mantissa of a decimal.
const UNITS_MAX: i128 = (1 << 96) - 1;
/// Decimals with more places than this are looked at without the zeros at their end.
const PLACES_PLAIN: u32 = 9;

/// What a sheet is made of.
#[derive(Debug)]
pub(super) struct Ledger<'a> {
    pub(super) rows: Vec<Row<'a>>,
    /// The places of results and equity.
    pub(super) scale: Scale,
    /// The starting equity in units.
    pub(super) start: Option<i128>,
}

/// One trade.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    pub(super) trade: &'a ClosedTrade,
    /// Its result in units.
    pub(super) result: i128,
    pub(super) side: Side,
    /// When it was entered; where that is not known, when it was exited.
    pub(super) began: Timestamp,
    pub(super) entry_known: bool,
    pub(super) exited: Timestamp,
    /// The day of its exit in the sheet's zone, in days since 1970.
    pub(super) day: i32,
}

/// How a trade counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Win,
    Loss,
    Breakeven,
}

impl<'a> Ledger<'a> {
    pub(super) fn of(
        trades: &'a [ClosedTrade],
        options: &SheetOptions,
    ) -> Result<Ledger<'a>, SheetError> {
        let equity = options.starting_equity.map(|it| it.value());
        let results = trades.iter().map(|it| options.basis.of(it));
        let scale = Scale::of(results.chain(equity));
        let mut column = Column::new("results", scale);
        let start = match equity.map(|it| scale.units(it)) {
            Some(Some(units @ ..=UNITS_MAX)) => Some(units),
            Some(_) => return Err(SheetError::Equity),
            None => None,
        };
        column.sizes = start.unwrap_or_default();
        let tolerance = options.breakeven_tolerance;
        let mut rows = Vec::with_capacity(trades.len());
        for trade in in_order(trades) {
            let value = options.basis.of(trade);
            let entered = trade.entered.filter(|it| *it <= trade.exited);
            rows.push(Row {
                trade,
                result: column.take(value, trade)?,
                side: Side::of(value, tolerance),
                began: entered.unwrap_or(trade.exited),
                entry_known: entered.is_some(),
                exited: trade.exited,
                day: options.zone.day(trade.exited).unix_days(),
            });
        }
        hold_days(&mut rows);
        Ok(Ledger { rows, scale, start })
    }

    /// When equity was still what it was at the start: the first entry, or the first exit where that is
    /// earlier than all entries that are known.
    pub(super) fn began(&self) -> Option<Timestamp> {
        self.rows.iter().map(|it| it.began).min()
    }

    pub(super) fn last_exit(&self) -> Option<Timestamp> {
        self.rows.last().map(|it| it.exited)
    }

    pub(super) fn money(&self, units: i128) -> Decimal {
        self.scale.decimal(units)
    }
}

/// The trades in the order of their exits; at equal times, of the log.
fn in_order(trades: &[ClosedTrade]) -> Vec<&ClosedTrade> {
    let mut trades: Vec<&ClosedTrade> = trades.iter().collect();
    let key = |it: &&ClosedTrade| (it.exited, it.place);
    if !trades.is_sorted_by_key(key) {
        trades.sort_by_key(key);
    }
    trades
}

/// A zone may set its clocks back past midnight; a day that has begun is not ended by that.
fn hold_days(rows: &mut [Row<'_>]) {
    let mut latest = i32::MIN;
    for row in rows {
        latest = latest.max(row.day);
        row.day = latest;
    }
}

impl Side {
    fn of(value: Decimal, tolerance: Decimal) -> Side {
        let sign = value.mantissa().signum();
        let is_breakeven = sign == 0 || (!tolerance.is_zero() && value.abs() <= tolerance);
        match sign {
            _ if is_breakeven => Side::Breakeven,
            1.. => Side::Win,
            _ => Side::Loss,
        }
    }
}

/// How many places the whole numbers of a column stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scale(u32);

impl Scale {
    /// The places that hold all of `values`.
    pub(super) fn of(values: impl Iterator<Item = Decimal>) -> Scale {
        Scale(values.map(places).max().unwrap_or_default())
    }

    /// `value` in units; `None` where it has more places, or units would be too many.
    pub(super) fn units(self, value: Decimal) -> Option<i128> {
        if value.scale() == self.0 {
            return Some(value.mantissa());
        }
        let value = match self.0 < value.scale() {
            true => value.normalize(),
            false => value,
        };
        let factor = 10_i128.checked_pow(self.0.checked_sub(value.scale())?)?;
        value.mantissa().checked_mul(factor)
    }

    /// A mean or deviation of units as the number it stands for.
    pub(super) fn float(self, units: f64) -> f64 {
        roots::scaled(units, self.0)
    }

    /// Units as the number they stand for. They must come from columns that were checked.
    pub(super) fn decimal(self, units: i128) -> Decimal {
        Decimal::from_i128_with_scale(units, self.0)
    }
}

fn places(value: Decimal) -> u32 {
    match value.scale() {
        scale @ ..=PLACES_PLAIN => scale,
        _ => value.normalize().scale(),
    }
}

/// Numbers that are added up in any grouping.
#[derive(Debug)]
pub(super) struct Column {
    field: &'static str,
    scale: Scale,
    /// The sum of the sizes so far.
    sizes: i128,
}

impl Column {
    pub(super) fn new(field: &'static str, scale: Scale) -> Column {
        Column {
            field,
            scale,
            sizes: 0,
        }
    }

    /// A value of that trade in units.
    pub(super) fn take(&mut self, value: Decimal, trade: &ClosedTrade) -> Result<i128, SheetError> {
        let units = self.scale.units(value);
        self.take_units(units, trade)
    }

    /// The same of a value that is in units already, if it could be.
    pub(super) fn take_units(
        &mut self,
        units: Option<i128>,
        trade: &ClosedTrade,
    ) -> Result<i128, SheetError> {
        let too_large = || SheetError::TooLarge {
            field: self.field,
            order_id: trade.order_id.clone(),
        };
        let units = units.ok_or_else(too_large)?;
        let sizes = units
            .checked_abs()
            .and_then(|it| self.sizes.checked_add(it));
        self.sizes = sizes.filter(|it| *it <= UNITS_MAX).ok_or_else(too_large)?;
        Ok(units)
    }
}
