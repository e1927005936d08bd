//! How far live trades are from what was expected, one by one and in all.
//!
//! Always true:
//! - A price deviates by live minus expected when buying, and by expected minus live when selling. Fees
//!   deviate by live minus expected, results by expected minus live: above 0 is worse for the trader.
//!   Sizes and times deviate by live minus expected.
//! - Tolerances are held against exact deviations. Slippage in bps is rounded to 4 places, half to even, for
//!   each match; mean and median are of these.
//! - What matches cost more than expected is summed exactly for each quote currency: the part of the symbol
//!   after `-`, `/`, `_` or `:`.
//!
//! Not here: which trades are one ([`super::matching`]).

use std::collections::BTreeMap;
use std::time::Duration;

use rust_decimal::Decimal;

use super::expected::Expected;
use super::live::Live;
use super::matching::{By, pair_up};
use super::tolerance::Tolerance;
use super::traded::Traded;
use crate::books::metrics::Exact;
use crate::desk::fraction::Fraction;
use crate::desk::reconcile::Span;
use crate::record::field::{Action, sum};

/// To how many places slippage is told.
const BPS_PLACES: u32 = 4;
/// To how many places an effect is rounded that no decimal holds.
const EFFECT_PLACES: u32 = 8;
/// How many a decimal has.
const PLACES_MAX: u32 = 28;

/// What is compared with what care.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// How far apart in time two may be that are one.
    pub window: Duration,
    /// How far a price may deviate.
    pub price: Tolerance,
    /// How far a size may deviate.
    pub size: Tolerance,
    /// How far a time may deviate; any way without it.
    pub time: Option<Duration>,
    /// Which time is looked at: what is matched counts when either side has it then.
    pub span: Span,
}

/// How live and expected trades agree.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Comparison<'a> {
    /// What was expected and traded.
    pub matched: Vec<Slippage<'a>>,
    /// What was expected and not traded.
    pub missing: Vec<&'a Traded>,
    /// What was traded and not expected.
    pub extra: Vec<&'a Traded>,
    /// What matches cost beyond what was expected, by quote currency; empty where the symbol does not say.
    pub effects: BTreeMap<&'a str, Effect>,
    /// The mean slippage.
    pub mean_bps: Option<Decimal>,
    /// The slippage in the middle.
    pub median_bps: Option<Decimal>,
    /// The worst slippage.
    pub worst_bps: Option<Decimal>,
    /// The best slippage.
    pub best_bps: Option<Decimal>,
}

/// What matches of one quote currency cost beyond what was expected.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Effect {
    /// The sum.
    pub sum: Exact,
    /// How many of its parts no decimal holds: they are rounded to 8 places.
    pub rounded: u64,
    /// How many matches are not in it, because they have too many digits.
    pub left_out: u64,
}

/// A live trade beside what was expected of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Slippage<'a> {
    /// What was expected.
    pub expected: &'a Traded,
    /// What was traded.
    pub live: &'a Traded,
    /// By what they are one.
    pub by: By,
    /// How far the price is off; nothing where it has too many digits.
    pub price: Option<Fraction>,
    /// The same in hundredths of a per cent of what was expected, to 4 places.
    pub bps: Option<Decimal>,
    /// How far the size is off.
    pub size: Option<Decimal>,
    /// How far the time is off, in nanoseconds.
    pub time_ns: i128,
    /// How far the fee is off, where both sides say it.
    pub fee: Option<Decimal>,
    /// How far the result is off, where both sides say it.
    pub pnl: Option<Decimal>,
    /// Whether the price is beyond its tolerance, or cannot be held against it.
    pub is_price_off: bool,
    /// The same of the size.
    pub is_size_off: bool,
    /// The same of the time.
    pub is_time_off: bool,
}

impl Slippage<'_> {
    /// Whether all of it is within the tolerances.
    #[must_use]
    pub fn is_within(&self) -> bool {
        !(self.is_price_off || self.is_size_off || self.is_time_off)
    }
}

impl Comparison<'_> {
    /// How many matches are beyond a tolerance.
    #[must_use]
    pub fn beyond(&self) -> usize {
        self.matched.iter().filter(|it| !it.is_within()).count()
    }

    /// Whether nothing is missing or extra and all is within the tolerances.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty() && self.beyond() == 0
    }
}

