//! The comparison: all that was sold of a symbol on a day, as the journal and as the broker have it.
//!
//! Always true:
//! - Every sale of the year, of both sides, is there once; totals are of all of them.
//! - A difference has both values, and the causes that the numbers show. One without causes is unexplained.

use std::collections::{BTreeMap, BTreeSet};

use super::cause::Cause;
use super::explain::{Both, Near};
use super::figures::{Figures, Lot, Totals};
use super::form::{Form, Reported};
use super::pairs::{Lines, Pairing, is_settlement, pairs, settles_next_year};
use super::symbols::key_among;
use super::views::{Key, Piece, Views};
use crate::books::tax::{Cents, Execution, Options, TaxError, Units};
use crate::desk::tax::Origin;
use crate::time::Day;

/// Which account of which books is compared, and which year.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The rules of the books.
    pub options: &'a Options,
    /// All that the taxpayer bought and sold, in all accounts.
    pub executions: &'a [Execution<'a>],
    /// Where each of them is written down.
    pub origins: &'a [Option<Origin>],
    /// The account that the form is of, as the journal calls it.
    pub account: &'a str,
    /// The year.
    pub year: i32,
}

/// Why nothing is compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// The executions come to no book.
    #[error("make the tax book")]
    Tax(#[source] TaxError),
    /// Nothing was bought or sold there.
    #[error("account {account}: nothing was traded in it; there are {}", known.join(", "))]
    UnknownAccount {
        /// The account.
        account: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// A retirement account has no Form 1099-B.
    #[error("account {account}: it is a retirement account, whose sales no Form 1099-B reports")]
    Retirement {
        /// The account.
        account: String,
    },
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum What {
    /// The sale as a whole: one side has none.
    Sale,
    /// The day of the sale.
    Sold,
    /// How many were sold.
    Quantity,
    /// What came in: box 1d.
    Proceeds,
    /// What they cost: box 1e.
    Basis,
    /// What of a loss does not count: box 1g.
    Wash,
    /// How many were held for how long: box 2.
    Term,
    /// When they were bought: box 1b.
    Acquired,
    /// The values of single lots, while their sums are the same.
    Lots,
}

impl What {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            What::Sale => "sale",
            What::Sold => "sold",
            What::Quantity => "quantity",
            What::Proceeds => "proceeds",
            What::Basis => "basis",
            What::Wash => "wash",
            What::Term => "term",
            What::Acquired => "acquired",
            What::Lots => "lots",
        }
    }
}

/// A value that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// Which value.
    pub what: What,
    /// What the journal has.
    pub journal: Option<String>,
    /// What the broker has.
    pub broker: Option<String>,
    /// Why; nothing where the numbers do not show it.
    pub causes: Vec<Cause>,
}

impl Difference {
    /// Whether both sides can be right all the same.
    #[must_use]
    pub fn is_explained(&self) -> bool {
        !self.causes.is_empty() && self.causes.iter().all(Cause::is_expected)
    }
}

/// All that was sold of one symbol on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sale {
    /// What was sold.
    pub symbol: String,
    /// When, as the journal has it if it does.
    pub sold: Day,
    /// What the journal says.
    pub journal: Option<Figures>,
    /// What the broker says.
    pub broker: Option<Figures>,
    /// The lines of the broker's file.
    pub lines: Vec<u64>,
    /// The lines of the journal.
    pub origins: Vec<Origin>,
    /// The lots that differ, where both sides have the same days of purchase.
    pub lots: Vec<Lot>,
    /// What is not the same.
    pub differences: Vec<Difference>,
}

impl Sale {
    /// Whether every difference is explained; so it is where there is none.
    #[must_use]
    pub fn is_explained(&self) -> bool {
        self.differences.iter().all(Difference::is_explained)
    }
}

/// How the journal and a broker's form agree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Comparison {
    /// Each sale, by symbol and day.
    pub sales: Vec<Sale>,
    /// What the journal's sales of the year come to.
    pub journal: Totals,
    /// What the broker's come to.
    pub broker: Totals,
}

impl Comparison {
    /// How many sales are the same.
    #[must_use]
    pub fn equal(&self) -> usize {
        self.sales
            .iter()
            .filter(|it| it.differences.is_empty())
            .count()
    }

    /// How many differ, and are explained.
    #[must_use]
    pub fn explained(&self) -> usize {
        let differ = self.sales.iter().filter(|it| !it.differences.is_empty());
        differ.filter(|it| it.is_explained()).count()
    }

