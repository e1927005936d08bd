//! The comparison and what is recovered, on hand-written histories and against a plain model.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{
    Book, Columns, Comparison, History, LeftOut, Named, Reading, Recovered, Recovery, Row,
    RowError, Span, What, Words, compare, recover,
};
use crate::record::field::{Action, ConfigHash, ExecutionMode, OrderId};
use crate::record::{Stamp, TradeRecord};
use crate::time::Timestamp;

fn at(text: &str) -> Timestamp {
    format!("2025-10-27T{text}Z").parse().unwrap()
}

fn stamp() -> Stamp {
    Stamp {
        session_id: "550e8400-e29b-41d4-a716-446655440000".parse().unwrap(),
        bot_version: "1.0.0".parse().unwrap(),
        config_hash: ConfigHash::of(b"hello"),
    }
}

fn entry(id: &str, action: Action, quantity: u32, price: &str) -> TradeRecord {
    TradeRecord::entry("AAPL", action, quantity, price)
        .at(at("14:00:00"))
        .order_id(id)
        .mode(ExecutionMode::Live)
        .strategy("bull-flag-breakout", "breakout")
        .because("Bull flag")
        .commission("0.10")
        .stamp(&stamp())
        .build()
        .unwrap()
}

fn book(records: &[TradeRecord]) -> Book {
    let mut book = Book::default();
    records.iter().for_each(|it| book.add(it));
    book
}

/// A generic file: the header, and rows parted by commas.
fn read_with(text: &str, exits: &[(&str, &str)]) -> Result<History, Vec<RowError>> {
    let mut lines = text
        .lines()
        .map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let columns =
        Columns::find(&lines.next().unwrap(), None, &Named::new(), &Named::new()).unwrap();
    let rows = (2..).zip(lines).map(|(line, cells)| Row { line, cells });
    let exits = exits
        .iter()
        .map(|it| (it.0.to_owned(), OrderId::try_from(it.1).unwrap()));
    let exits: BTreeMap<String, OrderId> = exits.collect();
    let reading = Reading {
        columns: &columns,
        words: &Words::default(),
        local: &|_| Err("has no zone".to_owned()),
        exits: &exits,
    };
    History::read(rows, &reading)
}

const FILLS: &str = "order_id,execution_id,time,symbol,side,quantity,price,fees\n";

/// One fill a row: order, execution, side, quantity, price.
fn fills(rows: &[(&str, &str, &str, &str, &str)]) -> History {
    let rows = rows
        .iter()
        .map(|(order, execution, side, quantity, price)| {
            format!(
                "{order},{execution},2025-10-27T14:00:01Z,AAPL,{side},{quantity},{price},0.05\n"
            )
        });
    read_with(&format!("{FILLS}{}", rows.collect::<String>()), &[]).unwrap()
}

fn counts(found: &Comparison) -> [usize; 5] {
    let equal = usize::try_from(found.equal).unwrap();
    [
        equal,
        found.missing.len(),
        found.extra.len(),
        found.different.len(),
        found.foreign.len(),
    ]
}

#[test]
fn partial_fills_are_one_order_with_an_exact_average() {
    let journal = book(&[entry("a", Action::Buy, 30, "150.25")]);
    let history = fills(&[
        ("a", "1", "buy", "10", "150.00"),
        ("a", "2", "buy", "10", "150.25"),
        ("a", "3", "buy", "10", "150.50"),
    ]);
    assert_eq!(history.orders.len(), 1);
    let found = compare(&journal, &history, Span::default());
    // 0.15 of fees and not 0.10.
    assert_eq!(counts(&found), [0, 0, 0, 1, 0]);
    let told = &found.different[0].differences;
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0].what, told[0].journal.as_deref(), &*told[0].broker),
        (What::Fees, Some("0.10"), "0.15")
    );
}

