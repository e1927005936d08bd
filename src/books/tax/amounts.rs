//! Whole cents, and whole parts of a unit: what a tax book counts in.
//!
//! Always true:
//! - Both are whole numbers. Only [`Cents::of`] and [`Cents::part`] round, half up and away from 0.
//! - A unit has [`PLACES`] places, which is as fine as any coin is divided.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use std::str::FromStr;

use rust_decimal::Decimal;

use crate::books::wide::{divided, product, scaled_half_up};
use crate::record::field::Money;

/// How finely a unit of a share or of a coin is divided.
pub const PLACES: u32 = 18;
/// One unit.
const ONE: u128 = 10_u128.pow(PLACES);
/// More units than that are no holding. Sums of them, over ten million trades, stay below 128 bits.
const UNITS_MAX: u128 = ONE * 10_u128.pow(13);
/// Ten quadrillion dollars: the most that one trade can come to.
const CENTS_MAX: u128 = 10_u128.pow(18);

/// A sum of money in cents.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cents(i128);

/// A number of shares or coins, or of parts of one.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Units(u128);

impl Cents {
    /// Nothing.
    pub const ZERO: Cents = Cents(0);

    /// So many.
    #[must_use]
    pub const fn new(cents: i64) -> Cents {
        Cents(cents as i128)
    }

    /// How many.
    #[must_use]
    pub const fn value(self) -> i128 {
        self.0
    }

    /// `quantity` x `price` + `extra`, rounded once; `None` above ten quadrillion dollars.
    #[must_use]
    pub fn of(quantity: Decimal, price: Decimal, extra: Decimal) -> Option<Cents> {
        let (size, is_below) = match narrow(quantity, price, extra) {
            Some(it) => it,
            None => wide(quantity, price, extra)?,
        };
        let size = i128::try_from(size).ok().filter(|_| size <= CENTS_MAX)?;
        Some(Cents(if is_below { -size } else { size }))
    }

    /// The part `of` / `whole` of it; all of it where `whole` is nothing.
    #[must_use]
    pub(super) fn part(self, of: Units, whole: Units) -> Cents {
        if of == whole {
            return self;
        }
        // A part of a whole is no larger than the whole, which fits.
        let size = scaled_half_up(self.0.unsigned_abs(), of.0, whole.0)
            .and_then(|it| i128::try_from(it).ok());
        let size = size.unwrap_or(self.0.abs());
        Cents(if self.0 < 0 { -size } else { size })
    }

    /// In whole dollars, half up.
    #[must_use]
    pub fn whole_dollars(self) -> Cents {
        let dollars = (self.0.abs() + 50) / 100 * 100;
        Cents(if self.0 < 0 { -dollars } else { dollars })
    }
}

/// The quick way of [`Cents::of`]: 128 bits, of which most trades need 64.
fn narrow(quantity: Decimal, price: Decimal, extra: Decimal) -> Option<(u128, bool)> {
    let of_product = quantity.scale() + price.scale();
    let places = of_product.max(extra.scale()).max(2);
    let product = quantity.mantissa().checked_mul(price.mantissa())?;
    let product = product.checked_mul(power(places - of_product)?)?;
    let extra = extra
        .mantissa()
        .checked_mul(power(places - extra.scale())?)?;
    let sum = product.checked_add(extra)?;
    let (size, down) = (sum.unsigned_abs(), power(places - 2)?.unsigned_abs());
    let cents = match (u64::try_from(size), u64::try_from(down)) {
        // Dividing 128 bits takes several times as long.
        (Ok(size), Ok(down)) => {
            let rest = size % down;
            u128::from(size / down + u64::from(down - rest <= rest))
        }
        _ => scaled_half_up(size, 1, down)?,
    };
    Some((cents, sum < 0))
}

fn power(places: u32) -> Option<i128> {
    #[expect(clippy::indexing_slicing, reason = "it is made when this is compiled")]
    const POWERS: [i128; 39] = {
        let (mut powers, mut at) = ([1; 39], 1);
        while at < 39 {
            powers[at] = powers[at - 1] * 10;
            at += 1;
        }
        powers
    };
    POWERS.get(usize::try_from(places).ok()?).copied()
}

