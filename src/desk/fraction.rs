//! Fractions of whole numbers, for what averages differ in.
//!
//! Always true:
//! - A fraction is in lowest terms and its denominator is above 0.
//! - What does not fit is `None`, never a near value; only [`Fraction::rounded`] rounds, half to even.

use std::cmp::Ordering;
use std::fmt;

use rust_decimal::Decimal;

use super::exact::{Average, greatest_common_divisor, power_of_ten};

/// Any fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fraction {
    numerator: i128,
    denominator: i128,
}

impl Fraction {
    fn new(numerator: i128, denominator: i128) -> Option<Fraction> {
        if denominator == 0 || numerator == i128::MIN || denominator == i128::MIN {
            return None;
        }
        let sign = denominator.signum();
        let divisor = greatest_common_divisor(numerator.abs(), denominator.abs());
        Some(Fraction {
            numerator: sign * numerator.checked_div(divisor)?,
            denominator: denominator.abs().checked_div(divisor)?,
        })
    }

    pub(in crate::desk) fn of(value: Decimal) -> Option<Fraction> {
        let value = value.normalize();
        Fraction::new(value.mantissa(), power_of_ten(value.scale())?)
    }

    pub(in crate::desk) fn of_average(average: Average) -> Option<Fraction> {
        let (numerator, denominator) = average.terms();
        Fraction::new(numerator, denominator)
    }

    pub(in crate::desk) fn minus(self, other: Fraction) -> Option<Fraction> {
        let divisor = greatest_common_divisor(self.denominator, other.denominator);
        let (own, others) = (self.denominator / divisor, other.denominator / divisor);
        let numerator = self.numerator.checked_mul(others)?;
        let numerator = numerator.checked_sub(other.numerator.checked_mul(own)?)?;
        Fraction::new(numerator, self.denominator.checked_mul(others)?)
    }

    pub(in crate::desk) fn times(self, other: Fraction) -> Option<Fraction> {
        // Crosswise first, so that no number is larger than it has to be.
        let one = Fraction::new(self.numerator, other.denominator)?;
        let two = Fraction::new(other.numerator, self.denominator)?;
        Fraction::new(
            one.numerator.checked_mul(two.numerator)?,
            one.denominator.checked_mul(two.denominator)?,
        )
    }

    /// `self` / `other`; nothing where that is 0.
    pub(in crate::desk) fn over(self, other: Fraction) -> Option<Fraction> {
        self.times(Fraction::new(other.denominator, other.numerator)?)
    }

    pub(in crate::desk) fn abs(self) -> Fraction {
        Fraction {
            numerator: self.numerator.abs(),
            ..self
        }
    }

    /// The same below 0, and the other way round.
    pub(in crate::desk) fn negated(self) -> Fraction {
        Fraction {
            numerator: -self.numerator,
            ..self
        }
    }

    pub(in crate::desk) fn compare(self, other: Fraction) -> Option<Ordering> {
        let difference = self.minus(other)?;
        Some(difference.numerator.cmp(&0))
    }

    /// 1 above 0, -1 below it, or 0.
    #[must_use]
    pub fn signum(self) -> i128 {
        self.numerator.signum()
    }

    /// As a decimal of at most that many places, half to even, and whether it is all of it.
    #[must_use]
    pub fn rounded(self, places: u32) -> Option<(Decimal, bool)> {
        let raised = self.numerator.checked_mul(power_of_ten(places)?)?;
        let whole = raised.checked_div_euclid(self.denominator)?;
        let rest = raised.checked_rem_euclid(self.denominator)?;
        // The rest against the half, without doubling it.
        let is_up = match rest.cmp(&(self.denominator - rest)) {
            Ordering::Less => false,
            Ordering::Equal => whole % 2 != 0,
            Ordering::Greater => rest != 0,
        };
        let units = whole.checked_add(i128::from(is_up))?;
        let value = Decimal::try_from_i128_with_scale(units, places).ok()?;
        Some((value.normalize(), rest == 0))
    }
}

/// As a decimal where one has all of it, else as `451/3`.
impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut whole = (0..=28).filter_map(|it| self.rounded(it)).filter(|it| it.1);
        match whole.next() {
            Some((value, _)) => value.fmt(f),
            None => write!(f, "{}/{}", self.numerator, self.denominator),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fraction(numerator: i128, denominator: i128) -> Fraction {
        Fraction::new(numerator, denominator).unwrap()
    }

    #[test]
    fn only_rounding_rounds_and_half_goes_to_even() {
        let rounded = |numerator, denominator, places| {
            let (value, is_whole) = fraction(numerator, denominator).rounded(places).unwrap();
            (value.to_string(), is_whole)
        };
        assert_eq!(rounded(1, 3, 4), ("0.3333".to_owned(), false));
        assert_eq!(rounded(-1, 3, 4), ("-0.3333".to_owned(), false));
        assert_eq!(rounded(1, 8, 2), ("0.12".to_owned(), false));
        assert_eq!(rounded(3, 8, 2), ("0.38".to_owned(), false));
        assert_eq!(rounded(-1, 8, 2), ("-0.12".to_owned(), false));
        assert_eq!(rounded(5, -4, 2), ("-1.25".to_owned(), true));
        assert_eq!(Fraction::new(1, 0), None);
        assert_eq!(fraction(i128::MAX, 1).times(fraction(2, 1)), None);
    }

    proptest! {
        #[test]
        fn arithmetic_is_that_of_fractions(
            a in -1000_i128..1000, b in 1_i128..50, c in -1000_i128..1000, d in 1_i128..50,
        ) {
            let (one, other) = (fraction(a, b), fraction(c, d));
            prop_assert_eq!(one.minus(other), Fraction::new(a * d - c * b, b * d));
            prop_assert_eq!(one.times(other), Fraction::new(a * c, b * d));
            prop_assert_eq!(one.over(other), Fraction::new(a * d, b * c));
            prop_assert_eq!(one.compare(other), Some((a * d).cmp(&(c * b))));
            let (rounded, _) = one.rounded(2).unwrap();
            let hundredths = rounded.mantissa() * 10_i128.pow(2 - rounded.scale());
            prop_assert!((hundredths * b - a * 100).abs() * 2 <= b);
        }
    }
}