#[test]
fn an_average_that_no_decimal_holds_may_be_rounded_and_no_other() {
    let thirds = [
        ("a", "1", "buy", "1", "150.00"),
        ("a", "2", "buy", "2", "150.50"),
    ];
    for (price, is_equal) in [
        ("150.33", true),
        ("150.333333", true),
        ("150.34", true),
        ("150.3", false),
    ] {
        let found = compare(
            &book(&[entry("a", Action::Buy, 3, price)]),
            &fills(&thirds),
            Span::default(),
        );
        assert_eq!(
            (found.equal == 1, found.rounded == 1),
            (is_equal, is_equal),
            "{price}"
        );
    }
    let exact = [
        ("a", "1", "buy", "1", "150.00"),
        ("a", "2", "buy", "3", "150.01"),
    ];
    for (price, is_equal) in [("150.0075", true), ("150.01", false)] {
        let found = compare(
            &book(&[entry("a", Action::Buy, 4, price)]),
            &fills(&exact),
            Span::default(),
        );
        assert_eq!(
            found.different.is_empty(),
            is_equal && found.equal == 1,
            "{price}"
        );
    }
}

#[test]
fn equal_values_under_another_id_are_a_hint_and_no_match() {
    let bought = entry("a", Action::Buy, 10, "150");
    let sold = bought
        .exit(at("15:00:00"), "151")
        .commission("0.05")
        .build()
        .unwrap();
    let journal = book(&[bought, sold]);
    let history = fills(&[
        ("a", "1", "buy", "5", "150"),
        ("a", "2", "buy", "5", "150"),
        ("b", "3", "sell", "10", "151"),
    ]);
    let found = compare(&journal, &history, Span::default());
    assert_eq!(counts(&found), [1, 1, 1, 0, 0]);
    assert_eq!(
        found.missing[0].may_be_exit_of,
        [OrderId::try_from("a").unwrap()]
    );
    assert!(found.extra[0].booked.as_ref().unwrap().is_exit);
    let recovered = recovered(&mut journal.clone(), &found);
    assert!(recovered.records.is_empty());
    assert!(matches!(recovered.left_out[0].1, LeftOut::MayBeExit(_)));
}

#[test]
fn exits_that_are_named_are_matched_also_in_parts() {
    let bought = entry("a", Action::Buy, 10, "150");
    let first = bought
        .exit(at("15:00:00"), "151")
        .quantity(4)
        .build()
        .unwrap();
    let second = bought
        .exit(at("15:01:00"), "152")
        .quantity(6)
        .build()
        .unwrap();
    let journal = book(&[bought, first, second]);
    let text = "order_id,entry_order_id,time,symbol,side,quantity,price\n\
                a,,2025-10-27T14:00:00Z,AAPL,buy,10,150\n\
                b,a,2025-10-27T15:00:00Z,AAPL,sell,4,151\n\
                c,,2025-10-27T15:01:00Z,AAPL,sell,6,152\n";
    let history = read_with(text, &[("c", "a")]).unwrap();
    assert_eq!(
        counts(&compare(&journal, &history, Span::default())),
        [2, 0, 0, 0, 0]
    );
    // An id that the journal has is matched before what is said about it.
    let history = read_with(text, &[("c", "a"), ("a", "zzz")]).unwrap();
    assert_eq!(
        counts(&compare(&journal, &history, Span::default())),
        [2, 0, 0, 0, 0]
    );
}

#[test]
fn each_value_that_differs_is_told_and_the_time_limits_what_is_looked_at() {
    let journal = book(&[
        entry("a", Action::Buy, 10, "150"),
        entry("x", Action::Buy, 10, "150"),
    ]);
    let text = "order_id,time,symbol,side,quantity,price\n\
                a,2025-10-28T14:00:00Z,MSFT,buy,9,150.01\n\
                o,2025-10-27T14:00:00Z,AAPL251219C00150000,buy,1,3.10\n\
                l,2025-10-29T14:00:00Z,AAPL,buy,1,3.10\n";
    let history = read_with(text, &[]).unwrap();
    let found = compare(&journal, &history, Span::new(None, Some(at("23:59:59"))));
    assert_eq!(counts(&found), [0, 0, 1, 1, 1]);
    assert_eq!((found.broker_outside, found.journal_outside), (1, 0));
    let told: Vec<What> = found.different[0]
        .differences
        .iter()
        .map(|it| it.what)
        .collect();
    assert_eq!(told, [What::Symbol, What::Quantity, What::Price]);
    let found = compare(&journal, &history, Span::new(Some(at("23:59:59")), None));
    assert_eq!(counts(&found), [0, 1, 0, 1, 0]);
    assert_eq!((found.broker_outside, found.journal_outside), (1, 1));
}