/// The slow way of [`Cents::of`]: 256 bits, for prices of many digits.
#[cold]
fn wide(quantity: Decimal, price: Decimal, extra: Decimal) -> Option<(u128, bool)> {
    // Both in units of 10^-56: the places of a decimal, twice.
    let scaled = |places: u32, a: u128, b: u128| -> Option<(u128, u128)> {
        let (mut high, mut low) = product(a, b);
        for _ in places..56 {
            let (up_high, up_low) = product(low, 10);
            high = high.checked_mul(10)?.checked_add(up_high)?;
            low = up_low;
        }
        Some((high, low))
    };
    let places = quantity.scale() + price.scale();
    let left = scaled(
        places,
        quantity.mantissa().unsigned_abs(),
        price.mantissa().unsigned_abs(),
    )?;
    let right = scaled(extra.scale(), extra.mantissa().unsigned_abs(), 1)?;
    let is_less = extra.is_sign_negative();
    let (sum, is_below) = match is_less {
        false => (added(left, right)?, false),
        true if right <= left => (less(left, right), false),
        true => (less(right, left), true),
    };
    // Half a cent more, then rounded down: in two steps, since 10^54 has more than 128 bits.
    let half = product(5 * 10_u128.pow(26), 10_u128.pow(27));
    let sum = added(sum, half)?;
    let (high, rest) = (sum.0 / 10_u128.pow(27), sum.0 % 10_u128.pow(27));
    let (low, _) = divided((rest, sum.1), 10_u128.pow(27))?;
    let (cents, _) = divided((high, low), 10_u128.pow(27))?;
    Some((cents, is_below))
}

fn added(a: (u128, u128), b: (u128, u128)) -> Option<(u128, u128)> {
    let (low, carries) = a.1.overflowing_add(b.1);
    let high = a.0.checked_add(b.0)?.checked_add(u128::from(carries))?;
    Some((high, low))
}

/// `a` - `b`, where `b` is not above `a`.
fn less(a: (u128, u128), b: (u128, u128)) -> (u128, u128) {
    let (low, borrows) = a.1.overflowing_sub(b.1);
    let high = a.0.wrapping_sub(b.0).wrapping_sub(u128::from(borrows));
    (high, low)
}

impl Units {
    /// None.
    pub const ZERO: Units = Units(0);

    /// That many units; `None` below 0, beyond 18 places, or of 10^13 and more.
    #[must_use]
    pub fn of(quantity: Decimal) -> Option<Units> {
        let quantity = quantity.normalize();
        let size = u128::try_from(quantity.mantissa()).ok()?;
        let up = PLACES.checked_sub(quantity.scale())?;
        let units = size.checked_mul(10_u128.checked_pow(up)?)?;
        (units < UNITS_MAX).then_some(Units(units))
    }

    /// In units of 10^-18.
    #[must_use]
    pub const fn value(self) -> u128 {
        self.0
    }

    /// After a split of `new` for `old`; rounded to 18 places where the result has more. `None` where that is
    /// no holding.
    #[must_use]
    pub(super) fn split(self, new: u32, old: u32) -> Option<Units> {
        let units = scaled_half_up(self.0, new.into(), old.into())?;
        (units < UNITS_MAX).then_some(Units(units))
    }

    /// The part `of` / `whole` of it, to the nearest 10^-18; all of it where `whole` is none.
    #[must_use]
    pub(super) fn part(self, of: Units, whole: Units) -> Units {
        match of == whole {
            true => self,
            false => scaled_half_up(self.0, of.0, whole.0).map_or(self, Units),
        }
    }

    pub(super) fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl Add for Cents {
    type Output = Cents;

    fn add(self, other: Cents) -> Cents {
        Cents(self.0 + other.0)
    }
}

impl Sub for Cents {
    type Output = Cents;

    fn sub(self, other: Cents) -> Cents {
        Cents(self.0 - other.0)
    }
}

impl Neg for Cents {
    type Output = Cents;

    fn neg(self) -> Cents {
        Cents(-self.0)
    }
}

impl AddAssign for Cents {
    fn add_assign(&mut self, other: Cents) {
        self.0 += other.0;
    }
}

impl SubAssign for Cents {
    fn sub_assign(&mut self, other: Cents) {
        self.0 -= other.0;
    }
}

impl Sum for Cents {
    fn sum<I: Iterator<Item = Cents>>(all: I) -> Cents {
        all.fold(Cents::ZERO, Add::add)
    }
}

impl Add for Units {
    type Output = Units;

    fn add(self, other: Units) -> Units {
        Units(self.0 + other.0)
    }
}

impl Sub for Units {
    type Output = Units;

    fn sub(self, other: Units) -> Units {
        Units(self.0 - other.0)
    }
}

impl AddAssign for Units {
    fn add_assign(&mut self, other: Units) {
        self.0 += other.0;
    }
}

impl SubAssign for Units {
    fn sub_assign(&mut self, other: Units) {
        self.0 -= other.0;
    }
}

impl Sum for Units {
    fn sum<I: Iterator<Item = Units>>(all: I) -> Units {
        all.fold(Units::ZERO, Add::add)
    }
}

/// Dollars with two places, such as `-1234.50`.
impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, size) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        f.pad(&format!("{sign}{}.{:02}", size / 100, size % 100))
    }
}

/// A text that is no sum of money to the cent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be dollars with at most two places, such as 1234.50")]
#[non_exhaustive]
pub struct CentsError;

