//! Each row once, whatever is told how often.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::{Event, ReplayOptions, SqliteOptions, SqliteReader};
use super::{Place, START, fill, gap, members, row, ticker, told, trade, trades};
use crate::feed::bybit::{
    AccountKind, AccountRow, Category, Entry, GapState, Member, Millis, Origin, RawFrame, Store,
};

#[test]
fn a_trade_is_kept_in_columns_that_a_person_reads() {
    let place = Place::new();
    let mut store = place.begun();
    let mut it = trade("BTCUSDT", 1, "20f43950-d8dd-5b31-9112-a178eb6023af");
    it.set_tick(Some("PlusTick"));
    (it.is_block, it.is_rpi, it.seq) = (Some(false), Some(true), Some(1_783_284_617));
    it.other = Some(r#"{"new":1}"#.into());
    let written = store.write(&[told(vec![it.clone()])]).unwrap();
    assert_eq!((written.trades, written.repeated_trades), (1, 0));
    let text = place.text("SELECT * FROM public_trades");
    assert_eq!(
        text,
        "linear BTCUSDT 1700000000001 20f43950-d8dd-5b31-9112-a178eb6023af Buy 16578.50 0.001 PlusTick 0 1 \
         1783284617 {\"new\":1} ws 1700000000005 1 1"
    );
    let written = store.write(&[told(vec![it.clone()])]).unwrap();
    assert_eq!((written.trades, written.repeated_trades), (0, 1));
    let reader = SqliteReader::open(&place.path, SqliteOptions::default()).unwrap();
    let mut events = Vec::new();
    reader
        .replay(&ReplayOptions::default(), |it| {
            events.push(it);
            true
        })
        .unwrap();
    assert_eq!(events, [Event::Trade(it)]);
}

#[test]
fn what_a_request_tells_under_another_time_is_the_same_trade() {
    let place = Place::new();
    let mut store = place.begun();
    store
        .write(&[told(vec![trade("BTCUSDT", 1000, "a")])])
        .unwrap();
    store
        .write(&[Entry::GapOpened(gap(1, trades("BTCUSDT")))])
        .unwrap();
    // Newest first, as the exchange answers; one of them twice.
    let asked = vec![
        trade("BTCUSDT", 3000, "d"),
        trade("BTCUSDT", 2001, "c"),
        trade("BTCUSDT", 2000, "b"),
        trade("BTCUSDT", 1999, "b"),
        trade("BTCUSDT", 1003, "a"),
        // The same id of another symbol is another trade.
        trade("ETHUSDT", 1003, "a"),
    ];
    let written = store.write(&[fill(1, GapState::Partly, asked)]).unwrap();
    assert_eq!((written.trades, written.repeated_trades), (4, 2));
    assert_eq!(written.filled, [(crate::feed::bybit::GapId(1), 4)]);
    // A socket tells it later, and at the edge of what is remembered.
    let later = vec![trade("BTCUSDT", 2002, "b"), trade("BTCUSDT", 2500, "e")];
    let written = store.write(&[told(later)]).unwrap();
    assert_eq!((written.trades, written.repeated_trades), (1, 1));
    // And within one call.
    let one = [
        fill(1, GapState::Partly, vec![trade("BTCUSDT", 5000, "f")]),
        told(vec![trade("BTCUSDT", 5001, "f")]),
    ];
    let written = store.write(&one).unwrap();
    assert_eq!((written.trades, written.repeated_trades), (1, 1));
    let ids = "SELECT time_ms - 1700000000000, trade_id, origin FROM public_trades WHERE symbol = 'BTCUSDT'";
    let rows = "1000 a ws\n1999 b rest\n2001 c rest\n2500 e ws\n3000 d rest\n5000 f rest";
    assert_eq!(place.text(ids), rows);
    // Order of arrival, though the answer began with the newest.
    let order = "SELECT group_concat(trade_id, '') FROM (SELECT * FROM public_trades WHERE symbol = 'BTCUSDT' ORDER BY arrival)";
    assert_eq!(place.text(order), "abcdef");
    // A minute and more away it is another one.
    let far = fill(1, GapState::Partly, vec![trade("BTCUSDT", 61_001, "a")]);
    assert_eq!(store.write(&[far]).unwrap().trades, 1);
}

#[test]
fn what_came_to_nothing_is_not_remembered() {
    let place = Place::new();
    let mut store = place.begun();
    store
        .write(&[Entry::GapOpened(gap(1, trades("BTCUSDT")))])
        .unwrap();
    let asked = fill(1, GapState::Open, vec![trade("BTCUSDT", 2000, "b")]);
    let busy = place.sql();
    busy.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.write(std::slice::from_ref(&asked)).unwrap_err();
    assert!(error.is_passing, "{error}");
    busy.execute_batch("ROLLBACK").unwrap();
    // The trigger lets no `filled` gap become anything else: all of that transaction is undone.
    place
        .sql()
        .execute_batch(
            "CREATE TRIGGER no BEFORE UPDATE ON gaps BEGIN SELECT RAISE(ABORT, 'no'); END",
        )
        .unwrap();
    let error = store.write(&[asked]).unwrap_err();
    assert!(!error.is_passing, "{error}");
    assert_eq!(place.count("public_trades"), 0);
    let written = store
        .write(&[told(vec![trade("BTCUSDT", 2001, "b")])])
        .unwrap();
    assert_eq!(written.trades, 1, "nothing filled it");
}

#[test]
fn the_later_state_of_a_ticker_stands() {
    let place = Place::new();
    let mut store = place.begun();
    let first = ticker(
        1,
        Some(7),
        r#"{"symbol":"BTCUSDT","lastPrice":"1.10","fundingRate":"","newKey":{"a":[1]},"basis":"2"}"#,
    );
    let entries = [
        first.clone(),
        first.clone(),
        ticker(1, None, r#"{"lastPrice":"1.2"}"#),
    ];
    assert_eq!(store.write(&entries).unwrap().tickers, 2);
    let sql = "SELECT cs, last_price, funding_rate, mark_price, other FROM ticker_snapshots";
    let other = r#"{"newKey":{"a":[1]},"basis":"2"}"#;
    assert_eq!(place.text(sql), format!("-1 1.2 - - -\n7 1.10  - {other}"));
    let later = ticker(1, Some(7), r#"{"symbol":"BTCUSDT","lastPrice":"1.3"}"#);
    assert_eq!(store.write(&[later.clone(), later]).unwrap().tickers, 1);
    assert_eq!(place.text(sql), "-1 1.2 - - -\n7 1.3 - - -");
    // What is read is what was written.
    store.write(std::slice::from_ref(&first)).unwrap();
    let reader = SqliteReader::open(&place.path, SqliteOptions::default()).unwrap();
    let mut read = Vec::new();
    reader
        .replay(&ReplayOptions::default(), |it| {
            read.push(it);
            true
        })
        .unwrap();
    let Entry::Ticker(wanted, _) = first else {
        unreachable!()
    };
    let Some(Event::Ticker(found)) = read.pop() else {
        panic!("a ticker")
    };
    let sorted = |it: &crate::feed::bybit::Members| {
        it.iter()
            .map(|(name, it)| (name.to_owned(), it.clone()))
            .collect::<BTreeMap<String, Member>>()
    };
    assert_eq!(sorted(&found.members), sorted(&wanted.members));
    assert_eq!(
        (found.cs, found.time, found.is_complete),
        (wanted.cs, wanted.time, true)
    );
}

#[test]
fn an_execution_has_one_row_and_is_journaled_once() {
    let place = Place::new();
    let mut store = place.begun();
    let json = r#"{"category":"linear","symbol":"BTCUSDT","execId":"e1","execTime":"1746270400353","execPrice":"95900.10","isMaker":false,"seq":140612148849382,"extraFees":[{"feeCoin":"USDT"}],"markIv":"","orderId":"o"}"#;
    let it = row(AccountKind::Execution, json);
    let at = Millis(START);
    let entries = [
        Entry::Account(it.clone(), Origin::Socket, at),
        Entry::Account(it.clone(), Origin::Request, at),
    ];
    let written = store.write(&entries).unwrap();
    assert_eq!((written.executions, written.repeated_rows), (1, 1));
    let sql =
        "SELECT symbol, exec_id, exec_time_ms, exec_price, is_maker, seq, other FROM executions";
    let other = r#"{"extraFees":[{"feeCoin":"USDT"}],"markIv":""}"#;
    let text = format!("BTCUSDT e1 1746270400353 95900.10 0 140612148849382 {other}");
    assert_eq!(place.text(sql), text);
    let mut queue = store.executions().unwrap();
    let found = queue.unjournaled(10).unwrap();
    assert_eq!(found.len(), 1);
    let members = &found[0].row.members;
    for (name, member) in it.members.iter() {
        assert_eq!(members.text(name), it.members.text(name), "{name}");
        assert_eq!(
            members.get(name).map(Member::as_str),
            Some(member.as_str()),
            "{name}"
        );
    }
    assert_eq!(
        (&*found[0].row.key, found[0].row.time),
        ("e1", Millis(1_746_270_400_353))
    );
    queue.set_journaled(&[found[0].id], Millis(9)).unwrap();
    queue.set_journaled(&[found[0].id], Millis(10)).unwrap();
    assert_eq!(queue.unjournaled(10).unwrap(), []);
    assert_eq!(place.text("SELECT journaled_ms FROM executions"), "9");
    // The writer and the queue at once.
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for number in 0..50 {
                let json = json.replace("e1", &format!("n{number}"));
                let entry = Entry::Account(row(AccountKind::Execution, &json), Origin::Socket, at);
                while store.write(std::slice::from_ref(&entry)).is_err() {}
            }
        });
        let mut seen = 0;
        while seen < 50 {
            let Ok(found) = queue.unjournaled(7) else {
                continue;
            };
            let ids: Vec<i64> = found.iter().map(|it| it.id).collect();
            while queue.set_journaled(&ids, Millis(11)).is_err() {}
            seen += ids.len();
        }
        writer.join().unwrap();
    });
    assert_eq!(
        place.text("SELECT count(*) FROM executions WHERE journaled_ms = 11"),
        "50"
    );
}

