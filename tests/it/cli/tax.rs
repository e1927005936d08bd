//! `tj tax`: lots of a file, and what stands in the way of a year's report.

use serde_json::{Value, json};

use super::run::{Bench, Ran, trade};

/// A line of `tj tax lots`: 10 shares of AAPL unless told otherwise.
fn line(id: &str, at: &str, action: &str, price: &str) -> String {
    format!(
        "{{\"id\":\"{id}\",\"timestamp\":\"{at}\",\"action\":\"{action}\",\"symbol\":\"AAPL\",\
         \"quantity\":\"10\",\"price\":\"{price}\",\"commission\":\"1.00\",\"account_id\":\"main\"}}\n"
    )
}

fn lots(flags: &str, lines: &[String]) -> Ran {
    Bench::new().tj_with(
        &format!("tax lots - --json {flags}"),
        lines.concat().as_bytes(),
    )
}

fn object(ran: &Ran) -> Value {
    let [object] = &ran.json()[..] else {
        panic!("{}\n{}", ran.out, ran.err);
    };
    object.clone()
}

/// Bought, sold at a loss of 102, and bought again for half of it.
fn washed() -> [String; 3] {
    [
        line("b1", "2025-01-06T15:00:00Z", "BUY", "100.00"),
        line("s1", "2025-02-03T15:00:00Z", "SELL", "90.00"),
        line("b2", "2025-02-10T10:00:00-05:00", "BUY", "95.00").replace("\"10\"", "\"5\""),
    ]
}

#[test]
fn the_books_are_one_object_of_a_fixed_shape() {
    let ran = lots("", &washed()).fine();
    let wanted = json!({
        "disposals": [{
            "symbol": "AAPL", "account_id": "main", "quantity": "10",
            "acquired": "2025-01-06", "sold": "2025-02-03",
            "proceeds": "899.00", "basis": "1001.00",
            "adjustment_code": "W", "adjustment": "51.00", "gain": "-51.00",
            "term": "SHORT", "holding_start": "2025-01-06", "buy_id": "b1", "sell_id": "s1",
        }],
        "open_lots": [{
            "symbol": "AAPL", "account_id": "main", "quantity": "5", "acquired": "2025-02-10",
            "basis": "527.00", "holding_start": "2025-01-13", "buy_id": "b2",
        }],
        "totals": {
            "short": {"rows": 1, "proceeds": "899.00", "basis": "1001.00", "adjustment": "51.00", "gain": "-51.00"},
            "long": {"rows": 0, "proceeds": "0.00", "basis": "0.00", "adjustment": "0.00", "gain": "0.00"},
            "all": {"rows": 1, "proceeds": "899.00", "basis": "1001.00", "adjustment": "51.00", "gain": "-51.00"},
            "deferred_into_open_lots": "51.00",
        },
        "untaxed_disposals": [],
    });
    assert_eq!(object(&ran), wanted);
    assert!(
        ran.out
            .starts_with("{\"disposals\":[{\"symbol\":\"AAPL\",\"account_id\":\"main\","),
        "{}",
        ran.out
    );
    // The order of the lines does not matter, blank ones are passed over.
    let [b1, s1, b2] = washed();
    let turned = lots("", &[b2, "\n  \n".to_owned(), s1, b1]).fine();
    assert_eq!(turned.out, ran.out);
}

