//! The calendar: what each day earned, as a month of squares.

use std::collections::BTreeMap;

use super::super::Book;
use super::super::range::{Month, Parts, later, weekday, weekday_from_monday};
use super::figure::{Facts, Form};
use super::html::escaped;
use crate::books::metrics::Exact;
use crate::time::Day;

/// More months than that are shown only where there were trades.
const MONTHS_MAX: usize = 24;
/// How many shades there are.
const SHADES: u32 = 5;

/// A day with trades: its place in the book, and what it earned.
struct Square {
    index: usize,
    net: Exact,
}

/// The months of a book, or nothing without a day on which a trade was closed.
pub(super) fn calendar(facts: Facts<'_>, place: usize, book: &Book) -> Option<String> {
    let mut squares = BTreeMap::new();
    for (index, row) in book.days.iter().enumerate() {
        let net = row.totals.net_pnl;
        squares.insert(row.day.parse::<Day>().ok()?, Square { index, net });
    }
    let (first, last) = (*squares.keys().next()?, *squares.keys().next_back()?);
    let largest = squares.values().map(|it| it.net.abs()).max()?;
    let mut months = vec![Month::of(first)];
    while let Some(month) = months.last().map(|it| it.next())
        && month.first() <= last
    {
        months.push(month);
    }
    if MONTHS_MAX < months.len() {
        months.retain(|it| squares.keys().any(|day| Month::of(*day) == *it));
    }
    let shown = months.iter().map(|month| {
        let key = format!("books.{place}.days");
        table(facts, &key, *month, &squares, largest)
    });
    Some(shown.collect())
}

fn table(
    facts: Facts<'_>,
    key: &str,
    month: Month,
    squares: &BTreeMap<Day, Square>,
    largest: Exact,
) -> String {
    let first = month.first();
    let parts = Parts::of(first);
    let mut rows = String::from("<tr>");
    for _ in 0..weekday_from_monday(first) {
        rows.push_str("<td></td>");
    }
    let mut day = first;
    while day < month.next().first() {
        if day != first && weekday_from_monday(day) == 0 {
            rows.push_str("</tr><tr>");
        }
        rows.push_str(&square(facts, key, day, squares.get(&day), largest));
        day = later(day, 1);
    }
    format!(
        "<table class=\"month\" data-marks tabindex=\"0\"><caption>{} {}</caption><thead><tr>{}</tr></thead>\
         <tbody>{rows}</tr></tbody></table>",
        parts.month_name(),
        parts.year,
        ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"]
            .map(|it| format!("<th scope=\"col\">{it}</th>"))
            .concat()
    )
}

fn square(
    facts: Facts<'_>,
    key: &str,
    day: Day,
    square: Option<&Square>,
    largest: Exact,
) -> String {
    let number = Parts::of(day).day;
    let Some(Square { index, net }) = square else {
        return format!("<td><span class=\"d\">{number}</span></td>");
    };
    let key = format!("{key}.{index}");
    let count = |name: &str| {
        let count = facts.number(&format!("{key}.{name}"));
        Form::Count.shown(count.unwrap_or_default())
    };
    let tip = format!(
        "{}, {day}\nnet {}\n{} trades: {} won, {} lost",
        weekday(day),
        Form::Pnl.shown(*net),
        count("trades"),
        count("wins"),
        count("losses")
    );
    format!(
        "<td class=\"{}\" data-tip=\"{}\"><span class=\"d\">{number}</span>{}</td>",
        shade(*net, largest),
        escaped(&tip),
        facts.figure(&format!("{key}.net_pnl"), Form::ShortPnl)
    )
}

/// `p1` to `p5` for gains, `n1` to `n5` for losses: fifths of the largest of both.
fn shade(net: Exact, largest: Exact) -> String {
    let side = match net.signum() {
        1.. => 'p',
        0 => return "zero".to_owned(),
        _ => 'n',
    };
    // Five times as much is compared, since a fifth may not be exact.
    let size = net.abs().checked_mul(u64::from(SHADES));
    let is_within = |it: &u32| size <= largest.checked_mul(u64::from(*it));
    let shade = (1..SHADES).find(|it| size.is_some() && is_within(it));
    format!("{side}{}", shade.unwrap_or(SHADES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shades_are_fifths_of_the_largest_day() {
        let hundred = Exact::from(100_u64);
        for (net, wanted) in [
            (100, "p5"),
            (81, "p5"),
            (80, "p4"),
            (1, "p1"),
            (0, "zero"),
            (-20, "n1"),
            (-100, "n5"),
        ] {
            let net = net.to_string().parse().unwrap();
            assert_eq!(shade(net, hundred), wanted);
        }
    }
}
