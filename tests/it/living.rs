//! Metrics beside a bot that trades: what is told, when, and what a restart makes of it.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::sample::{journal, noon, simulated, stamp};
use tempfile::{TempDir, tempdir};
use tradejournal::books::Zone;
use tradejournal::books::metrics::{
    Basis, BreakevenStreak, Equity, Level, Metric, Rule, RuleParts, ScopeKind, Windows,
};
use tradejournal::bot::{Every, LiveError, LiveMetrics, LiveOptions};
use tradejournal::disk::sim::{Errno, Fault, Injection, Op, SimDisk};
use tradejournal::journal::{AppendError, Journal};
use tradejournal::record::field::{Action, ExecutionMode};
use tradejournal::record::{PerformanceMetric, TradeRecord};
use tradejournal::time::{Clock, ManualClock, Timestamp};

struct Bot {
    folder: TempDir,
    clock: Arc<ManualClock>,
    every: Every,
}

impl Bot {
    fn new(every: Every) -> Bot {
        Bot {
            folder: tempdir().unwrap(),
            clock: noon(),
            every,
        }
    }

    fn journal(&self) -> Journal {
        journal(self.folder.path(), &self.clock)
    }

    fn options(&self) -> LiveOptions {
        let window = NonZeroU32::new(3).unwrap();
        let parts = RuleParts {
            id: "streak".parse().unwrap(),
            metric: Metric::ConsecutiveLosses,
            threshold: 2.into(),
            clear: None,
            min_trades: None,
            cooldown_trades: 0,
            cooldown: Duration::ZERO,
            remind_trades: None,
            level: Level::Critical,
        };
        LiveOptions {
            windows: Windows {
                window,
                equity: Equity::new(1000.into()).unwrap(),
                basis: Basis::Net,
                breakeven: BreakevenStreak::Ends,
            },
            scopes: vec![ScopeKind::All],
            rules: vec![Rule::new(parts, window).unwrap()],
            every: self.every,
            zone: Zone::default(),
        }
    }

    /// An entry now and its exit a minute later, which earns `net` dollars.
    fn trade(&self, number: u64, net: i64) -> [TradeRecord; 2] {
        let entered = self.clock.now();
        self.clock.advance(Duration::from_secs(60));
        trade(&format!("order-{number}"), entered, self.clock.now(), net)
    }

    /// Trades that are journaled and not counted: the bot was killed in between.
    fn uncounted(&self, trades: &[[TradeRecord; 2]]) {
        let writer = self.journal().writer::<TradeRecord>().unwrap();
        for record in trades.iter().flatten() {
            writer.append(record).unwrap();
        }
        writer.close().unwrap();
    }

    /// A run of the bot over these records.
    fn records_come(&self, records: &[[TradeRecord; 2]]) {
        let journal = self.journal();
        let writer = journal.writer::<TradeRecord>().unwrap();
        let live = LiveMetrics::open(&journal, self.options()).unwrap();
        for record in records.iter().flatten() {
            live.append(&writer, record).unwrap();
        }
        assert_eq!(live.troubles(), [""; 0]);
        live.close().unwrap();
        writer.close().unwrap();
    }

    /// A run of the bot, in which these trades are made.
    fn run(&self, trades: &[(u64, i64)]) -> Vec<String> {
        let journal = self.journal();
        let writer = journal.writer::<TradeRecord>().unwrap();
        let live = LiveMetrics::open(&journal, self.options()).unwrap();
        for (number, net) in trades {
            for record in self.trade(*number, *net) {
                live.append(&writer, &record).unwrap();
            }
        }
        let troubles = live.troubles();
        live.close().unwrap();
        writer.close().unwrap();
        troubles
    }

    /// What the stream has: event, streak and trades.
    fn told(&self) -> Vec<(Option<String>, u32, u32)> {
        self.records()
            .iter()
            .map(|it| {
                let event = it.event().map(|it| it.to_string());
                (event, it.consecutive_losses(), it.total_trades())
            })
            .collect()
    }

