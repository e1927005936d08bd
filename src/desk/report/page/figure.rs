//! Numbers as a page shows them, each with its place in the JSON.
//!
//! Always true:
//! - A number on the page is looked up in the serialised report by the key that stands beside it, so it
//!   cannot be another.
//! - Sums of money are shown exactly. What is rounded is rounded half to even, in the last place shown.
//! - What is gained and what is lost differ by their sign, not by colour alone.
//!
//! Not here: where on the page a number stands.

use rust_decimal::Decimal;
use serde_json::Value;

use crate::books::metrics::Exact;

/// The serialised report.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a>(pub(super) &'a Value);

/// How a number is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A whole number.
    Count,
    /// Money or a price, exact.
    Money,
    /// What was gained or lost, exact.
    Pnl,
    /// What was gained or lost, to the hundredth.
    MeanPnl,
    /// What was gained or lost, in as few characters as make sense.
    ShortPnl,
    /// A fraction of 1, in per cent.
    Fraction,
    /// The same with a sign.
    Return,
    /// Per cent.
    PerCent,
    /// To the hundredth.
    Ratio,
    /// A multiple of what was risked.
    Risked,
    /// Seconds.
    Seconds,
}

/// What is shown where there is no number.
pub(super) const NONE: &str = "\u{2013}";
const MINUS: &str = "\u{2212}";

impl<'a> Facts<'a> {
    /// What stands at that place: names and numbers, with dots between.
    pub(super) fn at(self, key: &str) -> Option<&'a Value> {
        let mut value = self.0;
        for name in key.split('.') {
            value = match value {
                Value::Array(items) => items.get(name.parse::<usize>().ok()?)?,
                _ => value.get(name)?,
            };
        }
        Some(value)
    }

    /// The number there.
    pub(super) fn number(self, key: &str) -> Option<Exact> {
        match self.at(key)? {
            Value::String(text) => text.parse().ok(),
            Value::Number(number) => number.to_string().parse().ok(),
            _ => None,
        }
    }

    /// The number there as a picture takes it, or 0.
    pub(super) fn drawn(self, key: &str) -> Decimal {
        let number = self.number(key).and_then(Exact::nearest);
        number.unwrap_or_default()
    }

    /// How many things are in the list there.
    pub(super) fn len(self, key: &str) -> usize {
        self.at(key).and_then(Value::as_array).map_or(0, Vec::len)
    }

    /// The text there.
    pub(super) fn text(self, key: &str) -> Option<&'a str> {
        self.at(key)?.as_str()
    }

    /// The number there as an element.
    pub(super) fn figure(self, key: &str, form: Form) -> String {
        self.figure_or(key, form, NONE)
    }

    /// The same, with another text where there is no number.
    pub(super) fn figure_or(self, key: &str, form: Form, none: &str) -> String {
        let number = self.number(key);
        let shown = number.map_or_else(|| none.to_owned(), |it| form.shown(it));
        let class = match number {
            None => "n none",
            Some(it) if form.has_sign() => match it.signum() {
                1.. => "n pos",
                0 => "n",
                _ => "n neg",
            },
            Some(_) => "n",
        };
        let unit = match form {
            Form::Fraction | Form::Return => " data-form=\"fraction\"",
            Form::Seconds => " data-form=\"seconds\"",
            _ => "",
        };
        format!("<span class=\"{class}\" data-key=\"{key}\"{unit}>{shown}</span>")
    }

    /// A cell of a table that can be sorted by its number.
    pub(super) fn cell(self, key: &str, form: Form) -> String {
        let sort = self.number(key).map(|it| it.to_string());
        format!(
            "<td class=\"num\" data-sort=\"{}\">{}</td>",
            sort.unwrap_or_default(),
            self.figure(key, form)
        )
    }
}

impl Form {
    /// The text of a number.
    pub(super) fn shown(self, value: impl Into<Exact>) -> String {
        let value = value.into();
        match self {
            Form::Count => grouped(value, 0, 0),
            Form::Money => grouped(value, 2, u32::MAX),
            Form::Pnl => signed(value, grouped(value, 2, u32::MAX)),
            Form::MeanPnl => signed(value, grouped(value, 2, 2)),
            Form::ShortPnl => short(value),
            Form::Fraction => format!("{}\u{a0}%", grouped(hundredfold(value), 1, 1)),
            Form::Return => {
                let percent = hundredfold(value);
                format!("{}\u{a0}%", signed(percent, grouped(percent, 2, 2)))
            }
            Form::PerCent => format!("{}\u{a0}%", grouped(value, 2, 2)),
            Form::Ratio => grouped(value, 2, 2),
            Form::Risked => format!("{}\u{a0}R", signed(value, grouped(value, 2, 2))),
            Form::Seconds => duration(value),
        }
    }

    /// Whether it is good above 0 and bad below.
    fn has_sign(self) -> bool {
        matches!(
            self,
            Form::Pnl | Form::MeanPnl | Form::ShortPnl | Form::Return | Form::Risked
        )
    }
}

