//! The tear sheet with numbers worked out by hand.

use std::collections::HashMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::testing::{at, decimal, sheet, trade, trades, with_equity};
use super::{
    Blank, BreakdownRow, BreakevenStreak, Calendar, Excursion, SheetError, SheetOptions, TearSheet,
};
use crate::books::metrics::{Basis, Equity};
use crate::books::{ClosedTrade, Leg, Pairing, Zone};
use crate::record::field::{Action, ConfigHash, ExecutionMode, Price};
use crate::record::{Stamp, TradeRecord};
use crate::time::Timestamp;

fn some(text: &str) -> Option<Decimal> {
    Some(decimal(text))
}

fn of(nets: &[&str], equity: &str) -> TearSheet {
    sheet(&trades(nets), &with_equity(equity))
}

fn plain(nets: &[&str]) -> TearSheet {
    sheet(&trades(nets), &SheetOptions::default())
}

fn why(sheet: &TearSheet, name: &str) -> Blank {
    *sheet.nulls.get(name).unwrap()
}

// --- Counts, sums and ratios -------------------------------------------------------------------

#[test]
fn without_trades_nothing_is_known_but_the_account() {
    let empty = plain(&[]);
    for name in [
        "win_rate",
        "win_rate_decided",
        "profit_factor",
        "avg_win",
        "avg_loss",
        "payoff_ratio",
        "largest_win",
        "largest_loss",
        "expectancy",
        "pnl_std",
        "sqn",
        "kelly",
        "recovery_factor",
        "cagr",
        "volatility",
        "sharpe",
        "sortino",
        "calmar",
        "exposure",
        "first_entry",
        "last_exit",
        "costs.commission_per_trade",
        "r_multiples.mean",
    ] {
        assert_eq!(why(&empty, name), Blank::NoTrades, "{name}");
    }
    assert_eq!(why(&empty, "max_drawdown_pct"), Blank::NoStartingEquity);
    assert_eq!(why(&empty, "total_return"), Blank::NoStartingEquity);
    assert_eq!(empty.counts.total_trades, 0);
    assert_eq!(empty.results.net_profit, Decimal::ZERO);
    assert_eq!((empty.annual.days, empty.annual.span_seconds), (0, 0));
    assert_eq!((empty.monthly.len(), empty.by_symbol.len()), (0, 0));

    let with_equity = of(&[], "1000");
    assert_eq!(with_equity.equity.max_drawdown_pct, some("0"));
    assert_eq!(with_equity.equity.current_drawdown, some("0"));
    assert_eq!(with_equity.equity.total_return, some("0"));
    assert_eq!(with_equity.equity.final_equity, some("1000"));
}

#[test]
fn one_trade_of_each_kind() {
    let win = of(&["100"], "1000");
    assert_eq!(win.results.win_rate, some("1"));
    assert_eq!(win.results.profit_factor, None);
    assert_eq!(win.results.profit_factor_status, Some(Blank::NoLosses));
    assert_eq!(why(&win, "avg_loss"), Blank::NoLosses);
    assert_eq!(why(&win, "kelly"), Blank::NoLosses);
    assert_eq!(why(&win, "pnl_std"), Blank::FewerThanTwoTrades);
    assert_eq!(why(&win, "recovery_factor"), Blank::NoDrawdown);
    assert_eq!(win.equity.max_drawdown_pct, some("0"));
    assert_eq!(win.equity.total_return, some("0.1"));
    assert_eq!(win.streaks.current, 1);

    let loss = of(&["-50"], "1000");
    assert_eq!(loss.results.win_rate, some("0"));
    assert_eq!(loss.results.profit_factor, some("0"));
    assert_eq!(loss.results.profit_factor_status, None);
    assert_eq!(loss.results.largest_loss, some("-50"));
    assert_eq!(why(&loss, "largest_win"), Blank::NoWins);
    // The equity before the first trade is the first peak.
    assert_eq!(loss.equity.max_drawdown_pct, some("-5"));
    assert_eq!(loss.equity.max_drawdown_abs, decimal("50"));
    assert_eq!(loss.equity.recovery_factor, some("-1"));
    assert_eq!(loss.streaks.current, -1);

    let even = of(&["0.00"], "1000");
    assert_eq!(even.results.win_rate, some("0"));
    assert_eq!(
        even.results.profit_factor_status,
        Some(Blank::NoProfitNoLoss)
    );
    assert_eq!(why(&even, "win_rate_decided"), Blank::NoDecidedTrades);
    assert_eq!(even.results.expectancy, some("0"));
    assert_eq!(even.equity.max_drawdown_pct, some("0"));
    assert_eq!(even.streaks.current, 0);
}

#[test]
fn the_ratios_of_six_trades() {
    let six = plain(&["100", "0", "-50", "0", "80", "-20"]);
    let counts = &six.counts;
    assert_eq!((counts.wins, counts.losses, counts.breakevens), (2, 2, 2));
    let results = &six.results;
    // 2 / 6 and 2 / 4.
    assert_eq!(results.win_rate, some("0.333333333333"));
    assert_eq!(results.win_rate_decided, some("0.5"));
    assert_eq!(results.gross_profit, decimal("180"));
    assert_eq!(results.gross_loss, decimal("70"));
    assert_eq!(results.net_profit, decimal("110"));
    // 180 / 70, and with 2 wins and 2 losses the same of the means, 90 / 35.
    assert_eq!(results.profit_factor, some("2.571428571429"));
    assert_eq!(results.payoff_ratio, some("2.571428571429"));
    assert_eq!(
        (results.avg_win, results.avg_loss),
        (some("90"), some("-35"))
    );
    assert_eq!(results.largest_win, some("100"));
    assert_eq!(results.largest_loss, some("-50"));
    // 110 / 6 = 2/6 x 90 - 2/6 x 35.
    assert_eq!(results.expectancy, some("18.333333333333"));
    // 0.5 - 0.5 x 35 / 90 = 0.5 - 0.19444.
    assert_eq!(results.kelly, some("0.305555555556"));
    // The squares are 10000 + 2500 + 6400 + 400 = 19300, less 110^2 / 6 = 2016.6667: 17283.3333.
    // sqrt(17283.3333 / 5) = 58.7934236685.
    assert_eq!(results.pnl_std, some("58.7934236685"));
    // sqrt(6) x 18.33333 / 58.79342.
    assert_eq!(results.sqn, some("0.763815221992"));
}

