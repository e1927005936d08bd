//! Sums of fills, against a plain model.

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::Sums;

proptest! {
    #[test]
    fn fills_are_added_up_exactly(fills in prop::collection::vec((1_i64..5000, 1_i64..5_000_000), 1..20)) {
        let mut sums: Option<Sums> = None;
        let (mut size, mut total) = (0_i128, 0_i128);
        for (units, price) in fills {
            let (before, cost) = sums.map_or((Decimal::ZERO, Decimal::ZERO), |it| (it.size, it.total));
            sums = Sums::of(before, cost, Decimal::new(units, 3), Decimal::new(price, 2));
            size += i128::from(units);
            total += i128::from(units) * i128::from(price);
        }
        let sums = sums.unwrap();
        prop_assert_eq!(sums.size, Decimal::from_i128_with_scale(size, 3));
        prop_assert_eq!(sums.total, Decimal::from_i128_with_scale(total, 5));
        // total / 10^5 over size / 10^3.
        let rounded = sums.average.rounded().unwrap();
        // At least 8 places; more where that is all of it.
        let scale = rounded.scale().max(8);
        let units = rounded.mantissa() * 10_i128.pow(scale - rounded.scale());
        prop_assert!((units * size * 100 - total * 10_i128.pow(scale)).abs() * 2 <= size * 100);
    }
}
