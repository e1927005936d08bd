//! The rolling window and its rules against numbers worked out by hand, and against a plain model.

use std::num::NonZeroU32;
use std::time::Duration;

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::books::{ClosedTrade, Pairing, Step};
use crate::record::field::{Action, ConfigHash, ExecutionMode};
use crate::record::{Stamp, TradeRecord};

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn size(window: u32) -> NonZeroU32 {
    NonZeroU32::new(window).unwrap()
}

fn rolling(window: u32, equity: &str, results: &[&str]) -> RollingMetrics {
    let equity = Equity::new(dec(equity)).unwrap();
    let mut metrics = RollingMetrics::new(size(window), equity);
    for result in results {
        metrics.take_result(dec(result)).unwrap();
    }
    metrics
}

fn values(window: u32, equity: &str, results: &[&str]) -> Rolling {
    rolling(window, equity, results).values().unwrap()
}

/// Win rate, profit factor, its status, drawdown and streak, as texts.
fn told(values: &Rolling) -> [String; 5] {
    let text = |it: Option<Decimal>| it.map_or("null".to_owned(), |it| it.to_string());
    [
        text(values.win_rate),
        text(values.profit_factor),
        values
            .profit_factor_status
            .map_or("-".to_owned(), |it| it.word().to_string()),
        text(values.max_drawdown_pct),
        values.consecutive_losses.to_string(),
    ]
}

#[test]
fn the_edges_of_a_window() {
    for (results, expected) in [
        (&[][..], ["null", "null", "no_trades", "0", "0"]),
        (&["5"], ["1", "null", "no_losses", "0", "0"]),
        // 5 of 100 lost.
        (&["-5"], ["0", "0", "-", "-5", "1"]),
        (&["0"], ["0", "null", "no_profit_no_loss", "0", "0"]),
        (&["0", "0.00"], ["0", "null", "no_profit_no_loss", "0", "0"]),
        (&["1", "2", "3"], ["1", "null", "no_losses", "0", "0"]),
        // From 100 to 94.
        (&["-1", "-2", "-3"], ["0", "0", "-", "-6", "3"]),
        // The peak before the first trade counts: 100, 95, 105.
        (&["-5", "10"], ["0.5", "2", "-", "-5", "0"]),
        // A breakeven ends a streak and is no win: -10, -10, 0, -10.
        (&["-10", "-10", "0", "-10"], ["0", "0", "-", "-30", "1"]),
        // 100, 200, 200, 150, 150, 230, 210: 50 of 200; 2 of 6, 180 / 70.
        (
            &["100", "0", "-50", "0", "80", "-20"],
            ["0.333333333333", "2.571428571429", "-", "-25", "1"],
        ),
        // Ruin to exactly nothing, and below: never more than all of it.
        (&["-100"], ["0", "0", "-", "-100", "1"]),
        (&["-150", "20"], ["0.5", "0.133333333333", "-", "-100", "0"]),
        // Back at exactly the old peak.
        (&["-10", "10"], ["0.5", "1", "-", "-10", "0"]),
    ] {
        let values = values(20, "100", results);
        assert_eq!(told(&values), expected, "{results:?}");
        assert_eq!(values.total_trades as usize, results.len());
        assert_eq!(
            values.wins + values.losses + values.breakevens,
            values.total_trades
        );
    }
}

#[test]
fn a_window_is_one_short_of_full_full_and_one_beyond() {
    let results = ["-10", "5", "5", "5"];
    let told = |count: usize| told(&values(3, "100", &results[..count]));
    assert_eq!(told(2), ["0.5", "0.5", "-", "-10", "0"]);
    assert_eq!(told(3), ["0.666666666667", "1", "-", "-10", "0"]);
    // The loss has left, and with it the only fall: 90, 95, 100, 105.
    assert_eq!(told(4), ["1", "null", "no_losses", "0", "0"]);
}

/// In floating point 0.1 + 0.2 + 0.3 - 0.1 - 0.2 - 0.3 leaves a residue, and the wins a profit factor of
/// millions.
#[test]
fn losses_that_left_leave_nothing_behind() {
    let values = values(3, "1000", &["-0.1", "-0.2", "-0.3", "0.1", "0.1", "0.1"]);
    assert_eq!(values.gross_loss, Decimal::ZERO);
    assert_eq!(values.profit_factor, None);
    assert_eq!(values.profit_factor_status, Some(Status::NoLosses));
}