#[test]
fn what_was_not_executed_is_no_trade_and_what_is_there_twice_counts_once() {
    let text = "order_id,execution_id,time,symbol,side,quantity,price,status\n\
                a,1,2025-10-27T14:00:00Z,AAPL,buy,10,150,filled\n\
                a,1,2025-10-27T14:00:00Z,AAPL,buy,10,150,filled\n\
                b,,,AAPL,buy,10,,cancelled\n\
                c,2,,AAPL,buy,0,,filled\n";
    let history = read_with(text, &[]).unwrap();
    assert_eq!(
        (history.rows, history.unfilled, history.orders.len()),
        (4, 2, 1)
    );
    assert_eq!(history.repeated, [(3, 2)]);
    let text = "order_id,time,symbol,side,filled_quantity,price,status\n\
                a,2025-10-27T14:00:00Z,AAPL,buy,4,150,cancelled\n";
    assert_eq!(read_with(text, &[]).unwrap().orders.len(), 1);
}

#[test]
fn every_wrong_row_is_named_with_line_and_column() {
    let text = "order_id,time,symbol,side,quantity,price,fees\n\
                a,2025-10-27T14:00:00Z,AAPL,buy,10,150,\n\
                a,2025-10-27T14:00:00Z,AAPL,buy,11,150,\n\
                b,2025-10-27 14:00,AAPL,buy,10,150,\n\
                c,2025-10-27T14:00:00Z,AAPL,hold,10,150,\n\
                d,2025-10-27T14:00:00Z,AAPL,buy,1.234.5,150,\n\
                e,2025-10-27T14:00:00Z,AAPL,buy,10,0,\n\
                f,2025-10-27T14:00:00Z,,buy,10,1,\n\
                ,2025-10-27T14:00:00Z,AAPL,buy,10,1,x\n\
                g,2025-10-27T14:00:00Z\n";
    let errors = read_with(text, &[]).unwrap_err();
    let errors: Vec<String> = errors.iter().map(RowError::to_string).collect();
    let wanted = [
        "3: order a stands on line 2 too, with other values; where a row is one execution, name the column of execution_id",
        "4: column `time`: has no zone, got \"2025-10-27 14:00\"",
        "5: column `side`: is no direction that is known: list it under `buy` or `sell` in [reconcile], got \"hold\"",
        "6: column `quantity`: must be a number such as 150.25, $1,234.50 or (12.30), got \"1.234.5\"",
        "7: column `price`: must be above 0, got \"0\"",
        "8: column `symbol`: is empty, got \"\"",
        "9: column `order_id`: is empty, got \"\"",
        "10: has 2 cells, and the header 7",
    ];
    assert_eq!(errors, wanted);
}

fn recovered(book: &mut Book, found: &Comparison) -> Recovered {
    let stamp = stamp();
    let recovery = Recovery {
        stamp: &stamp,
        mode: ExecutionMode::Live,
        file: "orders.csv",
        day: at("00:00:00").day(),
    };
    recover(book, found, recovery)
}