#[test]
fn flags_change_the_rules() {
    let gain = |flags: &str, lines: &[String]| {
        let found = object(&lots(flags, lines).fine());
        found["totals"]["all"]["gain"].as_str().unwrap().to_owned()
    };
    assert_eq!(gain("--wash-sale off", &washed()), "-102.00");
    // Crypto is not covered by the law.
    assert_eq!(gain("--asset-class crypto", &washed()), "-102.00");
    assert_eq!(
        gain("--asset-class crypto --wash-sale all", &washed()),
        "-51.00"
    );
    assert_eq!(
        gain("--asset-class fund --wash-sale on", &washed()),
        "-51.00"
    );
    let other = washed().map(|it| it.replace("\"b2\"", "\"b2\",\"asset_class\":\"equity\""));
    assert_eq!(gain("", &other), "-51.00");
    // Two purchases, of which the dearer one is sold.
    let two = [
        line("b1", "2024-01-05T15:00:00Z", "BUY", "10.00"),
        line("b2", "2024-01-08T15:00:00Z", "BUY", "20.00"),
        line("s1", "2025-02-03T15:00:00Z", "SELL", "30.00"),
    ];
    assert_eq!(gain("--method fifo", &two), "198.00");
    assert_eq!(gain("--method hifo", &two), "98.00");
    assert_eq!(gain("--split AAPL=2024-06-10=2:1", &two), "248.50");
    let named = two.clone().map(|it| {
        it.replace(
            "\"SELL\"",
            "\"SELL\",\"lots\":[{\"buy_id\":\"b2\",\"quantity\":\"10\"}]",
        )
    });
    assert_eq!(gain("--method specid", &named), "98.00");
    let untaxed = object(&lots("--ira main", &two).fine());
    assert_eq!(untaxed["disposals"], json!([]));
    assert_eq!(untaxed["untaxed_disposals"][0]["sell_id"], "s1");
}

#[test]
fn dates_are_those_of_the_tax_zone_whatever_the_offset_of_a_line() {
    let evening = [
        line("b1", "2025-01-01T03:00:00+01:00", "BUY", "10.00"),
        line("s1", "2025-06-01T02:30:00Z", "SELL", "20.00"),
    ];
    let row = |flags: &str| {
        let found = object(&lots(flags, &evening).fine());
        let row = &found["disposals"][0];
        (row["acquired"].clone(), row["sold"].clone())
    };
    assert_eq!(row(""), (json!("2024-12-31"), json!("2025-05-31")));
    assert_eq!(
        row("--tax-timezone UTC"),
        (json!("2025-01-01"), json!("2025-06-01"))
    );
    let ran = lots("--tax-timezone America/New_Yrk", &evening).code(2);
    assert!(
        ran.err.contains("did you mean `America/New_York`?"),
        "{}",
        ran.err
    );
}

#[test]
fn a_year_has_what_was_sold_in_it_and_what_was_there_at_its_end() {
    let trades = [
        line("b1", "2024-03-01T15:00:00Z", "BUY", "10.00"),
        line("s1", "2024-12-20T15:00:00Z", "SELL", "9.00").replace("\"10\"", "\"4\""),
        line("b2", "2025-01-10T15:00:00Z", "BUY", "8.00"),
        line("s2", "2025-03-03T15:00:00Z", "SELL", "20.00"),
    ];
    let of = |year: &str| object(&lots(&format!("--year {year}"), &trades).fine());
    let found = of("2024");
    assert_eq!(found["totals"]["all"]["rows"], 1);
    // The purchase of January replaces the loss of December, and is no lot of the end of December.
    assert_eq!(found["disposals"][0]["adjustment_code"], "W");
    let open: Vec<&str> = found["open_lots"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["buy_id"].as_str().unwrap())
        .collect();
    assert_eq!(open, ["b1"]);
    let found = of("2025");
    assert!(
        found["disposals"]
            .as_array()
            .unwrap()
            .iter()
            .all(|it| it["sell_id"] == "s2")
    );
}

#[test]
fn a_sale_of_what_is_not_there_is_an_error_that_a_program_reads() {
    let trades = [
        line("b1", "2025-01-06T15:00:00Z", "BUY", "100.00"),
        line("s1", "2025-02-03T15:00:00Z", "SELL", "90.00").replace("\"10\"", "\"12.5\""),
    ];
    let ran = lots("", &trades).code(1);
    let error = &object(&ran)["error"];
    assert_eq!(error["code"], "insufficient_lots");
    assert_eq!(error["symbol"], "AAPL");
    assert_eq!(error["trade_id"], "s1");
    assert_eq!(error["missing_quantity"], "2.5");
    assert!(
        error["message"].as_str().unwrap().starts_with("line 2: "),
        "{error}"
    );
    let ran = Bench::new()
        .tj_with("tax lots", trades.concat().as_bytes())
        .code(1);
    assert_eq!(ran.out, "");
    assert!(
        ran.err
            .contains("line 2: sale s1 of AAPL in main: 2.5 more")
            && ran.err.contains("hint:"),
        "{}",
        ran.err
    );
}