#[test]
fn a_streak_is_told_as_far_as_the_window_goes() {
    let metrics = rolling(3, "100", &["-1", "-1", "-1", "-1", "-1"]);
    assert_eq!(metrics.values().unwrap().consecutive_losses, 3);
    assert_eq!(metrics.streak(), 5);
}

#[test]
fn the_equity_is_the_accounts() {
    // Grown to 124,000, a dip of 380 is 0.306 % and not 0.38 %.
    let values = values(2, "100000", &["24000", "-380", "100"]);
    assert_eq!(values.max_drawdown_pct, Some(dec("-0.306451612903")));
}

#[test]
fn small_places_and_large_amounts_are_exact() {
    let metrics = rolling(
        20,
        "10000000",
        &["0.00000001", "-10000000.00000002", "9999999.99999999"],
    );
    let values = metrics.values().unwrap();
    assert_eq!(values.gross_profit, dec("10000000"));
    assert_eq!(values.gross_loss, dec("10000000.00000002"));
    assert_eq!(values.net_profit, dec("-0.00000002"));
    assert_eq!(values.max_drawdown_pct, Some(dec("-100")));
    // What does not fit is refused, and the window goes on as if it had not come.
    let mut metrics = rolling(20, "79228162514264337593543950335", &["1"]);
    let tiny = dec("0.0000000000000000000000000001");
    assert!(metrics.take_result(tiny).is_err());
    metrics.take_result(Decimal::ONE).unwrap();
    assert_eq!(metrics.len(), 2);
}

#[test]
fn a_tolerance_changes_labels_and_no_sums() {
    let equity = Equity::new(dec("100")).unwrap();
    let mut metrics = RollingMetrics::new(size(20), equity).tolerance(dec("0.50"));
    for result in ["0.5", "-0.50", "0.51", "-1"] {
        metrics.take_result(dec(result)).unwrap();
    }
    let values = metrics.values().unwrap();
    assert_eq!((values.wins, values.losses, values.breakevens), (1, 1, 2));
    assert_eq!(values.gross_profit, dec("1.01"));
    assert_eq!(values.gross_loss, dec("1.50"));
}

/// An equity with more places than the tolerance: the units never became finer, and the tolerance stayed 0.
#[test]
fn a_tolerance_with_fewer_places_than_the_equity_counts() {
    let equity = Equity::new(dec("100.000")).unwrap();
    let mut metrics = RollingMetrics::new(size(20), equity).tolerance(dec("0.5"));
    for result in ["0.5", "-0.4", "0.6"] {
        metrics.take_result(dec(result)).unwrap();
    }
    let values = metrics.values().unwrap();
    assert_eq!((values.wins, values.losses, values.breakevens), (1, 0, 2));
}

#[test]
fn what_was_earned_before_the_first_trade_moves_the_account_alone() {
    let mut metrics = rolling(20, "1000", &[]);
    for before in ["-400.005", "1400"] {
        metrics.skip(dec(before)).unwrap();
    }
    let values = metrics.values().unwrap();
    assert_eq!(
        (values.total_trades, values.max_drawdown_pct),
        (0, Some(Decimal::ZERO))
    );
    metrics.take_result(dec("-199.9995")).unwrap();
    let values = metrics.values().unwrap();
    // 199.9995 of 1999.995.
    assert_eq!(values.max_drawdown_pct, Some(dec("-10")));
    assert_eq!(values.gross_loss, dec("199.9995"));
}

#[test]
fn what_a_breakeven_does_to_a_streak_is_a_setting() {
    for (breakeven, streak) in [
        (BreakevenStreak::Ends, 1),
        (BreakevenStreak::Loses, 4),
        (BreakevenStreak::Skips, 3),
    ] {
        let equity = Equity::new(dec("100")).unwrap();
        let mut metrics = RollingMetrics::new(size(20), equity).breakeven(breakeven);
        for result in ["-10", "-10", "0", "-10"] {
            metrics.take_result(dec(result)).unwrap();
        }
        assert_eq!(metrics.streak(), streak, "{breakeven:?}");
    }
}

#[test]
fn an_equity_is_above_0() {
    for text in ["0", "0.00", "-1"] {
        let error = Equity::new(dec(text)).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("starting equity must be above 0")
        );
    }
}

