//! Any text as a backtest's predictions: nothing panics, and every row is counted.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tradejournal::desk::compare::{Expected, Row};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let cells = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
    let mut lines = text.lines();
    let header = cells(lines.next().unwrap_or_default());
    let rows: Vec<Row> = (2..)
        .zip(lines)
        .map(|(line, text)| Row {
            line,
            cells: cells(text),
        })
        .collect();
    let count = rows.len() as u64;
    if let Ok(expected) = Expected::read(&header, rows, None, &|_| Err("has no zone".to_owned())) {
        assert_eq!((expected.rows, expected.zoneless), (count, 0));
        assert!(expected.trades.len() as u64 <= count);
    }
});
