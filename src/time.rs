//! Instants, UTC days and the clock that hands them out.
//!
//! Always true:
//! - A [`Timestamp`] is an instant in UTC with nanoseconds, between the years 0001 and 9999, and has
//!   exactly one text: RFC 3339 with `Z` and 3, 6 or 9 fractional digits, the fewest that hold it.
//! - A [`Day`] is a UTC calendar day. Its text sorts as the day does.
//! - Nothing in the library asks the operating system for the time except [`SystemClock`].
//!
//! Not here: time zones. Offsets are accepted in texts and turned into UTC at once; zones by name
//! belong to whoever talks to a person.

use std::{
    fmt,
    str::FromStr,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use chrono::{Datelike, NaiveDate};

const SECS_PER_DAY: i64 = 86_400;
const NANOS_PER_SEC: i128 = 1_000_000_000;
/// Days from 0001-01-01, which chrono numbers 1, to 1970-01-01.
const EPOCH_DAY_FROM_CE: i32 = 719_163;

/// An instant in UTC, to the nanosecond.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    secs: i64,
    nanos: u32,
}

/// Why a text or a number is not a [`Timestamp`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimestampError {
    /// The text does not have the shape of RFC 3339.
    #[error("not an RFC 3339 time such as 2025-10-26T14:32:15.123Z")]
    Shape,
    /// Date and time without `Z` or an offset: the instant is unknown.
    #[error("has no zone: end it with Z or an offset such as +02:00")]
    NoZone,
    /// A month 13, a 30th of February, a second 60.
    #[error("no such date or time of day")]
    Range,
    /// More than nine fractional digits would have to be cut.
    #[error("has more than 9 fractional digits")]
    TooFine,
}

impl Timestamp {
    /// The instant `secs` seconds and `nanos` nanoseconds after 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// [`TimestampError::Range`] outside the years 0001 to 9999 or from a full second of nanoseconds.
    pub fn from_unix(secs: i64, nanos: u32) -> Result<Timestamp, TimestampError> {
        let day = secs.div_euclid(SECS_PER_DAY);
        let in_range = nanos < 1_000_000_000
            && i32::try_from(day)
                .ok()
                .and_then(Day::from_unix_days)
                .is_some_and(|it| (1..=9999).contains(&it.0.year()));
        if in_range {
            Ok(Timestamp { secs, nanos })
        } else {
            Err(TimestampError::Range)
        }
    }

    /// The same from whole nanoseconds since 1970.
    ///
    /// # Errors
    /// [`TimestampError::Range`] outside the years 0001 to 9999.
    pub fn from_unix_nanos(nanos: i128) -> Result<Timestamp, TimestampError> {
        let secs = i64::try_from(nanos.div_euclid(NANOS_PER_SEC));
        let rest = u32::try_from(nanos.rem_euclid(NANOS_PER_SEC));
        match (secs, rest) {
            (Ok(secs), Ok(rest)) => Timestamp::from_unix(secs, rest),
            _ => Err(TimestampError::Range),
        }
    }

    /// Whole seconds since 1970, rounded down.
    #[must_use]
    pub fn unix_secs(self) -> i64 {
        self.secs
    }

    /// The nanoseconds beyond [`Timestamp::unix_secs`], below 1,000,000,000.
    #[must_use]
    pub fn subsec_nanos(self) -> u32 {
        self.nanos
    }

    /// Nanoseconds since 1970.
    #[must_use]
    pub fn unix_nanos(self) -> i128 {
        i128::from(self.secs) * NANOS_PER_SEC + i128::from(self.nanos)
    }

    /// The UTC day that this instant is in.
    #[must_use]
    pub fn day(self) -> Day {
        let days = i32::try_from(self.secs.div_euclid(SECS_PER_DAY)).unwrap_or_default();
        Day::from_unix_days(days).unwrap_or(Day::EPOCH)
    }

    /// This instant and `later` apart, or `None` when `later` is earlier.
    #[must_use]
    pub fn until(self, later: Timestamp) -> Option<Duration> {
        let nanos = u128::try_from(later.unix_nanos() - self.unix_nanos()).ok()?;
        let secs = u64::try_from(nanos / 1_000_000_000).ok()?;
        let rest = u32::try_from(nanos % 1_000_000_000).ok()?;
        Some(Duration::new(secs, rest))
    }

    /// `span` later, held at the end of the year 9999.
    #[must_use]
    pub fn saturating_add(self, span: Duration) -> Timestamp {
        let nanos = i128::try_from(span.as_nanos()).unwrap_or(i128::MAX / 2);
        Timestamp::from_unix_nanos(self.unix_nanos() + nanos).unwrap_or(Timestamp::MAX)
    }