/// The definitions of a window, looked at anew each time.
fn plain(window: usize, results: &[i64]) -> (u32, u32, i64, i64, u32) {
    let last = &results[results.len().saturating_sub(window)..];
    let wins = last.iter().filter(|it| **it > 0).count();
    let losses = last.iter().filter(|it| **it < 0).count();
    let profit = last.iter().filter(|it| **it > 0).sum();
    let loss: i64 = -last.iter().filter(|it| **it < 0).sum::<i64>();
    let streak = last.iter().rev().take_while(|it| **it < 0).count();
    let [wins, losses, streak] = [wins, losses, streak].map(|it| u32::try_from(it).unwrap());
    (wins, losses, profit, loss, streak)
}

/// The drawdown in per cent of the points of a window.
fn plain_drawdown(window: usize, equity: i64, results: &[i64]) -> Decimal {
    let mut points = vec![equity];
    for result in results {
        points.push(points[points.len() - 1] + result);
    }
    let points = &points[points.len().saturating_sub(window + 1)..];
    let mut deepest = Decimal::ZERO;
    let mut peak = points[0];
    for point in &points[1..] {
        let fall = match peak {
            ..=0 => -Decimal::ONE,
            _ => (Decimal::from(point - peak) / Decimal::from(peak)).max(-Decimal::ONE),
        };
        deepest = deepest.min(fall);
        peak = peak.max(*point);
    }
    rounded(deepest * Decimal::ONE_HUNDRED)
}

proptest! {
    /// Results around the largest that 64 bits hold: the window goes on in 128.
    #[test]
    fn a_window_that_grows_too_wide_goes_on(
        window in 1_usize..12,
        results in proptest::collection::vec(any::<i64>(), 1..40),
    ) {
        let mut metrics = RollingMetrics::without_equity(size(u32::try_from(window).unwrap()));
        for count in 1..=results.len() {
            metrics.take_result(Decimal::from(results[count - 1])).unwrap();
            let last = &results[count.saturating_sub(window)..count];
            let sum = |wanted: fn(&&i64) -> bool| -> i128 {
                last.iter().filter(wanted).map(|it| i128::from(*it)).sum()
            };
            let now = metrics.fractions();
            prop_assert_eq!(now.gross_profit, sum(|it| 0 < **it));
            prop_assert_eq!(now.gross_loss, -sum(|it| **it < 0));
            prop_assert_eq!(now.wins as usize, last.iter().filter(|it| 0 < **it).count());
        }
    }

    #[test]
    fn a_window_is_what_a_plain_look_says(
        window in 1_usize..30,
        equity in 1_i64..2000,
        results in proptest::collection::vec(
            prop_oneof![-300_i64..300, Just(0)], 1..150),
    ) {
        let mut metrics = RollingMetrics::new(
            size(u32::try_from(window).unwrap()), Equity::new(equity.into()).unwrap());
        for count in 1..=results.len() {
            let results = &results[..count];
            let result = results[count - 1];
            // Now and then with more places, so that the scale moves.
            let places = u32::from(count % 7 == 3) * 2;
            let scaled = Decimal::new(result * 10_i64.pow(places), places);
            metrics.take_result(scaled).unwrap();
            let values = metrics.values().unwrap();
            let (wins, losses, profit, loss, streak) = plain(window, results);
            prop_assert_eq!((values.wins, values.losses), (wins, losses));
            prop_assert_eq!(values.gross_profit, Decimal::from(profit));
            prop_assert_eq!(values.gross_loss, Decimal::from(loss));
            prop_assert_eq!(values.consecutive_losses, streak);
            let drawdown = plain_drawdown(window, equity, results);
            prop_assert_eq!(values.max_drawdown_pct, Some(drawdown));
            prop_assert!(streak <= losses);
            prop_assert!(drawdown <= Decimal::ZERO && -Decimal::ONE_HUNDRED <= drawdown);
            if losses == 0 {
                prop_assert_eq!(values.gross_loss, Decimal::ZERO);
                prop_assert_eq!(values.profit_factor, None);
            }
        }
    }
}

