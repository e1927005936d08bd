//! Which lot is sold.

use super::*;

fn three() -> Vec<Execution<'static>> {
    vec![
        buy("a", "2024-01-10", "10", "10"),
        buy("b", "2024-02-10", "10", "30"),
        buy("c", "2024-03-10", "10", "20"),
        sell("s", "2024-06-10", "15", "40"),
    ]
}

#[test]
fn fifo_sells_the_oldest() {
    // 15 x 40 = 600: 400 of it for the ten of a, 200 for five of b.
    let trades = three();
    let book = run(&by(Method::Fifo), &trades);
    assert_eq!(
        rows(&book, &trades),
        [
            "a>s 10 400.00-100.00+0.00=300.00 SHORT",
            "b>s 5 200.00-150.00+0.00=50.00 SHORT"
        ]
    );
    assert_eq!(
        open(&book, &trades),
        ["b 5 150.00 2024-02-10", "c 10 200.00 2024-03-10"]
    );
}

#[test]
fn lifo_sells_the_newest() {
    let trades = three();
    let book = run(&by(Method::Lifo), &trades);
    assert_eq!(
        rows(&book, &trades),
        [
            "c>s 10 400.00-200.00+0.00=200.00 SHORT",
            "b>s 5 200.00-150.00+0.00=50.00 SHORT"
        ]
    );
}

#[test]
fn hifo_sells_the_highest_basis_of_a_unit_with_commission() {
    // b cost 30 a share, c 20 and 110 of commission: 31.
    let mut trades = three();
    trades[2] = buy("c", "2024-03-10", "10", "20").fee("110");
    let book = run(&by(Method::Hifo), &trades);
    assert_eq!(
        rows(&book, &trades),
        [
            "c>s 10 400.00-310.00+0.00=90.00 SHORT",
            "b>s 5 200.00-150.00+0.00=50.00 SHORT"
        ]
    );
}

#[test]
fn hifo_sells_the_oldest_of_equal_ones() {
    let trades = [
        buy("a", "2024-01-10", "10", "10"),
        buy("b", "2024-02-10", "20", "10"),
        sell("s", "2024-06-10", "5", "40"),
    ];
    let book = run(&by(Method::Hifo), &trades);
    assert_eq!(
        rows(&book, &trades),
        ["a>s 5 200.00-50.00+0.00=150.00 SHORT"]
    );
}

/// The replacement has the loss in its basis, 15 + 5, and is above 18 then.
#[test]
fn hifo_counts_what_a_wash_sale_added() {
    let trades = [
        buy("a", "2024-01-10", "10", "20"),
        sell("s", "2024-02-10", "10", "15"),
        buy("b", "2024-02-15", "10", "15"),
        buy("c", "2024-02-16", "10", "18"),
        sell("t", "2024-06-10", "10", "40"),
    ];
    let book = run(&by(Method::Hifo), &trades);
    assert_eq!(
        rows(&book, &trades)[1],
        "b>t 10 400.00-200.00+0.00=200.00 SHORT"
    );
}

#[test]
fn specid_sells_what_is_named_and_the_oldest_where_nothing_is() {
    let mut trades = three();
    trades[3] = sell("s", "2024-06-10", "15", "40").lots(&[("c", "10"), ("a", "5")]);
    trades.push(sell("t", "2024-06-11", "5", "40"));
    let book = run(&by(Method::Specid), &trades);
    assert_eq!(
        rows(&book, &trades),
        [
            "c>s 10 400.00-200.00+0.00=200.00 SHORT",
            "a>s 5 200.00-50.00+0.00=150.00 SHORT",
            "a>t 5 200.00-50.00+0.00=150.00 SHORT"
        ]
    );
}

#[test]
fn average_is_that_of_the_pool_and_the_oldest_are_sold() {
    // 30 shares cost 600.01: 15 of them 300.005, which is 300.01, 200.01 of it for the ten of a
    // (300.01 x 10 / 15 = 200.0067), and 300.00 stays with 15.
    let mut trades: Vec<_> = three()
        .into_iter()
        .map(|it| it.class(AssetClass::Fund))
        .collect();
    trades[0] = trades[0].clone().fee("0.01");
    let book = run(&unwashed(Method::Average), &trades);
    assert_eq!(
        rows(&book, &trades),
        [
            "a>s 10 400.00-200.01+0.00=199.99 SHORT",
            "b>s 5 200.00-100.00+0.00=100.00 SHORT"
        ]
    );
    assert_eq!(
        open(&book, &trades),
        ["b 5 100.00 2024-02-10", "c 10 200.00 2024-03-10"]
    );
}

