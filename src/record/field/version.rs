//! The version of a bot.

use std::{fmt, str::FromStr};

use crate::record::field::{
    Field, Wrong,
    string::{unescaped, write_string},
};

const RULE: &str = "must be a semantic version such as \"1.0.0\" or \"1.2.0-rc.1+build.5\"";

/// A semantic version (semver 2.0.0) of the bot that made a record.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct BotVersion(String);

impl BotVersion {
    /// Its text.
    #[must_use]
    #[inline]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    #[inline]
    pub(crate) fn of(text: &str) -> Option<BotVersion> {
        BotVersion::holds(text).then(|| BotVersion(text.to_owned()))
    }

    /// Whether `text` is a semantic version.
    #[inline]
    pub(crate) fn holds(text: &str) -> bool {
        // Three digits are what most versions are.
        let [a, b'.', b, b'.', c] = *text.as_bytes() else {
            return is_semantic(text);
        };
        [a, b, c].iter().all(u8::is_ascii_digit)
    }

    /// Becomes `text` in the memory it has; `false` and unchanged when that is no version.
    #[inline]
    pub(crate) fn set(&mut self, text: &str) -> bool {
        // A journal has runs of the same version.
        if self.0 == text {
            return true;
        }
        let holds = BotVersion::holds(text);
        if holds {
            self.0.clear();
            self.0.push_str(text);
        }
        holds
    }
}

fn is_semantic(text: &str) -> bool {
    let (text, build) = match text.split_once('+') {
        Some((text, build)) => (text, Some(build)),
        None => (text, None),
    };
    let (core, pre_release) = match text.split_once('-') {
        Some((core, pre_release)) => (core, Some(pre_release)),
        None => (text, None),
    };
    let mut numbers = core.split('.');
    let three = numbers.by_ref().take(3).filter(|it| is_number(it)).count() == 3;
    three
        && numbers.next().is_none()
        && pre_release.is_none_or(|it| it.split('.').all(is_pre_release))
        && build.is_none_or(|it| it.split('.').all(is_identifier))
}

fn is_number(part: &str) -> bool {
    let all_digits = !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
    all_digits && (part.len() == 1 || !part.starts_with('0'))
}

fn is_identifier(part: &str) -> bool {
    let legal = |it: u8| it.is_ascii_alphanumeric() || it == b'-';
    !part.is_empty() && part.bytes().all(legal)
}

fn is_pre_release(part: &str) -> bool {
    let all_digits = part.bytes().all(|it| it.is_ascii_digit());
    is_identifier(part) && (!all_digits || is_number(part))
}

impl FromStr for BotVersion {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<BotVersion, Wrong> {
        BotVersion::of(text).ok_or_else(|| Wrong::new(RULE, format_args!("{text:?}")))
    }
}

impl TryFrom<&str> for BotVersion {
    type Error = Wrong;

    fn try_from(text: &str) -> Result<BotVersion, Wrong> {
        text.parse()
    }
}

impl AsRef<str> for BotVersion {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BotVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for BotVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Field for BotVersion {
    #[inline]
    fn read(json: &str) -> Result<BotVersion, Wrong> {
        let text = unescaped(json);
        text.and_then(|it| BotVersion::of(&it))
            .ok_or_else(|| Wrong::new(RULE, json))
    }

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        write_string(&self.0, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_follow_the_grammar_of_semver() {
        for text in [
            "0.0.0",
            "1.0.0",
            "10.20.30",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-0.3.7",
            "1.0.0-x-y-z.--",
            "1.0.0+20130313144700",
            "1.0.0-beta+exp.sha.5114f85",
            "1.0.0+001",
            "1.0.0-0a",
            "1.0.0+a-b",
        ] {
            assert!(text.parse::<BotVersion>().is_ok(), "{text}");
        }
        for text in [
            "",
            "1",
            "1.0",
            "1.0.0.0",
            "v1.0.0",
            "01.0.0",
            "1.0.00",
            "1.0.0-",
            "1.0.0-01",
            "1.0.0-a..b",
            "1.0.0+",
            "1.0.0+a+b",
            "1.0.0 ",
            "1.0.x",
            "-1.0.0",
            "1.0.0-\u{e4}",
            "1..0",
        ] {
            assert!(text.parse::<BotVersion>().is_err(), "{text}");
        }
    }
}