/// A closed trade with that net result.
fn closed(number: u64, mode: ExecutionMode, strategy: &str, net: &str) -> ClosedTrade {
    let stamp = Stamp {
        session_id: "550e8400-e29b-41d4-a716-446655440000".parse().unwrap(),
        bot_version: "1.0.0".parse().unwrap(),
        config_hash: ConfigHash::of(b""),
    };
    let at = "2025-10-26T14:00:00Z"
        .parse::<crate::time::Timestamp>()
        .unwrap();
    let at = at.saturating_add(Duration::from_secs(60 * number));
    let exit = dec("100") + dec(net);
    let entry = TradeRecord::entry("AAPL", Action::Buy, 1, "100")
        .at(at)
        .order_id(&*format!("order-{number}"))
        .mode(mode)
        .strategy(strategy, "breakout")
        .because("test")
        .stamp(&stamp)
        .build()
        .unwrap();
    let out = at.saturating_add(Duration::from_secs(30));
    let exit = entry
        .exit(out, &*exit.to_string())
        .because("test")
        .build()
        .unwrap();
    let mut pairing = Pairing::new();
    pairing.take(&entry, 0).unwrap();
    match pairing.take(&exit, 1).unwrap() {
        Step::Closed(closed) => *closed,
        other => panic!("{other:?}"),
    }
}

fn parts(metric: Metric, threshold: &str, clear: Option<&str>) -> RuleParts {
    RuleParts {
        id: "rule".parse().unwrap(),
        metric,
        threshold: dec(threshold),
        clear: clear.map(dec),
        min_trades: None,
        cooldown_trades: 0,
        cooldown: Duration::ZERO,
        remind_trades: None,
        level: Level::Warning,
    }
}

/// What a rule tells of each of these results: `f`ired, re`m`inded, `r`esolved or nothing.
fn events(window: u32, parts: RuleParts, results: &[&str]) -> String {
    let rule = Rule::new(parts, size(window)).unwrap();
    let windows = Windows {
        window: size(window),
        equity: Equity::new(dec("100")).unwrap(),
        basis: Basis::Net,
        breakeven: BreakevenStreak::Ends,
    };
    let mut books = Books::new(windows, vec![ScopeKind::All], vec![rule]).unwrap();
    let mut told = String::new();
    for (number, result) in (0..).zip(results) {
        let mut event = '.';
        let trade = closed(number, ExecutionMode::Paper, "s", result);
        let tell = |_: &Told<'_>, alert: Option<Alert>| {
            if let Some(alert) = alert {
                event = match alert.event {
                    AlertEvent::Fired => 'f',
                    AlertEvent::Reminded => 'm',
                    AlertEvent::Resolved => 'r',
                };
            }
        };
        books.take(&trade, tell).unwrap();
        told.push(event);
    }
    told
}

#[test]
fn a_rule_fires_once_and_is_over_at_its_clear_level() {
    // Win rates of the last 4: null until there are 4, then 0.5, 0.25, 0.25, 0.5, 0.75.
    let results = ["1", "-1", "1", "-1", "-1", "-1", "1", "1", "1"];
    let rule = parts(Metric::WinRate, "0.5", Some("0.75"));
    assert_eq!(events(4, rule, &results), "....f...r");
    // At the exact threshold it is silent: 0.25 is not below 0.25.
    let rule = parts(Metric::WinRate, "0.25", None);
    assert_eq!(events(4, rule, &results), ".........");
}

#[test]
fn no_losses_are_a_profit_factor_above_every_level() {
    let rule = parts(Metric::ProfitFactor, "1", Some("5"));
    let rule = RuleParts {
        min_trades: Some(1),
        ..rule
    };
    // All breakeven is not defined, and changes nothing.
    assert_eq!(events(2, rule, &["-1", "0", "0", "0", "1", "1"]), "f...r.");
}

#[test]
fn a_drawdown_fires_at_its_threshold_and_a_streak_too() {
    let rule = parts(Metric::MaxDrawdownPct, "-5", Some("-4"));
    // 100, 95 fires at exactly 5 %; with a window of 1 the next point has no fall.
    assert_eq!(events(1, rule.clone(), &["-5", "1"]), "fr");
    assert_eq!(events(1, rule, &["-4.99", "1"]), "..");
    let rule = parts(Metric::ConsecutiveLosses, "2", None);
    assert_eq!(
        events(3, rule, &["-1", "-1", "-1", "0", "-1", "-1"]),
        ".f.r.f"
    );
}

