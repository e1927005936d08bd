//! Finding what a journal has about an order.
//!
//! Always true: streams are read to their ends, and a line that cannot be read is told once.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::time::Duration;

use rust_decimal::Decimal;

use super::named::Ids;
use super::{Entry, Event, Filled, Link, Sums, Why};
use crate::desk::Unread;
use crate::desk::exact::{Average, product};
use crate::journal::{EntryRef, Journal, ReadError, Reader};
use crate::record::field::{Action, Meaning, Pair, sum};
use crate::record::{
    CallRecord, DecisionRecord, ErrorRecord, FillRecord, Record, RiskEvent, TradeRecord,
};

/// How often ids of an order may lead to more of them.
const ROUNDS_MAX: usize = 4;

impl Why {
    /// Finds it. `id` is what the exchange or the bot calls the order; `window` says how far around it
    /// decisions, errors and risk events are looked for that do not name it. `bad` is told of each line that
    /// cannot be read.
    pub fn find(
        journal: &Journal,
        id: &str,
        window: Duration,
        mut bad: impl FnMut(ReadError),
    ) -> Why {
        let mut unread = Unread::default();
        let mut tell = |error: ReadError| {
            unread.count(&error);
            bad(error);
        };
        let search = Search { journal, window };
        let (mut ids, mut entries) = (Ids::of(id), Vec::new());
        for round in 0..ROUNDS_MAX {
            let before = ids.clone();
            entries.clear();
            let mut quiet = |_| ();
            match round {
                0 => search.calls_and_fills(&mut ids, &mut entries, &mut tell),
                _ => search.calls_and_fills(&mut ids, &mut entries, &mut quiet),
            }
            // A second look finds the lines that have the other id alone.
            if ids == before {
                break;
            }
        }
        search.trades(&ids, &mut entries, &mut tell);
        let decisions = search.decisions(&ids, &mut entries, &mut tell);
        search.errors_and_risks(&ids, &mut entries, decisions, &mut tell);
        entries.sort_by_key(|it: &Entry| (it.at, it.event.rank(), it.seq));
        let filled = add_up(&mut entries);
        let mut all = ids.into_sorted();
        all.sort_by_key(|it| it != id);
        Why {
            ids: all,
            entries,
            filled,
            unread,
        }
    }
}

impl Event {
    /// What comes first of two lines of one time.
    fn rank(&self) -> u8 {
        match self {
            Event::Decision(_) => 0,
            Event::Call(_) => 1,
            Event::Fill(..) => 2,
            Event::Trade(_) => 3,
            Event::Error(_) => 4,
            Event::Risk(_) => 5,
        }
    }
}

struct Search<'a> {
    journal: &'a Journal,
    window: Duration,
}

/// The decisions that may be the one behind the order, the last of each kind.
#[derive(Default)]
struct Decisions {
    placement: Option<Entry>,
    spread: Option<Entry>,
    other: Option<Entry>,
    risk_check: Option<Entry>,
}

