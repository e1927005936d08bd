//! Times as people write them: dates, times of day with and without a zone, spans before now.
//!
//! Always true:
//! - What has no zone is in the zone of the settings; what has one is in that.
//! - `--to` with a bare date goes to the end of that day; otherwise `--to` is exclusive.
//! - A time that a change of clocks skipped or repeated is never guessed for a record
//!   ([`local`]); for a query the reading that leaves nothing out is taken.
//!
//! Not here: the present time, which the caller brings.

use std::{fmt, time::Duration};

use chrono::{
    LocalResult, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Timelike,
};
use chrono_tz::{TZ_VARIANTS, Tz};
use tradejournal::books::Zone;
use tradejournal::time::{Day, Timestamp, TimestampError};

use crate::args::Days;
use crate::failure::Failure;
use crate::nearest::nearest;

/// A name that is no time zone.
#[derive(Debug)]
pub(crate) struct UnknownZone(String);

impl UnknownZone {
    pub(crate) fn hint(&self) -> Option<String> {
        let known = TZ_VARIANTS.iter().map(|it| it.name());
        Some(match nearest(&self.0, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "a name such as UTC, Europe/Berlin or America/New_York".to_owned(),
        })
    }
}

impl fmt::Display for UnknownZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown time zone `{}`", self.0)
    }
}

/// The time zone of that name.
pub(crate) fn zone(name: &str) -> Result<Tz, UnknownZone> {
    name.parse().map_err(|_| UnknownZone(name.to_owned()))
}

/// Which end of a span of time is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edge {
    From,
    To,
}

/// The instant that `--from` names: included.
pub(crate) fn from(text: &str, zone: Tz, now: Timestamp) -> Result<Timestamp, Failure> {
    parse(text, zone, now, Edge::From).ok_or_else(|| refusal("--from", text))
}

/// The instant that `--to` names: excluded.
pub(crate) fn to(text: &str, zone: Tz, now: Timestamp) -> Result<Timestamp, Failure> {
    parse(text, zone, now, Edge::To).ok_or_else(|| refusal("--to", text))
}

/// The time that flags name: from the first, before the second; nothing where nothing is said.
pub(crate) fn between(
    days: &Days,
    zone: Tz,
    now: Timestamp,
) -> Result<(Option<Timestamp>, Option<Timestamp>), Failure> {
    if let Some(text) = &days.day {
        let day = day("--day", text, zone, now)?.to_string();
        return Ok((Some(from(&day, zone, now)?), Some(to(&day, zone, now)?)));
    }
    let first = days.from.as_ref().map(|it| from(it, zone, now));
    let last = days.to.as_ref().map(|it| to(it, zone, now));
    Ok((first.transpose()?, last.transpose()?))
}

/// The day that `text` names, in the zone: a date, `today` or `yesterday`.
pub(crate) fn day(flag: &str, text: &str, zone: Tz, now: Timestamp) -> Result<Day, Failure> {
    let today = books_zone(zone).day(now);
    match text {
        "today" => Ok(today),
        "yesterday" => Ok(today.previous()),
        _ => text.parse().map_err(|_| {
            Failure::usage(format!("{flag} {text}: not a day"))
                .hint("write 2025-10-26, today or yesterday")
        }),
    }
}

/// The zone as the library's books take it: as a distance from UTC.
pub(crate) fn books_zone(zone: Tz) -> Zone {
    Zone::new(move |at| {
        let found = zone.timestamp_opt(at.unix_secs(), 0).single();
        found.map_or(0, |it| it.offset().fix().local_minus_utc())
    })
}

