//! One row of the form in words: each number, where it comes from, and the rule that made it.
//!
//! Always true:
//! - Every number is one of the book or of an execution. The only sum made here is what a trade came to in
//!   all, by the book's own rounding.
//! - Sums are to the cent, also where the form is in whole dollars; the row then has both.

use std::fmt;

use rust_decimal::Decimal;

use crate::books::tax::{Cents, Disposal, Execution, Method, Term, Units, Wash};
use crate::record::field::Action;
use crate::time::Day;

use super::filing::{Filing, Row};
use super::form_box::Told;
use super::origin::Origin;

/// More pieces of one purchase than that are counted and not listed.
const PIECES_LISTED: usize = 10;

/// A row in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// In the order in which they are read.
    pub sections: Vec<Section>,
}

/// Some sentences with a title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// What they are about.
    pub title: String,
    /// The sentences.
    pub sentences: Vec<String>,
}

/// The row of that id; `None` where the filing has none.
#[must_use]
pub fn explain(filing: &Filing<'_>, row_id: &str) -> Option<Explanation> {
    let row = filing.row(row_id)?;
    let section = |title: &str, sentences: Vec<String>| Section {
        title: title.to_owned(),
        sentences,
    };
    let mut sections = vec![
        section(&format!("Row {row_id}"), result(filing, row)),
        section("Purchase", purchase(filing, row)),
        section("Earlier losses in its cost", incoming(filing, row)),
        section("Sale", sale(row)),
        section("Loss that does not count now", outgoing(filing, row)),
        section("Short or long", term(row.disposal)),
        section("Lines of the journal", journal(row)),
        section(
            "To look at",
            row.reviews.iter().map(|it| format!("{it}.")).collect(),
        ),
    ];
    sections.retain(|it| !it.sentences.is_empty());
    Some(Explanation { sections })
}

/// Titles, with the sentences below them.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, section) in self.sections.iter().enumerate() {
            if index != 0 {
                writeln!(f)?;
            }
            writeln!(f, "{}", section.title)?;
            for sentence in &section.sentences {
                writeln!(f, "  {sentence}")?;
            }
        }
        Ok(())
    }
}

fn result(filing: &Filing<'_>, row: &Row<'_>) -> Vec<String> {
    let disposal = row.disposal;
    let (part, form_box, account) = (row.form_box.part(), row.form_box, &row.sell.account_id);
    let told = match row.form_box.told() {
        Told::Basis => "the broker told the tax office what it was sold for and what it had cost",
        Told::Proceeds => {
            "the broker told the tax office what it was sold for, not what it had cost"
        }
        Told::Nothing => "no form 1099 came",
    };
    let mut found = vec![
        format!(
            "{} of account {account}, sold on {}.",
            row.description(),
            disposal.sold
        ),
        format!("It is in part {part}, box {form_box} of Form 8949: {told}."),
        format!(
            "Gain or loss = proceeds {} - cost {} + loss that does not count {} = {}.",
            disposal.proceeds,
            disposal.basis(),
            disposal.adjustment,
            disposal.gain()
        ),
    ];
    if filing.request().whole_dollars {
        let it = row.figures;
        let [proceeds, basis, adjustment, gain] =
            [it.proceeds, it.basis, it.adjustment, it.gain].map(|it| filing.dollars(it));
        found.push(format!(
            "In whole dollars the form has {proceeds} - {basis} + {adjustment} = {gain}. The third number is what \
             leads to the rounded gain, so that the row adds up."
        ));
    }
    found
}

fn purchase(filing: &Filing<'_>, row: &Row<'_>) -> Vec<String> {
    let (disposal, buy) = (row.disposal, row.buy);
    let mut found = Vec::new();
    match buy.carried {
        Some(carried) => found.push(format!(
            "Lot {} came from elsewhere: {} units, bought on {}, with a cost of {} and {} of earlier losses in it.",
            buy.id, buy.quantity.normalize(), carried.acquired, carried.basis, carried.wash_added
        )),
        None => found.extend(traded(buy)),
    }
    found.push(match row.method {
        Method::Fifo => "It was chosen since the oldest lot is sold first (fifo).".to_owned(),
        Method::Lifo => "It was chosen since the newest lot is sold first (lifo).".to_owned(),
        Method::Hifo => {
            "It was chosen since the lot of the highest cost of a unit is sold first (hifo)."
                .to_owned()
        }
        Method::Specid => "It was chosen since the sale names it (specid).".to_owned(),
        Method::Average => {
            "The oldest lot is sold first, at the average cost of all (average).".to_owned()
        }
    });
    found.push(format!(
        "This row sells {} of it, and their share of its cost is {}.",
        disposal.quantity, disposal.original_basis
    ));
    if was_split(filing, row) {
        found.push(
            "There was a split in between: the quantity of the row counts units after it."
                .to_owned(),
        );
    }
    found.extend(other_pieces(filing, row));
    found
}

