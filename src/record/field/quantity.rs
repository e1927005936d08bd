//! How many shares.

use std::{fmt, str::FromStr};

use crate::record::field::{Field, Wrong, whole};

const RULE: &str = "must be a whole number from 1 to 10000";

/// A number of whole shares: 1 to 10000, the largest position a bot may take in one trade.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(u16);

impl Quantity {
    /// The largest quantity.
    pub const MAX: Quantity = Quantity(10_000);

    /// That many shares, if the rule holds.
    #[must_use]
    #[inline]
    pub fn new(shares: u16) -> Option<Quantity> {
        (1..=Quantity::MAX.0)
            .contains(&shares)
            .then_some(Quantity(shares))
    }

    /// The number of shares.
    #[must_use]
    #[inline]
    pub fn value(self) -> u32 {
        u32::from(self.0)
    }

    /// Reads its digits; `None` when anything is wrong with them.
    #[inline]
    pub(crate) fn of_digits(digits: &[u8]) -> Option<Quantity> {
        let shares = whole::parse(digits)?;
        u16::try_from(shares).ok().and_then(Quantity::new)
    }
}

macro_rules! from_numbers {
    ($($number:ty)*) => { $(
        impl TryFrom<$number> for Quantity {
            type Error = Wrong;

            fn try_from(shares: $number) -> Result<Quantity, Wrong> {
                let small = u16::try_from(shares).ok();
                small.and_then(Quantity::new).ok_or_else(|| Wrong::new(RULE, shares))
            }
        }
    )* };
}

from_numbers!(u16 u32 u64 usize i32 i64);

impl FromStr for Quantity {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Quantity, Wrong> {
        Quantity::of_digits(text.as_bytes()).ok_or_else(|| Wrong::new(RULE, text))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Field for Quantity {
    #[inline]
    fn read(json: &str) -> Result<Quantity, Wrong> {
        Quantity::of_digits(json.as_bytes()).ok_or_else(|| whole::wrong(RULE, json))
    }

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        whole::write(u64::from(self.0), out);
    }
}
