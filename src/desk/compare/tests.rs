//! Live trades against predictions: the matching against a plain model, and deviations by hand.

use std::time::Duration;

use proptest::prelude::*;

use super::matching::{By, Match, pair_up};
use super::traded::{Fill, Gathering, Traded};
use super::{Comparison, Expected, Live, Row, Rules, Span, compare};
use crate::record::field::Action;
use crate::time::Timestamp;

fn at(second: u32) -> Timestamp {
    let start: Timestamp = "2025-10-27T14:00:00Z".parse().unwrap();
    start.saturating_add(Duration::from_secs(u64::from(second)))
}

fn fill(
    second: u32,
    order: Option<&str>,
    symbol: &str,
    side: Action,
    price: &str,
    size: &str,
) -> Fill {
    Fill {
        line: u64::from(second),
        order_id: order.map(str::to_owned),
        symbol: symbol.to_owned(),
        side,
        at: at(second),
        price: price.parse().unwrap(),
        size: size.parse().unwrap(),
        fee: None,
        fee_asset: None,
        pnl: None,
    }
}

fn traded(fills: &[Fill]) -> Vec<Traded> {
    let mut gathering = Gathering::default();
    for fill in fills {
        gathering.add(fill).unwrap();
    }
    gathering.into_trades()
}

#[test]
fn many_of_one_time_and_many_fills_of_one_order_are_no_matter() {
    // Were it done again for each of those before, nobody would wait for it.
    let count = 20_000;
    let expected: Vec<_> = (0..count)
        .map(|_| fill(0, None, "AAPL", Action::Buy, "1", "1"))
        .collect();
    let live: Vec<_> = (0..count)
        .map(|it| fill(it % 3000, None, "AAPL", Action::Buy, "1", "1"))
        .collect();
    let found = pair_up(
        &traded(&expected),
        &traded(&live),
        Duration::from_secs(3000),
    );
    assert_eq!(found.len(), expected.len());
    let parts: Vec<_> = (0..100_000)
        .map(|it| fill(it, Some("1"), "AAPL", Action::Buy, "1.5", "2"))
        .collect();
    let whole = traded(&parts);
    assert_eq!((whole.len(), whole[0].lines.len()), (1, 100_000));
    assert_eq!(
        (whole[0].size, whole[0].total),
        (200_000.into(), 300_000.into())
    );
}

fn buy(second: u32, order: Option<&str>, price: &str, size: &str) -> Fill {
    fill(second, order, "BTC-USDT", Action::Buy, price, size)
}

fn sides(expected: &[Fill], live: &[Fill]) -> (Expected, Live) {
    let expected = Expected {
        trades: traded(expected),
        ..Expected::default()
    };
    let live = Live {
        trades: traded(live),
        ..Live::default()
    };
    (expected, live)
}

fn rules(price: &str, size: &str) -> Rules {
    Rules {
        window: Duration::from_secs(60),
        price: price.parse().unwrap(),
        size: size.parse().unwrap(),
        time: None,
        span: Span::default(),
    }
}

/// How many are matched, missing, extra and beyond the tolerances.
fn counts(found: &Comparison<'_>) -> [usize; 4] {
    [
        found.matched.len(),
        found.missing.len(),
        found.extra.len(),
        found.beyond(),
    ]
}

#[test]
fn fills_of_one_order_are_one_trade_and_orders_go_before_times() {
    let expected = [
        buy(0, Some("b"), "100", "3"),
        buy(50, Some("a"), "100", "1"),
    ];
    let live = [
        buy(1, Some("a"), "100.5", "1"),
        buy(200, Some("b"), "100", "1"),
        buy(210, Some("b"), "101", "2"),
    ];
    let (expected, live) = sides(&expected, &live);
    let found = compare(&expected, &live, &rules("0", "0"));
    assert_eq!(counts(&found), [2, 0, 0, 2]);
    let first = &found.matched[0];
    assert_eq!(
        (first.by, first.live.lines.as_slice()),
        (By::Order, &[200, 210][..])
    );
    assert_eq!(first.live.price.to_string(), "302/3");
    assert_eq!(first.price.unwrap().to_string(), "2/3");
    assert_eq!(first.bps.unwrap().to_string(), "66.6667");
    assert_eq!(
        (first.size.unwrap().is_zero(), first.time_ns),
        (true, 200_000_000_000)
    );
    assert_eq!(found.effects["USDT"].sum.normalized().to_string(), "2.5");
    assert_eq!(found.mean_bps.unwrap().to_string(), "58.3334");
    assert_eq!(found.worst_bps.unwrap().to_string(), "66.6667");
    assert_eq!(found.best_bps.unwrap().to_string(), "50");
    assert!(compare(&expected, &live, &rules("67bps", "0")).is_fine());
    assert!(compare(&expected, &live, &rules("0.67", "0")).is_fine());
    assert_eq!(
        compare(&expected, &live, &rules("66.66bps", "0")).beyond(),
        1
    );
}

