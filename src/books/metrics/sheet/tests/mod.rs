//! The tear sheet with numbers worked out by hand, and beside plain rescans.

mod drawdown;
mod properties;
mod ratios;
mod records;
mod refused;
mod rows;
mod testing;
mod trading;
mod year;

use rust_decimal::Decimal;

use crate::books::metrics::sheet::{Blank, SheetOptions, TearSheet};

use testing::{decimal, sheet, trades, with_equity};

fn some<T: From<Decimal>>(text: &str) -> Option<T> {
    Some(decimal(text).into())
}

fn of(nets: &[&str], equity: &str) -> TearSheet {
    sheet(&trades(nets), &with_equity(equity))
}

fn plain(nets: &[&str]) -> TearSheet {
    sheet(&trades(nets), &SheetOptions::default())
}

fn why(sheet: &TearSheet, name: &str) -> Blank {
    *sheet.nulls.get(name).unwrap()
}
