//! Costs, risk and excursions.

use std::collections::HashMap;

use crate::books::ClosedTrade;
use crate::books::metrics::sheet::{Blank, Excursion, SheetOptions};
use crate::record::field::{Action, Price};

use super::testing::{decimal, sheet, trades};
use super::{plain, some, why};

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
