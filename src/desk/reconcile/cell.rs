//! What stands in a cell: decimals as brokers write them, directions, states.
//!
//! Always true: a decimal is read digit by digit, and what could be read in two ways is refused.

use rust_decimal::Decimal;

use crate::record::field::{Action, Money};

/// Reads `1234.5`, `$1,234.50`, `(12.30)` for what is negative, `-$5`, `.50`. A comma parts thousands.
pub(in crate::desk) fn decimal(text: &str) -> Option<Decimal> {
    let text = text.trim();
    let (is_negative, rest) = match text.strip_prefix('(').map(|it| it.strip_suffix(')')) {
        Some(inside) => (true, inside?),
        None => match text.strip_prefix(['-', '\u{2212}']) {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        },
    };
    let rest = rest.trim().strip_prefix('$').unwrap_or(rest.trim()).trim();
    let (whole, fraction) = match rest.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (rest, None),
    };
    let whole = match ungrouped(whole)? {
        empty if empty.is_empty() => "0".to_owned(),
        digits => digits,
    };
    let digits = match fraction {
        Some(fraction) => format!("{whole}.{fraction}"),
        None if rest.is_empty() => return None,
        None => whole,
    };
    // The sign was taken off: a second one is none.
    let is_plain = digits.bytes().all(|it| it.is_ascii_digit() || it == b'.');
    let value = digits.parse::<Money>().ok().filter(|_| is_plain)?.value();
    Some(if is_negative { -value } else { value })
}

/// `1,234` without its commas; `None` where they do not part thousands.
fn ungrouped(whole: &str) -> Option<String> {
    let mut groups = whole.split(',');
    let first = groups.next()?;
    let mut digits = first.to_owned();
    let mut is_grouped = false;
    for group in groups {
        if group.len() != 3 {
            return None;
        }
        is_grouped = true;
        digits.push_str(group);
    }
    let is_shaped = !is_grouped || (1..=3).contains(&first.len());
    is_shaped.then_some(digits)
}

/// Which way an order went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::desk) struct Side {
    pub(in crate::desk) action: Action,
    pub(super) intent: Intent,
}

/// What the broker says an order was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Nothing.
    Unsaid,
    /// To begin a position, such as a short sale.
    Opens,
    /// To end one, such as buying to cover.
    Closes,
}

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It was executed.
    Filled,
    /// A part of it was, or may have been, and the word does not say how much.
    Partly,
    /// It was not.
    Unfilled,
}

/// Words of a broker beyond those that are known: for its directions and states.
#[derive(Clone, Debug, Default)]
pub struct Words {
    /// Shares come in.
    pub buy: Vec<String>,
    /// Shares go out.
    pub sell: Vec<String>,
    /// An order that was executed.
    pub filled: Vec<String>,
    /// An order that was not.
    pub unfilled: Vec<String>,
}

const BUY: [&str; 4] = ["buy", "b", "bot", "bought"];
const SELL: [&str; 4] = ["sell", "s", "sld", "sold"];
const OPENS: [(&str, Action); 4] = [
    ("sell short", Action::Sell),
    ("short sell", Action::Sell),
    ("sell to open", Action::Sell),
    ("buy to open", Action::Buy),
];
const CLOSES: [(&str, Action); 3] = [
    ("buy to cover", Action::Buy),
    ("buy to close", Action::Buy),
    ("sell to close", Action::Sell),
];
const FILLED: [&str; 6] = [
    "filled",
    "fill",
    "executed",
    "completed",
    "complete",
    "done",
];
const PARTLY: [&str; 5] = [
    "partial fill",
    "partially filled",
    "partially canceled",
    "partially cancelled",
    "done for day",
];
const UNFILLED: [&str; 22] = [
    "canceled",
    "cancelled",
    "rejected",
    "expired",
    "failed",
    "voided",
    "unfilled",
    "new",
    "open",
    "pending",
    "pending new",
    "pending cancel",
    "pending replace",
    "accepted",
    "accepted for bidding",
    "queued",
    "unconfirmed",
    "confirmed",
    "held",
    "replaced",
    "stopped",
    "suspended",
];