#[test]
fn average_is_refused_with_wash_sales_and_for_shares() {
    let funds: Vec<_> = three()
        .into_iter()
        .map(|it| it.class(AssetClass::Fund))
        .collect();
    assert!(refusal(&by(Method::Average), &funds).contains("wash sales"));
    assert!(refusal(&unwashed(Method::Average), &three()).contains("X is equity"));
    let forced = Options {
        force_average: true,
        ..unwashed(Method::Average)
    };
    assert_eq!(run(&forced, &three()).disposals.len(), 2);
}

#[test]
fn lots_are_those_of_the_account_unless_all_are_one() {
    let trades = [
        buy("a", "2024-01-10", "10", "10").account("B"),
        buy("b", "2024-02-10", "10", "30"),
        sell("s", "2024-06-10", "10", "40"),
    ];
    let book = run(&by(Method::Fifo), &trades);
    assert_eq!(
        rows(&book, &trades),
        ["b>s 10 400.00-300.00+0.00=100.00 SHORT"]
    );
    let global = Options {
        lot_scope: LotScope::Global,
        ..Options::default()
    };
    let book = run(&global, &trades);
    assert_eq!(
        rows(&book, &trades),
        ["a>s 10 400.00-100.00+0.00=300.00 SHORT"]
    );
}

/// The sale of A took the lot of the retirement account, as if it were the taxpayer's: it was taxed on what
/// is not taxed, and what it had cost itself stayed behind.
#[test]
fn lots_of_a_retirement_account_are_its_own_even_where_all_are_one() {
    let trades = [
        buy("i", "2024-01-10", "10", "10").account("IRA"),
        buy("a", "2024-02-10", "10", "30"),
        buy("b", "2024-02-11", "10", "20").account("B"),
        sell("s", "2024-06-10", "15", "40"),
        sell("t", "2024-06-11", "10", "40").account("IRA"),
    ];
    let mut options = washed(|it| it.ira = vec!["IRA".to_owned()]);
    options.lot_scope = LotScope::Global;
    let book = run(&options, &trades);
    assert_eq!(
        rows(&book, &trades),
        [
            "a>s 10 400.00-300.00+0.00=100.00 SHORT",
            "b>s 5 200.00-100.00+0.00=100.00 SHORT"
        ]
    );
    assert_eq!(book.untaxed[0].buy, 0);
    let mut trades = trades.to_vec();
    trades[3] = sell("s", "2024-06-10", "10", "40").lots(&[("i", "10")]);
    options.method = Method::Specid;
    assert!(refusal(&options, &trades).contains("lot i is no earlier purchase"));
}

/// The replacement counts as held for longer, and is still the newer purchase.
#[test]
fn tacked_dates_never_change_the_order() {
    let trades = [
        buy("a", "2024-01-10", "10", "20"),
        buy("b", "2024-03-01", "10", "5"),
        sell("s", "2024-03-10", "10", "15"),
        buy("c", "2024-03-15", "10", "6"),
        sell("t", "2024-06-10", "10", "40"),
    ];
    // b replaces all of the loss: 60 days are added to it, and it is sold first as the older one.
    let book = run(&by(Method::Fifo), &trades);
    assert_eq!(book.open[0].holding_start, day("2024-03-15"));
    assert_eq!(
        rows(&book, &trades)[1],
        "b>t 10 400.00-100.00+0.00=300.00 SHORT"
    );
}

/// Three shares of c replace a, two replace b, five are left: they go in that order.
#[test]
fn parts_of_a_purchase_are_sold_as_they_were_matched_and_the_rest_last() {
    let trades = [
        buy("a", "2024-01-10", "3", "20"),
        buy("b", "2024-01-11", "2", "30"),
        sell("s", "2024-03-10", "3", "15"),
        sell("t", "2024-03-11", "2", "15"),
        buy("c", "2024-03-15", "10", "10"),
        sell("u", "2024-06-10", "9", "40"),
    ];
    let book = run(&by(Method::Fifo), &trades);
    // a lost 15 and b 30: 3 x 10 + 15 = 45, 2 x 10 + 30 = 50, and 4 of the rest at 10.
    assert_eq!(
        rows(&book, &trades)[2..],
        [
            "c>u 3 120.00-45.00+0.00=75.00 SHORT",
            "c>u 2 80.00-50.00+0.00=30.00 SHORT",
            "c>u 4 160.00-40.00+0.00=120.00 SHORT"
        ]
    );
}

