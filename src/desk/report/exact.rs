//! Decimals in JSON: as texts, exact.

use std::fmt::Display;

use serde::Serializer;

/// As its own text.
pub(super) fn text<T: Display, S: Serializer>(value: &T, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(value)
}

/// As its own text, or null.
#[expect(clippy::ref_option, reason = "serde hands a reference to the field")]
pub(super) fn option<T: Display, S: Serializer>(
    value: &Option<T>,
    out: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => out.collect_str(value),
        None => out.serialize_none(),
    }
}
