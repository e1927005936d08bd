//! Sums that may be wider than a decimal.
//!
//! Always true:
//! - An [`Exact`] is the number it stands for, to the last digit. Adding is exact or refused.
//! - It has the places of the number that has most, as a decimal has them; zeros at its end go only where
//!   a decimal had no room for them.
//!
//! - A quotient is one of the nearest decimals, and is rounded as ratios are.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Neg;
use std::str::FromStr;

use rust_decimal::Decimal;

use super::ratio;
use super::units::compare_products;

const TEN: i128 = 10;
/// How many places a number can have at most, which is what a decimal has.
const PLACES_MAX: u32 = 28;

/// A sum of decimals: a whole number of 127 bits, and how many of its digits are behind the point.
///
/// The results of trades may have 28 digits each, and an account beside them more before the point: a
/// decimal, of 96 bits, would have to be rounded.
///
/// ```
/// use tradejournal::books::metrics::Exact;
///
/// let third: Exact = "33.33333333333333333333333333".parse()?;
/// let equity: Exact = "100000".parse()?;
/// let sum = equity.checked_add(third).ok_or("too large")?;
/// assert_eq!(sum.to_string(), "100033.33333333333333333333333333");
/// assert_eq!(sum.decimal(), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Exact {
    /// Never the least that there is, so that it has a size.
    units: i128,
    places: u32,
}

/// A text that is no such number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a number of 127 bits and 28 places: {0}")]
pub struct ExactError(pub String);

impl Exact {
    /// Nothing.
    pub const ZERO: Exact = Exact {
        units: 0,
        places: 0,
    };

    /// So many units, each of so many places. Without the zeros at its end where a decimal would not have
    /// room for them.
    pub(crate) fn of_units(units: i128, places: u32) -> Exact {
        Exact {
            units: units.max(-i128::MAX),
            places,
        }
        .with_room()
    }

    /// Their sum; `None` where it has more than 127 bits.
    #[must_use]
    pub fn checked_add(self, other: Exact) -> Option<Exact> {
        let sum = |one: Exact, other: Exact| {
            let places = one.places.max(other.places);
            let units = one
                .units_at(places)?
                .checked_add(other.units_at(places)?)
                .filter(|it| *it != i128::MIN)?;
            Some(Exact { units, places }.with_room())
        };
        sum(self, other).or_else(|| sum(self.normalized(), other.normalized()))
    }

    /// So many of them; `None` where they have more than 127 bits.
    pub(crate) fn checked_mul(self, count: u64) -> Option<Exact> {
        let units = self.units.checked_mul(i128::from(count));
        let units = units.filter(|it| *it != i128::MIN)?;
        Some(Exact { units, ..self }.with_room())
    }

    /// 1 above 0, -1 below it, or 0.
    #[must_use]
    pub fn signum(self) -> i128 {
        self.units.signum()
    }

    /// Whether it is 0.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.units == 0
    }

    /// The same without its sign.
    #[must_use]
    pub fn abs(self) -> Exact {
        Exact {
            units: self.units.abs(),
            ..self
        }
    }

    /// How many places it has.
    #[must_use]
    pub fn places(self) -> u32 {
        self.places
    }

    /// The same without zeros at its end.
    #[must_use]
    pub fn normalized(self) -> Exact {
        let mut value = self;
        while value.places != 0 && value.units % TEN == 0 {
            value.units /= TEN;
            value.places -= 1;
        }
        value
    }

    /// With that many places at most, rounded half to even.
    #[must_use]
    pub fn rounded(self, places: u32) -> Exact {
        let Some(surplus) = self.places.checked_sub(places).filter(|it| *it != 0) else {
            return self;
        };
        // A number of fewer digits than that is below a half.
        let Some(power) = TEN.checked_pow(surplus) else {
            return Exact { units: 0, places };
        };
        let (whole, rest) = (self.units / power, self.units % power);
        let up = match rest.abs().cmp(&(power / 2)) {
            Ordering::Less => false,
            Ordering::Equal => whole % 2 != 0,
            Ordering::Greater => true,
        };
        let units = whole + if up { self.units.signum() } else { 0 };
        Exact { units, places }
    }

    /// The same as a decimal; `None` where that would be another number.
    #[must_use]
    pub fn decimal(self) -> Option<Decimal> {
        let plain = |it: Exact| Decimal::try_from_i128_with_scale(it.units, it.places).ok();
        plain(self).or_else(|| plain(self.normalized()))
    }

    /// The decimal that is nearest to it, for pictures and quotients; `None` where it is larger than all.
    #[must_use]
    pub fn nearest(self) -> Option<Decimal> {
        let shorter = (0..self.places).rev().map(|it| self.rounded(it));
        self.decimal()
            .or_else(|| shorter.filter_map(Exact::decimal).next())
    }

    /// How much it is of `denominator`; `None` where that is 0, or the quotient does not fit.
    pub(crate) fn over(self, denominator: impl Into<Exact>) -> Option<Decimal> {
        ratio(self.nearest()?, denominator.into().nearest()?)
    }

    /// It in units of that many places; `None` where it has more, or they would be too many.
    #[inline]
    pub(crate) fn units_at(self, places: u32) -> Option<i128> {
        if self.places == places {
            return Some(self.units);
        }
        let value = match places < self.places {
            true => self.normalized(),
            false => self,
        };
        let power = TEN.checked_pow(places.checked_sub(value.places)?)?;
        value.units.checked_mul(power)
    }

    /// Without zeros at its end that a decimal would not have room for.
    fn with_room(self) -> Exact {
        const LIMIT: u128 = 1 << 96;
        match self.units.unsigned_abs() {
            ..LIMIT => self,
            _ => self.normalized(),
        }
    }
}