    fn records(&self) -> Vec<PerformanceMetric> {
        let read = self.journal().read::<PerformanceMetric>();
        read.iter().map(|it| it.unwrap().record).collect()
    }
}

/// An entry and its exit, which earns `net` dollars.
fn trade(order_id: &str, entered: Timestamp, exited: Timestamp, net: i64) -> [TradeRecord; 2] {
    let entry = TradeRecord::entry("AAPL", Action::Buy, 1, "100")
        .at(entered)
        .order_id(order_id)
        .account("joe@example.com")
        .mode(ExecutionMode::Live)
        .strategy("s", "breakout")
        .because("test")
        .stamp(&stamp())
        .build()
        .unwrap();
    let exit = entry.exit(exited, &*(100 + net).to_string());
    let exit = exit.because("test").build().unwrap();
    [entry, exit]
}

/// A trade that closes so many minutes after noon.
fn closing(minute: u64, net: i64) -> [TradeRecord; 2] {
    let noon = noon().now();
    let at = noon.saturating_add(Duration::from_secs(60 * minute));
    trade(&format!("at-{minute}-{net}"), noon, at, net)
}

fn metrics(losses: u32, trades: u32) -> (Option<String>, u32, u32) {
    (None, losses, trades)
}

/// Until the alerts have failed.
fn wait_for_trouble(live: &LiveMetrics) -> Vec<String> {
    loop {
        let troubles = live.troubles();
        if !troubles.is_empty() {
            return troubles;
        }
        std::thread::yield_now();
    }
}

fn event(event: &str, losses: u32, trades: u32) -> (Option<String>, u32, u32) {
    (Some(event.to_owned()), losses, trades)
}

#[test]
fn a_rule_tells_once_that_it_fires_and_once_that_it_is_over() {
    let bot = Bot::new(Every::Alert);
    assert!(
        bot.run(&[(1, 5), (2, -1), (3, -1), (4, -1), (5, 2)])
            .is_empty()
    );
    assert_eq!(bot.told(), [event("fired", 2, 3), event("resolved", 0, 3)]);
    let fired = &bot.records()[0];
    assert!(fired.alert_triggered());
    assert_eq!(fired.rule_id(), Some("streak"));
    assert_eq!(fired.scope(), Some("all"));
    assert_eq!(fired.execution_mode(), Some(ExecutionMode::Live));
    assert_eq!(
        fired.alert_message(),
        Some(
            "critical: losses in a row of the last 3 trades of all is 2, at or above 2 (order #order-3)"
        )
    );
    assert!(!bot.records()[1].alert_triggered());
}

#[test]
fn a_restart_tells_nothing_again_and_goes_on_where_it_stood() {
    let bot = Bot::new(Every::Alert);
    bot.run(&[(1, -1), (2, -1)]);
    assert_eq!(bot.told().len(), 1);
    for _ in 0..3 {
        bot.run(&[]);
        assert_eq!(bot.told().len(), 1);
    }
    bot.run(&[(3, -1)]);
    assert_eq!(bot.told().len(), 1);
    bot.run(&[(4, 1)]);
    assert_eq!(bot.told(), [event("fired", 2, 2), event("resolved", 0, 3)]);
}

/// The bot was killed after its trade was on disk and before the alert was.
#[test]
fn what_a_crash_kept_from_being_told_is_told_once() {
    let bot = Bot::new(Every::Alert);
    bot.run(&[(1, -1)]);
    let writer = bot.journal().writer::<TradeRecord>().unwrap();
    for record in bot.trade(2, -1) {
        writer.append(&record).unwrap();
    }
    writer.close().unwrap();
    assert_eq!(bot.told(), []);
    bot.run(&[]);
    bot.run(&[]);
    assert_eq!(bot.told(), [event("fired", 2, 2)]);
}

