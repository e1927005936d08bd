//! The guard of a bot's limits: over restarts and crashes, beside other processes, on a disk that fails.

use std::{fs, thread, time::Duration};

use tempfile::tempdir;
use tradejournal::books::Zone;
use tradejournal::books::risk::{
    PortfolioValue, Proposed, Reset, RiskLimits, RiskMonitor, Rule, Verdict,
};
use tradejournal::bot::{GuardError, RiskGuard, Settings};
use tradejournal::disk::sim::{Errno, Fault, Injection, Op, SimDisk};
use tradejournal::journal::{Journal, Writer};
use tradejournal::record::field::{Action, ExecutionMode};
use tradejournal::record::{RiskEvent, TradeRecord};
use tradejournal::time::{Clock as _, Timestamp};

use crate::sample::{journal, noon, simulated, stamp, time};

const LIVE: ExecutionMode = ExecutionMode::Live;
const PAPER: ExecutionMode = ExecutionMode::Paper;

/// 5 % in a position, 3 % lost a day, 3 losses in a row.
fn limits() -> RiskLimits {
    RiskLimits {
        max_position_pct: Some("5".parse().unwrap()),
        max_daily_loss_pct: Some("3".parse().unwrap()),
        max_consecutive_losses: Some("3".parse().unwrap()),
        ..RiskLimits::default()
    }
}

fn worth() -> PortfolioValue {
    "10000".parse().unwrap()
}

fn guard(journal: &Journal, mode: ExecutionMode) -> RiskGuard {
    RiskGuard::open(journal, limits(), mode, Zone::default(), worth()).unwrap()
}

fn is_allowed(guard: &RiskGuard) -> bool {
    let proposed = Proposed::new(
        "AAPL".parse().unwrap(),
        1_u16.try_into().unwrap(),
        "100.00".parse().unwrap(),
    );
    guard.check(&proposed, worth()) == Verdict::Allowed
}

/// The entry of order `number`, 100 shares at 100.00.
fn entry(number: u64, mode: ExecutionMode, at: &str) -> TradeRecord {
    TradeRecord::entry("AAPL", Action::Buy, 100, "100.00")
        .at(time(at))
        .order_id(format!("order-{number}").as_str())
        .mode(mode)
        .strategy("bull-flag-breakout", "breakout")
        .because("Broke out")
        .indicators(["VWAP"])
        .stamp(&stamp())
        .build()
        .unwrap()
}

/// A bot that appends and shows the guard what it appended.
struct Bot {
    trades: Writer<TradeRecord>,
    guard: RiskGuard,
    mode: ExecutionMode,
}

impl Bot {
    fn start(journal: &Journal, mode: ExecutionMode) -> Bot {
        Bot {
            trades: journal.writer().unwrap(),
            guard: guard(journal, mode),
            mode,
        }
    }

    /// Order `number` is entered at 12:00 and sold a minute later at that price.
    fn trades(&self, number: u64, price: &str) -> Option<RiskEvent> {
        let (entry, exit) = both(number, self.mode, price);
        let mut event = None;
        for record in [entry, exit] {
            self.trades.append(&record).unwrap();
            event = event.or(self.guard.observe(&record, worth()));
        }
        event
    }
}

fn both(number: u64, mode: ExecutionMode, price: &str) -> (TradeRecord, TradeRecord) {
    let entry = entry(number, mode, "2025-10-26T12:00:00Z");
    let at = time("2025-10-26T12:01:00Z").saturating_add(Duration::from_secs(number));
    let exit = entry.exit(at, price).build().unwrap();
    (entry, exit)
}

/// The events in the journal: type, action, `reset_by`.
fn events(journal: &Journal) -> Vec<RiskEvent> {
    let entries = journal.read::<RiskEvent>().into_iter();
    entries.map(|it| it.unwrap().record).collect()
}

fn kinds(journal: &Journal) -> Vec<String> {
    let kind = |it: RiskEvent| it.event_type().as_str().to_owned();
    events(journal).into_iter().map(kind).collect()
}

const TRIP: &str = "circuit_breaker_trip";
const STILL: &str = "check_while_paused";
const RESET: &str = "circuit_breaker_reset";