#[test]
fn a_line_that_is_no_trade_is_named() {
    let good = line("b1", "2025-01-06T15:00:00Z", "BUY", "100.00");
    let other = line("b2", "2025-01-07T15:00:00Z", "BUY", "100.00");
    for (from, to, message, id) in [
        (
            "\"BUY\"",
            "\"HOLD\"",
            "line 3: action: must be \"BUY\" or \"SELL\", got \"HOLD\"",
            json!("b2"),
        ),
        (
            "\"price\":\"100.00\"",
            "\"price\":100.5",
            "line 3: price: invalid type: floating point `100.5`, expected a decimal as a text in quotes",
            json!("b2"),
        ),
        (
            "\"price\":\"100.00\"",
            "\"price\":\"-1\"",
            "line 3: ",
            json!("b2"),
        ),
        (
            "\"quantity\":\"10\"",
            "\"quantity\":\"0\"",
            "line 3: ",
            json!("b2"),
        ),
        (
            "\"commission\":\"1.00\"",
            "\"commission\":\"-1.00\"",
            "line 3: ",
            json!("b2"),
        ),
        ("\"b2\"", "\"b1\"", "line 3: ", json!("b1")),
        ("15:00:00Z", "15:00:00", "line 3: timestamp: ", json!("b2")),
        (
            "\"symbol\":\"AAPL\",",
            "",
            "line 3: symbol: is missing",
            json!("b2"),
        ),
        ("{", "", "line 3: ", Value::Null),
    ] {
        let ran = lots(
            "",
            &[good.clone(), "\n".to_owned(), other.replace(from, to)],
        )
        .code(1);
        assert_eq!(ran.err, "", "{from}");
        let error = &object(&ran)["error"];
        assert_eq!(error["code"], "invalid_trade");
        assert_eq!(error["missing_quantity"], Value::Null);
        assert_eq!(error["trade_id"], id, "{error}");
        assert!(
            error["message"].as_str().unwrap().starts_with(message),
            "{error}"
        );
    }
    let ran = lots("", &[good.replace("commission", "comission")]).code(0);
    assert_eq!(
        ran.err,
        "warning: a trade has no field `comission`, it is passed over; did you mean `commission`?\n"
    );
}

#[test]
fn averages_are_refused_where_the_law_has_none() {
    let trades = [
        line("b1", "2024-01-05T15:00:00Z", "BUY", "10.00"),
        line("b2", "2024-01-08T15:00:00Z", "BUY", "20.00"),
        line("s1", "2025-02-03T15:00:00Z", "SELL", "30.00"),
    ];
    let ran = lots("--method average", &trades).code(2);
    assert!(
        ran.err.contains("does not go together with wash sales"),
        "{}",
        ran.err
    );
    let ran = lots("--method average --wash-sale off", &trades).code(2);
    assert!(
        ran.err.contains("the method average is for funds"),
        "{}",
        ran.err
    );
    let found = object(&lots("--method average --wash-sale off --force-average", &trades).fine());
    assert_eq!(found["totals"]["long"]["gain"], "148.00");
    lots(
        "--method average --wash-sale off --asset-class fund",
        &trades,
    )
    .fine();
}

#[test]
fn a_person_sees_tables() {
    let bench = Bench::new();
    bench.write("trades.jsonl", washed().concat());
    let ran = bench.tj("tax lots trades.jsonl").fine();
    let wanted = "\
sold        symbol  quantity  acquired    term   proceeds    basis  code  adjustment    gain  account  sale  purchase
2025-02-03  AAPL          10  2025-01-06  SHORT    899.00  1001.00  W          51.00  -51.00  main     s1    b1

open lot  quantity  acquired    held since   basis  account  purchase
AAPL             5  2025-02-10  2025-01-13  527.00  main     b2

term   rows  proceeds    basis  adjustment    gain
short     1    899.00  1001.00       51.00  -51.00
long      0      0.00     0.00        0.00    0.00
all       1    899.00  1001.00       51.00  -51.00
deferred into open lots: 51.00
";
    assert_eq!(ran.out, wanted);
    bench.tj("tax lots nowhere.jsonl").code(3);
}

