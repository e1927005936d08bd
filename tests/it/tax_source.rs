//! What a journal bought and sold, as executions that know their lines.

use tempfile::{TempDir, tempdir};
use tradejournal::Journal;
use tradejournal::desk::tax::source::{Kind, Source, SourceError, SourceOptions};
use tradejournal::record::field::{Action, ExecutionMode};
use tradejournal::record::{FillRecord, Record, TradeRecord};

use crate::sample::{journal, noon, stamp, time};

fn live(order: &str, action: Action) -> TradeRecord {
    TradeRecord::entry("AAPL", action, 50, "150.25")
        .at(time("2025-10-26T14:32:15.123Z"))
        .order_id(order)
        .mode(ExecutionMode::Live)
        .strategy("bull-flag-breakout", "breakout")
        .because("Broke out")
        .commission("0.35")
        .stamp(&stamp())
        .build()
        .unwrap()
}

fn exit(entry: &TradeRecord, at: &str, price: &str) -> TradeRecord {
    let exit = entry.exit(time(at), price).because("out");
    exit.commission("0.40").build().unwrap()
}

fn fill(changes: &[(&str, &str)]) -> FillRecord {
    let mut json = r#"{"timestamp":1729776543.123,"datetime_utc":"2024-10-24T13:29:03.123Z","order_id":"o1","symbol":"BTC-USD","side":"BUY","order_type":"LIMIT","price":"67500.0","size":"0.001","fee":"0.135","fee_asset":"USD","notes":"","fill_id":"f1","execution_mode":"LIVE","account_id":"main"}"#.to_owned();
    for (from, to) in changes {
        json = json.replace(from, to);
    }
    FillRecord::decode(json.as_bytes()).unwrap()
}

fn written(trades: &[TradeRecord], fills: &[FillRecord]) -> (TempDir, Journal) {
    let folder = tempdir().unwrap();
    let journal = journal(folder.path(), &noon());
    append(&journal, trades);
    append(&journal, fills);
    (folder, journal)
}

fn append<R: Record>(journal: &Journal, records: &[R]) {
    let writer = journal.writer::<R>().unwrap();
    for record in records {
        writer.append(record).unwrap();
    }
    writer.close().unwrap();
}

fn read(journal: &Journal, options: &SourceOptions) -> Result<Source, SourceError> {
    Source::read(journal, options, |error| panic!("{error}"))
}

fn ids(source: &Source) -> Vec<&str> {
    source.executions.iter().map(|it| it.id.as_ref()).collect()
}

#[test]
fn an_entry_is_a_purchase_and_its_exits_are_sales_with_the_lines_of_both() {
    let entry = live("a", Action::Buy);
    let first = exit(&entry, "2025-10-26T15:00:00Z", "151.00");
    let last = exit(&entry, "2025-10-26T15:00:00Z", "152.00");
    let (_folder, journal) = written(&[entry.clone(), first, entry, last], &[]);
    let source = read(&journal, &SourceOptions::default()).unwrap();
    assert_eq!(ids(&source), ["a", "a/2025-10-26T15:00:00.000Z"]);
    let [bought, sold] = &source.executions[..] else {
        panic!()
    };
    assert_eq!(bought.commission.to_string(), "0.35");
    assert_eq!(sold.commission.to_string(), "0.40");
    assert_eq!(
        (sold.price.to_string(), sold.action),
        ("152.00".to_owned(), Action::Sell)
    );
    assert_eq!(bought.account_id, "unnamed");
    assert_eq!(sold.order_id.as_deref(), Some("a"));
    let lines: Vec<String> = source
        .origins
        .iter()
        .flatten()
        .map(ToString::to_string)
        .collect();
    let place = |it: &str| lines.iter().any(|line| line.ends_with(it));
    assert!(
        place("2025-10-26 line 0") || place("2025-10-26 line 1"),
        "{lines:?}"
    );
    let mut numbers = source.origins.iter().flatten().map(|it| it.seq.unwrap());
    let (bought, sold) = (numbers.next().unwrap(), numbers.next().unwrap());
    assert_eq!(
        sold - bought,
        3,
        "the first entry counts, and the last exit"
    );
    let hash = source.origins[0].as_ref().unwrap().hash.clone().unwrap();
    assert_eq!(hash.len(), 64);
    let notes = &source.notes;
    assert_eq!((notes.entries_repeated, notes.exits_replaced), (1, 1));
    assert_eq!((notes.counted, notes.unnamed_accounts), (4, 4));
}