fn lose_three(bot: &Bot) {
    assert_eq!(bot.trades(1, "99.99"), None);
    assert_eq!(bot.trades(2, "99.99"), None);
    let event = bot.trades(3, "99.99").unwrap();
    assert_eq!(event.event_type().as_str(), TRIP);
}

#[test]
fn a_pause_outlives_the_process_and_ends_with_the_next_day() {
    let folder = tempdir().unwrap();
    let clock = noon();
    let journal = journal(folder.path(), &clock);
    let bot = Bot::start(&journal, PAPER);
    assert!(is_allowed(&bot.guard));
    // The portfolio loses 300 of 10,000 with the second trade.
    assert_eq!(bot.trades(1, "99.00"), None);
    assert_eq!(bot.trades(2, "98.01"), None);
    let event = bot.trades(3, "99.99").unwrap();
    assert_eq!(event.daily_pnl().to_string(), "-300.00");
    assert_eq!(event.consecutive_losses(), 3);
    assert!(!is_allowed(&bot.guard));
    assert_eq!(bot.guard.troubles(), [""; 0]);
    drop(bot);
    let bot = Bot::start(&journal, PAPER);
    assert!(!is_allowed(&bot.guard));
    let pause = bot.guard.pause(worth()).unwrap();
    assert_eq!(pause.since, time("2025-10-26T12:00:00Z"));
    assert_eq!(pause.rules, [Rule::DailyLoss, Rule::LosingStreak]);
    assert!(pause.is_recorded);
    let monitor = bot.guard.monitor(worth());
    assert_eq!(monitor.daily_pnl().to_string(), "-300.00");
    assert_eq!(kinds(&journal), [TRIP, STILL, STILL]);
    drop(bot);
    clock.set(time("2025-10-27T00:00:00Z"));
    let bot = Bot::start(&journal, PAPER);
    assert!(is_allowed(&bot.guard));
    assert_eq!(kinds(&journal), [TRIP, STILL, STILL, RESET]);
    assert_eq!(bot.guard.monitor(worth()).losses_since_reset(), 0);
    // And that is told once.
    bot.guard.close().unwrap();
    assert!(is_allowed(&guard(&journal, PAPER)));
    assert_eq!(kinds(&journal).len(), 4);
}

#[test]
fn a_process_that_was_killed_between_the_trade_and_the_event_starts_paused() {
    let clock = noon();
    let disk = SimDisk::new(1);
    {
        let journal = simulated(&disk, &clock);
        let trades = journal.writer::<TradeRecord>().unwrap();
        for number in 1..=3 {
            let (entry, exit) = both(number, LIVE, "99.99");
            trades.append_all(&[entry, exit]).unwrap();
        }
    }
    let disk = disk.kill();
    clock.set(time("2025-10-26T12:10:00Z"));
    let journal = simulated(&disk, &clock);
    let bot = Bot::start(&journal, LIVE);
    assert!(!is_allowed(&bot.guard));
    assert_eq!(kinds(&journal), [TRIP, STILL]);
    let trip = &events(&journal)[0];
    assert_eq!(trip.timestamp(), time("2025-10-26T12:10:00Z"));
    assert_eq!(trip.consecutive_losses(), 3);
    drop(bot);
    // It is recorded once.
    assert!(guard(&journal, LIVE).pause(worth()).is_some());
    assert!(guard(&journal, PAPER).pause(worth()).is_none());
    assert_eq!(kinds(&journal).len(), 2);
}

#[test]
fn a_reset_from_another_process_reaches_the_guard_at_its_next_check() {
    let folder = tempdir().unwrap();
    let clock = noon();
    let bot = Bot::start(&journal(folder.path(), &clock), LIVE);
    lose_three(&bot);
    assert!(!is_allowed(&bot.guard));
    let elsewhere = journal(folder.path(), &clock);
    let person = guard(&elsewhere, LIVE);
    clock.advance(Duration::from_secs(300));
    assert_eq!(
        guard(&elsewhere, PAPER)
            .reset("wrong mode", worth())
            .unwrap(),
        None
    );
    assert!(!is_allowed(&bot.guard));
    let reset = person
        .reset("the feed was stale", worth())
        .unwrap()
        .unwrap();
    assert!(
        reset
            .config_snapshot()
            .as_str()
            .contains("\"why\":\"the feed was stale\"")
    );
    assert!(is_allowed(&bot.guard));
    // Two losses more are no streak of three; a third is.
    assert_eq!(bot.trades(301, "99.99"), None);
    assert_eq!(bot.trades(302, "99.99"), None);
    let event = bot.trades(303, "99.99").unwrap();
    assert_eq!(event.consecutive_losses(), 6);
    assert!(
        !is_allowed(&person),
        "a pause of another process is heard too"
    );
    assert_eq!(bot.guard.troubles(), [""; 0]);
    assert_eq!(person.troubles(), [""; 0]);
}

