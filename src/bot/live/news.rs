//! What a replay of the trades tells and the stream does not have.
//!
//! Always true:
//! - Trades of before the newest record of their mode were told of: records are written in the order in
//!   which they were told. So news are those of that time and of later.
//! - A rule tells in turns: nothing is over that was not told to fire, and nothing fires twice.
//! - Where the stream knows nothing (no metrics of a mode, or, with [`Every::Alert`], a rule that never told
//!   anything), nobody can say what was missed and what nobody asked for: how it stands is told, alone.
//! - What is told in the end is how the windows stand, whatever was told before.

use std::collections::{BTreeMap, BTreeSet};

use super::history::{History, Key, key_of};
use super::{Every, LiveOptions};
use crate::books::metrics::{Alert, AlertEvent, Books, RollingError, Told};
use crate::record::PerformanceMetric;
use crate::record::field::AlertEvent as Event;
use crate::time::{Day, Timestamp};

/// What a replay told so far that may be news.
#[derive(Debug)]
pub(super) struct News<'a> {
    options: &'a LiveOptions,
    history: &'a History,
    metrics: BTreeMap<Key, Vec<Numbered>>,
    alerts: BTreeMap<(Key, String), Vec<(Numbered, AlertEvent)>>,
    /// The order in which they were told.
    count: usize,
    /// What could not be put into a record.
    failed: BTreeSet<String>,
}

/// A record, and when it is told among the others.
type Numbered = (usize, PerformanceMetric);

/// What is to be written.
#[derive(Debug, Default)]
pub(super) struct Due {
    /// In this order.
    pub(super) records: Vec<PerformanceMetric>,
    /// Of a day that is not over, the newest metrics of each window.
    pub(super) kept: BTreeMap<Key, PerformanceMetric>,
    /// What went wrong.
    pub(super) troubles: Vec<String>,
}

impl Due {
    /// With what is due after it.
    pub(super) fn extend(&mut self, more: Due) {
        self.records.extend(more.records);
        self.kept.extend(more.kept);
        self.troubles.extend(more.troubles);
    }
}