#[test]
fn negative_kelly_is_shown() {
    // w = 1/3, payoff = 10 / 20: 1/3 - (2/3) / 0.5 = -1.
    let sheet = plain(&["10", "-20", "-20"]);
    assert_eq!(sheet.results.kelly, some("-1"));
    assert_eq!(sheet.results.payoff_ratio, some("0.5"));
}

#[test]
fn equal_results_have_no_variation() {
    for net in ["0.1", "-0.1", "0"] {
        let sheet = plain(&[net; 30]);
        assert_eq!(sheet.results.pnl_std, some("0"));
        assert_eq!(why(&sheet, "sqn"), Blank::NoVariation);
    }
}

#[test]
fn small_differences_of_large_results_are_not_lost() {
    // The results are 10000000.00000001 and 10000000.00000003: sample deviation sqrt(2) x 1e-8.
    let sheet = plain(&["10000000.00000001", "10000000.00000003"]);
    assert_eq!(sheet.results.pnl_std, some("0.0000000141421356237"));
    assert_eq!(sheet.results.net_profit, decimal("20000000.00000004"));
    assert_eq!(sheet.results.expectancy, some("10000000.00000002"));
}

#[test]
fn sums_leave_no_residue() {
    let sheet = plain(&["-0.1", "-0.2", "-0.3", "0.1", "0.2", "0.3"]);
    assert_eq!(sheet.results.gross_loss, decimal("0.6"));
    assert_eq!(sheet.results.net_profit, Decimal::ZERO);
    assert_eq!(sheet.results.profit_factor, some("1"));
    assert_eq!(sheet.equity.max_drawdown_abs, decimal("0.6"));
    assert_eq!(sheet.equity.recovery_factor, some("0"));
}

#[test]
fn a_tolerance_moves_trades_and_no_sum() {
    let options = SheetOptions {
        breakeven_tolerance: decimal("1"),
        ..SheetOptions::default()
    };
    let sheet = sheet(&trades(&["100", "1", "-1", "-1.01", "0.5"]), &options);
    let counts = &sheet.counts;
    assert_eq!((counts.wins, counts.losses, counts.breakevens), (1, 1, 3));
    assert_eq!(sheet.results.gross_profit, decimal("101.50"));
    assert_eq!(sheet.results.gross_loss, decimal("2.01"));
    assert_eq!(sheet.results.avg_win, some("100"));
    assert_eq!(sheet.results.avg_loss, some("-1.01"));
    assert_eq!(sheet.streaks.current, 0);
    assert_eq!(sheet.by_symbol[0].breakevens, 3);
    assert_eq!(sheet.by_symbol[0].gross_profit, decimal("101.50"));

    // All are breakevens, and yet something was lost.
    let sheet = self::sheet(&trades(&["1", "-1"]), &options);
    assert_eq!(sheet.results.profit_factor, some("1"));
    assert_eq!(why(&sheet, "avg_win"), Blank::NoWins);
    assert_eq!(why(&sheet, "largest_loss"), Blank::NoLosses);
}

#[test]
fn a_breakeven_ends_a_streak_unless_it_is_told_otherwise() {
    let trades = trades(&["-10", "-10", "0", "-10"]);
    let streak = |breakeven_in_streak| {
        let options = SheetOptions {
            breakeven_in_streak,
            ..SheetOptions::default()
        };
        sheet(&trades, &options).streaks.longest_loss
    };
    assert_eq!(streak(BreakevenStreak::Ends), 2);
    assert_eq!(streak(BreakevenStreak::Loses), 4);
    assert_eq!(streak(BreakevenStreak::Skips), 3);
}

#[test]
fn the_gross_basis_counts_results_before_commission() {
    let mut trades = trades(&["-1", "9"]);
    trades[0].gross = decimal("1");
    trades[0].commission = decimal("2");
    trades[1].gross = decimal("10");
    trades[1].commission = decimal("1");
    let net = sheet(&trades, &SheetOptions::default());
    assert_eq!((net.counts.wins, net.counts.losses), (1, 1));
    let options = SheetOptions {
        basis: Basis::Gross,
        ..SheetOptions::default()
    };
    let gross = sheet(&trades, &options);
    assert_eq!((gross.counts.wins, gross.counts.losses), (2, 0));
    assert_eq!(gross.results.net_profit, decimal("11"));
    assert_eq!(serde_json::to_value(&gross).unwrap()["basis"], "gross");
}

// --- Drawdown ----------------------------------------------------------------------------------

#[test]
fn the_deepest_part_of_a_peak_need_not_be_the_most_money() {
    // 100, 50 (-50 %), 1050, 950 (-9.5 %, 100 in money).
    let nets = ["-50", "1000", "-100"];
    let sheet = of(&nets, "100");
    let equity = &sheet.equity;
    assert_eq!(equity.max_drawdown_pct, some("-50"));
    // The first peak was before the first trade, at its entry.
    let first_entry = at("2025-11-03T09:00:00Z");
    assert_eq!(equity.max_drawdown_pct_peak_at, Some(first_entry));
    let first_exit = at("2025-11-03T10:00:00Z");
    assert_eq!(equity.max_drawdown_pct_trough_at, Some(first_exit));
    assert_eq!(equity.max_drawdown_abs, decimal("100"));
    let second = at("2025-11-03T10:01:00Z");
    assert_eq!(equity.max_drawdown_abs_peak_at, Some(second));
    let third = at("2025-11-03T10:02:00Z");
    assert_eq!(equity.max_drawdown_abs_trough_at, Some(third));
    // 850 / 100, and (950 - 1050) / 1050.
    assert_eq!(equity.recovery_factor, some("8.5"));
    assert_eq!(equity.current_drawdown, some("-0.095238095238"));
    assert_eq!(equity.current_drawdown_abs, decimal("100"));

    // Without a starting equity money is all there is.
    let plain = plain(&nets);
    assert_eq!(plain.equity.max_drawdown_abs, decimal("100"));
    assert_eq!(why(&plain, "max_drawdown_pct"), Blank::NoStartingEquity);
    assert_eq!(
        why(&plain, "max_drawdown_pct_peak_at"),
        Blank::NoStartingEquity
    );
    assert_eq!(why(&plain, "current_drawdown"), Blank::NoStartingEquity);
}

