//! A JSON number that is kept as its own text.

use std::{fmt, str::FromStr};

use rust_decimal::Decimal;

use crate::record::field::{Field, Wrong, decimal};

const RULE: &str = "must be a finite JSON number of 0 or more, in at most 31 characters";
const LEN_MAX: usize = 31;

/// A ratio such as the planned reward for the risk: finite, 0 or more, written as it was given
/// (`2.3` stays `2.3` and `2.0` stays `2.0`).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ratio {
    /// The literal, then zeros.
    literal: [u8; LEN_MAX],
    len: u8,
}

impl Ratio {
    /// The number's own text.
    #[must_use]
    #[inline]
    pub fn as_str(&self) -> &str {
        let literal = self.literal.get(..usize::from(self.len));
        std::str::from_utf8(literal.unwrap_or_default()).unwrap_or_default()
    }

    /// The nearest double.
    #[must_use]
    pub fn to_f64(&self) -> f64 {
        self.as_str().parse().unwrap_or_default()
    }

    /// The exact value, where it is written without an exponent and a decimal holds it.
    #[must_use]
    pub fn to_decimal(&self) -> Option<Decimal> {
        decimal::parse(self.as_str().as_bytes()).ok()
    }

    /// The number of that literal, if it is one and the rule holds.
    #[inline]
    pub(crate) fn of(literal: &[u8]) -> Option<Ratio> {
        let literal = match literal {
            // Minus zero is zero; anything else with a minus is below it.
            [b'-', zero @ ..] if is_zero(zero) => zero,
            _ => literal,
        };
        if !is_finite_number(literal) {
            return None;
        }
        let mut kept = [0; LEN_MAX];
        kept.get_mut(..literal.len())?.copy_from_slice(literal);
        Some(Ratio {
            literal: kept,
            len: u8::try_from(literal.len()).ok()?,
        })
    }
}

fn is_zero(literal: &[u8]) -> bool {
    let digits = literal.iter().take_while(|it| !matches!(it, b'e' | b'E'));
    digits.clone().count() > 0 && digits.copied().all(|it| matches!(it, b'0' | b'.'))
}

/// Whether `literal` is a JSON number without a minus that a double holds.
#[inline]
fn is_finite_number(literal: &[u8]) -> bool {
    let after_whole = match literal {
        [b'0', rest @ ..] => rest,
        [b'1'..=b'9', rest @ ..] => after_digits(rest),
        _ => return false,
    };
    let after_fraction = match after_whole {
        [b'.', b'0'..=b'9', rest @ ..] => after_digits(rest),
        _ => after_whole,
    };
    match after_fraction {
        // Without an exponent, LEN_MAX keeps it far from the end of the doubles.
        [] => true,
        [b'e' | b'E', b'+' | b'-', b'0'..=b'9', rest @ ..]
        | [b'e' | b'E', b'0'..=b'9', rest @ ..] => {
            let text = std::str::from_utf8(literal).unwrap_or_default();
            after_digits(rest).is_empty() && text.parse().is_ok_and(f64::is_finite)
        }
        _ => false,
    }
}

#[inline]
fn after_digits(text: &[u8]) -> &[u8] {
    let digits = text.iter().take_while(|it| it.is_ascii_digit()).count();
    text.get(digits..).unwrap_or_default()
}

impl FromStr for Ratio {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Ratio, Wrong> {
        Ratio::of(text.as_bytes()).ok_or_else(|| Wrong::new(RULE, text))
    }
}

impl TryFrom<&str> for Ratio {
    type Error = Wrong;

    fn try_from(text: &str) -> Result<Ratio, Wrong> {
        text.parse()
    }
}

/// The shortest text that gives the same double: `2.0` for two.
impl TryFrom<f64> for Ratio {
    type Error = Wrong;

    fn try_from(number: f64) -> Result<Ratio, Wrong> {
        format!("{number:?}").parse()
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Field for Ratio {
    #[inline]
    fn read(json: &str) -> Result<Ratio, Wrong> {
        json.parse().map_err(|wrong: Wrong| match json.as_bytes() {
            [b'"', ..] => wrong.hint("write the number without quotes"),
            _ => wrong,
        })
    }

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_str().as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_keeps_its_text() {
        for text in [
            "0", "2", "2.0", "2.3", "2.30", "1e2", "1E+2", "1.5e-300", "0.0",
        ] {
            assert_eq!(text.parse::<Ratio>().unwrap().to_string(), text);
        }
        assert_eq!("-0.0".parse::<Ratio>().unwrap().to_string(), "0.0");
        assert_eq!(Ratio::try_from(2.0).unwrap().to_string(), "2.0");
        assert_eq!(Ratio::try_from(0.1).unwrap().to_string(), "0.1");
        assert_eq!(Ratio::try_from(f64::MAX).unwrap().to_f64(), f64::MAX);
    }

    #[test]
    fn what_is_no_finite_number_is_refused() {
        let long = "1".repeat(32);
        for text in [
            "", "-1", "-0.1", "1e400", "NaN", "inf", "+1", ".5", "1.", "01", "1e", "1e+", "0x1",
            "1_0", "2 ", "-", "-e5", &long, "null", "\"2\"",
        ] {
            assert!(text.parse::<Ratio>().is_err(), "{text}");
        }
        for number in [f64::NAN, f64::INFINITY, -1.0] {
            assert!(Ratio::try_from(number).is_err());
        }
    }
}