/// What a trade was, such as `Trade b1, 2025-03-03T15:00:00.000Z: 100 XYZ bought at 15 each`, and its fee.
fn traded(it: &Execution<'_>) -> Vec<String> {
    let (verb, sign) = match it.action {
        Action::Buy => ("bought", Decimal::ONE),
        Action::Sell => ("sold", Decimal::NEGATIVE_ONE),
    };
    let commission = it.commission.normalize();
    let (quantity, price) = (it.quantity.normalize(), it.price.normalize());
    let what = format!(
        "Trade {}, {}: {quantity} {} {verb} at {price} each",
        it.id, it.at, it.symbol
    );
    let Some(asset) = it.fee_asset.as_deref().filter(|it| *it != "USD") else {
        return match Cents::of(it.quantity, it.price, sign * it.commission) {
            Some(sum) => vec![format!(
                "{what}, commission {commission}: {sum} in all, to the cent."
            )],
            None => vec![format!("{what}, commission {commission}.")],
        };
    };
    let worth = it.fee_value.map_or(String::new(), |it| {
        format!(", worth {} dollars", it.normalize())
    });
    let rule = "A fee in what is bought makes the lot smaller and leaves its cost; in what is sold it is sold with \
                the rest; in anything else that is sold besides.";
    vec![
        format!("{what}, with a fee of {commission} {asset}{worth}."),
        rule.to_owned(),
    ]
}

fn was_split(filing: &Filing<'_>, row: &Row<'_>) -> bool {
    let (acquired, sold) = (row.disposal.acquired, row.disposal.sold);
    let mut splits = filing.request().options.splits.iter();
    splits.any(|it| it.symbol == row.buy.symbol && acquired < it.day && it.day <= sold)
}

/// Where the rest of the purchase went: cents that do not divide go to one piece or another.
fn other_pieces(filing: &Filing<'_>, row: &Row<'_>) -> Vec<String> {
    let book = filing.request().book;
    let is_other =
        |(place, it): &(usize, &Disposal)| it.buy == row.disposal.buy && *place != row.place;
    let sold = || book.disposals.iter().enumerate().filter(is_other);
    let mut pieces: Vec<String> = sold()
        .take(PIECES_LISTED)
        .map(|(place, it)| {
            let id = filing.id_of(place).unwrap_or_default();
            format!(
                "row {id} sells {} at a cost of {}",
                it.quantity, it.original_basis
            )
        })
        .collect();
    let more = sold().count().saturating_sub(PIECES_LISTED);
    if more != 0 {
        pieces.push(format!("{more} more rows sell parts of it"));
    }
    let left = book.open.iter().filter(|it| it.buy == row.disposal.buy);
    pieces.extend(left.map(|it| {
        format!(
            "{} are left at a cost of {}",
            it.quantity, it.original_basis
        )
    }));
    if pieces.is_empty() {
        return Vec::new();
    }
    let rule = "A share is the cost of what was left x units sold / units left, to the cent and half a cent up; \
                the last piece takes what remains.";
    vec![
        rule.to_owned(),
        format!("Of the same purchase, {}.", pieces.join("; ")),
    ]
}

/// What losses that the purchase replaced added to the row's cost.
fn incoming(filing: &Filing<'_>, row: &Row<'_>) -> Vec<String> {
    let disposal = row.disposal;
    if disposal.wash_added == Cents::ZERO {
        return Vec::new();
    }
    let mut found = vec![format!(
        "The purchase replaced shares that had been sold at a loss. {} of such losses did not count then and are in \
         the cost of this row: {} + {} = {}.",
        disposal.wash_added,
        disposal.original_basis,
        disposal.wash_added,
        disposal.basis()
    )];
    let all = filing.request().book.washes.iter();
    let of_buy: Vec<&Wash> = all.filter(|it| it.replacement == disposal.buy).collect();
    // A purchase that replaced several losses was parted, and a part is known by the days that were added to
    // it.
    let days = disposal.acquired.unix_days() - disposal.holding_start.unix_days();
    let alike = of_buy.iter().filter(|it| it.days_added == days);
    let alike: Vec<&Wash> = alike.copied().collect();
    let origins = if alike.is_empty() { of_buy } else { alike };
    let begin = match origins.as_slice() {
        [_] => "It comes from",
        _ => "It comes from one or more of these:",
    };
    let origins: Vec<String> = origins
        .iter()
        .map(|it| {
            let id = filing.id_of(it.loss).unwrap_or_default();
            format!(
                "row {id}, of whose loss {} went into {} units",
                it.disallowed, it.quantity
            )
        })
        .collect();
    if !origins.is_empty() {
        found.push(format!("{begin} {}.", origins.join("; ")));
    }
    found
}

