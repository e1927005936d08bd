//! Who holds a stream's lock, without touching the lock.
//!
//! Always true: looking never takes the lock, not even for a moment, so that a bot that opens its
//! stream just then is not refused.
//!
//! Not here: what the lock is for.

use std::{fs, io, os::unix::fs::MetadataExt, path::Path};

use serde::Serialize;

/// What can be told of a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "pid")]
pub(crate) enum Holder {
    /// Nobody holds it.
    Free,
    /// A process holds it; its number, where it is known.
    Held(Option<u32>),
    /// The system does not tell.
    Unknown,
}

/// Who holds the lock on the file `path`.
pub(crate) fn of(path: &Path) -> Holder {
    let file = match fs::metadata(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Holder::Free,
        Err(_) => return Holder::Unknown,
    };
    match fs::read_to_string("/proc/locks") {
        Ok(locks) => held(&locks, file.ino(), named(path)),
        Err(_) => Holder::Unknown,
    }
}

/// The process that the lock file names, which proves nothing alone.
fn named(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Looks for a lock on that inode. Two file systems may use one number, so the process that the
/// file names has to be the one of the lock, where the kernel tells that.
fn held(locks: &str, inode: u64, named: Option<u32>) -> Holder {
    let end = format!(":{inode}");
    let found = locks.lines().any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "FLOCK", _, _, pid, file, ..] = *words.as_slice() else {
            return false;
        };
        let pid: Option<u32> = pid.parse().ok().filter(|it| *it != 0);
        file.ends_with(&end) && (pid.is_none() || named.is_none() || pid == named)
    });
    match found {
        true => Holder::Held(named),
        false => Holder::Free,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_of_the_file_is_found() {
        let locks = "1: POSIX  ADVISORY  WRITE 77 08:01:1234 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 4711 08:01:9876 0 EOF\n";
        assert_eq!(held(locks, 9876, Some(4711)), Holder::Held(Some(4711)));
        assert_eq!(held(locks, 9876, None), Holder::Held(None));
        assert_eq!(held(locks, 9876, Some(5)), Holder::Free);
        assert_eq!(held(locks, 876, Some(4711)), Holder::Free);
        assert_eq!(held(locks, 1234, Some(77)), Holder::Free);
    }
}