#[test]
fn live_and_paper_stand_apart_in_one_journal() {
    let folder = tempdir().unwrap();
    let journal = journal(folder.path(), &noon());
    let bot = Bot::start(&journal, PAPER);
    let live = guard(&journal, LIVE);
    lose_three(&bot);
    assert!(!is_allowed(&bot.guard));
    assert!(is_allowed(&live));
    // A guard takes no notice of trades of the other mode that it is shown.
    for number in 4..=6 {
        let (entry, exit) = both(number, PAPER, "90.00");
        assert_eq!(live.observe(&entry, worth()), None);
        assert_eq!(live.observe(&exit, worth()), None);
    }
    assert!(is_allowed(&live));
    drop((bot, live));
    assert!(is_allowed(&guard(&journal, LIVE)));
    assert!(!is_allowed(&guard(&journal, PAPER)));
}

#[test]
fn a_stream_that_cannot_be_written_rejects_all_the_same_and_is_caught_up_with() {
    let clock = noon();
    let disk = SimDisk::new(7);
    let journal = simulated(&disk, &clock);
    let bot = Bot::start(&journal, LIVE);
    let full = Injection::new(Fault::Fails(Errno::NoSpace)).on(Op::Write);
    disk.inject(full.in_path("risk-management").for_ever());
    lose_three(&bot);
    assert!(!is_allowed(&bot.guard));
    assert!(!is_allowed(&bot.guard));
    assert_eq!(bot.guard.unrecorded(), 3);
    let troubles = bot.guard.troubles();
    assert!(
        troubles[0].starts_with("record a risk event: append to risk-management"),
        "{troubles:?}"
    );
    assert_eq!(events(&journal), []);
    // There is room again: all of them are written, once and in order.
    disk.heal();
    assert!(!is_allowed(&bot.guard));
    assert_eq!(bot.guard.unrecorded(), 0);
    assert_eq!(kinds(&journal), [TRIP, STILL, STILL, STILL]);
    drop(bot);
    assert!(!is_allowed(&guard(&journal, LIVE)));
}

#[test]
fn an_append_that_failed_half_way_is_not_doubled() {
    for fault in [
        Fault::FailsAfterwards(Errno::Io),
        Fault::FailsHalfway(Errno::Io),
        Fault::Fails(Errno::Io),
    ] {
        for op in [Op::Write, Op::Sync] {
            let clock = noon();
            let disk = SimDisk::new(3);
            let journal = simulated(&disk, &clock);
            let bot = Bot::start(&journal, LIVE);
            // The day's file is there already, so that the fault strikes the event's own write or sync.
            let reset_of_nothing = bot.guard.reset("nothing to reset", worth()).unwrap();
            assert_eq!(reset_of_nothing, None);
            disk.inject(Injection::new(fault).on(op).in_path("risk-management/2025"));
            lose_three(&bot);
            assert_eq!(disk.faults(), 1, "{fault:?} {op:?}");
            assert_ne!(bot.guard.troubles(), [""; 0], "{fault:?} {op:?}");
            assert!(!is_allowed(&bot.guard));
            assert_eq!(kinds(&journal), [TRIP, STILL], "{fault:?} {op:?}");
            bot.guard.close().unwrap();
        }
    }
}

#[test]
fn what_a_person_resumed_is_not_paused_again_by_an_event_that_was_late() {
    let clock = noon();
    let disk = SimDisk::new(5);
    let journal = simulated(&disk, &clock);
    let bot = Bot::start(&journal, LIVE);
    let full = Injection::new(Fault::Fails(Errno::NoSpace)).on(Op::Write);
    disk.inject(full.in_path("risk-management").for_ever());
    lose_three(&bot);
    assert_eq!(bot.guard.unrecorded(), 1);
    disk.heal();
    // Another process finds the pause in the trades, and a person resumes.
    let elsewhere = simulated(&disk.another_process(), &clock);
    clock.advance(Duration::from_secs(300));
    guard(&elsewhere, LIVE)
        .reset("seen", worth())
        .unwrap()
        .unwrap();
    assert!(is_allowed(&bot.guard));
    assert_eq!(bot.guard.unrecorded(), 0);
    assert_eq!(kinds(&journal), [TRIP, RESET]);
    drop(bot);
    assert!(is_allowed(&guard(&journal, LIVE)));
}

