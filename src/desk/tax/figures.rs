//! The four sums of a row of the form: columns (d), (e), (g) and (h).
//!
//! Always true: the gain is the proceeds less the basis plus the adjustment, in cents and in whole dollars.

use std::iter::Sum;
use std::ops::Add;

use crate::books::tax::{Cents, Disposal};

/// What a row, or many of them, come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// (d): what it was sold for, after fees.
    pub proceeds: Cents,
    /// (e): what it cost, with what earlier losses added to that.
    pub basis: Cents,
    /// (g): what of the loss does not count now. Never below 0.
    pub adjustment: Cents,
    /// (h): what is gained for the tax.
    pub gain: Cents,
}

impl Figures {
    /// Those of a disposal, to the cent.
    #[must_use]
    pub fn of(disposal: &Disposal) -> Figures {
        Figures {
            proceeds: disposal.proceeds,
            basis: disposal.basis(),
            adjustment: disposal.adjustment,
            gain: disposal.gain(),
        }
    }

    /// In whole dollars. The adjustment is what leads from the rounded proceeds and basis to the rounded
    /// gain: rounded by itself it would make a gain or a loss of a row whose loss does not count at all.
    #[must_use]
    pub fn whole_dollars(self) -> Figures {
        let (proceeds, basis) = (self.proceeds.whole_dollars(), self.basis.whole_dollars());
        let adjustment = match self.adjustment {
            Cents::ZERO => Cents::ZERO,
            _ => (self.gain.whole_dollars() - proceeds + basis).max(Cents::ZERO),
        };
        Figures {
            proceeds,
            basis,
            adjustment,
            gain: proceeds - basis + adjustment,
        }
    }
}

impl Add for Figures {
    type Output = Figures;

    fn add(self, other: Figures) -> Figures {
        Figures {
            proceeds: self.proceeds + other.proceeds,
            basis: self.basis + other.basis,
            adjustment: self.adjustment + other.adjustment,
            gain: self.gain + other.gain,
        }
    }
}

impl Sum for Figures {
    fn sum<I: Iterator<Item = Figures>>(all: I) -> Figures {
        all.fold(Figures::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(proceeds: i64, basis: i64, adjustment: i64) -> [i128; 4] {
        let figures = Figures {
            proceeds: Cents::new(proceeds),
            basis: Cents::new(basis),
            adjustment: Cents::new(adjustment),
            gain: Cents::new(proceeds - basis + adjustment),
        };
        let it = figures.whole_dollars();
        assert_eq!(it.gain, it.proceeds - it.basis + it.adjustment);
        [it.proceeds, it.basis, it.adjustment, it.gain].map(|it| it.value() / 100)
    }

    #[test]
    fn whole_dollars_add_up_in_each_row() {
        // 1234.50 - 1500.49 + 265.99 = 0. Rounded one by one: 1235 - 1500 + 266 = 1, and nothing was gained.
        assert_eq!(whole(123_450, 150_049, 26_599), [1235, 1500, 265, 0]);
        // 1000.40 - 1100.60 + 50.10 = -50.10: 51 and not 50 leads to -50.
        assert_eq!(whole(100_040, 110_060, 5010), [1000, 1101, 51, -50]);
        // A gain and a loss without an adjustment get none from the rounding: 10.50 - 10.49 = 0.01.
        assert_eq!(whole(1050, 1049, 0), [11, 10, 0, 1]);
        assert_eq!(whole(1049, 1050, 0), [10, 11, 0, -1]);
        // 100.50 - 101.40 + 0.10 = -0.80: -1 would take an adjustment below 0.
        assert_eq!(whole(10_050, 10_140, 10), [101, 101, 0, 0]);
        // 100.50 - 100.51 + 0.01 = 0: the loss is gone by rounding.
        assert_eq!(whole(10_050, 10_051, 1), [101, 101, 0, 0]);
    }

    proptest! {
        /// Whatever part of a loss is disallowed: the row adds up, the adjustment is no more than the loss
        /// that the form shows, and the gain is off by a dollar at most.
        #[test]
        fn rounding_never_makes_more_than_a_dollar(
            proceeds in 0_i64..1_000_000,
            basis in 0_i64..1_000_000,
            part in 0_i64..=100,
        ) {
            let loss = (basis - proceeds).max(0);
            let adjustment = loss * part / 100;
            let [d, e, g, h] = whole(proceeds, basis, adjustment);
            prop_assert!((0..=(e - d).max(0)).contains(&g));
            let gain = i128::from(proceeds - basis + adjustment);
            prop_assert!((h * 100 - gain).abs() <= 100);
        }
    }
}
