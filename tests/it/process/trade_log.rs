//! A bot with a trade log that is killed while it logs from several threads.

use std::collections::BTreeSet;
use std::fs;

use tempfile::tempdir;
use tradejournal::bot::{TradeLog, TradeLogOptions};
use tradejournal::record::FillRecord;

use super::bot::{Ack, Bot, THREAD};
use super::journal;

const ROUNDS: u64 = 20;
const THREADS: u64 = 4;

#[test]
fn what_a_killed_bot_logged_is_in_the_stream_and_once_in_the_csv() {
    let folder = tempdir().unwrap();
    let logs = folder.path().join("logs");
    let now = "2025-10-24T12:00:00Z";
    let mut acked = BTreeSet::new();
    for round in 0..ROUNDS {
        let mut bot = Bot::start();
        let first = round * 100 * THREAD;
        bot.tell(&format!("log {} {now} {first} {THREADS}", logs.display()));
        assert_eq!(bot.hear(), "logging");
        let mut said: Vec<String> = (0..=round * 7).map(|_| bot.hear()).collect();
        said.extend(bot.kill());
        acked.extend(said.iter().filter_map(|it| Some(Ack::read(it)?.number)));

        let journal = journal(&logs, now);
        let log = TradeLog::open(&journal, "storm", TradeLogOptions::default()).unwrap();
        assert_eq!(log.troubles(), [""; 0]);
        let csv = fs::read(logs.join("data/csv/storm_trades_20251024.csv")).unwrap();
        assert!(csv.ends_with(b"\r\n"));
        let mut reader = csv::Reader::from_reader(&*csv);
        let rows = reader.records().map(|it| it.unwrap()[2].to_owned());
        let rows: Vec<String> = rows.collect();
        let lines = journal.read::<FillRecord>().into_iter();
        let lines: Vec<String> = lines
            .map(|it| it.unwrap().record.order_id().to_string())
            .collect();
        assert_eq!(rows, lines, "round {round}");
        let there: BTreeSet<&String> = lines.iter().collect();
        assert_eq!(there.len(), lines.len());
        for number in &acked {
            assert!(there.contains(&format!("order-{number}")), "{number}");
        }
        log.close().unwrap();
    }
    assert!(ROUNDS < acked.len() as u64);
}
