//! Texts: names, ids, reasons and notes.
//!
//! Always true:
//! - A text is kept as it was given, white space and all.
//! - What is for people ([`Text`], [`Note`]) is shown to the personal-data check; ids are not.

use std::{fmt, str::FromStr};

use crate::record::field::{
    Field, View, Word, Wrong,
    string::{unescaped, write_string},
};

macro_rules! text_types {
    ($( $(#[$doc:meta])* $name:ident, $rule:literal, $holds:expr $(, free $free:ident)?; )*) => { $(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Its characters.
            #[must_use]
            #[inline]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether the rule holds for `text`.
            #[inline]
            pub(crate) fn holds(text: &str) -> bool {
                let holds: fn(&str) -> bool = $holds;
                holds(text)
            }

            /// The value of this text; `None` when the rule does not hold.
            #[inline]
            #[allow(dead_code, reason = "not every type stands in a record with a fast reader")]
            pub(crate) fn of(text: &str) -> Option<$name> {
                $name::holds(text).then(|| $name(text.to_owned()))
            }

            /// Becomes `text` in the memory it has; `false` and unchanged when the rule does not hold.
            #[inline]
            #[allow(dead_code, reason = "not every type stands in a record with a fast reader")]
            pub(crate) fn set(&mut self, text: &str) -> bool {
                let holds = $name::holds(text);
                if holds {
                    self.0.clear();
                    self.0.push_str(text);
                }
                holds
            }
        }

        impl<'a> View<'a, &'a str> for $name {
            #[inline]
            fn view(&'a self) -> &'a str {
                &self.0
            }
        }

        impl<'a> View<'a, Option<&'a str>> for Option<$name> {
            #[inline]
            fn view(&'a self) -> Option<&'a str> {
                self.as_ref().map($name::as_str)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Wrong;

            fn try_from(text: String) -> Result<$name, Wrong> {
                if $name::holds(&text) {
                    Ok($name(text))
                } else {
                    Err(Wrong::new($rule, format_args!("{text:?}")))
                }
            }
        }

        impl TryFrom<&str> for $name {
            type Error = Wrong;

            fn try_from(text: &str) -> Result<$name, Wrong> {
                text.to_owned().try_into()
            }
        }

        impl FromStr for $name {
            type Err = Wrong;

            fn from_str(text: &str) -> Result<$name, Wrong> {
                text.try_into()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl Field for $name {
            #[inline]
            fn read(json: &str) -> Result<$name, Wrong> {
                match unescaped(json) {
                    Some(text) if $name::holds(&text) => Ok($name(text.into_owned())),
                    _ => Err(Wrong::new($rule, json)),
                }
            }

            #[inline]
            fn write(&self, out: &mut Vec<u8>) {
                write_string(&self.0, out);
            }

            $( text_types!(@$free); )?
        }
    )* };
    (@text) => {
        fn texts(&self, name: &'static str, visit: &mut dyn FnMut(&'static str, &str)) {
            visit(name, &self.0);
        }
    };
    (@note) => {
        fn missing() -> Result<Self, Wrong> {
            Ok(Self::default())
        }

        text_types!(@text);
    };
}

text_types! {
    /// A text with something in it: a reason, a name, a message.
    Text, "must be a text that is not blank", not_blank, free text;
    /// A text that may be empty; a missing one is empty.
    #[derive(Default)]
    Note, "must be a text", |_| true, free note;
    /// What the broker or exchange calls an order; an exit repeats its entry's.
    OrderId, "must be an order id that is not blank", not_blank;
    /// What the exchange calls one fill of an order.
    FillId, "must be a fill id that is not blank", not_blank;
    /// What the broker calls an account.
    AccountId, "must be an account id that is not blank", not_blank;
    /// What is traded: `BTC-USDT`, `ETH/EUR`, `BRK.B`, `VTSAX`.
    Pair, "must be 1 to 40 upper-case ASCII letters or digits, with single - / . _ or : between them",
        |text| is_joined(text, 40, |it| it.is_ascii_uppercase() || it.is_ascii_digit());
    /// What a fee is paid in: `USDT`, `USD`, `stETH`.
    Asset, "must be 1 to 20 ASCII letters or digits, with single - / . _ or : between them",
        |text| is_joined(text, 20, |it| it.is_ascii_alphanumeric());
    /// How an order was placed: `LIMIT`, `MARKET`, `STOP_LIMIT`.
    OrderType, "must be upper-case ASCII words such as LIMIT, MARKET or STOP_LIMIT",
        |text| is_joined(text, 40, |it| it.is_ascii_uppercase() || it.is_ascii_digit());
}

impl OrderId {
    /// The id of that text, which was one before.
    pub(crate) fn known(text: &str) -> OrderId {
        OrderId(text.to_owned())
    }
}

impl Pair {
    /// What is traded and what it is paid in: `BTC` and `USDT` of `BTC-USDT`. Nothing of a symbol that does
    /// not say it, such as `AAPL` or `BTC-USDT-PERP`.
    pub(crate) fn parts(&self) -> Option<(&str, &str)> {
        let parts = self.0.split_once(['-', '/', '_', ':']);
        parts.filter(|(_, quote)| quote.bytes().all(|it| it.is_ascii_alphabetic()))
    }
}

impl Text {
    /// The text of those words, which are not blank.
    pub(crate) fn known(words: &'static str) -> Text {
        debug_assert!(Text::holds(words));
        Text(words.to_owned())
    }

    /// A word as a text, which is never blank.
    pub(crate) fn of_word(word: &Word) -> Text {
        Text(word.as_str().to_owned())
    }
}

impl Note {
    /// The note of that text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Note {
        Note(text.into())
    }
}

#[inline]
fn not_blank(text: &str) -> bool {
    // The first byte decides for nearly every text.
    let graphic = text.as_bytes().first().is_some_and(u8::is_ascii_graphic);
    graphic || text.chars().any(|it| !it.is_whitespace())
}

/// Whether `text` is made of parts of legal bytes with one mark between two of them.
fn is_joined(text: &str, len_max: usize, legal: fn(&u8) -> bool) -> bool {
    let is_mark = |it: &u8| b"-/._:".contains(it);
    text.len() <= len_max
        && text
            .as_bytes()
            .split(is_mark)
            .all(|part| !part.is_empty() && part.iter().all(legal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_kept_as_given() {
        assert_eq!(" a\tb ".parse::<Text>().unwrap(), " a\tb ");
        assert!("".parse::<Text>().is_err());
        assert!(" \n\u{2003}".parse::<Text>().is_err());
        assert!("".parse::<OrderId>().is_err());
        assert_eq!(Note::missing().unwrap(), "");
        assert!(Text::missing().is_err());
        assert!(Note::read("null").is_err());
        assert!(Text::read("1").is_err());
    }

    #[test]
    fn pairs_are_parts_with_one_mark_between() {
        for text in [
            "BTC-USDT",
            "ETH/EUR",
            "BRK.B",
            "VTSAX",
            "BTC-USDT-SWAP",
            "1000PEPE-USDT",
        ] {
            assert!(text.parse::<Pair>().is_ok(), "{text}");
        }
        for text in [
            "",
            "btc-usdt",
            "-USDT",
            "BTC-",
            "BTC--USDT",
            "BTC USDT",
            "\u{c4}-EUR",
        ] {
            assert!(text.parse::<Pair>().is_err(), "{text}");
        }
        assert!("stETH".parse::<Asset>().is_ok());
        assert!("STOP_LIMIT".parse::<OrderType>().is_ok());
        assert!("limit".parse::<OrderType>().is_err());
    }
}
