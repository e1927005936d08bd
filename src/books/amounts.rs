//! Decimals in little memory.
//!
//! Always true:
//! - What is taken out is what was put in, its scale too.
//! - Money as it is traded takes half of what a decimal takes; what does not fit there is kept as it is.
//!
//! Not here: arithmetic.

use rust_decimal::Decimal;

/// How many bits of a small one say how many places it has: a decimal has at most 28.
const SCALE_BITS: u32 = 5;
const SCALE_MASK: i64 = (1 << SCALE_BITS) - 1;

/// So many decimals.
#[derive(Clone, Debug)]
pub(super) enum Amounts<const N: usize> {
    Small([Small; N]),
    /// One of them at least is wide.
    Wide(Box<[Decimal; N]>),
}

/// Digits of at most 58 bits and a sign, and behind them the places.
#[derive(Clone, Copy, Debug)]
pub(super) struct Small(i64);

impl<const N: usize> Amounts<N> {
    #[inline]
    pub(super) fn new(values: [Decimal; N]) -> Amounts<N> {
        let mut small = [Small(0); N];
        for (slot, value) in small.iter_mut().zip(values) {
            match Small::of(value) {
                Some(value) => *slot = value,
                None => return Amounts::Wide(Box::new(values)),
            }
        }
        Amounts::Small(small)
    }

    /// All of them.
    #[inline]
    pub(super) fn all(&self) -> [Decimal; N] {
        match self {
            Amounts::Small(small) => {
                let mut all = [Decimal::ZERO; N];
                for (slot, it) in all.iter_mut().zip(small) {
                    *slot = it.value();
                }
                all
            }
            Amounts::Wide(wide) => **wide,
        }
    }
}

impl Small {
    #[inline]
    fn of(value: Decimal) -> Option<Small> {
        let digits = i64::try_from(value.mantissa()).ok()?;
        // A zero with a sign would lose it.
        if digits == 0 && value.is_sign_negative() {
            return None;
        }
        let shifted = digits.checked_mul(1 << SCALE_BITS)?;
        Some(Small(shifted | i64::from(value.scale())))
    }

    #[inline]
    fn value(self) -> Decimal {
        let scale = u32::try_from(self.0 & SCALE_MASK).unwrap_or_default();
        Decimal::new(self.0 >> SCALE_BITS, scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_out_is_what_was_put_in() {
        let small = ["0", "0.00", "-0.01", "150.25", "288230376151711743", "0.1"];
        let wide = [
            "-0",
            "288230376151711744",
            "79228162514264337593543950335",
            "-7.9228162514264337593543950335",
        ];
        for (texts, is_small) in [(&small[..], true), (&wide[..], false)] {
            for text in texts {
                let mut value: Decimal = text.parse().unwrap();
                value.set_sign_negative(text.starts_with('-'));
                let kept = Amounts::new([Decimal::ONE, value]);
                assert_eq!(matches!(kept, Amounts::Small(_)), is_small, "{text}");
                assert_eq!(kept.all()[1].serialize(), value.serialize(), "{text}");
            }
        }
        let fine = Decimal::new(-5, 28);
        assert_eq!(Amounts::new([fine]).all()[0].serialize(), fine.serialize());
    }
}
