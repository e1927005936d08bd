//! Exact averages: what an order of several executions was traded at.
//!
//! Always true:
//! - An average is a fraction in lowest terms, so that two averages are equal when their parts are.
//!   Nothing is divided and cut.
//! - What does not fit is `None`, never a near value.

use std::fmt;

use rust_decimal::Decimal;

/// How finely an average is written into a record where no decimal has all of it.
const ROUNDED_PLACES: u32 = 8;
/// A price with fewer places than cents is nobody's rounding.
const ROUNDED_PLACES_MIN: u32 = 2;

/// `left` x `right` where a decimal holds all of it.
pub(in crate::desk) fn product(left: Decimal, right: Decimal) -> Option<Decimal> {
    let (left, right) = (left.normalize(), right.normalize());
    let mantissa = left.mantissa().checked_mul(right.mantissa())?;
    Decimal::try_from_i128_with_scale(mantissa, left.scale() + right.scale()).ok()
}

/// Money over a quantity, above 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Average {
    numerator: i128,
    denominator: i128,
}

impl Average {
    /// `total` / `quantity`, both above 0.
    pub(in crate::desk) fn of(total: Decimal, quantity: Decimal) -> Option<Average> {
        let (total, quantity) = (total.normalize(), quantity.normalize());
        if total.mantissa() <= 0 || quantity.mantissa() <= 0 {
            return None;
        }
        let raised = |number: Decimal, by: u32| number.mantissa().checked_mul(power_of_ten(by)?);
        let numerator = raised(total, quantity.scale().saturating_sub(total.scale()))?;
        let denominator = raised(quantity, total.scale().saturating_sub(quantity.scale()))?;
        let divisor = greatest_common_divisor(numerator, denominator);
        Some(Average {
            numerator: numerator.checked_div(divisor)?,
            denominator: denominator.checked_div(divisor)?,
        })
    }

    /// Numerator and denominator, in lowest terms.
    pub(super) fn terms(self) -> (i128, i128) {
        (self.numerator, self.denominator)
    }

    /// The same as a decimal, if one has all of it.
    #[must_use]
    pub fn decimal(self) -> Option<Decimal> {
        let mut rest = self.denominator;
        let mut times = |factor: i128| {
            let mut count = 0;
            while rest % factor == 0 {
                rest /= factor;
                count += 1;
            }
            count
        };
        let places = times(2).max(times(5));
        if rest != 1 {
            return None;
        }
        let raised = self.numerator.checked_mul(power_of_ten(places)?)?;
        Decimal::try_from_i128_with_scale(raised.checked_div(self.denominator)?, places).ok()
    }

    /// Whether `price` is this average, or one of its two neighbours with the places of `price` where no
    /// decimal has all of it.
    pub(in crate::desk) fn is_written_as(self, price: Decimal) -> bool {
        if let Some(exact) = self.decimal() {
            return exact == price;
        }
        let places = price.scale();
        ROUNDED_PLACES_MIN <= places
            && self.floor(places).is_some_and(|floor| {
                price.mantissa() == floor || price.mantissa() == floor.saturating_add(1)
            })
    }

    /// As a record holds it: exact, or to 8 places, half to even, where no decimal has all of it.
    #[must_use]
    pub fn rounded(self) -> Option<Decimal> {
        if let Some(exact) = self.decimal() {
            return Some(exact);
        }
        let floor = self.floor(ROUNDED_PLACES)?;
        let raised = self.numerator.checked_mul(power_of_ten(ROUNDED_PLACES)?)?;
        let twice_rest = raised.checked_rem(self.denominator)?.checked_mul(2)?;
        let is_up = self.denominator < twice_rest
            || (self.denominator == twice_rest && floor.checked_rem(2)? == 1);
        let nearest = floor.checked_add(i128::from(is_up))?;
        Decimal::try_from_i128_with_scale(nearest, ROUNDED_PLACES).ok()
    }

    /// The whole number of units of that many places below it.
    fn floor(self, places: u32) -> Option<i128> {
        let raised = self.numerator.checked_mul(power_of_ten(places)?)?;
        raised.checked_div(self.denominator)
    }
}

/// As a decimal, or as a fraction such as `451/3`.
impl fmt::Display for Average {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.decimal() {
            Some(exact) => exact.fmt(f),
            None => write!(f, "{}/{}", self.numerator, self.denominator),
        }
    }
}

pub(super) fn power_of_ten(exponent: u32) -> Option<i128> {
    10_i128.checked_pow(exponent)
}

pub(super) fn greatest_common_divisor(mut left: i128, mut right: i128) -> i128 {
    while right != 0 {
        (left, right) = (right, left % right);
    }
    left
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn average(total: &str, quantity: &str) -> Average {
        Average::of(decimal(total), decimal(quantity)).unwrap()
    }

    #[test]
    fn an_average_is_exact_whatever_its_scales() {
        assert_eq!(average("451", "3").to_string(), "451/3");
        assert_eq!(average("300.50", "2.0").to_string(), "150.25");
        assert_eq!(average("0.30", "0.1").to_string(), "3");
        assert_eq!(average("1", "8"), average("12.5000", "100"));
        assert_eq!(average("451", "3").decimal(), None);
        assert_eq!(Average::of(decimal("0"), decimal("1")), None);
        assert_eq!(Average::of(decimal("1"), decimal("-1")), None);
    }

    #[test]
    fn only_what_no_decimal_holds_may_be_rounded() {
        let endless = average("451", "3");
        for price in ["150.33", "150.34", "150.33333333", "150.33333334"] {
            assert!(endless.is_written_as(decimal(price)), "{price}");
        }
        for price in ["150", "150.3", "150.32", "150.35", "150.33333335"] {
            assert!(!endless.is_written_as(decimal(price)), "{price}");
        }
        let exact = average("150.333125", "1");
        assert!(exact.is_written_as(decimal("150.33312500")));
        assert!(!exact.is_written_as(decimal("150.33")));
        assert_eq!(endless.rounded(), Some(decimal("150.33333333")));
        assert_eq!(average("452", "3").rounded(), Some(decimal("150.66666667")));
        assert_eq!(exact.rounded(), Some(decimal("150.333125")));
    }

    #[test]
    fn what_does_not_fit_is_nothing() {
        assert_eq!(
            product(decimal("0.00000000000001"), decimal("0.000000000000001")),
            None
        );
        assert_eq!(product(Decimal::MAX, decimal("2")), None);
        assert_eq!(product(decimal("1.50"), decimal("2.0")), Some(decimal("3")));
    }

    proptest! {
        #[test]
        fn equal_averages_are_equal_cross_products(
            total in 1_i64..1_000_000, quantity in 1_i64..1000,
            other in 1_i64..1_000_000, count in 1_i64..1000,
        ) {
            let left = Average::of(Decimal::new(total, 2), Decimal::from(quantity)).unwrap();
            let right = Average::of(Decimal::new(other, 2), Decimal::from(count)).unwrap();
            prop_assert_eq!(left == right, total * count == other * quantity);
        }

        #[test]
        fn what_is_written_for_an_average_is_taken_for_it(
            total in 1_i64..100_000_000, quantity in 1_i64..10_000,
        ) {
            let average = Average::of(Decimal::new(total, 2), Decimal::from(quantity)).unwrap();
            prop_assert!(average.is_written_as(average.rounded().unwrap()));
        }
    }
}
