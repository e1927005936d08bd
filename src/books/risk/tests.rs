//! The limits on hand-written numbers, and a monitor that runs on against one that is rebuilt.

use std::time::Duration;

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::books::{ClosedTrade, Zone};
use crate::record::RiskEvent;
use crate::record::field::{Action, ExecutionMode, RiskSeverity};
use crate::time::Timestamp;

const LIVE: ExecutionMode = ExecutionMode::Live;
const PAPER: ExecutionMode = ExecutionMode::Paper;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// An hour and a minute of 2025-10-27.
fn at(clock: &str) -> Timestamp {
    time(&format!("2025-10-27T{clock}:00Z"))
}

fn value(text: &str) -> PortfolioValue {
    text.parse().unwrap()
}

/// 5 % in a position, 3 % lost a day, 3 losses in a row.
fn limits() -> RiskLimits {
    RiskLimits {
        max_position_pct: Some("5".parse().unwrap()),
        max_daily_loss_pct: Some("3".parse().unwrap()),
        max_consecutive_losses: Some("3".parse().unwrap()),
        reset: Reset::NextDay,
    }
}

fn daily_alone() -> RiskLimits {
    RiskLimits {
        max_consecutive_losses: None,
        ..limits()
    }
}

fn streak_alone() -> RiskLimits {
    RiskLimits {
        max_daily_loss_pct: None,
        ..limits()
    }
}

fn by_hand(limits: RiskLimits) -> RiskLimits {
    RiskLimits {
        reset: Reset::ByHand,
        ..limits
    }
}

fn monitor(limits: RiskLimits) -> RiskMonitor {
    RiskMonitor::new(limits, LIVE, Zone::default(), at("00:00"))
}

fn closed(exited: Timestamp, net: &str) -> ClosedTrade {
    let net: Decimal = net.parse().unwrap();
    ClosedTrade {
        order_id: "order-1".parse().unwrap(),
        mode: LIVE,
        account_id: None,
        symbol: "AAPL".parse().unwrap(),
        strategy: "bull-flag-breakout".into(),
        direction: Action::Buy,
        entered: None,
        exited,
        quantity: 10,
        entry_price: None,
        exit_price: "150".parse().unwrap(),
        stop_loss: None,
        gross: net,
        net,
        commission: Decimal::ZERO,
        entry_commission: Decimal::ZERO,
        slippage: Decimal::ZERO,
        exits: 1,
        has_entry: false,
        label_conflict: false,
        place: 0,
    }
}

/// What was proposed: so many shares of AAPL at that price.
fn shares(quantity: u16, price: &str) -> Proposed {
    Proposed::new(
        "AAPL".parse().unwrap(),
        quantity.try_into().unwrap(),
        price.parse().unwrap(),
    )
}

/// Closes a trade at that time of the day, of a portfolio of 10,000.
fn close(monitor: &mut RiskMonitor, clock: &str, net: &str) -> Option<RiskEvent> {
    monitor.observe(&closed(at(clock), net), value("10000"), at(clock))
}

fn check(monitor: &mut RiskMonitor, now: Timestamp) -> Option<RiskEvent> {
    match monitor.check(&shares(1, "100"), value("10000"), now) {
        Verdict::Allowed => None,
        Verdict::Rejected(event) => Some(*event),
    }
}

/// A member of an event's snapshot.
fn told(event: &RiskEvent, name: &str) -> serde_json::Value {
    let snapshot = event.config_snapshot().as_str();
    serde_json::from_str::<serde_json::Value>(snapshot).unwrap()[name].clone()
}

fn kind(event: &RiskEvent) -> (&str, &str) {
    (event.event_type().as_str(), event.action_taken().as_str())
}

const TRIP: (&str, &str) = ("circuit_breaker_trip", "trading_paused");
const RESET: (&str, &str) = ("circuit_breaker_reset", "trading_resumed");
const STILL: (&str, &str) = ("check_while_paused", "position_rejected");
const TOO_LARGE: (&str, &str) = ("position_limit_exceeded", "position_rejected");

