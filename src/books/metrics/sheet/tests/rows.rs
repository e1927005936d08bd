//! Breakdowns, months and years.

use serde_json::{Value, json};

use crate::books::Zone;
use crate::books::metrics::sheet::{Blank, BreakdownRow, SheetOptions};
use crate::record::field::ExecutionMode;

use super::testing::{at, decimal, sheet, trade, trades, with_equity};
use super::{some, why};

fn keys(rows: &[BreakdownRow]) -> Vec<(Option<&str>, u64, String)> {
    let row = |it: &BreakdownRow| it.net.normalized().to_string();
    rows.iter()
        .map(|it| (it.key.as_deref(), it.trades, row(it)))
        .collect()
}

#[test]
fn breakdowns_have_a_row_for_each_key() {
    let mut trades = trades(&["10", "-4", "0", "6"]);
    trades[0].symbol = "TSLA".parse().unwrap();
    trades[1].mode = ExecutionMode::Paper;
    trades[2].strategy = "a-reversal".into();
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
    let sheet = super::testing::sheet(&trades, &SheetOptions::default());
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

#[test]
fn a_clock_that_is_set_back_past_midnight_ends_no_day() {
    // From 2025-12-01T00:30Z on the zone is two hours behind: December's first half hour, and then
    // November again.
    let turn = at("2025-12-01T00:30:00Z");
    let options = SheetOptions {
        zone: Zone::new(move |it| if it < turn { 0 } else { -2 * 3600 }),
        ..with_equity("1000")
    };
    let trades = [
        trade("2025-12-01T00:10:00Z", "10"),
        trade("2025-12-01T01:00:00Z", "20"),
        trade("2025-12-01T12:00:00Z", "-5"),
    ];
    let sheet = sheet(&trades, &options);
    assert_eq!((sheet.annual.days, sheet.monthly.len()), (1, 1));
    assert_eq!(sheet.monthly[0].net, decimal("25"));
}

#[test]
fn an_entry_after_its_exit_is_none() {
    let mut trades = trades(&["1", "1"]);
    trades[1].entered = Some(at("2025-11-04T00:00:00Z"));
    let sheet = sheet(&trades, &SheetOptions::default());
    assert_eq!(sheet.counts.entry_time_unknown, 1);
    assert_eq!(sheet.counts.first_entry, trades[0].entered);
    // Of the 61 minutes from 9:00 to 10:01 the first trade had 60.
    assert_eq!(sheet.exposure, some("0.983606557377"));
}
