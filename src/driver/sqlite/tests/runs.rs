//! What a run finds when it begins, what becomes of gaps, and what a person is told.

use super::super::{Event, GapFilter, ReplayOptions, SqliteOptions, SqliteReader};
use super::{Place, START, begin, fill, gap, row, run, ticker, told, trade, trades};
use crate::feed::bybit::{
    AccountKind, Category, Entry, Fill, GapEnd, GapId, GapState, Millis, Origin, Point, RunEnd,
    Store, Stream, StreamKind,
};

fn reader(place: &Place) -> SqliteReader {
    SqliteReader::open(&place.path, SqliteOptions::default()).unwrap()
}

#[test]
fn a_run_refers_to_the_account_and_a_crashed_one_is_marked() {
    let place = Place::new();
    let mut store = place.open();
    let known = begin(&mut store, &[trades("BTCUSDT")]);
    assert_eq!((known.run.0, known.crashed, known.next_gap.0), (1, 0, 1));
    assert_eq!(known.newest.len(), 0);
    store
        .write(&[told(vec![trade("BTCUSDT", 1, "a")])])
        .unwrap();
    drop(store);
    let mut store = place.open();
    assert_eq!(begin(&mut store, &[]).crashed, 1);
    store
        .end(Millis(START + 9), &RunEnd::Error("the disk is full".into()))
        .unwrap();
    let mut store = {
        drop(store);
        place.open()
    };
    assert_eq!(begin(&mut store, &[]).crashed, 0);
    store.end(Millis(START + 10), &RunEnd::Completed).unwrap();
    assert!(store.write(&[]).is_err(), "the run has ended");
    let sql = "SELECT run_id, status, ended_ms - started_ms, error FROM runs";
    assert_eq!(
        place.text(sql),
        "1 crashed 5 -\n2 error 9 the disk is full\n3 completed 10 -"
    );
    let sql = "SELECT count(*) FROM runs JOIN strategies USING (strategy_id)
        JOIN bybit_accounts ON bybit_accounts.account_id = runs.account_id JOIN users USING (user_id)";
    assert_eq!(place.text(sql), "3");
    assert_eq!(place.text("SELECT count(*) FROM users"), "1");
    let runs = reader(&place).runs().unwrap();
    assert_eq!(runs[0].streams, [trades("BTCUSDT")]);
    assert_eq!(
        (runs[0].status.as_str(), runs[0].heard),
        ("crashed", Some(Millis(START + 5)))
    );
    assert!(runs.iter().all(|it| it.has_account && !it.is_testnet));
    // Rows do not say which net they are of.
    let mut test = run(&[]);
    test.is_testnet = true;
    let error = store.begin(&test).unwrap_err();
    assert!(
        error.what.contains("main net") && !error.is_passing,
        "{error}"
    );
    assert_eq!(place.count("runs"), 3);
}

