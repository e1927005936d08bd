//! The settings of a window as YAML: `redis` with `host`, `port`, `db` and `storage_dir`, and nothing else.
//!
//! Always true: what is not one of these is refused with the nearest that is, and with its line.
//!
//! Not here: any other setting. They are TOML.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use super::{Problem, RedisUrl, Values, WindowSettings};
use crate::nearest::nearest;

const KEYS: [&str; 4] = ["host", "port", "db", "storage_dir"];
const PORT: u64 = 6379;

/// Reads such a file: its values, or all its problems.
pub(super) fn parse(text: &str) -> Result<Values, Vec<Problem>> {
    let root: BTreeMap<String, Value> = match serde_saphyr::from_str(text) {
        Ok(root) => root,
        Err(error) => {
            let line = error
                .location()
                .map_or(1, |it| usize::try_from(it.line()).unwrap_or(1));
            // Without the excerpt of the file that follows.
            let problem = error
                .to_string()
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned();
            return Err(vec![Problem {
                line,
                problem,
                hint: None,
            }]);
        }
    };
    let mut reading = Reading {
        text,
        problems: Vec::new(),
    };
    let mut window = None;
    for (name, value) in &root {
        match (name.as_str(), value) {
            ("redis", Value::Object(redis)) => window = Some(reading.redis(redis)),
            ("redis", _) => reading.problem("redis", "`redis` is a section".to_owned(), None),
            (name, _) => reading.unknown(name, &["redis"]),
        }
    }
    if reading.problems.is_empty() {
        return Ok(Values {
            window,
            ..Values::default()
        });
    }
    reading.problems.sort_by_key(|it| it.line);
    Err(reading.problems)
}

struct Reading<'a> {
    text: &'a str,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn redis(&mut self, redis: &serde_json::Map<String, Value>) -> WindowSettings {
        for name in redis.keys().filter(|it| !KEYS.contains(&it.as_str())) {
            self.unknown(name, &KEYS);
        }
        let host = match redis.get("host") {
            None => "localhost",
            Some(Value::String(host)) if is_host(host) => host,
            Some(_) => {
                self.problem("host", "`host` is the name of a host".to_owned(), None);
                ""
            }
        };
        let port = self.number(redis, "port", PORT, 65_535);
        let db = self.number(redis, "db", 0, 1_000_000);
        let storage = match redis.get("storage_dir") {
            None => None,
            Some(Value::String(folder)) if !folder.is_empty() => Some(PathBuf::from(folder)),
            Some(_) => {
                self.problem("storage_dir", "`storage_dir` is a folder".to_owned(), None);
                None
            }
        };
        let host = match host.contains(':') {
            true => format!("[{host}]"),
            false => host.to_owned(),
        };
        let url = RedisUrl::of(&format!("redis://{host}:{port}/{db}"));
        let redis = url.map_err(|wrong| self.problem("redis", format!("`redis` is {wrong}"), None));
        WindowSettings {
            storage,
            redis: redis.ok(),
            ..WindowSettings::default()
        }
    }

    fn number(
        &mut self,
        redis: &serde_json::Map<String, Value>,
        name: &str,
        default: u64,
        max: u64,
    ) -> u64 {
        let Some(value) = redis.get(name) else {
            return default;
        };
        match value.as_u64().filter(|it| *it <= max) {
            Some(number) => number,
            None => {
                self.problem(
                    name,
                    format!("`{name}` is a whole number up to {max}"),
                    None,
                );
                default
            }
        }
    }

    fn unknown(&mut self, name: &str, known: &[&'static str]) {
        let hint = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "known in YAML: {}; everything else is TOML",
                known.join(", ")
            ),
        };
        self.problem(name, format!("unknown key `{name}`"), Some(hint));
    }

    /// At the line where the key is.
    fn problem(&mut self, key: &str, problem: String, hint: Option<String>) {
        let is_key = |line: &str| {
            let line = line.trim_start().trim_start_matches(['"', '\'']);
            line.strip_prefix(key)
                .is_some_and(|it| it.trim_start_matches(['"', '\'', ' ']).starts_with(':'))
        };
        let line = self.text.lines().position(is_key).map_or(1, |it| it + 1);
        self.problems.push(Problem {
            line,
            problem,
            hint,
        });
    }
}

/// What can stand in a URL as a host.
fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || b".-_:".contains(&it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_settings_are_read() {
        let text = "redis:\n  host: \"localhost\"\n  port: 6379\n  db: 2\n  storage_dir: \"storage\"  # files\n";
        let window = parse(text).unwrap().window.unwrap();
        assert_eq!(window.storage, Some(PathBuf::from("storage")));
        assert_eq!(
            window.redis.unwrap().to_string(),
            "redis://localhost:6379/2"
        );
        let window = parse("redis:\n  host: ::1\n").unwrap().window.unwrap();
        assert_eq!(window.redis.unwrap().to_string(), "redis://[::1]:6379/0");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let wrong = |text: &str| {
            let problems = parse(text).map(drop).unwrap_err();
            problems
                .iter()
                .map(Problem::to_string)
                .collect::<Vec<_>>()
                .join("; ")
        };
        assert_eq!(
            wrong("redis:\n  hosst: a\n  port: x\n  storage-dir: s\n"),
            "line 2: unknown key `hosst` (did you mean `host`?); \
             line 3: `port` is a whole number up to 65535; \
             line 4: unknown key `storage-dir` (did you mean `storage_dir`?)"
        );
        assert_eq!(
            wrong("rediss:\n  host: a\n"),
            "line 1: unknown key `rediss` (did you mean `redis`?)"
        );
        assert_eq!(wrong("redis: 7\n"), "line 1: `redis` is a section");
        assert!(wrong("redis: [\n").starts_with("line "));
        assert!(wrong("redis:\n  host: a\n  host: b\n").contains("uplicate"));
    }
}
