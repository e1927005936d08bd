//! Power cuts, kills and failing files on the simulated disk: the streams hold what they acknowledged, and
//! the files say what the streams say.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tradejournal::bot::{LogRecord, TradeLog};
use tradejournal::disk::SimDisk;
use tradejournal::disk::sim::{Done, Errno, Fault, Injection, Names, Op, Random, Unsynced};
use tradejournal::journal::{Durability, Journal};
use tradejournal::record::{DecisionRecord, ErrorRecord, FillRecord};
use tradejournal::time::{Clock, Day, ManualClock};

use super::{
    LOGS, NAME, by_day, csv_of, fill, journal, json_of, log_others, name_of, next_day, noon,
    of_day, opened, options, orders_in,
};

const LEFT: [(Unsynced, Names); 5] = [
    (Unsynced::Lost, Names::Lost),
    (Unsynced::Kept, Names::Kept),
    (Unsynced::Blocks(512), Names::Any),
    (Unsynced::Zeros, Names::Kept),
    (Unsynced::Any, Names::Any),
];
const DONE: [Done; 3] = [Done::Nothing, Done::Part, Done::All];

struct World {
    disk: SimDisk,
    clock: Arc<ManualClock>,
    durability: Durability,
    /// The numbers of fills that were acknowledged as durable, in order.
    acked: Vec<u64>,
    next: u64,
}

impl World {
    fn new(seed: u64) -> World {
        let disk = SimDisk::new(seed);
        disk.put_folder("/j").unwrap();
        World {
            disk,
            clock: noon(),
            durability: Durability::Synced,
            acked: Vec::new(),
            next: 0,
        }
    }

    fn under(self, durability: Durability) -> World {
        World { durability, ..self }
    }

    fn journal(&self) -> Journal {
        journal(Arc::new(self.disk.clone()), Path::new(LOGS), &self.clock)
    }

    fn open(&self) -> Option<TradeLog> {
        let disk = Arc::new(self.disk.clone());
        let journal = opened(disk, Path::new(LOGS), &self.clock, self.durability);
        TradeLog::open(&journal.ok()?, NAME, options()).ok()
    }

    /// A fill of so many days ago, by the clock; `None` when it was not acknowledged.
    fn trade(&mut self, log: &TradeLog, days_ago: u32) -> Option<()> {
        let mut at = self.clock.now();
        for _ in 0..days_ago {
            at = at.day().previous().start();
        }
        self.next += 1;
        let receipt = log.log_trade(&fill(self.next, at)).ok()?;
        if receipt.durable {
            self.acked.push(self.next);
        }
        Some(())
    }

    /// Two days of a bot, as far as they come.
    fn play(&mut self) -> Option<()> {
        let log = self.open()?;
        self.trade(&log, 0)?;
        self.trade(&log, 0)?;
        log_others(&log).ok()?;
        next_day(&self.clock);
        self.trade(&log, 0)?;
        // One that comes late.
        self.trade(&log, 1)?;
        self.trade(&log, 0)?;
        log.flush().ok()?;
        log_others(&log).ok()?;
        self.trade(&log, 0)?;
        drop(log);
        let log = self.open()?;
        self.trade(&log, 0)?;
        next_day(&self.clock);
        self.trade(&log, 0)?;
        log.close().ok()?;
        Some(())
    }

    /// Opens what is there with nothing in the way, and holds it against the streams.
    fn settle(&mut self) {
        self.disk.heal();
        let log = self.open().unwrap();
        let troubles = log.troubles();
        assert!(troubles.is_empty(), "{troubles:?}");
        let today = self.clock.now().day();
        self.check(&log);
        self.check_json(today);
        self.trade(&log, 0).unwrap();
        self.trade(&log, 1).unwrap();
        self.check(&log);
        assert_eq!(log.close().unwrap(), [""; 0]);
        self.check_json(today.next());
    }

    /// The JSON of the days before that one is written.
    fn check_json(&self, before: Day) {
        self.check_json_of::<FillRecord>(before);
        self.check_json_of::<DecisionRecord>(before);
        self.check_json_of::<ErrorRecord>(before);
    }

    fn check_json_of<R: LogRecord>(&self, before: Day) {
        let journal = self.journal();
        for day in by_day::<R>(&journal).into_keys().filter(|it| *it < before) {
            let path = format!("{LOGS}/data/json/{}", name_of(R::STREAM, day, "json"));
            let json = self.disk.cached(&path).expect(&path);
            assert_eq!(json, json_of(&of_day::<R>(&journal, day)), "{path}");
        }
    }

