//! Runs of wins and of losses.
//!
//! Always true: a run is of trades that follow each other in the order of their exits.

use serde::Serialize;

use super::BreakevenStreak;
use super::ledger::Side;

/// The longest runs, and the one that is on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Streaks {
    /// The most wins in a row.
    pub longest_win: u64,
    /// The most losses in a row.
    pub longest_loss: u64,
    /// The run at the end: so many wins, or, below 0, so many losses; 0 after a breakeven.
    pub current: i64,
}

impl Streaks {
    pub(super) fn of(sides: impl Iterator<Item = Side>, breakevens: BreakevenStreak) -> Streaks {
        let mut streaks = Streaks::default();
        for side in sides {
            let current = streaks.current;
            streaks.current = match (side, breakevens) {
                (Side::Win, _) => current.max(0) + 1,
                (Side::Loss, _) | (Side::Breakeven, BreakevenStreak::Loses) => current.min(0) - 1,
                (Side::Breakeven, BreakevenStreak::Ends) => 0,
                (Side::Breakeven, BreakevenStreak::Skips) => current,
            };
            let size = streaks.current.unsigned_abs();
            match streaks.current {
                1.. => streaks.longest_win = streaks.longest_win.max(size),
                _ => streaks.longest_loss = streaks.longest_loss.max(size),
            }
        }
        streaks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(results: &[i32], breakevens: BreakevenStreak) -> (u64, u64, i64) {
        let sides = results.iter().map(|it| match it.signum() {
            1 => Side::Win,
            0 => Side::Breakeven,
            _ => Side::Loss,
        });
        let streaks = Streaks::of(sides, breakevens);
        (streaks.longest_win, streaks.longest_loss, streaks.current)
    }

    #[test]
    fn a_breakeven_ends_a_run_unless_it_is_told_otherwise() {
        let losses = [-10, -10, 0, -10];
        assert_eq!(of(&losses, BreakevenStreak::Ends), (0, 2, -1));
        assert_eq!(of(&losses, BreakevenStreak::Loses), (0, 4, -4));
        assert_eq!(of(&losses, BreakevenStreak::Skips), (0, 3, -3));
        let wins = [1, 1, 0];
        assert_eq!(of(&wins, BreakevenStreak::Ends), (2, 0, 0));
        assert_eq!(of(&wins, BreakevenStreak::Loses), (2, 1, -1));
        assert_eq!(of(&wins, BreakevenStreak::Skips), (2, 0, 2));
    }

    #[test]
    fn a_run_is_as_long_as_it_is() {
        let end = BreakevenStreak::Ends;
        assert_eq!(of(&[], end), (0, 0, 0));
        assert_eq!(of(&[5], end), (1, 0, 1));
        assert_eq!(of(&[-5], end), (0, 1, -1));
        assert_eq!(of(&[0, 0], end), (0, 0, 0));
        assert_eq!(of(&[-1; 50], end), (0, 50, -50));
        assert_eq!(of(&[1, 1, 1, -1, -1, 1], end), (3, 2, 1));
    }
}
