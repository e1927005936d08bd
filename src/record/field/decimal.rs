//! Decimals: reading and writing them digit by digit, and the exact arithmetic between fields.
//!
//! Always true:
//! - A decimal keeps its scale: `"0.00"` is written as `"0.00"`.
//! - Nothing is rounded. What does not fit into 96 bits and 28 places is refused.
//!
//! Not here: what a decimal stands for. `money` has the types.

use std::cmp::Ordering;

use rust_decimal::Decimal;

const PLACES_MAX: usize = 28;
/// Digits that always fit into a `u64`.
const SHORT_DIGITS: usize = 19;
const MANTISSA_MAX: u128 = (1 << 96) - 1;

/// Why a text is no decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Not `-?digits(.digits)?`.
    Shape,
    /// `007`: nothing says so in money.
    LeadingZero,
    /// More than 96 bits of digits or 28 places.
    TooLong,
}

impl Flaw {
    pub(crate) fn hint(self) -> &'static str {
        match self {
            Flaw::Shape => "digits with an optional minus and fraction, such as \"150.25\"",
            Flaw::LeadingZero => "leave out the leading zeros",
            Flaw::TooLong => "at most 28 digits and 28 decimal places can be kept exactly",
        }
    }
}

/// Reads `-?digits(.digits)?`. Minus zero is zero.
#[inline(always)]
pub(crate) fn parse(text: &[u8]) -> Result<Decimal, Flaw> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let (mantissa, places) = if digits.len() <= SHORT_DIGITS {
        let (mantissa, places) = short(digits)?;
        (u128::from(mantissa), places)
    } else {
        long(digits)?
    };
    let (a, b, c) = words(mantissa);
    let negative = negative && mantissa != 0;
    Ok(Decimal::from_parts(a, b, c, negative, places))
}

/// Digits and places of a text whose digits fit into 64 bits.
#[inline(always)]
fn short(text: &[u8]) -> Result<(u64, u32), Flaw> {
    let mut mantissa = 0_u64;
    let mut point = None;
    for (index, byte) in text.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            mantissa = mantissa * 10 + u64::from(digit);
        } else if *byte == b'.' && point.is_none() {
            point = Some(index);
        } else {
            return Err(Flaw::Shape);
        }
    }
    let places = shape(text, point)?;
    Ok((mantissa, places))
}

#[cold]
fn long(text: &[u8]) -> Result<(u128, u32), Flaw> {
    let mut mantissa = 0_u128;
    let mut point = None;
    let mut too_long = false;
    for (index, byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                let next = mantissa.saturating_mul(10) + u128::from(byte - b'0');
                too_long |= next > MANTISSA_MAX;
                mantissa = next.min(MANTISSA_MAX);
            }
            b'.' if point.is_none() => point = Some(index),
            _ => return Err(Flaw::Shape),
        }
    }
    let places = shape(text, point)?;
    if too_long {
        return Err(Flaw::TooLong);
    }
    Ok((mantissa, places))
}

/// Checks where the point stands and how the whole part begins; the number of places.
#[inline]
fn shape(text: &[u8], point: Option<usize>) -> Result<u32, Flaw> {
    let whole = point.unwrap_or(text.len());
    let places = point.map_or(0, |point| text.len() - point - 1);
    if whole == 0 || (point.is_some() && places == 0) {
        return Err(Flaw::Shape);
    }
    if whole > 1 && text.first() == Some(&b'0') {
        return Err(Flaw::LeadingZero);
    }
    if places > PLACES_MAX {
        return Err(Flaw::TooLong);
    }
    u32::try_from(places).map_err(|_| Flaw::TooLong)
}

/// The three 32-bit words of a mantissa of at most 96 bits.
#[inline(always)]
fn words(mantissa: u128) -> (u32, u32, u32) {
    let [a, b, c, d, e, f, g, h, i, j, k, l, ..] = mantissa.to_le_bytes();
    (
        u32::from_le_bytes([a, b, c, d]),
        u32::from_le_bytes([e, f, g, h]),
        u32::from_le_bytes([i, j, k, l]),
    )
}

/// Appends the digits of `value` with all its places.
#[inline]
pub(crate) fn write(value: Decimal, out: &mut Vec<u8>) {
    write_scaled(value.mantissa(), value.scale(), out);
}

