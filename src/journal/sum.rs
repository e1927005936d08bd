//! Exact sums of decimal numbers.
//!
//! Always true: no digit is lost. Numbers are added as whole numbers, each scale apart, so that the
//! order of adding does not matter; what does not fit in the end is refused.

use rust_decimal::Decimal;

/// As many digits as every decimal of that length fits.
const DIGITS_MAX: usize = 28;
const SCALES: usize = DIGITS_MAX + 1;

/// A sum that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Overflow;

/// A sum that grows.
#[derive(Clone, Debug)]
pub(super) struct Sum {
    /// What was added with 0, 1, 2 and so on places behind the point.
    scales: [i128; SCALES],
    /// How many numbers were added.
    pub(super) values: u64,
    overflowed: bool,
}

impl Default for Sum {
    fn default() -> Sum {
        Sum {
            scales: [0; SCALES],
            values: 0,
            overflowed: false,
        }
    }
}

impl Sum {
    /// Adds the number that `text` says; `None` when it says none or one of too many digits.
    pub(super) fn add(&mut self, text: &[u8]) -> Option<()> {
        let (number, scale) = parse(text)?;
        self.values += 1;
        self.grow(scale, number);
        Some(())
    }

    /// Adds another sum.
    pub(super) fn add_sum(&mut self, other: &Sum) {
        self.values += other.values;
        self.overflowed |= other.overflowed;
        for (scale, number) in other.scales.iter().enumerate() {
            self.grow(scale, *number);
        }
    }

    fn grow(&mut self, scale: usize, number: i128) {
        let sum = self.scales.get_mut(scale);
        match sum.and_then(|sum| Some((sum.checked_add(number)?, sum))) {
            Some((grown, sum)) => *sum = grown,
            None => self.overflowed = true,
        }
    }

    /// The sum, with as many places as the number that had most.
    pub(super) fn total(&self) -> Result<Decimal, Overflow> {
        if self.overflowed {
            return Err(Overflow);
        }
        let (mut total, mut scale) = (0_i128, 0);
        for (places, number) in self.scales.iter().enumerate() {
            // A scale whose numbers cancel each other out adds nothing.
            if *number == 0 {
                continue;
            }
            total = 10_i128
                .checked_pow(u32::try_from(places - scale).map_err(|_| Overflow)?)
                .and_then(|factor| total.checked_mul(factor))
                .and_then(|total| total.checked_add(*number))
                .ok_or(Overflow)?;
            scale = places;
        }
        let scale = u32::try_from(scale).map_err(|_| Overflow)?;
        Decimal::try_from_i128_with_scale(total, scale).map_err(|_| Overflow)
    }
}

/// A number as its digits and how many of them are behind the point.
fn parse(text: &[u8]) -> Option<(i128, usize)> {
    let (negative, digits) = match text.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let point = digits.iter().position(|it| *it == b'.');
    let places = point.map_or(0, |at| digits.len() - at - 1);
    let is_shaped = digits.first()?.is_ascii_digit() && digits.last()?.is_ascii_digit();
    if !is_shaped || DIGITS_MAX < places {
        return exponent(text);
    }
    let mut number = 0_i128;
    let mut count = 0;
    for (at, byte) in digits.iter().enumerate() {
        if Some(at) == point {
            continue;
        }
        if !byte.is_ascii_digit() {
            return exponent(text);
        }
        count += usize::from(count > 0 || *byte != b'0');
        if DIGITS_MAX < count {
            return None;
        }
        number = number * 10 + i128::from(byte - b'0');
    }
    Some((if negative { -number } else { number }, places))
}

/// The rare number with an exponent.
#[cold]
fn exponent(text: &[u8]) -> Option<(i128, usize)> {
    let is_one = memchr::memchr2(b'e', b'E', text).is_some();
    let text = std::str::from_utf8(text).ok().filter(|_| is_one)?;
    let number = Decimal::from_scientific(text).ok()?;
    let scale = usize::try_from(number.scale()).ok()?;
    Some((number.mantissa(), scale))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn total(texts: &[&str]) -> Result<String, Overflow> {
        let mut sum = Sum::default();
        for text in texts {
            sum.add(text.as_bytes()).unwrap();
        }
        sum.total().map(|it| it.to_string())
    }

    #[test]
    fn sums_are_exact_and_keep_their_places() {
        assert_eq!(total(&[]).unwrap(), "0");
        assert_eq!(total(&["0.10", "0.2", "-3"]).unwrap(), "-2.70");
        assert_eq!(total(&["1e3", "2.5E-1"]).unwrap(), "1000.25");
        let most = "79228162514264337593543950335";
        assert_eq!(
            total(&["7922816251426433759354395033", "0.5"]).unwrap(),
            "7922816251426433759354395033.5"
        );
        assert_eq!(
            total(&["9999999999999999999999999999"; 8]),
            Err(Overflow),
            "{most}"
        );
        assert_eq!(
            total(&["9999999999999999999999999999", "0.01"]),
            Err(Overflow)
        );
        assert_eq!(
            total(&[
                "9999999999999999999999999999",
                "1",
                "-9999999999999999999999999999"
            ])
            .unwrap(),
            "1"
        );
    }

    #[test]
    fn what_is_no_decimal_is_not_added() {
        let mut sum = Sum::default();
        for text in [
            "", "-", ".5", "5.", "1.2.3", "+1", "1_000", "abc", "--1", "e5", "1e99", "0x1", "NaN",
        ] {
            assert_eq!(sum.add(text.as_bytes()), None, "{text}");
        }
        assert_eq!(sum.add("1".repeat(29).as_bytes()), None);
        assert_eq!(sum.add(format!("0.{}", "0".repeat(29)).as_bytes()), None);
        assert_eq!(sum.values, 0);
    }

    proptest! {
        #[test]
        fn any_order_gives_the_same(
            numbers in prop::collection::vec((any::<i64>(), 0..8_u32), 0..20),
            cut in 0..20_usize,
        ) {
            let texts: Vec<String> =
                numbers.iter().map(|(number, scale)| Decimal::new(*number, *scale).to_string()).collect();
            let mut plain = Sum::default();
            let (mut first, mut second) = (Sum::default(), Sum::default());
            for (at, text) in texts.iter().enumerate() {
                plain.add(text.as_bytes()).unwrap();
                let part = if at < cut { &mut second } else { &mut first };
                part.add(text.as_bytes()).unwrap();
            }
            first.add_sum(&second);
            let expected: Decimal = numbers.iter().map(|(number, scale)| Decimal::new(*number, *scale)).sum();
            prop_assert_eq!(first.total().unwrap(), expected);
            prop_assert_eq!(plain.total().unwrap(), expected);
        }
    }
}
