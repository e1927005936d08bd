//! All trades of a journal that several threads read at once.

use tempfile::tempdir;
use tradejournal::books::closed_trades;
use tradejournal::books::metrics::Basis;
use tradejournal::desk::Ledger;
use tradejournal::record::TradeRecord;
use tradejournal::record::field::ExecutionMode;

use crate::sample::{entry, journal, noon, time};

/// Threads read parts of 8 MiB each, in no order. A correction stands far behind what it corrects, and the
/// later one counts.
#[test]
fn what_several_threads_read_is_paired_in_the_order_of_the_log() {
    const ORDERS: u64 = 14_000;
    let folder = tempdir().unwrap();
    let journal = journal(folder.path(), &noon());
    let exit = |number: u64, price: &str| {
        let at = time("2025-10-26T15:00:00Z");
        entry(number)
            .exit(at, price)
            .because("out")
            .build()
            .unwrap()
    };
    let mut records: Vec<TradeRecord> = Vec::new();
    for number in 0..ORDERS {
        records.push(entry(number));
        records.push(exit(number, "151.00"));
    }
    for number in (0..ORDERS).step_by(7) {
        records.push(exit(number, "149.00"));
    }
    let writer = journal.writer::<TradeRecord>().unwrap();
    for batch in records.chunks(2000) {
        writer.append_all(batch).unwrap();
    }
    writer.close().unwrap();
    let ledger = Ledger::read(&journal, |error| panic!("{error}"));
    let plain = closed_trades(&records).unwrap();
    assert!(plain.iter().all(|it| it.mode == ExecutionMode::Paper));
    assert_eq!(plain.len() as u64, ORDERS);
    assert_eq!(ledger.closed(|error| panic!("{error}")), plain);
    // The light view is of the same trades, in the same order.
    let light: Vec<_> = ledger.each_closing().map(Result::unwrap).collect();
    assert_eq!(light.len(), plain.len());
    for (light, whole) in light.iter().zip(&plain) {
        assert_eq!(light.order_id(), whole.order_id.as_str());
        assert_eq!((light.exited(), light.place()), (whole.exited, whole.place));
        let results = [Basis::Gross, Basis::Net].map(|it| light.result(it));
        assert_eq!(results, [whole.gross, whole.net]);
        assert_eq!(light.symbol(), whole.symbol);
        assert_eq!(light.strategy(), &*whole.strategy);
        assert_eq!(light.account_id(), whole.account_id.as_ref());
        assert_eq!(light.label_conflict(), whole.label_conflict);
    }
    assert_eq!(ledger.notes().exits_replaced, ORDERS.div_ceil(7));
    let len = std::fs::metadata(folder.path().join("logs/trades/2025-10-26.jsonl"));
    assert!(
        3 * (8 << 20) < len.unwrap().len(),
        "there is more than one part a thread"
    );
}