#[test]
fn a_position_of_exactly_the_limit_is_allowed_and_one_cent_more_is_not() {
    let mut monitor = monitor(limits());
    let mut ask =
        |proposed: &Proposed, worth: &str| monitor.check(proposed, value(worth), at("10:00"));
    // 5 % of 10,000 are 500.
    assert_eq!(ask(&shares(5, "100.00"), "10000"), Verdict::Allowed);
    assert_eq!(ask(&shares(1, "500"), "10000.000"), Verdict::Allowed);
    let Verdict::Rejected(event) = ask(&shares(1, "500.01"), "10000") else {
        panic!("one cent too many was allowed");
    };
    assert_eq!(kind(&event), TOO_LARGE);
    assert_eq!(event.severity(), RiskSeverity::Warning);
    assert_eq!(event.timestamp(), at("10:00"));
    assert_eq!(
        event.config_snapshot().as_str(),
        "{\"execution_mode\":\"LIVE\",\"rules\":[\"position_limit\"],\"max_position_pct\":\"5\",\
         \"portfolio_value\":\"10000\",\"day\":\"2025-10-27\",\"symbol\":\"AAPL\",\"quantity\":1,\
         \"price\":\"500.01\",\"position_value\":\"500.01\"}"
    );
    // The same order in a portfolio that is worth less.
    assert_ne!(ask(&shares(5, "100.00"), "9999.99"), Verdict::Allowed);
    // What is open in the symbol counts, long or short.
    let held = |it: &str| shares(2, "100.00").held(it.parse().unwrap());
    assert_eq!(ask(&held("300.00"), "10000"), Verdict::Allowed);
    assert_ne!(ask(&held("300.01"), "10000"), Verdict::Allowed);
    assert_eq!(ask(&held("-300.00"), "10000"), Verdict::Allowed);
    let Verdict::Rejected(event) = ask(&held("-300.01"), "10000") else {
        panic!("a short position is at risk too");
    };
    assert_eq!(told(&event, "held"), "-300.01");
    assert_eq!(told(&event, "position_value"), "500.01");
    // A rejected position pauses nothing.
    assert_eq!(monitor.pause(), None);
    assert_eq!(check(&mut monitor, at("10:01")), None);
}

#[test]
fn a_position_whose_value_no_decimal_holds_is_rejected() {
    let mut monitor = monitor(limits());
    let most = "79228162514264337593543950335";
    let proposed = shares(10_000, most);
    assert_eq!(proposed.position_value(), None);
    let Verdict::Rejected(event) = monitor.check(&proposed, value(most), at("10:00")) else {
        panic!("what cannot be decided was allowed");
    };
    assert_eq!(kind(&event), TOO_LARGE);
    assert!(told(&event, "position_value").is_null());
}

#[test]
fn nothing_is_limited_without_limits() {
    let mut monitor = monitor(RiskLimits::default());
    for minute in 10..60 {
        let minute = format!("10:{minute}");
        assert_eq!(close(&mut monitor, &minute, "-5000"), None);
    }
    let verdict = monitor.check(&shares(10_000, "9999"), value("1"), at("11:00"));
    assert_eq!(verdict, Verdict::Allowed);
    assert_eq!(monitor.consecutive_losses(), 50);
    assert_eq!(monitor.daily_pnl().to_string(), "-250000");
}