#[test]
fn an_exit_that_is_corrected_is_counted_anew() {
    let folder = tempdir().unwrap();
    let journal = journal(folder.path(), &noon());
    let bot = Bot::start(&journal, PAPER);
    assert_eq!(bot.trades(1, "98.00"), None);
    let monitor = || bot.guard.monitor(worth());
    assert_eq!(monitor().daily_pnl().to_string(), "-200.00");
    // The same exit again, with the right price: a win.
    let (_, right) = both(1, PAPER, "101.00");
    bot.trades.append(&right).unwrap();
    assert_eq!(bot.guard.observe(&right, worth()), None);
    assert_eq!(monitor().daily_pnl().to_string(), "100.00");
    assert_eq!(monitor().consecutive_losses(), 0);
    // A correction that shows a loss beyond the limit pauses, and one that takes it back resumes nothing.
    let (_, worse) = both(1, PAPER, "97.00");
    bot.trades.append(&worse).unwrap();
    let event = bot.guard.observe(&worse, worth()).unwrap();
    assert_eq!(event.daily_pnl().to_string(), "-300.00");
    bot.trades.append(&right).unwrap();
    assert_eq!(bot.guard.observe(&right, worth()), None);
    assert_eq!(monitor().daily_pnl().to_string(), "100.00");
    assert!(!is_allowed(&bot.guard));
    drop(bot);
    assert!(!is_allowed(&guard(&journal, PAPER)));
    assert_eq!(kinds(&journal), [TRIP, STILL, STILL]);
}

/// The first call of a day ends the pause of the day before and has that written. A correction in the same
/// call made the monitor anew out of what had been heard, in which the end was not: it was written twice.
#[test]
fn a_correction_on_the_morning_after_a_pause_ends_it_once() {
    let folder = tempdir().unwrap();
    let clock = noon();
    let journal = journal(folder.path(), &clock);
    let bot = Bot::start(&journal, PAPER);
    lose_three(&bot);
    clock.set(time("2025-10-27T09:00:00Z"));
    let (_, corrected) = both(2, PAPER, "99.98");
    bot.trades.append(&corrected).unwrap();
    assert_eq!(bot.guard.observe(&corrected, worth()), None);
    assert!(is_allowed(&bot.guard));
    assert_eq!(kinds(&journal), [TRIP, RESET]);
    bot.guard.close().unwrap();
    assert!(is_allowed(&guard(&journal, PAPER)));
    assert_eq!(kinds(&journal), [TRIP, RESET]);
}

/// A reset and the next pause wait together for a disk that is full. Hearing the reset in the file must not
/// end the pause that came after it.
#[test]
fn a_reset_that_is_written_late_does_not_end_a_later_pause() {
    let clock = noon();
    let disk = SimDisk::new(11);
    let journal = simulated(&disk, &clock);
    let limits = RiskLimits {
        max_consecutive_losses: Some("1".parse().unwrap()),
        ..limits()
    };
    let open = || RiskGuard::open(&journal, limits, LIVE, Zone::default(), worth()).unwrap();
    let trades = journal.writer().unwrap();
    let bot = Bot {
        trades,
        guard: open(),
        mode: LIVE,
    };
    assert!(bot.trades(1, "99.99").is_some());
    clock.set(time("2025-10-27T09:00:00Z"));
    let full = Injection::new(Fault::Fails(Errno::NoSpace)).on(Op::Write);
    disk.inject(full.in_path("risk-management").for_ever());
    assert_eq!(bot.guard.pause(worth()), None);
    let entry = entry(2, LIVE, "2025-10-27T09:00:01Z");
    let exit = entry.exit(time("2025-10-27T09:00:02Z"), "99.99");
    clock.set(time("2025-10-27T09:00:02Z"));
    for record in [entry.clone(), exit.build().unwrap()] {
        bot.trades.append(&record).unwrap();
        bot.guard.observe(&record, worth());
    }
    assert_eq!(bot.guard.unrecorded(), 2);
    // There is room for one of the two.
    disk.heal();
    let second = Injection::new(Fault::Fails(Errno::NoSpace)).on(Op::Write);
    disk.inject(second.in_path("risk-management").after(1).for_ever());
    clock.advance(Duration::from_secs(2));
    assert!(!is_allowed(&bot.guard));
    disk.heal();
    for _ in 0..3 {
        clock.advance(Duration::from_secs(2));
        assert!(!is_allowed(&bot.guard));
    }
    assert_eq!(kinds(&journal)[..3], [TRIP, RESET, TRIP]);
    drop(bot);
    assert!(open().pause(worth()).is_some());
}