#[test]
fn ruin_is_a_hundred_per_cent_and_money_goes_on() {
    let zero = of(&["-100"], "100");
    assert_eq!(zero.equity.max_drawdown_pct, some("-100"));
    assert_eq!(zero.equity.current_drawdown, some("-1"));
    assert_eq!(zero.equity.total_return, some("-1"));

    let below = of(&["50", "-170", "-30", "10"], "100");
    assert_eq!(below.equity.max_drawdown_pct, some("-100"));
    // The first point at which all was lost is the trough: what is lost beyond it is no deeper.
    let ruin = at("2025-11-03T10:01:00Z");
    assert_eq!(below.equity.max_drawdown_pct_trough_at, Some(ruin));
    assert_eq!(below.equity.max_drawdown_abs, decimal("200"));
    let lowest = at("2025-11-03T10:02:00Z");
    assert_eq!(below.equity.max_drawdown_abs_trough_at, Some(lowest));
    assert_eq!(below.equity.final_equity, some("-40"));
    assert_eq!(below.equity.total_return, some("-1.4"));
    assert_eq!(below.equity.current_drawdown, some("-1"));
    assert_eq!(below.equity.current_drawdown_abs, decimal("190"));
}

#[test]
fn back_at_the_old_peak_is_recovered_and_the_last_touch_counts() {
    // 100, 90, 100, 100, 95, 96: the peak is touched at the second and third trade.
    let sheet = of(&["-10", "10", "0", "-5", "1"], "100");
    let equity = &sheet.equity;
    // From the entry of the first trade, 9:00, to the exit of the second, 10:01.
    assert_eq!(equity.max_drawdown_duration_seconds, 61 * 60);
    assert_eq!(equity.max_drawdown_duration_recovered, Some(true));
    let (from, to) = ("2025-11-03T09:00:00Z", "2025-11-03T10:01:00Z");
    assert_eq!(equity.max_drawdown_duration_from, Some(at(from)));
    assert_eq!(equity.max_drawdown_duration_to, Some(at(to)));
    assert_eq!(equity.max_drawdown_duration_trades, 2);
    assert_eq!(equity.current_drawdown, some("-0.04"));

    let still_below = of(&["10", "-1", "-1", "-1"], "100").equity;
    // From 10:00 to the last exit at 10:03.
    assert_eq!(still_below.max_drawdown_duration_seconds, 3 * 60);
    assert_eq!(still_below.max_drawdown_duration_recovered, Some(false));
    assert_eq!(still_below.max_drawdown_duration_trades, 3);
}

#[test]
fn exits_out_of_order_are_put_in_order_and_equal_times_stay_as_in_the_log() {
    let mut trades = trades(&["-60", "60", "-60"]);
    let same = at("2025-11-03T10:00:00Z");
    trades.iter_mut().for_each(|it| it.exited = same);
    let in_log = sheet(&trades, &with_equity("100"));
    // 100, 40, 100, 40. In another order it would be 100, 160, 100, 40 or 100, 40, -20, 40.
    assert_eq!(in_log.equity.max_drawdown_pct, some("-60"));
    assert_eq!(in_log.streaks.longest_loss, 1);
    trades.swap(0, 1);
    assert_eq!(sheet(&trades, &with_equity("100")), in_log);
    trades.reverse();
    assert_eq!(sheet(&trades, &with_equity("100")), in_log);
}

// --- A year ------------------------------------------------------------------------------------

/// Monday +1 %, Tuesday -1 %, Wednesday nothing, Thursday +1 %.
fn four_days() -> Vec<ClosedTrade> {
    vec![
        trade("2025-11-03T15:00:00Z", "100"),
        trade("2025-11-04T15:00:00Z", "-101"),
        trade("2025-11-06T15:00:00Z", "99.99"),
    ]
}

#[test]
fn sharpe_sortino_and_volatility_of_four_days() {
    let sheet = sheet(&four_days(), &with_equity("10000"));
    let annual = &sheet.annual;
    assert_eq!(annual.days, 4);
    // The returns are 0.01, -0.01 (101 of 10,100), 0 and 0.01 (99.99 of 9,999); their mean is 0.0025.
    // Squares: 0.0075^2 + 0.0125^2 + 0.0025^2 + 0.0075^2 = 0.000275; / 3 = 0.0000916667.
    // sqrt(0.0000916667) = 0.00957427; x sqrt(252) = 0.151986841536.
    assert_eq!(annual.volatility, some("0.151986841536"));
    // sqrt(252) x 0.0025 / 0.00957427 = sqrt(252 x 0.00000625 x 3 / 0.000275) = sqrt(17.181818).
    assert_eq!(annual.sharpe, some("4.14509567825"));
    // The one day below 0: sqrt(0.0001 / 4) = 0.005; sqrt(252) x 0.0025 / 0.005 = sqrt(252) / 2.
    assert_eq!(annual.sortino, some("7.93725393319"));
    assert_eq!(why(&sheet, "cagr"), Blank::SpanTooShort);
    assert_eq!(why(&sheet, "calmar"), Blank::SpanTooShort);
}