#[test]
fn trading_pauses_when_exactly_the_limit_of_the_day_is_lost() {
    // 3 % of 10,000 are 300.
    let mut monitor = monitor(daily_alone());
    assert_eq!(close(&mut monitor, "10:00", "-299.99"), None);
    assert_eq!(check(&mut monitor, at("10:01")), None);
    let event = close(&mut monitor, "10:02", "-0.01").unwrap();
    assert_eq!(kind(&event), TRIP);
    assert_eq!(event.severity(), RiskSeverity::Critical);
    assert_eq!(event.daily_pnl().to_string(), "-300.00");
    assert_eq!(event.daily_pnl_pct().to_string(), "-3.0000");
    assert_eq!(event.consecutive_losses(), 2);
    assert_eq!(
        event.config_snapshot().as_str(),
        "{\"execution_mode\":\"LIVE\",\"rules\":[\"daily_loss\"],\"max_daily_loss_pct\":\"3\",\
         \"reset\":\"next-day\",\"portfolio_value\":\"10000\",\"day\":\"2025-10-27\",\
         \"losses_since_reset\":2}"
    );
    // A check while paused is rejected, and is no second trip; neither is another loss one, or a win the
    // end of it.
    let event = check(&mut monitor, at("10:03")).unwrap();
    assert_eq!(kind(&event), STILL);
    assert_eq!(event.severity(), RiskSeverity::Warning);
    assert_eq!(told(&event, "paused_since"), "2025-10-27T10:02:00.000Z");
    assert_eq!(told(&event, "symbol"), "AAPL");
    assert_eq!(close(&mut monitor, "10:04", "-500"), None);
    assert_eq!(close(&mut monitor, "10:05", "900"), None);
    assert_eq!(monitor.daily_pnl().to_string(), "100.00");
    assert_eq!(kind(&check(&mut monitor, at("10:06")).unwrap()), STILL);
}

#[test]
fn the_day_is_what_all_its_trades_come_to() {
    let mut monitor = monitor(daily_alone());
    assert_eq!(close(&mut monitor, "10:00", "250"), None);
    assert_eq!(close(&mut monitor, "10:01", "-400"), None);
    assert_eq!(close(&mut monitor, "10:02", "-149.99"), None);
    let event = close(&mut monitor, "10:03", "-0.01").unwrap();
    assert_eq!(event.daily_pnl().to_string(), "-300.00");
}

#[test]
fn a_portfolio_that_shrank_pauses_at_the_next_check() {
    let mut monitor = monitor(daily_alone());
    assert_eq!(close(&mut monitor, "10:00", "-290"), None);
    let mut ask = |worth: &str| monitor.check(&shares(1, "100"), value(worth), at("10:01"));
    assert_eq!(ask("9666.67"), Verdict::Allowed);
    let Verdict::Rejected(event) = ask("9666.66") else {
        panic!("290 are more than 3 % of 9,666.66");
    };
    assert_eq!(kind(&event), TRIP);
    assert_eq!(told(&event, "portfolio_value"), "9666.66");
}

#[test]
fn a_streak_of_exactly_the_limit_pauses_and_breakeven_ends_a_streak() {
    let mut monitor = monitor(streak_alone());
    for (clock, net, losses) in [
        ("10:00", "-1", 1),
        ("10:01", "-1", 2),
        ("10:02", "0.00", 0),
        ("10:03", "-0.01", 1),
        ("10:04", "-900", 2),
        ("10:05", "0.01", 0),
        ("10:06", "-1", 1),
        ("10:07", "-1", 2),
    ] {
        assert_eq!(close(&mut monitor, clock, net), None, "{clock}");
        assert_eq!(monitor.consecutive_losses(), losses, "{clock}");
    }
    let event = close(&mut monitor, "10:08", "-1").unwrap();
    assert_eq!(kind(&event), TRIP);
    assert_eq!(event.consecutive_losses(), 3);
    assert_eq!(told(&event, "rules"), serde_json::json!(["losing_streak"]));
    assert_eq!(told(&event, "max_consecutive_losses"), 3);
}

#[test]
fn both_limits_of_a_pause_are_named() {
    let mut monitor = monitor(limits());
    assert_eq!(close(&mut monitor, "10:00", "-1"), None);
    assert_eq!(close(&mut monitor, "10:01", "-1"), None);
    let event = close(&mut monitor, "10:02", "-298").unwrap();
    let both = serde_json::json!(["daily_loss", "losing_streak"]);
    assert_eq!(told(&event, "rules"), both);
    assert_eq!(
        monitor.pause().unwrap().rules,
        [Rule::DailyLoss, Rule::LosingStreak]
    );
}

