//! What comes to no book, and what is said then.

use super::*;

#[test]
fn a_sale_of_what_is_not_there_names_what_is_missing() {
    let trades = [
        buy("a", "2024-01-10", "10", "10"),
        sell("s", "2024-02-10", "12.5", "10"),
    ];
    let error = Engine::new(Options::default()).run(&trades).unwrap_err();
    let expected = TaxError::InsufficientLots {
        symbol: "X".to_owned(),
        account: "A".to_owned(),
        trade_id: "s".to_owned(),
        missing: Units::of(dec("2.5")).unwrap(),
    };
    assert_eq!(error, expected);
    // Bought later, or elsewhere, is not there either.
    let later = [
        sell("s", "2024-01-10", "1", "10"),
        buy("a", "2024-01-11", "1", "10"),
    ];
    assert!(refusal(&Options::default(), &later).contains("1 more are sold"));
    let elsewhere = [
        buy("a", "2024-01-09", "1", "10").account("B"),
        sell("s", "2024-01-10", "1", "10"),
    ];
    assert!(refusal(&Options::default(), &elsewhere).contains("of X in A: 1 more"));
    // An account need not have a name.
    let unnamed = [sell("s", "2024-01-10", "1", "10").account("")];
    let told = refusal(&Options::default(), &unnamed);
    assert!(told.contains("of X: 1 more"), "{told}");
}

#[test]
fn what_is_no_trade_is_named() {
    for (trade, problem) in [
        (
            buy("a", "2024-01-10", "0", "10"),
            "quantity must be above 0",
        ),
        (
            buy("a", "2024-01-10", "-1", "10"),
            "quantity must be above 0",
        ),
        (buy("a", "2024-01-10", "1", "-10"), "price is below 0"),
        (
            buy("a", "2024-01-10", "1", "10").fee("-1"),
            "commission is below 0",
        ),
        (buy("", "2024-01-10", "1", "10"), "no id"),
        (buy("a", "2024-01-10", "1", "10").symbol(""), "no symbol"),
        (
            buy("a", "2024-01-10", "9000000000000", "1000000000"),
            "ten quadrillion",
        ),
    ] {
        let told = refusal(&Options::default(), &[trade]);
        assert!(told.contains(problem), "{told}");
    }
}

#[test]
fn two_trades_of_one_id_are_refused() {
    let trades = [
        buy("a", "2024-01-10", "1", "10"),
        buy("a", "2024-01-11", "1", "10"),
    ];
    assert!(refusal(&Options::default(), &trades).contains("trade a of X: another trade"));
}

#[test]
fn lots_that_are_named_must_be_there_and_be_all_of_it() {
    let bought = [
        buy("a", "2024-01-10", "3", "10"),
        buy("b", "2024-01-11", "3", "10"),
    ];
    for (lots, problem) in [
        (vec![("a", "4")], "1 more are sold"),
        (vec![("a", "2")], "are 2 in all, and 4 are sold"),
        (vec![("z", "4")], "lot z is no earlier purchase"),
        (vec![("a", "0"), ("b", "3")], "lot a is none"),
    ] {
        let mut trades = bought.to_vec();
        trades.push(sell("s", "2024-02-10", "4", "10").lots(&lots));
        let told = refusal(&by(Method::Specid), &trades);
        assert!(told.contains(problem), "{told}");
    }
}

#[test]
fn one_name_is_one_class() {
    let trades = [
        buy("a", "2024-01-10", "1", "10"),
        buy("b", "2024-01-11", "1", "10").class(AssetClass::Fund),
    ];
    assert!(refusal(&Options::default(), &trades).contains("of the class fund here"));
}
