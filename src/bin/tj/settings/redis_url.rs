//! The URL of a Redis, as it stands in flags and settings.
//!
//! Always true: a password in it is in nothing that is printed.
//!
//! Not here: connecting.

use std::fmt;

/// Where a Redis is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RedisUrl(String);

const SCHEMES: [&str; 7] = [
    "redis",
    "rediss",
    "valkey",
    "valkeys",
    "unix",
    "redis+unix",
    "valkey+unix",
];

impl RedisUrl {
    /// The URL as a whole, for whoever connects.
    #[cfg_attr(
        not(feature = "redis"),
        expect(dead_code, reason = "nobody connects without a client")
    )]
    pub(crate) fn secret(&self) -> &str {
        &self.0
    }

    pub(super) fn is_one(text: &str) -> bool {
        let scheme = text.split_once(':').map(|it| it.0);
        scheme.is_some_and(|it| SCHEMES.contains(&it))
    }

    #[cfg(feature = "redis")]
    pub(crate) fn of(text: &str) -> Result<RedisUrl, String> {
        let checked = text.parse::<tradejournal::driver::redis::Address>();
        let checked = checked.map_err(|error| error.to_string());
        checked.map(|_| RedisUrl(text.to_owned()))
    }

    #[cfg(not(feature = "redis"))]
    pub(crate) fn of(text: &str) -> Result<RedisUrl, String> {
        match RedisUrl::is_one(text) {
            true => Ok(RedisUrl(text.to_owned())),
            false => Err("no URL of a Redis, such as redis://127.0.0.1:6379/0".to_owned()),
        }
    }
}

/// Without user, password and parameters.
impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once(':').unwrap_or_default();
        let rest = rest.split_once('?').map_or(rest, |it| it.0);
        let place = rest.trim_start_matches('/').rsplit_once('@');
        match place {
            Some((_, place)) => write!(f, "{scheme}://{place}"),
            None => write!(f, "{scheme}:{rest}"),
        }
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        for (text, shown) in [
            ("redis://:a@b@host:1/2", "redis://host:1/2"),
            ("redis://bot:secret@host/2", "redis://host/2"),
            ("unix:///run/r.sock?pass=secret&db=1", "unix:///run/r.sock"),
        ] {
            let url = RedisUrl(text.to_owned());
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{url:?}"), format!("RedisUrl({shown})"));
        }
    }
}