#[test]
fn a_corrected_exit_moves_the_windows_and_is_told() {
    let bot = Bot::new(Every::Alert);
    let journal = bot.journal();
    let writer = journal.writer::<TradeRecord>().unwrap();
    let live = LiveMetrics::open(&journal, bot.options()).unwrap();
    for record in bot.trade(1, -1) {
        live.append(&writer, &record).unwrap();
    }
    let [entry, exit] = bot.trade(2, -1);
    for record in [&entry, &exit] {
        live.append(&writer, record).unwrap();
    }
    // The same order and time: the broker had told a wrong price.
    let corrected = entry.exit(exit.timestamp(), "103").because("corrected");
    live.append(&writer, &corrected.build().unwrap()).unwrap();
    assert_eq!(live.troubles(), [""; 0]);
    live.close().unwrap();
    writer.close().unwrap();
    assert_eq!(bot.told(), [event("fired", 2, 2), event("resolved", 0, 2)]);
}

#[test]
fn the_metrics_of_every_trade_are_journaled_when_that_is_asked_for() {
    let bot = Bot::new(Every::Trade);
    bot.run(&[(1, -1), (2, -1)]);
    let expected = [(None, 1, 1), (None, 2, 2), event("fired", 2, 2)];
    assert_eq!(bot.told(), expected);
    bot.run(&[]);
    assert_eq!(bot.told(), expected);
    // A trade that a crash kept from being counted.
    let writer = bot.journal().writer::<TradeRecord>().unwrap();
    for record in bot.trade(3, 1) {
        writer.append(&record).unwrap();
    }
    writer.close().unwrap();
    bot.run(&[]);
    bot.run(&[]);
    assert_eq!(bot.told()[3..], [metrics(0, 3), event("resolved", 0, 3)]);
}

#[test]
fn the_last_metrics_of_each_day_are_journaled_when_that_is_asked_for() {
    let bot = Bot::new(Every::Day);
    let day = Duration::from_secs(24 * 3600);
    bot.run(&[(1, 1), (2, -1)]);
    assert_eq!(bot.told(), []);
    bot.clock.advance(day);
    // On the next day it is due, whether a trade comes or not.
    bot.run(&[]);
    assert_eq!(bot.told(), [(None, 1, 2)]);
    bot.run(&[(3, 1), (4, 2)]);
    bot.clock.advance(day);
    bot.run(&[(5, -1)]);
    assert_eq!(bot.told(), [(None, 1, 2), (None, 0, 3)]);
    bot.run(&[]);
    assert_eq!(bot.told().len(), 2);
}

#[test]
fn every_day_that_a_crash_held_back_has_its_metrics() {
    let bot = Bot::new(Every::Day);
    let day = |days: u64, minute, net| closing(days * 24 * 60 + minute, net);
    let next = || bot.clock.advance(Duration::from_secs(24 * 3600));
    bot.records_come(&[day(0, 1, 1)]);
    next();
    bot.run(&[]);
    assert_eq!(bot.told(), [metrics(0, 1)]);
    bot.uncounted(&[day(1, 1, -1), day(1, 2, 1)]);
    next();
    bot.uncounted(&[day(2, 1, -1)]);
    next();
    let expected = [metrics(0, 1), metrics(0, 3), metrics(1, 3)];
    for _ in 0..2 {
        bot.run(&[]);
        assert_eq!(bot.told(), expected);
    }
    // A correction of a day that is over.
    let [entry, exit] = day(2, 1, -1);
    let corrected = entry.exit(exit.timestamp(), "102").because("corrected");
    bot.records_come(&[[entry.clone(), corrected.build().unwrap()]]);
    assert_eq!(bot.told()[3..], [metrics(0, 3)]);
}