fn sale(row: &Row<'_>) -> Vec<String> {
    let (disposal, sell) = (row.disposal, row.sell);
    let mut found = traded(sell);
    if row.is_fee() {
        found.push(
            "This row is a fee of that trade: to pay with something is to sell it.".to_owned(),
        );
    } else if Units::of(sell.quantity) != Some(disposal.quantity) {
        let rule =
            "Its sums are parted among its pieces by quantity, so that they add up to the cent.";
        found.push(rule.to_owned());
    }
    found.push(format!(
        "This row is piece {} of it, {} units: {} - fees {} = {}.",
        disposal.piece,
        disposal.quantity,
        disposal.gross_proceeds,
        disposal.fees(),
        disposal.proceeds
    ));
    found
}

/// Which purchases replaced what was sold at a loss.
fn outgoing(filing: &Filing<'_>, row: &Row<'_>) -> Vec<String> {
    let disposal = row.disposal;
    if row.washes.is_empty() {
        return Vec::new();
    }
    let mut found = vec![format!(
        "It was sold for {} less than it cost. Whoever buys the same again within 30 days before or after a sale at \
         a loss may not count that loss yet (a wash sale, code W).",
        -disposal.gain_before_wash()
    )];
    found.extend(row.washes.iter().map(|it| replaced(filing, row, it)));
    found.push(format!(
        "Of {} units, {} were replaced; {} of the loss does not count now, and {} does.",
        disposal.quantity,
        disposal.replaced,
        disposal.adjustment,
        -disposal.gain()
    ));
    found
}

fn replaced(filing: &Filing<'_>, row: &Row<'_>, wash: &Wash) -> String {
    let (id, account) = match filing.execution(wash.replacement) {
        Some(it) => (it.id.as_ref(), it.account_id.as_ref()),
        None => ("", ""),
    };
    let (quantity, day, disallowed) = (wash.quantity, wash.replaced_on, wash.disallowed);
    let replaced = format!(
        "Trade {id} of account {account}, bought on {day}, replaced {quantity} of {}: {disallowed} of the loss",
        row.disposal.quantity
    );
    if wash.is_permanent {
        return format!("{replaced} is gone for ever, since that is a retirement account.");
    }
    format!(
        "{replaced} is added to the cost of what was bought, which counts as held for {} days longer.",
        wash.days_added
    )
}

fn term(disposal: &Disposal) -> Vec<String> {
    let (start, sold) = (disposal.holding_start, disposal.sold);
    let mut found = Vec::new();
    if start != disposal.acquired {
        found.push(format!(
            "It was bought on {} and counts as held since {start}: the days for which the shares were held that it \
             replaced count too.",
            disposal.acquired
        ));
    }
    let (word, than) = match disposal.term {
        Term::Short => ("short-term", "before that"),
        Term::Long => ("long-term", "on that day or later"),
    };
    let rule = "The day of the purchase does not count, the day of the sale does, and more than a year is long-term";
    found.push(match first_long(start) {
        Some(first) => {
            format!("{rule}: here from {first} on. It was sold on {sold}, {than}: {word}.")
        }
        None => format!("{rule}. It was sold on {sold}: {word}."),
    });
    found
}

/// The first day on which what is held since `start` is long-term.
fn first_long(start: Day) -> Option<Day> {
    // A leap day moves it by two days at most.
    let year = start.plus_years(1);
    let mut days = (0..4).map(|it| year.plus_days(it));
    days.find(|it| Term::of(start, *it) == Term::Long)
}

fn journal(row: &Row<'_>) -> Vec<String> {
    vec![
        format!("Purchase: {}.", line(row.buy_origin)),
        format!("Sale: {}.", line(row.sell_origin)),
    ]
}

