//! The trade log: its files beside the streams, its numbers, and the hooks of a trading client.

mod files;
mod hooks;
mod power;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tradejournal::bot::{FillEntry, LogRecord, TradeLog, TradeLogOptions, write_csv, write_json};
use tradejournal::disk::Disk;
use tradejournal::journal::{Durability, IdentityError, Journal, Options, Reader, WriterOptions};
use tradejournal::record::field::Action;
use tradejournal::record::{DecisionRecord, ErrorRecord, FillRecord, Record, Stream};
use tradejournal::time::{Clock, Day, ManualClock, Timestamp};

use crate::sample::time;

const LOGS: &str = "/j/logs";
const NAME: &str = "demo";

fn noon() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(time("2025-10-24T12:00:00Z")))
}

fn next_day(clock: &ManualClock) {
    clock.set(clock.now().day().next().start());
}

/// A journal on that disk that does nothing by itself.
fn journal(disk: Arc<dyn Disk>, logs: &Path, clock: &Arc<ManualClock>) -> Journal {
    opened(disk, logs, clock, Durability::Synced).unwrap()
}

fn opened(
    disk: Arc<dyn Disk>,
    logs: &Path,
    clock: &Arc<ManualClock>,
    durability: Durability,
) -> Result<Journal, IdentityError> {
    let writer = WriterOptions::default().durability(durability);
    Options::new(logs)
        .name("test")
        .disk(disk)
        .clock(Arc::clone(clock) as _)
        .writer(writer.background(false))
        .open()
}

fn options() -> TradeLogOptions {
    TradeLogOptions::default().background(false)
}

/// A fill of that moment whose number is in its order id, and whose notes are hard to write.
fn fill(number: u64, at: Timestamp) -> FillRecord {
    let clock = ManualClock::new(at);
    let pnl = ["0.50", "-0.30", "0"][usize::try_from(number % 3).unwrap()];
    FillEntry::new(
        &clock,
        format!("order-{number}"),
        "BTC-USDT",
        Action::Buy,
        "0.001",
        "67500.0",
    )
    .order_type("LIMIT")
    .fee("0.135", "USDT")
    .realized_pnl(pnl)
    .notes(format!("=fill \"{number}\",\r\nof many"))
    .build()
    .unwrap()
}

/// What a reader of the stream makes of it, and nothing else.
fn csv_of<R: LogRecord>(reader: &Reader<R>) -> Vec<u8> {
    let mut out = Vec::new();
    write_csv(reader, &mut out, |error| panic!("{error}")).unwrap();
    out
}

fn json_of<R: LogRecord>(reader: &Reader<R>) -> Vec<u8> {
    let mut out = Vec::new();
    write_json(reader, &mut out, |error| panic!("{error}")).unwrap();
    out
}

fn of_day<R: Record>(journal: &Journal, day: Day) -> Reader<R> {
    journal.read::<R>().from(day.start()).to(day.next().start())
}

fn name_of(stream: Stream, day: Day, ending: &str) -> String {
    let kind = match stream {
        Stream::Fills => "trades",
        other => other.name(),
    };
    let day = day.to_string().replace('-', "");
    format!("{NAME}_{kind}_{day}.{ending}")
}

/// The order ids in a CSV, as a program reads it that knows nothing of us; each row has all its columns.
fn orders_in(csv: &[u8]) -> Vec<String> {
    assert!(csv.ends_with(b"\r\n"), "{}", String::from_utf8_lossy(csv));
    let mut reader = csv::Reader::from_reader(csv);
    assert_eq!(reader.headers().unwrap().len(), FillRecord::FIELDS.len());
    let rows = reader.records().map(Result::unwrap);
    rows.map(|it| it[2].to_owned()).collect()
}

/// Every record of a stream by its day, in the order of the lines, decoded by itself.
fn by_day<R: Record>(journal: &Journal) -> BTreeMap<Day, Vec<R>> {
    let mut days: BTreeMap<Day, Vec<R>> = BTreeMap::new();
    for entry in journal.read::<R>() {
        let record = entry.unwrap().record;
        days.entry(record.timestamp().day())
            .or_default()
            .push(record);
    }
    days
}

/// Logs one of each kind.
fn log_others(log: &TradeLog) -> Result<(), tradejournal::AppendError> {
    let decision = log.decision(DecisionRecord::REBALANCE, "Too much").build();
    log.log_decision(&decision.unwrap())?;
    log.log_error(&log.error(ErrorRecord::API_ERROR, "Rate limit").build())?;
    Ok(())
}
