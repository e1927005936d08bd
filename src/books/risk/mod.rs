//! Limits of risk: what may be traded, and when trading pauses.
//!
//! Always true:
//! - A monitor is of one mode. What is LIVE never pauses what is PAPER, nor the other way round.
//! - Limits are compared exactly, by cross products; nothing is rounded before it is compared.
//! - A pause begins once. It ends when somebody resets it, or, if the limits say so, with the next day;
//!   a winning trade never ends it.
//! - What cannot be decided is rejected: an amount that does not fit, an event that names no mode.
//! - What a restart makes of the journal is what a monitor that had run on would be.
//!
//! The limits, all of them optional:
//! - **Position**: quantity x price, and what is open in that symbol already, is at most
//!   `max_position_pct` % of the portfolio. Exactly that much is allowed.
//! - **Daily loss**: trading pauses when the net results of the trades that closed today come to
//!   `max_daily_loss_pct` % of the portfolio lost. Exactly that much pauses. After a reset by hand on the
//!   same day, the next losing trade pauses again while the day is still beyond the limit.
//! - **Losing streak**: trading pauses at `max_consecutive_losses` losses in a row by net result; a
//!   breakeven trade ends a streak as a win does. After a reset, of either kind, the count that is held
//!   against the limit begins anew; what is reported is the whole streak.
//!
//! Not here: where trades and events come from (`bot`), the clock, and the portfolio's value, which the
//! bot knows.

mod event;
mod limits;
mod monitor;
mod rebuilt;
#[cfg(test)]
mod tests;

use crate::record::field::Word;

pub use event::Rule;
pub use limits::{LossesMax, Percent, PortfolioValue, Reset, RiskLimits};
pub use monitor::{Pause, Proposed, RiskMonitor, Verdict};
pub use rebuilt::{History, Rebuilt};
pub(crate) use rebuilt::{Known, Replay};

/// The event of a pause that ended, by hand or with the next day; `reset_by` in its snapshot says which.
pub const CIRCUIT_BREAKER_RESET: Word = Word::known("circuit_breaker_reset");
/// The event of a check while trading is paused. It is no second trip.
pub const CHECK_WHILE_PAUSED: Word = Word::known("check_while_paused");
/// The action of trading again.
pub const TRADING_RESUMED: Word = Word::known("trading_resumed");
/// How many places `daily_pnl_pct` has; it is rounded half to even.
pub const PCT_PLACES: u32 = 4;