#[test]
fn every_state_of_an_order_has_a_row_and_a_repeat_has_none() {
    let place = Place::new();
    let mut store = place.begun();
    let of = |status: &str, filled: &str, more: &str| {
        let json = format!(
            r#"{{"symbol":"BTCUSDT","orderId":"o1","updatedTime":"1672364262457","orderStatus":"{status}","cumExecQty":"{filled}","price":"72.5"{more}}}"#
        );
        AccountRow::new(
            AccountKind::Order,
            Some(Category::Linear),
            Millis(START),
            members(&json),
        )
        .unwrap()
    };
    let at = Millis(START);
    let mut write = |row: &AccountRow, origin| {
        store
            .write(&[Entry::Account(row.clone(), origin, at)])
            .unwrap()
            .orders
    };
    let (ws, rest) = (Origin::Socket, Origin::Request);
    assert_eq!(write(&of("New", "0", ""), ws), 1);
    assert_eq!(write(&of("New", "0", ""), ws), 0, "told twice");
    assert_eq!(
        write(&of("New", "0", r#","category":"linear""#), ws),
        0,
        "the market is told or not"
    );
    assert_eq!(
        write(&of("New", "0", r#","settleCoin":"USDT""#), rest),
        0,
        "a request names more"
    );
    assert_eq!(write(&of("PartiallyFilled", "0.5", ""), rest), 1);
    // Two `Filled` of one order are documented: a cancel that lost the race.
    assert_eq!(
        write(&of("Filled", "1", r#","rejectReason":"EC_NoError""#), ws),
        1
    );
    let lost = r#","rejectReason":"EC_OrigClOrdIDDoesNotExist","cancelType":"CancelByUser""#;
    assert_eq!(write(&of("Filled", "1", lost), ws), 1);
    assert_eq!(write(&of("Filled", "1", lost), rest), 0);
    assert_eq!(place.count("orders"), 4);
}

#[test]
fn positions_and_wallets_are_kept_when_they_differ() {
    let place = Place::new();
    let mut store = place.begun();
    let at = Millis(START);
    let position = |size: &str, mark: &str| {
        row(
            AccountKind::Position,
            &format!(
                r#"{{"category":"linear","symbol":"BTCUSDT","positionIdx":2,"side":"","size":"{size}","markPrice":"{mark}","updatedTime":"1697682317038"}}"#
            ),
        )
    };
    let wallet = |made: i64, equity: &str| {
        let json = format!(
            r#"{{"accountType":"UNIFIED","totalEquity":"{equity}","coin":[{{"coin":"BTC"}}]}}"#
        );
        AccountRow::new(AccountKind::Wallet, None, Millis(made), members(&json)).unwrap()
    };
    let (ws, rest) = (Origin::Socket, Origin::Request);
    let rows = [
        (position("0", "1"), ws, 1),
        (position("0", "1"), ws, 0),
        (position("0", "2"), ws, 1),
        (position("0", "3"), rest, 0),
        (position("1", "3"), rest, 1),
        (wallet(1, "10"), ws, 1),
        (wallet(1, "10"), ws, 0),
        (wallet(2, "10"), ws, 1),
        (wallet(3, "10"), rest, 0),
        (wallet(3, "11"), rest, 1),
    ];
    for (number, (row, origin, wanted)) in rows.into_iter().enumerate() {
        let written = store.write(&[Entry::Account(row, origin, at)]).unwrap();
        assert_eq!(written.positions + written.wallets, wanted, "{number}");
        assert_eq!(written.repeated_rows, 1 - wanted, "{number}");
    }
    let sql = "SELECT position_idx, size, mark_price FROM position_snapshots";
    assert_eq!(place.text(sql), "2 0 1\n2 0 2\n2 1 3");
    assert_eq!(
        place.text("SELECT DISTINCT coin FROM wallet_snapshots"),
        r#"[{"coin":"BTC"}]"#
    );
}

#[test]
fn messages_come_back_byte_for_byte() {
    let place = Place::new();
    let mut store = place.begun();
    let texts = [
        "{\"a\":1}",
        "",
        "line\nline\n",
        "é \u{1F600} 12 3\n",
        "{\"op\":\"ping\"}",
    ];
    let frames: Vec<RawFrame> = (0..)
        .zip(texts)
        .map(|(number, text)| RawFrame {
            category: (number % 2 == 0).then_some(Category::Linear),
            connection: u64::try_from(number % 2).unwrap(),
            received: Millis(START + number),
            unknown: (number == 3).then(|| "topic: is not known".to_owned()),
            text: text.into(),
        })
        .collect();
    let entries: Vec<Entry> = frames.iter().cloned().map(Entry::Raw).collect();
    assert_eq!(store.write(&entries).unwrap().frames, 5);
    let sql = "SELECT connection, category, first_received_ms - 1700000000000, last_received_ms - 1700000000000, count, unknown, bytes FROM raw_frames";
    assert_eq!(
        place.text(sql),
        "0 linear 0 4 3 - 30\n1 - 1 1 1 - 0\n1 - 3 3 1 topic: is not known 13"
    );
    let reader = SqliteReader::open(&place.path, SqliteOptions::default()).unwrap();
    let mut read = Vec::new();
    reader
        .frames(false, |it| {
            read.extend(it.frames);
            true
        })
        .unwrap();
    read.sort_by_key(|it| it.received);
    assert_eq!(read, frames);
    let mut unknown = Vec::new();
    reader
        .frames(true, |it| {
            unknown.extend(it.frames);
            true
        })
        .unwrap();
    assert_eq!(unknown, frames[3..4]);
    // What is long has several rows.
    let long = |number: i64| RawFrame {
        text: "x".repeat(1 << 20).into(),
        received: Millis(number),
        ..frames[0].clone()
    };
    let entries: Vec<Entry> = (0..6).map(|it| Entry::Raw(long(it))).collect();
    store.write(&entries).unwrap();
    assert_eq!(
        place.text("SELECT count FROM raw_frames WHERE frames_id > 3"),
        "4\n2"
    );
}

/// Something that may be told, by a number.
fn entry(number: u8) -> Entry {
    let time = i64::from(number % 5);
    let id = format!("i{}", number % 7);
    match number % 4 {
        0 | 1 => told(vec![
            trade("BTCUSDT", time, &id),
            trade("ETHUSDT", time, &id),
        ]),
        2 => fill(
            1,
            GapState::Open,
            vec![trade("BTCUSDT", i64::from(number % 7), &id)],
        ),
        _ => Entry::Account(
            row(
                AccountKind::Execution,
                &format!(
                    r#"{{"category":"spot","symbol":"S","execId":"{id}","execTime":"{time}"}}"#
                ),
            ),
            Origin::Socket,
            Millis(START),
        ),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn each_row_is_there_once_in_whatever_order_it_is_told(
        calls in prop::collection::vec(prop::collection::vec(0_u8..140, 0..12), 0..12)
    ) {
        let place = Place::new();
        let mut store = place.begun();
        store.write(&[Entry::GapOpened(gap(1, trades("BTCUSDT")))]).unwrap();
        // The model: trades by symbol, id and time, where what a request tells goes by the id alone.
        let mut model = BTreeSet::new();
        let mut filled = BTreeSet::new();
        let (mut executions, mut fresh) = (BTreeSet::new(), (0, 0));
        for call in &calls {
            let entries: Vec<Entry> = call.iter().map(|it| entry(*it)).collect();
            for entry in &entries {
                match entry {
                    Entry::Trades(trades, _) => for it in trades {
                        let id = (it.symbol.to_string(), it.id().to_owned());
                        if !filled.contains(&id) {
                            model.insert((id.0, id.1, it.time));
                        }
                    },
                    Entry::GapFilled(fill, _) => for it in &fill.trades {
                        let id = (it.symbol.to_string(), it.id().to_owned());
                        if !model.iter().any(|(symbol, known, _)| (symbol, known) == (&id.0, &id.1)) {
                            model.insert((id.0.clone(), id.1.clone(), it.time));
                            filled.insert(id);
                        }
                    },
                    Entry::Account(row, ..) => { executions.insert(row.key.to_string()); }
                    _ => {}
                }
            }
            let written = store.write(&entries).unwrap();
            fresh = (fresh.0 + written.trades, fresh.1 + written.executions);
            // The same call again, as after an error that came too late.
            let again = store.write(&entries).unwrap();
            prop_assert_eq!((again.trades, again.executions), (0, 0));
        }
        let rows = place.text("SELECT symbol, trade_id, time_ms FROM public_trades ORDER BY 1, 2, 3");
        let wanted: Vec<String> = model.iter().map(|it| format!("{} {} {}", it.0, it.1, it.2.0)).collect();
        prop_assert_eq!(rows, wanted.join("\n"));
        prop_assert_eq!(fresh, (model.len() as u64, executions.len() as u64));
        prop_assert_eq!(place.count("executions"), executions.len() as u64);
    }
}