/// Compares them.
#[must_use]
pub fn compare<'a>(expected: &'a Expected, live: &'a Live, rules: &Rules) -> Comparison<'a> {
    let (expected, live) = (&expected.trades, &live.trades);
    let mut found = Comparison::default();
    let (mut is_expected_free, mut is_live_free) =
        (vec![true; expected.len()], vec![true; live.len()]);
    for pair in pair_up(expected, live, rules.window) {
        for (side, place) in [
            (&mut is_expected_free, pair.expected),
            (&mut is_live_free, pair.live),
        ] {
            if let Some(free) = side.get_mut(place) {
                *free = false;
            }
        }
        let (Some(one), Some(other)) = (expected.get(pair.expected), live.get(pair.live)) else {
            continue;
        };
        if rules.span.has(one.at) || rules.span.has(other.at) {
            found.matched.push(Slippage::of(one, other, pair.by, rules));
        }
    }
    let alone = |side: &'a [Traded], free: &[bool]| -> Vec<&'a Traded> {
        let alone = side.iter().zip(free).filter(|it| *it.1).map(|it| it.0);
        let mut alone: Vec<&Traded> = alone.filter(|it| rules.span.has(it.at)).collect();
        alone.sort_by_key(|it| it.at);
        alone
    };
    found.missing = alone(expected, &is_expected_free);
    found.extra = alone(live, &is_live_free);
    found.matched.sort_by_key(|it| it.expected.at);
    found.total();
    found
}

impl<'a> Slippage<'a> {
    fn of(expected: &'a Traded, live: &'a Traded, by: By, rules: &Rules) -> Slippage<'a> {
        let wanted = Fraction::of_average(expected.price);
        let price = deviation(expected, live);
        let size = sum(live.size, -expected.size);
        let time_ns = live.at.unix_nanos() - expected.at.unix_nanos();
        // What cannot be told is off: somebody has to look at it.
        let is_off = |tolerance: Tolerance, deviation: Option<Fraction>, of: Option<Fraction>| {
            let held = deviation
                .zip(of)
                .and_then(|(it, of)| tolerance.holds(it, of));
            held != Some(true)
        };
        let apart = time_ns.unsigned_abs();
        Slippage {
            expected,
            live,
            by,
            price,
            bps: price.and_then(|it| in_bps(it, wanted?)),
            size,
            time_ns,
            fee: live
                .fee
                .zip(expected.fee)
                .and_then(|(live, expected)| sum(live, -expected)),
            pnl: live
                .pnl
                .zip(expected.pnl)
                .and_then(|(live, expected)| sum(expected, -live)),
            is_price_off: is_off(rules.price, price, wanted),
            is_size_off: is_off(
                rules.size,
                size.and_then(Fraction::of),
                Fraction::of(expected.size),
            ),
            is_time_off: rules.time.is_some_and(|it| it.as_nanos() < apart),
        }
    }
}

/// How far the price is off, above 0 where that is worse.
fn deviation(expected: &Traded, live: &Traded) -> Option<Fraction> {
    let difference =
        Fraction::of_average(live.price)?.minus(Fraction::of_average(expected.price)?)?;
    Some(match live.side {
        Action::Sell => difference.negated(),
        Action::Buy => difference,
    })
}

fn in_bps(deviation: Fraction, expected: Fraction) -> Option<Decimal> {
    let bps = deviation
        .over(expected)?
        .times(Fraction::of(Decimal::new(10_000, 0))?)?;
    bps.rounded(BPS_PLACES).map(|it| it.0)
}

impl Comparison<'_> {
    fn total(&mut self) {
        for it in &self.matched {
            let effect = self.effects.entry(quote(&it.live.symbol)).or_default();
            let cost = it.price.zip(Fraction::of(it.live.size));
            let cost = cost.and_then(|(price, size)| told(price.times(size)?));
            let summed = cost.and_then(|(cost, _)| effect.sum.checked_add(Exact::from(cost)));
            match (cost, summed) {
                (Some((_, is_whole)), Some(sum)) => {
                    effect.sum = sum;
                    effect.rounded += u64::from(!is_whole);
                }
                _ => effect.left_out += 1,
            }
        }
        let mut all: Vec<Decimal> = self.matched.iter().filter_map(|it| it.bps).collect();
        all.sort_unstable();
        self.worst_bps = all.last().copied();
        self.best_bps = all.first().copied();
        self.mean_bps = mean(&all);
        let (low, high) = (all.len().saturating_sub(1) / 2, all.len() / 2);
        let middle = all.get(low..=high).unwrap_or_default();
        self.median_bps = mean(middle);
    }
}

/// As a decimal, if one has all of it, or to 8 places; and whether it is all of it.
fn told(effect: Fraction) -> Option<(Decimal, bool)> {
    let whole = (0..=PLACES_MAX)
        .filter_map(|it| effect.rounded(it))
        .find(|it| it.1);
    whole.or_else(|| effect.rounded(EFFECT_PLACES))
}

/// To 4 places; nothing of nothing.
fn mean(all: &[Decimal]) -> Option<Decimal> {
    let mut total = Exact::ZERO;
    for value in all {
        total = total.checked_add(Exact::from(*value))?;
    }
    let count = u32::try_from(all.len()).ok().filter(|it| *it != 0)?;
    let mean = Fraction::of(total.decimal()?)?.over(Fraction::of(count.into())?)?;
    mean.rounded(BPS_PLACES).map(|it| it.0)
}

/// The currency that a price is in.
fn quote(symbol: &str) -> &str {
    let parts = symbol.rsplit_once(['-', '/', '_', ':']);
    parts.map_or("", |it| it.1)
}
