//! What a ticker of a symbol stands at.
//!
//! Always true: a member that a delta leaves out has not changed; one that is `""` is `""`. A delta without a
//! snapshot before it has no base, and says so.

use std::sync::Arc;

use super::{Category, Members, Millis};

/// What a message about a ticker was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TickerKind {
    /// All of it.
    Snapshot,
    /// What has changed.
    Delta,
}

impl TickerKind {
    /// The word of rows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            TickerKind::Snapshot => "snapshot",
            TickerKind::Delta => "delta",
        }
    }
}

/// A ticker, after a message about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticker {
    /// The market.
    pub category: Category,
    /// Of what.
    pub symbol: Arc<str>,
    /// When the exchange made the message.
    pub time: Millis,
    /// The cross sequence, where there is one.
    pub cs: Option<i64>,
    /// What the message was.
    pub kind: TickerKind,
    /// Whether a snapshot stands below it: if not, the members are those of deltas alone.
    pub is_complete: bool,
    /// All that is known, under the exchange's names.
    pub members: Members,
}

/// Puts messages about one symbol together.
#[derive(Clone, Debug, Default)]
pub(super) struct Merge {
    members: Members,
    is_complete: bool,
    cs: Option<i64>,
}

impl Merge {
    /// The ticker after this message; `None` for a delta that is older than what is known.
    pub(super) fn take(
        &mut self,
        kind: TickerKind,
        cs: Option<i64>,
        change: Members,
    ) -> Option<(bool, Members)> {
        match kind {
            TickerKind::Snapshot => {
                self.members = change;
                self.is_complete = true;
            }
            // Equal ones are kept: one sequence may have several messages.
            TickerKind::Delta if cs.is_some() && cs < self.cs => return None,
            TickerKind::Delta => {
                for (name, member) in change.iter() {
                    self.members.set(name, member.clone());
                }
            }
        }
        self.cs = cs.or(self.cs);
        Some((self.is_complete, self.members.clone()))
    }

    /// After a break nothing that was known holds any more.
    pub(super) fn forget(&mut self) {
        *self = Merge::default();
    }

    /// What is known of a member.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.members.text(name)
    }
}

#[cfg(test)]
mod tests {
    use super::{Merge, TickerKind};

    #[test]
    fn what_a_delta_leaves_out_has_not_changed() {
        let of = |json: &str| serde_json::from_str(json).unwrap();
        let mut merge = Merge::default();
        let taken = merge.take(TickerKind::Delta, Some(5), of(r#"{"a":"1"}"#));
        assert!(!taken.unwrap().0, "no snapshot yet");
        let first = of(r#"{"a":"2","b":"","c":"3"}"#);
        assert!(merge.take(TickerKind::Snapshot, Some(7), first).unwrap().0);
        let older = merge.take(TickerKind::Delta, Some(6), of(r#"{"a":"0"}"#));
        assert_eq!(older, None);
        let equal = merge.take(TickerKind::Delta, Some(7), of(r#"{"b":"9","d":"4"}"#));
        let (is_complete, members) = equal.unwrap();
        assert!(is_complete);
        assert_eq!(
            members.to_json(|_| true),
            r#"{"a":"2","b":"9","c":"3","d":"4"}"#
        );
        merge.forget();
        assert_eq!(merge.text("a"), None);
    }
}
