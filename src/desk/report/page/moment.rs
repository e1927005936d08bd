//! Instants as the clocks of the report's zone show them.
//!
//! Always true: an instant stands beside its form in UTC, as the JSON has it, for whoever wants that.

use super::super::range::Parts;
use super::html::escaped;
use crate::books::Zone;
use crate::time::Timestamp;

/// The clock of a zone.
#[derive(Clone, Debug)]
pub(super) struct Local<'a>(pub(super) &'a Zone);

impl Local<'_> {
    /// `2025-10-27 09:50:01`.
    pub(super) fn full(&self, at: Timestamp) -> String {
        format!("{} {}", self.0.day(at), self.of_day(at))
    }

    /// `09:50:01`.
    pub(super) fn of_day(&self, at: Timestamp) -> String {
        let secs = self.secs(at).rem_euclid(86_400);
        let (hour, minute, second) = (secs / 3600, secs / 60 % 60, secs % 60);
        format!("{hour:02}:{minute:02}:{second:02}")
    }

    /// `27 Oct`.
    pub(super) fn short_day(&self, at: Timestamp) -> String {
        Parts::of(self.0.day(at)).short()
    }

    /// `Oct 2025`.
    pub(super) fn short_month(&self, at: Timestamp) -> String {
        let parts = Parts::of(self.0.day(at));
        let name = parts.month_name();
        format!("{} {}", name.get(..3).unwrap_or(name), parts.year)
    }

    /// Seconds since 1970 as the zone's clocks count them.
    pub(super) fn secs(&self, at: Timestamp) -> i64 {
        at.unix_secs() + i64::from(self.0.offset(at))
    }

    /// An element with an instant of the JSON.
    pub(super) fn element(&self, at: &str) -> String {
        let shown = match at.parse::<Timestamp>() {
            Ok(at) => self.full(at),
            Err(_) => at.to_owned(),
        };
        format!(
            "<time datetime=\"{}\">{}</time>",
            escaped(at),
            escaped(&shown)
        )
    }

    /// A cell that is sorted by its instant.
    pub(super) fn cell(&self, at: Option<&str>) -> String {
        match at {
            Some(at) => format!(
                "<td data-sort=\"{}\">{}</td>",
                escaped(&in_order(at)),
                self.element(at)
            ),
            None => format!("<td data-sort=\"\">{}</td>", super::figure::NONE),
        }
    }
}

/// A text of an instant that comes before those of all later ones: a fraction has all its digits.
fn in_order(at: &str) -> String {
    let Some(time) = at.strip_suffix('Z') else {
        return at.to_owned();
    };
    let (seconds, fraction) = time.split_once('.').unwrap_or((time, ""));
    format!("{seconds}.{fraction:0<9}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sorted by their texts, .120Z came after .120500Z.
    #[test]
    fn cells_are_sorted_by_the_instant_however_long_its_fraction_is() {
        let utc = Zone::default();
        let cell = |at: &str| Local(&utc).cell(Some(at));
        let ascending = [
            "2025-10-27T10:00:00Z",
            "2025-10-27T10:00:00.120Z",
            "2025-10-27T10:00:00.120500Z",
            "2025-10-27T10:00:00.121Z",
        ];
        assert!(ascending.map(cell).is_sorted());
    }

    #[test]
    fn clocks_of_a_zone_show_its_own_time() {
        let zone = Zone::new(|_| 5 * 3600 + 1800);
        let local = Local(&zone);
        let at: Timestamp = "2025-10-26T18:45:09.5Z".parse().unwrap();
        assert_eq!(local.full(at), "2025-10-27 00:15:09");
        assert_eq!(local.short_day(at), "27 Oct");
        assert_eq!(local.short_month(at), "Oct 2025");
        assert_eq!(
            local.element("2025-10-26T18:45:09.500Z"),
            "<time datetime=\"2025-10-26T18:45:09.500Z\">2025-10-27 00:15:09</time>"
        );
    }
}
