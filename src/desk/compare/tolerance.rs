//! How far a price or a size may deviate.

use std::{cmp::Ordering, fmt, str::FromStr};

use rust_decimal::Decimal;

use crate::desk::fraction::Fraction;
use crate::record::field::Money;

/// A tolerance: so many hundredths of a per cent of what was expected (`5bps`), or so much (`0.01`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tolerance {
    value: Decimal,
    is_relative: bool,
}

/// A text that is no tolerance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write it as 5bps or 0.01, not below 0")]
#[non_exhaustive]
pub struct ToleranceError;

impl Tolerance {
    /// Nothing may deviate.
    pub const ZERO: Tolerance = Tolerance {
        value: Decimal::ZERO,
        is_relative: false,
    };

    /// Whether `deviation` from `expected` is within it; nothing where the numbers are too long to tell.
    pub(super) fn holds(self, deviation: Fraction, expected: Fraction) -> Option<bool> {
        let value = Fraction::of(self.value)?;
        let allowed = match self.is_relative {
            true => value
                .times(expected.abs())?
                .times(Fraction::of(Decimal::new(1, 4))?)?,
            false => value,
        };
        Some(deviation.abs().compare(allowed)? != Ordering::Greater)
    }
}

impl FromStr for Tolerance {
    type Err = ToleranceError;

    fn from_str(text: &str) -> Result<Tolerance, ToleranceError> {
        let (number, is_relative) = match text.strip_suffix("bps") {
            Some(number) => (number, true),
            None => (text, false),
        };
        let value = number.parse::<Money>().map_err(|_| ToleranceError)?.value();
        match value.is_sign_negative() && !value.is_zero() {
            true => Err(ToleranceError),
            false => Ok(Tolerance { value, is_relative }),
        }
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = if self.is_relative { "bps" } else { "" };
        write!(f, "{}{unit}", self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tolerance_is_relative_or_absolute_and_includes_its_end() {
        let holds = |tolerance: &str, deviation: i64| {
            let tolerance: Tolerance = tolerance.parse().unwrap();
            let number = |it| Fraction::of(Decimal::new(it, 2)).unwrap();
            tolerance.holds(number(deviation), number(10_000)).unwrap()
        };
        assert!(holds("5bps", 5) && holds("5bps", -5) && !holds("5bps", 6));
        assert!(holds("0.05", 5) && holds("0.05", -5) && !holds("0.05", 6));
        assert!(holds("0", 0) && !holds("0", 1) && !holds("0bps", -1));
        assert_eq!("2.5bps".parse::<Tolerance>().unwrap().to_string(), "2.5bps");
    }

    #[test]
    fn what_is_no_tolerance_is_refused() {
        for text in ["", "bps", "-1", "-1bps", "5 bps", "5%", "1e3", ".5", "5BPS"] {
            assert!(text.parse::<Tolerance>().is_err(), "{text}");
        }
    }
}