#[test]
fn above_zero_is_worse_whichever_the_direction() {
    let sell = |second, price: &str| fill(second, None, "AAPL", Action::Sell, price, "10");
    let (expected, live) = sides(
        &[sell(0, "150"), buy(100, None, "100", "1"), sell(300, "151")],
        &[
            sell(1, "149.85"),
            buy(101, None, "99", "0.5"),
            sell(301, "151.151"),
        ],
    );
    let found = compare(&expected, &live, &rules("0", "0"));
    let bps: Vec<String> = found
        .matched
        .iter()
        .map(|it| it.bps.unwrap().to_string())
        .collect();
    assert_eq!(bps, ["10", "-100", "-10"]);
    assert_eq!(found.median_bps.unwrap().to_string(), "-10");
    assert_eq!(found.matched[1].size.unwrap().to_string(), "-0.5");
    assert_eq!(found.effects[""].sum.normalized().to_string(), "-0.01");
    assert_eq!(found.effects["USDT"].sum.normalized().to_string(), "-0.5");
    let time = Rules {
        time: Some(Duration::from_millis(999)),
        ..rules("1000bps", "1")
    };
    assert_eq!(compare(&expected, &live, &time).beyond(), 3);
    let time = Rules {
        time: Some(Duration::from_secs(1)),
        ..time
    };
    assert!(compare(&expected, &live, &time).is_fine());
}

#[test]
fn what_has_no_partner_is_missing_or_extra_in_its_time() {
    let (expected, live) = sides(
        &[
            buy(0, None, "100", "1"),
            buy(1000, None, "100", "1"),
            buy(2000, None, "100", "1"),
        ],
        &[
            buy(61, None, "100", "1"),
            buy(990, None, "100", "1"),
            buy(3000, None, "100", "1"),
        ],
    );
    let all = compare(&expected, &live, &rules("0", "0"));
    assert_eq!(counts(&all), [1, 2, 2, 0]);
    // A pair counts when either side is in the time.
    let span = Span::new(Some(at(1000)), Some(at(2500)));
    let found = compare(
        &expected,
        &live,
        &Rules {
            span,
            ..rules("0", "0")
        },
    );
    assert_eq!(counts(&found), [1, 1, 0, 0]);
    assert_eq!(found.missing[0].at, at(2000));
}

fn read(header: &str, rows: &[&str]) -> Result<Expected, String> {
    let cells = |text: &str| -> Vec<String> { text.split(',').map(str::to_owned).collect() };
    let rows = (2..).zip(rows).map(|(line, it)| Row {
        line,
        cells: cells(it),
    });
    let local = |text: &str| {
        let text = format!("{}Z", text.replacen(' ', "T", 1));
        text.parse().map_err(|_| "is no time".to_owned())
    };
    Expected::read(&cells(header), rows, None, &local).map_err(|error| match error {
        super::ExpectedError::Rows(errors) => {
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            texts.join("; ")
        }
        error => error.to_string(),
    })
}

#[test]
fn a_prediction_is_read_by_the_names_of_its_columns() {
    let found = read(
        "Symbol, side ,timestamp,price,size,fee,pnl",
        &[
            "BTC-USDT,buy,1761573600.5,100.5,0.001,0.1,",
            "BTC-USDT,SELL,2025-10-27T14:00:01Z,1e5,1,,-2",
        ],
    );
    assert_eq!(
        found.unwrap_err(),
        "3: column `price`: must be a number such as 150.25, got \"1e5\""
    );
    let found = read(
        "symbol,side,time,price,size,fee,pnl",
        &[
            "BTC-USDT,buy,1761573600.5,100.5,0.001,0.1,",
            "AAPL,S,2025-10-27 14:00:01,1,1,,-2",
        ],
    )
    .unwrap();
    let [one, other] = &found.trades[..] else {
        panic!("{found:?}")
    };
    assert_eq!(one.at.to_string(), "2025-10-27T14:00:00.500Z");
    assert_eq!(
        (one.fee.unwrap().to_string(), one.pnl),
        ("0.1".to_owned(), None)
    );
    assert_eq!(
        (other.at, other.side, found.zoneless),
        (at(1), Action::Sell, 1)
    );
}

