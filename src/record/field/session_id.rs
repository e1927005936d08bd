//! The id of one run of a bot.

use std::{fmt, str::FromStr};

use uuid::Uuid;

use crate::record::field::{Field, Wrong};

const RULE: &str = "must be a UUID such as \"550e8400-e29b-41d4-a716-446655440000\"";
const LEN: usize = 36;

/// The UUID of one run of a bot; written in lower case with hyphens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(Uuid);

impl SessionId {
    /// Its UUID.
    #[must_use]
    pub fn uuid(self) -> Uuid {
        self.0
    }

    /// Reads the hyphenated form, in either case.
    #[inline]
    pub(crate) fn of(text: &[u8]) -> Option<SessionId> {
        // The crate reads other forms too; a journal has one.
        if text.len() != LEN {
            return None;
        }
        Uuid::try_parse_ascii(text).ok().map(SessionId)
    }
}

impl From<Uuid> for SessionId {
    fn from(uuid: Uuid) -> SessionId {
        SessionId(uuid)
    }
}

impl FromStr for SessionId {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<SessionId, Wrong> {
        SessionId::of(text.as_bytes()).ok_or_else(|| Wrong::new(RULE, format_args!("{text:?}")))
    }
}

impl TryFrom<&str> for SessionId {
    type Error = Wrong;

    fn try_from(text: &str) -> Result<SessionId, Wrong> {
        text.parse()
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0.hyphenated().encode_lower(&mut [0; LEN]))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Field for SessionId {
    #[inline]
    fn read(json: &str) -> Result<SessionId, Wrong> {
        let text = json.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
        text.and_then(|it| SessionId::of(it.as_bytes()))
            .ok_or_else(|| Wrong::new(RULE, json))
    }

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        let mut text = [0; LEN];
        self.0.hyphenated().encode_lower(&mut text);
        out.push(b'"');
        out.extend_from_slice(&text);
        out.push(b'"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_hyphenated_form_is_an_id() {
        let text = "550e8400-e29b-41d4-a716-446655440000";
        assert_eq!(text.parse::<SessionId>().unwrap().to_string(), text);
        assert_eq!(
            text.to_uppercase()
                .parse::<SessionId>()
                .unwrap()
                .to_string(),
            text
        );
        for wrong in [
            "",
            "550e8400e29b41d4a716446655440000",
            "{550e8400-e29b-41d4-a716-446655440000}",
            "urn:uuid:550e8400-e29b-41d4-a716-446655440000",
            "550e8400-e29b-41d4-a716-44665544000g",
            "550e8400-e29b-41d4-a716-4466554400000",
            "550e-8400-e29b41d4-a716-446655440000",
        ] {
            assert!(wrong.parse::<SessionId>().is_err(), "{wrong}");
        }
    }
}