#[test]
fn the_next_day_resumes_and_begins_both_counts_anew() {
    let mut monitor = monitor(limits());
    for clock in ["23:50", "23:51", "23:52"] {
        close(&mut monitor, clock, "-100");
    }
    assert!(monitor.pause().is_some());
    let worth = value("10000");
    assert_eq!(monitor.turn(worth, time("2025-10-27T23:59:59.999Z")), None);
    let midnight = time("2025-10-28T00:00:00Z");
    let event = monitor.turn(worth, midnight).unwrap();
    assert_eq!(kind(&event), RESET);
    assert_eq!(told(&event, "reset_by"), "next-day");
    assert_eq!(told(&event, "paused_since"), "2025-10-27T23:52:00.000Z");
    assert_eq!(event.daily_pnl().to_string(), "0");
    assert_eq!(event.daily_pnl_pct().to_string(), "0.0000");
    // The streak is what it is; what counts against the limit begins anew.
    assert_eq!(event.consecutive_losses(), 3);
    assert_eq!(monitor.losses_since_reset(), 0);
    assert_eq!(monitor.turn(worth, midnight), None);
    assert_eq!(check(&mut monitor, midnight), None);
    for (minute, trips) in [(1, false), (2, false), (3, true)] {
        let now = time(&format!("2025-10-28T10:0{minute}:00Z"));
        let event = monitor.observe(&closed(now, "-1"), worth, now);
        assert_eq!(event.is_some(), trips);
    }
    assert_eq!(monitor.consecutive_losses(), 6);
}

#[test]
fn a_check_begins_the_next_day_by_itself() {
    let mut monitor = monitor(daily_alone());
    close(&mut monitor, "23:50", "-300").unwrap();
    assert!(check(&mut monitor, at("23:59")).is_some());
    assert_eq!(check(&mut monitor, time("2025-10-28T00:00:00Z")), None);
    // The clock was set back: the day does not come back.
    assert_eq!(check(&mut monitor, at("23:59")), None);
    assert_eq!(monitor.day().to_string(), "2025-10-28");
}

#[test]
fn a_pause_that_only_a_person_ends_outlives_the_day() {
    let mut monitor = monitor(by_hand(daily_alone()));
    close(&mut monitor, "23:50", "-300").unwrap();
    let later = time("2025-11-27T10:00:00Z");
    assert_eq!(monitor.turn(value("10000"), later), None);
    let event = check(&mut monitor, later).unwrap();
    assert_eq!(kind(&event), STILL);
    assert_eq!(event.daily_pnl(), "0".parse().unwrap());
    let event = monitor
        .reset("looked at it", value("10000"), later)
        .unwrap();
    assert_eq!(kind(&event), RESET);
    assert_eq!(told(&event, "reset_by"), "by-hand");
    assert_eq!(told(&event, "why"), "looked at it");
    assert_eq!(check(&mut monitor, later), None);
    assert_eq!(monitor.reset("again", value("10000"), later), None);
}

#[test]
fn what_a_person_resumed_pauses_again_at_the_next_loss_beyond_the_limit() {
    let mut monitor = monitor(daily_alone());
    close(&mut monitor, "10:00", "-350").unwrap();
    monitor
        .reset("a bad fill", value("10000"), at("10:05"))
        .unwrap();
    // The day is still beyond the limit, and that has been answered: neither a check, a breakeven trade
    // nor a win pauses again.
    assert_eq!(check(&mut monitor, at("10:06")), None);
    assert_eq!(close(&mut monitor, "10:07", "0"), None);
    assert_eq!(close(&mut monitor, "10:08", "10"), None);
    let event = close(&mut monitor, "10:09", "-0.01").unwrap();
    assert_eq!(event.daily_pnl().to_string(), "-340.01");
    monitor
        .reset("once more", value("10000"), at("10:10"))
        .unwrap();
    // Back within the limit, a loss does not pause.
    assert_eq!(close(&mut monitor, "10:11", "300"), None);
    assert_eq!(close(&mut monitor, "10:12", "-1"), None);
}

