//! `[cache]` of `tj.toml`, and the other meaning of `--cache`: the URL of a server that keeps results.
//!
//! Not here: what such a URL is (`redis_url`).

use std::path::PathBuf;

use serde_json::Value;
use toml::de::DeTable;

use super::{Parser, RedisUrl, Setting, Source};
use crate::failure::Failure;

const KEYS: [&str; 1] = ["url"];

impl Setting<Option<RedisUrl>> {
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
) -> anyhow::Result<(Option<PathBuf>, Option<RedisUrl>)> {
    match named.as_ref().and_then(|it| it.to_str()) {
        Some(text) if RedisUrl::is_one(text) => {
            let url = RedisUrl::of(text);
            let url = url.map_err(|problem| Failure::usage(format!("{by}: {problem}")))?;
            Ok((None, Some(url)))
        }
        _ => Ok((named, None)),
    }
}

impl Parser<'_> {
    pub(super) fn cache(&mut self, table: &DeTable<'_>) -> Option<RedisUrl> {
        let mut url = None;
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "url" => {
                    let Some(text) = self.string("url", value) else {
                        continue;
                    };
                    match RedisUrl::of(text) {
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
}
