//! Any text as opening lots and as a broker's Form 1099-B: nothing panics, every row is counted or named, and
//! what is read makes a book that balances.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use tradejournal::books::Zone;
use tradejournal::books::tax::{Engine, Execution, Options, TaxError};
use tradejournal::desk::reconcile::Row;
use tradejournal::desk::tax::form1099b::{Columns, Form, Named, Reading};
use tradejournal::desk::tax::source::OpeningLots;
use tradejournal::record::field::Action;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let cells = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
    opening(text, cells);
    form(text, cells);
});

fn opening(text: &str, cells: impl Fn(&str) -> Vec<String>) {
    let mut lines = text.lines();
    let header = cells(lines.next().unwrap_or_default());
    let rows: Vec<Row> = (2..)
        .zip(lines)
        .map(|(line, text)| Row {
            line,
            cells: cells(text),
        })
        .collect();
    let lots = OpeningLots {
        zone: &Zone::default(),
        classes: &BTreeMap::new(),
    };
    let Ok(lots) = lots.read(&header, &rows) else {
        return;
    };
    assert_eq!(lots.len(), rows.len());
    let mut all: Vec<Execution<'_>> = lots.into_iter().map(|it| it.execution).collect();
    // Each lot is sold again, for what it says that a unit cost.
    let sales: Vec<Execution<'_>> = all
        .iter()
        .map(|it| Execution {
            id: format!("sale of {}", it.id).into(),
            action: Action::Sell,
            carried: None,
            lots: Vec::new(),
            ..it.clone()
        })
        .collect();
    all.extend(sales);
    let ran = Engine::new(Options::default()).run(&all);
    assert!(!matches!(ran, Err(TaxError::Unbalanced(_))), "{ran:?}");
}

fn form(text: &str, cells: impl Fn(&str) -> Vec<String>) {
    let rows: Vec<Row> = (1..)
        .zip(text.lines())
        .map(|(line, text)| Row {
            line,
            cells: cells(text),
        })
        .collect();
    let Ok((header, columns)) = Columns::among(&rows, &Named::new()) else {
        return;
    };
    let rows: Vec<Row> = rows.into_iter().skip(header + 1).collect();
    let count = rows.len() as u64;
    let reading = Reading {
        columns: &columns,
        symbols: &BTreeMap::new(),
        account: None,
    };
    if let Ok(form) = Form::read(rows, reading) {
        assert_eq!(form.rows, count);
        let unnamed: usize = form.unnamed.iter().map(|it| it.reported.len()).sum();
        let told = (form.reported.len() + unnamed) as u64 + form.other + form.of_other_accounts;
        assert_eq!(told, count);
    }
}
