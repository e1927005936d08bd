//! Any text as a broker's order history: nothing panics, and every row is counted once.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use tradejournal::desk::reconcile::{Columns, History, Named, Reading, Row, Words};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let cells = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
    let mut lines = text.lines();
    let header = cells(lines.next().unwrap_or_default());
    let nothing = Named::new();
    let Ok(columns) = Columns::find(&header, None, &nothing, &nothing) else {
        return;
    };
    let rows: Vec<Row> = (2..)
        .zip(lines)
        .map(|(line, text)| Row {
            line,
            cells: cells(text),
        })
        .collect();
    let reading = Reading {
        columns: &columns,
        words: &Words::default(),
        local: &|_| Err("has no zone".to_owned()),
        exits: &BTreeMap::new(),
    };
    let count = rows.len() as u64;
    if let Ok(history) = History::read(rows, &reading) {
        assert_eq!(history.rows, count);
        let lines: usize = history.orders.iter().map(|it| it.lines.len()).sum();
        let passed = history.unfilled + history.other + history.repeated.len() as u64;
        assert!(lines as u64 + passed <= count);
    }
});