#[test]
fn alerts_that_cannot_be_written_stop_no_trade_and_are_told() {
    let bot = Bot::new(Every::Trade);
    let journal = bot.journal();
    let writer = journal.writer::<TradeRecord>().unwrap();
    let live = LiveMetrics::open(&journal, bot.options()).unwrap();
    let folder = bot.folder.path().join("logs/performance-alerts");
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::File::create(&folder).unwrap();
    for number in 0..3 {
        for record in bot.trade(number, -1) {
            assert!(live.append(&writer, &record).unwrap().durable);
        }
    }
    // The first failure is told by the end as well, when it has been asked for.
    wait_for_trouble(&live);
    let error = live.close().unwrap_err();
    assert!(matches!(error, LiveError::Append(_)), "{error:?}");
    assert_eq!(writer.lines(), 6);
    // The next run tells how it stands.
    writer.close().unwrap();
    std::fs::remove_file(&folder).unwrap();
    bot.run(&[]);
    assert_eq!(bot.told(), [metrics(3, 3), event("fired", 3, 3)]);
}

/// One failed write ended the writer, and every later alert was lost with it until the next start, where a
/// rule that had fired and was over by then was told neither way.
#[test]
fn alerts_of_a_time_when_the_disk_failed_are_journaled_when_it_recovers() {
    for (op, fault) in [
        (Op::Write, Errno::NoSpace),
        (Op::Write, Errno::Io),
        // The lines may be there: they must not be written twice.
        (Op::Sync, Errno::Io),
    ] {
        let bot = Bot::new(Every::Alert);
        let disk = SimDisk::new(1);
        let journal = simulated(&disk, &bot.clock);
        let writer = journal.writer::<TradeRecord>().unwrap();
        let live = LiveMetrics::open(&journal, bot.options()).unwrap();
        let append = |number, net| {
            for record in bot.trade(number, net) {
                live.append(&writer, &record).unwrap();
            }
        };
        let fails = Injection::new(Fault::Fails(fault)).on(op);
        disk.inject(fails.in_path("performance-alerts").for_ever());
        append(1, -1);
        append(2, -1);
        let troubles = wait_for_trouble(&live);
        assert!(
            troubles[0].starts_with("write the performance alerts: append to performance-alerts"),
            "{troubles:?}"
        );
        append(3, 1);
        disk.heal();
        live.close().unwrap();
        let read = journal.read::<PerformanceMetric>();
        let told: Vec<_> = read
            .iter()
            .map(|it| it.unwrap().record.event().unwrap().to_string())
            .collect();
        assert_eq!(told, ["fired", "resolved"], "{op:?} {fault:?}");
    }
}

/// What was refused counted as told, and the end of the run had nothing to say of it.
#[test]
fn an_alert_that_is_refused_is_told_by_the_end_and_keeps_no_other_one() {
    let bot = Bot::new(Every::Trade);
    let journal = bot.journal();
    let mut options = bot.options();
    // An account that is called like an address is personal data in a scope.
    options.scopes = vec![ScopeKind::Account, ScopeKind::All];
    let live = LiveMetrics::open(&journal, options).unwrap();
    for record in (1..=20).flat_map(|it| bot.trade(it, 1)) {
        live.observe(&record);
    }
    wait_for_trouble(&live);
    let error = live.close().unwrap_err();
    let LiveError::Append(AppendError::Refused { .. }) = error else {
        panic!("{error:?}");
    };
    assert_eq!(bot.told().len(), 20);
}

/// The journal took the order's id in the message for the number of a card.
#[test]
fn an_order_that_is_numbered_like_a_card_is_told() {
    let bot = Bot::new(Every::Alert);
    let begin = bot.clock.now();
    let at = |secs| begin.saturating_add(Duration::from_secs(secs));
    let trades = [
        trade("1", begin, at(60), -1),
        trade("4111111111111111", begin, at(120), -1),
    ];
    bot.records_come(&trades);
    assert_eq!(bot.told(), [event("fired", 2, 2)]);
    let message = bot.records()[0].alert_message().unwrap().to_owned();
    assert!(message.ends_with("(order #4111111111111111)"), "{message}");
}