#[test]
fn what_money_earns_without_risk_is_taken_off_each_day() {
    let options = SheetOptions {
        rf: decimal("0.05"),
        ..with_equity("10000")
    };
    let sheet = sheet(&four_days(), &options);
    // 1.05^(1/252) - 1 = 0.000193630507. Sharpe: (0.0025 - 0.000193630507) / 0.00957427 x sqrt(252).
    assert_eq!(sheet.annual.sharpe, some("3.82404888791"));
    // Below the target are -0.01 and 0: sqrt((0.010193630507^2 + 0.000193630507^2) / 4) = 0.00509773456.
    assert_eq!(sheet.annual.sortino, some("7.18210792217"));
    assert_eq!(sheet.annual.volatility, some("0.151986841536"));
}

#[test]
fn every_day_is_a_day_where_markets_never_close() {
    let options = SheetOptions {
        calendar: Calendar::All,
        periods_per_year: 365,
        ..with_equity("10000")
    };
    // Friday +1 %, nothing on Saturday, Sunday -1 %, Monday nothing, Tuesday +1 %: 5 days.
    let trades = [
        trade("2025-10-31T15:00:00Z", "100"),
        trade("2025-11-02T15:00:00Z", "-101"),
        trade("2025-11-04T15:00:00Z", "99.99"),
    ];
    let all = sheet(&trades, &options);
    assert_eq!(all.annual.days, 5);
    // mean 0.002; squares 0.008^2 x 2 + 0.012^2 + 0.002^2 x 2 = 0.00028; / 4 = 0.00007.
    // sqrt(365 x 0.002^2 / 0.00007) = sqrt(20.857142857).
    assert_eq!(all.annual.sharpe, some("4.56696210376"));

    // On weekdays Sunday's result is Monday's: Friday, Monday and Tuesday.
    let business = sheet(&trades, &with_equity("10000"));
    assert_eq!(business.annual.days, 3);
    // mean 0.0033333; squares 0.0066667^2 x 2 + 0.0133333^2 = 0.000266667; / 2 = 0.000133333.
    // sqrt(252 x 0.0000111111 / 0.000133333) = sqrt(21).
    assert_eq!(business.annual.sharpe, some("4.58257569496"));
    // The weekday of a breakdown is the one that it was.
    let days = business.by_exit_weekday.iter();
    let days: Vec<&str> = days.filter_map(|it| it.key.as_deref()).collect();
    assert_eq!(days, ["tuesday", "friday", "sunday"]);
}

#[test]
fn a_weekend_alone_is_the_monday_after_it() {
    let trades = [
        trade("2025-11-01T15:00:00Z", "100"),
        trade("2025-11-02T15:00:00Z", "-50"),
    ];
    let weekend = sheet(&trades, &with_equity("1000"));
    assert_eq!(weekend.annual.days, 1);
    assert_eq!(why(&weekend, "sharpe"), Blank::FewerThanTwoDays);
    assert_eq!(why(&weekend, "volatility"), Blank::FewerThanTwoDays);
    assert_eq!(why(&weekend, "sortino"), Blank::NoDayBelowTarget);
}

#[test]
fn equal_days_have_no_sharpe_and_no_sortino() {
    // 1 % on each of three days, as fractions that floating-point numbers do not hold.
    let trades = [
        trade("2025-11-03T15:00:00Z", "0.1"),
        trade("2025-11-04T15:00:00Z", "0.101"),
        trade("2025-11-05T15:00:00Z", "0.10201"),
    ];
    let equal = sheet(&trades, &with_equity("10"));
    assert_eq!(equal.annual.volatility, some("0"));
    assert_eq!(why(&equal, "sharpe"), Blank::NoVariation);
    assert_eq!(why(&equal, "sortino"), Blank::NoDayBelowTarget);
    // With a day without exits between them they are not equal.
    let spread = [trades[0].clone(), trade("2025-11-05T15:00:00Z", "0.101")];
    assert!(sheet(&spread, &with_equity("10")).annual.sharpe.is_some());
    let even = sheet(
        &[
            trade("2025-11-03T15:00:00Z", "0"),
            trade("2025-11-07T15:00:00Z", "0"),
        ],
        &with_equity("10"),
    );
    assert_eq!(even.annual.days, 5);
    assert_eq!(why(&even, "sharpe"), Blank::NoVariation);
}

#[test]
fn a_day_that_begins_with_nothing_has_no_return() {
    let ruin = [
        trade("2025-11-03T15:00:00Z", "-100"),
        trade("2025-11-04T15:00:00Z", "20"),
    ];
    let sheet = sheet(&ruin, &with_equity("100"));
    for name in ["volatility", "sharpe", "sortino"] {
        assert_eq!(why(&sheet, name), Blank::EquityNotPositive);
    }
    // Ruin on the last day leaves every day a beginning.
    let last = [
        trade("2025-11-03T15:00:00Z", "20"),
        trade("2025-11-04T15:00:00Z", "-180"),
    ];
    let sheet = self::sheet(&last, &with_equity("100"));
    // Returns 0.2 and -1.5: mean -0.65, downside sqrt(2.25 / 2). -sqrt(252 x 0.65^2 / 1.125) = -sqrt(94.64).
    assert_eq!(sheet.annual.sortino, some("-9.72830920561"));
}

#[test]
fn growth_of_two_years_is_the_root_of_it() {
    // From 2020-01-01 two years of 31,557,600 seconds, 730.5 days, end at noon of 2021-12-31.
    let mut first = trade("2020-06-01T00:00:00Z", "-50");
    first.entered = Some(at("2020-01-01T00:00:00Z"));
    let trades = [first, trade("2021-12-31T12:00:00Z", "260")];
    let sheet = sheet(&trades, &with_equity("1000"));
    assert_eq!(sheet.annual.span_seconds, 63_115_200);
    // sqrt(1210 / 1000) - 1.
    assert_eq!(sheet.annual.cagr, some("0.1"));
    // 50 of 1,000 were lost on the way: 0.1 / 0.05.
    assert_eq!(sheet.annual.calmar, some("2"));
    assert_eq!(sheet.equity.total_return, some("0.21"));
}