/// The same for a great many instants between two: what the zone does then is looked up once.
pub(crate) fn books_zone_between(zone: Tz, first: Timestamp, last: Timestamp) -> Zone {
    let whole = books_zone(zone);
    let offset = |secs: i64| {
        let at = Timestamp::from_unix(secs, 0);
        at.map_or(0, |it| whole.offset(it))
    };
    let (start, end) = (first.unix_secs(), last.unix_secs());
    if SPAN_SECS_MAX < end - start {
        return whole;
    }
    // Where each offset begins. No zone changes its clocks twice in that time.
    let mut offsets = vec![(start, offset(start))];
    let mut at = start;
    while at < end {
        let next = end.min(at + LOOK_SECS);
        let (before, after) = (offset(at), offset(next));
        if before != after {
            let (mut low, mut high) = (at, next);
            while 1 < high - low {
                let middle = low + (high - low) / 2;
                match offset(middle) == before {
                    true => low = middle,
                    false => high = middle,
                }
            }
            offsets.push((high, after));
        }
        at = next;
    }
    Zone::new(move |at| {
        let secs = at.unix_secs();
        if secs < start || end < secs {
            return whole.offset(at);
        }
        let index = offsets.partition_point(|it| it.0 <= secs);
        let found = index.checked_sub(1).and_then(|it| offsets.get(it));
        found.map_or_else(|| whole.offset(at), |it| it.1)
    })
}

/// How far apart a zone is asked for changes of its clocks.
const LOOK_SECS: i64 = 6 * 3600;
/// A hundred years are looked up in a few milliseconds.
const SPAN_SECS_MAX: i64 = 100 * 366 * 86_400;

fn refusal(flag: &str, text: &str) -> Failure {
    Failure::usage(format!("{flag} {text}: not a time")).hint(
        "write 2025-10-26, 2025-10-26T14:30, 2025-10-26T14:30:00Z, or a span before now: 30m, 24h, 7d, 2w",
    )
}

fn parse(text: &str, zone: Tz, now: Timestamp, edge: Edge) -> Option<Timestamp> {
    if let Some(span) = span(text) {
        return Some(now.saturating_sub(span));
    }
    if let Some(date) = date(text) {
        let date = match edge {
            Edge::From => date,
            Edge::To => date.succ_opt()?,
        };
        return on_edge(date.and_time(NaiveTime::MIN), zone, edge);
    }
    match text.replacen(' ', "T", 1).parse::<Timestamp>() {
        Ok(instant) => Some(instant),
        Err(_) => on_edge(date_time(text)?, zone, edge),
    }
}

/// `30m`, `24h`, `7d`, `2w`, `90s`.
fn span(text: &str) -> Option<Duration> {
    let (count, secs) = [
        ('s', 1),
        ('m', 60),
        ('h', 3600),
        ('d', 86_400),
        ('w', 604_800),
    ]
    .into_iter()
    .find_map(|(unit, secs)| Some((text.strip_suffix(unit)?, secs)))?;
    let is_number = !count.is_empty() && count.bytes().all(|it| it.is_ascii_digit());
    let count: u64 = count.parse().ok().filter(|_| is_number)?;
    count.checked_mul(secs).map(Duration::from_secs)
}

fn date(text: &str) -> Option<NaiveDate> {
    let day: Day = text.parse().ok()?;
    NaiveDate::parse_from_str(&day.to_string(), "%Y-%m-%d").ok()
}

/// A date and a time of day without a zone: `2025-10-26T14:30`, with seconds and a fraction if
/// there are any, `T` or a space between.
fn date_time(text: &str) -> Option<NaiveDateTime> {
    let (day, of_day) = text.split_once(['T', 't', ' '])?;
    let of_day = match of_day.len() {
        5 => NaiveTime::parse_from_str(of_day, "%H:%M").ok()?,
        // `%S` would take a 60th second.
        _ if of_day.get(6..8) == Some("60") => return None,
        _ => NaiveTime::parse_from_str(of_day, "%H:%M:%S%.f").ok()?,
    };
    Some(date(day)?.and_time(of_day))
}