#[test]
fn what_is_wrong_with_a_prediction_is_named() {
    for (header, wanted) in [
        (
            "symbol,side,time,prize,size",
            "there is no column `prize` in a prediction",
        ),
        (
            "symbol,side,time,size",
            "there is no column for the price: it is called price",
        ),
        (
            "side,time,price,size",
            "there is no column for the symbol: it is called symbol",
        ),
        (
            "symbol,side,price,price,time,size",
            "the column `price` is there twice",
        ),
        ("", "there is no column `` in a prediction"),
    ] {
        assert_eq!(read(header, &[]).unwrap_err(), wanted);
    }
    let wrong = read(
        "symbol,side,time,price,size",
        &[
            "A,hold,2025-10-27T14:00:00Z,1,1",
            "A,buy,soon,1,1",
            "A,buy,1,0,1",
            "A,buy,1,1",
            ",buy,1,1,1",
        ],
    );
    assert_eq!(
        wrong.unwrap_err(),
        "2: column `side`: must be buy or sell, got \"hold\"; 3: column `time`: is no time, got \"soon\"; \
         4: column `price`: must be above 0, got \"0\"; 5: has 4 cells, and the header 5; \
         6: column `symbol`: is empty, got \"\""
    );
}

/// The plain model: by order first; then of all pairs that are left the nearest, over and over.
fn model(expected: &[Traded], live: &[Traded], window: Duration) -> Vec<Match> {
    let mut matches = Vec::new();
    let (mut own, mut others): (Vec<usize>, Vec<usize>) =
        ((0..expected.len()).collect(), (0..live.len()).collect());
    own.retain(|place| {
        let key = expected[*place].key();
        let found = others
            .iter()
            .position(|it| key.is_some() && live[*it].key() == key);
        let Some(found) = found else { return true };
        let live = others.remove(found);
        let (expected, by) = (*place, By::Order);
        matches.push(Match { expected, live, by });
        false
    });
    loop {
        let mut pairs = Vec::new();
        for one in &own {
            for other in &others {
                let (a, b) = (&expected[*one], &live[*other]);
                let apart = a.at.until(b.at).or_else(|| b.at.until(a.at)).unwrap();
                if (&a.symbol, a.side) == (&b.symbol, b.side) && apart <= window {
                    pairs.push((apart, a.at, *one, b.at, *other));
                }
            }
        }
        let Some((_, _, expected, _, live)) = pairs.into_iter().min() else {
            break;
        };
        own.retain(|it| *it != expected);
        others.retain(|it| *it != live);
        let by = By::Time;
        matches.push(Match { expected, live, by });
    }
    matches.sort_by_key(|it| it.expected);
    matches
}

fn any_trades() -> impl Strategy<Value = Vec<Traded>> {
    let one = (
        0_u32..60,
        prop::option::of(0_u8..12),
        0_u8..2,
        any::<bool>(),
    );
    let fills = prop::collection::vec(one, 0..25);
    fills.prop_map(|fills| {
        let fills = fills.into_iter().map(|(second, order, symbol, is_buy)| {
            let order = order.map(|it| format!("o{it}"));
            let side = if is_buy { Action::Buy } else { Action::Sell };
            let symbol = ["A", "B"][usize::from(symbol)];
            fill(second, order.as_deref(), symbol, side, "1", "1")
        });
        traded(&fills.collect::<Vec<_>>())
    })
}

proptest! {
    #[test]
    fn the_matching_is_that_of_a_plain_model(
        expected in any_trades(), live in any_trades(), window in 0_u64..20,
    ) {
        let window = Duration::from_secs(window);
        prop_assert_eq!(pair_up(&expected, &live, window), model(&expected, &live, window));
    }

    #[test]
    fn every_trade_is_matched_missing_or_extra(expected in any_trades(), live in any_trades()) {
        let expected = Expected { trades: expected, ..Expected::default() };
        let live = Live { trades: live, ..Live::default() };
        let found = compare(&expected, &live, &rules("0", "0"));
        prop_assert_eq!(found.matched.len() + found.missing.len(), expected.trades.len());
        prop_assert_eq!(found.matched.len() + found.extra.len(), live.trades.len());
    }
}