/// With a sign in front unless it is 0.
fn signed(value: Exact, shown: String) -> String {
    match value.signum() {
        1.. => format!("+{shown}"),
        _ => shown,
    }
}

/// With commas between thousands, a true minus, and from `places_min` to `places_max` decimals.
fn grouped(value: Exact, places_min: u32, places_max: u32) -> String {
    let value = value.rounded(places_max).normalized();
    let is_negative = value.signum() < 0;
    let text = value.abs().to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut out = String::new();
    if is_negative {
        out.push_str(MINUS);
    }
    for (index, digit) in whole.chars().enumerate() {
        let left = whole.len() - index;
        if index != 0 && left % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    let places_min = usize::try_from(places_min).unwrap_or_default();
    if !fraction.is_empty() || places_min != 0 {
        out.push('.');
        out.push_str(fraction);
        out.extend(std::iter::repeat_n(
            '0',
            places_min.saturating_sub(fraction.len()),
        ));
    }
    out
}

/// Three or four digits: `+52`, `−1,203`, `+12.3k`, `−4.5M`.
fn short(value: Exact) -> String {
    let size = value.abs();
    let (divisor, unit) = match () {
        () if size < Exact::from(1_u64) => return signed(value, grouped(value, 0, 2)),
        () if size < Exact::from(10_000_u64) => (Decimal::ONE, ""),
        () if size < Exact::from(1_000_000_u64) => (Decimal::ONE_THOUSAND, "k"),
        () => (Decimal::from(1_000_000), "M"),
    };
    let places = u32::from(!unit.is_empty());
    let part = value.nearest().and_then(|it| it.checked_div(divisor));
    let shown = part.map_or(value, Exact::from);
    format!("{}{unit}", signed(value, grouped(shown, places, places)))
}

fn hundredfold(value: Exact) -> Exact {
    value.checked_mul(100).unwrap_or(value)
}

/// In the two largest units: `2d 3h`, `1h 12m`, `11m 27s`, `5s`.
fn duration(value: Exact) -> String {
    let seconds = value.decimal().map(|it| it.trunc());
    let Some(seconds) = seconds.and_then(|it| u64::try_from(it).ok()) else {
        return value.to_string();
    };
    let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
    let (minutes, rest) = (seconds / 60 % 60, seconds % 60);
    match () {
        () if days != 0 => format!("{days}d {hours}h"),
        () if hours != 0 => format!("{hours}h {minutes:02}m"),
        () if minutes != 0 => format!("{minutes}m {rest:02}s"),
        () => format!("{rest}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(form: Form, value: &str) -> String {
        form.shown(value.parse::<Exact>().unwrap())
    }

    #[test]
    fn money_is_shown_exactly_and_with_its_sign() {
        for (form, value, wanted) in [
            (Form::Pnl, "1234567.5", "+1,234,567.50"),
            (Form::Pnl, "-92.05", "\u{2212}92.05"),
            (Form::Pnl, "0.00", "0.00"),
            (Form::Pnl, "0.00000001", "+0.00000001"),
            (Form::Money, "100", "100.00"),
            (Form::Count, "1000", "1,000"),
            (Form::MeanPnl, "-0.004", "0.00"),
            (Form::MeanPnl, "8.665384615385", "+8.67"),
        ] {
            assert_eq!(shown(form, value), wanted);
        }
    }

    #[test]
    fn what_is_rounded_is_rounded_half_to_even() {
        for (form, value, wanted) in [
            (Form::Fraction, "0.6125", "61.2\u{a0}%"),
            (Form::Return, "-0.00125", "\u{2212}0.12\u{a0}%"),
            (Form::PerCent, "-12.345", "\u{2212}12.34\u{a0}%"),
            (Form::Ratio, "2", "2.00"),
            (Form::Risked, "1.5", "+1.50\u{a0}R"),
            (Form::ShortPnl, "112.65", "+113"),
            (Form::ShortPnl, "-12345", "\u{2212}12.3k"),
            (Form::ShortPnl, "0.25", "+0.25"),
            (Form::ShortPnl, "2500000", "+2.5M"),
            (Form::Seconds, "657", "10m 57s"),
            (Form::Seconds, "90000", "1d 1h"),
        ] {
            assert_eq!(shown(form, value), wanted);
        }
    }

    #[test]
    fn a_number_is_found_by_its_key() {
        let value = serde_json::json!({"a": [{"b": "1.50"}, {"b": null, "c": 2}]});
        let facts = Facts(&value);
        assert_eq!(facts.number("a.0.b"), "1.5".parse().ok());
        assert_eq!(facts.number("a.1.c"), "2".parse().ok());
        assert_eq!(facts.number("a.1.b"), None);
        assert_eq!(facts.number("a.2.b"), None);
        assert_eq!(
            facts.figure("a.0.b", Form::Pnl),
            "<span class=\"n pos\" data-key=\"a.0.b\">+1.50</span>"
        );
        assert_eq!(
            facts.figure_or("a.1.b", Form::Ratio, "\u{221e}"),
            "<span class=\"n none\" data-key=\"a.1.b\">\u{221e}</span>"
        );
    }
}
