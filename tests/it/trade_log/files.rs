//! The files on a real disk: names, cells, toggles, many threads, exports.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use tempfile::{TempDir, tempdir};
use tradejournal::bot::{TradeLog, TradeLogError, TradeLogOptions};
use tradejournal::disk::RealDisk;
use tradejournal::journal::Journal;
use tradejournal::record::{DecisionRecord, ErrorRecord, FillRecord, Stream};
use tradejournal::time::{Clock, ManualClock};

use super::{
    NAME, by_day, csv_of, fill, journal, json_of, log_others, name_of, next_day, noon, of_day,
    options, orders_in,
};
use crate::sample::time;

struct Desk {
    folder: TempDir,
    clock: Arc<ManualClock>,
}

impl Desk {
    fn new() -> Desk {
        Desk {
            folder: tempdir().unwrap(),
            clock: noon(),
        }
    }

    fn journal(&self) -> Journal {
        journal(
            Arc::new(RealDisk),
            &self.folder.path().join("logs"),
            &self.clock,
        )
    }

    fn open(&self, options: TradeLogOptions) -> TradeLog {
        TradeLog::open(&self.journal(), NAME, options).unwrap()
    }

    fn data(&self, path: &str) -> PathBuf {
        self.folder.path().join("logs/data").join(path)
    }

    fn csv(&self) -> Vec<u8> {
        let name = name_of(Stream::Fills, self.clock.now().day(), "csv");
        fs::read(self.data(&format!("csv/{name}"))).unwrap()
    }
}

#[test]
fn eight_threads_log_at_once_and_each_record_has_one_whole_row_in_the_order_of_the_lines() {
    let desk = Desk::new();
    let log = desk.open(options());
    thread::scope(|scope| {
        for thread in 0..8 {
            let (log, now) = (&log, desk.clock.now());
            let name = name_of(Stream::Fills, now.day(), "csv");
            let path = desk.data(&format!("csv/{name}"));
            scope.spawn(move || {
                for number in 0..40 {
                    log.log_trade(&fill(thread * 1000 + number, now)).unwrap();
                    if number % 10 == 0 {
                        log_others(log).unwrap();
                    }
                    // The stream makes it anew, while rows of others are on their way.
                    if thread == 0 && number % 3 == 0 && number < 30 {
                        let _ = fs::remove_file(&path);
                    }
                    // The first question counts what is there, in the midst of it.
                    if thread == 1 && number == 7 {
                        assert!(7 < log.summary().total_trades);
                    }
                }
            });
        }
    });
    // All rows are there while it runs.
    let csv = desk.csv();
    let orders = orders_in(&csv);
    assert_eq!(orders.len(), 320);
    let journal = desk.journal();
    let fills = by_day::<FillRecord>(&journal).into_values().flatten();
    let lines: Vec<String> = fills.map(|it| it.order_id().to_string()).collect();
    assert_eq!(orders, lines);
    assert_eq!(
        csv,
        csv_of(&of_day::<FillRecord>(&journal, desk.clock.now().day()))
    );
    let summary = log.summary();
    assert_eq!((summary.total_trades, summary.total_decisions), (320, 32));
    assert_eq!(summary.error_breakdown["api_error"], 32);
    assert_eq!(log.troubles(), [""; 0]);
    assert_eq!(summary, log.summary_of(desk.clock.now().day()).unwrap());
    log.close().unwrap();
}

