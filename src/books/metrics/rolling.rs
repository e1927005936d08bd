//! The metrics of the last closed trades.
//!
//! Always true:
//! - Sums and counts are exact: what leaves the window takes away just what it brought, so a window without
//!   a loss has a loss of 0.
//! - A trade costs the same whatever the size of the window. A decimal is made only of what is asked for.
//! - The equity behind the drawdown is the account's, not one that begins anew with each window.
//!
//! Not here: thresholds (`rule`), and which trades belong into one window (`scopes`).

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::num::NonZeroU32;

use rust_decimal::Decimal;

use super::drawdown::{Fall, Points};
use super::units::{Scale, compare_products};
use super::{Basis, BreakevenStreak, Equity, Status, ratio, rounded};
use crate::books::ClosedTrade;
use crate::record::field::{Drawdown, ExecutionMode, Factor, WinRate};
use crate::record::{Invalid, PerformanceMetric, PerformanceParts};
use crate::time::Timestamp;

/// How many trades a window takes unless it is said otherwise.
pub const WINDOW: NonZeroU32 = NonZeroU32::new(20).unwrap();

/// A window over the last closed trades.
#[derive(Clone, Debug)]
pub struct RollingMetrics {
    window: NonZeroU32,
    basis: Basis,
    tolerance: Decimal,
    breakeven: BreakevenStreak,
    scale: Scale,
    results: VecDeque<i128>,
    /// In units, as are the results.
    tolerance_units: i128,
    wins: u32,
    losses: u32,
    gross_profit: i128,
    gross_loss: i128,
    /// Losses in a row, however long ago they began.
    streak: u64,
    account: Option<Account>,
}

/// The equity behind a window.
#[derive(Clone, Debug)]
struct Account {
    equity: i128,
    points: Points,
}

/// Why a trade cannot be taken into a window.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RollingError {
    /// Its result has more places than fit beside the others.
    #[error("the result {result} does not fit into one sum with those before it")]
    TooLarge {
        /// The result.
        result: Decimal,
    },
    /// The values break a rule of the record.
    #[error("the values are no performance metric")]
    Invalid(#[from] Invalid),
    /// A metric has a field for the drawdown, which takes a starting equity.
    #[error("a performance metric needs a starting equity")]
    NoEquity,
}

/// What a window comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rolling {
    /// How many trades the window takes.
    pub window_size: u32,
    /// How many are in it.
    pub total_trades: u32,
    /// Results above 0.
    pub wins: u32,
    /// Results below 0.
    pub losses: u32,
    /// Results of 0.
    pub breakevens: u32,
    /// The part of all that won, from 0 to 1.
    pub win_rate: Option<Decimal>,
    /// Gross profit for each unit of gross loss.
    pub profit_factor: Option<Decimal>,
    /// Why there is no profit factor.
    pub profit_factor_status: Option<Status>,
    /// The largest fall from a peak inside the window, in per cent, 0 or less; `None` without a starting
    /// equity.
    pub max_drawdown_pct: Option<Decimal>,
    /// How many of the last trades in a row were lost, at most as many as the window has.
    pub consecutive_losses: u32,
    /// The sum of the results above 0.
    pub gross_profit: Decimal,
    /// The sum of the results below 0, without its sign.
    pub gross_loss: Decimal,
    /// The sum of all results.
    pub net_profit: Decimal,
}

/// What a window comes to, as whole numbers: the first of each pair divided by the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fractions {
    /// The win rate: of `trades`.
    pub wins: u32,
    /// How many trades are in the window.
    pub trades: u32,
    /// The profit factor: of `gross_loss`, in the same units.
    pub gross_profit: i128,
    /// 0 when nothing was lost.
    pub gross_loss: i128,
    /// How far the equity fell, and from which peak.
    pub drawdown: Option<(i128, i128)>,
    /// How many of the last trades in a row were lost.
    pub consecutive_losses: u32,
}

