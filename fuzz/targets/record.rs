//! Any bytes through the door of new records: the first byte says of which kind. Nothing panics, what
//! is let in can be read back, and what is refused says why.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tradejournal::record::{
    AuditEvent, CallRecord, DecisionRecord, ErrorRecord, FillRecord, Invalid, PerformanceMetric,
    Record, RiskEvent, SessionRecord, TradeRecord, decode_new, personal,
};

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, json)) = bytes.split_first() else {
        return;
    };
    match kind % 9 {
        0 => enters::<TradeRecord>(json),
        1 => enters::<PerformanceMetric>(json),
        2 => enters::<RiskEvent>(json),
        3 => enters::<SessionRecord>(json),
        4 => enters::<FillRecord>(json),
        5 => enters::<DecisionRecord>(json),
        6 => enters::<ErrorRecord>(json),
        7 => enters::<CallRecord>(json),
        _ => enters::<AuditEvent>(json),
    }
});

fn enters<R: Record>(json: &[u8]) {
    let (record, unknown) = match decode_new::<R>(json) {
        Ok(entered) => entered,
        Err(invalid) => {
            match &invalid {
                Invalid::Syntax { offset, .. } => assert!(*offset <= json.len()),
                _ => assert!(!invalid.problems().is_empty()),
            }
            assert!(!invalid.to_string().is_empty());
            return;
        }
    };
    assert!(unknown.iter().all(|it| !R::FIELDS.contains(&it.as_str())));
    let _ = personal::personal_data(&record);
    let _ = record.timestamp();
    let mut text = Vec::new();
    record.encode(&mut text);
    // Strictly: our own text has no field twice, and none that we do not know.
    let (again, unknown) = decode_new::<R>(&text).expect("what was written can be read");
    assert_eq!(again, record);
    assert!(unknown.is_empty());
    let mut same = Vec::new();
    again.encode(&mut same);
    assert_eq!(same, text);
}
