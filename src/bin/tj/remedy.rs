//! What a person can do about an error of the library.
//!
//! Always true: only where there is something to do; the error itself is told elsewhere.

use std::{error::Error, io, sync::Arc};

use tradejournal::evidence::KeyError;
use tradejournal::journal::{AppendError, IdentityError, OpenError, RecoverError};
use tradejournal::keep::LockError;

/// The remedy for one error of a chain.
pub(crate) fn of(cause: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = cause.downcast_ref::<OpenError>() {
        return of_open(error);
    }
    if let Some(error) = cause.downcast_ref::<AppendError>() {
        return of_append(error);
    }
    if let Some(error) = cause.downcast_ref::<IdentityError>() {
        return of_identity(error);
    }
    if let Some(error) = cause.downcast_ref::<KeyError>() {
        return of_key(error);
    }
    if let Some(error) = cause.downcast_ref::<LockError>() {
        return of_lock(error);
    }
    let shared = cause.downcast_ref::<Arc<RecoverError>>().map(|it| &**it);
    if let Some(error) = cause.downcast_ref::<RecoverError>().or(shared) {
        return of_recover(error);
    }
    of_io(cause.downcast_ref::<io::Error>()?)
}

fn of_open(error: &OpenError) -> Option<String> {
    match error {
        OpenError::Locked { pid: Some(pid), .. } => Some(format!(
            "process {pid} writes this stream; wait for it, or stop it. Reading needs no lock"
        )),
        OpenError::Locked { pid: None, .. } => {
            Some("another process writes this stream; `tj status` may know which".to_owned())
        }
        OpenError::NotOurs { owner, .. } => Some(format!("run it as user {owner}")),
        _ => None,
    }
}

/// What whoever would keep a journal can do.
fn of_lock(error: &LockError) -> Option<String> {
    match error {
        LockError::Foreign { owner, .. } => Some(format!("run it as user {owner}")),
        LockError::Running { .. } => Some("wait for it to end".to_owned()),
        _ => None,
    }
}

fn of_append(error: &AppendError) -> Option<String> {
    match error {
        AppendError::Locked { .. } => Some("nothing was written: try again".to_owned()),
        AppendError::LowSpace { .. } => {
            Some("nothing was written: free disk space, or lower min_free_bytes in tj.toml".into())
        }
        AppendError::Unknown { stream, .. } => Some(format!(
            "`tj tail {stream}` shows which of them are there, once the disk works again"
        )),
        _ => None,
    }
}

fn of_identity(error: &IdentityError) -> Option<String> {
    match error {
        IdentityError::Newer { .. } => Some("use a newer tj".to_owned()),
        IdentityError::Missing { .. } | IdentityError::Damaged { .. } => {
            Some("restore the file JOURNAL from a backup".to_owned())
        }
        IdentityError::Other { .. } => Some(
            "name another folder with --dir, or leave [journal] name out of tj.toml".to_owned(),
        ),
        _ => None,
    }
}

fn of_key(error: &KeyError) -> Option<String> {
    match error {
        KeyError::Missing { .. } => Some("`tj key init` makes a key".to_owned()),
        KeyError::OutOfRing { .. } => {
            Some("`tj key renew --root FILE` adds a year of keys".to_owned())
        }
        KeyError::Behind { .. } => Some(
            "set the clock right; if it had run ahead, `tj key renew --root FILE --fresh` begins anew today"
                .to_owned(),
        ),
        KeyError::OtherRoot { .. } => {
            Some("if its root key is lost, `tj key replace-root` makes another".to_owned())
        }
        _ => None,
    }
}

fn of_recover(error: &RecoverError) -> Option<String> {
    match error {
        RecoverError::Damaged { .. } | RecoverError::HeadLine { .. } => Some(
            "`tj verify` and `tj repair STREAM` explain the damage; restore the day from a backup, or record it with --accept"
                .to_owned(),
        ),
        RecoverError::Unchained { .. } => Some(
            "move the older log out of the folder and take it in with `tj import trades FILE`".to_owned(),
        ),
        RecoverError::DaysMissing { .. } => {
            Some("restore the days from a backup".to_owned())
        }
        _ => None,
    }
}

fn of_io(error: &io::Error) -> Option<String> {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            Some("the files of a journal are its owner's alone; run it as that user".to_owned())
        }
        io::ErrorKind::StorageFull => Some("free disk space".to_owned()),
        io::ErrorKind::ReadOnlyFilesystem => Some("mount the disk writable".to_owned()),
        _ => None,
    }
}
