//! Each cause by name, with numbers worked by hand.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::*;
use crate::books::tax::{Carried, Cents, Execution, Method, Options, Split};
use crate::desk::reconcile::Row;
use crate::desk::tax::Origin;
use crate::record::Stream;
use crate::record::field::{Action, AssetClass};
use crate::time::Day;

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// `buy main 2025-03-03 100 XYZ 15 0.49`: what is done, where, when, how many of what at what price and fee.
fn executions(trades: &[&str]) -> Vec<Execution<'static>> {
    let execution = |(number, text): (usize, &&str)| {
        let words: Vec<&str> = text.split(' ').collect();
        let decimal = |at: usize| {
            words
                .get(at)
                .map_or(Decimal::ZERO, |it| it.parse().unwrap())
        };
        Execution {
            id: Cow::Owned(format!("t{number}")),
            at: format!("{}T15:00:00Z", words[2]).parse().unwrap(),
            action: if words[0] == "buy" {
                Action::Buy
            } else {
                Action::Sell
            },
            symbol: Cow::Owned(words[4].to_owned()),
            quantity: decimal(3),
            price: decimal(5),
            commission: decimal(6),
            account_id: Cow::Owned(words[1].to_owned()),
            order_id: None,
            fee_asset: None,
            fee_value: None,
            asset_class: match words[4].ends_with("-USD") {
                true => AssetClass::Crypto,
                false => AssetClass::Equity,
            },
            lots: Vec::new(),
            carried: None,
        }
    };
    trades.iter().enumerate().map(execution).collect()
}

const HEADER: &str = "Symbol|Quantity|Date acquired|Date sold|Proceeds|Cost basis|Wash sale loss disallowed|Term|Noncovered";

fn form(lines: &[&str]) -> Form {
    let rows: Vec<Row> = (1..)
        .zip(std::iter::once(&HEADER).chain(lines))
        .map(|(line, text)| Row {
            line,
            cells: text.split('|').map(str::to_owned).collect(),
        })
        .collect();
    let (header, columns) = Columns::among(&rows, &Named::new()).unwrap();
    let symbols = BTreeMap::new();
    let reading = Reading {
        columns: &columns,
        symbols: &symbols,
        account: None,
    };
    Form::read(rows.into_iter().skip(header + 1), reading).unwrap()
}