impl Search<'_> {
    fn calls_and_fills(
        &self,
        ids: &mut Ids,
        entries: &mut Vec<Entry>,
        bad: &mut dyn FnMut(ReadError),
    ) {
        each(&self.journal.read::<CallRecord>(), bad, |entry| {
            let call = entry.record;
            let is_output = call.role().is_some_and(|it| it.as_str() == "output");
            if is_output && ids.are_in_call(call) {
                ids.add_those_of(call);
                entries.push(found(
                    entry,
                    Link::Order,
                    Event::Call(Box::new(call.clone())),
                ));
            }
        });
        each(&self.journal.read::<FillRecord>(), bad, |entry| {
            let fill = entry.record;
            let client = fill.client_order_id();
            let is_it =
                ids.has(fill.order_id().as_str()) || client.is_some_and(|it| ids.has(it.as_str()));
            if is_it {
                ids.add(fill.order_id().as_str());
                client.into_iter().for_each(|it| ids.add(it.as_str()));
                let event = Event::Fill(Box::new(fill.clone()), None);
                entries.push(found(entry, Link::Order, event));
            }
        });
    }

    fn trades(&self, ids: &Ids, entries: &mut Vec<Entry>, bad: &mut dyn FnMut(ReadError)) {
        each(&self.journal.read::<TradeRecord>(), bad, |entry| {
            let trade = entry.record;
            if ids.has(trade.order_id().as_str()) {
                let event = Event::Trade(Box::new(trade.clone()));
                entries.push(found(entry, Link::Order, event));
            }
        });
    }

    /// The decisions that name the order. Without one, those that may be behind it are handed out.
    fn decisions(
        &self,
        ids: &Ids,
        entries: &mut Vec<Entry>,
        bad: &mut dyn FnMut(ReadError),
    ) -> Decisions {
        let (symbol, placed) = (symbol_of(entries), entries.iter().map(|it| it.at).min());
        let mut near = Decisions::default();
        let mut is_named = false;
        each(&self.journal.read::<DecisionRecord>(), bad, |entry| {
            let decision = entry.record;
            let event = || Event::Decision(Box::new(decision.clone()));
            if ids.are_in_decision(decision) {
                is_named |= *decision.decision_type() != DecisionRecord::RISK_CHECK;
                entries.push(found(entry, Link::Order, event()));
                return;
            }
            let before = placed.and_then(|it| decision.timestamp().until(it));
            let Some(before) = before.filter(|it| *it <= self.window) else {
                return;
            };
            let is_same = symbol.is_some() && decision.symbol() == symbol.as_ref();
            let kind = decision.decision_type();
            let (place, link) = match () {
                () if *kind == DecisionRecord::RISK_CHECK
                    && (is_same || decision.symbol().is_none()) =>
                {
                    (&mut near.risk_check, Link::Before(before))
                }
                () if !is_same => return,
                () if *kind == DecisionRecord::ORDER_PLACEMENT => {
                    (&mut near.placement, Link::SymbolBefore(before))
                }
                () if *kind == DecisionRecord::SPREAD_CALCULATION => {
                    (&mut near.spread, Link::SymbolBefore(before))
                }
                () => (&mut near.other, Link::SymbolBefore(before)),
            };
            // Of two at one time the later line is the later one.
            if place
                .as_ref()
                .is_none_or(|it| it.at <= decision.timestamp())
            {
                *place = Some(found(entry, link, event()));
            }
        });
        match is_named {
            true => Decisions {
                risk_check: near.risk_check,
                ..Decisions::default()
            },
            false => near,
        }
    }

    /// What is around the order: it is known now when that was.
    fn errors_and_risks(
        &self,
        ids: &Ids,
        entries: &mut Vec<Entry>,
        near: Decisions,
        bad: &mut dyn FnMut(ReadError),
    ) {
        let symbol = symbol_of(entries);
        let mut around = Vec::new();
        each(&self.journal.read::<ErrorRecord>(), bad, |entry| {
            let event = || Event::Error(Box::new(entry.record.clone()));
            if ids.are_in_error(entry.record) {
                entries.push(found(entry, Link::Order, event()));
            } else if symbol.is_some() && entry.record.symbol() == symbol.as_ref() {
                around.push(found(entry, Link::During, event()));
            }
        });
        let times = || entries.iter().map(|it| it.at);
        let (Some(first), Some(last)) = (times().min(), times().max()) else {
            return;
        };
        let decision = near.placement.or(near.spread).or(near.other);
        let risks = self.journal.read::<RiskEvent>();
        let risks = risks.from(first.saturating_sub(self.window));
        let risks = risks.to(last
            .saturating_add(self.window)
            .saturating_add(Duration::from_nanos(1)));
        each(&risks, bad, |entry| {
            let event = Event::Risk(Box::new(entry.record.clone()));
            around.push(found(entry, Link::During, event));
        });
        for mut entry in around {
            entry.link = match (entry.at.until(first), last.until(entry.at)) {
                (Some(before), _) if !before.is_zero() => Link::Before(before),
                (_, Some(after)) if !after.is_zero() => Link::After(after),
                _ => Link::During,
            };
            let apart = match entry.link {
                Link::Before(apart) | Link::After(apart) => apart,
                _ => Duration::ZERO,
            };
            if apart <= self.window {
                entries.push(entry);
            }
        }
        entries.extend(decision);
        entries.extend(near.risk_check);
    }
}