#[test]
fn a_breach_within_the_cool_down_is_held_until_it_is_over() {
    let rule = RuleParts {
        cooldown_trades: 5,
        ..parts(Metric::ConsecutiveLosses, "1", None)
    };
    // It fires at 0, is over at 1; the losses from 2 on wait for trade 5.
    let results = ["-1", "1", "-1", "-1", "-1", "-1", "1"];
    assert_eq!(events(3, rule, &results), "fr...fr");
    // The trades are a minute apart.
    let rule = RuleParts {
        cooldown: Duration::from_secs(200),
        ..parts(Metric::ConsecutiveLosses, "1", None)
    };
    assert_eq!(events(3, rule, &results), "fr..f.r");
}

#[test]
fn a_reminder_comes_as_often_as_it_is_asked_for() {
    let rule = RuleParts {
        remind_trades: NonZeroU32::new(2),
        ..parts(Metric::ConsecutiveLosses, "1", None)
    };
    assert_eq!(
        events(9, rule, &["-1", "-1", "-1", "-1", "-1", "1"]),
        "f.m.mr"
    );
}

#[test]
fn a_rule_that_could_never_fire_or_be_over_is_refused() {
    let streak = |threshold| parts(Metric::ConsecutiveLosses, threshold, None);
    let min = |min_trades| RuleParts {
        min_trades: Some(min_trades),
        ..parts(Metric::WinRate, "0.4", None)
    };
    for (parts, why) in [
        (streak("21"), "a whole number from 1 to the window's 20"),
        (streak("0"), "a whole number from 1"),
        (streak("2.5"), "a whole number from 1"),
        (
            parts(Metric::WinRate, "40", None),
            "above 0 and at most 1, since it is a part of 1, got 40",
        ),
        (parts(Metric::WinRate, "0", None), "above 0"),
        (
            parts(Metric::WinRate, "0.4", Some("0.3")),
            "clear must be at or above the threshold",
        ),
        (
            parts(Metric::ProfitFactor, "1.2", Some("1.1")),
            "clear must be at or above the threshold",
        ),
        (
            parts(Metric::MaxDrawdownPct, "5", Some("4")),
            "from -100 to below 0",
        ),
        (
            parts(Metric::MaxDrawdownPct, "-5", None),
            "clear is missing",
        ),
        (
            parts(Metric::MaxDrawdownPct, "-5", Some("-5")),
            "clear must be above the threshold",
        ),
        (
            parts(Metric::ConsecutiveLosses, "3", Some("3")),
            "clear must be below the threshold",
        ),
        (
            min(0),
            "min_trades must be from 1 to the window's 20, got 0",
        ),
        (
            min(21),
            "min_trades must be from 1 to the window's 20, got 21",
        ),
    ] {
        let error = Rule::new(parts, WINDOW).unwrap_err().to_string();
        assert!(
            error.starts_with("rule rule: ") && error.contains(why),
            "{error}"
        );
    }
}

#[test]
fn live_and_paper_and_strategies_have_windows_of_their_own() {
    let rule = Rule::new(parts(Metric::ConsecutiveLosses, "2", None), WINDOW).unwrap();
    let windows = Windows {
        window: WINDOW,
        equity: Equity::new(dec("1000")).unwrap(),
        basis: Basis::Net,
        breakeven: BreakevenStreak::Ends,
    };
    let kinds = vec![ScopeKind::All, ScopeKind::Strategy];
    let mut books = Books::new(windows, kinds, vec![rule]).unwrap();
    let mut told = Vec::new();
    let (paper, live) = (ExecutionMode::Paper, ExecutionMode::Live);
    for (number, (mode, strategy)) in (0..).zip([
        (paper, "a"),
        (live, "a"),
        (live, "b"),
        (paper, "b"),
        (paper, "b"),
    ]) {
        let trade = closed(number, mode, strategy, "-1");
        let tell = |it: &Told<'_>, alert: Option<Alert>| {
            if let Some(alert) = alert {
                let record = it.record(Some(&alert)).unwrap();
                told.push(format!("{} {} {}", number, it.mode(), it.scope()));
                assert!(record.alert_triggered());
                assert_eq!(record.scope(), Some(&*it.scope()));
                assert_eq!(record.timestamp(), trade.exited);
                let message = record.alert_message().unwrap();
                assert_eq!(
                    message,
                    format!(
                        "warning: losses in a row of the last {} trades of {} is 2, at or above 2 (order #order-{number})",
                        it.metrics().len(),
                        it.scope()
                    )
                );
            }
        };
        books.take(&trade, tell).unwrap();
    }
    assert_eq!(told, ["2 LIVE all", "3 PAPER all", "4 PAPER strategy:b"]);
}