#[test]
fn the_settings_have_rules_and_flags_come_before_them() {
    let bench = Bench::new();
    bench.write(
        "tj.toml",
        "[tax]\ntimezone = \"UTC\"\n[tax.wash]\nclasses = []\n",
    );
    bench.write("trades.jsonl", washed().concat());
    let gain = |flags: &str| {
        let ran = bench
            .tj(&format!("tax lots trades.jsonl --json {flags}"))
            .fine();
        object(&ran)["totals"]["all"]["gain"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(gain(""), "-102.00");
    assert_eq!(gain("--wash-sale on"), "-51.00");
    let shown = bench.tj("config show").fine();
    assert!(
        shown.out.contains("tax.timezone") && shown.out.contains("tax.wash.scope"),
        "{}",
        shown.out
    );
    bench.write(
        "tj.toml",
        "[tax]\nmethod = \"filo\"\n[tax.classes]\nSPY = \"etf\"\n",
    );
    let ran = bench.tj("tax lots trades.jsonl").code(2);
    assert!(
        ran.err.contains("line 2: `method` is one of \"fifo\""),
        "{}",
        ran.err
    );
    assert!(
        ran.err.contains("line 4: `SPY` is one of \"equity\""),
        "{}",
        ran.err
    );
}

// --- A journal -------------------------------------------------------------------------------

/// An entry of 50 shares.
pub(super) fn entry(order: &str, price: &str, at: &str) -> String {
    let live = trade(order, "AAPL", price).replace("\"PAPER\"", "\"LIVE\"");
    live.replace("2025-10-26T14:32:15.123Z", at)
        .replace("\"account_id\":null", "\"account_id\":\"main\"")
        + "\n"
}

/// Its exit, which earned something.
pub(super) fn exit(order: &str, price: &str, at: &str) -> String {
    entry(order, price, at)
        .replace("\"BUY\"", "\"SELL\"")
        .replace(
            "\"outcome\":\"open\",\"profit_loss\":null",
            "\"outcome\":\"win\",\"profit_loss\":\"1.00\"",
        )
        .replace(
            "\"exit_timestamp\":null",
            &format!("\"exit_timestamp\":\"{at}\""),
        )
        .replace("\"net_profit_loss\":null", "\"net_profit_loss\":\"1.00\"")
}

fn fill(order: &str, symbol: &str, side: &str, fill_id: &str) -> String {
    format!(
        "{{\"timestamp\":1742223600,\"datetime_utc\":\"2025-03-17T15:00:00Z\",\"order_id\":\"{order}\",\
         \"symbol\":\"{symbol}\",\"side\":\"{side}\",\"order_type\":\"LIMIT\",\"price\":\"80000.0\",\"size\":\"0.01\",\
         \"fee\":\"0.10\",\"fee_asset\":\"USD\",\"notes\":\"\",\"fill_id\":\"{fill_id}\",\
         \"execution_mode\":\"LIVE\",\"account_id\":\"main\"}}\n"
    )
}

pub(super) fn bench(trades: &[String], fills: &[String]) -> Bench {
    let bench = Bench::new();
    for (stream, lines) in [("trades", trades), ("fills", fills)] {
        if !lines.is_empty() {
            bench
                .tj_with(&format!("append {stream}"), lines.concat().as_bytes())
                .code(0);
        }
    }
    bench
}

/// The codes of what was found, the worst first.
fn codes(ran: &Ran) -> Vec<String> {
    let rows = ran.json().into_iter();
    rows.map(|it| {
        format!(
            "{} {}",
            it["severity"].as_str().unwrap(),
            it["code"].as_str().unwrap()
        )
    })
    .collect()
}

#[test]
fn nothing_stops_the_report_of_a_sound_journal() {
    let bench = bench(
        &[
            entry("a", "150.00", "2025-03-03T15:00:00Z"),
            entry("a", "150.00", "2025-03-03T15:00:00Z"),
            exit("a", "151.00", "2025-03-04T15:00:00Z"),
            exit("a", "152.00", "2025-03-04T15:00:00Z"),
            trade("p", "AAPL", "1.00") + "\n",
        ],
        &[],
    );
    let ran = bench.tj("tax check --year 2025 --json").fine();
    assert_eq!(
        codes(&ran),
        [
            "note repeated_entries",
            "note replaced_exits",
            "note ends_early"
        ]
    );
    let ran = bench.tj("tax check --year 2025").fine();
    assert!(
        ran.out.ends_with("nothing stops the report of 2025\n"),
        "{}",
        ran.out
    );
    let ran = bench.tj("tax check --year 2023 --json").fine();
    assert!(
        codes(&ran).contains(&"note nothing_sold".to_owned()),
        "{}",
        ran.out
    );
}

#[test]
fn a_journal_of_paper_alone_has_nothing_to_tax() {
    let bench = bench(&[trade("p", "AAPL", "1.00") + "\n"], &[]);
    let ran = bench.tj("tax check --year 2025").code(1);
    assert!(
        ran.out.starts_with("stops the report: the journal has no LIVE trades: 1 record of PAPER, which do not count here\n"),
        "{}",
        ran.out
    );
    let ran = bench
        .tj("tax check --year 2025 --mode paper --json")
        .code(0);
    assert_eq!(codes(&ran)[0], "review paper");
}

#[test]
fn an_account_in_both_streams_is_refused_until_somebody_says_which_counts() {
    let bench = bench(
        &[entry("a", "150.00", "2025-03-03T15:00:00Z")],
        &[fill("o", "BTC-USD", "BUY", "1")],
    );
    let ran = bench.tj("tax check --year 2025").code(3);
    assert!(
        ran.err
            .contains("account main is in trades and in fills, so that it would be taxed twice"),
        "{}",
        ran.err
    );
    assert!(
        ran.err
            .contains("hint: say which counts: --from trades or --from fills"),
        "{}",
        ran.err
    );
    bench.tj("tax check --year 2025 --from trades").fine();
    bench.tj("tax check --year 2025 --from fills").fine();
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let short = entry("s", "150.00", "2025-03-03T15:00:00Z").replace("\"BUY\"", "\"SELL\"");
    let cover = exit("s", "140.00", "2025-03-05T15:00:00Z").replace("\"SELL\"", "\"BUY\"");
    let alone = exit("x", "150.00", "2025-03-06T15:00:00Z").replace("AAPL", "MSFT");
    let other = exit("y", "150.00", "2025-03-06T15:00:00Z");
    let bench = bench(&[short, cover, alone, other], &[]);
    let ran = bench.tj("tax check --year 2025 --json").code(1);
    assert_eq!(
        codes(&ran),
        [
            "stops insufficient_lots",
            "stops insufficient_lots",
            "review short_sales",
            "note exits_alone"
        ]
    );
    let rows = ran.json();
    let message = rows[0]["message"].as_str().unwrap();
    assert!(
        message.contains("x/2025-03-06T15:00:00.000Z of MSFT") && message.contains("line "),
        "{message}"
    );
    let remedy = rows[0]["remedy"].as_str().unwrap();
    assert!(
        remedy.contains("--opening-lots") && remedy.contains("tj reconcile"),
        "{remedy}"
    );
    // Named, they are there.
    bench.write(
        "lots.csv",
        "account_id,symbol,acquired_date,quantity,basis\nmain,MSFT,2020-01-06,50,5000.00\nmain,AAPL,2020-01-06,60,600\n",
    );
    let ran = bench
        .tj("tax check --year 2025 --json --opening-lots lots.csv")
        .code(0);
    assert_eq!(
        codes(&ran),
        ["review short_sales", "note exits_alone", "note ends_early"]
    );
    bench.write(
        "lots.csv",
        "account_id,symbol,acquired_date,quantity,basis\nmain,MSFT,2020-01-06,50,x\n",
    );
    let ran = bench
        .tj("tax check --year 2025 --opening-lots lots.csv")
        .code(3);
    assert!(
        ran.err
            .starts_with("tj: lots.csv:2: basis: must be dollars"),
        "{}",
        ran.err
    );
}

#[test]
fn a_lot_of_the_journal_itself_is_no_opening_lot() {
    let bench = bench(&[entry("a", "150.00", "2025-03-03T15:00:00Z")], &[]);
    bench.write(
        "lots.csv",
        "buy_trade_id,symbol,acquired_date,quantity,basis\na,AAPL,2025-03-03,50,7500\n",
    );
    let ran = bench
        .tj("tax check --year 2025 --opening-lots lots.csv")
        .code(3);
    assert!(
        ran.err
            .contains("opening lot a is a purchase that the journal has, in trades"),
        "{}",
        ran.err
    );
}

#[test]
fn fills_are_executions_and_what_they_do_not_say_is_told() {
    let paid = fill("o1", "BTC-USDT", "BUY", "1").replace("\"fee\":\"0.10\"", "\"fee\":\"-0.10\"");
    let foreign =
        fill("o2", "ETH-USD", "BUY", "2").replace("\"fee_asset\":\"USD\"", "\"fee_asset\":\"BNB\"");
    let unknown = fill("o3", "BTC-USD", "BUY", "3").replace("\"LIVE\"", "null");
    let unclassed = fill("o4", "AAPL", "BUY", "4");
    let again = fill("o5", "SOL-USD", "BUY", "5");
    let priced = fill("o6", "SOL-BTC", "BUY", "6");
    let bench = bench(
        &[],
        &[
            paid,
            foreign,
            unknown,
            unclassed,
            again.clone(),
            again.clone(),
            priced,
        ],
    );
    let ran = bench.tj("tax check --year 2025 --json").code(1);
    assert_eq!(
        codes(&ran),
        [
            "stops no_asset_class",
            "stops foreign_fees",
            "stops quotes",
            "stops invalid_trade",
            "review unknown_mode",
            "review rebates",
            "review quotes",
            "note repeated_fills",
            "note taken_for_crypto",
        ],
        "{}",
        ran.out
    );
    let differs = again.replace("\"0.01\"", "\"0.02\"");
    bench.tj_with("append fills", differs.as_bytes()).code(0);
    let ran = bench.tj("tax check --year 2025").code(3);
    assert!(
        ran.err.contains("fill 5 of SOL-USD is in fills"),
        "{}",
        ran.err
    );
}

#[test]
fn a_journal_that_cannot_be_read_in_part_stops_the_report_unless_that_is_accepted() {
    let bench = bench(
        &[
            entry("a", "150.00", "2025-03-03T15:00:00Z"),
            exit("a", "151.00", "2025-03-04T15:00:00Z"),
        ],
        &[],
    );
    let file = std::fs::read_dir(bench.path("logs/trades")).unwrap();
    let file = file
        .map(|it| it.unwrap().path())
        .find(|it| it.extension().is_some_and(|it| it == "jsonl"))
        .unwrap();
    let mut text = std::fs::read(&file).unwrap();
    text.extend(b"{\"broken\n");
    std::fs::write(&file, text).unwrap();
    let ran = bench.tj("tax check --year 2025 --json").code(1);
    assert_eq!(codes(&ran)[0], "stops unread");
    assert!(ran.err.contains("bad record at"), "{}", ran.err);
    let ran = bench.tj("tax check --year 2025 --json --damaged").code(0);
    assert_eq!(codes(&ran)[0], "review unread");
}

/// 50 AAPL were bought for 7500 and sold for 7550.
#[test]
fn a_form_1099b_is_compared_with_the_lots_of_its_account() {
    let bench = bench(
        &[
            entry("a", "150.00", "2025-03-03T15:00:00Z"),
            exit("a", "151.00", "2025-03-04T15:00:00Z"),
        ],
        &[],
    );
    let form = |row: &str| {
        let header =
            "Description,Date acquired,Date sold,1d Proceeds,1e Cost basis,1g Wash sale,2 Term";
        bench.write("1099.csv", format!("Sales of 2025\n{header}\n{row}\n"));
    };
    let line = "tax reconcile --year 2025 --account main --1099b 1099.csv";
    form("50 sh. AAPL,03/03/2025,03/04/2025,\"$7,550.00\",\"7,500.00\",,Short");
    let ran = bench.tj(line).fine();
    assert_eq!(ran.err, "");
    let wanted = "\
1099.csv: 1 row, 1 lot; account main in 2025
total  of       lots  proceeds    basis  wash   gain
SHORT  journal     1   7550.00  7500.00  0.00  50.00
SHORT  broker      1   7550.00  7500.00  0.00  50.00

1 sale is equal, nothing differs
";
    assert_eq!(ran.out, wanted);

    // A cent of rounding has its cause; ten dollars have none.
    form("50 sh. AAPL,03/03/2025,03/04/2025,7550.01,7500,,Short");
    let found = object(&bench.tj(&format!("{line} --json")).fine());
    assert_eq!(found["is_equal"], false);
    assert_eq!(found["is_explained"], true);
    let sale = &found["sales"][0];
    // The day on which it was appended, and the second line, which is number 1.
    let origin = sale["origins"][0].as_str().unwrap();
    assert!(
        origin.starts_with("trades ") && origin.ends_with(" line 1"),
        "{origin}"
    );
    assert_eq!(sale["lines"], json!([3]));
    assert_eq!(sale["differences"][0]["causes"][0]["name"], "rounding");
    form("50 sh. AAPL,03/03/2025,03/04/2025,7550,7490,,Short");
    let ran = bench.tj(line).code(1);
    let row = "2025-03-04  AAPL    basis  7500.00  7490.00  no known cause; line 3\n";
    assert!(ran.out.contains(row), "{}", ran.out);
    assert!(
        ran.out
            .ends_with("\n0 sales are equal; 1 differs and it is not\n"),
        "{}",
        ran.out
    );
}

#[test]
fn a_form_1099b_that_cannot_be_understood_is_refused() {
    let bench = bench(
        &[
            entry("a", "150.00", "2025-03-03T15:00:00Z"),
            exit("a", "151.00", "2025-03-04T15:00:00Z"),
        ],
        &[],
    );
    let line = "tax reconcile --year 2025 --account main --1099b 1099.csv";
    let header = "Account,Description,Shares,Date sold,Proceeds,Cost basis";
    let refused = |rows: &str, flags: &str, code: i32| {
        bench.write("1099.csv", format!("{header}\n{rows}\n"));
        bench.shell(&format!("tj {line} {flags}")).code(code).err
    };
    let unnamed = "1,APPLE INC. COMMON STOCK,50,03/04/2025,7550,7500";
    assert_eq!(
        refused(unnamed, "", 3),
        "tj: 1099.csv:2: no symbol: APPLE INC. COMMON STOCK; the journal sold as many on the same days of AAPL\n\
         tj: 1099.csv: 1 name is no symbol, so nothing was compared\n\
         hint: --symbol 'NAME=SYMBOL' says what each is; it may be repeated\n"
    );
    assert_eq!(
        refused(unnamed, "--symbol 'Apple Inc. Common Stock=AAPL'", 0),
        "the file has no column of box 1g, so that disallowed losses are not compared\n"
    );
    assert_eq!(
        refused("1,AAPL,50,3/4,7550,7500", "", 3),
        "tj: 1099.csv:2: column `Date sold`: must be a day, such as 03/14/2025, got \"3/4\"\n\
         tj: 1099.csv: 1 row is wrong, so nothing was compared\n"
    );
    let two = "1,AAPL,50,03/04/2025,7550,7500\n2,MSFT,1,03/04/2025,1,1";
    assert!(refused(two, "", 2).contains("it is of several accounts: 1, 2"));
    refused(two, "--broker-account 1", 0);
    assert!(refused(two, "--broker-account 3", 2).contains("has none of it"));
    let other = refused(two, "--broker-account 1 --symbol x=y --account mian", 2);
    assert!(other.contains("--account"), "{other}");
    assert!(refused(two, "--map proceed=x", 2).contains("`proceed` is none of form, account,"));
    assert!(refused(two, "--map proceeds=Netto", 2).contains("the header has no `Netto`"));
}
