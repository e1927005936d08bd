//! Windows by what is counted together: all trades of a mode, or those of one strategy, symbol or account.
//!
//! Always true:
//! - LIVE and PAPER never meet in one window.
//! - Each window has the rules to itself: one strategy's alert says nothing of another's.
//! - What is told of a trade depends on the trades before it alone, so a replay of the same trades tells the
//!   same.
//!
//! Not here: writing what is told anywhere.

use std::collections::HashMap;
use std::num::NonZeroU32;

use super::rolling::{RollingError, RollingMetrics};
use super::rule::{Alert, AlertEvent, Rule, Standing};
use super::{Basis, BreakevenStreak, Equity};
use crate::books::ClosedTrade;
use crate::record::field::{AlertEvent as Event, ExecutionMode, Text};
use crate::record::{PerformanceMetric, PerformanceParts};
use crate::time::Timestamp;

/// What the trades of a window have in common beside their mode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ScopeKind {
    /// Nothing: all trades.
    #[default]
    All,
    /// The strategy.
    Strategy,
    /// The symbol.
    Symbol,
    /// The account.
    Account,
}

impl ScopeKind {
    /// Every kind.
    pub const ALL: [ScopeKind; 4] = [
        ScopeKind::All,
        ScopeKind::Strategy,
        ScopeKind::Symbol,
        ScopeKind::Account,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ScopeKind::All => "all",
            ScopeKind::Strategy => "strategy",
            ScopeKind::Symbol => "symbol",
            ScopeKind::Account => "account",
        }
    }

    /// What a trade has there; `None` for one without an account.
    pub fn of(self, trade: &ClosedTrade) -> Option<&str> {
        match self {
            ScopeKind::All => Some(""),
            ScopeKind::Strategy => Some(&trade.strategy),
            ScopeKind::Symbol => Some(trade.symbol.as_str()),
            ScopeKind::Account => trade.account_id.as_ref().map(|it| it.as_str()),
        }
    }
}

/// What all windows have in common.
#[derive(Clone, Debug)]
pub struct Windows {
    /// How many trades each takes.
    pub window: NonZeroU32,
    /// What the account began with; each window follows its own trades from there.
    pub equity: Equity,
    /// Which result counts.
    pub basis: Basis,
    /// What a breakeven does to a streak.
    pub breakeven: BreakevenStreak,
}

impl Windows {
    fn begin(&self) -> RollingMetrics {
        RollingMetrics::new(self.window, self.equity)
            .basis(self.basis)
            .breakeven(self.breakeven)
    }
}

/// The windows of an account and their rules.
#[derive(Clone, Debug)]
pub struct Books {
    windows: Windows,
    kinds: Vec<ScopeKind>,
    rules: Vec<Rule>,
    paper: Side,
    live: Side,
}

/// The windows of one mode, for each kind of scope.
#[derive(Clone, Debug, Default)]
struct Side(Vec<HashMap<String, Window>>);

#[derive(Clone, Debug)]
struct Window {
    metrics: RollingMetrics,
    /// How many trades it has had.
    number: u64,
    /// When the newest was closed.
    at: Timestamp,
    /// One for each rule.
    standings: Vec<Standing>,
}

/// A window as it stands after its newest trade, and what its rules tell of that.
#[derive(Debug)]
pub struct Told<'a> {
    kind: ScopeKind,
    key: &'a str,
    mode: ExecutionMode,
    window: &'a Window,
}

impl Books {
    /// Windows for each of these kinds, with these rules for each window.
    #[must_use]
    pub fn new(windows: Windows, kinds: Vec<ScopeKind>, rules: Vec<Rule>) -> Books {
        let side = Side(kinds.iter().map(|_| HashMap::new()).collect());
        Books {
            windows,
            kinds,
            rules,
            paper: side.clone(),
            live: side,
        }
    }

