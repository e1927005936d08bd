//! Growth, its risk and the days that they stand on.

use crate::books::ClosedTrade;
use crate::books::metrics::sheet::{Blank, Calendar, SheetOptions};

use super::testing::{at, decimal, sheet, trade, with_equity};
use super::{some, why};

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
    let sheet = super::testing::sheet(&last, &with_equity("100"));
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
    let sheet = super::testing::sheet(&[instant], &SheetOptions::default());
    assert_eq!(why(&sheet, "exposure"), Blank::NoSpan);
}
