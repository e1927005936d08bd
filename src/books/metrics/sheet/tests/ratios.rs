//! Counts, sums and ratios.

use rust_decimal::Decimal;

use crate::books::metrics::Basis;
use crate::books::metrics::sheet::{Blank, BreakevenStreak, SheetOptions};

use super::testing::{decimal, sheet, trades};
use super::{of, plain, some, why};

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
    let sheet = super::testing::sheet(&trades(&["1", "-1"]), &options);
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
