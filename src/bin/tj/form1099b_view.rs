//! What a comparison with a Form 1099-B found, for people and for programs.
//!
//! Always true: each value that is not the same has a row of its own with its cause, and the last line
//! says how many sales differ. A program gets the sales that are the same, too.

use serde::Serialize;
use tradejournal::books::tax::Cents;
use tradejournal::desk::tax::Origin;
use tradejournal::desk::tax::form1099b::{
    Comparison, Difference, Figures, Form, Lot, Sale, Total, Totals,
};

use crate::output::{Out, printable};
use crate::table::{Column, Table};
use crate::words::counted;

/// All that there is to tell.
pub(crate) struct Found<'a> {
    pub(crate) file: String,
    pub(crate) form: &'a Form,
    pub(crate) account: &'a str,
    pub(crate) year: i32,
    pub(crate) comparison: &'a Comparison,
}

pub(crate) fn show(found: &Found<'_>, json: bool, out: &mut Out) -> anyhow::Result<()> {
    if json {
        return out.json(&found.report());
    }
    out.line(found.head())?;
    let rows = found.rows();
    if !rows.is_empty() {
        let mut table = Table::new(vec![
            Column::left("sold"),
            Column::left("symbol"),
            Column::left("what"),
            Column::right("journal"),
            Column::right("broker"),
            Column::text("cause"),
        ]);
        rows.into_iter().for_each(|it| table.push(it));
        table.print(out)?;
        out.line("")?;
    }
    let mut table = Table::new(vec![
        Column::left("total"),
        Column::left("of"),
        Column::right("lots"),
        Column::right("proceeds"),
        Column::right("basis"),
        Column::right("wash"),
        Column::right("gain"),
    ]);
    found.total_rows().into_iter().for_each(|it| table.push(it));
    table.print(out)?;
    out.line("")?;
    out.line(found.last_line())
}

impl<'a> Found<'a> {
    pub(crate) fn head(&self) -> String {
        let form = self.form;
        let mut parts = vec![
            counted(form.rows, "row", "rows"),
            counted(form.reported.len() as u64, "lot", "lots"),
        ];
        let others = [
            (form.other, "of something else"),
            (form.of_other_accounts, "of other accounts"),
        ];
        let others = others.iter().filter(|it| it.0 != 0);
        parts.extend(others.map(|(count, what)| format!("{count} {what}")));
        let (file, account) = (printable(&self.file), printable(self.account));
        format!(
            "{file}: {}; account {account} in {}",
            parts.join(", "),
            self.year
        )
    }

    /// One row for each value that differs, and for each lot where their sums do not.
    pub(crate) fn rows(&self) -> Vec<Vec<String>> {
        let mut rows = Vec::new();
        for sale in &self.comparison.sales {
            for difference in &sale.differences {
                rows.push(row(sale, difference));
            }
            // A lot that is all of the sale would be told twice.
            let parts = sale.lots.iter();
            let parts = parts.filter(|it| Some(it.journal) != sale.journal);
            rows.extend(parts.map(lot_row));
        }
        rows
    }

    fn total_rows(&self) -> Vec<Vec<String>> {
        let Comparison {
            journal, broker, ..
        } = self.comparison;
        let pairs = [
            ("SHORT", journal.short, broker.short),
            ("LONG", journal.long, broker.long),
            ("unsaid", journal.unsaid, broker.unsaid),
        ];
        let there = pairs.iter().filter(|it| it.1.lots != 0 || it.2.lots != 0);
        let rows = there.flat_map(|(term, journal, broker)| {
            [
                total_row(term, "journal", journal),
                total_row(term, "broker", broker),
            ]
        });
        rows.collect()
    }

    pub(crate) fn last_line(&self) -> String {
        let found = self.comparison;
        let equal = counted(found.equal() as u64, "sale is equal", "sales are equal");
        let differ = |count: usize, what: &str| {
            let verb = if count == 1 { "differs" } else { "differ" };
            (count != 0).then(|| format!("{count} {verb} and {what}"))
        };
        let mut parts = vec![equal];
        parts.extend(differ(found.explained(), "the cause is known"));
        parts.extend(differ(found.unexplained(), "it is not"));
        match parts.len() {
            1 => format!("{}, nothing differs", parts.concat()),
            _ => parts.join("; "),
        }
    }

    /// What `--json` prints.
    pub(crate) fn report(&self) -> Report<'a> {
        let found = self.comparison;
        Report {
            file: self.file.clone(),
            account: self.account,
            year: self.year,
            rows: self.form.rows,
            other_rows: self.form.other,
            rows_of_other_accounts: self.form.of_other_accounts,
            is_equal: found.equal() == found.sales.len(),
            is_explained: found.unexplained() == 0,
            equal: found.equal(),
            explained: found.explained(),
            unexplained: found.unexplained(),
            sales: found.sales.iter().map(SaleReport::of).collect(),
            totals: Sides {
                journal: TotalsReport::of(&found.journal),
                broker: TotalsReport::of(&found.broker),
            },
        }
    }
}

fn row(sale: &Sale, difference: &Difference) -> Vec<String> {
    let side = |of: &Option<String>| of.clone().unwrap_or_else(|| "-".to_owned());
    let mut notes: Vec<String> = difference.causes.iter().map(ToString::to_string).collect();
    if notes.is_empty() {
        notes.push("no known cause".to_owned());
    }
    if !sale.lines.is_empty() {
        let lines: Vec<String> = sale.lines.iter().map(u64::to_string).collect();
        let word = if lines.len() == 1 { "line" } else { "lines" };
        notes.push(format!("{word} {}", lines.join(", ")));
    }
    vec![
        sale.sold.to_string(),
        sale.symbol.clone(),
        difference.what.as_str().to_owned(),
        side(&difference.journal),
        side(&difference.broker),
        notes.join("; "),
    ]
}

