//! What SQLite says, as what a person can do about it.
//!
//! Always true: the message names what was tried, the file, and the remedy; the cause is the source. Whether
//! waiting can help goes by SQLite's code alone.
//!
//! Not here: how often anything is tried again.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::feed::bybit::StoreError;

/// Turns what SQLite says into an error about that file: `operation` as in `write to`.
pub(super) fn failed<'a>(
    operation: &'a str,
    path: &'a Path,
) -> impl Fn(rusqlite::Error) -> StoreError + 'a {
    move |error| {
        let (why, is_passing) = reason(&error);
        StoreError {
            what: format!("{operation} {}: {why}", path.display()),
            is_passing,
            source: Some(Box::new(error)),
        }
    }
}

/// An error that is no answer of SQLite's.
pub(super) fn refused(operation: &str, path: &Path, why: &str) -> StoreError {
    StoreError {
        what: format!("{operation} {}: {why}", path.display()),
        is_passing: false,
        source: None,
    }
}

/// What it means, what to do, and whether it may pass.
fn reason(error: &rusqlite::Error) -> (&'static str, bool) {
    let Some(code) = error.sqlite_error_code() else {
        return (
            "it has something that this program does not write: it was changed by another one",
            false,
        );
    };
    match code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => (
            "another program has it locked: let that one end its transaction",
            true,
        ),
        ErrorCode::DiskFull => ("the disk is full: make room", true),
        ErrorCode::SystemIoFailure => {
            ("the disk fails: see what the system's log says of it", true)
        }
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => (
            "it may not be written: give this user the right to write it and its folder",
            true,
        ),
        ErrorCode::CannotOpen => (
            "it cannot be opened: see that its folder is there and that this user may write it",
            true,
        ),
        ErrorCode::OutOfMemory => ("there is no memory left", true),
        ErrorCode::FileLockingProtocolFailed | ErrorCode::SchemaChanged => {
            ("another program changed it at the same moment", true)
        }
        ErrorCode::DatabaseCorrupt => (
            "it is damaged: move it away and begin another one; `sqlite3 FILE .recover` saves what can be read",
            false,
        ),
        ErrorCode::NotADatabase => (
            "it is no SQLite database: move it away, or name another file",
            false,
        ),
        _ => ("the database does not take it", false),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rusqlite::ffi;

    use super::failed;

    #[test]
    fn what_may_pass_goes_by_the_code() {
        for (code, is_passing, word) in [
            (ffi::SQLITE_BUSY, true, "locked"),
            (ffi::SQLITE_BUSY_SNAPSHOT, true, "locked"),
            (ffi::SQLITE_LOCKED, true, "locked"),
            (ffi::SQLITE_FULL, true, "make room"),
            (ffi::SQLITE_IOERR_FSYNC, true, "the disk fails"),
            (ffi::SQLITE_READONLY_DBMOVED, true, "may not be written"),
            (ffi::SQLITE_CANTOPEN, true, "folder"),
            (ffi::SQLITE_CORRUPT, false, ".recover"),
            (ffi::SQLITE_CORRUPT_VTAB, false, ".recover"),
            (ffi::SQLITE_NOTADB, false, "no SQLite database"),
            (ffi::SQLITE_CONSTRAINT, false, "does not take it"),
        ] {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            let error = failed("write to", Path::new("recorder.db"))(error);
            assert_eq!(error.is_passing, is_passing, "{code}");
            assert!(error.what.starts_with("write to recorder.db: "), "{error}");
            assert!(error.what.contains(word), "{error}");
            assert!(error.source.is_some());
        }
    }
}
