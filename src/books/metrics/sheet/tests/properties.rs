//! What holds of every tear sheet: the sums, and the running algorithms beside plain ones.

#![expect(
    clippy::float_arithmetic,
    reason = "the textbook formulas of what the sheet computes"
)]

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::books::ClosedTrade;
use crate::books::metrics::sheet::{
    Blank, BreakdownRow, BreakevenStreak, Calendar, SheetOptions, TearSheet,
};
use crate::books::metrics::{Equity, Exact, ratio};
use crate::record::field::{Action, ExecutionMode, Outcome};
use crate::time::{Day, Timestamp};

use super::testing::{at, check_nulls, trade, with_equity};

/// The beginning of all histories: a Saturday.
const BEGINNING: &str = "2024-11-30T00:00:00Z";

/// A trade as chance makes it: results in hundredths or finer, times in minutes.
#[derive(Clone, Debug)]
struct Made {
    net: (i64, u32),
    commission: i64,
    after: u64,
    held: Option<u64>,
    symbol: usize,
    account: Option<usize>,
    is_paper: bool,
    is_short: bool,
    stop: Option<i64>,
}

fn made(after_max: u64) -> impl Strategy<Value = Made> {
    let net = (
        prop_oneof![1 => Just(0), 8 => -10_000_i64..10_000],
        prop_oneof![4 => Just(2_u32), 1 => 0_u32..9],
    );
    let after = prop_oneof![1 => Just(0), 3 => 0..after_max];
    let held = prop::option::weighted(0.9, 0_u64..6000);
    let who = (0_usize..3, prop::option::of(0_usize..2), any::<bool>());
    let risk = (any::<bool>(), prop::option::of(90_i64..110));
    (net, 0_i64..300, after, held, who, risk).prop_map(
        |(net, commission, after, held, who, risk)| Made {
            net,
            commission,
            after,
            held,
            symbol: who.0,
            account: who.1,
            is_paper: who.2,
            is_short: risk.0,
            stop: risk.1,
        },
    )
}

fn history(after_max: u64) -> impl Strategy<Value = Vec<ClosedTrade>> {
    prop::collection::vec(made(after_max), 0..60).prop_map(closed)
}

fn closed(made: Vec<Made>) -> Vec<ClosedTrade> {
    let minutes = |it: u64| Duration::from_secs(60 * it);
    let mut now = at(BEGINNING);
    let mut trades = Vec::new();
    for (place, made) in (0..).zip(made) {
        now = now.saturating_add(minutes(made.after));
        let mut trade = trade(BEGINNING, "0");
        trade.place = place;
        trade.order_id = format!("order-{place}").parse().unwrap();
        trade.exited = now;
        trade.entered = made.held.map(|it| now.saturating_sub(minutes(it)));
        trade.net = Decimal::new(made.net.0, made.net.1);
        trade.commission = Decimal::new(made.commission, 2);
        trade.gross = trade.net + trade.commission;
        trade.symbol = ["AAPL", "MSFT", "TSLA"][made.symbol].parse().unwrap();
        trade.strategy = ["breakout", "reversal", "gap"][2 - made.symbol].into();
        trade.account_id = made.account.map(|it| ["a", "b"][it].parse().unwrap());
        trade.mode = ExecutionMode::ALL[usize::from(made.is_paper)];
        trade.direction = Action::ALL[usize::from(made.is_short)];
        trade.stop_loss = made.stop.map(|it| it.to_string().parse().unwrap());
        trades.push(trade);
    }
    trades
}

/// A history in which many exits share their minute, and the same in any order.
fn shuffled() -> impl Strategy<Value = (Vec<ClosedTrade>, Vec<ClosedTrade>)> {
    history(3).prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle()))
}

/// Equity before the first trade and after each, with the times.
fn points(trades: &[ClosedTrade], start: Decimal) -> Vec<(Decimal, Timestamp)> {
    let began = |it: &ClosedTrade| it.entered.unwrap_or(it.exited);
    let mut points: Vec<_> = trades
        .iter()
        .map(began)
        .min()
        .map(|it| (start, it))
        .into_iter()
        .collect();
    let mut equity = start;
    for trade in trades {
        equity += trade.net;
        points.push((equity, trade.exited));
    }
    points
}

