//! Any bytes as a line of a journal: nothing panics, and what reads as a record is written back as a
//! text that reads as the same record.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tradejournal::journal::line::{Draft, Tail, genesis};
use tradejournal::record::{
    AuditEvent, CallRecord, DecisionRecord, ErrorRecord, FillRecord, PerformanceMetric, Record,
    RiskEvent, SessionRecord, Stream, TradeRecord,
};

fuzz_target!(|line: &[u8]| {
    let previous = genesis("fuzz", Stream::Trades);
    if let Some(tail) = Tail::parse(line) {
        assert!(tail.record_len < line.len());
        // A line that checks is the one line that its record, its place and the line before give.
        let checks = tail.checks(line, &previous);
        let mut sealed = Vec::new();
        let draft = Draft::new(|out| {
            out.extend_from_slice(&line[..tail.record_len]);
            out.push(b'}');
        });
        let hash = draft.seal(tail.seq, tail.dur, &previous, &mut sealed);
        assert_eq!(checks, sealed == line);
        assert_eq!(Tail::parse(&sealed).map(|it| it.hash), Some(hash));
    }
    reads::<TradeRecord>(line);
    reads::<PerformanceMetric>(line);
    reads::<RiskEvent>(line);
    reads::<SessionRecord>(line);
    reads::<FillRecord>(line);
    reads::<DecisionRecord>(line);
    reads::<ErrorRecord>(line);
    reads::<CallRecord>(line);
    reads::<AuditEvent>(line);
});

fn reads<R: Record>(line: &[u8]) {
    let decoded = R::decode(line);
    let mut slot = None;
    let into = R::decode_into(line, &mut slot);
    let Ok(record) = decoded else {
        assert!(into.is_err());
        return;
    };
    assert_eq!(slot.as_ref(), Some(&record));
    let mut text = Vec::new();
    record.encode(&mut text);
    let again = R::decode(&text).expect("what was written can be read");
    assert_eq!(again, record);
    let mut same = Vec::new();
    again.encode(&mut same);
    assert_eq!(same, text);
    assert!(!text.contains(&b'\n'), "one record is one line");
}
