//! `tj compare`: live fills beside a backtest's predictions, as a person sees them.

use serde_json::{Value, json};
use tradejournal::journal::Options;
use tradejournal::record::{FillRecord, TradeRecord};

use super::run::Bench;
use crate::sample::{entry, noon};

/// A fill at 12:00 and that second.
fn fill(second: u32, order: &str, side: &str, price: &str, size: &str) -> FillRecord {
    let record = json!({
        "timestamp": 1_761_480_000 + second, "datetime_utc": format!("2025-10-26T12:{:02}:{:02}.000Z", second / 60, second % 60),
        "order_id": order, "client_order_id": null, "symbol": "BTC-USDT", "side": side, "order_type": "LIMIT",
        "price": price, "size": size, "fee": "0.10", "fee_asset": "USDT", "realized_pnl": null,
        "spread_captured": null, "inventory_before": null, "inventory_after": null, "equity_before": null,
        "equity_after": null, "notes": "",
    });
    serde_json::from_str(&record.to_string()).unwrap()
}

/// Two orders, one of them in two fills, and one more that nobody expected.
fn trading(bench: &Bench) {
    let journal = Options::new(bench.path("logs"))
        .name("mine")
        .clock(noon())
        .open()
        .unwrap();
    let writer = journal.writer::<FillRecord>().unwrap();
    let fills = [
        fill(1, "1001", "BUY", "67500.0", "0.001"),
        fill(3, "1001", "BUY", "67501.0", "0.001"),
        fill(61, "1002", "SELL", "67600.0", "0.002"),
        fill(300, "1003", "BUY", "67000.0", "0.001"),
    ];
    writer.append_all(&fills).unwrap();
    writer.close().unwrap();
}

const BACKTEST: &str = "symbol,side,time,price,size,fee\n\
                        BTC-USDT,BUY,2025-10-26T12:00:00Z,67500,0.002,0.15\n\
                        BTC-USDT,SELL,2025-10-26T12:01:00Z,67610,0.002,0.10\n\
                        BTC-USDT,SELL,2025-10-26T13:00:00Z,67700,0.001,0.10\n";

#[test]
fn what_was_traded_is_shown_beside_what_was_expected() {
    let bench = Bench::new();
    trading(&bench);
    bench.write("backtest.csv", BACKTEST);
    let ran = bench
        .tj("compare --live fills --expected backtest.csv --price-tolerance 1bps")
        .code(1);
    assert_eq!(ran.err, "");
    assert_eq!(
        ran.out,
        "backtest.csv: 3 rows, 3 trades\n\
         live fills from 2025-10-26 00:00:00 until 2025-10-27 00:00:00, the days of the file\n\
         what      time                     side  symbol     size  price     bps  order  note\n\
         missing   2025-10-26 13:00:00.000  SELL  BTC-USDT  0.001  67700                 line 4\n\
         extra     2025-10-26 12:05:00.000  BUY   BTC-USDT  0.001  67000          1003   seq 3\n\
         deviates  2025-10-26 12:01:01.000  SELL  BTC-USDT  0.002  67600  1.4791  1002   price +10; seq 2; line 3\n\
         2 trades are matched (0 by order, 2 by time); 1 missing, 1 extra, 1 beyond the tolerances\n\
         slippage in bps: mean 0.7766, median 0.7766, worst 1.4791, best 0.0741\n\
         net effect: 0.021 USDT\n"
    );
    let found = &bench
        .tj("compare --live fills --expected backtest.csv --json")
        .code(1)
        .json()[0];
    assert_eq!(found["is_fine"], false);
    assert_eq!(found["beyond_tolerances"], 2);
    let first = &found["matched"][0];
    assert_eq!(
        (&first["by"], &first["price_deviation"]),
        (&json!("time"), &json!("0.5"))
    );
    assert_eq!(
        (&first["bps"], &first["time_deviation_ns"]),
        (&json!("0.0741"), &json!(1_000_000_000))
    );
    assert_eq!(
        (&first["fee_deviation"], &first["pnl_deviation"]),
        (&json!("0.05"), &Value::Null)
    );
    assert_eq!(first["live"]["lines"], json!([0, 1]));
    assert_eq!(
        found["net_effect"],
        json!([{"currency": "USDT", "sum": "0.021", "rounded": 0, "left_out": 0}])
    );

    let fine = "compare --live fills --expected backtest.csv --price-tolerance 10.0 --from 2025-10-26 \
                --to 2025-10-26T12:05 --symbol BTC-USDT";
    let ran = bench.tj(fine).fine();
    assert!(
        ran.out
            .contains("2 trades are matched (0 by order, 2 by time), all within the tolerances\n"),
        "{}",
        ran.out
    );
    bench.tj(&format!("{fine} --time-tolerance 1s")).fine();
    let ran = bench.tj(&format!("{fine} --time-tolerance 999ms")).code(1);
    assert!(
        ran.out.contains("1.0 s after, fee +0.05; seq 0, 1; line 2"),
        "{}",
        ran.out
    );
    bench
        .shell("set -o pipefail; tj compare --live fills --expected backtest.csv | head -n 1")
        .code(1);
}

#[test]
fn what_tj_prints_of_fills_is_expected_as_well() {
    let bench = Bench::new();
    trading(&bench);
    bench
        .shell("tj query fills --csv > fills.csv && tj query fills --json > fills.jsonl")
        .fine();
    bench.shell("jq -s . fills.jsonl > fills.json").fine();
    for file in ["fills.csv", "fills.jsonl", "fills.json"] {
        let ran = bench
            .tj(&format!("compare --live fills --expected {file}"))
            .fine();
        assert!(
            ran.out.ends_with(
                "3 trades are matched (3 by order, 0 by time), all within the tolerances\n\
                 slippage in bps: mean 0, median 0, worst 0, best 0\n\
                 net effect: 0 USDT\n"
            ),
            "{}",
            ran.out
        );
    }
}