fn line(origin: Option<&Origin>) -> String {
    match origin {
        Some(it) => match &it.hash {
            Some(hash) => format!("{it}, hash {hash}"),
            None => it.to_string(),
        },
        None => "in no line of the journal".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::books::tax::Carried;
    use crate::desk::tax::testing::{Year, day};

    #[test]
    fn a_loss_that_was_replaced() {
        let year = Year::new();
        let text = explain(&year.filing(), "2025-s1-p1").unwrap().to_string();
        assert_eq!(
            text,
            include_str!("../../../tests/fixtures/tax/explain-loss.txt")
        );
    }

    #[test]
    fn a_gain_with_an_earlier_loss_in_its_cost() {
        let year = Year::new();
        let text = explain(&year.filing(), "2025-s2-p1").unwrap().to_string();
        assert_eq!(
            text,
            include_str!("../../../tests/fixtures/tax/explain-gain.txt")
        );
    }

    #[test]
    fn a_loss_that_is_gone_says_so() {
        let year = Year::new();
        let text = explain(&year.filing(), "2025-=a2-p1").unwrap().to_string();
        assert!(
            text.contains("is gone for ever, since that is a retirement account."),
            "{text}"
        );
        assert!(text.contains("To look at\n  no box was given"), "{text}");
    }

    /// The coins of the row pay for a purchase of ether.
    #[test]
    fn what_is_paid_as_a_fee_is_sold() {
        let mut year = Year::new();
        let fee = year.executions.get_mut(5).unwrap();
        fee.action = Action::Buy;
        fee.symbol = "ETH-USD".into();
        fee.fee_asset = Some("BTC".into());
        fee.fee_value = Some(Decimal::new(60, 2));
        for row in year.book.disposals.iter_mut().filter(|it| it.sell == 5) {
            row.is_fee = true;
        }
        let filing = year.filing();
        let row = filing.row("2025-c2-p1").unwrap();
        assert_eq!(row.description(), "0.5 BTC");
        let text = explain(&filing, "2025-c2-p1").unwrap().to_string();
        assert!(
            text.contains(
                " ETH-USD bought at 60000 each, with a fee of 15 BTC, worth 0.6 dollars."
            ),
            "{text}"
        );
        assert!(text.contains("This row is a fee of that trade"), "{text}");
    }

    /// 100 are sold from two lots, and this row is 60 of them.
    #[test]
    fn a_sale_in_pieces_says_that_its_sums_are_parted() {
        let mut year = Year::new();
        year.executions.get_mut(3).unwrap().quantity = Decimal::ONE_HUNDRED;
        let text = explain(&year.filing(), "2025-s2-p1").unwrap().to_string();
        assert!(
            text.contains("Its sums are parted among its pieces"),
            "{text}"
        );
    }

    #[test]
    fn a_lot_from_elsewhere_says_what_came_with_it() {
        let mut year = Year::new();
        year.executions.get_mut(4).unwrap().carried = Some(Carried {
            acquired: day("2020-02-03"),
            holding_start: day("2020-02-03"),
            basis: Cents::new(2_001_000),
            wash_added: Cents::ZERO,
        });
        let text = explain(&year.filing(), "2025-c2-p1").unwrap().to_string();
        let wanted = "Lot c1 came from elsewhere: 0.5 units, bought on 2020-02-03, with a cost of 20010.00 and 0.00";
        assert!(text.contains(wanted), "{text}");
    }

    #[test]
    fn whole_dollars_are_told_besides_the_cents() {
        let year = Year::new();
        let mut request = year.request();
        request.whole_dollars = true;
        let filing = Filing::new(request).unwrap();
        let text = explain(&filing, "2025-s1-p1").unwrap().to_string();
        assert!(
            text.contains("= proceeds 1234.50 - cost 1500.49 + "),
            "{text}"
        );
        assert!(
            text.contains("the form has 1235 - 1500 + 265 = 0."),
            "{text}"
        );
    }

    #[test]
    fn the_first_long_day_is_the_one_that_the_term_has() {
        for (start, first) in [
            ("2024-06-10", "2025-06-11"),
            ("2023-03-01", "2024-03-02"),
            ("2024-02-29", "2025-03-01"),
            ("2024-02-28", "2025-03-01"),
        ] {
            assert_eq!(
                first_long(start.parse().unwrap()),
                Some(first.parse().unwrap())
            );
        }
    }

    #[test]
    fn another_row_is_none() {
        assert_eq!(explain(&Year::new().filing(), "2024-o2-p1"), None);
    }
}
