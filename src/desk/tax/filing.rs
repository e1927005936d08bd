//! The sales of one year, each with the box that it goes to and what somebody has to look at.
//!
//! Always true:
//! - Each disposal of the year is one row and has one id, which is the same in every file of every run.
//! - The rows are in the order of the form: by box, symbol, day of the sale, day of the purchase.
//! - What retirement accounts sold is in no row: nobody is taxed for it.
//!
//! Not here: what the files look like.

use crate::books::tax::{Book, Cents, Disposal, Execution, Method, Options, Term, Wash};
use crate::record::field::AssetClass;
use crate::time::Day;

use super::boxes::Boxes;
use super::figures::Figures;
use super::form_box::FormBox;
use super::origin::Origin;
use super::review::{Review, reviews};
use super::table::dollars;

/// What a year's files are made of.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The year in which it was sold.
    pub year: i32,
    /// The rules that the book follows.
    pub options: &'a Options,
    /// What was sold; its open lots are those of the end of the year.
    pub book: &'a Book,
    /// What the book was made of.
    pub executions: &'a [Execution<'a>],
    /// Where each execution is written down, in the same order.
    pub origins: &'a [Option<Origin>],
    /// What the brokers told the tax office.
    pub boxes: &'a Boxes,
    /// The day on which somebody asks: whether a late loss may still be replaced. Where it is not said, no
    /// loss is told to be open.
    pub today: Option<Day>,
    /// The last day of which all purchases are known, where it is known.
    pub data_through: Option<Day>,
    /// Whether sums are told in whole dollars.
    pub whole_dollars: bool,
}

/// A year, ready for its files.
#[derive(Clone, Debug)]
pub struct Filing<'a> {
    request: Request<'a>,
    rows: Vec<Row<'a>>,
}

/// A piece of a lot that was sold in the year: a row of the form.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// What it is called, such as `2025-t17-p1`: the year, the trade that sold it, the piece of that. The
    /// `p` keeps spreadsheets from reading a date.
    pub id: String,
    /// Its place among the disposals of the book.
    pub place: usize,
    /// What was sold.
    pub disposal: &'a Disposal,
    /// The purchase. Its symbol and its class are those of the row.
    pub buy: &'a Execution<'a>,
    /// The sale; or, where a fee was paid in something else, the trade of which that was the fee.
    pub sell: &'a Execution<'a>,
    /// Where the purchase is written down.
    pub buy_origin: Option<&'a Origin>,
    /// Where the sale is written down.
    pub sell_origin: Option<&'a Origin>,
    /// Its box.
    pub form_box: FormBox,
    /// How its lot was chosen.
    pub method: Method,
    /// The four sums as the files have them: to the cent, or in whole dollars.
    pub figures: Figures,
    /// The purchases that replaced it, in the order in which they were matched.
    pub washes: Vec<&'a Wash>,
    /// Why somebody has to look at it.
    pub reviews: Vec<Review>,
}

/// Why there is no filing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilingError {
    /// The book was made of other executions.
    #[error("the tax book names execution {place}, and there are {count}")]
    Execution {
        /// The place that it names, from 0.
        place: usize,
        /// How many there are.
        count: usize,
    },
    /// There is not one origin for each execution.
    #[error("there are {executions} executions and {origins} origins")]
    Origins {
        /// How many executions.
        executions: usize,
        /// How many origins.
        origins: usize,
    },
}

