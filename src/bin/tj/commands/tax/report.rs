//! What `tj tax lots` prints of a book.
//!
//! Always true:
//! - The JSON has a fixed shape and is written by hand, on all cores: there may be a million rows.
//! - Money has two places, dates are those of the tax zone.
//!
//! Not here: the sums of rows, which the library's book has.

use std::thread;

use tradejournal::books::tax::{Book, Cents, Disposal, Execution, OpenLot, PLACES, Term, Units};
use tradejournal::time::Day;

use crate::output::Out;
use crate::table::{Column, Table};

/// How many rows a thread writes before they are handed on.
const ROWS_A_BLOCK: usize = 1 << 14;
const ONE: u128 = 10_u128.pow(PLACES);

/// What is told.
pub(super) struct Found<'a> {
    executions: &'a [Execution<'a>],
    disposals: Vec<&'a Disposal>,
    untaxed: Vec<&'a Disposal>,
    open: Vec<&'a OpenLot>,
}

/// The sums of some rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    rows: usize,
    proceeds: Cents,
    basis: Cents,
    adjustment: Cents,
    gain: Cents,
}

impl<'a> Found<'a> {
    /// All of a book, or what was sold in a year.
    pub(super) fn of(
        book: &'a Book,
        executions: &'a [Execution<'a>],
        year: Option<i32>,
    ) -> Found<'a> {
        let is_asked_for = |it: &&Disposal| year.is_none_or(|year| it.sold.year() == year);
        Found {
            executions,
            disposals: book.disposals.iter().filter(is_asked_for).collect(),
            untaxed: book.untaxed.iter().filter(is_asked_for).collect(),
            open: book.open.iter().collect(),
        }
    }

    fn sums(&self, term: Option<Term>) -> Sums {
        let mut sums = Sums::default();
        let rows = self.disposals.iter();
        for row in rows.filter(|it| term.is_none_or(|term| it.term == term)) {
            sums.rows += 1;
            sums.proceeds += row.proceeds;
            sums.basis += row.basis();
            sums.adjustment += row.adjustment;
            sums.gain += row.gain();
        }
        sums
    }

    /// What of losses is a part of lots that are not sold.
    fn deferred(&self) -> Cents {
        self.open.iter().map(|it| it.wash_added).sum()
    }

    fn execution(&self, at: usize) -> Option<&Execution<'a>> {
        self.executions.get(at)
    }

    /// What was sold: what a fee was paid with, where that was sold by paying.
    fn symbol(&self, row: &Disposal) -> &str {
        let sale = self.execution(row.sell);
        sale.map_or("", |it| match (&it.fee_asset, row.is_fee) {
            (Some(asset), true) => asset,
            _ => &it.symbol,
        })
    }

    fn id(&self, at: usize) -> &str {
        self.execution(at).map_or("", |it| &it.id)
    }

    fn account(&self, at: usize) -> &str {
        self.execution(at).map_or("", |it| &it.account_id)
    }
}

fn code(row: &Disposal) -> &'static str {
    if row.adjustment == Cents::ZERO {
        ""
    } else {
        "W"
    }
}

/// As one object.
pub(super) fn json(found: &Found<'_>, out: &mut Out) -> anyhow::Result<()> {
    let disposal = |line: &mut Line, row: &&Disposal| line.disposal(found, row);
    out.bytes(b"{\"disposals\":[")?;
    rows(&found.disposals, disposal, out)?;
    out.bytes(b"],\"open_lots\":[")?;
    rows(&found.open, |line, lot| line.open_lot(found, lot), out)?;
    out.bytes(b"],\"totals\":{")?;
    let mut line = Line::default();
    for (name, term) in [
        ("short", Some(Term::Short)),
        ("long", Some(Term::Long)),
        ("all", None),
    ] {
        line.sums(name, found.sums(term));
    }
    line.raw("\"deferred_into_open_lots\":\"");
    line.cents(found.deferred());
    line.raw("\"},\"untaxed_disposals\":[");
    out.bytes(&line.text)?;
    rows(&found.untaxed, disposal, out)?;
    out.bytes(b"]}\n")
}