#[test]
fn ninety_days_are_enough_for_a_year_and_less_is_not() {
    let mut one = trade("2025-04-01T00:00:00Z", "10");
    one.entered = Some(at("2025-01-01T00:00:00Z"));
    // 1.01^(365.25 / 90) - 1 = exp(4.05833333 x 0.00995033085) - 1 = exp(0.0403817594) - 1.
    let enough = sheet(&[one.clone()], &with_equity("1000"));
    let cagr = enough.annual.cagr.unwrap();
    assert!(
        (cagr - decimal("0.04120820")).abs() < decimal("0.0000001"),
        "{cagr}"
    );
    assert_eq!(why(&enough, "calmar"), Blank::NoDrawdown);

    one.entered = Some(at("2025-01-01T00:00:00.000000001Z"));
    let short = sheet(&[one.clone()], &with_equity("1000"));
    assert_eq!(why(&short, "cagr"), Blank::SpanTooShort);
    let options = SheetOptions {
        cagr_days_min: 0,
        ..with_equity("1000")
    };
    assert!(sheet(&[one.clone()], &options).annual.cagr.is_some());
    one.entered = Some(one.exited);
    assert_eq!(why(&sheet(&[one], &options), "cagr"), Blank::NoSpan);
}

#[test]
fn who_lost_everything_has_lost_all_of_it_in_a_year_too() {
    for net in ["-1000", "-1089"] {
        let mut one = trade("2025-12-31T00:00:00Z", net);
        one.entered = Some(at("2025-01-01T00:00:00Z"));
        let sheet = sheet(&[one], &with_equity("1000"));
        assert_eq!(sheet.annual.cagr, some("-1"));
        assert_eq!(sheet.annual.calmar, some("-1"));
    }
}

#[test]
fn time_that_trades_share_counts_once() {
    let open = |from: &str, to: &str| {
        let mut trade = trade(&format!("2025-11-03T{to}:00Z"), "1");
        trade.entered = Some(at(&format!("2025-11-03T{from}:00Z")));
        trade
    };
    // 9 to 11, 10 to 12 within 8 to 12:30, and 14 to 16: 4.5 + 2 of the 8 hours from 8 to 16.
    let trades = [
        open("09:00", "11:00"),
        open("10:00", "12:00"),
        open("08:00", "12:30"),
        open("14:00", "16:00"),
    ];
    let all = sheet(&trades, &SheetOptions::default());
    assert_eq!(all.exposure, some("0.8125"));
    assert_eq!(all.counts.first_entry, Some(at("2025-11-03T08:00:00Z")));
    assert_eq!(all.annual.span_seconds, 8 * 3600);

    let mut unknown = trades.to_vec();
    unknown.iter_mut().for_each(|it| it.entered = None);
    let sheet = sheet(&unknown, &SheetOptions::default());
    assert_eq!(why(&sheet, "exposure"), Blank::EntryTimeUnknown);
    assert_eq!(why(&sheet, "first_entry"), Blank::EntryTimeUnknown);
    assert_eq!(sheet.counts.entry_time_unknown, 4);
    // What is known begins with the first exit.
    assert_eq!(sheet.annual.span_seconds, 5 * 3600);
    let rows = &sheet.by_entry_hour_utc;
    assert_eq!((rows.len(), &rows[0].key, rows[0].trades), (1, &None, 4));

    let mut instant = trades[0].clone();
    instant.entered = Some(instant.exited);
    let sheet = self::sheet(&[instant], &SheetOptions::default());
    assert_eq!(why(&sheet, "exposure"), Blank::NoSpan);
}

// --- Breakdowns and months ---------------------------------------------------------------------

fn keys(rows: &[BreakdownRow]) -> Vec<(Option<&str>, u64, String)> {
    let row = |it: &BreakdownRow| it.net.normalize().to_string();
    rows.iter()
        .map(|it| (it.key.as_deref(), it.trades, row(it)))
        .collect()
}

#[test]
fn breakdowns_have_a_row_for_each_key() {
    let mut trades = trades(&["10", "-4", "0", "6"]);
    trades[0].symbol = "TSLA".parse().unwrap();
    trades[1].mode = ExecutionMode::Paper;
    trades[2].strategy = "a-reversal".to_owned();
    trades[3].account_id = Some("main".parse().unwrap());
    trades[3].entered = Some(at("2025-11-03T00:59:59Z"));
    trades[2].entered = None;
    trades[0].commission = decimal("0.5");
    let sheet = sheet(&trades, &SheetOptions::default());
    let row = |key, trades, net: &str| (key, trades, net.to_owned());
    assert_eq!(
        keys(&sheet.by_symbol),
        [row(Some("AAPL"), 3, "2"), row(Some("TSLA"), 1, "10")]
    );
    assert_eq!(
        keys(&sheet.by_strategy),
        [
            row(Some("a-reversal"), 1, "0"),
            row(Some("breakout"), 3, "12")
        ]
    );
    assert_eq!(
        keys(&sheet.by_account),
        [row(Some("main"), 1, "6"), row(None, 3, "6")]
    );
    assert_eq!(why(&sheet, "by_account.key"), Blank::NoAccount);
    assert_eq!(
        keys(&sheet.by_execution_mode),
        [row(Some("PAPER"), 1, "-4"), row(Some("LIVE"), 3, "16")]
    );
    assert_eq!(
        keys(&sheet.by_entry_hour_utc),
        [
            row(Some("00"), 1, "6"),
            row(Some("09"), 2, "6"),
            row(None, 1, "0")
        ]
    );
    let tesla = &sheet.by_symbol[1];
    assert_eq!(tesla.commission, decimal("0.5"));
    assert_eq!(tesla.profit_factor_status, Some(Blank::NoLosses));
    let apple = &sheet.by_symbol[0];
    assert_eq!(apple.profit_factor, some("1.5"));
    assert_eq!(apple.win_rate, decimal("0.333333333333"));
    assert_eq!(apple.expectancy, decimal("0.666666666667"));
}

