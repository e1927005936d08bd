//! Where a Redis is, out of a URL.
//!
//! Always true:
//! - What a URL asks for and this library cannot do is refused; nothing of it is ignored.
//! - A password is in no text that an address or its error has.
//!
//! Not here: reaching the server.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use redis::{ConnectionAddr, IntoConnectionInfo};

/// A server, one of its databases, and who we are to it.
///
/// ```
/// use tradejournal::driver::redis::Address;
///
/// let address: Address = "redis://bot:secret@127.0.0.1:6380/2".parse()?;
/// assert_eq!(address.to_string(), "redis://127.0.0.1:6380/2");
/// let address: Address = "unix:///run/redis/redis.sock?db=1".parse()?;
/// assert_eq!(address.to_string(), "unix:///run/redis/redis.sock?db=1");
/// # Ok::<(), tradejournal::driver::redis::AddressError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Address(
    /// Shared, since every error names its server.
    Arc<Parts>,
);

#[derive(PartialEq, Eq)]
struct Parts {
    place: Place,
    db: u32,
    user: Option<String>,
    password: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

/// Why a text is no [`Address`]. It does not repeat the text, which may have a password in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// No URL of a Redis.
    #[error(
        "no URL of a Redis, such as redis://127.0.0.1:6379/0, redis://:password@host/1 or unix:///run/redis.sock?db=0"
    )]
    Shape,
    /// A scheme for TLS.
    #[error("TLS is not built in: reach the server through a tunnel, or by redis:// or unix://")]
    Tls,
    /// No number of a database.
    #[error("a database is a number: redis://host/0, unix:///path?db=0")]
    Database,
    /// Something behind `?` that means nothing here.
    #[error("the only parameters are db, user and pass, each once, behind a unix:// path")]
    Parameter,
    /// Something behind `#`.
    #[error("nothing may stand behind a #, which in a password is written %23")]
    Fragment,
}

impl Address {
    /// Where that is.
    pub(super) fn place(&self) -> &Place {
        &self.0.place
    }

    /// The number of its database.
    #[must_use]
    pub fn db(&self) -> u32 {
        self.0.db
    }

    /// Who we are, and the word that proves it.
    pub(super) fn credentials(&self) -> Option<(Option<&str>, &str)> {
        let password = self.0.password.as_deref()?;
        Some((self.0.user.as_deref(), password))
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        let url = redis::parse_redis_url(text).ok_or(AddressError::Shape)?;
        let is_unix = match url.scheme() {
            "redis" | "valkey" => false,
            "unix" | "redis+unix" | "valkey+unix" => true,
            _ => return Err(AddressError::Tls),
        };
        if url.fragment().is_some() {
            return Err(AddressError::Fragment);
        }
        let mut known = if is_unix {
            vec!["db", "user", "pass"]
        } else {
            Vec::new()
        };
        for (name, _) in url.query_pairs() {
            let place = known.iter().position(|it| *it == name);
            known.swap_remove(place.ok_or(AddressError::Parameter)?);
        }
        // A user without a password would be left out without a word.
        let has_user = !url.username().is_empty() || !known.contains(&"user") && is_unix;
        let has_password = url.password().is_some() || !known.contains(&"pass") && is_unix;
        let is_elsewhere = is_unix && (url.has_host() || !url.username().is_empty());
        if is_elsewhere || has_user && !has_password {
            return Err(AddressError::Shape);
        }
        let db = match is_unix {
            true => url.query_pairs().find(|it| it.0 == "db"),
            false => None,
        };
        let db = match db {
            Some((_, db)) => db.into_owned(),
            None if is_unix => "0".to_owned(),
            None => match url.path().trim_start_matches('/') {
                "" => "0".to_owned(),
                db => db.to_owned(),
            },
        };
        let is_number = db.bytes().all(|it| it.is_ascii_digit());
        let db = db.parse().ok().filter(|_| is_number);
        let db = db.ok_or(AddressError::Database)?;
        // What is left is decoded there: its errors may repeat the text.
        let info = text.into_connection_info();
        let info = info.map_err(|_| AddressError::Shape)?;
        let place = match info.addr() {
            ConnectionAddr::Tcp(host, port) => Place::Tcp {
                host: host.clone(),
                port: *port,
            },
            ConnectionAddr::Unix(path) if path != Path::new("/") => Place::Unix(path.clone()),
            _ => return Err(AddressError::Shape),
        };
        let settings = info.redis_settings();
        Ok(Address(Arc::new(Parts {
            place,
            db,
            user: settings.username().map(str::to_owned),
            password: settings.password().map(str::to_owned),
        })))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let db = self.db();
        match self.place() {
            Place::Tcp { host, port } if host.contains(':') => {
                write!(f, "redis://[{host}]:{port}/{db}")
            }
            Place::Tcp { host, port } => write!(f, "redis://{host}:{port}/{db}"),
            Place::Unix(path) => write!(f, "unix://{}?db={db}", path.display()),
        }
    }
}

