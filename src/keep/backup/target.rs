//! Where backups go, as it is named: a folder, or a folder on another host.
//!
//! Always true: nothing that is named can be taken for an option by `ssh` or `rsync`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where backups go.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A folder of another one, over ssh.
    Remote(Remote),
}

/// A folder of another host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// `host` or `user@host`, as ssh takes it.
    login: String,
    /// From the home folder on, where it does not begin with `/`.
    path: String,
}

/// A text that names no target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} {why}")]
pub struct TargetError {
    text: String,
    why: &'static str,
}

impl Remote {
    /// `host` or `user@host`.
    #[must_use]
    pub fn login(&self) -> &str {
        &self.login
    }

    /// The folder there.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    fn parse(login: &str, path: &str) -> Result<Remote, &'static str> {
        let (user, host) = match login.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, login),
        };
        let is_plain = |it: &str| {
            let plain = |it: u8| it.is_ascii_alphanumeric() || b"._-:[]%+".contains(&it);
            !it.is_empty() && it.bytes().all(plain)
        };
        if host.starts_with('-') || user.is_some_and(|it| it.starts_with('-')) {
            return Err("has a host or a user that begins with `-`");
        }
        if !is_plain(host) || !user.is_none_or(is_plain) {
            return Err("has no plain host: write USER@HOST:FOLDER");
        }
        if path.chars().any(char::is_control) {
            return Err("has a control character in it");
        }
        let path = path.strip_prefix("~/").unwrap_or(path);
        let path = path.trim_end_matches('/');
        let path = match path {
            "" => return Err("has no folder behind the host"),
            // No option of any program there.
            path if path.starts_with('-') => format!("./{path}"),
            path => path.to_owned(),
        };
        Ok(Remote {
            login: login.to_owned(),
            path,
        })
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Target, TargetError> {
        let wrong = |why| TargetError {
            text: text.to_owned(),
            why,
        };
        if text.trim().is_empty() {
            return Err(wrong("names no folder"));
        }
        // As rsync and scp tell them apart; an IPv6 address has its colons in brackets.
        let after_address = text.find("]:").map(|it| it + 1);
        let colon = after_address.or_else(|| text.find(':'));
        let remote = colon.and_then(|it| text.split_at_checked(it));
        match remote {
            Some((login, path)) if !login.contains('/') => {
                let path = path.strip_prefix(':').unwrap_or(path);
                Ok(Target::Remote(Remote::parse(login, path).map_err(wrong)?))
            }
            _ => Ok(Target::Folder(PathBuf::from(text))),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Folder(folder) => write!(f, "{}", folder.display()),
            Target::Remote(remote) => write!(f, "{}:{}", remote.login, remote.path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_and_a_host_are_told_apart() {
        let folder = |text: &str| {
            let target: Target = text.parse().unwrap();
            assert_eq!(target, Target::Folder(PathBuf::from(text)));
        };
        folder("/mnt/backup");
        folder("backup");
        folder("./a:b");
        let remote = |text: &str, login: &str, path: &str| match text.parse().unwrap() {
            Target::Remote(remote) => assert_eq!((remote.login(), remote.path()), (login, path)),
            other => panic!("{other:?}"),
        };
        remote("bot@vault:/srv/tj/", "bot@vault", "/srv/tj");
        remote("vault:~/tj", "vault", "tj");
        remote("bot@[::1]:tj", "bot@[::1]", "tj");
        remote("vault:-rf", "vault", "./-rf");
    }

    #[test]
    fn what_could_be_an_option_or_a_command_is_refused() {
        for text in [
            "-oProxyCommand=touch x:y",
            "-e:y",
            "-x@host:y",
            "a@-x:y",
            "a b:y",
            "$(x):y",
            "a;b:y",
            ":y",
            "a@:y",
            "host:",
            "host:/",
            "host:a\nb",
            "",
            "  ",
        ] {
            let refused = text.parse::<Target>();
            assert!(refused.is_err(), "{text:?}: {refused:?}");
        }
    }
}