/// Writes rows with commas between them: a few blocks of them at once, one a core.
fn rows<T: Sync>(
    rows: &[T],
    write: impl Fn(&mut Line, &T) + Sync,
    out: &mut Out,
) -> anyhow::Result<()> {
    let write = &write;
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut is_first = true;
    for wave in rows.chunks(ROWS_A_BLOCK * cores) {
        let texts = thread::scope(|scope| {
            let blocks = wave.chunks(ROWS_A_BLOCK);
            let threads: Vec<_> = blocks
                .map(|block| {
                    scope.spawn(move || {
                        let mut line = Line::default();
                        line.text.reserve(block.len() * 384);
                        for row in block {
                            line.text.push(b',');
                            write(&mut line, row);
                        }
                        line.text
                    })
                })
                .collect();
            let texts = threads.into_iter().map(|it| it.join());
            texts
                .map(|it| it.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect::<Vec<_>>()
        });
        for text in texts {
            out.bytes(text.get(usize::from(is_first)..).unwrap_or_default())?;
            is_first = false;
        }
    }
    Ok(())
}

/// JSON while it is written.
#[derive(Default)]
struct Line {
    text: Vec<u8>,
    days: Days,
}

impl Line {
    fn disposal(&mut self, found: &Found<'_>, row: &Disposal) {
        self.raw("{\"symbol\":");
        self.string(found.symbol(row));
        self.raw(",\"account_id\":");
        self.string(found.account(row.sell));
        self.raw(",\"quantity\":\"");
        self.units(row.quantity);
        self.raw("\",\"acquired\":\"");
        self.day(row.acquired);
        self.raw("\",\"sold\":\"");
        self.day(row.sold);
        self.raw("\",\"proceeds\":\"");
        self.cents(row.proceeds);
        self.raw("\",\"basis\":\"");
        self.cents(row.basis());
        self.raw("\",\"adjustment_code\":\"");
        self.raw(code(row));
        self.raw("\",\"adjustment\":\"");
        self.cents(row.adjustment);
        self.raw("\",\"gain\":\"");
        self.cents(row.gain());
        self.raw("\",\"term\":\"");
        self.raw(term(row.term));
        self.raw("\",\"holding_start\":\"");
        self.day(row.holding_start);
        self.raw("\",\"buy_id\":");
        self.string(found.id(row.buy));
        self.raw(",\"sell_id\":");
        self.string(found.id(row.sell));
        self.raw("}");
    }

    fn open_lot(&mut self, found: &Found<'_>, lot: &OpenLot) {
        self.raw("{\"symbol\":");
        self.string(found.execution(lot.buy).map_or("", |it| &it.symbol));
        self.raw(",\"account_id\":");
        self.string(found.account(lot.buy));
        self.raw(",\"quantity\":\"");
        self.units(lot.quantity);
        self.raw("\",\"acquired\":\"");
        self.day(lot.acquired);
        self.raw("\",\"basis\":\"");
        self.cents(lot.basis());
        self.raw("\",\"holding_start\":\"");
        self.day(lot.holding_start);
        self.raw("\",\"buy_id\":");
        self.string(found.id(lot.buy));
        self.raw("}");
    }

    fn sums(&mut self, name: &str, sums: Sums) {
        self.string(name);
        self.raw(":{\"rows\":");
        self.raw(&sums.rows.to_string());
        for (name, sum) in [
            ("proceeds", sums.proceeds),
            ("basis", sums.basis),
            ("adjustment", sums.adjustment),
            ("gain", sums.gain),
        ] {
            self.raw(",");
            self.string(name);
            self.raw(":\"");
            self.cents(sum);
            self.raw("\"");
        }
        self.raw("},");
    }

    fn raw(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
    }

    fn string(&mut self, text: &str) {
        let must_escape = |it: &u8| *it < 0x20 || matches!(*it, b'"' | b'\\' | 0x7f);
        if text.as_bytes().iter().any(must_escape) {
            // Writing to memory does not fail.
            let _ = serde_json::to_writer(&mut self.text, text);
            return;
        }
        self.text.push(b'"');
        self.raw(text);
        self.text.push(b'"');
    }

    fn cents(&mut self, cents: Cents) {
        let size = cents.value().unsigned_abs();
        if cents < Cents::ZERO {
            self.text.push(b'-');
        }
        self.digits(size / 100, 1);
        self.text.push(b'.');
        self.digits(size % 100, 2);
    }

    fn units(&mut self, units: Units) {
        let (whole, rest) = (units.value() / ONE, units.value() % ONE);
        self.digits(whole, 1);
        if rest == 0 {
            return;
        }
        self.text.push(b'.');
        self.digits(rest, 18);
        while self.text.last() == Some(&b'0') {
            self.text.pop();
        }
    }

    /// At least so many digits.
    fn digits(&mut self, number: u128, digits_min: usize) {
        let mut text = [b'0'; 39];
        let mut count = 0;
        let mut put = |digit: u8| {
            if let Some(slot) = text.iter_mut().rev().nth(count) {
                *slot = b'0' + digit;
            }
            count += 1;
        };
        match u64::try_from(number) {
            Ok(mut rest) => {
                while rest != 0 {
                    put(u8::try_from(rest % 10).unwrap_or_default());
                    rest /= 10;
                }
            }
            Err(_) => {
                let mut rest = number;
                while rest != 0 {
                    put(u8::try_from(rest % 10).unwrap_or_default());
                    rest /= 10;
                }
            }
        }
        let start = text.len() - count.max(digits_min);
        self.text
            .extend_from_slice(text.get(start..).unwrap_or_default());
    }

    fn day(&mut self, day: Day) {
        let text = self.days.text(day);
        self.text.extend_from_slice(text.as_bytes());
    }
}

fn term(term: Term) -> &'static str {
    match term {
        Term::Short => "SHORT",
        Term::Long => "LONG",
    }
}

