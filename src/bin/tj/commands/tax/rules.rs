//! The rules that flags and settings make.

use chrono_tz::Tz;
use tradejournal::books::tax::{Options, WashRules};

use crate::args::{TaxRules, WashSale};
use crate::failure::Failure;
use crate::settings::TaxSettings;
use crate::when;

/// The rules, but for the zone.
pub(super) fn options(flags: &TaxRules, settings: &TaxSettings) -> Options {
    let file = settings.options.clone();
    let method = flags.method.unwrap_or(file.method);
    let lot_scope = flags.lot_scope.unwrap_or(file.lot_scope);
    Options {
        method,
        lot_scope,
        wash: wash(flags, &file.wash),
        splits: match flags.split.is_empty() {
            true => file.splits.clone(),
            false => flags.split.clone(),
        },
        orders_are_purchases: !flags.ignore_order_id,
        force_average: flags.force_average || file.force_average,
        ..file
    }
}

fn wash(flags: &TaxRules, file: &WashRules) -> WashRules {
    let (equity, fund, crypto) = match flags.wash_sale {
        None => (file.equity, file.fund, file.crypto),
        Some(WashSale::Off) => (false, false, false),
        Some(WashSale::On) => (true, true, false),
        Some(WashSale::All) => (true, true, true),
    };
    let identical = flags.wash_identical.iter().map(|it| it.0.clone());
    WashRules {
        equity,
        fund,
        crypto,
        scope: flags.wash_scope.unwrap_or(file.scope),
        tack: flags.tack.unwrap_or(file.tack),
        exclude_older: flags.exclude_older || file.exclude_older,
        same_sale_replaces: flags.same_sale_replaces || file.same_sale_replaces,
        taxable_first: flags.taxable_first || file.taxable_first,
        ira: match flags.ira.is_empty() {
            true => file.ira.clone(),
            false => flags.ira.clone(),
        },
        identical: match flags.wash_identical.is_empty() {
            true => file.identical.clone(),
            false => identical.collect(),
        },
    }
}

/// The zone of the days.
pub(super) fn zone(flags: &TaxRules, settings: &TaxSettings) -> Result<Tz, Failure> {
    let Some(name) = &flags.tax_timezone else {
        return Ok(settings.timezone);
    };
    when::zone(name).map_err(|unknown| {
        let failure = Failure::usage(format!("--tax-timezone: {unknown}"));
        match unknown.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })
}
