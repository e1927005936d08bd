//! How far and how long equity was below its peak.

use crate::books::metrics::sheet::{Blank, SheetOptions};

use super::testing::{at, decimal, sheet, trades, with_equity};
use super::{of, plain, some, why};

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

/// The sheet was made without an equity then, and said that none was known.
#[test]
fn an_account_that_was_lost_before_has_no_parts_and_goes_on_in_money() {
    let options = SheetOptions {
        earned_before: decimal("-1200").into(),
        ..with_equity("1000")
    };
    let sheet = sheet(&trades(&["50", "-20"]), &options);
    let equity = &sheet.equity;
    assert_eq!(equity.starting_equity, some("-200"));
    assert_eq!(equity.final_equity, some("-170"));
    assert_eq!(equity.max_drawdown_abs, decimal("20"));
    for name in [
        "total_return",
        "max_drawdown_pct",
        "max_drawdown_pct_peak_at",
        "current_drawdown",
        "cagr",
        "sharpe",
        "calmar",
    ] {
        assert_eq!(
            sheet.nulls.get(name),
            Some(&Blank::EquityNotPositive),
            "{name}"
        );
    }
    // What was earned before is no loss of these trades.
    let grown = SheetOptions {
        earned_before: decimal("1000").into(),
        ..with_equity("1000")
    };
    let sheet = super::testing::sheet(&trades(&["-100"]), &grown);
    assert_eq!(sheet.equity.max_drawdown_pct, some("-5"));
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