impl<'a> Filing<'a> {
    /// The rows of that year.
    ///
    /// # Errors
    /// [`FilingError`], where what was handed in does not belong together.
    pub fn new(request: Request<'a>) -> Result<Filing<'a>, FilingError> {
        if request.executions.len() != request.origins.len() {
            return Err(FilingError::Origins {
                executions: request.executions.len(),
                origins: request.origins.len(),
            });
        }
        let book = request.book;
        let replacements = book.washes.iter().map(|it| it.replacement);
        let lots = book.open.iter().map(|it| it.buy);
        let sold = book.disposals.iter().flat_map(|it| [it.buy, it.sell]);
        for place in replacements.chain(lots).chain(sold) {
            execution(request.executions, place)?;
        }

        // By the loss, so that a year of many losses is not looked through for each of them.
        let mut washes: Vec<&Wash> = book.washes.iter().collect();
        washes.sort_by_key(|it| it.loss);
        let of_year = book.disposals.iter().enumerate();
        let of_year = of_year.filter(|it| it.1.sold.year() == request.year);
        let rows: Result<Vec<Row<'a>>, FilingError> = of_year
            .map(|(place, disposal)| row(&request, &washes, place, disposal))
            .collect();
        let mut rows = rows?;
        rows.sort_by(|a, b| order(a).cmp(&order(b)));
        Ok(Filing { request, rows })
    }

    /// What it was made of.
    #[must_use]
    pub fn request(&self) -> &Request<'a> {
        &self.request
    }

    /// The rows, in the order of the form.
    #[must_use]
    pub fn rows(&self) -> &[Row<'a>] {
        &self.rows
    }

    /// The row of that id.
    #[must_use]
    pub fn row(&self, id: &str) -> Option<&Row<'a>> {
        self.rows.iter().find(|it| it.id == id)
    }

    /// What the disposal at that place of the book is called, whatever its year.
    #[must_use]
    pub fn id_of(&self, place: usize) -> Option<String> {
        let disposal = self.request.book.disposals.get(place)?;
        let sell = self.request.executions.get(disposal.sell)?;
        Some(row_id(disposal, sell))
    }

    /// The execution at that place.
    #[must_use]
    pub fn execution(&self, place: usize) -> Option<&'a Execution<'a>> {
        self.request.executions.get(place)
    }

    /// The last day of the year.
    #[must_use]
    pub fn year_end(&self) -> Day {
        Day::new(self.request.year, 12, 31).unwrap_or(Day::EPOCH)
    }

    /// A sum as the files have it.
    pub(super) fn dollars(&self, sum: Cents) -> String {
        dollars(sum, self.request.whole_dollars)
    }

    /// The sums of such rows: added to the cent, and rounded where whole dollars are wanted.
    pub(super) fn total<'r>(&self, rows: impl Iterator<Item = &'r Row<'a>>) -> Figures
    where
        'a: 'r,
    {
        let total: Figures = rows.map(|it| Figures::of(it.disposal)).sum();
        match self.request.whole_dollars {
            true => total.whole_dollars(),
            false => total,
        }
    }
}

/// The year that a row's id names, so that nobody has to name it besides.
#[must_use]
pub fn year_of_row(id: &str) -> Option<i32> {
    id.split_once('-')?.0.parse().ok()
}