fn close_to(name: &str, found: Option<Decimal>, plain: f64) {
    let found = found.unwrap().to_f64().unwrap();
    let error = (found - plain).abs();
    assert!(
        error <= 1e-9 * plain.abs().max(1e-6),
        "{name}: {found} and {plain}"
    );
}

fn plain(sum: Exact) -> Decimal {
    sum.decimal().unwrap()
}

fn add(rows: &[BreakdownRow]) -> [Decimal; 9] {
    let mut all = [Decimal::ZERO; 9];
    for row in rows {
        let values = [
            row.trades.into(),
            row.wins.into(),
            row.losses.into(),
            row.breakevens.into(),
            plain(row.gross_profit),
            plain(row.gross_loss),
            plain(row.net),
            plain(row.commission),
            plain(row.slippage),
        ];
        for (sum, value) in all.iter_mut().zip(values) {
            *sum += value;
        }
    }
    all
}

fn breakdowns(sheet: &TearSheet) -> [&[BreakdownRow]; 6] {
    [
        &sheet.by_symbol,
        &sheet.by_strategy,
        &sheet.by_account,
        &sheet.by_execution_mode,
        &sheet.by_entry_hour_utc,
        &sheet.by_exit_weekday,
    ]
}

proptest! {
    #[test]
    fn rows_add_up_to_the_totals(trades in history(9000), equity in 1_i64..1000) {
        let sheet = TearSheet::of(&trades, &with_equity(&equity.to_string())).unwrap();
        check_nulls(&sheet);
        let (counts, results) = (&sheet.counts, &sheet.results);
        prop_assert_eq!(counts.wins + counts.losses + counts.breakevens, counts.total_trades);
        let net: Decimal = trades.iter().map(|it| it.net).sum();
        prop_assert_eq!(results.net_profit, net);
        let totals = [
            counts.total_trades.into(),
            counts.wins.into(),
            counts.losses.into(),
            counts.breakevens.into(),
            plain(results.gross_profit),
            plain(results.gross_loss),
            net,
            trades.iter().map(|it| it.commission).sum(),
            Decimal::ZERO,
        ];
        for rows in breakdowns(&sheet) {
            prop_assert_eq!(add(rows), totals);
            let keys: BTreeSet<_> = rows.iter().map(|it| &it.key).collect();
            prop_assert_eq!(keys.len(), rows.len());
        }
        let monthly: Decimal = sheet.monthly.iter().map(|it| plain(it.net)).sum();
        let yearly: Decimal = sheet.yearly.iter().map(|it| plain(it.net)).sum();
        prop_assert_eq!((monthly, yearly), (net, net));
        let of_months: u64 = sheet.monthly.iter().map(|it| it.trades).sum();
        prop_assert_eq!(of_months, counts.total_trades);
        if let Some(win_rate) = results.win_rate {
            prop_assert!((Decimal::ZERO..=Decimal::ONE).contains(&win_rate));
        }
        let r = &sheet.r_multiples;
        prop_assert_eq!(r.count + r.missing + r.wrong_side, counts.total_trades);
        prop_assert_eq!(r.distribution.iter().map(|it| it.count).sum::<u64>(), r.count);
    }

    #[test]
    fn months_and_years_link_to_the_whole(trades in history(40_000)) {
        // Of 10,000 at most 6,000 can be lost in 60 trades that lose 100 each.
        let mut trades = trades;
        trades.iter_mut().for_each(|it| it.net = it.net.min(100.into()).max((-100).into()));
        let sheet = TearSheet::of(&trades, &with_equity("10000")).unwrap();
        let months = sheet.monthly.iter().map(|it| it.growth.unwrap());
        let months: f64 = months.map(|it| 1.0 + it.to_f64().unwrap()).product();
        let years = sheet.yearly.iter().map(|it| it.growth.unwrap());
        let years: f64 = years.map(|it| 1.0 + it.to_f64().unwrap()).product();
        let whole = plain(sheet.equity.final_equity.unwrap()) / Decimal::from(10_000);
        close_to("months", Some(whole), months);
        close_to("years", Some(whole), years);
    }

    #[test]
    fn only_time_and_place_in_the_log_make_the_order((log, any_order) in shuffled()) {
        let options = with_equity("100");
        let sheet = TearSheet::of(&log, &options).unwrap();
        prop_assert_eq!(TearSheet::of(&any_order, &options).unwrap(), sheet);
    }

    #[test]
    fn drawdowns_are_those_of_a_plain_rescan(trades in history(3000), equity in 1_i64..300) {
        let start = Decimal::from(equity);
        let sheet = TearSheet::of(&trades, &with_equity(&start.to_string())).unwrap();
        let points = points(&trades, start);
        let (mut part, mut money, mut longest, mut most) = (Decimal::ZERO, Decimal::ZERO, 0, 0);
        for (index, (now, _)) in points.iter().enumerate() {
            let peak = points[..=index].iter().map(|it| it.0).max().unwrap();
            let below = ((*now - peak) / peak).max(Decimal::NEGATIVE_ONE);
            part = part.min(below);
            money = money.max(peak - *now);
            let is_left = points.get(index + 1).is_some_and(|it| it.0 < *now);
            if peak == *now && is_left {
                let rest = &points[index + 1..];
                let back = rest.iter().position(|it| peak <= it.0).unwrap_or(rest.len() - 1);
                let time = points[index].1.until(rest[back].1).unwrap().as_secs();
                longest = longest.max(time);
                most = most.max(back as u64 + 1);
            }
        }
        let found = &sheet.equity;
        let percent = (part * Decimal::ONE_HUNDRED).round_dp(12);
        prop_assert_eq!(found.max_drawdown_pct, Some(percent));
        prop_assert!((Decimal::NEGATIVE_ONE * Decimal::ONE_HUNDRED..=Decimal::ZERO).contains(&percent));
        prop_assert_eq!(found.max_drawdown_abs, money);
        prop_assert_eq!(found.max_drawdown_duration_seconds, longest);
        prop_assert_eq!(found.max_drawdown_duration_trades, most);
    }

    #[test]
    fn streaks_are_those_of_a_plain_rescan(trades in history(60), skip in any::<bool>()) {
        let breakeven_in_streak = match skip {
            true => BreakevenStreak::Skips,
            false => BreakevenStreak::Ends,
        };
        let options = SheetOptions { breakeven_in_streak, ..SheetOptions::default() };
        let sheet = TearSheet::of(&trades, &options).unwrap();
        let outcomes = trades.iter().map(|it| Outcome::of_net(it.net));
        let outcomes: Vec<Outcome> = outcomes.filter(|it| !skip || *it != Outcome::Breakeven).collect();
        let longest = |of: Outcome| {
            let runs = outcomes.chunk_by(|a, b| a == b).filter(|it| it[0] == of);
            runs.map(|it| it.len() as u64).max().unwrap_or_default()
        };
        prop_assert_eq!(sheet.streaks.longest_win, longest(Outcome::Win));
        prop_assert_eq!(sheet.streaks.longest_loss, longest(Outcome::Loss));
        let last = outcomes.chunk_by(|a, b| a == b).last().unwrap_or(&[]);
        let run = last.len() as i64;
        let current = match last.first() {
            Some(Outcome::Win) => run,
            Some(Outcome::Loss) => -run,
            _ => 0,
        };
        prop_assert_eq!(sheet.streaks.current, current);
        prop_assert!(sheet.streaks.longest_loss <= sheet.counts.losses);
    }

    #[test]
    fn exposure_is_the_minutes_with_a_position(trades in history(3000)) {
        let sheet = TearSheet::of(&trades, &SheetOptions::default()).unwrap();
        let mut minutes = BTreeSet::new();
        for trade in &trades {
            let until = trade.exited.unix_secs() / 60;
            let from = trade.entered.map_or(until, |it| it.unix_secs() / 60);
            minutes.extend(from..until);
        }
        let plain = match points(&trades, Decimal::ZERO).as_slice() {
            [first, .., last] => {
                let span = last.1.unix_secs() / 60 - first.1.unix_secs() / 60;
                ratio(minutes.len().into(), span.into())
            }
            _ => None,
        };
        let is_known = trades.iter().any(|it| it.entered.is_some());
        prop_assert_eq!(sheet.exposure, plain.filter(|_| is_known));
    }

    #[test]
    fn daily_figures_are_those_of_a_list_of_all_days(
        trades in history(4000), business in any::<bool>(), rf in 0_i64..10,
    ) {
        let calendar = if business { Calendar::Business } else { Calendar::All };
        let options = SheetOptions {
            calendar,
            rf: Decimal::new(rf, 2),
            ..with_equity("700")
        };
        let sheet = TearSheet::of(&trades, &options).unwrap();
        let days = all_days(&trades, calendar);
        prop_assert_eq!(sheet.annual.days, days.len() as u64);
        let Some(returns) = returns(&trades, &days, calendar) else {
            let reason = if trades.is_empty() { Blank::NoTrades } else { Blank::EquityNotPositive };
            prop_assert_eq!(sheet.nulls.get("sharpe"), Some(&reason));
            return Ok(());
        };
        let year = if business { 252.0 } else { 365.0 };
        let count = returns.len() as f64;
        let target = (1.0 + options.rf.to_f64().unwrap()).powf(1.0 / year) - 1.0;
        let mean = returns.iter().sum::<f64>() / count;
        let squares: f64 = returns.iter().map(|it| (it - mean).powi(2)).sum();
        let deviation = (squares / (count - 1.0)).sqrt();
        let short: f64 = returns.iter().map(|it| (it - target).min(0.0).powi(2)).sum();
        if let Some(volatility) = sheet.annual.volatility.filter(|it| !it.is_zero()) {
            close_to("volatility", Some(volatility), deviation * year.sqrt());
            close_to("sharpe", sheet.annual.sharpe, (mean - target) / deviation * year.sqrt());
        }
        prop_assert_eq!(sheet.annual.sortino.is_some(), short > 0.0);
        if short > 0.0 {
            let plain = (mean - target) / (short / count).sqrt() * year.sqrt();
            close_to("sortino", sheet.annual.sortino, plain);
        }
    }

    #[test]
    fn deviation_is_that_of_the_textbook(trades in history(60)) {
        let sheet = TearSheet::of(&trades, &SheetOptions::default()).unwrap();
        let results: Vec<f64> = trades.iter().map(|it| it.net.to_f64().unwrap()).collect();
        let count = results.len() as f64;
        let mean = results.iter().sum::<f64>() / count;
        let squares: f64 = results.iter().map(|it| (it - mean).powi(2)).sum();
        let deviation = (squares / (count - 1.0)).sqrt();
        let varies = trades.iter().any(|it| it.net != trades[0].net);
        prop_assert_eq!(sheet.results.sqn.is_some(), varies);
        if varies {
            close_to("deviation", sheet.results.pnl_std, deviation);
            close_to("sqn", sheet.results.sqn, count.sqrt() * mean / deviation);
        }
    }

    #[test]
    fn growth_in_a_year_is_a_power(net in -9_990_i64..100_000, days in 90_u64..4000) {
        let mut one = trade(BEGINNING, &net.to_string());
        one.entered = Some(one.exited.saturating_sub(Duration::from_secs(days * 86_400)));
        let equity = Equity::new(Decimal::from(10_000)).unwrap();
        let options = SheetOptions { starting_equity: Some(equity), ..SheetOptions::default() };
        let sheet = TearSheet::of(&[one], &options).unwrap();
        let growth = 1.0 + net as f64 / 10_000.0;
        close_to("cagr", sheet.annual.cagr, growth.powf(365.25 / days as f64) - 1.0);
    }
}