impl RollingMetrics {
    /// A window of so many trades over an account that begins with `equity`.
    #[must_use]
    pub fn new(window: NonZeroU32, equity: Equity) -> RollingMetrics {
        let scale = Scale::of(equity.value());
        let mut metrics = RollingMetrics::without_equity(window);
        metrics.scale = scale;
        let points_max = usize::try_from(window.get()).unwrap_or(usize::MAX);
        metrics.account = scale.units(equity.value()).map(|equity| {
            // The equity before the first trade of a window is a point as well.
            let mut points = Points::new(points_max.saturating_add(1));
            points.push(equity);
            Account { equity, points }
        });
        metrics
    }

    /// The same without an equity: there is no drawdown in per cent.
    #[must_use]
    pub fn without_equity(window: NonZeroU32) -> RollingMetrics {
        RollingMetrics {
            window,
            basis: Basis::Net,
            tolerance: Decimal::ZERO,
            breakeven: BreakevenStreak::Ends,
            scale: Scale::default(),
            results: VecDeque::new(),
            tolerance_units: 0,
            wins: 0,
            losses: 0,
            gross_profit: 0,
            gross_loss: 0,
            streak: 0,
            account: None,
        }
    }

    /// Which result counts: the net one, unless it is said otherwise. Before the first trade.
    #[must_use]
    pub fn basis(mut self, basis: Basis) -> RollingMetrics {
        self.basis = basis;
        self
    }

    /// Results up to so much above or below 0 are breakevens; sums stay what they are. Before the first
    /// trade.
    #[must_use]
    pub fn tolerance(mut self, tolerance: Decimal) -> RollingMetrics {
        self.tolerance = tolerance.abs();
        self
    }

    /// What a breakeven does to a streak: it ends it, unless it is said otherwise. Before the first trade.
    #[must_use]
    pub fn breakeven(mut self, breakeven: BreakevenStreak) -> RollingMetrics {
        self.breakeven = breakeven;
        self
    }

    /// Takes the result of a trade that is before the first one of the window: it moved the account, and is
    /// in no window. Before the first trade.
    ///
    /// # Errors
    /// [`RollingError::TooLarge`]; the account stays as it was.
    pub fn skip(&mut self, result: Decimal) -> Result<(), RollingError> {
        if self.scale.places() < result.scale() {
            self.refine(result)?;
        }
        let Some(account) = &mut self.account else {
            return Ok(());
        };
        let units = self.scale.units(result);
        let equity = units.and_then(|it| account.equity.checked_add(it));
        account.equity = equity.ok_or(RollingError::TooLarge { result })?;
        account.points.begin_at(account.equity);
        Ok(())
    }

    /// Takes the next closed trade, and what the window comes to then.
    ///
    /// # Errors
    /// [`RollingError`]; the window stays as it was.
    pub fn update(&mut self, trade: &ClosedTrade) -> Result<PerformanceMetric, RollingError> {
        if self.account.is_none() {
            return Err(RollingError::NoEquity);
        }
        self.take(trade)?;
        self.metric(trade.exited, Some(trade.mode))
    }

    /// Takes the next closed trade.
    ///
    /// # Errors
    /// [`RollingError::TooLarge`]; the window stays as it was.
    #[inline]
    pub fn take(&mut self, trade: &ClosedTrade) -> Result<(), RollingError> {
        self.take_result(self.basis.of(trade))
    }

    /// Takes the result of the next closed trade.
    ///
    /// # Errors
    /// [`RollingError::TooLarge`]; the window stays as it was.
    #[inline]
    pub fn take_result(&mut self, result: Decimal) -> Result<(), RollingError> {
        if self.scale.places() < result.scale() || self.scale.places() < self.tolerance.scale() {
            self.refine(result)?;
        }
        self.add(result).ok_or(RollingError::TooLarge { result })
    }

    #[inline]
    fn add(&mut self, result: Decimal) -> Option<()> {
        let units = self.scale.units(result)?;
        // What can fail comes first, so that nothing is half done.
        let profit = self.gross_profit.checked_add(units.max(0))?;
        let loss = self.gross_loss.checked_add(units.min(0).checked_neg()?)?;
        if let Some(account) = &mut self.account {
            account.equity = account.equity.checked_add(units)?;
            account.points.push(account.equity);
        }
        (self.gross_profit, self.gross_loss) = (profit, loss);
        if self.window.get() <= self.len() {
            self.remove_oldest();
        }
        self.results.push_back(units);
        // Which of them it is hangs on chance, so nothing here branches on it.
        let (is_win, is_loss) = self.signs(units);
        self.wins += u32::from(is_win);
        self.losses += u32::from(is_loss);
        let longer = if is_win { 0 } else { self.streak + 1 };
        self.streak = match self.breakeven {
            BreakevenStreak::Ends => u64::from(is_loss) * (self.streak + 1),
            BreakevenStreak::Loses => longer,
            BreakevenStreak::Skips => longer.saturating_sub(u64::from(!is_win && !is_loss)),
        };
        Some(())
    }

