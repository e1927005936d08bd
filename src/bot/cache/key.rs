//! What a cached value is called, and of which kind it is.
//!
//! Always true:
//! - Two keys are equal only if all their parts are: a colon stands between parts and in none of them but a
//!   timestamp, which is the last.
//! - A key has no blank, no control character and nothing that a pattern could mean.
//!
//! Not here: for how long a kind is kept.

use std::fmt::{self, Write as _};

use crate::record::field::Symbol;
use crate::time::Timestamp;

/// What a value is: by it a value is kept for longer or shorter, and all of a kind can be given up at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// What a language model answered: `llm:*`.
    Llm,
    /// What a market said: `quote:*`.
    Quote,
    /// What trades add up to: `perf:*`.
    Metrics,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 3] = [Kind::Llm, Kind::Quote, Kind::Metrics];

    /// What the keys of this kind begin with, before a colon.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Kind::Llm => "llm",
            Kind::Quote => "quote",
            Kind::Metrics => "perf",
        }
    }

    pub(super) fn index(self) -> usize {
        match self {
            Kind::Llm => 0,
            Kind::Quote => 1,
            Kind::Metrics => 2,
        }
    }
}

/// `llm:*`, `quote:*` or `perf:*`.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:*", self.prefix())
    }
}

/// The name of a cached value.
///
/// ```
/// use tradejournal::bot::cache::Key;
///
/// let symbol = "AAPL".parse()?;
/// assert_eq!(Key::quote(&symbol).as_str(), "quote:AAPL");
/// let at = "2025-10-26T14:32:15Z".parse()?;
/// let key = Key::llm_pattern(&symbol, at);
/// assert_eq!(key.as_str(), "llm:pattern:AAPL:2025-10-26T14:32:15.000Z");
/// assert_eq!(Key::perf_summary().as_str(), "perf:summary");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    kind: Kind,
    text: String,
}

impl Key {
    /// What a language model said of a pattern: `llm:pattern:{symbol}:{timestamp}`.
    #[must_use]
    pub fn llm_pattern(symbol: &Symbol, at: Timestamp) -> Key {
        let mut key = Key::new(Kind::Llm, ["pattern", symbol.as_str()]);
        // Its colons are told apart by being the last ones.
        let _ = write!(key.text, ":{at}");
        key
    }

    /// The latest quote of a symbol: `quote:{symbol}`.
    #[must_use]
    pub fn quote(symbol: &Symbol) -> Key {
        Key::new(Kind::Quote, [symbol.as_str()])
    }

    /// How trading goes, in short: `perf:summary`.
    #[must_use]
    pub fn perf_summary() -> Key {
        Key::new(Kind::Metrics, ["summary"])
    }

    /// Any other value of a kind: its parts behind the prefix, with a colon before each. What a key cannot
    /// have in it stands there as `%` and two digits.
    #[must_use]
    pub fn new<'a>(kind: Kind, parts: impl IntoIterator<Item = &'a str>) -> Key {
        let mut text = kind.prefix().to_owned();
        for part in parts {
            text.push(':');
            for byte in part.bytes() {
                match byte {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => {
                        text.push(char::from(byte));
                    }
                    // Writing to a text cannot fail.
                    _ => drop(write!(text, "%{byte:02X}")),
                }
            }
        }
        Key { kind, text }
    }

    /// Of which kind its value is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// As a text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_mistaken_in_a_part_is_escaped() {
        let key = |parts: &[&'static str]| Key::new(Kind::Metrics, parts.iter().copied());
        assert_eq!(key(&["a:b"]).as_str(), "perf:a%3Ab");
        assert_eq!(key(&["a", "b"]).as_str(), "perf:a:b");
        assert_eq!(key(&["50%", "*", "\r\n"]).as_str(), "perf:50%25:%2A:%0D%0A");
        assert_eq!(key(&["BTC/USDT", "ä"]).as_str(), "perf:BTC/USDT:%C3%A4");
        assert_ne!(key(&["a", ""]), key(&["a"]));
    }

    #[test]
    fn each_kind_has_its_own_place_and_prefix() {
        let places: Vec<usize> = Kind::ALL.iter().map(|it| it.index()).collect();
        assert_eq!(places, [0, 1, 2]);
        assert_eq!(Kind::Metrics.to_string(), "perf:*");
        assert_eq!(Key::perf_summary().kind(), Kind::Metrics);
    }
}
