//! The window against a plain model: any order of trades, any window, kills, power cuts and faults.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::{ARCHIVE, Bench, STORAGE, at, everything, pair};
use crate::disk::Disk;
use crate::disk::sim::{Errno, Fault, Injection, Names, Unsynced};
use crate::feed::window::{
    Footprint, MemoryWindow, Minute, PublicTrade, Reader, Taker, Window, WindowOptions,
};
use crate::time::{Clock, Timestamp};

/// A trade as numbers: id, minute from the beginning, millisecond, size.
type Given = (u8, u8, u16, u16);

/// What happens before a trade, and the trade.
fn given() -> impl Strategy<Value = Vec<(u8, Given)>> {
    let trade = (0_u8..40, 0_u8..50, 0_u16..60_000, 1_u16..1000);
    prop::collection::vec((0_u8..10, trade), 1..60)
}

/// What a power cut leaves of what was not synced.
fn any_of(seed: u64) -> Unsynced {
    match seed % 5 {
        0 => Unsynced::Lost,
        1 => Unsynced::Kept,
        2 => Unsynced::Torn(usize::try_from(seed % 97).unwrap()),
        3 => Unsynced::Zeros,
        _ => Unsynced::Blocks(64),
    }
}

/// A collector that is killed now and then, and what it said.
struct Life {
    bench: Bench,
    options: WindowOptions,
    window: Option<Window>,
    kept: HashMap<String, PublicTrade>,
    /// What a disk refused: it may be there or not.
    maybe: HashMap<String, PublicTrade>,
}

impl Life {
    fn begin(span: u32, count_max: usize) -> Life {
        let bench = Bench::new("2024-10-23T15:25:00Z");
        let options = WindowOptions::default()
            .span(span)
            .count_max(count_max)
            .archive_after(None);
        let window = Some(bench.open(options.clone()));
        Life {
            bench,
            options,
            window,
            kept: HashMap::new(),
            maybe: HashMap::new(),
        }
    }

    fn trade(&self, (id, minute, milli, size): Given) -> PublicTrade {
        let start: Timestamp = at("2024-10-23T14:30:00Z");
        let minute = u64::from(minute.wrapping_add(id) % 50);
        let time = start.saturating_add(Duration::from_millis(minute * 60_000 + u64::from(milli)));
        let time = time.min(self.bench.clock.now());
        let size = Decimal::new(i64::from(size), 3).to_string();
        // The same id is always the same trade.
        let id = format!("{id}-{minute}-{milli}-{size}-{time}");
        super::super::trade::trade(&id, &time.to_string(), Taker::Buy, "60000.00", &size)
    }

    fn happen(&mut self, act: u8, seed: u64) {
        match act {
            0 => {
                drop(self.window.take());
                self.reborn(self.bench.disk.kill());
            }
            1 => {
                drop(self.window.take());
                self.reborn(self.bench.disk.restart(any_of(seed), Names::Any));
            }
            2 => self
                .bench
                .disk
                .inject(Injection::new(Fault::Fails(Errno::NoSpace)).after(seed % 30)),
            3 | 4 => self.bench.clock.advance(Duration::from_secs(20)),
            _ => {}
        }
        if self.window.is_none() {
            self.bench.disk.heal();
            self.window = Some(self.bench.open(self.options.clone()));
        }
    }

    fn reborn(&mut self, disk: crate::disk::SimDisk) {
        let (clock, memory) = (self.bench.clock.clone(), MemoryWindow::default());
        self.bench = Bench {
            disk,
            clock,
            memory,
        };
    }

    fn window(&self) -> &Window {
        self.window.as_ref().unwrap()
    }

    fn take(&mut self, trade: PublicTrade) -> Result<(), TestCaseError> {
        let id = trade.id.to_string();
        match self.window().take(std::slice::from_ref(&trade)) {
            Ok(taken) if taken.kept == 1 => {
                prop_assert!(self.kept.insert(id, trade).is_none(), "taken twice");
            }
            Ok(taken) => {
                prop_assert_eq!(taken.duplicates, 1, "{:?}", taken);
                if let Some(trade) = self.maybe.remove(&id) {
                    self.kept.insert(id.clone(), trade);
                }
                prop_assert!(self.kept.contains_key(&id));
            }
            Err(_) => {
                self.maybe.insert(id, trade);
            }
        }
        Ok(())
    }

    /// What was refused is given again; then everything becomes files.
    fn end(&mut self) -> Result<Vec<Footprint>, TestCaseError> {
        self.bench.disk.heal();
        for (id, trade) in std::mem::take(&mut self.maybe) {
            self.window().take(std::slice::from_ref(&trade)).unwrap();
            self.kept.insert(id, trade);
        }
        self.bench.clock.advance(Duration::from_secs(300));
        prop_assert!(self.window().flush());
        prop_assert_eq!(self.window().wrong(), Vec::<String>::new());
        let mut wanted: BTreeMap<Minute, Footprint> = BTreeMap::new();
        for trade in self.kept.values() {
            let minute = Minute::of(trade.time);
            let footprint = wanted
                .entry(minute)
                .or_insert_with(|| Footprint::new(minute));
            footprint.add(trade, None).unwrap();
        }
        Ok(wanted.into_values().collect())
    }

    /// Each minute is in one place, and memory has those that are in the window.
    fn places(
        &self,
        wanted: &[Footprint],
        span: u32,
        count_max: usize,
    ) -> Result<(), TestCaseError> {
        let names = |folder| -> HashSet<String> { self.bench.names(folder).into_iter().collect() };
        let waiting = names("/data/storage/.window/minutes/BTCUSDT");
        let stored = names("/data/storage/BTCUSDT");
        prop_assert!(waiting.is_disjoint(&stored));
        prop_assert_eq!(waiting.len() + stored.len(), wanted.len());
        prop_assert!(waiting.len() <= count_max);
        let in_memory = self
            .bench
            .memory
            .range(&pair("BTCUSDT"), Minute::first(), Minute::last());
        prop_assert_eq!(in_memory.len(), waiting.len());
        let first = Minute::of(self.bench.clock.now()).plus(1 - i64::from(span));
        prop_assert!(
            in_memory
                .iter()
                .all(|it| first <= it.minute() && wanted.contains(it))
        );
        Ok(())
    }

    /// What somebody else reads, who has no lock.
    fn read(&self) -> Vec<Footprint> {
        let disk: Arc<dyn Disk> = Arc::new(self.bench.disk.spectator());
        let reader = Reader::open(disk, Path::new(STORAGE), Path::new(ARCHIVE), None).unwrap();
        let (from, to, now) = (Minute::first(), Minute::last(), self.bench.clock.now());
        reader
            .range(&pair("BTCUSDT"), from, to, now)
            .unwrap()
            .map(Result::unwrap)
            .collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn files_and_window_add_up_to_what_was_acknowledged(
        steps in given(),
        span in 1_u32..30,
        count_max in 1_usize..30,
        seed in any::<u32>(),
    ) {
        let mut life = Life::begin(span, count_max);
        for (index, (act, given)) in (0_u64..).zip(steps) {
            life.happen(act, u64::from(seed) + index);
            let trade = life.trade(given);
            life.take(trade)?;
            if act % 3 == 0 {
                life.window().tick();
            }
        }
        let wanted = life.end()?;
        prop_assert_eq!(&everything(life.window(), "BTCUSDT"), &wanted);
        life.places(&wanted, span, count_max)?;
        prop_assert_eq!(life.read(), wanted);
    }
}
