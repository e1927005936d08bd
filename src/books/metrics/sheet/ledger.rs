//! The trades of a tear sheet as whole numbers, in the order in which they count.
//!
//! Always true:
//! - Rows are in the order of their exits; at equal times, of the log.
//! - A result is a whole number of units, the last place of the most precise of them. All sums of results
//!   are sums of whole numbers, and exact.
//! - The sizes of a column added up, with the starting equity where there is one, fit into 127 bits, and are
//!   not larger than a decimal can be; so is every sum of a part of it, with any signs.
//! - The day of a row is not before the day of the row before it.
//!
//! Not here: what the numbers come to.

use rust_decimal::Decimal;

use crate::books::ClosedTrade;
use crate::books::metrics::Exact;
use crate::time::Timestamp;

use super::{SheetError, SheetOptions, roots};

/// Decimals with more places than this are looked at without the zeros at their end.
const PLACES_PLAIN: u32 = 9;

/// What a sheet is made of.
#[derive(Debug)]
pub(super) struct Ledger<'a> {
    pub(super) rows: Vec<Row<'a>>,
    pub(super) scales: Scales,
    /// The equity before the first trade in units.
    pub(super) start: Option<i128>,
    /// When equity was still what it was at the start: the first entry, or the first exit where that is
    /// earlier than all entries that are known.
    pub(super) began: Option<Timestamp>,
    /// The first entry that is known.
    pub(super) first_entry: Option<Timestamp>,
    pub(super) entry_time_unknown: u64,
    pub(super) label_conflicts: u64,
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
    place: u64,
    /// The day of its exit in the sheet's zone, in days since 1970.
    pub(super) day: i32,
    /// The weekday of its exit, 0 for Monday.
    pub(super) weekday: usize,
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
        let scales = Scales::of(trades, options);
        let mut results = Column::new("results", scales.result);
        let start = match options.start()? {
            Some(equity) => match scales.result.units(equity) {
                Some(units) => Some(units),
                None => return Err(results.without_room(trades, options)),
            },
            None => None,
        };
        results.sizes = start.unwrap_or_default().saturating_abs();
        let mut ledger = Ledger {
            rows: Vec::with_capacity(trades.len()),
            scales,
            start,
            began: None,
            first_entry: None,
            entry_time_unknown: 0,
            label_conflicts: 0,
        };
        for trade in trades {
            let result = results.take(options.basis.of(trade), trade)?;
            ledger.take(trade, result, options);
        }
        let key = |it: &Row<'_>| (it.exited, it.place);
        if !ledger.rows.is_sorted_by_key(key) {
            ledger.rows.sort_by_key(key);
        }
        hold_days(&mut ledger.rows);
        Ok(ledger)
    }

    fn take(&mut self, trade: &'a ClosedTrade, result: i128, options: &SheetOptions) {
        let value = options.basis.of(trade);
        // An entry after its exit is none.
        let entered = trade.entered.filter(|it| *it <= trade.exited);
        let began = entered.unwrap_or(trade.exited);
        let earlier = |than: Option<Timestamp>, it| Some(than.map_or(it, |than| than.min(it)));
        self.began = earlier(self.began, began);
        match entered {
            Some(entered) => self.first_entry = earlier(self.first_entry, entered),
            None => self.entry_time_unknown += 1,
        }
        self.label_conflicts += u64::from(trade.label_conflict);
        let day = options.zone.day(trade.exited).unix_days();
        self.rows.push(Row {
            trade,
            result,
            side: Side::of(value, options.breakeven_tolerance),
            began,
            entry_known: entered.is_some(),
            exited: trade.exited,
            place: trade.place,
            day,
            weekday: weekday(day),
        });
    }

    pub(super) fn last_exit(&self) -> Option<Timestamp> {
        self.rows.last().map(|it| it.exited)
    }

    /// Results and equity as the number they stand for.
    pub(super) fn money(&self, units: i128) -> Exact {
        self.scales.result.exact(units)
    }
}

/// A zone may set its clocks back past midnight; a day that has begun is not ended by that.
fn hold_days(rows: &mut [Row<'_>]) {
    let mut latest = i32::MIN;
    for row in rows {
        latest = latest.max(row.day);
        row.day = latest;
    }
}

/// Days after Monday.
pub(super) fn weekday(unix_days: i32) -> usize {
    // 1970-01-01 was a Thursday.
    usize::try_from((i64::from(unix_days) + 3).rem_euclid(7)).unwrap_or_default()
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

/// The places of each column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scales {
    /// Results and equity.
    pub(super) result: Scale,
    pub(super) gross: Scale,
    pub(super) commission: Scale,
    pub(super) entry_commission: Scale,
    pub(super) slippage: Scale,
    pub(super) entry_price: Scale,
}

impl Scales {
    fn of(trades: &[ClosedTrade], options: &SheetOptions) -> Scales {
        let start = options.start().ok().flatten();
        let mut scales = Scales {
            result: Scale(start.map_or(0, |it| it.normalized().places())),
            gross: Scale(0),
            commission: Scale(0),
            entry_commission: Scale(0),
            slippage: Scale(0),
            entry_price: Scale(0),
        };
        for trade in trades {
            scales.result.widen(options.basis.of(trade));
            scales.gross.widen(trade.gross);
            scales.commission.widen(trade.commission);
            scales.entry_commission.widen(trade.entry_commission);
            scales.slippage.widen(trade.slippage);
            if let Some(price) = trade.entry_price {
                scales.entry_price.widen(price.value());
            }
        }
        scales
    }
}

/// How many places the whole numbers of a column stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scale(pub(super) u32);

impl Scale {
    fn widen(&mut self, value: Decimal) {
        self.0 = self.0.max(places(value));
    }

    /// `value` in units; `None` where it has more places, or units would be too many.
    pub(super) fn units(self, value: impl Into<Exact>) -> Option<i128> {
        value.into().units_at(self.0)
    }

    /// A mean or deviation of units as the number it stands for.
    pub(super) fn float(self, units: f64) -> f64 {
        roots::scaled(units, self.0)
    }

    /// Units as the number they stand for.
    pub(super) fn exact(self, units: i128) -> Exact {
        Exact::of_units(units, self.0)
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
    /// What it is at most.
    sizes_max: i128,
}

impl Column {
    pub(super) fn new(field: &'static str, scale: Scale) -> Column {
        Column {
            field,
            scale,
            sizes: 0,
            sizes_max: scale.units(Decimal::MAX).unwrap_or(i128::MAX),
        }
    }

    /// The error of a starting equity beside which one of the results has too many places.
    fn without_room(&self, trades: &[ClosedTrade], options: &SheetOptions) -> SheetError {
        let finest = trades.iter().max_by_key(|it| places(options.basis.of(it)));
        match finest {
            Some(trade) => SheetError::TooLarge {
                field: self.field,
                order_id: trade.order_id.clone(),
            },
            None => SheetError::Equity,
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
        let sizes = sizes.filter(|it| *it <= self.sizes_max);
        self.sizes = sizes.ok_or_else(too_large)?;
        Ok(units)
    }
}