impl From<Decimal> for Exact {
    fn from(value: Decimal) -> Exact {
        Exact {
            units: value.mantissa(),
            places: value.scale(),
        }
    }
}

impl From<u64> for Exact {
    fn from(value: u64) -> Exact {
        Exact {
            units: value.into(),
            places: 0,
        }
    }
}

impl Neg for Exact {
    type Output = Exact;

    fn neg(self) -> Exact {
        Exact {
            units: -self.units,
            ..self
        }
    }
}

impl Ord for Exact {
    fn cmp(&self, other: &Exact) -> Ordering {
        if self.places == other.places {
            return self.units.cmp(&other.units);
        }
        let (one, another) = (self.normalized(), other.normalized());
        // No place is beyond the last of a decimal, so each power is there.
        let power = |it: Exact| TEN.checked_pow(it.places).unwrap_or(i128::MAX);
        compare_products((one.units, power(another)), (another.units, power(one)))
    }
}

impl PartialOrd for Exact {
    fn partial_cmp(&self, other: &Exact) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Exact {
    fn eq(&self, other: &Exact) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Exact {}

impl PartialEq<Decimal> for Exact {
    fn eq(&self, other: &Decimal) -> bool {
        *self == Exact::from(*other)
    }
}

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = usize::try_from(self.places).unwrap_or_default();
        let digits = format!("{:0>1$}", self.units.unsigned_abs(), places + 1);
        let point = digits.len().saturating_sub(places);
        let text = match digits.split_at_checked(point) {
            Some((whole, fraction)) if !fraction.is_empty() => format!("{whole}.{fraction}"),
            _ => digits,
        };
        f.pad_integral(0 <= self.units, "", &text)
    }
}

impl FromStr for Exact {
    type Err = ExactError;

    fn from_str(text: &str) -> Result<Exact, ExactError> {
        parsed(text).ok_or_else(|| ExactError(text.to_owned()))
    }
}

fn parsed(text: &str) -> Option<Exact> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let are_digits = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    if !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    let fraction = match digits.contains('.') {
        true => fraction,
        false => "",
    };
    let places = u32::try_from(fraction.len()).ok();
    let places = places.filter(|it| *it <= PLACES_MAX)?;
    let size: i128 = format!("{whole}{fraction}").parse().ok()?;
    let units = match digits.len() == text.len() {
        true => size,
        false => -size,
    };
    Some(Exact { units, places })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn exact(text: &str) -> Exact {
        text.parse().unwrap()
    }

    #[test]
    fn a_text_is_its_number_and_back() {
        for text in [
            "0",
            "0.00",
            "-0.05",
            "100033.33333333333333333333333333",
            "7",
        ] {
            assert_eq!(exact(text).to_string(), text);
        }
        for text in [
            "",
            "-",
            ".5",
            "5.",
            "1e3",
            "+1",
            "1.00000000000000000000000000000",
        ] {
            assert!(text.parse::<Exact>().is_err(), "{text}");
        }
        assert_eq!(format!("{:>7}", exact("-1.5")), "   -1.5");
    }

    #[test]
    fn a_sum_is_wider_than_a_decimal_and_never_rounded() {
        let third = exact("33.33333333333333333333333333");
        let sum = exact("100000").checked_add(third).unwrap();
        assert_eq!(sum.to_string(), "100033.33333333333333333333333333");
        assert_eq!(sum.decimal(), None);
        let nearest = sum.nearest().unwrap().to_string();
        assert_eq!(nearest, "100033.33333333333333333333333");
        assert_eq!(sum.checked_add(-third).unwrap().to_string(), "100000");
        let most = exact(&i128::MAX.to_string());
        assert_eq!(most.checked_add(exact("1")), None);
        assert_eq!((-most).checked_add(exact("-1")), None);
        assert_eq!(most.nearest(), None);
        // Zeros at the end take no room.
        assert_eq!(most.checked_add(exact("1.00")), None);
        let whole =
            exact("10000000000000000000").checked_add(exact("0.0000000000000000000000000000"));
        assert_eq!(whole.unwrap().to_string(), "10000000000000000000");
    }

    #[test]
    fn what_is_rounded_is_rounded_half_to_even() {
        for (value, places, wanted) in [
            ("2.5", 0, "2"),
            ("3.5", 0, "4"),
            ("-2.5", 0, "-2"),
            ("-2.51", 0, "-3"),
            ("1.005", 2, "1.00"),
            ("1", 2, "1"),
        ] {
            assert_eq!(exact(value).rounded(places).to_string(), wanted);
        }
    }

    proptest! {
        #[test]
        fn it_adds_and_compares_as_decimals_do(
            a in any::<i64>(), b in any::<i64>(), x in 0_u32..9, y in 0_u32..9
        ) {
            let (one, other) = (Decimal::new(a, x), Decimal::new(b, y));
            let (left, right) = (Exact::from(one), Exact::from(other));
            prop_assert_eq!(left.cmp(&right), one.cmp(&other));
            let sum = left.checked_add(right).unwrap();
            prop_assert_eq!(sum.to_string(), (one + other).to_string());
            prop_assert_eq!(left.to_string().parse::<Exact>().unwrap(), left);
            prop_assert_eq!(left.rounded(3).decimal().unwrap(), one.round_dp(3));
        }
    }
}
