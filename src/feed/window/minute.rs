//! A minute of UTC: the unit of the window, the name of a file, a score in Redis.
//!
//! Always true: an instant is in exactly one minute, the one whose start is not after it.

use std::fmt;
use std::time::Duration;

use crate::time::{Day, Timestamp};

const SECS: i64 = 60;
const OF_DAY: i64 = 1440;

/// A minute of UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minute(i64);

/// A text that names no minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a minute such as 2024-10-23T14:30")]
#[non_exhaustive]
pub struct MinuteError;

impl Minute {
    /// How long one is.
    pub const LEN: Duration = Duration::from_secs(60);

    /// The first minute that there is.
    #[must_use]
    pub fn first() -> Minute {
        Minute::of(Timestamp::MIN)
    }

    /// The last one.
    #[must_use]
    pub fn last() -> Minute {
        Minute::of(Timestamp::MAX)
    }

    /// The minute that an instant is in.
    #[must_use]
    pub fn of(time: Timestamp) -> Minute {
        Minute(time.unix_secs().div_euclid(SECS))
    }

    /// The minute that begins so many seconds after 1970, if one does.
    #[must_use]
    pub fn from_unix_secs(secs: i64) -> Option<Minute> {
        let is_start = secs.rem_euclid(SECS) == 0 && Timestamp::from_unix(secs, 0).is_ok();
        is_start.then_some(Minute(secs.div_euclid(SECS)))
    }

    /// Seconds from 1970 to its start.
    #[must_use]
    pub fn unix_secs(self) -> i64 {
        self.0 * SECS
    }

    /// Its first instant.
    #[must_use]
    pub fn start(self) -> Timestamp {
        Timestamp::from_unix(self.unix_secs(), 0).unwrap_or(Timestamp::MAX)
    }

    /// The day it is in.
    #[must_use]
    pub fn day(self) -> Day {
        self.start().day()
    }

    /// The first minute of a day.
    #[must_use]
    pub fn first_of(day: Day) -> Minute {
        Minute(i64::from(day.unix_days()) * OF_DAY)
    }

    /// So many minutes later, or earlier.
    #[must_use]
    pub fn plus(self, minutes: i64) -> Minute {
        Minute(self.0.saturating_add(minutes))
    }

    /// How many minutes this one is after `other`.
    #[must_use]
    pub fn since(self, other: Minute) -> i64 {
        self.0.saturating_sub(other.0)
    }

    /// Its digits in the name of a file: `20241023_1430`.
    #[must_use]
    pub fn digits(self) -> String {
        let text = self.to_string();
        text.replace(['-', ':'], "").replace('T', "_")
    }

    /// The minute of those digits.
    #[must_use]
    pub fn of_digits(digits: &str) -> Option<Minute> {
        let is_plain = |from: usize, to: usize| {
            digits
                .get(from..to)
                .filter(|it| it.bytes().all(|it| it.is_ascii_digit()))
        };
        let (year, month, day) = (is_plain(0, 4)?, is_plain(4, 6)?, is_plain(6, 8)?);
        let (hour, minute) = (is_plain(9, 11)?, is_plain(11, 13)?);
        let is_whole = digits.len() == 13 && digits.get(8..9) == Some("_");
        let text = format!("{year}-{month}-{day}T{hour}:{minute}");
        is_whole.then(|| text.parse().ok()).flatten()
    }
}

/// `2024-10-23T14:30`.
impl fmt::Display for Minute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.start().to_string();
        f.pad(text.get(..16).unwrap_or(&text))
    }
}

impl fmt::Debug for Minute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The reverse of its `Display`; nothing else is a minute here.
impl std::str::FromStr for Minute {
    type Err = MinuteError;

    fn from_str(text: &str) -> Result<Minute, MinuteError> {
        if text.len() != 16 {
            return Err(MinuteError);
        }
        let time: Timestamp = format!("{text}:00Z").parse().map_err(|_| MinuteError)?;
        Ok(Minute::of(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_begins_at_its_start_and_ends_before_the_next() {
        let of = |text: &str| Minute::of(text.parse().unwrap()).to_string();
        assert_eq!(of("2024-10-23T14:30:59.999999999Z"), "2024-10-23T14:30");
        assert_eq!(of("2024-10-23T14:31:00.000Z"), "2024-10-23T14:31");
        assert_eq!(of("1969-12-31T23:59:59.999Z"), "1969-12-31T23:59");
    }

    #[test]
    fn its_texts_name_it() {
        let minute: Minute = "2024-10-23T14:30".parse().unwrap();
        assert_eq!(minute.digits(), "20241023_1430");
        assert_eq!(Minute::of_digits("20241023_1430"), Some(minute));
        assert_eq!(Minute::from_unix_secs(minute.unix_secs()), Some(minute));
        assert_eq!(Minute::from_unix_secs(minute.unix_secs() + 1), None);
        assert_eq!(
            Minute::first_of(minute.day()).to_string(),
            "2024-10-23T00:00"
        );
        for text in [
            "20241023-1430",
            "20241323_1430",
            "20241023_2460",
            "2024102_31430",
            "",
        ] {
            assert_eq!(Minute::of_digits(text), None, "{text}");
        }
        for text in [
            "2024-10-23T14:30Z",
            "2024-10-23 14:30",
            "2024-10-23T14:3",
            "",
        ] {
            assert!(text.parse::<Minute>().is_err(), "{text}");
        }
    }
}
