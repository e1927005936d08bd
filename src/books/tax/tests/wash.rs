//! Wash sales, rule by rule.
//!
//! Unless a test says otherwise ten shares were bought at 20 and sold at 15: a loss of 50.

use super::*;

fn lost() -> Vec<Execution<'static>> {
    vec![
        buy("a", "2024-01-10", "10", "20"),
        sell("s", "2024-06-10", "10", "15"),
    ]
}

fn lost_and(more: &[Execution<'static>]) -> Vec<Execution<'static>> {
    let mut trades = lost();
    trades.extend_from_slice(more);
    trades
}

fn adjustments(book: &Book) -> Vec<String> {
    book.disposals
        .iter()
        .map(|it| it.adjustment.to_string())
        .collect()
}

#[test]
fn rule_1_thirty_days_before_and_after_are_in_and_thirty_one_are_out() {
    // 30 days before 10 June is 11 May, and 30 after it 10 July.
    for (when, adjustment) in [
        ("2024-05-10", "0.00"),
        ("2024-05-11", "50.00"),
        ("2024-06-10T10:00:00Z", "50.00"),
        ("2024-06-10T20:00:00Z", "50.00"),
        ("2024-07-10", "50.00"),
        ("2024-07-11", "0.00"),
    ] {
        let trades = lost_and(&[buy("b", when, "10", "15")]);
        let book = run(&Options::default(), &trades);
        assert_eq!(adjustments(&book), [adjustment], "{when}");
    }
}

#[test]
fn rule_2_purchases_before_the_sale_count_and_come_first() {
    let trades = lost_and(&[
        buy("later", "2024-06-11", "10", "15"),
        buy("earlier", "2024-06-01", "6", "15"),
    ]);
    let book = run(&Options::default(), &trades);
    let matched: Vec<_> = book
        .washes
        .iter()
        .map(|it| trades[it.replacement].id.clone())
        .collect();
    assert_eq!(matched, ["earlier", "later"]);
    // 6 of 10 shares lost 30, and 4 lost 20.
    assert_eq!(book.washes[0].disallowed, Cents::new(30_00));
    assert_eq!(book.washes[1].disallowed, Cents::new(20_00));
}

#[test]
fn rule_3_a_partial_replacement_disallows_its_part_alone() {
    let trades = lost_and(&[buy("b", "2024-06-15", "4", "15")]);
    let book = run(&Options::default(), &trades);
    assert_eq!(
        rows(&book, &trades),
        ["a>s 10 150.00-200.00+20.00=-30.00 SHORT"]
    );
    assert_eq!(book.disposals[0].replaced, Units::of(dec("4")).unwrap());
    // 60 and the 20; held for 152 days longer.
    assert_eq!(open(&book, &trades), ["b 4 80.00 2024-01-15"]);
}

#[test]
fn rule_4_losses_take_their_turn_by_their_sales_and_in_one_sale_by_their_purchases() {
    let trades = [
        buy("a", "2024-01-10", "5", "20"),
        buy("b", "2024-01-11", "5", "30"),
        buy("c", "2024-01-12", "5", "40"),
        // By the newest: c and b are sold, of which b was bought first.
        sell("s", "2024-06-10", "10", "15"),
        sell("t", "2024-06-11", "5", "15"),
        buy("d", "2024-06-20", "12", "15"),
    ];
    let book = run(&by(Method::Lifo), &trades);
    // b lost 75 on five, c 125 on five, a 25 on five: d replaces all of b and c, and 2 of 5 of a.
    let matched: Vec<_> = book
        .washes
        .iter()
        .map(|it| {
            (
                trades[book.disposals[it.loss].buy].id.to_string(),
                it.disallowed.to_string(),
            )
        })
        .collect();
    let expected = [("b", "75.00"), ("c", "125.00"), ("a", "10.00")];
    assert_eq!(
        matched,
        expected.map(|(id, it)| (id.to_owned(), it.to_owned()))
    );
}

#[test]
fn rule_5_a_share_replaces_one_loss() {
    let trades = [
        buy("a", "2024-01-10", "10", "20"),
        buy("b", "2024-01-11", "10", "30"),
        sell("s", "2024-06-10", "10", "15"),
        sell("t", "2024-06-11", "10", "15"),
        buy("c", "2024-06-20", "10", "15"),
    ];
    let book = run(&Options::default(), &trades);
    assert_eq!(adjustments(&book), ["50.00", "0.00"]);
}

#[test]
fn rule_6_the_rest_of_a_purchase_does_not_replace_it_and_fills_of_an_order_are_one() {
    let one = [
        buy("a", "2024-06-01", "20", "20"),
        sell("s", "2024-06-10", "10", "15"),
    ];
    assert_eq!(adjustments(&run(&Options::default(), &one)), ["0.00"]);
    let fills = [
        buy("a", "2024-06-01", "10", "20").order("o"),
        buy("b", "2024-06-02", "10", "20").order("o"),
        sell("s", "2024-06-10", "10", "15"),
    ];
    assert_eq!(adjustments(&run(&Options::default(), &fills)), ["0.00"]);
    let apart = Options {
        orders_are_purchases: false,
        ..Options::default()
    };
    assert_eq!(adjustments(&run(&apart, &fills)), ["50.00"]);
    // An order of the same name in another account is another one.
    let mut elsewhere = fills.to_vec();
    elsewhere[1] = elsewhere[1].clone().account("B");
    assert_eq!(
        adjustments(&run(&Options::default(), &elsewhere)),
        ["50.00"]
    );
}

/// A bot names all of its purchases by one order. Each loss looked through all fills of its order that were
/// open, and each fill through all losses that waited: half a minute, where it is a part of a second.
#[test]
fn rule_6_an_order_of_very_many_fills_is_walked_through_once() {
    let base = buy("", "2024-06-01", "1", "20").order("o");
    let first = base.at.unix_secs();
    let mut trades = Vec::new();
    for number in 0..60_000_i64 {
        let mut trade = base.clone();
        trade.id = Cow::Owned(number.to_string());
        trade.at = Timestamp::from_unix(first + number, 0).unwrap();
        // Twenty thousand purchases, and then sales between as many others.
        if number >= 20_000 && number % 2 == 0 {
            (trade.action, trade.price, trade.order_id) = (Action::Sell, dec("15"), None);
        }
        trades.push(trade);
    }
    let book = run(&Options::default(), &trades);
    assert_eq!((book.disposals.len(), book.washes.len()), (20_000, 0));
    let others = Options {
        orders_are_purchases: false,
        ..Options::default()
    };
    let book = run(&others, &trades);
    assert_eq!(book.washes.len(), 20_000);
}

#[test]
fn rule_7_a_carried_loss_makes_a_gain_a_new_wash_sale() {
    let trades = lost_and(&[
        buy("b", "2024-06-15", "10", "15"),
        // 17 is above 15, and below the 20 that b costs with the loss.
        sell("t", "2024-06-20", "10", "17"),
        buy("c", "2024-06-25", "10", "16"),
    ]);
    let book = run(&Options::default(), &trades);
    assert_eq!(
        rows(&book, &trades),
        [
            "a>s 10 150.00-200.00+50.00=0.00 SHORT",
            "b>t 10 170.00-200.00+30.00=0.00 SHORT"
        ]
    );
    assert_eq!(book.open[0].basis(), Cents::new(19_000));
}

#[test]
fn rule_7_of_a_mixed_sale_the_loss_alone_is_deferred() {
    let trades = [
        buy("a", "2024-01-10", "5", "10"),
        buy("b", "2024-01-11", "5", "20"),
        sell("s", "2024-06-10", "10", "15"),
        buy("c", "2024-06-20", "10", "15"),
    ];
    let book = run(&Options::default(), &trades);
    assert_eq!(
        rows(&book, &trades),
        [
            "a>s 5 75.00-50.00+0.00=25.00 SHORT",
            "b>s 5 75.00-100.00+25.00=0.00 SHORT"
        ]
    );
}

#[test]
fn rule_8_what_replaced_a_loss_did_so_though_it_is_sold_again_in_the_window() {
    let trades = lost_and(&[
        buy("b", "2024-06-15", "10", "15"),
        sell("t", "2024-06-16", "10", "30"),
    ]);
    let book = run(&Options::default(), &trades);
    assert_eq!(
        rows(&book, &trades),
        [
            "a>s 10 150.00-200.00+50.00=0.00 SHORT",
            "b>t 10 300.00-200.00+0.00=100.00 SHORT"
        ]
    );
}

#[test]
fn rule_9_what_was_sold_before_the_loss_replaces_nothing() {
    let trades = lost_and(&[
        buy("b", "2024-06-01", "10", "15").account("B"),
        sell("t", "2024-06-05", "10", "16").account("B"),
    ]);
    let book = run(&Options::default(), &trades);
    assert_eq!(adjustments(&book), ["0.00", "0.00"]);
}

#[test]
fn rule_10_all_accounts_count_and_a_broker_sees_its_own() {
    let trades = lost_and(&[buy("b", "2024-06-15", "10", "15").account("B")]);
    assert_eq!(adjustments(&run(&Options::default(), &trades)), ["50.00"]);
    let broker = washed(|it| it.scope = WashScope::Account);
    assert_eq!(adjustments(&run(&broker, &trades)), ["0.00"]);
}

#[test]
fn rule_10_a_retirement_account_replaces_a_loss_for_ever() {
    let trades = lost_and(&[buy("b", "2024-06-15", "10", "15").account("IRA")]);
    let options = washed(|it| it.ira = vec!["IRA".to_owned()]);
    let book = run(&options, &trades);
    assert_eq!(adjustments(&book), ["50.00"]);
    // Neither its basis nor its holding period changes.
    assert_eq!(open(&book, &trades), ["b 10 150.00 2024-06-15"]);
    assert!(book.washes[0].is_permanent);
}

#[test]
fn rule_10_a_sale_of_a_retirement_account_is_not_taxed_and_no_loss() {
    let trades = [
        buy("a", "2024-01-10", "10", "20").account("IRA"),
        sell("s", "2024-06-10", "10", "15").account("IRA"),
        buy("b", "2024-06-15", "10", "15"),
    ];
    let options = washed(|it| it.ira = vec!["IRA".to_owned()]);
    let book = run(&options, &trades);
    assert_eq!(
        (book.disposals.len(), book.untaxed.len(), book.washes.len()),
        (0, 1, 0)
    );
    assert_eq!(open(&book, &trades), ["b 10 150.00 2024-06-15"]);
}

/// A loss of 31 December waits until 30 January, and the report of its year needs what was bought then.
#[test]
fn rule_11_purchases_of_january_replace_losses_of_december() {
    let trades = [
        buy("a", "2024-01-10", "10", "20"),
        sell("s", "2024-12-31", "10", "15"),
        buy("b", "2025-01-30", "10", "15"),
    ];
    let of_the_year = Options {
        open_at: Some(day("2024-12-31")),
        until: Some(day("2025-01-30")),
        ..Options::default()
    };
    let book = run(&of_the_year, &trades);
    assert_eq!(adjustments(&book), ["50.00"]);
    assert_eq!(book.open, []);
    let too_early = Options {
        until: Some(day("2024-12-31")),
        ..Options::default()
    };
    assert_eq!(adjustments(&run(&too_early, &trades)), ["0.00"]);
}

#[test]
fn rule_12_break_even_and_gains_are_never_washed() {
    for price in ["20", "25"] {
        let trades = [
            buy("a", "2024-01-10", "10", "20"),
            sell("s", "2024-06-10", "10", price),
            buy("b", "2024-06-15", "10", "15"),
        ];
        let book = run(&Options::default(), &trades);
        assert_eq!(
            (adjustments(&book), book.washes.len()),
            (vec!["0.00".to_owned()], 0)
        );
    }
}

#[test]
fn rule_13_the_gap_is_not_holding_time_and_overlapping_time_counts_twice() {
    // Held for 152 days, from 10 January to 10 June: b counts from 152 days before it was bought.
    let trades = lost_and(&[buy("b", "2024-07-01", "10", "15")]);
    let book = run(&Options::default(), &trades);
    assert_eq!(book.open[0].holding_start, day("2024-01-31"));
    assert_eq!(book.washes[0].days_added, 152);
    // Bought nine days before the sale: those nine count for both.
    let trades = lost_and(&[buy("b", "2024-06-01", "10", "15")]);
    let book = run(&Options::default(), &trades);
    assert_eq!(book.open[0].holding_start, day("2024-01-01"));
}

#[test]
fn rule_13_added_days_make_a_replacement_long() {
    let trades = lost_and(&[
        buy("b", "2024-07-01", "10", "15"),
        sell("t", "2025-02-01", "10", "30"),
    ]);
    // From 31 January 2024 to 1 February 2025 is more than a year.
    let book = run(&Options::default(), &trades);
    assert_eq!(
        rows(&book, &trades)[1],
        "b>t 10 300.00-200.00+0.00=100.00 LONG"
    );
    let original = washed(|it| it.tack = Tack::Original);
    let book = run(&original, &trades);
    assert_eq!(
        rows(&book, &trades)[1],
        "b>t 10 300.00-200.00+0.00=100.00 SHORT"
    );
    assert_eq!(book.washes[0].days_added, 0);
}

/// The tacked days are tacked on again.
#[test]
fn rule_13_a_chain_of_replacements_adds_all_their_days() {
    let trades = lost_and(&[
        buy("b", "2024-06-20", "10", "15"),
        sell("t", "2024-06-30", "10", "10"),
        buy("c", "2024-07-10", "10", "10"),
    ]);
    let book = run(&Options::default(), &trades);
    // 152 days, and ten.
    assert_eq!(book.washes[1].days_added, 162);
    // 100, and the 50 of a, and the 50 of b.
    assert_eq!(open(&book, &trades), ["c 10 200.00 2024-01-30"]);
}

#[test]
fn rule_14_what_is_disallowed_comes_back_with_the_last_replacement() {
    let trades = lost_and(&[
        buy("b", "2024-06-15", "10", "15"),
        sell("t", "2024-09-15", "10", "15"),
    ]);
    let book = run(&Options::default(), &trades);
    // Nothing was gained on b itself, and the loss of a counts with it.
    assert_eq!(
        rows(&book, &trades),
        [
            "a>s 10 150.00-200.00+50.00=0.00 SHORT",
            "b>t 10 150.00-200.00+0.00=-50.00 SHORT"
        ]
    );
}

#[test]
fn symbols_replace_each_other_where_they_are_said_to_be_identical() {
    let trades = lost_and(&[buy("b", "2024-06-15", "10", "15").symbol("Y")]);
    assert_eq!(adjustments(&run(&Options::default(), &trades)), ["0.00"]);
    let options = washed(|it| it.identical = vec![vec!["X".to_owned(), "Y".to_owned()]]);
    assert_eq!(adjustments(&run(&options, &trades)), ["50.00"]);
    // X was of the first group alone, and the purchase of Y replaced nothing.
    let pair = |one: &str, other: &str| vec![one.to_owned(), other.to_owned()];
    let options = washed(|it| it.identical = vec![pair("X", "Z"), pair("X", "Y")]);
    assert!(refusal(&options, &trades).contains("X is in two groups"));
}

/// By the newest lot b is sold; a is in the window, and older.
#[test]
fn older_lots_replace_unless_they_are_excluded() {
    let trades = [
        buy("a", "2024-06-01", "10", "18"),
        buy("b", "2024-06-05", "10", "20"),
        sell("s", "2024-06-10", "10", "15"),
    ];
    let book = run(&by(Method::Lifo), &trades);
    assert_eq!(
        rows(&book, &trades),
        ["b>s 10 150.00-200.00+50.00=0.00 SHORT"]
    );
    let mut options = washed(|it| it.exclude_older = true);
    options.method = Method::Lifo;
    let book = run(&options, &trades);
    assert_eq!(
        rows(&book, &trades),
        ["b>s 10 150.00-200.00+0.00=-50.00 SHORT"]
    );
}

/// a lost 50 on ten, b was bought in the window, and the same sale closes six of it.
#[test]
fn lots_of_one_sale_do_not_replace_each_other_unless_they_are_to() {
    let trades = [
        buy("a", "2024-01-10", "10", "20"),
        buy("b", "2024-06-05", "6", "12"),
        sell("s", "2024-06-10", "16", "15"),
    ];
    let book = run(&Options::default(), &trades);
    assert_eq!(adjustments(&book), ["0.00", "0.00"]);
    let options = washed(|it| it.same_sale_replaces = true);
    let book = run(&options, &trades);
    // 6 of 10 lost 30, which b costs more: 72 + 30. The sum is what it was.
    assert_eq!(
        rows(&book, &trades),
        [
            "a>s 10 150.00-200.00+30.00=-20.00 SHORT",
            "b>s 6 90.00-102.00+0.00=-12.00 SHORT"
        ]
    );
}

#[test]
fn what_of_another_lot_of_the_sale_replaces_nothing_is_a_row_of_its_own() {
    let trades = [
        buy("a", "2024-01-10", "4", "20"),
        buy("b", "2024-06-05", "6", "16"),
        sell("s", "2024-06-10", "10", "15"),
        buy("c", "2024-06-20", "1", "15"),
    ];
    let options = washed(|it| it.same_sale_replaces = true);
    let book = run(&options, &trades);
    // a lost 20 on four, which four of b cost more: 64 + 20 - 60 are lost on them, 2 on the other two. c
    // replaces one of the four: a quarter of 24.
    assert_eq!(
        rows(&book, &trades),
        [
            "a>s 4 60.00-80.00+20.00=0.00 SHORT",
            "b>s 4 60.00-84.00+6.00=-18.00 SHORT",
            "b>s 2 30.00-32.00+0.00=-2.00 SHORT"
        ]
    );
    let pieces: Vec<u32> = book.disposals.iter().map(|it| it.piece).collect();
    assert_eq!(pieces, [1, 2, 3]);
}

/// Lots of all accounts are sold together, and the broker of A sees A alone: what B bought replaces nothing
/// for it.
#[test]
fn lots_of_one_sale_replace_each_other_in_the_accounts_that_count_alone() {
    let trades = [
        buy("a", "2024-01-10", "10", "20"),
        buy("b", "2024-06-05", "6", "12").account("B"),
        sell("s", "2024-06-10", "16", "15"),
    ];
    let mut options = washed(|it| it.same_sale_replaces = true);
    options.lot_scope = LotScope::Global;
    assert_eq!(adjustments(&run(&options, &trades)), ["30.00", "0.00"]);
    options.wash.scope = WashScope::Account;
    assert_eq!(adjustments(&run(&options, &trades)), ["0.00", "0.00"]);
}

#[test]
fn the_oldest_purchase_replaces_first_unless_taxable_ones_are_to() {
    let trades = lost_and(&[
        buy("i", "2024-06-01", "10", "15").account("IRA"),
        buy("b", "2024-06-05", "10", "15").account("B"),
    ]);
    let mut options = washed(|it| it.ira = vec!["IRA".to_owned()]);
    assert!(run(&options, &trades).washes[0].is_permanent);
    options.wash.taxable_first = true;
    assert!(!run(&options, &trades).washes[0].is_permanent);
}

/// A lot that comes from elsewhere and replaced a loss there does not do so again.
#[test]
fn a_lot_that_is_brought_in_counts_by_its_own_days() {
    let mut carried = buy("b", "2024-06-05", "10", "0");
    carried.carried = Some(Carried {
        acquired: day("2024-06-05"),
        holding_start: day("2024-06-05"),
        basis: Cents::new(15_000),
        wash_added: Cents::ZERO,
    });
    let trades = lost_and(&[carried.clone()]);
    let book = run(&Options::default(), &trades);
    assert_eq!(open(&book, &trades), ["b 10 200.00 2024-01-05"]);
    carried.carried = Some(Carried {
        acquired: day("2024-06-05"),
        holding_start: day("2024-05-01"),
        basis: Cents::new(15_000),
        wash_added: Cents::new(7_00),
    });
    let trades = lost_and(&[carried]);
    let book = run(&Options::default(), &trades);
    assert_eq!(adjustments(&book), ["0.00"]);
    assert_eq!(open(&book, &trades), ["b 10 157.00 2024-05-01"]);
}

/// It came to these books ten days after the loss, and was bought years before: it replaced the loss.
#[test]
fn a_lot_that_is_brought_in_after_a_loss_is_no_purchase_of_that_day() {
    let mut carried = buy("b", "2024-06-20", "10", "0");
    carried.carried = Some(Carried {
        acquired: day("2020-03-02"),
        holding_start: day("2020-03-02"),
        basis: Cents::new(15_000),
        wash_added: Cents::ZERO,
    });
    let trades = lost_and(&[carried, buy("c", "2024-06-25", "4", "15")]);
    let book = run(&Options::default(), &trades);
    assert_eq!(adjustments(&book), ["20.00"]);
    assert_eq!(
        open(&book, &trades),
        ["b 10 150.00 2020-03-02", "c 4 80.00 2024-01-25"]
    );
}