/// Appends `mantissa` / 10^`scale` without rounding.
fn write_scaled(mantissa: i128, scale: u32, out: &mut Vec<u8>) {
    let mut left = Digits::of(mantissa.unsigned_abs());
    // One whole digit, the point and 28 places, or 29 whole digits.
    let mut text = [b'0'; 32];
    let mut len = 0;
    let mut from_end = text.iter_mut().rev();
    if scale > 0 {
        let places = usize::try_from(scale).unwrap_or(PLACES_MAX);
        for place in from_end.by_ref().take(places) {
            *place = left.next();
            len += 1;
        }
        if let Some(place) = from_end.next() {
            *place = b'.';
            len += 1;
        }
    }
    for place in from_end {
        *place = left.next();
        len += 1;
        if left.is_zero() {
            break;
        }
    }
    if mantissa < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(text.get(text.len() - len..).unwrap_or_default());
}

/// The decimal digits of a number from the last to the first, divided in 64 bits, which is several
/// times as fast as in 128.
struct Digits {
    low: u64,
    low_digits: u32,
    high: u64,
}

impl Digits {
    #[inline]
    fn of(number: u128) -> Digits {
        const SPLIT: u128 = 10_u128.pow(19);
        match u64::try_from(number) {
            Ok(low) => Digits {
                low,
                low_digits: u32::MAX,
                high: 0,
            },
            Err(_) => Digits {
                low: u64::try_from(number % SPLIT).unwrap_or_default(),
                low_digits: 19,
                high: u64::try_from(number / SPLIT).unwrap_or(u64::MAX),
            },
        }
    }

    #[inline]
    fn next(&mut self) -> u8 {
        let digit = self.low % 10;
        self.low /= 10;
        self.low_digits -= 1;
        if self.low_digits == 0 {
            *self = Digits {
                low: self.high,
                low_digits: u32::MAX,
                high: 0,
            };
        }
        b'0' + digit.to_le_bytes()[0]
    }

    #[inline]
    fn is_zero(&self) -> bool {
        self.low == 0 && self.high == 0
    }
}

/// Whether `factor` x `value` is exactly `result`.
#[inline]
pub(crate) fn product_is(factor: u32, value: Decimal, result: Decimal) -> bool {
    // 32 bits times 96 bits fit into the 127 of an i128.
    let exact = value.mantissa() * i128::from(factor);
    match value.scale().cmp(&result.scale()) {
        Ordering::Equal => exact == result.mantissa(),
        Ordering::Less => {
            scaled_up(exact, result.scale() - value.scale()) == Some(result.mantissa())
        }
        Ordering::Greater => {
            scaled_up(result.mantissa(), value.scale() - result.scale()) == Some(exact)
        }
    }
}

/// `factor` x `value`, with the places of `value` where they fit, with fewer where only zeros are
/// lost; `None` when no decimal holds it exactly.
pub(crate) fn product(factor: u32, value: Decimal) -> Option<Decimal> {
    fitted(value.mantissa() * i128::from(factor), value.scale())
}

/// (`minuend` - `subtrahend`) x `factor`, exactly or not at all.
pub(crate) fn difference_times(
    minuend: Decimal,
    subtrahend: Decimal,
    factor: u32,
) -> Option<Decimal> {
    let scale = minuend.scale().max(subtrahend.scale());
    let minuend = scaled_up(minuend.mantissa(), scale - minuend.scale())?;
    let subtrahend = scaled_up(subtrahend.mantissa(), scale - subtrahend.scale())?;
    let exact = minuend
        .checked_sub(subtrahend)?
        .checked_mul(i128::from(factor))?;
    fitted(exact, scale)
}

/// `left` + `right`, exactly or not at all.
#[inline]
pub(crate) fn sum(left: Decimal, right: Decimal) -> Option<Decimal> {
    let scale = left.scale().max(right.scale());
    let left = scaled_up(left.mantissa(), scale - left.scale())?;
    let right = scaled_up(right.mantissa(), scale - right.scale())?;
    fitted(left.checked_add(right)?, scale)
}

/// Whether `minuend` - `subtrahend` is exactly `result`.
pub(crate) fn difference_is(minuend: Decimal, subtrahend: Decimal, result: Decimal) -> bool {
    let all = [minuend, subtrahend, result].map(|it| it.normalize());
    let scale = all.iter().map(Decimal::scale).max().unwrap_or_default();
    // Where the equation holds, two of the three share the last place and fit as they are, and so
    // does the third, their sum.
    match all.map(|it| scaled_up(it.mantissa(), scale - it.scale())) {
        [Some(minuend), Some(subtrahend), Some(result)] => {
            minuend.checked_sub(subtrahend) == Some(result)
        }
        _ => false,
    }
}