#[test]
fn a_run_knows_the_newest_of_what_it_wants() {
    let place = Place::new();
    let mut store = place.open();
    let spot = |symbol: &str| Stream {
        category: Some(Category::Spot),
        ..trades(symbol)
    };
    let tickers = Stream {
        kind: StreamKind::Ticker,
        ..trades("BTCUSDT")
    };
    let executions = Stream::account(AccountKind::Execution);
    let wallet = Stream::account(AccountKind::Wallet);
    let wanted = [
        trades("BTCUSDT"),
        trades("ETHUSDT"),
        tickers.clone(),
        executions.clone(),
        wallet.clone(),
    ];
    begin(&mut store, &wanted);
    let mut all: Vec<_> = (0..400)
        .map(|it| trade("BTCUSDT", it * 10, &format!("i{it:03}")))
        .collect();
    all.push(trade("XRPUSDT", 7, "x"));
    let execution = |id: i64| {
        row(
            AccountKind::Execution,
            &format!(r#"{{"category":"spot","symbol":"S","execId":"e{id}","execTime":"{id}"}}"#),
        )
    };
    let executed = (0..300).map(|it| Entry::Account(execution(it), Origin::Socket, Millis(START)));
    let tickers_told = [ticker(3, Some(1), "{}"), ticker(9, Some(2), "{}")];
    let entries: Vec<Entry> = executed.chain([told(all)]).chain(tickers_told).collect();
    store.write(&entries).unwrap();
    drop(store);
    let mut store = place.open();
    let more: Vec<Stream> = wanted
        .iter()
        .cloned()
        .chain([spot("BTCUSDT"), trades("XRPUSDT")])
        .collect();
    let newest = begin(&mut store, &more).newest;
    let point = |time: i64, id: &str| Point {
        time: Millis(time),
        id: id.into(),
    };
    let btc = &newest[&trades("BTCUSDT")];
    assert_eq!(btc.len(), 101, "those of the last second");
    assert_eq!(
        (&btc[0], &btc[100]),
        (&point(START + 2990, "i299"), &point(START + 3990, "i399"))
    );
    assert_eq!(newest[&tickers], [point(START + 9, "")]);
    assert_eq!(
        (newest[&executions].len(), newest[&executions].last()),
        (256, Some(&point(299, "e299")))
    );
    assert_eq!(newest[&trades("ETHUSDT")], [], "wanted, and silent");
    assert_eq!(newest[&wallet], []);
    assert_eq!(
        newest[&trades("XRPUSDT")],
        [point(START + 7, "x")],
        "recorded, though not wanted"
    );
    assert!(!newest.contains_key(&spot("BTCUSDT")), "never wanted");
}

#[test]
fn a_gap_is_told_until_it_is_filled_and_then_stays_so() {
    let place = Place::new();
    let mut store = place.open();
    begin(&mut store, &[]);
    let (one, two) = (
        gap(1, trades("BTCUSDT")),
        gap(2, Stream::account(AccountKind::Execution)),
    );
    let end = GapEnd {
        id: GapId(1),
        from: Some(Millis(START - 5)),
        to: Some(Millis(START + 50)),
        first: Some(Point {
            time: Millis(START + 50),
            id: "t9".into(),
        }),
    };
    let entries = [
        Entry::GapOpened(one.clone()),
        Entry::GapOpened(two.clone()),
        Entry::GapOpened(one.clone()),
        Entry::GapEnded(end.clone()),
    ];
    store.write(&entries).unwrap();
    drop(store);
    let mut store = place.open();
    let known = begin(&mut store, &[trades("BTCUSDT")]);
    let mut wanted = one;
    (wanted.from, wanted.to, wanted.first) = (end.from, end.to, end.first);
    assert_eq!((known.open, known.next_gap), (vec![wanted], GapId(3)));
}

#[test]
fn the_rows_of_a_gap_and_its_state_are_written_together() {
    let place = Place::new();
    let mut store = place.begun();
    let opened = Entry::GapOpened(gap(1, trades("BTCUSDT")));
    store.write(&[opened]).unwrap();
    let rest = Some((Some(Millis(START + 20)), None));
    let part = |state, call: &str, trades, rest| {
        let call = call.to_owned();
        let (id, detail) = (GapId(1), Some("the page begins later".to_owned()));
        Entry::GapFilled(
            Fill {
                id,
                state,
                call,
                trades,
                rows: Vec::new(),
                rest,
                detail,
            },
            Millis(START + 60),
        )
    };
    store
        .write(&[part(
            GapState::Partly,
            "recent-trade",
            vec![trade("BTCUSDT", 1, "a")],
            rest,
        )])
        .unwrap();
    let kept = reader(&place).gaps(&GapFilter::default()).unwrap();
    assert_eq!(
        (kept.len(), kept[0].gap.rest, kept[0].gap.state),
        (1, rest, GapState::Partly)
    );
    store
        .write(&[part(
            GapState::Filled,
            "recent-trade",
            vec![trade("BTCUSDT", 2, "b")],
            None,
        )])
        .unwrap();
    store
        .write(&[part(
            GapState::Unfillable,
            "kline",
            vec![trade("BTCUSDT", 3, "c")],
            rest,
        )])
        .unwrap();
    let sql = "SELECT state, rows_filled, filled_by, tries, rest_from_ms, detail, checked_ms - declared_ms FROM gaps WHERE gap_id = 1";
    assert_eq!(
        place.text(sql),
        "filled 3 recent-trade, kline 3 - closed with 1006; the page begins later 50"
    );
    let other = place
        .sql()
        .execute("UPDATE gaps SET state = 'open' WHERE gap_id = 1", []);
    assert!(other.is_err(), "{other:?}");
}

#[test]
fn gaps_are_found_by_what_they_are() {
    let place = Place::new();
    let mut store = place.begun();
    let two = gap(2, Stream::account(AccountKind::Execution));
    let opened = [gap(1, trades("BTCUSDT")), two.clone()].map(Entry::GapOpened);
    store.write(&opened).unwrap();
    store
        .write(&[fill(1, GapState::Filled, Vec::new())])
        .unwrap();
    let states = reader(&place).gap_states().unwrap();
    assert_eq!(states, [(GapState::Filled, 1), (GapState::Open, 1)]);
    let filter = GapFilter {
        state: Some(GapState::Open),
        stream: Some(two.stream.kind),
        ..GapFilter::default()
    };
    let kept = reader(&place).gaps(&filter).unwrap();
    assert_eq!((kept.len(), &kept[0].gap, kept[0].tries), (1, &two, 0));
    for (filter, wanted) in [
        (
            GapFilter {
                last: Some(1),
                ..GapFilter::default()
            },
            vec![2],
        ),
        (
            GapFilter {
                symbol: Some("BTCUSDT".into()),
                ..GapFilter::default()
            },
            vec![1],
        ),
        (
            GapFilter {
                since: Some(Millis(START + 11)),
                ..GapFilter::default()
            },
            vec![],
        ),
    ] {
        let kept = reader(&place).gaps(&filter).unwrap();
        assert_eq!(
            kept.iter().map(|it| it.gap.id.0).collect::<Vec<i64>>(),
            wanted
        );
    }
}

#[test]
fn a_person_is_told_how_much_there_is_and_what_is_newest() {
    let place = Place::new();
    let mut store = place.begun();
    let spot = {
        let mut it = trade("BTCUSDT", 4, "s");
        it.category = Category::Spot;
        it
    };
    store
        .write(&[
            told(vec![
                trade("BTCUSDT", 1, "a"),
                spot,
                trade("ETHUSDT", 2, "b"),
            ]),
            ticker(3, None, "{}"),
        ])
        .unwrap();
    let counts = reader(&place).counts().unwrap();
    assert_eq!(
        counts.iter().map(|it| it.rows).collect::<Vec<u64>>(),
        [3, 1, 0, 0, 0, 0, 0, 0]
    );
    let newest = reader(&place).newest().unwrap();
    let told: Vec<String> = newest
        .iter()
        .map(|(stream, point)| format!("{stream} {}", point.time.0 - START))
        .collect();
    assert_eq!(
        told,
        [
            "trades of linear BTCUSDT 1",
            "trades of linear ETHUSDT 2",
            "trades of spot BTCUSDT 4",
            "ticker of linear BTCUSDT 3"
        ]
    );
    let size = store.size();
    assert!(
        size.bytes + size.wal_bytes > 0 && size.free_bytes > 0,
        "{size:?}"
    );
    assert_eq!(reader(&place).executions(None, None, 5).unwrap(), []);
}

#[test]
fn what_is_told_again_is_in_the_order_of_its_time() {
    let place = Place::new();
    let mut store = place.begun();
    let mut wanted = Vec::new();
    // Several pages, more than a page in one millisecond, and ids that say nothing of the order.
    for number in 0..3000_i64 {
        let time = match number {
            0..1000 => number,
            1000..1700 => 1000,
            _ => number - 600,
        };
        let symbol = if number % 3 == 0 {
            "ETHUSDT"
        } else {
            "BTCUSDT"
        };
        let mut it = trade(symbol, time, &format!("{:05}", (number * 7919) % 10_007));
        it.seq = Some(number / 2);
        wanted.push(it);
    }
    for part in wanted.chunks(100) {
        store.write(&[told(part.to_vec())]).unwrap();
    }
    let tickers: Vec<Entry> = (0..1200).map(|it| ticker(it / 2, Some(it), "{}")).collect();
    store.write(&tickers).unwrap();
    store
        .write(&[
            Entry::GapOpened(gap(1, trades("BTCUSDT"))),
            fill(1, GapState::Filled, Vec::new()),
        ])
        .unwrap();
    let all = |options: &ReplayOptions| {
        let mut events = Vec::new();
        reader(&place)
            .replay(options, |it| {
                events.push(it);
                true
            })
            .unwrap();
        events
    };
    let events = all(&ReplayOptions::default());
    assert_eq!(events.len(), 4200);
    assert!(events.is_sorted_by_key(Event::time));
    for symbol in ["BTCUSDT", "ETHUSDT"] {
        let of = |it: &&crate::feed::bybit::Trade| &*it.symbol == symbol;
        let told = events.iter().filter_map(|it| match it {
            Event::Trade(it) => Some(it),
            Event::Ticker(_) => None,
        });
        assert!(told.filter(of).eq(wanted.iter().filter(of)), "{symbol}");
    }
    let cs = events.iter().filter_map(|it| match it {
        Event::Ticker(it) => it.cs,
        Event::Trade(_) => None,
    });
    assert!(cs.eq(0..1200));
}

#[test]
fn a_part_is_told_again_and_it_ends_when_nobody_wants_more() {
    let place = Place::new();
    let mut store = place.begun();
    let of = |number: i64| match number % 3 {
        0 => trade("ETHUSDT", number, &format!("i{number}")),
        _ => trade("BTCUSDT", number, &format!("i{number}")),
    };
    store.write(&[told((0..2000).map(of).collect())]).unwrap();
    store.write(&[ticker(20, Some(1), "{}")]).unwrap();
    let options = ReplayOptions {
        from: Some(Millis(START + 10)),
        to: Some(Millis(START + 1001)),
        symbols: vec!["ETHUSDT".into()],
        tickers: false,
        ..ReplayOptions::default()
    };
    let mut seen = 0;
    reader(&place)
        .replay(&options, |_| {
            seen += 1;
            true
        })
        .unwrap();
    assert_eq!(seen, (10..1001).filter(|it| it % 3 == 0).count());
    let mut seen = 0;
    reader(&place)
        .replay(&ReplayOptions::default(), |_| {
            seen += 1;
            seen < 5
        })
        .unwrap();
    assert_eq!(seen, 5);
}