fn windows(window: NonZeroU32) -> Windows {
    Windows {
        window,
        equity: Equity::new(dec("1000")).unwrap(),
        basis: Basis::Net,
        breakeven: BreakevenStreak::Ends,
    }
}

/// What a rule says of each of these results, and how it stands after them.
fn messages(rule: Rule, orders: &[&str], results: &[&str]) -> (Vec<String>, String) {
    let windows = windows(rule.window());
    let mut books = Books::new(windows, vec![ScopeKind::All], vec![rule]).unwrap();
    let mut told = Vec::new();
    for (number, result) in (0..).zip(results) {
        let mut trade = closed(number, ExecutionMode::Paper, "s", result);
        if let Some(order) = orders.get(usize::try_from(number).unwrap()) {
            trade.order_id = order.parse().unwrap();
        }
        let tell = |_: &Told<'_>, alert: Option<Alert>| told.extend(alert.map(|it| it.message));
        books.take(&trade, tell).unwrap();
    }
    let mut stands = String::new();
    books.standings(|_, _, _, alert| stands = alert().message);
    (told, stands)
}

/// Between its two levels a rule fires on, and a correction can end it anywhere: what was told of that had
/// the words for a trade that crosses a level, "is 0.42, below 0.40" among them.
#[test]
fn what_a_rule_says_is_true_of_its_window() {
    let rule = || RuleParts {
        min_trades: Some(1),
        remind_trades: NonZeroU32::new(2),
        ..parts(Metric::WinRate, "0.40", Some("0.60"))
    };
    let rule = || Rule::new(rule(), size(4)).unwrap();
    let (told, stands) = messages(rule(), &[], &["-1", "1", "-1", "1", "1"]);
    assert_eq!(
        told,
        [
            "warning: win rate of the last 1 trade of all is 0, below 0.40 (order #order-0)",
            "warning: win rate of the last 3 trades of all is 0.333333333333, still not back at 0.60 since it \
             fired below 0.40 (order #order-2)",
            "warning: win rate of the last 4 trades of all is 0.75: over, it is back at 0.60 after it fired \
             below 0.40 (order #order-4)",
        ]
    );
    assert_eq!(
        stands,
        "warning: win rate of the last 4 trades of all is 0.75; it does not fire any more (fires below 0.40, \
         over at 0.60) (order #order-4)"
    );
    let (_, stands) = messages(rule(), &[], &["-1", "1"]);
    assert_eq!(
        stands,
        "warning: win rate of the last 2 trades of all is 0.5; it has fired below 0.40 and is not back at \
         0.60 (order #order-1)"
    );
}

/// An alert whose order id passed for the number of a payment card was refused by the journal, and lost.
#[test]
fn an_order_id_that_looks_like_a_card_is_in_the_message_and_one_that_is_an_address_is_not() {
    let rule = || Rule::new(parts(Metric::ConsecutiveLosses, "1", None), WINDOW).unwrap();
    for (order, end) in [
        (
            "4111111111111111",
            "at or above 1 (order #4111111111111111)",
        ),
        (
            "4111 1111 1111 1111",
            "at or above 1 (order #4111 1111 1111 1111)",
        ),
        ("joe@example.com", "at or above 1"),
        ("id 4111111111111111", "at or above 1"),
    ] {
        let (told, _) = messages(rule(), &[order], &["-1"]);
        assert!(told[0].ends_with(end), "{told:?}");
        assert_eq!(crate::record::personal::find(&told[0]), None);
    }
}

#[test]
fn a_rule_for_other_windows_and_two_rules_of_one_name_are_refused() {
    let rule = |window| Rule::new(parts(Metric::ConsecutiveLosses, "2", None), window).unwrap();
    for (rules, why) in [
        (
            vec![rule(WINDOW)],
            "rule rule: it is for windows of 20 trades, and these take 10",
        ),
        (
            vec![rule(size(10)), rule(size(10))],
            "rule rule: another rule has this id",
        ),
    ] {
        let refused = Books::new(windows(size(10)), vec![ScopeKind::All], rules);
        assert_eq!(refused.unwrap_err().to_string(), why);
    }
}
