//! `tj report` and `tj summary`: what they print, and what they refuse.

use std::fs;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::Value;
use tradejournal::journal::{Options, WriterOptions};
use tradejournal::record::field::{Action, AlertEvent, ExecutionMode, RiskSeverity, Word};
use tradejournal::record::{
    PerformanceMetric, PerformanceParts, Record, RiskEvent, RiskParts, TradeRecord,
};
use tradejournal::time::{Day, ManualClock};

use super::run::{Bench, Ran};
use crate::sample::{stamp, time};
use crate::trading::{HOSTILE, quarter};

/// A bench with the journal of `tj demo` in `logs`.
fn demo() -> Bench {
    let bench = Bench::new();
    bench.tj("demo demo").fine();
    fs::rename(bench.path("demo/logs"), bench.path("logs")).unwrap();
    bench
}

/// A bench with three months of trading in `logs`.
fn rich() -> Bench {
    let bench = Bench::new();
    quarter(&bench.path(""));
    bench
}

/// Writes records of one stream into the journal of a bench.
pub fn write<R: Record>(bench: &Bench, records: &[R]) {
    let clock = Arc::new(ManualClock::new(time("2025-11-01T12:00:00Z")));
    let journal = Options::new(bench.path("logs"))
        .name("made")
        .clock(clock as _)
        .writer(WriterOptions::default().background(false))
        .open()
        .unwrap();
    let writer = journal.writer::<R>().unwrap();
    writer.append_all(records).unwrap();
    writer.close().unwrap();
}

/// An entry of one share for 100, an hour before it is sold.
fn bought(order: &str, at: &str, shares: u32) -> TradeRecord {
    let hour = std::time::Duration::from_secs(3600);
    TradeRecord::entry("AAPL", Action::Buy, shares, "100")
        .at(time(at).saturating_sub(hour))
        .order_id(order)
        .mode(ExecutionMode::Live)
        .strategy("gap", "breakout")
        .because("It went up")
        .stop_loss("90")
        .stamp(&stamp())
        .build()
        .unwrap()
}

/// One share that was bought for 100 and sold for that price.
pub fn round(order: &str, at: &str, price: &str, commission: &str) -> [TradeRecord; 2] {
    let entry = bought(order, at, 1);
    let exit = entry.exit(time(at), price).commission(commission);
    let exit = exit.because("Done").build().unwrap();
    [entry, exit]
}

fn object(ran: &Ran) -> Value {
    let mut lines = ran.json();
    assert_eq!(lines.len(), 1);
    lines.remove(0)
}

fn decimal(value: &Value) -> Decimal {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value}"))
        .parse()
        .unwrap()
}