#[test]
fn the_order_of_the_input_does_not_matter_and_offsets_may_be_mixed() {
    // 20:00 in New York on 9 June is 00:00 UTC on the 10th.
    let mut trades = vec![
        buy("a", "2024-06-10T00:30:00Z", "1", "10"),
        buy("b", "2024-06-09T20:00:00-04:00", "1", "20"),
        sell("s", "2024-06-10T09:00:00+09:00", "1", "40"),
    ];
    // s is at 00:00 UTC as b is, and comes after it in the input.
    let book = run(&by(Method::Fifo), &trades);
    assert_eq!(rows(&book, &trades), ["b>s 1 40.00-20.00+0.00=20.00 SHORT"]);
    trades.rotate_left(1);
    let book = run(&by(Method::Fifo), &trades);
    assert_eq!(rows(&book, &trades), ["b>s 1 40.00-20.00+0.00=20.00 SHORT"]);
}

#[test]
fn days_are_those_of_the_zone() {
    // Bought and sold at 01:00 UTC: on the evening before in New York, a year and no day apart there as well;
    // sold two hours later in December it is another year.
    let trades = [
        buy("a", "2023-12-31T15:00:00Z", "1", "10"),
        sell("s", "2025-01-01T01:00:00Z", "1", "40"),
    ];
    let utc = run(&by(Method::Fifo), &trades);
    assert_eq!(utc.disposals[0].sold, day("2025-01-01"));
    let west = Options {
        zone: crate::books::Zone::new(|_| -5 * 3600),
        ..Options::default()
    };
    let west = run(&west, &trades);
    assert_eq!(west.disposals[0].sold, day("2024-12-31"));
}

#[test]
fn a_split_changes_quantities_and_no_cost() {
    let trades = [
        buy("a", "2024-01-10", "10", "30"),
        sell("s", "2024-02-10", "4", "20"),
        buy("b", "2024-02-20", "6", "7"),
        sell("t", "2024-06-10", "18", "12"),
    ];
    let options = Options {
        splits: vec![Split {
            symbol: "X".to_owned(),
            day: day("2024-02-15"),
            new: 3,
            old: 1,
        }],
        ..Options::default()
    };
    let book = run(&options, &trades);
    // Four shares lost 40; six new ones are two old ones: half of it, 20, is replaced.
    assert_eq!(
        rows(&book, &trades),
        [
            "a>s 4 80.00-120.00+20.00=-20.00 SHORT",
            "a>t 18 216.00-180.00+0.00=36.00 SHORT"
        ]
    );
    assert_eq!(book.disposals[0].replaced, Units::of(dec("2")).unwrap());
    // 42 and the 20; 31 days were added.
    assert_eq!(open(&book, &trades), ["b 6 62.00 2024-01-20"]);
    let unknown = Options {
        splits: vec![Split {
            symbol: "Y".to_owned(),
            ..options.splits[0].clone()
        }],
        ..Options::default()
    };
    assert!(refusal(&unknown, &trades).contains("split of Y"));
}

/// One list of splits serves all years: the report of 2023 was refused, since X had not been bought yet.
#[test]
fn a_split_of_what_is_bought_later_changes_nothing() {
    let trades = [
        buy("y", "2023-01-10", "1", "10").symbol("Y"),
        buy("a", "2024-05-10", "10", "30"),
    ];
    let options = Options {
        splits: vec![Split {
            symbol: "X".to_owned(),
            day: day("2024-06-10"),
            new: 10,
            old: 1,
        }],
        until: Some(day("2024-01-30")),
        ..Options::default()
    };
    let book = run(&options, &trades);
    assert_eq!(open(&book, &trades), ["y 1 10.00 2023-01-10"]);
}

#[test]
fn open_lots_are_those_at_the_end_of_a_day() {
    let trades = [
        buy("a", "2024-06-10", "10", "10"),
        sell("s", "2025-01-05", "10", "8"),
        buy("b", "2025-01-20", "10", "9"),
        sell("t", "2025-03-01", "50", "9"),
    ];
    let options = Options {
        open_at: Some(day("2024-12-31")),
        until: Some(day("2025-01-30")),
        ..Options::default()
    };
    let book = run(&options, &trades);
    assert_eq!(open(&book, &trades), ["a 10 100.00 2024-06-10"]);
    // What comes after the last day does not count, not even as an error.
    assert_eq!(
        rows(&book, &trades),
        ["a>s 10 80.00-100.00+20.00=0.00 SHORT"]
    );
}
