//! Times in records: RFC 3339, and the pair of unix seconds and RFC 3339 of the trade logger.
//!
//! Always true:
//! - The two of a pair name the same instant, to the digits of the coarser; the finer is kept.
//! - Unix seconds are read from their digits, never through a floating-point number.

use crate::record::field::{Field, Given, Wrong, string::unescaped, whole};
use crate::record::invalid::Problem;
use crate::time::{Timestamp, TimestampError};

const RULE: &str = "must be an RFC 3339 time with a zone, such as \"2025-10-26T14:32:15.123Z\"";
const UNIX_RULE: &str =
    "must be unix seconds with at most 9 decimal places, such as 1729776543.123";
const AGREE: &str = "must be the same time as timestamp, to the digits of the coarser of the two";

impl Field for Timestamp {
    #[inline]
    fn read(json: &str) -> Result<Timestamp, Wrong> {
        let text = unescaped(json).ok_or_else(|| Wrong::new(RULE, json))?;
        Timestamp::parse(text.as_bytes()).map_err(|error| wrong_time(error, json))
    }

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        self.write_to(out);
        out.push(b'"');
    }
}

#[cold]
fn wrong_time(error: TimestampError, json: &str) -> Wrong {
    let wrong = Wrong::new(RULE, json);
    match error {
        TimestampError::NoZone => wrong.hint("end it with Z or an offset such as +02:00"),
        TimestampError::Range => wrong.hint("there is no such date or time of day"),
        TimestampError::TooFine => wrong.hint("at most 9 fractional digits can be kept"),
        _ => wrong,
    }
}

/// A time as RFC 3339, with the number of fractional digits it was given with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IsoTime {
    at: Timestamp,
    places: u32,
}

/// A time as unix seconds, with the number of decimal places it was given with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnixTime {
    at: Timestamp,
    places: u32,
}

impl UnixTime {
    /// The instant.
    #[must_use]
    pub fn at(self) -> Timestamp {
        self.at
    }
}

impl From<Timestamp> for IsoTime {
    fn from(at: Timestamp) -> IsoTime {
        let places = places_of(at);
        IsoTime { at, places }
    }
}

impl From<Timestamp> for UnixTime {
    fn from(at: Timestamp) -> UnixTime {
        let places = places_of(at);
        UnixTime { at, places }
    }
}

impl Field for IsoTime {
    fn read(json: &str) -> Result<IsoTime, Wrong> {
        let at = Timestamp::read(json)?;
        let text = unescaped(json).unwrap_or_default();
        let fraction = text.split_once('.').map_or("", |(_, rest)| rest);
        let places = fraction.bytes().take_while(u8::is_ascii_digit).count();
        Ok(IsoTime {
            at,
            places: u32::try_from(places).unwrap_or(9).min(9),
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.at.write(out);
    }
}

impl Field for UnixTime {
    fn read(json: &str) -> Result<UnixTime, Wrong> {
        parse_unix(json).ok_or_else(|| match json.as_bytes() {
            [b'"', ..] => Wrong::new(UNIX_RULE, json).hint("write the number without quotes"),
            _ => Wrong::new(UNIX_RULE, json),
        })
    }

    /// With as many decimal places as the RFC 3339 text of the same instant.
    fn write(&self, out: &mut Vec<u8>) {
        let nanos = self.at.unix_nanos();
        if nanos < 0 {
            out.push(b'-');
        }
        let nanos = nanos.unsigned_abs();
        let secs = u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX);
        whole::write(secs, out);
        out.push(b'.');
        let fraction = format!("{:09}", nanos % 1_000_000_000);
        let places = places_of(self.at);
        out.extend(fraction.bytes().zip(0..places).map(|(digit, _)| digit));
    }
}

/// `-?digits(.digits)?`, exactly.
fn parse_unix(json: &str) -> Option<UnixTime> {
    let (sign, digits) = match json.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, json),
    };
    let (secs, fraction) = match digits.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (digits, ""),
    };
    let secs = i128::from(whole::parse(secs.as_bytes())?);
    // Zeros beyond the ninth place say nothing.
    let kept = match fraction.split_at_checked(9) {
        Some((kept, rest)) if rest.bytes().all(|it| it == b'0') => kept,
        Some(_) => return None,
        None => fraction,
    };
    let mut nanos = 0_i128;
    for place in kept.bytes().chain(std::iter::repeat(b'0')).take(9) {
        let digit = place.wrapping_sub(b'0');
        nanos = nanos * 10 + (digit < 10).then_some(i128::from(digit))?;
    }
    let at = Timestamp::from_unix_nanos(sign * (secs * 1_000_000_000 + nanos)).ok()?;
    let places = u32::try_from(kept.len()).ok()?;
    Some(UnixTime { at, places })
}

