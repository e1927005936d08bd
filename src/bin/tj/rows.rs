//! A CSV of somebody else as its rows, each with the line of the file on which it begins.
//!
//! Always true: rows may have any width; what is wrong with one is said by whoever reads it.

use std::fs;
use std::path::Path;

use tradejournal::desk::reconcile::Row;

/// All rows of a file, its header too.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<Row>> {
    let text = fs::read(path)?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(&*text);
    let mut lines = LineCount::of(&text);
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record?;
        rows.push(Row {
            line: lines.up_to(record.position().map_or(0, csv::Position::byte)),
            cells: record.iter().map(str::to_owned).collect(),
        });
    }
    Ok(rows)
}

/// Which line a record begins on. The reader counts otherwise: for it a record ends at `\r`, so that
/// the `\n` behind it, and lines without anything, belong to the next one.
struct LineCount<'a> {
    text: &'a [u8],
    counted: usize,
    line: u64,
}

impl LineCount<'_> {
    fn of(text: &[u8]) -> LineCount<'_> {
        LineCount {
            text,
            counted: 0,
            line: 1,
        }
    }

    /// The line of the first byte, at `start` or behind it, that ends none. Calls go forward.
    fn up_to(&mut self, start: u64) -> u64 {
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        let rest = self.text.get(self.counted..).unwrap_or_default();
        for byte in rest {
            let is_end = matches!(byte, b'\r' | b'\n');
            if start <= self.counted && !is_end {
                break;
            }
            self.line += u64::from(*byte == b'\n');
            self.counted += 1;
        }
        self.line
    }
}
