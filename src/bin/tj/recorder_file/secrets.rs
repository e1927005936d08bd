//! The key of an account and its secret.
//!
//! Always true:
//! - The environment comes first. A file has a say only where nobody but its owner may read it.
//! - A secret is in no message and in no row.
//!
//! Not here: what the exchange says of them.

use std::env;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tradejournal::feed::bybit::Keys;

use super::Problems;
use crate::settings::{Problem, Source};

pub(super) const SECTION: &str = "account.";
pub(super) const KEYS: [&str; 2] = ["api_key", "api_secret"];
const VARIABLES: [&str; 2] = ["TJ_BYBIT_API_KEY", "TJ_BYBIT_API_SECRET"];
/// What examples have in the place of a secret.
const PLACEHOLDERS: [&str; 2] = ["YOUR_API_KEY", "YOUR_API_SECRET"];
/// A key that is shorter is not shown in part.
const SHOWN_LEN_MIN: usize = 12;

/// What of the environment has a say.
#[derive(Clone, Default)]
pub(crate) struct Env {
    pub(crate) config: Option<PathBuf>,
    pub(crate) key: Option<String>,
    pub(crate) secret: Option<String>,
}

impl Env {
    pub(crate) fn of_process() -> Env {
        // Set but empty is the shell's way to say unset.
        let value = |name: &str| env::var_os(name).filter(|it| !it.is_empty());
        let [key, secret] =
            VARIABLES.map(|name| value(name).map(|it| it.to_string_lossy().into_owned()));
        Env {
            config: value("RECORDER_CONFIG_PATH").map(PathBuf::from),
            key,
            secret,
        }
    }
}

/// Whose account is recorded.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) keys: Keys,
    key_from: Source,
    secret_from: Source,
}

/// What a file says of an account: each with its line.
#[derive(Default)]
pub(super) struct Written {
    pub(super) key: Option<(String, usize)>,
    pub(super) secret: Option<(String, usize)>,
    /// Of the section, if there is one.
    pub(super) line: Option<usize>,
}

/// A value that may be a secret, and where it is from.
struct Found {
    text: String,
    from: Source,
    /// Of the file.
    line: usize,
}

/// The account that is meant, if any.
pub(super) fn account(written: Written, env: &Env, problems: &mut Problems) -> Option<Account> {
    let section = written.line;
    let key = found(env.key.clone(), written.key);
    let secret = found(env.secret.clone(), written.secret);
    for (place, value) in [&key, &secret].into_iter().enumerate() {
        let (Some(name), Some(variable)) = (KEYS.get(place), VARIABLES.get(place)) else {
            continue;
        };
        match value {
            Some(value) => see(value, name, variable, problems),
            None if section.is_some() || key.is_some() || secret.is_some() => {
                let text = format!("an account without `{name}`");
                let hint = format!("set {variable}, or leave the account out");
                say(section, text, hint, problems);
            }
            None => {}
        }
    }
    let (key, secret) = (key?, secret?);
    let from_file = [&key, &secret]
        .into_iter()
        .find(|it| it.from == Source::File);
    if let Some(value) = from_file {
        see_mode(value.line, problems);
    }
    let keys = Keys::new(&key.text, &secret.text)?;
    Some(Account {
        keys,
        key_from: key.from,
        secret_from: secret.from,
    })
}

fn found(env: Option<String>, file: Option<(String, usize)>) -> Option<Found> {
    let env = env.map(|text| Found {
        text,
        from: Source::Env,
        line: 0,
    });
    let file = file.map(|(text, line)| Found {
        text,
        from: Source::File,
        line,
    });
    env.or(file)
}

/// Whether it can be one at all.
fn see(value: &Found, name: &str, variable: &str, problems: &mut Problems) {
    let is_placeholder = |it: &&str| it.eq_ignore_ascii_case(value.text.trim());
    let (text, hint) = if PLACEHOLDERS.iter().any(is_placeholder) {
        ("is the placeholder of an example", "write your own")
    } else if Keys::new(&value.text, &value.text).is_none() {
        (
            "is empty, or has a character that no key has",
            "copy it as the exchange shows it",
        )
    } else {
        return;
    };
    let (line, name) = match value.from {
        Source::File => (Some(value.line), name),
        _ => (None, variable),
    };
    say(line, format!("`{name}` {text}"), hint.to_owned(), problems);
}

fn say(line: Option<usize>, problem: String, hint: String, problems: &mut Problems) {
    match line {
        Some(line) => problems.in_file.push(Problem {
            line,
            problem,
            hint: Some(hint),
        }),
        None => problems.elsewhere.push(format!("{problem} ({hint})")),
    }
}

/// Whether others may read the file.
#[cfg(unix)]
fn see_mode(line: usize, problems: &mut Problems) {
    use std::os::unix::fs::PermissionsExt as _;

    let path = problems.file.clone();
    // A file that is gone by now was read; nobody knows who else could.
    let mode = std::fs::metadata(&path).map_or(0o777, |it| it.permissions().mode() & 0o777);
    if mode & 0o077 != 0 {
        let problem = format!("a secret in a file that others may read: its mode is {mode:04o}");
        say(Some(line), problem, chmod(&path), problems);
    }
}

#[cfg(not(unix))]
fn see_mode(_line: usize, _problems: &mut Problems) {}

#[cfg(unix)]
fn chmod(path: &Path) -> String {
    let [key, secret] = VARIABLES;
    format!(
        "chmod 600 {}; or take the account out and set {key} and {secret}",
        path.display()
    )
}

/// The account as it is shown.
pub(super) fn rows(account: Option<&Account>) -> [(String, Value, Source); 2] {
    let [key, secret] = KEYS.map(|it| format!("{SECTION}{it}"));
    match account {
        None => [
            (key, Value::Null, Source::Default),
            (secret, Value::Null, Source::Default),
        ],
        Some(account) => [
            (key, masked(account.keys.key()).into(), account.key_from),
            (secret, "set".into(), account.secret_from),
        ],
    }
}

/// Enough of a key to tell it from others.
fn masked(key: &str) -> String {
    let (head, tail) = (
        key.get(..4),
        key.len().checked_sub(3).and_then(|it| key.get(it..)),
    );
    match (head, tail) {
        (Some(head), Some(tail)) if SHOWN_LEN_MIN <= key.len() => format!("{head}...{tail} (set)"),
        _ => "set".to_owned(),
    }
}