#[test]
fn what_a_spreadsheet_would_calculate_is_a_text_and_numbers_stay_numbers() {
    let desk = Desk::new();
    let log = desk.open(options());
    let texts = [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\tx",
        "\rx",
        "a,b",
        "say \"a\"",
        "two\nlines",
        "plain",
    ];
    for text in texts {
        let fill = log
            .fill(
                "-order",
                "BTC-USDT",
                tradejournal::record::field::Action::Sell,
                "0.001",
                "67500.0",
            )
            .order_type("LIMIT")
            .fee("-0.135", "USDT")
            .realized_pnl("-12.50")
            .notes(text)
            .build()
            .unwrap();
        log.log_trade(&fill).unwrap();
    }
    let csv = desk.csv();
    let mut reader = csv::Reader::from_reader(&*csv);
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), texts.len());
    for (row, text) in rows.iter().zip(texts) {
        let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let wanted = if formula {
            format!("'{text}")
        } else {
            text.to_owned()
        };
        assert_eq!(&row[17], wanted);
        assert_eq!(
            (&row[2], &row[9], &row[11]),
            ("'-order", "-0.135", "-12.50")
        );
    }
    log.close().unwrap();
}

#[test]
fn a_torn_row_that_a_crash_left_is_made_whole_again() {
    let desk = Desk::new();
    let log = desk.open(options());
    for number in 0..3 {
        log.log_trade(&fill(number, desk.clock.now())).unwrap();
    }
    let whole = desk.csv();
    drop(log);
    let name = name_of(Stream::Fills, desk.clock.now().day(), "csv");
    let path = desk.data(&format!("csv/{name}"));
    for torn in [
        &whole[..whole.len() - 5],
        &whole[..10],
        b"",
        &[&whole[..], b"half a row"].concat(),
    ] {
        fs::write(&path, torn).unwrap();
        let log = desk.open(options());
        assert_eq!(desk.csv(), whole);
        assert_eq!(log.close().unwrap(), [""; 0]);
    }
    fs::remove_file(&path).unwrap();
    let log = desk.open(options());
    assert_eq!(desk.csv(), whole);
    // Also where it goes while the log is open.
    fs::remove_file(&path).unwrap();
    log.log_trade(&fill(3, desk.clock.now())).unwrap();
    assert_eq!(orders_in(&desk.csv()).len(), 4);
    log.close().unwrap();
}

#[test]
fn a_name_that_leads_elsewhere_is_refused_before_anything_is_made() {
    let desk = Desk::new();
    for name in ["", "../x", "a/b", ".", "..", "-x", "a\0b"] {
        let error = TradeLog::open(&desk.journal(), name, options()).unwrap_err();
        assert!(matches!(error, TradeLogError::Name(_)), "{name}");
    }
    assert!(!desk.folder.path().join("logs").exists());
    let log = desk.open(options());
    let error = log.export_to_json(None, None, Some("../x")).unwrap_err();
    assert!(matches!(error, TradeLogError::Name(_)));
    log.close().unwrap();
}

#[test]
fn files_that_are_not_wanted_are_not_made() {
    let desk = Desk::new();
    let log = desk.open(options().csv(false));
    log.log_trade(&fill(0, desk.clock.now())).unwrap();
    log.close().unwrap();
    let count = |it: &str| fs::read_dir(desk.data(it)).unwrap().count();
    assert_eq!((count("csv"), count("json")), (0, 1));
    let log = desk.open(options().json(false));
    log.log_trade(&fill(1, desk.clock.now())).unwrap();
    log.close().unwrap();
    // What was logged without it is in the CSV of its day once there is one.
    assert_eq!(orders_in(&desk.csv()), ["order-0", "order-1"]);
    assert_eq!(count("json"), 1);
    let elsewhere = desk.folder.path().join("elsewhere");
    let log = desk.open(options().csv(false).json(false).folder(&elsewhere));
    log.log_trade(&fill(2, desk.clock.now())).unwrap();
    assert_eq!(log.summary().total_trades, 3);
    log.close().unwrap();
    assert!(!elsewhere.exists());
}

