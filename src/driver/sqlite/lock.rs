//! That one capture alone writes a database.
//!
//! A file beside the database, `recorder.db.lock`, is locked for as long as the capture runs; in it stands
//! the number of the process that has it.
//!
//! Always true: the lock goes with the process, however it ends. The file stays, and means nothing by itself.
//!
//! Not here: SQLite's own locks, which last for a transaction.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use fs2::FileExt;

use super::error::refused;
use crate::feed::bybit::StoreError;

/// As many digits as are read of whoever has it.
const HOLDER_LEN_MAX: u64 = 20;

/// Held for as long as it lives.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    pub(super) fn take(database: &Path) -> Result<Lock, StoreError> {
        let path = beside(database);
        let failed = |error: std::io::Error| StoreError {
            what: format!("lock {}", path.display()),
            is_passing: false,
            source: Some(Box::new(error)),
        };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path).map_err(failed)?;
        match file.try_lock_exclusive() {
            Ok(()) => {}
            Err(error) if error.kind() == fs2::lock_contended_error().kind() => {
                return Err(refused("open", database, &holder(&file)));
            }
            Err(error) => return Err(failed(error)),
        }
        file.set_len(0).map_err(failed)?;
        file.rewind().map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Lock { _file: file })
    }
}

/// Whether a capture has it now.
pub(super) fn is_taken(database: &Path) -> bool {
    // Shared, and let go at once: whoever only looks is in nobody's way.
    let Ok(file) = File::open(beside(database)) else {
        return false;
    };
    let contended = fs2::lock_contended_error().kind();
    FileExt::try_lock_shared(&file).is_err_and(|it| it.kind() == contended)
}

/// The real file's neighbour: two names of one database have one lock.
fn beside(database: &Path) -> PathBuf {
    let real = database.canonicalize().ok().or_else(|| {
        let folder = database.parent()?;
        let folder = match folder.as_os_str().is_empty() {
            true => Path::new("."),
            false => folder,
        };
        Some(folder.canonicalize().ok()?.join(database.file_name()?))
    });
    let mut name = real.unwrap_or_else(|| database.to_owned()).into_os_string();
    name.push(".lock");
    PathBuf::from(name)
}

fn holder(file: &File) -> String {
    let mut text = String::new();
    let read = file.take(HOLDER_LEN_MAX).read_to_string(&mut text);
    match text.trim().parse::<u32>() {
        Ok(process) if read.is_ok() => format!(
            "another capture has it, process {process}: end that one, or name another database"
        ),
        _ => "another capture has it: end that one, or name another database".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Lock, is_taken};

    #[test]
    fn the_second_hears_who_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recorder.db");
        let held = Lock::take(&path).unwrap();
        let error = Lock::take(&path).unwrap_err();
        let text = format!("process {}", std::process::id());
        assert!(error.what.contains(&text), "{error}");
        assert!(!error.is_passing);
        #[cfg(unix)]
        {
            std::fs::File::create(&path).unwrap();
            let link = folder.path().join("link.db");
            std::os::unix::fs::symlink(&path, &link).unwrap();
            assert!(Lock::take(&link).is_err(), "another name of the same one");
        }
        assert!(is_taken(&path));
        drop(held);
        assert!(!is_taken(&path));
        assert!(Lock::take(&path).is_ok());
    }
}