/// The instant of a local time; where clocks were changed, the reading that leaves nothing out.
fn on_edge(local: NaiveDateTime, zone: Tz, edge: Edge) -> Option<Timestamp> {
    let found = match zone.from_local_datetime(&local) {
        LocalResult::Single(one) => one,
        LocalResult::Ambiguous(early, late) => match edge {
            Edge::From => early,
            Edge::To => late,
        },
        // The clock jumped over it: the instant of the jump, a minute after the last that was.
        LocalResult::None => (0..=48 * 60).find_map(|minutes| {
            let whole = local.date().and_hms_opt(local.hour(), local.minute(), 0)?;
            let before = whole.checked_sub_signed(TimeDelta::minutes(minutes))?;
            let last = zone.from_local_datetime(&before).latest()?;
            last.checked_add_signed(TimeDelta::minutes(1))
        })?,
    };
    Timestamp::from_unix(found.timestamp(), found.timestamp_subsec_nanos()).ok()
}

/// Why a text cannot be taken as the time of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LocalError {
    #[error("has no zone: name it with --timezone")]
    NoZone,
    #[error("was skipped when the clocks were changed in that zone")]
    Skipped,
    #[error("came twice when the clocks were changed in that zone: write it with an offset")]
    Twice,
    #[error(transparent)]
    Wrong(TimestampError),
}

/// The instant of a record's time; without a zone of its own it is in `zone`.
pub(crate) fn local(text: &str, zone: Option<Tz>) -> Result<Timestamp, LocalError> {
    let wrong = match text.replacen(' ', "T", 1).parse::<Timestamp>() {
        Ok(instant) => return Ok(instant),
        Err(wrong) => wrong,
    };
    let Some(local) = date_time(text) else {
        return Err(LocalError::Wrong(wrong));
    };
    let zone = zone.ok_or(LocalError::NoZone)?;
    match zone.from_local_datetime(&local) {
        LocalResult::Single(one) => {
            Timestamp::from_unix(one.timestamp(), one.timestamp_subsec_nanos())
                .map_err(LocalError::Wrong)
        }
        LocalResult::Ambiguous(..) => Err(LocalError::Twice),
        LocalResult::None => Err(LocalError::Skipped),
    }
}

/// An instant as a table shows it: the zone's own date and time, to the second.
pub(crate) fn shown(instant: Timestamp, zone: Tz) -> String {
    match zone.timestamp_opt(instant.unix_secs(), instant.subsec_nanos()) {
        LocalResult::Single(it) => it.format("%Y-%m-%d %H:%M:%S").to_string(),
        _ => instant.to_string(),
    }
}