/// Exits were counted as they came, and after a restart in the order in which they had happened: the rule
/// stood otherwise, and the restart told that it was over.
#[test]
fn an_exit_that_comes_late_is_counted_where_it_belongs() {
    for (every, expected) in [
        (Every::Alert, vec![]),
        (
            Every::Trade,
            vec![metrics(1, 1), metrics(0, 2), metrics(0, 3), metrics(1, 3)],
        ),
    ] {
        let bot = Bot::new(every);
        let late = [
            closing(1, -1),
            closing(3, 1),
            closing(2, -1),
            closing(4, -1),
        ];
        bot.records_come(&late);
        assert_eq!(bot.told(), expected);
        bot.run(&[]);
        assert_eq!(bot.told(), expected);
        // And a rule that stands otherwise then tells so at once.
        bot.records_come(&[closing(6, 1), closing(5, -1)]);
        bot.records_come(&[closing(8, -1), closing(7, -1)]);
        assert_eq!(bot.told().last(), Some(&event("fired", 2, 3)));
        if every == Every::Alert {
            let records = bot.records();
            assert_eq!(
                records.last().unwrap().alert_message(),
                Some(
                    "critical: losses in a row of the last 3 trades of all is 2; it has fired at or above 2 \
                     and is not back at 0 (order #at-8--1)"
                )
            );
        }
        let told = bot.told();
        bot.run(&[]);
        assert_eq!(bot.told(), told);
    }
}

/// One metric a window was kept for what a crash had held back, and of a rule how it stood in the end: what
/// had come and gone in between was told neither way.
#[test]
fn all_that_a_crash_held_back_is_told() {
    let bot = Bot::new(Every::Trade);
    bot.records_come(&[closing(1, 1)]);
    // Two close at one instant; the stream has the first.
    bot.uncounted(&[
        closing(2, -1),
        closing(3, -1),
        closing(3, -2),
        closing(4, 1),
    ]);
    bot.run(&[]);
    let expected = [
        metrics(0, 1),
        metrics(1, 2),
        metrics(2, 3),
        event("fired", 2, 3),
        metrics(3, 3),
        metrics(0, 3),
        event("resolved", 0, 3),
    ];
    assert_eq!(bot.told(), expected);
    bot.run(&[]);
    assert_eq!(bot.told(), expected);
}

#[test]
fn the_second_of_two_trades_that_close_at_one_instant_is_told_after_a_crash() {
    let bot = Bot::new(Every::Trade);
    bot.records_come(&[closing(1, 1), closing(2, 1)]);
    bot.uncounted(&[closing(2, 2)]);
    for _ in 0..2 {
        bot.run(&[]);
        assert_eq!(bot.told(), [metrics(0, 1), metrics(0, 2), metrics(0, 3)]);
    }
}

#[test]
fn a_rule_that_fired_and_was_over_within_a_crash_is_told_both_ways() {
    let bot = Bot::new(Every::Alert);
    bot.records_come(&[closing(1, -1), closing(2, -1), closing(3, 1)]);
    let before = [event("fired", 2, 2), event("resolved", 0, 3)];
    assert_eq!(bot.told(), before);
    bot.uncounted(&[closing(4, -1), closing(5, -1), closing(6, 1)]);
    for _ in 0..2 {
        bot.run(&[]);
        assert_eq!(bot.told()[..2], before);
        assert_eq!(
            bot.told()[2..],
            [event("fired", 2, 3), event("resolved", 0, 3)]
        );
    }
    let times: Vec<_> = bot.records().iter().map(|it| it.timestamp()).collect();
    assert_eq!(times[2..], [5, 6].map(|it| closing(it, 0)[1].timestamp()));
}