#[test]
fn the_audit_trail_can_be_what_was_traded() {
    let bench = Bench::new();
    let journal = Options::new(bench.path("logs"))
        .name("mine")
        .clock(noon())
        .open()
        .unwrap();
    let writer = journal.writer::<TradeRecord>().unwrap();
    writer.append(&entry(7)).unwrap();
    writer.close().unwrap();
    bench.write(
        "paper.jsonl",
        "{\"symbol\":\"AAPL\",\"side\":\"buy\",\"time\":\"2025-10-26 14:32:15\",\"price\":150.2,\"size\":50}\n",
    );
    let ran = bench
        .tj("compare --live trades --expected paper.jsonl --price-tolerance 0.05")
        .code(0);
    assert_eq!(ran.err, "a time without a zone was taken in UTC\n");
    assert!(
        ran.out
            .contains("net effect: 2.5 without a named currency\n"),
        "{}",
        ran.out
    );
    bench
        .tj("compare --live trades --expected paper.jsonl --price-tolerance 3bps")
        .code(1);
}

#[test]
fn a_file_that_is_no_prediction_is_refused() {
    let bench = Bench::new();
    trading(&bench);
    let compare = |file: &str| bench.tj(&format!("compare --live fills --expected {file}"));
    bench.write("wrong.csv", BACKTEST.replace("price", "prce"));
    let ran = compare("wrong.csv").code(2);
    assert_eq!(
        ran.err,
        "tj: wrong.csv: there is no column `prce` in a prediction\nhint: did you mean `price`?\n"
    );
    bench.write(
        "wrong.csv",
        BACKTEST.replace("67610", "0").replace(",BUY,", ",hold,"),
    );
    let ran = compare("wrong.csv").code(3);
    assert_eq!(
        ran.err,
        "tj: wrong.csv:2: column `side`: must be buy or sell, got \"hold\"\n\
         tj: wrong.csv:3: column `price`: must be above 0, got \"0\"\n\
         tj: wrong.csv: 2 rows are wrong, so nothing was compared\n"
    );
    bench.write("wrong.jsonl", "{\"symbol\":\"A\"}\n{\n");
    let ran = compare("wrong.jsonl").code(3);
    assert!(
        ran.err
            .starts_with("tj: cannot read what was expected in wrong.jsonl: line 2: EOF"),
        "{}",
        ran.err
    );
    bench.write("empty.csv", "");
    let ran = compare("empty.csv").code(3);
    assert_eq!(ran.err, "tj: empty.csv: nothing is expected in it\n");
    let ran = compare("nowhere.csv").code(3);
    assert!(
        ran.err
            .starts_with("tj: cannot read what was expected in nowhere.csv: "),
        "{}",
        ran.err
    );
    bench.write("backtest.csv", BACKTEST);
    let ran = bench
        .tj("compare --live orders --expected backtest.csv")
        .code(2);
    assert!(
        ran.err.contains("[possible values: fills, trades]"),
        "{}",
        ran.err
    );
    let ran = bench
        .tj("compare --live fills --expected backtest.csv --price-tolerance 5%")
        .code(2);
    assert!(
        ran.err.contains("write it as 5bps or 0.01, not below 0"),
        "{}",
        ran.err
    );
}

#[test]
fn a_symbol_of_which_nothing_is_expected_is_no_success() {
    let bench = Bench::new();
    trading(&bench);
    bench.write("backtest.csv", BACKTEST);
    let ran = bench
        .tj("compare --live fills --expected backtest.csv --symbol btc-usdt")
        .code(3);
    assert_eq!(
        ran.err,
        "tj: backtest.csv: nothing is expected of btc-usdt in it\n\
         hint: symbols are as they stand there, such as BTC-USDT\n"
    );
    // What a spreadsheet puts in front of a file is not in it.
    let row = r#"{"symbol":"BTC-USDT","side":"BUY","time":"2025-10-26T12:00:01Z","price":"67500.5","size":"0.002"}"#;
    bench.write("bom.jsonl", format!("\u{feff}{row}\n"));
    let ran = bench.tj("compare --live fills --expected bom.jsonl");
    assert!(
        ran.out.starts_with("bom.jsonl: 1 rows, 1 trades\n")
            || ran.out.starts_with("bom.jsonl: 1 row, 1 trade\n"),
        "{}{}",
        ran.out,
        ran.err
    );
}

#[test]
fn a_damaged_line_is_named_and_the_verdict_says_so() {
    let bench = Bench::new();
    trading(&bench);
    bench
        .shell("tj query fills --csv | grep -v 1003 > fills.csv")
        .fine();
    bench
        .shell("sed -i '4s/BTC-USDT/BTC USDT/' logs/fills/2025-10-26.jsonl")
        .fine();
    let ran = bench
        .tj("compare --live fills --expected fills.csv")
        .code(1);
    assert!(
        ran.err
            .contains("bad record at logs/fills/2025-10-26.jsonl:4, byte "),
        "{}",
        ran.err
    );
    assert!(
        ran.out.contains("; 1 line and 0 days cannot be read\n"),
        "{}",
        ran.out
    );
    assert!(
        ran.out
            .contains("(2 by order, 0 by time), all within the tolerances\n"),
        "{}",
        ran.out
    );
}