/// Exits in parts of which no decimal holds the sum: the guard could not be opened any more.
#[test]
fn a_trade_that_cannot_be_added_up_pauses_the_day_and_keeps_no_guard_from_opening() {
    let folder = tempdir().unwrap();
    let clock = noon();
    let journal = journal(folder.path(), &clock);
    let bot = Bot::start(&journal, PAPER);
    let entry = entry(1, PAPER, "2025-10-26T12:00:00Z");
    let mut events = Vec::new();
    for (second, price) in [(1, "99.9999999999999999999999999"), (2, "9000000.00")] {
        let at = time("2025-10-26T12:01:00Z").saturating_add(Duration::from_secs(second));
        let exit = entry.exit(at, price).quantity(50).build().unwrap();
        if second == 1 {
            bot.trades.append(&entry).unwrap();
            bot.guard.observe(&entry, worth());
        }
        bot.trades.append(&exit).unwrap();
        events.extend(bot.guard.observe(&exit, worth()));
    }
    assert_eq!(kinds(&journal), [TRIP], "{:?}", bot.guard.troubles());
    assert_eq!(bot.guard.pause(worth()).unwrap().rules, [Rule::InexactSum]);
    drop(bot);
    clock.set(time("2025-10-26T12:02:00Z"));
    let again = guard(&journal, PAPER);
    assert!(again.troubles()[0].contains("order-1"));
    assert!(again.pause(worth()).is_some());
    again
        .reset("looked at the statement", worth())
        .unwrap()
        .unwrap();
    again.close().unwrap();
    // What a person answered is not asked again.
    let again = guard(&journal, PAPER);
    assert!(is_allowed(&again), "{:?}", again.pause(worth()));
}

#[test]
fn a_reset_says_why_without_personal_data() {
    let folder = tempdir().unwrap();
    let journal = journal(folder.path(), &noon());
    let bot = Bot::start(&journal, PAPER);
    lose_three(&bot);
    for (why, text) in [
        (" ", "the reason of a reset must not be blank"),
        (
            "call ann@example.com",
            "the reason of a reset must not have an e-mail address in it",
        ),
    ] {
        let error = bot.guard.reset(why, worth()).unwrap_err();
        assert_eq!(error.to_string(), text);
    }
    assert!(!is_allowed(&bot.guard));
}

#[test]
fn an_exit_that_comes_late_stands_where_it_will_after_a_restart() {
    let folder = tempdir().unwrap();
    let journal = journal(folder.path(), &noon());
    let bot = Bot::start(&journal, PAPER);
    // Order 1 closed first and is told of last: the streak is 2, 3, and not 1.
    let (entry, late) = both(1, PAPER, "101.00");
    bot.trades.append(&entry).unwrap();
    bot.guard.observe(&entry, worth());
    assert_eq!(bot.trades(2, "99.99"), None);
    assert_eq!(bot.trades(3, "99.99"), None);
    bot.trades.append(&late).unwrap();
    assert_eq!(bot.guard.observe(&late, worth()), None);
    assert_eq!(bot.guard.monitor(worth()).consecutive_losses(), 2);
    let event = bot.trades(4, "99.99").unwrap();
    assert_eq!(event.consecutive_losses(), 3);
    drop(bot);
    let after = guard(&journal, PAPER).monitor(worth());
    assert_eq!(after.consecutive_losses(), 3);
}