/// A rule that is new cannot be told from one that had nothing to tell: of both it is told how they stand.
#[test]
fn a_rule_that_the_stream_does_not_know_tells_how_it_stands_alone() {
    let bot = Bot::new(Every::Alert);
    bot.uncounted(&[
        closing(1, -1),
        closing(2, -1),
        closing(3, 1),
        closing(4, -1),
        closing(5, -1),
    ]);
    bot.run(&[]);
    assert_eq!(bot.told(), [event("fired", 2, 3)]);
}

#[test]
fn a_correction_is_in_the_metrics_of_every_trade() {
    let bot = Bot::new(Every::Trade);
    let [entry, exit] = closing(2, 1);
    bot.records_come(&[closing(1, 1), [entry.clone(), exit.clone()]]);
    let right = |price: &str| {
        let corrected = entry.exit(exit.timestamp(), price).because("corrected");
        [entry.clone(), corrected.build().unwrap()]
    };
    bot.records_come(&[right("97")]);
    assert_eq!(bot.told()[2..], [metrics(1, 2)]);
    // Also when a crash came between the correction and its metrics.
    bot.uncounted(&[right("103")]);
    for _ in 0..2 {
        bot.run(&[]);
        assert_eq!(bot.told()[3..], [metrics(0, 2)]);
    }
}

/// It made the start fail for ever, in the words of a failed look at the trades.
#[test]
fn a_damaged_alert_is_left_out_and_told() {
    let bot = Bot::new(Every::Alert);
    bot.run(&[(1, -1), (2, -1), (3, 1)]);
    let logs = bot.folder.path().join("logs");
    let path = logs.join("performance-alerts/2025-10-26.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let damaged = text.replacen("\"timestamp\":", "\"timestump\":", 1);
    std::fs::write(&path, damaged).unwrap();
    let journal = bot.journal();
    let live = LiveMetrics::open(&journal, bot.options()).unwrap();
    let troubles = live.troubles();
    assert_eq!(troubles.len(), 1);
    assert!(
        troubles[0].starts_with("not known as told: bad record at "),
        "{troubles:?}"
    );
    live.close().unwrap();
}

#[test]
fn a_damaged_trade_is_left_out_and_told() {
    let bot = Bot::new(Every::Alert);
    bot.run(&[(1, -1), (2, -1)]);
    let path = bot.folder.path().join("logs/trades/2025-10-26.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let text = format!("{}\n{}\n{}\n{{}}\n", lines[0], lines[1], lines[2]);
    std::fs::write(&path, text).unwrap();
    let journal = bot.journal();
    let live = LiveMetrics::open(&journal, bot.options()).unwrap();
    let troubles = live.troubles();
    assert_eq!(troubles.len(), 1);
    assert!(
        troubles[0].starts_with("not counted: bad record at "),
        "{troubles:?}"
    );
    live.close().unwrap();
}

#[test]
fn a_stream_that_somebody_else_holds_is_refused_at_the_start() {
    let bot = Bot::new(Every::Alert);
    let journal = bot.journal();
    let held = journal.writer::<PerformanceMetric>().unwrap();
    let refused = LiveMetrics::open(&journal, bot.options());
    assert!(matches!(refused, Err(LiveError::Open(_))), "{refused:?}");
    held.close().unwrap();
}

#[test]
fn rules_that_do_not_go_together_are_refused_at_the_start() {
    let bot = Bot::new(Every::Alert);
    let mut options = bot.options();
    options.rules.extend(bot.options().rules);
    let refused = LiveMetrics::open(&bot.journal(), options).unwrap_err();
    let rule = std::error::Error::source(&refused).unwrap().to_string();
    assert_eq!(rule, "rule streak: another rule has this id");
    let mut options = bot.options();
    options.windows.window = NonZeroU32::new(4).unwrap();
    let refused = LiveMetrics::open(&bot.journal(), options);
    assert!(matches!(refused, Err(LiveError::Rule(_))), "{refused:?}");
}