/// The day to which a day belongs.
fn belongs(day: Day, calendar: Calendar) -> Day {
    let weekday = (day.unix_days() + 3) % 7;
    match (calendar, weekday) {
        (Calendar::Business, 5) => day.next().next(),
        (Calendar::Business, 6) => day.next(),
        _ => day,
    }
}

fn all_days(trades: &[ClosedTrade], calendar: Calendar) -> Vec<Day> {
    let points = points(trades, Decimal::ZERO);
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return Vec::new();
    };
    let (mut day, last) = (
        belongs(first.1.day(), calendar),
        belongs(last.1.day(), calendar),
    );
    let mut days = Vec::new();
    while day <= last {
        days.push(day);
        day = belongs(day.next(), calendar);
    }
    days
}

/// `None` when a day begins with nothing.
fn returns(trades: &[ClosedTrade], days: &[Day], calendar: Calendar) -> Option<Vec<f64>> {
    let mut equity = Decimal::from(700);
    let mut returns = Vec::new();
    for day in days {
        let of_day = trades
            .iter()
            .filter(|it| belongs(it.exited.day(), calendar) == *day);
        let net: Decimal = of_day.map(|it| it.net).sum();
        if equity <= Decimal::ZERO {
            return None;
        }
        returns.push((net / equity).to_f64().unwrap());
        equity += net;
    }
    (!days.is_empty()).then_some(returns)
}