#[inline]
fn scaled_up(mantissa: i128, places: u32) -> Option<i128> {
    // Most sums are of values with as many places.
    if places == 0 || mantissa == 0 {
        return Some(mantissa);
    }
    mantissa.checked_mul(10_i128.checked_pow(places)?)
}

fn fitted(mut mantissa: i128, mut scale: u32) -> Option<Decimal> {
    loop {
        if let Ok(value) = Decimal::try_from_i128_with_scale(mantissa, scale) {
            return Some(value);
        }
        if scale == 0 || mantissa % 10 != 0 {
            return None;
        }
        mantissa /= 10;
        scale -= 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(value: Decimal) -> String {
        let mut out = Vec::new();
        write(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn decimal(text: &str) -> Decimal {
        parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_decimal_keeps_its_text() {
        for given in [
            "0",
            "0.00",
            "-0.5",
            "150.25",
            "7512.50",
            "0.00000001",
            "10",
            "1.0000000000000000000000000000",
            "79228162514264337593543950335",
            "-79228162514264337593543950335",
            "7.9228162514264337593543950335",
            "18446744073709551616",
            "100000000000000000000",
            "0.0000000000000000000000000001",
        ] {
            assert_eq!(text(decimal(given)), given);
        }
    }

    #[test]
    fn minus_zero_is_zero() {
        assert_eq!(text(decimal("-0.00")), "0.00");
        assert_eq!(
            text(decimal("-0.00000000000000000000")),
            "0.00000000000000000000"
        );
        assert_eq!(text(-Decimal::ZERO), "0");
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for given in [
            "",
            "-",
            ".",
            "1.",
            ".5",
            "+1",
            "1e5",
            "1_000",
            " 1",
            "1 ",
            "--1",
            "1.2.3",
            "0x1",
            "1,5",
            "\u{0661}",
            "NaN",
            "inf",
            "-.5",
            "1-",
            "12345678901234567890.x",
        ] {
            assert_eq!(parse(given.as_bytes()), Err(Flaw::Shape), "{given}");
        }
        for given in ["007", "00", "-01.5", "00.5", "000000000000000000000001"] {
            assert_eq!(parse(given.as_bytes()), Err(Flaw::LeadingZero), "{given}");
        }
        for given in [
            "79228162514264337593543950336",
            "0.00000000000000000000000000000",
            "7.92281625142643375935439503361",
            &"9".repeat(100_000),
        ] {
            assert_eq!(parse(given.as_bytes()), Err(Flaw::TooLong), "{given}");
        }
    }

    #[test]
    fn arithmetic_is_exact_or_nothing() {
        assert!(product_is(50, decimal("150.25"), decimal("7512.5")));
        assert!(product_is(50, decimal("150.25"), decimal("7512.5000")));
        assert!(!product_is(50, decimal("150.25"), decimal("7512.51")));
        let most = decimal("79228162514264337593543950335");
        assert_eq!(product(10_000, most), None);
        assert_eq!(
            product(10, decimal("7922816251426433759354395033.5")),
            Some(most)
        );
        assert!(product_is(
            10,
            decimal("7922816251426433759354395033.5"),
            most
        ));
        assert!(!product_is(
            3,
            most,
            decimal("0.0000000000000000000000000001")
        ));
        let least = decimal("0.0000000000000000000000000001");
        assert_eq!(difference_times(most, least, 1), None);
        assert!(!difference_is(most, least, most));
        assert!(difference_is(
            decimal("88.00"),
            decimal("0.05"),
            decimal("87.95")
        ));
        assert!(difference_is(decimal("88.00"), decimal("0"), decimal("88")));
        let five = decimal("5.0000000000000000000000000000");
        assert!(difference_is(
            most,
            five,
            decimal("79228162514264337593543950330")
        ));
    }

    proptest! {
        #[test]
        fn every_decimal_comes_back(mantissa in -(1_i128 << 96) + 1..1_i128 << 96, scale in 0_u32..=28) {
            let value = Decimal::try_from_i128_with_scale(mantissa, scale).unwrap();
            let written = text(value);
            prop_assert_eq!(&written, &value.to_string());
            let back = decimal(&written);
            prop_assert_eq!((back.mantissa(), back.scale()), (mantissa, scale));
        }

        #[test]
        fn no_text_panics(given in "[-0-9.e]{0,40}") {
            if let Ok(value) = parse(given.as_bytes()) {
                let expected = given.strip_prefix('-').filter(|_| value.is_zero());
                prop_assert_eq!(text(value), expected.unwrap_or(&given));
            }
        }
    }
}