/// The fractional digits that the text of `at` has.
fn places_of(at: Timestamp) -> u32 {
    match at.subsec_nanos() {
        nanos if nanos % 1_000_000 == 0 => 3,
        nanos if nanos % 1_000 == 0 => 6,
        _ => 9,
    }
}

/// The one instant of a pair, or `None` when either is wrong or they differ.
pub(crate) fn agreed(unix: &Given<'_, UnixTime>, iso: &Given<'_, IsoTime>) -> Option<Timestamp> {
    let (unix, iso) = (unix.read().ok()?, iso.read().ok()?);
    same(unix, iso).then_some(if unix.places > iso.places {
        unix.at
    } else {
        iso.at
    })
}

/// Reports a pair whose two are legal but differ.
pub(crate) fn agreement(
    unix: &Given<'_, UnixTime>,
    iso: &Given<'_, IsoTime>,
    iso_name: &'static str,
    problems: &mut Vec<Problem>,
) {
    if let (Ok(unix), Ok(iso_time)) = (unix.read(), iso.read())
        && !same(unix, iso_time)
    {
        let got = iso.json().unwrap_or_default();
        let mut problem = Problem::new(iso_name, AGREE).got(got);
        problem.hint = Some(format!("timestamp is {}", unix.at).into());
        problems.push(problem);
    }
}

/// Less than one unit of the coarser apart, so that both rounding and cutting agree.
fn same(unix: UnixTime, iso: IsoTime) -> bool {
    let places = unix.places.min(iso.places);
    let apart = unix.at.unix_nanos().abs_diff(iso.at.unix_nanos());
    apart < 10_u128.pow(9 - places)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(unix: &str, iso: &str) -> bool {
        same(UnixTime::read(unix).unwrap(), IsoTime::read(iso).unwrap())
    }

    #[test]
    fn unix_seconds_are_read_digit_by_digit() {
        let nanos = |json: &str| UnixTime::read(json).unwrap().at.unix_nanos();
        assert_eq!(nanos("1729776543.123"), 1_729_776_543_123_000_000);
        assert_eq!(nanos("1729776543"), 1_729_776_543_000_000_000);
        assert_eq!(nanos("1729776543.123456789"), 1_729_776_543_123_456_789);
        assert_eq!(nanos("0.1000000000000"), 100_000_000);
        assert_eq!(nanos("-1.5"), -1_500_000_000);
        for json in [
            "",
            "1e9",
            "1729776543.",
            ".5",
            "01",
            "1729776543.1234567891",
            "\"1\"",
            "null",
            "999999999999999",
            "1.2.3",
            "1.x",
        ] {
            assert!(UnixTime::read(json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_unix_time_is_written_as_finely_as_its_text() {
        for (iso, unix) in [
            ("\"2024-10-24T13:29:03.000Z\"", "1729776543.000"),
            ("\"2024-10-24T13:29:03.123Z\"", "1729776543.123"),
            ("\"2024-10-24T13:29:03.123456Z\"", "1729776543.123456"),
            ("\"2024-10-24T13:29:03.000000001Z\"", "1729776543.000000001"),
            ("\"1969-12-31T23:59:58.500Z\"", "-1.500"),
        ] {
            let mut out = Vec::new();
            UnixTime::from(Timestamp::read(iso).unwrap()).write(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), unix);
            assert!(pair(unix, iso));
        }
    }

    #[test]
    fn a_pair_agrees_to_the_coarser_digits() {
        assert!(pair("1729776543.123", "\"2024-10-24T13:29:03.123456Z\""));
        assert!(pair(
            "1729776543.1234567",
            "\"2024-10-24T13:29:03.123457Z\""
        ));
        assert!(pair("1729776543.9", "\"2024-10-24T13:29:03Z\""));
        assert!(pair("1729776543", "\"2024-10-24T15:29:03.5+02:00\""));
        assert!(!pair("1729776543.124", "\"2024-10-24T13:29:03.122Z\""));
        assert!(!pair("1729776543.5", "\"2024-10-24T13:29:03.000Z\""));
        assert!(!pair("1729776543", "\"2024-10-24T13:29:05Z\""));
    }
}