fn lot_row(lot: &Lot) -> Vec<String> {
    let side = |of: &Figures| amount(of.basis).unwrap_or_else(|| "none".to_owned());
    let wash = |of: &Figures| amount(of.wash).unwrap_or_else(|| "unsaid".to_owned());
    let (ours, theirs) = (&lot.journal, &lot.broker);
    let note = match ours.wash == theirs.wash {
        true => "basis of this lot".to_owned(),
        false => format!("basis of this lot; wash {} / {}", wash(ours), wash(theirs)),
    };
    let what = format!("lot of {}", lot.acquired);
    vec![
        String::new(),
        String::new(),
        what,
        side(ours),
        side(theirs),
        note,
    ]
}

fn total_row(term: &str, side: &str, total: &Total) -> Vec<String> {
    let basis = match total.without_basis {
        0 => total.basis.to_string(),
        count => format!("{} without {count}", total.basis),
    };
    vec![
        term.to_owned(),
        side.to_owned(),
        total.lots.to_string(),
        total.proceeds.to_string(),
        basis,
        total.wash.to_string(),
        amount(total.gain()).unwrap_or_else(|| "-".to_owned()),
    ]
}

fn amount(cents: Option<Cents>) -> Option<String> {
    cents.map(|it| it.to_string())
}

/// What `--json` prints.
#[derive(Serialize)]
pub(crate) struct Report<'a> {
    file: String,
    account: &'a str,
    year: i32,
    rows: u64,
    other_rows: u64,
    rows_of_other_accounts: u64,
    is_equal: bool,
    is_explained: bool,
    equal: usize,
    explained: usize,
    unexplained: usize,
    sales: Vec<SaleReport<'a>>,
    totals: Sides<TotalsReport>,
}

#[derive(Serialize)]
struct Sides<T> {
    journal: T,
    broker: T,
}

#[derive(Serialize)]
struct SaleReport<'a> {
    symbol: &'a str,
    sold: String,
    lines: &'a [u64],
    origins: Vec<String>,
    is_explained: bool,
    journal: Option<FiguresReport>,
    broker: Option<FiguresReport>,
    differences: Vec<DifferenceReport<'a>>,
    lots: Vec<LotReport>,
}

#[derive(Serialize)]
struct FiguresReport {
    quantity: String,
    short: String,
    long: String,
    proceeds: String,
    basis: Option<String>,
    wash: Option<String>,
    gain: Option<String>,
}

#[derive(Serialize)]
struct DifferenceReport<'a> {
    what: &'static str,
    journal: Option<&'a str>,
    broker: Option<&'a str>,
    is_explained: bool,
    causes: Vec<CauseReport>,
}

#[derive(Serialize)]
struct CauseReport {
    name: &'static str,
    text: String,
    is_expected: bool,
}

#[derive(Serialize)]
struct LotReport {
    acquired: String,
    journal: FiguresReport,
    broker: FiguresReport,
}

#[derive(Serialize)]
struct TotalsReport {
    short: TotalReport,
    long: TotalReport,
    unsaid: TotalReport,
}

#[derive(Serialize)]
struct TotalReport {
    lots: u64,
    proceeds: String,
    basis: String,
    without_basis: u64,
    wash: String,
    gain: Option<String>,
}

impl<'a> SaleReport<'a> {
    fn of(sale: &'a Sale) -> SaleReport<'a> {
        let lots = sale.lots.iter().map(|it| LotReport {
            acquired: it.acquired.to_string(),
            journal: FiguresReport::of(&it.journal),
            broker: FiguresReport::of(&it.broker),
        });
        SaleReport {
            symbol: &sale.symbol,
            sold: sale.sold.to_string(),
            lines: &sale.lines,
            origins: sale.origins.iter().map(Origin::to_string).collect(),
            is_explained: sale.is_explained(),
            journal: sale.journal.as_ref().map(FiguresReport::of),
            broker: sale.broker.as_ref().map(FiguresReport::of),
            differences: sale.differences.iter().map(DifferenceReport::of).collect(),
            lots: lots.collect(),
        }
    }
}

impl FiguresReport {
    fn of(figures: &Figures) -> FiguresReport {
        FiguresReport {
            quantity: figures.quantity.to_string(),
            short: figures.short.to_string(),
            long: figures.long.to_string(),
            proceeds: figures.proceeds.to_string(),
            basis: amount(figures.basis),
            wash: amount(figures.wash),
            gain: amount(figures.gain()),
        }
    }
}

impl<'a> DifferenceReport<'a> {
    fn of(difference: &'a Difference) -> DifferenceReport<'a> {
        let causes = difference.causes.iter().map(|it| CauseReport {
            name: it.name(),
            text: it.to_string(),
            is_expected: it.is_expected(),
        });
        DifferenceReport {
            what: difference.what.as_str(),
            journal: difference.journal.as_deref(),
            broker: difference.broker.as_deref(),
            is_explained: difference.is_explained(),
            causes: causes.collect(),
        }
    }
}

impl TotalsReport {
    fn of(totals: &Totals) -> TotalsReport {
        TotalsReport {
            short: TotalReport::of(&totals.short),
            long: TotalReport::of(&totals.long),
            unsaid: TotalReport::of(&totals.unsaid),
        }
    }
}

impl TotalReport {
    fn of(total: &Total) -> TotalReport {
        TotalReport {
            lots: total.lots,
            proceeds: total.proceeds.to_string(),
            basis: total.basis.to_string(),
            without_basis: total.without_basis,
            wash: total.wash.to_string(),
            gain: amount(total.gain()),
        }
    }
}
