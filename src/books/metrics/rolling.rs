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
use super::units::{Scale, Unit, compare_products};
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
    sums: Sums,
    wins: u32,
    losses: u32,
    /// Losses in a row, however long ago they began.
    streak: u64,
}

/// The results of a window and what they come to, in integers that hold it all.
#[derive(Clone, Debug)]
enum Sums {
    Narrow(Window<i64>),
    Wide(Window<i128>),
}

/// The same in one width, all in units of one scale.
#[derive(Clone, Debug, Default)]
struct Window<U> {
    results: VecDeque<U>,
    tolerance: U,
    gross_profit: U,
    gross_loss: U,
    account: Option<Account<U>>,
}

/// The equity behind a window.
#[derive(Clone, Debug)]
struct Account<U> {
    equity: U,
    points: Points<U>,
}

/// What became of the signs in a window, when a result came and perhaps another went.
#[derive(Clone, Copy)]
struct Signs {
    came: Sign,
    went: Sign,
}

/// Whether a result is a win, and whether it is a loss.
#[derive(Clone, Copy, Default)]
struct Sign {
    is_win: bool,
    is_loss: bool,
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
        let mut metrics = RollingMetrics::without_equity(window);
        metrics.scale = Scale::of(equity.value());
        // The equity before the first trade of a window is a point as well.
        let points = usize::try_from(window.get()).map_or(usize::MAX, |it| it.saturating_add(1));
        // An equity has at most 96 bits, and its own scale.
        let units = equity.value().mantissa();
        metrics.sums = match i64::try_from(units) {
            Ok(units) => Sums::Narrow(Window::of_account(units, points)),
            Err(_) => Sums::Wide(Window::of_account(units, points)),
        };
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
            sums: Sums::Narrow(Window::default()),
            wins: 0,
            losses: 0,
            streak: 0,
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
        // A finer one waits for the first trade, which refines the units.
        if let Some(units) = self.scale.units(self.tolerance)
            && let Some(mut wide) = self.sums.map(Some)
        {
            wide.tolerance = units;
            self.sums = Sums::of(wide);
        }
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
        let skipped = self.units(result).and_then(|it| self.sums.skip(it));
        skipped.ok_or(RollingError::TooLarge { result })
    }

    /// Takes the next closed trade, and what the window comes to then.
    ///
    /// # Errors
    /// [`RollingError`]; the window stays as it was.
    pub fn update(&mut self, trade: &ClosedTrade) -> Result<PerformanceMetric, RollingError> {
        if !self.sums.has_account() {
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
        let units = self.units(result)?;
        let Signs { came, went } = self.sums.take(units, self.window)?;
        self.wins += u32::from(came.is_win);
        self.wins -= u32::from(went.is_win);
        self.losses += u32::from(came.is_loss);
        self.losses -= u32::from(went.is_loss);
        // Which of them it is hangs on chance, so nothing here branches on it.
        let Sign { is_win, is_loss } = came;
        let longer = if is_win { 0 } else { self.streak + 1 };
        self.streak = match self.breakeven {
            BreakevenStreak::Ends => u64::from(is_loss) * (self.streak + 1),
            BreakevenStreak::Loses => longer,
            BreakevenStreak::Skips => longer.saturating_sub(u64::from(!is_win && !is_loss)),
        };
        Some(())
    }

    #[inline]
    fn units(&self, result: Decimal) -> Option<i128> {
        self.scale.units(result)
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
        let mut wide = self.sums.map(|it| it.checked_mul(factor))?;
        wide.tolerance = scale.units(self.tolerance)?;
        Some(RollingMetrics {
            scale,
            sums: Sums::of(wide),
            ..self.clone()
        })
    }

    /// What the window comes to as fractions, of which nothing is rounded and nothing divided.
    #[must_use]
    #[inline]
    pub fn fractions(&self) -> Fractions {
        let (gross_profit, gross_loss) = self.sums.gross();
        let fall = self.sums.fall();
        Fractions {
            wins: self.wins,
            trades: self.len(),
            gross_profit,
            gross_loss,
            drawdown: fall.map(|it| (it.drop, it.peak)),
            consecutive_losses: self.consecutive_losses(),
        }
    }

    /// How many trades are in the window.
    #[must_use]
    #[inline]
    pub fn len(&self) -> u32 {
        // A window has at most as many as a u32 counts.
        u32::try_from(self.sums.len()).unwrap_or(u32::MAX)
    }

    /// Whether no trade was taken yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sums.len() == 0
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
        let (gross_profit, gross_loss) = self.sums.gross();
        let (profit, loss) = (decimal(gross_profit)?, decimal(gross_loss)?);
        let total = self.len();
        let fall = self.sums.fall();
        Ok(Rolling {
            window_size: self.window.get(),
            total_trades: total,
            wins: self.wins,
            losses: self.losses,
            breakevens: total - self.wins - self.losses,
            win_rate: ratio(self.wins.into(), total.into()),
            profit_factor: ratio(profit, loss),
            profit_factor_status: Status::of_factor(total, gross_profit, gross_loss),
            max_drawdown_pct: fall.map(percent),
            consecutive_losses: self.consecutive_losses(),
            gross_profit: profit,
            gross_loss: loss,
            net_profit: decimal(gross_profit - gross_loss)?,
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
        match self.sums.gross() {
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
        let fall = self.sums.fall()?;
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

impl Sums {
    fn of(wide: Window<i128>) -> Sums {
        let narrow = wide.map(|it| i64::try_from(it).ok());
        narrow.map_or(Sums::Wide(wide), Sums::Narrow)
    }

    /// Takes a result in, and the oldest out where there are `len_max` already. `None`, with everything as it
    /// was, when a sum does not fit.
    #[inline]
    fn take(&mut self, units: i128, len_max: NonZeroU32) -> Option<Signs> {
        match self {
            Sums::Wide(window) => return window.take(units, len_max),
            Sums::Narrow(window) => {
                if let Ok(units) = i64::try_from(units)
                    && let Some(signs) = window.take(units, len_max)
                {
                    return Some(signs);
                }
            }
        }
        self.take_wide(units, len_max)
    }

    #[cold]
    fn take_wide(&mut self, units: i128, len_max: NonZeroU32) -> Option<Signs> {
        let mut wide = self.map(Some)?;
        let signs = wide.take(units, len_max)?;
        *self = Sums::Wide(wide);
        Some(signs)
    }

    fn skip(&mut self, units: i128) -> Option<()> {
        let mut wide = self.map(Some)?;
        wide.skip(units)?;
        *self = Sums::of(wide);
        Some(())
    }

    /// All of it in the widest units, each value as `each` has it.
    fn map(&self, each: impl Fn(i128) -> Option<i128>) -> Option<Window<i128>> {
        match self {
            Sums::Narrow(window) => window.map(|it| each(it.into())),
            Sums::Wide(window) => window.map(each),
        }
    }

    fn has_account(&self) -> bool {
        match self {
            Sums::Narrow(window) => window.account.is_some(),
            Sums::Wide(window) => window.account.is_some(),
        }
    }

    #[inline]
    fn len(&self) -> usize {
        match self {
            Sums::Narrow(window) => window.results.len(),
            Sums::Wide(window) => window.results.len(),
        }
    }

    /// What was earned, and what was lost without its sign.
    #[inline]
    fn gross(&self) -> (i128, i128) {
        match self {
            Sums::Narrow(window) => (window.gross_profit.into(), window.gross_loss.into()),
            Sums::Wide(window) => (window.gross_profit, window.gross_loss),
        }
    }

    #[inline]
    fn fall(&self) -> Option<Fall> {
        match self {
            Sums::Narrow(window) => window.account.as_ref().map(|it| it.points.fall()),
            Sums::Wide(window) => window.account.as_ref().map(|it| it.points.fall()),
        }
    }
}

impl<U: Unit> Window<U> {
    fn of_account(equity: U, points_max: usize) -> Window<U> {
        Window {
            account: Some(Account {
                equity,
                points: Points::new(points_max, equity),
            }),
            ..Window::default()
        }
    }

    #[inline]
    fn take(&mut self, units: U, len_max: NonZeroU32) -> Option<Signs> {
        // What can fail comes first, so that nothing is half done.
        let profit = self.gross_profit.plus(units.max(U::ZERO))?;
        let loss = self.gross_loss.minus(units.min(U::ZERO))?;
        if let Some(account) = &mut self.account {
            account.equity = account.equity.plus(units)?;
            account.points.push(account.equity);
        }
        (self.gross_profit, self.gross_loss) = (profit, loss);
        let is_full = usize::try_from(len_max.get()).is_ok_and(|it| it <= self.results.len());
        let went = match is_full.then(|| self.results.pop_front()).flatten() {
            Some(oldest) => {
                // It was put in, so taking it out fits.
                self.gross_profit = self.gross_profit.less(oldest.max(U::ZERO));
                self.gross_loss = self.gross_loss.less(oldest.min(U::ZERO).negated());
                self.sign(oldest)
            }
            None => Sign::default(),
        };
        self.results.push_back(units);
        let came = self.sign(units);
        Some(Signs { came, went })
    }

    #[inline]
    fn sign(&self, units: U) -> Sign {
        Sign {
            is_win: self.tolerance < units,
            is_loss: units < self.tolerance.negated(),
        }
    }

    /// Moves the account, before the first result.
    fn skip(&mut self, units: U) -> Option<()> {
        let Some(account) = &mut self.account else {
            return Some(());
        };
        account.equity = account.equity.plus(units)?;
        account.points.begin_at(account.equity);
        Some(())
    }

    /// The same in other units; `None` when a value does not fit.
    fn map<V: Unit>(&self, each: impl Fn(U) -> Option<V>) -> Option<Window<V>> {
        let account = match &self.account {
            Some(it) => Some(Account {
                equity: each(it.equity)?,
                points: it.points.map(&each)?,
            }),
            None => None,
        };
        Some(Window {
            results: self
                .results
                .iter()
                .map(|it| each(*it))
                .collect::<Option<_>>()?,
            tolerance: each(self.tolerance)?,
            gross_profit: each(self.gross_profit)?,
            gross_loss: each(self.gross_loss)?,
            account,
        })
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