    fn check(&self, log: &TradeLog) {
        let journal = self.journal();
        let today = self.clock.now().day();
        let days = by_day::<FillRecord>(&journal);
        let mut there = Vec::new();
        for fills in days.values() {
            there.extend(fills.iter().map(|it| it.order_id().to_string()));
        }
        for number in &self.acked {
            let order = format!("order-{number}");
            assert_eq!(
                there.iter().filter(|it| **it == order).count(),
                1,
                "{order}"
            );
        }
        for (day, fills) in days {
            let path = format!(
                "{LOGS}/data/csv/{}",
                name_of(tradejournal::Stream::Fills, day, "csv")
            );
            let csv = self.disk.cached(path).unwrap();
            let orders: Vec<String> = fills.iter().map(|it| it.order_id().to_string()).collect();
            assert_eq!(orders_in(&csv), orders, "{day}");
        }
        self.check_kind::<FillRecord>(&journal);
        self.check_kind::<DecisionRecord>(&journal);
        self.check_kind::<ErrorRecord>(&journal);
        assert_eq!(log.summary(), log.summary_of(today).unwrap());
    }

    fn check_kind<R: LogRecord>(&self, journal: &Journal) {
        for day in by_day::<R>(journal).into_keys() {
            let path = format!("{LOGS}/data/csv/{}", name_of(R::STREAM, day, "csv"));
            let csv = self.disk.cached(path).unwrap();
            assert_eq!(
                String::from_utf8(csv).unwrap(),
                String::from_utf8(csv_of(&of_day::<R>(journal, day))).unwrap()
            );
        }
    }

    fn restart(&self, (unsynced, names): (Unsynced, Names), seed: u64) -> World {
        World {
            disk: self.disk.fork(seed).restart(unsynced, names),
            clock: Arc::new(ManualClock::new(self.clock.now())),
            durability: self.durability,
            acked: self.acked.clone(),
            next: self.next,
        }
    }
}

fn operations(durability: Durability) -> u64 {
    let mut world = World::new(0).under(durability);
    world.play().unwrap();
    world.settle();
    world.disk.operations()
}

#[test]
fn wherever_the_power_fails_the_files_say_what_the_streams_say() {
    power_fails_everywhere(Durability::Synced);
}

#[test]
fn they_do_where_records_are_synced_later_too() {
    power_fails_everywhere(Durability::Interval(Duration::from_secs(3600)));
}

fn power_fails_everywhere(durability: Durability) {
    let all = operations(durability);
    assert!(100 < all, "{all}");
    for operation in 0..all {
        for (index, done) in DONE.into_iter().enumerate() {
            let mut cut = World::new(operation).under(durability);
            cut.disk.cut_power_at(operation, done);
            let _ = cut.play();
            let first = usize::try_from(operation).unwrap() + index;
            for left in [LEFT[first % 5], LEFT[(first + 2) % 5]] {
                let mut world = cut.restart(left, operation);
                world.settle();
                world.restart((Unsynced::Lost, Names::Lost), 1).settle();
            }
        }
    }
}

#[test]
fn wherever_opening_is_cut_off_the_next_one_makes_it_right() {
    let mut cut = World::new(3);
    let _ = cut.play();
    let log = cut.open().unwrap();
    cut.trade(&log, 0).unwrap();
    cut.trade(&log, 2).unwrap();
    for second in 1.. {
        let world = cut.restart(LEFT[usize::try_from(second).unwrap() % 5], second);
        next_day(&world.clock);
        world.disk.cut_power_at(
            world.disk.operations() + second,
            DONE[usize::try_from(second).unwrap() % 3],
        );
        drop(world.open());
        if !world.disk.is_off() {
            break;
        }
        world.restart(LEFT[2], second).settle();
    }
}

#[test]
fn a_row_can_tear_at_every_byte() {
    let mut cut = World::new(5);
    let log = cut.open().unwrap();
    for _ in 0..3 {
        cut.trade(&log, 0).unwrap();
    }
    drop(log);
    for len in 0..cut.disk.torn_len_max() {
        cut.restart((Unsynced::Torn(len), Names::Kept), 1).settle();
    }
}

