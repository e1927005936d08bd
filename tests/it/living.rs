//! Metrics beside a bot that trades: what is told, when, and what a restart makes of it.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::sample::{journal, noon, stamp};
use tempfile::{TempDir, tempdir};
use tradejournal::books::Zone;
use tradejournal::books::metrics::{
    Basis, BreakevenStreak, Equity, Level, Metric, Rule, RuleParts, ScopeKind, Windows,
};
use tradejournal::bot::{Every, LiveError, LiveMetrics, LiveOptions};
use tradejournal::journal::Journal;
use tradejournal::record::field::{Action, ExecutionMode};
use tradejournal::record::{PerformanceMetric, TradeRecord};
use tradejournal::time::{Clock, ManualClock};

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
        let entry = TradeRecord::entry("AAPL", Action::Buy, 1, "100")
            .at(self.clock.now())
            .order_id(format!("order-{number}").as_str())
            .mode(ExecutionMode::Live)
            .strategy("s", "breakout")
            .because("test")
            .stamp(&stamp())
            .build()
            .unwrap();
        self.clock.advance(Duration::from_secs(60));
        let price = (100 + net).to_string();
        let exit = entry.exit(self.clock.now(), &*price);
        let exit = exit.because("test").build().unwrap();
        [entry, exit]
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
    assert_eq!(bot.told()[3..], [event("resolved", 0, 3), (None, 0, 3)]);
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
fn alerts_that_cannot_be_written_stop_no_trade_and_are_told() {
    let bot = Bot::new(Every::Trade);
    let journal = bot.journal();
    let writer = journal.writer::<TradeRecord>().unwrap();
    let live = LiveMetrics::open(&journal, bot.options()).unwrap();
    std::fs::remove_dir_all(bot.folder.path().join("logs/performance-alerts")).unwrap();
    for number in 0..3 {
        for record in bot.trade(number, -1) {
            assert!(live.append(&writer, &record).unwrap().durable);
        }
    }
    assert!(live.close().is_err());
    assert_eq!(writer.lines(), 6);
    // The next run tells how it stands.
    writer.close().unwrap();
    bot.run(&[]);
    assert_eq!(bot.told(), [event("fired", 3, 3), (None, 3, 3)]);
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