#[test]
fn two_trade_logs_do_not_write_the_same_files() {
    let (desk, other) = (Desk::new(), Desk::new());
    let folder = desk.folder.path().join("shared");
    let log = desk.open(options().folder(&folder));
    let again = TradeLog::open(&desk.journal(), "another", options()).unwrap_err();
    assert!(matches!(again, TradeLogError::Open(_)), "{again}");
    let second = TradeLog::open(&other.journal(), NAME, options().folder(&folder)).unwrap_err();
    assert!(matches!(second, TradeLogError::Held { .. }), "{second}");
    let third = TradeLog::open(&other.journal(), "another", options().folder(&folder)).unwrap();
    third.close().unwrap();
    log.close().unwrap();
    let second = TradeLog::open(&other.journal(), NAME, options().folder(&folder)).unwrap();
    second.close().unwrap();
}

#[test]
fn an_export_is_what_the_streams_say_and_one_does_not_take_anothers_place() {
    let desk = Desk::new();
    let log = desk.open(options());
    log.log_trade(&fill(0, desk.clock.now())).unwrap();
    log_others(&log).unwrap();
    let first_day = desk.clock.now().day();
    next_day(&desk.clock);
    log.log_trade(&fill(1, desk.clock.now())).unwrap();
    desk.clock.set(time("2025-10-25T12:34:56.789Z"));
    let paths = log.export_to_json(None, None, None).unwrap();
    let names: Vec<_> = paths
        .iter()
        .map(|it| it.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "demo_trades_export_20251025_123456.json",
            "demo_decisions_export_20251025_123456.json",
            "demo_errors_export_20251025_123456.json"
        ]
    );
    let journal = desk.journal();
    assert_eq!(
        fs::read(&paths[0]).unwrap(),
        json_of(&journal.read::<FillRecord>())
    );
    assert_eq!(
        fs::read(&paths[1]).unwrap(),
        json_of(&journal.read::<DecisionRecord>())
    );
    assert_eq!(
        fs::read(&paths[2]).unwrap(),
        json_of(&journal.read::<ErrorRecord>())
    );
    let to = Some(first_day.next().start());
    let again = log.export_to_json(None, to, None).unwrap();
    assert!(
        again[0].ends_with("demo_trades_export_20251025_123456_2.json"),
        "{again:?}"
    );
    assert_eq!(
        fs::read(&again[0]).unwrap(),
        json_of(&of_day::<FillRecord>(&journal, first_day))
    );
    let chosen = log.export_to_json(to, None, Some("october")).unwrap();
    assert!(
        chosen[1].ends_with("demo_decisions_october.json"),
        "{chosen:?}"
    );
    assert_eq!(fs::read(&chosen[1]).unwrap(), b"[]\n");
    log.close().unwrap();
}

#[test]
fn a_day_that_ends_while_it_runs_is_written_beside_it() {
    let desk = Desk::new();
    let log = desk.open(TradeLogOptions::default());
    let day = desk.clock.now().day();
    log.log_trade(&fill(0, desk.clock.now())).unwrap();
    next_day(&desk.clock);
    log.log_trade(&fill(1, desk.clock.now())).unwrap();
    drop(log);
    let json = fs::read(desk.data(&format!("json/{}", name_of(Stream::Fills, day, "json"))));
    assert_eq!(
        json.unwrap(),
        json_of(&of_day::<FillRecord>(&desk.journal(), day))
    );
}

#[test]
fn an_error_is_logged_whatever_it_says() {
    let desk = Desk::new();
    let log = desk.open(options());
    for text in [
        "",
        " ",
        "no account of joe@example.com",
        "card 4111 1111 1111 1111",
        &"x".repeat(2 << 20),
    ] {
        let error = log.error(ErrorRecord::API_ERROR, text).notes(text).build();
        log.log_error(&error).unwrap();
    }
    // A fill says so instead.
    let fill = log
        .fill(
            "1",
            "BTC-USDT",
            tradejournal::record::field::Action::Buy,
            "1",
            "1",
        )
        .order_type("LIMIT")
        .fee("0", "USDT")
        .notes("joe@example.com");
    assert!(
        log.log_trade(&fill.build().unwrap())
            .unwrap_err()
            .nothing_written()
    );
    let summary = log.summary();
    assert_eq!((summary.total_trades, summary.total_errors), (0, 5));
    log.close().unwrap();
}