#[test]
fn every_month_between_two_exits_has_a_row() {
    let trades = [
        trade("2024-11-30T23:59:59Z", "100"),
        trade("2025-02-01T00:00:00Z", "-55"),
        trade("2025-02-28T12:00:00Z", "-55"),
    ];
    let sheet = sheet(&trades, &with_equity("1000"));
    let months: Vec<Value> = sheet.monthly.iter().map(|it| json!(it)).collect();
    let row = |month: &str, trades: u64, net: &str, growth: &str| {
        json!({
            "month": month, "trades": trades, "net": net, "return": growth, "return_status": null,
        })
    };
    assert_eq!(
        months,
        [
            row("2024-11", 1, "100", "0.1"),
            row("2024-12", 0, "0", "0"),
            row("2025-01", 0, "0", "0"),
            row("2025-02", 2, "-110", "-0.1"),
        ]
    );
    // 1.1 x 1 x 1 x 0.9 = 990 / 1000.
    assert_eq!(sheet.equity.final_equity, some("990"));
    let years: Vec<_> = sheet
        .yearly
        .iter()
        .map(|it| (it.year.as_str(), it.net.to_string(), it.growth))
        .collect();
    assert_eq!(
        years,
        [
            ("2024", "100".to_owned(), some("0.1")),
            ("2025", "-110".to_owned(), some("-0.1")),
        ]
    );
}

#[test]
fn a_month_that_begins_with_nothing_has_no_return() {
    let trades = [
        trade("2025-01-31T12:00:00Z", "-100"),
        trade("2025-02-01T12:00:00Z", "300"),
        trade("2025-03-01T12:00:00Z", "60"),
    ];
    let sheet = sheet(&trades, &with_equity("100"));
    let returns: Vec<_> = sheet
        .monthly
        .iter()
        .map(|it| (it.growth, it.return_status))
        .collect();
    assert_eq!(
        returns,
        [
            (some("-1"), None),
            (None, Some(Blank::EquityNotPositive)),
            (some("0.2"), None),
        ]
    );
    assert_eq!(
        sheet.yearly[0].return_status,
        Some(Blank::EquityNotPositive)
    );
    let sheet = self::sheet(&trades, &SheetOptions::default());
    assert!(
        sheet
            .monthly
            .iter()
            .all(|it| it.return_status == Some(Blank::NoStartingEquity))
    );
}

#[test]
fn a_zone_moves_days_weekdays_and_months_and_no_entry_hour() {
    let trades = [trade("2025-12-01T02:00:00Z", "10")];
    let options = SheetOptions {
        zone: Zone::new(|_| -5 * 3600),
        ..SheetOptions::default()
    };
    let sheet = sheet(&trades, &options);
    assert_eq!(sheet.monthly[0].month, "2025-11");
    assert_eq!(sheet.by_exit_weekday[0].key.as_deref(), Some("sunday"));
    assert_eq!(sheet.by_entry_hour_utc[0].key.as_deref(), Some("01"));
}

// --- Costs, risk and excursions ----------------------------------------------------------------

#[test]
fn costs_are_told_and_slippage_is_taken_off_nowhere() {
    let mut trades = trades(&["90", "-30"]);
    // 10 shares at 100: 1,000 each.
    trades[0].gross = decimal("100");
    trades[0].commission = decimal("10");
    trades[0].slippage = decimal("0.50");
    trades[0].entry_commission = decimal("1.25");
    trades[1].gross = decimal("-25");
    trades[1].commission = decimal("5");
    trades[1].slippage = decimal("0.10");
    let costs = sheet(&trades, &SheetOptions::default()).costs;
    assert_eq!(costs.commission, decimal("15"));
    assert_eq!(costs.commission_per_trade, some("7.5"));
    // 15 of 2,000 is 0.75 %.
    assert_eq!(costs.commission_bps, some("75"));
    assert_eq!(costs.commission_of_gross_profit, some("0.15"));
    assert_eq!(costs.entry_commission, decimal("1.25"));
    assert_eq!(costs.slippage, decimal("0.60"));
    assert_eq!(costs.slippage_per_trade, some("0.3"));
    assert_eq!(costs.slippage_bps, some("3"));
    assert_eq!(costs.entry_value, decimal("2000"));

    // A trade without an entry has no entry value, and its costs are no part of one.
    trades[1].entry_price = None;
    let costs = sheet(&trades, &SheetOptions::default()).costs;
    assert_eq!(costs.commission, decimal("15"));
    assert_eq!(costs.entry_value_missing, 1);
    assert_eq!(costs.commission_bps, some("100"));
    trades[0].entry_price = None;
    let none = sheet(&trades[..1], &SheetOptions::default());
    assert_eq!(why(&none, "costs.commission_bps"), Blank::NoEntryValue);
    let none = sheet(&trades[1..], &SheetOptions::default());
    assert_eq!(
        why(&none, "costs.commission_of_gross_profit"),
        Blank::NoGrossProfit
    );
}

#[test]
fn results_in_units_of_the_first_risk() {
    let price = |text: &str| Some(text.parse::<Price>().unwrap());
    // 10 shares at 100; a stop at 98 risks 20.
    let mut trades = trades(&["50", "-20", "-25", "30", "10", "1", "1", "1"]);
    for trade in &mut trades[..3] {
        trade.stop_loss = price("98");
    }
    // A short trade's stop is above its entry: at 103 it risks 30.
    trades[3].direction = Action::Sell;
    trades[3].stop_loss = price("103");
    // On the wrong side, both ways; none; and at the entry, where nothing is risked.
    trades[4].stop_loss = price("102");
    trades[5].stop_loss = price("98");
    trades[5].direction = Action::Sell;
    trades[7].stop_loss = price("100.00");
    let r = sheet(&trades, &SheetOptions::default()).r_multiples;
    assert_eq!((r.count, r.wrong_side, r.missing), (4, 2, 2));
    // 2.5, -1, -1.25 and 1.
    assert_eq!((r.best, r.worst), (some("2.5"), some("-1.25")));
    assert_eq!(r.mean, some("0.3125"));
    assert_eq!(r.median, some("0"));
    let spread: Vec<_> = r
        .distribution
        .iter()
        .filter(|it| it.count > 0)
        .map(|it| (it.from, it.below, it.count))
        .collect();
    assert_eq!(
        spread,
        [
            (some("-2"), some("-1"), 1),
            (some("-1"), some("0"), 1),
            (some("1"), some("2"), 1),
            (some("2"), some("3"), 1),
        ]
    );
    assert_eq!(r.distribution.iter().map(|it| it.count).sum::<u64>(), 4);
    assert_eq!(r.distribution[0].from, None);
    assert_eq!(r.distribution[9].below, None);
    let none = plain(&["1"]);
    assert_eq!(why(&none, "r_multiples.mean"), Blank::NoRisk);
}

