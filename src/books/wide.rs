//! Products of 256 bits, and what they are divided by.
//!
//! Always true: nothing is rounded but the quotient, and that as its name says.

/// The upper and the lower half of a product.
pub(crate) fn product(a: u128, b: u128) -> (u128, u128) {
    const LOW: u128 = u64::MAX as u128;
    let (a_high, a_low) = (a >> 64, a & LOW);
    let (b_high, b_low) = (b >> 64, b & LOW);
    let low = a_low * b_low;
    let middle = a_high * b_low + (low >> 64);
    let other = a_low * b_high + (middle & LOW);
    let high = a_high * b_high + (middle >> 64) + (other >> 64);
    (high, (other << 64) | (low & LOW))
}

/// `a` x `b` / `c`, to the nearest whole number, a half upwards; `None` where it does not fit, or `c` is 0.
#[inline]
pub(crate) fn scaled_half_up(a: u128, b: u128, c: u128) -> Option<u128> {
    // Sums of money times numbers of shares nearly always fit into 128 bits.
    match a.checked_mul(b) {
        Some(whole) => {
            let quotient = whole.checked_div(c)?;
            Some(quotient + u128::from(c - whole % c <= whole % c))
        }
        None => wide_scaled_half_up(a, b, c),
    }
}

#[cold]
fn wide_scaled_half_up(a: u128, b: u128, c: u128) -> Option<u128> {
    let (quotient, rest) = divided(product(a, b), c)?;
    quotient.checked_add(u128::from(c - rest <= rest))
}

/// The quotient, rounded down, and the rest; `None` where it does not fit, or the divisor is 0.
pub(crate) fn divided((high, low): (u128, u128), by: u128) -> Option<(u128, u128)> {
    if by <= high {
        return None;
    }
    let (mut rest, mut quotient) = (high, 0_u128);
    for bit in (0..128).rev() {
        // What is shifted out is the 129th bit: the rest is above the divisor then.
        let carries = rest >> 127 == 1;
        rest = (rest << 1) | ((low >> bit) & 1);
        quotient <<= 1;
        if carries || by <= rest {
            rest = rest.wrapping_sub(by);
            quotient |= 1;
        }
    }
    Some((quotient, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn products_of_256_bits_are_whole() {
        let most = u128::MAX;
        // (2^128 - 1)^2 = 2^256 - 2^129 + 1
        assert_eq!(product(most, most), (most - 1, 1));
        assert_eq!(product(1 << 127, 2), (1, 0));
        assert_eq!(product(1 << 64, 1 << 64), (1, 0));
        assert_eq!(product(7, 6), (0, 42));
    }

    #[test]
    fn a_half_goes_up() {
        // 5 x 1 / 2 = 2.5, 7 x 1 / 3 = 2.33, 8 x 1 / 3 = 2.67.
        for (a, c, expected) in [(5, 2, 3), (7, 3, 2), (8, 3, 3), (6, 3, 2)] {
            assert_eq!(scaled_half_up(a, 1, c), Some(expected));
            assert_eq!(wide_scaled_half_up(a, 1, c), Some(expected));
        }
        assert_eq!(scaled_half_up(1, 1, 0), None);
        assert_eq!(scaled_half_up(u128::MAX, 2, 1), None);
    }

    proptest! {
        #[test]
        fn a_product_divided_by_a_factor_is_the_other(a: u128, b in 1..u128::MAX, rest: u128) {
            let rest = rest % b;
            let (high, low) = product(a, b);
            let (low, carries) = low.overflowing_add(rest);
            let whole = (high + u128::from(carries), low);
            prop_assert_eq!(divided(whole, b), Some((a, rest)));
        }

        #[test]
        fn the_wide_way_rounds_as_the_narrow_one(a: u64, b: u64, c in 1..u128::from(u64::MAX)) {
            let (a, b) = (u128::from(a), u128::from(b));
            prop_assert_eq!(scaled_half_up(a, b, c), wide_scaled_half_up(a, b, c));
        }
    }
}