#[test]
fn what_is_missing_is_recovered_once_and_says_where_it_comes_from() {
    let mut journal = Book::default();
    let text = "order_id,entry_order_id,execution_id,time,symbol,side,quantity,price,fees\n\
                a,,1,2025-10-27T14:00:00Z,AAPL,buy,1,150.00,0.01\n\
                a,,2,2025-10-27T14:00:01Z,AAPL,buy,2,150.50,0.02\n\
                b,a,3,2025-10-27T15:00:00Z,AAPL,sell,1,151,-0.01\n\
                c,a,4,2025-10-27T15:00:00Z,AAPL,sell,1,152,0\n\
                d,,5,2025-10-27T15:30:00Z,AAPL,sell,1,152,0\n\
                e,a,6,2025-10-27T15:40:00Z,AAPL,sell,5,152,0\n\
                f,,7,2025-10-27T15:50:00Z,MSFT,sell_short,5,520,0\n\
                g,,8,2025-10-27T15:51:00Z,TSLA,buy,0.5,400,0\n\
                h,q,9,2025-10-27T15:52:00Z,TSLA,sell,1,400,0\n";
    let history = read_with(text, &[]).unwrap();
    let before = compare(&journal, &history, Span::default());
    let made = recovered(&mut journal, &before);
    let shown = |it: &TradeRecord| {
        format!(
            "{} {} {} {} {:?}",
            it.order_id(),
            it.action(),
            it.quantity(),
            it.price(),
            it.commission()
        )
    };
    let texts: Vec<String> = made.records.iter().map(shown).collect();
    assert_eq!(
        texts,
        [
            "a BUY 3 150.33333333 Some(0.03)",
            "a SELL 2 151.5 None",
            "f SELL 5 520 Some(0)",
        ]
    );
    let [first, exit, _] = &made.records[..] else {
        panic!("{texts:?}")
    };
    assert_eq!(
        first.decision_reasoning(),
        "Recovered on 2025-10-27 from orders.csv, lines 2, 3 (order #a): the journal did not have it, and why it was \
         traded is not known; the price is 451/3 rounded to 8 places"
    );
    assert_eq!(first.strategy_name(), "recovered");
    assert_eq!(
        (first.stop_loss(), first.target(), first.risk_reward_ratio()),
        (None, None, None)
    );
    assert_eq!(exit.profit_loss().unwrap().to_string(), "2.33333334");
    assert!(
        exit.exit_reasoning()
            .unwrap()
            .ends_with("; the broker's fees were -0.01")
    );
    let left: Vec<String> = made
        .left_out
        .iter()
        .map(|it| format!("{}: {}", it.0.order_id, it.1))
        .collect();
    assert_eq!(
        left,
        [
            "d: it may end a trade, and which is not known; open is a",
            "g: a record cannot hold a quantity of 0.5",
            "e: of a only 1 are open",
            "h: there is no entry q of which it could be the exit",
        ]
    );
    let after = compare(&journal, &history, Span::default());
    assert!(recovered(&mut journal, &after).records.is_empty());
}

/// Why each order is left out of a journal of a short sale of 10 and the end of it.
fn left_beside_a_short(rows: &str, exits: &[(&str, &str)], span: Span) -> Vec<String> {
    let sold = entry("a", Action::Sell, 10, "150");
    let covered = sold.exit(at("15:00:00"), "149").build().unwrap();
    let mut journal = book(&[sold, covered]);
    let text = format!("order_id,time,symbol,side,quantity,price\n{rows}");
    let history = read_with(&text, exits).unwrap();
    let found = compare(&journal, &history, span);
    let made = recovered(&mut journal, &found);
    assert!(made.records.is_empty(), "{:?}", made.records);
    let left = made.left_out.iter();
    left.map(|it| format!("{}: {}", it.0.order_id, it.1))
        .collect()
}

const MAY_CLOSE: &str = "it may end a trade, and which is not known";