#[test]
fn a_streak_that_a_person_resumed_needs_as_many_losses_again() {
    let mut monitor = monitor(streak_alone());
    for clock in ["10:00", "10:01", "10:02"] {
        close(&mut monitor, clock, "-1");
    }
    monitor.reset("seen", value("10000"), at("10:05")).unwrap();
    assert_eq!(close(&mut monitor, "10:06", "-1"), None);
    assert_eq!(close(&mut monitor, "10:07", "-1"), None);
    let event = close(&mut monitor, "10:08", "-1").unwrap();
    assert_eq!(event.consecutive_losses(), 6);
    assert_eq!(told(&event, "losses_since_reset"), 3);
}

#[test]
fn live_and_paper_never_mix() {
    let mut live = monitor(limits());
    let mut paper = RiskMonitor::new(limits(), PAPER, Zone::default(), at("00:00"));
    let trade = closed(at("10:00"), "-300");
    let trip = live.observe(&trade, value("10000"), at("10:00")).unwrap();
    assert_eq!(paper.observe(&trade, value("10000"), at("10:00")), None);
    assert_eq!(
        (paper.daily_pnl(), paper.consecutive_losses()),
        (Decimal::ZERO, 0)
    );
    paper.hear(&trip);
    assert!(!paper.concerns(&trip));
    assert_eq!(paper.pause(), None);
    // A reset of one mode is none of the other.
    let trade = ClosedTrade {
        mode: PAPER,
        ..trade
    };
    paper.observe(&trade, value("10000"), at("10:00")).unwrap();
    let reset = paper.reset("paper", value("10000"), at("10:01")).unwrap();
    live.hear(&reset);
    assert!(live.pause().is_some());
}

#[test]
fn an_event_that_names_no_mode_pauses_and_resumes_nothing() {
    let golden = include_str!("../../../tests/fixtures/v1/risk-management.jsonl");
    let trip: RiskEvent = serde_json::from_str(golden.lines().next().unwrap()).unwrap();
    let mut monitor = RiskMonitor::new(limits(), LIVE, Zone::default(), trip.timestamp());
    monitor.hear(&trip);
    let pause = monitor.pause().unwrap();
    assert_eq!(
        (pause.since, pause.ends),
        (trip.timestamp(), Reset::NextDay)
    );
    assert_eq!(pause.rules, []);
    let mut reset = trip.into_parts();
    reset.event_type = CIRCUIT_BREAKER_RESET;
    reset.action_taken = TRADING_RESUMED;
    monitor.hear(&RiskEvent::new(reset.clone()).unwrap());
    assert!(monitor.pause().is_some());
    reset.config_snapshot = "{\"execution_mode\":\"LIVE\"}".parse().unwrap();
    monitor.hear(&RiskEvent::new(reset).unwrap());
    assert_eq!(monitor.pause(), None);
}

#[test]
fn a_pause_ends_as_its_event_says_whoever_hears_it() {
    let mut strict = monitor(by_hand(limits()));
    let trip = close(&mut strict, "10:00", "-300").unwrap();
    let mut lenient = monitor(limits());
    lenient.hear(&trip);
    let tomorrow = time("2025-10-28T10:00:00Z");
    assert!(check(&mut lenient, tomorrow).is_some());
    // A process that saw the next day resumes nothing that waits for a person.
    let mut other = monitor(limits());
    close(&mut other, "10:00", "-300").unwrap();
    let next_day = other.turn(value("10000"), tomorrow).unwrap();
    lenient.hear(&next_day);
    assert!(lenient.pause().is_some());
    // And one of yesterday that was to end by now pauses nothing.
    let mut late = monitor(limits());
    let trip = close(&mut late, "10:00", "-300").unwrap();
    let mut today = RiskMonitor::new(limits(), LIVE, Zone::default(), tomorrow);
    today.hear(&trip);
    assert_eq!(today.pause(), None);
}

