//! The ticker of a stock.

use std::{fmt, str::FromStr};

use crate::record::field::{
    Field, Wrong,
    string::{unescaped, write_string},
};

const RULE: &str = "must be 1 to 5 upper-case ASCII letters or digits";
const LEN_MAX: usize = 5;

/// A stock ticker such as `AAPL`: 1 to 5 upper-case ASCII letters or digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol {
    /// The letters, then zeros, so that the derived order is that of the texts.
    letters: [u8; LEN_MAX],
}

impl Symbol {
    /// The ticker of that text, if the rule holds.
    #[must_use]
    #[inline]
    pub(crate) fn of(text: &[u8]) -> Option<Symbol> {
        let legal = |it: &u8| it.is_ascii_uppercase() || it.is_ascii_digit();
        if text.is_empty() || !text.iter().all(legal) {
            return None;
        }
        let mut letters = [0; LEN_MAX];
        letters.get_mut(..text.len())?.copy_from_slice(text);
        Some(Symbol { letters })
    }

    /// Its letters.
    #[must_use]
    #[inline]
    pub fn as_str(&self) -> &str {
        let len = self.letters.iter().take_while(|it| **it != 0).count();
        let letters = self.letters.get(..len).unwrap_or_default();
        std::str::from_utf8(letters).unwrap_or_default()
    }
}

impl FromStr for Symbol {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Symbol, Wrong> {
        Symbol::of(text.as_bytes()).ok_or_else(|| Wrong::new(RULE, format_args!("{text:?}")))
    }
}

impl TryFrom<&str> for Symbol {
    type Error = Wrong;

    fn try_from(text: &str) -> Result<Symbol, Wrong> {
        text.parse()
    }
}

impl AsRef<str> for Symbol {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<str> for Symbol {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Symbol {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Field for Symbol {
    #[inline]
    fn read(json: &str) -> Result<Symbol, Wrong> {
        let text = unescaped(json).ok_or_else(|| Wrong::new(RULE, json))?;
        Symbol::of(text.as_bytes()).ok_or_else(|| Wrong::new(RULE, json))
    }

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        write_string(self.as_str(), out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticker_is_short_and_upper_case() {
        for text in ["A", "AAPL", "GOOGL", "3M", "12345"] {
            assert_eq!(text.parse::<Symbol>().unwrap().to_string(), text);
        }
        for text in [
            "", "aapl", "TOOLONG", "BRK.B", "A B", " A", "A\0", "\u{c4}", "BTC-U",
        ] {
            assert!(text.parse::<Symbol>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn tickers_sort_as_their_texts() {
        let of = |text: &str| text.parse::<Symbol>().unwrap();
        assert!(of("A") < of("AA"));
        assert!(of("AA") < of("B"));
    }
}
