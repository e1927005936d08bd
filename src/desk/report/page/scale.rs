//! From values to places on a picture.
//!
//! Always true: whole numbers and decimals alone; what lies between the ends of a scale lies between the
//! ends of the picture.

use rust_decimal::prelude::ToPrimitive as _;
use rust_decimal::{Decimal, RoundingStrategy};

/// Maps values onto whole places: `lo` to `from`, `hi` to `to`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    lo: Decimal,
    hi: Decimal,
    from: i64,
    to: i64,
}

impl Scale {
    /// Values from `lo` to `hi`; an empty span is widened, so that its one value lies in the middle.
    pub(super) fn new(lo: Decimal, hi: Decimal, from: i64, to: i64) -> Scale {
        let (lo, hi) = match lo < hi {
            true => (lo, hi),
            false => (
                lo.checked_sub(Decimal::ONE).unwrap_or(lo),
                lo.checked_add(Decimal::ONE).unwrap_or(lo),
            ),
        };
        Scale { lo, hi, from, to }
    }

    /// A scale whose ends are round numbers, and those numbers: about `count` of them.
    pub(super) fn rounded(
        lo: Decimal,
        hi: Decimal,
        count: u32,
        from: i64,
        to: i64,
    ) -> (Scale, Vec<Decimal>) {
        let open = Scale::new(lo, hi, from, to);
        let step = step(open.hi.checked_sub(open.lo).unwrap_or(Decimal::ONE), count);
        let whole = |value: Decimal| value.checked_div(step).unwrap_or_default();
        let (first, last) = (whole(open.lo).floor(), whole(open.hi).ceil());
        let ends = (first.checked_mul(step), last.checked_mul(step));
        let (Some(lo), Some(hi)) = ends else {
            return (open, Vec::new());
        };
        let mut ticks = Vec::new();
        let mut tick = lo;
        // More than asked for only where a step is rounded down; never without end.
        while tick <= hi && ticks.len() < 32 {
            ticks.push(tick.normalize());
            let Some(next) = tick.checked_add(step) else {
                break;
            };
            tick = next;
        }
        (Scale::new(lo, hi, from, to), ticks)
    }

    /// Where a value lies.
    pub(super) fn place(&self, value: Decimal) -> i64 {
        let of = self.hi.checked_sub(self.lo);
        let above = value.max(self.lo).min(self.hi).checked_sub(self.lo);
        let part = above.zip(of).and_then(|(above, of)| above.checked_div(of));
        let span = Decimal::from(self.to - self.from);
        let moved = part.and_then(|part| part.checked_mul(span));
        let moved = moved.unwrap_or_default();
        let moved = moved.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero);
        self.from + moved.to_i64().unwrap_or_default()
    }
}

/// The least of 1, 2, 5, 10, 20, 50... that cuts `span` into at most `count` pieces.
fn step(span: Decimal, count: u32) -> Decimal {
    let wanted = span
        .checked_div(Decimal::from(count.max(1)))
        .unwrap_or(Decimal::ONE);
    let mut decade = Decimal::new(1, 10);
    loop {
        for digit in [1, 2, 5] {
            match decade.checked_mul(Decimal::from(digit)) {
                Some(step) if step < wanted => {}
                Some(step) => return step,
                None => return span,
            }
        }
        let Some(next) = decade.checked_mul(Decimal::TEN) else {
            return span;
        };
        decade = next;
    }
}

/// A place of 0 to `of` as a part of the whole in per cent, to the tenth.
pub(super) fn percent(place: i64, of: i64) -> String {
    let tenths = place.saturating_mul(1000) / of.max(1);
    format!("{}.{}%", tenths / 10, (tenths % 10).abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn values_lie_between_the_ends() {
        let scale = Scale::new(decimal("-50"), decimal("150"), 1000, 0);
        assert_eq!(scale.place(decimal("-50")), 1000);
        assert_eq!(scale.place(decimal("150")), 0);
        assert_eq!(scale.place(Decimal::ZERO), 750);
        assert_eq!(scale.place(decimal("99999")), 0);
        let flat = Scale::new(Decimal::TEN, Decimal::TEN, 0, 100);
        assert_eq!(flat.place(Decimal::TEN), 50);
    }

    #[test]
    fn ticks_are_round_numbers_around_all_values() {
        let ticks = |lo, hi| {
            let (scale, ticks) = Scale::rounded(decimal(lo), decimal(hi), 4, 0, 100);
            assert!(ticks.len() <= 7, "{ticks:?}");
            assert_eq!(scale.place(*ticks.first().unwrap()), 0);
            assert_eq!(scale.place(*ticks.last().unwrap()), 100);
            ticks.iter().map(|it| it.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(ticks("-92.05", "112.65"), ["-100", "0", "100", "200"]);
        assert_eq!(ticks("0", "0.03"), ["0", "0.01", "0.02", "0.03"]);
        assert_eq!(
            ticks("99900", "100210"),
            ["99900", "100000", "100100", "100200", "100300"]
        );
        assert_eq!(ticks("7", "7"), ["6", "6.5", "7", "7.5", "8"]);
    }

    #[test]
    fn the_largest_decimals_are_no_trouble() {
        let (scale, ticks) = Scale::rounded(Decimal::MIN, Decimal::MAX, 4, 0, 1000);
        assert!(ticks.len() < 32);
        assert_eq!(scale.place(Decimal::MAX), 1000);
    }

    #[test]
    fn parts_are_in_tenths_of_a_per_cent() {
        assert_eq!(percent(123, 1000), "12.3%");
        assert_eq!(percent(10_000, 10_000), "100.0%");
    }
}