#[test]
fn a_purchase_that_may_cover_a_short_sale_is_no_new_trade() {
    // The journal has the cover as one record, which the broker made of two orders; one may be named.
    let rows = "a,2025-10-27T14:00:00Z,AAPL,sell,10,150\n\
                b,2025-10-27T14:59:00Z,AAPL,buy,4,149\n\
                c,2025-10-27T15:00:00Z,AAPL,buy,6,149\n";
    let left = left_beside_a_short(rows, &[], Span::default());
    assert_eq!(left, [format!("b: {MAY_CLOSE}"), format!("c: {MAY_CLOSE}")]);
    let left = left_beside_a_short(rows, &[("b", "a")], Span::default());
    assert_eq!(left, [format!("c: {MAY_CLOSE}")]);
    // It has the cover just outside of the time that is looked at.
    let rows = "a,2025-10-27T14:00:00Z,AAPL,sell,10,150\n\
                b,2025-10-27T14:59:59Z,AAPL,buy,10,149\n";
    let span = Span::new(None, Some(at("15:00:00")));
    let left = left_beside_a_short(rows, &[], span);
    assert_eq!(left, [format!("b: {MAY_CLOSE}")]);
}

#[test]
fn a_purchase_after_a_sale_that_is_left_out_is_no_new_trade() {
    let left = |rows: &str, from| {
        let text = format!("order_id,time,symbol,side,quantity,price\n{rows}");
        let history = read_with(&text, &[]).unwrap();
        let mut journal = Book::default();
        let found = compare(&journal, &history, Span::new(from, None));
        let made = recovered(&mut journal, &found);
        let ids = |it: &TradeRecord| it.order_id().to_string();
        let left = made.left_out.iter().map(|it| it.0.order_id.to_string());
        let made: Vec<String> = made.records.iter().map(ids).collect();
        (made.concat(), left.collect::<String>())
    };
    let sale = "a,2025-10-27T14:00:00Z,AAPL,sell,10,150\n";
    let cover = "b,2025-10-27T15:00:00Z,AAPL,buy,10,149\n";
    let told = |made: &str, left: &str| (made.to_owned(), left.to_owned());
    let both = format!("{sale}{cover}");
    assert_eq!(left(&both, None), told("", "ab"));
    assert_eq!(left(&both, Some(at("14:30:00"))), told("", "b"));
    // What is known to have ended a trade, or comes later, or is of another symbol, is no short sale.
    let closing = both.replace("sell,", "sell to close,");
    assert_eq!(left(&closing, None), told("b", "a"));
    let later = both.replace("T14:", "T16:");
    assert_eq!(left(&later, None), told("b", "a"));
    let other = both.replace("AAPL,sell", "MSFT,sell");
    assert_eq!(left(&other, None), told("b", "a"));
    // Executions of the sale on both sides of the purchase.
    let text = format!(
        "{FILLS}a,1,2025-10-27T14:00:00Z,AAPL,sell,5,150,\n\
         a,2,2025-10-27T16:00:00Z,AAPL,sell,5,150,\n\
         b,3,2025-10-27T15:00:00Z,AAPL,buy,5,149,\n"
    );
    let mut journal = Book::default();
    let found = compare(&journal, &read_with(&text, &[]).unwrap(), Span::default());
    assert!(recovered(&mut journal, &found).records.is_empty());
}

#[test]
fn a_state_of_a_part_takes_a_column_that_says_how_much() {
    let rows = "a,2025-10-27T14:00:00Z,AAPL,buy,10,150,partially_filled\n\
                b,2025-10-27T14:00:00Z,AAPL,buy,10,150,done for day\n\
                c,2025-10-27T14:00:00Z,AAPL,buy,10,150,Partially Canceled\n\
                d,2025-10-27T14:00:00Z,AAPL,buy,10,150,filled\n";
    let whole = format!("order_id,time,symbol,side,quantity,price,status\n{rows}");
    let errors = read_with(&whole, &[]).unwrap_err();
    let errors: Vec<String> = errors.iter().map(RowError::to_string).collect();
    let wanted = [
        (2, "partially_filled"),
        (3, "done for day"),
        (4, "Partially Canceled"),
    ];
    let wanted = wanted.map(|(line, state)| {
        format!(
            "{line}: column `status`: does not say how many were executed: name the column of filled_quantity, \
             got \"{state}\""
        )
    });
    assert_eq!(errors, wanted);
    let filled = whole.replacen("quantity", "filled_quantity", 1);
    assert_eq!(read_with(&filled, &[]).unwrap().orders.len(), 4);
    let executions = format!(
        "{},status\na,1,2025-10-27T14:00:00Z,AAPL,buy,10,150,,partially_filled\n",
        FILLS.trim_end()
    );
    assert_eq!(read_with(&executions, &[]).unwrap().orders.len(), 1);
}