    /// `span` earlier, held at the beginning of the year 0001.
    #[must_use]
    pub fn saturating_sub(self, span: Duration) -> Timestamp {
        let nanos = i128::try_from(span.as_nanos()).unwrap_or(i128::MAX / 2);
        Timestamp::from_unix_nanos(self.unix_nanos() - nanos).unwrap_or(Timestamp::MIN)
    }

    /// 0001-01-01T00:00:00.000Z.
    pub const MIN: Timestamp = Timestamp {
        secs: -62_135_596_800,
        nanos: 0,
    };
    /// 9999-12-31T23:59:59.999999999Z.
    pub const MAX: Timestamp = Timestamp {
        secs: 253_402_300_799,
        nanos: 999_999_999,
    };

    /// Appends the one text of this instant.
    pub fn write_to(self, out: &mut Vec<u8>) {
        let date = self.day().0;
        let of_day = self.secs.rem_euclid(SECS_PER_DAY).unsigned_abs();
        out.reserve(30);
        push_digits::<4>(out, u64::from(date.year().unsigned_abs()));
        out.push(b'-');
        push_digits::<2>(out, u64::from(date.month()));
        out.push(b'-');
        push_digits::<2>(out, u64::from(date.day()));
        out.push(b'T');
        push_digits::<2>(out, of_day / 3600);
        out.push(b':');
        push_digits::<2>(out, of_day / 60 % 60);
        out.push(b':');
        push_digits::<2>(out, of_day % 60);
        out.push(b'.');
        let nanos = u64::from(self.nanos);
        if nanos % 1_000_000 == 0 {
            push_digits::<3>(out, nanos / 1_000_000);
        } else if nanos % 1_000 == 0 {
            push_digits::<6>(out, nanos / 1_000);
        } else {
            push_digits::<9>(out, nanos);
        }
        out.push(b'Z');
    }

    /// Reads RFC 3339 from bytes; see [`FromStr`].
    ///
    /// # Errors
    /// The [`TimestampError`] that names what is wrong with it.
    pub fn parse(text: &[u8]) -> Result<Timestamp, TimestampError> {
        let (head, rest) = text.split_at_checked(19).ok_or(TimestampError::Shape)?;
        let [
            y0,
            y1,
            y2,
            y3,
            b'-',
            mo0,
            mo1,
            b'-',
            d0,
            d1,
            b'T' | b't',
            h0,
            h1,
            b':',
            mi0,
            mi1,
            b':',
            s0,
            s1,
        ] = *head
        else {
            return Err(TimestampError::Shape);
        };
        let year = number(&[y0, y1, y2, y3])?;
        let month = number(&[mo0, mo1])?;
        let day = number(&[d0, d1])?;
        let (hour, minute, second) = (number(&[h0, h1])?, number(&[mi0, mi1])?, number(&[s0, s1])?);
        if hour > 23 || minute > 59 || second > 59 || year == 0 {
            return Err(TimestampError::Range);
        }
        let date = i32::try_from(year)
            .ok()
            .and_then(|year| NaiveDate::from_ymd_opt(year, month, day))
            .ok_or(TimestampError::Range)?;
        let (nanos, zone) = fraction(rest)?;
        let offset_secs = zone_offset(zone)?;
        let of_day = i64::from(hour * 3600 + minute * 60 + second);
        let secs = i64::from(Day(date).unix_days()) * SECS_PER_DAY + of_day - offset_secs;
        // Only an offset can carry a valid date out of range.
        if offset_secs == 0 {
            Ok(Timestamp { secs, nanos })
        } else {
            Timestamp::from_unix(secs, nanos)
        }
    }
}

fn number(digits: &[u8]) -> Result<u32, TimestampError> {
    let mut value = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return Err(TimestampError::Shape);
        }
        value = value * 10 + u32::from(digit - b'0');
    }
    Ok(value)
}

/// Splits `.123Z` into nanoseconds and what follows the digits.
fn fraction(rest: &[u8]) -> Result<(u32, &[u8]), TimestampError> {
    let Some(digits) = rest.strip_prefix(b".") else {
        return Ok((0, rest));
    };
    let len = digits.iter().take_while(|it| it.is_ascii_digit()).count();
    let (digits, zone) = digits.split_at(len);
    match len {
        0 => Err(TimestampError::Shape),
        1..=9 => {
            let scale = (len..9).fold(1, |scale, _| scale * 10);
            Ok((number(digits)? * scale, zone))
        }
        // Zeros beyond the ninth digit say nothing; other digits would be lost.
        _ => match digits.split_at(9) {
            (kept, cut) if cut.iter().all(|it| *it == b'0') => Ok((number(kept)?, zone)),
            _ => Err(TimestampError::TooFine),
        },
    }
}

