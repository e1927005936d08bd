//! The floating-point arithmetic of the tear sheet: roots, powers and logarithms, and all that stands on
//! them.
//!
//! Always true:
//! - What goes in is exact, and is rounded once on its way in.
//! - What comes out is a decimal of [`DIGITS`] significant digits, or nothing where it is no number.
//! - Whether numbers differ at all is decided elsewhere, from the exact ones.

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

use super::blank::Blank;

/// How many digits are kept: the results agree with longer computations to 14.
const DIGITS: u32 = 12;

/// A number as it is reported.
pub(super) fn shown(value: f64) -> Result<Decimal, Blank> {
    let exact = Decimal::from_f64_retain(value);
    let kept = exact
        .and_then(|it| it.round_sf_with_strategy(DIGITS, RoundingStrategy::MidpointNearestEven));
    match kept {
        Some(kept) if kept.is_zero() && value != 0.0 => Err(Blank::DoesNotFit),
        Some(kept) => Ok(kept.normalize()),
        None => Err(Blank::DoesNotFit),
    }
}

/// A whole number, rounded to the nearest that there is.
pub(super) fn float(units: impl ToPrimitive) -> f64 {
    units.to_f64().unwrap_or(f64::NAN)
}

/// A fraction of two whole numbers.
#[expect(clippy::float_arithmetic, reason = "it goes into roots and powers")]
pub(super) fn quotient(numerator: i128, denominator: i128) -> f64 {
    float(numerator) / float(denominator)
}

/// The sample deviation of whole numbers with that sum; `None` where it takes more than 127 bits.
///
/// How far each is from the mean is exact, times their count: large numbers that differ little lose nothing.
#[expect(clippy::float_arithmetic, reason = "a root")]
pub(super) fn deviation(units: impl ExactSizeIterator<Item = i128>, sum: i128) -> Option<f64> {
    let count = i128::try_from(units.len()).ok()?;
    let mut squares = 0.0;
    for unit in units {
        let from_mean = float(unit.checked_mul(count)?.checked_sub(sum)?);
        squares += from_mean * from_mean;
    }
    Some((squares / float(count - 1)).sqrt() / float(count))
}

/// `value` / 10^`places`.
#[expect(clippy::float_arithmetic, reason = "it comes from a root")]
pub(super) fn scaled(value: f64, places: u32) -> f64 {
    value / float(10_i128.pow(places))
}

/// sqrt(count) x mean / deviation.
#[expect(clippy::float_arithmetic, reason = "a root")]
pub(super) fn system_quality(count: u64, sum: i128, deviation: f64) -> f64 {
    let mean = float(sum) / float(count);
    float(count).sqrt() * mean / deviation
}

/// What growth from `start` to `end` in so many seconds is in a year, less 1. Both are above 0.
#[expect(clippy::float_arithmetic, reason = "a power")]
pub(super) fn yearly_growth(start: i128, end: i128, seconds: f64) -> f64 {
    const YEAR_SECONDS: f64 = 31_557_600.0;
    let growth = quotient(end - start, start);
    // Near 1 the logarithm of what was added keeps digits that the sum loses; far below it the sum does.
    let log = match growth < -0.5 {
        true => quotient(end, start).ln(),
        false => growth.ln_1p(),
    };
    (log * YEAR_SECONDS / seconds).exp_m1()
}

/// What a yearly rate is in one of the periods of a year.
#[expect(clippy::float_arithmetic, reason = "a power")]
pub(super) fn rate_of_period(yearly: Decimal, periods: u32) -> f64 {
    let yearly = float(yearly);
    match periods {
        1 => yearly,
        _ => (yearly.ln_1p() / f64::from(periods)).exp_m1(),
    }
}

/// Growth for each part of the peak that was lost.
#[expect(clippy::float_arithmetic, reason = "it comes from a power")]
pub(super) fn per_drawdown(growth: f64, part: (i128, i128)) -> f64 {
    growth / quotient(part.0, part.1)
}

/// The returns of days: those that are not 0 by nature, and how many days there are with the others.
#[derive(Debug)]
pub(super) struct Returns {
    /// Of the days on which something was closed.
    pub(super) closed: Vec<f64>,
    /// How many days there are, at least as many as `closed`.
    pub(super) days: u64,
    pub(super) periods_per_year: u32,
    /// The return of a day without risk.
    pub(super) target: f64,
}