    #[inline]
    fn remove_oldest(&mut self) {
        let Some(units) = self.results.pop_front() else {
            return;
        };
        self.gross_profit -= units.max(0);
        self.gross_loss += units.min(0);
        let (was_win, was_loss) = self.signs(units);
        self.wins -= u32::from(was_win);
        self.losses -= u32::from(was_loss);
    }

    /// Whether it is a win, and whether it is a loss.
    #[inline]
    fn signs(&self, units: i128) -> (bool, bool) {
        (self.tolerance_units < units, units < -self.tolerance_units)
    }

    /// Gives every value as many places as `result` and the tolerance have.
    #[cold]
    fn refine(&mut self, result: Decimal) -> Result<(), RollingError> {
        let too_large = || RollingError::TooLarge { result };
        let finer = match self.tolerance.scale() <= result.scale() {
            true => Scale::of(result),
            false => Scale::of(self.tolerance),
        };
        let finer = match finer.places() <= self.scale.places() {
            true => self.scale,
            false => finer,
        };
        self.rescaled(finer)
            .map(|it| *self = it)
            .ok_or_else(too_large)
    }

    fn rescaled(&self, scale: Scale) -> Option<RollingMetrics> {
        let factor = self.scale.finer_by(scale)?;
        let times = |it: &i128| it.checked_mul(factor);
        let account = match &self.account {
            Some(it) => Some(Account {
                equity: times(&it.equity)?,
                points: it.points.scaled(factor)?,
            }),
            None => None,
        };
        Some(RollingMetrics {
            scale,
            results: self.results.iter().map(times).collect::<Option<_>>()?,
            tolerance_units: scale.units(self.tolerance)?,
            gross_profit: times(&self.gross_profit)?,
            gross_loss: times(&self.gross_loss)?,
            account,
            ..self.clone()
        })
    }

    /// What the window comes to as fractions, of which nothing is rounded and nothing divided.
    #[must_use]
    #[inline]
    pub fn fractions(&self) -> Fractions {
        let fall = self.account.as_ref().map(|it| it.points.fall());
        Fractions {
            wins: self.wins,
            trades: self.len(),
            gross_profit: self.gross_profit,
            gross_loss: self.gross_loss,
            drawdown: fall.map(|it| (it.drop, it.peak)),
            consecutive_losses: self.consecutive_losses(),
        }
    }

    /// How many trades are in the window.
    #[must_use]
    #[inline]
    pub fn len(&self) -> u32 {
        // A window has at most as many as a u32 counts.
        u32::try_from(self.results.len()).unwrap_or(u32::MAX)
    }