impl Words {
    pub(in crate::desk) fn side(&self, text: &str) -> Option<Side> {
        let word = plain(text);
        let is_in = |own: &[String], known: &[&str]| {
            known.contains(&word.as_str()) || own.iter().any(|it| plain(it) == word)
        };
        let intent = |action, intent| Some(Side { action, intent });
        if is_in(&self.buy, &BUY) {
            return intent(Action::Buy, Intent::Unsaid);
        }
        if is_in(&self.sell, &SELL) {
            return intent(Action::Sell, Intent::Unsaid);
        }
        let among = |words: &[(&str, Action)]| words.iter().find(|it| it.0 == word).map(|it| it.1);
        if let Some(action) = among(&OPENS) {
            return intent(action, Intent::Opens);
        }
        among(&CLOSES).and_then(|action| intent(action, Intent::Closes))
    }

    /// What that state means; `None` for a word that is not known. What somebody says of a word of
    /// his broker goes before what is known of it.
    pub(super) fn state(&self, text: &str) -> Option<State> {
        let word = plain(text);
        let is_own = |own: &[String]| own.iter().any(|it| plain(it) == word);
        let known = |words: &[&str]| words.contains(&word.as_str());
        if is_own(&self.filled) {
            Some(State::Filled)
        } else if is_own(&self.unfilled) {
            Some(State::Unfilled)
        } else if known(&FILLED) {
            Some(State::Filled)
        } else if known(&PARTLY) {
            Some(State::Partly)
        } else {
            known(&UNFILLED).then_some(State::Unfilled)
        }
    }
}

/// In lower case, words parted by one space.
fn plain(text: &str) -> String {
    let words = text.split(|it: char| it.is_whitespace() || it == '_' || it == '-');
    let words: Vec<String> = words
        .filter(|it| !it.is_empty())
        .map(str::to_lowercase)
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_as_brokers_write_them() {
        for (text, wanted) in [
            ("150.25", "150.25"),
            (" $1,234.50 ", "1234.50"),
            ("(12.30)", "-12.30"),
            ("($1,000,000)", "-1000000"),
            ("-$5", "-5"),
            ("\u{2212}5", "-5"),
            ("+0.10", "0.10"),
            (".50", "0.50"),
            ("0", "0"),
        ] {
            assert_eq!(decimal(text), Some(wanted.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for text in [
            "",
            " ",
            "$",
            "-",
            "()",
            "(1",
            "1)",
            "1,23",
            "1.234,50",
            ",123",
            "1234,567",
            "1e5",
            "--1",
            "(-1)",
            "5-",
            "1.",
            "1..2",
            "0x1",
            "NaN",
            "1 000",
            "\u{20ac}5",
            "007",
            "$-5",
            "9.99999999999999999999999999999999",
        ] {
            assert_eq!(decimal(text), None, "{text}");
        }
    }

    #[test]
    fn sides_and_states_are_words_that_are_known_or_named() {
        let words = Words {
            buy: vec!["Kauf".to_owned()],
            unfilled: vec!["GESTRICHEN".to_owned()],
            ..Words::default()
        };
        let side = |text| words.side(text).map(|it| (it.action, it.intent));
        assert_eq!(side("BUY"), Some((Action::Buy, Intent::Unsaid)));
        assert_eq!(side("kauf"), Some((Action::Buy, Intent::Unsaid)));
        assert_eq!(side("sell_short"), Some((Action::Sell, Intent::Opens)));
        assert_eq!(side("Buy To  Cover"), Some((Action::Buy, Intent::Closes)));
        assert_eq!(side("Verkauf"), None);
        assert_eq!(words.state("Partially-Filled"), Some(State::Partly));
        assert_eq!(words.state("done_for_day"), Some(State::Partly));
        assert_eq!(words.state("FILLED"), Some(State::Filled));
        assert_eq!(words.state("gestrichen"), Some(State::Unfilled));
        assert_eq!(words.state(""), None);
    }
}