/// Exactly: what has parts of a cent is refused, unless they are nothing.
impl FromStr for Cents {
    type Err = CentsError;

    fn from_str(text: &str) -> Result<Cents, CentsError> {
        let sum: Money = text.parse().map_err(|_| CentsError)?;
        let cents = Cents::of(Decimal::ONE, sum.value(), Decimal::ZERO).ok_or(CentsError)?;
        let exact = sum.value().normalize();
        (exact.scale() <= 2).then_some(cents).ok_or(CentsError)
    }
}

impl fmt::Debug for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Without zeros at its end, such as `0.5`.
impl fmt::Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / ONE, self.0 % ONE);
        if rest == 0 {
            return f.pad(&whole.to_string());
        }
        let rest = format!("{rest:018}");
        f.pad(&format!("{whole}.{}", rest.trim_end_matches('0')))
    }
}

impl fmt::Debug for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn cents(quantity: &str, price: &str, extra: &str) -> Option<String> {
        let cents = Cents::of(dec(quantity), dec(price), dec(extra));
        cents.map(|it| it.to_string())
    }

    #[test]
    fn a_trade_is_rounded_once_half_up() {
        for (quantity, price, extra, expected) in [
            ("3", "10.005", "0", "30.02"),
            ("1", "10.004", "0.001", "10.01"),
            ("1", "10.004", "0.0009", "10.00"),
            ("100", "50", "-1", "4999.00"),
            ("100", "50", "1", "5001.00"),
            ("1", "0.5", "-1", "-0.50"),
            ("7", "3", "0", "21.00"),
        ] {
            assert_eq!(cents(quantity, price, extra).as_deref(), Some(expected));
        }
    }

    #[test]
    fn many_digits_are_rounded_once_too() {
        // 12345678.12345678 x 98765432.98765432109876543210 by hand, to the cent:
        // 12345678.12345678 x 98765432.98765432... = 1219326336991312.43...
        let narrow = cents("12345678.12345678", "98765432.98765432", "0").unwrap();
        let wide = cents("12345678.12345678", "98765432.987654320000000000", "0").unwrap();
        assert_eq!(narrow, wide);
        // 28 places each: 10 + 0.005 with a price whose last digit decides.
        let price = "0.0099999999999999999999999999";
        assert_eq!(cents("1", price, "0").as_deref(), Some("0.01"));
        let half = "1.0049999999999999999999999999";
        assert_eq!(
            cents("1.00000000000000000", half, "0").as_deref(),
            Some("1.00")
        );
        let half = "1.0050000000000000000000000000";
        assert_eq!(
            cents("1.00000000000000000", half, "0").as_deref(),
            Some("1.01")
        );
        assert_eq!(cents("100000000000000", "100000000000000", "0"), None);
        // Fourteen digits of dollars keep their cents.
        let fourteen = cents("1.00000000", "98765432109876.54", "0");
        assert_eq!(fourteen.as_deref(), Some("98765432109876.54"));
    }

    #[test]
    fn a_part_needs_more_than_28_digits_in_between() {
        // 98765432109876.54 x 12345678.12345678 / 24691356.24691356 is its half, rounded up.
        let whole = Cents::of(Decimal::ONE, dec("98765432109876.55"), Decimal::ZERO).unwrap();
        let (half, all) = (dec("12345678.12345678"), dec("24691356.24691356"));
        let part = whole.part(Units::of(half).unwrap(), Units::of(all).unwrap());
        assert_eq!(part.to_string(), "49382716054938.28");
    }

    #[test]
    fn a_text_is_cents_exactly_or_none() {
        for (text, cents) in [
            ("1234.50", 123_450),
            ("-0.01", -1),
            ("7", 700),
            ("1.500", 150),
        ] {
            assert_eq!(text.parse(), Ok(Cents::new(cents)));
        }
        for text in ["1.005", "", "1e3", "$5", "1,000.00", "10000000000000001"] {
            assert_eq!(text.parse::<Cents>(), Err(CentsError), "{text}");
        }
    }

    #[test]
    fn units_are_told_without_zeros_at_their_end() {
        assert_eq!(Units::of(dec("100.00")).unwrap().to_string(), "100");
        assert_eq!(Units::of(dec("0.12000")).unwrap().to_string(), "0.12");
        assert_eq!(Units::of(dec("0.0000000000000000001")), None);
        assert_eq!(Units::of(dec("10000000000000")), None);
        assert_eq!(Units::of(dec("-1")), None);
    }

    #[test]
    fn whole_dollars_are_rounded_half_up() {
        for (cents, dollars) in [(150, 200), (149, 100), (-150, -200), (50, 100), (49, 0)] {
            assert_eq!(Cents::new(cents).whole_dollars(), Cents::new(dollars));
        }
    }
}