/// Shows every record; errors go to `bad`.
fn each<R: Record>(
    reader: &Reader<R>,
    bad: &mut dyn FnMut(ReadError),
    mut show: impl FnMut(&EntryRef<'_, R>),
) {
    reader.visit(|entry| {
        match entry {
            Ok(entry) => show(&entry),
            Err(error) => bad(error),
        }
        ControlFlow::Continue(())
    });
}

fn found<R: Record>(entry: &EntryRef<'_, R>, link: Link, event: Event) -> Entry {
    let tail = entry.line.tail();
    Entry {
        at: entry.record.timestamp(),
        stream: R::STREAM,
        seq: tail.as_ref().map(|it| it.seq),
        hash: tail.map(|it| it.hash),
        link,
        event,
    }
}

/// What the order is about, as the first line that says so has it.
fn symbol_of(entries: &[Entry]) -> Option<Pair> {
    let fill = entries.iter().find_map(|it| match &it.event {
        Event::Fill(fill, _) => Some(fill.symbol().clone()),
        _ => None,
    });
    fill.or_else(|| {
        entries.iter().find_map(|it| match &it.event {
            Event::Trade(trade) => trade.symbol().as_str().parse().ok(),
            Event::Decision(decision) => decision.symbol().cloned(),
            Event::Call(call) => symbol_in(call),
            _ => None,
        })
    })
}

/// What a call says that it is about, by name or in a value by position.
fn symbol_in(call: &CallRecord) -> Option<Pair> {
    let named = |it: &Meaning| it.member("symbol")?.as_word()?.parse().ok();
    named(&call.kwargs().meaning()).or_else(|| match call.args().meaning() {
        Meaning::List(args) => args.iter().find_map(named),
        _ => None,
    })
}

/// Adds the fills up, in their order, and tells each what there is so far.
fn add_up(entries: &mut [Entry]) -> Vec<Filled> {
    let mut all: Vec<Filled> = Vec::new();
    let mut known: HashMap<(Pair, Action), usize> = HashMap::new();
    for entry in entries {
        let Event::Fill(fill, so_far) = &mut entry.event else {
            continue;
        };
        let (symbol, side) = (fill.symbol().clone(), fill.side());
        let index = *known.entry((symbol.clone(), side)).or_insert(all.len());
        if index == all.len() {
            all.push(Filled {
                symbol,
                side,
                fills: 0,
                sums: None,
            });
        }
        let Some(filled) = all.get_mut(index) else {
            continue;
        };
        let (size, price) = (fill.size().value(), fill.price().value());
        filled.sums = match (filled.fills, filled.sums) {
            (0, _) => Sums::of(Decimal::ZERO, Decimal::ZERO, size, price),
            (_, Some(before)) => Sums::of(before.size, before.total, size, price),
            // Once they were too long, they stay so.
            (_, None) => None,
        };
        filled.fills += 1;
        *so_far = Some(filled.clone());
    }
    all
}

impl Sums {
    /// With one more fill.
    pub(super) fn of(
        before: Decimal,
        cost: Decimal,
        size: Decimal,
        price: Decimal,
    ) -> Option<Sums> {
        let total = sum(cost, product(size, price)?)?;
        let size = sum(before, size)?;
        Some(Sums {
            size,
            total,
            average: Average::of(total, size)?,
        })
    }
}