impl<'a> News<'a> {
    pub(super) fn new(options: &'a LiveOptions, history: &'a History) -> News<'a> {
        News {
            options,
            history,
            metrics: BTreeMap::new(),
            alerts: BTreeMap::new(),
            count: 0,
            failed: BTreeSet::new(),
        }
    }

    /// Takes what the replay tells.
    pub(super) fn take(&mut self, told: &Told<'_>, alert: Option<Alert>) {
        self.count += 1;
        match alert {
            None => self.take_metrics(told),
            Some(alert) => self.take_alert(told, &alert),
        }
    }

    fn take_metrics(&mut self, told: &Told<'_>) {
        let newest = self.history.newest_metrics(told.mode());
        let zone = &self.options.zone;
        let may_be_news = match (self.options.every, newest) {
            (Every::Alert, _) | (Every::Trade, None) => false,
            (Every::Trade, Some(newest)) => newest <= told.at(),
            // The last of a day is that of its window; another window's may be later.
            (Every::Day, newest) => newest.is_none_or(|it| zone.day(it) <= zone.day(told.at())),
        };
        if !may_be_news {
            return;
        }
        let Some(metric) = self.kept(told.record(None)) else {
            return;
        };
        let of_window = self.metrics.entry(key_of(told)).or_default();
        if self.options.every == Every::Day {
            let day = zone.day(metric.timestamp());
            of_window.pop_if(|(_, it)| zone.day(it.timestamp()) == day);
        }
        of_window.push((self.count, metric));
    }

    fn take_alert(&mut self, told: &Told<'_>, alert: &Alert) {
        let newest = self.history.newest(told.mode());
        let is_known =
            self.options.every != Every::Alert || self.history.has_rule(alert.rule_id.as_str());
        if !is_known || newest.is_none_or(|it| told.at() < it) {
            return;
        }
        if let Some(metric) = self.kept(told.record(Some(alert))) {
            let of = (key_of(told), alert.rule_id.to_string());
            let alert = ((self.count, metric), alert.event);
            self.alerts.entry(of).or_default().push(alert);
        }
    }

    fn kept(
        &mut self,
        record: Result<PerformanceMetric, RollingError>,
    ) -> Option<PerformanceMetric> {
        record
            .map_err(|error| self.failed.insert(error.to_string()))
            .ok()
    }

    /// What is due, now that the replay has led to `books`, and `today` is not over.
    pub(super) fn due(mut self, books: &Books, today: Day) -> Due {
        let mut due = Due::default();
        if self.options.every == Every::Day {
            self.keep_back(today, &mut due);
        }
        let mut records = self.due_metrics(books);
        records.extend(self.due_alerts(books));
        // What the replay told comes in its order, and then how it stands.
        records.sort_by_key(|(number, it)| (*number, it.timestamp()));
        due.records = records.into_iter().map(|(_, it)| it).collect();
        due.troubles.extend(self.failed);
        due
    }

    /// Takes the metrics of a day that is not over out of those that may be due.
    fn keep_back(&mut self, today: Day, due: &mut Due) {
        let zone = &self.options.zone;
        for (key, metrics) in &mut self.metrics {
            let is_kept = |(_, it): &mut Numbered| today <= zone.day(it.timestamp());
            // They are in the order of their days.
            if let Some((_, metric)) = metrics.pop_if(is_kept) {
                due.kept.insert(key.clone(), metric);
            }
        }
    }

    fn due_metrics(&mut self, books: &Books) -> Vec<Numbered> {
        let mut due = Vec::new();
        let mut stand: BTreeMap<Key, PerformanceMetric> = BTreeMap::new();
        match self.options.every {
            Every::Alert => return due,
            Every::Trade => books.each(|told| {
                if let Some(metric) = self.kept(told.record(None)) {
                    stand.insert(key_of(told), metric);
                }
            }),
            Every::Day => {
                for (key, metrics) in &self.metrics {
                    let last = metrics.last().map(|(_, it)| (key.clone(), it.clone()));
                    stand.extend(last);
                }
            }
        }
        for (key, stands) in stand {
            let told = self.metrics.remove(&key).unwrap_or_default();
            due.extend(self.unrecorded(&key, told, stands));
        }
        due
    }

    /// Of these metrics of a window those that the stream does not have, so that it ends with how it stands.
    fn unrecorded(
        &self,
        key: &Key,
        told: Vec<Numbered>,
        stands: PerformanceMetric,
    ) -> Vec<Numbered> {
        let recorded = self.history.window(key);
        let mut at_newest = recorded.map(|it| it.newest.clone()).unwrap_or_default();
        let newest = recorded.map(|it| it.at);
        let mut due: Vec<Numbered> = Vec::new();
        if let Some(newest) = newest.or_else(|| self.history.newest_metrics(key.0)) {
            for (number, metric) in told {
                let has = at_newest.iter().position(|it| **it == metric);
                if let Some(place) = has {
                    at_newest.swap_remove(place);
                } else if newest <= metric.timestamp() {
                    due.push((number, metric));
                }
            }
        }
        let last = due.last().map(|(_, it)| it);
        let last = last.or_else(|| recorded.map(|it| &*it.last));
        if last != Some(&stands) {
            due.push((usize::MAX, stands));
        }
        due
    }

    fn due_alerts(&mut self, books: &Books) -> Vec<Numbered> {
        let mut due = Vec::new();
        let mut failed = BTreeSet::new();
        books.standings(|told, rule, is_firing, alert| {
            let of = (key_of(told), rule.id().to_string());
            let told_of = self.alerts.remove(&of).unwrap_or_default();
            let newest = self.history.newest(told.mode());
            let (news, was_firing) = self.in_turns(&of, told_of, newest);
            due.extend(news);
            if is_firing != was_firing {
                match told.record(Some(&alert())) {
                    Ok(metric) => due.push((usize::MAX, metric)),
                    Err(error) => drop(failed.insert(error.to_string())),
                }
            }
        });
        self.failed.extend(failed);
        due
    }

    /// Of what a rule tells of a window, what the stream does not have; and whether it fires then.
    fn in_turns(
        &self,
        of: &(Key, String),
        told: Vec<(Numbered, AlertEvent)>,
        newest: Option<Timestamp>,
    ) -> (Vec<Numbered>, bool) {
        let mut has = newest.map_or(Vec::new(), |it| self.history.told_at(of, it).to_vec());
        let mut is_firing = self.history.is_firing(of);
        let mut due = Vec::new();
        for ((number, metric), event) in told {
            let recorded = match event {
                AlertEvent::Resolved => Event::Resolved,
                _ => Event::Fired,
            };
            let is_of_newest = Some(metric.timestamp()) == newest;
            let place = has.iter().position(|it| is_of_newest && *it == recorded);
            if let Some(place) = place {
                has.swap_remove(place);
                continue;
            }
            let is_in_turn = match event {
                AlertEvent::Fired => !is_firing,
                AlertEvent::Reminded | AlertEvent::Resolved => is_firing,
            };
            if is_in_turn {
                is_firing = event != AlertEvent::Resolved;
                due.push((number, metric));
            }
        }
        (due, is_firing)
    }
}
