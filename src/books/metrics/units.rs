//! Money as whole units: one integer a value, all with as many places.
//!
//! Always true:
//! - A value is exact: the decimal is the integer with [`Scale::places`] places.
//! - Integers are signed, of 64 bits where all that is kept fits, which is all that most accounts ever need,
//!   and of 128 otherwise; products are compared in twice as many, so that no comparison is rounded.
//!
//! Not here: what is counted in units.

use std::cmp::Ordering;

use rust_decimal::Decimal;

use crate::books::wide::product;

/// The units that one decimal place more makes of each.
const TEN: i128 = 10;

/// A whole number that money is kept in.
pub(super) trait Unit: Copy + Ord + Default + Into<i128> {
    const ZERO: Self;
    const ONE: Self;

    fn plus(self, other: Self) -> Option<Self>;

    fn minus(self, other: Self) -> Option<Self>;

    /// `self` - `smaller`, of which both are 0 or more and the second is not the larger.
    fn less(self, smaller: Self) -> Self;

    /// The same with the other sign, of a value that is not the smallest.
    fn negated(self) -> Self;

    /// Whether `a` x `b` is below `c` x `d`; none of them is negative.
    fn products_ascend(ab: (Self, Self), cd: (Self, Self)) -> bool;
}

impl Unit for i64 {
    const ZERO: i64 = 0;
    const ONE: i64 = 1;

    #[inline]
    fn plus(self, other: i64) -> Option<i64> {
        self.checked_add(other)
    }

    #[inline]
    fn minus(self, other: i64) -> Option<i64> {
        self.checked_sub(other)
    }

    #[inline]
    fn less(self, smaller: i64) -> i64 {
        self - smaller
    }

    #[inline]
    fn negated(self) -> i64 {
        -self
    }

    #[inline]
    fn products_ascend((a, b): (i64, i64), (c, d): (i64, i64)) -> bool {
        i128::from(a) * i128::from(b) < i128::from(c) * i128::from(d)
    }
}

impl Unit for i128 {
    const ZERO: i128 = 0;
    const ONE: i128 = 1;

    #[inline]
    fn plus(self, other: i128) -> Option<i128> {
        self.checked_add(other)
    }

    #[inline]
    fn minus(self, other: i128) -> Option<i128> {
        self.checked_sub(other)
    }

    #[inline]
    fn less(self, smaller: i128) -> i128 {
        self - smaller
    }

    #[inline]
    fn negated(self) -> i128 {
        -self
    }

    #[inline]
    fn products_ascend(ab: (i128, i128), cd: (i128, i128)) -> bool {
        compare_products(ab, cd) == Ordering::Less
    }
}

/// How many places all values have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Scale {
    places: u32,
}

impl Scale {
    /// The scale with that many places.
    pub(super) fn of(value: Decimal) -> Scale {
        Scale {
            places: value.scale(),
        }
    }

    pub(super) fn places(self) -> u32 {
        self.places
    }

    /// A value in units; `None` when it has more places, or does not fit.
    #[inline]
    pub(super) fn units(self, value: Decimal) -> Option<i128> {
        let missing = self.places.checked_sub(value.scale())?;
        match missing {
            0 => Some(value.mantissa()),
            _ => value.mantissa().checked_mul(TEN.checked_pow(missing)?),
        }
    }

    /// What one unit of this scale is in units of a finer one.
    pub(super) fn finer_by(self, finer: Scale) -> Option<i128> {
        TEN.checked_pow(finer.places.checked_sub(self.places)?)
    }

    /// Units as a decimal, without zeros at its end where it would not fit otherwise.
    pub(super) fn decimal(self, units: i128) -> Option<Decimal> {
        let (mut units, mut places) = (units, self.places);
        loop {
            if let Ok(value) = Decimal::try_from_i128_with_scale(units, places) {
                return Some(value);
            }
            if places == 0 || units % TEN != 0 {
                return None;
            }
            units /= TEN;
            places -= 1;
        }
    }
}

/// How `a` x `b` compares with `c` x `d`, exactly.
#[inline]
pub(super) fn compare_products((a, b): (i128, i128), (c, d): (i128, i128)) -> Ordering {
    // What they are nearly always: neither negative nor large.
    if let [Ok(a), Ok(b), Ok(c), Ok(d)] = [a, b, c, d].map(u64::try_from) {
        return (u128::from(a) * u128::from(b)).cmp(&(u128::from(c) * u128::from(d)));
    }
    compare_large((a, b), (c, d))
}

#[cold]
fn compare_large((a, b): (i128, i128), (c, d): (i128, i128)) -> Ordering {
    let sign = |x: i128, y: i128| x.signum() * y.signum();
    let (left, right) = (sign(a, b), sign(c, d));
    if left != right || left == 0 {
        return left.cmp(&right);
    }
    let left_size = product(a.unsigned_abs(), b.unsigned_abs());
    let right_size = product(c.unsigned_abs(), d.unsigned_abs());
    match left {
        1 => left_size.cmp(&right_size),
        _ => right_size.cmp(&left_size),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_value_is_its_units_and_back() {
        let value: Decimal = "10000000.12345678".parse().unwrap();
        let scale = Scale::of(value);
        assert_eq!(scale.units(value), Some(1_000_000_012_345_678));
        assert_eq!(scale.decimal(1_000_000_012_345_678), Some(value));
        assert_eq!(scale.units("1.5".parse().unwrap()), Some(150_000_000));
        assert_eq!(scale.units("0.123456789".parse().unwrap()), None);
        // It fits with fewer places alone.
        let most = Scale { places: 28 };
        let ten = most.decimal(10_i128.pow(29)).unwrap();
        assert_eq!(ten, Decimal::TEN);
    }

    proptest! {
        #[test]
        fn products_are_compared_as_wide_ones_would_be(
            a in any::<i128>(), b in any::<i64>(), c in any::<i128>(), d in any::<i64>()
        ) {
            // Divided down, the products fit into 128 bits.
            let [a, c] = [a, c].map(|it| it >> 64);
            let (b, d) = (i128::from(b), i128::from(d));
            let expected = (a * b).cmp(&(c * d));
            prop_assert_eq!(compare_products((a, b), (c, d)), expected);
            prop_assert_eq!(compare_large((a, b), (c, d)), expected);
        }

        #[test]
        fn a_common_factor_changes_no_comparison(
            a in 1..i128::MAX, b in 1..i128::MAX, c in 1..i128::MAX
        ) {
            prop_assert_eq!(compare_products((a, c), (b, c)), a.cmp(&b));
            prop_assert_eq!(compare_products((-a, c), (-b, c)), b.cmp(&a));
            prop_assert_eq!(compare_products((a, c), (-b, c)), Ordering::Greater);
        }
    }
}