impl Row<'_> {
    /// What was sold, as the form describes it: `100 sh. XYZ`, `0.5 BTC`.
    #[must_use]
    pub fn description(&self) -> String {
        let (quantity, symbol) = (self.disposal.quantity, &self.buy.symbol);
        match self.buy.asset_class {
            AssetClass::Equity | AssetClass::Fund => format!("{quantity} sh. {symbol}"),
            AssetClass::Crypto => format!("{quantity} {}", self.asset()),
        }
    }

    /// What was sold without what it is priced in: `BTC` of `BTC-USD`.
    #[must_use]
    pub fn asset(&self) -> &str {
        let symbol = self.buy.symbol.as_ref();
        match self.buy.asset_class {
            AssetClass::Crypto => symbol.split(['-', '/']).next().unwrap_or(symbol),
            // `BRK-B` is a share of its own.
            AssetClass::Equity | AssetClass::Fund => symbol,
        }
    }

    /// For how many days it was held, counted as the term is: not the first day, and the last one.
    #[must_use]
    pub fn days_held(&self) -> i32 {
        self.disposal.sold.unix_days() - self.disposal.holding_start.unix_days()
    }

    /// The code of column (f).
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self.disposal.adjustment {
            Cents::ZERO => "",
            _ => "W",
        }
    }

    /// Whether it was not sold but paid as the fee of another trade, which the law takes for a sale.
    #[must_use]
    pub fn is_fee(&self) -> bool {
        self.disposal.is_fee
    }

    /// The day of the purchase for a program that makes the term of the dates: the day since when it counts
    /// as held, where the day of the purchase would give another term.
    #[must_use]
    pub fn date_for_term(&self) -> Day {
        match self.is_dated_otherwise() {
            true => self.disposal.holding_start,
            false => self.disposal.acquired,
        }
    }

    /// Whether [`Row::date_for_term`] is not the day of the purchase.
    #[must_use]
    pub fn is_dated_otherwise(&self) -> bool {
        let it = self.disposal;
        Term::of(it.acquired, it.sold) != it.term && it.holding_start != it.acquired
    }

    /// All reasons to look at it, in one text.
    pub(super) fn needs_review(&self) -> String {
        let reasons: Vec<String> = self.reviews.iter().map(Review::to_string).collect();
        reasons.join("; ")
    }
}

fn row<'a>(
    request: &Request<'a>,
    washes: &[&'a Wash],
    place: usize,
    disposal: &'a Disposal,
) -> Result<Row<'a>, FilingError> {
    let buy = execution(request.executions, disposal.buy)?;
    let sell = execution(request.executions, disposal.sell)?;
    let origin = |place| request.origins.get(place).and_then(Option::as_ref);
    let (form_box, is_box_said) = request.boxes.of(
        &sell.account_id,
        buy.asset_class,
        request.year,
        disposal.term,
    );
    let figures = Figures::of(disposal);
    let begin = washes.partition_point(|it| it.loss < place);
    let own = washes.iter().skip(begin).take_while(|it| it.loss == place);
    let mut row = Row {
        id: row_id(disposal, sell),
        place,
        disposal,
        buy,
        sell,
        buy_origin: origin(disposal.buy),
        sell_origin: origin(disposal.sell),
        form_box,
        method: match request.options.method {
            // A sale that names no lots takes the oldest.
            Method::Specid if sell.lots.is_empty() => Method::Fifo,
            method => method,
        },
        figures: match request.whole_dollars {
            true => figures.whole_dollars(),
            false => figures,
        },
        washes: own.copied().collect(),
        reviews: Vec::new(),
    };
    row.reviews = reviews(request, &row, is_box_said);
    Ok(row)
}

fn row_id(disposal: &Disposal, sell: &Execution<'_>) -> String {
    let (year, piece) = (disposal.sold.year(), disposal.piece);
    format!("{year}-{}-p{piece}", sell.id)
}

fn order<'r>(row: &'r Row<'_>) -> (FormBox, &'r str, Day, Day) {
    let (sold, acquired) = (row.disposal.sold, row.disposal.acquired);
    (row.form_box, &row.buy.symbol, sold, acquired)
}