    /// How many differ, and are not.
    #[must_use]
    pub fn unexplained(&self) -> usize {
        self.sales.iter().filter(|it| !it.is_explained()).count()
    }
}

/// Compares a broker's form with the books of its account. What names no symbol is passed over: see
/// [`suggestions`].
///
/// # Errors
/// [`CompareError`].
pub fn compare(form: &Form, request: &Request<'_>) -> Result<Comparison, CompareError> {
    let views = views(request)?;
    let known = views.symbols();
    let mut broker: BTreeMap<Key, Lines<'_>> = BTreeMap::new();
    for line in &form.reported {
        let key = (key_among(&line.symbol, &known), line.sold);
        broker.entry(key).or_default().push(line);
    }
    let mut sales: Vec<Sale> = pairs(&views.journal, broker, request.year)
        .iter()
        .map(|it| sale(it, &views, request))
        .collect();
    sales.sort_by(|a, b| (&a.symbol, a.sold).cmp(&(&b.symbol, b.sold)));
    let pieces = views.journal.values().flatten();
    Ok(Comparison {
        sales,
        journal: Totals::of_pieces(pieces.filter(|it| it.sold.year() == request.year)),
        broker: Totals::of_lines(&form.reported),
    })
}

/// For each name that is no symbol, the symbols of which the journal sold as many on the same days.
///
/// # Errors
/// [`CompareError`].
pub fn suggestions(
    form: &Form,
    request: &Request<'_>,
) -> Result<Vec<(String, Vec<String>)>, CompareError> {
    let views = views(request)?;
    let quantity = |pieces: &[Piece]| pieces.iter().map(|it| it.quantity).sum::<Units>();
    let suggested = form.unnamed.iter().map(|unnamed| {
        let mut days: BTreeMap<Day, Units> = BTreeMap::new();
        for it in &unnamed.reported {
            *days.entry(it.sold).or_default() += it.quantity;
        }
        let is_it = |symbol: &&String| {
            days.iter().all(|(day, sold)| {
                let pieces = views.journal.get(&((*symbol).clone(), *day));
                pieces.is_some_and(|it| quantity(it) == *sold)
            })
        };
        let known = views.symbols();
        let symbols = known
            .iter()
            .filter(is_it)
            .map(|it| called(it, &views, request));
        (unnamed.name.clone(), symbols.collect())
    });
    Ok(suggested.collect())
}

fn views<'a>(request: &'a Request<'a>) -> Result<Views<'a>, CompareError> {
    let account = request.account.to_owned();
    if request.options.wash.ira.contains(&account) {
        return Err(CompareError::Retirement { account });
    }
    let known: BTreeSet<&str> = request
        .executions
        .iter()
        .map(|it| &*it.account_id)
        .collect();
    if !known.contains(request.account) {
        let known = known.into_iter().map(str::to_owned).collect();
        return Err(CompareError::UnknownAccount { account, known });
    }
    Views::new(request).map_err(CompareError::Tax)
}

/// What the journal calls the symbol of a key.
fn called(key: &str, views: &Views<'_>, request: &Request<'_>) -> String {
    let mut sales = views.journal.iter().filter(|it| it.0.0 == key);
    let piece = sales.next().and_then(|it| it.1.first());
    piece.map_or_else(|| key.to_owned(), |it| it.symbol(request.executions))
}

fn sale(pairing: &Pairing<'_>, views: &Views<'_>, request: &Request<'_>) -> Sale {
    let (key, lines) = match pairing {
        Pairing::Both(key, _, lines) | Pairing::Broker(key, lines) => (key, lines.as_slice()),
        Pairing::Journal(key) => (key, &[][..]),
    };
    let pieces = match pairing {
        Pairing::Both(..) | Pairing::Journal(_) => views.journal.get(key),
        Pairing::Broker(..) => None,
    };
    let pieces = pieces.map_or(&[][..], Vec::as_slice);
    let said = lines.first().map(|it| it.symbol.clone());
    let symbol = pieces
        .first()
        .map(|it| it.symbol(request.executions))
        .or(said);
    let ours = (!pieces.is_empty()).then(|| Figures::of_pieces(pieces));
    let theirs = (!lines.is_empty()).then(|| Figures::of_lines(lines.iter().copied()));
    let mut sale = Sale {
        symbol: symbol.unwrap_or_default(),
        sold: key.1,
        journal: ours,
        broker: theirs,
        lines: lines.iter().map(|it| it.line).collect(),
        origins: origins(pieces, request),
        lots: Vec::new(),
        differences: Vec::new(),
    };
    let cause = match pairing {
        Pairing::Both(key, reported, lines) => {
            differences(
                &mut sale,
                *reported,
                &Both::new(key, views, pieces, lines),
                pieces,
            );
            return sale;
        }
        Pairing::Journal(key) => unreported(key.1, pieces),
        Pairing::Broker(key, lines) => unbooked(key, lines, views, request),
    };
    sale.differences.push(Difference {
        what: What::Sale,
        journal: ours.map(|it| it.quantity.to_string()),
        broker: theirs.map(|it| it.quantity.to_string()),
        causes: vec![cause],
    });
    sale
}