#[test]
fn the_day_begins_in_the_zone() {
    // Four hours west: 03:59 there is still the day before.
    let west = Zone::new(|_| -4 * 3600);
    let mut monitor = RiskMonitor::new(daily_alone(), LIVE, west, at("03:00"));
    assert_eq!(monitor.day().to_string(), "2025-10-26");
    assert_eq!(close(&mut monitor, "03:30", "-200"), None);
    close(&mut monitor, "03:59", "-100").unwrap();
    assert_eq!(check(&mut monitor, at("04:00")), None);
    assert_eq!(monitor.day().to_string(), "2025-10-27");
    assert_eq!(monitor.daily_pnl(), Decimal::ZERO);
    // An exit of before midnight that comes late belongs to the day that is over.
    assert_eq!(
        monitor.observe(&closed(at("03:58"), "-500"), value("10000"), at("04:05")),
        None
    );
    assert_eq!(monitor.daily_pnl(), Decimal::ZERO);
    assert_eq!(monitor.consecutive_losses(), 3);
}

#[test]
fn an_exit_that_is_ahead_of_the_clock_counts_when_its_day_comes() {
    let mut monitor = monitor(daily_alone());
    let tomorrow = time("2025-10-28T00:00:01Z");
    let early = monitor.observe(&closed(tomorrow, "-300"), value("10000"), at("23:59"));
    assert_eq!(early, None);
    assert_eq!(monitor.day().to_string(), "2025-10-27");
    let event = check(&mut monitor, tomorrow).unwrap();
    assert_eq!(kind(&event), TRIP);
    assert_eq!(event.daily_pnl().to_string(), "-300");
}

#[test]
fn results_that_cannot_be_added_pause() {
    let mut monitor = monitor(daily_alone());
    let most = "79228162514264337593543950335";
    assert_eq!(close(&mut monitor, "10:00", most), None);
    let event = close(&mut monitor, "10:01", "0.5").unwrap();
    assert_eq!(told(&event, "rules"), serde_json::json!(["inexact_sum"]));
    assert_eq!(event.daily_pnl().to_string(), most);
    monitor.reset("known", value("10000"), at("10:02")).unwrap();
    assert_eq!(check(&mut monitor, at("10:03")), None);
    assert!(
        monitor
            .observe_inexact(value("10000"), at("10:04"))
            .is_some()
    );
}

/// A monitor that is rebuilt at `now` out of those trades and events.
fn rebuilt(
    limits: RiskLimits,
    closed: &[ClosedTrade],
    events: &[RiskEvent],
    now: Timestamp,
) -> Rebuilt {
    let history = History {
        closed,
        open: &[],
        events,
    };
    let worth = Some(value("10000"));
    RiskMonitor::rebuilt(limits, LIVE, Zone::default(), &history, worth, now)
}

#[test]
fn a_pause_that_was_recorded_holds_after_a_restart() {
    for limits in [limits(), by_hand(limits())] {
        let mut before = monitor(limits);
        let trip = close(&mut before, "10:00", "-300").unwrap();
        let trades = [closed(at("10:00"), "-300")];
        let after = rebuilt(limits, &trades, std::slice::from_ref(&trip), at("10:05"));
        assert_eq!(after.unrecorded, []);
        let pause = after.monitor.pause().unwrap();
        assert_eq!((pause.since, pause.is_recorded), (at("10:00"), true));
        assert_eq!(after.monitor.daily_pnl(), before.daily_pnl());
        // The next day ends it, where the limits say so, and that is news.
        let tomorrow = time("2025-10-28T10:00:00Z");
        let after = rebuilt(limits, &trades, &[trip], tomorrow);
        let is_over = limits.reset == Reset::NextDay;
        assert_eq!(after.monitor.pause().is_none(), is_over);
        assert_eq!(after.unrecorded.first().map(kind), is_over.then_some(RESET));
        assert_eq!(after.monitor.losses_since_reset(), u32::from(!is_over));
    }
}