fn compared(options: &Options, executions: &[Execution<'_>], lines: &[&str]) -> Comparison {
    let origin = |seq: usize| Origin {
        stream: Stream::Trades,
        day: day("2025-01-01"),
        seq: Some(seq as u64),
        hash: None,
    };
    let origins: Vec<_> = (0..executions.len()).map(|it| Some(origin(it))).collect();
    let request = Request {
        options,
        executions,
        origins: &origins,
        account: "main",
        year: 2025,
    };
    compare(&form(lines), &request).unwrap()
}

/// What differs, such as `basis 100.00 / 90.00: rounding`, and whether all of it is explained.
fn told(comparison: &Comparison) -> (Vec<String>, bool) {
    let differences = comparison.sales.iter().flat_map(|it| &it.differences);
    let told = differences.map(|it| {
        let side = |of: &Option<String>| of.clone().unwrap_or("-".to_owned());
        let causes: Vec<String> = it.causes.iter().map(|it| it.name().to_owned()).collect();
        let (ours, theirs) = (side(&it.journal), side(&it.broker));
        format!(
            "{} {ours} / {theirs}: {}",
            it.what.as_str(),
            causes.join(" + ")
        )
    });
    (told.collect(), comparison.unexplained() == 0)
}

fn check(options: &Options, trades: &[&str], lines: &[&str], wanted: &[&str], explained: bool) {
    let comparison = compared(options, &executions(trades), lines);
    let (told, is_explained) = told(&comparison);
    assert_eq!(told, wanted);
    assert_eq!(is_explained, explained);
}

fn by_default(trades: &[&str], lines: &[&str], wanted: &[&str], explained: bool) {
    check(&Options::default(), trades, lines, wanted, explained);
}

/// Bought for 1500.49, sold for 1234.50, replaced in the same account ten days later.
const WASHED: [&str; 4] = [
    "buy main 2025-03-03 100 XYZ 15 0.49",
    "sell main 2025-06-10 100 XYZ 12.35 0.50",
    "buy main 2025-06-20 100 XYZ 12",
    "sell main 2025-12-15 60 XYZ 20 1",
];

/// 265.99 x 60 / 100 = 159.59 is in the basis of the second sale, in box 1e as in the books: never added
/// again.
#[test]
fn a_form_that_agrees_has_no_difference() {
    let lines = [
        "XYZ|100|03/03/2025|06/10/2025|1,234.50|1,500.49|265.99|SHORT|",
        "XYZ|60|06/20/2025|12/15/2025|1,199.00|879.59|0.00|SHORT|",
    ];
    let comparison = compared(&Options::default(), &executions(&WASHED), &lines);
    assert_eq!(told(&comparison), (Vec::new(), true));
    assert_eq!(comparison.equal(), 2);
    assert_eq!(comparison.journal, comparison.broker);
    let short = comparison.broker.short;
    assert_eq!(
        (short.lots, short.proceeds, short.wash),
        (2, Cents::new(243_350), Cents::new(26_599))
    );
    // 2433.50 - 2380.08 + 265.99
    assert_eq!(short.gain(), Some(Cents::new(31_941)));
    assert_eq!(comparison.sales[0].lines, [2]);
    assert_eq!(comparison.sales[0].origins[0].seq, Some(1));
}

#[test]
fn lots_that_have_no_single_day_are_compared_by_their_sum() {
    let trades = [
        "buy main 2025-01-02 60 XYZ 10",
        "buy main 2025-01-03 40 XYZ 11",
        "sell main 2025-06-10 100 XYZ 12",
    ];
    by_default(
        &trades,
        &["XYZ|100|VARIOUS|06/10/2025|1200|1040|0|SHORT|"],
        &[],
        true,
    );
    // By days, each in its own row: 600 and 440 in the journal.
    let swapped = [
        "XYZ|60|01/02/2025|06/10/2025|720|590|0|SHORT|",
        "XYZ|40|01/03/2025|06/10/2025|480|450|0|SHORT|",
    ];
    by_default(&trades, &swapped, &["lots 1040.00 / 1040.00: "], false);
    let comparison = compared(&Options::default(), &executions(&trades), &swapped);
    let lots = comparison.sales[0].lots.iter();
    let lots: Vec<_> = lots
        .map(|it| (it.acquired, it.journal.basis, it.broker.basis))
        .collect();
    let cents = |it| Some(Cents::new(it));
    assert_eq!(
        lots,
        [
            (day("2025-01-02"), cents(60_000), cents(59_000)),
            (day("2025-01-03"), cents(44_000), cents(45_000)),
        ]
    );
}

/// The other account replaces 40 of the 100: 200 x 40 / 100 = 80.
#[test]
fn a_wash_sale_with_another_account_is_named() {
    let trades = [
        "buy main 2025-03-03 100 XYZ 10",
        "sell main 2025-06-10 100 XYZ 8",
        "buy second 2025-06-20 40 XYZ 8",
    ];
    let lines = ["XYZ|100|03/03/2025|06/10/2025|800|1000|0|SHORT|"];
    by_default(
        &trades,
        &lines,
        &["wash 80.00 / 0.00: other_account_wash_sale"],
        true,
    );
}

/// The loss of the other account is in the basis here, and so are its 99 days.
#[test]
fn a_loss_of_another_account_that_was_replaced_here_is_named() {
    let trades = [
        "buy second 2024-03-03 100 XYZ 10",
        "sell second 2025-01-10 100 XYZ 8",
        "buy main 2025-01-20 100 XYZ 8",
        "sell main 2025-10-10 100 XYZ 9",
    ];
    let lines = ["XYZ|100|01/20/2025|10/10/2025|900|800|0|SHORT|"];
    let wanted = [
        "basis 1000.00 / 800.00: other_account_wash_sale",
        "wash 100.00 / 0.00: other_account_wash_sale",
        "term 100 LONG / 100 SHORT: other_account_wash_sale",
    ];
    let mut bought_again = trades.to_vec();
    bought_again.push("buy second 2025-10-20 100 XYZ 9");
    by_default(&bought_again, &lines, &wanted, true);
}

#[test]
fn a_lot_without_a_reported_basis_is_named() {
    let trades = [
        "buy main 2009-03-03 10 XYZ 10",
        "sell main 2025-06-10 10 XYZ 12",
    ];
    let wanted = ["basis 100.00 / none: noncovered"];
    by_default(&trades, &["XYZ|10||06/10/2025|120|||LONG|X"], &wanted, true);
    let wanted = ["basis 100.00 / 90.00: noncovered"];
    by_default(
        &trades,
        &["XYZ|10||06/10/2025|120|90||LONG|X"],
        &wanted,
        true,
    );
    // A covered lot of another basis has no such excuse.
    by_default(
        &trades,
        &["XYZ|10||06/10/2025|120|90||LONG|"],
        &["basis 100.00 / 90.00: "],
        false,
    );
}

/// Three fills of 1 at 10.005 are 10.01 each for the journal, and 30.02 as one order.
#[test]
fn rounding_of_whole_orders_is_named() {
    let trades = [
        "buy main 2025-01-02 3 XYZ 10",
        "sell main 2025-06-10 1 XYZ 10.005",
        "sell main 2025-06-10 1 XYZ 10.005",
        "sell main 2025-06-10 1 XYZ 10.005",
    ];
    let line = |proceeds: &str| format!("XYZ|3|01/02/2025|06/10/2025|{proceeds}|30|0|SHORT|");
    let wanted = ["proceeds 30.03 / 30.02: rounding"];
    by_default(&trades, &[&line("30.02")], &wanted, true);
    // Three pieces are three cents at most.
    by_default(
        &trades,
        &[&line("29.99")],
        &["proceeds 30.03 / 29.99: "],
        false,
    );
}

#[test]
fn lots_that_were_transferred_in_are_named() {
    let trades = [
        "buy main 2024-03-03 100 XYZ 10",
        "buy main 2025-02-03 50 XYZ 11",
        "sell main 2025-06-10 150 XYZ 12",
    ];
    let mut executions = executions(&trades);
    executions[0].carried = Some(Carried {
        acquired: day("2024-03-03"),
        holding_start: day("2024-03-03"),
        basis: Cents::new(98_000),
        wash_added: Cents::ZERO,
    });
    let own = "XYZ|50|02/03/2025|06/10/2025|600|550|0|SHORT|";
    let lines = ["XYZ|100|03/03/2024|06/10/2025|1200|1000|0|LONG|", own];
    let comparison = compared(&Options::default(), &executions, &lines);
    let wanted = vec!["basis 1530.00 / 1550.00: transferred_in".to_owned()];
    assert_eq!(told(&comparison), (wanted, true));
    // What differs is of the lot that was bought here.
    let lines = [
        "XYZ|100|03/03/2024|06/10/2025|1200|980|0|LONG|",
        "XYZ|50|02/03/2025|06/10/2025|600|500|0|SHORT|",
    ];
    let comparison = compared(&Options::default(), &executions, &lines);
    assert_eq!(
        told(&comparison),
        (vec!["basis 1530.00 / 1480.00: ".to_owned()], false)
    );
}

#[test]
fn fees_that_are_not_taken_off_are_named() {
    let trades = [
        "buy main 2025-01-02 100 XYZ 10",
        "sell main 2025-06-10 100 XYZ 12 4.95",
    ];
    let lines = ["XYZ|100|01/02/2025|06/10/2025|1200.00|1000|0|SHORT|"];
    by_default(
        &trades,
        &lines,
        &["proceeds 1195.05 / 1200.00: fees_not_netted"],
        true,
    );
    let comparison = compared(&Options::default(), &executions(&trades), &lines);
    let cause = &comparison.sales[0].differences[0].causes[0];
    assert_eq!(
        *cause,
        Cause::FeesNotNetted {
            fees: Cents::new(495)
        }
    );
    assert_eq!(
        cause.to_string(),
        "fees of 4.95 are not taken off the proceeds: code E"
    );
}

/// A lot was carried in at box 1e's 1265.99, which has the 265.99 already, and they were given once more.
#[test]
fn step_ups_that_are_in_box_1e_and_were_added_again_are_named() {
    let mut executions = executions(&[
        "buy main 2025-01-02 100 XYZ 10",
        "sell main 2025-06-10 100 XYZ 20",
    ]);
    executions[0].carried = Some(Carried {
        acquired: day("2025-01-02"),
        holding_start: day("2025-01-02"),
        basis: Cents::new(126_599),
        wash_added: Cents::new(26_599),
    });
    let lines = ["XYZ|100|01/02/2025|06/10/2025|2000|1265.99|0|SHORT|"];
    let comparison = compared(&Options::default(), &executions, &lines);
    let wanted = vec!["basis 1531.98 / 1265.99: step_ups".to_owned()];
    assert_eq!(told(&comparison), (wanted, true));
}

#[test]
fn another_method_of_the_broker_is_named() {
    let trades = [
        "buy main 2024-01-02 100 XYZ 10",
        "buy main 2025-02-03 100 XYZ 15",
        "sell main 2025-06-10 100 XYZ 20",
    ];
    let hifo = Options {
        method: Method::Hifo,
        ..Options::default()
    };
    let lines = ["XYZ|100|01/02/2024|06/10/2025|2000|1000|0|LONG|"];
    let wanted = [
        "basis 1500.00 / 1000.00: lot_method",
        "term 100 SHORT / 100 LONG: lot_method",
        "acquired 100 of 2025-02-03 / 100 of 2024-01-02: lot_method",
    ];
    check(&hifo, &trades, &lines, &wanted, true);
    let comparison = compared(&hifo, &executions(&trades), &lines);
    let cause = &comparison.sales[0].differences[0].causes[0];
    assert_eq!(*cause, Cause::LotMethod(Method::Fifo));
    // Another term than that of the method's lot: the method does not explain it.
    let lines = ["XYZ|100|01/02/2024|06/10/2025|2000|1000|0|SHORT|"];
    assert_ne!(
        compared(&hifo, &executions(&trades), &lines).unexplained(),
        0
    );
}

/// b1 was held from 2024-03-03 to 2024-12-10, 282 days: its replacement counts as held since 2024-03-13.
#[test]
fn a_holding_period_that_one_side_does_not_tack_is_named() {
    let trades = [
        "buy main 2024-03-03 100 XYZ 10",
        "sell main 2024-12-10 100 XYZ 8",
        "buy main 2024-12-20 100 XYZ 8",
        "sell main 2025-06-10 100 XYZ 12",
    ];
    let lines = ["XYZ|100|12/20/2024|06/10/2025|1200|1000|0|SHORT|"];
    let wanted = ["term 100 LONG / 100 SHORT: tacked_holding"];
    by_default(&trades, &lines, &wanted, true);
    // Others write the day since when it counts as held into box 1b.
    let lines = ["XYZ|100|03/13/2024|06/10/2025|1200|1000|0|LONG|"];
    let wanted = ["acquired 100 of 2024-12-20 / 100 of 2024-03-13: tacked_holding"];
    by_default(&trades, &lines, &wanted, true);
}

#[test]
fn the_day_of_settlement_is_named_also_where_something_is_sold_every_day() {
    let trades = [
        "buy main 2025-01-02 100 XYZ 10",
        "sell main 2025-06-10 20 XYZ 12",
        "sell main 2025-06-11 20 XYZ 13",
        "sell main 2025-06-12 20 XYZ 14",
    ];
    let lines = [
        "XYZ|20|01/02/2025|06/11/2025|240|200|0|SHORT|",
        "XYZ|20|01/02/2025|06/12/2025|260|200|0|SHORT|",
        "XYZ|20|01/02/2025|06/13/2025|280|200|0|SHORT|",
    ];
    let wanted = [
        "sold 2025-06-10 / 2025-06-11: settlement_date",
        "sold 2025-06-11 / 2025-06-12: settlement_date",
        "sold 2025-06-12 / 2025-06-13: settlement_date",
    ];
    by_default(&trades, &lines, &wanted, true);
    // A day too early is none, but the sale is recognized.
    let lines = ["XYZ|20|01/02/2025|06/09/2025|240|200|0|SHORT|"];
    by_default(
        &trades[..2],
        &lines,
        &["sold 2025-06-10 / 2025-06-09: "],
        false,
    );
}

#[test]
fn sales_of_one_side_are_named_with_where_to_look() {
    let trades = [
        "buy main 2025-01-02 100 XYZ 10",
        "buy second 2025-01-02 100 ABC 10",
        "buy main 2025-01-02 2 BTC-USD 10",
        "sell second 2025-06-10 10 ABC 12",
        "sell main 2025-06-10 1 BTC-USD 12",
        "sell main 2025-07-10 10 XYZ 12",
        "sell main 2025-12-31 10 XYZ 12",
        // Of the year before, and after: none of this form.
        "sell main 2026-01-02 10 XYZ 12",
    ];
    let lines = [
        "ABC|10|01/02/2025|06/10/2025|120|100|0|SHORT|",
        "NEW|10|01/02/2025|06/10/2025|120|100|0|SHORT|",
        "XYZ|10|01/02/2024|06/10/2024|120|100|0|SHORT|",
    ];
    let wanted = [
        "sale - / 10: other_account",
        "sale 1 / -: digital_asset",
        "sale - / 10: missing_in_journal",
        "sale - / 10: other_year",
        "sale 10 / -: missing_at_broker",
        "sale 10 / -: next_year",
    ];
    by_default(&trades, &lines, &wanted, false);
    let comparison = compared(&Options::default(), &executions(&trades), &lines);
    assert_eq!((comparison.explained(), comparison.unexplained()), (2, 4));
    let causes = comparison
        .sales
        .iter()
        .flat_map(|it| &it.differences[0].causes);
    let text: Vec<String> = causes.map(ToString::to_string).collect();
    assert!(text.contains(&"the journal has it in account second".to_owned()));
    assert!(text.iter().any(|it| it.contains("`tj reconcile`")));
}

#[test]
fn a_quantity_that_differs_explains_itself_to_nobody() {
    let trades = [
        "buy main 2025-01-02 100 XYZ 10",
        "sell main 2025-06-10 10 XYZ 12",
    ];
    let lines = ["XYZ|9|VARIOUS|06/10/2025|108|90|0|SHORT|"];
    let wanted = [
        "quantity 10 / 9: ",
        "proceeds 120.00 / 108.00: ",
        "basis 100.00 / 90.00: ",
        "term 10 SHORT / 9 SHORT: ",
    ];
    by_default(&trades, &lines, &wanted, false);
}

#[test]
fn a_pair_of_a_coin_is_the_coin() {
    let trades = [
        "buy main 2025-01-02 2 BTC-USD 10",
        "sell main 2025-06-10 1 BTC-USD 12",
    ];
    by_default(
        &trades,
        &["BTC|1|01/02/2025|06/10/2025|12|10|0|SHORT|"],
        &[],
        true,
    );
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let executions = executions(&[
        "buy main 2025-01-02 1 XYZ 10",
        "sell main 2025-06-10 2 XYZ 12",
    ]);
    let refused = |options: &Options, account: &str| {
        let request = Request {
            options,
            executions: &executions,
            origins: &[],
            account,
            year: 2025,
        };
        compare(&Form::default(), &request).unwrap_err()
    };
    let options = Options::default();
    assert!(matches!(refused(&options, "main"), CompareError::Tax(_)));
    let unknown = refused(&options, "mian").to_string();
    assert_eq!(
        unknown,
        "account mian: nothing was traded in it; there are main"
    );
    let mut ira = Options::default();
    ira.wash.ira.push("main".to_owned());
    assert!(matches!(
        refused(&ira, "main"),
        CompareError::Retirement { .. }
    ));
}

#[test]
fn a_name_that_is_no_symbol_gets_those_that_fit_suggested() {
    let executions = executions(&[
        "buy main 2025-01-02 100 AAPL 10",
        "buy main 2025-01-02 100 MSFT 10",
        "sell main 2025-06-10 10 AAPL 12",
        "sell main 2025-06-11 20 AAPL 12",
        "sell main 2025-06-10 10 MSFT 12",
    ]);
    let form = form(&[
        "APPLE INC|10||06/10/2025|1|1|0||",
        "APPLE INC|20||06/11/2025|1|1|0||",
        "MICROSOFT CORP|10||06/10/2025|1|1|0||",
        "NOBODY & CO|11||06/10/2025|1|1|0||",
    ]);
    let options = Options::default();
    let request = Request {
        options: &options,
        executions: &executions,
        origins: &[],
        account: "main",
        year: 2025,
    };
    let suggested = suggestions(&form, &request).unwrap();
    let suggested: Vec<_> = suggested
        .iter()
        .map(|(name, of)| (name.as_str(), of.join(" ")))
        .collect();
    assert_eq!(
        suggested,
        [
            ("APPLE INC", "AAPL".to_owned()),
            ("MICROSOFT CORP", "AAPL MSFT".to_owned()),
            ("NOBODY & CO", String::new()),
        ]
    );
}

/// Two for one in between: the broker counts in new shares, as the books do.
#[test]
fn a_split_is_in_both() {
    let options = Options {
        splits: vec![Split {
            symbol: "XYZ".to_owned(),
            day: day("2025-03-01"),
            new: 2,
            old: 1,
        }],
        ..Options::default()
    };
    let trades = [
        "buy main 2025-01-02 100 XYZ 10",
        "sell main 2025-06-10 200 XYZ 6",
    ];
    let lines = ["XYZ|200|01/02/2025|06/10/2025|1200|1000|0|SHORT|"];
    check(&options, &trades, &lines, &[], true);
}