/// What a person would do with a sheet of paper: whole cents, and a list of ids.
fn model(journal: &[Trade], broker: &[Trade]) -> [usize; 4] {
    let total = |all: &[Trade], key: (u8, bool)| {
        let of_key = all.iter().filter(|it| (it.id, it.is_buy) == key);
        of_key.fold((0, 0), |sum, it| {
            (sum.0 + it.quantity, sum.1 + it.quantity * it.cents)
        })
    };
    let keys = |all: &[Trade]| {
        all.iter()
            .map(|it| (it.id, it.is_buy))
            .collect::<BTreeSet<_>>()
    };
    let (ours, theirs) = (keys(journal), keys(broker));
    let mut counts = [
        0,
        theirs.difference(&ours).count(),
        ours.difference(&theirs).count(),
        0,
    ];
    for key in ours.intersection(&theirs) {
        let (one, two) = (total(journal, *key), total(broker, *key));
        counts[if one.0 == two.0 && one.1 * two.0 == two.1 * one.0 {
            0
        } else {
            3
        }] += 1;
    }
    counts
}

#[derive(Clone, Debug)]
struct Trade {
    id: u8,
    is_buy: bool,
    quantity: u64,
    cents: u64,
}

fn a_trade() -> impl Strategy<Value = Trade> {
    // Quantities of which every average has a decimal, so that none may be rounded.
    let quantity = prop::sample::select(vec![1_u64, 2, 4]);
    (0_u8..6, any::<bool>(), quantity, 100_u64..103).prop_map(|(id, is_buy, quantity, cents)| {
        Trade {
            id,
            is_buy,
            quantity,
            cents,
        }
    })
}

proptest! {
    #[test]
    fn the_comparison_is_that_of_a_plain_model(
        ours in prop::collection::vec(a_trade(), 0..8), theirs in prop::collection::vec(a_trade(), 0..12),
    ) {
        // A journal has one entry of an order; of a broker's order all executions go one way.
        let mut seen = BTreeSet::new();
        let ours: Vec<Trade> = ours.into_iter().filter(|it| seen.insert(it.id)).collect();
        let action = |it: &Trade| if it.is_buy { Action::Buy } else { Action::Sell };
        let price = |it: &Trade| format!("{}.{:02}", it.cents / 100, it.cents % 100);
        let records: Vec<TradeRecord> = ours
            .iter()
            .map(|it| entry(&it.id.to_string(), action(it), u32::try_from(it.quantity).unwrap(), &price(it)))
            .collect();
        let rows = theirs.iter().enumerate().map(|(index, it)| {
            let side = if it.is_buy { "buy" } else { "sell" };
            format!("{},{index},2025-10-27T14:00:00Z,AAPL,{side},{},{},\n", it.id, it.quantity, price(it))
        });
        let history = read_with(&format!("{FILLS}{}", rows.collect::<String>()), &[]).unwrap();
        let mut journal = book(&records);
        let found = compare(&journal, &history, Span::default());
        let [equal, missing, extra, different, _] = counts(&found);
        prop_assert_eq!([equal, missing, extra, different], model(&ours, &theirs));
        // What was recovered is equal, and nothing is recovered again.
        let made = recovered(&mut journal, &found);
        let after = compare(&journal, &history, Span::default());
        prop_assert_eq!(after.missing.len() + made.records.len(), missing);
        prop_assert!(recovered(&mut journal, &after).records.is_empty());
    }
}
