//! `tj reconcile`.

use serde_json::{Value, json};
use tradejournal::{Journal, TradeRecord};

use super::run::{Bench, trade};
use crate::sample::three_days;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/reconcile");

fn live(order: &str, symbol: &str, price: &str) -> String {
    trade(order, symbol, price).replace("\"PAPER\"", "\"LIVE\"") + "\n"
}

/// A folder with these trades in its journal, and the histories of brokers.
fn bench(trades: &[String]) -> Bench {
    let bench = Bench::new();
    bench
        .tj_with("append trades", trades.concat().as_bytes())
        .fine();
    for name in [
        "robinhood.csv",
        "alpaca-orders.csv",
        "alpaca-fills.csv",
        "generic.csv",
    ] {
        bench.write(name, std::fs::read(format!("{FIXTURES}/{name}")).unwrap());
    }
    bench
}

fn report(bench: &Bench, line: &str, code: i32) -> Value {
    let ran = bench
        .shell(&format!("tj reconcile --json {line}"))
        .code(code);
    let [report] = &ran.json()[..] else {
        panic!("{}\n{}", ran.out, ran.err);
    };
    report.clone()
}

fn ids(report: &Value, what: &str) -> Vec<String> {
    let all = report[what].as_array().unwrap().iter();
    all.map(|it| it["order_id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn orders_of_robinhood_are_compared_by_id() {
    let bench = bench(&[
        live("order-0", "AAPL", "150.25"),
        live("order-1", "AAPL", "520.91"),
        live("order-8", "SPY", "680.00"),
        trade("order-9", "SPY", "680.00") + "\n",
    ]);
    let ran = bench.tj("reconcile --broker robinhood.csv").code(1);
    assert_eq!(ran.err, "");
    let wanted = "\
robinhood.csv (robinhood): 7 rows, 6 executed orders, 1 not executed
LIVE trades from 2025-10-26 00:00:00 until 2025-10-27 00:00:00, the days of the file
what       time                 side   qty  symbol    price  order    note
missing    2025-10-26 15:00:00  BUY      8  NVDA     185.95  order-3  line 5
missing    2025-10-26 15:35:11  SELL     8  NVDA      186.5  order-4  line 6
missing    2025-10-26 15:36:11  BUY    0.5  TSLA        430  order-5  line 7
extra      2025-10-26 14:32:15  BUY     50  SPY         680  order-8
different  2025-10-26 14:33:15  BUY     49  MSFT      520.9  order-1  symbol AAPL in the journal, MSFT at the broker; line 3
different  2025-10-26 14:33:15  BUY     49  MSFT      520.9  order-1  quantity 50 in the journal, 49 at the broker; line 3
different  2025-10-26 14:33:15  BUY     49  MSFT      520.9  order-1  price 520.91 in the journal, 520.9 at the broker; line 3
different  2025-10-26 14:33:15  BUY     49  MSFT      520.9  order-1  fees 0.00 in the journal, 0.02 at the broker; line 3
foreign    2025-10-26 15:37:11  BUY   0.01  BTC-USD  110000  order-6  no record can hold this symbol; line 8
1 order is equal; 3 missing in the journal, 1 extra in the journal, 1 different, 1 that no record can hold
";
    assert_eq!(ran.out, wanted);
    let found = report(
        &bench,
        "--broker robinhood.csv --from 2025-10-26T15:35 --to 2025-10-26T15:36",
        1,
    );
    assert_eq!(ids(&found, "missing"), ["order-4"]);
    assert_eq!(
        (&found["broker_outside"], &found["journal_outside"]),
        (&json!(5), &json!(3))
    );
    assert_eq!(found["missing"][0]["total"], "1492");
    assert_eq!(found["from"], "2025-10-26T15:35:00.000Z");
}

#[test]
fn what_is_equal_is_code_0_and_partial_fills_are_one_order() {
    let bench = bench(&[trade("order-0", "AAPL", "150.25") + "\n"]);
    let ran = bench
        .tj("reconcile --broker alpaca-fills.csv --mode paper --to 2025-10-26T15:00")
        .code(0);
    assert_eq!(
        ran.err,
        "warning: alpaca-fills.csv:4: the same as line 3, and counted once\n"
    );
    assert!(
        ran.out.ends_with("\n1 order is equal, nothing differs\n"),
        "{}",
        ran.out
    );
    assert!(
        ran.out.starts_with("alpaca-fills.csv (alpaca): 5 rows, 2 executed orders, 1 repeated, 1 of something else\n"),
        "{}",
        ran.out
    );
    // The broker's live trades are none of the journal's paper trades.
    let found = report(&bench, "--broker alpaca-fills.csv", 1);
    assert_eq!(ids(&found, "missing"), ["order-0", "order-7"]);
}

#[test]
fn an_exit_is_matched_where_it_is_named_and_hinted_at_where_it_only_looks_alike() {
    let bench = bench(&[live("order-0", "AAPL", "150.25")]);
    let exit = live("order-0", "AAPL", "151.50")
        .replace("\"BUY\"", "\"SELL\"")
        .replace("\"quantity\":50", "\"quantity\":20")
        .replace("\"7575.00\"", "\"3030.00\"")
        .replace("14:32:15.123Z", "15:32:15.123Z")
        .replace("\"outcome\":\"open\"", "\"outcome\":\"win\"")
        .replace("\"profit_loss\":null", "\"profit_loss\":\"25.00\"")
        .replace("\"net_profit_loss\":\"25.00\"", "\"net_profit_loss\":null")
        .replace(
            "\"exit_timestamp\":null",
            "\"exit_timestamp\":\"2025-10-26T15:32:15.123Z\"",
        );
    bench.tj_with("append trades", exit.as_bytes()).fine();
    let line = "--broker alpaca-orders.csv --map order_id=client_order_id";
    let found = report(&bench, line, 1);
    assert_eq!(
        (ids(&found, "missing"), ids(&found, "extra")),
        (vec!["order-0-exit".to_owned()], vec!["order-0".to_owned()])
    );
    assert_eq!(found["missing"][0]["may_be_exit_of"], json!(["order-0"]));
    assert_eq!(found["extra"][0]["is_exit"], true);
    // What may be in the journal already is not appended.
    let ran = bench
        .tj(&format!("reconcile {line} --append-missing"))
        .code(1);
    assert!(
        ran.out
            .contains("not appended: it may be the exit of order-0 that is in the journal"),
        "{}",
        ran.out
    );
    assert!(
        ran.err
            .contains("hint: an exit stands in the journal under the id of its entry"),
        "{}",
        ran.err
    );
    let found = report(&bench, &format!("{line} --exit order-0-exit=order-0"), 0);
    assert_eq!(
        (&found["equal"], &found["is_equal"]),
        (&json!(2), &json!(true))
    );
}

#[test]
fn columns_and_words_of_any_broker_can_be_named() {
    let bench = bench(&[live("order-0", "AAPL", "150.25")]);
    let columns = "order_id = \"Order No\"\nexecution_id = \"Exec\"\ntime = \"Date and time\"\nsymbol = \"Ticker\"\n\
                   side = \"B/S\"\nquantity = \"Shares\"\nprice = \"Price\"\nfees = \"Commission\"\nstatus = \"State\"\n";
    let words = "[reconcile]\ntimezone = \"America/New_York\"\nbuy = [\"kauf\"]\nsell = [\"Verkauf\"]\nunfilled = [\"storno\"]\n";
    bench.write("tj.toml", format!("{words}[reconcile.columns]\n{columns}"));
    let found = report(&bench, "--broker generic.csv", 1);
    assert_eq!(found["format"], "generic");
    assert_eq!(
        (&found["equal"], &found["not_executed"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(found["times_without_zone"], 2);
    let order = &found["missing"][0];
    assert_eq!(
        (
            &order["side"],
            &order["quantity"],
            &order["price"],
            &order["fees"],
            &order["time"]
        ),
        (
            &json!("SELL"),
            &json!("10"),
            &json!("1234.5"),
            &json!("-0.05"),
            &json!("2025-10-26T14:40:00.000Z")
        )
    );
    let shown = bench.tj("config show").fine().out;
    let mut rows = shown
        .lines()
        .map(|it| it.split_whitespace().collect::<Vec<_>>());
    let row = rows.find(|it| it[0] == "reconcile.timezone").unwrap();
    assert_eq!(row, ["reconcile.timezone", "America/New_York", "tj.toml"]);
    // Without the words each row is refused with its line and column.
    bench.write("tj.toml", format!("[reconcile.columns]\n{columns}"));
    let ran = bench.tj("reconcile --broker generic.csv").code(3);
    assert_eq!(
        ran.err,
        "tj: generic.csv:2: column `B/S`: is no direction that is known: list it under `buy` or `sell` in [reconcile], got \"Kauf\"\n\
         tj: generic.csv:3: column `B/S`: is no direction that is known: list it under `buy` or `sell` in [reconcile], got \"Verkauf\"\n\
         tj: generic.csv:4: column `State`: is no state that is known: list it under `filled` or `unfilled` in [reconcile], got \"Storno\"\n\
         tj: generic.csv: 3 rows are wrong, so nothing was compared\n"
    );
    assert_eq!(ran.out, "");
}

#[test]
fn what_is_missing_is_appended_once_and_says_where_it_comes_from() {
    let bench = bench(&[live("order-0", "AAPL", "150.25")]);
    let line = "reconcile --broker robinhood.csv --exit order-4=order-3 --append-missing";
    let ran = bench.tj(line).code(1);
    assert_eq!(ran.err, "");
    assert!(
        ran.out.contains(
            "appended  2025-10-26 15:35:11  SELL     8  NVDA      186.5  order-3  as an exit\n"
        ),
        "{}",
        ran.out
    );
    assert!(
        ran.out
            .contains("not appended: a record cannot hold a quantity of 0.5"),
        "{}",
        ran.out
    );
    assert!(
        ran.out
            .contains("\n3 records were appended; 4 orders are equal; "),
        "{}",
        ran.out
    );
    let journal = Journal::open(bench.path("logs")).unwrap();
    let trades = || {
        journal
            .read::<TradeRecord>()
            .iter()
            .map(|it| it.unwrap().record)
            .collect::<Vec<_>>()
    };
    let found = trades();
    assert_eq!(found.len(), 4);
    let (entry, exit) = (&found[2], &found[3]);
    assert!(
        entry
            .decision_reasoning()
            .contains(" from robinhood.csv, line 5 (order #order-3): the journal did not have it"),
        "{}",
        entry.decision_reasoning()
    );
    assert_eq!(
        (entry.stop_loss(), entry.target(), entry.slippage()),
        (None, None, None)
    );
    assert!(entry.indicators_used().is_empty());
    assert_eq!(exit.net_profit_loss().unwrap().to_string(), "4.39");
    assert!(
        exit.exit_reasoning()
            .unwrap()
            .contains("line 6 (order #order-4)")
    );
    assert_eq!(entry.session_id(), exit.session_id());
    let session = &bench.tj("tail sessions --json").fine().json()[0];
    assert_eq!(session["session_id"], entry.session_id().to_string());
    assert_eq!(
        session["metadata"],
        json!({"broker": "robinhood.csv", "trigger": "tj reconcile --append-missing"})
    );

    // Nothing is new the second time: no record, no session.
    let ran = bench.tj(line).code(1);
    assert!(
        ran.out
            .contains("\n0 records were appended; 4 orders are equal; "),
        "{}",
        ran.out
    );
    assert_eq!(trades(), found);
    assert_eq!(
        bench.tj("tail sessions --json").fine().out.lines().count(),
        1
    );
    bench.tj("verify").code(0);
}

#[test]
fn what_the_journal_has_in_the_other_mode_is_not_appended() {
    let bench = bench(&[
        trade("order-3", "NVDA", "185.95") + "\n",
        live("order-0", "AAPL", "150.25"),
    ]);
    let line = "--broker robinhood.csv --exit order-4=order-3 --append-missing";
    let found = report(&bench, line, 1);
    let missing = found["missing"].as_array().unwrap();
    let why = |id: &str| {
        let order = missing.iter().find(|it| it["order_id"] == id);
        order.unwrap()["not_appended"].clone()
    };
    assert_eq!(why("order-3"), "the journal has order-3 as PAPER");
    assert_eq!(why("order-4"), "the journal has order-3 as PAPER");
    let appended = ids(&found, "appended");
    assert_eq!(appended, ["order-1"]);
}

#[test]
fn what_a_policy_deleted_is_not_appended_again() {
    let bench = Bench::new();
    three_days(&bench.path(""));
    bench.write(
        "tj.toml",
        "[retention.trades]\narchive = \"1d\"\ndelete = \"2d\"\n",
    );
    bench.tj("archive").fine();
    bench.tj("retention apply --yes").code(0);
    let row = |id: &str, day: &str| format!("{id},2025-10-{day}T14:32:15Z,AAPL,buy,50,150.25\n");
    let rows = [("order-0", "26"), ("older", "25"), ("newer", "27")];
    let rows: String = rows.iter().map(|it| row(it.0, it.1)).collect();
    bench.write(
        "orders.csv",
        format!("order_id,time,symbol,side,quantity,price\n{rows}"),
    );
    let found = report(
        &bench,
        "--broker orders.csv --mode PAPER --append-missing",
        1,
    );
    assert_eq!(ids(&found, "appended"), ["newer"]);
    assert_eq!(ids(&found, "missing"), ["older", "order-0"]);
    for missing in found["missing"].as_array().unwrap() {
        assert_eq!(
            missing["not_appended"],
            "that day was deleted by its policy"
        );
    }
}

#[test]
fn a_journal_is_not_made_where_a_mistyped_folder_would_be() {
    let bench = bench(&[live("order-0", "AAPL", "150.25")]);
    let line = "reconcile --broker robinhood.csv --append-missing --dir";
    let ran = bench.tj(&format!("{line} nowhere")).code(3);
    assert!(
        ran.err.starts_with("tj: no journal in nowhere: "),
        "{}",
        ran.err
    );
    assert!(!bench.path("nowhere").exists());
    std::fs::create_dir(bench.path("empty")).unwrap();
    let ran = bench.tj(&format!("{line} empty")).code(3);
    assert!(
        ran.err.starts_with("tj: no journal in empty: "),
        "{}",
        ran.err
    );
    let left = std::fs::read_dir(bench.path("empty")).unwrap();
    assert_eq!(left.count(), 0);
}

#[test]
fn lines_are_counted_as_an_editor_counts_them() {
    let bench = bench(&[live("order-0", "AAPL", "150.25")]);
    // A cell of two lines, and a line without anything.
    let text = "order_id,time,symbol,side,quantity,price,account\n\
                a,2025-10-26T14:00:00Z,AAPL,buy,10,150,\"x\ny\"\n\
                \n\
                b,2025-10-26T15:00:00Z,MSFT,buy,10,150,x\n\
                c,2025-10-26T16:00:00Z,TSLA,buy,10,150,x\n";
    for (name, text) in [
        ("unix.csv", text.to_owned()),
        ("windows.csv", text.replace('\n', "\r\n")),
        (
            "marked.csv",
            format!("\u{feff}{}", text.replace('\n', "\r\n")),
        ),
    ] {
        bench.write(name, text);
        let found = report(&bench, &format!("--broker {name}"), 1);
        let lines = found["missing"].as_array().unwrap().iter();
        let lines: Vec<Value> = lines.map(|it| it["lines"].clone()).collect();
        assert_eq!(lines, [json!([2]), json!([5]), json!([6])], "{name}");
    }
}

#[test]
fn an_exit_of_which_a_part_is_there_is_left_to_a_person_with_the_reason() {
    let bench = bench(&[live("order-0", "AAPL", "150.25")]);
    let header = "order_id,entry_order_id,time,symbol,side,quantity,price\n\
                  order-0,,2025-10-26T14:32:15Z,AAPL,buy,50,150.25\n\
                  b,order-0,2025-10-26T15:00:00Z,AAPL,sell,20,151\n";
    bench.write("first.csv", header);
    bench
        .tj("reconcile --broker first.csv --append-missing")
        .code(0);
    let second = "c,order-0,2025-10-26T16:00:00Z,AAPL,sell,30,151\n";
    bench.write("all.csv", format!("{header}{second}"));
    let line = "--broker all.csv --append-missing";
    let ran = bench.tj(&format!("reconcile {line}")).code(1);
    let wanted = "quantity 20 in the journal, 50 at the broker; lines 3, 4; not appended: a part of its exits is there\n";
    assert!(ran.out.contains(wanted), "{}", ran.out);
    assert!(!ran.out.contains("left out"), "{}", ran.out);
    let found = report(&bench, line, 1);
    let reason = &found["different"][0]["not_appended"];
    assert_eq!(*reason, "a part of its exits is there");
    let found = report(&bench, "--broker all.csv", 1);
    assert_eq!(found["different"][0]["not_appended"], Value::Null);
}

#[test]
fn a_stream_that_a_bot_writes_is_locked_and_comparing_needs_no_lock() {
    let bench = bench(&[live("order-0", "AAPL", "150.25")]);
    let journal = Journal::open(bench.path("logs")).unwrap();
    let bot = journal.writer::<TradeRecord>().unwrap();
    bench.tj("reconcile --broker robinhood.csv").code(1);
    let ran = bench
        .tj("reconcile --broker robinhood.csv --append-missing")
        .code(3);
    assert!(
        ran.err.starts_with("tj: cannot write to trades: "),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("\nhint: process "), "{}", ran.err);
    bot.close().unwrap();
}

#[test]
fn nothing_is_appended_beside_what_cannot_be_read() {
    let bench = bench(&[
        live("order-0", "AAPL", "150.25"),
        live("order-3", "NVDA", "185.95"),
    ]);
    let day = bench.shell("ls logs/trades | grep jsonl").fine().out;
    let name = format!("logs/trades/{}", day.lines().next().unwrap());
    let text = bench.read(&name).replacen("\"symbol\"", "\"symbool\"", 1);
    bench.write(&name, text);
    let found = bench
        .tj("reconcile --broker robinhood.csv --json")
        .code(1)
        .json()[0]
        .clone();
    assert_eq!(found["unread_lines"], 1);
    let ran = bench
        .tj("reconcile --broker robinhood.csv --append-missing")
        .code(3);
    assert!(ran.err.contains("tj: "), "{}", ran.err);
}

#[test]
fn a_wrong_file_or_flag_is_refused() {
    let bench = bench(&[live("order-0", "AAPL", "150.25")]);
    bench.write(
        "stocks.csv",
        "symbol,date,order_type,side,fees,quantity,average_price\n",
    );
    bench.write(
        "report.csv",
        "Activity Date,Instrument,Trans Code,Quantity,Price,Amount\n",
    );
    bench.write(
        "listing.csv",
        "id,instrument,side,state,cumulative_quantity,average_price,last_transaction_at\n",
    );
    bench.write("empty.csv", "");
    bench.write(
        "latin.csv",
        b"order_id,time,symbol,side,quantity,price\nx,y,\xff,buy,1,1\n",
    );
    bench.write(
        "short.csv",
        "order_id,time,symbol,side,quantity,price\na,b\n",
    );
    for (line, code, wanted) in [
        (
            "--broker stocks.csv",
            2,
            "a list of Robinhood's orders without `id` has no order ids",
        ),
        (
            "--broker stocks.csv",
            2,
            "get_all_stock_orders() as a table, and add a column `symbol`",
        ),
        (
            "--broker listing.csv",
            2,
            "find the column of symbol: the header has none of `symbol`; it has `id`, `instrument`",
        ),
        (
            "--broker listing.csv",
            2,
            "hint: add a column `symbol`: what robin_stocks' get_symbol_by_url() says of `instrument`",
        ),
        (
            "--broker report.csv",
            2,
            "Robinhood's account activity report has no order ids",
        ),
        (
            "--broker robinhood.csv --format alpaca",
            2,
            "find the column of time: the header has none of `filled_at`, `updated_at`",
        ),
        (
            "--broker robinhood.csv --map time=When",
            2,
            "the header has no `When`",
        ),
        (
            "--broker robinhood.csv --map tim=When",
            2,
            "`tim` is none of order_id, ",
        ),
        (
            "--broker robinhood.csv --map time",
            2,
            "write it as order_id='Order No'",
        ),
        (
            "--broker robinhood.csv --exit a",
            2,
            "write it as ORDER=ENTRY",
        ),
        (
            "--broker robinhood.csv --exit order-44=order-3",
            2,
            "--exit order-44=...: robinhood.csv has no executed order order-44",
        ),
        (
            "--broker robinhood.csv --exit order-4=order-3 --exit order-4=order-0",
            2,
            "--exit order-4=...: is given twice",
        ),
        (
            "--broker robinhood.csv --map time=date --map time=last_transaction_at",
            2,
            "--map time=...: is given twice",
        ),
        (
            "--broker robinhood.csv --timezone Mars",
            2,
            "--timezone: unknown time zone `Mars`",
        ),
        (
            "--broker robinhood.csv --from never",
            2,
            "--from never: not a time",
        ),
        (
            "--broker robinhood.csv --dir nowhere",
            3,
            "no journal in nowhere",
        ),
        (
            "--broker none.csv",
            3,
            "cannot read the broker's orders in none.csv: No such file",
        ),
        (
            "--broker empty.csv",
            3,
            "cannot read the broker's orders in empty.csv: it is empty",
        ),
        (
            "--broker latin.csv",
            3,
            "cannot read the broker's orders in latin.csv: ",
        ),
        (
            "--broker short.csv",
            3,
            "tj: short.csv:2: has 2 cells, and the header 6\n",
        ),
    ] {
        let ran = bench.tj(&format!("reconcile {line}")).code(code);
        assert!(ran.err.contains(wanted), "{line}: {}", ran.err);
        assert_eq!(ran.out, "", "{line}");
    }
    bench.write(
        "tj.toml",
        "[reconcile]\ntimezone = \"Mars\"\nbuy = \"b\"\n[reconcile.columns]\norder = \"x\"\n",
    );
    let ran = bench.tj("config check").code(1);
    assert_eq!(
        ran.err,
        "tj: tj.toml: line 2: unknown time zone `Mars` (a name such as UTC, Europe/Berlin or America/New_York)\n\
         tj: tj.toml: line 3: `buy` is a list of words in quotes\n\
         tj: tj.toml: line 5: unknown column `order` (known: order_id, execution_id, entry_order_id, time, symbol, side, \
         quantity, filled_quantity, price, fees, status, account, activity)\n"
    );
}