    /// Takes the next closed trade into each window that it belongs to; `tell` is shown each window, and what
    /// a rule tells of it.
    ///
    /// # Errors
    /// [`RollingError`] when its result fits into no sum; the windows that can take it do.
    #[inline]
    pub fn take(
        &mut self,
        trade: &ClosedTrade,
        mut tell: impl FnMut(&Told<'_>, Option<Alert>),
    ) -> Result<(), RollingError> {
        let side = match trade.mode {
            ExecutionMode::Paper => &mut self.paper,
            ExecutionMode::Live => &mut self.live,
        };
        let mut failed = Ok(());
        for (kind, windows) in self.kinds.iter().zip(&mut side.0) {
            let Some(key) = kind.of(trade) else {
                continue;
            };
            let window = match windows.get_mut(key) {
                Some(window) => window,
                None => windows.entry(key.to_owned()).or_insert_with(|| Window {
                    metrics: self.windows.begin(),
                    number: 0,
                    at: trade.exited,
                    standings: vec![Standing::default(); self.rules.len()],
                }),
            };
            if let Err(error) = window.metrics.take(trade) {
                failed = Err(error);
                continue;
            }
            window.number += 1;
            window.at = trade.exited;
            let now = (window.number, trade.exited);
            let mut alerts = Vec::new();
            for (rule, standing) in self.rules.iter().zip(&mut window.standings) {
                let of = || scope_name(*kind, key);
                if let Some(mut alert) = standing.look(rule, &window.metrics, now, of) {
                    alert
                        .message
                        .push_str(&format!(" (order {})", trade.order_id));
                    alerts.push(alert);
                }
            }
            let told = Told {
                kind: *kind,
                key,
                mode: trade.mode,
                window,
            };
            tell(&told, None);
            for alert in alerts {
                tell(&told, Some(alert));
            }
        }
        failed
    }

    /// Every window as it stands, each with how its rules stand: whether they fire.
    pub fn standings(&self, mut show: impl FnMut(&Told<'_>, &Rule, bool, Alert)) {
        for (mode, side) in [
            (ExecutionMode::Paper, &self.paper),
            (ExecutionMode::Live, &self.live),
        ] {
            for (kind, windows) in self.kinds.iter().zip(&side.0) {
                for (key, window) in windows {
                    let told = Told {
                        kind: *kind,
                        key,
                        mode,
                        window,
                    };
                    for (rule, standing) in self.rules.iter().zip(&window.standings) {
                        let of = scope_name(*kind, key);
                        let alert = standing.restate(rule, &window.metrics, &of);
                        show(&told, rule, standing.is_firing(), alert);
                    }
                }
            }
        }
    }
}

impl Told<'_> {
    /// What its trades have in common: `all`, `strategy:NAME`, `symbol:NAME` or `account:NAME`.
    #[must_use]
    pub fn scope(&self) -> String {
        scope_name(self.kind, self.key)
    }

    /// Whether money is at stake.
    #[must_use]
    pub fn mode(&self) -> ExecutionMode {
        self.mode
    }

    /// The window.
    #[must_use]
    pub fn metrics(&self) -> &RollingMetrics {
        &self.window.metrics
    }

    /// When its newest trade was closed.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.window.at
    }

    /// It as a record, with what a rule tells of it.
    ///
    /// # Errors
    /// [`RollingError`] when its sums do not fit into a record.
    pub fn record(&self, alert: Option<&Alert>) -> Result<PerformanceMetric, RollingError> {
        let parts = self.window.metrics.parts(self.window.at, Some(self.mode))?;
        let text = |it: &str| Text::try_from(it).ok();
        let parts = PerformanceParts {
            scope: text(&self.scope()),
            alert_triggered: alert.is_some_and(|it| it.event != AlertEvent::Resolved),
            alert_message: alert.and_then(|it| text(&it.message)),
            rule_id: alert.map(|it| it.rule_id.clone()),
            event: alert.map(|it| match it.event {
                AlertEvent::Fired | AlertEvent::Reminded => Event::Fired,
                AlertEvent::Resolved => Event::Resolved,
            }),
            ..parts
        };
        Ok(PerformanceMetric::new(parts)?)
    }
}

fn scope_name(kind: ScopeKind, key: &str) -> String {
    match kind {
        ScopeKind::All => kind.name().to_owned(),
        _ => format!("{}:{key}", kind.name()),
    }
}
