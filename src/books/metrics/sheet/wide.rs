//! Comparing fractions exactly, in 256 bits where it takes them.
//!
//! Always true: nothing is divided.

use std::cmp::Ordering;

use crate::books::wide::product;

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
