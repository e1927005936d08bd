//! `[cache]` of `tj.toml`, and the other meaning of `--cache`: the URL of a server that keeps results.
//!
//! Always true: a password in a URL is in nothing that is printed.

use std::fmt;
use std::path::PathBuf;

use serde_json::Value;
use toml::de::DeTable;

use super::{Parser, Setting, Source};
use crate::failure::Failure;

/// Where a server is that keeps what was computed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct CacheUrl(String);

const SCHEMES: [&str; 7] = [
    "redis",
    "rediss",
    "valkey",
    "valkeys",
    "unix",
    "redis+unix",
    "valkey+unix",
];
const KEYS: [&str; 1] = ["url"];

impl CacheUrl {
    /// The URL as a whole, for whoever connects.
    #[cfg_attr(
        not(feature = "redis"),
        expect(dead_code, reason = "nobody connects without a client")
    )]
    pub(crate) fn secret(&self) -> &str {
        &self.0
    }

    fn is_one(text: &str) -> bool {
        let scheme = text.split_once(':').map(|it| it.0);
        scheme.is_some_and(|it| SCHEMES.contains(&it))
    }

    #[cfg(feature = "redis")]
    fn of(text: &str) -> Result<CacheUrl, String> {
        let checked = text.parse::<tradejournal::driver::redis::Address>();
        let checked = checked.map_err(|error| error.to_string());
        checked.map(|_| CacheUrl(text.to_owned()))
    }

    #[cfg(not(feature = "redis"))]
    fn of(text: &str) -> Result<CacheUrl, String> {
        match CacheUrl::is_one(text) {
            true => Ok(CacheUrl(text.to_owned())),
            false => Err("no URL of a Redis, such as redis://127.0.0.1:6379/0".to_owned()),
        }
    }
}

/// Without user, password and parameters.
impl fmt::Display for CacheUrl {
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

impl fmt::Debug for CacheUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CacheUrl({self})")
    }
}

impl Setting<Option<CacheUrl>> {
    /// The setting with its value, and where that is from.
    pub(crate) fn row(&self) -> (String, Value, Source) {
        let shown = self.value.as_ref().map(|it| it.to_string());
        ("cache.url".to_owned(), shown.into(), self.from)
    }
}

/// What `--cache` or `TJ_CACHE` names: a folder, or a server.
pub(super) fn split(
    named: Option<PathBuf>,
    by: &str,
) -> anyhow::Result<(Option<PathBuf>, Option<CacheUrl>)> {
    match named.as_ref().and_then(|it| it.to_str()) {
        Some(text) if CacheUrl::is_one(text) => {
            let url = CacheUrl::of(text);
            let url = url.map_err(|problem| Failure::usage(format!("{by}: {problem}")))?;
            Ok((None, Some(url)))
        }
        _ => Ok((named, None)),
    }
}

impl Parser<'_> {
    pub(super) fn cache(&mut self, table: &DeTable<'_>) -> Option<CacheUrl> {
        let mut url = None;
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "url" => {
                    let Some(text) = self.string("url", value) else {
                        continue;
                    };
                    match CacheUrl::of(text) {
                        Ok(known) => url = Some(known),
                        Err(problem) => {
                            self.problem(&value.span(), format!("`url` is {problem}"), None);
                        }
                    }
                }
                name => self.unknown(&key.span(), "key", name, &KEYS),
            }
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_told_from_a_server() {
        let (folder, url) = split(Some(PathBuf::from("cache")), "--cache").unwrap();
        assert_eq!((folder, url), (Some(PathBuf::from("cache")), None));
        let named = PathBuf::from("redis://127.0.0.1:6379/0");
        let (folder, url) = split(Some(named), "--cache").unwrap();
        assert_eq!(folder, None);
        assert_eq!(url.unwrap().to_string(), "redis://127.0.0.1:6379/0");
        // A folder may be called as it likes.
        let (folder, url) = split(Some(PathBuf::from("redis")), "--cache").unwrap();
        assert!(folder.is_some() && url.is_none());
        assert_eq!(split(None, "--cache").unwrap(), (None, None));
    }

    #[test]
    fn a_password_is_not_shown() {
        for (text, shown) in [
            ("redis://:a@b@host:1/2", "redis://host:1/2"),
            ("redis://bot:secret@host/2", "redis://host/2"),
            ("unix:///run/r.sock?pass=secret&db=1", "unix:///run/r.sock"),
        ] {
            let url = CacheUrl(text.to_owned());
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{url:?}"), format!("CacheUrl({shown})"));
        }
    }
}