/// The lines of the journal, each once.
fn origins(pieces: &[Piece], request: &Request<'_>) -> Vec<Origin> {
    let sells: BTreeSet<usize> = pieces.iter().map(|it| it.sell).collect();
    let origins = sells
        .iter()
        .filter_map(|it| request.origins.get(*it)?.clone());
    origins.collect()
}

/// Why the broker has no such sale.
fn unreported(sold: Day, pieces: &[Piece]) -> Cause {
    if pieces.iter().all(|it| it.is_crypto) {
        return Cause::DigitalAsset;
    }
    match settles_next_year(sold) {
        true => Cause::NextYear,
        false => Cause::MissingAtBroker,
    }
}

/// Why the journal has no such sale.
fn unbooked(key: &Key, lines: &[&Reported], views: &Views<'_>, request: &Request<'_>) -> Cause {
    if key.1.year() != request.year {
        return Cause::OtherYear(key.1.year());
    }
    let sold: Units = lines.iter().map(|it| it.quantity).sum();
    let elsewhere = views.elsewhere.get(key).into_iter().flatten();
    let mut same = elsewhere.filter(|it| *it.1 == sold);
    let account = same.next().map(|it| (*it.0).to_owned());
    account.map_or(Cause::MissingInJournal, Cause::OtherAccount)
}

/// Notes what is not the same of a sale that both sides have.
fn differences(sale: &mut Sale, reported: Day, both: &Both<'_>, pieces: &[Piece]) {
    if sale.sold != reported {
        let settled = is_settlement(sale.sold, reported).then_some(Cause::SettlementDate);
        sale.differences.push(Difference {
            what: What::Sold,
            journal: Some(sale.sold.to_string()),
            broker: Some(reported.to_string()),
            causes: settled.into_iter().collect(),
        });
    }
    let (Some(ours), Some(theirs)) = (sale.journal, sale.broker) else {
        return;
    };
    let all = [
        What::Quantity,
        What::Proceeds,
        What::Basis,
        What::Wash,
        What::Term,
        What::Acquired,
    ];
    let differing = all
        .into_iter()
        .filter(|it| both.near(*it, pieces) != Near::Same);
    let mut differing: Vec<What> = differing.collect();
    let of_lots = [What::Basis, What::Wash, What::Term];
    let is_told = differing.iter().any(|it| of_lots.contains(it));
    if !is_told && both.near(What::Lots, pieces) != Near::Same {
        differing.push(What::Lots);
    }
    for what in differing {
        sale.differences.push(Difference {
            what,
            journal: Some(shown(what, &ours, || both.journal_days())),
            broker: Some(shown(what, &theirs, || both.broker_days())),
            causes: both.causes(what),
        });
    }
    let lots = both.lots(pieces).unwrap_or_default().into_iter();
    sale.lots = lots.filter(|it| it.near() != Near::Same).collect();
}

/// A value as it is told.
fn shown(what: What, figures: &Figures, days: impl Fn() -> String) -> String {
    let amount = |it: Option<Cents>| it.map_or("none".to_owned(), |it| it.to_string());
    match what {
        What::Sale | What::Sold | What::Quantity => figures.quantity.to_string(),
        What::Proceeds => figures.proceeds.to_string(),
        What::Basis => amount(figures.basis),
        What::Wash => amount(figures.wash),
        What::Term => terms(figures),
        What::Acquired => days(),
        // The same sum; the lots have their own rows.
        What::Lots => amount(figures.basis),
    }
}

/// Such as `60 SHORT, 40 LONG`.
fn terms(figures: &Figures) -> String {
    let parts = [
        (figures.short, "SHORT"),
        (figures.long, "LONG"),
        (figures.unsaid(), "unsaid"),
    ];
    let parts = parts.iter().filter(|it| it.0 != Units::ZERO);
    let parts: Vec<String> = parts
        .map(|(count, term)| format!("{count} {term}"))
        .collect();
    parts.join(", ")
}