#[test]
fn after_thousands_of_trades_late_ones_and_resets_among_them_a_restart_finds_the_same() {
    let clock = noon();
    let disk = SimDisk::new(11);
    let journal = simulated(&disk, &clock);
    let limits = RiskLimits {
        max_consecutive_losses: Some("12".parse().unwrap()),
        reset: Reset::ByHand,
        ..limits()
    };
    let worth: PortfolioValue = "1000000".parse().unwrap();
    let open = || RiskGuard::open(&journal, limits, PAPER, Zone::default(), worth).unwrap();
    let trades = journal.writer::<TradeRecord>().unwrap();
    let bot = open();
    let mut resets = 0;
    for number in 0..2600_u64 {
        // The fourth of ten is told after the fifth, the third of a hundred after forty more.
        let number = match (number % 10, number % 100) {
            (_, 2) => number + 1,
            (_, 3..=42) => number + 1,
            (_, 43) => number - 41,
            (3, _) => number + 1,
            (4, _) => number - 1,
            _ => number,
        };
        let price = if number * 7919 % 17 < 2 {
            "100.50"
        } else {
            "99.90"
        };
        let (entry, exit) = both(number, PAPER, price);
        let now = clock.now().max(exit.timestamp());
        clock.set(now.saturating_add(Duration::from_millis(300)));
        for record in [entry, exit] {
            trades.append(&record).unwrap();
            bot.observe(&record, worth);
        }
        if number % 3 == 0 && bot.reset("go on", worth).unwrap().is_some() {
            resets += 1;
        }
        if number % 400 == 399 {
            assert_same(&bot, &open(), worth);
        }
    }
    assert!(5 < resets, "{resets}");
    assert_same(&bot, &open(), worth);
    assert_eq!(bot.troubles(), [""; 0]);
}

#[track_caller]
fn assert_same(running: &RiskGuard, restarted: &RiskGuard, worth: PortfolioValue) {
    let [one, other] = [running, restarted].map(|it| it.monitor(worth));
    let since = |it: &RiskMonitor| it.pause().map(|it| it.since);
    assert_eq!(since(&one), since(&other));
    assert_eq!(one.daily_pnl(), other.daily_pnl());
    assert_eq!(one.consecutive_losses(), other.consecutive_losses());
    assert_eq!(one.losses_since_reset(), other.losses_since_reset());
}

#[test]
fn a_trade_in_parts_counts_once_when_it_closes() {
    let folder = tempdir().unwrap();
    let journal = journal(folder.path(), &noon());
    let bot = Bot::start(&journal, PAPER);
    let entry = entry(1, PAPER, "2025-10-26T12:00:00Z");
    let part = |minute: &str, price| {
        let at: Timestamp = time(&format!("2025-10-26T12:{minute}:00Z"));
        entry.exit(at, price).quantity(50).build().unwrap()
    };
    for record in [&entry, &part("05", "96.00")] {
        bot.trades.append(record).unwrap();
        assert_eq!(bot.guard.observe(record, worth()), None);
    }
    assert!(is_allowed(&bot.guard));
    let last = part("06", "98.00");
    bot.trades.append(&last).unwrap();
    let event = bot.guard.observe(&last, worth()).unwrap();
    assert_eq!(event.daily_pnl().to_string(), "-300.00");
    assert_eq!(event.consecutive_losses(), 1);
}

#[test]
fn the_day_begins_in_the_zone_of_the_guard() {
    let folder = tempdir().unwrap();
    let clock = noon();
    let journal = journal(folder.path(), &clock);
    let trades = journal.writer::<TradeRecord>().unwrap();
    let west = Zone::new(|_| -4 * 3600);
    let open = || RiskGuard::open(&journal, limits(), PAPER, west.clone(), worth()).unwrap();
    let guard = open();
    // At 12:01 of the 26th in UTC; there, 8:01.
    for record in <[TradeRecord; 2]>::from(both(1, PAPER, "97.00")) {
        trades.append(&record).unwrap();
        guard.observe(&record, worth());
    }
    assert!(!is_allowed(&guard));
    clock.set(time("2025-10-27T03:59:59Z"));
    assert!(!is_allowed(&guard));
    assert!(!is_allowed(&open()));
    clock.set(time("2025-10-27T04:00:00Z"));
    assert!(is_allowed(&guard));
    assert!(is_allowed(&open()));
}

