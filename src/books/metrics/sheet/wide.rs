//! Comparing fractions exactly, in 256 bits where it takes them.
//!
//! Always true: nothing is divided.

use std::cmp::Ordering;

/// How `left.0 / left.1` compares to `right.0 / right.1`. The denominators are above 0.
pub(super) fn compare(left: (i128, i128), right: (i128, i128)) -> Ordering {
    let sign = left.0.signum().cmp(&right.0.signum());
    if sign != Ordering::Equal {
        return sign;
    }
    let size = |a: i128, b: i128| product(a.unsigned_abs(), b.unsigned_abs());
    let order = size(left.0, right.1).cmp(&size(right.0, left.1));
    match left.0 < 0 {
        true => order.reverse(),
        false => order,
    }
}

/// The upper and the lower half of a product.
fn product(a: u128, b: u128) -> (u128, u128) {
    if let Some(product) = a.checked_mul(b) {
        return (0, product);
    }
    const LOW: u128 = (1 << 64) - 1;
    let ((a1, a0), (b1, b0)) = ((a >> 64, a & LOW), (b >> 64, b & LOW));
    // Each is below 2^128 - 2^65, so that two halves more can be added to it.
    let (low, high) = (a0 * b0, a1 * b1);
    let (left, right) = (a1 * b0, a0 * b1);
    let middle = (low >> 64) + (left & LOW) + (right & LOW);
    let high = high + (left >> 64) + (right >> 64) + (middle >> 64);
    (high, (middle << 64) | (low & LOW))
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
    fn fractions_compare_with_their_signs() {
        assert_eq!(compare((1, 2), (2, 4)), Ordering::Equal);
        assert_eq!(compare((-1, 2), (-1, 3)), Ordering::Less);
        assert_eq!(compare((-1, 2), (0, 3)), Ordering::Less);
        assert_eq!(compare((1, i128::MAX), (1, i128::MAX - 1)), Ordering::Less);
        let large = i128::MAX / 3;
        assert_eq!(
            compare((large, large + 1), (large - 1, large)),
            Ordering::Greater
        );
    }

    proptest! {
        #[test]
        fn small_fractions_compare_as_their_products(
            a in -1000_i128..1000, b in 1_i128..1000, c in -1000_i128..1000, d in 1_i128..1000,
        ) {
            prop_assert_eq!(compare((a, b), (c, d)), (a * d).cmp(&(c * b)));
            // The same far beyond 128 bits.
            let far = 10_i128.pow(33);
            prop_assert_eq!(compare((a * far, b * far), (c * far, d * far)), (a * d).cmp(&(c * b)));
        }
    }
}
