//! What a trade log and its files are called.
//!
//! Always true: a name is one part of a path, and none that leads out of its folder or hides.

use std::{fmt, str::FromStr};

use crate::record::Stream;
use crate::time::{Day, Timestamp};

const LEN_MAX: usize = 64;

/// The name of a strategy, as its files begin: 1 to 64 ASCII letters, digits, `_`, `-` and `.`, the first of
/// them a letter, a digit or `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StrategyName(String);

/// A text that is no name of a strategy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is no name for files: 1 to {LEN_MAX} ASCII letters, digits, `_`, `-` and `.` that begin with none of the last two",
    text.escape_debug()
)]
pub struct StrategyNameError {
    /// The text as it was given.
    pub text: String,
}

impl StrategyName {
    /// Its characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `{strategy}_trades_20251024.csv`, without its ending.
    #[must_use]
    pub fn of_day(&self, stream: Stream, day: Day) -> String {
        format!("{}_{}_{}", self.0, plural(stream), compact(day))
    }

    /// The day of a file that [`StrategyName::of_day`] and an ending name.
    pub(super) fn day_in(&self, stream: Stream, file: &str, ending: &str) -> Option<Day> {
        let rest = file.strip_prefix(self.as_str())?.strip_prefix('_')?;
        let rest = rest.strip_prefix(plural(stream))?.strip_prefix('_')?;
        let digits = rest.strip_suffix(ending)?;
        let (year, rest) = digits.split_at_checked(4)?;
        let (month, day) = rest.split_at_checked(2)?;
        format!("{year}-{month}-{day}").parse().ok()
    }

    /// `{strategy}_trades_export_20251024_123456.json`, without its ending.
    pub(super) fn of_export(&self, stream: Stream, at: Timestamp) -> String {
        let of_day = at.unix_secs().rem_euclid(86_400);
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        let day = compact(at.day());
        format!(
            "{}_{}_export_{day}_{hour:02}{minute:02}{second:02}",
            self.0,
            plural(stream)
        )
    }

    /// The same under a name that somebody chose; one of digits alone might be a day's.
    pub(super) fn of_export_called(&self, stream: Stream, name: &StrategyName) -> String {
        let is_number = name.0.bytes().all(|it| it.is_ascii_digit());
        let export = if is_number { "export_" } else { "" };
        format!("{}_{}_{export}{}", self.0, plural(stream), name.0)
    }
}

/// What a file calls its records: a fill is a trade there.
pub(super) fn plural(stream: Stream) -> &'static str {
    match stream {
        Stream::Fills => "trades",
        other => other.name(),
    }
}

fn compact(day: Day) -> String {
    day.to_string().replace('-', "")
}

impl FromStr for StrategyName {
    type Err = StrategyNameError;

    fn from_str(text: &str) -> Result<StrategyName, StrategyNameError> {
        let is_legal = |it: u8| it.is_ascii_alphanumeric() || b"_-.".contains(&it);
        let is_name = (1..=LEN_MAX).contains(&text.len())
            && text.bytes().all(is_legal)
            && !text.starts_with(['-', '.']);
        match is_name {
            true => Ok(StrategyName(text.to_owned())),
            false => Err(StrategyNameError {
                text: text.to_owned(),
            }),
        }
    }
}

impl fmt::Display for StrategyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_part_of_a_path() {
        let long = "a".repeat(65);
        for text in [
            "", ".", "..", "../x", "a/b", "a\\b", ".hidden", "-x", "a b", "a\nb", "a\0", "\u{e4}",
            "/abs", &long,
        ] {
            let error = text.parse::<StrategyName>().unwrap_err();
            assert!(error.to_string().contains("is no name for files"), "{text}");
        }
        for text in [
            "avellaneda",
            "demo_strategy",
            "a-b.2",
            "7",
            "_x",
            &long[1..],
        ] {
            assert_eq!(text.parse::<StrategyName>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn files_are_called_as_in_the_first_trade_logger() {
        let name: StrategyName = "avellaneda".parse().unwrap();
        let at: Timestamp = "2025-10-24T12:34:56.789Z".parse().unwrap();
        let of_day = |it| name.of_day(it, at.day());
        assert_eq!(of_day(Stream::Fills), "avellaneda_trades_20251024");
        assert_eq!(of_day(Stream::Errors), "avellaneda_errors_20251024");
        for (file, day) in [
            ("avellaneda_trades_20251024.csv", Some(at.day())),
            ("avellaneda_trades_2025-10-24.csv", None),
            ("avellaneda_trades_20251324.csv", None),
            ("avellaneda_errors_20251024.csv", None),
            ("avellaneda_trades_20251024.json", None),
            ("avellaneda_2_trades_20251024.csv", None),
        ] {
            assert_eq!(name.day_in(Stream::Fills, file, ".csv"), day, "{file}");
        }
        assert_eq!(
            name.of_export(Stream::Decisions, at),
            "avellaneda_decisions_export_20251024_123456"
        );
    }
}