#[test]
fn a_pause_that_nobody_recorded_follows_from_the_trades() {
    let losses = ["10:00", "10:01", "10:02"].map(|it| closed(at(it), "-1"));
    let after = rebuilt(limits(), &losses, &[], at("10:05"));
    let [trip] = &after.unrecorded[..] else {
        panic!("{:?}", after.unrecorded);
    };
    assert_eq!((kind(trip), trip.timestamp()), (TRIP, at("10:05")));
    assert_eq!(after.monitor.pause().unwrap().since, at("10:02"));
    // A trade that was open then and closed as a win does not end it.
    let mut trades = losses.to_vec();
    trades.push(closed(at("10:03"), "50"));
    assert!(
        rebuilt(limits(), &trades, &[], at("10:05"))
            .monitor
            .pause()
            .is_some()
    );
    // The next day it is over, and nothing is to be told.
    let tomorrow = time("2025-10-28T10:00:00Z");
    let after = rebuilt(limits(), &losses, &[], tomorrow);
    assert_eq!((after.monitor.pause(), after.unrecorded), (None, vec![]));
    assert!(
        rebuilt(by_hand(limits()), &losses, &[], tomorrow)
            .monitor
            .pause()
            .is_some()
    );
}

#[test]
fn the_loss_of_a_day_that_is_over_is_not_held_against_what_the_portfolio_is_worth_now() {
    // 2.95 % of the 10,000 that it was worth: nothing paused. Of the 9,705 of the next morning it is 3.04 %.
    let trades = [closed(at("10:00"), "-150"), closed(at("10:01"), "-145")];
    let history = History {
        closed: &trades,
        open: &[],
        events: &[],
    };
    let tomorrow = time("2025-10-28T09:00:00Z");
    for limits in [limits(), by_hand(limits())] {
        let worth = Some(value("9705"));
        let after = RiskMonitor::rebuilt(limits, LIVE, Zone::default(), &history, worth, tomorrow);
        assert_eq!((after.monitor.pause(), after.unrecorded), (None, vec![]));
        // A pause that was none must not have answered the streak either.
        assert_eq!(after.monitor.losses_since_reset(), 2);
    }
}

#[test]
fn that_the_next_day_ended_a_pause_is_told_though_a_trade_came_before_the_restart() {
    let mut before = monitor(limits());
    let mut trades = vec![closed(at("10:00"), "-300")];
    let trip = close(&mut before, "10:00", "-300").unwrap();
    trades.push(closed(time("2025-10-28T08:00:00Z"), "5"));
    let now = time("2025-10-28T09:00:00Z");
    let after = rebuilt(limits(), &trades, std::slice::from_ref(&trip), now);
    let [reset] = &after.unrecorded[..] else {
        panic!("{:?}", after.unrecorded);
    };
    assert_eq!(kind(reset), RESET);
    // Once it is there it is not told again.
    let events = [trip, reset.clone()];
    let later = time("2025-10-28T10:00:00Z");
    assert_eq!(
        rebuilt(limits(), &trades, &events, later).unrecorded,
        vec![]
    );
}

#[test]
fn a_streak_of_before_the_limits_stops_nobody_who_traded_on() {
    let mut trades = ["10:00", "10:01", "10:02"]
        .map(|it| closed(at(it), "-1"))
        .to_vec();
    let later = ClosedTrade {
        entered: Some(at("10:03")),
        ..closed(at("10:04"), "5")
    };
    trades.push(later);
    let tomorrow = time("2025-10-28T10:00:00Z");
    let after = rebuilt(by_hand(limits()), &trades, &[], tomorrow);
    assert_eq!((after.monitor.pause(), after.unrecorded), (None, vec![]));
    // Where the streak still lasts, it does.
    trades[3].net = Decimal::NEGATIVE_ONE;
    let after = rebuilt(by_hand(limits()), &trades, &[], tomorrow);
    assert_eq!(after.monitor.pause().unwrap().rules, [Rule::LosingStreak]);
}