#[test]
fn a_reset_of_the_next_day_is_heard_in_that_days_file() {
    let folder = tempdir().unwrap();
    let clock = noon();
    let by_hand = RiskLimits {
        reset: Reset::ByHand,
        ..limits()
    };
    let open = |journal: &Journal| {
        RiskGuard::open(journal, by_hand, LIVE, Zone::default(), worth()).unwrap()
    };
    let bot = open(&journal(folder.path(), &clock));
    for number in 1..=3 {
        for record in <[TradeRecord; 2]>::from(both(number, LIVE, "99.00")) {
            bot.observe(&record, worth());
        }
    }
    assert!(!is_allowed(&bot));
    clock.set(time("2025-10-27T00:00:01Z"));
    assert!(!is_allowed(&bot));
    clock.set(time("2025-10-29T09:00:00Z"));
    let elsewhere = journal(folder.path(), &clock);
    assert_eq!(
        bot.pause(worth()).unwrap().since,
        time("2025-10-26T12:00:00Z")
    );
    open(&elsewhere)
        .reset("over the weekend", worth())
        .unwrap()
        .unwrap();
    assert!(is_allowed(&bot));
    assert_eq!(kinds(&elsewhere), [TRIP, STILL, STILL, RESET]);
}

#[test]
fn events_that_are_not_there_any_more_do_not_count() {
    let folder = tempdir().unwrap();
    let clock = noon();
    let journal = journal(folder.path(), &clock);
    let bot = guard(&journal, LIVE);
    let large = Proposed::new(
        "AAPL".parse().unwrap(),
        6_u16.try_into().unwrap(),
        "100.00".parse().unwrap(),
    );
    assert_ne!(bot.check(&large, worth()), Verdict::Allowed);
    let path = folder.path().join("logs/risk-management/2025-10-26.jsonl");
    let before = fs::metadata(&path).unwrap().len();
    // Another process pauses, for trades that never came to be in the journal.
    let other = guard(&journal, LIVE);
    for record in <[TradeRecord; 2]>::from(both(1, LIVE, "97.00")) {
        other.observe(&record, worth());
    }
    assert!(bot.pause(worth()).is_some());
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(before)
        .unwrap();
    assert!(is_allowed(&bot));
    let troubles = bot.troubles();
    assert!(
        troubles.iter().any(|it| it.contains("2025-10-26.jsonl")),
        "{troubles:?}"
    );
}

#[test]
fn many_threads_share_a_guard() {
    let folder = tempdir().unwrap();
    let journal = journal(folder.path(), &noon());
    let bot = Bot::start(&journal, PAPER);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..50).for_each(|_| assert!(is_allowed(&bot.guard))));
        }
    });
    lose_three(&bot);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..5).for_each(|_| assert!(!is_allowed(&bot.guard))));
        }
    });
    let kinds = kinds(&journal);
    assert_eq!((kinds.len(), kinds[0].as_str()), (21, TRIP));
}

#[test]
fn a_guard_that_cannot_be_opened_says_why() {
    let clock = noon();
    let disk = SimDisk::new(9);
    let journal = simulated(&disk, &clock);
    let trades = journal.writer::<TradeRecord>().unwrap();
    trades
        .append(&entry(1, LIVE, "2025-10-26T12:00:00Z"))
        .unwrap();
    let open = || RiskGuard::open(&journal, limits(), LIVE, Zone::default(), worth());
    let fails = |op| Injection::new(Fault::Fails(Errno::Io)).on(op).for_ever();
    disk.inject(fails(Op::Read).in_path("trades/"));
    assert!(matches!(open(), Err(GuardError::Read(_))));
    disk.heal();
    disk.inject(fails(Op::Lock).in_path("risk-management"));
    assert!(matches!(open(), Err(GuardError::Open(_))));
    disk.heal();
    assert!(open().is_ok());
}

#[test]
fn the_limits_of_a_session_are_those_of_its_guard() {
    let mut settings = Settings::new("1.0.0".parse().unwrap());
    settings.max_position_pct = Some("5".parse().unwrap());
    settings.max_daily_loss_pct = Some("3.0".parse().unwrap());
    settings.max_consecutive_losses = Some(3);
    assert_eq!(RiskLimits::try_from(&settings), Ok(limits()));
    settings.max_daily_loss_pct = Some("-3".parse().unwrap());
    let wrong = RiskLimits::try_from(&settings).unwrap_err();
    assert!(wrong.to_string().contains("got -3"), "{wrong}");
}