fn execution<'a>(
    executions: &'a [Execution<'a>],
    place: usize,
) -> Result<&'a Execution<'a>, FilingError> {
    executions.get(place).ok_or(FilingError::Execution {
        place,
        count: executions.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::tax::testing::{Year, day};

    fn reasons(year: &Year, change: impl Fn(&mut Request<'_>), id: &str) -> Vec<Review> {
        let mut request = year.request();
        change(&mut request);
        let filing = Filing::new(request).unwrap();
        filing.row(id).unwrap().reviews.clone()
    }

    #[test]
    fn a_row_has_one_id_which_names_its_year() {
        let year = Year::new();
        let filing = year.filing();
        let ids: Vec<&str> = filing.rows().iter().map(|it| it.id.as_str()).collect();
        assert_eq!(
            ids,
            ["2025-s1-p1", "2025-s2-p1", "2025-=a2-p1", "2025-c2-p1"]
        );
        // The place in the book is that of the order of the sales, with those of other years.
        assert_eq!(filing.id_of(0).as_deref(), Some("2024-o2-p1"));
        assert_eq!(filing.id_of(2).as_deref(), Some("2025-s1-p1"));
        assert_eq!(year_of_row("2025-s1-p1"), Some(2025));
        assert_eq!(year_of_row("s1"), None);
    }

    /// 30 days after 20 December are the 19th of January.
    #[test]
    fn a_late_loss_is_open_for_thirty_days() {
        let year = Year::new();
        let of = |today: &str, through: &str| {
            let reasons = reasons(
                &year,
                |it| {
                    it.today = Some(day(today));
                    it.data_through = Some(day(through));
                },
                "2025-=a2-p1",
            );
            let window =
                |it: &Review| matches!(it, Review::WindowOpen(_) | Review::WindowUnseen(_));
            reasons.into_iter().find(window)
        };
        let last = day("2026-01-19");
        assert_eq!(
            of("2026-01-19", "2026-01-18"),
            Some(Review::WindowOpen(last))
        );
        assert_eq!(
            of("2026-01-20", "2026-01-18"),
            Some(Review::WindowUnseen(last))
        );
        assert_eq!(of("2026-01-20", "2026-01-19"), None);
    }

    #[test]
    fn a_gain_and_a_replaced_loss_have_no_open_window() {
        let year = Year::new();
        let open = |it: &mut Request<'_>| it.today = Some(day("2025-06-10"));
        assert_eq!(reasons(&year, open, "2025-s1-p1"), []);
        assert_eq!(reasons(&year, open, "2025-s2-p1"), []);
    }

    /// 2025-06-20 to 2025-12-15 is half a year; since 2024-12-01 it is more than one.
    #[test]
    fn a_row_that_is_long_by_added_days_has_a_date_for_programs_that_only_know_dates() {
        let mut year = Year::new();
        let second = year.book.disposals.get_mut(3).unwrap();
        second.holding_start = day("2024-12-01");
        second.term = Term::Long;
        let filing = year.filing();
        let row = filing.row("2025-s2-p1").unwrap();
        assert_eq!(row.form_box.letter(), 'D');
        assert_eq!(row.reviews, [Review::TackedTerm]);
        assert!(row.is_dated_otherwise());
        assert_eq!(row.date_for_term(), day("2024-12-01"));
        assert_eq!(row.days_held(), 379);
        // Days that were added and do not change the term leave the day of the purchase alone.
        let year = Year::new();
        let filing = year.filing();
        let row = filing.row("2025-s2-p1").unwrap();
        assert_eq!(row.date_for_term(), day("2025-06-20"));
    }

    #[test]
    fn a_sale_that_names_no_lots_is_first_in_first_out() {
        let mut year = Year::new();
        year.options.method = Method::Specid;
        let filing = year.filing();
        assert!(filing.rows().iter().all(|it| it.method == Method::Fifo));
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        let year = Year::new();
        let mut request = year.request();
        request.origins = &[];
        let error = Filing::new(request).unwrap_err();
        assert_eq!(error.to_string(), "there are 11 executions and 0 origins");
        let mut request = year.request();
        request.executions = &year.executions[..5];
        request.origins = &year.origins[..5];
        let error = Filing::new(request).unwrap_err();
        assert_eq!(error, FilingError::Execution { place: 8, count: 5 });
    }

    #[test]
    fn descriptions_are_those_of_the_form() {
        let mut year = Year::new();
        year.executions[6].symbol = "BRK-B".into();
        let filing = year.filing();
        let described: Vec<String> = filing.rows().iter().map(Row::description).collect();
        assert_eq!(
            described,
            ["100 sh. XYZ", "60 sh. XYZ", "10 sh. BRK-B", "0.5 BTC"]
        );
    }
}