#[test]
fn an_exit_names_the_lot_of_its_entry_where_that_is_asked_for() {
    let entry = live("a", Action::Buy);
    let sale = exit(&entry, "2025-10-26T15:00:00Z", "151.00");
    let (_folder, journal) = written(&[entry, sale], &[]);
    let options = SourceOptions {
        exits_name_lots: true,
        ..SourceOptions::default()
    };
    let source = read(&journal, &options).unwrap();
    assert_eq!(source.executions[1].lots[0].buy_id, "a");
    let source = read(&journal, &SourceOptions::default()).unwrap();
    assert!(source.executions[1].lots.is_empty());
}

#[test]
fn short_sales_are_named_and_left_out() {
    let short = live("s", Action::Sell);
    let cover = exit(&short, "2025-10-26T15:00:00Z", "140.00");
    let (_folder, journal) = written(&[short, cover, live("a", Action::Buy)], &[]);
    let source = read(&journal, &SourceOptions::default()).unwrap();
    assert_eq!(ids(&source), ["a"]);
    let shorts: Vec<&str> = source
        .notes
        .shorts
        .iter()
        .map(|it| it.id.as_str())
        .collect();
    assert_eq!(shorts, ["s/2025-10-26T15:00:00.000Z", "s"]);
}

#[test]
fn a_fill_that_is_there_twice_counts_once_and_one_that_differs_is_refused() {
    let again = fill(&[
        ("67500.0", "67500.00"),
        (r#""notes":"""#, r#""notes":"again""#),
    ]);
    let other_symbol = fill(&[("BTC-USD", "ETH-USD")]);
    let nameless = fill(&[(r#""f1""#, "null")]);
    let fills = [fill(&[]), again, other_symbol, nameless];
    let (_folder, journal) = written(&[], &fills);
    let source = read(&journal, &SourceOptions::default()).unwrap();
    let found = ids(&source);
    assert_eq!(found[..2], ["f1", "ETH-USD/f1"]);
    assert!(
        found[2].starts_with("o1/2024-10-24T13:29:03.123Z/"),
        "{found:?}"
    );
    assert_eq!(source.notes.fills_repeated, 1);
    append(&journal, &[fill(&[("0.001", "0.002")])]);
    let error = read(&journal, &SourceOptions::default()).unwrap_err();
    assert!(
        matches!(&error, SourceError::FillsDiffer { fill_id, .. } if fill_id == "f1"),
        "{error}"
    );
}

#[test]
fn fees_that_an_exchange_paid_are_no_cost_and_unknown_modes_are_not_taxed() {
    let rebate = fill(&[("0.135", "-0.135")]);
    let unknown = fill(&[(r#""LIVE""#, "null")]);
    let (_folder, journal) = written(&[], &[rebate, unknown]);
    let source = read(&journal, &SourceOptions::default()).unwrap();
    assert_eq!(source.executions.len(), 1);
    assert!(source.executions[0].commission.is_zero());
    assert_eq!(source.executions[0].fee_asset, None);
    assert_eq!(source.notes.unknown_mode, 1);
    let rebates = &source.notes.rebates["USD"];
    assert_eq!(
        (rebates.count, rebates.total.unwrap().to_string()),
        (1, "0.135".to_owned())
    );
}

#[test]
fn each_account_is_read_from_the_stream_that_has_it_and_none_from_both() {
    let elsewhere = fill(&[(r#""f1""#, r#""a""#)]);
    let (_folder, journal) = written(&[live("a", Action::Buy)], &[elsewhere]);
    let source = read(&journal, &SourceOptions::default()).unwrap();
    assert_eq!(ids(&source), ["a", "a/fills"], "two things of one name");
    append(&journal, &[fill(&[(r#""main""#, "null")])]);
    let error = read(&journal, &SourceOptions::default()).unwrap_err();
    let accounts = vec!["unnamed".to_owned()];
    assert_eq!(error, SourceError::BothKinds { accounts });
    for (kind, count) in [(Kind::Trades, 1), (Kind::Fills, 2)] {
        let options = SourceOptions {
            kind: Some(kind),
            ..SourceOptions::default()
        };
        assert_eq!(read(&journal, &options).unwrap().executions.len(), count);
    }
}