/// Seconds east of UTC.
fn zone_offset(zone: &[u8]) -> Result<i64, TimestampError> {
    match *zone {
        [b'Z' | b'z'] => Ok(0),
        [] => Err(TimestampError::NoZone),
        [sign @ (b'+' | b'-'), h0, h1, b':', m0, m1] => {
            let (hours, minutes) = (number(&[h0, h1])?, number(&[m0, m1])?);
            if hours > 23 || minutes > 59 {
                return Err(TimestampError::Range);
            }
            let secs = i64::from(hours * 3600 + minutes * 60);
            Ok(if sign == b'-' { -secs } else { secs })
        }
        _ => Err(TimestampError::Shape),
    }
}

fn push_digits<const WIDTH: usize>(out: &mut Vec<u8>, value: u64) {
    // From the right, so that every division is by a constant.
    let mut digits = [0; WIDTH];
    let mut rest = value;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
    }
    out.extend_from_slice(&digits);
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Timestamp, TimestampError> {
        Timestamp::parse(text.as_bytes())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(30);
        self.write_to(&mut text);
        f.pad(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A UTC calendar day: the name of a journal file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(NaiveDate);

/// A text that is not a day of the form `2025-10-26`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a day such as 2025-10-26")]
#[non_exhaustive]
pub struct DayError;

impl Day {
    /// 1970-01-01.
    pub const EPOCH: Day = Day(match NaiveDate::from_ymd_opt(1970, 1, 1) {
        Some(date) => date,
        None => NaiveDate::MIN,
    });

    /// The day of that year, month and day of the month, if there is one.
    #[must_use]
    pub fn new(year: i32, month: u32, day: u32) -> Option<Day> {
        NaiveDate::from_ymd_opt(year, month, day).map(Day)
    }

    /// The day that many days after 1970-01-01.
    #[must_use]
    pub fn from_unix_days(days: i32) -> Option<Day> {
        NaiveDate::from_num_days_from_ce_opt(days.checked_add(EPOCH_DAY_FROM_CE)?).map(Day)
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub fn unix_days(self) -> i32 {
        self.0.num_days_from_ce() - EPOCH_DAY_FROM_CE
    }

    /// The year, for the folders of the archive.
    #[must_use]
    pub fn year(self) -> i32 {
        self.0.year()
    }

    /// The day after this one.
    #[must_use]
    pub fn next(self) -> Day {
        self.0.succ_opt().map_or(self, Day)
    }

    /// The day before this one.
    #[must_use]
    pub fn previous(self) -> Day {
        self.0.pred_opt().map_or(self, Day)
    }

    /// The day so many days later; the last one that there is, if there are not so many.
    #[must_use]
    pub fn plus_days(self, days: u32) -> Day {
        let later = self.0.checked_add_days(chrono::Days::new(days.into()));
        Day(later.unwrap_or(NaiveDate::MAX))
    }

    /// The same date so many years later; of 29 February, 28 February where there is none.
    #[must_use]
    pub fn plus_years(self, years: u32) -> Day {
        let months = chrono::Months::new(years.saturating_mul(12));
        Day(self.0.checked_add_months(months).unwrap_or(NaiveDate::MAX))
    }

    /// Its first instant.
    #[must_use]
    pub fn start(self) -> Timestamp {
        Timestamp {
            secs: i64::from(self.unix_days()) * SECS_PER_DAY,
            nanos: 0,
        }
    }
}

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Day, DayError> {
        let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = *text.as_bytes() else {
            return Err(DayError);
        };
        let year = number(&[y0, y1, y2, y3]).map_err(|_| DayError)?;
        let month = number(&[m0, m1]).map_err(|_| DayError)?;
        let day = number(&[d0, d1]).map_err(|_| DayError)?;
        if year == 0 {
            return Err(DayError);
        }
        i32::try_from(year)
            .ok()
            .and_then(|year| Day::new(year, month, day))
            .ok_or(DayError)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!(
            "{:04}-{:02}-{:02}",
            self.0.year(),
            self.0.month(),
            self.0.day()
        );
        f.pad(&text)
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where the time comes from: an argument at the edge, so that a test or a replay owns it.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> Timestamp;

    /// Nanoseconds since some moment, for how long something took: never fewer than before, however the
    /// time of day is set. A clock that has nothing better counts its own time.
    fn monotonic_nanos(&self) -> u64 {
        u64::try_from(self.now().unix_nanos()).unwrap_or_default()
    }
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let nanos = match since {
            Ok(after) => i128::try_from(after.as_nanos()),
            Err(before) => i128::try_from(before.duration().as_nanos()).map(|it| -it),
        };
        nanos
            .ok()
            .and_then(|nanos| Timestamp::from_unix_nanos(nanos).ok())
            .unwrap_or(Timestamp::MAX)
    }

    #[inline]
    fn monotonic_nanos(&self) -> u64 {
        static ORIGIN: OnceLock<Instant> = OnceLock::new();
        let since = ORIGIN.get_or_init(Instant::now).elapsed();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A clock that stands still until it is told to move.
#[derive(Debug)]
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> ManualClock {
        ManualClock(Mutex::new(now))
    }

    /// Shows `now` from here on, earlier or later than before.
    pub fn set(&self, now: Timestamp) {
        *self.lock() = now;
    }

    /// Moves `span` forward.
    pub fn advance(&self, span: Duration) {
        let mut now = self.lock();
        *now = now.saturating_add(span);
    }

    fn lock(&self) -> MutexGuard<'_, Timestamp> {
        // An instant cannot be half written, so a panic elsewhere leaves it usable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(text: &str) -> String {
        text.parse::<Timestamp>().unwrap().to_string()
    }

    #[test]
    fn a_time_is_written_with_the_fewest_of_3_6_or_9_digits() {
        assert_eq!(text_of("2025-10-26T14:32:15Z"), "2025-10-26T14:32:15.000Z");
        assert_eq!(
            text_of("2025-10-26T14:32:15.1Z"),
            "2025-10-26T14:32:15.100Z"
        );
        assert_eq!(
            text_of("2025-10-26T14:32:15.123400Z"),
            "2025-10-26T14:32:15.123400Z"
        );
        assert_eq!(
            text_of("2025-10-26T14:32:15.123456789Z"),
            "2025-10-26T14:32:15.123456789Z"
        );
        assert_eq!(
            text_of("2025-10-26T14:32:15.120000000000Z"),
            "2025-10-26T14:32:15.120Z"
        );
    }

    #[test]
    fn an_offset_is_turned_into_utc() {
        assert_eq!(
            text_of("2025-10-26T01:30:00+02:00"),
            "2025-10-25T23:30:00.000Z"
        );
        assert_eq!(
            text_of("2025-10-25T19:30:00.5-04:00"),
            "2025-10-25T23:30:00.500Z"
        );
    }

    #[test]
    fn what_is_wrong_with_a_time_is_named() {
        let wrong = |text: &str| text.parse::<Timestamp>().unwrap_err();
        assert_eq!(wrong("2025-10-26T14:32:15"), TimestampError::NoZone);
        assert_eq!(wrong("2025-10-26 14:32:15Z"), TimestampError::Shape);
        assert_eq!(wrong("2025-02-29T00:00:00Z"), TimestampError::Range);
        assert_eq!(wrong("2025-12-31T23:59:60Z"), TimestampError::Range);
        assert_eq!(wrong("0000-01-01T00:00:00Z"), TimestampError::Range);
        assert_eq!(wrong("0001-01-01T00:00:00+01:00"), TimestampError::Range);
        assert_eq!(
            wrong("2025-10-26T14:32:15.1234567891Z"),
            TimestampError::TooFine
        );
        assert_eq!(wrong("2025-10-26T14:32:15.Z"), TimestampError::Shape);
        assert_eq!(wrong(""), TimestampError::Shape);
    }

    #[test]
    fn the_named_ends_are_the_ends() {
        assert_eq!(Timestamp::MIN.to_string(), "0001-01-01T00:00:00.000Z");
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T23:59:59.999999999Z");
        assert_eq!(Timestamp::MIN.to_string().parse(), Ok(Timestamp::MIN));
        assert_eq!(Timestamp::MAX.to_string().parse(), Ok(Timestamp::MAX));
        assert!(Timestamp::from_unix_nanos(Timestamp::MAX.unix_nanos() + 1).is_err());
        assert!(Timestamp::from_unix_nanos(Timestamp::MIN.unix_nanos() - 1).is_err());
        assert_eq!(Timestamp::MAX.saturating_add(Duration::MAX), Timestamp::MAX);
    }

    #[test]
    fn days_count_from_1970() {
        assert_eq!(Day::EPOCH.to_string(), "1970-01-01");
        assert_eq!(Day::EPOCH.unix_days(), 0);
        let day: Day = "2024-02-28".parse().unwrap();
        assert_eq!(day.next().to_string(), "2024-02-29");
        assert_eq!(day.next().previous(), day);
        assert_eq!(day.start().day(), day);
        assert_eq!(
            day.start().saturating_sub(Duration::from_nanos(1)).day(),
            day.previous()
        );
        assert!("2024-2-28".parse::<Day>().is_err());
    }
}
