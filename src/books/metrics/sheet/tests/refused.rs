//! What is refused, and the largest that is not.

use crate::books::ClosedTrade;
use crate::books::metrics::Equity;
use crate::books::metrics::sheet::{SheetError, SheetOptions, TearSheet};
use crate::time::Timestamp;

use super::plain;
use super::testing::{decimal, sheet, trades, with_equity};

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
        with(|it| it.periods_per_year = Some(0)),
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
    let trades = super::testing::trades(&[most, "1"]);
    assert_eq!(
        refused(&trades, &SheetOptions::default()),
        format!(
            "add up results: with order {} they are too large to be exact",
            name(&trades[1])
        )
    );
    // Beside a number with 28 places there is no room for 11 digits.
    let trades = super::testing::trades(&["0.0000000000000000000000000001", "20000000000"]);
    let error = TearSheet::of(&trades, &SheetOptions::default()).unwrap_err();
    assert_eq!(
        error,
        SheetError::TooLarge {
            field: "results",
            order_id: trades[1].order_id.clone()
        }
    );
    // Zeros at the end take no room.
    let trades = super::testing::trades(&["1.0000000000000000000000000000", "10000000"]);
    let sheet = plain_of(&trades);
    assert_eq!(sheet.results.net_profit, decimal("10000001"));

    let mut costly = super::testing::trades(&["1", "1"]);
    costly
        .iter_mut()
        .for_each(|it| it.commission = decimal(most));
    assert!(refused(&costly, &SheetOptions::default()).starts_with("add up commission: "));

    let options = SheetOptions {
        starting_equity: Some(Equity::new(decimal(most)).unwrap()),
        ..SheetOptions::default()
    };
    for net in ["0.1", "0.00000000001", "1"] {
        let error = refused(&super::testing::trades(&[net]), &options);
        assert!(error.starts_with("add up results: with order"), "{error}");
    }
    let options = SheetOptions {
        earned_before: decimal(most).into(),
        ..options
    };
    let error = refused(&[], &options);
    assert!(error.contains("with the starting equity"), "{error}");
}

/// A quotient of Python's decimals has 28 digits. Beside an account it took more than a decimal has, and no
/// sheet came any more.
#[test]
fn a_long_result_beside_an_account_is_added_exactly() {
    let third = "33.33333333333333333333333333";
    let trades = super::testing::trades(&[third, "-10.5", third]);
    let sheet = sheet(&trades, &with_equity("100000"));
    let (results, equity) = (&sheet.results, &sheet.equity);
    assert_eq!(
        equity.final_equity.unwrap().to_string(),
        "100056.16666666666666666666666666"
    );
    assert_eq!(
        results.net_profit.to_string(),
        "56.16666666666666666666666666"
    );
    assert_eq!(sheet.by_symbol[0].net, results.net_profit);
    assert_eq!(equity.max_drawdown_abs, decimal("10.5"));
    assert_eq!(equity.total_return, Some(decimal("0.000561666667")));
    assert_eq!(equity.max_drawdown_pct, Some(decimal("-0.010496501166")));
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
    let sheet = super::testing::sheet(&trades, &with_equity("1"));
    assert_eq!(sheet.monthly.len(), 9999 * 12);
    assert_eq!(sheet.yearly.len(), 9999);
}
