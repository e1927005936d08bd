//! Decimals with a meaning: a price is no fee, and neither is a rate.
//!
//! Always true:
//! - Each is a decimal string in JSON and keeps its scale.
//! - A JSON number is refused with the hint to write a string: `0.1` has no exact value.

use std::{fmt, str::FromStr};

use rust_decimal::Decimal;

use crate::record::field::{Field, Wrong, decimal, string::unescaped};

macro_rules! decimal_types {
    ($( $(#[$doc:meta])* $name:ident, $rule:literal, $holds:expr; )*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Decimal);

        impl $name {
            /// The value of this type, if the rule holds.
            ///
            /// # Errors
            /// The rule it breaks.
            pub fn new(value: Decimal) -> Result<$name, Wrong> {
                let holds: fn(Decimal) -> bool = $holds;
                if holds(value) {
                    Ok($name(value))
                } else {
                    Err(Wrong::new($rule, value))
                }
            }

            /// The exact number.
            #[must_use]
            #[inline]
            pub fn value(self) -> Decimal {
                self.0
            }

            /// Reads its digits; `None` when anything is wrong with them.
            #[inline(always)]
            #[allow(dead_code, reason = "not every type stands in a record with a fast reader")]
            pub(crate) fn of_digits(digits: &[u8]) -> Option<$name> {
                let holds: fn(Decimal) -> bool = $holds;
                decimal::parse(digits).ok().filter(|it| holds(*it)).map($name)
            }
        }

        impl FromStr for $name {
            type Err = Wrong;

            fn from_str(text: &str) -> Result<$name, Wrong> {
                let value = decimal::parse(text.as_bytes())
                    .map_err(|flaw| Wrong::new($rule, format_args!("{text:?}")).hint(flaw.hint()))?;
                $name::new(value).map_err(|_| Wrong::new($rule, format_args!("{text:?}")))
            }
        }

        impl TryFrom<&str> for $name {
            type Error = Wrong;

            fn try_from(text: &str) -> Result<$name, Wrong> {
                text.parse()
            }
        }

        impl TryFrom<Decimal> for $name {
            type Error = Wrong;

            fn try_from(value: Decimal) -> Result<$name, Wrong> {
                $name::new(value)
            }
        }

        impl From<$name> for Decimal {
            fn from(it: $name) -> Decimal {
                it.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl Field for $name {
            #[inline]
            fn read(json: &str) -> Result<$name, Wrong> {
                match unescaped(json) {
                    Some(text) => text.parse(),
                    None => Err(not_a_string($rule, json)),
                }
            }

            #[inline]
            fn write(&self, out: &mut Vec<u8>) {
                out.push(b'"');
                decimal::write(self.0, out);
                out.push(b'"');
            }
        }
    )* };
}

decimal_types! {
    /// What one share or unit was traded at: above 0.
    Price, "must be a decimal string above 0", |it| it.mantissa() > 0;
    /// How much of something that trades in fractions: above 0.
    Size, "must be a decimal string above 0", |it| it.mantissa() > 0;
    /// A sum of money, of either sign.
    Money, "must be a decimal string", |_| true;
    /// A number that is no money: a position, a percentage, a spread.
    Amount, "must be a decimal string", |_| true;
    /// What was paid for a trade: 0 or more.
    Fee, "must be a decimal string of 0 or more", |it| it.mantissa() >= 0;
    /// How many times: 0 or more.
    Factor, "must be a decimal string of 0 or more", |it| it.mantissa() >= 0;
    /// The part of trades that won, from 0 to 1.
    WinRate, "must be a decimal string from 0 to 1",
        |it| it.mantissa() >= 0 && it <= Decimal::ONE;
    /// How far below its peak: 0 or less.
    Drawdown, "must be a decimal string of 0 or less", |it| it.mantissa() <= 0;
}

#[cold]
fn not_a_string(rule: &'static str, json: &str) -> Wrong {
    let wrong = Wrong::new(rule, json);
    match json.bytes().next() {
        Some(b'0'..=b'9' | b'-') => wrong.hint("write the number as a string, in quotes"),
        _ => wrong,
    }
}

impl Price {
    /// The price of that value, which was one before.
    #[inline]
    pub(crate) fn known(value: Decimal) -> Price {
        Price(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_keeps_its_rule() {
        assert!("0.01".parse::<Price>().is_ok());
        assert!("0.00".parse::<Price>().is_err());
        assert!("-1".parse::<Size>().is_err());
        assert!("-1".parse::<Money>().is_ok());
        assert!("0".parse::<Fee>().is_ok());
        assert!("-0.01".parse::<Fee>().is_err());
        assert!("1.00".parse::<WinRate>().is_ok());
        assert!("1.01".parse::<WinRate>().is_err());
        assert!("-0.1".parse::<WinRate>().is_err());
        assert!("-5.2".parse::<Drawdown>().is_ok());
        assert!("0.1".parse::<Drawdown>().is_err());
    }

    #[test]
    fn a_number_is_refused_with_the_remedy() {
        assert_eq!(
            Price::read("150.25").unwrap_err().to_string(),
            "must be a decimal string above 0, got 150.25 (write the number as a string, in quotes)"
        );
        assert_eq!(
            Price::read("\"1e5\"").unwrap_err().to_string(),
            "must be a decimal string above 0, got \"1e5\" \
             (digits with an optional minus and fraction, such as \"150.25\")"
        );
        assert_eq!(
            Price::read("null").unwrap_err().to_string(),
            "must be a decimal string above 0, got null"
        );
    }
}
