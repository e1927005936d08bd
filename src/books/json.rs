//! How exact values stand in JSON.
//!
//! Always true: a decimal is a string with all its digits, a time is RFC 3339, what is missing is null.

use std::fmt::Display;

use serde::Serializer;

/// As its text.
pub(crate) fn text<T: Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

/// As its text, or null.
pub(crate) fn text_or_null<T: Display, S: Serializer>(
    value: &Option<T>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => to.collect_str(value),
        None => to.serialize_none(),
    }
}
