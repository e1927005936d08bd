//! What the stream of the metrics has: of each window its newest ones, of each rule what it told last.
//!
//! Always true:
//! - It is of windows alone: a record without a mode or a scope is somebody else's.
//! - "Last" is by the order of the stream, "newest" by the time that a record bears.
//!
//! Not here: what is to be told (`news`).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use super::LiveError;
use crate::books::metrics::Told;
use crate::journal::{Journal, Troubles, chain_of};
use crate::record::PerformanceMetric;
use crate::record::field::{AlertEvent, ExecutionMode};
use crate::time::Timestamp;

/// A window: its mode and its scope.
pub(super) type Key = (ExecutionMode, String);

pub(super) fn key_of(told: &Told<'_>) -> Key {
    (told.mode(), told.scope())
}

/// What was told so far.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    windows: BTreeMap<Key, Recorded>,
    events: BTreeMap<(Key, String), Events>,
    /// The ids of the rules that told something.
    rules: BTreeSet<String>,
    newest: BTreeMap<ExecutionMode, Timestamp>,
    newest_metrics: BTreeMap<ExecutionMode, Timestamp>,
}

/// The metrics of a window, but for those that tell of a rule.
#[derive(Clone, Debug)]
pub(super) struct Recorded {
    /// The last.
    pub(super) last: Arc<PerformanceMetric>,
    /// The newest time of any.
    pub(super) at: Timestamp,
    /// All that bear it: trades can close at one instant.
    pub(super) newest: Vec<Arc<PerformanceMetric>>,
}

#[derive(Clone, Debug)]
struct Events {
    last: AlertEvent,
    at: Timestamp,
    newest: Vec<AlertEvent>,
}

impl History {
    /// What the journal has. A bad line is left out, and told: what it said may be told once more.
    pub(super) fn read(journal: &Journal, troubles: &mut Troubles) -> Result<History, LiveError> {
        let mut history = History::default();
        let mut failed = Ok(());
        journal
            .read::<PerformanceMetric>()
            .visit_owned(|entry| match entry {
                Ok(entry) => {
                    history.take(entry.record);
                    ControlFlow::Continue(())
                }
                Err(error) if error.position().is_some() => {
                    troubles.keep(format!("not known as told: {}", chain_of(&error)));
                    ControlFlow::Continue(())
                }
                Err(error) => {
                    failed = Err(LiveError::ReadTold(error));
                    ControlFlow::Break(())
                }
            });
        failed.map(|()| history)
    }

    /// Takes the next record of the stream.
    pub(super) fn take(&mut self, metric: PerformanceMetric) {
        let (Some(mode), Some(scope)) = (metric.execution_mode(), metric.scope()) else {
            return;
        };
        let (key, at) = ((mode, scope.to_owned()), metric.timestamp());
        let later = |newest: &mut Timestamp| *newest = at.max(*newest);
        later(self.newest.entry(mode).or_insert(at));
        let (Some(rule), Some(event)) = (metric.rule_id(), metric.event()) else {
            later(self.newest_metrics.entry(mode).or_insert(at));
            self.take_metrics(key, metric);
            return;
        };
        if !self.rules.contains(rule) {
            self.rules.insert(rule.to_owned());
        }
        let events = self
            .events
            .entry((key, rule.to_owned()))
            .or_insert_with(|| Events {
                last: event,
                at,
                newest: Vec::new(),
            });
        events.last = event;
        if events.at < at {
            (events.at, events.newest) = (at, Vec::new());
        }
        if events.at == at {
            events.newest.push(event);
        }
    }

    fn take_metrics(&mut self, key: Key, metric: PerformanceMetric) {
        let (at, metric) = (metric.timestamp(), Arc::new(metric));
        let recorded = self.windows.entry(key).or_insert_with(|| Recorded {
            last: Arc::clone(&metric),
            at,
            newest: Vec::new(),
        });
        if recorded.at < at {
            (recorded.at, recorded.newest) = (at, Vec::new());
        }
        if recorded.at == at {
            recorded.newest.push(Arc::clone(&metric));
        }
        recorded.last = metric;
    }

    /// The metrics of a window.
    pub(super) fn window(&self, key: &Key) -> Option<&Recorded> {
        self.windows.get(key)
    }

    /// Whether the rule fires for the window, as far as it told.
    pub(super) fn is_firing(&self, of: &(Key, String)) -> bool {
        let last = self.events.get(of).map(|it| it.last);
        last == Some(AlertEvent::Fired)
    }

    /// What the rule told of the window at that time.
    pub(super) fn told_at(&self, of: &(Key, String), at: Timestamp) -> &[AlertEvent] {
        let events = self.events.get(of).filter(|it| it.at == at);
        events.map_or(&[], |it| &it.newest)
    }

    /// Whether the rule told anything of any window.
    pub(super) fn has_rule(&self, id: &str) -> bool {
        self.rules.contains(id)
    }

    /// The newest time of anything that was told of a mode: all trades of before were counted, and told of.
    pub(super) fn newest(&self, mode: ExecutionMode) -> Option<Timestamp> {
        self.newest.get(&mode).copied()
    }

    /// The newest time of metrics, but for those that tell of a rule.
    pub(super) fn newest_metrics(&self, mode: ExecutionMode) -> Option<Timestamp> {
        self.newest_metrics.get(&mode).copied()
    }
}