#[test]
fn the_middle_of_an_odd_number_of_multiples_is_one_of_them() {
    let mut trades = trades(&["10", "-20", "60"]);
    for trade in &mut trades {
        trade.stop_loss = Some("99".parse().unwrap());
    }
    let r = sheet(&trades, &SheetOptions::default()).r_multiples;
    assert_eq!(r.median, some("1"));
    // 5 / 3.
    assert_eq!(r.mean, some("1.666666666667"));
}

#[test]
fn excursions_are_split_by_winners_and_losers() {
    let mut trades = trades(&["50", "30", "-20", "-10", "5"]);
    trades[0].stop_loss = Some("98".parse().unwrap());
    let given = [
        (0, "-10", "60"),
        (1, "0", "40"),
        (2, "-30", "8"),
        // It lost 10, and is said never to have been more than 9 behind.
        (3, "-9", "0"),
    ];
    let excursions = given.map(|(place, mae, mfe)| {
        let trade: &ClosedTrade = &trades[place];
        let (mae, mfe) = (decimal(mae), decimal(mfe));
        (trade.order_id.clone(), Excursion { mae, mfe })
    });
    let options = SheetOptions {
        excursions: Some(HashMap::from(excursions)),
        ..SheetOptions::default()
    };
    let all = sheet(&trades, &options);
    let found = all.excursions.as_ref().unwrap();
    assert_eq!((found.count, found.missing, found.conflicts), (4, 1, 1));
    let winners = &found.winners;
    assert_eq!(winners.trades, 2);
    assert_eq!(
        (winners.mae_mean, winners.mae_worst),
        (some("-5"), some("-10"))
    );
    assert_eq!(
        (winners.mfe_mean, winners.mfe_best),
        (some("50"), some("60"))
    );
    // The first risked 20.
    assert_eq!(winners.with_risk, 1);
    assert_eq!(
        (winners.mae_mean_r, winners.mfe_best_r),
        (some("-0.5"), some("3"))
    );
    assert_eq!(found.losers.mae_mean, some("-30"));
    assert_eq!(why(&all, "excursions.losers.mae_mean_r"), Blank::NoRisk);
    assert_eq!(why(&all, "excursions.breakevens.mae_mean"), Blank::NoTrades);
    let without = sheet(&trades, &SheetOptions::default());
    assert_eq!(why(&without, "excursions"), Blank::NotGiven);
}

// --- From records ------------------------------------------------------------------------------

fn entry(order_id: &str, time: &str, action: Action) -> TradeRecord {
    let stamp = Stamp {
        session_id: "550e8400-e29b-41d4-a716-446655440000".parse().unwrap(),
        bot_version: "1.0.0".parse().unwrap(),
        config_hash: ConfigHash::of(b"hello"),
    };
    TradeRecord::entry("AAPL", action, 50, "150.25")
        .at(at(time))
        .order_id(order_id)
        .mode(ExecutionMode::Paper)
        .strategy("bull-flag", "breakout")
        .because("Bull flag")
        .stop_loss("148.25")
        .commission("0.75")
        .stamp(&stamp)
        .build()
        .unwrap()
}

fn closed(records: &[TradeRecord]) -> Vec<ClosedTrade> {
    let mut pairing = Pairing::new();
    for (place, record) in (0..).zip(records) {
        pairing.take(Leg::of(record, place).unwrap()).unwrap();
    }
    pairing.closed().unwrap()
}

#[test]
fn records_become_a_sheet() {
    let first = entry("1", "2025-11-03T14:30:00Z", Action::Buy);
    let second = entry("2", "2025-11-03T15:30:00Z", Action::Sell);
    let exit = |of: &TradeRecord, time: &str, price: &str| {
        let exit = of.exit(at(time), price).because("Target");
        exit.commission("0.50").slippage("0.02").build().unwrap()
    };
    // The first exit is told twice: the second telling replaces it.
    let wrong = exit(&first, "2025-11-03T15:00:00Z", "999");
    let right = exit(&first, "2025-11-03T15:00:00Z", "152.00");
    let loss = exit(&second, "2025-11-03T16:00:00Z", "151.25");
    let trades = closed(&[first, wrong, second, right, loss]);
    let sheet = sheet(&trades, &with_equity("1000"));
    // 50 x 1.75 - 0.50 = 87.00; 50 x -1.00 - 0.50 = -50.50.
    assert_eq!(sheet.results.net_profit.to_string(), "36.50");
    assert_eq!(sheet.results.gross_profit.to_string(), "87.00");
    assert_eq!(sheet.costs.commission, decimal("1.00"));
    assert_eq!(sheet.costs.entry_commission, decimal("1.50"));
    assert_eq!(sheet.costs.slippage, decimal("0.04"));
    // The stop of the short trade is below its entry.
    let r = &sheet.r_multiples;
    assert_eq!((r.count, r.wrong_side, r.mean), (1, 1, some("0.87")));
    assert_eq!(sheet.counts.label_conflicts, 0);
    assert_eq!(sheet.by_execution_mode[0].key.as_deref(), Some("PAPER"));
    // (950 .. the second trade): 50.5 of 1,087.
    assert_eq!(sheet.equity.max_drawdown_pct, some("-4.645814167433"));
}