/// The texts of days: there are few of them in many rows.
struct Days(Vec<Option<(Day, String)>>);

impl Default for Days {
    fn default() -> Days {
        Days(vec![None; 1 << 12])
    }
}

impl Days {
    fn text(&mut self, day: Day) -> &str {
        let len = i32::try_from(self.0.len()).unwrap_or(1);
        let at = usize::try_from(day.unix_days().rem_euclid(len)).unwrap_or_default();
        let Some(slot) = self.0.get_mut(at) else {
            return "";
        };
        if slot.as_ref().is_none_or(|it| it.0 != day) {
            *slot = Some((day, day.to_string()));
        }
        slot.as_ref().map_or("", |it| &it.1)
    }
}

/// For a person.
pub(super) fn table(found: &Found<'_>, out: &mut Out) -> anyhow::Result<()> {
    disposals(found, &found.disposals, out)?;
    if !found.untaxed.is_empty() {
        out.line("")?;
        out.line("sold by retirement accounts, not taxed")?;
        disposals(found, &found.untaxed, out)?;
    }
    out.line("")?;
    open_lots(found, out)?;
    out.line("")?;
    let mut table = Table::new(vec![
        Column::left("term"),
        Column::right("rows"),
        Column::right("proceeds"),
        Column::right("basis"),
        Column::right("adjustment"),
        Column::right("gain"),
    ]);
    for (name, term) in [
        ("short", Some(Term::Short)),
        ("long", Some(Term::Long)),
        ("all", None),
    ] {
        let sums = found.sums(term);
        table.push(vec![
            name.to_owned(),
            sums.rows.to_string(),
            sums.proceeds.to_string(),
            sums.basis.to_string(),
            sums.adjustment.to_string(),
            sums.gain.to_string(),
        ]);
    }
    table.print(out)?;
    if found.deferred() != Cents::ZERO {
        out.line(format!("deferred into open lots: {}", found.deferred()))?;
    }
    Ok(())
}

fn disposals(found: &Found<'_>, rows: &[&Disposal], out: &mut Out) -> anyhow::Result<()> {
    let mut table = Table::new(vec![
        Column::left("sold"),
        Column::left("symbol"),
        Column::right("quantity"),
        Column::left("acquired"),
        Column::left("term"),
        Column::right("proceeds"),
        Column::right("basis"),
        Column::left("code"),
        Column::right("adjustment"),
        Column::right("gain"),
        Column::left("account"),
        Column::left("sale"),
        Column::left("purchase"),
    ]);
    for row in rows {
        table.push(vec![
            row.sold.to_string(),
            found.symbol(row).to_owned(),
            row.quantity.to_string(),
            row.acquired.to_string(),
            term(row.term).to_owned(),
            row.proceeds.to_string(),
            row.basis().to_string(),
            code(row).to_owned(),
            row.adjustment.to_string(),
            row.gain().to_string(),
            found.account(row.sell).to_owned(),
            found.id(row.sell).to_owned(),
            found.id(row.buy).to_owned(),
        ]);
        if table.len() == ROWS_A_BLOCK {
            table.print(out)?;
        }
    }
    table.print(out)
}

fn open_lots(found: &Found<'_>, out: &mut Out) -> anyhow::Result<()> {
    let mut table = Table::new(vec![
        Column::left("open lot"),
        Column::right("quantity"),
        Column::left("acquired"),
        Column::left("held since"),
        Column::right("basis"),
        Column::left("account"),
        Column::left("purchase"),
    ]);
    for lot in &found.open {
        let symbol = found.execution(lot.buy).map_or("", |it| &it.symbol);
        table.push(vec![
            symbol.to_owned(),
            lot.quantity.to_string(),
            lot.acquired.to_string(),
            lot.holding_start.to_string(),
            lot.basis().to_string(),
            found.account(lot.buy).to_owned(),
            found.id(lot.buy).to_owned(),
        ]);
        if table.len() == ROWS_A_BLOCK {
            table.print(out)?;
        }
    }
    table.print(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Line)) -> String {
        let mut line = Line::default();
        write(&mut line);
        String::from_utf8(line.text).unwrap()
    }

    #[test]
    fn numbers_are_those_of_the_library() {
        for cents in [0, 5, -5, 123, -100, i64::MAX, i64::MIN] {
            let cents = Cents::new(cents);
            assert_eq!(text(|it| it.cents(cents)), cents.to_string());
        }
        for units in ["0.000000000000000001", "100", "0.50", "9999999999999.1"] {
            let units = Units::of(units.parse().unwrap()).unwrap();
            assert_eq!(text(|it| it.units(units)), units.to_string());
        }
        let day: Day = "2024-02-29".parse().unwrap();
        assert_eq!(text(|it| it.day(day)), "2024-02-29");
    }

    #[test]
    fn texts_are_escaped() {
        for given in ["plain", "a\"b\\c\n\u{1}", "\u{7f}ä"] {
            let written = text(|it| it.string(given));
            assert_eq!(serde_json::from_str::<String>(&written).unwrap(), given);
        }
    }
}
