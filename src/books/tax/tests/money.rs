//! Sums, to the cent.

use super::*;

#[test]
fn commission_is_in_the_cost_and_out_of_the_proceeds() {
    let trades = [
        buy("a", "2024-01-10", "3", "10.005").fee("1.00"),
        sell("s", "2024-02-20", "3", "12").fee("0.50"),
    ];
    // 3 x 10.005 + 1 = 31.015, which is 31.02; 36 - 0.50.
    let book = run(&Options::default(), &trades);
    assert_eq!(rows(&book, &trades), ["a>s 3 35.50-31.02+0.00=4.48 SHORT"]);
    assert_eq!(book.disposals[0].fees(), Cents::new(50));
}

/// 59.00 over three lots of one share is 19.67, 19.66, 19.67.
#[test]
fn one_sale_of_several_lots_is_split_to_the_cent() {
    let trades = [
        buy("a", "2024-01-10", "1", "1"),
        buy("b", "2024-01-11", "1", "1"),
        buy("c", "2024-01-12", "1", "1"),
        sell("s", "2024-03-20", "3", "19.6666666667"),
    ];
    let book = run(&Options::default(), &trades);
    let proceeds: Vec<String> = book
        .disposals
        .iter()
        .map(|it| it.proceeds.to_string())
        .collect();
    assert_eq!(proceeds, ["19.67", "19.66", "19.67"]);
}

/// 100.00 for three: 33.33, then 33.34 of 66.67 (33.335 is rounded up), then 33.33.
#[test]
fn a_lot_keeps_what_its_pieces_leave() {
    let trades = [
        buy("a", "2024-01-10", "3", "33.3333333333"),
        sell("s", "2024-02-20", "1", "50"),
        sell("t", "2024-02-21", "1", "50"),
        sell("u", "2024-02-22", "1", "50"),
    ];
    let book = run(&Options::default(), &trades);
    let basis: Vec<String> = book
        .disposals
        .iter()
        .map(|it| it.basis().to_string())
        .collect();
    assert_eq!(basis, ["33.33", "33.34", "33.33"]);
}

/// 40.00 over three replacements is 13.33, 13.34, 13.33.
#[test]
fn a_loss_that_is_replaced_in_parts_is_split_to_the_cent() {
    let trades = [
        buy("a", "2024-01-10", "3", "50"),
        sell("s", "2024-03-01", "3", "36.6666666667"),
        buy("b", "2024-03-05", "1", "40"),
        buy("c", "2024-03-06", "1", "40"),
        buy("d", "2024-03-07", "1", "40"),
    ];
    let book = run(&Options::default(), &trades);
    assert_eq!(
        rows(&book, &trades),
        ["a>s 3 110.00-150.00+40.00=0.00 SHORT"]
    );
    let parts: Vec<String> = book
        .washes
        .iter()
        .map(|it| it.disallowed.to_string())
        .collect();
    assert_eq!(parts, ["13.33", "13.34", "13.33"]);
}

/// Fourteen digits of dollars times eight places: 96 bits would round the cents away.
#[test]
fn large_sums_keep_their_cents() {
    let trades = [
        buy("a", "2024-01-10", "24691356.24691356", "4000000.01"),
        sell("s", "2024-02-20", "12345678.12345678", "4000000.01"),
    ];
    let book = run(&unwashed(Method::Fifo), &trades);
    // 24691356.24691356 x 4000000.01 = 98765425234567.8024691356, of which half is 49382712617283.90.
    assert_eq!(book.disposals[0].basis().to_string(), "49382712617283.90");
    assert_eq!(book.open[0].basis().to_string(), "49382712617283.90");
}

#[test]
fn a_free_share_costs_nothing() {
    let trades = [
        buy("a", "2024-01-10", "1", "0"),
        sell("s", "2024-02-20", "1", "5"),
    ];
    let book = run(&Options::default(), &trades);
    assert_eq!(rows(&book, &trades), ["a>s 1 5.00-0.00+0.00=5.00 SHORT"]);
}

#[test]
fn a_fee_above_the_proceeds_makes_them_negative() {
    let trades = [
        buy("a", "2024-01-10", "1", "3"),
        sell("s", "2024-02-20", "1", "1").fee("1.50"),
    ];
    let book = run(&unwashed(Method::Fifo), &trades);
    assert_eq!(rows(&book, &trades), ["a>s 1 -0.50-3.00+0.00=-3.50 SHORT"]);
}
