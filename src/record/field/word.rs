//! Words with an open list: the kinds that are known, and any other that looks like one.

use std::{borrow::Cow, fmt, str::FromStr};

use crate::record::field::{Field, Wrong};

const RULE: &str = "must be a snake_case word such as \"risk_check\"";
const LEN_MAX: usize = 64;

/// A snake_case word of at most 64 characters: the kind of an event, a decision or an error.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Word(Cow<'static, str>);

impl Word {
    /// A word that the journal itself knows. Only for literals that keep the rule; a test reads
    /// each of them through the door.
    pub(crate) const fn known(word: &'static str) -> Word {
        Word(Cow::Borrowed(word))
    }

    /// Its letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_word(text: &str) -> bool {
    let legal = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit();
    let begins_with_letter = text.starts_with(|it: char| it.is_ascii_lowercase());
    begins_with_letter
        && text.len() <= LEN_MAX
        && text
            .split('_')
            .all(|part| !part.is_empty() && part.bytes().all(legal))
}

impl FromStr for Word {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Word, Wrong> {
        if is_word(text) {
            Ok(Word(Cow::Owned(text.to_owned())))
        } else {
            Err(Wrong::new(RULE, format_args!("{text:?}")))
        }
    }
}

impl TryFrom<&str> for Word {
    type Error = Wrong;

    fn try_from(text: &str) -> Result<Word, Wrong> {
        text.parse()
    }
}

impl AsRef<str> for Word {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Word {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Word {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Field for Word {
    fn read(json: &str) -> Result<Word, Wrong> {
        let text = json.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
        let word = text.filter(|it| is_word(it));
        word.map(|it| Word(Cow::Owned(it.to_owned())))
            .ok_or_else(|| Wrong::new(RULE, json))
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        out.extend_from_slice(self.0.as_bytes());
        out.push(b'"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_snake_case() {
        for text in ["a", "risk_check", "api_error", "level_2", "x9"] {
            assert_eq!(text.parse::<Word>().unwrap(), text);
        }
        let long = "a".repeat(65);
        for text in [
            "",
            "Risk",
            "risk-check",
            "_a",
            "a_",
            "a__b",
            "2fast",
            "a b",
            "\u{e4}",
            &long,
        ] {
            assert!(text.parse::<Word>().is_err(), "{text}");
        }
    }
}
