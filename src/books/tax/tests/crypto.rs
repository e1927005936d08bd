//! Coins, and fees that are paid in them.

use super::*;

const COIN: AssetClass = AssetClass::Crypto;

fn fee_in(
    mut trade: Execution<'static>,
    asset: &'static str,
    value: Option<&str>,
) -> Execution<'static> {
    trade.fee_asset = Some(Cow::Borrowed(asset));
    trade.fee_value = value.map(dec);
    trade.class(COIN)
}

#[test]
fn a_fee_in_dollars_is_one_of_any_trade() {
    let trades = [
        fee_in(
            buy("a", "2024-01-10", "1", "100")
                .symbol("BTC-USDT")
                .fee("2"),
            "USDT",
            None,
        ),
        fee_in(
            sell("s", "2024-02-20", "1", "150")
                .symbol("BTC-USD")
                .fee("3"),
            "USD",
            None,
        ),
    ];
    // One coin, whichever dollars it was traded for.
    let book = run(&Options::default(), &trades);
    assert_eq!(
        rows(&book, &trades),
        ["a>s 1 147.00-102.00+0.00=45.00 SHORT"]
    );
}

#[test]
fn a_fee_in_the_coin_leaves_fewer_of_them_and_takes_more() {
    let trades = [
        fee_in(
            buy("a", "2024-01-10", "1", "100")
                .symbol("BTC-USD")
                .fee("0.01"),
            "BTC",
            None,
        ),
        fee_in(
            sell("s", "2024-02-20", "0.5", "150")
                .symbol("BTC-USD")
                .fee("0.005"),
            "BTC",
            None,
        ),
    ];
    let book = run(&Options::default(), &trades);
    // 0.99 for 100.00; 0.505 of it cost 51.0101 and brought 0.5 x 150.
    assert_eq!(
        rows(&book, &trades),
        ["a>s 0.505 75.00-51.01+0.00=23.99 SHORT"]
    );
    assert_eq!(open(&book, &trades), ["a 0.485 48.99 2024-01-10"]);
}

#[test]
fn a_fee_in_another_coin_is_a_sale_of_that() {
    let trades = [
        buy("n", "2024-01-05", "10", "200")
            .symbol("BNB-USD")
            .class(COIN),
        fee_in(
            buy("a", "2024-01-10", "1", "100")
                .symbol("BTC-USD")
                .fee("0.01"),
            "BNB",
            Some("2.50"),
        ),
    ];
    let book = run(&Options::default(), &trades);
    // 0.01 of BNB cost 2.00 and paid 2.50, which is a part of what the coin cost.
    assert_eq!(rows(&book, &trades), ["n>a 0.01 2.50-2.00+0.00=0.50 SHORT"]);
    assert!(book.disposals[0].is_fee);
    assert_eq!(
        open(&book, &trades),
        ["n 9.99 1998.00 2024-01-05", "a 1 102.50 2024-01-10"]
    );
    let unknown = fee_in(
        buy("a", "2024-01-10", "1", "100")
            .symbol("BTC-USD")
            .fee("1"),
        "BNB",
        None,
    );
    assert!(refusal(&Options::default(), &[unknown]).contains("fee_value"));
}

#[test]
fn a_price_in_another_coin_is_refused() {
    let trade = buy("a", "2024-01-10", "1", "0.05")
        .symbol("ETH-BTC")
        .class(COIN);
    assert!(refusal(&Options::default(), &[trade]).contains("BTC is no dollar"));
    // A share may have a hyphen.
    let trade = buy("a", "2024-01-10", "1", "50").symbol("BRK-B");
    assert_eq!(run(&Options::default(), &[trade]).open.len(), 1);
}

#[test]
fn coins_have_no_wash_sales_unless_they_are_asked_for() {
    let trades = [
        buy("a", "2024-01-10", "1", "100").symbol("BTC").class(COIN),
        sell("s", "2024-02-10", "1", "80").symbol("BTC").class(COIN),
        buy("b", "2024-02-11", "1", "80").symbol("BTC").class(COIN),
    ];
    let book = run(&Options::default(), &trades);
    assert_eq!(
        rows(&book, &trades),
        ["a>s 1 80.00-100.00+0.00=-20.00 SHORT"]
    );
    let book = run(&washed(|it| it.crypto = true), &trades);
    assert_eq!(
        rows(&book, &trades),
        ["a>s 1 80.00-100.00+20.00=0.00 SHORT"]
    );
}