#[expect(clippy::float_arithmetic, reason = "roots")]
impl Returns {
    /// The sample deviation, of a year.
    pub(super) fn volatility(&self) -> f64 {
        let mean = self.mean();
        let squares = self.squares(|it| it - mean);
        (squares / (float(self.days) - 1.0)).sqrt() * self.root_of_year()
    }

    /// What was earned beyond the target for each unit of deviation, in a year.
    pub(super) fn sharpe(&self) -> f64 {
        let periods = f64::from(self.periods_per_year);
        (self.mean() - self.target) / self.volatility() * periods
    }

    /// What was earned beyond the target for each unit of deviation below the target, in a year. All days
    /// are in the denominator.
    pub(super) fn sortino(&self) -> f64 {
        let squares = self.squares(|it| (it - self.target).min(0.0));
        let below = (squares / float(self.days)).sqrt();
        (self.mean() - self.target) / below * self.root_of_year()
    }

    /// Whether a day was below the target. A target that is a root is known to a few last digits alone, and
    /// what lies within them is not below it.
    pub(super) fn falls_short(&self) -> bool {
        let unknown = 4.0 * f64::EPSILON;
        let floor = match self.target == 0.0 {
            true => 0.0,
            false => self.target - unknown,
        };
        (self.empty_days() > 0.0 && 0.0 < floor) || self.closed.iter().any(|it| *it < floor)
    }

    fn mean(&self) -> f64 {
        self.closed.iter().sum::<f64>() / float(self.days)
    }

    fn squares(&self, of: impl Fn(f64) -> f64) -> f64 {
        let square = |it: f64| of(it) * of(it);
        let closed: f64 = self.closed.iter().map(|it| square(*it)).sum();
        closed + square(0.0) * self.empty_days()
    }

    fn empty_days(&self) -> f64 {
        float(self.days) - float(self.closed.len())
    }

    fn root_of_year(&self) -> f64 {
        f64::from(self.periods_per_year).sqrt()
    }
}

#[cfg(test)]
#[expect(clippy::float_arithmetic, reason = "the numbers that are rounded")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(value: f64) -> String {
        shown(value).map_or_else(|it| it.as_str().to_owned(), |it| it.to_string())
    }

    #[test]
    fn twelve_digits_are_kept_wherever_the_point_is() {
        assert_eq!(text(0.1 + 0.2), "0.3");
        assert_eq!(text(1.0 / 3.0), "0.333333333333");
        assert_eq!(text(-200_000.0 / 3.0), "-66666.6666667");
        assert_eq!(text(1e-9 / 3.0), "0.000000000333333333333");
        assert_eq!(text(1e20 / 3.0), "33333333333300000000");
        assert_eq!(text(0.0), "0");
        assert_eq!(text(-0.0), "0");
    }

    #[test]
    fn what_is_no_decimal_is_blank() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e30, 1e-40] {
            assert_eq!(text(value), "does_not_fit");
        }
    }

    #[test]
    fn a_return_at_a_target_that_is_a_root_is_not_below_it() {
        // 21 % in two periods are 10 % in each.
        let returns = |closed: &[f64]| Returns {
            closed: closed.to_vec(),
            days: 2,
            periods_per_year: 2,
            target: rate_of_period("0.21".parse().unwrap(), 2),
        };
        assert!(!returns(&[0.1, 0.1]).falls_short());
        assert!(returns(&[0.1, 0.099_999_999]).falls_short());
        // The other day has no return.
        assert!(returns(&[0.1]).falls_short());
        let zero = Returns {
            target: 0.0,
            ..returns(&[-1e-300, 0.0])
        };
        assert!(zero.falls_short());
    }

    proptest! {
        #[test]
        fn what_is_shown_is_the_number_to_twelve_digits(digits in -1.0..1.0_f64, power in -12..15_i32) {
            let value = digits * 10_f64.powi(power);
            if let Ok(shown) = shown(value) {
                let error = (shown.to_f64().unwrap() - value).abs();
                prop_assert!(error <= 5.1e-12 * value.abs());
            }
        }
    }
}
