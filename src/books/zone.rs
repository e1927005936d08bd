//! The zone in which a book's days, weekdays and months begin.
//!
//! Always true: an instant is in exactly one day of a zone. UTC needs nothing; other zones are handed in as
//! their distance from UTC, since the library knows none.

use std::{fmt, sync::Arc};

use crate::time::{Day, Timestamp};

/// How far a zone is from UTC at an instant, in seconds; east is positive.
type Offset = dyn Fn(Timestamp) -> i32 + Send + Sync;

/// A zone, UTC unless it was made otherwise.
#[derive(Clone, Default)]
pub struct Zone(Option<Arc<Offset>>);

impl Zone {
    /// The zone that is `offset` seconds from UTC at each instant.
    pub fn new(offset: impl Fn(Timestamp) -> i32 + Send + Sync + 'static) -> Zone {
        Zone(Some(Arc::new(offset)))
    }

    /// The day there.
    #[must_use]
    pub fn day(&self, at: Timestamp) -> Day {
        let secs = self.local_secs(at).div_euclid(86_400);
        i32::try_from(secs)
            .ok()
            .and_then(Day::from_unix_days)
            .unwrap_or_else(|| at.day())
    }

    /// The hour there, from 0.
    #[must_use]
    pub fn hour(&self, at: Timestamp) -> u8 {
        let hour = self.local_secs(at).rem_euclid(86_400) / 3600;
        u8::try_from(hour).unwrap_or_default()
    }

    /// How many seconds it is from UTC at that instant; east is positive.
    #[must_use]
    pub fn offset(&self, at: Timestamp) -> i32 {
        self.0.as_ref().map_or(0, |it| it(at))
    }

    fn local_secs(&self, at: Timestamp) -> i64 {
        at.unix_secs() + i64::from(self.offset(at))
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Zone(..)" } else { "UTC" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_moves_the_beginning_of_its_days() {
        let at: Timestamp = "2025-10-26T02:30:00Z".parse().unwrap();
        let west = Zone::new(|_| -4 * 3600);
        assert_eq!(
            (Zone::default().day(at), Zone::default().hour(at)),
            (at.day(), 2)
        );
        assert_eq!(west.day(at).to_string(), "2025-10-25");
        assert_eq!(west.hour(at), 22);
        let east = Zone::new(|_| 22 * 3600);
        assert_eq!(
            (east.day(at).to_string().as_str(), east.hour(at)),
            ("2025-10-27", 0)
        );
    }
}