    /// Whether no trade was taken yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.results.is_empty()
    }

    /// How many of the last trades in a row were lost, however many the window takes.
    #[must_use]
    pub fn streak(&self) -> u64 {
        self.streak
    }

    /// What the window comes to.
    ///
    /// # Errors
    /// [`RollingError::TooLarge`] when a sum has more digits than a decimal.
    pub fn values(&self) -> Result<Rolling, RollingError> {
        let decimal = |units: i128| {
            self.scale.decimal(units).ok_or(RollingError::TooLarge {
                result: Decimal::MAX,
            })
        };
        let (profit, loss) = (decimal(self.gross_profit)?, decimal(self.gross_loss)?);
        let total = self.len();
        let fall = self.account.as_ref().map(|it| it.points.fall());
        Ok(Rolling {
            window_size: self.window.get(),
            total_trades: total,
            wins: self.wins,
            losses: self.losses,
            breakevens: total - self.wins - self.losses,
            win_rate: ratio(self.wins.into(), total.into()),
            profit_factor: ratio(profit, loss),
            profit_factor_status: Status::of_factor(total, self.gross_profit, self.gross_loss),
            max_drawdown_pct: fall.map(percent),
            consecutive_losses: self.consecutive_losses(),
            gross_profit: profit,
            gross_loss: loss,
            net_profit: decimal(self.gross_profit - self.gross_loss)?,
        })
    }

    fn consecutive_losses(&self) -> u32 {
        u32::try_from(self.streak).map_or(self.len(), |it| it.min(self.len()))
    }

    /// The same as a record.
    ///
    /// # Errors
    /// [`RollingError`].
    pub fn metric(
        &self,
        at: Timestamp,
        mode: Option<ExecutionMode>,
    ) -> Result<PerformanceMetric, RollingError> {
        Ok(PerformanceMetric::new(self.parts(at, mode)?)?)
    }

    /// The fields of a record, without what an alert says.
    pub(crate) fn parts(
        &self,
        at: Timestamp,
        mode: Option<ExecutionMode>,
    ) -> Result<PerformanceParts, RollingError> {
        let values = self.values()?;
        let drawdown = values.max_drawdown_pct.ok_or(RollingError::NoEquity)?;
        Ok(PerformanceParts {
            timestamp: at,
            window_size: self.window,
            // Each of these keeps the rule of its field: it is such a part, such a factor, such a fall.
            win_rate: values.win_rate.and_then(|it| WinRate::new(it).ok()),
            profit_factor: values.profit_factor.and_then(|it| Factor::new(it).ok()),
            max_drawdown_pct: Drawdown::new(drawdown).map_err(|_| RollingError::NoEquity)?,
            consecutive_losses: values.consecutive_losses,
            total_trades: values.total_trades,
            alert_triggered: false,
            alert_message: None,
            execution_mode: mode,
            scope: None,
            rule_id: None,
            event: None,
            status: values.profit_factor_status.map(Status::word),
        })
    }

    /// How the part of trades that won compares with `threshold`, exactly.
    pub(super) fn compare_win_rate(&self, threshold: Decimal) -> Option<Ordering> {
        let total = self.len();
        (total != 0).then(|| {
            let one = one_of(threshold);
            compare_products(
                (self.wins.into(), one),
                (threshold.mantissa(), total.into()),
            )
        })
    }

    /// How the profit factor compares with `threshold`, exactly. Without a loss it is above everything.
    pub(super) fn compare_profit_factor(&self, threshold: Decimal) -> Option<Ordering> {
        match (self.gross_profit, self.gross_loss) {
            (0, 0) => None,
            (_, 0) => Some(Ordering::Greater),
            (profit, loss) => Some(compare_products(
                (profit, one_of(threshold)),
                (threshold.mantissa(), loss),
            )),
        }
    }

    /// How the drawdown in per cent, 0 or less, compares with `threshold`, exactly.
    pub(super) fn compare_drawdown(&self, threshold: Decimal) -> Option<Ordering> {
        let fall = self.account.as_ref()?.points.fall();
        let hundred = one_of(threshold) * 100;
        Some(compare_products(
            (-fall.drop, hundred),
            (threshold.mantissa(), fall.peak),
        ))
    }

    /// How the streak, at most as long as the window, compares with `threshold`.
    pub(super) fn compare_streak(&self, threshold: Decimal) -> Option<Ordering> {
        let streak = Decimal::from(self.consecutive_losses());
        (!self.is_empty()).then(|| streak.cmp(&threshold))
    }
}

/// A fall in per cent of its peak, 0 or less. Drop and peak have the same places, so these fall away.
fn percent(fall: Fall) -> Decimal {
    let (mut drop, mut peak) = (fall.drop, fall.peak);
    loop {
        let both = (
            Decimal::try_from_i128_with_scale(drop, 0),
            Decimal::try_from_i128_with_scale(peak, 0),
        );
        if let (Ok(drop), Ok(peak)) = both {
            let part = drop.checked_div(peak).unwrap_or_default();
            return rounded(part * -Decimal::ONE_HUNDRED);
        }
        // More digits than a decimal has: the last of them is beyond what is reported.
        (drop, peak) = (drop / 10, peak / 10);
    }
}

/// What 1 is in the units of a decimal. It has at most 28 places.
fn one_of(value: Decimal) -> i128 {
    10_i128.pow(value.scale())
}