#[test]
fn a_reset_by_hand_holds_after_a_restart() {
    let limits = by_hand(limits());
    let mut before = monitor(limits);
    let trip = close(&mut before, "10:00", "-300").unwrap();
    let reset = before.reset("seen", value("10000"), at("10:05")).unwrap();
    let mut trades = vec![closed(at("10:00"), "-300")];
    let events = [trip, reset];
    let after = rebuilt(limits, &trades, &events, at("10:06"));
    assert_eq!((after.monitor.pause(), after.unrecorded), (None, vec![]));
    trades.push(closed(at("10:07"), "-1"));
    assert!(
        rebuilt(limits, &trades, &events, at("10:08"))
            .monitor
            .pause()
            .is_some()
    );
}

#[test]
fn without_the_value_of_the_portfolio_what_was_recorded_and_the_streak_hold() {
    let losses = ["10:00", "10:01", "10:02"].map(|it| closed(at(it), "-1000"));
    let history = History {
        closed: &losses,
        open: &[],
        events: &[],
    };
    let zone = Zone::default();
    let now = at("10:05");
    let after = RiskMonitor::rebuilt(limits(), LIVE, zone.clone(), &history, None, now);
    assert_eq!(after.monitor.pause().unwrap().rules, [Rule::LosingStreak]);
    assert_eq!(after.unrecorded, []);
    let after = RiskMonitor::rebuilt(daily_alone(), LIVE, zone, &history, None, now);
    assert_eq!(after.monitor.pause(), None);
}

/// What comes next in a random day.
#[derive(Clone, Copy, Debug)]
enum Turn {
    Closes(i64),
    Reset,
    Waits(u64),
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let turn = prop_oneof![
        6 => (-150..100_i64).prop_map(Turn::Closes),
        1 => Just(Turn::Closes(0)),
        1 => Just(Turn::Reset),
        1 => (0..30_u64).prop_map(Turn::Waits),
    ];
    prop::collection::vec(turn, 1..60)
}

proptest! {
    #[test]
    fn a_restart_at_any_time_makes_the_monitor_that_ran_on(turns in turns(), is_by_hand: bool) {
        let limits = if is_by_hand { by_hand(limits()) } else { limits() };
        let (worth, mut now) = (value("10000"), at("09:00"));
        let mut running = monitor(limits);
        let (mut trades, mut events) = (Vec::new(), Vec::new());
        for turn in turns {
            now = now.saturating_add(Duration::from_secs(60));
            events.extend(running.turn(worth, now));
            let mut tripped = None;
            match turn {
                Turn::Closes(net) => {
                    let mut trade = closed(now, &net.to_string());
                    // Nothing is entered while trading is paused.
                    trade.entered = running.pause().is_none().then_some(now);
                    tripped = running.observe(&trade, worth, now);
                    trades.push(trade);
                }
                Turn::Reset => events.extend(running.reset("seen", worth, now)),
                Turn::Waits(hours) => now = now.saturating_add(Duration::from_secs(hours * 3600)),
            }
            events.extend(running.turn(worth, now));
            // The process ended before the event was recorded.
            let crashed = rebuilt(limits, &trades, &events, now);
            prop_assert_eq!(crashed.unrecorded.len(), usize::from(tripped.is_some()));
            events.extend(tripped);
            let after = rebuilt(limits, &trades, &events, now);
            prop_assert_eq!(&after.unrecorded, &vec![]);
            for after in [crashed.monitor, after.monitor] {
                prop_assert_eq!(after.pause().map(|it| it.since), running.pause().map(|it| it.since));
                prop_assert_eq!(after.day(), running.day());
                prop_assert_eq!(after.daily_pnl(), running.daily_pnl());
                prop_assert_eq!(after.consecutive_losses(), running.consecutive_losses());
                prop_assert_eq!(after.losses_since_reset(), running.losses_since_reset());
            }
        }
    }
}