fn names(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn a_day_is_summed_up_for_each_mode() {
    let bench = demo();
    let ran = bench.tj("summary --day 2025-10-27 --json").fine();
    assert_eq!(
        ran.out,
        "{\"day\":\"2025-10-27\",\"zone\":\"UTC\",\"trades\":{\
         \"LIVE\":{\"trades\":0,\"wins\":0,\"losses\":0,\"breakevens\":0,\"win_rate\":null,\
         \"gross_pnl\":\"0\",\"net_pnl\":\"0\",\"fees\":\"0\",\"entry_fees\":\"0\"},\
         \"PAPER\":{\"trades\":13,\"wins\":6,\"losses\":7,\"breakevens\":0,\"win_rate\":\"0.461538461538\",\
         \"gross_pnl\":\"118.95\",\"net_pnl\":\"112.65\",\"fees\":\"6.30\",\"entry_fees\":\"0.00\"}},\
         \"activity\":{\"total_trades\":0,\"winning_trades\":0,\"losing_trades\":0,\"win_rate\":null,\
         \"total_pnl\":\"0\",\"total_fees\":\"0\",\"net_pnl\":\"0\",\"fees\":{},\
         \"total_decisions\":0,\"total_errors\":0,\"error_breakdown\":{}}}\n"
    );
    let only = object(
        &bench
            .tj("summary --day 2025-10-27 --mode paper --json")
            .fine(),
    );
    assert_eq!(names(&only["trades"]), ["PAPER"]);
    // What the exits of that day say, added up by other means.
    let sum = bench.tj("query trades --sum net_profit_loss").fine().out;
    assert_eq!(only["trades"]["PAPER"]["net_pnl"], sum.trim());
    let today = object(&bench.tj("summary --json").fine());
    assert_eq!(today["trades"]["PAPER"]["trades"], 0);
}

#[test]
fn a_report_adds_up() {
    let bench = rich();
    let line = "report --from 2025-08-01 --to 2025-10-31 --mode all --starting-equity 25000 --json";
    let report = object(&bench.tj(line).fine());
    assert_eq!(report["journal"], "quarter");
    assert_eq!(report["range"]["title"], "1 August to 31 October 2025");
    assert_eq!(report["problems"]["unpaired_exits"], 1);
    assert_eq!(report["risk"]["critical"], 2);
    assert_eq!(report["risk"]["alerts"], 1);
    // What was calculated between alerts is none.
    assert_eq!(report["alerts"].as_array().unwrap().len(), 2);
    let books = report["books"].as_array().unwrap();
    assert_eq!(books.len(), 2);
    for book in books {
        let (totals, sheet) = (&book["totals"], &book["sheet"]);
        let mode = book["mode"].as_str().unwrap();
        let sum = bench.tj(&format!("query trades --mode {mode} --sum net_profit_loss"));
        assert_eq!(decimal(&totals["net_pnl"]), sum.out.trim().parse().unwrap());
        let add = |list: &Value, name: &str| -> Decimal {
            list.as_array()
                .unwrap()
                .iter()
                .map(|it| decimal(&it[name]))
                .sum()
        };
        let net = decimal(&totals["net_pnl"]);
        assert_eq!(add(&book["trades"], "net_pnl"), net);
        assert_eq!(add(&book["days"], "net_pnl"), net);
        assert_eq!(add(&sheet["by_symbol"], "net"), net);
        assert_eq!(add(&sheet["monthly"], "net"), net);
        assert_eq!(
            decimal(&totals["gross_pnl"]) - decimal(&totals["fees"]),
            net
        );
        assert_eq!(decimal(&book["equity_after"]), Decimal::from(25_000) + net);
        assert_eq!(totals["win_rate"], sheet["win_rate"]);
        for (name, other) in [
            ("trades", "total_trades"),
            ("wins", "wins"),
            ("losses", "losses"),
        ] {
            assert_eq!(totals[name], sheet[other]);
        }
        // The curve falls as deep as the sheet says.
        let deepest = |name: &str| {
            let points = book["curve"].as_array().unwrap().iter();
            points.map(|it| decimal(&it[name])).min().unwrap()
        };
        assert_eq!(deepest("drawdown_pct"), decimal(&sheet["max_drawdown_pct"]));
        assert_eq!(-deepest("drawdown"), decimal(&sheet["max_drawdown_abs"]));
        let held: u64 = book["holding"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["trades"].as_u64().unwrap())
            .sum();
        assert_eq!(held, totals["trades"].as_u64().unwrap());
    }
}

#[test]
fn a_report_has_a_shape_that_programs_can_rely_on() {
    let bench = demo();
    let report = object(&bench.tj("report --day 2025-10-27 --json").fine());
    assert_eq!(
        names(&report),
        [
            "alerts",
            "books",
            "journal",
            "made_at",
            "mode",
            "orders_refused",
            "problems",
            "range",
            "risk",
            "risk_events",
            "starting_equity",
            "zone"
        ]
    );
    assert_eq!(
        names(&report["books"][0]),
        [
            "best_day",
            "curve",
            "days",
            "equity_after",
            "equity_before",
            "holding",
            "mode",
            "open",
            "open_net_pnl",
            "open_value",
            "risk",
            "sheet",
            "totals",
            "trades",
            "worst_day"
        ]
    );
    assert_eq!(report["range"]["kind"], "day");
    assert_eq!(report["mode"]["shown"], serde_json::json!(["PAPER"]));
    assert_eq!(report["mode"]["is_asked_for"], false);
    // Without what the account began with there are no parts of it.
    let book = &report["books"][0];
    assert!(book["equity_before"].is_null() && book["curve"][0]["drawdown_pct"].is_null());
    assert!(!book["curve"][0]["drawdown"].is_null());
    assert_eq!(book["open"][0]["value"], "5210.40");
}

#[test]
fn live_and_paper_are_never_added_up_together() {
    let bench = rich();
    let net = |flags: &str| {
        let line = format!("report --month 2025-10 {flags} --json");
        let report = object(&bench.tj(&line).fine());
        let books = report["books"].as_array().unwrap().clone();
        let of = |it: &Value| (it["mode"].clone(), it["totals"]["net_pnl"].clone());
        (
            books.iter().map(of).collect::<Vec<_>>(),
            report["mode"].clone(),
        )
    };
    let (live, _) = net("--mode live");
    let (paper, _) = net("--mode PAPER");
    let (both, _) = net("--mode all");
    assert_eq!(both, [live.clone(), paper.clone()].concat());
    assert_ne!(live[0].1, paper[0].1);
    // There are live trades, so they are meant; the page says what it leaves out.
    let (usual, mode) = net("");
    assert_eq!(usual, live);
    assert_eq!(mode["is_asked_for"], false);
    assert!(0 < mode["trades_not_shown"].as_u64().unwrap());
    let page = bench.tj("report --month 2025-10 --html -").fine().out;
    assert!(page.contains("LIVE <small>there are live trades</small>"));
    assert!(page.contains("Closed trades of the other mode, which are not in this report: "));
}

#[test]
fn an_account_does_not_begin_anew_with_a_report() {
    let bench = rich();
    let book = |line: &str| {
        let line = format!("report {line} --starting-equity 25000 --json");
        object(&bench.tj(&line).fine())["books"][0].clone()
    };
    let before = book("--from 2025-08-01 --to 2025-09-30");
    let month = book("--month 2025-10");
    assert_eq!(before["equity_before"], "25000");
    assert_eq!(before["equity_after"], month["equity_before"]);
    assert_eq!(month["sheet"]["starting_equity"], month["equity_before"]);
    // From the first trade on is the same as from a day before it.
    let all = book("--to 2025-10-31");
    assert_eq!(all["equity_after"], month["equity_after"]);
}

#[test]
fn days_are_those_of_the_zone_in_the_settings() {
    let bench = rich();
    let orders = |day: &str| {
        let report = object(&bench.tj(&format!("report --day {day} --json")).fine());
        let trades = report["books"][0]["trades"].as_array().unwrap().clone();
        let orders = trades.iter().map(|it| it["order_id"].clone());
        (orders.collect::<Vec<_>>(), report["zone"].clone())
    };
    // A trade that was closed in the night of London, on the evening before in Los Angeles.
    let all = object(&bench.tj("report --to 2025-10-31 --json").fine());
    let trades = all["books"][0]["trades"].as_array().unwrap();
    let exited = |it: &Value| it["exited"].as_str().unwrap().to_owned();
    let late = trades.iter().find(|it| exited(it)[11..13] < *"05").unwrap();
    let day = exited(late)[..10].to_owned();
    let before = day.parse::<Day>().unwrap().previous().to_string();
    assert!(orders(&day).0.contains(&late["order_id"]));
    bench.write("tj.toml", "[time]\nzone = \"America/Los_Angeles\"\n");
    assert!(!orders(&day).0.contains(&late["order_id"]));
    let (there, zone) = orders(&before);
    assert!(there.contains(&late["order_id"]));
    assert_eq!(zone, "America/Los_Angeles");
}

#[test]
fn a_day_without_trades_is_no_failure() {
    let bench = demo();
    let ran = bench.tj("report --day 2025-10-25").fine();
    assert!(
        ran.out.contains("PAPER          0 trades: 0 won"),
        "{}",
        ran.out
    );
    let page = bench.tj("report --day 2025-10-25 --html -").fine().out;
    assert!(page.contains("No trade was closed in these days."));
    bench.tj("report").fine();
    bench.tj("report --week").fine();
    bench
        .tj("report --month --mode all --starting-equity 10")
        .fine();
}

#[test]
fn every_way_to_name_days_names_the_same_days() {
    let bench = demo();
    let range = |flags: &str| {
        let report = object(&bench.tj(&format!("report {flags} --json")).fine());
        let range = &report["range"];
        format!("{} {} {}", range["kind"], range["from"], range["to"]).replace('"', "")
    };
    assert_eq!(range("--day 2025-10-27"), "day 2025-10-27 2025-10-27");
    for week in ["2025-W44", "2025-10-27", "2025-11-02"] {
        assert_eq!(
            range(&format!("--week {week}")),
            "week 2025-10-27 2025-11-02"
        );
    }
    for month in ["2025-10", "2025-10-31"] {
        assert_eq!(
            range(&format!("--month {month}")),
            "month 2025-10-01 2025-10-31"
        );
    }
    assert_eq!(range("--to 2025-10-27"), "span null 2025-10-27");
    assert!(range("--from 2025-10-27").starts_with("span 2025-10-27 "));
}

#[test]
fn what_makes_no_sense_is_refused_with_a_remedy() {
    let bench = demo();
    for (line, error) in [
        (
            "report --day 2025-02-30",
            "tj: --day 2025-02-30: not a day\nhint: write 2025-10-26, today or yesterday\n",
        ),
        (
            "report --week 2025-W60",
            "tj: --week 2025-W60: not a week such as 2025-W44\nhint: write 2025-W44, or a day of the week: 2025-10-27, today\n",
        ),
        (
            "report --month October",
            "tj: --month October: not a month such as 2025-10\nhint: write 2025-10, or a day of the month: 2025-10-27, today\n",
        ),
        (
            "report --from 2025-10-28 --to 2025-10-27",
            "tj: --from and --to: 2025-10-28 is after 2025-10-27\nhint: a report goes from an earlier day to a later one\n",
        ),
        (
            "report --html - --json",
            "tj: --html - and --json both print on standard output\nhint: name a file for the page\n",
        ),
        (
            "summary --day x",
            "tj: --day x: not a day\nhint: write 2025-10-26, today or yesterday\n",
        ),
    ] {
        assert_eq!(bench.tj(line).code(2).err, error);
    }
    for (line, error) in [
        (
            "report --starting-equity 0",
            "starting equity must be above 0, got 0",
        ),
        (
            "report --starting-equity much",
            "write it as 25000 or 25000.50",
        ),
        ("report --mode both", "invalid value 'both'"),
        ("report --day today --week", "cannot be used with"),
        (
            "report --day today --from 2025-01-01",
            "cannot be used with",
        ),
    ] {
        let ran = bench.tj(line).code(2);
        assert!(ran.err.contains(error), "{line}: {}", ran.err);
    }
    let nothing = Bench::new();
    for line in ["report", "summary"] {
        let ran = nothing.tj(line).code(3);
        assert!(
            ran.err.starts_with("tj: no journal in logs: "),
            "{}",
            ran.err
        );
    }
}

#[test]
fn a_page_is_written_whole_or_not_at_all() {
    let bench = demo();
    bench.write("report.html", "what was there");
    let ran = bench
        .tj("report --day 2025-10-27 --html report.html")
        .fine();
    assert_eq!(
        ran.out,
        "report.html: Monday, 27 October 2025, 13 closed trades\n"
    );
    let page = bench.read("report.html");
    assert!(page.starts_with("<!DOCTYPE html>\n") && page.ends_with("</html>\n"));
    // The JSON may be had beside it.
    let ran = bench
        .tj("report --day 2025-10-27 --html report.html --json")
        .fine();
    assert_eq!(object(&ran)["books"][0]["totals"]["trades"], 13);
    let out = bench.tj("report --day 2025-10-27 --html -").fine().out;
    let without_time = |page: &str| {
        let lines = page
            .lines()
            .filter(|it| !it.contains("Made</dt>") && !it.contains("made_at"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(without_time(&out), without_time(&page));
    for path in ["nowhere/report.html", "logs"] {
        let ran = bench.tj(&format!("report --html {path}")).code(3);
        assert!(
            ran.err.starts_with(&format!("tj: cannot write {path}: ")),
            "{}",
            ran.err
        );
    }
    // A device stays one, and a link a link.
    bench.tj("report --html /dev/null").fine();
    std::os::unix::fs::symlink("report.html", bench.path("link.html")).unwrap();
    bench.tj("report --html link.html").fine();
    assert!(
        fs::symlink_metadata(bench.path("link.html"))
            .unwrap()
            .is_symlink()
    );
    assert!(!bench.read("report.html").contains("27 October"));
    // Also where there is nothing yet that it names.
    std::os::unix::fs::symlink("logs/../later.html", bench.path("dangling.html")).unwrap();
    bench.tj("report --html dangling.html").fine();
    let dangling = fs::symlink_metadata(bench.path("dangling.html")).unwrap();
    assert!(dangling.is_symlink() && bench.read("later.html").contains("<!DOCTYPE html>"));
    let left: Vec<_> = fs::read_dir(bench.path(""))
        .unwrap()
        .map(|it| it.unwrap().file_name())
        .collect();
    assert!(
        left.iter().all(|it| !it.to_string_lossy().contains(".tmp")),
        "{left:?}"
    );
}

#[test]
fn a_text_out_of_the_journal_stays_a_text() {
    let bench = rich();
    let page = bench
        .tj("report --to 2025-10-31 --mode all --html -")
        .fine()
        .out;
    assert!(!page.contains("<script>document") && !page.contains("<img"));
    assert_eq!(page.matches("</script>").count(), 2);
    assert!(
        page.contains("&lt;/script&gt;&lt;script&gt;document.title=&#39;ran&#39;&lt;/script&gt;")
    );
    // In the JSON it is what it was.
    let start = page.find("id=\"report\">").unwrap() + "id=\"report\">".len();
    let json = &page[start..];
    let json: Value = serde_json::from_str(&json[..json.find("</script>").unwrap()]).unwrap();
    let trades = json["books"][0]["trades"].as_array().unwrap();
    assert!(trades.iter().any(|it| it["strategy"] == HOSTILE));
}

#[test]
fn a_page_names_nothing_elsewhere() {
    let bench = rich();
    let page = bench.tj("report --to 2025-10-31 --html -").fine().out;
    for word in [
        "http:", "https:", "@import", "url(", "<img", "<iframe", "<form",
    ] {
        assert!(!page.contains(word), "{word}");
    }
    assert_eq!(page.matches("<link").count(), 1);
    assert!(page.contains("<link rel=\"icon\" href=\"data:,\">"));
}

#[test]
fn a_line_that_cannot_be_read_is_named_and_counted() {
    let bench = demo();
    let name = "logs/trades/2025-10-27.jsonl";
    let text = bench.read(name);
    bench.write(
        name,
        text.replacen("\"symbol\":\"NVDA\"", "\"symbol\":\"nvda\"", 1),
    );
    let ran = bench.tj("report --day 2025-10-27 --json").code(1);
    assert!(
        ran.err.contains("2025-10-27.jsonl:1, byte 0"),
        "{}",
        ran.err
    );
    assert_eq!(object(&ran)["problems"]["unread_lines"], 1);
    // Its exit is a trade of its own now.
    assert_eq!(object(&ran)["problems"]["unpaired_exits"], 1);
    let ran = bench.tj("summary --day 2025-10-27").code(1);
    assert!(
        ran.err.contains("2025-10-27.jsonl:1, byte 0"),
        "{}",
        ran.err
    );
    let ran = bench.tj("report --day 2025-10-27").code(1);
    assert!(
        ran.out.contains("note: lines that could not be read: 1\n"),
        "{}",
        ran.out
    );
}

/// A quotient of Python's decimals has 28 digits. Beside an account that took more digits than a decimal has,
/// and there was no report of that day any more.
#[test]
fn a_long_result_does_not_block_the_report() {
    let bench = Bench::new();
    let at = "2025-10-27T14:00:00Z";
    write(
        &bench,
        &round("long", at, "134", "0.66666666666666666666666667"),
    );
    let line = "report --day 2025-10-27 --starting-equity 100000";
    let report = object(&bench.tj(&format!("{line} --json")).fine());
    let book = &report["books"][0];
    assert_eq!(book["equity_after"], "100033.33333333333333333333333333");
    assert_eq!(book["sheet"]["final_equity"], book["equity_after"]);
    assert_eq!(book["curve"][0]["equity"], book["equity_after"]);
    let shown = bench.tj(line).fine().out;
    assert!(
        shown.contains("equity         100000 to 100033.33333333333333333333333333\n"),
        "{shown}"
    );
    let page = bench.tj(&format!("{line} --html -")).fine().out;
    assert!(page.contains(">100,033.33333333333333333333333333</span>"));
    // A later report begins with it.
    let later = object(&bench.tj("report --day 2025-10-28 --starting-equity 100000 --json"));
    assert_eq!(later["books"][0]["equity_before"], book["equity_after"]);
}

#[test]
fn a_result_that_cannot_be_exact_is_named_and_in_no_sum() {
    let bench = Bench::new();
    let trades = [
        round(
            "small",
            "2025-10-27T14:00:00Z",
            "100.5",
            "0.1666666666666666666666666667",
        ),
        round("plain", "2025-10-27T15:00:00Z", "110", "0"),
        round("large", "2025-10-27T16:00:00Z", "90000000000", "0"),
    ];
    write(&bench, &trades.concat());
    let ran = bench.tj("report --day 2025-10-27 --json").code(1);
    let report = object(&ran);
    assert_eq!(report["orders_refused"], serde_json::json!(["large"]));
    assert_eq!(report["problems"]["sums_refused"], 1);
    assert_eq!(report["books"][0]["totals"]["trades"], 2);
    for flags in ["", "--html -"] {
        let shown = bench
            .tj(&format!("report --day 2025-10-27 {flags}"))
            .code(1)
            .out;
        assert!(shown.contains("large"), "{shown}");
    }
}

/// The sheet had no equity then and said that none was known, beside a tile that showed it.
#[test]
fn an_account_that_was_lost_before_the_range_is_told_as_such() {
    let bench = Bench::new();
    let trades = [
        round("ruin", "2025-10-20T14:00:00Z", "50", "1150"),
        round("after", "2025-10-27T14:00:00Z", "110", "0"),
    ];
    write(&bench, &trades.concat());
    let line = "report --day 2025-10-27 --starting-equity 1000";
    let report = object(&bench.tj(&format!("{line} --json")).fine());
    let book = &report["books"][0];
    assert_eq!(decimal(&book["equity_before"]), Decimal::from(-200));
    assert_eq!(
        decimal(&book["sheet"]["starting_equity"]),
        Decimal::from(-200)
    );
    let nulls = &book["sheet"]["nulls"];
    assert_eq!(nulls["max_drawdown_pct"], "equity_not_positive");
    assert!(book["curve"][0]["drawdown_pct"].is_null());
    let page = bench.tj(&format!("{line} --html -")).fine().out;
    assert!(page.contains("equity not positive") && !page.contains("no starting equity"));
}

/// 99 of 100 shares were sold at a loss, and the report had a result of 0 and a position of one share.
#[test]
fn what_partial_exits_earned_is_told_beside_what_is_open() {
    let bench = Bench::new();
    let entry = bought("most", "2025-10-27T14:00:00Z", 100);
    let exit = entry.exit(time("2025-10-27T14:00:00Z"), "50").quantity(99);
    let exit = exit.commission("50").because("Done").build().unwrap();
    write(&bench, &[entry, exit]);
    let report = object(&bench.tj("report --day 2025-10-27 --json").fine());
    let book = &report["books"][0];
    assert_eq!(decimal(&book["open"][0]["net_pnl"]), Decimal::from(-5000));
    assert_eq!(decimal(&book["open_net_pnl"]), Decimal::from(-5000));
    let shown = bench.tj("report --day 2025-10-27").fine().out;
    assert!(
        shown.contains("still open     1, 100 at entry prices; their exits so far -5000"),
        "{shown}"
    );
    let page = bench.tj("report --day 2025-10-27 --html -").fine().out;
    assert!(page.contains("data-key=\"books.0.open.0.net_pnl\">\u{2212}5,000.00</span>"));
}

fn risk(at: &str, what: (Word, Word), severity: RiskSeverity, snapshot: &str) -> RiskEvent {
    RiskEvent::new(RiskParts {
        timestamp: time(at),
        event_type: what.0,
        severity,
        daily_pnl: "-310.50".parse().unwrap(),
        daily_pnl_pct: "-1.242".parse().unwrap(),
        consecutive_losses: 3,
        action_taken: what.1,
        config_snapshot: snapshot.parse().unwrap(),
    })
    .unwrap()
}

fn alert(at: &str, mode: ExecutionMode, event: AlertEvent) -> PerformanceMetric {
    PerformanceMetric::new(PerformanceParts {
        timestamp: time(at),
        window_size: std::num::NonZeroU32::new(20).unwrap(),
        win_rate: Some("0.35".parse().unwrap()),
        profit_factor: Some("0.8".parse().unwrap()),
        max_drawdown_pct: "-2.5".parse().unwrap(),
        consecutive_losses: 2,
        total_trades: 20,
        alert_triggered: event == AlertEvent::Fired,
        alert_message: Some("Win rate is low".parse().unwrap()),
        execution_mode: Some(mode),
        scope: Some("all".parse().unwrap()),
        rule_id: Some("low_win_rate".parse().unwrap()),
        event: Some(event),
        status: None,
    })
    .unwrap()
}

/// A report of live trades counted the limits that a bot met on paper, a reset as a limit, and a reminder as
/// an alert.
#[test]
fn limits_and_alerts_are_those_of_the_modes_that_are_shown() {
    let bench = Bench::new();
    write(&bench, &round("one", "2025-10-27T14:00:00Z", "110", "0"));
    let tripped = |at: &str, snapshot: &str| {
        let what = (RiskEvent::CIRCUIT_BREAKER_TRIP, RiskEvent::TRADING_PAUSED);
        risk(at, what, RiskSeverity::Critical, snapshot)
    };
    let (live, paper) = (
        r#"{"execution_mode":"LIVE"}"#,
        r#"{"execution_mode":"PAPER"}"#,
    );
    let word = |it: &str| it.parse::<Word>().unwrap();
    let events = [
        tripped("2025-10-27T14:10:00Z", live),
        risk(
            "2025-10-27T14:20:00Z",
            (word("circuit_breaker_reset"), word("trading_resumed")),
            RiskSeverity::Warning,
            live,
        ),
        tripped("2025-10-27T14:30:00Z", paper),
        tripped("2025-10-27T14:40:00Z", "{}"),
    ];
    write(&bench, &events);
    let (fired, resolved) = (AlertEvent::Fired, AlertEvent::Resolved);
    let alerts = [
        alert("2025-10-26T14:00:00Z", ExecutionMode::Live, fired),
        alert("2025-10-27T14:00:00Z", ExecutionMode::Live, fired),
        alert("2025-10-27T15:00:00Z", ExecutionMode::Live, resolved),
        alert("2025-10-27T16:00:00Z", ExecutionMode::Live, fired),
        alert("2025-10-27T16:00:00Z", ExecutionMode::Paper, fired),
    ];
    write(&bench, &alerts);
    let of = |mode: &str| {
        let line = format!("report --day 2025-10-27 --mode {mode} --json");
        object(&bench.tj(&line).fine())
    };
    let counts = |value: &Value| {
        ["critical", "warnings", "alerts"].map(|it| value["risk"][it].as_u64().unwrap())
    };
    // What names no mode is of both.
    assert_eq!(counts(&of("live")), [2, 0, 1]);
    assert_eq!(counts(&of("paper")), [2, 0, 1]);
    let all = of("all");
    assert_eq!(counts(&all), [3, 0, 2]);
    let books = all["books"].as_array().unwrap();
    assert_eq!(books.iter().map(counts).collect::<Vec<_>>(), [[2, 0, 1]; 2]);
    let reminders = all["alerts"].as_array().unwrap().iter();
    let reminders: Vec<bool> = reminders
        .map(|it| it["is_reminder"].as_bool().unwrap())
        .collect();
    assert_eq!(reminders, [true, false, false, false]);
    assert_eq!(all["risk_events"][2]["mode"], "PAPER");
    let shown = bench.tj("report --day 2025-10-27 --mode live").fine().out;
    assert!(!shown.contains("PAPER"), "{shown}");
    assert!(
        shown.contains("14:10:00 LIVE CRITICAL circuit_breaker_trip"),
        "{shown}"
    );
    assert!(
        shown.contains("14:00:00 LIVE still firing Win rate is low"),
        "{shown}"
    );
}

/// The entry's text, which is in UTC, was compared with a day of Tokyo.
#[test]
fn the_axis_of_a_day_begins_with_an_entry_on_that_day_of_the_zone() {
    let bench = Bench::new();
    bench.write("tj.toml", "[time]\nzone = \"Asia/Tokyo\"\n");
    // Entered at 07:30 and sold at 08:30 there.
    write(&bench, &round("early", "2025-10-26T23:30:00Z", "110", "0"));
    let page = bench.tj("report --day 2025-10-27 --html -").fine().out;
    assert!(page.contains(">07:30</span>"), "{page}");
}

#[test]
fn what_is_rounded_to_nothing_has_no_sign() {
    let bench = Bench::new();
    let trades = [
        round("won", "2025-10-27T14:00:00Z", "110", "0"),
        round("lost", "2025-10-27T15:00:00Z", "90", "0.002"),
    ];
    write(&bench, &trades.concat());
    let shown = bench.tj("report --day 2025-10-27").fine().out;
    assert!(
        shown.contains("expectancy     0.00 a trade, 0.00 R\n"),
        "{shown}"
    );
}