/// Without user and password, as everywhere.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        text.parse::<Address>().unwrap().to_string()
    }

    fn refused(text: &str) -> AddressError {
        text.parse::<Address>().unwrap_err()
    }

    #[test]
    fn what_a_url_leaves_out_is_filled_in() {
        assert_eq!(shown("redis://127.0.0.1"), "redis://127.0.0.1:6379/0");
        assert_eq!(shown("redis://localhost/"), "redis://localhost:6379/0");
        assert_eq!(shown("valkey://[::1]:7000/15"), "redis://[::1]:7000/15");
        assert_eq!(shown("unix:///run/r.sock"), "unix:///run/r.sock?db=0");
        assert_eq!(
            shown("redis+unix:///run/r.sock?db=3&user=bot&pass=x"),
            "unix:///run/r.sock?db=3"
        );
    }

    #[test]
    fn user_and_password_are_decoded() {
        let address: Address = "redis://bot:a%2Fb%23c@h/1".parse().unwrap();
        assert_eq!(address.credentials(), Some((Some("bot"), "a/b#c")));
        let address: Address = "redis://:secret@h".parse().unwrap();
        assert_eq!(address.credentials(), Some((None, "secret")));
        let address: Address = "unix:///s?pass=secret".parse().unwrap();
        assert_eq!(address.credentials(), Some((None, "secret")));
        assert_eq!("redis://h".parse::<Address>().unwrap().credentials(), None);
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        for text in [
            "",
            "localhost:6379",
            "http://localhost",
            "redis://",
            "redis:///0",
            "redis://bot@localhost",
            "unix://",
            "unix:///",
            "unix://host/path",
            "unix:///path?user=bot",
        ] {
            assert_eq!(refused(text), AddressError::Shape, "{text}");
        }
        assert_eq!(refused("rediss://localhost"), AddressError::Tls);
        assert_eq!(refused("valkeys://localhost"), AddressError::Tls);
        for text in [
            "redis://h/x",
            "redis://h/-1",
            "redis://h/+1",
            "redis://h/0/1",
            "redis://h/4294967296",
            "unix:///p?db=",
            "unix:///p?db=one",
        ] {
            assert_eq!(refused(text), AddressError::Database, "{text}");
        }
        assert_eq!(refused("redis://h?db=1"), AddressError::Parameter);
        assert_eq!(refused("redis://h?protocol=resp3"), AddressError::Parameter);
        assert_eq!(refused("unix:///p?db=1&db=2"), AddressError::Parameter);
        assert_eq!(refused("redis://h/0#insecure"), AddressError::Fragment);
    }

    #[test]
    fn a_password_is_never_shown() {
        for text in [
            "redis://bot:hunter2@h/0",
            "redis://:hunter2@h/x",
            "rediss://:hunter2@h",
            "unix:///p?pass=hunter2",
            "unix:///p?pass=hunter2&x=1",
            "redis://:hunter2@",
            "redis://:hunter2@h/0#x",
            "hunter2",
        ] {
            let told = match text.parse::<Address>() {
                Ok(address) => format!("{address} {address:?} {:#?}", Some(&address)),
                Err(error) => format!("{error} {error:?}"),
            };
            assert!(!told.contains("hunter2"), "{told}");
        }
    }
}
