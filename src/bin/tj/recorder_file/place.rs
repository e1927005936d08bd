//! Where a database is and where an exchange is, as settings write them.
//!
//! Always true: nothing is sent over a line that others can read, unless it does not leave the machine.
//!
//! Not here: whether anything is there.

use std::net::IpAddr;
use std::path::PathBuf;

/// The file of `sqlite:///recorder.db`, `sqlite:////srv/recorder.db` or a plain path.
pub(super) fn database(text: &str) -> Result<PathBuf, String> {
    let path = match text.split_once("://") {
        None => text,
        Some(("sqlite", rest)) => match rest.strip_prefix('/') {
            Some(path) => path,
            None => {
                return Err("has two slashes where three belong: sqlite:///recorder.db".to_owned());
            }
        },
        Some((scheme, _)) => {
            return Err(format!(
                "is of {scheme}, and a capture is kept in SQLite: sqlite:///recorder.db"
            ));
        }
    };
    if path.contains(['?', '\0']) {
        return Err("is a file alone, without options: sqlite:///recorder.db".to_owned());
    }
    if path.is_empty() || path.ends_with('/') || path == ":memory:" {
        return Err("names a file: sqlite:///recorder.db".to_owned());
    }
    Ok(PathBuf::from(path))
}

/// A host as `wss://stream.bybit.com`: `secure` and `plain` are its schemes, and the second is for this
/// machine alone.
pub(super) fn host(text: &str, secure: &str, plain: &str) -> Result<String, String> {
    let wanted = || format!("is a full URL such as {secure}://HOST, without a path");
    let (scheme, rest) = text.split_once("://").ok_or_else(wanted)?;
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    let (name, port) = split_port(authority).ok_or_else(wanted)?;
    let is_name = |it: u8| it.is_ascii_alphanumeric() || b".-:".contains(&it);
    let is_port = port.is_none_or(|it| it.parse::<u16>().is_ok_and(|it| it != 0));
    if name.is_empty() || !name.bytes().all(is_name) || !is_port {
        return Err(wanted());
    }
    let is_here = name == "localhost" || name.parse().is_ok_and(|it: IpAddr| it.is_loopback());
    match scheme {
        it if it == secure => {}
        it if it == plain && is_here => {}
        it if it == plain => {
            return Err(format!(
                "is {plain}:// to another machine, which others can read: write {secure}://{authority}"
            ));
        }
        _ => return Err(wanted()),
    }
    Ok(format!("{scheme}://{authority}"))
}

/// The name and the port of `name:port` or `[address]:port`.
fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (name, rest) = rest.split_once(']')?;
        return match rest.strip_prefix(':') {
            Some(port) => Some((name, Some(port))),
            None => rest.is_empty().then_some((name, None)),
        };
    }
    match authority.split_once(':') {
        Some((_, port)) if port.contains(':') => None,
        Some((name, port)) => Some((name, Some(port))),
        None => Some((authority, None)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_database_is_a_file() {
        for (text, path) in [
            ("sqlite:///recorder.db", "recorder.db"),
            ("sqlite:///data/recorder.db", "data/recorder.db"),
            ("sqlite:////srv/recorder.db", "/srv/recorder.db"),
            ("recorder.db", "recorder.db"),
            ("/srv/recorder.db", "/srv/recorder.db"),
        ] {
            assert_eq!(database(text).as_deref(), Ok(Path::new(path)), "{text}");
        }
        for (text, word) in [
            ("sqlite://recorder.db", "three"),
            ("postgresql://localhost/x", "SQLite"),
            ("sqlite:///", "names a file"),
            ("sqlite:///:memory:", "names a file"),
            ("sqlite:///a.db?mode=ro", "without options"),
            ("", "names a file"),
        ] {
            assert!(database(text).unwrap_err().contains(word), "{text}");
        }
    }

    #[test]
    fn what_leaves_the_machine_is_encrypted() {
        let host = |text: &str| host(text, "wss", "ws");
        for text in [
            "wss://stream.bybit.com",
            "wss://stream.bybit.com:443",
            "ws://127.0.0.1:9000",
            "ws://localhost:9000",
            "ws://[::1]:9000",
        ] {
            assert_eq!(host(text).as_deref(), Ok(text));
        }
        assert_eq!(host("wss://a.b/").as_deref(), Ok("wss://a.b"));
        let plain = host("ws://stream.bybit.com").unwrap_err();
        assert!(plain.contains("wss://stream.bybit.com"), "{plain}");
        for text in [
            "stream.bybit.com",
            "https://stream.bybit.com",
            "wss://",
            "wss://a.b/v5",
            "wss://user@a.b",
            "wss://a.b:0",
            "wss://a.b:x",
            "wss://a b",
            "wss://a:1:2",
            "ws://127.0.0.1.evil.com",
        ] {
            assert!(host(text).is_err(), "{text}");
        }
    }
}