#[test]
fn the_sign_of_the_net_result_counts_and_a_wrong_label_is_told() {
    let entry = entry("1", "2025-11-03T14:30:00Z", Action::Buy);
    // A gross win of 0.50 that its commission turns into a loss: the record says so itself.
    let exit = entry
        .exit(at("2025-11-03T15:00:00Z"), "150.26")
        .commission("2")
        .build()
        .unwrap();
    let mut trades = closed(&[entry, exit]);
    let honest = sheet(&trades, &SheetOptions::default());
    assert_eq!((honest.counts.wins, honest.counts.losses), (0, 1));
    assert_eq!(honest.counts.label_conflicts, 0);
    trades[0].label_conflict = true;
    let labelled = sheet(&trades, &SheetOptions::default());
    assert_eq!(labelled.counts.label_conflicts, 1);
    assert_eq!(labelled.counts.losses, 1);
}

#[test]
fn the_json_has_its_members_in_order() {
    let text = serde_json::to_string(&of(&["1", "-2"], "100")).unwrap();
    let names = [
        "basis",
        "total_trades",
        "wins",
        "losses",
        "breakevens",
        "label_conflicts",
        "first_entry",
        "last_exit",
        "win_rate",
        "win_rate_decided",
        "gross_profit",
        "gross_loss",
        "net_profit",
        "profit_factor",
        "profit_factor_status",
        "avg_win",
        "avg_loss",
        "payoff_ratio",
        "expectancy",
        "pnl_std",
        "sqn",
        "kelly",
        "total_return",
        "max_drawdown_pct",
        "max_drawdown_abs",
        "max_drawdown_duration_seconds",
        "current_drawdown",
        "recovery_factor",
        "days",
        "cagr",
        "volatility",
        "sharpe",
        "sortino",
        "calmar",
        "exposure",
        "streaks",
        "costs",
        "r_multiples",
        "excursions",
        "by_symbol",
        "by_strategy",
        "by_account",
        "by_execution_mode",
        "by_entry_hour_utc",
        "by_exit_weekday",
        "monthly",
        "yearly",
        "nulls",
    ];
    let places = names.map(|it| text.find(&format!("\"{it}\":")).unwrap());
    assert!(places.is_sorted(), "{text}");
    assert!(text.contains(r#""first_entry":"2025-11-03T09:00:00.000Z""#));
    assert!(text.contains(r#""win_rate":"0.5""#));
    assert!(text.contains(r#""cagr":"span_too_short""#));
    assert!(text.contains(r#""streaks":{"longest_win":1,"longest_loss":1,"current":-1}"#));
}

#[test]
fn the_words_of_the_reasons_are_those_of_the_json() {
    for blank in [
        Blank::NoProfitNoLoss,
        Blank::FewerThanTwoDays,
        Blank::DoesNotFit,
    ] {
        assert_eq!(json!(blank), blank.as_str());
    }
}

// --- What is refused ---------------------------------------------------------------------------

fn refused(trades: &[ClosedTrade], options: &SheetOptions) -> String {
    TearSheet::of(trades, options).unwrap_err().to_string()
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let with = |change: fn(&mut SheetOptions)| {
        let mut options = SheetOptions::default();
        change(&mut options);
        refused(&[], &options)
    };
    assert_eq!(
        with(|it| it.breakeven_tolerance = decimal("-0.01")),
        "breakeven tolerance must be 0 or more, got -0.01"
    );
    assert_eq!(
        with(|it| it.periods_per_year = 0),
        "periods per year must be 1 or more, got 0"
    );
    assert_eq!(
        with(|it| it.rf = decimal("-1")),
        "risk-free rate must be above -1, got -1"
    );
}

#[test]
fn sums_that_do_not_fit_name_their_order() {
    let most = "79228162514264337593543950335";
    let name = |trade: &ClosedTrade| trade.order_id.to_string();
    let trades = self::trades(&[most, "1"]);
    assert_eq!(
        refused(&trades, &SheetOptions::default()),
        format!(
            "add up results: with order {} they do not fit into 96 bits and 28 places",
            name(&trades[1])
        )
    );
    // Beside a number with 28 places there is no room for 8 digits.
    let trades = self::trades(&["0.0000000000000000000000000001", "10000000"]);
    let error = TearSheet::of(&trades, &SheetOptions::default()).unwrap_err();
    assert_eq!(
        error,
        SheetError::TooLarge {
            field: "results",
            order_id: trades[1].order_id.clone()
        }
    );
    // Zeros at the end take no room.
    let trades = self::trades(&["1.0000000000000000000000000000", "10000000"]);
    let sheet = plain_of(&trades);
    assert_eq!(sheet.results.net_profit, decimal("10000001"));

    let mut costly = self::trades(&["1", "1"]);
    costly
        .iter_mut()
        .for_each(|it| it.commission = decimal(most));
    assert!(refused(&costly, &SheetOptions::default()).starts_with("add up commission: "));

    let options = SheetOptions {
        starting_equity: Some(Equity::new(decimal(most)).unwrap()),
        ..SheetOptions::default()
    };
    let error = refused(&self::trades(&["0.1"]), &options);
    assert!(error.contains("with the starting equity"), "{error}");
    let error = refused(&self::trades(&["1"]), &options);
    assert!(error.starts_with("add up results: with order"), "{error}");
}

fn plain_of(trades: &[ClosedTrade]) -> TearSheet {
    sheet(trades, &SheetOptions::default())
}

#[test]
fn the_largest_numbers_that_fit_are_kept() {
    let most = "79228162514264337593543950335";
    let sheet = plain(&[most]);
    assert_eq!(sheet.results.net_profit.to_string(), most);
    let sheet = plain(&["-79228162514264337593543950335"]);
    assert_eq!(sheet.equity.max_drawdown_abs.to_string(), most);
    let ends = [Timestamp::MIN, Timestamp::MAX];
    let mut trades = trades(&["1", "1"]);
    for (trade, end) in trades.iter_mut().zip(ends) {
        (trade.exited, trade.entered) = (end, Some(end));
    }
    let sheet = self::sheet(&trades, &with_equity("1"));
    assert_eq!(sheet.monthly.len(), 9999 * 12);
    assert_eq!(sheet.yearly.len(), 9999);
}
