//! A line of numbers as a line of small bars.
//!
//! Always true: the lowest number is the lowest bar and the highest the highest; a bar is one column.

use rust_decimal::Decimal;

const BARS: [char; 8] = [
    '\u{2581}', '\u{2582}', '\u{2583}', '\u{2584}', '\u{2585}', '\u{2586}', '\u{2587}', '\u{2588}',
];

/// The numbers as bars, in their order.
pub(crate) fn spark(numbers: &[Decimal]) -> String {
    let (Some(low), Some(high)) = (numbers.iter().min(), numbers.iter().max()) else {
        return String::new();
    };
    let span = high.saturating_sub(*low);
    let highest = Decimal::from(BARS.len() - 1);
    let bar = |number: &Decimal| {
        let part = number
            .saturating_sub(*low)
            .checked_div(span)
            .unwrap_or_default();
        let at = (part * highest).round();
        let at = usize::try_from(at).unwrap_or_default();
        BARS.get(at).copied().unwrap_or(' ')
    };
    numbers.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_and_the_highest_are_seen() {
        let numbers = [0, 7, 14, 7].map(Decimal::from);
        assert_eq!(spark(&numbers), "\u{2581}\u{2585}\u{2588}\u{2585}");
        assert_eq!(spark(&[Decimal::ONE, Decimal::ONE]), "\u{2581}\u{2581}");
        assert_eq!(spark(&[]), "");
        let wide = [Decimal::MIN, Decimal::MAX];
        assert_eq!(spark(&wide).chars().count(), 2);
    }
}
