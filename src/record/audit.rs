//! What the journal itself did, one kind of event for each thing it does.
//!
//! Always true:
//! - An event is one object: `timestamp`, `kind`, and the fields of that kind.
//! - The numbers of a closed day fit each other.
//! - A kind of a newer version can be read, without its fields.
//!
//! Not here: doing any of it.

use crate::record::field::{Digest, Field as _, Given, Text, Word};
use crate::record::table::{no_rules, table};
use crate::record::{Invalid, Problem, Record, Stream, door};
use crate::time::{Day, Timestamp};

/// Something the journal did.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEvent {
    timestamp: Timestamp,
    kind: AuditKind,
}

macro_rules! kinds {
    ($( $(#[$doc:meta])* $kind:ident = $word:literal, )*) => {
        /// What the journal did, with all that is to be known about it.
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum AuditKind {
            $( $(#[$doc])* $kind($kind), )*
            /// A kind that a newer version knows.
            Other(Word),
        }

        impl AuditKind {
            /// Its word in the JSON.
            #[must_use]
            pub fn name(&self) -> &str {
                match self {
                    $( AuditKind::$kind(_) => $word, )*
                    AuditKind::Other(word) => word.as_str(),
                }
            }

            fn write_fields(&self, out: &mut Vec<u8>) {
                match self {
                    $( AuditKind::$kind(it) => it.write_fields(out), )*
                    AuditKind::Other(_) => {}
                }
            }

            fn visit_texts(&self, visit: &mut dyn FnMut(&'static str, &str)) {
                match self {
                    $( AuditKind::$kind(it) => it.visit_texts(visit), )*
                    AuditKind::Other(_) => {}
                }
            }

            fn from_json(kind: Word, json: &str) -> Result<AuditKind, Invalid> {
                match kind.as_str() {
                    $( $word => $kind::from_json(json).map(AuditKind::$kind), )*
                    _ => Ok(AuditKind::Other(kind)),
                }
            }
        }

        $( impl From<$kind> for AuditKind {
            fn from(it: $kind) -> AuditKind {
                AuditKind::$kind(it)
            }
        } )*
    };
}

kinds! {
    /// A torn tail was moved into `torn/`.
    Recovered = "recovered",
    /// A day was closed.
    DayClosed = "day_closed",
    /// Someone accepted that a place is damaged.
    DamageAccepted = "damage_accepted",
    /// `HEAD` was made anew.
    HeadRebuilt = "head_rebuilt",
    /// The clock went back.
    ClockStepped = "clock_stepped",
    /// A day was moved into the archive.
    Archived = "archived",
    /// A day was deleted by retention.
    Deleted = "deleted",
    /// Somebody said that days must not be deleted.
    HoldAdded = "hold_added",
    /// Somebody said that they may be again.
    HoldLifted = "hold_lifted",
    /// The journal was restored from a backup.
    Restored = "restored",
    /// Records were lost before they reached the journal.
    Dropped = "dropped",
}

impl AuditEvent {
    /// What the journal did at that time.
    #[must_use]
    pub fn new(timestamp: Timestamp, kind: impl Into<AuditKind>) -> AuditEvent {
        AuditEvent {
            timestamp,
            kind: kind.into(),
        }
    }

    /// When.
    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// What.
    #[must_use]
    pub fn kind(&self) -> &AuditKind {
        &self.kind
    }
}

/// What every event begins with.
#[derive(serde::Deserialize)]
struct Head<'a> {
    #[serde(borrow, default)]
    timestamp: Given<'a, Timestamp>,
    #[serde(borrow, default)]
    kind: Given<'a, Word>,
}

impl Record for AuditEvent {
    const STREAM: Stream = Stream::Audit;
    const FIELDS: &'static [&'static str] = &[
        "timestamp",
        "kind",
        "stream",
        "day",
        "offset",
        "bytes",
        "torn_file",
        "lines",
        "first_seq",
        "last_seq",
        "last_hash",
        "sha256",
        "smallest_timestamp",
        "largest_timestamp",
        "range",
        "file",
        "line",
        "byte",
        "expected_seq",
        "damaged_sha256",
        "next_seq",
        "reason",
        "why",
        "from",
        "to",
        "archived_bytes",
        "archived_sha256",
        "epoch",
        "count",
        "hold",
        "first_day",
        "last_day",
    ];

    fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"timestamp\":");
        self.timestamp.write(out);
        out.extend_from_slice(b",\"kind\":\"");
        out.extend_from_slice(self.kind.name().as_bytes());
        out.push(b'"');
        self.kind.write_fields(out);
        out.push(b'}');
    }

    fn decode_str(json: &str) -> Result<AuditEvent, Invalid> {
        let head: Head<'_> = door::raw(json)?;
        let mut problems = Vec::new();
        let timestamp = head.timestamp.read();
        let timestamp = timestamp.map_err(|it| problems.push(it.at("timestamp")));
        let kind = match head.kind.read() {
            Ok(kind) => AuditKind::from_json(kind, json),
            Err(wrong) => Err(Invalid::Fields(vec![wrong.at("kind")])),
        };
        match (timestamp, kind) {
            (Ok(timestamp), Ok(kind)) => Ok(AuditEvent { timestamp, kind }),
            (_, Err(Invalid::Fields(others))) => {
                problems.extend(others);
                Err(Invalid::Fields(problems))
            }
            (_, Err(syntax)) => Err(syntax),
            (Err(()), Ok(_)) => Err(Invalid::Fields(problems)),
        }
    }

    fn texts(&self, visit: &mut dyn FnMut(&'static str, &str)) {
        self.kind.visit_texts(visit);
    }
}

impl serde::Serialize for AuditEvent {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::Error as _;
        let mut json = Vec::new();
        self.encode(&mut json);
        let json = String::from_utf8(json).map_err(S::Error::custom)?;
        let json = serde_json::value::RawValue::from_string(json).map_err(S::Error::custom)?;
        json.serialize(to)
    }
}

impl<'de> serde::Deserialize<'de> for AuditEvent {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<AuditEvent, D::Error> {
        use serde::de::Error as _;
        let json = Box::<serde_json::value::RawValue>::deserialize(from)?;
        AuditEvent::decode_str(json.get()).map_err(D::Error::custom)
    }
}

table! {
    /// A torn tail was moved into `torn/`: nobody had been told that it was on disk.
    pub struct Recovered, RecoveredParts, RawRecovered, RecoveredDraft, rules no_rules;

    /// The stream.
    stream: Stream => Stream;
    /// The day whose file it was.
    day: Day => Day;
    /// Where in the file the torn tail began.
    offset: u64 => u64;
    /// How long it was.
    bytes: u64 => u64;
    /// The file in `torn/` that holds it now.
    torn_file: Text => &str;
    /// How many whole lines were in it.
    lines: Option<u64> => Option<u64>;
}

table! {
    /// A day was closed: its file changes no more.
    pub struct DayClosed, DayClosedParts, RawDayClosed, DayClosedDraft, rules day_closed_rules;

    /// The stream.
    stream: Stream => Stream;
    /// The day.
    day: Day => Day;
    /// How many lines it has, at least one.
    lines: u64 => u64;
    /// How long its file is.
    bytes: u64 => u64;
    /// The seq of its first line.
    first_seq: u64 => u64;
    /// The seq of its last line.
    last_seq: u64 => u64;
    /// The hash of its last line.
    last_hash: Digest => Digest;
    /// The SHA-256 of its file.
    sha256: Digest => Digest;
    /// The earliest timestamp of its records.
    smallest_timestamp: Option<Timestamp> => Option<Timestamp>;
    /// The latest timestamp of its records.
    largest_timestamp: Option<Timestamp> => Option<Timestamp>;
    /// The compact Merkle range of all lines of the stream up to its last, where it is known.
    range: Option<Vec<Digest>> => Option<&Vec<Digest>>;
}

fn day_closed_rules(day: &DayClosedDraft<'_>, problems: &mut Vec<Problem>) {
    if let (Some(lines), Some(first), Some(last)) = (day.lines, day.first_seq, day.last_seq) {
        let fits = last.checked_sub(*first).and_then(|it| it.checked_add(1)) == Some(*lines);
        if !fits {
            let rule = format!("must be last_seq - first_seq + 1, {last} - {first} + 1");
            problems.push(Problem::new("lines", rule).got(lines));
        }
    }
    if let (Some(Some(smallest)), Some(Some(largest))) =
        (day.smallest_timestamp, day.largest_timestamp)
        && largest < smallest
    {
        let rule = format!("must not be before smallest_timestamp, {smallest}");
        problems.push(Problem::new("largest_timestamp", rule).got(largest));
    }
}

table! {
    /// Someone accepted that a place is damaged, so that the journal goes on behind it.
    pub struct DamageAccepted, DamageAcceptedParts, RawDamageAccepted, DamageAcceptedDraft, rules no_rules;

    /// The stream.
    stream: Stream => Stream;
    /// The day whose file it is.
    day: Day => Day;
    /// The file.
    file: Text => &str;
    /// The first damaged line, counted from 1.
    line: u64 => u64;
    /// Where it begins in the file.
    byte: u64 => u64;
    /// How many bytes are damaged.
    bytes: u64 => u64;
    /// The seq that should have been there.
    expected_seq: u64 => u64;
    /// The SHA-256 of the damaged bytes.
    damaged_sha256: Digest => Digest;
    /// The seq that the chain goes on with.
    next_seq: u64 => u64;
    /// The hash that the chain goes on from.
    last_hash: Digest => Digest;
    /// The compact Merkle range of all lines before `next_seq`, where it is known.
    range: Option<Vec<Digest>> => Option<&Vec<Digest>>;
    /// Why it was accepted.
    reason: Text => &str;
}

table! {
    /// `HEAD` was missing or unreadable and was made anew.
    pub struct HeadRebuilt, HeadRebuiltParts, RawHeadRebuilt, HeadRebuiltDraft, rules no_rules;

    /// The stream.
    stream: Stream => Stream;
    /// What was wrong with it.
    why: Text => &str;
}

table! {
    /// The clock showed an earlier day than the newest line was written on.
    pub struct ClockStepped, ClockSteppedParts, RawClockStepped, ClockSteppedDraft, rules no_rules;

    /// The stream.
    stream: Stream => Stream;
    /// What it had shown.
    from: Timestamp => Timestamp;
    /// What it showed then.
    to: Timestamp => Timestamp;
}

table! {
    /// A closed day was moved into the archive and read back.
    pub struct Archived, ArchivedParts, RawArchived, ArchivedDraft, rules no_rules;

    /// The stream.
    stream: Stream => Stream;
    /// The day.
    day: Day => Day;
    /// The file in the archive.
    file: Text => &str;
    /// How long the plain file is.
    bytes: u64 => u64;
    /// The SHA-256 of the plain file.
    sha256: Digest => Digest;
    /// How long the archived file is.
    archived_bytes: u64 => u64;
    /// The SHA-256 of the archived file.
    archived_sha256: Digest => Digest;
}

table! {
    /// A day was deleted; this is what is left of it.
    pub struct Deleted, DeletedParts, RawDeleted, DeletedDraft, rules no_rules;

    /// The stream.
    stream: Stream => Stream;
    /// The day.
    day: Day => Day;
    /// The file.
    file: Text => &str;
    /// How many lines it had.
    lines: u64 => u64;
    /// The seq of its last line.
    last_seq: u64 => u64;
    /// The hash of its last line, which the next day goes on from.
    last_hash: Digest => Digest;
    /// The SHA-256 of the plain file.
    sha256: Digest => Digest;
    /// By which rule.
    reason: Text => &str;
}

table! {
    /// Somebody said that days must not be deleted, whatever the rules of retention say.
    pub struct HoldAdded, HoldAddedParts, RawHoldAdded, HoldAddedDraft, rules hold_rules;

    /// What the hold is called: a number that no other hold of the journal has.
    hold: u64 => u64;
    /// The stream; all of them without one.
    stream: Option<Stream> => Option<Stream>;
    /// The first day that it keeps; every one before `last_day` without one.
    first_day: Option<Day> => Option<Day>;
    /// The last day that it keeps; every one from `first_day` on without one.
    last_day: Option<Day> => Option<Day>;
    /// Why.
    reason: Text => &str;
}

fn hold_rules(hold: &HoldAddedDraft<'_>, problems: &mut Vec<Problem>) {
    if let (Some(Some(first)), Some(Some(last))) = (hold.first_day, hold.last_day)
        && last < first
    {
        let rule = format!("must not be before first_day, {first}");
        problems.push(Problem::new("last_day", rule).got(last));
    }
}

table! {
    /// Somebody said that the days of a hold may be deleted again when their time has come.
    pub struct HoldLifted, HoldLiftedParts, RawHoldLifted, HoldLiftedDraft, rules no_rules;

    /// The hold.
    hold: u64 => u64;
    /// Why.
    reason: Text => &str;
}

table! {
    /// The journal was restored from a backup and goes on under a new epoch.
    pub struct Restored, RestoredParts, RawRestored, RestoredDraft, rules no_rules;

    /// The number of the epoch that begins.
    epoch: u64 => u64;
    /// What it was restored from.
    why: Text => &str;
}

table! {
    /// Records were lost before they reached the journal.
    pub struct Dropped, DroppedParts, RawDropped, DroppedDraft, rules no_rules;

    /// The stream they were meant for.
    stream: Stream => Stream;
    /// How many.
    count: u64 => u64;
    /// When the first was lost.
    from: Timestamp => Timestamp;
    /// When the last was lost.
    to: Timestamp => Timestamp;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_every_kind_is_known() {
        for fields in [
            Recovered::FIELDS,
            DayClosed::FIELDS,
            DamageAccepted::FIELDS,
            HeadRebuilt::FIELDS,
            ClockStepped::FIELDS,
            Archived::FIELDS,
            Deleted::FIELDS,
            HoldAdded::FIELDS,
            HoldLifted::FIELDS,
            Restored::FIELDS,
            Dropped::FIELDS,
        ] {
            for field in fields {
                assert!(AuditEvent::FIELDS.contains(field), "{field}");
            }
        }
    }

    #[test]
    fn all_that_is_wrong_with_an_event_is_named() {
        let wrong = |json: &str| AuditEvent::decode(json.as_bytes()).unwrap_err().to_string();
        assert_eq!(wrong("{}"), "timestamp: is missing; kind: is missing");
        assert_eq!(
            wrong(r#"{"timestamp":1,"kind":"head_rebuilt","stream":"trade","why":""}"#),
            "timestamp: must be an RFC 3339 time with a zone, such as \"2025-10-26T14:32:15.123Z\", got 1; \
             stream: must be the name of a stream, got \"trade\"; \
             why: must be a text that is not blank, got \"\""
        );
    }

    #[test]
    fn the_numbers_of_a_closed_day_fit() {
        let digest = Digest::from_bytes([7; 32]);
        let parts = DayClosedParts {
            stream: Stream::Trades,
            day: Day::EPOCH,
            lines: 3,
            bytes: 100,
            first_seq: 5,
            last_seq: 7,
            last_hash: digest,
            sha256: digest,
            smallest_timestamp: Some(Timestamp::MIN),
            largest_timestamp: Some(Timestamp::MAX),
            range: Some(vec![digest]),
        };
        assert!(DayClosed::new(parts.clone()).is_ok());
        let invalid = DayClosed::new(DayClosedParts {
            lines: 0,
            first_seq: 8,
            smallest_timestamp: Some(Timestamp::MAX),
            largest_timestamp: Some(Timestamp::MIN),
            ..parts
        });
        let invalid = invalid.unwrap_err();
        assert_eq!(invalid.problems().len(), 2, "{invalid}");
    }

    #[test]
    fn a_kind_of_a_newer_version_is_read() {
        let json = r#"{"timestamp":"2025-10-27T00:00:05.000Z","kind":"tidied","rooms":3}"#;
        let event = AuditEvent::decode(json.as_bytes()).unwrap();
        assert_eq!(event.kind().name(), "tidied");
    }
}