/// A life of random steps; files fail, processes are killed, the power goes.
fn random_life(seed: u64) {
    let mut world = World::new(seed);
    let mut random = Random::new(seed);
    let mut log = world.open().unwrap();
    for _ in 0..random.below(40) {
        match random.below(12) {
            0 => next_day(&world.clock),
            1 => log.flush().unwrap(),
            2 => {
                drop(log);
                world.disk = world.disk.kill();
                log = world.open().unwrap();
            }
            3 => {
                world.disk.heal();
                drop(log);
                let left = *random.pick(&LEFT).unwrap();
                world = world.restart(left, seed);
                log = world.open().unwrap();
            }
            4 => {
                drop(log.close());
                log = world.open().unwrap();
            }
            5 => {
                let faults = [
                    Fault::Fails(Errno::NoSpace),
                    Fault::FailsHalfway(Errno::Io),
                    Fault::FailsAfterwards(Errno::Io),
                    Fault::Short,
                ];
                let fault = Injection::new(*random.pick(&faults).unwrap()).in_path("/data/");
                world.disk.inject(match random.one_in(2) {
                    true => fault.for_ever(),
                    false => fault.after(random.below(5) as u64),
                });
            }
            6 => world.disk.heal(),
            7 => log_others(&log).unwrap(),
            // Somebody takes a file away, or writes into it.
            8 => {
                let day = world.clock.now().day();
                let path = format!(
                    "{LOGS}/data/csv/{}",
                    name_of(tradejournal::Stream::Fills, day, "csv")
                );
                if world.disk.cached(&path).is_some() {
                    world.disk.put_file(&path, b"timestamp,mine\r\n").unwrap();
                }
                // It is seen with the next row.
                world.trade(&log, 0).unwrap();
            }
            _ => world
                .trade(&log, u32::try_from(random.below(3)).unwrap())
                .unwrap(),
        }
        let today = world.clock.now().day();
        assert_eq!(log.summary(), log.summary_of(today).unwrap());
    }
    world.disk.heal();
    drop(log);
    world.settle();
}

#[test]
fn in_random_lives_memory_says_what_the_files_say() {
    let seeds = match std::env::var("TJ_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (0..300).collect(),
    };
    for seed in seeds {
        let lived = std::panic::catch_unwind(|| random_life(seed));
        assert!(lived.is_ok(), "TJ_SEED={seed} plays it again");
    }
}

#[test]
fn a_disk_that_is_full_for_the_csv_alone_loses_no_record_and_the_rows_come_later() {
    let mut world = World::new(7);
    let log = world.open().unwrap();
    world.trade(&log, 0).unwrap();
    let full = Injection::new(Fault::Fails(Errno::NoSpace));
    world
        .disk
        .inject(full.on(Op::Write).in_path("/csv/").for_ever());
    for _ in 0..4 {
        world.trade(&log, 0).unwrap();
    }
    let troubles = log.troubles();
    assert!(
        troubles[0].starts_with("write /j/logs/data/csv/demo_trades_20251024.csv: "),
        "{troubles:?}"
    );
    assert_eq!(log.summary().total_trades, 5);
    world.disk.heal();
    // They come with the rows after it, after so many at the latest, or at a flush.
    for _ in 0..5 {
        world.trade(&log, 0).unwrap();
    }
    world.check(&log);
    assert_eq!(log.close().unwrap(), [""; 0]);
    world.settle();
}

#[test]
fn a_day_that_is_over_is_written_as_json_when_the_next_one_begins() {
    let mut world = World::new(9);
    let log = world.open().unwrap();
    let day = world.clock.now().day();
    world.trade(&log, 0).unwrap();
    log_others(&log).unwrap();
    let path = |stream| format!("{LOGS}/data/json/{}", name_of(stream, day, "json"));
    let json = |world: &World, stream| world.disk.durable(path(stream));
    assert_eq!(json(&world, tradejournal::Stream::Fills), None);
    next_day(&world.clock);
    // One record of the new day ends the old one for all three.
    world.trade(&log, 0).unwrap();
    let journal = world.journal();
    assert_eq!(
        json(&world, tradejournal::Stream::Fills).unwrap(),
        json_of(&of_day::<FillRecord>(&journal, day))
    );
    assert_eq!(
        json(&world, tradejournal::Stream::Decisions).unwrap(),
        json_of(&of_day::<DecisionRecord>(&journal, day))
    );
    assert_eq!(
        json(&world, tradejournal::Stream::Errors).unwrap(),
        json_of(&of_day::<ErrorRecord>(&journal, day))
    );
    // What comes late is in it after the next flush.
    world.trade(&log, 1).unwrap();
    log.flush().unwrap();
    let late = json(&world, tradejournal::Stream::Fills).unwrap();
    assert_eq!(late, json_of(&of_day::<FillRecord>(&journal, day)));
    assert_eq!(
        serde_json::from_slice::<Vec<serde_json::Value>>(&late)
            .unwrap()
            .len(),
        2
    );
    assert_eq!(log.troubles(), [""; 0]);
}