/// The same to the millisecond.
pub(crate) fn shown_finely(instant: Timestamp, zone: Tz) -> String {
    match zone.timestamp_opt(instant.unix_secs(), instant.subsec_nanos()) {
        LocalResult::Single(it) => it.format("%Y-%m-%d %H:%M:%S%.3f").to_string(),
        _ => instant.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BERLIN: Tz = Tz::Europe__Berlin;

    fn now() -> Timestamp {
        "2025-10-26T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_zone_between_two_instants_is_the_zone() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (first, last) = (at("2019-06-30T23:59:59Z"), at("2026-01-01T00:00:00Z"));
        for zone in [
            BERLIN,
            Tz::UTC,
            Tz::America__New_York,
            Tz::Africa__Casablanca,
        ] {
            let (slow, fast) = (books_zone(zone), books_zone_between(zone, first, last));
            let mut secs = first.unix_secs() - 86_400;
            while secs < last.unix_secs() + 86_400 {
                let at = Timestamp::from_unix(secs, 0).unwrap();
                assert_eq!(slow.offset(at), fast.offset(at), "{at} in {zone}");
                secs += 1801;
            }
        }
        let new_york = books_zone_between(Tz::America__New_York, first, last);
        let offset = |text: &str| new_york.offset(at(text));
        assert_eq!(offset("2025-03-09T06:59:59Z"), -5 * 3600);
        assert_eq!(offset("2025-03-09T07:00:00Z"), -4 * 3600);
    }

    fn both(text: &str, zone: Tz) -> (String, String) {
        (
            from(text, zone, now()).unwrap().to_string(),
            to(text, zone, now()).unwrap().to_string(),
        )
    }

    #[test]
    fn a_bare_date_is_a_whole_day_in_the_zone() {
        let (from, to) = both("2025-10-27", Tz::UTC);
        assert_eq!(from, "2025-10-27T00:00:00.000Z");
        assert_eq!(to, "2025-10-28T00:00:00.000Z");
        // The day of 25 hours.
        let (from, to) = both("2025-10-26", BERLIN);
        assert_eq!(from, "2025-10-25T22:00:00.000Z");
        assert_eq!(to, "2025-10-26T23:00:00.000Z");
    }

    #[test]
    fn a_span_is_before_now() {
        for (text, wanted) in [
            ("30m", "2025-10-26T11:30:00.000Z"),
            ("24h", "2025-10-25T12:00:00.000Z"),
            ("7d", "2025-10-19T12:00:00.000Z"),
            ("2w", "2025-10-12T12:00:00.000Z"),
        ] {
            assert_eq!(both(text, BERLIN), (wanted.to_owned(), wanted.to_owned()));
        }
    }

    #[test]
    fn a_time_of_day_has_its_own_zone_or_that_of_the_settings() {
        let instant = |text, zone| from(text, zone, now()).unwrap().to_string();
        assert_eq!(
            instant("2025-07-01T10:00", BERLIN),
            "2025-07-01T08:00:00.000Z"
        );
        assert_eq!(
            instant("2025-07-01 10:00:05.5", BERLIN),
            "2025-07-01T08:00:05.500Z"
        );
        assert_eq!(
            instant("2025-07-01T10:00:00Z", BERLIN),
            "2025-07-01T10:00:00.000Z"
        );
        assert_eq!(
            instant("2025-07-01 10:00:00-04:00", BERLIN),
            "2025-07-01T14:00:00.000Z"
        );
    }

    #[test]
    fn where_clocks_change_nothing_is_left_out() {
        let (from, to) = both("2025-10-26T02:30", BERLIN);
        assert_eq!(from, "2025-10-26T00:30:00.000Z");
        assert_eq!(to, "2025-10-26T01:30:00.000Z");
        let (from, _) = both("2025-03-30T02:10", BERLIN);
        assert_eq!(from, "2025-03-30T01:00:00.000Z");
        assert_eq!(
            local("2025-10-26T02:30:00", Some(BERLIN)),
            Err(LocalError::Twice)
        );
        assert_eq!(
            local("2025-03-30T02:30:00", Some(BERLIN)),
            Err(LocalError::Skipped)
        );
        assert_eq!(local("2025-03-30T02:30:00", None), Err(LocalError::NoZone));
    }

    #[test]
    fn a_day_is_one_of_the_zone() {
        let late: Timestamp = "2025-10-26T23:30:00Z".parse().unwrap();
        let named = |text, zone| day("--day", text, zone, late).map(|it| it.to_string());
        assert_eq!(named("today", Tz::UTC).unwrap(), "2025-10-26");
        assert_eq!(named("today", BERLIN).unwrap(), "2025-10-27");
        assert_eq!(named("yesterday", BERLIN).unwrap(), "2025-10-26");
        assert_eq!(named("2025-02-28", BERLIN).unwrap(), "2025-02-28");
        assert!(named("2025-02-30", BERLIN).is_err());
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "h",
            "-1h",
            "+1h",
            "1y",
            "2025-13-01",
            "2025-10-26T",
            "2025-10-26T25:00",
            "2025-10-26T10:00:60",
            "10:00",
            "99999999999999999999h",
        ] {
            assert!(from(text, Tz::UTC, now()).is_err(), "{text}");
        }
    }
}
