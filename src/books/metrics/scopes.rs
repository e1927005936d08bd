//! Windows by what is counted together: all trades of a mode, or those of one strategy, symbol or account.
//!
//! Always true:
//! - LIVE and PAPER never meet in one window.
//! - Each window has the rules to itself: one strategy's alert says nothing of another's.
//! - A rule is for windows of their size, and has an id of its own.
//! - What is told of a trade depends on the trades before it alone, so a replay of the same trades tells the
//!   same.
//!
//! Not here: writing what is told anywhere.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroU32;

use super::rolling::{RollingError, RollingMetrics};
use super::rule::{Alert, AlertEvent, Rule, RuleError, Standing};
use super::{Basis, BreakevenStreak, Equity};
use crate::books::ClosedTrade;
use crate::record::field::{AlertEvent as Event, ExecutionMode, OrderId, Text};
use crate::record::{PerformanceMetric, PerformanceParts, personal};
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
    /// Which order that was.
    order: OrderId,
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
    ///
    /// # Errors
    /// [`RuleError`] of a rule that is for windows of another size, or has the id of another.
    pub fn new(
        windows: Windows,
        mut kinds: Vec<ScopeKind>,
        rules: Vec<Rule>,
    ) -> Result<Books, RuleError> {
        let mut ids = HashSet::new();
        for rule in &rules {
            rule.suits(&windows)?;
            if !ids.insert(rule.id()) {
                return Err(RuleError {
                    id: rule.id().to_string(),
                    why: "another rule has this id".to_owned(),
                });
            }
        }
        kinds.sort_unstable();
        kinds.dedup();
        let side = Side(kinds.iter().map(|_| HashMap::new()).collect());
        Ok(Books {
            windows,
            kinds,
            rules,
            paper: side.clone(),
            live: side,
        })
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
                    order: trade.order_id.clone(),
                    standings: vec![Standing::default(); self.rules.len()],
                }),
            };
            if let Err(error) = window.metrics.take(trade) {
                failed = Err(error);
                continue;
            }
            window.number += 1;
            window.at = trade.exited;
            // In the memory it has, which a clone has not.
            window.order.set(trade.order_id.as_str());
            let now = (window.number, trade.exited);
            let mut alerts = Vec::new();
            for (rule, standing) in self.rules.iter().zip(&mut window.standings) {
                let of = || scope_name(*kind, key);
                if let Some(mut alert) = standing.look(rule, &window.metrics, now, of) {
                    name_order(&mut alert.message, &trade.order_id);
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

    /// Every window as it stands.
    pub fn each(&self, mut show: impl FnMut(&Told<'_>)) {
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
                    show(&told);
                }
            }
        }
    }

    /// How the rules of each window stand: whether they fire, and what there is to tell of that.
    pub fn standings(&self, mut show: impl FnMut(&Told<'_>, &Rule, bool, &dyn Fn() -> Alert)) {
        self.each(|told| {
            let window = told.window;
            for (rule, standing) in self.rules.iter().zip(&window.standings) {
                let alert = || {
                    let mut alert = standing.restate(rule, &window.metrics, &told.scope());
                    name_order(&mut alert.message, &window.order);
                    alert
                };
                show(told, rule, standing.is_firing(), &alert);
            }
        });
    }
}

impl Rule {
    fn suits(&self, windows: &Windows) -> Result<(), RuleError> {
        let (own, size) = (self.window(), windows.window);
        if own == size {
            return Ok(());
        }
        Err(RuleError {
            id: self.id().to_string(),
            why: format!("it is for windows of {own} trades, and these take {size}"),
        })
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

/// Adds the newest order. An id is none of the texts that personal data is looked for in, but a message is;
/// the sign before it says that a number is no card, and an id that is refused all the same is left out, so
/// that no alert is lost for it.
fn name_order(message: &mut String, order: &OrderId) {
    let named = format!(" (order #{order})");
    if personal::find(&named).is_none() {
        message.push_str(&named);
    }
}
